"""Targets for students: products of features, which no sum over single features reproduces."""

from __future__ import annotations

import numpy as np

from skdistill.model import LINKS

KINDS = ("binary", "classes", "value", "values")


def rows(loader):
    X, y = loader(return_X_y=True)
    return X.astype(np.float32), y


def soft(X, k, seed=0):
    rng = np.random.default_rng(seed)
    Z = (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9)
    return LINKS["softmax"](3 * np.tanh(Z[:, :3] * Z[:, 1:4]) @ rng.normal(size=(3, k)))


def targets_of(kind, X):
    X = X.astype(np.float64)
    values = 1e4 + 50 * np.column_stack([X[:, 0] * X[:, 1], X[:, 2]])
    return {"binary": soft(X, 2), "classes": soft(X, 3), "value": values[:, 0], "values": values}[kind]
