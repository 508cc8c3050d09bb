"""What a tree minimises, computed from the integer sums of its nodes."""

from __future__ import annotations

import math

import numpy as np

from ..engine import Engine, maximum
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
    engine : Engine
        Its columns ``"Q"`` and ``"weight"`` are read.
    """

    #: Columns of the targets that need no sum because they follow from the others.
    implied = 0

    #: A gain up to this times the integer weight may come from rounding.
    noise: float

    #: Rows like the average one that are added to a node before a loss is taken from its mean.
    prior_weight = 0.0

    def __init__(self, engine: Engine) -> None:
        seen = Extent(*engine.reduce(blocks.extent, combine=maximum))
        columns = slice(len(seen.high) - self.implied)
        high, low = seen.high[columns].astype(np.float64), -seen.minus_low[columns].astype(np.float64)
        size = np.maximum(np.abs(high), np.abs(low))
        center = high / 2 + low / 2  # halved first: their sum could overflow
        # A column that is constant but for rounding must not have its rounding blown up.
        reach = np.maximum(np.maximum(high - center, center - low), EPS * size)
        weight_quantum = quantum(engine.n_rows, seen.weight) if seen.fractional else 1.0
        total = engine.reduce(blocks.total_weight, weight_quantum) * weight_quantum
        quanta = np.array([quantum(total, largest) for largest in reach])
        self.scale = Scale(
            center=np.rint(center / quanta) * quanta,  # so that targets of 0 are integers, and their mean is 0
            quantum=quanta,
            weight_quantum=weight_quantum,
            fractional=bool(seen.fractional),
            weighted=bool(seen.weight != 1 or seen.minus_weight != -1),
        )
        #: Integer sums of the targets divided by integer weights, times this, are means of centred targets.
        self._unit = self.scale.quantum / weight_quantum
        #: The column of sums that holds the weight; the targets follow.
        self.first = int(self.scale.weighted)
        #: The largest size of weight and targets in a row of integer weight 1.
        self.largest = np.array([1.0, *(reach / self._unit)])
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

    def costs(self, sums: np.ndarray, share: float | None) -> np.ndarray:
        """The loss of rows under the means of nodes, up to what does not depend on the node.

        Parameters
        ----------
        sums : ndarray of shape (c, m)
            Of the nodes.
        share : float or None
            None: the loss. Otherwise `share` times the loss, and the error of the class that is likeliest in the node.

        Returns
        -------
        ndarray of shape (c - first, m)
            The loss of a row is the product of its own sums, from the weight on, with a column.
        """
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

    def costs(self, sums: np.ndarray, share: float | None) -> np.ndarray:
        """Squared errors without the squares of the targets, in units of the coarsest column."""
        relative = (self._unit / self._unit.max())[:, None]
        means = sums[1 + self.first :] / self.weight(sums) * relative
        return np.vstack([np.square(means).sum(axis=0), -2 * means * relative])

    def _noise(self, size: float) -> float:
        return (8 * EPS * size / float(self._unit.max())) ** 2


class CrossEntropy(Objective):
    """Weighted cross-entropy of a node's mean against the soft labels of its rows.

    What a split gains is the Kullback-Leibler divergence of its children from their parent, times their weights.
    """

    implied = 1
    prior_weight = 1.0  # a class that is absent from a leaf must not cost infinitely much

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

    def costs(self, sums: np.ndarray, share: float | None) -> np.ndarray:
        """Logarithms of the smoothed means, and mistakes where these count."""
        means = np.array(self.means(sums))
        table = -np.log(np.maximum(means, EPS))
        if share is not None:
            table = share * table + (np.arange(len(means))[:, None] != means.argmax(axis=0))
        # The last class follows from the others.
        table[:-1] -= table[-1]
        center, unit = self.scale.center, self._unit[:, None]
        return np.vstack([table[-1] + center @ table[:-1], table[:-1] * unit])

    def _divergence(self, sums: np.ndarray, prior: list[np.ndarray]) -> np.ndarray:
        total = np.zeros(sums.shape[1])
        for p, q in zip(self.means(sums), prior, strict=True):
            if q > EPS:  # else the class is absent from the node
                total += p * np.log(np.maximum(p / q, EPS**2))
        return total * self.weight(sums)

    def _noise(self, size: float) -> float:
        return 32 * EPS


class PoissonDeviance(Objective):
    """Weighted negative log-likelihood of counts under a node's mean rate.

    What a split gains is half the deviance of its children's means from their parent's, times their weights.
    """

    prior_weight = 1.0  # a count must not cost infinitely much in a leaf that saw none

    def means(self, sums: np.ndarray) -> list[np.ndarray]:
        """Mean counts, without rounding's negatives."""
        return [np.maximum(mean, 0) for mean in super().means(sums)]

    def gains(self, left: np.ndarray, right: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """Divergences, whose terms are as small as the gain, rather than a difference of likelihoods."""
        prior = self.means(whole)
        return self._divergence(left, prior) + self._divergence(right, prior)

    def costs(self, sums: np.ndarray, share: float | None) -> np.ndarray:
        """Negative log-likelihoods, up to what the counts alone tell."""
        rates = np.array(self.means(sums))
        logs = np.log(np.maximum(rates, EPS**2))
        return np.vstack([rates.sum(axis=0) - self.scale.center @ logs, -logs * self._unit[:, None]])

    def _divergence(self, sums: np.ndarray, prior: list[np.ndarray]) -> np.ndarray:
        total = np.zeros(sums.shape[1])
        for m, q in zip(self.means(sums), prior, strict=True):
            if q > 0:  # else there is no count in the node
                total += m * np.log(np.maximum(m / q, EPS**2)) - m + q
        return total * self.weight(sums)

    def _noise(self, size: float) -> float:
        return 32 * EPS * size


def quantum(*factors: float) -> float:
    """The power of two in which a product of such factors takes `SUM_BITS` bits."""
    exponent = sum(math.frexp(factor)[1] for factor in factors)
    return math.ldexp(1.0, max(exponent - SUM_BITS, -1000))
