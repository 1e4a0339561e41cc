"""The detector's recipe: crops of marked footage, sequences with the state carried, cross-entropy and overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import weights
from ..detect.network import DetectionNetwork, View
from ..detect.settings import LEARNED, TOLERANCE
from . import loop
from .config import DetectorConfig
from .distributed import Team
from .marked import LENGTH, Marked

#: Weight of what is missed, and further weight where nothing else is covered in a square of AROUND pixels, which are
#: counted on a grid of every GRIDth.
MISSED, ALONE, AROUND, GRID = 3.0, 4.0, 20, 4


class Crops:
    """All shards of a folder whose names begin with `prefix`, in memory."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._list = [Marked.load(path) for path in sorted(folder.glob(f"{prefix}-*.npz"))]
        #: Crops by number of shard and row: all, and those with something of each kind that there is.
        self._all = [(k, row) for k, marked in enumerate(self._list) for row in range(len(marked.luma))]
        seen = [int(np.bitwise_or.reduce(self._list[k].covered[row], None)) for k, row in self._all]
        kinds = [[at for at, bits in zip(self._all, seen, strict=True) if bits >> k & 1] for k in range(len(LEARNED))]
        self._by_kind = [some for some in kinds if some]

    def __len__(self) -> int:
        return sum(len(m.luma) for m in self._list)

    def batch(self, rng: np.random.Generator, size: int, frames: int) -> tuple[list[View], Tensor]:
        """`size` random sequences of `frames` frames: a view per frame, and what is covered, float32
        [frames, size, kinds, SIDE, SIDE]. Some are mirrored: the picture's own lettering then reads as no letters do,
        so but few of them. Some are one frame all through, as a still picture is, and each frame of a survey. Three of
        five show a kind that was drawn first: rare kinds would hardly be learned else."""
        picked = []
        for _ in range(size):
            some = self._all
            if self._by_kind and rng.random() < 0.6:
                some = self._by_kind[int(rng.integers(len(self._by_kind)))]
            shard, row = some[int(rng.integers(len(some)))]
            first, mirror = int(rng.integers(0, LENGTH - frames + 1)), rng.random() < 0.2
            numbers = np.full(frames + 2, first) if rng.random() < 0.1 else np.arange(first - 1, first + frames + 1)
            picked.append(cut(self._list[shard], row, numbers, mirror))
        return tensors(picked)

    def everything(self, size: int) -> Iterator[tuple[list[View], Tensor]]:
        """Whole sequences, up to `size` at once; of one shard after the other."""
        for marked in self._list:
            for k in range(0, len(marked.luma), size):
                rows = range(k, min(k + size, len(marked.luma)))
                yield tensors([cut(marked, row, np.arange(-1, LENGTH + 1), False) for row in rows])


def cut(marked: Marked, row: int, numbers: np.ndarray, mirror: bool) -> tuple[np.ndarray, ...]:
    """luma [frames + 2, ...], chroma, still and covered of one sequence. numbers: of its frames, -1..LENGTH, with those
    before and after."""
    step, inner = -1 if mirror else 1, numbers[1:-1]
    return (
        marked.luma[row, numbers + 1, :, ::step],
        marked.chroma[row, inner, :, :, ::step],
        marked.still[row, :, :, ::step],
        marked.covered[row, inner, :, ::step],
    )


def tensors(picked: Sequence[tuple[np.ndarray, ...]]) -> tuple[list[View], Tensor]:
    """Views and covers of sequences, see `Crops.batch`."""
    luma, chroma, still, covered = (torch.from_numpy(np.stack(part)) for part in zip(*picked, strict=True))
    luma, chroma, still = (part.float() / 255 for part in (luma, chroma, still))
    # The first of all is the frame before the first.
    views = [View(luma=luma[:, [k + 1, k, k + 2]], still=still, chroma=chroma[:, k]) for k in range(chroma.shape[1])]
    bits = torch.tensor([1 << k for k in range(len(LEARNED))], dtype=torch.uint8).view(1, -1, 1, 1)
    return views, torch.stack([((covered[:, None, k] & bits) > 0).float() for k in range(len(views))])


