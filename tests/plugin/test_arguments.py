"""Bad arguments: one line that names the function, the rule and both values; the host lives on."""

import pytest
import vapoursynth as vs
from clips import masking, moving


def inpaint(clip=None, mask=None, **arguments):
    return vs.core.osdclean.Inpaint(clip or moving(), mask or masking(), **arguments)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"grow": -1}, "Inpaint: grow must be 0 to 64, passed -1"),
        ({"grow": 1 << 40}, "Inpaint: grow must be 0 to 64, passed 1099511627776"),
        ({"period": 0}, "Inpaint: period must be 1 to 1000, passed 0"),
        ({"warmup": 501}, "Inpaint: warmup must be 0 to 500, passed 501"),
        ({"lookahead": -5}, "Inpaint: lookahead must be 0 to 500, passed -5"),
        ({"sc_threshold": 1.5}, "Inpaint: sc_threshold must be 0.0 to 1.0, passed 1.5"),
        ({"sc_threshold": float("nan")}, "Inpaint: sc_threshold must be 0.0 to 1.0, passed nan"),
        ({"precision": "fp8"}, "Inpaint: precision must be one of auto, fp32, bf16, fp16, passed fp8"),
        ({"show": 2}, "Inpaint: show must be 0 or 1, passed 2"),
        ({"cache": 0}, "Inpaint: cache must be 1 to 1000, passed 0"),
    ],
)
@pytest.mark.parametrize("show", [0, 1])
def test_ranges(arguments, line, show):
    with pytest.raises(vs.Error) as error:
        inpaint(**({"show": show} | arguments))
    assert str(error.value) == line


def test_a_mask_of_another_size():
    with pytest.raises(vs.Error) as error:
        inpaint(moving(vs.YUV420P10), masking(vs.GRAYS, width=80))
    assert str(error.value) == (
        "Inpaint: mask must be Gray with the clip's dimensions, or of the clip's own format, "
        "passed GrayS[80x64] and YUV420P10[96x64]"
    )


def test_a_mask_of_another_format():
    with pytest.raises(vs.Error, match=r"passed RGB24\[96x64\] and YUV420P8\[96x64\]"):
        inpaint(mask=masking(vs.RGB24))


@pytest.mark.parametrize("which", ["clip", "mask"])
@pytest.mark.parametrize("change", [{"width": 80}, {"format": vs.GRAY16}])
def test_clips_that_vary(which, change):
    plain = {"width": 96, "height": 64, "format": vs.GRAY8, "length": 2}
    varying = vs.core.std.Splice(
        [vs.core.std.BlankClip(**plain), vs.core.std.BlankClip(**plain | change)], mismatch=1
    )
    with pytest.raises(vs.Error) as error:
        inpaint(**{which: varying})
    assert str(error.value) == "Inpaint: only clips with constant format and dimensions are accepted"


def test_clips_that_are_too_small():
    with pytest.raises(vs.Error) as error:
        inpaint(moving(vs.GRAY8, 14, 32), masking(width=14, height=32))
    assert str(error.value) == "Inpaint: clip must be at least 16x16, passed 14x32"


@pytest.mark.parametrize(("fmt", "passed"), [(vs.GRAY32, "32 bit integer")])
def test_depths_that_no_network_reads(fmt, passed):
    clip = vs.core.std.BlankClip(width=96, height=64, format=fmt, length=2)
    with pytest.raises(vs.Error, match=rf"^Inpaint: only 8 to 16 bit integer, .* passed {passed}$"):
        inpaint(clip)


def test_chroma_that_is_reduced_too_much():
    fmt = vs.core.query_video_format(vs.YUV, vs.INTEGER, 8, 3, 0)
    clip = vs.core.std.BlankClip(width=96, height=64, format=fmt.id, length=2)
    with pytest.raises(vs.Error, match=r"^Inpaint: chroma may be reduced to a quarter"):
        inpaint(clip)


def test_a_model_that_is_not_there(tmp_path):
    path = tmp_path / "großes gewicht.safetensors"
    with pytest.raises(vs.Error, match=rf"^Inpaint: .*{path.name}"):
        inpaint(model=str(path), device="cpu").get_frame(0)


def test_a_device_that_is_not_there():
    with pytest.raises(vs.Error, match=r"^Inpaint: .*cuda:9"):
        inpaint(device="cuda:9").get_frame(0)


def test_the_version_is_the_packages():
    from importlib.metadata import version

    assert vs.core.osdclean.Version() == version("vapoursynth-osdclean")


def test_the_signature_of_the_documentation():
    assert vs.core.osdclean.Inpaint.signature == (
        "clip:vnode;mask:vnode;model:data:opt;device:data:opt;precision:data:opt;grow:int:opt;"
        "period:int:opt;warmup:int:opt;lookahead:int:opt;sc_threshold:float:opt;show:int:opt;cache:int:opt;"
        "backend:data:opt;"
    )
