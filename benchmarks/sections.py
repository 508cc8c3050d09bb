"""The page's tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .competitors import CONTESTANTS
from .markdown import METRIC_NAMES, markdown, shown, two_digits
from .objectives import METRICS
from .plan import BYTES_PEERS, BYTES_RIVAL, DEVELOPMENT, RIVAL, RIVALS, STUDENT, STUDENTS_IN_BYTES, UNSEEN
from .results import TEACHER
from .summary import ALL_METRICS, Summary
from .tables import BEST_HARD, NO_LARGER

WITHIN = (
    "A contestant is handed a number of packed bytes and fills it as well as it can: sizes and settings are chosen by "
    "cross-validated loss on training rows among those that fit. The best hard-trained model of a draw is that of the "
    "family of least cross-validated loss. Recovered: of the gap from CART of the same bytes to the teacher. Sets are "
    "won / within noise / lost beyond two paired standard errors; one in 40 pairs of equals is lost by chance."
)
ABLATIONS = (
    "TreeStudent of fixed blend with one lever moved, against itself unmoved: mean change over sets in percentage "
    "points of accuracy, hundredths of a nat, and percent of its RMSE, each with its standard error over sets; in "
    "brackets the sets won and lost beyond noise. Negative: the lever was better where it was. Levers that set what is "
    "the default anyway are left out."
)


def kinds(summary: Summary) -> dict[str, set[str]]:
    """Parts of the suite that are described apart."""
    sets = summary.frame.drop_duplicates("set").set_index("set")
    return {
        "two classes": set(sets.index[sets["n_classes"] == 2]),
        "more classes": set(sets.index[sets["n_classes"] > 2]),
        "under 2,000 training rows": set(sets.index[sets["n_train"] < 2_000]),
        "2,000 training rows and more": set(sets.index[sets["n_train"] >= 2_000]),
    }


def headline(summary: Summary, students: tuple[str, ...]) -> str:
    """Mean gap recovered by size: each student against each rival, on parts of the suite."""
    parts = ["Mean gap recovered, its 95 % interval and, in brackets, how many sets count."]
    suites = {"all": None, "developed on": set(DEVELOPMENT), "unseen": set(UNSEEN)}
    if not set(DEVELOPMENT) < set(summary.frame["set"]):
        suites = {"all": None}
    for student in students:
        for rival in RIVALS:
            more = kinds(summary) if rival == RIVAL else {}
            table = _by_suite(summary, student, rival, suites | more)
            if len(table):
                parts += [f"**{shown(student)}** against {shown(rival)}:", markdown(table)]
    return "\n\n".join(parts)


def _by_suite(summary: Summary, student: str, rival: str, suites: dict[str, set[str] | None]) -> pd.DataFrame:
    rows = []
    for metric in ALL_METRICS:
        for kind, names in suites.items():
            found = [summary.gap_row(metric, student, size, rival, names) for size in summary.sizes(student)]
            if any(gap["n_sets"] for gap in found):
                row = {"metric": METRIC_NAMES[metric], "sets": kind}
                row |= {f"{gap['size']} leaves": _short(gap) for gap in found}
                cells = sum(gap["cells"] for gap in found)
                harm = sum(gap["harm"] * gap["cells"] for gap in found if gap["cells"]) / cells
                rows.append(row | {"harm": f"{harm:.1%}"})
    return pd.DataFrame(rows)


def _short(gap: dict[str, Any]) -> str:
    if not gap["n_sets"]:
        return "–"
    mean, low, high = (two_digits(gap[key]) for key in ("mean", "low", "high"))
    return f"{mean}, {low} to {high} ({gap['n_sets']})"


def gaps(summary: Summary, rival: str) -> str:
    """Every tree against one rival."""
    return markdown(_pretty(summary.gaps([name for name in summary.trees() if name != rival], rival), "leaves"))


def others(summary: Summary) -> str:
    """Contestants that are no trees, each against its own rival of equal size."""
    names = [
        name
        for name in summary.contestants()
        if CONTESTANTS[name].family != "tree" and CONTESTANTS[name].sizes_in != "bytes"
    ]
    return markdown(_pretty(summary.gaps(names), "size"))


def _pretty(gaps: pd.DataFrame, size: str) -> pd.DataFrame:
    if not len(gaps):
        return gaps
    interval = [f"{two_digits(low)} to {two_digits(high)}" for low, high in zip(gaps["low"], gaps["high"], strict=True)]
    return pd.DataFrame(
        {
            "metric": gaps["metric"].map(METRIC_NAMES),
            "student": gaps["contestant"].map(shown),
            size: gaps["size"],
            "sets": gaps["n_sets"],
            "mean": gaps["mean"],
            "95 % interval": interval,
            "median": gaps["median"],
            "ratio of sums": gaps["ratio_of_sums"],
            "harm": [f"{share:.1%}" for share in gaps["harm"]],
        }
    )


def duels(summary: Summary) -> str:
    """The headline student against every other tree, wins / ties / losses by size."""
    found = summary.headline_duels()
    if not len(found):
        return markdown(found)
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for duel in found.itertuples(index=False):
        row = rows.setdefault(
            (duel.peer, duel.metric), {"against": shown(duel.peer), "metric": METRIC_NAMES[duel.metric]}
        )
        row[f"{duel.size} leaves"] = f"{_record(duel._asdict())}, p {duel.p_value:.2g}"
    return markdown(pd.DataFrame(list(rows.values())).fillna("–"))


def _record(duel: dict[str, Any]) -> str:
    return f"{duel['wins']} / {duel['ties']} / {duel['losses']}"


def within_bytes(summary: Summary) -> str:
    """Everyone within a budget against CART and the best hard-trained model; then who the latter is."""
    names = [n for n in summary.contestants() if CONTESTANTS[n].sizes_in == "bytes" and n != BYTES_RIVAL]
    order = (*STUDENTS_IN_BYTES, *names)
    rows = []
    for name in sorted(names, key=order.index):
        for metric in ALL_METRICS:
            for budget in summary.sizes(name):
                gap = summary.gap_row(metric, name, budget, BYTES_RIVAL)
                if gap["cells"]:
                    row: dict[str, Any] = {"model": shown(name), "metric": METRIC_NAMES[metric]}
                    row |= {"KB": f"{budget / 1024:g}", "recovered, median": gap["median"], "mean": gap["mean"]}
                    row |= {"sets": gap["n_sets"], "harm": f"{gap['harm']:.1%}"}
                    for title, rival in (("CART", BYTES_RIVAL), ("the best hard", BEST_HARD)):
                        duel = summary.duel_row(metric, rival, name, budget)
                        row[f"against {title}"] = _record(duel) if duel else "–"
                        row[f"p ({title})"] = f"{duel['p_value']:.2g}" if duel else "–"
                    rows.append(row)
    table = markdown(pd.DataFrame(rows))
    chosen = summary.frame[summary.frame["contestant"] == BEST_HARD]
    if not len(chosen):
        return table
    counts = chosen.groupby(["size", "settings"]).size().unstack(fill_value=0)
    counts = counts.rename(columns=shown).reset_index()
    counts["size"] = [f"{size / 1024:g} KB" for size in counts["size"]]
    return f"{table}\n\nOn how many draws each family was the best hard-trained one:\n\n{markdown(counts)}"


def no_larger(summary: Summary) -> str:
    """Peers' models of any size against that of our students that pack no larger of which least loss was judged."""
    rows = []
    for peer in BYTES_PEERS:
        if peer in summary.contestants():
            for metric in ALL_METRICS:
                for size in summary.sizes(peer):
                    duel = summary.duel_row(metric, peer, NO_LARGER, size)
                    ahead = [d.value > 0 for d in summary.differences(metric, peer, NO_LARGER, size).values()]
                    if duel:
                        row: dict[str, Any] = {"peer": shown(peer), "size": size, "metric": METRIC_NAMES[metric]}
                        row |= {"won / tied / lost": _record(duel), "ahead": f"{np.mean(ahead):.0%}"}
                        rows.append(row | {"p": f"{duel['p_value']:.2g}"})
    return markdown(pd.DataFrame(rows))


