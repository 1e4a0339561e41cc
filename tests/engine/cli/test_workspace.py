"""A result bears its name only when whole; nothing else is left behind; two runs do not write one target."""

import os
import signal
import subprocess
import sys

import pytest
from osdclean.engine.cli.failure import BusyError, CommandError, DiskError
from osdclean.engine.cli.workspace import Workspace


def test_result_is_published_and_the_folder_removed(tmp_path):
    target = tmp_path / "out.mkv"
    with Workspace(target, overwrite=False) as workspace:
        file = workspace.path("whole")
        file.write_text("new")
        assert not target.exists()
        workspace.publish(file)
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "out.mkv"
    target.write_text("old")

    def interrupted():
        with Workspace(target, overwrite=True) as workspace:
            workspace.path("half").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_existing_file_is_kept_unless_told(tmp_path):
    target = tmp_path / "out.mkv"
    target.write_text("old")
    with pytest.raises(CommandError, match="--overwrite"), Workspace(target, overwrite=False):
        pass
    target.unlink()
    with Workspace(target, overwrite=False) as workspace:
        file = workspace.path("whole")
        file.write_text("new")
        target.write_text("came meanwhile")
        with pytest.raises(CommandError, match="--overwrite"):
            workspace.publish(file)
    assert target.read_text() == "came meanwhile"


@pytest.mark.parametrize(
    ("target", "said"),
    [("gone/out.mkv", "does not exist"), ("", "is a folder"), ("file/out.mkv", "not exist")],
)
def test_place_that_cannot_be_written_is_told(tmp_path, target, said):
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match=said), Workspace(tmp_path / target, overwrite=True):
        pass


def test_folder_without_permission_is_told(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(CommandError, match="Permission denied; choose another folder"):
        Workspace(tmp_path / "out.mkv", overwrite=False).__enter__()


def test_full_disk_is_told_as_such(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(DiskError, match="No space left on device"):
        Workspace(tmp_path / "out.mkv", overwrite=False).__enter__()


def test_second_run_with_the_same_target_is_refused_and_the_first_goes_on(tmp_path):
    target = tmp_path / "out.mkv"
    with Workspace(target, overwrite=True) as first:
        file = first.path("whole")
        file.write_text("first")
        with (
            pytest.raises(BusyError, match=r"another run of osdclean is writing .*out\.mkv; wait for it"),
            Workspace(target, overwrite=True),
        ):
            pass
        with Workspace(tmp_path / "other.mkv", overwrite=True):
            pass
        first.publish(file)
    assert target.read_text() == "first"
    with Workspace(target, overwrite=True):
        pass
    assert list(tmp_path.iterdir()) == [target]


HELD = """
import sys, time
from pathlib import Path
from osdclean.engine.cli.workspace import Workspace
with Workspace(Path(sys.argv[1]), overwrite=True) as workspace:
    workspace.path("picture").write_text("half")
    workspace.path("config").mkdir()
    print("working", flush=True)
    time.sleep(600)
"""


def test_run_of_another_process_is_kept_out_and_what_a_killed_one_left_is_used(tmp_path):
    target = tmp_path / "out.mkv"
    with subprocess.Popen([sys.executable, "-c", HELD, target], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "working\n"
            with pytest.raises(CommandError, match="another run"), Workspace(target, overwrite=True):
                pass
        finally:
            other.send_signal(signal.SIGKILL)
    (left,) = tmp_path.iterdir()
    assert (left / "picture").exists()
    with Workspace(target, overwrite=True) as workspace:
        assert workspace.folder == left
        assert os.listdir(left) == ["lock"]
    assert list(tmp_path.iterdir()) == []


def test_names_that_differ_at_their_end_do_not_meet(tmp_path):
    name = "a" * 60
    with Workspace(tmp_path / f"{name}1.mkv", overwrite=True), Workspace(tmp_path / f"{name}2.mkv", overwrite=True):
        pass


def test_file_system_without_locks_is_worked_on_all_the_same(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with Workspace(tmp_path / "out.mkv", overwrite=True) as workspace:
        assert workspace.folder.is_dir()
    assert list(tmp_path.iterdir()) == []
