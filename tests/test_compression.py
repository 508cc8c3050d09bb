"""Compression as a parameter: one truth in predictions, attributes, models, reports and pickles."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from committees import exact_classifiers, exact_regressors
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skdistill import (
    AdditiveStudent,
    BoostedStudent,
    DistilledClassifier,
    DistilledEstimator,
    DistilledRegressor,
    LinearStudent,
    TreeStudent,
)
from skdistill._shipped import Workshop, resolve_chains
from skdistill._transfer import Table, TransferSet
from skdistill.compression import Prune, Quantise, Sparsify, compress
from skdistill.preprocessing import TableEncoder

STUDENTS = [TreeStudent(), LinearStudent(), AdditiveStudent(max_bins=16), BoostedStudent(n_trees=10)]
CHAIN = [Sparsify(0.01), Prune(0.002), Quantise("int4")]


@pytest.mark.parametrize("student", STUDENTS, ids=lambda student: type(student).__name__)
def test_all_speak_of_the_compressed_student(student):
    X, y = load_iris(return_X_y=True, as_frame=True)
    plain = DistilledClassifier(exact_classifiers(), student, blend=0.3, random_state=0).fit(X, y)
    clf = clone(plain).set_params(compression=CHAIN).fit(X, y)
    model = clf.to_model()
    assert model.precision.values == "int4"
    assert model.nbytes < plain.to_model().nbytes
    # The passes saw the training rows, with the labels that the student learned.
    assert [step["name"].split("(")[0] for step in clf.compression_] == ["Sparsify", "Prune", "Quantise"]
    assert clf.compression_[0]["nbytes_before"] == plain.to_model().nbytes
    assert clf.compression_[-1]["nbytes_after"] == model.nbytes
    proba = model.predict_proba(X)
    np.testing.assert_array_equal(clf.predict_proba(X), proba)
    np.testing.assert_array_equal(clf.predict(X), model.predict(X))
    np.testing.assert_array_equal(clf.student_.predict(clf.encoder_.transform(X)), proba)
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict_proba(X), proba)
    assert loaded.to_model().nbytes == model.nbytes
    if hasattr(clf, "decision_function"):
        np.testing.assert_array_equal(clf.decision_function(X), model.decision(X))
    report = clf.report(X, y)
    line = next(row for row in report.rows if row["role"] == "student")
    assert (line["nbytes"], line["accuracy"]) == (model.nbytes, (model.predict(X) == y).mean())
    # The rival has gone through the same passes.
    assert clf.hard_student_.precision_.values == "int4"
    hard = next(row for row in report.rows if row["role"] == "hard")
    assert hard["nbytes"] < next(row for row in plain.report(X, y).rows if row["role"] == "hard")["nbytes"]
    assert any(f"to {model.nbytes:,} bytes" in note and "150 training rows" in note for note in report.notes)


def test_it_is_what_compress_makes_of_the_student():
    X, y = load_diabetes(return_X_y=True)
    plain = DistilledRegressor(exact_regressors(), "linear", blend=1.0, random_state=0).fit(X, y)
    reg = clone(plain).set_params(compression=["sparsify", "quantise"]).fit(X, y)
    by_hand = compress(plain.to_model(), [Sparsify(), Quantise()], X, y)
    np.testing.assert_array_equal(reg.predict(X), by_hand.model.predict(X))
    assert reg.compression_ == by_hand.frame()
    np.testing.assert_array_equal(reg.student_.coef_, reg.to_model().predictor.coef.T)


def test_nothing_is_done_by_default():
    X, y = load_iris(return_X_y=True)
    clf = DistilledEstimator(exact_classifiers(), task="classification").fit(X, y)
    assert clf.compression_ == []
    assert clf.to_model().precision.is_full


def test_raw_tables_with_labels_and_gaps():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"size": rng.normal(size=200), "shape": pd.Categorical(rng.choice(["round", "square"], 200))})
    X.loc[::7, "size"] = np.nan
    y = (X["shape"] == "round").to_numpy()
    clf = DistilledClassifier("lightgbm", "linear", compression=Quantise(), cv=3, random_state=0).fit(X, y)
    assert clf.score(X, y) == 1.0
    np.testing.assert_array_equal(clf.predict_proba(X), clf.to_model().predict_proba(X))


def test_sparse_rows_stay_sparse():
    X, y = load_iris(return_X_y=True)
    X = sparse.csr_matrix(np.where(X > 2, X, 0))
    clf = DistilledClassifier("logistic", "linear", compression=[Sparsify(0.1), Quantise()], random_state=0).fit(X, y)
    assert clf.compression_[0]["nbytes_after"] < clf.compression_[0]["nbytes_before"]
    np.testing.assert_array_equal(clf.predict_proba(X), clf.to_model().predict_proba(X))


def test_a_search_reaches_a_pass_and_tries_lists():
    X, y = load_iris(return_X_y=True)
    search = GridSearchCV(
        DistilledClassifier(exact_classifiers()[:1], cv=3, compression=Prune(), random_state=0),
        [{"compression__tolerance": [0.0, 10.0]}, {"compression": [None, ["prune", Quantise("int4")]]}],
        cv=3,
    ).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] < scores[0]  # pruned to a constant
    assert search.best_estimator_.score(X, y) > 0.9


def test_budgets_are_of_the_compressed_student():
    X, y = load_breast_cancer(return_X_y=True)
    clfs = [
        DistilledClassifier("logistic", "linear", max_bytes=150, cv=3, compression=how, random_state=0).fit(X, y)
        for how in (None, "quantise")
    ]
    plain, small = (clf.to_model() for clf in clfs)
    assert plain.nbytes <= 150
    assert plain.precision.is_full
    assert small.nbytes <= 150
    assert (small.predictor.coef != 0).sum() > (plain.predictor.coef != 0).sum()
    assert clfs[1].selection_[0]["loss"] < clfs[0].selection_[0]["loss"]


def test_bits_are_fewer_where_a_budget_asks_for_it():
    X, y = load_breast_cancer(return_X_y=True)
    table = Table(X, {False: TableEncoder(scale=False).fit(X)})
    rows = TransferSet(table.encoded(False), np.eye(2)[y], None)
    tree = TreeStudent(max_leaves=16)
    whole, small = (
        Workshop("classification", resolve_chains(passes, None, [tree])).fit_on(tree, table, rows)
        for passes in (None, "quantise")
    )
    assert small.nbytes < whole.nbytes
    for budget, expected in [(whole.nbytes, whole), (whole.nbytes - 1, small), (small.nbytes, small)]:
        shipped = Workshop("classification", resolve_chains("auto", budget, [tree]), budget).fit_on(tree, table, rows)
        assert shipped.student.precision_.values == expected.student.precision_.values
        assert shipped.nbytes == expected.nbytes <= budget


def test_many_rows_are_sampled(monkeypatch):
    from skdistill import _shipped

    X, y = load_iris(return_X_y=True)
    monkeypatch.setattr(_shipped, "MOST_ROWS", 40)
    monkeypatch.setattr("skdistill._facts.MOST_ROWS", 40)
    clf = DistilledClassifier("logistic", compression="prune", random_state=0).fit(X, y, sample_weight=np.arange(150))
    assert any("40 training rows" in note for note in clf.notes_)
    assert clf.compression_ == clone(clf).fit(X, y, sample_weight=np.arange(150)).compression_


class Untouched(LogisticRegression):
    def fit(self, *args, **kwargs):
        raise AssertionError("a teacher was fitted")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"student": ExtraTreesClassifier(5), "compression": "prune"}, r"'compression' works on the model form, which"),
        (
            {"compression": "shrink"},
            r"Unknown pass of compression 'shrink'. Valid names: prune, quantise, reduce",
        ),
        ({"compression": [Quantise(), Prune()]}, r"Quantise\(\) must come last"),
        ({"compression": Prune(-1.0)}, r"The 'tolerance' parameter of Prune must be a float in the range"),
    ],
)
def test_what_cannot_be_is_refused_before_teachers(settings, message):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=message):
        DistilledClassifier([("teacher", Untouched())], **settings).fit(X, y)


@pytest.mark.parametrize(
    ("compression", "message"),
    [
        ("prune", r"compression='prune' is a name.*Pass an instance first: compression=Prune\(\)"),
        ([Prune()], r"several passes are set as a whole. Pass a list"),
    ],
)
def test_nested_names_need_a_single_pass(compression, message):
    with pytest.raises(ValueError, match=message):
        DistilledClassifier(compression=compression).set_params(compression__tolerance=0.1)
