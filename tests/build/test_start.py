"""How the commands of the portable folder begin."""

import os
import sys

import pytest


@pytest.mark.parametrize("before", [None, "/their/own"])
def test_programs_get_the_users_own_library_path(monkeypatch, before):
    import start

    monkeypatch.setenv("LD_LIBRARY_PATH", "/folder/lib")
    if before:
        monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", before)
    start.tidy()
    assert os.environ.get("LD_LIBRARY_PATH") == before
    assert "LD_LIBRARY_PATH_ORIG" not in os.environ


def test_programs_beside_the_commands_come_first(monkeypatch, tmp_path):
    import start

    monkeypatch.setattr(sys, "executable", str(tmp_path / "osdclean"))
    monkeypatch.setenv("PATH", "/usr/bin")
    start.tidy()
    assert os.environ["PATH"] == "/usr/bin"
    (tmp_path / "bin").mkdir()
    start.tidy()
    assert os.environ["PATH"] == f"{tmp_path / 'bin'}{os.pathsep}/usr/bin"
