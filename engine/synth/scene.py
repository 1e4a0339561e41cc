"""A procedural flight over countryside, as a drone's camera would film it: for the demo and for tests.

Everything follows from the seed and the frame number. The ground and the clouds are planes seen through a
homography, the ground in several levels of detail so that it does not shimmer; trees are upright pictures,
houses are solids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from ..errors import ArgumentError
from .terrain import DENSITY, DETAIL_SIDE, SIDE, Terrain, noise, solid, terrain

_HAZE = np.float32([186, 200, 212])
_ZENITH = np.float32([84, 132, 190])
_CLOUD_HEIGHT, _CLOUD_SIDE = 700.0, 5000.0
#: Metres at which a third of the colour is left.
_VISIBILITY = 520.0
#: Weights, haze and sky colour are smooth: they are computed on a grid this much coarser.
_COARSE = 8
#: Share of the time between frames that the shutter is open.
_SHUTTER = 0.35
_GRAIN_BIAS = 12


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Where the camera is (metres) and how it is turned (radians; down and right are positive)."""

    x: float
    y: float
    height: float
    yaw: float
    pitch: float
    roll: float

    def axes(self) -> np.ndarray:
        """float64 [3, 3]: rows are the camera's right, down and forward in the world (east, north, up)."""
        cp, sp, cy, sy = np.cos(self.pitch), np.sin(self.pitch), np.cos(self.yaw), np.sin(self.yaw)
        forward = np.array([sy * cp, cy * cp, -sp])
        right = np.array([cy, -sy, 0.0])
        down = np.cross(forward, right)
        c, s = np.cos(self.roll), np.sin(self.roll)
        return np.stack([right * c + down * s, down * c - right * s, forward])


class Path:
    """Smooth flight: pose at any time, by integrating a wavy yaw rate at a fine step once."""

    _STEP = 1 / 240

    def __init__(self, rng: np.random.Generator, seconds: float) -> None:
        t = np.arange(-0.5, seconds + 0.5, self._STEP)

        def wave(scale: float, shortest: float, longest: float) -> np.ndarray:
            parts = [
                (rng.uniform(0.4, 1), rng.uniform(shortest, longest), rng.uniform(0, 7)) for _ in range(3)
            ]
            return scale * sum(a * np.sin(2 * np.pi * t / p + s) for a, p, s in parts) / 1.7

        turn = wave(0.55, 2.5, 9)
        speed = 15 + wave(4, 3, 9)
        yaw = rng.uniform(0, 2 * np.pi) + np.cumsum(turn) * self._STEP
        self._t = t
        self._values = np.stack(
            [
                rng.uniform(0, SIDE) + np.cumsum(speed * np.sin(yaw)) * self._STEP,
                rng.uniform(0, SIDE) + np.cumsum(speed * np.cos(yaw)) * self._STEP,
                np.maximum(8, 17 + wave(6, 4, 11)),
                yaw,
                0.20 + wave(0.07, 1.5, 5) + wave(0.004, 0.08, 0.3),
                # A multirotor banks into its turns, and trembles.
                0.75 * turn + wave(0.05, 0.7, 2) + wave(0.004, 0.07, 0.3),
            ]
        )

    def at(self, seconds: float) -> Pose:
        x, y, height, yaw, pitch, roll = (float(np.interp(seconds, self._t, v)) for v in self._values)
        return Pose(x=x, y=y, height=height, yaw=yaw, pitch=pitch, roll=roll)


