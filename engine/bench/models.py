"""Further networks as methods of the bench."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..networks import published


@dataclass(frozen=True, kw_only=True)
class Model:
    """A network in the node. arguments: of the node, beside those of all; parameters: how many it has."""

    arguments: Mapping[str, str]
    parameters: int


def named(models: Sequence[str]) -> dict[str, Model]:
    """Models by the name of their network; of several of one network, their files' names too. Raises ModelError."""
    networks = [published.network_of(model) or "osdclean" for model in models]
    out = {}
    for model, network in zip(models, networks, strict=True):
        switches, path = published.asked(model)
        whole = str(Path(path).resolve())
        name = network if networks.count(network) == 1 and network != "osdclean" else f"{network} {Path(path).stem}"
        out[name] = Model(
            arguments={"model": f"{switches}:{whole}" if switches else whole}, parameters=parameters(model)
        )
    return out


def parameters(model: str | None) -> int:
    """How many parameters the network of a `model` has; None: the default one. Raises ModelError."""
    return sum(p.numel() for p in published.inpainting(model or "default").parameters())
