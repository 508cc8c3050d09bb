"""Fit a softmax line to soft labels: CPU time and scratch memory, against LogisticRegression on replicated rows.

Run: OMP_NUM_THREADS=1 python benchmarks/linear_student.py [rows [features [classes]]]
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

from skdistill.model import LINKS
from skdistill.students import LinearStudent


def soft_labels(n: int, d: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Standard normal features, and a teacher that no line reproduces."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d)).astype(np.float32)
    return X, LINKS["softmax"](X @ rng.normal(size=(d, k)) + 2 * np.sin(3 * X[:, :k]))


def seconds(fit: Callable[..., Any], *data: np.ndarray) -> tuple[float, Any]:
    start = time.process_time()
    result = fit(*data)
    return time.process_time() - start, result


def scratch(fit: Callable[..., Any], *data: np.ndarray) -> float:
    tracemalloc.start()
    fit(*data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def log_loss(Q: np.ndarray, P: np.ndarray) -> float:
    return float(-(Q * np.log(np.maximum(P, 1e-300))).sum(axis=1).mean())


def replicated(X: np.ndarray, Q: np.ndarray) -> LogisticRegression:
    n, k = Q.shape
    labels = np.tile(np.arange(k), n)
    return LogisticRegression(max_iter=1000).fit(np.repeat(X, k, axis=0), labels, sample_weight=Q.ravel())


def main(n: int = 1_000_000, d: int = 30, k: int = 3) -> None:
    X, Q = soft_labels(n, d, k)
    print(f"softmax, {n} x {d}, {k} classes                    CPU s   log-loss")
    for scales, rows in (("equal", X), ("0.5 to 5", X * np.geomspace(0.5, 5, d, dtype=np.float32))):
        ours, student = seconds(LinearStudent().fit, rows, Q)
        theirs, reference = seconds(replicated, rows, Q)
        mine, other = log_loss(Q, student.predict(rows)), log_loss(Q, reference.predict_proba(rows))
        print(f"features of scale {scales:8}  LinearStudent  {ours:8.2f}   {mine:.8f}")
        print(f"    replicated LogisticRegression         {theirs:8.2f}   {other:.8f}")
        print(f"    ratio                                 {theirs / ours:8.1f}")

    values = np.log(Q[:, :1] + 1e-3)
    ours, theirs = seconds(LinearStudent().fit, X, values)[0], seconds(Ridge().fit, X, values)[0]
    print(f"ridge: LinearStudent {ours:.2f} CPU s, Ridge (in float32) {theirs:.2f} CPU s, ratio {theirs / ours:.1f}")

    for rows in (n // 4, n):
        data = X[:rows], Q[:rows]
        mine, other = scratch(LinearStudent().fit, *data), scratch(replicated, *data)
        print(f"scratch at {rows} rows: LinearStudent {mine:.1f} MiB, replicated {other:.1f} MiB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
