"""What the student learns from: real rows first, then those that only the committee can label."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from ._backend import NUMPY, Backend, resolve
from ._progress import tell
from .augmentation import BaseSampler, move_one
from .engine import DeviceEngine
from .preprocessing import TableEncoder
from .students import Moves, revalued
from .targets import RobustLoss, Smear, Smeared, ValueLoss, blend_labels
from .teachers import Fold

#: Moves that a student fits, at most: the committee labels two rows for each.
MOST_MOVES = 10_000


@dataclass(frozen=True, eq=False)
class TransferSet:
    """Encoded rows and their targets.

    Attributes
    ----------
    Z : ndarray or CSR matrix of shape (n, d)
    Q : ndarray of shape (n, n_outputs)
    weight : ndarray of shape (n,), or None where all are 1
    smeared : Smeared, or None where `Q` says all
        The labels as distributions, for a loss that is not content with their means.
    """

    Z: Any
    Q: NDArray[Any]
    weight: NDArray[np.float64] | None
    smeared: Smeared | None = None

    def part(self, rows: NDArray[np.intp]) -> TransferSet:
        """Some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        smeared = None if self.smeared is None else self.smeared.part(rows)
        return TransferSet(self.Z[rows], self.Q[rows], weight, smeared)


def joined(parts: list[TransferSet]) -> TransferSet:
    """Transfer sets one below the other.

    Examples
    --------
    >>> real = TransferSet(np.zeros((2, 1)), np.ones((2, 1)), None)
    >>> joined([real, TransferSet(np.zeros((1, 1)), np.ones((1, 1)), np.array([0.5]))]).weight
    array([1. , 1. , 0.5])
    """
    if len(parts) == 1:
        return parts[0]
    stack: Any = partial(sparse.vstack, format="csr") if sparse.issparse(parts[0].Z) else np.vstack
    weights = [np.ones(len(part.Q)) if part.weight is None else part.weight for part in parts]
    smeared = [part.smeared for part in parts if part.smeared is not None]
    return TransferSet(
        stack([part.Z for part in parts]),
        np.vstack([p.Q for p in parts]),
        np.concatenate(weights),
        Smeared.joined(smeared) if smeared else None,
    )


def label_type(task: str) -> type[np.floating[Any]]:
    """The type that soft labels are held in: for probabilities float32 is enough, values keep what they came with."""
    return np.float32 if task == "classification" else np.float64


@dataclass(frozen=True, eq=False)
class Recipe:
    """A student and what it is to learn from.

    Attributes
    ----------
    student : unfitted student
    blend : float
        Weight of the true labels.
    sampler : BaseSampler, optional
        Draws further rows for the committee to label.
    hard : bool
        The true labels of the real rows alone: nothing comes from the committee.
    assisted : bool
        Whether the last assistant labels the rows, and not the committee.
    """

    student: Any
    blend: float = 1.0
    sampler: BaseSampler | None = None
    hard: bool = False
    assisted: bool = False

    def __str__(self) -> str:
        labels = "hard labels" if self.hard else f"blend={self.blend:g}"
        labels += " of the last assistant" if self.assisted else ""
        return f"{self.student} on {labels}" + ("" if self.sampler is None else f" and {self.sampler}")

    def equals(self, other: Recipe) -> bool:
        """Whether it is the same student on the same labels."""
        return all(mine is its or mine == its for mine, its in zip(vars(self).values(), vars(other).values()))

    @property
    def scale(self) -> bool:
        """Whether the student wants its columns scaled."""
        return bool(self.student.wants_scaling)


class Table:
    """Raw rows and, made when first asked for, their encoded matrices.

    Parameters
    ----------
    X : table of n rows
    encoders : dict
        The encoder for students that want scaled columns (True), for those that do not (False), or both.
    """

    def __init__(self, X: Any, encoders: dict[bool, TableEncoder]) -> None:
        self.X, self.encoders = X, encoders
        self._encoded: dict[bool, Any] = {}

    def encoded(self, scale: bool) -> Any:
        """The student's matrix."""
        if scale not in self._encoded:
            self._encoded[scale] = self.encoders[scale].transform(self.X)
        return self._encoded[scale]

    def encoded_by(self, encoder: TableEncoder) -> Any:
        """The matrix of an encoder, which may have been made from one of ours."""
        own = [scale for scale, known in self.encoders.items() if known is encoder]
        return self.encoded(own[0]) if own else encoder.transform(self.X)

    def beside(self, X: Any) -> Table:
        """Other rows of the same columns."""
        return Table(X, self.encoders)

    def part(self, rows: NDArray[np.intp], X: Any) -> Table:
        """Some of the rows, `X` raw, encoded already."""
        part = self.beside(X)
        part._encoded = {scale: Z[rows] for scale, Z in self._encoded.items()}
        return part