def marked_loss(logits: Tensor, covered: Tensor, overlap: float) -> dict[str, Tensor]:
    """Loss of logits [K, kinds, H, W] by part: "entropy", binary cross-entropy, and "overlap", 1 - Dice's coefficient
    of each kind over the whole batch (Milletari et al., V-Net, 3DV 2016), as weighted. A kind that the batch does not
    show has no overlap: counted, it would push all of its pixels down twenty times as hard as the kind pulls its own up
    where it is shown, and a rare kind is never marked."""
    chance, shown = torch.sigmoid(logits), covered.amax((0, 2, 3))
    # Of a cover of a few per cent, what is missed counts more than what is marked in vain; and most where little else
    # is covered around it: the dots of a horizon are seen as well as a headline is.
    # On a grid of a quarter of the pixels: in full it would take as long as the network.
    near = F.avg_pool2d(F.avg_pool2d(covered, GRID), AROUND // GRID, 1, AROUND // GRID // 2)
    alone = 1 - F.interpolate(near, covered.shape[2:])
    both, sizes = (chance * covered).sum((0, 2, 3)), (chance + covered).sum((0, 2, 3))
    missed = 1 - (2 * both + 50) / (sizes + 50)
    return {
        "entropy": F.binary_cross_entropy_with_logits(logits, covered, pos_weight=MISSED * (1 + ALONE * alone**4)),
        "overlap": overlap * (missed * shown).sum() / shown.sum().clamp(min=1),
    }


def judged(found: Tensor, covered: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Counts [kinds] for recall and precision with TOLERANCE: covered pixels, those near a found one, found pixels,
    those near a covered one. found, covered: bool [K, kinds, H, W]."""
    near = [F.max_pool2d(m.float(), 2 * TOLERANCE + 1, 1, TOLERANCE) > 0 for m in (found, covered)]
    count = lambda m: m.sum((0, 2, 3)).double()  # noqa: E731
    return count(covered), count(covered & near[0]), count(found), count(found & near[1])


class Objective(nn.Module):
    """The network over a whole sequence: one forward pass per update, as DistributedDataParallel wants it."""

    def __init__(self, network: DetectionNetwork, overlap: float) -> None:
        super().__init__()
        self.network, self._overlap = network, overlap

    def forward(self, views: Sequence[View], covered: Tensor) -> dict[str, Tensor]:
        state, parts = None, {}
        for view, mask in zip(views, covered, strict=True):
            logits, state = self.network(view, state)
            for name, value in marked_loss(logits, mask, self._overlap).items():
                parts[name] = parts.get(name, 0) + value / len(views)
        return parts


class Detection(loop.Recipe):
    """The recipe of the detector."""

    CAPTION = "frame, what is covered, what was found"
    FIXED = ("network",)

    def __init__(self, config: DetectorConfig, team: Team, origin: str | None = None) -> None:
        """origin: weights to begin with. Raises ModelError."""
        super().__init__(config, team)
        torch.manual_seed(config.seed)
        network = DetectionNetwork(config.network) if origin is None else weights.load_detector(origin).train()
        self.network = network.to(team.device, memory_format=torch.channels_last)
        self.average = DetectionNetwork(network.config).to(team.device)
        self.average.load_state_dict(network.state_dict())
        self._objective = team.wrapped(Objective(self.network, config.overlap))
        self._optimiser = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=1e-4, betas=(0.9, 0.99))

    def update(self, data: Crops) -> dict[str, float]:
        config = self.config
        rng = np.random.default_rng([config.seed, self.step, self.team.rank])
        views, covered = data.batch(rng, config.batch, config.frames)
        covered = covered.to(self.team.device)
        norms = self.learn(self._optimiser, lambda: self._objective([self._there(view) for view in views], covered))
        loop.follow_weights(self.average, self.network, config.ema, self.step)
        return norms

    def _there(self, view: View) -> View:
        """The view on the device."""
        return View(*(t.to(self.team.device) for t in view))

    @torch.no_grad()
    def validate(self, data: Crops) -> dict[str, float]:
        """Recall and precision by kind over the last frames of all sequences, and the share marked in clean crops."""
        self.average.eval()
        device = self.team.device
        sums, clean, area = [torch.zeros(len(LEARNED), dtype=torch.float64) for _ in range(4)], 0.0, 0
        for views, covered in data.everything(10):
            state = None
            for view in views:
                with torch.autocast(device.type, torch.bfloat16, enabled=self.config.precision != "fp32"):
                    logits, state = self.average(self._there(view), state)
            found, mask = logits.cpu() > 0, covered[-1] > 0
            for total, count in zip(sums, judged(found, mask), strict=True):
                total += count
            empty = ~(covered > 0).any(0).flatten(1).any(1)
            clean, area = clean + float(found[empty].any(1).sum()), area + int(empty.sum()) * found[0, 0].numel()
        self.average.train()
        figures = {}
        for k, kind in enumerate(LEARNED):
            there, met, marked, right = (float(total[k]) for total in sums)
            figures |= {f"{kind} recall": met / max(1.0, there), f"{kind} precision": right / max(1.0, marked)}
        return figures | {"marked in vain, %": 100 * clean / max(1, area)}

    @torch.no_grad()
    def sheet(self, data: Crops) -> np.ndarray:
        lines = []
        for views, covered in data.everything(1):
            _, state = self.average(self._there(views[0]))
            logits, _ = self.average(self._there(views[1]), state)
            parts = views[1].luma[0, 0], covered[1][0].amax(0), (logits[0].amax(0) > 0).float().cpu()
            lines.append(torch.cat(parts, 1))
            if len(lines) == 12:
                break
        return (torch.cat(lines) * 255).round().byte().numpy()

    def write(self, path: Path) -> None:
        weights.save(self.average, path, training={**asdict(self.config), "step": self.step})

    def parts(self) -> dict[str, Any]:
        return {"optimiser": self._optimiser, "network": self.network, "average": self.average}


#: `loop.fit` of a DetectorConfig. origin: a detector's weights.
fit = partial(loop.fit, recipe=Detection, data=Crops, unit="crops")
