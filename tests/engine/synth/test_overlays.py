"""Overlays: deterministic, masks that cover, states that last as long as the display's."""

import cv2
import numpy as np
import pytest
from osdclean.engine.errors import ArgumentError
from osdclean.engine.synth import overlays

MAKERS = {"telemetry": overlays.telemetry, "subtitles": overlays.subtitles, "logo": overlays.logo}


@pytest.mark.parametrize("kind", MAKERS)
def test_same_seed_same_pixels_in_any_order(kind):
    a, b = (MAKERS[kind](240, 160, 24, 30, 5) for _ in range(2))
    forward = [a.rgba(n).copy() for n in range(24)]
    for n in (23, 0, 11, 5, 23, 2):
        assert np.array_equal(b.rgba(n), forward[n])
    other = MAKERS[kind](240, 160, 24, 30, 6)
    assert any(not np.array_equal(other.rgba(n), forward[n]) for n in range(24))


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("size", [(240, 160), (97, 65), (64, 48), (135, 240)])
def test_static_mask_is_the_union_of_all_states(kind, size):
    overlay = MAKERS[kind](*size, 40, 25, 3)
    union = np.zeros(size[::-1], np.uint8)
    for n in range(40):
        rgba, mask = overlay.rgba(n), overlay.mask(n)
        assert rgba.shape == (size[1], size[0], 4)
        assert rgba.dtype == np.uint8
        assert np.array_equal(mask, np.where(rgba[..., 3] > 0, 255, 0))
        union |= mask
    static = overlay.static_mask()
    # A later sprite may hide what an earlier one shows: the static mask may know more, never less.
    assert not (union & ~static).any()
    assert (static > 0).sum() <= 1.02 * (union > 0).sum()


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0, 30000 / 1001])
def test_telemetry_refreshes_twelve_times_a_second(fps):
    length = round(2 * fps)
    overlay = overlays.telemetry(480, 320, length, fps, 4)
    states = [overlay.state(n) for n in range(length)]
    changes = [n for n in range(1, length) if states[n] != states[n - 1]]
    refreshes = [n for n in range(1, length) if int(n * 12 / fps + 1e-6) != int((n - 1) * 12 / fps + 1e-6)]
    assert set(changes) <= set(refreshes)
    assert len(changes) >= 0.9 * len(refreshes)
    for n in range(1, length):
        assert (states[n] == states[n - 1]) == np.array_equal(overlay.rgba(n), overlay.rgba(n - 1))


@pytest.mark.parametrize("seed", range(6))
def test_telemetry_covers_a_few_percent(seed):
    for size in ((854, 480), (1280, 720)):
        share = (overlays.telemetry(*size, 30, 30, seed).static_mask() > 0).mean()
        assert 0.015 < share < 0.051


