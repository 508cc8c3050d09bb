"""The packed form, read by a C compiler's work: the same answers, and no harm from any bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import random_models
from export_matrix import compressed

from benchmarks.fuzz import mutated_packed, seeds
from skdistill import export, load
from skdistill.compression import Quantise, compress
from skdistill.exports import PACKED_HEADER, ExportMismatchError, _packed
from skdistill.exports._raw import Line, raw_form
from skdistill.exports._rows import adversarial_rows
from skdistill.exports._verify import check_answers
from skdistill.model import Model, ModelFormatError, sparing

STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic")
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
SANITIZE = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

pytestmark = pytest.mark.skipif(not COMPILERS, reason="no C compiler")

#: Reads cases, each a length of 4 bytes and as many bytes, and evaluates those that are sound on a few rows; buffers
#: are exactly as long as they must be, so that a sanitizer sees what goes beyond. Writes a byte for each case.
CORPUS = """
#include "packed.h"
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    static const float cells[] = {0.0f, 1.0f, -1.5f, 3e38f, 1e-40f, 7.0f};
    FILE *file = fopen(argv[argc - 1], "rb");
    unsigned char head[4];
    while (file && fread(head, 1, 4, file) == 4) {
        const size_t length = skd_load(head, 4);
        unsigned char *bytes = malloc(length ? length : 1);
        skd_model model;
        if (!bytes || fread(bytes, 1, length, file) != length) return 1;
        if (skd_check(bytes, length, &model)) {
            putchar('-');
        } else {
            float *row = malloc(model.n_columns * sizeof *row);
            float *features = malloc((model.n_features + 1) * sizeof *features);
            double *values = malloc(model.n_outputs * sizeof *values);
            uint32_t i, j;
            if (!row || !features || !values) return 1;
            for (i = 0; i < 8; i++) {
                for (j = 0; j < model.n_columns; j++)
                    row[j] = i == 7 ? (float)NAN : i == 6 ? (float)INFINITY : cells[(i + j) % 6];
                if (skd_predict(&model, row, features + 1, values) >= model.n_outputs) return 1;
            }
            skd_code(&model, 2, "clerk");
            skd_number_code(&model, 2, 7.0);
            putchar('+');
            free(row);
            free(features);
            free(values);
        }
        free(bytes);
    }
    return !file || fclose(file);
}
"""


def corpus_runner(folder, compiler="gcc"):
    """A program that runs a corpus under sanitizers."""
    (folder / "corpus.c").write_text(CORPUS)
    command = [compiler, "-std=c99", *STRICT, *SANITIZE, f"-I{PACKED_HEADER.parent}", "corpus.c", "-o", "corpus", "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert not done.stderr
    return folder / "corpus"


def verdicts(runner, cases):
    """For each case whether the program took it for a model."""
    corpus = runner.with_name("cases")
    corpus.write_bytes(b"".join(len(case).to_bytes(4, "little") + case for case in cases))
    done = subprocess.run([runner, corpus], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[:3000]
    return [mark == "+" for mark in done.stdout]


@pytest.fixture(scope="module")
def shipped(models):
    """Models of every kind on every table, and quantised ones."""
    found = dict(models)
    for i, model in enumerate(seeds(np.random.default_rng(0))):
        found[f"{type(model.predictor).__name__} {model.precision.values} {i}"] = model
    for name, model in models.items() - compressed().items():  # those are spared
        found[f"{name} spared"] = replace(model, predictor=sparing(model.predictor, model.output.link))
    return found


def test_every_kind_of_model_answers_as_in_python(shipped, tmp_path):
    libraries = []
    for compiler in COMPILERS:
        (tmp_path / compiler).mkdir()
        libraries.append(_packed.compile_reader(compiler, str(tmp_path / compiler), *STRICT, "-O1"))
    for model in shipped.values():
        form = raw_form(model)
        columns = adversarial_rows(model, form, seed=1)
        content = model.to_bytes()
        loaded = Model.from_bytes(content)
        X = dict(zip(model.preprocessor.feature_names_in, columns, strict=True))
        np.testing.assert_array_equal(loaded.evaluate(X), model.evaluate(X))
        for library in libraries:
            values, labels = _packed.called(library, content, loaded, columns)
            check_answers(model, columns, values, labels, 1e-12)
            if model.output.link not in ("softmax", "exp") and not isinstance(form, Line):
                np.testing.assert_array_equal(values, model.evaluate(X))  # the same sums in the same order


def test_export_writes_what_load_reads(models, tmp_path):
    path = export(models["full"], tmp_path / "student.bin")
    assert path.read_bytes() == models["full"].to_bytes()
    row = {"age": [30], "dose": [1.0], "job": ["nurse"], "grade": [1]}
    assert load(path).predict(row) == models["full"].predict(row)


def test_header_from_a_program(tmp_path):
    """As a caller uses it, with codes of categories looked up."""
    full_model = random_models.full_model()
    path = export(full_model, tmp_path / "student.bin")
    job = 'Ł "quoted" \\ \n é'
    texts = "".join(f"\\{byte:03o}" for byte in job.encode())
    (tmp_path / "main.c").write_text(
        f"""
