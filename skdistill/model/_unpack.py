"""Reading the packed form of a model. Its layout, byte by byte, is in docs/packed_format.md.

Files may come from anywhere: every number is checked against the bytes that are left before anything of that size is
made, and what is built of them is checked again by the parts of the model form.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ._additive import Additive, PairTable
from ._bytes import Bytes
from ._columns import CategoryColumn, NumericColumn
from ._decoded import Decoded
from ._json import MAGIC, ModelFormatError
from ._output import Output
from ._pack import LINKS, MOST_BARE_COLUMNS, VALUES, VERSION
from ._precision import BITS, Precision
from ._predictors import Linear, Tree
from ._preprocessor import Preprocessor
from ._spare import Predictor, with_last_share
from ._tree_sum import TreeSum
from ._unpack_columns import read_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray


def unpack(data: bytes) -> tuple[Preprocessor, Predictor, Output, Precision]:
    """Read the parts of a model, or raise a ModelFormatError."""
    if data[:3] != MAGIC or len(data) < 8:
        raise ModelFormatError("it is not a packed model, which begins with 'skd' and a version.")
    if data[3] != VERSION:
        raise ModelFormatError(
            f"its format version is {data[3]}, and this skdistill reads packed models of version {VERSION}: "
            "upgrade skdistill."
        )
    if zlib.crc32(data[8:]) != int.from_bytes(data[4:8], "little"):
        raise ModelFormatError("its checksum does not match its content: it was damaged or edited.")
    try:
        return _read(Bytes(data[8:]))
    except ModelFormatError:
        raise
    except ValueError as error:  # of the parts of the model form
        raise ModelFormatError(str(error)) from error


class _Head(NamedTuple):
    """What the flags say."""

    kind: int
    link: str
    is_regression: bool
    is_flat: bool
    spares_last: bool
    spares_first: bool
    half: bool
    values: str
    is_listed: bool
    any_category: bool
    is_decoded: bool
    is_shifted: bool


def _head(first: int, second: int) -> _Head:
    if second > 127:
        raise ModelFormatError(f"its flags {first} and {second} have a meaning that this skdistill does not know.")
    head = _Head(
        kind=first & 3,
        link=LINKS[first >> 2 & 3],
        is_regression=bool(first & 16),
        is_flat=not first & 32,
        spares_last=bool(first & 64),
        spares_first=bool(first & 128),
        half=bool(second & 1),
        values=VALUES[second >> 1 & 3],
        is_listed=bool(second & 8),
        any_category=bool(second & 16),
        is_decoded=bool(second & 32),
        is_shifted=bool(second & 64),
    )
    if head.spares_last and head.link in ("identity", "exp"):
        raise ModelFormatError("its flags leave out the last output, which follows from no others under this link.")
    if head.spares_last and head.link == "simplex" and (head.kind != 0 or head.is_decoded):
        raise ModelFormatError("its flags leave out the last share of what is no tree.")
    if head.is_shifted and (head.kind != 2 or not head.values.startswith("int")):
        raise ModelFormatError("its flags give shifts to what has no tables of whole numbers.")
    if head.spares_first and head.kind != 2:
        raise ModelFormatError("its flags leave out the first bins of what has no tables.")
    return head


def _read(source: Bytes) -> tuple[Preprocessor, Predictor, Output, Precision]:
    head = _head(source.byte(), source.byte())
    n_outputs, n_columns = source.count(), source.count()
    if n_columns > max(MOST_BARE_COLUMNS, 8 * len(source.data)):
        raise ModelFormatError(f"it claims {n_columns} columns in {len(source.data)} bytes.")
    if not n_outputs:
        raise ModelFormatError("it has no outputs.")
    rank = source.byte() if head.is_decoded else 0
    if head.is_decoded and not rank:
        raise ModelFormatError("its core has no outputs.")
    columns, used, n_encoded = read_columns(source, n_columns, is_listed=head.is_listed, any_category=head.any_category)
    if head.is_decoded:
        plain = head._replace(link="identity", spares_last=False)
        core = _READ[head.kind](source, plain, used, n_encoded, rank)
        predictor = _read_decoder(source, head, core, n_outputs)
    else:
        predictor = _READ[head.kind](source, head, used, n_encoded, n_outputs)
    names, labels = _read_names(source, head, n_columns, n_outputs)
    preprocessor = Preprocessor(
        tuple(
            CategoryColumn(name, *arguments) if kind == "category" else NumericColumn(name, *arguments)
            for name, (kind, *arguments) in zip(names, columns, strict=True)
        )
    )
    if head.is_regression:
        output = Output("regression", head.link, None, labels, head.is_flat)
    else:
        output = Output("classification", head.link, labels, (), head.is_flat)
    return preprocessor, predictor, output, Precision("float16" if head.half else "float32", head.values)


def _read_names(source: Bytes, head: _Head, n_columns: int, n_outputs: int) -> tuple[tuple[Any, ...], Any]:
    if source.at == len(source.data):  # bare
        nameless = tuple(f"x{i}" for i in range(n_columns))
        if not head.is_regression:
            return nameless, tuple(range(n_outputs))
        return nameless, ("y",) if n_outputs == 1 else tuple(f"y{k}" for k in range(n_outputs))
    names = tuple(source.label() for _ in range(n_columns))
    labels = tuple(source.label() for _ in range(n_outputs))
    if source.at < len(source.data):
        raise ModelFormatError(f"{len(source.data) - source.at} bytes follow its end.")
    return names, labels


# Predictors


def _read_linear(source: Bytes, head: _Head, used: NDArray[np.intp], n_encoded: int, k: int) -> Linear:
    free = k - head.spares_last
    intercept = source.numbers(free)
    coef = np.zeros((n_encoded, k), np.float32)
    coef[used, :free] = _read_matrix(source, head, len(used), free)
    return Linear(coef, _padded(intercept, k))


def _read_additive(source: Bytes, head: _Head, used: NDArray[np.intp], n_encoded: int, k: int) -> Additive:
    free, first = k - head.spares_last, int(head.spares_first)
    edges = [np.zeros(0, np.float32)] * n_encoded
    for i in used:
        edges[i] = _read_edges(source, head)
    pairs = []
    for _ in range(source.count()):
        features = used[source.indices(2, len(used))].tolist()
        pairs.append((features, (_read_edges(source, head), _read_edges(source, head))))
    intercept = source.numbers(free)
    rows = [len(edges[i]) + 1 - first for i in used]
    cells = [len(ends[0]) * len(ends[1]) for _, ends in pairs]
    found = _padded(_read_matrix(source, head, sum(rows) + sum(cells), free, [*rows, *cells]), k)
    parts = np.split(found, np.cumsum([*rows, *cells]))
    tables = [np.zeros((1, k), np.float32)] * n_encoded
    for i, part in zip(used, parts, strict=False):
        tables[i] = np.pad(part, ((first, 0), (0, 0)))
    return Additive(
        tuple(edges), tuple(tables), _padded(intercept, k),
        tuple(
            PairTable(features, ends, np.pad(part.reshape(*map(len, ends), k), ((1, 0), (1, 0), (0, 0))))
            for (features, ends), part in zip(pairs, parts[len(used) :], strict=False)
        ),
    )  # fmt: skip


def _read_tree_sum(source: Bytes, head: _Head, used: NDArray[np.intp], n_encoded: int, k: int) -> TreeSum:
    n_trees = source.count()
    feature, threshold = _read_all_edges(source, head, used)
    output = source.indices(n_trees, k)
    sizes, is_split = _read_shapes(source, n_trees)
    numbers = source.indices(int(is_split.sum()), len(feature))
    base = source.numbers(k - head.spares_last)
    leaves = np.repeat(output, (sizes + 1) // 2)
    value = _read_values(source, head, leaves, k)[:, None]
    ends, trees = np.cumsum(sizes), []
    n_splits = np.cumsum((sizes - 1) // 2)
    n_leaves = np.cumsum((sizes + 1) // 2)
    for i in range(n_trees):
        own = numbers[n_splits[i] - (sizes[i] - 1) // 2 : n_splits[i]]
        here = is_split[ends[i] - sizes[i] : ends[i]]
        part = value[n_leaves[i] - (sizes[i] + 1) // 2 : n_leaves[i]]
        trees.append(_build(here, feature[own], threshold[own], _rights(here.tolist()), part, n_encoded))
    return TreeSum(tuple(trees), output, _padded(base, k), n_encoded)


def _read_tree(source: Bytes, head: _Head, used: NDArray[np.intp], n_encoded: int, k: int) -> Tree:
    free, n_splits = k - head.spares_last, source.count()
    is_split, right = _unfolded(source.indices(n_splits, n_splits).tolist())
    if head.half:
        feature, threshold = _read_all_edges(source, head, used)
        numbers = source.indices(n_splits, len(feature))
        feature, threshold = feature[numbers], threshold[numbers]
    else:
        feature = used[source.indices(n_splits, len(used))]
        threshold = source.numbers(n_splits)
    if head.link == "simplex" and head.values.startswith("int"):
        if not head.spares_last:
            raise ModelFormatError("shares that are whole numbers leave out the last one, and its flags do not.")
        value = _read_shares(source, head, n_splits + 1, k)
    else:
        value = _padded(_read_matrix(source, head, n_splits + 1, free), k)
        if head.spares_last and head.link == "simplex":
            value = with_last_share(value)
    return _build(is_split, feature, threshold, right, value, n_encoded)


def _read_decoder(source: Bytes, head: _Head, core: Any, k: int) -> Decoded:
    free, rank = k - head.spares_last, core.n_outputs
    bias = source.numbers(free)
    if head.values.startswith("int"):
        scales = source.numbers(rank).astype(np.float64)
        codes = _read_codes(source, "int8", rank * free, signed=True).reshape(rank, free)
        with np.errstate(over="ignore"):
            matrix = (codes * scales[:, None]).astype(np.float32)
    else:
        matrix = source.numbers(rank * free, "<f4" if head.values == "float32" else "<f2").reshape(rank, free)
    return Decoded(core, _padded(matrix, k), _padded(bias, k))


_READ: tuple[Any, ...] = (_read_tree, _read_linear, _read_additive, _read_tree_sum)


def _build(is_split: Any, feature: Any, threshold: Any, right: Any, value: Any, n_encoded: int) -> Tree:
    nodes = np.full(len(is_split), -1, np.int32)
    nodes[is_split] = feature
    thresholds = np.zeros(len(is_split), np.float32)
    thresholds[is_split] = threshold
    return Tree(nodes, thresholds, right, value, n_encoded)


def _read_edges(source: Bytes, head: _Head) -> NDArray[np.float32]:
    n = source.count()
    if head.half:
        return source.numbers(n // 2, "<f2" if n % 2 else "<f4")
    return source.numbers(n)


def _read_all_edges(source: Bytes, head: _Head, used: NDArray[np.intp]) -> tuple[NDArray[np.intp], Any]:
    """Feature and threshold of each edge."""
    edges = [np.zeros(0, np.float32), *(_read_edges(source, head) for _ in used)]
    return np.repeat(used, [len(e) for e in edges[1:]]), np.concatenate(edges)


def _read_shapes(source: Bytes, n_trees: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The number of nodes of each tree, and which nodes are splits: a tree ends with one leaf more than splits."""
    left = np.frombuffer(source.data, np.uint8, offset=source.at)
    if n_trees > 8 * len(left):
        raise ModelFormatError(f"it claims {n_trees} trees, and ends before.")
    steps = np.unpackbits(left, bitorder="little")
    balance = np.cumsum(2 * steps.astype(np.int64) - 1)
    # The first place where the balance is -1, -2, ...: where it is lower than ever before.
    lowest = np.minimum.accumulate(np.append(0, balance))
    ends = np.flatnonzero(np.diff(lowest) < 0)[:n_trees] + 1
    if len(ends) < n_trees:
        raise ModelFormatError(f"it claims {n_trees} trees, and ends before.")
    return np.diff(ends, prepend=0), source.bits(int(ends[-1]) if n_trees else 0)


