"""Failures that end a command: one line that names what went wrong and how to mend it."""

from __future__ import annotations

import errno

from ..errors import OsdcleanError


class CommandError(OsdcleanError):
    """The command cannot go on; its text is one line for the user."""

    def __init__(self, text: str) -> None:
        super().__init__(" ".join(text.split()))


class WriteError(CommandError):
    """The system refused to write a file: trying again is no use."""


class DiskError(WriteError):
    """The disk takes no more: whatever comes next would fail as well."""


class BusyError(CommandError):
    """Another run is writing the same output."""


def write_error(error: OSError, text: str) -> WriteError:
    """The failure to write something, told as `text`; a DiskError where the disk is full."""
    return (DiskError if disk_full(error) else WriteError)(text)


def disk_full(error: OSError) -> bool:
    """Whether the system refused to write because there is no more space, or no more is allowed."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


class Terminated(BaseException):
    """The process was asked to end (SIGTERM, SIGHUP); like KeyboardInterrupt, it is no Exception."""

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal
