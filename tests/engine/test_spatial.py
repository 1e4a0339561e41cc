import numpy as np
import pytest
from moving import psnr, texture
from osdclean.engine import spatial
from osdclean.engine.spatial import Cells, Fill


def filled(picture: np.ndarray, hole: np.ndarray, tension: float = spatial.TENSE) -> np.ndarray:
    out = picture.astype(np.float32).copy()
    out[hole] = Fill(hole, Cells(tension))([np.where(hole, 255, picture)])[0]
    return out


@pytest.mark.parametrize("box", [(20, 30, 20, 40), (0, 12, 0, 30), (50, 64, 60, 96), (10, 60, 10, 90)])
def test_a_ramp_is_continued_exactly(box):
    top, bottom, left, right = box
    hole = np.zeros((64, 96), bool)
    hole[top:bottom, left:right] = True
    picture = np.mgrid[0:64, 0:96][1].astype(np.float32) + 50
    at_edge = 0 in (top, left) or bottom == 64 or right == 96
    # At the picture's edge the mirror bends the ramp; elsewhere plate and membrane both keep it.
    np.testing.assert_allclose(filled(picture, hole), picture, atol=25 if at_edge else 1.5)


@pytest.mark.parametrize(("tension", "least"), [(spatial.TENSE, 35), (spatial.PLATE, 30)])
def test_cells_agree_with_the_whole_hole_solved_at_once(monkeypatch, tension, least):
    picture = texture(64, 96)
    hole = np.zeros((64, 96), bool)
    hole[20:34, 20:80] = True
    hole[40:52, 30:42] = True
    pieces = filled(picture, hole, tension)
    monkeypatch.setattr(spatial, "CELL", 96)
    monkeypatch.setattr(spatial, "MARGIN", 96)
    whole = filled(picture, hole, tension)
    assert psnr(pieces, whole, hole) > least


def test_the_plate_is_as_scikit_image_fills(monkeypatch):
    restoration = pytest.importorskip("skimage.restoration")
    monkeypatch.setattr(spatial, "MARGIN", 96)
    picture = texture(64, 96)
    hole = np.zeros((64, 96), bool)
    hole[20:30, 20:33] = True
    theirs = restoration.inpaint_biharmonic(picture / 255, hole) * 255
    ours = filled(picture, hole, spatial.PLATE)
    ours = np.clip(ours, picture[~hole].min(), picture[~hole].max())  # as theirs is
    assert np.abs(ours - theirs)[hole].max() < 0.5


def test_many_pictures_at_once_are_each_as_alone():
    hole = np.zeros((64, 96), bool)
    hole[10:50, 20:80] = True
    fill = Fill(hole, Cells(spatial.PLATE))
    pictures = [texture(64, 96, seed) for seed in range(3)]
    together = fill(pictures)
    for k, picture in enumerate(pictures):
        np.testing.assert_allclose(fill([picture])[0], together[k], atol=1e-2)


def test_equal_shapes_share_one_map():
    cells = Cells(spatial.PLATE)
    hole = np.zeros((64, 200), bool)
    for left in range(20, 180, 32):
        hole[20:26, left : left + 5] = True
    Fill(hole, cells)
    assert len(cells._solved) == 1
