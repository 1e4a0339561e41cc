"""The facade of the engine: frames and holes of a window in, patches of a block out.

Policy of time (cited below as #1..#5):
1. Frame n belongs to block n // period, whatever was asked before.
2. A pass over a block reads `warmup` frames before it and `lookahead` frames after it, clamped at the clip's ends.
   Sources are sought in all of them; the network's state runs in over the last SETTLE frames before the block.
3. Nothing crosses a scene cut: neither motion, nor sources, nor state.
4. Flow between two neighbours depends on these two frames alone, and is kept for the passes that share them.
5. Nothing is derived from the number of threads, requests, free memory or the clock. One thread drives the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier

import cv2
import numpy as np
import torch

from . import motion
from .candidates import Flow, Pass, Placed, Region, Regions, flow_between
from .errors import PictureError
from .machine import cores
from .network import Inputs, State
from .picture import PictureFormat, Planes
from .runtime import Runtime, moved
from .settings import Settings

#: Frames before the block over which the recurrent state runs in.
SETTLE = 6


@dataclass(frozen=True, kw_only=True)
class Patches:
    """Restored samples of one block: per frame and plane the flat indices of the hole and its new samples."""

    frames: Mapping[int, tuple[tuple[np.ndarray, np.ndarray], ...]]

    def apply(self, n: int, planes: Planes) -> None:
        """Write the patch of frame `n` into writable `planes`; a frame without a hole is left as it is."""
        for plane, (index, values) in zip(planes, self.frames.get(n, ()), strict=False):
            y, x = np.divmod(index, plane.shape[1])
            plane[y, x] = values


def require_finite(picture: PictureFormat, frames: Mapping[int, Planes]) -> None:
    """Raises PictureError where a sample of a float picture is not a number."""
    if picture.floating:
        for n, planes in frames.items():
            if not all(np.isfinite(plane).all() for plane in planes):
                raise PictureError(
                    f"float samples must be finite, passed NaN or infinity in frame {n}; clean the clip with std.Expr"
                )


class Inpainter:
    """Restores blocks of a clip. Thread-safe: all work is done on one thread of its own and its helpers."""

    def __init__(self, picture: PictureFormat, length: int, settings: Settings) -> None:
        """Raises ModelError and DeviceError."""
        self.picture, self.length, self.settings = picture, length, settings
        # A Gray picture's neutral chroma is laid out as 4:2:0.
        chroma = (1, 1) if picture.family == "GRAY" else (picture.subsampling_h, picture.subsampling_w)
        self._runtime = Runtime(settings.model, settings.device, settings.precision, settings.backend, chroma)
        self._thread = ThreadPoolExecutor(1, "osdclean")
        # Each works on something of its own; torch's threads inside one call would only wait for each other.
        self._count = max(2, cores())
        self._workers = ThreadPoolExecutor(self._count, "osdclean-worker", initializer=lambda: torch.set_num_threads(1))
        self._regions = Regions(picture, self._workers)
        #: n -> motion between n and n + 1, None across a cut.
        self._flows: dict[int, Flow | None] = {}

    def block_of(self, n: int) -> int:
        return n // self.settings.period  # #1

    def window(self, block: int) -> range:
        """Frames that the pass over `block` reads, clamped to the clip."""
        s = self.settings
        return range(max(0, block * s.period - s.warmup), min(self.length, (block + 1) * s.period + s.lookahead))  # #2

    def restore(
        self,
        block: int,
        frames: Mapping[int, Planes],
        holes: Mapping[int, np.ndarray],
        cuts: Mapping[int, bool],
    ) -> Patches:
        """Patches of the block's frames.

        frames: every frame of `window(block)`, planes as views in the clip's own sample type.
        holes: grown hole of every frame of the window, bool [H, W], from `holes.grown`; one array may stand
            for many frames (a static mask passes the same object for all).
        cuts: frame number -> True where a scene starts at that frame, False where it surely does not;
            frames that are missing are measured (`_SceneChangePrev` of the frame, where present).
        Raises PictureError (a mask that leaves nothing, samples that are not numbers) and DeviceError.
        """

        def work() -> Patches:
            try:
                return self._restore(block, frames, holes, cuts)
            except BaseException:
                # Workers may still be reading the frames, which are gone once the caller hears of the error.
                self._drain()
                raise

        return self._thread.submit(work).result()

    def close(self) -> None:
        """Stop the engine's threads and let go of the network; further calls raise."""
        self._thread.shutdown()
        self._workers.shutdown()
        self._runtime.close()

    def _drain(self) -> None:
        """Wait until every worker is done with what it was given."""
        met = Barrier(self._count + 1)
        for _ in range(self._count):
            self._workers.submit(met.wait)
        met.wait()

    def _restore(
        self, block: int, frames: Mapping[int, Planes], holes: Mapping[int, np.ndarray], cuts: Mapping[int, bool]
    ) -> Patches:
        window, period = self.window(block), self.settings.period
        wanted = range(block * period, min(self.length, (block + 1) * period))
        if not any(holes[n].any() for n in wanted):
            return Patches(frames={})
        require_finite(self.picture, frames)
        # DIS cuts its work by OpenCV's number of threads, and what it finds depends on the cut (#5).
        cv2.setNumThreads(1)
        regions = {n: self._regions.of(holes[n]) for n in window}
        self._measure_motion(window, frames, regions, cuts)
        run_in = range(max(window.start, wanted.start - SETTLE), wanted.stop)
        run = Pass(self.picture, window, run_in, frames, regions, self._flows, self._workers)
        out = {}
        states: list[State | None] = []
        before: Placed | None = None
        # Evidence is gathered two frames ahead of the network, so that no worker waits for either.
        ahead = {n: self._workers.submit(run.evidence, n) for n in run_in[:2]}
        for n in run_in:
            found = ahead.pop(n).result()
            if found is None:
                before = None
                self._gather(run, n + 2, run_in, ahead)
                continue
            placed = found.placed
            if before is None or not found.linked:
                states = [None] * len(placed.layers)
            elif placed is not before:
                states = [
                    moved(state, *(torch.from_numpy(layer.active) for layer in layers))
                    for state, *layers in zip(states, before.layers, placed.layers, strict=True)
                ]
            inputs = [
                Inputs(*(torch.from_numpy(a) for a in (e.luma, e.chroma, e.age, e.hole[:, None], e.flow)))
                for e in found.evidence
            ]
            finish = self._runtime.begin(inputs, states, self._workers)
            self._gather(run, n + 2, run_in, ahead)
            luma, chroma, states = finish()
            before = placed
            if n in wanted:
                out[n] = run.patch(n, placed, luma, chroma)
        return Patches(frames=out)

    def _gather(self, run: Pass, n: int, run_in: range, ahead: dict[int, Future]) -> None:
        if n in run_in:
            ahead[n] = self._workers.submit(run.evidence, n)

    def _measure_motion(
        self,
        window: range,
        frames: Mapping[int, Planes],
        regions: Mapping[int, Region | None],
        cuts: Mapping[int, bool],
    ) -> None:
        """Have the flow between all neighbours of the window at hand (#4); what lies outside it is forgotten."""
        self._flows = {n: flow for n, flow in self._flows.items() if n in window}
        # Where neither neighbour has a hole, nothing is sought.
        pairs = [
            n for n in window[:-1] if n not in self._flows and (regions[n] is not None or regions[n + 1] is not None)
        ]
        main = 1 if self.picture.family == "RGB" else 0
        ready: dict[int, motion.FlowInput] = {}

        def measure(n: int) -> Flow | None:
            a, b = ready[n], ready[n + 1]
            cut = cuts.get(n + 1)
            if cut is None:
                cut = 0 < self.settings.sc_threshold < motion.difference(a, b)
            return None if cut else flow_between(a, b, regions[n], regions[n + 1])

        def prepare(n: int) -> motion.FlowInput:
            return motion.prepare(frames[n][main], None if regions[n] is None else regions[n].hole, self.picture.peak)

        # A few at a time, so that reduced pictures do not pile up.
        for first in range(0, len(pairs), 16):
            some = pairs[first : first + 16]
            needed = sorted({n + k for n in some for k in (0, 1)})
            ready = {n: ready[n] for n in needed if n in ready}
            missing = [n for n in needed if n not in ready]
            ready.update(zip(missing, self._workers.map(prepare, missing), strict=True))
            self._flows.update(zip(some, self._workers.map(measure, some), strict=True))
