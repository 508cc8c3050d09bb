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
    Precision,
    Preprocessor,
    Tree,
    TreeSum,
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


# ---------------------------------------------------------------- fewer bits

HALF = [("float16", 2), ("int8", 1), ("int4", 0.5)]


@pytest.mark.parametrize(("values", "width"), HALF)
def test_a_quantised_line(values, width):
    columns = (
        NumericColumn("plain"),  # flags alone: fill and center are 0, the scale is 1
        NumericColumn("filled", fill=0.5),
        NumericColumn("scaled", fill=1.5, center=1.5, scale=0.25),  # one number for both, a power of two
        NumericColumn("awkward", fill=1 + 2**-12, center=1 + 2**-13, scale=1 + 2**-14),  # none is in float16
        NumericColumn("idle", fill=3.0),
        CategoryColumn("job", ("clerk", "nurse")),
    )
    columns_nbytes = 1 + (1 + 2) + (1 + 2 + 1) + (1 + 4 + 4 + 4) + (1 + 1 + 5)
    which = 1  # one bit for each of the six columns
    coef = np.array([[1.0, 0], [2, 0], [3, 0], [1, 0], [0, 0], [7, 0], [0, 0]])
    model = Model(
        Preprocessor(columns),
        Linear(coef, [0.5, 0.0]),
        Output("classification", "softmax", (0, 1)),
        Precision("float16", values),
    )
    scales = 4 if values.startswith("int") else 0
    assert model.nbytes == HEADER + which + columns_nbytes + int(np.ceil(5 * width)) + scales + 4


@pytest.mark.parametrize(("values", "width"), HALF)
def test_a_quantised_tree_stores_each_threshold_once(values, width):
    leaves = np.eye(3)[[0, 1, 2, 0]]
    thresholds = np.array([0.5, 0, 0.5, 0, 0.1, 0, 0], np.float32)
    tree = Tree([0, -1, 0, -1, 1, -1, -1], thresholds, [2, 0, 4, 0, 6, 0, 0], leaves, 2)
    nbytes = packed_nbytes(tree, "simplex", precision=Precision("float16", values))
    edges = (1 + 2) + (1 + 4)  # 0.5 once and short; 0.1 is not in float16
    nodes = 3 * (1 + 1) + 1  # the number of an edge and the right child; a bit for each of 7 nodes
    assert nbytes == HEADER + 1 + 2 * 1 + edges + nodes + int(np.ceil(4 * 2 * width))
    identity = packed_nbytes(tree, "identity", precision=Precision("float16", values))
    scales = 3 * (4 + 4) if values.startswith("int") else 0
    assert identity == HEADER + 1 + 2 * 1 + edges + nodes + int(np.ceil(4 * 3 * width)) + scales


@pytest.mark.parametrize(("values", "width"), HALF)
def test_a_quantised_sum_of_trees(values, width):
    stump = Tree([0, -1, -1], [0.5, 0, 0], [2, 0, 0], [[1.0], [2.0]], 1)
    form = TreeSum([stump] * 3, [0, 1, 0], [0.0, 0.0], 1)
    scales = 2 * 4 if values.startswith("int") else 0
    nbytes = HEADER + 1 + 1 + (1 + 2) + 3 * (1 + 1) + 2 + int(np.ceil(6 * width)) + scales + 2 * 4
    assert packed_nbytes(form, "identity", precision=Precision("float16", values)) == nbytes


@pytest.mark.parametrize(("values", "width"), HALF)
def test_a_quantised_additive_model_with_a_pair(values, width):
    table = np.zeros((3, 2, 1))
    table[1:, 1] = [[1.0], [2.0]]
    pair = PairTable((0, 1), (np.array([0.1, 0.5], np.float32), [0.25]), table)
    form = Additive([[0.5, 1.0], []], [[[0.0], [1.0], [2.0]], [[0.0]]], [0.0], [pair])
    edges = (1 + 2 * 2) + (1 + 1 + 2 * 4) + (1 + 1 + 2)  # 0.1 makes both edges of its feature wide
    scales = 4 if values.startswith("int") else 0
    nbytes = HEADER + 1 + 2 * 1 + edges + int(np.ceil((2 + 2) * width)) + scales + 4
    assert packed_nbytes(form, precision=Precision("float16", values)) == nbytes


def test_many_columns_are_named_by_the_shorter_list():
    line = Linear(np.eye(1, 100, 7).T, [0.0])
    short, long = (packed_nbytes(line, precision=Precision(inputs)) for inputs in ("float16", "float32"))
    assert short == HEADER + 2 + 1 + 4 + 4  # 2 bytes for the one that is used, rather than 13 of bits
    assert long == HEADER + 6 + 4 + 4


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
