"""The commands on the pages: each line is read by the parser that would read it, and the light ones are run.

1. Every line of a `sh` block is checked by what reads it: osdclean's own parser, the scripts of vspipe, the Makefile.
2. Blocks of `osdclean`, vspipe and Python's modules are run on small files. A few lines of them every time; all where
   DOCS_COMMANDS=all is set, which takes many minutes. What would take hours is made SHORTER.
3. What nothing reads stands in UNREAD, what is read and not run in UNRUN, with the reason.
4. Commands and options in running text are those that there are.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from osdclean.engine.cli import main
from osdclean.engine.cli.commands import COMMANDS
from pages import PAGES, ROOT, blocks

#: Beginnings of lines that nothing here reads, and why.
UNREAD = {
    "sudo apt ": "changes the machine",
    ". .venv/bin/activate": "the environment is that of the test",
    "ruff check ": "`make test` runs it before the tests",
    "python -m pytest ": "the tests run it",
    "DOCS_COMMANDS=all ": "this is it",
    "cat ": "joins what the lines before it made",
    "mkdir ": "changes the home",
    "av1an ": "is in no registry that this project uses",
    "ffmpeg -i picture.mkv": "joins what av1an wrote",
    "dask ": "of dask.distributed; tests/e2e/test_cli_cluster.py starts scheduler and workers",
    "pip install vs": "changes the machine",
    "vspreview ": "opens a window",
    "vsview ": "opens a window",
    **dict.fromkeys(("tar ", "cd osdclean", "./osdclean ", "./vspipe "), "build/try_portable.sh runs what is in it"),
}
#: Beginnings of lines that are read and not run, and why.
UNRUN = {
    "make": "this is `make test`; `make demo` is `osdclean demo`, which tests/e2e runs",
    "pip": "changes the machine",
    "torchrun --nnodes": "needs two machines; the line before it is run",
    "python -m osdclean.engine.export.speed": "measures for minutes; tests/engine/export runs what it measures",
    "osdclean completion": "writes into the home; tests/engine/cli/test_completion.py asks shells",
    "osdclean doctor": "tests/e2e runs it",
    "osdclean demo": "tests/e2e runs it",
    **dict.fromkeys(
        ("osdclean clean GX", "osdclean clean flights", "osdclean mask flights"),
        "tests/e2e/test_cli_batch.py has folders of videos",
    ),
    "osdclean clean flight.mp4 clean.mkv --scheduler": "tests/e2e/test_cli_cluster.py has a scheduler",
    "time vspipe": "the clip is not here",
    "osdclean clean long.mkv": "the clip is not here",
    "osdclean bench CLIPS... --models": "needs the trainings above it; tests/engine/bench/test_models.py has such",
    "osdclean train CLIPS --recipe detector": "needs clips of 192 lines; tests/engine/train has crops that are made",
    "vspipe -c y4m -a clip=clip.mkv": "the clip is not here",
    "osdclean bench clips/dev/": "the clips are not here; tests/engine/bench runs it on made ones",
    **dict.fromkeys(UNREAD, "not read"),
}
#: Placeholders of the pages, and what a parser takes for them.
NAMES = {"STEPS": "16000", "HOST": "host", "...": ""}
#: What is put into lines before they are run, so that they end soon and find the small files.
SHORTER = (
    (r"--frame (500|12)", "--frame 5"),
    (r"-s 0 -e 959", "-s 0 -e 4"),
    (r"-s 960", "-s 5"),
    (r"--frames (24|48|288)", "--frames 12"),
    (r"1920x1080|480x270", "128x72"),
    (r"docs/", ""),
    (r"SHEETS\.\.\.", "SHEETS"),
    (r"CLIPS\.\.\.", "CLIPS/one.mp4 --frames 12"),
    (r"--minutes 20", ""),
    (r"^osdclean finetune .*", r"\g<0> --minutes 0.02 --threads 1"),
    (r"(--nproc-per-node) 4", r"\1 1"),
    (r"^(torchrun .*) PAIRS", r"\1 CLIPS"),
    (r"--steps STEPS|--rounds 4", ""),
    (r".*osdclean train .*", r"\g<0> --steps 2 --processes 1"),
    (r".*--recipe (default|detector|published).*|.*train CLIPS --photos.*", r"\g<0> --rounds 1"),
    (r".*--recipe classic.*", r"\g<0> --set 'features=(4,6,8)' 'size=(96,64)'"),
    (r".*--network vinet.*", r"\g<0> --set 'network.widths=(4,6,8,8)' network.hidden=6"),
)
#: Lines that are run every time.
RUN = (
    "osdclean preview flight.mp4 --mask mask.png --frame 500 -o look.png",
    "osdclean clean show.mkv clean.mp4 --kind logo --encoder x264 --crf 16 -- --tune grain",
    "vspipe -c y4m -a clip=show.mkv -a mask=logo.png vs_scripts/unblend.vpy - | x265 --y4m - -o clean.hevc",
)


def lines(text: str) -> list[str]:
    """The commands of a block, without comments; what goes on in the next line is one."""
    joined = text.replace("\\\n", " ")
    made = [re.sub(r"\s+#.*|^#.*", "", line).strip() for line in joined.splitlines()]
    return [" ".join(line.split()) for line in made if line]


SHELL = blocks("sh")
LINES = [pytest.param(line, id=f"{block.where} {line[:50]}") for block in SHELL for line in lines(block.text)]


def read(words: list[str]) -> None:
    """Check one command by what would read it."""
    program = words[0]
    if program == "osdclean":
        _osdclean(words[1:])
    elif program == "torchrun":
        _osdclean(words[words.index("osdclean") + 1 :])
    elif program == "vspipe":
        _vspipe(words[1:])
    elif program == "make":
        _make(words[1:])
    elif words[:2] == ["python", "-m"]:
        spec = find_spec(words[2])
        assert spec is not None, words[2]
        text = Path(spec.origin).read_text(encoding="utf-8")
        assert all(f'"{word}"' in text for word in words[3:] if word.startswith("--"))
    elif words[:2] == ["pip", "install"]:
        extra = re.fullmatch(r"(?:vapoursynth-osdclean|\.)\[(\w+)\]", words[2])
        assert words[2] == "." or re.search(rf"^{extra[1]} = \[", (ROOT / "pyproject.toml").read_text("utf-8"), re.M)
    else:
        raise AssertionError(f"nothing reads {program}; say in UNREAD why")


def _osdclean(words: list[str]) -> None:
    command = next(each for each in COMMANDS if each.name == words[0])
    split = words.index("--") if "--" in words else len(words)
    args = main.parser_for(command).parse_args(words[:split])
    assert split == len(words) or getattr(args, "takes_rest", False)
    if command.name == "train":
        _settings(args)
    if getattr(args, "kind", None) is not None:
        from osdclean.engine.detect.settings import DetectSettings

        DetectSettings(kind=tuple(args.kind.split(",")))


def _settings(args) -> None:
    """That `--set` names what there is."""
    from osdclean.engine.train import config

    of = {"default": "TrainConfig", "classic": "ClassicConfig", "detector": "DetectorConfig"}.get(args.recipe)
    config.overridden(getattr(config, of)() if of else config.PublishedConfig(name=args.network), args.set)


def _vspipe(words: list[str]) -> None:
    from osdclean.vs_scripts import reading

    script = next(word for word in words if word.endswith(".vpy"))
    text = (ROOT / script).read_text(encoding="utf-8")
    given = [words[k + 1].partition("=")[0] for k, word in enumerate(words) if word == "-a"]
    for name in given:
        known = re.search(rf"^(.*, )?{name}\b", text.partition('"""')[2], re.M)
        assert known or name in reading.INPAINT or name.removeprefix("find_") in reading.DETECT, name


