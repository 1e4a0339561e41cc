"""The whole way from a video with an overlay to a clean one, or to its mask.

1. Everything that can be refused is refused before anything is started.
2. Where no mask was drawn, a look at the clip says what there is; a mark that never goes gets one mask for all frames.
3. The frame server's script runs through vspipe into the encoder; the coded picture is kept in the workspace.
4. Each coded frame gets the time that its frame has in the input (which may vary from frame to frame).
5. ffmpeg joins it with everything else of the input, and only a whole result gets the target's name.
"""

from __future__ import annotations

import mmap
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import finding, matroska, pictures
from .encoders import ENCODERS, picture_of
from .failure import CommandError
from .frameserver import Clip, FrameServer
from .media import Media, probe, require_file
from .muxing import check_container, frame_count, mux_stage
from .pipeline import Pipeline, Stage
from .programs import find
from .progress import Progress
from .workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Coding:
    """How a picture is encoded. rest: further arguments of the encoder."""

    encoder: str = "x265"
    preset: str | None = None
    crf: float | None = None
    rest: Sequence[str] = ()


#: How masks are encoded.
_LOSSLESS = Coding(encoder="ffv1")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be cleaned, and how.

    mask: path of the mask; where there is none, `find` holds the arguments by which it is found. unblend: whether what
    is half transparent is solved for; None: where a logo is found that never goes. kept: file to keep the mask in that
    was found. node: arguments of Inpaint, as text.
    """

    source: Path
    target: Path
    mask: str | None = None
    find: Mapping[str, str] = field(default_factory=dict)
    unblend: bool | None = None
    kept: Path | None = None
    coding: Coding = field(default_factory=Coding)
    node: Mapping[str, str] = field(default_factory=dict)
    overwrite: bool = False


@dataclass(frozen=True, kw_only=True)
class MaskJob:
    """Of what a mask is to be found. find: by which arguments; show: write the picture with the mask drawn over it."""

    source: Path
    target: Path
    find: Mapping[str, str]
    show: bool = False
    overwrite: bool = False

    @property
    def coding(self) -> Coding | None:
        """How the video is encoded; None where a picture is written."""
        if self.target.suffix.lower() == ".png":
            return None
        return Coding(encoder="x264", crf=20) if self.show else _LOSSLESS


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """rate: frames per second of frame server and encoder together. seconds: to the end. fps: of the clip. found: by
    kind, as `Clip` has it."""

    frames: int
    rate: float
    seconds: float
    fps: tuple[int, int]
    found: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)


def clean(job: Job, quiet: bool = False, label: str = "") -> Outcome:
    """Do the job; raises CommandError with nothing left behind where it cannot be done. label: of its progress."""
    begun = time.monotonic()
    media, hole = checked(job), _hole(job)
    with Workspace(job.target, job.overwrite) as workspace:
        server = FrameServer(workspace.folder)
        arguments = {"clip": job.source.resolve(), "track": media.video.index}
        clip = server.probe({**arguments, **hole}, media.video.turned)
        _warn_if_short(media, clip)
        finding.check_found(clip.found)
        _tell_found(clip, quiet, label)
        if job.unblend if job.unblend is not None else finding.stays(clip.found):  # 2
            hole["unblend"] = "1"
            if job.mask is None:
                still = workspace.path("still.png")
                pictures.write(still, finding.standing(server, {**arguments, **hole}, clip))
                hole |= {"mask": str(still.resolve())}
        if job.kept is not None:
            with Workspace(job.kept, job.overwrite) as beside:
                seen = Progress(clip.frames, quiet, label=label)
                coded = _coded_mask(server, {**arguments, **hole}, media, clip, beside, seen)
                beside.publish(coded)
            hole |= {"mask": str(job.kept.resolve())}
        progress = Progress(clip.frames, quiet, label=label)
        whole = _coded(
            server, "clean.vpy", {**arguments, **hole, **job.node}, job.coding, media, clip,
            workspace.path(f"whole{job.target.suffix}"), progress,
        )  # fmt: skip
        workspace.publish(whole)
    return Outcome(
        frames=clip.frames, rate=progress.rate, seconds=time.monotonic() - begun, fps=clip.fps, found=clip.found
    )


def mask(job: MaskJob, quiet: bool = False, label: str = "") -> Outcome:
    """Write a mask, or the picture with it. Raises CommandError with nothing left behind where that cannot be done."""
    begun = time.monotonic()
    media, coding = checked(job), job.coding
    with Workspace(job.target, job.overwrite) as workspace:
        server = FrameServer(workspace.folder)
        arguments = {"clip": job.source.resolve(), "track": media.video.index, **job.find}
        clip = server.probe(arguments, media.video.turned)
        _tell_found(clip, quiet, label)
        progress = Progress(clip.frames, quiet, label=label)
        if coding is None:
            made = workspace.path("still.png")
            pictures.write(made, (finding.tinted if job.show else finding.standing)(server, arguments, clip))
        elif job.show:
            made = _coded(
                server, "mask.vpy", {**arguments, "show": 1}, coding, media, clip,
                workspace.path(f"whole{job.target.suffix}"), progress,
            )  # fmt: skip
        else:
            made = _coded_mask(server, arguments, media, clip, workspace, progress)
        workspace.publish(made)
    return Outcome(
        frames=clip.frames, rate=progress.rate, seconds=time.monotonic() - begun, fps=clip.fps, found=clip.found
    )


def checked(job: Job | MaskJob) -> Media:
    """What the input holds; raises CommandError where the job is to be refused (1). The target may be there."""
    require_file(job.source, "input")
    read = _read(job.source, _hole(job))
    _refuse_same(job.target, read)
    if isinstance(job, MaskJob) and not job.show and job.coding is not None:
        check_mask_file(job.target)
    media = probe(job.source) if job.coding is None else _media(job.source, job.target, job.coding.encoder)
    if isinstance(job, Job) and job.kept is not None:
        _refuse_same(job.kept, [*read, (job.target, "output")])
        check_mask_file(job.kept)
    return media


def _hole(job: Job | MaskJob) -> dict[str, str]:
    """The scripts' arguments of what is to be removed."""
    return {"mask": job.mask} if isinstance(job, Job) and job.mask is not None else dict(job.find)


