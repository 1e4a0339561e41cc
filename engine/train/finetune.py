"""Fine-tune the network on one video of your own.

The mask is moved to places of the video where nothing covers the picture; there the true picture is known, and the
network learns from it, for as long as you say. Some stretches of the video, with the mask at places of their own, are
held back: the PSNR in the hole, before and after, is measured on them. The weights go to the node as model=FILE, or to
osdclean clean --model FILE.

  osdclean finetune flight.mp4 --mask mask.png --minutes 20 -o mine.safetensors
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..cli.progress import Progress
from ..data.workers import Workers, tick
from ..errors import ArgumentError, OsdcleanError, PictureError
from ..settings import Settings

if TYPE_CHECKING:
    from .batches import Examples
    from .loop import Training

#: Frames of an excerpt, and excerpts per minute of training, as far as the video has them.
FRAMES, PER_MINUTE, FEWEST, MOST = 48, 2, 8, 60
#: One excerpt of so many is held back.
HOLDOUT = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `osdclean finetune`."""
    parser.add_argument("input", type=Path, metavar="INPUT", help="the video, with the overlay in it")
    parser.add_argument(
        "--mask",
        type=Path,
        required=True,
        metavar="FILE",
        help="picture of the video's size, white where it is covered",
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="weights to write (default: INPUT's name, .safetensors)"
    )
    parser.add_argument("--minutes", type=float, default=10, metavar="N", help="how long to train (default: 10)")
    parser.add_argument("--model", default="default", metavar="FILE", help="weights to begin with (default: default)")
    parser.add_argument(
        "--grow", type=int, default=Settings.grow, metavar="N", help="pixels by which the mask is grown (default: 2)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of places and training (default: 1)")
    parser.add_argument(
        "--processes", type=int, metavar="N", help="processes that read the video (default: one per core)"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads that train on a CPU (default: one per core)")
    parser.add_argument("--overwrite", action="store_true", help="replace weights that are there")


def run(args: argparse.Namespace) -> int:
    """Fine-tune; 0, also where nothing was gained (then nothing is written). Raises OsdcleanError."""
    import torch

    from ..weights import load, save
    from .batches import Examples
    from .config import TrainConfig
    from .distributed import alone
    from .loop import Training, fit
    from .validation import validate

    if not 0 < args.minutes <= 1e5:
        raise ArgumentError(f"minutes must be above 0 and at most 100000, passed {args.minutes}")
    target = args.output or args.input.with_suffix(".safetensors")
    if target.exists() and not args.overwrite:
        raise OsdcleanError(f"finetune: {target} exists; choose another name with -o, or --overwrite it")
    if not target.parent.is_dir():
        raise OsdcleanError(f"finetune: the folder {target.parent} does not exist; make it, or write elsewhere")
    origin = load(args.model)
    with tempfile.TemporaryDirectory(prefix="osdclean-finetune-", dir=target.parent) as name:
        work = Path(name)
        excerpts = _excerpts(args, work)
        bar = Progress(len(excerpts), unit="excerpts")
        with Workers(args.processes, bar.update) as workers:
            lost = [str(error) for _, error in workers.each(make, excerpts) if error is not None]
        bar.close()
        train, held = (Examples(work, prefix) for prefix in ("train", "val"))
        if not len(train) or not len(held):
            reason = lost[0] if lost else "it is too short"
            raise OsdcleanError(f"finetune: no examples could be made of {args.input}: {reason}")
        print(f"{len(excerpts)} excerpts, {len(train)} examples to learn from, {len(held)} held back")
        if args.threads:
            torch.set_num_threads(args.threads)
        team = alone()
        before = validate(origin.to(team.device), held, team.device)
        base = TrainConfig(stages=((0.0, 5, 8),), rate=2e-4, seed=args.seed)
        steps = _steps_in(args.minutes, Training(base, team, args.model), train)
        config = replace(base, steps=steps, warmup=min(50, steps // 4), every=steps, save=steps)
        bar = Progress(steps, unit="steps")
        written = fit(config, work, work / "run", _silent, bar.update, args.model, team)
        bar.close()
        network = load(str(written)).to(team.device)
        after = validate(network, held, team.device)
        print(
            f"in-hole PSNR on held-back places: {before['network']:.2f} dB before, {after['network']:.2f} dB after "
            f"({after['network'] - before['network']:+.2f}); flicker {before['flicker']:.2f} before, "
            f"{after['flicker']:.2f} after"
        )
        if after["network"] <= before["network"]:
            print("nothing was gained: no weights are written. Train longer, or on a longer video")
            return 0
        save(network, target, {"footage": args.input.name, "steps": steps, "seed": args.seed, "from": args.model})
    print(f"weights: {target}")
    return 0


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """A stretch of the video and the hole that is laid over it. seconds: where it begins, None at the first frame."""

    path: Path
    facts: object
    seconds: float | None
    frames: int
    hole: np.ndarray
    unknown: np.ndarray
    seed: int
    target: Path


def _excerpts(args: argparse.Namespace, work: Path) -> list[Excerpt]:
    from .. import holes
    from ..data import decoder, excerpts, scan, videos
    from .examples import LENGTH
    from .places import moved

    (video,) = videos.found([args.input])
    facts = videos.probe(video)
    width, height = decoder.shape(facts, None)
    if not args.mask.is_file():
        raise OsdcleanError(f"mask {args.mask} does not exist; check its name")
    mask = holes.drawn(args.mask)
    if mask.shape != (facts.height, facts.width):
        raise PictureError(
            "mask must have the video's size, "
            f"passed {mask.shape[1]}x{mask.shape[0]} and {facts.width}x{facts.height}"
        )
    unknown = holes.grown(mask[:height, :width], False, 8, args.grow)
    if not unknown.any():
        raise PictureError(f"mask must cover something, passed {args.mask}, which is black")
    seen = scan.scan(video.path, facts, None)
    found = excerpts.stretches(seen.difference, seen.brightness)
    longest = max(map(len, found), default=0)
    frames = min(FRAMES, longest)
    if frames < 2 * LENGTH:
        raise PictureError(
            f"at least {2 * LENGTH} frames without a cut or black are needed, the longest stretch of {args.input} has "
            f"{longest}"
        )
    rng = np.random.default_rng([args.seed, 1])
    wanted = int(np.clip(round(args.minutes * PER_MINUTE), FEWEST, MOST))
    firsts = excerpts.chosen(found, frames, wanted, rng)
    # A short video gives its excerpts again, with the mask at other places.
    firsts = [firsts[k % len(firsts)] for k in range(wanted)]
    validation = [k % HOLDOUT == HOLDOUT - 1 for k in range(wanted)]
    if len(set(firsts)) >= HOLDOUT:
        held = {first for first, out in zip(firsts, validation, strict=True) if out}
        validation = [first in held for first in firsts]
    places = moved(unknown, wanted, rng)
    return [
        Excerpt(
            path=video.path,
            facts=facts,
            seconds=float(seen.times[first - 1] + seen.times[first]) / 2 if first else None,
            frames=frames,
            hole=places[k % len(places)],
            unknown=unknown,
            seed=args.seed * 1000 + k,
            target=work / f"{'val' if out else 'train'}-{k:03}.npz",
        )
        for k, (first, out) in enumerate(zip(firsts, validation, strict=True))
    ]


def make(excerpt: Excerpt) -> None:
    """Write the examples of one excerpt. Raises PictureError where it cannot be decoded."""
    from ..data import decoder
    from ..picture import PictureFormat
    from . import examples

    frames = list(decoder.frames(excerpt.path, excerpt.facts, None, excerpt.frames, seconds=excerpt.seconds))
    height, width = frames[0][0].shape
    picture = PictureFormat(
        family="YUV", floating=False, bits=8, width=width, height=height, subsampling_w=1, subsampling_h=1
    )
    rng = np.random.default_rng(excerpt.seed)
    hole = [excerpt.hole] * len(frames)
    examples.build(frames, picture, hole, rng, 1.0, excerpt.unknown).save(excerpt.target)
    tick()


def _steps_in(minutes: float, training: Training, examples: Examples) -> int:
    """Steps that fit into so many minutes, from a few of them."""
    training.update(examples)
    count, begun = 0, time.monotonic()
    while count < 3 or time.monotonic() - begun < 2:
        training.update(examples)
        count += 1
    return max(8, round(minutes * 60 * count / (time.monotonic() - begun)))


def _silent(text: str) -> None:
    """The bar says enough."""
