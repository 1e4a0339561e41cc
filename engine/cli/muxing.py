"""Joining the cleaned picture with everything else of the input: sound, subtitles, chapters, fonts, names."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from .failure import CommandError
from .frameserver import Clip
from .media import Media, Stream
from .pipeline import Stage
from .programs import find

#: Containers of the MP4 kind, which hold no other subtitles than their own text.
_MP4 = frozenset((".mp4", ".m4v", ".mov"))
_TEXT = frozenset(("subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"))
#: Kinds that are carried over; timecode tracks and the like are tied to their container.
_KEPT = {"audio": "a", "subtitle": "s", "attachment": "t"}
#: Tags of the old video stream that tell of its bytes, not of its content.
_STALE = (
    "BPS",
    "DURATION",
    "NUMBER_OF_FRAMES",
    "NUMBER_OF_BYTES",
    "_STATISTICS_WRITING_APP",
    "_STATISTICS_WRITING_DATE_UTC",
    "_STATISTICS_TAGS",
    "encoder",
    "rotate",
)


def check_container(output: Path, media: Media, encoder: str) -> None:
    """Raise CommandError where the output's container cannot hold what would go into it."""
    suffix = output.suffix.lower()
    if suffix not in {".mkv", *_MP4}:
        raise CommandError(f"output must end in .mkv, .mp4, .m4v or .mov, passed {output.name}")
    if suffix in _MP4 and encoder == "ffv1":
        raise CommandError(f"{output.name} cannot hold ffv1; name the output .mkv")
    if suffix in _MP4:
        for stream in media.streams:
            if stream.kind == "subtitle" and stream.codec not in _TEXT:
                raise CommandError(
                    f"{output.name} cannot hold the input's {stream.codec} subtitles; name the output .mkv"
                )


def mux_stage(media: Media, clip: Clip, output: Path, encoder: str) -> Stage:
    """ffmpeg that reads the cleaned picture (Matroska) from stdin and writes the whole file."""
    video, suffix = media.video, output.suffix.lower()
    # ffmpeg lets each input begin at 0: the picture's own lead over the file's start is given back
    lead = max(0.0, clip.times[0] / 1e9 - media.start)
    words = [find("ffmpeg"), "-v", "error", "-y"]
    words += ["-itsoffset", f"{lead:.9f}", "-f", "matroska", "-i", "pipe:0"]
    words += ["-i", f"file:{media.path}", "-map", "0:v:0"]
    for stream, option, codec in _carried(media, suffix):
        words += ["-map", f"1:{stream.index}", f"-c:{option}", codec]
        # ffmpeg leaves the copying of names to us once we name one stream's
        words += [f"-map_metadata:s:{option}", f"1:s:{stream.index}"]
        if stream.picture:
            words += [f"-disposition:{option}", "attached_pic"]
    words += ["-c:v:0", "copy", "-disposition:v:0", "default", "-map_metadata", "1", "-map_chapters", "1"]
    words += ["-map_metadata:s:v:0", f"1:s:{video.index}"]
    for tag in _STALE:
        words += ["-metadata:s:v:0", f"{tag}="]
    words += ["-max_interleave_delta", "0"]
    if suffix in _MP4:
        words += ["-video_track_timescale", str(_timescale(*clip.timebase)), "-movflags", "+faststart"]
        words += ["-tag:v:0", "hvc1"] if encoder == "x265" else []  # Apple's players know no hev1
    return Stage(
        name="ffmpeg",
        command=[*words, f"file:{output}"],
        advice="An output named .mkv holds nearly every kind of stream.",
    )


def _timescale(num: int, den: int) -> int:
    """Ticks per second in which every time of a timebase is whole, fine enough for decoding times between."""
    return den * -(-10_000 // den) if num == 1 and den <= 1_000_000 else 90_000


def _carried(media: Media, suffix: str) -> Iterator[tuple[Stream, str, str]]:
    """The input's other streams, each with its place in the output and the codec to use."""
    count = {"v": 1, "a": 0, "s": 0, "t": 0}
    for stream in media.streams:
        letter = "v" if stream.picture else _KEPT.get(stream.kind)
        if letter is None or (letter == "t" and suffix in _MP4):
            continue
        codec = "copy"
        if letter == "s" and suffix in _MP4 and stream.codec != "mov_text":
            codec = "mov_text"
        elif letter == "s" and suffix not in _MP4 and stream.codec == "mov_text":
            codec = "srt"
        yield stream, f"{letter}:{count[letter]}", codec
        count[letter] += 1


def frame_count(file: Path) -> int:
    """Frames of the first video stream of a finished file; 0 where it cannot be read."""
    words = [find("ffprobe"), "-v", "error", "-select_streams", "v:0", "-count_packets"]
    words += ["-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", f"file:{file}"]
    told = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout
    return int(told.strip().rstrip(",") or 0)
