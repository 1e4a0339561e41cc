"""`osdclean demo`: a small scene, made, cleaned and measured."""

import re
import shutil

import cv2
import pytest

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("ffmpeg", "ffprobe", "x265"))), reason="needs ffmpeg and x265"
)


def test_scene_is_made_cleaned_and_measured(tmp_path, osdclean, times):
    out = tmp_path / "demo"
    ended = osdclean("demo", "--out", out, "--size", "320x180", "--frames", 12, "--preset", "ultrafast")
    assert ended.status == 0, ended.said
    names = {"telemetry.mkv", "truth.mkv", "mask.png", "clean.mkv", "before_after.mp4", "before_after.png"}
    assert {file.name for file in out.iterdir()} == names
    before, after = map(float, re.search(r"([\d.]+) dB before, ([\d.]+) dB after", ended.said).groups())
    assert after > before + 3
    assert float(re.search(r"12 frames at ([\d.]+) frames/s", ended.said)[1]) > 0.2
    assert len(times(out / "before_after.mp4", "v")) == 12
    assert cv2.imread(str(out / "before_after.png")).shape[1] == 3 * 320


def test_own_footage(footage, tmp_path, osdclean, times):
    out = tmp_path / "demo"
    ended = osdclean(
        "demo", "--out", out, "--clip", footage.video, "--mask", footage.mask, "--encoder", "x264"
    )
    assert ended.status == 0, ended.said
    assert {file.name for file in out.iterdir()} == {"clean.mkv", "before_after.mp4", "before_after.png"}
    assert "dB" not in ended.said
    assert len(times(out / "before_after.mp4", "v")) == footage.frames


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--mask", "a.png"), 1, "--mask is that of a --clip of your own"),
        (("--size", "95x64"), 2, "must be WxH, even"),
        (("--frames", "1"), 2, "must be 2 to 100000"),
    ],
)
def test_wrong_arguments(tmp_path, osdclean, words, status, said):
    ended = osdclean("demo", "--out", tmp_path / "demo", *words)
    assert ended.status == status
    assert said in ended.said
