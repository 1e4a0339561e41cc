"""Training: from examples to weights, resumable at any moment. One loop follows every recipe; this one's own recipe
trains the network that the node uses.

1. What a step draws depends on (seed, step, rank) alone, so a run that was interrupted goes on as if it had not been:
   its weights are the same, bit for bit, on the same processor and number of threads.
2. A checkpoint holds all that a step changes: weights, their average, the optimisers, and what the journal sums up.
3. Sequences grow longer in stages; the state is carried through them, and the loss is over all their frames.
4. Weights are averaged (EMA); the average is what is validated and written.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sized
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from .. import outputs
from ..errors import ArgumentError, ModelError, in_a_line
from ..network import InpaintingNetwork
from ..weights import load, save
from .batches import Examples, tensors
from .config import Config, TrainConfig
from .distributed import Team, alone
from .journal import Journal, gradients, recurrent_share
from .losses import Adversary, Objective, Outcome
from .validation import sheet, validate


class Recipe(ABC):
    """A network in training: all that a step changes. A recipe says what a step is and how the network is judged;
    `follow` does the rest.

    network: what learns; step: updates so far; sums: what is summed up since the last validation, and over how many
    steps; CAPTION: what the picture of a validation shows; FIXED: settings that a run goes on with alone, though its
    checkpoint would fit others too.
    """

    CAPTION: str
    FIXED: tuple[str, ...] = ()
    network: nn.Module

    def __init__(self, config: Config, team: Team) -> None:
        self.config, self.team, self.step = config, team, 0
        self.sums: dict[str, float] = {}

    @abstractmethod
    def update(self, data: Any) -> dict[str, float]:
        """One step, learned from `data`; returns the norms of the network's gradients by parameter."""

    def rate(self) -> float:
        """The rate at which the next step learns."""
        return self.config.rate * self.config.rate_at(self.step)

    @abstractmethod
    def validate(self, data: Any) -> dict[str, float]:
        """Figures of what the network makes of held-back `data`."""

    @abstractmethod
    def sheet(self, data: Any) -> np.ndarray:
        """Samples of it as a picture, uint8 [H, W] or RGB [H, W, 3]."""

    @abstractmethod
    def write(self, path: Path) -> None:
        """Write the weights so far, whole or not at all."""

    @abstractmethod
    def parts(self) -> dict[str, Any]:
        """What a step changes, by the names under which a checkpoint holds it; each has a state dict."""

    def learn(
        self, optimiser: torch.optim.Optimizer, objective: Callable[[], Mapping[str, torch.Tensor]]
    ) -> dict[str, float]:
        """One step by AdamW at the rate that holds, down the sum of the losses that `objective` gives by name; returns
        the norms of the gradients by parameter."""
        config = self.config
        for group in optimiser.param_groups:
            group["lr"] = self.rate()
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(self.team.device.type, torch.bfloat16, enabled=config.precision != "fp32"):
            parts = objective()
            total = sum(parts.values())
        total.backward()
        norms = gradients(self.network)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), config.clip)
        # A step that would spoil the weights is left out.
        if torch.isfinite(norm):
            optimiser.step()
        for name, value in {"loss": total, **parts}.items():
            self.add(name, float(value.detach()))
        self.ended(norms, float(norm))
        return norms

    def add(self, name: str, value: float) -> None:
        """Sum up a figure of this step for the journal."""
        self.sums[name] = self.sums.get(name, 0.0) + value

    def ended(self, norms: dict[str, float], norm: float) -> None:
        """A step has ended. norms: of the gradients by parameter; norm: of all together."""
        self.add("gradient", norm)
        self.add("recurrent", recurrent_share(norms))
        self.add("steps", 1)
        self.step += 1

    def means(self) -> dict[str, float]:
        """Means over the steps since the last validation: losses, norm of the gradient before clipping, and the
        recurrent part's share of it."""
        return {name: value / self.sums["steps"] for name, value in self.sums.items() if name != "steps"}

    def save(self, path: Path) -> None:
        """Write a checkpoint beside `path`, then rename (2)."""
        kept = {name: part.state_dict() for name, part in self.parts().items()}
        kept |= {"step": self.step, "sums": json.dumps(self.sums), "config": json.dumps(asdict(self.config))}
        with outputs.whole(path) as beside:
            torch.save(kept, beside)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint. Raises ModelError where it is none of this training."""
        try:
            kept = torch.load(path, weights_only=True, map_location=self.team.device)
            before, now = json.loads(kept["config"]), json.loads(json.dumps(asdict(self.config)))
            for name in self.FIXED:
                if before.get(name) != now[name]:
                    raise ValueError(f"{name} must be {before.get(name)} as before, passed {now[name]}")
            for name, part in self.parts().items():
                part.load_state_dict(kept[name])
            self.step, self.sums = kept["step"], json.loads(kept["sums"])
        except Exception as error:
            raise ModelError(
                f"{path} must be a checkpoint of this training; use another --out: {in_a_line(error, 200)}"
            ) from None


class Training(Recipe):
    """The recipe of the node's network."""

    CAPTION = "fill, network, truth"

    def __init__(
        self, config: TrainConfig, team: Team, origin: str | None = None, network: InpaintingNetwork | None = None
    ) -> None:
        """origin: weights to begin with, as the node's `model`; network: to begin with as it is; a new one where both
        are None."""
        super().__init__(config, team)
        torch.manual_seed(config.seed)
        if network is None:
            network = InpaintingNetwork(config.network) if origin is None else load(origin).train()
        self.network = network.to(team.device)
        self.average = InpaintingNetwork(network.config).to(team.device)
        self.average.load_state_dict(network.state_dict())
        self._adversary = Adversary(config.critic_widths, config.critic_rate, team) if config.adversarial else None
        self._objective = team.wrapped(Objective(self.network, config))
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=config.rate, weight_decay=1e-4, betas=(0.9, 0.99)
        )
        # float16 alone needs its losses scaled; bfloat16 reaches as far as float32.
        self._scaler = torch.amp.GradScaler(team.device.type, enabled=config.precision == "fp16")

    def update(self, examples: Examples) -> dict[str, float]:
        """One step; returns the norms of the network's gradients by parameter."""
        config = self.config
        rng = np.random.default_rng([config.seed, self.step, self.team.rank])  # 1
        frames, size = config.stage(self.step)  # 3
        rates = [(self._optimiser, config.rate)]
        rates += [(self._adversary.optimiser, config.critic_rate)] if self._adversary else []
        for optimiser, rate in rates:
            for group in optimiser.param_groups:
                group["lr"] = rate * config.rate_at(self.step)
        self._optimiser.zero_grad(set_to_none=True)
        for part in range(config.accumulate):
            batch = examples.batch(rng, size, frames)
            scale = torch.from_numpy(batch.pop("scale")).to(self.team.device)
            inputs, truth = tensors(batch, self.team.device)
            last = part == config.accumulate - 1
            with nullcontext() if last or self.team.size == 1 else self._objective.no_sync():
                with self._precision():
                    outcome: Outcome = self._objective(inputs, truth, scale)
                    total, parts = outcome.total, dict(outcome.parts)
                    if self._adversary is not None:
                        parts["adversarial"] = self._adversary.doubt(outcome.made)
                        total = total + config.adversarial * parts["adversarial"]
                self._scaler.scale(total / config.accumulate).backward()
            if self._adversary is not None and last:
                parts["critic"] = self._adversary.learn(outcome.true, outcome.made, self._precision())
            for name, value in {"loss": total, **parts}.items():
                self.add(name, float(value.detach()) / config.accumulate)
        self._scaler.unscale_(self._optimiser)
        norms = gradients(self.network)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), config.clip)
        # A step that would spoil the weights is left out; the scaler does so by itself.
        if self._scaler.is_enabled() or torch.isfinite(norm):
            self._scaler.step(self._optimiser)
        self._scaler.update()
        self.ended(norms, float(norm))
        follow_weights(self.average, self.network, config.ema, self.step)  # 4
        return norms

    def _precision(self) -> torch.autocast:
        kind = torch.float16 if self.config.precision == "fp16" else torch.bfloat16
        return torch.autocast(self.team.device.type, kind, enabled=self.config.precision != "fp32")

    def validate(self, data: Examples) -> dict[str, float]:
        return validate(self.average, data, self.team.device) | {"frames": self.config.stage(self.step - 1)[0]}

    def sheet(self, data: Examples) -> np.ndarray:
        return sheet(self.average, data, self.team.device)

    def write(self, path: Path) -> None:
        save(self.average, path, training={**asdict(self.config), "step": self.step})

    def parts(self) -> dict[str, Any]:
        parts = {"optimiser": self._optimiser, "scaler": self._scaler, "network": self.network, "average": self.average}
        return parts | (self._adversary.parts() if self._adversary else {})


