"""The report as one HTML file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skdistill.model import Tree

from ._calibration import draw_calibration
from ._fidelity_display import FidelityDisplay
from ._frontier_display import FrontierDisplay
from ._metrics import headline
from ._palette import Palette
from ._segments import Segment, segments
from ._stress_display import StressDisplay
from ._student_display import StudentDisplay
from ._svg import colour_scheme, draw_svg
from ._text import (
    HEADINGS,
    cell,
    gap_line,
    in_bytes,
    microseconds,
    points,
    significant,
    stress_line,
    stress_table,
    times,
)

if TYPE_CHECKING:
    from ._report import DistillationReport

# Candidates of the selection that are listed; a picture that is drawn beside another, in inches; letters that a student
# takes in words, beyond which nobody reads it and the page would grow large.
_MOST, _SMALL, _MOST_LETTERS = 12, (4.3, 3.2), 25_000


@dataclass(frozen=True)
class Picture:
    """An SVG with its caption, and what it says to those who do not see it."""

    caption: str
    says: str
    svg: Any
    wide: bool = False
    tall: bool = False


def to_html(report: DistillationReport) -> str:
    """Lay out a report as a page."""
    try:
        import jinja2
        import matplotlib  # noqa: F401
        from markupsafe import Markup
    except ImportError as error:
        raise ImportError(f'The report as a page needs {error.name}: pip install "skdistill[plot]".') from error
    from skdistill import __version__

    loader = jinja2.PackageLoader("skdistill.report", ".")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    sections = [
        _comparison(report),
        _bytes_section(report),
        _fidelity(report),
        _stress(report),
        _student(report),
        _choices(report),
    ]
    test_rows = "1 test row" if report.n_rows == 1 else f"{report.n_rows:,} test rows"
    return environment.get_template("page.html.jinja").render(
        title="Distillation report",
        colour_scheme=Markup(colour_scheme()),
        kind=f"Distillation report: {report.task}, {test_rows}",
        verdict=report.verdict,
        facts=_facts(report),
        sections=[section for section in sections if section["blocks"]],
        version=__version__,
    )


def _picture(draw: Any, size: tuple[float, float], name: str, caption: str, says: str, **kind: bool) -> Picture:
    from markupsafe import Markup

    # matplotlib escapes text; the rest of the element is its own.
    return Picture(caption, says, Markup(draw_svg(draw, size, name)), **kind)


def _facts(report: DistillationReport) -> list[dict[str, str]]:
    """The figures that count, at a glance."""
    lines = {row["role"]: row for row in reversed(report.rows)}
    student, committee, hard = (lines.get(role) for role in ("student", "committee", "hard"))
    assert student is not None
    metric = headline(report.task, report.evidence.loss)

    def fact(name: str, value: str, aside: str) -> dict[str, str]:
        return {"name": name, "value": value, "aside": aside}

    beside = f"committee {cell(metric, committee[metric])}" if committee else ""
    if hard:
        beside += f"{', ' if beside else ''}hard labels {cell(metric, hard[metric])}"
    found = [fact(HEADINGS[metric], cell(metric, student[metric]), beside)]
    if student["nbytes"] is not None:
        other = committee["nbytes"] if committee else None
        aside = f"committee {in_bytes(other)}, {times(other / student['nbytes'])} times as much" if other else ""
        found.append(fact("size, packed", in_bytes(student["nbytes"]), aside))
    shipped = student["us_shipped_p50"]
    took = student["us_single"] if shipped is None else shipped
    if took is not None:
        other = committee["us_single"] if committee else None
        aside = f"committee {microseconds(other)}, {times(other / took)} times as long" if other else ""
        found.append(fact("one row" if shipped is None else "one row, as shipped", microseconds(took), aside))
    gap = report.gap.get(metric)
    if gap is not None:
        amount = f"{points(gap.gain)} points" if metric == "accuracy" else significant(gap.gain, 3)
        error = points(gap.gain_se) if metric == "accuracy" else significant(gap.gain_se, 2)
        sign = "+" if gap.gain > 0 else ""
        what = "more" if metric == "accuracy" else "less RMSE"
        aside = f"{what} than on hard labels, standard error {error}"
        if not abs(gap.gain) >= 2 * gap.gain_se:  # also where it is unknown
            aside += ": not beyond noise"
        if gap.gain == gap.gain_se == 0:
            aside = "the student answers as the one on hard labels does"
        found.append(fact("distillation bought", f"{sign}{amount}".replace("-", "−"), aside))
    return found


def _comparison(report: DistillationReport) -> dict[str, Any]:
    keys = [key for key in report.rows[0] if key in HEADINGS]
    rows = [
        {"kind": row["role"], "cells": [row["name"], *(cell(key, row[key]) for key in keys)]} for row in report.rows
    ]
    how = (
        "Log-loss and KL in nats; KL and agreement against the committee; ECE is the expected calibration error. "
        if report.task == "classification"
        else ""
    )
    caption = f"{how}Students as packed bytes, teachers as files. Times are medians of calls on this machine."
    blocks: list[dict[str, Any]] = [_table(caption, ["", *(HEADINGS[key] for key in keys)], rows)]
    if report.gap:
        blocks.append(_text("Recovered of the gap from hard labels to the committee:"))
        blocks.append(_list([gap_line(gap, report.confidence).strip() for gap in report.gap.values()]))
    return _section("comparison", "Side by side", blocks)


def _bytes_section(report: DistillationReport) -> dict[str, Any]:
    if report.n_rows < 2 or report.evidence.of_role("student").model is None:  # type: ignore[union-attr]
        return _section("bytes", "", [])
    display = FrontierDisplay.from_report(report)
    metrics = [headline(report.task, report.evidence.loss)]
    if report.task == "classification":
        metrics.insert(0, "log_loss")
    pictures = []
    for metric in metrics:

        def draw(figure: Any, colours: Palette, metric: str = metric) -> None:
            display.plot(figure.subplots(), metric=metric)

        says = f"{HEADINGS[metric]} of each contestant against its bytes"
        pictures.append(_picture(draw, _SMALL, f"bytes-{metric}", HEADINGS[metric], says))
    text = (
        "Large marks are the contestants as fitted; the lines are what pruning, dropping features and rounding numbers "
        "make of the students. What is dropped is decided on one half of the test rows, everyone is measured on the "
        "other."
    )
    return _section("bytes", "Quality against bytes", [_text(text), _pictures(pictures)])


def _fidelity(report: DistillationReport) -> dict[str, Any]:
    found = report.evidence
    answers = {role: each.outputs for role in ("committee", "student", "hard") if (each := found.of_role(role))}
    pictures = []
    if "committee" in answers:
        display = FidelityDisplay.from_predictions(
            answers["committee"], answers["student"], hard=answers.get("hard"), classes=found.classes
        )
        caption = "Agreement by the committee's class" if found.classes else "The student's values by the committee's"
        says = "; ".join(_says(row) for row in display.rows)
        size = (_SMALL[0], max(_SMALL[1], display.size[1]))
        pictures.append(_picture(lambda f, c: display.plot(f.subplots()), size, "fidelity", caption, says))
    caption = "Calibration" if found.classes else "The truth by the student's values"
    size, says = _SMALL, "calibration curves; the expected calibration errors are in the table above"
    if len(set(found.truth.ravel().tolist())) > 1:
        pictures.append(
            _picture(lambda f, c: draw_calibration(f.subplots(), report, c), size, "calibration", caption, says)
        )
    blocks = [_pictures(pictures)] if pictures else []
    parts = segments(report)
    if len(parts) > 1:
        blocks.append(_segments_table(report, parts))
    return _section("fidelity", "Fidelity and calibration", blocks)


def _says(row: dict[str, Any]) -> str:
    if "class" in row:
        return f"{row['class']}: {100 * row['agreement']:.0f} % of {row['rows']} rows"
    return f"{significant(row['committee'], 3)}: {significant(row['student'], 3)}"


def _segments_table(report: DistillationReport, parts: list[Segment]) -> dict[str, Any]:
    classifies = report.task == "classification"
    metric = headline(report.task, report.evidence.loss)
    rows = [
        {
            "kind": "student" if at == 0 else "",
            "cells": [
                part.rule,
                f"{part.rows:,}",
                f"{100 * part.apart:.1f} %" if classifies else significant(part.apart, 3),
                cell(metric, part.quality["student"]),
                cell(metric, part.quality["committee"]),
            ],
        }
        for at, part in enumerate(parts)
    ]
    caption = (
        "Where the student disagrees most with the committee. A shallow tree found the rules on one half of the test "
        "rows; the figures are of the other half, which confirms them."
    )
    apart = "answered otherwise" if classifies else "RMS difference"
    heading = HEADINGS[metric]
    return _table(caption, ["rows where", "rows", apart, f"{heading}, student", f"{heading}, committee"], rows, [0])


def _stress(report: DistillationReport) -> dict[str, Any]:
    if not report.stress:
        return _section("stress", "", [])
    display = StressDisplay.from_report(report)
    caption = "Stronger to the right"
    says = "quality and fidelity under each stress; the figures are in the table below"
    picture = _picture(lambda f, _: display.plot(f), display.size, "stress", caption, says, wide=True, tall=True)
    head, *lines = stress_table(report)
    how = (
        "Noise in standard deviations of its column; a permuted column is shuffled among the rows; the rarest class "
        "counts so many times as often beside the most frequent; rare rows are found by an isolation forest."
    )
    rows = [{"kind": "", "cells": line} for line in lines]
    text = [_text(line)] if (line := stress_line(report)) else []
    return _section("stress", "Under stress", [*text, _pictures([picture]), _table(how, head, rows)])


def _student(report: DistillationReport) -> dict[str, Any]:
    model = report.evidence.of_role("student").model  # type: ignore[union-attr]
    if model is None:
        return _section("student", "", [])
    X = report.evidence.X
    display = StudentDisplay.from_estimator(model, X)
    tree = isinstance(model.predictor, Tree)
    caption = "Shares are of the test rows" if tree else "What is added to the score, over the test rows"
    picture = _picture(
        lambda figure, _: display.plot(figure=figure),
        display.size,
        "student",
        caption,
        repr(model.predictor),
        wide=True,
        tall=True,
    )
    text = f"{type(model.predictor).__name__}, {in_bytes(model.nbytes)} packed, reading {_columns(model)}."
    blocks = [_text(text), _pictures([picture])]
    words = model.rules(X)
    if len(words) <= _MOST_LETTERS:
        blocks.append(_listing("The same in words", words))
    else:
        blocks.append(_text(f"In words it takes {len(words):,} letters, which rules() of the estimator says."))
    return _section("student", "The student itself", blocks)


def _columns(model: Any) -> str:
    from skdistill.model import used_features

    used = used_features(model.predictor)
    names = [
        column.name for column, part in zip(model.preprocessor.columns, model.preprocessor.slices) if used[part].any()
    ]
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return f"{len(names)} of {model.preprocessor.n_features_in} columns: {shown}" if names else "no column"


def _choices(report: DistillationReport) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = []
    if report.evidence.fitted:
        blocks.append({"kind": "pairs", "pairs": dict(report.evidence.fitted)})
    selection = report.evidence.selection
    if selection:
        rows = [
            {"kind": "student" if at == 0 else "", "cells": _candidate(row)} for at, row in enumerate(selection[:_MOST])
        ]
        more = f" The {_MOST} best of {len(selection)}." if len(selection) > _MOST else ""
        caption = f"What was tried, the choice first, judged on {selection[0]['rows']:,} rows held back.{more}"
        head = ["student", "labels", "augmentation", "size", "loss", "beside the choice", "error"]
        blocks.append(_table(caption, head, rows, [0]))
    if report.notes:
        blocks.append(_list(list(report.notes)))
    return _section("choices", "What was chosen, and why", blocks)


def _candidate(row: dict[str, Any]) -> list[str]:
    labels = "hard" if row["labels"] == "hard" else f"soft, blend {row['blend']:g}"
    beside = "–" if row["se"] == 0 else f"{row['loss_minus_chosen']:+.4f} ± {row['se']:.4f}".replace("-", "−")
    size = "–" if row["nbytes"] is None else in_bytes(row["nbytes"])
    size += ", too large" if row["too_large"] else ""
    augmentation = row["augmentation"] or "none"
    student = " ".join(row["student"].split())
    return [student, labels, augmentation, size, f"{row['loss']:.4f}", beside, f"{row['error']:.4f}"]


def _section(name: str, title: str, blocks: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": name, "title": title, "blocks": blocks}


def _text(text: str) -> dict[str, Any]:
    return {"kind": "text", "text": text}


def _list(entries: list[str]) -> dict[str, Any]:
    return {"kind": "list", "entries": entries}


def _listing(title: str, text: str) -> dict[str, Any]:
    return {"kind": "listing", "title": title, "text": text}


def _pictures(pictures: list[Picture]) -> dict[str, Any]:
    return {"kind": "pictures", "pictures": pictures}


def _table(caption: str, head: list[str], rows: list[dict[str, Any]], words: list[int] | None = None) -> dict[str, Any]:
    return {"kind": "table", "caption": caption, "head": head, "rows": rows, "words": words or []}
