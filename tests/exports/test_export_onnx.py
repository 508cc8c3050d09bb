"""The ONNX graph in the real runtime, and in the reference of the format."""

from __future__ import annotations

import numpy as np
import onnxruntime as runtime
import pytest
from export_matrix import raw_table

from skdistill import export
from skdistill.exports import _onnx
from skdistill.exports._raw import raw_form
from skdistill.model import CategoryColumn, Model, NumericColumn, Output, Preprocessor, Tree


def graph_of(model: Model) -> bytes:
    return _onnx.TARGET.write(model, raw_form(model), "m")


def test_shapes_and_names(models, tmp_path):
    session = runtime.InferenceSession(export(models["full"], tmp_path / "student.onnx").read_bytes())
    described = [(i.name, i.type, i.shape) for i in session.get_inputs()]
    assert described == [
        ("age", "tensor(float)", ["N", 1]),
        ("dose", "tensor(float)", ["N", 1]),
        ("job", "tensor(string)", ["N", 1]),
        ("grade", "tensor(double)", ["N", 1]),
    ]
    described = [(o.name, o.type, o.shape) for o in session.get_outputs()]
    assert described == [("label", "tensor(string)", ["N"]), ("probabilities", "tensor(float)", ["N", 3])]
    for n in (0, 1, 7):
        rows = {
            "age": np.full((n, 1), 30, np.float32),
            "dose": np.zeros((n, 1), np.float32),
            "job": np.full((n, 1), "clerk", object),
            "grade": np.zeros((n, 1)),
        }
        label, probabilities = session.run(None, rows)
        assert label.shape == (n,)
        assert probabilities.shape == (n, 3)


def test_rows_of_a_caller(models):
    for name in ("mixed-sum-softmax", "scaled-linear-softmax", "nasty-additive-simplex"):
        model = models[name]
        table = raw_table(model, 200, seed=4)
        session = runtime.InferenceSession(graph_of(model))
        columns = [
            np.array(cells, float if isinstance(column, NumericColumn) else object)
            for column, cells in zip(model.preprocessor.columns, table.values(), strict=True)
        ]
        values = session.run(["probabilities"], _onnx.feeds(model, columns))[0]
        np.testing.assert_allclose(values, model.predict_proba(table), atol=1e-5)


def test_verified_without_the_runtime(models, tmp_path, monkeypatch):
    """The reference evaluator of the format stands in."""
    real = _onnx.importlib.import_module

    def without(name, *rest):
        if name == "onnxruntime":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(_onnx.importlib, "import_module", without)
    for name in ("plain-tree-simplex", "scaled-linear-softmax"):
        export(models[name], tmp_path / "student.onnx")


def test_absent_package_is_named(models, tmp_path, monkeypatch):
    def without(name, *rest):
        raise ImportError(name)

    monkeypatch.setattr(_onnx.importlib, "import_module", without)
    with pytest.raises(ImportError, match=r'pip install "skdistill\[onnx\]"'):
        export(models["full"], tmp_path / "student.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        (("a", 1), "its categories are partly text, partly numbers"),
        ((2**53 + 1,), r"it has a category beyond 2\*\*53"),
        (("", "a"), "empty text stands for a missing cell, but is a category there"),
    ],
)
def test_what_onnx_cannot_hold(categories, message):
    column = CategoryColumn("c", categories, missing=True)
    tree = Tree([-1], [0.0], [0], [[1.0]], len(categories) + 1)
    model = Model(Preprocessor([column]), tree, Output("regression", "identity", targets=("y",)))
    with pytest.raises(ValueError, match=f"ONNX cannot hold column 'c': {message}"):
        graph_of(model)


def test_inputs_and_answers_do_not_meet(tmp_path):
    columns = Preprocessor(
        [NumericColumn("label"), CategoryColumn("probabilities", ("a",)), CategoryColumn("none", ())]
    )
    tree = Tree([1, -1, -1], [0.5, 0, 0], [2, 0, 0], [[1, 0], [0, 1]], 2)
    export(Model(columns, tree, Output("classification", "simplex", ("x", "y"))), tmp_path / "student.onnx")
