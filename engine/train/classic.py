"""The classic recipe: the RecurrentUNet of the user's documents, trained as they did it.

Whole frames, RGB in -1..1, at 480x270, in sequences of 4, two at a time; L1 over the whole picture, or an adversary
beside; Adam. What it learns from are pairs that `osdclean data clips` wrote, or pairs made as they are asked for of any
videos. One video of eight, but at least one, is held back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..data import decoder, pairs, videos
from ..data.folders import Pair, Pairs, Synthetic
from ..errors import ModelError, OsdcleanError, PictureError
from ..networks.published import load, save
from ..networks.recurrent_unet import RecurrentUNet
from ..picture import Planes
from ..synth.glyphs import Fonts
from .config import ClassicConfig
from .distributed import Team, alone
from .journal import gradients
from .loop import Recipe, follow
from .losses import Adversary, logo_prior
from .shards import held_back, video_of
from .validation import sheet_frames, validate_frames

#: frames [B, T, C, H, W] and truth [B, T, 3, H, W], -1..1 (a mask among the frames: -1 clear, 1 overlay), and mask
#: [B, T, 1, H, W], 0 and 1; float32.
Batch = tuple[Tensor, Tensor, Tensor]
#: Bytes of decoded pairs that are kept: with few clips nothing is decoded twice.
KEPT = 2 << 30
#: Sequences that validate, and steps that are read ahead.
HELD, AHEAD = 32, 4


def rgb(planes: Planes, size: tuple[int, int]) -> np.ndarray:
    """8-bit YUV as RGB of `size` (width, height), uint8 [3, H, W]; BT.709 from 720 lines on, else BT.601 (limited
    range), as players take what does not say."""
    red, blue = (0.2126, 0.0722) if planes[0].shape[0] >= 720 else (0.299, 0.114)
    y, u, v = (_scaled(plane, size).astype(np.float32) for plane in planes)
    y, u, v = (y - 16) * (255 / 219), (u - 128) * (255 / 112), (v - 128) * (255 / 112)
    r, b = y + (1 - red) * v, y + (1 - blue) * u
    g = (y - red * r - blue * b) / (1 - red - blue)
    return np.clip(np.rint(np.stack([r, g, b])), 0, 255).astype(np.uint8)


def resized(pair: Pair, size: tuple[int, int]) -> np.ndarray:
    """uint8 [T, 7, H, W]: RGB with the overlay, RGB without, and the mask, 255 where there is any of the overlay."""
    out = []
    for truth, overlaid, mask in zip(pair.truth, pair.overlaid, pair.masks, strict=True):
        covered = np.where(_scaled(mask, size) > 0, np.uint8(255), np.uint8(0))
        out.append(np.concatenate([rgb(overlaid, size), rgb(truth, size), covered[None]]))
    return np.stack(out)


def _scaled(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    smaller = size[0] <= plane.shape[1] and size[1] <= plane.shape[0]
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


class Sequences:
    """Sequences of some clips; which, and which part of a clip, a generator draws. Threads may draw at once."""

    def __init__(self, source: Pairs | Synthetic, chosen: Sequence[int], config: ClassicConfig) -> None:
        """chosen: the items of `source` that are used."""
        self._source, self._chosen, self._config = source, list(chosen), config
        self._kept: dict[int, np.ndarray] = {}
        self._lock, self._bytes = Lock(), 0

    def __len__(self) -> int:
        return len(self._chosen)

    def batch(self, rng: np.random.Generator) -> Batch:
        """As many sequences as the configuration wants. Raises OsdcleanError where one cannot be read."""
        return self._tensors([self._one(int(rng.integers(len(self))), rng) for _ in range(self._config.batch)])

    def each(self, most: int) -> list[Batch]:
        """One sequence of each clip, of at most so many, the same in every run."""
        few = np.unique(np.linspace(0, len(self) - 1, min(most, len(self))).round().astype(int))
        return [self._tensors([self._one(int(k), np.random.default_rng(int(k)))]) for k in few]

    def _one(self, k: int, rng: np.random.Generator) -> np.ndarray:
        """uint8 [T, 7, H, W], as `resized`."""
        item, frames = self._chosen[k], self._config.frames
        if isinstance(self._source, Synthetic):
            return resized(self._source.epoch(int(rng.integers(1 << 31)))[item], self._config.size)
        clip = self._clip(item)
        first = int(rng.integers(len(clip) - frames + 1))
        return clip[first : first + frames]

    def _clip(self, item: int) -> np.ndarray:
        clip = self._kept.get(item)
        if clip is None:
            pair = self._source[item]
            if len(pair.truth) < self._config.frames:
                raise PictureError(
                    f"pair {pair.name} must have at least {self._config.frames} frames, passed {len(pair.truth)}"
                )
            clip = resized(pair, self._config.size)
            with self._lock:
                if item not in self._kept and self._bytes + clip.nbytes <= KEPT:
                    self._kept[item] = clip
                    self._bytes += clip.nbytes
        return clip

    def _tensors(self, clips: list[np.ndarray]) -> Batch:
        whole = torch.from_numpy(np.stack(clips)).float() / 127.5 - 1
        overlaid, truth, mask = whole.split((3, 3, 1), 2)
        frames = torch.cat([overlaid, mask], 2) if self._config.channels == 4 else overlaid.contiguous()
        return frames, truth.contiguous(), (mask > 0).float()


def opened(
    folder: Path, config: ClassicConfig, fonts: Fonts = None, report: Callable[[str], None] | None = None
) -> tuple[Sequences, Sequences]:
    """Sequences to learn from, and those held back. fonts, report: see `Synthetic`.

    Raises OsdcleanError where there are not two videos that can be used.
    """
    if all((folder / kind).is_dir() for kind in (pairs.CLEAN, pairs.OVERLAID, pairs.STATIC)):
        source = Pairs(folder)
        held = _held(source.names, folder)
        chosen = [
            [k for k, name in enumerate(source.names) if (video_of(name) in held) == back] for back in (False, True)
        ]
        return Sequences(source, chosen[0], config), Sequences(source, chosen[1], config)
    found = videos.found([folder])
    facts, _ = videos.probed(found)
    usable = [
        video.name
        for video, told in facts.items()
        if told.frames >= config.frames and min(decoder.shape(told, None)) >= decoder.SMALLEST
    ]
    held = _held(usable, folder)
    held = {name for name in usable if video_of(name) in held}
    # What cannot be used at all is told of by the first of the two.
    made = [
        Synthetic(
            [video.path for video in found if (video.name in held) == back], frames=config.frames, fonts=fonts,
            seed=config.seed, report=report,
        )
        for back in (False, True)
    ]  # fmt: skip
    return Sequences(made[0], range(len(made[0])), config), Sequences(made[1], range(len(made[1])), config)


def _held(names: list[str], folder: Path) -> set[str]:
    """The videos, of those that the clips `names` are of, that are held back."""
    found = sorted({video_of(name) for name in names})
    if len(found) < 2:
        raise OsdcleanError(f"train: {folder} must hold clips of at least two videos, found {len(found)}")
    return held_back(found)


class Ahead:
    """The batches of a run by step, read by threads while the network learns."""

    def __init__(self, sequences: Sequences, config: ClassicConfig, rank: int, pool: ThreadPoolExecutor) -> None:
        self._sequences, self._config, self._rank, self._pool = sequences, config, rank, pool
        self._coming: dict[int, Future[Batch]] = {}

    def batch(self, step: int) -> Batch:
        """What step `step` draws; depends on (seed, step, rank) alone."""
        for coming in range(step, min(step + AHEAD, self._config.steps)):
            if coming not in self._coming:
                rng = np.random.default_rng([self._config.seed, coming, self._rank])
                self._coming[coming] = self._pool.submit(self._sequences.batch, rng)
        return self._coming.pop(step).result()


class Classic(Recipe):
    """The recipe of the RecurrentUNet."""

    CAPTION = "overlaid, mask, network, truth"
    FIXED = ("channels", "features", "tanh", "residual", "adversarial")

    def __init__(self, config: ClassicConfig, team: Team, origin: Path | None) -> None:
        """origin: weights to begin with, see `published.load`. Raises ModelError where they are of another
        network than the configuration's."""
        super().__init__(config, team)
        torch.manual_seed(config.seed)
        if origin is None:
            network = RecurrentUNet(config.network)
        else:
            network = load(RecurrentUNet, origin, tanh=config.tanh, residual=config.residual)
            for name, value in asdict(config.network).items():
                if getattr(network.config, name) != value:
                    raise ModelError(
                        f"{origin} holds weights with {name}={getattr(network.config, name)}, passed {name}={value}"
                    )
        self.network = network.to(team.device).train()
        self._adversary = None
        rate, betas = config.rate, (0.9, 0.999)
        if config.adversarial:
            rate, betas = config.adversarial_rate, (0.5, 0.999)
            self._adversary = Adversary(config.critic_widths, rate, team)
        self._wrapped = team.wrapped(self.network)
        self._optimiser = torch.optim.Adam(self.network.parameters(), lr=rate, betas=betas)

    def update(self, data: Ahead) -> dict[str, float]:
        config = self.config
        frames, truth, _ = (part.to(self.team.device) for part in data.batch(self.step))
        self._optimiser.zero_grad(set_to_none=True)
        made, _ = self._wrapped(frames)
        parts = {"l1": F.l1_loss(made, truth)}
        total = parts["l1"]
        if self._adversary is not None:
            parts["adversarial"] = self._adversary.doubt(made.transpose(1, 2))
            total = parts["adversarial"] + config.reconstruction * total
        if config.logo_prior:
            parts["logo prior"] = logo_prior((frames[:, :, :3] + 1) / 2, (made + 1) / 2)
            total = total + config.logo_prior * parts["logo prior"]
        total.backward()
        norms = gradients(self.network)
        if self._adversary is not None:
            parts["critic"] = self._adversary.learn(truth.transpose(1, 2), made.transpose(1, 2), nullcontext())
        # A step that would spoil the weights is left out.
        norm = math.hypot(*norms.values())
        if math.isfinite(norm):
            self._optimiser.step()
        for name, value in {"loss": total, **parts}.items():
            self.add(name, float(value.detach()))
        self.ended(norms, norm)
        return norms

    def rate(self) -> float:
        return self._optimiser.param_groups[0]["lr"]

    def validate(self, data: Sequence[Batch]) -> dict[str, float]:
        return validate_frames(self.network, data, self.team.device)

    def sheet(self, data: Sequence[Batch]) -> np.ndarray:
        return sheet_frames(self.network, data, self.team.device)

    def write(self, path: Path) -> None:
        save(self.network, path, training={**asdict(self.config), "step": self.step})

    def parts(self) -> dict[str, Any]:
        parts = {"optimiser": self._optimiser, "network": self.network}
        return parts | (self._adversary.parts() if self._adversary else {})


def fit(
    config: ClassicConfig,
    train: Sequences,
    held: Sequences,
    run: Path,
    say: Callable[[str], None],
    progress: Callable[[int], None] | None = None,
    origin: Path | None = None,
    team: Team | None = None,
    threads: int = 1,
) -> Path:
    """Train until `config.steps`, continuing from `run/last.pt` where it is there. Returns the weights file.

    origin: weights to begin with; threads: that read footage. Raises ModelError, and OsdcleanError where footage cannot
    be read.
    """
    team = team or alone()
    training = Classic(config, team, origin)
    judged = held.each(HELD) if team.leads else []
    say(f"{len(train)} clips, {len(held)} for validation")
    pool = ThreadPoolExecutor(threads)
    try:
        return follow(training, Ahead(train, config, team.rank, pool), judged, run, say, progress)
    finally:
        pool.shutdown(cancel_futures=True)
