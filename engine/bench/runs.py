"""Running one method on one case: its frames, its time, its memory; and keeping what is slow between runs."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np

from .. import outputs
from ..picture import Planes
from . import baselines
from .cases import Case, plane_hole


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a method made of a case. seconds: per frame. memory: MiB at its peak, None where it cannot be
    told."""

    name: str
    restored: Sequence[Planes] = field(repr=False)
    seconds: float
    memory: float | None


def baseline(
    name: str,
    case: Case,
    holes: Sequence[np.ndarray],
    cache: Path | None = None,
    on_frame: Callable[[int], None] | None = None,
) -> Run:
    """Run a baseline, or take its result from the folder `cache` where the same was run before.

    memory: growth of this process while the baseline ran.
    """
    file = cache / f"{case.name}-{case.kind}-{name}-{_key(name, case, holes)}.npz" if cache else None
    if file and file.is_file():
        if on_frame:
            on_frame(case.length)
        return _loaded(name, file, case, holes)
    # Written to beforehand, so that the result's own pages are not counted as the method's.
    restored = [tuple(plane.copy() for plane in planes) for planes in case.overlaid]
    before = _reset_peak()
    begun = time.monotonic()
    for n, planes in enumerate(baselines.BASELINES[name](case.overlaid, holes)):
        for target, plane in zip(restored[n], planes, strict=True):
            target[:] = plane
        if on_frame:
            on_frame(n + 1)
    seconds = (time.monotonic() - begun) / case.length
    peak = _peak()
    memory = max(0.0, peak - before) if before is not None and peak is not None else None
    made = Run(name=name, restored=restored, seconds=seconds, memory=memory)
    if file:
        _save(made, file, case, holes)
    return made


def _key(name: str, case: Case, holes: Sequence[np.ndarray]) -> str:
    """Changes with the overlaid pixels, the holes, the baselines' source and the libraries."""
    digest = hashlib.blake2b(digest_size=10)
    versions = [cv2.__version__]
    if name == "biharmonic":
        versions.append(metadata.version("scikit-image"))
    digest.update(repr((versions, baselines.source_of(name))).encode())
    for planes in case.overlaid:
        for plane in planes:
            digest.update(np.ascontiguousarray(plane))
    last = None
    for hole in holes:
        if hole is not last:
            digest.update(np.packbits(hole))
        last = hole
    return digest.hexdigest()


def _hole_samples(case: Case, holes: Sequence[np.ndarray]) -> Iterator[tuple[int, int, np.ndarray]]:
    last, inside = None, []
    for n, hole in enumerate(holes):
        if hole is not last:
            inside = [plane_hole(hole, plane) for plane in case.overlaid[n]]
        last = hole
        for p, mask in enumerate(inside):
            yield n, p, mask


def _save(run: Run, file: Path, case: Case, holes: Sequence[np.ndarray]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    samples = np.concatenate([run.restored[n][p][mask] for n, p, mask in _hole_samples(case, holes)])
    memory = -1 if run.memory is None else run.memory
    with outputs.whole(file) as beside, beside.open("wb") as sink:
        np.savez_compressed(sink, samples=samples, seconds=run.seconds, memory=memory)


def _loaded(name: str, file: Path, case: Case, holes: Sequence[np.ndarray]) -> Run:
    with np.load(file) as stored:
        samples, seconds, memory = stored["samples"], float(stored["seconds"]), float(stored["memory"])
    restored = [tuple(plane.copy() for plane in planes) for planes in case.overlaid]
    at = 0
    for n, p, mask in _hole_samples(case, holes):
        count = int(mask.sum())
        restored[n][p][mask] = samples[at : at + count]
        at += count
    return Run(name=name, restored=restored, seconds=seconds, memory=None if memory < 0 else memory)


def _reset_peak() -> float | None:
    """Forget this process's memory peak; what it holds now in MiB, None where the system does not tell (not
    Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return _status("VmRSS")


def _peak() -> float | None:
    return _status("VmHWM")


def _status(name: str) -> float | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) / 1024 if found else None
