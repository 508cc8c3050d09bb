"""Model files: versioned JSON that can be read by anything and is safe to load.

A file is one object: ``{"format": "skdistill.model", "format_version": 1, "library_version": ..., "checksum": ...,
"content": ...}``. The checksum is the CRC-32 of the content in canonical form: keys sorted, no spaces, all but ASCII
escaped. It finds damage, not tampering. Numbers are the shortest decimals that give back the same float32.
"""

from __future__ import annotations

import json
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .. import __version__
from ._additive import Additive, PairTable
from ._columns import CategoryColumn, NumericColumn
from ._decoded import Decoded
from ._labels import LABEL_TYPES, Label, label_type
from ._output import Output
from ._precision import Precision
from ._predictors import Linear, Tree
from ._preprocessor import Preprocessor
from ._spare import Predictor
from ._tree_sum import TreeSum

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = "skdistill.model"
FORMAT_VERSION = 1
#: What a packed file begins with; any other should be JSON.
MAGIC = b"skd"

#: The smallest number that float32 rounds to infinity: half a unit above its largest one. An int, compared exactly.
_ROUNDS_TO_INFINITY = 2**128 - 2**103


class ModelFormatError(ValueError):
    """A model file is damaged, is none, or is of a format that this version of skdistill does not read.

    >>> from skdistill.model import ModelFormatError
    >>> issubclass(ModelFormatError, ValueError)
    True
    """


def encode(preprocessor: Preprocessor, predictor: Predictor, output: Output, precision: Precision) -> bytes:
    """Write the parts of a model as the bytes of a file."""
    content: dict[str, Any] = {
        "preprocessor": {"columns": [_column_to_json(column) for column in preprocessor.columns]},
        "predictor": _predictor_to_json(predictor),
        "output": {
            "task": output.task,
            "link": output.link,
            "classes": None if output.classes is None else _labels_to_json(output.classes),
            "targets": list(output.targets),
            "flat": output.flat,
        },
    }
    if not precision.is_full:  # left out otherwise, so that a version that knows of no precision reads the file
        content["precision"] = {"inputs": precision.inputs, "values": precision.values}
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "library_version": __version__,
        "checksum": _checksum(content),
        "content": content,
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def decode(data: bytes) -> tuple[Preprocessor, Predictor, Output, Precision]:
    """Read the parts of a model, or raise a ModelFormatError."""
    try:
        return _decode(data)
    except RecursionError as error:  # from parsing, from the checksum, or from showing a value in a message
        raise ModelFormatError("it is nested too deeply.") from error


def _decode(data: bytes) -> tuple[Preprocessor, Predictor, Output, Precision]:
    document = _parse(data)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ModelFormatError(f"it is not a model file (its 'format' is not {FORMAT!r}).")
    version = document.get("format_version")
    if type(version) is int and version > FORMAT_VERSION:
        raise ModelFormatError(
            f"its format version is {version}, and this skdistill reads up to {FORMAT_VERSION}: upgrade skdistill."
        )
    fields = _object(document, "", "format", "format_version", "library_version", "checksum", "content")
    _, version, library_version, checksum, content = fields
    if type(version) is not int or version < 1:
        raise ModelFormatError(f"format_version must be an integer >= 1, not {version!r}.")
    _typed(library_version, str, "library_version")
    if _typed(checksum, int, "checksum") != _checksum(content):
        raise ModelFormatError("its checksum does not match its content: it was damaged or edited.")
    full = {"inputs": "float32", "values": "float32"}
    content = {"precision": full, **_typed(content, dict, "content")}
    preprocessor, predictor, output, precision = _object(
        content, "content", "preprocessor", "predictor", "output", "precision"
    )
    return (
        _read_preprocessor(preprocessor, "content.preprocessor"),
        _read_predictor(predictor, "content.predictor"),
        _read_output(output, "content.output"),
        _build(Precision, "content.precision", *_object(precision, "content.precision", "inputs", "values")),
    )


