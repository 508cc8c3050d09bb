"""A decision tree as student: exact growth on soft labels from histograms, then search and repair."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import ClassVar, Self

from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from .._sklearn import Interval, StrOptions
from ..engine import Engine
from ..model import Tree
from ..model._spare import with_last_share
from ._base import BaseStudent
from ._fitting import fit_tree
from ._growth import Limits
from ._repair import SHARES

#: A tree of so many leaves, and fewer rows than this for each of them, is better for drawn rows; with fewer leaves they
#: buy nothing. Chosen on the development sets of the benchmark.
MANY_LEAVES, THIN = 48, 80


class TreeStudent(BaseStudent):
    """Decision tree fitted to soft labels or to values, with as many leaves as the reader has patience for.

    The tree grows best-first: the node whose best split lowers the loss most is split next. The loss is the weighted
    cross-entropy against the soft labels, or the squared error summed over the outputs. Splits are sought between bins
    of the features, on exact integer sums: the same rows give the same tree to the last bit, in whatever blocks they
    come. Leaves hold mean targets, shrunk towards the means of their ancestors.

    Parameters
    ----------
    loss : {"auto", "log_loss", "squared", "poisson"}
        "auto": "log_loss" where the rows of the targets are distributions over two or more classes, else "squared".
        "poisson" is for counts and other rates >= 0: the Poisson likelihood, of which a leaf holds the mean.
    max_leaves : int >= 1
    max_depth : int >= 1 or None
        None: bounded by `max_leaves` alone.
    min_samples_leaf : int >= 1
        Rows that a leaf must hold, whatever their weights.
    max_bins : int in [2, 256]
        Bins of a feature: one per distinct value if these are few enough, else bins of equal weight in a sample of
        200,000 rows.
    shrinkage : float >= 0
        How far a node's mean moves towards its parent's, in units of weight: the difference is divided by
        1 + shrinkage / (weight of the parent). 0 leaves the means as they are.
    repair : {"balanced", "accuracy", "loss"} or None
        What is minimised once the tree has grown: it is grown from the best splits by 3 to 12 features, the splits and
        leaves of each tree are optimised in turn (tree alternating optimisation), and the best tree is kept. "loss":
        the loss. "accuracy": the share of rows whose class is not the leaf's, with a little of the loss. "balanced":
        that share and half the cross-entropy; the loss alone where it is the squared error. None leaves the tree as it
        has grown: several times faster, and less accurate at any number of leaves.

    Attributes
    ----------
    loss_ : {"log_loss", "squared", "poisson"}
    predictor_ : skdistill.model.Tree
    link_ : {"simplex", "identity"}
    n_outputs_ : int
    n_features_in_ : int

    Notes
    -----
    Beside the rows of X, which are not copied, a fit takes n_features + 8 (n_outputs + 2) bytes per row, and the
    histograms of the nodes under consideration: about 2 kB per feature, output and leaf, and twice that
    for repair. Of many rows repair copies samples: 10,000 rows decide on the first split, 50,000 on the others.

    References
    ----------
    A. Agarwal et al., "Hierarchical shrinkage: improving the accuracy and interpretability of tree-based models",
    ICML 2022. M. Carreira-Perpinan and P. Tavallali, "Alternating optimization of decision trees, with application to
    learning sparse oblique trees", NeurIPS 2018 (repair). V. Babbar et al., "Near-optimal decision trees in a SPLIT
    second", ICML 2025 (several first splits, each judged by what greed makes of it). G. Ke et al., "LightGBM: a highly
    efficient gradient boosting decision tree", NeurIPS 2017 (histograms by subtraction).

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.students import TreeStudent
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> Q = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]])
    >>> student = TreeStudent(min_samples_leaf=1, shrinkage=0.0).fit(X, Q)
    >>> student.predict([[1.5], [1.6]]).round(6)
    array([[0.9, 0.1], [0.2, 0.8]])
    >>> student.predictor_
    Tree(n_features=1, n_leaves=2, n_outputs=2, depth=1)
    """

    links: ClassVar[dict[str, str]] = {"log_loss": "simplex", "squared": "identity", "poisson": "identity"}
    losses: ClassVar[frozenset[str]] = frozenset(links)
    runs_on_device: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **BaseStudent._parameter_constraints,
        "max_leaves": [Interval(Integral, 1, None, closed="left")],
        "max_depth": [Interval(Integral, 1, None, closed="left"), None],
        "min_samples_leaf": [Interval(Integral, 1, None, closed="left")],
        "max_bins": [Interval(Integral, 2, 256, closed="both")],
        "shrinkage": [Interval(Real, 0, None, closed="left")],
        "repair": [StrOptions(set(SHARES)), None],
    }

    predictor_: Tree

    def __init__(
        self,
        loss: str = "auto",
        *,
        max_leaves: int = 32,
        max_depth: int | None = None,
        min_samples_leaf: int = 5,
        max_bins: int = 255,
        shrinkage: float = 1.0,
        repair: str | None = "balanced",
    ) -> None:
        self.loss = loss
        self.max_leaves = max_leaves
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.max_bins = max_bins
        self.shrinkage = shrinkage
        self.repair = repair

    def check(self, task: str) -> None:
        """Raise unless the student can be fitted for `task`; needs neither data nor a fit.

        Parameters
        ----------
        task : {"classification", "regression"}

        Raises
        ------
        ValueError
            A parameter is out of range, or the loss or the repair is not for the task.
        """
        super().check(task)
        if self.repair == "accuracy" and (task == "regression" or self.loss in ("squared", "poisson")):
            raise _no_accuracy()

    def is_thin(self, n_rows: float) -> bool:
        """Whether the leaves would hold so few of the rows that drawn ones beside them help.

        Parameters
        ----------
        n_rows : float
            Of training and pool.
        """
        return self.loss == "log_loss" and self.max_leaves >= MANY_LEAVES and n_rows < THIN * self.max_leaves

    def sketch(self) -> Self:
        """The same tree as it grows, without repair."""
        return clone(self).set_params(repair=None)

    def block_rows(self, width: int) -> int:
        """Rows of a block: the sums of all bins are allocated once a block and pass, which wants blocks large."""
        return 65_536

    def _solve(self, engine: Engine) -> Tree:
        if self.repair == "accuracy" and self.loss_ != "log_loss":
            raise _no_accuracy()
        limits = Limits(self.max_leaves, self.max_depth, self.min_samples_leaf)
        tree = fit_tree(engine, self.loss_, limits, self.max_bins, self.shrinkage, self.repair)
        # The last share is what the others leave of 1, to the last bit, and needs no bytes.
        return replace(tree, value=with_last_share(tree.value)) if self.loss_ == "log_loss" else tree

    def get_depth(self) -> int:
        """Splits on the longest way from the root to a leaf."""
        check_is_fitted(self)
        return self.predictor_.depth

    def get_n_leaves(self) -> int:
        """Number of leaves."""
        check_is_fitted(self)
        return self.predictor_.n_leaves


def _no_accuracy() -> ValueError:
    return ValueError(
        "repair='accuracy' counts mistaken classes and needs loss='log_loss' on soft labels. With another loss pass "
        "repair='loss' or None."
    )