def _rights(is_split: list[bool]) -> list[int]:
    """The right child of each node in preorder: the node after the left subtree."""
    right, waiting = [0] * len(is_split), []
    for node, split in enumerate(is_split):
        if split:
            waiting.append(node)
        elif waiting:
            right[waiting.pop()] = node + 1
    return right


def _unfolded(left: list[int]) -> tuple[NDArray[np.bool_], list[int]]:
    """Nodes in preorder, from how many splits each split has on its left side."""
    is_split: list[bool] = []
    right: list[int] = []
    number = 0
    waiting = [len(left)]  # the splits of subtrees to come
    while waiting:
        size = waiting.pop()
        is_split.append(size > 0)
        right.append(0)
        if size:
            if left[number] >= size:
                raise ModelFormatError(f"{left[number]} of {size} splits are said to be on the left of one of them.")
            right[-1] = len(right) + 2 * left[number] + 1
            waiting += [size - 1 - left[number], left[number]]
            number += 1
    return np.array(is_split), right


# Values


def _padded(values: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """Values of k outputs, the last of which may be missing and is zero."""
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, k - values.shape[-1])])


def _read_matrix(source: Bytes, head: _Head, n: int, free: int, sizes: list[int] | None = None) -> NDArray[np.float32]:
    output = np.tile(np.arange(free), n) if n * free <= 8 * len(source.data) else source.take(n * free)
    return _read_values(source, head, np.asarray(output), free, sizes).reshape(n, free)


