"""EDSR3D: how far it sees, and that a frame's answer does not depend on its group."""

import math
import zlib

import pytest
import torch
from osdclean.engine.errors import ArgumentError
from osdclean.engine.networks.edsr3d import EDSR3D, EDSR3DConfig
from osdclean.engine.networks.published import load, loaded, save


def tiny(**config) -> EDSR3D:
    """A small network whose weights depend on their names alone."""
    network = EDSR3D(EDSR3DConfig(**{"channels": 8, "blocks": 2} | config))
    with torch.no_grad():
        for name, value in network.named_parameters():
            r = torch.randn(value.shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))
            value.copy_(r / math.sqrt(value[0].numel()) if value.dim() > 1 else 0.05 * r)
    return network.eval()


def scene(length: int = 12, batch: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames and masks [B, T, ...], noise, with a hole in the middle."""
    frames = torch.rand(batch, length, 3, 16, 24, generator=torch.Generator().manual_seed(2)) * 2 - 1
    masks = torch.zeros(batch, length, 1, 16, 24)
    masks[..., 5:10, 6:16] = 1
    return frames, masks


def run(network: EDSR3D, frames: torch.Tensor, masks: torch.Tensor, group: int = EDSR3D.GROUP) -> torch.Tensor:
    """A whole scene, group by group, as the engine does."""
    length = frames.shape[1]
    out = []
    for n in range(0, length, group):
        asked = range(n, min(n + group, length))
        numbers = [*asked, *(min(max(k, 0), length - 1) for k in network.sees(asked, range(length)))]
        one, state = network.restore(frames[:, numbers], masks[:, numbers], len(asked))
        assert state is None
        out.append(one)
    return torch.cat(out, 1)


def test_what_it_sees_is_what_it_reaches():
    network = tiny()
    assert network.sees(range(8, 12), range(0, 30)) == [5, 6, 7, 12, 13, 14]
    assert network.sees(range(0, 2), range(0, 2)) == [-3, -2, -1, 2, 3, 4]


@pytest.mark.parametrize("factor", [1, 2, 4])
@torch.no_grad()
def test_groups_of_any_size_give_one_answer(factor):
    network = tiny(factor=factor)
    frames, masks = scene(10, batch=2)
    whole = run(network, frames, masks)
    assert whole.shape == frames.shape
    for group in (1, 3):
        torch.testing.assert_close(run(network, frames, masks, group), whole, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_frames_nearby_matter_and_those_farther_do_not():
    network = tiny()
    frames, masks = scene()
    before = run(network, frames, masks)
    changed = frames.clone()
    changed[:, 5] = -changed[:, 5]
    moved = (run(network, changed, masks) - before).abs().amax((0, 2, 3, 4))
    assert [n for n in range(12) if moved[n] > 1e-4] == list(range(5 - 3, 6 + 3))
    assert moved[[0, 1, 9, 10, 11]].max() == 0


@torch.no_grad()
def test_what_is_in_a_hole_does_not_matter():
    network = tiny()
    frames, masks = scene()
    out = run(network, frames, masks)
    other = torch.where(masks > 0, torch.rand_like(frames) * 9, frames)
    torch.testing.assert_close(run(network, other, masks), out, rtol=0, atol=0)
    # That there is a hole does.
    assert (run(network, frames * (1 - masks), 0 * masks) - out).abs().max() > 1e-3


@torch.no_grad()
def test_it_is_a_residual_over_what_is_known():
    network = tiny()
    for value in network.tail.parameters():
        value.zero_()
    frames, masks = scene()
    torch.testing.assert_close(run(network, frames, masks), frames * (1 - masks), rtol=0, atol=0)


@torch.no_grad()
def test_the_residual_scales_what_blocks_add():
    network, weak = tiny(), tiny(residual=10)
    frames, masks = scene(4)
    for block in weak.body:
        for value in block.b.parameters():
            value.mul_(10)
    torch.testing.assert_close(run(weak, frames, masks), run(network, frames, masks), rtol=1e-4, atol=1e-5)


def test_every_parameter_learns():
    torch.manual_seed(0)
    network = EDSR3D(EDSR3DConfig(channels=8, blocks=3))
    frames, masks = scene(4)
    ((run(network, frames, masks) - frames) * masks).square().sum().backward()
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert still == []


@pytest.mark.parametrize("filled", [0, 1])
@torch.no_grad()
def test_it_begins_near_its_input(filled):
    torch.manual_seed(0)
    network = EDSR3D(EDSR3DConfig(channels=32, blocks=16))
    frames, masks = scene(4)
    masks = torch.full_like(masks, filled)
    miss = run(network, frames, masks) - frames * (1 - masks)
    assert 0.01 < miss.square().mean().sqrt() < 0.5


@torch.no_grad()
def test_half_precision_is_near():
    network = tiny()
    frames, masks = scene()
    out = run(network, frames, masks)
    half = run(network.to(torch.bfloat16), frames.bfloat16(), masks.bfloat16())
    assert half.dtype == torch.bfloat16
    assert (half.float() - out).abs().mean() < 0.02 * out.std()


@torch.no_grad()
def test_files_tell_what_they_hold(tmp_path):
    network, path = tiny(factor=4, residual=10), tmp_path / "edsr3d.safetensors"
    save(network, path)
    frames, masks = scene(4)
    for kept in (load(EDSR3D, path), loaded(str(path)), loaded(f"edsr3d:{path}")):
        assert kept.config == network.config
        assert not kept.training
        assert torch.equal(run(kept, frames, masks), run(network, frames, masks))


@torch.no_grad()
def test_numbers_hold():
    frames = (torch.arange(4 * 3 * 16 * 24) % 37 / 18 - 1).view(1, 4, 3, 16, 24)
    out = run(tiny(), frames, scene(4)[1])
    found = torch.stack([*out[0, 1, :, 8, 12], out.mean(), out.std()])
    wanted = torch.tensor([1.34997, -1.57706, 1.03466, 0.0911208, 1.03389])
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-5)


def test_default_sizes_are_the_published_ones():
    with torch.device("meta"):
        network = EDSR3D()
    assert len(network.body) == 16
    assert network.body[0].a.weight.shape == (64, 64, 3, 3)
    assert [list(layer.weight.shape) for layer in network.temporal] == [[64, 64, 3, 3, 3]] * 3


@pytest.mark.parametrize("config", [{"channels": 0}, {"blocks": 1.5}, {"factor": 3}, {"residual": 0}])
def test_configurations_that_cannot_be_are_told(config):
    (name, value), *_ = config.items()
    with pytest.raises(ArgumentError, match=f"{name} must be .* passed {value}"):
        EDSR3DConfig(**config)
