"""One SELECT statement in SQL that SQLite and DuckDB read alike."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Container
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..model import CategoryColumn, Model, NumericColumn, Tree
from ._export import Target
from ._raw import LARGEST, Equals, Forest, Line, Missing, RawTree, Test, largest_double

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What is read; a view of this name, or another name in its place, says where the rows come from.
TABLE = "input_rows"

#: Products and trees added up in one level of parentheses, so that sums do not nest deeply.
_CHUNK = 100


def _write(model: Model, form: Forest | Line, name: str) -> bytes:
    columns = model.preprocessor.columns
    labels = [str(label) for label in model.output.classes or model.output.targets]
    if any("\0" in text for text in (*model.preprocessor.feature_names_in, *labels)):
        what = "a name of a column, class or target"
        raise ValueError(f"SQL cannot hold the null character, which is in {what} of this model.")
    if "" in model.preprocessor.feature_names_in:
        raise ValueError("SQL cannot name a column that has an empty name, as one of this model has.")
    taken: dict[str, str] = {}
    for column in columns:
        if (other := taken.setdefault(column.name.casefold(), column.name)) != column.name:
            raise ValueError(
                "SQL cannot tell columns apart whose names differ in case alone. "
                f"Got {other!r} and {column.name!r}: call one of them otherwise."
            )
    is_classes = model.output.classes is not None
    answers = _answers("probability of " if is_classes else "predicted ", labels, taken)
    prediction = _answers("prediction", [""], taken) if is_classes else []
    literals = [_literal(label) for label in model.output.classes or ()]
    if isinstance(model.predictor, Tree):
        assert isinstance(form, Forest)
        tree, values = form.trees[0], form.trees[0].value.astype(np.float64)
        linked = model.output.activate(values)
        expressions = [_tree(tree, [_number(v) for v in linked[:, k].tolist()], columns) for k in range(len(labels))]
        if is_classes:
            expressions.append(_tree(tree, [literals[k] for k in linked.argmax(axis=1).tolist()], columns))
        levels = [([*answers, *prediction], expressions)]
    else:
        expressions = _forest(form, columns) if isinstance(form, Forest) else _line(form, columns)
        levels = [(answers, expressions)]
        if model.output.link != "identity":
            scores = _answers("score of ", labels, taken)
            levels = [(scores, expressions), (answers, _linked(model.output.link, scores))]
        if is_classes:
            levels.append((prediction, [_decided(answers, literals)]))
    text = (  # one line of comment
        f"-- A model written by skdistill {__version__}. Each row of {TABLE} comes back with its answers. "
        f"Give your rows that name first: CREATE VIEW {TABLE} AS SELECT * FROM your_table\n"
    )
    return f"{text}{_statement(levels)};\n".encode()


def _statement(levels: list[tuple[list[str], list[str]]]) -> str:
    """One SELECT on top of the other. What is not materialised, SQLite pastes into each place that names it."""
    source, parts = TABLE, []
    for i, (names, expressions) in enumerate(levels):
        items = "".join(f",\n  {expression} AS {name}" for name, expression in zip(names, expressions, strict=True))
        parts.append(f"SELECT *{items}\nFROM {source}")
        source = f"nested_{i}"
    named = ",\n".join(f"nested_{i} AS MATERIALIZED (\n{part}\n)" for i, part in enumerate(parts[:-1]))
    return f"WITH {named}\n{parts[-1]}" if named else parts[-1]


def _answers(prefix: str, labels: list[str], taken: Container[str]) -> list[str]:
    """A name for each label, none of them that of a raw column or, but for the case, of another label."""
    while any((prefix + label).casefold() in taken for label in labels):
        prefix = f"_{prefix}"
    found: dict[str, str] = {}
    for label in labels:
        name, number = prefix + label, 1
        while name.casefold() in found or (number > 1 and name.casefold() in taken):
            number += 1
            name = f"{prefix}{label} ({number})"
        found[name.casefold()] = name
    return list(map(_quoted, found.values()))


def _quoted(name: str) -> str:
    """A name, in which nothing can end it."""
    return '"' + name.replace('"', '""') + '"'


def _literal(label: Any) -> str:
    """A constant: text in which nothing can end it, or a number."""
    if isinstance(label, str):
        return "'" + label.replace("'", "''") + "'"
    return _number(label) if isinstance(label, float) else str(int(label))


def _number(value: float) -> str:
    """A double; without an exponent databases read a decimal."""
    text = repr(float(value))
    return text if "e" in text else f"{text}e0"


def _missing(cell: str) -> str:
    """NULL, or a NaN, which is above all numbers and equal to itself where a database has it."""
    return f"({cell} IS NULL OR ({cell} > 0e0 AND 0e0 - {cell} > 0e0))"


def _test(test: Test, columns: Any) -> str:
    column = columns[test.column]
    cell = _quoted(column.name)
    if isinstance(test, Equals):
        return f"{cell} = {_literal(column.categories[test.category])}"
    if isinstance(test, Missing):
        return _missing(cell) if isinstance(column, NumericColumn) else f"{cell} IS NULL"
    # A double up to the bound rounds to a float32 number up to the edge. NULL fails the test.
    below = f"{cell} <= {_number(largest_double(test.edge))}"
    return f"({below} OR {_missing(cell)})" if test.missing else below


def _tree(tree: RawTree, leaves: list[str], columns: Any) -> str:
    """One CASE for each split, from the leaves up; one that stands in the ELSE of another becomes a part of it.

    Parsers have a small stack. The more deeply nested side goes to the ELSE, so that the nesting grows as the logarithm
    of the leaves at most, also where a tree is a chain.
    """
    texts: list[str] = [""] * len(tree.tests)
    nested = [0] * len(tree.tests)
    for node in reversed(range(len(tree.tests))):
        test, no = tree.tests[node], tree.no[node]
        if test is None:
            texts[node] = leaves[no]
            continue
        yes, asked = node + 1, _test(test, columns)
        if texts[yes] == texts[no]:
            texts[node], nested[node] = texts[yes], nested[yes]
        else:
            if nested[yes] > nested[no]:
                yes, no, asked = no, yes, f"({asked}) IS NOT TRUE"
            rest = texts[no].removeprefix("CASE ") if nested[no] else f"ELSE {texts[no]} END"
            texts[node] = f"CASE WHEN {asked} THEN {texts[yes]} {rest}"
            nested[node] = max(nested[no], nested[yes] + 1)
        texts[node + 1] = texts[tree.no[node]] = ""
    return texts[0]


def _forest(form: Forest, columns: Any) -> list[str]:
    sums = _bases(form)
    for tree in form.trees:
        for k in range(len(sums)) if tree.output is None else (tree.output,):
            values = tree.value[:, k if tree.output is None else 0]
            if values.any():
                sums[k].append(_tree(tree, list(map(_number, values.tolist())), columns))
    return [_sum(terms) for terms in sums]


def _bases(form: Forest | Line) -> list[list[str]]:
    """The first term of each output's sum; none where it is zero."""
    return [[_number(base)] if base else [] for base in form.base.tolist()]


