"""What is said, as plain text or Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

#: What Markdown would take for its own inside a line.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~$])")


@dataclass
class Steps:
    """Lines that hang under one another: depth and text."""

    lines: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class Table:
    """Rows of cells under headings; all but the first column are numbers."""

    headings: list[str]
    rows: list[list[str]]


@dataclass
class Heading:
    """A title."""

    text: str


#: A paragraph, or one of the above.
Block = str | Steps | Table | Heading


def as_text(blocks: list[Block]) -> str:
    """Lay out for a terminal.

    >>> print(as_text([Heading("Rules"), Steps([(0, "if a > 1:"), (1, "b")]), Table(["x", "n"], [["long", "1"]])]))
    Rules
    <BLANKLINE>
    if a > 1:
        b
    <BLANKLINE>
    x     n
    long  1
    """
    return "\n\n".join(filter(None, map(_text, blocks)))


def as_markdown(blocks: list[Block]) -> str:
    r"""Lay out for a page.

    >>> print(as_markdown([Heading("Rules"), Steps([(0, "if a_b > 1:"), (1, "b")])]))
    ### Rules
    <BLANKLINE>
    - if a\_b \> 1:
      - b
    """
    return "\n\n".join(filter(None, map(_markdown, blocks)))


def _text(block: Block) -> str:
    if isinstance(block, Steps):
        return "\n".join("    " * depth + text for depth, text in block.lines)
    if isinstance(block, Table):
        lines = [block.headings, *block.rows]
        widths = [max(map(len, column)) for column in zip(*lines)]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(zip(line, widths))
            ).rstrip()
            for line in lines
        )
    return block.text if isinstance(block, Heading) else block


def _markdown(block: Block) -> str:
    if isinstance(block, Steps):
        return "\n".join("  " * depth + f"- {_escaped(text)}" for depth, text in block.lines)
    if isinstance(block, Table):
        lines = [[_escaped(cell) for cell in line] for line in [block.headings, *block.rows]]
        rule = [":--", *["--:"] * (len(block.headings) - 1)]
        return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], rule, *lines[1:]])
    return f"### {_escaped(block.text)}" if isinstance(block, Heading) else _escaped(block)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
