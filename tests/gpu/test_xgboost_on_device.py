"""An XGBoost teacher on a GPU is given rows that lie there."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost
from numpy.testing import assert_allclose
from sklearn.datasets import load_wine

from skdistill import DistilledClassifier
from skdistill._backend import of, resolve
from skdistill.teachers import TabularBooster

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
