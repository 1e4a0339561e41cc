"""How the scripts read clips, masks and their own arguments. Works inside vspipe and editors alike."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import vapoursynth as vs
from osdclean.engine.networks import asked


def located(path: str) -> Path:
    """A file's absolute path.

    vspipe enters the script's folder, but users name files from the folder in which they started it, which the shell
    tells; what is not there is looked for beside the script.
    """
    file = Path(path).expanduser()
    started = Path(os.environ.get("PWD", "")) / file
    there = started.parent.is_dir() if "%" in file.name else started.exists()
    return (started if there else file).resolve()


def _model(text: str) -> str:
    """Weights as a script is given them: a file's absolute path, or a name as it is."""
    network, name = asked(text)
    file = located(name)
    return text if not (file.suffix and file.is_file()) else f"{network}:{file}" if network else str(file)


#: Still pictures are read with OpenCV: it keeps the sample values, whatever the file says of colour.
PICTURES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm"))

#: Arguments of `Inpaint` that scripts pass on, with the type that the text of `vspipe -a` becomes.
INPAINT = {
    "model": _model,
    "device": str,
    "precision": str,
    "grow": int,
    "period": int,
    "warmup": int,
    "lookahead": int,
    "sc_threshold": float,
    "cache": int,
    "backend": str,
}
#: Arguments of `Detect`, which scripts are given with "find_" before their names, since `Inpaint` has some of them too.
DETECT = {
    "kind": lambda text: text.split(","),
    "sensitivity": float,
    "left": int,
    "top": int,
    "width": int,
    "height": int,
    "grow": int,
    "hold": int,
    "model": _model,
    "device": str,
    "precision": str,
}
#: What Av1an sets while it looks for scene cuts: a global of the script, or a variable of vspipe's environment.
CUTS = "AV1AN_PERFORM_SCENE_DETECTION"
#: Arguments of `Track`, all of which a script needs.
TRACK = ("frame", "left", "top", "width", "height")


