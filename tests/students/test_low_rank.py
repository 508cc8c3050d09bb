"""Compressed targets: few columns, a decoder, and the same answers in every form."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_linnerud
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from skdistill import DistilledClassifier, LowRankStudent, Prune, Quantise, export
from skdistill.compression import compress, frontier
from skdistill.engine import MemoryEngine
from skdistill.model import Decoded, Linear, Model, NumericColumn, Output, Preprocessor
from skdistill.students import AdditiveStudent, BoostedStudent, LinearStudent, TreeStudent


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    X = np.float32(X / 16)
    Q = cross_val_predict(LogisticRegression(C=0.1), X[:1000], y[:1000], method="predict_proba", cv=3)
    return X[:1000], Q, X[1000:], y[1000:]


def loss(student, X, y):
    return float(-np.log(np.maximum(student.predict(X)[np.arange(len(y)), y], 1e-12)).mean())


def as_model(student, d):
    output = Output("classification", student.link_, tuple(range(student.n_outputs_)))
    return Model(Preprocessor([NumericColumn(f"x{i}") for i in range(d)]), student.predictor_, output)


@pytest.mark.parametrize(
    "inner", ["tree", LinearStudent(), AdditiveStudent(max_bins=4, pairs=0), BoostedStudent(n_trees=3)]
)
def test_rank_buys_loss_and_costs_bytes(digits, inner):
    X, Q, X_test, y_test = digits
    found = [LowRankStudent(inner, rank).fit(X, Q) for rank in (1, 4, 9)]
    losses, sizes = zip(*((loss(s, X_test, y_test), as_model(s, 64).nbytes) for s in found), strict=True)
    assert losses[0] > losses[1] > losses[2]
    assert sizes[0] < sizes[1] < sizes[2]
    assert [s.predictor_.rank for s in found] == [1, 4, 9]
    np.testing.assert_allclose(found[1].predict(X_test).sum(axis=1), 1)
    assert not found[1].predictor_.matrix[:, -1].any()


def test_a_tree_of_full_rank_is_the_tree(digits):
    X, Q, X_test, y_test = digits
    tree = TreeStudent(max_leaves=16).fit(X, Q)
    decoded = LowRankStudent(TreeStudent(max_leaves=16), 9).fit(X, Q)
    np.testing.assert_array_equal(decoded.predictor_.core.feature, tree.predictor_.feature)
    assert loss(decoded, X_test, y_test) == pytest.approx(loss(tree, X_test, y_test), rel=0.02)


def test_a_line_has_a_coefficient_matrix_of_low_rank(digits):
    X, Q, X_test, _ = digits
    predictor = LowRankStudent("linear", 3).fit(X, Q).predictor_
    core = predictor.core
    coef = core.coef.astype(float) @ predictor.matrix
    assert np.linalg.matrix_rank(coef) == 3
    constants = core.intercept.astype(float) @ predictor.matrix + predictor.bias
    whole = Linear(coef, constants)
    np.testing.assert_allclose(predictor.evaluate(X_test), whole.evaluate(X_test), atol=1e-4)


def test_values_of_full_rank_are_those_of_least_squares():
    X, Y = load_linnerud(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    whole = LinearStudent(alpha=1e-6).fit(X, Y)
    found = LowRankStudent(LinearStudent(alpha=1e-6), 3).fit(X, Y)
    assert found.link_ == "identity"
    np.testing.assert_allclose(found.predict(X), whole.predict(X), rtol=1e-3)
    assert LowRankStudent("tree", 1).fit(X, Y).predict(X).shape == Y.shape


def test_share_of_variance_chooses_the_rank(digits):
    X, Q, _, _ = digits
    few, many = (LowRankStudent("linear", share).fit(X, Q) for share in (0.5, 0.95))
    assert few.rank_ < many.rank_ < 10
    assert few.kept_ >= 0.5
    assert many.kept_ >= 0.95


def test_blocks_make_no_difference(digits):
    X, Q, X_test, _ = digits
    engine = MemoryEngine({"X": X, "Q": Q, "weight": np.ones(len(X))}, block_rows=100)
    for inner in ("tree", "linear"):
        blocked = LowRankStudent(inner, 3).fit_blocks(engine, 64, 10)
        np.testing.assert_allclose(
            blocked.predict(X_test), LowRankStudent(inner, 3).fit(X, Q).predict(X_test), atol=1e-3
        )


@pytest.mark.parametrize("values", ["float16", "int8", "int4"])
@pytest.mark.parametrize("inner", ["tree", "linear", "boosted"])
def test_quantised(digits, inner, values):
    X, Q, X_test, _ = digits
    if inner == "boosted":
        inner = BoostedStudent(n_trees=3)
    model = as_model(LowRankStudent(inner, 4).fit(X, Q), 64)
    small = compress(model, Quantise(values), X, Q).model
    assert small.precision.values == values
    assert isinstance(small.predictor, Decoded)
    assert small.nbytes < {"float16": 0.75, "int8": 0.6, "int4": 0.55}[values] * model.nbytes
    again = Model.from_bytes(small.to_bytes())
    np.testing.assert_array_equal(again.evaluate(X_test), small.evaluate(X_test))
    assert np.abs(small.evaluate(X_test) - model.evaluate(X_test)).mean() < 0.05


def test_distilled_says_ships_and_draws_it(digits, tmp_path):
    X, _, X_test, y_test = digits
    y = load_digits().target[:1000]
    clf = DistilledClassifier("logistic", LowRankStudent("tree", 4), compression=Quantise(), random_state=0).fit(X, y)
    assert clf.score(X_test, y_test) > 0.6
    assert "From these come 10 scores, whose softmax" in clf.rules()
    for suffix in ("py", "h", "sql", "onnx", "json", "bin"):
        assert export(clf, tmp_path / f"student.{suffix}").stat().st_size
    assert clf.report(X_test, y_test).to_html().startswith("<!")


@pytest.mark.parametrize("rank", [11, 300])
def test_rank_above_outputs(digits, rank):
    X, Q, _, _ = digits
    message = f"The 'rank' parameter of LowRankStudent must be at most the number of outputs, 10, and 255. Got {rank}"
    with pytest.raises(ValueError, match=re.escape(message)):
        LowRankStudent("tree", rank).fit(X, Q)


def test_parameters(digits):
    X, Q, _, _ = digits
    with pytest.raises(ValueError, match="The 'rank' parameter of LowRankStudent must be"):
        LowRankStudent("tree", 0).fit(X, Q)
    with pytest.raises(ValueError, match="The 'student' parameter of LowRankStudent must be"):
        LowRankStudent("forest").fit(X, Q)
    student = LowRankStudent(TreeStudent(max_leaves=8), 2)
    assert clone(student).get_params()["student__max_leaves"] == 8
    assert not LowRankStudent("boosted").streams
    assert LowRankStudent("linear").takes_sparse


def test_passes_that_cannot(digits):
    X, Q, _, _ = digits
    model = as_model(LowRankStudent("tree", 2).fit(X, Q), 64)
    with pytest.raises(ValueError, match="Prune takes no predictor whose outputs are decoded from few"):
        compress(model, Prune(), X, Q)
    assert len(frontier(model, X, Q).points) > 1


@pytest.mark.parametrize(
    ("matrix", "bias", "message"),
    [
        ([[1.0, 2.0]], [0.0], "a column for each value of 'bias'"),
        ([[1.0], [2.0]], [0.0], "The rank of Decoded must be at most the number of its outputs, 1, and 255. Got 2."),
        ([[np.inf, 0.0], [0.0, 0.0]], [0.0, 0.0], "'matrix' of Decoded must be finite"),
    ],
)
def test_parts_that_do_not_fit(matrix, bias, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Decoded(Linear(np.ones((3, 2)), np.zeros(2)), matrix, bias)
    with pytest.raises(ValueError, match="'core' of Decoded must be a Tree, Linear, Additive or TreeSum"):
        Decoded("tree", matrix, bias)
