"""The node: serves the frames of `Inpaint` from the passes of the engine.

What happens to frame n, from activation to activation:
1. Source frame n is asked for, and mask frame n while its hole is unknown. A frame without a hole is the
   source frame itself; with `show` the hole is tinted, and that is all.
2. If the block's patches are at hand, the source frame is copied and its hole overwritten.
3. Otherwise the window in work is gathered group by group (see `blocks`), over several activations.
4. When no frame of the window is missing the engine makes its pass, on a thread of its own; this one waits.
No activation relies on what an earlier one found: other frames ran in between.
"""

from __future__ import annotations

from contextlib import ExitStack, closing

from _osdclean_host import ffi, lib

from ..engine.errors import OsdcleanError, PictureError
from ..engine.restorer import Restorer, restorer
from ..engine.settings import Settings
from . import arguments, faults, memory
from .blocks import GROUP, Blocks, Failure, Gathering
from .filters import Filter, Input, serve
from .frames import Frame, Layout, available
from .masks import Hole, Masks
from .tint import tint


def create(given, out, core, vsapi) -> None:
    """Make a node of the arguments `given` and put it into `out`; raises OsdcleanError for bad arguments."""
    with ExitStack() as undo:
        source, mask = (undo.enter_context(closing(Input(given, key, vsapi))) for key in (b"clip", b"mask"))
        picture = arguments.picture_of(source.info, vsapi)
        arguments.check_mask(mask.info, source.info, vsapi)
        settings = arguments.settings_of(given, vsapi)
        options = arguments.options_of(given, vsapi)
        engine = None if options.show else restorer(picture, source.info.numFrames, settings)
        node = Node(source, mask, picture, settings, options, engine, vsapi)
        undo.pop_all()
    serve(node, out, source.info, [(source, lib.rpGeneral), (mask, lib.rpGeneral)], core, vsapi)


