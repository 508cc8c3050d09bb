"""One C99 header without floating point: integer cells in, a class and fixed-point scores out."""

from __future__ import annotations

import ctypes
import os
import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..model import CategoryColumn, Decoded, Model, NumericColumn, Tree
from ._c import ALL, EACH, PREDICT_LEAF, SINGLE, Cells, codes_of, described, marks, splits, tail
from ._c_tables import Tables, comment
from ._c_values import Values
from ._compile import build, compiler_to_verify
from ._export import Target
from ._raw import LARGEST, Below, Equals, Forest, Line, Test, ordinal, raw_form
from ._rows import adversarial_rows
from ._verify import ExportMismatchError
from ._whole import held

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A missing cell: above every number, so that no comparison with an edge holds.
MISSING = 2**31 - 1
#: Bits behind the point of a line's cells.
LINE_BITS = 16
#: A score keeps within so many bits, whatever the row.
SCORE_BITS = 62
#: How far a probability may be off: the powers of two are interpolated between 32 to an octave.
SHARE_TOLERANCE = 2.0**-12

_HEAD = """\
/* A model written by skdistill {version}, in C99 without floating point. Its tables take {nbytes} bytes,
 * names of columns, classes and categories aside.
 *
 * A row is an array of {n} int32_t, one for each raw column in this order; INT32_MAX where a cell is missing.
{how}
{columns}
 *
 * int  {name}_predict(const int32_t *row)                     {decision}
 * void {name}_scores(const int32_t *row, int64_t *scores)     {values}
{bits}{shares} * The names of columns and classes: {name}_column_name(i), {name}_class_name(k).{codes}
 */
#ifndef SKDISTILL_{name}_H
#define SKDISTILL_{name}_H
#include <stdint.h>
{includes}
"""

_CELL = """
/* The cell of a number, of the 32 bits of an IEEE 754 float: integers in the order of the numbers. */
static inline int32_t {name}_cell(uint32_t bits)
{{
    const int32_t size = (int32_t)(bits & 0x7fffffffu);
    return size > 0x7f800000 ? INT32_MAX : bits >> 31 ? -size : size;
}}
"""

_SCORES = """\

static inline void {name}_scores(const int32_t *row, int64_t *scores)
{{
    {total} sums[{k}] = {{0}};
    int k;
{body}    for (k = 0; k < {k}; k++) scores[k] = (int64_t){name}_units[k] * {sums}[k] + (int64_t){name}_base[k];
}}
"""

_SLOPES = """\
    for (i = 0; i < {n}; i++) {{
        const int32_t cell = row[{name}_columns[i]];
        const int64_t x = cell == INT32_MAX ? (int32_t){name}_fills[i] : cell;
        for (k = 0; k < {k}; k++) sums[k] += x * {name}_weights[{k} * i + k];
    }}
"""
_MARKS = """\
    for (i = 0; i < {n}; i++) {{
        const int32_t cell = row[{name}_mark_columns[i]];
        if ({ask})
            for (k = 0; k < {k}; k++) sums[k] += (int64_t){one} * {name}_mark_weights[{k} * i + k];
    }}
"""

_PREDICT = """\

static inline int {name}_predict(const int32_t *row)
{{
    int64_t scores[{k}];
    int best = 0, i;
    {name}_scores(row, scores);
{floor}    for (i = 1; i < {k}; i++) if (scores[i] > scores[best]) best = i;
    return best;
}}
"""
#: Under a simplex what is below zero counts as zero, and the first of equals is the answer.
_FLOOR = "    for (i = 0; i < {k}; i++) scores[i] = scores[i] > 0 ? scores[i] : 0;\n"

_SHARES = {
    "softmax": """\
    for (k = 0; k < {k}; k++) top = scores[k] > top ? scores[k] : top;
    for (k = 0; k < {k}; k++) {{
        /* e to the difference, as a power of two: in 1/65536, split into what is whole and what is looked up. */
        const uint64_t less = ((uint64_t)top - (uint64_t)scores[k]){shift};
        const uint64_t octaves = less >> 21 ? 31u << 16 : less * 94548u >> 16;
        const uint32_t at = octaves >> 11 & 31u, rest = octaves & 2047u;
        const uint64_t power = {name}_powers[at] - ((uint64_t)({name}_powers[at] - {name}_powers[at + 1]) * rest >> 11);
        parts[k] = octaves >> 16 > 30 ? 0 : power >> (octaves >> 16);
        total += parts[k];
    }}
""",
    "simplex": """\
    (void)top;
    for (k = 0; k < {k}; k++) total += parts[k] = scores[k] > 0 ? (uint64_t)scores[k] >> 16 : 0;
""",
}
_SHARE = """\

static inline void {name}_shares(const int32_t *row, uint32_t *shares)
{{
    int64_t scores[{k}], top;
    uint64_t parts[{k}], total = 0;
    int k;
    {name}_scores(row, scores);
    top = scores[0];
{link}    for (k = 0; k < {k}; k++)
        shares[k] = (uint32_t)(total ? (parts[k] * 65536u + total / 2) / total : 65536u / {k});
}}
"""

