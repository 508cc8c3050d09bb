"""Honest selection: what the student is to be and to learn from, judged on real rows that no teacher of the trial saw.

Labels out of fold are not enough. The teacher that labels one row was fitted on the others, the judged rows among them,
so that a student judged on these has heard of their labels; rows drawn near them and labelled by a committee that has
memorised them leak even more. Here everything is done once more without the judged rows: nested cross-validation (Stone
1974; Varma and Simon 2006 on what the naive way flatters by), of which one fold is enough where rows are many.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._shipped import Shipped, Workshop
from ._sizing import SIZES, that_fit
from ._stages import Course
from ._transfer import Recipe, Table, TransferSet
from .augmentation import BaseSampler
from .teachers import Fold

#: Folds are judged until they hold this many rows, the last ones first: those of a time series have most behind them.
JUDGED_ROWS = 4_000

#: And no more folds than this: with J of K judged, each teacher is fitted J (2 K - J - 1) / 2 times more.
JUDGED_FOLDS = 5

#: Weights of the true labels that ``blend="auto"`` chooses from, beside hard labels only. The first is what was best on
#: average on the benchmark's development sets; "smeared" is for values whose soft labels are.
BLENDS = {"classification": (0.3, 0.0, 0.6), "regression": (0.7, 0.3, 0.9), "smeared": (0.3, 0.0, 0.7)}

#: Recipes judged on all folds, beside the best on hard and on soft labels; of the others a sketch on the first folds.
_FINALISTS = 3

#: Sketches are judged until folds hold this many rows: a fold of a small table does not tell one from another.
SKETCH_ROWS = 500


@dataclass(frozen=True, eq=False)
class Choices:
    """What may be chosen from.

    Attributes
    ----------
    families : tuple of tuples of unfitted students
        The students of a family from small to large.
    blends : tuple of float
    samplers : tuple of BaseSampler or None
    max_bytes : int, optional
        What the packed student may take.
    assisted : bool
        Whether there are assistants to learn from; learning from the committee itself is then one choice more.
    """

    families: tuple[tuple[Any, ...], ...]
    blends: tuple[float, ...]
    samplers: tuple[BaseSampler | None, ...]
    max_bytes: int | None
    assisted: bool = False

    def first(self) -> Recipe:
        """What is taken where nothing can be judged."""
        return self.soft(self.families[0][0])[0]

    def soft(self, student: Any) -> list[Recipe]:
        """All that a student may learn of soft labels, the first choice first."""
        recipes = [
            Recipe(student, blend, sampler, assisted=self.assisted)
            for sampler in self.samplers
            for blend in self.blends
        ]
        return [*recipes, replace(recipes[0], assisted=False)] if self.assisted else recipes

    def only(self) -> bool:
        """Whether there is nothing to choose."""
        return self.one_student() and len(self.blends) == len(self.samplers) == 1

    def one_student(self) -> bool:
        """Whether there is one student only."""
        return sum(map(len, self.families)) == 1

    def smaller(self, recipe: Recipe) -> list[Recipe]:
        """The next smaller student of the family, if there is one, on the same labels."""
        steps = chain.from_iterable(map(pairwise, self.families))
        return [replace(recipe, student=below) for below, student in steps if student is recipe.student]

    def smallest(self) -> list[Recipe]:
        """The smallest student of each family on hard labels."""
        return [Recipe(family[0], hard=True) for family in self.families]


def within_budget(
    choices: Choices,
    table: Table,
    true_labels: NDArray[np.float64],
    weight: NDArray[np.float64] | None,
    workshop: Workshop,
) -> Choices:
    """The choices without the families of which not even the smallest student fits the budget.

    Fitted on the hard labels of all rows, so that it is known before any teacher is fitted.

    Raises
    ------
    ValueError
        If no family is left.
    """
    assert choices.max_bytes is not None
    sizes = []
    for recipe in choices.smallest():
        rows = TransferSet(table.encoded(recipe.scale), true_labels, weight)
        sizes.append(workshop.fit_on(recipe.student, table, rows).nbytes or 0)
    kept = tuple(family for family, size in zip(choices.families, sizes) if size <= choices.max_bytes)
    if not kept:
        smallest = choices.families[sizes.index(min(sizes))][0]
        raise ValueError(
            f"No student fits max_bytes={choices.max_bytes}: the smallest of these rows takes {min(sizes)} bytes, "
            f"{smallest!r}. Raise max_bytes, or drop columns."
        )
    return replace(choices, families=kept)


def judged_folds(folds: list[Fold]) -> list[int]:
    """The folds to hold a trial on: those whose training rows the other folds can label without the judged rows.

    None where there are fewer than three folds.
    """
    judged: list[int] = []
    for i in reversed(range(len(folds))):
        enough = len(judged) == JUDGED_FOLDS or sum(len(folds[j][1]) for j in judged) >= JUDGED_ROWS
        if len(folds) < 3 or enough:
            break
        train, held = folds[i]
        others = [fold for j, fold in enumerate(folds) if j != i]
        if len(held) and any(np.isin(test, train).any() and np.isin(rest, train).any() for rest, test in others):
            judged.append(i)
    return judged


@dataclass(frozen=True, eq=False)
class Ground:
    """One trial: what students learn from, and the rows that they are judged on.

    Attributes
    ----------
    lesson : Course
    held : Table of m rows
    true_labels : ndarray of shape (m, n_outputs)
    weight : ndarray of shape (m,), or None where all are 1
    """

    lesson: Course
    held: Table
    true_labels: NDArray[np.float64]
    weight: NDArray[np.float64] | None


@dataclass(frozen=True, eq=False)
class Verdict:
    """How a recipe did on the judged rows.

    Attributes
    ----------
    recipe : Recipe
    losses : ndarray of shape (m,)
        Log-loss; for values what their `ValueLoss` says.
    errors : ndarray of shape (m,)
        Whether the class is wrong; for values `losses`.
    weight : ndarray of shape (m,)
    nbytes : int or None
        Packed, of the largest student over the trials; None where it has no model form.
    """

    recipe: Recipe
    losses: NDArray[np.float64]
    errors: NDArray[np.float64]
    weight: NDArray[np.float64]
    nbytes: int | None

    @property
    def loss(self) -> float:
        """Mean of the losses."""
        return float(np.average(self.losses, weights=self.weight))

    @property
    def error(self) -> float:
        """Mean of the errors."""
        return float(np.average(self.errors, weights=self.weight))

    def fits(self, max_bytes: int | None) -> bool:
        """Whether it was within a budget in every trial."""
        return max_bytes is None or (self.nbytes or 0) <= max_bytes

    def se(self, rival: Verdict, of: str = "losses") -> float:
        """Paired standard error of the difference from another verdict's mean."""
        difference = getattr(self, of) - getattr(rival, of)
        share = self.weight / self.weight.sum()
        return float(np.sqrt(np.sum((share * (difference - share @ difference)) ** 2)))


