"""VINet: what holds of it without its published weights, and its losses."""

import pytest
import torch
from osdclean.engine.errors import ArgumentError
from osdclean.engine.networks.published import load, loaded, save
from osdclean.engine.networks.vinet import VINet, VINetConfig, correlated, flow_loss, warping_loss

TINY = {"widths": (4, 6, 8, 8), "hidden": 6, "reach": 2}


def tiny(**config) -> VINet:
    """A small network as it begins, which keeps signals large."""
    torch.manual_seed(1)
    return VINet(VINetConfig(**TINY | config)).eval()


def scene(length: int = 3, size: tuple[int, int] = (32, 48), batch: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Calls [length, B, 5, ...]: frames and masks, noise, with a hole in the middle and another in one corner."""
    frames = torch.rand(length, batch, 5, 3, *size, generator=torch.Generator().manual_seed(2)) * 2 - 1
    masks = torch.zeros(length, batch, 5, 1, *size)
    masks[..., 10:20, 12:31] = 1
    masks[:, :, ::2, :, :5, :7] = 1
    return frames, masks


def run(network: VINet, frames: torch.Tensor, masks: torch.Tensor):
    state, out = None, []
    for seen, holes in zip(frames, masks, strict=True):
        one, state = network.restore(seen, holes, 1, state)
        out.append(one)
    return torch.cat(out, 1), state


@pytest.mark.parametrize("config", [{}, {"gated": False, "shared": True}])
@torch.no_grad()
def test_shapes(config):
    network = tiny(**config)
    frames, masks = scene(batch=2)
    out, state = run(network, frames, masks)
    assert out.shape == (2, 3, 3, 32, 48)
    assert [list(x.shape) for x in state] == [[2, 3, 32, 48], [2, 1, 32, 48], [2, 6, 4, 6], [2, 6, 4, 6]]
    answer, _ = network(frames[0], masks[0], state)
    assert [list(x.shape) for x in answer.flows] == [
        [2, 5, 2, 4, 6], [2, 5, 2, 8, 12], [2, 5, 2, 16, 24], [2, 1, 2, 32, 48],
    ]  # fmt: skip
    assert all(torch.isfinite(x).all() for x in (out, *state, *answer.flows))


def test_what_it_sees_is_counted_from_the_target():
    assert VINet(VINetConfig(**TINY)).sees(range(10, 11), range(0, 12)) == [4, 7, 13, 16]
    assert VINet(VINetConfig(**TINY)).sees(range(0, 1), range(0, 12)) == [-6, -3, 3, 6]


@torch.no_grad()
def test_what_is_in_a_hole_does_not_matter():
    network = tiny()
    frames, masks = scene()
    out, state = run(network, frames, masks)
    other, after = run(network, torch.where(masks > 0, torch.rand_like(frames) * 9, frames), masks)
    torch.testing.assert_close(other, out, rtol=0, atol=0)
    torch.testing.assert_close(after, state, rtol=0, atol=0)
    seen = frames.clone()
    seen[2, :, 0, :, 25, 40] += 1
    assert (run(network, seen, masks)[0][:, 2] - out[:, 2]).abs().max() > 1e-3


@torch.no_grad()
def test_stepping_equals_the_sequence_and_what_is_carried_matters():
    network = tiny()
    frames, masks = scene(4)
    whole, end = run(network, frames, masks)
    first, state = run(network, frames[:2], masks[:2])
    for k in (2, 3):
        out, state = network.restore(frames[k], masks[k], 1, state)
        first = torch.cat([first, out], 1)
    torch.testing.assert_close(first, whole, rtol=0, atol=0)
    torch.testing.assert_close(state, end, rtol=0, atol=0)
    for name in ("previous", "doubt", "h", "c"):
        _, state = run(network, frames[:3], masks[:3])
        changed = state._replace(**{name: getattr(state, name) + 0.5})
        out, _ = network.restore(frames[3], masks[3], 1, changed)
        assert (out[0, 0] - whole[0, 3]).abs().max() > 1e-4, name


@torch.no_grad()
def test_outside_the_hole_the_frame_itself_is_carried():
    frames, masks = scene(2)
    out, state = run(tiny(), frames, masks)
    hole = masks[1, :, 0]
    torch.testing.assert_close(state.previous, frames[1, :, 0] * (1 - hole) + out[:, 1] * hole)
    assert torch.equal(state.doubt, 0.5 * hole)


@pytest.mark.parametrize("filled", [0, 1])
@torch.no_grad()
def test_frames_without_hole_and_all_hole(filled):
    frames, masks = scene()
    out, state = run(tiny(), frames, torch.full_like(masks, filled))
    assert all(torch.isfinite(x).all() for x in (out, *state))


@pytest.mark.parametrize("config", [{}, {"gated": False, "shared": True}])
def test_every_parameter_learns(config):
    torch.manual_seed(0)
    network = VINet(VINetConfig(**TINY | config))
    frames, masks = scene(2)
    state, total = None, 0.0
    for seen, holes in zip(frames, masks, strict=True):
        losses, state = network.losses(seen, holes, seen, state)
        assert set(losses) == {"reconstruction", "flow", "warping"}
        total = total + sum(losses.values())
    total.backward()
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert still == []
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


def test_it_begins_with_signals_of_their_size():
    torch.manual_seed(0)
    network = VINet(VINetConfig(widths=(12, 24, 32, 40), hidden=40, shared=True))
    seen = {}
    for name in ("level8", "level4", "level2", "bottom", "up2"):
        getattr(network, name).register_forward_hook(
            lambda _, given, out, name=name: seen.update({name: (out[0] if isinstance(out, tuple) else out).std()})
        )
    with torch.no_grad():
        answer, _ = network(*(x[0] for x in scene(size=(128, 128))))
    assert len(seen) == 5
    assert all(0.05 < float(size) < 10 for size in seen.values()), seen
    assert 0.05 < answer.picture.std() < 2


@torch.no_grad()
def test_half_precision_is_near():
    network = VINet(VINetConfig(**TINY))
    frames, masks = scene()
    out, _ = run(network, frames, masks)
    half, state = run(network.to(torch.bfloat16), frames.bfloat16(), masks.bfloat16())
    assert half.dtype == torch.bfloat16
    assert {x.dtype for x in state} == {torch.float32}
    assert (half.float() - out).abs().mean() < 0.05 * out.std()
    with torch.autocast("cpu", torch.bfloat16):
        mixed, _ = run(network.float(), frames, masks)
    assert (mixed - out).abs().mean() < 0.05 * out.std()


def test_correlation_peaks_where_the_source_came_from():
    source = torch.randn(1, 16, 12, 12)
    found = correlated(torch.roll(source, (-1, 2), (2, 3)), source, 2).argmax(1)
    # One row down, two columns to the left.
    assert (found[0, 3:-3, 3:-3] == (2 + 1) * 5 + (2 - 2)).all()


def shifted() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A picture, the same 2 to the right, and the flow from the former to the latter."""
    picture = torch.rand(1, 3, 16, 24) * 2 - 1
    flow = torch.zeros(1, 2, 16, 24)
    flow[:, 0] = 2
    return picture, torch.roll(picture, 2, 3), flow


def test_the_flow_loss_is_least_for_the_true_flow():
    target, source, flow = shifted()
    known = torch.zeros(1, 1, 1, 16, 24)
    true = flow_loss(flow[:, None], target, source[:, None], known)
    assert true < 1e-4
    assert flow_loss(0 * flow[:, None], target, source[:, None], known) > 0.1
    assert flow_loss(0 * flow[:, None], target, source[:, None], known + 1) == 0
    # Elsewhere than in the picture nothing is known.
    assert flow_loss(flow[:, None] + 100, target, source[:, None], known) == 0
    rough = flow + torch.rand_like(flow) * 0.1
    assert flow_loss(rough[:, None], 0 * target, 0 * source[:, None], known) > 1e-3
    # At half the size, in its samples.
    target, source = (torch.nn.functional.interpolate(x, scale_factor=2) for x in (target, source))
    assert flow_loss(flow[:, None], target, source[:, None], torch.zeros(1, 1, 1, 32, 48)) < 1e-4


def test_the_warping_loss_counts_where_the_flow_is_right():
    truth, previous, flow = shifted()
    known = torch.zeros(1, 1, 16, 24)
    assert warping_loss(truth, truth, previous, flow, known)[None] < 0.1
    inside = (slice(None), slice(None), slice(None), slice(0, 20))
    parts = [x[inside] for x in (truth, truth, previous, flow, known)]
    parts[2] = previous[..., :24]
    moved = truth + 0.1
    assert abs(warping_loss(moved, truth, previous, flow, known) - 0.1) < 0.01
    assert warping_loss(moved, truth, previous, flow, known + 1) == 0
    far = warping_loss(truth, truth, -previous, flow, known)
    assert far < 0.2 * (truth - torch.roll(-previous, -2, 3)).abs().mean()


@torch.no_grad()
def test_losses_where_the_truth_of_the_target_alone_is_known():
    network = tiny()
    frames, masks = (x[0] for x in scene())
    truth = torch.rand_like(frames) * 2 - 1
    few, _ = network.losses(frames, masks, truth[:, :1])
    hidden, _ = network.losses(torch.where(masks > 0, 5.0, frames), masks, truth[:, :1])
    assert {k: float(v) for k, v in few.items()} == {k: float(v) for k, v in hidden.items()}
    every, _ = network.losses(frames, masks, truth)
    assert every["reconstruction"] == few["reconstruction"]
    assert every["flow"] != few["flow"]


@torch.no_grad()
def test_files_tell_what_they_hold(tmp_path):
    network = tiny(shared=True)
    save(network, tmp_path / "vinet.safetensors")
    frames, masks = scene()
    wanted, _ = run(network, frames, masks)
    path = tmp_path / "vinet.safetensors"
    for kept in (load(VINet, path), loaded(str(path)), loaded(f"vinet:{path}")):
        assert kept.config == network.config
        assert not kept.training
        assert torch.equal(run(kept, frames, masks)[0], wanted)


@torch.no_grad()
def test_numbers_hold():
    frames = (torch.arange(5 * 3 * 32 * 48) % 37 / 18 - 1).view(1, 1, 5, 3, 32, 48).repeat(2, 1, 1, 1, 1, 1)
    _, masks = scene(2)
    out, state = run(tiny(), frames, masks)
    found = torch.stack([*out[0, 1, :, 16, 24], state.c.mean(), state.h.std()])
    wanted = torch.tensor([0.0191587, -0.00304276, 0.0150567, -0.00530227, 0.0296661])
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-5)


def test_default_sizes_are_the_published_ones():
    with torch.device("meta"):
        network = VINet()
    assert network.lstm.conv.weight.shape == (512, 256, 3, 3)
    assert sum(p.numel() for p in network.parameters()) == 10235855


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"widths": (4, 4, 4)}, "widths must be four whole numbers"),
        ({"widths": (4, 4, 4, 1)}, "widths must be four whole numbers of at least 2"),
        ({"reach": 0}, "reach must be a whole number of at least 1, passed 0"),
        ({"hidden": 1.5}, r"hidden must be .* passed 1\.5"),
    ],
)
def test_configurations_that_cannot_be_are_told(config, told):
    with pytest.raises(ArgumentError, match=told):
        VINetConfig(**config)
