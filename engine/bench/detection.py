"""How well overlays are found: synthetic overlays over clean clips, so that every pixel of them is known.

1. A clip has one overlay of each kind; the truth is what it covers in each frame.
2. `Detect` runs as users run it, through vspipe (`mask.vpy`), asked for the overlay's kind; over the clean clip, for
   all kinds at once.
3. Clips with an overlay of their own, of one frame of which a mask was drawn by hand (`drawn`), are measured by that
   frame, for each kind that was drawn.
4. A found pixel is right where an overlay's is within TOLERANCE, and an overlay's pixel is met where a found one is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any
from zlib import crc32

import cv2
import numpy as np

from ..detect.settings import KIND_OF, LEARNED, TOLERANCE
from ..footage import decoded
from ..synth import overlays
from ..synth.glyphs import Fonts
from . import metrics, node
from .cases import Case
from .table import header, line, opening

_LAID = (
    "telemetry-per-frame", "telemetry-systems", "timestamp", "logo", "logo-transparent", "subtitles",
    "subtitles-styled", "moving", "flashing",
)  # fmt: skip
#: Overlays that are laid over the clips, and the kind as which each is to be found; "clean" lays none.
OVERLAYS = {name: KIND_OF[name] for name in _LAID} | {"clean": "any"}
#: Overlays after which PSNR is measured where that is asked for.
RESTORED = ("telemetry-per-frame", "logo", "subtitles")
#: Masks drawn by hand, named after clip and frame; a sample is 0 or 1 + the number of its kind in LEARNED.
DRAWN = Path(__file__).parent / "drawn"


@dataclass(frozen=True, kw_only=True)
class Row:
    """Figures of one clip under one overlay. Shares are 0..1, None where nothing is to be found.

    coverage: share of the picture that the overlay covers; marked: share that was marked. flicker: share of the pixels
    that are the overlay's in two successive frames whose mark changed between them. true, found: PSNR on the overlay's
    pixels, dB, restored by the true mask and by the found one.
    """

    clip: str
    overlay: str
    kind: str
    width: int
    height: int
    frames: int
    coverage: float
    marked: float
    recall: float | None
    precision: float | None
    flicker: float | None
    seconds: float
    true: float | None = None
    found: float | None = None


def load(path: str | Path, overlay: str, seed: int = 1, frames: int | None = None, fonts: Fonts = None) -> Case:
    """Read a clip and lay an overlay over it (#1). Raises OsdcleanError where the clip cannot be read."""
    path = Path(path)
    truth, picture, fps = decoded(path, frames)
    if overlay == "clean":
        shown, holes = truth, [np.zeros(truth[0][0].shape, bool)] * len(truth)
    else:
        # Each clip gets an overlay of its own: one layout for all would measure that layout.
        own = crc32(f"{seed}/{path.stem}/{overlay}".encode())
        sheets = fonts if overlay.startswith("telemetry") else None
        made = overlays.make(overlay, picture.width, picture.height, len(truth), float(fps), own, sheets)
        shown = [overlays.lay_yuv420(planes, made.rgba(n)) for n, planes in enumerate(truth)]
        holes = [made.mask(n) > 0 for n in range(len(truth))]
    return Case(
        name=path.stem, kind=overlay, seed=seed, fps=fps, picture=picture, truth=truth, overlaid=shown, holes=holes
    )


def measure(
    case: Case,
    arguments: Mapping[str, object],
    on_frame: Callable[[int], None] | None = None,
    restored: bool = False,
    pictures: Path | None = None,
) -> Row:
    """Find a case's overlay (#2). arguments: further ones of Detect.

    restored: measure what Inpaint makes of the masks as well; pictures: folder for what was marked, drawn over the
    middle frame. Raises OsdcleanError where vspipe or the plugin is missing or fails.
    """
    asked = {f"find_{name}": value for name, value in {"kind": OVERLAYS[case.kind], **arguments}.items()}
    with tempfile.TemporaryDirectory(prefix="osdclean-bench-") as name:
        folder = Path(name)
        node.clip_file(case, folder)
        out = folder / "found.raw"
        seconds = node.timed(folder, asked, "mask.vpy", out, on_frame, options=()).seconds
        shape = case.length, case.picture.height, case.picture.width
        masks = np.fromfile(out, np.uint8).reshape(shape) > 0
        row = judged(case, masks, seconds / case.length)
        if restored:
            row = replace(row, found=_psnr(case, folder, asked))
            node.mask_file(case, folder)
            row = replace(row, true=_psnr(case, folder, {}))
    if pictures is not None:
        picture(pictures / f"{case.name}-{case.kind}.png", case, masks)
    return row


def judged(case: Case, masks: np.ndarray, seconds: float = 0.0) -> Row:
    """Figures of found masks, bool [T, H, W] (#4)."""
    truth = np.stack(case.holes)
    there, found = int(truth.sum()), int(masks.sum())
    stays = truth[1:] & truth[:-1]
    return Row(
        clip=case.name, overlay=case.kind, kind=OVERLAYS.get(case.kind, case.kind), width=case.picture.width,
        height=case.picture.height, frames=case.length, coverage=float(truth.mean()), marked=float(masks.mean()),
        recall=float((truth & near(masks)).sum() / there) if there else None,
        precision=float((masks & near(truth)).sum() / found) if there and found else None,
        flicker=float(((masks[1:] != masks[:-1]) & stays).sum() / stays.sum()) if stays.any() else None,
        seconds=seconds,
    )  # fmt: skip


def near(masks: np.ndarray) -> np.ndarray:
    """What is within TOLERANCE of masks; both bool [T, H, W]."""
    kernel = np.ones((2 * TOLERANCE + 1,) * 2, np.uint8)
    return np.stack([cv2.dilate(mask.view(np.uint8), kernel) for mask in masks]) > 0


def drawn(clip: str | Path) -> tuple[int, np.ndarray] | None:
    """Number of the frame of which a mask was drawn for a clip of this name, and the mask, uint8 [H, W]."""
    for file in sorted(DRAWN.glob(f"{Path(clip).stem}-*.png")):
        return int(file.stem.rpartition("-")[2]), cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    return None


def measure_drawn(
    clip: str | Path, arguments: Mapping[str, object], pictures: Path | None = None
) -> list[Row]:
    """Figures of a clip with a drawn mask, a row for each kind in it (#3). Raises OsdcleanError as `measure`."""
    n, mask = drawn(clip)
    truth, form, fps = decoded(Path(clip), n + 1)
    rows = []
    for k in np.unique(mask[mask > 0]).tolist():
        kind = LEARNED[k - 1]
        one = Case(
            name=Path(clip).stem, kind=f"drawn {kind}", seed=0, fps=fps, picture=form, truth=truth[n:],
            overlaid=truth[n:], holes=[mask == k],
        )  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="osdclean-bench-") as name:
            out = Path(name) / "found.raw"
            asked = {f"find_{key}": value for key, value in {"kind": kind, **arguments}.items()}
            options = ("-s", str(n), "-e", str(n))
            timing = node.timed(Path(name), {"clip": Path(clip).resolve(), **asked}, "mask.vpy", out, options=options)
            found = np.fromfile(out, np.uint8).reshape(1, *mask.shape) > 0
        rows.append(judged(one, found, timing.seconds))
        if pictures is not None:
            picture(pictures / f"{one.name}-{kind}.png", one, found)
    return rows


