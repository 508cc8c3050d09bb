"""Metrics against hand computation, gaps against a slow bootstrap."""

import math

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.naive_bayes import GaussianNB
from sklearn.utils import check_random_state

from skdistill.report import Contestant, distillation_report
from skdistill.report._metrics import expected_calibration_error

BINARY = np.array(["no", "no", "yes", "yes"])
COMMITTEE = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]])
STUDENT = np.array([[0.8, 0.2], [0.7, 0.3], [0.6, 0.4], [0.0, 1.0]])


def two_way(student, committee=None, *, y=BINARY, classes=("no", "yes"), task="classification"):
    contestants = [Contestant("student", "student", student)]
    if committee is not None:
        contestants.insert(0, Contestant("committee", "committee", committee))
    return distillation_report(task, None, y, contestants, classes=list(classes) if classes else None)


def three_way(task, y, committee, hard, student, classes=None, **params):
    contestants = [
        Contestant("committee", "committee", committee),
        Contestant("student on hard labels", "hard", hard),
        Contestant("distilled student", "student", student),
    ]
    return distillation_report(task, None, y, contestants, classes=classes, **params)


def noisy_values(noise, n=60, m=None, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n if m is None else (n, m))
    return y, [y + scale * rng.normal(size=y.shape) for scale in noise]


