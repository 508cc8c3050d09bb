"""Whole models: predictions, their dtypes, errors, and what importing costs."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, Ridge

from skdistill.model import Linear, Model, NumericColumn, Output, Preprocessor, Tree

ONE_COLUMN = Preprocessor([NumericColumn("x")])
STUMP = Tree([0, -1, -1], [0.5, 0, 0], [2, 0, 0], [[2.0, 1.0], [-1.0, 3.0]], n_features=1)
LINE = Linear([[-1.0, 1.0]], [0.5, -0.5])


@pytest.mark.parametrize(
    ("classes", "dtype"),
    [
        (("no", "maybe"), np.dtype("<U5")),
        ((np.str_("b"), np.str_("a")), np.dtype("<U1")),
        ((7, -3), np.dtype(np.int64)),
        (tuple(np.array([1, 2], dtype=np.uint8)), np.dtype(np.int64)),
        ((True, False), np.dtype(bool)),
        ((0.5, 2.0), np.dtype(np.float64)),
        ((np.float32(0.5), np.float32(2)), np.dtype(np.float64)),
    ],
)
@pytest.mark.parametrize("predictor", [STUMP, LINE])
def test_labels_keep_the_type_of_the_classes(predictor, classes, dtype):
    model = Model(ONE_COLUMN, predictor, Output("classification", "softmax", classes))
    found = model.predict([[0.0], [1.0], [0.2]])
    assert found.dtype == dtype
    assert found.shape == (3,)
    assert found.tolist() == [classes[0], classes[1], classes[0]]
    assert model.predict(np.empty((0, 1))).dtype == dtype


def test_the_first_of_equal_classes_wins():
    model = Model(ONE_COLUMN, Linear([[1.0, 1.0]], [0.0, 0.0]), Output("classification", "softmax", ("b", "a")))
    assert model.predict([[3.0]]).tolist() == ["b"]


@pytest.mark.parametrize("predictor", [STUMP, LINE])
@pytest.mark.parametrize("link", ["identity", "softmax", "simplex"])
def test_links(predictor, link):
    model = Model(ONE_COLUMN, predictor, Output("classification", link, ("a", "b")))
    X = [[0.0], [1.0], [np.nan], [1e30]]
    scores = predictor.evaluate([[0.0], [1.0], [0.0], [1e30]])
    if link == "softmax":
        expected = np.exp(scores - scores.max(axis=1, keepdims=True))
    elif link == "simplex":
        expected = np.clip(scores, 0, None)
    else:
        expected = scores
    if link != "identity":
        expected = expected / expected.sum(axis=1, keepdims=True)
    np.testing.assert_array_equal(model.decision(X), scores)
    np.testing.assert_allclose(model.evaluate(X), expected, rtol=1e-15)
    np.testing.assert_array_equal(model.predict_proba(X), model.evaluate(X))
    np.testing.assert_array_equal(model.predict(X), np.array(["a", "b"])[expected.argmax(axis=1)])


@pytest.mark.parametrize("predictor", [STUMP, LINE])
def test_regression(predictor):
    two = Model(ONE_COLUMN, predictor, Output("regression", "identity", targets=("u", "v"), flat=False))
    X = [[0.25], [0.75]]
    np.testing.assert_array_equal(two.predict(X), predictor.evaluate(X))
    with pytest.raises(AttributeError, match=r"predict_proba is for classification.*use predict"):
        two.predict_proba(X)
    single = Linear([[2.0]], [1.0])
    for flat, shape in ((True, (2,)), (False, (2, 1))):
        found = Model(ONE_COLUMN, single, Output("regression", "identity", None, ("y",), flat)).predict(X)
        assert found.shape == shape
        np.testing.assert_array_equal(found.ravel(), [1.5, 2.5])


def test_real_data_through_scaling():
    X, y = load_wine(return_X_y=True)
    center, spread = X.mean(axis=0), X.std(axis=0)
    columns = [
        NumericColumn(f"x{i}", center=np.float32(c), scale=np.float32(1 / s))
        for i, (c, s) in enumerate(zip(center, spread, strict=True))
    ]
    fitted = LogisticRegression(C=0.1).fit((X - center) / spread, y)
    line = Linear(fitted.coef_.T, fitted.intercept_)
    model = Model(Preprocessor(columns), line, Output("classification", "softmax", tuple(fitted.classes_)))
    np.testing.assert_allclose(model.predict_proba(X), fitted.predict_proba((X - center) / spread), atol=1e-5)
    np.testing.assert_array_equal(model.predict(X), fitted.predict((X - center) / spread))

    X, y = load_diabetes(return_X_y=True)
    fitted = Ridge().fit(X, y)
    plain = Preprocessor([NumericColumn(f"x{i}") for i in range(X.shape[1])])
    line = Linear(fitted.coef_[:, None], [fitted.intercept_])
    model = Model(plain, line, Output("regression", "identity", targets=("y",)))
    np.testing.assert_allclose(model.predict(X), fitted.predict(X), rtol=1e-6)


def test_copies(full_model):
    X = {"age": [30.0, None], "dose": [1, 2], "job": ["clerk", "x"], "grade": [1, 2.5]}
    for twin in (copy.deepcopy(full_model), pickle.loads(pickle.dumps(full_model))):
        np.testing.assert_array_equal(twin.predict_proba(X), full_model.predict_proba(X))
        assert repr(twin) == repr(full_model)
        with pytest.raises(AttributeError):
            twin.output = None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, STUMP, None), "'preprocessor' of Model must be a Preprocessor. Got None instead"),
        (
            (ONE_COLUMN, "tree", None),
            "'predictor' of Model must be a Tree, Linear, Additive, TreeSum or Decoded. Got 'tree' instead",
        ),
        ((ONE_COLUMN, STUMP, "softmax"), "'output' of Model must be a Output. Got 'softmax' instead"),
        (
            (Preprocessor([NumericColumn("x", missing=True)]), STUMP, Output("classification", "softmax", (0, 1))),
            "The predictor reads 1 features, but the preprocessor encodes 2",
        ),
        (
            (ONE_COLUMN, STUMP, Output("classification", "softmax", (0, 1, 2))),
            "The predictor has 2 outputs, but there are 3 classes or targets",
        ),
        (
            (ONE_COLUMN, STUMP, Output("regression", "identity", targets=("y",))),
            "The predictor has 2 outputs, but there are 1 classes or targets",
        ),
    ],
)
def test_parts_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        Model(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ranking", "identity"), "'task' of Output must be 'classification' or 'regression'. Got 'ranking' instead"),
        (
            ("classification", "logit", (0, 1)),
            r"must be one of \['exp', 'identity', 'simplex', 'softmax'\]",
        ),
        (("classification", "softmax"), "Output of a classification must have 'classes'"),
        (("classification", "softmax", (0, 1), ("y",)), "no 'targets'"),
        (("classification", "softmax", (0, 1), (), False), "'flat' True"),
        (("classification", "softmax", ()), "one or more labels of a single type"),
        (("classification", "softmax", (0, "a")), r"labels of a single type. Got \(0, 'a'\)"),
        (("classification", "softmax", (0, 1.5)), "labels of a single type"),
        (("classification", "softmax", (0, True)), "labels of a single type"),
        (("classification", "softmax", ("a", "a")), "'classes' of Output must be distinct"),
        (("classification", "softmax", (0.0, np.nan)), "'classes' of Output must be finite"),
        (("classification", "softmax", (0, 2**63)), "integers must fit 64 bits"),
        (
            ("classification", "softmax", ("a", None)),
            "'classes' of Output must be str, int, float or bool values. Got None",
        ),
        (("classification", "softmax", ("a", "a\0")), "must not end in a null character"),
        (("regression", "identity"), "Output of a regression must have no 'classes', one or more 'targets'"),
        (("regression", "softmax", None, ("y",)), "the 'identity' or 'exp' link"),
        (("classification", "exp", ("a", "b")), "another link than 'exp'"),
        (("regression", "identity", (0, 1), ("y",)), "no 'classes'"),
        (("regression", "identity", None, ("u", "v"), True), "exactly one if 'flat'"),
        (("regression", "identity", None, ("u", "u"), False), "'targets' of Output must be distinct"),
        (("regression", "identity", None, (1,)), "Each of 'targets' of Output must be a str. Got 1 instead"),
        (("regression", "identity", None, ("y",), 1), "'flat' of Output must be a bool. Got 1 instead"),
    ],
)
def test_output_rejects(arguments, message):
    with pytest.raises(ValueError, match=message):
        Output(*arguments)


def test_loading_and_predicting_needs_numpy_alone(full_model, tmp_path):
    path = tmp_path / "model.json"
    full_model.save(path)
    program = (
        "import sys, skdistill.model as m\n"
        f"print(m.load({str(path)!r}).predict({{'age': [30], 'dose': [1], 'job': ['x'], 'grade': [1]}})[0])\n"
        "heavy = {'sklearn', 'scipy', 'pandas', 'joblib', 'narwhals', 'array_api_compat', 'lightgbm', 'tempfile'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    label = full_model.predict({"age": [30], "dose": [1], "job": ["x"], "grade": [1]})[0]
    assert found.stdout.split("\n")[:2] == [label, "[]"]
