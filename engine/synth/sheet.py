"""A contact sheet of every kind of overlay over a procedural scene: `python -m osdclean.engine.synth.sheet FILE.png`.

For the eye, and for docs/synthesis.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from . import captions, compression, displays, glyphs, marks, overlays, scene, scripts, stamps
from .glyphs import Fonts
from .overlay import Overlay

WIDTH, HEIGHT, COLUMNS = 640, 360, 3
HALF = WIDTH // 2, HEIGHT // 2
_LENGTH, _FPS, _LABEL = 60, 30, 18


@dataclass(frozen=True, kw_only=True)
class Tile:
    """What one picture of the sheet shows: an overlay's `frame`, or its fullest one where None."""

    label: str
    made: Callable[[Fonts], Overlay]
    frame: int | None = None
    how: compression.Compression | None = None


def _of(maker: Callable[..., Overlay], seed: int, **more: object) -> Callable[[Fonts], Overlay]:
    return lambda fonts: maker(WIDTH, HEIGHT, _LENGTH, _FPS, seed, fonts, **more)


def tiles() -> Iterator[Tile]:
    """Every kind, the rich ones more than once."""
    yield Tile(label="telemetry", made=_of(overlays.telemetry, 4))
    for i, seed in ((0, 3), (5, 11), (7, 5)):
        system = displays.SYSTEMS[i]
        yield Tile(label=f"telemetry-systems: {system.name}", made=_of(displays.telemetry, seed, system=system))
    yield Tile(label="subtitles", made=_of(overlays.subtitles, 1))
    for i, script in enumerate(s for s in scripts.WORDS if scripts.faces(s)):
        yield Tile(label=f"subtitles-styled: {script}", made=_of(captions.subtitles, 20 + i, script=script))
    yield Tile(label="logo", made=_of(overlays.logo, 5))
    yield Tile(label="logo-transparent", made=_of(marks.transparent, 13))
    yield Tile(label="logo-transparent, in the middle", made=_of(marks.transparent, 33))
    for n in (0, 40):
        yield Tile(label=f"moving, frame {n}", made=_of(marks.moving, 5), frame=n)
    for n in (12, 18):
        yield Tile(label=f"flashing, frame {n}", made=_of(marks.flashing, 7), frame=n)
    yield Tile(label="timestamp", made=_of(stamps.timestamp, 1, rec=True))
    yield Tile(label="timestamp, boxed", made=_of(stamps.timestamp, 3, numbers=True))
    for how in (
        compression.Compression(codec="mjpeg", quality=12),
        compression.Compression(codec="x264", quality=32),
    ):
        label = f"after {how.codec} at {how.quality}, twice the size"
        yield Tile(label=label, made=_of(displays.telemetry, 5, system=displays.SYSTEMS[7]), how=how)


def _fullest(overlay: Overlay) -> int:
    return int(np.argmax([int(overlay.rgba(n)[..., 3].sum()) for n in range(overlay.length)]))


def _compressed(rgb: np.ndarray, how: compression.Compression) -> np.ndarray:
    frame = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
    planes = frame[:HEIGHT], *(c.reshape(HEIGHT // 2, WIDTH // 2) for c in np.split(frame[HEIGHT:].reshape(-1), 2))
    y, u, v = compression.compressed([planes], _FPS, how)[0]
    return cv2.cvtColor(np.concatenate([y.ravel(), u.ravel(), v.ravel()]).reshape(frame.shape), cv2.COLOR_YUV2RGB_I420)


def drawn(fonts: Fonts = None) -> np.ndarray:
    """The sheet: uint8 RGB [H, W, 3]."""
    ground = next(scene.flight(WIDTH, HEIGHT, 1, 3))
    # Grain is most of a PNG's bytes, and nothing here depends on it.
    calm = cv2.bilateralFilter(ground, 11, 70, 7)
    behind = cv2.resize(calm, HALF, interpolation=cv2.INTER_AREA) // 20 * 20 + 8
    made = []
    for tile in tiles():
        overlay = tile.made(fonts)
        rgba = overlay.rgba(_fullest(overlay) if tile.frame is None else tile.frame)
        if tile.how is None:
            small = overlays.lay(behind, glyphs.scaled(rgba, *HALF))
        else:
            close = _compressed(overlays.lay(calm, rgba), tile.how)[: HEIGHT // 4, : WIDTH // 4]
            small = close.repeat(2, 0).repeat(2, 1)
        strip = np.full((_LABEL, small.shape[1], 3), 24, np.uint8)
        cv2.putText(strip, tile.label, (5, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (235, 235, 235), 1, cv2.LINE_AA)
        made.append(np.vstack([small, strip]))
    while len(made) % COLUMNS:
        made.append(np.full_like(made[0], 24))
    return np.vstack([np.hstack(made[i : i + COLUMNS]) for i in range(0, len(made), COLUMNS)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="PNG file to write")
    parser.add_argument("--fonts", help="folder of glyph sheets and fonts; the system's fonts where left out")
    given = parser.parse_args()
    cv2.imwrite(str(given.file), drawn(given.fonts)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
