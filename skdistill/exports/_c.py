"""One C99 header: constant tables and static functions, nothing allocated, `exp` only where a softmax needs it."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..model import CategoryColumn, Model, NumericColumn
from ._export import Target
from ._raw import Below, Equals, Forest, Line, Missing
from ._verify import ExportMismatchError

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
    "simplex": """\
    double total = 0.0;
    int k;
    for (k = 0; k < {k}; k++) total += values[k] = values[k] > 0.0 ? values[k] : 0.0;
    for (k = 0; k < {k}; k++) values[k] = total > 0.0 ? values[k] / total : 1.0 / {k};
""",
}

#: What a split asks of a cell, by the kinds there are in a model.
_ASK = {
    0: "cell <= {name}_edges[node]",
    1: "!(cell > {name}_edges[node])",
    2: "cell == {name}_edges[node]",
    3: "cell != cell",
}

_SINGLE = """\
    const float *leaf = {name}_values + {m} * {name}_leaf(row, {root});
    int i;
    for (i = 0; i < {k}; i++) values[i] = leaf[i];
"""

_SUM = """\
    int i{extra};
    for (i = 0; i < {k}; i++) values[i] = {name}_base[i];
    for (i = 0; i < {n_trees}; i++) {add}
"""

_LINE = """\
    int i, k;
    for (k = 0; k < {k}; k++) values[k] = {name}_base[k];
"""
_SLOPES = """\
    for (i = 0; i < {n}; i++) {{
        float x = row[{name}_columns[i]];
        if (x != x) x = {name}_fills[i];
        x = x - {name}_centers[i];
        x = x * {name}_scales[i];
        x = x > FLT_MAX ? FLT_MAX : x < -FLT_MAX ? -FLT_MAX : x;
        for (k = 0; k < {k}; k++) values[k] += (double){name}_weights[{k} * i + k] * x;
    }}
"""
_MARKS = """\
    for (i = 0; i < {n}; i++) {{
        const float cell = row[{name}_mark_columns[i]];
        if ({name}_mark_codes[i] < 0 ? cell != cell : cell == {name}_mark_codes[i])
            for (k = 0; k < {k}; k++) values[k] += (double){name}_mark_weights[{k} * i + k];
    }}
"""

_TAIL = """\
static inline void {name}_evaluate(const float *row, double *values)
{{
{body}{link}}}

static inline int {name}_predict(const float *row)
{{
    double values[{k}];
    int best = 0, i;
    {name}_evaluate(row, values);
    for (i = 1; i < {k}; i++) if (values[i] > values[best]) best = i;
    return best;
}}

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
static inline float {name}_code(int column, const char *text)
{{
    static const int columns[] = {{{columns}}};
    static const int codes[] = {{{codes}}};
    static const char *const texts[] = {{{texts}}};
    int i;
    for (i = 0; i < {n}; i++) if (columns[i] == column && strcmp(texts[i], text) == 0) return (float)codes[i];
    return -1.0f;
}}
"""


class _Tables:
    """Counts the bytes of the tables that are written."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nbytes = 0

    def integers(self, values: list[int]) -> tuple[str, str]:
        """The smallest type that holds the values, and the values."""
        low, high = min(values), max(values)
        for bits, kind in ((8, "char"), (16, "short"), (32, "int")):
            if low >= 0 and high < 2**bits:
                name = f"unsigned {kind}"
                break
            if -(2 ** (bits - 1)) <= low and high < 2 ** (bits - 1):
                name = f"signed {kind}"
                break
        self.nbytes += len(values) * bits // 8
        return name, _lines(map(str, values))

    def floats(self, values: Any) -> str:
        flat = np.asarray(values, np.float32).ravel()
        self.nbytes += 4 * flat.size
        return _lines(map(_float, flat.tolist()))

    def declare(self, what: str, values: Any) -> str:
        """A whole table of integers (a list) or floats (an array)."""
        if isinstance(values, list):
            kind, text = self.integers(values)
        else:
            kind, text = "float", self.floats(values)
        return f"static const {kind} {self.name}_{what}[{np.size(values)}] = {{{text}}};\n"


