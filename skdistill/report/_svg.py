"""A picture as SVG that stands in a page: its text stays text, its colours are the page's."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

from ._palette import ON_LIGHT, Palette, palette

# What is drawn in black and white, so that the page can say what black is.
_INK, _PAPER = "#16181d", "#ffffff"


def draw_svg(draw: Callable[[Any, Palette], None], size: tuple[float, float], name: str) -> str:
    """Draw on a figure of `size` inches and return an ``<svg>`` element.

    Colours become the page's variables ``--ink``, ``--muted``, ``--faint``, ``--paper`` and ``--hue-0`` to
    ``--hue-7``, the font ``--font``. `name` tells the picture from others of the page.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    inks = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "legend.labelcolor")
    style: dict[str, Any] = dict.fromkeys(inks, _INK) | {
        "axes.facecolor": _PAPER,
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.family": ["DejaVu Sans"],
    }
    # The caller's own style would get in the way of the page's.
    with rc_context():
        import matplotlib as mpl

        mpl.rcdefaults()
        mpl.rcParams.update(style)
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
