"""What goes wrong is told in one line, and leaves no file half-written."""

from __future__ import annotations

import re
import resource
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from command_options import QUICK

from skdistill.cli import main
from skdistill.cli._tables import CommandError, read_size

#: What a file holds, the arguments after it, and what is said.
MISTAKES = {
    "empty": ("", [], "is empty"),
    "blank": ("\n \n", [], "is empty"),
    "no rows": ("a,y\n", [], "has no rows, only the names of 2 columns"),
    "not a table": (
        "\x00\x01\x02\xff" * 50,
        [],
        "is not a CSV or Parquet file that can be read|has no column|one column",
    ),
    "broken rows": ('a,y\n1,2\n1,2,3,4\n"', [], "is not a CSV or Parquet file that can be read: "),
    "broken parquet": ("PAR1 and no more", [], "is not a CSV or Parquet file that can be read: "),
    "twice": ("a,b,y\n1,2,3\n", ["--drop", "c"], "--drop names column 'c', which the table does not have"),
    "no target": ("a,b\n1,2\n3,4\n", [], "the table has no column 'y'. It has a, b"),
    "nearly": ("a,Y1\n1,2\n3,4\n", ["-y", "Y"], "the table has no column 'Y'; did you mean 'Y1'?"),
    "semicolons": ("a;y\n1;2\n3;4\n", [], "the table has no column 'y': it has one column only"),
    "target alone": ("y\n1\n2\n", [], "the table has no column beside the target 'y'"),
    "nothing known": ("a,y\n1,\n2,\n", [], "column 'y' holds no value at all"),
    "a rare class": ("a,y\n" + "1,no\n2,yes\n" * 20 + "3,maybe\n", [], "'maybe' is the 'y' of a single row"),
    "one class": ("a,y\n" + "1,no\n2,no\n" * 20, [], "class"),
    "many integers": (
        "a,y\n" + "".join(f"{i},{i}\n" for i in range(50)),
        ["--teachers", "lightgbm"],
        "'y': y holds 50 distinct whole numbers, which could be classes or counts. Pass task='classification' or "
        "task='regression'. On the command line: --task.",
    ),
    "no such teacher": ("a,y\n" + "1,no\n2,yes\n" * 20, ["--teachers", "oracle"], "'oracle'"),
    "no size": (
        "a,y\n1,2\n",
        ["--max-bytes", "tiny"],
        "--max-bytes must be a size such as 900, 4KB or 1MB. Got 'tiny'",
    ),
    "nothing fits": ("a,y\n" + "1,no\n2,yes\n" * 20, ["--max-bytes", "3"], "No student fits max_bytes=3"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_one_line(tmp_path, capfd, name):
    content, options, said = MISTAKES[name]
    table = tmp_path / "table.csv"
    table.write_bytes(content.encode("latin-1"))
    given = [] if "-y" in options else ["-y", "y"]
    teachers = [] if "--teachers" in options else ["--teachers", "logistic"]
    arguments = ["fit", str(table), *given, *teachers, "-q", "--n-jobs", "1", "-o", str(tmp_path / "s.json"), *options]
    assert main(arguments) == 1
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err.startswith("skdistill: ")
    assert told.err.count("\n") == 1
    assert re.search(said, told.err) or said in told.err
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fit", "nowhere.csv", "-y", "y"], "nowhere.csv: No such file or directory"),
        (["fit", "a.csv"], "Missing option '--target' / '-y'. (see skdistill fit --help)"),
        (["fti"], "No such command 'fti'. Did you mean 'fit'? (see skdistill --help)"),
        (["fit", "a.csv", "-y", "y", "--student", "forest"], "is not one of 'auto', 'tree', 'linear'"),
        (["fit", "a.csv", "-y", "y", "-o", "no/folder.json"], "there is no folder no to write folder.json to"),
        (["fit", "a.csv", "-y", "y", "-o", "."], ". is a folder; name a file"),
        (["predict", "nowhere.json", "a.csv"], "nowhere.json: No such file or directory"),
        (["predict", __file__, "a.csv"], "it is not JSON"),
    ],
)
def test_arguments_that_cannot_be(capfd, arguments, said):
    code = main(arguments)
    told = capfd.readouterr().err
    assert code == (2 if "see skdistill" in told else 1)
    assert said in told
    assert told.count("\n") == 1


def test_debug_shows_where_it_came_from(capfd):
    assert main(["predict", "nowhere.json", "a.csv", "--debug"]) == 1
    told = capfd.readouterr().err
    assert "Traceback" in told
    assert told.endswith("skdistill: nowhere.json: No such file or directory\n")


