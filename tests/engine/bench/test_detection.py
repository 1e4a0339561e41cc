"""How found masks are judged."""

import json
import shutil
from fractions import Fraction

import cv2
import numpy as np
import pytest
from detectors import random_detector
from moving import sliding
from osdclean.engine.bench import detection
from osdclean.engine.bench.cases import Case
from osdclean.engine.cli.main import main
from osdclean.engine.detect.settings import LEARNED
from osdclean.engine.picture import PictureFormat

PICTURE = PictureFormat(family="YUV", floating=False, bits=8, width=96, height=64, subsampling_w=1, subsampling_h=1)


def case(holes) -> Case:
    frames = sliding(len(holes), 64, 96, 1.0)
    return Case(
        name="clip", kind="logo", seed=1, fps=Fraction(30), picture=PICTURE, truth=frames, overlaid=frames, holes=holes
    )


def box(left: int, width: int = 20) -> np.ndarray:
    mask = np.zeros((64, 96), bool)
    mask[20:40, left : left + width] = True
    return mask


def test_recall_precision_and_flicker_are_counted():
    truth = [box(30)] * 4
    exact = detection.judged(case(truth), np.stack(truth))
    assert (exact.recall, exact.precision, exact.flicker) == (1, 1, 0)
    assert exact.marked == exact.coverage == pytest.approx(400 / (64 * 96))
    near = detection.judged(case(truth), np.stack([box(32)] * 4))
    assert (near.recall, near.precision) == (1, 1)
    far = detection.judged(case(truth), np.stack([box(36)] * 4))
    assert far.recall == pytest.approx(16 / 20)
    assert far.precision == pytest.approx(16 / 20)
    restless = detection.judged(case(truth), np.stack([box(30), box(30, 10), box(30), box(30)]))
    assert restless.flicker == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert restless.recall == pytest.approx((20 + 12 + 20 + 20) / 80)


def test_nothing_to_be_found_has_no_recall():
    clean = detection.judged(case([np.zeros((64, 96), bool)] * 3), np.stack([box(10)] * 3))
    assert (clean.recall, clean.precision, clean.flicker) == (None, None, None)
    assert clean.marked > 0
    text = detection.markdown([clean], {"seed": 1})
    assert "| clip | 96x64 | 0.00 | 6.51 |  |  |  |" in text


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_the_command_measures_kinds_and_drawn_masks(tmp_path, monkeypatch, capsys):
    from osdclean.engine.bench import node

    made = case([box(30)] * 6)
    for name in ("clip", "own"):
        (tmp_path / name).mkdir()
        node.clip_file(made, tmp_path / name)
    clean, own = tmp_path / "clean.mkv", tmp_path / "own.mkv"
    (tmp_path / "clip" / "clip.mkv").rename(clean)
    (tmp_path / "own" / "clip.mkv").rename(own)
    drawn = np.zeros((64, 96), np.uint8)
    drawn[10:20, 10:40] = 1 + LEARNED.index("osd")
    drawn[40:50, 10:40] = 1 + LEARNED.index("subtitle")
    cv2.imwrite(str(tmp_path / "own-2.png"), drawn)
    monkeypatch.setattr(detection, "DRAWN", tmp_path)
    monkeypatch.setattr(detection, "OVERLAYS", {"logo": "osd", "clean": "osd"})
    monkeypatch.setattr(detection, "RESTORED", ("logo",))
    model = random_detector(tmp_path / "random.safetensors")
    out, pictures = tmp_path / "out.json", tmp_path / "pictures"
    words = ["bench", clean, own, "--find", "--restore", "--node", f"model={model}", "height=40", "--json", out]
    assert main([str(word) for word in (*words, "--pictures", pictures)]) == 0
    rows = json.loads(out.read_text())["rows"]
    assert [(row["clip"], row["overlay"]) for row in rows] == [
        ("clean", "logo"), ("clean", "clean"), ("own", "drawn osd"), ("own", "drawn subtitle"),
    ]  # fmt: skip
    logo, bare, osd, _ = rows
    assert 0 < logo["marked"] < 1
    assert logo["true"] > 0
    assert logo["found"] > 0
    assert bare["recall"] is None
    assert osd["frames"] == 1
    assert osd["coverage"] == pytest.approx(300 / (64 * 96))
    assert len(list(pictures.iterdir())) == 4
    assert "## drawn osd" in capsys.readouterr().out
