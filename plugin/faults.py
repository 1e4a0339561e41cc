"""Faults: the one place where exceptions become errors of the host.

An exception that leaves a callback of the host, or a NULL frame without an error, aborts the whole process:
every callback runs its work through `report`.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable

from _osdclean_host import lib


def report[T](name: str, work: Callable[[], T], fail: Callable[[bytes], None], core, vsapi) -> T | None:
    """What `work` returns; when it raises, None after `fail` was given the message, one line of UTF-8.

    name: the function that the user called.
    """
    try:
        return work()
    except BaseException as error:  # the host must survive SystemExit and KeyboardInterrupt as well
        fail(_bytes(f"{name}: {told(error, core, vsapi)}"))
        return None


def told(error: BaseException, core, vsapi) -> str:
    """The line that a user reads for `error`; what nobody foresaw is logged in full as well."""
    from ..engine.errors import OsdcleanError

    if isinstance(error, OsdcleanError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "out of memory: make core.max_cache_size smaller, and windows of Inpaint (period, warmup, lookahead)"
    vsapi.logMessage(lib.mtWarning, _bytes("".join(traceback.format_exception(error))), core)
    return " ".join(f"internal error, please report it: {type(error).__name__}: {error}".split())


def _bytes(text: str) -> bytes:
    return text.replace("\0", "").encode("utf-8", "replace")
