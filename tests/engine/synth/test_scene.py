"""The procedural flight: repeatable, of the asked size, moving, and not dull."""

from itertools import pairwise

import numpy as np
import pytest
from osdclean.engine.errors import ArgumentError
from osdclean.engine.synth import scene


@pytest.fixture(scope="module")
def frames():
    return list(scene.flight(160, 90, 5, 1))


def test_shape_and_number(frames):
    assert len(frames) == 5
    assert all(f.shape == (90, 160, 3) and f.dtype == np.uint8 for f in frames)


def test_same_seed_same_pixels_whatever_the_length(frames):
    again = list(scene.flight(160, 90, 3, 1))
    # A longer flight draws the same path: its first frames are the same.
    for a, b in zip(frames, again, strict=False):
        assert np.array_equal(a, b)
    assert not np.array_equal(frames[0], next(scene.flight(160, 90, 1, 2)))


def test_the_picture_moves_and_has_texture(frames):
    for a, b in pairwise(frames):
        assert np.abs(a.astype(int) - b).mean() > 1
    ground = frames[0][50:].astype(float)
    assert ground.std() > 12
    # Sky above is bluer than the ground below.
    sky = frames[0][:10].reshape(-1, 3).mean(0)
    assert sky[2] - sky[0] > ground.reshape(-1, 3).mean(0)[2] - ground.reshape(-1, 3).mean(0)[0]


def test_odd_sizes_and_bad_sizes():
    assert next(scene.flight(97, 65, 1, 3)).shape == (65, 97, 3)
    with pytest.raises(ArgumentError, match="passed 8x90"):
        next(scene.flight(8, 90, 1, 0))
