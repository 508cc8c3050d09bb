"""Scores in points: what a person adds up, and what the total says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..model import Output
from ._conditions import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Points that double the odds, as on credit scorecards.
DOUBLING = 20
#: Probabilities whose totals a scorecard of two classes lists.
_LISTED = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


class Points:
    """How scores of an output are told: in points that double the odds, or as they are where they are no log-odds.

    Two classes under a softmax have one score, the second's over the first's.

    Parameters
    ----------
    output : Output
    decimals : int or None
        Decimals of a point; None: three digits of the `largest` score.
    largest : float
        The largest score that will be told.
    """

    def __init__(self, output: Output, decimals: int = 0, largest: float = 1.0) -> None:
        self.output = output
        self.is_odds = output.link == "softmax"
        self.is_single = self.is_odds and output.n_outputs == 2
        self.unit = math.log(2) / DOUBLING if self.is_odds else 1.0
        self.decimals = decimals
        if not self.is_odds:
            self.decimals = 2 - math.floor(math.log10(largest)) if largest > 0 else 0

    @property
    def names(self) -> list[str]:
        """What each score is for."""
        if self.output.classes is None:
            return list(map(plain, self.output.targets))
        return [plain(label) for label in (self.output.classes[1:] if self.is_single else self.output.classes)]

    def scores(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn what is added to the outputs, in the last axis, into exact points of each score."""
        if self.is_single:
            values = values[..., 1:] - values[..., :1]
        return np.asarray(values / self.unit)

    def rounded(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """To the decimals that are told."""
        return np.round(points, self.decimals) + 0.0

    def tell(self, points: float) -> str:
        """A number of points.

        >>> from skdistill.model import Output
        >>> Points(Output("classification", "softmax", ("no", "yes"))).tell(12.0)
        '12'
        """
        return f"{points:.{max(self.decimals, 0)}f}"

    def meaning(self) -> str:
        """What a total says."""
        classes = self.output.classes
        if classes is None:
            return "The prediction is e^total." if self.output.link == "exp" else "The total is the prediction."
        if self.is_single:
            first, second = map(plain, classes)
            return (
                f"Predict {second} where the total is above 0, else {first}. {DOUBLING} points double the odds: the "
                f"probability of {second} is 1 / (1 + 2^(-total / {DOUBLING}))."
            )
        if self.is_odds:
            return (
                f"Predict the class with the highest total. {DOUBLING} points double the odds: the probability of a "
                f"class is 2^(total / {DOUBLING}), divided by the sum of that over the classes."
            )
        if self.output.link == "simplex":
            return (
                "Predict the class with the highest total. The probability of a class is its total, or 0 if that is "
                "negative, divided by the sum over the classes (if all are 0, they are equally probable)."
            )
        return "Predict the class with the highest total; the totals are its probabilities."

    def totals(self) -> list[list[str]]:
        """Of two classes, probabilities and the totals that stand for them; else nothing."""
        if not self.is_single:
            return []
        return [
            [f"{100 * p:g} %", self.tell(float(self.rounded(np.array(DOUBLING * math.log2(p / (1 - p))))))]
            for p in _LISTED
        ]


def percent(share: float) -> str:
    """A share to a tenth of a percent, never rounded to none or all.

    >>> percent(0.4567), percent(1.0), percent(0.9999), percent(1e-9), percent(0.0)
    ('45.7 %', '100 %', 'over 99.9 %', 'under 0.1 %', '0 %')
    """
    if share in (0.0, 1.0):
        return f"{100 * share:.0f} %"
    if 0 < share < 0.0005:
        return "under 0.1 %"
    return "over 99.9 %" if 0.9995 <= share < 1 else f"{100 * share:.1f} %"
