"""A model in words: a tree as if and else, sums of trees as numbered trees, lines and tables as a scorecard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..model import Additive, Decoded, Linear, Model, Tree, TreeSum
from ._conditions import Box, Range, Wording, holds, plain
from ._layout import Block, Heading, Table, as_markdown, as_text
from ._points import Points, percent
from ._scorecard import scorecard
from ._trees import Branch, branches, steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FORMATS = {"text": as_text, "markdown": as_markdown}
#: Classes that a leaf names; the others are summed.
_NAMED = 4
#: Classes or targets that a title names.
_TITLED = 8


def rules(model: Model, X: Any = None, *, format: str = "text", missing: bool = True) -> str:
    """Say what a model does, in raw columns, categories and missing values.

    A tree becomes nested rules with the probability of each class. A line or an additive model becomes a scorecard:
    points for what each column holds, to be added up by hand. Points are rounded, and the card says by how much a total
    may be off. A sum of trees becomes numbered trees, each of which makes points; where each is zero but for one leaf,
    as a `RuleStudent` makes them, a list of rules with their points.
    Where outputs are decoded from few, the few are said so, then how the outputs are made of them.

    Parameters
    ----------
    model : Model
    X : raw rows as `Model.predict` takes them, optional
        Then the share of them that each rule applies to is said.
    format : {"text", "markdown"}, default="text"
    missing : bool, default=True
        Whether to say what a missing value counts as.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        `format` is unknown, or `X` does not have the columns.

    Notes
    -----
    Numbers are to be compared as the model does, in float32. Shares and probabilities are rounded to a tenth of a
    percent.

    Examples
    --------
    >>> from skdistill.model import CategoryColumn, Model, NumericColumn, Output, Preprocessor, Tree
    >>> columns = NumericColumn("age", fill=40.0), CategoryColumn("job", ("clerk", "nurse"))
    >>> tree = Tree([0, -1, 2, -1, -1], [30.5, 0, 0.5, 0, 0], [2, 0, 4, 0, 0], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], 3)
    >>> model = Model(Preprocessor(columns), tree, Output("classification", "simplex", ("no", "yes")))
    >>> print(rules(model, {"age": [25, 35], "job": ["nurse", "cook"]}))
    Decision tree of 3 leaves over 2 of 2 columns, for no or yes
    <BLANKLINE>
    if age <= 30.5: no 90.0 %, yes 10.0 % (50.0 % of rows)
    else if job is "nurse": no 60.0 %, yes 40.0 % (0 % of rows)
    else: yes 80.0 %, no 20.0 % (50.0 % of rows)
    <BLANKLINE>
    Where a value is missing, age counts as 40 and job is none of the named categories.
    """
    if format not in _FORMATS:
        raise ValueError(f"'format' of rules must be one of {sorted(_FORMATS)}. Got {format!r} instead.")
    wording = Wording(model.preprocessor, missing)
    Z: Any = None if X is None else model.preprocessor.transform(X)
    if hasattr(Z, "toarray"):
        Z = Z.toarray()
    decoder = _decoder(model, model.predictor) if isinstance(model.predictor, Decoded) else []
    model = model.core
    predictor = model.predictor
    if isinstance(predictor, Tree):
        blocks = _tree(model, predictor, wording, Z)
    elif isinstance(predictor, TreeSum):
        blocks = (_rule_sum if _is_rules(predictor) else _tree_sum)(model, predictor, wording, Z)
    else:
        assert not isinstance(predictor, Decoded)
        blocks = _card(model, predictor, wording, Z)
    return _FORMATS[format](blocks + decoder)


def _decoder(model: Model, predictor: Decoded) -> list[Block]:
    """How many outputs are made of few."""
    names = list(map(plain, model.output.targets if model.output.classes is None else model.output.classes))
    scores = {"softmax": "scores, whose softmax are the probabilities of the classes", "identity": "values"}
    what = scores.get(model.output.link, "shares, which are divided by their sum")
    numbers = np.vstack([predictor.bias, predictor.matrix])
    rows = [[name, *(f"{number:.4g}" for number in column)] for name, column in zip(names, numbers.T, strict=True)]
    headings = ["", "start", *(f"times {name}" for name in model.core.output.targets)]
    return [f"From these come {len(names)} {what}:", Table(headings, rows)]


def _title(kind: str, model: Model, used: list[int], wording: Wording) -> Heading:
    """What it is, how much of the table it reads, what it is for."""
    output = model.output
    answers = list(map(plain, output.targets if output.classes is None else output.classes))
    joint = " and " if output.classes is None else " or "
    named = joint.join(filter(None, [", ".join(answers[:-1]), answers[-1]]))
    if len(answers) > _TITLED:
        named = f"{len(answers)} {'targets' if output.classes is None else 'classes'}"
    n_used = len({wording.features[feature].column for feature in used})
    return Heading(f"{kind} over {n_used} of {_counted(len(wording.columns), 'column')}, for {named}")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun if count == 1 else {'leaf': 'leave'}.get(noun, noun) + 's'}"


def _share(box: Box, Z: NDArray[np.float32] | None) -> str:
    return "" if Z is None or not len(Z) else percent(float(holds(box, Z).mean()))


def _tree(model: Model, tree: Tree, wording: Wording, Z: NDArray[np.float32] | None) -> list[Block]:
    root = branches(tree, wording)
    values = model.output.activate(tree.value.astype(np.float64))

    def leaf(branch: Branch) -> str:
        share = _share(branch.box, Z)
        return _answer(model, values[branch.leaf]) + (f" ({share} of rows)" if share else "")

    used = root.tested()
    title = _title(f"Decision tree of {_counted(len(root.leaves()), 'leaf')}", model, used, wording)
    return [title, steps(root, wording, leaf), wording.gaps(used)]


def _answer(model: Model, values: NDArray[np.float64]) -> str:
    """What is predicted, in the order of probability; of equals the first class first, as it is the prediction."""
    if model.output.classes is None:
        return ", ".join(
            f"{plain(name)} = {value:.4g}" for name, value in zip(model.output.targets, values, strict=True)
        )
    order = np.argsort(-values, kind="stable")
    shown = order if len(order) <= _NAMED else order[: _NAMED - 1]
    parts = [f"{plain(model.output.classes[i])} {percent(float(values[i]))}" for i in shown]
    if len(shown) < len(order):
        parts.append(f"others {percent(float(values[order[len(shown) :]].sum()))}")
    return ", ".join(parts)


def _tree_sum(model: Model, sums: TreeSum, wording: Wording, Z: NDArray[np.float32] | None) -> list[Block]:
    largest = max((float(np.abs(tree.value).max()) for tree in sums.trees), default=0.0)
    points = Points(model.output, 1, largest or float(np.abs(sums.base).max()))
    start = points.scores(sums.base.astype(np.float64))
    error = np.abs(points.rounded(start) - start)
    said: list[Block] = []
    used: list[int] = []
    for i, (tree, output) in enumerate(zip(sums.trees, sums.output.tolist(), strict=True)):
        added = np.zeros((tree.n_leaves, sums.n_outputs))
        added[:, output] = tree.value[:, 0]
        at = 0 if points.is_single else output
        exact = points.scores(added)
        told = points.rounded(exact)
        error = error + np.abs(told - exact).max(axis=0)

        def leaf(branch: Branch, told: NDArray[np.float64] = told[:, at]) -> str:
            share = _share(branch.box, Z)
            return points.tell(told[branch.leaf]) + (f" ({share} of rows)" if share else "")

        root = branches(tree, wording)
        used += root.tested()
        said += [f"Tree {i + 1}, points for {points.names[at]}:", steps(root, wording, leaf)]
    starts = zip(points.names, points.rounded(start).tolist(), strict=True)
    begin = ", ".join(f"{points.tell(value)} for {name}" for name, value in starts)
    meaning = points.meaning() + _rounding(float(error.max()))
    return [
        _title(f"Sum of {_counted(sums.n_trees, 'tree')}", model, used, wording),
        f"Start with {begin}. Add the points that each tree leads to. {meaning}",
        *said,
        wording.gaps(used),
    ]


def _is_rules(sums: TreeSum) -> bool:
    """Whether each tree is a rule: what it adds where its conditions hold, else zero."""
    counts = [int(np.count_nonzero(tree.value)) for tree in sums.trees]
    return max(counts, default=0) == 1


def _rule_sum(model: Model, sums: TreeSum, wording: Wording, Z: NDArray[np.float32] | None) -> list[Block]:
    points = Points(model.output, 1, max(float(np.abs(tree.value).max()) for tree in sums.trees))
    start = sums.base.astype(np.float64)
    adds: dict[tuple[tuple[int, Range], ...], NDArray[np.float64]] = {}
    used: list[int] = []
    for tree, output in zip(sums.trees, sums.output.tolist(), strict=True):
        if not tree.value.any():
            continue
        root = branches(tree, wording)
        box = root.conditions(int(np.flatnonzero(tree.value[:, 0])[0]))
        if box is None:  # no row meets its conditions
            continue
        used += box
        added = adds.setdefault(tuple(box.items()), np.zeros(sums.n_outputs)) if box else start
        added[output] += float(tree.value.sum())
    exact = points.scores(np.array([start, *adds.values()]))
    told = points.rounded(exact)
    rows = [["start", *map(points.tell, told[0].tolist()), ""]]
    for conditions, added, values in zip(adds, exact[1:], told[1:], strict=True):
        cells = [points.tell(value) if exactly else "-" for exactly, value in zip(added.tolist(), values.tolist())]
        said = " and ".join(wording.condition(feature, within) for feature, within in conditions)
        rows.append([f"if {said}", *cells, _share(dict(conditions), Z)])
    headings = ["", *(f"points for {name}" for name in points.names), "of rows"]
    if Z is None or not len(Z):
        headings, rows = headings[:-1], [row[:-1] for row in rows]
    error = np.abs(told - exact).sum(axis=0).max()
    return [
        _title(f"Sum of {_counted(len(adds), 'rule')}", model, used, wording),
        f"Add the points of all rules that hold. {points.meaning()}{_rounding(float(error))}",
        Table(headings, rows),
        wording.gaps(used),
    ]


def _rounding(error: float, slopes: bool = False) -> str:
    """How far a total may be off."""
    off = [f"by up to {error:.2g}"] if error > 0 else []
    off += ["by a thousandth of what is multiplied"] if slopes else []
    return f" Points are rounded: a total may be off {' and '.join(off)}." if off else ""


def _card(model: Model, predictor: Linear | Additive, wording: Wording, Z: NDArray[np.float32] | None) -> list[Block]:
    points = Points(model.output, 0, _largest(predictor))
    card = scorecard(predictor, wording, points)
    rows = [["start", *map(points.tell, card.start.tolist()), ""]]
    for group in card.groups:
        rest = 1.0
        for entry in group.entries:
            if entry.at_zero is not None:
                rows.append([f"each 1 of {group.name}", *(f"{value:.4g}" for value in entry.points), ""])
                continue
            share = ""
            if Z is not None and len(Z):
                part = rest if entry.box is None else float(holds(entry.box, Z).mean())
                rest, share = rest - part, percent(round(part, 12))
            if entry.box is None:
                what = f"{group.name} is anything else"
            else:
                what = (wording.say_all if group.is_pair else wording.say)(entry.box)
            rows.append([what, *map(points.tell, entry.points.tolist()), share])
    headings = ["", *(f"points for {name}" for name in points.names), "of rows"]
    if Z is None or not len(Z):
        headings, rows = headings[:-1], [row[:-1] for row in rows]
    kind = "Line as a scorecard" if isinstance(predictor, Linear) else "Scorecard"
    fills, pair_fills = (
        [feature for group in card.groups if group.is_pair is of_pairs for feature in group.fills]
        for of_pairs in (False, True)
    )
    totals = points.totals()
    return [
        _title(kind, model, card.used, wording),
        f"Add the points of all lines that apply. {points.meaning()}{_rounding(card.error, card.has_slopes)}",
        Table(headings, rows),
        Table([f"probability of {points.names[0]}", "total"], totals) if totals else "",
        f"Columns that make less than a point: {', '.join(card.silent)}." if card.silent else "",
        wording.gaps(fills),
        wording.gaps(pair_fills, "In lines of two columns, where"),
    ]


def _largest(predictor: Linear | Additive) -> float:
    """The largest number that is added."""
    if isinstance(predictor, Linear):
        added = [predictor.coef]
    else:
        added = [*predictor.tables, *(pair.table for pair in predictor.pairs)]
    largest = max((float(np.abs(part).max(initial=0.0)) for part in added), default=0.0)
    return largest or float(np.abs(predictor.intercept).max())
