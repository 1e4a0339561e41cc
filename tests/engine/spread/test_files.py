"""Files are known by what is in them."""

import pytest
from osdclean.engine.cli.failure import CommandError
from osdclean.engine.spread import files
from osdclean.engine.spread.files import inputs, stamp_of


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(files, "SMALL", 1 << 10)
    monkeypatch.setattr(files, "PIECE", 1 << 6)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("at", [0, 50_000, 99_999])
def test_stamp_tells_large_files_apart_by_their_ends_and_middle(tmp_path, at):
    one, other = tmp_path / "one", tmp_path / "other"
    data = bytearray(100_000)
    one.write_bytes(data)
    other.write_bytes(data)
    assert stamp_of(one) == stamp_of(other)
    data[at : at + 2000] = b"x" * len(data[at : at + 2000])
    other.write_bytes(data)
    assert stamp_of(one) != stamp_of(other)


def test_stamp_of_numbered_files_is_of_all_of_them(tmp_path):
    assert stamp_of(tmp_path / "m%04d.png") is None
    for k in range(3):
        (tmp_path / f"m{k:04}.png").write_text(str(k))
    before = stamp_of(tmp_path / "m%04d.png")
    (tmp_path / "m0001.png").write_text("x")
    assert stamp_of(tmp_path / "m%04d.png") not in (before, None)


@pytest.mark.usefixtures("small")
def test_small_files_are_sent_and_the_clip_is_when_told(tmp_path):
    clip, mask, weights = tmp_path / "a.mp4", tmp_path / "m.png", tmp_path / "w.pth"
    clip.write_bytes(b"c" * 2000)
    mask.write_bytes(b"m")
    weights.write_bytes(b"w" * 2000)
    given = {"clip": str(clip), "mask": str(mask), "model": f"sttn:{weights}", "find_model": "default", "grow": "2"}
    assert {each.name: each.sent for each in inputs(given, False)} == {"clip": False, "mask": True, "model": False}
    assert all(each.sent for each in inputs(given, True))
    (model,) = (each for each in inputs(given, True) if each.name == "model")
    assert model.at(tmp_path / "there" / "w.pth") == f"sttn:{tmp_path}/there/w.pth"


def test_what_cannot_be_sent_is_told(tmp_path):
    with pytest.raises(CommandError, match="does not exist"):
        inputs({"clip": str(tmp_path / "gone.mp4")}, False)
    (tmp_path / "m1.png").write_text("")
    given = {"mask": str(tmp_path / "m%d.png")}
    assert not inputs(given, False)[0].sent
    with pytest.raises(CommandError, match="make a video of them"):
        inputs(given, True)
