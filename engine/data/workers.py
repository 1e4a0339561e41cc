"""Processes that share the work, and a count of what all of them have done so far, for one progress bar."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context, parent_process
from types import TracebackType
from typing import Any

from ..errors import ArgumentError, OsdcleanError, PictureError
from ..machine import cores

#: Units done, and whether to stop; shared by the processes of one `Workers`.
_count: Any = None
_stop: Any = None


class Stopped(Exception):
    """The work was given up; raised in a job, by `tick`."""


def tick(units: int = 1) -> None:
    """Called by a job, often: so much more is done. Raises Stopped where the work is given up."""
    if _stop is not None and _stop.value:
        raise Stopped
    if _count is not None:
        with _count.get_lock():
            _count.value += units


class Workers:
    """A pool of processes; a context manager that leaves none behind. One process is this very one.

    report: called a few times a second with the units done since the making of this object.
    """

    def __init__(self, processes: int | None, report: Callable[[int], None]) -> None:
        global _count
        if processes is not None and processes < 1:
            raise ArgumentError(f"processes must be at least 1, passed {processes}")
        self._report, self._processes = report, processes or cores()
        context = get_context("spawn")
        self._count, self._stop = context.Value("q", 0), context.Value("b", 0)
        self._pool = None
        if self._processes == 1:
            _count = self._count
        else:
            self._pool = ProcessPoolExecutor(
                self._processes, mp_context=context, initializer=_begin, initargs=(self._count, self._stop)
            )

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _count
        if self._pool is None:
            _count = None
        else:
            self._stop.value = kind is not None
            self._pool.shutdown(cancel_futures=True)

    @property
    def done(self) -> int:
        """Units done so far."""
        return self._count.value

    def each(self, make: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Do the jobs; gives (job, its result, or the PictureError that says why its source cannot be used) in the
        order in which they end. Any other error of a job is raised, and so ends the work."""
        for job, result in self._here(make, jobs) if self._pool is None else self._there(make, jobs):
            try:
                yield job, result()
            except PictureError as error:
                yield job, error
            except BrokenProcessPool:
                raise OsdcleanError("a working process was ended from outside; take fewer --processes") from None
            self._report(self.done)

    def _here(self, make: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[tuple[Any, Callable[[], Any]]]:
        for job in jobs:
            yield job, lambda job=job: make(job)

    def _there(self, make: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[tuple[Any, Callable[[], Any]]]:
        waiting, running = iter(jobs), dict[Future, Any]()
        while True:
            # A few at a time: waiting on thousands costs more than they do.
            for job in islice(waiting, 4 * self._processes - len(running)):
                running[self._pool.submit(make, job)] = job
            if not running:
                return
            ended, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            self._report(self.done)
            for future in ended:
                yield running.pop(future), future.result


def _begin(count: Any, stop: Any) -> None:
    """In a new process: Ctrl-C is the parent's business; and where the parent is killed, nothing goes on."""
    global _count, _stop
    _count, _stop = count, stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def follow() -> None:
        parent_process().join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
