"""What is shipped: a student behind its encoder, compressed once fitted where that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ._sklearn import safe_indexing
from ._transfer import Recipe, Table, TransferSet, fit_on
from .compression import CompressionPass, Quantise, Step, compress, resolve_passes
from .model import Model, Output, packed_nbytes
from .preprocessing import TableEncoder
from .targets import ValueLoss

#: Rows that passes are judged on, at most: beyond that they cost time and tell little more.
MOST_ROWS = 20_000
#: And where no more than a size is asked for.
SIZED_ROWS = 2_000


@dataclass(frozen=True, eq=False)
class Shipped:
    """A fitted student and its encoder.

    Attributes
    ----------
    student : fitted student
    encoder : TableEncoder
    steps : tuple of Step
        What each pass of compression did.
    """

    student: Any
    encoder: TableEncoder
    steps: tuple[Step, ...] = ()

    def evaluate(self, table: Table) -> NDArray[np.float64]:
        """Q-hat of shape (n, n_outputs)."""
        outputs: NDArray[np.float64] = self.student.evaluate(table.encoded_by(self.encoder))
        return outputs

    @property
    def nbytes(self) -> int | None:
        """Packed bytes; None where the student has no model form."""
        if not self.student.has_model_form:
            return None
        preprocessor = self.encoder.to_preprocessor()
        return packed_nbytes(self.student.predictor_, self.student.link_, preprocessor, self.student.precision_)

    def fits(self, max_bytes: int | None) -> bool:
        """Whether it is within a budget."""
        return max_bytes is None or (self.nbytes or 0) <= max_bytes

    def to_model(self, output: Output) -> Model:
        """The model form, with the meaning of its outputs."""
        return Model(self.encoder.to_preprocessor(), self.student.predictor_, output, self.student.precision_)


def resolve_chains(
    compression: Any, max_bytes: int | None, students: Iterable[Any]
) -> tuple[tuple[CompressionPass, ...], ...]:
    """The chains of passes that a `Workshop` tries: of "auto", 8 bits where a budget asks for them.

    Raises
    ------
    ValueError, TypeError
        No such pass, or passes for a student that has no model form, which is named.
    """
    if isinstance(compression, str) and compression == "auto":
        return ((),) if max_bytes is None else ((), (Quantise(),))
    passes = resolve_passes(compression)
    lacking = [student for student in students if not student.has_model_form]
    if passes and lacking:
        raise ValueError(
            f"'compression' works on the model form, which {lacking[0]!r} has not. Pass compression=None, or "
            "student='tree', 'linear', 'additive', 'boosted' or 'rules'."
        )
    return (passes,)


class Teaches(Protocol):
    """What `Lesson` and `StreamedLesson` have in common."""

    @property
    def real(self) -> Table:
        """Real rows in memory."""

    def fit(self, recipe: Recipe) -> Any:
        """A fitted clone of the recipe's student."""

    def real_part(self, recipe: Recipe) -> TransferSet:
        """The real rows in memory, with the labels that the student learned."""


