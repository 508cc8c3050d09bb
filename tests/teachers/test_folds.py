from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, PredefinedSplit, StratifiedKFold, TimeSeriesSplit

from skdistill.teachers import make_folds

X = np.zeros((20, 1))
Y = np.array([0, 1] * 10)


def held_out(folds):
    return np.sort(np.concatenate([test for _, test in folds]))


def test_int_holds_every_row_out_once():
    folds = make_folds(5, X, Y, "classification", seed=0)
    np.testing.assert_array_equal(held_out(folds), np.arange(20))
    for train, test in folds:
        assert not set(train) & set(test)
        assert Y[test].sum() == 2  # stratified


def test_groups_with_int_stay_together():
    groups = np.arange(20) // 2
    for train, test in make_folds(5, X, Y, "classification", split_params={"groups": groups}):
        assert not set(groups[train]) & set(groups[test])


def test_splitter_with_groups():
    groups = np.arange(20) // 4
    folds = make_folds(GroupKFold(5), X, Y, "classification", split_params={"groups": groups})
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])


def test_iterable_speaks_of_the_callers_rows():
    kept = np.arange(1, 20, 2)  # rows 0, 2, ... had weight 0 and are gone
    folds = make_folds([(np.arange(10), np.arange(10, 20))], X[kept], Y[kept], "classification", kept=kept)
    np.testing.assert_array_equal(folds[0][0], np.arange(5))
    np.testing.assert_array_equal(folds[0][1], np.arange(5, 10))


def test_partial_cover_is_allowed():
    folds = make_folds(TimeSeriesSplit(3), X, Y, "classification")
    assert len(held_out(folds)) < 20


def test_few_rows_of_a_class_reduce_folds():
    y = np.array([0] * 17 + [1] * 3)
    with pytest.warns(UserWarning, match=r"Class 1 has 3 rows, fewer than cv=5 folds: 3 folds are used"):
        folds = make_folds(5, X, y, "classification", seed=0)
    assert len(folds) == 3


def test_one_row_of_a_class_is_an_error():
    y = np.array(["a"] * 19 + ["b"])
    with pytest.raises(ValueError, match=r"Class 'b' has one row only.*Give it more rows"):
        make_folds(5, X, y, "classification", seed=0)


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        (1, r"'cv' parameter must be at least 2 folds. Got 1"),
        ("five", r"must be an int of at least 2, a splitter or an iterable of splits. Got 'five'"),
        ([], r"gave no folds"),
        ([(np.arange(5), np.array([25]))], r"Fold 1 of 'cv' names row 25, but there are 20 rows"),
        ([(np.array([], dtype=int), np.arange(3))], r"Fold 1 of 'cv' has no training rows"),
        ([(np.arange(10), np.arange(9, 20))], r"Fold 1 of 'cv' trains on row 9, which it holds out"),
        ([(np.arange(10), [])], r"No fold of 'cv' holds any row out"),
        ([np.arange(3)], r"must yield \(train, test\) pairs"),
    ],
)
def test_bad_cv(cv, message):
    with pytest.raises(ValueError, match=message):
        make_folds(cv, X, Y, "classification")


def test_masks_and_numbers_may_mix():
    train = np.arange(20) < 12
    folds = make_folds([(train, np.arange(15, 20)), (np.arange(12, 20), train)], X, Y, "classification")
    np.testing.assert_array_equal(folds[0][0], np.arange(12))
    np.testing.assert_array_equal(folds[1][1], np.arange(12))


def test_predefined_split_speaks_of_the_callers_rows():
    kept = np.arange(1, 20, 2)
    folds = make_folds(PredefinedSplit(np.arange(20) % 4), X[kept], Y[kept], "classification", kept=kept)
    np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(10))


def test_shuffling_splitter_without_a_seed_gets_ours():
    splitter = StratifiedKFold(4, shuffle=True)
    first, second = (make_folds(splitter, X, Y, "classification", seed=3) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a[1], b[1])
    assert splitter.random_state is None
