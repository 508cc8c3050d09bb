"""Trustee: imitation of an expert by CART on samples of the training rows, the most stable of many trees kept.

Trustee asks its expert about training rows only, which it hands over as data frames with their index: the expert is a
look-up of what the committee said of them.
"""

import contextlib
import io
import time

import numpy as np
import pandas as pd
from exchange import Model, nest, serve
from trustee import ClassificationTrustee, RegressionTrustee


class _Expert:
    def __init__(self, said):
        self.said = said

    def predict(self, X):
        return self.said[X.index.to_numpy()]


def fit(question):
    arrays, settings = question.arrays, question.settings
    n_classes, n = settings["n_classes"], len(arrays["Z"])
    kind = ClassificationTrustee if n_classes else RegressionTrustee
    said = arrays["labels"].argmax(axis=1) if n_classes else arrays["labels"][:, 0]
    for size in settings["sizes"]:
        np.random.seed(settings["seed"])  # noqa: NPY002 -- the only seed that Trustee heeds
        trustee = kind(expert=_Expert(said))
        # Its default of 2,000 rows a sample, or all that it keeps for training where they are fewer.
        samples = min(2_000, int(0.7 * n))
        started = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            trustee.fit(pd.DataFrame(arrays["Z"]), pd.Series(arrays["y"]), max_leaf_nodes=size, num_samples=samples)
            tree, _, agreement, fidelity = trustee.explain()
        seconds = time.process_time() - started
        values = tree.tree_.value.reshape(tree.tree_.node_count, -1)
        if n_classes:
            values = _all_classes(values, tree.classes_, n_classes)
            outputs = _all_classes(tree.predict_proba(arrays["Z_test"]), tree.classes_, n_classes)
        else:
            outputs = tree.predict(arrays["Z_test"])[:, None]
        chosen = {"agreement": round(float(agreement), 4), "fidelity": round(float(fidelity), 4)}
        yield Model(str(size), outputs, seconds, {"trees": [nest(tree.tree_, values)]}, chosen)


def _all_classes(shares, classes, n_classes):
    """Columns for classes that the expert never named."""
    full = np.zeros((len(shares), n_classes))
    full[:, classes] = shares
    return full


if __name__ == "__main__":
    serve(fit)
