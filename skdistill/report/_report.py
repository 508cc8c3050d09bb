"""The report: committee, the same student on hard labels and the distilled student, side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from html import escape
from numbers import Integral, Real
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, check_consistent_length, check_random_state

from skdistill._files import write_whole
from skdistill._sklearn import Interval, StrOptions, validate_params
from skdistill.targets import SquaredError, ValueLoss

from ._checks import check_probabilities, check_roles, check_values, label_codes
from ._evidence import Contestant, Evidence
from ._latency import latency, shipped_latency
from ._metrics import (
    GapRecovered,
    classification_losses,
    classification_metrics,
    gaps_recovered,
    headline,
    paired_improvements,
    regression_losses,
    regression_metrics,
)
from ._stress import fidelity_under_stress, under_stress
from ._text import describe_verdict, render

if TYPE_CHECKING:
    import pandas as pd


Array = NDArray[Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class DistillationReport:
    """What distillation kept, what it lost and what it bought. Print it to read it.

    Attributes
    ----------
    task : {"classification", "regression"}
        What was predicted.
    n_rows : int
        Test rows.
    confidence : float
        Level of the intervals in `gap`.
    rows : list of dict
        A line for each contestant, with the keys name and role, the metrics, and what it costs.

        - classification: accuracy, log_loss (nats), auc (multiclass: one against the rest, mean over the classes
          present; NaN with fewer than two), ece (expected calibration error, 15 bins) and, against the committee,
          agreement (share of rows with the same top class) and kl (mean KL(committee || contestant), nats);
        - regression: rmse, r2 (NaN for a single row), each the mean over outputs, and r2_to_teacher, the R² with the
          committee's predictions for truth; before these, of other losses than squares, the mean of deviance (Poisson),
          pinball or huber and d2, the share of the best constant's loss that is saved; of a quantile coverage, the
          share of rows with no more than what is predicted, instead of rmse and r2;
        - nbytes, us_single (median microseconds of a call with one row) and us_row_batch (median microseconds per row
          of a call with up to 10,000 rows);
        - us_shipped_p50 and us_shipped_p99, of a student that has a model form: microseconds that one row takes of the
          program it is shipped as (`skdistill.Predictor`), for half of the rows and for 99 of 100.

        None where there is no committee, or where something is unknown or was not measured.
    gap : dict of str to GapRecovered
        By metric ("accuracy", "log_loss"; "rmse", or the mean of another loss). Empty without a committee or without a
        student on hard labels.
    verdict : str
        The report in one sentence.
    notes : tuple of str
        What the reader must know besides.
    evidence : Evidence
        The rows and answers that all of this was made from.
    stress : list of dict
        With ``stress=True`` a line for each stress, strength and contestant, teachers left out: stress, strength, name,
        role, rows, then accuracy, log_loss and agreement, or rmse and r2_to_teacher, both against what the committee
        says under the same stress; None where someone gives no answer. The stresses are

        - given: the rows as they are, with strength 0;
        - noise: Gaussian noise on columns of numbers, in standard deviations of the column;
        - missing: the share of cells that are missing;
        - permuted: the share of columns whose cells are shuffled among the rows, over five draws of columns;
        - classes: how often rows of the rarest class count beside those of the most frequent, by row weights, the
          classes between by their rank;
        - rare: the share of rows that are kept, the rarest by an isolation forest.
    stress_fidelity : dict of str to float
        By role, "student" and "hard": the mean agreement, or r2_to_teacher, over the strengths of each stress and then
        over the stresses, those as given left out. Empty without ``stress=True`` or a committee.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.report import Contestant, distillation_report
    >>> values = np.array([1.0, 2.0, 3.0])
    >>> student = Contestant("distilled student", "student", values, 80)
    >>> distillation_report("regression", None, values, [student])
    <DistillationReport: regression, 1 contestant, 3 test rows>
    """

    task: str
    n_rows: int
    confidence: float
    rows: list[dict[str, Any]]
    gap: dict[str, GapRecovered]
    verdict: str
    notes: tuple[str, ...]
    evidence: Evidence
    stress: list[dict[str, Any]] = field(default_factory=list)
    stress_fidelity: dict[str, float] = field(default_factory=dict)

    def frame(self) -> pd.DataFrame:
        """Return the rows as a pandas DataFrame, indexed by the names of the contestants.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                'DistillationReport.frame needs pandas: pip install "skdistill[all]". The same figures are in the '
                "'rows' attribute."
            ) from error
        frame = pd.DataFrame(self.rows).set_index("name")
        numbers = frame.columns.drop(["role", "nbytes"])
        return frame.astype({"nbytes": "Int64"} | dict.fromkeys(numbers, "float64"))

    def to_html(self) -> str:
        """Return the report as one HTML page that needs no network: tables, pictures, the student itself.

        Raises
        ------
        ImportError
            If Jinja2 or matplotlib is not installed.
        """
        from ._page import to_html

        return to_html(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page of `to_html` to a file, whole or not at all.

        Parameters
        ----------
        path : str or path-like
            As a rule with the suffix ``.html``. A file that was there before is replaced.

        Raises
        ------
        ImportError
            If Jinja2 or matplotlib is not installed.
        OSError
            If the file cannot be written.
        """
        write_whole(path, self.to_html().encode())

    def _repr_html_(self) -> str:
        """What a notebook shows; the page takes seconds."""
        return f"<pre>{escape(str(self))}</pre>"

    def __str__(self) -> str:
        return render(self)

    def __repr__(self) -> str:
        contestants = "1 contestant" if len(self.rows) == 1 else f"{len(self.rows)} contestants"
        test_rows = "1 test row" if self.n_rows == 1 else f"{self.n_rows} test rows"
        return f"<DistillationReport: {self.task}, {contestants}, {test_rows}>"


@validate_params(
    {
        "task": [StrOptions({"classification", "regression"})],
        "contestants": [list, tuple],
        "classes": ["array-like", None],
        "notes": [list, tuple],
        "selection": [list, tuple],
        "fitted": [Mapping],
        "loss": [ValueLoss, None],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "n_resamples": [Interval(Integral, 1, None, closed="left")],
        "stress": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def distillation_report(
    task: str,
    X: Any,
    y: Any,
    contestants: Sequence[Contestant],
    *,
    classes: Any = None,
    notes: Sequence[str] = (),
    selection: Sequence[dict[str, Any]] = (),
    fitted: Mapping[str, str] = MappingProxyType({}),
    loss: ValueLoss | None = None,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    stress: bool = False,
    random_state: Any = 0,
) -> DistillationReport:
    """Compare models on test rows by quality, fidelity, calibration, size and latency.

    Parameters
    ----------
    task : {"classification", "regression"}
        What is predicted.
    X : table of n rows, or None
        Handed to the contestants' `predict` to measure latency; None where no contestant has one.
    y : array-like of shape (n,) or (n, m)
        True labels, each one of `classes` (some of them may be absent), or true values.
    contestants : list of Contestant
        The lines, in the order they are shown. One has the role "student"; at most one is the "committee" that
        fidelity is measured against, and at most one is "hard".
    classes : array-like of shape (k,)
        The labels, in the order of the probabilities' columns; k >= 2. Required for classification only.
    notes : list of str
        Shown below the report, before its own notes.
    selection, fitted : list of dict, dict
        Shown in the report as a page; see `Evidence`.
    loss : skdistill.targets.ValueLoss or None
        What a regression is judged by, where that is not the squared error.
    confidence : float in (0, 1)
        Level of the bootstrap interval of the gap recovered.
    n_resamples : int >= 1
        Bootstrap resamples of the test rows.
    stress : bool
        Whether committee and students are also asked on rows with noise, missing cells and permuted columns, and judged
        under shifted class shares and on rare rows; see `DistillationReport`. The rows themselves are not changed.
    random_state : int, RandomState instance or None
        Draws the resamples, and the stress.

    Returns
    -------
    report : DistillationReport

    Raises
    ------
    ValueError
        If `X` is missing where latency or stress is to be measured, if `y` holds missing values or labels that are not
        in `classes`, if outputs do not fit `y` and `classes`, are not finite or (classification) are no probabilities,
        or if roles are unknown, missing or taken twice.

    Notes
    -----
    The gap recovered is (distilled - hard) / (committee - hard). Its interval is the percentile interval of a paired
    bootstrap [1]_: each resample of the test rows scores all three contestants. It is counted only where the gap is at
    least two paired standard errors wide.

    References
    ----------
    .. [1] B. Efron, R. J. Tibshirani (1993). An introduction to the bootstrap. Chapman & Hall.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.report import Contestant, distillation_report
    >>> y = np.array(["no", "no", "yes", "yes"])
    >>> committee = Contestant("committee", "committee", np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8]]))
    >>> student = Contestant("distilled student", "student", np.array([[0.8, 0.2]] * 3 + [[0.2, 0.8]]), 40)
    >>> report = distillation_report("classification", None, y, [committee, student], classes=["no", "yes"])
    >>> report.verdict
    "Keeps 75.0 % of the committee's accuracy in 40 bytes."
    """
    by_role = check_roles(contestants)
    loss = None if isinstance(loss, SquaredError) else loss
    metric = headline(task, loss)
    if X is not None:
        check_consistent_length(X, y)
    elif any(c.predict is not None for c in contestants):
        raise ValueError("Latency is measured on X. Got X=None; pass the test rows, or contestants with predict=None.")
    if stress and X is None:
        raise ValueError("'stress' of distillation_report changes the rows of X. Got X=None; pass the test rows.")
    labels: Array = np.zeros(0)
    check: Callable[[Contestant, int], Floats]
    score: Callable[[Array, Floats, Floats | None], dict[str, float | None]]
    row_losses: Callable[[Array, Floats], Floats]
    if task == "classification":
        truth, labels = label_codes(y, classes)
        check = partial(check_probabilities, labels=labels)
        score, row_losses = classification_metrics, classification_losses
    else:
        truth = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        truth = truth.reshape(len(truth), -1)
        check = partial(check_values, n_outputs=truth.shape[1])
        score, row_losses = partial(regression_metrics, loss=loss), partial(regression_losses, loss=loss)
    outputs = [check(contestant, len(truth)) for contestant in contestants]

    found = {role: outputs[at] for role, at in by_role.items()}
    rows = []
    for contestant, output in zip(contestants, outputs):
        metrics = score(truth, output, found.get("committee"))
        us_single, us_row_batch = (None, None) if contestant.predict is None else latency(contestant.predict, X)
        us_p50, us_p99 = (None, None) if contestant.model is None or X is None else shipped_latency(contestant.model, X)
        costs = {"nbytes": contestant.nbytes, "us_single": us_single, "us_row_batch": us_row_batch}
        costs |= {"us_shipped_p50": us_p50, "us_shipped_p99": us_p99}
        rows.append({"name": contestant.name, "role": contestant.role, **metrics, **costs})

    losses = {role: row_losses(truth, output) for role, output in found.items()}
    gap: dict[str, GapRecovered] = {}
    if "committee" in losses and "hard" in losses:
        gap = gaps_recovered(
            metric, **losses, confidence=confidence, n_resamples=n_resamples, random_state=random_state
        )
    gains = paired_improvements(metric, losses["hard"], losses["student"]) if "hard" in losses else None
    lines = {role: rows[at] for role, at in by_role.items()}
    strained: list[dict[str, Any]] = []
    left_out: list[str] = []
    if stress:
        checked = [replace(c, outputs=output) for c, output in zip(contestants, outputs)]
        rng = np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
        strained, left_out = under_stress(task, X, truth, checked, check, rng, loss)
    return DistillationReport(
        task=task,
        n_rows=len(truth),
        confidence=confidence,
        rows=rows,
        gap=gap,
        verdict=describe_verdict(metric, lines, gains),
        notes=(*notes, *_absences(by_role), *left_out),
        evidence=Evidence(
            X,
            truth,
            None if task == "regression" else tuple(labels.tolist()),
            tuple(replace(c, outputs=output, predict=None) for c, output in zip(contestants, outputs)),
            tuple(selection),
            dict(fitted),
            loss,
        ),
        stress=strained,
        stress_fidelity=fidelity_under_stress(task, strained),
    )


def _absences(roles: dict[str, int]) -> list[str]:
    notes = []
    if "committee" not in roles:
        notes.append("There is no committee to compare with, so fidelity and the gap recovered are left out.")
    if "hard" not in roles:
        notes.append(
            "There is no student on hard labels to compare with, so what distillation itself bought is unknown."
        )
    return notes
