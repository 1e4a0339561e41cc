"""The classic recipe, small, by way of the command: every variant learns, goes on where it stopped, and loads again."""

import os
import shutil
import socket
import subprocess
import sys
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from moving import sliding
from osdclean.engine.cli.main import main
from osdclean.engine.errors import ArgumentError
from osdclean.engine.footage import joined
from osdclean.engine.networks.published import load
from osdclean.engine.networks.recurrent_unet import RecurrentUNet, RecurrentUNetConfig
from osdclean.engine.train import classic
from osdclean.engine.train.config import ClassicConfig, overridden

from .kept import assert_same, rows

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
W, H = 64, 36
SMALL = ("features=(4,4,8,8)", f"size=({W},{H})", "critic_widths=(4,4,8,8)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three pairs of two videos as `osdclean data clips` lays them out: 8 frames with a white box over them."""
    folder = tmp_path_factory.mktemp("pairs")
    mask = np.zeros((H, W), np.uint8)
    mask[8:16, 8:38] = 255
    for kind in ("clips", "mask_clips", "masks"):
        (folder / kind).mkdir()
    for k, name in enumerate(("a_01", "a_02", "b_01")):
        truth = sliding(8, H, W, 1.5, seed=k)
        laid = [(np.where(mask, 235, y).astype(np.uint8), u, v) for y, u, v in truth]
        for kind, frames in (("clips", truth), ("mask_clips", laid)):
            encode(frames, folder / kind / f"{name}.mp4")
        cv2.imwrite(str(folder / "masks" / f"{name}.png"), mask)
    return folder


def encode(frames, path):
    size = f"{frames[0][0].shape[1]}x{frames[0][0].shape[0]}"
    words = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, "-r", "25", "-i", "-", "-crf", "0"]
    subprocess.run(["ffmpeg", "-v", "error", *words, str(path)], input=b"".join(joined(frames)), check=True)


def train(folder, run, *settings, steps=24, options=()):
    words = ["train", folder, "--recipe", "classic", "--out", run, "--steps", steps, "--processes", 2, *options]
    return main([*map(str, words), "--set", *SMALL, *settings])


@pytest.mark.parametrize(
    "variant",
    [
        ["rate=1e-2"],
        ["rate=1e-2", "channels=4", "logo_prior=0.1"],
        ["rate=1e-2", "tanh=True"],
        ["rate=1e-2", "residual=True"],
        ["adversarial_rate=1e-2", "channels=4", "tanh=True", "residual=True", "adversarial=True"],
    ],
    ids=["3", "4", "tanh", "residual", "adversarial"],
)
def test_every_variant_learns_and_loads_again(folder, tmp_path, variant):
    run = tmp_path / "run"
    assert train(folder, run, *variant, "every=6", steps=18) == 0
    curve = rows(run)
    assert [row["step"] for row in curve] == [6, 12, 18]
    assert curve[-1]["loss"] < 0.9 * curve[0]["loss"]
    assert curve[-1]["whole"] > curve[0]["whole"] + 0.2
    assert all(np.isfinite(row[name]) for row in curve for name in ("hole", "whole", "overlaid", "gradient"))
    assert all(row["recurrent"] > 1e-6 for row in curve)
    config = overridden(ClassicConfig(), [*SMALL, *variant])
    parts = {"adversarial", "critic"} if config.adversarial else set()
    parts |= {"logo prior"} if config.logo_prior else set()
    assert {"adversarial", "critic", "logo prior"} & curve[0].keys() == parts
    for row in curve:
        l1 = row["l1"] * (config.reconstruction if config.adversarial else 1)
        rest = row.get("adversarial", 0) + config.logo_prior * row.get("logo prior", 0)
        assert row["loss"] == pytest.approx(l1 + rest, rel=1e-4)
    assert not config.adversarial or curve[-1]["critic"] < curve[0]["critic"]
    network = load(RecurrentUNet, run / "weights.safetensors")
    assert network.config == config.network
    # What is written is what was validated last.
    figures = classic.validate_frames(network, classic.opened(folder, config)[1].each(9), torch.device("cpu"))
    assert {name: curve[-1][name] for name in figures} == pytest.approx(figures, abs=1e-3)
    assert network.training  # as the next step wants it


def test_the_adversary_alone_moves_the_network(folder, tmp_path):
    assert train(folder, tmp_path / "run", "adversarial=True", "reconstruction=0", "every=1", steps=2) == 0
    assert all(row["gradient"] > 1e-4 for row in rows(tmp_path / "run"))
    kept = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    for name in ("optimiser", "critic_optimiser"):
        (group,) = kept[name]["param_groups"]
        assert (group["lr"], group["betas"]) == (2e-4, (0.5, 0.999))


def test_the_board_shows_gradients_the_memory_and_pictures(folder, tmp_path):
    board = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="no TensorBoard")
    assert train(folder, tmp_path / "run", "every=20", steps=20) == 0
    read = board.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    read.Reload()
    shown = {"l1", "rate", "gradient", "gradient/conv_lstm.conv.weight", "recurrent share", "validation/hole"}
    assert shown <= set(read.Tags()["scalars"])
    assert read.Scalars("recurrent share")[0].value > 1e-6
    assert read.Scalars("rate")[0].value == pytest.approx(1e-4)
    (picture,) = read.Images("overlaid, mask, network, truth")
    assert (picture.width, picture.height) == (4 * W, H)


