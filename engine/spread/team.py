"""Hands at work on chunks: who takes which, what is done again, and when it is over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from ..cli.failure import CommandError, WriteError
from ..cli.pipeline import disk_error
from ..errors import OsdcleanError
from .plan import Chunk
from .store import Store

#: Failures of one chunk that end the run (#4).
FAILURES = 3


class HandLost(OsdcleanError):
    """A hand is gone, and with it what it was doing."""


class Runner(Protocol):
    """Where chunks are done. A hand does one chunk at a time."""

    def hands(self) -> Sequence[str]:
        """Those that are there now. Raises CommandError where there are none, and none come."""

    def do(self, hand: str, chunk: Chunk, file: Path, report: Callable[[int], None]) -> None:
        """Write a chunk to a file; report: called with its frames done so far. Raises OsdcleanError, of which
        WriteError where the file cannot be written, and HandLost."""

    def stop(self) -> None:
        """End what is being done; may be called again."""

    def close(self) -> None:
        """Let go of the hands."""


class Team:
    """One thread for each hand. Thread-safe."""

    def __init__(self, runner: Runner, store: Store, say: Callable[[str], None]) -> None:
        """say: called with a line for the user when a chunk is to be done again."""
        self._runner, self._store, self._say = runner, store, say
        self._waiting = sorted(store.missing, key=len, reverse=True)  # the longest first
        self._working: dict[Chunk, int] = {}  # frames done
        self._failed: dict[Chunk, list[str]] = {}  # the hands that it failed on
        self._present: set[str] = set()  # hands at work, or waiting for some
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._ended = False
        #: Why it is over too soon.
        self.error: BaseException | None = None

    @property
    def over(self) -> bool:
        return self._ended or self.error is not None or not (self._waiting or self._working)

    def wait(self, seconds: float) -> None:
        """Until something has ended, or some time has gone by."""
        with self._changed:
            if not self.over:
                self._changed.wait(seconds)

    def hire(self, hands: Iterable[str]) -> None:
        """Set those to work who are not yet; who is not among them gets no more."""
        with self._changed:
            new = set(hands) - self._present
            self._present = set(hands)
        for hand in sorted(new):
            self._threads.append(threading.Thread(target=self._work, args=(hand,), daemon=True))
            self._threads[-1].start()

    def told(self) -> tuple[int, int, int]:
        """Frames still to be done, chunks in work, chunks that wait."""
        with self._changed:
            frames = sum(map(len, self._waiting)) + sum(len(each) - done for each, done in self._working.items())
            return frames, len(self._working), len(self._waiting)

    def end(self) -> None:
        """Stop what is still being done, and wait until no thread is left."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        for thread in self._threads:
            while thread.is_alive():
                self._runner.stop()
                thread.join(0.5)

    def _work(self, hand: str) -> None:
        while (chunk := self._take(hand)) is not None:
            try:
                with self._store.place(chunk) as file:
                    self._runner.do(hand, chunk, file, lambda frames, chunk=chunk: self._report(chunk, frames))
            except HandLost as error:
                with self._changed:
                    self._present.discard(hand)
                return self._give_back(hand, chunk, error)
            except OsdcleanError as error:
                self._give_back(hand, chunk, error)
            except OSError as error:
                self._give_back(hand, chunk, disk_error(error, self._store.folder, 0))
            except BaseException as error:  # our own fault, to be seen by whoever waits for the team
                with self._changed:
                    self.error = self.error or error
                    self._changed.notify_all()
                return
            else:
                with self._changed:
                    del self._working[chunk]
                    self._changed.notify_all()

    def _take(self, hand: str) -> Chunk | None:
        """The next chunk for a hand; None when there is no more for it to do."""
        with self._changed:
            while not self.over and hand in self._present:
                chunk = next((each for each in self._waiting if self._may(hand, each)), None)
                if chunk is not None:
                    self._waiting.remove(chunk)
                    self._working[chunk] = 0
                    return chunk
                self._changed.wait(1)
            return None

    def _may(self, hand: str, chunk: Chunk) -> bool:
        """Whether a hand may try a chunk: not one that failed on it, while there are others (#4)."""
        failed = self._failed.get(chunk, ())
        return hand not in failed or not self._present - {*failed}

    def _report(self, chunk: Chunk, frames: int) -> None:
        with self._changed:
            if chunk in self._working:
                self._working[chunk] = min(frames, len(chunk))

    def _give_back(self, hand: str, chunk: Chunk, error: OsdcleanError) -> None:
        with self._changed:
            del self._working[chunk]
            if self.error is None and not self._ended:
                failed = self._failed.setdefault(chunk, [])
                failed.append(hand)
                if isinstance(error, WriteError):
                    self.error = error
                elif len(failed) == FAILURES:
                    self.error = CommandError(f"{chunk} failed {FAILURES} times, the last time on {hand}: {error}")
                else:
                    self._waiting.insert(0, chunk)
                    self._say(f"{chunk} failed on {hand}: {error}; it is done again")
            self._changed.notify_all()
