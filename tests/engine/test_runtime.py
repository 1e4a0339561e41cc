"""The runtime: tiles of several shapes in one frame, in parts, and the state between frames with other tiles."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from osdclean.engine import runtime
from tiles import inputs


@pytest.fixture
def made():
    one = runtime.Runtime("default", "cpu", "fp32")
    yield one
    one.close()


def run(made, given, states=None):
    with ThreadPoolExecutor(2) as workers:
        return made.begin(given, states or [None] * len(given), workers)()


def test_shapes_go_together_as_each_alone(made):
    given = [inputs(2, 32, 48), inputs(3, 80, 96, 1)]
    luma, chroma, states = run(made, given)
    luma, chroma, states = run(made, [inputs(2, 32, 48, 2), inputs(3, 80, 96, 3)], states)
    assert [x.shape for x in luma] == [(2, 1, 32, 48), (3, 1, 80, 96)]
    assert [x.shape for x in chroma] == [(2, 2, 16, 24), (3, 2, 40, 48)]
    for k in (0, 1):
        _, _, before = run(made, given[k : k + 1])
        alone, colour, _ = run(made, [inputs(2 + k, *((32, 48), (80, 96))[k], 2 + k)], before)
        np.testing.assert_array_equal(alone[0], luma[k])
        np.testing.assert_array_equal(colour[0], chroma[k])


def test_a_shape_without_tiles_is_empty_and_has_no_state(made):
    luma, chroma, states = run(made, [inputs(0, 32, 48), inputs(1, 64, 128)])
    assert luma[0].shape == (0, 1, 32, 48)
    assert chroma[0].shape == (0, 2, 16, 24)
    assert states[0] is None
    assert len(states[1].h) == 1


def test_parts_are_as_the_whole(made, monkeypatch):
    given = [inputs(5, 32, 48)]
    whole, _, states = run(made, given)
    monkeypatch.setattr(runtime, "CPU_SAMPLES", 2 * 32 * 48)
    parts, _, again = run(made, given)
    np.testing.assert_allclose(parts[0], whole[0], atol=1e-5)
    torch.testing.assert_close(again[0].h, states[0].h, atol=1e-5, rtol=1e-4)


def test_the_state_follows_its_tiles(made):
    _, _, (state,) = run(made, [inputs(3, 32, 48)])
    before, now = torch.tensor([1, 4, 6]), torch.tensor([0, 4, 5, 6])
    moved = runtime.moved(state, before, now)
    assert moved.valid.flatten().tolist() == [0, 1, 0, 1]
    torch.testing.assert_close(moved.h[1], state.h[1])
    torch.testing.assert_close(moved.luma[3], state.luma[2])
    assert runtime.moved(state, before, before) is state
    assert runtime.moved(None, before, now) is None
    assert len(runtime.moved(state, before, torch.tensor([], dtype=torch.int64)).h) == 0
