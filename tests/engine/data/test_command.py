"""`osdclean data`, as users run it."""

import pytest
from osdclean.engine.cli.main import main

from .conftest import contents


def test_frames(footage, tmp_path, capsys):
    words = ["data", "frames", footage, "-o", tmp_path / "out", "--every", "2", "--size", "64x64", "--processes", "1"]
    assert main(list(map(str, words))) == 0
    told = capsys.readouterr()
    assert told.out == f"5 stills in {tmp_path / 'out'}\n"
    assert "left out broken.mp4: " in told.err
    assert "1 of 4 sources were left out" in told.err
    assert len(contents(tmp_path / "out")) == 6


def test_clips(footage, tmp_path, capsys):
    words = ["data", "clips", footage, "-o", tmp_path / "out", "--frames", "12", "--per-video", "1", "--kinds",
             "subtitles,logo", "--preset", "ultrafast", "--processes", "1"]  # fmt: skip
    assert main(list(map(str, words))) == 0
    told = capsys.readouterr()
    assert told.out == f"2 pairs in {tmp_path / 'out'}\n"
    assert "left out short.mp4: at least 12 frames are needed, it has 5" in told.err
    assert "2 of 4 sources were left out" in told.err
    assert {"clips/long_01.mp4", "mask_clips/long_01.mp4", "masks/long_01.png"} <= set(contents(tmp_path / "out"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["frames", "{films}/nowhere"], "footage must be a file or a folder that exists, passed {films}/nowhere"),
        (["frames", "{tmp}"], "a folder of footage must hold a video"),
        (["frames", "{films}/broken.mp4"], "nothing could be made of 1 videos"),
        (["frames", "{films}/short.mp4", "--processes", "0"], "processes must be at least 1, passed 0"),
        (["frames", "{films}/short.mp4", "--every", "-1"], "every must be at least 0.001 seconds, passed -1"),
        (["clips", "{films}/short.mp4"], "nothing could be made of 1 videos"),
        (["clips", "{films}/long.mp4", "--frames", "41"], "nothing could be made of 1 videos"),
        (["clips", "{films}/long.mp4", "--kinds", "stickers"], "passed stickers"),
        (["clips", "{films}/long.mp4", "-o", "{films}/short.mp4"], "the output must be a folder that can be made"),
        (["clips", "{films}/long.mp4", "-o", "{films}/short.mp4/x"], "the output must be a folder that can be made"),
    ],
)
def test_failures_are_one_line(footage, tmp_path, capsys, words, said):
    out = [] if "-o" in words else ["-o", str(tmp_path / "out")]
    one = [] if "--processes" in words else ["--processes", "1"]
    places = {"films": footage, "tmp": tmp_path}
    assert main(["data", *(word.format(**places) for word in words), *out, *one]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("osdclean: ")
    assert said.format(**places) in last


def test_wrong_usage(capsys):
    for words in (["data"], ["data", "frames", "x"], ["data", "frames", "x", "-o", "y", "--size", "big"]):
        with pytest.raises(SystemExit) as end:
            main(words)
        assert end.value.code == 2
    assert "must be WxH, such as 1920x1080, passed big" in capsys.readouterr().err
