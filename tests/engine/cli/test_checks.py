"""What doctor finds: each fault is told with how to mend it, and one does not hide another."""

import json
import shutil
import subprocess
import sys
from importlib import metadata

import pytest
from osdclean.engine.cli import checks, doctor, settings_file
from osdclean.engine.cli.checks import FAIL, NONE, OK, WARN
from osdclean.engine.cli.main import main


def one(look, *given):
    (check,) = look(*given)
    return check


def test_required_packages_are_those_of_the_installed_package():
    wanted = checks.required()
    assert wanted["torch"]
    assert "pytest" not in wanted
    assert checks.required("bench") == {"scikit-image": ""}


def test_package_that_is_missing_broken_or_old(monkeypatch):
    assert checks._package("numpy", "1.0").state == OK
    old = checks._package("numpy", "99.1")
    assert (old.state, old.found) == (FAIL, f"{metadata.version('numpy')}, older than 99.1")
    assert "install --upgrade 'numpy>=99.1'" in old.mend
    gone = checks._package("no-such-package", "")
    assert (gone.state, gone.found) == (FAIL, "not installed")
    assert gone.mend == f"{sys.executable} -m pip install 'no-such-package'"
    monkeypatch.setattr("importlib.import_module", lambda name: 1 / 0)
    broken = checks._package("numpy", "")
    assert broken.found == "cannot be loaded: division by zero"
    assert "--force-reinstall" in broken.mend


def test_versions_are_compared_as_numbers():
    assert checks._numbers("2.10.1+cpu") > checks._numbers("2.9")


@pytest.mark.parametrize(
    ("told", "state", "said"),
    [
        ({"osdclean": False}, FAIL, "VapourSynth has no core.osdclean"),
        ({"osdclean": True, "version": "0.0.1"}, FAIL, "0.0.1, where this command is"),
        ({"osdclean": True, "version": checks.version()}, OK, checks.version()),
    ],
)
def test_plugin_must_be_there_and_of_the_same_version(told, state, said):
    check = checks._plugin(told)
    assert check.state == state
    assert said in check.found
    assert bool(check.mend) == (state == FAIL)


def test_weights_are_loaded_and_compared_with_the_installed(tmp_path, monkeypatch):
    from osdclean.engine import weights

    assert checks._weights_file(weights.DEFAULT, weights.load).state == OK
    cut = tmp_path / "default.safetensors"
    cut.write_bytes(weights.DEFAULT.read_bytes()[:1000])
    check = checks._weights_file(cut, weights.load)
    assert check.state == FAIL
    assert "force-reinstall" in check.mend
    monkeypatch.setattr(checks, "_listed", lambda path: "another")
    assert "is not the file that was installed" in checks._weights_file(weights.DEFAULT, weights.load).found


def test_recorded_digest_is_that_of_the_file():
    """By what pip recorded of a package that is surely installed as files."""
    import base64
    import hashlib

    file = next(f for f in metadata.files("numpy") if f.name == "version.py")
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setattr(checks, "PACKAGE", "numpy")
        digest = hashlib.sha256(file.locate().read_bytes()).digest()
        assert checks._listed(file.locate()) == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def test_programs_that_are_missing_or_do_not_start(monkeypatch, tmp_path):
    fake = tmp_path / "x265"
    fake.write_text("#!/bin/sh\necho libfoo is missing >&2; exit 127\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {check.name: check for check in checks._programs()}
    assert (found["ffmpeg"].state, found["x264"].state, found["x265"].state) == (FAIL, WARN, FAIL)
    assert "sudo apt install ffmpeg" in found["ffmpeg"].found
    assert found["x265"].found == f"it does not start: libfoo is missing, {fake}"


def test_folders_that_cannot_be_written_to_or_are_full(monkeypatch, tmp_path):
    assert checks._folder("cache", tmp_path / "not" / "yet").state == OK
    monkeypatch.setattr(checks, "_LITTLE", 1 << 60)
    assert checks._folder("cache", tmp_path).mend == "free some space"

    def refuse(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert checks._folder("temporary", tmp_path).state == FAIL
    assert checks._folder("cache", tmp_path).mend == "set XDG_CACHE_HOME to a folder that can be"


def test_settings_of_the_user_are_read(monkeypatch, tmp_path):
    file = tmp_path / "osdclean.toml"
    monkeypatch.setattr(settings_file, "user_file", lambda: file)
    assert one(checks._settings).state == NONE
    file.write_text('[[camera]]\nmatch = "*"\n')
    assert one(checks._settings).state == OK
    file.write_text("krf = 3")
    (failed,) = [check for check in checks.checks(quick=True) if check.name == "settings"]
    assert (failed.state, "did you mean crf" in failed.found) == (FAIL, True)


def test_driver_without_a_torch_for_it_is_told(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/nvidia-smi")
    found, mend = checks.device()
    assert found.startswith("cpu, ")
    assert "there is a driver of NVIDIA's" in found
    assert "get-started" in mend


@pytest.mark.parametrize("package", ["torch", "cv2"])
def test_doctor_starts_where_a_package_is_missing(package):
    """That is when it is needed."""
    code = f"import sys; sys.modules[{package!r}] = None\n"
    code += "from osdclean.engine.cli import checks, main\n"
    code += "checks._frame_server = lambda quick: ()\n"
    code += "sys.exit(main.main(['doctor', '--quick', '--json']))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 1, ended.stderr
    found = {check["name"]: check for check in json.loads(ended.stdout)["checks"]}
    name = {"cv2": "opencv-python-headless"}.get(package, package)
    assert (found[name]["state"], found[name]["found"]) == ("fail", "not installed")
    assert found["numpy"]["state"] == "ok"
    assert {"ffmpeg", "temporary"} <= set(found)


def test_doctor_tells_and_counts(monkeypatch, capsys):
    made = [
        checks.Check(name="python", state=OK, found="3.12"),
        checks.Check(name="x264", state=WARN, found="gone"),
        checks.Check(name="x265", state=FAIL, found="gone", mend="apt install x265"),
    ]
    monkeypatch.setattr(doctor, "checks", lambda quick: iter(made))
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "fail  x265                    gone\n      mend: apt install x265\n1 to mend\n" in said
    assert main(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert told["checks"][2] == {"name": "x265", "state": "fail", "found": "gone", "mend": "apt install x265"}
    del made[2]
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.endswith("all well\n")


@pytest.mark.skipif(not all(map(shutil.which, ("ffmpeg", "x265"))), reason="needs ffmpeg and x265")
def test_this_installation_is_well(monkeypatch, tmp_path):
    """The whole, tiny run included."""
    monkeypatch.setattr(settings_file, "user_file", lambda: tmp_path / "none.toml")
    found = {check.name: check for check in checks.checks(quick=False)}
    assert not [check for check in found.values() if check.state == FAIL]
    assert found["run"].found == "six frames through Detect and Inpaint"
    assert found["vspipe"].state in (OK, WARN)
