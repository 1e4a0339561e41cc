"""Several videos in one command: each whole or not there, whatever happens to one of them or to the machine."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from osdclean.engine.cli import encoders
from osdclean.engine.cli.workspace import Workspace

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("ffmpeg", "ffprobe", "x265", "x264"))), reason="needs ffmpeg, x265 and x264"
)


def names(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


@pytest.fixture
def flights(footage, tmp_path):
    """A folder of two flights and one that was never copied to its end."""
    folder = tmp_path / "my flights"
    (folder / "goggles").mkdir(parents=True)
    for name in ("b.mkv", "goggles/c.mkv"):
        shutil.copyfile(footage.video, folder / name)
    (folder / "a.mkv").touch()
    return folder


@pytest.mark.usefixtures("light")
def test_folder_is_cleaned_but_for_what_is_broken(flights, footage, tmp_path, osdclean, times, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flights, out = Path(flights.name), Path("out")
    words = ("clean", flights, f"{out}/", "--recursive", "--mask", footage.mask, "--preset", "ultrafast")
    ended = osdclean(*words)
    assert ended.status == 3
    assert "osdclean: 1/3 a.mkv: input" in ended.said
    assert "2 done, 1 failed in" in ended.said
    assert names(out) == ["b.mkv", "goggles/c.mkv"]
    assert times(out / "b.mkv", "v") == times(flights / "b.mkv", "v")
    assert (out / "b.mkv").read_bytes()[:4] == (flights / "b.mkv").read_bytes()[:4]
    # Mended, the rest is done, and only the rest.
    shutil.copyfile(footage.video, flights / "a.mkv")
    before = (out / "b.mkv").stat()
    ended = osdclean(*words)
    assert ended.status == 0, ended.said
    assert "1 done, 2 skipped in" in ended.said
    assert names(out) == ["a.mkv", "b.mkv", "goggles/c.mkv"]
    assert (out / "b.mkv").stat() == before


def test_settings_file_gives_what_the_options_give(flights, footage, tmp_path, osdclean):
    shutil.copyfile(footage.mask, flights / "mask.png")
    (flights / "osdclean.toml").write_text(
        'encoder = "x264"\ncrf = 0\n[[camera]]\nmatch = "b*"\nmask = "mask.png"\ngrow = 0\nencoder = "ffv1"\n'
    )
    video, outs = flights / "b.mkv", [tmp_path / name for name in ("file.mkv", "words.mkv", "other.mkv")]
    assert osdclean("clean", video, outs[0]).status == 0
    words = ("--mask", footage.mask, "--encoder", "ffv1", "--no-settings")
    assert osdclean("clean", video, outs[1], *words, "--grow", 0).status == 0
    assert osdclean("clean", video, outs[2], *words).status == 0
    hashes = []
    for out in outs:
        command = ["ffmpeg", "-v", "error", "-i", out, "-map", "0:v", "-c", "copy", "-f", "framemd5", "-"]
        hashes.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert hashes[0] == hashes[1]
    assert hashes[0] != hashes[2]


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize("encoder", ["x265", "x264"])
def test_dry_run_tells_the_very_words_of_the_encoder_and_does_nothing(
    flights, footage, tmp_path, osdclean, monkeypatch, encoder
):
    (flights / "osdclean.toml").write_text('preset = "ultrafast"\ncrf = 33\n')
    out = tmp_path / "out"
    (out / "goggles").mkdir(parents=True)
    (out / "goggles" / "c.mkv").write_text("there")
    before = names(tmp_path)
    words = ["clean", flights, out, "--recursive", "--mask", footage.mask, "--crf", 30]
    words += ["--encoder", encoder] if encoder != "x265" else []
    rest = ["--", "--keyint", 7]
    ended = osdclean(*words, "--dry-run", *rest)
    assert ended.status == 3
    assert "b.mkv: clean\n" in ended.said
    assert f"c.mkv: skip, {out / 'goggles' / 'c.mkv'} exists (--overwrite replaces it)" in ended.said
    assert "a.mkv: refuse, input" in ended.said
    assert "would clean 1, skip 1, refuse 1; nothing was done" in ended.said
    told = json.loads(osdclean(*words, "--dry-run", "--json", *rest).said)
    assert names(tmp_path) == before
    options = told["files"][1]["options"]
    assert options["crf"] == {"value": 30, "from": "command line"}
    assert options.get("preset") == (
        {"value": "ultrafast", "from": str(flights / "osdclean.toml")} if encoder == "x265" else None
    )

    called, stage = [], encoders.Encoder.stage

    def noted(*given):
        made = stage(*given)
        called.append(list(made.command))
        return made

    monkeypatch.setattr(encoders.Encoder, "stage", noted)
    assert osdclean(*words, *rest).status == 3
    assert [told["files"][1]["encoder"]] == called
    assert "--keyint" in called[0]


def test_dry_run_of_one_refuses_as_the_run_would(flights, footage, tmp_path, osdclean):
    out = tmp_path / "out.mkv"
    out.touch()
    good, broken = flights / "b.mkv", flights / "a.mkv"
    for words in ((good, out), (good, tmp_path / "gone" / "x.mkv"), (broken, "x.mkv")):
        said = [osdclean("clean", *words, "--mask", footage.mask, *dry) for dry in ([], ["--dry-run"])]
        assert [ended.status for ended in said] == [1, 1]
        assert said[0] == said[1]


def test_settings_file_that_is_wrong_ends_the_batch_before_it_begins(flights, footage, tmp_path, osdclean):
    (flights / "goggles" / "osdclean.toml").write_text('crf = "good"')
    ended = osdclean("clean", flights, f"{tmp_path}/out/", "--recursive", "--mask", footage.mask)
    assert ended.status == 1
    assert ended.said == (
        f"osdclean: settings file {flights / 'goggles' / 'osdclean.toml'}: crf must be a number, passed 'good'\n"
    )
    assert not (tmp_path / "out").exists()


def test_mask_and_preview_read_the_settings_file_too(flights, tmp_path, osdclean, probe):
    file = flights / "osdclean.toml"
    file.write_text('kind = "ods"')
    for words in (("mask", flights / "b.mkv", "-o", tmp_path / "m.mkv"), ("preview", flights / "b.mkv")):
        ended = osdclean(*words)
        assert ended.status == 1
        assert ended.said.startswith(f"osdclean: settings file {file}: kind must be one of osd, logo")
    file.write_text('kind = "white"\ngrow = 9\n')
    told = json.loads(osdclean("mask", flights / "b.mkv", "-o", tmp_path / "m.mkv", "--dry-run", "--json").said)
    assert told["files"][0]["hole"] == {"kind": "white"}  # grow is Inpaint's
    assert told["files"][0]["options"] == {"kind": {"value": "white", "from": str(file)}}


def test_masks_of_several_videos(flights, tmp_path, osdclean, probe):
    out = tmp_path / "masks"
    ended = osdclean("mask", flights / "b.mkv", "--kind", "white", "-o", f"{out}/", flights / "goggles", "--json")
    assert ended.status == 0, ended.said
    assert names(out) == ["b.mkv", "c.mkv"]
    assert probe(out / "c.mkv", "-show_entries", "stream=codec_name,pix_fmt") == ["ffv1,gray"]
    words = ("mask", flights / "b.mkv", flights / "goggles", "-o", out)
    ended = osdclean(*words, "--container", "png", "--dry-run", "--json")
    assert [file["output"] for file in json.loads(ended.said)["files"]] == [str(out / "b.png"), str(out / "c.png")]


def test_second_run_with_the_same_output_is_refused(flights, footage, tmp_path, osdclean):
    out = tmp_path / "out.mkv"
    with Workspace(out, overwrite=False):
        ended = osdclean("clean", flights / "b.mkv", out, "--mask", footage.mask)
    assert ended.status == 1
    assert ended.said == (
        f"osdclean: another run of osdclean is writing {out}; wait for it to end, or give another name\n"
    )


def apart(scripts, *words):
    """The command line as a process of its own, with other scripts."""
    code = "import sys; from pathlib import Path; from osdclean.engine.cli import frameserver, main\n"
    code += "folder = Path(sys.argv[1]); frameserver.scripts = lambda: folder; sys.exit(main.main(sys.argv[2:]))"
    return [str(word) for word in (sys.executable, "-c", code, scripts, *words)]


def test_interrupt_ends_the_batch_and_keeps_what_is_done(light_scripts, flights, footage, tmp_path):
    shutil.copyfile(footage.video, flights / "a.mkv")
    # an encoder that never ends from the second video on
    fake = tmp_path / "bin" / "x265"
    fake.parent.mkdir()
    real, seen = shutil.which("x265"), tmp_path / "seen"
    fake.write_text(f"#!/bin/sh\n[ -e '{seen}.1' ] || {{ touch '{seen}.1'; exec {real} \"$@\"; }}\n"
                    f"touch '{seen}.2'; cat >/dev/null; exec sleep 600\n")  # fmt: skip
    fake.chmod(0o755)
    out = tmp_path / "out"
    with subprocess.Popen(
        apart(light_scripts, "clean", flights, f"{out}/", "--recursive", "--mask", footage.mask),
        env={**os.environ, "PATH": f"{fake.parent}{os.pathsep}{os.environ['PATH']}"},
        stderr=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:  # fmt: skip
        try:
            deadline = time.monotonic() + 100
            while not Path(f"{seen}.2").exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
            said = process.stderr.read()
        finally:
            process.kill()
    assert "1 done, 1 stopped, 1 not begun in" in said
    assert said.endswith("osdclean: stopped\n")
    assert names(out) == ["a.mkv"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of the size that is asked for, in KiB; asked again, it is made larger."""
    place, mounted = tmp_path / "disk", []
    place.mkdir()

    def sized(kilobytes):
        options = f"size={kilobytes}k" + (",remount" if mounted else "")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True)
        if done.returncode:
            pytest.skip("needs to be allowed to mount a disk")
        mounted.append(place)
        return place

    yield sized
    if mounted:
        subprocess.run(["umount", place], check=True)


