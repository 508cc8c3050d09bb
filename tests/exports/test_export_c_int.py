"""The C header without floating point: compilers that are strict, and one that is forbidden to use a float."""

from __future__ import annotations

import ctypes
import platform
import re
import shutil
import subprocess

import numpy as np
import pytest
from export_matrix import classifier, raw_table
from sklearn.datasets import load_breast_cancer

from skdistill import AdditiveStudent, TreeStudent, export
from skdistill.compression import Quantise, compress
from skdistill.exports import ExportMismatchError, _c_int
from skdistill.exports._raw import Line, raw_form
from skdistill.exports._rows import adversarial_rows
from skdistill.exports._verify import check_answers
from skdistill.model import Additive, Decoded, Linear, Model, NumericColumn, Output, Precision, Preprocessor

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]

pytestmark = pytest.mark.skipif(not COMPILERS, reason="no C compiler")


@pytest.fixture(scope="module")
def integers(models) -> dict[str, Model]:
    """Every kind of model that integers can hold, also in 8 bits with links that students do not use."""
    found = {
        name: _c_int.TARGET.held(model)
        for name, model in models.items()
        if model.output.link != "exp" and not isinstance(model.predictor, Decoded)
    }
    for kind in ("tree", "chain", "leaf", "additive", "sum", "linear"):
        for link in ("simplex", "identity"):
            model = classifier("nasty", kind, link)
            found[f"{kind}-{link}"] = compress(model, Quantise("int8"), raw_table(model, 60, seed=2)).model
    return found


def sources(integers, folder):
    """All headers in one file with their drivers."""
    source, named = [], {f"model_{i}": model for i, model in enumerate(integers.values())}
    for name, model in named.items():
        (folder / f"{name}.h").write_bytes(_c_int.TARGET.write(model, raw_form(model), name))
        source.append(f'#include "{name}.h"\n{_c_int.driver_of(model, name)}')
    (folder / "all.c").write_text("\n".join(source))
    return named