def notes(summary: Summary) -> str:
    """What each peer was given and what it cannot do."""
    titles: dict[str, list[str]] = {}
    for name in summary.contestants():
        titles.setdefault(CONTESTANTS[name].note, []).append(shown(name))
    titles.pop("", None)
    return "\n".join(f"- {'; '.join(names)}: {note}" for note, names in titles.items()) or "No results."


def additive(summary: Summary) -> str:
    """Additive students against explainable boosting."""
    table = summary.additive()
    if not len(table):
        return markdown(table)
    return "Differences: positive where the student is better.\n\n" + markdown(
        pd.DataFrame(
            {
                "student": table["contestant"].map(shown),
                "metric": table["metric"].map(METRIC_NAMES),
                "sets": table["n_sets"],
                "mean difference": table["mean"],
                "median, in standard errors": table["median_errors"],
                "sets within 1 standard error or better": [f"{share:.0%}" for share in table["within"]],
                "bytes, of explainable boosting's": [f"{share:.1%}" for share in table["bytes"]],
            }
        )
    )


def ablations(summary: Summary) -> str:
    """What moving each lever changes."""
    found = summary.ablations()
    if not len(found):
        return markdown(found)
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for row in found.itertuples(index=False):
        names = {"lever": shown(row.contestant), "metric": METRIC_NAMES[row.metric]}
        cells = rows.setdefault((row.contestant, row.metric), names)
        cells[f"{row.size} leaves"] = f"{100 * row.mean:+.2f} ± {100 * row.se:.2f} ({row.wins}, {row.losses})"
    return markdown(pd.DataFrame(list(rows.values())).fillna("–"))


