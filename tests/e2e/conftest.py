"""Footage for the tests of the command line, made once: 41 frames of uneven duration, sound, subtitles."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from osdclean.engine.cli import frameserver, settings_file
from osdclean.engine.cli.main import main
from spreading import BLOCKS

BOX = (20, 32, 30, 54)
CHAPTERS = """;FFMETADATA1
title=A flight
[CHAPTER]
TIMEBASE=1/1000
START=0
END=500
title=Start
"""


@dataclass(frozen=True)
class Footage:
    """Paths of the clip (96x64, times that vary), and of its masks. box: top, bottom, left and right of their white."""

    video: Path
    mask: Path
    masks: Path
    frames: int = 41
    box: tuple[int, int, int, int] = BOX


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    said: str


def ffmpeg(*words: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, words)], check=True, stdin=subprocess.DEVNULL)


def probed(file: Path, *words: str) -> list[str]:
    """Lines that ffprobe says of a file."""
    command = ["ffprobe", "-v", "error", *words, "-of", "csv=p=0", str(file)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    folder = tmp_path_factory.mktemp("foot age")  # a space, as users' folders have
    (folder / "s.srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nhello\n")
    (folder / "chapters.txt").write_text(CHAPTERS)
    (folder / "font.ttf").write_bytes(b"not really a font")
    video, mask, masks = folder / "flight.mkv", folder / "mask.png", folder / "masks.mkv"
    top, bottom, left, right = BOX
    uneven = "select='not(eq(mod(n,5),2)+eq(mod(n,7),3))',setpts=PTS+0.04/TB,setsar=4/3"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=96x64:r=60:d=1", "-f", "lavfi", "-i", "sine=440:d=1.1"),
        *("-i", folder / "s.srt", "-i", folder / "chapters.txt", "-map", "0:v", "-map", "1:a", "-map", "2:s"),
        *("-map_metadata", "3", "-vf", uneven, "-fps_mode", "vfr", "-c:v", "libx264", "-crf", "10"),
        *("-pix_fmt", "yuv420p", "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"),
        *("-c:a", "aac", "-c:s", "srt", "-metadata:s:a:0", "language=deu"),
        *("-attach", folder / "font.ttf", "-metadata:s:t", "mimetype=font/ttf", video),
    )
    box = f"drawbox={left}:{top}:{right - left}:{bottom - top}:white:fill"
    ffmpeg("-f", "lavfi", "-i", f"color=black:s=96x64:d=1,{box}", "-frames:v", 1, mask)
    moving = f"color=black:s=96x64:r=41:d=1,{box}:enable='lt(n,20)'"
    ffmpeg("-f", "lavfi", "-i", moving, "-c:v", "ffv1", "-pix_fmt", "gray", masks)
    return Footage(video, mask, masks)


@pytest.fixture(autouse=True)
def no_settings_of_whoever_runs_the_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings_file, "user_file", lambda: tmp_path / "none" / settings_file.NAME)


@pytest.fixture
def osdclean(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """The command line, run in this process; the programs that it starts are real."""

    def run(*words: object) -> Ended:
        capfd.readouterr()
        try:
            status = main([str(word) for word in words])
        except SystemExit as end:
            status = int(end.code or 0)
        return Ended(status, "".join(capfd.readouterr()))

    return run


@pytest.fixture
def times() -> Callable[[Path, str], Sequence[float]]:
    """Times of a stream's packets, in rising order."""

    def read(file: Path, stream: str) -> list[float]:
        lines = probed(file, "-select_streams", stream, "-show_entries", "packet=pts_time")
        return sorted(float(line.strip(",")) for line in lines if line.strip(","))

    return read


@pytest.fixture(scope="session")
def probe() -> Callable[..., list[str]]:
    return probed


@pytest.fixture(scope="session")
def light_scripts(tmp_path_factory):
    """The scripts without the node: what fails before or after it need not wait for the network to start."""
    folder = tmp_path_factory.mktemp("light") / "scripts"
    shutil.copytree(frameserver.scripts(), folder)
    script = (folder / "clean.vpy").read_text()
    call = "vs.core.osdclean.Inpaint(source, holes, **arguments)"
    assert call in script
    (folder / "clean.vpy").write_text(script.replace(call, "source"))
    return folder


@pytest.fixture
def light(light_scripts, monkeypatch):
    monkeypatch.setattr(frameserver, "scripts", lambda: light_scripts)


@pytest.fixture(scope="session")
def alone(footage: Footage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The footage, cleaned without loss in one go."""
    out = tmp_path_factory.mktemp("alone") / "out.mkv"
    words = ["clean", footage.video, out, "--mask", footage.mask, "--encoder", "ffv1", *BLOCKS, "--quiet"]
    assert main([str(word) for word in words]) == 0
    return out


@pytest.fixture(scope="session")
def hashes() -> Callable[[Path], list[str]]:
    """Of each frame of a file: its time and the hash of its samples."""

    def read(file: Path) -> list[str]:
        words = ["ffmpeg", "-v", "error", "-nostdin", "-i", file, "-map", "0:v:0", "-fps_mode", "passthrough"]
        told = subprocess.run([*words, "-f", "framemd5", "-"], check=True, capture_output=True, text=True).stdout
        return [line for line in told.splitlines() if not line.startswith("#")]

    return read
