"""Search from several first splits: the best one is kept, whatever the limits, the samples and the blocks."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skdistill.engine import MemoryEngine
from skdistill.engine._tree_blocks import node_sums
from skdistill.students import TreeStudent, _search
from skdistill.students._binning import bin_rows
from skdistill.students._draft import seed
from skdistill.students._growth import Growth, Limits
from skdistill.students._objective import CrossEntropy
from skdistill.students._repair import Repair


def soft_digits():
    X, y = load_digits(return_X_y=True)
    return X, 0.9 * np.eye(10)[y] + 0.01


def growth_of(X, Q, limits):
    engine = MemoryEngine({"X": X.astype(np.float32), "Q": Q, "weight": np.ones(len(X))})
    objective = CrossEntropy(engine)
    edges = [e for e in bin_rows(engine, objective, 255) if len(e)]
    return Growth(engine, objective, limits, [len(e) + 1 for e in edges])


def test_stumps_are_the_best_splits_by_each_feature():
    X, Q = soft_digits()
    growth = growth_of(X[:, 18:23], Q, Limits(8, None, 5))
    root = seed(growth.engine.reduce(node_sums))
    stumps = growth.stumps(root)
    assert [int(draft.routes.feature[0]) for draft in stumps[:1]] == [int(growth.grow(root, 2).routes.feature[0])]
    assert sorted(int(draft.routes.feature[0]) for draft in stumps) == list(range(5))
    judge = Repair(growth, "loss")
    losses = [judge.loss(draft) for draft in stumps]
    for draft, loss in zip(stumps, losses, strict=True):
        feature = int(draft.routes.feature[0])
        alone = growth_of(X[:, 18 + feature, None], Q, Limits(2, None, 5))
        assert loss == pytest.approx(Repair(alone, "loss").loss(alone.grow(root, 2)), rel=1e-9)
    assert losses == sorted(losses)


def test_no_stump_where_nothing_can_be_split():
    X, Q = soft_digits()
    growth = growth_of(X, Q, Limits(8, None, len(X)))
    assert growth.stumps(seed(growth.engine.reduce(node_sums))) == []
    assert TreeStudent(min_samples_leaf=len(X)).fit(X, Q).get_n_leaves() == 1


@pytest.mark.parametrize("goal", ["balanced", "accuracy", "loss"])
def test_more_starts_never_raise_what_is_minimised(monkeypatch, goal):
    X, Q = soft_digits()
    for max_leaves in (4, 11):
        losses = []
        for n_starts in (1, 2, 6):
            monkeypatch.setattr(_search, "FIRST_FEATURES", (n_starts, n_starts))
            growth = growth_of(X, Q, Limits(max_leaves, None, 5))
            draft = growth.grow(seed(growth.engine.reduce(node_sums)), max_leaves)
            found = _search.searched(growth, draft, goal)
            losses.append(Repair(growth, goal).loss(found))
            assert losses[-1] <= Repair(growth, goal).loss(draft)
        assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize(("max_leaves", "n_starts"), [(2, 12), (8, 12), (16, 6), (32, 3), (64, 3)])
def test_small_trees_are_grown_from_more_starts(monkeypatch, max_leaves, n_starts):
    X, Q = soft_digits()
    growth = growth_of(X, Q, Limits(max_leaves, None, 5))
    first = []

    def improve(self, draft):
        first.append(int(draft.routes.feature[0]))
        return draft

    monkeypatch.setattr(Repair, "improve", improve)
    _search.searched(growth, seed(growth.engine.reduce(node_sums)), "balanced")
    assert len(first) == len(set(first)) == n_starts


def test_a_first_split_that_greed_would_not_choose_is_found():
    """The decoy says most by itself; what decides is a product of signs, of which the first alone says a little."""
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (2, 4000))
    p = np.where(np.where(rng.random(4000) < 0.1, a > 0, a * b > 0), 0.9, 0.1)
    X = np.column_stack([p + rng.normal(scale=1.2, size=4000), a, b])
    Q = np.column_stack([p, 1 - p])
    greedy, searched = (TreeStudent(max_leaves=4, repair=r, shrinkage=0).fit(X, Q) for r in (None, "loss"))
    assert greedy.predictor_.feature[0] == 0
    assert set(searched.predictor_.feature) == {1, 2, -1}
    entropy = [-np.mean((Q * np.log(s.predict(X))).sum(axis=1)) for s in (greedy, searched)]
    assert entropy[1] < entropy[0] - 0.1


@pytest.mark.parametrize("repair", ["balanced", "accuracy", "loss"])
@pytest.mark.parametrize("samples", [(200, 400), (400, 10_000), (10_000, 10_000)])
def test_limits_hold_for_all_rows_and_blocks_do_not_matter(monkeypatch, repair, samples):
    monkeypatch.setattr(_search, "SEARCH_ROWS", samples[0])
    monkeypatch.setattr(_search, "SAMPLE_ROWS", samples[1])
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 5)).astype(np.float32)
    Q = np.eye(3)[(X[:, 0] * X[:, 1] > 0) + (X[:, 2] > rng.normal(size=3000)).astype(int)] * 0.9 + 0.1 / 3
    trees = []
    for block_rows in (10_000, 170):
        monkeypatch.setattr(TreeStudent, "block_rows", lambda student, width, rows=block_rows: rows)
        settings = {"max_leaves": 12, "max_depth": 5, "min_samples_leaf": 40}
        trees.append(TreeStudent(repair=repair, **settings).fit(X, Q).predictor_)
    first, second = trees
    assert np.bincount(first.apply(X)).min() >= 40
    assert first.n_leaves <= 12
    assert first.depth <= 5
    for name in ("feature", "threshold", "right", "value"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()
