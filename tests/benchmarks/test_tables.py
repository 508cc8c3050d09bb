"""The tables that the page is made of, from made-up cells."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import plots
from benchmarks.markdown import shown
from benchmarks.plan import RIVAL, STUDENT, Plan
from benchmarks.results import Cell, Results
from benchmarks.sections import within_bytes
from benchmarks.summary import Summary
from benchmarks.tables import BEST_HARD, NO_LARGER, Tables, tabulate

PLAN = Plan(sets=("churn",), seeds=(0,))
#: Contestant, size, packed bytes, cross-validated loss, and the log-loss of every row but for its noise.
CELLS = (
    ("teacher", 0, 0, np.nan, 0.1),
    (RIVAL, 8, 90, np.nan, 0.5),
    (STUDENT, 8, 100, 7.0, 0.3),
    (STUDENT, 16, 200, 6.0, 0.25),
    (STUDENT, 32, 240, 6.5, 0.2),
    (STUDENT, 64, 400, 5.0, 0.15),
    ("autogluon_tree", 8, 250, np.nan, 0.35),
    ("cart_bytes", 1_024, 1_000, 10.0, 0.45),
    ("linear_hard_bytes", 1_024, 900, 9.0, 0.4),
    ("tree_soft_bytes", 1_024, 1_000, np.nan, 0.3),
)


@pytest.fixture
def tables(tmp_path):
    results, noise = Results(tmp_path), np.random.default_rng(0).normal(scale=0.01, size=50)
    for name, size, nbytes, cv_loss, loss in CELLS:
        row = {"task": "classification", "n_classes": 2, "n_train": 100, "n_test": 50, "nbytes": nbytes}
        losses = dict.fromkeys(("accuracy", "log_loss", "auc"), loss + noise * loss)
        results.add(Cell("churn", 0, PLAN.max_rows, name, size), {**row, "log_loss": loss, "cv_loss": cv_loss}, losses)
    tabulate(PLAN, tmp_path).write(tmp_path / "tables")
    return Tables.read(tmp_path / "tables")


def test_best_hard_model_is_that_of_least_cross_validated_loss(tables):
    best = tables.cells.set_index("contestant").loc[BEST_HARD]
    assert (best["settings"], best["cv_loss"], best["nbytes"]) == ("linear_hard_bytes", 9.0, 900)
    (difference,) = Summary(PLAN, tables).differences("log_loss", BEST_HARD, "tree_soft_bytes", 1_024).values()
    assert difference.value == pytest.approx(0.1, abs=0.01)


def test_peer_meets_the_student_of_least_judged_loss_that_packs_no_larger(tables):
    (difference,) = Summary(PLAN, tables).differences("log_loss", "autogluon_tree", NO_LARGER, 8).values()
    assert difference.value == pytest.approx(0.1, abs=0.01)  # 16 leaves: the best judged of at most 250 bytes


def test_gap_recovered_is_read_off_the_pairs(tables):
    row = Summary(PLAN, tables).gap_row("log_loss", STUDENT, 8, RIVAL)
    assert (row["n_sets"], row["mean"]) == (1, pytest.approx(0.5, abs=0.01))


def test_duels_are_turned_for_the_headline_student(tables):
    duels = Summary(PLAN, tables).headline_duels()
    against_peer = duels[(duels["peer"] == "autogluon_tree") & (duels["metric"] == "log_loss")].iloc[0]
    assert (against_peer["wins"], against_peer["ties"], against_peer["losses"]) == (1, 0, 0)


def test_table_of_budgets(tables):
    page = within_bytes(Summary(PLAN, tables))
    (row,) = (line for line in page.splitlines() if "as large as the bytes allow | log-loss" in line)
    assert "| 1 / 0 / 0 | 1 | 1 / 0 / 0 | 1 |" in row
    assert "LinearStudent on hard labels, tuned within the bytes |" in page


@pytest.mark.parametrize("draw", ["gap_by_leaves", "quality_by_bytes"])
def test_picture(tables, tmp_path, draw):
    path = tmp_path / "picture.svg"
    assert plots.picture(getattr(plots, draw), Summary(PLAN, tables), path, "title") == "![title](picture.svg)"
    assert 1_000 < path.stat().st_size < 200_000
    assert shown(STUDENT if draw == "gap_by_leaves" else BEST_HARD) in path.read_text()
