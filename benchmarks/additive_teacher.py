"""What an additive model on true labels brings as one more teacher: to the committee, and to a tree taught by it.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.additive_teacher [folder of cached teachers]``. Development sets of at
most 5,000 rows, two draws, the fixed blend, test rows: the log-loss, for values the squared error over the target's
variance.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from skdistill.students import AdditiveStudent, TreeStudent
from skdistill.targets import blend_labels, fit_combiner

from .plan import BLEND, DEVELOPMENT, Plan
from .runner import CACHE
from .splits import Split, draw
from .teachers import teach

SEEDS = (0, 1)
PLAN = Plan(max_rows=5_000)


def committees(split: Split) -> tuple[list[tuple[np.ndarray, np.ndarray]], float]:
    """Labels of training rows out of fold and of test rows, without the additive model and with it, and its seconds."""
    Z, Z_test, _ = split.raw
    truth = split.truth
    started = time.process_time()
    out_of_fold = np.zeros_like(truth, dtype=np.float64)
    for train, test in split.folds:
        out_of_fold[test] = AdditiveStudent().fit(Z[train], truth[train]).evaluate(Z[test])
    unseen = AdditiveStudent().fit(Z, truth).evaluate(Z_test)
    seconds = time.process_time() - started
    found = []
    for more in ([], [(out_of_fold, unseen)]):
        train = [*split.labels.train_each.astype(np.float64), *(labels for labels, _ in more)]
        test = [*split.labels.test_each.astype(np.float64), *(labels for _, labels in more)]
        combine = fit_combiner(
            train,
            split.y_train if split.n_classes else split.truth,
            task=split.task,
            temperature="auto" if split.n_classes else 1.0,
            weighting="loss",
            aggregation="auto",
            sample_weight=None,
            covered=np.ones(len(Z), dtype=bool),
            device="cpu",
        )
        found.append((combine(train), combine(test)))
    return found, seconds


def loss(split: Split, P: np.ndarray) -> float:
    """Mean over the test rows."""
    if split.n_classes:
        return float(-np.log(np.maximum(P[np.arange(len(P)), split.y_test], 1e-15)).mean())
    return float(((P.ravel() - split.y_test) ** 2).mean() / split.y_test.var())


def main(folder: str = str(CACHE / "teachers")) -> None:
    """Print a table."""
    print("| set | committee | with it | tree | with it | CPU s of it | of the others |")
    print("|---" * 7 + "|")
    changes = []
    for name in DEVELOPMENT:
        rows = []
        for seed in SEEDS:
            split = draw(name, seed, PLAN)
            teach(split, PLAN, Path(folder))
            both, seconds = committees(split)
            row = []
            for P, P_test in both:
                y = split.y_train if split.n_classes else split.truth
                Q = blend_labels(P.copy(), y, BLEND[split.task], split.task)
                tree = TreeStudent().fit(split.raw[0], Q).evaluate(split.raw[1])
                row += [loss(split, P_test), loss(split, tree)]
            rows.append([row[0], row[2], row[1], row[3], seconds, split.labels.cpu_seconds])
        told = np.mean(rows, axis=0)
        changes.append([told[1] / told[0] - 1, told[3] / told[2] - 1])
        cells = [*(f"{each:.4f}" for each in told[:4]), *(f"{each:.1f}" for each in told[4:])]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    for who, change in zip(("committee", "tree"), np.transpose(changes), strict=True):
        se = change.std(ddof=1) / np.sqrt(len(change))
        fewer = f"less on {np.sum(change < 0)} of {len(change)}"
        print(f"{who}: mean change {100 * change.mean():+.2f} % ± {100 * se:.2f}, {fewer}")


if __name__ == "__main__":
    main(*sys.argv[1:])
