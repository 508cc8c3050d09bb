"""Values as whole multiples of a scale, so that the loss rises the least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model import Additive, Model, Tree
from ..model._precision import BITS, MOST_SHIFT, table_sizes
from ._evidence import EPS, Evidence
from ._precise import single
from ._sums import Sums

Floats = NDArray[np.float64]

#: Scales that are tried, as shares of the one that reaches the largest value: a smaller one cuts it, and is finer.
SHARES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
#: Of these the best are looked at closely, once each value has been rounded by itself.
DESCENTS = 3
#: Sweeps over the values of an output.
SWEEPS = 4
#: Steps between neighbouring logarithms of shares that are tried, in nats.
STEPS = (0.1875, 0.25, 0.375, 0.5, 0.75, 1.0, 1.25, 1.5)
#: Shares are clipped here before a logarithm.
FLOOR = 1e-4
#: Values of an output beyond which each is rounded by itself: the others' answer to it costs their number squared.
MOST_VALUES = 3000
#: Rows that the curvature is taken from, at most: it only weighs one value's rounding against another's.
CURVATURE_ROWS = 4_096
#: Share of numbers other than zero below which a product is that of sparse matrices.
SPARSE = 0.02
#: Pull of each value to what it was, as a share of the mean curvature: rows that never meet it say nothing of it.
DAMPING = 0.01


def short(scale: float) -> float:
    """The nearest number of 16 significant bits: its products with 8 bits are exact in float32.

    >>> short(0.1)
    0.100000381...
    """
    fraction, exponent = np.frexp(scale)
    return float(np.ldexp(np.rint(fraction * 2**16), int(exponent) - 16))


def round_sums(sums: Sums, curvature: Floats, storages: Sequence[str]) -> dict[str, tuple[list[Floats], Floats]]:
    """Values of a line, of tables or of a sum of trees, and constants, for each storage in 8 or 4 bits: whole multiples
    of a scale for each output; in 4 bits, which do not reach as low, of that scale over a power of two for each table.

    Output after output, for each of a few scales the integers are found by descent along one after the other on the
    curvature of the loss, in which the values make up for what rounding does to each other (E. Frantar, D. Alistarh,
    "Optimal brain compression", NeurIPS 2022, do so for one layer); the scale of least loss is kept. The slope of the
    loss is left out: to follow it would undo what the student's penalty did, on rows that may be few. The constants
    stay free, and make up for what is left. `curvature` is that of the loss in each score of the rows of `sums`.
    """
    found: dict[str, tuple[list[Floats], Floats]] = {stored: ([], sums.constants.copy()) for stored in storages}
    for k, value in enumerate(sums.values if found else []):
        own = _curvature(sums.designs[k], curvature[:, k])
        for stored, (values, constants) in found.items():
            sizes = None
            if stored == "int4" and isinstance(sums.predictor, Additive):
                sizes = table_sizes(sums.predictor)
            rounded, change = _rounded(value, 2 ** (BITS[stored] - 1) - 1, *own, sizes)
            values.append(rounded)
            constants[k] += change
    return found


def _curvature(design: Any, curvature: Floats) -> tuple[Floats, Floats]:
    """Curvature of the loss in the values of an output, once the constant answers each change, as a matrix; or for many
    values its diagonal. And how the constant answers.
    """
    answer = np.asarray(design.T @ curvature).ravel() / max(float(curvature.sum()), EPS)
    mass = float(curvature.sum())
    if design.shape[1] > MOST_VALUES:
        squares = design.multiply(design) if hasattr(design, "multiply") else design**2
        return np.asarray(squares.T @ curvature).ravel() - mass * answer**2, answer
    if not hasattr(design, "multiply"):
        matrix = design.T @ (design * curvature[:, None])
    elif design.nnz < SPARSE * design.shape[0] * design.shape[1]:
        matrix = (design.T @ design.multiply(curvature[:, None]).tocsr()).toarray()
    else:  # leaves and bins, zeros and ones
        rows = design.astype(np.float32).toarray()
        rows *= np.sqrt(curvature, dtype=np.float32)[:, None]
        matrix = (rows.T @ rows).astype(np.float64)
    return matrix - mass * np.outer(answer, answer), answer


def _rounded(
    values: Floats, most: int, curvature: Floats, answer: Floats, sizes: list[int] | None
) -> tuple[Floats, float]:
    """Multiples of the best scale, of tables of so many values perhaps a smaller one, and the change of the constant
    that goes with them.
    """
    reach = float(np.abs(values).max(initial=0))
    if not reach:
        return values, 0.0
    if curvature.ndim == 1:
        curvature = curvature[:, None]  # each value answers for itself alone
    steep = curvature[:, 0] if curvature.shape[1] == 1 < len(values) else np.einsum("ii->i", curvature)
    damping = DAMPING * max(float(steep.mean()), EPS)
    tried = []
    for share in SHARES:
        steps = np.full(len(values), short(share * reach / most))
        if sizes is not None:
            steps /= _divisors(values, steps, most, steep + damping, sizes)
        alone = np.clip(np.rint(values / steps), -most, most) * steps - values
        tried.append((float((steep + damping) @ alone**2), -share, steps))
    best, found = np.inf, values
    for *_, steps in sorted(tried)[:DESCENTS]:
        change = _descend(values, steps, most, curvature, steep, damping) - values
        product = curvature[:, 0] * change if curvature.shape[1] == 1 < len(values) else curvature @ change
        rise = float(change @ product + damping * change @ change)
        if rise < best:
            best, found = rise, values + change
    return found, float(answer @ (values - found))


def _divisors(values: Floats, steps: Floats, most: int, weight: Floats, sizes: list[int]) -> Floats:
    """The power of two that each value's step is divided by: what brings its table's largest value just below the
    output's, or twice that, which is finer and cuts it, where the squared error is less.
    """
    table = np.repeat(np.arange(len(sizes)), sizes)
    reach = np.full(len(sizes), np.abs(values).max() * 2.0**-MOST_SHIFT)
    np.maximum.at(reach, table, np.abs(values))
    least = np.floor(np.log2(reach.max() / reach))
    tried, errors = [], []
    for shifts in (least, np.minimum(least + 1, MOST_SHIFT)):
        step = steps / 2.0 ** shifts[table]
        error = np.clip(np.rint(values / step), -most, most) * step - values
        tried.append(shifts)
        errors.append(np.bincount(table, weight * error**2, len(sizes)))
    return np.asarray(2.0 ** np.where(errors[1] < errors[0], tried[1], tried[0])[table])


def _descend(values: Floats, steps: Floats, most: int, curvature: Floats, steep: Floats, damping: float) -> Floats:
    """Multiples of the steps from which no single one up or down lowers the loss."""
    codes = np.clip(np.rint(values / steps), -most, most)
    if curvature.shape[1] < len(values):
        return codes * steps
    change = codes * steps - values
    slope = curvature @ change + damping * change
    for _ in range(SWEEPS):
        before = codes.copy()
        # Python's own numbers: NumPy takes ten times as long for one at a time.
        numbers = zip(before.tolist(), (steep + damping).tolist(), steps.tolist(), strict=True)
        for j, (own, each, step) in enumerate(numbers):
            here = float(slope[j])
            more = round(min(max(own - here / (each * step), -most), most)) - own
            # Only to the better: half a unit either way is a tie.
            if more and more * (here + 0.5 * each * more * step) < 0:
                slope += curvature[:, j] * (more * step)
                slope[j] += damping * more * step
                codes[j] += more
        if (codes == before).all():
            break
    return codes * steps


def round_tree(model: Model, tree: Tree, evidence: Evidence, most: int) -> Model:
    """Leaves as integers from 0 to `most`: shares of `most`, or multiples of a scale beyond the smallest leaf.

    Few integers make poor shares, since none that was above zero may become zero; their logarithms do better.
    """
    value, output = tree.value.astype(np.float64), model.output
    leaf = tree.apply(evidence.encode(model.preprocessor))
    mass = np.asarray(np.bincount(leaf, evidence.weight, tree.n_leaves) + EPS, dtype=np.float64)
    if output.link == "simplex" and most >= 2**8 - 1:
        value = _shares(output.activate(value), most) / (most + 1)
    elif output.link == "simplex":
        value, output = _logarithms(output.activate(value), mass, most), replace(output, link="softmax")
    else:
        value = value - value[:, -1:] if output.link == "softmax" else value
        value = np.stack([_levels(column, mass, most) if column.any() else column for column in value.T], axis=1)
    rounded = Tree(tree.feature, tree.threshold, tree.right, single(value), tree.n_features)
    return replace(model, predictor=rounded, output=output)


def _logarithms(shares: Floats, mass: Floats, most: int) -> Floats:
    """Multiples of one scale whose softmax comes nearest to the shares, in Kullback and Leibler's sense; the last of a
    row is zero, the largest stays the largest.
    """
    logs = np.log(np.maximum(shares, FLOOR))
    logs -= logs[:, -1:]
    low, high = -(most // 2) - 1, most // 2
    top = shares.argmax(axis=1)
    best, found = np.inf, logs
    for scale in STEPS:
        codes = np.clip(np.rint(logs / scale), low, high)
        divergence = _divergence(shares, codes, scale)
        for _ in range(SWEEPS):
            for j in range(shares.shape[1] - 1):
                for step in (-1, 1):
                    tried = codes.copy()
                    tried[:, j] = np.clip(tried[:, j] + step, low, high)
                    other = _divergence(shares, tried, scale)
                    # The first of equals is what a model answers: another than the top must not become it.
                    better = (other < divergence) & (tried.argmax(axis=1) == top)
                    codes[better], divergence[better] = tried[better], other[better]
        codes = np.where((codes.argmax(axis=1) == top)[:, None], codes, _led_by(codes, top))
        total = float(mass @ _divergence(shares, codes, scale))
        if total < best:
            best, found = total, codes * scale
    return found


def _led_by(codes: Floats, top: NDArray[np.intp]) -> Floats:
    """The codes with all others below the top one."""
    at, last = np.arange(len(codes)), codes.shape[1] - 1
    lead = np.where(top == last, 0, np.maximum(codes[at, top], 1))
    led = np.minimum(codes, lead[:, None] - 1)
    led[:, -1] = 0
    led[at, top] = lead
    return led


def _divergence(shares: Floats, codes: Floats, scale: float) -> Floats:
    """Of each row, up to what does not depend on the codes."""
    scores = codes * scale
    most = scores.max(axis=1)
    return np.asarray(most + np.log(np.exp(scores - most[:, None]).sum(axis=1)) - (shares * scores).sum(axis=1))


def _shares(value: Floats, most: int) -> Floats:
    """Whole shares with the sum `most` and the least cross-entropy; what was not zero does not become zero, and the
    largest stays the largest.
    """
    shares = np.maximum(value, 0)
    shares[~shares.any(axis=1)] = 1
    shares /= shares.sum(axis=1, keepdims=True)
    codes = np.zeros(shares.shape, dtype=np.int64)
    for row, share in enumerate(shares):
        order = np.argsort(-share, kind="stable")
        found = np.zeros(len(share), dtype=np.int64)
        found[order[:most]] = share[order[:most]] > 0
        # Divided by more than the sum, no share gets more than its due; then one by one to where it helps most.
        found = np.maximum(found, np.floor(share * max(most - found.sum(), 0)).astype(np.int64))
        while found.sum() < most:
            gain = np.where(found > 0, share * np.log1p(1 / np.maximum(found, 1)), 0)
            found[int(gain.argmax())] += 1
        top = int(share.argmax())
        if found.argmax() != top:
            found[found.argmax()] -= 1
            found[top] += 1
        codes[row] = found
    return codes.astype(np.float64)


def _levels(values: Floats, mass: Floats, most: int) -> Floats:
    """Values of least squared error among ``most + 1`` equidistant ones."""
    best, found = np.inf, values
    low, high = values.min(), values.max()
    middle = mass @ values / mass.sum()
    for share in SHARES:
        for other in SHARES:
            start, end = middle + share * (low - middle), middle + other * (high - middle)
            # A scale of few bits, of which the smallest level is a multiple too, so that all levels are exact.
            scale = _coarse((end - start) / most, max(abs(low), abs(high)))
            if scale == 0:
                return np.full(len(values), float(np.float32(middle)))
            zero = np.rint(start / scale)
            levels = (zero + np.clip(np.rint(values / scale - zero), 0, most)) * scale
            error = float(mass @ np.square(levels - values))
            if error < best:
                best, found = error, levels
    return found


def _coarse(scale: float, reach: float) -> float:
    """The scale with so few bits that its multiples up to `reach` are exact in float32; 0 where there is no such."""
    if scale <= 0:
        return 0.0
    bits = 24 - 1 - max(int(np.ceil(np.log2(reach / scale + 2))), 8)
    if bits < 1:
        return 0.0
    fraction, exponent = np.frexp(scale)
    return float(np.ldexp(np.ceil(fraction * 2**bits), int(exponent) - bits))
