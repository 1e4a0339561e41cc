"""The scripts of vs_scripts under vspipe, as users run them."""

import subprocess
from importlib import resources

import cv2
import numpy as np
import pytest
import vapoursynth as vs
from osdclean.engine.cli import programs
from osdclean.engine.cli.pipeline import script_error
from osdclean.vs_scripts.reading import inpaint_arguments, read_mask

pytestmark = pytest.mark.skipif(not programs.shutil.which("ffmpeg"), reason="needs ffmpeg")


@pytest.fixture
def vspipe(footage, tmp_path):
    binary = programs.find_vspipe()
    environment = programs.vspipe_environment(binary, tmp_path)

    def run(script, *options, **arguments):
        given = {"clip": footage.video, "mask": footage.mask} | arguments
        words = [word for name, value in given.items() for word in ("-a", f"{name}={value}")]
        file = resources.files("osdclean.vs_scripts") / script
        return subprocess.run([binary, *options, *words, file, "-"], env=environment, capture_output=True)

    return run


def frames(ended):
    assert ended.returncode == 0, ended.stderr.decode()
    return [ended.stdout[at : at + 96 * 64 * 3 // 2] for at in range(0, len(ended.stdout), 96 * 64 * 3 // 2)]


def test_scripts_agree_and_compare_has_the_source_as_output_0(vspipe, footage):
    folder = sorted(footage.video.parent.iterdir())
    static = frames(vspipe("static_mask.vpy"))
    assert len(static) == footage.frames
    source, result = (frames(vspipe("compare.vpy", "-o", str(n))) for n in (0, 1))
    assert result == static
    assert all(a != b for a, b in zip(source, result, strict=True))
    changing = frames(vspipe("frame_masks.vpy", mask=footage.masks))
    assert [a == b for a, b in zip(source, changing, strict=True)] == [n >= 20 for n in range(footage.frames)]
    assert sorted(footage.video.parent.iterdir()) == folder  # no index beside the user's files


def test_arguments_reach_inpaint(vspipe):
    ended = vspipe("static_mask.vpy", "-i", grow=900)
    assert "passed 900" in (script_error(ended.stderr.decode().splitlines()) or "")


def test_a_boxed_object_is_followed_and_inpainted(vspipe, footage):
    given = {"frame": 6, "left": 30, "top": 16, "width": 30, "height": 24}
    source, result = frames(vspipe("compare.vpy")), frames(vspipe("track.vpy", **given))
    masks = vspipe("track.vpy", "-o", "1", **given).stdout
    assert len(masks) == footage.frames * 96 * 64
    found = [bool(np.frombuffer(masks, np.uint8)[at : at + 96 * 64].any()) for at in range(0, len(masks), 96 * 64)]
    assert found[6]
    assert [a != b for a, b in zip(source, result, strict=True)] == found
    ended = vspipe("track.vpy", frame=6, left=30)
    assert "top, width, height must be given" in ended.stderr.decode()
    ended = vspipe("track.vpy", **given | {"frame": 400})
    assert "Track: frame must be 0 to 40, passed 400" in ended.stderr.decode()


def test_text_becomes_what_inpaint_takes():
    given = {"grow": "4", "sc_threshold": "0.5", "device": "cpu", "clip": "a.mp4", "os": object()}
    assert inpaint_arguments(given) == {"grow": 4, "sc_threshold": 0.5, "device": "cpu"}
    with pytest.raises(vs.Error, match="grow must be a whole number, passed 'much'"):
        inpaint_arguments({"grow": "much"})


@pytest.mark.parametrize("script", ["static_mask.vpy", "frame_masks.vpy", "compare.vpy"])
def test_missing_clip_is_told(vspipe, script, tmp_path):
    ended = vspipe(script, clip=tmp_path / "gone.mp4")
    assert ended.returncode != 0
    assert "gone.mp4 cannot be read as video" in ended.stderr.decode()
    assert script_error(ended.stderr.decode().splitlines())


@pytest.mark.parametrize("kind", ["gray", "gray16", "transparent", "palette", "video"])
def test_masks_of_all_kinds_are_the_same_hole(footage, tmp_path, kind):
    drawn = cv2.imread(str(footage.mask), cv2.IMREAD_GRAYSCALE)
    other = tmp_path / "other.png"
    black = np.zeros_like(drawn)
    if kind == "gray":
        cv2.imwrite(str(other), drawn)
    elif kind == "gray16":
        cv2.imwrite(str(other), drawn.astype(np.uint16) * 257)
    elif kind == "transparent":
        cv2.imwrite(str(other), np.dstack((black, black, black, drawn)))
    elif kind == "palette":
        subprocess.run(["ffmpeg", "-v", "error", "-i", footage.mask, "-pix_fmt", "pal8", other], check=True)
    else:
        other = footage.masks
    clip = vs.core.std.BlankClip(width=96, height=64)
    mask = read_mask(str(other), clip)
    assert mask.format.id == vs.GRAY8
    assert (np.asarray(mask.get_frame(0)[0]) >= 128).tolist() == (drawn >= 128).tolist()
    assert mask.num_frames == (41 if kind == "video" else 1)


def test_files_are_named_from_the_folder_that_vspipe_was_started_in(footage, tmp_path, monkeypatch):
    clip = vs.core.std.BlankClip(width=96, height=64)
    monkeypatch.chdir(tmp_path)  # as vspipe enters the script's folder
    monkeypatch.setenv("PWD", str(tmp_path))
    with pytest.raises(vs.Error, match="mask cannot be read"):
        read_mask("mask.png", clip)
    monkeypatch.setenv("PWD", str(footage.mask.parent))
    assert read_mask("mask.png", clip).num_frames == 1
    given = {"model": "sttn+maskfree:mask.png"}  # any file will do
    assert inpaint_arguments(given) == {"model": f"sttn+maskfree:{footage.mask}"}
    assert inpaint_arguments({"model": "default"}) == {"model": "default"}
    monkeypatch.chdir(footage.mask.parent)
    monkeypatch.setenv("PWD", str(tmp_path))  # an editor that was started elsewhere
    assert read_mask("mask.png", clip).num_frames == 1


def test_files_that_are_no_masks_are_told(tmp_path, footage):
    clip = vs.core.std.BlankClip(width=96, height=62)
    with pytest.raises(
        vs.Error, match=r"passed 96x64 and 96x62: draw the mask on a frame of the clip \(mask.png\)"
    ):
        read_mask(str(footage.mask), clip)
    with pytest.raises(vs.Error, match="mask cannot be read: No such file"):
        read_mask(str(tmp_path / "gone.png"), clip)
    (tmp_path / "empty.png").touch()
    with pytest.raises(vs.Error, match="no picture that OpenCV can read"):
        read_mask(str(tmp_path / "empty.png"), clip)
