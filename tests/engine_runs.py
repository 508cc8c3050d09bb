"""One small distillation, and what must not depend on where its rows live."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_breast_cancer

from skdistill import DistilledClassifier
from skdistill.students import _linear


def breast_cancer():
    """569 rows of 30 numbers, and labels that are text."""
    X, y = load_breast_cancer(return_X_y=True)
    return X.astype(np.float32), np.array(["malignant", "benign"])[y]


def fitted(student, X, y=None):
    """The models distilled and from hard labels: arrays of a tree, of a line its parameters before they are rounded."""
    clf = DistilledClassifier(["logistic"], student, cv=2, blend=0.3, random_state=0)
    parameters, solve = [], _linear.Problem.solve

    def solved(*args, **kwargs):
        solution = solve(*args, **kwargs)
        parameters.append(solution[0])
        return solution

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_linear.Problem, "solve", solved)
        clf.fit(X, y)
    trees = [fit.predictor_ for fit in (clf.student_, clf.hard_student_) if not parameters]
    return parameters or [getattr(tree, name) for tree in trees for name in ("feature", "threshold", "right", "value")]


def assert_same(found, expected):
    """Trees to the last bit, lines to 1e-9 of their largest parameter."""
    for one, other in zip(found, expected, strict=True):
        if other.dtype == np.float64:
            assert_allclose(one, other, rtol=1e-9, atol=1e-9 * np.abs(other).max())
        else:
            assert (one.dtype, one.tobytes()) == (other.dtype, other.tobytes())
