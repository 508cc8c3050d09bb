"""A handful of small boosted trees as student."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy.special import log_softmax

from .._sklearn import Interval
from ..engine import Engine, MemoryEngine
from ..engine._linear_blocks import MOST_SCORE
from ..engine._tree_blocks import bins_of
from ..model import Tree, TreeSum
from ._binning import OBJECTIVES, bin_rows
from ._leaf_values import Derivatives, Losses, refit
from ._scored import ScoredStudent

#: A class that has no mass starts as if it had this much.
LEAST_MASS = 1e-6
#: How much further the curvature of a rate is than where the step begins: that of a step of 0.7.
POISSON_STEP = float(np.exp(0.7))


class BoostedStudent(ScoredStudent):
    """Sum of small trees fitted to soft labels (softmax) or to values: the most that a few kilobytes hold.

    LightGBM grows the trees leaf by leaf on the cross-entropy against the soft labels, or on the squared error,
    starting from the mean targets. Then the values of all leaves are fitted once more, together: each tree was grown
    without knowing those after it. The trees split at few distinct thresholds, which the packed model holds once.

    Two classes or a single target need one sum of trees; else there is one for each class or target.

    Parameters
    ----------
    loss : {"auto", "log_loss", "squared", "poisson"}
        "auto": "log_loss" where the rows of the targets are distributions over two or more classes, else "squared".
        "poisson" is for counts and other rates >= 0: the Poisson likelihood, rates being exponentials of scores.
    n_trees : int >= 1
        Trees of each sum at most; there are fewer where nothing is left to split. Very roughly, a tree of 4 leaves
        takes 30 bytes.
    max_leaves : int >= 2
        Leaves of a tree.
    learning_rate : float in (0, 1]
        What share of its step each tree takes. Few trees need a large one.
    alpha : float >= 0
        Strength of the squared penalty on leaf values, in units of rows; for targets, once these have variance 1.
    max_bins : int in [2, 255]
        Bins of a feature: one per distinct value if these are few enough, else bins of equal weight in a sample of
        200,000 rows. Fewer bins have fewer thresholds to store.

    Attributes
    ----------
    loss_ : {"log_loss", "squared", "poisson"}
    predictor_ : skdistill.model.TreeSum
    link_ : {"softmax", "identity", "exp"}
    n_outputs_ : int
    n_features_in_ : int

    Notes
    -----
    The rows are not streamed: beside X, a fit takes some 7 bytes per row and feature, and one (two with more than 256
    leaves) per row and tree. There is no randomness, and one thread.

    A weight enters as repetition does, into bins, derivatives and leaf values. Mostly repeated rows give the same
    trees, to rounding; on some data LightGBM was seen to take another split, about as good, and others after it.

    References
    ----------
    J. Friedman, "Greedy function approximation: a gradient boosting machine", Annals of Statistics, 2001. G. Ke et al.,
    "LightGBM: a highly efficient gradient boosting decision tree", NeurIPS 2017. S. Ren et al., "Global refinement of
    random forest", CVPR 2015, and R. Johnson, T. Zhang, "Learning nonlinear functions using regularized greedy forest",
    IEEE TPAMI, 2014 (all leaf values fitted together).

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.students import BoostedStudent
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]).repeat(50, axis=0)
    >>> Q = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.9, 0.1]]).repeat(50, axis=0)
    >>> student = BoostedStudent(n_trees=2, alpha=0.01).fit(X, Q)
    >>> student.predict([[0.0, 0.0], [0.0, 1.0]]).round(2)
    array([[0.9, 0.1], [0.6, 0.4]])
    >>> student.predictor_
    TreeSum(n_features=2, n_trees=2, n_leaves=8, n_outputs=2)
    """

    streams: ClassVar[bool] = False

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **ScoredStudent._parameter_constraints,
        "n_trees": [Interval(Integral, 1, None, closed="left")],
        "max_leaves": [Interval(Integral, 2, None, closed="left")],
        "learning_rate": [Interval(Real, 0, 1, closed="right")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "max_bins": [Interval(Integral, 2, 255, closed="both")],
    }

    predictor_: TreeSum

    def __init__(
        self,
        loss: str = "auto",
        *,
        n_trees: int = 32,
        max_leaves: int = 6,
        learning_rate: float = 0.5,
        alpha: float = 3.0,
        max_bins: int = 64,
    ) -> None:
        self.loss = loss
        self.n_trees = n_trees
        self.max_leaves = max_leaves
        self.learning_rate = learning_rate
        self.alpha = alpha
        self.max_bins = max_bins

    def _solve(self, engine: Engine) -> TreeSum:
        assert isinstance(engine, MemoryEngine)  # `fit_blocks` refuses a student that does not stream
        X, Q, weight = map(engine.whole, ("X", "Q", "weight"))
        edges = bin_rows(engine, OBJECTIVES[self.loss_](engine), self.max_bins)
        base, unit, losses = SETTINGS[self.loss_](Q, weight)
        n_sums = len(unit)
        first = len(base) - n_sums  # of two classes, the first keeps its score of 0
        trees: list[Tree] = []
        output: list[int] = []
        if any(map(len, edges)):
            booster = self._boost(np.concatenate(engine.reduce(bins_of)), losses, base[first:] / unit)
            features = np.flatnonzero([len(e) for e in edges])
            for i, info in enumerate(booster.dump_model()["tree_info"]):
                if "left_child" in info["tree_structure"]:
                    trees.append(_lower(info["tree_structure"], edges, features, X.shape[1]))
                    output.append(i % n_sums)
        if trees:
            leaves = [tree.apply(X).astype(np.min_scalar_type(tree.n_leaves)) for tree in trees]
            grown = [tree.value[:, 0] for tree in trees]
            values, start = refit(leaves, grown, output, base[first:] / unit, losses, self.alpha)
            trees = [replace(tree, value=v[:, None] * unit[j]) for tree, v, j in zip(trees, values, output)]
            base[first:] = start * unit
        if self.loss_ == "log_loss":
            base -= base[-1]  # the softmax does not see it, and the last one needs no bytes
        return TreeSum(tuple(trees), np.array(output, dtype=int) + first, base, X.shape[1])

    def _boost(self, bins: np.ndarray, losses: Losses, start: np.ndarray) -> Any:
        """A LightGBM booster on bin numbers, to which its own bins are the same."""
        from lightgbm import Booster, Dataset

        settings = {
            "objective": "none",
            "num_class": len(start),
            "num_leaves": self.max_leaves,
            "learning_rate": self.learning_rate,
            "lambda_l2": self.alpha,
            # The penalty on leaf values does what a least number of rows would do, and does it to weights.
            "min_data_in_leaf": 0,
            "max_bin": 255,
            "min_data_in_bin": 1,
            "bin_construct_sample_cnt": len(bins),
            "feature_pre_filter": False,
            "use_missing": False,
            "deterministic": True,
            "force_col_wise": True,
            # Parallelism is over teachers and folds, and the result must not depend on it.
            "num_threads": 1,
            "verbose": -1,
        }

        def objective(scores: np.ndarray, data: Any) -> tuple[np.ndarray, np.ndarray]:
            _, slopes, curvatures = losses(scores.reshape(len(bins), -1) + start)
            return (slopes, curvatures) if len(start) > 1 else (slopes.ravel(), curvatures.ravel())

        booster = Booster(settings, Dataset(bins.astype(np.float32), np.zeros(len(bins)), params=settings))
        for _ in range(self.n_trees):
            if booster.update(fobj=objective):
                break
        return booster


Setting = tuple[np.ndarray, np.ndarray, Losses]


def _cross_entropy(Q: np.ndarray, weight: np.ndarray) -> Setting:
    """Scores to start from, the unit of each sum of trees, and the loss; of two classes only the second has a sum."""
    k = Q.shape[1]
    base = np.log(np.maximum(weight @ Q / weight.sum(), LEAST_MASS))
    base -= base[0] if k == 2 else base.mean()
    w = weight[:, None]
    # The diagonal of the curvature, enlarged for what it leaves out where all classes step at once, as LightGBM does.
    factor = k / (k - 1)

    def losses(scores: np.ndarray) -> Derivatives:
        logs = log_softmax(scores, axis=1)
        P = np.exp(logs)
        return -float(np.vdot(w * Q, logs)), w * (P - Q), factor * w * P * (1 - P)

    def of_two(scores: np.ndarray) -> Derivatives:
        """The same of the second class's score alone, in a third of the time."""
        tail = np.exp(-np.abs(scores))
        P = np.where(scores >= 0, 1.0, tail) / (1 + tail)
        softplus = np.maximum(scores, 0) + np.log1p(tail)
        second = Q[:, 1:]
        return (
            float(np.vdot(w, Q.sum(axis=1, keepdims=True) * softplus - second * scores)),
            w * (P - second),
            w * P * (1 - P),
        )

    return (base, np.ones(1), of_two) if k == 2 else (base, np.ones(k), losses)


