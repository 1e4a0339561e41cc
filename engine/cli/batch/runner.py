"""One input after another, by rules 4 and 5 of a batch."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from ... import outputs
from ...errors import OsdcleanError
from ..cleaning import Outcome
from ..failure import BusyError, DiskError, disk_full
from .summary import Result, in_words, tell
from .tasks import Work, skipped

#: Exit status where some inputs could not be done.
SOME_FAILED = 3


def run(works: Sequence[Work], do: Callable[..., Outcome], args: argparse.Namespace, into_folder: bool) -> int:
    """Do it all and tell of it; the exit status. do: does one, given `quiet` and a `label` for its progress.

    Raises OsdcleanError where the only one cannot be done, DiskError where the rest cannot either.
    """
    begun = time.monotonic()
    results: list[Result] = []
    try:
        if into_folder:
            for result in _each(works, do, args):
                results.append(result)
        else:
            outcome = do(works[0], quiet=args.quiet)
            results.append(Result(source=works[0].source, target=works[0].target, state="done", outcome=outcome))
    finally:
        if into_folder:
            left = [
                Result(source=work.source, target=work.target, state="stopped" if n == 0 else "not begun")
                for n, work in enumerate(works[len(results) :])
            ]
            tell(results + left, time.monotonic() - begun, args.quiet, args.json, into_folder)
    if not into_folder:
        tell(results, time.monotonic() - begun, args.quiet, args.json, into_folder)
    return SOME_FAILED if any(result.state == "failed" for result in results) else 0


def _each(works: Sequence[Work], do: Callable[..., Outcome], args: argparse.Namespace) -> Iterator[Result]:
    """Do one after another, by rules 4 and 5."""
    for number, work in enumerate(works, 1):
        label = f"{number}/{len(works)} {work.source.name}"
        state, why, outcome = "done", skipped(work, args.overwrite), None
        if why:
            state = "skipped"
        else:
            try:
                outputs.folder(work.target.parent)
                outcome = do(work, quiet=args.quiet, label=label)
            except DiskError:
                raise
            except BusyError:
                state, why = "skipped", f"another run is writing {work.target}"
            except (OsdcleanError, OSError) as error:
                if isinstance(error, OSError) and disk_full(error):
                    raise
                state, why = "failed", str(error)
        result = Result(source=work.source, target=work.target, state=state, why=why, outcome=outcome)
        if state == "failed":
            print(f"osdclean: {label}: {why}", file=sys.stderr)
        elif not args.quiet:
            print(f"{label}: {in_words(outcome) if outcome else f'skipped, {why}'}", file=sys.stderr)
        yield result
