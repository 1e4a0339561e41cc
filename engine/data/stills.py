"""Stills of many videos at a time interval, numbered without gaps.

1. A still is known by its source, its time, its size and its format. It is first written under a name made of these,
   in the hidden folder PARTS: workers never meet, and what is there need not be made again.
2. Numbers are given when all stills are made, in the order of videos and times: what failed late leaves no gap. The
   numbers are first written to INDEX, in one step, then the files take them; a run that finds files without theirs
   goes on with that.
3. A number once given stays. Stills that come later (more videos, a shorter interval) get the numbers that follow.
"""

from __future__ import annotations

import math
import os
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import outputs
from ..cli.programs import find
from ..errors import ArgumentError, OsdcleanError, PictureError
from . import decoder, manifest
from .process import Process
from .videos import Facts, Video, found, probed
from .workers import Workers, tick

INDEX, PARTS = "stills.jsonl", ".stills"
FORMATS = {"png": ("-c:v", "png"), "jpg": ("-c:v", "mjpeg", "-q:v", "2")}
#: Stills per job: few enough that the last jobs end together.
_TOGETHER = 8
#: The length that a file states may be its sound's: no picture this close to it (seconds) is no fault.
_END = 1.0
#: Seconds before a still at which decoding begins where nothing comes at its own time.
_RUN_UP = 10.0


@dataclass(frozen=True, kw_only=True)
class Stills:
    """What stills are wanted. every: seconds between two of a video, the first at 0; size: (width, height), even
    numbers; format: one of FORMATS."""

    every: float = 5.0
    size: decoder.Size = (1920, 1080)
    format: str = "png"

    def __post_init__(self) -> None:
        if not 1e-3 <= self.every < float("inf"):
            raise ArgumentError(f"every must be at least 0.001 seconds, passed {self.every}")
        decoder.check_size(self.size)
        if self.format not in FORMATS:
            raise ArgumentError(f"format must be one of {', '.join(FORMATS)}, passed {self.format}")


@dataclass(frozen=True, kw_only=True)
class Still:
    """One still. row: its line in INDEX, but for its number; part: its name before it has one."""

    seconds: float
    row: manifest.Row

    @property
    def part(self) -> str:
        return _part(self.row)


@dataclass(frozen=True, kw_only=True)
class Job:
    """Some stills of one video, to be written to `parts`."""

    video: Video
    facts: Facts
    stills: tuple[Still, ...]
    wanted: Stills
    parts: Path


def run(
    places: Sequence[Path], folder: Path, wanted: Stills, processes: int | None, report: Callable[[int, int], None]
) -> tuple[int, list[str], int]:
    """Write the stills that are not there yet. report: called with (done, all) stills.

    Returns how many of them are there in the end, a line for each video of which some or all are left out, and the
    number of videos.
    """
    videos = found(places, folder)
    outputs.folder(folder)
    rows = numbered(folder)
    parts = outputs.folder(folder / PARTS)
    facts, failed = probed(videos)
    stills = {video: planned(video, told, wanted) for video, told in facts.items()}
    total = sum(map(len, stills.values()))
    known = {_identity(row): row["file"] for row in rows}

    def there(still: Still) -> bool:
        file = known.get(_identity(still.row))
        return (file is not None and (folder / file).is_file()) or (parts / still.part).is_file()

    jobs = []
    for video, told in facts.items():
        missing = [still for still in stills[video] if not there(still)]
        jobs += [
            Job(video=video, facts=told, stills=tuple(missing[k : k + _TOGETHER]), wanted=wanted, parts=parts)
            for k in range(0, len(missing), _TOGETHER)
        ]
    before = total - sum(len(job.stills) for job in jobs)
    lost: dict[Video, list[tuple[float, str]]] = {}
    with Workers(processes, lambda done: report(before + done, total)) as workers:
        for job, result in workers.each(make, jobs):
            lost.setdefault(job.video, []).extend(result)

    everything = [still for mine in stills.values() for still in mine]
    new = [still for still in everything if _identity(still.row) not in known and (parts / still.part).is_file()]
    rows += [{"file": f"{k:06}.{wanted.format}", **still.row} for k, still in enumerate(new, len(rows) + 1)]
    if new:
        manifest.write(folder / INDEX, rows)
    numbered(folder)
    failed += [line for video, told in facts.items() if (line := _failure(video, told, stills[video], lost))]
    return sum(_identity(s.row) in known for s in everything) + len(new), sorted(failed), len(videos)


