"""The bench's figures as Markdown for people and JSON for programs."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from .metrics import Score

OURS = "osdclean"


@dataclass(frozen=True, kw_only=True)
class Row:
    """Figures of one case: method name -> score, seconds per frame, MiB."""

    clip: str
    kind: str
    width: int
    height: int
    frames: int
    coverage: float
    scores: Mapping[str, Score]
    seconds: Mapping[str, float]
    memory: Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """osdclean against the baselines over all clips of one overlay. Decibels of in-hole PSNR.

    best: the single baseline with the best mean; gain: osdclean's mean above it. least: smallest lead over
    a clip's own best baseline, on the clip `least_clip`. steadier: osdclean's mean flicker is below every baseline's.
    """

    best: str
    best_mean: float
    gain: float
    least: float
    least_clip: str
    steadier: bool


def methods(rows: Sequence[Row]) -> list[str]:
    """Methods that every row has, osdclean last."""
    names = [name for name in rows[0].scores if all(name in row.scores for row in rows)]
    return sorted(names, key=lambda name: name == OURS)


def best_baseline(row: Row) -> tuple[str, float]:
    """A clip's own best baseline and its PSNR."""
    return max(((n, s.psnr) for n, s in row.scores.items() if n != OURS), key=lambda one: one[1])


def compare(rows: Sequence[Row]) -> Comparison | None:
    """None where osdclean or every baseline is missing."""
    names = methods(rows)
    others = [name for name in names if name != OURS]
    if OURS not in names or not others:
        return None
    means = {name: fmean(row.scores[name].psnr for row in rows) for name in names}
    flickers = {name: fmean(row.scores[name].flicker for row in rows) for name in names}
    best = max(others, key=means.__getitem__)
    leads = [(row.scores[OURS].psnr - best_baseline(row)[1], row.clip) for row in rows]
    return Comparison(
        best=best, best_mean=means[best], gain=means[OURS] - means[best],
        least=min(leads)[0], least_clip=min(leads)[1],
        steadier=flickers[OURS] < min(flickers[name] for name in others),
    )  # fmt: skip


def markdown(rows: Sequence[Row], setting: Mapping[str, Any], parameters: Mapping[str, int] | None = None) -> str:
    """All tables; the best figure of a line is bold. parameters: of the networks among the methods."""
    out = opening(setting)
    for kind in dict.fromkeys(row.kind for row in rows):
        out += _kind([row for row in rows if row.kind == kind], kind, parameters or {})
    return "\n".join(out) + "\n"


def _kind(rows: Sequence[Row], kind: str, parameters: Mapping[str, int]) -> list[str]:
    names = methods(rows)
    ours = OURS in names and len(names) > 1
    out = [f"## {kind}", "", "PSNR in the hole, dB (all hole samples of all planes)", ""]
    out += header(["clip", "size", "frames", "hole %", *names, *(["against own best"] if ours else [])])
    for row in rows:
        figures = [row.scores[name].psnr for name in names]
        lead = (
            [f"{row.scores[OURS].psnr - best_baseline(row)[1]:+.2f} ({best_baseline(row)[0]})"]
            if ours
            else []
        )
        size = f"{row.width}x{row.height}"
        out.append(
            line(
                [row.clip, size, row.frames, f"{100 * row.coverage:.1f}", *_bold(figures, ".2f", max), *lead]
            )
        )
    means = [fmean(row.scores[name].psnr for row in rows) for name in names]
    lead = [f"{fmean(row.scores[OURS].psnr - best_baseline(row)[1] for row in rows):+.2f}"] if ours else []
    out += [
        line(
            [
                "**mean**",
                "",
                "",
                f"{100 * fmean(row.coverage for row in rows):.1f}",
                *_bold(means, ".2f", max),
                *lead,
            ]
        )
    ]

    out += ["", f"Means over {len(rows)} clips (± standard deviation between clips)", ""]
    out += header(
        ["method", "PSNR dB", "SSIM", "flicker", "s/frame", "memory MiB", *(["parameters"] if parameters else [])]
    )
    for name in names:
        scores = [row.scores[name] for row in rows]
        memory = [m for row in rows if (m := row.memory[name]) is not None]
        out.append(
            line(
                [
                    name,
                    _spread([s.psnr for s in scores], ".2f"),
                    _spread([s.ssim for s in scores], ".4f"),
                    _spread([s.flicker for s in scores], ".2f"),
                    _spread([row.seconds[name] for row in rows], ".3f"),
                    f"{max(memory):.0f}" if memory else "-",
                    *([f"{parameters[name]:,}" if name in parameters else "-"] if parameters else []),
                ]
            )
        )
    out.append("")
    found = compare(rows)
    if found:
        out += [
            f"Gain over the best single baseline's mean ({found.best}, {found.best_mean:.2f} dB): "
            f"{found.gain:+.2f} dB. "
            f"Least lead over a clip's own best baseline: {found.least:+.2f} dB ({found.least_clip}). "
            f"Mean flicker below every baseline's: {'yes' if found.steadier else 'no'}.",
            "",
        ]
    return out


def opening(setting: Mapping[str, Any]) -> list[str]:
    """The lines that say under which setting all was measured."""
    return [" ".join(f"{key}: {value}." for key, value in setting.items()), ""]


def header(cells: Sequence[str]) -> list[str]:
    """The lines above those of a table."""
    return [line(cells), line(["---"] * len(cells))]


def line(cells: Sequence[object]) -> str:
    """A line of a table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _bold(figures: Sequence[float], form: str, best: Any) -> list[str]:
    text = [format(figure, form) for figure in figures]
    top = format(best(figures), form)
    return [f"**{t}**" if t == top and len(text) > 1 else t for t in text]


def _spread(figures: Sequence[float], form: str) -> str:
    spread = f" ± {stdev(figures):{form}}" if len(figures) > 1 else ""
    return f"{fmean(figures):{form}}{spread}"


def report(rows: Sequence[Row], setting: Mapping[str, Any]) -> dict[str, Any]:
    """Everything as plain data for JSON."""
    kinds = dict.fromkeys(row.kind for row in rows)
    return {
        "setting": dict(setting),
        "rows": [asdict(row) for row in rows],
        "comparison": {
            kind: asdict(found) if (found := compare([row for row in rows if row.kind == kind])) else None
            for kind in kinds
        },
    }


def machine() -> str:
    """Processor, cores and system, in words."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((text.split(":", 1)[1].strip() for text in lines if text.startswith("model name")), name)
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores, {platform.system()}"


def versions() -> str:
    """Versions of what the figures depend on."""
    found = []
    for package in ("vapoursynth-osdclean", "torch", "numpy", "opencv-python-headless", "scikit-image"):
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)
