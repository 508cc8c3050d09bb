"""What teachers and students alike need to know of an estimator that is not ours: its seed, where its weights go."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils.validation import has_fit_parameter

#: Their ``fit`` names **fit_params, and refuses any unless metadata routing is on.
_REFUSES_WEIGHTS = (
    *(OneVsRestClassifier, OneVsOneClassifier, OutputCodeClassifier, ClassifierChain, SelfTrainingClassifier),
    *(FixedThresholdClassifier, TunedThresholdClassifierCV),
)


def generator(random_state: Any) -> np.random.RandomState:
    """The one source of randomness of a fit; without a seed a fresh one, never NumPy's global generator."""
    if isinstance(random_state, np.random.RandomState):
        return random_state
    seed = np.random.SeedSequence(None if random_state is None else int(random_state)).generate_state(4)
    return np.random.RandomState(seed)


def seeded(estimator: Any, random_state: np.random.RandomState | None) -> Any:
    """A clone whose ``random_state`` parameters that are None are drawn from ours; others are the caller's choice."""
    estimator = clone(estimator)
    if random_state is not None:
        params = estimator.get_params(deep=True)
        keys = [key for key in sorted(params) if key == "random_state" or key.endswith("__random_state")]
        seeds = {key: int(random_state.randint(np.iinfo(np.int32).max)) for key in keys if params[key] is None}
        if seeds:
            estimator.set_params(**seeds)
    return estimator


def weight_key(estimator: Any) -> str | None:
    """The keyword of ``estimator.fit`` that carries sample weights to where they are used; None if nothing takes them.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> from sklearn.pipeline import make_pipeline
    >>> weight_key(make_pipeline(Ridge())), weight_key(KNeighborsRegressor())
    ('ridge__sample_weight', None)
    """
    if hasattr(estimator, "steps"):
        name, last = estimator.steps[-1]
        inner = weight_key(last)
        return None if inner is None else f"{name}__{inner}"
    if isinstance(estimator, _REFUSES_WEIGHTS):
        return None
    # Searches and target transformers hand their **fit_params to the estimator they hold, stacks and votes to each.
    for attribute in ("estimator", "regressor"):
        held = getattr(estimator, attribute, None)
        if held is not None and hasattr(held, "fit"):
            inner = weight_key(held)
            own = has_fit_parameter(estimator, "sample_weight")  # such a one cannot hand on a keyword with a step in it
            return None if inner is None or (own and "__" in inner) else inner
    members = getattr(estimator, "estimators", None)
    if isinstance(members, list) and members and all(isinstance(member, tuple) for member in members):
        keys = {weight_key(member[1]) for member in members if not isinstance(member[1], str)}
        return "sample_weight" if keys == {"sample_weight"} else None
    return "sample_weight" if has_fit_parameter(estimator, "sample_weight") else None
