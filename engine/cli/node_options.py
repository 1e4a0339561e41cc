"""The arguments of `Inpaint` as options of the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..networks import asked
from ..settings import BACKENDS, PRECISIONS, Settings
from .failure import CommandError

NAMES = ("model", "device", "precision", "grow", "period", "warmup", "lookahead", "sc_threshold", "backend")


def add_node_arguments(parser: argparse.ArgumentParser) -> None:
    """Add every argument of the node as an option; what is not given is left to the node."""
    d = Settings()
    group = parser.add_argument_group("removal (defaults suit most clips)")
    group.add_argument("--grow", type=int, metavar="N", help=f"pixels to grow the mask by ({d.grow})")
    group.add_argument("--device", metavar="NAME", help=f"auto, cpu, cuda or cuda:N ({d.device})")
    group.add_argument(
        "--model", metavar="FILE", help=f"weights file, or NETWORK:FILE for a .pth of a published network ({d.model})"
    )
    group.add_argument("--precision", choices=PRECISIONS, help=f"of the network ({d.precision})")
    group.add_argument(
        "--backend",
        choices=BACKENDS,
        help=f"what runs the network; onnxruntime also knows the devices tensorrt and directml ({d.backend})",
    )
    group.add_argument("--period", type=int, metavar="N", help=f"frames worked on together ({d.period})")
    group.add_argument("--warmup", type=int, metavar="N", help=f"frames read before them ({d.warmup})")
    group.add_argument("--lookahead", type=int, metavar="N", help=f"frames read after them ({d.lookahead})")
    group.add_argument(
        "--sc-threshold",
        type=float,
        metavar="X",
        help=f"change of the picture (0..1) that counts as a scene cut; 0: none ({d.sc_threshold})",
    )


def node_arguments(args: argparse.Namespace) -> dict[str, str]:
    """The options that were given, as arguments of the scripts; raises ArgumentError, CommandError."""
    given = {name: getattr(args, name) for name in NAMES if getattr(args, name, None) is not None}
    Settings(**given)  # refuses what the node would refuse, before anything is started
    model = given.get("model")
    if model is not None and (Path(model).suffix or "/" in model):
        network, file = asked(model)
        if not Path(file).is_file():
            raise CommandError(f"--model: there is no file {file}; check its path, or leave --model out")
        given["model"] = f"{network}:{Path(file).resolve()}" if network else str(Path(file).resolve())
    return {name: str(value) for name, value in given.items()}
