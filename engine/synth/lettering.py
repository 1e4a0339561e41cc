"""Running text and station marks, drawn large and reduced: straight-alpha RGBA sprites."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

_WORDS = (
    *("the", "and", "but", "what", "never", "mind", "over", "there", "look", "out", "behind", "you", "we"),
    *("almost", "home", "I", "told", "him", "not", "to", "go", "so", "far", "keep", "it", "low", "through"),
    *("those", "trees", "wind", "from", "west", "sure?", "No.", "Wait!", "Careful,", "please.", "Yes,"),
    *("turn", "left", "at", "river", "don't", "touch", "anything", "Hello?", "Good", "morning", "-", "who's"),
    *("that?", "12", "metres", "just", "a", "little", "more"),
)
_FACTOR = 4


@dataclass(frozen=True, kw_only=True)
class Style:
    """face: TrueType file, None for OpenCV's own; outline, shadow in em; box: its opacity, 0 for none."""

    face: Path | None
    colour: tuple[int, int, int]
    outline: float
    shadow: float
    box: float
    italic: bool


def faces(fonts: str | Path | Iterable[str | Path] | None) -> list[Path]:
    """TrueType files in a folder or a list; none where this OpenCV cannot read them or there are none."""
    if fonts is None or not hasattr(cv2, "FontFace"):
        return []
    paths = [Path(fonts)] if isinstance(fonts, str | Path) else [Path(p) for p in fonts]
    found = [f for p in paths for f in ([*p.glob("*.ttf"), *p.glob("*/*.ttf")] if p.is_dir() else [p])]
    return sorted(f for f in found if f.suffix.lower() == ".ttf")


def style(rng: np.random.Generator, faces: list[Path]) -> Style:
    """A subtitle's looks: white or yellow, outlined, shadowed or boxed."""
    kind = rng.random()
    return Style(
        face=faces[int(rng.integers(len(faces)))] if faces else None,
        colour=(255, 255, 255) if rng.random() < 0.75 else (255, 230, 60),
        outline=rng.uniform(0.06, 0.13) if kind < 0.75 else 0.0,
        shadow=rng.uniform(0.05, 0.1) if rng.random() < 0.3 else 0.0,
        box=rng.uniform(0.75, 1.0) if kind >= 0.75 else 0.0,
        italic=bool(rng.random() < 0.2),
    )


@lru_cache(8)
def _face(path: Path) -> object:
    return cv2.FontFace(str(path))


