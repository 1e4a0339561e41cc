"""Further networks as methods of the bench."""

from pathlib import Path

import pytest
from osdclean.engine import weights
from osdclean.engine.bench import models, table
from osdclean.engine.bench.metrics import Score
from osdclean.engine.errors import ModelError
from osdclean.engine.networks import published
from published import random_weights


def test_models_are_named_by_their_network(tmp_path):
    opn, edsr = random_weights("opn", tmp_path), random_weights("edsr3d", tmp_path)
    named = models.named([opn, f"edsr3d:{edsr}", str(weights.DEFAULT)])
    assert list(named) == ["opn", "edsr3d", "osdclean default"]
    assert named["opn"].arguments == {"model": opn}
    assert named["edsr3d"].arguments == {"model": f"edsr3d:{edsr}"}
    assert named["opn"].parameters == sum(p.numel() for p in published.loaded(opn).parameters())


def test_two_of_one_network_are_told_apart_by_their_files(tmp_path):
    first = random_weights("opn", tmp_path)
    second = tmp_path / "second.safetensors"
    second.write_bytes(Path(first).read_bytes())
    assert list(models.named([first, str(second)])) == ["opn opn", "opn second"]


def test_what_is_no_model_is_told(tmp_path):
    with pytest.raises(ModelError, match="which does not exist"):
        models.named([str(tmp_path / "none.safetensors")])


def test_the_table_tells_parameters():
    one = Score(psnr=30.0, ssim=0.9, flicker=2.0)
    row = table.Row(
        clip="a", kind="telemetry", width=64, height=64, frames=2, coverage=0.1, scores={"ns": one, "opn": one},
        seconds={"ns": 0.1, "opn": 0.2}, memory={"ns": 1.0, "opn": 2.0},
    )  # fmt: skip
    text = table.markdown([row], {}, {"opn": 834691})
    assert "| memory MiB | parameters |" in text
    assert "| 834,691 |" in text
    assert "parameters" not in table.markdown([row], {})
