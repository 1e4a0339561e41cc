"""The whole way from clips to weights, small: examples, resume, and that it learns."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import torch
from moving import sliding
from osdclean.engine import weights
from osdclean.engine.cli.main import main
from osdclean.engine.network import InpaintingNetwork, NetworkConfig
from osdclean.engine.picture import PictureFormat
from osdclean.engine.train import examples, loop, shards

SMALL = NetworkConfig(widths=(8, 8, 8), hidden=8)


def shard(seed: int = 0) -> examples.Shard:
    rng = np.random.default_rng(seed)
    hole = np.zeros((96, 144), bool)
    hole[40:60, 40:60] = True
    picture = PictureFormat(
        family="YUV", floating=False, bits=8, width=144, height=96, subsampling_w=1, subsampling_h=1
    )
    return examples.build(sliding(16, 96, 144, 2.0 + seed), picture, hole, rng, 1.0)


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
    turned = loop._turned(flow, True, True, False, True)
    np.testing.assert_allclose(turned[:, 1], -flow[:, 0, :, ::-1].swapaxes(-1, -2), atol=1e-3)
    assert loop._turned(truth, False, False, True, False).shape == truth.shape


def test_training_learns_and_goes_on_where_it_stopped(folder, tmp_path):
    config = loop.TrainConfig(steps=30, stages=((0.0, 1, 4), (0.5, 2, 4)), network=SMALL, every=10, warmup=2)
    said = []
    whole = loop.fit(config, folder, tmp_path / "whole", said.append)

    class Killed(Exception):
        pass

    def kill(step: int) -> None:
        if step == 23:
            raise Killed

    with pytest.raises(Killed):
        loop.fit(config, folder, tmp_path / "halves", said.append, kill)
    halves = loop.fit(config, folder, tmp_path / "halves", said.append)
    assert "continuing at step 20" in said
    for a, b in zip(weights.load(str(whole)).parameters(), weights.load(str(halves)).parameters(), strict=True):
        torch.testing.assert_close(a, b)
    rows = [json.loads(line) for line in (tmp_path / "whole" / "curve.jsonl").read_text().splitlines()]
    assert [r["step"] for r in rows] == [10, 20, 30]
    assert rows[-1]["loss"] < rows[0]["loss"]


def test_the_loss_is_zero_only_for_the_truth():
    inputs, truth = loop.tensors({k: getattr(shard(), k) for k in examples.Shard.FIELDS}, torch.device("cpu"))
    config = loop.TrainConfig(floor=1e-6)

    def perfect(given, state):
        return next(answers), None

    answers = iter(truth)
    assert loop.loss_of(perfect, inputs, truth, config) < 1e-4
    answers = iter([(a + 0.1, b) for a, b in truth])
    assert loop.loss_of(perfect, inputs, truth, config) == pytest.approx(0.1, abs=1e-3)


def test_validation_knows_the_candidates(folder):
    held = loop.Examples(folder, "val")
    figures = loop.validate(InpaintingNetwork(SMALL), held, torch.device("cpu"))
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
