"""The node of `Unblend`."""

from collections import Counter

import numpy as np
import pytest
import vapoursynth as vs
from clips import failing, letting_go, masking, pixels, planes

W, H = 96, 72
MARK = (24, 40, 30, 62)  # top, bottom, left, right
OPACITY, COLOUR = 0.5, 0.9


def truth(length: int = 60, format: int = vs.YUV420P8, still: bool = False) -> vs.VideoNode:
    """A rough texture that wanders."""
    rng = np.random.default_rng(3)
    whole = [np.cumsum(np.cumsum(rng.standard_normal((3 * H, 3 * W)), 0), 1) for _ in range(3)]
    whole = [np.sin(w / 40 + k) * 0.3 + rng.random(w.shape) * 0.06 + 0.45 for k, w in enumerate(whole)]
    blank = vs.core.std.BlankClip(width=W, height=H, format=format, length=length, keep=True)

    def draw(n, f):
        out = f.copy()
        n = 0 if still else n
        for p in range(out.format.num_planes):
            plane = np.asarray(out[p])
            y, x = int(20 + 15 * np.sin(n / 5)), (n * 3) % W
            part = whole[p][y : y + plane.shape[0], x : x + plane.shape[1]]
            if out.format.sample_type == vs.INTEGER:
                part = np.rint(part * ((1 << out.format.bits_per_sample) - 1))
            plane[:] = part.astype(plane.dtype)
        out.props["Number"] = n
        return out

    return vs.core.std.ModifyFrame(blank, blank, draw)


def marked(clip: vs.VideoNode) -> vs.VideoNode:
    """A half-transparent box over the luma."""
    peak = (1 << clip.format.bits_per_sample) - 1

    def draw(n, f):
        out = f.copy()
        top, bottom, left, right = MARK
        part = np.asarray(out[0])[top:bottom, left:right]
        part[:] = np.rint(part * (1 - OPACITY) + OPACITY * COLOUR * peak)
        return out

    return vs.core.std.ModifyFrame(clip, clip, draw)


def box() -> np.ndarray:
    hole = np.zeros((H, W), bool)
    top, bottom, left, right = MARK
    hole[top:bottom, left:right] = True
    return hole


def mask(**more) -> vs.VideoNode:
    return masking(width=W, height=H, box=MARK, **more)


def miss(a: vs.VideoFrame, b: vs.VideoFrame) -> float:
    one, other = planes(a)[0].astype(float), planes(b)[0]
    return float(np.sqrt(((one - other)[box()] ** 2).mean()))


def test_what_lies_below_a_mark_comes_back():
    clean = truth()
    shown = marked(clean)
    solved = vs.core.osdclean.Unblend(shown, mask())
    assert (solved.format.id, solved.num_frames) == (shown.format.id, shown.num_frames)
    for n in (0, 31, 59):
        before, after = miss(shown.get_frame(n), clean.get_frame(n)), miss(solved.get_frame(n), clean.get_frame(n))
        assert after < before / 6
    frame = solved.get_frame(7)
    assert frame.props["Number"] == 7
    grown = np.asarray(vs.core.osdclean.Inpaint(shown, mask(), show=1).get_frame(7)[1]) != planes(shown.get_frame(7))[1]
    for p, (one, other) in enumerate(zip(planes(frame), planes(shown.get_frame(7)), strict=True)):
        hole = np.kron(grown, np.ones((2, 2), bool)) if p == 0 else grown
        assert (one == other)[~hole].all()


def test_what_cannot_be_solved_for_is_told():
    still = marked(truth(20, still=True))
    solved = vs.core.osdclean.Unblend(still, mask(), grow=0)
    thin = solved.std.PropToClip("_Thin")
    assert (thin.format.id, thin.num_frames) == (vs.GRAY8, 20)
    assert (planes(thin.get_frame(5))[0] == np.where(box(), 255, 0)).all()
    assert pixels(solved.get_frame(5)) == pixels(still.get_frame(5))
    moving = vs.core.osdclean.Unblend(marked(truth()), mask(), grow=0).std.PropToClip("_Thin")
    assert (planes(moving.get_frame(5))[0] > 0).sum() < 0.1 * box().sum()
    # What is left goes on to be inpainted.
    whole = vs.core.osdclean.Inpaint(solved, thin, grow=0, period=4, warmup=2, lookahead=2, device="cpu")
    assert pixels(whole.get_frame(5)) != pixels(still.get_frame(5))