@pytest.mark.usefixtures("light")
def test_full_disk_ends_the_batch_with_one_line_and_it_goes_on_when_there_is_room(
    flights, footage, small_disk, osdclean, times
):
    shutil.copyfile(footage.video, flights / "a.mkv")
    words = ("--recursive", "--mask", footage.mask, "--encoder", "x264", "--crf", 0, "--preset", "ultrafast")
    whole = small_disk(20_000)
    assert osdclean("clean", flights / "b.mkv", whole, *words).status == 0
    size = (whole / "b.mkv").stat().st_size >> 10
    (whole / "b.mkv").unlink()
    # room for the first, which is kept in parts before it is joined, and not for the second beside it
    out = small_disk(size * 5 // 2 + 16)
    ended = osdclean("clean", flights, out, *words)
    assert ended.status == 1, ended.said
    assert "1 done, 1 stopped, 1 not begun in" in ended.said
    last = ended.said.strip().splitlines()[-1]
    assert last.startswith("osdclean: ")
    assert "No space left on device" in last or "no space left" in last
    assert names(out) == ["a.mkv"]
    assert os.listdir(out) == ["a.mkv"]
    small_disk(20_000)
    assert osdclean("clean", flights, out, *words).status == 0
    assert names(out) == ["a.mkv", "b.mkv", "goggles/c.mkv"]
    for name in names(out):
        assert len(times(out / name, "v")) == footage.frames
