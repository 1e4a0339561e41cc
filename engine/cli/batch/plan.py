"""What a command would do, for --dry-run: read from the command line, the settings files and the head of each input.

Nothing is decoded, found or written. The encoder's words are those of `coding`, for a clip as ffprobe describes it;
what stands in the frames alone, as the brightness of HDR, is not among them.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...errors import OsdcleanError
from .. import cleaning, coding
from ..cleaning import Job, MaskJob
from ..encoders import MATRIX, PRIMARIES, TRANSFER
from ..failure import CommandError
from ..frameserver import Clip
from ..media import Media, Stream
from ..terminal import coloured
from ..workspace import Workspace
from .runner import SOME_FAILED
from .tasks import Task, skipped

_CHROMA = ("left", "center", "topleft", "top", "bottomleft", "bottom")
#: Pixel formats whose names do not tell what VapourSynth's do.
_PACKED = {
    "nv12": "YUV420P8", "nv21": "YUV420P8", "p010le": "YUV420P10", "nv16": "YUV422P8", "nv24": "YUV444P8",
    "yuyv422": "YUV422P8", "uyvy422": "YUV422P8", "rgb24": "RGB24", "bgr24": "RGB24", "rgba": "RGB24", "bgra": "RGB24",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What would be done with one input. action: clean, mask, skip or refuse; why: for the last two.

    facts: of the input; hole: what would be removed; encoder: the command that would encode; empty where unknown.
    """

    task: Task
    action: str
    why: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    hole: Mapping[str, Any] = field(default_factory=dict)
    encoder: Sequence[str] = ()

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        task = self.task
        options = {
            name.replace("_", "-"): {"value": getattr(task.taken.args, name), "from": origin}
            for name, origin in task.taken.origins.items()
        }
        told = {"input": str(task.source), "output": str(task.target), "action": self.action, "why": self.why}
        told |= {"facts": self.facts, "hole": self.hole, "encoder": list(self.encoder), "options": options}
        return {name: value for name, value in told.items() if value or name == "options"}

    def words(self) -> list[str]:
        """As people have it."""
        task, told = self.task, self.told()
        colour = {"skip": "yellow", "refuse": "red"}.get(self.action, "green")
        lines = [f"{task.source} -> {task.target}: {coloured(self.action, colour, sys.stdout)}"]
        lines[0] += f", {self.why}" if self.why else ""
        parts = {
            "input": ", ".join(f"{value}" for value in self.facts.values()),
            "hole": ", ".join(f"{name} {value}" for name, value in self.hole.items()),
            "encoder": shlex.join(self.encoder),
        }
        by_origin: dict[str, list[str]] = {}
        for name, each in told["options"].items():
            value = shlex.join(each["value"]) if isinstance(each["value"], list) else each["value"]
            by_origin.setdefault(each["from"], []).append(f"{name} {value}")
        parts |= {f"from {origin}:": ", ".join(options) for origin, options in by_origin.items()}
        return lines + [f"  {name:<8} {text}" for name, text in parts.items() if text]


def for_clean(task: Task, job: Job, into_folder: bool) -> Planned:
    """What `clean` would do with one input. into_folder: whether what is there is skipped, or refused."""
    hole = {"mask": job.mask} if job.mask else dict(_found(job.find))
    if job.unblend is not None:
        hole["unblend"] = "yes" if job.unblend else "no"
    return _planned(task, job, "clean", hole, into_folder)


def for_mask(task: Task, job: MaskJob, into_folder: bool) -> Planned:
    """What `mask` would do with one input."""
    return _planned(task, job, "mask", dict(_found(job.find)), into_folder)


def _found(find: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name.removeprefix("find_"), value) for name, value in find.items()]


