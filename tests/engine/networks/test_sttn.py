"""STTN: by number against the published one's own output, its attention patch by patch, and what holds without that."""

import json
import math
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from osdclean.engine.errors import ArgumentError, ModelError
from osdclean.engine.networks.published import load, loaded, save
from osdclean.engine.networks.sttn import STTN, Attention, STTNConfig

#: Beside the repository, never in it; its README says how the numbers were made.
FIXTURES = Path(os.environ.get("OSDCLEAN_FIXTURES", Path(__file__).parents[4] / "shared" / "fixtures"))
TINY = {"channels": 8, "width": 4, "blocks": 2, "parts": (1, 4), "size": (64, 96)}
needs_fixtures = pytest.mark.skipif(not (FIXTURES / "sttn_output.npz").is_file(), reason=f"no fixtures in {FIXTURES}")


def made(name: str, shape: list[int]) -> torch.Tensor:
    """The fixtures' weights."""
    r = torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))
    if len(shape) >= 2:
        return r / math.sqrt(math.prod(shape[1:]))
    return 1 + 0.1 * r if name.endswith("weight") else 0.05 * r


def tiny(**config) -> STTN:
    network = STTN(STTNConfig(**TINY | config))
    network.load_state_dict({name: made(name, list(value.shape)) for name, value in network.state_dict().items()})
    return network.eval()


