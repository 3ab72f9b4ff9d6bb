"""Colours and classes of the pictures and layers. No plotting library is loaded here.

Shares are drawn in the same classes on every map, so that maps can be laid side by side. The colours run from light to
dark with evenly falling lightness, from yellow to blue: the order survives grey printing and the common kinds of
colour blindness (after the idea of Nuñez, Anderton and Renslow, 2018, doi:10.1371/journal.pone.0199239).
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

__all__ = [
    "BREAKS",
    "BUILDING",
    "GROUND",
    "INK",
    "LINE_COLOURS",
    "MUTED",
    "NONE_IN_VIEW",
    "PAGE",
    "SHARE_COLOURS",
    "class_labels",
    "grey",
    "rgb",
    "share_class",
]

BREAKS: tuple[float, ...] = (0.05, 0.10, 0.20, 0.40, 0.60)
"""Upper ends of all share classes but the last, which ends at 1; a share of exactly 0 has a class of its own."""

SHARE_COLOURS: tuple[str, ...] = ("#fbe183", "#dcb84e", "#a99560", "#7a7873", "#46587c", "#10284f")
NONE_IN_VIEW = "#c9c9c9"
BUILDING = "#dddddb"
PAGE = "#ffffff"
INK = "#1a1a1a"
MUTED = "#555555"
LINE_COLOURS: tuple[str, ...] = ("#10284f", "#b3651a", "#3f7f93", "#8a2f5c", "#6b7a2c", "#555555")

GROUND: dict[str, str] = {"park": "#eaf1e4", "water": "#e4edf3", "street": "#f1f0ed"}


def rgb(colour: str) -> tuple[int, int, int]:
    """Return ``#rrggbb`` as three numbers from 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def grey(colour: str) -> float:
    """Return the lightness CIE L* (0 to 100) of ``#rrggbb``: what is left of a colour in grey printing."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb(colour))]
    y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 116 * y ** (1 / 3) - 16 if y > 216 / 24389 else y * 24389 / 27


def share_class(share: float) -> int:
    """Return the class of a share: 0 for none in view, else 1 to ``len(SHARE_COLOURS)``; a break belongs below."""
    return 0 if share <= 0 else 1 + bisect_left(BREAKS, share)


def class_labels() -> list[str]:
    """Return the labels of the share classes from 1 on: ``up to 5%``, ``5 to 10%`` ..."""
    ends = [round(100 * value) for value in BREAKS]
    middle = [f"{low} to {high}%" for low, high in pairwise(ends)]
    return [f"up to {ends[0]}%", *middle, f"over {ends[-1]}%"]