@dataclass(frozen=True, eq=False)
class Workshop:
    """Fits students and compresses them: whatever is judged, sized or shipped has gone through both.

    Attributes
    ----------
    task : {"classification", "regression"}
    chains : tuple of tuples of CompressionPass
        Passes that run one after the other. Of several such chains the first after which the student fits `max_bytes`
        is taken, else the last. They are judged on the real rows that the student learned from, with the labels it
        learned; by its own answers where labels are smeared. Rows kept from the student cost it more than they tell
        (benchmarks/RESULTS.md).
    max_bytes : int, optional
    loss : ValueLoss, optional
        Of a regression.
    """

    task: str
    chains: tuple[tuple[CompressionPass, ...], ...] = ((),)
    max_bytes: int | None = None
    loss: ValueLoss | None = None

    @property
    def measure(self) -> str:
        """What students are judged by, in words."""
        return "log-loss" if self.loss is None else self.loss.words

    def losses(self, outputs: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
        """That measure, row by row, against true labels."""
        if self.task == "regression":
            assert self.loss is not None
            return self.loss.rows(truth, outputs)
        likelihood = np.sum(outputs * truth, axis=1, dtype=np.float64)
        return -np.log(np.maximum(likelihood, np.finfo(np.float64).eps))

    def fit(self, recipe: Recipe, lesson: Teaches) -> Shipped:
        """What becomes of the recipe's student."""
        return self.finish(self.draft(recipe, lesson), recipe, lesson)

    def draft(self, recipe: Recipe, lesson: Teaches) -> Shipped:
        """The recipe's student before any pass."""
        student = lesson.fit(recipe)
        return Shipped(student, lesson.real.encoders[bool(student.wants_scaling)])

    def finish(self, draft: Shipped, recipe: Recipe, lesson: Teaches) -> Shipped:
        """What becomes of a draft."""
        return self._finished(draft, lesson.real, partial(lesson.real_part, recipe))

    def size(self, draft: Shipped, recipe: Recipe, lesson: Teaches) -> int:
        """About what a draft packs to after the last of the chains; 0 where it has no model form."""
        last = replace(self, chains=self.chains[-1:])
        return last._finished(draft, lesson.real, partial(lesson.real_part, recipe), SIZED_ROWS).nbytes or 0

    def fit_on(self, student: Any, table: Table, rows: TransferSet) -> Shipped:
        """What becomes of a student on these rows, which are those of the table."""
        draft = Shipped(fit_on(student, rows), table.encoders[bool(student.wants_scaling)])
        return self._finished(draft, table, lambda: rows)

    def _finished(
        self, draft: Shipped, table: Table, rows: Callable[[], TransferSet], most_rows: int = MOST_ROWS
    ) -> Shipped:
        """A draft compressed, judged on rows of the table."""
        shipped, evidence = draft, None
        for passes in self.chains if draft.student.has_model_form else ():
            if passes:
                evidence = evidence or self._evidence(draft, table, rows(), most_rows)
                shipped = self._compressed(draft, passes, *evidence)
            if passes is self.chains[-1] or shipped.fits(self.max_bytes):
                break
        return shipped

    def _evidence(
        self, draft: Shipped, table: Table, rows: TransferSet, most_rows: int
    ) -> tuple[Any, NDArray[Any], Any]:
        """What passes are judged on: raw rows, their labels and weights."""
        X, Q, weight = table.X, rows.Q, rows.weight
        if rows.smeared is not None:  # squares of these labels say little: what it answers is what is to be kept
            Q = draft.evaluate(table)
        if len(Q) > most_rows:
            kept = np.sort(np.random.RandomState(0).permutation(len(Q))[:most_rows])
            X, Q, weight = safe_indexing(X, kept), Q[kept], None if weight is None else weight[kept]
        return draft.encoder.read(X), Q, weight

    def _compressed(
        self, draft: Shipped, passes: tuple[CompressionPass, ...], X: Any, Q: NDArray[Any], weight: NDArray[Any] | None
    ) -> Shipped:
        names = tuple(map(str, range(Q.shape[1])))
        link = draft.student.link_
        output = (
            Output("classification", link, names)
            if self.task == "classification"
            else Output("regression", link, targets=names)
        )
        done = compress(draft.to_model(output), passes, X, Q, weight)
        return Shipped(
            draft.student.with_form(done.model), draft.encoder.with_preprocessor(done.model.preprocessor), done.steps
        )


def told(steps: list[dict[str, Any]], n_rows: int) -> str:
    """What each pass of compression did, in a sentence."""
    parts = [
        f"{step['name']}: {step['nbytes_before']:,} to {step['nbytes_after']:,} bytes, loss {step['loss_before']:.4g} "
        f"to {step['loss_after']:.4g}, fidelity {step['fidelity']:.4g}"
        for step in steps
    ]
    return f"compression, judged on the soft labels of {n_rows:,} training rows: {'; '.join(parts)}."
