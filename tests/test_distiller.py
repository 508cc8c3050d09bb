"""The estimators as users meet them: in pipelines and searches, with tables, weights, groups, pools."""

from __future__ import annotations

import pickle
from copy import deepcopy
from typing import ClassVar

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from committees import exact_classifiers
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, make_scorer, recall_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    RandomizedSearchCV,
    TimeSeriesSplit,
    TunedThresholdClassifierCV,
    cross_validate,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdistill import (
    CallableTeacher,
    DistilledClassifier,
    DistilledEstimator,
    DistilledRegressor,
    LinearStudent,
    MarginalResampling,
    Munge,
    TableEncoder,
    TreeStudent,
    load,
)

CANCER = load_breast_cancer(return_X_y=True, as_frame=True)


class SpiedLogistic(LogisticRegression):
    """Remembers which rows each fit saw."""

    seen: ClassVar[list] = []

    def fit(self, X, y, sample_weight=None):
        self.seen.append(set(X.index))
        return super().fit(X, y, sample_weight)


def quick(**settings):
    return DistilledClassifier(**{"teachers": ["logistic"], "blend": 0.3, "random_state": 0, **settings})


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize("student", ["tree", "linear"])
def test_categories_and_missing_values_out_of_the_box(people, tmp_path, student):
    X, y = people
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
    clf = DistilledClassifier(student=student, random_state=0).fit(X_train, y_train)
    assert list(clf.teachers_) == ["svm", "logistic", "lightgbm"]
    assert clf.score(X_test, y_test) > 0.65
    # The encoding is part of what is shipped: raw rows in, answers out, unseen categories included.
    odd = X_test.head(3).copy()
    odd["job"] = ["astronaut", None, "pilot"]
    model = clf.to_model()
    model.save(tmp_path / "student.json")
    np.testing.assert_array_equal(load(tmp_path / "student.json").predict_proba(odd), clf.predict_proba(odd))
    np.testing.assert_array_equal(model.predict(X_test), clf.predict(X_test))


def test_polars_and_object_arrays_agree_with_pandas(people):
    X, y = people
    forms = {
        "pandas": X,
        "polars": pl.from_pandas(X.astype({"city": str})),
        "object": X.astype(object).to_numpy(),
    }
    # Rows that a teacher sees are the same whatever holds them.
    answers = {}
    for kind, table in forms.items():
        answers[kind] = quick(teachers=["logistic", "lightgbm"]).fit(table, y).predict_proba(table)
    np.testing.assert_array_equal(answers["polars"], answers["pandas"])
    np.testing.assert_array_equal(answers["object"], answers["pandas"])


def test_all_missing_column_is_harmless(people):
    X, y = people
    X = X.assign(empty=np.nan)
    clf = quick(student="linear").fit(X, y)
    filled = X.assign(empty=3.0)
    np.testing.assert_array_equal(clf.predict(filled), clf.predict(X))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X.drop(columns="age"), "Feature names seen at fit time, yet now missing:\n- age"),
        (lambda X: X[["income", "age", "job", "city"]], "must be in the same order as they were in fit"),
        (lambda X: X.rename(columns={"age": "years"}), "Feature names unseen at fit time:\n- years"),
    ],
)
def test_columns_are_checked_at_predict(people, change, message):
    X, y = people
    clf = quick().fit(X, y)
    with pytest.raises(ValueError, match=message):
        clf.predict(change(X))


def test_user_pipeline_receives_the_raw_table(people):
    X, y = people
    pipe = make_pipeline(TableEncoder(scale=False), RandomForestClassifier(20, random_state=0))
    assert quick(teachers=[("forest", pipe)]).fit(X, y).score(X, y) > 0.7
    with pytest.raises(ValueError, match=r"Teacher 'randomforestclassifier' failed.*make_pipeline\(TableEncoder\(\)"):
        quick(teachers=RandomForestClassifier(20)).fit(X, y)


