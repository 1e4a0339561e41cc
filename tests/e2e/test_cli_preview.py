"""`osdclean preview`: one picture with before, hole and after."""

import shutil
import subprocess

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(not shutil.which("ffprobe"), reason="needs ffmpeg")


@pytest.fixture
def preview(footage, tmp_path, osdclean):
    def run(*words, out="look.png"):
        return osdclean("preview", footage.video, "--mask", footage.mask, "-o", tmp_path / out, *words)

    return run


def test_picture_shows_before_hole_and_after(preview, footage, tmp_path):
    ended = preview("--frame", 7)
    assert ended.status == 0, ended.said
    picture = cv2.imread(str(tmp_path / "look.png")).astype(int)
    band = picture.shape[0] - 64
    assert picture.shape[1] == 3 * 96
    assert 0 < band < 32
    before, hole, after = np.split(picture[band:], 3, axis=1)
    words = ["ffmpeg", "-v", "error", "-i", footage.video, "-vf", "select=eq(n\\,7)", "-frames:v", "1"]
    frame = subprocess.run(
        [*words, "-pix_fmt", "bgr24", "-f", "rawvideo", "-"], check=True, capture_output=True
    )
    assert np.abs(before - np.frombuffer(frame.stdout, np.uint8).reshape(64, 96, 3)).mean() < 8
    box = np.zeros((64, 96), bool)
    box[18:34, 28:56] = True
    for other in (hole, after):
        changed = np.abs(before - other).max(axis=2) > 8
        assert changed[box].any()
        # chroma may reach a little out of the box when it is turned to RGB
        assert not changed[:12].any()
        assert not changed[:, 64:].any()
    assert np.abs(hole - after)[box].max() > 8
    assert picture[:band].min() < 40 < 200 < picture[:band].max()


@pytest.mark.parametrize(
    ("words", "out", "said"),
    [
        (("--frame", 41), "look.png", "--frame must be 0 to 40"),
        (("--frame", -1), "look.png", "--frame must be 0 to 40"),
        ((), "look.gif", "must end in .png"),
        ((), "gone/look.png", "does not exist"),
    ],
)
def test_what_cannot_be_shown_is_told(preview, tmp_path, words, out, said):
    ended = preview(*words, out=out)
    assert ended.status == 1
    assert said in ended.said
    assert list(tmp_path.iterdir()) == []