def _planned(
    task: Task, job: Job | MaskJob, action: str, hole: Mapping[str, Any], into_folder: bool
) -> Planned:
    if into_folder and (why := skipped(job, job.overwrite)):
        return Planned(task=task, action="skip", why=f"{why} (--overwrite replaces it)", hole=hole)
    try:
        if not into_folder:
            Workspace(job.target, job.overwrite).refuse()
        media = cleaning.checked(job)
        clip = clip_of(media.video)
        words: Sequence[str] = ()
        if job.coding is not None and clip is not None:
            words = coding.encoder_stage(clip, job.coding)[1].command
    except OsdcleanError as error:
        return Planned(task=task, action="refuse", why=str(error), hole=hole)
    return Planned(task=task, action=action, facts=_facts(media, clip), hole=hole, encoder=words)


def _facts(media: Media, clip: Clip | None) -> dict[str, Any]:
    stream, facts = media.video, {}
    if clip is not None:
        facts["size"] = f"{clip.width}x{clip.height}"
    facts |= {"codec": stream.codec, "pixel_format": stream.told.get("pix_fmt", "unknown")}
    if clip is not None and clip.fps[1]:
        facts["rate"] = f"{clip.fps[0] / clip.fps[1]:.3f} frames/s"
    if media.duration:
        facts["duration"] = f"{media.duration:.1f} s"
    others = [f"{each.codec} {each.kind}" for each in media.streams if each is not stream]
    return facts | ({"also": " + ".join(others)} if others else {})


def clip_of(stream: Stream) -> Clip | None:
    """A clip as far as ffprobe can describe it, without its frames; None where its format has no name here."""
    told = stream.told
    name = format_of(told.get("pix_fmt", ""))
    if name is None:
        return None
    size = int(told.get("width", 0)), int(told.get("height", 0))
    props: dict[str, Any] = {}
    for prop, table, key in (
        ("_Matrix", MATRIX, "color_space"),
        ("_Transfer", TRANSFER, "color_transfer"),
        ("_Primaries", PRIMARIES, "color_primaries"),
    ):
        codes = {word: code for code, word in table.items()}
        props[prop] = codes.get(told.get(key, ""), 2)
    if "color_range" in told:
        props["_Range"] = int(told["color_range"] == "pc")
    if told.get("chroma_location") in _CHROMA:
        props["_ChromaLocation"] = _CHROMA.index(told["chroma_location"])
    sar = re.fullmatch(r"(\d+):(\d+)", told.get("sample_aspect_ratio", ""))
    props |= {"_SARNum": int(sar[1]), "_SARDen": int(sar[2])} if sar else {}
    rate = re.fullmatch(r"(\d+)/(\d+)", told.get("avg_frame_rate", ""))
    width, height = size[::-1] if stream.turned else size
    return Clip(
        width=width, height=height, frames=0, format=name, fps=(int(rate[1]), int(rate[2])) if rate else (0, 1),
        timebase=(1, 1000), times=(), props=props, turned=stream.turned,
    )  # fmt: skip


def format_of(pixels: str) -> str | None:
    """VapourSynth's name of a pixel format of ffmpeg's, such as YUV420P10 for yuv420p10le."""
    if pixels in _PACKED:
        return _PACKED[pixels]
    found = re.fullmatch(r"(?:yuvj?a?(\d{3})p|(gray)|(gbrp))(\d+)?(?:le|be)?", pixels)
    if found is None:
        return None
    sampling, gray, _, bits = found.groups()
    depth = int(bits or 8)
    return f"YUV{sampling}P{depth}" if sampling else f"GRAY{depth}" if gray else f"RGB{3 * depth}"


def tell(plans: Sequence[Planned], as_json: bool, into_folder: bool) -> int:
    """Write what would be done to stdout; the exit status. Raises CommandError where the only input is refused."""
    if not into_folder and plans[0].action == "refuse":
        raise CommandError(plans[0].why)
    counts = {action: sum(plan.action == action for plan in plans) for action in ("clean", "mask", "skip", "refuse")}
    if as_json:
        print(json.dumps({"dry_run": True, "files": [plan.told() for plan in plans], **counts}, indent=2))
    else:
        for plan in plans:
            print("\n".join(plan.words()))
        print(f"would {', '.join(f'{action} {count}' for action, count in counts.items() if count)}; nothing was done")
    return SOME_FAILED if counts["refuse"] else 0
