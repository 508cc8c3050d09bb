"""A split, in words and in the units of the raw table."""

from __future__ import annotations

from skdistill.model import CategoryColumn, NumericColumn, Preprocessor

from ._text import significant


def number(value: float) -> str:
    """Write a number short: four digits or one behind the point, no zeros that say nothing.

    >>> number(45.50), number(0.00500), number(123456.0)
    ('45.5', '0.005', '123456')
    """
    text = significant(value, max(4, 1 + len(str(int(abs(value))))))
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def owners(preprocessor: Preprocessor) -> list[tuple[NumericColumn | CategoryColumn, int]]:
    """For each encoded feature, its raw column and its number among that column's features."""
    parts = zip(preprocessor.columns, preprocessor.slices, strict=True)
    return [(column, at) for column, part in parts for at in range(part.stop - part.start)]


def raw_value(column: NumericColumn, value: float) -> float:
    """An encoded number in the units of its raw column."""
    return value / column.scale + column.center


def is_flag(column: NumericColumn | CategoryColumn, at: int) -> bool:
    """Whether a feature of a column is the one that says where the raw value is missing."""
    return at == len(column.encoded_names) - 1 and column.missing


class Path:
    """What is known of a row on its way down a tree, each column told once.

    Parameters
    ----------
    preprocessor : Preprocessor

    Examples
    --------
    >>> from skdistill.model import CategoryColumn, NumericColumn, Preprocessor
    >>> path = Path(Preprocessor((NumericColumn("age"), CategoryColumn("job", ("clerk", "nurse")))))
    >>> print(path.step(0, 60.0, left=True).step(0, 30.0, left=False).step(2, 0.5, left=True))
    30 < age ≤ 60 and job is not nurse
    >>> path.words(0, 60.0, left=False)
    'age > 60'
    """

    def __init__(self, preprocessor: Preprocessor, steps: tuple[tuple[int, float, bool], ...] = ()) -> None:
        self._preprocessor = preprocessor
        self._owners = owners(preprocessor)
        self._steps = steps

    def step(self, feature: int, threshold: float, *, left: bool) -> Path:
        """One split further."""
        return Path(self._preprocessor, (*self._steps, (feature, threshold, left)))

    def words(self, feature: int, threshold: float, *, left: bool) -> str:
        """One split in words; `left` where the encoded feature is at most the threshold."""
        column, at = self._owners[feature]
        if is_flag(column, at):
            return f"{column.name} is {'known' if left else 'missing'}"
        if isinstance(column, CategoryColumn):
            return f"{column.name} is {'not ' if left else ''}{column.categories[at]}"
        return f"{column.name} {'≤' if left else '>'} {number(raw_value(column, threshold))}"

    def __str__(self) -> str:
        told: dict[str, str] = {}
        bounds: dict[int, list[float | None]] = {}
        for feature, threshold, left in self._steps:
            column, at = self._owners[feature]
            if isinstance(column, CategoryColumn) or is_flag(column, at):
                words = self.words(feature, threshold, left=left)
                told[words] = words
                continue
            low, high = bounds.setdefault(feature, [None, None])
            value = raw_value(column, threshold)
            bounds[feature] = (
                [low, value if high is None else min(high, value)]
                if left
                else [value if low is None else max(low, value), high]
            )
            told[f"feature {feature}"] = _interval(column.name, *bounds[feature])
        return " and ".join(told.values()) or "all rows"


def _interval(name: str, low: float | None, high: float | None) -> str:
    if low is None and high is not None:
        return f"{name} ≤ {number(high)}"
    if high is None and low is not None:
        return f"{name} > {number(low)}"
    assert low is not None
    assert high is not None
    return f"{number(low)} < {name} ≤ {number(high)}"
