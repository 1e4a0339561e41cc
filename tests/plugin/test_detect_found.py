"""The node of `Detect` with the weights that are shipped: what is found over a made flight."""

import cv2
import numpy as np
import pytest
import vapoursynth as vs
from clips import planes
from osdclean.engine.bench.detection import near
from osdclean.engine.synth import overlays, scene

W, H, N = 480, 272, 24


@pytest.fixture(scope="module")
def flight() -> list[tuple[np.ndarray, ...]]:
    """The flight as planes of YUV 4:2:0."""
    frames = []
    for rgb in scene.flight(W, H, N, 5):
        i420 = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
        chroma = i420[H:].reshape(2, H // 2, W // 2)
        frames.append((i420[:H], chroma[0], chroma[1]))
    return frames


def clip(frames) -> vs.VideoNode:
    blank = vs.core.std.BlankClip(width=W, height=H, format=vs.YUV420P8, length=len(frames), keep=True)

    def draw(n, f):
        out = f.copy()
        for p in range(3):
            np.asarray(out[p])[:] = frames[n][p]
        return out

    return vs.core.std.ModifyFrame(blank, blank, draw)


def under(frames, name: str, seed: int = 3):
    """The clip under an overlay, and what that covers, bool [N, H, W]."""
    overlay = overlays.make(name, W, H, len(frames), 30, seed, None)
    laid = [overlays.lay_yuv420(planes, overlay.rgba(n)) for n, planes in enumerate(frames)]
    return clip(laid), np.stack([overlay.mask(n) > 0 for n in range(len(frames))])


def masks(node: vs.VideoNode) -> np.ndarray:
    return np.stack([planes(node.get_frame(n))[0] > 0 for n in range(node.num_frames)])


def shares(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Recall and precision."""
    return float(near(found)[truth].mean()), float(near(truth)[found].mean())


@pytest.mark.parametrize(
    ("overlay", "kind"), [("telemetry-per-frame", "osd"), ("subtitles", "subtitle"), ("logo", "logo")]
)
def test_what_is_laid_over_a_flight_is_found(flight, overlay, kind):
    laid, truth = under(flight, overlay)
    recall, precision = shares(masks(vs.core.osdclean.Detect(laid, kind=kind)), truth)
    assert recall > 0.9
    assert precision > 0.8


def test_over_nothing_hardly_anything_is_found(flight):
    assert masks(vs.core.osdclean.Detect(clip(flight), kind="any")).mean() < 0.003


def test_a_subtitle_is_marked_on_its_frames_alone(flight):
    overlay = overlays.make("subtitles", W, H, N, 30, 3, None)
    shown = overlay.rgba(next(n for n in range(N) if overlay.mask(n).any()))
    on = range(7, 17)
    laid = clip([overlays.lay_yuv420(planes, shown) if n in on else planes for n, planes in enumerate(flight)])
    found = masks(vs.core.osdclean.Detect(laid, kind="subtitle")).mean((1, 2)) > 0.001
    assert found.tolist() == [n in on for n in range(N)]


def test_a_logo_does_not_flicker(flight):
    laid, truth = under(flight, "logo")
    found = masks(vs.core.osdclean.Detect(laid, kind="logo"))
    inside = truth[0]
    assert (found[1:] != found[:-1])[:, inside].mean() < 0.005