class Node(Filter):
    """State of one `Inpaint` call."""

    NAME = "Inpaint"

    def __init__(
        self,
        source: Input,
        mask: Input,
        picture,
        settings: Settings,
        options: arguments.Options,
        engine: Restorer | None,
        vsapi,
    ) -> None:
        self._source, self._mask, self._picture, self._engine, self._vsapi = (
            source,
            mask,
            picture,
            engine,
            vsapi,
        )
        self._layout, self._mask_layout = Layout.of(source.info), Layout.of(mask.info)
        reach = settings.warmup + settings.period + settings.lookahead
        vf = mask.info.format
        self._masks = Masks(
            mask.info.numFrames,
            vf.sampleType == lib.stFloat,
            vf.bitsPerSample,
            settings.grow,
            keep=2 * reach + 8 * GROUP,
        )
        self._blocks: Blocks = Blocks(options.cache)
        self._gathering: Gathering[Frame, Hole] | None = None
        if engine is not None:
            source.keep(reach + GROUP)
            mask.keep(3 * GROUP)  # holes are remembered: frames need only outlive the requests at once

    def get_frame(self, n: int, reason: int, asked, context, core):
        """As the host's. asked: notes the start of the group last asked for (plus 1)."""
        if reason == lib.arInitial:
            self._begin(n, context)
            return None
        frame = None
        waiting = False
        try:
            if reason == lib.arError:  # of a frame that was asked for; the host passes its message on
                self._gathering = None
            else:
                self._harvest(n, asked, context)
                frame = self._frame(n, asked, context, core)
                waiting = frame is None
        finally:
            if not waiting:
                self._end(n)
        return frame

    def release(self) -> None:
        """Let go of its clips, of the frames in hand and of the engine."""
        self._gathering = None
        self._blocks.clear()
        if self._engine is not None:
            self._engine.close()
        self._source.close()
        self._mask.close()

    def _begin(self, n: int, context) -> None:
        if self._engine is not None:
            self._blocks.begin(self._engine.block_of(n), n)
        self._request(n, context)

    def _end(self, n: int) -> None:
        if self._engine is None:
            return
        block = self._engine.block_of(n)
        others = self._blocks.end(block, n)
        if not others and self._gathering is not None and self._gathering.block == block:
            self._gathering = None  # nobody would fetch its result

    def _request(self, n: int, context) -> None:
        """Ask for source frame `n`, and for its mask while its hole is unknown."""
        self._vsapi.requestFrameFilter(n, self._source.node, context)
        if self._masks.get(n) is None:
            self._vsapi.requestFrameFilter(self._masks.frame_of(n), self._mask.node, context)

    def _frame(self, n: int, asked, context, core):
        """The finished frame `n`, or None after asking for further frames."""
        hole = self._hole(n, context)
        if hole is None:  # the hole was known when the frame began, and has been forgotten since
            self._request(n, context)
            return None
        with available(n, self._source.node, context, self._vsapi) as source:
            if source is None:
                raise AssertionError(f"source frame {n} was asked for and is not there")
            if hole.empty:
                return source.give()
            if self._engine is None:
                with source.copy(core) as shown:
                    tint(hole.array(), self._picture, shown.write(self._layout))
                    return shown.give()
            if source.number(b"_FieldBased"):
                raise PictureError(
                    f"only progressive frames are accepted, passed frame {n} with _FieldBased="
                    f"{source.number(b'_FieldBased')}: deinterlace the clip first, or, if it is progressive "
                    "in truth, mark it so with std.SetFieldBased(clip, 0)"
                )
            block = self._engine.block_of(n)
            patches = self._patches(block, asked, context, core)
            if patches is None:
                return None
            with source.copy(core) as filled:
                patches.apply(n, filled.write(self._layout))
                return filled.give()

    def _patches(self, block: int, asked, context, core):
        """Patches of `block`, or None after asking for frames of the window; raises the pass's error."""
        while True:
            result = self._blocks.get(block)
            if isinstance(result, Failure):
                raise OsdcleanError(result.text)
            if result is not None:
                return result
            if self._gathering is None:
                self._gathering = Gathering(block=block, window=self._engine.window(block))
            if missing := self._gathering.missing():
                for n in missing:
                    self._request(n, context)
                asked[0] = ffi.cast("void *", missing[0] + 1)
                return None
            self._pass(core)

    def _harvest(self, n: int, asked, context) -> None:
        """Take over what came in of the window in work, and give all but frame `n` back to the host."""
        first = int(ffi.cast("uintptr_t", asked[0])) - 1
        asked[0] = ffi.NULL
        if first < 0:
            return
        wanted = self._gathering.missing() if self._gathering is not None else ()
        for k in range(first, first + GROUP):
            hole = self._hole(k, context)
            if k in wanted and hole is not None:
                with available(k, self._source.node, context, self._vsapi) as frame:
                    if frame is not None:
                        self._gathering.frames[k], self._gathering.holes[k] = frame.share(), hole
            if k != n:
                self._vsapi.releaseFrameEarly(self._source.node, k, context)

    def _hole(self, n: int, context) -> Hole | None:
        """The hole of frame `n`, if it is known or its mask came with this activation."""
        hole = self._masks.get(n)
        if hole is None:
            k = self._masks.frame_of(n)
            with available(k, self._mask.node, context, self._vsapi) as mask:
                if mask is not None:
                    (plane,) = mask.read(self._mask_layout, planes=1)
                    hole = self._masks.put(n, plane)
        return hole

    def _pass(self, core) -> None:
        """Run the engine over the window in work; its patches or its error become the block's result."""
        work, self._gathering = self._gathering, None
        with ExitStack() as held:
            frames = {n: held.enter_context(frame) for n, frame in work.frames.items()}
            try:
                result = self._restored(work.block, frames, work.holes)
            except BaseException as error:  # told to every frame that waits for it, by its own callback
                result = Failure(faults.told(error, core, self._vsapi))
        self._blocks.put(work.block, result)
        memory.trim()

    def _restored(self, block: int, frames: dict[int, Frame], holes: dict[int, Hole]):
        full = next((n for n, hole in holes.items() if hole.full), None)
        if full is not None:
            raise PictureError(
                "mask must leave a part of the picture to fill from, passed one that covers all of "
                f"{self._picture.width}x{self._picture.height} at frame {full}"
            )
        arrays = {hole: hole.array() for hole in set(holes.values())}
        cuts = {n: frame.number(b"_SceneChangePrev") for n, frame in frames.items()}
        return self._engine.restore(
            block,
            {n: frame.read(self._layout) for n, frame in frames.items()},
            {n: arrays[hole] for n, hole in holes.items()},
            {n: bool(cut) for n, cut in cuts.items() if cut is not None},
        )
