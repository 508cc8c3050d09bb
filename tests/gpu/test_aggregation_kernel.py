"""The kernel that aggregates soft labels gives what the array API does: run on the processor, and compiled as CUDA.

Logarithms and powers in float32 are made as wrong there as CUDA's may be, so that the tolerance is one for a GPU too.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from emulation import build
from numpy.testing import assert_allclose
from nvrtc import compiled
from sklearn.datasets import load_wine
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from skdistill import DistilledClassifier, TreeStudent
from skdistill.targets import _combiner, aggregate
from skdistill.targets._fused import MOST_TEACHERS, SOURCE, THREADS, fused

TOLERANCE = {np.float32: {"rtol": 1e-5, "atol": 1e-9}, np.float64: {"rtol": 1e-12, "atol": 1e-15}}
RULES = [("mean", "classification"), ("geometric", "classification"), ("median", "classification")]
RULES += [("mean", "regression"), ("median", "regression")]


def kernels(T):
    return [f"aggregated<{rule}, {real}, {T}>" for rule in range(4) for real in ("float", "double")]


def committee(rng, T, n, k, dtype, task):
    if task == "regression":
        return [rng.normal(size=(n, k)).astype(dtype) for _ in range(T)]
    P = [rng.dirichlet(np.full(k, 0.4), n).astype(dtype) for _ in range(T)]
    for p in P:
        p[: n // 3] = np.eye(k)[rng.integers(k, size=n // 3)]  # sure of it: zeros, and no majority
        p[n // 2] = np.nan
    return P


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """The kernels for three teachers."""
    return build(SOURCE, kernels(3), tmp_path_factory.mktemp("kernels"))


@pytest.mark.parametrize("T", range(1, 10))
def test_every_rule(T, tmp_path):
    backend, rng = build(SOURCE, kernels(T), tmp_path), np.random.default_rng(T)
    given = rng.dirichlet(np.ones(T))
    half = np.r_[0.5, np.full(T - 1, 0.5 / max(T - 1, 1))]  # half of the weight: the average of two medians
    for k, dtype in itertools.product((1, 2, 3, 8, 10, 26), (np.float32, np.float64)):
        for aggregation, task in RULES:
            P = committee(rng, T, 27, k, dtype, task)
            for weights, temperatures, scaling in (
                (None, None, None),
                (half, None, None),
                (given, np.linspace(0.4, 3, T), None),
                (given, np.where(np.arange(T) % 2, 1.0, 0.02), (0.8, np.linspace(-1, 1, k))),
                (None, None, (1.2, np.linspace(1, -1, k))),
            ):
                if task == "regression" and not temperatures is scaling is None:
                    continue
                args = P, weights, aggregation, task, temperatures
                found = aggregate(*args, backend, scaling=scaling)
                assert_allclose(found, aggregate(*args, scaling=scaling), **TOLERANCE[dtype])
    assert set(backend.launched) == set(kernels(T)) - ({kernels(1)[6], kernels(1)[7]} if T == 1 else set())


def test_sums_over_teachers_are_in_float64(few):
    P = committee(np.random.default_rng(0), 3, 40, 4, np.float32, "classification")
    for aggregation in ("mean", "median"):
        args = P, [0.5, 0.2, 0.3], aggregation, "classification"
        assert_allclose(aggregate(*args, backend=few), aggregate(*args), rtol=1e-14)


def test_labels_of_any_layout_and_of_two_types(few):
    a, b, c = committee(np.random.default_rng(0), 3, 40, 4, np.float64, "classification")
    args = [np.asfortranarray(a), b.astype(np.float32), np.repeat(c, 2, axis=1)[:, ::2]], None, "geometric"
    assert_allclose(aggregate(*args, "classification", backend=few), aggregate(*args, "classification"), rtol=1e-12)
    assert few.launched[-1] == "aggregated<1, double, 3>"


def test_a_row_of_many_classes(few):
    P = committee(np.random.default_rng(0), 3, 5, 200, np.float64, "classification")
    args = P, None, "geometric", "classification", [1.0, 2.0, 3.0]
    few.launched.clear()
    assert_allclose(aggregate(*args, backend=few), aggregate(*args), rtol=1e-12)
    assert few.launched


def test_a_whole_fit(few, monkeypatch):
    teachers = ["logistic", GaussianNB(), DecisionTreeClassifier(max_depth=3, random_state=0)]
    student = TreeStudent(max_leaves=4, repair=None)
    model = DistilledClassifier(teachers, student, weighting=None, cv=3, random_state=0)
    X, y = load_wine(return_X_y=True)
    expected = model.fit(X, y).predict_proba(X)
    monkeypatch.setattr(_combiner, "resolve", lambda *_: few)
    few.launched.clear()
    assert_allclose(model.fit(X, y).predict_proba(X), expected, rtol=1e-6)
    assert set(few.launched) == {"aggregated<1, double, 3>"}


@pytest.mark.parametrize(
    ("T", "k", "temperature"), [(MOST_TEACHERS + 1, 2, 1.0), (2, THREADS + 1, 1.0), (MOST_TEACHERS, 200, 2.0)]
)
def test_beyond_its_bounds_the_array_api_takes_over(few, T, k, temperature):
    given = "mean", "classification", [1 / T] * T, [temperature] * T, None
    assert fused(*given, k, few) is None
    P = committee(np.random.default_rng(0), T, 3, k, np.float32, "classification")
    args = P, None, *given[:2], given[3]
    np.testing.assert_array_equal(aggregate(*args, backend=few), aggregate(*args))


@pytest.mark.parametrize("architecture", ["compute_80", "compute_90"])
def test_it_is_cuda(architecture):
    names = [*kernels(8), kernels(MOST_TEACHERS)[-1]]
    text, lowered = compiled(SOURCE, names, architecture)
    for name in lowered.values():
        assert f".entry {name}(" in text
    assert ".local" not in text  # a teacher's label is in a register