#: Runs many rows, in a file that includes the header.
_DRIVER = """
void {name}_all(const int32_t *rows, long n, int64_t *scores, int *choices, uint32_t *shares);
void {name}_all(const int32_t *rows, long n, int64_t *scores, int *choices, uint32_t *shares)
{{
    long i;
    for (i = 0; i < n; i++, rows += {d}, scores += {k}, shares += {k}) {{
        {name}_scores(rows, scores);
        choices[i] = {name}_predict(rows);
        {shares}
    }}
}}
"""


def _integer_edges(tests: list[Test]) -> list[int]:
    return [
        int(ordinal(np.float32(t.edge))) if isinstance(t, Below) else t.category if isinstance(t, Equals) else 0
        for t in tests
    ]


_INTEGERS = Cells(
    "int32_t",
    {
        (0,): "cell <= (int32_t){name}_edges[node]",
        (1,): "(cell <= (int32_t){name}_edges[node]) | (cell == INT32_MAX)",
        (0, 1): "(cell <= (int32_t){name}_edges[node]) | ({name}_kinds[node] & (cell == INT32_MAX))",
        (2,): "cell == (int32_t){name}_edges[node]",
        (3,): "cell == INT32_MAX",
    },
    _integer_edges,
)


def _write(model: Model, form: Forest | Line, name: str) -> bytes:
    if model.output.link == "exp" or isinstance(model.predictor, Decoded):
        what = "whose values are exponentials" if model.output.link == "exp" else "with a decoder"
        raise ValueError(f"The target 'c_int' takes no models {what}: integers hold neither. Export to 'c' instead.")
    tables, k, link = Tables(name), model.output.n_outputs, model.output.link
    code, bits = _forest(model, form, tables) if isinstance(form, Forest) else _line(model, form, tables)
    if not (isinstance(form, Forest) and isinstance(model.predictor, Tree)):
        floor = _FLOOR.format(k=k) if link == "simplex" else ""
        code += _PREDICT.format(name=name, k=k, floor=floor)
    if link != "identity":
        code += _shares(tables, link, bits[0], k)
    columns, labels = model.preprocessor.columns, model.output.classes or model.output.targets
    codes = codes_of(name, columns, "int32_t")
    how = f" * A number goes in as {name}_cell of its 32 bits, a category as its code."
    if isinstance(form, Line):
        how = " * A number goes in times what is said below, rounded, between -INT32_MAX and INT32_MAX - 1."
    points = ", ".join(f"score {i} / 2^{bit}" for i, bit in enumerate(bits))
    head = _HEAD.format(
        version=__version__,
        name=name,
        n=len(columns),
        nbytes=tables.nbytes,
        how=how,
        columns="\n".join(f" *   {i}: {comment(c.name)}{_input(c, form)}" for i, c in enumerate(columns)),
        decision="the number of the class" if model.output.classes else "the number of the largest value",
        values=f"{k} {'scores' if model.output.classes else 'values'}: {', '.join(map(comment, labels))}",
        bits=f" *      {points if len(set(bits)) > 1 else f'each in units of 2^-{bits[0]}'}\n",
        shares=f" * void {name}_shares(const int32_t *row, uint32_t *shares)    probabilities in 1/65536, to 2^-12\n"
        if link != "identity"
        else "",
        codes=f"\n * The code of a category: {name}_code(i, text)." if codes else "",
        includes="#include <string.h>\n" if codes else "",
    )
    return (head + code + tail(model, name, codes)).encode()


def _input(column: NumericColumn | CategoryColumn, form: Forest | Line) -> str:
    if isinstance(column, CategoryColumn) or isinstance(form, Forest):
        return described(column)
    return f", a number, times {column.scale * 2.0**LINE_BITS:.17g}"