@dataclass(eq=False)
class Lesson:
    """All that a committee can teach: labels of real rows by teachers that did not see them, and of any other rows.

    Attributes
    ----------
    real : Table of n rows
    Q : ndarray of shape (n, n_outputs), of `label_type`
        Labels of the real rows out of fold.
    covered : ndarray of bool, shape (n,), or None where all are
        Real rows that have such labels; the others have their true ones alone.
    truth : ndarray of shape (n,) or (n, m)
        Class codes, or values.
    true_labels : ndarray of shape (n, n_outputs)
        The same as a matrix of targets.
    weight : ndarray of shape (n,), or None where all are 1
    task : {"classification", "regression"}
    oracle : callable
        Labels raw rows.
    pool : Table, optional
        Unlabelled rows.
    seed : int
        Of the samplers: each draws the same rows for all recipes that name it.
    folds : tuple of (train, test)
        Of the real rows, for whoever is fitted on them next to label them out of fold.
    loss : ValueLoss, optional
        What values are judged by.
    device : {"auto", "cpu", "cuda"}
        Where students are fitted that can be fitted there.
    """

    real: Table
    Q: NDArray[Any]
    covered: NDArray[np.bool_] | None
    truth: NDArray[Any]
    true_labels: NDArray[np.float64]
    weight: NDArray[np.float64] | None
    task: str
    oracle: Callable[[Any], NDArray[np.float64]]
    pool: Table | None = None
    seed: int = 0
    folds: tuple[Fold, ...] = ()
    loss: ValueLoss | None = None
    device: str = "cpu"
    _labelled: dict[str, tuple[Table, NDArray[Any]]] = field(default_factory=dict)
    _moved: list[tuple[Table, NDArray[np.float64]]] = field(default_factory=list)

    @cached_property
    def smear(self) -> Smear | None:
        """How far off the labels are out of fold, where the loss asks for more than a number for each row."""
        if not isinstance(self.loss, RobustLoss):
            return None
        kept = np.ones(len(self.Q), dtype=bool) if self.covered is None else self.covered
        weight = None if self.weight is None else self.weight[kept]
        return Smear.of((self.true_labels - self.Q)[kept, 0], weight, self.loss)

    def fit(self, recipe: Recipe) -> Any:
        """A fitted clone of the recipe's student."""
        return fit_on(recipe.student, self.transfer_set(recipe), self.moves(recipe), self.device)

    def moves(self, recipe: Recipe) -> Moves | None:
        """Moves of real rows, where the recipe's student fits differences between soft labels.

        Raises
        ------
        TypeError
            The rows are sparse.
        """
        if recipe.hard or not getattr(recipe.student, "difference_weight", 0):
            return None
        if sparse.issparse(self.real.X):
            raise TypeError(
                f"{recipe.student!r} does not take sparse X: single cells are moved. Pass X.toarray() where memory "
                "allows it, or difference_weight=0."
            )
        if not self._moved:
            n_moves = min(len(self.Q), MOST_MOVES)
            ends = move_one(self.real.X, n_moves, self.seed)
            tables = [self.real.beside(X) for X in ends]
            self._moved = [(table, np.asarray(self.oracle(table.X), dtype=np.float64)) for table in tables]
        (start, before), (end, after) = self._moved
        return Moves(start.encoded(recipe.scale), end.encoded(recipe.scale), before, after)

    def transfer_set(self, recipe: Recipe) -> TransferSet:
        """The rows that the recipe's student learns from."""
        parts = [self.real_part(recipe)]
        if not recipe.hard:
            parts += [part for part in (self.pool_part(recipe), self.drawn_part(recipe)) if part is not None]
        return joined(parts)

    def real_part(self, recipe: Recipe) -> TransferSet:
        """The real rows."""
        Z = self.real.encoded(recipe.scale)
        if recipe.hard:
            if not isinstance(self.loss, RobustLoss):
                return TransferSet(Z, self.true_labels, self.weight)
            tamed = self.loss.tamed(self.true_labels)
            return TransferSet(Z, tamed, self.weight, Smeared.known(self.true_labels, self.loss))
        truth = self.truth
        if self.smear is not None:
            said = self.Q if self.covered is None else np.where(self.covered[:, None], self.Q, truth)
            truth = self.smear.loss.tamed(truth, said)
        Q = blend_labels(self.Q.copy(), truth, recipe.blend, self.task, covered=self.covered)
        smeared = self.smear(self.Q, self.true_labels, recipe.blend, self.covered) if self.smear else None
        return TransferSet(Z, Q, self.weight, smeared)

    def pool_part(self, recipe: Recipe) -> TransferSet | None:
        """The unlabelled rows, each of which weighs what a real row weighs on average."""
        if self.pool is None:
            return None
        Z, Q = self._labels("pool", self.pool, recipe)
        smeared = self.smear(Q) if self.smear else None
        return TransferSet(Z, Q, np.full(len(Q), self.total_weight() / len(self.Q)), smeared)

    def drawn_part(self, recipe: Recipe) -> TransferSet | None:
        """The rows that the recipe's sampler draws: the same for all recipes that name it."""
        if recipe.sampler is None:
            return None
        source = repr(recipe.sampler)
        table = None
        if source not in self._labelled:
            n_new = recipe.sampler.n_new(len(self.Q))
            labels = self.Q if self.covered is None else np.where(self.covered[:, None], self.Q, self.true_labels)
            rng = np.random.RandomState(self.seed)
            table = self.real.beside(recipe.sampler.sample(self.real.X, n_new, rng, labels))
        Z, Q = self._labels(source, table, recipe)
        weight = np.full(len(Q), recipe.sampler.weight * self.total_weight() / len(Q))
        return TransferSet(Z, Q, weight, self.smear(Q) if self.smear else None)

    def total_weight(self) -> float:
        """What the real rows weigh together."""
        return float(len(self.Q)) if self.weight is None else float(self.weight.sum())

    def _labels(self, source: str, table: Table | None, recipe: Recipe) -> tuple[Any, NDArray[Any]]:
        """Encoded rows and labels, made once for all recipes."""
        if source not in self._labelled:
            assert table is not None
            started = time.perf_counter()
            labels = self.oracle(table.X).astype(label_type(self.task))
            self._labelled[source] = table, labels
            rows = "unlabelled rows" if source == "pool" else f"rows drawn by {source}"
            tell("labels", f"{len(labels):,} {rows}", time.perf_counter() - started, rows=len(labels))
        table, labels = self._labelled[source]
        return table.encoded(recipe.scale), labels