def _line(form: Line, columns: Any) -> list[str]:
    sums = _bases(form)
    for slope in form.slopes:
        column = columns[slope.column]
        low, high = (_number(end / column.scale + column.center) for end in (-LARGEST, LARGEST))
        cell = _quoted(column.name)
        tamed = (
            f"CASE WHEN {_missing(cell)} THEN {_number(column.fill)} WHEN {cell} > {high} THEN {high} "
            f"WHEN {cell} < {low} THEN {low} ELSE {cell} END"
        )
        encoded = f"({tamed} - {_number(column.center)}) * {_number(column.scale)}" if column.is_scaled else tamed
        for k in np.flatnonzero(slope.weights).tolist():
            sums[k].append(f"{_number(slope.weights[k])} * ({encoded})")
    for mark in form.marks:
        for k in np.flatnonzero(mark.weights).tolist():
            sums[k].append(f"CASE WHEN {_test(mark.test, columns)} THEN {_number(mark.weights[k])} ELSE 0e0 END")
    return [_sum(terms) for terms in sums]


def _sum(terms: list[str]) -> str:
    while len(terms) > _CHUNK:
        chunks = [terms[start : start + _CHUNK] for start in range(0, len(terms), _CHUNK)]
        terms = [f"({' + '.join(chunk)})" for chunk in chunks]
    return " + ".join(terms) or "0e0"


