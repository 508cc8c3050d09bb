"""The predictor that computes few outputs and turns them into many."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ._additive import Additive
from ._evaluate import RowWise, identity
from ._frozen import Frozen, frozen
from ._predictors import Linear, Tree, _floats
from ._tree_sum import TreeSum

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Outputs of the core at most: a reader in C keeps them on its stack, and their number takes a byte.
MOST_RANK = 255


@frozen
class Decoded(Frozen):
    """A predictor of few outputs, the core, and a matrix that makes many of them: ``core @ matrix + bias``.

    Where outputs depend on each other, as the classes of a softmax do, the core stores a few numbers in each leaf or
    table entry instead of one for each output. The core's outputs are multiplied and summed in float64.

    Parameters
    ----------
    core : Tree, Linear, Additive or TreeSum
    matrix : float32 array of shape (rank, n_outputs)
        A row for each output of the core, 255 at most and not more than columns. Finite, rounded to float32.
    bias : float32 array of shape (n_outputs,)
        Finite, rounded to float32.

    Raises
    ------
    ValueError
        If the parts do not fit together or a number is not finite.

    Examples
    --------
    >>> from skdistill.model import Decoded, Linear
    >>> Decoded(Linear([[2.0]], [1.0]), [[1.0, -1.0, 0.5]], [0.0, 0.0, 10.0]).evaluate([[3.0]])
    array([[ 7. , -7. , 13.5]])
    """

    core: Tree | Linear | Additive | TreeSum
    matrix: NDArray[np.float32]
    bias: NDArray[np.float32]

    def __post_init__(self) -> None:
        if not isinstance(self.core, (Tree, Linear, Additive, TreeSum)):
            raise ValueError(
                f"'core' of Decoded must be a Tree, Linear, Additive or TreeSum. Got {self.core!r:.60} instead."
            )
        matrix = _floats(self.matrix, 2, "'matrix' of Decoded")
        bias = _floats(self.bias, 1, "'bias' of Decoded")
        rank, n_outputs = matrix.shape
        if rank != self.core.n_outputs or n_outputs != len(bias):
            raise ValueError(
                "'matrix' of Decoded must have a row for each output of the core, a column for each value of 'bias'. "
                f"Got shape {matrix.shape} for {self.core.n_outputs} and {len(bias)}."
            )
        if rank > min(n_outputs, MOST_RANK):
            raise ValueError(
                f"The rank of Decoded must be at most the number of its outputs, {n_outputs}, and {MOST_RANK}. "
                f"Got {rank}."
            )
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "bias", bias)

    def __repr__(self) -> str:
        return f"Decoded({self.core!r}, n_outputs={self.n_outputs})"

    @property
    def rank(self) -> int:
        """Outputs of the core."""
        return self.matrix.shape[0]

    @property
    def n_features(self) -> int:
        """Features a row has, used or not."""
        return self.core.n_features

    @property
    def n_outputs(self) -> int:
        """Outputs per row."""
        return self.matrix.shape[1]

    @cached_property
    def _doubles(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.matrix.astype(np.float64), self.bias.astype(np.float64)

    def decode(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn outputs of the core, shape (n, rank), into outputs, shape (n, n_outputs)."""
        matrix, bias = self._doubles
        # One after the other, so that one row gives the same as many, to the bit.
        total = np.repeat(bias[None], len(outputs), axis=0)
        for output, row in zip(outputs.T, matrix, strict=True):
            total += output[:, None] * row
        return total

    def evaluate(self, Z: Any, row_wise: RowWise = identity) -> Any:
        """Compute the outputs of each row.

        Parameters
        ----------
        Z : float32 array-like or CSR matrix of shape (n, n_features)
        row_wise : callable
            What becomes of the outputs: a function of an array of shape (m, n_outputs) that treats each row by itself.

        Returns
        -------
        outputs : float64 array of shape (n, n_outputs), or what `row_wise` makes of it
        """
        return self.core.evaluate(Z, lambda outputs: row_wise(self.decode(outputs)))
