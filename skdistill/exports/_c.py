"""One C99 header: constant tables and static functions, nothing allocated, `exp` only where a link needs it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import __version__
from ..model import CategoryColumn, Model, NumericColumn, Tree
from ._c_tables import Tables, comment, strings
from ._c_values import Values
from ._compile import compiled, compiler_to_verify
from ._export import Target
from ._raw import Below, Equals, Forest, Line, Missing, Test

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEAD = """\
/* A model written by skdistill {version}, in C99. Its tables take {nbytes} bytes, names of columns, classes and
 * categories aside.{libm}
 *
 * A row is an array of {n} floats, one for each raw column in this order; a cell that is missing is NaN:
{columns}
 *
 * int  {name}_predict(const float *row)                    {decision}
 * void {name}_evaluate(const float *row, double *values)   {values}
 * The names of columns and classes: {name}_column_name(i), {name}_class_name(k).{codes}
 */
#ifndef SKDISTILL_{name}_H
#define SKDISTILL_{name}_H
{includes}
"""

_LINKS = {
    "identity": "",
    "softmax": """\
    double top = values[0], total = 0.0;
    int k;
    for (k = 1; k < {k}; k++) top = values[k] > top ? values[k] : top;
    for (k = 0; k < {k}; k++) total += values[k] = exp(values[k] - top);
    for (k = 0; k < {k}; k++) values[k] /= total;
""",
    "exp": """\
    int k;
    for (k = 0; k < {k}; k++) values[k] = exp(values[k] > 700.0 ? 700.0 : values[k] < -700.0 ? -700.0 : values[k]);
""",
    "simplex": """\
    double total = 0.0;
    int k;
    for (k = 0; k < {k}; k++) total += values[k] = values[k] > 0.0 ? values[k] : 0.0;
    for (k = 0; k < {k}; k++) values[k] = total > 0.0 ? values[k] / total : 1.0 / {k};
""",
}


class Cells(NamedTuple):
    """How a program sees cells.

    `kind` is their type in C. `asks` is what a split asks of a cell, by the kinds there are in a model: numbers;
    numbers some of which also missing cells pass, without a branch; and categories. `edges` makes a table of what cells
    are compared with.
    """

    kind: str
    asks: dict[tuple[int, ...], str]
    edges: Callable[[list[Test]], Any]


def _float_edges(tests: list[Test]) -> NDArray[np.float64]:
    edges = [t.edge if isinstance(t, Below) else t.category if isinstance(t, Equals) else 0.0 for t in tests]
    return np.array(edges, np.float64)


_FLOATS = Cells(
    "float",
    {
        (0,): "cell <= {name}_edges[node]",
        (1,): "!(cell > {name}_edges[node])",
        (0, 1): "(cell <= {name}_edges[node]) | ({name}_kinds[node] & (cell != cell))",
        (2,): "cell == {name}_edges[node]",
        (3,): "cell != cell",
    },
    _float_edges,
)

_LEAF = """\

static inline int {name}_leaf(const {kind} *row, int node)
{{
    while (node >= 0) {{
        const {kind} cell = row[{name}_columns[node]];
        node = {name}_ways[2 * node + ({ask})];
    }}
    return ~node;
}}
"""

_EVALUATE = """\

static inline void {name}_evaluate(const float *row, double *values)
{{
    double sums[{k}] = {{0.0}};
    int k;
{body}    for (k = 0; k < {k}; k++) values[k] = {finish};
{link}}}
"""

SINGLE = "    const {kind} *leaf = {name}_values + {k} * {name}_leaf(row, {root});\n"
EACH = "    for (i = 0; i < {n}; i++) sums[{name}_outputs[i]] += {name}_values[{name}_leaf(row, {name}_roots[i])];\n"
ALL = """\
    for (i = 0; i < {n}; i++) {{
        const {kind} *leaf = {name}_values + {k} * {name}_leaf(row, {name}_roots[i]);
        for (k = 0; k < {k}; k++) sums[k] += leaf[k]{times};
    }}
"""

_SLOPES = """\
    for (i = 0; i < {n}; i++) {{
        float x = row[{name}_columns[i]];
        if (x != x) x = {name}_fills[i];
        x = x - {name}_centers[i];
        x = x * {name}_scales[i];
        x = x > FLT_MAX ? FLT_MAX : x < -FLT_MAX ? -FLT_MAX : x;
        for (k = 0; k < {k}; k++) sums[k] += (double){name}_weights[{k} * i + k] * x;
    }}
"""
_MARKS = """\
    for (i = 0; i < {n}; i++) {{
        const float cell = row[{name}_mark_columns[i]];
        if ({ask})
            for (k = 0; k < {k}; k++) sums[k] += (double){name}_mark_weights[{k} * i + k];
    }}
"""

_PREDICT = """\

static inline int {name}_predict(const float *row)
{{
    double values[{k}];
    int best = 0, i;
    {name}_evaluate(row, values);
    for (i = 1; i < {k}; i++) if (values[i] > values[best]) best = i;
    return best;
}}
"""
PREDICT_LEAF = """\

