"""Train the network on a folder of clean clips.

First the examples are built: each clip is laid under synthetic overlays and goes through the same motion and
propagation as in the node; what the network would see there is kept in OUT/examples. Then the network is trained on
them. Both parts go on where they stopped, however they stopped. OUT/curve.jsonl holds loss and validation,
OUT/tensorboard the same with gradients and pictures (pip install tensorboard), OUT/weights.safetensors the weights so
far: hand them to the node as model=.

Several GPUs or machines: start it by torchrun, for example

  torchrun --nproc-per-node 4 --no-python osdclean train CLIPS --out runs/big

Any setting of the training can be given with --set, for example --set rate=5e-4 --set network.widths=(48,64,96); what
there is stands in engine/train/config.py.

--recipe classic trains the RecurrentUNet of the user's documents instead: whole frames, with or without a mask. CLIPS
is then a folder that osdclean data clips wrote, or any folder of clean videos; no examples are built. Its settings
stand there too (ClassicConfig), for example --set channels=4 tanh=True residual=True adversarial=True.

--recipe published trains one of the networks of --network by one recipe for all: windows of footage under overlays
(kept in OUT/examples), sequences with the state carried. Settings: PublishedConfig; of the network itself
--set network.NAME=VALUE. Weights go to the node as model=, like all others.

--recipe detector trains the network that finds overlays, on the same footage under overlays of all kinds; its examples
are kept in OUT/examples as well (DetectorConfig).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..cli.progress import Progress
from ..errors import ArgumentError, OsdcleanError
from ..machine import cores
from ..networks import NETWORKS

if TYPE_CHECKING:
    from .config import DetectorConfig, PublishedConfig, TrainConfig
    from .distributed import Team
    from .shards import Job

#: Overlays per clip, unless --rounds says otherwise.
ROUNDS = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `osdclean train`."""
    parser.add_argument(
        "clips", type=Path, metavar="CLIPS", help="folder of clips without overlays (an eighth is held back)"
    )
    parser.add_argument(
        "--recipe",
        choices=("default", "classic", "detector", "published"),
        default="default",
        help="what is trained (default: default)",
    )
    parser.add_argument(
        "--network", choices=tuple(NETWORKS), metavar="NAME", help=f"published network: {', '.join(NETWORKS)}"
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
    parser.add_argument("--rounds", type=int, metavar="N", help="overlays per clip (default: 2)")
    parser.add_argument("--steps", type=int, metavar="N", help="updates in all (default: 10000; classic: 50 epochs)")
    parser.add_argument("--seed", type=int, metavar="S", help="seed of the training (default: 1)")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="further settings of the training"
    )
    parser.add_argument(
        "--begin-with",
        metavar="MODEL",
        help="weights to begin with: a file, or default; then only sequences are learned, at half the rate; classic: a "
        ".pth or .safetensors of its network (default: random weights)",
    )
    parser.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help="processes that build examples, or threads that read them for the classic recipe (default: one per core)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads that train on a CPU (default: one per core)")


def run(args: argparse.Namespace) -> int:
    """Train by the recipe; 0. Raises OsdcleanError where there is nothing to train on."""
    import torch

    from .distributed import joined

    if args.network is not None and args.recipe != "published":
        raise ArgumentError(f"train: --network is of the published recipe, passed with --recipe {args.recipe}")
    for folder in (args.clips, args.photos, args.fonts):
        if folder is not None and not folder.is_dir():
            raise OsdcleanError(f"train: {folder} must be a folder")
    if args.threads:
        torch.set_num_threads(args.threads)
    recipe = {"default": _default, "classic": _classic, "detector": _detector, "published": _published}[args.recipe]
    with joined() as team:
        say = print if team.leads else _silent
        say(f"weights: {recipe(args, team, say)}")
    return 0


