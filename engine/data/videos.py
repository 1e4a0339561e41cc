"""Footage on disk: which videos there are, under which names their pieces go, and what they hold."""

from __future__ import annotations

import json
import re
import subprocess
import zlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from .. import footage
from ..cli.programs import find
from ..errors import OsdcleanError, PictureError


@dataclass(frozen=True, kw_only=True)
class Video:
    """A video file. name: what its pieces are called, unique among the videos of a run."""

    path: Path
    name: str

    @property
    def digest(self) -> str:
        """Eight hex digits of its place, for files that belong to this very file."""
        return f"{zlib.crc32(str(self.path).encode()):08x}"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What ffprobe tells of a video. width, height: pixels as players show it (turned, not stretched); fps: its mean
    rate; seconds: its length, 0 where the file does not say; matrix: its colour matrix, "" where it does not say."""

    width: int
    height: int
    fps: Fraction
    seconds: float
    matrix: str = ""

    @property
    def frames(self) -> int:
        """About how many frames it has."""
        return round(self.seconds * self.fps)


def found(places: Sequence[Path], without: Path | None = None) -> list[Video]:
    """Videos of files and folders (with all folders inside them), by path, each once.

    A video is called by its file's name without ending; where two share it, a digest of the place is added, so that a
    name depends on the place alone and not on the order. without: a folder to leave out (the output may lie in the
    footage).
    Raises OsdcleanError where a place is missing or holds none.
    """
    paths: dict[Path, None] = {}
    for place in places:
        if place.is_dir():
            inside = footage.videos(place, without=without)
            if not inside:
                raise OsdcleanError(
                    f"a folder of footage must hold a video ({', '.join(sorted(footage.VIDEO))}), passed {place}"
                )
        elif place.is_file():
            inside = [place]
        else:
            raise OsdcleanError(f"footage must be a file or a folder that exists, passed {place}")
        paths.update(dict.fromkeys(p.resolve() for p in inside))
    if not paths:
        raise OsdcleanError("footage must be at least one file or folder, passed none")
    plain = {p: re.sub(r"[^\w.-]", "_", p.stem) for p in sorted(paths)}
    # Folded: some file systems hold A.png and a.png to be one.
    shared = Counter(name.casefold() for name in plain.values())
    videos = [Video(path=p, name=name) for p, name in plain.items()]
    return [v if shared[v.name.casefold()] == 1 else Video(path=v.path, name=f"{v.name}-{v.digest}") for v in videos]


def probe(video: Video) -> Facts:
    """Look at a video; raises PictureError where ffprobe finds none that it can read."""
    done = subprocess.run(
        [find("ffprobe"), "-v", "error", "-select_streams", "V:0", "-show_entries",
         "stream=width,height,avg_frame_rate,r_frame_rate,duration,color_space:stream_side_data=rotation"
         ":format=duration", "-of", "json", f"file:{video.path}"],
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    report = json.loads(done.stdout or b"{}")
    streams = report.get("streams") or [{}]
    stream = streams[0]
    if not stream.get("width") or not stream.get("height"):
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise PictureError(f"no video that ffprobe can read{': ' + lines[-1][-200:] if lines else ''}")
    size = int(stream["width"]), int(stream["height"])
    if any(int(side.get("rotation", 0)) % 180 == 90 for side in stream.get("side_data_list", ())):
        size = size[::-1]
    rates = (stream.get("avg_frame_rate", "0/0"), stream.get("r_frame_rate", "0/0"))
    rate = next((r for r in map(_rate, rates) if 1 <= r <= 1000), Fraction(25))
    lengths = (stream.get("duration"), report.get("format", {}).get("duration"))
    seconds = next((float(s) for s in lengths if s and s != "N/A" and float(s) > 0), 0.0)
    matrix = stream.get("color_space", "")
    return Facts(
        width=size[0], height=size[1], fps=rate, seconds=seconds,
        matrix="" if matrix in ("unknown", "unspecified", "reserved") else matrix,
    )  # fmt: skip


def probed(videos: Sequence[Video]) -> tuple[dict[Video, Facts], list[str]]:
    """Facts of the videos that can be read, and a line for each that cannot."""

    def look(video: Video) -> Facts | PictureError:
        try:
            return probe(video)
        except PictureError as error:
            return error

    with ThreadPoolExecutor(4) as threads:
        seen = list(zip(videos, threads.map(look, videos), strict=True))
    facts = {video: told for video, told in seen if isinstance(told, Facts)}
    return facts, [f"{video.path.name}: {told}" for video, told in seen if isinstance(told, PictureError)]


def _rate(text: str) -> Fraction:
    """A rate of ffprobe's, 0 where it says 0/0; the mean of uneven frames is brought to a short fraction."""
    over, _, under = text.partition("/")
    return Fraction(int(over), int(under)).limit_denominator(1001) if int(under or 1) else Fraction(0)
