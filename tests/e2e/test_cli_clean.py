"""`osdclean clean`: what comes out has all that went in, but for what the mask covers."""

import shutil
import subprocess

import numpy as np
import pytest
from osdclean.engine.cli.main import main

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("ffmpeg", "ffprobe", "x265", "x264"))), reason="needs ffmpeg, x265 and x264"
)


def luma(file):
    words = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        file,
        "-fps_mode",
        "passthrough",
        "-pix_fmt",
        "gray",
        "-f",
        "rawvideo",
        "-",
    ]
    data = subprocess.run(words, check=True, capture_output=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, 64, 96).astype(int)


@pytest.fixture(scope="module")
def cleaned(footage, tmp_path_factory):
    """The footage, cleaned without loss."""
    out = tmp_path_factory.mktemp("out") / "clean it.mkv"
    words = ["clean", footage.video, out, "--mask", footage.mask, "--encoder", "ffv1", "--grow", 2, "--quiet"]
    assert main([str(word) for word in words]) == 0
    return out


def test_only_the_mask_and_its_growth_are_changed(footage, cleaned):
    changed = (luma(footage.video) != luma(cleaned)).any(axis=0)
    y, x = np.nonzero(changed)
    assert 18 <= y.min() < 24
    assert 28 < y.max() < 34
    assert 28 <= x.min() < 34
    assert 50 < x.max() < 56


def test_nothing_but_the_output_is_left(cleaned):
    assert [file.name for file in cleaned.parent.iterdir()] == ["clean it.mkv"]


@pytest.mark.parametrize("stream", ["v", "a", "s"])
def test_times_are_kept(footage, cleaned, times, stream):
    before = times(footage.video, stream)
    assert before
    assert times(cleaned, stream) == before


def test_streams_names_and_chapters_are_kept(cleaned, probe):
    kinds = probe(cleaned, "-show_entries", "stream=codec_type,codec_name")
    assert kinds == ["ffv1,video", "aac,audio", "subrip,subtitle", "unknown,attachment"]
    assert probe(cleaned, "-show_entries", "format_tags=title") == ["A", "flight"]
    assert probe(cleaned, "-show_entries", "chapter=start_time,end_time") == ["0.000000,0.500000"]
    assert "deu" in probe(cleaned, "-select_streams", "a", "-show_entries", "stream_tags=language")


TAGS = "stream=sample_aspect_ratio,color_range,color_space,color_transfer,color_primaries"


@pytest.mark.parametrize(
    ("encoder", "suffix", "codec"),
    [("x265", "mkv", "hevc"), ("x265", "mp4", "hevc"), ("x264", "mp4", "h264")],
)
def test_each_encoder_keeps_times_and_tags(footage, tmp_path, osdclean, times, probe, encoder, suffix, codec):
    out = tmp_path / f"out.{suffix}"
    ended = osdclean(
        *("clean", footage.video, out, "--mask", footage.mask, "--encoder", encoder, "--crf", 10),
        *("--preset", "ultrafast", "--", "--bframes", "3"),
    )
    assert ended.status == 0, ended.said
    assert f"{footage.frames} frames in" in ended.said
    select = ("-select_streams", "v:0", "-show_entries")
    assert probe(out, *select, TAGS) == probe(footage.video, *select, TAGS)
    assert probe(out, *select, "stream=codec_name") == [codec]
    # mp4 begins at the first stream's start, so that its times may all be shifted alike
    before, after = (np.array(times(file, "v")) for file in (footage.video, out))
    sound = times(footage.video, "a")[0] - times(out, "a")[0]
    assert np.abs(before - after - sound).max() < 2e-4
    subprocess.run(["ffmpeg", "-v", "error", "-xerror", "-i", out, "-f", "null", "-"], check=True)
    outside = np.abs(luma(footage.video) - luma(out))[:, :, 60:]
    assert outside.mean() < 6


def test_masks_that_change_are_followed(footage, tmp_path, osdclean):
    out = tmp_path / "out.mkv"
    ended = osdclean("clean", footage.video, out, "--mask", footage.masks, "--encoder", "ffv1")
    assert ended.status == 0, ended.said
    changed = (luma(footage.video) != luma(out)).any(axis=(1, 2))
    assert changed[:20].any()
    assert not changed[20:].any()


def test_hdr_tags_are_kept(tmp_path, osdclean, footage, probe):
    hdr, out = tmp_path / "hdr.mkv", tmp_path / "out.mkv"
    light = "hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    light += ":max-cll=1000,400:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:chromaloc=2"
    words = [
        "ffmpeg",
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=96x64:r=24:d=0.25",
        "-pix_fmt",
        "yuv420p10le",
    ]
    subprocess.run([*words, "-c:v", "libx265", "-x265-params", f"log-level=error:{light}", hdr], check=True)
    ended = osdclean("clean", hdr, out, "--mask", footage.mask)
    assert ended.status == 0, ended.said
    entries = (
        "frame=pix_fmt,color_space,color_transfer,color_primaries,chroma_location:frame_side_data=red_x,"
    )
    entries += "green_y,white_point_x,max_luminance,min_luminance,max_content,max_average"
    frame = ("-read_intervals", "%+#1", "-show_entries", entries)
    assert probe(out, *frame) == probe(hdr, *frame)
    assert "yuv420p10le" in probe(out, *frame)[0]


def test_existing_output_is_replaced_only_when_told(footage, tmp_path, osdclean):
    out = tmp_path / "out.mkv"
    out.write_text("old")
    words = ("clean", footage.video, out, "--mask", footage.mask, "--encoder", "ffv1")
    ended = osdclean(*words)
    assert ended.status == 1
    assert "--overwrite" in ended.said
    assert out.read_text() == "old"
    assert osdclean(*words, "--overwrite").status == 0
    assert out.stat().st_size > 1000


def test_clip_lying_on_its_side_comes_out_upright(footage, tmp_path, osdclean, probe):
    turned, out, mask = tmp_path / "turned.mp4", tmp_path / "out.mp4", tmp_path / "mask.png"
    words = ["ffmpeg", "-v", "error", "-i", footage.video, "-map", "0:v", "-c", "copy"]
    subprocess.run([*words, "-metadata:s:v", "rotate=90", turned], check=True)
    if "90" not in "".join(probe(turned, "-show_entries", "stream_side_data=rotation")):
        pytest.skip("this ffmpeg marks rotation in another way")
    subprocess.run(["ffmpeg", "-v", "error", "-i", footage.mask, "-vf", "transpose", mask], check=True)
    ended = osdclean("clean", turned, out, "--mask", mask, "--preset", "ultrafast")
    assert ended.status == 0, ended.said
    shape = "stream=width,height,sample_aspect_ratio:stream_side_data=rotation"
    assert probe(out, "-select_streams", "v", "-show_entries", shape) == ["64,96,3:4"]
