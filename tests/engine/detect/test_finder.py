"""Blocks of masks by the network."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from osdclean.engine.detect.evidence import Seen
from osdclean.engine.detect.finder import Finder, closed, tight, with_neighbours
from osdclean.engine.detect.settings import LEARNED


def odds(row: str) -> dict[int, np.ndarray]:
    return {n: np.array([[200 if mark == "#" else 20]], np.uint8) for n, mark in enumerate(row)}


def drawn(masks: dict[int, np.ndarray]) -> str:
    return "".join("#" if masks[n][0, 0] > 128 else "." for n in sorted(masks))


def test_gaps_are_closed_and_what_comes_and_goes_keeps_its_frames():
    row = "....####.###..####....#......"
    assert drawn(closed(odds(row), range(len(row)), 0)) == row
    assert drawn(closed(odds(row), range(len(row)), 1)) == "....##############....#......"
    assert drawn(closed(odds(row), range(len(row)), 2)) == "....###################......"
    assert drawn(closed(odds(row), range(10, 20), 1)) == "########.."


def test_a_clip_s_ends_are_no_gaps():
    assert drawn(closed(odds("#....#"), range(6), 2)) == "######"
    assert drawn(closed(odds("..#...."), range(7), 2)) == "..#...."
    assert drawn(closed(odds("#...."), range(5), 2)) == "#...."


def test_what_looks_the_same_in_the_next_frame_is_there_as_well():
    rng = np.random.default_rng(0)
    lumas = [rng.integers(0, 200, (40, 60), np.uint8) for _ in range(4)]
    found = {n: np.full((40, 60), 20, np.uint8) for n in range(4)}
    # A caption in frames 1 to 3, found from 2 on; a mark that is in frame 2 alone.
    for n in (1, 2, 3):
        lumas[n][5:10, 5:30] = 235
    found[2][5:10, 5:30] = found[3][5:10, 5:30] = 200
    found[2][20:25, 5:30] = 200
    chroma = np.zeros((2, 20, 30), np.uint8)
    seen = {n: Seen(luma=luma, chroma=chroma) for n, luma in enumerate(lumas)}
    made = [with_neighbours(n, found, seen) > 128 for n in range(4)]
    assert [bool(m[5:10, 5:30].all()) for m in made] == [False, True, True, True]
    assert [bool(m[20:25, 5:30].any()) for m in made] == [False, False, True, False]
    assert not any(m[30:].any() for m in made)


def stroke() -> np.ndarray:
    """Odds of a sure stroke with a skirt around it, and of a mark elsewhere that is as likely as the skirt."""
    odds = np.full((20, 40), 20, np.uint8)
    odds[5:15, 8:16] = odds[5:15, 30:34] = 140
    odds[5:15, 10:14] = 250
    return odds


def test_beside_a_sure_stroke_what_is_less_likely_is_left():
    made = tight(stroke())
    assert (made > 128).sum() == 2 * 40
    assert (made[made > 128] == stroke()[made > 128]).all()  # also for a lower sensitivity
    assert (made[5:15, 10:14] == 250).all()
    assert (made[5:15, 30:34] == 140).all()
    # As does the whole of the skirt where as little as that is enough.
    assert (made > 64).sum() == (stroke() > 64).sum()


def finder_of(kind: str, hold: int, runner) -> Finder:
    """A finder of one kind in a clip of eight frames. runner: in the place of the network."""
    finder = object.__new__(Finder)
    finder.length, finder._hold, finder._kinds, finder._runner = 8, hold, (kind,), runner
    runner.workers = ThreadPoolExecutor(1)
    return finder


def test_blocks_are_tight():
    logits = SimpleNamespace(cpu=lambda: None)
    finder = finder_of("osd", 1, SimpleNamespace(tensor=lambda _: None, run=lambda *_: (logits, None)))
    finder._levels = lambda *_: stroke()
    picture = Seen(luma=np.zeros((20, 40), np.uint8), chroma=np.zeros((2, 10, 20), np.uint8))
    found = finder.find(0, dict.fromkeys(range(8), picture), SimpleNamespace(still=None))
    assert list(found) == list(range(8))
    assert all(np.array_equal(odds, tight(stroke())) for odds in found.values())


SIZE = (40, 120)


class Lettering:
    """In the place of the network: alone it sees what is bright in the frame; along the clip what the survey's mean
    shows, but for its first letter."""

    def __init__(self) -> None:
        self.alone = 0

    def tensor(self, planes: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(planes.astype(np.float32))

    def run(self, near, still, state):
        own = bool((still[1] == 0).all())
        self.alone += own
        shown = torch.from_numpy(near[0].luma).float() if own else still[0]
        logits = torch.full((len(LEARNED), *SIZE), -12.0)
        caption = torch.where(shown > 128, 4.0, -12.0)
        if not own:
            caption[:, 20:30] = -12.0
        logits[LEARNED.index("subtitle")] = caption
        return logits, None


@pytest.fixture
def clip():
    """A finder, eight frames with a caption of seven letters in all but the first three, what a survey has of them, and
    the caption."""
    drawn = np.zeros(SIZE, np.uint8)
    for x in range(20, 100, 12):
        drawn[20:30, x : x + 9] = 235
    chroma = np.zeros((2, 20, 60), np.uint8)
    seen = {n: Seen(luma=drawn if n >= 3 else drawn * 0, chroma=chroma) for n in range(8)}
    spread = np.where(drawn > 0, 5, 60).astype(np.uint8)
    odds = np.where(drawn > 0, 4, -12).astype(np.float32)
    nothing = np.full(SIZE, -12, np.float32)
    learned = SimpleNamespace(still=np.stack([drawn, spread]), captions=odds, logo=nothing, stands=nothing)
    return finder_of("subtitle", 0, Lettering()), seen, learned, drawn > 0


def test_a_caption_of_most_of_the_clip_is_in_no_frame_that_lacks_it(clip):
    finder, seen, learned, _ = clip
    found = finder.find(0, seen, learned)
    assert [bool((found[n] > 128).any()) for n in range(8)] == [False] * 3 + [True] * 5


def test_letters_that_a_frame_shows_are_added_to_a_line_that_is_known(clip):
    finder, seen, learned, drawn = clip
    found = finder.find(0, seen, learned)
    assert all(np.array_equal(found[n] > 128, drawn) for n in range(3, 8))


def test_captions_of_few_frames_need_no_second_look(clip):
    finder, seen, learned, _ = clip
    learned.captions[:] = -1
    found = finder.find(0, seen, learned)
    assert finder._runner.alone == 0
    assert (found[0] > 128).any()
