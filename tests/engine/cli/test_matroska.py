"""What is written is read back: frames, keys, order of display; broken files are told."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdclean.engine.cli import matroska
from osdclean.engine.cli.failure import CommandError
from osdclean.engine.cli.matroska import Packet, Picture

PICTURE = Picture(width=96, height=64, sar=(4, 3), matrix=1, transfer=1, primaries=1, full_range=False)


def written(frames, order, keys, gap=33_366_667):
    data = b"".join(frames)
    packets, offset = [], 0
    for frame, shown, key in zip(frames, order, keys, strict=True):
        packets.append(Packet(offset=offset, size=len(frame), key=key, shown=shown))
        offset += len(frame)
    sink = io.BytesIO()
    times = [n * gap for n in range(len(frames))]
    matroska.write(sink, [(data, packets)], times, len(frames) * gap, "V_TEST", b"private", PICTURE)
    return sink.getvalue()


@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=300), st.booleans()), min_size=1, max_size=12).flatmap(
        lambda frames: st.tuples(st.just(frames), st.permutations(range(len(frames))))
    )
)
def test_what_is_written_is_read_back(case):
    frames, order = case
    data = written([frame for frame, _ in frames], order, [key for _, key in frames])
    codec, private, packets = matroska.read_packets(data)
    assert (codec, private) == ("V_TEST", b"private")
    assert [data[p.offset : p.offset + p.size] for p in packets] == [frame for frame, _ in frames]
    assert [p.key for p in packets] == [key for _, key in frames]
    assert [p.shown for p in packets] == list(order)


def test_file_that_breaks_off_is_told():
    data = written([b"x" * 100, b"y" * 100], (0, 1), (True, False))
    with pytest.raises(CommandError, match="breaks off"):
        matroska.read_packets(data[:-50])
