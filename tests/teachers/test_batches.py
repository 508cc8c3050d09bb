"""Boosters that learn from rows beyond the sample: what they learn in memory, and no label of a row that they saw."""

import pickle
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from xgboost import XGBClassifier, XGBRegressor, XGBRFClassifier

from skdistill import DistilledClassifier, DistilledRegressor, TreeStudent, scan
from skdistill._streamed_rows import Folding, Weights, batch_rows
from skdistill.engine import FileEngine
from skdistill.preprocessing import TableEncoder
from skdistill.teachers import Batches, TabularBooster, count_fits, cross_fit, make_folds, resolve_members
from skdistill.teachers._batches import fit_in_batches

SMALL = {"n_estimators": 8, "n_jobs": 1, "random_state": 0}
LIGHT = {**SMALL, "verbose": -1, "min_child_samples": 5}


def batches_of(X, y, numbers, classes=None, n_folds=3, weights=None, block_rows=40):
    """The rows that are not in the sample, in blocks."""

    def read(rows):
        for start in range(0, len(y), rows):
            yield {"table": X[start : start + rows], "truth": y[start : start + rows]}

    encoder = TableEncoder(categories="ordinal", scale=False).fit(X)
    names = "Z", "y", "weight", "fold"

    def opened():
        engine = FileEngine(read, len(y), block_rows)
        engine.update(names, batch_rows, encoder, numbers, Folding(n_folds, 0), classes, Weights(False, weights))
        return engine.select(*names)

    return Batches(encoder, classes, 1 if classes is None else len(classes), numbers, opened)


def folds_of(n_rows, n_folds=3):
    return Folding(n_folds, 0)({"start": 0, "table": np.empty((n_rows, 1))})


def wine(kind):
    """Numbers with gaps, text, and a class or a value."""
    X, y = load_wine(return_X_y=True)
    X = X.astype(object)
    X[::7, 2] = np.nan
    X[:, 5] = np.array(["low", "middle", "high"])[np.digitize(X[:, 5].astype(float), [2, 2.7])]
    values = X[:, 12].astype(float)
    truth = {"values": values, "two": y == 0, "three": np.array(["a", "b", "c"])[y]}[kind]
    return X[:, :12], truth, None if kind == "values" else np.unique(truth)


@pytest.mark.parametrize("kind", ["values", "two", "three"])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
@pytest.mark.parametrize("without", [frozenset(), frozenset({1})])
def test_a_booster_learns_in_batches_what_it_learns_in_memory(library, kind, without):
    X, y, classes = wine(kind)
    models = {"xgboost": (XGBRegressor, XGBClassifier), "lightgbm": (LGBMRegressor, LGBMClassifier)}[library]
    booster = models[classes is not None](**(SMALL if library == "xgboost" else LIGHT))
    by_class = None if classes is None else np.arange(1.0, len(classes) + 1)
    weight = np.ones(len(y)) if classes is None else by_class[np.searchsorted(classes, y)]
    batches = batches_of(X, y, np.arange(50), classes, weights=by_class)
    assert batches.teach(TabularBooster(booster))
    train = np.arange(0, 50, 2)
    found = fit_in_batches(TabularBooster(booster), batches, train, without, weighed=True)

    beyond = (np.arange(len(y)) >= 50) & ~np.isin(folds_of(len(y)), list(without))
    kept = np.concatenate([train, np.flatnonzero(beyond)])
    Z = batches.encoder.transform(X)
    codes = y if classes is None else np.searchsorted(classes, y)
    in_memory, how = clone(booster), {"categorical_feature": [5]}
    if library == "xgboost":
        in_memory.set_params(feature_types=["c" if j == 5 else "q" for j in range(12)], enable_categorical=True)
        how = {}
    in_memory.fit(Z[kept], codes[kept], sample_weight=weight[kept], **how)
    method = "predict" if classes is None else "predict_proba"
    np.testing.assert_allclose(getattr(found, method)(X), getattr(in_memory, method)(Z), rtol=1e-5)
    if classes is not None:
        assert found.classes_.tolist() == classes.tolist()
        assert accuracy_score(y, found.predict(X)) > 0.9
    assert type(found.booster_) is type(booster)
    assert found.booster_.get_params()["n_estimators"] == 8


def test_rows_that_taught_a_booster_are_labelled_by_one_that_did_not_see_them():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((3000, 3)), rng.integers(0, 2, 3000)  # nothing to learn but the rows themselves
    numbers = np.arange(0, 3000, 10)
    memory = LGBMClassifier(n_estimators=30, num_leaves=200, min_child_samples=1, n_jobs=1, verbose=-1)
    members = resolve_members([("memory", memory), "logistic"], "classification", 300, 2)
    folds = make_folds(3, X[numbers], y[numbers], "classification", seed=0)
    batches, steps = batches_of(X, y, numbers, np.arange(2), block_rows=1000), []
    soft = cross_fit(
        members,
        X[numbers],
        y[numbers],
        folds,
        classes=np.arange(2),
        n_outputs=2,
        random_state=np.random.RandomState(0),
        judged=[0],
        batches=batches,
        step=lambda name, seconds, teacher: steps.append(f"{teacher}, {name}"),
    )
    beyond = np.setdiff1d(np.arange(3000), numbers)
    folded, line = soft.committee.labels(X[beyond], folds_of(3000)[beyond])
    seen, _ = soft.committee.labels(X[beyond])
    assert accuracy_score(y[beyond], seen.argmax(axis=1)) > 0.95
    assert 0.47 < accuracy_score(y[beyond], folded.argmax(axis=1)) < 0.53
    assert 0.4 < accuracy_score(y[numbers], soft.labels[0].argmax(axis=1)) < 0.6
    assert soft.committee.of_all_rows == ["memory"]
    np.testing.assert_array_equal(line, soft.committee.labels(X[beyond])[1])
    # On all rows: the whole and each fold. On the sample: the trial without the first, and the others for it.
    assert len(steps) == count_fits(members, folds, [0], batches=batches) == (3 + 1 + 3) + (3 + 1 + 2)
    trial = soft.trials[0].soft.committee["memory"]
    few = (
        clone(memory).set_params(random_state=trial.random_state).fit(X[numbers][folds[0][0]], y[numbers][folds[0][0]])
    )
    np.testing.assert_array_equal(trial.predict_proba(X), few.predict_proba(X))


