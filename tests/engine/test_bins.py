import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skdistill.engine._bins import bin_edges, bin_table

TINY, HUGE = np.finfo(np.float32).smallest_subnormal, np.finfo(np.float32).max
floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
clustered = st.one_of(floats, st.integers(-3, 3).map(float), st.sampled_from([0.0, -0.0, TINY, -TINY, HUGE, -HUGE]))


def _float32(elements, **sizes):
    return arrays(np.float32, st.integers(**sizes), elements=elements)


@settings(deadline=None, max_examples=300)
@given(edges=_float32(clustered, min_value=1, max_value=300), values=_float32(clustered, min_value=0, max_value=200))
def test_a_bin_is_the_number_of_edges_below(edges, values):
    edges = np.unique(edges)[:255]
    # The edges themselves and their neighbours are where a comparison goes wrong.
    with np.errstate(over="ignore"):
        near = [edges, np.nextafter(edges, np.float32(np.inf)), np.nextafter(edges, np.float32(-np.inf))]
    values = np.concatenate([values, *near])
    values = values[np.isfinite(values)]
    bins = bin_table(edges).bins(values)
    assert bins.dtype == np.uint8
    np.testing.assert_array_equal(bins, np.searchsorted(edges, values))


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.normal(size=n),
        lambda rng, n: rng.standard_cauchy(n) ** 3,
        lambda rng, n: rng.lognormal(0, 2, n),
        lambda rng, n: rng.lognormal(0, 20, n),
        lambda rng, n: 1e6 + rng.random(n),
        lambda rng, n: rng.integers(0, 2, n) + 1e-6 * rng.random(n),
        lambda rng, n: np.where(rng.random(n) < 0.9, 0, rng.normal(size=n)),
        lambda rng, n: rng.normal(size=n) * 1e-42,
        lambda rng, n: rng.uniform(-1, 1, n) * HUGE,
    ],
    ids=["normal", "cubed Cauchy", "lognormal", "20 decades", "offset", "two clusters", "zeros", "denormal", "huge"],
)
def test_features_of_all_kinds(draw):
    rng = np.random.default_rng(0)
    with np.errstate(over="ignore"):
        values = np.clip(draw(rng, 20_000).astype(np.float32), -HUGE, HUGE)
    edges = bin_edges(values, None, max_bins=255)
    assert (np.diff(edges) > 0).all()
    np.testing.assert_array_equal(bin_table(edges).bins(values), np.searchsorted(edges, values))


@settings(deadline=None, max_examples=200)
@given(_float32(clustered, min_value=1, max_value=60), st.integers(2, 80))
def test_edges_part_distinct_values(values, max_bins):
    edges = bin_edges(values, None, max_bins)
    assert len(edges) < max_bins
    assert (np.diff(edges) > 0).all()
    distinct = np.unique(values)
    if len(distinct) <= max_bins:
        assert len(edges) == len(distinct) - 1
        assert (distinct[:-1] <= edges).all()
        assert (edges < distinct[1:]).all()
        np.testing.assert_array_equal(bin_table(edges).bins(distinct) if len(edges) else 0, np.arange(len(distinct)))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(clustered, st.integers(1, 9)), min_size=1, max_size=60), st.integers(2, 20), st.randoms())
def test_a_weight_is_repetition_and_order_does_not_matter(pairs, max_bins, random):
    edges = bin_edges(*np.array(pairs, dtype=np.float32).T.astype(np.float32), max_bins)
    random.shuffle(pairs)
    values, weight = np.array(pairs, dtype=np.float32).T
    repeated = bin_edges(np.repeat(values, weight.astype(int)), None, max_bins)
    assert edges.tobytes() == repeated.tobytes()


def test_bins_of_a_continuous_feature_hold_equal_shares():
    values = np.random.default_rng(0).lognormal(size=100_000).astype(np.float32)
    table = bin_table(bin_edges(values, None, max_bins=100))
    counts = np.bincount(table.bins(values))
    assert len(counts) == 100
    assert np.abs(counts - 1000).max() <= 1


def test_a_heavy_value_takes_one_bin_and_leaves_the_others_to_the_rest():
    values = np.random.default_rng(0).random(10_000).astype(np.float32)
    values[:9000] = 0
    counts = np.bincount(bin_table(bin_edges(values, None, max_bins=51)).bins(values))
    assert len(counts) >= 50
    assert np.abs(counts[1:] - 20).max() <= 2


def test_the_midpoint_of_neighbouring_floats_is_the_lower():
    a = np.float32(1)
    b = np.nextafter(a, np.float32(2))
    c = np.nextafter(b, np.float32(2))
    np.testing.assert_array_equal(bin_edges(np.array([c, a, b]), None, 255), [a, b])


def test_a_constant_feature_has_no_edges():
    assert bin_edges(np.full(9, 4, dtype=np.float32), None, 255).shape == (0,)
    assert bin_edges(np.array([4], dtype=np.float32), np.array([2.0]), 255).shape == (0,)


def test_weights_up_to_the_limit_of_exact_integers():
    values = np.arange(1000, dtype=np.float32)
    heavy = bin_edges(values, np.full(1000, 2.0**43), max_bins=256)
    np.testing.assert_array_equal(heavy, bin_edges(values, None, max_bins=256))
