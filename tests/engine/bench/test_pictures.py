"""Pictures of the bench."""

from fractions import Fraction

import cv2
import numpy as np
from osdclean.engine.bench import pictures
from osdclean.engine.bench.cases import Case
from osdclean.engine.picture import PictureFormat


def test_a_contact_sheet_holds_every_picture_at_natural_size(tmp_path):
    pairs = [np.full((20, 60, 3), 200, np.uint8), np.full((30, 40, 3), 100, np.uint8)]
    path = tmp_path / "made" / "contact.png"
    pictures.contact(path, pairs)
    sheet = cv2.imread(str(path))
    assert sheet.shape == (20 + 4 + 30 + 4, 60, 3)
    assert np.array_equal(sheet[:20], pairs[0])
    assert np.array_equal(sheet[24:54, :40], pairs[1])
    assert not sheet[24:54, 40:].any()


def test_before_and_after_are_the_middle_frame(tmp_path):
    picture = PictureFormat(
        family="YUV", floating=False, bits=8, width=32, height=16, subsampling_w=1, subsampling_h=1
    )
    grey = lambda y: (np.full((16, 32), y, np.uint8), *(np.full((8, 16), 128, np.uint8) for _ in "uv"))  # noqa: E731
    case = Case(
        name="a", kind="logo", seed=1, fps=Fraction(25), picture=picture, truth=[grey(120)] * 3,
        overlaid=[grey(16), grey(235), grey(16)], holes=[np.ones((16, 32), bool)] * 3,
    )  # fmt: skip
    made = pictures.pair(case, [grey(16), grey(126), grey(16)])[-16:]
    assert (made[:, :32] == 255).all()
    assert (abs(made[:, 32:].astype(int) - 128) <= 1).all()