def test_sparse_text_with_a_linear_student():
    good, bad = ["great", "fun", "lovely", "bright"], ["dull", "bad", "boring", "grey"]
    rng = np.random.default_rng(0)
    y = np.arange(120) % 2
    texts = [" ".join(rng.choice(good if label else bad, 3)) + f" film{i % 7}" for i, label in enumerate(y)]
    X = TfidfVectorizer().fit_transform(texts)
    clf = DistilledClassifier(["svm", "logistic", "lightgbm"], "linear", random_state=0).fit(X, y)
    assert clf.score(X, y) > 0.95
    np.testing.assert_array_equal(clf.to_model().predict_proba(X), clf.predict_proba(X))
    np.testing.assert_allclose(clf.predict_proba(X.toarray()), clf.predict_proba(X), atol=1e-6)
    with pytest.raises(ValueError, match=r"TreeStudent.* does not take sparse X. Pass student='linear'"):
        quick().fit(X, y)


# ---------------------------------------------------------------- scikit-learn's tools


def test_nested_names_in_a_pipeline_and_a_grid():
    X, y = load_wine(return_X_y=True)
    teachers = [("svm", SVC()), ("lr", LogisticRegression(max_iter=1000))]
    pipe = make_pipeline(
        StandardScaler(), DistilledClassifier(teachers, TreeStudent(), cv=3, blend=0.3, random_state=0)
    )
    grid = {
        "distilledclassifier__student__max_leaves": [3, 8],
        "distilledclassifier__svm__C": [0.1, 1.0],
    }
    search = GridSearchCV(pipe, grid, cv=3).fit(X, y)
    assert search.best_params_["distilledclassifier__student__max_leaves"] == 8
    assert search.best_score_ > 0.8
    result = RandomizedSearchCV(
        DistilledClassifier(teachers, cv=3, random_state=0),
        {"blend": [0.0, 0.5], "lr": [LogisticRegression(C=0.1, max_iter=1000)]},
        n_iter=2,
        cv=3,
        random_state=0,
    ).fit(X / X.std(axis=0), y)
    assert dict(result.best_estimator_.teachers)["lr"].C == 0.1


def test_a_name_has_no_nested_parameters():
    with pytest.raises(
        ValueError, match=r"Cannot set 'student__max_leaves'.*Pass an instance first: student=TreeStudent"
    ):
        quick().set_params(student__max_leaves=8)
    assert quick().set_params(student=TreeStudent(), student__max_leaves=8).student.max_leaves == 8
    with pytest.raises(ValueError, match=r"Cannot set 'svm__C'.*svm='svm' is a name"):
        quick(teachers=[("svm", "svm")]).set_params(svm__C=1.0)
    with pytest.raises(ValueError, match="Invalid parameter 'depth'"):
        quick().set_params(depth=3)


def test_cross_validate_and_clone():
    X, y = CANCER
    clf = quick(student=TreeStudent(max_leaves=8))
    result = cross_validate(clf, X, y, cv=3, scoring=["accuracy", "neg_log_loss", "roc_auc"], return_estimator=True)
    assert result["test_accuracy"].mean() > 0.9
    assert clone(result["estimator"][0]).get_params()["student"].max_leaves == 8


def test_threshold_tuning_on_imbalanced_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 4))
    y = np.where(X[:, 0] + X[:, 1] + rng.normal(0, 1, 1500) > 2.6, "rare", "common")
    plain = quick(student="linear").fit(X, y)
    tuned = TunedThresholdClassifierCV(quick(student="linear"), scoring=make_scorer(f1_score, pos_label="rare"))
    tuned.fit(X, y)
    assert f1_score(y, tuned.predict(X), pos_label="rare") > f1_score(y, plain.predict(X), pos_label="rare")
    balanced = quick(student="linear", class_weight="balanced").fit(X, y)
    rare = {"pos_label": "rare"}
    assert recall_score(y, balanced.predict(X), **rare) > recall_score(y, plain.predict(X), **rare) + 0.1
    same = quick(student="linear").fit(
        X, y, sample_weight=np.where(y == "rare", *(len(y) / (2 * np.sum(y == c)) for c in ("rare", "common")))
    )
    np.testing.assert_allclose(same.predict_proba(X), balanced.predict_proba(X), atol=1e-9)


