"""`osdclean mask`, and `clean` and `preview` without a mask: what is found. The detector is a random one."""

import shutil
import subprocess

import cv2
import numpy as np
import pytest
from detectors import blind_detector, random_detector

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("ffmpeg", "ffprobe", "x264"))), reason="needs ffmpeg and x264"
)


@pytest.fixture(scope="module")
def random(tmp_path_factory):
    return random_detector(tmp_path_factory.mktemp("weights") / "random.safetensors")


@pytest.fixture(scope="module")
def blind(tmp_path_factory):
    return blind_detector(tmp_path_factory.mktemp("weights") / "blind.safetensors")


def grays(file, shape=(64, 96), pixels="gray"):
    words = ["ffmpeg", "-v", "error", "-i", file, "-fps_mode", "passthrough", "-pix_fmt", pixels, "-f", "rawvideo", "-"]
    data = subprocess.run(words, check=True, capture_output=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, *shape)


def test_a_mask_for_each_frame_has_the_clip_s_times_and_nothing_else(footage, tmp_path, osdclean, random, times, probe):
    out = tmp_path / "mask.mkv"
    ended = osdclean("mask", footage.video, "-o", out, "--detector", random)
    assert ended.status == 0, ended.said
    assert "osd in 100% of the frames looked at" in ended.said
    masks = grays(out)
    assert len(masks) == footage.frames
    assert set(np.unique(masks)) == {0, 255}
    assert len({mask.tobytes() for mask in masks}) > 20
    assert times(out, "v") == times(footage.video, "v")
    assert probe(out, "-show_entries", "stream=codec_name,codec_type") == ["ffv1,video"]
    assert list(tmp_path.iterdir()) == [out]


def test_clean_finds_and_keeps_the_mask_that_it_used(footage, tmp_path, osdclean, random):
    out, kept, again = (tmp_path / name for name in ("clean.mkv", "kept.mkv", "again.mkv"))
    find = ("--kind", "osd,moving", "--detector", random, "--exclude", footage.mask)
    plain = ("--encoder", "ffv1", "--grow", 0)
    ended = osdclean("clean", footage.video, out, *find, *plain, "--keep-mask", kept)
    assert ended.status == 0, ended.said
    assert "found moving in 100%" in ended.said
    assert "osd in 100%" in ended.said
    assert osdclean("clean", footage.video, again, "--mask", kept, *plain, "--quiet").status == 0
    source, cleaned, masks = grays(footage.video), grays(out), grays(kept)
    assert (cleaned == grays(again)).all()
    assert (cleaned != source).any()
    assert (cleaned == source)[masks == 0].all()
    assert not masks[:, 20:32, 30:54].any()  # what the excluding mask covers
    osdclean("clean", footage.video, again, *find, *plain, "--quiet", "--overwrite")
    assert (cleaned == grays(again)).all()


def test_show_and_pictures(footage, tmp_path, osdclean, random):
    more = ("--sensitivity", 0.9)
    shown, still, frame = (tmp_path / name for name in ("look.mkv", "still.png", "look.png"))
    assert osdclean("mask", footage.video, "-o", shown, "--detector", random, *more, "--show", "--quiet").status == 0
    colours = [grays(file, (64, 96, 3), "rgb24").astype(int) for file in (footage.video, shown)]
    assert 0.02 < (abs(colours[1] - colours[0]).max(-1) > 50).mean() < 0.9
    assert osdclean("mask", footage.video, "-o", still, "--detector", random).status == 0
    mask = cv2.imread(str(still), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (64, 96)
    assert set(np.unique(mask)) == {0, 255}
    assert osdclean("mask", footage.video, "-o", frame, "--detector", random, "--show").status == 0
    assert cv2.imread(str(frame)).shape == (64, 96, 3)
    picture = tmp_path / "preview.png"
    part = ("--region", "10,10,60,40")
    assert osdclean("preview", footage.video, "-o", picture, "--detector", random, *part, "--frame", 3).status == 0
    assert cv2.imread(str(picture)).shape[1] == 3 * 96


def test_a_logo_that_never_goes_is_solved_for_under_one_mask(footage, tmp_path, osdclean, random):
    out, kept = tmp_path / "clean.mkv", tmp_path / "kept.mkv"
    words = ("clean", footage.video, out, "--kind", "logo", "--detector", random, "--encoder", "ffv1")
    words += ("--region", "10,10,40,30")
    assert osdclean(*words, "--keep-mask", kept).status == 0
    masks = grays(kept)
    assert len(masks) == footage.frames
    assert (masks == masks[0]).all()
    assert 0 < masks[0].mean() < 255
    assert osdclean(*words, "--keep-mask", kept, "--no-unblend", "--overwrite").status == 0
    assert (grays(kept) != grays(kept)[0]).any()


def test_nothing_found_is_told_and_nothing_written(footage, tmp_path, osdclean, blind):
    ended = osdclean("clean", footage.video, tmp_path / "clean.mkv", "--detector", blind)
    assert ended.status == 1
    assert "no osd found in the frames looked at: nothing to remove" in ended.said
    assert list(tmp_path.iterdir()) == []
    out = tmp_path / "mask.mkv"
    ended = osdclean("mask", footage.video, "-o", out, "--detector", blind)
    assert ended.status == 0
    assert "no osd" in ended.said
    assert not grays(out).any()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kind", "osd,teletext"), "kind must be one of osd, logo, subtitle, moving, any, white, passed teletext"),
        (("--sensitivity", "2"), "sensitivity must be 0 to 1, passed 2.0"),
        (("--region", "1,2,3"), "--region must be LEFT,TOP,WIDTH,HEIGHT in whole pixels, passed 1,2,3"),
        (("--region", "0,0,200,20"), "left + width must be at most the picture's width, passed 200 and 96"),
        (("--detector", "none.safetensors"), "there is no file none.safetensors"),
        (("--exclude", "none.png"), "none.png"),
        (("--hold", "40"), "hold must be 0 to 32, passed 40"),
    ],
)
def test_what_cannot_be_asked_for_is_told(footage, tmp_path, osdclean, words, said):
    for command in (("mask", footage.video, "-o", tmp_path / "m.mkv"), ("clean", footage.video, tmp_path / "c.mkv")):
        ended = osdclean(*command, *words)
        assert ended.status == 1
        assert said in ended.said
    assert list(tmp_path.iterdir()) == []


def test_names_that_cannot_be_are_told(footage, tmp_path, osdclean, random):
    ended = osdclean("mask", footage.video, "-o", tmp_path / "mask.mp4", "--detector", random)
    assert (ended.status, "must end in .mkv" in ended.said) == (1, True)
    ended = osdclean("clean", footage.video, tmp_path / "a.mkv", "--mask", footage.mask, "--kind", "osd")
    assert "--kind find a mask, and --mask gives one; leave one of both out" in ended.said
    ended = osdclean("clean", footage.video, tmp_path / "a.mkv", "--keep-mask", tmp_path / "a.mkv")
    assert "is the output itself" in ended.said
    ended = osdclean("mask", footage.video, "-o", footage.video, "--overwrite")
    assert "is the input itself" in ended.said
    assert footage.video.stat().st_size > 1000