def _linked(link: str, scores: list[str]) -> list[str]:
    if link == "softmax":
        # exp() beyond these ends is an error in some databases; within them nothing is lost that a double can tell.
        return [f"1e0 / ({_sum([_power(f'{other} - {score}') for other in scores])})" for score in scores]
    if link == "exp":
        return list(map(_power, scores))
    shares = [f"CASE WHEN {score} > 0e0 THEN {score} ELSE 0e0 END" for score in scores]
    total = _sum(shares)
    some = " OR ".join(f"{score} > 0e0" for score in scores)
    uniform = _number(1 / len(scores))
    return [f"CASE WHEN {some} THEN ({share}) / ({total}) ELSE {uniform} END" for share in shares]


def _power(score: str) -> str:
    return f"exp(CASE WHEN {score} > 7e2 THEN 7e2 WHEN {score} < -7e2 THEN -7e2 ELSE {score} END)"


def _decided(values: list[str], labels: list[str]) -> str:
    """The label of the largest value, the first of equals."""
    cases = [
        f"WHEN {' AND '.join(f'{value} >= {later}' for later in values[k + 1 :])} THEN {labels[k]}"
        for k, value in enumerate(values[:-1])
    ]
    return f"CASE {' '.join(cases)} ELSE {labels[-1]} END" if cases else labels[0]


def declared(column: NumericColumn | CategoryColumn) -> str:
    """The type of a column in a table of rows; none where SQLite would turn one kind of category into another."""
    return "DOUBLE" if isinstance(column, NumericColumn) else ""


def _answer(content: bytes, model: Model, name: str, columns: list[NDArray[Any]]) -> tuple[NDArray[Any], list[Any]]:
    connection = sqlite3.connect(":memory:")
    try:
        if not connection.execute("SELECT 1 FROM pragma_function_list WHERE name = 'exp'").fetchone():
            connection.create_function("exp", 1, math.exp, deterministic=True)
        described = model.preprocessor.columns
        fields = ", ".join(f"{_quoted(column.name)} {declared(column)}" for column in described)
        connection.execute(f"CREATE TABLE {TABLE} ({fields})")
        rows = zip(*(column.tolist() for column in columns), strict=True)
        marks = ", ".join("?" * len(described))
        connection.executemany(f"INSERT INTO {TABLE} VALUES ({marks})", rows)
        found = connection.execute(content.decode().rstrip().rstrip(";")).fetchall()
    finally:
        connection.close()
    return read_answers(model, found)


def read_answers(model: Model, found: list[tuple[Any, ...]]) -> tuple[NDArray[Any], list[Any]]:
    """Values and labels from the rows that a database gave: the answers stand in the last columns."""
    k, classes = model.output.n_outputs, model.output.classes
    if classes is None:
        return np.array([row[-k:] for row in found], np.float64), []
    place = {(label if isinstance(label, str) else float(label)): label for label in classes}
    labels = [place.get(row[-1] if isinstance(row[-1], str) else float(row[-1])) for row in found]
    return np.array([row[-k - 1 : -1] for row in found], np.float64), labels


# A line computes in doubles, as it does in Python.
TARGET = Target(_write, _answer, {Forest: 1e-12, Line: 2.0**-22})
