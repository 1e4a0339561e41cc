"""The node of `Detect`: the mask of frame n from its block of frames and from a look at the whole clip.

What happens to frame n where the network is asked, from activation to activation:
1. The frames of the survey are asked for (see `sample`), once for all nodes that ask the same of the same clip.
2. If the odds of the frame's block are at hand, its mask is made of them.
3. Otherwise the block's window is gathered group by group (see `blocks`); each frame is reduced to what the detector
   sees of it as it comes in, and given back. When none is missing, the block is looked at.
For "white" alone the frame itself tells all.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from _osdclean_host import ffi, lib

from ..engine.detect import evidence
from ..engine.detect.detector import Detector
from ..engine.detect.settings import DetectSettings
from ..engine.errors import OsdcleanError
from ..engine.picture import PictureFormat
from . import arguments, faults
from .blocks import GROUP, Blocks, Failure, Gathering
from .filters import Filter, Input, serve
from .frames import Layout, available, gray8, mask_frame
from .masks import marked
from .sample import Sample

if TYPE_CHECKING:
    from ..engine.detect.survey import Survey

#: Blocks whose odds are kept.
CACHE = 2


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
        settings = arguments.detect_settings_of(given, vsapi)
        detector = Detector(picture, settings)
        blocks = undo.enter_context(closing(Odds(source, picture, settings))) if settings.learned else None
        node = Detect(source, by_hand, detector, blocks, vsapi)
        undo.pop_all()
    info = ffi.new("VSVideoInfo *", source.info[0])
    info.format = gray8(core, vsapi)[0]
    serve(node, out, info, [(one, lib.rpGeneral) for one in (source, *by_hand.values())], core, vsapi)


class Detect(Filter):
    """State of one `Detect` call."""

    NAME = "Detect"

    def __init__(self, source: Input, by_hand: dict[str, Input], detector: Detector, odds: Odds | None, vsapi) -> None:
        """by_hand: the masks `include` and `exclude`, as far as they are given; odds: where the network is asked."""
        self._source, self._by_hand, self._detector, self._odds, self._vsapi = source, by_hand, detector, odds, vsapi
        self._layout = Layout.of(source.info)

    def get_frame(self, n: int, reason: int, asked, context, core):
        """As the host's. asked: notes the start of the group last asked for, see `Odds.of`."""
        if reason == lib.arInitial:
            if self._odds is not None:
                self._odds.begin(n)
            self._request(n, context)
            return None
        frame, waiting = None, False
        try:
            if reason == lib.arAllFramesReady:
                frame = self._frame(n, asked, context, core)
                waiting = frame is None
        finally:
            if self._odds is not None and not waiting:
                self._odds.end(n)
        return frame

    def release(self) -> None:
        if self._odds is not None:
            self._odds.close()
        for one in (self._source, *self._by_hand.values()):
            one.close()

    def _request(self, n: int, context) -> None:
        self._vsapi.requestFrameFilter(n, self._source.node, context)
        for mask in self._by_hand.values():
            self._vsapi.requestFrameFilter(_frame_of(mask, n), mask.node, context)

    def _frame(self, n: int, asked, context, core):
        """The mask of frame `n`, or None after asking for further frames."""
        odds = None
        if self._odds is not None:
            odds = self._odds.of(n, asked, context, core, self._vsapi)
            if odds is None:
                return None
        drawn = {name: self._drawn(mask, n, context) for name, mask in self._by_hand.items()}
        with available(n, self._source.node, context, self._vsapi) as source:
            found = self._detector.mask(source.read(self._layout), odds, **drawn)
            mask = mask_frame(found, source, core, self._vsapi)
        if self._odds is not None:
            for name, numbers in self._odds.properties.items():
                mask.tell(name, numbers)
        return mask.give()

    def _drawn(self, mask: Input, n: int, context) -> np.ndarray:
        """What a mask drawn by hand marks, bool [H, W]."""
        with available(_frame_of(mask, n), mask.node, context, self._vsapi) as frame:
            return marked(frame, mask.info)


