"""The node of `Track`: the mask of an object that was boxed in one frame, followed from there both ways.

1. A frame whose mask is not known asks for those that the walk must still see on its way there (`Walk.wanted`), a group
   at a time, and sees what came in of them with its next activation.
2. There is one walk, and whoever has frames for it carries it on: a frame that waits finds each time how far others
   have come, and asks for what is missing then. No activation waits for another.
3. Frames are given back as soon as they are seen; masks are kept, packed.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from threading import Lock

from _osdclean_host import ffi, lib

from ..engine.track.tracker import SETTLE
from ..engine.track.walk import Sight, Walk
from . import arguments
from .blocks import GROUP
from .filters import Filter, Input, serve
from .frames import Layout, available, gray8, mask_frame

assert SETTLE < GROUP  # what the walk begins with must come in one group


def create(given, out, core, vsapi) -> None:
    """Make a node of the arguments `given` and put it into `out`; raises OsdcleanError for bad arguments."""
    with ExitStack() as undo:
        source = undo.enter_context(closing(Input(given, b"clip", vsapi)))
        picture = arguments.picture_of(source.info, vsapi)
        walk = Walk(picture, source.info.numFrames, arguments.track_settings_of(given, vsapi))
        node = Track(source, walk, vsapi)
        undo.pop_all()
    info = ffi.new("VSVideoInfo *", source.info[0])
    info.format = gray8(core, vsapi)[0]
    serve(node, out, info, [(source, lib.rpGeneral)], core, vsapi)


class Track(Filter):
    """State of one `Track` call."""

    NAME = "Track"

    def __init__(self, source: Input, walk: Walk, vsapi) -> None:
        self._source, self._walk, self._vsapi = source, walk, vsapi
        self._layout = Layout.of(source.info)
        self._lock = Lock()  # never contended: the host runs one activation of a node at a time
        source.keep(GROUP)

    def get_frame(self, n: int, reason: int, asked, context, core):
        """As the host's. asked: notes the first frame of the group last asked for (plus 1, negative for backwards)."""
        if reason == lib.arInitial:
            self._vsapi.requestFrameFilter(n, self._source.node, context)
            return None
        if reason != lib.arAllFramesReady:
            return None
        with self._lock:
            self._go_on(n, context)
            self._give_back(n, asked, context)
            if group := self._walk.wanted(n)[:GROUP]:
                self._request(group, asked, context)
                return None
            mask = self._walk.mask(n)
        with available(n, self._source.node, context, self._vsapi) as source:
            return mask_frame(mask, source, core, self._vsapi).give()

    def release(self) -> None:
        self._walk = None  # its trackers may hold frames of the host
        self._source.close()

    def _go_on(self, n: int, context) -> None:
        """Carry the walk on towards frame `n`, as far as the frames reach that came with this activation (2)."""
        farther = True
        while farther and (wanted := self._walk.wanted(n)):
            with ExitStack() as held:
                sights = []
                for k in wanted[:GROUP]:
                    frame = held.enter_context(available(k, self._source.node, context, self._vsapi))
                    if frame is None:
                        break
                    cut = frame.number(b"_SceneChangePrev")
                    sights.append(Sight(planes=frame.read(self._layout), cut=None if cut is None else bool(cut)))
                farther = self._walk.see(n, sights)

    def _request(self, group: range, asked, context) -> None:
        for k in group:
            self._vsapi.requestFrameFilter(k, self._source.node, context)
        asked[0] = ffi.cast("void *", (group[0] + 1) * group.step)

    def _give_back(self, n: int, asked, context) -> None:
        """Give the group that was asked for back to the host, but for frame `n` (3)."""
        number = int(ffi.cast("intptr_t", asked[0]))
        asked[0] = ffi.NULL
        if number:
            first, step = abs(number) - 1, 1 if number > 0 else -1
            for k in range(first, first + step * GROUP, step):
                if 0 <= k != n:
                    self._vsapi.releaseFrameEarly(self._source.node, k, context)
