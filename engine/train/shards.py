"""Shards on disk: which clip, which overlay, built once, whatever interrupts."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.workers import Workers, tick
from ..errors import PictureError
from ..picture import PictureFormat, Planes

#: One video of eight is held back for validation; excerpts of one video (name_01, name_02) stay together.
HOLDOUT = 8
#: Per cent of the shards whose footage is compressed with the overlay in it, so that its rings reach beyond the hole.
COMPRESSED = 35
#: Size and length of the flights over photographs.
FLIGHT = (640, 360, 40)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One shard to build: a source under the overlay of one round. compressed: with the overlay in it."""

    source: Path
    photo: bool
    round: int
    validation: bool
    compressed: bool
    target: Path
    fonts: Path | None


def plan(
    clips: Path, photos: Path | None, fonts: Path | None, folder: Path, rounds: int, held_rounds: int = 1
) -> list[Job]:
    """All shards, validation first, then round by round, so that training can begin before the last is built.

    rounds, held_rounds: overlays per clip, and per clip that is held back for validation.
    """
    from ..footage import VIDEO
    from .sources import PHOTO, files

    def jobs(paths: list[Path], photo: bool) -> list[Job]:
        held = set() if photo else held_back({video_of(p.stem) for p in paths})
        return [
            job(p, photo, number, out)
            for p in paths
            for out in [video_of(p.stem) in held]
            for number in range(held_rounds if out else rounds)
        ]

    def job(source: Path, photo: bool, number: int, out: bool) -> Job:
        target = folder / f"{'val' if out else 'train'}-{number}-{source.stem}.npz"
        return Job(
            source=source, photo=photo, round=number, validation=out, compressed=compressed(target.name), target=target,
            fonts=fonts,
        )  # fmt: skip

    found = jobs(files(clips, VIDEO), False)
    if photos is not None:
        found += [
            j for j in jobs(files(photos, PHOTO), True) if zlib.crc32(f"{j.source.stem}{j.round}".encode()) % 4 == 0
        ]
    # A fixed shuffle within a round mixes kinds of footage.
    return sorted(found, key=lambda j: (not j.validation, j.round, zlib.crc32(j.target.name.encode())))


def held_back(videos: Iterable[str]) -> set[str]:
    """The videos that validation has: one of HOLDOUT, but at least one."""
    ordered = sorted(set(videos))
    return set(ordered[HOLDOUT // 2 :: HOLDOUT] or ordered[-1:])


def compressed(target: str) -> bool:
    """Whether the footage of the shard of this name is compressed with the overlay in it."""
    return zlib.crc32(f"{target} compressed".encode()) % 100 < COMPRESSED


def video_of(name: str) -> str:
    """The video that an excerpt is of. Four digits are a camera's own count of its videos."""
    return re.sub(r"_\d{2,3}$", "", name)


def footage(job: Job, rng: np.random.Generator) -> tuple[list[Planes], PictureFormat]:
    """The frames of a job's source, and their format. Raises PictureError."""
    from . import sources

    frames = sources.flight(job.source, *FLIGHT, rng) if job.photo else sources.clip(job.source)
    height, width = frames[0][0].shape
    return frames, PictureFormat(
        family="YUV", floating=False, bits=8, width=width, height=height, subsampling_w=1, subsampling_h=1
    )


def stretch(frames: list[Planes], rng: np.random.Generator) -> list[Planes]:
    """A stretch of random length and place: clips begin and end."""
    length = int(rng.integers(min(len(frames), 24), len(frames) + 1))
    start = int(rng.integers(0, len(frames) - length + 1))
    return frames[start : start + length]


def make(job: Job) -> int:
    """Build one shard; returns its number of examples. The overlay and cuts depend on the target's name alone. Raises
    PictureError where its source cannot be used."""
    from . import examples

    rng = np.random.default_rng(zlib.crc32(job.target.name.encode()))
    frames, picture = footage(job, rng)
    # FPV speeds: a share of clips at double speed; and windows of all lengths, since clips begin and end.
    if not job.validation:
        if rng.random() < 0.25 and len(frames) >= 2 * examples.LENGTH:
            frames = frames[::2]
        frames = stretch(frames, rng)
    if len(frames) < examples.LENGTH:
        raise PictureError(f"{job.source} has {len(frames)} frames, at least {examples.LENGTH} are needed")
    seen, hole = examples.cover(frames, picture, rng, job.fonts, job.compressed)
    shard = examples.build(seen, picture, hole, rng, 1.0, truth=frames)
    shard.save(job.target)
    tick()
    return len(shard.truth)


def build(
    jobs: list[Job], processes: int, report: Callable[[int], None], make: Callable[[Job], int]
) -> list[str]:
    """Build what is not there yet; returns one line for each source that cannot be used. report: called with the jobs
    done so far; make: builds one."""
    missing = [j for j in jobs if not j.target.exists()]
    there, failed = len(jobs) - len(missing), []
    report(there)
    if missing:
        with Workers(processes, lambda done: report(there + len(failed) + done)) as workers:
            for job, result in workers.each(make, missing):
                if isinstance(result, PictureError):
                    failed.append(f"{job.source.name}: {result}")
    return failed
