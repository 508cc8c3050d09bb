"""A few rules as student, each with what it adds to a score."""

from __future__ import annotations

from math import ceil
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np

from .._sklearn import Interval
from ..engine import Engine, MemoryEngine
from ..engine._sample import sample_rows
from ..engine._tree_blocks import bins_of
from ..model import TreeSum
from ._binning import OBJECTIVES, bin_rows
from ._boosted import SETTINGS, BoostedStudent, Setting
from ._rule_basis import Rule, as_tree, distinct, holding, paths
from ._rule_weights import Weights
from ._scored import ScoredStudent

#: Rows that rules are found on, and rows that their weights are fitted to.
FOUND_ON, FITTED_ON = 20_000, 100_000
#: Paths of the trees that rules are chosen from, of all outputs together.
PATHS = 2_000
#: What share of its step each tree takes: large, so that those after it find something else.
LEARNING_RATE = 0.3
#: Strength of the penalty on the leaves of trees, in units of rows.
LEAF_PENALTY = 1.0
#: What a rule takes in bytes, and each of its conditions, very roughly.
BYTES = 6, 5


class RuleStudent(ScoredStudent):
    """A sum of rules: "if age > 40 and income <= 20: 12 points", fitted to soft labels (softmax) or to values.

    A rule is one to a few conditions, and a weight that is added to the score of one class or target where all of them
    hold. It is fitted in three steps:

    1. Boosted trees are grown on the targets. Every path from a root to a node is a rule.
    2. The weights of all rules are fitted together under a squared penalty. Those that the loss can best do without are
       taken out, others adapting; this is repeated, half of them at a time, until `max_rules` are left.
    3. Their weights are fitted once more.

    Two classes or a single target need one sum; else there is one for each class or target.

    Parameters
    ----------
    loss : {"auto", "log_loss", "squared", "poisson"}
        "auto": "log_loss" where the rows of the targets are distributions over two or more classes, else "squared".
        "poisson" is for counts and other rates >= 0: the Poisson likelihood, rates being exponentials of scores.
    max_rules : int >= 1
        Rules of all outputs together. Some 500 to 2,000 are at hand. A rule takes about 20 bytes.
    max_conditions : int in [1, 5]
        Conditions of a rule; a range is two.
    alpha : float >= 0
        Strength of the squared penalty on weights, in units of rows; for targets, once these have variance 1.
    max_bins : int in [2, 255]
        Bins of a feature: one per distinct value if these are few enough, else bins of equal weight. Conditions are
        between bins. Few bins make rules that are stable from sample to sample, and have few thresholds to store.

    Attributes
    ----------
    loss_ : {"log_loss", "squared", "poisson"}
    predictor_ : skdistill.model.TreeSum
        Each rule is a tree that is zero but for one leaf; those that matter most come first.
    link_ : {"softmax", "identity", "exp"}
    n_outputs_ : int
    n_features_in_ : int

    Notes
    -----
    Of many rows, a sample of 20,000 finds the rules and one of 100,000 their weights, wherever the rows live. There is
    no randomness, and one thread.

    The trees are the student's own, not those of tree teachers, which split the columns of their own pipelines; grown
    on what the whole committee says, they hold what its other members know. Where no feature can be split there is no
    rule, and the prediction is constant. Rules are a class of their own, not a basis of `LinearStudent`, whose
    coefficients, sparse rows and moves are those of features.

    References
    ----------
    J. Friedman, B. Popescu, "Predictive learning via rule ensembles", Annals of Applied Statistics, 2008 (rules from
    the nodes of trees). C. Bénard et al., "SIRUS: stable and interpretable rule set for classification", Electronic
    Journal of Statistics, 2021 (conditions at quantiles). B. Hassibi, D. G. Stork, "Second order derivatives for
    network pruning: optimal brain surgeon", NeurIPS 1992 (which rules are taken out).

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.students import RuleStudent
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]).repeat(50, axis=0)
    >>> Q = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.2, 0.8]]).repeat(50, axis=0)
    >>> student = RuleStudent(max_rules=1, alpha=0.01).fit(X, Q)
    >>> print(student.rules(feature_names=["a", "b"], output_names=["no", "yes"]))
    Sum of 1 rule over 2 of 2 columns, for no or yes
    <BLANKLINE>
    Add the points of all rules that hold. Predict yes where the total is above 0, else no. 20 points double the odds: \
the probability of yes is 1 / (1 + 2^(-total / 20)). Points are rounded: a total may be off by up to 0.029.
    <BLANKLINE>
                            points for yes
    start                            -63.3
    if a > 0.5 and b > 0.5           103.2
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **ScoredStudent._parameter_constraints,
        "max_rules": [Interval(Integral, 1, None, closed="left")],
        "max_conditions": [Interval(Integral, 1, 5, closed="both")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "max_bins": [Interval(Integral, 2, 255, closed="both")],
    }

    predictor_: TreeSum

    def __init__(
        self,
        loss: str = "auto",
        *,
        max_rules: int = 64,
        max_conditions: int = 3,
        alpha: float = 1.0,
        max_bins: int = 32,
    ) -> None:
        self.loss = loss
        self.max_rules = max_rules
        self.max_conditions = max_conditions
        self.alpha = alpha
        self.max_bins = max_bins

    def _solve(self, engine: Engine) -> TreeSum:
        X, Q, weight = sample_rows(engine, ("X", "Q", "weight"), FOUND_ON)
        setting = SETTINGS[self.loss_](Q, weight)
        rules, held, theta = self._chosen(X, Q, weight, setting)
        if engine.n_rows > FOUND_ON:
            X, Q, weight = sample_rows(engine, ("X", "Q", "weight"), FITTED_ON)
            setting, held = SETTINGS[self.loss_](Q, weight), holding(rules, X)
        if rules:
            theta = self._problem(rules, held, setting).solve(theta)
        base, unit, _ = setting
        first = len(base) - len(unit)  # of two classes, the first keeps its score of 0
        base[first:] = theta[len(rules) :] * unit
        if self.loss_ == "log_loss":
            base -= base[-1]  # the softmax does not see it, and the last one needs no bytes
        inside = weight @ held / weight.sum()
        matters = np.abs(theta[: len(rules)]) * np.sqrt(inside * (1 - inside))
        order = np.argsort(-matters, kind="stable")
        trees = [as_tree(rules[i], theta[i] * unit[rules[i].output], X.shape[1]) for i in order]
        output = np.array([rules[i].output for i in order], dtype=int) + first
        return TreeSum(tuple(trees), output, base, X.shape[1])

    def _chosen(
        self, X: np.ndarray, Q: np.ndarray, weight: np.ndarray, setting: Setting
    ) -> tuple[list[Rule], np.ndarray, np.ndarray]:
        """At most `max_rules` rules, where they hold, and parameters to go on from."""
        base, unit, _ = setting
        rules, held = distinct(self._paths(X, Q, weight, setting), X, weight)
        theta = np.append(np.zeros(len(rules)), base[-len(unit) :] / unit)
        while len(rules) > self.max_rules:
            problem = self._problem(rules, held, setting)
            cost = BYTES[0] + BYTES[1] * np.array([len(rule.conditions) for rule in rules])
            kept, theta = problem.keep(problem.solve(theta), max(self.max_rules, len(rules) // 2), cost)
            rules, held = [rule for rule, keep in zip(rules, kept, strict=True) if keep], held[:, kept]
        return rules, held, theta

    def _paths(self, X: np.ndarray, Q: np.ndarray, weight: np.ndarray, setting: Setting) -> list[Rule]:
        """The paths of boosted trees on these rows."""
        engine = MemoryEngine({"X": X, "Q": Q, "weight": weight})
        edges = bin_rows(engine, OBJECTIVES[self.loss_](engine), self.max_bins)
        features = np.flatnonzero([len(e) for e in edges])
        if not len(features):
            return []
        base, unit, losses = setting
        n_leaves = 2 ** min(self.max_conditions, 4)
        n_trees = ceil(PATHS / (len(unit) * 2 * (n_leaves - 1)))
        booster: Any = BoostedStudent(
            n_trees=n_trees, max_leaves=n_leaves, learning_rate=LEARNING_RATE, alpha=LEAF_PENALTY
        )._boost(np.concatenate(engine.reduce(bins_of)), losses, base[-len(unit) :] / unit)
        return paths(booster, edges, features, len(unit), self.max_conditions)

    def _problem(self, rules: list[Rule], held: np.ndarray, setting: Setting) -> Weights:
        _, unit, losses = setting
        return Weights(held, np.array([rule.output for rule in rules]), len(unit), losses, self.alpha)
