"""Entry of the command line: finds the command, runs it, and turns failures into one line and an exit status."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from ..errors import OsdcleanError
from . import portable, versions
from .commands import COMMANDS, Command
from .failure import Terminated, disk_full

DESCRIPTION = """\
Removes what was burned into a video: flight telemetry (OSD), logos, subtitles, timestamps.

Telemetry is found by itself; look at what would be removed, then remove it:

  osdclean preview flight.mp4 --frame 500 -o look.png
  osdclean clean flight.mp4 clean.mkv

Other overlays: --kind logo, subtitle, moving or any. Or draw a mask on a frame of the video (same size; white is
removed):

  osdclean clean flight.mp4 clean.mkv --mask mask.png

All videos of a folder: osdclean clean flights clean/
"""
EPILOG = """\
exit status:
  0    done
  1    failed; one line on stderr says why, and nothing is left half-written
  2    the command line is wrong
  3    several inputs, of which some could not be done; the rest was
  130  ended by Ctrl-C; 143: ended by SIGTERM (128 + the signal's number)

Something is amiss? osdclean doctor checks the installation.
"""


def parser_for(*filled: Command) -> argparse.ArgumentParser:
    """The whole parser, with the arguments of the commands `filled` alone."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="osdclean", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    parser.add_argument(
        "--version", action="store_true", help="show the versions of what is there and exit; with --json: for programs"
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    for each in COMMANDS:
        if each not in filled:
            commands.add_parser(each.name, help=each.summary, add_help=False)
            continue
        module = each.load()
        sub = commands.add_parser(
            each.name, help=each.summary, description=module.__doc__, formatter_class=formatter
        )
        module.add_arguments(sub)
        sub.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. argv: arguments after the program's name; None takes the process's own."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if "--version" in arguments and {*arguments} <= {"--version", "--json"}:
        versions.tell("--json" in arguments)
        return 0
    names = {each.name: each for each in COMMANDS}
    asked = next((names.get(word) for word in arguments if not word.startswith("-")), None)
    try:
        parser = parser_for(*[asked] if asked else [])
    except ImportError as error:
        _say(f"{asked.name if asked else 'osdclean'} cannot start: {error}; {_mend()}")
        return 1
    # what follows "--" belongs to the encoder; argparse would take it for file names
    split = arguments.index("--") if "--" in arguments else len(arguments)
    args, more = parser.parse_known_args(arguments[:split])
    if more and (not hasattr(args, "take_more") or any(word.startswith("-") for word in more)):
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    elif more:
        args.take_more(args, more)
    args.encoder_options = arguments[split + 1 :]
    if args.encoder_options and not getattr(args, "takes_rest", False):
        parser.error(f"{args.command} takes nothing after --")
    try:
        with _ended_by_signals():
            return args.run(args)
    except OsdcleanError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("stopped")
        return 130
    except Terminated as end:
        return 128 + end.signal
    except BrokenPipeError:
        return 1
    except OSError as error:
        if not disk_full(error):
            raise
        where = f" to {error.filename}" if error.filename else ""
        _say(f"cannot write{where}: {error.strerror}; free some space, or write elsewhere")
        return 1


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let signals end the command tidily, where signals can be set (the main thread only)."""

    def end(number: int, frame: object) -> None:
        raise Terminated(number)

    before = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            with suppress(ValueError):
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _mend() -> str:
    """What to do where a command lacks a package."""
    if portable.library() is not None:
        return "the portable folder goes without it: install osdclean with pip for this command"
    return f"install it into {sys.executable}"


def _say(text: str) -> None:
    print(f"osdclean: {text}", file=sys.stderr)
