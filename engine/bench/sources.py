"""What each candidate is worth by itself, without the network: for work on motion and propagation.

  python -m osdclean.engine.bench.sources CLIPS... [--frames 48] [--fonts SHEETS]

lays a display over each clean clip, gathers the evidence of every frame as the node does, and prints luma PSNR over
the whole hole: of the two fills, of what was seen before and after (the tense fill where nothing was seen), of the
nearer of both, and of their mean, weighted by nearness.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from .. import candidates, motion
from . import cases

NAMES = ("tense", "plate", "before", "after", "nearer", "mean")


@contextmanager
def gathering(case: cases.Case) -> Iterator[tuple[candidates.Region, candidates.Pass]]:
    """A pass over a case, as the node makes it, and the region of its hole; the case must have one for all frames."""
    cv2.setNumThreads(1)
    hole, window = case.grown()[0], range(case.length)
    frames = dict(enumerate(case.overlaid))
    with ThreadPoolExecutor(2) as workers:
        region = candidates.Regions(case.picture, workers).of(hole)
        reduced = list(workers.map(lambda n: motion.prepare(frames[n][0], hole, case.picture.peak), window))
        between = workers.map(
            lambda n: candidates.flow_between(reduced[n], reduced[n + 1], region, region), window[:-1]
        )
        yield region, candidates.Pass(
            case.picture, window, window, frames, dict.fromkeys(window, region), dict(enumerate(between)), workers
        )


def shown(found: candidates.Found) -> list[np.ndarray]:
    """Luma of a frame's hole samples, 0..1, by each of the first four of NAMES."""
    own = found.placed.owner[0]
    return [np.concatenate([e.luma[:, k].ravel() for e in found.evidence])[own] for k in range(4)]


def measure(case: cases.Case, every: int = 3) -> dict[str, float]:
    """Luma PSNR in the hole by candidate, over each `every`-th frame. The case must have one hole for all frames."""
    with gathering(case) as (region, run):
        frames = [(n, run.evidence(n)) for n in range(case.length)[::every]]
    y, x = region.luma.y[: region.luma.hole_count], region.luma.x[: region.luma.hole_count]
    miss = np.zeros(len(NAMES))
    for n, found in frames:
        own, seen = found.placed.owner[0], shown(found)
        ages = [np.concatenate([e.age[:, k].ravel() for e in found.evidence])[own] for k in (0, 1)]
        near = [np.where(age > 0, 1 / np.maximum(age, 1), 0) for age in ages]
        share = np.where(near[0] + near[1] > 0, near[0] / np.maximum(near[0] + near[1], 1e-9), 0.5)
        seen += [np.where(near[0] >= near[1], seen[2], seen[3]), share * seen[2] + (1 - share) * seen[3]]
        truth = case.truth[n][0][y, x] / case.picture.peak
        miss += [np.mean((picture - truth) ** 2) for picture in seen]
    return dict(zip(NAMES, -10 * np.log10(miss / len(frames)), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIPS")
    parser.add_argument("--frames", type=int, default=48, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--fonts", nargs="+", metavar="SHEET")
    args = parser.parse_args()
    rows = []
    for clip in args.clips:
        rows.append(measure(cases.load(clip, "telemetry", args.seed, args.frames, args.fonts)))
        print(f"{clip.stem:32}", *(f"{name} {value:5.2f}" for name, value in rows[-1].items()), flush=True)
    means = {name: np.mean([row[name] for row in rows]) for name in NAMES}
    print(f"{'mean':32}", *(f"{name} {value:5.2f}" for name, value in means.items()))


if __name__ == "__main__":
    main()
