"""Order of display of x265's frames, against what ffmpeg decodes."""

import shutil
import subprocess

import pytest
from osdclean.engine.cli import hevc
from osdclean.engine.cli.failure import CommandError

needs_x265 = pytest.mark.skipif(
    not (shutil.which("x265") and shutil.which("ffmpeg")), reason="no x265 or ffmpeg"
)
FRAMES = 40


def encoded(tmp_path, *words):
    raw, out = tmp_path / "in.y4m", tmp_path / "out.hevc"
    scene = f"testsrc2=s=96x64:r=25,trim=end_frame={FRAMES}"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", scene, "-pix_fmt", "yuv420p", raw], check=True
    )
    subprocess.run(["x265", "--log-level", "error", "--y4m", raw, *words, "-o", out], check=True)
    return out.read_bytes()


@needs_x265
@pytest.mark.parametrize(
    "words",
    [
        ("--bframes", "0"),
        ("--bframes", "8", "--b-adapt", "0"),
        ("--bframes", "4", "--open-gop", "--keyint", "9", "--min-keyint", "9", "--repeat-headers", "--aud"),
        ("--bframes", "3", "--no-open-gop", "--keyint", "7", "--slices", "2", "--temporal-layers"),
        ("--bframes", "3", "--log2-max-poc-lsb", "4", "--no-scenecut"),
    ],
)
def test_every_frame_has_its_place_and_key_frames_are_marked(tmp_path, words):
    data = encoded(tmp_path, *words)
    header, packets = hevc.read_packets(data)
    assert sorted(p.shown for p in packets) == list(range(FRAMES))
    assert b"".join(data[p.offset : p.offset + p.size] for p in packets) == data
    assert data.startswith(header[:4])
    assert packets[0].key
    # ffmpeg tells the size of each decoded frame, in order of display
    file = tmp_path / "again.hevc"
    file.write_bytes(data)
    told = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "frame=pkt_size,key_frame", "-of", "csv=p=0", file],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    sizes = [int(line.split(",")[1]) for line in told if line.strip(",")]
    ours = [p.size for p in sorted(packets, key=lambda p: p.shown)]
    assert len(sizes) == len(ours)
    # ffmpeg counts the zero byte before a start code to the frame before it
    assert all(abs(a - b) <= 1 for a, b in zip(sizes, ours, strict=True))


def test_no_stream_has_no_frames():
    assert hevc.read_packets(b"this is no stream at all") == (b"", [])


def test_slice_without_its_parameters_is_told():
    with pytest.raises(CommandError, match="no HEVC stream"):
        hevc.read_packets(b"\x00\x00\x01\x26\x01\xaf\x12\x34\x56\x78")


@pytest.mark.parametrize(("low", "anchor", "order"), [(1, 15, 17), (14, 17, 14), (3, 0, 3), (15, 0, -1)])
def test_order_counts_past_its_span(low, anchor, order):
    assert hevc._unwrapped(low, 16, anchor) == order
