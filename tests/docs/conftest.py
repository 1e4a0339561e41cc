"""Stand-ins for the files that the pages name: small, made once."""

import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
import vapoursynth as vs

vs.core.osdclean.Version()  # the host loads the plugin first: only then can its modules be imported

WIDTH, HEIGHT, FRAMES = 256, 144, 12


def encoded(path: Path, frames) -> None:
    words = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}"]
    words += ["-r", "30", "-i", "-", "-g", "1", "-pix_fmt", "yuv420p"]
    words += ["-c:v", "ffv1"] if path.suffix == ".mkv" else ["-c:v", "libx264", "-crf", "8", "-preset", "ultrafast"]
    subprocess.run([*words, str(path)], input=b"".join(f.tobytes() for f in frames), check=True)


@pytest.fixture(scope="session")
def originals(tmp_path_factory) -> Path:
    """A folder with every file that commands and scripts of the pages read."""
    from osdclean.engine.synth import overlays, scene

    if not all(map(shutil.which, ("ffmpeg", "x265", "x264"))):
        pytest.skip("needs ffmpeg, x265 and x264")
    folder = tmp_path_factory.mktemp("pages")
    bare = list(scene.flight(WIDTH, HEIGHT, FRAMES, 3))
    for name, mask, make in (("flight.mp4", "mask.png", overlays.telemetry), ("show.mkv", "logo.png", overlays.logo)):
        made = make(WIDTH, HEIGHT, FRAMES, 30, 4)
        encoded(folder / name, [overlays.lay(frame, made.rgba(n)) for n, frame in enumerate(bare)])
        cv2.imwrite(str(folder / mask), made.static_mask())
    black = np.zeros((HEIGHT, WIDTH), np.uint8)
    for name, rows in (("more.png", slice(0, 8)), ("keep.png", slice(-8, None))):
        drawn = black.copy()
        drawn[rows] = 255
        cv2.imwrite(str(folder / name), drawn)
    drawn = cv2.cvtColor(cv2.imread(str(folder / "mask.png")), cv2.COLOR_BGR2RGB)
    encoded(folder / "masks.mkv", [drawn] * FRAMES)
    (folder / "films").mkdir()
    encoded(folder / "films" / "street.mp4", bare)
    shutil.copy(folder / "films" / "street.mp4", folder)
    shutil.copy(folder / "show.mkv", folder / "film.mkv")
    return folder


@pytest.fixture
def files(originals, tmp_path, monkeypatch) -> Path:
    """The files, in a folder of the test's own that is the working one."""
    folder = tmp_path / "files"
    shutil.copytree(originals, folder)
    (folder / "vs_scripts").symlink_to(Path(__file__).parents[2] / "vs_scripts")
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def footage(files) -> None:
    """The folders that stand for footage, photographs and glyph sheets, and longer videos to learn from."""
    from osdclean.engine.synth import overlays, scene

    shutil.rmtree(files / "films")
    for name in ("CLIPS", "FOOTAGE", "PHOTOS", "SHEETS", "images", "films"):
        (files / name).mkdir()
    made = overlays.telemetry(WIDTH, HEIGHT, 50, 30, 4)
    for seed, name in enumerate(("one", "two", "three")):
        frames = list(scene.flight(WIDTH, HEIGHT, 50, seed))
        encoded(files / "CLIPS" / f"{name}.mp4", frames)
        for folder in ("FOOTAGE", "films"):
            shutil.copy(files / "CLIPS" / f"{name}.mp4", files / folder)
    for name in ("flight", "monday", "tuesday"):
        encoded(files / f"{name}.mp4", [overlays.lay(frame, made.rgba(n)) for n, frame in enumerate(frames)])
    cv2.imwrite(str(files / "PHOTOS" / "one.png"), next(scene.flight(800, 600, 1, 5)))
    cv2.imwrite(str(files / "SHEETS" / "font.png"), np.full((16 * 36, 16 * 24, 4), 255, np.uint8))
