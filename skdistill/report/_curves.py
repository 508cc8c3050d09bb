"""An additive model, drawn: what each column adds as a curve or as bars, what pairs of columns add as maps."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from skdistill.model import Additive, CategoryColumn, Model, NumericColumn, PairTable
from skdistill.words import Wording

from ._palette import Palette, plain, shorten, tidy
from ._scorecard import draw_cells
from ._scores import Floats, readable, series, unit
from ._text import number

# Columns and pairs that are drawn, the strongest first; how many beside each other; series told apart by colour.
_MOST, _MOST_PAIRS, _ACROSS, _MOST_SERIES = 12, 3, 3, 6
_PANEL = (2.4, 1.75)
_MOST_BARS = 8


@dataclass(frozen=True)
class Effect:
    """What one column adds.

    Attributes
    ----------
    column : NumericColumn or CategoryColumn
    edges : ndarray of shape (e,)
        In raw units, of a numeric column.
    values : ndarray of shape (e + 1, n_series); of categories (n_categories + 1, n_series), the last for others
        Their mean over the rows is 0; without rows, over the bins.
    mean : ndarray of shape (n_series,)
        What was taken from them for that.
    missing : ndarray of shape (n_series,) or None
        What a missing value adds.
    spread : float
        Standard deviation of what it adds over the rows; without rows, over the bins.
    """

    column: NumericColumn | CategoryColumn
    edges: Floats
    values: Floats
    mean: Floats
    missing: Floats | None
    spread: float


def effects(model: Model, Z: Any) -> list[Effect]:
    """What each column adds, those that vary most first."""
    predictor = model.predictor
    assert isinstance(predictor, Additive)
    rows = Z.toarray() if hasattr(Z, "toarray") else Z
    found = []
    for column, part in zip(model.preprocessor.columns, model.preprocessor.slices, strict=True):
        tables = [readable(model, table) for table in predictor.tables[part]]
        if not any(np.ptp(table, axis=0).any() for table in tables):
            continue
        added = None
        if rows is not None:
            added = sum(
                table[np.searchsorted(edges, rows[:, at])]
                for at, (edges, table) in enumerate(zip(predictor.edges[part], tables), part.start)
            )
        found.append(_effect(column, predictor.edges[part], tables, added))
    return sorted(found, key=lambda effect: -effect.spread)


def _effect(column: NumericColumn | CategoryColumn, edges: Any, tables: list[Floats], added: Any) -> Effect:
    """One column from the tables of its features, each looked up where it is 0 but for one."""
    at_zero = [table[np.searchsorted(cuts, 0.0)] for cuts, table in zip(edges, tables)]
    at_one = [table[np.searchsorted(cuts, 1.0)] for cuts, table in zip(edges, tables)]
    missing = None
    if isinstance(column, NumericColumn):
        cuts = _raw(column, edges[0])
        values = tables[0] + sum(at_zero[1:])
        if column.missing:
            # A missing value is filled before it is looked up.
            filled = (column.fill - column.center) * column.scale
            missing = tables[0][np.searchsorted(edges[0], np.float32(filled))] + at_one[1]
    else:
        base = np.sum(at_zero, axis=0)
        shown = range(len(column.categories))
        values = np.array([base + at_one[i] - at_zero[i] for i in shown] + [base])
        cuts = np.zeros(0)
        if column.missing:
            missing = base + at_one[-1] - at_zero[-1]
    every = np.asarray(values) if added is None else np.asarray(added)
    mean, spread = every.mean(axis=0), float(every.std(axis=0).max())
    return Effect(column, cuts, values - mean, mean, None if missing is None else missing - mean, spread)


def additive_frame(model: Model, Z: Any) -> list[dict[str, Any]]:
    """A row for each bin of each column and each cell of each pair: where it lies and what it adds."""
    predictor = model.predictor
    assert isinstance(predictor, Additive)
    names = series(model)
    every = effects(model, Z)
    start = readable(model, predictor.intercept) + sum(effect.mean for effect in every)
    rows: list[dict[str, Any]] = [_row("start", "", start, names)]
    for effect in every:
        where = _bins(effect.column, effect.edges)
        rows += [_row(effect.column.name, place, each, names) for place, each in zip(where, effect.values)]
        if effect.missing is not None:
            rows.append(_row(effect.column.name, "missing", effect.missing, names))
    for pair in _strong_pairs(model):
        first, second = (_pair_side(model, pair, side) for side in (0, 1))
        table = readable(model, pair.table)
        rows += [
            _row(f"{first[0]} × {second[0]}", f"{a}; {b}", table[i, j], names)
            for i, a in enumerate(first[1])
            for j, b in enumerate(second[1])
        ]
    return rows


def _row(feature: str, where: str, values: Floats, names: tuple[str, ...]) -> dict[str, Any]:
    return {"feature": feature, "where": where, **dict(zip(names, values.tolist()))}


def _bins(column: NumericColumn | CategoryColumn, edges: Floats) -> list[str]:
    if isinstance(column, CategoryColumn):
        return [*map(str, column.categories), "other"]
    return interval_names(edges)


def interval_names(edges: Floats) -> list[str]:
    """Bins between edges, in words.

    >>> interval_names(np.array([1.0, 2.5]))
    ['≤ 1', '1 to 2.5', '> 2.5']
    """
    shown = [number(float(edge)) for edge in edges]
    if not shown:
        return ["all"]
    return [f"≤ {shown[0]}", *(f"{a} to {b}" for a, b in pairwise(shown)), f"> {shown[-1]}"]


def _strong_pairs(model: Model) -> list[PairTable]:
    """Pairs that add anything, those that vary most first."""
    assert isinstance(model.predictor, Additive)
    pairs = [pair for pair in model.predictor.pairs if pair.table.any()]
    return sorted(pairs, key=lambda pair: -float(readable(model, pair.table).std()))


def _pair_side(model: Model, pair: PairTable, side: int) -> tuple[str, list[str]]:
    """Name of one feature of a pair, and its bins in words."""
    at, part, category = Wording(model.preprocessor).features[pair.features[side]]
    column = model.preprocessor.columns[at]
    if part == "missing":
        return column.name, ["known", "missing"]
    if part == "category":
        return column.name, [f"not {category}", str(category)]
    assert isinstance(column, NumericColumn)
    return column.name, interval_names(_raw(column, pair.edges[side]))


def _raw(column: NumericColumn, edges: Any) -> Floats:
    """Edges in the units of the raw column."""
    return np.asarray(edges, dtype=np.float64) / column.scale + column.center


def curves_size(model: Model, Z: Any) -> tuple[float, float]:
    """Inches that `draw_additive` wants."""
    n_curves, n_pairs = len(effects(model, Z)[:_MOST]), len(_strong_pairs(model)[:_MOST_PAIRS])
    lines = math.ceil(n_curves / _ACROSS) + math.ceil(n_pairs / _ACROSS)
    return _PANEL[0] * _ACROSS, _PANEL[1] * max(lines, 1) + 0.5


def draw_additive(figure: Any, model: Model, Z: Any, colours: Palette) -> None:
    """A panel for each column, on one scale; below them one for each pair."""
    every, pairs = effects(model, Z), _strong_pairs(model)[:_MOST_PAIRS]
    shown = every[:_MOST]
    lines = [math.ceil(len(shown) / _ACROSS), math.ceil(len(pairs) / _ACROSS)]
    axes = figure.subplots(max(sum(lines), 1), _ACROSS, squeeze=False)
    for ax in axes.flat:
        ax.set_visible(False)
    drawn = _strongest_series(model, shown)
    low, high = _range(shown, drawn)
    # Each column down, then across, as a reader goes; the pairs begin a line of their own.
    for place, effect in enumerate(shown):
        ax = axes[place // _ACROSS, place % _ACROSS]
        ax.set_visible(True)
        if isinstance(effect.column, CategoryColumn):
            _category_panel(ax, effect, drawn, (low, high), colours)
        else:
            _curve_panel(ax, effect, Z, drawn, (low, high), colours)
        ax.set_title(shorten(effect.column.name, 30), size="small", color=colours.ink, loc="left")
        plain(ax)
    strongest = max((float(np.abs(readable(model, pair.table)).max()) for pair in pairs), default=1.0) or 1.0
    for place, pair in enumerate(pairs):
        ax = axes[lines[0] + place // _ACROSS, place % _ACROSS]
        ax.set_visible(True)
        moves = readable(model, pair.table).std(axis=(0, 1))
        _pair_panel(ax, model, pair, int(moves.argmax()), strongest, colours)
        plain(ax)
    _caption(figure, model, drawn, len(every) - len(shown), colours)


def _strongest_series(model: Model, shown: list[Effect]) -> list[int]:
    """The series that are drawn: all, or the few that move most."""
    n_series = len(series(model))
    if n_series <= _MOST_SERIES:
        return list(range(n_series))
    moves = np.sum([effect.values.std(axis=0) for effect in shown], axis=0)
    return sorted(np.argsort(-moves)[:_MOST_SERIES].tolist())


def _range(shown: list[Effect], drawn: list[int]) -> tuple[float, float]:
    every = [effect.values[:, drawn] for effect in shown]
    every += [effect.missing[None, drawn] for effect in shown if effect.missing is not None]
    low, high = min((e.min() for e in every), default=-1.0), max((e.max() for e in every), default=1.0)
    margin = 0.08 * (high - low or 1.0)
    return low - margin, high + margin


def _curve_panel(
    ax: Any, effect: Effect, Z: Any, drawn: list[int], limits: tuple[float, float], colours: Palette
) -> None:
    tidy(ax, colours)
    edges = effect.edges
    if not len(edges):  # all it says is whether the value is missing
        edges = np.zeros(1)
        effect = replace(effect, edges=edges, values=np.repeat(effect.values, 2, axis=0))
    span = (edges[-1] - edges[0]) or abs(edges[0]) or 1.0
    margin = (1.0 if len(edges) == 1 else 0.12) * span  # about one edge as far as to 0: of flags, from 0 to 1
    low, high = edges[0] - margin, edges[-1] + margin
    for which in drawn:
        heights = effect.values[:, which]
        steps = np.concatenate([heights[:1], heights])
        ax.step([low, *edges, high], steps, color=_hue(colours, drawn, which), lw=1.4)
    ax.axhline(0, color=colours.muted, lw=0.7, zorder=1)
    ax.set_xlim(low, high)
    ax.set_ylim(*limits)
    ax.locator_params(axis="x", nbins=4, steps=[1, 2, 5, 10])
    ax.locator_params(axis="y", nbins=4)
    if effect.missing is not None:
        right = high + 0.06 * (high - low)
        for which in drawn:
            ax.plot(right, effect.missing[which], "o", ms=4, color=_hue(colours, drawn, which), clip_on=False)
        ax.set_xlim(low, right + 0.03 * (high - low))
        ax.annotate(
            "missing",
            (right, 0),
            (6, 2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            size="x-small",
            color=colours.muted,
        )


def _category_panel(ax: Any, effect: Effect, drawn: list[int], limits: tuple[float, float], colours: Palette) -> None:
    assert isinstance(effect.column, CategoryColumn)
    names = [*map(str, effect.column.categories), "other"]
    values = effect.values
    if effect.missing is not None:
        names, values = [*names, "missing"], np.vstack([values, effect.missing])
    order = np.argsort(-np.abs(values[:, drawn] - values[:, drawn].mean(axis=0)).max(axis=1), kind="stable")
    order = np.sort(order[:_MOST_BARS]) if len(order) > _MOST_BARS else np.arange(len(names))
    if len(drawn) == 1:
        order = order[np.argsort(-values[order, drawn[0]], kind="stable")]
    tidy(ax, colours)
    at = np.arange(len(order))
    for which in drawn:
        hue = _hue(colours, drawn, which)
        ax.plot(values[order, which], at, "o", ms=4, color=hue)
        if len(drawn) == 1:
            ax.hlines(at, 0, values[order, which], color=hue, lw=2)
    ax.axvline(0, color=colours.muted, lw=0.7, zorder=1)
    ax.set_xlim(*limits)
    ax.set_yticks(at, [shorten(names[i], 12) for i in order])
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0, labelcolor=colours.ink, labelsize="x-small")
    ax.grid(visible=False, axis="y")
    ax.locator_params(axis="x", nbins=4)


def _pair_panel(ax: Any, model: Model, pair: PairTable, which: int, strongest: float, colours: Palette) -> None:
    """One series of a pair's table, as a map: the first feature upwards, the second across."""
    draw_cells(ax, readable(model, pair.table)[:, :, which], strongest, colours, numbers=False)
    ax.invert_yaxis()
    if len(series(model)) > 1:
        ax.set_title(f"for {shorten(series(model)[which], 20)}", size="x-small", color=colours.muted, loc="left")
    for side, axis in ((0, ax.yaxis), (1, ax.xaxis)):
        name, places, labels = _ticks(model, pair, side)
        axis.set_ticks(places, labels)
        axis.set_label_text(shorten(name, 22), size="x-small", color=colours.ink)
    ax.tick_params(length=0, labelsize="x-small", labelcolor=colours.muted)