static inline int {name}_predict(const {kind} *row)
{{
    return {name}_choices[{name}_leaf(row, {root})];
}}
"""

_TAIL = """\

static inline const char *{name}_column_name(int i)
{{
    static const char *const names[] = {{{columns}}};
    return names[i];
}}

static inline const char *{name}_class_name(int k)
{{
    static const char *const names[] = {{{classes}}};
    return names[k];
}}
{codes}
#endif
"""

_CODE = """
/* The code of a text in a column of categories; -1 for one that is not known. */
static inline {kind} {name}_code(int column, const char *text)
{{
    static const int columns[] = {{{columns}}};
    static const int codes[] = {{{codes}}};
    static const char *const texts[] = {{{texts}}};
    int i;
    for (i = 0; i < {n}; i++) if (columns[i] == column && strcmp(texts[i], text) == 0) return ({kind})codes[i];
    return -1;
}}
"""


def _write(model: Model, form: Forest | Line, name: str) -> bytes:
    columns, k = model.preprocessor.columns, model.output.n_outputs
    tables = Tables(name)
    code = _forest(model, form, tables) if isinstance(form, Forest) else _line(model, form, tables)
    labels = model.output.classes or model.output.targets
    codes = codes_of(name, columns, _FLOATS.kind)
    code += tail(model, name, codes)
    used = {"<math.h>": "exp(" in code or "HUGE_VALF" in code, "<float.h>": "FLT_MAX" in code, "<string.h>": codes}
    is_classes = model.output.classes is not None
    start = _HEAD.format(
        version=__version__,
        name=name,
        n=len(columns),
        nbytes=tables.nbytes,
        libm=" Link with -lm." if "exp(" in code else "",
        columns="\n".join(f" *   {i}: {comment(c.name)}{described(c)}" for i, c in enumerate(columns)),
        decision="the number of the class" if is_classes else "the number of the largest value",
        values=f"{k} {'probabilities' if is_classes else 'values'}: {', '.join(map(comment, labels))}",
        codes=f"\n * The code of a category: {name}_code(i, text)." if codes else "",
        includes="".join(f"#include {header}\n" for header, is_used in used.items() if is_used),
    )
    return (start + code).encode()


def described(column: NumericColumn | CategoryColumn) -> str:
    if isinstance(column, NumericColumn):
        return ", a number"
    codes = ", ".join(f"{i} = {comment(label)}" for i, label in enumerate(column.categories))
    return f", a category by its code: {codes or 'none'}; else -1"


def tail(model: Model, name: str, codes: str) -> str:
    """The names of columns and classes, and the end of a header."""
    columns, labels = model.preprocessor.columns, model.output.classes or model.output.targets
    return _TAIL.format(
        name=name, columns=strings(column.name for column in columns), classes=strings(map(str, labels)), codes=codes
    )


def codes_of(name: str, columns: tuple[NumericColumn | CategoryColumn, ...], kind: str) -> str:
    """The function from the text of a category to its code, if there are texts."""
    texts = [
        (i, code, label)
        for i, column in enumerate(columns)
        if isinstance(column, CategoryColumn)
        for code, label in enumerate(column.categories)
        if isinstance(label, str) and "\0" not in label  # which no text of C holds
    ]
    if not texts:
        return ""
    places, codes, labels = zip(*texts, strict=True)
    return _CODE.format(
        name=name, kind=kind, n=len(texts), columns=str(places)[1:-1], codes=str(codes)[1:-1], texts=strings(labels)
    )


def _evaluate(model: Model, name: str, body: str, finish: str) -> str:
    link = _LINKS[model.output.link].format(k=model.output.n_outputs)
    link = "    {\n" + re.sub("(?m)^", "    ", link).rstrip(" ") + "    }\n" if link else ""
    body = ("    int i;\n" if "i++" in body else "") + ("" if "row" in body else "    (void)row;\n") + body
    text = _EVALUATE.format(name=name, k=model.output.n_outputs, body=body, finish=finish, link=link)
    return text if "sums" in body + finish else re.sub(r"    double sums.*\n", "", text)


def _forest(model: Model, form: Forest, tables: Tables) -> str:
    name, k = tables.name, model.output.n_outputs
    outputs = [tree.output for tree in form.trees]
    values = Values(model, [tree.value for tree in form.trees], outputs)
    head, kind = values.declare(tables, "values") if form.trees else ("", "")
    walk, roots = splits(form, tables, _FLOATS)
    is_single = isinstance(model.predictor, Tree)
    finishing, finish = values.finish(tables, "leaf[k]" if is_single else "sums[k]", form.base)
    head += finishing + walk
    if is_single:
        body = SINGLE.format(name=name, kind=kind, k=k, root=roots[0])
        chosen = model.output.activate(form.trees[0].value.astype(np.float64)).argmax(axis=1)
        head += "/* What each leaf decides for. */\n" + tables.declare("choices", chosen.tolist())
        return head + _evaluate(model, name, body, finish) + PREDICT_LEAF.format(name=name, kind="float", root=roots[0])
    body = ""
    if form.trees:
        times, shifts = values.times(tables)
        head += tables.declare("roots", roots) + shifts
        body = (ALL if None in outputs else EACH).format(name=name, kind=kind, k=k, n=len(form.trees), times=times)
        if None not in outputs:
            head += tables.declare("outputs", outputs)
    return head + _evaluate(model, name, body, finish) + _PREDICT.format(name=name, k=k)


def splits(form: Forest, tables: Tables, cells: Cells) -> tuple[str, list[int]]:
    """Tables of all splits and the function that walks them, and where each tree begins: a split, or ~leaf."""
    columns: list[int] = []
    asked: list[Test] = []
    kinds: list[int] = []
    ways: list[int] = []
    roots: list[int] = []
    n_leaves = 0
    for tree in form.trees:
        # Splits are numbered among splits, over all trees; leaves by their rows in the table of values.
        number = np.cumsum([test is not None for test in tree.tests]) - 1 + len(columns)
        place = [
            ~(n_leaves + other) if test is None else int(number[i])
            for i, (test, other) in enumerate(zip(tree.tests, tree.no, strict=True))
        ]
        roots.append(place[0])
        n_leaves += len(tree.value)
        for i, (test, other) in enumerate(zip(tree.tests, tree.no, strict=True)):
            if test is None:
                continue
            columns.append(test.column)
            ways += [place[other], place[i + 1]]
            kinds.append(int(test.missing) if isinstance(test, Below) else 2 if isinstance(test, Equals) else 3)
            asked.append(test)
    name = tables.name
    if not columns:  # no row is asked anything
        walk = (
            f"\nstatic inline int {name}_leaf(const {cells.kind} *row, int node)\n"
            "{\n    (void)row;\n    return ~node;\n}\n"
        )
        return walk if form.trees else "", roots
    # Looked up by the answer, ways need no branch, which a processor would guess wrong half of the time.
    head = "/* Each split: its column, the largest number that passes, and where to go if it fails and if it passes:\n"
    head += " * a split, or ~leaf. */\n"
    for what, given in (("columns", columns), ("edges", cells.edges(asked)), ("ways", ways)):
        head += tables.declare(what, given)
    groups = [tuple(sorted({*kinds} & {0, 1})), *((kind,) for kind in (2, 3) if kind in kinds)]
    asks = [cells.asks[group].format(name=name) for group in groups if group]
    if len({*kinds}) > 1:
        head += "/* What is asked: 0 at most the edge, 1 that or missing, 2 equal, 3 missing. */\n"
        head += tables.declare("kinds", kinds)
    first = [f"{name}_kinds[node] <= {max(group)} ? {ask} : " for group, ask in zip(filter(None, groups), asks[:-1])]
    return head + _LEAF.format(name=name, kind=cells.kind, ask="".join(first) + asks[-1]), roots


def marks(form: Line, tables: Tables, values: Values, missing: str, equal: str) -> tuple[str, str]:
    """The tables of the marks of a line, and what asks one of them: whether a cell is missing, or equals a category."""
    tests = [mark.test for mark in form.marks]
    codes = [-1 if isinstance(test, Missing) else test.category for test in tests]
    head = tables.declare("mark_columns", [test.column for test in tests])
    head += tables.declare("mark_codes", codes) if max(codes) >= 0 else ""
    asks = [missing] * (min(codes) < 0) + [equal] * (max(codes) >= 0)
    ask = f"{tables.name}_mark_codes[i] < 0 ? {' : '.join(asks)}" if len(asks) == 2 else asks[0]
    return head + values.declare(tables, "mark_weights", values.parts[len(form.slopes) :])[0], ask


def _line(model: Model, form: Line, tables: Tables) -> str:
    name, k = tables.name, model.output.n_outputs
    weights = [slope.weights[None] for slope in form.slopes] + [mark.weights[None] for mark in form.marks]
    values = Values(model, weights, [None] * len(weights))
    head, body = "", ""
    if form.slopes:
        numbers = [model.preprocessor.columns[slope.column] for slope in form.slopes]
        head += tables.declare("columns", [slope.column for slope in form.slopes])
        for what in ("fill", "center", "scale"):
            head += tables.declare(f"{what}s", np.array([getattr(number, what) for number in numbers], np.float32))
        head += values.declare(tables, "weights", values.parts[: len(form.slopes)])[0]
        body += _SLOPES.format(name=name, n=len(form.slopes), k=k)
    if form.marks:
        marked, ask = marks(form, tables, values, "cell != cell", f"cell == {name}_mark_codes[i]")
        head += marked
        body += _MARKS.format(name=name, n=len(form.marks), k=k, ask=ask)
    finishing, finish = values.finish(tables, "sums[k]", form.base)
    return head + finishing + _evaluate(model, name, body, finish) + _PREDICT.format(name=name, k=k)


def _answer(
    content: bytes, model: Model, name: str, columns: list[NDArray[Any]]
) -> tuple[NDArray[Any], list[Any]] | None:
    path = compiler_to_verify()
    if path is None:
        return None
    return compiled(content, model, name, path, ("-O1",)).answer(model, columns)


TARGET = Target(_write, _answer, {Forest: 1e-12, Line: 1e-12})
