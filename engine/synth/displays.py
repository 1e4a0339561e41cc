"""Displays of the real systems: their grids, cells and canvases, colours, blinking alarms, refresh rates.

1. A system's canvas is scaled into the frame as its recorder does: digital ones keep its shape, analog video fills the
   frame. Cells are whole pixels; what no longer fits is cut from the grid.
2. Analog glyphs are 12x18 bitmaps of black, white and nothing, drawn so and then enlarged with the picture.
3. What blinks is whole elements in alarm; an alarm's colour comes with it where the system has colours at all.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..errors import ArgumentError
from . import glyphs as glyph_sets
from . import scripts, strokes, typeset
from . import telemetry as flight_display
from .glyphs import GlyphSet, Sheet
from .overlay import Overlay, Placed, assembled, checked


@dataclass(frozen=True, kw_only=True)
class System:
    """columns, rows: of the grid; cell, canvas, offset: width and height in pixels of the canvas."""

    name: str
    columns: int
    rows: int
    cell: tuple[int, int]
    canvas: tuple[int, int]
    offset: tuple[int, int]
    analog: bool = False


#: Analog: the MAX7456's grids. DJI O3's cell is not known; its grid fills the picture as Walksnail's does.
SYSTEMS = (
    System(name="analog PAL", columns=30, rows=16, cell=(12, 18), canvas=(372, 296), offset=(6, 4), analog=True),
    System(name="analog NTSC", columns=30, rows=13, cell=(12, 18), canvas=(372, 242), offset=(6, 4), analog=True),
    System(name="HDZero", columns=50, rows=18, cell=(24, 36), canvas=(1280, 720), offset=(40, 36)),
    System(name="HDZero 53x20", columns=53, rows=20, cell=(24, 36), canvas=(1280, 720), offset=(4, 0)),
    System(name="HDZero SD", columns=30, rows=16, cell=(24, 36), canvas=(1280, 720), offset=(280, 72)),
    System(name="Walksnail", columns=53, rows=20, cell=(24, 36), canvas=(1280, 720), offset=(4, 0)),
    System(name="wtfos HD", columns=50, rows=18, cell=(24, 36), canvas=(1440, 810), offset=(120, 80)),
    System(name="wtfos full", columns=60, rows=22, cell=(24, 36), canvas=(1440, 810), offset=(0, 0)),
    System(name="wtfos SD", columns=30, rows=15, cell=(36, 54), canvas=(1440, 810), offset=(180, 0)),
    System(name="DJI O3", columns=53, rows=20, cell=(24, 36), canvas=(1280, 720), offset=(4, 0)),
)
_SHARES = (0.14, 0.08, 0.14, 0.06, 0.06, 0.18, 0.1, 0.06, 0.06, 0.12)
#: Cells below this cannot be read; small frames take a part of the grid instead.
_SMALLEST = (7, 10)
_WHITE, _GREEN, _AMBER, _RED = None, (60, 230, 70), (255, 190, 30), (255, 48, 40)
_ALARMS = ("battery", "cell", "mah", "link", "rssi", "dbm", "timer", "altitude", "distance", "satellites")


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Where the cells lie in the frame, pixels."""

    columns: int
    rows: int
    left: int
    top: int
    cell: tuple[int, int]


