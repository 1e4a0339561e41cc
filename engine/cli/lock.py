"""One command writes one file at a time."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .failure import CommandError


@contextmanager
def held(target: Path) -> Iterator[None]:
    """Hold the lock of a file that is to be written: a hidden file beside it, taken away at the end.

    The system lets go of the lock when its holder dies, however that comes about: a file that a dead process left is
    no lock. Raises CommandError where another process holds it. Where the system or the disk knows no such locks, none
    is held.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    beside = target.with_name(f".{target.name[:200]}.lock")
    while True:
        try:
            file = os.open(beside, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise CommandError(
                f"cannot write to the output folder {target.parent}: {error.strerror}; choose another folder"
            ) from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with os.fdopen(file) as stream:
                who = stream.read().strip() or "one that does not say"
            raise CommandError(
                f"another osdclean ({who}) is writing {target}; wait for its end, or give another name"
            ) from None
        except OSError:
            pass
        try:
            if os.fstat(file).st_ino == os.stat(beside).st_ino:
                break
        except FileNotFoundError:
            pass
        os.close(file)  # its last holder took it away meanwhile
    try:
        os.ftruncate(file, 0)
        os.write(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        yield
    finally:
        with suppress(OSError):
            beside.unlink()
        os.close(file)
