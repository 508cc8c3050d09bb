"""An XGBoost teacher on a GPU is given rows that lie there."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost
from numpy.testing import assert_allclose
from sklearn.datasets import load_wine
from sklearn.naive_bayes import GaussianNB

from skdistill import DistilledClassifier, TreeStudent
from skdistill._backend import NUMPY, of, resolve
from skdistill.targets import check_labels
from skdistill.teachers import TabularBooster, _presets
from skdistill.teachers._presets import probabilities_in_place

X, Y = load_wine(return_X_y=True)


def teacher(device="cpu"):
    return TabularBooster(xgboost.XGBClassifier(n_estimators=10, max_depth=3, n_jobs=1, device=device))


def test_rows_go_where_the_booster_is(cuda):
    fitted = teacher().fit(X, Y)
    assert isinstance(fitted._rows(X), np.ndarray)
    fitted.booster_.device = "cuda:0"
    rows = fitted._rows(X)
    assert of(rows).name == cuda
    np.testing.assert_array_equal(resolve("cuda").to_numpy(rows), fitted.encoder_.transform(X))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0.5, np.nan, 0.5], "Teacher 'xgb' returned NaN or infinity in row 1"),
        ([-0.25, 0.25, 1.0], "returned a negative probability, -0.25, in row 1"),
        ([0.5, 0.5, 0.5], "returned probabilities that sum to 1.5 in row 1"),
    ],
)
def test_labels_are_checked_on_the_device(backend, row, message):
    good = np.array([[0.25, 0.25, 0.5], [0.5, 0.25, 0.25]], dtype=np.float32)
    found = check_labels(backend.asarray(good), 2, 3, "classification", "xgb", backend)
    assert of(found).name == backend.name
    np.testing.assert_array_equal(backend.to_numpy(found), good)
    good[1, 0] += 1e-4
    mended = check_labels(backend.asarray(good), 2, 3, "classification", "xgb", backend)
    assert_allclose(backend.to_numpy(mended)[1].sum(), 1, rtol=1e-6)
    good[1] = row
    with pytest.raises(ValueError, match=message):
        check_labels(backend.asarray(good), 2, 3, "classification", "xgb", backend)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("stops", [False, True])
def test_what_is_computed_in_place_is_what_xgboost_says(binary, stops):
    y = (Y > 0) if binary else Y
    settings = {"early_stopping_rounds": 2} if stops else {}
    model = xgboost.XGBClassifier(n_estimators=30, max_depth=2, n_jobs=1, **settings)
    model.fit(X[::2], y[::2], eval_set=[(X[1::2], y[1::2])], verbose=False)
    np.testing.assert_array_equal(probabilities_in_place(model, X, NUMPY), model.predict_proba(X))


def test_probabilities_stay_where_they_are_computed(cuda, monkeypatch):
    """XGBoost has no stand-in for a GPU: it is asked on the host, and its answer is put where it would lie."""
    there = resolve("cuda")
    monkeypatch.setattr(
        _presets,
        "probabilities_in_place",
        lambda model, rows, device: device.asarray(probabilities_in_place(model, there.to_numpy(rows), NUMPY)),
    )
    settings = {"device": "cuda", "blend": 0.5, "cv": 3, "random_state": 0}
    model = DistilledClassifier([teacher(), GaussianNB()], TreeStudent(max_leaves=4), keep_teachers=True, **settings)
    model.fit(X, Y)
    expected = model.oracle_(X)
    model.teachers_["tabularbooster"].booster_.device = "cuda:0"
    kinds = [of(labels).name for labels in model.teachers_.labels(X)]
    assert kinds == [cuda, "numpy"]
    assert_allclose(model.oracle_(X), expected, rtol=1e-6)


@pytest.mark.skipif(not xgboost.build_info()["USE_CUDA"], reason="This XGBoost is built without CUDA")
def test_probabilities_are_those_of_the_processor(need_cupy):
    on_gpu, on_host = teacher("cuda").fit(X, Y), teacher().fit(X, Y)
    on_host.booster_.get_booster().load_model(on_gpu.booster_.get_booster().save_raw())
    assert type(on_gpu.predict_proba(X)) is np.ndarray
    assert_allclose(
        on_gpu.predict_proba(X), on_host.predict_proba(X), rtol=1e-5
    )  # without a warning of mismatched devices
    model = DistilledClassifier(teacher("cuda"), "tree", device="cuda", blend=0.5, cv=3, random_state=0).fit(X, Y)
    assert model.score(X, Y) > 0.9
