"""Tiles of noise, as the inpainting network is given them."""

import torch
from osdclean.engine.network import Inputs


def inputs(k: int, h: int, w: int, seed: int = 0) -> Inputs:
    g = torch.Generator().manual_seed(seed)
    return Inputs(
        luma=torch.rand(k, 4, h, w, generator=g),
        chroma=torch.rand(k, 4, 2, h // 2, w // 2, generator=g),
        age=torch.randint(0, 9, (k, 2, h, w), generator=g).float(),
        hole=(torch.rand(k, 1, h, w, generator=g) > 0.7).float(),
        flow=torch.randn(k, 2, h // 4, w // 4, generator=g),
    )
