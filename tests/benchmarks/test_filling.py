"""Budgets of packed bytes, filled."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.competitors._contestant import Fitted
from benchmarks.competitors._filling import Family, NothingFitsError, ladder
from benchmarks.splits import Shared

#: Loss of a size: the best is 20.
LOSS = {size: abs(np.log(size / 20)) for size in range(1, 2_000)}


def made(losses):
    """A family of 100 bytes and 10 more for each unit of size, whose setting "a" costs bytes and lowers the loss."""

    def fit_rows(split):
        return lambda Z, rows, settings: lambda Z: np.full((len(Z), 1), losses(settings))

    def fitted(split, settings):
        return Fitted(lambda split: None, 100 + 10 * settings["size"] + 300 * settings["a"], 0, settings)

    return Family("made", "made", "tree", lambda split: ladder(1_000, 4), fit_rows, fitted, lambda split: {"a": (0, 1)})


@pytest.fixture
def split():
    rows = np.arange(4)
    return SimpleNamespace(
        raw=(np.zeros((4, 1)),),
        y_train=np.zeros(4),
        task="regression",
        n_classes=0,
        folds=[(rows, rows)],
        shared=Shared(),
    )


def test_best_of_what_fits(split):
    contestant = made(lambda settings: np.sqrt(LOSS[settings["size"]] + 1 - settings["a"])).tuned()
    small, large = contestant.fit(split, 1_024), contestant.fit(split, 4_096)
    assert small.settings == large.settings == {"size": 19, "a": 1}  # the rung nearest to 20
    assert large.cv_loss == pytest.approx(LOSS[19])


def test_more_bytes_are_never_worse(split):
    # At large sizes a = 1 looks better, though the best of all is a small model with a = 0.
    def loss(settings):
        return np.sqrt(LOSS[settings["size"]] + (0 if settings["a"] == (settings["size"] > 50) else 2))

    contestant = made(loss).tuned()
    losses = [contestant.fit(split, budget).cv_loss for budget in (1_024, 4_096, 16_384)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == pytest.approx(LOSS[19])


def test_largest_fills_the_budget(split):
    assert made(None).largest().fit(split, 1_024).nbytes == 100 + 10 * 91


def test_nothing_fits(split):
    with pytest.raises(NothingFitsError, match="No size fits into 50 bytes"):
        made(None).largest().fit(split, 50)


def test_shared_is_charged_to_everyone_once():
    shared, calls = Shared(), []
    assert shared("key", lambda: calls.append(1) or sum(i for i in range(200_000))) == shared("key", None)
    assert (len(calls), shared.owed) == (1, 0.0)  # whoever made it has paid for it
    shared.settle()
    shared("key", None)
    first = shared.owed
    shared("key", None)
    assert shared.owed == first > 0


def test_shared_things_that_use_shared_things_are_charged_once():
    def busy():
        return sum(i for i in range(300_000))

    shared = Shared()
    shared("outer", lambda: busy() + shared("inner", busy))
    shared.settle()
    shared("outer", None)
    both = shared.owed
    shared("inner", None)
    assert shared.owed == both
    shared.settle()
    shared("inner", None)
    assert 0 < shared.owed < 0.9 * both