def test_a_run_interrupted_equals_one_in_a_piece(folder, tmp_path):
    words = [*SMALL, "steps=10", "every=4", "save=3", "adversarial=True", "channels=4", "residual=True"]
    config = overridden(ClassicConfig(), words)
    sequences, said = classic.opened(folder, config), []
    classic.fit(config, *sequences, tmp_path / "whole", said.append)

    class Killed(Exception):
        pass

    def kill(step: int, at: int) -> None:
        if step == at:
            raise Killed

    for at in (2, 5, 9):
        with pytest.raises(Killed):
            classic.fit(config, *sequences, tmp_path / "pieces", said.append, partial(kill, at=at), threads=2)
    classic.fit(config, *sequences, tmp_path / "pieces", said.append, threads=2)
    assert [line for line in said if line.startswith("continuing")] == [f"continuing at step {k}" for k in (4, 8)]
    kept = [(tmp_path / name / "last.pt") for name in ("whole", "pieces")]
    assert_same(*(torch.load(file, weights_only=True) for file in kept))
    curves = [rows(tmp_path / name) for name in ("whole", "pieces")]
    for row in (*curves[0], *curves[1]):
        del row["minutes"]
    assert curves[0] == curves[1]
    assert [row["step"] for row in curves[0]] == [4, 8, 10]
    assert not [file for file in (tmp_path / "pieces").iterdir() if file.suffix == ".part"]


def test_what_a_step_draws_depends_on_seed_step_and_rank_alone(folder):
    config = overridden(ClassicConfig(), [*SMALL, "steps=4"])
    sequences, _ = classic.opened(folder, config)
    with classic.ThreadPoolExecutor(2) as pool:
        whole, later, other = (classic.Ahead(sequences, config, rank, pool) for rank in (0, 0, 1))
        drawn = [whole.batch(step) for step in range(4)]
        assert all(torch.equal(a, b) for a, b in zip(drawn[2], later.batch(2), strict=True))
        assert not torch.equal(drawn[2][0], other.batch(2)[0])
        assert not torch.equal(drawn[2][0], drawn[3][0])


def test_sequences_are_the_pairs(folder):
    config = overridden(ClassicConfig(), [*SMALL, "channels=4"])
    learned, held = classic.opened(folder, config)
    # Both excerpts of the first video on one side, the second video on the other.
    assert (len(learned), len(held)) == (2, 1)
    frames, truth, mask = learned.batch(np.random.default_rng(0))
    assert (frames.shape, truth.shape, mask.shape) == ((2, 4, 4, H, W), (2, 4, 3, H, W), (2, 4, 1, H, W))
    assert -1 <= frames.min() < frames.max() <= 1
    torch.testing.assert_close(frames[:, :, 3:], 2 * mask - 1)
    box = mask[0, 0, 0] > 0
    assert box.sum() == 8 * 30
    assert (frames[:, :, :3] - truth)[..., box].min() > 0.02
    assert (frames[:, :, :3] - truth)[..., ~box].abs().mean() < 0.02
    # Successive frames of one clip.
    moved = torch.stack([(truth[0, k + 1] - truth[0, k]).abs().mean() for k in range(3)])
    assert (moved > 0.005).all()


