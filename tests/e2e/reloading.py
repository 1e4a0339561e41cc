"""A host that loads a script again and again in one process, as editors do: frames at random, reloaded in mid-request.

    PYTHONPATH=tests python tests/e2e/reloading.py 50 [SCRIPT [NAME=VALUE ...]]

Prints one JSON object: what was seen in each reload, and what was left at the end. Without SCRIPT it loads one of its
own, small and procedural.
"""

import ctypes
import faulthandler
import gc
import hashlib
import json
import random
import runpy
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import vapoursynth as vs

#: Seconds after which a reload is taken for stuck: the stacks of all threads are told, and the process ends.
STUCK = 100
#: Frames asked for at once; how many of them are awaited differs from reload to reload.
ASKED = 6
#: As an editor's user writes it: nodes of one model, one that shows the hole; now and then a mask that is found, or a
#: mistake.
SCRIPT = """
import vapoursynth as vs
from clips import masking, moving
clip, hole = moving(length=16, cut=10, properties=True), masking()
small = {"period": 4, "warmup": 3, "lookahead": 2, "device": "cpu"}
clip.set_output(0)
vs.core.osdclean.Inpaint(clip, hole, **small).set_output(1)
vs.core.osdclean.Inpaint(clip, hole, grow=4, **small).set_output(2)
vs.core.osdclean.Inpaint(clip, hole, show=1).set_output(3)
if number % 10 == 0:
    found = vs.core.osdclean.Detect(clip, device="cpu")
    vs.core.osdclean.Inpaint(clip, found, **small).set_output(4)
if number % 10 == 5:
    raise ValueError("a mistake")
"""


class Policy(vs.EnvironmentPolicy):
    """Any number of environments; each thread has one that is current."""

    def __init__(self) -> None:
        self.here, self.alive = threading.local(), set()

    def on_policy_registered(self, api) -> None:
        self.api = api

    def on_policy_cleared(self) -> None:
        pass

    def get_current_environment(self):
        return getattr(self.here, "environment", None)

    def set_environment(self, environment):
        before = self.get_current_environment()
        self.here.environment = environment if environment in self.alive else None
        return before

    def is_alive(self, environment) -> bool:
        return environment in self.alive

    def make(self):
        self.alive.add(environment := self.api.create_environment())
        return environment

    def destroy(self, environment) -> None:
        self.alive.discard(environment)
        self.api.destroy_environment(environment)


def looked_at(chance: random.Random) -> dict[str, object]:
    """Ask for frames of the outputs at random, await some; tells what was seen."""
    outputs, begun = vs.get_outputs(), time.monotonic()
    with outputs[1].clip.get_frame(5) as frame:
        pixels = hashlib.sha256(b"".join(bytes(plane) for plane in frame)).hexdigest()
    first = time.monotonic() - begun
    asked = []
    for _ in range(ASKED):
        clip = outputs[chance.choice(list(outputs))].clip
        asked.append(clip.get_frame_async(chance.randrange(clip.num_frames)))
    for answer in asked[: chance.randrange(ASKED)]:
        answer.result().close()
    return {"pixels": pixels, "first": round(first, 3), "under way": sum(not answer.done() for answer in asked)}


def held() -> dict[str, int]:
    """Of the plugin: nodes that the host has not freed, networks that are loaded, and their users. Of the process:
    threads."""
    from osdclean.engine import runtime
    from osdclean.plugin import filters

    tasks = Path("/proc/self/task")
    return {
        "nodes": len(filters._handles),
        "models": len(runtime._shared),
        "users": sum(users for _, users in list(runtime._shared.values())),
        "threads": len(list(tasks.iterdir())) if tasks.exists() else threading.active_count(),
    }


def resident() -> int:
    """KiB of this process in memory, once its heap's free pages are given back; 0 where the system does not tell."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4
    except (OSError, AttributeError):
        return 0


def main(count: int, script: str | None = None, *given: str) -> None:
    arguments = dict(word.split("=", 1) for word in given)
    policy = Policy()
    vs.register_policy(policy)
    rows, before = [], None
    for number in range(count):
        faulthandler.dump_traceback_later(STUCK, exit=True)
        begun, chance, row = time.monotonic(), random.Random(number), {}
        # Some editors clear the script before they load it again, others once the new one stands.
        if before is not None and chance.random() < 0.3:
            policy.destroy(before)
            before = None
        environment = policy.make()
        with policy.api.wrap_environment(environment).use(), suppress(ValueError):
            if script:
                runpy.run_path(script, arguments, "__vapoursynth__")
            else:
                exec(compile(SCRIPT, "reloaded.vpy", "exec"), {"__name__": "__vapoursynth__", "number": number})
            if before is not None and chance.random() < 0.5:
                policy.destroy(before)
                before = None
            row = looked_at(chance) | held()
            if chance.random() < 0.5:
                vs.clear_outputs()
        if before is not None:
            policy.destroy(before)
        before = environment
        gc.collect()
        rows.append(row | {"seconds": round(time.monotonic() - begun, 3), "resident": resident()})
    faulthandler.dump_traceback_later(STUCK, exit=True)
    policy.destroy(before)
    del environment, before
    gc.collect()
    while held()["nodes"]:  # what was under way ends on the host's threads
        time.sleep(0.01)
    print(json.dumps({"reloads": rows, "left": held()}))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
