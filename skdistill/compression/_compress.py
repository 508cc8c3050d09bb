"""Passes, one after the other, each with its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from numpy.typing import ArrayLike

from ..model import Model
from ._evidence import Evidence
from ._pass import CompressionPass, name_of
from ._resolve import resolve_passes


@dataclass(frozen=True)
class Step:
    """What one pass did, judged on the rows that it was given.

    Attributes
    ----------
    name : str
        The pass with its parameters.
    nbytes_before, nbytes_after : int
        Packed size.
    loss_before, loss_after : float
        Mean soft cross-entropy in nats, or summed over targets the squared error (of rates half the Poisson deviance).
    fidelity : float
        To the model that the first pass was given: the share of rows with the same class, or R squared of the values.

    Examples
    --------
    >>> from skdistill.compression import Step
    >>> Step("Prune()", 900, 612, 0.301, 0.302, 0.994).nbytes_after
    612
    """

    name: str
    nbytes_before: int
    nbytes_after: int
    loss_before: float
    loss_after: float
    fidelity: float


@dataclass(frozen=True)
class Compressed:
    """A compressed model, and how it came about.

    Attributes
    ----------
    model : Model
    steps : tuple of Step
        One for each pass, in their order.

    Examples
    --------
    >>> from skdistill.compression import Compressed
    >>> from skdistill.model import Linear, Model, NumericColumn, Output, Preprocessor
    >>> output = Output("regression", "identity", targets=("y",))
    >>> Compressed(Model(Preprocessor([NumericColumn("x")]), Linear([[2.0]], [1.0]), output), ()).frame()
    []
    """

    model: Model
    steps: tuple[Step, ...]

    def frame(self) -> list[dict[str, Any]]:
        """The steps as rows of a table, which ``pandas.DataFrame`` takes."""
        return [asdict(step) for step in self.steps]


def compress(
    model: Model,
    passes: str | CompressionPass | Sequence[str | CompressionPass],
    X: Any,
    Q: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> Compressed:
    """Run passes over a model, one after the other, and measure what each costs.

    No pass makes a model larger.

    Parameters
    ----------
    model : Model
    passes : str, pass, or sequence of these
        `Prune`, `Sparsify`, `Reduce`, `Quantise`, or "prune", "sparsify", "reduce", "quantise" for their defaults.
        `Quantise` comes last: the others do not change quantised values.
    X : raw rows, as `Model.evaluate` takes them
    Q : array-like of shape (n, n_outputs) or None
        Soft labels (or true ones as rows of 0 and 1), or values. None: what the model itself answers.
    sample_weight : array-like of shape (n,) or None

    Returns
    -------
    compressed : Compressed
        With the `model` and a `Step` for each pass.

    Raises
    ------
    ValueError, TypeError
        If the passes, a parameter, the targets or the weights are not as described.

    Examples
    --------
    >>> from skdistill.compression import Prune, compress
    >>> from skdistill.model import Model, NumericColumn, Output, Preprocessor, Tree
    >>> tree = Tree([0, 0, -1, -1, -1], [2.0, 1, 0, 0, 0], [4, 3, 0, 0, 0], [[1.0], [1.0], [5.0]], n_features=1)
    >>> model = Model(Preprocessor([NumericColumn("x")]), tree, Output("regression", "identity", targets=("y",)))
    >>> small = compress(model, Prune(), [[0.0], [1.5], [3.0]])
    >>> small.model.predictor
    Tree(n_features=1, n_leaves=2, n_outputs=1, depth=1)
    >>> [(step["name"], step["nbytes_before"], step["nbytes_after"]) for step in small.frame()]
    [('Prune()', 39, 29)]
    """
    chain = resolve_passes(passes)
    evidence = Evidence(model, X, Q, sample_weight)
    first = evidence.answers(model)
    steps = []
    for item in chain:
        smaller = item.run(model, evidence)
        losses = evidence.loss(model), evidence.loss(smaller)
        fidelity = evidence.fidelity(evidence.answers(smaller), first)
        steps.append(Step(name_of(item), model.nbytes, smaller.nbytes, *losses, fidelity))
        model = smaller
    return Compressed(model, tuple(steps))
