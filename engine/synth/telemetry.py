"""Flight telemetry as pilots place it on an on-screen display: elements, their values, their cells.

1. The display's state changes at its refresh rate, not with every frame: a state is a set of glyphs in grid
   cells.
2. Each element owns the cells that any of its states can use; elements that would overlap are dropped.
3. Elements are added, shuffled by seed, until the display's all-states mask covers the wanted share of the
   frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from .glyphs import GlyphSet

REFRESH = 12.0
Tint = tuple[int, int, int] | None
#: One glyph on the grid: row, column, character or symbol name, colour of its white.
Cell = tuple[int, int, str, Tint]
_RED, _AMBER, _GREEN = (255, 48, 40), (255, 190, 30), (60, 230, 70)


@dataclass(frozen=True, kw_only=True)
class Flight:
    """What a flight controller measures, one value per refresh: arrays of one length."""

    seconds: np.ndarray
    volts: np.ndarray
    cells: int
    amps: np.ndarray
    mah: np.ndarray
    rssi: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray
    altitude: np.ndarray
    speed: np.ndarray
    distance: np.ndarray
    heading: np.ndarray
    roll: np.ndarray
    pitch: np.ndarray
    satellites: np.ndarray


def flight(rng: np.random.Generator, count: int, refresh: float = REFRESH) -> Flight:
    """A plausible flight of `count` refreshes, `refresh` a second: bounded random walks and slow waves."""
    t = np.arange(count) / refresh
    # What adds up over refreshes goes as far in a second at any rate.
    share = REFRESH / refresh

    def walk(step: float) -> np.ndarray:
        return np.cumsum(rng.normal(0, step * share**0.5, count))

    def wave(scale: float, slowest: float = 9.0) -> np.ndarray:
        total = np.zeros(count)
        for _ in range(3):
            period = rng.uniform(1.2, slowest)
            total += rng.uniform(0.2, 1) * np.sin(2 * np.pi * (t / period + rng.random()))
        return scale * total / 1.8

    cells = int(rng.choice([3, 4, 4, 6, 6]))
    amps = np.clip(rng.uniform(8, 30) + wave(15) + rng.normal(0, 1.5, count), 0.3, 120)
    start = rng.uniform(15, 900)
    return Flight(
        seconds=start + t,
        volts=cells * (rng.uniform(3.4, 4.1) - 0.004 * amps) + rng.normal(0, 0.03, count),
        cells=cells,
        amps=amps,
        mah=rng.uniform(20, 1600) + np.cumsum(amps) / refresh / 3.6,
        rssi=np.clip(rng.uniform(60, 99) + walk(0.7), 20, 99),
        latitude=rng.uniform(-60, 60) + np.cumsum(rng.normal(4e-6, 2e-6, count)) * share,
        longitude=rng.uniform(-170, 170) + np.cumsum(rng.normal(4e-6, 2e-6, count)) * share,
        altitude=np.clip(rng.uniform(4, 160) + wave(8) + walk(0.1), 0, 999),
        speed=np.clip(rng.uniform(15, 90) + wave(12) + walk(0.3), 0, 199),
        distance=np.clip(rng.uniform(20, 900) + 10 * t + walk(0.5), 0, 9999),
        heading=rng.uniform(0, 360) + wave(60, 16),
        roll=wave(25, 6),
        pitch=rng.uniform(-12, 12) + wave(10, 7),
        satellites=np.clip(np.round(rng.uniform(8, 22) + 0.6 * wave(1)), 5, 30),
    )


Text = Callable[[int], tuple[list[str], Tint]]


def _readings(
    f: Flight, rng: np.random.Generator, refresh: float = REFRESH, tenths: bool = False
) -> dict[str, Text]:
    """Elements that are one run of glyphs: name -> glyphs and colour at refresh k. tenths: of the timer's seconds."""
    digits = int(rng.choice([1, 2]))
    colours = rng.random() < 0.4
    syllables = [
        "ACE",
        "RIP",
        "FLY",
        "ZOO",
        "MAX",
        "NAZ",
        "BEE",
        "HAWK",
        "5IN",
        "TWO",
        "QUAD",
        "O3",
        "LR",
        "WING",
        "PILOT",
    ]
    craft = "".join(rng.choice(syllables, rng.integers(2, 4)))[:12]
    modes = str(rng.choice(["ACRO", "ANGL", "AIR", "HRZN", "MANU", "STAB", "LOIT"]))
    lq_mode = rng.random() < 0.5

    def low(k: int, limit: float) -> Tint:
        return _RED if colours and f.volts[k] / f.cells < limit else None

    def number(value: float, width: int, decimals: int = 0) -> list[str]:
        return list(f"{value:{width}.{decimals}f}")

    def clock(k: int) -> list[str]:
        seconds = int(f.seconds[k])
        tail = f".{int(f.seconds[k] * 10) % 10}" if tenths else ""
        return list(f"{seconds // 60:02d}:{seconds % 60:02d}{tail}")

    def battery(k: int) -> str:
        return f"batt{int(np.clip((4.15 - f.volts[k] / f.cells) / 0.12, 0, 6))}"

    # Voltage is filtered by the flight controller: it is shown anew twice a second.
    def slow(k: int) -> int:
        return k - k % max(1, round(refresh / 2))

    return {
        "craft": lambda k: (list(craft), None),
        "timer": lambda k: (["fly_m", *clock(k)], None),
        "battery": lambda k: (
            [battery(slow(k)), *number(f.volts[slow(k)], 4, digits), "volt"],
            low(slow(k), 3.5),
        ),
        "cell": lambda k: (
            [battery(slow(k)), *number(f.volts[slow(k)] / f.cells, 4, 2), "volt"],
            low(slow(k), 3.5),
        ),
        "mah": lambda k: ([*number(f.mah[k], 4), "mah"], None),
        "amps": lambda k: ([*number(f.amps[k], 5, 2), "amp"], None),
        "link": lambda k: (
            ["lq", *(f"2:{f.rssi[k]:02.0f}" if lq_mode else f"{f.rssi[k]:3.0f}")],
            _AMBER if colours and f.rssi[k] < 70 else None,
        ),
        "rssi": lambda k: (["rssi", *number(f.rssi[k], 3)], _GREEN if colours and f.rssi[k] > 80 else None),
        "dbm": lambda k: (["rssi", *number(f.rssi[k] - 150, 4)], None),
        "latitude": lambda k: (["lat", *number(f.latitude[k], 11, 7)], None),
        "longitude": lambda k: (["lon", *number(f.longitude[k], 11, 7)], None),
        "satellites": lambda k: (["sat_l", "sat_r", *number(f.satellites[k], 2)], None),
        "altitude": lambda k: (["alt", *number(f.altitude[k], 5, 1), "metre"], None),
        "speed": lambda k: (["speed", *number(f.speed[k], 3), "kmh"], None),
        "distance": lambda k: (["home", *number(f.distance[k], 4), "metre"], None),
        "heading": lambda k: ([*number(f.heading[k] % 360, 3)], None),
        "mode": lambda k: (list(modes), None),
        "watts": lambda k: ([*number(f.volts[k] * f.amps[k], 4), "W"], None),
        "temperature": lambda k: (["temp", *number(40 + 0.2 * f.amps[k - k % max(1, round(refresh))], 3), "C"], None),
        "throttle": lambda k: ([*number(np.clip(20 + f.amps[k], 0, 99), 3), "%"], None),
    }


