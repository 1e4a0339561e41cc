"""The facade of the engine: frames and holes in, patches out. (Provisional fill; see git log.)"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from .errors import PictureError
from .picture import PictureFormat, Planes
from .settings import Settings


@dataclass(frozen=True, kw_only=True)
class Patches:
    """Restored samples of one block: per frame and plane the flat indices of the hole and its new samples."""

    frames: Mapping[int, tuple[tuple[np.ndarray, np.ndarray], ...]]

    @property
    def nbytes(self) -> int:
        return sum(i.nbytes + v.nbytes for planes in self.frames.values() for i, v in planes)

    def apply(self, n: int, planes: Planes) -> None:
        """Write the patch of frame `n` into writable `planes`; a frame without a hole is left as it is."""
        for plane, (index, values) in zip(planes, self.frames.get(n, ()), strict=False):
            y, x = np.divmod(index, plane.shape[1])
            plane[y, x] = values


class Inpainter:
    """Restores blocks of a clip. Thread-safe: work is done on one thread of its own."""

    def __init__(self, picture: PictureFormat, length: int, settings: Settings) -> None:
        self.picture, self.length, self.settings = picture, length, settings
        self._thread = ThreadPoolExecutor(1, "osdclean")

    def block_of(self, n: int) -> int:
        return n // self.settings.period

    def window(self, block: int) -> range:
        """Frames that the pass over `block` reads, clamped to the clip."""
        s = self.settings
        return range(
            max(0, block * s.period - s.warmup), min(self.length, (block + 1) * s.period + s.lookahead)
        )

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
        """
        return self._thread.submit(self._restore, block, frames, holes, cuts).result()

    def _restore(self, block, frames, holes, cuts) -> Patches:
        import cv2

        out = {}
        fmt = self.picture
        for n in range(block * self.settings.period, min(self.length, (block + 1) * self.settings.period)):
            hole = holes[n]
            if not hole.any():
                continue
            planes = []
            for p, plane in enumerate(frames[n]):
                h, w = plane.shape
                m = cv2.resize(hole.astype(np.uint8) * 255, (w, h), interpolation=cv2.INTER_AREA) > 0
                scale = 255 / fmt.peak
                shift = 0.5 if fmt.floating and p and fmt.family == "YUV" else 0.0
                img = np.clip((plane.astype(np.float32) + shift) * scale, 0, 255).astype(np.uint8)
                fill = cv2.inpaint(img, m.astype(np.uint8), 3, cv2.INPAINT_TELEA)
                index = np.flatnonzero(m)
                planes.append((index, (fill.ravel()[index] / scale - shift).astype(fmt.dtype)))
            out[n] = tuple(planes)
        return Patches(frames=out)

    def close(self) -> None:
        """Stop the engine's thread and let go of the model; further calls raise."""
        self._thread.shutdown()
