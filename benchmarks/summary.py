"""From finished cells to what they say: gaps recovered, harm, duels, models within bytes."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import pandas as pd

from .competitors import CONTESTANTS
from .objectives import METRICS, Difference, duel, gain, gap_recovered, harm_rate, over_seeds, pool
from .plan import Plan
from .results import TEACHER, Cell, Results

BUDGETS = (1_024, 4_096, 16_384)
Pairs = dict[str, list[tuple[Difference, Difference]]]


class Summary:
    """The finished cells of a plan.

    Parameters
    ----------
    plan : Plan
    folder : Path
        As `runner.run` filled it.

    Attributes
    ----------
    frame : DataFrame
        One row per cell.
    """

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._results = Results(folder)
        self.plan = plan
        data = self._results.frame()
        self.frame = data[
            data["set"].isin(plan.sets) & data["seed"].isin(plan.seeds) & (data["rows"] == plan.max_rows)
        ].reset_index(drop=True)
        self._finished = self._results.finished() & {
            Cell(*row) for row in self.frame[list(Cell._fields)].itertuples(index=False)
        }
        self._classes = dict(zip(self.frame["set"], self.frame["n_classes"], strict=True))
        self._losses = lru_cache(maxsize=None)(self._results.losses)

    def sizes(self, contestant: str) -> tuple[int, ...]:
        """Sizes of a contestant of which there are results."""
        of_it = self.frame.loc[self.frame["contestant"] == contestant, "size"]
        return tuple(sorted(int(size) for size in of_it.unique()))

    def contestants(self) -> list[str]:
        """Those with results, in the order of the competitors' list."""
        there = set(self.frame["contestant"])
        return [name for name in CONTESTANTS if name in there]

    def gains(self, metric: str, contestant: str, size: int, rival: str, rival_size: int) -> Pairs:
        """Per set and draw, what the contestant and what the teacher gains over the rival, where all are finished."""
        pairs: Pairs = {}
        for name in self.plan.sets:
            if metric not in METRICS["classification" if self._classes.get(name, 0) else "regression"]:
                continue
            for seed in self.plan.seeds:
                cells = [
                    Cell(name, seed, self.plan.max_rows, *who)
                    for who in ((rival, rival_size), (contestant, size), (TEACHER, 0))
                ]
                if self._finished.issuperset(cells):
                    before, after, best = (self._losses(cell)[metric] for cell in cells)
                    pairs.setdefault(name, []).append((gain(metric, before, after), gain(metric, before, best)))
        return pairs

    def gap_row(
        self, metric: str, contestant: str, size: int, rival: str, sets: tuple[str, ...] | None = None
    ) -> dict[str, object]:
        """Gap recovered against `rival` of equal size, pooled over sets, and the harm rate over cells."""
        pairs = self.gains(metric, contestant, size, rival, size)
        if sets is not None:
            pairs = {name: pairs[name] for name in pairs if name in sets}
        means = {name: self._mean(cells) for name, cells in pairs.items()}
        leaves = size if CONTESTANTS[contestant].family == "tree" else 0
        recovered = [gap_recovered(*pair, leaves, self._classes[name]) for name, pair in means.items()]
        row: dict[str, object] = {"metric": metric, "contestant": contestant, "size": size}
        row |= asdict(pool(list(means.values()), recovered))
        cells = [of_student for cells in pairs.values() for of_student, _ in cells]
        return row | {"harm": harm_rate(cells), "cells": len(cells)}

    def gaps(self, rival: str | None = None, family: str = "tree", labels: str | None = None) -> pd.DataFrame:
        """`gap_row` of every contestant of a family and every size; `rival` None is each contestant's own."""
        rows = []
        for metric in (*METRICS["classification"], *METRICS["regression"]):
            for name in self.contestants():
                contestant, against = CONTESTANTS[name], rival or CONTESTANTS[name].rival
                unfit = contestant.family != family or labels not in (None, contestant.labels)
                if name == against or unfit:
                    continue
                rows += [self.gap_row(metric, name, size, against) for size in self.sizes(name)]
        frame = pd.DataFrame(rows)
        return frame[frame["cells"] > 0] if len(frame) else frame

    def per_set(self, metric: str, contestant: str, size: int, rival: str) -> pd.DataFrame:
        """One row a set: its gap, what of it is recovered (NaN where it does not count), and the contestant's sign."""
        leaves = size if CONTESTANTS[contestant].family == "tree" else 0
        rows = []
        for name, cells in self.gains(metric, contestant, size, rival, size).items():
            of_student, of_teacher = self._mean(cells)
            ratio = gap_recovered(of_student, of_teacher, leaves, self._classes[name])
            rows.append(
                {
                    "set": name,
                    "gain": of_student.value,
                    "gain_se": of_student.se,
                    "gap": of_teacher.value,
                    "gap_se": of_teacher.se,
                    "recovered": ratio,
                }
            )
        return pd.DataFrame(rows)

    def duels(self, contestant: str) -> pd.DataFrame:
        """The contestant against every other of its family, at equal size: wins, ties, losses, sign test."""
        rows = []
        for metric in (*METRICS["classification"], *METRICS["regression"]):
            for peer in self.contestants():
                if peer == contestant or CONTESTANTS[peer].family != CONTESTANTS[contestant].family:
                    continue
                for size in self.sizes(contestant):
                    pairs = self.gains(metric, contestant, size, peer, size)
                    differences = [self._mean(cells)[0] for cells in pairs.values()]
                    if differences:
                        row = {"metric": metric, "peer": peer, "size": size, **asdict(duel(differences))}
                        rows.append(row)
        return pd.DataFrame(rows)

    def within_bytes(self) -> pd.DataFrame:
        """Mean quality of each contestant at its largest size within a budget, and the sets on which it fits at all.

        A contestant's size is not chosen by its test score: that would flatter whoever has the most sizes.
        """
        students = self.frame[self.frame["contestant"] != TEACHER]
        rows = []
        for budget in BUDGETS:
            fitting = students[students["nbytes"] <= budget].sort_values("size")
            largest = fitting.groupby(["set", "seed", "contestant"], as_index=False).last()
            for name in self.contestants():
                of_it = largest[largest["contestant"] == name]
                row: dict[str, object] = {"bytes": budget, "contestant": name}
                row |= {"draws": len(of_it), "median bytes": of_it["nbytes"].median()}
                rows.append(row | {metric: of_it[metric].mean() for metric in ("accuracy", "log_loss", "auc")})
        return pd.DataFrame(rows)

    @staticmethod
    def _mean(cells: list[tuple[Difference, Difference]]) -> tuple[Difference, Difference]:
        return over_seeds([cell[0] for cell in cells]), over_seeds([cell[1] for cell in cells])
