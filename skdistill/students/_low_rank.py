"""Students of many outputs that learn few numbers and a matrix that turns them into all."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.base import clone

from .._sklearn import HasMethods, Interval, StrOptions
from ..engine import Engine, MemoryEngine
from ..engine import _target_blocks as blocks
from ..model import Decoded, Precision, Tree
from ..model._decoded import MOST_RANK
from ._base import BaseStudent
from ._linear import LinearStudent
from ._scored import ScoredStudent
from ._tree import TreeStudent

#: Strength of the squared penalty on the leaves of a decoded tree and on its decoder, in units of rows: least loss on
#: the development sets of the benchmark.
PENALTY = 0.3
#: Steps in which leaves and decoder are fitted together.
MAX_STEPS = 300


class LowRankStudent(ScoredStudent):
    """A student of many outputs that learns compressed targets: a few columns instead of one for each output.

    The targets, the logarithms of soft labels centred in each row or the values to regress on, are projected on the
    directions in which they vary most; the student fits these columns by least squares. Then the decoder, the matrix
    that makes all outputs of the few, is fitted on the true loss. A tree on soft labels is grown on these
    themselves, since to splits columns cost nothing; its leaves are compressed, fitted on the true loss together with
    the decoder.
    The decoder is part of the model: it is evaluated, counted in bytes, quantised and exported with it.

    It pays where leaves and tables hold many outputs each: a tree over 26 classes. A line gains bytes only with more
    features and outputs than its rank has to store: ``rank * (features + outputs)`` numbers instead of their product.

    Parameters
    ----------
    student : {"tree", "linear", "additive", "boosted", "rules"} or student
        What fits the columns.
    rank : int >= 1, or float in (0, 1)
        Columns, at most as many as outputs, and 255; or the share of the targets' variance that they must keep.
    loss : {"auto", "log_loss", "squared"}
        "auto": "log_loss" where the rows of the targets are distributions over two or more classes, else "squared".

    Attributes
    ----------
    core_ : student
        The fitted student of the columns.
    rank_ : int
    kept_ : float
        Share of the targets' variance in the columns.
    loss_ : {"log_loss", "squared"}
    predictor_ : skdistill.model.Decoded
    link_ : {"softmax", "identity"}
    n_outputs_ : int
    n_features_in_ : int

    References
    ----------
    F. Tai, H.-T. Lin, "Multilabel classification with principal label space transformation", Neural Computation, 2012
    (targets compressed by SVD). A. Izenman, "Reduced-rank regression for the multivariate linear model", Journal of
    Multivariate Analysis, 1975.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.students import LowRankStudent
    >>> x = np.linspace(-1, 1, 400)[:, None]
    >>> scores = np.hstack([x, -x, 2 * x, 1 - x, x + 0.5])
    >>> Q = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    >>> student = LowRankStudent("linear", rank=1).fit(x, Q)
    >>> student.predictor_
    Decoded(Linear(n_features=1, n_outputs=1), n_outputs=5)
    >>> bool(np.abs(student.predict(x) - Q).max() < 0.01)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **ScoredStudent._parameter_constraints,
        "student": [StrOptions({"tree", "linear", "additive", "boosted", "rules"}), HasMethods(["fit_blocks"])],
        "rank": [Interval(Integral, 1, None, closed="left"), Interval(Real, 0, 1, closed="neither")],
    }

    predictor_: Decoded
    rank_: int
    kept_: float

    def __init__(self, student: Any = "tree", rank: float = 0.95, loss: str = "auto") -> None:
        self.student = student
        self.rank = rank
        self.loss = loss

    @property
    def streams(self) -> bool:  # type: ignore[override]
        """Whether the student of the columns does."""
        return bool(self._inner().streams)

    @property
    def takes_sparse(self) -> bool:  # type: ignore[override]
        """Whether the student of the columns does."""
        return bool(self._inner().takes_sparse)

    @property
    def wants_scaling(self) -> bool:  # type: ignore[override]
        """Whether the student of the columns does."""
        return bool(self._inner().wants_scaling)

    @property
    def max_features(self) -> int | None:
        """Columns of X that the student of the columns takes at most."""
        return self._inner().max_features

    def block_rows(self, width: int) -> int:
        """Rows of a block, as the student of the columns has them."""
        return self._inner().block_rows(width)

    def check(self, task: str) -> None:
        """Raise unless the student can be fitted for `task`, or what it wraps can fit values.

        Parameters
        ----------
        task : {"classification", "regression"}

        Raises
        ------
        ValueError
            A parameter is out of range, the loss is not for the task, or differences are to be matched.
        """
        super().check(task)
        inner = self._inner()
        inner.check("regression")
        if getattr(inner, "difference_weight", 0):
            raise ValueError(
                f"LowRankStudent fits columns, of which moves have no labels, and {inner!r} matches differences. Pass "
                "difference_weight=0."
            )

    def _inner(self) -> BaseStudent:
        """An unfitted copy of the student of the columns."""
        from ._resolve import STUDENTS  # which names this module's class to others

        if isinstance(self.student, str):
            return STUDENTS[self.student](loss="squared")
        inner: BaseStudent = clone(self.student)
        return inner.set_params(loss="squared")

    def _solve(self, engine: Engine) -> Decoded:
        mean, basis = self._directions(engine)
        inner = self._inner()
        if isinstance(inner, TreeStudent) and self.loss_ == "log_loss":
            core, matrix, bias = self._tree(engine, inner, mean, basis)
        else:
            core, matrix, bias = self._columns(engine, inner, mean, basis)
        if self.loss_ == "log_loss":  # the last class is zero and needs no bytes
            matrix, bias = matrix - matrix[:, -1:], bias - bias[-1]
        return Decoded(core, matrix, bias)

    def _tree(
        self, engine: Engine, inner: TreeStudent, mean: np.ndarray, basis: np.ndarray
    ) -> tuple[Tree, np.ndarray, np.ndarray]:
        """A tree grown on the soft labels themselves, whose leaves are compressed."""
        inner.set_params(loss="log_loss").fit_blocks(engine, self.n_features_in_, self.n_outputs_)
        self.core_ = inner
        tree = inner.predictor_
        mass = engine.reduce(blocks.leaf_mass, tree)
        shares = np.maximum(tree.value.astype(np.float64), blocks.FLOOR)
        logs = np.log(shares) - np.log(shares).mean(axis=1, keepdims=True)
        return _compressed_leaves(tree, (logs - mean) @ basis, basis.T, mean, mass)

    def _columns(
        self, engine: Engine, inner: BaseStudent, mean: np.ndarray, basis: np.ndarray
    ) -> tuple[Any, np.ndarray, np.ndarray]:
        """The columns fitted by least squares, and the decoder of least loss."""
        inner.n_features_in_, inner.n_outputs_, inner._flat = self.n_features_in_, self.rank_, False
        inner.loss_, inner.link_, inner.precision_ = "squared", "identity", Precision()
        if isinstance(engine, MemoryEngine):
            whole = {name: engine.whole(name) for name in ("X", "Q", "weight")}
            columns = blocks.compressed(whole, self.loss_, mean, basis)
            of_columns: Engine = MemoryEngine({**whole, "Q": columns}, inner.block_rows(self.n_features_in_))
        else:
            of_columns = engine.select("X", "Q", "weight")
            of_columns.update("Q", blocks.compressed, self.loss_, mean, basis)
        inner.predictor_ = inner._solve(of_columns)
        self.core_ = inner
        return inner.predictor_, *self._decoder(engine, inner.predictor_)

    def _directions(self, engine: Engine) -> tuple[np.ndarray, np.ndarray]:
        """Mean of the targets, and the directions of most variance, (k, r); sets `rank_` and `kept_`."""
        k = self.n_outputs_
        most = min(k, MOST_RANK)
        if isinstance(self.rank, Integral) and self.rank > most:
            raise ValueError(
                f"The 'rank' parameter of LowRankStudent must be at most the number of outputs, {k}, and {MOST_RANK}. "
                f"Got {self.rank}: pass a smaller one, or the share of variance to keep, such as 0.95."
            )
        weight, sums, _ = engine.reduce(blocks.target_moments, self.loss_, np.zeros(k))
        mean = sums / weight
        _, _, products = engine.reduce(blocks.target_moments, self.loss_, mean)
        variance, directions = np.linalg.eigh(products / weight)
        variance, directions = np.maximum(variance[::-1], 0), directions[:, ::-1]
        kept = np.cumsum(variance) / max(float(variance.sum()), np.finfo(float).tiny)
        if isinstance(self.rank, Integral):
            self.rank_ = int(self.rank)
        else:
            self.rank_ = min(int(np.searchsorted(kept, self.rank)) + 1, most)
        self.kept_ = float(kept[self.rank_ - 1])
        # The largest number of each direction is positive, so that no platform has another sign.
        basis: np.ndarray = directions[:, : self.rank_]
        return mean, basis * np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(self.rank_)])

    def _decoder(self, engine: Engine, core: Any) -> tuple[np.ndarray, np.ndarray]:
        """Matrix and bias of least loss, given what the core answers: a line on its outputs."""
        line = LinearStudent(loss=self.loss_, alpha=1e-3)
        line.n_features_in_, line.n_outputs_ = self.rank_, self.n_outputs_
        line.loss_ = self.loss_
        of_core = engine.select("X", "Q", "weight")
        of_core.update("X", blocks.core_outputs, core)
        found = line._solve(of_core)
        return found.coef.astype(np.float64), found.intercept.astype(np.float64)

    def __sklearn_clone__(self) -> Self:
        student = self.student if isinstance(self.student, str) else clone(self.student)
        return type(self)(student, self.rank, self.loss)


