"""The bench's progress in one line: which method of which case. Silent unless stderr is a terminal."""

from __future__ import annotations

import shutil
import sys
import time


class Steps:
    """A bar over `total` steps (methods times cases), each of some frames."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self._shown = sys.stderr.isatty()
        self._label, self._length, self._drawn = "", 0, 0.0

    def begin(self, label: str, length: int) -> None:
        self._label, self._length = label, length
        self.update(0)

    def update(self, frame: int) -> None:
        """Frames that are done in this step."""
        now = time.monotonic()
        if self._shown and (now - self._drawn > 0.2 or frame == 0):
            self._drawn = now
            share = (self.done + frame / max(1, self._length)) / max(1, self.total)
            full = round(20 * share)
            line = f"{share:4.0%} [{'#' * full}{'.' * (20 - full)}] {self._label} {frame}/{self._length}"
            sys.stderr.write("\r\x1b[K" + line[: shutil.get_terminal_size().columns - 1])
            sys.stderr.flush()

    def end(self) -> None:
        self.done += 1

    def close(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