@pytest.mark.parametrize(
    ("teacher", "taught"),
    [
        (XGBClassifier(), True),
        (XGBRFClassifier(), True),
        (LGBMClassifier(boosting_type="rf"), True),
        (TabularBooster(XGBClassifier()), True),
        (XGBClassifier(booster="dart"), False),
        (XGBClassifier(tree_method="exact"), False),
        (XGBClassifier(device="cuda"), False),
        (XGBClassifier(objective=lambda y, raw: (raw, raw)), False),
        (LGBMClassifier(class_weight="balanced"), False),
        (TabularBooster(LGBMClassifier(class_weight="balanced")), False),
        (LogisticRegression(), False),
        (make_pipeline(XGBClassifier()), False),
    ],
)
def test_boosters_with_plain_settings_learn_in_batches(teacher, taught):
    X, y = load_wine(return_X_y=True)
    assert batches_of(X, y, np.arange(50), np.arange(3)).teach(teacher) is taught


def test_a_booster_that_stands_alone_learns_in_batches_from_numbers_alone():
    X, y = load_wine(return_X_y=True)
    letters = np.array(["a", "b", "c"])
    assert batches_of(X, letters[y], np.arange(50), letters).teach(LGBMClassifier())
    assert not batches_of(X, letters[y], np.arange(50), letters).teach(XGBClassifier())  # which takes 0, 1, 2 alone
    X, y, classes = wine("two")
    assert not batches_of(X, y, np.arange(50), classes).teach(LGBMClassifier())
    X, y = load_diabetes(return_X_y=True)
    assert not Batches(TableEncoder().fit(X), None, 2, np.arange(9), None).teach(XGBRegressor())


def test_boosters_learn_from_all_rows_of_a_scan(tmp_path, monkeypatch):
    spill = tmp_path / "spill"
    spill.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spill))
    X, y = load_diabetes(return_X_y=True)
    table = {f"x{j}": X[:, j] for j in range(10)} | {"sex": np.array(["m", "f"])[(X[:, 1] > 0).astype(int)]}
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({**table, "y": y}), path, row_group_size=100)
    boosters = [("light", TabularBooster(LGBMRegressor(**LIGHT))), ("x", TabularBooster(XGBRegressor(**SMALL)))]
    settings = {"cv": 3, "blend": 0.0, "random_state": 0, "keep_teachers": True}
    reg = DistilledRegressor([*boosters, "ridge"], TreeStudent(max_leaves=8), **settings)
    reg.fit(scan(path, target="y", sample_rows=60))
    assert "442 rows, streamed; so did the teachers light, x; encoder and other teachers were" in reg.notes_[-1]
    assert list(spill.iterdir()) == []
    light, x = (reg.teachers_[name].booster_ for name, _ in boosters)
    assert light.booster_.dump_model()["tree_info"][0]["tree_structure"]["internal_count"] == 442
    assert "cover=442" in x.get_booster().get_dump(with_stats=True)[0]
    assert pickle.loads(pickle.dumps(reg)).teachers_.n_folds == 0
    again = clone(reg).fit(scan(path, target="y", sample_rows=60))
    np.testing.assert_array_equal(again.predict(pa.table(table)), reg.predict(pa.table(table)))


def test_a_student_of_streamed_rows_does_not_hear_labels_back():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((4000, 2)), rng.integers(0, 2, 4000)
    memory = LGBMClassifier(n_estimators=30, num_leaves=200, min_child_samples=1, n_jobs=1, verbose=-1)
    student = TreeStudent(max_leaves=200, min_samples_leaf=5, repair=None)
    settings = {"cv": 3, "blend": 0.0, "augmentation": None, "random_state": 0, "keep_teachers": True}
    clf = DistilledClassifier(memory, student, **settings)
    clf.fit(scan(X, target=y, sample_rows=200))
    assert clf.teachers_["lgbmclassifier"].score(X, y) > 0.9
    # As much as of rows in memory, all labelled out of fold; .07 more where the committee is asked that saw them.
    assert clf.score(X, y) < clone(clf).fit(X, y).score(X, y) + 0.03


def test_what_a_library_cannot_use_names_the_teacher():
    X, y = load_wine(return_X_y=True)
    clf = DistilledClassifier(LGBMClassifier(num_leaves=1), TreeStudent(max_leaves=4), cv=2, blend=0.5, random_state=0)
    with pytest.raises(ValueError, match=r"Teacher 'lgbmclassifier' failed to fit on .*LightGBMError: .*num_leaves"):
        clf.fit(scan(X, target=y, sample_rows=100))
