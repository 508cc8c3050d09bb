"""One Python file that imports nothing but three names of `math`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..model import CategoryColumn, Model, NumericColumn, Tree
from ._export import Target
from ._raw import LARGEST, Below, Equals, Forest, Line, Mark, Missing, RawTree, Test, largest_double

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Scores of a softmax that are named each by itself.
_FEW = 20
#: Levels of a tree in one expression. Python's parser allows 200 parentheses inside each other.
_LEVELS = 60

_LINKS = {
    "identity": "return scores",
    "softmax": """\
top = max(scores)
    powers = [exp(score - top) for score in scores]
    total = sum(powers)
    return tuple([power / total for power in powers])""",
    "exp": "return tuple([exp(min(max(score, -700.0), 700.0)) for score in scores])",
    "simplex": """\
shares = [score if score > 0.0 else 0.0 for score in scores]
    total = sum(shares)
    return tuple([share / total if total else 1.0 / len(shares) for share in shares])""",
}

_HEAD = '''\
"""A model written by skdistill {version}: it needs nothing but Python.

``predict_one(row)`` {meaning}. A row is a list with a cell for each
of COLUMNS, or a mapping by their names, which may have more. A missing cell is None or NaN.
"""

from math import exp, hypot, nan

COLUMNS = {columns!r}
{answers}
_CATEGORIES = {categories!r}


def _clean(row):
    """Order the cells of a mapping as COLUMNS says, check them, and let NaN or None stand for whatever is missing."""
    if hasattr(row, "keys"):
        row = [row[name] for name in COLUMNS]
    if len(row) != {n}:
        raise ValueError(f"A row must have {n} cells, one for each of COLUMNS. Got {{len(row)}}.")
    cells = []
    for i, cell in enumerate(row):
        try:
            missing = cell is None or bool(cell != cell)
        except TypeError:  # pandas.NA refuses to be true or false
            missing = True
        if i in _CATEGORIES:
            cells.append(None if missing else cell)
        elif isinstance(cell, (str, bytes)):
            raise TypeError(f"The cell of column {{COLUMNS[i]!r}} must be a number. Got {{cell!r}}.")
        else:
            cells.append(nan if missing else float(cell))
    return cells
'''

_ANSWER = """

def {name}(row):
    \"\"\"{doc}\"\"\"
    checked = False
    while True:
        try:
            if len(row) == {n}:
                return {answer}
        except (LookupError, TypeError):  # not a list of what is expected: let _clean see
            if checked:
                raise
        row, checked = _clean(row), True
"""


def _write(model: Model, form: Forest | Line, name: str) -> bytes:
    return program(model, form)


def program(model: Model, form: Forest | Line) -> bytes:
    """The file's content."""
    columns = model.preprocessor.columns
    classes = model.output.classes
    answers = f"CLASSES = {classes!r}\n" if classes else f"TARGETS = {model.output.targets!r}\n"
    text = _HEAD.format(
        version=__version__,
        meaning="is the class of a row and ``predict_proba_one(row)`` the probability of each of CLASSES"
        if classes
        else ("is the value of a row" if model.output.flat else "is a tuple with a value for each of TARGETS"),
        columns=model.preprocessor.feature_names_in,
        answers=answers,
        categories={i for i, column in enumerate(columns) if isinstance(column, CategoryColumn)} or (),
        n=len(columns),
    )
    if isinstance(model.predictor, Tree):
        assert isinstance(form, Forest)
        body, decision, values = _tree(model, form)
    else:
        body = _forest(form, columns) if isinstance(form, Forest) else _line(form, columns)
        body += f"\n\ndef _linked(scores):\n    {_link(model.output.link, model.output.n_outputs)}\n"
        values = "_linked(_scores(row))"
        decision = f"{values}[0]" if model.output.flat else values
        if classes:
            body += "\n\ndef _decided(values):\n    return CLASSES[values.index(max(values))]\n"
            decision = f"_decided({values})"
    text += body
    if classes:
        text += _ANSWER.format(name="predict_one", doc="Class of a row.", n=len(columns), answer=decision)
        doc = "Probability of each of CLASSES."
        text += _ANSWER.format(name="predict_proba_one", doc=doc, n=len(columns), answer=values)
    else:
        doc = "Value of a row." if model.output.flat else "Value of each of TARGETS."
        text += _ANSWER.format(name="predict_one", doc=doc, n=len(columns), answer=decision)
    return text.encode()


