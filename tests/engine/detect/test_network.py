"""The detector's network."""

import pytest
import torch
from osdclean.engine import weights
from osdclean.engine.detect.network import DetectionConfig, DetectionNetwork, View
from osdclean.engine.detect.settings import LEARNED
from osdclean.engine.errors import ModelError

SMALL = DetectionConfig(widths=(8, 8, 8), hidden=8)


def view(seed: int = 0, height: int = 48, width: int = 64) -> View:
    torch.manual_seed(seed)
    shapes = (3, height, width), (2, height, width), (2, height // 2, width // 2)
    return View(*(torch.rand(2, *shape) for shape in shapes))


def test_it_answers_at_full_size_and_remembers():
    torch.manual_seed(0)
    network = DetectionNetwork(SMALL).eval()
    with torch.no_grad():
        first, state = network(view())
        again, _ = network(view())
        later, _ = network(view(), state)
    assert first.shape == (2, len(LEARNED), 48, 64)
    assert state.h.shape == (2, 8, 3, 4)
    assert torch.equal(first, again)
    assert not torch.equal(first, later)


def test_every_input_counts():
    torch.manual_seed(0)
    network = DetectionNetwork(SMALL).eval()
    given = view()
    with torch.no_grad():
        wanted, _ = network(given)
        for name in View._fields:
            for channel in range(getattr(given, name).shape[1]):
                other = getattr(given, name).clone()
                other[:, channel] += 0.1
                assert not torch.equal(network(given._replace(**{name: other}))[0], wanted)


def test_weights_are_kept_and_told_from_the_inpainters(tmp_path):
    network = DetectionNetwork(SMALL)
    path = tmp_path / "detector.safetensors"
    weights.save(network, path)
    loaded = weights.load_detector(str(path))
    assert loaded.config == SMALL
    for a, b in zip(loaded.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(a, b.half().float(), rtol=0, atol=0)
    with pytest.raises(ModelError, match="must hold osdclean-inpainting weights"):
        weights.load(str(path))
    with pytest.raises(ModelError, match="must hold osdclean-detection weights"):
        weights.load_detector(str(weights.DEFAULT))
    with pytest.raises(ModelError, match='must be "default" or a weights file'):
        weights.load_detector(str(tmp_path / "none"))
