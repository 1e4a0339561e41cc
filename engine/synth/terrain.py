"""A square of countryside that repeats: its ground from above, its trees and houses."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

#: Side of the repeating square in metres, and pixels per metre of its picture.
SIDE = 256.0
DENSITY = 8
#: Side in metres of the fine structure that is laid over near ground.
DETAIL_SIDE = 32.0


def noise(rng: np.random.Generator, size: int, coarsest: int, finest: int, fall: float = 0.5) -> np.ndarray:
    """Repeating noise float32 [size, size], about -1..1: octaves of `coarsest`.. `finest` grains a side."""
    total = np.zeros((size, size), np.float32)
    weight, norm, grains = 1.0, 0.0, coarsest
    while grains <= min(finest, size):
        seed = rng.standard_normal((grains, grains)).astype(np.float32)
        # Two grains of margin make the cubic interpolation wrap around.
        wide = cv2.copyMakeBorder(seed, 2, 2, 2, 2, cv2.BORDER_WRAP)
        step = size // grains
        big = cv2.resize(wide, (wide.shape[1] * step, wide.shape[0] * step), interpolation=cv2.INTER_CUBIC)
        total += weight * big[2 * step : 2 * step + size, 2 * step : 2 * step + size]
        norm += weight * weight
        weight, grains = weight * fall, grains * 2
    return total / (1.6 * np.sqrt(norm))


@dataclass(frozen=True, kw_only=True)
class Terrain:
    """ground: uint8 RGB pyramid, each level a quarter of the side before. detail: uint8, 128 is neutral.

    trees: float [n, 4] x, y, height, kind. houses: float [n, 6] x, y, length, width, eaves, turn (m, rad).
    """

    ground: list[np.ndarray] = field(repr=False)
    detail: np.ndarray = field(repr=False)
    trees: np.ndarray = field(repr=False)
    houses: np.ndarray = field(repr=False)
    crowns: list[list[np.ndarray]] = field(repr=False)


_FIELDS = np.array(
    [
        (92, 118, 58),
        (112, 132, 66),
        (142, 134, 78),
        (120, 98, 68),
        (166, 150, 92),
        (78, 104, 54),
        (98, 126, 74),
        (134, 112, 76),
    ],
    np.float32,
)


def terrain(rng: np.random.Generator) -> Terrain:
    """Fields with crop rows, roads, a wood, single trees with their shadows, houses."""
    size = int(SIDE * DENSITY)
    half = size // 2
    warp = noise(rng, half, 4, 64)
    wood = noise(rng, half, 4, 16) + 0.25 * noise(rng, half, 32, 256)
    colour = _fields(rng, half, warp)
    mottle = noise(rng, half, 8, 512, 0.72)
    colour *= (1 + 0.10 * mottle)[..., None]
    is_wood = np.clip((wood - 0.62) * 8, 0, 1)[..., None]
    colour = colour * (1 - is_wood) + np.float32([58, 76, 42]) * (1 + 0.25 * mottle)[..., None] * is_wood
    colour = cv2.resize(_wrapped(colour), None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)[16:-16, 16:-16]
    colour *= (1 + 0.06 * noise(rng, size, 256, 1024, 0.8))[..., None]
    road = np.zeros((size, size), np.uint8)
    paint = np.zeros((size, size), np.uint8)
    _roads(rng, size, road, paint)

    free = cv2.dilate(road, np.ones((61, 61), np.uint8)) == 0
    houses = _houses(rng, free)
    trees = _trees(rng, free, wood)
    clear = [all(_apart(x, y, *house[:2]) > 11 for house in houses) for x, y in trees[:, :2]]
    trees = trees[np.array(clear, bool)]
    shadow = np.zeros((size, size), np.uint8)
    for x, y, height, _ in trees:
        _ellipse(shadow, x + 0.35 * height, y - 0.2 * height, 0.30 * height, 0.24 * height, 150)
    for x, y, length, width, _, _ in houses:
        _ellipse(shadow, x + 1.5, y - 1, 0.6 * length, 0.6 * width, 110)
    road_share = (road.astype(np.float32) / 255)[..., None]
    asphalt = np.float32([112, 110, 108]) * (1 + 0.05 * noise(rng, size, 128, 1024, 0.9))[..., None]
    colour = colour * (1 - road_share) + asphalt * road_share
    colour += (paint.astype(np.float32) / 255)[..., None] * (np.float32([222, 220, 210]) - colour)
    shade = cv2.GaussianBlur(shadow, (0, 0), 4).astype(np.float32) / 255
    colour *= (1 - 0.6 * shade)[..., None]
    level = np.clip(colour, 0, 255).astype(np.uint8)
    ground = [level]
    for _ in range(3):
        level = cv2.resize(level, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        ground.append(level)
    grain = noise(rng, 1024, 16, 1024, 0.85)
    return Terrain(
        ground=ground,
        detail=np.clip(128 + 62 * grain, 0, 255).astype(np.uint8),
        trees=trees,
        houses=houses,
        crowns=[_crown(rng) for _ in range(6)],
    )


def _wrapped(picture: np.ndarray) -> np.ndarray:
    return cv2.copyMakeBorder(picture, 8, 8, 8, 8, cv2.BORDER_WRAP)


def _fields(rng: np.random.Generator, size: int, warp: np.ndarray) -> np.ndarray:
    """Patches of one colour each, nearest seed on the torus, with crop rows; float32 [size, size, 3]."""
    axis = np.arange(size, dtype=np.float32) / size
    x, y = axis[None] + 0.012 * warp, axis[:, None] + 0.012 * np.roll(warp, size // 3, 0)
    nearest, second = np.full((2, size, size), np.inf, np.float32)
    owner = np.zeros((size, size), np.int32)
    count = 30
    for i, (sx, sy) in enumerate(rng.random((count, 2))):
        dx, dy = np.abs(x - sx), np.abs(y - sy)
        dx, dy = np.minimum(dx, 1 - dx), np.minimum(dy, 1 - dy)
        distance = dx * dx + 0.8 * dy * dy
        closer = distance < nearest
        second = np.where(closer, nearest, np.minimum(second, distance))
        owner[closer] = i
        nearest = np.minimum(nearest, distance)
    tints = _FIELDS[rng.integers(len(_FIELDS), size=count)] * rng.uniform(0.88, 1.1, (count, 1)).astype(
        np.float32
    )
    # Whole numbers of rows over the side keep the rows whole where the square repeats.
    waves = rng.integers(-70, 71, (count, 2)).astype(np.float32)
    depth = (rng.random(count) < 0.6) * rng.uniform(0.04, 0.12, count)
    phase = 2 * np.pi * (waves[owner, 0] * axis[None] + waves[owner, 1] * axis[:, None])
    rows = 1 + depth.astype(np.float32)[owner] * np.sin(phase)
    hedge = np.clip(1 - (np.sqrt(second) - np.sqrt(nearest)) / 0.010, 0, 1)[..., None]
    colour = tints[owner] * rows[..., None]
    return colour * (1 - 0.75 * hedge) + np.float32([54, 72, 38]) * 0.75 * hedge


def _roads(rng: np.random.Generator, size: int, road: np.ndarray, paint: np.ndarray) -> None:
    along = np.arange(-64, size + 65, 4)
    for vertical in (False, True):
        for _ in range(2 if vertical else 1):
            swing, shift, middle = rng.uniform(60, 190), rng.uniform(0, 2 * np.pi), rng.uniform(0, size)
            across = middle + swing * np.sin(2 * np.pi * along / size + shift)
            for offset in (-size, 0, size):
                line = np.stack([along, across + offset] if not vertical else [across + offset, along], 1)
                line = np.round(line).astype(np.int32)
                cv2.polylines(road, [line], False, 255, int(6 * DENSITY), cv2.LINE_AA)
                for i in range(0, len(line) - 8, 14):
                    cv2.polylines(paint, [line[i : i + 6]], False, 230, 2, cv2.LINE_AA)
                for side in (-2.7, 2.7):
                    edge = line + np.int32([0, side * DENSITY] if not vertical else [side * DENSITY, 0])
                    cv2.polylines(paint, [edge], False, 200, 2, cv2.LINE_AA)


def _is_free(free: np.ndarray, x: float, y: float) -> bool:
    return bool(free[int(y * DENSITY) % free.shape[0], int(x * DENSITY) % free.shape[1]])


def _trees(rng: np.random.Generator, free: np.ndarray, wood: np.ndarray) -> np.ndarray:
    out = []
    for x, y in rng.uniform(0, SIDE, (2600, 2)):
        dense = wood[int(y / SIDE * wood.shape[0]), int(x / SIDE * wood.shape[1])] > 0.62
        if _is_free(free, x, y) and (rng.random() < (0.5 if dense else 0.05)):
            out.append((x, y, rng.uniform(5, 13), rng.integers(6)))
    return np.array(out).reshape(-1, 4)


def _houses(rng: np.random.Generator, free: np.ndarray) -> np.ndarray:
    out: list[tuple[float, ...]] = []
    for x, y in rng.uniform(0, SIDE, (60, 2)):
        if len(out) < 18 and _is_free(free, x, y) and all(_apart(x, y, *other[:2]) > 22 for other in out):
            out.append(
                (x, y, rng.uniform(9, 16), rng.uniform(7, 10), rng.uniform(3, 6), rng.uniform(0, np.pi))
            )
    return np.array(out).reshape(-1, 6)


def _apart(x: float, y: float, other_x: float, other_y: float) -> float:
    """Distance in metres on the repeating square."""
    dx, dy = abs(x - other_x), abs(y - other_y)
    return float(np.hypot(min(dx, SIDE - dx), min(dy, SIDE - dy)))


#: One face of a solid: its points' range, outward normal, colour in sunlight.
Face = tuple[int, int, np.ndarray, np.ndarray]
_SUN = np.array([-0.55, 0.3, 0.78])


@lru_cache(64)
def solid(length: float, width: float, eaves: float, turn: float) -> tuple[np.ndarray, list[Face]]:
    """A house with a gabled roof and windows around its foot: points [n, 3] in metres, and its faces."""
    along = np.array([np.cos(turn), np.sin(turn), 0])
    across, up = np.array([-along[1], along[0], 0]), np.array([0, 0, 1.0])
    ridge = eaves + 0.4 * width
    brick = int(length * 97) % 3 == 0
    wall = np.array([176, 120, 96] if brick else [214, 206, 190], np.float32)
    roof = np.array([92, 88, 90] if brick else [146, 78, 58], np.float32)
    points: list[np.ndarray] = []
    faces: list[Face] = []

    def face(normal: np.ndarray, colour: np.ndarray, *corners: tuple[float, float, float]) -> None:
        first = len(points)
        points.extend(along * (a * length / 2) + across * (b * width / 2) + up * z for a, b, z in corners)
        light = 0.62 + 0.42 * max(0.0, float(normal @ _SUN))
        faces.append((first, len(points), normal, np.clip(colour * light, 0, 255)))

    for s in (-1, 1):
        face(across * s, wall, (-1, s, 0), (1, s, 0), (1, s, eaves), (-1, s, eaves))
        face(along * s, wall, (s, -1, 0), (s, 1, 0), (s, 1, eaves), (s, 0, ridge), (s, -1, eaves))
        low = eaves - 0.3
        slope = across * s * 0.62 + up * 0.78
        out = 1.12 * s
        face(slope, roof, (-1.08, out, low), (1.08, out, low), (1.08, 0, ridge), (-1.08, 0, ridge))
    for a in (-0.6, 0.0, 0.6):
        for s in (-1, 1):
            pane = [(a + da, 1.005 * s, z) for da, z in ((-0.1, 1.0), (0.1, 1.0), (0.1, 2.3), (-0.1, 2.3))]
            face(across * s, np.array([52, 60, 70], np.float32), *pane)
    return np.array(points), faces


def _ellipse(picture: np.ndarray, x: float, y: float, a: float, b: float, value: int) -> None:
    size = picture.shape[0]
    axes = max(1, int(a * DENSITY)), max(1, int(b * DENSITY))
    for dx in (-size, 0, size):
        for dy in (-size, 0, size):
            at = int(x * DENSITY) + dx, int(y * DENSITY) + dy
            if -200 < at[0] < size + 200 and -200 < at[1] < size + 200:
                cv2.ellipse(picture, at, axes, 0, 0, 360, value, -1, cv2.LINE_AA)


def _crown(rng: np.random.Generator) -> list[np.ndarray]:
    """A tree seen from the side, premultiplied float32 RGBA 0..255 at three sizes; foot at the bottom."""
    size = 256
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    conifer = rng.random() < 0.35
    rough = noise(rng, size, 8, 64, 0.7)
    if conifer:
        inside = (0.06 + 0.40 * (y - 0.04) / 0.84 - np.abs(x - 0.5) + 0.06 * rough) - np.clip(
            y - 0.88, 0, 1
        ) * 20
    else:
        inside = 0.40 - np.hypot(x - 0.5, (y - 0.42) * 0.98) + 0.08 * rough
    alpha = np.clip(inside * 30, 0, 1)
    trunk = np.clip((0.035 - np.abs(x - 0.5)) * 90, 0, 1) * (y > 0.55)
    light = 0.78 + 0.5 * (0.5 - x) + 0.45 * (0.45 - y) + 0.28 * noise(rng, size, 16, 128, 0.8)
    tint = np.float32([44, 66, 40] if conifer else [72, 98, 44]) * rng.uniform(0.8, 1.25)
    colour = np.clip(tint * np.clip(light, 0.25, 1.9)[..., None], 0, 255)
    colour = colour * alpha[..., None] + np.float32([70, 56, 42]) * (trunk * (1 - alpha))[..., None]
    full = np.dstack([colour, 255 * np.maximum(alpha, trunk)]).astype(np.float32)
    return [full, *(cv2.resize(full, (s, s), interpolation=cv2.INTER_AREA) for s in (96, 32))]