def test_groups_and_time_splits():
    X, y = CANCER
    groups = np.arange(len(y)) // 7
    for cv in (4, GroupKFold(4)):
        spy = SpiedLogistic(solver="liblinear")
        SpiedLogistic.seen.clear()
        quick(teachers=spy, cv=cv).fit(X, y, groups=groups)
        for rows in SpiedLogistic.seen[1:]:  # the first fit is on all rows
            left_out = set(range(len(y))) - rows
            assert not set(groups[list(rows)]) & set(groups[list(left_out)])
    timed = quick(cv=TimeSeriesSplit(3)).fit(X, y)
    assert timed.score(X, y) > 0.9


def test_metadata_routing():
    X, y = CANCER
    weight = np.where(y == 0, 4.0, 1.0)
    with config_context(enable_metadata_routing=True):
        asks = LogisticRegression(solver="liblinear").set_fit_request(sample_weight=True)
        deaf = LogisticRegression(solver="liblinear").set_fit_request(sample_weight=False)
        results = []
        for teacher in (asks, deaf):
            clf = quick(
                teachers=[("lr", teacher), "lightgbm"], blend=0.0, cv=GroupKFold(3).set_split_request(groups=True)
            )
            clf.fit(X, y, sample_weight=weight, groups=np.arange(len(y)) % 9)
            results.append(clf.teachers_["lr"].coef_)
        assert np.abs(results[0] - results[1]).max() > 1e-3
        pipe = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False), quick().set_fit_request(sample_weight=True)
        )
        assert pipe.fit(X, y, sample_weight=weight).score(X, y) > 0.9
    with pytest.raises(ValueError, match=r"got \['colour'\], which only metadata routing can deliver"):
        quick().fit(X, y, colour=weight)


def test_weights_scale_freely_and_zero_is_absent():
    X, y = CANCER
    keep = np.arange(len(y)) % 3 > 0
    folds = [(np.arange(0, 300), np.arange(300, len(y))), (np.arange(300, len(y)), np.arange(0, 300))]
    clf = DistilledClassifier(exact_classifiers(), cv=folds)
    weighted = clone(clf).fit(X / X.std(), y, sample_weight=keep.astype(float))
    index = np.cumsum(keep) - 1
    cut = [tuple(index[part[keep[part]]] for part in fold) for fold in folds]
    removed = clone(clf).set_params(cv=cut).fit((X / X.std())[keep], y[keep])
    np.testing.assert_allclose(weighted.predict_proba(X), removed.predict_proba(X), rtol=1e-12)


# ---------------------------------------------------------------- teachers


def test_frozen_and_black_box_teachers_are_not_refitted(tmp_path):
    X, y = load_iris(return_X_y=True)
    network = LogisticRegression(max_iter=1000).fit(X, y)
    coef = network.coef_.copy()
    names = np.array(["setosa", "versicolor", "virginica"])[y]

    def client(rows):
        return network.predict_proba(rows)

    box = CallableTeacher(client, classes=["setosa", "versicolor", "virginica"])
    clf = DistilledClassifier([("net", box)], "linear", random_state=0).fit(X, names)
    assert clf.score(X, names) > 0.9
    frozen = DistilledClassifier(FrozenEstimator(network), random_state=0).fit(X, y)
    np.testing.assert_array_equal(network.coef_, coef)
    np.testing.assert_allclose(frozen.teachers_.labels(X)[0], network.predict_proba(X))
    # A local function does not pickle; the shipped student does not carry it.
    joblib.dump(clf, tmp_path / "clf.joblib")
    loaded = joblib.load(tmp_path / "clf.joblib")
    np.testing.assert_array_equal(loaded.predict(X), clf.predict(X))
    with pytest.raises(RuntimeError, match="CallableTeacher was left out when this estimator was pickled"):
        loaded.fit(X, names)


def test_rare_class_folds():
    X, y = CANCER
    y = np.where(np.arange(len(y)) < 3, 2, y)
    with pytest.warns(UserWarning, match="Class 2 has 3 rows, fewer than cv=5 folds"):
        quick().fit(X, y)


def test_refit_with_fewer_classes_leaves_nothing_behind():
    X, y = load_iris(return_X_y=True)
    clf = quick(temperature="auto").fit(X, y)
    assert set(clf.temperatures_) == {"logistic"}
    assert clf.committee_temperature_ > 0
    assert clf.committee_biases_.shape == (3,)
    clf.set_params(temperature=1.0).fit(X[:100], y[:100])
    for name in ("temperatures_", "committee_temperature_", "committee_biases_"):
        assert not hasattr(clf, name)
    assert clf.predict_proba(X).shape == (150, 2)


