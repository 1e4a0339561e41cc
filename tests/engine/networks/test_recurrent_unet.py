"""RecurrentUNet: by number against the published one's own output, and what holds of it without that."""

import json
import math
import os
import pickle
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from osdclean.engine.errors import ArgumentError, ModelError
from osdclean.engine.networks.published import load, save
from osdclean.engine.networks.recurrent_unet import RecurrentUNet, RecurrentUNetConfig

#: Beside the repository, never in it; its README says how the numbers were made.
FIXTURES = Path(os.environ.get("OSDCLEAN_FIXTURES", Path(__file__).parents[4] / "shared" / "fixtures"))
TINY = (4, 4, 8, 8)
NORM = {"weight": 1, "bias": 1, "running_mean": 1, "running_var": 1, "num_batches_tracked": 0}


def published() -> dict[str, list[int]]:
    """Names and shapes of the classic script's parameters, 4 channels, in their order."""
    shapes: dict[str, list[int]] = {}

    def block(name: str, before: int, after: int) -> None:
        for k, channels in ((0, before), (3, after)):
            shapes[f"{name}.convblock.{k}.weight"] = [after, channels, 3, 3]
            shapes.update({f"{name}.convblock.{k + 1}.{part}": [after] * one for part, one in NORM.items()})

    for k, (before, after) in enumerate(((4, 64), (64, 128), (128, 256), (256, 512))):
        block(f"downs.{k}", before, after)
    for k, (before, after) in enumerate(((512, 512), (512, 256), (256, 128), (128, 64))):
        shapes |= {f"ups.{2 * k}.weight": [before, after, 2, 2], f"ups.{2 * k}.bias": [after]}
        block(f"ups.{2 * k + 1}", 2 * after, after)
    shapes |= {"conv_lstm.conv.weight": [2048, 1024, 3, 3], "conv_lstm.conv.bias": [2048]}
    return shapes | {"final_conv.weight": [3, 64, 1, 1], "final_conv.bias": [3]}


def made(name: str, shape: list[int]) -> torch.Tensor:
    """The fixtures' weights."""
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    r = torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))
    if len(shape) >= 2:
        return r / math.sqrt(math.prod(shape[1:]))
    if name.endswith("running_var"):
        return 1 + 0.1 * r.abs()
    return 1 + 0.1 * r if name.endswith("weight") else 0.05 * r


def tiny(**config) -> RecurrentUNet:
    """A small network with the fixtures' weights, so that batch norm is not the identity, but of stronger memory."""
    network = RecurrentUNet(RecurrentUNetConfig(features=TINY, **config))
    network.load_state_dict({name: made(name, list(value.shape)) for name, value in network.state_dict().items()})
    with torch.no_grad():
        network.conv_lstm.conv.weight.mul_(10)
    return network.eval()


def test_names_and_shapes_are_the_published_ones():
    with torch.device("meta"):
        network = RecurrentUNet(RecurrentUNetConfig(channels=4))
    shapes = {name: list(value.shape) for name, value in network.state_dict().items()}
    assert shapes == published()
    assert list(shapes) == list(published())
    with torch.device("meta"):
        assert RecurrentUNet().downs[0].convblock[0].weight.shape == (64, 3, 3, 3)