def learner(student: Any, moves: Moves | None) -> tuple[Any, dict[str, Any]]:
    """A clone of the student, which without moves matches no differences, and what its fit is given besides rows."""
    learner = clone(student)
    if moves is not None:
        return learner, {"moves": moves}
    if getattr(learner, "difference_weight", 0):  # hard labels alone: no committee tells what a move changes
        learner.difference_weight = 0.0
    return learner, {}


def fit_on(student: Any, rows: TransferSet, moves: Moves | None = None, device: str = "cpu") -> Any:
    """A clone of the student fitted on the given rows, and on moves of them where it takes these.

    Where `device` means a GPU, the rows go there if the student can follow them. Smeared labels are learned in two
    steps, the structure by squared error, then the numbers by the loss; by a student whose numbers are not known here
    as rows of their own, one for each value.
    """
    smeared = rows.smeared
    if smeared is not None and not student.has_model_form:
        rows, smeared = unrolled(rows, smeared), None
    # The caller's routing does not speak of the student. The products of a student are of small blocks, for which
    # several threads of BLAS wait for each other more than they work, above all where other programs run as well.
    with config_context(enable_metadata_routing=False), threadpool_limits(1, user_api="blas"):
        fitted = _fit_on(student, rows, moves, device)
        return fitted if smeared is None else revalued(fitted, rows.Z, smeared, rows.weight)


def _fit_on(student: Any, rows: TransferSet, moves: Moves | None, device: str) -> Any:
    fresh, besides = learner(student, moves)
    if student.runs_on_device and not sparse.issparse(rows.Z):
        backend = resolve(device, rows.Z.size)
        if backend is not NUMPY:
            engine = _on_device(rows, backend)
            return fresh.fit_blocks(engine, rows.Z.shape[1], rows.Q.shape[1], **besides)
    # A single regression target goes in as the one-dimensional y that estimators expect.
    Q = rows.Q.ravel() if rows.Q.shape[1] == 1 else rows.Q
    return fresh.fit(rows.Z, Q, sample_weight=rows.weight, **besides)


def unrolled(rows: TransferSet, smeared: Smeared) -> TransferSet:
    """A row for each value that a label may have, weighed by its share: whatever loss a student has sees them all."""
    row, value = np.nonzero(smeared.shares)
    weight = smeared.shares[row, value] * (1.0 if rows.weight is None else rows.weight[row])
    certain = rows.weight is None and bool(np.all(weight == 1))
    return TransferSet(rows.Z[row], smeared.values[row, value][:, None], None if certain else weight)


def _on_device(rows: TransferSet, backend: Backend) -> DeviceEngine:
    """The rows that have a weight, as `fit` would leave them, for the device of the backend."""
    weight = np.ones(len(rows.Q)) if rows.weight is None else np.asarray(rows.weight, dtype=np.float64)
    columns = {"X": rows.Z, "Q": rows.Q, "weight": weight}
    if not weight.all():
        columns = {name: column[weight > 0] for name, column in columns.items()}
    return DeviceEngine(columns, backend, backend.block_rows(rows.Z.shape[1] + rows.Q.shape[1]))
