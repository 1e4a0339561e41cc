"""Write the completions of a shell: what Tab offers behind `osdclean`, commands, options, their values and files.

  osdclean completion bash > ~/.local/share/bash-completion/completions/osdclean
  osdclean completion zsh > ~/.zfunc/_osdclean        (a folder of $fpath; then: autoload -U compinit; compinit)
  osdclean completion fish > ~/.config/fish/completions/osdclean.fish

Write them again after an update, so that they know what is new.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .commands import COMMANDS, Command

SHELLS = ("bash", "zsh", "fish")
#: What an argument's name in the help must have for it to be a file or a folder.
_FILES, _FOLDERS = ("FILE", "INPUT", "OUTPUT", "CLIP", "PATH"), ("DIR", "FOLDER")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the shell that reads them")


def run(args: argparse.Namespace) -> int:
    print(script(args.shell))
    return 0


def script(shell: str) -> str:
    """The completions of a shell, for all commands whose packages are there."""
    import shtab

    from .main import parser_for

    parser = parser_for(*(command for command in COMMANDS if _loads(command)))
    _name_files(parser)
    return shtab.complete(parser, shell)


def _loads(command: Command) -> bool:
    try:
        command.load()
    except ImportError:
        return False
    return True


def _name_files(parser: argparse.ArgumentParser) -> None:
    """Say which arguments are files and folders, for shtab."""
    import shtab

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                _name_files(each)
        elif action.choices is None and action.nargs != 0:
            name = str(action.metavar or action.dest).upper()
            if any(word in name for word in _FOLDERS):
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
            elif action.type is Path or any(word in name for word in _FILES):
                action.complete = shtab.FILE  # type: ignore[attr-defined]
