"""The least loss for the bytes there are, and what each byte buys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from ..exports import Predictor
from ..exports._latency import row_latency
from ..model import Decoded, Model
from ._compress import Compressed, Step
from ._evidence import Evidence
from ._pass import CompressionPass, PathPass, name_of
from ._prune import Prune
from ._quantise import Quantise, quantised
from ._sparsify import Sparsify

#: A path is left from point to point where the bytes fall by this share.
SPACING = 0.1
STORAGES = ("float32", "float16", "int8", "int4")


#: One model, or several by number or name.
Models = Model | Sequence[Model] | Mapping[str, Model]


@dataclass(frozen=True)
class Frontier:
    """Models of which none is both smaller and better than another.

    Attributes
    ----------
    points : tuple of Compressed
        By size, the smallest first; the loss falls from point to point.
    sources : tuple of int or str
        For each point, the number or name of the model that it was made from.
    latencies : tuple of (float, float)
        For each point, microseconds that one row takes, for half of the rows and for 99 of 100; see
        `skdistill.Predictor.latency`.

    Examples
    --------
    >>> from skdistill.compression import Frontier
    >>> Frontier((), (), ()).frame()
    []
    """

    points: tuple[Compressed, ...]
    sources: tuple[int | str, ...]
    latencies: tuple[tuple[float, float], ...]

    def frame(self) -> list[dict[str, Any]]:
        """The points as rows of a table, which ``pandas.DataFrame`` takes."""
        return [
            {
                "source": source,
                "predictor": repr(point.model.predictor),
                "passes": " | ".join(step.name for step in point.steps),
                "nbytes": point.model.nbytes,
                "loss": point.steps[-1].loss_after,
                "fidelity": point.steps[-1].fidelity,
                "us_p50": p50,
                "us_p99": p99,
            }
            for point, source, (p50, p99) in zip(self.points, self.sources, self.latencies, strict=True)
        ]


def frontier(models: Models, X: Any, Q: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> Frontier:
    """Trade loss for bytes: every model pruned and sparsified step by step, each stage in several precisions.

    Parameters
    ----------
    models : Model, sequence of Model, or mapping of names to Model
        Not quantised; the students of several families, for instance, which the table then calls by name.
    X, Q, sample_weight : as for `compress`
        With several models `Q` is needed.

    Returns
    -------
    frontier : Frontier

    Raises
    ------
    ValueError
        If a model is quantised, there is none, `Q` is missing, or the rows are not as described.

    Examples
    --------
    >>> from skdistill.compression import frontier
    >>> from skdistill.model import Model, NumericColumn, Output, Preprocessor, Tree
    >>> tree = Tree([0, -1, 0, -1, -1], [1.0, 0, 2, 0, 0], [2, 0, 4, 0, 0], [[1.0], [4.0], [5.0]], n_features=1)
    >>> model = Model(Preprocessor([NumericColumn("x")]), tree, Output("regression", "identity", targets=("y",)))
    >>> for point in frontier(model, [[0.0], [1.5], [3.0]], [1.0, 4.0, 5.0]).frame():
    ...     print(point["nbytes"], round(point["loss"], 2), point["passes"])
    16 2.89 Prune() | Quantise(values='float16')
    18 2.89 Prune() | Quantise(values='float32')
    24 0.17 Prune() | Quantise(values='float16')
    30 0.0 Quantise(values='float16')
    """
    points = _best(models, X, Q, sample_weight)
    rows = points[0][1].model.preprocessor.rows(X.toarray() if hasattr(X, "tocsr") else X)[:500]
    latencies = tuple(row_latency(Predictor(point.model).predict_one, rows) for _, point in points)
    return Frontier(tuple(point for _, point in points), tuple(source for source, _ in points), latencies)


def _best(
    models: Models, X: Any, Q: ArrayLike | None, sample_weight: ArrayLike | None
) -> list[tuple[int | str, Compressed]]:
    """Models of which none is both smaller and better than another, by size, each with its source."""
    found = sorted(_candidates(models, X, Q, sample_weight), key=lambda each: each[1].steps[-1].loss_after)
    found.sort(key=lambda each: each[1].model.nbytes)
    kept: list[tuple[int | str, Compressed]] = []
    for source, point in found:
        if not kept or point.steps[-1].loss_after < kept[-1][1].steps[-1].loss_after:
            kept.append((source, point))
    return kept


def fit_budget(
    models: Models,
    max_bytes: int,
    X: Any,
    Q: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> Compressed:
    """The model of least loss that takes at most `max_bytes`: a point of the `frontier`.

    Parameters
    ----------
    models : Model, sequence of Model, or mapping of names to Model
    max_bytes : int
    X, Q, sample_weight : as for `frontier`

    Returns
    -------
    compressed : Compressed

    Raises
    ------
    ValueError
        If no model was found that is so small, or as for `frontier`.

    Examples
    --------
    >>> from skdistill.compression import fit_budget
    >>> from skdistill.model import Model, NumericColumn, Output, Preprocessor, Tree
    >>> tree = Tree([0, -1, 0, -1, -1], [1.0, 0, 2, 0, 0], [2, 0, 4, 0, 0], [[1.0], [4.0], [5.0]], n_features=1)
    >>> model = Model(Preprocessor([NumericColumn("x")]), tree, Output("regression", "identity", targets=("y",)))
    >>> fit_budget(model, 28, [[0.0], [1.5], [3.0]], [1.0, 4.0, 5.0]).model.nbytes
    24
    """
    points = [point for _, point in _best(models, X, Q, sample_weight)]
    fitting = [point for point in points if point.model.nbytes <= max_bytes]
    if not fitting:
        smallest = points[0].model.nbytes
        raise ValueError(f"'max_bytes' must be at least {smallest}, what the smallest model takes. Got {max_bytes!r}.")
    return fitting[-1]


def _candidates(
    models: Models, X: Any, Q: ArrayLike | None, sample_weight: ArrayLike | None
) -> Iterator[tuple[int | str, Compressed]]:
    """Every model tried, with the number or name of the one that it was made from."""
    listed = [models] if isinstance(models, Model) else models
    entries: Iterable[tuple[int | str, Model]] = listed.items() if isinstance(listed, Mapping) else enumerate(listed)
    several = dict(entries)
    if not several or (len(several) > 1 and Q is None):
        raise ValueError(
            "'models' must be one model or more, and 'Q' given where they are several: each would be judged by its own "
            f"answers. Got {len(several)} models."
        )
    for source, model in several.items():
        evidence = Evidence(model, X, Q, sample_weight)
        first, loss = evidence.answers(model), evidence.loss(model)
        for stage, steps in _stages(model, evidence):
            for values, small in zip(STORAGES, quantised(stage, evidence, STORAGES), strict=True):
                last = small if small.nbytes < stage.nbytes else stage
                before, answers = steps[-1].loss_after if steps else loss, evidence.answers(last)
                step = _step(Quantise(values), stage, last, before, answers, first, evidence)
                yield source, Compressed(last, (*steps, step))


def _stages(model: Model, evidence: Evidence) -> Iterator[tuple[Model, tuple[Step, ...]]]:
    """The model and what comes of it along each path, a tenth of the bytes apart."""
    yield model, ()
    if isinstance(model.predictor, Decoded):
        return
    first, loss = evidence.answers(model), evidence.loss(model)
    paths: tuple[PathPass, ...] = (Prune(), Sparsify())
    for item in paths:
        last = model
        for stage in item.path(model, evidence):
            if stage.nbytes <= (1 - SPACING) * last.nbytes:
                last = stage
                yield stage, (_step(item, model, stage, loss, evidence.answers(stage), first, evidence),)


def _step(
    item: CompressionPass, before: Model, after: Model, loss: float, answers: Any, first: Any, evidence: Evidence
) -> Step:
    fidelity = evidence.fidelity(answers, first)
    return Step(name_of(item), before.nbytes, after.nbytes, loss, evidence.loss_of(answers), fidelity)