def _fixed(
    model: Model, values: Values, base: NDArray[np.float64], reach: list[int], step: float
) -> tuple[list[int], list[int], list[int]]:
    """Integers for units and bases, and the bits behind the point of each score.

    Sums are at most `reach` steps of a unit. Of a regression each score has a point of its own.
    """
    k = model.output.n_outputs
    scales = np.ones(k) if values.units is None else values.units.astype(np.float64)
    units = np.where(np.array(reach) > 0, scales * step, 0.0)
    base = base + (0.0 if values.units is None else values.offsets.astype(np.float64))
    largest = units * np.array(reach, np.float64) + np.abs(base)
    if model.output.classes is not None:
        largest[:] = largest.max()
    bits = [SCORE_BITS - 1 - int(np.frexp(each)[1]) if each else 16 for each in largest.tolist()]
    if model.output.link == "softmax" and min(bits) < 16:
        raise ValueError(
            f"The target 'c_int' takes scores up to 2^45 under a softmax. Those of this model reach {largest.max():g}."
        )
    whole = [
        [round(float(np.ldexp(each, bit))) for each, bit in zip(part, bits, strict=True)] for part in (units, base)
    ]
    return whole[0], whole[1], bits


def _forest(model: Model, form: Forest, tables: Tables) -> tuple[str, list[int]]:
    name, k = tables.name, model.output.n_outputs
    outputs = [tree.output for tree in form.trees]
    values = Values(model, [tree.value for tree in form.trees], outputs, integers=True)
    head, kind = values.declare(tables, "values") if form.trees else ("", "")
    code, roots = splits(form, tables, _INTEGERS)
    reach = values.reach(outputs)
    units, base, bits = _fixed(model, values, form.base.astype(np.float64), reach, 1.0)
    head += tables.declare("units", units) + tables.declare("base", base) + code + _CELL.format(name=name)
    if isinstance(model.predictor, Tree):
        body = SINGLE.format(name=name, kind=kind, k=k, root=roots[0])
        chosen = model.output.activate(form.trees[0].value.astype(np.float64)).argmax(axis=1)
        scores = _scores(name, k, body, "leaf", "").replace(f"     sums[{k}] = {{0}};\n", "")
        choices = "/* What each leaf decides for. */\n" + tables.declare("choices", chosen.tolist())
        return head + choices + scores + PREDICT_LEAF.format(name=name, kind="int32_t", root=roots[0]), bits
    body = ""
    if form.trees:
        times, shifts = values.times(tables)
        head += tables.declare("roots", roots) + shifts
        body = (ALL if None in outputs else EACH).format(name=name, kind=kind, k=k, n=len(form.trees), times=times)
        if None not in outputs:
            head += tables.declare("outputs", outputs)
    return head + _scores(name, k, body, "sums", "int32_t" if max(reach) < 2**31 else "int64_t"), bits


def _scores(name: str, k: int, body: str, sums: str, total: str) -> str:
    body = ("    int i;\n" if "i++" in body else "") + ("" if "row" in body else "    (void)row;\n") + body
    return _SCORES.format(name=name, k=k, body=body, sums=sums, total=total)


def _line(model: Model, form: Line, tables: Tables) -> tuple[str, list[int]]:
    name, k = tables.name, model.output.n_outputs
    weights = [slope.weights[None] for slope in form.slopes] + [mark.weights[None] for mark in form.marks]
    values = Values(model, weights, [None] * len(weights), integers=True)
    codes = [np.asarray(part[0]) for part in values.parts]
    head, body = "", ""
    base, reach = form.base.astype(np.float64), [0] * k
    scales = np.ones(k) if values.units is None else values.units.astype(np.float64)
    if form.slopes:
        numbers = [model.preprocessor.columns[slope.column] for slope in form.slopes]
        fills = []
        for column, code in zip(numbers, codes, strict=False):
            assert isinstance(column, NumericColumn)
            base = base - scales * code * column.center * column.scale
            fills.append(int(_cells_of(column, np.array([column.fill]))[0]))
            reach = [total + abs(int(each)) * 2**31 for total, each in zip(reach, code, strict=True)]
        head += tables.declare("columns", [slope.column for slope in form.slopes]) + tables.declare("fills", fills)
        head += values.declare(tables, "weights", values.parts[: len(form.slopes)])[0]
        body += _SLOPES.format(name=name, n=len(form.slopes), k=k)
    if form.marks:
        marked, ask = marks(form, tables, values, "cell == INT32_MAX", f"cell == (int32_t){name}_mark_codes[i]")
        head += marked
        body += _MARKS.format(name=name, n=len(form.marks), k=k, ask=ask, one=2**LINE_BITS)
        for code in codes[len(form.slopes) :]:
            reach = [total + abs(int(each)) * 2**LINE_BITS for total, each in zip(reach, code, strict=True)]
    units, whole, bits = _fixed(model, values, base, reach, 2.0**-LINE_BITS)
    head += tables.declare("units", units) + tables.declare("base", whole)
    return head + _scores(name, k, body, "sums", "int64_t"), bits


