"""Validation: how well a network fills the holes of footage that it was never trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..network import InpaintingNetwork
from ..networks.recurrent_unet import RecurrentUNet
from .batches import Examples, tensors
from .examples import LENGTH


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
        for given, true in zip(inputs, truth, strict=True):
            with torch.autocast(device.type, torch.bfloat16):
                out, state = network(given, state)
            last, miss = miss, (out[0] - true.luma) * true.counted
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
        square = {
            name: float((((p - true.luma) ** 2) * true.counted).sum()) for name, p in pictures.items()
        }
        for name, e in square.items():
            error[name] += e
        samples = float(true.counted.sum())
        count += samples
        per_source[-1] += square["network"], samples
    network.train()
    steps = LENGTH - 1
    figures = {
        name: e / count / steps * 255 if name == "flicker" else -10 * np.log10(max(e, 1e-12) / count)
        for name, e in error.items()
    }
    return {**figures, "sources": float(np.mean([-10 * np.log10(max(e, 1e-12) / c) for e, c in per_source]))}


@torch.no_grad()
def sheet(network: InpaintingNetwork, examples: Examples, device: torch.device, rows: int = 6) -> np.ndarray:
    """Sample sequences as one picture, uint8 [H, W]: a row per example, of each frame the tense fill, what the network
    made of it, and the truth, side by side."""
    network.eval()
    lines = []
    for new, raw in examples.everything(1):
        if not new:
            continue
        inputs, truth = tensors(raw, device)
        state, parts = None, []
        for given, true in zip(inputs[::2], truth[::2], strict=True):
            out, state = network(given, state)
            kept = true.luma + true.counted * (out[0] - true.luma)
            parts += [given.luma[0, :1], kept[0], true.luma[0]]
        lines.append(torch.cat([p[0] for p in parts], 1))
        if len(lines) == rows:
            break
    network.train()
    return (torch.cat(lines).clamp(0, 1) * 255).round().byte().cpu().numpy()


@torch.no_grad()
def validate_frames(
    network: RecurrentUNet, held: Sequence[tuple[Tensor, Tensor, Tensor]], device: torch.device
) -> dict[str, float]:
    """RGB PSNR in dB over all samples at once: "hole" where the overlay is, "whole" everywhere, and "overlaid" of what
    the network was given, in the hole.

    held: of each sequence frames [B, T, C, H, W], truth [B, T, 3, H, W] (both -1..1), mask [B, T, 1, H, W] (0 and 1).
    """
    network.eval()
    square, count = dict.fromkeys(("hole", "whole", "overlaid"), 0.0), dict.fromkeys(("hole", "whole"), 0.0)
    for batch in held:
        frames, truth, mask = (part.to(device) for part in batch)
        made = network(frames)[0].clamp(-1, 1)
        miss = ((made - truth) / 2) ** 2
        square["whole"] += float(miss.sum())
        square["hole"] += float((miss * mask).sum())
        square["overlaid"] += float((((frames[:, :, :3] - truth) / 2) ** 2 * mask).sum())
        count["whole"] += miss.numel()
        count["hole"] += float(mask.sum()) * 3
    network.train()
    return {
        name: float(-10 * np.log10(max(e, 1e-12) / max(1.0, count["whole" if name == "whole" else "hole"])))
        for name, e in square.items()
    }


@torch.no_grad()
def sheet_frames(
    network: RecurrentUNet, held: Sequence[tuple[Tensor, Tensor, Tensor]], device: torch.device, rows: int = 6
) -> np.ndarray:
    """Sample frames as one RGB picture, uint8 [H, W, 3]: a row per sequence of `held` (as above), of its last frame the
    given one, the mask, what the network made of it, and the truth, side by side."""
    network.eval()
    lines = []
    for batch in held[:rows]:
        frames, truth, mask = (part[:1].to(device) for part in batch)
        made = network(frames)[0]
        parts = frames[0, -1, :3], (2 * mask[0, -1] - 1).expand(3, -1, -1), made[0, -1], truth[0, -1]
        lines.append(torch.cat(parts, 2))
    network.train()
    picture = torch.cat(lines, 1).permute(1, 2, 0)
    return ((picture + 1) * 127.5).clamp(0, 255).round().byte().cpu().numpy()
