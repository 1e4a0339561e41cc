"""Scene cuts by the key frames of the input."""

import shutil
import subprocess
from fractions import Fraction

import pytest
from osdclean.engine.cli.frameserver import Clip
from osdclean.engine.cli.media import probe
from osdclean.engine.spread.cuts import cuts_of, early


def test_early_key_frames_are_cuts_and_a_steady_distance_has_none():
    assert early([0, 250, 500, 750], 900) == ()
    assert early([0, 250, 300, 550, 560, 810], 900) == (300, 560)
    assert early([0, 90], 200) == (90,)  # 110 frames without another
    assert early([0], 100) == early([], 100) == ()


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_cut_of_a_coded_film_is_found_by_its_frame(tmp_path):
    """Two scenes, with B-frames, a late start and times that are no whole milliseconds."""
    film = tmp_path / "film.mp4"
    scenes = "testsrc2=s=128x96:r=30000/1001:d=3[a];testsrc2=s=128x96:r=30000/1001:d=2,hflip,negate[b];"
    graph = f"{scenes}[a][b]concat,setpts=PTS+0.5/TB"
    command = ["ffmpeg", "-v", "error", "-filter_complex", graph, "-pix_fmt", "yuv420p", "-g", "60"]
    subprocess.run([*command, "-fps_mode", "passthrough", "-c:v", "libx264", film], check=True)
    told = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "frame=pts_time", "-of", "csv=p=0", film],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    times = tuple(int(Fraction(time.strip(",")) * 10**9) for time in told)
    clip = Clip(
        width=128, height=96, frames=len(times), format="YUV420P8", fps=(30000, 1001), timebase=(1, 1000), times=times,
        props={},
    )  # fmt: skip
    assert cuts_of(probe(film), clip) == (90,)
