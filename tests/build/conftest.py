"""The modules of `build/portable` are no package: PyInstaller's specification takes them from their folder."""

import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "build" / "portable"


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in ("stand_ins", "parts", "start"):
        sys.modules.pop(name, None)