def check_mask_file(target: Path) -> None:
    """Raises CommandError where a mask cannot be kept in a file of this name."""
    if target.suffix.lower() != ".mkv":
        raise CommandError(f"a mask of many frames must end in .mkv (it is lossless, ffv1), passed {target.name}")


def _read(source: Path, hole: Mapping[str, str]) -> list[tuple[Path, str]]:
    """Files that are read, and as what. hole: arguments of the scripts."""
    masks = [hole[name] for name in ("mask", "find_include", "find_exclude") if name in hole]
    return [(source, "input"), *((Path(mask), "mask") for mask in masks)]


def _refuse_same(target: Path, others: Sequence[tuple[Path, str]]) -> None:
    """Raises CommandError where the target is one of the files that are read."""
    for other, role in others:
        if target.resolve() == other.resolve() or (
            target.exists() and other.exists() and os.path.samefile(target, other)
        ):
            raise CommandError(f"output {target} is the {role} itself; give another name")


def _media(source: Path, target: Path, encoder: str) -> Media:
    """What the input holds; raises CommandError where a program or the target's container cannot do what is asked."""
    check_programs(encoder)
    media = probe(source)
    check_container(target, media, encoder)
    return media


def check_programs(encoder: str) -> None:
    """Raises CommandError where a program is missing."""
    for program in (*ENCODERS[encoder].programs, "ffmpeg", "ffprobe"):
        find(program)


def _coded_mask(
    server: FrameServer, arguments: Mapping[str, object], media: Media, clip: Clip, workspace: Workspace,
    progress: Progress,
) -> Path:  # fmt: skip
    """The mask as a lossless video, with the clip's times and nothing else of it."""
    shape = {name: clip.props[name] for name in ("_SARNum", "_SARDen") if name in clip.props}
    gray = replace(clip, format="GRAY8", props=shape)
    alone = replace(media, streams=(media.video,))
    whole = workspace.path("mask.mkv")
    return _coded(server, "mask.vpy", arguments, _LOSSLESS, alone, gray, whole, progress)


def _coded(
    server: FrameServer, script: str, arguments: Mapping[str, object], coding: Coding, media: Media, clip: Clip,
    whole: Path, progress: Progress,
) -> Path:  # fmt: skip
    """Run a script into an encoder, and join what it wrote with all else of the input, as file `whole`."""
    wanted, encoding = encoder_stage(clip, coding)
    stages = [server.stage(script, {**arguments, "format": wanted}, "-p", "-c", "y4m"), encoding]
    coded = whole.with_name("picture")
    try:
        with Pipeline(stages, progress.update) as pipeline, coded.open("wb", buffering=0) as file:
            pipeline.copy_to(file, whole.parent.parent)
            pipeline.finish()
        progress.update(clip.frames)  # vspipe tells of frames now and then, not of each
    finally:
        progress.close()
    _join(coding.encoder, media, clip, coded, whole)
    return whole


def encoder_stage(clip: Clip, coding: Coding) -> tuple[str, Stage]:
    """VapourSynth's name of the format that the encoder is given, and the encoder. Raises CommandError."""
    encoder = ENCODERS[coding.encoder]
    wanted = encoder.format_for(clip.format)
    depth = int(wanted.rpartition("P" if wanted.startswith("YUV") else "Y")[2])
    return wanted, encoder.stage(clip, picture_of(clip), depth, coding.preset, coding.crf, coding.rest)


def _join(name: str, media: Media, clip: Clip, coded: Path, whole: Path) -> None:
    """name: of the encoder."""
    if not coded.stat().st_size:
        raise CommandError(f"{name} wrote nothing; check the encoder's arguments")
    with coded.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        codec, private, packets = ENCODERS[name].read(data)
        if len(packets) != clip.frames:
            raise CommandError(
                f"{name} wrote {len(packets)} of {clip.frames} frames; check the encoder's arguments"
            )
        times = [t - clip.times[0] for t in clip.times]
        with Pipeline([mux_stage(media, clip, whole, name)], fed=True) as pipeline:
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


def _tell_found(clip: Clip, quiet: bool, label: str) -> None:
    if clip.found and not quiet:
        print(f"{label}{label and ': '}found {finding.told(clip.found)}", file=sys.stderr)


def _warn_if_short(media: Media, clip: Clip) -> None:
    end = (clip.times[-1] / 1e9) - media.start
    if media.duration - end > max(2.0, 0.1 * media.duration):
        print(
            f"osdclean: {media.path} says that it lasts {media.duration:.1f} s, but its picture ends after "
            f"{end:.1f} s; the file may be incomplete",
            file=sys.stderr,
        )
