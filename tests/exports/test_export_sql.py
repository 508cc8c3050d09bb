"""The SELECT statement on real databases."""

from __future__ import annotations

import sqlite3

import duckdb
import numpy as np
import pytest
from export_matrix import NASTY, classifier, raw_table, regressor

from skdistill import export
from skdistill.exports import _sql
from skdistill.exports._raw import raw_form
from skdistill.exports._rows import adversarial_rows
from skdistill.exports._verify import check_answers
from skdistill.model import CategoryColumn, Model, NumericColumn, Output, Preprocessor, sparing


def duckdb_answers(model: Model, content: bytes, columns: list[np.ndarray], nan: bool):
    """What DuckDB says of rows whose missing numbers are NaN or NULL."""
    import pandas as pd

    fields, frame = [], {}
    for i, (column, cells) in enumerate(zip(model.preprocessor.columns, columns, strict=True)):
        texts = isinstance(column, CategoryColumn) and any(isinstance(label, str) for label in column.categories)
        fields.append(f"{_sql._quoted(column.name)} {'VARCHAR' if texts else 'DOUBLE'}")
        frame[f"c{i}"] = pd.Series(cells, dtype=object if texts else float)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"CREATE TABLE input_rows ({', '.join(fields)})")
        connection.register("given", pd.DataFrame(frame))
        connection.execute("INSERT INTO input_rows SELECT * FROM given")
        for column in model.preprocessor.columns:
            if isinstance(column, NumericColumn):
                name = _sql._quoted(column.name)
                old, new = (f"{name} IS NULL", "'NaN'::DOUBLE") if nan else (f"isnan({name})", "NULL")
                connection.execute(f"UPDATE input_rows SET {name} = {new} WHERE {old}")
        return _sql.read_answers(model, connection.execute(content.decode()).fetchall())


@pytest.mark.parametrize("nan", [False, True])
def test_duckdb(models, nan):
    for i, model in enumerate(models.values()):
        if i % 2 == nan:
            continue  # each of them with one kind of gap
        form = raw_form(model)
        columns = adversarial_rows(model, form, seed=2)
        content = _sql.TARGET.write(model, form, "m")
        answers = duckdb_answers(model, content, columns, nan)
        check_answers(model, columns, *answers, _sql.TARGET.tolerance[type(form)])


def test_rows_come_back_with_their_answers(models, tmp_path):
    statement = export(models["full"], tmp_path / "student.sql").read_text()
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.execute("CREATE TABLE people (id, age, dose, job, grade)")
    connection.execute("INSERT INTO people VALUES (7, NULL, 1, 'clerk', NULL), (8, 90, NULL, 'cook', 1)")
    rows = connection.execute(statement.replace("FROM input_rows", "FROM people")).fetchall()
    connection.close()
    table = {"age": [None, 90], "dose": [1, None], "job": ["clerk", "cook"], "grade": [None, 1]}
    assert [row["id"] for row in rows] == [7, 8]
    assert [row["prediction"] for row in rows] == models["full"].predict(table).tolist()
    assert [row["probability of mid"] for row in rows] == models["full"].predict_proba(table)[:, 1].tolist()


def test_rows_of_a_caller_with_columns_in_the_way():
    """Names of answers give way to names of raw columns, whatever their case."""
    columns = Preprocessor(
        [NumericColumn("Prediction"), NumericColumn("probability of no"), NumericColumn("score of no")]
    )
    rng = np.random.default_rng(0)
    from skdistill.model import Linear

    model = Model(columns, Linear(rng.normal(size=(3, 2)), [0, 0]), Output("classification", "softmax", ("no", "yes")))
    content = _sql.TARGET.write(model, raw_form(model), "m").decode()
    assert '"_prediction"' in content
    assert '"_probability of no"' in content
    assert '"_score of no"' in content
    table = raw_table(model, 50, seed=0)
    values, labels = _sql.TARGET.answer(content.encode(), model, "m", [np.array(cells) for cells in table.values()])
    np.testing.assert_allclose(values, model.predict_proba(table), rtol=1e-12)
    assert labels == model.predict(table).tolist()


@pytest.mark.parametrize("kind", ["linear", "additive"])
def test_terms_that_are_zero_are_left_out(kind):
    """A softmax's last output is zero as a rule; an output to which nothing adds is a constant."""
    model = classifier("mixed", kind, "softmax")
    spare = Model(model.preprocessor, sparing(model.predictor, "softmax"), model.output)
    less = _sql.TARGET.write(spare, raw_form(spare), "m").decode()
    assert '0e0 AS "score of \\high"' in less
    assert "+ 0.0e0" not in less
    assert "0.0e0 *" not in less
    rows = adversarial_rows(spare, raw_form(spare), seed=3)
    check_answers(spare, rows, *_sql.TARGET.answer(less.encode(), spare, "m", rows), 2.0**-22)


def test_no_name_ends_a_string():
    """The statement is one statement, whatever columns, categories and classes are called."""
    for kind in ("tree", "linear"):
        model = classifier("nasty", kind, "softmax", classes=NASTY)
        content = _sql.TARGET.write(model, raw_form(model), "m").decode()
        _, _, body = content.partition("\n")
        outside = _without_strings(body)
        assert outside.count(";") == 1
        assert "DROP" not in outside
        assert "--" not in outside


def _without_strings(text: str) -> str:
    kept, quote = [], None
    for sign in text:
        if quote:
            quote = None if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        else:
            kept.append(sign)
    assert quote is None
    return "".join(kept)


@pytest.mark.parametrize("database", ["sqlite", "duckdb"])
@pytest.mark.parametrize("link", ["softmax", "identity"])
def test_labels_that_differ_in_case_alone(link, database):
    """Names of answers are told apart by a number: databases read them in any case."""
    model = classifier("plain", "linear", link, ("a", "A", "a (2)"))
    content = _sql.TARGET.write(model, raw_form(model), "m")
    for name in ('"probability of a"', '"probability of A (2)"', '"probability of a (2) (2)"'):
        assert name in content.decode()
    rows = adversarial_rows(model, raw_form(model), seed=3)
    if database == "sqlite":
        answers = _sql.TARGET.answer(content, model, "m", rows)
    else:
        answers = duckdb_answers(model, content, rows, False)
    check_answers(model, rows, *answers, 2.0**-22)


def test_columns_that_differ_in_case_alone_are_refused():
    columns = [NumericColumn(name) for name in ("x", "y", "X", "z", "w")]
    model = Model(
        Preprocessor(columns), regressor("plain", "linear").predictor, Output("regression", "identity", targets=("y",))
    )
    with pytest.raises(ValueError, match=r"names differ in case alone\. Got 'x' and 'X': call one of them otherwise"):
        _sql.TARGET.write(model, raw_form(model), "m")


def test_what_sql_cannot_hold():
    tree = regressor("plain", "leaf").predictor
    odd = Model(regressor("plain", "leaf").preprocessor, tree, Output("regression", "identity", targets=("a\0b",)))
    with pytest.raises(ValueError, match="null character, which is in a name of a column, class or target"):
        _sql.TARGET.write(odd, raw_form(odd), "m")
    for name, message in (("a\0b", "SQL cannot hold the null character"), ("", "SQL cannot name a column that has")):
        tree = regressor("plain", "leaf").predictor
        columns = [NumericColumn(name), *(NumericColumn(f"x{i}") for i in range(4))]
        model = Model(Preprocessor(columns), tree, Output("regression", "identity", targets=("y",)))
        with pytest.raises(ValueError, match=message):
            _sql.TARGET.write(model, raw_form(model), "m")