def _tree(model: Model, form: Forest) -> tuple[str, str, str]:
    """One tree: expressions for what a row's leaf decides for and for its values, the link applied, and functions that
    these call. A call takes as long as several tests, so what is decided is written out in the place that asks.
    """
    columns, tree = model.preprocessor.columns, form.trees[0]
    decided = model.output.decide(tree.value.astype(np.float64)).tolist()
    leaves = [repr(tuple(each) if isinstance(each, list) else each) for each in decided]
    decision, functions = _expressions("_decision", tree, leaves, columns)
    if model.output.classes is None:
        return "".join(functions), decision, ""
    values = model.output.activate(tree.value.astype(np.float64))
    functions += _functions("_leaf", tree, [str(i) for i in range(len(values))], columns)
    return "".join(functions) + f"\n\n_VALUES = {_table(values)}\n", decision, "_VALUES[_leaf(row)]"


def _link(link: str, k: int) -> str:
    """The body of a function of scores; few scores are written one by one, which takes a third of the time."""
    if link != "softmax" or not 1 < k <= _FEW:
        return _LINKS[link]
    scores = [f"s{i}" for i in range(k)]
    lines = [f"{', '.join(scores)} = scores", f"top = max({', '.join(scores)})"]
    lines += [f"{score} = exp({score} - top)" for score in scores]
    lines += [f"total = {' + '.join(scores)}", f"return {', '.join(f'{score} / total' for score in scores)}"]
    return "\n    ".join(lines)


def _table(rows: NDArray[np.float64]) -> str:
    """A tuple of tuples over several lines."""
    return "(\n" + "".join(f"    {tuple(row)!r},\n" for row in rows.tolist()) + ")"


def _forest(form: Forest, columns: tuple[NumericColumn | CategoryColumn, ...]) -> str:
    scores = [f"s{k}" for k in range(len(form.base))]
    parts: list[str] = []
    sums = [f"    {score} = {base!r}" for score, base in zip(scores, form.base.tolist(), strict=True)]
    for i, tree in enumerate(form.trees):
        values = tree.value.tolist()
        if tree.output is not None:
            parts += _functions(f"_tree{i}", tree, [repr(value[0]) for value in values], columns)
            sums.append(f"    s{tree.output} += _tree{i}(row)")
        else:
            parts += _functions(f"_tree{i}", tree, [repr(tuple(value)) for value in values], columns)
            sums.append(f"    t = _tree{i}(row)")
            sums += [f"    {score} += t[{k}]" for k, score in enumerate(scores)]
    return "".join([*parts, "\n\ndef _scores(row):\n", "\n".join(sums), f"\n    return ({', '.join(scores)},)\n"])


def _functions(name: str, tree: RawTree, leaves: list[str], columns: Any) -> list[str]:
    """A function for a tree, and those that it calls."""
    expression, below = _expressions(name, tree, leaves, columns)
    return [*below, f"\n\ndef {name}(row):\n    return {expression}\n"]


def _expressions(name: str, tree: RawTree, leaves: list[str], columns: Any) -> tuple[str, list[str]]:
    """The expression of a tree; a function for what lies more than so many levels below its root, and so on."""
    waiting = [0]
    root, *below = (
        (node, _expression(tree, node, 1, leaves, columns, name, waiting))
        for node in waiting  # grows as it is walked
    )
    return root[1], [f"\n\ndef {name}_{node}(row):\n    return {expression}\n" for node, expression in below]


def _expression(
    tree: RawTree, node: int, level: int, leaves: list[str], columns: Any, name: str, waiting: list[int]
) -> str:
    test = tree.tests[node]
    if test is None:
        return leaves[tree.no[node]]
    if level > _LEVELS:
        waiting.append(node)
        return f"{name}_{node}(row)"
    yes, no = (
        _expression(tree, child, level + 1, leaves, columns, name, waiting) for child in (node + 1, tree.no[node])
    )
    if yes == no:
        return yes
    indent = "    " + " " * level
    return f"(\n{indent}{yes}\n{indent}if {_test(test, columns)} else\n{indent}{no}\n{indent[:-1]})"


def _test(test: Test, columns: Any) -> str:
    cell = f"row[{test.column}]"
    if isinstance(test, Below):
        # What is compared with NaN is false. A double up to the bound rounds to a float32 number up to the edge.
        bound = repr(largest_double(test.edge))
        return f"not {cell} > {bound}" if test.missing else f"{cell} <= {bound}"
    if isinstance(test, Equals):
        return f"{cell} == {columns[test.column].categories[test.category]!r}"
    return f"({cell} is None or {cell} != {cell})"


