"""The node of `Detect`: what the network finds, with random weights where only the way of the frames counts."""

import gc
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import vapoursynth as vs
from clips import failing, pixels, planes
from detectors import blind_detector, random_detector
from osdclean.engine import weights

W, H, N = 112, 72, 90


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return random_detector(tmp_path_factory.mktemp("weights") / "random.safetensors")


def noisy(length: int = N, width: int = W, height: int = H, format: int = vs.YUV420P8) -> vs.VideoNode:
    """Every frame otherwise."""
    blank = vs.core.std.BlankClip(width=width, height=height, format=vs.GRAY8, length=length, keep=True)

    def draw(n, f):
        out = f.copy()
        rng = np.random.default_rng(n)
        coarse = rng.integers(0, 256, (-(-height // 8), -(-width // 8)), np.uint8)
        np.asarray(out[0])[:] = np.kron(coarse, np.ones((8, 8), np.uint8))[:height, :width]
        return out

    return vs.core.std.ModifyFrame(blank, blank, draw).resize.Bicubic(format=format, matrix_s="709")


def found(clip: vs.VideoNode, n: int, model: str, **arguments) -> np.ndarray:
    given = {"kind": "any", "grow": 0} | arguments
    (mask,) = planes(vs.core.osdclean.Detect(clip, model=model, device="cpu", **given).get_frame(n))
    return mask > 0


def test_any_order_many_at_once_and_a_fresh_process_give_the_same(model, tmp_path):
    clip = noisy()

    def made():
        return vs.core.osdclean.Detect(clip, kind="any", grow=0, model=model)

    node = made()
    wanted = [pixels(node.get_frame(n)) for n in range(N)]
    assert len(set(wanted)) == N
    other = made()
    assert [pixels(other.get_frame(n)) for n in reversed(range(N))] == wanted[::-1]
    rng, fresh = np.random.default_rng(3), made()
    for n in rng.permutation(N)[:24]:
        assert pixels(fresh.get_frame(int(n))) == wanted[n]
    many = made()
    assert [pixels(a.result()) for a in [many.get_frame_async(n) for n in range(N)]] == wanted
    script = (
        "import sys; sys.path[:0] = sys.argv[2:]; import test_detect_network as t; import vapoursynth as vs; "
        "node = vs.core.osdclean.Detect(t.noisy(), kind='any', grow=0, model=sys.argv[1]); "
        "sys.stdout.buffer.write(b''.join(bytes(t.planes(node.get_frame(n))[0]) for n in (70, 3)))"
    )
    paths = str(Path(__file__).parent), *sys.path
    done = subprocess.run([sys.executable, "-c", script, model, *paths], capture_output=True, check=True)
    assert done.stdout == b"".join(bytes(planes(node.get_frame(n))[0]) for n in (70, 3))


def test_two_nodes_share_the_survey_and_do_not_disturb_each_other(model):
    from osdclean.plugin import detect

    gc.collect()
    before = len(detect._surveys)
    clip = noisy()
    one = vs.core.osdclean.Detect(clip, kind="osd", model=model)
    two = vs.core.osdclean.Detect(clip, kind="logo", model=model)
    assert len(detect._surveys) == before + 1
    asked = [node.get_frame_async(n) for n in range(N) for node in (one, two)]
    both = [a.result() for a in asked]
    assert pixels(both[0]) != pixels(both[1])
    del one
    gc.collect()
    assert pixels(two.get_frame(40)) == pixels(both[81])
    del two, both, asked
    gc.collect()
    assert len(detect._surveys) == before


@pytest.mark.parametrize("format", [vs.GRAY16, vs.GRAYS, vs.YUV420P10, vs.YUV444P16, vs.YUV410P8, vs.RGB24, vs.RGBS])
def test_all_formats_show_the_same(model, format):
    # Luma alone: what comes back from other formats is not quite alike.
    clip = noisy(12).resize.Bicubic(format=vs.GRAY8).resize.Bicubic(format=vs.YUV444P8)
    wanted = found(clip, 5, model)
    other = clip.resize.Bicubic(format=format, **({"matrix_in_s": "709"} if format in (vs.RGB24, vs.RGBS) else {}))
    assert (found(other, 5, model) == wanted).mean() > 0.85


@pytest.mark.parametrize("size", [(16, 16), (17, 35), (W, 1448)])
def test_odd_small_and_large_sizes(model, size):
    mask = found(noisy(3, *size, vs.YUV444P8), 1, model)
    assert mask.shape == size[::-1]
    assert 0 < mask.mean() < 1


def test_8k_is_looked_at_small_and_marked_whole(model):
    mask = found(noisy(2, 7680, 4320), 1, model)
    assert mask.shape == (4320, 7680)
    assert 0 < mask.mean() < 1


def test_a_still_picture_and_one_that_is_all_overlay_have_a_result(model):
    still = noisy(1) * 40
    masks = [found(still, n, model) for n in (8, 9)]
    assert (masks[0] == masks[1]).mean() > 0.9
    white = vs.core.std.BlankClip(still, color=[235, 128, 128])
    assert found(white, 3, model, kind="white").all()
    whole = vs.core.osdclean.Detect(white, kind="white")
    with pytest.raises(vs.Error, match="Inpaint: mask must leave a part of the picture to fill from"):
        vs.core.osdclean.Inpaint(white, whole, device="cpu").get_frame(3)


@pytest.mark.parametrize("length", [1, 2, 33])
def test_short_clips(model, length):
    assert 0 < found(noisy(length), length - 1, model).mean() < 1


def test_several_kinds_are_one_mask(model):
    clip = noisy(8)
    osd, logo = (found(clip, 4, model, kind=kind, hold=0) for kind in ("osd", "logo"))
    assert (osd != logo).any()
    both = found(clip, 4, model, kind=["osd", "logo"], hold=0)
    # The more likely of both decides; parts that touch are taken over from neighbouring frames as one, and beside what
    # one kind is sure of the other's edges are left.
    like_both, like_osd, like_logo = ((mask == (osd | logo)).mean() for mask in (both, osd, logo))
    assert like_both > max(0.92, like_osd + 0.02, like_logo + 0.02)
    white = found(clip, 4, model, kind="white")
    assert (found(clip, 4, model, kind=["osd", "white"], hold=0) == (osd | white)).all()


def test_the_region_sensitivity_and_hand_count(model):
    clip = noisy(8)
    whole = found(clip, 4, model)
    part = found(clip, 4, model, left=32, top=16, width=40, height=24)
    inside = np.zeros((H, W), bool)
    inside[16:40, 32:72] = True
    assert (part == (whole & inside)).all()
    assert found(clip, 4, model, sensitivity=0.2).sum() < whole.sum() < found(clip, 4, model, sensitivity=0.8).sum()


def test_hold_steadies_the_mask(model):
    clip = noisy(40)
    restless, held = ([found(clip, n, model, hold=hold) for n in range(40)] for hold in (0, 3))
    changes = [sum((a != b).sum() for a, b in pairwise(masks)) for masks in (restless, held)]
    assert changes[1] < 0.6 * changes[0]


def test_masks_say_what_was_found_and_a_line_that_nothing_was(model, tmp_path):
    lines = []
    handle = vs.core.add_log_handler(lambda _, text: str(text).startswith("Detect") and lines.append(str(text)))
    try:
        props = vs.core.osdclean.Detect(noisy(8), kind=["osd", "logo"], model=model).get_frame(3).props
        share, area, sure = props["_Found_osd"]
        assert share == 1
        assert 0 < area < 1
        assert 0.5 < sure < 1
        assert "_Found_moving" not in props
        assert not lines
        blind = blind_detector(tmp_path / "blind.safetensors")
        node = vs.core.osdclean.Detect(noisy(40), kind=["osd", "logo"], model=blind)
        assert not any(planes(node.get_frame(n))[0].any() for n in (0, 39, 3))
        assert node.get_frame(3).props["_Found_osd"] == [0, 0, 0]
        assert lines == ["Detect: no osd, logo found in the 32 frames that were looked at"]
    finally:
        vs.core.remove_log_handler(handle)


def test_errors_of_the_look_are_told_and_no_frame_hangs(model, monkeypatch):
    from osdclean.engine.detect.finder import Finder

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(Finder, "find", fail)
    node = vs.core.osdclean.Detect(noisy(40), kind="any", model=model)
    asked = [node.get_frame_async(n) for n in range(40)]
    for one in asked:
        with pytest.raises(vs.Error, match="Detect: out of memory"):
            one.result()


def test_a_model_that_is_none_is_told():
    # One that is loaded already is no detector either.
    mask = vs.core.std.BlankClip(noisy(2), format=vs.GRAY8)
    inpainted = vs.core.osdclean.Inpaint(noisy(2), mask, device="cpu")
    with pytest.raises(vs.Error, match=r'^Detect: model must be "default" or a weights file, passed /none\.'):
        vs.core.osdclean.Detect(noisy(2), model="/none.safetensors")
    with pytest.raises(vs.Error, match=r"^Detect: model must hold osdclean-detection weights, passed .*\.safetensors"):
        vs.core.osdclean.Detect(noisy(2), model=str(weights.DEFAULT), device="cpu")
    del inpainted


def test_an_error_before_us_is_passed_on(model):
    node = vs.core.osdclean.Detect(failing(noisy(40), 17), kind="any", model=model)
    with pytest.raises(vs.Error, match="the disk was pulled out"):
        node.get_frame(0)
