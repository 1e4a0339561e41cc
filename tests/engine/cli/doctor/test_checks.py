"""What doctor finds: each fault is told with how to mend it, and one does not hide another."""

import json
import shutil
import subprocess
import sys

import pytest
from osdclean.engine.cli import settings_file
from osdclean.engine.cli.doctor import checks
from osdclean.engine.cli.doctor.check import FAIL, OK, WARN


@pytest.mark.parametrize("package", ["torch", "cv2"])
def test_doctor_starts_where_a_package_is_missing(package):
    """That is when it is needed."""
    code = f"import sys; sys.modules[{package!r}] = None\n"
    code += "from osdclean.engine.cli import main\nfrom osdclean.engine.cli.doctor import server\n"
    code += "server.frame_server = lambda quick: ()\n"
    code += "sys.exit(main.main(['doctor', '--quick', '--json']))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 1, ended.stderr
    found = {check["name"]: check for check in json.loads(ended.stdout)["checks"]}
    name = {"cv2": "opencv-python-headless"}.get(package, package)
    assert (found[name]["state"], found[name]["found"]) == ("fail", "not installed")
    assert found["numpy"]["state"] == "ok"
    assert {"ffmpeg", "temporary"} <= set(found)


@pytest.mark.skipif(not all(map(shutil.which, ("ffmpeg", "x265"))), reason="needs ffmpeg and x265")
def test_this_installation_is_well(monkeypatch, tmp_path):
    """The whole, tiny run included."""
    monkeypatch.setattr(settings_file, "user_file", lambda: tmp_path / "none.toml")
    found = {check.name: check for check in checks.checks(quick=False)}
    assert not [check for check in found.values() if check.state == FAIL]
    assert {"python", "torch", "plugin", "bestsource", "device", "weights", "x265", "extra onnx"} <= set(found)
    assert found["run"].found == "six frames through Detect and Inpaint"
    assert found["vspipe"].state in (OK, WARN)