#: Where pilots put which reading. Columns fill from the corners: (row anchor, column anchor) and the usual
#: readings.
_CORNERS = (
    ("bottom", "left", ("battery", "cell", "mah", "amps", "timer", "watts", "temperature")),
    ("bottom", "right", ("timer", "mode", "distance", "satellites", "longitude", "latitude", "throttle")),
    ("top", "left", ("craft", "link", "rssi", "dbm", "latitude", "longitude", "satellites")),
    ("top", "right", ("satellites", "distance", "altitude", "speed", "battery", "link", "mode")),
    ("bottom", "middle", ("craft", "mode", "speed", "heading", "mah")),
    ("top", "middle", ("heading", "link", "timer", "craft")),
    ("centre", "left", ("speed", "throttle", "rssi")),
    ("centre", "right", ("altitude", "amps", "watts")),
)
_WARNINGS = (
    "LOW BATTERY",
    "LAND NOW",
    "RX LOSS",
    "FAILSAFE",
    "RTH",
    "FAIL SAFE",
    "LINK QUALITY",
    "CROSSFLIP",
    "GPS LOST",
)


class Element:
    """Glyphs of one element per refresh."""

    def __init__(self, name: str, cells: Callable[[int], list[Cell]], count: int) -> None:
        self.name = name
        self.states = [cells(k) for k in range(count)]
        self.used = {(r, c) for state in self.states for r, c, _, _ in state}
        self.distinct = {cell for state in self.states for cell in state}