def _lines(items: Iterable[str]) -> str:
    """Numbers, some on a line."""
    texts = list(items)
    return ",\n    ".join(", ".join(texts[start : start + 12]) for start in range(0, len(texts), 12))


def _float(value: float) -> str:
    """A float constant that is read as this very number."""
    if np.isinf(value):
        return "HUGE_VALF" if value > 0 else "-HUGE_VALF"
    text = f"{value:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def _string(text: str) -> str:
    """A string constant, in which nothing can end it: all but letters, digits and spaces are written as octals."""
    octals = "".join(chr(b) if (chr(b).isalnum() and b < 128) or b == 32 else f"\\{b:03o}" for b in text.encode())
    return f'"{octals}"'


def _comment(text: Any) -> str:
    """Text that cannot end a comment or continue its line."""
    return re.sub(r"[^\w .,:;=+()'-]", "_", str(text)).replace("\n", "_")[:200]


def _write(model: Model, form: Forest | Line, name: str) -> bytes:
    columns, k = model.preprocessor.columns, model.output.n_outputs
    tables = _Tables(name)
    if isinstance(form, Forest):
        head, body = _forest(form, tables, k)
    else:
        head, body = _line(form, tables, k, columns)
    link = _LINKS[model.output.link].format(k=k)
    link = "    {\n" + re.sub("(?m)^", "    ", link).rstrip(" ") + "    }\n" if link else ""
    labels = model.output.classes or model.output.targets
    codes = _codes(name, columns)
    described = [f" *   {i}: {_comment(column.name)}{_described(column)}" for i, column in enumerate(columns)]
    text = head + _TAIL.format(
        name=name,
        k=k,
        body=body,
        link=link,
        columns=_lines(_string(column.name) for column in columns),
        classes=_lines(_string(str(label)) for label in labels),
        codes=codes,
    )
    used = {"<math.h>": "exp(" in link or "HUGE_VALF" in head, "<float.h>": "FLT_MAX" in body, "<string.h>": codes}
    is_classes = model.output.classes is not None
    start = _HEAD.format(
        version=__version__,
        name=name,
        n=len(columns),
        nbytes=tables.nbytes,
        libm=" Link with -lm." if "exp(" in link else "",
        columns="\n".join(described),
        decision="the number of the class" if is_classes else "the number of the largest value",
        values=f"{k} {'probabilities' if is_classes else 'values'}: {', '.join(_comment(label) for label in labels)}",
        codes=f"\n * The code of a category: {name}_code(i, text)." if codes else "",
        includes="".join(f"#include {header}\n" for header, is_used in used.items() if is_used),
    )
    return (start + text).encode()


def _described(column: NumericColumn | CategoryColumn) -> str:
    if isinstance(column, NumericColumn):
        return ", a number"
    codes = ", ".join(f"{i} = {_comment(label)}" for i, label in enumerate(column.categories))
    return f", a category by its code: {codes or 'none'}; else -1"


def _codes(name: str, columns: tuple[NumericColumn | CategoryColumn, ...]) -> str:
    texts = [
        (i, code, label)
        for i, column in enumerate(columns)
        if isinstance(column, CategoryColumn)
        for code, label in enumerate(column.categories)
        if isinstance(label, str)
    ]
    if not texts:
        return ""
    return _CODE.format(
        name=name,
        n=len(texts),
        columns=_lines(str(i) for i, _, _ in texts),
        codes=_lines(str(code) for _, code, _ in texts),
        texts=_lines(_string(label) for _, _, label in texts),
    )


