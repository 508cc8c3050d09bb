"""What a tree minimises, computed from the integer sums of its nodes."""

from __future__ import annotations

import math

import numpy as np

from ..engine import MemoryEngine, maximum
from ..engine import _tree_blocks as blocks
from ..engine._tree_blocks import Extent, Scale

#: Bits a sum may take. Integers up to 2**53 are exact in float64; what rounding adds to each row needs one bit.
SUM_BITS = 52
EPS = float(np.finfo(np.float64).eps)


class Objective:
    """A loss, for nodes that predict their mean and are given as integer sums.

    The first axis of `sums` is that of `Scale`: the number of rows, the weight where weights differ, then the centred
    targets. Gains are computed element by element in a fixed order, so that equal splits tie exactly.

    Parameters
    ----------
    engine : MemoryEngine
        Its columns ``"Q"`` and ``"weight"`` are read.
    """

    #: Columns of the targets that need no sum because they follow from the others.
    implied = 0

    #: A gain up to this times the integer weight may come from rounding.
    noise: float

    def __init__(self, engine: MemoryEngine) -> None:
        seen = Extent(*engine.reduce(blocks.extent, combine=maximum))
        columns = slice(len(seen.high) - self.implied)
        high, low = seen.high[columns].astype(np.float64), -seen.minus_low[columns].astype(np.float64)
        size = np.maximum(np.abs(high), np.abs(low))
        center = high / 2 + low / 2  # halved first: their sum could overflow
        # A column that is constant but for rounding must not have its rounding blown up.
        reach = np.maximum(np.maximum(high - center, center - low), EPS * size)
        weight_quantum = _quantum(engine.n_rows, seen.weight) if seen.fractional else 1.0
        total = engine.reduce(blocks.total_weight, weight_quantum) * weight_quantum
        quantum = np.array([_quantum(total, largest) for largest in reach])
        self.scale = Scale(
            center=np.rint(center / quantum) * quantum,  # so that targets of 0 are integers, and their mean is 0
            quantum=quantum,
            weight_quantum=weight_quantum,
            fractional=bool(seen.fractional),
            weighted=bool(seen.weight != 1 or seen.minus_weight != -1),
        )
        #: Integer sums of the targets divided by integer weights, times this, are means of centred targets.
        self._unit = self.scale.quantum / weight_quantum
        self.noise = self._noise(float(size.max()))

    def weight(self, sums: np.ndarray) -> np.ndarray:
        """Integer weights; times `scale.weight_quantum`, weights."""
        return sums[1 if self.scale.weighted else 0]

    def means(self, sums: np.ndarray) -> list[np.ndarray]:
        """Mean targets, column by column."""
        weight, targets = self.weight(sums), sums[1 + self.scale.weighted :]
        return [s / weight * u + c for s, u, c in zip(targets, self._unit, self.scale.center, strict=True)]

    def gains(self, left: np.ndarray, right: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """By how much parting `whole` (c,) into `left` and `right` (c, m) lowers the loss, in a unit of its own."""
        raise NotImplementedError

    def _noise(self, size: float) -> float:
        raise NotImplementedError


class SquaredError(Objective):
    """Weighted sum of squared errors over all targets."""

    def gains(self, left: np.ndarray, right: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """Weights times squared differences of means: sums of squares never enter, and so never cancel."""
        # In units of the coarsest column, so that nothing overflows.
        relative = self._unit / self._unit.max()
        weight_left, weight_right = self.weight(left), self.weight(right)
        first = 1 + self.scale.weighted
        total = np.zeros(left.shape[1])
        for a, b, unit in zip(left[first:], right[first:], relative, strict=True):
            total += np.square((a / weight_left - b / weight_right) * unit)
        return total * (weight_left / self.weight(whole)) * weight_right

    def _noise(self, size: float) -> float:
        return (8 * EPS * size / float(self._unit.max())) ** 2


class CrossEntropy(Objective):
    """Weighted cross-entropy of a node's mean against the soft labels of its rows.

    What a split gains is the Kullback-Leibler divergence of its children from their parent, times their weights.
    """

    implied = 1

    def means(self, sums: np.ndarray) -> list[np.ndarray]:
        """Mean soft labels, class by class, without rounding's negatives."""
        known = super().means(sums)
        last = np.ones_like(known[0])
        for p in known:
            last = last - p
        return [np.maximum(p, 0) for p in (*known, last)]

    def gains(self, left: np.ndarray, right: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """Divergences, whose terms are as small as the gain, rather than a difference of entropies."""
        prior = self.means(whole)
        return self._divergence(left, prior) + self._divergence(right, prior)

    def _divergence(self, sums: np.ndarray, prior: list[np.ndarray]) -> np.ndarray:
        total = np.zeros(sums.shape[1])
        for p, q in zip(self.means(sums), prior, strict=True):
            if q > EPS:  # else the class is absent from the node
                total += p * np.log(np.maximum(p / q, EPS**2))
        return total * self.weight(sums)

    def _noise(self, size: float) -> float:
        return 32 * EPS


def _quantum(*factors: float) -> float:
    """The power of two in which a product of such factors takes `SUM_BITS` bits."""
    exponent = sum(math.frexp(factor)[1] for factor in factors)
    return math.ldexp(1.0, max(exponent - SUM_BITS, -1000))
