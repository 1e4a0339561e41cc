import pytest
import torch
from osdclean.engine.network import InpaintingNetwork, Inputs, NetworkConfig, RecurrentTrunk, warp

SMALL = NetworkConfig(widths=(8, 8, 8), hidden=8)


def network(seed: int = 0) -> InpaintingNetwork:
    torch.manual_seed(seed)
    made = InpaintingNetwork(SMALL).eval()
    torch.nn.init.normal_(made.head.weight, std=0.1)
    return made


def inputs(k: int = 3, seed: int = 0, chroma: tuple[int, int] = (32, 32), flow: float = 0.0) -> Inputs:
    g = torch.Generator().manual_seed(seed)
    return Inputs(
        luma=torch.rand(k, 4, 64, 64, generator=g),
        chroma=torch.rand(k, 4, 2, *chroma, generator=g),
        age=torch.randint(0, 4, (k, 2, 64, 64), generator=g).float(),
        hole=(torch.rand(k, 1, 64, 64, generator=g) > 0.7).float(),
        flow=torch.full((k, 2, 16, 16), flow),
    )


@pytest.mark.parametrize("chroma", [(32, 32), (64, 64), (64, 32), (32, 64), (64, 16)])
def test_every_subsampling_comes_back_in_its_own_size(chroma):
    (luma, colour), state = network()(inputs(chroma=chroma))
    (luma, colour), state = network()(inputs(seed=1, chroma=chroma), state)
    assert luma.shape == (3, 1, 64, 64)
    assert colour.shape == state.chroma.shape == (3, 2, *chroma)


def test_untrained_it_is_a_mean_of_what_is_known():
    given = inputs()
    torch.manual_seed(0)
    (luma, _), _ = InpaintingNetwork(SMALL).eval()(given)
    known = torch.cat([torch.ones_like(given.age), (given.age > 0).float()], 1)
    torch.testing.assert_close(luma, (given.luma * known).sum(1, True) / known.sum(1, True))


def test_candidates_without_a_source_are_never_blended():
    given = inputs()
    wrecked = given._replace(luma=given.luma.clone())
    gone = given.age == 0
    wrecked.luma[:, 2:][gone] = 1e4
    untrained = InpaintingNetwork(SMALL).eval()
    a, b = (untrained(x)[0][0] for x in (given, wrecked))
    torch.testing.assert_close(a, b)


def test_tiles_do_not_see_each_other():
    net, given = network(), inputs(k=4)
    together, _ = net(given)
    alone, _ = net(Inputs(*(t[2:3] for t in given)))
    torch.testing.assert_close(together[0][2:3], alone[0], atol=1e-5, rtol=1e-4)


def test_the_state_matters_and_can_be_forgotten():
    net, first, second = network(), inputs(seed=1), inputs(seed=2)
    _, state = net(first)
    carried, _ = net(second, state)
    fresh, _ = net(second)
    forgotten, _ = net(second, state._replace(valid=torch.zeros_like(state.valid)))
    assert (carried[0] - fresh[0]).abs().max() > 1e-3
    torch.testing.assert_close(forgotten[0], fresh[0], atol=1e-5, rtol=1e-4)


def test_the_state_moves_along_the_flow():
    net, given = network(), inputs()
    _, state = net(given)
    moved = net.carry(state, inputs(seed=3, flow=8.0)._replace(hole=torch.ones(3, 1, 64, 64)))
    torch.testing.assert_close(moved.luma[..., :-8, :-8], state.luma[..., 8:, 8:], atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(moved.h[..., :-1, :-1], state.h[..., 1:, 1:], atol=1e-4, rtol=1e-3)


def test_warp_shifts_by_whole_samples():
    x = torch.arange(48.0).view(1, 1, 6, 8)
    flow = torch.zeros(1, 2, 6, 8)
    flow[:, 0] = 2
    torch.testing.assert_close(warp(x, flow)[..., :-2], x[..., 2:], atol=1e-4, rtol=0)


def test_gradients_reach_every_parameter_through_the_state():
    net = network()
    _, state = net(inputs(seed=1))
    (luma, chroma), _ = net(inputs(seed=2), state)
    (luma.sum() + chroma.sum()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_the_memory_of_a_calm_trunk_stays_open_however_large_its_features_are():
    torch.manual_seed(0)
    trunks = [RecurrentTrunk(4, (8, 8, 8), 8, calm=calm) for calm in (False, True)]
    share = []
    for trunk in trunks:
        with torch.no_grad():
            trunk.level3[0].b.weight.mul_(3000)
        zero = torch.zeros(1, 8, 4, 4)
        _, h, c = trunk.trunk(torch.randn(1, 4, 16, 16), zero, zero)
        share.append(float((h.abs() > 0.01).float().mean() * (h.abs() < 0.7).float().mean()))
        assert torch.isfinite(c).all()
    assert share[1] > 0.8 > share[0]
