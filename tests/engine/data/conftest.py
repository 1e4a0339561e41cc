"""Footage for the tests of the dataset tools, made once: small, with a hard cut, a black stretch and broken files."""

import shutil
import subprocess
from pathlib import Path

import pytest

VERSIONS = {"osdclean": "test"}
#: Frames of long.mp4: a scene, black, a second scene, and after a hard cut a third.
BLACK, SECOND, CUT, END = 40, 55, 85, 120


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if shutil.which("ffmpeg") is None:
        here = Path(__file__).parent
        for item in items:
            if here in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="ffmpeg is not installed"))


def ffmpeg(*words: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, words)], check=True, stdin=subprocess.DEVNULL)


def small(path: Path, seconds: float, look: str = "null") -> Path:
    """A video of 128x96 at 25 frames a second."""
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=128x96:r=25:d={seconds},{look},format=yuv420p", "-crf", 12, path)
    return path


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: long.mp4, in/odd size.mkv (131x97, 40 frames), and short.mp4, broken.mp4, which cannot be used."""
    folder = tmp_path_factory.mktemp("foot age")
    (folder / "in").mkdir()
    scenes = f"lt(n,{BLACK})", f"between(n,{BLACK},{SECOND - 1})", f"gte(n,{CUT})"
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=s=128x96:r=25:d={END / 25}"),
        *("-vf", f"eq=brightness=-1:enable='{scenes[1]}',negate=enable='{scenes[2]}',format=yuv420p"),
        *("-crf", 12, "-g", 30, folder / "long.mp4"),
    )
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=131x97:r=30000/1001:d=1.334", "-c:v", "ffv1", "-pix_fmt", "yuv420p"),
        folder / "in" / "odd size.mkv",
    )
    small(folder / "short.mp4", 0.2)
    (folder / "broken.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="session")
def written(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pairs of the footage as an undisturbed run of one process writes them: two of each video that is usable."""
    from osdclean.engine.data import clips

    folder = tmp_path_factory.mktemp("written")
    count, failed, sources = clips.run([footage], folder, wanted(), VERSIONS, 1, lambda done, total: None)
    assert (count, sources) == (4, 4)
    broken, short = failed
    assert broken.startswith("broken.mp4: no video that ffprobe can read")
    assert short == "short.mp4: at least 10 frames are needed, it has 5"
    return folder


def wanted(**other: object):
    """What `written` asked for, but for what is given."""
    from osdclean.engine.data import clips, pairs

    chosen = {"frames": 10, "per_video": 2, "kinds": ("telemetry", "subtitles")}
    return clips.Clips(**(chosen | {"encoding": pairs.Encoding(crf=4, preset="veryfast")} | other))


class Killed(BaseException):
    """Stands for the end of the process, at any moment."""


@pytest.fixture
def killed_at(monkeypatch):
    """killed_at(n): the n-th file that would take its name (counted from 1) does not; the process is gone instead."""
    import os

    replace = os.replace

    def set_up(n: int | None) -> None:
        left = iter(range(1, n) if n else [])

        def replaced(source, target):
            if n is not None and next(left, None) is None:
                raise Killed
            replace(source, target)

        monkeypatch.setattr(os, "replace", replaced)

    return set_up


def contents(folder: Path) -> dict[str, bytes]:
    """Every file that is not hidden, by its path in the folder."""
    files = {p.relative_to(folder): p for p in sorted(folder.rglob("*")) if p.is_file()}
    return {str(name): p.read_bytes() for name, p in files.items() if not any(s.startswith(".") for s in name.parts)}
