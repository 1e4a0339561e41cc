"""The look at a clip as a whole: what stays still, and what kinds of overlay there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from ..picture import PictureFormat, Planes
from . import evidence
from .evidence import Seen
from .runner import Runner
from .settings import LEARNED, DetectSettings

#: Share of a frame from which on something counts as found in it: a mark of a few pixels is chance.
LEAST = 1e-4


@dataclass(frozen=True, kw_only=True)
class Found:
    """How much of one kind the sampled frames show.

    frames: share of them that show any; area: share of the picture that it covers, in the mean of those; sure: mean
    probability of what was marked, 0.5..1; 0 where nothing was.
    """

    frames: float
    area: float
    sure: float


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What a clip shows as a whole.

    still: see `evidence.still`; kinds: what was found, by kind. logo, captions, stands: float32 [h, w] at working
    size, the mean over the sampled frames of a logo's log odds, of a subtitle's, and of the greater of a logo's and a
    display's: what is always there is a mark that stands still, whatever its letters look like.
    """

    still: np.ndarray
    kinds: Mapping[str, Found]
    logo: np.ndarray
    captions: np.ndarray
    stands: np.ndarray


class Survey:
    """Looks at the frames `sampled`, which the clip's length decides, each by itself. `close` it once."""

    def __init__(self, picture: PictureFormat, length: int, settings: DetectSettings) -> None:
        """settings: of which the model, device and precision count. Raises ModelError and DeviceError."""
        self.sampled = evidence.sampled(length)
        self._picture, self._runner = picture, Runner(picture, settings)
        self._seen: dict[int, Seen] = {}

    def see(self, k: int, planes: Planes) -> None:
        """Frame number `k` of the sample; in any order."""
        self._seen[k] = evidence.seen(planes, self._picture)

    def learned(self) -> Learned:
        """What all of them show; they are forgotten."""
        seen = [self._seen[k] for k in sorted(self._seen)]
        self._seen.clear()
        still = evidence.still(one.luma for one in seen)
        rest = self._runner.tensor(still)
        shares, (logo, captions, stands) = [], np.zeros((3, *self._runner.size), np.float32)
        for logits in self._runner.workers.map(lambda one: self._runner.run([one] * 3, rest, None)[0].cpu(), seen):
            shares.append(shares_of(logits))
            of = dict(zip(LEARNED, logits.numpy() / len(seen), strict=True))
            logo += of["logo"]
            captions += of["subtitle"]
            stands += np.maximum(of["logo"], of["osd"])
        shares = np.array(shares)
        kinds = {kind: found(shares[:, k]) for k, kind in enumerate(LEARNED)}
        return Learned(still=still, kinds=kinds, logo=logo, captions=captions, stands=stands)

    def close(self) -> None:
        self._runner.close()


def shares_of(logits: torch.Tensor) -> list[list[float]]:
    """Of each kind: the share of one frame that is marked, and the mean probability there. logits: [kinds, h, w]."""
    chance = torch.sigmoid(logits)
    marked = chance > 0.5
    count = marked.sum((1, 2)).double()
    sure = (chance * marked).sum((1, 2)) / count.clamp(min=1)
    return torch.stack([count / marked[0].numel(), sure], 1).tolist()


def found(shares: np.ndarray) -> Found:
    """shares: [frames, 2], the share of each frame that is marked, and the mean probability there."""
    there = shares[shares[:, 0] > LEAST]
    area, sure = there.mean(0) if len(there) else (0.0, 0.0)
    return Found(frames=len(there) / len(shares), area=float(area), sure=float(sure))
