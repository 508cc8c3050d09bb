"""Packed sizes, summed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from skdistill.model import (
    Additive,
    CategoryColumn,
    Linear,
    Model,
    NumericColumn,
    Output,
    PairTable,
    Preprocessor,
    Tree,
    packed_nbytes,
    used_features,
)

HEADER = 16


def comb(n_splits, n_features, n_outputs=1):
    """A tree that splits on features 0, 1, ... in turn and goes on to the right."""
    feature = [x for i in range(n_splits) for x in (i % n_features, -1)] + [-1]
    right = [x for i in range(n_splits) for x in (2 * i + 2, 0)] + [0]
    return Tree(feature, [0.0] * len(feature), right, np.ones((n_splits + 1, n_outputs)), n_features)


def test_full_model(full_model):
    # Splits use: age (scaled: 2 + 4 + 8); dose (2 + 4); of job only "is missing" (2)... see the fixture: features 0, 3,
    # 5 and 8 are age, job = clerk, the last job with its 17 characters, and grade = 2.5.
    assert [full_model.preprocessor.encoded_names[i] for i in (0, 3)] == ["age", "job = clerk"]
    last_job = len('Ł "quoted" \\ \n é'.encode())
    columns = (2 + 4 + 8) + (2 + (1 + 5) + (1 + last_job)) + (2 + 4)
    assert full_model.nbytes == HEADER + columns + 4 * (1 + 4 + 1) + 2 + 5 * 2 * 4


@pytest.mark.parametrize(
    ("link", "free"),
    [("identity", 3), ("softmax", 2), ("simplex", 2)],
)
def test_free_outputs(link, free):
    assert packed_nbytes(comb(1, 1, 3), link) == HEADER + 6 + 6 + 1 + 2 * 4 * free
    line = Linear(np.ones((2, 3)), np.ones(3))
    assert packed_nbytes(line, link) == HEADER + 12 + 2 * 4 * free + 4 * free


def test_a_lone_leaf_uses_no_column():
    tree = Tree([-1], [0], [0], [[0.5, 0.5]], n_features=7)
    assert packed_nbytes(tree) == HEADER + 1 + 8
    preprocessor = Preprocessor([NumericColumn(f"x{i}") for i in range(7)])
    assert Model(preprocessor, tree, Output("classification", "simplex", (0, 1))).nbytes == HEADER + 1 + 4


@pytest.mark.parametrize(
    ("n_splits", "n_features", "per_split"),
    [(127, 3, 1 + 4 + 1), (128, 3, 1 + 4 + 2), (256, 256, 1 + 4 + 2), (257, 257, 2 + 4 + 2), (32768, 2, 1 + 4 + 4)],
)
def test_wider_trees_need_wider_numbers(n_splits, n_features, per_split):
    tree = comb(n_splits, n_features)
    n_nodes = 2 * n_splits + 1
    bits = -(-n_nodes // 8)
    assert packed_nbytes(tree) == HEADER + 6 * n_features + per_split * n_splits + bits + 4 * (n_splits + 1)


def test_the_largest_tree_with_offsets_of_two_bytes():
    # 65,535 nodes: an odd number, as every binary tree has.
    assert packed_nbytes(comb(32767, 2)) == HEADER + 12 + 32767 * 7 + 8192 + 4 * 32768


def test_unused_features_cost_nothing():
    tree = comb(2, 2)
    wide = Tree(np.where(tree.feature < 0, -1, tree.feature + 600), tree.threshold, tree.right, tree.value, 700)
    assert packed_nbytes(wide) == packed_nbytes(tree)
    np.testing.assert_array_equal(np.flatnonzero(used_features(wide)), [600, 601])


def test_line_counts_rows_with_weights():
    columns = (
        NumericColumn("plain"),
        NumericColumn("scaled", scale=2.0),
        NumericColumn("centred", center=2.0, missing=True),
        NumericColumn("idle", center=3.0),
        CategoryColumn("text", ("é", "unused", "abc"), missing=True),
        CategoryColumn("numbers", (1, 2.5, 10**9)),
        CategoryColumn("flag", (True, False)),
        CategoryColumn("gone", ("a", "b"), missing=True),
        CategoryColumn("idle category", ("a",)),
    )
    preprocessor = Preprocessor(columns)
    used = {"plain", "scaled", "centred is missing", "text = é", "text = abc", "numbers = 1", "numbers = 2.5"}
    used |= {"flag = False", "gone is missing"}
    assert used <= set(preprocessor.encoded_names)
    coef = np.zeros((preprocessor.n_encoded, 2))
    for i, name in enumerate(preprocessor.encoded_names):
        coef[i, i % 2] = name in used  # one weight is enough for the row to count
    model = Model(preprocessor, Linear(coef, [0.0, 0.0]), Output("regression", "identity", None, ("u", "v"), False))
    columns_nbytes = 6 + 14 + 14 + (2 + 3 + 4) + (2 + 4 + 4) + (2 + 1) + 2
    assert model.nbytes == HEADER + columns_nbytes + 4 * 2 * (9 + 1)


@pytest.mark.parametrize(("link", "free"), [("identity", 3), ("softmax", 2)])
def test_additive_counts_edges_and_bins_but_the_first(link, free):
    edges = ([1.0, 2.0], [], [0.5], [0.5])
    tables = [np.arange(9.0).reshape(3, 3), np.ones((1, 3)), [[0, 0, 0], [0, 1, 0]], np.ones((2, 3))]
    form = Additive(edges, tables, np.ones(3))
    np.testing.assert_array_equal(used_features(form), [True, False, True, False])  # constants join the intercept
    steps = 1 + 2 * (4 + 4 * free) + 1 + 1 * (4 + 4 * free)
    assert packed_nbytes(form, link) == HEADER + 2 * 6 + steps + 4 * free
    columns = (NumericColumn("x", scale=2.0), NumericColumn("idle"), CategoryColumn("job", ("clerk", "nurse")))
    output = Output("classification", "softmax", (0, 1, 2))
    model = Model(Preprocessor(columns), form, output)
    assert model.nbytes == HEADER + 14 + (2 + 1 + 5) + 1 + 2 * 12 + 1 + 12 + 8


def test_additive_with_many_edges_needs_a_wider_count():
    small, large = (Additive([np.arange(n)], [np.arange(n + 1.0)[:, None]], [0.0]) for n in (255, 256))
    assert packed_nbytes(small) == HEADER + 6 + 1 + 255 * 8 + 4
    assert packed_nbytes(large) == HEADER + 6 + 4 + 256 * 8 + 4


@pytest.mark.parametrize(("link", "free"), [("identity", 3), ("softmax", 2)])
def test_additive_counts_pairs_that_are_not_zero(link, free):
    table = np.zeros((3, 2, 3))
    idle = PairTable((0, 1), ([1.0, 2.0], [0.5]), table)
    table[2, 1] = 1
    pair = PairTable((0, 2), ([1.0, 2.0], [0.5]), table)
    form = Additive([[], [], []], [np.zeros((1, 3))] * 3, np.ones(3), [idle, pair])
    np.testing.assert_array_equal(used_features(form), [True, False, True])
    cells = 2 * 1  # the first row and the first column are zero
    assert packed_nbytes(form, link) == HEADER + 2 * 6 + 2 * (1 + 1) + (2 + 1) * 4 + 4 * free * cells + 4 * free
