"""Un-blending against inpainting: its cases, its tables, and both ways through vspipe."""

import json
import shutil
import subprocess

import cv2
import numpy as np
import pytest
from moving import sliding
from osdclean.engine import footage
from osdclean.engine.bench import cases, node, unblend
from osdclean.engine.cli.main import main

SIZE = 160, 112
pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "sliding.mkv"
    raw = b"".join(footage.joined(sliding(24, SIZE[1], SIZE[0], 2.3, 0.9)))
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{SIZE[0]}x{SIZE[1]}", "-r", "25",
         "-i", "-", "-c:v", "ffv1", str(path)],
        input=raw, check=True,
    )  # fmt: skip
    return path


def test_a_clip_has_one_mark_of_the_asked_opacity(clip):
    made = {o: unblend.load(clip, o) for o in (0.3, 0.7)}
    assert [case.length for case in made.values()] == [24, 24]
    np.testing.assert_array_equal(made[0.3].holes[0], made[0.7].holes[0])
    shown, true = (np.stack([p[0] for p in f]).astype(float) for f in (made[0.7].overlaid, made[0.7].truth))
    solid = cv2.erode(made[0.7].holes[0].astype(np.uint8), np.ones((3, 3))) > 0
    # Under an opacity of 0.7 three tenths of what changes over time are left, or more at a soft edge.
    left = np.percentile((shown.std(0) / true.std(0))[solid], 10)
    assert 0.25 < left < 0.35
    other = unblend.load(clip, 0.3, seed=2)
    assert not np.array_equal(other.holes[0], made[0.3].holes[0])
    for truth, overlaid in zip(made[0.3].truth, made[0.3].overlaid, strict=True):
        outside = ~made[0.3].holes[0]
        np.testing.assert_array_equal(truth[0][outside], overlaid[0][outside])


def test_compression_comes_after_the_mark_and_leaves_the_truth(clip):
    clean, coded = unblend.load(clip, 0.5), unblend.load(clip, 0.5, 30)
    for a, b in zip(clean.truth, coded.truth, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
    miss = np.stack([b[0].astype(float) - a[0] for a, b in zip(clean.overlaid, coded.overlaid, strict=True)])
    assert 0.5 < np.sqrt((miss**2).mean()) < 12


def row(clip, opacity, crf, inpainted, unblended, thin=0.0):
    return unblend.Row(
        clip=clip, width=720, height=480, frames=60, opacity=opacity, crf=crf, hole=1234, inpainted=inpainted,
        unblended=unblended, thin=thin, seconds=opacity,
    )  # fmt: skip


ROWS = [
    row("a", 0.3, None, 30.0, 40.0),
    row("a", 0.7, None, 31.0, 30.5, 0.25),
    row("b", 0.3, None, 20.0, 31.0),
    row("b", 0.7, None, 21.0, 22.5),
    row("a", 0.3, 23, 29.0, 29.0, 1.0),
    row("a", 0.7, 23, 29.5, 29.25),
]


def test_tables_by_hand():
    text = unblend.markdown(ROWS, {"machine": "test"})
    assert "machine: test." in text
    assert text.index("not compressed") < text.index("crf 23")
    assert "| a | 720x480 | 60 | 1234 | 30.00 / **40.00** | **31.00** / 30.50, 25% | 0.7 |" in text
    assert "| **mean** |  |  |  | 25.00 / 35.50 | 26.00 / 26.50 |  |" in text
    assert "| gain |  |  |  | +10.00 to +11.00 | -0.50 to +1.50 |  |" in text
    assert "29.00 / 29.00, 100%" in text
    for block in text.split("\n\n"):
        assert len({line.count("|") for line in block.splitlines() if line.startswith("|")}) <= 1
    told = json.loads(json.dumps(unblend.report(ROWS, {"seed": 1})))
    assert told["rows"][1]["gain"] == -0.5
    assert told["rows"][4]["crf"] == 23


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--opacity", "0.5"], "go with --unblend"),
        (["--compress", "23"], "go with --unblend"),
        (["--unblend", "--pictures", "p"], "writes no pictures"),
        (["--unblend", "--json", "gone/t.json"], "gone does not exist"),
    ],
)
def test_command_refuses_what_makes_no_sense(clip, words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["bench", str(clip), *words]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--opacity", "1"], ["--compress", "52"], ["--compress", "fine"]])
def test_command_takes_opacities_and_qualities_that_are_some(clip, words, capsys):
    with pytest.raises(SystemExit):
        main(["bench", str(clip), "--unblend", *words])
    assert f"passed {words[1]}" in capsys.readouterr().err


vapoursynth = pytest.importorskip("vapoursynth")


@pytest.mark.skipif(not hasattr(vapoursynth.core, "osdclean"), reason="the plugin is not installed")
def test_both_ways_through_the_node_and_into_the_tables(clip, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scripts, timed = [], node.timed
    monkeypatch.setattr(node, "timed", lambda *a, **k: (scripts.append(a[2]), timed(*a, **k))[1])
    words = ["--node", "device=cpu", "period=12", "warmup=4", "lookahead=4", "--json", "t.json", "--markdown", "t.md"]
    assert main(["bench", str(clip), "--unblend", "--opacity", "0.4", "0.6", "--frames", "20", *words]) == 0
    printed = capsys.readouterr().out
    assert (tmp_path / "t.md").read_text() == printed
    assert "| sliding | 160x112 | 20 |" in printed
    rows = json.loads((tmp_path / "t.json").read_text())["rows"]
    assert [r["opacity"] for r in rows] == [0.4, 0.6]
    assert all(r["thin"] < 0.05 and r["gain"] > 2 and r["seconds"] > 0 for r in rows)
    # Without compression, what Inpaint alone does is the same at every opacity.
    assert scripts == ["static_mask.vpy", "unblend.vpy", "unblend.vpy"]
    assert rows[0]["inpainted"] == rows[1]["inpainted"]


@pytest.mark.skipif(not hasattr(vapoursynth.core, "osdclean"), reason="the plugin is not installed")
def test_inpaint_alone_does_not_see_what_the_hole_hides(clip, tmp_path):
    made = []
    for opacity in (0.3, 0.7):
        case = unblend.load(clip, opacity, frames=8)
        folder = tmp_path / str(opacity)
        folder.mkdir()
        made.append(unblend.restored(case, node.files(case, folder), "static_mask.vpy", {"device": "cpu"}))
    hole = case.grown()[0]
    for a, b in zip(*made, strict=True):
        for p, q in zip(a, b, strict=True):
            np.testing.assert_array_equal(p[cases.plane_hole(hole, p)], q[cases.plane_hole(hole, q)])
