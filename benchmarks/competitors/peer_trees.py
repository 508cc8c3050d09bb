"""Peers that make one tree from what our committee says of the training rows.

They get what their users would give them: the committee fitted on all training rows, which saw the rows it labels.
"""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from ..peers import ask_peer
from ..peers.exchange import Model
from ..plan import LEAVES
from ..splits import Split
from ._contestant import Contestant, Fitted
from ._sizes import lower_nested, spared_nbytes

_ENVIRONMENT = "trees"
#: Optimal search is exponential in depth. Seconds it may take, what a leaf costs, and stumps that guess thresholds.
_GOSDT_LEAVES = (8, 16)
_GOSDT = {"time_limit": 60, "regularization": 0.0005, "stumps": 100}


def _fit(split: Split, size: int, *, peer: str) -> Fitted:
    if peer == "imodels" and split.n_classes > 2:
        raise ValueError("imodels distils regressors and classifiers of two classes only")
    if peer == "gosdt" and split.n_classes != 2:
        raise ValueError("gosdt's guesses of thresholds and bounds are for two classes only")
    model = _models(split, peer)[str(size)]
    _, Z_test, preprocessor = split.raw
    tree = lower_nested(model.structure["trees"][0], Z_test.shape[1])
    # What is sized must be what was judged.
    np.testing.assert_allclose(tree.evaluate(Z_test), model.outputs, rtol=1e-5, atol=1e-6)
    nbytes = spared_nbytes(tree, "simplex" if split.n_classes else "identity", preprocessor)
    return Fitted(lambda split: model.outputs, nbytes, tree.n_leaves, model.settings, cpu_seconds=model.cpu_seconds)


@lru_cache(maxsize=1)
def _models(split: Split, peer: str) -> dict[str, Model]:
    """All sizes at once: starting a peer takes longer than fitting it."""
    Z, Z_test, _ = split.raw
    arrays = {"Z": Z, "Z_test": Z_test, "y": split.y_train, "labels": split.labels.in_sample}
    settings = {"n_classes": split.n_classes, "seed": split.seed, "sizes": LEAVES}
    if peer == "gosdt":
        settings |= {**_GOSDT, "sizes": _GOSDT_LEAVES}
    return ask_peer(_ENVIRONMENT, peer, arrays, settings)


CONTESTANTS = (
    Contestant(
        "imodels",
        "imodels DistilledRegressor, CART as student",
        partial(_fit, peer="imodels"),
        "soft",
        environment=_ENVIRONMENT,
        note="Regression and two classes only. It refits its teacher; the one it gets repeats what the committee, "
        "fitted on all training rows, says of them. The student is scikit-learn's CART with its defaults.",
    ),
    Contestant(
        "trustee",
        "Trustee",
        partial(_fit, peer="trustee"),
        "soft",
        environment=_ENVIRONMENT,
        note="It learns the committee's classes, not its probabilities, so a pure leaf says 0 or 1, for which the "
        "log-loss punishes it. It asks about training rows only. Defaults, but fewer samples where rows are few.",
    ),
    Contestant(
        "gosdt",
        "GOSDT, guided by the committee",
        partial(_fit, peer="gosdt"),
        "hard",
        sizes=_GOSDT_LEAVES,
        environment=_ENVIRONMENT,
        note="Two classes only, and depth 3 and 4: the search is exponential. It takes 0/1 features only: the "
        f"thresholds of {_GOSDT['stumps']} boosted stumps. A leaf costs {_GOSDT['regularization']} of accuracy, the "
        f"search may take {_GOSDT['time_limit']} s. Leaves are classes; their probabilities are ours, from true "
        "labels.",
    ),
)
