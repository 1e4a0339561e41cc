"""Training: from examples to weights, resumable at any moment.

1. What a step draws depends on (seed, step, rank) alone, so a run that was interrupted goes on as if it had not been:
   its weights are the same, bit for bit, on the same processor and number of threads.
2. A checkpoint holds all that a step changes: weights, their average, the optimisers, and what the journal sums up.
3. Sequences grow longer in stages; the state is carried through them, and the loss is over all their frames.
4. Weights are averaged (EMA); the average is what is validated and written.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..errors import ModelError
from ..network import InpaintingNetwork
from ..weights import load, save
from .batches import Examples, tensors
from .config import TrainConfig
from .distributed import Team
from .journal import Journal, gradients, recurrent_share
from .losses import Critic, Objective, Outcome, believed
from .validation import sheet, validate


class Training:
    """All that a step changes, and the step itself."""

    def __init__(self, config: TrainConfig, team: Team, origin: str | None) -> None:
        torch.manual_seed(config.seed)
        self.config, self.team, self.step = config, team, 0
        network = InpaintingNetwork(config.network) if origin is None else load(origin).train()
        self.network = network.to(team.device)
        self.average = InpaintingNetwork(network.config).to(team.device)
        self.average.load_state_dict(network.state_dict())
        self.critic = Critic(config.critic_widths).to(team.device) if config.adversarial else None
        self._objective = team.wrapped(Objective(self.network, config))
        self._judge = self.critic and team.wrapped(self.critic)
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=config.rate, weight_decay=1e-4, betas=(0.9, 0.99)
        )
        self._critic_optimiser = self.critic and torch.optim.Adam(
            self.critic.parameters(), lr=config.critic_rate, betas=(0.5, 0.999)
        )
        # float16 alone needs its losses scaled; bfloat16 reaches as far as float32.
        self._scaler = torch.amp.GradScaler(team.device.type, enabled=config.precision == "fp16")
        #: What is summed up since the last validation, and over how many steps.
        self.sums: dict[str, float] = {}

    def update(self, examples: Examples) -> dict[str, float]:
        """One step; returns the norms of the network's gradients by parameter."""
        config = self.config
        rng = np.random.default_rng([config.seed, self.step, self.team.rank])  # 1
        frames, size = config.stage(self.step)  # 3
        for optimiser, rate in ((self._optimiser, config.rate), (self._critic_optimiser, config.critic_rate)):
            for group in optimiser.param_groups if optimiser else ():
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
                    if self.critic is not None:
                        self.critic.requires_grad_(False)
                        parts["adversarial"] = believed(self.critic(outcome.made), True)
                        self.critic.requires_grad_(True)
                        total = total + config.adversarial * parts["adversarial"]
                self._scaler.scale(total / config.accumulate).backward()
            if self.critic is not None and last:
                parts["critic"] = self._judged(outcome)
            for name, value in {"loss": total, **parts}.items():
                self.sums[name] = self.sums.get(name, 0.0) + float(value.detach()) / config.accumulate
        self._scaler.unscale_(self._optimiser)
        norms = gradients(self.network)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), config.clip)
        self.sums["gradient"] = self.sums.get("gradient", 0.0) + float(norm)
        self.sums["recurrent"] = self.sums.get("recurrent", 0.0) + recurrent_share(norms)
        # A step that would spoil the weights is left out; the scaler does so by itself.
        if self._scaler.is_enabled() or torch.isfinite(norm):
            self._scaler.step(self._optimiser)
        self._scaler.update()
        self.step += 1
        self.sums["steps"] = self.sums.get("steps", 0) + 1
        decay = min(config.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for a, p in zip(self.average.parameters(), self.network.parameters(), strict=True):
                a.lerp_(p, 1 - decay)  # 4
        return norms

    def _judged(self, outcome: Outcome) -> torch.Tensor:
        """A step of the adversary; returns its loss."""
        self._critic_optimiser.zero_grad(set_to_none=True)
        both = torch.cat([outcome.true, outcome.made.detach()])
        with self._precision():
            true, made = self._judge(both).chunk(2)
            loss = (believed(true, True) + believed(made, False)) / 2
        loss.backward()
        self._critic_optimiser.step()
        return loss

    def _precision(self) -> torch.autocast:
        kind = torch.float16 if self.config.precision == "fp16" else torch.bfloat16
        return torch.autocast(self.team.device.type, kind, enabled=self.config.precision != "fp32")

    def means(self) -> dict[str, float]:
        """Means over the steps since the last validation: losses, norm of the gradient before clipping, and the
        recurrent part's share of it."""
        return {name: value / self.sums["steps"] for name, value in self.sums.items() if name != "steps"}

    def save(self, path: Path) -> None:
        """Write a checkpoint beside `path`, then rename (2)."""
        beside = path.with_name(path.name + ".part")
        parts = {"optimiser": self._optimiser, "scaler": self._scaler, "network": self.network, "average": self.average}
        if self.critic is not None:
            parts |= {"critic": self.critic, "critic_optimiser": self._critic_optimiser}
        torch.save(
            {name: part.state_dict() for name, part in parts.items()}
            | {"step": self.step, "sums": json.dumps(self.sums), "config": json.dumps(asdict(self.config))},
            beside,
        )
        os.replace(beside, path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint. Raises ModelError where it is none of this training."""
        try:
            kept = torch.load(path, weights_only=True, map_location=self.team.device)
            self.network.load_state_dict(kept["network"])
            self.average.load_state_dict(kept["average"])
            self._optimiser.load_state_dict(kept["optimiser"])
            self._scaler.load_state_dict(kept["scaler"])
            if self.critic is not None:
                self.critic.load_state_dict(kept["critic"])
                self._critic_optimiser.load_state_dict(kept["critic_optimiser"])
            self.step, self.sums = kept["step"], json.loads(kept["sums"])
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(f"{path} must be a checkpoint of this training; use another --out: {reason}") from None


def fit(
    config: TrainConfig,
    folder: Path,
    run: Path,
    say: Callable[[str], None],
    progress: Callable[[int], None] | None = None,
    origin: str | None = None,
    team: Team | None = None,
) -> Path:
    """Train until `config.steps`, continuing from `run/last.pt` where it is there. Returns the weights file.

    origin: weights to begin with, as the node's `model`; random ones where None. Raises ModelError.
    """
    run.mkdir(parents=True, exist_ok=True)
    team = team or Team(rank=0, size=1, device=torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    training, last = Training(config, team, origin), run / "last.pt"
    if last.exists():
        training.load(last)
        say(f"continuing at step {training.step}")
    train, held = Examples(folder, "train"), Examples(folder, "val")
    count = sum(p.numel() for p in training.network.parameters())
    say(f"{len(train)} examples, {len(held)} for validation, {count} parameters")
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
                journal.step(step, training.means() | named | {"rate": config.rate * config.rate_at(step)})
            if due and journal is not None:
                figures = training.means() | validate(training.average, held, team.device)
                figures |= {"frames": config.stage(step - 1)[0], "minutes": (time.monotonic() - began) / 60}
                picture = sheet(training.average, held, team.device) if journal.has_board else None
                journal.row(step, figures, picture)
                say(f"step {step} " + " ".join(f"{k} {v:.4g}" for k, v in figures.items()))
                save(training.average, run / "weights.safetensors", training={**asdict(config), "step": step})
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
