"""The encoding of numeric columns in few bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..model import Additive, Linear, Model, NumericColumn, Preprocessor, Tree, TreeSum, used_features
from ._precise import single

#: Centers farther off than this, in units of the scaled column, stay: the intercept in float32 has 24 bits.
FAR = 256.0


def halved_columns(model: Model, Z: Any) -> Model:
    """The model with shorter numbers in its encoding of numeric columns, and the same answers but for rounding.

    Of a line, scaled columns get a scale that is a power of two, which takes no byte of its own, and no center: the
    coefficients and the intercept make up for it. Only a center so far off that the intercept would lose digits stays,
    and is the fill value, so that one number serves both. Fill values of a line are rounded to an eighth of what the
    scale makes one, which takes a byte, or to 11 bits; a column that is not scaled gets a scale for that, by its spread
    in the encoded rows `Z`. Elsewhere fill values are shortened where no threshold lies between them and the value
    before.
    """
    line = model.predictor if isinstance(model.predictor, Linear) else None
    cuts = {} if line is not None else _cuts(model)
    coef = None if line is None else line.coef.astype(np.float64)
    intercept = None if line is None else line.intercept.astype(np.float64)
    columns = list(model.preprocessor.columns)
    used = used_features(model.predictor)
    for i, (column, part) in enumerate(zip(columns, model.preprocessor.slices, strict=True)):
        if not isinstance(column, NumericColumn) or not used[part.start]:
            continue
        if coef is None or intercept is None:
            if not column.is_scaled:
                for fill in (_eighths(column.fill, 1.0), _half(column.fill)):
                    if fill is not None and _bin(cuts, part.start, fill) == _bin(cuts, part.start, column.fill):
                        columns[i] = replace(column, fill=fill)
                        break
            continue
        scale = _power(column.scale) if column.is_scaled else _unit(Z, part.start)
        near = _eighths(column.fill, scale)
        fill = _half(column.fill) if near is None else near
        if not column.is_scaled:
            scale = 1.0 if near is None or not column.fill else scale
            coef[part.start] /= scale
            columns[i] = replace(column, fill=fill, scale=scale)
            continue
        center = fill if abs(column.center) * scale > FAR else 0.0
        intercept = intercept + coef[part.start] * column.scale * (center - column.center)
        coef[part.start] *= column.scale / scale
        columns[i] = replace(column, fill=fill, center=center, scale=scale)
    preprocessor = Preprocessor(tuple(columns))
    predictor = model.predictor if coef is None or intercept is None else Linear(single(coef), single(intercept))
    return Model(preprocessor, predictor, model.output)


def _power(number: float) -> float:
    """The nearest power of two."""
    return float(np.ldexp(1.0, int(np.rint(np.log2(number)))))


def _unit(Z: Any, feature: int) -> float:
    """The scale by which a feature spreads one, a power of two within what takes no byte of its own."""
    column = Z[:, [feature]]
    spread = float((column.toarray() if hasattr(column, "toarray") else column).std(dtype=np.float64))
    return float(np.clip(_power(1 / spread), 2.0**-15, 2.0**15)) if spread else 1.0


def _eighths(number: float, scale: float) -> float | None:
    """The nearest whole number of eighths of 1 / scale, a power of two; None where that does not fit a byte."""
    eighths = np.rint(8 * number * scale)
    return float(eighths / 8 / scale) + 0.0 if abs(eighths) <= 127 else None


def _half(number: float) -> float:
    """The nearest number of float16, or the number itself where it is out of range."""
    with np.errstate(over="ignore"):
        half = float(np.float16(number))
    return half if np.isfinite(half) and (half or not number) else number


def _cuts(model: Model) -> dict[int, np.ndarray]:
    """All that a feature is compared with."""
    predictor = model.predictor
    found: dict[int, list[np.ndarray]] = {}
    if isinstance(predictor, Additive):
        for i, edges in enumerate(predictor.edges):
            found.setdefault(i, []).append(edges)
        for pair in predictor.pairs:
            for i, edges in zip(pair.features, pair.edges, strict=True):
                found.setdefault(i, []).append(edges)
    elif isinstance(predictor, (Tree, TreeSum)):
        for tree in predictor.trees if isinstance(predictor, TreeSum) else (predictor,):
            for i in np.unique(tree.feature[tree.feature >= 0]).tolist():
                found.setdefault(i, []).append(tree.threshold[tree.feature == i])
    return {i: np.unique(np.concatenate(parts)) for i, parts in found.items()}


def _bin(cuts: dict[int, np.ndarray], feature: int, value: float) -> int:
    return int(np.searchsorted(cuts.get(feature, np.zeros(0)), np.float32(value)))
