"""RNoT: region normalisation against its definition, and what holds of it whatever its weights."""

import pytest
import torch
from osdclean.engine.errors import ArgumentError, ModelError
from osdclean.engine.networks.published import load, loaded, save
from osdclean.engine.networks.rnot import Given, Learned, RNoT, RNoTConfig, normalised
from published import scene

TINY = {"width": 4, "key": 4, "blocks": (1, 2)}


def tiny(**config) -> RNoT:
    torch.manual_seed(0)
    return RNoT(RNoTConfig(**TINY | config)).eval()


def test_regions_are_normalised_each_by_itself():
    x, region = torch.randn(2, 3, 6, 8), torch.zeros(2, 1, 6, 8)
    region[0, :, :2], region[1, :, 1:3, 1:3] = 1, 1
    x = x + 5 * region
    out = normalised(x, region)
    for b in (0, 1):
        for part in (region[b, 0] > 0, region[b, 0] == 0):
            of = x[b][:, part]
            wanted = (of - of.mean(1, keepdim=True)) / (of.var(1, keepdim=True, correction=0) + 1e-5).sqrt()
            torch.testing.assert_close(out[b][:, part], wanted, atol=1e-5, rtol=1e-4)
    for nowhere in (torch.zeros_like(region), torch.ones_like(region)):
        wanted = torch.nn.functional.instance_norm(x)
        torch.testing.assert_close(normalised(x, nowhere), wanted, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_hole_and_rest_have_their_own_scale_and_shift():
    norm, x, hole = Given(2), torch.randn(1, 2, 4, 4), torch.zeros(1, 1, 4, 4)
    hole[..., :2, :] = 1
    norm.weight[0], norm.weight[1], norm.bias[0], norm.bias[1] = 2, 3, 4, 5
    plain = normalised(x, hole)
    wanted = torch.cat([plain[..., :2, :] * 2 + 4, plain[..., 2:, :] * 3 + 5], 2)
    torch.testing.assert_close(norm(x, hole), wanted)


@torch.no_grad()
def test_a_region_is_learned_from_what_is_strongest_and_its_mean():
    norm, x = Learned(2), torch.randn(1, 2, 4, 4)
    x[..., :2, :] += 10
    norm.seen.weight.zero_()
    norm.seen.weight[:, 0, 1, 1] = 1
    norm.seen.bias.fill_(-5)
    norm.affine.weight.zero_()
    norm.affine.bias.zero_()
    region = torch.zeros(1, 1, 4, 4)
    region[..., :2, :] = 1
    torch.testing.assert_close(norm(x), normalised(x, region))
    norm.affine.weight[:, :, 1, 1] = torch.tensor([[1.0], [1.0], [3.0], [3.0]])
    seen = torch.sigmoid(x.amax(1, keepdim=True) - 5)
    torch.testing.assert_close(norm(x), normalised(x, region) * (1 + seen) + 3 * seen)


@torch.no_grad()
def test_a_batch_is_what_each_of_it_is():
    network, (frames, masks) = tiny(), scene(batch=2)
    masks[1, 0, :, 8:30] = 0
    both, state = network.restore(frames, masks, 1)
    assert both.shape == (2, 1, 3, 64, 72)
    assert state is None
    for n in (0, 1):
        torch.testing.assert_close(
            network.restore(frames[n:][:1], masks[n:][:1], 1)[0], both[n:][:1], atol=1e-4, rtol=1e-3
        )


@torch.no_grad()
def test_what_is_in_the_hole_does_not_matter_and_what_others_show_does():
    network, (frames, masks) = tiny(), scene()
    out = network.restore(frames, masks, 1)[0]
    hidden = torch.where(masks > 0, -frames, frames)
    assert torch.equal(network.restore(hidden, masks, 1)[0], out)
    for n in (0, 1, 2):
        shown = frames.clone()
        shown[:, n] *= -1
        assert (network.restore(shown, masks, 1)[0] - out).abs().max() > 1e-4


@torch.no_grad()
def test_other_frames_are_read_in_the_hole_alone():
    network, (frames, masks) = tiny(), scene()
    read = []
    network.memory.register_forward_hook(lambda _, given, out: read.append(out.chunk(2, 1)[1]))
    network.restore(frames, masks, 1)
    assert torch.equal(read[0].abs().amax((0, 1)) > 0, masks[0, 0, 0, ::4, ::4] > 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_no_hole_and_nothing_but_hole_give_numbers(dtype):
    network, (frames, masks) = tiny(), scene()
    plain = network.restore(frames, masks, 1)[0]
    network, frames = network.to(dtype), frames.to(dtype)
    out = network.restore(frames, masks.to(dtype), 1)[0]
    assert out.dtype == dtype
    assert (out.float() - plain).square().mean().sqrt() < 0.05
    memory = torch.ones_like(masks)
    memory[:, 0] = masks[:, 0]
    for hole in (torch.zeros_like(masks), memory, torch.ones_like(masks)):
        assert network.restore(frames, hole.to(dtype), 1)[0].isfinite().all()
        assert network.restore(frames[:, :1], hole[:, :1].to(dtype), 1)[0].isfinite().all()


def test_gradients_reach_all_parameters():
    network, (frames, masks) = tiny(), scene()
    (network.restore(frames, masks, 1)[0] * masks[:, :1]).square().mean().backward()
    for name, value in network.named_parameters():
        assert value.grad.abs().max() > 1e-7, name


def test_others_are_seen_at_a_stride_within_the_scene():
    network = tiny()
    assert network.sees(range(40, 41), range(100)) == [10, 16, 22, 28, 34, 46, 52, 58, 64, 70]
    assert network.sees(range(7, 8), range(2, 15)) == [13]
    assert network.REACH == 30


@torch.no_grad()
def test_numbers_hold():
    """Taken from the network when the other tests held; a weights file is of no use to any other."""
    network = tiny()
    for n, value in enumerate(network.parameters()):
        strength = (3 / value[0].numel()) ** 0.5 if value.dim() > 1 else 0.1
        value.copy_((torch.arange(value.numel()) * (n + 7) % 31 / 15 - 1).view_as(value) * strength)
    frames = (torch.arange(3 * 3 * 64 * 72) % 37 / 18 - 1).view(1, 3, 3, 64, 72)
    out = network.restore(frames, scene()[1], 1)[0]
    found = torch.stack([*out[0, 0, :, 24, 20], *out[0, 0, :, 10, 10], out.std()])
    torch.testing.assert_close(
        found, torch.tensor([-0.025417, -0.48238, -0.70763, -0.35825, -0.82528, -0.70351, 0.52828]), rtol=0, atol=1e-3
    )


def test_files_tell_what_they_are(tmp_path):
    network = tiny(stride=3)
    save(network, tmp_path / "own.safetensors")
    found = loaded(str(tmp_path / "own.safetensors"))
    assert found.config == network.config
    assert all(torch.equal(value, found.state_dict()[name]) for name, value in network.state_dict().items())
    weights = network.state_dict()
    torch.save(weights, tmp_path / "rnot.pth")
    assert loaded(f"rnot:{tmp_path / 'rnot.pth'}").config == RNoTConfig(**TINY)
    del weights["memory.value.bias"]
    torch.save(weights, tmp_path / "rnot.pth")
    with pytest.raises(ModelError, match=r"memory\.value\.bias must be \[8\], passed absent"):
        load(RNoT, tmp_path / "rnot.pth")
    with pytest.raises(ArgumentError, match="blocks must be two whole numbers of at least 1"):
        RNoTConfig(blocks=(4, 0))
