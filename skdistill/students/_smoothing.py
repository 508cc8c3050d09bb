"""How strongly each table of an additive model is smoothed, estimated from the rows it is fitted to."""

from __future__ import annotations

import numpy as np

from ._descent import Problem
from ._steps import inverse_root

#: Times that strengths are estimated and the model is solved with them: they move little after that, and less where
#: most of them have been estimated before.
ROUNDS, FURTHER_ROUNDS = 2, 2
#: Where the search begins, and how far it may go, in units of rows.
START = 3.0
WEAKEST, STRONGEST = 1e-3, 1e4
#: What the scatter of targets about a fit is multiplied by; chosen on the development sets of the benchmark.
SCATTER = {"log_loss": 2.0, "squared": 1.0, "poisson": 1.0}


def smooth(
    problem: Problem, owner: np.ndarray, theta: np.ndarray, rounds: int, max_iter: int, tol: float
) -> tuple[np.ndarray, int]:
    """Choose a strength of the penalty for each table, by the evidence.

    A squared penalty is a Gaussian prior on the steps of a table. The prior under which the targets are likeliest has
    the variance ``|steps|^2 / g``, of which g, the number of steps that the data and not the penalty decides, follows
    from the curvature of the loss. To find it, fit and estimate in turn (MacKay, "Bayesian interpolation", Neural
    Computation, 1992; Wood, Fasiolo, "A generalized Fellner-Schall method for smoothing parameter optimization",
    Biometrics, 2017).

    Parameters
    ----------
    problem : Problem
        Its penalty is replaced.
    owner : ndarray of int, shape (steps,)
        Number of the table that each step belongs to.
    theta : ndarray of shape (steps + 1, k)
        A solution, to start from.
    rounds : int
    max_iter, tol : of each fit

    Returns
    -------
    theta : ndarray of shape (steps + 1, k)
    n_iter : int
    """
    n_iter = 0
    for _ in range(rounds if len(owner) else 0):
        gram = problem.gram(theta)
        problem.penalise(np.clip(_by_evidence(problem, owner, theta, gram)[owner], WEAKEST, STRONGEST))
        theta, more, _ = problem.solve(max_iter, tol, theta, gram)
        n_iter += more
    return theta, n_iter


def _by_evidence(problem: Problem, owner: np.ndarray, theta: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """The strength for each table, under which the steps of `theta` are as large as they are."""
    variances = np.square(inverse_root(gram, problem.penalty)).sum(axis=0)
    decided = np.bincount(owner, 1 - (problem.penalty * variances)[:-1])
    squares = np.bincount(owner, problem.unit * np.square(theta[:-1]).sum(axis=1) / problem.free)
    scatter = SCATTER[problem.loss] * problem.scatter(theta) / max(1 - decided.sum() / problem.weight, 0.1)
    return np.asarray(scatter * decided / np.maximum(squares, 1e-12))
