"""Metrics against values worked out by hand."""

import numpy as np
import pytest
from osdclean.engine.bench import metrics
from skimage.metrics import structural_similarity


def _frame(luma, chroma=128):
    return (
        np.full((8, 8), luma, np.uint8),
        np.full((4, 4), chroma, np.uint8),
        np.full((4, 4), chroma, np.uint8),
    )


@pytest.fixture
def hole():
    inside = np.zeros((8, 8), bool)
    inside[2:4, 2:4] = True  # four luma samples, one of each chroma plane
    return inside


def test_psnr_counts_every_hole_sample_once(hole):
    truth, made = _frame(100), _frame(100)
    made[0][2:4, 2:4] = 106  # 4 samples, error 6
    made[1][1, 1] = 131  # 1 sample, error 3; the other chroma sample is right
    made[0][7, 7] = 0  # outside the hole: not counted
    expected = 10 * np.log10(255**2 * 6 / (4 * 36 + 9))
    assert metrics.psnr([truth], [made], [hole]) == pytest.approx(expected)


def test_psnr_pools_frames_and_names_perfection(hole):
    truth, good, bad = _frame(100), _frame(100), _frame(110, 128)
    expected = 10 * np.log10(255**2 * 12 / (4 * 100))
    assert metrics.psnr([truth, truth], [good, bad], [hole, hole]) == pytest.approx(expected)
    assert metrics.psnr([truth], [good], [hole]) == metrics.PERFECT
    assert metrics.psnr([truth], [bad], [np.zeros_like(hole)]) == metrics.PERFECT


def test_flicker_is_the_error_of_differences(hole):
    truth = [_frame(100), _frame(110), _frame(110)]
    steady = [_frame(90), _frame(100), _frame(100)]  # wrong by the same amount: no flicker
    assert metrics.flicker(truth, steady, [hole] * 3) == 0
    jumping = [_frame(100), _frame(114), _frame(107)]
    assert metrics.flicker(truth, jumping, [hole] * 3) == pytest.approx((4 + 7) / 2)


def test_flicker_sees_a_hole_that_appears(hole):
    none = np.zeros_like(hole)
    truth, made = [_frame(100), _frame(100)], [_frame(100), _frame(100)]
    made[1][0][hole] = 105
    assert metrics.flicker(truth, made, [none, hole]) == 5
    assert metrics.flicker(truth, made, [none, none]) == 0


def test_ssim_agrees_with_scikit_image_and_ignores_the_rest():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 256, (64, 64)).astype(np.uint8)
    b = np.clip(a + rng.normal(0, 20, a.shape), 0, 255).astype(np.uint8)
    inside = np.zeros(a.shape, bool)
    inside[30:34, 30:34] = True
    _, full = structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, full=True
    )
    expected = full[25:39, 25:39].mean()  # windows of 11x11 that touch the hole
    assert metrics.ssim([(a,)], [(b,)], [inside]) == pytest.approx(expected, abs=2e-4)
    far = b.copy()
    far[:10] = 0
    assert metrics.ssim([(a,)], [(far,)], [inside]) == metrics.ssim([(a,)], [(b,)], [inside])
    assert metrics.ssim([(a,)], [(a,)], [inside]) == pytest.approx(1)
