"""From the tables to what they say: gaps recovered, harm, duels, models within bytes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from .competitors import CONTESTANTS
from .objectives import METRICS, Difference, duel, gap_recovered, harm_rate, over_seeds, pool
from .plan import ADDITIVE_RIVAL, FIXED, STUDENT, Plan
from .results import TEACHER
from .tables import Tables

Pairs = dict[str, list[tuple[Difference, Difference]]]
ALL_METRICS = (*METRICS["classification"], *METRICS["regression"])


class Summary:
    """What the tables say of a plan's sets and seeds.

    Parameters
    ----------
    plan : Plan
    tables : Tables

    Attributes
    ----------
    frame : DataFrame
        One row per cell.
    """

    def __init__(self, plan: Plan, tables: Tables) -> None:
        self.plan = plan
        cells, pairs = (
            table[table["set"].isin(plan.sets) & table["seed"].isin(plan.seeds)]
            for table in (tables.cells, tables.pairs)
        )
        self.frame = cells.reset_index(drop=True)
        self._classes = dict(zip(self.frame["set"], self.frame["n_classes"], strict=True))
        self._gains: dict[tuple[str, str, str, int], dict[tuple[str, int], Difference]] = {}
        for row in pairs.itertuples(index=False):
            of_pair = self._gains.setdefault((row.metric, row.before, row.after, row.size), {})
            of_pair[row.set, row.seed] = Difference(float(row.value), float(row.se))

    # ------------------------------------------------------------------ who is there

    def contestants(self) -> list[str]:
        """Those with results, in the order of the competitors' list."""
        there = set(self.frame["contestant"])
        return [name for name in CONTESTANTS if name in there]

    def sizes(self, contestant: str) -> tuple[int, ...]:
        """Sizes of a contestant of which there are results."""
        of_it = self.frame.loc[self.frame["contestant"] == contestant, "size"]
        return tuple(sorted(int(size) for size in of_it.unique()))

    def trees(self) -> list[str]:
        """Contestants of the plan's leaves, ablations apart."""
        return [n for n in self.contestants() if _is_tree(n) and not CONTESTANTS[n].ablation]

    # ------------------------------------------------------------------ gap recovered

    def gains(self, metric: str, contestant: str, size: int, rival: str) -> Pairs:
        """Per set and draw, what the contestant and what the teacher gains over the rival of equal size."""
        of_it = self._gains.get((metric, rival, contestant, size), {})
        of_teacher = self._gains.get((metric, rival, TEACHER, size), {})
        pairs: Pairs = {}
        for draw, difference in of_it.items():
            pairs.setdefault(draw[0], []).append((difference, of_teacher[draw]))
        return pairs

    def gap_row(
        self, metric: str, contestant: str, size: int, rival: str, sets: set[str] | None = None
    ) -> dict[str, Any]:
        """Gap recovered against `rival` of equal size, pooled over sets, and the harm rate over cells."""
        pairs = self.gains(metric, contestant, size, rival)
        if sets is not None:
            pairs = {name: pairs[name] for name in pairs if name in sets}
        means = {name: _mean(cells) for name, cells in pairs.items()}
        recovered = [self._recovered(contestant, size, name, pair) for name, pair in means.items()]
        row: dict[str, Any] = {"metric": metric, "contestant": contestant, "size": size}
        row |= asdict(pool(list(means.values()), recovered))
        cells = [of_student for cells in pairs.values() for of_student, _ in cells]
        return row | {"harm": harm_rate(cells), "cells": len(cells)}

    def gaps(self, names: list[str], rival: str | None = None) -> pd.DataFrame:
        """`gap_row` of some contestants and every size; `rival` None is each contestant's own."""
        rows = [
            self.gap_row(metric, name, size, rival or CONTESTANTS[name].rival)
            for metric in ALL_METRICS
            for name in names
            for size in self.sizes(name)
        ]
        frame = pd.DataFrame(rows)
        return frame[frame["cells"] > 0] if len(frame) else frame

    def per_set(self, metric: str, contestant: str, size: int, rival: str) -> pd.DataFrame:
        """One row a set: its gap and what of it is recovered (NaN where it does not count)."""
        rows = []
        for name, cells in self.gains(metric, contestant, size, rival).items():
            of_student, of_teacher = _mean(cells)
            ratio = self._recovered(contestant, size, name, (of_student, of_teacher))
            rows.append({"set": name, "gap": of_teacher.value, "gap_se": of_teacher.se, "recovered": ratio})
        return pd.DataFrame(rows)

    def _recovered(self, contestant: str, size: int, name: str, pair: tuple[Difference, Difference]) -> float:
        return gap_recovered(*pair, size if _is_tree(contestant) else 0, self._classes[name])

    # ------------------------------------------------------------------ duels

    def differences(self, metric: str, before: str, after: str, size: int) -> dict[str, Difference]:
        """The gain of `after` over `before` on each set."""
        by_set: dict[str, list[Difference]] = {}
        for (name, _), difference in self._gains.get((metric, before, after, size), {}).items():
            by_set.setdefault(name, []).append(difference)
        return {name: over_seeds(differences) for name, differences in by_set.items()}

    def duel_row(self, metric: str, before: str, after: str, size: int) -> dict[str, Any] | None:
        """Wins, ties and losses of `after`, and the sign test; None where they never met."""
        differences = self.differences(metric, before, after, size)
        return {"metric": metric, "size": size, **asdict(duel(list(differences.values())))} if differences else None

    def headline_duels(self) -> pd.DataFrame:
        """The headline student against every other tree of equal leaves."""
        rows = []
        for metric in ALL_METRICS:
            for peer in self.trees():
                for size in self.sizes(STUDENT):
                    turned = self.duel_row(metric, STUDENT, peer, size)
                    if turned is not None:
                        turned["wins"], turned["losses"] = turned["losses"], turned["wins"]
                        rows.append({"peer": peer, **turned})
        return pd.DataFrame(rows)

    def ablations(self) -> pd.DataFrame:
        """What moving a lever changes, over all sets, against the tree of fixed blend and equal leaves.

        Changes are means over sets; those of the RMSE are shares of it, as units differ.
        """
        rows = []
        for name in self.contestants():
            for size in self.sizes(name) if CONTESTANTS[name].ablation else ():
                for metric in ALL_METRICS:
                    row = self.duel_row(metric, FIXED, name, size)
                    if row is not None:
                        values = self._changes(metric, name, size)
                        error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
                        rows.append({"contestant": name, **row, "mean": values.mean(), "se": error})
        return pd.DataFrame(rows)

    def _changes(self, metric: str, name: str, size: int) -> np.ndarray:
        differences = self.differences(metric, FIXED, name, size)
        values = np.array([difference.value for difference in differences.values()])
        if metric == "rmse":
            own = self.frame[(self.frame["contestant"] == FIXED) & (self.frame["size"] == size)]
            values /= own.groupby("set")["rmse"].mean()[list(differences)].to_numpy()
        return values

    # ------------------------------------------------------------------ additive models and explainable boosting

    def additive(self) -> pd.DataFrame:
        """Additive students against explainable boosting: differences in standard errors, and bytes."""
        rows = []
        sizes = {name: self._bytes(name) for name in self.contestants()}
        for name in self.contestants():
            # What comes in sizes meets explainable boosting, which has none, at its smallest alone.
            is_additive = CONTESTANTS[name].family == "additive" and CONTESTANTS[name].sizes == (0,)
            if not is_additive or name == ADDITIVE_RIVAL:
                continue
            for metric in ("auc", "rmse"):
                differences = self.differences(metric, ADDITIVE_RIVAL, name, 0)
                if differences:
                    errors = np.array([d.value / d.se for d in differences.values()])
                    common = sizes[name].index.intersection(sizes[ADDITIVE_RIVAL].index)
                    ratio = (sizes[name][common] / sizes[ADDITIVE_RIVAL][common]).median()
                    rows.append(
                        {
                            "contestant": name,
                            "metric": metric,
                            "n_sets": len(errors),
                            "mean": float(np.mean([d.value for d in differences.values()])),
                            "median_errors": float(np.median(errors)),
                            "within": float(np.mean(errors >= -1)),
                            "bytes": ratio,
                        }
                    )
        return pd.DataFrame(rows)

    def _bytes(self, name: str) -> pd.Series:
        of_it = self.frame[self.frame["contestant"] == name]
        return of_it.groupby(["set", "seed"])["nbytes"].min()


def _is_tree(name: str) -> bool:
    contestant = CONTESTANTS[name]
    return contestant.family == "tree" and contestant.sizes_in == "leaves"


def _mean(cells: list[tuple[Difference, Difference]]) -> tuple[Difference, Difference]:
    return over_seeds([cell[0] for cell in cells]), over_seeds([cell[1] for cell in cells])
