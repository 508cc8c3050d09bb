"""New rows: of the caller's kind, made of cells that the columns hold, distributed as the samplers say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.datasets import load_digits, load_wine
from sklearn.neighbors import NearestNeighbors

from skdistill import (
    CallableTeacher,
    DistilledClassifier,
    DistilledRegressor,
    ForestSwap,
    ImageJitter,
    MarginalResampling,
    Munge,
    TokenDropout,
    TreeStudent,
)
from skdistill.augmentation import SAMPLERS, resolve_sampler

EACH = pytest.mark.parametrize(
    "sampler", [Munge(), MarginalResampling(), ForestSwap()], ids=["munge", "marginal", "forest"]
)


def seeded(seed: int = 0) -> np.random.RandomState:
    return np.random.RandomState(seed)


def drawn(sampler, X, n: int, seed: int = 0):
    """New rows, by labels that mean nothing where the sampler takes labels."""
    return sampler.sample(X, n, seeded(seed), np.random.default_rng(0).random((len(X), 2)))


def mixed_table(n: int = 120) -> pd.DataFrame:
    """A column of every kind, several with gaps; the index is not 0, 1, 2..."""
    rng = np.random.default_rng(1)
    X = pd.DataFrame(
        {
            "size": rng.normal(size=n),
            "single": rng.normal(size=n).astype(np.float32),
            "count": rng.integers(-5, 300, n),
            "whole": np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, 40, n)),
            "grade": rng.choice([0.5, 1.0, 4.0], n),
            "flag": rng.random(n) < 0.5,
            "kind": pd.Categorical(rng.choice(["a", "b"], n), categories=["a", "b", "never"]),
            "text": rng.choice(np.array(["x", None, "z"], dtype=object), n),
            "nullable": pd.array(rng.integers(0, 50, n), dtype="Int64"),
            "maybe": pd.array(rng.random(n) < 0.5, dtype="boolean"),
        },
        index=np.arange(n) * 3 + 7,
    )
    X.loc[X.index[:20], ["nullable", "maybe"]] = pd.NA
    return X


def cells(column) -> set:
    return {None if pd.isna(cell) else cell for cell in column}


@EACH
def test_pandas_types_and_cells(sampler):
    X = mixed_table()
    before = X.copy(deep=True)
    new = drawn(sampler, X, 500)
    pd.testing.assert_frame_equal(X, before)
    pd.testing.assert_series_equal(new.dtypes, X.dtypes)
    assert new.index.tolist() == list(range(500))
    for name in X:
        assert cells(new[name]) <= cells(X[name]), name
    for name in ("whole", "text", "nullable", "maybe"):
        assert 0.5 < new[name].isna().mean() / X[name].isna().mean() < 2, name
    assert not new.duplicated().sum() > 50
    assert len(new.merge(X.drop_duplicates(), how="inner")) < 50  # new rows, not copies


@EACH
def test_polars_and_arrow_get_the_same_rows_as_pandas(sampler):
    X = mixed_table().drop(columns="kind")  # pandas and polars disagree about unused categories
    expected = drawn(sampler, X, 300)
    for table in (pl.from_pandas(X), pa.Table.from_pandas(X, preserve_index=False)):
        new = drawn(sampler, table, 300)
        assert type(new) is type(table)
        assert new.schema == table.schema
        back = new.to_pandas() if isinstance(new, pl.DataFrame) else pl.from_arrow(new).to_pandas()
        pd.testing.assert_frame_equal(back, pl.from_pandas(expected).to_pandas())
    kinds = pl.DataFrame({"kind": pl.Series(["a", "b", None], dtype=pl.Enum(["a", "b", "c"]))})
    assert drawn(sampler, kinds, 9).schema == kinds.schema


@EACH
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int8, np.uint16, bool, object])
def test_numpy_types(sampler, dtype):
    X = np.random.default_rng(0).integers(0, 2 if dtype is bool else 100, (60, 4)).astype(dtype)
    before = X.copy()
    new = drawn(sampler, X, 200)
    np.testing.assert_array_equal(X, before)
    assert new.dtype == X.dtype
    assert new.shape == (200, 4)
    for j in range(4):
        assert set(new[:, j].tolist()) <= set(X[:, j].tolist())


@EACH
def test_the_seed_decides(sampler):
    X = mixed_table()
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    one, same, other = (drawn(sampler, X, 50, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    pd.testing.assert_frame_equal(one, same)
    assert not one.equals(other)


@pytest.mark.parametrize("sampler", [Munge(p=0.0), MarginalResampling(p=0.0)])
def test_rows_are_started_from_in_rounds(sampler):
    X = np.arange(40.0)[:, None]
    counts = np.unique(sampler.sample(X, 100, seeded())[:, 0], return_counts=True)[1]
    assert sorted(set(counts.tolist())) == [2, 3]
    assert len(counts) == 40
    first = sampler.sample(X, 40, seeded())[:, 0]
    assert (np.sort(first) == X[:, 0]).all()
    assert (first != X[:, 0]).any()


@EACH
def test_one_row_and_no_row(sampler):
    assert drawn(sampler, np.array([[1.0, 2.0]]), 3).tolist() == [[1.0, 2.0]] * 3
    assert drawn(sampler, np.ones((4, 2)), 0).shape == (0, 2)
    assert drawn(sampler, mixed_table(), 0).shape == (0, 10)


# ---------------------------------------------------------------- munge


def test_munge_draws_continuous_values_around_the_neighbours():
    # Pairs of rows that share a label are nearest to each other; their values lie a quarter of the range apart.
    values = np.arange(200)
    label = np.array([f"g{v // 100}{v % 50:02}" for v in values], dtype=object)
    X = pd.DataFrame({"label": label, "value": values.astype(float)})
    new = Munge(p=1.0, s=8.0).sample(X, 200 * 300, seeded())
    drawn = new.loc[new["label"] == "g025", "value"]  # rows 25 and 75: N(75, 50 / 8) and N(25, 50 / 8)
    assert len(drawn) == 600
    for centre in (25, 75):
        part = drawn[(drawn - centre).abs() < 25]
        assert len(part) == 300
        assert part.mean() == pytest.approx(centre, abs=1.2)
        assert part.std() == pytest.approx(6.25, rel=0.15)


def test_munge_swaps_what_is_nominal_binary_or_missing():
    # Two pairs, told apart by their place: with p=1 each row becomes its neighbour wherever values are not drawn.
    rows = [
        ["a", True, 0, None],
        ["b", False, 9, 5.0],
        ["c", True, 9, 1.0],
        ["d", False, 0, None],
    ]
    place = np.repeat([[0.0], [0.0], [100.0], [100.0]], 20, axis=1)
    X = np.hstack([np.array(rows, dtype=object), place])
    swapped = Munge(p=1.0).sample(X, 400, seeded())
    assert {tuple(row[:4]) for row in swapped} == {tuple(row) for row in rows}
    mixed = Munge(p=0.5).sample(X, 400, seeded())
    assert {row[0] for row in mixed if row[4] == 100} == {"c", "d"}
    assert {row[3] for row in mixed if row[4] == 0} == {None, 5.0}
    assert len({tuple(row) for row in mixed}) == 2 * 2**4


def test_munge_takes_the_nearest_other_row():
    X = np.array([["a"], ["a"], ["b"]], dtype=object)  # the nearest other row of a duplicate is its duplicate
    assert set(Munge(p=1.0).sample(X, 30, seeded())[:, 0]) == {"a"}


def test_munge_stays_nearer_to_the_data_than_marginals():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 1)) + rng.normal(0, 0.1, (400, 5))
    find = NearestNeighbors(n_neighbors=1).fit(X)
    munged, resampled = (find.kneighbors(s.sample(X, 800, seeded()))[0].mean() for s in (Munge(), MarginalResampling()))
    assert munged < resampled / 3


def test_munge_looks_for_neighbours_among_a_seeded_part_of_many_rows():
    X = np.array([[f"id{i}"] for i in range(500)], dtype=object)
    sampler = Munge(p=1.0, max_reference_rows=20)
    new = sampler.sample(X, 500, seeded())
    assert len(np.unique(new.astype(str))) <= 20
    np.testing.assert_array_equal(new, sampler.sample(X, 500, seeded()))


# ---------------------------------------------------------------- marginals


def test_marginals_are_kept_and_nothing_else():
    rng = np.random.default_rng(0)
    a = rng.choice(3, 3000, p=[0.6, 0.3, 0.1])
    X = np.column_stack([a, a])
    new = MarginalResampling(p=1.0).sample(X, 9000, seeded())
    np.testing.assert_allclose(np.bincount(new[:, 0]) / 9000, np.bincount(a) / 3000, atol=0.02)
    assert abs(np.corrcoef(new.T)[0, 1]) < 0.05
    assert np.corrcoef(MarginalResampling(p=0.2).sample(X, 9000, seeded()).T)[0, 1] == pytest.approx(0.64, abs=0.04)


# ---------------------------------------------------------------- a forest of the labels


def test_what_labels_depend_on_stays_together():
    rng = np.random.default_rng(0)
    X = rng.random((600, 4))
    X[:, 3] = X[:, 2]  # of no matter for the labels
    labels = np.column_stack([X[:, 0] > 0.5, X[:, 0] <= 0.5]).astype(float) * (X[:, 1:2] > 0.5)
    new = ForestSwap(p=1.0).sample(X, 3000, seeded(), labels)
    mixed = MarginalResampling(p=1.0).sample(X, 3000, seeded())
    shares = [np.mean((rows[:, 0] > 0.5) == (rows[:, 1] > 0.5)) for rows in (X, new)]
    assert shares[0] == pytest.approx(shares[1], abs=0.05)
    spread = [np.abs(rows[:, 3] - rows[:, 2]).mean() for rows in (X, new, mixed)]
    assert spread[0] == 0
    assert 0.8 < spread[1] / spread[2] < 1.2


def test_a_forest_of_values_whose_leaves_hold_one_row():
    X = mixed_table()
    values = X["size"].to_numpy()[:, None]
    new = ForestSwap(p=1.0, min_samples_leaf=1, n_trees=3).sample(X, 120, seeded(), values)
    # A leaf holds rows of equal labels, here one: there is no one to exchange with.
    pd.testing.assert_frame_equal(new.sort_values("size", ignore_index=True), X.sort_values("size", ignore_index=True))


@pytest.mark.parametrize(("labels", "got"), [(None, "none"), (np.ones((2, 1)), "2")])
def test_a_forest_needs_labels(labels, got):
    with pytest.raises(ValueError, match=rf"ForestSwap draws by labels of the 3 rows of X. Got {got}: pass labels="):
        ForestSwap().sample(np.eye(3), 3, seeded(), labels)


def test_a_tree_of_rows_drawn_by_the_labels_out_of_fold():
    X, y = load_wine(return_X_y=True)
    settings = {"student": TreeStudent(max_leaves=8), "blend": 0.3, "cv": 3, "random_state": 0}
    clf = DistilledClassifier("logistic", augmentation="forest", **settings).fit(X, y)
    assert any("534 rows drawn by ForestSwap()" in note for note in clf.notes_)
    again = DistilledClassifier("logistic", augmentation=ForestSwap(), **settings).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), again.predict_proba(X))


def test_rows_are_drawn_for_trees_of_thin_leaves():
    X, y = load_wine(return_X_y=True)
    many, few = TreeStudent(max_leaves=64), TreeStudent(max_leaves=8)
    settings = {"blend": 0.3, "cv": 3, "random_state": 0}
    clf = DistilledClassifier("logistic", [("many", many), ("few", few), "linear"], **settings).fit(X, y)
    drawn_for = {name: clf.with_student(name).augmentation_ for name in clf.students_}
    assert repr(drawn_for) == "{'many': ForestSwap(), 'few': None, 'linear': None}"
    others = {
        "none": DistilledClassifier("logistic", many, augmentation=None, **settings).fit(X, y),
        "rows enough": DistilledClassifier("logistic", many, **settings).fit(X, y, X_unlabeled=np.tile(X, (30, 1))),
        "weights": DistilledClassifier("logistic", many, class_weight="balanced", **settings).fit(X, y),
        "values": DistilledRegressor("ridge", many, **settings).fit(X[:, 1:], X[:, 0]),
    }
    assert {name: each.augmentation_ for name, each in others.items()} == dict.fromkeys(others)


# ---------------------------------------------------------------- what is refused


@EACH
@pytest.mark.parametrize(
    ("X", "message"),
    [
        (sparse.csr_matrix(np.eye(3)), r"does not take sparse X.*X.toarray\(\)"),
        ([[1.0, 2.0]], r"draws from a data frame or a NumPy array. Got list: pass numpy.asarray\(X\)"),
        (np.ones(3), r"a table of two dimensions. Got shape \(3,\)"),
        (np.ones((0, 2)), r"needs one row at least"),
        (pd.DataFrame({"a": []}), r"needs one row at least"),
    ],
)
def test_tables_that_are_refused(sampler, X, message):
    with pytest.raises((TypeError, ValueError), match=message):
        sampler.sample(X, 3, seeded())


@EACH
def test_rng_is_a_random_state(sampler):
    with pytest.raises(
        TypeError, match=r"'rng' must be a numpy.random.RandomState.*pass np.random.RandomState\(seed\)"
    ):
        sampler.sample(np.eye(3), 3, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("sampler", "name"),
    [
        (Munge(p=1.5), "p"),
        (Munge(s=0.0), "s"),
        (Munge(max_reference_rows=1), "max_reference_rows"),
        (Munge(factor=0), "factor"),
        (MarginalResampling(p=-0.1), "p"),
        (ForestSwap(min_samples_leaf=0), "min_samples_leaf"),
        (ForestSwap(n_trees=0), "n_trees"),
        (MarginalResampling(weight=0.0), "weight"),
    ],
)
def test_parameters_out_of_range(sampler, name):
    message = f"The {name!r} parameter of {type(sampler).__name__} must be"
    with pytest.raises(ValueError, match=message):
        sampler.sample(np.eye(3), 3, seeded())
    with pytest.raises(ValueError, match=message):
        resolve_sampler(sampler)


def test_resolve_sampler():
    assert resolve_sampler(None) is None
    for name, kind in SAMPLERS.items():
        assert type(resolve_sampler(name)) is kind
    given = Munge(factor=2.0)
    resolved = resolve_sampler(given)
    assert resolved is not given
    assert resolved.factor == 2.0
    assert [resolved.n_new(n) for n in (1, 100)] == [2, 200]
    with pytest.raises(
        ValueError,
        match=r"Unknown augmentation 'smote'. Valid names: auto, forest, marginal, munge, thin, token_dropout; or",
    ):
        resolve_sampler("smote")
    for wrong in (Munge, 3):
        with pytest.raises(TypeError, match=r"must be None, one of \['forest', 'marginal', 'munge', 'token_dropout'\]"):
            resolve_sampler(wrong)
    with pytest.raises(TypeError, match="Munge does not take sparse X"):
        resolve_sampler("munge", sparse=True)


# ---------------------------------------------------------------- images and counts


def digits(n: int = 60) -> np.ndarray:
    return load_digits().data[:n]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
def test_images_stay_on_their_grid(dtype):
    X = digits().astype(dtype)
    before = X.copy()
    new = ImageJitter((8, 8), shift=2, rotate=30, noise=0.5).sample(X, 200, seeded())
    np.testing.assert_array_equal(X, before)
    assert new.dtype == X.dtype
    assert set(np.unique(new)) <= set(np.unique(X))
    assert len(np.unique(np.vstack([X, new]), axis=0)) == 260
    frame = pd.DataFrame(X, columns=[f"p{j}" for j in range(64)])
    drawn = ImageJitter((8, 8), shift=2, rotate=30, noise=0.5).sample(frame, 200, seeded())
    assert (drawn.dtypes == frame.dtypes).all()
    np.testing.assert_array_equal(drawn.to_numpy(), new)


def test_what_moves_an_image():
    image = np.zeros((5, 5))
    image[1, 2], image[2, 2] = 9, 5  # a bar that points up
    X = image.reshape(1, -1)
    still = {"shift": 0, "rotate": 0}
    assert (ImageJitter((5, 5), **still).sample(X, 3, seeded()) == X).all()
    turned = ImageJitter((5, 5), shift=0, rotate=180).sample(X, 400, seeded()).reshape(-1, 5, 5)
    assert {(1, 2), (3, 2), (2, 1), (2, 3)} <= {tuple(at[1:]) for at in np.argwhere(turned == 9)}
    assert np.median(turned[:, 2, 2]) == 5  # the centre stays
    moved = ImageJitter((5, 5), shift=1, rotate=0).sample(X, 400, seeded()).reshape(-1, 5, 5)
    rows, columns = np.argwhere(moved == 9)[:, 1:].T
    assert set(rows) <= {0, 1, 2}
    assert set(columns) == {1, 2, 3}
    upside = ImageJitter((5, 5), flip="vertical", **still).sample(X, 400, seeded()).reshape(-1, 5, 5)
    assert (upside[:, 3, 2] == 9).mean() == pytest.approx(0.5, abs=0.1)
    assert ((upside[:, 3, 2] == 9) | (upside[:, 1, 2] == 9)).all()
    sideways = ImageJitter((5, 5), flip="horizontal", **still).sample(X, 40, seeded())
    assert (sideways == X).all()


def test_channels_move_together():
    image = np.random.default_rng(0).integers(0, 255, (6, 6, 1)).repeat(3, axis=2)
    new = ImageJitter((6, 6, 3), noise=0.0).sample(image.reshape(1, -1), 20, seeded()).reshape(20, 6, 6, 3)
    assert (new == new[..., :1]).all()


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_array, pd.DataFrame])
def test_tokens_are_left_out(form):
    counts = np.random.default_rng(0).poisson(0.8, (50, 12))
    X = form(counts)
    new = TokenDropout(p=0.25).sample(X, 4000, seeded())
    assert type(new) is type(X)
    dense = new.toarray() if sparse.issparse(new) else np.asarray(new)
    assert dense.dtype == counts.dtype
    np.testing.assert_allclose(dense.mean(axis=0) / counts.mean(axis=0), 0.75, atol=0.06)
    assert (dense <= counts.max(axis=0)).all()
    assert ((dense > 0) <= (counts > 0).any(axis=0)).all()


def test_weights_stay_or_become_zero():
    X = np.random.default_rng(0).random((30, 5))
    new = TokenDropout(p=0.4).sample(X, 900, seeded())
    assert all(set(new[:, j]) <= {0.0, *X[:, j]} for j in range(5))
    assert (new == 0).mean() == pytest.approx(0.4, abs=0.03)


def test_what_images_and_counts_refuse():
    for sampler in (ImageJitter((2, 2)), TokenDropout()):
        name = type(sampler).__name__
        with pytest.raises(ValueError, match=rf"{name} needs a finite number in every cell. Fill the missing"):
            sampler.sample(np.array([[1.0, np.nan, 0, 0]]), 1, seeded())
        with pytest.raises(ValueError, match=rf"{name} draws from numbers alone"):
            sampler.sample(np.array([["a", 1, 2, 3]], dtype=object), 1, seeded())
    with pytest.raises(ValueError, match=r"'shape' .* ImageJitter, \(3, 3\), asks for rows of 9 columns.*Got X with 4"):
        ImageJitter((3, 3)).sample(np.ones((2, 4)), 1, seeded())
    for wrong in ((4,), (2, 0), (2, 2.0), (1, 2, 3, 4)):
        with pytest.raises(ValueError, match=r"must be \(height, width\) or \(height, width, channels\)"):
            resolve_sampler(ImageJitter(wrong))
    with pytest.raises(ValueError, match=r"counts or weights of tokens, 0 or more. Got -1"):
        TokenDropout().sample(np.array([[-1.0, 2.0]]), 1, seeded())
    with pytest.raises(TypeError, match="ImageJitter does not take sparse X; TokenDropout does"):
        resolve_sampler(ImageJitter((1, 1)), sparse=True)


def test_a_student_of_jittered_images_and_of_thinned_counts():
    X, y = load_digits(return_X_y=True)
    settings = {"student": TreeStudent(max_leaves=8), "blend": 0.3, "cv": 3, "random_state": 0}
    clf = DistilledClassifier("logistic", augmentation=ImageJitter((8, 8), factor=1), **settings).fit(X[:300], y[:300])
    assert any("ImageJitter" in note for note in clf.notes_)
    clf = DistilledClassifier("logistic", augmentation="token_dropout", **{**settings, "student": "linear"})
    assert clf.fit(sparse.csr_matrix(X[:300]), y[:300]).augmentation_.p == 0.2
    untouched = CallableTeacher(lambda rows: pytest.fail("asked"), classes=list(range(10)))
    with pytest.raises(ValueError, match=r"'shape' parameter of ImageJitter, \(8, 9\), asks for rows of 72"):
        DistilledClassifier(untouched, augmentation=ImageJitter((8, 9)), **settings).fit(X[:300], y[:300])


def test_a_pool_with_other_columns():
    X, y = load_digits(return_X_y=True, as_frame=True)
    untouched = CallableTeacher(lambda rows: pytest.fail("asked"), classes=list(range(10)))
    pairs = [(X, X.iloc[:, 1:]), (X, X.rename(columns={"pixel_0_0": "other"})), (X.to_numpy(), X.to_numpy()[:, :5])]
    for rows, pool in pairs:
        with pytest.raises(ValueError, match=r"X_unlabeled must have the columns of X, in their order. "):
            DistilledClassifier(untouched).fit(rows, y, X_unlabeled=pool)
