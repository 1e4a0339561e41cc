"""Pairs of clips from many videos: what to make, what is there already, and the list of it all.

1. Every video is scanned once; the scans are kept in the hidden folder SCANS, and a later run reads them there.
2. Which excerpts, overlays and names there are depends on the seed and the video's name alone: not on the processes,
   nor on the other videos. Pair k of a video stays pair k where more pairs of it are asked for later.
3. A pair is made when its line is in LIST, and that is written after its files. A run makes what is missing.
4. All pairs of a folder are made with the same arguments: others are refused before anything is written.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from .. import outputs
from ..errors import ArgumentError, OsdcleanError, PictureError
from ..synth import overlays
from ..synth.glyphs import Fonts
from . import decoder, excerpts, manifest, pairs, scan
from .videos import Facts, Video, found, probed
from .workers import Workers

LIST, SCANS = "manifest.jsonl", ".scans"


@dataclass(frozen=True, kw_only=True)
class Clips:
    """What pairs are wanted. frames: of each clip, 2..100000; per_video: pairs of each video at most, 1..99; kinds: of
    overlays, of `pairs.KINDS`; size: (width, height), None for each video's own; grow: pixels by which masks are grown,
    0..64; fonts: see `overlays.make`."""

    frames: int = 48
    per_video: int = 4
    kinds: tuple[str, ...] = pairs.KINDS
    fonts: Fonts = None
    size: decoder.Size | None = None
    grow: int = 0
    seed: int = 1
    encoding: pairs.Encoding = field(default_factory=pairs.Encoding)

    def __post_init__(self) -> None:
        for name, low, high in (
            ("frames", 2, 100_000), ("per_video", 1, 99), ("grow", 0, 64), ("seed", 0, 2**32 - 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if not low <= value <= high:
                raise ArgumentError(f"{name} must be {low} to {high}, passed {value}")
        if self.size is not None:
            decoder.check_size(self.size)
        if not self.kinds:
            raise ArgumentError(f"kinds must be at least one of {', '.join(pairs.KINDS)}, passed none")
        for kind in self.kinds:
            # Whatever is wrong with kinds and fonts shall show before hours of scanning.
            overlays.make(kind, 640, 360, 1, 25, 1, self.fonts)

    def asked(self) -> manifest.Row:
        """What all pairs of a folder share."""
        fonts = self.fonts if self.fonts is None or isinstance(self.fonts, str | Path) else list(map(str, self.fonts))
        return {
            "seed": self.seed, "frames": self.frames, "kinds": list(self.kinds),
            "fonts": str(fonts) if isinstance(fonts, Path) else fonts,
            "size": list(self.size) if self.size else None, "grow": self.grow,
            "encoder": {"codec": "libx264", **asdict(self.encoding)},
        }  # fmt: skip


def run(
    places: Sequence[Path], folder: Path, wanted: Clips, versions: manifest.Row, processes: int | None,
    report: Callable[[int, int], None],
) -> tuple[int, list[str], int]:  # fmt: skip
    """Write the pairs that are not there yet. report: called with (done, all) frames. versions: for the manifest.

    Returns how many of them are there in the end, a line for each video or pair that is left out, and the number of
    videos.
    """
    videos = found(places, folder)
    outputs.folder(folder)
    rows = {row["name"]: row for row in manifest.load(folder / LIST)}
    _refuse_others(folder, rows, wanted)
    for part in (*pairs.ENDINGS, SCANS):
        outputs.folder(folder / part)
        for cut in (folder / part).glob("*.part"):
            cut.unlink()
    facts, failed = probed(videos)
    for video, told in list(facts.items()):
        if min(decoder.shape(told, wanted.size)) < decoder.SMALLEST:
            failed.append(f"{video.path.name}: at least {decoder.SMALLEST}x{decoder.SMALLEST} pixels are needed, "
                          f"it has {told.width}x{told.height}")  # fmt: skip
            del facts[video]

    each = wanted.per_video * wanted.frames
    total = sum(told.frames + each for told in facts.values())
    with Workers(processes, lambda done: report(min(done, total), total)) as workers:
        lost = _scanned(workers, folder, facts, wanted)
        failed += [f"{video.path.name}: {reason}" for video, reason in lost.items()]
        jobs = []
        for video, told in facts.items():
            if video in lost:
                continue
            try:
                jobs += planned(folder, video, told, wanted)
            except PictureError as error:
                failed.append(f"{video.path.name}: {error}")
        missing = [job for job in jobs if not _there(job, rows.get(job.name))]
        before = workers.done
        total = before + len(missing) * wanted.frames
        # Whole and in order, so that lines can be added.
        manifest.write(folder / LIST, [rows[name] for name in sorted(rows)])
        broken: dict[Video, list[tuple[int, str]]] = {}
        for job, result in workers.each(pairs.make, missing):
            if isinstance(result, PictureError):
                broken.setdefault(job.video, []).append((job.first, str(result)))
                continue
            rows[job.name] = result | {"asked": wanted.asked(), "versions": versions}
            manifest.append(folder / LIST, rows[job.name])
    manifest.write(folder / LIST, [rows[name] for name in sorted(rows)])
    for video, reasons in broken.items():
        count = sum(job.video == video for job in jobs)
        first, reason = min(reasons)
        failed.append(f"{video.path.name}: {len(reasons)} of {count} pairs, from frame {first} on: {reason}")
    return sum(job.name in rows for job in jobs), sorted(failed), len(videos)


def planned(folder: Path, video: Video, facts: Facts, wanted: Clips) -> list[pairs.Job]:
    """The pairs of a video that was scanned. Raises PictureError where it has no excerpt that is long enough."""
    seen = scan.Scan.load(_scan_of(folder, video, wanted))
    if len(seen.times) < wanted.frames:
        raise PictureError(f"at least {wanted.frames} frames are needed, it has {len(seen.times)}")
    stretches = excerpts.stretches(seen.difference, seen.brightness)
    rng = np.random.default_rng([wanted.seed, zlib.crc32(video.name.encode())])
    firsts = excerpts.chosen(stretches, wanted.frames, wanted.per_video, rng)
    if not firsts:
        longest = max(map(len, stretches), default=0)
        raise PictureError(
            f"at least {wanted.frames} frames without a cut or black are needed, the longest stretch has {longest}"
        )
    jobs = []
    for number, first in enumerate(firsts, 1):
        # Between two frames, so that rounding cannot take the wrong one.
        seconds = float(seen.times[first - 1] + seen.times[first]) / 2 if first else np.nan
        jobs.append(
            pairs.Job(
                folder=folder,
                name=f"{video.name}_{number:02}",
                video=video,
                facts=facts,
                size=wanted.size,
                first=first,
                seconds=None if np.isnan(seconds) else seconds,
                brightness=seen.brightness[first : first + wanted.frames],
                kinds=wanted.kinds,
                fonts=wanted.fonts,
                seed=wanted.seed,
                grow=wanted.grow,
                encoding=wanted.encoding,
            )
        )
    return jobs


def _scanned(workers: Workers, folder: Path, facts: dict[Video, Facts], wanted: Clips) -> dict[Video, str]:
    """Scan the videos that are not; returns why some cannot be."""
    jobs = [
        scan.Job(video=video, facts=told, size=wanted.size, target=target)
        for video, told in facts.items()
        if not (target := _scan_of(folder, video, wanted)).is_file()
    ]
    return {job.video: str(r) for job, r in workers.each(scan.keep, jobs) if isinstance(r, PictureError)}


def _scan_of(folder: Path, video: Video, wanted: Clips) -> Path:
    """Where a video's scan is kept: a file that was changed is scanned anew."""
    about = video.path.stat()
    size = "x".join(map(str, wanted.size)) if wanted.size else "own"
    return folder / SCANS / f"{video.digest}-{about.st_size:x}-{about.st_mtime_ns:x}-{size}.npz"


def _there(job: pairs.Job, row: manifest.Row | None) -> bool:
    """Whether a pair is made. Raises OsdcleanError where its name is another video's."""
    if row is None:
        return False
    if row["source"] != str(job.video.path):
        raise OsdcleanError(
            f"a name must belong to one video: {job.name} in {job.folder} was made from {row['source']}, passed "
            f"{job.video.path}; give both at once, or take another folder"
        )
    files = pairs.paths(job.folder, job.name)
    needed = [path for kind, path in files.items() if kind != pairs.PER_FRAME or row["frame_masks"]]
    return row["first_frame"] == job.first and all(path.is_file() for path in needed)


def _refuse_others(folder: Path, rows: dict[str, manifest.Row], wanted: Clips) -> None:
    asked = wanted.asked()
    for row in rows.values():
        for name, value in row["asked"].items():
            if value != asked.get(name):
                raise OsdcleanError(
                    f"{name} must be the same for all clips of a folder: {folder} has {value}, passed "
                    f"{asked.get(name)}; take another folder"
                )
