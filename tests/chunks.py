"""A chunked encode's way through a script: a fresh vspipe per chunk, several at once, the longest first.

    python tests/chunks.py SCRIPT FRAMES BORDER,BORDER,... [NAME=VALUE ...]

Prints what the whole and its chunks took, and whether their frames are equal.
"""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from osdclean.engine.cli.programs import find_vspipe, vspipe_environment


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """hashes: of each frame's samples; seconds: of processor time; memory: at most, MiB."""

    hashes: tuple[str, ...]
    seconds: float
    memory: float


def chunk(script: Path, start: int, stop: int, given: Mapping[str, object], environment: Mapping[str, str]) -> Chunk:
    """The frames from `start` up to, and without, `stop`, as Av1an asks for them."""
    words = [word for name, value in given.items() for word in ("-a", f"{name}={value}")]
    command = [find_vspipe(), *words, "-c", "y4m", "-s", str(start), "-e", str(stop - 1), script, "-"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    header = process.stdout.readline().split()
    sizes = {word[:1]: word[1:] for word in header[1:]}
    width, height = int(sizes.get(b"W", 0)), int(sizes.get(b"H", 0))
    hashes = []
    while process.stdout.readline():  # FRAME
        hashes.append(hashlib.sha256(process.stdout.read(width * height * 3 // 2)).hexdigest())
    process.stdout.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"vspipe failed at {start}..{stop - 1}"
    return Chunk(hashes=tuple(hashes), seconds=used.ru_utime + used.ru_stime, memory=used.ru_maxrss / 1024)


def chunked(
    script: Path, borders: Sequence[int], given: Mapping[str, object], environment: Mapping[str, str], workers: int = 2
) -> list[Chunk]:
    """The chunks between `borders`, in their order, whichever was done first. For 8-bit 4:2:0."""
    spans = list(pairwise(borders))
    with ThreadPoolExecutor(workers) as pool:
        started = {
            (a, b): pool.submit(chunk, script, a, b, given, environment)
            for a, b in sorted(spans, key=lambda span: span[0] - span[1])
        }
        return [started[span].result() for span in spans]


def main(script: str, frames: str, inner: str, *words: str) -> None:
    given = dict(word.split("=", 1) for word in words)
    borders = [0, *map(int, inner.split(",")), int(frames)]
    with TemporaryDirectory() as name:
        environment = vspipe_environment(find_vspipe(), Path(name))
        whole: tuple[str, ...] = ()
        for label, cuts in (("one run", [0, int(frames)]), (f"chunks at {inner}", borders)):
            begun = time.monotonic()
            made = chunked(Path(script), cuts, given, environment)
            hashes = tuple(one for part in made for one in part.hashes)
            whole = whole or hashes
            print(
                f"{label}: {sum(part.seconds for part in made):.0f} s of processor time, "
                f"{time.monotonic() - begun:.0f} s, at most {max(part.memory for part in made):.0f} MiB per process, "
                f"frames {'equal' if hashes == whole else 'DIFFERENT'} ({len(set(hashes))} different of {len(hashes)})",
                flush=True,
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
