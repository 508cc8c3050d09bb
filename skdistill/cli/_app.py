"""The commands. Each reads tables, calls the library once, and writes."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from .. import __version__
from . import _tables as tables
from ._speech import console_of, describe, facts, fail, one_line, print_json, say
from ._tables import STANDARD, CommandError

app = typer.Typer(
    help="Distil a committee of models into one small one, from a table to a file that runs anywhere.",
    epilog="Two commands to begin with: [bold]skdistill fit data.csv --target y[/bold], then "
    "[bold]skdistill rules student.json[/bold].",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

#: What a student chosen by itself may take, unless --max-bytes says.
_AUTO_BYTES = 4096
#: A share of the rows is kept apart for the report, unless --test names others.
_TEST_SHARE = 0.25
#: What Typer makes of Ctrl-C.
_INTERRUPTED = 130


class Student(StrEnum):
    """Students by name."""

    auto = "auto"
    tree = "tree"
    linear = "linear"
    additive = "additive"
    boosted = "boosted"
    rules = "rules"


class Task(StrEnum):
    """What can be predicted."""

    auto = "auto"
    classification = "classification"
    regression = "regression"


class Form(StrEnum):
    """What a model can be written as."""

    python = "python"
    c = "c"
    c_int = "c_int"
    sql = "sql"
    onnx = "onnx"
    json = "json"
    packed = "packed"


def _teacher_names(incomplete: str) -> list[str]:
    """For shell completion: the last of several names, separated by commas."""
    from ..teachers import PRESETS

    *before, last = incomplete.split(",")
    known = sorted({name for presets in PRESETS.values() for name in presets} - set(before))
    return [",".join([*before, name]) for name in known if name.startswith(last)]


ModelFile = Annotated[Path, typer.Argument(help="A model that fit has saved.", metavar="STUDENT.json")]
Rows = Annotated[Path, typer.Argument(help="CSV or Parquet; - for standard input.", metavar="TABLE")]
Target = Annotated[str, typer.Option("--target", "-y", help="The column to predict.")]
Missing = Annotated[
    list[str] | None, typer.Option(help="A further word for a missing value, such as '?'; repeatable.", metavar="WORD")
]
Page = Annotated[
    Path | None, typer.Option("--report", help="Also write the report as a page, such as report.html.", metavar="FILE")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing while working.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show where an error came from.")]


@app.callback(invoke_without_command=True)
def _top(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    debug: Debug = False,
) -> None:
    if version:
        print(f"skdistill {__version__}")
        raise typer.Exit


@app.command(
    epilog="Examples:\n\nskdistill fit churn.csv --target churned\n\n"
    "skdistill fit churn.parquet -y churned --student tree --max-bytes 1KB --out churn.json --report churn.html\n\n"
    "cat flats.csv | skdistill fit - -y price --drop id,address --teachers ridge,lightgbm --json"
)
def fit(
    table: Rows,
    target: Target,
    teachers: Annotated[
        str | None,
        typer.Option(
            help="The committee by names and commas: svm, logistic, ridge, lightgbm, xgboost, forest, extra_trees, "
            "hist_gradient_boosting, mlp.",
            autocompletion=_teacher_names,
            show_default="svm, logistic or ridge, lightgbm",
        ),
    ] = None,
    student: Annotated[Student, typer.Option(help="What is shipped; auto: what is best within --max-bytes.")] = (
        Student.auto
    ),
    max_bytes: Annotated[
        str | None,
        typer.Option(help="What the packed student may take: 900, 4KB.", show_default="4KB with --student auto"),
    ] = None,
    task: Annotated[Task, typer.Option(help="auto: read from the target.")] = Task.auto,
    drop: Annotated[str, typer.Option(help="Columns to leave out, separated by commas: identifiers, dates.")] = "",
    missing: Missing = None,
    test: Annotated[
        Path | None,
        typer.Option(help="Rows to report on.", show_default="a quarter of the table, kept apart"),
    ] = None,
    unlabeled: Annotated[Path | None, typer.Option(help="More rows, without the target.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the student goes.")] = Path("student.json"),
    report: Page = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same student.")] = 0,
    n_jobs: Annotated[int, typer.Option(help="Teachers fitted at a time; -1: as many as there are cores.")] = -1,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Distil a committee, fitted on a table, into one small model; report what was kept and lost."""
    console = console_of(quiet)
    for path in [out] if report is None else [out, report]:
        tables.check_can_write(path)
    budget = None if max_bytes is None else tables.read_size(max_bytes)
    if budget is None and student is Student.auto:
        budget = _AUTO_BYTES
    dropped = [name.strip() for name in drop.split(",") if name.strip()]
    frame = tables.drop_columns(tables.read_table(table, missing=missing), dropped)
    X, y = tables.take_target(frame, target)
    if len(y) < len(frame):
        say(console, f"{len(frame) - len(y):,} rows without a value of {target!r} are left out")
    for odd in tables.odd_columns(X):
        say(console, f"note: {odd}")
    columns = list(X.columns)
    held = pool = None
    if test is not None:
        held = tables.take_target(tables.read_table(test, missing=missing), target)
        held = tables.with_columns(held[0], columns, test), held[1]
    if unlabeled is not None:
        pool = tables.with_columns(tables.read_table(unlabeled, missing=missing), columns, unlabeled)

    from sklearn.model_selection import train_test_split

    from .. import DistilledEstimator
    from ._bar import watched

    names = None if teachers is None else [name.strip() for name in teachers.split(",")]
    estimator = DistilledEstimator(
        names, student.value, max_bytes=budget, task=task.value, n_jobs=n_jobs, random_state=seed
    )
    try:
        found = estimator.infer_task(y)
    except ValueError as error:
        raise CommandError(f"{target!r}: {error} On the command line: --task.") from error
    say(console, describe(target, y, found, task is Task.auto))
    if held is None:
        stratify = y if found == "classification" else None
        if stratify is not None and y.value_counts().min() < 2:
            rare = y.value_counts().idxmin()
            raise CommandError(
                f"'{rare}' is the {target!r} of a single row, too few to learn and to judge; leave that row out, or "
                "name rows to report on with --test"
            )
        X, X_test, y, y_test = train_test_split(X, y, test_size=_TEST_SHARE, stratify=stratify, random_state=seed)
        say(console, f"{len(y):,} rows to learn from, {len(y_test):,} kept apart for the report")
    else:
        X_test, y_test = held
    with watched(estimator, console):
        estimator.fit(X, y, X_unlabeled=pool)
    model = estimator.to_model()
    model.save(out)  # first, so that rows which cannot be reported on cost no second fit
    made = estimator.report(X_test, y_test)
    if report is not None:
        made.save(report)
    if as_json:
        print_json(
            {
                "task": estimator.task_,
                "target": target,
                "rows": len(y),
                "test_rows": len(y_test),
                "student": repr(estimator.recipe_.student),
                "nbytes": model.nbytes,
                "out": str(out),
                "seconds": estimator.fit_seconds_,
                "report": facts(made),
                "selection": estimator.selection_,
            }
        )
        return
    print(made)
    page = "" if report is None else f" and {report}"
    print(f"\nSaved {out}{page}; the student packs into {model.nbytes:,} bytes. In words: skdistill rules {out}")


