"""An ONNX graph: encoding in float32, trees as one TreeEnsembleRegressor, lines as a product in float64."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..model import Additive, CategoryColumn, Decoded, Linear, Model, NumericColumn, Tree, TreeSum
from ..model._evaluate import MOST_EXPONENT
from ._export import Target
from ._raw import LARGEST, Forest, Line, base_of, origins, summed_trees

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Versions of the operators, ``ai.onnx`` and ``ai.onnx.ml``, and of the file, that runtimes since 2022 read.
OPSETS, _IR_VERSION = {"": 17, "ai.onnx.ml": 3}, 8


def _onnx(module: str = "onnx") -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError('Exporting to ONNX needs the package onnx: pip install "skdistill[onnx]".') from error


class _Graph:
    """Collects nodes and constants; names them so that they are no inputs' names."""

    def __init__(self, taken: set[str]) -> None:
        self.helper, self.numpy_helper = _onnx("onnx.helper"), _onnx("onnx.numpy_helper")
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._taken = taken

    def name(self, wish: str) -> str:
        while wish in self._taken:
            wish = f"_{wish}"
        self._taken.add(wish)
        return wish

    def constant(self, values: Any) -> str:
        name = self.name("constant")
        self.constants.append(self.numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        output = output or self.name(kind)
        self.nodes.append(self.helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def cast(self, value: str, kind: str, output: str | None = None) -> str:
        return self.add("Cast", value, output=output, to=getattr(_onnx().TensorProto, kind))


def _write(model: Model, form: Forest | Line, name: str) -> bytes:
    columns = model.preprocessor.columns
    names = _input_names(columns)
    graph = _Graph(set(names))
    inputs = [
        graph.helper.make_tensor_value_info(input_name, getattr(_onnx().TensorProto, kind), ["N", width])
        for input_name, (kind, width) in zip(names, _input_kinds(columns), strict=True)
    ]
    encoded, place, width = _encoded(graph, model, names)
    decoded = model.predictor if isinstance(model.predictor, Decoded) else None
    predictor = model.core.predictor
    assert not isinstance(predictor, Decoded)
    if isinstance(predictor, Linear):
        values, kind = _line(graph, predictor, encoded, place, width), "DOUBLE"
    else:
        values, kind = _trees(graph, model, predictor, encoded, place), "FLOAT"
    if decoded is not None:
        values, kind = _decoded(graph, decoded, values), "DOUBLE"
    if not isinstance(model.predictor, Tree):  # whose leaves hold what the link makes of them
        values = _linked(graph, model.output.link, values, model.output.n_outputs, kind)
    classes = model.output.classes
    answer = graph.name("variable" if classes is None else "probabilities")
    graph.cast(values, "FLOAT", answer)
    shapes = [graph.helper.make_tensor_value_info(answer, _onnx().TensorProto.FLOAT, ["N", model.output.n_outputs])]
    if classes is not None:
        labels = model.output.labels
        best = graph.add("ArgMax", values, axis=1, keepdims=0)
        texts = np.array(labels, dtype=object) if labels.dtype.kind == "U" else labels
        label = graph.add("Gather", graph.constant(texts), best, output=graph.name("label"))
        kind = {"U": "STRING", "i": "INT64", "f": "DOUBLE", "b": "BOOL"}[labels.dtype.kind]
        shapes.insert(0, graph.helper.make_tensor_value_info(label, getattr(_onnx().TensorProto, kind), ["N"]))
    proto = graph.helper.make_model(
        graph.helper.make_graph(graph.nodes, name, inputs, shapes, graph.constants),
        opset_imports=[graph.helper.make_opsetid(domain, version) for domain, version in OPSETS.items()],
        ir_version=_IR_VERSION,
        producer_name="skdistill",
        producer_version=__version__,
    )
    _onnx("onnx.checker").check_model(proto, full_check=True)
    return bytes(proto.SerializeToString())


def _input_names(columns: tuple[NumericColumn | CategoryColumn, ...]) -> list[str]:
    """One matrix X where all is numbers; else an input for each column, called like it."""
    if all(isinstance(column, NumericColumn) for column in columns):
        return ["X"]
    return [column.name or f"column {i}" for i, column in enumerate(columns)]


def _input_kinds(columns: tuple[NumericColumn | CategoryColumn, ...]) -> list[tuple[str, int]]:
    """Type and width of each input. Categories that are numbers come as doubles, which hold them."""
    if all(isinstance(column, NumericColumn) for column in columns):
        return [("FLOAT", len(columns))]
    return [("FLOAT" if isinstance(column, NumericColumn) else _category_kind(column), 1) for column in columns]


def _category_kind(column: CategoryColumn) -> str:
    are_texts = {isinstance(label, str) for label in column.categories}
    if len(are_texts) == 2:
        raise ValueError(f"ONNX cannot hold column {column.name!r}: its categories are partly text, partly numbers.")
    if are_texts == {False}:
        if any(float(label) != label for label in column.categories):
            raise ValueError(f"ONNX cannot hold column {column.name!r}: it has a category beyond 2**53.")
        return "DOUBLE"
    if column.missing and "" in column.categories:
        raise ValueError(
            f"ONNX cannot hold column {column.name!r}: empty text stands for a missing cell, but is a category there."
        )
    return "STRING"


def _encoded(graph: _Graph, model: Model, names: list[str]) -> tuple[str, list[int], int]:
    """The matrix that is encoded from the inputs, where in it each encoded feature stands, and its width."""
    columns = model.preprocessor.columns
    numbers = {i: column for i, column in enumerate(columns) if isinstance(column, NumericColumn)}
    blocks: list[str] = []
    at: dict[tuple[int, int | str], int] = {}
    if numbers:
        raw = names[0]
        if names != ["X"] or len(numbers) < len(columns):
            raw = graph.add("Concat", *(names[i] for i in numbers), axis=1)
        missing = graph.add("IsNaN", raw)
        fill, center, scale = (
            np.array([[getattr(column, part) for column in numbers.values()]], np.float32)
            for part in ("fill", "center", "scale")
        )
        values = graph.add("Where", missing, graph.constant(fill), raw)
        if any(column.is_scaled for column in numbers.values()):
            values = graph.add("Sub", values, graph.constant(center))
            values = graph.add("Mul", values, graph.constant(scale))
        ends = (graph.constant(np.float32(end)) for end in (-LARGEST, LARGEST))
        blocks.append(graph.add("Clip", values, *ends))
        at.update({(i, "number"): j for j, i in enumerate(numbers)})
        width = len(numbers)
        if any(column.missing for column in numbers.values()):
            blocks.append(graph.cast(missing, "FLOAT"))
            at.update({(i, "missing"): width + j for j, i in enumerate(numbers)})
            width *= 2
    else:
        width = 0
    for i, column in enumerate(columns):
        if isinstance(column, CategoryColumn):
            tells = [*range(len(column.categories)), *["missing"] * column.missing]
            if tells:
                blocks.append(_category(graph, column, names[i]))
                at.update({(i, tell): width + j for j, tell in enumerate(tells)})
                width += len(tells)
    if not blocks:  # columns of no categories: a matrix of no features
        count = graph.add("Shape", names[0], start=0, end=1)
        count = graph.add("Concat", count, graph.constant(np.array([1])), axis=0)
        blocks.append(graph.add("ConstantOfShape", count))
        width = 1
    encoded = blocks[0] if len(blocks) == 1 else graph.add("Concat", *blocks, axis=1)
    return encoded, [at[origin] for origin in origins(model.preprocessor)], width


def _category(graph: _Graph, column: CategoryColumn, raw: str) -> str:
    """One feature for each category, and one for missing cells: empty text, or NaN."""
    if _category_kind(column) == "STRING":
        texts = [*column.categories, *[""] * column.missing]
        ones = graph.add("OneHotEncoder", raw, cats_strings=texts, zeros=1, domain="ai.onnx.ml")
        return graph.add("Flatten", ones, axis=1)
    equal = graph.add("Equal", raw, graph.constant(np.array([column.categories], np.float64)))
    features = [graph.cast(equal, "FLOAT")]
    if column.missing:
        features.append(graph.cast(graph.add("IsNaN", raw), "FLOAT"))
    return graph.add("Concat", *features, axis=1)


def _line(graph: _Graph, predictor: Linear, encoded: str, place: list[int], width: int) -> str:
    coef = np.zeros((width, predictor.n_outputs))
    coef[place] = predictor.coef
    wide = graph.cast(encoded, "DOUBLE")
    product = graph.add("MatMul", wide, graph.constant(coef))
    return graph.add("Add", product, graph.constant(predictor.intercept.astype(np.float64)))


def _decoded(graph: _Graph, predictor: Decoded, outputs: str) -> str:
    product = graph.add("MatMul", graph.cast(outputs, "DOUBLE"), graph.constant(predictor.matrix.astype(np.float64)))
    return graph.add("Add", product, graph.constant(predictor.bias.astype(np.float64)))


def _trees(graph: _Graph, model: Model, predictor: Tree | Additive | TreeSum, encoded: str, place: list[int]) -> str:
    k = predictor.n_outputs
    trees = list(summed_trees(predictor)) or [_silent(k, predictor.n_features)]
    outputs = getattr(predictor, "output", None)
    feature = np.concatenate([tree.feature for tree in trees])
    node = np.concatenate([np.arange(len(tree.feature)) for tree in trees])
    number = np.concatenate([np.full(len(tree.feature), i) for i, tree in enumerate(trees)])
    right = np.concatenate([tree.right for tree in trees])
    is_leaf = feature < 0
    places = np.array([*place, 0])
    weights: list[float] = []
    targets: list[int] = []
    for i, tree in enumerate(trees):
        values = tree.value.astype(np.float64)
        if isinstance(model.predictor, Tree):
            values = model.output.activate(values)
        weights += values.ravel().tolist()
        own = [int(outputs[i])] if outputs is not None and len(outputs) else list(range(k))
        targets += own * len(values)
    each = len(weights) // int(is_leaf.sum())
    sums = graph.add(
        "TreeEnsembleRegressor",
        encoded,
        domain="ai.onnx.ml",
        n_targets=k,
        nodes_treeids=number.tolist(),
        nodes_nodeids=node.tolist(),
        nodes_featureids=np.where(is_leaf, 0, places[feature]).tolist(),
        nodes_values=np.concatenate([tree.threshold for tree in trees]).tolist(),
        nodes_modes=np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_truenodeids=np.where(is_leaf, 0, node + 1).tolist(),
        nodes_falsenodeids=right.tolist(),
        nodes_missing_value_tracks_true=[0] * len(node),
        target_treeids=np.repeat(number[is_leaf], each).tolist(),
        target_nodeids=np.repeat(node[is_leaf], each).tolist(),
        target_ids=targets,
        target_weights=weights,
    )
    if isinstance(predictor, Tree):
        return sums
    # onnxruntime forgets the operator's own base of an output that no tree adds to.
    return graph.add("Add", sums, graph.constant(base_of(predictor).astype(np.float32)))


def _silent(k: int, n_features: int) -> Tree:
    """A tree that adds nothing."""
    return Tree(np.array([-1]), np.zeros(1, np.float32), np.array([0]), np.zeros((1, k), np.float32), n_features)


def _linked(graph: _Graph, link: str, values: str, k: int, kind: str) -> str:
    if link == "identity":
        return values
    if link == "softmax":
        return graph.add("Softmax", values, axis=1)
    if link == "exp":  # in doubles, in which it is finite
        ends = [graph.constant(np.float64(end)) for end in (-MOST_EXPONENT, MOST_EXPONENT)]
        return graph.add("Exp", graph.add("Clip", graph.cast(values, "DOUBLE"), *ends))
    dtype = np.float32 if kind == "FLOAT" else np.float64
    shares = graph.add("Relu", values)
    total = graph.add("ReduceSum", shares, graph.constant(np.array([1])), keepdims=1)
    some = graph.add("Greater", total, graph.constant(dtype(0)))
    return graph.add("Where", some, graph.add("Div", shares, total), graph.constant(dtype(1 / k)))


def feeds(model: Model, columns: list[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Raw rows as the graph takes them."""
    described = model.preprocessor.columns
    names = _input_names(described)
    if len(names) == 1 and isinstance(described[0], NumericColumn):
        return {"X": np.column_stack(columns).astype(np.float32)}
    found: dict[str, NDArray[Any]] = {}
    for name, column, (kind, _), cells in zip(names, described, _input_kinds(described), columns, strict=True):
        if kind == "STRING":
            # Empty text that is no category is not known, but would be taken for missing.
            known = column.categories if isinstance(column, CategoryColumn) else ()
            stand_in = {None: "" if "" not in known else "\0", "": "" if "" in known else "\0"}
            cells = np.array([stand_in.get(cell, cell) for cell in cells.tolist()], dtype=object)
        dtype = {"FLOAT": np.float32, "DOUBLE": np.float64, "STRING": object}[kind]
        found[name] = cells.astype(dtype)[:, None]
    return found


def _answer(content: bytes, model: Model, name: str, columns: list[NDArray[Any]]) -> tuple[NDArray[Any], list[Any]]:
    X = feeds(model, columns)
    try:
        runtime = importlib.import_module("onnxruntime")
        session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    except ImportError:
        session = _onnx("onnx.reference").ReferenceEvaluator(_onnx().load_from_string(content))
    with np.errstate(all="ignore"):
        *labels, values = session.run(None, X)
    return values, labels[0].tolist() if labels else []


TARGET = Target(_write, _answer, {Forest: 1e-5, Line: 1e-6})
