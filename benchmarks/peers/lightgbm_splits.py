"""LightGBM's trees as plain thresholds; imported by a peer's script, so it needs nothing but NumPy."""

import numpy as np


def codes(table, categories):
    """Columns as LightGBM compares them: a category is its number, NaN where it was never seen."""
    Z, categories = np.empty(table.shape), iter(categories)
    for i, name in enumerate(table):
        column = table[name]
        if str(column.dtype) == "category":
            numbers = column.cat.set_categories(next(categories)).cat.codes.to_numpy()
            Z[:, i] = np.where(numbers < 0, np.nan, numbers)
        else:
            Z[:, i] = column.to_numpy(dtype=float, na_value=np.nan)
    return Z


class Features:
    """Features under which splits of LightGBM are plain thresholds.

    A split by a set of categories is a feature of its own, and so is a column with missing values for either side that
    a split sends them to.

    Parameters
    ----------
    Z : ndarray of shape (n, d)
        Of `codes`.

    Attributes
    ----------
    made : dict
        Column and kind of each feature, in the order of their numbers.
    """

    def __init__(self, Z):
        self._Z = Z
        self.made = {}

    def nest(self, node):
        """A tree of ``dump_model`` with the features' numbers."""
        if "split_feature" not in node:
            return {"leaf_value": node["leaf_value"]}
        column = node["split_feature"]
        if node["decision_type"] == "==":
            key, threshold = (column, node["threshold"]), 0.5
        else:
            missing = ("left" if node["default_left"] else "right") if node["missing_type"] == "NaN" else "zero"
            key, threshold = (column, missing), float(np.clip(node["threshold"], -1e38, 1e38))
        return {
            "split_feature": self.made.setdefault(key, len(self.made)),
            "threshold": threshold,
            "left_child": self.nest(node["left_child"]),
            "right_child": self.nest(node["right_child"]),
        }

    def matrix(self):
        """The features, a column each."""
        return np.column_stack(
            [self._feature(self._Z[:, column], how) for column, how in self.made] or [self._Z[:, :0]]
        )

    def _feature(self, values, how):
        fills = {"zero": 0.0, "left": -3e38, "right": 3e38}
        if how in fills:
            return np.where(np.isnan(values), fills[how], values).astype(np.float32)
        return 1 - np.isin(values, [int(code) for code in how.split("||")]).astype(np.float32)
