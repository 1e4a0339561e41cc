import cv2
import numpy as np
import pytest
from moving import psnr, sliding
from osdclean.engine import propagation
from osdclean.engine.propagation import NOWHERE


def box(height: int, width: int, top: int, bottom: int, left: int, right: int) -> np.ndarray:
    hole = np.zeros((height, width), bool)
    hole[top:bottom, left:right] = True
    return hole


def stack(frames, where):
    planes = {n: f[0] for n, f in enumerate(frames)}
    return propagation.Stack(planes, dict.fromkeys(planes, where and where.veil))


def towards(where, per_frame, light=0.0):
    return np.tile(np.float32((*per_frame, light)), (where.hole_count, 1))


def walk(frames, hole, per_frame, flow_error=0.0, light=0.0):
    """Sources of the last frame after a walk from the first, under a constant flow."""
    where = propagation.domain(hole)
    luma = stack(frames, where)
    tracker = propagation.Tracker(luma, 255)
    flow = towards(where, np.float32(per_frame) + np.float32(flow_error), light)
    for n in range(len(frames)):
        sources = tracker.step(n, where, flow if n else None)
    return luma, where, sources


def values(luma, where, sources, last):
    """The hole's samples as their sources show them, NaN where there is none."""
    count = where.hole_count
    numbers = np.arange(count, dtype=np.int32)
    return propagation.brought(
        last, luma, where.y[:count], where.x[:count], numbers, luma, where, sources, 1.0
    )[0]


def restored(frames, where, sources, last):
    truth = frames[last][0][where.y[: where.hole_count], where.x[: where.hole_count]]
    return psnr(values(stack(frames, where), where, sources, last), truth, sources.frame != NOWHERE)


def test_sources_are_the_nearest_frames_that_show_the_sample():
    frames = sliding(30, 96, 144, dx=2.0)
    _, where, sources = walk(frames, box(96, 144, 40, 60, 60, 80), (2.0, 0.0))
    count = where.hole_count
    assert (sources.frame[:count] != NOWHERE).all()
    # The rightmost hole sample came in from the right: 2 pixels a frame, and the kernel's margin on top.
    age = 29 - sources.frame[:count]
    expected = (80 - where.x[:count]) / 2
    assert np.abs(age - expected).max() <= 1
    assert restored(frames, where, sources, 29) > 40


def test_a_slow_camera_is_followed_for_48_frames():
    frames = sliding(60, 96, 144, dx=0.5)
    _, where, sources = walk(frames, box(96, 144, 30, 70, 56, 80), (0.5, 0.0))
    oldest = 59 - sources.frame[: where.hole_count][sources.frame[: where.hole_count] != NOWHERE].min()
    assert oldest >= 46
    assert restored(frames, where, sources, 59) > 38


def test_drift_is_taken_out():
    frames = sliding(40, 96, 144, dx=1.0)
    hole = box(96, 144, 40, 60, 60, 80)
    drifting = restored(frames, *walk(frames, hole, (1.0, 0.0), flow_error=0.08)[1:], 39)
    assert drifting > 35
    before, propagation.CORRECTIONS = propagation.CORRECTIONS, 0
    try:
        assert restored(frames, *walk(frames, hole, (1.0, 0.0), flow_error=0.08)[1:], 39) < drifting - 5
    finally:
        propagation.CORRECTIONS = before


def test_what_leaves_the_picture_or_crosses_a_cut_has_no_source():
    frames = sliding(4, 96, 144, dx=0.0)
    hole = box(96, 144, 0, 10, 0, 144)
    _, where, sources = walk(frames, hole, (0.0, -20.0))
    assert (sources.frame == NOWHERE).all()
    tracker = propagation.Tracker(stack(frames, where), 255)
    tracker.step(0, where, None)
    assert (tracker.step(1, where, None).frame == NOWHERE).all()


