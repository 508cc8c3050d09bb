"""Parameters, metadata routing and tags of an estimator that holds teachers and a student."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.model_selection import GroupKFold
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from ._documentation import Documented
from ._sklearn import routing_enabled
from .students import takes_sparse
from .teachers import PRESETS, estimators_in, items_of, named_teachers, routed_teachers, without_names

#: Parameters whose lists hold pairs (name, estimator) that nested names reach.
_LISTS = ("teachers", "student", "assistants")

#: Parameters that take a name or an instance, and an instance to suggest where nested names need one.
_EXAMPLES = {"student": "TreeStudent()", "augmentation": "Munge()", "compression": "Prune()"}


class DistilledComposition(Documented, CallbackSupportMixin, MetaEstimatorMixin, BaseEstimator):
    """The side of the distilled estimators that scikit-learn's tools talk to; they add the fitting."""

    teachers: Any
    student: Any
    assistants: Any
    augmentation: Any
    compression: Any
    cv: Any
    class_weight: Any = None

    def _known_task(self) -> str | None:
        """The task as far as it is known without y."""
        raise NotImplementedError

    def _check_names(self, names: Iterable[str]) -> None:
        """Refuse teachers and others called alike or like a parameter: ``set_params`` could not tell them apart."""
        clash = sorted(set(names) & set(self.get_params(deep=False)))
        given = [name for key in _LISTS for name, _ in named_teachers(getattr(self, key))]
        twice = next((name for name in given if given.count(name) > 1), None)
        if twice is not None:
            raise ValueError(
                f"Names of teachers, students and assistants must be unique. Got {twice!r} more than once."
            )
        if clash:
            raise ValueError(
                f"A teacher, student or assistant must not be called like a parameter of {type(self).__name__}. Got "
                f"{clash[0]!r}."
            )

    def _resolve_task(self, y: Any) -> str:
        """The task, now that y is there."""
        task = self._known_task()
        assert task is not None
        return task

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters; with `deep` also those of the student, and of whatever a list holds as (name, estimator).

        Parameters
        ----------
        deep : bool

        Returns
        -------
        dict
        """
        params: dict[str, Any] = super().get_params(deep=deep)
        if deep:
            for name, teacher in self._named():
                params.setdefault(name, teacher)
                if hasattr(teacher, "get_params"):
                    params.update({f"{name}__{key}": value for key, value in teacher.get_params().items()})
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, nested ones by ``student__<parameter>``, ``augmentation__<parameter>``,
        ``compression__<parameter>`` and ``<name>__<parameter>`` of what a list holds as (name, estimator).

        Parameters
        ----------
        **params : dict

        Returns
        -------
        self

        Raises
        ------
        ValueError
            An unknown name, or a nested name of a student, sampler, pass or teacher that is given as a string, or of
            students or passes that are given as a list.
        """
        for key in _LISTS:
            if key in params:
                setattr(self, key, params.pop(key))
            names = dict(named_teachers(getattr(self, key)))
            for name in [name for name in params if name in names]:
                value, items = params.pop(name), getattr(self, key)
                given = [(name, value) if isinstance(item, tuple) and item[0] == name else item for item in items]
                setattr(self, key, given)
        parts = {name: params.get(name, getattr(self, name)) for name in _EXAMPLES}
        owners = {**dict(self._named()), **parts}
        for key in params:
            owner, nested, _ = key.partition("__")
            if nested and owner not in owners and any(owner in known for known in PRESETS.values()):
                raise ValueError(
                    f"Cannot set {key!r}: a teacher given by name stands for defaults. Pass it as (name, estimator): "
                    f"teachers=[({owner!r}, ...), ...]."
                )
            if nested and isinstance(owners.get(owner), str):
                cure = f"{owner}={_EXAMPLES[owner]}" if owner in _EXAMPLES else f"({owner!r}, <estimator>)"
                raise ValueError(
                    f"Cannot set {key!r}: {owner}={owners[owner]!r} is a name, which stands for defaults. Pass an "
                    f"instance first: {cure}."
                )
            if nested and owner == "student" and isinstance(owners[owner], list | tuple):
                raise ValueError(
                    f"Cannot set {key!r}: there are several students. Pass (<name>, {_EXAMPLES[owner]}) in the list, "
                    f"which <name>__{nested} reaches."
                )
            if nested and owner == "compression" and isinstance(owners[owner], list | tuple):
                raise ValueError(
                    f"Cannot set {key!r}: several passes are set as a whole. Pass a list of them as compression=..., "
                    "or a single pass."
                )
        super().set_params(**params)
        return self

    def _named(self) -> list[tuple[str, Any]]:
        """Whatever nested names reach in lists."""
        return [pair for key in _LISTS for pair in named_teachers(getattr(self, key))]

    def get_metadata_routing(self) -> MetadataRouter:
        """Who may receive metadata: this estimator, its teachers given as estimators, its splitter.

        Returns
        -------
        MetadataRouter
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        mapping = MethodMapping().add(caller="fit", callee="fit")
        for name, teacher in routed_teachers(self.teachers):
            router.add(**{name: teacher}, method_mapping=mapping)
        # An integer heeds groups where they are given.
        splitter = self.cv if hasattr(self.cv, "split") else GroupKFold()
        return router.add(splitter=splitter, method_mapping=MethodMapping().add(caller="fit", callee="split"))

    def _route(self, params: dict[str, Any], sample_weight: Any) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
        """Metadata for each teacher and for the splitter."""
        if routing_enabled():
            given = dict(params)
            if sample_weight is not None:
                given["sample_weight"] = sample_weight
            try:
                routed = process_routing(self, "fit", **given)
            except UnsetMetadataPassedError as error:
                if self.class_weight is None:
                    raise
                raise ValueError(f"class_weight reaches teachers as sample_weight. {error}") from error
            names = [name for name in routed if name != "splitter"] if given else []
            return {name: routed[name]["fit"] for name in names}, routed.get("splitter", {"split": {}})["split"]
        unknown = sorted(set(params) - {"groups"})
        if unknown:
            raise ValueError(
                f"{type(self).__name__}.fit got {unknown}, which only metadata routing can deliver: call "
                "sklearn.set_config(enable_metadata_routing=True) and set the requests of teachers or splitter."
            )
        return {}, {key: value for key, value in params.items() if value is not None}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        given = [get_tags(teacher) for teacher in estimators_in(self.teachers)]
        # Teachers by name and the encoder of every student take both. The tags for strings and categories stay off:
        # scikit-learn gives them to estimators that take nothing else.
        tags.input_tags.allow_nan = all(map(_allows_nan, estimators_in(self.teachers)))
        learners = without_names([*items_of(self.student), *items_of(self.assistants)])
        tags.input_tags.sparse = all(map(takes_sparse, learners)) and all(tag.input_tags.sparse for tag in given)
        tags.target_tags.required = True
        tags.target_tags.multi_output = self._known_task() == "regression" and all(
            tag.target_tags.multi_output for tag in given
        )
        return tags


def _allows_nan(estimator: Any) -> bool:
    """Whether a teacher takes missing values; a pipeline takes what its first step takes, whatever its own tag says."""
    while hasattr(estimator, "steps"):
        estimator = estimator.steps[0][1]
    return bool(get_tags(estimator).input_tags.allow_nan)