class Judge:
    """Fits recipes on every ground and keeps what came out.

    Parameters
    ----------
    grounds : list of Ground
    workshop : Workshop

    Attributes
    ----------
    step : callable, optional
        Told of every trial by its name, its seconds and, by keyword, its `loss`; `most_trials` says how many at most.
    """

    def __init__(self, grounds: list[Ground], workshop: Workshop) -> None:
        self.grounds, self.workshop = grounds, workshop
        self.step: Callable[..., None] | None = None
        self._drafts: dict[tuple[Any, ...], Shipped] = {}
        self._finished: dict[tuple[Any, ...], Shipped] = {}
        self._sizes: dict[tuple[Any, ...], int] = {}
        self._verdicts: dict[Shipped, Verdict] = {}

    def __call__(self, recipe: Recipe, *, sketched: bool = False) -> Verdict:
        """The verdict on a recipe on all grounds; or of a sketch of its student, not compressed, on the first ones."""
        if sketched:
            recipe = replace(recipe, student=recipe.student.sketch())
        parts: list[Verdict] = []
        for number in range(len(self.grounds)):
            parts.append(self._trial(recipe, number, finished=not sketched))
            if sketched and sum(len(part.losses) for part in parts) >= SKETCH_ROWS:
                break
        losses, errors, weight = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("losses", "errors", "weight")
        )
        sizes = [part.nbytes for part in parts]
        nbytes = None if None in sizes else max(size for size in sizes if size is not None)
        return Verdict(recipe, losses, errors, weight, nbytes)

    def size(self, student: Any) -> int:
        """About what a student packs to, on the hard labels of the first ground; 0 where it has no model form."""
        started, recipe = time.perf_counter(), Recipe(student.sketch(), hard=True)
        key, draft, lesson = *self._draft(recipe, 0), self.grounds[0].lesson
        if key not in self._sizes:
            self._sizes[key] = self.workshop.size(draft, recipe, lesson)
            if self.step is not None:
                self.step(f"{recipe}, size", time.perf_counter() - started, nbytes=self._sizes[key])
        return self._sizes[key]

    def _draft(self, recipe: Recipe, number: int) -> tuple[tuple[Any, ...], Shipped]:
        """A key for the recipe on this ground, and its student, which is fitted once."""
        key = (repr(recipe.student), recipe.hard, recipe.blend, repr(recipe.sampler), recipe.assisted, number)
        if key not in self._drafts:
            self._drafts[key] = self.workshop.draft(recipe, self.grounds[number].lesson)
        return key, self._drafts[key]

    def _trial(self, recipe: Recipe, number: int, *, finished: bool) -> Verdict:
        """The verdict of one ground, where each recipe is fitted once and compressed at most once."""
        started, ground = time.perf_counter(), self.grounds[number]
        key, shipped = self._draft(recipe, number)
        if finished:
            if key not in self._finished:
                self._finished[key] = self.workshop.finish(shipped, recipe, ground.lesson)
            shipped = self._finished[key]
        if shipped not in self._verdicts:
            verdict = self._verdicts[shipped] = self._judge(recipe, shipped, ground)
            if self.step is not None:
                self.step(f"{recipe}, trial {number + 1}", time.perf_counter() - started, loss=verdict.loss)
        return self._verdicts[shipped]

    def _judge(self, recipe: Recipe, shipped: Shipped, ground: Ground) -> Verdict:
        outputs, truth = shipped.evaluate(ground.held), ground.true_labels
        errors = losses = self.workshop.losses(outputs, truth)
        if self.workshop.task == "classification":
            errors = (outputs.argmax(axis=1) != truth.argmax(axis=1)).astype(np.float64)
        weight = np.ones(len(truth)) if ground.weight is None else ground.weight
        return Verdict(recipe, losses, errors, weight, shipped.nbytes)


