"""Pairs of clips: where they come from, what they show, and that a run may stop at any moment."""

import json
import shutil
from functools import cache

import numpy as np
import pytest
from osdclean.engine import footage as films
from osdclean.engine.data import clips, decoder, manifest, pairs, scan, videos
from osdclean.engine.errors import ArgumentError, OsdcleanError, PictureError
from osdclean.engine.holes import grown

from .conftest import BLACK, CUT, SECOND, VERSIONS, Killed, contents, ffmpeg, wanted


def quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


def make(places, folder, processes=1, **other):
    return clips.run([places], folder, wanted(**other), VERSIONS, processes, quiet)


def rows(folder):
    return [json.loads(line) for line in (folder / clips.LIST).read_text().splitlines()]


@cache
def planes(path):
    frames, _, rate = films.decoded(path, None)
    return frames, rate


def test_clips_are_the_source_frames_that_the_manifest_names(written, footage):
    assert [row["name"] for row in rows(written)] == [f"{n}_0{k}" for n in ("long", "odd_size") for k in (1, 2)]
    for row in rows(written):
        source, rate = planes(footage / row["source"])
        got, fps = planes(written / "clips" / f"{row['name']}.mp4")
        assert len(got) == row["frames"] == 10
        assert fps == rate
        assert f"{fps.numerator}/{fps.denominator}" == row["fps"]
        h, w = got[0][0].shape
        assert (w, h) == (row["width"], row["height"])
        for n, frame in enumerate(got):
            truth = source[row["first_frame"] + n]
            for plane, exact in zip(frame, truth, strict=True):
                miss = plane.astype(float) - exact[: plane.shape[0], : plane.shape[1]]
                assert np.abs(miss).mean() < 1
        # the neighbours are further away: not one frame off
        near = np.abs(got[0][0].astype(float) - source[row["first_frame"] + 1][0][:h, :w]).mean()
        assert near > 1


def test_no_excerpt_has_cut_or_black(footage, written):
    (video,) = videos.found([footage / "long.mp4"])
    jobs = clips.planned(written, video, videos.probe(video), wanted(frames=7, per_video=99))
    spans = [range(job.first, job.first + 7) for job in jobs]
    # 5 of 40 frames, 4 of 30, 5 of 35
    assert len(spans) == 14
    for span in spans:
        inside = [part for part in (range(BLACK), range(SECOND, CUT), range(CUT, 120)) if set(span) <= set(part)]
        assert len(inside) == 1


def test_pairs_differ_in_the_mask_alone(written):
    moving = 0
    for row in rows(written):
        files = pairs.paths(written, row["name"])
        (clean, _), (laid, _) = planes(files["clips"]), planes(files["mask_clips"])
        mask = pairs_mask(files["masks"])
        # Chroma and the encoder's blocks reach a little over it.
        near = grown(mask, False, 8, 6)
        for n in range(10):
            difference = np.abs(clean[n][0].astype(int) - laid[n][0])
            assert difference[~near].max(initial=0) <= 12
            assert difference[~near].mean() < 1
        strongest = np.max([np.abs(c[0].astype(int) - m[0]) for c, m in zip(clean, laid, strict=True)], 0)
        assert strongest[mask > 0].mean() > 20
        assert files["frame_masks"].is_file() == row["frame_masks"]
        if row["frame_masks"]:
            moving += 1
            shown = [frame[0] >= 128 for frame in planes(files["frame_masks"])[0]]
            assert len(shown) == 10
            np.testing.assert_array_equal(np.any(shown, 0), mask > 0)
            for n, hole in enumerate(shown):
                quiet_there = (mask > 0) & ~grown(hole.view(np.uint8) * 255, False, 8, 6)
                assert np.abs(clean[n][0].astype(int) - laid[n][0])[quiet_there].max(initial=0) <= 12
    assert moving


def pairs_mask(path):
    import cv2

    mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert mask.ndim == 2
    assert set(np.unique(mask)) == {0, 255}
    return mask


def test_several_processes_write_the_same(footage, tmp_path, written):
    make(footage, tmp_path, processes=2, per_video=1)
    made = contents(tmp_path)
    assert len(made.pop(clips.LIST).splitlines()) == 2
    assert made == {name: data for name, data in contents(written).items() if "_01." in name}


def test_another_seed_takes_other_excerpts_and_overlays(footage, written):
    (video,) = videos.found([footage / "long.mp4"])
    facts = videos.probe(video)
    one, again, other = ([j.first for j in clips.planned(written, video, facts, wanted(seed=s))] for s in (1, 1, 2))
    assert one == again != other
    overlays = [pairs.drawn(np.random.default_rng(k), pairs.KINDS, 128, 96, 10, 25, None)[:2] for k in (1, 1, 2)]
    assert overlays[0] == overlays[1] != overlays[2]


@pytest.mark.parametrize("moment", [2, 5])
def test_a_killed_run_goes_on_at_any_moment(footage, tmp_path, written, killed_at, moment):
    killed_at(moment)
    with pytest.raises(Killed):
        make(footage / "in", tmp_path, per_video=1)
    killed_at(None)
    there = {name: data for name, data in contents(written).items() if "odd_size_01" in name}
    assert not set(there) <= set(contents(tmp_path))
    make(footage / "in", tmp_path, per_video=1)
    made = contents(tmp_path)
    assert len(made.pop(clips.LIST).splitlines()) == 1
    assert made == there