def random_probabilities(sharpness, y, n_classes, seed=0):
    """Probabilities that point to the true class the more, the larger the sharpness."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(len(y), n_classes)) + sharpness * np.eye(n_classes)[y]
    exp = np.exp(scores)
    return exp / exp.sum(axis=1, keepdims=True)


def test_binary_metrics_by_hand():
    row = two_way(STUDENT, COMMITTEE).rows[1]
    assert row["accuracy"] == 0.75
    assert row["log_loss"] == pytest.approx(-(math.log(0.8) + math.log(0.7) + math.log(0.4) + math.log(1)) / 4)
    # Scores of "yes": .4 and 1 against .2 and .3, every pair in order.
    assert row["auc"] == 1.0
    # The committee's top classes: no, yes, yes, yes. The student's: no, no, no, yes.
    assert row["agreement"] == 0.5
    rows = [
        0.9 * math.log(0.9 / 0.8) + 0.1 * math.log(0.1 / 0.2),
        0.4 * math.log(0.4 / 0.7) + 0.6 * math.log(0.6 / 0.3),
        0.3 * math.log(0.3 / 0.6) + 0.7 * math.log(0.7 / 0.4),
        0.2 * math.log(0.2 / np.finfo(float).eps) + 0.8 * math.log(0.8),
    ]
    assert row["kl"] == pytest.approx(sum(rows) / 4)
    # Confidences .8, .7, .6, 1 fall into four bins (…, 12/15], (…, 11/15], (…, 9/15], (…, 1].
    assert row["ece"] == pytest.approx((0.2 + 0.3 + 0.6 + 0.0) / 4)


def test_ece_pools_rows_of_a_bin():
    outputs = np.array([[0.55, 0.45], [0.58, 0.42], [0.95, 0.05], [0.05, 0.95]])
    codes = np.array([0, 1, 0, 0])
    # Bin 9 (0.533 to 0.6): accuracy .5, confidence .565. Bin 15: accuracy .5, confidence .95.
    assert expected_calibration_error(codes, outputs) == pytest.approx(0.5 * 0.065 + 0.5 * 0.45)


def test_ece_bins_hold_their_right_edge():
    outputs = np.array([[0.6, 0.4], [0.65, 0.35]])
    # 9/15 closes the ninth bin; a row of the tenth must not offset it.
    assert expected_calibration_error(np.array([1, 0]), outputs) == pytest.approx((0.6 + 0.35) / 2)


def test_binary_auc_ranks_by_the_second_class():
    """Where the first column is saturated at 1, only the second still tells rows apart."""
    outputs = np.array([[1.0, 1e-20], [1.0, 1e-18]])
    assert two_way(outputs, y=np.array(["no", "yes"])).rows[0]["auc"] == 1.0


def test_the_committee_agrees_with_itself():
    row = two_way(STUDENT, COMMITTEE).rows[0]
    assert row["agreement"] == 1.0
    assert row["kl"] == 0.0


def test_multiclass_metrics_match_scikit_learn_on_digits():
    X, y = load_digits(return_X_y=True)
    outputs = GaussianNB(var_smoothing=1e-2).fit(X[:900], y[:900]).predict_proba(X[900:])
    report = two_way(outputs, y=y[900:], classes=range(10))
    row = report.rows[0]
    assert row["log_loss"] == pytest.approx(log_loss(y[900:], outputs), rel=1e-12)
    assert row["auc"] == pytest.approx(roc_auc_score(y[900:], outputs, multi_class="ovr"), rel=1e-12)
    assert row["accuracy"] == np.mean(outputs.argmax(axis=1) == y[900:])


def test_columns_follow_classes_even_where_they_are_not_sorted():
    forward = two_way(STUDENT, COMMITTEE).rows[1]
    backward = two_way(STUDENT[:, ::-1], COMMITTEE[:, ::-1], classes=("yes", "no")).rows[1]
    # The AUC is that of the second class, and equal for both classes of two.
    assert backward == pytest.approx(forward)


def test_absent_classes_are_left_out_of_the_auc():
    outputs = random_probabilities(1.0, np.array([0, 2] * 10), 3)
    y = np.array([0, 2] * 10)
    row = two_way(outputs, y=y, classes=range(3)).rows[0]
    by_class = [roc_auc_score(y == label, outputs[:, label]) for label in (0, 2)]
    assert row["auc"] == pytest.approx(np.mean(by_class))
    assert row["log_loss"] == pytest.approx(log_loss(y, outputs, labels=[0, 1, 2]))


def test_auc_of_one_present_class_is_undefined():
    row = two_way(STUDENT, y=np.array(["yes"] * 4)).rows[0]
    assert math.isnan(row["auc"])
    assert row["accuracy"] == 0.25


def test_single_test_row():
    report = three_way(
        "classification", ["no"], COMMITTEE[1:2], STUDENT[2:3], STUDENT[:1], classes=["no", "yes"], n_resamples=5
    )
    assert report.n_rows == 1
    assert math.isnan(report.rows[0]["auc"])
    assert math.isnan(report.gap["log_loss"].gap_se)
    assert not report.gap["log_loss"].counted
    values = three_way("regression", [1.0], np.array([1.0]), np.array([3.0]), np.array([2.0]))
    assert values.rows[2]["rmse"] == 1.0
    assert math.isnan(values.rows[2]["r2"])
    assert math.isnan(values.rows[2]["r2_to_teacher"])
    assert not values.gap["rmse"].counted


def test_float32_probabilities_are_fine():
    y = np.arange(300) % 26
    outputs = random_probabilities(1.0, y, 26)
    row = two_way(outputs.astype(np.float32), y=y, classes=range(26)).rows[0]
    assert row["log_loss"] == pytest.approx(log_loss(y, outputs), rel=1e-6)


def test_regression_metrics_by_hand():
    y, student, committee = np.array([1.0, 2, 3]), np.array([1.0, 3, 3]), np.array([1.0, 2, 4])
    row = two_way(student, committee, y=y, classes=None, task="regression").rows[1]
    assert row["rmse"] == pytest.approx(math.sqrt(1 / 3))
    assert row["r2"] == pytest.approx(1 - 1 / 2)
    # Against the committee's values: residuals 0, 1, -1; deviations from 7/3: 16/9 + 1/9 + 25/9.
    assert row["r2_to_teacher"] == pytest.approx(1 - 2 / (42 / 9))


def test_several_outputs_are_averaged():
    y, (student,) = noisy_values([0.5], m=2)
    both = two_way(student, y=y, classes=None, task="regression").rows[0]
    single = [two_way(student[:, j], y=y[:, j], classes=None, task="regression").rows[0] for j in range(2)]
    assert both["rmse"] == pytest.approx((single[0]["rmse"] + single[1]["rmse"]) / 2)
    assert both["r2"] == pytest.approx((single[0]["r2"] + single[1]["r2"]) / 2)


def test_a_column_of_values_may_be_flat_or_not():
    y, (student,) = noisy_values([0.5])
    flat = two_way(student, y=y, classes=None, task="regression").rows[0]
    assert two_way(student[:, None], y=y, classes=None, task="regression").rows[0] == flat
    assert two_way(student, y=y[:, None], classes=None, task="regression").rows[0] == flat


def test_gaps_are_improvements_with_paired_errors():
    y = np.arange(400) % 3
    committee, hard, student = (random_probabilities(s, y, 3, seed) for s, seed in ((3, 1), (1, 2), (2, 3)))
    report = three_way("classification", y, committee, hard, student, classes=[0, 1, 2])
    scores = {row["role"]: row for row in report.rows}
    # Accuracy is a gain, log-loss a loss: both gaps are positive where the committee is better.
    for metric, sign in (("accuracy", 1), ("log_loss", -1)):
        gap = report.gap[metric]
        assert gap.gap == pytest.approx(sign * (scores["committee"][metric] - scores["hard"][metric]))
        assert gap.gain == pytest.approx(sign * (scores["student"][metric] - scores["hard"][metric]))
        assert gap.counted
        assert gap.value == pytest.approx(gap.gain / gap.gap)
        assert 0 < gap.low < gap.value < gap.high < 1
    right = (hard.argmax(axis=1) == y).astype(float), (committee.argmax(axis=1) == y).astype(float)
    assert report.gap["accuracy"].gap_se == pytest.approx(np.std(right[1] - right[0], ddof=1) / 20)


def test_rmse_error_is_that_of_the_bootstrap():
    y, (committee, hard, student) = noisy_values([0.3, 1.0, 0.6], n=500, m=2)
    gap = three_way("regression", y, committee, hard, student).gap["rmse"]
    rng = np.random.default_rng(3)
    gaps = []
    for _ in range(2000):
        rows = rng.integers(500, size=500)
        rmse = [np.sqrt(((z - y)[rows] ** 2).mean(axis=0)).mean() for z in (hard, committee)]
        gaps.append(rmse[0] - rmse[1])
    # 2,000 resamples know a standard error to 1.6 %.
    assert gap.gap_se == pytest.approx(np.std(gaps), rel=0.06)
    assert 0 < gap.value < 1


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_interval_equals_a_slow_loop(task):
    """Same generator, same rows; the loop scores every resample with plain formulas."""
    n, n_resamples = 50, 40
    if task == "classification":
        y = np.arange(n) % 2
        committee, hard, student = (random_probabilities(s, y, 2, seed) for s, seed in ((3, 1), (0.5, 2), (2, 3)))
        report = three_way(
            task, y, committee, hard, student, classes=[0, 1], confidence=0.8, n_resamples=n_resamples, random_state=7
        )
        gap = report.gap["log_loss"]

        def score(outputs, rows):
            return -np.log(outputs[rows, y[rows]]).mean()
    else:
        y, (committee, hard, student) = noisy_values([0.3, 1.0, 0.6], n=n)
        report = three_way(task, y, committee, hard, student, confidence=0.8, n_resamples=n_resamples, random_state=7)
        gap = report.gap["rmse"]

        def score(outputs, rows):
            return np.sqrt(((outputs - y)[rows] ** 2).mean())

    rng = np.random.default_rng(check_random_state(7).randint(2**31 - 1))
    ratios = []
    for _ in range(n_resamples):
        rows = rng.integers(n, size=n)
        of_committee, of_hard, of_student = (score(outputs, rows) for outputs in (committee, hard, student))
        ratios.append((of_hard - of_student) / (of_hard - of_committee))
    assert gap.counted
    assert (gap.low, gap.high) == pytest.approx(tuple(np.quantile(ratios, [0.1, 0.9])))


def test_blocks_do_not_change_the_interval(monkeypatch):
    y, (committee, hard, student) = noisy_values([0.3, 1.0, 0.6])
    whole = three_way("regression", y, committee, hard, student).gap["rmse"]
    monkeypatch.setattr("skdistill.report._metrics._BLOCK_DRAWS", 7 * len(y))
    blocks = three_way("regression", y, committee, hard, student).gap["rmse"]
    assert (blocks.low, blocks.high) == pytest.approx((whole.low, whole.high))
    other = three_way("regression", y, committee, hard, student, random_state=1).gap["rmse"]
    assert (other.low, other.value) == (pytest.approx(whole.low, rel=0.2), whole.value)
    assert other.low != whole.low


def test_interval_covers_the_truth():
    """On fresh test rows of a fixed set-up, the 80 % interval holds the population's ratio about 80 times in 100."""
    rng = np.random.default_rng(0)
    # Residual scales 1, .5 and .8: (1 - .8) / (1 - .5) of the RMSE gap.
    hits = 0
    for _ in range(100):
        shared = rng.normal(size=200)
        y, zero = shared, np.zeros(200)
        gap = three_way(
            "regression",
            y,
            zero + 0.5 * shared,
            zero,
            zero + 0.2 * shared + 0.2 * rng.normal(size=200),
            confidence=0.8,
            n_resamples=200,
        ).gap["rmse"]
        truth = (1 - math.sqrt(0.8**2 + 0.2**2)) / 0.5
        hits += gap.low <= truth <= gap.high
    # Three standard errors of a share of 100.
    assert 68 <= hits <= 92


