"""OPN: rings by hand, its reading one position at a time, and what holds of it whatever its weights."""

import pytest
import torch
from osdclean.engine.errors import ArgumentError, ModelError
from osdclean.engine.networks.opn import OPN, Memory, OPNConfig, shrunk
from osdclean.engine.networks.published import load, loaded, save
from published import scene

TINY = {"width": 4, "key": 4}


def tiny(**config) -> OPN:
    torch.manual_seed(0)
    return OPN(OPNConfig(**TINY | config)).eval()


def test_masks_shrink_to_where_they_are_at_all():
    mask = torch.zeros(1, 2, 1, 8, 12)
    mask[0, 1, 0, 3, 4] = 1
    small = shrunk(mask, 4)
    assert small.shape == (1, 2, 1, 2, 3)
    assert small.nonzero().tolist() == [[0, 1, 0, 0, 1]]
    assert torch.equal(shrunk(mask[0], 4), small[0])


@torch.no_grad()
def test_memory_reads_what_is_offered_alone_and_for_what_asks_alone():
    memory = Memory(4, 3)
    x, now = torch.randn(2, 2, 4, 3, 5), torch.randn(2, 4, 3, 5)
    offered, asked = torch.ones(2, 2, 1, 3, 5), torch.zeros(2, 1, 3, 5)
    offered[0, 0, 0, :, :2] = offered[1, 1, 0, 1] = 0
    asked[0, 0, 1, 2] = asked[1, 0, 2, 4] = asked[1, 0, 0, 0] = 1
    wanted = torch.zeros(2, 4, 3, 5)
    for b, _, i, j in asked.nonzero().tolist():
        places = [(t, h, w) for t, _, h, w in offered[b].nonzero().tolist()]
        keys = torch.stack([memory.key(x[b])[t, :, h, w] for t, h, w in places])
        values = torch.stack([memory.value(x[b])[t, :, h, w] for t, h, w in places])
        wanted[b, :, i, j] = (keys @ memory.key(now)[b, :, i, j] / 3**0.5).softmax(0) @ values
    own, read = memory(now, asked, memory.held(x, offered)).chunk(2, 1)
    torch.testing.assert_close(own, memory.value(now))
    torch.testing.assert_close(read, wanted, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_rings_are_filled_from_the_border_inwards():
    network, (frames, masks) = tiny(peel=8), scene()
    asked = []
    network.encoder.register_forward_pre_hook(lambda _, given: asked.append(given[0]))
    out, state = network.restore(frames, masks, 1)
    assert out.shape == (1, 1, 3, 64, 72)
    assert state is None
    # The hole is 32 x 24: 8 from each side, and what is left, 16 x 8.
    memory, first, second = asked
    assert memory.shape == (3, 5, 64, 72)
    assert torch.equal(memory[:, 3:], torch.cat([masks, 1 - masks], 2)[0])
    outer, inner = masks[:, 0].clone(), torch.zeros_like(masks[:, 0])
    outer[..., 16:32, 16:24], inner[..., 16:32, 16:24] = 0, 1
    assert torch.equal(first[:, 3:], torch.cat([masks[:, 0], outer], 1))
    assert torch.equal(second[:, 3:], torch.cat([inner, inner], 1))
    # What the first filled is what the second sees, and it stays.
    assert torch.equal(second[:, :3], out[:, 0] * (1 - inner))
    assert (second[:, :3] - first[:, :3])[outer.expand(-1, 3, -1, -1) > 0].abs().min() > 0


@torch.no_grad()
def test_what_is_known_of_all_frames_is_offered():
    network, (frames, masks) = tiny(), scene()
    held = []
    network.memory.register_forward_pre_hook(lambda _, given: held.append(given[2]))
    network.restore(frames, masks, 1)
    assert torch.equal(held[0][2].flatten() == 0, masks[..., ::4, ::4].flatten() == 0)
    assert held[0] is held[1]


@torch.no_grad()
def test_as_many_rings_as_there_may_be_come_to_the_same():
    network, (frames, masks) = tiny(), scene()
    assert network.rings(masks[:, 0]) == 2
    torch.testing.assert_close(network(frames, masks)[:, None], network.restore(frames, masks, 1)[0])
    # And the last takes all that is left.
    for rings in (1, 2):
        few = tiny(rings=rings, peel=2)
        assert few.rings(masks[:, 0]) == rings
        out, hole = few.restore(frames, masks, 1)[0][:, 0], masks[:, 0].expand(-1, 3, -1, -1) > 0
        assert out[hole].abs().min() > 0


@torch.no_grad()
def test_a_batch_is_what_each_of_it_is():
    network, (frames, masks) = tiny(), scene(batch=2)
    masks[1, 0, :, 8:30] = 0
    both = network.restore(frames, masks, 1)[0]
    for n in (0, 1):
        torch.testing.assert_close(
            network.restore(frames[n:][:1], masks[n:][:1], 1)[0], both[n:][:1], atol=1e-5, rtol=1e-4
        )


@torch.no_grad()
def test_what_is_in_the_hole_does_not_matter_and_what_others_show_does():
    network, (frames, masks) = tiny(), scene()
    out = network.restore(frames, masks, 1)[0]
    hidden = torch.where(masks > 0, -frames, frames)
    assert torch.equal(network.restore(hidden, masks, 1)[0], out)
    torch.testing.assert_close(out * (1 - masks[:, :1]), frames[:, :1] * (1 - masks[:, :1]))
    for n in (1, 2):
        shown = frames.clone()
        shown[:, n] *= -1
        assert (network.restore(shown, masks, 1)[0] - out).abs().max() > 1e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_no_hole_and_nothing_but_hole_give_numbers(dtype):
    network, (frames, masks) = tiny(), scene()
    plain = network.restore(frames, masks, 1)[0]
    network, frames = network.to(dtype), frames.to(dtype)
    out = network.restore(frames, masks.to(dtype), 1)[0]
    assert out.dtype == dtype
    torch.testing.assert_close(out.float(), plain, atol=0.05, rtol=0)
    none, memory = torch.zeros_like(masks), torch.ones_like(masks)
    memory[:, 0] = masks[:, 0]
    assert torch.equal(network.restore(frames, none.to(dtype), 1)[0][:, 0], frames[:, 0])
    for hole in (memory, torch.ones_like(masks)):
        assert network.restore(frames, hole.to(dtype), 1)[0].isfinite().all()
        assert network.restore(frames[:, :1], hole[:, :1].to(dtype), 1)[0].isfinite().all()


def test_gradients_reach_all_parameters():
    network, (frames, masks) = tiny(), scene()
    (network.restore(frames, masks, 1)[0] * masks[:, :1]).square().mean().backward()
    for name, value in network.named_parameters():
        assert value.grad.abs().max() > 1e-7, name


@torch.no_grad()
def test_what_is_seen_does_not_fade():
    """With PyTorch's own initial weights nothing of the first layers would be left: so many gates halve it each."""
    network = OPN(OPNConfig(width=16))
    x = network.encoder(torch.randn(1, 5, 64, 64))
    assert 0.2 < x.std() < 5


def test_others_are_seen_at_a_stride_within_the_scene():
    network = tiny()
    assert network.sees(range(40, 41), range(100)) == [10, 16, 22, 28, 34, 46, 52, 58, 64, 70]
    assert network.sees(range(7, 8), range(2, 15)) == [13]
    assert network.sees(range(0, 1), range(0, 1)) == []
    assert network.REACH == 30
    few = tiny(memory=1, stride=2)
    assert (few.sees(range(4, 5), range(9)), few.REACH) == ([2, 6], 2)


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
        found,
        torch.tensor([-0.098949, -0.054114, -0.0063693, -0.098868, -0.054192, -0.0063978, 0.54166]),
        rtol=0,
        atol=1e-4,
    )


def test_files_tell_what_they_are(tmp_path):
    network = tiny(rings=3)
    save(network, tmp_path / "own.safetensors")
    found = loaded(str(tmp_path / "own.safetensors"))
    assert found.config == network.config
    assert all(torch.equal(value, found.state_dict()[name]) for name, value in network.state_dict().items())
    weights = network.state_dict()
    torch.save(weights, tmp_path / "opn.pth")
    assert loaded(f"opn:{tmp_path / 'opn.pth'}").config == OPNConfig(**TINY)
    del weights["memory.value.bias"]
    torch.save(weights, tmp_path / "opn.pth")
    with pytest.raises(ModelError, match=r"memory\.value\.bias must be \[8\], passed absent"):
        load(OPN, tmp_path / "opn.pth")
    with pytest.raises(ArgumentError, match="rings must be a whole number of at least 1, passed 0"):
        OPNConfig(rings=0)


def test_a_frame_without_a_hole_stays_and_can_be_learned_from():
    frames, masks = scene()
    made, _ = tiny().restore(frames, torch.zeros_like(masks), 1)
    assert torch.equal(made[:, 0], frames[:, 0])
    assert made.requires_grad
