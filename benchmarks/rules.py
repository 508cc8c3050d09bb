"""What rules are worth: beside a boosted student and a tree of the same bytes, and what each choice in them buys.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.rules [folder of cached teachers]``. All development sets of 5,000 rows,
two draws, labels of the committee blended as by default: 64 rules with one choice moved at a time on some of the
sets, then the largest student of each family within 4 kB on all. Figures are points of accuracy, or of R squared for
values.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from skdistill import BoostedStudent, RuleStudent, TreeStudent
from skdistill.model import packed_nbytes
from skdistill.students import _rule
from skdistill.students._rule_basis import Condition, Rule

from .plan import DEVELOPMENT, Plan
from .runner import CACHE
from .splits import Split, draw
from .teachers import teach

PLAN = Plan(max_rows=5_000)
SEEDS = (0, 1)
#: On which one choice at a time is moved: of all kinds, and not the largest.
SOME = ("churn", "contraceptive", "german_credit", "phoneme", "vehicle", "concrete")
BUDGET = 4_096
FAMILIES: dict[str, list[Any]] = {
    "rules": [RuleStudent(max_rules=n) for n in (128, 160, 192, 224)],
    "boosted": [BoostedStudent(n_trees=n) for n in (4, 8, 12, 24, 32, 48, 64, 96, 128)],
    "tree": [TreeStudent(max_leaves=n) for n in (64, 96, 128, 256)],
    "rules of 2 conditions": [RuleStudent(max_rules=n, max_conditions=2) for n in (128, 192, 256)],
}
#: Parameters, and module constants in capitals.
CHOICES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "2 conditions": {"max_conditions": 2},
    "4 conditions": {"max_conditions": 4},
    "penalty .3": {"alpha": 0.3},
    "penalty 3": {"alpha": 3.0},
    "10 bins, as SIRUS": {"max_bins": 10},
    "500 paths": {"PATHS": 500},
    "smaller steps of the trees, .1": {"LEARNING_RATE": 0.1},
    "conditions for nothing": {"BYTES": (1, 0)},
    "paths of the teacher extra_trees": {"teacher": "extra_trees"},
    "paths of a forest on true labels, as SIRUS": {"teacher": RandomForestClassifier},
}


def taught(name: str, seed: int, folder: Path) -> Split:
    split = draw(name, seed, PLAN)
    teach(split, PLAN, folder)
    return split


def paths_of_forest(split: Split, teacher: Any) -> Any:
    """What finds rules on the paths of a teacher that is a forest, or of one fitted on true labels."""
    if teacher == "extra_trees":
        forest = split.oracle().committee[teacher][-1]
    else:
        kind = RandomForestClassifier if split.n_classes else RandomForestRegressor
        y = split.y_train if split.n_classes else split.truth.ravel()
        forest = kind(200, max_depth=3, min_samples_leaf=5, random_state=0, n_jobs=1).fit(split.raw[0], y)

    def found(student: Any, X: np.ndarray, Q: np.ndarray, weight: np.ndarray, setting: Any) -> list[Rule]:
        rules: dict[Rule, None] = {}
        _, unit, _ = setting
        for tree in (each.tree_ for each in forest.estimators_):
            shares = tree.value[:, 0] / tree.value[:, 0].sum(axis=1, keepdims=True)
            # A path adds to the class that it tells most about.
            output = np.abs(shares - shares[0]).argmax(axis=1) if len(unit) > 1 else np.zeros(len(shares), int)
            waiting: list[tuple[int, dict[tuple[int, bool], float]]] = [(0, {})]
            while waiting:
                node, conditions = waiting.pop()
                if conditions:
                    told = tuple(Condition(*key, conditions[key]) for key in sorted(conditions))
                    rules[Rule(int(output[node]), told)] = None
                if tree.children_left[node] >= 0:
                    feature, threshold = int(tree.feature[node]), float(np.float32(tree.threshold[node]))
                    for child, above in ((tree.children_right[node], True), (tree.children_left[node], False)):
                        deeper = {**conditions, (feature, above): threshold}
                        if len(deeper) <= student.max_conditions:
                            waiting.append((int(child), deeper))
        return list(rules)

    return found


def judged(student: Any, split: Split) -> tuple[int, float]:
    """Packed bytes, and points of accuracy or R squared on the test rows."""
    _, Z_test, preprocessor = split.raw
    nbytes = packed_nbytes(student.predictor_, student.link_, preprocessor)
    answers = student.evaluate(Z_test)
    if split.n_classes:
        return nbytes, 100 * float((answers.argmax(axis=1) == split.y_test).mean())
    return nbytes, 100 * float(1 - np.square(split.y_test - answers[:, 0]).mean() / split.y_test.var())


def largest(students: Iterable[Any], split: Split) -> float:
    """The points of the largest student within the budget; nan where none fits."""
    found = np.nan
    for student in students:
        nbytes, points = judged(student.fit(split.raw[0], split.soft()), split)
        if nbytes > BUDGET:
            break
        found = points
    return found


def compare(folder: Path) -> None:
    columns = [f"{name}, {BUDGET // 1024} kB" for name in FAMILIES] + ["64 rules", "their bytes"]
    print(f"| set | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    table = []
    for name in DEVELOPMENT:
        draws = []
        for seed in SEEDS:
            split = taught(name, seed, folder)
            nbytes, points = judged(RuleStudent().fit(split.raw[0], split.soft()), split)
            draws.append([*(largest(students, split) for students in FAMILIES.values()), points, nbytes])
        table.append(np.mean(draws, axis=0))
        print(
            f"| {name} | {' | '.join(f'{points:.1f}' for points in table[-1][:-1])} | {table[-1][-1]:.0f} |", flush=True
        )
    rules, boosted, tree, short, few, _ = np.transpose(table)
    for label, ahead in (
        ("rules less boosted", rules - boosted),
        ("rules less tree", rules - tree),
        ("rules of 2 conditions less boosted", short - boosted),
        ("64 rules less boosted", few - boosted),
    ):
        ahead = ahead[~np.isnan(ahead)]
        print(f"{label}: median {np.median(ahead):+.2f}, mean {ahead.mean():+.2f}, worst {ahead.min():+.2f}", end=", ")
        print(f"{(ahead >= -0.5).sum()} of {len(ahead)} within .5 points or ahead")


def vary(folder: Path) -> None:
    print("| 64 rules | points, mean | bytes | CPU s |\n|---|---|---|---|")
    splits = [taught(name, seed, folder) for name in SOME for seed in SEEDS]
    first = np.nan
    for choice, moved in CHOICES.items():
        constants = {key: value for key, value in moved.items() if key.isupper()}
        student = RuleStudent(**{key: value for key, value in moved.items() if key.islower() and key != "teacher"})
        each, seconds = [], 0.0
        for split in splits:
            with ExitStack() as moved_for_now:
                for key, value in constants.items():
                    moved_for_now.enter_context(patch.object(_rule, key, value))
                if "teacher" in moved:
                    forest = paths_of_forest(split, moved["teacher"])
                    moved_for_now.enter_context(patch.object(RuleStudent, "_paths", forest))
                started = time.process_time()
                student.fit(split.raw[0], split.soft())
                seconds += (time.process_time() - started) / len(splits)
                each.append(judged(student, split))
        found = np.mean(each, axis=0)
        first = found[1] if np.isnan(first) else first
        print(f"| {choice} | {found[1]:.2f} ({found[1] - first:+.2f}) | {found[0]:.0f} | {seconds:.2f} |", flush=True)


def main(folder: str = str(CACHE / "teachers")) -> None:
    vary(Path(folder))
    compare(Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
