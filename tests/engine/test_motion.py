import numpy as np
import pytest
from moving import sliding, texture
from osdclean.engine import motion


def covered(height: int, width: int) -> np.ndarray:
    hole = np.zeros((height, width), bool)
    hole[40:60, 30:110] = True
    return hole


@pytest.mark.parametrize("size", [(96, 144), (97, 143), (1080, 1920)])
def test_a_still_overlay_does_not_drag_the_flow(size):
    a, b = (f[0].copy() for f in sliding(2, *size, dx=3.0, dy=-2.0))
    hole = covered(*size)
    a[hole] = b[hole] = 255
    there, back = motion.between(motion.prepare(a, hole, 255), motion.prepare(b, hole, 255))
    step = 2 * motion.reduction(size[1], size[0])
    inside = hole[::step, ::step][: there.shape[0], : there.shape[1]]
    assert np.abs(there[inside][:, :2] - (-3, 2)).mean() < 0.3
    assert np.abs(back[inside][:, :2] - (3, -2)).mean() < 0.3


def test_a_change_of_light_is_measured_under_motion_and_in_the_hole():
    a, b = (f[0] // 2 for f in sliding(2, 192, 288, dx=3.0, dy=-2.0))
    a = a + np.uint8(20)
    hole = covered(192, 288)
    a[hole] = b[hole] = 255
    there, back = motion.between(motion.prepare(a, hole, 255), motion.prepare(b, hole, 255))
    assert np.abs(there[..., 2] - 20).max() < 2
    assert np.abs(back[..., 2] + 20).max() < 2


def test_the_hole_content_does_not_matter():
    a, b = (f[0].copy() for f in sliding(2, 96, 144, dx=2.0))
    hole = covered(96, 144)
    flows = []
    for ink in (0, 255):
        a[hole] = b[hole] = ink
        flows.append(motion.between(motion.prepare(a, hole, 255), motion.prepare(b, hole, 255))[0])
    np.testing.assert_array_equal(*flows)


def test_push_pull_keeps_the_known_and_fills_smoothly():
    values = np.dstack(
        [np.full((40, 60), 3, np.float32), np.linspace(0, 1, 60, dtype=np.float32) * np.ones((40, 1), np.float32)]
    )
    weight = np.ones((40, 60), np.float32)
    weight[10:30, 20:40] = 0
    wrecked = values * weight[..., None] - 99 * (1 - weight[..., None])
    filled = motion.push_pull(wrecked, weight)
    np.testing.assert_allclose(filled[weight == 1], values[weight == 1], atol=1e-5)
    np.testing.assert_allclose(filled[..., 0], 3, atol=1e-4)
    assert np.abs(filled[..., 1] - values[..., 1]).max() < 0.12


def test_difference_tells_a_cut_from_motion():
    a, b = (f[0] for f in sliding(2, 96, 144, dx=2.0))
    other = texture(96, 144, seed=9).astype(np.uint8)[:, ::-1] // 2
    none = None
    a, b, other = (motion.prepare(p, none, 255) for p in (a, b, other))
    assert motion.difference(a, b) < 0.15 < motion.difference(a, other)