def _line(form: Line, columns: tuple[NumericColumn | CategoryColumn, ...]) -> str:
    """Products in one expression; only where a number is missing or huge it is looked at by itself."""
    flags = {mark.test.column: mark for mark in form.marks if isinstance(mark.test, Missing)}
    choices: dict[int, list[Mark]] = {}
    terms: list[tuple[str, NDArray[np.float64]]] = []
    base = form.base.astype(np.float64)
    tame: list[str] = []
    bound = np.inf
    for slope in form.slopes:
        column = columns[slope.column]
        assert isinstance(column, NumericColumn)
        x, (low, high) = f"x{slope.column}", _ends(column)
        weights = slope.weights.astype(np.float64) * column.scale
        base = base - weights * column.center
        bound = min(bound, abs(low), abs(high))
        tame.append(f"        {x} = {column.fill!r} if {x} != {x} else min(max({x}, {low!r}), {high!r})")
        terms.append((x, weights))
    names = [x for x, _ in terms]
    if 2 * len(names) > len(columns):  # all at once is faster than one by one; of a mapping there is no slice
        lines = [f"    {', '.join(f'x{i}' for i in range(len(columns)))}, = row[:{len(columns)}]"]
    else:
        lines = [f"    {x} = row[{slope.column}]" for x, slope in zip(names, form.slopes, strict=True)]
    # Missing or huge: the length of the vector is then not below the bound.
    tail = [f"    if not hypot({', '.join(names)}) < {bound / 2!r}:", *tame] if names else []
    tables = ""
    for mark in form.marks:
        if isinstance(mark.test, Equals):
            choices.setdefault(mark.test.column, []).append(mark)
    for i, mark in flags.items():
        tail.append(f"    m{i} = row[{i}] is None or row[{i}] != row[{i}]")
        terms.append((f"m{i}", mark.weights.astype(np.float64)))
    zeros = (0.0,) * len(base)
    chosen = []
    for i, marks in choices.items():
        column = columns[i]
        assert isinstance(column, CategoryColumn)
        entries = {column.categories[m.test.category]: tuple(m.weights.tolist()) for m in marks}  # type: ignore[union-attr]
        tables += f"\n\n_CHOICES{i} = {entries!r}\n"
        tail.append(f"    c{i} = _CHOICES{i}.get(row[{i}], {zeros!r})")
        chosen.append(f"c{i}")
    for k, value in enumerate(base.tolist()):
        products = [f"{weights[k].item()!r} * {x}" for x, weights in terms if weights[k]]
        products += [f"{c}[{k}]" for c in chosen]
        tail.append(f"    s{k} = {value!r}")
        tail += [f"    s{k} += {' + '.join(chunk)}" for chunk in _chunks(products)]
    scores = "".join(f"s{k}, " for k in range(len(base)))
    return tables + "\n\ndef _scores(row):\n" + "\n".join([*lines, *tail]) + f"\n    return ({scores})\n"


#: Terms in one expression: Python's compiler takes some thousand.
_CHUNK = 100


def _chunks(terms: list[str]) -> list[list[str]]:
    return [terms[start : start + _CHUNK] for start in range(0, len(terms), _CHUNK)]


def _ends(column: NumericColumn) -> tuple[float, float]:
    """The raw numbers beyond which a column is clipped."""
    return -LARGEST / column.scale + column.center, LARGEST / column.scale + column.center


def run(content: bytes, name: str) -> dict[str, Any]:
    """The names of a written file."""
    namespace: dict[str, Any] = {"__name__": name}
    exec(compile(content, f"<{name}>", "exec"), namespace)
    return namespace


def _answer(content: bytes, model: Model, name: str, columns: list[NDArray[Any]]) -> tuple[NDArray[Any], list[Any]]:
    names = run(content, name)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    labels = [names["predict_one"](list(row)) for row in rows]
    if model.output.classes is None:
        return np.array(labels, np.float64).reshape(len(rows), -1), labels
    mappings = (dict(zip(names["COLUMNS"], row, strict=True)) for row in rows)
    return np.array([names["predict_proba_one"](mapping) for mapping in mappings]), labels


# A line computes in doubles where the model rounds what it centers and scales to float32, each by at most 2^-24.
TARGET = Target(_write, _answer, {Forest: 1e-12, Line: 2.0**-22})
