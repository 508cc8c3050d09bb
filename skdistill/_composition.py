"""Parameters, metadata routing and tags of an estimator that holds teachers and a student."""

from __future__ import annotations

from typing import Any, Self

from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from .students import takes_sparse
from .teachers import estimators_in, named_teachers, resolve_members

#: Parameters that take a name or an instance, and an instance to suggest where nested names need one.
_EXAMPLES = {"student": "TreeStudent()", "augmentation": "Munge()"}


class DistilledComposition(MetaEstimatorMixin, BaseEstimator):
    """The side of the distilled estimators that scikit-learn's tools talk to; they add the fitting."""

    teachers: Any
    student: Any
    augmentation: Any
    cv: Any

    def _known_task(self) -> str | None:
        """The task as far as it is known without y."""
        raise NotImplementedError

    def _resolve_task(self, y: Any) -> str:
        """The task, now that y is there."""
        task = self._known_task()
        assert task is not None
        return task

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters; with `deep` also those of the student and of teachers given as (name, estimator).

        Parameters
        ----------
        deep : bool

        Returns
        -------
        dict
        """
        params: dict[str, Any] = super().get_params(deep=deep)
        if deep:
            for name, teacher in named_teachers(self.teachers):
                params[name] = teacher
                if hasattr(teacher, "get_params"):
                    params.update({f"{name}__{key}": value for key, value in teacher.get_params().items()})
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, nested ones by ``student__<parameter>``, ``augmentation__<parameter>`` and
        ``<teacher name>__<parameter>``.

        Parameters
        ----------
        **params : dict

        Returns
        -------
        self

        Raises
        ------
        ValueError
            An unknown name, or a nested name of a student, sampler or teacher that is given as a string.
        """
        if "teachers" in params:
            self.teachers = params.pop("teachers")
        names = dict(named_teachers(self.teachers))
        for name in [name for name in params if name in names]:
            value = params.pop(name)
            self.teachers = [
                (name, value) if isinstance(item, tuple) and item[0] == name else item for item in self.teachers
            ]
        parts = {name: params.get(name, getattr(self, name)) for name in _EXAMPLES}
        owners = {**dict(named_teachers(self.teachers)), **parts}
        for key in params:
            owner, nested, _ = key.partition("__")
            if nested and isinstance(owners.get(owner), str):
                example = _EXAMPLES.get(owner, "the estimator itself")
                raise ValueError(
                    f"Cannot set {key!r}: {owner}={owners[owner]!r} is a name, which stands for defaults. Pass an "
                    f"instance first: {owner}={example}."
                )
        super().set_params(**params)
        return self

    def get_metadata_routing(self) -> MetadataRouter:
        """Who may receive metadata: this estimator, its teachers given as estimators, its splitter.

        Returns
        -------
        MetadataRouter
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        mapping = MethodMapping().add(caller="fit", callee="fit")
        task = self._known_task() or "classification"
        for member in resolve_members(self.teachers, task, n_rows=2, n_outputs=1):
            if not (member.named or member.frozen):
                router.add(**{member.name: member.estimator}, method_mapping=mapping)
        if hasattr(self.cv, "split"):
            router.add(splitter=self.cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))
        return router

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        given = [get_tags(teacher) for teacher in estimators_in(self.teachers)]
        # Teachers by name and the encoder of every student take both. The tags for strings and categories stay off:
        # scikit-learn gives them to estimators that take nothing else.
        tags.input_tags.allow_nan = all(map(_allows_nan, estimators_in(self.teachers)))
        tags.input_tags.sparse = takes_sparse(self.student) and all(tag.input_tags.sparse for tag in given)
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
