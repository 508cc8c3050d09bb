"""The Python file, in an interpreter that has nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from export_matrix import float32, raw_table, regressor

from skdistill import export
from skdistill.exports._python import program, run
from skdistill.exports._raw import raw_form
from skdistill.model import CategoryColumn, Model, NumericColumn, Output, Preprocessor, Tree


def test_bare_interpreter(models, tmp_path):
    model = models["mixed-additive-softmax"]
    export(model, tmp_path / "student.py")
    table = raw_table(model, 20, seed=5)
    rows = [dict(zip(table, cells, strict=True)) for cells in zip(*table.values(), strict=True)]
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); import student\n"
        "assert 'numpy' not in sys.modules\n"
        "print(json.dumps([[student.predict_one(r), student.predict_proba_one(list(r.values()))]"
        " for r in json.loads(sys.argv[2])]))"
    )
    command = [sys.executable, "-S", "-E", "-c", code, str(tmp_path), json.dumps(rows)]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert [label for label, _ in said] == model.predict(table).tolist()
    np.testing.assert_allclose([proba for _, proba in said], model.predict_proba(table), rtol=1e-12)


def test_doubles_are_rounded_as_the_model_rounds_them():
    """Doubles halfway between two float32 numbers, and beside that, go the way that they go once rounded."""
    thresholds = np.unique(float32([0.1, 1, 1 + 2**-23, -0.1, 1e-45, 3.4e38, -7]))
    k = len(thresholds)
    feature = [0, -1] * k + [-1]
    right = [j for i in range(k) for j in (2 * i + 2, 0)] + [0]
    tree = Tree(feature, [t for cut in thresholds for t in (cut, 0)] + [0], right, np.arange(k + 1.0)[:, None], 1)
    for center, scale in ((0.0, 1.0), (0.1, 3.0)):
        column = NumericColumn("x", 0.0, *float32([center, scale]))
        model = Model(Preprocessor([column]), tree, Output("regression", "identity", targets=("y",)))
        near = [np.float32(t / scale + center) for t in thresholds if abs(t) < 1e38]
        around = [float(n) for near_one in near for n in (near_one, np.nextafter(near_one, np.float32(9)))]
        doubles = [(a + b) / 2 for a, b in pairwise(around)]
        doubles = [v for d in doubles for v in (np.nextafter(d, -np.inf), d, np.nextafter(d, np.inf))]
        predict_one = run(program(model, raw_form(model)), "m")["predict_one"]
        assert [predict_one([d]) for d in doubles] == model.predict(np.array(doubles)[:, None]).tolist()


def test_rows_of_any_kind(models):
    names = run(program(models["full"], raw_form(models["full"])), "m")
    predict_one = names["predict_one"]
    wanted = models["full"].predict([[50, 1, "nurse", 2.5]])[0]
    row = {"grade": 2.5, "job": "nurse", "dose": 1, "age": 50, "more": 0}
    assert predict_one(row) == predict_one((50, 1, "nurse", 2.5)) == predict_one(pd.Series(row)) == wanted
    missing = models["full"].predict([[None, None, None, None]])[0]
    assert predict_one([None] * 4) == predict_one([pd.NA] * 4) == predict_one([float("nan")] * 4) == missing


def test_what_is_no_row(models):
    predict_one = run(program(models["full"], raw_form(models["full"])), "m")["predict_one"]
    with pytest.raises(ValueError, match=r"A row must have 4 cells, one for each of COLUMNS. Got 3"):
        predict_one([1, 2, 3])
    with pytest.raises(TypeError, match=r"The cell of column 'age' must be a number. Got '50'"):
        predict_one(["50", 1, "nurse", 1])
    with pytest.raises(KeyError, match="grade"):
        predict_one({"age": 1, "dose": 1, "job": "nurse"})


def test_many_outputs_and_wide_lines(tmp_path):
    rng = np.random.default_rng(0)
    from skdistill.model import Linear

    columns = Preprocessor([NumericColumn(f"x{i}") for i in range(400)])
    model = Model(columns, Linear(rng.normal(size=(400, 2)), [0, 1]), Output("classification", "softmax", (0, 1)))
    for name in ("wide.py", "wide.h", "wide.sql"):
        export(model, tmp_path / name)


def test_several_targets(models):
    model = regressor("plain", "tree", ("y", "z"))
    predict_one = run(program(model, raw_form(model)), "m")["predict_one"]
    assert predict_one([0.0] * 5) == tuple(model.predict([[0.0] * 5])[0])


def test_decisions_are_not_asked_for_twice():
    """Where all leaves below a split decide alike it is not asked; the values still are those of each leaf."""
    value = [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]
    tree = Tree([0, 1, -1, -1, -1], float32([1, 5, 0, 0, 0]), [4, 3, 0, 0, 0], value, 2)
    columns = Preprocessor([NumericColumn("a"), NumericColumn("b")])
    model = Model(columns, tree, Output("classification", "simplex", ("no", "yes")))
    names = run(program(model, raw_form(model)), "m")
    rows = [[0.0, 5.0], [0.0, 6.0], [0.0, np.nan], [2.0, 0.0], [np.nan, 0.0]]
    assert (
        [names["predict_one"](row) for row in rows] == ["no", "no", "no", "yes", "no"] == model.predict(rows).tolist()
    )
    np.testing.assert_allclose([names["predict_proba_one"](row) for row in rows], model.predict_proba(rows), rtol=1e-7)
    assert 5.0 not in [const for const in names["predict_one"].__code__.co_consts if isinstance(const, float)]


def test_a_cell_that_refuses_to_be_compared_is_an_error():
    class Odd:
        __hash__ = None

        def __eq__(self, other):
            if other is self:
                return True
            raise TypeError("no comparison")

        def __ne__(self, other):
            return not self == other

    tree = Tree([0, -1, -1], [0.5, 0, 0], [2, 0, 0], [[0.9, 0.1], [0.2, 0.8]], 1)
    model = Model(Preprocessor([CategoryColumn("a", ("x",))]), tree, Output("classification", "simplex", ("no", "yes")))
    predict_one = run(program(model, raw_form(model)), "m")["predict_one"]
    assert [predict_one([cell]) for cell in ("x", "y", None)] == ["yes", "no", "no"]
    with pytest.raises(TypeError, match="no comparison"):
        predict_one([Odd()])
