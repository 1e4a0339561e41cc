"""Tables: what they compare and how they read."""

import json

import pytest
from osdclean.engine.bench import table
from osdclean.engine.bench.metrics import Score


def _row(clip, **psnr):
    return table.Row(
        clip=clip, kind="telemetry", width=854, height=480, frames=9, coverage=0.031,
        scores={name: Score(psnr=value, ssim=0.9, flicker=40 - value) for name, value in psnr.items()},
        seconds=dict.fromkeys(psnr, 0.05),
        memory={name: None if name == "telea" else 90.0 for name in psnr},
    )  # fmt: skip


ROWS = [_row("a", telea=24.0, flow=30.0, osdclean=31.0), _row("b", telea=28.0, flow=25.0, osdclean=27.5)]


def test_comparison_by_hand():
    found = table.compare(ROWS)
    assert (found.best, found.best_mean) == ("flow", 27.5)
    assert found.gain == pytest.approx(29.25 - 27.5)
    assert (found.least, found.least_clip) == (-0.5, "b")
    assert found.steadier


def test_no_comparison_without_the_node():
    assert table.compare([_row("a", telea=24.0, flow=30.0)]) is None


def test_markdown_has_a_line_per_clip_and_method_and_marks_the_best():
    text = table.markdown(ROWS, {"machine": "test", "seed": 1})
    assert "| a | 854x480 | 9 | 3.1 | 24.00 | 30.00 | **31.00** | +1.00 (flow) |" in text
    assert "| b | 854x480 | 9 | 3.1 | **28.00** | 25.00 | 27.50 | -0.50 (telea) |" in text
    assert "Gain over the best single baseline's mean (flow, 27.50 dB): +1.75 dB" in text
    assert "machine: test." in text
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) <= 1, "every line of a table has the same cells"


def test_report_survives_json():
    told = json.loads(json.dumps(table.report(ROWS, {"seed": 1})))
    assert told["comparison"]["telemetry"]["best"] == "flow"
    assert told["rows"][1]["scores"]["osdclean"]["psnr"] == 27.5
    assert told["rows"][0]["memory"]["telea"] is None
