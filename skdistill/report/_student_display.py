"""The student itself, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from skdistill.model import Additive, Linear, Model, Tree, TreeSum

from ._curves import additive_frame, curves_size, draw_additive
from ._palette import import_pandas, import_pyplot, palette
from ._scorecard import draw_scorecard, scorecard_frame, scorecard_size
from ._tree_picture import WIDTH, Node, draw_tree, tree_height, tree_nodes
from ._tree_sum_picture import draw_tree_sum, tree_sum_frame, tree_sum_size

if TYPE_CHECKING:
    import pandas as pd


class StudentDisplay:
    """A student one can read, drawn from its model form alone.

    - A tree: a line for each node, indented; the rows that reach it, its class bar or value.
    - An additive model: what each feature adds, as a curve or, for categories, as bars; what pairs add, as maps.
    - A line: a scorecard, what one unit of each feature adds.
    - A sum of small trees: how often each feature is asked, and the first trees.

    Scores are log-odds: of the second class against the first where there are two, else of each class against the mean
    of all.

    Parameters
    ----------
    model : Model
    Z : float32 array of shape (n, n_encoded) or None
        Encoded rows, from which shares are counted.

    Attributes
    ----------
    figure_ : matplotlib Figure, after `plot`

    Examples
    --------
    >>> from skdistill.model import Model, NumericColumn, Output, Preprocessor, Tree
    >>> from skdistill.report import StudentDisplay
    >>> tree = Tree([0, -1, -1], [30.5, 0, 0], [2, 0, 0], [[0.75, 0.25], [0.5, 0.5]], n_features=1)
    >>> model = Model(Preprocessor([NumericColumn("age")]), tree, Output("classification", "simplex", ("no", "yes")))
    >>> frame = StudentDisplay.from_estimator(model, {"age": [20, 30, 40, 50]}).frame()
    >>> frame[["rule", "share", "prediction"]]
              rule  share prediction
    0     all rows    1.0         no
    1   age ≤ 30.5    0.5         no
    2   age > 30.5    0.5         no
    """

    def __init__(self, model: Model, Z: Any = None) -> None:
        self.model = model.core  # of a decoded model what is decoded: trees, tables or lines of few values
        self.Z = Z

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any = None) -> Self:
        """Make the display of a fitted estimator or of a model.

        Parameters
        ----------
        estimator : fitted DistilledEstimator, DistilledClassifier, DistilledRegressor; or Model
        X : raw rows, optional
            From which shares are counted.

        Raises
        ------
        TypeError
            The student is a third-party estimator, which has no model form.
        """
        model = estimator if isinstance(estimator, Model) else estimator.to_model()
        Z = None if X is None else model.preprocessor.transform(X)
        return cls(model, Z)

    def plot(self, *, figure: Any = None) -> Self:
        """Draw the student.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, optional
            What to draw on; by default a new one, as large as the student needs.

        Returns
        -------
        self

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        if figure is None:
            figure = import_pyplot("StudentDisplay").figure(figsize=self.size, layout="constrained")
        self._draw(figure)
        self.figure_ = figure
        return self

    @property
    def size(self) -> tuple[float, float]:
        """Inches that the picture wants, width and height."""
        predictor = self.model.predictor
        if isinstance(predictor, Tree):
            return WIDTH, tree_height(self._nodes(predictor))
        if isinstance(predictor, Linear):
            return scorecard_size(self.model)
        if isinstance(predictor, Additive):
            return curves_size(self.model, self.Z)
        return tree_sum_size(self.model)

    def _draw(self, figure: Any) -> None:
        predictor, colours = self.model.predictor, palette()
        if isinstance(predictor, Tree):
            names = names_of(self.model)
            draw_tree(figure.subplots(), self._nodes(predictor), names, self.model.output.task, colours)
        elif isinstance(predictor, Linear):
            draw_scorecard(figure, self.model, colours)
        elif isinstance(predictor, Additive):
            draw_additive(figure, self.model, self.Z, colours)
        else:
            draw_tree_sum(figure, self.model, colours)

    def _nodes(self, tree: Tree) -> list[Node]:
        return tree_nodes(self.model, tree, self.model.output.activate, self.Z)

    def frame(self) -> pd.DataFrame:
        """What is drawn, as a table.

        Returns
        -------
        pandas.DataFrame
            Of a tree a row for each node, of an additive model one for each bin or cell, of a line one for each
            feature, of a sum of trees one for each node of each tree.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pd = import_pandas("StudentDisplay.frame")
        predictor = self.model.predictor
        if isinstance(predictor, Tree):
            return pd.DataFrame([_node_row(node, self.model) for node in self._nodes(predictor)])
        if isinstance(predictor, Linear):
            return pd.DataFrame(scorecard_frame(self.model))
        if isinstance(predictor, Additive):
            return pd.DataFrame(additive_frame(self.model, self.Z))
        assert isinstance(predictor, TreeSum)
        return pd.DataFrame(tree_sum_frame(self.model))


def names_of(model: Model) -> tuple[str, ...]:
    """What the outputs are called: classes or targets."""
    return tuple(map(str, model.output.targets if model.output.classes is None else model.output.classes))


def _node_row(node: Node, model: Model) -> dict[str, Any]:
    row: dict[str, Any] = {"depth": node.depth, "rule": node.rule, "is_leaf": node.is_leaf, "share": node.share}
    values: NDArray[np.float64] = np.full(model.output.n_outputs, np.nan) if node.values is None else node.values
    if model.output.classes is not None:
        row["prediction"] = None if node.values is None else model.output.classes[int(values.argmax())]
    shown = [f"P({name})" if model.output.classes else name for name in names_of(model)]
    return row | dict(zip(shown, values.tolist()))
