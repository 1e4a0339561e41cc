"""The files that a chunk reads: known by what is in them, seen by every hand under one path, or sent to it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..cli.failure import CommandError

#: Arguments of the scripts that name files.
NAMES = ("clip", "mask", "model", "find_include", "find_exclude", "find_model")
#: Bytes read at once, and places of a large file that its digest is made from.
PIECE, PLACES = 1 << 16, 64
#: Files up to this size are sent in any case: masks and weights, which may lie where only this machine sees them.
SMALL = 16 << 20


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """What a file holds: its size in bytes, and a digest of PLACES pieces of it, spread evenly, ends included."""

    size: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class Input:
    """A file that an argument names. value: the argument's text, of which `path` may be a part. sent: its bytes go
    to every worker, instead of its path."""

    name: str
    value: str
    path: Path
    stamp: Stamp
    sent: bool

    @property
    def role(self) -> str:
        return {"clip": "INPUT", "mask": "the mask"}.get(self.name, "the file")

    def at(self, path: Path) -> str:
        """The argument's text where the file lies elsewhere."""
        return self.value.removesuffix(str(self.path)) + str(path)


def inputs(arguments: Mapping[str, str], send: bool) -> tuple[Input, ...]:
    """The files among a script's arguments. send: send all of them, not only the small ones. Raises CommandError."""
    found = []
    for name in NAMES:
        value = str(arguments.get(name, ""))
        path = Path(value if Path(value).is_absolute() else value.partition(":")[2])  # NETWORK:FILE
        if not path.is_absolute():
            continue  # "default", or none
        stamp = stamp_of(path)
        if stamp is None:
            raise CommandError(f"{path} does not exist; check its name")
        numbered = not path.is_file()
        if numbered and send:
            raise CommandError(f"{path} stands for many files, which are not sent; make a video of them")
        sent = not numbered and (send or (stamp.size <= SMALL and name != "clip"))
        found.append(Input(name=name, value=value, path=path, stamp=stamp, sent=sent))
    return tuple(found)


def stamp_of(path: Path) -> Stamp | None:
    """What a file holds, or the files that a numbered pattern (%04d) stands for; None where there are none. Raises
    CommandError where it cannot be read."""
    try:
        if path.is_file():
            return _stamp(path)
        pattern = re.sub(r"%0?\d*d", "*", path.name)
        files = sorted(path.parent.glob(pattern)) if "*" in pattern else []
        stamps = [_stamp(file) for file in files]
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None
    if not stamps:
        return None
    whole = hashlib.sha256("".join(f"{file.name} {one}" for file, one in zip(files, stamps, strict=True)).encode())
    return Stamp(size=sum(one.size for one in stamps), digest=whole.hexdigest()[:32])


def _stamp(file: Path) -> Stamp:
    size, digest = file.stat().st_size, hashlib.sha256()
    with file.open("rb") as stream:
        if size <= SMALL:
            digest.update(stream.read())
        else:
            for k in range(PLACES):
                stream.seek(k * (size - PIECE) // (PLACES - 1))
                digest.update(stream.read(PIECE))
    return Stamp(size=size, digest=digest.hexdigest()[:32])
