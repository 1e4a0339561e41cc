"""Several inputs: what goes where, what is skipped, and what ends the whole."""

import argparse
import json
from pathlib import Path

import pytest
from osdclean.engine.cli import batch, clean
from osdclean.engine.cli.cleaning import Outcome
from osdclean.engine.cli.failure import CommandError, DiskFullError
from osdclean.engine.cli.settings_file import FOR_CLEAN


def parsed(*words):
    parser = argparse.ArgumentParser()
    clean.add_arguments(parser)
    args = parser.parse_args([str(word) for word in words])
    args.encoder_options = []
    return args


@pytest.fixture
def flights(tmp_path, monkeypatch):
    """A folder as of a day's flying, the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    for name in ("b.MP4", "a.mov", "notes.txt", "._a.mov", ".trash/x.mp4", "goggles/c.ts", "goggles/deep/a.mov"):
        file = tmp_path / "flights" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("video")
    return Path("flights")


def planned(*words):
    args = parsed(*words)
    return [(str(task.source), str(task.target)) for task in batch.tasks(args, args.output, FOR_CLEAN)]


def test_one_input_and_one_output_stay_what_they_are(flights):
    assert planned("flights/b.MP4", "x.mp4") == [("flights/b.MP4", "x.mp4")]
    assert planned("gone.mp4", "x") == [("gone.mp4", "x")]


def test_inputs_go_into_a_folder_under_their_own_names(flights):
    named = [("flights/b.MP4", "out/b.mkv"), ("flights/a.mov", "out/a.mkv")]
    assert planned("flights/b.MP4", "flights/a.mov", "flights/b.MP4", "out/") == named
    assert planned("flights", "out/") == named[::-1]
    assert planned("flights/b.MP4", "flights") == [("flights/b.MP4", "flights/b.mkv")]
    assert planned("flights/b.MP4", "out/", "--container", "mp4") == [("flights/b.MP4", "out/b.mp4")]
    assert not Path("out").exists()


def test_folders_in_folders_are_kept_apart_and_the_target_is_left_out(flights):
    (flights / "clean" / "old").mkdir(parents=True)
    (flights / "clean" / "old" / "z.mkv").touch()
    assert planned("flights", "flights/clean", "--recursive") == [
        ("flights/a.mov", "flights/clean/a.mkv"),
        ("flights/b.MP4", "flights/clean/b.mkv"),
        ("flights/goggles/c.ts", "flights/clean/goggles/c.mkv"),
        ("flights/goggles/deep/a.mov", "flights/clean/goggles/deep/a.mkv"),
    ]


def test_settings_file_beside_each_input_counts_for_it(flights):
    (flights / "osdclean.toml").write_text('container = "mov"\n')
    (flights / "goggles" / "osdclean.toml").write_text("crf = 3\n")
    args = parsed("flights", "out/", "--recursive")
    tasks = batch.tasks(args, args.output, FOR_CLEAN)
    assert [task.target.suffix for task in tasks] == [".mov", ".mov", ".mkv", ".mkv"]
    assert [task.taken.args.crf for task in tasks] == [None, None, 3, None]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["flights/a.mov", "flights/b.MP4", "x.mkv"], r"2 inputs go into a folder, passed x\.mkv; end it in /"),
        (["flights", "x.mkv"], r"flights is a folder, so its videos go into one, passed x\.mkv"),
        (["flights/a.mov", "x.mkv", "--container", "mp4"], "--container is for results that go into a folder"),
        (["flights/.trash", "flights/goggles/deep/", "--recursive"], None),
        (["flights", "flights"], "cannot go into flights itself"),
        (["empty", "out/"], r"empty holds no video \(\.3gp, .*give --recursive"),
        (["flights/a.mov", "flights/goggles/deep/a.mov", "out/"], r"deep/a\.mov would both become out/a\.mkv"),
        (["flights/a.mov", "flights/A.mp4", "out/"], "would both become"),
        (["flights/a.mov", "flights/", "--container", "mov"], r"output flights/a\.mov is the input itself"),
        (["flights", "out/", "--settings", "gone.toml"], r"gone\.toml cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_begun(flights, words, said):
    Path("empty").mkdir()
    if said is None:
        assert planned(*words) == [("flights/.trash/x.mp4", "flights/goggles/deep/x.mkv")]
        return
    with pytest.raises(CommandError, match=said):
        planned(*words)


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


def run(do, *words):
    args = parsed(*words)
    works = batch.tasks(args, args.output, FOR_CLEAN)
    return batch.run(works, do, args, batch.is_folder(args.output))


def test_one_that_fails_does_not_stop_the_rest(flights, capsys):
    do = Doing(a=CommandError("a.mov is broken"))
    assert run(do, "flights", "out/", "--recursive", "--json") == 3
    assert do.labels == ["1/4 a.mov", "2/4 b.MP4", "3/4 c.ts", "4/4 a.mov"]
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert [file["result"] for file in told["files"]] == ["failed", "done", "done", "failed"]
    assert told["files"][0]["why"] == "a.mov is broken"
    assert told["files"][1] == {
        "input": "flights/b.MP4", "output": "out/b.mkv", "result": "done", "frames": 40, "seconds": 5.0,
        "frames_per_second": 8.0, "found": {"osd": {"frames": 1.0, "area": 0.1, "probability": 0.9}},
    }  # fmt: skip
    assert (told["done"], told["failed"], told["skipped"]) == (2, 2, 0)
    assert "osdclean: 1/4 a.mov: a.mov is broken\n" in said.err
    assert "2 done, 2 failed in 0:00:0" in said.err
    assert Path("out/goggles/c.mkv").read_text() == "clean"


def test_a_batch_that_is_run_again_does_what_is_left(flights, capsys):
    assert run(Doing(b=CommandError("no")), "flights", "out/") == 3
    again = Doing()
    assert run(again, "flights", "out/") == 0
    assert again.labels == ["2/2 b.MP4"]
    assert "1/2 a.mov: skipped, out/a.mkv exists" in capsys.readouterr().err
    every = Doing()
    assert run(every, "flights", "out/", "--overwrite") == 0
    assert len(every.labels) == 2


@pytest.mark.parametrize("end", [KeyboardInterrupt(), DiskFullError("the disk is full"), OSError(28, "No space")])
def test_interrupt_and_full_disk_end_the_batch_and_the_summary_is_told(flights, capsys, end):
    with pytest.raises(type(end)):
        run(Doing(b=end), "flights", "out/", "--recursive", "--json")
    said = capsys.readouterr()
    assert [file["result"] for file in json.loads(said.out)["files"]] == ["done", "stopped", "not begun", "not begun"]
    assert "1 done, 1 stopped, 2 not begun in" in said.err
    assert "the same command again does the rest" in said.err
    assert Path("out/a.mkv").exists()


def test_first_of_a_batch_that_is_stopped_is_told_too(flights, capsys):
    with pytest.raises(KeyboardInterrupt):
        run(Doing(a=KeyboardInterrupt()), "flights", "out/")
    assert "1 stopped, 1 not begun" in capsys.readouterr().err


def test_only_input_that_fails_fails_the_command(flights, capsys):
    with pytest.raises(CommandError, match="broken"):
        run(Doing(a=CommandError("broken")), "flights/a.mov", "x.mkv", "--json")
    assert capsys.readouterr().out == ""
    assert run(Doing(), "flights/a.mov", "x.mkv", "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["files"][0]["output"] == "x.mkv"
    assert said.err == "x.mkv: 40 frames in 0:00:05, 8.0 frames/s\n"


def test_quiet_says_failures_alone(flights, capsys):
    assert run(Doing(a=CommandError("broken")), "flights", "out/", "--quiet") == 3
    assert capsys.readouterr().err == "osdclean: 1/2 a.mov: broken\n"
