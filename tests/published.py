"""Weights of published networks that were never trained: where only the way of the frames counts."""

from pathlib import Path

import torch
from osdclean.engine.networks import published

#: Settings that make each network small.
SMALL = {
    "recurrent-unet": {"channels": 4, "features": (4, 6, 8)},
    "sttn": {"channels": 8, "width": 4, "blocks": 2, "size": (48, 96)},
    "opn": {"width": 4, "key": 4, "memory": 2, "stride": 2},
    "rnot": {"width": 4, "key": 4, "blocks": (1, 1), "memory": 2, "stride": 2},
    "vinet": {"widths": (4, 6, 8, 8), "hidden": 6},
    "edsr3d": {"channels": 8, "blocks": 2},
}


def random_weights(name: str, folder: Path, **config) -> str:
    """The `model` of a small network of this name."""
    torch.manual_seed(3)
    of = published.known(name)
    network = of(of.CONFIG(**{**SMALL[name], **config}))
    path = folder / f"{name}.safetensors"
    published.save(network, path)
    return str(path)


def scene(count: int = 3, batch: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames, and masks with a hole that moves; of two of OPN's rings in the first of them."""
    g = torch.Generator().manual_seed(3)
    frames, masks = torch.rand((batch, count, 3, 64, 72), generator=g) * 2 - 1, torch.zeros(batch, count, 1, 64, 72)
    for n in range(count):
        masks[:, n, :, 8:40, 8 + 4 * n : 32 + 4 * n] = 1
    return frames, masks