def test_columns_that_are_odd_are_told(tables, tmp_path, capfd):
    frame = pd.read_csv(tables / "diabetes.csv").astype({"bmi": object})
    frame.loc[3, "bmi"] = "?"
    frame.loc[5, "progression"] = None
    frame["patient"] = [f"P{i:03d}" for i in range(len(frame))]
    frame.to_csv(tmp_path / "odd.csv", index=False)
    arguments = ["fit", str(tmp_path / "odd.csv"), "-y", "progression", *QUICK[:-1], "-o", str(tmp_path / "s.json")]
    assert main(arguments) == 0
    told = capfd.readouterr().err
    assert "note: column 'bmi' is taken for text, since 1 of its 441 cells are not numbers, such as '?'" in told
    assert "note: column 'patient' holds a different text in each row" in told
    assert "leave it out with --drop 'patient'" in told
    assert "1 rows without a value of 'progression' are left out" in told
    assert main([*arguments, "--missing", "?", "--drop", "patient"]) == 0
    assert "note:" not in capfd.readouterr().err


def test_dates_are_refused_by_name(tables, tmp_path, capfd):
    frame = pd.read_csv(tables / "diabetes.csv")
    frame["day"] = pd.date_range("2026-01-01", periods=len(frame))
    frame.to_parquet(tmp_path / "dated.parquet")
    arguments = ["fit", str(tmp_path / "dated.parquet"), "-y", "progression", *QUICK, "-o", str(tmp_path / "s.json")]
    assert main(arguments) == 1
    assert "'day'" in capfd.readouterr().err
    assert main([*arguments, "--drop", "day"]) == 0


def test_rows_without_the_columns_are_refused(student, tmp_path, capfd):
    (tmp_path / "few.csv").write_text("age\n50\n")
    assert main(["predict", str(student), str(tmp_path / "few.csv"), "-o", str(tmp_path / "answers.csv")]) == 1
    assert "X lacks columns that the model reads: ['sex', 'bmi'" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["few.csv"]


def test_other_rows_without_the_columns_are_refused_before_the_long_work(tables, tmp_path, capfd):
    (tmp_path / "few.csv").write_text("age,progression\n50,120\n")
    arguments = ["fit", str(tables / "diabetes.csv"), "-y", "progression", *QUICK, "-o", str(tmp_path / "s.json")]
    for option in ("--test", "--unlabeled"):
        assert main([*arguments, option, str(tmp_path / "few.csv")]) == 1
        assert "few.csv lacks columns of the table to learn from: sex, bmi" in capfd.readouterr().err
    assert not (tmp_path / "s.json").exists()


def test_sizes():
    assert [read_size(text) for text in ("900", "4KB", "4k", "1 KiB", "2MB")] == [900, 4096, 4096, 1024, 2 * 1024**2]
    for text in ("", "KB", "-1", "0", "inf", "nan", "4GB"):
        with pytest.raises(CommandError, match="--max-bytes must be a size"):
            read_size(text)


def start(*arguments: str | Path, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "skdistill", *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_leaves_nothing_half_written(tables, tmp_path, n_jobs):
    out = tmp_path / "student.json"
    out.write_text("what was there before")
    # No MLP, which takes an interrupt for the wish to stop its own training alone.
    teachers = "forest,extra_trees,svm"
    arguments = ["fit", tables / "cancer.csv", "-y", "kind", "--teachers", teachers, "--n-jobs", str(n_jobs)]
    # Where tests run in the background, a shell has them ignore what is sent here.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = start(*arguments, "--out", out, start_new_session=True, preexec_fn=heed)
    assert process.stderr is not None
    while "encoder" not in (line := process.stderr.readline()):  # the long work begins behind it
        assert line, "it ended too soon"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert rest.endswith("skdistill: interrupted; no file was left half-written\n")
    assert "Traceback" not in rest
    assert out.read_text() == "what was there before"
    assert [path.name for path in tmp_path.iterdir()] == ["student.json"]


def test_a_full_disk_is_told_and_the_old_file_stays(student, tables, tmp_path):
    out = tmp_path / "answers.csv"
    out.write_text("what was there before")

    def files_of_a_kilobyte() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

    process = start("predict", student, tables / "diabetes.csv", "-o", out, preexec_fn=files_of_a_kilobyte)
    told = process.communicate(timeout=60)[1]
    assert (process.returncode, told.count("\n")) == (1, 1)
    assert "File too large" in told
    assert out.read_text() == "what was there before"
    assert [path.name for path in tmp_path.iterdir()] == ["answers.csv"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's device that is always full")
@pytest.mark.parametrize("command", ["predict", "report"])
def test_output_that_cannot_be_written_is_an_error(student, tables, command):
    target = [] if command == "predict" else ["-y", "progression"]
    with open("/dev/full", "w") as full:
        process = start(command, student, tables / "diabetes.csv", *target, stdout=full)
        told = process.communicate(timeout=60)[1]
    assert (process.returncode, told) == (1, "skdistill: No space left on device\n")
