"""What a command line asks for: which inputs, and where the result of each goes; rules 1 to 4 of a batch."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ... import footage
from .. import settings_file
from ..failure import CommandError
from ..settings_file import Taken


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
    if folder.exists() and not folder.is_dir():
        raise CommandError(f"the output {target} is a file, where its slash asks for a folder; give another name")
    for source in sources:
        for video, below in _videos(source, folder, args.recursive):
            found.setdefault(video.resolve(), (video, folder / below))
    out, taken_names = [], {}
    for video, place in found.values():
        taken = settings_file.taken(args, video, names)
        task = Task(source=video, target=place / f"{video.stem}.{taken.args.container or 'mkv'}", taken=taken)
        if task.target.resolve() in found:
            raise CommandError(f"output {task.target} is one of the inputs; give another folder or --container")
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
    found = footage.videos(source, recursive, without=target)
    yield from ((video, video.parent.relative_to(source)) for video in found)
    if not found:
        hint = "" if recursive else ", or give --recursive to look into its folders"
        raise CommandError(f"{source} holds no video ({', '.join(sorted(footage.VIDEO))}); give another folder{hint}")


def skipped(work: Work, overwrite: bool) -> str:
    """Why a piece of work is not to be done, rule 4; nothing where it is."""
    return "" if overwrite or not work.target.exists() else f"{work.target} exists"
