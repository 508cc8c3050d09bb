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
    packed_nbytes,
    sparing,
    used_features,
)

HEADER = 4 + 4 + 2  # magic and version, checksum, flags; the counts of outputs and columns, 1 byte up to 127, follow
COUNTS = 2
NUMERIC = NumericColumn("x")


def comb(n_splits, n_features, n_outputs=1):
    """A tree that splits on features 0, 1, ... in turn and goes on to the right."""
    feature = [x for i in range(n_splits) for x in (i % n_features, -1)] + [-1]
    right = [x for i in range(n_splits) for x in (2 * i + 2, 0)] + [0]
    return Tree(feature, [0.0] * len(feature), right, np.ones((n_splits + 1, n_outputs)), n_features)


def bare(columns, used):
    """A line over the first features of some columns, less its coefficients and its intercept."""
    preprocessor = Preprocessor(columns)
    coef = np.zeros((preprocessor.n_encoded, 1))
    coef[used] = 1
    return packed_nbytes(Linear(coef, [0.0]), preprocessor=preprocessor) - 4 * len(used) - 4


def test_full_model(full_model):
    # Splits use: age (a byte, fill 2, center 4, scale 4), dose (a byte), two jobs with 5 and 17 characters (a byte,
    # their number, a byte each), grade = 2.5 (a byte, a number, a byte, and 2 as a float16): features 0, 3, 5, 8.
    assert [full_model.preprocessor.encoded_names[i] for i in (0, 3)] == ["age", "job = clerk"]
    last_job = len('Ł "quoted" \\ \n é'.encode())
    columns = 1 + (1 + 2 + 4 + 4) + (2 + (1 + 5) + (1 + last_job)) + (2 + 1 + 2)
    # Leaves are no shares of 1: the last of them is stored too.
    assert full_model.nbytes == HEADER + COUNTS + columns + 1 + 4 * (1 + 4 + 1) + 5 * 3 * 4


@pytest.mark.parametrize(("kind", "n_values"), [(comb(1, 1, 3), 2), (Linear(np.arange(3.0)[None], np.ones(3)), 2)])
@pytest.mark.parametrize(("link", "spared"), [("identity", 0), ("softmax", 1), ("simplex", 1)])
def test_free_outputs(kind, n_values, link, spared):
    """The last output is left out where it follows from the others, as `sparing` makes it."""
    spared *= isinstance(kind, Tree) or link == "softmax"  # a line has no shares
    structure = (1 + 1 + 1 + 4) if isinstance(kind, Tree) else 0
    full = HEADER + COUNTS + 2 + structure + 4 * 3 * n_values
    assert packed_nbytes(kind, link) == full
    assert packed_nbytes(sparing(kind, link), link) == full - 4 * n_values * spared


def test_a_lone_leaf_uses_no_column():
    tree = Tree([-1], [0], [0], [[0.5, 0.5]], n_features=7)
    assert packed_nbytes(tree) == HEADER + COUNTS + 1 + 1 + 8
    preprocessor = Preprocessor([NumericColumn(f"x{i}") for i in range(7)])
    assert Model(preprocessor, tree, Output("classification", "simplex", (0, 1))).nbytes == HEADER + COUNTS + 1 + 1 + 4