def _make(words: list[str]) -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        name, given, _ = word.partition("=")
        assert re.search(rf"^{name} \?=" if given else rf"^{name}:", text, re.M), word


@pytest.mark.parametrize("line", LINES)
def test_each_line_is_read_by_what_would_read_it(line, capsys):
    for begin, why in UNREAD.items():
        if line.startswith(begin):
            pytest.skip(why)
    for name, value in NAMES.items():
        line = line.replace(name, value)
    stages = line.removeprefix("time ").partition(" > ")[0].split(" | ")
    try:
        read(shlex.split(stages[0]))
    except SystemExit:
        pytest.fail(capsys.readouterr().err)
    assert all(stage.split()[0] in ("x264", "x265") for stage in stages[1:])


def test_exceptions_still_stand_on_a_page():
    every = [param.values[0] for param in LINES]
    assert not [begin for begin in UNREAD | UNRUN if not any(line.startswith(begin) for line in every)]
    assert set(RUN) <= set(every)


def inline() -> list[tuple[str, str]]:
    """Pages and the code in their running text."""
    out = []
    for page in PAGES:
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        out += [(page.name, " ".join(code.split())) for code in re.findall(r"`([^`]+)`", text)]
    return out


def options(command) -> set[str]:
    """All options of a command and of its parts."""

    def of(parser):
        for action in parser._actions:
            yield from action.option_strings
            if isinstance(action, argparse._SubParsersAction):
                for sub in action.choices.values():
                    yield from of(sub)

    return set(of(main.parser_for(command)))


