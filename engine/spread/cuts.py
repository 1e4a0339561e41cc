"""Scene cuts as the coder of the input saw them, without decoding a frame.

A coder puts a key frame after so many frames at the latest, and an early one where the scene changes. So a key frame
that comes well before its time is taken for a cut. A camera's key frames all come in time. What is taken for a cut and
is none costs nothing but a border within a block: the block is worked on from both sides.
"""

from __future__ import annotations

import subprocess
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from ..cli.frameserver import Clip
from ..cli.media import Media
from ..cli.programs import find

#: Share of the longest way between key frames up to which one is early.
EARLY = 0.9


def cuts_of(media: Media, clip: Clip) -> tuple[int, ...]:
    """Frames where a scene starts, rising; none where the file does not tell."""
    words = [find("ffprobe"), "-v", "error", "-select_streams", str(media.video.index)]
    words += ["-show_entries", "packet=pts_time,flags", "-of", "csv=p=0", f"file:{media.path}"]
    told = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout
    packets = [line.split(",") for line in told.split()]
    seconds = sorted(float(pts) for pts, flags, *_ in packets if "K" in flags and pts != "N/A")
    return early(sorted({_frame_at(clip.times, round(each * 1e9)) for each in seconds}), clip.frames)


def early(keys: Sequence[int], frames: int) -> tuple[int, ...]:
    """The key frames that came before their time. keys: numbers of all, rising; frames: of the clip."""
    longest = max((b - a for a, b in pairwise([*keys, frames])), default=0)
    return tuple(b for a, b in pairwise(keys) if b - a < EARLY * longest)


def _frame_at(times: Sequence[int], time: int) -> int:
    """The frame that starts nearest to a time."""
    at = bisect_left(times, time)
    return min(range(max(0, at - 1), min(at + 1, len(times))), key=lambda n: abs(times[n] - time))
