"""What the page is made of, small enough to commit: a table of cells and a table of paired differences.

The cache holds the loss of every test row, which paired standard errors need and which is far too much to commit. So a
run ends by computing all differences that the page reads. From then on the two tables are all that is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .competitors import CONTESTANTS
from .objectives import METRICS, gain
from .plan import ADDITIVE_RIVAL, BYTES_PEERS, BYTES_RIVAL, FIXED, RIVALS, STUDENT, STUDENTS_IN_BYTES, Plan
from .results import TEACHER, Cell, Results

#: Of the hard-trained contestants within a budget, the one of least cross-validated loss.
BEST_HARD = "best_hard_bytes"
#: Of our students that choose for themselves and pack no larger than a peer, the one of least judged loss.
NO_LARGER = "no_larger"


@dataclass(frozen=True)
class Tables:
    """What a run has found.

    Attributes
    ----------
    cells : DataFrame
        The rows of `results.COLUMNS`, and of every draw and budget one of `BEST_HARD`.
    pairs : DataFrame
        The gain of `after` over `before` at a size on a draw by a metric: set, seed, metric, size, before, after,
        value, se. A teacher has no size: it is compared at every size of a rival.
    """

    cells: pd.DataFrame
    pairs: pd.DataFrame

    @classmethod
    def read(cls, folder: Path) -> Tables:
        """Read what `write` has written.

        Raises
        ------
        FileNotFoundError
            Nothing was written there.
        """
        return cls(*(pd.read_parquet(folder / f"{part}.parquet") for part in ("cells", "pairs")))

    def write(self, folder: Path) -> None:
        """Write both as Parquet."""
        folder.mkdir(parents=True, exist_ok=True)
        for part, table in (("cells", self.cells), ("pairs", self.pairs)):
            table.to_parquet(folder / f"{part}.parquet", compression="zstd", compression_level=19, index=False)


def tabulate(plan: Plan, folder: Path) -> Tables:
    """Tables of a plan's finished cells."""
    results = Results(folder)
    cells = results.frame()
    cells = cells[
        cells["set"].isin(plan.sets)
        & cells["seed"].isin(plan.seeds)
        & (cells["rows"] == plan.max_rows)
        & cells["contestant"].isin([TEACHER, *CONTESTANTS])
    ]
    draws = [_Draw(results, of_draw) for _, of_draw in cells.groupby(["set", "seed"], sort=True)]
    pairs = pd.DataFrame(
        [row for draw in draws for row in draw.pairs()],
        columns=["set", "seed", "metric", "size", "before", "after", "value", "se"],
    )
    pairs = pairs.sort_values(["metric", "before", "after", "size", "set", "seed"], ignore_index=True)
    pairs = pairs.astype({"value": "float32", "se": "float32", "seed": "int8", "size": "int32"})
    texts = dict.fromkeys(("set", "metric", "before", "after"), "category")
    cells = pd.concat([draw.cells for draw in draws], ignore_index=True) if draws else cells
    return Tables(cells, pairs.astype(texts))


class _Draw:
    """The cells of one draw and their losses."""

    def __init__(self, results: Results, cells: pd.DataFrame) -> None:
        self.set, self.seed = cells["set"].iloc[0], int(cells["seed"].iloc[0])
        keys = [Cell(*row) for row in cells[list(Cell._fields)].itertuples(index=False)]
        self._losses = {(cell.contestant, cell.size): results.losses(cell) for cell in keys}
        self._rows = {(row["contestant"], row["size"]): row for row in cells.to_dict("records")}
        self._task = cells["task"].iloc[0]
        best = list(self._best_hard())
        self.cells = pd.concat([cells, pd.DataFrame(best, columns=cells.columns)]) if best else cells

    def _best_hard(self) -> Iterator[dict[str, Any]]:
        within = [key for key in self._rows if (c := CONTESTANTS.get(key[0])) and _hard_in_bytes(c)]
        for size in sorted({size for _, size in within}):
            key = min((key for key in within if key[1] == size), key=lambda key: self._rows[key]["cv_loss"])
            self._losses[BEST_HARD, size] = self._losses[key]
            yield self._rows[key] | {"contestant": BEST_HARD, "settings": key[0]}

    def pairs(self) -> Iterator[tuple[Any, ...]]:
        """Rows of the table of pairs."""
        wanted = {(before, name, size) for name, size in self._rows for before in rivals(name)}
        wanted |= {(before, TEACHER, size) for before, _, size in wanted}
        for before, after, size in sorted(wanted):
            of_both = (before, size), (after, 0 if after == TEACHER else size)
            if all(key in self._losses for key in of_both):
                yield from self._gains(*of_both, size, before)
        for key in self._rows:
            if key[0] in BYTES_PEERS and (ours := self._no_larger(self._rows[key]["nbytes"])):
                yield from self._gains(key, ours, key[1], key[0], NO_LARGER)

    def _no_larger(self, nbytes: float) -> tuple[str, int] | None:
        """Of our students that chose for themselves, the one that did best on the rows that it was judged on."""
        ours = [key for key in self._rows if key[0] in (STUDENT, *STUDENTS_IN_BYTES) or _is_like_a_peer(key[0])]
        ours = [key for key in ours if not np.isnan(self._rows[key]["cv_loss"])]
        fitting = [key for key in ours if self._rows[key]["nbytes"] <= nbytes]
        return min(fitting, key=lambda key: self._rows[key]["cv_loss"], default=None)

    def _gains(
        self, before: tuple[str, int], after: tuple[str, int], size: int, *names: str
    ) -> Iterator[tuple[Any, ...]]:
        first, second = (*names, after[0])[:2]
        additive = any(getattr(CONTESTANTS.get(key[0]), "family", "") == "additive" for key in (before, after))
        metrics = METRICS[self._task] + (("auc",) if additive and self._task == "classification" else ())
        for metric in metrics:
            difference = gain(metric, self._losses[before][metric], self._losses[after][metric])
            yield self.set, self.seed, metric, size, first, second, difference.value, difference.se


def _hard_in_bytes(contestant: Any) -> bool:
    return contestant.sizes_in == "bytes" and contestant.labels == "hard"


def _is_like_a_peer(name: str) -> bool:
    return name in CONTESTANTS and bool(CONTESTANTS[name].like)


def rivals(name: str) -> set[str]:
    """Whom a contestant is compared with, at its own size."""
    if name == TEACHER:
        return set()
    contestant = CONTESTANTS[name]
    if contestant.sizes_in == "bytes":
        found = {BYTES_RIVAL, BEST_HARD}
    elif contestant.family == "tree":
        found = {FIXED} if contestant.ablation else {*RIVALS, STUDENT}
    elif contestant.family == "additive":
        found = {contestant.rival, ADDITIVE_RIVAL}
    else:
        found = {contestant.rival}
    return found - {name}
