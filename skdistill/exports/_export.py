"""Choose a target, write, verify, and only then let the file appear."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .._files import write_whole
from ..model import Model
from ._raw import Forest, Line, raw_form
from ._rows import adversarial_rows
from ._verify import check_answers

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _all_numbers(model: Model) -> Model:
    return model


class Target(NamedTuple):
    """A form that models can be exported to.

    `write` makes the file's content of a model, its raw form and an identifier. `answer` runs the content on raw rows
    and returns values after the link and labels, or None where this machine cannot run it. `tolerance` is what
    `check_answers` takes, for each raw form. `rows` draws the raw rows that the content is run on. `held` is the model
    with the numbers that the target can hold, which the content is written and verified of.
    """

    write: Callable[[Model, Forest | Line, str], bytes]
    answer: Callable[[bytes, Model, str, list[NDArray[Any]]], tuple[NDArray[Any], list[Any] | None] | None]
    tolerance: dict[type, float]
    rows: Callable[[Model, Forest | Line], list[NDArray[Any]]] = adversarial_rows
    held: Callable[[Model], Model] = _all_numbers


#: The header that reads the packed form in C99.
PACKED_HEADER = Path(__file__).with_name("packed.h")

#: The module of each target, imported when it is asked for, and the suffixes that stand for it.
TARGETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "python": ("._python", (".py",)),
    "c": ("._c", (".h", ".c")),
    "c_int": ("._c_int", ()),
    "sql": ("._sql", (".sql",)),
    "onnx": ("._onnx", (".onnx",)),
    "json": ("._json", (".json",)),
    "packed": ("._packed", (".bin",)),
}


def export(model: Any, path: str | os.PathLike[str], *, target: str | None = None) -> Path:
    """Write a model as a program or file that answers raw rows by itself.

    Encoding of the raw columns is part of what is written: missing numbers are filled, unseen categories are told from
    the known. Before the file appears it is run, and must answer as the model does on random rows and on rows chosen to
    break it: on each threshold and one float32 number beside it, missing, infinite, denormal, with unseen categories.

    Parameters
    ----------
    model : Model or fitted estimator with ``to_model``
    path : str or path-like
        Where to write. Its name without suffix names what is in a C header.
    target : {"python", "c", "c_int", "sql", "onnx", "json", "packed"}, optional
        None: by the suffix, ``.py``, ``.h`` or ``.c``, ``.sql``, ``.onnx``, ``.json``, ``.bin``. "c_int" is C without
        floating point: integer cells in, as the file's first comment tells, a class, fixed-point scores and
        probabilities out; values that are not quantised are rounded to some 2^-24 of the largest.
        Python and C need nothing where they run; `skdistill.load` reads JSON and packed files, `PACKED_HEADER` the
        latter in C. A line's columns are read as doubles in Python and SQL, as float32 in C and ONNX.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ValueError
        If the target is unknown, or cannot hold this model.
    ImportError
        If the target needs a package that is not installed; it names the extra.
    ExportMismatchError
        If the answers differ. A file that was there before is left as it was.

    Examples
    --------
    >>> import os, tempfile
    >>> from skdistill import export
    >>> from skdistill.model import Model, NumericColumn, Output, Preprocessor, Tree
    >>> tree = Tree([0, -1, -1], [30.5, 0, 0], [2, 0, 0], [[0.75, 0.25], [0.5, 0.5]], n_features=1)
    >>> model = Model(Preprocessor([NumericColumn("age")]), tree, Output("classification", "simplex", ("no", "yes")))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = export(model, os.path.join(folder, "student.py"))
    ...     program = path.read_text()
    >>> namespace = {}
    >>> exec(program, namespace)
    >>> namespace["predict_proba_one"]({"age": 30.5}), namespace["predict_one"]([31])
    ((0.75, 0.25), 'no')
    """
    if hasattr(model, "to_model"):
        model = model.to_model()
    if not isinstance(model, Model):
        cure = (
            " Export its last step, pipeline[-1], which takes what the steps before it give; fitted on the raw table "
            "it needs none of them."
            if hasattr(model, "steps")
            else ""
        )
        raise TypeError(
            "The 'model' to export must be a Model or a fitted estimator of skdistill. Got "
            f"{type(model).__name__}.{cure}"
        )
    path = Path(path)
    chosen: Target = import_module(TARGETS[_name(path, target)][0], __package__).TARGET
    content = checked(model, path.stem, chosen)
    write_whole(path, content)
    return path


def checked(model: Model, stem: str, target: Target) -> bytes:
    """Write a model for a target, and verify it where it can be run."""
    name, model = identifier(stem), target.held(model)
    form = raw_form(model)
    content = target.write(model, form, name)
    columns = target.rows(model, form)
    answers = target.answer(content, model, name, columns)
    if answers is not None:
        check_answers(model, columns, *answers, target.tolerance[type(form)])
    return content


def _name(path: Path, target: str | None) -> str:
    if target is not None:
        if target not in TARGETS:
            raise ValueError(f"The 'target' of export must be one of {list(TARGETS)} or None. Got {target!r} instead.")
        return target
    for name, (_, suffixes) in TARGETS.items():
        if path.suffix.lower() in suffixes:
            return name
    known = ", ".join(suffix for _, suffixes in TARGETS.values() for suffix in suffixes)
    raise ValueError(
        f"The suffix of 'path' must be one of {known}, unless 'target' says what to write. Got {path.name!r} instead."
    )


def identifier(stem: str) -> str:
    """A name that C and Python take, of a file's name.

    >>> identifier("my student-2"), identifier("2nd")
    ('my_student_2', 'm_2nd')
    """
    name = re.sub(r"\W", "_", stem, flags=re.ASCII)
    return name if re.match(r"[A-Za-z]", name) else f"m_{name}"
