"""What goes along with the picture, by container."""

from pathlib import Path

import pytest
from osdclean.engine.cli import muxing
from osdclean.engine.cli.failure import CommandError
from osdclean.engine.cli.frameserver import Clip
from osdclean.engine.cli.media import Media, Stream


def media(*streams):
    held = [Stream(index=0, kind="video", codec="h264", picture=False)]
    for kind, codec in streams:
        picture = kind == "cover"
        held.append(Stream(index=len(held), kind="video" if picture else kind, codec=codec, picture=picture))
    return Media(path=Path("in.mkv"), streams=tuple(held), start=0.5, duration=10)


CLIP = Clip(
    width=96,
    height=64,
    frames=2,
    format="YUV420P8",
    fps=(25, 1),
    timebase=(1, 16000),
    times=(750_000_000, 790_000_000),
    props={},
)


@pytest.fixture(autouse=True)
def _programs(monkeypatch):
    monkeypatch.setattr(muxing, "find", lambda name: name)


def command(held, output, encoder="x265"):
    return " ".join(muxing.mux_stage(held, CLIP, Path(output), encoder).command)


def test_matroska_takes_every_stream_as_it_is():
    words = command(
        media(
            ("audio", "flac"), ("subtitle", "ass"), ("attachment", "ttf"), ("cover", "mjpeg"), ("data", "bin")
        ),
        "out.mkv",
    )
    for index, option in enumerate(("a:0", "s:0", "t:0", "v:1"), 1):
        assert f"-map 1:{index} -c:{option} copy -map_metadata:s:{option} 1:s:{index}" in words
    assert "-disposition:v:1 attached_pic" in words
    assert "-map 1:5" not in words


def test_subtitles_become_what_the_container_holds():
    assert "-c:s:0 mov_text" in command(media(("subtitle", "subrip")), "out.mp4")
    assert "-c:s:0 copy" in command(media(("subtitle", "mov_text")), "out.mp4")
    assert "-c:s:0 srt" in command(media(("subtitle", "mov_text")), "out.mkv")


def test_lead_of_the_picture_is_given_back():
    assert "-itsoffset 0.250000000 " in command(media(), "out.mkv")


@pytest.mark.parametrize(
    ("timebase", "ticks"), [((1, 16000), 16000), ((1, 1000), 10000), ((1001, 30000), 90000), ((1, 25), 10000)]
)
def test_ticks_hold_every_time(timebase, ticks):
    assert muxing._timescale(*timebase) == ticks


@pytest.mark.parametrize(
    ("output", "streams", "encoder", "said"),
    [
        ("out.avi", (), "x265", "must end in"),
        ("out.mp4", (), "ffv1", "cannot hold ffv1"),
        (
            "out.mp4",
            (("subtitle", "hdmv_pgs_subtitle"),),
            "x265",
            "hdmv_pgs_subtitle subtitles; name the output .mkv",
        ),
    ],
)
def test_container_that_cannot_hold_it_is_refused(output, streams, encoder, said):
    with pytest.raises(CommandError, match=said):
        muxing.check_container(Path(output), media(*streams), encoder)