def test_colours_are_those_of_the_planes():
    (planes,) = sliding(1, H, W, 0.0)
    planes = planes[0], *(np.full((H // 2, W // 2), value, np.uint8) for value in (110, 150))
    flat = np.concatenate([plane.ravel() for plane in planes]).reshape(H * 3 // 2, W)
    wanted = cv2.cvtColor(flat, cv2.COLOR_YUV2RGB_I420).transpose(2, 0, 1).astype(int)
    assert np.abs(classic.rgb(planes, (W, H)).astype(int) - wanted).max() <= 2
    grey = (np.full((720, 64), 235, np.uint8), *[np.full((360, 32), 128, np.uint8)] * 2)
    assert (classic.rgb(grey, (W, H)) == 255).all()


def test_thin_parts_of_a_mask_are_kept_when_it_shrinks():
    mask = np.zeros((360, 640), np.uint8)
    mask[100] = 255
    planes = np.zeros((360, 640), np.uint8), *[np.full((180, 320), 128, np.uint8)] * 2
    pair = classic.Pair(name="thin", truth=[planes], overlaid=[planes], masks=[mask])
    shrunk = classic.resized(pair, (W, H))[0, 6]
    assert (shrunk == 255).sum() == W


def test_it_learns_from_any_videos(tmp_path, capsys):
    footage = tmp_path / "footage"
    footage.mkdir()
    for k in range(2):
        encode(sliding(12, 96, 128, 1.0, seed=9 * k), footage / f"v{k}.mp4")
    (footage / "w.mp4").write_bytes(b"no video")
    assert train(footage, tmp_path / "run", "channels=4", "epochs=4", steps=0) == 0
    told = capsys.readouterr()
    assert "1 clips, 1 for validation" in told.out
    assert "left out w.mp4: no video" in told.err
    # 4 epochs of one clip, two at a time.
    assert [row["step"] for row in rows(tmp_path / "run")] == [2]


def test_it_begins_with_a_checkpoint_of_the_classic_script(folder, tmp_path, capsys):
    torch.manual_seed(3)
    network = RecurrentUNet(RecurrentUNetConfig(features=(4, 4, 8, 8)))
    torch.save(network.state_dict(), tmp_path / "classic.pth")
    begin = ("--begin-with", tmp_path / "classic.pth")
    assert train(folder, tmp_path / "run", "rate=1e-12", steps=1, options=begin) == 0
    kept = load(RecurrentUNet, tmp_path / "run" / "weights.safetensors").state_dict()
    for name, value in network.named_parameters():
        torch.testing.assert_close(kept[name], value.detach(), atol=1e-6, rtol=0)
    assert train(folder, tmp_path / "other", "channels=4", steps=1, options=begin) == 1
    assert "holds weights with channels=3, passed channels=4" in capsys.readouterr().err
    weights = network.state_dict()
    weights["conv_lstm.conv.bias"] = torch.zeros(8)
    torch.save(weights, tmp_path / "classic.pth")
    assert train(folder, tmp_path / "other", steps=1, options=begin) == 1
    assert "conv_lstm.conv.bias must be [32], passed [8]" in capsys.readouterr().err


def test_another_training_in_its_place_is_refused(folder, tmp_path, capsys):
    assert train(folder, tmp_path / "run", steps=1) == 0
    assert train(folder, tmp_path / "run", "tanh=True", steps=2) == 1
    told = capsys.readouterr().err
    assert "last.pt must be a checkpoint of this training" in told
    assert "tanh must be False as before, passed True" in told


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("speed=3", "NAME of channels, features"),
        ("network=3", "NAME of channels, features"),
        ("channels=5", r"channels must be 3 \(RGB\) or 4"),
        ("tanh=1", "tanh must be like False, passed 1"),
        ("features=(4,0)", "features must be"),
        ("size=(480,)", "size must be"),
        ("size=(480,7)", r"size must be \(width, height\) of at least 8"),
        ("size=(480,27.5)", "size must be whole numbers"),
        ("frames=0", "frames must be at least 1"),
        ("rate=0", "rate must be above 0"),
        ("logo_prior=-1.0", "logo_prior must be 0 or more"),
    ],
)
def test_settings_that_cannot_be_are_told(word, told):
    with pytest.raises(ArgumentError, match=told):
        overridden(ClassicConfig(), [word])


def test_the_defaults_are_the_documents():
    config = ClassicConfig()
    assert (config.size, config.frames, config.batch, config.epochs) == ((480, 270), 4, 2, 50)
    assert (config.rate, config.adversarial_rate, config.reconstruction) == (1e-4, 2e-4, 100)
    assert config.features == config.critic_widths == (64, 128, 256, 512)
    assert config.lasting(33, 2).steps == 413
    with pytest.raises(ArgumentError, match="at least 32"):
        ClassicConfig(size=(64, 31), adversarial=True)


def test_footage_and_options_that_cannot_be_are_told(folder, tmp_path, capsys):
    assert train(folder, tmp_path / "run", "frames=9", steps=1) == 1
    assert "must have at least 9 frames, passed 8" in capsys.readouterr().err
    assert train(folder, tmp_path / "run", options=("--rounds", 2)) == 1
    assert "--rounds is not of the classic recipe" in capsys.readouterr().err
    lone = shutil.copytree(folder, tmp_path / "lone")
    for path in lone.glob("*/b_01.*"):
        path.unlink()
    assert train(lone, tmp_path / "run") == 1
    assert "must hold clips of at least two videos, found 1" in capsys.readouterr().err


def test_a_team_trains_one_network(folder, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["train", folder, "--recipe", "classic", "--out", tmp_path / "run", "--steps", 1, "--threads", 1]
    begin = "import sys; from osdclean.engine.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", begin, *map(str, words), "--set", *SMALL, "adversarial=True"]
    team = []
    for rank in (0, 1):
        named = {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_RANK": rank, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        env = os.environ | {name: str(value) for name, value in named.items()} | {"CUDA_VISIBLE_DEVICES": ""}
        team.append(subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True))
    said = [process.communicate(timeout=240)[0] for process in team]
    assert [process.returncode for process in team] == [0, 0]
    # The leader alone speaks and writes.
    assert "weights: " in said[0]
    assert not said[1]
    assert [row["step"] for row in rows(tmp_path / "run")] == [1]
    # The team's first step is not the one that the leader's own gradients would make.
    assert train(folder, tmp_path / "alone", "adversarial=True", steps=1) == 0
    kept = [torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("run", "alone")]
    for part, name in (("network", "final_conv.weight"), ("critic", "layers.0.weight")):
        assert not torch.equal(*(one[part][name] for one in kept))
