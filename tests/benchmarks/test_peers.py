"""Peers in environments of their own: the exchange of questions and answers, and the size of what comes back.

The peers themselves are not installed here: trees of scikit-learn and a toy script stand in for them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from benchmarks import peers
from benchmarks.competitors import CONTESTANTS
from benchmarks.competitors._sizes import lower_nested, lower_sklearn
from benchmarks.competitors.autogluon import raw_nbytes
from benchmarks.competitors.ebm import ebm_nbytes, lower_singles
from benchmarks.peers.exchange import nest
from skdistill.model import CategoryColumn, NumericColumn, Preprocessor, packed_nbytes

TOY = f"""
import sys
sys.path.insert(0, {str(Path(peers.__file__).parent)!r})
from exchange import Model, serve

def fit(question):
    for size in question.settings["sizes"]:
        outputs = question.arrays["Z"] * size + question.table("train")[["a"]].to_numpy()
        left, right = {{"leaf_value": 1.0}}, {{"leaf_value": [2]}}
        stump = {{"split_feature": 0, "threshold": 0.1, "left_child": left, "right_child": right}}
        yield Model(str(size), outputs, 0.25, {{"trees": [stump]}}, {{"kept": question.table("train")["b"].dtype.name}})

serve(fit)
"""


def test_question_and_answer(tmp_path):
    pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    script = tmp_path / "toy.py"
    script.write_text(TOY)
    table = pd.DataFrame({"a": [0.5, 0.25], "b": pd.Categorical(["x", None])})
    arrays = {"Z": np.array([[1.0], [0.1]], np.float32)}
    models = peers.ask(Path(sys.executable), script, arrays, {"sizes": (2, 4)}, {"train": table})
    assert list(models) == ["2", "4"]
    np.testing.assert_array_equal(models["4"].outputs, arrays["Z"].astype(float) * 4 + [[0.5], [0.25]])
    assert (models["2"].cpu_seconds, models["2"].settings) == (0.25, {"kept": "category"})
    tree = lower_nested(models["2"].structure["trees"][0], n_features=1)
    # 0.1 in float32 is above the threshold of 0.1.
    assert tree.evaluate(np.float32([[0.1], [0.0999]])).ravel().tolist() == [2.0, 1.0]


def test_failure_of_a_peer_is_told_in_its_words(tmp_path):
    script = tmp_path / "toy.py"
    script.write_text("raise ValueError('three classes')")
    with pytest.raises(RuntimeError, match=r"(?s)toy.py failed.*ValueError: three classes"):
        peers.ask(Path(sys.executable), script, {}, {})


def test_peer_without_its_environment_says_how_to_make_it(tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "FOLDER", tmp_path)
    assert CONTESTANTS["trustee"].lacks == ("its environment is not there. Make it with: python -m benchmarks peers")
    assert CONTESTANTS["tree_soft"].lacks is None


def test_every_environment_has_its_peers():
    environments = {c.environment for c in CONTESTANTS.values() if c.environment}
    assert environments == set(peers.REQUIREMENTS)


@pytest.mark.parametrize("task", ["classification", "regression", "several outputs"])
def test_nested_tree_is_the_tree(task):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4)).round(1).astype(np.float32)
    y = {
        "classification": (X[:, 0] * X[:, 1] > 0) + (X[:, 2] > 1),
        "regression": X[:, 0] * X[:, 1],
        "several outputs": X[:, :2] ** 2,
    }[task]
    kind = DecisionTreeClassifier if task == "classification" else DecisionTreeRegressor
    tree = kind(max_leaf_nodes=13, random_state=0).fit(X, y)
    nested = lower_nested(nest(tree.tree_), 4)
    np.testing.assert_array_equal(nested.threshold, lower_sklearn(tree.tree_).threshold)
    expected = (tree.predict_proba if task == "classification" else tree.predict)(X)
    np.testing.assert_allclose(nested.evaluate(X), expected.reshape(len(X), -1), rtol=1e-6, atol=1e-7)


COLUMNS = Preprocessor(
    (
        NumericColumn("dose", fill=2.0, center=0.0, scale=1.0, missing=True),
        CategoryColumn("site", ("arm", "leg"), missing=True),
    )
)
#: As `run_ebm.py` describes a machine with a table for each of the two columns and one pair of them.
EBM = {
    "intercept": [10.0],
    "singles": [
        {"column": 0, "edges": [1.0, 2.0, 3.0], "scores": [[0.0], [1.0], [1.0], [4.0]], "missing": [0.5]},
        {"column": 1, "categories": ["leg", "arm"], "scores": [[0.25], [0.125]], "missing": [-1.0]},
    ],
    "pairs": [{"columns": [0, 1], "cells": 6}],
    "pair_edges": [2],
}


def test_tables_of_ebm_score_as_they_do_there():
    additive = lower_singles(EBM, COLUMNS)
    assert additive.n_steps == 2 + 4  # the cut at 2 parts nothing; two categories and two indicators have one each
    table = [[0.5, "arm"], [1.0, "leg"], [3.0, None], [np.nan, "toe"]]
    scores = additive.evaluate(COLUMNS.transform(np.array(table, dtype=object)))
    # The upper bin holds the cut. A dose that is missing scores .5, whatever stands in for it.
    assert scores.ravel().tolist() == [10 + 0 + 0.125, 10 + 1 + 0.25, 10 + 4 - 1, 10 + 0.5]


def test_size_of_ebm_counts_pairs_by_cell():
    singles = packed_nbytes(lower_singles(EBM, COLUMNS), "identity", COLUMNS)
    # Six cells, two edges and how many, and the numbers of the pair's columns.
    assert ebm_nbytes(EBM, COLUMNS, "identity") == singles + 6 * 4 + (1 + 2 * 4) + 2


def test_size_of_trees_over_raw_columns():
    leaf = {"leaf_value": 1.0}
    stumps = [
        {"split_feature": feature, "threshold": 0.0, "left_child": leaf, "right_child": leaf} for feature in (0, 1)
    ]
    of_dose, of_site = (lower_nested(stump, 2) for stump in stumps)
    names, features = ["dose", "site"], ["dose", "site"]
    # An edge and how many, the split, the leaves, the output, the bits, the base; of two stumps bits and base once.
    nodes, both = 5 + 1 + 8 + 1 + 1 + 4, 2 * (5 + 1 + 8 + 1) + 1 + 4
    assert raw_nbytes([of_dose], features, names, COLUMNS) == 16 + 6 + nodes
    assert raw_nbytes([of_site], features, names, COLUMNS) == 16 + (2 + 4 + 4) + nodes
    assert raw_nbytes([of_dose, of_site], features, names, COLUMNS) == 16 + 6 + 10 + both
    # Features may come in another order than the columns.
    assert raw_nbytes([of_dose], ["site", "dose"], names, COLUMNS) == 16 + 10 + nodes
