"""The pictures of these pages: `make docs-pictures`, or `python docs/pictures.py [NAME...]` for some of them.

All are of made scenes (engine/synth), restored and searched by the functions that users call. Written are WebP files
in docs/images; what each shows is told where it is used.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import vapoursynth as vs
from osdclean.engine.bench import cases, sources
from osdclean.engine.cli.main import main as osdclean
from osdclean.engine.picture import PictureFormat, Planes
from osdclean.engine.synth import compression, marks, overlays, scene

IMAGES = Path(__file__).with_name("images")
WIDTH, HEIGHT, LENGTH, FPS = 640, 360, 48, 30
BAND = 22
#: Frames [H, W, 3], uint8 RGB; masks [H, W], uint8, 255 where something is to be filled.
Frames = Sequence[np.ndarray]


def clip_of(pictures: Sequence[np.ndarray]) -> vs.VideoNode:
    """Pictures as a clip: RGB24, or GRAY8 for masks."""
    height, width = pictures[0].shape[:2]
    kind = vs.RGB24 if pictures[0].ndim == 3 else vs.GRAY8
    blank = vs.core.std.BlankClip(width=width, height=height, format=kind, length=len(pictures), fpsnum=FPS, keep=True)

    def paint(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        out = f.copy()
        for p in range(out.format.num_planes):
            np.asarray(out[p])[:] = pictures[n][..., p] if pictures[n].ndim == 3 else pictures[n]
        return out

    return vs.core.std.ModifyFrame(blank, blank, paint)


def shown(clip: vs.VideoNode, n: int) -> np.ndarray:
    """Frame n of a clip, as `clip_of` was given it."""
    frame = clip.get_frame(n)
    planes = [np.array(frame[p]) for p in range(frame.format.num_planes)]
    return planes[0] if len(planes) == 1 else np.dstack(planes)


def row(pictures: Sequence[tuple[str, np.ndarray]], zoom: int = 1) -> np.ndarray:
    """Pictures under their names, side by side. What is enlarged is shown smaller on a page: so are its names."""
    made = []
    for name, picture in pictures:
        large = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
        band = np.full((BAND * zoom, large.shape[1], 3), 24, np.uint8)
        at = 6 * zoom, 15 * zoom
        cv2.putText(band, name, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42 * zoom, (235, 235, 235), zoom, cv2.LINE_AA)
        made += [np.vstack([band, large]), np.full((len(band) + len(large), 4, 3), 255, np.uint8)]
    return np.hstack(made[:-1])


def write(name: str, picture: np.ndarray, quality: int = 84) -> None:
    path = IMAGES / f"{name}.webp"
    if not cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, quality]):
        raise OSError(f"cannot write {path}")
    print(f"{path} {path.stat().st_size // 1024} KiB")


def around(mask: np.ndarray, height: int, width: int) -> tuple[slice, slice]:
    """The part of a picture of this size around the middle of what is masked."""
    y, x = (int(np.median(side)) for side in np.nonzero(mask))
    top = min(max(0, y - height // 2), mask.shape[0] - height)
    left = min(max(0, x - width // 2), mask.shape[1] - width)
    return slice(top, top + height), slice(left, left + width)


def restored(truth: Frames, laid: Frames, masks: Sequence[np.ndarray], n: int, at: tuple[slice, slice]) -> np.ndarray:
    """A part of frame n before, as it was, and after, twice enlarged."""
    result = vs.core.osdclean.Inpaint(clip_of(laid), clip_of(masks))
    pictures = ("before", laid[n]), ("what was there", truth[n]), ("after", shown(result, n))
    return row([(name, picture[at]) for name, picture in pictures], 2)


def flight(seed: int, length: int = LENGTH) -> list[np.ndarray]:
    return list(scene.flight(WIDTH, HEIGHT, length, seed, FPS))


def still(seed: int) -> list[np.ndarray]:
    """One picture of a flight, filmed from a tripod: grain is all that changes."""
    return grained(flight(seed, 1) * LENGTH)


def grained(frames: Frames) -> list[np.ndarray]:
    """Frames with a grain of their own each."""
    rng = np.random.default_rng(1)
    return [np.clip(f + rng.normal(0, 2, (HEIGHT, WIDTH, 1)), 0, 255).astype(np.uint8) for f in frames]


def bar(frame: np.ndarray, top: int, left: int, text: str = "ALT 148.2m  SPD 82") -> tuple[np.ndarray, np.ndarray]:
    """A line of outlined text over a frame, and its mask."""
    out, mask = frame.copy(), np.zeros(frame.shape[:2], np.uint8)
    for colour, thick in (((0, 0, 0), 5), ((255, 255, 255), 2)):
        cv2.putText(out, text, (left, top), cv2.FONT_HERSHEY_DUPLEX, 0.8, colour, thick, cv2.LINE_AA)
    cv2.putText(mask, text, (left, top), cv2.FONT_HERSHEY_DUPLEX, 0.8, 255, 6)
    return out, mask


def demo() -> None:
    """before_after, close: the scene of `osdclean demo`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if osdclean(["demo", "--out", name, "--frames", "96"]):
            raise SystemExit("osdclean demo failed")
        write("before_after", cv2.imread(str(folder / "before_after.png"))[..., ::-1])
    truth, laid, overlay = display()
    write("close", restored(truth, laid, [overlay.static_mask()], 48, CLOSE))


