"""Blocks in work: which window is being gathered, which patches are kept. Knows no host and no picture.

Policy of work:
1. One window is gathered at a time, whoever asks: memory is one window, and no frame is asked for in vain.
2. A frame whose block must wait helps to gather the window in work; each activation brings it nearer its end.
3. The frame that finds the window complete runs the pass, whichever block it belongs to.
4. Patches stay while a frame of their block is under way, and then among the `cache` latest blocks.
5. What a frame becomes depends on its own block's window alone; 1..4 decide only when.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

#: Frames asked for at once: more would throw each other out of the caches of filters before us.
GROUP = 20
#: Blocks beyond `cache` that frames under way may hold; only a bound, in case a request never ends.
PINNED = 16


@dataclass(kw_only=True)
class Gathering[F, H]:
    """The window of one block on its way in; `frames` and `holes` grow until no frame is missing."""

    block: int
    window: range
    frames: dict[int, F] = field(default_factory=dict)
    holes: dict[int, H] = field(default_factory=dict)

    def missing(self) -> list[int]:
        """Frames of the next group that are not in hand, within a span of GROUP frames."""
        first = next((n for n in self.window if n not in self.frames), None)
        if first is None:
            return []
        return [n for n in range(first, min(first + GROUP, self.window.stop)) if n not in self.frames]


@dataclass(frozen=True)
class Failure:
    """What came of a pass that failed: a line for the user."""

    text: str


class Blocks[P]:
    """Results by block: patches, or the error of a pass, and the frames that wait for them."""

    def __init__(self, cache: int) -> None:
        self._cache = cache
        self._results: OrderedDict[int, P | Failure] = OrderedDict()
        self._under_way: dict[int, set[int]] = {}
        self._lock = Lock()  # frames begin on many threads at once

    def begin(self, block: int, n: int) -> None:
        """Frame `n` of `block` is under way; may be told again."""
        with self._lock:
            self._under_way.setdefault(block, set()).add(n)

    def end(self, block: int, n: int) -> bool:
        """Frame `n` is done or has failed; returns whether others of its block are still under way."""
        with self._lock:
            frames = self._under_way.get(block, set())
            frames.discard(n)
            if not frames:
                self._under_way.pop(block, None)
            self._trim()
            return bool(frames)

    def get(self, block: int) -> P | Failure | None:
        with self._lock:
            result = self._results.get(block)
            if result is not None:
                self._results.move_to_end(block)
            return result

    def put(self, block: int, result: P | Failure) -> None:
        with self._lock:
            self._results[block] = result
            self._trim()

    def clear(self) -> None:
        with self._lock:
            self._results.clear()
            self._under_way.clear()

    def __len__(self) -> int:
        return len(self._results)

    def _trim(self) -> None:
        # An error is told to the frames that wait for it and then forgotten: memory may be free again.
        for block in [b for b, r in self._results.items() if isinstance(r, Failure)]:
            if block not in self._under_way:
                del self._results[block]
        excess = len(self._results) - self._cache
        for block in list(self._results)[: max(excess, 0)]:
            if block not in self._under_way:
                del self._results[block]
        while len(self._results) > self._cache + PINNED:
            self._results.popitem(last=False)
