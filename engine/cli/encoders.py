"""The encoders: how each is called, what it takes, and how its frames are read back."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import hevc, matroska
from .failure import CommandError
from .frameserver import Clip
from .matroska import Packet, Picture
from .pipeline import Stage
from .programs import find

#: Names of ITU-T H.273 codes, as x264 and x265 know them.
PRIMARIES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
}
TRANSFER = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log100",
    10: "log316",
    11: "iec61966-2-4",
    12: "bt1361e",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
}
MATRIX = {
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
    11: "smpte2085",
    12: "chroma-derived-nc",
    13: "chroma-derived-c",
    14: "ictcp",
}


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """One choice of `--encoder`. depths: bits per sample that it takes, rising."""

    name: str
    programs: tuple[str, ...]
    depths: tuple[int, ...]
    gray: bool
    call: Callable[[Encoder, Clip, Picture, int, str | None, float | None, Sequence[str]], Stage]
    read: Callable[[bytes], tuple[str, bytes, list[Packet]]]

    def format_for(self, name: str) -> str:
        """The format to hand over for a clip's: its own where the encoder takes it, else the nearest above.

        name: VapourSynth's name of a format, such as YUV422P10, RGB24 or GRAYS.
        """
        found = re.fullmatch(r"(GRAY|RGB|YUV(\d{3})P)(\d+|H|S)", name)
        if found is None:
            raise CommandError(f"clips of format {name} cannot be encoded; convert the input first")
        family, sampling, depth = found.groups()
        if family == "RGB":
            bits = 16 if depth in "HS" else int(depth) // 3
            # 10 bits keep what 8-bit RGB has
            bits, sampling = max(bits, 10), "444"
        else:
            bits = 16 if depth in "HS" else int(depth)
        bits = next((each for each in self.depths if each >= bits), self.depths[-1])
        if family == "GRAY":
            if self.gray:
                return f"GRAY{bits}"
            sampling = "420"
        if sampling in ("440", "411", "410"):
            sampling = "444" if sampling == "440" else "422"
        return f"YUV{sampling}P{bits}"

    def stage(
        self,
        clip: Clip,
        picture: Picture,
        depth: int,
        preset: str | None,
        crf: float | None,
        rest: Sequence[str],
    ) -> Stage:
        """The program that reads y4m from stdin and writes to stdout. rest: the user's own arguments."""
        return self.call(self, clip, picture, depth, preset, crf, rest)


def picture_of(clip: Clip) -> Picture:
    """Colour tags and shape of a clip, from the properties of its first frame."""
    props = clip.props

    def code(name: str) -> int | None:
        value = props.get(name, 2)
        return None if value == 2 else value  # 2 is "unspecified" in H.273

    rgb = clip.format.startswith("RGB")
    mastering = None
    xs, ys = props.get("MasteringDisplayPrimariesX"), props.get("MasteringDisplayPrimariesY")
    if xs and ys and len(xs) == len(ys) == 3:
        pairs = [value for pair in zip(xs, ys, strict=True) for value in pair]
        white = [props.get("MasteringDisplayWhitePointX", 0), props.get("MasteringDisplayWhitePointY", 0)]
        light = [props.get("MasteringDisplayMaxLuminance", 0), props.get("MasteringDisplayMinLuminance", 0)]
        mastering = tuple(float(value) for value in (*pairs, *white, *light))
    full = props.get("_Range")
    return Picture(
        width=clip.width,
        height=clip.height,
        sar=clip.sar,
        matrix=1 if rgb else code("_Matrix"),
        transfer=code("_Transfer"),
        primaries=code("_Primaries"),
        full_range=False if rgb else None if full is None else full == 1,
        chroma_location=None if rgb else props.get("_ChromaLocation"),
        max_cll=props.get("ContentLightLevelMax"),
        max_fall=props.get("ContentLightLevelAverage"),
        mastering=mastering,
    )


def _mastering(values: tuple[float, ...]) -> str:
    """Mastering display as x264 and x265 take it: chromaticity in 0.00002, luminance in 0.0001 cd/m2."""
    rx, ry, gx, gy, bx, by, wx, wy = (round(value * 50000) for value in values[:8])
    most, least = (round(value * 10000) for value in values[8:])
    return f"G({gx},{gy})B({bx},{by})R({rx},{ry})WP({wx},{wy})L({most},{least})"


