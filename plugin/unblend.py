"""The node of `Unblend`: a mark is estimated once, from frames of the whole clip, and taken out of each frame.

1. Which frames the estimate sees, of the clip and of its inpainted version, depends on the clip's length alone.
2. They are asked for when the first frame is (see `sample`).
3. Every frame carries, as property `_Thin`, the mask of what could not be solved for, for `std.PropToClip`.
"""

from __future__ import annotations

from contextlib import ExitStack, closing

from _osdclean_host import lib

from ..engine.errors import OsdcleanError
from ..engine.unblend.estimate import Observer, guess_places, sample_frames
from ..engine.unblend.mark import Mark
from . import arguments
from .blocks import GROUP, Failure
from .filters import Filter, Input, serve
from .frames import Frame, Layout, available, mask_frame
from .masks import marked
from .sample import FEW, Sample

THIN = b"_Thin"


def create(given, out, core, vsapi) -> None:
    """Make a node of the arguments `given` and put it into `out`; raises OsdcleanError for bad arguments."""
    with ExitStack() as undo:
        source, mask = (undo.enter_context(closing(Input(given, key, vsapi))) for key in (b"clip", b"mask"))
        picture = arguments.picture_of(source.info, vsapi)
        arguments.check_mask(mask.info, source.info, vsapi)
        inpainted = None
        if arguments.has(given, "inpainted", vsapi):
            inpainted = undo.enter_context(closing(Input(given, b"inpainted", vsapi)))
            arguments.check_alike(inpainted.info, source.info, vsapi, "inpainted")
        node = Unblend(source, mask, inpainted, picture, arguments.grow_of(given, vsapi), vsapi)
        undo.pop_all()
    inputs = [one for one in (source, mask, inpainted) if one is not None]
    serve(node, out, source.info, [(one, lib.rpGeneral) for one in inputs], core, vsapi)


class Unblend(Filter):
    """State of one `Unblend` call."""

    NAME = "Unblend"

    def __init__(self, source: Input, mask: Input, inpainted: Input | None, picture, grow: int, vsapi) -> None:
        """inpainted: the source with the mask's hole inpainted, where that is to help the estimate."""
        self._source, self._mask, self._inpainted = source, mask, inpainted
        self._picture, self._grow, self._vsapi = picture, grow, vsapi
        self._layout = Layout.of(source.info)
        wanted = sample_frames(source.info.numFrames)  # 1
        self._count = len(wanted)
        self._guesses = guess_places(self._count) if inpainted is not None else ()
        others = [wanted[k] for k in self._guesses]
        self._sample: Sample[Mark] = Sample(wanted, self._see, self._conclude, others)
        self._observer: Observer | None = None
        self._looked = False
        self._thin: Frame | None = None
        source.keep(GROUP)
        if inpainted is not None:
            inpainted.keep(FEW)

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
        mark = self._sample.result(n, self._source, asked, context, core, self._vsapi, self._inpainted)
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
        if self._inpainted is not None:
            self._inpainted.close()

    def _look(self, context) -> None:
        """Begin to observe what the mask covers."""
        with available(0, self._mask.node, context, self._vsapi) as frame:
            hole = marked(frame, self._mask.info, self._grow)
        self._observer, self._looked = Observer(self._picture, hole, self._count), True

    def _see(self, k: int, frame: Frame) -> None:
        planes = frame.read(self._layout)
        if k < self._count:
            self._observer.see(k, planes)
        else:
            self._observer.see_inpainted(self._guesses[k - self._count], planes)

    def _conclude(self) -> Mark:
        mark, self._observer = self._observer.mark(), None
        return mark
