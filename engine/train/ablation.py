"""What each part of the method is worth: the same small training without it.

  python -m osdclean.engine.train.ablation EXAMPLES --photos PHOTOS --out runs/ablation --steps 1500

EXAMPLES is the folder that `osdclean train` filled (OUT/examples). Every variant is trained from the same random
weights for the same number of steps and validated on the same held-back footage, as it was trained; the table goes to
OUT/table.md. Runs that are there are not done again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..cli.progress import Progress
from ..network import InpaintingNetwork, Inputs, State
from .batches import Examples
from .config import TrainConfig
from .distributed import alone
from .loop import Training
from .shards import compressed
from .sources import PHOTO, files
from .validation import validate


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What is left out. sides: which sources stay (0 before, 1 after); memory, state: whether the ConvLSTM's state, and
    the whole state, goes on to the next frame; footage: "photos", "clips" or both; compressed: whether footage that was
    compressed is learned from."""

    name: str
    sides: tuple[int, ...] = (0, 1)
    memory: bool = True
    state: bool = True
    footage: str = "both"
    compressed: bool = True


VARIANTS = (
    Variant(name="all of it"),
    Variant(name="no ConvLSTM memory (the restored picture is still carried)", memory=False),
    Variant(name="state reset every frame", state=False),
    Variant(name="no lookahead", sides=(0,)),
    Variant(name="no propagation", sides=()),
    Variant(name="no compression in synthesis", compressed=False),
    Variant(name="photographs alone", footage="photos"),
    Variant(name="clips alone", footage="clips"),
)


class Forgetful(InpaintingNetwork):
    """The network without its memory, or without any state."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self._variant = variant

    def carry(self, state: State, inputs: Inputs) -> State:
        carried = super().carry(state, inputs)
        if self._variant.memory:
            return carried
        return carried._replace(h=torch.zeros_like(carried.h), c=torch.zeros_like(carried.c))

    def forward(self, inputs: Inputs, state: State | None = None) -> tuple[tuple[torch.Tensor, torch.Tensor], State]:
        return super().forward(inputs, state if self._variant.state else None)


class Blinded(Examples):
    """Examples that lack what a variant leaves out."""

    def __init__(self, folder: Path, prefix: str, variant: Variant, photos: set[str]) -> None:
        """photos: the names, without ending, of the sources that are photographs."""
        self._variant, self._photos = variant, photos
        super().__init__(folder, prefix)

    def _wanted(self, path: Path) -> bool:
        if path.stem.startswith("val"):
            return True
        photo = path.stem.split("-", 2)[2] in self._photos
        wanted = self._variant.footage in ("both", "photos" if photo else "clips")
        return wanted and (self._variant.compressed or not compressed(path.name))

    def batch(self, rng: np.random.Generator, size: int, frames: int) -> dict[str, np.ndarray]:
        return self._blinded(super().batch(rng, size, frames))

    def everything(self, size: int) -> Iterator[tuple[bool, dict[str, np.ndarray]]]:
        for new, raw in super().everything(size):
            yield new, self._blinded(raw)

    def _blinded(self, raw: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        gone = [side for side in (0, 1) if side not in self._variant.sides]
        raw = dict(raw)
        for name in ("age", "luma", "chroma") if gone else ():
            raw[name] = raw[name].copy()
        for side in gone:
            raw["age"][:, :, side] = 0
            for name in ("luma", "chroma"):
                raw[name][:, :, 2 + side] = raw[name][:, :, 0]
        return raw


def measure(variant: Variant, folder: Path, photos: set[str], config: TrainConfig, bar: Progress) -> dict[str, float]:
    """Train a variant and validate it."""
    torch.manual_seed(config.seed)
    team = alone()
    training = Training(config, team, network=Forgetful(variant))
    train, held = (Blinded(folder, prefix, variant, photos) for prefix in ("train", "val"))
    while training.step < config.steps:
        training.update(train)
        bar.update(training.step)
    average = Forgetful(variant).to(team.device)
    average.load_state_dict(training.average.state_dict())
    return validate(average, held, team.device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("examples", type=Path, metavar="EXAMPLES")
    parser.add_argument("--photos", type=Path, metavar="DIR", help="the photographs of that training, as given to it")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"), metavar="DIR")
    parser.add_argument("--steps", type=int, default=1500, metavar="N")
    parser.add_argument("--threads", type=int, metavar="N")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    config = TrainConfig(steps=args.steps, stages=((0.0, 1, 24), (0.3, 6, 6)))
    lines = ["| variant | in-hole PSNR | mean over footage | flicker |", "|---|---|---|---|"]
    photos = {path.stem for path in files(args.photos, PHOTO)} if args.photos else set()
    for variant in VARIANTS if photos else [v for v in VARIANTS if v.footage == "both"]:
        kept = args.out / f"{variant.name.split(' (')[0].replace(' ', '-')}.json"
        if not kept.exists():
            bar = Progress(config.steps, unit="steps")
            figures = measure(variant, args.examples, photos, config, bar)
            bar.close()
            kept.write_text(json.dumps(figures))
        figures = json.loads(kept.read_text())
        shown = " | ".join(f"{figures[name]:.2f}" for name in ("network", "sources", "flicker"))
        lines.append(f"| {variant.name} | {shown} |")
        print(lines[-1], flush=True)
        (args.out / "table.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
