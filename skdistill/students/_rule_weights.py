"""Weights of rules: all fitted together, and those rules kept that the loss can least do without."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from ._leaf_values import Losses
from ._steps import taken_out

#: Steps of a fit at most.
MAX_STEPS = 200
#: Rows whose curvature is summed at a time.
ROWS = 8_192


class Weights:
    """A sum of rules for each output, and its penalised loss as a function of the weights.

    Parameters are the weights of the rules, then a constant for each output, which is free.

    Parameters
    ----------
    held : ndarray of float64, shape (n, r)
        1 where a rule holds, else 0.
    output : ndarray of int, shape (r,)
        The output that each rule adds to, ascending.
    n_outputs : int
    losses : callable
        Scores of shape (n, m) to the loss of all rows and its slopes and curvatures, as in `_leaf_values`.
    alpha : float
        Strength of the squared penalty on weights.
    """

    def __init__(self, held: np.ndarray, output: np.ndarray, n_outputs: int, losses: Losses, alpha: float) -> None:
        spans = list(pairwise(np.searchsorted(output, np.arange(n_outputs + 1))))
        self.parts = [held[:, start:end] for start, end in spans]
        #: The parameters of each output, its constant last.
        self.places = [np.append(np.arange(*span), len(output) + i) for i, span in enumerate(spans)]
        self.losses, self.n_rules = losses, len(output)
        self.penalty = np.append(np.full(len(output), alpha), np.zeros(n_outputs))

    def scores(self, theta: np.ndarray) -> np.ndarray:
        """What the sums are in each row, shape (n, m)."""
        each = zip(self.parts, self.places, strict=True)
        return np.stack([part @ theta[place[:-1]] + theta[place[-1]] for part, place in each], axis=1)

    def value(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Penalised loss and its gradient."""
        loss, slopes, _ = self.losses(self.scores(theta))
        gradient = self.penalty * theta
        loss += float(gradient @ theta) / 2
        for part, place, slope in zip(self.parts, self.places, slopes.T, strict=True):
            slope = np.ascontiguousarray(slope)
            gradient[place[:-1]] += part.T @ slope
            gradient[place[-1]] += slope.sum()
        return loss, gradient

    def curvatures(self, theta: np.ndarray) -> list[np.ndarray]:
        """The penalised curvature of each output by itself, its constant last."""
        found = []
        rows = self.losses(self.scores(theta))[2].T
        for part, place, curvature in zip(self.parts, self.places, rows, strict=True):
            total = np.diag(self.penalty[place])
            for start in range(0, len(part), ROWS):
                block = np.pad(part[start : start + ROWS], ((0, 0), (0, 1)), constant_values=1.0)
                total += (block * curvature[start : start + ROWS, None]).T @ block
            # Rules add up to others: without a penalty, some directions are undetermined.
            np.einsum("ii->i", total)[:] += 1e-9 * total.trace() + np.finfo(np.float64).tiny
            found.append(total)
        return found

    def solve(self, theta: np.ndarray) -> np.ndarray:
        """The parameters of least penalised loss, sought from `theta` on.

        L-BFGS, in coordinates in which the loss at `theta` curves by one in every direction of each output.
        """
        roots = [cholesky(curvature, lower=True, overwrite_a=True) for curvature in self.curvatures(theta)]

        def divided(v: np.ndarray, transposed: bool) -> np.ndarray:
            out = np.empty_like(v)
            for root, place in zip(roots, self.places, strict=True):
                out[place] = solve_triangular(root, v[place], lower=True, trans="T" if transposed else "N")
            return out

        def objective(v: np.ndarray) -> tuple[float, np.ndarray]:
            loss, gradient = self.value(theta + divided(v, True))
            return loss, divided(gradient, False)

        found = minimize(objective, np.zeros(len(theta)), jac=True, method="L-BFGS-B", options={"maxiter": MAX_STEPS})
        return theta + divided(found.x, True)

    def keep(self, theta: np.ndarray, count: int, cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which rules to keep, `count` in all, and parameters of these and of the constants to go on from.

        Near its minimum the loss is about quadratic, in each output by itself. The rule goes whose loss raises this
        least for its `cost`, the others adapt, and so on.
        """
        theta, kept = theta.copy(), np.ones(self.n_rules, dtype=bool)
        own = [theta[place] for place in self.places]
        ways: list[Iterator[tuple[int, float]]] = []
        for place, curvature, part in zip(self.places, self.curvatures(theta), own, strict=True):
            inverse = cho_solve(cho_factor(curvature), np.eye(len(place)))
            ways.append(taken_out(inverse, part[:, None], cost[place[:-1]]))
        heads = [next(way, None) for way in ways]
        for _ in range(self.n_rules - count):
            output = min(range(len(heads)), key=lambda i: np.inf if (head := heads[i]) is None else head[1])
            head = heads[output]
            assert head is not None  # else no rule is left
            kept[self.places[output][head[0]]] = False
            heads[output] = next(ways[output], None)  # which takes the one before it out
        for place, part in zip(self.places, own, strict=True):
            theta[place] = part
        return kept, np.append(theta[: self.n_rules][kept], theta[self.n_rules :])
