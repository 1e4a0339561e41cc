"""Several inputs: what goes where, and what cannot be."""

from pathlib import Path

import pytest
from osdclean.engine.cli.batch import tasks
from osdclean.engine.cli.failure import CommandError
from osdclean.engine.cli.settings_file import FOR_CLEAN


@pytest.fixture
def planned(parsed):
    """Inputs and outputs that the words of `clean` come to."""

    def plan(*words):
        args = parsed(*words)
        return [(str(task.source), str(task.target)) for task in tasks.tasks(args, args.output, FOR_CLEAN)]

    return plan


def test_one_input_and_one_output_stay_what_they_are(flights, planned):
    assert planned("flights/b.MP4", "x.mp4") == [("flights/b.MP4", "x.mp4")]
    assert planned("gone.mp4", "x") == [("gone.mp4", "x")]


def test_inputs_go_into_a_folder_under_their_own_names(flights, planned):
    named = [("flights/b.MP4", "out/b.mkv"), ("flights/a.mov", "out/a.mkv")]
    assert planned("flights/b.MP4", "flights/a.mov", "flights/b.MP4", "out/") == named
    assert planned("flights", "out/") == named[::-1]
    assert planned("flights/b.MP4", "flights") == [("flights/b.MP4", "flights/b.mkv")]
    assert planned("flights/b.MP4", "out/", "--container", "mp4") == [("flights/b.MP4", "out/b.mp4")]
    assert not Path("out").exists()


def test_folders_in_folders_are_kept_apart_and_the_target_is_left_out(flights, planned):
    (flights / "clean" / "old").mkdir(parents=True)
    (flights / "clean" / "old" / "z.mkv").touch()
    assert planned("flights", "flights/clean", "--recursive") == [
        ("flights/a.mov", "flights/clean/a.mkv"),
        ("flights/b.MP4", "flights/clean/b.mkv"),
        ("flights/goggles/c.ts", "flights/clean/goggles/c.mkv"),
        ("flights/goggles/deep/a.mov", "flights/clean/goggles/deep/a.mkv"),
    ]


def test_settings_file_beside_each_input_counts_for_it(flights, parsed):
    (flights / "osdclean.toml").write_text('container = "mov"\n')
    (flights / "goggles" / "osdclean.toml").write_text("crf = 3\n")
    args = parsed("flights", "out/", "--recursive")
    found = tasks.tasks(args, args.output, FOR_CLEAN)
    assert [task.target.suffix for task in found] == [".mov", ".mov", ".mkv", ".mkv"]
    assert [task.taken.args.crf for task in found] == [None, None, 3, None]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["flights/a.mov", "flights/b.MP4", "x.mkv"], r"2 inputs go into a folder, passed x\.mkv; end it in /"),
        (["flights", "x.mkv"], r"flights is a folder, so its videos go into one, passed x\.mkv"),
        (["flights/a.mov", "x.mkv", "--container", "mp4"], "--container is for results that go into a folder"),
        (["flights/.trash", "flights/goggles/deep/", "--recursive"], None),
        (["flights", "flights/a.mov/"], r"output flights/a\.mov/ is a file, where its slash asks for a folder"),
        (["flights", "flights"], "cannot go into flights itself"),
        (["empty", "out/"], r"empty holds no video \(\.3gp, .*give --recursive"),
        (["flights/a.mov", "flights/goggles/deep/a.mov", "out/"], r"deep/a\.mov would both become out/a\.mkv"),
        (["flights/a.mov", "flights/A.mp4", "out/"], "would both become"),
        (["flights/a.mov", "flights/", "--container", "mov"], r"output flights/a\.mov is one of the inputs"),
        (["flights/goggles/deep/a.mov", "flights/a.mov", "flights", "--container", "mov"], "is one of the inputs"),
        (["flights", "out/", "--settings", "gone.toml"], r"gone\.toml cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_begun(flights, planned, words, said):
    Path("empty").mkdir()
    if said is None:
        assert planned(*words) == [("flights/.trash/x.mp4", "flights/goggles/deep/x.mkv")]
        return
    with pytest.raises(CommandError, match=said):
        planned(*words)
