"""The recipe of the published networks: one for all, so that what they learn can be compared.

Windows of footage under synthetic overlays, sequences of successive calls with the state carried; L1 in the hole and,
by VALID, outside it, or a network's own losses where its paper has others; AdamW.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ModelError
from ..networks import published
from ..networks.published import Published, State
from . import loop
from .config import PublishedConfig
from .distributed import Team
from .scenes import Call, Scenes

#: Weight of what is outside the hole: it is not used, but shows colours and edges to learn.
VALID = 0.2


def losses(network: Published, call: Call, state: State) -> tuple[dict[str, Tensor], State]:
    """Losses of one call by name, and the state after it."""
    frames, masks, truth = call
    if hasattr(network, "losses"):
        return network.losses(frames, masks, truth, state)
    made, state = network.restore(frames, masks, truth.shape[1], state)
    miss, hole = (made.float() - truth).abs(), masks[:, : truth.shape[1]]
    inside = (miss * hole).sum() / (3 * hole.sum()).clamp(min=1)
    outside = (miss * (1 - hole)).sum() / (3 * (1 - hole).sum()).clamp(min=1)
    return {"hole": inside, "valid": VALID * outside}, state


class Objective(nn.Module):
    """The network over a whole sequence: one forward pass per update, as DistributedDataParallel wants it."""

    def __init__(self, network: Published) -> None:
        super().__init__()
        self.network = network

    def forward(self, calls: Sequence[Call]) -> dict[str, Tensor]:
        state, parts = None, {}
        for call in calls:
            found, state = losses(self.network, call, state)
            for name, value in found.items():
                parts[name] = parts.get(name, 0) + value / len(calls)
        return parts


class Training(loop.Recipe):
    """A published network in training."""

    CAPTION = "overlaid, network, truth"
    FIXED = ("name", "network")

    def __init__(self, config: PublishedConfig, team: Team, origin: str | None = None) -> None:
        """origin: weights to begin with. Raises ModelError where they are of another network."""
        super().__init__(config, team)
        torch.manual_seed(config.seed)
        kind = published.known(config.name)
        network = kind(config.network) if origin is None else published.load(kind, published.asked(origin)[1])
        if network.config != config.network:
            raise ModelError(f"{origin} holds weights with {network.config}, passed {config.network}")
        self.network = network.to(team.device).train()
        self._objective = team.wrapped(Objective(self.network))
        self._optimiser = torch.optim.AdamW(self.network.parameters(), lr=config.rate, weight_decay=1e-4)
        self._held: list[list[Call]] = []

    def update(self, data: Scenes) -> dict[str, float]:
        config = self.config
        rng = np.random.default_rng([config.seed, self.step, self.team.rank])
        drawn = data.batch(self.network, rng, config.batch, config.calls, config.side)
        calls = [tuple(part.to(self.team.device) for part in call) for call in drawn]
        return self.learn(self._optimiser, lambda: self._objective(calls))

    @torch.no_grad()
    def validate(self, data: Scenes) -> dict[str, float]:
        """RGB PSNR in the hole, dB, over all samples at once, of the network and of what it was given."""
        square, count = {"hole": 0.0, "overlaid": 0.0}, 0.0
        for calls in self._sequences(data):
            for made, (frames, masks, truth) in self._made(calls):
                hole = masks[:, : truth.shape[1]]
                for name, picture in (("hole", made), ("overlaid", frames[:, : truth.shape[1]])):
                    square[name] += float((((picture - truth) / 2) ** 2 * hole).sum())
                count += 3 * float(hole.sum())
        return {name: float(-10 * np.log10(max(e, 1e-12) / max(1.0, count))) for name, e in square.items()}

    @torch.no_grad()
    def sheet(self, data: Scenes) -> np.ndarray:
        lines = []
        for calls in self._sequences(data)[:8]:
            made, (frames, masks, truth) = self._made(calls)[-1]
            hole = masks[0, 0]
            lines.append(torch.cat([frames[0, 0], truth[0, 0] + hole * (made[0, 0] - truth[0, 0]), truth[0, 0]], 2))
        picture = torch.cat(lines, 1).permute(1, 2, 0)
        return ((picture + 1) * 127.5).clamp(0, 255).round().byte().cpu().numpy()

    def write(self, path: Path) -> None:
        published.save(self.network, path, training={**asdict(self.config), "step": self.step})

    def parts(self) -> dict[str, Any]:
        return {"optimiser": self._optimiser, "network": self.network}

    def _sequences(self, data: Scenes) -> list[list[Call]]:
        """The sequences that validate, drawn once."""
        self._held = self._held or data.held(self.network, self.config.calls, self.config.side)
        return self._held

    def _made(self, calls: Sequence[Call]) -> list[tuple[Tensor, Call]]:
        """What the network makes of each call, -1..1, and the call."""
        self.network.eval()
        state, out = None, []
        for call in calls:
            call = tuple(part.to(self.team.device) for part in call)
            with torch.autocast(self.team.device.type, torch.bfloat16, enabled=self.config.precision != "fp32"):
                made, state = self.network.restore(call[0], call[1], call[2].shape[1], state)
            out.append((made.float().clamp(-1, 1), call))
        self.network.train()
        return out


#: `loop.fit` of a PublishedConfig. origin: weights of its network.
fit = partial(loop.fit, recipe=Training, data=Scenes, unit="scenes")
