"""Every format of the promise: the hole changes, everything else stays as it was, bit for bit."""

import numpy as np
import pytest
import vapoursynth as vs
from clips import BOX, REACH, masking, moving, planes, reduced

SMALL = {"period": 4, "warmup": 2, "lookahead": 2, "device": "cpu"}


def formats() -> dict[str, int]:
    """Names and identifiers of formats: families and subsamplings x depths."""
    families = {
        "Gray": (vs.GRAY, 0, 0),
        "YUV420": (vs.YUV, 1, 1),
        "YUV422": (vs.YUV, 1, 0),
        "YUV444": (vs.YUV, 0, 0),
        "YUV440": (vs.YUV, 0, 1),
        "YUV411": (vs.YUV, 2, 0),
        "RGB": (vs.RGB, 0, 0),
    }
    depths = {
        "8": (vs.INTEGER, 8),
        "9": (vs.INTEGER, 9),
        "10": (vs.INTEGER, 10),
        "16": (vs.INTEGER, 16),
        "H": (vs.FLOAT, 16),
        "S": (vs.FLOAT, 32),
    }
    every = {f"YUV420P{b}": (families["YUV420"], (vs.INTEGER, b)) for b in (11, 12, 13, 14, 15)}
    every |= {f"{f}P{d}": (families[f], depths[d]) for f in families for d in depths}
    return {
        name: vs.core.query_video_format(family, kind, bits, w, h).id
        for name, ((family, w, h), (kind, bits)) in every.items()
    }


def outside(fmt: vs.VideoFormat, plane: int, shape: tuple[int, int], box=BOX) -> np.ndarray:
    """Where samples must not change: all but the box and what growing and subsampling may add."""
    keep = np.ones(shape, bool)
    top, bottom, left, right = reduced(box, fmt, plane)
    keep[max(0, top - REACH) : bottom + REACH, max(0, left - REACH) : right + REACH] = False
    return keep


def check(source: vs.VideoFrame, result: vs.VideoFrame, box=BOX) -> None:
    assert result.format.id == source.format.id
    assert dict(result.props) == dict(source.props)
    for p, (before, after) in enumerate(zip(planes(source), planes(result), strict=True)):
        keep = outside(source.format, p, before.shape, box)
        assert before[keep].tobytes() == after[keep].tobytes(), f"plane {p} changed outside the hole"
        top, bottom, left, right = reduced(box, source.format, p)
        inside = np.s_[top:bottom, left:right]
        assert np.isfinite(after[inside].astype(np.float64)).all()
        assert (before[inside] != after[inside]).mean() > 0.5, f"plane {p} kept what was burned in"


@pytest.mark.parametrize("name", formats())
def test_fills_the_hole_and_nothing_else(name):
    clip = moving(formats()[name], length=6)
    result = vs.core.osdclean.Inpaint(clip, masking(), **SMALL)
    for n in (0, 5):
        check(clip.get_frame(n), result.get_frame(n))


@pytest.mark.parametrize("fmt", [vs.GRAY8, vs.YUV444P10, vs.RGBS])
@pytest.mark.parametrize("size", [(97, 65), (33, 77)])
def test_odd_sizes(fmt, size):
    width, height = size
    box = (10, 18, 8, 20)
    clip = moving(fmt, width, height, 5, box=box)
    result = vs.core.osdclean.Inpaint(clip, masking(width=width, height=height, box=box), **SMALL)
    check(clip.get_frame(2), result.get_frame(2), box)


@pytest.mark.parametrize("fmt", [vs.GRAY16, vs.YUV420P8, vs.YUV411P8, vs.RGB24])
def test_the_smallest_picture(fmt):
    box = (4, 8, 4, 8)
    clip = moving(fmt, 16, 16, 5, box=box)
    result = vs.core.osdclean.Inpaint(clip, masking(width=16, height=16, box=box), **SMALL)
    check(clip.get_frame(4), result.get_frame(4), box)


@pytest.mark.parametrize("fmt", [vs.GRAY8, vs.GRAY10, vs.GRAY16, vs.GRAY32, vs.GRAYH, vs.GRAYS, vs.YUV420P8])
def test_a_mask_of_any_depth_or_of_the_clips_format_is_the_same_mask(fmt):
    clip = moving(length=5)
    expected = vs.core.osdclean.Inpaint(clip, masking(), **SMALL).get_frame(3)
    result = vs.core.osdclean.Inpaint(clip, masking(fmt), **SMALL).get_frame(3)
    assert [p.tobytes() for p in planes(result)] == [p.tobytes() for p in planes(expected)]


@pytest.mark.parametrize(
    "name", ["GrayP8", "YUV420P8", "YUV411P10", "YUV444PS", "YUV420PH", "RGBP8", "RGBPS"]
)
def test_show_tints_the_hole_and_nothing_else(name):
    clip = moving(formats()[name], length=3)
    result = vs.core.osdclean.Inpaint(clip, masking(), show=1)
    source, shown = clip.get_frame(1), result.get_frame(1)
    assert dict(shown.props) == dict(source.props)
    changed = False
    for p, (before, after) in enumerate(zip(planes(source), planes(shown), strict=True)):
        keep = outside(source.format, p, before.shape)
        assert before[keep].tobytes() == after[keep].tobytes()
        changed |= before.tobytes() != after.tobytes()
    assert changed


def test_show_makes_the_hole_red():
    clip = moving(vs.RGB24, length=1)
    red, green, blue = planes(vs.core.osdclean.Inpaint(clip, masking(), show=1).get_frame(0))
    top, bottom, left, right = BOX
    inside = np.s_[top:bottom, left:right]
    assert red[inside].min() > 2 * max(green[inside].max(), blue[inside].max())


def test_show_grows_the_hole_as_the_filling_does():
    clip = moving(vs.GRAY8, length=1)
    top, bottom, left, right = BOX

    def tinted(grow):
        before, after = (
            clip.get_frame(0),
            vs.core.osdclean.Inpaint(clip, masking(), show=1, grow=grow).get_frame(0),
        )
        return int((planes(before)[0] != planes(after)[0]).sum())

    assert tinted(0) == (bottom - top) * (right - left)
    assert tinted(3) > tinted(0)
