"""The loops over pairs and samples, against the same in numpy."""

import numpy as np
import pytest
from osdclean.engine import kernels
from osdclean.engine.unblend.grid import grid
from osdclean.engine.unblend.solve import Guess, Solver, _conjugate


@pytest.fixture(params=[5, 16, 37])
def system(request):
    """A grid with random units and places: grid, unit [N, T], u [N], v [N]."""
    hole = np.zeros((20, 24), bool)
    hole[6:14, 7:17] = True
    g = grid(hole)
    rng = np.random.default_rng(request.param)
    unit = rng.normal(0, 1, (len(g.y), request.param)).astype(np.float32)
    return g, unit, *rng.normal((20, 100), 3, (len(g.y), 2)).astype(np.float32).T.copy()


def apart(unit, u, v, pairs):
    i, j = pairs.T
    return u[i, None] * unit[i] + v[i, None] - u[j, None] * unit[j] - v[j, None]


def test_roughness_is_the_sum_over_pairs(system):
    g, unit, u, v = system
    square = apart(unit, u, v, g.pairs[0]).astype(np.float64) ** 2
    assert kernels.roughness(unit, u, v, g.pairs[0], 64.0) == pytest.approx((square / (64 + square)).sum(), rel=1e-5)


def test_coupled_pairs_are_weighted_moments(system):
    g, unit, u, v = system
    n, count = g.hole_count, len(g.y)
    share = np.random.default_rng(1).uniform(0.5, 1, len(g.pairs[1]))
    own, blocks, others = np.ones((count, 3)), np.zeros((n, 4, 4), np.float32), np.zeros((n, 4), np.int32)
    kernels.couple(unit, u, v, g.pairs[1], 64.0, 3.0, share, own, blocks, others, 2)
    w = 3 / (64 + apart(unit, u, v, g.pairs[1]).astype(np.float64) ** 2) * share[:, None]
    wanted, between = np.ones((count, 3)), np.zeros((n, 4, 4))
    for (i, j), weight in zip(g.pairs[1], w, strict=True):
        for k, (a, b) in enumerate(((i, j), (j, i))):
            wanted[a] += (weight * unit[a] ** 2).sum(), (weight * unit[a]).sum(), weight.sum()
            if a < n:
                between[a, 2 + k] = (
                    (weight * unit[a] * unit[b]).sum(), (weight * unit[a]).sum(),
                    (weight * unit[b]).sum(), weight.sum(),
                )  # fmt: skip
                assert others[a, 2 + k] == b
    np.testing.assert_allclose(own, wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(blocks, between, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("held", [False, True])
def test_conjugate_gradients_solve_the_system(held):
    rng = np.random.default_rng(4)
    n, count = 40, 50
    forth = np.roll(np.arange(n, dtype=np.int32), 1)
    others = np.stack([forth, np.roll(np.arange(n, dtype=np.int32), -1), n + np.arange(n, dtype=np.int32) % 10], 1)
    block = rng.normal(0, 0.2, (n, 4)).astype(np.float32)
    # The block between two samples is that of the other way, turned.
    back = np.roll(block, -1, 0)[:, [0, 2, 1, 3]]
    blocks = np.ascontiguousarray(np.stack([block, back, rng.normal(0, 0.2, (n, 4))], 1), np.float32)
    own = np.stack([rng.uniform(2, 4, n), rng.uniform(-0.5, 0.5, n), rng.uniform(2, 4, n)], 1)
    right, start = rng.normal(0, 1, (n, 2)), rng.normal(0, 1, (count, 2))
    if held:
        start[:n, 0] = 1
    matrix, known = np.zeros((2 * n, 2 * n)), right.copy()
    for i in range(n):
        matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] += [[own[i, 0], own[i, 1]], [own[i, 1], own[i, 2]]]
        for k in range(3):
            two, j = blocks[i, k].reshape(2, 2), others[i, k]
            if j < n:
                matrix[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] -= two
            else:
                known[i] += two @ start[j]
    if held:
        known[:, 1] -= matrix[1::2, ::2] @ start[:n, 0]
        wanted = np.stack([start[:n, 0], np.linalg.solve(matrix[1::2, 1::2], known[:, 1])], 1)
    else:
        wanted = np.linalg.solve(matrix, known.ravel()).reshape(n, 2)
    given = [array.copy() for array in (own, blocks, others, right, start)]
    found = _conjugate(own, blocks, others, right, start, held)
    np.testing.assert_allclose(found, wanted, atol=0.02)
    for array, before in zip((own, blocks, others, right, start), given, strict=True):
        np.testing.assert_array_equal(array, before)


def weighed(moves: float, off: np.ndarray) -> float:
    """What a guess that is off by so much in each frame counts, before a picture that moves by so much."""
    hole = np.zeros((20, 24), bool)
    hole[6:14, 7:17] = True
    g = grid(hole)
    rng = np.random.default_rng(4)
    stays, unrest = rng.normal(120, 20, (len(g.y), 1)), rng.normal(0, moves, (len(g.y), len(off)))
    shown = (stays + unrest).astype(np.float32)
    n = g.hole_count
    solver = Solver(g, shown, guess=Guess(shown=shown[:n], below=shown[:n] + off.astype(np.float32)))
    own, free, right = np.zeros((n, 3)), np.zeros(n), np.zeros((n, 2))
    solver._lean(own, free, right)
    assert (free >= 0).all()
    return float(own[:, 2].mean())


def test_a_guess_counts_less_the_more_it_strays_the_more_slowly_and_the_less_moves():
    off = np.random.default_rng(5).normal(0, 12, 36)
    usual = weighed(40, off)
    assert weighed(40, 3 * off) < usual / 5
    assert weighed(40, np.sort(off)) < usual / 4
    assert weighed(6, off) < usual / 20
    # A wrong level is what is to be mended, and counts in full.
    assert weighed(40, off + 30) == pytest.approx(usual, rel=0.01)


def test_a_guess_moves_the_level_and_the_contrast_to_its_own():
    hole = np.zeros((20, 24), bool)
    hole[6:14, 7:17] = True
    g = grid(hole)
    n, rng = g.hole_count, np.random.default_rng(6)
    # All samples differ: what they have in common with their neighbours says little, and the guess decides.
    below = rng.normal(120, 40, (len(g.y), 36)).astype(np.float32)
    shown = below.copy()
    shown[:n] = below[:n] * 0.5 + 90
    solver = Solver(g, shown, guess=Guess(shown=shown[:n], below=below[:n]))
    for scale in (64.0, 32.0, 8.0, 8.0):
        solver.step(scale)
    assert np.abs(solver.inverse.gain - 2).mean() < 0.2
    assert np.abs(solver.inverse.restored(shown[:n]) - below[:n]).mean() < 6
