"""The whole way from a video with an overlay to a clean one.

1. Everything that can be refused is refused before anything is started.
2. The frame server's script runs through vspipe into the encoder; the coded picture is kept in the workspace.
3. Each coded frame gets the time that its frame has in the input (which may vary from frame to frame).
4. ffmpeg joins it with everything else of the input, and only a whole result gets the target's name.
"""

from __future__ import annotations

import mmap
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from . import matroska
from .encoders import ENCODERS, picture_of
from .failure import CommandError
from .frameserver import Clip, FrameServer, require_mask
from .media import Media, probe, require_file
from .muxing import check_container, frame_count, mux_stage
from .pipeline import Pipeline
from .programs import find
from .progress import Progress
from .workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be cleaned, and how. node: arguments of Inpaint, as text. rest: arguments of the encoder."""

    source: Path
    target: Path
    mask: str
    encoder: str = "x265"
    preset: str | None = None
    crf: float | None = None
    rest: Sequence[str] = ()
    node: dict[str, str] = field(default_factory=dict)
    overwrite: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """rate: frames per second of frame server and encoder together. seconds: to the end. fps: of the clip."""

    frames: int
    rate: float
    seconds: float
    fps: tuple[int, int]


def clean(job: Job, quiet: bool = False) -> Outcome:
    """Do the job; raises CommandError with nothing left behind where it cannot be done."""
    begun = time.monotonic()
    require_file(job.source, "input")
    mask = require_mask(job.mask)
    for other, role in ((job.source, "input"), (Path(mask), "mask")):
        if job.target.exists() and other.exists() and os.path.samefile(job.target, other):
            raise CommandError(f"output {job.target} is the {role} itself; give another name")
    for program in (*ENCODERS[job.encoder].programs, "ffmpeg", "ffprobe"):
        find(program)
    media = probe(job.source)
    check_container(job.target, media, job.encoder)
    with Workspace(job.target, job.overwrite) as workspace:
        server = FrameServer(workspace.folder)
        arguments = {"clip": job.source.resolve(), "mask": mask, "track": media.video.index}
        clip = server.probe(arguments, media.video.turned)
        _warn_if_short(media, clip)
        coded = workspace.path("picture")
        progress = Progress(clip.frames, quiet)
        _encode(job, server, arguments, clip, coded, progress)
        rate = progress.rate
        whole = workspace.path(f"whole{job.target.suffix}")
        _join(job, media, clip, coded, whole)
        workspace.publish(whole)
    return Outcome(frames=clip.frames, rate=rate, seconds=time.monotonic() - begun, fps=clip.fps)


def _encode(
    job: Job,
    server: FrameServer,
    arguments: dict[str, object],
    clip: Clip,
    coded: Path,
    progress: Progress,
) -> None:
    encoder = ENCODERS[job.encoder]
    wanted = encoder.format_for(clip.format)
    depth = int(wanted.rpartition("P" if wanted.startswith("YUV") else "Y")[2])
    stages = [
        server.stage("clean.vpy", {**arguments, "format": wanted, **job.node}, "-p", "-c", "y4m"),
        encoder.stage(clip, picture_of(clip), depth, job.preset, job.crf, job.rest),
    ]
    try:
        with Pipeline(stages, progress.update) as pipeline, coded.open("wb", buffering=0) as file:
            pipeline.copy_to(file, job.target.parent)
            pipeline.finish()
        progress.update(clip.frames)  # vspipe tells of frames now and then, not of each
    finally:
        progress.close()


def _join(job: Job, media: Media, clip: Clip, coded: Path, whole: Path) -> None:
    encoder = ENCODERS[job.encoder]
    if not coded.stat().st_size:
        raise CommandError(f"{job.encoder} wrote nothing; check the encoder's arguments")
    with coded.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        codec, private, packets = encoder.read(data)
        if len(packets) != clip.frames:
            raise CommandError(
                f"{job.encoder} wrote {len(packets)} of {clip.frames} frames; check the encoder's arguments"
            )
        times = [t - clip.times[0] for t in clip.times]
        with Pipeline([mux_stage(media, clip, whole, job.encoder)], fed=True) as pipeline:
            with suppress(BrokenPipeError):  # where ffmpeg leaves early, its own words say why
                matroska.write(
                    pipeline.feed, data, packets, times, _end(clip, times), codec, private, picture_of(clip)
                )
                pipeline.feed.close()
            pipeline.finish()
    if frame_count(whole) != clip.frames:
        raise CommandError(f"ffmpeg did not write all {clip.frames} frames; is the disk full?")


def _end(clip: Clip, times: list[int]) -> int:
    """End of the last frame, in the same count as `times`."""
    if len(times) > 1:
        return 2 * times[-1] - times[-2]
    num, den = clip.fps
    return 1_000_000_000 * den // num if num and den else 40_000_000


def _warn_if_short(media: Media, clip: Clip) -> None:
    end = (clip.times[-1] / 1e9) - media.start
    if media.duration - end > max(2.0, 0.1 * media.duration):
        print(
            f"osdclean: {media.path} says that it lasts {media.duration:.1f} s, but its picture ends after "
            f"{end:.1f} s; the file may be incomplete",
            file=sys.stderr,
        )
