"""The site is built without a warning, asks no network, and leads nowhere that is not there; so does plain Markdown."""

import importlib.util
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from pages import PAGES, ROOT

#: Elements and their attribute by which a page loads something, or leads on.
LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
LARGEST = 300 * 1024


class Page(HTMLParser):
    """ids: places that can be led to; links: what `a` leads to; loaded: what comes with the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag in LOADING and given.get(LOADING[tag]) and given.get("rel") not in ("canonical", "next", "prev"):
            self.loaded.append(given[LOADING[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    for module in ("mkdocs", "material"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed (pip install 'vapoursynth-osdclean[docs]')")
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def parsed(site):
    return {name: Page(file.read_text(encoding="utf-8")) for name, file in site.items() if name.endswith(".html")}


def test_every_page_is_in_it(site):
    assert {f"{page.stem}.html" for page in PAGES if page.parent.name == "docs"} <= set(site)
    assert not [name for name in site if name.endswith((".py", ".pyc"))]


def test_links_lead_to_pages_and_places_that_are_there(parsed, site):
    dead = []
    for name, page in parsed.items():
        if name == "404.html":  # its links begin at the site's root, wherever that is
            continue
        for link in page.links + page.loaded:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = os.path.normpath(os.path.join(os.path.dirname(name), unquote(parts.path))) if parts.path else name
            target = "index.html" if target == "." else target
            if target not in site or (parts.fragment and unquote(parts.fragment) not in parsed[target].ids):
                dead.append(f"{name}: {link}")
    assert not dead


def test_nothing_is_loaded_from_elsewhere(parsed, site):
    loaded = {f"{name}: {what}" for name, page in parsed.items() for what in page.loaded if urlsplit(what).netloc}
    assert not loaded
    styles = [file.read_text(encoding="utf-8") for name, file in site.items() if name.endswith(".css")]
    assert styles
    assert not [found for style in styles for found in re.findall(r"url\(['\"]?(?:https?:)?//[^)]*", style)]


def anchors(text: str) -> set[str]:
    """The places that GitHub gives a page: its headings in small letters, without punctuation."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_plain_markdown_leads_to_what_is_there(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = page.parent / parts.path if parts.path else page
        there = target.is_file() and (not parts.fragment or parts.fragment in anchors(target.read_text("utf-8")))
        dead += [] if there else [link]
    assert not dead


def test_pictures_are_small_and_used():
    pictures = [file for file in (ROOT / "docs" / "images").iterdir() if file.suffix != ".md"]
    used = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert not [file.name for file in pictures if file.stat().st_size > LARGEST]
    assert not [file.name for file in pictures if f"images/{file.name})" not in used]