def test_a_small_or_negative_gap_is_not_counted():
    y, (committee, hard, student) = noisy_values([0.9, 1.0, 0.5], seed=7)
    small = three_way("regression", y, committee, hard, student).gap["rmse"]
    assert small.gap_se < small.gap < 2 * small.gap_se
    y, (committee, hard, student) = noisy_values([1.0, 0.2, 0.5], n=300)
    negative = three_way("regression", y, committee, hard, student).gap["rmse"]
    assert negative.gap < -2 * negative.gap_se
    for gap in (small, negative):
        assert not gap.counted
        assert all(math.isnan(value) for value in (gap.value, gap.low, gap.high))
        assert math.isfinite(gap.gain)


def test_perfect_predictions_raise_no_warning():
    y, (hard,) = noisy_values([1.0])
    report = three_way("regression", y, y, hard, y)
    assert report.gap["rmse"].value == 1.0
    assert (report.gap["rmse"].low, report.gap["rmse"].high) == (1.0, 1.0)
    identical = three_way("regression", y, y, y, y)
    assert not identical.gap["rmse"].counted
    one_hot = np.eye(2)[[0, 0, 1, 1]]
    row = two_way(one_hot, one_hot).rows[1]
    assert row["log_loss"] == pytest.approx(0, abs=1e-12)
    assert (row["kl"], row["ece"]) == (0, 0)


