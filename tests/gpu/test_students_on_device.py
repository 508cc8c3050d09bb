"""Students fitted on a device are those that NumPy fits."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.preprocessing import scale

from skdistill import _backend
from skdistill._backend import Backend, of
from skdistill.engine import DeviceEngine, MemoryEngine, add
from skdistill.engine import _tree_blocks as blocks
from skdistill.students import LinearStudent, TreeStudent, _descent
from skdistill.students._binning import bin_rows
from skdistill.students._draft import seed
from skdistill.students._growth import Growth, Limits
from skdistill.students._objective import CrossEntropy
from skdistill.students._repair import Repair


def wine():
    X, y = load_wine(return_X_y=True)
    X = scale(X).astype(np.float32)
    return X, (0.8 * np.eye(3)[y] + 0.2 / 3).astype(np.float32)


def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X.astype(np.float32), y[:, None]


def columns(rows, weight):
    X, Q = rows()
    weights = {
        "none": np.ones(len(Q)),
        "integer": 1.0 + np.arange(len(Q)) % 3,
        "fractional": 0.5 + np.arange(len(Q)) % 7 / 7,
    }
    return {"X": X, "Q": Q, "weight": weights[weight]}


def fitted(student, engine, given):
    return student.fit_blocks(engine, given["X"].shape[1], given["Q"].shape[1]).predictor_


def same_tree(found, expected):
    for name in ("feature", "threshold", "right", "value"):
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes()


@pytest.mark.parametrize("weight", ["none", "integer", "fractional"])
@pytest.mark.parametrize("rows", [wine, diabetes])
def test_the_tree_as_grown_is_the_same_to_the_last_bit(backend, rows, weight):
    given = columns(rows, weight)
    student = TreeStudent(max_leaves=6, max_bins=40, repair=None)
    expected = fitted(student, MemoryEngine(given), given)
    assert expected.n_leaves > 3
    same_tree(fitted(student, DeviceEngine(given, backend, 61), given), expected)


@pytest.mark.parametrize("rows", [wine, diabetes])
def test_search_and_repair_on_samples_of_the_device_s_rows(backend, rows):
    given = columns(rows, "none")
    student = TreeStudent(max_leaves=6, repair="loss")
    expected = fitted(student, MemoryEngine(given), given)
    same_tree(fitted(student, DeviceEngine(given, backend, 100), given), expected)


@pytest.mark.parametrize("weight", ["none", "fractional"])
def test_repair_on_the_device_is_the_same_to_the_last_bit(backend, weight):
    given = columns(wine, weight)
    drafts = []
    for engine in (MemoryEngine(given), DeviceEngine(given, backend, 70)):
        objective = CrossEntropy(engine)
        edges = bin_rows(engine, objective, 12)
        growth = Growth(engine, objective, Limits(4, None, 3), [len(e) + 1 for e in edges if len(e)])
        drafts.append(Repair(growth, "balanced").improve(seed(engine.reduce(blocks.node_sums))))
    assert len(drafts[0].sums) > 3
    np.testing.assert_array_equal(drafts[1].sums, drafts[0].sums)
    for found, expected in zip(drafts[1].routes, drafts[0].routes, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("weight", ["none", "fractional"])
@pytest.mark.parametrize("rows", [wine, diabetes])
def test_the_line_is_the_same_to_nine_digits(backend, rows, weight, monkeypatch):
    monkeypatch.setattr(_descent, "SAMPLE_ROWS", 50)  # so that sampled sums are of some rows
    monkeypatch.setattr(_descent, "CURVATURE_COST", 0)
    given = columns(rows, weight)
    for width in (1500, 20, 0):  # which curvature: of all parameters, the average, the diagonal
        monkeypatch.setattr(_descent, "CURVATURE_WIDTH", width)
        loss = "log_loss" if rows is wine else "squared"
        shape = given["X"].shape[1] + 1, given["Q"].shape[1]
        solved = []
        # The same blocks: other ones round sums otherwise, and where L-BFGS stops differs by 1e-8 then, on NumPy too.
        for engine in (MemoryEngine(given, 61), DeviceEngine(given, backend, 61)):
            problem = _descent.Problem(engine, loss, shape, 1.0)
            theta = problem.origin() + np.linspace(-0.1, 0.1, shape[0] * shape[1]).reshape(shape)
            solved.append((*problem.value(theta), problem.curvature(theta), problem.solve(500, 1e-10)[0]))
        for found, expected in zip(solved[1], solved[0], strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_a_whole_line(backend):
    given = columns(wine, "none")
    found, expected = (
        fitted(LinearStudent(), engine, given) for engine in (DeviceEngine(given, backend, 100), MemoryEngine(given))
    )
    np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-6, atol=1e-7)  # float32
    np.testing.assert_allclose(found.intercept, expected.intercept, rtol=1e-6, atol=1e-7)


def test_sums_by_cell(backend):
    rng = np.random.default_rng(0)
    cell, values = rng.integers(0, 9, 500), rng.integers(-(2**40), 2**40, (500, 3)).astype(np.float64)
    expected = np.zeros((11, 3))
    np.add.at(expected, cell, values)
    found = backend.sums_by(backend.asarray(cell), backend.asarray(values), 11)
    np.testing.assert_array_equal(backend.to_numpy(found), expected)


class Small(Backend):
    """A device on which no array of more than `limit` bytes fits, nor more than `room` bytes put there to stay."""

    limit, room, put = 0, 0, 0

    def asarray(self, a):
        nbytes = getattr(a, "nbytes", 0)
        Small.put += nbytes
        if nbytes > Small.limit or Small.put > Small.room:
            raise MemoryError(f"out of memory to allocate {nbytes} bytes")
        return Backend.asarray(self, a)

    def release(self):
        Small.room = 10**12  # what stayed is gone, and what is streamed does not stay


def test_what_does_not_fit_on_the_device_is_streamed_in_smaller_blocks(backend, monkeypatch):
    monkeypatch.setattr(_backend, "LEAST_ROWS", 8)
    given = columns(wine, "fractional")
    student = TreeStudent(max_leaves=4, max_bins=20, repair=None)
    expected = fitted(student, MemoryEngine(given), given)
    Small.limit, Small.room, Small.put = 6_000, 3_000, 0
    engine = DeviceEngine(given, Small(backend.xp, backend.device), 128)
    same_tree(fitted(student, engine, given), expected)
    assert engine._block_rows < 128
    Small.limit, Small.room, Small.put = 100, 10**12, 0
    engine = DeviceEngine(given, Small(backend.xp, backend.device), 128)
    with pytest.raises(MemoryError, match=r"blocks of 8 rows \(out of memory to allocate 416 bytes\).*device='cpu'"):
        engine.reduce(_total)
    Small.limit, Small.room, Small.put = 10**12, 10**12, 0
    assert engine.reduce(_total, combine=add).shape == (13,)


def _total(block):
    return of(block["X"]).xp.sum(block["X"], axis=0)
