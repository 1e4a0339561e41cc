"""Programs joined by pipes: what flows, who is blamed, and that nothing is left running."""

import io
import os
import sys
import time
from pathlib import Path

import pytest
from osdclean.engine.cli.failure import CommandError, DiskError
from osdclean.engine.cli.pipeline import Pipeline, Stage, reason, run


def python(name, code, advice=""):
    return Stage(name=name, command=[sys.executable, "-c", f"import os, sys, time\n{code}"], advice=advice)


COPY = "sys.stdout.buffer.write(sys.stdin.buffer.read())"


def finished(*stages, on_frame=None):
    sink = io.BytesIO()
    with Pipeline(stages, on_frame) as pipeline:
        pipeline.copy_to(sink, Path("."))
        pipeline.finish()
    return sink.getvalue()


def test_bytes_flow_through_all_stages():
    assert finished(python("one", "print('x' * 300_000, end='')"), python("two", COPY)) == b"x" * 300_000


@pytest.mark.parametrize(("terminal", "cleared"), [(False, ""), (True, "\r\x1b[K")])
def test_what_the_plugin_tells_is_passed_on(capfd, monkeypatch, terminal, cleared):
    """On a terminal in place of the bar that may stand there."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    talk = "sys.stderr.write('loading\\nosdclean: exporting, once\\nFrame: 1/3 (2 fps)\\r')"
    finished(python("vspipe", talk), python("encoder", COPY))
    told = capfd.readouterr()
    assert told.err == f"{cleared}osdclean: exporting, once\n"
    assert told.out == ""


def test_frames_are_reported_and_no_talk_blocks():
    seen = []
    talk = (
        "sys.stderr.write('word ' * 200_000 + '\\n')\n"
        "for n in range(1, 4): sys.stderr.write(f'Frame: {n}/3 (2 fps)\\r')"
    )
    finished(python("vspipe", talk), python("encoder", COPY), on_frame=seen.append)
    assert seen == [1, 2, 3]


def test_source_that_fails_is_blamed_though_the_encoder_ends_well():
    fails = (
        "sys.stderr.write('Error: Failed to retrieve frame 7 with error: Inpaint: no luck\\n'); sys.exit(1)"
    )
    with pytest.raises(CommandError, match=r"^Inpaint: no luck\. mend"):
        finished(python("vspipe", fails, "mend"), python("x265", COPY))


def test_encoder_that_dies_is_blamed_not_the_source_that_lost_its_reader():
    writes = (
        "import signal; signal.signal(signal.SIGPIPE, signal.SIG_IGN)\n"
        "try:\n while True: os.write(1, b'x' * 65536)\n"
        "except OSError: sys.stderr.write('Error: fwrite() call failed when writing\\n'); os._exit(1)"
    )
    dies = "sys.stdin.buffer.read(10); sys.stderr.write('x265 [error]: bad option\\n'); sys.exit(3)"
    with pytest.raises(
        CommandError, match=r"^x265 failed \(exit status 3\): x265 \[error\]: bad option\. mend"
    ):
        finished(python("vspipe", writes), python("x265", dies, "mend"))
    with pytest.raises(CommandError, match=r"^x265 was killed by SIGKILL"):
        finished(python("vspipe", writes), python("x265", "os.kill(os.getpid(), 9)"))
    with pytest.raises(CommandError, match=r"^x265 ended before all frames"):
        finished(python("vspipe", writes), python("x265", "sys.stdin.buffer.read(10)"))


def test_program_that_cannot_be_started_is_named():
    with pytest.raises(
        CommandError, match="x265 cannot be started: No such file or directory: /nowhere/x265"
    ):
        finished(python("vspipe", "time.sleep(60)"), Stage(name="x265", command=["/nowhere/x265"]))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_full_disk_is_told_with_the_folder():
    with (
        open("/dev/full", "wb", buffering=0) as sink,
        Pipeline([python("one", "print('x' * 100)")]) as pipeline,
        pytest.raises(DiskError, match="cannot write to some/folder: No space left"),
    ):
        pipeline.copy_to(sink, Path("some/folder"))


def test_nothing_is_left_running_after_an_interrupt():
    begun = time.monotonic()
    with (
        pytest.raises(KeyboardInterrupt),
        Pipeline([python("a", "time.sleep(60)"), python("b", COPY)]) as pipeline,
    ):
        raise KeyboardInterrupt
    assert all(process.poll() is not None for process in pipeline._processes)
    assert time.monotonic() - begun < 10


def test_children_are_out_of_reach_of_the_terminals_interrupt():
    group = int(run(python("one", "print(os.getpgid(0))")))
    assert group != os.getpgid(0)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["info", "x265 [error]: bad thing", "x265 [info]: later"], "x265 [error]: bad thing"),
        (["first", "last."], "last"),
        ([], "it gave no reason"),
    ],
)
def test_reason_is_the_line_that_tells_most(lines, found):
    assert reason(lines) == found
