"""What Tab offers, asked of the shells themselves."""

import shutil
import subprocess

import pytest
from osdclean.engine.cli import completion
from osdclean.engine.cli.commands import COMMANDS

BASH = r"""
source "$1"; read -ra COMP_WORDS <<< "$2"; [[ "$2" == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$2; COMP_POINT=${#2}
asked=$(complete -p osdclean | sed 's/.*-F \([^ ]*\).*/\1/')
"$asked" osdclean "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""
# A shell on a terminal of its own, which is sent the line and Tab; what it shows up to MARK is the answer.
ZSH = r"""
zmodload zsh/zpty
mkdir -p functions; cp $1 functions/_osdclean
zpty shell zsh -f -i
zpty -w shell 'PROMPT=; TERM=dumb; unset zle_bracketed_paste; setopt no_always_last_prompt; LISTMAX=1000'
zpty -w shell 'fpath=('$PWD'/functions $fpath); autoload -U compinit; compinit -u -D'
zpty -w shell 'bindkey "^I" list-choices; bindkey "^B" kill-whole-line; print REA""DY'
zpty -r shell shown '*READY*'
zpty -w -n shell "$2"$'\t'$'\x02'
zpty -w shell 'print MA""RK'
zpty -r shell shown '*MARK*'
print -r -- $shown
zpty -d shell
"""


@pytest.fixture(scope="module", params=completion.SHELLS)
def shell(request, tmp_path_factory):
    if shutil.which(request.param) is None:
        pytest.skip(f"needs {request.param}")
    file = tmp_path_factory.mktemp(request.param) / "script"
    file.write_text(completion.script(request.param))
    return request.param, file


@pytest.fixture
def offered(shell, tmp_path, monkeypatch):
    """What a shell offers behind a line, in a folder with a film in it."""
    name, file = shell
    (tmp_path / "film.mp4").touch()
    (tmp_path / "films").mkdir()

    def ask(line):
        command = {
            "bash": ["bash", "--norc", "-c", BASH, "bash", file, line],
            "zsh": ["zsh", "-f", "-c", ZSH, "zsh", file, line],
            "fish": ["fish", "--no-config", "-c", f"source {file}; complete -C '{line}'"],
        }[name]
        done = subprocess.run(
            [str(word) for word in command], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=100
        )
        return [word.rstrip("/") for word in done.stdout.split()]

    return ask


def test_commands_are_offered(offered):
    words = offered("osdclean ")
    assert {command.name for command in COMMANDS} <= set(words)
    words = offered("osdclean do")
    assert "doctor" in words
    assert "clean" not in words


def test_options_and_their_values_are_offered(offered):
    words = offered("osdclean clean --en")
    assert "--encoder" in words
    assert "--kind" not in words
    words = offered("osdclean clean --encoder ")
    assert {"x265", "x264", "ffv1"} <= set(words)
    assert "--checkpoint-every" not in words


def test_files_are_offered_for_inputs_masks_and_outputs(offered):
    for line in ("osdclean clean fi", "osdclean clean --mask fi", "osdclean mask film.mp4 -o fi"):
        assert {"film.mp4", "films"} <= set(offered(line)), line
