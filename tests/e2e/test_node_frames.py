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


@pytest.fixture
def vspipe(tmp_path):
    """Runs vspipe on the script; returns the hash of each frame that it wrote."""
    environment = os.environ | {"PYTHONPATH": str(HERE.parent), "XDG_CONFIG_HOME": str(tmp_path)}
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
@pytest.mark.parametrize("order", orders())
@pytest.mark.parametrize("cache", [1, 2])
def test_any_order_one_by_one(expected, kind, order, cache):
    node = made(kind, cache=cache)
    assert [digest(pixels(node.get_frame(n))) for n in orders()[order]] == [
        expected[kind][n] for n in orders()[order]
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", orders())
@pytest.mark.parametrize("threads", [1, 16])
def test_any_order_at_once(expected, kind, order, threads):
    node = made(kind, threads=threads, cache=1)
    answers = [(n, node.get_frame_async(n)) for n in orders()[order]]
    assert [digest(pixels(a.result())) for _, a in answers] == [expected[kind][n] for n, _ in answers]
    vs.core.num_threads = 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("requests", [1, 2, 16])
def test_vspipe_with_so_many_requests(expected, vspipe, kind, requests):
    assert vspipe(kind, "--requests", str(requests), threads=16 if requests == 16 else 2) == expected[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_vspipe_from_any_start(expected, vspipe, kind):
    starts = [0, 1, PERIOD - 1, PERIOD, PERIOD + 1, 3 * PERIOD, LENGTH - 1]
    with ThreadPoolExecutor(2) as pool:
        parts = list(
            pool.map(lambda s: vspipe(kind, "-s", str(s), "-e", str(min(s + 2, LENGTH - 1))), starts)
        )
    assert parts == [expected[kind][s : s + 3] for s in starts]


def test_chunks_joined_are_the_whole(expected, vspipe):
    joined = [
        h for s in range(0, LENGTH, 8) for h in vspipe("static", "-s", str(s), "-e", str(min(s + 7, 25)))
    ]
    assert joined == expected["static"]


def test_two_processes_at_once(expected, vspipe):
    with ThreadPoolExecutor(2) as pool:
        for result in pool.map(vspipe, ["changing", "changing"]):
            assert result == expected["changing"]


def test_the_hole_is_filled_in_every_frame(expected):
    """Equal hashes would also come from a node that does nothing."""
    from clips import moving

    source = moving(length=LENGTH, cut=10, properties=True)
    assert not {digest(pixels(f)) for f in source.frames(close=True)} & set(expected["static"])