@app.command(
    epilog="Examples:\n\nskdistill predict student.json new.csv > answers.csv\n\n"
    "skdistill predict student.json new.parquet --probabilities --out answers.parquet\n\n"
    "cat new.csv | skdistill predict student.json - --json"
)
def predict(
    model: ModelFile,
    table: Rows,
    out: Annotated[Path, typer.Option("--out", "-o", help="CSV, or Parquet by its name.", show_default="print")] = (
        STANDARD
    ),
    probabilities: Annotated[bool, typer.Option(help="Also the probability of each class.")] = False,
    missing: Missing = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Predict the rows of a table, in their order."""
    if out != STANDARD:
        tables.check_can_write(out)
    shipped = _load(model)
    frame = tables.read_table(table, missing=missing, text=tables.text_columns(shipped))
    answers = tables.answers(shipped, frame, probabilities)
    if as_json:
        tables.write_text(answers.to_json(orient="records", double_precision=15) + "\n", out)
    else:
        tables.write_table(answers, out)


@app.command(
    epilog="Examples:\n\nskdistill export student.json student.h\n\nskdistill export student.json churn.sql\n\n"
    "skdistill export student.json student.onnx\n\nskdistill export student.json student.h --target c_int"
)
def export(
    model: ModelFile,
    out: Annotated[
        Path, typer.Argument(help="Its suffix says what: .py, .h, .c, .sql, .onnx, .json, .bin.", metavar="FILE")
    ],
    target: Annotated[
        Form | None,
        typer.Option(help="What to write, whatever the suffix; c_int: C of integers alone.", show_default="by suffix"),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a model as a program that answers raw rows by itself: Python, C, SQL or ONNX."""
    from ..exports import export as write

    tables.check_can_write(out)
    path = write(_load(model), out, target=target)
    size = path.stat().st_size
    if as_json:
        print_json({"out": str(path), "file_bytes": size})
    else:
        print(f"Saved {path}, {size:,} bytes of text or code; it answers as {model} does.")


@app.command(
    epilog="Examples:\n\nskdistill rules student.json\n\nskdistill rules student.json churn.csv --markdown > student.md"
)
def rules(
    model: ModelFile,
    table: Annotated[
        Path | None,
        typer.Argument(
            help="Rows, to say how many of them each rule applies to.", metavar="[TABLE]", show_default=False
        ),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="For a page.")] = False,
    out: Annotated[Path, typer.Option("--out", "-o", show_default="print")] = STANDARD,
    missing: Missing = None,
    debug: Debug = False,
) -> None:
    """Say a model in words: rules to follow, or points to add up."""
    if out != STANDARD:
        tables.check_can_write(out)
    shipped = _load(model)
    text = tables.text_columns(shipped)
    frame = None if table is None else tables.read_table(table, missing=missing, text=text)
    tables.write_text(shipped.rules(frame, format="markdown" if markdown else "text") + "\n", out)


