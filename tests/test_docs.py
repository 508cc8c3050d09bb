"""The pages: every public name is on one, and every link leads somewhere."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import skdistill

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if "_build" not in path.parts)
#: ``[text](target)`` outside of code.
LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
#: What `make docs` writes, and pages of the web.
MADE = re.compile(r"https?:|mailto:|gallery/|reference/|_build/")


def anchors(path: Path) -> set[str]:
    """Of the headings of a page, as myst-parser and code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def links(path: Path) -> list[str]:
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [target for target in LINK.findall(text) if not MADE.match(target)]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in links(page):
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(found), f"{page.name} links to {target}: no such heading"


def test_links_are_found_and_broken_ones_would_be_too(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A heading, *so*\n\n[there](#a-heading-so) and [gone](gone.md) ![x](https://x)\n")
    assert links(page) == ["#a-heading-so", "gone.md"]
    assert anchors(page) == {"a-heading-so"}


@pytest.mark.parametrize("module", ["skdistill", "skdistill.compression"])
def test_every_public_name_is_in_the_reference(module):
    reference = (ROOT / "docs" / "api.md").read_text()
    # What resolves a parameter is for our other rooms.
    names = [name for name in importlib.import_module(module).__all__ if not name.startswith(("_", "resolve_"))]
    assert names
    assert [name for name in names if not re.search(rf"\b{name}\b", reference)] == []


def test_every_public_name_has_a_docstring_with_an_example():
    for name in skdistill.__all__:
        if not name.startswith("_"):
            assert ">>>" in (getattr(skdistill, name).__doc__ or ""), name
