"""Training of the detector."""

import shutil
from functools import partial

import numpy as np
import pytest
import torch
from moving import sliding
from osdclean.engine import weights
from osdclean.engine.detect import evidence
from osdclean.engine.detect.network import DetectionConfig
from osdclean.engine.detect.settings import LEARNED
from osdclean.engine.errors import ArgumentError, PictureError
from osdclean.engine.picture import PictureFormat
from osdclean.engine.train import detection, marked
from osdclean.engine.train.config import DetectorConfig

from .kept import assert_same, rows

SMALL = DetectionConfig(widths=(8, 8, 8), hidden=8)
PICTURE = PictureFormat(family="YUV", floating=False, bits=8, width=256, height=208, subsampling_w=1, subsampling_h=1)


def crops(seed: int) -> marked.Marked:
    """A white box stands still over what slides by."""
    frames, covered = sliding(10, 208, 256, 3.0, seed=seed), np.zeros((10, 208, 256), np.uint8)
    covered[:, 60:90, 100:160] = 1 << LEARNED.index("logo")
    for planes in frames:
        planes[0][60:90, 100:160] = 250
    return marked.cut(frames, PICTURE, covered, [planes[0] for planes in frames], np.random.default_rng(seed))


@pytest.fixture
def folder(tmp_path):
    crops(0).save(tmp_path / "train-0-a.npz")
    crops(7).save(tmp_path / "val-0-b.npz")
    return tmp_path


def test_crops_are_of_one_place_in_all_their_parts():
    made = crops(0)
    assert made.luma.shape == (marked.CROPS, marked.LENGTH + 2, marked.SIDE, marked.SIDE)
    inside = made.covered > 0
    assert inside.any((1, 2, 3)).sum() >= marked.CROPS // 2
    assert (made.luma[:, 1:-1][inside] == 250).all()
    assert (made.luma[:, 1:-1][~inside] < 250).all()
    still = np.repeat(made.still[:, None], marked.LENGTH, 1)
    assert (still[:, :, 1][inside] == 0).all()
    assert np.median(still[:, :, 1][~inside]) > 20


def test_views_have_the_frames_before_and_after():
    made = crops(0)
    views, covered = detection.tensors([detection.cut(made, 3, np.arange(4), False)])
    for k, view in enumerate(views):
        for channel, shift in enumerate((0, -1, 1)):
            wanted = made.luma[3, 1 + 1 + k + shift]
            np.testing.assert_array_equal(np.rint(view.luma[0, channel].numpy() * 255), wanted)
    assert covered.shape == (2, 1, len(LEARNED), marked.SIDE, marked.SIDE)
    np.testing.assert_array_equal(covered[:, 0, LEARNED.index("logo")].numpy() > 0, made.covered[3, 1:3] > 0)
    assert not covered[:, 0, LEARNED.index("osd")].any()


def test_recall_and_precision_forgive_two_pixels():
    mask = torch.zeros(1, 1, 32, 32, dtype=torch.bool)
    mask[..., 10:20, 10:20] = True
    near, far = mask.roll(2, -1), mask.roll(4, -1)
    there, met, found, right = (int(v) for v in detection.judged(near, mask))
    assert (there, met, found, right) == (100, 100, 100, 100)
    there, met, found, right = (int(v) for v in detection.judged(far, mask))
    assert (there, met, found, right) == (100, 80, 100, 80)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_footage_is_marked_by_all_kinds_and_what_is_marked_is_covered(monkeypatch):
    monkeypatch.setattr(marked, "BARS", 0)
    monkeypatch.setattr(marked, "TRIPOD", 0)
    clean, met = sliding(8, 208, 256, 2.0), 0
    for seed in range(24):
        shown, covered, _ = marked.mark(clean, PICTURE, np.random.default_rng(seed), None, seed % 4 == 0)
        met |= int(np.bitwise_or.reduce(covered, None))
        changed = np.stack([a[0] != b[0] for a, b in zip(shown, clean, strict=True)])
        if seed % 4:
            assert not changed[covered == 0].any()
        assert not covered.any() or changed[covered > 0].mean() > 0.7
    assert met == (1 << len(LEARNED)) - 1


def test_some_pictures_stand_still_or_have_bars(monkeypatch):
    monkeypatch.setattr(marked, "SHARES", {None: 1.0})
    monkeypatch.setattr(marked, "BARS", 1)
    monkeypatch.setattr(marked, "TRIPOD", 1)
    clean = sliding(8, 208, 256, 2.0)
    shown, covered, _ = marked.mark(clean, PICTURE, np.random.default_rng(2), None, False)
    assert not covered.any()
    lumas = np.stack([planes[0] for planes in shown]).astype(int)
    assert (abs(lumas[:, :6] - 16) < 12).all()
    still = (lumas.std(0) < 3).mean()
    assert 0.5 < still < 1
    assert (np.stack([planes[0] for planes in clean]).std(0) < 3).mean() < 0.1


