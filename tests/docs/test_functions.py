"""What the pages say of the functions' arguments is what the plugin takes: names, order, types, defaults."""

import re
from dataclasses import fields

import pytest
import vapoursynth as vs
from pages import ROOT, blocks

TYPES = {"vnode": "vnode", "string": "data", "string[]": "data[]", "int": "int", "float": "float"}
#: What the tables call the types.
TOLD = {"vnode": "clip", "data": "text", "data[]": "text, one or several", "int": "int", "float": "float"}


def defaults(name: str) -> dict[str, object]:
    from osdclean.engine.detect.settings import DetectSettings
    from osdclean.engine.settings import Settings
    from osdclean.engine.track.settings import TrackSettings
    from osdclean.plugin.arguments import Options

    of = {"Inpaint": (Settings, Options), "Detect": (DetectSettings,), "Track": (TrackSettings,)}
    of["Unblend"] = (Settings,)
    return {field.name: field.default for made in of.get(name, ()) for field in fields(made)}


def signatures() -> dict[str, str]:
    """The signature that a page gives, by function."""
    found = {}
    for block in blocks(""):
        if told := re.match(r"osdclean\.(\w+)\((.*)\)\s*$", block.text, re.S):
            found[told[1]] = told[2]
    return found


def read(signature: str) -> list[tuple[str, str, bool, str | None]]:
    """Name, type, whether it may be left out, and default."""
    out, optional = [], False
    for part in signature.replace("\n", " ").split(","):
        part = part.strip()
        given = re.fullmatch(r"(\S+) (\w+)(?:=([^\[\]]+))?(\[?)\]?", part)
        assert given, part
        out.append((given[2], TYPES[given[1]], optional, given[3]))
        optional |= given[4] == "["
    return out


def rows(page: str) -> dict[str, list[str]]:
    """The cells behind each argument's name in a page's table of arguments."""
    text = (ROOT / "docs" / f"{page.lower()}.md").read_text(encoding="utf-8")
    table = text.partition("\n## Arguments\n")[2].partition("\n## ")[0]
    found = {}
    for line in re.findall(r"^\| (`.*)\|$", table, re.M):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
        found |= dict.fromkeys(re.findall(r"`(\w+)`", cells[0]), cells[1:])
    return found


FUNCTIONS = {function.name: function.signature for function in vs.core.osdclean.functions()}


def test_every_function_has_a_page():
    assert signatures().keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - {"Version"}))
def test_signature_and_table_are_those_of_the_plugin(name):
    told, table, given = read(signatures()[name]), rows(name), defaults(name)
    registered = [part.split(":") for part in FUNCTIONS[name].split(";") if part]
    assert [(n, kind, optional) for n, kind, optional, _ in told] == [
        (part[0], part[1], "opt" in part[2:]) for part in registered
    ]
    assert list(table) == [part[0] for part in registered]
    for argument, kind, _, default in told:
        assert TOLD[kind] == table[argument][0], argument
        value = given.get(argument) if default is not None else None
        value = value[0] if isinstance(value, tuple) else int(value) if isinstance(value, bool) else value
        shown = "" if value is None else f'"{value}"' if isinstance(value, str) else f"{value:g}"
        assert (default or "") == shown, argument
        assert table[argument][1].strip("`") == shown, argument