def costs(summary: Summary) -> str:
    """Median bytes, leaves and CPU seconds of each contestant."""
    fits = summary.frame[summary.frame["contestant"] != BEST_HARD]
    table = fits.groupby(["contestant", "size"], as_index=False)[["nbytes", "leaves", "cpu_seconds"]].median()
    table["contestant"] = table["contestant"].map(shown)
    table.columns = ["", "size", "median bytes", "median leaves", "median CPU s of a fit"]
    return markdown(table)


def sets(summary: Summary) -> str:
    """Per set and metric, the gap at the largest size and what is recovered of it at every size."""
    sizes = summary.sizes(STUDENT)
    parts = []
    for metric in (*METRICS["classification"], *METRICS["regression"]):
        tables = {size: summary.per_set(metric, STUDENT, size, RIVAL) for size in sizes}
        if not sizes or not len(tables[sizes[-1]]):
            continue
        last = tables[sizes[-1]].set_index("set")
        values = summary.frame[summary.frame["contestant"] == TEACHER].groupby("set")[metric].mean()
        table = pd.DataFrame({"set": last.index, "teacher": values[last.index].to_numpy()})
        for size, part in tables.items():
            recovered = part.set_index("set")["recovered"].reindex(last.index)
            table[f"{size} leaves"] = ["–" if np.isnan(v) else f"{v:.2f}" for v in recovered]
        table[f"gap at {sizes[-1]}"] = [
            f"{gap:.3g} ± {se:.2g}" for gap, se in zip(last["gap"], last["gap_se"], strict=True)
        ]
        parts.append(f"### {METRIC_NAMES[metric]}\n\n" + markdown(table))
    note = f"Gap to {shown(RIVAL)} recovered by the headline student. A dash: the gap does not count.\n\n"
    return note + "\n\n".join(parts)
