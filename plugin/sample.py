"""Frames of a whole clip, or of two, that are looked at once, whichever frame is asked for first. Knows no picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

from _osdclean_host import ffi

from . import faults
from .blocks import GROUP, Failure
from .filters import Input
from .frames import Frame, available

#: Frames of a second clip asked for at once: each may cost a block of `Inpaint`, which keeps but some of them.
FEW = 8


class Sample[R]:
    """What a look at some frames of a clip tells. Thread-safe.

    They are asked for when the first frame is, a group at a time; whichever frame finds them complete draws the
    conclusion, and the others wait for it. A failure is told to every frame.
    """

    def __init__(
        self,
        wanted: Sequence[int],
        see: Callable[[int, Frame], None],
        conclude: Callable[[], R],
        others: Sequence[int] = (),
    ) -> None:
        """wanted: numbers of the frames, rising; others: of a second clip; see: called with each one's place among the
        two lists, one after the other, and the frame, in any order; conclude: called once all were seen."""
        self._wanted, self._see, self._conclude = (*wanted, *others), see, conclude
        self._firsts, self._unseen = len(wanted), set(range(len(self._wanted)))
        self._result: R | Failure | None = None
        self._lock = Lock()

    def result(
        self, n: int, source: Input, asked, context, core, vsapi, second: Input | None = None
    ) -> R | Failure | None:
        """The conclusion; None after asking for more frames on behalf of frame `n`. second: the clip of the `others`.

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
                    self._harvest(first, n, source, second, context, vsapi)
                if not self._unseen:
                    self._result = self._conclude()
            except BaseException as error:  # told to every frame, by its own callback
                self._result = Failure(faults.told(error, core, vsapi))
            if self._result is not None:
                return self._result
            unseen = sorted(self._unseen)
            group = [place for place in unseen if place < self._firsts][:GROUP] or unseen[:FEW]
            for place in group:
                vsapi.requestFrameFilter(self._wanted[place], self._of(place, source, second).node, context)
            asked[0] = ffi.cast("void *", -1 - group[0])
            return None

    def _harvest(self, first: int, n: int, source: Input, second: Input | None, context, vsapi) -> None:
        """Look at what came in of the group that begins at place `first`, and give all but the source's frame `n`
        back."""
        for place in range(first, min(first + GROUP, len(self._wanted))):
            k, clip = self._wanted[place], self._of(place, source, second)
            if place in self._unseen:
                with available(k, clip.node, context, vsapi) as frame:
                    if frame is not None:
                        self._unseen.discard(place)
                        self._see(place, frame)
            if k != n or clip.address != source.address:
                vsapi.releaseFrameEarly(clip.node, k, context)

    def _of(self, place: int, source: Input, second: Input | None) -> Input:
        """The clip that the frame at a place is of."""
        return source if second is None or place < self._firsts else second
