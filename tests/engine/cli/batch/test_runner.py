"""One after another: what is skipped, what fails alone, and what ends the whole."""

import json
from pathlib import Path

import pytest
from osdclean.engine.cli.batch import runner, tasks
from osdclean.engine.cli.cleaning import Outcome
from osdclean.engine.cli.failure import BusyError, CommandError, DiskError
from osdclean.engine.cli.settings_file import FOR_CLEAN


class Doing:
    """Stands for `clean`: writes the target, and fails where it is told to."""

    def __init__(self, **failing):
        self.failing, self.labels = failing, []

    def __call__(self, job, quiet, label=""):
        self.labels.append(label)
        if error := self.failing.get(job.source.stem):
            raise error
        job.target.write_text("clean")
        return Outcome(frames=40, rate=8.0, seconds=5.0, fps=(25, 1), found={"osd": (1.0, 0.1, 0.9)})


@pytest.fixture
def run(flights, parsed):
    def run(do, *words):
        args = parsed(*words)
        works = tasks.tasks(args, args.output, FOR_CLEAN)
        return runner.run(works, do, args, tasks.is_folder(args.output))

    return run


def test_one_that_fails_does_not_stop_the_rest(run, capsys):
    do = Doing(a=CommandError("a.mov is broken"), c=OSError(5, "Input/output error"))
    assert run(do, "flights", "out/", "--recursive", "--json") == 3
    assert do.labels == ["1/4 a.mov", "2/4 b.MP4", "3/4 c.ts", "4/4 a.mov"]
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert [file["result"] for file in told["files"]] == ["failed", "done", "failed", "failed"]
    assert told["files"][0]["why"] == "a.mov is broken"
    assert told["files"][1] == {
        "input": "flights/b.MP4", "output": "out/b.mkv", "result": "done", "frames": 40, "seconds": 5.0,
        "frames_per_second": 8.0, "found": {"osd": {"frames": 1.0, "area": 0.1, "probability": 0.9}},
    }  # fmt: skip
    assert (told["done"], told["failed"], told["skipped"]) == (1, 3, 0)
    assert "osdclean: 1/4 a.mov: a.mov is broken\n" in said.err
    assert "1 done, 3 failed in 0:00:0" in said.err
    assert told["files"][2]["why"] == "[Errno 5] Input/output error"
    assert Path("out/b.mkv").read_text() == "clean"


def test_what_another_run_is_writing_is_left_to_it(run, capsys):
    assert run(Doing(a=BusyError("another run of osdclean is writing it")), "flights", "out/") == 0
    said = capsys.readouterr().err
    assert "1/2 a.mov: skipped, another run is writing out/a.mkv" in said
    assert "1 done, 1 skipped in" in said


def test_a_batch_that_is_run_again_does_what_is_left(run, capsys):
    assert run(Doing(b=CommandError("no")), "flights", "out/") == 3
    again = Doing()
    assert run(again, "flights", "out/") == 0
    assert again.labels == ["2/2 b.MP4"]
    assert "1/2 a.mov: skipped, out/a.mkv exists" in capsys.readouterr().err
    every = Doing()
    assert run(every, "flights", "out/", "--overwrite") == 0
    assert len(every.labels) == 2


@pytest.mark.parametrize("end", [KeyboardInterrupt(), DiskError("the disk is full"), OSError(28, "No space")])
def test_interrupt_and_full_disk_end_the_batch_and_the_summary_is_told(run, capsys, end):
    with pytest.raises(type(end)):
        run(Doing(b=end), "flights", "out/", "--recursive", "--json")
    said = capsys.readouterr()
    assert [file["result"] for file in json.loads(said.out)["files"]] == ["done", "stopped", "not begun", "not begun"]
    assert "1 done, 1 stopped, 2 not begun in" in said.err
    assert "the same command again does the rest" in said.err
    assert Path("out/a.mkv").exists()


def test_first_of_a_batch_that_is_stopped_is_told_too(run, capsys):
    with pytest.raises(KeyboardInterrupt):
        run(Doing(a=KeyboardInterrupt()), "flights", "out/")
    assert "1 stopped, 1 not begun" in capsys.readouterr().err


def test_only_input_that_fails_fails_the_command(run, capsys):
    with pytest.raises(CommandError, match="broken"):
        run(Doing(a=CommandError("broken")), "flights/a.mov", "x.mkv", "--json")
    assert capsys.readouterr().out == ""
    assert run(Doing(), "flights/a.mov", "x.mkv", "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["files"][0]["output"] == "x.mkv"
    assert said.err == "x.mkv: 40 frames in 0:00:05, 8.0 frames/s\n"


def test_quiet_says_failures_alone(run, capsys):
    assert run(Doing(a=CommandError("broken")), "flights", "out/", "--quiet") == 3
    assert capsys.readouterr().err == "osdclean: 1/2 a.mov: broken\n"
