"""Each failure: one line that names it and how to mend it, status not 0, nothing half-written or running."""

import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time

import pytest
from osdclean.engine.cli import frameserver

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("ffmpeg", "ffprobe", "x265"))), reason="needs ffmpeg and x265"
)


def command(scripts, footage, out):
    """The command line as a process of its own, with other scripts."""
    code = "import sys; from pathlib import Path; from osdclean.engine.cli import frameserver, main\n"
    code += (
        "folder = Path(sys.argv[1]); frameserver.scripts = lambda: folder; sys.exit(main.main(sys.argv[2:]))"
    )
    words = [sys.executable, "-c", code, scripts, "clean", footage.video, out, "--mask", footage.mask]
    return [str(word) for word in words]


@pytest.fixture
def fails(footage, tmp_path, osdclean):
    """Run `clean` with other arguments, check what all failures have in common, return the line."""

    def run(*words, video=footage.video, mask=footage.mask, out=None):
        folder = tmp_path / "out"
        folder.mkdir(exist_ok=True)
        ended = osdclean("clean", video, out or folder / "out.mkv", "--mask", mask, *words)
        assert ended.status == 1, ended.said
        lines = ended.said.strip().splitlines()
        assert len(lines) == 1, lines
        assert lines[0].startswith("osdclean: ")
        assert "Traceback" not in lines[0]
        assert list(folder.iterdir()) == []
        return lines[0]

    return run


def test_input_that_is_not_there(fails, tmp_path):
    assert "input nowhere.mp4 does not exist; check its name" in fails(video="nowhere.mp4")
    assert "is a folder; give a file" in fails(video=tmp_path)


def test_input_that_is_empty(fails, tmp_path):
    (tmp_path / "empty.mp4").touch()
    assert "empty.mp4 is empty" in fails(video=tmp_path / "empty.mp4")


def test_input_that_is_no_video(fails, tmp_path):
    (tmp_path / "text.mp4").write_text("this is no video" * 100)
    assert "Is " in fails(video=tmp_path / "text.mp4")
    sound = tmp_path / "sound.wav"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=0.1", sound], check=True)
    assert "has no video (it holds: audio); give a video file" in fails(video=sound)


def test_mask_that_is_not_there_or_no_mask(fails, tmp_path):
    assert "mask gone.png does not exist; check its name" in fails(mask="gone.png")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG no more")
    assert "mask is no picture that OpenCV can read" in fails(mask=broken)
    (tmp_path / "text.mkv").write_text("this is no video" * 100)
    assert "mask" in fails(mask=tmp_path / "text.mkv")


def test_mask_of_another_size(fails, tmp_path):
    other = tmp_path / "other.png"
    words = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=white:s=128x64", "-frames:v", "1", other]
    subprocess.run(words, check=True)
    assert "mask must have the clip's dimensions, passed 128x64 and 96x64" in fails(mask=other)


def test_output_that_cannot_be(fails, footage, tmp_path):
    assert "does not exist; make it first" in fails(out=tmp_path / "gone" / "out.mkv")
    assert "must end in .mkv" in fails(out=tmp_path / "out.avi")
    assert "is the input itself" in fails("--overwrite", out=footage.video)
    assert "cannot hold ffv1" in fails("--encoder", "ffv1", out=tmp_path / "out.mp4")
    if os.path.isdir("/proc/self"):
        assert "cannot write to the output folder /proc" in fails(out="/proc/out.mkv")


def test_arguments_that_the_node_refuses(fails):
    assert "grow must be 0 to 64, passed 900" in fails("--grow", 900)
    assert "no file gone.safetensors" in fails("--model", "gone.safetensors")


def test_reason_of_the_node_is_passed_on(fails, tmp_path):
    weights = tmp_path / "broken.safetensors"
    weights.write_bytes(b"no weights")
    if "broken" not in (line := fails("--model", weights)):
        assert "Inpaint" in line


@pytest.mark.usefixtures("light")
def test_arguments_that_the_encoder_refuses(fails):
    assert "x265: unrecognized option '--nonsense'. Check the encoder's arguments" in fails(
        "--", "--nonsense"
    )