def choose(choices: Choices, judge: Judge) -> list[Verdict]:
    """Verdicts, the chosen one first, then the others from good to bad.

    Every student is judged on hard labels and on soft ones of the first blend. Where that is much to judge, sketches of
    the students are judged first, on the first folds, and only the few best recipes in full. The student of the
    best is then judged with every other blend and sampler. Of many candidates some look good by luck: so one takes the
    place of what does best on average elsewhere, soft labels of the first blend, only if its loss is lower by over a
    standard error (after Breiman et al. 1984). What is known to be worse is not shipped: soft labels give way to the
    best student on hard ones where they lose to it by that, or by over two standard errors of the share of errors.

    Parameters
    ----------
    choices : Choices
    judge : Judge
    """
    students = [student for family in choices.families for student in that_fit(family, judge, choices.max_bytes)]
    if not students:  # here none fits, but on all rows some do
        students = [family[0] for family in choices.families]
    recipes = [recipe for student in students for recipe in (Recipe(student, hard=True), choices.soft(student)[0])]
    if len(recipes) > _FINALISTS:
        recipes = _finalists(recipes, judge)
    verdicts = sorted(map(judge, recipes), key=_loss)
    rival = next(verdict for verdict in verdicts if verdict.recipe.hard)
    chosen = next((v for v in verdicts if not v.recipe.hard and not _is_known_worse(v, rival)), rival)
    further = [judge(recipe) for recipe in choices.soft(chosen.recipe.student)[1:]]
    challenger = min((v for v in further if not _is_known_worse(v, rival)), key=_loss, default=chosen)
    if chosen.loss - challenger.loss > challenger.se(chosen):
        chosen = challenger
    others = sorted((verdict for verdict in verdicts + further if verdict is not chosen), key=_loss)
    return [chosen, *others]


