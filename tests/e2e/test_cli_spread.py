"""`osdclean clean --workers`: what a single run makes, in chunks; what is finished outlives a run that is not."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from spreading import BLOCKS, CHUNKS

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("ffmpeg", "ffprobe", "x265", "x264"))), reason="needs ffmpeg, x265 and x264"
)


def kept(folder: Path) -> list[str]:
    """Names of the finished chunks of the one job in a folder."""
    return sorted(file.name for file in folder.glob(".*.osdclean-chunks/*/*-*") if file.suffix != ".part")


def test_two_workers_make_what_one_run_makes(footage, alone, tmp_path, osdclean, hashes, times, probe):
    out = tmp_path / "out.mkv"
    ended = osdclean(
        *("clean", footage.video, out, "--mask", footage.mask, "--encoder", "ffv1", *BLOCKS, *CHUNKS),
        *("--workers", 2),
    )
    assert ended.status == 0, ended.said
    assert hashes(out) == hashes(alone)
    for stream in ("v", "a", "s"):
        assert times(out, stream) == times(alone, stream)
    entries = ("-show_entries", "stream=codec_type,codec_name:chapter=start_time")
    assert probe(out, *entries) == probe(alone, *entries)
    assert os.listdir(tmp_path) == ["out.mkv"]


def test_a_mark_is_solved_for_from_the_whole_clip_in_each_chunk(footage, tmp_path, osdclean, hashes):
    top, bottom, left, right = footage.box
    marked = tmp_path / "marked.mkv"
    box = f"drawbox={left}:{top}:{right - left}:{bottom - top}:white@0.5:fill"
    lossless = ("-map", "0:v", "-vf", box, "-fps_mode", "passthrough", "-c:v", "ffv1")
    subprocess.run(["ffmpeg", "-v", "error", "-i", footage.video, *lossless, marked], check=True)
    words = ("--mask", footage.mask, "--encoder", "ffv1", "--quiet", *BLOCKS)
    made = []
    for name, more in (("one", ["--unblend"]), ("many", ["--unblend", *CHUNKS, "--workers", 2]), ("filled", [])):
        ended = osdclean("clean", marked, tmp_path / f"{name}.mkv", *words, *more)
        assert ended.status == 0, ended.said
        made.append(hashes(tmp_path / f"{name}.mkv"))
    assert made[0] == made[1] != made[2]


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize(("encoder", "suffix"), [("x265", "mkv"), ("x265", "mp4"), ("x264", "mkv"), ("x264", "mp4")])
def test_chunks_of_each_encoder_are_joined(footage, tmp_path, osdclean, times, probe, encoder, suffix):
    """The same times as in one go, a key frame where each chunk begins, and nothing that a decoder objects to."""
    one, out = tmp_path / f"one.{suffix}", tmp_path / f"out.{suffix}"
    words = ("--mask", footage.mask, "--encoder", encoder, "--crf", 10, "--quiet", *BLOCKS)
    assert osdclean("clean", footage.video, one, *words).status == 0
    ended = osdclean("clean", footage.video, out, *words, *CHUNKS, "--workers", 2)
    assert ended.status == 0, ended.said
    assert times(out, "v") == times(one, "v")
    assert times(out, "a") == times(one, "a")
    flags = probe(out, "-select_streams", "v", "-show_entries", "packet=pts_time,flags")
    keys = {float(time) for time, flag, *_ in (line.split(",") for line in flags) if "K" in flag}
    assert {times(out, "v")[n] for n in (0, 12, 30)} <= keys
    subprocess.run(["ffmpeg", "-v", "error", "-xerror", "-i", out, "-f", "null", "-"], check=True)
    grey = ["-fps_mode", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo", "-"]
    decoded = [
        subprocess.run(["ffmpeg", "-v", "error", "-i", file, *grey], check=True, capture_output=True).stdout
        for file in (one, out)
    ]
    assert len(decoded[0]) == len(decoded[1]) == footage.frames * 96 * 64
    assert sum(abs(a - b) for a, b in zip(*decoded, strict=True)) / len(decoded[0]) < 3


X265 = shutil.which("x265")


def stand_in(folder: Path, script: str) -> None:
    """A program in the place of x265. script: of the shell; $x265 is the real one."""
    file = folder / "x265"
    version = '[ "$1" = --version ] && exec $x265 "$@"'
    file.write_text(f"#!/bin/bash\nx265='{X265}'\n{version}\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def clean(footage, tmp_path, osdclean):
    """Clean the footage in chunks with x265, into out/out.mkv."""
    (tmp_path / "out").mkdir()

    def run(*words):
        return osdclean(
            *("clean", footage.video, tmp_path / "out" / "out.mkv", "--mask", footage.mask, *BLOCKS, *CHUNKS),
            *("--workers", 2, *words),
        )

    return run


FAILS_ONCE = "if mkdir '{folder}/once' 2>/dev/null; then head -c 9000 >/dev/null; exit 3; fi; exec $x265 \"$@\""
# The third chunk is the shortest, of 11 frames, and so the last to be done.
FAILS_ON_THE_THIRD = """
cat > '{folder}/'$$
[ $(stat -c %s '{folder}/'$$) -lt 105000 ] && {{ echo 'x265 [error]: bad day' >&2; exit 3; }}
exec $x265 "$@" < '{folder}/'$$"""


@pytest.mark.usefixtures("light")
def test_chunk_that_fails_once_is_done_again(clean, tmp_path, monkeypatch, times, footage):
    stand_in(tmp_path, FAILS_ONCE.format(folder=tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    ended = clean()
    assert ended.status == 0, ended.said
    assert ended.said.count("it is done again") == 1
    assert len(times(tmp_path / "out" / "out.mkv", "v")) == footage.frames


@pytest.mark.usefixtures("light")
def test_chunks_whose_headers_differ_are_not_joined(clean, tmp_path, monkeypatch):
    stand_in(tmp_path, f"mkdir '{tmp_path}/once' 2>/dev/null && exec $x265 --ctu 16 \"$@\"; exec $x265 \"$@\"")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    ended = clean()
    assert ended.status == 1
    assert "x265 wrote chunks whose headers differ" in ended.said
    assert not (tmp_path / "out" / "out.mkv").exists()


@pytest.mark.usefixtures("light")
def test_chunk_that_fails_three_times_ends_the_run_and_the_rest_is_not_done_again(clean, tmp_path, monkeypatch, times):
    path = os.environ["PATH"]
    stand_in(tmp_path, FAILS_ON_THE_THIRD.format(folder=tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{path}")
    ended = clean("--quiet", "--workers", 1)
    assert ended.status == 1
    (line,) = ended.said.strip().splitlines()
    assert "chunk 3 (frames 30 to 40) failed 3 times, the last time on worker 1: x265 failed (exit status 3)" in line
    assert "2 of 3 chunks are finished and kept: the same command goes on with them" in line
    assert not (tmp_path / "out" / "out.mkv").exists()
    assert len(kept(tmp_path / "out")) == 2
    # mended: the same command goes on
    stand_in(tmp_path, f"echo >> '{tmp_path}/starts'; exec $x265 \"$@\"")
    ended = clean()
    assert ended.status == 0, ended.said
    assert (tmp_path / "starts").read_text() == "\n"  # one chunk alone
    assert os.listdir(tmp_path / "out") == ["out.mkv"]


def process(scripts, footage, out, *words):
    """The command line as a process of its own, with other scripts, in chunks."""
    code = "import sys; from pathlib import Path; from osdclean.engine.cli import frameserver, main\n"
    code += "folder = Path(sys.argv[1]); frameserver.scripts = lambda: folder; sys.exit(main.main(sys.argv[2:]))"
    given = ["clean", footage.video, out, "--mask", footage.mask, *BLOCKS, *CHUNKS, "--workers", 1, *words]
    return [str(word) for word in (sys.executable, "-c", code, scripts, *given)]


def until(true, seconds=120):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def test_killed_run_goes_on_where_it_was_and_a_second_one_at_once_is_refused(light_scripts, footage, tmp_path, times):
    """An encoder waits after the first chunk; another run is refused; the first is killed; the next one goes on."""
    out, tools = tmp_path / "out", tmp_path / "tools"
    out.mkdir()
    tools.mkdir()
    stand_in(tools, f"mkdir '{tools}/first' 2>/dev/null || sleep 600; exec $x265 \"$@\"")
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    command = process(light_scripts, footage, out / "out.mkv")
    with subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL) as first:
        until(lambda: kept(out))
        done = {name: (next(out.glob(f".*/*/{name}"))).stat().st_mtime_ns for name in kept(out)}
        second = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert second.returncode == 1
        (line,) = second.stderr.strip().splitlines()
        assert "another run of osdclean is writing " in line
        first.send_signal(signal.SIGKILL)
    assert kept(out) == list(done)
    third = subprocess.run(command, capture_output=True, text=True, check=False)
    assert third.returncode == 0, third.stderr
    assert f"{len(done)} of 3 chunks were finished before" in third.stderr
    assert len(times(out / "out.mkv", "v")) == footage.frames
    assert not list(out.glob(".*chunks"))


def test_full_disk_keeps_what_is_finished(light_scripts, footage, tmp_path):
    """A limit of file size stands for the disk: no chunk fits."""
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 10, 2 << 10))

    command = process(light_scripts, footage, tmp_path / "out.mkv", "--crf", 1)
    ended = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    (line,) = ended.stderr.strip().splitlines()
    assert "File too large" in line
    assert "0 of 3 chunks are finished and kept: the same command goes on with them" in line
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_interrupted_run_says_what_is_kept(light_scripts, footage, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    stand_in(tools, f"echo $$ > '{tools}/pid'; exec sleep 600")
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    command = process(light_scripts, footage, tmp_path / "out.mkv")
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as run:  # fmt: skip
        until((tools / "pid").exists)
        run.send_signal(signal.SIGINT)
        said = run.stderr.read()
    assert run.returncode == 130
    assert "0 of 3 chunks are finished and kept" in said
    assert "Traceback" not in said
    with pytest.raises(ProcessLookupError):
        os.kill(int((tools / "pid").read_text()), 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--workers", 0), "--workers must be 1 to 256, passed 0"),
        (("--workers", 2, "--scheduler", "tcp://a:1"), "give one of both"),
        (("--send",), "--send sends the input to other machines; it needs --scheduler"),
        (("--chunk", 9), "give one of them"),
        (("--workers", 2, "--chunk", 0), "--chunk must be at least 1 frame, passed 0"),
        (("--workers", 2, "--", "--zones", "0,9,q=1"), "--zones means the clip as a whole"),
    ],
)
def test_options_that_do_not_go_together(footage, tmp_path, osdclean, words, said):
    ended = osdclean("clean", footage.video, tmp_path / "out.mkv", "--mask", footage.mask, *words)
    assert ended.status == 1
    assert said in ended.said
    assert len(ended.said.strip().splitlines()) == 1
    assert os.listdir(tmp_path) == []


def test_mask_that_was_kept_is_taken_by_the_next_run(footage, tmp_path, osdclean, monkeypatch, hashes):
    """--kind white needs no network. The run ends after the mask; the next one does not write it again."""
    from osdclean.engine.cli import cleaning

    out, mask = tmp_path / "out.mkv", tmp_path / "mask.mkv"
    words = ("clean", footage.video, out, "--kind", "white", "--keep-mask", mask, "--encoder", "ffv1", *BLOCKS)
    alone, coded = cleaning._coded, []

    def first_only(server, task, *rest):
        if task.script == "clean.vpy":
            raise cleaning.CommandError("bad day")
        coded.append(task.script)
        return alone(server, task, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(cleaning, "_coded", first_only)
        assert osdclean(*words, "--workers", 2).status == 1
    before = mask.stat().st_mtime_ns
    ended = osdclean(*words, "--workers", 2)
    assert ended.status == 0, ended.said
    assert coded == ["mask.vpy"]
    assert mask.stat().st_mtime_ns == before
    assert len(hashes(mask)) == len(hashes(out)) == footage.frames
    assert sorted(os.listdir(tmp_path)) == ["mask.mkv", "out.mkv"]