@pytest.mark.parametrize(
    ("column", "used", "nbytes"),
    [
        (NumericColumn("x"), [0], 1),
        (NumericColumn("x", missing=True), [0], 1),
        (NumericColumn("x", missing=True), [0, 1], 1),
        (NumericColumn("x", missing=True), [1], 1),
        (NumericColumn("x", fill=-2.5), [0], 1 + 1),  # eighths
        (NumericColumn("x", fill=16.25), [0], 1 + 2),
        (NumericColumn("x", fill=float(np.float32(0.1))), [0], 1 + 4),
        (NumericColumn("x", scale=2.0**-15), [0], 1),
        (NumericColumn("x", fill=2.0**15, scale=2.0**-15), [0], 1 + 1),
        (NumericColumn("x", scale=2.0**15, missing=True), [0, 1], 1 + 1),
        (NumericColumn("x", scale=2.0**16), [0], 1 + 1),
        (NumericColumn("x", scale=2.0**-149), [0], 1 + 4),
        (NumericColumn("x", scale=3.0), [0], 1 + 4),
        (NumericColumn("x", fill=7.0, center=7.0), [0], 1 + 2),
        (NumericColumn("x", fill=7.0, center=7.0, scale=3.0), [0], 1 + 2 + 4),
        (NumericColumn("x", fill=1.0, center=float(np.float32(0.1)), scale=3.0), [0], 1 + 2 + 4 + 4),
        (CategoryColumn("x", ("é", "unused", "abc"), missing=True), [0, 2], 2 + (1 + 2) + (1 + 3)),
        (CategoryColumn("x", ("a" * 240,)), [0], 2 + 1 + 2 + 240),
        (CategoryColumn("x", (1, -200, 10**5, 10**9 * 9)), [0, 1, 2, 3], 2 + 2 + 3 + 5 + 9),
        (CategoryColumn("x", (2.5, 2.0**20, 0.1)), [0, 1, 2], 2 + 3 + 5 + 9),
        (CategoryColumn("x", (True, False)), [1], 2 + 1),
        (CategoryColumn("x", ("a", "b"), missing=True), [2], 2),
        (CategoryColumn("x", tuple(range(200))), list(range(128)), 1 + 2 + 2 * 128),
    ],
)
def test_columns(column, used, nbytes):
    assert bare([column], used) == HEADER + COUNTS + 1 + nbytes
    assert bare([NumericColumn("other"), column], [i + 1 for i in used]) == HEADER + COUNTS + 1 + nbytes


def test_which_columns_are_used_takes_a_bit_each_or_a_byte_for_each_used_one():
    columns = [NumericColumn(f"x{i}") for i in range(100)]
    assert bare(columns, list(range(12))) == HEADER + COUNTS + 13 + 12
    assert bare(columns, list(range(11))) == HEADER + COUNTS + (1 + 11) + 11
    assert bare(columns, [99]) == HEADER + COUNTS + (1 + 1) + 1
    assert bare([*columns, *(NumericColumn(f"y{i}") for i in range(200))], [129]) == HEADER + 3 + (1 + 2) + 1


