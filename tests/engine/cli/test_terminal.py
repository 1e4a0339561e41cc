"""Colours are for terminals alone."""

import io

import pytest
from osdclean.engine.cli.terminal import coloured


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_terminal_shows_colours():
    assert coloured("done", "green", Terminal()) == "\x1b[32mdone\x1b[0m"


def test_pipe_no_color_and_dumb_terminals_do_not(monkeypatch):
    assert coloured("done", "green", io.StringIO()) == "done"
    monkeypatch.setenv("NO_COLOR", "1")
    assert coloured("done", "green", Terminal()) == "done"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert coloured("done", "green", Terminal()) == "done"
