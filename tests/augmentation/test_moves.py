import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.datasets import load_wine

from skdistill.augmentation import move_one

X = load_wine().data


def test_one_number_moves_to_one_near_it_that_its_column_holds():
    start, end = move_one(X, 500, seed=0)
    moved = start != end
    assert moved.sum(axis=1).max() == 1
    assert moved.any(axis=1).mean() > 0.9
    for j in range(X.shape[1]):
        assert moved[:, j].any()
        assert np.isin(end[:, j], X[:, j]).all()
        before, after = (np.searchsorted(np.sort(X[:, j]), table[moved[:, j], j], "right") for table in (start, end))
        ties = np.unique(X[:, j], return_counts=True)[1].max()
        assert np.abs(after - before).max() <= len(X) / 4 + ties
    again = move_one(X, 500, seed=0)
    assert_array_equal(again[1], end)


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
def test_categories_move_and_what_is_missing_stays(library):
    table = library({"a": [1.0, 2.0, float("nan"), 4.0] * 10, "b": ["x", "y", "z", "x"] * 10})
    start, end = (pd.DataFrame({c: list(t[c]) for c in ("a", "b")}) for t in move_one(table, 400, seed=0))
    assert isinstance(move_one(table, 3, seed=0)[1], library)
    assert_array_equal(start["a"].isna(), end["a"].isna())
    assert (start["b"] != end["b"]).any()
    assert set(end["b"]) == {"x", "y", "z"}


def test_sparse_rows_are_refused():
    with pytest.raises(TypeError, match="does not take sparse X"):
        move_one(sparse.csr_array(X), 5, seed=0)
