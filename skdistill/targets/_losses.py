"""What an error of a value costs: by what a regression is weighed, chosen, scored and reported."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

Floats = NDArray[np.float64]

#: Where errors begin to count linearly, in robust standard deviations: 95 % as efficient as squares under normal noise.
HUBER_WIDTH = 1.345
#: A value farther from the median than this many robust standard deviations of all is wild.
WILD = 4.0
#: Within this many standard deviations of its corner the pinball loss is rounded off, where it has to be smooth.
PINBALL_WIDTH = 0.1
#: A rate counts as no less.
LEAST_RATE = 1e-9
#: Steps to the location of residuals under Huber's loss.
_STEPS = 50


class ValueLoss(ABC):
    """What errors of values cost."""

    #: The key of a report that holds it, and its name in a sentence.
    metric: ClassVar[str]
    words: ClassVar[str]

    @abstractmethod
    def cells(self, y: Floats, outputs: Floats) -> Floats:
        """The loss of each value, in the shape of `y`."""

    def rows(self, y: Floats, outputs: Floats) -> Floats:
        """The loss of each row (n,), the mean over its targets."""
        return np.asarray(self.cells(y, outputs).mean(axis=1))

    @abstractmethod
    def touching(self, y: Floats, outputs: Floats) -> tuple[Floats | float, Floats]:
        """Weights and targets of squares, halved, that curve and slope at `outputs` as the loss does, or curve more."""

    def best_constant(self, y: Floats, weight: Floats | None) -> Floats:
        """The constant of least loss for each target, (m,)."""
        return np.asarray(np.average(y, axis=0, weights=weight))

    def explained(self, y: Floats, outputs: Floats, weight: Floats | None = None) -> float:
        """D²: the share of the best constant's loss that is saved; R² for squares. 0 where there was nothing to save.

        Parameters
        ----------
        y, outputs : ndarray of shape (n, m)
        weight : ndarray of shape (n,), optional
        """
        constant = np.broadcast_to(self.best_constant(y, weight), y.shape)
        left, there = (float(np.average(self.rows(y, f), weights=weight)) for f in (outputs, constant))
        if there <= 0:
            return 1.0 if left <= 0 else 0.0
        return 1.0 - left / there


@dataclass(frozen=True, eq=False)
class SquaredError(ValueLoss):
    """Squared errors in units of each target's variance.

    Parameters
    ----------
    variance : ndarray of shape (m,)
    """

    metric: ClassVar[str] = "rmse"
    words: ClassVar[str] = "squared error in units of the target's variance"

    variance: Floats

    def cells(self, y: Floats, outputs: Floats) -> Floats:
        """The squared errors in these units."""
        return np.asarray((outputs - y) ** 2 / self.variance)

    def touching(self, y: Floats, outputs: Floats) -> tuple[Floats | float, Floats]:
        """The squares themselves."""
        return 2.0 / self.variance, y


@dataclass(frozen=True, eq=False)
class PoissonDeviance(ValueLoss):
    """Of counts: twice what the log-likelihood lacks. Rates below 0, which are none, count as one that says "never"."""

    metric: ClassVar[str] = "deviance"
    words: ClassVar[str] = "Poisson deviance"

    def cells(self, y: Floats, outputs: Floats) -> Floats:
        """The deviances."""
        rates = np.maximum(outputs, LEAST_RATE)
        return np.asarray(2 * (xlogy(y, y / rates) - y + rates))

    def touching(self, y: Floats, outputs: Floats) -> tuple[Floats | float, Floats]:
        """Squares divided by the variance that such rates have (Fisher scoring)."""
        return 2.0 / np.maximum(outputs, LEAST_RATE), y


@dataclass(frozen=True, eq=False)
class RobustLoss(ValueLoss):
    """A loss of one target that grows linearly, of whose labels the mean is not what a student should learn."""

    #: The share of residuals that its location leaves below.
    level: ClassVar[float] = 0.5

    @abstractmethod
    def smooth(self, residuals: Floats) -> tuple[Floats, Floats, Floats]:
        """Loss of each residual ``y - f``, rounded off, its slope in f, and its curvature."""

    @abstractmethod
    def location(self, values: Floats, weight: Floats) -> float:
        """The constant of least loss."""

    @abstractmethod
    def curvature(self, residuals: Floats, weight: Floats) -> float:
        """How much the mean loss of these curves at their location, above 0."""

    def tamed(self, y: Floats, about: Floats | None = None) -> Floats:
        """True values as squared error may see them, which finds the structure; `about` is what a committee says."""
        return y

    def best_constant(self, y: Floats, weight: Floats | None) -> Floats:
        """The location of each target."""
        share = np.ones(len(y)) if weight is None else weight
        return np.array([self.location(column, share) for column in y.T])


@dataclass(frozen=True, eq=False)
class Pinball(RobustLoss):
    """What the quantile minimises: errors cost `quantile` where the truth is above, the rest of 1 where it is below.

    Parameters
    ----------
    quantile : float in (0, 1)
    width : float > 0
        Where it has to be smooth, the corner is rounded off within this much, in units of the target.

    References
    ----------
    R. Koenker, G. Bassett, "Regression quantiles", Econometrica, 1978. M. Fernandes, E. Guerre, E. Horta, "Smoothing
    quantile regressions", Journal of Business & Economic Statistics, 2021. D. R. Hunter, K. Lange, "Quantile regression
    via an MM algorithm", Journal of Computational and Graphical Statistics, 2000 (the squares that touch it).
    """

    metric: ClassVar[str] = "pinball"
    words: ClassVar[str] = "pinball loss"

    quantile: float
    width: float

    @property
    def level(self) -> float:  # type: ignore[override]
        """The quantile."""
        return self.quantile

    def cells(self, y: Floats, outputs: Floats) -> Floats:
        """The losses."""
        residuals = y - outputs
        return np.maximum(self.quantile * residuals, (self.quantile - 1) * residuals)

    def touching(self, y: Floats, outputs: Floats) -> tuple[Floats | float, Floats]:
        """Squares that touch the rounded loss from above."""
        size = self.width + np.abs(y - outputs)
        return 0.5 / size, y + (2 * self.quantile - 1) * size

    def smooth(self, residuals: Floats) -> tuple[Floats, Floats, Floats]:
        """A parabola within the width."""
        inside = np.abs(residuals) < self.width
        size = np.where(inside, residuals**2 / (2 * self.width) + self.width / 2, np.abs(residuals))
        tilt = self.quantile - 0.5
        slope = -tilt - np.clip(residuals / self.width, -1, 1) / 2
        return tilt * residuals + size / 2, slope, inside / (2 * self.width)

    def location(self, values: Floats, weight: Floats) -> float:
        """The quantile."""
        return float(weighted_quantiles(values, weight, [self.quantile])[0])

    def curvature(self, residuals: Floats, weight: Floats) -> float:
        """The density at the quantile, from quantiles on both sides of it (Siddiqui 1960)."""
        reach = min(0.1, self.quantile / 2, (1 - self.quantile) / 2)
        low, high = weighted_quantiles(residuals, weight, [self.quantile - reach, self.quantile + reach])
        return float(2 * reach / max(high - low, self.width))


@dataclass(frozen=True, eq=False)
class Huber(RobustLoss):
    """Half the squared error up to `delta`, beyond that linear: a few wild values move nothing much.

    Parameters
    ----------
    delta : float > 0
        In units of the target.

    References
    ----------
    P. J. Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics, 1964. P. W. Holland,
    R. E. Welsch, "Robust regression using iteratively reweighted least-squares", Communications in Statistics, 1977.
    """

    metric: ClassVar[str] = "huber"
    words: ClassVar[str] = "Huber loss"

    delta: float

    def cells(self, y: Floats, outputs: Floats) -> Floats:
        """The losses."""
        return self.smooth(y - outputs)[0]

    def touching(self, y: Floats, outputs: Floats) -> tuple[Floats | float, Floats]:
        """Squares that weigh less the farther off a value is."""
        return self.delta / np.maximum(np.abs(y - outputs), self.delta), y

    def smooth(self, residuals: Floats) -> tuple[Floats, Floats, Floats]:
        """The loss is smooth as it is."""
        clipped = np.clip(residuals, -self.delta, self.delta)
        return clipped * (residuals - clipped / 2), -clipped, (np.abs(residuals) < self.delta).astype(np.float64)

    def tamed(self, y: Floats, about: Floats | None = None) -> Floats:
        """No farther off than delta; where there is no committee, than some standard deviations of all values."""
        if about is not None:
            return about + np.clip(y - about, -self.delta, self.delta)
        reach = WILD * _spread(y[:, 0], np.ones(len(y)))
        return np.clip(y, np.median(y) - reach, np.median(y) + reach)

    def location(self, values: Floats, weight: Floats) -> float:
        """By reweighted means, from the median."""
        at = np.full_like(values, weighted_quantiles(values, weight, [0.5])[0])
        for _ in range(_STEPS):
            now = np.average(values, weights=weight * self.touching(values, at)[0])
            moved, at = abs(now - at[0]), np.full_like(values, now)
            if moved < 1e-6 * self.delta:
                break
        return float(at[0])

    def curvature(self, residuals: Floats, weight: Floats) -> float:
        """The share within delta."""
        inside = np.abs(residuals - self.location(residuals, weight)) < self.delta
        return max(float(np.average(inside, weights=weight)), 0.01)


def value_loss(
    name: str,
    y: Floats,
    sample_weight: Floats | None = None,
    *,
    quantile: float = 0.5,
    labels: Sequence[NDArray[Any]] = (),
    covered: NDArray[np.bool_] | None = None,
) -> ValueLoss:
    """The loss that a name means for these values.

    Parameters
    ----------
    name : {"squared", "poisson", "pinball", "huber"}
    y : ndarray of shape (n, m)
    sample_weight : ndarray of shape (n,), optional
    quantile : float in (0, 1)
        Of the pinball loss.
    labels : sequence of T arrays of shape (n, m)
        What teachers say of rows that they have not seen. The residuals of their median tell how much noise there is,
        which is what `Huber.delta` and `Pinball.width` are in units of; without any, the spread of `y` has to do.
    covered : ndarray of bool, shape (n,), optional
        The rows of which they say something.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.targets import value_loss
    >>> loss = value_loss("pinball", np.array([[0.0], [1.0], [2.0]]), quantile=0.9)
    >>> loss.rows(np.array([[1.0], [0.0]]), np.array([[0.0], [1.0]]))
    array([0.9, 0.1])
    """
    if name == "poisson":
        return PoissonDeviance()
    if name == "squared":
        variance = np.average((y - np.average(y, axis=0, weights=sample_weight)) ** 2, axis=0, weights=sample_weight)
        return SquaredError(np.where(variance > 0, variance, 1.0))
    share = np.ones(len(y)) if sample_weight is None else sample_weight
    if labels:
        kept = np.ones(len(y), dtype=bool) if covered is None else covered
        residuals = (y - np.median(np.stack(labels), axis=0))[kept, 0]
        share = share[kept]
    else:
        residuals = y[:, 0]
    spread = _spread(residuals, share) or _spread(y[:, 0], np.ones(len(y))) or 1.0
    return Pinball(quantile, PINBALL_WIDTH * spread) if name == "pinball" else Huber(HUBER_WIDTH * spread)


def weighted_quantiles(values: Floats, weight: Floats, levels: Sequence[float] | Floats) -> Floats:
    """The least value of `values` (n,) with at least that share of the weight up to it, for each level."""
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weight[order])
    at = np.searchsorted(mass, np.asarray(levels) * mass[-1] * (1 - 1e-12))
    return np.asarray(values[order[np.minimum(at, len(order) - 1)]], dtype=np.float64)


def _spread(values: Floats, weight: Floats) -> float:
    """The standard deviation, from the quartiles, where these differ."""
    low, high = weighted_quantiles(values, weight, [0.25, 0.75])
    if high > low:
        return float(high - low) / 1.349
    return float(np.sqrt(np.average((values - np.average(values, weights=weight)) ** 2, weights=weight)))
