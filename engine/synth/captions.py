"""Subtitles as broadcasters, web videos and editing programs set them: scripts, boxes, fades, colours that run along.

1. A clip has one script and one style; its texts come and go.
2. What fades shows its sprite at opacities that only rise, then only fall; the box fades with its text.
3. Where a line is sung along, its letters change colour from the side where the script begins.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from . import scripts
from .lettering import reduced
from .overlay import Overlay, Placed, assembled, checked, faded

#: Faces smooth their own edges; twice the size keeps outlines smooth too.
_FACTOR = 2
_WHITE, _YELLOW, _CYAN, _GREEN = (255, 255, 255), (255, 226, 60), (90, 225, 255), (110, 245, 110)
_GREY, _BLACK, _BLUE = (205, 205, 205), (0, 0, 0), (12, 24, 70)


@dataclass(frozen=True, kw_only=True)
class Style:
    """Lengths in em. outline: width; shadow: how far down and right, `soft` its blur; box: opacity, 0 for none, black
    or dark blue, round each line or all; fade: seconds; sung: colour that runs along, None where none does."""

    face: scripts.Face
    colour: tuple[int, int, int]
    bold: bool
    outline: float
    shadow: float
    soft: float
    box: float
    box_colour: tuple[int, int, int]
    box_per_line: bool
    fade: float
    sung: tuple[int, int, int] | None


def style(rng: np.random.Generator, faces: list[scripts.Face]) -> Style:
    """Any text can be read on any picture: it has an outline, a shadow or a box."""
    kind = rng.choice(["outline", "shadow", "box", "half box"], p=[0.55, 0.1, 0.2, 0.15])
    boxed = "box" in kind
    colours = [_WHITE, _YELLOW, _GREY, _CYAN, _GREEN]
    return Style(
        face=faces[int(rng.integers(len(faces)))],
        colour=colours[int(rng.choice(5, p=[0.62, 0.2, 0.08, 0.05, 0.05]))],
        bold=bool(rng.random() < 0.4),
        outline=rng.uniform(0.04, 0.12) if kind == "outline" else rng.uniform(0, 0.04) if boxed else 0.03,
        shadow=rng.uniform(0.04, 0.1) if kind == "shadow" or rng.random() < 0.3 else 0.0,
        soft=rng.uniform(0.02, 0.12) if rng.random() < 0.5 else 0.0,
        box={"box": rng.uniform(0.85, 1.0), "half box": rng.uniform(0.3, 0.7)}.get(str(kind), 0.0),
        box_colour=_BLACK if rng.random() < 0.8 else _BLUE,
        box_per_line=bool(rng.random() < 0.4),
        fade=rng.uniform(0.1, 0.5) if rng.random() < 0.6 else 0.0,
        sung=(255, 120, 40) if rng.random() < 0.15 else None,
    )


def _over(under: np.ndarray, alpha: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """A layer of one colour over premultiplied float32 RGBA [h, w, 4], 0..255. alpha: [h, w], 0..1."""
    layer = np.concatenate([np.float32(colour), np.float32([255])])
    return under * (1 - alpha[..., None]) + layer * alpha[..., None]


def block(lines: list[np.ndarray], em: int, style: Style, left: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Lines of ink as a sprite, and the same in the colour that runs along: uint8 [h, w, 4], straight alpha.

    lines: coverage at `_FACTOR` times the size, of one height; em: of that size.
    """
    pad, pitch = round(0.45 * em), round(1.3 * em)
    width = max(line.shape[1] for line in lines) + 2 * pad
    height = pitch * (len(lines) - 1) + lines[0].shape[0] + 2 * pad
    ink = np.zeros((height, width), np.uint8)
    box = np.zeros((height, width), np.float32)
    for i, line in enumerate(lines):
        y, x = pad + i * pitch, pad if left else (width - line.shape[1]) // 2
        region = ink[y : y + line.shape[0], x : x + line.shape[1]]
        np.maximum(region, line, out=region)
        if style.box and style.box_per_line:
            # From pitch to pitch, so that the boxes of two lines meet without a gap.
            top = y + round(0.12 * em)
            box[top : top + pitch, x - round(0.3 * em) : x + line.shape[1] + round(0.3 * em)] = style.box
    if style.box and not style.box_per_line:
        box[round(0.35 * em) : height - round(0.35 * em)] = style.box
    drawn = _over(np.zeros((height, width, 4), np.float32), box, style.box_colour)
    body = ink.astype(np.float32) / 255
    away = cv2.distanceTransform((ink < 128).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    reach = style.outline * em
    outline = np.maximum(body, np.clip(reach + 1 - away, 0, 1)) if style.outline else body
    if style.shadow:
        step = max(1, round(style.shadow * em))
        shadow = np.zeros_like(body)
        shadow[step:, step:] = outline[:-step, :-step]
        if style.soft:
            shadow = cv2.GaussianBlur(shadow, (0, 0), max(0.5, style.soft * em))
        drawn = _over(drawn, 0.85 * shadow, _BLACK)
    if style.outline:
        drawn = _over(drawn, outline, _BLACK)
    made = []
    for colour in (style.colour, style.sung or style.colour):
        layers = _over(drawn, body, colour)
        made.append(reduced(layers[..., :3], layers[..., 3], _FACTOR))
    return made[0], made[1]


def _lines(
    rng: np.random.Generator, script: str, face: scripts.Face, em: int, widest: int, bold: bool
) -> list[np.ndarray]:
    """One line or two, each as long as fits `widest`."""
    lines = []
    for _ in range(1 if rng.random() < 0.45 else 2):
        text = scripts.line(rng, script, face, int(rng.integers(2, 9)))
        ink = scripts.ink(text, em, face, bold)
        while ink.shape[1] > widest and len(text) > 1:
            # Whole words while there are some.
            fits = min(len(text) - 1, int(len(text) * widest / ink.shape[1]))
            text = text.rsplit(" ", 1)[0] if " " in text else text[: max(1, fits)]
            ink = scripts.ink(text, em, face, bold)
        lines.append(ink)
    return lines


def subtitles(
    width: int,
    height: int,
    length: int,
    fps: float,
    seed: int,
    fonts: scripts.Fonts = None,
    script: str | None = None,
) -> Overlay:
    """Texts of one or two lines that come and go, most at the bottom.

    fonts: see `scripts.faces`. script: one of `scripts.WORDS`; drawn from those that can be written where None or where
    no face can write it. Letters are 4..8 % of the height.
    """
    checked(width, height, length, fps)
    rng = np.random.default_rng([seed, 6])
    if fonts is not None and not isinstance(fonts, str | Path):
        fonts = tuple(fonts)  # read once for each script
    order = [str(s) for s in rng.permutation(list(scripts.WORDS))]
    if rng.random() < 0.35:
        order.insert(0, "latin")
    if script is not None:
        order.insert(0, script)
    name, faces = next((s, found) for s in order if (found := scripts.faces(s, fonts)))
    looks = style(rng, faces)
    em = max(8, round(height * rng.uniform(0.04, 0.08))) * _FACTOR
    place = rng.choice(["bottom", "top", "middle"], p=[0.82, 0.12, 0.06])
    left = bool(rng.random() < 0.12)
    margin = round(height * rng.uniform(0.03, 0.08))
    steps = round(looks.fade * fps)
    from_right = name in ("hebrew", "arabic")

    sprites: dict[Hashable, np.ndarray] = {}
    per_frame: list[tuple[Placed, ...]] = [()] * length
    n, text = int(rng.integers(0, max(1, min(length // 3, round(fps))))), 0
    while n < length:
        lines = _lines(rng, name, looks.face, em, int(width * 0.88) * _FACTOR, looks.bold)
        plain, sung = block(lines, em, looks, left)
        y = {"bottom": height - margin - plain.shape[0], "top": margin, "middle": (height - plain.shape[0]) // 2}
        x = round(width * 0.06) if left else (width - plain.shape[1]) // 2
        lasts = max(1, round(fps * rng.uniform(0.8, 3.0)))
        for k in range(min(lasts, length - n)):
            shown = min(steps, k + 1, lasts - k) / steps if steps else 1.0
            # Six colour changes a second: as fine as singers need.
            along = int(k * 6 / fps) * fps / 6 / lasts if looks.sung else 0.0
            key = text, round(shown, 4), round(along, 4)
            if key not in sprites:
                sprites[key] = faded(_sung_to(plain, sung, along, len(lines), from_right), shown)
            per_frame[n + k] = ((y[str(place)], x, key),)
        n, text = n + lasts + int(rng.integers(1, max(2, round(fps * 0.7)))), text + 1
    return assembled(width, height, per_frame, sprites)


def _sung_to(plain: np.ndarray, sung: np.ndarray, along: float, lines: int, from_right: bool) -> np.ndarray:
    """`sung` up to the share `along` of the text, line after line, `plain` beyond. Lines share the height evenly."""
    made, (height, width) = plain.copy(), plain.shape[:2]
    for i in range(lines):
        rows = slice(height * i // lines, height * (i + 1) // lines)
        reach = round(min(1.0, max(0.0, along * lines - i)) * width)
        part = slice(width - reach, None) if from_right else slice(0, reach)
        made[rows, part] = sung[rows, part]
    return made
