"""Any frame, same pixels: whatever was asked before, in which order, by which threads and process."""

import hashlib
import os
import random
import runpy
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import vapoursynth as vs
from clips import pixels

HERE = Path(__file__).parent
SCRIPT = HERE / "node.vpy"
KINDS = ("static", "measured", "changing")
LENGTH, PERIOD = 26, 6


def made(kind: str, **arguments) -> vs.VideoNode:
    """The script's clip, in this process."""
    vs.clear_outputs()
    runpy.run_path(str(SCRIPT), {"kind": kind} | arguments)
    return vs.get_output().clip


@pytest.fixture(scope="module")
def expected() -> dict[str, list[str]]:
    """Hash of each frame of each kind, asked for one by one."""
    return {kind: [digest(pixels(f)) for f in made(kind).frames(prefetch=1, close=True)] for kind in KINDS}


def digest(samples: bytes) -> str:
    return hashlib.sha256(samples).hexdigest()


@pytest.fixture(scope="module")
def vspipe(tmp_path_factory):
    """Runs vspipe on the script; returns the hash of each frame that it wrote."""
    home = tmp_path_factory.mktemp("config")
    environment = os.environ | {"PYTHONPATH": str(HERE.parent), "XDG_CONFIG_HOME": str(home)}
    # vspipe finds its Python by itself only where no path has a space.
    subprocess.run(
        [sys.executable, "-m", "vapoursynth", "config"],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    program = Path(sys.executable).with_name("vspipe")

    def run(kind: str, *options: str, **arguments: object) -> list[str]:
        given = [a for k, v in ({"kind": kind} | arguments).items() for a in ("-a", f"{k}={v}")]
        done = subprocess.run(
            [program, *given, *options, SCRIPT, "-"], capture_output=True, env=environment, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        size = 96 * 64 * {"static": 3, "changing": 6, "measured": 6}[kind] // 2
        return [digest(done.stdout[at : at + size]) for at in range(0, len(done.stdout), size)]

    return run


def orders() -> dict[str, list[int]]:
    shuffled = list(range(LENGTH))
    random.Random(7).shuffle(shuffled)
    return {
        "reversed": list(range(LENGTH))[::-1],
        "shuffled": shuffled,
        "strided": [n for start in range(5) for n in range(start, LENGTH, 5)],
        "one of each block": list(range(PERIOD - 1, LENGTH, PERIOD)),
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["reversed", "shuffled"])
def test_any_order_one_by_one(expected, kind, order):
    node = made(kind, cache=1)
    assert [digest(pixels(node.get_frame(n))) for n in orders()[order]] == [
        expected[kind][n] for n in orders()[order]
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("order", "threads"), [("shuffled", 1), ("shuffled", 16), ("strided", 16), ("one of each block", 16)]
)
def test_any_order_at_once(expected, kind, order, threads):
    node = made(kind, threads=threads, cache=1)
    answers = [(n, node.get_frame_async(n)) for n in orders()[order]]
    assert [digest(pixels(a.result())) for _, a in answers] == [expected[kind][n] for n, _ in answers]
    vs.core.num_threads = 2


@pytest.mark.parametrize(
    ("kind", "requests", "threads"),
    [("static", 1, 1), ("measured", 2, 16), ("changing", 16, 16)],
)
def test_vspipe_with_so_many_requests(expected, vspipe, kind, requests, threads):
    assert vspipe(kind, "--requests", str(requests), threads=threads) == expected[kind]


@pytest.mark.parametrize(
    ("kind", "starts"),
    [
        ("static", [1, PERIOD - 1, PERIOD, PERIOD + 1]),
        ("changing", [3 * PERIOD - 1]),
    ],
)
def test_vspipe_from_any_start(expected, vspipe, kind, starts):
    def chunk(start: int) -> list[str]:
        return vspipe(kind, "-s", str(start), "-e", str(min(start + 2, LENGTH - 1)))

    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(chunk, starts))
    assert parts == [expected[kind][s : s + 3] for s in starts]


def test_two_processes_at_once(expected, vspipe):
    with ThreadPoolExecutor(2) as pool:
        for result in pool.map(vspipe, ["changing", "changing"]):
            assert result == expected["changing"]


def test_the_hole_is_filled_in_every_frame(expected):
    """Equal hashes would also come from a node that does nothing."""
    from clips import moving

    source = moving(length=LENGTH, cut=10, properties=True)
    assert not {digest(pixels(f)) for f in source.frames(close=True)} & set(expected["static"])