@torch.no_grad()
def follow_weights(average: nn.Module, network: nn.Module, ema: float, step: int) -> None:
    """Have the averaged weights keep a share of `ema`, at first of less, and take the rest from the network."""
    decay = min(ema, (1 + step) / (10 + step))
    for a, p in zip(average.parameters(), network.parameters(), strict=True):
        a.lerp_(p, 1 - decay)


def fit(
    config: Config,
    folder: Path,
    run: Path,
    say: Callable[[str], None],
    progress: Callable[[int], None] | None = None,
    origin: str | None = None,
    team: Team | None = None,
    recipe: Callable[..., Recipe] = Training,
    data: Callable[[Path, str], Sized] = Examples,
    unit: str = "examples",
) -> Path:
    """Train until `config.steps`, continuing from `run/last.pt` where it is there. Returns the weights file.

    origin: weights to begin with, as the node's `model`; random ones where None. recipe, data, unit: what is trained,
    what its shards in `folder` are read as, and what they hold, in words. Raises ModelError, and
    ArgumentError where there is nothing to learn from.
    """
    training = recipe(config, team or alone(), origin)
    train, held = data(folder, "train"), data(folder, "val")
    if not len(train):
        raise ArgumentError(f"train: clips must give {unit} to learn from, and {folder} holds none; take others")
    say(f"{len(train)} {unit}, {len(held)} for validation")
    return follow(training, train, held, run, say, progress)


