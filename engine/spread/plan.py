"""Where a clip is cut into chunks.

1. Chunks tile the clip, and are of about equal length: `wanted`.
2. A border is a scene cut where there is one within a quarter of that length of its place, since the encoder begins
   anew there in any case; else a multiple of the script's `period`, so that no block is worked on twice.
3. Four chunks for each hand, so that the last ones to end do not wait long for each other; but none shorter than
   LEAST, for each begins with some seconds of starting and of looking at what comes before it and after, and none
   longer than MOST, for what is unfinished is lost in a crash. Where LEAST would leave hands idle, one for each.
   Where each start costs minutes, as with Unblend, one for each as well.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

#: Frames of a chunk, see #3 and docs/distributed.md.
LEAST, MOST = 960, 3600
#: Chunks for each hand.
EACH = 4


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Frames `start` to `stop - 1` of a clip. number: in the order of the clip, from 1."""

    number: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def __str__(self) -> str:
        return f"chunk {self.number} (frames {self.start} to {self.stop - 1})"

    @property
    def frames(self) -> range:
        return range(self.start, self.stop)


def wanted(frames: int, hands: int, period: int, each: int = EACH) -> int:
    """Frames of a chunk, for a clip of so many and so many hands. each: chunks for a hand (#3)."""
    length = min(max(frames // (each * hands), LEAST), MOST)
    return max(min(length, -(-frames // hands)), period)


def chunks(frames: int, length: int, period: int, cuts: Sequence[int] = ()) -> tuple[Chunk, ...]:
    """The chunks of a clip of `frames`, of about `length` each. cuts: frames where a scene starts, rising."""
    count = max(1, round(frames / length))
    borders = [0]
    for k in range(1, count):
        place = k * frames // count
        border = _nearest(cuts, place)
        if border is None or abs(border - place) > length // 4:
            border = (place + period // 2) // period * period
        if borders[-1] < border < frames:
            borders.append(border)
    return of_borders([*borders, frames])


def of_borders(borders: Sequence[int]) -> tuple[Chunk, ...]:
    """Chunks from each border to the next."""
    return tuple(Chunk(number=k, start=start, stop=stop) for k, (start, stop) in enumerate(pairwise(borders), 1))


def _nearest(numbers: Sequence[int], place: int) -> int | None:
    """The one of rising numbers that is nearest to a place."""
    at = bisect_left(numbers, place)
    return min(numbers[max(0, at - 1) : at + 1], key=lambda n: abs(n - place), default=None)
