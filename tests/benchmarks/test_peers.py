"""Peers in environments of their own: the exchange of questions and answers, and the size of what comes back.

The peers themselves are not installed here: trees of scikit-learn and a toy script stand in for them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from benchmarks import peers
from benchmarks.competitors import CONTESTANTS, autogluon
from benchmarks.competitors._sizes import columns_nbytes, lower_nested, lower_sklearn, spared_nbytes
from benchmarks.competitors.autogluon import _lower, _outputs, raw_nbytes
from benchmarks.competitors.ebm import lower
from benchmarks.peers.exchange import Model, nest
from benchmarks.peers.lightgbm_splits import Features, codes
from skdistill.model import CategoryColumn, NumericColumn, Preprocessor, TreeSum

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


def test_peer_gives_up_after_its_cpu_seconds(tmp_path):
    script = tmp_path / "toy.py"
    begin = f"import sys; sys.path.insert(0, {str(Path(peers.__file__).parent)!r}); import exchange"
    script.write_text(f"{begin}\nexchange.give_up_after(0.1)\nwhile True: pass")
    with pytest.raises(RuntimeError, match=r"(?s)toy.py failed.*TimeoutError: not done after 0.1 CPU seconds"):
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
#: What `run_ebm.py` says of a machine of interpret's, its scores rounded.
EBM = {
    "intercept": [1.13],
    "terms": [
        {"columns": [0], "bins": [[0.75, 1.75]], "scores": [[-0.15], [-0.46], [0.0], [0.42]]},
        {"columns": [1], "bins": [{"arm": 1, "leg": 2}], "scores": [[-0.02], [0.14], [-0.13]]},
        {
            "columns": [0, 1],
            "bins": [[1.25], {"arm": 1, "leg": 2}],
            "scores": [[[0.04], [-0.11], [0.22]], [[-0.18], [-0.35], [0.19]], [[0.12], [0.38], [-0.25]]],
        },
    ],
}


def test_tables_of_ebm_score_as_they_do_there():
    table = [
        *([0.0, "arm"], [0.5, "leg"], [1.0, None], [2.5, "arm"], [np.nan, "leg"], [np.nan, None], [1.5, "leg"]),
        *([0.0, "toe"], [np.nan, "toe"]),
    ]
    scores = lower(EBM, COLUMNS).evaluate(COLUMNS.transform(np.array(table, dtype=object)))
    # What interpret's own machine predicts.
    expected = [0.46, 0.73, 0.93, 2.07, 1.07, 1.0, 0.75, 0.67, 0.98]
    np.testing.assert_allclose(scores.ravel(), expected, rtol=1e-5)


def test_bins_of_ebm_that_score_the_same_are_one():
    single = {"columns": [0], "bins": [[1.0, 2.0, 20.05]], "scores": [[0.5], [0.0], [1.0], [1.0], [4.0]]}
    additive = lower({"intercept": [0.0], "terms": [single]}, COLUMNS)
    assert additive.n_steps == 2 + 1  # the cut at 2 parts nothing; whether the dose is missing is a step
    # The upper bin holds the cut itself; 20.05 lies between two numbers that are neighbours in float32.
    doses = [0.5, 1.0, float(np.float32(20.05)), float(np.nextafter(np.float32(20.05), np.float32(21))), np.nan]
    table = np.array([[dose, "arm"] for dose in doses], dtype=object)
    assert additive.evaluate(COLUMNS.transform(table)).ravel().tolist() == [0, 1, 1, 4, 0.5]


def test_size_of_ebm_is_that_of_our_form():
    additive = lower(EBM, COLUMNS)
    # The dose and whether it is missing, with each of two categories and whether the site is missing.
    assert [pair.features for pair in additive.pairs] == [(i, j) for i in (0, 1) for j in (2, 3, 4)]
    single = lower(EBM | {"terms": EBM["terms"][:2]}, COLUMNS)
    # A pair of features is two numbers, an edge each and a cell.
    pairs = spared_nbytes(additive, "identity", COLUMNS) - spared_nbytes(single, "identity", COLUMNS)
    assert pairs == 6 * (2 * (1 + 1 + 4) + 4)


def test_pair_of_ebm_adds_to_the_tables_of_its_columns():
    pair = {"columns": [0, 1], "bins": [[1.0], [0.5, 1.5]], "scores": np.arange(12.0).reshape(3, 4, 1) ** 2}
    numbers = Preprocessor(tuple(NumericColumn(name, 0.0, 0.0, 1.0, missing=False) for name in ("height", "width")))
    additive = lower({"intercept": [0.5], "terms": [pair]}, numbers)
    assert [len(edges) for edges in additive.edges] == [1, 2]
    scores = additive.evaluate([[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]).ravel()
    assert scores.tolist() == [number**2 + 0.5 for number in (5, 6, 7, 9, 10, 11)]


def test_size_of_trees_over_raw_columns():
    leaf = {"leaf_value": 1.0}
    stumps = [
        {"split_feature": feature, "threshold": 0.0, "left_child": leaf, "right_child": leaf} for feature in (0, 1)
    ]
    of_dose, of_site = (lower_nested(stump, 2) for stump in stumps)
    both = TreeSum((of_dose, of_site), [0, 0], [0.0], 2)
    names, features = ["dose", "site"], ["dose", "site"]
    header = 12 + 1  # which columns are used takes a byte
    dose = columns_nbytes(np.array([True, True, False, False, False]), COLUMNS) - header
    site = 1 + 1 + (1 + 3) + (1 + 3)
    # How many splits, feature, threshold and splits on the left, the leaves.
    nodes = 1 + 6 + 8
    assert raw_nbytes(of_dose, "identity", features, names, COLUMNS) == header + dose + nodes
    assert raw_nbytes(of_site, "identity", features, names, COLUMNS) == header + site + nodes
    # Of each stump an edge and how many, its number, the leaves, the output; of both their number, bits and base.
    both_nodes = 1 + 2 * (5 + 1 + 8 + 1) + 1 + 4
    assert raw_nbytes(both, "identity", features, names, COLUMNS) == header + dose + site + both_nodes
    # Features may come in another order than the columns.
    assert raw_nbytes(of_dose, "identity", ["site", "dose"], names, COLUMNS) == header + site + nodes


@pytest.mark.parametrize("n_classes", [0, 3])
def test_trees_of_lightgbm_on_raw_columns(n_classes):
    """Sets of categories and missing values on either side become plain thresholds."""
    rng = np.random.default_rng(0)
    size, site = rng.normal(size=600), rng.integers(0, 8, 600)
    y = np.where(np.isin(site, [1, 4, 6]), size, -1.0) if not n_classes else site % 3
    size[rng.random(600) < 0.3] = np.nan
    table = pd.DataFrame({"size": size, "whole": rng.normal(size=600), "site": pd.Categorical(site)})
    objective = {"objective": "multiclass", "num_class": 3} if n_classes else {"objective": "regression"}
    settings = {**objective, "num_leaves": 8, "min_data_per_group": 5, "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(table, y), 5)
    table.loc[::7, "site"] = np.nan
    features = Features(codes(table, booster.pandas_categorical))
    trees = [features.nest(info["tree_structure"]) for info in booster.dump_model()["tree_info"]]
    assert {type(how) for _, how in features.made} == {str}
    assert len(features.made) > 3
    trees, link = _lower({"trees": trees, "features": features.made, "forest": False}, n_classes or 1)
    outputs = _outputs(trees, link, features.matrix(), n_classes or 1)
    np.testing.assert_allclose(outputs, booster.predict(table).reshape(600, -1), rtol=1e-5, atol=1e-6)


def test_trees_of_autogluon_must_repeat_its_outputs(monkeypatch):
    leaves = {"left_child": {"leaf_value": 0.25}, "right_child": {"leaf_value": 1.5}}
    stump = {"split_feature": 0, "threshold": 0.0, **leaves}
    structure = {"trees": [stump], "features": ["dose"], "forest": True}
    outputs = np.array([[0.75, 0.25], [0.0, 1.0], [0.0, 1.0]])
    model = Model("tree-2", outputs, 0.5, structure, inputs=np.float32([[-1], [1], [1]]))
    split = SimpleNamespace(X_train=SimpleNamespace(columns=["dose", "site"]), raw=(None, None, COLUMNS))
    monkeypatch.setattr(autogluon, "_models", lambda split: {"tree-2": model})
    fitted = autogluon._fit(split, 2, kind="tree")
    assert (fitted.leaves, fitted.nbytes, fitted.cpu_seconds) == (2, 12 + 1 + 2 + 1 + 6 + 8, 0.5)
    outputs[0] = 0.5
    with pytest.raises(ValueError, match=r"say what it says of 66.7% of the test rows only"):
        autogluon._fit(split, 2, kind="tree")
