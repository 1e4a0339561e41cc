"""Programs joined by pipes: nothing they say is lost, none outlives the command.

1. Programs are started without a shell, each in a process group of its own, so that Ctrl-C reaches only this
   process, which then ends them.
2. Every stderr is read to its end by a thread; the last lines are kept for the message of a failure.
3. When one program dies, its neighbours fail too: the one blamed is the one whose failure is not explained by
   a neighbour's.
4. What leaves the last program is written here, not by the program: some encoders do not notice a full disk.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import IO

from .failure import CommandError, DiskError, WriteError, write_error
from .terminal import CLEAR

#: What begins a line by which our own plugin, in a program of the pipeline, tells of work that takes a while.
_OURS = "osdclean: "
_FRAME = re.compile(rb"Frame: (\d+)/(\d+)")
#: How vspipe says that its reader is gone.
_BROKEN_PIPE = "fwrite() call failed"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One program of a pipeline.

    name: as the user knows it. advice: how to mend its failure, a sentence of its own.
    last_words: text in its stderr after which it can only end; some builds of x265 hang there.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] | None = None
    advice: str = ""
    last_words: str | None = None


class Pipeline:
    """Running programs, stdout of each being stdin of the next. Use as a context manager.

    on_frame: called with the number of finished frames whenever a vspipe among the stages reports it.
    fed: give the first program a pipe to read from, `feed`, which is then to be closed.
    """

    def __init__(
        self, stages: Sequence[Stage], on_frame: Callable[[int], None] | None = None, fed: bool = False
    ) -> None:
        self.stages = stages
        self._on_frame = on_frame
        self._fed = fed
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []
        self._said: list[deque[str]] = [deque(maxlen=400) for _ in stages]

    def __enter__(self) -> Pipeline:
        feed: IO[bytes] | int = subprocess.PIPE if self._fed else subprocess.DEVNULL
        try:
            for stage, said in zip(self.stages, self._said, strict=True):
                feed = self._start(stage, said, feed)
        except BaseException:
            self._kill()
            raise
        return self

    def _start(self, stage: Stage, said: deque[str], feed: IO[bytes] | int) -> IO[bytes]:
        try:
            process = subprocess.Popen(
                list(stage.command),
                stdin=feed,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(stage.environment) if stage.environment is not None else None,
                process_group=0 if sys.platform != "win32" else None,
            )
        except OSError as error:
            program = stage.command[0]
            raise CommandError(f"{stage.name} cannot be started: {error.strerror}: {program}") from None
        finally:
            if not isinstance(feed, int):
                feed.close()  # the child holds it now; a second holder would hide the end of the pipe
        self._processes.append(process)
        assert process.stdout is not None
        assert process.stderr is not None
        thread = threading.Thread(
            target=self._listen, args=(stage, process, process.stderr, said), daemon=True
        )
        thread.start()
        self._threads.append(thread)
        return process.stdout

    def _listen(
        self, stage: Stage, process: subprocess.Popen[bytes], stream: IO[bytes], said: deque[str]
    ) -> None:
        rest = b""
        while chunk := os.read(stream.fileno(), 65536):
            *lines, rest = re.split(rb"[\r\n]+", rest + chunk)
            for line in lines:
                frame = _FRAME.match(line)
                if frame is None:
                    said.append(line.decode(errors="replace"))
                    if said[-1].startswith(_OURS):
                        # over a progress bar that may stand there
                        print(f"{CLEAR if sys.stderr.isatty() else ''}{said[-1]}", file=sys.stderr, flush=True)
                    if stage.last_words is not None and stage.last_words in said[-1]:
                        threading.Thread(target=self._end_soon, args=(process,), daemon=True).start()
                elif self._on_frame is not None:
                    self._on_frame(int(frame[1]))
        if rest.strip():
            said.append(rest.decode(errors="replace"))

    @staticmethod
    def _end_soon(process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()

    def copy_to(self, sink: FileIO, place: Path) -> None:
        """Write what leaves the last program to `sink`; raises CommandError where the disk takes no more.

        sink: an unbuffered file, so that no bytes are left to be written when it is closed.
        place: folder to name in the error.
        """
        source = self._processes[-1].stdout
        assert source is not None
        size = 0
        while chunk := os.read(source.fileno(), 1 << 20):
            rest = memoryview(chunk)
            while rest:
                try:
                    written = sink.write(rest)
                except OSError as error:
                    raise disk_error(error, place, size) from None
                size += written
                rest = rest[written:]

    @property
    def feed(self) -> IO[bytes]:
        """Stdin of the first program, where the pipeline is `fed`."""
        stream = self._processes[0].stdin
        assert stream is not None
        return stream

    def finish(self) -> None:
        """Wait for every program; raises CommandError naming the one that failed first, by rule 3."""
        for process in self._processes:
            process.wait()
        for thread in self._threads:
            thread.join()
        for stage, said in zip(self.stages, self._said, strict=True):
            # ffmpeg may report this and yet end well
            if any("No space left" in line for line in said):
                raise DiskError(
                    f"{stage.name} found no space left on the disk; free some space, or write elsewhere"
                )
        failed = [i for i, process in enumerate(self._processes) if process.returncode != 0]
        if not failed:
            return
        victims = {i for i in failed if self._reader_left(i)}
        culprit = next((i for i in failed if i not in victims), None)
        if culprit is None:  # a reader ended early, yet well
            after = self.stages[min(failed) + 1]
            raise CommandError(f"{after.name} ended before all frames were written. {after.advice}")
        raise CommandError(self._blame(culprit))

    def _reader_left(self, i: int) -> bool:
        if i + 1 == len(self.stages):
            return False
        told = any(_BROKEN_PIPE in line for line in self._said[i])
        return told or self._processes[i].returncode == -signal.SIGPIPE

    def _blame(self, i: int) -> str:
        stage, code = self.stages[i], self._processes[i].returncode
        if told := script_error(self._said[i]):
            return f"{told}. {stage.advice}"
        if code == -signal.SIGXFSZ:
            return f"{stage.name} met the limit of file size (ulimit -f); raise it, or write a shorter file"
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"failed (exit status {code})"
        return f"{stage.name} {how}: {reason(self._said[i])}. {stage.advice}"

    def said(self, i: int) -> list[str]:
        """What program `i` wrote to stderr so far, its last lines."""
        return list(self._said[i])

    def stop(self) -> None:
        """End all programs; may be called from another thread, whose `finish` then raises."""
        self._kill()

    def _kill(self) -> None:
        running = [process for process in self._processes if process.poll() is None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kill()
        for process in self._processes:
            for stream in (process.stdout, process.stdin):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()
        # a stderr that a program's own child still holds open is left to its thread
        for thread, process in zip(self._threads, self._processes, strict=False):
            thread.join(1)
            if not thread.is_alive() and process.stderr is not None:
                process.stderr.close()


def script_error(lines: Sequence[str]) -> str | None:
    """What a script or a filter in it gave as the reason, where vspipe passed it on."""
    lines = list(lines)
    for at, line in enumerate(lines):
        if found := re.search(r"(?:Python exception|with error):(.*)", line):
            # a failure in a script's own function comes as a traceback, its reason being the last line
            rest = [each for each in lines[at + 1 :] if each.strip() and not each.startswith("Output ")]
            told = found[1].strip() or (rest[-1].strip() if rest else "")
            return told.rstrip(".") or None
    return None


def reason(lines: Sequence[str]) -> str:
    """The line of a program's stderr that tells why it failed."""
    spoken = [line.strip() for line in lines if line.strip()]
    for line in reversed(spoken):
        if re.search(
            r"\berror\b|invalid|unable|unrecogni|unknown|cannot|failed|not found|no such", line, re.IGNORECASE
        ):
            return line.rstrip(".")
    return spoken[-1].rstrip(".") if spoken else "it gave no reason"


def disk_error(error: OSError, place: Path, size: int) -> WriteError:
    """The failure to write in the folder `place` after `size` bytes, for the user."""
    return write_error(
        error,
        f"cannot write to {place}: {error.strerror} after {size / 1e6:.1f} MB; free some space, or write elsewhere",
    )


def run(stage: Stage) -> bytes:
    """Run one program to its end and return its stdout; raises CommandError where it fails."""
    with Pipeline([stage]) as pipeline:
        source = pipeline._processes[0].stdout
        assert source is not None
        output = source.read()
        pipeline.finish()
    return output
