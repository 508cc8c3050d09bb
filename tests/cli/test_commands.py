"""The commands on real tables: what they write is what the library answers."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_options import QUICK

from skdistill import __version__, load
from skdistill.cli import main
from skdistill.cli._app import Form
from skdistill.cli._tables import read_table
from skdistill.exports._export import TARGETS


def pipe_in(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))


def test_fit_reports_and_saves(tables, tmp_path, capsys):
    out = tmp_path / "student.json"
    page = tmp_path / "report.html"
    arguments = ["fit", str(tables / "diabetes.csv"), "-y", "progression", *QUICK[:-1], "--out", str(out)]
    assert main([*arguments, "--report", str(page)]) == 0
    said = capsys.readouterr()
    assert "Distillation report: regression, 111 test rows" in said.out
    saved = (
        f"Saved {out} and {page}; the student packs into {load(out).nbytes:,} bytes. In words: skdistill rules {out}"
    )
    assert saved in said.out
    assert "<html" in page.read_text()
    assert "'progression' holds values from 25 to 346: a regression (if not, --task classification)" in said.err
    assert "331 rows to learn from, 111 kept apart for the report" in said.err
    assert "encoder: regression of 331 rows, 10 columns as 10 features" in said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "student.json"]


def test_fit_for_machines(tables, tmp_path, capsys):
    out = tmp_path / "student.json"
    source = str(tables / "cancer.parquet")
    options = ["--teachers", "logistic", "--max-bytes", "0.3KB", "--n-jobs", "1", "--json", "--out", str(out)]
    assert main(["fit", source, "-y", "kind", *options]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["task"], facts["rows"], facts["test_rows"], facts["out"]) == ("classification", 426, 143, str(out))
    assert facts["nbytes"] == load(out).nbytes <= 307
    assert [row["role"] for row in facts["report"]["rows"]] == ["committee", "hard", "student"]
    assert facts["report"]["rows"][2]["accuracy"] > 0.85
    assert facts["selection"][0]["student"] == facts["student"]


def test_named_rows_are_reported_on_and_unlabelled_ones_used(tables, tmp_path, capsys):
    source = str(tables / "diabetes.csv")
    options = [
        "--test",
        source,
        "--unlabeled",
        source,
        "--drop",
        "sex, bmi",
        "--out",
        str(tmp_path / "s.json"),
        "--json",
    ]
    assert main(["fit", source, "-y", "progression", *QUICK, *options]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["rows"], facts["test_rows"]) == (442, 442)
    assert not {"sex", "bmi"} & set(load(tmp_path / "s.json").preprocessor.feature_names_in)


def test_blanks_after_commas_belong_to_no_cell(tmp_path):
    path = tmp_path / "spaced.csv"
    path.write_text('age, job, "home town"\n39, clerk, "Bad Ems"\n50, ?, Ulm\n')
    frame = read_table(path, missing=["?"], text=["home town"])
    assert frame.columns.tolist() == ["age", "job", "home town"]
    assert frame["home town"].tolist() == ["Bad Ems", "Ulm"]
    assert frame["job"].isna().tolist() == [False, True]


def test_predict_answers_as_the_model_does(student, tables, tmp_path, capsys, monkeypatch):
    frame = pd.read_csv(tables / "diabetes.csv")
    expected = load(student).predict(frame)
    assert main(["predict", str(student), str(tables / "diabetes.csv")]) == 0
    np.testing.assert_array_equal(pd.read_csv(io.StringIO(capsys.readouterr().out))["prediction"], expected)
    pipe_in(monkeypatch, tables / "diabetes.csv")
    assert main(["predict", str(student), "-", "--out", str(tmp_path / "answers.parquet")]) == 0
    np.testing.assert_array_equal(pd.read_parquet(tmp_path / "answers.parquet")["prediction"], expected)
    pipe_in(monkeypatch, tables / "diabetes.csv")
    assert main(["predict", str(student), "-", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    np.testing.assert_allclose([row["prediction"] for row in answers], expected, rtol=1e-14)


def test_text_that_looks_like_numbers_stays_text(tables, tmp_path, capsys):
    frame = pd.read_parquet(tables / "cancer.parquet")
    frame["size"] = frame["size"].astype(str).replace("2", "middle")
    frame.to_csv(tmp_path / "words.csv", index=False)
    out = tmp_path / "student.json"
    options = ["--teachers", "logistic", "--student", "linear", "--n-jobs", "1", "--quiet", "--out", str(out)]
    assert main(["fit", str(tmp_path / "words.csv"), "-y", "kind", *options]) == 0
    small = frame[frame["size"] != "middle"]
    small.to_csv(tmp_path / "numbers.csv", index=False)  # "1" and "3" alone: read by itself, a column of numbers
    capsys.readouterr()
    assert main(["predict", str(out), str(tmp_path / "numbers.csv"), "--probabilities"]) == 0
    answers = pd.read_csv(io.StringIO(capsys.readouterr().out))
    np.testing.assert_allclose(answers.iloc[:, 1:], load(out).predict_proba(small), rtol=1e-12)
    assert list(answers) == ["prediction", "probability of benign", "probability of malignant"]


def test_rules_in_words(student, tables, tmp_path, capsys):
    frame = pd.read_csv(tables / "diabetes.csv")
    assert main(["rules", str(student), str(tables / "diabetes.csv")]) == 0
    assert capsys.readouterr().out == load(student).rules(frame) + "\n"
    assert main(["rules", str(student), "--markdown", "--out", str(tmp_path / "rules.md")]) == 0
    assert (tmp_path / "rules.md").read_text() == load(student).rules(format="markdown") + "\n"


@pytest.mark.parametrize("suffix", [".py", ".sql", ".json"])
def test_export_by_suffix(student, tmp_path, capsys, suffix):
    out = tmp_path / f"student{suffix}"
    assert main(["export", str(student), str(out)]) == 0
    assert f"Saved {out}" in capsys.readouterr().out
    assert out.stat().st_size > 100


def test_sql_says_where_rows_come_from_and_answers_a_view_of_them(student, tables, tmp_path):
    out = tmp_path / "student.sql"
    assert main(["export", str(student), str(out)]) == 0
    text = out.read_text()
    (view,) = re.findall(r"^-- .* first: (CREATE VIEW .*)$", text, flags=re.MULTILINE)
    frame = pd.read_csv(tables / "diabetes.csv")
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        frame.to_sql("patients", database, index=False)
        database.execute(view.replace("your_table", "patients"))
        answers = [row[-1] for row in database.execute(text)]
    np.testing.assert_allclose(answers, load(student).predict(frame), rtol=1e-12)


def test_export_by_target(student, tmp_path, capsys):
    assert list(Form) == list(TARGETS)
    out = tmp_path / "student.h"
    assert main(["export", str(student), str(out), "--target", "c_int"]) == 0
    assert "int32_t" in out.read_text()
    assert main(["export", str(student), str(out)]) == 0
    assert "int32_t" not in out.read_text()
    capsys.readouterr()


def test_report_and_compare(student, tables, tmp_path, capsys):
    source = str(tables / "diabetes.csv")
    page = tmp_path / "page.html"
    assert main(["report", str(student), source, "-y", "progression", "--report", str(page)]) == 0
    assert "student.json" in capsys.readouterr().out
    assert "<html" in page.read_text()
    assert main(["report", str(student), source, "-y", "progression", "--json"]) == 0
    alone = json.loads(capsys.readouterr().out)["rows"][0]
    other = str(tmp_path / "other.json")
    options = ["--teachers", "ridge", "--student", "linear", "--n-jobs", "1", "--quiet", "--out", other]
    assert main(["fit", source, "-y", "progression", *options]) == 0
    capsys.readouterr()
    assert main(["compare", str(student), other, source, "-y", "progression", "--json"]) == 0
    both = json.loads(capsys.readouterr().out)
    assert both["rows"][0]["rmse"] == alone["rmse"]
    assert both["gains"]["rmse"]["gain"] == pytest.approx(alone["rmse"] - both["rows"][1]["rmse"])
    assert main(["compare", str(student), str(student), source, "-y", "progression"]) == 0
    assert "do not differ beyond noise in RMSE; they take the same bytes." in capsys.readouterr().out


def test_help_has_examples(capsys):
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    for command in ("fit", "predict", "export", "rules", "report", "compare", "demo"):
        assert f" {command} " in said
        assert main([command, "--help"]) == 0
        assert command == "demo" or f"skdistill {command} " in capsys.readouterr().out.split("Examples:")[1]
    capsys.readouterr()
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"skdistill {__version__}\n"


def test_the_shell_completes_commands_and_teachers():
    def completed(words: str) -> list[str]:
        asked = {
            **os.environ,
            "_SKDISTILL_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        done = subprocess.run(
            [sys.executable, "-m", "skdistill"], env=asked, capture_output=True, text=True, check=False
        )
        return done.stdout.split()

    assert completed("skdistill re") == ["report"]
    assert completed("skdistill fit --student ") == ["auto", "tree", "linear", "additive", "boosted", "rules"]
    assert completed("skdistill fit --teachers svm,l") == ["svm,lightgbm", "svm,logistic"]


def test_starting_up_is_light():
    program = "import sys; from skdistill.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"sklearn", "pandas", "scipy", "lightgbm"} & set(done.stderr.split())


def test_without_the_extra_there_is_the_demo():
    program = "import sys; sys.modules['typer'] = None; from skdistill.cli import main; sys.exit(main(sys.argv[1:]))"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)

    assert "demo" in run("--help").stdout
    assert "unknown data set 'moon'" in run("demo", "--data", "moon").stderr
    refused = run("fit", "table.csv", "--target", "y")
    assert (refused.returncode, refused.stderr) == (
        1,
        "skdistill: fit needs more packages: pip install 'skdistill[cli]'\n",
    )
