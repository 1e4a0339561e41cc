import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from osdclean.engine import tiles


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
    origins = tiles.lay(hole)
    assert (origins % tiles.ALIGN == 0).all()
    shape = (height >> down_h, width >> down_w)
    small = np.zeros(shape, bool)
    y, x = np.nonzero(hole)
    small[y >> down_h, x >> down_w] = True
    at = tiles.windows(origins, *shape, down_h, down_w)
    y, x = np.nonzero(small)
    place = tiles.owned(at, origins, y, x, shape, down_h, down_w)
    assert (place >= 0).all()
    # What stands at the owner's place in the tiles is the sample itself.
    picture = np.arange(shape[0] * shape[1]).reshape(shape)
    np.testing.assert_array_equal(at.read(picture).ravel()[place], picture[y, x])


def test_owners_keep_away_from_tile_edges():
    hole = np.zeros((400, 600), bool)
    hole[100:300, 100:500] = True
    origins = tiles.lay(hole)
    at = tiles.windows(origins, 400, 600)
    y, x = np.nonzero(hole)
    place = tiles.owned(at, origins, y, x, hole.shape)
    row, column = place // tiles.SIZE % tiles.SIZE, place % tiles.SIZE
    edge = np.minimum(np.minimum(row, column), tiles.SIZE - 1 - np.maximum(row, column))
    assert edge.min() >= tiles.MARGIN


def test_an_empty_hole_has_no_tiles():
    assert len(tiles.lay(np.zeros((50, 50), bool))) == 0
