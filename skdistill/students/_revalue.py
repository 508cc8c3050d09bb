"""The numbers of a fitted student fitted once more, under another loss than the one that found its structure.

Splits, bins and features are found by squared error. They stay; what the leaves and tables hold, or the weights of a
line, is linear in the scores, so that any convex loss of these has one minimum, which L-BFGS finds.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import minimize

from ..model import Additive, Linear, PairTable, Tree, TreeSum
from ..targets import Smeared
from ._descent import CURVATURE_WIDTH
from ._leaf_values import MAX_STEPS, Derivatives, Losses, refit
from ._low_rank import LowRankStudent

#: Strength of the squared penalty on how far a number moves, in units of rows; chosen on concrete and diabetes.
PENALTY = 10.0
#: Rows whose losses are held at a time.
BLOCK_ROWS = 65_536


def revalued(student: Any, Z: Any, labels: Smeared, weight: np.ndarray | None) -> Any:
    """A copy of a student, fitted by squared error, whose numbers minimise the loss of these labels.

    Numbers are drawn towards those that squared error found, but for what they all move by, which is free.

    Parameters
    ----------
    student : fitted student of one output
    Z : ndarray or CSR matrix of shape (n, d)
        Rows as the student takes them.
    labels : Smeared
    weight : ndarray of shape (n,), or None where all are 1

    Raises
    ------
    TypeError
        The student's predictor is neither tree, line, additive model nor a sum of trees.
    """
    predictor = student.predictor_
    scores = student.evaluate(Z)
    share = np.ones(len(scores)) if weight is None else weight
    start, losses = _centred(labels, scores[:, 0], share)
    if isinstance(predictor, Linear):
        fresh: Any = _line(predictor, Z, start, losses)
    elif isinstance(predictor, Tree):
        (moved,), base = _moves([predictor.apply(Z)], [predictor.n_leaves], start, losses)
        value = predictor.value + (base + moved)[:, None]
        fresh = replace(predictor, value=value.astype(np.float32))
    elif isinstance(predictor, TreeSum):
        fresh = _tree_sum(predictor, Z, start, losses)
    elif isinstance(predictor, Additive):
        fresh = _additive(predictor, Z, start, losses)
    else:
        raise _refusal(student, labels.loss.words)
    twin = copy(student)
    twin.predictor_ = fresh
    return twin


def check_revaluable(student: Any, words: str) -> None:
    """Raise a TypeError for a student whose fitted numbers no other loss can move; `words` name that loss."""
    if isinstance(student, LowRankStudent):
        raise _refusal(student, words)


def _refusal(student: Any, words: str) -> TypeError:
    return TypeError(
        f"The numbers of {student!r} cannot be fitted under the {words}. Pass student='tree', 'linear', 'additive', "
        "'boosted' or 'rules', or loss='squared'."
    )


def _centred(labels: Smeared, scores: np.ndarray, weight: np.ndarray) -> tuple[float, Losses]:
    """By how much all scores are off, and the loss of moving them, in units in which it curves by about one a row."""
    residuals = labels.values - scores[:, None]
    shares = weight[:, None] * labels.shares
    counted = shares > 0
    apart, mass = residuals[counted], shares[counted]
    unit = 1.0 / labels.loss.curvature(apart, mass)
    blocks = [slice(start, start + BLOCK_ROWS) for start in range(0, len(scores), BLOCK_ROWS)]

    def losses(moved: np.ndarray) -> Derivatives:
        total, slopes, curvatures = 0.0, np.empty_like(moved), np.empty_like(moved)
        for rows in blocks:
            loss, slope, curvature = labels.loss.smooth(residuals[rows] - moved[rows])
            share = unit * shares[rows]
            total += float((share * loss).sum())
            slopes[rows, 0] = (share * slope).sum(axis=1)
            # Where the loss is linear it does not curve, but a step changes it: what it curves on average scales steps.
            curvatures[rows, 0] = np.maximum((share * curvature).sum(axis=1), weight[rows])
        return total, slopes, curvatures

    return labels.loss.location(apart, mass), losses


def _moves(cells: list[np.ndarray], sizes: list[int], start: float, losses: Losses) -> tuple[list[np.ndarray], float]:
    """By how much the number of each cell moves, and what is added everywhere."""
    if not cells:
        return [], start
    values, output = [np.zeros(size) for size in sizes], [0] * len(sizes)
    moves, base = refit(cells, values, output, np.array([start]), losses, PENALTY)
    return moves, float(base[0])


def _tree_sum(predictor: TreeSum, Z: np.ndarray, start: float, losses: Losses) -> TreeSum:
    """Leaves of 0, where a rule says nothing, stay so: they are one cell, and what it moves by, everything does."""
    numbers = [np.where(tree.value[:, 0], np.cumsum(tree.value[:, 0] != 0), 0) for tree in predictor.trees]
    cells = [number[tree.apply(Z)] for number, tree in zip(numbers, predictor.trees, strict=True)]
    moves, base = _moves(cells, [int(number.max()) + 1 for number in numbers], start, losses)
    trees = [
        replace(tree, value=(tree.value[:, 0] + (by - by[0])[number])[:, None])
        for tree, number, by in zip(predictor.trees, numbers, moves, strict=True)
    ]
    return replace(predictor, trees=tuple(trees), base=predictor.base + base + sum(by[0] for by in moves))


def _additive(predictor: Additive, Z: np.ndarray, start: float, losses: Losses) -> Additive:
    used = [j for j, edges in enumerate(predictor.edges) if len(edges)]
    cells = [np.searchsorted(predictor.edges[j], Z[:, j]) for j in used]
    cells += [_inner_cells(pair, Z) for pair in predictor.pairs]
    sizes = [len(predictor.tables[j]) for j in used] + [pair.table[1:, 1:].size + 1 for pair in predictor.pairs]
    moves, base = _moves(cells, sizes, start, losses)
    tables, pairs = list(predictor.tables), []
    # All tables begin with 0: what their first entries move by, everything does.
    for j, by in zip(used, moves[: len(used)], strict=True):
        tables[j] = tables[j] + (by - by[0])[:, None]
    for pair, by in zip(predictor.pairs, moves[len(used) :], strict=True):
        table = pair.table.astype(np.float64)
        table[1:, 1:] += (by[1:] - by[0]).reshape(table[1:, 1:].shape)
        pairs.append(replace(pair, table=table.astype(np.float32)))
    constant = predictor.intercept + base + sum(by[0] for by in moves)
    return replace(predictor, tables=tuple(tables), intercept=constant, pairs=tuple(pairs))


def _inner_cells(pair: PairTable, Z: np.ndarray) -> np.ndarray:
    """Number of the cell of each row, from 1; 0 for the first row and the first column of the table, which stay 0."""
    width = len(pair.edges[1])
    first, second = np.divmod(pair.cells(Z), width + 1)
    return np.where((first > 0) & (second > 0), (first - 1) * width + second, 0)


def _line(predictor: Linear, Z: Any, start: float, losses: Losses) -> Linear:
    """In coordinates in which the loss curves by about one in every direction, where these can be had."""
    used = np.flatnonzero(predictor.coef[:, 0])
    X: Any = Z[:, used].astype(np.float64)
    n_rows, width = X.shape
    center = np.zeros(width)
    if not sparse.issparse(X):
        center = X.mean(axis=0)
        X -= center
    _, _, curvatures = losses(np.full((n_rows, 1), start))
    weighted: Any = sparse.diags(curvatures[:, 0]) @ X
    root: Any
    if width <= CURVATURE_WIDTH:
        gram: Any = X.T @ weighted
        gram = gram.toarray() if hasattr(gram, "toarray") else gram
        root = np.linalg.inv(np.linalg.cholesky(gram + PENALTY * np.eye(width))).T
    else:
        squares = X.multiply(weighted) if hasattr(X, "multiply") else X * weighted
        root = sparse.diags(1 / np.sqrt(np.asarray(squares.sum(axis=0)).ravel() + PENALTY))
    of_base = 1 / np.sqrt(curvatures.sum())

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        theta = root @ x[:-1]
        loss, slopes, _ = losses((X @ theta + start + of_base * x[-1])[:, None])
        gradient = root.T @ (X.T @ slopes[:, 0] + PENALTY * theta)
        return loss + PENALTY * float(theta @ theta) / 2, np.append(gradient, of_base * slopes.sum())

    found = minimize(objective, np.zeros(width + 1), jac=True, method="L-BFGS-B", options={"maxiter": MAX_STEPS})
    coef = predictor.coef.copy()
    coef[used, 0] += root @ found.x[:-1]
    moved = (coef[used, 0].astype(np.float64) - predictor.coef[used, 0]) @ center
    return Linear(coef, predictor.intercept + start + of_base * found.x[-1] - moved)
