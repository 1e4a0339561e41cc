"""--dry-run: the formats and words by which a clip is described that nobody has decoded."""

import pytest
from osdclean.engine.cli.batch import plan
from osdclean.engine.cli.media import Stream


@pytest.mark.parametrize(
    ("pixels", "name"),
    [
        ("yuv420p", "YUV420P8"),
        ("yuvj422p", "YUV422P8"),
        ("yuv444p12le", "YUV444P12"),
        ("yuva420p10le", "YUV420P10"),
        ("gray", "GRAY8"),
        ("gray10le", "GRAY10"),
        ("gbrp", "RGB24"),
        ("gbrp10le", "RGB30"),
        ("nv12", "YUV420P8"),
        ("p010le", "YUV420P10"),
        ("bayer_rggb8", None),
        ("", None),
    ],
)
def test_formats_have_the_names_of_vapoursynth(pixels, name):
    assert plan.format_of(pixels) == name


def stream(turned=False, **told):
    return Stream(index=0, kind="video", codec="h264", picture=False, turned=turned, told=told)


def test_clip_is_described_by_what_ffprobe_tells():
    clip = plan.clip_of(
        stream(
            width=96, height=64, pix_fmt="yuv420p10le", sample_aspect_ratio="4:3", avg_frame_rate="30000/1001",
            color_space="bt2020nc", color_transfer="smpte2084", color_primaries="bt2020", color_range="pc",
            chroma_location="topleft",
        )
    )  # fmt: skip
    assert (clip.width, clip.height, clip.format, clip.fps, clip.sar) == (96, 64, "YUV420P10", (30000, 1001), (4, 3))
    assert clip.props == {
        "_Matrix": 9, "_Transfer": 16, "_Primaries": 9, "_Range": 1, "_ChromaLocation": 2, "_SARNum": 4, "_SARDen": 3,
    }  # fmt: skip


def test_what_a_file_does_not_say_is_left_open_and_a_turned_clip_stands():
    clip = plan.clip_of(stream(turned=True, width=96, height=64, pix_fmt="yuv420p", sample_aspect_ratio="N/A"))
    assert (clip.width, clip.height, clip.sar) == (64, 96, (1, 1))
    assert clip.props == {"_Matrix": 2, "_Transfer": 2, "_Primaries": 2}
    assert plan.clip_of(stream(pix_fmt="bayer_rggb8")) is None
