"""Baselines: they fill the hole, leave the rest alone, and are worth beating."""

import numpy as np
import pytest
from osdclean.engine.bench import baselines
from osdclean.engine.bench.cases import plane_hole, regions

H, W, LENGTH = 64, 96, 7


@pytest.fixture(scope="module")
def moving():
    """A smooth texture that moves by 4 pixels a frame under a hole that stays; truth, overlaid, holes."""
    y, x = np.mgrid[0:H, 0 : W + 4 * LENGTH].astype(np.float32)
    wide = 120 + 40 * np.sin(x / 5) + 30 * np.cos(y / 4 + x / 9) + 12 * np.sin(x * y / 130)
    luma = np.clip(wide, 0, 255).astype(np.uint8)
    chroma = luma[::2, ::2] // 2 + 60
    hole = np.zeros((H, W), bool)
    hole[20:34, 30:38] = hole[40:46, 60:75] = True
    truth, overlaid = [], []
    for n in range(LENGTH):
        planes = (
            luma[:, 4 * n : 4 * n + W],
            chroma[:, 2 * n : 2 * n + W // 2],
            chroma[:, 2 * n : 2 * n + W // 2],
        )
        truth.append(planes)
        overlaid.append(tuple(np.where(plane_hole(hole, p), 255, p).astype(np.uint8) for p in planes))
    return truth, overlaid, [hole] * LENGTH


def _error(truth, made, holes):
    inside = holes[0]
    return float(
        np.mean(
            [np.abs(t[0][inside].astype(int) - m[0][inside]).mean() for t, m in zip(truth, made, strict=True)]
        )
    )


@pytest.mark.parametrize("name", baselines.BASELINES)
def test_outside_is_untouched_and_the_fill_beats_a_constant(name, moving):
    truth, overlaid, holes = moving
    before = [tuple(p.copy() for p in planes) for planes in overlaid]
    made = list(baselines.BASELINES[name](overlaid, holes))
    assert len(made) == LENGTH
    for source, out, kept, hole in zip(before, made, overlaid, holes, strict=True):
        for a, b, c in zip(source, out, kept, strict=True):
            assert b.dtype == np.uint8
            outside = ~plane_hole(hole, a)
            assert np.array_equal(a[outside], b[outside])
            assert np.array_equal(a, c), "the input must not be written to"
    constant = [tuple(np.full_like(p, 128) for p in planes) for planes in overlaid]
    assert _error(truth, made, holes) < 0.6 * _error(truth, constant, holes)


def test_flow_beats_its_own_spatial_fill_where_the_camera_moves(moving):
    truth, overlaid, holes = moving
    flow = list(baselines.BASELINES["flow"](overlaid, holes))
    telea = list(baselines.BASELINES["telea"](overlaid, holes))
    assert _error(truth, flow, holes) < 0.7 * _error(truth, telea, holes)


def test_median_takes_what_other_frames_show_at_the_same_place():
    rng = np.random.default_rng(1)
    still = rng.integers(0, 256, (32, 32)).astype(np.uint8)
    holes = [np.zeros((32, 32), bool) for _ in range(3)]
    holes[1][10:14, 10:14] = True
    shown = [(np.where(h, 255, still).astype(np.uint8),) for h in holes]
    made = list(baselines.BASELINES["median"](shown, holes))
    assert np.array_equal(made[1][0], still)


def test_biharmonic_is_exact_on_a_plane_and_blind_to_other_holes():
    y, x = np.mgrid[0:40, 0:40]
    plane = (2 * x + 3 * y).astype(np.uint8)
    hole = np.zeros(plane.shape, bool)
    hole[10:16, 10:16] = hole[18:22, 12:18] = True  # two pixels apart
    shown = np.where(hole, 255, plane).astype(np.uint8)
    made = next(baselines.BASELINES["biharmonic"]([(shown,)], [hole]))
    assert np.abs(made[0].astype(int) - plane).max() <= 1


def test_an_empty_hole_changes_nothing(moving):
    truth, _, _ = moving
    for name, fill in baselines.BASELINES.items():
        made = list(fill(truth, [np.zeros((H, W), bool)] * LENGTH))
        assert all(
            np.array_equal(a, b) for t, m in zip(truth, made, strict=True) for a, b in zip(t, m, strict=True)
        ), name


def test_regions_merge_what_is_near():
    hole = np.zeros((30, 30), bool)
    hole[2:5, 2:5] = hole[2:5, 8:10] = hole[20:25, 20:25] = True
    labels, boxes = regions(hole, 2)
    assert len(boxes) == 2
    assert labels[3, 3] == labels[3, 9] != labels[22, 22]
    assert (labels > 0).tolist() == hole.tolist()
