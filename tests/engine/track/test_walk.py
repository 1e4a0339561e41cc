import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moving import sliding, texture
from osdclean.engine.errors import ArgumentError
from osdclean.engine.picture import PictureFormat
from osdclean.engine.track.packed import Packed
from osdclean.engine.track.settings import TrackSettings
from osdclean.engine.track.tracker import SETTLE, settled
from osdclean.engine.track.walk import Sight, Walk

YUV = PictureFormat(family="YUV", floating=False, bits=8, width=120, height=90, subsampling_w=1, subsampling_h=1)
BOX = {"left": 40, "top": 30, "width": 30, "height": 30}


def frames(length):
    """A disc at rest before a ground that slides; it has a look of its own."""
    thing, disc = texture(90, 120, seed=9), cv2.circle(np.zeros((90, 120), np.uint8), (55, 45), 14, 1, -1).view(bool)
    for planes in sliding(length, 90, 120, 2.0):
        planes[0][disc] = thing[disc]
        planes[2][disc[::2, ::2]] = 200
        yield planes


def walked(walk, clip, order):
    """The masks of these frames, each asked for in turn, whole groups at once."""
    for n in order:
        while wanted := walk.wanted(n):
            assert walk.see(n, [Sight(planes=clip[k]) for k in wanted])
    return {n: walk.mask(n) for n in order}


@pytest.mark.parametrize(("length", "key", "far"), [(24, 6, SETTLE), (9, 4, 4)])  # the latter: a tie of both ways
def test_a_walk_is_the_tracker_started_and_led_by_hand(length, key, far):
    clip = list(frames(length))
    walk = Walk(YUV, length, TrackSettings(frame=key, **BOX))
    tracker, seen = settled(YUV, clip[key:], tuple(BOX.values()))
    assert seen == far
    back, wanted = tracker.reversed(), {key: tracker.mask}
    wanted |= {n: tracker.step(clip[n]) for n in range(key + 1, length)}
    wanted |= {n: back.step(clip[n]) for n in range(key - 1, -1, -1)}
    got = walked(walk, clip, [3, length - 2, 0, length - 1, *range(length)])
    for n in range(length):
        np.testing.assert_array_equal(got[n], wanted[n])
        assert got[n].any()


def test_the_clip_turned_round_gives_the_same_masks():
    clip = list(frames(24))
    one = walked(Walk(YUV, 24, TrackSettings(frame=20, **BOX)), clip, range(24))  # starts with the frames before
    other = walked(Walk(YUV, 24, TrackSettings(frame=3, **BOX)), clip[::-1], range(24))
    for n in range(24):
        np.testing.assert_array_equal(one[n], other[23 - n])


def test_what_is_wanted_is_told_in_the_order_of_the_walk():
    clip = list(frames(24))
    walk = Walk(YUV, 24, TrackSettings(frame=18, **BOX))
    assert walk.wanted(2) == range(18, 24)
    assert not walk.see(2, [Sight(planes=clip[18])])  # not all that the start needs
    assert walk.see(2, [Sight(planes=clip[k]) for k in range(18, 24)])
    assert walk.wanted(2) == range(18, 18 - SETTLE - 1, -1)
    assert walk.see(2, [Sight(planes=clip[k]) for k in walk.wanted(2)])
    assert not walk.wanted(18)
    assert walk.wanted(2) == range(17, 1, -1)
    assert walk.see(2, [Sight(planes=clip[17])])  # here a part is welcome
    assert not walk.see(2, [])
    assert walk.wanted(2) == range(16, 1, -1)
    assert walk.wanted(20) == range(19, 21)


def test_the_key_frame_must_be_in_the_clip():
    with pytest.raises(ArgumentError, match="frame must be 0 to 23, passed 24"):
        Walk(YUV, 24, TrackSettings(frame=24, **BOX))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_masks_at_rest_come_back(width, height, share, seed):
    mask = np.random.default_rng(seed).random((height, width)) < share
    np.testing.assert_array_equal(Packed.of(mask).spread(width, height), mask)


def test_masks_at_rest_are_small():
    mask = cv2.ellipse(np.zeros((1080, 1920), np.uint8), (900, 500), (250, 300), 20, 0, 360, 1, -1).view(bool)
    assert len(Packed.of(mask).bits) < 4096
    assert len(Packed.of(np.zeros_like(mask)).bits) < 16