def most_trials(choices: Choices, n_grounds: int) -> int:
    """How many trials `choose` holds at most: of sizes on the first ground, of sketches and finalists on all."""
    n_students = sum(map(len, choices.families))
    n_sizes = sum(min(len(family), SIZES) for family in choices.families)
    n_further = len(choices.blends) * len(choices.samplers) - 1 + choices.assisted
    n_finalists = min(2 * n_sizes, _FINALISTS + 1)
    return n_students + (2 * n_sizes + n_finalists + n_further) * n_grounds if n_grounds else 0


def _finalists(recipes: list[Recipe], judge: Judge) -> list[Recipe]:
    """The recipes that look best by sketches of their students, the best on hard and on soft labels among them.

    What is beyond two standard errors of the best is out of the race (after Maron and Moore 1994).
    """
    looks = {recipe: judge(recipe, sketched=True) for recipe in recipes}
    order = sorted(recipes, key=lambda recipe: looks[recipe].loss)
    best = looks[order[0]]
    racing = [r for r in order[:_FINALISTS] if looks[r].loss - best.loss <= 2 * looks[r].se(best)]
    best_of_kind = [next(recipe for recipe in order if recipe.hard is hard) for hard in (True, False)]
    return list(dict.fromkeys([*racing, *best_of_kind]))


def _loss(verdict: Verdict) -> float:
    return verdict.loss


def _is_known_worse(soft: Verdict, hard: Verdict) -> bool:
    """Whether hard labels are better beyond noise."""
    return soft.loss - hard.loss > soft.se(hard) or soft.error - hard.error > 2 * soft.se(hard, "errors")


def evidence(verdict: Verdict, chosen: Verdict) -> dict[str, Any]:
    """A row of `selection_`."""
    recipe = verdict.recipe
    return {
        "student": repr(recipe.student),
        "labels": "hard" if recipe.hard else "soft",
        "blend": 1.0 if recipe.hard else recipe.blend,
        "assisted": recipe.assisted,
        "augmentation": None if recipe.sampler is None else repr(recipe.sampler),
        "nbytes": verdict.nbytes,
        "loss": verdict.loss,
        "error": verdict.error,
        "loss_minus_chosen": verdict.loss - chosen.loss,
        "se": verdict.se(chosen),
        "rows": len(verdict.losses),
    }


def unseen(frozen: bool) -> str:
    """What is promised of the judged rows, with frozen teachers and without."""
    return "no teacher fitted here had seen (the frozen ones may have)" if frozen else "no teacher had seen"


def reason(selection: list[dict[str, Any]], measure: str, frozen: bool) -> str:
    """What was chosen and why, in a sentence; `measure` is the loss that it was judged by."""
    best = selection[0]
    hard = next(row for row in selection if row["labels"] == "hard")
    labels = "hard labels only" if best is hard else f"blend={best['blend']:g}"
    augmentation = "" if best["augmentation"] is None else f" and {best['augmentation']}"
    note = (
        f"selection: {labels}{augmentation} for {best['student']}, chosen from {len(selection)} recipes, judged by "
        f"{measure} on {best['rows']:,} rows that {unseen(frozen)}: {best['loss']:.4g}"
    )
    if best is not hard:
        difference, se = hard["loss_minus_chosen"], hard["se"]
        note += (
            f" against {hard['loss']:.4g} on hard labels only (difference {difference:.2g}, standard error {se:.2g})"
        )
    too_large = sum(row["too_large"] for row in selection)
    return f"{note}; fitted on all rows, {too_large} better took more than max_bytes." if too_large else f"{note}."