class Scene:
    """Renders poses at one picture size."""

    def __init__(self, width: int, height: int, rng: np.random.Generator) -> None:
        self.width, self.height = width, height
        self.focal = 0.62 * max(width, height)
        self.terrain: Terrain = terrain(rng)
        cloud = np.clip(noise(rng, 1024, 4, 256, 0.62) * 1.4 + 0.05, 0, 1)
        self._cloud = (255 * cloud).astype(np.uint8)
        self._hills = 0.035 + 0.02 * noise(rng, 256, 8, 128, 0.55)[0].astype(np.float64)
        f = self.focal
        self.inverse = np.array([[1 / f, 0, -width / 2 / f], [0, 1 / f, -height / 2 / f], [0, 0, 1]])
        coarse = -(-height // _COARSE) + 1, -(-width // _COARSE) + 1
        ys, xs = (np.mgrid[0 : coarse[0], 0 : coarse[1]].astype(np.float32) + 0.5) * _COARSE - 0.5
        self._coarse = xs, ys
        self._norm = np.sqrt(1 + ((xs - width / 2) ** 2 + (ys - height / 2) ** 2) / f**2)
        self._crowns: dict[tuple[int, int, int], np.ndarray] = {}

    def _fine(self, coarse: np.ndarray) -> np.ndarray:
        """A coarse map at the picture's size."""
        size = coarse.shape[1] * _COARSE, coarse.shape[0] * _COARSE
        return np.ascontiguousarray(cv2.resize(coarse, size)[: self.height, : self.width])

    def render(self, pose: Pose) -> np.ndarray:
        """uint8 RGB [height, width, 3] of an instant."""
        axes = pose.axes()
        rays = axes.T @ self.inverse  # pixel (x, y, 1) -> direction in the world
        xs, ys = self._coarse
        lift = (rays[2, 0] * xs + rays[2, 1] * ys + rays[2, 2]).astype(np.float32)
        picture = self._sky(pose, rays, lift / self._norm)
        self._draw_hills(picture, axes)
        if (lift < 0).any():
            self._draw_ground(picture, pose, rays, lift)
        self._draw_objects(picture, pose, axes)
        return picture

    def _plane(self, pose: Pose, rays: np.ndarray, drop: float, side: float, pixels: int) -> np.ndarray:
        """Homography from picture to a repeating texture on the plane `drop` metres below the camera."""
        x, y = pose.x % side, pose.y % side
        rows = np.stack([drop * rays[0] - x * rays[2], drop * rays[1] - y * rays[2], -rays[2]])
        return np.diag([pixels / side, pixels / side, 1.0]) @ rows

    def _box(self, needed: np.ndarray) -> tuple[slice, slice]:
        """Pixels that a coarse map says are needed, as a box with a margin for the interpolation."""
        rows, columns = np.flatnonzero(needed.any(1)), np.flatnonzero(needed.any(0))
        if not len(rows):
            return slice(0, 0), slice(0, 0)
        y0, y1 = max(0, (int(rows[0]) - 1) * _COARSE), min(self.height, (int(rows[-1]) + 2) * _COARSE)
        x0, x1 = max(0, (int(columns[0]) - 1) * _COARSE), min(self.width, (int(columns[-1]) + 2) * _COARSE)
        return slice(y0, y1), slice(x0, x1)

    def _seen(self, texture: np.ndarray, matrix: np.ndarray, box: tuple[slice, slice]) -> np.ndarray:
        rows, columns = box
        moved = matrix @ np.array([[1, 0, columns.start], [0, 1, rows.start], [0, 0, 1.0]])
        size = columns.stop - columns.start, rows.stop - rows.start
        return cv2.warpPerspective(
            texture, moved, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_WRAP
        )

    def _sky(self, pose: Pose, rays: np.ndarray, sine: np.ndarray) -> np.ndarray:
        """Gradient and clouds. sine: of the elevation, coarse."""
        rise = np.clip(sine, 0, 1)
        share = np.clip(rise * 2.2, 0, 1)[..., None] ** 0.7
        picture = self._fine((_HAZE * (1 - share) + _ZENITH * share).astype(np.uint8))
        strength = np.clip((rise - 0.04) * 5, 0, 0.75).astype(np.float32)
        box = self._box(strength > 0)
        if box[0].stop == box[0].start:
            return picture
        matrix = self._plane(pose, rays, -_CLOUD_HEIGHT, _CLOUD_SIDE, self._cloud.shape[0])
        clouds = cv2.merge([self._seen(self._cloud, matrix, box)] * 3)
        part = picture[box]
        strength = self._fine(strength)[box]
        picture[box] = cv2.blendLinear(
            cv2.add(part, clouds), np.ascontiguousarray(part), strength, 1 - strength
        )
        return picture

    def _draw_hills(self, picture: np.ndarray, axes: np.ndarray) -> None:
        """One band around the horizon, of what of it lies before the camera."""
        count = len(self._hills)
        # Counted from behind the camera, what is in sight is one run of angles.
        start = np.arctan2(axes[2, 0], axes[2, 1]) + np.pi
        first = int(np.ceil(start / (2 * np.pi) * count))
        index = np.arange(first, first + count)
        angles = index * (2 * np.pi / count)
        flat = np.stack([np.sin(angles), np.cos(angles)], 1)
        ring = np.column_stack([flat, self._hills[index % count]]) @ axes.T
        low = np.column_stack([flat, np.full(count, -0.02)]) @ axes.T
        ahead = (ring[:, 2] > 0.2) & (low[:, 2] > 0.2)
        outline = np.concatenate([ring[ahead], low[ahead][::-1]])
        if len(outline) > 3:
            colour = tuple(int(v) for v in 0.72 * _HAZE + 0.28 * np.float32([70, 92, 70]))
            cv2.fillPoly(picture, [_fixed(self._projected(outline))], colour, cv2.LINE_AA, 4)

    def _projected(self, points: np.ndarray) -> np.ndarray:
        """Camera coordinates [n, 3] -> pixels [n, 2]."""
        return points[:, :2] / points[:, 2:] * self.focal + (self.width / 2, self.height / 2)

    def _draw_ground(self, picture: np.ndarray, pose: Pose, rays: np.ndarray, lift: np.ndarray) -> None:
        """lift: upward part of each coarse pixel's ray of unit depth; below 0 it meets the ground."""
        distance = pose.height / np.maximum(-lift, 1e-5)
        footprint = distance / self.focal * np.sqrt(np.maximum(distance / pose.height, 1))
        textures = self.terrain.ground
        # Each level has a quarter of the side before, two octaves.
        level = np.clip(np.log2(np.maximum(footprint * DENSITY, 1e-6)) / 2, 0, len(textures) - 1)
        below = lift < 0
        whole = self._box(below)
        ground = np.zeros_like(picture)
        coarsest = int(np.ceil(level[below].max()))
        for i in range(coarsest, int(level[below].min()) - 1, -1):
            share = np.clip(1 + i - level, 0, 1) if i < coarsest else np.ones_like(level)
            box = self._box(below & (share > 0) & (level > i - 1))
            if box[0].stop == box[0].start:
                continue
            layer = self._seen(
                textures[i], self._plane(pose, rays, pose.height, SIDE, textures[i].shape[0]), box
            )
            if i == coarsest:
                ground[box] = layer
            else:
                _mix(ground, layer, self._fine(share.astype(np.float32)), box)
        depth = np.where(below, 0.62 * np.clip(1.1 - distance / 75, 0, 1), 0).astype(np.float32)
        box = self._box(depth > 0)
        if box[0].stop > box[0].start:
            detail = self._seen(
                self.terrain.detail, self._plane(pose, rays, pose.height, DETAIL_SIDE, 1024), box
            )
            rough = cv2.multiply(ground[box], cv2.merge([detail] * 3), scale=1 / 128)
            _mix(ground, rough, self._fine(depth), box)
        # Haze takes the far ground; at the horizon only haze is left, so its edge needs no care.
        clear = np.where(below, np.exp(-distance / _VISIBILITY), 0).astype(np.float32)
        misty = np.empty_like(picture)
        misty[:] = _HAZE.astype(np.uint8)
        _mix(misty, ground[whole], self._fine(clear), whole)
        _mix(
            picture, misty[whole], self._fine(np.clip(-lift * 400 / _COARSE, 0, 1).astype(np.float32)), whole
        )

    def _draw_objects(self, picture: np.ndarray, pose: Pose, axes: np.ndarray) -> None:
        """Trees and houses, the far ones first."""
        trees, feet = self._around(self.terrain.trees, pose, axes)
        tops = feet + axes[:, 2] * trees[:, 2:3]
        ends = np.column_stack([self._projected(feet), self._projected(tops)])
        size = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
        keep = (tops[:, 2] > 2) & (size > 3.5)
        houses, corners = self._around(self.terrain.houses, pose, axes)
        listed = [(depth, 0, i) for i, depth in enumerate(feet[:, 2]) if keep[i]]
        listed += [(depth, 1, i) for i, depth in enumerate(corners[:, 2])]
        for depth, kind, i in sorted(listed, reverse=True):
            clear = float(np.exp(-depth / _VISIBILITY))
            if kind:
                self._draw_house(picture, houses[i], corners[i], axes, clear)
            else:
                self._draw_tree(picture, int(trees[i, 3]), ends[i].tolist(), float(size[i]), clear)

    def _around(self, table: np.ndarray, pose: Pose, axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows of what stands in sight, repeated with the ground, and their feet in camera coordinates."""
        offsets = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]) * SIDE
        flat = (table[None, :, :2] - (pose.x % SIDE, pose.y % SIDE) + offsets[:, None]).reshape(-1, 2)
        camera = np.column_stack([flat, np.full(len(flat), -pose.height)]) @ axes.T
        depth = camera[:, 2]
        aside = np.abs(camera[:, 0]) < depth * self.width / self.focal * 0.5 + 14
        above = camera[:, 1] < depth * self.height / self.focal * 0.5 + 16
        seen = (depth > 4) & (depth < 210) & aside & above
        return np.tile(table, (9, 1))[seen], camera[seen]

    def _crown(self, kind: int, size: float, clear: float) -> np.ndarray:
        """Sprite of a tree as tall as `size` pixels, its colours hazed already, in 16 steps."""
        level = 0 if size > 110 else 1 if size > 40 else 2
        key = kind, level, round(clear * 16)
        if key not in self._crowns:
            made = self.terrain.crowns[kind][level].copy()
            share = key[2] / 16
            made[..., :3] = made[..., :3] * share + _HAZE * ((1 - share) / 255) * made[..., 3:]
            self._crowns[key] = np.clip(made, 0, 255).astype(np.uint8)
        return self._crowns[key]

    def _draw_tree(
        self, picture: np.ndarray, kind: int, ends: list[float], size: float, clear: float
    ) -> None:
        """ends: pixels of the foot and the top, x, y, x, y."""
        sprite = self._crown(kind, size, clear)
        n = sprite.shape[0]
        fx, fy, tx, ty = ends
        ux, uy = (tx - fx) / n, (ty - fy) / n
        rx, ry = -0.8 * uy, 0.8 * ux
        half = 0.5 * n
        reach_x, reach_y = abs(rx) * half, abs(ry) * half
        x0, x1 = max(0, int(min(fx, tx) - reach_x)), min(self.width, int(max(fx, tx) + reach_x) + 2)
        y0, y1 = max(0, int(min(fy, ty) - reach_y)), min(self.height, int(max(fy, ty) + reach_y) + 2)
        if x1 <= x0 or y1 <= y0:
            return
        # The sprite's (n/2, n) is the foot, (n/2, 0) the top.
        matrix = np.array(
            [[rx, -ux, fx - rx * half + ux * n - x0], [ry, -uy, fy - ry * half + uy * n - y0]], np.float64
        )
        drawn = cv2.warpAffine(sprite, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        region = picture[y0:y1, x0:x1]
        alpha = drawn[..., 3]
        through = cv2.merge([255 - alpha] * 3)
        region[:] = cv2.add(cv2.multiply(region, through, scale=1 / 255), drawn[..., :3])

    def _draw_house(
        self, picture: np.ndarray, row: np.ndarray, foot: np.ndarray, axes: np.ndarray, clear: float
    ) -> None:
        points, faces = solid(*row[2:])
        camera = points @ axes.T + foot
        if (camera[:, 2] < 1).any():
            return
        pixels = _fixed(self._projected(camera))
        for first, last, normal, colour in faces:
            if (axes @ normal) @ camera[first] < 0:
                tone = colour * clear + _HAZE * (1 - clear)
                cv2.fillPoly(picture, [pixels[first:last]], tone.tolist(), cv2.LINE_AA, 4)


def _fixed(points: np.ndarray) -> np.ndarray:
    """Pixels in sixteenths, as OpenCV's drawing takes them."""
    return np.round(np.clip(points, -1e5, 1e5) * 16).astype(np.int32)


def _mix(target: np.ndarray, layer: np.ndarray, share: np.ndarray, box: tuple[slice, slice]) -> None:
    """Blend `layer` (of the box's size) into `target` by `share` (of the picture's size), in place."""
    part = np.ascontiguousarray(share[box])
    target[box] = cv2.blendLinear(
        np.ascontiguousarray(layer), np.ascontiguousarray(target[box]), part, 1 - part
    )


def flight(width: int, height: int, length: int, seed: int, fps: float = 30.0) -> Iterator[np.ndarray]:
    """`length` frames of a flight: uint8 RGB [height, width, 3]; ArgumentError for less than 16x16."""
    if min(width, height) < 16 or length < 0 or not fps > 0:
        raise ArgumentError(
            f"a flight must be at least 16x16 at a positive rate, passed {width}x{height}, {fps}"
        )
    rng = np.random.default_rng([seed, 4])
    path = Path(rng, length / fps)
    scene = Scene(width, height, rng)
    grain = np.clip(rng.normal(_GRAIN_BIAS, 2.2, (height + 64, width + 64, 3)).round(), 0, 255).astype(
        np.uint8
    )
    corner = np.hypot(*np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))).astype(np.float32)
    vignette = cv2.merge([(250 * (1.0 - 0.13 * corner**2)).astype(np.uint8)] * 3)
    for n in range(length):
        picture = _smeared(scene.render(path.at(n / fps)), scene, path, n / fps, _SHUTTER / fps)
        dy, dx = (n * 37) % 64, (n * 23) % 64
        speckle = grain[dy : dy + height, dx : dx + width]
        yield cv2.addWeighted(cv2.multiply(picture, vignette, scale=1.03 / 250), 1, speckle, 1, -_GRAIN_BIAS)


def _smeared(picture: np.ndarray, scene: Scene, path: Path, seconds: float, open_for: float) -> np.ndarray:
    """Motion blur by the camera's turning, its larger part: the instant and a turned copy."""
    now, then = path.at(seconds).axes(), path.at(seconds + open_for).axes()
    matrix = np.linalg.inv(scene.inverse) @ now @ then.T @ scene.inverse
    turned = cv2.warpPerspective(
        picture, matrix, (scene.width, scene.height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return cv2.addWeighted(picture, 0.5, turned, 0.5, 0)