def _tags(picture: Picture, full: str, limited: str) -> list[str]:
    """The arguments for shape and colour that x264 and x265 have in common."""
    words = ["--sar", f"{picture.sar[0]}:{picture.sar[1]}"]
    for option, name in (
        ("--colormatrix", MATRIX.get(picture.matrix or 2)),
        ("--transfer", TRANSFER.get(picture.transfer or 2)),
        ("--colorprim", PRIMARIES.get(picture.primaries or 2)),
    ):
        words += [option, name] if name else []
    if picture.full_range is not None:
        words += ["--range", full if picture.full_range else limited]
    if picture.chroma_location is not None:
        words += ["--chromaloc", str(picture.chroma_location)]
    return words


def _quality(preset: str | None, crf: float | None, usual: tuple[str, float]) -> list[str]:
    return ["--preset", preset or usual[0], "--crf", f"{usual[1] if crf is None else crf:g}"]


def _x265(
    encoder: Encoder,
    clip: Clip,
    picture: Picture,
    depth: int,
    preset: str | None,
    crf: float | None,
    rest: Sequence[str],
) -> Stage:
    words = [find("x265"), "--y4m", "-D", str(depth), *_quality(preset, crf, ("medium", 18))]
    words += _tags(picture, "full", "limited")
    if picture.mastering:
        words += ["--master-display", _mastering(picture.mastering)]
    if picture.max_cll is not None:
        words += ["--max-cll", f"{picture.max_cll},{picture.max_fall or 0}"]
    if picture.mastering or picture.max_cll is not None:
        words += ["--hdr10"]
    return Stage(
        name="x265",
        command=[*words, "--no-progress", *rest, "-o", "-", "-"],
        advice=_ADVICE,
        last_words="encoder_open() failed",
    )


def _x264(
    encoder: Encoder,
    clip: Clip,
    picture: Picture,
    depth: int,
    preset: str | None,
    crf: float | None,
    rest: Sequence[str],
) -> Stage:
    words = [find("x264"), "--demuxer", "y4m", "--muxer", "mkv", "--output-depth", str(depth)]
    words += [*_quality(preset, crf, ("medium", 17)), *_tags(picture, "pc", "tv")]
    words += ["--output-csp", {"YUV422": "i422", "YUV444": "i444"}.get(_sampling(encoder, clip), "i420")]
    if picture.mastering:
        words += ["--mastering-display", _mastering(picture.mastering)]
    if picture.max_cll is not None:
        words += ["--cll", f"{picture.max_cll},{picture.max_fall or 0}"]
    return Stage(name="x264", command=[*words, "--no-progress", *rest, "-o", "-", "-"], advice=_ADVICE)


def _sampling(encoder: Encoder, clip: Clip) -> str:
    return encoder.format_for(clip.format)[:6]


def _ffv1(
    encoder: Encoder,
    clip: Clip,
    picture: Picture,
    depth: int,
    preset: str | None,
    crf: float | None,
    rest: Sequence[str],
) -> Stage:
    if preset is not None or crf is not None:
        raise CommandError("ffv1 is lossless and knows no --crf and no --preset; leave them out")
    words = [find("ffmpeg"), "-v", "error", "-f", "yuv4mpegpipe", "-strict", "-1", "-i", "pipe:0", "-an"]
    words += ["-c:v", "ffv1", "-level", "3", "-g", "1", "-slices", "4", "-slicecrc", "1"]
    words += ["-vf", f"setsar={picture.sar[0]}/{picture.sar[1]}", *rest, "-f", "matroska", "pipe:1"]
    return Stage(name="ffmpeg (ffv1)", command=words, advice=_ADVICE)


_ADVICE = "Check the encoder's arguments (--crf, --preset and what follows --)."


def _read_x265(data: bytes) -> tuple[str, bytes, list[Packet]]:
    # ffmpeg takes the bare parameter sets for private data, and needs them to work out decoding times
    return "V_MPEGH/ISO/HEVC", *hevc.read_packets(data)


ENCODERS = {
    each.name: each
    for each in (
        Encoder(name="x265", programs=("x265",), depths=(8, 10, 12), gray=False, call=_x265, read=_read_x265),
        Encoder(
            name="x264",
            programs=("x264",),
            depths=(8, 10),
            gray=False,
            call=_x264,
            read=matroska.read_packets,
        ),
        Encoder(
            name="ffv1",
            programs=(),
            depths=(8, 9, 10, 12, 14, 16),
            gray=True,
            call=_ffv1,
            read=matroska.read_packets,
        ),
    )
}
