"""The plugin in its hosts: found by python and vspipe, light at the start; left open at the end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
VSPIPE = Path(sys.executable).with_name("vspipe")

LIGHT = """
import sys
import vapoursynth as vs
assert vs.core.osdclean.Version()
heavy = {"numpy", "cv2", "torch"} & set(sys.modules)
assert not heavy, heavy
blank = vs.core.std.BlankClip(width=32, height=32, format=vs.GRAY8)
vs.core.osdclean.Inpaint(blank, blank, show=1)
assert "numpy" in sys.modules
print("done")
"""

FAILING = """
import vapoursynth as vs
from clips import masking, moving

def fail(n, f):
    if n == 17:
        raise ValueError("the disk was pulled out")
    return f

clip = moving(length=24)
clip = vs.core.std.ModifyFrame(clip, clip, fail)
vs.core.osdclean.Inpaint(clip, masking(), period=4, warmup=2, lookahead=2, device="cpu").set_output()
"""

LEFT_OPEN = """
import threading
import vapoursynth as vs
from clips import masking, moving
node = vs.core.osdclean.Inpaint(moving(length=40), masking(), period=4, device="cpu")
asked = [node.get_frame_async(n) for n in range(40)]
asked[0].result()
print("done")
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("config")
    made = os.environ | {"PYTHONPATH": str(HERE.parent), "XDG_CONFIG_HOME": str(home)}
    # vspipe finds its Python by itself only where no path has a space.
    subprocess.run(
        [sys.executable, "-m", "vapoursynth", "config"], env=made, check=True, stdout=subprocess.DEVNULL
    )
    return made


def python(code: str, environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("code", [LIGHT, LEFT_OPEN], ids=["light", "left open"])
def test_in_python(code, environment):
    done = python(code, environment)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def script(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "with a space.vpy"
    path.write_text(text)
    return path


def test_under_vspipe_only_frames_are_written(tmp_path, environment):
    path = script(tmp_path, FAILING.replace("n == 17", "False"))
    done = subprocess.run([VSPIPE, path, "-"], capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) == 24 * 96 * 64 * 3 // 2


def test_a_source_that_fails_ends_vspipe_with_its_line(tmp_path, environment):
    done = subprocess.run(
        [VSPIPE, script(tmp_path, FAILING), "-"], capture_output=True, env=environment, check=False
    )
    assert done.returncode == 1
    assert b"the disk was pulled out" in done.stderr
    assert b"fatal" not in done.stderr.lower()


def test_a_bad_argument_ends_vspipe_with_its_line(tmp_path, environment):
    path = script(tmp_path, FAILING.replace("period=4", "period=-4"))
    done = subprocess.run([VSPIPE, path, "-"], capture_output=True, env=environment, check=False)
    assert done.returncode == 1
    assert b"Inpaint: period must be 1 to 1000, passed -4" in done.stderr
