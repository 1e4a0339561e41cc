"""Fine-tuning: places for the mask, and the whole way on a small video."""

import shutil
import subprocess

import cv2
import numpy as np
import pytest
import torch
from moving import sliding
from osdclean.engine import weights
from osdclean.engine.cli.main import main
from osdclean.engine.errors import PictureError
from osdclean.engine.footage import joined
from osdclean.engine.network import InpaintingNetwork, NetworkConfig
from osdclean.engine.propagation import square_reach
from osdclean.engine.train import examples, finetune, places

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
H, W = 96, 160


def drawn() -> np.ndarray:
    mask = np.zeros((H, W), bool)
    mask[10:20, 12:60] = mask[70:80, 90:140] = True
    return mask


def test_places_are_clean_and_differ():
    mask = drawn()
    found = places.moved(mask, 6, np.random.default_rng(0))
    halo = square_reach(mask, places.HALO)
    assert len(found) == 6
    for hole in found:
        assert not (hole & halo).any()
        assert hole.sum() >= places.CLEAN * mask.sum()
    assert len({hole.tobytes() for hole in found}) > 3
    again = places.moved(mask, 6, np.random.default_rng(0))
    assert all(np.array_equal(a, b) for a, b in zip(found, again, strict=True))


def test_a_mask_that_leaves_no_place_is_told():
    mask = np.ones((H, W), bool)
    mask[:4] = False
    with pytest.raises(PictureError, match="must leave places to which 30% of it can be moved"):
        places.moved(mask, 2, np.random.default_rng(0))


def test_what_the_overlay_hides_never_counts():
    mask = drawn()
    hole = places.moved(mask, 1, np.random.default_rng(1))[0]
    from osdclean.engine.picture import PictureFormat

    picture = PictureFormat(family="YUV", floating=False, bits=8, width=W, height=H, subsampling_w=1, subsampling_h=1)
    made = examples.build(sliding(16, H, W, 2.0), picture, [hole] * 16, np.random.default_rng(2), 1.0, mask)
    assert made.counted.any()
    assert (made.hole >= made.counted).all()
    assert (made.hole > made.counted).any()  # tiles that hold both


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    raw = b"".join(joined(sliding(24, H, W, 2.0)))
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{W}x{H}", "-r", "25", "-i", "-",
         "-c:v", "ffv1", str(folder / "own.mkv")],
        input=raw, check=True,
    )  # fmt: skip
    cv2.imwrite(str(folder / "mask.png"), drawn().astype(np.uint8) * 255)
    return folder


def untrained(path):
    """Weights that leave much to gain: they blend all candidates alike."""
    torch.manual_seed(0)
    weights.save(InpaintingNetwork(NetworkConfig(widths=(8, 8, 8), hidden=8)), path)
    return path


@needs_ffmpeg
def test_it_learns_from_the_video_itself(video, tmp_path, capsys, monkeypatch):
    # A number of steps, not of minutes: what it learns must not hang on how busy the machine is.
    monkeypatch.setattr(finetune, "_steps_in", lambda minutes, training, examples: 120)
    words = ["finetune", str(video / "own.mkv"), "--mask", str(video / "mask.png"), "--processes", "1"]
    model, target = untrained(tmp_path / "begin.safetensors"), tmp_path / "mine.safetensors"
    assert main([*words, "--model", str(model), "-o", str(target)]) == 0
    told = capsys.readouterr().out
    assert "held back" in told
    assert "dB before" in told
    assert weights.load(str(target)).config.widths == (8, 8, 8)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["begin.safetensors", "mine.safetensors"]
    # What is there is not written over unasked.
    assert main([*words, "-o", str(target)]) == 1
    assert "exists" in capsys.readouterr().err


@needs_ffmpeg
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["--minutes", "0"], "minutes must be above 0"),
        (["--mask", "nowhere.png"], "mask nowhere.png does not exist"),
        (["--mask", "black.png"], "mask must cover something"),
        (["--mask", "small.png"], "passed 20x20 and 160x96"),
        (["--mask", "text.png"], "that OpenCV can read"),
        (["--mask", "empty.png"], "that OpenCV can read"),
        (["--processes", "-1"], "processes must be at least 1, passed -1"),
        (["--model", "nowhere.safetensors"], "which does not exist"),
        (["-o", "nowhere/mine.safetensors"], "the folder nowhere does not exist"),
    ],
)
def test_bad_input_is_told(video, tmp_path, monkeypatch, capsys, change, told):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("black.png", np.zeros((H, W), np.uint8))
    cv2.imwrite("small.png", np.full((20, 20), 255, np.uint8))
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").touch()
    words = ["finetune", str(video / "own.mkv"), "--mask", str(video / "mask.png"), "-o", "mine.safetensors"]
    assert main([*words, *change]) == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / "mine.safetensors").exists()


@needs_ffmpeg
def test_a_missing_or_short_video_is_told(video, tmp_path, capsys):
    mask = str(video / "mask.png")
    assert main(["finetune", str(tmp_path / "no.mp4"), "--mask", mask]) == 1
    assert "exists" in capsys.readouterr().err
    short = tmp_path / "short.mkv"
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(video / "own.mkv"), "-frames:v", "5", str(short)], check=True)
    assert main(["finetune", str(short), "--mask", mask]) == 1
    assert "at least 20 frames without a cut or black are needed" in capsys.readouterr().err
