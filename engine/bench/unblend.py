"""Un-blending against inpainting: half-transparent marks over clean clips, solved for, or painted over like any other.

1. A clip has one mark, the same at every opacity and after every compression.
2. Both ways are run as users run them, through vspipe: `static_mask.vpy` (Inpaint alone) and `unblend.vpy` (Unblend,
   then Inpaint on what that calls thin). Both are told the same hole and grow it alike; PSNR counts that alone.
3. The truth is the clean clip, before any compression.
4. What a hole hides does not reach Inpaint: without compression it is run once for all opacities of a clip. (By
   itself, that is: `unblend.vpy` runs it each time, for the estimate as well.)
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any
from zlib import crc32

import numpy as np

from ..footage import decoded
from ..picture import Planes
from ..settings import Settings
from ..synth import marks, overlays
from ..synth.compression import Compression, compressed
from ..synth.glyphs import Fonts
from ..unblend.estimate import estimate, guess_places, sample_frames
from . import metrics, node
from .cases import Case
from .table import header, line, opening

OPACITIES = (0.3, 0.5, 0.7)
#: Frames of each clip where none are asked for.
FRAMES = 60


@dataclass(frozen=True, kw_only=True)
class Row:
    """Figures of one clip under one mark. crf: of x264 after the mark, None without.

    hole: samples of the grown hole. inpainted, unblended: PSNR in it, dB, over all planes. thin: share of it that was
    inpainted after all. seconds: of the estimate.
    """

    clip: str
    width: int
    height: int
    frames: int
    opacity: float
    crf: int | None
    hole: int
    inpainted: float
    unblended: float
    thin: float
    seconds: float

    @property
    def gain(self) -> float:
        return self.unblended - self.inpainted


def load(
    path: str | Path,
    opacity: float,
    crf: int | None = None,
    seed: int = 1,
    frames: int = FRAMES,
    fonts: Fonts = None,
) -> Case:
    """Read a clip, lay a mark over it (#1) and compress it as web sites do. Raises OsdcleanError where the clip cannot
    be read or compressed."""
    path = Path(path)
    truth, picture, fps = decoded(path, frames)
    # Each clip gets a mark of its own: one for all would measure that mark.
    own = crc32(f"{seed}/{path.stem}".encode())
    mark = marks.transparent(picture.width, picture.height, len(truth), float(fps), own, fonts, opacity=opacity)
    shown = [overlays.lay_yuv420(planes, mark.rgba(n)) for n, planes in enumerate(truth)]
    if crf is not None:
        shown = compressed(shown, fps, Compression(codec="x264", quality=crf, preset="medium", keyframe=250, bframes=3))
    return Case(
        name=path.stem, kind="mark", seed=seed, fps=fps, picture=picture, truth=truth, overlaid=shown,
        holes=[mark.static_mask() > 0] * len(truth),
    )  # fmt: skip


def measure(
    case: Case,
    opacity: float,
    crf: int | None,
    arguments: Mapping[str, object],
    on_frame: Callable[[int], None] | None = None,
    inpainted: Sequence[Planes] | None = None,
) -> Row:
    """Run both ways over a case (#2). arguments: further ones of Inpaint, `grow` of both. inpainted: what Inpaint alone
    makes of it, where that is known (#4). Raises OsdcleanError where vspipe or the plugin is missing or fails."""
    holes = case.grown(int(arguments.get("grow", Settings.grow)))
    count = int(holes[0].sum())
    if inpainted is None:
        inpainted = run("static_mask.vpy", case, arguments, on_frame)
    unblended = run("unblend.vpy", case, arguments, on_frame)
    # In this process: vspipe does not tell it from its own start.
    thin, seconds = estimated(case, holes[0], inpainted)
    return Row(
        clip=case.name, width=case.picture.width, height=case.picture.height, frames=case.length, opacity=opacity,
        crf=crf, hole=count, inpainted=metrics.psnr(case.truth, inpainted, holes),
        unblended=metrics.psnr(case.truth, unblended, holes), thin=float(thin.sum() / count), seconds=seconds,
    )  # fmt: skip


def run(
    script: str, case: Case, arguments: Mapping[str, object], on_frame: Callable[[int], None] | None = None
) -> list[Planes]:
    """What a script makes of a case."""
    with tempfile.TemporaryDirectory(prefix="osdclean-bench-") as name:
        return restored(case, node.files(case, Path(name)), script, arguments, on_frame)


def restored(
    case: Case,
    files: Path,
    script: str,
    arguments: Mapping[str, object],
    on_frame: Callable[[int], None] | None = None,
) -> list[Planes]:
    """What a script makes of a case's files (`node.files`)."""
    out = files / "out.y4m"
    node.timed(files, arguments, script, out, on_frame)
    return node.frames(out, case)


def estimated(case: Case, hole: np.ndarray, inpainted: Sequence[Planes]) -> tuple[np.ndarray, float]:
    """What Unblend calls thin in a grown hole, bool [H, W], and the seconds that the estimate took."""
    begun = time.monotonic()
    wanted = sample_frames(case.length)
    frames = [case.overlaid[n] for n in wanted]
    guesses = [inpainted[wanted[k]] for k in guess_places(len(wanted))]
    return estimate(frames, case.picture, hole, guesses).thin, time.monotonic() - begun


def markdown(rows: Sequence[Row], setting: Mapping[str, Any]) -> str:
    """A table per compression, a line per clip, a cell per opacity."""
    out = opening(setting)
    for crf in dict.fromkeys(row.crf for row in rows):
        out += _compression([row for row in rows if row.crf == crf], crf)
    return "\n".join(out) + "\n"


def _compression(rows: Sequence[Row], crf: int | None) -> list[str]:
    opacities = list(dict.fromkeys(row.opacity for row in rows))
    clips: dict[str, dict[float, Row]] = {}
    for row in rows:
        clips.setdefault(row.clip, {})[row.opacity] = row
    out = [
        f"## {'not compressed' if crf is None else f'x264 at crf {crf} after the mark'}", "",
        "PSNR in the hole, dB: Inpaint alone / Unblend and Inpaint, and the share that was thin", "",
        *header(["clip", "size", "frames", "hole", *(f"opacity {o:g}" for o in opacities), "estimate s"]),
    ]  # fmt: skip
    for clip, by_opacity in clips.items():
        one = next(iter(by_opacity.values()))
        cells = [_cell(by_opacity[o]) for o in opacities]
        longest = max(row.seconds for row in by_opacity.values())
        out.append(line([clip, f"{one.width}x{one.height}", one.frames, one.hole, *cells, f"{longest:.1f}"]))
    columns = [[row for row in rows if row.opacity == o] for o in opacities]
    means = [f"{fmean(r.inpainted for r in some):.2f} / {fmean(r.unblended for r in some):.2f}" for some in columns]
    gains = [f"{min(r.gain for r in some):+.2f} to {max(r.gain for r in some):+.2f}" for some in columns]
    out += [line(["**mean**", "", "", "", *means, ""]), line(["gain", "", "", "", *gains, ""]), ""]
    return out


def _cell(row: Row) -> str:
    figures = [f"{row.inpainted:.2f}", f"{row.unblended:.2f}"]
    if figures[0] != figures[1]:
        better = int(row.gain > 0)
        figures[better] = f"**{figures[better]}**"
    return " / ".join(figures) + (f", {row.thin:.0%}" if row.thin >= 0.005 else "")


def report(rows: Sequence[Row], setting: Mapping[str, Any]) -> dict[str, Any]:
    """Everything as plain data for JSON."""
    return {"setting": dict(setting), "rows": [asdict(row) | {"gain": row.gain} for row in rows]}
