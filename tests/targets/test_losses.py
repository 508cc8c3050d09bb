"""What errors of values cost, and soft labels as distributions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.metrics import d2_pinball_score, mean_pinball_loss, mean_poisson_deviance, r2_score

from skdistill.targets import Huber, Pinball, PoissonDeviance, Smear, Smeared, SquaredError, teacher_weights, value_loss


@pytest.fixture(scope="module")
def values():
    y = load_diabetes().target[:, None]
    return y, y + np.random.default_rng(0).normal(scale=40, size=y.shape)


def test_agree_with_scikit_learn(values):
    y, f = values
    high = value_loss("pinball", y, quantile=0.9)
    assert high.rows(y, f).mean() == pytest.approx(mean_pinball_loss(y, f, alpha=0.9))
    assert high.explained(y, f) == pytest.approx(d2_pinball_score(y, f, alpha=0.9), abs=1e-3)
    assert value_loss("squared", y).explained(y, f) == pytest.approx(r2_score(y, f))
    assert PoissonDeviance().rows(y, abs(f)).mean() == pytest.approx(mean_poisson_deviance(y, abs(f)))


@pytest.mark.parametrize("loss", [Pinball(0.9, 3.0), Pinball(0.5, 0.5), Huber(10.0)])
def test_derivatives_and_curves(values, loss):
    y, f = values
    residuals = y - f
    _, slope, curvature = loss.smooth(residuals)
    step = 1e-4
    (up, slope_up, _), (down, slope_down, _) = loss.smooth(residuals - step), loss.smooth(residuals + step)
    np.testing.assert_allclose((up - down) / (2 * step), slope, atol=1e-5)
    np.testing.assert_allclose((slope_up - slope_down) / (2 * step), curvature, atol=1e-5)
    weight = np.ones(len(y))
    best = loss.location(residuals[:, 0], weight)
    at = [loss.cells(residuals, np.full_like(y, c)).mean() for c in (best - 1, best, best + 1)]
    assert at[1] == min(at)
    assert loss.curvature(residuals[:, 0], weight) > 0
    # The squares slope as the loss does where they touch it, and curve at least as much.
    curving, target = loss.touching(y, f)
    np.testing.assert_allclose(curving * (f - target), slope, atol=0.26)  # pinball is rounded off in another way
    assert (np.broadcast_to(curving, y.shape) >= curvature - 1e-12).mean() > 0.9


def test_the_threshold_is_that_of_the_noise(values):
    y, f = values
    noise = (y - f)[:, 0]
    loss = value_loss("huber", y, labels=[f, f, f])
    assert loss.delta == pytest.approx(1.345 * noise.std(), rel=0.1)
    assert value_loss("huber", y).delta > loss.delta
    assert value_loss("huber", np.ones((5, 1))).delta > 0
    half = np.arange(len(y)) % 2 == 0
    spoiled = np.where(half[:, None], f, 1e9)
    known = value_loss("pinball", y, quantile=0.9, labels=[spoiled], covered=half)
    assert known.width == pytest.approx(0.1 * noise.std(), rel=0.2)


def test_wild_values_are_tamed(values):
    y, f = values
    loss = Huber(10.0)
    wild = np.where(np.arange(len(y))[:, None] == 3, 1e6, y)
    near = loss.tamed(wild, f)
    assert np.abs(near - f).max() <= 10 + 1e-9
    alone = loss.tamed(wild)
    assert (alone == wild).sum() == len(y) - 1
    assert alone[3, 0] < 1000
    assert Pinball(0.9, 1.0).tamed(wild) is wild


@pytest.mark.parametrize("quantile", [0.02, 0.5, 0.9, 0.99])
def test_smeared_labels_keep_the_quantile(quantile):
    residuals = np.random.default_rng(0).normal(size=4000)
    loss = Pinball(quantile, 0.1)
    labels = Smear.of(residuals, None, loss)(np.array([[5.0], [7.0]]))
    np.testing.assert_allclose(labels.shares.sum(axis=1), 1)
    for row, centre in enumerate((5.0, 7.0)):
        found = loss.location(labels.values[row], labels.shares[row])
        below, above = np.quantile(residuals, [quantile * 15 / 16 - 0.002, quantile + (1 - quantile) / 16 + 0.002])
        assert centre + below <= found <= centre + above


def test_truth_joins_and_stands_alone_where_nothing_else_is_known():
    loss = Huber(1.0)
    smear = Smear.of(np.array([-1.0, 0.0, 1.0]), np.array([1.0, 2.0, 1.0]), loss)
    truth, Q = np.array([[3.0], [4.0]]), np.array([[0.0], [np.nan]])
    labels = smear(Q, truth, 0.25, np.array([True, False]))
    assert labels.shares[0, 0] == 0.25
    assert labels.shares[1].tolist() == [1.0] + [0.0] * 16
    assert labels.values[1, 0] == 4.0
    assert np.isfinite(labels.values).all()
    both = Smeared.joined([labels, smear(Q[:1])])
    assert both.values.shape == (3, 17)
    assert both.part(np.array([2])).shares[0, 0] == 0


@pytest.mark.parametrize("weighting", ["loss", "greedy"])
@pytest.mark.parametrize("loss", [Pinball(0.8, 0.5), Huber(10.0), PoissonDeviance()])
def test_weights_minimise_the_loss(values, loss, weighting):
    y, _ = values
    rng = np.random.default_rng(1)
    P = [y * 0.7 + 30, y + rng.standard_t(2, size=y.shape) * 30 + 10, np.full_like(y, 200.0)]
    P = [np.maximum(p, 1.0) for p in P]
    found = teacher_weights(P, y, weighting, None, "regression", loss=loss)

    def cost(w):
        return loss.rows(y, sum(share * p for share, p in zip(w, P))).mean()

    others = rng.dirichlet(np.ones(3), size=300) if weighting == "loss" else np.eye(3)
    assert cost(found) <= 1.002 * min(map(cost, others))
    squares = teacher_weights(P, y, weighting, None, "regression", loss=SquaredError(np.ones(1)))
    np.testing.assert_allclose(squares, teacher_weights(P, y, weighting, None, "regression"))
