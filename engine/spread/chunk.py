"""Doing one chunk: the task's script over the chunk's frames, into the encoder, counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..cli.coding import Task, check_count, encode, opened
from ..cli.frameserver import FrameServer
from ..cli.pipeline import Pipeline
from .plan import Chunk


class Running:
    """The pipelines that run in this process for one job, so that they can be ended together. Thread-safe."""

    def __init__(self) -> None:
        self._pipelines: set[Pipeline] = set()
        self._lock = threading.Lock()

    @contextmanager
    def noted(self, pipeline: Pipeline) -> Iterator[None]:
        with self._lock:
            self._pipelines.add(pipeline)
        try:
            yield
        finally:
            with self._lock:
                self._pipelines.discard(pipeline)

    def stop(self) -> None:
        """End what runs now; the chunks fail."""
        with self._lock:
            running = list(self._pipelines)
        for pipeline in running:
            pipeline.stop()


def do(
    chunk: Chunk, task: Task, server: FrameServer, file: Path, report: Callable[[int], None], running: Running
) -> None:
    """Encode a chunk into a file. report: called with the frames done so far. Raises CommandError, of which WriteError
    where the file cannot be written."""
    pipeline = task.pipeline(server, report, chunk.frames)
    with running.noted(pipeline):
        encode(pipeline, file, file.parent)
    with opened(task.coding.encoder, file) as coded:
        check_count(task.coding.encoder, len(coded.packets), len(chunk))
