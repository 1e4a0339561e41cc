"""Speed of the node at one picture size, and where the engine's time goes.

A procedural flight under telemetry is cleaned by vspipe (from node to node: no encoder, output thrown away; reading the
lossless source is measured alone beside it), several times; then one block passes through the engine in this process,
with the processor time of its stages taken down.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from ..picture import PictureFormat, Planes
from ..synth import overlays, scene
from . import node, table
from .cases import Case

#: Share of the frame that the display covers before it is grown: about 3 % after.
COVERAGE = 0.024
#: Seconds that vspipe's clock tells apart: a short clip is read in less.
_TICK = 0.01


def case(width: int, height: int, length: int, seed: int) -> Case:
    """A flight of `length` frames, 8-bit YUV 4:2:0; drawn at half size, so that making it does not take longer."""
    overlay = overlays.telemetry(width, height, length, 30, seed, coverage=COVERAGE)
    truth: list[Planes] = []
    for rgb in scene.flight(width // 2, height // 2, length, seed):
        large = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_CUBIC)
        i420 = cv2.cvtColor(large, cv2.COLOR_RGB2YUV_I420).ravel()
        y, u, v = np.split(i420, [width * height, width * height * 5 // 4])
        truth.append((y.reshape(height, width), *(c.reshape(height // 2, width // 2) for c in (u, v))))
    picture = PictureFormat(
        family="YUV", floating=False, bits=8, width=width, height=height, subsampling_w=1, subsampling_h=1
    )
    return Case(
        name="flight", kind="telemetry", seed=seed, fps=Fraction(30), picture=picture, truth=truth,
        overlaid=[overlays.lay_yuv420(f, overlay.rgba(n)) for n, f in enumerate(truth)],
        holes=[overlay.static_mask() > 0] * length,
    )  # fmt: skip


def run(width: int, height: int, length: int, seed: int, arguments: dict[str, object], repeats: int = 3) -> str:
    """Measure and tell, as Markdown."""
    made = case(width, height, length, seed)
    with TemporaryDirectory(prefix="osdclean-bench-") as name:
        files = node.files(made, Path(name))
        alone = [node.timed(files, {"report": files / "report.json"}, "probe.vpy") for _ in range(repeats)]
        whole = [node.timed(files, arguments, "clean.vpy") for _ in range(repeats)]
    stages, wall, cpu, frames = _stages(made)
    seconds = [t.seconds for t in whole]
    lines = [
        f"{width}x{height} YUV420P8, {length} frames, hole {made.grown()[0].mean():.1%} of the frame; "
        f"{table.machine()}; {table.versions()}",
        "",
        f"- node to node: {length / median(seconds):.2f} frames/s (median of {repeats}; "
        f"{length / max(seconds):.2f}..{length / min(seconds):.2f}), starting up and reading included; "
        f"reading alone {length / max(_TICK, median([t.seconds for t in alone])):.0f} frames/s",
        f"- peak memory of vspipe: {max(t.memory for t in whole):.0f} MiB; at most, by quarter of the run: "
        f"{', '.join(f'{m:.0f}' for m in whole[-1].quarters) or 'not told here'}",
        f"- engine, a later block: {wall / frames * 1e3:.0f} ms per frame, "
        f"{cpu / frames * 1e3:.0f} ms of processor time",
        "",
        "| stage (its calling thread alone) | ms of processor time per frame |",
        "|---|---|",
        *(f"| {stage} | {spent / frames * 1e3:.1f} |" for stage, spent in stages.most_common()),
    ]
    return "\n".join(lines) + "\n"


def _stages(made: Case) -> tuple[Counter[str], float, float, int]:
    """(processor seconds by stage, wall seconds, processor seconds in all, frames) of the engine's last whole block."""
    from .. import candidates, inpainter, motion, runtime
    from ..settings import Settings

    spent: Counter[str] = Counter()

    def watched(stage: str, function: Callable) -> Callable:
        def call(*args, **kwargs):
            begun = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent[stage] += time.thread_time() - begun

        return call

    places = (
        (motion, "prepare", "reduced luma"), (inpainter, "flow_between", "motion"),
        (candidates.Pass, "_walk", "sources"), (candidates.Pass, "evidence", "candidates and fills"),
        (runtime.Runtime, "_run", "network"), (candidates.Pass, "patch", "patches"),
    )  # fmt: skip
    kept = [(holder, name, getattr(holder, name)) for holder, name, _ in places]
    settings = Settings()
    engine = inpainter.Inpainter(made.picture, made.length, settings)
    holes = made.grown()
    try:
        for holder, name, stage in places:
            setattr(holder, name, watched(stage, getattr(holder, name)))
        block = max(0, (made.length - settings.lookahead) // settings.period - 1)
        for b in range(block + 1):
            spent.clear()
            window = engine.window(b)
            wall, cpu = time.monotonic(), time.process_time()
            engine.restore(b, {n: made.overlaid[n] for n in window}, {n: holes[n] for n in window}, {})
            wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    finally:
        for holder, name, function in kept:
            setattr(holder, name, function)
        engine.close()
    return spent, wall, cpu, min(settings.period, made.length)