def planned(video: Video, facts: Facts, wanted: Stills) -> list[Still]:
    """The stills of a video, by time; none where its length is not known."""
    width, height = wanted.size
    stills = []
    for k in range(math.ceil(facts.seconds / wanted.every - 1e-9)):
        seconds = round(k * wanted.every, 6)
        row = {
            "source": str(video.path), "seconds": seconds, "width": width, "height": height, "format": wanted.format,
        }  # fmt: skip
        stills.append(Still(seconds=seconds, row=row))
    return stills


def numbered(folder: Path) -> list[manifest.Row]:
    """Give the files of INDEX their numbers where they have not got them yet; returns its rows.

    Raises OsdcleanError where the folder holds a numbered picture that the index does not know: it would be in the way.
    """
    rows, parts = manifest.load(folder / INDEX), folder / PARTS
    names = {row["file"] for row in rows}
    for path in sorted(folder.iterdir()):
        if re.fullmatch(r"\d{6,}\.\w+", path.name) and path.name not in names:
            raise OsdcleanError(f"the output must hold no numbered pictures but those of its {INDEX}, found {path}")
    for row in rows:
        part = parts / _part(row)
        if part.is_file():
            os.replace(part, folder / row["file"])
    if parts.is_dir():
        for cut in parts.glob("*.part"):
            cut.unlink()
        if not any(parts.iterdir()):
            parts.rmdir()
    return rows


def make(job: Job) -> list[tuple[float, str]]:
    """Write the stills of a job; returns time and reason of each that cannot be had."""
    lost = []
    for still in job.stills:
        try:
            picture = _picture(job, still.seconds)
        except PictureError as error:
            lost.append((still.seconds, str(error)))
        else:
            with outputs.whole(job.parts / still.part) as beside:
                beside.write_bytes(picture)
        tick()
    return lost


def _picture(job: Job, seconds: float) -> bytes:
    """The first frame that is not earlier than a time, encoded. Raises PictureError where there is none."""
    try:
        return _encoded(job, seconds, 0.0)
    except PictureError:
        # Some containers are entered in the middle of what hangs together: then nothing comes until the next beginning.
        return _encoded(job, seconds, min(seconds, _RUN_UP))


def _encoded(job: Job, seconds: float, earlier: float) -> bytes:
    """`_picture`, decoded from so many seconds before it on."""
    # Untagged footage is what its size makes likely; ffmpeg would take all of it for standard definition.
    colours = ":in_color_matrix=bt709" if not job.facts.matrix and job.facts.height > 576 else ""
    # A JPEG says nothing of its colours either: all who read one take this matrix.
    colours += ":out_color_matrix=bt601" if job.wanted.format == "jpg" else ""
    pixels = "rgb24" if job.wanted.format == "png" else "yuvj420p"
    filters = f"{decoder.geometry(job.facts, job.wanted.size, colours)},format={pixels}"
    if earlier:
        filters = f"select='gte(t,{earlier:.6f})',{filters}"
    begin = seconds - earlier if seconds > earlier else None
    command = [
        *(find("ffmpeg"), "-v", "error", "-nostdin"),
        *decoder.opened(job.video.path, filters=filters, seconds=begin, threads=1),
        *("-frames:v", "1", *FORMATS[job.wanted.format], "-threads", "1"),
        *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-f", "image2pipe", "-"),
    ]
    with Process(command) as ffmpeg:
        picture = ffmpeg.stdout.read()
        if ffmpeg.end() or not picture:
            raise PictureError(f"no picture there: {ffmpeg.reason()}")
    return picture


def _identity(row: manifest.Row) -> tuple:
    return tuple(row[name] for name in ("source", "seconds", "width", "height", "format"))


def _part(row: manifest.Row) -> str:
    where = zlib.crc32(row["source"].encode())
    return f"{where:08x}-{round(row['seconds'] * 1e6):012}-{row['width']}x{row['height']}.{row['format']}"


def _failure(video: Video, facts: Facts, stills: list[Still], lost: dict[Video, list[tuple[float, str]]]) -> str | None:
    """The line that says what is left out of a video, if anything."""
    if not stills:
        return f"{video.path.name}: its length is not known"
    reasons = sorted(lost.get(video, ()))
    if not reasons:
        return None
    first, reason = reasons[0]
    if first and first >= facts.seconds - _END:
        return None
    return f"{video.path.name}: {len(reasons)} of {len(stills)} stills, from {first:g} s on: {reason}"
