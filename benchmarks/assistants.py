"""A boosted assistant between committee and tree: losses on test rows with and without.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.assistants [folder of cached teachers]``. Development sets, at most 5,000
rows, two draws, blend .3, trees of 16 and 64 leaves, also with rows of `ForestSwap`, which the committee labels for
the assistant and the assistant for the tree. It is always in between: nothing chooses whether it helps.
"""

from __future__ import annotations

import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from skdistill import TableEncoder
from skdistill._stages import assisted
from skdistill._transfer import Lesson, Recipe, Table
from skdistill.augmentation import ForestSwap
from skdistill.students import BoostedStudent, TreeStudent

from .objectives import Difference, duel, gain, over_seeds, row_losses
from .plan import DEVELOPMENT, Plan
from .runner import CACHE
from .splits import Split, draw
from .teachers import teach

SEEDS = (0, 1)
LEAVES = (16, 64)
BLEND = 0.3
SAMPLERS = {"": None, ", drawn rows": ForestSwap()}
PLAN = Plan(max_rows=5_000)

#: Losses of test rows by metric, without the assistant and with it.
Pair = tuple[dict[str, np.ndarray], dict[str, np.ndarray]]


def lesson_of(split: Split) -> Lesson:
    """What the cached committee teaches."""
    table = Table(split.X_train, {False: TableEncoder().fit(split.X_train)})
    truth = split.y_train if split.n_classes else split.truth
    Q, folds = split.labels.train, tuple(split.folds)
    return Lesson(table, Q, None, truth, split.truth, None, split.task, split.oracle(), seed=split.seed, folds=folds)


def losses(split: Split, lesson: Lesson, recipe: Recipe) -> dict[str, np.ndarray]:
    """Of a student that learned the lesson; values in standard deviations of the target."""
    encoded = lesson.real.beside(split.X_test).encoded(recipe.scale)
    outputs, unit = lesson.fit(recipe).evaluate(encoded), 1.0 if split.n_classes else split.y_test.std()
    return row_losses(split.task, split.y_test if split.n_classes else split.y_test / unit, outputs / unit)


def measured(name: str, seed: int, folder: Path) -> tuple[dict[tuple[int, str], Pair], float]:
    """Losses of each tree, and CPU seconds of an assistant without drawn rows."""
    split = draw(name, seed, PLAN)
    teach(split, PLAN, folder)
    lesson, found, seconds = lesson_of(split), {}, 0.0
    for way, sampler in SAMPLERS.items():
        started = time.process_time()
        _, taught = assisted(lesson, "boosted", Recipe(BoostedStudent(), BLEND, sampler))
        seconds = seconds or time.process_time() - started
        for leaves in LEAVES:
            recipe = Recipe(TreeStudent(max_leaves=leaves), BLEND, sampler)
            found[leaves, way] = losses(split, lesson, recipe), losses(split, taught, recipe)
    return found, seconds


def mean(values: list[float]) -> str:
    """The mean over sets and its standard error."""
    return f"{np.mean(values):+.2f} ± {np.std(values, ddof=1) / np.sqrt(len(values)):.2f}"


def main(folder: str = str(CACHE / "teachers")) -> None:
    """Print a table of sets and one over them."""
    kinds = list(product(LEAVES, SAMPLERS))
    differences: dict[tuple[Any, ...], dict[str, Difference]] = {}
    before: dict[tuple[Any, ...], float] = {}
    print("| set |" + "".join(f" {leaves} leaves{way} |" for leaves, way in kinds) + " CPU s |")
    print("|---" * (len(kinds) + 2) + "|")
    for name in DEVELOPMENT:
        found = [measured(name, seed, Path(folder)) for seed in SEEDS]
        cells = []
        for kind in kinds:
            pairs = [draws[kind] for draws, _ in found]
            for metric in pairs[0][0].keys() - {"auc"}:
                each = over_seeds([gain(metric, without[metric], own[metric]) for without, own in pairs])
                level = np.mean([without[metric].mean() for without, _ in pairs])
                differences.setdefault((metric, *kind), {})[name] = each
                before[metric, *kind, name] = float(np.sqrt(level) if metric == "rmse" else level)
            loss = "rmse" if "rmse" in pairs[0][0] else "log_loss"
            told = differences[loss, *kind][name]
            cells.append(f"{before[loss, *kind, name]:.4f} {-told.value:+.4f} ± {told.se:.4f}")
        print(f"| {name} | " + " | ".join(cells) + f" | {np.mean([s for _, s in found]):.1f} |", flush=True)
    print("\n| metric | tree | change, % | better | even | worse |\n|---|---|---|---|---|---|")
    for (metric, leaves, way), of_sets in sorted(differences.items(), key=str):
        change = [-100 * each.value / before[metric, leaves, way, name] for name, each in of_sets.items()]
        if metric == "accuracy":  # points
            change = [-100 * each.value for each in of_sets.values()]
        told = duel(list(of_sets.values()))
        print(f"| {metric} | {leaves} leaves{way} | {mean(change)} | {told.wins} | {told.ties} | {told.losses} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
