"""The entry: help without heavy packages, exit statuses, what follows --."""

import subprocess
import sys

import pytest
from osdclean.engine.cli import commands, main, versions
from osdclean.engine.cli.failure import CommandError, Terminated


def test_help_lists_every_command_and_imports_nothing_heavy():
    code = """if True:
        import sys
        from osdclean.engine.cli.main import main
        try:
            main(["--help"])
        except SystemExit:
            pass
        print([m for m in ("torch", "numpy", "cv2", "vapoursynth") if m in sys.modules])
    """
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.rstrip().endswith("[]")
    for command in commands.COMMANDS:
        assert command.name in said


@pytest.mark.parametrize("name", [command.name for command in commands.COMMANDS])
def test_help_of_each_command(name, capsys):
    with pytest.raises(SystemExit) as end:
        main.main([name, "--help"])
    assert end.value.code == 0
    assert f"usage: osdclean {name}" in capsys.readouterr().out


def test_version_stands_alone_in_the_first_line(capsys):
    assert main.main(["--version"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"osdclean {versions.version()}"
    assert any(line.startswith("torch ") for line in lines)


@pytest.mark.parametrize(
    "words", [[], ["nonsense"], ["clean", "a.mp4"], ["preview", "a.mp4", "--mask", "m", "--", "x"],
     ["--version", "--nonsense"]]
)
def test_wrong_usage_is_status_2(words, capsys):
    with pytest.raises(SystemExit) as end:
        main.main(words)
    assert end.value.code == 2
    assert "usage: osdclean" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (CommandError("what\nand how"), 1, "osdclean: what and how\n"),
        (KeyboardInterrupt(), 130, "osdclean: stopped\n"),
        (Terminated(15), 143, ""),
        (OSError(28, "No space left on device", "/x/y"), 1, "osdclean: cannot write to /x/y: No space left on device; "
         "free some space, or write elsewhere\n"),
    ],
)
def test_exit_status_of_each_end(raised, status, said, monkeypatch, capsys):
    from osdclean.engine.cli import clean

    def run(args):
        raise raised

    monkeypatch.setattr(clean, "run", run)
    assert main.main(["clean", "a.mp4", "b.mkv", "--mask", "m.png"]) == status
    assert capsys.readouterr().err == said


def test_what_follows_two_dashes_reaches_the_command(monkeypatch):
    from osdclean.engine.cli import clean

    seen = []
    monkeypatch.setattr(clean, "run", lambda args: seen.append((args.input, args.encoder_options)) or 0)
    assert main.main(["clean", "a.mp4", "b.mkv", "--mask", "m.png", "--", "--tune", "grain", "x"]) == 0
    assert seen == [(["a.mp4"], ["--tune", "grain", "x"])]


def test_paths_may_stand_before_between_and_behind_options(monkeypatch):
    from osdclean.engine.cli import clean, mask

    seen = []
    for command in (clean, mask):
        monkeypatch.setattr(command, "run", lambda args: seen.append((args.input, vars(args).get("output"))) or 0)
    for words in ("a b d/ --kind logo", "--kind logo a b d/", "a --kind logo b d/", "a b --kind logo d/"):
        assert main.main(["clean", *words.split()]) == 0
    assert main.main(["mask", "a", "-o", "d/", "b", "c"]) == 0
    assert seen == [(["a", "b"], "d/")] * 4 + [(["a", "b", "c"], None)]
    for words in ("clean a b --nonsense c", "clean a b d/ -x", "preview a b"):
        with pytest.raises(SystemExit) as end:
            main.main(words.split())
        assert end.value.code == 2


def test_command_whose_package_is_missing_says_so(monkeypatch, capsys):
    missing = commands.Command(name="gone", module="osdclean.engine.gone", summary="")
    monkeypatch.setattr(main, "COMMANDS", (*commands.COMMANDS, missing))
    assert main.main(["gone"]) == 1
    assert "gone cannot start" in capsys.readouterr().err
