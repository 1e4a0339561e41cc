"""The node with ONNX Runtime beside the node with torch."""

import random

import numpy as np
import pytest
import torch
import vapoursynth as vs
from clips import BOX, masking, moving, planes, reduced
from osdclean.engine.errors import ArgumentError
from osdclean.engine.networks import published
from osdclean.engine.settings import Settings
from published import random_weights

pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
from osdclean.engine import home
from osdclean.engine.export import files

SMALL = {"period": 6, "warmup": 3, "lookahead": 3, "device": "cpu", "precision": "fp32"}


@pytest.fixture(scope="module", autouse=True)
def kept(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
            patch.setenv(name, str(tmp_path_factory.mktemp("cache")))
        yield home.cache()


def inpaint(clip, mask, **arguments):
    return vs.core.osdclean.Inpaint(clip, mask, **(SMALL | {"backend": "onnxruntime"} | arguments))


def samples(node: vs.VideoNode) -> list[list[np.ndarray]]:
    return [[np.asarray(p).astype(int) for p in planes(frame)] for frame in node.frames()]


@pytest.mark.parametrize("name", ["YUV420P8", "RGB24", "GRAY8"])
def test_both_back_ends_agree_to_one_code_value_nearly_everywhere(name):
    clip, mask = moving(getattr(vs, name), length=14), masking()
    both = [samples(inpaint(clip, mask, backend=backend)) for backend in ("torch", "onnxruntime")]
    apart, count, touched = [], 0, 0
    source = samples(clip)
    for one, other, before in zip(*both, source, strict=True):
        for p, (a, b, c) in enumerate(zip(one, other, before, strict=True)):
            top, bottom, left, right = reduced(BOX, clip.format, p)
            apart.append(np.abs(a - b).max())
            count += np.count_nonzero(a != b)
            touched += (bottom - top) * (right - left)
            assert np.count_nonzero(a != c)
    assert max(apart) <= 1
    assert count <= 0.001 * touched


def test_any_order_gives_the_same_samples():
    clip, mask = moving(length=20), masking()
    forward = samples(inpaint(clip, mask))
    node, order = inpaint(clip, mask), list(range(20))
    random.Random(4).shuffle(order)
    for n in order:
        for a, b in zip(forward[n], planes(node.get_frame(n)), strict=True):
            np.testing.assert_array_equal(a, np.asarray(b))


def test_an_exported_file_is_the_weights_that_it_was_made_of(tmp_path):
    clip, mask = moving(length=8), masking()
    path = tmp_path / "default.onnx"
    files.export(published.inpainting("default"), path)
    for one, other in zip(samples(inpaint(clip, mask)), samples(inpaint(clip, mask, model=str(path))), strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(vs.Error, match='backend="onnxruntime" alone'):
        inpaint(clip, mask, model=str(path), backend="torch")
    with pytest.raises(vs.Error, match="exported with --precision fp16"):
        inpaint(clip, mask, model=str(path), precision="fp16")
    with pytest.raises(vs.Error, match="exported with --subsampling 444"):
        inpaint(moving(vs.YUV444P8, length=8), mask, model=str(path))


def test_a_published_network_runs_in_both(tmp_path):
    clip, mask = moving(length=8), masking()
    model = random_weights("recurrent-unet", tmp_path)
    path = tmp_path / "network.onnx"
    files.export(published.inpainting(model), path)
    want = samples(inpaint(clip, mask, model=model, backend="torch"))
    for other in (model, str(path)):
        for one, two in zip(want, samples(inpaint(clip, mask, model=other)), strict=True):
            for a, b in zip(one, two, strict=True):
                assert np.abs(a - b).max() <= 1


def test_what_cannot_be_asked_for_is_refused():
    clip, mask = moving(length=2), masking()
    with pytest.raises(vs.Error, match="backend must be one of torch, onnxruntime, passed tvm"):
        inpaint(clip, mask, backend="tvm")
    with pytest.raises(ArgumentError, match="passed bf16"):
        Settings(backend="onnxruntime", precision="bf16")
    if not torch.cuda.is_available():
        with pytest.raises(vs.Error, match="device must be one that is there, passed cuda"):
            inpaint(clip, mask, device="cuda")
    with pytest.raises(vs.Error, match="passed tensorrt"):
        inpaint(clip, mask, device="tensorrt", backend="torch")