def _default(args: argparse.Namespace, team: Team, say: Callable[[str], None]) -> Path:
    """Build the examples, then train the node's network; its weights."""
    from . import shards
    from .config import TrainConfig, overridden
    from .loop import fit

    config = TrainConfig()
    if args.begin_with:
        config = replace(config, stages=((0.0, 6, 6), (0.4, 9, 4)), rate=config.rate / 2)
    config = overridden(replace(config, **_named(args)), args.set)
    return _on_examples(args, team, say, config, shards.make, fit)


def _detector(args: argparse.Namespace, team: Team, say: Callable[[str], None]) -> Path:
    """Build crops of marked footage, then train the detector; its weights."""
    from . import marked
    from .config import DetectorConfig, overridden
    from .detection import fit

    config = overridden(replace(DetectorConfig(), **_named(args)), args.set)
    return _on_examples(args, team, say, config, marked.make, fit, held_rounds=4)


def _published(args: argparse.Namespace, team: Team, say: Callable[[str], None]) -> Path:
    """Build scenes, then train a published network on them; its weights."""
    from . import scenes
    from .config import PublishedConfig, overridden
    from .published import fit

    if args.network is None:
        raise ArgumentError(f"train: --recipe published needs --network, one of {', '.join(NETWORKS)}")
    config = overridden(replace(PublishedConfig(name=args.network), **_named(args)), args.set)
    return _on_examples(args, team, say, config, scenes.make, fit)


def _on_examples(
    args: argparse.Namespace,
    team: Team,
    say: Callable[[str], None],
    config: TrainConfig | DetectorConfig | PublishedConfig,
    make: Callable[[Job], int],
    fit: Callable[..., Path],
    held_rounds: int = 1,
) -> Path:
    """Have the leader build the examples (`make` builds one shard), then train on them; the weights.

    held_rounds: overlays per held-back clip.
    """
    examples = args.out / "examples"
    if team.leads:
        _build(args, examples, make, held_rounds)
    team.wait()
    bar = Progress(config.steps, unit="steps", quiet=not team.leads)
    weights = fit(config, examples, args.out, say, bar.update, args.begin_with, team)
    bar.close()
    return weights


def _classic(args: argparse.Namespace, team: Team, say: Callable[[str], None]) -> Path:
    """Train the RecurrentUNet; its weights."""
    from .classic import fit, opened
    from .config import ClassicConfig, overridden

    for name in ("photos", "rounds"):
        if getattr(args, name) is not None:
            raise ArgumentError(f"train: --{name} is not of the classic recipe, passed {getattr(args, name)}")
    config = overridden(replace(ClassicConfig(), **_named(args)), args.set)
    train, held = opened(args.clips, config, args.fonts, _complain if team.leads else _silent)
    config = config.lasting(len(train), team.size)
    bar = Progress(config.steps, unit="steps", quiet=not team.leads)
    begin = Path(args.begin_with) if args.begin_with else None
    threads = args.processes or cores()
    weights = fit(config, train, held, args.out, say, bar.update, begin, team, threads)
    bar.close()
    return weights


def _named(args: argparse.Namespace) -> dict[str, int]:
    """The settings that have options of their own, as far as they are given."""
    return {name: getattr(args, name) for name in ("steps", "seed") if getattr(args, name) is not None}


def _build(args: argparse.Namespace, examples: Path, make: Callable[[Job], int], held_rounds: int) -> None:
    from . import shards

    examples.mkdir(parents=True, exist_ok=True)
    rounds = ROUNDS if args.rounds is None else args.rounds
    jobs = shards.plan(args.clips, args.photos, args.fonts, examples, rounds, held_rounds)
    if not any(not j.validation for j in jobs):
        raise OsdcleanError(f"train: {args.clips} must hold clips of at least two videos")
    bar = Progress(len(jobs), unit="shards")
    failed = shards.build(jobs, args.processes or cores(), bar.update, make)
    bar.close()
    for line in failed:
        print(f"left out {line}", file=sys.stderr)
    if failed:
        print(f"{len(failed)} of {len(jobs)} sources were left out", file=sys.stderr)


def _silent(text: str) -> None:
    """Says nothing: of a team, the leader speaks."""


def _complain(text: str) -> None:
    print(text, file=sys.stderr)
