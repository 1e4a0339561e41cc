"""The node of `Detect`: what needs no network."""

import numpy as np
import pytest
import vapoursynth as vs
from clips import failing, letting_go, masking, moving, pixels, planes

W, H, N = 96, 64, 6
WHITE = (20, 30, 40, 60)  # top, bottom, left, right
FORMATS = (
    vs.GRAY8, vs.GRAY16, vs.GRAYS, vs.YUV420P8, vs.YUV420P10, vs.YUV444P16, vs.YUV420PS, vs.YUV410P8, vs.RGB24, vs.RGBS,
)  # fmt: skip


def lettered(format: int = vs.YUV420P8, colour: tuple[float, ...] = (0.9, 0, 0), length: int = N) -> vs.VideoNode:
    """A dim texture with a box of one colour (luma and colour differences, or RGB, in shares of full scale)."""
    blank = vs.core.std.BlankClip(width=W, height=H, format=format, length=length, keep=True)

    def draw(n, f):
        out = f.copy()
        fmt, (top, bottom, left, right) = out.format, WHITE
        for p in range(fmt.num_planes):
            plane = np.asarray(out[p])
            chroma = fmt.color_family == vs.YUV and p > 0
            values = np.full(plane.shape, 0.0 if chroma else 0.3) + 0.05 * np.sin(np.arange(plane.shape[1]) + n)
            sy, sx = (fmt.subsampling_h, fmt.subsampling_w) if p else (0, 0)
            values[top >> sy : bottom >> sy, left >> sx : right >> sx] = colour[p]
            if fmt.sample_type == vs.INTEGER:
                peak = (1 << fmt.bits_per_sample) - 1
                values = np.rint(values * peak + ((peak + 1) / 2 if chroma else 0))
            plane[:] = values.astype(plane.dtype)
        out.props["Number"] = n
        return out

    return vs.core.std.ModifyFrame(blank, blank, draw)


def found(clip: vs.VideoNode, n: int = 0, **arguments) -> np.ndarray:
    (mask,) = planes(vs.core.osdclean.Detect(clip, kind="white", **arguments).get_frame(n))
    assert set(np.unique(mask)) <= {0, 255}
    return mask > 0


def box(grow: int = 0) -> np.ndarray:
    top, bottom, left, right = WHITE
    mask = np.zeros((H, W), bool)
    mask[top - grow : bottom + grow, left - grow : right + grow] = True
    return mask


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: vs.core.get_video_format(f).name)
def test_white_is_found_in_every_format(format):
    rgb = vs.core.get_video_format(format).color_family == vs.RGB
    clip = lettered(format, (0.9, 0.9, 0.9) if rgb else (0.9, 0, 0))
    mask = vs.core.osdclean.Detect(clip, kind="white")
    assert (mask.format.id, mask.width, mask.height, mask.num_frames) == (vs.GRAY8, W, H, N)
    assert mask.fps == clip.fps
    assert dict(mask.get_frame(3).props)["Number"] == 3
    got = found(clip, grow=0)
    # At a fourth of the size chroma says little about the box's edges.
    assert not (got & ~box()).any()
    assert (got & box()).sum() > 0.6 * box().sum()
    if format != vs.YUV410P8:
        assert (got == box()).all()


def test_what_has_a_colour_or_is_dim_is_left():
    assert not found(lettered(colour=(0.9, 0.2, 0))).any()
    assert not found(lettered(colour=(0.9, 0, -0.2))).any()
    assert not found(lettered(colour=(0.5, 0, 0))).any()
    assert not found(lettered(vs.RGB24, (1.0, 0.9, 0.4))).any()


def test_sensitivity_says_how_bright():
    shares = [found(lettered(colour=(0.7, 0, 0)), sensitivity=s).any() for s in (0, 0.5, 1)]
    assert shares == [False, False, True]
    shares = [found(lettered(colour=(0.9, 0, 0)), sensitivity=s).any() for s in (0, 0.5, 1)]
    assert shares == [True, True, True]


def test_what_was_found_is_grown_inside_and_outside_the_region():
    got = found(lettered(), grow=3)
    assert (got[box()]).all()
    assert not (got & ~box(3)).any()
    assert got[20 - 3, 50]
    part = found(lettered(), grow=0, left=50, top=25, width=30, height=20)
    wanted = box()
    wanted[:25] = False
    wanted[:, :50] = False
    assert (part == wanted).all()


