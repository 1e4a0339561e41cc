"""The published networks' recipe: each of them learns from scenes, and a run that was interrupted goes on as it was."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from osdclean.engine.cli.main import main
from osdclean.engine.errors import ArgumentError, ModelError
from osdclean.engine.networks import NETWORKS, published
from osdclean.engine.train import scenes
from osdclean.engine.train.config import PublishedConfig, overridden
from osdclean.engine.train.published import Training, fit
from osdclean.engine.train.scenes import LENGTH, Scene, Scenes
from published import SMALL

H, W = 96, 144


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Scenes of stripes that slide under a white box."""
    folder = tmp_path_factory.mktemp("scenes")
    y, x = np.mgrid[0:H, 0:W]
    for k, name in enumerate(("train-0-a", "train-0-b", "val-0-c")):
        truth = np.stack([110 + 60 * np.sin((x + (k + 2) * y / 3 + 2 * n) / (4 + k)) for n in range(LENGTH)])
        hole = np.zeros(truth.shape, np.uint8)
        hole[:, 40:52, 48:96] = 1
        chroma = np.full((LENGTH, 2, H // 2, W // 2), 128, np.uint8)
        truth = truth.astype(np.uint8)
        Scene(
            truth=truth, shown=np.where(hole > 0, 235, truth).astype(np.uint8), truth_chroma=chroma,
            shown_chroma=chroma, hole=hole,
        ).save(folder / f"{name}.npz")  # fmt: skip
    return folder


def config(name: str, **given) -> PublishedConfig:
    network = published.known(name).CONFIG(**SMALL[name])
    return PublishedConfig(name=name, network=network, **{"batch": 2, "side": 64, "warmup": 4, "rate": 3e-3} | given)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_each_network_learns(folder, tmp_path, name):
    fit(config(name, steps=24, every=12, precision="fp32"), folder, tmp_path, lambda _: None)
    first, last = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert last["loss"] < first["loss"]
    assert last["hole"] > last["overlaid"]
    loaded = published.loaded(str(tmp_path / "weights.safetensors"))
    assert name == loaded.NAME
    assert loaded.config == published.known(name).CONFIG(**SMALL[name])


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(folder, tmp_path):
    for run, stops in (("whole", (6,)), ("broken", (3, 6))):
        for stop in stops:
            training = Training(config("recurrent-unet", steps=6, precision="fp32"), alone(), None)
            if (tmp_path / f"{run}.pt").exists():
                training.load(tmp_path / f"{run}.pt")
            while training.step < stop:
                training.update(Scenes(folder, "train"))
            training.save(tmp_path / f"{run}.pt")
    kept = [torch.load(tmp_path / f"{run}.pt", weights_only=True)["network"] for run in ("whole", "broken")]
    for name, value in kept[0].items():
        torch.testing.assert_close(value, kept[1][name], rtol=0, atol=0)


def alone():
    from osdclean.engine.train.distributed import Team

    return Team(rank=0, size=1, device=torch.device("cpu"))


@pytest.mark.parametrize("name", ["vinet", "opn"])
def test_two_processes_learn_the_same_weights_from_batches_of_their_own(folder, tmp_path, name):
    script = (
        "import sys, torch; sys.path[:0] = eval(sys.argv[4]); from test_published import *;"
        "from osdclean.engine.train.distributed import joined\n"
        "torch.set_num_threads(1)\n"
        "with joined() as team:\n"
        "    training = Training(config(sys.argv[3], steps=3, precision='fp32', batch=1), team)\n"
        "    for _ in range(3): training.update(Scenes(Path(sys.argv[1]), 'train'))\n"
        "    torch.save(training.network.state_dict(), f'{sys.argv[2]}/{team.rank}.pt')\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    paths = repr([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    team = []
    for rank in ("0", "1"):
        named = {"RANK": rank, "WORLD_SIZE": "2", "LOCAL_RANK": rank, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        words = [sys.executable, "-c", script, str(folder), str(tmp_path), name, paths]
        team.append(subprocess.Popen(words, env=os.environ | named | {"CUDA_VISIBLE_DEVICES": ""}))
    assert [process.wait(240) for process in team] == [0, 0]
    one, other = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    torch.manual_seed(1)
    fresh = published.known(name)(config(name).network).state_dict()
    assert any((one[key] != fresh[key]).any() for key in one)
    for key, value in one.items():
        torch.testing.assert_close(other[key], value, rtol=0, atol=0)


def test_calls_follow_each_other_and_lie_on_the_hole(folder):
    network = published.known("edsr3d")(published.known("edsr3d").CONFIG(**SMALL["edsr3d"]))
    calls = Scenes(folder, "train").batch(network, np.random.default_rng(1), 2, 2, 64)
    assert len(calls) == 2
    for frames, masks, truth in calls:
        seen = network.GROUP + 6
        assert (frames.shape, masks.shape) == ((2, seen, 3, 64, 64), (2, seen, 1, 64, 64))
        assert truth.shape == (2, network.GROUP, 3, 64, 64)
        outside = masks[:, : network.GROUP] == 0
        torch.testing.assert_close((frames[:, : network.GROUP] - truth) * outside, torch.zeros_like(truth))
        assert all(one.any() for one in masks)
    # The frames that edge the first call are the second's own.
    torch.testing.assert_close(calls[0][0][:, -3:], calls[1][0][:, :3])


def test_settings_that_cannot_be_are_told(folder, tmp_path):
    with pytest.raises(ArgumentError, match=r"name must be one of recurrent-unet, sttn, .* passed unet"):
        PublishedConfig(name="unet")
    with pytest.raises(ArgumentError, match="side must be a multiple of 16, passed 40"):
        PublishedConfig(side=40)
    assert overridden(PublishedConfig(name="edsr3d"), ["network.channels=24"]).network.channels == 24
    published.save(published.known("opn")(published.known("opn").CONFIG(**SMALL["opn"])), tmp_path / "opn.safetensors")
    with pytest.raises(ModelError, match=r"must be osdclean-edsr3d, passed .* with kind osdclean-opn"):
        Training(config("edsr3d"), alone(), str(tmp_path / "opn.safetensors"))


def test_the_command_asks_for_a_network(tmp_path, capsys):
    assert main(["train", str(tmp_path), "--recipe", "published"]) == 1
    assert "needs --network, one of recurrent-unet" in capsys.readouterr().err
    assert main(["train", str(tmp_path), "--network", "opn"]) == 1
    assert "--network is of the published recipe" in capsys.readouterr().err


def test_scenes_show_the_overlay_in_the_hole(tmp_path, monkeypatch):
    from osdclean.engine.picture import PictureFormat
    from osdclean.engine.train import shards

    picture = PictureFormat(
        family="YUV", floating=False, bits=8, width=320, height=192, subsampling_w=1, subsampling_h=1
    )
    grey = [np.full((192, 320), 90, np.uint8), *[np.full((96, 160), 128, np.uint8)] * 2]
    monkeypatch.setattr(shards, "footage", lambda *_: ([tuple(grey)] * 30, picture))
    for k in range(4):
        job = shards.Job(
            source=Path("x"), photo=False, round=k, validation=False, compressed=False,
            target=tmp_path / f"train-{k}-x.npz", fonts=None,
        )  # fmt: skip
        assert scenes.make(job) == 1
        scene = Scene.load(job.target)
        assert scene.truth.shape == (LENGTH, 192, 320)
        assert (scene.shown[scene.hole > 0] != 90).mean() > 0.3
        np.testing.assert_array_equal(scene.shown[scene.hole == 0], 90)
