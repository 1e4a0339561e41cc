"""A folder as of a day's flying, and the command line that is parsed for it."""

import argparse
from pathlib import Path

import pytest
from osdclean.engine.cli import clean


@pytest.fixture
def parsed():
    """Parses the words of `clean`."""

    def parse(*words):
        parser = argparse.ArgumentParser()
        clean.add_arguments(parser)
        args = parser.parse_args([str(word) for word in words])
        args.encoder_options = []
        return args

    return parse


@pytest.fixture
def flights(tmp_path, monkeypatch):
    """A folder as of a day's flying, the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    for name in ("b.MP4", "a.mov", "notes.txt", "._a.mov", ".trash/x.mp4", "goggles/c.ts", "goggles/deep/a.mov"):
        file = tmp_path / "flights" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("video")
    return Path("flights")
