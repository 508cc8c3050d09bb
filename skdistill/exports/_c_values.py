"""What a C header looks up and sums: floats, or integers that a unit for each output multiplies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..model import Additive, Decoded, Model, Tree
from ..model._precision import grid, multiples
from ._c_tables import Tables

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Values:
    """Leaves or weights, as floats or, of a quantised model, as integers.

    With `integers` they are so in any case, and must be multiples of a number for each output. The integers of the
    tables of an additive model may have to be multiplied by a power of two for each table and output.
    """

    def __init__(
        self, model: Model, parts: list[NDArray[np.float32]], outputs: list[int | None], integers: bool = False
    ) -> None:
        self.parts: list[Any] = parts
        self.units: NDArray[np.float32] | None = None
        self.shifts = np.zeros((len(parts), model.output.n_outputs), np.int64)
        is_quantised = model.precision.values.startswith("int") and not isinstance(model.predictor, Decoded)
        if not parts or not (is_quantised or integers):
            return
        k = model.output.n_outputs
        offsets, units = np.zeros(k), np.ones(k)
        codes = [np.zeros(part.shape, np.int64) for part in parts]
        for output in range(k):
            own = [(i, output if of is None else 0) for i, of in enumerate(outputs) if of is None or of == output]
            numbers = np.concatenate([np.zeros(0, np.float32), *(parts[i][:, j] for i, j in own)])
            if isinstance(model.predictor, Additive) and is_quantised:
                fitting = multiples(numbers, [len(part) for part in parts], model.precision.values)
                assert fitting is not None  # the model was checked to fit its precision
                scale, down, whole = fitting
                units[output] = scale / 2.0 ** down.max()
                self.shifts[:, output] = down.max() - down
            else:
                found = grid(numbers, 32)
                assert found is not None  # as above, or it was made to
                units[output], whole = found
            if isinstance(model.predictor, Tree) and len(whole):
                offsets[output] = whole.min() * units[output]
                whole = whole - whole.min()
            for i, j in own:
                codes[i][:, j], whole = whole[: len(parts[i])], whole[len(parts[i]) :]
        self.parts, self.units, self.offsets = codes, units.astype(np.float32), offsets.astype(np.float32)

    def reach(self, outputs: list[int | None]) -> list[int]:
        """Of the integers of trees, what those of each output add up to at most, in its units."""
        reach = [0] * self.shifts.shape[1]
        for part, shifts, output in zip(self.parts, self.shifts.tolist(), outputs, strict=True):
            for at, most in enumerate(np.abs(part).max(axis=0).tolist()):
                reach[at if output is None else output] += int(most) << shifts[at]
        return reach

    def declare(self, tables: Tables, what: str, parts: list[Any] | None = None) -> tuple[str, str]:
        """The table of all parts or of some, and the type of its numbers."""
        numbers = np.concatenate([part.ravel() for part in (self.parts if parts is None else parts)] or [np.zeros(1)])
        text = tables.declare(what, numbers if self.units is None else numbers.tolist())
        return text, text.split("const ")[1].split(f" {tables.name}_")[0]

    def times(self, tables: Tables) -> tuple[str, str]:
        """By what the integers of tree i are multiplied, and the table for that."""
        if not self.shifts.any():
            return "", ""
        times = f" * (1 << {tables.name}_shifts[{self.shifts.shape[1]} * i + k])"
        return times, tables.declare("shifts", self.shifts.ravel().tolist())

    def finish(self, tables: Tables, sums: str, base: NDArray[np.float32]) -> tuple[str, str]:
        """What becomes of the sums, and the tables for that."""
        head = ""
        if self.units is not None:
            head = tables.declare("units", self.units)
            sums, base = f"(double){tables.name}_units[k] * {sums}", base + self.offsets
        if base.any():
            head += tables.declare("base", base)
            sums = f"{sums} + {tables.name}_base[k]"
        return head, sums
