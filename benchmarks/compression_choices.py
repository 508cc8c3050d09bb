"""What decided how students are compressed: on which rows passes are judged, and what lines of low rank are worth.

Run with ``python -m benchmarks.compression_choices [rows | columns | low_rank] [folder of teachers]``.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdistill import LinearStudent, Munge, TableEncoder
from skdistill.compression import Prune, Quantise, Reduce, Sparsify, compress
from skdistill.model import Linear, Model, Output

from .compression import PLAN, STUDENTS, quality, student_model
from .splits import Split, draw
from .teachers import teach

#: Classification sets of at most 5,000 rows, quick to fit.
SETS = (
    "churn",
    "contraceptive",
    "credit_data",
    "german_credit",
    "phoneme",
    "segment",
    "spambase",
    "telco_churn",
    "vehicle",
)
WIDE = ("spambase", "satimage")
PASSES: dict[str, list[Any]] = {
    "tree": [Prune(), Prune(0.002), Prune(0.01), Prune(0.03), Prune(0.06)],
    "line": [Sparsify(0.002), Sparsify(0.01), Sparsify(0.02)],
    "additive": [Prune(0.002), Prune(0.01), Sparsify(0.002), Sparsify(0.01), Sparsify(0.02)],
}


def taught(name: str, folder: str) -> Split:
    split = draw(name, 0, PLAN)
    teach(split, PLAN, Path(folder))
    return split


def part_of(split: Split, rows: np.ndarray, kind: str) -> Model:
    """A student of some of the rows."""
    student, scaled = STUDENTS[kind]
    Z, _, _ = split.scaled if scaled else split.raw
    fitted = student.fit(Z[rows], split.soft()[rows])
    return replace(student_model(split, kind), predictor=fitted.predictor_)


def rows(folder: str) -> None:
    """Passes judged on the rows of the student, on a fifth kept from it, on rows drawn near the real ones."""
    found = defaultdict(list)
    for name in SETS:
        split = taught(name, folder)
        Q, every = split.soft(), np.arange(len(split.y_train))
        fitted, kept = train_test_split(every, test_size=0.2, random_state=0, stratify=split.y_train)
        near = Munge().sample(split.X_train, len(every), np.random.RandomState(0))
        labels = split.oracle()(near)
        for kind, passes in PASSES.items():
            whole, part = student_model(split, kind), part_of(split, fitted, kind)
            before = np.array(quality(whole, split))
            judged = {
                "own rows": (whole, split.X_train, Q),
                "rows kept": (part, split.X_train.iloc[kept], Q[kept]),
                "rows drawn": (whole, near, labels),
            }
            for item in passes:
                for how, (model, X, targets) in judged.items():
                    small = compress(model, item, X, targets).model
                    change = np.array(quality(small, split)) - before
                    found[kind, repr(item), how].append((*change, np.log(small.nbytes / whole.nbytes)))
    for key, changes in found.items():
        points, loss, size = np.mean(changes, axis=0)
        print(f"{' | '.join(key):60} {points:+.2f} points {loss:+.4f} nats {np.exp(size):.2f} of the bytes")


def columns(folder: str) -> None:
    """`Reduce` on wide sets."""
    for name in WIDE:
        split = taught(name, folder)
        for kind in STUDENTS:
            model = student_model(split, kind)
            before = np.array(quality(model, split))
            for share in (1, 0.5, 0.25):
                item = Reduce() if share == 1 else Reduce(max_columns=int(share * split.X_train.shape[1]))
                small = compress(model, item, split.X_train, split.soft()).model
                points, loss = np.array(quality(small, split)) - before
                label = f"{name} {kind} {' '.join(repr(item).split())}"
                print(
                    f"{label:55} {model.nbytes} to {small.nbytes} B {points:+.2f} points {loss:+.4f} nats", flush=True
                )


def lines(folder: str) -> Iterator[tuple[str, Model, Any, np.ndarray, Any, np.ndarray]]:
    """Lines of many outputs, their training rows and labels, and test rows."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
    encoder = TableEncoder().fit(X)
    student = LinearStudent().fit(encoder.transform(X), np.eye(10)[y])
    output = Output("classification", "softmax", tuple(range(10)))
    yield "digits", Model(encoder.to_preprocessor(), student.predictor_, output), X, np.eye(10)[y], X_test, y_test
    for name in ("satimage", "segment"):
        split = taught(name, folder)
        yield name, student_model(split, "line"), split.X_train, split.soft(), split.X_test, split.y_test