def _read_values(
    source: Bytes, head: _Head, output: NDArray[Any], n_scales: int, sizes: list[int] | None = None
) -> NDArray[np.float32]:
    """Values, of each of which the output is given; and how many each table has, where tables may have a shift."""
    n = len(output)
    if head.values in ("float32", "float16"):
        return source.numbers(n, "<f4" if head.values == "float32" else "<f2")
    is_tree = head.kind == 0
    scale = source.numbers(n_scales).astype(np.float64)
    low = source.numbers(n_scales).astype(np.float64) if is_tree else np.zeros(n_scales)
    steps = scale[output]
    if head.is_shifted and sizes is not None:
        shifts = _read_codes(source, "int4", len(sizes) * n_scales, signed=False).reshape(len(sizes), n_scales)
        steps = steps / (1 << np.repeat(shifts, sizes, axis=0).ravel())
    codes = _read_codes(source, head.values, n, signed=not is_tree)
    values = low[output] + codes * steps
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _read_shares(source: Bytes, head: _Head, n_leaves: int, k: int) -> NDArray[np.float32]:
    total, exponent = source.byte(), source.signed()
    if not -126 <= exponent <= 0:
        raise ModelFormatError(f"one share must be a power of two from -126 to 0, not {exponent}.")
    codes = _read_codes(source, head.values, n_leaves * (k - 1), signed=False).reshape(n_leaves, k - 1)
    last = total - codes.sum(axis=1, keepdims=True)
    return np.ldexp(np.hstack([codes, last]).astype(np.float32), exponent)


def _read_codes(source: Bytes, stored: str, n: int, signed: bool) -> NDArray[np.int64]:
    found = source.array((n * BITS[stored] + 7) // 8, "u1").astype(np.int64)
    if stored == "int4":
        found = np.stack([found & 15, found >> 4], axis=1).ravel()[:n]
    middle = 2 ** (BITS[stored] - 1)
    return np.where(found < middle, found, found - 2 * middle) if signed else found
