"""The whole way from clips to weights, small: examples, resume, and that it learns."""

import shutil
import subprocess
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from moving import sliding
from osdclean.engine import weights
from osdclean.engine.cli.main import main
from osdclean.engine.errors import ModelError, PictureError
from osdclean.engine.network import InpaintingNetwork, NetworkConfig
from osdclean.engine.picture import PictureFormat
from osdclean.engine.train import batches, examples, loop, shards, sources, validation
from osdclean.engine.train.config import HOLE_LOSSES, TrainConfig

from .kept import assert_same, rows

SMALL = NetworkConfig(widths=(8, 8, 8), hidden=8)


def shard(seed: int = 0) -> examples.Shard:
    rng = np.random.default_rng(seed)
    hole = np.zeros((96, 144), bool)
    hole[40:60, 40:60] = True
    picture = PictureFormat(
        family="YUV", floating=False, bits=8, width=144, height=96, subsampling_w=1, subsampling_h=1
    )
    return examples.build(sliding(16, 96, 144, 2.0 + seed), picture, [hole] * 16, rng, 1.0)


@pytest.fixture
def folder(tmp_path):
    shard(0).save(tmp_path / "train-0-a.npz")
    shard(1).save(tmp_path / "val-0-b.npz")
    return tmp_path


def test_examples_hold_the_truth_and_never_the_hole():
    built = shard()
    hole = built.hole.astype(bool)
    for k in range(4):
        np.testing.assert_array_equal(built.luma[:, :, k][~hole], built.truth[~hole]) if k < 2 else None
    # The overlay stood where the truth was noise: only another frame can know the truth as well as this.
    before = built.luma[:, :, 2][hole & (built.age[:, :, 0] > 0)].astype(int)
    assert np.abs(before - built.truth[hole & (built.age[:, :, 0] > 0)]).mean() < 3
    assert (built.age[:, :, 0][hole] > 0).mean() > 0


def test_mirrored_examples_move_as_they_look():
    built = shard()
    flow, truth = built.flow[0, 1:3], built.truth[0]
    turned = batches.turned(flow, True, True, False, True)
    np.testing.assert_allclose(turned[:, 1], -flow[:, 0, :, ::-1].swapaxes(-1, -2), atol=1e-3)
    assert batches.turned(truth, False, False, True, False).shape == truth.shape


def test_a_run_interrupted_ten_times_equals_one_in_a_piece(folder, tmp_path):
    config = TrainConfig(
        steps=24, stages=((0.0, 1, 4), (0.5, 2, 4)), network=SMALL, every=8, save=3, warmup=2, adversarial=0.01,
        critic_widths=(4, 8), accumulate=2, truncate=1,
    )  # fmt: skip
    said = []
    whole = loop.fit(config, folder, tmp_path / "whole", said.append)

    class Killed(Exception):
        pass

    def kill(step: int, at: int) -> None:
        if step == at:
            raise Killed

    for at in (1, 4, 5, 8, 11, 12, 16, 17, 20, 23):
        with pytest.raises(Killed):
            loop.fit(config, folder, tmp_path / "pieces", said.append, partial(kill, at=at))
    pieces = loop.fit(config, folder, tmp_path / "pieces", said.append)
    assert "continuing at step 3" in said
    assert "continuing at step 21" in said
    kept = [torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "pieces")]
    assert_same(*kept)
    assert_same(*(weights.load(str(file)).state_dict() for file in (whole, pieces)))
    curves = [rows(tmp_path / name) for name in ("whole", "pieces")]
    for row in (*curves[0], *curves[1]):
        del row["minutes"]
    assert curves[0] == curves[1]
    assert [row["step"] for row in curves[0]] == [8, 16, 24]


@pytest.mark.parametrize("hole", HOLE_LOSSES)
def test_it_learns(folder, tmp_path, hole):
    config = TrainConfig(steps=30, stages=((0.0, 2, 4),), network=SMALL, every=10, warmup=2, hole=hole)
    loop.fit(config, folder, tmp_path / "run", lambda _: None)
    losses = [row["loss"] for row in rows(tmp_path / "run")]
    assert losses[-1] < losses[0]


def test_another_checkpoint_is_refused(folder, tmp_path):
    config = TrainConfig(steps=1, stages=((0.0, 1, 2),), network=SMALL)
    loop.fit(config, folder, tmp_path / "run", lambda _: None)
    other = replace(config, network=NetworkConfig(widths=(4, 8, 8), hidden=8))
    with pytest.raises(ModelError, match=r"last\.pt must be a checkpoint of this training"):
        loop.fit(other, folder, tmp_path / "run", lambda _: None)


def test_the_board_shows_losses_gradients_and_pictures(folder, tmp_path):
    board = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="no TensorBoard")
    config = TrainConfig(steps=20, stages=((0.0, 2, 4),), network=SMALL, every=20, warmup=2)
    loop.fit(config, folder, tmp_path / "run", lambda _: None)
    read = board.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    read.Reload()
    names = read.Tags()
    scalars = {"luma", "temporal", "rate", "gradient", "gradient/lstm.conv.weight", "recurrent share"}
    assert scalars <= set(names["scalars"])
    assert read.Scalars("recurrent share")[0].value > 1e-6
    assert names["images"] == ["fill, network, truth"]


