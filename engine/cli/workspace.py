"""Where a command works until its result is whole: a hidden folder beside the target, always removed.

1. The folder's name follows from the target's alone, and a lock in it is held as long as the command works: a second
   run with the same target is refused before it begins.
2. The system lets go of a lock when its process ends, however it ends. So a folder that is not locked is one that a run
   left which was killed: it is emptied and used.
3. A result gets the target's name in one step, when it is whole.
"""

from __future__ import annotations

import errno
import os
import shutil
import zlib
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import filelock

from .failure import BusyError, CommandError, write_error

#: What file systems say that know no locks: there two runs are not kept apart.
_LOCKLESS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)


class Workspace:
    """A folder on the target's own disk for one run; `publish` moves a finished file to the target's name.

    target: the file that the command is to write. Raises CommandError on entry where the target's folder does
    not exist or cannot be written to, another run is writing the target, or it is there and may not be replaced.
    """

    def __init__(self, target: Path, overwrite: bool) -> None:
        self.target, self.overwrite = target, overwrite
        # Names may be long already: a digest keeps those apart that are cut.
        digest = zlib.crc32(target.name.encode())
        # Absolute, as the programs that are given it may work in another folder.
        self.folder = target.parent.absolute() / f".{target.name[:40]}.{digest:08x}.osdclean"
        self._lock = filelock.FileLock(self.folder / "lock", timeout=0)

    def __enter__(self) -> Workspace:
        self.refuse()
        parent = self.target.parent
        try:
            self._take()
        except filelock.Timeout:
            raise BusyError(
                f"another run of osdclean is writing {self.target}; wait for it to end, or give another name"
            ) from None
        except OSError as error:
            raise write_error(
                error, f"cannot write to the output folder {parent}: {error.strerror}; choose another folder"
            ) from None
        return self

    def refuse(self) -> None:
        """Raise CommandError where the target is there and may not be replaced, or its folder is not there."""
        self._refuse_existing()
        if not self.target.parent.is_dir():
            raise CommandError(f"the output folder {self.target.parent} does not exist; make it first (mkdir -p)")

    def _take(self) -> None:
        while True:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            try:
                self._lock.acquire()
                break
            except FileNotFoundError:  # a run that ended just now took the folder along
                continue
            except OSError as error:
                if error.errno not in _LOCKLESS:
                    raise
                break
        self._empty()

    def _empty(self) -> None:
        """Remove all but the lock."""
        for left in self.folder.iterdir():
            if left.name == "lock":
                continue
            shutil.rmtree(left) if left.is_dir() else left.unlink()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The lock goes last, so that no other run begins in a folder that is being emptied.
        with suppress(OSError):
            self._empty()
        if os.name == "nt":  # which removes no open file
            self._lock.release()
        with suppress(OSError):
            (self.folder / "lock").unlink(missing_ok=True)
            self.folder.rmdir()
        self._lock.release()

    def path(self, name: str) -> Path:
        return self.folder / name

    def publish(self, file: Path) -> None:
        """Give the finished `file` the target's name, in one step."""
        self._refuse_existing()
        try:
            os.replace(file, self.target)
        except OSError as error:
            raise CommandError(f"cannot write {self.target}: {error.strerror}") from None

    def _refuse_existing(self) -> None:
        if self.target.is_dir():
            raise CommandError(f"{self.target} is a folder; give the name of a file in it")
        if self.target.exists() and not self.overwrite:
            raise CommandError(f"{self.target} exists; give another name, or --overwrite to replace it")
