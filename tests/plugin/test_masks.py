"""Holes of mask frames: packed, shared where equal, forgotten in time."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from osdclean.plugin.masks import Masks


def plane(height: int, width: int, *boxes: tuple[int, int]) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    for y, x in boxes:
        mask[y, x] = 255
    return mask


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_a_packed_hole_comes_back_as_it_was(height, width, data):
    seed = data.draw(st.integers(0, 1000))
    mask = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    hole = Masks(5, False, 8, 0, keep=4).put(2, mask)
    assert np.array_equal(hole.array(), mask >= 128)
    assert hole.empty == (not (mask >= 128).any())
    assert hole.full == bool((mask >= 128).all())


def test_equal_holes_are_one_object():
    masks = Masks(9, False, 8, 1, keep=9)
    first, other, again = (masks.put(n, plane(20, 20, box)) for n, box in enumerate([(3, 3), (4, 4), (3, 3)]))
    assert first is again
    assert first is not other


def test_a_short_mask_repeats_its_last_frame():
    masks = Masks(3, False, 8, 0, keep=9)
    last = masks.put(2, plane(20, 20, (5, 5)))
    assert masks.get(1) is None
    assert masks.get(2) is masks.get(700) is last
    assert masks.frame_of(700) == 2


def test_only_so_many_holes_are_remembered():
    masks = Masks(100, False, 8, 0, keep=4)
    for n in range(10):
        masks.put(n, plane(20, 20, (n, n)))
    assert [n for n in range(10) if masks.get(n) is not None] == [6, 7, 8, 9]
