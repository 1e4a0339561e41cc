"""What is gathered, and what is kept how long."""

from hypothesis import given, settings
from hypothesis import strategies as st
from osdclean.plugin.blocks import GROUP, PINNED, Blocks, Failure, Gathering


@settings(deadline=None)
@given(st.integers(0, 500), st.integers(1, 200), st.sets(st.integers(0, 700)))
def test_groups_cover_the_window_in_order(start, length, held):
    work = Gathering(block=0, window=range(start, start + length))
    for n in held & set(work.window):
        work.frames[n] = object()
    rounds = 0
    while missing := work.missing():
        assert missing == sorted(set(missing))
        assert len(missing) <= GROUP
        assert missing[-1] - missing[0] < GROUP
        assert not set(missing) & set(work.frames)
        work.frames |= dict.fromkeys(missing)
        rounds += 1
    assert set(work.frames) == set(work.window)
    assert rounds <= -(-length // GROUP)


def test_the_latest_blocks_stay():
    blocks = Blocks(2)
    for block in range(5):
        blocks.put(block, f"patches {block}")
    assert [b for b in range(5) if blocks.get(b)] == [3, 4]


def test_using_a_block_keeps_it():
    blocks = Blocks(2)
    blocks.put(0, "a")
    blocks.put(1, "b")
    blocks.get(0)
    blocks.put(2, "c")
    assert [b for b in range(3) if blocks.get(b)] == [0, 2]


def test_a_block_stays_while_its_frames_are_under_way():
    blocks = Blocks(1)
    blocks.begin(0, 3)
    blocks.begin(0, 4)
    for block in range(4):
        blocks.put(block, block + 1)
    assert blocks.get(0) == 1
    assert blocks.end(0, 3)
    assert blocks.get(0) == 1
    assert not blocks.end(0, 4)
    blocks.put(9, 10)
    assert blocks.get(0) is None


def test_requests_that_never_end_hold_only_so_much():
    blocks = Blocks(2)
    for block in range(100):
        blocks.begin(block, block)
        blocks.put(block, block)
    assert len(blocks) == 2 + PINNED


def test_a_failure_is_told_to_those_who_wait_and_then_forgotten():
    blocks = Blocks(2)
    blocks.begin(0, 1)
    blocks.begin(0, 2)
    blocks.put(0, Failure("no memory"))
    assert blocks.get(0) == Failure("no memory")
    blocks.end(0, 1)
    assert blocks.get(0) == Failure("no memory")
    blocks.end(0, 2)
    assert blocks.get(0) is None
