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


def walk(frames, hole, per_frame, flow_error=0.0):
    """Sources of the last frame after a walk from the first, under a constant flow."""
    luma = {n: f[0] for n, f in enumerate(frames)}
    where = propagation.domain(hole)
    tracker = propagation.Tracker(luma, 255)
    flow = np.tile(np.float32(per_frame) + np.float32(flow_error), (where.hole_count, 1))
    for n in range(len(frames)):
        sources = tracker.step(n, where, flow if n else None)
    return luma, where, sources


def restored(luma, where, sources, last):
    count = where.hole_count
    values = propagation.gather(
        luma,
        dict.fromkeys(luma, where.veil),
        sources.frame[:count],
        where.x[:count] + sources.dx[:count],
        where.y[:count] + sources.dy[:count],
    )
    return psnr(values, luma[last][where.y[:count], where.x[:count]], sources.frame[:count] != NOWHERE)


def test_sources_are_the_nearest_frames_that_show_the_sample():
    frames = sliding(30, 96, 144, dx=2.0)
    luma, where, sources = walk(frames, box(96, 144, 40, 60, 60, 80), (2.0, 0.0))
    count = where.hole_count
    assert (sources.frame[:count] != NOWHERE).all()
    # The rightmost hole sample came in from the right: 2 pixels a frame, and the kernel's margin on top.
    age = 29 - sources.frame[:count]
    expected = (80 - where.x[:count]) / 2
    assert np.abs(age - expected).max() <= 1
    assert restored(luma, where, sources, 29) > 40


def test_a_slow_camera_is_followed_for_48_frames():
    frames = sliding(60, 96, 144, dx=0.5)
    luma, where, sources = walk(frames, box(96, 144, 30, 70, 56, 80), (0.5, 0.0))
    oldest = 59 - sources.frame[: where.hole_count][sources.frame[: where.hole_count] != NOWHERE].min()
    assert oldest >= 46
    assert restored(luma, where, sources, 59) > 38


def test_drift_is_taken_out():
    frames = sliding(40, 96, 144, dx=1.0)
    hole = box(96, 144, 40, 60, 60, 80)
    drifting = restored(*walk(frames, hole, (1.0, 0.0), flow_error=0.08), 39)
    assert drifting > 35
    before, propagation.CORRECTIONS = propagation.CORRECTIONS, 0
    try:
        assert restored(*walk(frames, hole, (1.0, 0.0), flow_error=0.08), 39) < drifting - 5
    finally:
        propagation.CORRECTIONS = before


def test_what_leaves_the_picture_or_crosses_a_cut_has_no_source():
    frames = sliding(4, 96, 144, dx=0.0)
    hole = box(96, 144, 0, 10, 0, 144)
    _, where, sources = walk(frames, hole, (0.0, -20.0))
    assert (sources.frame == NOWHERE).all()
    tracker = propagation.Tracker({n: f[0] for n, f in enumerate(frames)}, 255)
    tracker.step(0, where, None)
    assert (tracker.step(1, where, None).frame == NOWHERE).all()


def test_a_still_picture_under_a_still_hole_has_no_source():
    _, _, sources = walk(sliding(20, 96, 144, dx=0.0), box(96, 144, 40, 60, 60, 80), (0.0, 0.0))
    assert (sources.frame == NOWHERE).all()


def test_a_hole_that_just_appeared_finds_the_frame_before():
    frames = sliding(3, 96, 144, dx=1.5)
    where = propagation.domain(box(96, 144, 40, 60, 60, 80))
    tracker = propagation.Tracker({n: f[0] for n, f in enumerate(frames)}, 255)
    tracker.step(0, None, None)
    tracker.step(1, None, None)
    sources = tracker.step(2, where, np.tile(np.float32((1.5, 0)), (where.hole_count, 1)))
    assert (sources.frame == 1).all()


def test_no_source_reads_the_hole():
    frames = sliding(30, 96, 144, dx=1.7, dy=0.6)
    hole = box(96, 144, 40, 60, 60, 80)
    marked = [(np.where(hole, 255, f[0]).astype(np.uint8), *f[1:]) for f in frames]
    values = []
    for some in (frames, marked):
        luma, where, sources = walk(some, hole, (1.7, 0.6))
        values.append(
            propagation.gather(
                luma,
                dict.fromkeys(luma, where.veil),
                sources.frame,
                where.x[: where.hole_count] + sources.dx,
                where.y[: where.hole_count] + sources.dy,
            )
        )
    np.testing.assert_array_equal(*values)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float16])
def test_sample_reads_every_type_and_any_count(kind):
    plane = np.arange(48, dtype=np.float32).reshape(6, 8).astype(kind)
    x, y = np.float32([0, 3, 7]), np.float32([0, 2, 5])
    np.testing.assert_allclose(propagation.sample(plane, x, y, cv2.INTER_LINEAR), [0, 19, 47])
    many = propagation.sample(plane, np.repeat(x, 1000), np.repeat(y, 1000))
    np.testing.assert_allclose(many, np.repeat([0, 19, 47], 1000), atol=0.01)
    assert propagation.sample(plane, x[:0], y[:0]).shape == (0,)