# ---------------------------------------------------------------- students and targets


def test_blend_one_is_the_hard_student():
    X, y = CANCER
    clf = quick(blend=1.0).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), clf.hard_student_.predict(clf.encoder_.transform(X)))
    assert np.abs(quick(blend=0.0).fit(X, y).predict_proba(X) - clf.predict_proba(X)).max() > 0.01


def test_third_party_student(tmp_path):
    X, y = CANCER
    clf = quick(student=DecisionTreeClassifier(max_leaf_nodes=6, random_state=0)).fit(X, y)
    assert clf.score(X, y) > 0.9
    assert clf.student_.route_ == "replicated rows"
    assert "fitted by replicated rows" in str(clf.report(X, y))
    with pytest.raises(TypeError, match=r"DecisionTreeClassifier has no model form. Save it with joblib"):
        clf.to_model()
    joblib.dump(clf, tmp_path / "s.joblib")
    np.testing.assert_array_equal(joblib.load(tmp_path / "s.joblib").predict(X), clf.predict(X))


def test_multi_output_regression(tmp_path):
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    Y = pd.DataFrame({"progression": y, "negative": -y})
    for student in ("tree", "linear", Ridge()):
        reg = DistilledRegressor(["ridge", "lightgbm"], student, blend=0.7, random_state=0).fit(X, Y)
        answer = reg.predict(X)
        assert answer.shape == Y.shape
        np.testing.assert_allclose(answer[:, 0], -answer[:, 1], rtol=1e-6, atol=1e-3)
        assert reg.score(X, Y) > 0.4
    model = DistilledRegressor(["ridge"], blend=0.7, random_state=0).fit(X, Y).to_model()
    assert model.output.targets == ("progression", "negative")


def test_estimator_reads_the_task():
    X, y = load_diabetes(return_X_y=True)
    auto = DistilledEstimator(["ridge"], blend=0.7, random_state=0)
    assert auto.fit(X, y).task_ == "regression"
    assert not hasattr(auto, "predict_proba")
    X, y = load_iris(return_X_y=True)
    auto = DistilledEstimator(["logistic"], LinearStudent(), random_state=0)
    assert auto.fit(X, y).task_ == "classification"
    assert auto.predict_proba(X).shape == (150, 3)
    assert auto.score(X, y) > 0.9
    assert DistilledEstimator(Ridge(), random_state=0).fit(X, y).task_ == "regression"
    assert DistilledEstimator(["logistic"], random_state=0).fit(X, np.array(list("abc"))[y]).task_ == "classification"


def test_the_task_is_told_before_the_fit():
    assert DistilledEstimator().infer_task(np.arange(20)) == "classification"
    assert DistilledEstimator("ridge").infer_task(np.arange(20)) == "regression"
    assert DistilledEstimator(task="regression").infer_task(None) == "regression"
    with pytest.raises(ValueError, match="y holds 21 distinct whole numbers, which could be classes or counts"):
        DistilledEstimator().infer_task(np.arange(21))


def test_unlabelled_rows_are_labelled_and_learnt_from():
    X, y = load_breast_cancer(return_X_y=True)
    clf = quick(blend=0.0).fit(X[:80], y[:80])
    more = quick(blend=0.0).fit(X[:80], y[:80], X_unlabeled=X[80:400])
    assert more.score(X[400:], y[400:]) >= clf.score(X[400:], y[400:])
    assert np.abs(more.predict_proba(X) - clf.predict_proba(X)).max() > 0.05
    np.testing.assert_array_equal(more.hard_student_.predict(X), clf.hard_student_.predict(X))


def test_search_slices_an_unlabelled_pool_of_n_rows():
    """The first trap of X_unlabeled, as its documentation tells it."""
    X, y = CANCER
    sizes = []

    class Counts(TreeStudent):
        def fit(self, X, y, sample_weight=None):
            sizes.append(len(X))
            return super().fit(X, y, sample_weight)

    search = GridSearchCV(quick(student=Counts()), {"blend": [0.5]}, cv=2, refit=False)
    search.fit(X, y, X_unlabeled=X)  # as many rows as X: cut into folds with it
    assert max(sizes) < len(y) + 10
    sizes.clear()
    search.fit(X, y, X_unlabeled=X.iloc[:-1])  # any other number: left whole
    assert max(sizes) > len(y) + 100