#: The part of the demo's scene that is looked at closely: artificial horizon and warning.
CLOSE = slice(250, 400), slice(380, 640)


def display() -> tuple[list[np.ndarray], list[np.ndarray], overlays.Overlay]:
    """The scene of `osdclean demo --frames 96`, without and with its display, and the display."""
    overlay = overlays.telemetry(960, 540, 96, FPS, 7)
    truth = list(scene.flight(960, 540, 96, 7, FPS))
    return truth, [overlays.lay(frame, overlay.rgba(n)) for n, frame in enumerate(truth)], overlay


def seen() -> None:
    """seen: what the network is shown of a frame, in luma, and what becomes of it."""
    truth, laid, overlay = display()
    shape = PictureFormat(
        family="YUV", floating=False, bits=8, width=960, height=540, subsampling_w=1, subsampling_h=1
    )
    case = cases.Case(
        name="demo", kind="telemetry", seed=7, fps=Fraction(FPS), picture=shape, truth=[yuv(f) for f in truth],
        overlaid=[yuv(f) for f in laid], holes=[overlay.static_mask() > 0] * len(truth),
    )  # fmt: skip
    n = 48
    with sources.gathering(case) as (region, run):
        candidates = sources.shown(run.evidence(n))
    y, x = region.luma.y[: region.luma.hole_count], region.luma.x[: region.luma.hole_count]
    made = []
    names = "filled under tension", "filled as a plate", "from before", "from after"
    for name, values in zip(names, candidates, strict=True):
        picture = case.overlaid[n][0].copy()
        picture[y, x] = np.clip(np.rint(values * 255), 0, 255)
        made.append((name, picture))
    result = shown(vs.core.osdclean.Inpaint(clip_of(laid), clip_of([overlay.static_mask()])), n)
    hole = case.overlaid[n][0].copy()
    hole[y, x] = 0
    made = [("hole", hole), *made, ("restored", yuv(result)[0])]
    rows = [row([(name, np.dstack([p[CLOSE]] * 3)) for name, p in made[k : k + 3]], 2) for k in (0, 3)]
    write("seen", np.vstack(rows))


