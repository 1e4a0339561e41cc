import cv2
import numpy as np
from moving import texture
from osdclean.engine.track.segment import segment


def picture():
    image = np.dstack([texture(100, 120), np.full((100, 120), 110), np.full((100, 120), 120)]).astype(np.uint8)
    thing = cv2.ellipse(np.zeros((100, 120), np.uint8), (60, 50), (20, 28), 0, 0, 360, 1, -1).view(bool)
    image[thing, 2] = 190
    return image, thing


def box(grow=4):
    inside = np.zeros((100, 120), bool)
    inside[22 - grow : 79 + grow, 40 - grow : 81 + grow] = True
    return inside


def test_the_object_is_found_in_its_box_and_nowhere_else():
    image, thing = picture()
    found = segment(image, box())
    assert (found & thing).sum() / (found | thing).sum() > 0.95
    assert not (found & ~box()).any()


def test_the_result_does_not_depend_on_random_numbers_drawn_before():
    image, _ = picture()
    image[..., 0] = np.random.default_rng(3).integers(0, 255, image.shape[:2])
    once = segment(image, box())
    cv2.setRNGSeed(1234)
    np.testing.assert_array_equal(once, segment(image, box()))


def test_where_nothing_stands_out_the_box_is_taken():
    flat = np.full((100, 120, 3), 99, np.uint8)
    np.testing.assert_array_equal(segment(flat, box()), box())