def _shares(tables: Tables, link: str, bits: int, k: int) -> str:
    head = ""
    if link == "softmax":
        head = "/* 2^30 times 2^(-i / 32). */\n"
        head += tables.declare("powers", [round(2.0 ** (30 - i / 32)) for i in range(33)])
    found = _SHARES[link].format(name=tables.name, k=k, shift=f" >> {bits - 16}" if bits > 16 else "")
    return head + _SHARE.format(name=tables.name, k=k, link=found)


def _cells_of(column: NumericColumn, numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Numbers, none of them missing, as the cells of a line."""
    scaled = np.rint(np.clip(numbers * column.scale * 2.0**LINE_BITS, 1 - 2**31, MISSING - 1))
    return scaled.astype(np.int64)


def _rows(model: Model, form: Forest | Line) -> list[NDArray[Any]]:
    """Raw rows; for a line of numbers that its cells hold, which have neither its range nor all its digits."""
    columns = adversarial_rows(model, form)
    if isinstance(form, Forest):
        return columns
    for i, column in enumerate(model.preprocessor.columns):
        if isinstance(column, NumericColumn):
            missing = np.isnan(columns[i])
            held = _cells_of(column, np.where(missing, 0.0, columns[i])) / (column.scale * 2.0**LINE_BITS)
            columns[i] = np.where(missing, np.nan, np.clip(held, -LARGEST, LARGEST).astype(np.float32))
    return columns


def _integers(model: Model, form: Forest | Line, columns: list[NDArray[Any]]) -> NDArray[np.int32]:
    """Raw rows as the header takes them."""
    floats = model.preprocessor.cells(dict(zip(model.preprocessor.feature_names_in, columns, strict=True)))
    missing = np.isnan(floats)
    cells = np.zeros(floats.shape, np.int64)
    for i, (column, known) in enumerate(zip(model.preprocessor.columns, np.where(missing, 0, floats).T, strict=True)):
        if isinstance(column, CategoryColumn):
            cells[:, i] = known
        else:
            cells[:, i] = ordinal(known) if isinstance(form, Forest) else _cells_of(column, known.astype(np.float64))
    return np.where(missing, MISSING, cells).astype(np.int32)


def _answer(
    content: bytes, model: Model, name: str, columns: list[NDArray[Any]]
) -> tuple[NDArray[Any], list[Any]] | None:
    path = compiler_to_verify()
    if path is None:
        return None
    driver = driver_of(model, name)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, f"{name}.h"), "wb") as file:
            file.write(content)
        trouble = build(path, f'#include "{name}.h"\n{driver}', folder, ("-O1",))
        if trouble is not None:
            raise ExportMismatchError(f"The C header does not compile: {trouble:.2000}")
        return called(ctypes.CDLL(os.path.join(folder, "library.so")), model, name, columns)


def driver_of(model: Model, name: str) -> str:
    """A function of many rows that calls those of a header."""
    shares = f"{name}_shares(rows, shares);" if model.output.link != "identity" else "(void)shares;"
    return _DRIVER.format(name=name, d=model.preprocessor.n_features_in, k=model.output.n_outputs, shares=shares)


def called(
    library: ctypes.CDLL, model: Model, name: str, columns: list[NDArray[Any]]
) -> tuple[NDArray[Any], list[Any]]:
    """Values, of the scores, and labels for raw rows; probabilities that are off are an ExportMismatchError."""
    form = raw_form(model)
    cells = np.ascontiguousarray(_integers(model, form, columns))
    shape = len(cells), model.output.n_outputs
    scores, choices, shares = np.zeros(shape, np.int64), np.zeros(shape[0], np.intc), np.zeros(shape, np.uint32)
    at = [ctypes.c_void_p(array.ctypes.data) for array in (cells, scores, choices, shares)]
    getattr(library, f"{name}_all")(at[0], ctypes.c_long(len(cells)), *at[1:])
    values = model.output.activate(np.ldexp(scores.astype(np.float64), [-bit for bit in _bits(model, form)]))
    if model.output.link != "identity":
        off = np.abs(shares / 65536 - values).max(initial=0)
        if not off <= SHARE_TOLERANCE:
            raise ExportMismatchError(f"The export's probabilities are off by {off}, more than {SHARE_TOLERANCE}.")
    labels = model.output.classes or model.output.targets
    return values, [labels[i] for i in choices.tolist()]


def _bits(model: Model, form: Forest | Line) -> list[int]:
    """The bits behind the point of each score."""
    return (_forest(model, form, Tables("m")) if isinstance(form, Forest) else _line(model, form, Tables("m")))[1]


# Units are rounded to some 18 bits where sums of a line take the others.
TARGET = Target(_write, _answer, {Forest: 1e-9, Line: 2.0**-14}, _rows, held)
