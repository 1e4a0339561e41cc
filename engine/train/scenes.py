"""Scenes: footage under a synthetic overlay, with the truth, for networks that see whole frames."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..data.workers import tick
from ..errors import PictureError
from ..networks import colours
from ..networks.published import Published
from ..picture import PictureFormat
from . import examples, shards
from .stored import Stored

#: Frames of a scene.
LENGTH = 24
#: Sequences that validate.
HELD = 24


@dataclass(frozen=True, kw_only=True)
class Scene(Stored):
    """One clip under one overlay, T frames of 8-bit YUV 4:2:0, uint8.

    truth, shown: [T, H, W], luma without the overlay and with it; truth_chroma, shown_chroma: [T, 2, H/2, W/2];
    hole: [T, H, W], 1 in the grown hole.
    """

    truth: np.ndarray
    truth_chroma: np.ndarray
    shown: np.ndarray
    shown_chroma: np.ndarray
    hole: np.ndarray

    FIELDS = ("truth", "truth_chroma", "shown", "shown_chroma", "hole")


def make(job: shards.Job) -> int:
    """Build one shard; returns its number of scenes, 1. All depends on the target's name alone. Raises PictureError
    where its source cannot be used."""
    rng = np.random.default_rng(zlib.crc32(job.target.name.encode()))
    frames, picture = shards.footage(job, rng)
    if len(frames) < LENGTH:
        raise PictureError(f"{job.source} has {len(frames)} frames, at least {LENGTH} are needed")
    first = int(rng.integers(0, len(frames) - LENGTH + 1))
    frames = frames[first : first + LENGTH]
    shown, hole = examples.cover(frames, picture, rng, job.fonts, job.compressed, laid=True)
    if not any(h.any() for h in hole):
        raise PictureError(f"{job.source} shows no overlay in {LENGTH} frames")
    luma, chroma = ([np.stack([f[0] for f in of]) for of in (frames, shown)],
                    [np.stack([np.stack(f[1:]) for f in of]) for of in (frames, shown)])  # fmt: skip
    Scene(
        truth=luma[0], shown=luma[1], truth_chroma=chroma[0], shown_chroma=chroma[1],
        hole=np.stack(hole).astype(np.uint8),
    ).save(job.target)  # fmt: skip
    tick()
    return 1


#: What one call of a network is given and what it should answer: frames [B, T, 3, H, W] and masks [B, T, 1, H, W] as
#: `Published.restore` has them, truth [B, count, 3, H, W].
Call = tuple[Tensor, Tensor, Tensor]


class Scenes:
    """The scenes of a folder whose names begin with `prefix`, read as they are drawn."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._paths = sorted(folder.glob(f"{prefix}-*.npz"))

    def __len__(self) -> int:
        return len(self._paths)

    def batch(self, network: Published, rng: np.random.Generator, size: int, calls: int, side: int) -> list[Call]:
        """`size` random sequences of `calls` successive calls: windows of `side` x `side` pixels that touch the hole,
        whole frames where the network has a size of its own. All begin at the same frame of their scenes, as how many
        frames a network sees depends on it."""
        start = int(rng.integers(0, max(1, LENGTH - calls * network.GROUP + 1)))
        paths = [self._paths[int(rng.integers(len(self)))] for _ in range(size)]
        return joined([self._draw(network, path, rng, start, calls, side) for path in paths])

    def held(self, network: Published, calls: int, side: int) -> list[list[Call]]:
        """One sequence of each of HELD scenes, the same in every run."""
        few = np.unique(np.linspace(0, len(self) - 1, min(HELD, len(self))).round().astype(int)).tolist()
        middle = max(0, (LENGTH - calls * network.GROUP) // 2)
        return [
            joined([self._draw(network, self._paths[k], np.random.default_rng(k), middle, calls, side)]) for k in few
        ]

    def _draw(
        self, network: Published, path: Path, rng: np.random.Generator, start: int, calls: int, side: int
    ) -> list[tuple[np.ndarray, ...]]:
        scene = Scene.load(path)
        whole, count = range(len(scene.truth)), network.GROUP
        groups = [whole[start + k * count : start + (k + 1) * count] for k in range(calls)]
        height, width = scene.truth.shape[1:]
        box, mirror = (slice(0, height), slice(0, width)), bool(rng.random() < 0.5)
        if network.size is None:
            there = np.flatnonzero(scene.hole[groups[0][0]])
            at = np.unravel_index(rng.choice(there) if len(there) else height * width // 2, (height, width))
            sides = [min(side, length) for length in (height, width)]
            spot = [int(p - rng.integers(0, s)) for p, s in zip(at, sides, strict=True)]
            y, x = (min(max(0, p), length - s) & ~1 for p, s, length in zip(spot, sides, (height, width), strict=True))
            box = slice(y, y + sides[0]), slice(x, x + sides[1])
        return [_cut(scene, network, group, whole, box, mirror) for group in groups]


def joined(drawn: Sequence[list[tuple[np.ndarray, ...]]]) -> list[Call]:
    """The calls of several sequences, those of a kind together."""
    return [
        tuple(torch.from_numpy(np.stack(part)) for part in zip(*call, strict=True)) for call in zip(*drawn, strict=True)
    ]


def _cut(
    scene: Scene, network: Published, group: range, whole: range, box: tuple[slice, slice], mirror: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One call's frames, masks and truth, without the batch's dimension."""
    height, width = (s.stop - s.start for s in box)
    picture = PictureFormat(
        family="YUV", floating=False, bits=8, width=width, height=height, subsampling_w=1, subsampling_h=1
    )
    size = network.size[::-1] if network.size else (width, height)
    half = tuple(slice(s.start // 2, s.stop // 2) for s in box)
    way = -1 if mirror else 1

    def rgb(luma: np.ndarray, chroma: np.ndarray, n: int) -> np.ndarray:
        planes = luma[n][box], *(c[half] for c in chroma[n])
        return np.ascontiguousarray(colours.rgb(planes, picture, size)[:, :, ::way])

    def hole(n: int) -> np.ndarray:
        small = colours.resized(scene.hole[n][box].astype(np.float32), size) > 0
        return np.ascontiguousarray(small[None, :, ::way]).astype(np.float32)

    seen = [min(max(n, 0), len(whole) - 1) for n in (*group, *network.sees(group, whole))]
    return (
        np.stack([rgb(scene.shown, scene.shown_chroma, n) for n in seen]),
        np.stack([hole(n) for n in seen]),
        np.stack([rgb(scene.truth, scene.truth_chroma, n) for n in group]),
    )
