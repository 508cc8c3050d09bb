"""What becomes of rows as they pass by: functions of blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ._sklearn import num_samples
from ._transfer import label_type
from .engine import Block, row_hashes, taken
from .preprocessing import TableEncoder
from .targets import RobustLoss, blend_labels

#: Rows that the committee labels at a time, no more and no fewer: their number decides how a matrix product rounds.
LABEL_ROWS = 2_048


class Folding(NamedTuple):
    """Which of the folds a row beyond the sample is in: a matter of its group or, without groups, of its number."""

    n_folds: int
    seed: int
    by_group: Mapping[Any, int] | None = None  #: of groups in the sample; -1: no fold holds the group out

    def __call__(self, block: Block) -> NDArray[np.intp]:
        """The fold of each row of a block."""
        if self.by_group is None:
            hashes = row_hashes(block["start"], num_samples(block["table"]), self.seed)
            return (hashes % np.uint64(self.n_folds)).astype(np.intp)
        groups, position = np.unique(block["groups"], return_inverse=True)
        folds = [self.by_group.get(group, crc32(repr(group).encode()) % self.n_folds) for group in groups.tolist()]
        return np.array(folds, dtype=np.intp)[position]


class Weights(NamedTuple):
    """What rows weigh: by a column of theirs, by their class, by both or by neither."""

    by_row: bool
    by_class: NDArray[np.float64] | None

    def __call__(self, block: Block, truth: NDArray[Any]) -> NDArray[np.float64]:
        """The weight of each row of a block."""
        weight = np.ones(len(truth)) if self.by_class is None else self.by_class[truth]
        return weight * block["weight"] if self.by_row else weight


class Teaching(NamedTuple):
    """What turns a block of a table into rows that a student learns from."""

    encoder: TableEncoder
    oracle: Callable[..., NDArray[np.float64]]
    folding: Folding | None  #: whether the oracle is told the folds of rows
    task: str
    n_outputs: int
    classes: NDArray[Any] | None
    weights: Weights
    numbers: NDArray[np.intp]  #: rows whose labels are known: those out of fold ...
    labels: NDArray[Any]  #: ... and what they are, NaN where no fold held them out


def real_rows(block: Block, by: Teaching) -> tuple[NDArray[Any], ...]:
    """Encoded rows, soft labels, true labels as stages take them, and weights.

    Rows of the sample have their labels out of fold. The others are labelled by the committee: no teacher that was
    fitted on the sample has seen them, and those that learn from all rows label them out of fold too.
    """
    table, start = block["table"], block["start"]
    n_rows = num_samples(table)
    first, end = np.searchsorted(by.numbers, [start, start + n_rows])
    labels = np.empty((n_rows, by.n_outputs), dtype=label_type(by.task))
    labels[by.numbers[first:end] - start] = by.labels[first:end]
    rows = beyond(by.numbers, start, n_rows)
    if by.folding is not None:
        apart = by.folding(block)[rows] >= 0
        labels[rows[~apart]] = np.nan  # each teacher has seen rows of their groups
        rows = rows[apart]
    _label(labels, rows, block, by)
    truth = truth_of(block, by.classes)
    return by.encoder.transform(table), labels, truth, by.weights(block, truth)


def batch_rows(
    block: Block,
    encoder: TableEncoder,
    numbers: NDArray[np.intp],
    folding: Folding,
    classes: NDArray[Any] | None,
    weights: Weights,
) -> tuple[NDArray[Any], ...]:
    """What boosters learn from: encoded rows, class codes or values, weights and folds, -1 in the sample."""
    truth = truth_of(block, classes)
    folds = np.full(len(truth), -1, dtype=np.int32)
    rows = beyond(numbers, block["start"], len(truth))
    folds[rows] = folding(block)[rows]
    weight = weights(block, truth).astype(np.float32)
    return encoder.transform(block["table"]), truth.ravel().astype(np.float32), weight, folds


def beyond(numbers: NDArray[np.intp], start: int, n_rows: int) -> NDArray[np.intp]:
    """Rows of a block that are not in the sample."""
    first, end = np.searchsorted(numbers, [start, start + n_rows])
    return np.setdiff1d(np.arange(n_rows), numbers[first:end] - start, assume_unique=True)


def truth_of(block: Block, classes: NDArray[Any] | None) -> NDArray[Any]:
    """True labels as stages take them: class codes, or values of shape (n, m)."""
    if classes is None:
        return np.asarray(block["truth"], dtype=np.float64).reshape(len(block["truth"]), -1)
    return np.asarray(np.searchsorted(classes, block["truth"]))


def pool_rows(block: Block, by: Teaching, weight: float) -> tuple[NDArray[Any], ...]:
    """Encoded rows, soft labels and weights of rows without true labels."""
    n_rows = num_samples(block["table"])
    labels = np.empty((n_rows, by.n_outputs), dtype=label_type(by.task))
    _label(labels, np.arange(n_rows), block, by._replace(folding=None))
    return by.encoder.transform(block["table"]), labels, np.full(n_rows, weight)


def _label(labels: NDArray[Any], rows: NDArray[np.intp], block: Block, by: Teaching) -> None:
    folds = None if by.folding is None else by.folding(block)
    for start in range(0, len(rows), LABEL_ROWS):
        asked = rows[start : start + LABEL_ROWS]
        padded = np.resize(asked, LABEL_ROWS)
        told = () if folds is None else (folds[padded],)
        labels[asked] = by.oracle(taken(block["table"], padded), *told)[: len(asked)]


def blended(block: Block, blend: float, task: str, robust: RobustLoss | None) -> NDArray[Any]:
    """Soft labels blended with the true ones, which stand alone where there are no soft ones."""
    labels, truth = block["labels"].copy(), block["truth"]
    covered = ~np.isnan(labels).any(axis=1)
    if robust is not None:
        truth = robust.tamed(truth, np.where(covered[:, None], labels, truth))
    return blend_labels(labels, truth, blend, task, covered=covered)


def true_labels(block: Block, n_outputs: int, task: str, robust: RobustLoss | None) -> NDArray[Any]:
    """True labels as targets."""
    truth = block["truth"]
    if task == "regression":
        return np.asarray(truth if robust is None else robust.tamed(truth))
    onehot = np.zeros((len(truth), n_outputs), dtype=label_type(task))
    onehot[np.arange(len(truth)), truth] = 1.0
    return onehot


def answers(
    block: Block, encoder: TableEncoder, student: Any, names: tuple[str, ...], classes: NDArray[Any] | None
) -> dict[str, NDArray[Any]]:
    """The columns that `predict_to` writes."""
    outputs = student.evaluate(encoder.transform(block["table"]))
    if classes is None:
        return dict(zip(names, outputs.T, strict=True))
    proba = {f"probability of {label}": outputs[:, j] for j, label in enumerate(classes.tolist())}
    return {names[0]: classes[outputs.argmax(axis=1)], **proba}