def inpaint_arguments(names: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Inpaint` among a script's globals, converted from text.

    names: `globals()` of the script; what `vspipe -a key=value` sets is text there.
    Raises vs.Error for text that is no number where one is needed.
    """
    return {name: _number(names, name, kind) for name, kind in INPAINT.items() if name in names}


def seeks_cuts(names: Mapping[str, Any]) -> bool:
    """Whether Av1an runs the script only to find scene cuts: the source has the same ones, and is many times faster.

    names: `globals()` of the script.
    """
    return CUTS in names or CUTS in os.environ


def read_hole(names: Mapping[str, Any], clip: vs.VideoNode) -> vs.VideoNode:
    """What is to be removed, as a Gray clip: the file `mask` among a script's globals; where there is none, what
    `Detect` finds, told by `find_kind` and its other arguments. Raises vs.Error."""
    if "mask" in names:
        return read_mask(names["mask"], clip)
    given = {name: _number(names, f"find_{name}", kind) for name, kind in DETECT.items() if f"find_{name}" in names}
    drawn = {name: read_mask(names[f"find_{name}"], clip) for name in ("include", "exclude") if f"find_{name}" in names}
    return vs.core.osdclean.Detect(clip, **given, **drawn)


def track_arguments(names: Mapping[str, Any]) -> dict[str, int]:
    """The key frame and the box for `Track`, as `inpaint_arguments`; raises vs.Error where one is missing, too."""
    if missing := [name for name in TRACK if name not in names]:
        raise vs.Error(f"{', '.join(missing)} must be given: where the object is, and in which frame")
    return {name: _number(names, name, int) for name in TRACK}


def _number(names: Mapping[str, Any], name: str, kind: type) -> Any:
    try:
        return kind(names[name])
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise vs.Error(f"{name} must be {what}, passed {names[name]!r}") from None


def read_clip(path: str, role: str = "clip", **options: Any) -> Any:
    """A video through bestsource, turned upright where the file says so.

    The index of the file is kept in bestsource's cache folder (~/.cache/bsindex), never beside the video.
    role: what the file is, for the error. options: further arguments of `bs.VideoSource`.
    Raises vs.Error when the file cannot be read.
    """
    file = located(path)
    try:
        return vs.core.bs.VideoSource(str(file), showprogress=0, apply_rotation=1, **options)
    except vs.Error as error:
        raise vs.Error(f"{role} {file} cannot be read as video: {error}") from None


def read_mask(path: str, clip: vs.VideoNode) -> vs.VideoNode:
    """A mask as a Gray clip: one frame of a picture, or as many as a video of masks has.

    Samples of at least half scale are the hole. A picture with transparency is a mask of what is drawn on it.
    Raises vs.Error when the file cannot be read or is not of the clip's size.
    """
    file = located(path)
    mask = _picture(file) if file.suffix.lower() in PICTURES and "%" not in file.name else _video(file)
    if (mask.width, mask.height) != (clip.width, clip.height):
        raise vs.Error(
            f"mask must have the clip's dimensions, passed {mask.width}x{mask.height} and "
            f"{clip.width}x{clip.height}: draw the mask on a frame of the clip ({file.name})"
        )
    return mask


def unblended(
    clip: vs.VideoNode, hole: vs.VideoNode, arguments: Mapping[str, Any]
) -> tuple[vs.VideoNode, vs.VideoNode]:
    """The clip without what is half transparent under the first frame of a mask, and the mask of what is left to
    inpaint. arguments: of `Inpaint`, whose `grow` is Unblend's."""
    # What Inpaint makes of the same hole keeps the estimate's level from drifting.
    inpainted = vs.core.osdclean.Inpaint(clip, hole[0], **arguments)
    grow = {name: arguments[name] for name in ("grow",) if name in arguments}
    solved = vs.core.osdclean.Unblend(clip, hole, inpainted=inpainted, **grow)
    return solved, solved.std.PropToClip("_Thin")


def _video(file: Path) -> vs.VideoNode:
    clip = read_clip(str(file), "mask")
    return clip if clip.format.color_family == vs.GRAY else vs.core.std.ShufflePlanes(clip, 0, vs.GRAY)


def _picture(file: Path) -> vs.VideoNode:
    import cv2
    import numpy as np

    # imdecode, because imread knows no unusual file names on some systems
    try:
        data = np.fromfile(file, np.uint8)
    except OSError as error:
        raise vs.Error(f"mask cannot be read: {error.strerror}: {file}") from None
    samples = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if samples is None:
        raise vs.Error(f"mask is no picture that OpenCV can read: {file}")
    if samples.ndim == 3:
        drawn = samples[..., 3] if samples.shape[2] == 4 else None
        opaque = drawn is None or drawn.min() == np.iinfo(samples.dtype).max
        samples = samples[..., :3].max(axis=2) if opaque else drawn
    if samples.dtype == np.uint16:
        samples = (samples >> 8).astype(np.uint8)
    if samples.dtype != np.uint8:
        raise vs.Error(f"mask must have 8 or 16 bits per sample, passed {samples.dtype}: {file}")

    def paint(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        out = f.copy()
        np.asarray(out[0])[:] = samples
        return out

    height, width = samples.shape
    blank = vs.core.std.BlankClip(width=width, height=height, format=vs.GRAY8, length=1, keep=True)
    return vs.core.std.ModifyFrame(blank, blank, paint)


def converted(clip: vs.VideoNode, wanted: str) -> vs.VideoNode:
    """The clip in the format of a name, such as YUV420P10."""
    if wanted == "RGB24":
        return to_rgb(clip)
    if wanted == clip.format.name:
        return clip
    from_rgb = {"matrix": vs.MATRIX_BT709} if clip.format.color_family == vs.RGB else {}
    return clip.resize.Bicubic(format=getattr(vs, wanted), **from_rgb)


def to_rgb(clip: vs.VideoNode) -> vs.VideoNode:
    """The clip as RGB24 for looking at; an unknown matrix is taken by the picture's size, as players do."""
    if clip.format.color_family == vs.YUV and clip.get_frame(0).props.get("_Matrix", 2) in (2, 3):
        matrix = vs.MATRIX_BT709 if clip.height > 576 else vs.MATRIX_ST170_M
        clip = clip.std.SetFrameProps(_Matrix=int(matrix))
    return clip.resize.Bicubic(format=vs.RGB24)
