"""Published networks in the node: any frame, same pixels; nothing but the hole; nothing across a cut."""

import subprocess
import sys

import numpy as np
import pytest
import vapoursynth as vs
from clips import BOX, REACH, masking, moving, pixels, planes, reduced
from published import SMALL, random_weights

LENGTH = 22
NODE = {"period": 8, "warmup": 6, "lookahead": 4, "device": "cpu", "precision": "fp32"}


@pytest.fixture(params=sorted(SMALL))
def model(request, tmp_path):
    return random_weights(request.param, tmp_path)


def inpaint(model, clip=None, mask=None, **arguments):
    clip = clip or moving(length=LENGTH, properties=True, cut=13)
    return vs.core.osdclean.Inpaint(clip, mask or masking(), model=model, **(NODE | arguments))


def test_any_order_many_at_once_and_a_fresh_process_give_the_same(model, tmp_path):
    inorder = [pixels(frame) for frame in inpaint(model).frames()]
    rng = np.random.default_rng(1)
    for order in (rng.permutation(LENGTH).tolist(), list(reversed(range(LENGTH)))):
        node = inpaint(model)
        assert [pixels(node.get_frame(n)) for n in order] == [inorder[n] for n in order]
    node = inpaint(model)
    answers = [node.get_frame_async(n) for n in order]
    assert [pixels(a.result()) for a in answers] == [inorder[n] for n in order]
    script = (
        "import sys; sys.path[:0] = eval(sys.argv[2]); import test_node_networks as t;"
        "node = t.inpaint(sys.argv[1]); sys.stdout.buffer.write(t.pixels(node.get_frame(17)))"
    )
    paths = repr([str(p) for p in (__file__.rsplit("/", 1)[0], __file__.rsplit("/", 2)[0])])
    done = subprocess.run([sys.executable, "-c", script, model, paths], capture_output=True, check=True)
    assert done.stdout == inorder[17]


@pytest.mark.parametrize(
    "format", [vs.YUV420P8, vs.YUV422P10, vs.YUV444PS, vs.YUV410P8, vs.RGB24, vs.RGB48, vs.RGBS, vs.RGBH, vs.GRAY16]
)
def test_only_the_hole_changes_in_every_format(tmp_path, format):
    clip = moving(format, length=10)
    node = inpaint(random_weights("recurrent-unet", tmp_path), clip)
    for n in (0, 7):
        before, after = clip.get_frame(n), node.get_frame(n)
        for p, (a, b) in enumerate(zip(planes(before), planes(after), strict=True)):
            top, bottom, left, right = reduced(BOX, before.format, p)
            outside = np.ones(a.shape, bool)
            outside[max(0, top - REACH) : bottom + REACH, max(0, left - REACH) : right + REACH] = False
            np.testing.assert_array_equal(a[outside], b[outside])
            assert (a[top:bottom, left:right] != b[top:bottom, left:right]).mean() > 0.9


def test_nothing_crosses_a_cut(model):
    """The second scene is the same whatever the first shows."""
    other = moving(length=LENGTH, cut=13, properties=True)
    mixed = vs.core.std.BlankClip(other, length=13, keep=True) + other[13:]
    mixed = mixed.std.ModifyFrame(mixed, lambda n, f: marked(f, n == 13))
    assert [pixels(f) for f in inpaint(model, mixed)[13:].frames()] == [
        pixels(f) for f in inpaint(model, other)[13:].frames()
    ]
    assert pixels(inpaint(model, mixed, sc_threshold=0).get_frame(12)) != pixels(inpaint(model).get_frame(12))


def marked(frame: vs.VideoFrame, cut: bool) -> vs.VideoFrame:
    out = frame.copy()
    out.props["_SceneChangePrev"] = int(cut)
    return out


def test_larger_pictures_are_restored_at_a_working_size(tmp_path, monkeypatch):
    from osdclean.engine import framewise

    model = random_weights("recurrent-unet", tmp_path)
    whole = inpaint(model, moving(length=3)).get_frame(1)
    monkeypatch.setattr(framewise, "LINES", 32)
    half = inpaint(model, moving(length=3)).get_frame(1)
    assert pixels(whole) != pixels(half)
    a, b = planes(moving(length=3).get_frame(1))[0], planes(half)[0]
    np.testing.assert_array_equal(a[:16], b[:16])


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("recurrent-unet:/nowhere.pth", "Inpaint: weights must be a .pth or .safetensors file, passed /nowhere.pth"),
        ("recurrent-unet+colour:{file}", "Inpaint: recurrent-unet has no colour; it has channels, features, residual"),
        ("sttn:{file}", "weights must be osdclean-sttn, passed .* with kind osdclean-recurrent-unet"),
        ("unet:{file}", 'Inpaint: model must be "default" or a weights file, passed unet:.*, which does not exist'),
    ],
)
def test_what_is_no_model_is_told(tmp_path, model, told):
    file = random_weights("recurrent-unet", tmp_path)
    with pytest.raises(vs.Error, match=told):
        inpaint(model.format(file=file))
