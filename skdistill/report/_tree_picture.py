"""A tree as one reads it: a line for each node, indented by depth, with its share of the rows and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdistill.model import Model, Tree
from skdistill.words import Branch, Wording, branches

from ._palette import Palette, bare, plain, shorten, shorten_condition
from ._text import number, significant

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

# Inches: the picture, a line, an indent, a letter; the column of shares, and where the bars end.
WIDTH, LINE, _INDENT, _CHARACTER = 7.2, 0.235, 0.17, 0.072
_SHARE, _BAR_END = 0.55, 5.8
# Where the words end at the earliest and at the latest.
_WORDS = 2.2, 4.1
# Classes drawn as parts of a bar; of more, the top one alone is.
_MOST_CLASSES = 8


@dataclass(frozen=True)
class Node:
    """A line of the picture.

    Attributes
    ----------
    depth : int
    words, rule : str
        The split that leads here, and the whole way from the root.
    is_leaf : bool
    share : float or None
        Of the rows; None without rows.
    values : ndarray of shape (n_outputs,) or None
        Probabilities or values; of a split the mean over its rows, None where it has none.
    """

    depth: int
    words: str
    rule: str
    is_leaf: bool
    share: float | None
    values: Floats | None


def tree_nodes(model: Model, tree: Tree, activate: Any, Z: Any) -> list[Node]:
    """The nodes in preorder, without tests whose answer is known.

    `activate` is what becomes of a leaf's outputs, `Z` encoded rows or None.
    """
    wording = Wording(model.preprocessor)
    answers = activate(tree.value.astype(np.float64))
    counts = None if Z is None else np.bincount(tree.apply(Z), minlength=tree.n_leaves).astype(np.float64)

    def visit(branch: Branch, depth: int, words: str) -> list[Node]:
        leaves = [each.leaf for each in branch.leaves()]
        share, values = None, answers[leaves[0]] if not branch.ways else None
        if counts is not None:
            share = float(counts[leaves].sum() / counts.sum())
            if share:
                values = counts[leaves] @ answers[leaves] / counts[leaves].sum()
        found = [Node(depth, words, readable(wording.say(branch.box)) or "all rows", not branch.ways, share, values)]
        for way, words in zip(branch.ways, _ways(branch, wording)):
            found += visit(way, depth + 1, words)
        return found

    return visit(branches(tree, wording), 0, "all rows")


def _ways(branch: Branch, wording: Wording) -> tuple[str, ...]:
    """Both ways on from a split; the ends that are known from above are left out."""
    if branch.ranges is None:
        return ()
    (low, upto), (over, high) = branch.ranges
    if wording.features[branch.feature].part == "value":
        low, high = wording.whole(branch.feature)
    ranges = (low, upto), (over, high)
    return tuple(readable(wording.condition(branch.feature, within)) for within in ranges)


def readable(words: str) -> str:
    """Conditions as they are set in type.

    >>> readable("0.5 < age <= 30")
    '0.5 < age ≤ 30'
    """
    return words.replace(" <= ", " ≤ ")


def tree_height(nodes: list[Node]) -> float:
    """Inches that `draw_tree` wants."""
    return LINE * (len(nodes) + 2)


def draw_tree(ax: Axes, nodes: list[Node], names: tuple[str, ...], task: str, colours: Palette) -> None:
    """Draw on axes of `WIDTH` times `tree_height` inches; `names` are the classes or targets."""
    bare(ax)
    ax.set_xlim(0, WIDTH)
    ax.set_ylim(len(nodes) - 0.4, -2)
    _connect(ax, nodes, colours)
    words_end = float(np.clip(max(_left(node) + _CHARACTER * len(node.words) for node in nodes), *_WORDS))
    has_shares = any(node.share is not None for node in nodes)
    share_end = words_end + (_SHARE if has_shares else 0.0)
    bar = share_end + 0.15
    if has_shares:
        ax.text(share_end, -1, "rows", ha="right", va="center", size="small", color=colours.muted)
    values = [node.values[0] for node in nodes if node.values is not None and node.is_leaf]
    scale = (min(values), max(values)) if values else (0.0, 1.0)
    if task == "classification" and len(names) <= _MOST_CLASSES:
        _legend(ax, names, colours)
    elif task == "regression":
        label = f"{shorten(names[0], 22)}: {_number(scale[0])} to {_number(scale[1])}"
        ax.text(bar, -1, label, va="center", size="small", color=colours.muted)
    for at, node in enumerate(nodes):
        room = int((words_end - _left(node)) / _CHARACTER) + 1
        ink = colours.ink if node.is_leaf or node.depth == 0 else colours.muted
        ax.text(_left(node), at, shorten_condition(node.words, room), va="center", color=ink, size="small")
        if node.share is not None:
            share = f"{100 * node.share:.1f} %"
            ax.text(share_end, at, share, ha="right", va="center", color=ink, size="small")
        if node.values is None:
            continue
        if task == "classification":
            _class_bar(ax, at, bar, node, names, colours)
        else:
            _value_bar(ax, at, bar, node, scale, colours)
    plain(ax)


def _left(node: Node) -> float:
    """Where the words of a line begin."""
    return 0.05 + _INDENT * node.depth


def _connect(ax: Axes, nodes: list[Node], colours: Palette) -> None:
    """Lines from each node to its children."""
    last: dict[int, int] = {}
    for at, node in enumerate(nodes):
        last[node.depth] = at
        if node.depth:
            x = _left(node) - _INDENT + 0.05
            parent = last[node.depth - 1]
            ax.plot([x, x, x + 0.08], [parent + 0.42, at, at], color=colours.faint, lw=0.9, solid_joinstyle="round")


def _legend(ax: Axes, names: tuple[str, ...], colours: Palette) -> None:
    """The colours of the classes, in a line above the bars."""
    # Set from the right, so that a long list grows over the empty corner.
    x = WIDTH - 0.05
    for at, name in reversed(list(enumerate(names))):
        label = shorten(name, 14)
        x -= _CHARACTER * len(label) + 0.03
        ax.text(x, -1, label, va="center", size="small", color=colours.ink)
        x -= 0.17
        ax.barh(-1, 0.11, left=x, height=0.5, color=colours.hues[at])
        x -= 0.13


def _class_bar(ax: Axes, at: int, start: float, node: Node, names: tuple[str, ...], colours: Palette) -> None:
    """Shares of the classes as parts of a bar, and the top class in words."""
    assert node.values is not None
    top = int(node.values.argmax())
    width, height = _BAR_END - start, 0.62 if node.is_leaf else 0.2
    if len(names) <= _MOST_CLASSES:
        left = start
        for number, share in enumerate(node.values):
            ax.barh(at, width * share, left=left, height=height, color=colours.hues[number], lw=0)
            left += width * share
    else:
        ax.barh(at, width, left=start, height=height, color=colours.faint, lw=0)
        ax.barh(at, width * node.values[top], left=start, height=height, color=colours.hues[0], lw=0)
    if node.is_leaf:
        label = f"{shorten(names[top], 12)}: {100 * node.values[top]:.0f} %"
        ax.text(_BAR_END + 0.08, at, label, va="center", size="small", color=colours.ink)


def _value_bar(ax: Axes, at: int, start: float, node: Node, scale: tuple[float, float], colours: Palette) -> None:
    """The first target's value on the common scale."""
    assert node.values is not None
    low, high = scale
    place = start + (_BAR_END - start) * (node.values[0] - low) / (high - low or 1.0)
    ax.plot([start, _BAR_END], [at, at], color=colours.faint, lw=0.8, zorder=1)
    if node.is_leaf:
        ax.plot([start, place], [at, at], color=colours.hues[0], lw=2.5, solid_capstyle="butt", zorder=2)
        ax.plot([place], [at], "o", color=colours.hues[0], ms=5, zorder=3)
        ax.text(_BAR_END + 0.08, at, _number(node.values[0]), va="center", size="small", color=colours.ink)
    else:
        ax.plot([place], [at], "|", color=colours.muted, ms=6, zorder=3)


def _number(value: float) -> str:
    return number(float(significant(float(value), 3)))
