import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from osdclean.engine import tiles

ALONE = [(shape,) for shape in tiles.SHAPES]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(16, 200),
    st.integers(16, 200),
    st.integers(0, 2**32),
    st.sampled_from([(0, 0), (1, 1), (0, 1), (1, 0), (0, 2)]),
)
def test_every_hole_sample_has_one_owner(height, width, seed, subsampling):
    down_h, down_w = subsampling
    height, width = height >> down_h << down_h, width >> down_w << down_w
    rng = np.random.default_rng(seed)
    hole = np.zeros((height, width), bool)
    for _ in range(rng.integers(1, 5)):
        y, x = rng.integers(0, height), rng.integers(0, width)
        hole[y : y + rng.integers(1, 60), x : x + rng.integers(1, 60)] = True
    laid = tiles.lay(hole)
    assert all((t.origins % tiles.ALIGN == 0).all() for t in laid)
    shape = (height >> down_h, width >> down_w)
    small = np.zeros(shape, bool)
    y, x = np.nonzero(hole)
    small[y >> down_h, x >> down_w] = True
    at = [tiles.windows(t, *shape, down_h, down_w) for t in laid]
    y, x = np.nonzero(small)
    place = tiles.owned(at, y, x, shape, down_h, down_w)
    assert (place >= 0).all()
    # What stands at the owner's place in the tiles is the sample itself.
    picture = np.arange(shape[0] * shape[1]).reshape(shape)
    np.testing.assert_array_equal(np.concatenate([w.read(picture).ravel() for w in at])[place], picture[y, x])


def test_owners_keep_away_from_tile_edges():
    hole = np.zeros((400, 600), bool)
    hole[100:300, 100:500] = hole[40:52, 30:500] = True
    y, x = np.nonzero(hole)
    offset, seen = 0, 0
    at = [tiles.windows(t, 400, 600) for t in tiles.lay(hole)]
    place = tiles.owned(at, y, x, hole.shape)
    for w in at:
        h, width = w.shape
        size = len(w.y) * h * width
        mine = place[(place >= offset) & (place < offset + size)] - offset
        row, column = mine // width % h, mine % width
        edge = np.minimum(np.minimum(row, column), np.minimum(h - 1 - row, width - 1 - column))
        assert edge.min() >= tiles.MARGIN
        offset, seen = offset + size, seen + len(mine)
    assert seen == len(y)


def test_shapes_suit_the_hole():
    """A line of text of any height is covered by one row of tiles, and by no more of them than with one shape alone."""
    for lines in (14, 30, 46, 60):
        hole = np.zeros((400, 1200), bool)
        hole[101 : 101 + lines, 100:1100] = True
        area = [sum(len(t.origins) * t.shape[0] * t.shape[1] for t in tiles.lay(hole, s)) for s in ALONE]
        (only,) = tiles.lay(hole)
        assert len(set(only.origins[:, 0].tolist())) == 1
        assert sum(len(t.origins) * t.shape[0] * t.shape[1] for t in (only,)) <= min(area)


def test_an_empty_hole_has_no_tiles():
    assert tiles.lay(np.zeros((50, 50), bool)) == ()
