"""Losses by number, and that the adversary and the recurrent part get their gradients."""

import numpy as np
import pytest
import torch
from osdclean.engine.errors import ArgumentError
from osdclean.engine.network import InpaintingNetwork, Inputs, NetworkConfig, warp
from osdclean.engine.train.config import HOLE_LOSSES, TrainConfig, overridden
from osdclean.engine.train.journal import gradients, recurrent_share
from osdclean.engine.train.losses import Critic, Objective, Truth, believed, hole_loss, logo_prior

ONES = torch.ones(2)
SMALL = NetworkConfig(widths=(8, 8, 8), hidden=8)


class Answers(torch.nn.Module):
    """Stands for a network whose answers are known."""

    def __init__(self, answers):
        super().__init__()
        self._answers = iter(answers)

    def forward(self, given, state):
        return next(self._answers)[:2], None


def sequence(frames=3, k=2, flow=0.0, seed=0):
    g = torch.Generator().manual_seed(seed)
    inputs = [
        Inputs(
            luma=torch.rand(k, 4, 64, 64, generator=g),
            chroma=torch.rand(k, 4, 2, 32, 32, generator=g),
            age=torch.randint(0, 4, (k, 2, 64, 64), generator=g).float(),
            hole=(torch.rand(k, 1, 64, 64, generator=g) > 0.7).float(),
            flow=torch.full((k, 2, 16, 16), flow),
        )
        for _ in range(frames)
    ]
    truth = [
        Truth(torch.rand(k, 1, 64, 64, generator=g), torch.rand(k, 2, 32, 32, generator=g), given.hole)
        for given in inputs
    ]
    return inputs, truth


@pytest.mark.parametrize("hole", HOLE_LOSSES)
def test_the_loss_is_nothing_for_the_truth_alone(hole):
    inputs, truth = sequence()
    config = TrainConfig(floor=1e-6, hole=hole)
    assert Objective(Answers(truth), config)(inputs, truth, ONES).total < 1e-4
    off = [(a + 0.1, b) for a, b, _ in truth]
    outcome = Objective(Answers(off), config)(inputs, truth, ONES)
    wrong = 0.01 if hole == "psnr" else 0.1
    assert outcome.parts["luma"] == pytest.approx(wrong, rel=1e-2)
    assert outcome.total == pytest.approx(wrong, rel=1e-2)  # wrong, but steady


def test_outside_the_hole_nothing_counts():
    inputs, truth = sequence(frames=1)
    outside = [(t.luma + (1 - t.counted) * 9, t.chroma) for t in truth]
    assert Objective(Answers(outside), TrainConfig(floor=1e-6))(inputs, truth, ONES).total < 1e-4


def test_what_is_wrong_and_moves_along_is_steady():
    inputs, truth = sequence(frames=2, flow=4.0)
    truth = [t._replace(counted=torch.ones_like(t.counted)) for t in truth]
    miss = torch.rand(2, 1, 64, 64) * 0.1
    second = warp(miss, torch.full((2, 2, 64, 64), 4.0))
    config = TrainConfig(floor=1e-6)
    for after, steady in ((second, True), (miss, False)):
        answers = [(truth[0][0] + miss, truth[0][1]), (truth[1][0] + after, truth[1][1])]
        temporal = Objective(Answers(answers), config)(inputs, truth, ONES).parts["temporal"]
        assert (temporal < 1e-4) == steady


def test_rms_weighs_tiles_by_their_share_of_the_hole():
    hole = torch.zeros(2, 1, 8, 8)
    hole[0, :, :4] = 1
    hole[1, :, :2] = 1
    miss = torch.zeros(2, 1, 8, 8)
    miss[0] = 0.3
    assert hole_loss(miss, hole, ONES, TrainConfig(floor=1e-6)) == pytest.approx(0.3 * 32 / 48, abs=1e-4)


