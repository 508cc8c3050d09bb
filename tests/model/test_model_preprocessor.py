"""Encoding raw tables of every kind, against an encoder that takes one cell at a time."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

from skdistill.model import CategoryColumn, NumericColumn, Preprocessor

LARGEST = float(np.finfo(np.float32).max)
F = np.float32


def is_missing(cell):
    return cell is None or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell))


def encode_cell(column, cell):
    missing = is_missing(cell)
    if isinstance(column, CategoryColumn):
        found = [float(not missing and cell == category) for category in column.categories]
    else:
        with np.errstate(over="ignore"):
            x = F(column.fill if missing else cell)
            found = [float(np.clip((x - F(column.center)) * F(column.scale), F(-LARGEST), F(LARGEST)))]
    return [*found, float(missing)] if column.missing else found


def encode_rows(preprocessor, rows):
    cells = [[v for c, x in zip(preprocessor.columns, row, strict=True) for v in encode_cell(c, x)] for row in rows]
    return np.array(cells, dtype=np.float32).reshape(len(rows), preprocessor.n_encoded)


MIXED = Preprocessor(
    (
        NumericColumn("age", fill=40.0, center=30.5, scale=0.125, missing=True),
        CategoryColumn("job", ("clerk", "nurse"), missing=True),
        NumericColumn("dose", fill=-1.0),
        CategoryColumn("grade", (1, 2)),
        CategoryColumn("smokes", (True,), missing=True),
    )
)
ROWS = [
    [31.0, "nurse", 0.1, 1, True],
    [None, "cook", 1e-40, 3, False],
    [52.5, None, None, 2, True],
    [-0.0, "clerk", -0.0, 1, None],
    [1e30, "", 2.0, 2, False],
]


def tables():
    columns = {name: list(cells) for name, cells in zip(MIXED.feature_names_in, zip(*ROWS, strict=True), strict=True)}
    frame = pd.DataFrame(columns)
    yield "lists", ROWS
    yield "tuples", tuple(map(tuple, ROWS))
    yield "object array", np.array(ROWS, dtype=object)
    yield "mapping of lists", columns
    yield "pandas", frame
    yield "pandas, nullable", frame.convert_dtypes()
    yield "pandas, categorical", frame.astype({"job": "category", "grade": "category", "smokes": "category"})
    yield "pandas, objects", frame.astype(object)
    yield "pandas, grades as floats", frame.astype({"grade": float})
    yield "pandas, reordered and more", frame[list(frame)[::-1]].assign(column_names=0, tocsv="x")
    yield "polars", pl.DataFrame(columns)
    yield "polars, categorical", pl.DataFrame(columns).with_columns(pl.col("job").cast(pl.Categorical))
    yield "polars, reordered and more", pl.DataFrame({"more": [0] * 5, **dict(reversed(list(columns.items())))})
    yield "PyArrow", pa.table(columns)


@pytest.mark.parametrize("table", [pytest.param(table, id=name) for name, table in tables()])
def test_mixed_tables(table):
    found = MIXED.transform(table)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, encode_rows(MIXED, ROWS))


def test_names_and_slices():
    assert MIXED.n_features_in == 5
    assert MIXED.feature_names_in == ("age", "job", "dose", "grade", "smokes")
    assert MIXED.encoded_names == (
        "age",
        "age is missing",
        "job = clerk",
        "job = nurse",
        "job is missing",
        "dose",
        "grade = 1",
        "grade = 2",
        "smokes = True",
        "smokes is missing",
    )
    assert MIXED.n_encoded == 10
    assert MIXED.slices == (slice(0, 2), slice(2, 5), slice(5, 6), slice(6, 8), slice(8, 10))


@pytest.mark.parametrize("missing", [None, np.nan, float("nan"), pd.NA, np.float32("nan"), pd.NaT])
def test_missing_values_of_every_kind(missing):
    preprocessor = Preprocessor((NumericColumn("x", fill=3.0, missing=True), CategoryColumn("c", ("a",), missing=True)))
    found = preprocessor.transform(np.array([[missing, missing], [1.5, "a"]], dtype=object))
    np.testing.assert_array_equal(found, [[3, 1, 0, 1], [1.5, 0, 1, 0]])


def test_categories_compare_as_python_does():
    preprocessor = Preprocessor((CategoryColumn("c", (1, "1", 0.5, False)),))
    cells = [1, 1.0, True, np.int8(1), "1", 0.5, np.float32(0.5), False, 0, np.bool_(False), "0.5", 2]
    found = preprocessor.transform([[cell] for cell in cells])
    expected = [0, 0, 0, 0, 1, 2, 2, 3, 3, 3, None, None]
    np.testing.assert_array_equal(found, [[float(j == e) for j in range(4)] for e in expected])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int64, np.int8, np.uint8, bool, object])
@pytest.mark.parametrize("order", ["C", "F"])
def test_numeric_arrays(dtype, order):
    rng = np.random.default_rng(0)
    X = np.array(rng.integers(0, 100, (20, 3)), dtype=dtype, order=order)
    plain = Preprocessor([NumericColumn(f"x{i}") for i in range(3)])
    scaled = Preprocessor([NumericColumn(f"x{i}", center=float(i), scale=0.5, missing=i == 1) for i in range(3)])
    for preprocessor in (plain, scaled):
        found = preprocessor.transform(X)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, encode_rows(preprocessor, X.tolist()))


def test_numbers_pass_unchanged_to_the_bit_and_stay_finite():
    preprocessor = Preprocessor([NumericColumn("x", fill=7.0), NumericColumn("y", fill=-7.0)])
    bits = np.random.default_rng(0).integers(0, 2**32, (5000, 2), dtype=np.uint32)
    X = bits.view(np.float32)
    assert np.isnan(X).any()
    finite = np.isfinite(X)
    with np.errstate(invalid="ignore"):  # some of the bits are signalling NaNs
        doubles = X.astype(np.float64)
    for table in (X, doubles):
        np.testing.assert_array_equal(preprocessor.transform(table).view(np.uint32)[finite], bits[finite])
    special = np.array([[np.inf, -np.inf], [1e300, -1e300], [np.nan, np.nan], [3.4028236e38, 0.0]])
    expected = np.array([[LARGEST, -LARGEST], [LARGEST, -LARGEST], [7, -7], [LARGEST, 0]], dtype=np.float32)
    for table in (special, special.tolist(), special.astype(object), pd.DataFrame(special, columns=["x", "y"])):
        np.testing.assert_array_equal(preprocessor.transform(table), expected)


def test_scaling_clips_where_it_overflows():
    largest = NumericColumn("x", fill=-LARGEST, center=LARGEST, scale=LARGEST, missing=True)
    found = Preprocessor([largest]).transform([[-LARGEST], [LARGEST], [np.inf], [-np.inf], [np.nan], [0.0]])
    np.testing.assert_array_equal(found[:, 0], np.array([-1, 0, 1, -1, -1, -1], dtype=np.float32) * F(LARGEST))
    np.testing.assert_array_equal(found[:, 1], [0, 0, 0, 0, 1, 0])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_table_is_left_alone(dtype):
    X = np.array([[np.nan, 1.0], [np.inf, 2.0]], dtype=dtype)
    before = X.copy()
    Preprocessor([NumericColumn("x", fill=1.0, missing=True), NumericColumn("y", center=1.0)]).transform(X)
    np.testing.assert_array_equal(X, before)
    sparse = scipy.sparse.csr_array(X)
    Preprocessor([NumericColumn("x", scale=2.0), NumericColumn("y")]).transform(sparse)
    np.testing.assert_array_equal(sparse.toarray(), before)


def test_no_rows():
    assert MIXED.transform(np.empty((0, 5), dtype=object)).shape == (0, 10)
    assert MIXED.transform({name: [] for name in MIXED.feature_names_in}).shape == (0, 10)
    assert Preprocessor([NumericColumn("x")]).transform(np.empty((0, 1))).shape == (0, 1)


@pytest.mark.parametrize("form", [scipy.sparse.csr_array, scipy.sparse.csc_matrix, scipy.sparse.coo_array])
def test_sparse_matrices(form):
    preprocessor = Preprocessor([NumericColumn("x", scale=0.5), NumericColumn("y"), NumericColumn("z", scale=3.0)])
    dense = np.array([[0, 1.1, 0], [2, 0, -3], [np.nan, np.inf, 3e38], [0, 0, 0]])
    found = preprocessor.transform(form(dense))
    assert found.format == "csr"
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.toarray(), preprocessor.transform(dense))


@pytest.mark.parametrize(
    "column",
    [
        CategoryColumn("odd", (1,)),
        NumericColumn("odd", fill=1.0),
        NumericColumn("odd", center=1.0),
        NumericColumn("odd", missing=True),
    ],
)
def test_sparse_matrices_need_columns_that_leave_zeros_alone(column):
    preprocessor = Preprocessor([NumericColumn("x"), column])
    with pytest.raises(ValueError, match=r"X is sparse, but encoding column 'odd'.*toarray"):
        preprocessor.transform(scipy.sparse.csr_array((3, 2)))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([1.0, 2.0], "Expected 2D array, got 1D array instead.*reshape"),
        (3.0, "Expected 2D array, got 0D array instead"),
        ([[1.0]], "X has 1 features, but Preprocessor is expecting 2 features as input"),
        (scipy.sparse.csr_array((2, 3)), "X has 3 features, but Preprocessor is expecting 2"),
        (scipy.sparse.csr_array((2, 2), dtype=complex), "A sparse X must hold numbers. Got dtype complex128"),
        ({"x": [1.0]}, r"X lacks columns that the model reads: \['y'\]\. It needs all of \['x', 'y'\]"),
        (pd.DataFrame({"z": [1]}), r"X lacks columns that the model reads: \['x', 'y'\]"),
        ({"x": [1.0], "y": [1.0, 2.0]}, r"as long as column 'x', of shape \(1,\).*Got shape \(2,\) for column 'y'"),
        (pd.DataFrame([[1, 2, 3]], columns=["x", "y", "y"]), r"Got shape \(1, 2\) for column 'y'"),
        ([["a", 1.0]], "Column 'x' of X must hold numbers. Got 'a'"),
        (np.array([[1, "two"]], dtype=object), "Column 'y' of X must hold numbers. Got 'two'"),
        (np.array([["1", ""]]), "Column 'y' of X must hold numbers. Got ''"),
        (
            {"x": 1.0, "y": 2.0},
            r"Got the single value 1.0 for column 'x'. For one row, pass lists of .*{'x': \[1.0\], ",
        ),
        ([{"x": 1.0, "y": 2.0}], "X is a list of dicts, one for each row. Pass a dict of columns: {name: "),
        (np.array([[1, b"2"]], dtype=object), "Column 'y' of X must hold numbers. Got b'2'"),
        (np.array([[1, 2j]], dtype=object), "Column 'y' of X must hold numbers: .*complex"),
        (np.array([[1j, 2]]), "Column 'x' of X must hold numbers. Got dtype complex128"),
        (np.array([[10**400, 1]], dtype=object), "Column 'x' of X must hold numbers: int too large"),
        (
            pd.DataFrame({"x": [1], "y": pd.to_datetime(["2020-01-01"])}),
            "Column 'y' of X must hold numbers. Got dtype date",
        ),
        (np.array([[1, pd.Timestamp("2020-01-01")]], dtype=object), "Column 'y' of X must hold numbers: "),
    ],
)
def test_tables_that_do_not_fit(table, message):
    preprocessor = Preprocessor([NumericColumn("x"), NumericColumn("y")])
    with pytest.raises(ValueError, match=message):
        preprocessor.transform(table)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: NumericColumn(3), "'name' of NumericColumn must be a str. Got 3 instead"),
        (lambda: NumericColumn("\ud800"), "'name' of NumericColumn must be text that UTF-8 can hold"),
        (
            lambda: NumericColumn("x", fill=0.1),
            "'fill' of column 'x' must be a finite float that float32 holds exactly",
        ),
        (lambda: NumericColumn("x", fill=math.nan), "'fill' of column 'x' must be.*Got nan instead"),
        (lambda: NumericColumn("x", center=math.inf), "'center' of column 'x' must be.*Got inf instead"),
        (lambda: NumericColumn("x", center=10**400), "'center' of column 'x' must be"),
        (lambda: NumericColumn("x", scale=1e39), "'scale' of column 'x' must be"),
        (lambda: NumericColumn("x", scale="1"), "'scale' of column 'x' must be.*Got '1' instead"),
        (lambda: NumericColumn("x", scale=True), "'scale' of column 'x' must be.*Got True instead"),
        (lambda: NumericColumn("x", scale=0.0), "'scale' of column 'x' must be > 0. Got 0.0 instead"),
        (lambda: NumericColumn("x", missing=1), "'missing' of column 'x' must be a bool. Got 1 instead"),
        (lambda: CategoryColumn(None, ()), "'name' of CategoryColumn must be a str. Got None"),
        (lambda: CategoryColumn("c", (), missing=None), "'missing' of column 'c' must be a bool"),
        (lambda: CategoryColumn("c", (1, True)), r"'categories' of column 'c' must be distinct.*Got \(1, True\)"),
        (lambda: CategoryColumn("c", (None,)), "'categories' of column 'c' must be str, int, float or bool values"),
        (lambda: CategoryColumn("c", (math.nan,)), "'categories' of column 'c' must be finite"),
        (lambda: CategoryColumn("c", (2**63,)), "integers must fit 64 bits"),
        (
            lambda: CategoryColumn("c", ("\udfff",)),
            "Each of 'categories' of column 'c' must be text that UTF-8 can hold",
        ),
        (lambda: Preprocessor(()), "must be one or more with distinct names"),
        (lambda: Preprocessor([NumericColumn("x"), CategoryColumn("x", ())]), r"distinct names\. Repeated: \['x'\]"),
        (lambda: Preprocessor(["x"]), "'columns' of Preprocessor must be NumericColumn or CategoryColumn. Got 'x'"),
    ],
)
def test_columns_reject(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_columns_hold_plain_values_and_copy_whole():
    column = CategoryColumn(np.str_("c"), [np.int64(3), np.str_("a"), np.float32(0.5), np.bool_(True)], np.bool_(True))
    assert type(column.name) is str
    assert [type(category) for category in column.categories] == [int, str, float, bool]
    assert column.missing is True
    number = NumericColumn("x", np.float32(0.1), np.int64(3), 2)
    assert [type(value) for value in (number.fill, number.center, number.scale)] == [float, float, float]
    MIXED.transform(ROWS)
    for twin in (copy.deepcopy(MIXED), pickle.loads(pickle.dumps(MIXED))):
        assert repr(twin.columns) == repr(MIXED.columns)
        np.testing.assert_array_equal(twin.transform(ROWS), MIXED.transform(ROWS))
    with pytest.raises(AttributeError):
        column.name = "d"
    assert repr(MIXED) == "Preprocessor(n_features_in=5, n_encoded=10)"
    assert repr(number) == "NumericColumn(name='x', fill=0.10000000149011612, center=3.0, scale=2.0, missing=False)"


def test_gaps_of_an_arrow_dictionary_column_are_missing():
    table = pa.table({"colour": pa.array(["red", None, "blue"]).dictionary_encode()})
    preprocessor = Preprocessor((CategoryColumn("colour", ("blue", "red"), missing=True),))
    np.testing.assert_array_equal(preprocessor.transform(table), [[0, 1, 0], [0, 0, 1], [1, 0, 0]])
