"""Stills: numbers without gaps, whatever runs at the same time, fails or is interrupted."""

import json
import shutil

import cv2
import numpy as np
import pytest
from osdclean.engine.data import stills
from osdclean.engine.errors import ArgumentError, OsdcleanError

from .conftest import Killed, contents, ffmpeg, small

WANTED = stills.Stills(every=1, size=(64, 64))


def quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


def make(places, folder, wanted=WANTED, processes=1):
    return stills.run([places], folder, wanted, processes, quiet)


@pytest.fixture(scope="module")
def whole(footage, tmp_path_factory):
    """The stills of the footage as an undisturbed run of one process writes them."""
    folder = tmp_path_factory.mktemp("whole")
    count, failed, sources = make(footage, folder)
    # long.mp4 lasts 4.8 s, the odd one 1.33 s, the short one 0.2 s.
    assert (count, sources) == (5 + 2 + 1, 4)
    assert [line.split(":")[0] for line in failed] == ["broken.mp4"]
    return contents(folder)


def test_numbers_have_no_gap_and_say_what_they_show(whole):
    assert [name for name in whole if name != stills.INDEX] == [f"{k:06}.png" for k in range(1, 9)]
    rows = [json.loads(line) for line in whole[stills.INDEX].decode().splitlines()]
    assert [row["file"] for row in rows] == [f"{k:06}.png" for k in range(1, 9)]
    odd = [row["seconds"] for row in rows if row["source"].endswith("odd size.mkv")]
    assert odd == [0, 1]


def test_several_processes_write_the_same(footage, tmp_path, whole):
    make(footage, tmp_path, processes=2)
    assert contents(tmp_path) == whole


def test_a_killed_run_goes_on_at_any_moment(footage, tmp_path, killed_at):
    undisturbed = tmp_path / "undisturbed"
    make(footage / "in", undisturbed)
    # 2 stills, the index, 2 numbers
    for moment in (1, 3, 4):
        folder = tmp_path / str(moment)
        killed_at(moment)
        with pytest.raises(Killed):
            make(footage / "in", folder)
        assert set(contents(folder)) != set(contents(undisturbed))
        killed_at(None)
        make(footage / "in", folder)
        assert contents(folder) == contents(undisturbed)
        assert not (folder / stills.PARTS).exists()


def test_a_second_run_makes_what_is_missing_alone(footage, tmp_path, whole, monkeypatch):
    for name, data in whole.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "000003.png").unlink()
    asked = []
    picture = stills._picture
    monkeypatch.setattr(stills, "_picture", lambda job, seconds: asked.append(seconds) or picture(job, seconds))
    make(footage, tmp_path)
    assert contents(tmp_path) == whole
    # the third by path and time: "in", with two, comes first, then long.mp4
    assert asked == [0]


def test_later_stills_take_the_numbers_that_follow(footage, tmp_path):
    make(footage / "short.mp4", tmp_path)
    before = contents(tmp_path)
    assert make(footage / "in", tmp_path)[0] == 2
    after = contents(tmp_path)
    assert after["000001.png"] == before["000001.png"]
    assert sorted(after) == [*(f"{k:06}.png" for k in range(1, 4)), stills.INDEX]


def test_a_file_that_fails_late_leaves_no_gap(tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    small(films / "b.mp4", 1)
    cut = tmp_path / "whole.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=6", "-movflags", "+faststart", "-g", 10, cut)
    data = cut.read_bytes()
    (films / "a.mp4").write_bytes(data[: len(data) // 2])
    count, (line,), _ = make(films, tmp_path / "out")
    assert 2 < count < 7
    assert line.startswith("a.mp4: ")
    assert f"{7 - count} of 6 stills" in line
    names = sorted(p.name for p in (tmp_path / "out").glob("*.png"))
    assert names == [f"{k:06}.png" for k in range(1, count + 1)]


def test_pictures_keep_their_aspect_and_colour(tmp_path):
    # red left, green in the middle, blue right: a square takes the middle of a wide picture
    boxes = "drawbox=0:0:64:96:red:fill,drawbox=192:0:64:96:blue:fill"
    film = tmp_path / "bars.mkv"
    ffmpeg("-f", "lavfi", "-i", f"color=0x00ff00:s=256x96:r=5:d=1,{boxes}", "-c:v", "ffv1", "-pix_fmt", "yuv444p", film)
    for kind in ("png", "jpg"):
        make(film, tmp_path / kind, stills.Stills(every=5, size=(96, 96), format=kind))
        picture = cv2.imread(str(tmp_path / kind / f"000001.{kind}"))
        assert picture.shape == (96, 96, 3)
        assert np.abs(picture[4:-4, 4:-4].astype(int) - (0, 255, 0)).max() < 8


def test_numbered_pictures_of_others_are_not_touched(footage, tmp_path):
    (tmp_path / "000007.png").write_bytes(b"mine")
    with pytest.raises(OsdcleanError, match=r"no numbered pictures but those of its stills.jsonl, found .*000007.png"):
        make(footage, tmp_path)
    assert contents(tmp_path) == {"000007.png": b"mine"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"every": 0}, "every must be at least 0.001 seconds, passed 0"),
        ({"every": float("nan")}, "passed nan"),
        ({"size": (64, 0)}, "size must be two even numbers of at least 64, passed 64x0"),
        ({"size": (65, 64)}, "passed 65x64"),
        ({"format": "gif"}, "format must be one of png, jpg, passed gif"),
    ],
)
def test_arguments_out_of_range(arguments, said):
    with pytest.raises(ArgumentError, match=said):
        stills.Stills(**arguments)


def test_the_output_may_lie_in_the_footage(footage, tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    shutil.copy(footage / "short.mp4", films)
    (films / "out").mkdir()
    shutil.copy(footage / "short.mp4", films / "out" / "other.mp4")
    assert make(films, films / "out")[2] == 1
