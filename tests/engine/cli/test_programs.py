"""Finding programs, and an environment in which vspipe starts."""

import subprocess
import sys

import pytest
from osdclean.engine.cli import programs
from osdclean.engine.cli.failure import CommandError


def test_missing_program_is_told_with_its_package(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match=r"ffprobe was not found on PATH; install it .*apt install ffmpeg"):
        programs.find("ffprobe")


def test_vspipe_is_the_one_of_this_python_and_no_script(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with open(programs.find_vspipe(), "rb") as file:
        assert file.read(2) != b"#!"


@pytest.mark.parametrize("writable", [True, False])
def test_vspipe_starts_whether_or_not_the_home_can_be_written(monkeypatch, tmp_path, writable):
    home = tmp_path / "home"
    # a file where a folder is needed stops root as well
    home.mkdir() if writable else home.write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    vspipe = programs.find_vspipe()
    environment = programs.vspipe_environment(vspipe, tmp_path / "private")
    subprocess.run([vspipe, "--version"], env=environment, check=True, capture_output=True)
    assert (environment["XDG_CONFIG_HOME"] == str(home)) == writable


def test_python_that_vspipe_cannot_use_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(programs, "_starts", lambda *_: "no library.")
    with pytest.raises(CommandError, match=f"cannot start under {sys.executable}: no library"):
        programs.vspipe_environment("/bin/false", tmp_path)
