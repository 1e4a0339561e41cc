"""Batches: examples in memory, drawn and turned at random, as tensors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ..network import Inputs
from .examples import LENGTH, Shard
from .losses import Truth


class Examples:
    """All shards of a folder whose names begin with `prefix`, in memory."""

    def __init__(self, folder: Path, prefix: str) -> None:
        paths = [path for path in sorted(folder.glob(f"{prefix}-*.npz")) if self._wanted(path)]
        self._list = [Shard.load(path) for path in paths]
        self._ends = np.cumsum([len(s.truth) for s in self._list])
        self._scales = [best_candidate(s) for s in self._list]

    def _wanted(self, path: Path) -> bool:
        """Whether a shard belongs to these examples."""
        return True

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._list) else 0

    def batch(self, rng: np.random.Generator, size: int, frames: int) -> dict[str, np.ndarray]:
        """`size` random examples of `frames` successive frames, mirrored at random: the fields of `Shard`, and scale,
        float32 [size], see `best_candidate`."""
        rows: dict[str, list[np.ndarray]] = {name: [] for name in Shard.FIELDS}
        scale = []
        for k in rng.integers(0, len(self), size):
            s = int(np.searchsorted(self._ends, k, "right"))
            shard, row = self._list[s], int(k - (self._ends[s - 1] if s else 0))
            start = int(rng.integers(0, LENGTH - frames + 1))
            mirror, upset, turn = rng.random(3) < 0.5
            scale.append(self._scales[s])
            for name in Shard.FIELDS:
                rows[name].append(
                    turned(getattr(shard, name)[row, start : start + frames], name == "flow", mirror, upset, turn)
                )
        return {name: np.stack(values) for name, values in rows.items()} | {"scale": np.array(scale, np.float32)}

    def everything(self, size: int) -> Iterator[tuple[bool, dict[str, np.ndarray]]]:
        """(whether a new source begins, up to `size` examples of it)."""
        for shard in self._list:
            for k in range(0, len(shard.truth), size):
                yield k == 0, {name: getattr(shard, name)[k : k + size] for name in Shard.FIELDS}


def best_candidate(shard: Shard) -> float:
    """Mean square miss (of full scale) of the candidate that is the best in all of a shard's holes."""
    hole = shard.counted.astype(bool)
    before, after = (shard.age[:, :, k].astype(int) for k in (0, 1))
    near = np.where((before > 0) & ((before <= after) | (after == 0)), shard.luma[:, :, 2], shard.luma[:, :, 3])
    truth = shard.truth[hole].astype(np.float32) / 255
    pictures = shard.luma[:, :, 0], shard.luma[:, :, 1], near
    return min(float(np.mean((picture[hole] / np.float32(255) - truth) ** 2)) for picture in pictures)


def turned(values: np.ndarray, is_flow: bool, mirror: bool, upset: bool, turn: bool) -> np.ndarray:
    """Mirrored left-right, upside down, and with rows and columns exchanged; a flow's vectors turn with it."""
    if mirror:
        values = values[..., ::-1]
        values = values * np.array([-1, 1], np.float16)[:, None, None] if is_flow else values
    if upset:
        values = values[..., ::-1, :]
        values = values * np.array([1, -1], np.float16)[:, None, None] if is_flow else values
    if turn:
        values = values.swapaxes(-1, -2)
        values = values[:, ::-1] if is_flow else values
    return values


def tensors(batch: dict[str, np.ndarray], device: torch.device) -> tuple[list[Inputs], list[Truth]]:
    """Per frame the network's inputs and the truth, float32."""
    t = {name: torch.from_numpy(np.ascontiguousarray(v)).to(device) for name, v in batch.items()}
    inputs, truth = [], []
    for k in range(t["truth"].shape[1]):
        inputs.append(
            Inputs(
                luma=t["luma"][:, k].float() / 255,
                chroma=t["chroma"][:, k].float() / 255,
                age=t["age"][:, k].float(),
                hole=t["hole"][:, k, None].float(),
                flow=t["flow"][:, k].float(),
            )
        )
        truth.append(
            Truth(
                luma=t["truth"][:, k, None].float() / 255,
                chroma=t["truth_chroma"][:, k].float() / 255,
                counted=t["counted"][:, k, None].float(),
            )
        )
    return inputs, truth