def picture(path: Path, case: Case, masks: np.ndarray) -> None:
    """Write the frame in which most is wrong: green is what was found, red what was missed, blue marked in vain."""
    truth = np.stack(case.holes)
    n = int((truth ^ masks).sum((1, 2)).argmax())
    planes = [np.ascontiguousarray(plane) for plane in case.overlaid[n]]
    shown = cv2.cvtColor(np.concatenate([plane.reshape(-1) for plane in planes]).reshape(-1, planes[0].shape[1]),
                         cv2.COLOR_YUV2BGR_I420)  # fmt: skip
    drawn = shown.copy()
    for where, colour in (
        (truth[n] & masks[n], (0, 200, 0)), (truth[n] & ~masks[n], (0, 0, 255)), (masks[n] & ~truth[n], (255, 60, 0)),
    ):  # fmt: skip
        drawn[where] = colour
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.concatenate([shown, drawn], 1))


def _psnr(case: Case, folder: Path, arguments: Mapping[str, object]) -> float:
    """PSNR of `clean.vpy` on the overlay's own pixels, dB."""
    out = folder / "restored.y4m"
    node.timed(folder, arguments, "clean.vpy", out)
    return metrics.psnr(case.truth, node.frames(out, case), case.holes)


def markdown(rows: Sequence[Row], setting: Mapping[str, Any]) -> str:
    """A table per overlay, a line per clip."""
    out = opening(setting)
    for overlay in dict.fromkeys(row.overlay for row in rows):
        mine = [row for row in rows if row.overlay == overlay]
        out += [f"## {overlay}" + (f": kind {mine[0].kind}" if mine[0].kind != overlay else ""), ""]
        out += header(["clip", "size", "covered %", "marked %", "recall", "precision", "flicker %", "ms/frame",
                       "true mask dB", "found mask dB"])  # fmt: skip
        for row in mine:
            out.append(line([row.clip, f"{row.width}x{row.height}", *_cells(row)]))
        mean = {
            name: _mean([getattr(row, name) for row in mine])
            for name in ("coverage", "marked", "recall", "precision", "flicker", "seconds", "true", "found")
        }
        out += [line(["**mean**", "", *_cells(replace(mine[0], **mean))]), ""]
    return "\n".join(out) + "\n"


def _mean(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return fmean(there) if there else None


def _cells(row: Row) -> list[str]:
    def of(value: float | None, form: str, scale: float = 1) -> str:
        return "" if value is None else format(scale * value, form)

    return [
        of(row.coverage, ".2f", 100), of(row.marked, ".2f", 100), of(row.recall, ".3f"), of(row.precision, ".3f"),
        of(row.flicker, ".2f", 100), of(row.seconds, ".0f", 1000), of(row.true, ".2f"), of(row.found, ".2f"),
    ]  # fmt: skip


def report(rows: Sequence[Row], setting: Mapping[str, Any]) -> dict[str, Any]:
    """Everything as plain data for JSON."""
    return {"setting": dict(setting), "rows": [asdict(row) for row in rows]}
