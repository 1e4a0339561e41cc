"""Frames of a raw HEVC stream, and their order of display (ITU-T H.265, clauses 7.3 and 8.3.1).

x265 writes frames in coded order without times; the picture order count in each slice header tells when a
frame is shown. ffmpeg does not work it out when it copies such a stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .failure import CommandError
from .matroska import Packet

_VPS, _SPS, _PPS = 32, 33, 34
#: Units that can only come before the first slice of a frame.
_LEADS = frozenset((_VPS, _SPS, _PPS, 35, 39, *range(41, 45), *range(48, 56)))
_IDR = (19, 20)
#: Frames that do not count as the anchor of the next frame's order: leading, and unreferenced in their layer.
_NO_ANCHOR = frozenset((6, 7, 8, 9, 0, 2, 4, 10, 12, 14))


class _Bits:
    """Bits of a unit's payload, without the bytes that keep start codes unique."""

    def __init__(self, unit: bytes) -> None:
        payload = unit.replace(b"\x00\x00\x03", b"\x00\x00")
        self._value, self._left = int.from_bytes(payload), len(payload) * 8

    def u(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise CommandError("the encoder's output is no HEVC stream, or breaks off")
        return (self._value >> self._left) & ((1 << count) - 1)

    def ue(self) -> int:
        zeros = 0
        while not self.u(1):
            zeros += 1
        return (1 << zeros) - 1 + self.u(zeros)


@dataclass(frozen=True, kw_only=True)
class _Sequence:
    order_bits: int
    separate_planes: bool


@dataclass(frozen=True, kw_only=True)
class _Parameters:
    sequence: int
    output_flag: bool
    extra_bits: int


def read_packets(data: bytes) -> tuple[bytes, list[Packet]]:
    """The parameter sets before the first frame, and the frames in coded order.

    data: the stream (bytes or a memory map). Raises CommandError where it breaks off.
    """
    header = b""
    sequences: dict[int, _Sequence] = {}
    parameters: dict[int, _Parameters] = {}
    found: list[tuple[int, bool, tuple[int, int]]] = []  # offset, key, (period, order)
    begun, whole = 0, True  # of the frame at hand: its offset, and whether its first slice was seen
    period, anchor = 0, 0
    for start, body, end in _units(data):
        kind, layer = (data[body] >> 1) & 0x3F, (data[body + 1] & 7) - 1
        slice_starts = kind < 32 and data[body + 2] & 0x80
        if whole and (slice_starts or kind in _LEADS):
            begun, whole = start, False
        if kind in (_VPS, _SPS, _PPS) and not found:
            header += data[start:end]
        if kind == _SPS:
            number, sequence = _sequence(_Bits(data[body + 2 : end]))
            sequences[number] = sequence
        elif kind == _PPS:
            number, parameter = _parameters(_Bits(data[body + 2 : end]))
            parameters[number] = parameter
        elif slice_starts:
            whole = True
            fresh = kind in _IDR or 16 <= kind <= 18 or not found
            period += fresh
            try:
                low, span = _order(_Bits(data[body + 2 : min(end, body + 64)]), kind, sequences, parameters)
            except KeyError:
                raise CommandError("the encoder's output is no HEVC stream, or breaks off") from None
            order = low if fresh else _unwrapped(low, span, anchor)
            if layer == 0 and kind not in _NO_ANCHOR:
                anchor = order
            found.append((begun, 16 <= kind <= 23, (period, order)))
    shown = {i: place for place, i in enumerate(sorted(range(len(found)), key=lambda i: found[i][2]))}
    ends = [offset for offset, _, _ in found[1:]] + [len(data)] * bool(found)
    return header, [
        Packet(offset=offset, size=stop - offset, key=key, shown=shown[i])
        for i, ((offset, key, _), stop) in enumerate(zip(found, ends, strict=True))
    ]


def _unwrapped(low: int, span: int, anchor: int) -> int:
    """The order count whose low part is `low`, nearest to the anchor's (equations 8-1 and 8-2)."""
    high, before = anchor - anchor % span, anchor % span
    if low < before and before - low >= span // 2:
        high += span
    elif low > before and low - before > span // 2:
        high -= span
    return high + low


def _units(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Of each unit: place of its start code, of its first byte, and of its end."""
    mark = data.find(b"\x00\x00\x01")
    while mark >= 0:
        following = data.find(b"\x00\x00\x01", mark + 3)
        end = following if following >= 0 else len(data)
        start = mark - 1 if mark and data[mark - 1] == 0 else mark
        if end - mark > 5:
            yield start, mark + 3, end
        mark = following


def _sequence(bits: _Bits) -> tuple[int, _Sequence]:
    bits.u(4)
    layers = bits.u(3)
    bits.u(1)
    bits.u(96)  # general profile, tier and level
    if layers:
        present = [(bits.u(1), bits.u(1)) for _ in range(layers)]
        bits.u(2 * (8 - layers))
        for profile, level in present:
            bits.u(88 * profile + 8 * level)
    number = bits.ue()
    chroma = bits.ue()
    separate = chroma == 3 and bool(bits.u(1))
    bits.ue(), bits.ue()
    if bits.u(1):
        bits.ue(), bits.ue(), bits.ue(), bits.ue()
    bits.ue(), bits.ue()
    return number, _Sequence(order_bits=bits.ue() + 4, separate_planes=separate)


def _parameters(bits: _Bits) -> tuple[int, _Parameters]:
    number, sequence = bits.ue(), bits.ue()
    bits.u(1)
    return number, _Parameters(sequence=sequence, output_flag=bool(bits.u(1)), extra_bits=bits.u(3))


def _order(
    bits: _Bits, kind: int, sequences: dict[int, _Sequence], parameters: dict[int, _Parameters]
) -> tuple[int, int]:
    """Low part of a frame's order count, and its span."""
    bits.u(1)
    if 16 <= kind <= 23:
        bits.u(1)
    parameter = parameters[bits.ue()]
    sequence = sequences[parameter.sequence]
    span = 1 << sequence.order_bits
    if kind in _IDR:
        return 0, span
    bits.u(parameter.extra_bits)
    bits.ue()
    bits.u(parameter.output_flag + 2 * sequence.separate_planes)
    return bits.u(sequence.order_bits), span
