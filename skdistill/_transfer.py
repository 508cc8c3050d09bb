"""The transfer set: the rows that the student learns from, real ones first, then those that only the oracle labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


@dataclass(frozen=True, eq=False)
class TransferSet:
    """Encoded rows and their targets.

    Attributes
    ----------
    Z : ndarray or CSR matrix of shape (n, d)
    Q : ndarray of shape (n, n_outputs)
    weight : ndarray of shape (n,), or None where all are 1
    """

    Z: Any
    Q: NDArray[np.float64]
    weight: NDArray[np.float64] | None

    def total_weight(self) -> float:
        """What the rows weigh together."""
        return float(len(self.Q)) if self.weight is None else float(self.weight.sum())

    def extended(self, Z: Any, Q: NDArray[np.float64], weight: float) -> TransferSet:
        """The same set with further rows of equal weight behind it.

        Examples
        --------
        >>> real = TransferSet(np.zeros((2, 1)), np.ones((2, 1)), None)
        >>> real.extended(np.zeros((1, 1)), np.ones((1, 1)), 0.5).weight
        array([1. , 1. , 0.5])
        """
        own = np.ones(len(self.Q)) if self.weight is None else self.weight
        stack: Any = partial(sparse.vstack, format="csr") if sparse.issparse(self.Z) else np.vstack
        return TransferSet(stack([self.Z, Z]), np.vstack([self.Q, Q]), np.concatenate([own, np.full(len(Q), weight)]))
