"""Just enough Matroska (RFC 9559) to move coded frames from one file to another and give them new times.

ffmpeg cannot give each copied packet a time of its own, and coders that read y4m know only a steady rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from .failure import CommandError

_SEGMENT, _CLUSTER, _TRACKS, _TRACK, _GROUP = 0x18538067, 0x1F43B675, 0x1654AE6B, 0xAE, 0xA0
_MASTERS = frozenset((_SEGMENT, _CLUSTER, _TRACKS, _TRACK, _GROUP))
_INFO, _SCALE, _TIME, _SIMPLE, _BLOCK = 0x1549A966, 0x2AD7B1, 0xE7, 0xA3, 0xA1
_REFERENCE, _DURATION = 0xFB, 0x9B
_CODEC, _PRIVATE = 0x86, 0x63A2
_UNKNOWN = b"\x01" + b"\xff" * 7


@dataclass(frozen=True, kw_only=True)
class Packet:
    """One coded frame: where it lies in its file, and `shown`, its place in the order of display."""

    offset: int
    size: int
    key: bool
    shown: int


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What the track's header says of the picture; codes as in ITU-T H.273, None where unknown.

    mastering: chromaticities of red, green, blue and white (x, y each) and maximal and minimal luminance.
    """

    width: int
    height: int
    sar: tuple[int, int]
    matrix: int | None = None
    transfer: int | None = None
    primaries: int | None = None
    full_range: bool | None = None
    chroma_location: int | None = None
    max_cll: int | None = None
    max_fall: int | None = None
    mastering: tuple[float, ...] | None = None


def read_packets(data: bytes) -> tuple[str, bytes, list[Packet]]:
    """Codec's name, its private data and the frames, in coded order, of a file with one track.

    data: the file (bytes or a memory map). Raises CommandError where it breaks off.
    """
    codec, private, time = "", b"", 0
    found: list[tuple[int, Packet]] = []
    at = 0
    try:
        while at < len(data):
            element, at = _number(data, at, keep_marker=True)
            size, at = _number(data, at, keep_marker=False)
            if element in _MASTERS:
                continue
            body = at
            at += size
            if at > len(data):
                raise IndexError
            if element == _CODEC:
                codec = data[body:at].decode()
            elif element == _PRIVATE:
                private = data[body:at]
            elif element == _TIME:
                time = int.from_bytes(data[body:at])
            elif element in (_SIMPLE, _BLOCK):
                stamp = time + int.from_bytes(data[body + 1 : body + 3], signed=True)
                key = element == _BLOCK or bool(data[body + 3] & 0x80)
                found.append((stamp, Packet(offset=body + 4, size=size - 4, key=key, shown=0)))
            elif element == _REFERENCE:
                found[-1] = found[-1][0], replace(found[-1][1], key=False)
    except IndexError:
        raise CommandError("the encoder's output breaks off; is the disk full?") from None
    order = sorted(range(len(found)), key=lambda i: found[i][0])
    shown = {i: place for place, i in enumerate(order)}
    return codec, private, [replace(packet, shown=shown[i]) for i, (_, packet) in enumerate(found)]


def _number(data: bytes, at: int, keep_marker: bool) -> tuple[int, int]:
    """A variable-length number and the place after it."""
    first = data[at]
    length = 9 - first.bit_length()
    value = int.from_bytes(data[at : at + length])
    if length > 8 or at + length > len(data):
        raise IndexError
    return (value if keep_marker else value & ((1 << 7 * length) - 1)), at + length


def write(
    sink: BinaryIO,
    parts: Sequence[tuple[bytes, list[Packet]]],
    times: list[int],
    end: int,
    codec: str,
    private: bytes,
    picture: Picture,
) -> None:
    """Write the frames with new times as a stream that needs no seeking.

    parts: files and the packets that lie in each, one part of the clip after the other; each begins with a key frame,
    and its packets count their order of display from 0. times: start of each frame of all in order of display, in
    nanoseconds from 0, rising. end: end of the last one.
    """
    for part in _stream(parts, [*times, end], codec, private, picture):
        sink.write(part)


def _stream(
    parts: Sequence[tuple[bytes, list[Packet]]], times: list[int], codec: str, private: bytes, picture: Picture
) -> Iterator[bytes]:
    # without a usual duration ffmpeg has no idea of the decoding times before the first frame
    usual = max(1, (times[-1] - times[0]) // (len(times) - 1))
    head = _uint(0x4286, 1) + _uint(0x42F7, 1) + _uint(0x42F2, 4) + _uint(0x42F3, 8)
    head += _element(0x4282, b"matroska") + _uint(0x4287, 4) + _uint(0x4285, 2)
    track = _uint(0xD7, 1) + _uint(0x73C5, 1) + _uint(0x83, 1) + _uint(0x9C, 0) + _uint(0x23E383, usual)
    track += _element(_CODEC, codec.encode()) + (_element(_PRIVATE, private) if private else b"")
    track += _element(0xE0, _video(picture))
    yield _element(0x1A45DFA3, head) + _name(_SEGMENT) + _UNKNOWN
    app = _element(0x4D80, b"osdclean") + _element(0x5741, b"osdclean")
    yield _element(_INFO, _uint(_SCALE, 1) + app) + _element(_TRACKS, _element(_TRACK, track))
    first = 0
    for data, packets in parts:
        for packet in packets:
            start, end = times[first + packet.shown : first + packet.shown + 2]
            block = _element(_BLOCK, b"\x81\x00\x00\x00" + data[packet.offset : packet.offset + packet.size])
            block += _uint(_DURATION, end - start)
            block += b"" if packet.key else _element(_REFERENCE, b"\xff")
            yield _element(_CLUSTER, _uint(_TIME, start) + _element(_GROUP, block))
        first += len(packets)


def _video(picture: Picture) -> bytes:
    # the display's size keeps the height, as players do
    num, den = picture.sar
    body = _uint(0xB0, picture.width) + _uint(0xBA, picture.height)
    if num != den:
        body += _uint(0x54B0, picture.width * num) + _uint(0x54BA, picture.height * den) + _uint(0x54B2, 3)
    colour = b""
    for element, code in (
        (0x55B1, picture.matrix),
        (0x55BA, picture.transfer),
        (0x55BB, picture.primaries),
        (0x55B9, None if picture.full_range is None else 2 if picture.full_range else 1),
        (0x55BC, picture.max_cll),
        (0x55BD, picture.max_fall),
    ):
        colour += b"" if code is None else _uint(element, code)
    if picture.mastering:
        colour += _element(
            0x55D0, b"".join(_float(0x55D1 + i, value) for i, value in enumerate(picture.mastering))
        )
    return body + (_element(0x55B0, colour) if colour else b"")


def _name(element: int) -> bytes:
    return element.to_bytes((element.bit_length() + 7) // 8)


def _element(element: int, body: bytes) -> bytes:
    return _name(element) + (len(body) | 1 << 56).to_bytes(8) + body


def _uint(element: int, value: int) -> bytes:
    return _element(element, value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


def _float(element: int, value: float) -> bytes:
    import struct

    return _element(element, struct.pack(">d", value))
