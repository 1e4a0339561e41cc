"""A result bears its name only when whole; nothing else is left behind."""

import pytest
from osdclean.engine.cli.failure import CommandError
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
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(CommandError, match="Permission denied; choose another folder"):
        Workspace(tmp_path / "out.mkv", overwrite=False).__enter__()