@pytest.mark.usefixtures("light")
def test_arguments_on_which_the_encoder_hangs(fails):
    # more B-frames than the preset looks ahead: some builds of x265 say so, and never end
    assert "x265" in fails("--preset", "ultrafast", "--", "--bframes", "5")


def test_encoder_that_is_missing(fails, monkeypatch, tmp_path):
    for name in ("ffmpeg", "ffprobe"):
        (tmp_path / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "x265 was not found on PATH; install it (Debian, Ubuntu: sudo apt install x265)" in fails()


def stand_in(folder, name, script):
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "head -c 5000 >/dev/null; echo 'x265 [error]: bad day' >&2; exit 3",
            "x265 failed (exit status 3): x265 [err",
        ),
        ("head -c 5000 >/dev/null; kill -9 $$", "x265 was killed by SIGKILL"),
        ("cat >/dev/null", "x265 wrote nothing; check the encoder's arguments"),
        ("exit 0", "x265 ended before all frames were written"),
    ],
)
def test_encoder_that_dies(fails, monkeypatch, tmp_path, script, said):
    stand_in(tmp_path, "x265", script)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert said in fails()


@pytest.mark.usefixtures("light")
def test_encoder_that_leaves_frames_out(fails):
    assert "x265 wrote 30 of 41 frames" in fails("--", "--seek", "11")


def test_source_that_breaks_in_mid_clip(fails, monkeypatch, tmp_path):
    """A script whose source fails at frame 30, as damaged files do, in place of the usual one."""
    scripts = tmp_path / "scripts"
    shutil.copytree(frameserver.scripts(), scripts)
    script = (scripts / "clean.vpy").read_text()
    broken = """
def fail(n, f):
    if n == 30:
        raise ValueError("frame 30 is damaged")
    return f
source = source.std.ModifyFrame(source, fail)
holes ="""
    (scripts / "clean.vpy").write_text(script.replace("\nholes =", broken))
    monkeypatch.setattr(frameserver, "scripts", lambda: scripts)
    assert "frame 30 is damaged" in fails("--lookahead", 0, "--period", 4)


@pytest.mark.usefixtures("light")
def test_input_that_is_cut_short_is_cleaned_as_far_as_it_goes(footage, tmp_path, osdclean, times):
    part, out = tmp_path / "part.mkv", tmp_path / "out.mkv"
    data = footage.video.read_bytes()
    part.write_bytes(data[: len(data) // 2])
    ended = osdclean("clean", part, out, "--mask", footage.mask, "--encoder", "ffv1")
    assert ended.status == 0, ended.said
    assert 1 < len(times(out, "v")) < footage.frames


def limited(kilobytes):
    resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes << 10, kilobytes << 10))


@pytest.mark.parametrize("kilobytes", [8, 24])
def test_full_disk(light_scripts, footage, tmp_path, kilobytes):
    """At 8 KiB the coded picture does not fit; at 24 the picture does, the whole file with sound does not."""
    out = tmp_path / "out"
    out.mkdir()
    ended = subprocess.run(
        command(light_scripts, footage, out / "out.mkv"),
        preexec_fn=lambda: limited(kilobytes),
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1, ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    assert "File too large" in ended.stderr or "limit of file size" in ended.stderr
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt_ends_everything(light_scripts, footage, tmp_path, number, status):
    # an encoder that never ends, and tells who it is
    told = tmp_path / "pid"
    stand_in(
        tmp_path, "x265", f"echo $$ > '{told}.new'; mv '{told}.new' '{told}'; cat >/dev/null; exec sleep 600"
    )
    out = tmp_path / "out"
    out.mkdir()
    process = subprocess.Popen(
        command(light_scripts, footage, out / "out.mkv"),
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        stderr=subprocess.PIPE,
        text=True,
        # Who runs the tests in the background of a shell has Ctrl-C ignored, and so have all that it starts.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    try:
        deadline = time.monotonic() + 60
        while not told.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        encoder = int(told.read_text())
        process.send_signal(number)
        assert process.wait(20) == status
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.stderr.close()
    assert list(out.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(encoder, 0)
