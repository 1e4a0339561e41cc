"""Pictures: the best and the worst holes (the truth, the hole and what each method made of it), and a contact sheet of
whole frames before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from ..picture import Planes
from .cases import Case, regions
from .metrics import PERFECT

#: A crop's least size in pixels of the clip, and how much it is enlarged beside its natural size.
CROP = (160, 96)
ZOOM = 3
#: A region is looked at in at most this many frames of a clip.
_FRAMES = 12


def write(
    folder: Path, case: Case, holes: Sequence[np.ndarray], results: Mapping[str, Sequence[Planes]]
) -> list[Path]:
    """Write `CLIP-KIND-best.png` and `-worst.png`, by the PSNR of the last result in the region; their
    paths."""
    judged = list(results)[-1]
    found = sorted(_judged(case, holes, results[judged]), key=lambda one: one[0])
    if not found:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for label, (value, n, box) in (("worst", found[0]), ("best", found[-1])):
        path = folder / f"{case.name}-{case.kind}-{label}.png"
        title = f"{case.name} frame {n}, {label} hole of {judged}: {value:.1f} dB"
        if not cv2.imwrite(str(path), sheet(case, holes, results, n, box, title)):
            raise OSError(f"cannot write {path}")
        paths.append(path)
    return paths


def _judged(
    case: Case, holes: Sequence[np.ndarray], restored: Sequence[Planes]
) -> list[tuple[float, int, tuple[slice, slice]]]:
    """Luma PSNR, frame and box of every region of a few frames."""
    out = []
    parted: dict[int, tuple[np.ndarray, list[tuple[slice, slice]]]] = {}
    for n in range(0, case.length, max(1, case.length // _FRAMES)):
        hole = holes[n]
        if id(hole) not in parted:
            parted[id(hole)] = regions(hole, 6)
        labels, boxes = parted[id(hole)]
        error = (case.truth[n][0].astype(np.float32) - restored[n][0]) ** 2
        for label, box in enumerate(boxes, 1):
            mse = float(error[box][labels[box] == label].mean())
            out.append((PERFECT if mse == 0 else 10 * float(np.log10(255**2 / mse)), n, box))
    return out


def sheet(
    case: Case,
    holes: Sequence[np.ndarray],
    results: Mapping[str, Sequence[Planes]],
    n: int,
    box: tuple[slice, slice],
    title: str,
) -> np.ndarray:
    """BGR picture: a column per version, natural size above, enlarged below."""
    at = _crop(box, case.picture.height, case.picture.width)
    tinted = _bgr(case.overlaid[n])
    tinted[holes[n]] = tinted[holes[n]] // 2 + np.uint8([60, 0, 120])
    versions = [("truth", _bgr(case.truth[n])), ("overlaid", _bgr(case.overlaid[n])), ("hole", tinted)]
    versions += [(name, _bgr(restored[n])) for name, restored in results.items()]
    columns = []
    for name, picture in versions:
        crop = np.ascontiguousarray(picture[at])
        large = cv2.resize(crop, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_NEAREST)
        natural = np.zeros((crop.shape[0], large.shape[1], 3), np.uint8)
        natural[:, : crop.shape[1]] = crop
        columns.append(np.vstack([_caption(name, large.shape[1]), natural, large]))
        columns.append(np.zeros((columns[-1].shape[0], 4, 3), np.uint8))
    # Two rows of columns keep the picture within a screen's width.
    per_row = -(-len(versions) // 2) * 2
    rows = [np.hstack(columns[i : i + per_row]) for i in range(0, len(columns), per_row)]
    width = max(row.shape[1] for row in rows)
    rows = [cv2.copyMakeBorder(row, 0, 4, 0, width - row.shape[1], cv2.BORDER_CONSTANT) for row in rows]
    return np.vstack([_caption(title, width), *rows])


def pair(case: Case, restored: Sequence[Planes]) -> np.ndarray:
    """BGR picture of the clip's middle frame, overlaid and restored side by side at natural size."""
    n = case.length // 2
    both = np.hstack([_bgr(case.overlaid[n]), _bgr(restored[n])])
    return np.vstack([_caption(f"{case.name} frame {n}, before and after", both.shape[1]), both])


def contact(path: Path, pairs: Sequence[np.ndarray]) -> None:
    """Write pictures one below the other. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width = max(one.shape[1] for one in pairs)
    rows = [cv2.copyMakeBorder(one, 0, 4, 0, width - one.shape[1], cv2.BORDER_CONSTANT) for one in pairs]
    if not cv2.imwrite(str(path), np.vstack(rows)):
        raise OSError(f"cannot write {path}")


def _crop(box: tuple[slice, slice], height: int, width: int) -> tuple[slice, slice]:
    out = []
    for part, least, size in zip(box, (CROP[1], CROP[0]), (height, width), strict=True):
        length = min(size, max(least, min(part.stop - part.start + 24, least * 3 // 2)))
        start = min(max(0, (part.start + part.stop - length) // 2), size - length)
        out.append(slice(start, start + length))
    return out[0], out[1]


def _caption(text: str, width: int) -> np.ndarray:
    strip = np.zeros((22, width, 3), np.uint8)
    cv2.putText(strip, text, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return strip


def _bgr(planes: Planes) -> np.ndarray:
    """BT.709 limited 4:2:0 planes as BGR, for looking at."""
    y, u, v = planes
    size = y.shape[::-1]
    u, v = (cv2.resize(c, size, interpolation=cv2.INTER_LINEAR).astype(np.float32) - 128 for c in (u, v))
    luma = (y.astype(np.float32) - 16) * (255 / 219)
    scale = 255 / 224
    red = luma + 1.5748 * scale * v
    green = luma - (0.1873 * u + 0.4681 * v) * scale
    blue = luma + 1.8556 * scale * u
    return np.clip(np.dstack([blue, green, red]) + 0.5, 0, 255).astype(np.uint8)