def follow(
    training: Recipe,
    train: Any,
    held: Any,
    run: Path,
    say: Callable[[str], None],
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Update `training` from `train` until `config.steps`, continuing from `run/last.pt` where it is there; judge it by
    `held`. Returns the weights file. Raises ModelError."""
    run.mkdir(parents=True, exist_ok=True)
    config, team, last = training.config, training.team, run / "last.pt"
    say(f"{sum(p.numel() for p in training.network.parameters())} parameters")
    if last.exists():
        training.load(last)
        say(f"continuing at step {training.step}")
    began = time.monotonic()
    with _journal(run, training.step, team) as journal:
        if journal is not None and not journal.has_board:
            say("TensorBoard is not installed (pip install tensorboard): curve.jsonl alone is written")
        while training.step < config.steps:
            norms = training.update(train)
            step = training.step
            if progress is not None:
                progress(step)
            due = step % config.every == 0 or step == config.steps
            if journal is not None and step % 20 == 0:
                named = {f"gradient/{n}": v for n, v in norms.items()} | {"recurrent share": recurrent_share(norms)}
                journal.step(step, training.means() | named | {"rate": training.rate()})
            if due and journal is not None:
                figures = training.means() | training.validate(held) | {"minutes": (time.monotonic() - began) / 60}
                picture = training.sheet(held) if journal.has_board else None
                journal.row(step, figures, picture, training.CAPTION)
                say(f"step {step} " + " ".join(f"{k} {v:.4g}" for k, v in figures.items()))
                training.write(run / "weights.safetensors")
            if due:
                training.sums = {}
                team.wait()
            if team.leads and (due or step % config.save == 0):
                training.save(last)
    return run / "weights.safetensors"


@contextmanager
def _journal(run: Path, begin: int, team: Team) -> Iterator[Journal | None]:
    """The leader's journal; the others keep none."""
    journal = Journal(run, begin) if team.leads else None
    try:
        yield journal
    finally:
        if journal is not None:
            journal.close()
