"""Training: from examples to weights, resumable at any moment.

Adam on the root mean square miss of each tile's hole samples, luma and chroma (PSNR's own measure; a mean of absolute
misses took the likelier of two candidates however wrong the other case would be), plus the same on differences of
successive frames, so that what is invented stays steady. Sequences grow longer as training goes on; the
state is carried through them. Weights are averaged (EMA); validation is the in-hole PSNR on sources never trained on.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from ..network import InpaintingNetwork, Inputs, NetworkConfig
from ..weights import load, save
from .examples import LENGTH, Shard


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """steps: updates in all. stages: (share of the steps after which it begins, frames per sequence, batch).

    rate: of the optimiser, after `warmup` steps, falling to a hundredth along a cosine. ema: share of the average
    that a step keeps. floor: miss of full scale below which little is left to gain. chroma, temporal: weights of
    these losses beside luma's. clip: largest norm of the gradient. every: steps between validations and checkpoints.
    """

    steps: int = 10_000
    stages: tuple[tuple[float, int, int], ...] = ((0.0, 1, 24), (0.35, 2, 16), (0.75, 5, 8))
    rate: float = 1e-3
    warmup: int = 200
    ema: float = 0.998
    floor: float = 0.004
    chroma: float = 0.5
    temporal: float = 0.5
    clip: float = 1.0
    seed: int = 1
    network: NetworkConfig = field(default_factory=NetworkConfig)
    every: int = 400

    def stage(self, step: int) -> tuple[int, int]:
        """(frames, batch) at a step."""
        return [s[1:] for s in self.stages if step >= s[0] * self.steps][-1]

    def rate_at(self, step: int) -> float:
        share = min(1.0, step / self.steps)
        return self.rate * min(1.0, (step + 1) / self.warmup) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


class Examples:
    """All training shards of a folder in memory; those built meanwhile are taken in by `refresh`."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._folder, self._prefix = folder, prefix
        self._shards: dict[Path, Shard] = {}
        self.refresh()

    def refresh(self) -> int:
        for path in sorted(self._folder.glob(f"{self._prefix}-*.npz")):
            if path not in self._shards:
                self._shards[path] = Shard.load(path)
        self._list = list(self._shards.values())
        self._ends = np.cumsum([len(s.truth) for s in self._list])
        return len(self)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._list) else 0

    def batch(self, rng: np.random.Generator, size: int, frames: int) -> dict[str, np.ndarray]:
        """`size` random examples of `frames` successive frames, mirrored at random."""
        rows: dict[str, list[np.ndarray]] = {name: [] for name in Shard.FIELDS}
        for k in rng.integers(0, len(self), size):
            s = int(np.searchsorted(self._ends, k, "right"))
            shard, row = self._list[s], int(k - (self._ends[s - 1] if s else 0))
            start = int(rng.integers(0, LENGTH - frames + 1))
            mirror, upset, turn = rng.random(3) < 0.5
            for name in Shard.FIELDS:
                rows[name].append(
                    _turned(getattr(shard, name)[row, start : start + frames], name == "flow", mirror, upset, turn)
                )
        return {name: np.stack(values) for name, values in rows.items()}

    def everything(self, size: int) -> Iterator[tuple[bool, dict[str, np.ndarray]]]:
        """(whether a new source begins, up to `size` examples of it)."""
        for shard in self._list:
            for k in range(0, len(shard.truth), size):
                yield k == 0, {name: getattr(shard, name)[k : k + size] for name in Shard.FIELDS}


def _turned(values: np.ndarray, is_flow: bool, mirror: bool, upset: bool, turn: bool) -> np.ndarray:
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


def tensors(
    batch: dict[str, np.ndarray], device: torch.device
) -> tuple[list[Inputs], list[tuple[torch.Tensor, torch.Tensor]]]:
    """Per frame the network's inputs and (luma, chroma) of the truth, float32."""
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
        truth.append((t["truth"][:, k, None].float() / 255, t["truth_chroma"][:, k].float() / 255))
    return inputs, truth