def low_rank(folder: str) -> None:
    """A line as the product of two factors in 8 bits, fitted to the soft labels, against the whole line in few bits."""
    for name, model, X, Q, X_test, y_test in lines(folder):

        def judged(model: Model, X_test: Any = X_test, y_test: np.ndarray = y_test) -> np.ndarray:
            answers = model.evaluate(X_test)
            chosen = np.maximum(answers[np.arange(len(y_test)), y_test], 1e-15)
            return np.array([100 * (answers.argmax(axis=1) == y_test).mean(), -np.log(chosen).mean()])

        before = judged(model)
        print(f"{name}: {model.nbytes} B, {before[0]:.2f}, {before[1]:.4f}")
        for values in ("int8", "int4"):
            small = compress(model, Quantise(values), X, Q).model
            points, loss = judged(small) - before
            print(f"  {values:8} {small.nbytes} B {points:+.2f} points {loss:+.4f} nats")
        Z, free = model.preprocessor.transform(X).astype(float), Q.shape[1] - 1
        eight = compress(model, Quantise("int8"), X, Q).model
        rest = eight.nbytes - (Z.shape[1] + 4) * free  # without coefficients and their scales
        for rank in range(2, free):
            left, right, constants = _factors(model.predictor, Z, Q, rank)
            coef = np.hstack([_rounded(left) @ _rounded(right.T).T, np.zeros((Z.shape[1], 1))])
            points, loss = judged(replace(model, predictor=Linear(coef, np.append(constants, 0)))) - before
            nbytes = rest + left.size + right.size + 8 * rank
            print(f"  rank {rank:3} {nbytes} B {points:+.2f} points {loss:+.4f} nats", flush=True)


def _rounded(factor: np.ndarray) -> np.ndarray:
    scale = np.abs(factor).max(axis=0) / 127
    return np.rint(factor / scale) * scale


def _factors(line: Linear, Z: np.ndarray, Q: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two factors of coefficients and the constants, of least loss under the student's penalty, from the best
    approximation of the line's scores.
    """
    coef = (line.coef - line.coef[:, -1:])[:, :-1].astype(float)
    constants = (line.intercept - line.intercept[-1])[:-1].astype(float)
    n, (d, free) = len(Z), coef.shape
    root = np.linalg.cholesky(np.cov(Z.T) + 1e-6 * np.eye(d))
    U, s, Vt = np.linalg.svd(root.T @ coef, full_matrices=False)
    start = [np.linalg.solve(root.T, U[:, :rank] * s[:rank]), Vt[:rank], constants]

    def parts(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        left, right = theta[: d * rank], theta[d * rank : d * rank + rank * free]
        return left.reshape(d, rank), right.reshape(rank, free), theta[d * rank + rank * free :]

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        left, right, constants = parts(theta)
        hidden = Z @ left
        logs = log_softmax(np.hstack([hidden @ right + constants, np.zeros((n, 1))]), axis=1)
        slope = ((np.exp(logs) - Q) / n)[:, :-1]
        product = np.hstack([left @ right, np.zeros((d, 1))])
        centred = product - product.mean(axis=1, keepdims=True)
        pull = centred[:, :-1] / n
        gradient = [Z.T @ (slope @ right.T) + pull @ right.T, hidden.T @ slope + left.T @ pull, slope.sum(axis=0)]
        loss = -(Q * logs).sum() / n + 0.5 * np.square(centred).sum() / n
        return float(loss), np.concatenate([part.ravel() for part in gradient])

    first = np.concatenate([part.ravel() for part in start])
    return parts(minimize(objective, first, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x)


if __name__ == "__main__":
    which = {"rows": rows, "columns": columns, "low_rank": low_rank}
    which[sys.argv[1]](sys.argv[2] if len(sys.argv) > 2 else "benchmarks/.cache/teachers")