def _compressed_leaves(
    tree: Tree, leaves: np.ndarray, matrix: np.ndarray, bias: np.ndarray, mass: np.ndarray
) -> tuple[Tree, np.ndarray, np.ndarray]:
    """Leaves and decoder of least cross-entropy against the tree's shares, together, from the given ones.

    The shares of a tree are sums over its leaves, which say all that the loss asks of the rows.
    """
    total, rank = float(mass.sum()), len(matrix)
    sums = mass[:, None] * tree.value
    cuts = np.cumsum([leaves.size, matrix.size])

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        at, rows, base = np.split(theta, cuts)
        values, decoder = at.reshape(-1, rank), rows.reshape(rank, -1)
        logs = log_softmax(values @ decoder + base, axis=1)
        slope = mass[:, None] * np.exp(logs) - sums
        loss = PENALTY / 2 * float(theta[: cuts[1]] @ theta[: cuts[1]]) - float(np.vdot(sums, logs))
        slopes = [slope @ decoder.T + PENALTY * values, values.T @ slope + PENALTY * decoder, slope.sum(axis=0)]
        return loss / total, np.concatenate([part.ravel() for part in slopes]) / total

    start = np.concatenate([leaves.ravel(), matrix.ravel(), bias])
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": MAX_STEPS, "maxcor": 20})
    values, rows, base = np.split(found.x, cuts)
    fitted = replace(tree, value=values.reshape(-1, rank).astype(np.float32))
    return fitted, rows.reshape(rank, -1), base
