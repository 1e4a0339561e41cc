"""Hands on the workers of a Dask cluster.

1. Dask brings calls to workers and answers back; who does what is decided here, as for hands of this machine: a chunk
   is submitted to one worker, and where that is lost, to another.
2. A worker has as many hands as it has threads; `dask worker --nthreads 1` gives it one.
3. A worker is greeted before it gets a chunk: it must have the same versions as this process (#2 of the package), see
   the very same files, or be sent them. The run does not begin with one that is not fit; one that comes later and is
   not fit is told of, and left alone.
4. What is large goes in pieces, there and back, and never lies in memory as a whole.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..cli.coding import Task
from ..cli.failure import CommandError
from ..errors import OsdcleanError
from . import worker
from .facts import facts
from .files import Input
from .plan import Chunk
from .team import HandLost

#: Bytes that go at once.
PIECE = 8 << 20
#: Seconds to find the scheduler, and to wait for a worker where there is none.
CONNECT, WAIT = 10, 60


class Cluster:
    """The workers of one scheduler; see `team.Runner`."""

    def __init__(
        self, address: str, task: Task, inputs: tuple[Input, ...], run: str, say: Callable[[str], None]
    ) -> None:
        """run: a name of this job, the same when it is started again. Raises CommandError."""
        self.address, self._task, self._inputs, self._run, self._say = address, task, inputs, run, say
        self._topic = f"osdclean-{run}-{uuid.uuid4().hex}"
        self._reports: dict[int, Callable[[int], None]] = {}
        self._fit: dict[str, bool] = {}
        self._there: dict[str, int] = {}
        self._numbers: dict[str, str] = {}
        self._alone_since = time.monotonic()
        self._stopped = False
        self._lock = threading.Lock()
        self._client = _connected(address)
        self._client.subscribe_topic(self._topic, self._told)
        try:
            self._own = facts(task.coding.encoder)
            self._await_worker()
            for each in self._workers():
                self._welcome(each)
        except BaseException:
            self.close()
            raise

    def hands(self) -> list[str]:
        there = self._workers()
        self._fit = {each: fit for each, fit in self._fit.items() if each in there}
        for each in there.keys() - self._fit.keys():
            try:
                self._welcome(each)
            except OsdcleanError as error:  # 3
                self._fit[each] = False
                self._say(f"{error}; {each} gets no chunks")
        fit = [each for each in there if self._fit.get(each)]
        if fit:
            self._alone_since = time.monotonic()
        elif time.monotonic() - self._alone_since > WAIT:
            raise CommandError(_nobody(self.address))
        return [f"{each} #{k}" if there[each] > 1 else each for each in fit for k in range(1, there[each] + 1)]

    def do(self, hand: str, chunk: Chunk, file: Path, report: Callable[[int], None]) -> None:
        address = hand.partition(" ")[0]
        with self._lock:
            self._reports[chunk.number] = report
        try:
            future = self._client.submit(
                worker.work, self._run, self._task, self._inputs, chunk, self._topic,
                key=f"osdclean-{self._run}-{chunk.number}-{uuid.uuid4().hex}", workers=[address],
            )  # fmt: skip
        except Exception as gone:
            raise HandLost(f"the scheduler was lost ({_words(gone)})") from None
        try:
            outcome = self._outcome(future, address)
            if isinstance(outcome, str):
                raise CommandError(outcome)
            self._fetch(address, *outcome, file)
        finally:
            with suppress(Exception):  # where the scheduler is gone, so is the future
                future.cancel()
            with self._lock:
                self._reports.pop(chunk.number, None)

    def stop(self) -> None:
        self._stopped = True
        self._tell_all(worker.stop)

    def close(self) -> None:
        """Take away what was sent, and part from the scheduler."""
        self._tell_all(worker.leave)
        self._client.close(timeout=5)

    def _outcome(self, future, address: str) -> tuple[Path, int] | str:
        """What `worker.work` returned. Raises HandLost and CommandError."""
        while address in self._there and not self._stopped:
            try:
                error = future.exception(timeout=1)
                if error is None:
                    return future.result(timeout=1)
            except TimeoutError:
                continue
            except Exception as gone:  # the future was lost with the worker or the scheduler
                raise HandLost(f"the worker was lost ({_words(gone)})") from None
            raise CommandError(_words(error))
        raise HandLost("the worker was lost")

    def _fetch(self, address: str, there: Path, size: int, file: Path) -> None:
        """Bring a finished chunk over. Raises HandLost, and OSError where it cannot be written."""
        with file.open("wb", buffering=0) as sink:
            for offset in range(0, size, PIECE):
                piece = memoryview(self._ask(address, worker.piece_of, there, offset, PIECE))
                while piece:
                    piece = piece[sink.write(piece) :]
        self._ask(address, worker.fetched, there)

    def _welcome(self, address: str) -> None:
        """Greet a worker (#3). Raises CommandError where it is not fit."""
        told = self._client.run(
            worker.greet, self._run, self._task, self._inputs, workers=[address], on_error="return"
        ).get(address)
        if told is None or isinstance(told, OSError):
            raise HandLost(f"worker {address} was lost as it was greeted")
        if isinstance(told, Exception):  # what goes wrong in the call itself comes back as a text
            raise CommandError(
                f"worker {address} cannot run osdclean ({_words(told)}): install osdclean {self._own['osdclean']} there"
            )
        if isinstance(told, str):
            raise CommandError(f"worker {address}: {told}")
        for name, here in self._own.items():
            if told.facts.get(name) != here:
                raise CommandError(
                    f"worker {address} must have the {name} that this machine has, passed {told.facts.get(name)} and "
                    f"{here}; install the same there"
                )
        for each, seen in zip(self._inputs, told.seen, strict=True):
            if not each.sent and seen != each.stamp:
                why = "it is not there" if seen is None else seen if isinstance(seen, str) else "another file is there"
                raise CommandError(
                    f"worker {address} cannot see {each.role} {each.path} ({why}); share its folder under the same "
                    "path, or send it (--send)"
                )
        for k in told.lacking:
            self._send(address, self._inputs[k])
        for other, numbers in self._numbers.items():
            if numbers != told.numbers:
                self._say(
                    f"worker {address} computes by {told.numbers} and {other} by {numbers}: frames may differ in their "
                    "last bit where chunks meet"
                )
                break
        self._numbers[address], self._fit[address] = told.numbers, True

    def _send(self, address: str, sent: Input) -> None:
        with sent.path.open("rb") as stream:
            offset = 0
            while piece := stream.read(PIECE):
                refused = self._ask(address, worker.receive, self._run, sent, offset, piece)
                if refused:
                    raise CommandError(f"worker {address}: {refused}")
                offset += len(piece)

    def _ask(self, address: str, function: Callable, *words):
        """Call a function on a worker beside its tasks. Raises HandLost."""
        try:
            return self._client.run(function, *words, workers=[address])[address]
        except Exception as error:
            raise HandLost(f"the worker was lost ({_words(error)})") from None

    def _tell_all(self, function: Callable) -> None:
        there = [each for each in self._there if self._fit.get(each)]
        if there and self._client.status == "running":
            with suppress(Exception):  # whoever is gone need not be told
                self._client.run(function, self._run, workers=there, on_error="ignore")

    def _await_worker(self) -> None:
        if not self._workers():
            self._say(f"waiting for a worker at the scheduler {self.address}")
            try:
                self._client.wait_for_workers(1, timeout=WAIT)
            except TimeoutError:
                raise CommandError(_nobody(self.address)) from None

    def _workers(self) -> dict[str, int]:
        """Threads of the workers that are there, by address. Raises CommandError where the scheduler is gone."""
        try:
            if self._client.status != "running":
                raise OSError
            self._there = dict(self._client.nthreads())
        except Exception:
            raise CommandError(f"the scheduler {self.address} is gone; start it, and its workers") from None
        return self._there

    def _told(self, event: tuple[float, tuple[int, int]]) -> None:
        number, frames = event[1]
        with self._lock:
            report = self._reports.get(number)
        if report is not None:
            report(frames)


def _connected(address: str):
    """A client of a scheduler; raises CommandError where there is none."""
    try:
        from distributed import Client
        from distributed.comm import resolve_address
    except ImportError:
        raise CommandError(
            "--scheduler needs Dask; install it: pip install 'vapoursynth-osdclean[distributed]'"
        ) from None
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("distributed", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what they tell, we tell in our own words
    try:
        with warnings.catch_warnings(action="ignore"):
            resolve_address(address)  # a client that was made for what is no address does not go quietly
            return Client(address, timeout=CONNECT, set_as_default=False, name="osdclean")
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise CommandError(
            f"no Dask scheduler answers at {address}: {_words(error)}; give --scheduler the address that the command "
            "dask scheduler says, such as tcp://host:8786"
        ) from None


def _words(error: BaseException | None) -> str:
    text = " ".join(str(error).split())
    return (text or type(error).__name__)[:300]


def _nobody(address: str) -> str:
    return f"no worker was at the scheduler {address} for {WAIT} s; start some: dask worker {address} --nthreads 1"
