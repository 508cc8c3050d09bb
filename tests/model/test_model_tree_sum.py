"""Sums of trees: the evaluator against a loop, and the packed size against bytes that can really be read."""

from __future__ import annotations

import numpy as np
import pytest

from skdistill.model import LINKS, Tree, TreeSum, packed_nbytes, sparing, used_features
from skdistill.model._spare import shared_edges

STUMP = Tree([0, -1, -1], [0.5, 0, 0], [2, 0, 0], [[1.0], [2.0]], n_features=2)


def adversarial_rows(rng, trees, n):
    """Thresholds, their neighbours in float32, NaN and infinities, so that every split is met at its edge."""
    edges = np.concatenate([tree.threshold for tree in trees.trees])
    neighbours = [np.nextafter(edges, np.float32(side)) for side in (np.inf, -np.inf)]
    pool = np.concatenate([edges, *neighbours, np.array([np.nan, np.inf, -np.inf, 0.0], np.float32)])
    return rng.choice(pool, size=(n, trees.n_features)).astype(np.float32)


def by_loop(trees, row):
    total = [0.0] * trees.n_outputs
    for tree, j in zip(trees.trees, trees.output.tolist(), strict=True):
        total[j] += float(tree.evaluate(row[None])[0, 0])
    return [a + float(b) for a, b in zip(total, trees.base, strict=True)]


@pytest.mark.parametrize("n_outputs", [1, 2, 4])
@pytest.mark.parametrize("n_trees", [1, 5, 60])
def test_agrees_with_a_loop_over_trees(random_tree_sum, n_trees, n_outputs):
    rng = np.random.default_rng(n_trees)
    trees = random_tree_sum(rng, n_trees, 5, n_outputs)
    Z = adversarial_rows(rng, trees, 200)
    expected = np.array([by_loop(trees, row) for row in Z])
    np.testing.assert_array_equal(trees.evaluate(Z), expected)
    alone = np.concatenate([trees.evaluate(Z[i : i + 1], LINKS["softmax"]) for i in range(20)])
    np.testing.assert_array_equal(alone, LINKS["softmax"](expected)[:20])  # one row as many, to the bit


def test_without_trees_or_splits():
    for trees in ((), (Tree([-1], [0.0], [0], [[0.0]], n_features=2),)):
        form = TreeSum(trees, [0] * len(trees), [1.5, 2.0], 2)
        assert form.evaluate(np.empty((2, 2))).tolist() == [[1.5, 2.0]] * 2
        assert form.evaluate(np.empty((0, 2))).shape == (0, 2)
        assert not used_features(form).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([STUMP], [0, 0], [0.0], 2), "must have the same length, 'base' one value or more. Got 1, 2 and 1"),
        (([], [], [], 2), "Got 0, 0 and 0"),
        (([STUMP], [1], [0.0], 2), r"'output' of TreeSum must be in \[0, 1\). Got 1 at position 0"),
        (([STUMP], [0.0], [0.0], 2), "'output' of TreeSum must be a 1-D array of integers"),
        (([STUMP], [0], [np.inf], 2), "'base' of TreeSum must be finite"),
        (
            ([STUMP], [0], [0.0], 3),
            r"'trees\[0\]' of TreeSum must be a Tree\(n_features=3, ..., n_outputs=1\). Got Tree",
        ),
        ((["tree"], [0], [0.0], 2), r"'trees\[0\]' of TreeSum must be a Tree.*Got 'tree'"),
        (
            ([Tree([-1], [0], [0], [[1.0, 2.0]], 2)], [0], [0.0, 0.0], 2),
            r"'trees\[0\]' of TreeSum must be a Tree\(n_features=2, ..., n_outputs=1\). Got Tree\(.*n_outputs=2",
        ),
        (([STUMP], [0], [0.0], True), "'n_features' of TreeSum must be an int >= 0. Got True"),
    ],
)
def test_rejects(arguments, message):
    with pytest.raises(ValueError, match=message):
        TreeSum(*arguments)


@pytest.mark.parametrize("n_trees", [1, 30, 600])
def test_trees_share_edges(random_tree_sum, n_trees):
    rng = np.random.default_rng(n_trees)
    trees = random_tree_sum(rng, n_trees, 5, 3)
    edges = shared_edges(trees)
    n_edges = sum(map(len, edges.values()))
    assert (n_edges > 256) == (n_trees == 600)
    n_splits = trees.n_leaves - n_trees
    structure = sum((1 if len(e) < 128 else 2) + 4 * len(e) for e in edges.values()) + n_trees
    nodes = (n_splits + trees.n_leaves + 7) // 8 + (2 if n_edges > 256 else 1) * n_splits
    columns = 1 + int(used_features(trees).sum())
    counts = 2 + (1 if n_trees < 128 else 2)
    assert packed_nbytes(trees) == 10 + counts + columns + structure + nodes + 4 * 3 + 4 * trees.n_leaves
    assert packed_nbytes(sparing(trees, "softmax"), "softmax") == packed_nbytes(trees) - 4


def test_size_by_hand():
    # Header 12 + column 2 + trees 1 + edges 1 + 4 + 2 trees of (output 1, split 1, leaves 8) + 6 bits + base 4
    assert packed_nbytes(TreeSum([STUMP, STUMP], [0, 0], [0.0], 2)) == 12 + 2 + 1 + 1 + 4 + 2 * 10 + 1 + 4
    # Of two classes one base is free, if the last is zero.
    assert (
        packed_nbytes(TreeSum([STUMP, STUMP], [1, 1], [1.0, 0.0], 2), "softmax") == 12 + 2 + 1 + 1 + 4 + 2 * 10 + 1 + 4
    )