def _ink(text: str, size: int, face: Path | None, italic: bool = False, bold: bool = False) -> np.ndarray:
    """One line of text as uint8 coverage [h, w], trimmed in x; `size` is the height of a line, pixels."""
    pad = size
    if face is not None:
        extent = int(size * (len(text) + 2))
        canvas = np.zeros((3 * size, extent, 3), np.uint8)
        cv2.putText(
            canvas,
            text,
            (pad, 2 * size),
            (255, 255, 255),
            _face(face),
            round(size * 0.8),
            700 if bold else 400,
        )
        canvas = canvas[..., 0]
    else:
        font = cv2.FONT_HERSHEY_SIMPLEX | (cv2.FONT_ITALIC if italic else 0)
        (_, height), _ = cv2.getTextSize("Hg", font, 8.0, 16)
        scale = 8.0 * size * 0.62 / height
        weight = max(1, round(size * (0.1 if bold else 0.075)))
        (extent, _), _ = cv2.getTextSize(text, font, scale, weight)
        canvas = np.zeros((3 * size, extent + 3 * pad), np.uint8)
        cv2.putText(canvas, text, (pad, 2 * size), font, scale, 255, weight, cv2.LINE_AA)
    columns = np.flatnonzero(canvas.any(0))
    left, right = (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, 1)
    return canvas[size + size // 8 : 2 * size + size // 2, left:right]


def reduced(colour: np.ndarray, alpha: np.ndarray, factor: int = _FACTOR) -> np.ndarray:
    """Premultiplied colour and alpha (float32 0..255) at `factor` times the size -> straight-alpha sprite."""
    size = max(1, alpha.shape[1] // factor), max(1, alpha.shape[0] // factor)
    colour = cv2.resize(colour, size, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    sprite = np.zeros((*alpha.shape, 4), np.uint8)
    sprite[..., :3] = np.clip(colour * 255 / np.maximum(alpha, 1)[..., None], 0, 255)
    sprite[..., 3] = np.clip(alpha + 0.5, 0, 255)
    sprite[sprite[..., 3] < 12] = 0
    return sprite


def block(rng: np.random.Generator, style: Style, size: int, widest: int) -> np.ndarray:
    """A subtitle of one or two centred lines, `size` pixels a line, at most `widest` pixels wide."""
    big = size * _FACTOR
    lines = []
    for _ in range(1 if rng.random() < 0.45 else 2):
        words: list[str] = []
        best = _ink("...", big, style.face, style.italic)
        for _ in range(int(rng.integers(2, 9))):
            words.append(str(rng.choice(_WORDS)))
            ink = _ink(" ".join(words).capitalize(), big, style.face, style.italic)
            if ink.shape[1] > widest * _FACTOR - big:
                break
            best = ink
        lines.append(best)
    pad = big // 3
    pitch = int(big * 1.12)
    width = min(max(line.shape[1] for line in lines) + 2 * pad, widest * _FACTOR)
    ink = np.zeros((pitch * (len(lines) - 1) + lines[0].shape[0] + 2 * pad, width), np.uint8)
    for i, line in enumerate(lines):
        line = line[:, : width - 2 * pad]
        x = (width - line.shape[1]) // 2
        region = ink[pad + i * pitch : pad + i * pitch + line.shape[0], x : x + line.shape[1]]
        np.maximum(region, line, out=region)
    around = np.zeros_like(ink)
    if style.outline:
        reach = 2 * max(1, round(style.outline * big)) + 1
        around = cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    if style.shadow:
        step = max(1, round(style.shadow * big))
        around[step:, step:] = np.maximum(around[step:, step:], ink[:-step, :-step])
    box = np.full_like(ink, round(255 * style.box)) if style.box else np.zeros_like(ink)
    alpha = np.maximum(np.maximum(ink, around), box).astype(np.float32)
    colour = ink[..., None].astype(np.float32) / 255 * np.array(style.colour, np.float32)
    return reduced(colour, alpha)


def mark(rng: np.random.Generator, size: int, faces: list[Path]) -> np.ndarray:
    """A station's mark `size` pixels high: a disc, ring, box or triangle and a few letters."""
    big = size * _FACTOR
    face = faces[int(rng.integers(len(faces)))] if faces else None
    letters = "".join(rng.choice(list("ABCDEFGHKLMNPRSTVXZ"), int(rng.integers(1, 4)))) + str(
        rng.choice(["", "TV", "1", "2", "HD"])
    )
    text = _ink(letters, round(big * 0.8), face, bold=True)
    width = int(big * 1.1) + text.shape[1] + big // 4
    shape = np.zeros((big, width), np.uint8)
    c, r = (big // 2, big // 2), int(big * 0.44)
    kind = int(rng.integers(4))
    if kind == 0:
        cv2.circle(shape, c, r, 255, -1)
        cv2.circle(shape, c, r // 2, 0, -1)
    elif kind == 1:
        cv2.circle(shape, c, r, 255, max(2, big // 9))
        cv2.circle(shape, c, r // 3, 255, -1)
    elif kind == 2:
        cv2.rectangle(shape, (big // 12, big // 12), (big - big // 12, big - big // 12), 255, -1)
        cv2.rectangle(shape, (big // 3, big // 4), (big * 3 // 4, big * 3 // 4), 0, -1)
    else:
        corners = np.array(
            [(big // 10, big * 9 // 10), (big // 2, big // 10), (big * 9 // 10, big * 9 // 10)]
        )
        cv2.fillPoly(shape, [corners.astype(np.int32)], 255)
    ink = np.zeros_like(shape)
    y = (big - text.shape[0]) // 2
    ink[max(0, y) : max(0, y) + min(big, text.shape[0]), int(big * 1.1) : int(big * 1.1) + text.shape[1]] = (
        text[:big]
    )
    accent = np.array(
        [(255, 255, 255), (230, 40, 40), (40, 120, 230), (250, 190, 20)][int(rng.integers(4))], np.float32
    )
    alpha = np.maximum(shape, ink).astype(np.float32)
    colour = shape[..., None].astype(np.float32) / 255 * accent + ink[..., None].astype(np.float32)
    if rng.random() < 0.4:
        dark = cv2.dilate(alpha, np.ones((max(3, big // 16) | 1,) * 2, np.uint8))
        alpha = np.maximum(alpha, dark)
    return reduced(np.minimum(colour, 255), alpha)
