"""What came of one or several inputs, told to people and to programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cleaning import Outcome
from ..progress import clock
from ..terminal import coloured

#: What can come of an input, and the colour that it is told in.
_COLOURS = {"done": "green", "skipped": "yellow", "failed": "red", "stopped": "red", "not begun": "yellow"}


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of one input. state: done, skipped, failed, stopped or not begun; why: in words, where not done."""

    source: Path
    target: Path
    state: str
    why: str = ""
    outcome: Outcome | None = None

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        told: dict[str, Any] = {"input": str(self.source), "output": str(self.target), "result": self.state}
        if self.why:
            told["why"] = self.why
        if self.outcome is not None:
            told |= {
                "frames": self.outcome.frames,
                "seconds": round(self.outcome.seconds, 3),
                "frames_per_second": round(self.outcome.rate, 3),
                "found": {
                    kind: dict(zip(("frames", "area", "probability"), shares, strict=True))
                    for kind, shares in self.outcome.found.items()
                },
            }
        return told


def in_words(outcome: Outcome) -> str:
    """How much was done, and how fast."""
    rate = f", {outcome.rate:.1f} frames/s" if outcome.rate else ""
    return f"{outcome.frames} frames in {clock(outcome.seconds)}{rate}"


def tell(results: Sequence[Result], seconds: float, quiet: bool, as_json: bool, into_folder: bool) -> None:
    """Write what came of it: for people to stderr, and for programs to stdout where they ask for it."""
    if not quiet and into_folder:
        print("\n".join(table(results, seconds)), file=sys.stderr)
    elif not quiet:
        for result in results:
            print(f"{result.target}: {in_words(result.outcome)}", file=sys.stderr)
    if as_json:
        counts = {state.replace(" ", "_"): _count(results, state) for state in _COLOURS}
        files = [result.told() for result in results]
        print(json.dumps({"files": files, **counts, "total_seconds": round(seconds, 3)}, indent=2))


def _count(results: Sequence[Result], state: str) -> int:
    return sum(result.state == state for result in results)


def table(results: Sequence[Result], seconds: float) -> list[str]:
    """The lines that tell what came of each input, and of all."""
    rows = []
    for result in results:
        done = result.outcome
        numbers = (str(done.frames), clock(done.seconds), f"{done.rate:.1f}") if done else ("", "", "")
        rows.append((_short(str(result.source)), *numbers, result))
    width = max(len("file"), *(len(row[0]) for row in rows))
    lines = [f"{'file':<{width}}  {'frames':>7}  {'time':>8}  {'frames/s':>8}  result"]
    for name, frames, taken, rate, result in rows:
        state = coloured(result.state, _COLOURS[result.state], sys.stderr)
        why = f": {result.why}" if result.why else ""
        lines.append(f"{name:<{width}}  {frames:>7}  {taken:>8}  {rate:>8}  {state}{why}")
    counts = {state: count for state in _COLOURS if (count := _count(results, state))}
    again = "; the same command again does the rest" if "stopped" in counts else ""
    return [*lines, f"{', '.join(f'{count} {state}' for state, count in counts.items())} in {clock(seconds)}{again}"]


def _short(name: str, most: int = 48) -> str:
    """A name without its beginning where it is long: recordings differ at the end."""
    return name if len(name) <= most else f"...{name[3 - most :]}"
