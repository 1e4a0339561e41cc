"""`osdclean clean --scheduler`: a real Dask cluster of worker processes on this machine."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import osdclean.engine
import pytest
from osdclean.engine.spread import job
from spreading import BLOCKS, CHUNKS

pytest.importorskip("distributed", reason="needs Dask: pip install 'vapoursynth-osdclean[distributed]'")
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("ffmpeg", "ffprobe", "x265"))), reason="needs ffmpeg and x265"
)


class Machines:
    """A scheduler and its workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.processes = folder, []
        self.scheduler = self._start("dask_scheduler", {}, "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self.address = self._said("scheduler", r"Scheduler at: +(tcp://\S+)")

    def worker(self, **environment: str) -> tuple[subprocess.Popen, str]:
        """A new worker and its address."""
        name = f"worker-{len(self.processes)}"
        words = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self.folder / name))
        process = self._start("dask_worker", environment, self.address, *words, name=name)
        return process, self._said(name, r"Start worker at: +(tcp://\S+)")

    def _start(self, module: str, environment: dict[str, str], *words: str, name: str = "scheduler"):
        with (self.folder / name).with_suffix(".log").open("wb") as log:
            command = [sys.executable, "-m", f"distributed.cli.{module}", *words]
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **environment}))
        return self.processes[-1]

    def _said(self, name: str, pattern: str) -> str:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            found = re.search(pattern, (self.folder / name).with_suffix(".log").read_text())
            if found:
                return found[1]
            time.sleep(0.05)
        raise AssertionError((self.folder / name).with_suffix(".log").read_text())

    def close(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@pytest.fixture
def machines(tmp_path):
    folder = tmp_path / "machines"
    folder.mkdir()
    cluster = Machines(folder)
    yield cluster
    cluster.close()


@pytest.fixture
def words(footage, tmp_path):
    """The command that cleans the footage without loss, in chunks, into out/out.mkv."""
    (tmp_path / "out").mkdir()
    return (
        *("clean", footage.video, tmp_path / "out" / "out.mkv", "--mask", footage.mask, "--encoder", "ffv1"),
        *(*BLOCKS, *CHUNKS),
    )


@pytest.mark.parametrize("send", [[], ["--send"]])
def test_worker_is_killed_and_its_chunk_done_elsewhere(
    machines, words, footage, alone, tmp_path, hashes, times, probe, send
):
    out = tmp_path / "out" / "out.mkv"
    (first, address), _ = machines.worker(), machines.worker()
    command = [sys.executable, "-m", "osdclean.engine.cli", *words, "--scheduler", machines.address, *send]
    command[1:3] = ["-c", "import sys; from osdclean.engine.cli.main import main; sys.exit(main())"]
    with subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True) as run:
        begun = machines.folder / "worker-1" / "dask-scratch-space"
        end = time.monotonic() + 120
        while not list(begun.glob("*/osdclean-*/chunk-*")) and run.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        first.send_signal(signal.SIGKILL)
        said = run.stderr.read()
    assert run.returncode == 0, said
    assert f"failed on {address}: the worker was lost; it is done again" in said
    assert "Traceback" not in said
    assert hashes(out) == hashes(alone)
    for stream in ("v", "a", "s"):
        assert times(out, stream) == times(alone, stream)
    entries = ("-show_entries", "stream=codec_type,codec_name:chapter=start_time")
    assert probe(out, *entries) == probe(alone, *entries)
    assert os.listdir(tmp_path / "out") == ["out.mkv"]
    living = machines.folder / "worker-2" / "dask-scratch-space"
    assert list(living.glob("worker-*")) and not list(living.glob("*/osdclean-*"))  # noqa: PT018


@pytest.fixture
def refused(machines, words, tmp_path, osdclean):
    """Run the command, which must fail; returns its one line."""

    def run(*more):
        ended = osdclean(*words, "--scheduler", machines.address, *more)
        assert ended.status == 1, ended.said
        (line,) = ended.said.strip().splitlines()
        assert not (tmp_path / "out" / "out.mkv").exists()
        return line

    return run


def test_worker_without_the_package_is_named(machines, refused, tmp_path):
    (tmp_path / "bare" / "osdclean").mkdir(parents=True)
    (tmp_path / "bare" / "osdclean" / "__init__.py").touch()  # hides the one that is installed
    _, address = machines.worker(PYTHONPATH=str(tmp_path / "bare"))
    line = refused()
    assert f"worker {address} cannot run osdclean " in line
    assert "No module named" in line
    assert "install osdclean" in line


def test_worker_with_another_version_is_named_with_both_versions(machines, refused, tmp_path):
    package = Path(osdclean.engine.__file__).parent.parent
    for name in ("engine", "plugin", "vs_scripts"):
        shutil.copytree(package / name, tmp_path / "other" / "osdclean" / name)
    with (tmp_path / "other" / "osdclean" / "engine" / "holes.py").open("a") as file:
        file.write("# changed\n")
    _, address = machines.worker(PYTHONPATH=str(tmp_path / "other"))
    line = refused()
    assert f"worker {address} must have the osdclean that this machine has, passed " in line
    versions = re.findall(r"\d\S* \((\w{12})\)", line)
    assert len(set(versions)) == 2


@pytest.mark.parametrize("why", ["it is not there", "another file is there"])
def test_input_that_a_worker_cannot_see_is_told(machines, refused, monkeypatch, footage, why):
    """The path, or what is in the file, as only this machine has it."""

    def here_alone(arguments, send):
        clip, *rest = found(arguments, send)
        if why == "it is not there":
            return replace(clip, path=Path("/nowhere/flight.mkv")), *rest
        return replace(clip, stamp=replace(clip.stamp, size=1)), *rest

    found = job.inputs
    monkeypatch.setattr(job, "inputs", here_alone)
    _, address = machines.worker()
    line = refused()
    assert f"worker {address} cannot see INPUT " in line
    assert why in line
    assert "--send" in line


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "127.0.0.1:1", "nonsense://x:1", "no address"])
def test_dead_scheduler_is_told(words, tmp_path, osdclean, monkeypatch, address):
    from osdclean.engine.spread import cluster

    monkeypatch.setattr(cluster, "CONNECT", 1)
    ended = osdclean(*words, "--scheduler", address)
    assert ended.status == 1
    (line,) = ended.said.strip().splitlines()
    assert f"no Dask scheduler answers at {address}" in line
    assert os.listdir(tmp_path / "out") == []


def test_scheduler_without_workers_is_told(machines, words, osdclean, monkeypatch):
    from osdclean.engine.spread import cluster

    monkeypatch.setattr(cluster, "WAIT", 1)
    ended = osdclean(*words, "--scheduler", machines.address, "--quiet")
    assert ended.status == 1
    (line,) = ended.said.strip().splitlines()
    assert f"dask worker {machines.address} --nthreads 1" in line


def finished(folder):
    return [file for file in folder.glob(".*chunks/*/*-*") if file.suffix != ".part"]


def test_scheduler_that_dies_keeps_what_is_finished(machines, words, tmp_path):
    machines.worker()
    command = [sys.executable, "-c", "import sys; from osdclean.engine.cli.main import main; sys.exit(main())"]
    command += [*words, "--scheduler", machines.address, "--quiet"]
    with subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True) as run:
        end = time.monotonic() + 120
        while not finished(tmp_path / "out") and run.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        machines.scheduler.kill()
        said = run.stderr.read()
    assert run.returncode == 1
    assert len(said.strip().splitlines()) == 1, said
    line = said
    assert f"the scheduler {machines.address} is gone" in line
    assert re.search(r"[12] of 3 chunks are finished and kept", line)
