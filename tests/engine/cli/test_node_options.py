"""Options that become arguments of Inpaint."""

import argparse

import pytest
from osdclean.engine.cli.node_options import NAMES, add_node_arguments, node_arguments
from osdclean.engine.errors import OsdcleanError


def arguments(*words):
    parser = argparse.ArgumentParser()
    add_node_arguments(parser)
    return node_arguments(parser.parse_args(words))


def test_only_what_is_given_is_passed_on():
    assert arguments() == {}
    assert arguments("--grow", "4", "--sc-threshold", "0.2") == {"grow": "4", "sc_threshold": "0.2"}


def test_every_argument_has_an_option():
    given = {"precision": "fp32", "backend": "onnxruntime"}
    words = [w for name in NAMES for w in (f"--{name.replace('_', '-')}", given.get(name, "1"))]
    assert set(arguments(*words)) == set(NAMES)


@pytest.mark.parametrize("words", [("--grow", "900"), ("--period", "0"), ("--sc-threshold", "nan")])
def test_bad_values_are_refused_before_anything_is_started(words):
    with pytest.raises(OsdcleanError, match=words[1]):
        arguments(*words)


def test_weights_file_must_be_there_and_is_named_in_full(tmp_path, monkeypatch):
    with pytest.raises(OsdcleanError, match=r"no file gone\.safetensors"):
        arguments("--model", "gone.safetensors")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.safetensors").write_bytes(b"")
    assert arguments("--model", "mine.safetensors") == {"model": str(tmp_path / "mine.safetensors")}
    given = arguments("--model", "sttn+maskfree:mine.safetensors")
    assert given == {"model": f"sttn+maskfree:{tmp_path / 'mine.safetensors'}"}
    with pytest.raises(OsdcleanError, match=r"there is no file gone\.pth"):
        arguments("--model", "sttn:gone.pth")
    assert arguments("--model", "default") == {"model": "default"}
