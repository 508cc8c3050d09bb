"""Quantiles and robust means, distilled: the whole way, on the progression of diabetes."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from lightgbm import LGBMRegressor
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import d2_pinball_score, mean_pinball_loss
from sklearn.tree import DecisionTreeRegressor

from skdistill import AdditiveStudent, BoostedStudent, DistilledRegressor, LowRankStudent, TreeStudent, scan
from skdistill.targets import Huber, Pinball
from skdistill.teachers import preset

TEACHERS = [GradientBoostingRegressor(loss="quantile", alpha=0.9, n_estimators=30, max_depth=2), "quantile_regression"]


@pytest.fixture(scope="module")
def rows():
    X, y = load_diabetes(return_X_y=True)
    return X[:300], y[:300], X[300:], y[300:]


def quantile(student="tree", **params):
    settings = {"cv": 3, "blend": 0.3, "random_state": 0} | params
    return DistilledRegressor(settings.pop("teachers", TEACHERS), student, loss="pinball", quantile=0.9, **settings)


@pytest.fixture(scope="module")
def fitted(rows):
    return quantile(blend="auto").fit(*rows[:2])


def test_report_and_score_go_by_the_pinball_loss(rows, fitted):
    X, y = rows[2:]
    assert isinstance(fitted.loss_, Pinball)
    answer = fitted.predict(X)
    report = fitted.report(X, y, stress=True)
    row = report.rows[-1]
    assert row["pinball"] == pytest.approx(mean_pinball_loss(y, answer, alpha=0.9))
    assert row["coverage"] == pytest.approx((y <= answer).mean())
    assert "rmse" not in row
    assert fitted.score(X, y) == pytest.approx(d2_pinball_score(y, answer, alpha=0.9), abs=0.01)
    assert list(report.gap) == ["pinball"]
    assert "Reaches a pinball loss of" in report.verdict
    assert "of the values at or below it" in report.verdict
    assert "judged by pinball loss" in str(report)
    assert report.stress[0]["pinball"] > 0
    assert "pinball loss" in report.to_html()


def test_loaded_and_refitted(rows, fitted):
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict(rows[2]), fitted.predict(rows[2]))
    assert loaded.score(*rows[2:]) == fitted.score(*rows[2:])
    assert np.array_equal(clone(loaded).fit(*rows[:2]).predict(rows[2]), fitted.predict(rows[2]))
    np.testing.assert_allclose(fitted.to_model().predict(rows[2]), fitted.predict(rows[2]), rtol=1e-5)


@pytest.mark.parametrize(
    "student", [TreeStudent(max_leaves=6), "linear", AdditiveStudent(max_bins=8, pairs=0), BoostedStudent(n_trees=8)]
)
def test_most_values_are_below(rows, student):
    X, y, X_test, y_test = rows
    reg = quantile(student).fit(X, y)
    assert 0.78 < (y_test <= reg.predict(X_test)).mean() < 0.98
    assert reg.score(X_test, y_test) > 0
    on_hard_labels = reg.hard_student_.evaluate(reg.hard_encoder_.transform(X_test))[:, 0]
    assert 0.6 < (y_test <= on_hard_labels).mean() < 0.98
    assert reg.score(X_test, y_test) > d2_pinball_score(y_test, on_hard_labels, alpha=0.9) - 0.05


def test_unlabelled_rows_assistants_and_compression(rows):
    X, y, X_test, _ = rows
    reg = quantile(assistants="boosted", compression=["prune", "quantise"], augmentation="munge", teachers=TEACHERS[:1])
    reg.fit(X, y, X_unlabeled=X_test[:50])
    assert [row["stage"] for row in reg.stages_] == ["committee", "boosted"]
    assert 0.7 < (y <= reg.predict(X)).mean() < 0.99


def test_a_frozen_teacher_and_a_student_of_another_library(rows):
    X, y, X_test, y_test = rows
    frozen = FrozenEstimator(clone(TEACHERS[0]).fit(X[:150], y[:150]))
    student = LGBMRegressor(objective="quantile", alpha=0.9, n_estimators=20, verbose=-1, n_jobs=1)
    reg = quantile(student, teachers=frozen).fit(X[150:], y[150:])
    assert 0.7 < (y_test <= reg.predict(X_test)).mean() < 1
    # On hard labels it is what it is by itself.
    Z, Z_test = map(reg.hard_encoder_.transform, (X[150:], X_test))
    np.testing.assert_allclose(reg.hard_student_.predict(Z_test), clone(student).fit(Z, y[150:]).predict(Z_test))


def test_streamed_rows(rows):
    X, y, X_test, y_test = rows
    reg = quantile("linear", teachers=TEACHERS[:1]).fit(scan(X, y))
    plain = quantile("linear", teachers=TEACHERS[:1]).fit(X, y)
    assert 0.78 < (y_test <= reg.predict(X_test)).mean() < 0.98
    assert reg.score(X_test, y_test) == pytest.approx(plain.score(X_test, y_test), abs=0.03)


def test_huber_is_not_moved_by_wild_values(rows):
    X, y, X_test, y_test = rows
    wild = np.where(np.arange(len(y)) % 20 == 0, 5000.0, y)
    teachers = ["huber", "lightgbm"]
    robust = DistilledRegressor(teachers, "linear", loss="huber", cv=3, blend=0.7, random_state=0).fit(X, wild)
    plain = DistilledRegressor(["ridge", "lightgbm"], "linear", cv=3, blend=0.7, random_state=0).fit(X, wild)
    assert isinstance(robust.loss_, Huber)
    assert 30 < robust.loss_.delta < 200
    errors = [np.abs(each.predict(X_test) - y_test).mean() for each in (robust, plain)]
    assert errors[0] < 0.6 * errors[1]
    row = robust.report(X_test, y_test).rows[-1]
    assert row["huber"] == pytest.approx(robust.loss_.rows(y_test[:, None], robust.predict(X_test)[:, None]).mean())


@pytest.mark.parametrize("name", ["quantile_regression", "lightgbm", "xgboost", "hist_gradient_boosting"])
def test_teachers_by_name_predict_the_quantile(rows, name):
    X, y = rows[:2]
    answer = preset(name, "regression", len(y), loss="pinball", quantile=0.9).fit(X, y).predict(X)
    assert 0.8 < (y <= answer).mean() < 1


def test_quantile_regression_of_many_rows_takes_samples():
    teacher = preset("quantile_regression", "regression", 6000, loss="pinball", quantile=0.9)
    x = np.random.default_rng(0).normal(size=(6000, 1))
    y = x[:, 0] + np.random.default_rng(1).normal(size=6000)
    assert (y <= teacher.fit(x, y).predict(x)).mean() == pytest.approx(0.9, abs=0.01)
    assert teacher[-1].max_samples == 2_000


def test_a_robust_svm_of_many_rows_does_not_count_squares():
    plain, robust = (preset("svm", "regression", 20_000, loss=loss)[-1].regressor for loss in ("squared", "huber"))
    assert (plain.loss, robust.loss) == ("squared_epsilon_insensitive", "epsilon_insensitive")


def test_what_is_refused(rows):
    X, y = rows[:2]
    with pytest.raises(
        ValueError, match=r"loss='pinball' of DistilledRegressor takes one target. y has 2: y0, y1. Fit"
    ):
        quantile().fit(X, np.column_stack([y, y]))
    with pytest.raises(
        ValueError, match=r"The 'quantile' parameter of DistilledRegressor must be a float in the range"
    ):
        DistilledRegressor(loss="pinball", quantile=1.0).fit(X, y)
    with pytest.raises(
        ValueError, match=r"Unknown teacher 'ridge' for regression with loss='pinball'. Valid names: hist"
    ):
        quantile(teachers="ridge").fit(X, y)
    with pytest.raises(
        ValueError, match=r"Unknown teacher 'ridge' for regression with loss='huber'. Valid names: huber"
    ):
        DistilledRegressor("ridge", loss="huber").fit(X, y)


def test_a_student_without_weights_is_told(rows):
    class Unweighted(DecisionTreeRegressor):
        def fit(self, X, y):
            return super().fit(X, y)

    with pytest.raises(ValueError, match="Unweighted cannot be fitted with unequal weights"):
        quantile(Unweighted(), teachers=TEACHERS[:1]).fit(*rows[:2])


def test_compressed_targets_are_refused_before_teachers_are_fitted(rows):
    reg = quantile(LowRankStudent("tree", rank=1))
    with pytest.raises(TypeError, match=r"The numbers of LowRankStudent.* cannot be fitted under the pinball loss"):
        reg.fit(*rows[:2])
    assert not hasattr(reg, "teachers_")
