"""The reference evaluator against loops in plain Python."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from skdistill.model import LINKS, Additive, Linear, PairTable, Tree
from skdistill.model import _evaluate as evaluate_module


def adversarial_rows(rng, thresholds, n, n_features):
    """Rows of thresholds, their neighbours in float32, NaN and infinities, so that every split is met at its edge."""
    edges = np.unique(thresholds)
    pool = np.concatenate(
        [
            edges,
            np.nextafter(edges, np.float32(np.inf)),
            np.nextafter(edges, np.float32(-np.inf)),
            np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], dtype=np.float32),
            rng.normal(size=8).astype(np.float32),
        ]
    )
    return rng.choice(pool, size=(n, n_features)).astype(np.float32)


def leaf_by_loop(tree, row):
    node = 0
    while tree.feature[node] >= 0:
        node = node + 1 if float(row[tree.feature[node]]) <= float(tree.threshold[node]) else int(tree.right[node])
    return int((tree.feature[:node] < 0).sum())


@pytest.mark.parametrize("chain", [False, True])
@pytest.mark.parametrize("n_leaves", [1, 2, 3, 7, 40, 150])
def test_tree_agrees_with_a_loop(random_tree, n_leaves, chain):
    rng = np.random.default_rng(n_leaves)
    tree = random_tree(rng, n_leaves, n_features=5, n_outputs=3, chain=chain)
    Z = adversarial_rows(rng, tree.threshold, 300, 5)
    expected = [leaf_by_loop(tree, row) for row in Z]
    np.testing.assert_array_equal(tree.apply(Z), expected)
    np.testing.assert_array_equal(tree.evaluate(Z), tree.value.astype(np.float64)[expected])
    assert tree.evaluate(Z).dtype == np.float64
    if chain:
        assert tree.depth == n_leaves - 1


def test_tree_chain_is_walked_to_its_end():
    # Deeper than a recursion would go, and far more levels than are walked before rows that arrived are left out.
    n = 3000
    feature = [0, -1] * n + [-1]
    threshold = [x for i in range(n) for x in (float(i), 0.0)] + [0.0]
    right = [x for i in range(n) for x in (2 * i + 2, 0)] + [0]
    tree = Tree(feature, threshold, right, np.arange(n + 1.0)[:, None], n_features=1)
    assert tree.depth == n
    rows = np.array([[-5], [0], [0.5], [17], [2999], [2999.5], [np.nan]], dtype=np.float32)
    np.testing.assert_array_equal(tree.apply(rows), [0, 0, 1, 17, 2999, 3000, 3000])


def test_tree_agrees_with_scikit_learn():
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.float32)
    fitted = DecisionTreeClassifier(max_leaf_nodes=64, random_state=0).fit(X, y)
    tree = from_scikit_learn(fitted.tree_)
    shares = LINKS["simplex"](tree.evaluate(X))
    np.testing.assert_allclose(shares, fitted.predict_proba(X), rtol=1e-6, atol=1e-7)


def from_scikit_learn(source):
    feature, threshold, right, value = [], [], [], []

    def visit(node):
        here = len(feature)
        is_leaf = source.children_left[node] < 0
        feature.append(-1 if is_leaf else int(source.feature[node]))
        below = np.float32(source.threshold[node])
        if below > source.threshold[node]:
            below = np.nextafter(below, np.float32(-np.inf))
        threshold.append(0.0 if is_leaf else float(below))
        right.append(0)
        if is_leaf:
            value.append(source.value[node].ravel())
        else:
            visit(source.children_left[node])
            right[here] = len(feature)
            visit(source.children_right[node])

    visit(0)
    return Tree(feature, threshold, right, value, source.n_features)


@pytest.mark.parametrize("n", [0, 1, 2, 12, 13])
def test_blocks_of_rows_do_not_show(random_tree, random_additive, random_tree_sum, monkeypatch, n):
    rng = np.random.default_rng(0)
    tree = random_tree(rng, 20, n_features=4, n_outputs=2)
    line = Linear(rng.normal(size=(4, 2)), rng.normal(size=2))
    sums = random_additive(rng, 4, 2)
    trees = random_tree_sum(rng, 2, 4, 2)
    Z = rng.normal(size=(n, 4)).astype(np.float32)
    whole = [predictor.evaluate(Z, link) for predictor in (tree, line, sums, trees) for link in LINKS.values()]
    monkeypatch.setattr(evaluate_module, "BLOCK_ROWS", 3)
    parts = [predictor.evaluate(Z, link) for predictor in (tree, line, sums, trees) for link in LINKS.values()]
    for a, b in zip(whole, parts, strict=True):
        assert a.shape == b.shape == (n, 2)
        assert a.dtype == b.dtype == np.float64
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


def test_features_of_any_layout_and_type(random_tree, random_additive, random_tree_sum):
    rng = np.random.default_rng(1)
    tree = random_tree(rng, 20, n_features=4, n_outputs=2)
    line = Linear(rng.normal(size=(4, 2)), rng.normal(size=2))
    sums = random_additive(rng, 4, 2)
    Z = np.round(rng.normal(size=(30, 4)), 1).astype(np.float32) * (rng.random((30, 4)) < 0.5)
    for predictor in (tree, line, sums, random_tree_sum(rng, 9, 4, 2)):
        expected = predictor.evaluate(Z)
        forms = [np.asfortranarray(Z), Z.astype(np.float64), Z.tolist(), np.repeat(Z, 2, axis=0)[::2]]
        forms += [scipy.sparse.csr_matrix(Z), scipy.sparse.csc_array(Z)]
        for form in forms:
            np.testing.assert_allclose(predictor.evaluate(form), expected, rtol=1e-14, atol=1e-14)
        for wrong in (Z[0], Z[:, :3], scipy.sparse.csr_array(Z[:, :3])):
            with pytest.raises(ValueError, match=r"must have shape \(n, 4\)"):
                predictor.evaluate(wrong)


def test_linear_agrees_with_a_loop():
    rng = np.random.default_rng(2)
    line = Linear(rng.normal(size=(6, 4)) * 10.0 ** rng.integers(-20, 20, (6, 4)), rng.normal(size=4))
    Z = rng.normal(size=(50, 6)).astype(np.float32)
    found = line.evaluate(Z)
    for i, row in enumerate(Z.tolist()):
        for k in range(4):
            terms = [x * w for x, w in zip(row, line.coef[:, k].tolist(), strict=True)] + [float(line.intercept[k])]
            assert found[i, k] == pytest.approx(sum(terms), abs=1e-14 * sum(map(abs, terms)))


def test_linear_agrees_with_scikit_learn():
    X, y = load_iris(return_X_y=True)
    fitted = LogisticRegression(max_iter=500).fit(X, y)
    line = Linear(fitted.coef_.T, fitted.intercept_)
    np.testing.assert_allclose(line.evaluate(X, LINKS["softmax"]), fitted.predict_proba(X), atol=1e-5)


ZEROS = np.zeros((2, 2, 1))


def additive_by_loop(form, row):
    """Bins by comparing with one edge after the other, sums feature after feature, then pair after pair."""

    def bin_of(x, edges):
        number = 0
        while number < len(edges) and not x <= float(edges[number]):
            number += 1
        return number

    x = row.tolist()
    entries = [table[bin_of(*one)] for *one, table in zip(x, form.edges, form.tables, strict=True)]
    for pair in form.pairs:
        first, second = (bin_of(x[i], edges) for i, edges in zip(pair.features, pair.edges, strict=True))
        entries.append(pair.table[first, second])
    total = form.intercept.astype(np.float64).tolist()
    for entry in entries:
        total = [a + float(b) for a, b in zip(total, entry, strict=True)]
    return total


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("n_features", [1, 2, 7])
def test_additive_agrees_with_a_loop(random_additive, n_features, n_outputs):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        form = random_additive(rng, n_features, n_outputs)
        edges = [*form.edges, *(e for pair in form.pairs for e in pair.edges)]
        Z = adversarial_rows(rng, np.concatenate(edges), 200, n_features)
        expected = np.array([additive_by_loop(form, row) for row in Z])
        np.testing.assert_array_equal(form.evaluate(Z), expected)
        alone = np.concatenate([form.evaluate(Z[i : i + 1]) for i in range(20)])
        np.testing.assert_array_equal(alone, expected[:20])  # one row as many, to the bit


def test_additive_missing_values_go_to_the_last_bin():
    form = Additive([[-1.0, 1.0]], [[[1.0], [2.0], [4.0]]], [0.0])
    rows = np.array(
        [[-np.inf], [-1], [np.nextafter(np.float32(-1), np.float32(0))], [1], [np.inf], [np.nan], [-np.nan]]
    )
    np.testing.assert_array_equal(form.evaluate(rows)[:, 0], [1, 1, 2, 2, 4, 4, 4])


@pytest.mark.parametrize(
    ("features", "edges", "table", "message"),
    [
        ((1, 0), ([1.0], [1.0]), ZEROS, r"'features' of PairTable must be two .* the smaller first. Got \(1, 0\)"),
        ((0, 0), ([1.0], [1.0]), ZEROS, r"'features' of PairTable must be two .* Got \(0, 0\)"),
        ((0.0, 1), ([1.0], [1.0]), ZEROS, "'features' of PairTable must be two"),
        ((0, 1), ([1.0],), ZEROS, "'edges' of PairTable must be two arrays of one or more increasing numbers"),
        ((0, 1), ([1.0], []), ZEROS, "'edges' of PairTable must be two arrays of one or more increasing numbers"),
        ((0, 1), ([1.0], [2.0, 2.0]), np.zeros((2, 3, 1)), "'edges' of PairTable must be two arrays"),
        ((0, 1), ([1.0], [0.1]), ZEROS, r"'edges\[1\]' of PairTable must be float32 numbers"),
        ((0, 1), ([1.0], [1.0]), np.zeros((2, 3, 1)), r"must have 2 rows and 2 columns, .* Got shape \(2, 3, 1\)"),
        ((0, 1), ([1.0], [1.0]), np.ones((2, 2, 1)), "the first of each zero"),
        ((0, 1), ([1.0], [1.0]), np.full((2, 2, 1), np.nan), "'table' of PairTable must be finite"),
    ],
)
def test_pair_table_rejects(features, edges, table, message):
    with pytest.raises(ValueError, match=message):
        PairTable(features, edges, table)


def test_additive_rejects_pairs_that_do_not_fit():
    pair = PairTable((0, 1), ([1.0], [1.0]), ZEROS)
    tables = [[[0.0]], [[0.0]]]
    with pytest.raises(ValueError, match=r"'pairs\[0\]' of Additive must be of features below 1 and have 1 outputs"):
        Additive([[]], tables[:1], [0.0], [pair])
    with pytest.raises(ValueError, match=r"Got features \(0, 1\) and 1 outputs"):
        Additive([[], []], [[[0.0, 0.0]]] * 2, [0.0, 0.0], [pair])
    with pytest.raises(ValueError, match=r"'pairs' of Additive must differ. Got \[\(0, 1\), \(0, 1\)\]"):
        Additive([[], []], tables, [0.0], [pair, pair])


def test_pairs_are_read_only():
    pair = Additive([[], []], [[[0.0]]] * 2, [0.0], [PairTable((0, 1), ([1.0], [1.0]), ZEROS)]).pairs[0]
    for array in (*pair.edges, pair.table):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_additive_without_features():
    assert Additive([], [], [1.5, 2.0]).evaluate(np.empty((2, 0))).tolist() == [[1.5, 2.0]] * 2


@pytest.mark.parametrize(
    ("edges", "tables", "intercept", "message"),
    [
        (
            [[1.0]],
            [[[0.0], [1.0]]],
            [],
            "must have one array per feature, 'intercept' one value or more. Got 1, 1 and 0",
        ),
        ([[1.0]], [], [0.0], "Got 1, 0 and 1"),
        ([[], [1.0, 1.0]], [[[0.0]], [[0.0]] * 3], [0.0], r"'edges\[1\]' of Additive must increase. Got \[1.0, 1.0\]"),
        ([[0.0, -0.0]], [[[0.0]] * 3], [0.0], r"'edges\[0\]' of Additive must increase"),
        ([[2.0, 1.0]], [[[0.0]] * 3], [0.0], r"'edges\[0\]' of Additive must increase"),
        ([[np.nan]], [[[0.0]] * 2], [0.0], r"'edges\[0\]' of Additive must be finite in float32"),
        ([[0.1]], [[[0.0]] * 2], [0.0], r"'edges\[0\]' of Additive must be float32 numbers.*round thresholds down"),
        ([[1.0]], [[[0.0]]], [0.0], r"'tables\[0\]' of Additive must have shape \(2, 1\).*Got \(1, 1\)"),
        ([[1.0]], [[[0.0, 1.0]] * 2], [0.0], r"'tables\[0\]' of Additive must have shape \(2, 1\).*Got \(2, 2\)"),
        ([[1.0]], [[[0.0], [np.inf]]], [0.0], r"'tables\[0\]' of Additive must be finite"),
        ([[1.0]], [[0.0, 1.0]], [0.0], r"'tables\[0\]' of Additive must be a 2-D array"),
        ([1.0], [[[0.0], [1.0]]], [0.0], r"'edges\[0\]' of Additive must be a 1-D array"),
        ([[1.0]], [[[0.0], [1.0]]], [np.nan], "'intercept' of Additive must be finite"),
    ],
)
def test_additive_rejects(edges, tables, intercept, message):
    with pytest.raises(ValueError, match=message):
        Additive(edges, tables, intercept)


@pytest.mark.parametrize("k", [1, 2, 3, 12])
def test_links_on_extreme_scores(k):
    rng = np.random.default_rng(k)
    scores = rng.choice([0.0, -0.0, 1.0, -1.0, 3e38, -3e38, 1e-45, 700.0, -800.0], size=(200, k))
    scores[:2] = [[0.0], [-1.0]]
    for name in ("softmax", "simplex"):
        shares = LINKS[name](scores)
        assert np.isfinite(shares).all()
        assert (shares >= 0).all()
        np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-14)
        for form in (np.ascontiguousarray(scores), np.asfortranarray(scores)):
            rows = np.concatenate([LINKS[name](form[i : i + 1]) for i in range(len(form))])
            np.testing.assert_array_equal(rows, shares)  # one row as many, to the bit
    hopeless = (scores <= 0).all(axis=1)
    assert (LINKS["simplex"](scores)[hopeless] == 1 / k).all()
    assert LINKS["identity"](scores) is scores


def test_predictors_cannot_be_changed_and_copy_whole(random_tree, random_additive, random_tree_sum):
    tree = random_tree(np.random.default_rng(3), 9, n_features=3, n_outputs=2)
    line = Linear([[1.0]], [0.5])
    sums = random_additive(np.random.default_rng(1), 3, 2)
    sums.evaluate(np.zeros((1, 3)))
    given = np.ones((1, 1), dtype=np.float32)
    kept = Linear(given, [0.0])
    given[:] = 2
    assert kept.coef[0, 0] == 1
    tree.apply(np.zeros((1, 3)))  # fills caches
    trees = random_tree_sum(np.random.default_rng(1), 5, 3, 2)
    trees.evaluate(np.zeros((1, 3)))
    for predictor in (tree, line, sums, trees):
        for twin in (predictor, copy.deepcopy(predictor), pickle.loads(pickle.dumps(predictor))):
            assert repr(twin) == repr(predictor)
            for name, item in vars(twin).items():
                arrays = item if isinstance(item, tuple) else (item,)
                own = getattr(predictor, name)
                if name.startswith("_") or not isinstance(next(iter(arrays), None), np.ndarray):
                    continue
                for array, same in zip(arrays, own if isinstance(item, tuple) else (own,), strict=True):
                    np.testing.assert_array_equal(array, same)
                    with pytest.raises(ValueError, match="read-only"):
                        array[...] = 0
        with pytest.raises(AttributeError):
            predictor.intercept = 3
    assert len(pickle.dumps(tree)) < 3000
    assert all(a is not b for a, b in zip(sums.tables, copy.deepcopy(sums).tables, strict=True))


STUMP = {
    "feature": [0, -1, -1],
    "threshold": [0.5, 0, 0],
    "right": [2, 0, 0],
    "value": [[1.0], [2.0]],
    "n_features": 1,
}
CHAIN = {
    "feature": [0, -1, 0, -1, -1],
    "threshold": [0.5, 0, 1, 0, 0],
    "right": [2, 0, 4, 0, 0],
    "value": [[1.0], [2.0], [3.0]],
    "n_features": 1,
}


@pytest.mark.parametrize(
    ("base", "changes", "message"),
    [
        (STUMP, {"feature": [1, -1, -1]}, r"'feature' of Tree must be in \[-1, 1\)\. Got 1 at position 0"),
        (STUMP, {"feature": [-2, -1, -1]}, r"'feature' of Tree must be in \[-1, 1\)\. Got -2"),
        (STUMP, {"feature": [0.0, -1.0, -1.0]}, "'feature' of Tree must be a 1-D array of integers"),
        (STUMP, {"feature": [0, -1]}, "must have the same length, one or more. Got 2, 3 and 3"),
        (STUMP, {"feature": [], "threshold": [], "right": []}, "'feature' of Tree must be a 1-D array of integers"),
        (STUMP, {"feature": np.array([0, -1], dtype=int)}, "must have the same length"),
        (STUMP, {"threshold": [np.nan, 0, 0]}, "'threshold' of Tree must be finite in float32"),
        (STUMP, {"threshold": [1e39, 0, 0]}, r"'threshold' of Tree must be finite in float32\. Got 1e\+39"),
        (STUMP, {"threshold": [0.1, 0, 0]}, r"'threshold' of Tree must be float32 numbers.*round thresholds down"),
        (STUMP, {"threshold": [0.5, 1, 0]}, "'right' and 'threshold' of Tree must be 0 at its leaves"),
        (STUMP, {"threshold": [["a"]]}, "'threshold' of Tree must be a 1-D array of numbers"),
        (STUMP, {"right": [2, 1, 0]}, "'right' and 'threshold' of Tree must be 0 at its leaves"),
        (STUMP, {"right": [1, 0, 0]}, "'right' of Tree must name a later node of the same subtree. Got 1 at node 0"),
        (STUMP, {"right": [0, 0, 0]}, "'right' of Tree must name a later node of the same subtree. Got 0 at node 0"),
        (STUMP, {"right": [3, 0, 0]}, r"'right' of Tree must be in \[0, 3\)\. Got 3"),
        (STUMP, {"value": [[1.0], [np.inf]]}, "'value' of Tree must be finite"),
        (STUMP, {"value": [[1.0]]}, r"'value' of Tree must have one row for each of its 2 leaves.*Got shape \(1, 1\)"),
        (STUMP, {"value": [[], []]}, "at least one column"),
        (STUMP, {"value": [1.0, 2.0]}, "'value' of Tree must be a 2-D array"),
        (STUMP, {"n_features": -1}, "'n_features' of Tree must be an int >= 0. Got -1 instead"),
        (STUMP, {"n_features": 1.0}, "'n_features' of Tree must be an int >= 0. Got 1.0 instead"),
        (STUMP, {"n_features": True}, "'n_features' of Tree must be an int >= 0. Got True instead"),
        (CHAIN, {"right": [4, 0, 4, 0, 0]}, "Node 1 is a leaf where a split must stand"),
        (CHAIN, {"right": [3, 0, 4, 0, 0]}, "Node 1 is a leaf where a split must stand"),
        (CHAIN, {"right": [2, 0, 3, 0, 0]}, "Got 3 at node 2, where it must be above 3 and below 5"),
    ],
)
def test_tree_rejects(base, changes, message):
    Tree(**base)
    with pytest.raises(ValueError, match=message):
        Tree(**{**base, **changes})


@pytest.mark.parametrize(
    ("coef", "intercept", "message"),
    [
        ([[1.0, 2.0]], [0.0], r"one column for each value of 'intercept'.*Got shapes \(1, 2\) and \(1,\)"),
        (np.empty((3, 0)), np.empty(0), "one or more"),
        ([1.0], [0.0], "'coef' of Linear must be a 2-D array"),
        ([[1.0]], 0.0, "'intercept' of Linear must be a 1-D array"),
        ([[np.nan]], [0.0], r"'coef' of Linear must be finite in float32\. Got nan"),
        ([[1.0]], [-1e39], r"'intercept' of Linear must be finite in float32\. Got -1e\+39"),
        ([["1"]], [0.0], "'coef' of Linear must be a 2-D array of numbers"),
    ],
)
def test_linear_rejects(coef, intercept, message):
    with pytest.raises(ValueError, match=message):
        Linear(coef, intercept)
