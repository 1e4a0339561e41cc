"""Failures that end a command: one line that names what went wrong and how to mend it."""

from __future__ import annotations

from ..errors import OsdcleanError


class CommandError(OsdcleanError):
    """The command cannot go on; its text is one line for the user."""

    def __init__(self, text: str) -> None:
        super().__init__(" ".join(text.split()))


class Terminated(BaseException):
    """The process was asked to end (SIGTERM, SIGHUP); like KeyboardInterrupt, it is no Exception."""

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal
