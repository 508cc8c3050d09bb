"""Every message, and what is refused."""

import datetime as dt
import re
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skdistill import TableEncoder

AGE_AND_JOB = pd.DataFrame({"age": [20.0, 30.0, 40.0], "job": ["clerk", "smith", "clerk"]})


def refused(kind, message, X, params=None):
    with pytest.raises(kind, match=message):
        TableEncoder(**params or {}).fit(X)


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"age": [1, 2], "when": pd.to_datetime(["2020-01-01", None])}),
        pd.DataFrame({"age": [1, 2], "when": pd.to_timedelta([1, 2])}),
        pd.DataFrame({"age": [1, 2], "when": [dt.date(2020, 1, 1), None]}),
        pd.DataFrame({"age": [1, 2], "when": pd.Categorical(pd.to_datetime(["2020-01-01", None]))}),
        pl.DataFrame({"age": [1, 2], "when": [dt.date(2020, 1, 1), None]}),
        pl.DataFrame({"age": [1, 2], "when": [dt.time(3), None]}),
        pa.table({"age": [1, 2], "when": [dt.timedelta(3), None]}),
    ],
)
def test_dates_and_durations(X):
    refused(TypeError, r"Column 'when' holds dates, times or durations.*Turn it into numbers first", X)


def test_arrays_of_dates():
    refused(TypeError, r"Column 'x0' holds dates", np.array([["2020-01-01"]], dtype="datetime64[D]"))


@pytest.mark.parametrize(
    ("cell", "type_name"),
    [({"a": 1}, "dict"), ([1], "list"), ((1, 2), "tuple"), ({1}, "set"), (np.zeros(2), "ndarray"), (b"a", "bytes")],
)
@pytest.mark.parametrize("others", [1.5, "text"])
def test_cells_that_are_no_scalars(cell, type_name, others):
    frame = pd.DataFrame({"age": [1, 2], "bad": pd.Series([others, cell], dtype=object)})
    message = rf"Cannot encode column 'bad', row 1: the argument must be a string or a number, not '{type_name}'"
    refused(TypeError, message, frame)
    with pytest.raises(TypeError, match=message):
        TableEncoder().fit(pd.DataFrame({"age": [1, 2], "bad": [others, others]})).transform(frame)


@pytest.mark.parametrize(
    "X",
    [
        pl.DataFrame({"bad": [[1], [2]]}),
        pl.DataFrame({"bad": [{"a": 1}]}),
        pa.table({"bad": [[1], None]}),
        pd.DataFrame({"bad": pd.period_range("2020", periods=2)}),
        pd.DataFrame({"bad": pd.cut([1.0, 2.0], 2)}),
        pl.DataFrame({"bad": [b"a", None]}),
    ],
)
def test_columns_of_other_things(X):
    refused(TypeError, r"Cannot encode column 'bad', row 0: the argument must be a string or a number", X)


@pytest.mark.parametrize(
    "X",
    [
        np.array([[1j]]),
        np.array([[1j], ["a"]], dtype=object),
        pd.DataFrame({"z": [1j]}),
        sparse.csr_array(np.array([[1j]])),
    ],
)
def test_complex_numbers(X):
    refused(ValueError, "Complex data not supported", X)


@pytest.mark.parametrize("huge", [np.inf, -np.inf, 1e39, 10**400, Decimal("1e50")])
@pytest.mark.parametrize("library", ["NumPy", "pandas", "mixed", "sparse"])
def test_infinity_and_numbers_beyond_float32(huge, library):
    if library == "sparse" or (library == "NumPy" and isinstance(huge, float)):
        huge = float(min(huge, 1e300))
    cells = np.array([[1.0, 1.0], [1.0, huge]], dtype=float if isinstance(huge, float) else object)
    X = {
        "NumPy": lambda: cells,
        "pandas": lambda: pd.DataFrame(cells, columns=["x0", "x1"]),
        "mixed": lambda: pd.DataFrame({"x0": ["a", "b"], "x1": cells[:, 1]}),
        "sparse": lambda: sparse.csr_array(cells.astype(float)),
    }[library]()
    message = re.escape(
        "Input X contains infinity or a value too large for dtype('float32'). It is in column 'x1', row 1"
    )
    refused(ValueError, message, X)
    refused(ValueError, message, X, {"categories": "ordinal"})
    good = X.copy()
    if library in ("pandas", "mixed"):
        good["x1"] = 1.0
    else:
        good[1, 1] = 1.0
    with pytest.raises(ValueError, match=message):
        TableEncoder().fit(good).transform(X)


