"""Weights of detectors that were never trained: where only the way of the frames counts."""

from pathlib import Path

import torch
from osdclean.engine import weights
from osdclean.engine.detect.network import DetectionConfig, DetectionNetwork


def random_detector(path: Path) -> str:
    """One that marks a part of everything, each frame otherwise."""
    torch.manual_seed(4)
    network = DetectionNetwork(DetectionConfig(widths=(8, 8, 8), hidden=8))
    torch.nn.init.normal_(network.head.weight, std=0.5)
    torch.nn.init.constant_(network.head.bias, -1.5)
    weights.save(network, path)
    return str(path)


def blind_detector(path: Path) -> str:
    """One that marks nothing."""
    network = DetectionNetwork(DetectionConfig(widths=(8, 8, 8), hidden=8))
    torch.nn.init.zeros_(network.head.weight)
    weights.save(network, path)
    return str(path)
