"""A line as a scorecard: what one unit of each feature adds."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill.model import Linear, Model, NumericColumn
from skdistill.words import Wording

from ._palette import Palette, plain, shorten, signed, tidy
from ._scores import Floats, readable, series, unit
from ._text import number, significant

# Features that are drawn; classes whose cells have room for a number.
_MOST, _MOST_NUMBERS = 20, 10
_WIDTH, _LINE = 7.2, 0.25


def _entries(model: Model) -> list[tuple[str, Floats]]:
    """Name and effect of each feature that has any, the strongest first."""
    assert isinstance(model.predictor, Linear)
    effects = readable(model, model.predictor.coef)
    wording = Wording(model.preprocessor)
    names = []
    for at, (owner, part, _) in enumerate(wording.features):
        column = model.preprocessor.columns[owner]
        if part != "value":
            names.append(wording.condition(at, (1.0, 1.0)))
            continue
        assert isinstance(column, NumericColumn)
        unit = "" if column.scale == 1 else f", per {number(float(significant(1 / column.scale, 3)))}"
        names.append(f"{column.name}{unit}")
    order = np.argsort(-np.abs(effects).max(axis=1), kind="stable")
    return [(names[i], effects[i]) for i in order if effects[i].any()]


def scorecard_frame(model: Model) -> list[dict[str, Any]]:
    """A row for each feature: what one unit adds to each score; the start of the sum first."""
    assert isinstance(model.predictor, Linear)
    start = ("start", readable(model, model.predictor.intercept))
    return [{"feature": name, **dict(zip(series(model), each.tolist()))} for name, each in [start, *_entries(model)]]


def scorecard_size(model: Model) -> tuple[float, float]:
    """Inches that `draw_scorecard` wants."""
    lines = min(len(_entries(model)), _MOST)
    return _WIDTH, _LINE * lines + 1.1


def draw_scorecard(figure: Any, model: Model, colours: Palette) -> None:
    """Bars for one score; for several a table whose cells are tinted."""
    assert isinstance(model.predictor, Linear)
    ax = figure.subplots()
    entries = _entries(model)
    shown, rest = entries[:_MOST], entries[_MOST:]
    names = [shorten(name, 40) for name, _ in shown]
    effects = np.array([effect for _, effect in shown]).reshape(len(shown), len(series(model)))
    words = f"adds to {unit(model)}"
    if effects.shape[1] == 1:
        _bars(ax, names, effects[:, 0], colours)
        words += f", which starts at {signed(float(readable(model, model.predictor.intercept)[0]))}"
    else:
        _cells(ax, names, effects, series(model), colours)
    if rest:
        most = significant(float(max(np.abs(effect).max() for _, effect in rest)), 2)
        words += f"\n{len(rest)} more, each of at most {most}, {'is' if len(rest) == 1 else 'are'} not drawn"
    ax.set_xlabel(words, size="small", color=colours.muted)
    plain(ax)


def _bars(ax: Any, names: list[str], effects: Floats, colours: Palette) -> None:
    tidy(ax, colours)
    at = np.arange(len(names))
    ax.barh(at, effects, height=0.62, color=[colours.hues[0] if e > 0 else colours.hues[1] for e in effects])
    ax.axvline(0, color=colours.muted, lw=0.8)
    ax.set_yticks(at, names)
    ax.tick_params(axis="y", length=0, labelcolor=colours.ink)
    ax.grid(visible=False, axis="y")
    ax.spines["left"].set_visible(False)
    ax.invert_yaxis()
    ax.margins(x=0.14, y=0.01)
    for y, effect in zip(at, effects):
        side = "left" if effect > 0 else "right"
        ax.annotate(
            signed(effect),
            (effect, y),
            (4 if effect > 0 else -4, 0),
            textcoords="offset points",
            ha=side,
            va="center",
            size="small",
            color=colours.muted,
        )


def _cells(ax: Any, names: list[str], effects: Floats, classes: tuple[str, ...], colours: Palette) -> None:
    strongest = float(np.abs(effects).max(initial=0.0)) or 1.0
    draw_cells(ax, effects, strongest, colours, numbers=len(classes) <= _MOST_NUMBERS)
    ax.set_yticks(np.arange(len(names)) + 0.5, names)
    ax.set_xticks(np.arange(len(classes)) + 0.5, [shorten(name, 10) for name in classes])
    ax.tick_params(
        length=0, labelsize="small", labelcolor=colours.ink, top=True, labeltop=True, bottom=False, labelbottom=False
    )


def draw_cells(ax: Any, values: Floats, strongest: float, colours: Palette, *, numbers: bool) -> None:
    """A table of tinted cells, rows downwards: the first hue for more, the second for less, weak ones nearly clear.

    The tint is the opacity, so that it reads on any paper.
    """
    from matplotlib.collections import PatchCollection
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Rectangle

    rows, columns = values.shape
    places = [(x, y) for y in range(rows) for x in range(columns)]
    tints = [
        to_rgba(colours.hues[0 if values[y, x] > 0 else 1], 0.85 * min(abs(values[y, x]) / strongest, 1.0))
        for x, y in places
    ]
    cells = [Rectangle((x + 0.02, y + 0.04), 0.96, 0.92) for x, y in places]
    ax.add_collection(PatchCollection(cells, facecolors=tints, linewidths=0))
    ax.set_xlim(0, columns)
    ax.set_ylim(rows, 0)
    ax.spines[:].set_visible(False)
    if numbers:
        for x, y in places:
            ax.text(x + 0.5, y + 0.5, signed(values[y, x]), ha="center", va="center", size="small", color=colours.ink)
