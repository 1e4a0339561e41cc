"""Speed of both back ends on this machine: `python -m osdclean.engine.export.speed`.

One frame's tiles through `runtime.Runtime`, as many as telemetry over 3 % of a picture takes, over and over, the two
back ends in turns, so that what else the machine does strikes both. Told is the least of each: what others took is not
in it.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import torch

from ..bench import table
from ..machine import cores
from ..network import Inputs
from ..runtime import Runtime

#: Tiles of 64x128 in a frame of this size.
LOADS = {"640x360": 2, "1920x1080": 16}
ROUNDS = 15


def inputs(count: int) -> Inputs:
    """Random tiles of 64x128, 4:2:0."""
    g = torch.Generator().manual_seed(1)
    return Inputs(
        luma=torch.rand(count, 4, 64, 128, generator=g),
        chroma=torch.rand(count, 4, 2, 32, 64, generator=g),
        age=torch.randint(0, 9, (count, 2, 64, 128), generator=g).float(),
        hole=(torch.rand(count, 1, 64, 128, generator=g) > 0.7).float(),
        flow=torch.randn(count, 2, 16, 32, generator=g),
    )


def main() -> None:
    made = {
        (backend, precision): Runtime("default", "cpu", precision, backend)
        for backend, precision in (("torch", "fp32"), ("onnxruntime", "fp32"), ("onnxruntime", "fp16"))
    }
    print(f"{table.machine()}; {table.versions()}\n")
    print("| load | back end | ms per frame, least | median |\n|---|---|---|---|", flush=True)
    with ThreadPoolExecutor(cores(), initializer=lambda: torch.set_num_threads(1)) as workers:
        for name, count in LOADS.items():
            given, states = [inputs(count)], {one: [None] for one in made}
            spent: dict[tuple[str, str], list[float]] = {one: [] for one in made}
            for k in range(ROUNDS + 2):
                for one, runtime in made.items():
                    begun = time.perf_counter()
                    _, _, states[one] = runtime.begin(given, states[one], workers)()
                    if k > 1:
                        spent[one].append(1e3 * (time.perf_counter() - begun))
            for (backend, precision), times in spent.items():
                print(
                    f"| {name}, {count} tiles | {backend}, {precision} | {min(times):.0f} | {median(times):.0f} |",
                    flush=True,
                )
    for runtime in made.values():
        runtime.close()


if __name__ == "__main__":
    sys.exit(main())