def _squared_error(Q: np.ndarray, weight: np.ndarray) -> Setting:
    """The same for values, which the loss sees in units of their standard deviations."""
    mean = weight @ Q / weight.sum()
    unit = np.sqrt(weight @ np.square(Q - mean) / weight.sum())
    unit[unit == 0] = 1.0
    w = weight[:, None]

    def losses(scores: np.ndarray) -> Derivatives:
        errors = scores - Q / unit
        return float(np.vdot(w * errors, errors)) / 2, w * errors, np.broadcast_to(w, errors.shape)

    return mean, unit, losses


def _poisson(Q: np.ndarray, weight: np.ndarray) -> Setting:
    """The same for counts, whose rates are exponentials of the scores."""
    base = np.log(np.maximum(weight @ Q / weight.sum(), LEAST_MASS))
    w = weight[:, None]

    def losses(scores: np.ndarray) -> Derivatives:
        beyond = np.maximum(scores - MOST_SCORE, 0)  # there the exponential goes on as its tangent
        rates = np.exp(scores - beyond)
        loss = float((w * (rates * (1 + beyond) - Q * scores)).sum())
        # Enlarged as LightGBM does it for counts: rates may grow along the step.
        return loss, w * (rates - Q), w * rates * POISSON_STEP

    return base, np.ones(Q.shape[1]), losses


#: How each loss is boosted, given targets and weights.
SETTINGS = {"log_loss": _cross_entropy, "squared": _squared_error, "poisson": _poisson}


def _lower(root: dict[str, Any], edges: list[np.ndarray], features: np.ndarray, n_features: int) -> Tree:
    """A tree on bin numbers, as nested dictionaries, made one on features."""
    feature: list[int] = []
    threshold: list[float] = []
    right: list[int] = []
    value: list[list[float]] = []
    waiting: list[tuple[dict[str, Any], int | None]] = [(root, None)]  # a node, and the split whose right child it is
    while waiting:
        node, parent = waiting.pop()
        at = len(feature)
        if parent is not None:
            right[parent] = at
        right.append(0)
        if "left_child" in node:
            column = int(features[node["split_feature"]])
            feature.append(column)
            threshold.append(float(edges[column][int(node["threshold"])]))  # between the last bin left and the next
            waiting += [(node["right_child"], at), (node["left_child"], None)]
        else:
            feature.append(-1)
            threshold.append(0.0)
            value.append([node["leaf_value"]])
    return Tree(np.array(feature), np.array(threshold), np.array(right), np.array(value), n_features)
