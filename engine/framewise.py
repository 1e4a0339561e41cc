"""Blocks restored by a published network: whole frames at a working size, of which the hole is used.

Policy of time (cited below as #1..#5), as the inpainter's:
1. Frame n belongs to block n // period, whatever was asked before. A pass over a block reads `warmup` frames before it
   and `lookahead` frames after it, or as many as the network looks at, clamped at the clip's ends.
2. A block is cut into groups of the network's own size, from its first frame on. Nothing crosses a scene cut: groups
   end there, a frame beyond it is not seen, a state is forgotten.
3. A recurrent network runs over a block in STRANDS of equal length, its state run in over the SETTLE frames before, so
   that they need not wait for each other.
4. Each call of the network is one thread's: what it computes is cut by no number of threads.
5. Nothing is derived from the number of processors, requests, free memory or the clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import cv2
import numpy as np
import torch

from . import motion
from .errors import DeviceError
from .inpainter import Patches, require_finite
from .machine import cores
from .networks import colours, published
from .networks.published import Published
from .picture import PictureFormat, Planes
from .runtime import Loaded
from .settings import Settings

#: Pictures of more lines are reduced to so many, where a network has no working size of its own.
LINES = 480
STRANDS, SETTLE = 2, 12


class Framewise:
    """Restores blocks of a clip by a published network; as `Inpainter`. Thread-safe; `close` it once."""

    def __init__(self, picture: PictureFormat, length: int, settings: Settings) -> None:
        """settings: `model` is of a published network, see `published.asked`. Raises ModelError and DeviceError."""
        self.picture, self.length, self.settings = picture, length, settings
        self._loaded: Loaded[Published] = Loaded(
            published.loaded,
            settings.model,
            published.asked(settings.model)[1],
            settings.device,
            settings.precision,
            settings.backend,
        )
        network = self._loaded.network
        # One pass at a time, as memory is what bounds it.
        self._thread = ThreadPoolExecutor(1, "osdclean")
        self._count = max(STRANDS, cores())
        self._workers = ThreadPoolExecutor(
            self._count, "osdclean-worker", initializer=lambda: torch.set_num_threads(1)
        )
        if network.size is not None:
            self._size = network.size[::-1]
        else:
            scale = min(1.0, LINES / picture.height)
            self._size = round(picture.width * scale), round(picture.height * scale)
        settled = SETTLE if network.RECURRENT else 0
        self._past, self._future = (
            most if network.REACH is None else min(most, network.REACH + more)
            for most, more in ((settings.warmup, settled), (settings.lookahead, 0))
        )
        self._settled = min(settled, settings.warmup)

    def block_of(self, n: int) -> int:
        return n // self.settings.period  # 1

    def window(self, block: int) -> range:
        """Frames that the pass over `block` reads, clamped to the clip."""
        period = self.settings.period
        return range(max(0, block * period - self._past), min(self.length, (block + 1) * period + self._future))

    def restore(
        self,
        block: int,
        frames: Mapping[int, Planes],
        holes: Mapping[int, np.ndarray],
        cuts: Mapping[int, bool],
    ) -> Patches:
        """As `Inpainter.restore`. Raises PictureError and DeviceError."""
        return self._thread.submit(self._restore, block, frames, holes, cuts).result()

    def close(self) -> None:
        """Stop the threads and let go of the network; further calls raise."""
        self._thread.shutdown()
        self._workers.shutdown()
        self._loaded.close()

    def _restore(
        self, block: int, frames: Mapping[int, Planes], holes: Mapping[int, np.ndarray], cuts: Mapping[int, bool]
    ) -> Patches:
        period, window = self.settings.period, self.window(block)
        wanted = range(block * period, min(self.length, (block + 1) * period))
        if not any(holes[n].any() for n in wanted):
            return Patches(frames={})
        require_finite(self.picture, frames)
        scenes = self._scenes(window, frames, holes, cuts)
        if self._loaded.network.RECURRENT:  # 3
            size = -(-len(wanted) // STRANDS)
            strands = [wanted[k : k + size] for k in range(0, len(wanted), size)]
            jobs = [
                (strand, self._groups(range(max(window.start, strand.start - self._settled), strand.stop), scenes))
                for strand in strands
            ]
        else:
            groups = [one for one in self._groups(wanted, scenes) if any(holes[n].any() for n in one[0])]
            # Runs of groups: what neighbours see alike is made ready once.
            size = -(-len(groups) // self._count)
            jobs = [(wanted, groups[k : k + size]) for k in range(0, len(groups), size)]
        work = [self._workers.submit(self._strand, strand, groups, frames, holes) for strand, groups in jobs]
        # All of them: frames are gone once the caller hears of an error.
        errors = [error for one in work if (error := one.exception()) is not None]
        if errors:
            raise errors[0]
        return Patches(frames={n: patch for one in work for n, patch in one.result().items()})

    def _scenes(
        self,
        window: range,
        frames: Mapping[int, Planes],
        holes: Mapping[int, np.ndarray],
        cuts: Mapping[int, bool],
    ) -> list[range]:
        """The parts of the window between scene cuts."""
        main = 1 if self.picture.family == "RGB" else 0
        unknown = [n for n in window[1:] if n not in cuts and self.settings.sc_threshold]
        needed = sorted({n - k for n in unknown for k in (0, 1)})
        ready = dict(
            zip(
                needed,
                self._workers.map(lambda n: motion.prepare(frames[n][main], holes[n], self.picture.peak), needed),
                strict=True,
            )
        )
        borders = [
            n for n in window[1:]
            if cuts.get(n, n in ready and motion.difference(ready[n - 1], ready[n]) > self.settings.sc_threshold)
        ]  # fmt: skip
        return [range(a, b) for a, b in pairwise([window.start, *borders, window.stop])]

    def _groups(self, span: range, scenes: list[range]) -> list[tuple[range, range]]:
        """The groups of `span`, each with its scene (#2)."""
        most, out = self._loaded.network.GROUP, []
        for scene in scenes:
            mine = range(max(span.start, scene.start), min(span.stop, scene.stop))
            out += [(mine[k : k + most], scene) for k in range(0, len(mine), most)]
        return out

    @torch.inference_mode()
    def _strand(
        self,
        wanted: range,
        groups: list[tuple[range, range]],
        frames: Mapping[int, Planes],
        holes: Mapping[int, np.ndarray],
    ) -> dict[int, tuple[tuple[np.ndarray, np.ndarray], ...]]:
        """Patches of the frames of `groups` that are wanted; the state goes from each group to the next of its
        scene."""
        cv2.setNumThreads(1)
        network, out, state, before = self._loaded.network, {}, None, None
        seen: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        for group, scene in groups:
            state = state if scene == before else None
            before = scene
            numbers = [min(max(n, scene.start), scene.stop - 1) for n in (*group, *network.sees(group, scene))]
            seen = {n: seen.get(n) or self._seen(frames[n], holes[n]) for n in numbers}
            pictures, masks = (
                torch.from_numpy(np.stack([seen[n][k] for n in numbers]))[None].to(
                    self._loaded.device, self._loaded.dtype
                )
                for k in (0, 1)
            )
            try:
                made, state = network.restore(pictures, masks, len(group), state)
            except torch.OutOfMemoryError:
                raise DeviceError(
                    f"{self._loaded.device} ran out of memory at {len(numbers)} frames of "
                    f'{pictures.shape[-1]}x{pictures.shape[-2]}; use precision="fp16" or device="cpu"'
                ) from None
            w, h = self._size
            for n, picture in zip(group, made[0, :, :, :h, :w].float().cpu().numpy(), strict=True):
                if n in wanted and holes[n].any():
                    out[n] = self._patch(picture, holes[n])
        return out

    def _seen(self, planes: Planes, hole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A frame as the network sees it: RGB [3, H, W] and the hole [1, H, W], float32, at the working size, edges
        repeated up to the network's multiple."""
        picture = colours.rgb(planes, self.picture, self._size)
        # A sample of which any part was covered is not to be believed.
        small = colours.resized(hole.astype(np.float32), self._size) > 0
        h, w = small.shape
        multiple = self._loaded.network.MULTIPLE
        more = ((0, 0), (0, -h % multiple), (0, -w % multiple))
        return np.pad(picture, more, mode="edge"), np.pad(small[None].astype(np.float32), more)

    def _patch(self, picture: np.ndarray, hole: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Per plane the flat indices of the hole and its new samples. picture: RGB, float32 [3, h, w]."""
        p, out = self.picture, []
        for k, plane in enumerate(colours.planes(picture, p)):
            y, x = np.nonzero(hole)
            if k and p.family == "YUV":
                y, x = y >> p.subsampling_h, x >> p.subsampling_w
            index = np.unique(y.astype(np.int64) * plane.shape[1] + x)
            out.append((index, plane.reshape(-1)[index]))
        return tuple(out)