def test_psnr_weighs_footage_by_what_it_leaves_to_gain():
    hole, miss = torch.ones(2, 1, 8, 8), torch.zeros(2, 1, 8, 8)
    miss[0], miss[1] = 0.01, 0.1
    config = TrainConfig(hole="psnr", floor=1e-9)
    assert hole_loss(miss, hole, torch.tensor([1e-4, 1e-2]), config) == pytest.approx(1.0)
    assert hole_loss(miss, hole, torch.tensor([1e-4, 1.0]), config) == pytest.approx(0.505)


def test_the_logo_prior_wants_the_same_place_in_every_frame():
    given = torch.rand(1, 4, 3, 16, 16)
    steady, jumping = given.clone(), given.clone()
    steady[..., 2:6, 2:6] += 0.5
    for k in range(4):
        jumping[:, k, :, 3 * k : 3 * k + 4, 2:6] += 0.5
    assert logo_prior(given, steady) < 1e-6
    assert logo_prior(given, jumping) > 0.01


def test_the_gradient_reaches_the_recurrent_part_and_truncation_cuts_it():
    norms = {}
    for truncate in (0, 1):
        torch.manual_seed(0)
        network = InpaintingNetwork(SMALL)
        torch.nn.init.normal_(network.head.weight, std=0.1)
        inputs, truth = sequence(frames=3)
        Objective(network, TrainConfig(truncate=truncate))(inputs, truth, ONES).total.backward()
        norms[truncate] = gradients(network)
        assert recurrent_share(norms[truncate]) > 1e-5
    assert norms[0]["lstm.conv.weight"] != norms[1]["lstm.conv.weight"]


def test_the_adversary_judges_patches_of_a_sequence():
    critic = Critic((4, 8))
    logits = critic(torch.rand(2, 3, 4, 64, 64))
    assert logits.shape[:3] == (2, 1, 4)
    assert 1 < logits.shape[3] < 64
    sure = torch.full((3,), 20.0)
    assert believed(sure, True) < 1e-6
    assert believed(sure, False) > 1


def test_the_adversary_sees_the_hole_alone_changed():
    inputs, truth = sequence()
    wrong = [(a + 0.5, b + 0.5) for a, b, _ in truth]
    outcome = Objective(Answers(wrong), TrainConfig(adversarial=1.0))(inputs, truth, ONES)
    assert outcome.made.shape == outcome.true.shape == (2, 3, 3, 64, 64)
    hole = torch.stack([i.hole for i in inputs], 2)
    torch.testing.assert_close(outcome.made[:, :1] - outcome.true[:, :1], hole * 0.5)


def test_settings_from_the_command_line():
    config = overridden(TrainConfig(), ["rate=5e-4", "hole=l1", "network.widths=(48,64,96)", "stages=((0.0,2,4),)"])
    assert (config.rate, config.hole, config.network.widths) == (5e-4, "l1", (48, 64, 96))
    assert config.stage(0) == (2, 4)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("speed=3", "NAME of steps"),
        ("rate", "NAME=VALUE"),
        ("rate=fast", "rate must be like 0.001, passed fast"),
        ("hole=l3", "hole must be one of rms, psnr, l1, charbonnier, passed l3"),
        ("steps=0", "steps must be at least 1"),
        ("network.colour=3", "NAME of steps"),
        ("stages=((0.5,2,4),)", "the first share 0"),
        ("stages=(1,2)", "stages must be"),
        ("clip=0", "above 0"),
        ("ema=1.0", "below 1"),
        ("temporal=-1.0", "0 or more"),
    ],
)
def test_settings_that_cannot_be_are_told(word, told):
    with pytest.raises(ArgumentError, match=told):
        overridden(TrainConfig(), [word])


def test_the_rate_rises_and_falls():
    config = TrainConfig(steps=1000, warmup=100)
    rates = np.array([config.rate_at(s) for s in range(1000)])
    assert rates.argmax() in range(95, 105)
    assert rates[0] < 0.02
    assert rates[-1] < 0.02
    assert TrainConfig(schedule="constant", warmup=0).rate_at(9999) == 1
