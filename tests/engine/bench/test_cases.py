"""Cases, kept results, pictures and the command, on a small clip made here."""

import shutil
import subprocess

import cv2
import numpy as np
import pytest
from osdclean.engine import footage
from osdclean.engine.bench import baselines, cases, metrics, pictures, runs
from osdclean.engine.cli.main import main
from osdclean.engine.errors import OsdcleanError

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "moving.mkv"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x96:rate=25:duration=0.32",
         "-c:v", "ffv1", "-pix_fmt", "yuv420p", str(path)],
        check=True,
    )  # fmt: skip
    return path


@pytest.mark.parametrize("kind", ["telemetry", "telemetry-per-frame", "subtitles", "logo"])
def test_overlaid_differs_from_truth_only_in_the_hole(clip, kind):
    case = cases.load(clip, kind, seed=3)
    assert case.length == 8
    assert float(case.fps) == 25
    assert case.static == (kind in ("telemetry", "logo"))
    changed = 0
    for truth, overlaid, hole in zip(case.truth, case.overlaid, case.holes, strict=True):
        for a, b in zip(truth, overlaid, strict=True):
            inside = cases.plane_hole(hole, a)
            assert np.array_equal(a[~inside], b[~inside])
            changed += int((a != b).sum())
    assert changed
    assert metrics.score(case, case.truth).psnr == metrics.PERFECT
    assert metrics.score(case, case.overlaid).psnr < 25


def test_loading_repeats_and_clips_get_displays_of_their_own(clip, tmp_path):
    a, b = cases.load(clip, "telemetry", 1, frames=3), cases.load(clip, "telemetry", 1, frames=3)
    assert a.length == 3
    assert all(
        np.array_equal(x, y)
        for p, q in zip(a.overlaid, b.overlaid, strict=True)
        for x, y in zip(p, q, strict=True)
    )
    other = tmp_path / "other.mkv"
    shutil.copy(clip, other)
    assert not np.array_equal(cases.load(other, "telemetry", 1, frames=3).holes[0], a.holes[0])


def test_split_is_the_inverse_of_joined():
    rng = np.random.default_rng(0)
    frames = [
        (rng.integers(0, 256, (5, 7)).astype(np.uint8), *rng.integers(0, 256, (2, 3, 4)).astype(np.uint8))
        for _ in range(2)
    ]
    again = footage.split(np.frombuffer(b"".join(footage.joined(frames)), np.uint8), 7, 5)
    assert all(
        np.array_equal(a, b) for f, g in zip(frames, again, strict=True) for a, b in zip(f, g, strict=True)
    )


def test_kept_results_are_the_same_and_go_stale_with_the_picture(clip, tmp_path, monkeypatch):
    case = cases.load(clip, "telemetry-per-frame", 1, frames=4)
    holes = case.grown()
    first = runs.baseline("telea", case, holes, tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 1
    original = baselines.BASELINES["telea"]
    monkeypatch.setitem(
        baselines.BASELINES, "telea", lambda *_: pytest.fail("it was kept: nothing is to be run")
    )
    again = runs.baseline("telea", case, holes, tmp_path)
    assert (again.seconds, again.memory) == (first.seconds, first.memory)
    for a, b in zip(first.restored, again.restored, strict=True):
        assert all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))
    monkeypatch.setitem(baselines.BASELINES, "telea", original)
    runs.baseline("telea", cases.load(clip, "telemetry-per-frame", 2, frames=4), holes, tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_pictures_are_written(clip, tmp_path):
    case = cases.load(clip, "telemetry", 1, frames=2)
    results = {name: runs.baseline(name, case, case.grown()).restored for name in ("ns", "telea")}
    written = pictures.write(tmp_path / "new", case, case.grown(), results)
    assert [path.name for path in written] == ["moving-telemetry-worst.png", "moving-telemetry-best.png"]
    assert all(cv2.imread(str(path)).shape[1] >= 160 for path in written)


def test_a_missing_clip_is_named(tmp_path):
    with pytest.raises(OsdcleanError, match=r"gone\.mp4 does not exist"):
        cases.load(tmp_path / "gone.mp4")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    with pytest.raises(OsdcleanError, match=r"broken\.mp4 has no video"):
        cases.load(broken)


def test_command_prints_and_writes_tables(clip, tmp_path, capsys):
    arguments = ["bench", str(clip), "--frames", "3", "--baselines", "telea,ns", "--without-node"]
    assert main([*arguments, "--markdown", str(tmp_path / "t.md"), "--json", str(tmp_path / "t.json")]) == 0
    printed = capsys.readouterr().out
    assert "| moving | 160x96 | 3 |" in printed
    assert (tmp_path / "t.md").read_text() == printed
    assert '"telea"' in (tmp_path / "t.json").read_text()


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--baselines", "magic"], "passed magic"),
        (["--baselines", "none", "--without-node"], "needs a method"),
        (["--json", "gone/t.json"], "gone does not exist"),
        (["--node", "grow"], "NAME=VALUE"),
    ],
)
def test_command_refuses_what_makes_no_sense(clip, extra, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["bench", str(clip), *extra]) == 1
    assert said in capsys.readouterr().err