@app.command(epilog="Examples:\n\nskdistill report student.json test.csv --target churned")
def report(
    model: ModelFile,
    table: Rows,
    target: Target,
    page: Page = None,
    missing: Missing = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Report how good a model is on rows whose answers are known."""
    from ..report import model_report

    if page is not None:
        tables.check_can_write(page)
    shipped = _load(model)
    X, y = _labelled(shipped, table, target, missing)
    made = model_report(shipped, X, y, model.name)
    if page is not None:
        made.save(page)
    print_json(facts(made)) if as_json else print(made)


@app.command(epilog="Examples:\n\nskdistill compare old.json new.json test.csv --target churned")
def compare(
    first: Annotated[Path, typer.Argument(help="A model.", metavar="FIRST.json")],
    second: Annotated[Path, typer.Argument(help="Another, for the same target.", metavar="SECOND.json")],
    table: Rows,
    target: Target,
    missing: Missing = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare two models on rows whose answers are known: which is better, and by more than noise."""
    from ..report import compare_models

    models = _load(first), _load(second)
    X, y = _labelled(models[0], table, target, missing)
    made = compare_models(*models, X, y, (str(first), str(second)))
    if as_json:
        gains = {metric: {"gain": gain, "se": error} for metric, (gain, error) in made.gains.items()}
        print_json({"task": made.task, "rows": made.rows, "gains": gains, "verdict": made.verdict})
    else:
        print(made)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the students.")] = Path("demo-output"),
    data: Annotated[
        list[str] | None, typer.Option(help="Only this one: digits, cancer, diabetes, flights; repeatable.")
    ] = None,
    n_jobs: Annotated[int, typer.Option(help="Teachers fitted at a time; -1: as many as there are cores.")] = -1,
    debug: Debug = False,
) -> None:
    """Distil real committees on real data and show what was kept and lost."""
    from .._demo import run_demo

    run_demo(out, data, n_jobs)


def run(argv: list[str]) -> int:
    """Run a command; tell what goes wrong in one line."""
    debug = "--debug" in argv
    said = warnings.formatwarning
    warnings.formatwarning = lambda message, *_: f"skdistill: warning: {one_line(message)}\n"
    try:
        code = typer.main.get_command(app).main(argv, prog_name="skdistill", standalone_mode=False)
        if code == _INTERRUPTED:
            return fail("interrupted; no file was left half-written", code)
        sys.stdout.flush()  # what cannot be written is an error of ours, not of the interpreter's end
        return code if isinstance(code, int) else 0
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except TyperException as error:
        where = getattr(getattr(error, "ctx", None), "command_path", "skdistill")
        return fail(f"{one_line(error.format_message())} (see {where} --help)", error.exit_code)
    except Exception as error:
        if debug:
            traceback.print_exc()
        known = isinstance(error, CommandError | ValueError | TypeError | ImportError | OSError)
        name = "" if known else f"{type(error).__name__}: "
        hint = "" if known or debug else " (--debug shows where it came from)"
        return fail(f"{name}{one_line(error)}{hint}", 1)
    finally:
        warnings.formatwarning = said


def _load(path: Path) -> Any:
    from ..model import load

    return load(path)


def _labelled(model: Any, path: Path, target: str, missing: list[str] | None) -> tuple[Any, Any]:
    """Rows and their answers, read as the model reads them."""
    classes = model.output.classes
    labels = [target] if classes is not None and all(isinstance(label, str) for label in classes) else []
    frame = tables.read_table(path, missing=missing, text=[*tables.text_columns(model), *labels])
    return tables.take_target(frame, target)
