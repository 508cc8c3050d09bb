"""TreeStudent against scikit-learn's exact multi-output tree, on the same soft labels.

    python -m benchmarks.tree_student [--rows 1000000] [--scaling]

Reports CPU seconds of a fit, and both losses on the rows fitted and on fresh ones; then what a fit of TreeStudent
allocates beside the data. With --scaling: CPU seconds of fits to a tenth of the rows, and a tenth of these, too.
scikit-learn minimises the squared error only, so that it is the rival of TreeStudent(loss="squared"); what is gained by
minimising the cross-entropy itself is in the line of loss="log_loss".
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from typing import Any

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from skdistill.students import TreeStudent

N_FEATURES, N_LEAVES, MIN_ROWS, FRESH_ROWS = 30, 64, 20, 200_000


def make_rows(n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features of mixed kinds, float32 (n, 30), and soft labels of three classes that depend on half of them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, N_FEATURES)).astype(np.float32)
    X[:, 6:12] = np.exp(1.5 * X[:, 6:12])  # amounts, heavy-tailed
    X[:, 12:14] = np.where(rng.random((n_rows, 2)) < 0.6, 0, np.exp(X[:, 12:14]))  # amounts that are mostly zero
    X[:, 14:20] = np.floor(4 * np.abs(X[:, 14:20]))  # counts
    X[:, 20:24] = X[:, 20:24] > 0.5  # flags
    X[:, 24:27] += X[:, :3]  # noisy copies
    scores = np.stack(
        [
            2 * np.sin(1.5 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.5 * np.log(X[:, 6]),
            1.5 * np.abs(X[:, 3]) - X[:, 4] * X[:, 20] + np.minimum(X[:, 7], 3),
            0.4 * X[:, 14] - X[:, 5] + (X[:, 12] > 0) * X[:, 1] + 0.3 * X[:, 15] * X[:, 21],
        ],
        axis=1,
        dtype=np.float64,
    )
    Q = np.exp(scores - scores.max(axis=1, keepdims=True))
    return X, Q / Q.sum(axis=1, keepdims=True)


def losses(model: Any, X: np.ndarray, Q: np.ndarray) -> tuple[float, float]:
    """Mean soft cross-entropy and mean squared error, the latter summed over classes."""
    P = model.predict(X)
    entropy = -(Q * np.log(np.maximum(P, 1e-15))).sum(axis=1).mean()
    return float(entropy), float(np.square(Q - P).sum(axis=1).mean())


def student(loss: str, **settings: Any) -> TreeStudent:
    """The tree that is measured."""
    return TreeStudent(loss, max_leaves=N_LEAVES, min_samples_leaf=MIN_ROWS, **settings)


def scaling(X: np.ndarray, Q: np.ndarray) -> None:
    """Print CPU seconds of fits to more and more of the rows, a column for each kind of repair."""
    repairs = (None, "balanced", "accuracy", "loss")
    print(f"{'rows':>12}" + "".join(f"{f'repair={repair}':>18}" for repair in repairs))
    for n_rows in (len(X) // 100, len(X) // 10, len(X)):
        spent = []
        for repair in repairs:
            start = time.process_time()
            student("log_loss", repair=repair).fit(X[:n_rows], Q[:n_rows])
            spent.append(time.process_time() - start)
        print(f"{n_rows:12,}" + "".join(f"{seconds:18.2f}" for seconds in spent))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--scaling", action="store_true")
    arguments = parser.parse_args()
    X, Q = make_rows(arguments.rows, seed=0)
    if arguments.scaling:
        scaling(X, Q)
        return
    fresh = make_rows(FRESH_ROWS, seed=1)
    rivals = {
        "TreeStudent log_loss": student("log_loss"),
        "log_loss, repair=None": student("log_loss", repair=None),
        "TreeStudent squared": student("squared"),
        "squared, repair=None": student("squared", repair=None),
        "DecisionTreeRegressor": DecisionTreeRegressor(
            max_leaf_nodes=N_LEAVES, min_samples_leaf=MIN_ROWS, random_state=0
        ),
    }
    print(f"{len(X):,} rows x {N_FEATURES}, {Q.shape[1]} classes, {N_LEAVES} leaves")
    print(f"The labels themselves have an entropy of {_entropy(Q):.5f}.")
    print(f"{'':24}{'CPU s':>8}{'entropy':>10}{'squared':>10}{'fresh:':>8}{'entropy':>10}{'squared':>10}")
    for name, model in rivals.items():
        start = time.process_time()
        model.fit(X, Q)
        spent = time.process_time() - start
        seen, unseen = losses(model, X, Q), losses(model, *fresh)
        print(f"{name:24}{spent:8.2f}{seen[0]:10.5f}{seen[1]:10.5f}{'':8}{unseen[0]:10.5f}{unseen[1]:10.5f}")
    tracemalloc.start()
    rivals["TreeStudent log_loss"].fit(X, Q)
    peak = tracemalloc.get_traced_memory()[1]
    print(f"Peak beside X ({X.nbytes >> 20} MiB) and Q ({Q.nbytes >> 20} MiB): {peak >> 20} MiB")


def _entropy(Q: np.ndarray) -> float:
    return float(-(Q * np.log(np.maximum(Q, 1e-300))).sum(axis=1).mean())


if __name__ == "__main__":
    main()
