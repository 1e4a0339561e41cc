"""The progress line: its words, its width, and its silence."""

import io

import pytest
from osdclean.engine.cli import progress
from osdclean.engine.cli.progress import Progress, clock


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def now(monkeypatch):
    time = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: time[0])
    return time


def test_line_tells_share_rate_and_time_left(now):
    bar = Progress(400, stream=Terminal())
    now[0] += 10
    bar.update(100)
    assert bar.rate == 10
    line = bar.line(100)
    assert line.startswith(" 25% [########......................]")
    assert "100/400 frames  10.0 frames/s  0:00:30 left" in line
    assert all(len(bar.line(width)) <= width for width in range(1, 120))


def test_only_a_terminal_sees_it(now):
    for stream, quiet in ((io.StringIO(), False), (Terminal(), True)):
        bar = Progress(3, quiet, stream)
        now[0] += 1
        bar.update(3)
        bar.close()
        assert stream.getvalue() == ""
    shown = Terminal()
    bar = Progress(3, stream=shown)
    now[0] += 1
    bar.update(3)
    bar.close()
    assert "3/3 frames" in shown.getvalue()
    assert shown.getvalue().endswith("\r\x1b[K")


def test_label_stands_before_the_bar_and_gives_way_to_it(now, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("short.mp4", "a" * 100):
        shown = Terminal()
        bar = Progress(4, stream=shown, label=f"2/14 {name}")
        now[0] += 1
        bar.update(2)
        line = shown.getvalue().removeprefix("\r\x1b[K")
        assert line.startswith("2/14 ")
        assert "50% [" in line
        assert "2/4 frames" in line
        assert len(line) < 80


def test_clock():
    assert [clock(0), clock(59.6), clock(3725)] == ["0:00:00", "0:01:00", "1:02:05"]


def test_what_was_done_before_does_not_count_for_the_rate(now):
    bar = Progress(100, stream=io.StringIO())
    bar.resume(60)
    now[0] += 10
    bar.update(80)
    assert bar.rate == 2.0
    bar.note = "  chunks: 3 done"
    assert bar.line(200).endswith("80/100 frames  2.0 frames/s  0:00:10 left  chunks: 3 done")


def test_words_for_the_user_are_left_out_where_all_is_to_be_quiet():
    for quiet, said in ((True, ""), (False, "osdclean: a word\n")):
        stream = io.StringIO()
        Progress(100, quiet, stream).say("a word")
        assert stream.getvalue() == said
