"""Small fitted estimators, and how matplotlib draws without a screen."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledClassifier, DistilledRegressor

matplotlib.use("agg")


@pytest.fixture(scope="session")
def hostile():
    """Numbers, categories and missing cells under names that are HTML and formulas; fitted once for each student."""
    rng = np.random.default_rng(0)
    n = 400
    dose = rng.normal(50, 20, n)
    place = rng.choice(["<b>home</b>", "$ward$", '"clinic"'], n)
    score = 0.06 * (dose - 50) + np.where(place == "$ward$", 1.5, -0.5) + rng.normal(0, 0.7, n)
    X = pd.DataFrame({"<script>alert(1)</script>": dose, "a & $b_c$": place, "noise": rng.integers(0, 9, n)})
    X.loc[rng.choice(n, 40, replace=False), "<script>alert(1)</script>"] = np.nan
    y = np.where(score > 0.8, "<i>high</i>", np.where(score > -0.5, "mid & $x$", "low"))
    fitted = {}

    def fit(student, task="classification", **parameters):
        key = (repr(student), task)
        if key not in fitted:
            line, kind = (
                ("logistic", DistilledClassifier) if task == "classification" else ("ridge", DistilledRegressor)
            )
            target = y if task == "classification" else score
            estimator = kind([line, "lightgbm"], student, cv=3, random_state=0, **parameters)
            fitted[key] = estimator.fit(X[:250], target[:250]), X[250:], target[250:]
        return fitted[key]

    return fit
