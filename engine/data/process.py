"""A program that runs beside this one, and always ends with the block that began it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO


class Process:
    """A running program; a context manager. What it says goes to a file: a pipe that nobody reads would fill up, and
    a damaged video makes ffmpeg say a lot.

    feeds: its standard input is the pipe `stdin`; otherwise nothing is to be read there and `stdout` is a pipe.
    """

    def __init__(self, command: Sequence[str], *, feeds: bool = False) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        try:
            self._process = subprocess.Popen(
                command, stdin=pipe if feeds else nothing, stdout=nothing if feeds else pipe, stderr=self._said
            )
        except BaseException:
            self._said.close()
            raise

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Killed before its pipes are closed: nothing then waits to be flushed into a full one.
        if self._process.poll() is None:
            self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        self._process.wait()
        self._said.close()

    @property
    def stdin(self) -> BinaryIO:
        return self._process.stdin

    @property
    def stdout(self) -> BinaryIO:
        return self._process.stdout

    def end(self) -> int:
        """Close its input, wait for it, and return its exit status."""
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        return self._process.wait()

    def said(self) -> bytes:
        """All it wrote to its standard error; call it after `end`."""
        self._said.seek(0)
        return self._said.read()

    def reason(self) -> str:
        """The last line it said, for an error's text."""
        lines = self.said().decode(errors="replace").strip().splitlines()
        return lines[-1].strip()[-200:] if lines else "it gave no reason"
