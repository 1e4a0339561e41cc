"""A script of the frame server run into an encoder: the picture, or a stretch of it, as coded frames in a file."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .encoders import ENCODERS, picture_of
from .failure import CommandError
from .frameserver import Clip, FrameServer
from .matroska import Packet
from .pipeline import Pipeline, Stage


@dataclass(frozen=True, kw_only=True)
class Coding:
    """How a picture is encoded. rest: further arguments of the encoder."""

    encoder: str = "x265"
    preset: str | None = None
    crf: float | None = None
    rest: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Coded:
    """Frames of one file of an encoder: as `Encoder.read` tells them. data: the file, mapped."""

    data: mmap.mmap
    codec: str
    private: bytes
    packets: list[Packet]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is encoded: a script with its arguments, and how.

    clip: what goes into the encoder, but for its format, which is the nearest that the encoder takes.
    """

    script: str
    arguments: Mapping[str, str]
    coding: Coding
    clip: Clip

    def pipeline(
        self, server: FrameServer, on_frame: Callable[[int], None] | None = None, frames: range | None = None
    ) -> Pipeline:
        """vspipe and the encoder, not yet started. frames: the stretch that is wanted; None: all."""
        wanted, encoding = encoder_stage(self.clip, self.coding)
        stretch = [] if frames is None else ["-s", str(frames.start), "-e", str(frames.stop - 1)]
        script = server.stage(self.script, {**self.arguments, "format": wanted}, "-p", "-c", "y4m", *stretch)
        return Pipeline([script, encoding], on_frame)


def encoder_stage(clip: Clip, coding: Coding) -> tuple[str, Stage]:
    """VapourSynth's name of the format that the encoder is given, and the encoder. Raises CommandError."""
    encoder = ENCODERS[coding.encoder]
    wanted = encoder.format_for(clip.format)
    depth = int(wanted.rpartition("P" if wanted.startswith("YUV") else "Y")[2])
    return wanted, encoder.stage(clip, picture_of(clip), depth, coding.preset, coding.crf, coding.rest)


def encode(pipeline: Pipeline, file: Path, place: Path) -> None:
    """Run a pipeline into a file, to its end. place: folder to name where the disk is full. Raises CommandError."""
    with pipeline, file.open("wb", buffering=0) as sink:
        pipeline.copy_to(sink, place)
        pipeline.finish()


@contextmanager
def opened(encoder: str, file: Path) -> Iterator[Coded]:
    """The frames in what an encoder wrote; raises CommandError where there are none, or it breaks off."""
    if not file.stat().st_size:
        raise CommandError(f"{encoder} wrote nothing; check the encoder's arguments")
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        codec, private, packets = ENCODERS[encoder].read(data)
        yield Coded(data=data, codec=codec, private=private, packets=packets)


def check_count(encoder: str, written: int, wanted: int) -> None:
    """Raises CommandError where an encoder left frames out."""
    if written != wanted:
        raise CommandError(f"{encoder} wrote {written} of {wanted} frames; check the encoder's arguments")
