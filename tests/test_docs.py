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
    cards = [f"{target}.md" for target in re.findall(r"^:link: (\S+)$", path.read_text(), flags=re.MULTILINE)]
    return cards + [target for target in LINK.findall(text) if not MADE.match(target)]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in links(page):
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(found), f"{page.name} links to {target}: no such heading"


def test_links_are_found_and_broken_ones_would_be_too(tmp_path):
    page = tmp_path / "page.md"
    text = "# A heading, *so*\n\n:::{grid-item-card} A\n:link: card\n:::\n"
    page.write_text(text + "[there](#a-heading-so) and [gone](gone.md) ![x](https://x)\n")
    assert links(page) == ["card.md", "#a-heading-so", "gone.md"]
    assert anchors(page) == {"a-heading-so"}


#: Subpackages whose every name is for users, but those that resolve a parameter for our other rooms.
FOR_USERS = ["augmentation", "compression", "exports", "model", "report"]


def reference() -> set[str]:
    """What the page of the reference names, in full."""
    names, module = set(), "skdistill"
    for line in (ROOT / "docs" / "api.md").read_text().splitlines():
        module = line.removeprefix(".. currentmodule:: ") if line.startswith(".. currentmodule::") else module
        if match := re.fullmatch(r"   ([\w.]+)", line):
            names.add(f"{module}.{match[1]}")
    return names


def thing(name: str) -> object:
    """What a full name stands for."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("room", ["", *FOR_USERS])
def test_every_public_name_is_in_the_reference(room):
    module = importlib.import_module(f"skdistill.{room}".rstrip("."))
    described = [thing(name) for name in reference()]
    public = [name for name in module.__all__ if not name.startswith(("_", "resolve_")) and not name.isupper()]
    assert public
    assert [name for name in public if getattr(module, name) not in described] == []


def test_constants_are_in_the_reference_too():
    page = (ROOT / "docs" / "api.md").read_text()
    for room in FOR_USERS:
        for name in importlib.import_module(f"skdistill.{room}").__all__:
            assert not name.isupper() or name == "SAMPLERS" or f"{name}`" in page, name


def test_what_the_reference_and_the_pages_name_is_there():
    named = reference() | {
        name for page in PAGES for name in re.findall(r"\{(?:class|func|meth)\}`~?([\w.]+)`", page.read_text())
    }
    assert len(named) > 60
    for name in named:
        assert thing(name).__doc__, name


def test_every_command_is_on_the_page_of_the_command_line():
    from skdistill.cli._app import app

    page = (ROOT / "docs" / "cli.md").read_text()
    commands = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert len(commands) > 5
    assert [name for name in commands if f"| `skdistill {name}" not in page] == []


def test_every_public_name_has_a_docstring_with_an_example():
    for name in skdistill.__all__:
        if not name.startswith("_"):
            assert ">>>" in (getattr(skdistill, name).__doc__ or ""), name
