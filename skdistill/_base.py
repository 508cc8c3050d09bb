"""The one implementation behind the three estimators: answer, lower, report, travel light."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from numbers import Integral
from os import PathLike
from typing import Any, Self

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import assert_all_finite
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ._facts import fit_facts
from ._fitting import DistilledFitting
from ._inputs import check_table
from ._notebook import visual_block
from ._shipped import Shipped
from ._streamed_rows import answers
from .engine import Scan
from .exports import Predictor
from .model import Model, Output
from .preprocessing import TableEncoder
from .report import Contestant, DistillationReport, distillation_report, joblib_nbytes
from .teachers import items_of, without_heavy, without_names

#: Students by name that have scores.
_SCORING = ("additive", "boosted", "linear", "rules")


def _classifies(estimator: Any) -> bool:
    """Whether a `DistilledEstimator` is known to classify: by what was fitted, else by what it was given."""
    return bool(estimator._known_task() == "classification")


def _scores(estimator: Any) -> bool:
    """Whether the student gives decision scores."""
    if not _classifies(estimator):
        return False
    fitted = getattr(estimator, "student_", None)
    students = without_names(items_of(estimator.student)) if fitted is None else [fitted]
    return all(each in _SCORING if isinstance(each, str) else hasattr(each, "decision_function") for each in students)


class BaseDistilled(DistilledFitting):
    """Everything the three faces share."""

    keep_teachers: bool

    # ------------------------------------------------------------------ predicting

    def _outputs(self, X: Any) -> NDArray[np.float64]:
        """Q-hat of shape (n, n_outputs)."""
        check_is_fitted(self)
        return self._outputs_of(self.student_, self.encoder_, X)

    def _outputs_of(self, student: Any, encoder: TableEncoder, X: Any) -> NDArray[np.float64]:
        """The same of a student behind its encoder."""
        outputs: NDArray[np.float64] = student.evaluate(self._encode(X, encoder))
        return outputs

    def _encode(self, X: Any, encoder: TableEncoder) -> Any:
        """The student's matrix. The encoder checks the table against the columns of `fit` as it reads it."""
        if not self._allows_nan and not nw.dependencies.is_into_dataframe(X) and not sparse.issparse(X):
            X = np.asarray(X)
            if X.dtype.kind == "f":
                assert_all_finite(X, input_name="X")
        return encoder.transform(X)

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict with the student alone.

        Parameters
        ----------
        X : table of shape (n, d)

        Returns
        -------
        ndarray of shape (n,) or (n, m)
            Class labels, or values.
        """
        outputs = self._outputs(X)
        if self.task_ == "classification":
            return self.classes_[outputs.argmax(axis=1)]
        return outputs.ravel() if self._flat else outputs

    def predict_to(self, X: Scan, path: str | PathLike[str]) -> None:
        """Predict with the student alone, block by block, and write the answers to a Parquet file.

        Parameters
        ----------
        X : scan
            What `skdistill.scan` returns. Its target is not looked at; where the rows hold it, name it as in `fit`,
            ``scan(path, target=...)``.
        path : str or path
            The file to write: column ``prediction``, or one for each target, and for classes their probabilities, as
            ``probability of <class>``; in the order of the rows. It appears when it is whole.

        Raises
        ------
        TypeError
            `X` is no scan.
        ValueError
            The columns are not those of `fit`.

        Examples
        --------
        >>> import numpy as np, tempfile, pyarrow.parquet
        >>> from skdistill import DistilledRegressor, scan
        >>> X = np.arange(40.0).reshape(20, 2)
        >>> reg = DistilledRegressor(teachers="ridge", cv=2, random_state=0).fit(X, X.sum(axis=1))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     reg.predict_to(scan(X), f"{folder}/answers.parquet")
        ...     pyarrow.parquet.read_table(f"{folder}/answers.parquet").column_names
        ['prediction']
        """
        check_is_fitted(self)
        if not isinstance(X, Scan):
            raise TypeError(f"predict_to takes scan(...), not {type(X).__name__}. Pass that to predict.")
        names = ("prediction",) if self.task_ == "classification" or self._flat else self._targets
        classes = self.classes_ if self.task_ == "classification" else None
        X.unlabelled().write(path, answers, self.encoder_, self.student_, names, classes)

    @available_if(_classifies)
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Class probabilities of the student.

        Parameters
        ----------
        X : table of shape (n, d)

        Returns
        -------
        ndarray of shape (n, k)
            Columns in the order of ``classes_``.
        """
        return self._outputs(X)

    @available_if(_scores)
    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Scores of the student before they become probabilities, where it has such.

        Parameters
        ----------
        X : table of shape (n, d)

        Returns
        -------
        ndarray of shape (n,) for two classes, else (n, k)
        """
        check_is_fitted(self)
        scores = self.student_.decision_function(self._encode(X, self.encoder_))
        if scores.ndim == 2 and scores.shape[1] == 2:
            return scores[:, 1] - scores[:, 0]
        return scores

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "task_")

    # ------------------------------------------------------------------ after fitting

    def with_student(self, name: str) -> Self:
        """The same fit with another of its students: that one predicts, is reported, exported and shipped.

        Parameters
        ----------
        name : str
            One of `students_`.

        Returns
        -------
        DistilledEstimator
            Fitted; teachers, if there are any, are shared and not copied. Parameters are copied.

        Raises
        ------
        ValueError
            There is no student of that name.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skdistill import DistilledClassifier
        >>> clf = DistilledClassifier("logistic", ["tree", "linear"], random_state=0).fit(*load_iris(return_X_y=True))
        >>> clf.student_name_, type(clf.with_student("tree").student_).__name__
        ('linear', 'TreeStudent')
        """
        check_is_fitted(self)
        twin = clone(self)
        params = self.get_params(deep=False)
        vars(twin).update({key: value for key, value in vars(self).items() if key not in params})
        twin._show(name)
        return twin

    def to_model(self) -> Model:
        """Lower encoder and student to the model form: what is saved, exported and shipped.

        Returns
        -------
        skdistill.model.Model

        Raises
        ------
        TypeError
            The student is a third-party estimator, which has no model form.
        """
        check_is_fitted(self)
        return self._lower(self.student_, self.encoder_)

    def predictor(self, compile: bool = False) -> Predictor:
        """The student for single rows, each answered in about a microsecond; see `skdistill.Predictor`.

        Parameters
        ----------
        compile : bool
            Also build its C header with the compiler of this machine.

        Returns
        -------
        skdistill.Predictor

        Raises
        ------
        TypeError
            The student is a third-party estimator, which has no model form.
        """
        return Predictor(self.to_model(), compile)

    def _lower(self, student: Any, encoder: TableEncoder) -> Model:
        if not student.has_model_form:
            raise TypeError(
                f"A student of type {type(student.estimator).__name__} has no model form. Save it with joblib, or use "
                "student='tree', student='linear', student='additive', student='boosted' or student='rules'."
            )
        if self.task_ == "classification":
            output = Output(self.task_, student.link_, tuple(self.classes_.tolist()), (), True)
        else:
            output = Output(self.task_, student.link_, None, self._targets, self._flat)
        return Shipped(student, encoder).to_model(output)

    def rules(self, X: Any = None, *, format: str = "text") -> str:
        """The student in words: a tree as nested rules, rules as a list, a line or an additive model as a scorecard.

        Parameters
        ----------
        X : table of shape (n, d), optional
            Then the share of these rows that each rule applies to is said.
        format : {"text", "markdown"}, default="text"

        Returns
        -------
        str
            See `skdistill.words.rules`.

        Raises
        ------
        TypeError
            The student is a third-party estimator.
        """
        return self.to_model().rules(X, format=format)

    def report(self, X: Any, y: Any, *, teacher_proba: Any = None, stress: bool = False) -> DistillationReport:
        """Compare committee, same student on hard labels, and distilled student on rows that none of them saw.

        The other students of the same committee have a line each.

        Parameters
        ----------
        X : table of shape (n, d)
        y : array-like of shape (n,) or (n, m)
        teacher_proba : array-like of shape (n, k) or, for regression, (n,) or (n, m), optional
            The committee's answers for X, for an estimator that was loaded without its teachers.
        stress : bool, default=False
            Whether the three are also compared under Gaussian noise, missing cells, permuted columns, shifted class
            shares and on rare rows; see `DistillationReport.stress`. The committee is asked 21 times more, on 10,000
            rows at most. Drawn by `random_state` where that is a number, else by 0.

        Returns
        -------
        DistillationReport
        """
        check_is_fitted(self)
        X = check_table(self, X, reset=False)
        contestants, notes = [], list(self.notes_)
        teachers = getattr(self, "teachers_", None)
        if teacher_proba is not None:
            given = np.asarray(teacher_proba, dtype=np.float64)
            contestants.append(Contestant("committee", "committee", given, None, None))
        elif teachers is not None:
            nbytes = joblib_nbytes(teachers)
            contestants.append(Contestant("committee", "committee", self.oracle_(X), nbytes, self.oracle_))
            for name, assistant in getattr(self, "assistants_", {}).items():
                size = assistant.shipped.nbytes or joblib_nbytes(assistant.shipped.student)
                contestants.append(Contestant(f"assistant {name}", "assistant", assistant(X), size, assistant))
            if len(teachers) > 1:
                for name in teachers:
                    ask = teachers.ask(name)
                    contestants.append(Contestant(name, "teacher", ask(X), joblib_nbytes(teachers[name]), ask))
        else:
            notes.append(
                "This estimator was loaded without its teachers, so their rows are missing: pass teacher_proba=..., or "
                "fit with keep_teachers=True before saving."
            )
        others = [name for name in self.students_ if name != self.student_name_]
        shown = f"distilled student {self.student_name_}" if others else "distilled student"
        lines = [
            ("student on hard labels", "hard", self.hard_student_, self.hard_encoder_),
            (shown, "student", self.student_, self.encoder_),
        ]
        for name in others:
            shipped = self.students_.graduate(name).shipped
            lines.append((f"distilled student {name}", "sibling", shipped.student, shipped.encoder))
        for name, role, student, encoder in lines:
            model = self._lower(student, encoder) if student.has_model_form else None
            nbytes = joblib_nbytes(student) if model is None else model.nbytes
            predict = partial(self._outputs_of, student, encoder)
            contestants.append(Contestant(name, role, predict(X), nbytes, predict, model))
        classes = self.classes_ if self.task_ == "classification" else None
        return distillation_report(
            self.task_,
            X,
            y,
            contestants,
            classes=classes,
            notes=tuple(notes),
            selection=self.selection_,
            fitted=fit_facts(self),
            loss=getattr(self, "loss_", None),
            stress=stress,
            random_state=self.random_state if isinstance(self.random_state, Integral) else 0,
        )

    def _sk_visual_block_(self) -> Any:
        return visual_block(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__ = deepcopy(self.__dict__, memo)  # teachers included: only what is pickled leaves them behind
        return twin

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "task_" in state and not self.keep_teachers:
            state.pop("teachers_", None)
            state.pop("oracle_", None)
            state.pop("assistants_", None)
            state["teachers"] = without_heavy(state["teachers"])
        return state
