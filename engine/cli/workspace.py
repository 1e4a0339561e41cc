"""Where a command works until its result is whole: a hidden folder beside the target, always removed."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from . import lock
from .failure import CommandError


class Workspace:
    """A temporary folder on the target's own disk; `publish` moves a finished file to the target's name.

    target: the file that the command is to write. Raises CommandError on entry where the target's folder does
    not exist or cannot be written to, or the target is there and may not be replaced, or another process writes it.
    """

    def __init__(self, target: Path, overwrite: bool) -> None:
        self.target, self.overwrite = target, overwrite
        self.folder = Path()
        self._held = ExitStack()

    def __enter__(self) -> Workspace:
        self._refuse_existing()
        parent = self.target.parent
        if not parent.is_dir():
            raise CommandError(f"the output folder {parent} does not exist; make it first (mkdir -p)")
        self._held.enter_context(lock.held(self.target))
        try:
            self.folder = Path(tempfile.mkdtemp(prefix=f".{self.target.name[:40]}.", dir=parent))
        except OSError as error:
            self._held.close()
            raise CommandError(
                f"cannot write to the output folder {parent}: {error.strerror}; choose another folder"
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._held.close()

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
