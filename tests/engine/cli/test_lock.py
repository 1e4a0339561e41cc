"""One process writes one file at a time; a dead one holds nothing."""

import os
import signal
import subprocess
import sys

import pytest
from osdclean.engine.cli import lock
from osdclean.engine.cli.failure import CommandError

pytest.importorskip("fcntl", reason="this system knows no such locks")
HOLDER = """
import sys, time
from pathlib import Path
from osdclean.engine.cli import lock
with lock.held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of out.mkv."""
    command = [sys.executable, "-c", HOLDER, tmp_path / "out.mkv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_second_is_refused_with_the_first_ones_name_until_that_is_dead(tmp_path, holder):
    target = tmp_path / "out.mkv"
    with (
        pytest.raises(CommandError, match=rf"another osdclean \(process {holder.pid} on .*\) is writing .*out.mkv"),
        lock.held(target),
    ):
        pass
    with lock.held(tmp_path / "other.mkv"):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / ".out.mkv.lock").exists()  # what it left is no lock
    with lock.held(target):
        pass
    assert list(tmp_path.iterdir()) == []


def test_lock_is_taken_away_and_can_be_taken_again(tmp_path):
    for _ in range(2):
        with lock.held(tmp_path / "out.mkv"):
            assert os.listdir(tmp_path) == [".out.mkv.lock"]
        assert os.listdir(tmp_path) == []