def fitted(system: System, width: int, height: int) -> Grid:
    """The system's grid in a frame (rule 1)."""
    across, down = width / system.canvas[0], height / system.canvas[1]
    if not system.analog:
        across = down = min(across, down)
    # A little more than exact: 24 * (1920 / 1280) must not become 35.999.
    cell = tuple(max(least, int(side * scale + 1e-6)) for least, side, scale in
                 zip(_SMALLEST, system.cell, (across, down), strict=True))  # fmt: skip
    columns, rows = min(system.columns, width // cell[0]), min(system.rows, height // cell[1])
    columns, rows = max(1, columns), max(1, rows)
    left = round((width - system.canvas[0] * across) / 2 + system.offset[0] * across)
    top = round((height - system.canvas[1] * down) / 2 + system.offset[1] * down)
    if columns < system.columns or left + columns * cell[0] > width:
        left = (width - columns * cell[0]) // 2
    if rows < system.rows or top + rows * cell[1] > height:
        top = (height - rows * cell[1]) // 2
    return Grid(columns=columns, rows=rows, left=left, top=top, cell=cell)


class _Bitmaps:
    """Analog glyphs (rule 2); stands in for a GlyphSet."""

    def __init__(self, cell: tuple[int, int], pen: strokes.Pen, sheet: Sheet | None) -> None:
        self._cell, self._small = cell, GlyphSet(12, 18, pen, sheet)

    def glyph(self, name: str, tint: tuple[int, int, int] | None = None) -> np.ndarray:
        """uint8 [cell height, cell width, 4]; the tint is ignored, since analog displays have no colours."""
        return _enlarged(self._small.glyph(name), self._cell)


def _enlarged(glyph: np.ndarray, cell: tuple[int, int]) -> np.ndarray:
    """A 12x18 bitmap as analog video shows it: black or white, softened by the way to the recorder."""
    hard = glyph.copy()
    hard[..., 3] = np.where(glyph[..., 3] >= 112, 255, 0)
    hard[..., :3] = np.where(glyph[..., :1].astype(np.uint16) * glyph[..., 3:] >= 128 * 255, 255, 0)
    hard[hard[..., 3] == 0] = 0
    return glyph_sets.scaled(hard, *cell)


def sheets(fonts: glyph_sets.Fonts) -> list[Path | scripts.Face]:
    """What glyphs can be made from: sheet files, and the typefaces among `fonts`; the system's faces where None.

    Raises ArgumentError where a folder or file that is named holds neither.
    """
    if fonts is None:
        return list(_system())
    one = [fonts] if isinstance(fonts, str | Path) else list(fonts)
    found: list[Path | scripts.Face] = []
    for part in one:
        try:
            found += glyph_sets.files(part)
        except ArgumentError:
            if not scripts.files(part):
                raise
        found += scripts.typefaces(None, part)
    return found


@lru_cache(1)
def _system() -> tuple[scripts.Face, ...]:
    """Faces of even width look like a display's; where there are none, any."""
    faces = scripts.typefaces(None)
    return tuple([f for f in faces if "mono" in Path(f.name).name.lower()] or faces)


def telemetry(
    width: int,
    height: int,
    length: int,
    fps: float,
    seed: int,
    fonts: glyph_sets.Fonts = None,
    system: System | None = None,
    refresh: float | None = None,
) -> Overlay:
    """On-screen display of a drone on the grid of a real system.

    fonts: glyph sheets and typefaces, the system's where None, drawn glyphs where empty; drawn ones are mixed in.
    system: drawn from `SYSTEMS` where None. refresh: states a second, 1..60; 12 in most and 3..60 in the rest where
    None. Marks cover 1.5..6 % of the frame.
    """
    checked(width, height, length, fps)
    if refresh is not None and not 1 <= refresh <= 60:
        raise ArgumentError(f"refresh must be 1 to 60 a second, passed {refresh}")
    rng = np.random.default_rng([seed, 10])
    drawn = SYSTEMS[int(rng.choice(len(SYSTEMS), p=_SHARES))]
    system = system or drawn
    rate = 12.0 if rng.random() < 0.7 else float(np.exp(rng.uniform(np.log(3), np.log(60))))
    rate = rate if refresh is None else refresh
    grid = fitted(system, width, height)
    sources, pick = sheets(fonts), rng.random(2)
    # Drawn glyphs now and then, so that no few fonts stand for all.
    source = sources[int(pick[0] * len(sources))] if sources and pick[1] < 0.85 else None
    sheet = typeset.sheet(source) if isinstance(source, scripts.Face) else glyph_sets.sheet(source) if source else None
    pen = strokes.Pen(
        width=rng.uniform(0.65, 1.1), outline=rng.uniform(0.35, 0.6), slant=float(rng.choice([0, 0, 0.12])),
        squeeze=rng.uniform(0.85, 1.05), hard=bool(rng.random() < 0.3),
    )  # fmt: skip
    glyphs = _Bitmaps(grid.cell, pen, sheet) if system.analog else GlyphSet(*grid.cell, pen, sheet)

    refresh_of = np.floor(np.arange(length) * rate / fps + 1e-6).astype(np.int64)
    count = int(refresh_of[-1]) + 1
    wanted = rng.uniform(0.015, 0.06) * width * height
    kept = flight_display.chosen(
        rng, glyphs, grid.rows, grid.columns, count, wanted, rate, tenths=bool(rng.random() < 0.3)
    )
    palette = not system.analog and rng.random() < 0.5
    # Half a second to a whole one per turn: Betaflight blinks twice a second.
    half_turn = max(1, round(rate * rng.uniform(0.2, 0.5)))
    alarmed = {e.name for e in kept if e.name in _ALARMS and rng.random() < 0.25}
    since = {name: int(rng.integers(0, max(1, count // 2))) for name in sorted(alarmed)}
    tints = {name: (_AMBER, _RED)[int(rng.integers(2))] for name in sorted(alarmed)}
    calm = {e.name: (_WHITE, _GREEN)[int(rng.random() < 0.3)] for e in kept}

    sprites: dict[Hashable, np.ndarray] = {}
    refreshes: list[tuple[Placed, ...]] = []
    for k in range(count):
        placed: list[Placed] = []
        for element in kept:
            ringing = element.name in alarmed and k >= since[element.name]
            if ringing and (k // half_turn) % 2:
                continue
            for row, column, name, tint in element.states[k]:
                if palette and tint is None:
                    tint = tints[element.name] if ringing else calm[element.name]
                key = name, None if system.analog else tint
                if key not in sprites:
                    sprites[key] = glyphs.glyph(*key)
                placed.append((grid.top + row * grid.cell[1], grid.left + column * grid.cell[0], key))
        refreshes.append(tuple(placed))
    return assembled(width, height, [refreshes[k] for k in refresh_of], sprites)
