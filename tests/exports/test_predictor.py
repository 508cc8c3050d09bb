"""Single rows, fast, from many threads, from a pickle, without scikit-learn."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from export_matrix import classifier, raw_table, regressor
from scipy import sparse

from skdistill import Predictor
from skdistill.exports._compile import compiler
from skdistill.exports._python import TARGET as PYTHON
from skdistill.exports._raw import raw_form
from skdistill.exports._verify import check_answers
from skdistill.model import Linear, Model, NumericColumn, Output, Preprocessor


def test_every_kind_of_model(models):
    for model in models.values():
        predictor, table = Predictor(model), raw_table(model, 30, seed=6)
        rows = list(zip(*table.values(), strict=True))
        answers = [predictor.predict_one(list(row)) for row in rows]
        if model.output.task == "classification":
            values = [predictor.predict_proba_one(dict(zip(table, row, strict=True))) for row in rows]
        else:
            values = answers
        columns = [np.array(cells, None if isinstance(cells[0], float) else object) for cells in table.values()]
        shaped = np.array(values).reshape(len(rows), -1)
        check_answers(model, columns, shaped, answers, PYTHON.tolerance[type(raw_form(model))])
        assert np.array_equal(predictor.predict(table), model.predict(table))


needs_compiler = pytest.mark.skipif(compiler() is None, reason="no C compiler")
COMPILED = ["full", "mixed-linear-softmax", "nasty-sum-simplex", "scaled-additive-value", "targets-sum"]


@needs_compiler
@pytest.mark.parametrize("name", COMPILED)
def test_compiled(models, name):
    """C answers like the model, of lists, mappings, tables with gaps and with what C cannot take."""
    model = models[name]
    predictor = pickle.loads(pickle.dumps(Predictor(model, compile=True)))
    assert repr(predictor).endswith(", compile=True)")
    table = raw_table(model, 60, seed=8)
    table = {key: [None if cell != cell else cell for cell in cells] for key, cells in table.items()}
    rows = [list(row) for row in zip(*table.values(), strict=True)]
    wanted = model.predict(table)
    same = np.array_equal if model.output.classes else np.allclose
    assert same([predictor.predict_one(row) for row in rows], wanted)
    assert same([predictor.predict_one(dict(zip(table, row, strict=True))) for row in rows], wanted)
    assert same(predictor.predict(table), wanted)
    assert predictor.predict(table).shape == wanted.shape
    huge = [1e300 if isinstance(cell, float) else cell for cell in rows[0]]
    assert same([predictor.predict_one(huge)], model.predict([huge]))
    if model.output.classes:
        np.testing.assert_allclose(predictor.predict_proba(table), model.predict_proba(table), rtol=1e-12)
        proba = [predictor.predict_proba_one(row) for row in rows]
        np.testing.assert_allclose(proba, model.predict_proba(table), rtol=1e-12)
    with pytest.raises(ValueError, match=r"must have \d+ cells|X has \d+ features"):
        predictor.predict_one(rows[0][1:])


@needs_compiler
def test_compiled_by_position_only_in_order():
    """A Series or mapping goes by names, also where its cells would fit by position."""
    model = classifier("plain", "linear", "softmax")
    predictor, row = Predictor(model, compile=True), {f"x{i}": float(i) for i in range(5)}
    backwards = dict(reversed(row.items()))
    wanted = tuple(model.predict_proba([list(row.values())])[0])
    for given in (backwards, pd.Series(backwards)):
        assert predictor.predict_proba_one(given) == pytest.approx(wanted)


@needs_compiler
def test_sparse_rows_of_a_compiled_model():
    model = regressor("plain", "linear")
    X = np.random.default_rng(0).normal(size=(9, 5))
    np.testing.assert_allclose(Predictor(model, compile=True).predict(sparse.csr_array(X)), model.predict(X))


def test_no_compiler_is_a_warning(models, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.warns(UserWarning, match="compile=True has no effect: no C compiler"):
        predictor = Predictor(models["full"], compile=True)
    assert predictor.predict_one([1, 2, "clerk", 1]) == models["full"].predict([[1, 2, "clerk", 1]])[0]


def test_compiler_without_headers_is_none(models, monkeypatch, tmp_path):
    (tmp_path / "cc").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "cc").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert compiler() is None


@pytest.mark.parametrize("kind", ["tree", "linear", "additive", "sum"])
def test_one_row_of_an_array(kind):
    model = classifier("scaled", kind, "softmax")
    predictor = Predictor(model)
    X = np.array(list(raw_table(model, 40, seed=0).values())).T
    for x in X:
        for row in (x[None], x[None].astype(np.float32), x[None].astype(object)):
            np.testing.assert_allclose(predictor.predict_proba(row), model.predict_proba(row), rtol=1e-6)
    assert np.array_equal(predictor.predict_proba(X), model.predict_proba(X))
    with pytest.raises(ValueError, match="X has 4 features, but Preprocessor is expecting 5"):
        predictor.predict_proba(X[:1, :4])


def test_wide_lines_are_numpys():
    rng = np.random.default_rng(0)
    columns = Preprocessor([NumericColumn(f"x{i}") for i in range(900)])
    model = Model(columns, Linear(rng.normal(size=(900, 2)), [0, 1]), Output("classification", "softmax", ("a", "b")))
    predictor, row = Predictor(model), rng.normal(size=900).tolist()
    assert predictor.predict_one(row) == predictor.predict_one(dict(zip(columns.feature_names_in, row, strict=True)))
    assert predictor.predict_one(row) == model.predict([row])[0]
    assert predictor.predict_proba_one(row) == tuple(model.predict_proba([row])[0])
    assert np.array_equal(predictor.predict_proba(np.array([row])), model.predict_proba([row]))
    values = Model(
        columns, Linear(rng.normal(size=(900, 2)), [0, 1]), Output("regression", "identity", None, ("y", "z"), False)
    )
    assert Predictor(values).predict_one(row) == tuple(values.predict([row])[0])


def test_regression_has_no_probabilities():
    predictor = Predictor(regressor("plain", "tree"))
    for ask in (predictor.predict_proba_one, lambda row: predictor.predict_proba(np.array([row]))):
        with pytest.raises(AttributeError, match="predict_proba is for classification"):
            ask([0.0] * 5)


def test_pickle_and_threads(models):
    model = models["mixed-sum-softmax"]
    predictor = pickle.loads(pickle.dumps(Predictor(model)))
    table = raw_table(model, 400, seed=7)
    rows = [list(row) for row in zip(*table.values(), strict=True)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(predictor.predict_one, rows)) == model.predict(table).tolist()
    assert repr(predictor).startswith("Predictor(Model(")


def test_needs_no_scikit_learn(models, tmp_path):
    models["full"].save(tmp_path / "student.json")
    code = (
        "import sys; from skdistill import Predictor, load\n"
        "print(Predictor(load(sys.argv[1])).predict_one({'age': 1, 'dose': 2, 'job': 'clerk', 'grade': 1}))\n"
        "assert not {'sklearn', 'scipy', 'joblib', 'narwhals', 'onnx', 'sqlite3', 'subprocess'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "student.json")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert said == models["full"].predict([[1, 2, "clerk", 1]])[0]