def _ticks(model: Model, pair: PairTable, side: int) -> tuple[str, list[float], list[str]]:
    """Name of one feature of a pair, and where on its axis which label stands: edges between cells, or categories."""
    name, bins = _pair_side(model, pair, side)
    at, part, _ = Wording(model.preprocessor).features[pair.features[side]]
    column = model.preprocessor.columns[at]
    if part != "value":
        return name, [0.5, 1.5], [shorten(label, 9) for label in bins]
    assert isinstance(column, NumericColumn)
    edges = _raw(column, pair.edges[side])
    shown = range(0, len(edges), max(1, math.ceil(len(edges) / 4)))
    return name, [i + 1.0 for i in shown], [number(float(edges[i])) for i in shown]


def _hue(colours: Palette, drawn: list[int], which: int) -> str:
    return colours.hues[drawn.index(which) % len(colours.hues)]


def _caption(figure: Any, model: Model, drawn: list[int], n_more: int, colours: Palette) -> None:
    """What the axes mean, and which series has which colour."""
    from matplotlib.lines import Line2D

    words = f"adds to {unit(model)}"
    if n_more:
        words += f"; {n_more} more columns add less"
    if len(drawn) < len(series(model)):
        words += f"; the {len(drawn)} of {len(series(model))} that move most"
    title = figure.suptitle(words, size="small", color=colours.muted, x=0.01, ha="left")
    title.set_parse_math(False)
    if len(drawn) > 1:
        names = series(model)
        handles = [Line2D([], [], color=_hue(colours, drawn, which), lw=2) for which in drawn]
        legend = figure.legend(
            handles,
            [shorten(names[which], 14) for which in drawn],
            ncols=min(len(drawn), 8),
            loc="outside lower center",
            frameon=False,
            fontsize="small",
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
