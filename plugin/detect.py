"""The node of `Detect`: the mask of frame n from the frame itself."""

from __future__ import annotations

from contextlib import ExitStack, closing

import numpy as np
from _osdclean_host import ffi, lib

from ..engine.detect.detector import Detector
from . import arguments
from .filters import Filter, Input, serve
from .frames import Layout, available, gray8, mask_frame
from .masks import marked


def create(given, out, core, vsapi) -> None:
    """Make a node of the arguments `given` and put it into `out`; raises OsdcleanError for bad arguments."""
    with ExitStack() as undo:
        source = undo.enter_context(closing(Input(given, b"clip", vsapi)))
        picture = arguments.picture_of(source.info, vsapi)
        by_hand = {}
        for key in ("include", "exclude"):
            if arguments.has(given, key, vsapi):
                by_hand[key] = undo.enter_context(closing(Input(given, key.encode(), vsapi)))
                arguments.check_mask(by_hand[key].info, source.info, vsapi, key)
        detector = Detector(picture, arguments.detect_settings_of(given, vsapi))
        node = Detect(source, by_hand, detector, vsapi)
        undo.pop_all()
    info = ffi.new("VSVideoInfo *", source.info[0])
    info.format = gray8(core, vsapi)[0]
    serve(node, out, info, [(one, lib.rpGeneral) for one in (source, *by_hand.values())], core, vsapi)


class Detect(Filter):
    """State of one `Detect` call."""

    NAME = "Detect"

    def __init__(self, source: Input, by_hand: dict[str, Input], detector: Detector, vsapi) -> None:
        """by_hand: the masks `include` and `exclude`, as far as they are given."""
        self._source, self._by_hand, self._detector, self._vsapi = source, by_hand, detector, vsapi
        self._layout = Layout.of(source.info)

    def get_frame(self, n: int, reason: int, asked, context, core):
        """As the host's."""
        if reason == lib.arInitial:
            self._vsapi.requestFrameFilter(n, self._source.node, context)
            for mask in self._by_hand.values():
                self._vsapi.requestFrameFilter(_frame_of(mask, n), mask.node, context)
            return None
        if reason != lib.arAllFramesReady:
            return None
        drawn = {name: self._drawn(mask, n, context) for name, mask in self._by_hand.items()}
        with available(n, self._source.node, context, self._vsapi) as source:
            found = self._detector.mask(source.read(self._layout), **drawn)
            return mask_frame(found, source, core, self._vsapi).give()

    def release(self) -> None:
        for one in (self._source, *self._by_hand.values()):
            one.close()

    def _drawn(self, mask: Input, n: int, context) -> np.ndarray:
        """What a mask drawn by hand marks, bool [H, W]."""
        with available(_frame_of(mask, n), mask.node, context, self._vsapi) as frame:
            return marked(frame, mask.info)


def _frame_of(mask: Input, n: int) -> int:
    """A mask that is shorter than the clip repeats its last frame."""
    return min(n, mask.info.numFrames - 1)
