"""300 training rows and 5,000 rows without labels: what a distilled tree recovers of the gap to the teacher.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.scarce [--development] [--seeds 0 1 2] [--sets ...]``. Goal: a mean of at
least .50 in accuracy, over the sets where the teacher is ahead of the rival by more than two paired standard errors.
The teacher is fitted on the 300 rows, labels them out of fold, and labels the pool; the rival of as many leaves is the
CART of `competitors.cart` with smoothed leaves, tuned on the 300 rows. Test rows are all others, at most 5,000. A class
that is expected to have fewer than 10 of the 300 rows is left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from skdistill import TreeStudent

from . import datasets
from .competitors import CONTESTANTS
from .competitors.tree import fitted_student
from .markdown import METRIC_NAMES, markdown
from .objectives import METRICS, Difference, gain, gap_recovered, over_seeds, pool, row_losses
from .plan import DEVELOPMENT, LEAVES, RIVAL, Plan
from .runner import CACHE
from .splits import Split
from .teachers import teach

N_TRAIN, N_POOL, MAX_TEST, MIN_TEST = 300, 5_000, 5_000, 1_000
#: Few rows: more folds keep the teachers that label them nearly as good as the one that labels the pool.
PLAN = Plan(max_rows=N_TRAIN, folds=10, trials=False)
_MIN_PER_CLASS = 10


def drawn(name: str, seed: int) -> tuple[Split, Any] | None:
    """A split of 300 training rows, and the pool; None where the set is too small."""
    X, y, task = datasets.load(name)
    n_classes = 0
    if task == "classification":
        share = np.bincount(y) / len(y)
        kept = np.flatnonzero(share[y] * N_TRAIN >= _MIN_PER_CLASS)
        classes, y = np.unique(y[kept], return_inverse=True)
        X, n_classes = X.iloc[kept], len(classes)
    if len(y) < N_TRAIN + N_POOL + MIN_TEST or n_classes == 1:
        return None
    rows = np.random.default_rng(seed).permutation(len(y))[: N_TRAIN + N_POOL + MAX_TEST]
    train, rest = train_test_split(rows, train_size=N_TRAIN, random_state=seed, stratify=y[rows] if n_classes else None)
    pool_rows, test = rest[:N_POOL], rest[N_POOL:]
    parts = [X.iloc[part].reset_index(drop=True) for part in (train, test, pool_rows)]
    split = Split(name, seed, task, *parts[:2], y[train], y[test], n_classes, PLAN.folds)
    return split, parts[2]


def students(split: Split, X_pool: Any, size: int) -> Iterator[tuple[str, np.ndarray]]:
    """The tree with and without the pool: names and outputs of the test rows."""
    Q = split.soft()
    labels = split.shared("pool", lambda: split.oracle()(X_pool))
    for name, extra in (("with the pool", (X_pool, labels, 1.0)), ("without it", None)):
        yield name, fitted_student(TreeStudent(max_leaves=size), split, Q, extra=extra).predict(split)


def measured(name: str, seed: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Gains of the teacher and of every student over the rival, by metric and size."""
    draw = drawn(name, seed)
    if draw is None:
        return
    split, X_pool = draw
    teach(split, PLAN, folder)
    teacher = row_losses(split.task, split.y_test, split.labels.test)
    for size in LEAVES:
        rival = row_losses(split.task, split.y_test, CONTESTANTS[RIVAL].fit(split, size).predict(split))
        for student, outputs in students(split, X_pool, size):
            losses = row_losses(split.task, split.y_test, outputs)
            for metric in METRICS[split.task]:
                gains = {"gain": gain(metric, rival[metric], losses[metric])}
                gains["gap"] = gain(metric, rival[metric], teacher[metric])
                yield {"set": name, "metric": metric, "size": size, "student": student, "k": split.n_classes} | gains


def summarised(rows: list[dict[str, Any]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gap recovered on each set, and over sets."""
    per_set: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        key = (row["metric"], row["student"], row["size"], row["set"], row["k"])
        per_set.setdefault(key, []).append((row["gain"], row["gap"]))
    pairs: dict[tuple[Any, ...], dict[str, tuple[Difference, Difference, float]]] = {}
    for (metric, student, size, name, k), draws in per_set.items():
        of_student, of_teacher = (over_seeds([draw[i] for draw in draws]) for i in (0, 1))
        recovered = gap_recovered(of_student, of_teacher, size, k)
        pairs.setdefault((metric, student, size), {})[name] = (of_student, of_teacher, recovered)
    pooled, sets = [], {}
    for (metric, student, size), of_sets in pairs.items():
        found = pool([pair[:2] for pair in of_sets.values()], [pair[2] for pair in of_sets.values()])
        row = {"metric": METRIC_NAMES[metric], "student": student, "leaves": size, "sets": found.n_sets}
        pooled.append(row | {"mean": found.mean, "95 % interval": f"{found.low:.2f} to {found.high:.2f}"})
        for name, (_, _, recovered) in of_sets.items():
            cells = sets.setdefault((name, metric, student), {"set": name, "metric": metric, "student": student})
            cells[f"{size} leaves"] = recovered
    return pd.DataFrame(pooled), pd.DataFrame(list(sets.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--development", action="store_true", help="only the sets that students are developed on")
    parser.add_argument("--sets", nargs="+", choices=sorted(datasets.TABLES), metavar="SET", default=Plan().sets)
    parser.add_argument("--seeds", nargs="+", type=int, default=Plan().seeds)
    parser.add_argument("--folder", type=Path, default=CACHE, help="of cached labels")
    given = parser.parse_args()
    names = DEVELOPMENT if given.development else given.sets
    rows = [row for name in names for seed in given.seeds for row in measured(name, seed, given.folder / "scarce")]
    if not rows:
        parser.error("none of these sets is large enough")
    pooled, sets = summarised(rows)
    print(f"Gap recovered against {CONTESTANTS[RIVAL].title}:\n\n{markdown(pooled)}\n\n{markdown(sets)}")


if __name__ == "__main__":
    main()
