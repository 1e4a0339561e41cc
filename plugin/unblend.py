"""The node of `Unblend`: a mark is estimated once, from frames of the whole clip, and taken out of each frame.

1. Which frames the estimate sees depends on the clip's length alone.
2. They are asked for when the first frame is (see `sample`).
3. Every frame carries, as property `_Thin`, the mask of what could not be solved for, for `std.PropToClip`.
"""

from __future__ import annotations

from contextlib import ExitStack, closing

from _osdclean_host import lib

from ..engine.errors import OsdcleanError
from ..engine.unblend.estimate import Observer, sample_frames
from ..engine.unblend.mark import Mark
from . import arguments
from .blocks import GROUP, Failure
from .filters import Filter, Input, serve
from .frames import Frame, Layout, available, mask_frame
from .masks import marked
from .sample import Sample

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
        wanted = sample_frames(source.info.numFrames)  # 1
        self._sample: Sample[Mark] = Sample(wanted, self._see, self._conclude)
        self._count = len(wanted)
        self._observer: Observer | None = None
        self._looked = False
        self._thin: Frame | None = None
        source.keep(GROUP)

    def get_frame(self, n: int, reason: int, asked, context, core):
        """As the host's. asked: notes the group last asked for, see `Sample.result`."""
        if reason == lib.arInitial:
            self._vsapi.requestFrameFilter(n, self._source.node, context)
            if not self._looked:
                self._vsapi.requestFrameFilter(0, self._mask.node, context)
            return None
        if reason != lib.arAllFramesReady:
            return None
        if not self._looked:
            self._look(context)
        mark = self._sample.result(n, self._source, asked, context, core, self._vsapi)
        if mark is None:
            return None
        if isinstance(mark, Failure):
            raise OsdcleanError(mark.text)
        if self._thin is None:
            self._thin = mask_frame(mark.thin, None, core, self._vsapi)
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

    def _look(self, context) -> None:
        """Begin to observe what the mask covers."""
        with available(0, self._mask.node, context, self._vsapi) as frame:
            hole = marked(frame, self._mask.info, self._grow)
        self._observer, self._looked = Observer(self._picture, hole, self._count), True

    def _see(self, k: int, frame: Frame) -> None:
        self._observer.see(k, frame.read(self._layout))

    def _conclude(self) -> Mark:
        mark, self._observer = self._observer.mark(), None
        return mark
