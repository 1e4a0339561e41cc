"""The candidates by themselves, on a scene whose motion is known."""

from fractions import Fraction

import numpy as np
from moving import sliding
from osdclean.engine.bench import sources
from osdclean.engine.bench.cases import Case
from osdclean.engine.picture import PictureFormat


def test_what_was_seen_elsewhere_is_worth_more_than_a_fill():
    picture = PictureFormat(
        family="YUV", floating=False, bits=8, width=160, height=96, subsampling_w=1, subsampling_h=1
    )
    truth, hole = sliding(16, 96, 160, 3.0), np.zeros((96, 160), bool)
    hole[40:56, 60:80] = True
    overlaid = [(np.where(hole, 255, y).astype(np.uint8), u, v) for y, u, v in truth]
    case = Case(
        name="sliding", kind="telemetry", seed=1, fps=Fraction(25), picture=picture, truth=truth, overlaid=overlaid,
        holes=[hole] * 16,
    )  # fmt: skip
    worth = sources.measure(case)
    assert set(worth) == set(sources.NAMES)
    assert min(worth["nearer"], worth["mean"]) > max(worth["tense"], worth["plate"]) + 3
    assert worth["nearer"] >= min(worth["before"], worth["after"])