def loss_of(
    network: Callable, inputs: list[Inputs], truth: list[tuple[torch.Tensor, torch.Tensor]], config: TrainConfig
) -> torch.Tensor:
    """Mean loss of a sequence: root mean square misses of luma, chroma and successive differences."""

    def miss_of(x: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
        """Root of the mean square per tile, averaged over the tiles by their share of the hole: a tile's worst samples
        weigh most, but a tile of grass no more than one of sky."""
        count = where.sum((1, 2, 3))
        square = (x * x * where).sum((1, 2, 3)) / (count.clamp(min=1) * x.shape[1])
        return (torch.sqrt(square + config.floor**2) * count).sum() / count.sum().clamp(min=1)

    state, before, total = None, None, torch.zeros(())
    for given, (luma, chroma) in zip(inputs, truth, strict=True):
        out, state = network(given, state)
        miss = out[0] - luma, out[1] - chroma
        small = (F.max_pool2d(given.hole, 2) > 0).float()
        total = total + miss_of(miss[0], given.hole) + config.chroma * miss_of(miss[1], small)
        if before is not None:
            total = total + config.temporal * miss_of(miss[0] - before[0], given.hole)
        before = miss
    return total / len(inputs)


@torch.no_grad()
def validate(network: InpaintingNetwork, examples: Examples, device: torch.device, batch: int = 32) -> dict[str, float]:
    """In-hole luma PSNR (all samples at once) of the network and of its candidates, at the last frames of sequences;
    sources: of the network, the mean over the sources' own; flicker in 8-bit code values."""
    network.eval()
    error = dict.fromkeys(("network", "tense", "plate", "before", "after", "nearer", "flicker"), 0.0)
    count, per_source = 0.0, []
    for new, raw in examples.everything(batch):
        if new:
            per_source.append(np.zeros(2))
        inputs, truth = tensors(raw, device)
        state, miss = None, None
        for given, (luma, _) in zip(inputs, truth, strict=True):
            with torch.autocast(device.type, torch.bfloat16):
                out, state = network(given, state)
            last, miss = miss, (out[0] - luma) * given.hole
            error["flicker"] += float((miss - last).abs().sum()) if last is not None else 0.0
        pictures = {
            "network": out[0],
            "tense": given.luma[:, :1],
            "plate": given.luma[:, 1:2],
            "before": given.luma[:, 2:3],
            "after": given.luma[:, 3:],
        }
        age = torch.where(given.age == 0, 1e6, given.age)
        pictures["nearer"] = torch.where(age[:, :1] <= age[:, 1:], pictures["before"], pictures["after"])
        square = {name: float((((p - luma) ** 2) * given.hole).sum()) for name, p in pictures.items()}
        for name, e in square.items():
            error[name] += e
        samples = float(given.hole.sum())
        count += samples
        per_source[-1] += square["network"], samples
    network.train()
    steps = LENGTH - 1
    figures = {
        name: e / count / steps * 255 if name == "flicker" else -10 * np.log10(max(e, 1e-12) / count)
        for name, e in error.items()
    }
    return {**figures, "sources": float(np.mean([-10 * np.log10(max(e, 1e-12) / c) for e, c in per_source]))}


def fit(
    config: TrainConfig,
    folder: Path,
    run: Path,
    say: Callable[[str], None],
    progress: Callable[[int], None] | None = None,
    origin: str | None = None,
) -> Path:
    """Train until `config.steps`, continuing from `run/last.pt` where it is there. Returns the weights file.

    origin: weights to begin with, as the node's `model`; random ones where None. Raises ModelError.
    """
    run.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(config.seed)
    network = InpaintingNetwork(config.network) if origin is None else load(origin).train()
    network.to(device)
    average = InpaintingNetwork(network.config).to(device)
    average.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=1e-4, betas=(0.9, 0.99))
    rng = np.random.default_rng(config.seed)
    step, last = 0, run / "last.pt"
    if last.exists():
        kept = torch.load(last, weights_only=True, map_location=device)
        network.load_state_dict(kept["network"])
        average.load_state_dict(kept["average"])
        optimiser.load_state_dict(kept["optimiser"])
        rng.bit_generator.state = json.loads(kept["rng"])
        step = kept["step"]
        say(f"continuing at step {step}")
    train, held = Examples(folder, "train"), Examples(folder, "val")
    say(f"{len(train)} examples, {len(held)} for validation, {sum(p.numel() for p in network.parameters())} parameters")
    curve, began, sums = run / "curve.jsonl", time.monotonic(), [0.0, 0]
    while step < config.steps:
        frames, size = config.stage(step)
        inputs, truth = tensors(train.batch(rng, size, frames), device)
        for group in optimiser.param_groups:
            group["lr"] = config.rate_at(step)
        with torch.autocast(device.type, torch.bfloat16):
            loss = loss_of(network, inputs, truth, config)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), config.clip)
        if torch.isfinite(norm):
            optimiser.step()
        step += 1
        decay = min(config.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            for a, p in zip(average.parameters(), network.parameters(), strict=True):
                a.lerp_(p, 1 - decay)
        sums[0] += float(loss.detach())
        sums[1] += 1
        if progress is not None:
            progress(step)
        if step % config.every == 0 or step == config.steps:
            train.refresh()
            figures = validate(average, held, device)
            row = {
                "step": step,
                "loss": sums[0] / sums[1],
                "frames": frames,
                "minutes": (time.monotonic() - began) / 60,
                "examples": len(train),
                **figures,
            }
            sums = [0.0, 0]
            with open(curve, "a") as f:
                f.write(json.dumps(row) + "\n")
            say(" ".join(f"{k} {v:.4g}" for k, v in row.items()))
            beside = run / "last.pt.part"
            torch.save(
                {
                    "network": network.state_dict(),
                    "average": average.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "rng": json.dumps(rng.bit_generator.state),
                    "step": step,
                    "config": json.dumps(asdict(config)),
                },
                beside,
            )
            os.replace(beside, last)
            save(average, run / "weights.safetensors", training={**asdict(config), "step": step})
    return run / "weights.safetensors"