def test_what_stays_still_is_of_longer_and_shorter_recordings_too(monkeypatch):
    monkeypatch.setattr(marked, "SHARES", {"logo": 1.0})
    clean, lengths = sliding(8, 208, 256, 2.0), set()
    for seed in range(12):
        _, covered, lumas = marked.mark(clean, PICTURE, np.random.default_rng(seed), None, False)
        lengths.add(len(lumas))
        if len(lumas) > len(clean):
            _, spread = evidence.still(lumas)
            steady, marked_there = spread < 4, covered[0] > 0
            assert steady[marked_there].mean() > 0.2 > 0.02 > steady[~marked_there].mean()
    assert {evidence.SAMPLES, len(clean)} <= lengths
    assert min(lengths) < len(clean)


def test_crops_of_large_pictures_are_of_what_the_detector_sees():
    frames, picture = marked.enlarged(sliding(8, 208, 256, 2.0), PICTURE, 1080)
    assert (picture.width, picture.height) == (1328, 1080)
    assert [plane.shape for plane in frames[0]] == [(1080, 1328), (540, 664), (540, 664)]
    covered = np.zeros((8, 1080, 1328), np.uint8)
    covered[:, 200:400, 300:700] = 2
    covered[:, 300:500, 300:700] |= 8
    for planes in frames:
        planes[0][covered[0] > 0] = 250
    made = marked.cut(frames, picture, covered, [planes[0] for planes in frames], np.random.default_rng(1))
    assert made.luma.shape == (marked.CROPS, marked.LENGTH + 2, marked.SIDE, marked.SIDE)
    assert (made.luma[:, 1:-1][made.covered > 0] == 250).mean() > 0.98
    assert (made.luma[:, 1:-1][made.covered == 0] < 250).mean() > 0.98
    both = made.covered == 2 | 8
    assert both.any()
    assert both.mean() < (made.covered == 2).mean() + (made.covered == 8).mean()


def test_what_is_missed_alone_counts_more_than_a_pixel_of_many():
    covered = torch.zeros(1, 1, 64, 64)
    covered[0, 0, 10:12, 10:12] = covered[0, 0, 30:60, 5:60] = 1
    logits = torch.zeros(1, 1, 64, 64, requires_grad=True)
    detection.marked_loss(logits, covered, 0.0)["entropy"].backward()
    alone, many, clear = (-float(logits.grad[0, 0, y, x]) for y, x in ((10, 10), (45, 30), (10, 50)))
    assert alone > 3 * many > 0 > clear
    assert many > 2 * -clear


def test_it_learns_and_goes_on_where_it_was(folder, tmp_path):
    config = DetectorConfig(steps=24, frames=2, batch=2, network=SMALL, every=8, save=3, warmup=2)
    whole = detection.fit(config, folder, tmp_path / "whole", lambda _: None)

    class Killed(Exception):
        pass

    def kill(step: int, at: int) -> None:
        if step == at:
            raise Killed

    for at in (4, 11, 20):
        with pytest.raises(Killed):
            detection.fit(config, folder, tmp_path / "pieces", lambda _: None, partial(kill, at=at))
    pieces = detection.fit(config, folder, tmp_path / "pieces", lambda _: None)
    assert_same(*(torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "pieces")))
    assert_same(*(weights.load_detector(str(file)).state_dict() for file in (whole, pieces)))
    curve = rows(tmp_path / "whole")
    assert curve[-1]["loss"] < curve[0]["loss"]
    assert {"logo recall", "logo precision", "marked in vain, %"} <= curve[0].keys()


def test_too_little_footage_is_told():
    small = PictureFormat(family="YUV", floating=False, bits=8, width=96, height=64, subsampling_w=1, subsampling_h=1)
    with pytest.raises(PictureError, match="at least 192x192 and 6 frames are needed, passed 96x64 and 8"):
        marked.cut(sliding(8, 64, 96, 1.0), small, np.zeros((8, 64, 96), np.uint8), [], np.random.default_rng(0))


def test_nothing_to_learn_from_is_told(tmp_path):
    with pytest.raises(ArgumentError, match="clips must give crops to learn from"):
        detection.fit(DetectorConfig(steps=1), tmp_path, tmp_path / "run", lambda _: None)