def test_any_order_gives_the_same_and_frames_are_looked_at_once():
    shown = marked(truth(50))
    made: Counter = Counter()

    def count(n, f):
        made[n] += 1
        return f

    counted = vs.core.std.ModifyFrame(shown, shown, count)
    one = vs.core.osdclean.Unblend(counted, mask())
    asked = {n: one.get_frame_async(n) for n in (49, 3, 20, 0, 21, 22)}
    wanted = {n: pixels(a.result()) for n, a in asked.items()}
    assert sum(made.values()) <= 75
    other = vs.core.osdclean.Unblend(shown, mask())
    assert {n: pixels(other.get_frame(n)) for n in wanted} == wanted


def counting(clip: vs.VideoNode, made: Counter) -> vs.VideoNode:
    def count(n, f):
        made[n] += 1
        return f

    return vs.core.std.ModifyFrame(clip, clip, count)


def test_an_inpainted_clip_keeps_the_level():
    clean = truth(24)
    shown = marked(clean)
    made: Counter = Counter()
    guess = counting(clean.std.BoxBlur(planes=0, hradius=3, vradius=3), made)
    alone = vs.core.osdclean.Unblend(shown, mask())
    led = vs.core.osdclean.Unblend(shown, mask(), inpainted=guess)
    off = {node: sum(miss(node.get_frame(n), clean.get_frame(n)) for n in (0, 11, 23)) for node in (alone, led)}
    assert off[led] < 0.9 * off[alone]
    assert len(made) == 24
    assert max(made.values()) == 1


def test_any_order_gives_the_same_with_an_inpainted_clip():
    shown = marked(truth(50))
    guess = vs.core.osdclean.Inpaint(shown, mask(), period=10, warmup=4, lookahead=4, device="cpu")
    one = vs.core.osdclean.Unblend(shown, mask(), inpainted=guess)
    asked = {n: one.get_frame_async(n) for n in (49, 3, 20, 0, 21, 22)}
    wanted = {n: pixels(a.result()) for n, a in asked.items()}
    other = vs.core.osdclean.Unblend(shown, mask(), inpainted=guess)
    assert {n: pixels(other.get_frame(n)) for n in wanted} == wanted
    alone = vs.core.osdclean.Unblend(shown, mask())
    assert pixels(alone.get_frame(3)) != wanted[3]
    # The clip itself may be given: its frames are then asked for twice.
    same = vs.core.osdclean.Unblend(shown, mask(), inpainted=shown)
    assert {n: same.get_frame(n).props["Number"] for n in wanted} == {n: n for n in wanted}


@pytest.mark.parametrize("format", [vs.GRAY16, vs.YUV444P10, vs.RGB24], ids=lambda f: vs.core.get_video_format(f).name)
def test_other_formats(format):
    solved = vs.core.osdclean.Unblend(marked(truth(30, format)), mask())
    assert solved.get_frame(4).format.id == format


def test_bad_arguments_are_told():
    shown = truth(4)
    for arguments, told in (
        ({"mask": masking(width=48)}, "mask must be Gray with the clip's dimensions"),
        ({"mask": mask(), "grow": 65}, "grow must be 0 to 64, passed 65"),
        *(
            ({"mask": mask(), "inpainted": other}, "inpainted must have the clip's format, dimensions and length")
            for other in (shown[1:], shown.resize.Point(format=vs.YUV444P8), shown.std.Crop(left=2))
        ),
    ):
        with pytest.raises(vs.Error, match=f"^Unblend: {told}"):
            vs.core.osdclean.Unblend(shown, **arguments)
    white = vs.core.std.BlankClip(width=W, height=H, format=vs.GRAY8, color=255, length=1)
    node = vs.core.osdclean.Unblend(shown, white)
    for n in (0, 3):
        with pytest.raises(vs.Error, match="Unblend: mask must leave some of the picture uncovered"):
            node.get_frame(n)


def test_a_clip_too_short_to_say_anything_is_left_as_it_is():
    shown = marked(truth(5))
    solved = vs.core.osdclean.Unblend(shown, mask(), grow=0)
    assert pixels(solved.get_frame(2)) == pixels(shown.get_frame(2))
    assert (planes(solved.std.PropToClip("_Thin").get_frame(2))[0] > 0).sum() == box().sum()


def test_an_error_before_us_is_passed_on_and_a_freed_node_lets_go():
    with letting_go() as more:
        node = vs.core.osdclean.Unblend(failing(marked(truth(30)), 25), mask())
        with pytest.raises(vs.Error, match="the disk was pulled out"):
            node.get_frame(2)
        assert more() == 1
        del node