def _forest(form: Forest, tables: _Tables, k: int) -> tuple[str, str]:
    columns: list[int] = []
    edges: list[float] = []
    yes: list[int] = []
    no: list[int] = []
    kinds: list[int] = []
    roots: list[int] = []
    n_leaves = 0
    for tree in form.trees:
        start = len(columns)
        # Splits are numbered among splits, over all trees; leaves by their rows in the tables of values.
        number = np.cumsum([test is not None for test in tree.tests]) - 1 + start
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
            yes.append(place[i + 1])
            no.append(place[other])
            kinds.append(int(test.missing) if isinstance(test, Below) else 2 if isinstance(test, Equals) else 3)
            edges.append(test.edge if isinstance(test, Below) else test.category if isinstance(test, Equals) else 0.0)
    name = tables.name
    values = np.concatenate([np.zeros(0, np.float32), *(tree.value.ravel() for tree in form.trees)])
    outputs = [tree.output for tree in form.trees]
    m = k if None in outputs else 1
    head = ""
    if columns:
        splits = {"columns": columns, "edges": np.array(edges, np.float32), "yes": yes, "no": no}
        head = (
            "/* Each split: its column, the largest number that passes, and where to go if it passes and if not: "
            "a split,\n * or ~leaf. */\n"
        )
        head += "".join(tables.declare(what, given) for what, given in splits.items())
        distinct = sorted(set(kinds))
        asks = {kind: _ASK[kind].format(name=name) for kind in distinct}
        ask = asks[distinct[0]]
        if len(distinct) > 1:
            head += "/* What is asked: 0 at most the edge, 1 that or missing, 2 equal, 3 missing. */\n"
            head += tables.declare("kinds", kinds)
            ask = " : ".join(
                [f"{name}_kinds[node] == {kind} ? {asks[kind]}" for kind in distinct[:-1]] + [asks[distinct[-1]]]
            )
        head += f"""\

static inline int {name}_leaf(const float *row, int node)
{{
    while (node >= 0) {{
        const float cell = row[{name}_columns[node]];
        node = ({ask}) ? {name}_yes[node] : {name}_no[node];
    }}
    return ~node;
}}

"""
    else:  # no row is asked anything
        head = (
            f"static inline int {name}_leaf(const float *row, int node)\n{{\n    (void)row;\n    return ~node;\n}}\n\n"
        )
    if not form.trees:
        values = np.zeros(1, np.float32)
    tables_text = tables.declare("values", values)
    if len(form.trees) == 1 and not form.base.any() and m == k:
        return tables_text + head, _SINGLE.format(name=name, m=m, k=k, root=roots[0])
    tables_text += tables.declare("base", form.base)
    if not form.trees:
        return tables_text, f"    int i;\n    (void)row;\n    for (i = 0; i < {k}; i++) values[i] = {name}_base[i];\n"
    tables_text += tables.declare("roots", roots)
    if None not in outputs:
        tables_text += tables.declare("outputs", [output for output in outputs if output is not None])
        add, extra = f"values[{name}_outputs[i]] += {name}_values[{name}_leaf(row, {name}_roots[i])];", ""
    else:
        extra = ", j"
        add = (
            f"{{\n        const float *leaf = {name}_values + {k} * {name}_leaf(row, {name}_roots[i]);\n"
            f"        for (j = 0; j < {k}; j++) values[j] += leaf[j];\n    }}"
        )
    return tables_text + head, _SUM.format(name=name, k=k, n_trees=len(form.trees), add=add, extra=extra)


