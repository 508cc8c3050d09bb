"""How real rows are held out, so that no teacher labels a row that it was fitted on."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, PredefinedSplit, StratifiedKFold, check_cv

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


def make_folds(
    cv: Any,
    X: Any,
    y: NDArray[Any],
    task: str,
    *,
    kept: NDArray[np.intp] | None = None,
    seed: int | None = None,
    split_params: dict[str, Any] | None = None,
) -> list[Fold]:
    """The (train, test) row numbers of every fold.

    An integer makes shuffled folds (stratified for classification): tables often come sorted. A class with fewer rows
    than folds reduces their number, with a warning; a class of one row is an error, since the fold that holds it out
    leaves its teachers without that class altogether.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
    X, y : the training rows
    task : {"classification", "regression"}
    kept : ndarray of row numbers, optional
        The rows of the caller's table that X is; an iterable of splits speaks of the caller's rows.
    seed : int, optional
        Of the shuffling.
    split_params : dict
        Metadata for the splitter, such as ``groups``.

    Raises
    ------
    ValueError
        Fewer than two rows of a class, fewer rows than two, an empty or out-of-range fold.
    """
    n = len(y)
    if isinstance(cv, PredefinedSplit):
        cv = list(cv.split())  # it speaks of the caller's rows, as an iterable does
    if isinstance(cv, (int, np.integer)) and not isinstance(cv, bool):
        # Where groups are given, scikit-learn's own rule for an integer would ignore them without a word, and rows of
        # one group would leak into the labels of the others.
        cv = GroupKFold(n_splits=int(cv)) if split_params else _shuffled(int(cv), y, task, seed)
    elif isinstance(cv, str) or not hasattr(cv, "split"):
        if isinstance(cv, str) or not isinstance(cv, Iterable):
            raise ValueError(
                f"The 'cv' parameter must be an int of at least 2, a splitter or an iterable of splits. Got {cv!r}."
            )
        return _check(_remap(list(cv), kept, n), n)
    splitter = copy(check_cv(cv, y, classifier=task == "classification"))
    if getattr(splitter, "shuffle", False) and getattr(splitter, "random_state", 0) is None:
        splitter.random_state = seed  # same seed, same student
    return _check([(np.asarray(a), np.asarray(b)) for a, b in splitter.split(X, y, **(split_params or {}))], n)


def _shuffled(n_folds: int, y: NDArray[Any], task: str, seed: int | None) -> Any:
    if n_folds < 2:
        raise ValueError(f"The 'cv' parameter must be at least 2 folds. Got {n_folds}.")
    if task == "regression":
        if len(y) < n_folds:
            n_folds = len(y)
            warnings.warn(f"Only {n_folds} rows: as many folds are used.", UserWarning, stacklevel=4)
        return KFold(n_folds, shuffle=True, random_state=seed)
    labels, counts = np.unique(y, return_counts=True)
    rarest = int(np.argmin(counts))
    name = labels[rarest : rarest + 1].tolist()[0]  # as the caller wrote it, not as a NumPy scalar
    if counts[rarest] < 2:
        raise ValueError(
            f"Class {name!r} has one row only: no teacher can label it out of fold. "
            "Give it more rows, merge it with another class, or drop it."
        )
    if counts[rarest] < n_folds:
        warnings.warn(
            f"Class {name!r} has {counts[rarest]} rows, fewer than cv={n_folds} folds: "
            f"{counts[rarest]} folds are used.",
            UserWarning,
            stacklevel=4,
        )
        n_folds = int(counts[rarest])
    return StratifiedKFold(n_folds, shuffle=True, random_state=seed)


def _remap(splits: list[Any], kept: NDArray[np.intp] | None, n: int) -> list[Fold]:
    """Row numbers of the caller's table, as numbers of the rows that were kept."""
    n_all = n if kept is None else max(n, int(kept.max(initial=-1)) + 1)
    folds: list[Fold] = []
    for number, split in enumerate(splits, 1):
        if not isinstance(split, (tuple, list)) or len(split) != 2:
            raise ValueError("An iterable given as 'cv' must yield (train, test) pairs of row numbers.")
        parts = []
        for part in map(np.asarray, split):
            rows = np.flatnonzero(part) if part.dtype == bool else part.astype(np.intp)
            if kept is not None:
                if len(rows) and rows.min() < 0:
                    raise ValueError(f"Fold {number} of 'cv' names row {rows.min()}; rows count from 0.")
                new = np.full(max(n_all, int(rows.max(initial=-1)) + 1), -1)
                new[kept] = np.arange(len(kept))
                rows = new[rows]
                rows = rows[rows >= 0]
            parts.append(rows)
        folds.append((parts[0], parts[1]))
    return folds


def _check(folds: list[Fold], n: int) -> list[Fold]:
    if not folds:
        raise ValueError("The 'cv' parameter gave no folds. A generator is used up by the first fit: pass a list.")
    for number, (train, test) in enumerate(folds, 1):
        if len(train) == 0:
            raise ValueError(f"Fold {number} of 'cv' has no training rows.")
        for part in (train, test):
            if len(part) and (part.min() < 0 or part.max() >= n):
                worst = part.min() if part.min() < 0 else part.max()
                raise ValueError(f"Fold {number} of 'cv' names row {worst}, but there are {n} rows.")
        seen = np.isin(test, train)
        if seen.any():
            raise ValueError(
                f"Fold {number} of 'cv' trains on row {test[seen.argmax()]}, which it holds out: its label "
                "would not be out of fold."
            )
    if not any(len(test) for _, test in folds):
        raise ValueError("No fold of 'cv' holds any row out: there would be no out-of-fold labels.")
    return folds
