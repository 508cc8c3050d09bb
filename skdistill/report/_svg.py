"""A picture as SVG that stands in a page: its text stays text, its colours are the page's."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

from ._palette import ON_LIGHT, Palette, palette

# The page's colours: what each is on light and on dark paper. Text and the first two hues, of which links and signed
# numbers are, have a contrast of 4.5 at least (WCAG 2, AA).
_COLOURS = {
    "paper": ("#ffffff", "#14161a"),
    "sheet": ("#f6f7f9", "#1c1f25"),
    "ink": ("#16181d", "#e8eaee"),
    "muted": ("#5b616b", "#a0a7b3"),
    "faint": ("#d4d7dc", "#373c45"),
    "hue-0": ("#0072b2", "#5aaee6"),
    "hue-1": ("#b54e00", "#f0904f"),
    "hue-2": ("#008a65", "#45c9a0"),
    "hue-3": ("#b8618d", "#dfa0c3"),
    "hue-4": ("#b87f00", "#f0bd52"),
    "hue-5": ("#3a9bd1", "#93d0f2"),
    "hue-6": ("#7a7a7a", "#a8a8a8"),
    "hue-7": ("#7c7c24", "#c2c266"),
}
_SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", sans-serif'

# What is drawn in black and white, so that the page can say what black is.
_INK, _PAPER = "#16181d", "#ffffff"


def draw_svg(draw: Callable[[Any, Palette], None], size: tuple[float, float], name: str) -> str:
    """Draw on a figure of `size` inches and return an ``<svg>`` element.

    Colours become the page's variables ``--ink``, ``--muted``, ``--faint``, ``--paper`` and ``--hue-0`` to
    ``--hue-7``, the font ``--font``. `name` tells the picture from others of the page.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.style import context

    inks = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "legend.labelcolor")
    style: dict[str, Any] = dict.fromkeys(inks, _INK) | {
        "axes.facecolor": _PAPER,
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.family": ["DejaVu Sans"],
    }
    # The caller's own style would get in the way of the page's.
    with context(["default", style]):
        colours = palette()
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure, colours)
        for ax in figure.axes:
            ax.patch.set_visible(False)
        file = io.StringIO()
        metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=metadata)
    return _for_the_page(file.getvalue(), size, colours)


def colour_scheme() -> str:
    """The style sheet of the variables that pictures are drawn in; light on paper whatever the screen is."""
    light, dark = (
        ":root { " + " ".join(f"--{name}: {pair[at]};" for name, pair in _COLOURS.items()) + " }" for at in (0, 1)
    )
    return (
        f":root {{ --font: {_SANS}; }}\n{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n"
        f"@media print {{ {light} }}"
    )


def alone(svg: str) -> str:
    """An element of `draw_svg` as a file of its own."""
    start = svg.index(">") + 1
    head = svg[:start].replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"').replace(' aria-hidden="true"', "")
    return f"{head}<style>{colour_scheme()}</style>{svg[start:]}\n"


def _for_the_page(svg: str, size: tuple[float, float], colours: Palette) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    # Groups are numbered alike in every picture of the page, and nothing refers to them.
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    # A CSS inch has 96 pixels. The picture shrinks with its frame and does not outgrow its letters.
    width, height = (round(96 * side) for side in size)
    box = re.search(r'viewBox="[^"]*"', svg)
    assert box is not None
    head = f'<svg {box.group()} width="{width}" height="{height}" aria-hidden="true">'
    svg = head + svg[svg.index(">") + 1 :]
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)  # it would style the whole page
    svg = svg.replace("font-family: 'DejaVu Sans'", "font-family: var(--font)").replace("xlink:href", "href")
    svg = re.sub(r' transform="rotate\(-0 [^"]*"', "", svg)
    # Hundredths of a point will do for places; what stands between the tags are words.
    svg = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d\.\d\d)\d+", r"\1", tag.group()), svg)
    names = {colours.ink: "ink", colours.muted: "muted", colours.faint: "faint", colours.paper: "paper"}
    names |= {hue: f"hue-{i}" for i, hue in enumerate(ON_LIGHT)}
    for colour, variable in names.items():
        svg = svg.replace(colour, f"var(--{variable})")
    return re.sub(r"\s*\n\s*", " ", svg).strip()
