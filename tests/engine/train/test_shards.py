"""Which clips are of one video."""

from pathlib import Path

import pytest
from osdclean.engine.errors import OsdcleanError
from osdclean.engine.train import classic, shards


@pytest.mark.parametrize(
    ("name", "video"),
    [
        ("flight_01", "flight"), ("flight_123", "flight"), ("DSC_0001", "DSC_0001"), ("DSC_0001_02", "DSC_0001"),
        ("flight", "flight"), ("flight_1", "flight_1"),
    ],
)  # fmt: skip
def test_excerpts_are_of_one_video_and_a_cameras_count_is_not(name, video):
    assert shards.video_of(name) == video


def test_every_recipe_tells_videos_apart_alike(tmp_path):
    for k in range(8):
        (tmp_path / f"DSC_{k:04}.mp4").touch()
    jobs = shards.plan(tmp_path, None, None, tmp_path / "out", rounds=1)
    assert [job.source.stem for job in jobs if job.validation] == ["DSC_0004"]
    few = tmp_path / "few"
    few.mkdir()
    for k in (1, 2):
        (few / f"DSC_{k:04}.mp4").touch()
    jobs = shards.plan(few, None, None, tmp_path / "out", rounds=1)
    assert [job.source.stem for job in jobs if job.validation] == ["DSC_0002"]
    assert classic._held(["DSC_0001", "DSC_0002"], Path("clips")) == {"DSC_0002"}
    with pytest.raises(OsdcleanError, match="clips must hold clips of at least two videos, found 1"):
        classic._held(["DSC_0001_01", "DSC_0001_02"], Path("clips"))
