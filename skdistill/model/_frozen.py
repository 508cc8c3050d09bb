"""What every part of the model form shares: it is a value, fixed once built."""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, fields
from typing import Any, ClassVar, NoReturn, dataclass_transform


class _Signature:
    """The parameters of a class, for `help` and pages: nobody else needs to wait for them."""

    def __get__(self, instance: Any, kind: type[Frozen]) -> Any:
        from inspect import Parameter, Signature

        types = {item.name: item.type for item in fields(kind)}  # type: ignore[arg-type]
        parameters = [
            Parameter(
                name,
                Parameter.POSITIONAL_OR_KEYWORD,
                default=kind._defaults.get(name, Parameter.empty),
                annotation=types[name],
            )
            for name in kind._names
        ]
        return Signature(parameters, return_annotation=None)


class Frozen:
    """A frozen dataclass that is pickled and copied as the arguments it was built from.

    So a copy is checked again, its arrays are read-only again (NumPy forgets that in a pickle), and what was cached
    for speed does not travel.

    What `dataclass` would write for each class is written here once: to compile it for a dozen of classes took a third
    of the import of this package, which a cold start waits for.
    """

    _names: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, Any]] = {}
    __signature__ = _Signature()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names = self._names
        values = self._defaults | dict(zip(names, args, strict=False)) | kwargs
        if len(args) > len(names) or len(values) != len(names) or not kwargs.keys().isdisjoint(names[: len(args)]):
            raise TypeError(
                f"{type(self).__name__} takes {', '.join(names)}. Got {len(args)} of them by position, and by name "
                f"{', '.join(kwargs) or 'none'}."
            )
        self.__dict__.update(values)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the parts, and bring them to the form that they are read in."""

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def _arguments(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._names}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self._arguments().values())

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self._arguments().items())
        return f"{type(self).__name__}({arguments})"


@dataclass_transform(frozen_default=True, eq_default=False)
def frozen(kind: type[Frozen]) -> Any:
    made = dataclass(init=False, eq=False, repr=False, match_args=False)(kind)
    given = [item for item in fields(made) if item.init]  # type: ignore[arg-type]
    made._names = tuple(item.name for item in given)
    made._defaults = {item.name: item.default for item in given if item.default is not MISSING}
    return made
