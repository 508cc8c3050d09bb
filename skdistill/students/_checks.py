"""What is checked before a student is fitted: targets, weights, and what the student can take."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, check_consistent_length, check_non_negative, validate_data

from .._backend import of
from ..engine import Block, Engine, MemoryEngine

#: How far the sum of a row of soft labels may be from 1.
SUM_TOLERANCE = 1e-6


def resolve_loss(loss: str, Q: np.ndarray, weight: np.ndarray) -> str:
    """The loss meant by `loss` for targets `Q`; checks that `Q` suits it.

    Parameters
    ----------
    loss : {"auto", "log_loss", "squared", "poisson"}
        "auto": "log_loss" where the rows of `Q` are distributions over at least two classes, else "squared".
    Q : ndarray of shape (n,) or (n, k)
        Finite targets.
    weight : ndarray of shape (n,)
        Rows of weight 0 are not looked at.

    Returns
    -------
    {"log_loss", "squared", "poisson"}

    Raises
    ------
    ValueError
        Where `loss` is "log_loss" and a row of `Q` is not a distribution, or "poisson" and one holds a negative number;
        the message names the first such row.

    Examples
    --------
    >>> resolve_loss("auto", np.array([[0.9, 0.1], [0.3, 0.7]]), np.ones(2))
    'log_loss'
    >>> resolve_loss("auto", np.array([3.0, 4.0]), np.ones(2))
    'squared'
    """
    # In blocks, so that checking takes no memory to speak of.
    return resolved(loss, MemoryEngine({"Q": Q, "weight": weight}), Q.shape)


def resolved(loss: str, engine: Engine, shape: tuple[int, ...]) -> str:
    """The same for the columns ``"Q"``, of the given shape, and ``"weight"`` of an engine."""
    if loss == "squared":
        return loss
    if loss == "poisson":
        negative = engine.reduce(_negative, combine=_first)
        if negative is not None:
            raise ValueError(
                "loss='poisson' needs counts or rates, no target below 0. Row {} {}. Leave such rows out, or pass "
                "loss='squared'.".format(*negative)
            )
        return loss
    if len(shape) == 1 or shape[1] < 2:
        problem = f"Got an array of shape {shape}."
    else:
        found = engine.reduce(_not_distribution, combine=_first)
        if found is None:
            return "log_loss"
        problem = "Row {} {}.".format(*found)
    if loss == "log_loss":
        raise ValueError(
            "loss='log_loss' needs soft labels: a column of probabilities for each of two or more classes, every row "
            f"summing to 1. {problem} Divide each row by its sum, or pass loss='squared' for regression targets."
        )
    return "squared"


def _not_distribution(block: Block) -> tuple[int, str] | None:
    """The first row of ``"Q"`` that is no soft label, and what is wrong with it."""
    Q = block["Q"]
    xp = of(Q).xp
    lowest, sums = xp.min(Q, axis=1), xp.sum(Q, axis=1, dtype=xp.float64)
    wrong = ((lowest < 0) | (xp.abs(sums - 1) > SUM_TOLERANCE)) & (block["weight"] > 0)
    if not bool(xp.any(wrong)):
        return None
    row = int(xp.argmax(xp.astype(wrong, xp.uint8)))
    low = float(lowest[row])
    return block["start"] + row, f"holds the negative value {low:.6g}" if low < 0 else f"sums to {float(sums[row]):.6g}"


def _negative(block: Block) -> tuple[int, str] | None:
    """The first row of ``"Q"`` that holds a negative number, and which."""
    xp, Q = of(block["Q"]).xp, block["Q"]
    lowest = xp.min(xp.reshape(Q, (Q.shape[0], -1)), axis=1)
    wrong = (lowest < 0) & (block["weight"] > 0)
    if not bool(xp.any(wrong)):
        return None
    row = int(xp.argmax(xp.astype(wrong, xp.uint8)))
    return block["start"] + row, f"holds {float(lowest[row]):.6g}"


def _first(a: tuple[int, str] | None, b: tuple[int, str] | None) -> tuple[int, str] | None:
    return min(filter(None, (a, b)), default=None)


def check_weights(sample_weight: Any, n_rows: int) -> np.ndarray:
    """`sample_weight` as float64 of shape (n_rows,): ones where None, a number repeated, else checked.

    Raises
    ------
    ValueError
        For negative, non-finite or all-zero weights, or another shape.

    Examples
    --------
    >>> check_weights(None, 3)
    array([1., 1., 1.])
    """
    if sample_weight is None:
        sample_weight = 1.0
    if np.isscalar(sample_weight):
        # One number seen n_rows times: it takes no memory, and is read-only like any input.
        sample_weight = np.broadcast_to(np.array(sample_weight, dtype=np.float64), (n_rows,))
    weight: np.ndarray = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight", ensure_min_samples=0
    )
    if weight.shape != (n_rows,):
        raise ValueError(f"sample_weight.shape == {weight.shape}, expected {(n_rows,)}: one weight per row of X.")
    check_non_negative(weight, "`sample_weight`")
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight


def read(
    student: Any, X: Any, y: Any, sample_weight: Any, checks: dict[str, Any]
) -> tuple[Any, np.ndarray, np.ndarray]:
    """What a student fits, checked: X, targets of shape (n, k) and weights (n,), without the rows of weight 0.

    Sets `n_features_in_`, `n_outputs_`, `loss_` and `_flat`, which says that the targets were one-dimensional, on the
    student. `checks` are `sklearn.utils.check_array`'s for X.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> student = Ridge()
    >>> student.loss = "squared"
    >>> X, Q, weight = read(student, np.eye(3), [1.0, 2.0, 3.0], [1, 0, 2], {})
    >>> X.shape, Q.shape, weight
    ((2, 3), (2, 1), array([1., 2.]))
    """
    targets = {"ensure_2d": False, "dtype": [np.float64, np.float32]}
    with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, and an error that says so
        X, Q = validate_data(student, X, y, validate_separately=(checks, targets))
    check_consistent_length(X, Q)
    weight = check_weights(sample_weight, X.shape[0])
    student.loss_ = resolve_loss(student.loss, Q, weight)
    student._flat = Q.ndim == 1
    Q = Q.reshape(len(Q), -1)
    student.n_outputs_ = Q.shape[1]
    if weight.all():
        return X, Q, weight
    kept = weight > 0
    return X[kept], Q[kept], weight[kept]


def check_width(student: Any, n_features: int) -> None:
    """Raise where the student takes fewer features: known once rows are encoded, before any teacher is fitted.

    Raises
    ------
    ValueError
        Says how many it takes.
    """
    if student.max_features is not None and n_features > student.max_features:
        raise ValueError(
            f"{student!r} takes at most {student.max_features:,} features, got {n_features:,} after encoding. Choose "
            "features beforehand, for instance with sklearn.feature_selection, or pass sparsity=0 and "
            "difference_weight=0."
        )


def check_streams(student: Any) -> None:
    """Raise where the student cannot see rows in blocks: known before anything is read.

    Raises
    ------
    TypeError
        Says which can.
    """
    if not student.streams:
        raise TypeError(
            f"{student!r} does not stream: it needs all rows in memory at once. Pass student='tree', "
            "'linear', 'additive' or 'rules', or load as many rows as fit and pass them as arrays."
        )
