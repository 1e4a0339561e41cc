"""Shards on disk: which clip, which overlay, built once, whatever interrupts."""

from __future__ import annotations

import re
import zlib
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ..picture import PictureFormat

#: One source of eight is held back for validation; excerpts of one video (name_01, name_02) stay together.
HOLDOUT = 8
#: Size and length of the flights over photographs.
FLIGHT = (640, 360, 40)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One shard to build: a source under the overlay of one round."""

    source: Path
    photo: bool
    round: int
    validation: bool
    target: Path
    fonts: Path | None


def plan(clips: Path, photos: Path | None, fonts: Path | None, folder: Path, rounds: int) -> list[Job]:
    """All shards, validation first, then round by round, so that training can begin before the last is built."""
    from .sources import PHOTO, VIDEO, files

    def jobs(paths: list[Path], photo: bool) -> list[Job]:
        videos = sorted({_video(p) for p in paths})
        held = set() if photo else set(videos[HOLDOUT // 2 :: HOLDOUT])
        return [
            Job(
                source=p,
                photo=photo,
                round=r,
                validation=_video(p) in held,
                fonts=fonts,
                target=folder / f"{'val' if _video(p) in held else 'train'}-{r}-{p.stem}.npz",
            )
            for p in paths
            for r in range(1 if _video(p) in held else rounds)
        ]

    found = jobs(files(clips, VIDEO), False)
    if photos is not None:
        found += [
            j for j in jobs(files(photos, PHOTO), True) if zlib.crc32(f"{j.source.stem}{j.round}".encode()) % 4 == 0
        ]
    # A fixed shuffle within a round mixes kinds of footage.
    return sorted(found, key=lambda j: (not j.validation, j.round, zlib.crc32(j.target.name.encode())))


def _video(path: Path) -> str:
    return re.sub(r"_\d\d$", "", path.stem)


def make(job: Job) -> int:
    """Build one shard; returns its number of examples. The overlay and cuts depend on the target's name alone."""
    from . import examples, sources

    rng = np.random.default_rng(zlib.crc32(job.target.name.encode()))
    frames = sources.flight(job.source, *FLIGHT, rng) if job.photo else sources.clip(job.source)
    height, width = frames[0][0].shape
    picture = PictureFormat(
        family="YUV", floating=False, bits=8, width=width, height=height, subsampling_w=1, subsampling_h=1
    )
    # FPV speeds: a share of clips at double speed; and windows of all lengths, since clips begin and end.
    if not job.validation:
        if rng.random() < 0.25 and len(frames) >= 2 * examples.LENGTH:
            frames = frames[::2]
        length = int(rng.integers(min(len(frames), 24), len(frames) + 1))
        start = int(rng.integers(0, len(frames) - length + 1))
        frames = frames[start : start + length]
    if len(frames) < examples.LENGTH:
        raise ValueError(f"{job.source} has {len(frames)} frames, at least {examples.LENGTH} are needed")
    seen, hole = examples.cover(frames, picture, rng, job.fonts)
    shard = examples.build(seen, picture, hole, rng, 1.0, truth=frames)
    shard.save(job.target)
    return len(shard.truth)


def build(jobs: list[Job], processes: int, progress) -> list[str]:
    """Build what is not there yet; returns one line for each source that failed. progress: called once per shard."""
    missing = [j for j in jobs if not j.target.exists()]
    for _ in range(len(jobs) - len(missing)):
        progress()
    if not missing:
        return []
    failed = []
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(make, job): job for job in missing}
        for done in as_completed(running):
            progress()
            if done.exception() is not None:
                failed.append(f"{running[done].source.name}: {done.exception()}")
    return failed
