"""The estimators: a committee of teachers goes in, a compact student comes out."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin, is_classifier, is_regressor
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import ClassifierTags, RegressorTags
from sklearn.utils.multiclass import type_of_target

from ._base import BaseDistilled
from ._sklearn import Interval, StrOptions
from .targets import AGGREGATIONS
from .teachers import PRESETS, estimators_in, names_in

#: Distinct integers in y above which `DistilledEstimator` asks which task is meant.
_MAX_INFERRED_CLASSES = 20

_CLASSIFICATION_CONSTRAINTS: dict[str, list[Any]] = {
    "temperature": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
    "class_weight": [dict, StrOptions({"balanced"}), None],
}


class DistilledClassifier(ClassifierMixin, BaseDistilled):
    """A committee of classifiers distilled into one compact student.

    The committee labels every training row out of fold, the labels are calibrated, weighed, aggregated and blended
    with the truth, and the student is fitted on them exactly.

    Parameters
    ----------
    teachers : None, str, estimator, or list of str, estimator and (name, estimator), default=None
        The committee. None: ``["svm", "logistic", "lightgbm"]``. Other names: ``"xgboost"``, ``"forest"``,
        ``"extra_trees"``, ``"hist_gradient_boosting"``, ``"mlp"``. `FrozenEstimator` and `CallableTeacher` are only
        asked, never fitted.
    student : {"tree", "linear", "additive", "boosted", "rules", "auto"}, estimator, or list of these, default="tree"
        What is shipped. A name stands for the defaults of `TreeStudent`, `LinearStudent`,
        `AdditiveStudent`, `BoostedStudent` or `RuleStudent`; with `max_bytes` for the best size of that family, and
        "auto" for the best of all families but rules. A list, which may hold (name, student), makes several students of
        one committee: the best of them answers, `with_student` gives each of the others. That is a choice, so it is
        judged, see Notes.
    assistants : None, {"tree", "linear", "additive", "boosted", "rules"}, estimator, or list of these, default=None
        Models of a size between committee and student (Mirzadeh et al. 2020): the first learns from the committee, the
        next from the first, the student from the last, which also labels drawn and unlabelled rows. A list may hold
        (name, estimator). Each learns with `blend` and `augmentation`, or what these choose from first. Where something
        is judged, so is learning from the committee itself, which is taken if it is better by over a standard error.
    rounds : int, default=0
        How often, at most, the teachers are fitted once more, on what the committee says out of fold, `blend` of the
        truth in it (born again: Furlanello et al. 2018); the student, fitted on the same, may join them as "student"
        (models that teach each other: Zhang et al. 2018). Of new teachers, the student among the old ones, and both,
        what lowers the committee's loss out of fold most is taken, if by over a standard error. Teachers that cannot
        learn from soft labels stay as they are; weights given by hand keep the student out. `rounds` + 2 folds at
        least, one more where something is chosen. With ``cv=5`` one round costs 2.6 times the fits of the teachers, two
        cost 4.6 times.
    max_bytes : int or None, default=None
        What the packed student (``to_model().nbytes``) may take. For a student given by name; "auto" needs it.
    cv : int, splitter or iterable of splits, default=5
        How real rows get labels from teachers that did not see them. An integer makes shuffled, stratified folds, or
        keeps groups together where ``groups`` is given to `fit`.
    weighting : {"log_loss", "greedy"}, array-like of shape (n_teachers,) or None, default="log_loss"
        Weight of each teacher: the convex weights of least out-of-fold log-loss, greedy ensemble selection (Caruana et
        al. 2004), your own, or equal ones.
    aggregation : {"geometric", "mean", "median"} or callable, default="geometric"
        How labels of several teachers become one; a callable takes ``(block (T, b, k), weights (T,))``. In the
        geometric mean a probability below 1e-4 counts as 1e-4, so that no teacher overrules all others.
    temperature : float or "auto", default="auto"
        A float: each teacher's probabilities are raised to 1 / temperature and renormalised. "auto" calibrates on
        out-of-fold log-loss (Guo et al. 2017): one temperature for each teacher, then one temperature and a bias for
        each class for what they say together, as a mean of calibrated teachers is not calibrated (Ranjan and Gneiting
        2010). Frozen teachers, which may have seen the rows, are not made surer of themselves, nor is a committee
        that has one.
    blend : float in [0, 1] or "auto", default="auto"
        Weight of the true labels in the targets. "auto": chosen, see Notes.
    augmentation : {"thin", "forest", "munge", "marginal", "token_dropout", "auto"}, sampler or None, default="thin"
        New rows near the given ones, labelled by the committee fitted on all rows; how many and how heavy are the
        sampler's parameters. A name stands for the defaults of `ForestSwap`, `Munge`, `MarginalResampling` or
        `TokenDropout`; of images draws `ImageJitter`. "thin": `ForestSwap` where the student is one tree of 48 leaves
        or more with fewer than 80 rows for each, none of them weighted, which is where it helps most; else, and for
        values, none.
        "auto": none or `Munge`, chosen, see Notes.
    compression : {"auto", "prune", "sparsify", "reduce", "quantise"}, pass, list of these, or None, default="auto"
        What makes the fitted student smaller, one pass after the other; a name stands for the defaults of `Prune`,
        `Sparsify`, `Reduce` or `Quantise`, which comes last. The passes are judged on the labels that the student
        learned from (on 20,000 rows at most). Whatever is predicted, reported or shipped is the compressed student, as
        is the rival on hard labels; `max_bytes` is of the compressed one. A search reaches ``compression__tolerance``
        of a single pass, or tries lists. "auto": nothing without `max_bytes`; with it, `Quantise` for students that
        do not fit as they are, so that there is room for larger ones.
    class_weight : dict, "balanced" or None, default=None
        As in scikit-learn; multiplies the sample weights of every stage.
    keep_teachers : bool, default=False
        Pickle the fitted teachers too.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where labels are aggregated and, if they are "tree" or "linear", students fitted on rows in memory. "cuda": on
        the GPU, with CuPy. "auto": there too where CuPy is installed and sees a GPU, for 75 million numbers or more.
    n_jobs : int or None, default=None
        Teacher fits at a time. The result does not depend on it.
    random_state : int, RandomState or None, default=None
        Seeds folds and every teacher whose own ``random_state`` is None.
    verbose : int or bool, default=0
        1: print a line for each stage as it ends; 2: also for each fit. The lines are those of the logger
        ``skdistill``, at INFO and DEBUG. For a bar, ``set_callbacks(sklearn.callback.ProgressBar())``.

    Attributes
    ----------
    student_ : fitted student, no teacher inside
        Of several the one of the lowest loss on the judged rows; the first where there are fewer than 3 folds.
    students_ : Students, all fitted students by name, read-only; a single one is in it too
    student_name_ : str, the name of `student_` among them
    hard_student_ : the same student fitted on the true labels, the rival of `report`
    classes_ : ndarray of shape (k,)
    recipe_ : what `student_` learned from: its `blend` and `sampler`; `hard` where the true labels alone
    augmentation_ : the sampler, or None
    selection_ : list of dict
        What was tried where something was to be chosen, the choice first: student, labels ("hard" or "soft"), blend,
        augmentation, packed bytes, mean loss and error on the judged rows, how far the loss is from the choice's, with
        the paired standard error of that, and whether it was better but too large once fitted on all rows.
        ``pandas.DataFrame(clf.selection_)`` shows it.
    compression_ : list of dict
        What each pass did to `student_`: its name, packed bytes, the loss on the soft labels before and after, and the
        fidelity to the student before all passes. ``pandas.DataFrame(clf.compression_)`` shows it.
    assistants_ : dict of name to assistant
        With `assistants`: callables that label raw rows. Not pickled unless `keep_teachers`.
    stages_ : list of dict
        With `assistants`: of the committee and each assistant, the loss on the true labels of the training rows, out of
        fold, the fidelity to the committee (share of equal classes, or R²), and packed bytes.
    rounds_ : list of dict
        With `rounds`: of each the committee's loss on the true labels of the training rows, out of fold, before and
        after, the paired standard error of the difference, whether it was taken, and who was fitted for it.
    encoder_, hard_encoder_ : TableEncoder, what encodes rows for `student_` and for `hard_student_`
    teachers_ : Committee, the fitted teachers by name; not pickled unless `keep_teachers`
    teacher_weights_ : dict of name to weight
    temperatures_ : dict of name to temperature, where one is applied
    committee_temperature_ : float, where `temperature` is "auto"
    committee_biases_ : ndarray of shape (k,), where `temperature` is "auto"
    notes_ : tuple of str, what `report` adds to its table
    fit_seconds_ : dict of stage to wall-clock seconds
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had string column names

    Notes
    -----
    Whatever is "auto" is chosen by the log-loss (for values the squared error) on true labels of rows that no teacher
    saw whose labels the judged student learned from: cross-fitting is done once more without each judged fold. Hard
    labels only, without the committee, is always among the candidates, and taken where it is better by over a standard
    error of the loss or over two of the share of errors, so the student is not knowingly worse than one trained
    directly. Other blends and samplers are taken where they are better than the first by over a standard error. It
    takes 3 folds at least (with fewer the first candidate is taken; `max_bytes` is refused). Frozen teachers may have
    seen the judged rows: then what learns from them looks better than it is. At most 5 folds are judged, and no more
    once they hold 4,000 rows: with ``cv=5`` that is 4 to 10 further fits of each teacher beside its 6, and every
    candidate is fitted on each judged fold. A number as `blend` saves all that; .3 is the best fixed one for trees.

    See Also
    --------
    DistilledRegressor : The same for values.
    DistilledEstimator : Reads the task from the data.

    References
    ----------
    Buciluă, Caruana, Niculescu-Mizil (2006), Model compression, KDD. Hinton, Vinyals, Dean (2015), Distilling the
    knowledge in a neural network. Mirzadeh et al. (2020), Improved knowledge distillation via teacher assistant, AAAI.
    Furlanello et al. (2018), Born again neural networks, ICML. Mobahi, Farajtabar, Bartlett (2020), Self-distillation
    amplifies regularization in Hilbert space, NeurIPS.
    Dao et al. (2021), Knowledge distillation as semiparametric inference, ICLR. Guo et al. (2017), On calibration of
    modern neural networks, ICML. Ranjan, Gneiting (2010), Combining probability forecasts, JRSS B.
    Zhang, Xiang, Hospedales, Lu (2018), Deep mutual learning, CVPR.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skdistill import DistilledClassifier
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> clf = DistilledClassifier(teachers=["logistic", "lightgbm"], random_state=0).fit(X[::2], y[::2])
    >>> bool(clf.score(X[1::2], y[1::2]) > 0.85)
    True
    >>> clf.to_model().nbytes < 1000
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseDistilled._parameter_constraints,
        **_CLASSIFICATION_CONSTRAINTS,
    }

    def __init__(
        self,
        teachers: Any = None,
        student: Any = "tree",
        *,
        assistants: Any = None,
        rounds: int = 0,
        max_bytes: int | None = None,
        cv: Any = 5,
        weighting: Any = "log_loss",
        aggregation: Any = "geometric",
        temperature: float | str = "auto",
        blend: float | str = "auto",
        augmentation: Any = "thin",
        compression: Any = "auto",
        class_weight: Any = None,
        keep_teachers: bool = False,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.teachers = teachers
        self.student = student
        self.assistants = assistants
        self.rounds = rounds
        self.max_bytes = max_bytes
        self.cv = cv
        self.weighting = weighting
        self.aggregation = aggregation
        self.temperature = temperature
        self.blend = blend
        self.augmentation = augmentation
        self.compression = compression
        self.class_weight = class_weight
        self.keep_teachers = keep_teachers
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _known_task(self) -> str:
        return "classification"


class DistilledRegressor(RegressorMixin, BaseDistilled):
    """A committee of regressors distilled into one compact student.

    Parameters
    ----------
    teachers : None, str, estimator, or list of str, estimator and (name, estimator), default=None
        The committee. None: ``["svm", "ridge", "lightgbm"]``. Other names: ``"xgboost"``, ``"forest"``,
        ``"extra_trees"``, ``"hist_gradient_boosting"``, ``"mlp"``. `FrozenEstimator` and `CallableTeacher` are only
        asked, never fitted. With another `loss` names stand for models that minimise it, and None is ``["poisson",
        "forest", "lightgbm"]``, ``["quantile_regression", "hist_gradient_boosting", "lightgbm"]`` or ``["huber", "svm",
        "lightgbm"]``. Teachers of your own have to predict what `loss` asks for, which cannot be checked: for a
        quantile, say, ``GradientBoostingRegressor(loss="quantile", alpha=0.9)``.
    loss : {"squared", "poisson", "pinball", "huber"}, default="squared"
        What teachers by name minimise, and what teachers are weighed, students fitted, choices made, `score` and
        `report` given by.

        "poisson" is for counts, y >= 0. The likelihood is linear in the counts, so soft labels, means that the
        committee expects, and true counts blend as values do. Teachers must not predict less than 0. Lines, additive
        and boosted students are sums of which the prediction is the exponential.

        "pinball" is for a quantile of y, "huber" for a mean that wild values do not move: half the squared error up to
        1.345 standard deviations of the noise, which the residuals out of fold tell, then linear. Both take one target.
        See Notes for what the student learns.
    quantile : float in (0, 1), default=0.5
        Which quantile ``loss="pinball"`` predicts; .5 is the median.
    cv : int, splitter or iterable of splits, default=5
        How real rows get labels from teachers that did not see them. An integer makes shuffled folds, or keeps groups
        together where ``groups`` is given to `fit`.
    weighting : {"loss", "greedy"}, array-like of shape (n_teachers,) or None, default="loss"
        Weight of each teacher: the convex weights of least out-of-fold loss, greedy ensemble selection
        (Caruana et al. 2004), your own, or equal ones.
    aggregation : {"mean", "median"} or callable, default="mean"
        How values of several teachers become one; a callable takes ``(block (T, b, m), weights (T,))``. The mean of
        quantiles is that of distributions averaged along their quantiles (Vincent 1912), which stays as sharp as its
        members are (Lichtendahl et al. 2013).
    blend : float in [0, 1] or "auto", default="auto"
        Weight of the true values in the targets. Where they hold little noise there is little that the committee knows
        better; .7 is the best fixed weight, .3 for quantiles and Huber's loss. "auto": chosen, see Notes.
    student, assistants, rounds, max_bytes, augmentation, compression, keep_teachers, device, n_jobs, random_state, \
verbose
        As in `DistilledClassifier`.

    Attributes
    ----------
    loss_ : skdistill.targets.ValueLoss
        The loss with what was estimated for it; ``loss_.rows(y, predictions)``, both of shape (n, 1), gives that of
        each row.
    student_, students_, student_name_, hard_student_, recipe_, augmentation_, selection_, compression_, encoder_, \
hard_encoder_, teachers_, teacher_weights_, notes_, fit_seconds_, n_features_in_, feature_names_in_
        As in `DistilledClassifier`.

    Notes
    -----
    How "auto" chooses is told in `DistilledClassifier`.

    With "pinball" and "huber" the mean of a prediction and a true value is no label: a small student, which answers
    many rows alike, would learn the mean of quantiles, not the quantile of all the rows. So each soft label is a
    distribution: what the committee says plus 16 quantiles of its residuals out of fold (smearing, Duan 1983), and
    the true value with the share `blend`. The student finds its structure, that is splits, bins and features, by
    squared error on the blended values, true ones no farther from the committee than Huber's threshold; then what its
    leaves, tables or weights hold is fitted by the loss itself, averaged over these distributions. Where a committee is
    off, as boosted quantiles often are, its residuals tell, and the student is right. The rival on hard labels is
    fitted in the same two steps, on the true values. A student that is no student of ours is fitted once, by its own
    loss, on a row for each value of the distribution: it should minimise the same loss, for example
    ``LGBMRegressor(objective="quantile", alpha=0.9)``. Streamed rows (`scan`) find the structure, the sample the
    numbers.

    References
    ----------
    P. McCullagh, J. Nelder, "Generalized linear models", Chapman and Hall, 1989 (`loss`). R. Koenker, G. Bassett,
    "Regression quantiles", Econometrica, 1978. P. J. Huber, "Robust estimation of a location parameter", Annals of
    Mathematical Statistics, 1964. N. Duan, "Smearing estimate: a nonparametric retransformation method", JASA, 1983.
    S. B. Vincent, "The function of the vibrissae in the behavior of the white rat", 1912; K. Lichtendahl, Y.
    Grushka-Cockayne, R. Winkler, "Is it better to average probabilities or quantiles?", Management Science, 2013.

    See Also
    --------
    DistilledClassifier : The same for class labels.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdistill import DistilledRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = DistilledRegressor(teachers=["ridge", "forest"], student="linear", random_state=0).fit(X[::2], y[::2])
    >>> bool(reg.score(X[1::2], y[1::2]) > 0.4)
    True
    >>> high = DistilledRegressor(
    ...     teachers="quantile_regression", student="linear", loss="pinball", quantile=0.9, blend=0.7, random_state=0
    ... ).fit(X[::2], y[::2])
    >>> bool(0.8 < (y[1::2] <= high.predict(X[1::2])).mean() < 1)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseDistilled._parameter_constraints,
        "loss": [StrOptions({"squared", "poisson", "pinball", "huber"})],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(
        self,
        teachers: Any = None,
        student: Any = "tree",
        *,
        assistants: Any = None,
        rounds: int = 0,
        max_bytes: int | None = None,
        loss: str = "squared",
        quantile: float = 0.5,
        cv: Any = 5,
        weighting: Any = "loss",
        aggregation: Any = "mean",
        blend: float | str = "auto",
        augmentation: Any = "thin",
        compression: Any = "auto",
        keep_teachers: bool = False,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.teachers = teachers
        self.student = student
        self.assistants = assistants
        self.rounds = rounds
        self.max_bytes = max_bytes
        self.loss = loss
        self.quantile = quantile
        self.cv = cv
        self.weighting = weighting
        self.aggregation = aggregation
        self.blend = blend
        self.augmentation = augmentation
        self.compression = compression
        self.keep_teachers = keep_teachers
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """D²: the share of the loss of the best constant that is saved. For the squared error that is R².

        Parameters
        ----------
        X : table of shape (n, d)
        y : array-like of shape (n,) or (n, m)
        sample_weight : array-like of shape (n,), optional

        Returns
        -------
        float
        """
        answer = self.predict(X)
        if self.loss == "squared":
            return float(r2_score(y, answer, sample_weight=sample_weight))
        truth, answer = (np.asarray(values, dtype=np.float64).reshape(len(answer), -1) for values in (y, answer))
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        return float(self.loss_.explained(truth, answer, weight))

    def _known_task(self) -> str:
        return "regression"


class DistilledEstimator(BaseDistilled):
    """A committee distilled into one compact student, the task read from what it is given.

    `DistilledClassifier` and `DistilledRegressor` are the same with the task fixed, which lets scikit-learn's tools
    stratify and score before anything is fitted: prefer them where the task is known.

    Parameters
    ----------
    task : {"auto", "classification", "regression"}, default="auto"
        "auto": read from the teachers or the student if one tells, else from y.
    teachers, student, assistants, rounds, max_bytes, cv, temperature, blend, augmentation, compression, class_weight, \
keep_teachers, device, n_jobs, random_state, verbose
        As in `DistilledClassifier`; a float as `temperature`, and `class_weight`, are for classification.
    aggregation : {"auto", "mean", "geometric", "median"} or callable, default="auto"
        "auto" is "geometric" for classification, "mean" for regression.
    weighting : {"loss", "greedy"}, array-like of shape (n_teachers,) or None, default="loss"
        "loss" is the log-loss or the squared error.

    Attributes
    ----------
    task_ : {"classification", "regression"}
    student_, students_, student_name_, hard_student_, recipe_, classes_, augmentation_, selection_, compression_, \
encoder_, hard_encoder_, teachers_, teacher_weights_, temperatures_, committee_temperature_, committee_biases_, \
notes_, fit_seconds_, n_features_in_, feature_names_in_
        As in `DistilledClassifier`; classes, temperatures and biases for classification only.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdistill import DistilledEstimator
    >>> X, y = load_diabetes(return_X_y=True)
    >>> DistilledEstimator(teachers=["ridge"], random_state=0).fit(X, y).task_
    'regression'
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **DistilledClassifier._parameter_constraints,
        "aggregation": [StrOptions({"auto", *AGGREGATIONS}), callable],
        "task": [StrOptions({"auto", "classification", "regression"})],
    }

    def __init__(
        self,
        teachers: Any = None,
        student: Any = "tree",
        *,
        assistants: Any = None,
        rounds: int = 0,
        max_bytes: int | None = None,
        task: str = "auto",
        cv: Any = 5,
        weighting: Any = "loss",
        aggregation: Any = "auto",
        temperature: float | str = "auto",
        blend: float | str = "auto",
        augmentation: Any = "thin",
        compression: Any = "auto",
        class_weight: Any = None,
        keep_teachers: bool = False,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.teachers = teachers
        self.student = student
        self.assistants = assistants
        self.rounds = rounds
        self.max_bytes = max_bytes
        self.task = task
        self.cv = cv
        self.weighting = weighting
        self.aggregation = aggregation
        self.temperature = temperature
        self.blend = blend
        self.augmentation = augmentation
        self.compression = compression
        self.class_weight = class_weight
        self.keep_teachers = keep_teachers
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy, or the coefficient of determination R².

        Parameters
        ----------
        X : table of shape (n, d)
        y : array-like of shape (n,) or (n, m)
        sample_weight : array-like of shape (n,), optional

        Returns
        -------
        float
        """
        answer = self.predict(X)
        measure = accuracy_score if self.task_ == "classification" else r2_score
        return float(measure(y, answer, sample_weight=sample_weight))

    def _known_task(self) -> str | None:
        if hasattr(self, "task_"):
            return str(self.task_)
        if self.task != "auto":
            return self.task
        for name in names_in(self.teachers):
            tasks = [task for task, known in PRESETS.items() if name in known]
            if len(tasks) == 1:  # "logistic" and "ridge" tell
                return tasks[0]
        # Our own students are regressors on soft labels whatever the task; a foreign classifier tells it.
        for estimator in [*estimators_in(self.teachers), *filter(is_classifier, estimators_in(self.student))]:
            if is_classifier(estimator):
                return "classification"
            if is_regressor(estimator):
                return "regression"
        return None

    def infer_task(self, y: Any) -> str:
        """What `fit` would predict, told before it from the parameters and, where these leave it open, the target.

        Parameters
        ----------
        y : array-like of shape (n,) or (n, m), or None

        Returns
        -------
        {"classification", "regression"}

        Raises
        ------
        ValueError
            If y holds more than 20 distinct whole numbers, which could be classes or counts.

        Examples
        --------
        >>> from skdistill import DistilledEstimator
        >>> DistilledEstimator().infer_task(["late", "on time"]), DistilledEstimator().infer_task([0.5, 2.25])
        ('classification', 'regression')
        """
        known = self._known_task()
        if known is not None or y is None:
            return known or "classification"
        kind = type_of_target(_plain(y), input_name="y", raise_unknown=True)
        if kind.startswith("continuous"):
            return "regression"
        n_values = len(np.unique(_plain(y))) if _plain(y).dtype.kind in "iuf" else 0
        if n_values > _MAX_INFERRED_CLASSES:
            raise ValueError(
                f"y holds {n_values} distinct whole numbers, which could be classes or counts. Pass "
                "task='classification' or task='regression'."
            )
        return "classification"

    def _resolve_task(self, y: Any) -> str:
        return self.infer_task(y)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        task = self._known_task()
        if task == "classification":
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        elif task == "regression":
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        return tags


def _plain(y: Any) -> NDArray[Any]:
    return np.asarray(y.to_numpy() if hasattr(y, "to_numpy") else y)
