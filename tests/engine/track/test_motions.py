import cv2
import numpy as np
import pytest
from moving import texture
from osdclean.engine.track.motions import affine, sought


def pictures(shift):
    look = np.dstack([texture(120, 140, seed=s) for s in (1, 2, 3)])
    to = np.float32([[1, 0, shift[0]], [0, 1, shift[1]]])
    image = cv2.warpAffine(look, to, (140, 120), borderMode=cv2.BORDER_REFLECT)
    weight = np.zeros((120, 140), np.float32)
    weight[40:80, 45:95] = 1
    return image.astype(np.uint8), look, weight


@pytest.mark.parametrize("shift", [(0, 0), (14, -10), (-22, 18)])
def test_a_shift_is_found_though_half_of_the_object_is_hidden(shift):
    image, look, weight = pictures(shift)
    image[:, : 70 + shift[0]] = 77
    np.testing.assert_allclose(sought(image, look, weight, 1e-5), shift, atol=2)


def test_the_tether_holds_what_fits_nowhere():
    image, look, weight = pictures((14, -10))
    image[...] = texture(120, 140, seed=8)[..., None]
    assert np.abs(sought(image, look, weight, 0.01)).max() <= 4
    assert not sought(image, look, np.zeros_like(weight), 0.01).any()


def test_an_affine_motion_is_found_among_strays():
    y, x = np.mgrid[0:60, 0:80].astype(np.float32)
    truth = np.dstack([3 + 0.02 * (x - 40), -1 + 0.02 * (y - 30)])
    flow, weight = truth.copy(), np.ones((60, 80), np.float32)
    flow[:, :20] = (-9, 4)
    found = affine(flow, weight, np.float32([2.5, -0.5]), 1.0)
    assert np.abs(found - truth)[:, 20:].mean() < 0.5
    np.testing.assert_array_equal(affine(flow, 0 * weight, np.float32([2, 1]), 1.0)[5, 5], (2, 1))
