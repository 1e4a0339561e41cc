"""Compression after the overlay: same frames in number and order, same bytes twice, levels that stay, rings."""

import shutil
import subprocess

import cv2
import numpy as np
import pytest
from osdclean.engine.errors import ArgumentError, OsdcleanError, PictureError
from osdclean.engine.synth import compression, overlays, strokes
from osdclean.engine.synth.compression import Compression, compressed, draw

CODECS = {"x264": (16, 40), "x265": (16, 42), "mjpeg": (2, 28)}


def missing(codec):
    if shutil.which("ffmpeg") is None:
        return "ffmpeg is not installed"
    listed = subprocess.run(["ffmpeg", "-v", "error", "-encoders"], capture_output=True, text=True, check=False)
    encoder = {"x264": "libx264", "x265": "libx265", "mjpeg": " mjpeg "}[codec]
    return None if encoder in listed.stdout else f"this ffmpeg has no {encoder.strip()}"


@pytest.fixture(params=CODECS)
def codec(request):
    reason = missing(request.param)
    if reason:
        pytest.skip(reason)
    return request.param


def clip(width, height, length):
    """Frames that tell their number by their level, with edges and a little texture."""
    rng = np.random.default_rng(3)
    speckle = rng.integers(-6, 7, (height, width))
    half = (height + 1) // 2, (width + 1) // 2
    frames = []
    for n in range(length):
        luma = np.full((height, width), 60 + 12 * n) + speckle
        luma[height // 4 : height // 2, width // 4 : width // 2] = 235
        frames.append((luma.astype(np.uint8), np.full(half, 110 + n, np.uint8), np.full(half, 150 - n, np.uint8)))
    return frames


def error(frames, out):
    return float(np.mean([np.square(a[0].astype(float) - b[0]).mean() for a, b in zip(frames, out, strict=True)]))


@pytest.mark.parametrize("size", [(96, 64), (17, 33), (16, 16), (67, 65)])
def test_as_many_frames_in_their_order_of_their_size(codec, size):
    frames = clip(*size, 9)
    out = compressed(frames, 30000 / 1001, Compression(codec=codec, quality=20, preset="fast", bframes=3))
    assert len(out) == 9
    for n, (planes, before) in enumerate(zip(out, frames, strict=True)):
        assert [p.shape for p in planes] == [p.shape for p in before]
        assert all(p.dtype == np.uint8 for p in planes)
        assert abs(float(np.median(planes[0])) - float(np.median(before[0]))) < 6, n


def test_same_bytes_twice_and_quality_orders_the_error(codec):
    frames = clip(96, 64, 6)
    fine, coarse = (Compression(codec=codec, quality=q) for q in CODECS[codec])
    a, b = (compressed(frames, 30, coarse) for _ in range(2))
    assert all(np.array_equal(p, q) for x, y in zip(a, b, strict=True) for p, q in zip(x, y, strict=True))
    assert 0 < error(frames, compressed(frames, 30, fine)) < 0.5 * error(frames, a)


@pytest.mark.parametrize("level", [(16, 128, 128), (126, 90, 160), (235, 128, 128), (2, 128, 128)])
def test_levels_do_not_move(codec, level):
    half = np.ones((20, 24), np.uint8)
    frames = [(np.full((40, 48), level[0], np.uint8), half * level[1], half * level[2])] * 4
    for planes in compressed(frames, 25, Compression(codec=codec, quality=10)):
        for plane, value in zip(planes, level, strict=True):
            assert np.abs(plane.astype(int) - value).max() <= 1


def test_rings_stand_around_a_glyph_and_colour_beside_it(codec):
    """What the whole thing is for: the samples next to a mark are further from the clean ones than they would be."""
    luma = np.add.outer(np.linspace(80, 120, 64), np.linspace(0, 30, 64)).astype(np.uint8)
    clean = luma, np.full((32, 32), 120, np.uint8), np.full((32, 32), 130, np.uint8)
    rgba = np.zeros((64, 64, 4), np.uint8)
    glyph = strokes.draw("8", 16, 24, strokes.Pen())
    glyph[..., 1:3] //= 5  # red in black
    rgba[20:44, 12:28], rgba[20:44, 36:52] = glyph, glyph
    covered = overlays.lay_yuv420(clean, rgba)
    how = Compression(codec=codec, quality={"mjpeg": 14}.get(codec, 32))
    (marked,), (plain,) = (compressed([planes], 25, how) for planes in (covered, clean))
    for k, reach in ((0, 6), (2, 3)):
        touched = (covered[k] != clean[k]).astype(np.uint8)
        beside = (cv2.dilate(touched, np.ones((2 * reach + 1,) * 2, np.uint8)) > 0) & (touched == 0)
        with_mark, without = (np.abs(p[k][beside].astype(int) - clean[k][beside]).mean() for p in (marked, plain))
        assert with_mark > 1.5 * without + 0.3, k


def test_settings_are_drawn_from_the_generator():
    first, again = ([draw(np.random.default_rng(seed)) for seed in range(60)] for _ in range(2))
    assert first == again
    assert {how.codec for how in first} == set(CODECS)
    assert len(set(first)) > 40


def test_bad_settings_and_frames_are_named():
    with pytest.raises(ArgumentError, match="passed vp9"):
        Compression(codec="vp9", quality=20)
    with pytest.raises(ArgumentError, match="2 to 31, passed 40"):
        Compression(codec="mjpeg", quality=40)
    with pytest.raises(ArgumentError, match="passed slowest"):
        Compression(codec="x264", quality=20, preset="slowest")
    with pytest.raises(ArgumentError, match="passed 0, 2"):
        Compression(codec="x264", quality=20, keyframe=0, bframes=2)
    how = Compression(codec="x264", quality=20)
    assert compressed([], 30, how) == []
    with pytest.raises(ArgumentError, match="passed 0"):
        compressed(clip(16, 16, 1), 0, how)
    frames = clip(32, 32, 2)
    with pytest.raises(PictureError, match="frame 1 has planes"):
        compressed([frames[0], clip(16, 16, 1)[0]], 30, how)


def test_a_missing_program_and_a_missing_encoder_are_named(monkeypatch):
    how = Compression(codec="x264", quality=20)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", "/nowhere")
        with pytest.raises(OsdcleanError, match="ffmpeg was not found"):
            compressed(clip(16, 16, 1), 30, how)
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    monkeypatch.setitem(compression._ENCODERS, "x264", "libnothing")
    with pytest.raises(OsdcleanError, match="no encoder libnothing"):
        compressed(clip(16, 16, 1), 30, how)
