"""The environment of the portable folder's vspipe, tried on the installed one: a folder of links to it."""

import os
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import pytest
from osdclean.engine.cli import main, portable, programs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the folder was tried on Linux alone")


@pytest.fixture
def frozen(monkeypatch, tmp_path):
    """The library of a portable folder, as far as vspipe needs one."""
    package = Path(find_spec("vapoursynth").submodule_search_locations[0])
    name = f"libpython3.{sys.version_info.minor}.so.1.0"
    places = [Path(p) / name for p in sysconfig.get_config_vars("LIBDIR", "LIBPL", "srcdir") if p]
    python = next((p for p in places if p.is_file()), None)
    if python is None:
        pytest.skip(f"{name} is not where Python says that it is")
    home = tmp_path / "lib"
    home.mkdir()
    (home / "vapoursynth").symlink_to(package)
    (home / name).symlink_to(python)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(home), raising=False)
    return home


def test_an_installed_command_is_in_no_portable_folder():
    assert portable.library() is None


def test_vspipe_starts_with_the_folders_note_and_without_the_users(frozen, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    environment = programs.vspipe_environment("unused", tmp_path / "note")
    # a base that has no library of its own besides what is on the path of this process
    environment["PYTHONHOME"] = sys.base_prefix
    vspipe = frozen / "vapoursynth" / "vspipe"
    # loaded under the name that the note has, which links would hide
    environment["LD_LIBRARY_PATH"] = f"{frozen / 'vapoursynth'}:{frozen}"
    done = subprocess.run([vspipe, "--version"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Core R" in done.stdout
    environment["XDG_CONFIG_HOME"] = str(tmp_path / "empty")
    assert subprocess.run([vspipe, "--version"], env=environment, capture_output=True, check=False).returncode != 0


def test_its_python_looks_where_this_process_does(frozen, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", "/somebody/elses")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/their/own")
    environment = portable.vspipe_environment(tmp_path / "note")
    assert environment["PYTHONPATH"].split(os.pathsep) == sys.path
    assert environment["PYTHONHOME"] == str(frozen)
    assert environment["LD_LIBRARY_PATH"] == f"{frozen}:/their/own"
    assert os.environ["LD_LIBRARY_PATH"] == "/their/own"


def test_a_folder_that_moved_gets_another_note(frozen, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = portable.note_folder()
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path / "moved" / "lib"))
    assert portable.note_folder() not in (first, None)
    assert first.parent == portable.note_folder().parent == tmp_path / "cache" / "osdclean"


def test_a_note_is_kept_where_the_cache_cannot_be(frozen, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = portable.note_folder()
    assert folder.is_dir()
    assert folder.parent == tmp_path


def test_a_command_that_is_left_out_says_where_it_is(frozen, monkeypatch, capsys):
    def missing(command):
        raise ImportError("No module named 'osdclean.engine.train.finetune'")

    monkeypatch.setattr(main, "parser_for", missing)
    assert main.main(["finetune", "clip.mp4"]) == 1
    said = capsys.readouterr().err
    assert "install osdclean with pip" in said
    assert said.count("\n") == 1
