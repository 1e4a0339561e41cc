"""A script that is loaded again and again in one process, as editors do: nothing is stuck, held, or different."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RELOADS = 50
#: MiB by which the second half of the reloads may hold more than the first: a network or a window held on each reload
#: would be more.
SLACK = 24


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict:
    home = tmp_path_factory.mktemp("config")
    environment = os.environ | {"PYTHONPATH": str(HERE.parent), "XDG_CONFIG_HOME": str(home)}
    command = [sys.executable, HERE / "reloading.py", str(RELOADS)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_reload_shows_the_same_pixels(told):
    seen = [row["pixels"] for row in told["reloads"] if "pixels" in row]
    assert len(seen) > RELOADS * 0.8  # the others are scripts with a mistake
    assert len(set(seen)) == 1


def test_scripts_were_let_go_of_in_mid_request(told):
    assert sum(row.get("under way", 0) > 0 for row in told["reloads"]) > RELOADS // 5


def test_nodes_share_a_network_and_the_last_frees_it(told):
    for row in told["reloads"]:
        if "pixels" in row:
            assert row["users"] >= 2 * (row["nodes"] >= 3)
            assert row["models"] <= 2  # of Inpaint, and of Detect
    assert told["left"] | {"threads": 0} == {"nodes": 0, "models": 0, "users": 0, "threads": 0}


def test_nodes_of_earlier_reloads_are_freed(told):
    # a script has five at most, and the one before it may still be there
    assert max(row.get("nodes", 0) for row in told["reloads"]) <= 10


def test_memory_and_threads_stay_as_they_were(told):
    if not told["reloads"][0]["resident"]:
        pytest.skip("the system does not tell")
    sizes = [row["resident"] / 1024 for row in told["reloads"]]
    half = RELOADS // 2
    assert max(sizes[half:]) - max(sizes[2:half]) < SLACK, sizes
    assert told["left"]["threads"] <= min(row["threads"] for row in told["reloads"] if "threads" in row), told["left"]
