"""Frames of the host as arrays: planes are views of the host's memory, never copies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from _osdclean_host import ffi, lib


class Layout(NamedTuple):
    """How the samples of a frame lie: type of a sample, (height, width) of each plane."""

    dtype: np.dtype
    shapes: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, info) -> Layout:
        """info: VSVideoInfo of a clip with constant format and size."""
        vf = info.format
        kinds = {1: np.uint8, 2: np.uint16, 4: np.uint32}
        floats = {2: np.float16, 4: np.float32}
        first = (info.height, info.width)
        other = (info.height >> vf.subSamplingH, info.width >> vf.subSamplingW)
        return cls(
            np.dtype((floats if vf.sampleType else kinds)[vf.bytesPerSample]),
            (first, other, other)[: vf.numPlanes],
        )


class Frame:
    """One reference to a frame of the host, freed with `close` or, at the latest, with this object.

    Arrays from `read` and `write` hold a reference of their own: they stay valid when this one is gone.
    """

    __slots__ = ("_pointer", "_vsapi")

    def __init__(self, pointer, vsapi) -> None:
        """Takes over the reference `pointer`."""
        if pointer == ffi.NULL:
            raise MemoryError("the host has no frame")
        self._pointer, self._vsapi = pointer, vsapi

    def read(self, layout: Layout, planes: int | None = None) -> tuple[np.ndarray, ...]:
        """The first `planes` planes (all by default), read-only."""
        get = self._vsapi.getReadPtr
        return tuple(self._view(get, p, layout, True) for p in range(len(layout.shapes[:planes])))

    def write(self, layout: Layout) -> tuple[np.ndarray, ...]:
        """All planes, writable; only for frames from `copy` that nobody else has seen yet."""
        get = self._vsapi.getWritePtr
        return tuple(self._view(get, p, layout, False) for p in range(len(layout.shapes)))

    def copy(self, core) -> Frame:
        """A frame of the same samples and properties; its planes are copied when they are first written."""
        return Frame(self._vsapi.copyFrame(self._pointer, core), self._vsapi)

    def share(self) -> Frame:
        """A further reference to the same frame."""
        return Frame(self._vsapi.addFrameRef(self._pointer), self._vsapi)

    def number(self, key: bytes) -> int | None:
        """The integer property `key`, None where the frame has none."""
        error = ffi.new("int *")
        value = self._vsapi.mapGetInt(self._vsapi.getFramePropertiesRO(self._pointer), key, 0, error)
        return None if error[0] else value

    def tell(self, key: bytes, numbers: Sequence[float]) -> None:
        """Set the property `key` to numbers; only for frames that nobody else has seen yet."""
        properties, values = self._vsapi.getFramePropertiesRW(self._pointer), ffi.new("double[]", list(numbers))
        self._vsapi.mapSetFloatArray(properties, key, values, len(numbers))

    def attach(self, key: bytes, frame: Frame) -> None:
        """Set the property `key` to a frame, as `std.PropToClip` reads it; only for frames from `copy`."""
        self._vsapi.mapSetFrame(
            self._vsapi.getFramePropertiesRW(self._pointer), key, frame._pointer, lib.maReplace
        )

    def give(self):
        """The reference itself, for the host: it is no longer freed here."""
        pointer, self._pointer = self._pointer, None
        return pointer

    def close(self) -> None:
        if self._pointer is not None:
            self._vsapi.freeFrame(self.give())

    __del__ = close

    def __enter__(self) -> Frame:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _view(self, get, plane: int, layout: Layout, readonly: bool) -> np.ndarray:
        address = get(self._pointer, plane)
        stride = self._vsapi.getStride(self._pointer, plane)
        return np.asarray(_Plane(self.share(), address, stride, layout, plane, readonly))


def gray8(core, vsapi):
    """The format GRAY8, a VSVideoFormat *."""
    kind = ffi.new("VSVideoFormat *")
    vsapi.queryVideoFormat(kind, lib.cfGray, lib.stInteger, 8, 0, 0, core)
    return kind


def mask_frame(mask: np.ndarray, like: Frame | None, core, vsapi) -> Frame:
    """A new GRAY8 frame, 255 where `mask` (bool [H, W]) is, with the properties of another frame."""
    height, width = mask.shape
    properties = ffi.NULL if like is None else like._pointer
    frame = Frame(vsapi.newVideoFrame(gray8(core, vsapi), width, height, properties, core), vsapi)
    (plane,) = frame.write(Layout(np.dtype(np.uint8), (mask.shape,)))
    np.multiply(mask.view(np.uint8), 255, out=plane)
    return frame


class _Plane:
    """What numpy needs to see a plane; as the base of its array it keeps the frame."""

    __slots__ = ("__array_interface__", "_frame")

    def __init__(
        self, frame: Frame, address, stride: int, layout: Layout, plane: int, readonly: bool
    ) -> None:
        self._frame = frame
        self.__array_interface__ = {
            "version": 3,
            "data": (int(ffi.cast("uintptr_t", address)), readonly),
            "typestr": layout.dtype.str,
            "shape": layout.shapes[plane],
            "strides": (stride, layout.dtype.itemsize),
        }


@contextmanager
def available(n: int, node, context, vsapi) -> Iterator[Frame | None]:
    """Frame `n` of `node` if this activation has it, else None; freed at the end of the block."""
    pointer = vsapi.getFrameFilter(n, node, context)
    if pointer == ffi.NULL:
        yield None
        return
    with Frame(pointer, vsapi) as frame:
        yield frame
