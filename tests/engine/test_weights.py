import json

import pytest
import torch
from osdclean.engine import weights
from osdclean.engine.errors import ModelError
from osdclean.engine.network import InpaintingNetwork, NetworkConfig
from safetensors.torch import save_file


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    network = InpaintingNetwork(NetworkConfig(widths=(8, 8, 8), hidden=8))
    path = tmp_path / "small.safetensors"
    weights.save(network, path, {"steps": 3})
    return network, path


def test_what_was_saved_is_loaded(saved):
    network, path = saved
    loaded = weights.load(str(path))
    assert loaded.config == network.config
    for (name, a), b in zip(network.state_dict().items(), loaded.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3, msg=name)
    assert not list(path.parent.glob("*.part"))


def test_the_default_weights_load():
    assert sum(p.numel() for p in weights.load("default").parameters()) > 100_000


def test_a_missing_file_is_named():
    with pytest.raises(ModelError, match=r"nowhere\.safetensors, which does not exist"):
        weights.load("nowhere.safetensors")


@pytest.mark.parametrize("content", [b"", b"not a tensor file at all", b"\xff" * 64])
def test_a_broken_file_is_refused(tmp_path, content):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="must be a safetensors file"):
        weights.load(str(path))


def test_a_cut_off_file_is_refused(saved):
    _, path = saved
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"small\.safetensors"):
        weights.load(str(path))


def test_another_network_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(3)}, path)
    with pytest.raises(ModelError, match="with kind none"):
        weights.load(str(path))
    save_file({"a": torch.zeros(3)}, path, {"kind": "osdclean-inpainting", "network": json.dumps({"hidden": 8})})
    with pytest.raises(ModelError, match="does not fit its own description"):
        weights.load(str(path))