class Odds:
    """The network's odds of every frame of a clip: gathers what it must see. `close` it once."""

    def __init__(self, source: Input, picture: PictureFormat, settings: DetectSettings) -> None:
        """Raises ModelError and DeviceError."""
        # torch comes with the first node that needs it.
        from ..engine.detect.finder import Finder

        self._source, self._picture, self._kinds = source, picture, settings.learned
        self._layout = Layout.of(source.info)
        self._surveyed = Surveyed.of(source, picture, settings)
        try:
            self._finder = Finder(picture, source.info.numFrames, settings)
        except BaseException:
            self._surveyed.close()
            raise
        self._blocks: Blocks[dict[int, np.ndarray]] = Blocks(CACHE)
        self._gathering: Gathering[evidence.Seen, None] | None = None
        self._told = False
        #: Frame properties of every mask, once the survey is made.
        self.properties: dict[bytes, list[float]] = {}
        source.keep(GROUP)

    def begin(self, n: int) -> None:
        """Frame `n` is under way."""
        self._blocks.begin(self._finder.block_of(n), n)

    def end(self, n: int) -> None:
        """Frame `n` is done or has failed."""
        block = self._finder.block_of(n)
        others = self._blocks.end(block, n)
        if not others and self._gathering is not None and self._gathering.block == block:
            self._gathering = None  # nobody would fetch its result

    def close(self) -> None:
        self._gathering = None
        self._blocks.clear()
        self._finder.close()
        self._surveyed.close()

    def of(self, n: int, asked, context, core, vsapi) -> np.ndarray | None:
        """Odds of frame `n`, see `Finder.find`, or None after asking for more frames; raises the error of a look.

        asked: notes, plus 1, the first frame of the group last asked for, or less than 0 for those of the survey.
        """
        learned = self._surveyed.sample.result(n, self._source, asked, context, core, vsapi)
        if learned is None:
            return None
        if isinstance(learned, Failure):
            raise OsdcleanError(learned.text)
        self._tell(learned, core, vsapi)
        self._harvest(n, asked, context, vsapi)
        block = self._finder.block_of(n)
        while (result := self._blocks.get(block)) is None:
            if self._gathering is None:
                self._gathering = Gathering(block=block, window=self._finder.window(block))
            if missing := self._gathering.missing():
                for k in missing:
                    vsapi.requestFrameFilter(k, self._source.node, context)
                asked[0] = ffi.cast("void *", missing[0] + 1)
                return None
            work, self._gathering = self._gathering, None
            try:
                found = self._finder.find(work.block, work.frames, learned)
            except BaseException as error:  # told to every frame that waits for it, by its own callback
                found = Failure(faults.told(error, core, vsapi))
            self._blocks.put(work.block, found)
        if isinstance(result, Failure):
            raise OsdcleanError(result.text)
        return result[n]

    def _harvest(self, n: int, asked, context, vsapi) -> None:
        """Look at what came in of the window in work, and give all but frame `n` back to the host."""
        first = int(ffi.cast("intptr_t", asked[0])) - 1
        asked[0] = ffi.NULL
        if first < 0:
            return
        wanted = self._gathering.missing() if self._gathering is not None else ()
        for k in range(first, first + GROUP):
            if k in wanted:
                with available(k, self._source.node, context, vsapi) as frame:
                    if frame is not None:
                        self._gathering.frames[k] = evidence.seen(frame.read(self._layout), self._picture)
            if k != n:
                vsapi.releaseFrameEarly(self._source.node, k, context)

    def _tell(self, learned, core, vsapi) -> None:
        """Say once that nothing was found, and keep what was for the frames' properties."""
        if self._told:
            return
        self._told = True
        for kind in self._kinds:
            found = learned.kinds[kind]
            self.properties[f"_Found_{kind}".encode()] = [found.frames, found.area, found.sure]
        if not any(learned.kinds[kind].frames for kind in self._kinds):
            count = len(evidence.sampled(self._source.info.numFrames))
            line = f"Detect: no {', '.join(self._kinds)} found in the {count} frames that were looked at"
            vsapi.logMessage(lib.mtInformation, line.encode(), core)


@dataclass(kw_only=True)
class Surveyed:
    """The survey of a clip, shared by all nodes that ask the same of it. `close` it once for each `of`."""

    key: tuple
    sample: Sample
    survey: Survey
    users: int = 0

    @classmethod
    def of(cls, source: Input, picture: PictureFormat, settings: DetectSettings) -> Surveyed:
        """Raises ModelError and DeviceError."""
        from ..engine.detect.survey import Survey

        key, layout = (source.address, settings.model, settings.device, settings.precision), Layout.of(source.info)
        with _lock:
            if key not in _surveys:
                survey = Survey(picture, source.info.numFrames, settings)
                sample = Sample(survey.sampled, lambda k, frame: survey.see(k, frame.read(layout)), survey.learned)
                _surveys[key] = cls(key=key, sample=sample, survey=survey)
            _surveys[key].users += 1
            return _surveys[key]

    def close(self) -> None:
        with _lock:
            self.users -= 1
            if self.users:
                return
            del _surveys[self.key]
        self.survey.close()


_surveys: dict[tuple, Surveyed] = {}
_lock = Lock()


def _frame_of(mask: Input, n: int) -> int:
    """A mask that is shorter than the clip repeats its last frame."""
    return min(n, mask.info.numFrames - 1)