def elements(
    rng: np.random.Generator,
    rows: int,
    columns: int,
    count: int,
    refresh: float = REFRESH,
    tenths: bool = False,
) -> Iterator[Element]:
    """Candidate elements, the likeliest first, each with its cells at every refresh. They may overlap."""
    f = flight(rng, count, refresh)
    readings = _readings(f, rng, refresh, tenths)
    middle_row, middle = rows // 2, columns // 2

    def run(row: int, column: int, text: Text, anchor: str) -> Callable[[int], list[Cell]]:
        def cells(k: int) -> list[Cell]:
            glyphs, tint = text(k)
            first = column - (
                len(glyphs) if anchor == "right" else len(glyphs) // 2 if anchor == "middle" else 0
            )
            return [(row, first + i, g, tint) for i, g in enumerate(glyphs) if g != " "]

        return cells

    def horizon(k: int) -> list[Cell]:
        out = []
        half = 4 if columns >= 20 else 2
        for i in range(-half, half + 1):
            # One column of cells holds nine heights; a line tilts by its roll and sinks by the pitch.
            ninth = round(9 * (middle_row + 0.5) + f.pitch[k] * 1.3 + i * 4.5 * np.tan(np.radians(f.roll[k])))
            row, step = divmod(int(ninth), 9)
            if abs(row - middle_row) <= 4:
                out.append((row, middle + i, f"ah{step}", None))
        return out

    def crosshair(k: int) -> list[Cell]:
        return [
            (middle_row, middle + i, name, None) for i, name in ((-1, "ahc_l"), (0, "ahc_c"), (1, "ahc_r"))
        ]

    def sidebars(k: int) -> list[Cell]:
        out: list[Cell] = []
        reach = max(3, min(7, columns // 4))
        for r in range(-3, 4):
            out += [
                (middle_row + r, middle - reach, "ah_deco", None),
                (middle_row + r, middle + reach, "ah_deco", None),
            ]
        out += [
            (middle_row, middle - reach + 1, "ah_left", None),
            (middle_row, middle + reach - 1, "ah_right", None),
        ]
        return out

    text = str(rng.choice(_WARNINGS))
    warning_tint = [None, _RED, _AMBER][int(rng.integers(3))]
    begin, blink = int(rng.integers(0, max(1, count // 2))), int(rng.integers(2, 5))
    span = int(rng.integers(12, 60))
    blink, span = (max(1, round(turns * refresh / REFRESH)) for turns in (blink, span))

    def warning(k: int) -> list[Cell]:
        if not begin <= k < begin + span or (k // blink) % 2:
            return []
        return run(rows - 3 - rows // 8, middle, lambda k: (list(text), warning_tint), "middle")(k)

    arrow_row = int(rng.integers(2, max(3, rows // 3)))

    def arrow(k: int) -> list[Cell]:
        return [(arrow_row, middle, f"arrow{int(f.heading[k] // 22.5) % 16}", None)]

    def compass(k: int) -> list[Cell]:
        names = [n for letter in "nesw" for n in (f"hdg_{letter}", "hdg_line", "hdg_mark", "hdg_line")]
        at = int(f.heading[k] // 22.5)
        return [(0, middle + i, names[(at + i) % 16], None) for i in range(-4, 5)]

    pool: list[tuple[float, str, Callable[[int], list[Cell]]]] = [
        (rng.random() * 0.9, "horizon", horizon), (rng.random() * 0.8, "crosshair", crosshair),
        (0.3 + rng.random(), "sidebars", sidebars), (rng.random() * 0.8, "warning", warning),
        (rng.random() * 0.9, "arrow", arrow), (0.5 + rng.random(), "compass", compass),
    ]  # fmt: skip
    taken = set()
    for vertical, horizontal, names in _CORNERS:
        inset = int(rng.integers(0, 3)) if columns >= 30 else 0
        column = {"left": inset, "right": columns - inset, "middle": middle}[horizontal]
        start = int(rng.integers(0, 2)) if rows >= 14 else 0
        for i, name in enumerate(rng.permutation(names)[: 5 if vertical != "centre" else 1]):
            if name in taken:
                continue
            taken.add(name)
            row = {"top": start + i, "bottom": rows - 1 - start - i, "centre": middle_row}[vertical]
            corner = horizontal != "middle" and vertical != "centre"
            pool.append(
                (rng.random() + 0.15 * i - 0.2 * corner, name, run(row, column, readings[name], horizontal))
            )
    for _, name, cells in sorted(pool, key=lambda one: one[0]):
        yield Element(name, cells, count)


def chosen(
    rng: np.random.Generator,
    glyphs: GlyphSet,
    rows: int,
    columns: int,
    count: int,
    samples: float,
    refresh: float = REFRESH,
    tenths: bool = False,
) -> list[Element]:
    """Elements whose glyphs over all states cover about `samples` pixels (rule 3), none overlapping (2)."""
    kept: list[Element] = []
    occupied: set[tuple[int, int]] = set()
    covered = 0.0
    for element in elements(rng, rows, columns, count, refresh, tenths):
        inside = all(0 <= r < rows and 0 <= c < columns for r, c in element.used)
        # The crosshair stands within the horizon's reach and hides it there: real displays do the same.
        crossing = {"horizon", "crosshair", "sidebars"}
        others = occupied if element.name not in crossing else occupied - _cells_of(kept, crossing)
        if not inside or not element.used or element.used & others:
            continue
        cost = _covered(element, glyphs)
        if covered and covered + cost > samples * 1.08:
            continue
        kept.append(element)
        occupied |= element.used
        covered += cost
    return kept


def _cells_of(kept: list[Element], names: set[str]) -> set[tuple[int, int]]:
    return {cell for element in kept if element.name in names for cell in element.used}


def _covered(element: Element, glyphs: GlyphSet) -> float:
    masks: dict[tuple[int, int], np.ndarray] = {}
    for row, column, name, tint in element.distinct:
        alpha = glyphs.glyph(name, tint)[..., 3] > 0
        masks[row, column] = masks[row, column] | alpha if (row, column) in masks else alpha
    return float(sum(int(mask.sum()) for mask in masks.values()))
