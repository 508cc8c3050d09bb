"""A sum of small trees, drawn: how often each column is asked, and the first trees."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from skdistill.model import Model, TreeSum
from skdistill.words import Wording

from ._palette import Palette, plain, shorten, shorten_condition, tidy
from ._scores import series
from ._text import significant
from ._tree_picture import Node, tree_nodes

# Columns and trees that are drawn.
_MOST, _TREES = 12, 4
_LINE, _WIDTH = 0.21, 7.2


def _asked(model: Model) -> list[tuple[str, int]]:
    """Columns by the splits that ask for them, the most asked first."""
    assert isinstance(model.predictor, TreeSum)
    names = [model.preprocessor.columns[feature.column].name for feature in Wording(model.preprocessor).features]
    splits = (int(f) for tree in model.predictor.trees for f in tree.feature if f >= 0)
    return Counter(names[f] for f in splits).most_common()


def _trees(model: Model, count: int | None = None) -> list[tuple[str, list[Node]]]:
    """The output and the nodes of each of the first trees."""
    predictor = model.predictor
    assert isinstance(predictor, TreeSum)
    names = series(model) if len(series(model)) == predictor.n_outputs else model.output.classes or ("",)
    return [
        (str(names[output]), tree_nodes(model, tree, np.asarray, None))
        for tree, output in list(zip(predictor.trees, predictor.output.tolist(), strict=True))[:count]
    ]


def tree_sum_frame(model: Model) -> list[dict[str, Any]]:
    """A row for each node: tree, the output it adds to, depth, rule, and what a leaf adds."""
    return [
        {
            "tree": number,
            "output": output,
            "depth": node.depth,
            "rule": node.rule,
            "is_leaf": node.is_leaf,
            "adds": None if node.values is None else float(node.values[0]),
        }
        for number, (output, nodes) in enumerate(_trees(model))
        for node in nodes
    ]


def tree_sum_size(model: Model) -> tuple[float, float]:
    """Inches that `draw_tree_sum` wants."""
    bars = 0.24 * min(len(_asked(model)), _MOST) + 0.8
    trees = [len(nodes) for _, nodes in _trees(model, _TREES)]
    lines = sum(max(trees[i : i + 2]) + 2 for i in range(0, len(trees), 2))
    return _WIDTH, bars + _LINE * lines


def draw_tree_sum(figure: Any, model: Model, colours: Palette) -> None:
    """Bars above, the first trees below, two beside each other."""
    assert isinstance(model.predictor, TreeSum)
    asked, trees = _asked(model), _trees(model, _TREES)
    heights = [max(len(nodes) for _, nodes in trees[i : i + 2]) + 2 for i in range(0, len(trees), 2)]
    grid = figure.add_gridspec(
        1 + len(heights), 2, height_ratios=[(0.24 * min(len(asked), _MOST) + 0.8) / _LINE, *heights]
    )
    ax = figure.add_subplot(grid[0, :])
    tidy(ax, colours)
    shown = asked[:_MOST]
    at = np.arange(len(shown))
    ax.barh(at, [count for _, count in shown], height=0.6, color=colours.hues[0])
    ax.set_yticks(at, [shorten(name, 34) for name, _ in shown])
    ax.tick_params(axis="y", length=0, labelcolor=colours.ink)
    ax.grid(visible=False, axis="y")
    ax.invert_yaxis()
    ax.locator_params(axis="x", integer=True, nbins=6)
    words = f"splits on each column, of {model.predictor.n_trees} trees"
    if len(asked) > _MOST:
        words += f"; the {_MOST} most asked of {len(asked)}"
    ax.set_title(words, size="small", color=colours.muted, loc="left")
    plain(ax)
    for number, (output, nodes) in enumerate(trees):
        panel = figure.add_subplot(grid[1 + number // 2, number % 2])
        _draw_small(panel, number, output, nodes, heights[number // 2], colours)
        plain(panel)


def _draw_small(ax: Any, number: int, output: str, nodes: list[Node], height: int, colours: Palette) -> None:
    """One tree: its splits, and what its leaves add."""
    ax.set_axis_off()
    ax.set_xlim(0, _WIDTH / 2)
    ax.set_ylim(height - 1, -1)
    to = f", adds to {shorten(output, 16)}" if output else ""
    ax.text(0.02, -0.4, f"tree {number + 1}{to}", size="small", color=colours.muted, va="center")
    last = {0: 0}
    for at, node in enumerate(nodes[1:], 1):
        last[node.depth] = at
        x = 0.05 + 0.15 * (node.depth - 1)
        ax.plot([x, x, x + 0.08], [last[node.depth - 1] + 0.4, at, at], color=colours.faint, lw=0.9)
        ink = colours.ink if node.is_leaf else colours.muted
        ax.text(x + 0.12, at, shorten_condition(node.words, 28), va="center", size="small", color=ink)
        if node.is_leaf and node.values is not None:
            adds = float(node.values[0])
            hue = colours.hues[0 if adds > 0 else 1]
            text = f"{'+' if adds > 0 else '−'}{significant(abs(adds), 2)}"
            ax.text(_WIDTH / 2 - 0.15, at, text, va="center", ha="right", size="small", color=hue, weight="bold")
