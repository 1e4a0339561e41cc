"""The detector's network on its device: one frame at a time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from .. import weights
from ..picture import PictureFormat
from ..runtime import Loaded
from . import evidence
from .evidence import Seen
from .network import STEP, State, View
from .settings import DetectSettings

#: Threads of one runner. Fixed, as what they do is cut by it; torch's own inside one call would wait for each other.
THREADS = 2


class Runner:
    """The network and its threads. `close` it once.

    workers: threads on each of which torch works alone, for callers to divide their work among.
    """

    def __init__(self, picture: PictureFormat, settings: DetectSettings) -> None:
        """Raises ModelError and DeviceError."""
        self.size = evidence.size(picture)
        path = weights.file_of(settings.model, weights.DETECTOR)
        self._loaded = Loaded(weights.load_detector, settings.model, path, settings.device, settings.precision)
        self.workers = ThreadPoolExecutor(THREADS, "osdclean-detect", initializer=lambda: torch.set_num_threads(1))

    def close(self) -> None:
        """Stop the threads and let go of the network; further calls raise."""
        self.workers.shutdown()
        self._loaded.close()

    @torch.inference_mode()
    def run(self, near: Sequence[Seen], still: torch.Tensor, state: State | None) -> tuple[torch.Tensor, State]:
        """Logits [kinds, h, w] of a frame, float32 on the device, and the state after it.

        near: the frame itself, the one before and the one after; still: `tensor` of `evidence.still`.
        """
        luma = self.tensor(np.stack([one.luma for one in near]))
        logits, state = self._loaded.network(View(luma=luma, still=still, chroma=self.tensor(near[0].chroma)), state)
        h, w = self.size
        return logits[0, :, :h, :w], state

    def tensor(self, planes: np.ndarray) -> torch.Tensor:
        """uint8 [C, h, w] as float32 [1, C, H, W] of 0..1 on the device, its edges repeated up to multiples of STEP (of
        half of that, for chroma)."""
        step = STEP if planes.shape[1:] == self.size else STEP // 2
        more = [-(-side // STEP) * step - part for side, part in zip(self.size, planes.shape[1:], strict=True)]
        whole = np.pad(planes, ((0, 0), (0, more[0]), (0, more[1])), mode="edge")
        return torch.from_numpy(whole)[None].to(self._loaded.device).float().div_(255)