#include <stdio.h>
#include "{PACKED_HEADER}"
int main(void)
{{
    static unsigned char bytes[1000];
    FILE *file = fopen("{path.name}", "rb");
    const size_t length = fread(bytes, 1, sizeof bytes, file);
    float row[4] = {{30.0f, 0.0f, 0.0f, 0.0f}}, features[20];
    double values[3];
    skd_model model;
    const char *wrong = skd_check(bytes, length, &model);
    if (wrong) return 1;
    row[2] = skd_code(&model, 2, "{texts}");
    row[3] = skd_number_code(&model, 3, 2.5);
    printf("%u %u ", (unsigned)model.n_columns, (unsigned)skd_predict(&model, row, features, values));
    printf("%.17g %g %g\\n", values[0], (double)row[2], (double)skd_code(&model, 2, "cook"));
    bytes[20] ^= 1;
    printf("%s", skd_check(bytes, length, &model));
    return fclose(file);
}}
"""
    )
    for compiler in COMPILERS:
        command = [compiler, "-std=c99", *STRICT, *SANITIZE, "main.c", "-o", "main", "-lm"]
        subprocess.run(command, cwd=tmp_path, check=True)
        done = subprocess.run(["./main"], cwd=tmp_path, check=True, capture_output=True, text=True)
        X = {"age": [30], "dose": [0.0], "job": [job], "grade": [2.5]}
        best, value = int(full_model.evaluate(X).argmax()), full_model.evaluate(X)[0, 0]
        assert done.stdout == f"4 {best} {value:.17g} 1 -1\nthe checksum does not match"


def test_a_reader_that_answers_otherwise_is_a_mismatch(tmp_path, monkeypatch):
    full_model = random_models.full_model()

    class Other(Model):
        def to_bytes(self, names=True):
            tree = self.predictor
            value = tree.value.copy()
            value[0, 0] += 1e-3
            return Model(
                self.preprocessor, type(tree)(tree.feature, tree.threshold, tree.right, value, 9), self.output
            ).to_bytes()

    other = Other(full_model.preprocessor, full_model.predictor, full_model.output)
    with pytest.raises(ExportMismatchError, match="does not answer as the model does to the last bit"):
        export(other, tmp_path / "student.bin")
    assert os.listdir(tmp_path) == []
    monkeypatch.setattr(_packed, "DRIVER", "this is not C")
    _packed._reader.cache_clear()
    with pytest.raises(ExportMismatchError, match="reader of packed models does not compile"):
        export(full_model, tmp_path / "student.bin")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert export(full_model, tmp_path / "student.bin").exists()


def test_hostile_bytes_under_sanitizers(tmp_path):
    """Mutated files are refused or evaluated without a fault, and what Python takes, the reader in C takes too."""
    rng = np.random.default_rng(0)
    files = [model.to_bytes(names=bool(i % 2)) for i, model in enumerate(seeds(rng))]
    cases = [*files, b"", b"skd", *(mutated_packed(files[i % len(files)], files, rng) for i in range(3000))]
    cases += [file[:end] for file in files[:4] for end in range(len(file))]
    found = verdicts(corpus_runner(tmp_path), cases)
    assert len(found) == len(cases)
    assert all(found[: len(files)])
    for case, taken in zip(cases, found, strict=True):
        if not taken:
            with pytest.raises(ModelFormatError):
                Model.from_bytes(case)


def test_quantised_answers_are_those_of_the_model(models):
    model = models["mixed-tree-simplex"]
    X = {"age": [30, 40.0], "dose": [1.0, None], "job": ["nurse", None], "grade": [1, 2.5]}
    small = compress(model, [Quantise()], X).model
    np.testing.assert_array_equal(Model.from_bytes(small.to_bytes()).evaluate(X), small.evaluate(X))
