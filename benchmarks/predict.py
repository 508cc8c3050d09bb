"""Throughput of the fitted estimator against scikit-learn's own tree and logistic regression of the same size.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.predict``. 10,000 rows x 30 features, 3 classes; the two are timed in turn
and the median ratio of pairs is printed, since the machine is shared.
"""

from __future__ import annotations

import time

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from skdistill import DistilledClassifier, TreeStudent


def data(n, rng):
    X = rng.normal(size=(n, 30)).astype(np.float32)
    scores = np.column_stack([X[:, 0] * X[:, 1], np.sin(2 * X[:, 2]) + X[:, 3], X[:, 4:8].sum(axis=1) / 2])
    return X, (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)


def ratio(ours, theirs, X, pairs=200):
    """Median of (their time / our time) over alternating calls, and both medians in milliseconds."""
    times = np.empty((pairs, 2))
    for i in range(-10, pairs):
        for j, function in enumerate((ours, theirs)):
            started = time.perf_counter()
            function(X)
            times[max(i, 0), j] = time.perf_counter() - started
    return np.median(times[:, 1] / times[:, 0]), *(1e3 * np.median(times, axis=0))


def main():
    rng = np.random.default_rng(0)
    X, y = data(40_000, rng)
    batch = data(10_000, rng)[0]
    rivals = {
        "tree": (TreeStudent(max_leaves=64), DecisionTreeClassifier(max_leaf_nodes=64, min_samples_leaf=5)),
        "linear": ("linear", LogisticRegression()),
    }
    for name, (student, rival) in rivals.items():
        clf = DistilledClassifier("logistic", student, random_state=0, blend=1.0).fit(X, y)
        rival.fit(X, y)
        model = clf.to_model()
        for label, ours in (("estimator", clf.predict_proba), ("model form", model.predict_proba)):
            speed, mine, other = ratio(ours, rival.predict_proba, batch)
            print(f"{name:6} {label:10} {mine:6.3f} ms, scikit-learn {other:6.3f} ms: {speed:5.2f}x its throughput")


if __name__ == "__main__":
    main()
