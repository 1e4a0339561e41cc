"""Chunked encodes, as Av1an and StaxRip do them: the chunks' frames are those of one run; scene cuts cost nothing."""

import os
import subprocess
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from chunks import chunked
from detectors import random_detector
from osdclean.engine.cli import programs
from osdclean.engine.cli.frameserver import scripts

pytestmark = pytest.mark.skipif(not programs.shutil.which("ffmpeg"), reason="needs ffmpeg")

SMALL = {"period": 8, "warmup": 6, "lookahead": 5, "device": "cpu"}
#: Neither at blocks of Inpaint nor at those of Detect; the middle one is the longest.
RAGGED = [0, 5, 28, 35, 41]
ASIDE = "AV1AN_PERFORM_SCENE_DETECTION"


@pytest.fixture
def environment(tmp_path) -> Mapping[str, str]:
    return programs.vspipe_environment(programs.find_vspipe(), tmp_path)


@pytest.fixture
def given(footage, tmp_path) -> Callable[[str], Mapping[str, object]]:
    """Arguments of a script."""

    def arguments(script: str) -> Mapping[str, object]:
        clip = {"clip": footage.video}
        if script == "clean.vpy":
            found = {"find_model": random_detector(tmp_path / "random.safetensors"), "find_exclude": footage.mask}
            return clip | SMALL | found | {"grow": 0}  # it marks much
        return clip | SMALL | {"mask": footage.masks if script == "frame_masks.vpy" else footage.mask}

    return arguments


@pytest.mark.parametrize("script", ["static_mask.vpy", "clean.vpy"])
def test_ragged_chunks_are_one_run(environment, given, footage, script):
    arguments = given(script)
    (whole,) = chunked(scripts() / script, [0, footage.frames], arguments, environment)
    parts = chunked(scripts() / script, RAGGED, arguments, environment)
    assert len(set(whole.hashes)) == footage.frames
    assert [part.hashes for part in parts] == [whole.hashes[a:b] for a, b in pairwise(RAGGED)]


def frames(script: Path, arguments: Mapping[str, object], environment: Mapping[str, str]) -> bytes:
    words = [word for name, value in arguments.items() for word in ("-a", f"{name}={value}")]
    done = subprocess.run([programs.find_vspipe(), *words, script, "-"], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.mark.parametrize("script", ["static_mask.vpy", "frame_masks.vpy", "clean.vpy", "track.vpy", "unblend.vpy"])
def test_scene_cuts_are_sought_in_the_source(environment, footage, script):
    source = frames(scripts() / "compare.vpy", {"clip": footage.video, "mask": footage.mask}, environment)
    clip = {"clip": footage.video, "grow": 900}  # which Inpaint would refuse
    assert frames(scripts() / script, clip, {**os.environ, **environment, ASIDE: "true"}) == source
    assert frames(scripts() / script, clip | {ASIDE: 1}, environment) == source
