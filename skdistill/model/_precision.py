"""In how many bits a device stores the numbers of a model, and whether they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ._additive import Additive
from ._decoded import Decoded
from ._frozen import Frozen, frozen
from ._predictors import Linear, Tree
from ._spare import Predictor, spares_last
from ._tree_sum import TreeSum

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Bits of a value, by the name of its storage.
BITS = {"float32": 32, "float16": 16, "int8": 8, "int4": 4}
#: The scale of a table of an additive model is at most 2 to this power below that of the output.
MOST_SHIFT = 15


@frozen
class Precision(Frozen):
    """How the numbers of a model are stored. What it computes does not depend on it: the numbers fit exactly.

    Parameters
    ----------
    inputs : {"float32", "float16"}
        Numbers that rows are compared with or scaled by: thresholds, edges, and what the encoding of numeric columns
        needs. With "float16" a number takes 2 bytes where float16 holds it, else 4.
    values : {"float32", "float16", "int8", "int4"}
        What is looked up or summed: leaves, tables, coefficients. Integers are multiples of a scale for each output,
        from -127 to 127 or from -7 to 7; those of an `Additive` of the scale over a power of two up to 2^15 of each
        table. Leaves of a `Tree` are integers from 0 to 255 or 15: shares whose sum is the same in all leaves under a
        simplex, else multiples of the scale beyond the smallest leaf.

    Raises
    ------
    ValueError
        If a storage is unknown.

    Examples
    --------
    >>> from skdistill.model import Precision
    >>> Precision("float16", "int8")
    Precision(inputs='float16', values='int8')
    """

    inputs: str = "float32"
    values: str = "float32"

    def __post_init__(self) -> None:
        for name, known in (("inputs", ["float32", "float16"]), ("values", list(BITS))):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in known:
                raise ValueError(f"'{name}' of Precision must be one of {known}. Got {value!r} instead.")

    @property
    def is_full(self) -> bool:
        """Whether all numbers are stored in float32."""
        return (self.inputs, self.values) == ("float32", "float32")


class UnfitError(ValueError):
    """Numbers that their storage does not hold."""


def is_half(numbers: NDArray[np.float32]) -> bool:
    """Whether float16 holds all numbers.

    >>> is_half(np.array([0.5, 2048.0], dtype=np.float32)), is_half(np.array([0.1], dtype=np.float32))
    (True, False)
    """
    with np.errstate(over="ignore"):
        return bool((numbers.astype(np.float16) == numbers).all())


def stored_values(predictor: Tree | Linear | Additive | TreeSum, link: str) -> list[NDArray[np.float32]]:
    """The values that a device stores in the precision of values, an array for each output that needs any.

    Of an additive model without the first bin of each table, and under a softmax without the last output (but for sums
    of trees): a quantised model has zeros there.

    >>> [values.tolist() for values in stored_values(Linear([[1.0, 0.0], [3.0, 0.0]], [0.0, 0.0]), "softmax")]
    [[1.0, 3.0]]
    """
    if isinstance(predictor, TreeSum):
        found = [np.zeros(0, np.float32)] * predictor.n_outputs
        for k in range(predictor.n_outputs):
            trees = [tree.value[:, 0] for tree, of in zip(predictor.trees, predictor.output, strict=True) if of == k]
            found[k] = np.concatenate([found[k], *trees])
        return found
    if isinstance(predictor, Tree):
        matrix = predictor.value
    elif isinstance(predictor, Linear):
        matrix = predictor.coef
    else:
        k = predictor.n_outputs
        cells = [pair.table[1:, 1:].reshape(-1, k) for pair in predictor.pairs]
        matrix = np.concatenate([np.zeros((0, k), np.float32), *(table[1:] for table in predictor.tables), *cells])
    columns = list(matrix.T)
    return columns[:-1] if link == "softmax" else columns


def table_sizes(predictor: Additive) -> list[int]:
    """How many of an output's stored values each table has, then each pair."""
    cells = [len(pair.edges[0]) * len(pair.edges[1]) for pair in predictor.pairs]
    return [*map(len, predictor.edges), *cells]


def grid(values: NDArray[np.float32], bits: int = 24) -> tuple[float, NDArray[np.int64]] | None:
    """The largest number that all values are whole multiples of, and these multiples; None where they exceed `bits`.

    >>> grid(np.array([0.75, -1.5, 0.0], dtype=np.float32))
    (0.75, array([ 1, -2,  0]))
    """
    fractions, exponents = np.frexp(values.astype(np.float64))
    whole = (fractions * 2**24).astype(np.int64)
    exponents = exponents - 24
    used = whole != 0
    if not used.any():
        return 1.0, np.zeros(len(values), np.int64)
    low = int(exponents[used].min())
    shift = np.where(used, exponents - low, 0)
    if shift.max() > 38:  # of values whose codes have fewer than 38 bits none is 2**38 times another
        return None
    integers = whole << shift
    unit = int(np.gcd.reduce(integers))
    codes = integers // unit
    return (float(np.ldexp(float(unit), low)), codes) if np.abs(codes).max() < 2**bits else None


