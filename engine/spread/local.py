"""Hands on this machine: each chunk is a vspipe and an encoder of its own, so threads are enough to mind them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..cli.coding import Task
from ..cli.frameserver import FrameServer
from . import chunk as chunks
from .plan import Chunk


class Local:
    """So many chunks at once on this machine; see `job.Runner`."""

    def __init__(self, task: Task, server: FrameServer, count: int) -> None:
        self._task, self._server = task, server
        self._hands = [f"worker {k}" for k in range(1, count + 1)]
        self._running = chunks.Running()

    def hands(self) -> list[str]:
        return self._hands

    def do(self, hand: str, chunk: Chunk, file: Path, report: Callable[[int], None]) -> None:
        chunks.do(chunk, self._task, self._server, file, report, self._running)

    def stop(self) -> None:
        self._running.stop()

    def close(self) -> None:
        pass