def _parse(data: bytes) -> Any:
    try:
        return json.loads(data.decode(), object_pairs_hook=_distinct_keys, parse_constant=_refuse_constant)
    except ModelFormatError:
        raise
    except ValueError as error:  # not UTF-8, not JSON, or an integer of thousands of digits
        raise ModelFormatError(f"it is not JSON ({error}).") from error


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        keys = sorted(key for key, _ in pairs)
        repeated = next(key for key, next_key in pairwise(keys) if key == next_key)
        raise ModelFormatError(f"an object repeats the key {repeated!r}.")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ModelFormatError(f"it holds {name}, and a model's numbers are finite.")


def _checksum(content: Any) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())


# Writing


def _column_to_json(column: NumericColumn | CategoryColumn) -> dict[str, Any]:
    if isinstance(column, CategoryColumn):
        categories = _labels_to_json(column.categories)
        return {"kind": "category", "name": column.name, "categories": categories, "missing": column.missing}
    fill, center, scale = shortest(np.array([column.fill, column.center, column.scale], dtype=np.float32))
    return {
        "kind": "numeric",
        "name": column.name,
        "dtype": "float32",
        "fill": fill,
        "center": center,
        "scale": scale,
        "missing": column.missing,
    }


def _predictor_to_json(predictor: Predictor) -> dict[str, Any]:
    if isinstance(predictor, Decoded):
        return {
            "kind": "decoded",
            "core": _predictor_to_json(predictor.core),
            "matrix": shortest(predictor.matrix),
            "bias": shortest(predictor.bias),
        }
    if isinstance(predictor, Linear):
        return {"kind": "linear", "coef": shortest(predictor.coef), "intercept": shortest(predictor.intercept)}
    if isinstance(predictor, Additive):
        additive = {
            "kind": "additive",
            "edges": [shortest(edges) for edges in predictor.edges],
            "tables": [shortest(table) for table in predictor.tables],
            "intercept": shortest(predictor.intercept),
        }
        # Left out where there are none, so that a version that knows of no pairs reads the file.
        return {**additive, "pairs": [_pair_to_json(pair) for pair in predictor.pairs]} if predictor.pairs else additive
    if isinstance(predictor, TreeSum):
        return {
            "kind": "tree_sum",
            "n_features": predictor.n_features,
            "trees": [_predictor_to_json(tree) for tree in predictor.trees],
            "output": predictor.output.tolist(),
            "base": shortest(predictor.base),
        }
    return {
        "kind": "tree",
        "n_features": predictor.n_features,
        "feature": predictor.feature.tolist(),
        "threshold": shortest(predictor.threshold),
        "right": predictor.right.tolist(),
        "value": shortest(predictor.value),
    }


def _pair_to_json(pair: PairTable) -> dict[str, Any]:
    return {
        "features": list(pair.features),
        "edges": [shortest(edges) for edges in pair.edges],
        "table": shortest(pair.table),
    }


def _labels_to_json(labels: tuple[Label, ...]) -> dict[str, Any]:
    return {"type": label_type(labels), "values": list(labels)}


def shortest(array: NDArray[np.float32]) -> Any:
    """Turn a float32 array into nested lists of floats whose decimals are the shortest that give back the same float32.

    >>> shortest(np.array([[0.1, 2.0]], dtype=np.float32))
    [[0.1, 2.0]]
    """
    doubles = np.array([float(str(number)) for number in array.ravel()]).reshape(array.shape)
    # A reader rounds twice, decimal to double to float32. Should that ever miss, the double itself is written.
    return np.where(doubles.astype(np.float32) == array, doubles, array.astype(np.float64)).tolist()


# Reading. Each function takes a piece of the document and its path, which an error names.


def _read_preprocessor(data: Any, path: str) -> Preprocessor:
    (columns,) = _object(data, path, "columns")
    parts = [
        _read_column(column, f"{path}.columns[{i}]")
        for i, column in enumerate(_typed(columns, list, f"{path}.columns"))
    ]
    return _build(Preprocessor, path, parts)