@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_kind_of_model_side_by_side(integers, compiler, tmp_path):
    named = sources(integers, tmp_path)
    command = [compiler, *STRICT, "-O0", "-shared", "-fPIC", "all.c", "-o", "all.so"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not done.stderr
    library = ctypes.CDLL(str(tmp_path / "all.so"))
    for name, model in named.items():
        form = raw_form(model)
        columns = _c_int.TARGET.rows(model, form)
        values, labels = _c_int.called(library, model, name, columns)
        check_answers(model, columns, values, labels, _c_int.TARGET.tolerance[type(form)])
        # The very class, wherever two do not tie.
        if not isinstance(form, Line) and len(model.output.classes or ()) > 1:
            wanted = model.evaluate(dict(zip(model.preprocessor.feature_names_in, columns, strict=True)))
            first, second = np.sort(wanted, axis=1).T[[-1, -2]]
            clear = first - second > 1e-12
            chosen = np.array(labels)[clear]
            assert np.array_equal(chosen, np.array(model.output.classes)[wanted.argmax(axis=1)][clear])


@pytest.mark.skipif(platform.machine() != "x86_64" or not shutil.which("gcc"), reason="needs gcc on x86-64")
def test_a_compiler_that_has_no_floating_point_takes_it(integers, tmp_path):
    """With `-mgeneral-regs-only` gcc has none of its instructions: what needs it calls a library, or is an error."""
    sources(integers, tmp_path)
    export(next(iter(integers.values())), tmp_path / "floats.h")
    (tmp_path / "floats.c").write_text('#include "floats.h"\nint f(const float *row) { return floats_predict(row); }\n')
    needed = {}
    for name in ("all", "floats"):
        command = ["gcc", *STRICT, "-O0", "-mgeneral-regs-only", "-c", f"{name}.c"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        symbols = ["nm", "-u", f"{name}.o"]
        said = "" if done.stderr else subprocess.run(symbols, cwd=tmp_path, capture_output=True, text=True).stdout
        needed[name] = done.stderr + said
    assert {line.split()[-1] for line in needed["all"].splitlines()} <= {"strcmp", "_GLOBAL_OFFSET_TABLE_"}
    assert re.search(r"__\w+sf2|SSE register", needed["floats"])  # as it is with floats
    for path in tmp_path.glob("model_*.h"):
        bare = re.sub(r'"(\\.|[^"\\])*"', "", re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S))
        assert not re.search(r"\b(float|double)\b|\d\.\d|math\.h", bare)


@pytest.mark.parametrize(
    "student", [TreeStudent(max_leaves=16), AdditiveStudent(alpha=1.0, pairs=0)], ids=["tree", "additive"]
)
def test_real_rows_from_a_program(student, tmp_path):
    """As firmware calls it: the bits of floats go in. On real rows every class is the model's."""
    X, y = load_breast_cancer(return_X_y=True)
    X = X.astype(np.float32)
    student.fit(X, 0.9 * np.eye(2)[y] + 0.05)
    columns = Preprocessor([NumericColumn(f"x{i}") for i in range(X.shape[1])])
    whole = Model(columns, student.predictor_, Output("classification", student.link_, ("bad", "good")))
    model = compress(whole, Quantise("int8"), X).model
    export(model, tmp_path / "student.h", target="c_int")
    (tmp_path / "main.c").write_text(
        """
#include <stdio.h>
#include "student.h"
int main(void)
{
    uint32_t bits[30], shares[2];
    int32_t row[30];
    int i;
    while (fread(bits, 4, 30, stdin) == 30) {
        for (i = 0; i < 30; i++) row[i] = student_cell(bits[i]);
        student_shares(row, shares);
        printf("%s %u\\n", student_class_name(student_predict(row)), (unsigned)shares[0]);
    }
    return 0;
}
"""
    )
    subprocess.run([COMPILERS[0], *STRICT, "main.c", "-o", "main"], cwd=tmp_path, check=True)
    said = subprocess.run(["./main"], cwd=tmp_path, input=X.tobytes(), capture_output=True, check=True).stdout.decode()
    labels, shares = zip(*(line.split() for line in said.splitlines()), strict=True)
    assert list(labels) == model.predict(X).tolist()
    np.testing.assert_allclose(np.array(shares, float) / 65536, model.predict_proba(X)[:, 0], atol=2**-12)


def test_tables_far_apart_add_up_beyond_32_bits(tmp_path):
    """600 tables of the largest shift."""
    values = np.full(600, 127 * 2.0**15)
    values[0] = 1.0
    tables = [[[0.0], [value]] for value in values]
    columns = Preprocessor([NumericColumn(f"x{i}") for i in range(600)])
    predictor = Additive([[0.5]] * 600, tables, [0.25])
    output = Output("regression", "identity", targets=("y",))
    model = Model(columns, predictor, output, Precision("float32", "int8"))
    content = export(model, tmp_path / "student.h", target="c_int").read_bytes()
    assert b"int64_t sums" in content
    found, _ = _c_int.TARGET.answer(content, model, "student", list(np.ones((600, 2), np.float32)))
    assert found.ravel().tolist() == [599 * 127 * 2**15 + 1.25] * 2


def test_what_integers_do_not_hold(models, tmp_path):
    whole = classifier("mixed", "decoded", "softmax")
    decoded = compress(whole, Quantise("int8"), raw_table(whole, 60, seed=2)).model
    exponential = models["additive-rate-int8"]
    for model, what in ((exponential, "whose values are exponentials"), (decoded, "with a decoder")):
        with pytest.raises(ValueError, match=f"The target 'c_int' takes no models {what}: .* Export to 'c' instead"):
            export(model, tmp_path / "student.h", target="c_int")


def test_what_is_not_quantised_is_rounded_by_little(models):
    """Values of models that are not quantised become multiples of a power of two; those of quantised ones are held."""
    for name, model in models.items():
        if isinstance(model.predictor, Decoded):
            continue
        held = _c_int.TARGET.held(model)
        if model.precision.values.startswith("int"):
            assert held is model
            continue
        table = raw_table(model, 50, seed=3)
        scores, wanted = (m.predictor.evaluate(m.preprocessor.transform(table)) for m in (held, model))
        # A line's cells may be far beyond one, and its weights' errors with them.
        cells = np.abs(model.preprocessor.transform(table)).sum(axis=1, dtype=np.float64).max()
        close = 2.0**-24 * max(cells, 1) if isinstance(model.predictor, Linear) else 2.0**-29
        assert np.abs(scores - wanted).max() <= close * max(np.abs(wanted).max() * 40, 1), name


def test_probabilities_that_are_off_are_a_mismatch(models, tmp_path, monkeypatch):
    def wrong(model, form, name):
        return _c_int._write(model, form, name).replace(b"94548u", b"90000u")

    monkeypatch.setattr("skdistill.exports._c_int.TARGET", _c_int.TARGET._replace(write=wrong))
    with pytest.raises(ExportMismatchError, match="probabilities are off by"):
        export(models["additive-softmax-int8"], tmp_path / "student.h", target="c_int")


def test_a_wrong_edge_is_a_mismatch(models, tmp_path, monkeypatch):
    model = models["sum-softmax-int8"]
    form = raw_form(model)
    text = _c_int._write(model, form, "student").decode()
    table = re.search(r"student_edges\[\d+\] = \{([^}]*)\}", text).group(1)
    numbers = [int(number) for number in table.split(",")]
    moved = text.replace(table, ", ".join(str(number - 1 if abs(number) > 99 else number) for number in numbers))
    monkeypatch.setattr("skdistill.exports._c_int.TARGET", _c_int.TARGET._replace(write=lambda *_: moved.encode()))
    with pytest.raises(ExportMismatchError):
        export(model, tmp_path / "student.h", target="c_int")
    assert len(adversarial_rows(model, form)[0])
