"""Blocks of masks by the network."""

import numpy as np
from osdclean.engine.detect.finder import closed


def odds(row: str) -> dict[int, np.ndarray]:
    return {n: np.array([[200 if mark == "#" else 20]], np.uint8) for n, mark in enumerate(row)}


def drawn(masks: dict[int, np.ndarray]) -> str:
    return "".join("#" if masks[n][0, 0] > 128 else "." for n in sorted(masks))


def test_gaps_are_closed_and_what_comes_and_goes_keeps_its_frames():
    row = "....####.###..####....#......"
    assert drawn(closed(odds(row), range(len(row)), 0)) == row
    assert drawn(closed(odds(row), range(len(row)), 1)) == "....##############....#......"
    assert drawn(closed(odds(row), range(len(row)), 2)) == "....###################......"
    assert drawn(closed(odds(row), range(10, 20), 1)) == "########.."


def test_a_clip_s_ends_are_no_gaps():
    assert drawn(closed(odds("#....#"), range(6), 2)) == "######"
    assert drawn(closed(odds("..#...."), range(7), 2)) == "..#...."
    assert drawn(closed(odds("#...."), range(5), 2)) == "#...."
