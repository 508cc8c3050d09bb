"""What all pictures share: matplotlib, if it is there, and colours that stand out on light and on dark paper."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours that people of any eyesight tell apart (M. Okabe, K. Ito, "Color universal design", 2008), and the same hues
# lightened for dark paper.
ON_LIGHT = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a7a7a", "#8a8a2c")
ON_DARK = ("#4da3db", "#f08a4b", "#3cc49a", "#dfa0c3", "#f2bc4a", "#8ccbf0", "#a8a8a8", "#bdbd5e")


@dataclass(frozen=True)
class Palette:
    """The colours of a picture.

    Attributes
    ----------
    ink, muted, faint, paper : str
        Text and axes; text of less weight; lines that guide the eye; the background.
    hues : tuple of str
        Of classes and series, in their order.
    """

    ink: str
    muted: str
    faint: str
    paper: str
    hues: tuple[str, ...]

    @property
    def of_role(self) -> dict[str, str]:
        """The colour of each role of a report."""
        blue, orange, *_, grey = self.hues[:7]
        return {"student": blue, "sibling": blue, "hard": orange, "committee": self.ink, "teacher": grey}


def palette() -> Palette:
    """Colours that go with matplotlib's current style."""
    from matplotlib import rcParams
    from matplotlib.colors import to_hex, to_rgb

    ink, paper = (to_rgb(rcParams[key]) for key in ("text.color", "axes.facecolor"))

    def mixed(share: float) -> str:
        red, green, blue = (share * a + (1 - share) * b for a, b in zip(ink, paper))
        return to_hex((red, green, blue))

    dark = 0.299 * paper[0] + 0.587 * paper[1] + 0.114 * paper[2] < 0.5
    return Palette(to_hex(ink), mixed(0.62), mixed(0.22), to_hex(paper), ON_DARK if dark else ON_LIGHT)


def import_pyplot(display: str) -> Any:
    """Import pyplot, or raise an ImportError that names the extra to install."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f'{display}.plot needs matplotlib: pip install "skdistill[plot]".') from error
    return plt


def import_pandas(what: str) -> Any:
    """Import pandas, or raise an ImportError that names the extra to install."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(f'{what} needs pandas: pip install "skdistill[all]".') from error
    return pd


def shorten(text: Any, length: int) -> str:
    """Cut text in the middle, where names differ least.

    >>> shorten("mean concave points of the nucleus", 16)
    'mean con…nucleus'
    """
    text = " ".join(str(text).split())
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[len(text) - tail :]}"


def shorten_condition(words: str, length: int) -> str:
    """Cut a condition on a column in its name and its value, so that it still says whether.

    >>> shorten_condition('payment_method is not "Electronic check"', 28)
    'payme…thod is not "Elec…eck"'
    """
    found = re.fullmatch(r"(.*?)( is not | is | ≤ | > )(.*)", words)
    if found is None or len(words) <= length:
        return shorten(words, length)
    name, sign, value = found.groups()
    room = length - len(sign)
    value = shorten(value, max(room - len(name), room // 2))
    return f"{shorten(name, room - len(value))}{sign}{value}"


def signed(value: float, decimals: int = 2) -> str:
    """Write a number with its sign.

    >>> signed(-0.5), signed(-0.001)
    ('−0.50', '0.00')
    """
    text = f"{value:+.{decimals}f}"
    return text.replace("-", "−") if float(text) else text[1:]


def bare(ax: Axes) -> None:
    """Leave nothing of the axes but what is drawn on them."""
    ax.set_axis_off()
    ax.set_xticks([])
    ax.set_yticks([])


def tidy(ax: Axes, colours: Palette) -> None:
    """Axes without a box, behind a faint grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(colours.faint)
    ax.tick_params(colors=colours.muted, which="both", labelsize="small")
    ax.grid(color=colours.faint, lw=0.5)
    ax.set_axisbelow(True)


def plain(ax: Axes) -> None:
    """Take every text as it is: a dollar sign in a column's name begins no formula."""
    from matplotlib.text import Text

    for text in ax.findobj(Text):
        text.set_parse_math(False)
