import copy

import cv2
import numpy as np
import pytest
from moving import texture
from osdclean.engine.errors import ArgumentError, PictureError
from osdclean.engine.picture import PictureFormat
from osdclean.engine.track.tracker import SETTLE, Tracker, settled

HEIGHT, WIDTH = 120, 176
YUV = PictureFormat(family="YUV", floating=False, bits=8, width=WIDTH, height=HEIGHT, subsampling_w=1, subsampling_h=1)
#: Half sizes of the object, an ellipse.
RX, RY = 17, 22


class Scene:
    """A textured ellipse that moves over a textured ground under a panning camera, both known in every frame."""

    def __init__(self, x=40.0, y=58.0, dx=2.5, pan=1.0, trunk=None, other_from=None, clutter=None):
        self.x, self.y, self.dx, self.pan, self.trunk, self.other_from = x, y, dx, pan, trunk, other_from
        self.clutter = clutter
        self.object, self.ground = texture(64, 64, seed=5), [texture(HEIGHT + 8, 500, seed=s) for s in (1, 2)]

    def _place(self, n):
        return self.x + n * self.dx, self.y

    def mask(self, n):
        (x, y), (j, i) = self._place(n), np.mgrid[0:HEIGHT, 0:WIDTH]
        mask = ((i - x) / RX) ** 2 + ((j - y) / RY) ** 2 < 1
        return mask & ~self._trunk(n) & (self.other_from is None or n < self.other_from)

    def _trunk(self, n):
        if self.trunk is None:
            return np.zeros((HEIGHT, WIDTH), bool)
        left = self.trunk[0] - n * self.pan
        i = np.arange(WIDTH)
        return np.broadcast_to((i >= left) & (i < left + self.trunk[1]), (HEIGHT, WIDTH))

    def yuv(self, n):
        """float32 [H, W, 3], 0..255."""
        other = self.other_from is not None and n >= self.other_from
        to = np.float32([[1, 0, 60 + n * self.pan], [0, 1, 4]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        luma = cv2.warpAffine(self.ground[int(other)], to, (WIDTH, HEIGHT), flags=flags)
        chroma = [np.full_like(luma, v) for v in (110, 120)]
        image = cv2.merge([255 - luma if other else luma * 0.7, *chroma])
        if self.clutter and not other:
            x, y, r = self.clutter
            cv2.circle(image, (round(x - n * self.pan), y), r, (90, 110, 175), -1)
        if not other:
            x, y = self._place(n)
            to = np.float32([[1, 0, 32 - x], [0, 1, 32 - y]])
            thing = cv2.warpAffine(self.object, to, (WIDTH, HEIGHT), flags=flags)
            thing = np.dstack([thing * 0.6 + 60, np.full_like(thing, 128), np.full_like(thing, 165)])
            image[self.mask(n)] = thing[self.mask(n)]
            image[self._trunk(n)] = (40, 128, 128) + self.ground[1][4 : HEIGHT + 4, :WIDTH][self._trunk(n)][:, None] * (
                0.2,
                0,
                0,
            )
        return image.astype(np.float32)

    def frame(self, n, picture=YUV):
        image = self.yuv(n)
        if picture.family == "RGB":
            image = np.clip(cv2.cvtColor(image / 255, cv2.COLOR_YUV2RGB), 0, 1) * 255
        planes = []
        for k in range(picture.plane_count):
            h, w = picture.plane_shape(k)
            plane = cv2.resize(image[..., k], (w, h), interpolation=cv2.INTER_AREA) / 255
            if picture.floating and picture.family == "YUV" and k:
                plane = plane - np.float32(128 / 255)
            plane = plane * picture.peak
            planes.append((plane if picture.floating else np.rint(plane)).astype(picture.dtype))
        return tuple(planes)

    def box(self, n):
        x, y = self._place(n)
        return int(x - RX), int(y - RY), 2 * RX + 1, 2 * RY + 1


def iou(a, b):
    return (a & b).sum() / max(1, (a | b).sum())


def walk(scene, frames, picture=YUV):
    frames = list(frames)
    tracker = Tracker(picture, scene.frame(frames[0], picture), scene.box(frames[0]))
    return [tracker.mask] + [tracker.step(scene.frame(n, picture)) for n in frames[1:]]


def agreement(scene, frames, masks):
    return [iou(m, scene.mask(n)) for n, m in zip(frames, masks, strict=True)]


@pytest.mark.parametrize("frames", [range(0, 24), range(24, 0, -1)])
def test_the_mask_follows_either_way(frames):
    scene = Scene()
    masks = walk(scene, frames)
    assert min(agreement(scene, frames, masks)) > 0.8


def test_an_object_at_rest_before_a_camera_at_rest_stays_as_it_is():
    scene = Scene(x=80.0, dx=0.0, pan=0.0)
    masks = walk(scene, range(20))
    assert min(agreement(scene, range(20), masks)) > 0.8


def test_what_hides_the_object_is_not_in_the_mask_and_the_object_is_found_behind_it():
    scene = Scene(x=35.0, dx=3.0, trunk=(90, 16))
    frames = range(28)
    masks = walk(scene, frames)
    hidden = [scene._trunk(n) & m for n, m in enumerate(masks)]
    assert max(h.sum() for h in hidden) < 0.25 * np.pi * RX * RY
    assert min(agreement(scene, frames, masks)[:10]) > 0.7
    assert min(agreement(scene, frames, masks)[-4:]) > 0.7


def test_an_object_that_is_wholly_hidden_comes_out_again():
    scene = Scene(x=25.0, dx=4.0, trunk=(85, 40))
    frames = range(32)
    masks = walk(scene, frames)
    gone = [n for n in frames if scene.mask(n).sum() < 0.05 * np.pi * RX * RY]
    assert len(gone) >= 2
    assert all(masks[n].sum() < 0.1 * np.pi * RX * RY for n in gone)
    assert min(agreement(scene, frames, masks)[-2:]) > 0.6


def test_a_tracker_that_turns_round_behind_something_goes_back_the_way_it_came():
    scene = Scene(x=25.0, dx=4.0, trunk=(85, 60))
    tracker = Tracker(YUV, scene.frame(0), scene.box(0))
    for n in range(1, 21):
        tracker.step(scene.frame(n))
    assert not tracker.mask.any()
    back = tracker.reversed()
    masks = {n: back.step(scene.frame(n)) for n in range(19, 9, -1)}
    assert iou(masks[10], scene.mask(10)) > 0.7


def test_an_object_that_left_the_frame_does_not_come_back():
    scene = Scene(x=120.0, dx=5.0)
    masks = walk(scene, range(20))
    assert iou(masks[5], scene.mask(5)) > 0.7
    assert masks[-1] is None
    first = next(n for n, m in enumerate(masks) if m is None)
    assert all(m is None for m in masks[first:])
    assert not scene.mask(first).any() or scene.mask(first).sum() < 0.1 * np.pi * RX * RY


def test_an_object_that_stays_hidden_is_given_up(monkeypatch):
    monkeypatch.setattr("osdclean.engine.track.tracker.PATIENCE", 5)
    scene = Scene(x=60.0, dx=3.0, pan=0.0, trunk=(80, 90))
    masks = walk(scene, range(24))
    first = next(n for n, m in enumerate(masks) if m is None)
    assert all(m is None for m in masks[first:])
    assert all(not m.any() for m in masks[first - 5 : first])
    assert scene.mask(first - 8).any()


def test_nothing_crosses_a_cut():
    scene = Scene(other_from=6)
    masks = walk(scene, range(10))
    assert [m is None for m in masks] == [n >= 6 for n in range(10)]
    tracker = Tracker(YUV, scene.frame(0), scene.box(0))
    assert tracker.step(scene.frame(1), cut=True) is None
    assert tracker.step(scene.frame(1), cut=False) is None


def test_masks_repeat_bit_for_bit_and_a_fork_leaves_the_tracker_as_it_was():
    scene = Scene(trunk=(90, 10))
    once = walk(scene, range(12))
    cv2.setNumThreads(2)
    cv2.setRNGSeed(77)
    np.testing.assert_array_equal(once, walk(scene, range(12)))
    tracker = Tracker(YUV, scene.frame(0), scene.box(0))
    for n in range(1, 12):
        fork = copy.copy(tracker)
        fork.step(scene.frame(n + 5))
        np.testing.assert_array_equal(tracker.step(scene.frame(n)), once[n])


def test_walking_out_and_back_tells_object_from_ground():
    # Something in the box that stands out of the ground, but stays with it.
    scene = Scene(dx=3.0, pan=-1.0, x=60.0, clutter=(36, 70, 9))
    left, top, width, height = scene.box(0)
    box = left - 18, top, width + 18, height
    alone = Tracker(YUV, scene.frame(0), box)
    tracker, walked = settled(YUV, (scene.frame(n) for n in range(40)), box)
    assert walked == SETTLE
    assert iou(alone.mask, scene.mask(0)) < 0.8
    assert iou(tracker.mask, scene.mask(0)) > 0.85
    assert iou(tracker.step(scene.frame(1)), scene.mask(1)) > 0.85
    assert iou(tracker.reversed().step(scene.frame(-1)), scene.mask(-1)) > 0.85


def test_settling_turns_at_a_cut():
    scene = Scene(other_from=4)
    tracker, walked = settled(YUV, (scene.frame(n) for n in range(13)), scene.box(0))
    assert walked == 3
    assert iou(tracker.mask, scene.mask(0)) > 0.8


@pytest.mark.parametrize(
    ("family", "floating", "bits", "subsampling"),
    [
        ("GRAY", False, 8, 0),
        ("GRAY", True, 32, 0),
        ("YUV", False, 10, 1),
        ("YUV", False, 16, 0),
        ("YUV", True, 32, 1),
        ("YUV", True, 16, 0),
        ("RGB", False, 8, 0),
        ("RGB", True, 32, 0),
    ],
)
def test_every_format_is_followed(family, floating, bits, subsampling):
    scene = Scene()
    picture = PictureFormat(
        family=family, floating=floating, bits=bits, width=WIDTH, height=HEIGHT,
        subsampling_w=subsampling, subsampling_h=subsampling,
    )  # fmt: skip
    masks = walk(scene, range(8), picture)
    assert masks[-1].shape == (HEIGHT, WIDTH)
    assert agreement(scene, range(8), masks)[-1] > 0.75


def test_a_depth_is_only_a_depth():
    scene = Scene()
    deep = PictureFormat(
        family="YUV", floating=False, bits=16, width=WIDTH, height=HEIGHT, subsampling_w=1, subsampling_h=1
    )
    masks = walk(scene, range(8))
    tracker = Tracker(deep, tuple(p.astype(np.uint16) * 257 for p in scene.frame(0)), scene.box(0))
    for n in range(1, 8):
        found = tracker.step(tuple(p.astype(np.uint16) * 257 for p in scene.frame(n)))
        np.testing.assert_array_equal(found, masks[n])


def test_a_still_clip_and_a_flat_clip_are_no_trouble():
    for planes in (Scene().frame(0), tuple(np.full(YUV.plane_shape(k), 128, np.uint8) for k in range(3))):
        tracker = Tracker(YUV, planes, (40, 30, 40, 40))
        for _ in range(4):
            assert tracker.step(planes).shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize(
    ("box", "error", "said"),
    [
        ((-1, 10, 20, 20), PictureError, r"must lie in the frame of 176x120, passed 20x20 at \(-1, 10\)"),
        ((160, 10, 20, 20), PictureError, r"must lie in the frame of 176x120, passed 20x20 at \(160, 10\)"),
        ((10, 110, 20, 20), PictureError, "must lie in the frame"),
        ((10, 10, 0, 20), ArgumentError, "at least 4x4 pixels, passed 0x20"),
        ((10, 10, 20, -3), ArgumentError, "at least 4x4 pixels, passed 20x-3"),
        ((0, 0, 176, 120), PictureError, "a tenth of the frame of 176x120 as background, passed 176x120"),
    ],
)
def test_a_bad_box_is_one_clear_error(box, error, said):
    with pytest.raises(error, match=said):
        Tracker(YUV, Scene().frame(0), box)
