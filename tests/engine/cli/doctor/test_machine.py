"""Programs, folders, settings and device."""

from osdclean.engine.cli import settings_file
from osdclean.engine.cli.doctor import checks, machine
from osdclean.engine.cli.doctor.check import FAIL, NONE, OK, WARN


def test_programs_that_are_missing_or_do_not_start(monkeypatch, tmp_path):
    fake = tmp_path / "x265"
    fake.write_text("#!/bin/sh\necho libfoo is missing >&2; exit 127\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {check.name: check for check in machine.programs()}
    assert (found["ffmpeg"].state, found["x264"].state, found["x265"].state) == (FAIL, WARN, FAIL)
    assert "sudo apt install ffmpeg" in found["ffmpeg"].found
    assert found["x265"].found == f"it does not start: libfoo is missing, {fake}"


def test_folders_that_cannot_be_written_to_or_are_full(monkeypatch, tmp_path):
    assert machine.folder_check("cache", tmp_path / "not" / "yet").state == OK
    monkeypatch.setattr(machine, "_LITTLE", 1 << 60)
    assert machine.folder_check("cache", tmp_path).mend == "free some space"

    def refuse(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert machine.folder_check("temporary", tmp_path).state == FAIL
    assert machine.folder_check("cache", tmp_path).mend == "set XDG_CACHE_HOME to a folder that can be"


def test_settings_of_the_user_are_read(monkeypatch, tmp_path):
    file = tmp_path / "osdclean.toml"
    monkeypatch.setattr(settings_file, "user_file", lambda: file)
    assert next(machine.settings()).state == NONE
    file.write_text('[[camera]]\nmatch = "*"\n')
    assert next(machine.settings()).state == OK
    file.write_text("krf = 3")
    (failed,) = [check for check in checks.checks(quick=True) if check.name == "settings"]
    assert (failed.state, "did you mean crf" in failed.found) == (FAIL, True)


def test_driver_without_a_torch_for_it_is_told(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/nvidia-smi")
    found, mend = machine.device_found()
    assert found.startswith("cpu, ")
    assert "there is a driver of NVIDIA's" in found
    assert "get-started" in mend
