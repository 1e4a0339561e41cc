"""What a media file holds, as ffprobe tells it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .failure import CommandError
from .pipeline import Stage, run
from .programs import find


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One stream. kind: video, audio, subtitle, attachment or data.

    picture: it is a cover picture. turned: players turn it by 90 degrees either way. told: all that ffprobe says of it.
    """

    index: int
    kind: str
    codec: str
    picture: bool
    turned: bool = False
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Media:
    """A file and its streams. start, duration: seconds, 0 where the file does not say."""

    path: Path
    streams: tuple[Stream, ...]
    start: float
    duration: float

    @property
    def video(self) -> Stream:
        """The stream that is to be cleaned; raises CommandError where there is none."""
        for stream in self.streams:
            if stream.kind == "video" and not stream.picture:
                return stream
        held = ", ".join(sorted({stream.kind for stream in self.streams})) or "nothing known"
        raise CommandError(f"{self.path} has no video (it holds: {held}); give a video file")


def probe(path: Path) -> Media:
    """Look at a file; raises CommandError where it is missing, empty or not a media file."""
    require_file(path, "input")
    output = run(
        Stage(
            name="ffprobe",
            command=[
                find("ffprobe"),
                *("-v", "error", "-of", "json", "-show_streams", "-show_format"),
                f"file:{path}",
            ],
            advice=f"Is {path} a whole video file?",
        )
    )
    report = json.loads(output)
    return Media(
        path=path,
        streams=tuple(
            Stream(
                index=each["index"],
                kind=each.get("codec_type", "data"),
                codec=each.get("codec_name", "unknown"),
                picture=bool(each.get("disposition", {}).get("attached_pic")),
                turned=any(side.get("rotation", 0) % 180 == 90 for side in each.get("side_data_list", ())),
                told=each,
            )
            for each in report.get("streams", ())
        ),
        start=float(report.get("format", {}).get("start_time", 0)),
        duration=float(report.get("format", {}).get("duration", 0)),
    )


def require_file(path: Path, role: str) -> None:
    """Raise CommandError unless `path` is a readable file with something in it."""
    if not path.exists():
        raise CommandError(f"{role} {path} does not exist; check its name")
    if path.is_dir():
        raise CommandError(f"{role} {path} is a folder; give a file")
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise CommandError(f"{role} {path} is empty; was it copied to the end?")
    except OSError as error:
        raise CommandError(f"{role} {path} cannot be read: {error.strerror}") from None
