"""The kernels of trees give NumPy's integers: run on the processor, and compiled as CUDA."""

from __future__ import annotations

import numpy as np
import pytest
from emulation import build
from nvrtc import compiled
from sklearn.datasets import load_wine

from skdistill._backend import Backend
from skdistill.engine import _fused
from skdistill.engine import _tree_blocks as trees
from skdistill.students import TreeStudent

KERNELS = ["walk", "histograms"]

#: Fibers take turns; here four threads of the processor add to one sum at the same time.
MEET = """
#include <thread>
__global__ void meet(const long long *values, int n, unsigned *low, unsigned *high) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([=] { for (int i = t; i < n; i += 4) add(low, high, values[i]); });
    for (std::thread &each : threads) each.join();
}
"""


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    return build(_fused.SOURCE + MEET, [*KERNELS, "meet"], tmp_path_factory.mktemp("kernels"))


@pytest.mark.parametrize("n_rows", [0, 1, 700])
def test_rows_go_where_their_bins_say(backend, n_rows, monkeypatch):
    rng = np.random.default_rng(n_rows)
    bins, node = (rng.integers(0, high, shape, dtype=np.uint8) for high, shape in ((256, (n_rows, 3)), (2, n_rows)))
    # Two trees: below node 0 are 2 and 3, below 2 are 4 and 5; node 1 is a leaf.
    feature, last_bin, left = np.array([[2, -1, 0, -1, -1, -1], [100, 0, 50, 0, 0, 0], [2, -1, 4, -1, -1, -1]])
    routes, node = trees.Routes(feature, last_bin, left), node.astype(np.int32)
    for steps, expected in ((6, trees.walk(bins, routes, node.copy())), (1, None)):
        if expected is None:
            expected = trees.routed({"bins": bins, "node": node}, routes)
        found = _fused.walk(bins, routes, node, backend, steps)
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("n_rows", [0, 1, 700])
@pytest.mark.parametrize(
    ("n_bins", "n_columns", "n_slots"),
    [([256, 2, 255], 11, 5), ([3, 7], 2, 40), ([256], 30, 2), ([1], 1, 1), ([], 2, 3)],
)
def test_the_same_integers(backend, n_rows, n_bins, n_columns, n_slots, monkeypatch):
    monkeypatch.setattr(_fused, "ROWS", 300)  # so that several blocks add to one sum
    monkeypatch.setattr(_fused, "THREADS", 64)
    rng = np.random.default_rng(n_rows + n_columns)
    n_nodes, starts = 2 * n_slots, np.r_[0, np.cumsum(n_bins)].astype(int)
    slot_of_node = np.full(n_nodes, -1, dtype=np.int32)
    slot_of_node[rng.permutation(n_nodes)[:n_slots]] = np.arange(n_slots)
    skewed = rng.random((n_rows, len(n_bins))) ** 4  # many rows in few bins
    block = {
        "bins": (skewed * n_bins).astype(np.uint8),
        "sums": np.rint(rng.normal(size=(n_rows, n_columns)) * 2.0 ** rng.integers(0, 42, n_columns)),
        "node": rng.integers(0, n_nodes, n_rows).astype(np.int32),
    }
    found = _fused.histograms(block, slot_of_node, n_slots, starts, backend)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, trees.histograms(block, slot_of_node, n_slots, starts))


def test_sums_up_to_the_bound(backend):
    sums = np.array([[2.0**52], [2.0**52 - 1], [-(2.0**53) + 2], [1.0]])
    block = {"bins": np.zeros((4, 1), np.uint8), "sums": sums, "node": np.zeros(4, np.int32)}
    found = _fused.histograms(block, np.zeros(1, np.int32), 1, np.array([0, 1]), backend)
    assert found.item() == 2.0


def test_additions_that_meet(backend):
    values = np.random.default_rng(0).integers(-(2**40), 2**40, 400_000)
    halves = np.zeros(2, dtype=np.uint32)
    backend.kernel("", "meet")((1,), (1,), (values, np.int32(values.size), halves[:1], halves[1:]))
    assert halves.view(np.int64).item() == values.sum()


def test_a_whole_tree_and_its_repair(backend, monkeypatch):
    X, y = load_wine(return_X_y=True)
    Q = 0.8 * np.eye(3)[y] + 0.2 / 3
    student = TreeStudent("log_loss", max_leaves=5, max_bins=20)
    expected = student.fit(X, Q).predict(X)
    monkeypatch.setattr(_fused, "THREADS", 64)
    monkeypatch.setattr(Backend, "fuses", True)
    monkeypatch.setattr(Backend, "kernel", backend.kernel)
    backend.launched.clear()
    np.testing.assert_array_equal(student.fit(X, Q).predict(X), expected)
    assert {*backend.launched} == {*KERNELS}


@pytest.mark.parametrize("architecture", ["compute_80", "compute_90"])
def test_it_is_cuda(architecture):
    text, lowered = compiled(_fused.SOURCE, KERNELS, architecture)
    for name in lowered.values():
        assert f".entry {name}(" in text
    assert "atom.shared.add.u32" in text
    assert "atom.shared.add.u64" not in text
