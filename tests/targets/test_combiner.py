from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split

from skdistill.targets import fit_combiner
from skdistill.teachers import DEFAULT_COMMITTEE, cross_fit, make_folds, resolve_members


@pytest.fixture(scope="module", params=[load_digits, load_breast_cancer], ids=["digits", "breast_cancer"])
def halves(request):
    """Out-of-fold labels of one half by the default committee, and what it says of the other half."""
    X, y = request.param(return_X_y=True)
    X, y = X[:400], y[:400]
    X, X_new, y, y_new = train_test_split(X, y, test_size=0.5, random_state=0, stratify=y)
    soft = cross_fit(
        resolve_members(list(DEFAULT_COMMITTEE["classification"]), "classification", len(y), len(np.unique(y))),
        X,
        y,
        make_folds(5, X, y, "classification", seed=0),
        classes=np.unique(y),
        n_outputs=len(np.unique(y)),
        random_state=np.random.RandomState(0),
    )
    return soft.labels, y, soft.committee.labels(X_new), y_new


def _fit(P, y, **settings):
    default = {"temperature": "auto", "weighting": "log_loss", "aggregation": "geometric"}
    covered = np.ones(len(y), dtype=bool)
    return fit_combiner(
        P, y, task="classification", sample_weight=None, covered=covered, device="cpu", **(default | settings)
    )


def _losses(Q, y):
    return -np.log(np.maximum(Q[np.arange(len(y)), y], 1e-12))


def test_never_worse_than_the_best_teacher_by_more_than_noise(halves):
    P, y, P_new, y_new = halves
    committee = _losses(_fit(P, y)(P_new), y_new)
    best = min((_losses(p, y_new) for p in P_new), key=np.mean)  # chosen with hindsight, which we have not
    excess = committee - best
    assert excess.mean() <= 2 * excess.std() / np.sqrt(len(excess))


@pytest.mark.parametrize("aggregation", ["mean", "geometric", "median", lambda block, weights: block.mean(axis=0)])
def test_the_whole_is_calibrated(halves, aggregation):
    P, y, P_new, _ = halves
    combiner = _fit(P, y, aggregation=aggregation)
    exponent, biases = combiner.scaling
    assert biases.shape == (P[0].shape[1],)
    assert exponent > 0
    unscaled = replace(combiner, scaling=None)
    assert _losses(combiner(P), y).mean() < _losses(unscaled(P), y).mean()
    np.testing.assert_allclose(combiner(P_new).sum(axis=1), 1.0, rtol=1e-12)


def test_a_number_is_what_every_teacher_is_tempered_by(halves):
    P, y, _, _ = halves
    combiner = _fit(P, y, temperature=2.0)
    np.testing.assert_array_equal(combiner.temperatures, [2.0] * 3)
    assert combiner.scaling is None
    assert _fit(P, y, temperature=1.0).temperatures is None


def test_a_teacher_that_may_have_seen_the_rows_is_not_made_surer():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=300)
    memory = 0.6 * np.eye(2)[y] + 0.2  # right on every row
    noise = rng.dirichlet([1, 1], size=300)
    assert _fit([memory, noise], y).temperatures[0] < 0.5
    combiner = _fit([memory, noise], y, out_of_fold=[False, True])
    assert combiner.temperatures[0] == 1.0
    assert combiner.temperatures[1] > 2.0
    assert combiner.scaling[0] == pytest.approx(1.0)
    assert combiner([memory, noise]).max() < 0.85
    assert _fit([memory, noise], y)([memory, noise]).max() > 0.95


def test_auto_is_the_best_for_the_task(halves):
    P, y, _, _ = halves
    assert _fit(P, y, aggregation="auto").aggregation == "geometric"
    values = [p[:, :1] for p in P]
    combiner = fit_combiner(
        values, y[:, None] * 1.0, task="regression", temperature="auto", weighting="loss", aggregation="auto",
        sample_weight=None, covered=np.ones(len(y), dtype=bool), device="cpu",
    )  # fmt: skip
    assert (combiner.aggregation, combiner.temperatures, combiner.scaling) == ("mean", None, None)
