"""The user's folders, on each system."""

import os
from pathlib import Path

import pytest
from osdclean.engine import home


@pytest.mark.parametrize(("of", "variable", "usual"), [
    (home.cache, "XDG_CACHE_HOME", ".cache"),
    (home.settings, "XDG_CONFIG_HOME", ".config"),
])  # fmt: skip
def test_folders_are_those_of_the_desktop(of, variable, usual, monkeypatch, tmp_path):
    monkeypatch.setenv(variable, str(tmp_path))
    assert of() == tmp_path / "osdclean"
    for unset in ("", None):
        monkeypatch.setenv(variable, "") if unset == "" else monkeypatch.delenv(variable)
        assert of() == Path.home() / usual / "osdclean"
    # The folder of Windows counts on Windows alone.
    monkeypatch.setenv("APPDATA", "/roaming")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert of() == Path.home() / usual / "osdclean" or os.name == "nt"
