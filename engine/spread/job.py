"""A task done in chunks, from the plan to the finished parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..cli.coding import Task
from ..cli.failure import CommandError
from ..cli.frameserver import FrameServer
from ..cli.progress import Progress
from ..errors import ArgumentError, OsdcleanError
from . import plan
from .facts import facts
from .files import NAMES, Input, inputs
from .local import Local
from .store import Store, name_of
from .team import Runner, Team

#: Options of the encoders that count frames from the clip's first one, or write a file for the whole of it.
WHOLE = (
    "--pass", "--stats", "--qpfile", "--zones", "--zonefile", "--seek", "--frames", "--tcfile-in", "--dhdr10-info",
    "--dolby-vision-rpu", "--csv", "--analysis-save", "--analysis-load", "--index", "--recon", "--dump-yuv",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Over what a job is spread: so many workers of this machine, or those of a Dask scheduler.

    send: send the input to the workers of a cluster, instead of its path. length: frames of a chunk; None: as `plan`
    has it. Raises ArgumentError.
    """

    workers: int | None = None
    scheduler: str | None = None
    send: bool = False
    length: int | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.scheduler is not None:
            raise ArgumentError("--workers are of this machine, and --scheduler has others; give one of both")
        if self.send and self.scheduler is None:
            raise ArgumentError("--send sends the input to other machines; it needs --scheduler")
        if self.workers is None and self.scheduler is None:
            raise ArgumentError("--chunk is the length of the chunks of --workers or --scheduler; give one of them")
        if self.workers is not None and not 1 <= self.workers <= 256:
            raise ArgumentError(f"--workers must be 1 to 256, passed {self.workers}")
        if self.length is not None and self.length < 1:
            raise ArgumentError(f"--chunk must be at least 1 frame, passed {self.length}")


def check_whole(rest: Sequence[str]) -> None:
    """Raises CommandError where a user's arguments of the encoder mean the clip as a whole."""
    for word in rest:
        name = word.partition("=")[0]
        if name in WHOLE:
            raise CommandError(f"{name} means the clip as a whole, and chunks are encoded one by one; leave it out")


def done(
    spread: Spread, task: Task, period: int, cuts: Callable[[], tuple[int, ...]], target: Path, server: FrameServer,
    progress: Progress,
) -> list[Path]:  # fmt: skip
    """Encode a task in chunks; returns the files of all of them, in order, which lie beside `target`.

    period: frames of a block of the script; cuts: called for the frames where scenes start, where they are asked for;
    target: the output, whose lock is held. Raises CommandError, with finished chunks kept.
    """
    files = inputs(task.arguments, spread.send)
    clip = task.clip
    own = facts(task.coding.encoder)
    job = {
        "script": task.script,
        "arguments": {name: value for name, value in task.arguments.items() if name not in NAMES},
        "files": {each.name: asdict(each.stamp) for each in files},
        "coding": asdict(task.coding) | {"rest": list(task.coding.rest)},
        "clip": [clip.width, clip.height, clip.frames, clip.format],
        "facts": own,
    }
    bare = replace(task, clip=replace(clip, times=(), found={}))  # which a worker has no use for
    name = name_of(job)
    runner = _runner(spread, bare, files, f"{name}-{name_of(str(target.resolve()))}", server, progress)
    try:
        kept = Store(target, job, lambda: _plan(spread, task, len(runner.hands()), period, cuts))
        _finish(runner, kept, progress)
    finally:
        runner.close()
    return [kept.file(chunk) for chunk in kept.chunks]


def _runner(
    spread: Spread, task: Task, files: tuple[Input, ...], run: str, server: FrameServer, progress: Progress
) -> Runner:
    if spread.workers is not None:
        return Local(task, server, spread.workers)
    from .cluster import Cluster

    assert spread.scheduler is not None
    return Cluster(spread.scheduler, task, files, run, progress.say)


def _plan(
    spread: Spread, task: Task, hands: int, period: int, cuts: Callable[[], tuple[int, ...]]
) -> tuple[plan.Chunk, ...]:
    frames, each = task.clip.frames, 1 if "unblend" in task.arguments else plan.EACH
    return plan.chunks(frames, spread.length or plan.wanted(frames, max(1, hands), period, each), period, cuts())


def _finish(runner: Runner, kept: Store, progress: Progress) -> None:
    """Have all chunks done that are not."""
    missing = kept.missing
    before = sum(map(len, kept.chunks)) - sum(map(len, missing))
    progress.resume(before)
    if before:
        progress.say(f"{len(kept.chunks) - len(missing)} of {len(kept.chunks)} chunks were finished before")
    team = Team(runner, kept, progress.say)
    frames = sum(map(len, kept.chunks))
    try:
        while not team.over:
            team.hire(runner.hands())
            left, working, waiting = team.told()
            finished = len(kept.chunks) - working - waiting
            progress.note = f"  chunks: {finished} done, {working} in work, {waiting} waiting"
            progress.update(frames - left)
            team.wait(0.5)
        if team.error is not None:
            raise team.error
        progress.update(frames)
    except OsdcleanError as error:
        team.end()
        raise CommandError(f"{error}; {_kept_words(kept)}") from None
    except BaseException:
        team.end()
        progress.say(_kept_words(kept))
        raise
    finally:
        team.end()
        progress.close()


def _kept_words(kept: Store) -> str:
    count = len(kept.chunks)
    return f"{count - len(kept.missing)} of {count} chunks are finished and kept: the same command goes on with them"
