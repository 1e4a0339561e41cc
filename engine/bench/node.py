"""osdclean itself, run as its users run it: files, a script, vspipe, a pipe of frames."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..cli.frameserver import FrameServer
from ..cli.pipeline import reason
from ..cli.programs import find
from ..errors import OsdcleanError
from ..footage import joined, split
from ..picture import Planes
from .cases import Case
from .runs import Run


class Timing(NamedTuple):
    """seconds: for all frames; memory: peak of the process, MiB; quarters: the most it held in each quarter of the
    frames, MiB, empty where the system does not tell (not Linux)."""

    seconds: float
    memory: float
    quarters: tuple[float, ...]


_TIME = re.compile(r"Output (\d+) frames in ([0-9.]+) seconds")


def run(
    case: Case, arguments: Mapping[str, object] | None = None, on_frame: Callable[[int], None] | None = None
) -> Run:
    """Restore a case with `core.osdclean.Inpaint`; the node grows the mask itself.

    arguments: further arguments of the node. seconds counts from vspipe's first request to the last frame,
    reading
    the lossless source included; memory is the peak of the whole vspipe process. Raises OsdcleanError where
    vspipe or
    the plugin is missing or fails.
    """
    with tempfile.TemporaryDirectory(prefix="osdclean-bench-") as name:
        folder = Path(name)
        files(case, folder)
        output = folder / "out.y4m"
        seconds, memory, _ = timed(folder, arguments or {}, "clean.vpy", output, on_frame)
        restored = frames(output, case)
    return Run(name="osdclean", restored=restored, seconds=seconds / case.length, memory=memory)


def files(case: Case, folder: Path) -> Path:
    """Write a case's overlaid clip and mask, lossless, into `folder`; returns it."""
    clip_file(case, folder)
    mask_file(case, folder)
    return folder


def clip_file(case: Case, folder: Path) -> None:
    """Write a case's overlaid clip, lossless, into `folder`."""
    _write(folder / "clip.mkv", case, joined(case.overlaid), "yuv420p", ["-c:v", "utvideo"])


def mask_file(case: Case, folder: Path) -> None:
    """Write a case's mask, lossless, into `folder`."""
    holes = case.holes[:1] if case.static else case.holes
    masks = (np.where(h, np.uint8(255), np.uint8(0)).tobytes() for h in holes)
    _write(folder / "mask.mkv", case, masks, "gray", ["-c:v", "ffv1"])


def timed(
    folder: Path,
    arguments: Mapping[str, object],
    script: str,
    output: Path | None = None,
    on_frame: Callable[[int], None] | None = None,
    options: Sequence[str] = ("-c", "y4m"),
) -> Timing:
    """Run a script over the files of `folder` through vspipe.

    output: the file to write; thrown away where None. options: of vspipe; y4m where none are given.
    """
    files = {name: folder / f"{name}.mkv" for name in ("clip", "mask")}
    given = {name: file for name, file in files.items() if file.exists()} | arguments
    stage = FrameServer(folder).stage(script, given, *options, "-p")
    # The source filter's index goes with the files, not into the user's own cache.
    environment = {**(stage.environment or os.environ), "XDG_CACHE_HOME": str(folder / "cache")}
    return _piped(stage.command, environment, output or Path(os.devnull), on_frame)


def _write(path: Path, case: Case, data: Iterable[bytes], pixels: str, codec: Sequence[str]) -> None:
    process = subprocess.Popen(
        [find("ffmpeg"), "-v", "error", "-f", "rawvideo", "-pix_fmt", pixels,
         "-s", f"{case.picture.width}x{case.picture.height}", "-r", str(case.fps), "-i", "-",
         *codec, "-pix_fmt", pixels, str(path)],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    try:
        for part in data:
            process.stdin.write(part)
    except BrokenPipeError:
        pass
    _, said = process.communicate()
    if process.returncode:
        raise OsdcleanError(f"ffmpeg cannot write the bench's lossless file: {said.decode()[-200:].strip()}")


def _piped(
    command: Sequence[str],
    environment: Mapping[str, str],
    output: Path,
    on_frame: Callable[[int], None] | None,
) -> Timing:
    """Run vspipe into a file."""
    begun = time.monotonic()
    said, held, peak = "", [], None
    with output.open("wb") as sink:
        process = subprocess.Popen(command, env=environment, stdout=sink, stderr=subprocess.PIPE)
        assert process.stderr is not None
        try:
            while chunk := os.read(process.stderr.fileno(), 65536):
                text = chunk.decode(errors="replace")
                said = (said + text)[-20000:]
                frames = re.findall(r"Frame: (\d+)/(\d+)", text)
                if frames:
                    done, length = map(int, frames[-1])
                    held.append((min(3, 4 * done // max(1, length)), _memory(process.pid, "VmRSS")))
                    peak = _memory(process.pid, "VmHWM") or peak
                    if on_frame is not None:
                        on_frame(done)
            # wait4 tells the peak of this very child, which Popen.wait does not.
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
            process.stderr.close()
    if process.returncode:
        raise OsdcleanError(f"vspipe failed ({process.returncode}): {reason(said.splitlines())}")
    told = _TIME.search(said)
    seconds = float(told[2]) if told else time.monotonic() - begun
    quarters = [max((m for q, m in held if q == k and m is not None), default=None) for k in range(4)]
    # What the system tells at the end counts this process too, of which the child was a copy before it became vspipe.
    return Timing(seconds, peak or usage.ru_maxrss / 1024, tuple(quarters) if None not in quarters else ())


def _memory(process: int, field: str) -> float | None:
    """MiB that a process holds now (VmRSS) or held at most (VmHWM), None where the system does not tell."""
    try:
        found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return None
    return int(found[1]) / 1024 if found else None


def frames(path: Path, case: Case) -> list[Planes]:
    """Frames of a 4:2:0 8-bit y4m file."""
    raw = np.fromfile(path, np.uint8)
    head = bytes(raw[:256]).split(b"\n", 1)[0]
    if not head.startswith(b"YUV4MPEG2") or (b" C420" in head and b" C420p1" in head):
        raise OsdcleanError(f"vspipe must write 8-bit 4:2:0 y4m, passed {head[:80]!r}")
    w, h = case.picture.width, case.picture.height
    size = w * h + 2 * ((w + 1) // 2) * ((h + 1) // 2)
    body = raw[len(head) + 1 :]
    marker = len(b"FRAME\n")
    if len(body) != case.length * (size + marker):
        raise OsdcleanError(
            f"vspipe must write {case.length} frames, passed {len(body) / (size + marker):.1f}"
        )
    return split(np.ascontiguousarray(body.reshape(case.length, -1)[:, marker:]).reshape(-1), w, h)
