"""The whole way from a video with an overlay to a clean one, or to its mask.

1. Everything that can be refused is refused before anything is started.
2. Where no mask was drawn, a look at the clip says what there is; a mark that never goes gets one mask for all frames.
3. The frame server's script runs through vspipe into the encoder; the coded picture is kept in the workspace. Where
   the job is spread, this is done in chunks, at many places, and finished chunks outlive a run that fails.
4. Each coded frame gets the time that its frame has in the input (which may vary from frame to frame).
5. ffmpeg joins it with everything else of the input, and only a whole result gets the target's name.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

from ..detect.settings import PERIOD
from ..settings import Settings
from ..spread import job as spreading
from ..spread import store
from ..spread.cuts import cuts_of
from ..spread.files import stamp_of
from ..spread.job import Spread
from ..spread.store import name_of
from . import finding, matroska, pictures
from .coding import Coding, Task, check_count, encode, opened
from .encoders import ENCODERS, picture_of
from .failure import CommandError
from .frameserver import Clip, FrameServer
from .media import Media, probe, require_file
from .muxing import check_container, frame_count, mux_stage
from .pipeline import Pipeline
from .programs import find
from .progress import Progress
from .workspace import Workspace

#: How masks are encoded.
_LOSSLESS = Coding(encoder="ffv1")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be cleaned, and how.

    mask: path of the mask; where there is none, `find` holds the arguments by which it is found. unblend: whether what
    is half transparent is solved for; None: where a logo is found that never goes. kept: file to keep the mask in that
    was found. node: arguments of Inpaint, as text. spread: over what the work is spread; None: done here, in one go.
    """

    source: Path
    target: Path
    mask: str | None = None
    find: Mapping[str, str] = field(default_factory=dict)
    unblend: bool | None = None
    kept: Path | None = None
    coding: Coding = field(default_factory=Coding)
    node: Mapping[str, str] = field(default_factory=dict)
    spread: Spread | None = None
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
        arguments = {"clip": str(job.source.resolve()), "track": str(media.video.index)}
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
            _keep_mask(job, server, {**arguments, **hole}, media, clip, Progress(clip.frames, quiet, label=label))
            hole |= {"mask": str(job.kept.resolve())}
        progress = Progress(clip.frames, quiet, label=label)
        task = Task(script="clean.vpy", arguments={**arguments, **hole, **job.node}, coding=job.coding, clip=clip)
        whole = workspace.path(f"whole{job.target.suffix}")
        _coded(server, task, media, whole, progress, job.spread, job.target)
        workspace.publish(whole)
        store.clear(job.target)
    return Outcome(
        frames=clip.frames, rate=progress.rate, seconds=time.monotonic() - begun, fps=clip.fps, found=clip.found
    )


def mask(job: MaskJob, quiet: bool = False, label: str = "") -> Outcome:
    """Write a mask, or the picture with it. Raises CommandError with nothing left behind where that cannot be done."""
    begun = time.monotonic()
    media, coding = checked(job), job.coding
    with Workspace(job.target, job.overwrite) as workspace:
        server = FrameServer(workspace.folder)
        arguments = {"clip": str(job.source.resolve()), "track": str(media.video.index), **job.find}
        clip = server.probe(arguments, media.video.turned)
        _tell_found(clip, quiet, label)
        progress = Progress(clip.frames, quiet, label=label)
        if coding is None:
            made = workspace.path("still.png")
            pictures.write(made, (finding.tinted if job.show else finding.standing)(server, arguments, clip))
        elif job.show:
            task = Task(script="mask.vpy", arguments={**arguments, "show": "1"}, coding=coding, clip=clip)
            made = workspace.path(f"whole{job.target.suffix}")
            _coded(server, task, media, made, progress, None, job.target)
        else:
            made = workspace.path("mask.mkv")
            _coded_mask(server, arguments, media, clip, made, progress, None, job.target)
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


def _keep_mask(
    job: Job, server: FrameServer, arguments: Mapping[str, str], media: Media, clip: Clip, progress: Progress
) -> None:
    """Write the mask that is found; one that an earlier run of this job, spread as well, has written is taken."""
    assert job.kept is not None
    name = name_of(arguments)
    if job.spread is not None and job.kept.exists() and store.noted(job.target, name) == asdict(stamp_of(job.kept)):
        return
    with Workspace(job.kept, job.overwrite) as beside:
        made = beside.path("mask.mkv")
        _coded_mask(server, arguments, media, clip, made, progress, job.spread, job.target)
        beside.publish(made)
    if job.spread is not None:
        store.note(job.target, name, asdict(stamp_of(job.kept)))


def _coded_mask(
    server: FrameServer, arguments: Mapping[str, str], media: Media, clip: Clip, whole: Path, progress: Progress,
    spread: Spread | None, target: Path,
) -> None:  # fmt: skip
    """The mask as a lossless video, with the clip's times and nothing else of it; as `_coded`."""
    shape = {name: clip.props[name] for name in ("_SARNum", "_SARDen") if name in clip.props}
    gray = replace(clip, format="GRAY8", props=shape)
    alone = replace(media, streams=(media.video,))
    task = Task(script="mask.vpy", arguments=arguments, coding=_LOSSLESS, clip=gray)
    _coded(server, task, alone, whole, progress, spread, target)


def _coded(
    server: FrameServer, task: Task, media: Media, whole: Path, progress: Progress, spread: Spread | None, target: Path
) -> None:
    """Run a task, and join what came out with all else of the input, as file `whole`. target: the name that this, or
    what is made by it, will have: finished chunks lie beside it."""
    try:
        if spread is None:
            parts = [whole.with_name("picture")]
            encode(task.pipeline(server, progress.update), parts[0], whole.parent.parent)
        else:
            cuts = partial(cuts_of, media, task.clip)
            parts = spreading.done(spread, task, _period(task), cuts, target, server, progress)
        progress.update(task.clip.frames)  # vspipe tells of frames now and then, not of each
    finally:
        progress.close()
    _join(task, media, parts, whole)


def _period(task: Task) -> int:
    """Frames of a block of the task's script."""
    return int(task.arguments.get("period", Settings.period)) if task.script == "clean.vpy" else PERIOD


def _join(task: Task, media: Media, parts: Sequence[Path], whole: Path) -> None:
    """Put the parts of a picture together, in order, and all else of the input with them."""
    name, clip = task.coding.encoder, task.clip
    with ExitStack() as held:
        coded = [held.enter_context(opened(name, part)) for part in parts]
        check_count(name, sum(len(part.packets) for part in coded), clip.frames)
        if any(part.private != coded[0].private for part in coded):
            raise CommandError(f"{name} wrote chunks whose headers differ, which no file can hold; do without chunks")
        times = [t - clip.times[0] for t in clip.times]
        with Pipeline([mux_stage(media, clip, whole, name)], fed=True) as pipeline:
            with suppress(BrokenPipeError):  # where ffmpeg leaves early, its own words say why
                matroska.write(
                    pipeline.feed, [(part.data, part.packets) for part in coded], times, _end(clip, times),
                    coded[0].codec, coded[0].private, picture_of(clip),
                )  # fmt: skip
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
