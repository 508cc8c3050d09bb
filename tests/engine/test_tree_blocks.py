import numpy as np
import pytest

from skdistill.engine import _tree_blocks as blocks
from skdistill.engine._bins import bin_edges, bin_table


@pytest.mark.parametrize("n_features", [1, 15, 16, 17, 40])
@pytest.mark.parametrize("n_columns", [1, 4])
def test_histograms_are_sums_per_node_feature_and_bin(n_features, n_columns):
    rng = np.random.default_rng(n_features)
    n_bins = rng.integers(2, 20, n_features)
    bins = (rng.random((300, n_features)) * n_bins).astype(np.uint8)
    sums = rng.integers(-1000, 1000, (300, n_columns)).astype(np.float64)
    block = {"bins": bins, "sums": sums, "node": rng.integers(0, 4, 300).astype(np.int32)}
    starts = np.concatenate([[0], np.cumsum(n_bins)])
    slot_of_node = np.array([1, -1, 0, 2], dtype=np.int32)
    expected = np.zeros((3, starts[-1], n_columns))
    for row in range(300):
        slot = slot_of_node[block["node"][row]]
        if slot >= 0:
            for f in range(n_features):
                expected[slot, starts[f] + bins[row, f]] += sums[row]
    np.testing.assert_array_equal(blocks.histograms(block, slot_of_node, 3, starts), expected)


def test_a_block_without_rows_of_these_nodes_adds_nothing():
    block = {"bins": np.zeros((5, 2), np.uint8), "sums": np.ones((5, 1)), "node": np.zeros(5, np.int32)}
    result = blocks.histograms(block, np.array([-1, 0], dtype=np.int32), 1, np.array([0, 3, 5]))
    np.testing.assert_array_equal(result, np.zeros((1, 5, 1)))


def test_rows_go_to_the_child_their_bin_says():
    block = {"bins": np.array([[0, 5], [3, 5], [4, 0], [9, 9]], np.uint8), "node": np.array([0, 0, 1, 2], np.int32)}
    routes = blocks.Routes(feature=np.array([0, 1, -1]), last_bin=np.array([2, 0, -1]), left=np.array([3, 5, -1]))
    np.testing.assert_array_equal(blocks.routed(block, routes), [3, 4, 5, 2])
    np.testing.assert_array_equal(block["node"], [0, 0, 1, 2])


def test_features_are_binned_in_groups():
    X = np.random.default_rng(0).normal(size=(200, 40)).astype(np.float32)
    features = np.arange(1, 40, 2)
    edges = [bin_edges(X[:, j], None, 10) for j in features]
    bins = blocks.binned({"X": X}, features, [bin_table(e) for e in edges])
    expected = np.stack([np.searchsorted(e, X[:, j]) for e, j in zip(edges, features, strict=True)], axis=1)
    np.testing.assert_array_equal(bins, expected)


@pytest.mark.parametrize("fractional", [False, True])
def test_integer_sums_are_integers_that_stand_for_the_weighted_targets(fractional):
    rng = np.random.default_rng(0)
    Q, weight = rng.normal(size=(50, 3)), rng.integers(1, 5, 50) + 0.25 * fractional
    scale = blocks.Scale(np.array([0.5, -1.0]), np.array([2.0**-30, 2.0**-20]), 2.0**-10, fractional, weighted=True)
    if not fractional:
        scale = scale._replace(weight_quantum=1.0)
    sums = blocks.integer_sums({"Q": Q, "weight": weight}, scale)
    assert (sums == np.rint(sums)).all()
    np.testing.assert_array_equal(sums[:, 0], 1)
    np.testing.assert_array_equal(sums[:, 1] * scale.weight_quantum, weight)
    expected = (Q[:, :2] - scale.center) * weight[:, None]
    assert (np.abs(sums[:, 2:] * scale.quantum - expected) <= scale.quantum * weight[:, None] / 2).all()


def test_a_vanishing_weight_is_still_a_row():
    np.testing.assert_array_equal(blocks.integer_weights(np.array([1e-30, 1.0, 2.6]), 1.0), [1, 1, 3])
