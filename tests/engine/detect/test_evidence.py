"""What a detector sees: sizes, formats, and what stays still."""

import numpy as np
import pytest
from moving import sliding
from osdclean.engine.detect import evidence
from osdclean.engine.picture import PictureFormat


def yuv(width: int, height: int, **more) -> PictureFormat:
    given = {"family": "YUV", "floating": False, "bits": 8, "subsampling_w": 1, "subsampling_h": 1} | more
    return PictureFormat(width=width, height=height, **given)


def test_a_large_picture_is_reduced_to_the_lines_that_lettering_was_learned_at():
    assert evidence.size(yuv(720, 576)) == (576, 720)
    assert evidence.size(yuv(1280, 720)) == (540, 960)
    assert evidence.size(yuv(1998, 1080)) == (540, 1000)
    assert evidence.size(yuv(3840, 2160)) == (540, 960)
    planes = sliding(1, 1080, 1920, 0)[0]
    view = evidence.seen(planes, yuv(1920, 1080))
    assert view.luma.shape == (540, 960)
    assert view.chroma.shape == (2, 270, 480)
    means = planes[0].reshape(540, 2, 960, 2).mean((1, 3))
    assert np.abs(view.luma - means).max() <= 1


@pytest.mark.parametrize(
    "more",
    [{"bits": 10}, {"bits": 16}, {"floating": True, "bits": 32}, {"floating": True, "bits": 16}],
)
def test_every_depth_looks_alike(more):
    planes = sliding(1, 64, 96, 0)[0]
    picture = yuv(96, 64, **more)
    scaled = [plane.astype(np.float64) / 255 * picture.peak for plane in planes]
    if picture.floating:
        scaled[1:] = [plane - 0.5 for plane in scaled[1:]]
    else:
        scaled = [np.rint(plane) for plane in scaled]
    wanted = evidence.seen(planes, yuv(96, 64))
    made = evidence.seen(tuple(plane.astype(picture.dtype) for plane in scaled), picture)
    assert np.abs(made.luma.astype(int) - wanted.luma).max() <= 1
    assert np.abs(made.chroma.astype(int) - wanted.chroma).max() <= 1


def test_grey_is_neutral_in_every_family():
    grey = np.full((32, 48), 90, np.uint8)
    rgb = evidence.seen((grey,) * 3, yuv(48, 32, family="RGB", subsampling_w=0, subsampling_h=0))
    alone = evidence.seen((grey,), yuv(48, 32, family="GRAY", subsampling_w=0, subsampling_h=0))
    for view in (rgb, alone):
        assert (view.luma == 90).all()
        assert (view.chroma == 128).all()
        assert view.chroma.shape == (2, 16, 24)
    red = evidence.seen((grey + 100, grey, grey), yuv(48, 32, family="RGB", subsampling_w=0, subsampling_h=0))
    assert (red.chroma[1] > 140).all()


def test_samples_spread_over_the_whole_clip():
    assert evidence.sampled(1) == (0,)
    assert evidence.sampled(5) == (0, 1, 2, 3, 4)
    spread = evidence.sampled(100_000)
    assert len(spread) == evidence.SAMPLES
    assert (spread[0], spread[-1]) == (0, 99_999)
    assert len(set(np.diff(spread))) <= 2


def test_what_stands_still_is_told_from_what_moves():
    lumas = [frame[0].copy() for frame in sliding(20, 64, 96, 5)]
    for luma in lumas:
        luma[20:30, 40:60] = 200
    mean, spread = evidence.still(lumas)
    inside = np.zeros((64, 96), bool)
    inside[20:30, 40:60] = True
    assert (mean[inside] == 200).all()
    assert (spread[inside] == 0).all()
    assert np.median(spread[~inside]) > 40
    wanted = np.std(np.stack(lumas).astype(float), 0)
    assert np.abs(spread - np.minimum(255, evidence.SPREAD * wanted)).max() <= 1
