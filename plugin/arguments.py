"""Arguments of the functions: read from the host's map, checked, turned into the engine's terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from _osdclean_host import ffi, lib

from ..engine.detect.settings import DetectSettings
from ..engine.errors import ArgumentError, PictureError
from ..engine.picture import PictureFormat
from ..engine.settings import Settings
from ..engine.track.settings import TrackSettings

TEXTS = ("model", "device", "precision")
INPAINT_TEXTS = (*TEXTS, "backend")
INTEGERS = ("grow", "period", "warmup", "lookahead")
FLOATS = ("sc_threshold",)
DETECT_INTEGERS = ("left", "top", "width", "height", "grow", "hold")
TRACK_INTEGERS = ("frame", "left", "top", "width", "height", "grow")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What concerns the node alone. show: tint instead of filling; cache: blocks of patches kept."""

    show: bool = False
    cache: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.cache <= 1000:
            raise ArgumentError(f"cache must be 1 to 1000, passed {self.cache}")


def settings_of(arguments, vsapi) -> Settings:
    """The engine's settings; raises ArgumentError."""
    return Settings(**_given(arguments, INPAINT_TEXTS, INTEGERS, FLOATS, vsapi))


def options_of(arguments, vsapi) -> Options:
    """The node's own options; raises ArgumentError."""
    given = {name: value for name in ("show", "cache") if (value := _int(arguments, name, vsapi)) is not None}
    show = given.pop("show", 0)
    if show not in (0, 1):
        raise ArgumentError(f"show must be 0 or 1, passed {show}")
    return Options(show=bool(show), **given)


def detect_settings_of(arguments, vsapi) -> DetectSettings:
    """The detector's settings; raises ArgumentError."""
    given = _given(arguments, TEXTS, DETECT_INTEGERS, ("sensitivity",), vsapi)
    if has(arguments, "kind", vsapi):
        count = vsapi.mapNumElements(arguments, b"kind")
        given["kind"] = tuple(_data(arguments, "kind", vsapi, k) for k in range(count))
    return DetectSettings(**given)


def track_settings_of(arguments, vsapi) -> TrackSettings:
    """The tracker's settings; raises ArgumentError."""
    return TrackSettings(**_given(arguments, (), TRACK_INTEGERS, FLOATS, vsapi))


def grow_of(arguments, vsapi) -> int:
    """The argument `grow`, as `Inpaint` has it; raises ArgumentError."""
    return Settings(**_given(arguments, (), ("grow",), (), vsapi)).grow


def picture_of(info, vsapi) -> PictureFormat:
    """The clip's format; raises PictureError where it varies or is none that can be processed."""
    _constant(info)
    vf = info.format
    if max(vf.subSamplingW, vf.subSamplingH) > 2:
        raise PictureError(
            f"chroma may be reduced to a quarter at most in width and height, passed {describe(info, vsapi)}"
        )
    return PictureFormat(
        family={lib.cfGray: "GRAY", lib.cfRGB: "RGB", lib.cfYUV: "YUV"}[vf.colorFamily],
        floating=vf.sampleType == lib.stFloat,
        bits=vf.bitsPerSample,
        width=info.width,
        height=info.height,
        subsampling_w=vf.subSamplingW,
        subsampling_h=vf.subSamplingH,
    )


def check_mask(mask, clip, vsapi, name: str = "mask") -> None:
    """Raises PictureError unless the mask is Gray or of the clip's format, and of its size (VSVideoInfo).

    name: of the argument.
    """
    _constant(mask)
    same_format = _same_format(mask, clip)
    same_size = (mask.width, mask.height) == (clip.width, clip.height)
    if not same_size or not (mask.format.colorFamily == lib.cfGray or same_format):
        raise PictureError(
            f"{name} must be Gray with the clip's dimensions, or of the clip's own format, "
            f"passed {describe(mask, vsapi)} and {describe(clip, vsapi)}"
        )


def check_alike(other, clip, vsapi, name: str) -> None:
    """Raises PictureError unless another clip has the clip's format, size and length (VSVideoInfo). name: of the
    argument."""
    _constant(other)
    alike = _same_format(other, clip) and (other.width, other.height) == (clip.width, clip.height)
    if not alike or other.numFrames != clip.numFrames:
        raise PictureError(
            f"{name} must have the clip's format, dimensions and length, passed {describe(other, vsapi)} of "
            f"{other.numFrames} frames and {describe(clip, vsapi)} of {clip.numFrames}"
        )


def has(arguments, name: str, vsapi) -> bool:
    """Whether an argument was given."""
    return vsapi.mapNumElements(arguments, name.encode()) > 0


def describe(info, vsapi) -> str:
    """A clip as the core's messages name it: `YUV420P8[1920x1080]`."""
    name = ffi.new("char[32]")
    vsapi.getVideoFormatName(ffi.addressof(info.format), name)
    return f"{ffi.string(name).decode()}[{info.width}x{info.height}]"


def _same_format(one, other) -> bool:
    return all(
        getattr(one.format, field) == getattr(other.format, field)
        for field in ("colorFamily", "sampleType", "bitsPerSample", "subSamplingW", "subSamplingH")
    )


def _constant(info) -> None:
    if info.format.colorFamily == lib.cfUndefined or not info.width or not info.height:
        raise PictureError("only clips with constant format and dimensions are accepted")


def _given(arguments, texts: Sequence[str], integers: Sequence[str], floats: Sequence[str], vsapi) -> dict[str, object]:
    """Those of the arguments that were given."""
    given: dict[str, object] = {}
    for names, get in ((texts, _data), (integers, _int), (floats, _float)):
        given |= {name: value for name in names if (value := get(arguments, name, vsapi)) is not None}
    return given


def _value(get: Callable, arguments, name: str, index: int = 0):
    error = ffi.new("int *")
    value = get(arguments, name.encode(), index, error)
    return None if error[0] else value


def _int(arguments, name: str, vsapi) -> int | None:
    return _value(vsapi.mapGetInt, arguments, name)


def _float(arguments, name: str, vsapi) -> float | None:
    return _value(vsapi.mapGetFloat, arguments, name)


def _data(arguments, name: str, vsapi, index: int = 0) -> str | None:
    pointer = _value(vsapi.mapGetData, arguments, name, index)
    if pointer is None:
        return None
    size = _value(vsapi.mapGetDataSize, arguments, name, index)
    return ffi.unpack(pointer, size).decode("utf-8", "surrogateescape")
