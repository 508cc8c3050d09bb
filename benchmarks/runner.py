"""Fill in the cells that are not there yet."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from .competitors import CONTESTANTS, Contestant
from .datasets import MissingPackageError
from .objectives import row_losses, scores
from .plan import FIRST_SEED, Plan
from .results import TEACHER, Cell, Results
from .splits import Split, draw
from .teachers import teach

CACHE = Path(__file__).parent / ".cache"


def run(plan: Plan, folder: Path = CACHE, jobs: int = 1, rerun: tuple[str, ...] = ()) -> list[str]:
    """Run the plan's unfinished cells.

    Parameters
    ----------
    plan : Plan
    folder : Path
        Of the results and of the teachers' labels.
    jobs : int
        Draws at a time, each in a process of its own.
    rerun : tuple of str
        Contestants whose finished cells are run again, because their code changed.

    Returns
    -------
    list of str
        What was skipped or failed, and why.
    """
    finished = Results(folder).finished()
    finished = {cell for cell in finished if cell.contestant not in rerun}
    draws = [(name, seed) for name in plan.sets for seed in plan.seeds]
    skipped = Parallel(n_jobs=jobs)(delayed(_run_draw)(*pair, plan, folder, finished) for pair in draws)
    absent = [f"{c.name}: {c.lacks}" for c in _chosen(plan) if c.lacks]
    return sorted({message for messages in skipped for message in messages}) + absent


def cells(plan: Plan, name: str, seed: int) -> list[Cell]:
    """All cells of one draw, the teacher's first."""
    own = [
        Cell(name, seed, plan.max_rows, contestant.name, size)
        for contestant in _chosen(plan)
        if contestant.lacks is None and (seed == plan.seeds[0] or not _once(contestant))
        for size in sizes(plan, contestant)
    ]
    return [Cell(name, seed, plan.max_rows, TEACHER, 0), *own]


def sizes(plan: Plan, contestant: Contestant) -> tuple[int, ...]:
    """What a contestant is asked for."""
    if contestant.sizes is not None:
        return contestant.sizes
    return plan.budgets if contestant.sizes_in == "bytes" else plan.leaves


def _once(contestant: Contestant) -> bool:
    return contestant.ablation or contestant.name in FIRST_SEED


def _chosen(plan: Plan) -> list[Contestant]:
    names = CONTESTANTS if plan.contestants is None else plan.contestants
    return [CONTESTANTS[name] for name in names]


def _run_draw(name: str, seed: int, plan: Plan, folder: Path, finished: set[Cell]) -> list[str]:
    wanted = [cell for cell in cells(plan, name, seed) if cell not in finished]
    if not wanted:
        return []
    try:
        split = draw(name, seed, plan)
    except MissingPackageError as error:
        return [f"{name}: {error}"]
    started = time.perf_counter()
    teach(split, plan, folder / "teachers")
    _say(split, "teachers", time.perf_counter() - started)
    results, failed = Results(folder), []
    for cell in wanted:
        started = time.perf_counter()
        try:
            _run_cell(cell, split, results)
        except Exception as error:  # one contestant that fails on one set must not end a run of hours
            failed.append(f"{name} {seed}: {cell.contestant} {cell.size}: {type(error).__name__}: {error}")
        _say(split, f"{cell.contestant} {cell.size or ''}", time.perf_counter() - started)
    return failed


def _run_cell(cell: Cell, split: Split, results: Results) -> None:
    row: dict[str, object] = {
        "task": split.task,
        "n_train": len(split.y_train),
        "n_test": len(split.y_test),
        "n_features": split.X_train.shape[1],
        "n_classes": split.n_classes,
    }
    if cell.contestant == TEACHER:
        outputs = split.labels.test
        weights = dict(zip(split.labels.names, np.round(split.labels.combine.weights, 3).tolist(), strict=True))
        row |= {"leaves": 0, "cpu_seconds": round(split.labels.cpu_seconds, 3), "settings": json.dumps(weights)}
    else:
        contestant = CONTESTANTS[cell.contestant]
        size = results.nbytes(cell._replace(contestant=contestant.like)) if contestant.like else cell.size
        _ = split.raw, split.scaled, split.folds  # made here, so that no contestant pays for what all share
        split.shared.settle()
        started = time.process_time()
        fitted = contestant.fit(split, size)
        seconds = time.process_time() - started + split.shared.owed
        if fitted.cpu_seconds is not None:
            seconds = fitted.cpu_seconds
        outputs = fitted.predict(split)
        row |= {"leaves": fitted.leaves, "nbytes": fitted.nbytes, "cpu_seconds": round(seconds, 3)}
        row |= {"settings": json.dumps(fitted.settings), "cv_loss": fitted.cv_loss}
    measured = scores(split.task, split.y_test, outputs, split.labels.test)
    row |= {metric: round(value, 6) for metric, value in measured.items()}
    results.add(cell, row, row_losses(split.task, split.y_test, outputs))


def _say(split: Split, what: str, seconds: float) -> None:
    print(f"{split.name} {split.seed}: {what} ({seconds:.1f} s)", flush=True)