def test_pipeline_hands_the_pool_on_untransformed_without_routing():
    """The second trap: only routing and transform_input transform the pool with X."""
    X, y = load_breast_cancer(return_X_y=True)
    clf = quick(teachers=LogisticRegression(), blend=0.0)
    raw = make_pipeline(StandardScaler(), clf).fit(X, y, distilledclassifier__X_unlabeled=X[:200])
    with config_context(enable_metadata_routing=True):
        routed = make_pipeline(
            StandardScaler(), clone(clf).set_fit_request(X_unlabeled=True), transform_input=["X_unlabeled"]
        ).fit(X, y, X_unlabeled=X[:200])
        by_hand = clone(clf).fit(
            StandardScaler().fit_transform(X), y, X_unlabeled=StandardScaler().fit(X).transform(X[:200])
        )
        np.testing.assert_array_equal(routed.predict_proba(X), by_hand.predict_proba(StandardScaler().fit_transform(X)))
    assert np.abs(raw.predict_proba(X) - routed.predict_proba(X)).max() > 0.05


# ---------------------------------------------------------------- augmentation


class Keeps(TreeStudent):
    """Remembers what each fit was given."""

    given: ClassVar[list] = []

    def fit(self, X, y, sample_weight=None):
        self.given.append((X, y, sample_weight))
        return super().fit(X, y, sample_weight)


def test_new_rows_come_last_and_are_labelled_by_the_committee():
    X, y = CANCER
    Keeps.given.clear()
    sampler = Munge(factor=2.0, weight=0.5)
    weight = np.linspace(1, 3, 200)
    clf = quick(student=Keeps(), augmentation=sampler).fit(
        X[:200], y[:200], sample_weight=weight, X_unlabeled=X[200:250]
    )
    (Z, Q, w), (Z_hard, _, w_hard) = Keeps.given
    np.testing.assert_array_equal(Z[:250], clf.encoder_.transform(X[:250]))
    assert len(Z) == 650
    np.testing.assert_array_equal(w[:200], weight)
    np.testing.assert_allclose(w[200:250], weight.mean())
    np.testing.assert_allclose(w[250:], 0.5 * weight.sum() / 400)
    # The tree takes numbers as they are, so its rows can be put to the committee again; they are float32 by now.
    drawn = pd.DataFrame(Z[250:], columns=X.columns)
    np.testing.assert_allclose(clf.oracle_(drawn), Q[250:], atol=1e-4)
    assert drawn.merge(X.astype(np.float32), how="inner").empty
    # The rival on hard labels sees real rows alone.
    assert len(Z_hard) == 200
    np.testing.assert_array_equal(w_hard, weight)
    assert clf.augmentation_ is not sampler
    assert sampler.get_params() == Munge(factor=2.0, weight=0.5).get_params()
    assert "augmentation: 400 rows drawn by Munge(factor=2.0, weight=0.5)" in str(clf.report(X[300:], y[300:]))


@pytest.mark.parametrize("augmentation", ["munge", "marginal"])
def test_augmentation_takes_raw_tables_and_one_seed(people, augmentation):
    X, y = people
    settings = {"teachers": ["logistic", "lightgbm"], "augmentation": augmentation, "student": TreeStudent(repair=None)}
    one = quick(**settings).fit(X, y)
    np.testing.assert_array_equal(quick(n_jobs=2, **settings).fit(X, y).predict_proba(X), one.predict_proba(X))
    polars = pl.from_pandas(X.astype({"city": str}))
    np.testing.assert_array_equal(quick(**settings).fit(polars, y).predict_proba(polars), one.predict_proba(X))
    none = quick(**{**settings, "augmentation": None}).fit(X, y)
    assert none.augmentation_ is None
    assert np.abs(none.predict_proba(X) - one.predict_proba(X)).max() > 0.02
    np.testing.assert_array_equal(none.oracle_(X), one.oracle_(X))


