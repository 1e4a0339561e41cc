"""Frames of a whole clip that are looked at once, whichever frame is asked for first. Knows no picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

from _osdclean_host import ffi

from . import faults
from .blocks import GROUP, Failure
from .filters import Input
from .frames import Frame, available


class Sample[R]:
    """What a look at some frames of a clip tells. Thread-safe.

    They are asked for when the first frame is, a group at a time; whichever frame finds them complete draws the
    conclusion, and the others wait for it. A failure is told to every frame.
    """

    def __init__(self, wanted: Sequence[int], see: Callable[[int, Frame], None], conclude: Callable[[], R]) -> None:
        """wanted: numbers of the frames, rising; see: called with each one's place among them and the frame, in any
        order; conclude: called once all were seen."""
        self._wanted, self._see, self._conclude = tuple(wanted), see, conclude
        self._unseen = dict(zip(self._wanted, range(len(self._wanted)), strict=True))
        self._result: R | Failure | None = None
        self._lock = Lock()

    def result(self, n: int, source: Input, asked, context, core, vsapi) -> R | Failure | None:
        """The conclusion; None after asking for more frames on behalf of frame `n`.

        asked: the host's note of this request: less than 0 where the last group was asked for here.
        """
        with self._lock:
            first = -int(ffi.cast("intptr_t", asked[0])) - 1
            if first >= 0:
                asked[0] = ffi.NULL
            if self._result is not None:
                return self._result
            try:
                if first >= 0:
                    self._harvest(first, n, source, context, vsapi)
                if not self._unseen:
                    self._result = self._conclude()
            except BaseException as error:  # told to every frame, by its own callback
                self._result = Failure(faults.told(error, core, vsapi))
            if self._result is not None:
                return self._result
            group = list(self._unseen)[:GROUP]
            for k in group:
                vsapi.requestFrameFilter(k, source.node, context)
            asked[0] = ffi.cast("void *", -1 - group[0])
            return None

    def _harvest(self, first: int, n: int, source: Input, context, vsapi) -> None:
        """Look at what came in of the group that begins with frame `first`, and give all but frame `n` back."""
        at = self._wanted.index(first)
        for k in self._wanted[at : at + GROUP]:
            if k in self._unseen:
                with available(k, source.node, context, vsapi) as frame:
                    if frame is not None:
                        self._see(self._unseen.pop(k), frame)
            if k != n:
                vsapi.releaseFrameEarly(source.node, k, context)
