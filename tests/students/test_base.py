import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from skdistill.engine import MemoryEngine
from skdistill.students import (
    AdditiveStudent,
    BoostedStudent,
    EstimatorStudent,
    LinearStudent,
    RuleStudent,
    TreeStudent,
)
from skdistill.students._checks import check_weights, resolve_loss

Q3 = np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
ONES = np.ones(3)


@pytest.mark.parametrize(
    ("Q", "loss"),
    [
        (Q3, "log_loss"),
        (Q3.astype(np.float32), "log_loss"),
        (Q3 + 3e-7, "log_loss"),
        (Q3 + 3e-6, "squared"),
        (Q3 - [0.0, 0.1, -0.1], "squared"),  # sums to 1, with a negative
        (Q3[:, 0], "squared"),
        (np.ones((3, 1)), "squared"),
    ],
)
def test_auto_tells_soft_labels_from_values(Q, loss):
    assert resolve_loss("auto", Q, ONES) == loss
    assert resolve_loss("squared", Q, ONES) == "squared"


@pytest.mark.parametrize(
    ("Q", "message"),
    [
        (np.vstack([Q3, [0.6, 0.6, 0.0]]), r"Row 3 sums to 1\.2\. Divide each row by its sum"),
        (np.vstack([Q3, [1.5, 0.0, -0.5]]), r"Row 3 holds the negative value -0\.5\."),
        (np.array([0.5, 0.5, 1.0, 0.0]), r"two or more classes.*Got an array of shape \(4,\)"),
        (np.ones((4, 1)), r"Got an array of shape \(4, 1\)"),
    ],
)
def test_log_loss_names_the_first_row_that_is_no_distribution(Q, message):
    with pytest.raises(ValueError, match=message):
        LinearStudent(loss="log_loss").fit(np.eye(4), Q)


def test_names_the_row_by_its_number_in_the_data():
    Q = np.tile(Q3, (20_000, 1))
    Q[[7, 40_000, 50_000]] *= 2
    weight = np.ones(len(Q))
    weight[7] = 0
    with pytest.raises(ValueError, match=r"Row 40000 sums to 2\."):
        resolve_loss("log_loss", Q, weight)


def test_weights():
    assert_array_equal(check_weights(None, 3), ONES)
    assert_array_equal(check_weights(2, 3), 2 * ONES)
    assert_array_equal(check_weights([1, 0, 2], 3), [1, 0, 2])
    assert check_weights(None, 10**9).strides == (0,)  # no memory for weights that nobody gave


@pytest.mark.parametrize("student", [LinearStudent(), EstimatorStudent(LinearStudent())])
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, 2], r"sample_weight.shape == \(2,\), expected \(3,\): one weight per row of X"),
        (np.ones((3, 1)), r"sample_weight.shape == \(3, 1\)"),
        ([1, -1, 1], "Negative values in data passed to `sample_weight`"),
        ([0, 0, 0], "Sample weights must contain at least one non-zero number"),
        (0, "Sample weights must contain at least one non-zero number"),
        ([1, np.nan, 1], "Input sample_weight contains NaN"),
    ],
)
def test_bad_weights(student, weight, message):
    with pytest.raises(ValueError, match=message):
        student.fit(np.eye(3), Q3, weight)


@pytest.mark.parametrize("student", [LinearStudent(), EstimatorStudent(LinearStudent())])
@pytest.mark.parametrize(
    ("X", "Q", "error", "message"),
    [
        (np.eye(3), np.where(Q3 == 1, np.nan, Q3), ValueError, "Input y contains NaN"),
        (np.eye(3), Q3[:2], ValueError, "inconsistent numbers of samples"),
        (np.eye(3), None, ValueError, "requires y to be passed"),
        (np.eye(3), sparse.csr_array(Q3), TypeError, "Sparse data was passed for y"),
        (np.eye(3), [["a", "b"]] * 3, ValueError, "could not convert string to float"),
        (np.eye(3) * np.nan, Q3, ValueError, "Input X contains NaN"),
    ],
)
def test_bad_data(student, X, Q, error, message):
    with pytest.raises(error, match=message):
        student.fit(X, Q)


def test_values_beyond_float32():
    with pytest.raises(ValueError, match="too large for dtype"):
        LinearStudent().fit(np.eye(3) * 1e300, Q3)
    with pytest.raises(ValueError, match="too large for dtype"):
        LinearStudent().fit(np.eye(3), Q3).predict(np.eye(3) * 1e300)


def test_must_be_fitted_and_keeps_to_its_features():
    with pytest.raises(NotFittedError):
        LinearStudent().predict(np.eye(3))
    student = LinearStudent().fit(np.eye(3), Q3)
    with pytest.raises(ValueError, match="X has 2 features, but LinearStudent is expecting 3"):
        student.predict(np.eye(2))


def test_tables_have_their_columns_checked():
    X = load_iris(as_frame=True).data
    student = LinearStudent().fit(X, X.iloc[:, 0])
    assert_array_equal(student.feature_names_in_, X.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        student.predict(X[X.columns[::-1]])
    assert student.predict(X).shape == (150,)
    assert isinstance(X, pd.DataFrame)


@pytest.mark.parametrize(
    "student", [TreeStudent(), LinearStudent(), AdditiveStudent(), BoostedStudent(), RuleStudent()]
)
def test_rows_that_an_engine_holds_give_the_same_student(student):
    X, y = load_iris(return_X_y=True)
    X, Q, weight = X.astype(np.float32), np.full((150, 3), 0.1) + 0.7 * np.eye(3)[y], np.ones(150)
    engine = MemoryEngine({"X": X, "Q": Q, "weight": weight}, block_rows=150)
    if not student.streams:
        with pytest.raises(
            TypeError, match=r"BoostedStudent\(\) does not stream.*Pass student='tree', 'linear', 'additive' or"
        ):
            student.fit_blocks(engine, 4, 3)
        return
    held = clone(student).fit_blocks(engine, 4, 3)
    given = clone(student).fit(X, Q)
    assert held.loss_ == given.loss_ == "log_loss"
    assert_array_equal(held.predict(X), given.predict(X))


def test_an_engine_with_bad_soft_labels_is_refused():
    engine = MemoryEngine({"X": np.eye(3, dtype=np.float32), "Q": Q3 * [[1], [1], [2]], "weight": ONES}, block_rows=2)
    with pytest.raises(ValueError, match=r"Row 2 sums to 2\."):
        TreeStudent(loss="log_loss").fit_blocks(engine, 3, 3)
    assert TreeStudent().fit_blocks(engine, 3, 3).loss_ == "squared"
