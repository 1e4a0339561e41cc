"""The virtual camera: moves as fast as asked, skews with its shutter, blurs along its way, stays on the photograph."""

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from osdclean.engine.errors import ArgumentError
from osdclean.engine.synth import camera

W, H = 160, 96


@pytest.fixture(scope="module")
def photo():
    rng = np.random.default_rng(1)
    return cv2.GaussianBlur(rng.integers(0, 256, (400, 600, 3), np.uint8), (0, 0), 2.5)


def generator(seed=0):
    return np.random.default_rng(seed)


def straight(speed=0.0, readout=0.0, shutter=0.0, pitch=0.0, yaw=0.0):
    """A flight to the right over (100, 60) at time 0, without turns."""
    time = np.linspace(-1, 9, 161)
    still = np.zeros_like(time)
    return camera.Flight(
        width=W, height=H, time=time, x=100 + speed * time, y=still + 60, angle=still, pitch=still + pitch,
        yaw=still + yaw, zoom=still + 1, speed=speed, readout=readout, shutter=shutter,
    )  # fmt: skip


@pytest.mark.parametrize("speed", [0.3, 3.0, 9.0])
def test_the_middle_moves_at_the_asked_speed(photo, speed):
    found = []
    for seed in range(3):
        way = camera.flight(600, 400, W, H, 12, generator(seed), speed=speed)
        u, v = np.stack([[m[H // 2, W // 2] for m in replace(way, readout=0.0).map(n)] for n in range(12)], 1)
        zoom = np.interp(np.arange(12), way.time, way.zoom)
        found += (np.hypot(np.diff(u), np.diff(v)) / zoom[1:]).tolist()
    # Where the way is folded a step is shorter.
    assert np.median(found) == pytest.approx(speed, rel=0.08)
    frames = list(camera.fly(photo, W, H, 6, generator(), speed=speed, readout=0.0, shutter=0.0))
    part = [f[H // 4 : 3 * H // 4, W // 4 : 3 * W // 4].mean(2) for f in frames]
    seen = [np.hypot(*cv2.phaseCorrelate(a, b)[0]) for a, b in pairwise(part)]
    assert np.median(seen) == pytest.approx(speed, rel=0.3, abs=0.15)


def test_speeds_are_spread_evenly_over_their_logarithm():
    speeds = np.array([camera.flight(600, 400, W, H, 1, generator(seed)).speed for seed in range(200)])
    assert speeds.min() >= 0.2
    assert speeds.max() <= 12
    assert np.median(np.log(speeds)) == pytest.approx(np.log(0.2 * 12) / 2, abs=0.35)


def test_a_slow_flight_is_slow_at_the_edges_too():
    for seed in range(12):
        way = replace(camera.flight(900, 700, W, H, 20, generator(seed), speed=0.5), readout=0.0)
        maps = np.array([way.map(n) for n in range(20)])
        steps = np.hypot(*np.diff(maps, axis=0).transpose(1, 0, 2, 3)) / way.zoom.mean()
        assert steps.max() < 0.5 * 6


@pytest.mark.parametrize("size", [(600, 400), (170, 400), (4000, 150), (64, 48)])
def test_nothing_outside_the_photograph_is_read(size):
    for seed in range(8):
        way = camera.flight(*size, W, H, 20, generator(seed))
        for n in (0, 7, 19):
            for time in (n - way.shutter / 2, n + way.shutter / 2):
                u, v = way.map(time)
                assert u.min() >= 0
                assert u.max() <= size[0] - 1
                assert v.min() >= 0
                assert v.max() <= size[1] - 1


def test_a_rolling_shutter_skews_a_vertical_edge():
    photo = np.zeros((150, 400, 3), np.uint8)
    photo[:, 120:] = 255

    def edges(readout):
        picture = camera._seen(photo, straight(speed=10.0, readout=readout), 2)
        return W - picture[..., 0].astype(float).sum(1) / 255

    assert np.ptp(edges(0.0)) < 0.1
    skewed = edges(0.8)
    # The scene runs left, so later rows see the edge further left: 10 pixels a frame for 0.8 of a frame.
    assert skewed[0] - skewed[-1] == pytest.approx(8, abs=0.3)
    assert (np.diff(skewed) <= 0.01).all()
    assert skewed[H // 2] == pytest.approx(edges(0.0)[0], abs=0.2)


def test_a_tilt_makes_parallels_meet_and_keeps_the_middle():
    flat, tilted = straight(), straight(yaw=0.3)
    (u0, v0), (u1, v1) = flat.map(0), tilted.map(0)
    assert u0[0, 0] == pytest.approx(100 - (W - 1) / 2, abs=1e-3)
    assert v0[0, 0] == pytest.approx(60 - (H - 1) / 2, abs=1e-3)
    left, right = v1[-1, 0] - v1[0, 0], v1[-1, -1] - v1[0, -1]
    assert right > 1.15 * left
    middle = (u1[H // 2 - 1 : H // 2 + 1, W // 2 - 1 : W // 2 + 1].mean(), v1[H // 2 - 1 : H // 2 + 1].mean(0)[W // 2])
    assert middle == pytest.approx((100, 60), abs=0.2)


def test_motion_blur_smears_along_the_way_in_light():
    photo = np.zeros((150, 400, 3), np.uint8)
    photo[:, 120:122] = 255

    way = straight(speed=8.0, shutter=0.75)
    moments = [camera._seen(photo, way, 3 + 0.75 * ((k + 0.5) / 6 - 0.5)).astype(float) for k in range(6)]
    expected = np.rint(np.sqrt(np.mean(np.square(moments), 0)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(camera, "flight", lambda *_: way)
        frames = list(camera.fly(photo, W, H, 4, generator()))
        patched.setattr(camera, "flight", lambda *_: straight(speed=8.0))
        sharp = list(camera.fly(photo, W, H, 4, generator()))[3]
    assert np.array_equal(frames[3], expected)
    assert (frames[3][H // 2, :, 0] > 20).sum() >= (sharp[H // 2, :, 0] > 20).sum() + 3
    # A mean of code values would keep their sum; one of light makes a bright line's trace brighter.
    assert frames[3][H // 2].mean() > 1.3 * sharp[H // 2].mean()


def test_same_generator_same_frames_and_large_photographs_are_averaged(photo):
    first, again = (list(camera.fly(photo, 97, 65, 3, generator(4))) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert first[0].shape == (65, 97, 3)
    assert not np.array_equal(first[0], first[2])
    # A checkerboard of single pixels turns grey, not into a pattern of its own.
    board = np.indices((800, 1200)).sum(0)[..., None].repeat(3, 2).astype(np.uint8) % 2 * 255
    seen = next(camera.fly(board, W, H, 1, generator(2), speed=1.0, readout=0.0, shutter=0.0))
    assert seen.std() < 25
    assert seen.mean() == pytest.approx(127.5, abs=4)


def test_bad_arguments_are_named(photo):
    with pytest.raises(ArgumentError, match="8x96"):
        next(camera.fly(photo, 8, H, 1, generator()))
    with pytest.raises(ArgumentError, match="passed 0"):
        next(camera.fly(photo, W, H, 0, generator()))
    with pytest.raises(ArgumentError, match="passed float32"):
        next(camera.fly(photo.astype(np.float32), W, H, 1, generator()))