def test_commands_and_options_in_running_text_are_there():
    of = {command.name: options(command) for command in COMMANDS}
    foreign = {
        "--requests", "--tune", "--frames", "--zones", "--bitrate",  # vspipe's and x265's
        "--target-quality", "--nthreads", "--nworkers", "--worker-port",  # av1an's and dask's
    }  # fmt: skip
    wrong = []
    for page, code in inline():
        if code.startswith("osdclean ") and code.split()[1] in of:
            known, words = of[code.split()[1]], code.partition(" -- ")[0].split()
        elif code.startswith("osdclean ") and code.split()[1][0] != "-":
            wrong.append(f"{page}: {code}")
            continue
        elif code.startswith("--"):
            known, words = set().union(*of.values(), foreign), [code.split()[0].rstrip(":")]
        else:
            continue
        wrong += [f"{page}: {code}" for word in words if re.match(r"--?[a-z]", word) and word not in known]
    assert not wrong


def run() -> list:
    """Blocks that are run, once each, and which lines of them every time."""
    found, seen = {}, set()
    for block in SHELL:
        every = tuple(line for line in lines(block.text) if not line.startswith(tuple(UNRUN)))
        quick = tuple(line for line in every if line in RUN and line not in seen)
        seen.update(quick)
        found.setdefault(every, (block.where, quick))
    return [pytest.param(every, quick, id=where) for every, (where, quick) in found.items() if every]


@pytest.mark.parametrize(("every", "quick"), run())
def test_blocks_run(every, quick, files, request):
    if os.environ.get("DOCS_COMMANDS") != "all":
        if not quick:
            pytest.skip("DOCS_COMMANDS=all runs it")
        every = quick
    else:
        request.getfixturevalue("footage")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for line in every:
        for name in ("clean.mkv", "clean.mp4", "look.mp4", "look.png", "frame.png"):
            (files / name).unlink(missing_ok=True)
        before = set(files.rglob("*"))
        for long, short in SHORTER:
            line = re.sub(long, short, line)
        ended = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line], env=environment, capture_output=True, text=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert ended.returncode == 0, f"{line}\n{ended.stderr}"
        made = {file for file in set(files.rglob("*")) - before if file.is_file()}
        assert made or "bench" in line or "clean.hevc" in line or "finetune" in line, line
        assert all(file.stat().st_size for file in made if file.suffix != ".lock")
        if "finetune" in line:  # it writes nothing where nothing was gained, as after so short a time
            _weights(files / line.split("-o ")[1].split()[0])


def _weights(path: Path) -> None:
    from osdclean.engine import weights

    weights.save(weights.load("default"), path)
