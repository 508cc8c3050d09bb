"""Names, categories and labels of a model file are data in every target, whatever they are made to look like."""

from __future__ import annotations

import ast
import json
import re
import shutil
import sqlite3
import subprocess

import numpy as np
import onnx
import pytest

from skdistill import export
from skdistill.model import CategoryColumn, Linear, Model, NumericColumn, Output, Preprocessor, load, save

#: What would run, or break, where text is pasted into a program.
HOSTILE = (
    '"""\nraise SystemExit("pwned")\n"""',
    "'''\nraise SystemExit('pwned')\n'''",
    "{__import__('os')._exit(7)} pwned",
    "\\",
    '\\"); pwned(); //',
    "*/ pwned; /*",
    "*/\n#error pwned\n",
    '\n#include "pwned.h"\n',
    "??/\npwned ??>",
    "x\\\npwned",
    "'; DROP TABLE input_rows; -- pwned",
    '"; DROP TABLE input_rows; -- pwned',
    "-- pwned\n; pwned",
    "pwned\r; pwned\u2028pwned\x85pwned\x0b",
    "%n%n%n pwned %(x)s {0}",
    "\x1b[2J\u202epwned",
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Model:
    """A line on hostile columns and categories to hostile classes, as it comes from a file."""
    columns = [NumericColumn(name, missing=True) for name in HOSTILE[2:]]
    columns += [CategoryColumn(name, HOSTILE, missing=True) for name in HOSTILE[:2]]
    preprocessor = Preprocessor(columns)
    coef = np.random.default_rng(0).normal(size=(preprocessor.n_encoded, len(HOSTILE)))
    line = Linear(coef, np.zeros(len(HOSTILE)))
    path = tmp_path_factory.mktemp("files") / "student.json"
    save(Model(preprocessor, line, Output("classification", "softmax", HOSTILE)), path)
    assert "DROP TABLE" in json.dumps(json.loads(path.read_text()))
    return load(path)


def test_python(hostile, tmp_path):
    tree = ast.parse(export(hostile, tmp_path / 'a"b; pwned().py').read_text())
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [(node.module, [alias.name for alias in node.names]) for node in imported]
    assert names == [("math", ["exp", "hypot", "nan"])]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) and "pwned" in ast.dump(node)]
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not [name for name in names if "pwned" in name or name.startswith("__")]
    constants = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    assert ast.literal_eval(constants["CLASSES"]) == HOSTILE
    assert ast.literal_eval(constants["COLUMNS"]) == hostile.preprocessor.feature_names_in


@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")
def test_c(hostile, tmp_path):
    text = export(hostile, tmp_path / "student.h").read_text()
    bare = re.sub(r'"(\\.|[^"\\])*"', '""', re.sub(r"/\*.*?\*/", "", text, flags=re.S))
    assert "pwned" not in bare
    included = [line for line in bare.splitlines() if line.lstrip().startswith("#include")]
    assert included == ["#include <math.h>", "#include <float.h>", "#include <string.h>"]
    source = (
        '#include <stdio.h>\n#include "student.h"\nint main(void)\n{\n    int i;\n'
        f'    for (i = 0; i < {len(HOSTILE)}; i++) printf("%s%c%s%c", student_column_name(i), 0,\n'
        "        student_class_name(i), 0);\n    return 0;\n}\n"
    )
    (tmp_path / "main.c").write_text(source)
    command = ["gcc", "-std=c99", "-trigraphs", "-Wall", "-Wextra", "-Werror", "main.c", "-o", "main", "-lm"]
    subprocess.run(command, cwd=tmp_path, check=True)
    said = subprocess.run(["./main"], cwd=tmp_path, capture_output=True, check=True).stdout.decode().split("\0")[:-1]
    assert tuple(said[::2]) == hostile.preprocessor.feature_names_in
    assert tuple(said[1::2]) == HOSTILE


def test_sql(hostile, tmp_path):
    statement = export(hostile, tmp_path / "student.sql").read_text()
    connection = sqlite3.connect(":memory:")
    fields = ", ".join('"' + name.replace('"', '""') + '"' for name in hostile.preprocessor.feature_names_in)
    connection.execute(f"CREATE TABLE input_rows ({fields})")
    cells = [1.0] * (len(HOSTILE) - 2) + list(HOSTILE[:2])
    connection.execute(f"INSERT INTO input_rows VALUES ({', '.join('?' * len(HOSTILE))})", cells)
    (row,) = connection.execute(statement).fetchall()  # sqlite3 refuses more than one statement
    assert row[-1] in HOSTILE
    assert connection.execute("SELECT count(*) FROM input_rows").fetchone() == (1,)
    connection.close()
    outside = re.sub(r"\"(\"\"|[^\"])*\"|'(''|[^'])*'", "", statement.partition("\n")[2])
    assert "pwned" not in outside
    assert "--" not in outside
    assert outside.count(";") == 1


def test_onnx(hostile, tmp_path):
    graph = onnx.load(str(export(hostile, tmp_path / "student.onnx"))).graph
    assert tuple(found.name for found in graph.input) == hostile.preprocessor.feature_names_in
