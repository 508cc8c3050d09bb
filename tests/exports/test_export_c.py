"""The C header, compiled by a real compiler that is as strict as it can be."""

from __future__ import annotations

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
from export_matrix import classifier, raw_table, regressor

from skdistill import export
from skdistill.exports import ExportMismatchError, _c
from skdistill.exports._compile import DRIVER, Compiled
from skdistill.exports._raw import raw_form
from skdistill.exports._rows import adversarial_rows
from skdistill.exports._verify import check_answers
from skdistill.model import CategoryColumn, Linear, Model, NumericColumn, Output, Preprocessor, Tree

STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic")
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]

pytestmark = pytest.mark.skipif(not COMPILERS, reason="no C compiler")


@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_kind_of_model_side_by_side(models, compiler, tmp_path):
    """All headers in one file: they compile without a warning, do not meet each other, and answer as the models do."""
    source, named = [], {f"model_{i}": model for i, model in enumerate(models.values())}
    for name, model in named.items():
        (tmp_path / f"{name}.h").write_bytes(_c.TARGET.write(model, raw_form(model), name))
        d, k = model.preprocessor.n_features_in, model.output.n_outputs
        source.append(f'#include "{name}.h"\n' + DRIVER.format(name=name, d=d, k=k))
    (tmp_path / "all.c").write_text("\n".join(source))
    command = [compiler, "-std=c99", *STRICT, "-O0", "-shared", "-fPIC", "all.c", "-o", "all.so", "-lm"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not done.stderr
    library = ctypes.CDLL(str(tmp_path / "all.so"))
    for name, model in named.items():
        form = raw_form(model)
        columns = adversarial_rows(model, form, seed=1)
        answers = Compiled(library, model, name).answer(model, columns)
        check_answers(model, columns, *answers, _c.TARGET.tolerance[type(form)])


def test_header_from_a_program(models, tmp_path):
    """As a caller uses it: a struct of nothing, names and codes looked up."""
    path = export(models["full"], tmp_path / "my student.h")
    (tmp_path / "main.c").write_text(
        f"""
#include <stdio.h>
#include "{path.name}"
int main(void)
{{
    float row[4] = {{30.0f, 0.0f, 0.0f, 0.0f}};
    double values[3];
    row[2] = my_student_code(2, "clerk");
    my_student_evaluate(row, values);
    printf("%s %.3f %s %.0f", my_student_class_name(my_student_predict(row)), values[0], my_student_column_name(3),
           (double)my_student_code(2, "cook"));
    return 0;
}}
"""
    )
    subprocess.run([COMPILERS[0], "-std=c99", *STRICT, "main.c", "-o", "main"], cwd=tmp_path, check=True)
    said = subprocess.run(["./main"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    proba = models["full"].predict_proba([[30, 0, "clerk", None]])[0, 0]
    label = models["full"].predict([[30, 0, "clerk", None]])[0]
    assert said == f"{label} {proba:.3f} grade -1"


def test_a_category_with_a_null_character_is_not_its_beginning(tmp_path):
    columns = Preprocessor([CategoryColumn("kind", ("a\0b", "c"))])
    model = Model(columns, Linear([[1.0], [2.0]], [0.0]), Output("regression", "identity", targets=("y",)))
    export(model, tmp_path / "student.h")
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "student.h"\n'
        'int main(void) { return printf("%g %g", (double)student_code(0, "a"), (double)student_code(0, "c")) < 0; }\n'
    )
    subprocess.run([COMPILERS[0], "-std=c99", "main.c", "-o", "main"], cwd=tmp_path, check=True)
    said = subprocess.run(["./main"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said == "-1 1"


def test_size_is_told_and_libm_only_where_needed(tmp_path):
    tree = export(classifier("plain", "tree", "simplex"), tmp_path / "tree.h").read_text()
    line = export(classifier("plain", "linear", "softmax"), tmp_path / "line.h").read_text()
    assert "math.h" not in tree
    assert "-lm" not in tree
    assert "Link with -lm" in line
    # 23 splits of a column, an edge, two ways and the way of a missing cell, 24 leaves of 3 floats and a choice.
    assert f"Its tables take {23 * (1 + 4 + 1 + 1 + 1) + 24 * (3 * 4 + 1)} bytes" in tree


def test_leaves_are_few_bytes_for_a_small_model(tmp_path):
    """A tree of 31 leaves on two classes is a header whose tables take less than a kilobyte."""
    from random_models import random_tree

    tree = random_tree(np.random.default_rng(0), 31, 8, 2)
    columns = Preprocessor([NumericColumn(f"x{i}") for i in range(8)])
    model = Model(columns, tree, Output("classification", "simplex", ("no", "yes")))
    text = export(model, tmp_path / "student.h").read_text()
    assert int(text.split("Its tables take ")[1].split()[0]) < 1024


@pytest.mark.parametrize("name", ["tree-simplex", "linear-softmax", "additive-softmax", "sum-softmax"])
def test_quantised_models_hold_integers(models, name, tmp_path):
    """Leaves and weights take a byte each, and a float of scale for each output."""
    sizes = {}
    for how in ("float16", "int8", "int4"):
        text = export(models[f"{name}-{how}"], tmp_path / "student.h").read_text()
        sizes[how] = int(text.split("Its tables take ")[1].split()[0])
        table = "weights" if "linear" in name else "values"
        kind = text.split(f"student_{table}[")[0].split("static const")[-1].strip()
        assert kind == "float" if how == "float16" else kind.endswith("char")
    assert max(sizes["int8"], sizes["int4"]) < sizes["float16"]


def test_unverified_without_a_compiler(models, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.warns(UserWarning, match="was not verified, since no C compiler"):
        assert export(models["full"], tmp_path / "student.h").exists()


def test_header_that_does_not_compile_is_a_mismatch(models, tmp_path, monkeypatch):
    wrong = _c.TARGET._replace(write=lambda *_: b"int x")
    monkeypatch.setattr("skdistill.exports._c.TARGET", wrong)
    with pytest.raises(ExportMismatchError, match="The C header does not compile: "):
        export(models["full"], tmp_path / "student.h")
    assert not list(tmp_path.iterdir())


def test_rows_of_a_caller(tmp_path):
    model = regressor("mixed", "sum")
    table = raw_table(model, 300, seed=3)
    content = _c.TARGET.write(model, raw_form(model), "m")
    columns = [np.array(cells, float if i < 2 else object) for i, cells in enumerate(table.values())]
    values, _ = _c.TARGET.answer(content, model, "m", columns)
    np.testing.assert_allclose(values[:, 0], model.predict(table), rtol=1e-12)


def test_deep_tree_does_not_recurse(tmp_path):
    n = 300
    feature = [0, -1] * n + [-1]
    right = [j for i in range(n) for j in (2 * i + 2, 0)] + [0]
    threshold = [float(t) for i in range(n) for t in (i, 0)] + [0.0]
    tree = Tree(feature, threshold, right, np.arange(n + 1.0)[:, None], 1)
    model = Model(Preprocessor([NumericColumn("x")]), tree, Output("regression", "identity", targets=("y",)))
    for name in ("deep.py", "deep.h", "deep.sql"):
        export(model, tmp_path / name)
