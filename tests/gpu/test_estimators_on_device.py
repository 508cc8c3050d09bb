"""`device="cuda"` of an estimator: labels are aggregated and students fitted there, and come out as on NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_diabetes, load_wine
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeRegressor

from skdistill import AdditiveStudent, DistilledClassifier, DistilledRegressor, LinearStudent, TreeStudent, _backend
from skdistill.engine import DeviceEngine
from skdistill.targets import aggregate

CLASSES = load_wine(return_X_y=True)
VALUES = load_diabetes(return_X_y=True)


@pytest.fixture
def engines(monkeypatch):
    """The array libraries of the device engines made."""
    seen = []
    original = DeviceEngine.__init__

    def noted(self, columns, backend, *args, **kwargs):
        seen.append(backend.name)
        original(self, columns, backend, *args, **kwargs)

    monkeypatch.setattr(DeviceEngine, "__init__", noted)
    return seen


def fitted(kind, student, device, data, **settings):
    teachers = (
        ["logistic", GaussianNB()] if kind is DistilledClassifier else ["ridge", DecisionTreeRegressor(max_depth=3)]
    )
    settings = {"blend": 0.5, "cv": 3, "random_state": 0, **settings}
    return kind(teachers, student, device=device, **settings).fit(*data)


@pytest.mark.parametrize(("kind", "data"), [(DistilledClassifier, CLASSES), (DistilledRegressor, VALUES)])
def test_the_tree_of_an_estimator(cuda, engines, kind, data):
    student = TreeStudent(max_leaves=6, repair=None)
    expected = fitted(kind, student, "cpu", data)
    assert not engines
    found = fitted(kind, student, "cuda", data)
    assert engines == [cuda, cuda]  # the student and its rival on hard labels
    assert_allclose(found.predict(data[0]), expected.predict(data[0]), rtol=1e-6)
    assert_allclose(found.student_.predictor_.threshold, expected.student_.predictor_.threshold)


@pytest.mark.parametrize(("kind", "data"), [(DistilledClassifier, CLASSES), (DistilledRegressor, VALUES)])
def test_the_line_of_an_estimator_with_weights_and_an_assistant(cuda, engines, kind, data):
    weight = np.arange(len(data[1])) % 4 / 2.0  # a quarter of the rows are as if absent
    settings = {"blend": 0.0, "assistants": [("step", LinearStudent(alpha=1.0))]}
    expected, found = (fitted(kind, LinearStudent(), device, (*data, weight), **settings) for device in ("cpu", "cuda"))
    assert len(engines) == 6  # a fit and 3 folds of the assistant, the student, its rival
    for part in ("coef_", "intercept_"):
        assert_allclose(getattr(found.student_, part), getattr(expected.student_, part), rtol=1e-4, atol=1e-4)


def test_counts_on_the_device(cuda, engines):
    X, y = VALUES[0], np.round(VALUES[1] / 50)
    settings = {"loss": "poisson"}
    for student in (LinearStudent("poisson"), TreeStudent("poisson", max_leaves=4, repair=None)):
        expected, found = (
            DistilledRegressor("poisson", student, blend=0.5, cv=3, random_state=0, device=device, **settings)
            .fit(X, y)
            .predict(X)
            for device in ("cpu", "cuda")
        )
        assert_allclose(found, expected, rtol=1e-5)
    assert engines == [cuda] * 4


def test_what_cannot_follow_stays_on_the_host(cuda, engines):
    model = fitted(DistilledClassifier, AdditiveStudent(), "cuda", CLASSES)
    assert not engines
    assert model.score(*CLASSES) > 0.9


def test_auto_wants_many_numbers(cuda, engines, monkeypatch):
    student = TreeStudent(max_leaves=4, repair=None)
    fitted(DistilledClassifier, student, "auto", CLASSES)
    assert not engines
    monkeypatch.setattr(_backend, "CROSSOVER", 1)
    fitted(DistilledClassifier, student, "auto", CLASSES)
    assert engines == [cuda, cuda]


class Small(_backend.Backend):
    """A device on which no array of more than `limit` bytes fits."""

    limit = 0

    def asarray(self, a):
        if a.nbytes > Small.limit:
            raise MemoryError(f"out of memory to allocate {a.nbytes} bytes")
        return _backend.Backend.asarray(self, a)


def test_aggregation_takes_smaller_blocks_then_says_what_to_do(backend, monkeypatch):
    monkeypatch.setattr(_backend, "LEAST_ROWS", 8)
    rng = np.random.default_rng(0)
    P = [rng.dirichlet(np.ones(3), 100) for _ in range(3)]
    args = P, None, "geometric", "classification"
    small = Small(backend.xp, backend.device)
    Small.limit = 24 * 30
    assert_allclose(aggregate(*args, backend=small, block_rows=64), aggregate(*args), rtol=1e-12)
    Small.limit = 24 * 4
    with pytest.raises(MemoryError, match=r"even for blocks of 8 rows \(out of memory.*device='cpu'"):
        aggregate(*args, backend=small, block_rows=64)


def test_too_little_memory_of_the_host_is_said_as_it_is():
    error = MemoryError("Unable to allocate 9 GiB")
    with pytest.raises(MemoryError, match="Unable to allocate 9 GiB") as raised:
        _backend.NUMPY.smaller_block(10**6, error)
    assert raised.value is error
