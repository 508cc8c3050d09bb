"""Pipelines that hold a distilled student, converted by skl2onnx and run by onnxruntime."""

from __future__ import annotations

import numpy as np
import onnxruntime as runtime
import pytest
import skl2onnx
from sklearn.datasets import load_diabetes, load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdistill import DistilledClassifier, DistilledRegressor
from skdistill.exports import register_with_skl2onnx


def session_of(estimator, X, **options):
    register_with_skl2onnx()
    return runtime.InferenceSession(skl2onnx.to_onnx(estimator, X, **options).SerializeToString())


@pytest.mark.parametrize("student", ["tree", "linear"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pipeline_of_a_classifier(student, dtype):
    X, y = load_iris(return_X_y=True)
    X, y = X.astype(dtype), np.array(["setosa", "versicolor", "virginica"])[y]
    clf = DistilledClassifier("logistic", student, blend=0.5, random_state=0)
    pipeline = make_pipeline(StandardScaler(), clf).fit(X, y)
    session = session_of(pipeline, X[:1], options={"zipmap": False})
    label, proba = session.run(None, {"X": X})
    assert (label == pipeline.predict(X)).mean() > 0.99  # a scaler in float32 may move a row over a threshold
    assert np.median(np.abs(proba - pipeline.predict_proba(X))) < 1e-6


def test_default_is_a_map_of_probabilities():
    X, y = load_iris(return_X_y=True)
    clf = DistilledClassifier("logistic", "tree", blend=0.5, random_state=0).fit(X, y)
    label, proba = session_of(clf, X[:1].astype(np.float32)).run(None, {"X": X.astype(np.float32)})
    assert label.tolist() == clf.predict(X.astype(np.float32)).tolist()
    assert set(proba[0]) == {0, 1, 2}


def test_regressor():
    X, y = load_diabetes(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), DistilledRegressor("ridge", "linear", blend=0.5)).fit(X, y)
    (values,) = session_of(pipeline, X[:1]).run(None, {"X": X})
    np.testing.assert_allclose(values[:, 0], pipeline.predict(X), rtol=1e-4)


def test_categories_come_as_columns(people):
    X, y = people
    X = X.astype({"city": object})
    clf = DistilledClassifier("logistic", "tree", blend=0.5, random_state=0).fit(X, y)
    kinds = skl2onnx.common.data_types
    numeric = {"age", "income"}
    types = [(c, (kinds.FloatTensorType if c in numeric else kinds.StringTensorType)([None, 1])) for c in X.columns]
    session = session_of(clf, None, initial_types=types, options={"zipmap": False})
    feeds = {c: X[[c]].to_numpy(np.float32) if c in numeric else X[[c]].fillna("").to_numpy(object) for c in X.columns}
    assert session.run(["label"], feeds)[0].tolist() == clf.predict(X).tolist()
    with pytest.raises(ValueError, match=r"reads 4 inputs, .'age', .* but the pipeline hands it 1"):
        session_of(clf, None, initial_types=[("X", kinds.StringTensorType([None, 4]))])