def test_glyphs_are_white_with_a_black_outline():
    rgba = overlays.telemetry(854, 480, 4, 30, 2).rgba(0)
    solid = rgba[..., 3] == 255
    light = solid & (rgba[..., :3].min(2) > 230)
    dark = solid & (rgba[..., :3].max(2) < 40)
    assert light.sum() > 500
    # The outline lies between glyph and picture: next to nothing white touches a transparent pixel.
    outside = cv2.dilate((rgba[..., 3] == 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert (light & outside).sum() < 0.02 * light.sum()
    assert dark.sum() > 500


def test_logo_never_changes_and_opacity_scales_alpha():
    solid, half = (overlays.logo(240, 160, 9, 30, 2, opacity=o) for o in (1.0, 0.5))
    assert len({solid.state(n) for n in range(9)}) == 1
    assert half.rgba(3)[..., 3].max() == pytest.approx(solid.rgba(3)[..., 3].max() / 2, abs=1)


def test_subtitles_come_and_go():
    overlay = overlays.subtitles(320, 180, 400, 30, 1)
    shown = [bool(overlay.mask(n).any()) for n in range(400)]
    assert any(shown)
    assert not all(shown)
    assert len({overlay.state(n) for n in range(400)}) >= 4


def test_lay_blends_where_alpha_says():
    rgb = np.full((4, 4, 3), 100, np.uint8)
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[1, 1] = 200, 0, 50, 255
    rgba[2, 2] = 200, 0, 50, 51
    out = overlays.lay(rgb, rgba)
    assert out[1, 1].tolist() == [200, 0, 50]
    assert out[2, 2].tolist() == [120, 80, 90]
    untouched = rgba[..., 3] == 0
    assert (out[untouched] == 100).all()
    assert (rgb == 100).all()


def test_lay_yuv420_is_bt709_limited_with_chroma_by_area():
    planes = np.full((6, 6), 60, np.uint8), np.full((3, 3), 100, np.uint8), np.full((3, 3), 140, np.uint8)
    rgba = np.zeros((6, 6, 4), np.uint8)
    rgba[0:2, 0:2] = 255, 255, 255, 255  # a whole chroma sample
    rgba[2, 2] = 255, 0, 0, 255  # a quarter of one
    y, u, v = overlays.lay_yuv420(planes, rgba)
    assert (y[0:2, 0:2] == 235).all()
    assert y[2, 2] == 63  # 16 + 219 * 0.2126
    assert (u[0, 0], v[0, 0]) == (128, 128)
    assert u[1, 1] == round(0.75 * 100 + 0.25 * (128 - 224 * 0.2126 / 1.8556))
    assert v[1, 1] == round(0.75 * 140 + 0.25 * 240)
    for plane, before in zip((y, u, v), planes, strict=True):
        assert (plane[-1] == before[-1]).all()


@pytest.mark.parametrize("size", [(33, 21), (32, 20)])
def test_lay_yuv420_takes_odd_sizes(size):
    w, h = size
    chroma = (h + 1) // 2, (w + 1) // 2
    planes = np.full((h, w), 60, np.uint8), np.full(chroma, 100, np.uint8), np.full(chroma, 140, np.uint8)
    out = overlays.lay_yuv420(planes, np.full((h, w, 4), 255, np.uint8))
    assert (out[0] == 235).all()
    assert (out[1] == 128).all()
    assert (out[2] == 128).all()


def _sheet(folder, name, columns, alpha):
    """A glyph sheet on which every glyph is a white square with a black edge."""
    glyph = np.zeros((36, 24, 4), np.uint8)
    glyph[8:28, 4:20] = 0, 0, 0, 255
    glyph[10:26, 6:18] = 255
    rows = 256 // columns
    sheet = np.tile(glyph, (rows, columns, 1))
    if not alpha:
        sheet[sheet[..., 3] == 0] = 127
        sheet = sheet[..., :3]
    cv2.imwrite(str(folder / name), sheet)


@pytest.mark.parametrize(("columns", "alpha"), [(16, False), (1, True)])
def test_glyphs_come_from_sheets_of_both_layouts(tmp_path, columns, alpha):
    _sheet(tmp_path, "BTFL_test.png", columns, alpha)
    drawn = overlays.telemetry(1200, 648, 2, 30, 3)
    sheet = overlays.telemetry(1200, 648, 2, 30, 3, fonts=tmp_path)
    assert not np.array_equal(drawn.rgba(0), sheet.rgba(0))
    colours = {tuple(c) for c in sheet.rgba(0)[sheet.rgba(0)[..., 3] == 255][:, :3].tolist()}
    assert (0, 0, 0) in colours
    assert (255, 255, 255) in colours
    assert (127, 127, 127) not in colours


def test_bad_arguments_are_named(tmp_path):
    with pytest.raises(ArgumentError, match="passed 8x64"):
        overlays.telemetry(8, 64, 10, 30, 0)
    with pytest.raises(ArgumentError, match="glyph sheets"):
        overlays.telemetry(320, 240, 10, 30, 0, fonts=tmp_path)
    with pytest.raises(ArgumentError, match="passed 2"):
        overlays.logo(320, 240, 10, 30, 0, opacity=2)
    with pytest.raises(ArgumentError, match="passed banner"):
        overlays.make("banner", 320, 240, 10, 30, 0)
    with pytest.raises(ArgumentError, match="0 to 9, passed 10"):
        overlays.logo(320, 240, 10, 30, 0).rgba(10)
