"""Options that are kept in a file, `osdclean.toml`: which mask, kind and encoder for which camera.

1. Two files are read where they are there: one in the input's folder, one in the user's configuration folder.
   --settings names a file that is read in place of both; --no-settings has none read.
2. In a file, what stands above all [[camera]] sections holds for every input. Of the sections the first one whose
   `match` fits the input's file name goes before it.
3. So there are layers: the command line, the file beside the input, the user's file, each file's section before what
   holds for all; then the defaults. Each option is taken from the first layer that has it.
4. What belongs together is taken together. Below a layer that gives a mask nothing is taken that tells how to find one,
   and the other way round; below one that names an encoder, no preset, quality or further arguments of another.
5. Paths in a file are relative to the file's folder.
"""

from __future__ import annotations

import argparse
import difflib
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from .. import home
from ..detect.settings import DetectSettings
from ..errors import ArgumentError
from ..networks import asked
from ..settings import BACKENDS, PRECISIONS, Settings
from .failure import CommandError
from .finding import OPTIONS as FINDING
from .finding import region
from .node_options import NAMES as NODE

NAME = "osdclean.toml"
_OF_ENCODER = ("preset", "crf", "encoder_options")
CODING = ("encoder", *_OF_ENCODER)
#: What a file can say for each command that asks for it.
FOR_CLEAN = ("mask", "unblend", "container", *FINDING, *CODING, *NODE)
FOR_PREVIEW = ("mask", *FINDING, *NODE)
#: Without `grow`, which is Inpaint's, and `container`, which is that of cleaned videos.
FOR_MASK = ("device", *FINDING)


@dataclass(frozen=True, kw_only=True)
class Value:
    """What an option's value must be. rule: in words; fits: whether a value of TOML is one; path: of a file."""

    rule: str
    fits: Callable[[Any], bool]
    path: bool = False


def _is(*types: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _one_of(*words: str) -> Value:
    return Value(rule=f"one of {', '.join(words)}", fits=lambda value: value in words)


_TEXT = Value(rule="text in quotes", fits=_is(str))
_PATH = Value(rule="a path in quotes", fits=_is(str), path=True)
_WHOLE = Value(rule="a whole number", fits=_is(int))
_NUMBER = Value(rule="a number", fits=_is(int, float))
VALUES = {
    "mask": _PATH,
    "kind": _TEXT,
    "sensitivity": _NUMBER,
    "region": _TEXT,
    "hold": _WHOLE,
    "include": _PATH,
    "exclude": _PATH,
    "detector": _PATH,
    "unblend": Value(rule="true or false", fits=_is(bool)),
    "container": _one_of("mkv", "mp4", "m4v", "mov"),
    "encoder": _one_of("x265", "x264", "ffv1"),
    "preset": _TEXT,
    "crf": _NUMBER,
    "encoder_options": Value(
        rule='words in quotes, such as ["--tune", "grain"]',
        fits=lambda value: isinstance(value, list) and all(isinstance(word, str) for word in value),
    ),
    "model": _PATH,
    "device": _TEXT,
    "precision": _one_of(*PRECISIONS),
    "backend": _one_of(*BACKENDS),
    "grow": _WHOLE,
    "period": _WHOLE,
    "warmup": _WHOLE,
    "lookahead": _WHOLE,
    "sc_threshold": _NUMBER,
}


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Options from one place. origin: the place in words; patterns: of the file names it is for, none: for all."""

    origin: str
    values: Mapping[str, Any]
    patterns: tuple[str, ...] = ()

    def fits(self, source: Path) -> bool:
        name = source.name.casefold()
        return not self.patterns or any(fnmatchcase(name, pattern.casefold()) for pattern in self.patterns)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """The options for one input, and for each that was given anywhere, where it was taken from."""

    args: argparse.Namespace
    origins: Mapping[str, str] = field(default_factory=dict)


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("settings file")
    group.add_argument(
        "--settings", type=Path, metavar="FILE",
        help=f"options of a camera (those of {NAME} beside the input and in {user_file().parent})",
    )  # fmt: skip
    group.add_argument("--no-settings", action="store_true", help="read no settings file")


def user_file() -> Path:
    """The user's own file."""
    return home.settings() / NAME


def taken(args: argparse.Namespace, source: Path, names: Sequence[str]) -> Taken:
    """The options of the command line for one input, filled up from the settings files by rules 1 to 5.

    args: what was parsed, None (or an empty list) where nothing was given. names: the options that the command takes
    from a file. Raises CommandError for a file that cannot be read or says what it must not.
    """
    whole = argparse.Namespace(**vars(args))
    origins: dict[str, str] = {}
    hidden: set[str] = set()
    given = {name: value for name in (*names, "keep_mask") if (value := getattr(args, name, None)) not in (None, [])}
    for layer in (Layer(origin="command line", values=given), *_layers(args, source)):
        for name, value in layer.values.items():
            if name in names and name not in hidden and name not in origins:
                setattr(whole, name, value)
                origins[name] = layer.origin
        heard = layer.values.keys() - hidden
        if "mask" in heard:
            hidden.update(FINDING)
        if not heard.isdisjoint((*FINDING, "keep_mask")):
            hidden.add("mask")
        if "encoder" in heard:
            hidden.update(_OF_ENCODER)
    return Taken(args=whole, origins=origins)


def _layers(args: argparse.Namespace, source: Path) -> Iterator[Layer]:
    """The layers of the files that count for an input, the first one first."""
    if args.no_settings:
        if args.settings is not None:
            raise CommandError(f"--settings {args.settings} and --no-settings contradict; leave one of both out")
        return
    if args.settings is not None:
        files = [args.settings]
    else:
        files = [file for file in (source.resolve().parent / NAME, user_file()) if file.is_file()]
    for file in dict.fromkeys(files):
        general, *cameras = read(file)
        yield from [camera for camera in cameras if camera.fits(source)][:1]
        yield general


def read(file: Path) -> list[Layer]:
    """A file's layers: what holds for all, then its sections. Raises CommandError."""
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"settings file {file} cannot be read: {error.strerror}; check --settings") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"settings file {file} is no TOML: {error}") from None
    sections = told.pop("camera", [])
    if not isinstance(sections, list) or not all(isinstance(section, dict) for section in sections):
        raise CommandError(f"settings file {file}: sections of cameras must begin with [[camera]], in double brackets")
    layers = [Layer(origin=str(file), values=_values(told, file, str(file)))]
    for number, section in enumerate(sections, 1):
        patterns = section.pop("match", None)
        patterns = [patterns] if isinstance(patterns, str) else patterns
        if not isinstance(patterns, list) or not patterns or not all(isinstance(each, str) for each in patterns):
            raise CommandError(
                f"settings file {file}: [[camera]] number {number} must say whose files it is for, such as "
                f'match = "GX*.mp4", passed match = {patterns!r}'
            )
        origin = f"{file}, camera {' '.join(patterns)}"
        layers.append(Layer(origin=origin, values=_values(section, file, origin), patterns=tuple(patterns)))
    return layers