def test_an_infinite_label():
    refused(ValueError, "'categories' of column 'x0' must be finite.*Got inf", [["a"], [np.inf]])


def test_the_largest_float32_is_taken():
    X = np.array([[np.finfo(np.float32).max], [0.0]], dtype=np.float64)
    assert np.isfinite(TableEncoder().fit_transform(X)).all()


@pytest.mark.parametrize("categories", ["one-hot", "ordinal"])
def test_text_in_a_numeric_column(categories):
    encoder = TableEncoder(categories=categories).fit(AGE_AND_JOB)
    X = pd.DataFrame({"age": ["20", "thirty", None], "job": ["clerk", "smith", "clerk"]})
    with pytest.raises(ValueError, match=r"Column 'age' held numbers .* but row 1 now holds 'thirty', which is not"):
        encoder.transform(X)


def test_text_that_reads_as_numbers_is_taken_in_a_numeric_column():
    encoder = TableEncoder().fit(AGE_AND_JOB)
    as_text = AGE_AND_JOB.assign(age=["20", " 30.0", "4e1"])
    np.testing.assert_array_equal(encoder.transform(as_text), encoder.transform(AGE_AND_JOB))


def test_column_names():
    encoder = TableEncoder().fit(AGE_AND_JOB)
    with pytest.raises(ValueError, match="Feature names seen at fit time, yet now missing:\n- job"):
        encoder.transform(AGE_AND_JOB[["age"]])
    with pytest.raises(ValueError, match="must be in the same order"):
        encoder.transform(AGE_AND_JOB[["job", "age"]])
    with pytest.raises(ValueError, match="Feature names unseen at fit time:\n- task"):
        encoder.transform(pl.DataFrame({"age": [1.0], "task": ["a"]}))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        encoder.transform(AGE_AND_JOB.to_numpy())
    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        encoder.get_feature_names_out(["a", "b"])


def test_empty_tables():
    refused(ValueError, r"Found array with 0 sample\(s\) \(shape=\(0, 2\)\) while a minimum of 1 is", AGE_AND_JOB[:0])
    refused(ValueError, r"Found array with 0 feature\(s\) \(shape=\(3, 0\)\) while a minimum of 1 is", AGE_AND_JOB[[]])
    refused(ValueError, r"Found array with 0 sample\(s\)", np.zeros((0, 2)))
    refused(ValueError, "Expected 2D array, got 1D array", ["a", "b"])


def test_sparse_input():
    holes = sparse.csr_array(np.array([[0.0, 1.0], [np.nan, 0.0]]))
    refused(ValueError, r"Input X contains NaN: sparse input cannot .* column 'x0', row 1: put.*X\.toarray\(\)", holes)
    dense = TableEncoder().fit([[1.0, 2.0], [2.0, 5.0]])
    with pytest.raises(ValueError, match=r"fitted on a dense table.*Pass X\.toarray\(\), or fit on sparse input"):
        dense.transform(sparse.csr_array(np.eye(2)))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"scale": "yes"}, "The 'scale' parameter of TableEncoder must be an instance of 'bool'.*Got 'yes' instead"),
        ({"categories": "hash"}, "The 'categories' parameter of TableEncoder must be a str among.*Got 'hash' instead"),
        (
            {"category_bytes": 0},
            r"The 'category_bytes' parameter of TableEncoder must be an int in the range",
        ),
    ],
)
def test_parameters(params, message):
    refused(ValueError, message, [[1.0]], params)


def test_weights():
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        TableEncoder().fit(AGE_AND_JOB, sample_weight=[1, -1, 1])
    with pytest.raises(ValueError, match="at least one non-zero"):
        TableEncoder().fit(AGE_AND_JOB, sample_weight=[0, 0, 0])


def test_not_fitted():
    for call in (lambda e: e.transform([[1]]), lambda e: e.to_preprocessor(), lambda e: e.get_feature_names_out()):
        with pytest.raises(NotFittedError):
            call(TableEncoder())


def test_ordinary_tables_raise_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        X = AGE_AND_JOB.assign(void=np.nan, flag=pd.array([True, None, False], dtype="boolean"))
        TableEncoder().fit(X).transform(X)