def test_few_rows_and_many_new_ones_bring_the_tree_nearer_to_its_committee():
    X, y = CANCER
    truth = quick(blend=0.0).fit(X[:80], y[:80])
    more = quick(blend=0.0, augmentation=Munge(factor=20.0)).fit(X[:80], y[:80])
    apart = [np.abs(clf.predict_proba(X[80:]) - clf.oracle_(X[80:])).mean() for clf in (truth, more)]
    assert apart[1] < apart[0]


def test_augmentation_of_values():
    X, y = load_diabetes(return_X_y=True)
    reg = DistilledRegressor(["ridge"], augmentation=MarginalResampling(), random_state=0).fit(X, y)
    assert isinstance(reg.augmentation_, MarginalResampling)
    assert reg.score(X, y) > 0.3


def test_augmentation_has_nested_names():
    clf = quick(augmentation=Munge()).set_params(augmentation__factor=5.0)
    assert clf.augmentation.factor == 5.0
    with pytest.raises(ValueError, match=r"'augmentation__factor'.*Pass an instance first: augmentation=Munge\(\)"):
        quick(augmentation="munge").set_params(augmentation__factor=5.0)


def test_augmentation_refuses_sparse_rows_before_any_teacher_is_fitted():
    class NeverFit(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            raise AssertionError("a teacher was fitted")

    X = sparse.csr_matrix(np.eye(20))
    with pytest.raises(TypeError, match=r"Munge does not take sparse X"):
        quick(teachers=NeverFit(), student="linear", augmentation="munge").fit(X, np.arange(20) % 2)


# ---------------------------------------------------------------- report and shipping


def test_report_rows_and_loaded_report(tmp_path):
    X, y = CANCER
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    clf = quick(teachers=["logistic", "svm"]).fit(X_train, y_train)
    report = clf.report(X_test, y_test)
    frame = report.frame()
    assert list(frame["role"]) == ["committee", "teacher", "teacher", "hard", "student"]
    student = report.rows[-1]
    assert student["accuracy"] == pytest.approx(clf.score(X_test, y_test))
    assert student["nbytes"] == clf.to_model().nbytes
    joblib.dump(clf, tmp_path / "clf.joblib")
    loaded = joblib.load(tmp_path / "clf.joblib")
    alone = loaded.report(X_test, y_test)
    assert [row["role"] for row in alone.rows] == ["hard", "student"]
    assert "loaded without its teachers" in str(alone)
    supplied = loaded.report(X_test, y_test, teacher_proba=clf.oracle_(X_test))
    assert supplied.rows[0]["accuracy"] == report.rows[0]["accuracy"]


def test_report_says_which_svm_it_was():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10_001, 3)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    clf = DistilledClassifier("svm", cv=2, random_state=0).fit(X, y)
    assert "linear SVM on Nystroem features" in str(clf.report(X[:500], y[:500]))
    assert clf.score(X, y) > 0.8


# ---------------------------------------------------------------- as newcomers met it


def test_lists_are_read_cell_by_cell(people):
    X, y = people
    rows = X[["age", "job", "income"]].dropna()
    labels = y[rows.index]
    frame = quick().fit(rows, labels)
    listed = quick().fit(rows.to_numpy().tolist(), labels)
    np.testing.assert_array_equal(listed.predict_proba(rows.to_numpy().tolist()), frame.predict_proba(rows))


def test_columns_without_names_count_by_position():
    X, y = load_iris(return_X_y=True)
    clf = quick().fit(X, y)
    frame = pd.DataFrame(X, columns=list("abcd"))
    np.testing.assert_array_equal(clf.to_model().predict(frame), clf.predict(X))
    numbered = pd.DataFrame(X)
    np.testing.assert_array_equal(quick().fit(numbered, y).to_model().predict(numbered), clf.predict(X))


def test_report_on_a_black_box_that_does_not_pickle():
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=1000).fit(X, y)
    clf = quick(teachers=CallableTeacher(lambda rows: model.predict_proba(rows), classes=[0, 1, 2])).fit(X, y)
    assert clf.report(X, y).rows[0]["nbytes"] is None


