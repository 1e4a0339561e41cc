"""--version: quick, and for programs."""

import json
import subprocess
import sys

from osdclean.engine import weights
from osdclean.engine.cli import versions
from osdclean.engine.cli.main import main


def test_nothing_heavy_is_loaded_to_tell_versions():
    code = """if True:
        import sys
        from osdclean.engine.cli.main import main
        main(["--version"])
        print([m for m in ("torch", "numpy", "cv2", "vapoursynth") if m in sys.modules])
    """
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.rstrip().endswith("[]")


def test_versions_are_those_of_the_loaded_packages(capsys):
    import cv2
    import numpy
    import torch

    assert main(["--version", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["osdclean"] == versions.version()
    assert told["numpy"] == numpy.__version__
    assert told["torch"] == torch.__version__.partition("+")[0] or told["torch"] == torch.__version__
    assert told["OpenCV"].startswith(cv2.__version__)
    assert told["device"].startswith(("cpu", "cuda"))


def test_other_weights_have_another_name(monkeypatch, tmp_path):
    before = versions.found()["weights default"]
    other = tmp_path / "default.safetensors"
    other.write_bytes(weights.DEFAULT.read_bytes() + b"x")
    monkeypatch.setattr(weights, "DEFAULT", other)
    assert versions.found()["weights default"] != before
    other.unlink()
    assert versions.found()["weights default"] == "not found"
