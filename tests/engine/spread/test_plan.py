"""Chunks tile the clip, and are cut where they may be."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from osdclean.engine.spread import plan

frames = st.integers(1, 30_000)
periods = st.integers(1, 1000)


@settings(deadline=None)
@given(frames, st.integers(10, 5000), periods, st.lists(st.integers(1, 29_999), max_size=40))
@example(1000, 100, 1000, [])
@example(100, 30, 7, [26, 99])
def test_chunks_tile_the_clip_and_borders_are_allowed_ones(count, length, period, cuts):
    cuts = sorted({cut for cut in cuts if cut < count})
    chunks = plan.chunks(count, length, period, cuts)
    assert [n for chunk in chunks for n in chunk.frames] == list(range(count))
    assert [chunk.number for chunk in chunks] == list(range(1, len(chunks) + 1))
    assert all(len(chunk) > 0 for chunk in chunks)
    for chunk in chunks[1:]:
        assert chunk.start % period == 0 or chunk.start in cuts


@settings(deadline=None)
@given(frames, st.integers(10, 5000), periods)
def test_no_chunk_is_much_longer_than_wanted(count, length, period):
    assert max(map(len, plan.chunks(count, length, period))) <= 1.5 * length + 2 * period


@given(frames, st.integers(1, 300), periods)
def test_length_that_is_chosen_is_within_its_bounds(count, hands, period):
    length = plan.wanted(count, hands, period)
    assert period <= length <= max(plan.MOST, period)
    # shorter than LEAST only where hands would be idle
    assert length >= min(plan.LEAST, count / hands)


def test_each_hand_has_several_chunks_of_a_long_clip_and_one_of_a_short():
    assert len(plan.chunks(48_000, plan.wanted(48_000, 4, 48), 48)) == 16
    assert len(plan.chunks(480, plan.wanted(480, 4, 48), 48)) == 4


def test_a_scene_cut_nearby_is_preferred():
    borders = [chunk.start for chunk in plan.chunks(4000, 1000, 48, [1011, 1700, 3251])]
    assert borders == [0, 1011, 2016, 3024]


def test_borders_are_kept_and_come_back():
    chunks = plan.chunks(4000, 1000, 48, [1011])
    assert plan.of_borders([0, *(chunk.stop for chunk in chunks)]) == chunks
