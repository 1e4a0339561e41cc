"""The datasets: `Pairs` reads what `clips` wrote, `Synthetic` gives the same for the same seed."""

import pickle
import shutil

import numpy as np
import pytest
from osdclean.engine.data import decoder, folders, pairs, videos
from osdclean.engine.errors import OsdcleanError

from .conftest import BLACK, CUT, SECOND, small


@pytest.fixture
def copied(written, tmp_path):
    return shutil.copytree(written, tmp_path / "copied")


def same(a: folders.Pair, b: folders.Pair) -> bool:
    lists = [(*(p for f in (*x.truth, *x.overlaid) for p in f), *x.masks) for x in (a, b)]
    return a.name == b.name and all(np.array_equal(p, q) for p, q in zip(*lists, strict=True))


def test_pairs_reads_what_clips_wrote(written):
    dataset = folders.Pairs(written)
    assert len(dataset) == 4
    read = list(dataset)
    assert [pair.name for pair in read] == ["long_01", "long_02", "odd_size_01", "odd_size_02"]
    moving = 0
    for k, pair in enumerate(read):
        assert len(pair.truth) == len(pair.overlaid) == len(pair.masks) == 10
        assert {mask.dtype for mask in pair.masks} == {np.dtype(np.uint8)}
        assert all(set(np.unique(mask)) <= {0, 255} for mask in pair.masks)
        np.testing.assert_array_equal(np.max(pair.masks, 0), dataset.static_mask(k))
        moving += any((mask != pair.masks[0]).any() for mask in pair.masks)
        difference = [np.abs(a[0].astype(int) - b[0]) for a, b in zip(pair.truth, pair.overlaid, strict=True)]
        inside = np.concatenate([d[mask > 0] for d, mask in zip(difference, pair.masks, strict=True)])
        assert (
            inside.mean() > 10 * np.concatenate([d[m == 0] for d, m in zip(difference, pair.masks, strict=True)]).mean()
        )
    assert moving
    short = folders.Pairs(written, 4)[-1]
    assert (short.name, len(short.truth)) == ("odd_size_02", 4)
    with pytest.raises(IndexError):
        dataset[4]


@pytest.mark.parametrize("lost", ["clips", "mask_clips", "masks"])
def test_a_file_without_partner_is_named(copied, lost):
    path = pairs.paths(copied, "long_02")[lost]
    path.unlink()
    with pytest.raises(OsdcleanError, match=rf"long_02\.\w+ has no partner: .*{lost}/{path.name} is missing"):
        folders.Pairs(copied)


def test_a_folder_that_is_none(copied, tmp_path):
    shutil.rmtree(copied / "masks")
    with pytest.raises(OsdcleanError, match="must hold masks/"):
        folders.Pairs(copied)
    for name in ("clips", "mask_clips", "masks"):
        (tmp_path / "empty" / name).mkdir(parents=True)
    with pytest.raises(OsdcleanError, match="found none in"):
        folders.Pairs(tmp_path / "empty")


def test_pairs_that_do_not_match_are_refused(copied):
    small(pairs.paths(copied, "long_01")["mask_clips"], 0.2)
    with pytest.raises(OsdcleanError, match=r"pair long_01 must have as many frames .* passed 10, 5 and 10"):
        folders.Pairs(copied)[0]
    pairs.paths(copied, "long_02")["masks"].write_bytes(b"")
    with pytest.raises(OsdcleanError, match=r"long_02\.png is no picture"):
        folders.Pairs(copied).static_mask(1)


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def synthetic(footage, told):
    return folders.Synthetic(footage, frames=8, length=6, seed=3, report=told.append)


@pytest.fixture(scope="module")
def items(synthetic):
    return list(synthetic)


def test_synthetic_reports_and_counts_what_it_skips(synthetic, told):
    assert told[0].startswith("left out broken.mp4: no video")
    assert told[1] == "left out short.mp4: at least 8 frames are needed, it has 5"
    assert told[2] == "2 of 4 sources were left out"
    assert len(synthetic.left_out) == 2


def test_synthetic_is_reproducible(synthetic, items, footage):
    again = folders.Synthetic([footage], frames=8, length=6, seed=3, report=lambda line: None)
    # in another order, and by way of another process
    for k in (4, 0):
        assert same(items[k], again[k])
        assert same(items[k], pickle.loads(pickle.dumps(synthetic))[k])
    assert not same(items[0], items[2])
    assert not same(items[0], synthetic.epoch(4)[0])
    assert same(items[0], synthetic.epoch(4).epoch(3)[0])
    assert len(synthetic) == 6
    with pytest.raises(IndexError):
        synthetic[6]


def test_synthetic_shows_source_frames_without_cut_and_black(items, footage):
    (video,) = videos.found([footage / "long.mp4"])
    source = [frame[0] for frame in decoder.frames(video.path, videos.probe(video), None, 120)]
    parts = [range(BLACK), range(SECOND, CUT), range(CUT, 120)]
    for pair in (p for p in items if p.name.startswith("long")):
        (first,) = [n for n in range(113) if np.array_equal(source[n], pair.truth[0][0])]
        assert all(np.array_equal(source[first + n], frame[0]) for n, frame in enumerate(pair.truth))
        assert any(first in part and first + 7 in part for part in parts)


def test_synthetic_differs_in_the_mask_alone(items):
    for pair in items:
        for truth, laid, mask in zip(pair.truth, pair.overlaid, pair.masks, strict=True):
            np.testing.assert_array_equal(truth[0][mask == 0], laid[0][mask == 0])
        assert any(mask.any() for mask in pair.masks)


def test_synthetic_of_one_size(footage):
    made = folders.Synthetic(footage, frames=4, size=(96, 64), kinds=["logo"], report=lambda line: None)
    assert [pair.truth[0][0].shape for pair in made] == [(64, 96)] * 3


def test_synthetic_without_anything_to_use(footage, capsys):
    with pytest.raises(OsdcleanError, match="must hold a video of at least 8 frames, found none in"):
        folders.Synthetic([footage / "short.mp4", footage / "broken.mp4"], frames=8)
    assert "2 of 2 sources were left out" in capsys.readouterr().err
    for arguments, said in (({"frames": 0}, "frames must be at least 1"), ({"kinds": ["x"]}, "passed x")):
        with pytest.raises(OsdcleanError, match=said):
            folders.Synthetic(footage, **arguments)