def test_the_hand_overrules_the_machine():
    drawn = np.zeros((H, W), bool)
    top, bottom, left, right = 20, 32, 30, 54  # what `masking` marks
    drawn[top:bottom, left:right] = True
    clip = lettered()
    assert (found(clip, grow=0, include=masking()) == (box() | drawn)).all()
    assert (found(clip, grow=0, exclude=masking()) == (box() & ~drawn)).all()
    both = found(clip, grow=0, include=masking(), exclude=masking())
    assert (both == (box() & ~drawn)).all()
    # As with a mask: a shorter one repeats its last frame.
    late = masking(length=4, empty=lambda n: n < 3)
    assert (found(clip, 2, grow=0, exclude=late) == box()).all()
    assert (found(clip, 5, grow=0, exclude=late) == (box() & ~drawn)).all()


def test_any_order_and_many_at_once_give_the_same():
    clip = lettered(length=24)
    node = vs.core.osdclean.Detect(clip, kind="white")
    wanted = [pixels(node.get_frame(n)) for n in range(24)]
    other = vs.core.osdclean.Detect(clip, kind="white")
    assert [pixels(other.get_frame(n)) for n in reversed(range(24))] == wanted[::-1]
    asked = [vs.core.osdclean.Detect(clip, kind="white").get_frame_async(n) for n in range(24)]
    assert [pixels(a.result()) for a in asked] == wanted


def test_the_mask_goes_straight_into_inpaint():
    clip = moving(length=6)
    mask = vs.core.osdclean.Detect(clip, kind="white")
    cleaned = vs.core.osdclean.Inpaint(clip, mask, period=4, warmup=3, lookahead=3, device="cpu")
    assert pixels(cleaned.get_frame(3)) != pixels(clip.get_frame(3))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"kind": "rainbow"}, "kind must be one of osd, logo, subtitle, moving, any, white, passed rainbow"),
        ({"sensitivity": 1.5}, r"sensitivity must be 0 to 1, passed 1\.5"),
        ({"sensitivity": float("nan")}, "sensitivity must be 0 to 1, passed nan"),
        ({"kind": ["white", "logos"]}, "kind must be one of osd, logo, subtitle, moving, any, white, passed logos"),
        ({"hold": 33}, "hold must be 0 to 32, passed 33"),
        ({"precision": "fp8"}, "precision must be one of auto, fp32, bf16, fp16, passed fp8"),
        ({"grow": 65}, "grow must be 0 to 64, passed 65"),
        ({"left": -1}, "left must be 0 or more, passed -1"),
        ({"left": 90, "width": 10}, r"left \+ width must be at most the picture's width, passed 100 and 96"),
        ({"top": 64}, r"top \+ height must be at most the picture's height, passed 65 and 64"),
    ],
)
def test_bad_arguments_are_told(arguments, told):
    with pytest.raises(vs.Error, match=f"^Detect: {told}$"):
        vs.core.osdclean.Detect(lettered(), **{"kind": "white"} | arguments)


def test_masks_of_another_size_and_clips_that_vary_are_refused():
    for name in ("include", "exclude"):
        with pytest.raises(vs.Error, match=f"Detect: {name} must be Gray with the clip's dimensions"):
            vs.core.osdclean.Detect(lettered(), kind="white", **{name: masking(width=48)})
    varying = vs.core.std.Splice([lettered(), lettered().resize.Point(width=48)], mismatch=True)
    with pytest.raises(vs.Error, match="Detect: only clips with constant format"):
        vs.core.osdclean.Detect(varying, kind="white")


def test_a_freed_node_lets_go_of_its_clips():
    with letting_go() as more:
        node = vs.core.osdclean.Detect(lettered(), kind="white", include=masking(), exclude=masking())
        node.get_frame(0)
        assert more() == 1
        del node
    with letting_go() as more:
        for _ in range(3):
            with pytest.raises(vs.Error):
                vs.core.osdclean.Detect(lettered(), kind="white", include=masking(), grow=99)
        assert more() == 0


def test_an_error_before_us_is_passed_on():
    with pytest.raises(vs.Error, match="the disk was pulled out"):
        vs.core.osdclean.Detect(failing(lettered(), 0), kind="white").get_frame(0)
