"""An additive model as student: a table per feature and for a few pairs, fitted like a line on steps between bins."""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar

import numpy as np

from .._sklearn import Interval, StrOptions
from ..engine import Engine
from ..engine._bins import bin_table
from ..engine._designs import cell_matrix
from ..engine._linear_blocks import PairTables, cell_bins
from ..model import Additive, PairTable
from ._cuts import cut_features
from ._descent import Problem
from ._differences import DifferenceStudent
from ._pairs import Pair, find_pairs
from ._smoothing import FURTHER_ROUNDS, ROUNDS, START, smooth
from ._steps import inverse_root, steps_between, taken_out

#: How exactly the model is solved whose steps are then thinned out: thinning is an estimate itself.
ROUGH = 1e-3

#: What each part of a fit starts from, deriving columns of its own.
COLUMNS = ("X", "Q", "weight")

#: Increasing edges of each feature.
Edges = list[np.ndarray]


class AdditiveStudent(DifferenceStudent):
    """Sum of step functions of one feature each, and a few of two, fitted to soft labels (softmax) or to values.

    What a line multiplies by a weight, this student looks up in a small table: each feature is cut into a few bins, and
    each bin has a score. It is fitted in four steps:

    1. Each feature is cut where a tree on this feature alone would split the targets, into at most `max_bins` bins.
    2. Scores are fitted as a line is on *steps*, a feature for each edge that is 1 above the edge and 0 below it. The
       weighted sum of losses plus ``alpha / 2 * ||steps||^2`` is minimised, so that neighbouring bins are drawn
       together; the intercept is free.
    3. Steps that are not worth their bytes are removed, the cheapest first, as estimated from the curvature of the loss
       with all others adapting. So bins merge, and features drop out. Then the scores are fitted again.
    4. The pairs of features that the residuals tell most about get a table each, of steps along both features at once.
       It is cut where that tells most, so that most tables have a few cells and some have many. Then all tables are
       fitted together.

    An average of such models would be one too. But a penalised fit gains nothing by bagging, as boosted ones do: it is
    smooth by itself (benchmarks/RESULTS.md).

    With two-valued features and no pairs this is `LinearStudent`.

    Parameters
    ----------
    loss : {"auto", "log_loss", "squared", "poisson"}
        "auto": "log_loss" where the rows of the targets are distributions over two or more classes, else "squared".
        "poisson" is for counts and other rates >= 0: the Poisson likelihood, rates being exponentials of scores.
    max_bins : int in [2, 256]
        Bins of a feature at most. All features together have at most 1,000 edges.
    alpha : "auto" or float >= 0
        Strength of the penalty on steps, in units of rows. "auto": one for each table, as the data tell; tables that
        tell little are smoothed most.
    pruning : float >= 0
        What a step must save of the loss to be kept, in units of twice what a step saves by chance. That follows from
        how far the targets scatter about the model, which soft labels do less than true ones. 0 keeps all steps; 1,
        Akaike's criterion, saves bytes, and costs where many features each tell a little.
    pairs : int in [0, 200]
        Pairs of features with a table of their own, at most. Where features act together they gain far more than
        finer tables do. All their tables have at most 1,000 steps together. A scorecard that a person is to read
        wants 5 or none. In a table of over 250 features, not all are paired: those that tell most by themselves.
    difference_weight : float >= 0
        How much it counts that scores change as the teachers' do where one feature of a row moves a little, as for
        `LinearStudent`. Needs ``moves`` in `fit`, which a distilled estimator draws and has its committee label. Helps
        where rows are few, under a thousand, and costs above: off by default (benchmarks/RESULTS.md).
    max_iter : int >= 1
        Iterations at most, before pruning and after it.
    tol : float > 0
        Largest component of the gradient at the end, as for `LinearStudent`.

    Attributes
    ----------
    n_iter_ : int
        Iterations taken, before pruning and after it.
    loss_ : {"log_loss", "squared", "poisson"}
    predictor_ : skdistill.model.Additive
        Its `edges`, `tables` and `pairs` are what a person reads: entries are relative to the first bin, and under the
        log-loss sum to zero over the classes.
    link_ : {"softmax", "identity", "exp"}
    n_outputs_ : int
    n_features_in_ : int

    References
    ----------
    T. Hastie, R. Tibshirani, "Generalized additive models", Statistical Science, 1986. Y. Lou, R. Caruana, J. Gehrke,
    "Intelligible models for classification and regression", KDD 2012 (step functions). Y. Lou et al., "Accurate
    intelligible models with pairwise interactions", KDD 2013. R. Caruana et al., "Intelligible models for healthcare",
    KDD 2015, and H. Nori et al., "InterpretML: a unified framework for machine learning interpretability", 2019 (the
    same model, boosted on true labels). S. Tan et al., "Distill-and-compare: auditing black-box models using
    transparent model distillation", AIES 2018 (taught by a model). B. Hassibi, D. G. Stork, "Second order derivatives
    for network pruning: optimal brain surgeon", NeurIPS 1992 (the price of a step). W. M. Czarnecki et al., "Sobolev
    training for neural networks", NeurIPS 2017 (`difference_weight`).

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.students import AdditiveStudent
    >>> X = np.repeat([[0.0], [1.0], [2.0]], 50, axis=0)
    >>> Q = np.repeat([[0.9, 0.1], [0.2, 0.8], [0.9, 0.1]], 50, axis=0)
    >>> student = AdditiveStudent(alpha=0.01).fit(X, Q)
    >>> student.predictor_.edges
    (array([0.5, 1.5], dtype=float32),)
    >>> student.predict([[0.5], [1.5]])
    array([[0.9, 0.1], [0.2, 0.8]])
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **DifferenceStudent._parameter_constraints,
        "max_bins": [Interval(Integral, 2, 256, closed="both")],
        "alpha": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "pruning": [Interval(Real, 0, None, closed="left")],
        "pairs": [Interval(Integral, 0, 200, closed="both")],
    }

    predictor_: Additive

    def __init__(
        self,
        loss: str = "auto",
        *,
        max_bins: int = 64,
        alpha: float | str = "auto",
        pruning: float = 0.1,
        pairs: int = 60,
        difference_weight: float = 0.0,
        max_iter: int = 500,
        tol: float = 1e-6,
    ) -> None:
        self.loss = loss
        self.max_bins = max_bins
        self.alpha = alpha
        self.pruning = pruning
        self.pairs = pairs
        self.difference_weight = difference_weight
        self.max_iter = max_iter
        self.tol = tol

    def _solve(self, engine: Engine) -> Additive:
        alpha = START if isinstance(self.alpha, str) else self.alpha
        edges: Edges = cut_features(engine.select(*COLUMNS), self.loss_, self.max_bins)
        pairs: list[Pair] = []
        self.n_iter_ = 0
        problem = self._problem(engine, edges, pairs, alpha)
        theta = self._estimate(problem, edges, pairs, None)
        if self.pruning:
            kept, theta = _prune(problem, theta, self.pruning)
            ends = np.cumsum([len(e) for e in edges])[:-1]
            edges = [e[keep] for e, keep in zip(edges, np.split(kept, ends), strict=True)]
            problem = self._problem(engine, edges, pairs, problem.alpha[kept])
            if not self.pairs:  # which all is estimated with once more
                theta = self._estimate(problem, edges, pairs, theta)
        if self.pairs:
            steps = np.split(theta[:-1], np.cumsum([len(e) for e in edges])[:-1])
            strength = np.array([np.square(part).sum() for part in steps])
            pairs = find_pairs(problem, theta, engine.select(*COLUMNS), self.pairs, strength)
            more = sum(_n_steps(edges, pairs)) - len(problem.alpha)
            problem = self._problem(engine, edges, pairs, np.append(problem.alpha, np.full(more, alpha)))
            theta = self._estimate(problem, edges, pairs, np.insert(theta, [len(theta) - 1] * more, 0.0, axis=0))
        theta, more, left = problem.solve(self.max_iter, self.tol, theta, problem.gram(theta))
        self.n_iter_ += more
        self._warn_unless_converged(left, "Increase alpha, max_iter or tol.", frames=6)
        return _lower(problem, theta, edges, pairs)

    def _problem(self, engine: Engine, edges: Edges, pairs: list[Pair], alpha: float | np.ndarray) -> Problem:
        """The loss as a function of the steps at `edges` and of `pairs`; features without edges are left out."""
        features = np.flatnonzero([len(e) for e in edges])
        of_pairs = [
            PairTables(i.features, (bin_table(i.edges[0]), bin_table(i.edges[1])), len(i.edges[1]) + 1) for i in pairs
        ]
        tables = features, [bin_table(edges[j]) for j in features], of_pairs
        engine = engine.select(*COLUMNS)
        engine.update("bins", cell_bins, *tables)
        steps = steps_between([edges[j] for j in features], [pair.edges for pair in pairs])
        problem = Problem(engine, self.loss_, (steps.lift.shape[1] + 1, self.n_outputs_), alpha, steps=steps)
        self._match(problem, lambda X: cell_matrix(cell_bins({"X": np.float32(X)}, *tables), steps.starts))
        return problem

    def _estimate(self, problem: Problem, edges: Edges, pairs: list[Pair], theta: np.ndarray | None) -> np.ndarray:
        """Solve roughly, choosing the strengths of the penalty where they are to be chosen."""
        tol = max(self.tol, ROUGH)
        gram = None if theta is None else problem.gram(theta)
        theta, n_iter, _ = problem.solve(self.max_iter, tol, theta, gram)
        if self.alpha == "auto":
            counts = _n_steps(edges, pairs)
            owner = np.repeat(np.arange(len(counts)), counts)
            theta, more = smooth(problem, owner, theta, ROUNDS if gram is None else FURTHER_ROUNDS, self.max_iter, tol)
            n_iter += more
        self.n_iter_ += n_iter
        return theta


def _n_steps(edges: Edges, pairs: list[Pair]) -> list[int]:
    """Steps of each table: one for an edge, of a pair one for an edge of either feature."""
    return [*map(len, edges), *(len(pair.edges[0]) * len(pair.edges[1]) for pair in pairs)]


def _prune(problem: Problem, theta: np.ndarray, price: float) -> tuple[np.ndarray, np.ndarray]:
    """Which steps to keep, and parameters to go on from.

    Near its minimum the loss is quadratic.
    """
    root = inverse_root(problem.gram(theta), problem.penalty)
    inverse = root.T @ root
    # Twice what a parameter may save by chance is the unit.
    price *= problem.free * problem.scatter(theta) / problem.weight
    theta, kept = theta.copy(), np.ones(len(theta), dtype=bool)
    for j, rise in taken_out(inverse, theta):
        if rise > price:
            break
        kept[j] = False
    return kept[:-1], theta[kept]


def _lower(problem: Problem, theta: np.ndarray, edges: Edges, pairs: list[Pair]) -> Additive:
    """The model form: each table begins with 0."""
    heights, intercept = problem.in_units(theta)
    parts = np.split(heights, np.cumsum(_n_steps(edges, pairs))[:-1])
    tables = [np.pad(np.cumsum(part, axis=0), ((1, 0), (0, 0))) for part in parts[: len(edges)]]
    joint = []
    for pair, part in zip(pairs, parts[len(edges) :], strict=True):
        steps = part.reshape(*map(len, pair.edges), -1)
        table = np.pad(steps.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0), (0, 0)))
        joint.append(PairTable(pair.features, pair.edges, table))
    return Additive(tuple(edges), tuple(tables), intercept.astype(np.float32), tuple(joint))
