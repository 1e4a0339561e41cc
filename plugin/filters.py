"""Filters: what the nodes of all functions share, their life in the host and the clips that they read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from _osdclean_host import ffi, lib

from ..engine.errors import ArgumentError

#: Handles of living nodes; the host holds their addresses only.
_handles: dict[Filter, object] = {}
#: Cache sizes asked for per input node, by its address: two filters on one clip must not undercut each other.
_caches: dict[int, list[int]] = {}


class Filter(ABC):
    """State of one call of a function. NAME: of the function, as users write it."""

    NAME: str

    @abstractmethod
    def get_frame(self, n: int, reason: int, asked, context, core):
        """The host's getframe callback: a frame's reference; None while some are awaited, or on errors.

        asked: the host's `void **` of this request; a number there needs no freeing, whichever way a request ends.
        """

    @abstractmethod
    def release(self) -> None:
        """Let go of everything: the host is done with the node."""

    def close(self) -> None:
        """The host is done with the node."""
        self.release()
        _handles.pop(self, None)


class Input:
    """One of the clips that a node reads."""

    def __init__(self, given, key: bytes, vsapi) -> None:
        error = ffi.new("int *")
        self.node = vsapi.mapGetNode(given, key, 0, error)
        if error[0]:
            raise ArgumentError(f"{key.decode()} must be a clip")
        self._vsapi, self._cache = vsapi, 0
        self.info = vsapi.getVideoInfo(self.node)

    def keep(self, frames: int) -> None:
        """Have the host keep so many frames of the clip, as memory allows: neighbouring windows overlap."""
        wanted = _caches.setdefault(self.address, [])
        wanted.append(frames)
        self._cache = frames
        self._vsapi.setCacheOptions(self.node, -1, max(wanted), -1)

    def close(self) -> None:
        if self._cache:
            wanted = _caches[self.address]
            wanted.remove(self._cache)
            if not wanted:
                del _caches[self.address]
        self._vsapi.freeNode(self.node)

    @property
    def address(self) -> int:
        """Of the node: alike for all that read one clip."""
        return int(ffi.cast("uintptr_t", self.node))


def serve(node: Filter, out, info, inputs: Sequence[tuple[Input, int]], core, vsapi) -> None:
    """Give the node to the host and put its clip, of the format `info` (VSVideoInfo), into `out`.

    inputs: what it reads, and the pattern (VSRequestPattern) of its requests.
    """
    handle = _handles[node] = ffi.new_handle(node)
    read = ffi.new("VSFilterDependency[]", [(one.node, pattern) for one, pattern in inputs])
    name = node.NAME.encode()
    frame, free = lib.osdclean_get_frame, lib.osdclean_free
    vsapi.createVideoFilter(out, name, info, frame, free, lib.fmParallelRequests, read, len(read), handle, core)
    if vsapi.mapGetError(out) != ffi.NULL:
        node.close()
