"""How real rows are held out, so that no teacher labels a row that it was fitted on."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold, check_cv

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
    if isinstance(cv, (int, np.integer)) and not isinstance(cv, bool):
        if not split_params:
            cv = _shuffled(int(cv), y, task, seed)
        else:
            # Groups were given but no splitter that heeds them: scikit-learn's own rule for an integer would ignore
            # them without a word, and rows of one group would leak into the labels of the others.
            from sklearn.model_selection import GroupKFold

            cv = GroupKFold(n_splits=int(cv))
    elif isinstance(cv, str) or not hasattr(cv, "split"):
        if isinstance(cv, str) or not isinstance(cv, Iterable):
            raise ValueError(
                f"The 'cv' parameter must be an int of at least 2, a splitter or an iterable of splits. Got {cv!r}."
            )
        return _check(_remap(list(cv), kept, n), n)
    splitter = check_cv(cv, y, classifier=task == "classification")
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
    folds: list[Fold] = []
    for split in splits:
        if not isinstance(split, (tuple, list)) or len(split) != 2:
            raise ValueError("An iterable given as 'cv' must yield (train, test) pairs of row numbers.")
        train, test = (np.asarray(part) for part in split)
        if train.dtype == bool:
            train, test = np.flatnonzero(train), np.flatnonzero(test)
        if kept is not None:
            new = np.full(max(int(kept.max()), *(int(p.max(initial=0)) for p in (train, test))) + 1, -1)
            new[kept] = np.arange(len(kept))
            train, test = (new[part][new[part] >= 0] for part in (train, test))
        folds.append((train, test))
    return folds


def _check(folds: list[Fold], n: int) -> list[Fold]:
    if not folds:
        raise ValueError("The 'cv' parameter gave no folds.")
    for number, (train, test) in enumerate(folds, 1):
        if len(train) == 0:
            raise ValueError(f"Fold {number} of 'cv' has no training rows.")
        for part in (train, test):
            if len(part) and (part.min() < 0 or part.max() >= n):
                raise ValueError(f"Fold {number} of 'cv' names row {part.max()}, but there are {n} rows.")
    return folds
