"""Stretches without cut and black, and the excerpts taken from them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdclean.engine.data import excerpts, scan, videos

from .conftest import BLACK, CUT, END, SECOND, ffmpeg


def test_stretches_of_footage_end_at_cut_and_black(footage):
    (video,) = videos.found([footage / "long.mp4"])
    seen = scan.scan(video.path, videos.probe(video), None)
    np.testing.assert_allclose(seen.times, np.arange(END) / 25, atol=1e-6)
    found = excerpts.stretches(seen.difference, seen.brightness)
    assert found == [range(BLACK), range(SECOND, CUT), range(CUT, END)]


def test_a_cut_between_dark_scenes_is_found(tmp_path):
    dark = "hflip=enable='gte(n,20)',eq=brightness=-0.25:contrast=0.3"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=128x96:r=25:d=1.6,{dark},format=yuv420p", "-crf", 5, tmp_path / "dark.mp4")
    (video,) = videos.found([tmp_path])
    seen = scan.scan(video.path, videos.probe(video), None)
    assert seen.difference.max() < 0.15
    assert np.flatnonzero(excerpts.cuts(seen.difference)).tolist() == [20]


def test_steady_motion_is_no_cut():
    steady = np.full(50, 0.1)
    assert not excerpts.cuts(steady).any()
    # every frame twice, as in slow motion
    assert not excerpts.cuts(np.where(np.arange(50) % 2, 0.1, 0)).any()


@given(st.lists(st.integers(0, 60), max_size=6), st.integers(1, 20), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_excerpts_lie_in_stretches_and_share_no_frame(lengths, frames, count, seed):
    starts = np.cumsum([0, *lengths])
    stretches = [range(a, b) for a, b in pairwise(starts)]
    firsts = excerpts.chosen(stretches, frames, count, np.random.default_rng(seed))
    assert len(firsts) == min(count, sum(n // frames for n in lengths))
    taken = [n for first in firsts for n in range(first, first + frames)]
    assert len(taken) == len(set(taken))
    assert all(any(first in s and first + frames - 1 in s for s in stretches) for first in firsts)
    assert excerpts.chosen(stretches, frames, count + 3, np.random.default_rng(seed))[:count] == firsts


@pytest.mark.parametrize("black", [16, 24])
def test_black_alone_leaves_nothing(black):
    assert excerpts.stretches(np.zeros(9), np.full(9, black)) == []
