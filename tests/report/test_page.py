"""The report as a page: what is in it, and how a browser shows it."""

from __future__ import annotations

import builtins
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from skdistill import AdditiveStudent, LinearStudent, TreeStudent
from skdistill.report import Contestant, distillation_report
from skdistill.report._svg import _COLOURS, alone, draw_svg

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Chromium looks up hosts of its own unless it is told not to.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BUILD = Path(__file__).parents[2] / "build" / "report"
VARIABLES = [f"var(--{name})" for name in _COLOURS]
SECTIONS = ["comparison", "bytes", "fidelity", "student", "choices"]


class Reader(HTMLParser):
    """Tags, their attributes, and the text outside of the style sheet."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self._styled = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]
        self._styled = tag == "style"

    def handle_endtag(self, tag):
        self._styled = False

    def handle_data(self, data):
        if not self._styled:
            self.words += f" {data}"


@pytest.fixture(scope="module")
def reports(hostile):
    def report(student, task="classification"):
        estimator, X, y = hostile(student, task)
        return estimator.report(X, y)

    return {
        "tree": report(TreeStudent(max_leaves=8)),
        "additive": report(AdditiveStudent(pairs=2)),
        "values": report(LinearStudent(), "regression"),
    }


@pytest.fixture(scope="module")
def pages(reports):
    return {name: report.to_html() for name, report in reports.items()}


@pytest.mark.parametrize("name", ["tree", "additive", "values"])
def test_a_page_is_whole_small_and_alone(reports, pages, name):
    page = pages[name]
    reader = Reader(page)
    assert reports[name].verdict in reader.words
    assert [i for i in reader.ids if i in SECTIONS] == SECTIONS
    assert len(page.encode()) < 300_000
    assert len(set(reader.ids)) == len(reader.ids)
    # Nothing is fetched and nothing runs.
    assert not {"script", "link", "img", "iframe", "object"} & set(reader.tags)
    links = [value for key, value in reader.attributes if key in ("href", "src", "action")]
    assert all(value.startswith("#") for value in links)
    assert "url(http" not in page
    for anchor in links:
        assert anchor[1:] in reader.ids
    for used in re.findall(r"url\(#([^)]*)\)", page):
        assert used in reader.ids


@pytest.mark.parametrize("name", ["tree", "additive", "values"])
def test_names_from_the_data_are_text_and_nothing_else(pages, name):
    reader = Reader(pages[name])
    assert not {"b", "i", "script"} & set(reader.tags)
    assert "<script>alert(1)</script>" in reader.words
    assert not any(key.startswith("on") for key, _ in reader.attributes)
    if name != "values":
        assert "<i>high</i>" in reader.words
        assert "mid & $x$" in reader.words


@pytest.mark.parametrize("name", ["tree", "additive", "values"])
def test_pictures_take_their_colours_from_the_page(pages, name):
    pictures = re.findall(r"<svg.*?</svg>", pages[name], flags=re.DOTALL)
    assert len(pictures) >= 4
    for picture in pictures:
        assert set(re.findall(r"(?:fill|stroke): ([^;\"]+)", picture)) <= {"none", *VARIABLES}


def _luminance(colour):
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("at", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("paper", ["paper", "sheet"])
def test_text_stands_out(at, paper):
    for name in ("ink", "muted", "hue-0", "hue-1"):
        low, high = sorted(_luminance(_COLOURS[each][at]) for each in (name, paper))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_a_picture_stands_alone():
    svg = alone(draw_svg(lambda figure, _: figure.text(0.5, 0.5, "a < b"), (2, 1), "alone"))
    text = ElementTree.fromstring(svg).find(".//{http://www.w3.org/2000/svg}text")
    assert text.text == "a < b"
    assert "prefers-color-scheme: dark" in svg


def test_what_stands_in_the_page_is_what_was_measured(reports, pages):
    words = " ".join(Reader(pages["tree"]).words.split())
    for row in reports["tree"].rows:
        assert f"{row['name']} {row['accuracy']:.3f}" in words
    model = reports["tree"].evidence.of_role("student").model
    assert model.rules(reports["tree"].evidence.X).splitlines()[-1].strip()[:20] in words
    assert reports["tree"].evidence.fitted["committee"] in words


def test_a_report_without_models_rows_or_committee_is_a_page_too():
    y = np.array(["no", "yes"] * 20)
    student = Contestant("distilled student", "student", np.tile([[0.8, 0.2], [0.4, 0.6]], (20, 1)))
    report = distillation_report("classification", None, y, [student], classes=["no", "yes"])
    reader = Reader(report.to_html())
    assert [i for i in reader.ids if i in SECTIONS] == ["comparison", "fidelity", "choices"]
    assert report.notes[0] in reader.words


def test_save_writes_the_page_or_nothing(reports, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        reports["tree"].save(path)
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "old"
    monkeypatch.undo()
    reports["tree"].save(path)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("missing", ["jinja2", "matplotlib"])
def test_without_a_package_the_extra_is_named(reports, monkeypatch, missing):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == missing:
            raise ImportError(name, name=missing)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=rf'as a page needs {missing}: pip install "skdistill\[plot\]"'):
        reports["tree"].to_html()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as driver:
        folder = tmp_path_factory.mktemp("profile")
        context = driver.chromium.launch_persistent_context(folder, executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield context
        context.close()


@pytest.mark.parametrize("name", ["tree", "additive", "values"])
def test_a_browser_shows_it_without_complaint(pages, browser, tmp_path, name):
    path = tmp_path / f"{name}.html"
    path.write_text(pages[name], encoding="utf-8")
    BUILD.mkdir(parents=True, exist_ok=True)
    page = browser.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url))
    inks = set()
    for width, scheme in ((1200, "light"), (1200, "dark"), (390, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.goto(path.as_uri())
        # Wide tables and trees scroll in their frames, the page itself does not.
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.locator("h1").is_visible()
        for section in SECTIONS:
            assert page.locator(f"#{section} h2").is_visible()
        assert page.locator("svg").count() >= 4
        for box in page.locator("svg").all():
            assert box.bounding_box()["width"] > 200
        inks.add(page.evaluate("getComputedStyle(document.querySelector('svg text')).fill"))
        page.screenshot(path=BUILD / f"{name}-{width}-{scheme}.png", full_page=True)
    assert len(inks) == 2
    # What scrolls can be reached and scrolled with the keyboard.
    frames = page.locator(".scroll")
    assert all(frames.nth(i).get_attribute("tabindex") == "0" for i in range(frames.count()))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#comparison"
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.pdf(path=BUILD / f"{name}.pdf", format="A4", print_background=True)
    page.close()
    assert said == []
    assert set(asked) == {path.as_uri()}
