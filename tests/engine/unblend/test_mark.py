import numpy as np
import pytest
from osdclean.engine.errors import PictureError
from osdclean.engine.picture import PictureFormat
from osdclean.engine.unblend.mark import Layer, Mark

SIZE = 32, 48


def mark_of(picture: PictureFormat, opacity: float, colour: float) -> Mark:
    layers = []
    for k in range(picture.plane_count):
        h, w = picture.plane_shape(k)
        index = np.flatnonzero(np.indices((h, w)).sum(0) % 3 == 0)
        a = np.linspace(0, opacity, len(index), dtype=np.float32)
        layers.append(Layer(index=index, opacity=a, colour=np.full(len(index), colour, np.float32)))
    return Mark(picture=picture, layers=tuple(layers), thin=np.zeros(SIZE, bool))


@pytest.mark.parametrize(
    "kind",
    [
        {"family": "YUV", "floating": False, "bits": 8, "subsampling_w": 1, "subsampling_h": 1},
        {"family": "YUV", "floating": False, "bits": 10, "subsampling_w": 1},
        {"family": "RGB", "floating": False, "bits": 16},
        {"family": "GRAY", "floating": True, "bits": 16},
        {"family": "YUV", "floating": True, "bits": 32},
    ],
)
@pytest.mark.parametrize("colour", [0.05, 0.92])
def test_a_known_mark_is_inverted_within_rounding(kind, colour):
    picture = PictureFormat(**kind, width=SIZE[1], height=SIZE[0])
    rng = np.random.default_rng(3)
    mark = mark_of(picture, 0.5, colour * picture.peak)
    truth = [rng.random(picture.plane_shape(k)) * picture.peak for k in range(picture.plane_count)]
    truth = [(t if picture.floating else np.rint(t)).astype(picture.dtype) for t in truth]
    shown = [t.copy() for t in truth]
    for plane, layer in zip(shown, mark.layers, strict=True):
        y, x = np.divmod(layer.index, plane.shape[1])
        values = plane[y, x] * (1 - layer.opacity.astype(np.float64)) + layer.opacity * layer.colour
        plane[y, x] = values if picture.floating else np.rint(values)
    before = [s.copy() for s in shown]
    mark.apply(tuple(shown))
    tolerance = (2e-3 if picture.bits == 16 else 1e-6) if picture.floating else 1
    for made, true, was, layer in zip(shown, truth, before, mark.layers, strict=True):
        assert np.abs(made.astype(np.float64) - true).max() <= tolerance
        outside = np.ones(made.size, bool)
        outside[layer.index] = False
        np.testing.assert_array_equal(made.ravel()[outside], was.ravel()[outside])


def test_a_layer_refuses_what_cannot_be_inverted():
    with pytest.raises(PictureError, match=r"below 1, passed 0\.5 to 1"):
        Layer(index=np.arange(2), opacity=np.float32([0.5, 1]), colour=np.zeros(2, np.float32))
    with pytest.raises(PictureError, match="one length, passed 2, 1 and 2"):
        Layer(index=np.arange(2), opacity=np.zeros(1, np.float32), colour=np.zeros(2, np.float32))
