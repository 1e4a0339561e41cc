"""Train the network on a folder of clean clips.

First the examples are built: each clip is laid under synthetic overlays and goes through the same motion and
propagation as in the node; what the network would see there is kept in OUT/examples. Then the network is trained on
them. Both parts go on where they stopped, however they stopped. OUT/curve.jsonl holds loss and validation,
OUT/weights.safetensors the weights so far: hand them to the node as model=.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from ..errors import OsdcleanError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `osdclean train`."""
    parser.add_argument(
        "clips", type=Path, metavar="CLIPS", help="folder of clips without overlays (an eighth is held back)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/default"),
        metavar="DIR",
        help="where examples, checkpoints and weights go (default: runs/default)",
    )
    parser.add_argument(
        "--photos", type=Path, metavar="DIR", help="folder of photographs for flights of a virtual camera"
    )
    parser.add_argument(
        "--fonts",
        type=Path,
        metavar="DIR",
        help="folder of glyph sheets for the displays (default: drawn glyphs alone)",
    )
    parser.add_argument("--rounds", type=int, default=2, metavar="N", help="overlays per clip (default: 2)")
    parser.add_argument("--steps", type=int, default=10000, metavar="N", help="updates in all (default: 10000)")
    parser.add_argument(
        "--begin-with",
        metavar="MODEL",
        help="weights to begin with: a file, or default; then only sequences are learned, at half the rate "
        "(default: random weights)",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="seed of the training (default: 1)")
    parser.add_argument(
        "--processes", type=int, metavar="N", help="processes that build examples (default: one per core)"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads that train on a CPU (default: one per core)")


def run(args: argparse.Namespace) -> int:
    """Build the examples, then train; 0. Raises OsdcleanError where there is nothing to train on."""
    import torch

    from ..cli.progress import Progress
    from ..runtime import cores
    from . import shards
    from .loop import TrainConfig, fit

    for folder in (args.clips, args.photos, args.fonts):
        if folder is not None and not folder.is_dir():
            raise OsdcleanError(f"train: {folder} must be a folder")
    examples = args.out / "examples"
    examples.mkdir(parents=True, exist_ok=True)
    jobs = shards.plan(args.clips, args.photos, args.fonts, examples, args.rounds)
    if not any(not j.validation for j in jobs):
        raise OsdcleanError(f"train: {args.clips} must hold clips of at least two videos")
    bar = Progress(len(jobs), unit="shards")
    done = iter(range(1, len(jobs) + 1))
    failed = shards.build(jobs, args.processes or cores(), lambda: bar.update(next(done)))
    bar.close()
    for line in failed:
        print(f"left out {line}", file=sys.stderr)
    if failed:
        print(f"{len(failed)} of {len(jobs)} sources were left out", file=sys.stderr)
    if args.threads:
        torch.set_num_threads(args.threads)
    config = TrainConfig(steps=args.steps, seed=args.seed)
    if args.begin_with:
        config = replace(config, stages=((0.0, 2, 16), (0.5, 5, 8)), rate=config.rate / 2)
    bar = Progress(config.steps, unit="steps")
    weights = fit(config, examples, args.out, print, bar.update, args.begin_with)
    bar.close()
    print(f"weights: {weights}")
    return 0