def _read_column(data: Any, path: str) -> NumericColumn | CategoryColumn:
    kind = _kind(data, path, ("numeric", "category"))
    if kind == "category":
        _, name, categories, missing = _object(data, path, "kind", "name", "categories", "missing")
        return _build(CategoryColumn, path, name, _read_labels(categories, f"{path}.categories"), missing)
    _, name, dtype, *numbers, missing = _object(
        data, path, "kind", "name", "dtype", "fill", "center", "scale", "missing"
    )
    if dtype != "float32":
        raise ModelFormatError(f"{path}.dtype must be 'float32', not {dtype!r}.")
    fill, center, scale = (
        _number(number, f"{path}.{key}") for number, key in zip(numbers, ("fill", "center", "scale"))
    )
    return _build(NumericColumn, path, name, *np.array([fill, center, scale], dtype=np.float32).tolist(), missing)


def _read_predictor(data: Any, path: str) -> Predictor:
    kind = _kind(data, path, ("tree", "linear", "additive", "tree_sum", "decoded"))
    if kind == "decoded":
        _, core, matrix, bias = _object(data, path, "kind", "core", "matrix", "bias")
        if _typed(core, dict, f"{path}.core").get("kind") == "decoded":  # so that reading goes one level deep
            raise ModelFormatError(f"{path}.core.kind must not be 'decoded'.")
        constants = _floats(bias, f"{path}.bias")
        inner = _read_predictor(core, f"{path}.core")
        return _build(Decoded, path, inner, _matrix(matrix, f"{path}.matrix", len(constants)), constants)
    if kind == "linear":
        _, coef, intercept = _object(data, path, "kind", "coef", "intercept")
        constants = _floats(intercept, f"{path}.intercept")
        return _build(Linear, path, _matrix(coef, f"{path}.coef", len(constants)), constants)
    if kind == "additive":
        keys = ("kind", "edges", "tables", "intercept", "pairs")
        _, edges, tables, intercept, pairs = _object({"pairs": [], **data}, path, *keys)
        constants = _floats(intercept, f"{path}.intercept")
        cuts = [_floats(e, f"{path}.edges[{i}]") for i, e in enumerate(_typed(edges, list, f"{path}.edges"))]
        parts = enumerate(_typed(tables, list, f"{path}.tables"))
        found = [_matrix(table, f"{path}.tables[{i}]", len(constants)) for i, table in parts]
        of_two = [
            _read_pair(pair, f"{path}.pairs[{i}]", len(constants))
            for i, pair in enumerate(_typed(pairs, list, f"{path}.pairs"))
        ]
        return _build(Additive, path, cuts, found, constants, of_two)
    if kind == "tree_sum":
        _, n_features, trees, output, base = _object(data, path, "kind", "n_features", "trees", "output", "base")
        parts = enumerate(_typed(trees, list, f"{path}.trees"))
        return _build(
            TreeSum,
            path,
            [_read_tree(tree, f"{path}.trees[{i}]") for i, tree in parts],
            _integers(output, f"{path}.output"),
            _floats(base, f"{path}.base"),
            _typed(n_features, int, f"{path}.n_features"),
        )
    return _read_tree(data, path)


def _read_tree(data: Any, path: str) -> Tree:
    _kind(data, path, ("tree",))
    names = ("kind", "n_features", "feature", "threshold", "right", "value")
    _, n_features, feature, threshold, right, value = _object(data, path, *names)
    rows = _typed(value, list, f"{path}.value")
    width = len(_typed(rows[0], list, f"{path}.value[0]")) if rows else 0
    tree: Tree = _build(
        Tree,
        path,
        _integers(feature, f"{path}.feature"),
        _floats(threshold, f"{path}.threshold"),
        _integers(right, f"{path}.right"),
        _matrix(rows, f"{path}.value", width),
        _typed(n_features, int, f"{path}.n_features"),
    )
    return tree