def yuv(rgb: np.ndarray) -> Planes:
    """4:2:0 planes of a picture."""
    height, width = rgb.shape[:2]
    joined = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2YUV_I420)
    chroma = joined[height:].reshape(2, height // 2, width // 2)
    return joined[:height].copy(), chroma[0].copy(), chroma[1].copy()


def rgb(planes: Planes) -> np.ndarray:
    joined = np.concatenate([plane.reshape(-1) for plane in planes])
    return cv2.cvtColor(joined.reshape(-1, planes[0].shape[1]), cv2.COLOR_YUV2RGB_I420)


def masks() -> None:
    """masks: the same frame under a mask for all frames, one of its own, and the one that is found."""
    _, laid, overlay = display()
    clip, at = clip_of(laid), (slice(380, 540), slice(0, 260))
    per_frame = clip_of([overlay.mask(n) for n in range(len(laid))])
    made = [("frame", laid[48][at])]
    for name, mask in (
        ("one mask for all frames", clip_of([overlay.static_mask()])),
        ("the mask of this frame", per_frame),
        ("found", vs.core.osdclean.Detect(clip)),
    ):
        made.append((name, shown(vs.core.osdclean.Inpaint(clip, mask, grow=0, show=1), 48)[at]))
    write("masks", row(made, 2))


def halo() -> None:
    """halo: text compressed into the picture, under a mask that is exact, and grown."""
    truth = flight(3)
    pairs = [bar(frame, 250, 130) for frame in truth]
    how = compression.Compression(codec="x264", quality=26)
    laid = [rgb(planes) for planes in compression.compressed([yuv(frame) for frame, _ in pairs], FPS, how)]
    exact = np.where((pairs[24][0] != truth[24]).any(2), np.uint8(255), np.uint8(0))
    at = around(exact, 80, 300)
    made = [("before", laid[24][at])]
    for grow in (0, 2, 6):
        result = vs.core.osdclean.Inpaint(clip_of(laid), clip_of([exact]), grow=grow)
        made.append((f"grow={grow}", shown(result, 24)[at]))
    write("halo", np.vstack([row(made[:2], 2), row(made[2:], 2)]))


def unblend() -> None:
    """unblend: a half-transparent mark, inpainted and solved for."""
    overlay = marks.transparent(WIDTH, HEIGHT, LENGTH, FPS, 13, opacity=0.5)
    truth = flight(3)
    laid = [overlays.lay(frame, overlay.rgba(n)) for n, frame in enumerate(truth)]
    clip, mask = clip_of(laid), clip_of([overlay.mask(0)])
    guess = vs.core.osdclean.Inpaint(clip, mask)
    solved = vs.core.osdclean.Unblend(clip, mask, inpainted=guess)
    result = vs.core.osdclean.Inpaint(solved, solved.std.PropToClip("_Thin"), grow=0)
    at = around(overlay.mask(0), 100, 180)
    pictures = ("before", laid[24]), ("Inpaint", shown(guess, 24)), ("Unblend", shown(result, 24)), ("truth", truth[24])
    write("unblend", row([(name, picture[at]) for name, picture in pictures], 2))


def fail_still() -> None:
    """still: nothing ever moves."""
    truth = still(3)
    pairs = [bar(frame, 250, 130) for frame in truth]
    mask = pairs[0][1]
    write("still", restored(truth, [laid for laid, _ in pairs], [mask], 24, around(mask, 110, 300)))


def fail_limbs() -> None:
    """limbs: an animal runs behind the text."""
    ground = flight(5)
    truth = [animal(frame, n) for n, frame in enumerate(ground)]
    pairs = [bar(frame, 262, 170) for frame in truth]
    mask = pairs[0][1]
    write("limbs", restored(truth, [laid for laid, _ in pairs], [mask], 24, (slice(180, 310), slice(210, 430))))


def animal(frame: np.ndarray, n: int) -> np.ndarray:
    """A frame with a running animal in its middle, whose legs swing by more than their own width per frame."""
    out = frame.copy()
    coat, dark = (104, 66, 38), (70, 42, 24)
    x, y = 320, 215 + round(4 * np.sin(n * 1.1))
    for k, (hip, phase) in enumerate(((-46, 0.0), (-36, 2.4), (40, 3.4), (50, 5.5))):
        swing = 0.75 * np.sin(n * 1.1 + phase)
        knee = x + hip + 26 * np.sin(swing), y + 14 + 26 * np.cos(swing)
        foot = knee[0] + 26 * np.sin(swing - 0.5), knee[1] + 26 * np.cos(swing - 0.5)
        line = np.round(np.array([(x + hip, y + 12), knee, foot])).astype(np.int32)
        cv2.polylines(out, [line], False, dark if k % 2 else coat, 9, cv2.LINE_AA)
    cv2.ellipse(out, (x, y), (64, 24), 0, 0, 360, coat, -1, cv2.LINE_AA)
    cv2.ellipse(out, (x + 66, y - 24), (16, 34), 35, 0, 360, coat, -1, cv2.LINE_AA)
    cv2.ellipse(out, (x + 88, y - 46), (20, 10), 20, 0, 360, coat, -1, cv2.LINE_AA)
    return cv2.GaussianBlur(out, (0, 0), 0.6)


def fail_reflection() -> None:
    """reflection: two pictures in one, each with a motion of its own."""
    far = sliding(11, 3.0)
    near = sliding(12, -5.0)
    truth = [cv2.addWeighted(a, 0.6, b, 0.4, 0) for a, b in zip(far, near, strict=True)]
    pairs = [bar(frame, 200, 170) for frame in truth]
    mask = pairs[0][1]
    write("reflection", restored(truth, [laid for laid, _ in pairs], [mask], 24, around(mask, 110, 300)))


def sliding(seed: int, speed: float) -> list[np.ndarray]:
    """A picture that slides by so many pixels a frame."""
    wide = next(scene.flight(WIDTH + 280, HEIGHT, 1, seed, FPS))
    firsts = [round(140 - 140 * np.sign(speed) + speed * n) for n in range(LENGTH)]
    return [wide[:, first : first + WIDTH] for first in firsts]


def found(laid: Frames, kind: str, n: int) -> np.ndarray:
    """Frame n with what Detect marks tinted."""
    clip = clip_of(laid)
    return shown(vs.core.osdclean.Inpaint(clip, vs.core.osdclean.Detect(clip, kind=kind), grow=0, show=1), n)


def miss_flashing() -> None:
    """flashing: a mark that blinks, found in part."""
    overlay = marks.flashing(WIDTH, HEIGHT, LENGTH, FPS, 7)
    laid = [overlays.lay(frame, overlay.rgba(n)) for n, frame in enumerate(flight(3))]
    at = around(np.max([overlay.mask(n) for n in range(LENGTH)], 0), 90, 150)
    clip = clip_of(laid)
    tinted = vs.core.osdclean.Inpaint(clip, vs.core.osdclean.Detect(clip, kind="moving"), grow=0, show=1)
    shots = range(16, 32, 2)
    top = row([(f"frame {n}", laid[n][at]) for n in shots])
    bottom = row([("found", shown(tinted, n)[at]) for n in shots])
    write("flashing", np.vstack([top, bottom]))


def miss_faint() -> None:
    """faint: a logo at falling opacity, over a camera that moves and over one that does not."""
    rows = []
    for name, frames in (("moving camera", flight(3)), ("still camera", still(3))):
        made = []
        for opacity in (0.6, 0.3, 0.15):
            overlay = marks.transparent(WIDTH, HEIGHT, LENGTH, FPS, 4, opacity=opacity)
            laid = [overlays.lay(frame, overlay.rgba(n)) for n, frame in enumerate(frames)]
            at = around(overlay.mask(0), 100, 150)
            made += [(f"{name}, {opacity:.0%}", laid[24][at]), ("found", found(laid, "logo", 24)[at])]
        rows.append(row(made))
    write("faint", np.vstack(rows))


def vain_lettering() -> None:
    """lettering: letters of the picture's own, before a camera that moves and one that does not."""
    wide = next(scene.flight(WIDTH + 280, HEIGHT, 1, 21, FPS)).copy()
    cv2.rectangle(wide, (360, 150), (560, 230), (236, 232, 220), -1)
    cv2.rectangle(wide, (360, 150), (560, 230), (60, 60, 60), 3)
    cv2.putText(wide, "CAFE", (382, 195), cv2.FONT_HERSHEY_DUPLEX, 1.1, (40, 40, 44), 3, cv2.LINE_AA)
    cv2.putText(wide, "OPEN 7-18", (380, 222), cv2.FONT_HERSHEY_DUPLEX, 0.7, (150, 40, 40), 2, cv2.LINE_AA)
    at, made = (slice(110, 270), slice(240, 560)), []
    for name, speed in (("moving camera", 2), ("still camera", 0)):
        firsts = [48 + speed * (n - 24) for n in range(LENGTH)]
        laid = grained([wide[:, first : first + WIDTH] for first in firsts])
        made += [(name, laid[24][at]), ("found as osd", found(laid, "osd", 24)[at])]
    write("lettering", row(made))


PICTURES: dict[str, Callable[[], None]] = {
    "demo": demo,
    "seen": seen,
    "masks": masks,
    "halo": halo,
    "unblend": unblend,
    "still": fail_still,
    "limbs": fail_limbs,
    "reflection": fail_reflection,
    "flashing": miss_flashing,
    "faint": miss_faint,
    "lettering": vain_lettering,
}


if __name__ == "__main__":
    for name in sys.argv[1:] or PICTURES:
        PICTURES[name]()
