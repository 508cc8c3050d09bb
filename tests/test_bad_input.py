"""Bad input gets a clear error: which parameter or column, what was expected, what came, what to do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from skdistill import DistilledClassifier, DistilledEstimator, DistilledRegressor, Munge, TreeStudent, load
from skdistill.model import ModelFormatError

X, Y = load_iris(return_X_y=True)


class NeverFit(LogisticRegression):
    """Bad input must be refused before the long work."""

    def fit(self, X, y, sample_weight=None):
        raise AssertionError("a teacher was fitted")


def clf(**settings):
    return DistilledClassifier(**{"teachers": NeverFit(), **settings})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"blend": 1.7}, r"'blend' parameter of DistilledClassifier must be a float in the range \[0.*Got 1.7 instead"),
        ({"blend": "some"}, r"'blend' parameter of DistilledClassifier must be.*Got 'some' instead"),
        ({"temperature": 0.0}, r"'temperature' parameter of DistilledClassifier must be.*Got 0.0 instead"),
        ({"temperature": "hot"}, r"'temperature' parameter of DistilledClassifier must be.*'auto'.*Got 'hot' instead"),
        ({"aggregation": "mode"}, r"'aggregation' parameter .*'geometric'.*'mean'.*Got 'mode' instead|'aggregation'"),
        ({"weighting": "best"}, r"'weighting' parameter of DistilledClassifier must be.*Got 'best' instead"),
        ({"weighting": [0.5, 0.5]}, r"'weighting'.*1"),
        ({"weighting": [-1.0]}, r"'weighting'"),
        ({"weighting": [0.0]}, r"'weighting'"),
        ({"device": "tpu"}, r"'device' parameter of DistilledClassifier must be.*Got 'tpu' instead"),
        ({"student": "forest"}, r"Unknown student 'forest'. Valid names: additive, auto, boosted, linear, rules, tree"),
        ({"teachers": "svn"}, r"Unknown teacher 'svn' for classification. Valid names: extra_trees, forest"),
        ({"augmentation": "smote"}, r"Unknown augmentation 'smote'. Valid names: auto, forest, marginal, munge, thin"),
        ({"augmentation": Munge}, r"The 'augmentation' parameter must be None, one of .*or a sampler instance"),
        ({"augmentation": Munge(p=2)}, r"'p' parameter of Munge must be a float in the range \[0.*Got 2 instead"),
        ({"cv": 1}, r"'cv' parameter of DistilledClassifier must be"),
        ({"student": TreeStudent(max_leaves=0)}, r"'max_leaves' parameter of TreeStudent"),
        ({"student": KNeighborsClassifier()}, r"KNeighborsClassifier.*sample_weight"),
    ],
)
def test_bad_parameters(settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        clf(**settings).fit(X, Y)


def test_cuda_without_a_gpu():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed") if _has_cupy() else None
    if cupy is not None and cupy.is_available():
        clf(device="cuda", teachers="logistic").fit(X, Y)
        return
    with pytest.raises((ImportError, RuntimeError), match=r"device='cuda' needs (CuPy|a GPU)"):
        clf(device="cuda").fit(X, Y)


def _has_cupy() -> bool:
    from importlib.util import find_spec

    return find_spec("cupy") is not None


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(150, dtype=int), r"needs at least two classes in y. Got one class only: 0"),
        (np.where(np.arange(150) == 3, np.nan, Y), r"Input y contains NaN"),
        (np.where(np.arange(150) == 3, np.inf, Y), r"Input y contains infinity"),
        (np.where(np.arange(150) == 3, None, Y), r"Input y contains NaN: row 3 has no label"),
        (pd.Series(Y).astype("Int64").where(np.arange(150) != 3), r"Input y contains NaN"),
        (pd.Series(pd.array([pd.NA, "p"] * 75, dtype="string")), r"Input y contains NaN: row 0 has no label"),
        (np.datetime64("2026-01-01") + Y, r"y holds dates or durations"),
        (Y[:-1], r"inconsistent numbers of samples"),
        (np.linspace(0, 1, 150), r"Unknown label type: continuous"),
        (None, r"requires y to be passed"),
    ],
)
def test_bad_labels(y, message):
    with pytest.raises(ValueError, match=message):
        clf().fit(X, y)


def test_one_row_of_a_class():
    y = np.where(np.arange(150) == 0, 9, Y)
    with pytest.raises(ValueError, match=r"Class 9 has one row only: no teacher can label it out of fold"):
        clf().fit(X, y)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_bad_values_to_regress_on(value):
    rows, y = load_diabetes(return_X_y=True)
    y[5] = value
    with pytest.raises(ValueError, match=r"Input y contains (NaN|infinity)"):
        DistilledRegressor("ridge").fit(rows, y)


@pytest.mark.parametrize("cell", [{"a": 1}, [1, 2]])
def test_containers_in_cells(cell):
    table = pd.DataFrame({"n": np.arange(150.0), "colour": ["red"] * 150})
    table["colour"] = table["colour"].astype(object)
    table.at[7, "colour"] = cell
    with pytest.raises(TypeError, match=r"'colour'.*row 7|row 7.*'colour'"):
        DistilledClassifier().fit(table, Y)


def test_infinity_in_a_column_is_named():
    table = pd.DataFrame(X, columns=list("abcd"))
    table.loc[9, "c"] = np.inf
    with pytest.raises(ValueError, match=r"infinity.*'c'|'c'.*infinity"):
        DistilledClassifier().fit(table, Y)


def test_weights():
    with pytest.raises(ValueError, match="must contain at least one non-zero number"):
        clf().fit(X, Y, sample_weight=np.zeros(150))
    with pytest.raises(ValueError, match="Every row has sample weight 0"):
        clf(class_weight={0: 0, 1: 0, 2: 0}).fit(X, Y)
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        clf().fit(X, Y, sample_weight=-np.ones(150))
    with pytest.raises(ValueError, match=r"sample_weight.shape == \(3,\), expected \(150,\)"):
        clf().fit(X, Y, sample_weight=np.ones(3))


def test_regression_refuses_what_is_for_classes():
    rows, y = load_diabetes(return_X_y=True)
    with pytest.raises(ValueError, match="aggregation='geometric' is for classification"):
        DistilledRegressor("ridge", aggregation="geometric").fit(rows, y)
    with pytest.raises(ValueError, match=r"'temperature' parameter is for classification. Got 2.0"):
        DistilledEstimator("ridge", task="regression", temperature=2.0).fit(rows, y)
    with pytest.raises(ValueError, match="weighting='log_loss' is for classification"):
        DistilledRegressor("ridge", weighting="log_loss").fit(rows, y)
    with pytest.raises(ValueError, match="a regression student needs loss='squared'"):
        DistilledRegressor("ridge", TreeStudent(loss="log_loss")).fit(rows, y)
    with pytest.raises(ValueError, match="is of the kind 'regressor', but the task is classification"):
        DistilledClassifier(RandomForestRegressor()).fit(X, Y)


def test_many_integers_ask_for_the_task():
    y = np.arange(150)
    with pytest.raises(
        ValueError, match=r"150 distinct whole numbers.*Pass task='classification' or task='regression'"
    ):
        DistilledEstimator().fit(X, y)


def test_frozen_teacher_of_other_classes():
    other = LogisticRegression(max_iter=1000).fit(X, np.array(["a", "b", "c"])[Y])
    with pytest.raises(ValueError, match=r"trained on other classes: it knows \['a', 'b', 'c'\], y holds \[0, 1, 2\]"):
        DistilledClassifier([("old", FrozenEstimator(other))]).fit(X, Y)


def test_truncated_model_file(tmp_path):
    path = tmp_path / "student.json"
    DistilledClassifier("logistic", random_state=0).fit(X, Y).to_model().save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ModelFormatError):
        load(path)


def test_failed_fit_leaves_the_estimator_unfitted():
    good = DistilledClassifier("logistic", random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match="one class only"):
        good.fit(X, np.zeros(150, dtype=int))
    assert [name for name in vars(good) if name.endswith("_")] == []
    with pytest.raises(ValueError, match="not fitted yet"):
        good.predict(X)