class Multiples(NamedTuple):
    """Values as whole numbers: each is its code times the scale, over 2 to the power of its table's shift."""

    scale: float
    shifts: NDArray[np.int64]
    codes: NDArray[np.int64]


def multiples(values: NDArray[np.float32], sizes: list[int], stored: str) -> Multiples | None:
    """The codes of an output's values, of which each table in turn has so many, with the least shifts: zeros where one
    scale does for all tables. None where codes are too large for their storage.

    >>> multiples(np.array([0.25, 12.0], dtype=np.float32), [1, 1], "int4")
    Multiples(scale=2.0, shifts=array([3, 0]), codes=array([1, 6]))
    """
    found = grid(values)
    if found is None:
        return None
    unit, whole = found
    most = 2 ** (BITS[stored] - 1) - 1
    table = np.repeat(np.arange(len(sizes)), sizes)
    reach, bits = np.zeros(len(sizes), np.int64), np.zeros(len(sizes), np.int64)
    np.maximum.at(reach, table, np.abs(whole))
    np.bitwise_or.at(bits, table, np.abs(whole))
    # A step of a table is 2**power units: at least what makes its codes small, at most what keeps them whole.
    least = np.frexp(-(-reach // most) - 0.5)[1]
    largest = np.where(bits > 0, np.frexp((bits & -bits).astype(np.float64))[1] - 1, 63)
    top = int(least.max(initial=0))
    powers = np.minimum(largest, top)
    shifts = (top - powers).astype(np.int64)
    if (powers < least).any() or shifts.max(initial=0) > MOST_SHIFT:
        return None
    return Multiples(float(np.ldexp(unit, top)), shifts, whole >> powers[table])


def check_precision(predictor: Predictor, link: str, precision: Precision) -> None:
    """Raise an UnfitError, which is a ValueError, if the values of a predictor do not fit their storage."""
    if precision.values == "float32":
        return
    if isinstance(predictor, Decoded):
        check_precision(predictor.core, "identity", precision)
        _check_decoder(predictor, precision)
        return
    is_tree = isinstance(predictor, Tree)
    if isinstance(predictor, Additive) and any(table[0].any() for table in predictor.tables):
        raise UnfitError(f"{_unfit(precision)} Its tables must begin with zeros.")
    if link == "softmax" and not isinstance(predictor, TreeSum) and _last_values(predictor).any():
        raise UnfitError(f"{_unfit(precision)} The values of its last output must be zeros under a softmax.")
    columns = stored_values(predictor, link)
    if precision.values == "float16":
        if is_tree and link == "simplex" and spares_last(predictor, link):
            columns = columns[:-1]  # the last share follows from the others
        if not all(map(is_half, columns)):
            raise UnfitError(f"{_unfit(precision)} float16 does not hold them.")
        return
    bits = BITS[precision.values]
    if is_tree and link == "simplex":
        found = grid(np.concatenate(columns))
        shares = np.zeros((1, 1)) if found is None else found[1].reshape(len(columns), -1)
        sums = shares.sum(axis=0)
        if found is None or shares.min() < 0 or sums.min() < sums.max() or sums.max() >= 2**bits:
            raise UnfitError(f"{_unfit(precision)} They must be whole shares of one sum below {2**bits}.")
        return
    most, scales = 2**bits - 1 if is_tree else 2 ** (bits - 1) - 1, "one scale for each output"
    if isinstance(predictor, Additive):
        scales += f", over a power of two up to 2^{MOST_SHIFT} of each table"
    for column in columns:
        if is_tree:
            found = grid(column)
            fits = found is not None and int(np.ptp(found[1])) <= most
        else:
            sizes = table_sizes(predictor) if isinstance(predictor, Additive) else [len(column)]
            fits = multiples(column, sizes, precision.values) is not None
        if not fits:
            raise UnfitError(f"{_unfit(precision)} They must be at most {most} multiples of {scales}.")


def _check_decoder(predictor: Decoded, precision: Precision) -> None:
    """The matrix takes 8 bits where other values take 8 or 4, with a scale for each row."""
    if precision.values == "float16":
        if not is_half(predictor.matrix):
            raise UnfitError(f"{_unfit(precision)} float16 does not hold its matrix.")
        return
    for row in predictor.matrix:
        found = grid(row)
        if found is None or _largest(found[1]) > 127:
            raise UnfitError(
                f"{_unfit(precision)} A row of its matrix must be at most 127 multiples of one scale for each row."
            )


def _largest(codes: NDArray[np.int64]) -> int:
    return int(np.abs(codes).max(initial=0))


def _last_values(predictor: Tree | Linear | Additive) -> NDArray[np.float32]:
    if isinstance(predictor, Additive):
        cells = [pair.table.reshape(-1, predictor.n_outputs) for pair in predictor.pairs]
        return np.concatenate([*predictor.tables, *cells])[:, -1]
    return (predictor.value if isinstance(predictor, Tree) else predictor.coef)[:, -1]


def _unfit(precision: Precision) -> str:
    return (
        f"The values of the predictor do not fit in {precision.values}: quantise them, or pass precision=Precision()."
    )
