import numpy as np
import pytest
from moving import texture
from osdclean.engine.unblend.grid import grid
from osdclean.engine.unblend.noise import noise

FRAMES = 40


def values(g, sigma, roughness=1.0, seed=0):
    """A sliding picture at the grid's samples, float32 [N, T], with white noise of `sigma` in the hole."""
    picture = (texture(64, 200) - 127) * roughness + 127
    seen = np.stack([picture[g.y, g.x + t] for t in range(FRAMES)], 1).astype(np.float32)
    rng = np.random.default_rng(seed)
    seen[: g.hole_count] += rng.normal(0, sigma, (g.hole_count, FRAMES))
    return seen


def holed(*boxes):
    hole = np.zeros((64, 120), bool)
    for top, bottom, left, right in boxes:
        hole[top:bottom, left:right] = True
    return grid(hole)


@pytest.mark.parametrize("sigma", [2.0, 4.0, 8.0])
def test_noise_in_a_wide_hole_is_measured(sigma):
    g = holed((16, 44, 20, 90))
    found = noise(g, values(g, sigma), np.full(g.hole_count, 0.5, np.float32))
    assert sigma * 0.75 < found < sigma * 1.1


def test_noise_in_thin_strokes_is_seen():
    g = holed(*((16, 44, x, x + 2) for x in range(20, 90, 8)))
    solid = np.full(g.hole_count, 0.5, np.float32)
    assert noise(g, values(g, 8.0), solid) > 3
    assert noise(g, values(g, 0.0), solid) == 0


@pytest.mark.parametrize("roughness", [0.2, 1.0])
def test_a_clean_picture_has_next_to_none_however_rough(roughness):
    g = holed((16, 44, 20, 90))
    assert noise(g, values(g, 0.0, roughness), np.full(g.hole_count, 0.5, np.float32)) < 0.25


def test_noise_on_both_sides_of_the_edge_is_the_picture_s_own():
    g = holed((16, 44, 20, 90))
    grainy = values(g, 0.0) + np.random.default_rng(1).normal(0, 4, (len(g.y), FRAMES)).astype(np.float32)
    assert noise(g, grainy, np.full(g.hole_count, 0.5, np.float32)) < 1.4


def test_only_marked_samples_are_looked_at():
    g = holed((16, 44, 20, 90))
    seen = values(g, 8.0)
    assert noise(g, seen, np.zeros(g.hole_count, np.float32)) == 0
    left = (g.x[: g.hole_count] < 50).astype(np.float32) * 0.5
    seen[: g.hole_count][left > 0] = values(g, 0.0)[: g.hole_count][left > 0]
    assert noise(g, seen, left) < 1.5 < noise(g, seen, np.float32(0.5) - left)
