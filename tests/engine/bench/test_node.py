"""The node through vspipe, as the bench runs it."""

import shutil
import subprocess

import numpy as np
import pytest
from osdclean.engine.bench import cases, metrics, node
from osdclean.engine.errors import OsdcleanError

vapoursynth = pytest.importorskip("vapoursynth")
pytestmark = [
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed"),
    pytest.mark.skipif(not hasattr(vapoursynth.core, "osdclean"), reason="the plugin is not installed"),
]


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=128x96:rate=25:duration=0.2",
         "-c:v", "ffv1", "-pix_fmt", "yuv420p", str(path)],
        check=True,
    )  # fmt: skip
    return cases.load(path, "telemetry-per-frame", 1)


def test_frames_come_back_in_order_and_only_holes_change(case):
    seen = []
    made = node.run(case, {"device": "cpu"}, seen.append)
    assert len(made.restored) == case.length
    for out, overlaid, hole in zip(made.restored, case.overlaid, case.grown(), strict=True):
        for a, b in zip(out, overlaid, strict=True):
            outside = ~cases.plane_hole(hole, b)
            assert np.array_equal(a[outside], b[outside])
    assert metrics.score(case, made.restored).psnr > metrics.score(case, case.overlaid).psnr + 2
    assert made.seconds > 0
    assert made.memory > 20
    assert seen
    assert seen[-1] <= case.length


def test_the_node_s_own_words_reach_the_user(case):
    with pytest.raises(OsdcleanError, match="grow"):
        node.run(case, {"grow": 1000})
