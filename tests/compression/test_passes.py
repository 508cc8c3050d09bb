"""Every pass, on random models of every kind."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import random_models
from hypothesis import given, settings
from hypothesis import strategies as st

from skdistill.compression import Prune, Quantise, Reduce, Sparsify, compress, fit_budget, frontier
from skdistill.compression._reduce import used_columns
from skdistill.model import (
    Additive,
    Linear,
    Model,
    NumericColumn,
    Output,
    PairTable,
    Preprocessor,
    load,
    save,
)

KINDS = ("tree", "linear", "additive", "tree_sum")
SETTINGS = settings(max_examples=6, derandomize=True, database=None, deadline=None)
PASSES = [
    Prune(),
    Prune(0.2),
    Sparsify(0.0),
    Sparsify(0.5),
    Reduce(0.2),
    Quantise("float32"),
    Quantise("float16", inputs="float32"),
    Quantise("int8"),
    Quantise("int4", inputs="float32"),
]


@pytest.fixture(scope="session")
def random_model():
    return random_models.random_model


def loss_by_hand(model, X, Q, weight):
    answers = model.evaluate(X)
    if model.output.task == "classification":
        each = -(Q * np.log(np.maximum(answers, np.finfo(float).eps))).sum(axis=1)
    else:
        each = ((Q - answers) ** 2).sum(axis=1)
    return np.average(each, weights=weight)


def fidelity_by_hand(model, reference, X, weight):
    answers, wanted = model.evaluate(X), reference.evaluate(X)
    if model.output.task == "classification":
        return np.average(answers.argmax(axis=1) == wanted.argmax(axis=1), weights=weight)
    total = np.average((wanted - np.average(wanted, axis=0, weights=weight)) ** 2, axis=0, weights=weight).sum()
    error = np.average((answers - wanted) ** 2, axis=0, weights=weight).sum()
    return 1 - error / total if len(np.unique(wanted)) > 1 else float(error == 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("item", PASSES, ids=lambda item: " ".join(repr(item).split()))
@SETTINGS
@given(seed=st.integers(0, 10**6), k=st.sampled_from([1, 2, 3]), has_targets=st.booleans())
def test_a_pass_keeps_its_promises(random_model, kind, item, seed, k, has_targets):
    model, X, Q = random_model(kind, seed, k)
    weight = np.random.default_rng(seed).random(len(X)) + 0.1
    done = compress(model, item, X, Q if has_targets else None, weight)
    small, (step,) = done.model, done.steps
    assert isinstance(small, Model)
    assert small.nbytes <= model.nbytes
    assert small is model or small.nbytes < model.nbytes
    assert (step.nbytes_before, step.nbytes_after) == (model.nbytes, small.nbytes)
    targets = Q if has_targets else model.evaluate(X)
    np.testing.assert_allclose(step.loss_before, loss_by_hand(model, X, targets, weight), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(step.loss_after, loss_by_hand(small, X, targets, weight), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(step.fidelity, fidelity_by_hand(small, model, X, weight), rtol=1e-9, atol=1e-9)
    if not isinstance(item, Quantise):
        constant = np.broadcast_to(np.average(targets, axis=0, weights=weight), targets.shape)
        unit = loss_by_hand_of(model, constant, targets, weight)
        assert step.loss_after <= step.loss_before + item.tolerance * unit + 1e-9 * abs(unit)


def loss_by_hand_of(model, answers, Q, weight):
    class Fixed:
        output = model.output

        @staticmethod
        def evaluate(X):
            return answers

    return loss_by_hand(Fixed, None, Q, weight)


@pytest.mark.parametrize("kind", KINDS)
@SETTINGS
@given(seed=st.integers(0, 10**6), k=st.sampled_from([1, 3]))
def test_quantised_models_survive_their_file(random_model, tmp_path_factory, kind, seed, k):
    model, X, Q = random_model(kind, seed, k)
    path = tmp_path_factory.getbasetemp() / "quantised.json"
    for values in ("float16", "int8", "int4"):
        small = compress(model, Quantise(values), X, Q).model
        save(small, path)
        again = load(path)
        assert (repr(again.precision), again.nbytes) == (repr(small.precision), small.nbytes)
        np.testing.assert_array_equal(again.evaluate(X), small.evaluate(X))


@pytest.mark.parametrize("kind", ["tree", "additive", "tree_sum"])
@SETTINGS
@given(seed=st.integers(0, 10**6))
def test_short_thresholds_route_the_given_rows_as_before(random_model, kind, seed):
    model, X, Q = random_model(kind, seed, 1)
    small = compress(model, Quantise("float32"), X, Q).model
    np.testing.assert_array_equal(small.evaluate(X), model.evaluate(X))


@pytest.mark.parametrize("kind", KINDS)
def test_fewer_bits_cost_more_and_take_less(random_model, kind):
    model, X, _ = random_model(kind, 3, 3)
    steps = [compress(model, Quantise(v), X).steps[0] for v in ("float16", "int8", "int4")]
    assert steps[2].nbytes_after < steps[1].nbytes_after < model.nbytes
    assert steps[0].nbytes_after < model.nbytes
    own = steps[0].loss_before
    assert abs(steps[0].loss_after - own) < 1e-3
    assert steps[1].loss_after - own < 0.01
    assert steps[2].loss_after - own < 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_frontier_falls_and_the_budget_is_a_point_of_it(random_model, kind):
    model, X, Q = random_model(kind, 5, 3)
    found = frontier(model, X, Q)
    table = found.frame()
    sizes, losses = [row["nbytes"] for row in table], [row["loss"] for row in table]
    assert sizes == sorted(set(sizes))
    assert losses == sorted(set(losses), reverse=True)
    assert losses[-1] <= loss_by_hand(model, X, Q, None)
    budget = sizes[len(sizes) // 2] + 1
    best = fit_budget(model, budget, X, Q)
    assert best.model.nbytes == max(size for size in sizes if size <= budget)
    np.testing.assert_allclose(best.steps[-1].loss_after, loss_by_hand(best.model, X, Q, None))
    with pytest.raises(ValueError, match=f"'max_bytes' must be at least {sizes[0]}, what the smallest .* Got 3"):
        fit_budget(model, 3, X, Q)


def test_frontier_of_several_models_names_their_source(random_model):
    models = [random_model("tree", 5, 3)[0], random_model("linear", 5, 3)[0]]
    _, X, Q = random_model("tree", 5, 3)
    found = frontier(models, X, Q)
    assert set(found.sources) <= {0, 1}
    named = frontier({"tree": models[0], "line": models[1]}, X, Q)
    assert named.sources == tuple(["tree", "line"][source] for source in found.sources)
    assert [row["source"] for row in named.frame()] == list(named.sources)
    with pytest.raises(ValueError, match="'models' must be one model or more, and 'Q' given"):
        frontier(models, X)
    with pytest.raises(ValueError, match="Got 0 models"):
        frontier([], X, Q)


@pytest.mark.parametrize("kind", KINDS)
def test_reduce_leaves_as_few_columns_as_are_asked_for(random_model, kind):
    model, X, Q = random_model(kind, 7, 3)
    assert len(used_columns(model)) == 3
    for most in (2, 1, 0):
        small = compress(model, Reduce(max_columns=most), X, Q).model
        left = used_columns(small)
        assert len(left) <= most
        moved = X.copy()
        gone = [column for column in range(3) if column not in left]
        moved[:, gone] = moved[::-1, gone]
        np.testing.assert_array_equal(small.evaluate(moved), small.evaluate(X))


@pytest.mark.parametrize("kind", ["linear", "additive"])
def test_reduce_keeps_the_columns_that_matter(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5))
    y = X[:, 1] + X[:, 3]
    if kind == "linear":
        predictor = Linear([[0.3], [1.0], [0.3], [1.0], [0.3]], [0.0])
    else:
        edges, steps = np.linspace(-2, 2, 9, dtype=np.float32), np.arange(10.0)[:, None] / 2 - 2.25
        predictor = Additive([edges] * 5, [0.3 * steps, steps, 0.3 * steps, steps, 0.3 * steps], [0.0])
    output = Output("regression", "identity", targets=("y",))
    model = Model(Preprocessor([NumericColumn(f"x{i}") for i in range(5)]), predictor, output)
    small = compress(model, Reduce(max_columns=2), X, y)
    assert used_columns(small.model) == [1, 3]
    assert small.steps[0].loss_after < small.steps[0].loss_before / 3  # the others were wrong
    assert used_columns(compress(model, Reduce(0.0), X, y).model) == [1, 3]


@pytest.mark.parametrize("item", [Sparsify(0.0), Reduce(0.0)], ids=["Sparsify", "Reduce"])
def test_what_is_left_stays_near_the_given_model(item):
    """Step after step is drawn to the model that was given: labels of noise do not get in by the back door."""
    rng = np.random.default_rng(0)
    X, noise = rng.normal(size=(60, 20)), rng.normal(size=60)
    output = Output("regression", "identity", targets=("y",))
    columns = Preprocessor([NumericColumn(f"x{i}") for i in range(20)])
    model = Model(columns, Linear(np.full((20, 1), 1e-3), [0.0]), output)
    *_, last = (stage for stage in item.path(model, _evidence(model, X, noise)) if used_columns(stage))
    exact = np.linalg.lstsq(X[:, used_columns(last)], noise, rcond=None)[0]
    moved = last.predictor.coef[used_columns(last)] - 1e-3
    assert 0 < np.abs(moved).max() < np.abs(exact).max()
    assert np.abs(moved).max() <= np.abs(2 * X.T @ noise / len(X)).max() / (100 / len(X))


def _evidence(model, X, Q):
    from skdistill.compression._evidence import Evidence

    return Evidence(model, X, Q)


def test_prune_merges_bins_that_are_equal():
    """Along either side of a pair too, whose first row and column are zeros."""
    table = np.zeros((4, 3, 1))
    table[2:, 2] = 2.0
    pair = PairTable((0, 1), ([0.25, 0.5, 0.75], [0.5, 1.5]), table)
    predictor = Additive([[0.5, 1.5], [0.5]], [[[0.0], [0.0], [3.0]], [[1.0], [1.0]]], [10.0], [pair])
    output = Output("regression", "identity", targets=("y",))
    model = Model(Preprocessor([NumericColumn("a"), NumericColumn("b")]), predictor, output)
    X = [[a, b] for a in (0.0, 0.4, 0.6, 1.0, 2.0) for b in (0.0, 1.0, 2.0)]
    small = compress(model, Prune(), X).model
    assert [edges.tolist() for edges in small.predictor.edges] == [[1.5], []]
    assert [edges.tolist() for edges in small.predictor.pairs[0].edges] == [[0.5], [1.5]]
    assert small.predictor.pairs[0].table.ravel().tolist() == [0, 0, 0, 2]
    np.testing.assert_array_equal(small.evaluate(X), model.evaluate(X))


@pytest.mark.parametrize("k", [1, 3])
def test_prune_takes_from_pairs_what_earns_least_for_its_bytes(k):
    """A pair that hardly matters goes before the tables that do; in the end there is a constant."""
    rng = np.random.default_rng(0)
    X, edges = rng.normal(size=(500, 2)), np.linspace(-1, 1, 5, dtype=np.float32)
    tables = [np.linspace(0, 3, 6)[:, None] * np.linspace(1, -1, k) for _ in range(2)]
    cells = np.zeros((6, 6, k))
    cells[1:, 1:] = rng.normal(scale=0.02, size=(5, 5, k))
    predictor = Additive([edges] * 2, tables, np.zeros(k), [PairTable((0, 1), (edges, edges), cells)])
    output = (
        Output("regression", "identity", targets=("y",))
        if k == 1
        else Output("classification", "softmax", tuple(range(k)))
    )
    model = Model(Preprocessor([NumericColumn("a"), NumericColumn("b")]), predictor, output)
    small = compress(model, Prune(0.001), X)
    assert small.model.predictor.pairs == ()
    assert small.model.predictor.n_steps >= 8
    assert small.model.nbytes < model.nbytes / 2
    assert small.steps[0].fidelity > 0.98
    path = list(Prune().path(model, _evidence(model, X, model.evaluate(X))))
    assert all(not pair.table[0].any() and not pair.table[:, 0].any() for step in path for pair in step.predictor.pairs)
    assert path[-1].predictor.n_steps == 0 == len(path[-1].predictor.pairs)
    assert [step.nbytes for step in path] == sorted((step.nbytes for step in path), reverse=True)


def test_a_chain_is_a_table(random_model):
    model, X, Q = random_model("additive", 1, 3)
    done = compress(model, [Sparsify(0.05), Prune(0.05), Quantise("int8")], X, Q)
    table = done.frame()
    assert [row["name"].split("(")[0] for row in table] == ["Sparsify", "Prune", "Quantise"]
    for before, after in pairwise(table):
        assert (before["nbytes_after"], before["loss_after"]) == (after["nbytes_before"], after["loss_before"])
    assert table[-1]["nbytes_after"] == done.model.nbytes
    assert table[-1]["fidelity"] == pytest.approx(fidelity_by_hand(done.model, model, X, None))


def test_what_is_refused(random_model):
    model, X, Q = random_model("linear", 0, 3)
    quantised = compress(model, Quantise(), X, Q).model
    for item in (Prune(), Sparsify(), Quantise()):
        with pytest.raises(ValueError, match=f"{type(item).__name__} takes models in float32, .* run Quantise last"):
            compress(quantised, item, X, Q)
    with pytest.raises(ValueError, match=r"Unknown pass of compression 'prun'. Valid names: prune, quantise, reduce"):
        compress(model, ["prun"], X, Q)
    with pytest.raises(TypeError, match=r"must be one of .* or an instance such as Prune\(\). Got 3"):
        compress(model, 3, X, Q)
    with pytest.raises(ValueError, match=r"Quantise\(\) must come last in a chain of passes: Prune\(\) cannot change"):
        compress(model, ["quantise", "prune"], X, Q)
    with pytest.raises(ValueError, match=r"Q must have shape \(60, 3\).* Got \(60, 2\)"):
        compress(model, Prune(), X, Q[:, :2])
    with pytest.raises(ValueError, match="Q must hold a distribution over the classes in each row"):
        compress(model, Prune(), X, 2 * Q)
    with pytest.raises(ValueError, match="Q must be finite"):
        compress(model, Prune(), X, np.where(Q > 0.5, np.nan, Q))
    with pytest.raises(ValueError, match="X must have one row or more"):
        compress(model, Prune(), X[:0])
    with pytest.raises(ValueError, match="Sample weights must contain at least one non-zero number"):
        compress(model, Prune(), X, Q, np.zeros(60))
    with pytest.raises(ValueError, match="The 'tolerance' parameter of Prune must be a float in the range"):
        compress(model, Prune(-1.0), X, Q)
    with pytest.raises(ValueError, match="The 'values' parameter of Quantise must be a str among"):
        compress(model, Quantise("int2"), X, Q)


def test_values_beyond_float16_stay_in_float32():
    coef = [[1e6], [2.0]]
    columns = Preprocessor([NumericColumn("x", fill=float(np.float32(0.1))), NumericColumn("y")])
    line = Model(columns, Linear(coef, [1.0]), Output("regression", "identity", targets=("z",)))
    found = compress(line, Quantise("float16"), [[0, 0], [1, 0], [0, 1]]).model
    assert (found.precision.inputs, found.precision.values) == ("float16", "float32")
    X = [[0.3, 1.0], [-7.0, 0.5]]
    np.testing.assert_array_equal(found.evaluate(X), line.evaluate(X))


def test_fill_values_of_a_line_take_a_byte():
    """Columns that are not scaled get a power of two as their scale, by their spread in the rows."""
    rng = np.random.default_rng(0)
    spreads = np.array([1e-3, 1.0, 300.0, 1.0])
    X = rng.normal(size=(200, 4)) * spreads
    X[:, 3] += 1000  # so far off that its fill value needs two bytes
    fills = np.float32([*(spreads[:3] * 0.3001), 1000.3]).tolist()
    columns = Preprocessor([NumericColumn(f"x{i}", fill=fill) for i, fill in enumerate(fills)])
    line = Model(columns, Linear(1 / spreads[:, None], [1.0]), Output("regression", "identity", targets=("z",)))
    small = compress(line, Quantise("float32"), X).model
    assert [column.scale for column in small.preprocessor.columns] == [2.0**10, 1.0, 2.0**-8, 1.0]
    assert line.nbytes - small.nbytes == 3 * 3 + 2
    np.testing.assert_array_equal(small.evaluate(X), line.evaluate(X))
    missing = small.evaluate(np.full((1, 4), np.nan)) - line.evaluate(np.full((1, 4), np.nan))
    assert abs(missing) < 3 / 16 * 1.5 + 0.5


def test_errors_in_rounding_are_not_hidden(random_model, monkeypatch):
    def fail(*_):
        raise ValueError("a fault of rounding")

    monkeypatch.setattr("skdistill.compression._quantise.round_sums", fail)
    model, X, _ = random_model("linear", 0, 3)
    with pytest.raises(ValueError, match="a fault of rounding"):
        compress(model, Quantise(), X)
