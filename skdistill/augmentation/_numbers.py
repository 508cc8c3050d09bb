"""Tables that are numbers throughout, such as pixels and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ._base import BaseSampler


def numbers_of(sampler: BaseSampler, X: Any) -> NDArray[Any]:
    """The cells of a dense table as an array of finite numbers.

    Raises
    ------
    ValueError
        A cell is no number, or missing.
    """
    cells = np.asarray(X) if isinstance(X, np.ndarray) else nw.from_native(X, eager_only=True).to_numpy()
    if cells.dtype.kind not in "iuf":
        try:
            cells = cells.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{type(sampler).__name__} draws from numbers alone. {error}: drop the other columns."
            ) from error
    if not np.isfinite(cells).all():
        raise ValueError(f"{type(sampler).__name__} needs a finite number in every cell. Fill the missing ones first.")
    return cells


def like(X: Any, cells: NDArray[Any]) -> Any:
    """The cells as a table of the kind, columns and types of `X`."""
    if isinstance(X, np.ndarray):
        return cells.astype(X.dtype, copy=False)
    frame = nw.from_native(X, eager_only=True)
    columns = [
        nw.new_series(column.name, cells[:, j], backend=frame.implementation).cast(column.dtype).to_frame()
        for j, column in enumerate(frame.iter_columns())
    ]
    return nw.concat(columns, how="horizontal").to_native()
