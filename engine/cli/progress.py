"""The line that shows how far a command is: frames, frames/s and time left."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

from .terminal import CLEAR


class Progress:
    """One line that is drawn anew; silent unless `stream` is a terminal.

    label: what stands before it, such as which file of how many it is of.
    total: frames (or what `unit` names) in all. The rate counts from the making of this object on, starting
    up included: frames come by the block, so a count from the first report on would promise too much.
    note: what else is to be shown at the line's end.
    """

    def __init__(
        self, total: int, quiet: bool = False, stream: TextIO | None = None, unit: str = "frames", label: str = ""
    ) -> None:
        self.total, self.unit, self.label = total, unit, label
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self.shown = not quiet and self.stream.isatty()
        self.done = 0
        self.note = ""
        self._before = 0
        self._begun = time.monotonic()
        self._drawn = 0.0

    @property
    def rate(self) -> float:
        """Frames per second so far, 0 where nothing can be said yet."""
        return (self.done - self._before) / max(1e-6, time.monotonic() - self._begun)

    def resume(self, done: int) -> None:
        """So much was done before, in no time that counts."""
        self.done = self._before = done

    def say(self, text: str) -> None:
        """A line for the user above the progress, unless all is to be quiet."""
        if not self.quiet:
            self.close()
            print(f"osdclean: {text}", file=self.stream, flush=True)

    def update(self, done: int) -> None:
        self.done = done
        now = time.monotonic()
        if self.shown and (now - self._drawn > 0.2 or done >= self.total):
            self._drawn = now
            columns = shutil.get_terminal_size().columns - 1
            # a bar is worth more than the end of a long name
            label = f"{self.label[: max(0, columns - 60)]} " if self.label else ""
            self.stream.write(CLEAR + label + self.line(columns - len(label)))
            self.stream.flush()

    def line(self, width: int) -> str:
        """The line, at most `width` characters long."""
        share = self.done / self.total if self.total else 1.0
        rate = self.rate
        left = clock((self.total - self.done) / rate) if rate > 0 else "?"
        text = f" {self.done}/{self.total} {self.unit}  {rate:.1f} {self.unit}/s  {left} left{self.note}"
        bar = min(30, width - len(text) - 7)
        if bar < 5:
            return f"{share:4.0%}{text}"[:width]
        full = round(share * bar)
        return f"{share:4.0%} [{'#' * full}{'.' * (bar - full)}]{text}"

    def close(self) -> None:
        """Take the line away."""
        if self.shown:
            self.stream.write(CLEAR)
            self.stream.flush()


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
