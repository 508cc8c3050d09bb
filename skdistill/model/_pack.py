"""Writing the packed form of a model. Its layout, byte by byte, is in docs/packed_format.md."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ._additive import Additive
from ._columns import CategoryColumn, NumericColumn
from ._decoded import Decoded
from ._json import MAGIC
from ._labels import Label
from ._output import Output
from ._precision import BITS, Precision, grid, is_half, multiples
from ._predictors import Linear, Tree
from ._preprocessor import Preprocessor
from ._spare import Predictor, begins_with_zeros, shared_edges, spares_last, splits_of, used_features
from ._tree_sum import TreeSum

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1

KINDS: tuple[type, ...] = (Tree, Linear, Additive, TreeSum)
LINKS = ("identity", "softmax", "simplex", "exp")
VALUES = tuple(BITS)

# The first byte of a column; docs/packed_format.md has the others.
CATEGORY, FLAGGED_CATEGORY, FLAG_ALONE, LONG = 0, 1, 2, 128

# The first byte of a label, if it is not the length of a short text.
LONG_TEXT, FALSE, TRUE, INT8, INT16, INT32, INT64, FLOAT16, FLOAT32, FLOAT64 = range(240, 250)
NUMBERS = {
    INT8: "i1", INT16: "<i2", INT32: "<i4", INT64: "<i8", FLOAT16: "<f2", FLOAT32: "<f4", FLOAT64: "<f8"
}  # fmt: skip

#: A bare file of few bytes may have no more columns, so that what it takes to read is bounded.
MOST_BARE_COLUMNS = 65_536


def pack(preprocessor: Preprocessor, predictor: Predictor, output: Output, precision: Precision, names: bool) -> bytes:
    """Write the parts of a model as the bytes of a packed file, with or without its names and labels."""
    shape = 16 * (output.classes is None) + 32 * (output.classes is None and not output.flat)
    body = packed_numbers(predictor, output.link, preprocessor, precision, shape)
    if names:
        labels = (*preprocessor.feature_names_in, *(output.targets if output.classes is None else output.classes))
        body += b"".join(map(_label, labels))
    elif preprocessor.n_features_in > max(MOST_BARE_COLUMNS, 8 * len(body)):
        raise ValueError(
            f"A packed model of so few bytes has at most {MOST_BARE_COLUMNS} columns, or their names. "
            f"Got {preprocessor.n_features_in} columns: pass names=True."
        )
    return MAGIC + bytes([VERSION]) + zlib.crc32(body).to_bytes(4, "little") + body


def packed_numbers(
    predictor: Predictor, link: str, preprocessor: Preprocessor, precision: Precision, shape: int = 0
) -> bytes:
    """All that follows the checksum but names and labels; `shape` holds the flags that tell a regression."""
    decoded = predictor if isinstance(predictor, Decoded) else None
    core = predictor.core if isinstance(predictor, Decoded) else predictor
    used = used_features(core)
    parts = zip(preprocessor.columns, preprocessor.slices, strict=True)
    found = [(i, column, used[part].tolist()) for i, (column, part) in enumerate(parts) if used[part].any()]
    is_listed, places = _places([i for i, _, _ in found], preprocessor.n_features_in)
    half = precision.inputs == "float16"
    shares = isinstance(predictor, Tree) and link == "simplex" and precision.values.startswith("int")
    last = shares or spares_last(predictor, link)
    first = isinstance(core, Additive) and begins_with_zeros(core)
    any_category = any(isinstance(column, CategoryColumn) for column in preprocessor.columns)
    # What is left out of a decoded predictor is left out of its decoder.
    free = core.n_outputs - (last and decoded is None)
    pieces = _PIECES[type(core)](core, np.cumsum(used) - 1, used, half, free, int(first))
    if shares and isinstance(predictor, Tree):
        is_shifted, values = False, _shares(pieces.values[0], predictor.value, precision.values)
    else:
        is_shifted, values = _values(pieces, precision.values)
    return b"".join(
        [
            bytes(
                [
                    KINDS.index(type(core)) | LINKS.index(link) << 2 | shape | last << 6 | first << 7,
                    half
                    | VALUES.index(precision.values) << 1
                    | is_listed << 3
                    | any_category << 4
                    | (decoded is not None) << 5
                    | is_shifted << 6,
                ]
            ),
            count(predictor.n_outputs),
            count(preprocessor.n_features_in),
            b"" if decoded is None else bytes([decoded.rank]),
            places,
            *(_column(column, found_used) for _, column, found_used in found),
            *pieces.structure,
            floats(pieces.constants),
            values,
            b"" if decoded is None else _decoder(decoded, precision.values, predictor.n_outputs - last),
        ]
    )


def _decoder(decoded: Decoded, stored: str, free: int) -> bytes:
    """The bias, and the matrix row by row, of 8 bits where other values have 8 or 4."""
    matrix = decoded.matrix[:, :free]
    if stored.startswith("int"):
        found = [grid(row) for row in matrix]
        scales = [row[0] for row in found if row is not None]
        codes = [row[1] for row in found if row is not None]
        assert len(codes) == len(matrix)  # as `check_precision` has made sure
        body = floats(scales) + _codes(np.concatenate(codes), "int8")
    else:
        body = halves(matrix) if stored == "float16" else floats(matrix)
    return floats(decoded.bias[:free]) + body


def _places(numbers: list[int], n_columns: int) -> tuple[bool, bytes]:
    """Which columns are used: a bit for each, or the steps from one to the next, whichever is shorter."""
    bits = np.zeros(n_columns, dtype=bool)
    bits[numbers] = True
    as_bits = np.packbits(bits, bitorder="little").tobytes()
    steps = np.diff(numbers, prepend=-1) - 1
    as_steps = count(len(numbers)) + b"".join(map(count, steps.tolist()))
    return (True, as_steps) if len(as_steps) < len(as_bits) else (False, as_bits)


# Columns


def _column(column: NumericColumn | CategoryColumn, used: list[bool]) -> bytes:
    if isinstance(column, CategoryColumn):
        # The indicator of missing values comes last, after the categories: zip leaves it out.
        labels = [label for label, is_used in zip(column.categories, used) if is_used]
        flagged = column.missing and used[-1]
        return bytes([FLAGGED_CATEGORY if flagged else CATEGORY]) + count(len(labels)) + b"".join(map(_label, labels))
    if not used[0]:
        return bytes([FLAG_ALONE])
    flagged = column.missing and used[1]
    fraction, exponent = np.frexp(column.scale)
    exponent = int(exponent) - 1
    is_power = fraction == 0.5 and -126 <= exponent <= 127
    eighths = column.fill * column.scale * 8
    if column.fill == column.center:
        fill_form, fill = 0, b""
    elif is_power and eighths == round(eighths) and -128 <= eighths <= 127 and exponent <= 124:
        fill_form, fill = 1, int(eighths).to_bytes(1, "little", signed=True)
    else:
        fill_form, fill = _number(column.fill)
    if is_power and -15 <= exponent <= 15 and column.center == 0 and not flagged:
        return bytes([(exponent + 16) << 2 | fill_form]) + fill
    center_form, center = (0, b"") if column.center == 0 else _number(column.center)
    scale_form, scale = 3, floats(column.scale)
    if is_power:
        scale_form, scale = (0, b"") if exponent == 0 else (1, exponent.to_bytes(1, "little", signed=True))
    first = LONG | fill_form | center_form << 2 | scale_form << 4 | flagged << 6
    return bytes([first]) + fill + center + scale


def _number(value: float) -> tuple[int, bytes]:
    """A number in 2 bytes (form 2) or 4 (form 3)."""
    if is_half(np.array([value], np.float32)):
        return 2, halves(value)
    return 3, floats(value)


def _label(label: Label) -> bytes:
    if isinstance(label, str):
        text = label.encode()
        return (bytes([len(text)]) if len(text) < LONG_TEXT else bytes([LONG_TEXT]) + count(len(text))) + text
    if isinstance(label, bool):
        return bytes([TRUE if label else FALSE])
    kind = "f" if isinstance(label, float) else "i"
    dtypes = [(tag, np.dtype(dtype)) for tag, dtype in NUMBERS.items() if np.dtype(dtype).kind == kind]
    with np.errstate(over="ignore"):
        forms = [(tag, np.array(label).astype(dtype)) for tag, dtype in dtypes]
    tag, held = next((tag, held) for tag, held in forms if held.item() == label)
    return bytes([tag]) + held.tobytes()


# Predictors


class _Pieces(NamedTuple):
    """What a predictor stores."""

    structure: list[bytes]
    constants: NDArray[np.float32]
    #: In the order in which they are stored, and the output of each.
    values: tuple[NDArray[np.float32], NDArray[np.int32]]
    n_scales: int
    #: Leaves of a tree begin at the smallest.
    has_lows: bool = False
    #: How many values of an output each table has, where tables may have a shift.
    sizes: list[int] | None = None


def _linear(line: Linear, number: Any, used: NDArray[np.bool_], half: bool, free: int, first: int) -> _Pieces:
    return _Pieces([], line.intercept[:free], _by_row(line.coef[used, :free]), free)


def _additive(form: Additive, number: Any, used: NDArray[np.bool_], half: bool, free: int, first: int) -> _Pieces:
    structure, values = [], [np.zeros((0, form.n_outputs), np.float32)]
    for i in np.flatnonzero(used).tolist():
        is_flat = not form.tables[i].any()
        structure.append(_edges(form.edges[i][: 0 if is_flat else None], half))
        values.append(form.tables[i][first : 1 if is_flat else None])
    pairs = [pair for pair in form.pairs if pair.table.any()]
    structure.append(count(len(pairs)))
    width = index_type(int(used.sum()))
    for pair in pairs:
        structure += [number[list(pair.features)].astype(width).tobytes(), *(_edges(e, half) for e in pair.edges)]
        values.append(pair.table[1:, 1:].reshape(-1, form.n_outputs))
    found = _by_row(np.concatenate(values)[:, :free])
    return _Pieces(structure, form.intercept[:free], found, free, sizes=[len(rows) for rows in values[1:]])


def _tree_sum(form: TreeSum, number: Any, used: Any, half: bool, free: int, first: int) -> _Pieces:
    edges = shared_edges(form)
    nodes = np.concatenate([np.zeros(0, np.int32), *(tree.feature for tree in form.trees)])
    structure = [count(form.n_trees), *(_edges(e, half) for e in edges.values())]
    structure.append(form.output.astype(index_type(form.n_outputs)).tobytes())
    structure.append(np.packbits(nodes >= 0, bitorder="little").tobytes())
    structure.append(_edge_numbers(form.trees, edges))
    leaves = [np.zeros(0, np.float32), *(tree.value[:, 0] for tree in form.trees)]
    output = np.repeat(form.output, [tree.n_leaves for tree in form.trees])
    return _Pieces(structure, form.base[:free], (np.concatenate(leaves), output), form.n_outputs)


def _tree(tree: Tree, number: Any, used: NDArray[np.bool_], half: bool, free: int, first: int) -> _Pieces:
    is_split = tree.feature >= 0
    at = np.flatnonzero(is_split)
    # The left subtree ends where the right one begins, and has one leaf more than splits.
    left = (tree.right[at] - at - 2) // 2
    structure = [count(len(at)), left.astype(index_type(len(at))).tobytes()]
    if half:
        edges = shared_edges(tree)
        structure += [*(_edges(e, True) for e in edges.values()), _edge_numbers((tree,), edges)]
    else:
        features = number[tree.feature[at]].astype(index_type(int(used.sum())))
        structure += [features.tobytes(), floats(tree.threshold[at])]
    return _Pieces(structure, np.zeros(0, np.float32), _by_row(tree.value[:, :free]), free, has_lows=True)


_PIECES: dict[type, Any] = {Tree: _tree, Linear: _linear, Additive: _additive, TreeSum: _tree_sum}


def _by_row(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    return values.ravel(), np.tile(np.arange(values.shape[1], dtype=np.int32), len(values))


def _edges(edges: NDArray[np.float32], half: bool) -> bytes:
    """How many there are, and the edges; with `half`, the lowest bit of the number tells of edges of 2 bytes."""
    if not half:
        return count(len(edges)) + floats(edges)
    short = is_half(edges)
    return count(2 * len(edges) + short) + (halves(edges) if short else floats(edges))


def _edge_numbers(trees: Iterable[Tree], edges: dict[int, NDArray[np.float32]]) -> bytes:
    """For each split of each tree the number of its edge, counted over all features."""
    feature, threshold = splits_of(trees)
    numbers, start = np.zeros(len(feature), np.int64), 0
    for j, cuts in edges.items():
        here = feature == j
        numbers[here] = start + np.searchsorted(cuts, threshold[here])
        start += len(cuts)
    return numbers.astype(index_type(start)).tobytes()


# Values


def _values(pieces: _Pieces, stored: str) -> tuple[bool, bytes]:
    """Whether tables have shifts, and the values."""
    values, output = pieces.values
    if stored == "float32":
        return False, floats(values)
    if stored == "float16":
        return False, halves(values)
    codes = np.zeros(len(values), np.int64)
    scales, lows, shifts = [], [], []
    for k in range(pieces.n_scales):
        own = values[output == k]
        if pieces.has_lows:
            found = grid(own)
            assert found is not None  # as `check_precision` has made sure
            scale, whole = found
            lows.append(int(whole.min()) * scale)
            whole = whole - whole.min()
        else:
            fitting = multiples(own, pieces.sizes or [len(own)], stored)
            assert fitting is not None
            scale, shift, whole = fitting
            shifts.append(shift)
        scales.append(scale)
        codes[output == k] = whole
    by_table = np.stack(shifts, axis=1).ravel() if pieces.sizes and shifts else np.zeros(0, np.int64)
    is_shifted = bool(by_table.any())
    packed_shifts = _codes(by_table, "int4") if is_shifted else b""
    return is_shifted, floats(scales) + floats(lows) + packed_shifts + _codes(codes, stored)


def _shares(free_values: NDArray[np.float32], value: NDArray[np.float32], stored: str) -> bytes:
    """Leaves as whole shares of one sum: the sum, the exponent of the power of two that is one share, the shares."""
    found = grid(value.ravel())
    assert found is not None
    unit, codes = found
    total, most = int(codes.reshape(value.shape)[0].sum()), 2 ** BITS[stored] - 1
    fraction, exponent = np.frexp(unit)
    while fraction != round(fraction):  # to an odd whole number
        fraction, exponent = 2 * fraction, exponent - 1
    # Answers are quotients, and do not change where one share is taken for another number than it was.
    odd = int(fraction) if int(fraction) * total <= most else 1
    exponent = int(exponent) if -126 <= exponent <= 0 else 0
    whole = np.rint(free_values.astype(np.float64) / unit).astype(np.int64) * odd
    return bytes([total * odd]) + exponent.to_bytes(1, "little", signed=True) + _codes(whole, stored)


def _codes(codes: NDArray[np.int64], stored: str) -> bytes:
    """Integers of 8 bits, or of 4 bits, the first of two in the lower half of a byte."""
    low = (codes & 255).astype(np.uint8)
    if stored == "int8":
        return low.tobytes()
    pairs = np.pad(low & 15, (0, len(low) % 2)).reshape(-1, 2)
    return (pairs[:, 0] | pairs[:, 1] << 4).tobytes()


# Numbers


def count(number: int) -> bytes:
    """A whole number in 7 bits a byte, the lowest first; the highest bit tells that more follow.

    >>> list(count(5)), list(count(300))
    ([5], [172, 2])
    """
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)


def index_type(n: int) -> str:
    """The dtype that tells `n` things apart."""
    return "u1" if n <= 256 else "<u2" if n <= 65_536 else "<u4"


def floats(values: Any) -> bytes:
    return np.asarray(values, "<f4").tobytes()


def halves(values: Any) -> bytes:
    return np.asarray(values, "<f2").tobytes()
