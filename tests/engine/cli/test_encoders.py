"""Formats handed to the encoders, and the tags they are told."""

import pytest
from osdclean.engine.cli.encoders import ENCODERS, picture_of
from osdclean.engine.cli.failure import CommandError
from osdclean.engine.cli.frameserver import Clip

HDR = {
    "_Matrix": 9,
    "_Transfer": 16,
    "_Primaries": 9,
    "_Range": 0,
    "_ChromaLocation": 2,
    "_SARNum": 4,
    "_SARDen": 3,
    "MasteringDisplayPrimariesX": [0.68, 0.265, 0.15],
    "MasteringDisplayPrimariesY": [0.32, 0.69, 0.06],
    "MasteringDisplayWhitePointX": 0.3127,
    "MasteringDisplayWhitePointY": 0.329,
    "MasteringDisplayMaxLuminance": 1000,
    "MasteringDisplayMinLuminance": 1e-4,
    "ContentLightLevelMax": 1000,
    "ContentLightLevelAverage": 400,
}


def clip(format="YUV420P10", **props):
    return Clip(
        width=96,
        height=64,
        frames=3,
        format=format,
        fps=(25, 1),
        timebase=(1, 1000),
        times=(0, 1, 2),
        props=props,
    )


@pytest.fixture(autouse=True)
def _programs(monkeypatch):
    monkeypatch.setattr("osdclean.engine.cli.encoders.find", lambda name: f"/bin/{name}")


@pytest.mark.parametrize(
    ("encoder", "format", "handed"),
    [
        ("x265", "YUV420P8", "YUV420P8"),
        ("x265", "YUV420P9", "YUV420P10"),
        ("x265", "YUV422P16", "YUV422P12"),
        ("x265", "RGB24", "YUV444P10"),
        ("x265", "RGBS", "YUV444P12"),
        ("x265", "GRAY16", "YUV420P12"),
        ("x265", "YUV440P8", "YUV444P8"),
        ("x264", "YUV411P8", "YUV422P8"),
        ("x264", "YUV420P12", "YUV420P10"),
        ("ffv1", "GRAY16", "GRAY16"),
        ("ffv1", "YUV444PS", "YUV444P16"),
    ],
)
def test_format_is_the_clips_own_or_the_nearest_that_the_encoder_takes(encoder, format, handed):
    assert ENCODERS[encoder].format_for(format) == handed


def command(encoder, clip, rest=(), preset=None, crf=None):
    return " ".join(ENCODERS[encoder].stage(clip, picture_of(clip), 10, preset, crf, rest).command)


def test_x265_is_told_colour_shape_and_light():
    words = command("x265", clip(**HDR))
    for part in (
        "--sar 4:3",
        "--colormatrix bt2020nc --transfer smpte2084 --colorprim bt2020 --range limited --chromaloc 2",
        "--master-display G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)",
        "--max-cll 1000,400",
        "--hdr10",
        "-D 10",
    ):
        assert part in words


def test_x264_is_told_the_same_in_its_own_words():
    words = command("x264", clip(**HDR))
    assert "--range tv" in words
    assert "--mastering-display G(13250,34500)" in words
    assert "--cll 1000,400" in words
    assert "--output-csp i422" in command("x264", clip("YUV422P10"))


def test_what_is_unknown_is_not_told():
    for encoder in ("x265", "x264"):
        words = command(encoder, clip(_Matrix=2))
        assert "--color" not in words
        assert "--range" not in words
        assert "hdr10" not in words


@pytest.mark.parametrize("encoder", ["x265", "x264"])
def test_the_users_arguments_come_last_and_so_win(encoder):
    words = command(encoder, clip(), ["--preset", "slow"], "fast", 30)
    assert "--preset fast --crf 30" in words
    assert words.index("--preset slow") > words.index("--preset fast")


def test_ffv1_refuses_what_it_does_not_know():
    with pytest.raises(CommandError, match="lossless"):
        command("ffv1", clip(), crf=20)


def test_clip_turned_from_rgb_is_tagged_as_what_it_became():
    picture = picture_of(clip("RGB24", _Matrix=0, _Range=1))
    assert (picture.matrix, picture.full_range) == (1, False)
