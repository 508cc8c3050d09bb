"""Quantiles and robust means: a distilled student against the same student on true values, at the same size.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.values``. Development sets of at most 5,000 rows and the progression of
diabetes, two draws; D² on test rows (the share of the best constant's loss that is saved), mean over sets and draws.
For Huber's loss one training value in twenty is ten times what it was. The committee is the default one, equally
weighed; labels are out of fold. "numbers" is a student of the committee's numbers alone, which minimises squared error;
"ahead" says how often the first blend beats true values alone, "coverage" gives that of the same columns.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold, cross_val_predict, train_test_split

from skdistill import AdditiveStudent, BoostedStudent, LinearStudent, TreeStudent
from skdistill.students import revalued
from skdistill.targets import Smear, Smeared, value_loss
from skdistill.teachers import resolve_members

from .plan import Plan
from .splits import draw

SETS = ("concrete", "pc_price", "diabetes")
SEEDS = (0, 1)
BLENDS = (0.3, 0.7, 0.0)
LOSSES = (("pinball", 0.1), ("pinball", 0.5), ("pinball", 0.9), ("huber", 0.5))
STUDENTS = {
    "tree": TreeStudent("squared"),
    "line": LinearStudent("squared"),
    "additive": AdditiveStudent("squared"),
    "boosted": BoostedStudent("squared"),
}


def rows(name: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Encoded, scaled training and test rows, and their values."""
    if name != "diabetes":
        split = draw(name, seed, Plan(max_rows=5_000))
        return *split.scaled[:2], split.y_train.astype(float), split.y_test.astype(float)
    X, y = load_diabetes(return_X_y=True)
    X = (X / X.std(axis=0)).astype(np.float32)
    return tuple(train_test_split(X, y, test_size=0.3, random_state=seed))


def measured(name: str, seed: int, loss_name: str, quantile: float) -> dict[tuple[str, str], tuple[float, float]]:
    """D² and coverage on test rows of the committee and, for each student, of what it learned."""
    Z, Z_test, y, y_test = rows(name, seed)
    if loss_name == "huber":
        y = np.where(np.random.default_rng(seed).random(len(y)) < 0.05, 10 * y, y)
    folds = KFold(5, shuffle=True, random_state=seed)
    said, said_of_test = [], []
    for member in resolve_members(None, "regression", len(y), 1, loss_name, quantile):
        said.append(cross_val_predict(member.estimator, Z, y, cv=folds)[:, None])
        said_of_test.append(clone(member.estimator).fit(Z, y).predict(Z_test))
    loss = value_loss(loss_name, y[:, None], quantile=quantile, labels=said)
    Q = np.mean(said, axis=0)
    truth, truth_of_test = y[:, None], y_test[:, None]
    smear = Smear.of((truth - Q)[:, 0], None, loss)
    found = {}

    def judge(student: str, labels: str, answer: np.ndarray) -> None:
        found[student, labels] = loss.explained(truth_of_test, answer), float((truth_of_test <= answer).mean())

    judge("committee", "", np.mean(said_of_test, axis=0)[:, None])
    for key, student in STUDENTS.items():
        judge(key, "numbers", clone(student).fit(Z, Q[:, 0]).evaluate(Z_test))
        for blend in (1.0, *BLENDS):
            smeared = Smeared.known(truth, loss) if blend == 1 else smear(Q, truth, blend)
            tamed = loss.tamed(truth, None if blend == 1 else Q)
            fitted = clone(student).fit(Z, ((1 - blend) * Q + blend * tamed)[:, 0])
            judge(key, f"{blend:g}", revalued(fitted, Z, smeared, None).evaluate(Z_test))
    return found


def main() -> None:
    columns = ("numbers", "1", *map("{:g}".format, BLENDS))
    blends = "".join(f" blend {blend:g} |" for blend in BLENDS)
    print(f"| loss | student | numbers | hard |{blends} ahead | coverage |")
    print("|---|---|" + "---|" * (len(columns) + 2))
    for loss_name, quantile in LOSSES:
        figures = defaultdict(list)
        for name in SETS:
            for seed in SEEDS:
                for key, value in measured(name, seed, loss_name, quantile).items():
                    figures[key].append(value)
        label = loss_name if loss_name == "huber" else f"{loss_name}, {quantile:g}"
        committee = np.mean(figures["committee", ""], axis=0)
        print(f"| {label} | committee | {committee[0]:.3f} |" + " |" * (len(columns) + 1), flush=True)
        for student in STUDENTS:
            each = [np.array(figures[student, labels]) for labels in columns]
            ahead = f"{(each[2][:, 0] > each[1][:, 0]).sum()} of {len(each[2])}"
            means = " | ".join(f"{figure[:, 0].mean():.3f}" for figure in each)
            covered = " / ".join(f"{figure[:, 1].mean():.2f}" for figure in each) if loss_name == "pinball" else ""
            print(f"| {label} | {student} | {means} | {ahead} | {covered} |", flush=True)


if __name__ == "__main__":
    main()
