import numpy as np
import pytest
from moving import texture
from osdclean.engine.picture import PictureFormat
from osdclean.engine.track.window import Window

GRAY = PictureFormat(family="GRAY", floating=False, bits=8, width=200, height=150)


def test_a_small_box_is_read_sample_by_sample():
    plane = texture(150, 200).astype(np.uint8)
    window = Window.around((60, 50, 30, 40))
    assert window.scale == 1
    window = Window(left=round(window.left), top=round(window.top), scale=1.0, width=40, height=30)
    seen = window.read(GRAY, (plane,))
    np.testing.assert_array_equal(
        seen[..., 0], plane[round(window.top) :, round(window.left) :][: window.height, : window.width]
    )
    np.testing.assert_array_equal(seen[..., 1:], 128)


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.23])
def test_what_a_box_covers_comes_back_at_its_place(scale):
    box = (61, 50, 42, 31)
    window = Window(left=40.5, top=33.2, scale=scale, width=round(90 * scale), height=round(70 * scale))
    mask = window.spread(window.covers(box).astype(np.float32), 200, 150) > 0.5
    truth = np.zeros((150, 200), bool)
    truth[50:81, 61:103] = True
    assert np.abs(np.argwhere(mask).mean(0) - np.argwhere(truth).mean(0)).max() < 0.6 / scale
    assert (mask & truth).sum() / (mask | truth).sum() > {1.0: 0.95, 0.5: 0.93, 0.23: 0.8}[scale]


def test_a_warp_between_windows_is_a_read_of_the_other_place():
    plane = texture(150, 200).astype(np.uint8)
    one, other = Window.around((60, 50, 40, 40)), Window.around((66, 47, 46, 40))
    seen = one.warp(other.read(GRAY, (plane,)), other, np.float32([3, -2]))
    direct = Window(left=one.left + 3, top=one.top - 2, scale=one.scale, width=one.width, height=one.height)
    error = np.abs(seen - direct.read(GRAY, (plane,)))[12:-12, 12:-12]
    assert error.mean() < 2


def test_a_large_box_is_reduced_and_a_window_may_hang_over_the_border():
    plane = texture(150, 200).astype(np.uint8)
    window = Window.around((0, 0, 190, 149))
    assert window.scale < 0.6
    seen = window.read(GRAY, (plane,))
    assert seen.shape == (window.height, window.width, 3)
    corner = Window(left=-500.0, top=-400.0, scale=1.0, width=20, height=20).read(GRAY, (plane,))
    assert np.ptp(corner[..., 0].astype(int)) <= np.ptp(plane[:4, :4].astype(int))


@pytest.mark.parametrize("bits", [16, 32])
def test_floats_are_read_as_their_eight_bit_twin(bits):
    whole = PictureFormat(family="YUV", floating=False, bits=8, width=200, height=150, subsampling_w=1)
    real = PictureFormat(family="YUV", floating=True, bits=bits, width=200, height=150, subsampling_w=1)
    planes = tuple(texture(*whole.plane_shape(k), seed=k).astype(np.uint8) for k in range(3))
    floats = tuple(((p - 128.0 * bool(k)) / 255).astype(real.dtype) for k, p in enumerate(planes))
    window = Window.around((60, 50, 120, 90))
    difference = np.abs(window.read(whole, planes).astype(int) - window.read(real, floats))
    assert difference.max() <= 2