def _values(told: Mapping[str, Any], file: Path, origin: str) -> dict[str, Any]:
    """The options of a table, checked, by their names in the program."""
    values: dict[str, Any] = {}
    for key, value in told.items():
        name = key.replace("-", "_")
        if name not in VALUES:
            near = difflib.get_close_matches(name, VALUES, 1)
            known = f"did you mean {near[0]}?" if near else f"the options are {', '.join(VALUES)}"
            raise CommandError(
                f"settings file {origin}: there is no option {key} (= {value!r}); {known.replace('_', '-')}"
            )
        if name in values:
            raise CommandError(f"settings file {origin}: {key} is given twice, {values[name]!r} and {value!r}")
        if not VALUES[name].fits(value):
            raise CommandError(f"settings file {origin}: {key} must be {VALUES[name].rule}, passed {value!r}")
        values[name] = _beside(name, value, file.parent) if VALUES[name].path else value
    if "mask" in values and (finding := [name for name in FINDING if name in values]):
        raise CommandError(
            f"settings file {origin}: {' and '.join(finding)} tell how a mask is found, and mask gives one "
            f"({values['mask']}); leave one of both out"
        )
    try:
        if "region" in values:
            region(values["region"])
        Settings(**{name: values[name] for name in NODE if name in values})
        kinds = {"kind": tuple(values["kind"].split(","))} if "kind" in values else {}
        DetectSettings(**kinds, **{name: values[name] for name in ("sensitivity", "hold") if name in values})
    except (ArgumentError, CommandError) as error:
        raise CommandError(f"settings file {origin}: {error}") from None
    return values


def _beside(name: str, value: str, folder: Path) -> str:
    """A path, relative to the folder that it stands in."""
    if name == "model":
        if value == "default":
            return value
        network, value = asked(value)
        whole = str((folder / Path(value).expanduser()).resolve())
        return f"{network}:{whole}" if network else whole
    return str((folder / Path(value).expanduser()).resolve())
