"""Soft labels of values as distributions, where a loss is not content with a mean.

Of a class the soft label is a distribution, and the student minimises what a label drawn from it costs on average. Of a
value the committee says a single number: a quantile, say. A student too small to say it exactly in each row, which has
to answer many rows alike, is misled by these alone: the mean of quantiles is not the quantile of all the rows. So what
the committee says is smeared by its residuals out of fold (Duan 1983), which gives a distribution for each row, as wide
as the committee is wrong and centred anew where it is off (Romano et al. 2019 do so for intervals).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ._losses import Floats, RobustLoss, weighted_quantiles

#: Values on either side of the loss's location that stand for all residuals.
_A_SIDE = 8


@dataclass(frozen=True, eq=False)
class Smeared:
    """For each row a distribution over a few values, and what it costs not to say them.

    Attributes
    ----------
    values, shares : ndarray of shape (n, v)
        The values, and how likely each is; the shares of a row sum to 1.
    loss : RobustLoss

    References
    ----------
    N. Duan, "Smearing estimate: a nonparametric retransformation method", JASA, 1983. Y. Romano, E. Patterson, E.
    Candes, "Conformalized quantile regression", NeurIPS 2019.
    """

    values: Floats
    shares: Floats
    loss: RobustLoss

    @classmethod
    def known(cls, truth: Floats, loss: RobustLoss) -> Self:
        """True values (n, 1), which are certain."""
        return cls(truth, np.ones_like(truth), loss)

    def part(self, rows: NDArray[np.intp]) -> Self:
        """Some of the rows."""
        return type(self)(self.values[rows], self.shares[rows], self.loss)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Rows below rows, of distributions over as many values."""
        values, shares = (np.vstack([getattr(part, name) for part in parts]) for name in ("values", "shares"))
        return cls(values, shares, parts[0].loss)


@dataclass(frozen=True, eq=False)
class Smear:
    """How far off a committee is, out of fold.

    Attributes
    ----------
    offsets, shares : ndarray of shape (16,)
        Values that stand for all residuals, and their shares. The loss's level falls between two of them, so that it is
        kept however close to 0 or 1 it is.
    loss : RobustLoss
    """

    offsets: Floats
    shares: Floats
    loss: RobustLoss

    @classmethod
    def of(cls, residuals: Floats, weight: Floats | None, loss: RobustLoss) -> Self:
        """From residuals (n,) of rows that the committee has not seen.

        Examples
        --------
        >>> import numpy as np
        >>> from skdistill.targets import Smear, value_loss
        >>> residuals = np.arange(1000.0)
        >>> smear = Smear.of(residuals, None, value_loss("pinball", residuals[:, None], quantile=0.9))
        >>> smear.offsets[7], smear.offsets[8], smear.shares[:8].sum().round(6)
        (np.float64(843.0), np.float64(906.0), np.float64(0.9))
        """
        middles = (np.arange(_A_SIDE) + 0.5) / _A_SIDE
        levels = np.concatenate([loss.level * middles, loss.level + (1 - loss.level) * middles])
        share = np.ones(len(residuals)) if weight is None else weight
        shares = np.repeat([loss.level / _A_SIDE, (1 - loss.level) / _A_SIDE], _A_SIDE)
        return cls(weighted_quantiles(residuals, share, levels), shares, loss)

    def __call__(
        self,
        Q: Floats,
        truth: Floats | None = None,
        blend: float = 0.0,
        covered: NDArray[np.bool_] | None = None,
    ) -> Smeared:
        """What the committee says of rows, (n, 1), smeared; the true values, where given, have the share `blend`.

        Rows that are not `covered` have their true value alone.
        """
        n_rows = len(Q)
        known = np.full((n_rows, 1), 0.0 if truth is None else blend)
        if covered is not None and truth is not None:
            known[~covered] = 1.0
            Q = np.where(covered[:, None], Q, truth)
        values = np.hstack([Q if truth is None else truth, Q + self.offsets])
        return Smeared(values, np.hstack([known, (1 - known) * self.shares]), self.loss)
