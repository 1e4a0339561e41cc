"""Several videos in one command, as `cp` takes files: what goes where, one after another, and what came of each.

1. Where the target is a folder, or ends in a slash, each input gets a file of its own name in it. One input that is a
   file may have a file for its target instead.
2. A folder among the inputs stands for the videos in it, by name; with --recursive also for those in its folders, which
   are then made below the target too. What is hidden is left out, and so is the target where it lies in the folder.
3. What can be refused is refused before the first is begun.
4. A target that is there is skipped, unless --overwrite is given: what was stopped goes on when it is run again.
5. An input that cannot be done is told and left; the rest is done. Ctrl-C, a signal or a full disk end the batch.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .. import outputs
from ..errors import OsdcleanError
from ..footage import VIDEO
from . import settings_file
from .cleaning import Outcome
from .failure import CommandError, DiskFullError
from .settings_file import Taken
from .summary import Result, in_words, tell

#: Exit status where some inputs could not be done.
SOME_FAILED = 3


class Work(Protocol):
    """What is to be done with one input."""

    @property
    def source(self) -> Path: ...

    @property
    def target(self) -> Path: ...


@dataclass(frozen=True, kw_only=True)
class Task:
    """One input, where its result goes, and the options for it."""

    source: Path
    target: Path
    taken: Taken


def add_batch_arguments(parser: argparse.ArgumentParser, containers: Sequence[str]) -> None:
    """containers: endings of the files that the command writes into a folder, the usual one first."""
    parser.set_defaults(take_more=_take_more)
    group = parser.add_argument_group("several inputs")
    group.add_argument("--recursive", action="store_true", help="take videos of folders in the folders, too")
    group.add_argument(
        "--container", choices=containers, help=f"kind of the files that go into a folder ({containers[0]})"
    )
    group = parser.add_argument_group("what is written and said")
    group.add_argument("--overwrite", action="store_true", help="replace what is there (it is refused or skipped)")
    group.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    group.add_argument("--json", action="store_true", help="write what was done to stdout as JSON, for programs")
    group.add_argument("--quiet", action="store_true", help="show no progress and no summary")


def _take_more(args: argparse.Namespace, more: Sequence[str]) -> None:
    """Take paths that stand behind options: argparse fills its list of inputs but once."""
    if hasattr(args, "output"):
        args.input, args.output = [*args.input, args.output, *more[:-1]], more[-1]
    else:
        args.input = [*args.input, *more]


def is_folder(target: str) -> bool:
    """Whether results go into a folder of this name, rule 1."""
    return target.endswith(("/", os.sep)) or Path(target).is_dir()


def tasks(args: argparse.Namespace, target: str, names: Sequence[str]) -> list[Task]:
    """What the command line asks for, by rules 1 to 3. names: the options that may come from a settings file.

    Raises CommandError.
    """
    sources = [Path(source) for source in args.input]
    if not is_folder(target):
        _refuse_no_folder(args, sources, target)
        return [Task(source=sources[0], target=Path(target), taken=settings_file.taken(args, sources[0], names))]
    folder, found = Path(target), {}
    for source in sources:
        for video, below in _videos(source, folder, args.recursive):
            found.setdefault(video.resolve(), (video, folder / below))
    out, taken_names = [], {}
    for video, place in found.values():
        taken = settings_file.taken(args, video, names)
        task = Task(source=video, target=place / f"{video.stem}.{taken.args.container or 'mkv'}", taken=taken)
        if task.target.exists() and video.exists() and task.target.samefile(video):
            raise CommandError(f"output {task.target} is the input itself; give another folder, or another --container")
        # Folded: some file systems hold A.mkv and a.mkv to be one.
        other = taken_names.setdefault(str(task.target.resolve()).casefold(), video)
        if other is not video:
            raise CommandError(f"{other} and {video} would both become {task.target}; give each a folder of its own")
        out.append(task)
    return out


def _refuse_no_folder(args: argparse.Namespace, sources: Sequence[Path], target: str) -> None:
    """Raises CommandError where only a folder would do as the target."""
    if len(sources) > 1:
        raise CommandError(f"{len(sources)} inputs go into a folder, passed {target}; end it in / to have it made")
    if sources[0].is_dir():
        raise CommandError(f"{sources[0]} is a folder, so its videos go into one, passed {target}; end it in /")
    if args.container is not None:
        raise CommandError(f"--container is for results that go into a folder, passed {target}; leave it out")


def _videos(source: Path, target: Path, recursive: bool) -> Iterator[tuple[Path, Path]]:
    """The videos that an input stands for, each with the folder, below the target, that its result goes into."""
    if not source.is_dir():
        yield source, Path()
        return
    if target.exists() and source.samefile(target):
        raise CommandError(f"the videos of {source} cannot go into {target} itself; give another folder")
    held = 0
    for folder, inner, files in os.walk(source):
        inner[:] = sorted(
            name for name in inner if not name.startswith(".") and (Path(folder) / name).resolve() != target.resolve()
        ) if recursive else []
        for name in sorted(files):
            if Path(name).suffix.lower() in VIDEO and not name.startswith("."):
                held += 1
                yield Path(folder) / name, Path(folder).relative_to(source)
    if not held:
        hint = "" if recursive else ", or give --recursive to look into its folders"
        raise CommandError(f"{source} holds no video ({', '.join(sorted(VIDEO))}); give another folder{hint}")


def skipped(work: Work, overwrite: bool) -> str:
    """Why a piece of work is not to be done, rule 4; nothing where it is."""
    return "" if overwrite or not work.target.exists() else f"{work.target} exists"


def run(works: Sequence[Work], do: Callable[..., Outcome], args: argparse.Namespace, into_folder: bool) -> int:
    """Do it all and tell of it; the exit status. do: does one, given `quiet` and a `label` for its progress.

    Raises OsdcleanError where the only one cannot be done, DiskFullError where the rest cannot either.
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
            except DiskFullError:
                raise
            except OsdcleanError as error:
                state, why = "failed", str(error)
        result = Result(source=work.source, target=work.target, state=state, why=why, outcome=outcome)
        if state == "failed":
            print(f"osdclean: {label}: {why}", file=sys.stderr)
        elif not args.quiet:
            print(f"{label}: {in_words(outcome) if outcome else f'skipped, {why}'}", file=sys.stderr)
        yield result