def _read_pair(data: Any, path: str, n_outputs: int) -> PairTable:
    features, edges, table = _object(data, path, "features", "edges", "table")
    cuts = [_floats(e, f"{path}.edges[{i}]") for i, e in enumerate(_typed(edges, list, f"{path}.edges"))]
    rows = [_matrix(row, f"{path}.table[{i}]", n_outputs) for i, row in enumerate(_typed(table, list, f"{path}.table"))]
    if len({len(row) for row in rows}) != 1:
        raise ModelFormatError(f"{path}.table must have rows of one length. It has {[len(row) for row in rows]!r:.60}.")
    return _build(PairTable, path, _integers(features, f"{path}.features").tolist(), cuts, np.stack(rows))


def _read_output(data: Any, path: str) -> Output:
    task, link, classes, targets, flat = _object(data, path, "task", "link", "classes", "targets", "flat")
    labels = None if classes is None else _read_labels(classes, f"{path}.classes")
    return _build(Output, path, task, link, labels, _typed(targets, list, f"{path}.targets"), flat)


def _read_labels(data: Any, path: str) -> list[Label]:
    name, values = _object(data, path, "type", "values")
    labels: list[Label] = _typed(values, list, f"{path}.values")
    if name == "float":  # as elsewhere, 1 will do for 1.0
        labels = [float(label) if type(label) is int and abs(label) <= 2**53 else label for label in labels]
    found = label_type(labels)
    if name != found or not (found in LABEL_TYPES or found == "mixed"):
        raise ModelFormatError(f"{path}.type must be the type of its values, {found!r}, not {name!r}.")
    return labels


def _build(kind: Any, path: str, *args: Any) -> Any:
    try:
        return kind(*args)
    except ValueError as error:
        raise ModelFormatError(f"{path}: {error}") from error


def _kind(data: Any, path: str, known: tuple[str, ...]) -> str:
    kind = _typed(data, dict, path).get("kind")
    if kind not in known:
        raise ModelFormatError(f"{path}.kind must be one of {known}, not {kind!r}.")
    return str(kind)


def _object(data: Any, path: str, *keys: str) -> list[Any]:
    """Return the values of an object that has exactly these keys."""
    found = _typed(data, dict, path)
    prefix = f"{path}." if path else ""
    for key in keys:
        if key not in found:
            raise ModelFormatError(f"{prefix}{key} is missing.")
    for key in found:
        if key not in keys:
            raise ModelFormatError(f"{path or 'the file'} has the unknown key {key!r}.")
    return [found[key] for key in keys]


def _typed(data: Any, kind: type, path: str) -> Any:
    if type(data) is not kind:  # a bool is not an int here
        raise ModelFormatError(f"{path} must be of JSON type {_JSON_NAMES[kind]}, not {data!r:.60}.")
    return data


_JSON_NAMES = {dict: "object", list: "array", str: "string", int: "integer"}


def _number(data: Any, path: str) -> float:
    if type(data) in (float, int) and abs(data) < _ROUNDS_TO_INFINITY:
        return float(data)
    raise ModelFormatError(f"{path} must be a number in the range of float32, not {data!r:.60}.")


def _floats(data: Any, path: str) -> NDArray[np.float32]:
    numbers = [_number(number, f"{path}[{i}]") for i, number in enumerate(_typed(data, list, path))]
    return np.array(numbers, dtype=np.float64).astype(np.float32)


def _integers(data: Any, path: str) -> NDArray[np.int64]:
    numbers = _typed(data, list, path)
    for i, number in enumerate(numbers):
        if not -(2**31) <= _typed(number, int, f"{path}[{i}]") < 2**31:
            raise ModelFormatError(f"{path}[{i}] must be an integer of 32 bits, not {number!r:.60}.")
    return np.array(numbers, dtype=np.int64)


def _matrix(data: Any, path: str, width: int) -> NDArray[np.float32]:
    rows = _typed(data, list, path)
    for i, row in enumerate(rows):
        if len(_typed(row, list, f"{path}[{i}]")) != width:
            raise ModelFormatError(f"{path}[{i}] must have {width} numbers. It has {len(row)}.")
    flat = [_number(number, f"{path}[{i}][{j}]") for i, row in enumerate(rows) for j, number in enumerate(row)]
    return np.array(flat, dtype=np.float64).astype(np.float32).reshape(len(rows), width)
