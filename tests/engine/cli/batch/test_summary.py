"""The table of a batch."""

from pathlib import Path

from osdclean.engine.cli.batch.summary import Result, table
from osdclean.engine.cli.cleaning import Outcome


def test_rows_stand_in_columns_and_the_last_line_counts():
    done = Outcome(frames=4312, rate=5.12, seconds=842, fps=(25, 1))
    long = "/a/very/long/way/to/a/folder/of/flights/with/GX010042.MP4"
    results = [
        Result(source=Path(long), target=Path("o/GX010042.mkv"), state="done", outcome=done),
        Result(source=Path("b.mp4"), target=Path("o/b.mkv"), state="skipped", why="o/b.mkv exists"),
        Result(source=Path("c.mp4"), target=Path("o/c.mkv"), state="failed", why="c.mp4 is empty"),
    ]
    head, first, second, third, last = table(results, 1000)
    assert head.split() == ["file", "frames", "time", "frames/s", "result"]
    assert first.startswith("...")
    assert first.endswith("GX010042.MP4     4312   0:14:02       5.1  done")
    assert head.index("result") == second.index("skipped: o/b.mkv exists") == third.index("failed: c.mp4 is empty")
    assert last == "1 done, 1 skipped, 1 failed in 0:16:40"
