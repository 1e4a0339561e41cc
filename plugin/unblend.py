"""The node of `Unblend`: a mark is estimated once, from frames of the whole clip, and taken out of each frame.

1. Which frames the estimate sees depends on the clip's length alone.
2. They are asked for when the first frame is, a group at a time; whichever frame finds them complete has the mark
   estimated, and the others wait for it.
3. Every frame carries, as property `_Thin`, the mask of what could not be solved for, for `std.PropToClip`.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from threading import Lock

from _osdclean_host import ffi, lib

from ..engine.errors import OsdcleanError
from ..engine.unblend.estimate import Observer, sample_frames
from ..engine.unblend.mark import Mark
from . import arguments, faults
from .blocks import GROUP, Failure
from .filters import Filter, Input, serve
from .frames import Frame, Layout, available, mask_frame
from .masks import marked

THIN = b"_Thin"


def create(given, out, core, vsapi) -> None:
    """Make a node of the arguments `given` and put it into `out`; raises OsdcleanError for bad arguments."""
    with ExitStack() as undo:
        source, mask = (undo.enter_context(closing(Input(given, key, vsapi))) for key in (b"clip", b"mask"))
        picture = arguments.picture_of(source.info, vsapi)
        arguments.check_mask(mask.info, source.info, vsapi)
        node = Unblend(source, mask, picture, arguments.grow_of(given, vsapi), vsapi)
        undo.pop_all()
    serve(node, out, source.info, [(source, lib.rpGeneral), (mask, lib.rpGeneral)], core, vsapi)


class Unblend(Filter):
    """State of one `Unblend` call."""

    NAME = "Unblend"

    def __init__(self, source: Input, mask: Input, picture, grow: int, vsapi) -> None:
        self._source, self._mask, self._picture, self._grow, self._vsapi = source, mask, picture, grow, vsapi
        self._layout = Layout.of(source.info)
        self._wanted = sample_frames(source.info.numFrames)  # 1
        self._unseen = dict(zip(self._wanted, range(len(self._wanted)), strict=True))
        self._observer: Observer | None = None
        self._mark: Mark | Failure | None = None
        self._thin: Frame | None = None
        self._lock = Lock()
        source.keep(GROUP)

    def get_frame(self, n: int, reason: int, asked, context, core):
        """As the host's. asked: notes, plus 1, the first frame of the group last asked for."""
        if reason == lib.arInitial:
            self._vsapi.requestFrameFilter(n, self._source.node, context)
            if self._observer is None and self._mark is None:
                self._vsapi.requestFrameFilter(0, self._mask.node, context)
            return None
        if reason != lib.arAllFramesReady:
            return None
        mark = self._known(n, asked, context, core)
        if mark is None:
            return None
        if isinstance(mark, Failure):
            raise OsdcleanError(mark.text)
        with available(n, self._source.node, context, self._vsapi) as source, source.copy(core) as solved:
            mark.apply(solved.write(self._layout))
            solved.attach(THIN, self._thin)
            return solved.give()

    def release(self) -> None:
        self._observer = None
        if self._thin is not None:
            self._thin.close()
        self._source.close()
        self._mask.close()

    def _known(self, n: int, asked, context, core) -> Mark | Failure | None:
        """The mark, or None after asking for more of what it is estimated from (2)."""
        with self._lock:
            if self._mark is not None:
                return self._mark
            try:
                self._observe(n, asked, context)
                if not self._unseen:
                    mark = self._observer.mark()
                    self._thin = mask_frame(mark.thin, None, core, self._vsapi)
                    self._mark, self._observer = mark, None
            except BaseException as error:  # told to every frame, by its own callback
                self._mark, self._observer = Failure(faults.told(error, core, self._vsapi)), None
            if self._mark is not None:
                return self._mark
            group = list(self._unseen)[:GROUP]
            for k in group:
                self._vsapi.requestFrameFilter(k, self._source.node, context)
            asked[0] = ffi.cast("void *", group[0] + 1)
            return None

    def _observe(self, n: int, asked, context) -> None:
        """Look at what came in of the frames that are asked for."""
        if self._observer is None:
            with available(0, self._mask.node, context, self._vsapi) as frame:
                hole = marked(frame, self._mask.info, self._grow)
            self._observer = Observer(self._picture, hole, len(self._wanted))
        first = int(ffi.cast("uintptr_t", asked[0])) - 1
        asked[0] = ffi.NULL
        if first < 0:
            return
        at = self._wanted.index(first)
        for k in self._wanted[at : at + GROUP]:
            if k in self._unseen:
                with available(k, self._source.node, context, self._vsapi) as frame:
                    if frame is not None:
                        self._observer.see(self._unseen.pop(k), frame.read(self._layout))
            if k != n:
                self._vsapi.releaseFrameEarly(self._source.node, k, context)
