"""Finished chunks, in a hidden folder beside the output, so that a run that was ended goes on where it was.

Each job has a folder of its own in it, named by the digest of all that its chunks depend on, and in that:
  job.json              what the job is, and the borders of its chunks, for a later run may have other hands
  00000000-00001439     a finished chunk, by its first and last frame
  00000000-00001439.part    one in work; worth nothing
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .. import outputs
from ..cli.pipeline import disk_error
from .plan import Chunk, of_borders


def folder_beside(target: Path) -> Path:
    """Where the finished chunks of all jobs that write `target` lie."""
    return target.with_name(f".{target.name[:200]}.osdclean-chunks")


def clear(target: Path) -> None:
    """Take away what is kept for `target`: it is whole."""
    shutil.rmtree(folder_beside(target), ignore_errors=True)


def name_of(job: Any) -> str:
    """A short name that is the same for the same job. job: as JSON can hold it."""
    return hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()[:16]


def note(target: Path, name: str, what: Any) -> None:
    """Keep a word for a later run that writes `target`. what: as JSON can hold it."""
    with outputs.whole(folder_beside(target) / f"{name}.json") as beside:
        beside.write_text(json.dumps(what), encoding="utf-8")


def noted(target: Path, name: str) -> Any:
    """What was kept under a name; None where nothing was."""
    try:
        return json.loads((folder_beside(target) / f"{name}.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


class Store:
    """The finished chunks of one job. The target's `Workspace` must be held: one process uses it at a time."""

    def __init__(self, target: Path, job: Mapping[str, Any], plan: Callable[[], tuple[Chunk, ...]]) -> None:
        """job: what the chunks depend on, as JSON can hold it; plan: called where none is kept. Raises CommandError."""
        self.folder = folder_beside(target) / name_of(job)
        try:
            self.chunks = self._kept() or self._begun({**job, "borders": _borders(plan())})
            for part in self.folder.glob("*.part"):
                part.unlink()
        except OSError as error:
            raise disk_error(error, self.folder.parent, 0) from None

    @property
    def missing(self) -> list[Chunk]:
        return [chunk for chunk in self.chunks if not self.file(chunk).exists()]

    def file(self, chunk: Chunk) -> Path:
        """Where a chunk lies once it is finished."""
        return self.folder / f"{chunk.start:08}-{chunk.stop - 1:08}"

    @contextmanager
    def place(self, chunk: Chunk) -> Iterator[Path]:
        """A name to write a chunk to; the chunk is finished when the block ends without an error."""
        with outputs.whole(self.file(chunk)) as part:
            yield part
            try:
                with part.open("rb") as file:
                    os.fsync(file.fileno())
            except OSError as error:
                raise disk_error(error, self.folder, part.stat().st_size) from None

    def _kept(self) -> tuple[Chunk, ...]:
        """The chunks of an earlier run of this job; none where there was none, or its list is broken."""
        try:
            return of_borders(json.loads((self.folder / "job.json").read_text(encoding="utf-8"))["borders"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return ()

    def _begun(self, job: Mapping[str, Any]) -> tuple[Chunk, ...]:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        with outputs.whole(self.folder / "job.json") as beside:
            beside.write_text(json.dumps(job, indent=1), encoding="utf-8")
        return of_borders(job["borders"])


def _borders(chunks: tuple[Chunk, ...]) -> list[int]:
    return [0, *(chunk.stop for chunk in chunks)]
