"""Procedural clips for the tests: a texture that moves, a burned-in box that stands still."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import vapoursynth as vs

#: The burned-in box, as (top, bottom, left, right); even numbers and more than `grow` away from the borders.
BOX = (20, 32, 30, 54)
#: Samples by which a hole may reach over its box in chroma planes and by `grow`.
REACH = 8


def texture(n: int, plane: int, height: int, width: int, scene: int = 0) -> np.ndarray:
    """float64 [height, width], 0.1..0.9: a pattern that moves by fractions of a sample per frame."""
    y, x = np.mgrid[0:height, 0:width]
    phase = 1.7 * plane + 2.9 * scene
    waves = np.sin(0.31 * x + 0.23 * n + phase) + np.sin(0.27 * y - 0.11 * n + 2 * phase)
    waves += np.sin(0.17 * (x + y) + 0.3 * n) * np.cos(0.05 * x * (1 + scene))
    return 0.5 + waves * 0.13


def scaled(values: np.ndarray, fmt: vs.VideoFormat, plane: int) -> np.ndarray:
    """0..1 as samples of a plane of `fmt`."""
    if fmt.sample_type == vs.FLOAT:
        return values - 0.5 if fmt.color_family == vs.YUV and plane else values
    return np.rint(values * ((1 << fmt.bits_per_sample) - 1))


def moving(
    format: int = vs.YUV420P8,
    width: int = 96,
    height: int = 64,
    length: int = 24,
    cut: int | None = None,
    properties: bool = False,
    box: tuple[int, int, int, int] = BOX,
) -> vs.VideoNode:
    """A clip with the box burned in. cut: where a second scene starts; properties: `_SceneChangePrev` too."""
    blank = vs.core.std.BlankClip(width=width, height=height, format=format, length=length, keep=True)

    def draw(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        out = f.copy()
        scene = int(cut is not None and n >= cut)
        for p in range(out.format.num_planes):
            plane = np.asarray(out[p])
            picture = texture(n, p, *plane.shape, scene)
            top, bottom, left, right = reduced(box, out.format, p)
            picture[top:bottom, left:right] = 1.0
            plane[:] = scaled(picture, out.format, p).astype(plane.dtype)
        out.props["Number"] = n
        if properties:
            out.props["_SceneChangePrev"] = int(n == cut)
        return out

    return vs.core.std.ModifyFrame(blank, blank, draw)


def reduced(box: tuple[int, int, int, int], fmt: vs.VideoFormat, plane: int) -> tuple[int, int, int, int]:
    """The box in a plane's own samples."""
    shift_y, shift_x = (fmt.subsampling_h, fmt.subsampling_w) if plane else (0, 0)
    top, bottom, left, right = box
    return top >> shift_y, bottom >> shift_y, left >> shift_x, right >> shift_x


def masking(
    format: int = vs.GRAY8,
    width: int = 96,
    height: int = 64,
    length: int = 1,
    empty=lambda n: False,
    box: tuple[int, int, int, int] = BOX,
    move: int = 0,
) -> vs.VideoNode:
    """A mask of the box, empty where `empty(n)`; `move` shifts it by so many columns per frame."""
    blank = vs.core.std.BlankClip(width=width, height=height, format=format, length=length, keep=True)

    def draw(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        out = f.copy()
        for p in range(out.format.num_planes):
            plane = np.asarray(out[p])
            plane[:] = scaled(np.zeros(plane.shape), out.format, 0).astype(plane.dtype)
            if p == 0 and not empty(n):
                top, bottom, left, right = box
                left, right = left + n * move, right + n * move
                plane[top:bottom, left:right] = scaled(np.ones(()), out.format, 0)
        return out

    return vs.core.std.ModifyFrame(blank, blank, draw)


def failing(clip: vs.VideoNode, at: int) -> vs.VideoNode:
    """`clip`, whose frame `at` cannot be made."""

    def fail(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        if n == at:
            raise ValueError("the disk was pulled out")
        return f

    return vs.core.std.ModifyFrame(clip, clip, fail)


@contextmanager
def letting_go() -> Iterator[Callable[[], int]]:
    """Yields what tells how many nodes of the plugin there are more than before; fails where any is left at the end."""
    vs.core.osdclean.Version()  # loads the plugin's modules
    from osdclean.plugin import filters

    gc.collect()
    before = len(filters._handles)
    yield lambda: len(filters._handles) - before
    gc.collect()
    assert len(filters._handles) == before, "nodes of the plugin are held"


def pixels(frame: vs.VideoFrame) -> bytes:
    """All samples of a frame, planes after each other."""
    return b"".join(np.asarray(frame[p]).tobytes() for p in range(frame.format.num_planes))


def planes(frame: vs.VideoFrame) -> list[np.ndarray]:
    return [np.array(frame[p]) for p in range(frame.format.num_planes)]
