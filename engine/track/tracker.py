"""Tracking: the mask of an object that was boxed in one frame, carried on frame by frame.

The policy of one step:
1. Two layers move: the ground and the object. The ground's motion is the dense flow outside the object, filled in
   smoothly below it. The object's is its translation, found again by what it last looked like, and what the flow of its
   own samples adds to it: an affine motion, and little besides.
2. The ground keeps a clean plate: what was seen of it beside the object, carried along with its motion. The object
   keeps its shape and its look; what is hidden stays in both, so that it is known again when it comes out.
3. A sample is weighed: is it what the object should look like here, or the plate? Where the plate was never seen:
   does it look like the frame before, carried along with the ground? Colours (histograms of both, the plate's
   surroundings) speak where neither was seen. The logarithm of the ratio, the mask before and whether the flow goes
   with the ground or with the object add up to the odds (the layers of Wang and Adelson, Representing moving images
   with layers, TIP 1994; colours as in Bai et al., Video SnapCut, SIGGRAPH 2009).
4. Where both move alike, motion proves nothing: then what fits both is nobody's, and colours decide.
5. What was just uncovered behind the object and never seen is the ground.
6. An object that is hidden goes on as it went, relative to the ground: the less is seen, the less it may stray.
7. The odds are smoothed along the picture's edges (guided filter: He et al., ECCV 2010).

Everything happens on a window around the object, at reduced size if it is large (`window`). A step depends on the state
before, the frame and nothing else; arrays of the state are replaced, never written to, so that a copy is a fork.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from .. import motion
from ..errors import ArgumentError, PictureError
from ..picture import PictureFormat, Planes
from ..settings import Settings
from .colours import Colours, likeness, peak
from .motions import affine, sought
from .segment import segment
from .window import Box, Window

#: The flow of the whole frame is measured on about this many pixels.
COARSE = 110_000
#: Noise of a sample that is seen again (code values), and of one that is only near to it.
NOISE, NEAR_NOISE = 9.0, 20.0
#: How sure a layer's expectation is where it is known; the same for the frame before, where the plate is not known.
SURE, BEFORE = 0.85, 0.9
#: A step's loss of certainty about a plate that is not seen.
KEPT = 0.99
#: Largest odds (logarithm) of one sample's look, and of a mask's sample.
LOOK_ODDS, ODDS = 4.0, 4.0
#: Weight of what a sample looks like where the plate was never seen, against where it was.
UNSEEN = 0.3
#: Weight of the mask before: where the plate is known and moves otherwise, and elsewhere.
PRIOR_KNOWN, PRIOR = 0.5, 1.0
#: The mask before is never surer than this; what newly shows beside the object is at least so likely within REACH.
DOUBT, RECRUIT, REACH = 0.02, 0.2, 8
#: Squared distance of the two motions (samples) from which on they tell the layers apart.
APART = 1.0
#: Odds of a flow that goes with the ground or the object. The flow's halo clings to the object: the latter counts half.
GROUND_ODDS, OBJECT_ODDS = 1.0, 0.5
#: How much more than the affine motion the object's samples may do: weight of the square of it, in samples.
STIFF = 5.0
#: Learning rates: shape where it grows, shape where it is gone (faster at first, when it comes from a box), colours of
#: the object and of the ground, the object's motion relative to the ground, its size.
GROW, FORGET, OBJECT_COLOURS, GROUND_COLOURS, INERTIA, SIZE = 0.5, 0.05, 0.1, 0.2, 0.4, 0.1
#: A mask may be larger than the object's usual size by this factor.
ROOM = 1.15
#: The object is in sight if this share of its shape is; odds from which on a sample counts as seen.
IN_SIGHT, SEEN_ODDS = 0.25, 1.0
#: Cost of a shift by a sample from where the object should be, and by how much that grows as the object hides.
TETHER, HIDDEN = 0.0002, 20.0
#: Parts of the mask below this share of its largest are noise.
SPECK = 0.05
#: The object has left if less than this share of its shape is in the frame, or nothing was seen for so many frames.
GONE, PATIENCE = 0.05, 48
#: So many frames are walked out and back again before the first mask is told: only motion tells what of the box is
#: object. Mean IoU on bmx-trees from the first, middle and last frame: 0: 0.549, 0.444, 0.117, 6: 0.559, 0.486, 0.460,
#: 12: 0.556, 0.546, 0.517; that of the middle frame itself is 0.21 without.
SETTLE = 12


def check_box(picture: PictureFormat, box: Box) -> None:
    """Raises ArgumentError unless the box has an area, PictureError unless it lies in the frame and leaves some."""
    left, top, width, height = box
    if min(width, height) < 4:
        raise ArgumentError(f"box must be at least 4x4 pixels, passed {width}x{height}")
    if left < 0 or top < 0 or left + width > picture.width or top + height > picture.height:
        raise PictureError(
            f"box must lie in the frame of {picture.width}x{picture.height}, passed {width}x{height} at ({left}, {top})"
        )
    if width * height > 0.9 * picture.width * picture.height:
        raise PictureError(
            f"box must leave a tenth of the frame of {picture.width}x{picture.height} as background, "
            f"passed {width}x{height}"
        )


class Tracker:
    """Follows one object from its box in the key frame outwards, in one direction.

    box: left, top, width, height in pixels; sc_threshold: as in `Settings`, 0 for no cuts. Sets OpenCV's number of
    threads to one: the flow depends on it. Raises ArgumentError and PictureError as `check_box`.
    """

    def __init__(
        self, picture: PictureFormat, planes: Planes, box: Box, sc_threshold: float = Settings.sc_threshold
    ) -> None:
        check_box(picture, box)
        cv2.setNumThreads(1)
        self.picture, self._threshold = picture, sc_threshold
        self._window = window = Window.around(box)
        self._image = image = window.read(picture, planes)
        self._frame = self._reduced(planes)
        inside, frame = window.covers(box), self._in_frame(window)
        found = segment(image, inside).astype(np.float32)
        #: Odds as probabilities: what of the window is the object in sight, and what would be if nothing hid it.
        self._mask = np.clip(cv2.GaussianBlur(found, (0, 0), 1.0), DOUBT, 1 - DOUBT)
        self._shape = np.maximum(self._mask, np.float32(0.5) * inside)
        self._look = self._plate = image.astype(np.float32)
        self._known = _shrunk(~inside) * frame
        self._object, self._ground = Colours.of(image, found), Colours.of(image, frame - found)
        #: Motion relative to the ground, frame to the one before, in pixels; measured in the first step.
        self._drift: np.ndarray | None = None
        self._size = max(float(found.sum()), 0.4 * float(inside.sum())) / window.scale**2
        self._seen = self._usual = 0.5
        self._steps = self._hidden = 0
        self._over = False

    @property
    def mask(self) -> np.ndarray:
        """The mask of the frame last seen, bool [H, W]."""
        return self._window.spread(self._mask, self.picture.width, self.picture.height) > 0.5

    def reversed(self) -> Tracker:
        """A fork that walks the other way from here."""
        other = copy.copy(self)
        other._drift = None if self._drift is None else -self._drift
        return other

    def step(self, planes: Planes, cut: bool | None = None) -> np.ndarray | None:
        """The mask of the next frame outwards, bool [H, W]; None once the object has left or a cut came, then for good.

        cut: whether a cut lies between the frames, None to measure it.
        """
        if self._over or not self._advance(planes, cut):
            self._over = True
            return None
        return self.mask

    def _advance(self, planes: Planes, cut: bool | None) -> bool:
        picture, before = self.picture, self._window
        frame = self._reduced(planes)
        if cut is None:
            cut = 0 < self._threshold < motion.difference(self._frame, frame)
        if cut:
            return False
        coarse = _coarse_flow(frame, self._frame, picture)
        expected = self._expected(coarse)
        left, top, width, height = self._extent()
        window = Window.around((left - expected[0], top - expected[1], width, height))
        inside = self._in_frame(window)
        carried = window.warp(self._shape, before, expected)
        if (carried * inside).sum() < GONE * carried.sum() or not inside.any():
            return False
        image = window.read(picture, planes)

        # The ground (#1, #2).
        flow, trust = self._flow(window, image, coarse, expected)
        trust *= inside
        covered = np.maximum(window.warp(self._shape, before, flow), carried)
        ground = cv2.GaussianBlur(motion.push_pull(flow, trust * _shrunk(covered < 0.3)), (0, 0), 1.0)
        plate = window.warp(self._plate, before, ground)
        known = window.warp(self._known, before, ground) * np.float32(KEPT) * inside

        # The object (#1, #6).
        sure = window.warp(np.maximum(self._shape * 2 - 1, 0), before, expected)
        loose = 1 + HIDDEN * max(0.0, 1 - self._seen / self._usual)
        shift = sought(image, window.warp(self._look, before, expected), sure, TETHER * loose)
        start = expected - shift / np.float32(window.scale)
        distance = _squared(start - ground, window.scale)
        parted = distance / (distance + APART)
        of_ground = self._ground_density(image, plate, known, parted, window.warp(self._image, before, ground))
        by_colour = self._object.density(image)
        there, look = window.warp(self._shape, before, start) * inside, window.warp(self._look, before, start)
        odds = np.log(SURE * likeness(image, look, NOISE) + (1 - SURE) * by_colour) - np.log(of_ground)
        seen = float((there * (odds > SEEN_ODDS)).sum() / (there.sum() + 1e-3))
        in_sight = seen > IN_SIGHT
        if in_sight:
            own, weight = self._own_motion(window, image, look, start, inside * (odds > -1))
        else:
            own, weight = np.broadcast_to(start, ground.shape).astype(np.float32), None

        # The odds (#3, #4, #5, #7).
        shape = window.warp(self._shape, before, own)
        look = window.warp(self._look, before, own)
        around = cv2.blur((shape > 0.5).astype(np.float32), (2 * REACH + 1, 2 * REACH + 1))
        around = np.minimum(cv2.GaussianBlur(around, (0, 0), REACH / 2) * 4, 1) * known
        prior = cv2.GaussianBlur(window.warp(self._mask, before, own), (0, 0), 1.0)
        prior = np.clip(prior, DOUBT + (RECRUIT - DOUBT) * around, 1 - DOUBT)
        along = SURE * np.maximum(shape, 0.3 * around) * (1 - (1 - known) * (1 - parted))
        of_object = along * likeness(image, look, NOISE) + (1 - along) * by_colour
        odds = np.clip(np.log(of_object) - np.log(of_ground), -LOOK_ODDS, LOOK_ODDS)
        odds = cv2.GaussianBlur(odds * (UNSEEN + (1 - UNSEEN) * known), (0, 0), 1.2)
        off_ground, off_own = _squared(flow - ground, window.scale), _squared(flow - own, window.scale)
        vote = trust * (off_ground - off_own) / (off_ground + off_own + APART)
        odds += cv2.blur(np.clip(vote, -GROUND_ODDS, OBJECT_ODDS), (5, 5))
        odds += (PRIOR + (PRIOR_KNOWN - PRIOR) * known * parted) * np.log(prior / (1 - prior))
        odds = np.where(inside > 0, _guided(image[..., 0].astype(np.float32), odds), -np.inf)
        room = int(self._size * window.scale**2 * ROOM)
        if np.count_nonzero(odds > 0) > room:
            odds = odds - np.partition(odds.ravel(), -room)[-room]
        mask = _without_specks(1 / (1 + np.exp(-np.clip(odds, -ODDS, ODDS).astype(np.float32))))

        self._learn(window, image, inside, mask, shape, look, plate, known, seen)
        if weight is not None:
            total = weight.sum() + 1e-6
            drift = ((own - ground) * weight[..., None]).sum((0, 1)) / total
            self._drift = self._drift + np.float32(INERTIA) * (drift - self._drift)
        self._window, self._frame = window, frame
        return self._hidden <= PATIENCE

    def _expected(self, coarse: np.ndarray) -> np.ndarray:
        """Motion to the frame before if the object goes on as it went, float32 [2], pixels."""
        window = self._window
        x, y = _places(window, coarse, self.picture)
        flow = cv2.remap(coarse, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
        free, mine = cv2.dilate(self._shape, np.ones((9, 9), np.uint8)) < 0.3, self._mask > 0.5
        ground = np.median(flow[free], 0) if free.any() else np.zeros(2)
        if self._drift is None:
            self._drift = (np.median(flow[mine], 0) - ground if mine.any() else np.zeros(2)).astype(np.float32)
        return (ground + self._drift).astype(np.float32)

    def _flow(
        self, window: Window, image: np.ndarray, coarse: np.ndarray, expected: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Flow to the frame before, float32 [h, w, 2] in pixels, and how far forth and back agree, float32 [h, w]."""
        scale = np.float32(window.scale)
        start = cv2.remap(coarse, *_places(window, coarse, self.picture), cv2.INTER_LINEAR, borderMode=_REPLICATE)
        was = window.warp(self._image[..., :1].repeat(2, 2), self._window, expected)[..., 0].astype(np.uint8)
        now, dis = np.ascontiguousarray(image[..., 0]), motion.dense(3, 0)
        flow = dis.calc(now, was, (start - expected) * scale)
        back = dis.calc(was, now, -flow)
        x, y = np.arange(window.width, dtype=np.float32), np.arange(window.height, dtype=np.float32)[:, None]
        miss = flow + cv2.remap(back, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=_REPLICATE)
        return flow / scale + expected, 1 / (1 + np.einsum("ijk,ijk->ij", miss, miss))

    def _ground_density(
        self, image: np.ndarray, plate: np.ndarray, known: np.ndarray, parted: np.ndarray, before: np.ndarray
    ) -> np.ndarray:
        near = motion.push_pull(plate, (known > 0.5).astype(np.float32))
        density = 0.5 * likeness(image, near, NEAR_NOISE) + 0.5 * self._ground.density(image)
        for share, expected in ((BEFORE * (1 - known) * parted, before), (known, plate)):
            density = SURE * share * likeness(image, expected, NOISE) + (1 - SURE * share) * density
        return density

    def _own_motion(
        self, window: Window, image: np.ndarray, look: np.ndarray, start: np.ndarray, where: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The object's motion to the frame before, float32 [h, w, 2] in pixels, and the samples' weight in it."""
        flow = motion.dense(3, 0).calc(np.ascontiguousarray(image[..., 0]), look[..., 0].astype(np.uint8), None)
        flow = flow / np.float32(window.scale) + start
        fits = likeness(image, window.warp(self._look, self._window, flow), NOISE) / np.float32(peak(NOISE))
        weight = window.warp(self._shape, self._window, flow) * fits * where
        whole = affine(flow, weight, start, window.scale)
        stray = flow - whole
        w = weight / (1 + STIFF * _squared(stray, window.scale))
        stray *= (w / (w + 0.02))[..., None]
        return cv2.GaussianBlur(motion.push_pull(stray, np.minimum(1, w + 0.02)) + whole, (0, 0), 1.0), weight

    def _learn(
        self,
        window: Window,
        image: np.ndarray,
        inside: np.ndarray,
        mask: np.ndarray,
        shape: np.ndarray,
        look: np.ndarray,
        plate: np.ndarray,
        known: np.ndarray,
        seen: float,
    ) -> None:
        self._steps += 1
        size = np.count_nonzero(mask > 0.5) / window.scale**2
        self._hidden = 0 if size else self._hidden + 1
        forget = max(FORGET, 1 / (self._steps + 1)) * min(1.0, 1.5 * seen)
        self._shape = shape + inside * np.where(mask > shape, GROW, forget).astype(np.float32) * (mask - shape)
        self._look = np.where(((mask > 0.5) | (shape < 0.25))[..., None], image, look).astype(np.float32)
        # What does not look like the plate may be the object coming out: it is not to be taken into the plate at once.
        same = likeness(image, plate, 2 * NOISE) / np.float32(peak(2 * NOISE))
        fresh = np.minimum(1, np.maximum(1 - known, 0.2 + same)) * inside
        fresh = np.where(cv2.dilate(mask, np.ones((5, 5), np.uint8)) < 0.3, fresh, 0).astype(np.float32)
        self._plate = plate + fresh[..., None] * (image - plate)
        self._known = np.maximum(known, fresh)
        self._ground = self._ground.learned(image, (mask < 0.2) * inside, GROUND_COLOURS)
        if seen > IN_SIGHT:
            self._object = self._object.learned(image, (mask > 0.8).astype(np.float32), OBJECT_COLOURS)
            # An object that is smaller than usual may only be hidden.
            self._size += SIZE * (1 if size > self._size else 0.3) * (size - self._size)
        self._seen = seen
        self._usual += 0.1 * (1 if seen > self._usual else 0.2) * (seen - self._usual)
        self._image, self._mask = image, mask

    def _reduced(self, planes: Planes) -> motion.FlowInput:
        main = planes[1 if self.picture.family == "RGB" else 0]
        return motion.prepare(main, None, self.picture.peak)

    def _in_frame(self, window: Window) -> np.ndarray:
        return window.covers((0, 0, self.picture.width, self.picture.height)).astype(np.float32)

    def _extent(self) -> Box:
        """Box of the shape, but for a hundredth of it on each side."""
        window, weight = self._window, np.maximum(self._shape - 0.5, 0).astype(np.float64)
        if not weight.any():
            weight = np.ones_like(weight)
        ends = [np.searchsorted(np.cumsum(weight.sum(k)), np.array([0.01, 0.99]) * weight.sum()) for k in (0, 1)]
        (left, right), (top, bottom) = ((e + (0, 1)) / window.scale for e in ends)
        return window.left + left, window.top + top, right - left, bottom - top


def settled(
    picture: PictureFormat,
    planes: Iterable[Planes],
    box: Box,
    sc_threshold: float = Settings.sc_threshold,
    cuts: Sequence[bool | None] = (None,) * SETTLE,
) -> tuple[Tracker, int]:
    """A tracker at the key frame that has seen what follows, ready to walk that way, and how many frames it saw.

    planes: the key frame, then up to SETTLE frames outwards (more are not taken). The walk goes out and back; it turns
    where the object leaves or a cut comes. cuts: for each step outwards, as of `Tracker.step`.
    """
    frames = [p for p, _ in zip(planes, range(SETTLE + 1), strict=False)]
    first = tracker = Tracker(picture, frames[0], box, sc_threshold)
    walked = 0
    for frame, cut in zip(frames[1:], cuts, strict=False):
        ahead = copy.copy(tracker)
        if ahead.step(frame, cut) is None:
            break
        tracker, walked = ahead, walked + 1
    tracker = tracker.reversed()
    for frame in reversed(frames[:walked]):
        tracker.step(frame, cut=False)
    tracker = tracker.reversed()
    left, top, width, height = (round(v) for v in box)
    found = tracker.mask
    boxed = np.count_nonzero(found[top : top + height, left : left + width])
    # It came back with something else, or with next to nothing.
    lost = tracker._over or boxed < 0.5 * np.count_nonzero(found) or boxed < 0.05 * width * height
    return (first, 0) if lost else (tracker, walked)


_REPLICATE = cv2.BORDER_REPLICATE


def _coarse_flow(now: motion.FlowInput, before: motion.FlowInput, picture: PictureFormat) -> np.ndarray:
    """Flow of the whole frame to the one before, float32 [h, w, 2] in pixels of the frame."""
    h, w = now.luma.shape
    factor = max(1.0, math.sqrt(h * w / COARSE))
    size = (int(w / factor), int(h / factor))
    a, b = (cv2.resize(v.luma, size, interpolation=cv2.INTER_AREA) for v in (now, before))
    return motion.dense(4, 1).calc(a, b, None) * np.float32(picture.width / size[0])


def _places(window: Window, coarse: np.ndarray, picture: PictureFormat) -> tuple[np.ndarray, np.ndarray]:
    """Where the window's samples lie on the coarse grid: x and y, float32 [h, w]."""
    x, y = window.grid
    x = (x + 0.5) * np.float32(coarse.shape[1] / picture.width) - 0.5
    y = (y + 0.5) * np.float32(coarse.shape[0] / picture.height) - 0.5
    return tuple(np.ascontiguousarray(v) for v in np.broadcast_arrays(x, y))


def _squared(motions: np.ndarray, scale: float) -> np.ndarray:
    """Squared length in working samples."""
    return np.einsum("ijk,ijk->ij", motions, motions) * np.float32(scale**2)


def _shrunk(where: np.ndarray) -> np.ndarray:
    return cv2.erode(where.astype(np.float32), np.ones((5, 5), np.uint8))


def _guided(guide: np.ndarray, values: np.ndarray, radius: int = 3, noise: float = 40.0) -> np.ndarray:
    """`values` smoothed, but not across the edges of `guide`; noise: variance that is no edge."""

    def mean(v: np.ndarray) -> np.ndarray:
        return cv2.blur(v, (2 * radius + 1, 2 * radius + 1))

    g, v = mean(guide), mean(values)
    slope = (mean(guide * values) - g * v) / (mean(guide * guide) - g * g + noise)
    return mean(slope) * guide + mean(v - slope * g)


def _without_specks(mask: np.ndarray) -> np.ndarray:
    _, label, stats, _ = cv2.connectedComponentsWithStats((mask > 0.5).astype(np.uint8))
    area = stats[:, cv2.CC_STAT_AREA]
    small = area < SPECK * area[1:].max(initial=0)
    small[0] = False
    return np.where(small[label], np.minimum(mask, np.float32(0.4)), mask)
