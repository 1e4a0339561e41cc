"""Every message that a page quotes is one that the source can say."""

import ast
import re

import pytest
from pages import ROOT

#: Letters that a part of the source must have in common with a message to count, and the share of it to be found.
FEWEST, SHARE = 10, 0.6
#: What others say.
ELSEWHERE = {"There is no attribute or namespace named osdclean": "VapourSynth"}


def said(node: ast.AST) -> str | None:
    """A string of the source as a pattern: what is filled in is anything."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    if not all(isinstance(part, ast.FormattedValue) or isinstance(getattr(part, "value", None), str) for part in parts):
        return None
    made = "".join(re.escape(part.value) if isinstance(part, ast.Constant) else ".+" for part in parts)
    return re.sub(r"^(\\ )+|(\\ )+$", "", made)


@pytest.fixture(scope="module")
def source():
    found = set()
    for folder in ("plugin", "engine", "vs_scripts"):
        for file in (ROOT / folder).rglob("*.py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            strings = {text for node in ast.walk(tree) if (text := said(node)) is not None}
            found |= {text for text in strings if sum(c.isalpha() for c in text) >= FEWEST}
    return [re.compile(text) for text in found]


def quoted(page: str) -> list[str]:
    """The first cells of a page's tables of messages."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    tables = re.findall(r"^\| (?:message|line) \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.M)
    cells = [re.match(r"\| (.*?) \|", line)[1] for table in tables for line in table.splitlines()]
    return [message for cell in cells for message in re.findall(r"`([^`]+)`", cell)]


def known(message: str, source) -> float:
    """The share of a message that strings of the source make up."""
    covered = [False] * len(message)
    for pattern in source:
        for found in pattern.finditer(message):
            covered[found.start() : found.end()] = [True] * (found.end() - found.start())
    return sum(covered) / len(message)


@pytest.mark.parametrize("page", ["troubleshooting.md", "inpaint.md"])
def test_messages_are_those_of_the_source(page, source):
    messages = quoted(page)
    assert len(messages) > (50 if page == "troubleshooting.md" else 8)
    unknown = [m for m in messages if m not in ELSEWHERE and known(m.removeprefix("osdclean: "), source) < SHARE]
    assert not unknown


def test_a_message_that_nothing_says_is_seen(source):
    assert known("grow must be 0 to 64, passed 900", source) > SHARE
    assert known("the mask has to be larger than the clip by half", source) < SHARE