def test_validation_knows_the_candidates(folder):
    held = batches.Examples(folder, "val")
    figures = validation.validate(InpaintingNetwork(SMALL), held, torch.device("cpu"))
    assert figures["nearer"] > figures["tense"]


def test_excerpts_of_one_video_stay_on_one_side(tmp_path):
    for k in range(20):
        for part in (1, 2):
            (tmp_path / f"clip{k}_{part:02}.mp4").touch()
    jobs = shards.plan(tmp_path, None, None, tmp_path / "out", 2)
    sides = {}
    for job in jobs:
        sides.setdefault(job.source.stem[:-3], set()).add(job.validation)
    assert all(len(side) == 1 for side in sides.values())
    assert 0 < sum(side == {True} for side in sides.values()) < 6


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_the_command_trains_on_a_folder(tmp_path, capsys):
    clips = tmp_path / "clips"
    clips.mkdir()
    for k in range(5):
        subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=128x96:rate=25:duration=0.8,hue=h={40 * k}",
             "-pix_fmt", "yuv420p", str(clips / f"clip{k}_01.mkv")],
            check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    (clips / "broken_01.mp4").write_bytes(b"no video")
    words = ["train", str(clips), "--out", str(tmp_path / "run"), "--rounds", "1", "--steps", "1", "--processes", "2"]
    assert main(words) == 0
    told = capsys.readouterr()
    assert "broken_01.mp4" in told.err
    assert "1 of 6 sources were left out" in told.err
    assert weights.load(str(tmp_path / "run" / "weights.safetensors"))
    assert main(["train", str(tmp_path / "nowhere")]) == 1


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_what_covers_the_footage_is_of_all_kinds_and_leaves_the_rest(monkeypatch):
    picture = PictureFormat(
        family="YUV", floating=False, bits=8, width=192, height=128, subsampling_w=1, subsampling_h=1
    )
    clean, drawn = sliding(12, 128, 192, 1.5), []
    make = examples.overlays.make
    monkeypatch.setattr(examples.overlays, "make", lambda kind, *rest: drawn.append(kind) or make(kind, *rest))
    changing = 0
    for seed in range(40):
        squeezed = seed % 3 == 0
        seen, hole = examples.cover(clean, picture, np.random.default_rng(seed), None, squeezed)
        assert len(hole) == len(seen) == 12
        changing += len({h.tobytes() for h in hole}) > 1
        misses = [np.abs(a[0].astype(int) - b[0])[~h] for a, b, h in zip(seen, clean, hole, strict=True)]
        assert any(miss.any() for miss in misses) == squeezed
        # Compression blurs, but nothing of the overlay itself stands outside the hole.
        assert np.mean([miss.mean() for miss in misses]) < 12
    assert len(set(drawn)) >= 6
    assert changing >= 3


def test_examples_of_a_hole_that_changes_keep_to_the_tiles_that_it_touches_throughout():
    picture = PictureFormat(
        family="YUV", floating=False, bits=8, width=192, height=128, subsampling_w=1, subsampling_h=1
    )
    clean = sliding(16, 128, 192, 1.5)
    holes = []
    for n in range(16):
        hole = np.zeros((128, 192), bool)
        hole[20:30, 20 + n : 40 + n] = True
        # Elsewhere something shows up in every second frame alone.
        hole[90:100, 120:150] = n % 2
        holes.append(hole)
    made = examples.build(clean, picture, holes, np.random.default_rng(0), 1.0)
    assert made.hole.any((2, 3)).all()
    assert (made.hole[:, 1:] != made.hole[:, :-1]).any((2, 3)).all()
    # The truth is what the clip shows at the very places of the tiles.
    sides = made.truth[:, 0].reshape(len(made.truth), -1)
    assert {side.tobytes() for side in sides} <= {
        frame[0][y : y + 64, x : x + 64].tobytes() for frame in clean for y in range(65) for x in range(129)
    }
    gone = [np.zeros((128, 192), bool)] * 15 + [holes[0]]
    with pytest.raises(PictureError, match="stays in one place"):
        examples.build(clean, picture, gone, np.random.default_rng(0), 1.0)


def test_a_camera_may_stand_still_while_something_passes(tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "photo.png"), cv2.resize(photo, (600, 400), interpolation=cv2.INTER_CUBIC))
    still = moving = 0
    for seed in range(24):
        frames = sources.flight(tmp_path / "photo.png", 160, 96, 4, np.random.default_rng(seed))
        assert len(frames) == 4
        same = np.abs(frames[0][0].astype(int) - frames[3][0]) < 20
        still += 0.5 < same.mean() < 0.995
        moving += same.mean() < 0.5
    assert still >= 3
    assert moving >= 6