def test_methods_that_appear_with_the_fit():
    X, y = load_iris(return_X_y=True)
    stack = StackingClassifier([("lr", LogisticRegression(max_iter=1000))], cv=3)
    assert quick(teachers=stack, cv=3).fit(X, y).score(X, y) > 0.9


def test_nested_name_of_a_teacher_by_name():
    with pytest.raises(ValueError, match=r"Cannot set 'svm__C': a teacher given by name.*teachers=\[\('svm', ...\)"):
        DistilledClassifier().set_params(svm__C=3.0)


# ---------------------------------------------------------------- as a reviewer broke it


def test_a_teacher_called_like_a_parameter():
    with pytest.raises(ValueError, match=r"must not be called like a parameter of DistilledClassifier. Got 'student'"):
        quick(teachers=[("student", LogisticRegression(max_iter=5000))]).fit(*CANCER)


def test_balance_counts_only_rows_that_count():
    X, y = CANCER
    keep = np.arange(len(y)) % 4 > 0
    folds = [(np.arange(0, 300), np.arange(300, len(y))), (np.arange(300, len(y)), np.arange(0, 300))]
    index = np.cumsum(keep) - 1
    cut = [tuple(index[part[keep[part]]] for part in fold) for fold in folds]
    settings = {"class_weight": "balanced", "student": "linear"}
    weighted = quick(cv=folds, **settings).fit(X, y, sample_weight=keep.astype(float))
    removed = quick(cv=cut, **settings).fit(X[keep], y[keep])
    np.testing.assert_allclose(weighted.predict_proba(X), removed.predict_proba(X), rtol=1e-9)
    with pytest.raises(ValueError, match="'class_weight' parameter is for classification"):
        DistilledEstimator(["ridge"], task="regression", class_weight="balanced").fit(X, y)


def test_third_party_student_is_seeded():
    X, y = load_diabetes(return_X_y=True)
    first, second = (
        DistilledRegressor(["ridge"], DecisionTreeRegressor(max_features=2), random_state=0).fit(X, y).predict(X)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("aggregation", ["median", "geometric", lambda block, weights: block.mean(axis=0)])
def test_rows_without_labels_do_not_reach_the_aggregation(aggregation):
    clf = quick(teachers=["logistic", "lightgbm"], cv=TimeSeriesSplit(3), aggregation=aggregation).fit(*CANCER)
    assert clf.score(*CANCER) > 0.9


def test_routing_does_not_reach_the_student():
    X, y = CANCER
    with config_context(enable_metadata_routing=True):
        student = make_pipeline(StandardScaler(), LogisticRegression())
        assert quick(student=student).fit(X, y).score(X, y) > 0.9
        assert quick(cv=3).fit(X, y, groups=np.arange(len(y)) // 5).score(X, y) > 0.9
        with pytest.raises(ValueError, match="class_weight reaches teachers as sample_weight"):
            quick(teachers=LogisticRegression(), class_weight="balanced").fit(X, y)


def test_loaded_estimator_takes_what_it_took():
    X, y = CANCER
    model = LogisticRegression(max_iter=5000).fit(X.to_numpy(), y)
    box = CallableTeacher(lambda rows: model.predict_proba(np.nan_to_num(rows)), classes=[0, 1])
    clf = quick(teachers=[("box", box)]).fit(X.to_numpy(), y)
    loaded = pickle.loads(pickle.dumps(clf))
    gaps = X.to_numpy().copy()
    gaps[::3, 2] = np.nan
    assert len(loaded.report(gaps, y).rows) == 2
    with config_context(enable_metadata_routing=True):
        assert loaded.get_metadata_routing() is not None


def test_a_deep_copy_keeps_its_teachers():
    X, y = CANCER
    clf = quick(teachers=FrozenEstimator(LogisticRegression(max_iter=5000).fit(X, y))).fit(X, y)
    twin = deepcopy(clf)
    assert list(twin.teachers_) == list(clf.teachers_)
    np.testing.assert_array_equal(twin.fit(X, y).predict(X), clf.predict(X))


def test_task_told_by_a_named_tuple():
    X, y = load_iris(return_X_y=True)
    assert DistilledEstimator([("a", "ridge")], random_state=0).fit(X, y).task_ == "regression"