def scene(count: int = 3, size: tuple[int, int] = (64, 96)) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames, and masks with a hole that moves."""
    g = torch.Generator().manual_seed(3)
    frames, masks = torch.rand((1, count, 3, *size), generator=g) * 2 - 1, torch.zeros(1, count, 1, *size)
    for n in range(count):
        masks[:, n, :, 8 : 8 + size[0] // 2, 4 * n : 4 * n + 48] = 1
    return frames, masks


@needs_fixtures
def test_names_and_shapes_are_the_published_ones():
    wanted = json.loads((FIXTURES / "sttn_state_dict.json").read_text())
    with torch.device("meta"):
        shapes = {name: list(value.shape) for name, value in STTN().state_dict().items()}
    assert shapes == wanted
    assert list(shapes) == list(wanted)


@needs_fixtures
@torch.no_grad()
def test_outputs_are_the_published_ones(tmp_path):
    shapes = json.loads((FIXTURES / "sttn_state_dict.json").read_text())
    torch.save({"netG": {name: made(name, shape) for name, shape in shapes.items()}}, tmp_path / "sttn.pth")
    network = load(STTN, tmp_path / "sttn.pth")
    assert network.config == STTNConfig()
    g = torch.Generator().manual_seed(2)
    frames = torch.rand((1, 3, 3, 240, 432), generator=g) * 2 - 1
    masks = (torch.rand((1, 3, 1, 240, 432), generator=g) > 0.97).float()
    # What it is given there is not cleared in the hole.
    found = network(frames, masks)[0, ..., ::8, ::8].numpy()
    np.testing.assert_allclose(found, np.load(FIXTURES / "sttn_output.npz")["y"], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_attention_is_what_patches_one_by_one_come_to():
    attention = Attention(4, (1, 2))
    x = torch.randn(1, 2, 4, 4, 8)
    hole = torch.zeros(1, 2, 1, 4, 8)
    hole[:, 0, :, :2, :4] = hole[:, 1, :, :2, 4:6] = 1  # a whole patch of 2, and just half of one
    q, k, v = (made(x[0]) for made in (attention.query_embedding, attention.key_embedding, attention.value_embedding))
    wanted = torch.zeros(2, 4, 4, 8)
    for head, (h, w) in enumerate(((4, 8), (2, 4))):
        of = slice(2 * head, 2 * head + 2)
        corners = [(t, i, j) for t in range(2) for i in range(0, 4, h) for j in range(0, 8, w)]
        places = [(t, of, slice(i, i + h), slice(j, j + w)) for t, i, j in corners]
        seen = [p for p in places if hole[0, p[0], 0, p[2], p[3]].mean() <= 0.5]
        assert len(places) - len(seen) == head
        for p in places:
            scores = torch.stack([(q[p] * k[s]).sum() / math.sqrt(2 * h * w) for s in seen])
            wanted[p] = sum(weight * v[s] for weight, s in zip(scores.softmax(0), seen, strict=True))
    torch.testing.assert_close(attention(x, hole)[0], attention.output_linear(wanted), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_numbers_hold_where_there_are_no_fixtures():
    """Taken from the network when it agreed with the fixtures."""
    frames = (torch.arange(2 * 3 * 64 * 96) % 37 / 18 - 1).view(1, 2, 3, 64, 96)
    masks = torch.zeros(1, 2, 1, 64, 96)
    masks[..., :48, :72] = 1
    out, _ = tiny().restore(frames, masks, 2)
    wanted = torch.tensor([-0.067355, -0.07494, 0.30451, 0.055572, 0.19324])
    torch.testing.assert_close(torch.stack([*out[0, 1, :, 20, 30], out.mean(), out.std()]), wanted, rtol=0, atol=2e-5)


@torch.no_grad()
def test_the_group_is_answered_as_if_all_were():
    network, (frames, masks) = tiny(), scene()
    out, state = network.restore(frames, masks, 2)
    assert out.shape == (1, 2, 3, 64, 96)
    assert state is None
    torch.testing.assert_close(out, network(frames * (1 - masks), masks)[:, :2])
    # What others show matters.
    assert (network.restore(frames[:, :2], masks[:, :2], 2)[0] - out).abs().max() > 1e-4


@pytest.mark.parametrize("maskfree", [False, True])
@torch.no_grad()
def test_what_is_in_the_hole_matters_to_maskfree_alone(maskfree):
    network, (frames, masks) = tiny(maskfree=maskfree), scene()
    other = torch.where(masks > 0, -frames, frames)
    same = torch.equal(network.restore(frames, masks, 3)[0], network.restore(other, masks, 3)[0])
    assert same is not maskfree
    without = network.restore(frames, torch.zeros_like(masks), 3)[0]
    assert torch.equal(network.restore(frames, masks, 3)[0], without) is maskfree


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_no_hole_and_nothing_but_hole_give_numbers(dtype):
    network, (frames, masks) = tiny(), scene()
    plain = network.restore(frames, masks, 3)[0]
    network = network.to(dtype)
    out = network.restore(frames.to(dtype), masks.to(dtype), 3)[0]
    assert out.dtype == dtype
    torch.testing.assert_close(out.float(), plain, atol=0.05, rtol=0)
    for hole in (torch.zeros_like(masks), torch.ones_like(masks)):
        assert network.restore(frames.to(dtype), hole.to(dtype), 3)[0].isfinite().all()


def test_gradients_reach_all_parameters():
    torch.manual_seed(0)
    network, (frames, masks) = STTN(STTNConfig(**TINY)), scene()
    network.restore(frames, masks, 3)[0].square().mean().backward()
    for name, value in network.named_parameters():
        # What is added to all keys alike changes no attention.
        if not name.endswith("key_embedding.bias"):
            assert value.grad.abs().max() > 1e-9, name


def test_neighbours_and_every_tenth_are_seen():
    network = tiny()
    assert network.sees(range(10, 15), range(35)) == [5, 6, 7, 8, 9, 15, 16, 17, 18, 19, 0, 20, 30]
    assert network.sees(range(3, 5), range(3, 5)) == []
    assert network.sees(range(3, 8), range(3, 24)) == [8, 9, 10, 11, 12, 20]
    assert network.sees(range(55, 60), range(1000))[10:] == [0, 10, 20, 30, 40, *range(70, 160, 10)]
    seen = network.sees(range(5000, 5005), range(10000))
    assert seen[:10] == [*range(4995, 5000), *range(5005, 5010)]
    assert seen[10:] == [*range(4900, 5000, 10), *range(5010, 5110, 10)]


def test_files_tell_what_they_are(tmp_path):
    network = tiny(maskfree=True)
    save(network, tmp_path / "own.safetensors")
    found = loaded(str(tmp_path / "own.safetensors"))
    assert found.config == network.config
    assert found.size == (64, 96)
    assert all(torch.equal(value, found.state_dict()[name]) for name, value in network.state_dict().items())
    torch.save(network.state_dict(), tmp_path / "sttn.pth")
    plain = loaded(f"sttn+maskfree:{tmp_path / 'sttn.pth'}").config
    assert plain == STTNConfig(channels=8, width=4, blocks=2, maskfree=True)


def test_other_files_and_configurations_are_told(tmp_path):
    weights = tiny().state_dict()
    del weights["decoder.4.conv.bias"]
    torch.save(weights, tmp_path / "other.pth")
    with pytest.raises(ModelError, match=r"decoder\.4\.conv\.bias must be \[4\], passed absent"):
        load(STTN, tmp_path / "other.pth")
    for config, told in (
        ({"channels": 6}, "channels must be shared evenly by 4 parts"),
        ({"size": (240, 430)}, "size must be two multiples of 48"),
        ({"blocks": 0}, "blocks must be a whole number"),
        ({"parts": ()}, "parts must be whole numbers"),
    ):
        with pytest.raises(ArgumentError, match=told):
            STTNConfig(**config)