def test_a_second_run_makes_what_is_missing_alone(footage, tmp_path, written, monkeypatch):
    folder = shutil.copytree(written, tmp_path / "out")
    (folder / "masks" / "long_02.png").unlink()
    # as a kill leaves it in the middle of a line
    with open(folder / clips.LIST, "r+b") as file:
        file.truncate(file.seek(0, 2) - 30)
    made, real = [], pairs.make
    monkeypatch.setattr(pairs, "make", lambda job: made.append(job.name) or real(job))
    monkeypatch.setattr(scan, "scan", lambda *_: pytest.fail("the scans are there already"))
    make(footage, folder)
    assert sorted(made) == ["long_02", "odd_size_02"]
    assert contents(folder) == contents(written)


def test_more_per_video_keep_the_first(footage, tmp_path, written):
    make(footage / "in", tmp_path, per_video=1)
    first = contents(tmp_path)
    assert first["clips/odd_size_01.mp4"] == contents(written)["clips/odd_size_01.mp4"]
    assert "clips/odd_size_02.mp4" not in first


def test_a_folder_holds_pairs_of_one_kind(footage, written):
    before = contents(written)
    with pytest.raises(OsdcleanError, match=r"seed must be the same for all clips of a folder: .* has 1, passed 5"):
        make(footage, written, seed=5)
    assert contents(written) == before


def test_a_name_belongs_to_one_video(footage, tmp_path, written):
    other = shutil.copy(footage / "in" / "odd size.mkv", tmp_path)
    folder = shutil.copytree(written, tmp_path / "out")
    with pytest.raises(OsdcleanError, match=r"one video: odd_size_01 in .* was made from .*in/odd size.mkv, passed"):
        make(tmp_path / "odd size.mkv", folder)
    assert contents(folder) == contents(written)
    both = videos.found([tmp_path / other, footage / "in"])
    assert len({video.name for video in both}) == 2
    assert {video.name for video in both} == {v.name for v in videos.found([footage / "in", tmp_path / other])}


def test_masks_grow(footage, tmp_path, written):
    make(footage / "in", tmp_path, per_video=1, grow=3)
    exact, wide = (pairs_mask(pairs.paths(folder, "odd_size_01")["masks"]) for folder in (written, tmp_path))
    np.testing.assert_array_equal(wide > 0, grown(exact, False, 8, 3))


def test_a_container_that_seeks_badly_gives_the_right_frames(footage, tmp_path):
    film = tmp_path / "stream.ts"
    # one keyframe: whoever enters later sees nothing
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=2,format=yuv420p", "-crf", 8, "-g", 500,
           "-f", "mpegts", film)  # fmt: skip
    count, failed, _ = make(film, tmp_path / "out", per_video=1)
    assert (count, failed) == (1, [])
    assert all(row["first_frame"] for row in rows(tmp_path / "out"))
    source, _ = planes(film)
    for row in rows(tmp_path / "out"):
        got, _ = planes(tmp_path / "out" / "clips" / f"{row['name']}.mp4")
        miss = [np.abs(got[0][0].astype(float) - source[row["first_frame"] + k][0]).mean() for k in (0, 1)]
        assert miss[0] < 1 < miss[1]


def test_frames_that_are_not_those_of_the_scan_are_not_taken(footage, tmp_path, written, monkeypatch):
    frames = decoder.frames

    def late(*words, seconds=None, first=0):
        return frames(*words, seconds=seconds and seconds + 0.2, first=first)

    monkeypatch.setattr(decoder, "frames", late)
    make(footage / "in", tmp_path, per_video=1)
    assert rows(tmp_path)[0]["first_frame"]
    assert contents(tmp_path)["clips/odd_size_01.mp4"] == contents(written)["clips/odd_size_01.mp4"]


def test_pairs_that_cannot_be_made_are_reported(footage, tmp_path, written, monkeypatch):
    folder = shutil.copytree(written, tmp_path / "out")
    manifest.write(folder / clips.LIST, [row | {"first_frame": 0} for row in rows(folder) if row["name"] == "long_01"])
    asked = []

    def fail(job):
        asked.append(job.name)
        raise PictureError("a hole in the film")

    monkeypatch.setattr(pairs, "make", fail)
    count, failed, _ = make(footage / "in", folder)
    assert count == 0
    (line,) = failed
    assert line.startswith("odd size.mkv: 2 of 2 pairs, from frame ")
    assert line.endswith(": a hole in the film")
    make(footage / "long.mp4", folder)
    # made from another place of the film, so made anew
    assert "long_01" in asked


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"frames": 0}, "frames must be 2 to 100000, passed 0"),
        ({"per_video": -1}, "per_video must be 1 to 99, passed -1"),
        ({"grow": -1}, "grow must be 0 to 64, passed -1"),
        ({"seed": -1}, "seed must be 0 to"),
        ({"kinds": ()}, "kinds must be at least one of"),
        ({"kinds": ("stickers",)}, "passed stickers"),
        ({"size": (63, 64)}, "passed 63x64"),
        ({"fonts": "/nowhere/at/all"}, "passed /nowhere/at/all"),
    ],
)
def test_arguments_out_of_range(arguments, said):
    with pytest.raises(ArgumentError, match=said):
        clips.Clips(**arguments)


def test_encoder_arguments_out_of_range():
    with pytest.raises(ArgumentError, match="crf must be 0 to 51, passed 52"):
        pairs.Encoding(crf=52)
    with pytest.raises(ArgumentError, match=r"preset must be one of .*, passed quick"):
        pairs.Encoding(preset="quick")