@pytest.mark.skipif(not (FIXTURES / "recurrent_unet_output.npz").is_file(), reason=f"no fixtures in {FIXTURES}")
@torch.no_grad()
def test_outputs_are_the_published_ones(tmp_path):
    shapes = json.loads((FIXTURES / "recurrent_unet_state_dict.json").read_text())
    assert shapes == published()
    torch.save({name: made(name, shape) for name, shape in shapes.items()}, tmp_path / "classic.pth")
    network = load(RecurrentUNet, tmp_path / "classic.pth", tanh=True)
    frames = torch.rand((1, 3, 4, 45, 70), generator=torch.Generator().manual_seed(1)) * 2 - 1
    wanted = np.load(FIXTURES / "recurrent_unet_output.npz")
    out, state = network(frames)
    np.testing.assert_allclose(out.numpy(), wanted["y"], rtol=1e-4, atol=2e-6)
    told = state.h.mean(), state.h.std(), state.c.mean()
    np.testing.assert_allclose(told, [wanted[name] for name in ("h_mean", "h_std", "c_mean")], rtol=1e-4)
    first, state = network(frames[:, :2])
    last, _ = network(frames[:, 2], state)
    np.testing.assert_allclose(torch.cat([first, last[:, None]], 1).numpy(), wanted["y"], rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("config", [{}, {"channels": 4, "tanh": True}, {"residual": True}])
@torch.no_grad()
def test_stepping_equals_the_sequence(config):
    network = tiny(**config)
    frames = torch.rand(2, 3, config.get("channels", 3), 37, 51) * 2 - 1
    whole, end = network(frames)
    assert whole.shape == (2, 3, 3, 37, 51)
    state, steps = None, []
    for frame in frames.unbind(1):
        out, state = network(frame, state)
        steps.append(out)
    torch.testing.assert_close(torch.stack(steps, 1), whole, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(state, end, atol=1e-5, rtol=1e-4)
    # What was carried matters.
    assert (network(frames[:, -1])[0] - whole[:, -1]).abs().max() > 1e-4


@torch.no_grad()
def test_numbers_hold_where_there_are_no_fixtures():
    """Taken from the network when it agreed with the fixtures."""
    frames = (torch.arange(2 * 4 * 32 * 48) % 37 / 18 - 1).view(1, 2, 4, 32, 48)
    out, state = tiny(channels=4, tanh=True)(frames)
    found = torch.stack([*out[0, 1, :, 16, 24], state.c.mean(), state.h.std()])
    wanted = torch.tensor([0.030349, 0.073258, 0.023049, 0.035966, 0.16062])
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-5)


@pytest.mark.parametrize("residual", [False, True])
@torch.no_grad()
def test_the_residual_adds_what_the_memory_was_given(residual):
    network, seen = tiny(residual=residual), {}
    network.downs[-1].register_forward_hook(lambda _, given, out: seen.update(given=out))
    network.ups[0].register_forward_pre_hook(lambda _, given: seen.update(decoded=given[0]))
    _, state = network(torch.rand(1, 3, 32, 32))
    torch.testing.assert_close(seen["decoded"], state.h + seen["given"] if residual else state.h)


@torch.no_grad()
def test_tanh_bounds_the_output():
    plain, bounded = tiny(), tiny(tanh=True)
    for network in (plain, bounded):
        network.final_conv.weight.mul_(100)
    frames = torch.rand(1, 3, 32, 32)
    assert plain(frames)[0].abs().max() > 1
    torch.testing.assert_close(bounded(frames)[0], torch.tanh(plain(frames)[0]))


def test_configurations_that_cannot_be_are_told():
    with pytest.raises(ArgumentError, match=r"channels must be 3 .* passed 5"):
        RecurrentUNetConfig(channels=5)
    with pytest.raises(ArgumentError, match="features must be"):
        RecurrentUNetConfig(features=(4, 0))


def equal(a: RecurrentUNet, b: RecurrentUNet) -> bool:
    kept, other = a.state_dict(), b.state_dict()
    return kept.keys() == other.keys() and all(torch.equal(kept[k], other[k]) for k in kept)


@pytest.mark.parametrize("channels", [3, 4])
def test_checkpoints_of_the_classic_script_load(tmp_path, channels):
    network = tiny(channels=channels)
    weights = network.state_dict()
    several = {f"module.{name}": value for name, value in weights.items()}
    for kept in (weights, several, {"epoch": 3, "model_state_dict": weights, "loss": 0.1}):
        torch.save(kept, tmp_path / "epoch_3.pth")
        loaded = load(RecurrentUNet, tmp_path / "epoch_3.pth", residual=True)
        assert loaded.config == RecurrentUNetConfig(channels=channels, features=TINY, residual=True)
        assert equal(loaded, network)
        assert not loaded.training


def test_own_files_tell_what_they_are(tmp_path):
    network = tiny(channels=4, tanh=True)
    save(network, tmp_path / "own.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["own.safetensors"]
    loaded = load(RecurrentUNet, tmp_path / "own.safetensors")
    assert loaded.config == network.config
    assert equal(loaded, network)
    with pytest.raises(ModelError, match="holds weights with tanh=True, passed tanh=False"):
        load(RecurrentUNet, tmp_path / "own.safetensors", tanh=False)


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("ups.2.weight", torch.zeros(8, 4, 3, 3), r"ups\.2\.weight must be \[8, 8, 2, 2\], passed \[8, 4, 3, 3\]"),
        ("ups.3.convblock.1.bias", None, r"ups\.3\.convblock\.1\.bias must be \[8\], passed absent"),
        ("extra.weight", torch.zeros(2), r"extra\.weight must be absent, passed \[2\]"),
        ("downs.0.convblock.0.weight", torch.zeros(4, 5, 3, 3), r"\[4, 4, 3, 3\], passed \[4, 5, 3, 3\]"),
        ("downs.0.convblock.0.weight", None, r"downs\.0\.convblock\.0\.weight must be \[64, 4, 3, 3\], passed absent"),
    ],
)
def test_other_checkpoints_are_refused_by_name(tmp_path, name, change, told):
    weights = tiny().state_dict()
    if change is None:
        del weights[name]
    else:
        weights[name] = change
    torch.save(weights, tmp_path / "other.pth")
    with pytest.raises(ModelError, match=told):
        load(RecurrentUNet, tmp_path / "other.pth")


class Trap:
    def __reduce__(self):
        return os.mkdir, (str(self.path),)

    def __init__(self, path):
        self.path = path


def test_files_that_are_no_weights_are_refused(tmp_path):
    with pytest.raises(ModelError, match="does not exist"):
        load(RecurrentUNet, tmp_path / "nowhere.pth")
    for kept, told in (([1, 2], "holds a list"), ({"a": 1}, "passed absent")):
        torch.save(kept, tmp_path / "none.pth")
        with pytest.raises(ModelError, match=told):
            load(RecurrentUNet, tmp_path / "none.pth")
    for raw in (b"", b"no weights", pickle.dumps(Trap(tmp_path / "sprung"), 2)):
        for name in ("bad.pth", "bad.safetensors"):
            (tmp_path / name).write_bytes(raw)
            with pytest.raises(ModelError, match=r"weights must be a .* file"):
                load(RecurrentUNet, tmp_path / name)
    torch.save(Trap(tmp_path / "sprung"), tmp_path / "trap.pth")
    with pytest.raises(ModelError, match="tensors alone"):
        load(RecurrentUNet, tmp_path / "trap.pth")
    assert not (tmp_path / "sprung").exists()