def test_a_still_picture_under_a_still_hole_has_no_source():
    _, _, sources = walk(sliding(20, 96, 144, dx=0.0), box(96, 144, 40, 60, 60, 80), (0.0, 0.0))
    assert (sources.frame == NOWHERE).all()


def test_a_hole_that_just_appeared_finds_the_frame_before():
    frames = sliding(3, 96, 144, dx=1.5)
    where = propagation.domain(box(96, 144, 40, 60, 60, 80))
    planes = {n: f[0] for n, f in enumerate(frames)}
    tracker = propagation.Tracker(propagation.Stack(planes, {0: None, 1: None, 2: where.veil}), 255)
    tracker.step(0, None, None)
    tracker.step(1, None, None)
    sources = tracker.step(2, where, towards(where, (1.5, 0)))
    assert (sources.frame == 1).all()


def test_no_source_reads_the_hole():
    frames = sliding(30, 96, 144, dx=1.7, dy=0.6)
    hole = box(96, 144, 40, 60, 60, 80)
    marked = [(np.where(hole, 255, f[0]).astype(np.uint8), *f[1:]) for f in frames]
    found = []
    for some in (frames, marked):
        luma, where, sources = walk(some, hole, (1.7, 0.6))
        found.append(values(luma, where, sources, 29))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("known", [True, False])
def test_what_comes_from_a_darker_frame_is_raised(known):
    """Each frame is 3 code values brighter than the one before, whether the flow knows or the ring has to tell."""
    frames = sliding(20, 96, 144, dx=2.0)
    frames = [tuple(np.clip(p * 0.7 + 3.0 * n, 0, 255).astype(np.uint8) for p in f) for n, f in enumerate(frames)]
    _, where, sources = walk(frames, box(96, 144, 40, 60, 60, 80), (2.0, 0.0), light=3.0 if known else 0.0)
    raised = sources.motion[:, 2] / (19 - sources.frame)
    assert np.abs(np.median(raised) - 3) < 0.3
    left = propagation.Sources(frame=sources.frame, motion=sources.motion * np.float32((1, 1, 0)))
    assert restored(frames, where, sources, 19) > restored(frames, where, left, 19) + 8


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float16])
def test_every_type_of_sample_is_read_alike(kind):
    """A ramp under the bicubic kernel stays a ramp between samples, whatever the type and the order of a row."""
    hole = box(32, 48, 12, 20, 30, 40)
    ramp = (np.arange(48, dtype=np.float32) * 2 + np.arange(32, dtype=np.float32)[:, None]).astype(kind)
    where = propagation.domain(hole)
    planes = {0: ramp[:, ::-1].copy()[:, ::-1], 1: ramp}
    count = where.hole_count
    numbers = np.arange(count, dtype=np.int32)
    way = np.tile(np.float32((-14.25, 2.5, 0)), (count, 1))
    sources = propagation.Sources(frame=np.zeros(count, np.int32), motion=way)
    luma = propagation.Stack(planes, {0: None, 1: where.veil})
    found, ages = propagation.brought(
        1, luma, where.y[:count], where.x[:count], numbers, luma, where, sources, 0.0
    )
    np.testing.assert_allclose(found, 2 * (where.x[:count] - 14.25) + where.y[:count] + 2.5, atol=1e-3)
    assert (ages == 1).all()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float16])
def test_sample_reads_every_type_and_any_count(kind):
    plane = np.arange(48, dtype=np.float32).reshape(6, 8).astype(kind)
    x, y = np.float32([0, 3, 7]), np.float32([0, 2, 5])
    np.testing.assert_allclose(propagation.sample(plane, x, y, cv2.INTER_LINEAR), [0, 19, 47])
    many = propagation.sample(plane, np.repeat(x, 1000), np.repeat(y, 1000))
    np.testing.assert_allclose(many, np.repeat([0, 19, 47], 1000), atol=0.01)
    assert propagation.sample(plane, x[:0], y[:0]).shape == (0,)
