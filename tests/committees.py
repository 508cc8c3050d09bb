"""Committees that several test modules use."""

from __future__ import annotations

from sklearn.linear_model import LogisticRegression, Ridge


def exact_classifiers() -> list:
    """Deterministic linear teachers that solve to machine precision, for which weights equal repetition."""
    return [
        ("lr", LogisticRegression(solver="newton-cholesky", tol=1e-9, max_iter=1000)),
        ("stiff", LogisticRegression(solver="newton-cholesky", tol=1e-9, max_iter=1000, C=0.01)),
    ]


def exact_regressors() -> list:
    """Their like for regression."""
    return [("ridge", Ridge(solver="cholesky")), ("stiff", Ridge(alpha=100.0, solver="cholesky"))]