@pytest.mark.parametrize(
    ("n_splits", "n_features", "per_split"),
    [(127, 3, 1 + 4 + 1), (256, 256, 1 + 4 + 1), (257, 256, 1 + 4 + 2), (257, 257, 2 + 4 + 2), (65_537, 2, 1 + 4 + 4)],
)
def test_wider_trees_need_wider_numbers(n_splits, n_features, per_split):
    tree = comb(n_splits, n_features)
    counts = 1 + (1 if n_features < 128 else 2) + (1 if n_splits < 128 else 2 if n_splits < 2**14 else 3)
    columns = -(-n_features // 8) + n_features
    assert packed_nbytes(tree) == HEADER + counts + columns + per_split * n_splits + 4 * (n_splits + 1)


def test_unused_features_cost_nothing_but_to_tell_them_apart():
    tree = comb(2, 2)
    wide = Tree(np.where(tree.feature < 0, -1, tree.feature + 600), tree.threshold, tree.right, tree.value, 700)
    assert packed_nbytes(wide) == packed_nbytes(tree) + 1 + 3  # a count of 2 bytes; 1 + 2 + 1 for the two instead of 1
    np.testing.assert_array_equal(np.flatnonzero(used_features(wide)), [600, 601])


def test_line_counts_rows_with_weights():
    coef = np.zeros((5, 2))
    coef[[1, 3], [0, 1]] = 1  # one weight is enough for the row to count
    assert packed_nbytes(Linear(coef, [0.0, 0.0])) == HEADER + COUNTS + 1 + 2 + 4 * 2 * (2 + 1)


@pytest.mark.parametrize(("link", "free"), [("identity", 3), ("softmax", 2)])
def test_additive_counts_edges_and_bins_but_the_first(link, free):
    edges = ([1.0, 2.0], [], [0.5], [0.5])
    tables = [np.arange(9.0).reshape(3, 3) ** 2, np.ones((1, 3)), [[0, 0, 0], [0, 1, 0]], np.ones((2, 3))]
    form = Additive(edges, tables, np.ones(3))
    np.testing.assert_array_equal(used_features(form), [True, True, True, True])
    bins = 1 + 2 * 4 + 1 + 1 + 4 + 1 + 4 + 4 * 3 * (3 + 1 + 2 + 2)
    assert packed_nbytes(form, link) == HEADER + COUNTS + 1 + 4 + bins + 1 + 4 * 3
    spared = sparing(form, link)
    np.testing.assert_array_equal(used_features(spared), [True, False, True, False])  # constants join the intercept
    steps = 1 + 2 * (4 + 4 * free) + 1 + 1 * (4 + 4 * free)
    assert packed_nbytes(spared, link) == HEADER + COUNTS + 1 + 2 + steps + 1 + 4 * free


def test_additive_with_many_edges_needs_a_wider_count():
    small, large = (Additive([np.arange(n)], [np.arange(n + 1.0)[:, None]], [0.0]) for n in (127, 128))
    assert packed_nbytes(small) == HEADER + COUNTS + 2 + 1 + 127 * 8 + 1 + 4
    assert packed_nbytes(large) == HEADER + COUNTS + 2 + 2 + 128 * 8 + 1 + 4


@pytest.mark.parametrize(("link", "free"), [("identity", 3), ("softmax", 2)])
def test_additive_counts_pairs_that_are_not_zero(link, free):
    table = np.zeros((3, 2, 3))
    idle = PairTable((0, 1), ([1.0, 2.0], [0.5]), table)
    table[2, 1] = 1, 2, 0
    pair = PairTable((0, 2), ([1.0, 2.0], [0.5]), table)
    form = Additive([[], [], []], [np.zeros((1, 3))] * 3, [1, 1, 0], [idle, pair])
    np.testing.assert_array_equal(used_features(form), [True, False, True])
    cells = 2 * 1  # the first row and the first column are zero
    structure = 2 * 1 + 1 + 2 * (1 + 1) + (2 + 1) * 4  # no edges of their own, the number of pairs, the pair
    assert packed_nbytes(form, link) == HEADER + COUNTS + 1 + 2 + structure + 4 * free * (cells + 1)


@pytest.mark.parametrize(("values", "bits", "scales"), [("float16", 16, 0), ("int8", 8, 4), ("int4", 4, 4)])
def test_values_take_their_bits(values, bits, scales):
    coef = np.array([[1.0, -7.0, 0.0], [2.0, 0.0, 0.0], [0.0, 3.0, 0.0]])
    line = Linear(coef, [0.1, 0.2, 0.0])
    expected = HEADER + COUNTS + 1 + 3 + 2 * (4 + scales) + 6 * bits // 8
    assert packed_nbytes(line, "softmax", precision=Precision("float32", values)) == expected
    leaves = Tree([0, -1, -1], [0.5, 0, 0], [2, 0, 0], [[1.0], [8.0]], n_features=1)
    stump = HEADER + COUNTS + 2 + 1 + 1 + 1 + 4
    assert packed_nbytes(leaves, precision=Precision("float32", values)) == stump + 2 * scales + 2 * bits // 8


def test_edges_of_two_bytes():
    tree = Tree(
        [0, 1, -1, -1, 0, -1, -1], [0.5, np.float32(0.1), 0, 0, 0.5, 0, 0], [4, 3, 0, 0, 6, 0, 0], np.ones((4, 1)), 2
    )
    structure = 1 + 3 * 1 + (1 + 2) + (1 + 4) + 3 * 1  # splits on the left; two lists of edges; an edge for each split
    expected = HEADER + COUNTS + 1 + 2 + structure + 4 * 4
    assert packed_nbytes(tree, precision=Precision("float16", "float32")) == expected
    assert packed_nbytes(tree) == HEADER + COUNTS + 1 + 2 + 1 + 3 * (1 + 1 + 4) + 4 * 4
