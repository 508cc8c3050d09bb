"""The estimators as steps that skl2onnx converts, so that a pipeline that holds one becomes one ONNX graph."""

from __future__ import annotations

import importlib
from typing import Any

from ._onnx import OPSETS, TARGET
from ._raw import raw_form


def register_with_skl2onnx() -> None:
    """Teach skl2onnx the typed estimators: ``skl2onnx.to_onnx(pipeline, X)`` then converts a pipeline that holds one.

    What the pipeline hands to the estimator must be what its graph reads: one matrix of numbers, or a column each
    where it was fitted on categories. `DistilledEstimator` is not among them, since skl2onnx tells classifiers from
    regressors by their class. To call this again does no harm.

    Raises
    ------
    ImportError
        skl2onnx is not installed.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skl2onnx import to_onnx
    >>> from skdistill import DistilledClassifier
    >>> from skdistill.exports import register_with_skl2onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = DistilledClassifier("logistic", "tree", blend=0.5, random_state=0)
    >>> pipeline = make_pipeline(StandardScaler(), clf).fit(X, y)
    >>> register_with_skl2onnx()
    >>> [output.name for output in to_onnx(pipeline, X[:1].astype("float32"), options={"zipmap": False}).graph.output]
    ['label', 'probabilities']
    """
    try:
        skl2onnx = importlib.import_module("skl2onnx")
    except ImportError as error:
        raise ImportError("register_with_skl2onnx needs the package skl2onnx: pip install skl2onnx.") from error
    from .. import DistilledClassifier, DistilledRegressor

    options = {"zipmap": [True, False, "columns"], "nocl": [True, False]}
    for estimator, allowed in ((DistilledClassifier, options), (DistilledRegressor, None)):
        skl2onnx.update_registered_converter(
            estimator,
            f"Skdistill{estimator.__name__}",
            _shape,
            _convert,
            options=allowed,
        )


def _shape(operator: Any) -> None:
    """Set the types of the outputs: labels and probabilities, or values."""
    types = importlib.import_module("skl2onnx.common.data_types")
    output = operator.raw_operator.to_model().output
    n = operator.inputs[0].get_first_dimension()
    operator.outputs[-1].type = types.FloatTensorType([n, output.n_outputs])
    if output.classes is not None:
        kind = output.labels.dtype.kind
        label = {"U": types.StringTensorType, "f": types.DoubleTensorType, "b": types.BooleanTensorType}
        operator.outputs[0].type = label.get(kind, types.Int64TensorType)([n])


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Copy the nodes of our graph, under names that are free."""
    onnx = importlib.import_module("onnx")
    model = operator.raw_operator.to_model()
    graph = onnx.load_from_string(TARGET.write(model, raw_form(model), "student")).graph
    given = [variable.full_name for variable in operator.inputs]
    if len(given) != len(graph.input):
        raise ValueError(
            f"The graph of {type(operator.raw_operator).__name__} reads {len(graph.input)} inputs, "
            f"{[wanted.name for wanted in graph.input]!r:.200}, but the pipeline hands it {len(given)}: "
            f"{given!r:.200}. Categories must reach it as a column each: convert it alone, or as the first step."
        )
    names = {own.name: out.full_name for own, out in zip(graph.output, operator.outputs, strict=True)}
    for wanted, name in zip(graph.input, given, strict=True):
        names[wanted.name] = scope.get_unique_variable_name(wanted.name)
        kind = wanted.type.tensor_type.elem_type  # a scaler of doubles hands on doubles
        container.add_node("Cast", [name], [names[wanted.name]], op_version=13, name=names[wanted.name], to=kind)
    for constant in graph.initializer:
        names[constant.name] = scope.get_unique_variable_name(constant.name)
        renamed = onnx.TensorProto()
        renamed.CopyFrom(constant)
        renamed.name = names[constant.name]
        container.initializers.append(renamed)
    for node in graph.node:
        for name in node.output:
            names.setdefault(name, scope.get_unique_variable_name(name))
        attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
        container.add_node(
            node.op_type,
            [names[name] for name in node.input],
            [names[name] for name in node.output],
            op_domain=node.domain,
            op_version=OPSETS[node.domain],
            name=scope.get_unique_operator_name(node.op_type),
            **attributes,
        )
