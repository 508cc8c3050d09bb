"""Sums of trees: the evaluator against a loop, and the packed size against bytes that can really be read."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from skdistill.model import LINKS, Tree, TreeSum, packed_nbytes, used_features
from skdistill.model._size import shared_edges

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


def packed(trees):
    """The bytes that the size formula counts, header, columns and link apart (base of all outputs)."""
    edges = shared_edges(trees)
    order = {(j, x): i for i, (j, x) in enumerate((j, x) for j, xs in edges.items() for x in xs.tolist())}
    wide = "B" if len(order) <= 256 else "H"
    parts = [struct.pack("<B", len(xs)) + xs.tobytes() for xs in edges.values()]
    parts.append(struct.pack(f"<{trees.n_trees}B", *trees.output))
    bits = np.concatenate([tree.feature >= 0 for tree in trees.trees])
    parts.append(np.packbits(bits).tobytes())
    tests = [
        order[j, x]
        for tree in trees.trees
        for j, x in zip(tree.feature.tolist(), tree.threshold.tolist(), strict=True)
        if j >= 0
    ]
    parts.append(struct.pack(f"<{len(tests)}{wide}", *tests))
    parts += [tree.value.tobytes() for tree in trees.trees] + [trees.base.tobytes()]
    return b"".join(parts)


def read(data, row, features, counts):
    """Outputs of a row from the bytes alone; a header tells `counts`, the columns tell `features`."""
    n_trees, n_leaves, n_outputs = counts
    n_splits = n_leaves - n_trees
    at, tests = 0, []
    for j in features:
        n_edges = data[at]
        tests += [(j, x) for x in np.frombuffer(data, "<f4", n_edges, at + 1)]
        at += 1 + 4 * n_edges
    output = data[at : at + n_trees]
    bits = np.unpackbits(np.frombuffer(data, np.uint8, (n_splits + n_leaves + 7) // 8, at + n_trees)).tolist()
    at += n_trees + (n_splits + n_leaves + 7) // 8
    numbers = np.frombuffer(data, "<u1" if len(tests) <= 256 else "<u2", n_splits, at)
    values = np.frombuffer(data, "<f4", n_leaves + n_outputs, at + numbers.nbytes)
    total, node, split, leaf = values[n_leaves:].astype(np.float64), 0, 0, 0

    def skip(subtrees):
        nonlocal node, split, leaf
        while subtrees:
            subtrees += 1 if bits[node] else -1
            split, leaf, node = split + bits[node], leaf + 1 - bits[node], node + 1

    for j in output:
        on_the_right = 0
        while bits[node]:
            feature, edge = tests[numbers[split]]
            node, split = node + 1, split + 1
            if row[feature] <= edge:
                on_the_right += 1
            else:
                skip(1)
        total[j] += values[leaf]
        skip(1 + on_the_right)
    return total


@pytest.mark.parametrize("n_trees", [1, 30, 600])
def test_the_size_is_that_of_bytes_which_can_be_evaluated(random_tree_sum, n_trees):
    rng = np.random.default_rng(n_trees)
    trees = random_tree_sum(rng, n_trees, 5, 3)
    data = packed(trees)
    features = np.flatnonzero(used_features(trees)).tolist()
    assert packed_nbytes(trees) == 16 + 6 * len(features) + len(data)
    assert packed_nbytes(trees, "softmax") == packed_nbytes(trees) - 4  # a constant may be taken off all bases
    n_edges = sum(map(len, shared_edges(trees).values()))
    assert (n_edges > 256) == (n_trees == 600)
    for row in adversarial_rows(rng, trees, 20):
        found = read(data, row, features, (n_trees, trees.n_leaves, 3))
        np.testing.assert_allclose(found, trees.evaluate(row[None])[0], rtol=1e-12)


def test_size_by_hand():
    # 16 + column 6 + count 1 + edge 4 + 2 trees of (output 1, split 1, leaves 8) + 6 bits + base 4
    assert packed_nbytes(TreeSum([STUMP, STUMP], [0, 0], [0.0], 2)) == 16 + 6 + 1 + 4 + 2 * 10 + 1 + 4
    # Of two classes one base is free: 8 bytes less 4.
    assert packed_nbytes(TreeSum([STUMP, STUMP], [1, 1], [0.0, 1.0], 2), "softmax") == 16 + 6 + 1 + 4 + 2 * 10 + 1 + 4
