"""What runs on a worker of a Dask cluster: called there by `cluster`, which lives in the user's process.

One run has one folder in the worker's own temporary folder, with the files that were sent and the chunks that wait to
be fetched. It goes with the run, or with the worker.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..cli.coding import Task
from ..cli.failure import CommandError
from ..cli.frameserver import FrameServer
from ..errors import OsdcleanError
from . import chunk as chunks
from .facts import facts, numbers
from .files import Input, Stamp, stamp_of
from .plan import Chunk

#: What runs in this process, by the run's folder.
_running: dict[Path, chunks.Running] = {}


@dataclass(frozen=True, kw_only=True)
class Greeting:
    """What a worker says of itself. seen: of each input that is to be seen here its stamp, or why it has none;
    lacking: places in the list of inputs of those that are to be sent."""

    facts: dict[str, str]
    numbers: str
    seen: tuple[Stamp | str | None, ...]
    lacking: tuple[int, ...]


def greet(run: str, task: Task, inputs: Sequence[Input], dask_worker=None) -> Greeting | str:
    """Make ready for a run; what an earlier one of its name left unfinished is ended. Returns, instead, why not."""
    folder = _folder(run, dask_worker)
    if folder in _running:
        _running.pop(folder).stop()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("chunk-*"):
            left.unlink()
        FrameServer(folder)
        return Greeting(
            facts=facts(task.coding.encoder),
            numbers=numbers(task.arguments.get("device", "auto"), task.arguments.get("precision", "auto")),
            seen=tuple(None if each.sent else _seen(each.path) for each in inputs),
            lacking=tuple(
                k for k, each in enumerate(inputs) if each.sent and stamp_of(_place(folder, each)) != each.stamp
            ),
        )
    except OSError as error:
        return f"cannot write to {folder}: {error.strerror}"
    except OsdcleanError as error:
        return str(error)


def receive(run: str, sent: Input, offset: int, piece: bytes, dask_worker=None) -> str | None:
    """Take a piece of a file that is sent; returns why it could not be kept."""
    file = _place(_folder(run, dask_worker), sent)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("r+b" if offset else "wb") as stream:
            stream.seek(offset)
            stream.write(piece)
    except OSError as error:
        return f"cannot write to {file.parent}: {error.strerror}"
    return None


def work(run: str, task: Task, inputs: Sequence[Input], chunk: Chunk, topic: str) -> tuple[Path, int] | str:
    """Do a chunk, and tell of its frames on a topic; returns where it lies and its size, or why it failed."""
    from distributed import get_worker

    worker = get_worker()
    folder = _folder(run, worker)
    running = _running.setdefault(folder, chunks.Running())
    here = {each.name: each.at(_place(folder, each)) for each in inputs if each.sent}
    file = folder / f"chunk-{chunk.number}"
    try:
        chunks.do(
            chunk,
            replace(task, arguments={**task.arguments, **here}),
            FrameServer(folder),
            file,
            lambda frames: worker.log_event(topic, [chunk.number, frames]),
            running,
        )
        return file, file.stat().st_size
    except OSError as error:
        return f"cannot write to {folder}: {error.strerror}"
    except OsdcleanError as error:
        file.unlink(missing_ok=True)
        return str(error)


def piece_of(file: Path, offset: int, size: int) -> bytes:
    """A piece of a finished chunk; the last one may be shorter."""
    with file.open("rb") as stream:
        stream.seek(offset)
        return stream.read(size)


def fetched(file: Path) -> None:
    """A chunk is in the store now."""
    file.unlink(missing_ok=True)


def stop(run: str, dask_worker=None) -> None:
    """End what runs here for a run."""
    running = _running.get(_folder(run, dask_worker))
    if running is not None:
        running.stop()


def leave(run: str, dask_worker=None) -> None:
    """A run is over: take away all that it left here."""
    stop(run, dask_worker)
    folder = _folder(run, dask_worker)
    _running.pop(folder, None)
    shutil.rmtree(folder, ignore_errors=True)


def _folder(run: str, worker) -> Path:
    return Path(worker.local_directory) / f"osdclean-{run}"


def _place(folder: Path, sent: Input) -> Path:
    # the name of the file is kept, for its ending tells what it is
    return folder / sent.stamp.digest / sent.path.name


def _seen(path: Path) -> Stamp | str | None:
    try:
        return stamp_of(path)
    except CommandError as error:
        return str(error)