def _line(form: Line, tables: _Tables, k: int, columns: tuple[Any, ...]) -> tuple[str, str]:
    name = tables.name
    head, body = tables.declare("base", form.base), _LINE.format(name=name, k=k)
    if form.slopes:
        numbers = [columns[slope.column] for slope in form.slopes]
        head += tables.declare("columns", [slope.column for slope in form.slopes])
        for what in ("fill", "center", "scale"):
            head += tables.declare(f"{what}s", np.array([getattr(number, what) for number in numbers], np.float32))
        head += tables.declare("weights", np.array([slope.weights for slope in form.slopes]))
        body += _SLOPES.format(name=name, n=len(form.slopes), k=k)
    if form.marks:
        tests = [mark.test for mark in form.marks]
        head += tables.declare("mark_columns", [test.column for test in tests])
        head += tables.declare("mark_codes", [-1 if isinstance(test, Missing) else test.category for test in tests])
        head += tables.declare("mark_weights", np.array([mark.weights for mark in form.marks]))
        body += _MARKS.format(name=name, n=len(form.marks), k=k)
    if not form.slopes and not form.marks:
        body = f"    int k;\n    (void)row;\n    for (k = 0; k < {k}; k++) values[k] = {name}_base[k];\n"
    return head + "\n", body


#: Runs all rows, from a file that includes the header.
DRIVER = """
void {name}_run(const float *rows, long n, double *values, int *best);
void {name}_run(const float *rows, long n, double *values, int *best)
{{
    long i;
    for (i = 0; i < n; i++) {{
        {name}_evaluate(rows + i * {d}, values + i * {k});
        best[i] = {name}_predict(rows + i * {d});
    }}
}}
"""


def compile_header(content: bytes, model: Model, name: str, compiler: str, folder: str, *flags: str) -> ctypes.CDLL:
    """Build a shared library of a header in a folder, and load it; an ExportMismatchError if it does not compile."""
    with open(os.path.join(folder, f"{name}.h"), "wb") as file:
        file.write(content)
    source, library = (os.path.join(folder, f"{name}_driver.{suffix}") for suffix in ("c", "so"))
    with open(source, "w", encoding="utf-8") as file:
        driver = DRIVER.format(name=name, d=model.preprocessor.n_features_in, k=model.output.n_outputs)
        file.write(f'#include "{name}.h"\n{driver}')
    command = [compiler, "-std=c99", "-shared", "-fPIC", *flags, source, "-o", library, "-lm"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise ExportMismatchError(f"The C header does not compile: {done.stderr:.2000}")
    return ctypes.CDLL(library)


def coded_rows(model: Model, columns: list[NDArray[Any]]) -> NDArray[np.float32]:
    """Raw rows as the header takes them: float32, categories by their codes."""
    rows = np.full((len(columns[0]), len(columns)), np.nan, np.float32)
    for i, (column, cells) in enumerate(zip(model.preprocessor.columns, columns, strict=True)):
        if isinstance(column, CategoryColumn):
            code = {label: j for j, label in enumerate(column.categories)}
            rows[:, i] = [np.nan if cell is None else code.get(cell, -1) for cell in cells.tolist()]
        else:
            rows[:, i] = cells
    return rows


def _answer(
    content: bytes, model: Model, name: str, columns: list[NDArray[Any]]
) -> tuple[NDArray[Any], list[Any]] | None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        warnings.warn(
            "The C header was not verified, since no C compiler (cc, gcc, clang) was found on the PATH.", stacklevel=4
        )
        return None
    with tempfile.TemporaryDirectory() as folder:
        library = compile_header(content, model, name, compiler, folder, "-O1")
        return called(getattr(library, f"{name}_run"), model, columns)


def called(function: Any, model: Model, columns: list[NDArray[Any]]) -> tuple[NDArray[Any], list[Any]]:
    """Values and labels that a compiled header gives for raw rows."""
    rows = coded_rows(model, columns)
    values, best = np.empty((len(rows), model.output.n_outputs)), np.empty(len(rows), np.intc)
    at = [ctypes.c_void_p(array.ctypes.data) for array in (rows, values, best)]
    function(at[0], ctypes.c_long(len(rows)), *at[1:])
    labels = model.output.classes or model.output.targets
    return values, [labels[i] for i in best]


TARGET = Target(_write, _answer, {Forest: 1e-12, Line: 1e-12})