def test_resamples_without_a_gap_are_left_out():
    """Accuracy on a few rows: some resamples see the committee and the rival equally right."""
    y = np.zeros(12, dtype=int)
    right, wrong = np.array([0.9, 0.1]), np.array([0.1, 0.9])
    committee = np.array([right] * 12)
    hard = np.array([wrong] * 4 + [right] * 8)
    student = np.array([wrong] * 2 + [right] * 10)
    gap = three_way("classification", y, committee, hard, student, classes=[0, 1]).gap["accuracy"]
    assert gap.counted
    assert (gap.value, gap.low, gap.high) == (pytest.approx(0.5), pytest.approx(0), pytest.approx(1))


def test_logistic_regression_recovers_itself():
    """A student that equals the committee recovers all, one that equals its rival nothing."""
    X, y = load_digits(return_X_y=True)
    good = LogisticRegression(max_iter=2000).fit(X[:900] / 16, y[:900]).predict_proba(X[900:] / 16)
    poor = GaussianNB(var_smoothing=1e-1).fit(X[:900], y[:900]).predict_proba(X[900:])
    for student, value in ((good, 1.0), (poor, 0.0)):
        report = three_way("classification", y[900:], good, poor, student, classes=range(10))
        for gap in report.gap.values():
            assert (gap.value, gap.low, gap.high) == pytest.approx((value, value, value))
