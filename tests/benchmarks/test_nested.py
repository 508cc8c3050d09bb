"""Trees read off a larger one are those that scikit-learn fits."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from benchmarks.competitors._nested import NestedTrees


@pytest.mark.parametrize("max_leaves", [1, 2, 30, 150])
@pytest.mark.parametrize(("criterion", "alpha"), [("gini", 0.0), ("entropy", 1e-3), ("gini", 1e-2)])
def test_classifier(max_leaves, criterion, alpha):
    X, y = load_digits(return_X_y=True)
    X, fixed = X.astype(np.float32), {"criterion": criterion, "min_samples_leaf": 2, "random_state": 3}
    Z, targets = X[::2], np.eye(10)[y[::2]]
    large = DecisionTreeClassifier(max_leaf_nodes=150, **fixed).fit(Z, y[::2])
    trees = NestedTrees(large, Z, targets)
    splits = trees.cut(max_leaves, alpha)
    if max_leaves == 1:
        np.testing.assert_allclose(trees.outputs(splits, 0.0, X), np.tile(targets.mean(axis=0), (len(X), 1)))
        return
    own = DecisionTreeClassifier(max_leaf_nodes=max_leaves, ccp_alpha=alpha, **fixed).fit(Z, y[::2])
    np.testing.assert_allclose(trees.outputs(splits, 0.0, X), own.predict_proba(X), atol=1e-12)
    lowered = trees.lowered(splits, 0.0)
    assert lowered.n_leaves == own.get_n_leaves()
    np.testing.assert_allclose(lowered.evaluate(X), own.predict_proba(X), atol=1e-6)


def test_regressor_smoothed():
    X, y = load_diabetes(return_X_y=True)
    Z = X.astype(np.float32)
    trees = NestedTrees(DecisionTreeRegressor(max_leaf_nodes=60, random_state=0).fit(Z, y), Z, y[:, None])
    own = DecisionTreeRegressor(max_leaf_nodes=20, random_state=0, ccp_alpha=20.0).fit(Z, y)
    splits = trees.cut(20, 20.0)
    np.testing.assert_allclose(trees.outputs(splits, 0.0, Z).ravel(), own.predict(Z))
    rows = np.bincount(own.apply(Z))[own.apply(Z)]
    expected = (rows * own.predict(Z) + 5 * y.mean()) / (rows + 5)
    np.testing.assert_allclose(trees.outputs(splits, 5.0, Z).ravel(), expected)
