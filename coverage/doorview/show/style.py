"""Colours and classes of the pictures and layers. No plotting library is loaded here.

Shares are drawn in the same classes on every map, so that maps can be laid side by side; where nearly all of them are
small, in finer classes, and the legend says so. The colours run from light to
dark with evenly falling lightness, from yellow to blue: the order survives grey printing and the common kinds of
colour blindness (after the idea of Nuñez, Anderton and Renslow, 2018, doi:10.1371/journal.pone.0199239).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "BREAKS",
    "BUILDING",
    "FINE_BREAKS",
    "GROUND",
    "GROUND_EDGES",
    "HOT_SPOT_COLOURS",
    "INK",
    "LINE_COLOURS",
    "MUTED",
    "NONE_IN_VIEW",
    "PAGE",
    "RATIO_COLOURS",
    "SHARE_COLOURS",
    "THEFT_COLOURS",
    "breaks_for",
    "class_labels",
    "grey",
    "rgb",
    "share_class",
    "share_classes",
    "spread_colours",
]

BREAKS: tuple[float, ...] = (0.05, 0.10, 0.20, 0.40, 0.60)
"""Upper ends of all share classes but the last, which ends at 1; a share of exactly 0 has a class of its own."""

FINE_BREAKS: tuple[float, ...] = (0.005, 0.01, 0.02, 0.05, 0.10)
"""The same for maps on which nearly all shares are small: a level that reaches no farther than a porch, few owners."""

SHARE_COLOURS: tuple[str, ...] = ("#fbe183", "#dcb84e", "#a99560", "#7a7873", "#46587c", "#10284f")
NONE_IN_VIEW = "#c9c9c9"
BUILDING = "#dddddb"
PAGE = "#ffffff"
INK = "#1a1a1a"
MUTED = "#555555"
LINE_COLOURS: tuple[str, ...] = ("#10284f", "#b3651a", "#3f7f93", "#8a2f5c", "#6b7a2c", "#555555")

THEFT_COLOURS: tuple[str, ...] = ("#fde2a3", "#fd9668", "#e44f64", "#a5317e", "#641a80", "#21114e")
"""From few to many, matplotlib's magma (perceptually uniform): another hue than the shares in view."""
HOT_SPOT_COLOURS: dict[str, str] = {
    "persistent": "#3b0f70",
    "emerging": "#f4695c",
    "intermittent": "#a5327e",
    "former": "#fdd9a0",
}
"""By class over time; `doorview.overlays.time_classes.CLASSES` without none."""

RATIO_COLOURS: tuple[str, ...] = ("#2f6690", "#9fc2d9", "#f1f0ec", "#f0ad84", "#a8441c")
"""From much less to much more than elsewhere; the middle is alike."""

# Lighter in grey printing than every class of share; park and water have edges of their own.
GROUND: dict[str, str] = {"park": "#e2eed6", "square": "#f2e9dc", "water": "#d9e8f2", "street": "#ececea"}
GROUND_EDGES: dict[str, str] = {"park": "#a9bf94", "square": "#cdbda5", "water": "#93b4cb"}


def rgb(colour: str) -> tuple[int, int, int]:
    """Return ``#rrggbb`` as three numbers from 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def spread_colours(colours: Sequence[str], number: int) -> tuple[str, ...]:
    """Return so many of the colours, evenly spread, the last always the last."""
    last = len(colours) - 1
    return tuple(colours[round(last * place / (number - 1)) if number > 1 else last] for place in range(number))


def grey(colour: str) -> float:
    """Return the lightness CIE L* (0 to 100) of ``#rrggbb``: what is left of a colour in grey printing."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb(colour))]
    y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 116 * y ** (1 / 3) - 16 if y > 216 / 24389 else y * 24389 / 27


def breaks_for(shares: Sequence[float] | npt.NDArray[np.floating[Any]]) -> tuple[float, ...]:
    """Return the class ends that suit a map: the finer ones where nine in ten of the shares above 0 are under 10%."""
    values = np.asarray(shares, dtype=np.float64)
    values = values[values > 0]  # NaN is not above 0 either
    return FINE_BREAKS if values.size and np.quantile(values, 0.9) < FINE_BREAKS[-1] else BREAKS


def share_class(share: float, breaks: tuple[float, ...] = BREAKS) -> int:
    """Return the class of a share: 0 for none in view, else 1 to ``len(SHARE_COLOURS)``; a break belongs below."""
    return 0 if share <= 0 else 1 + bisect_left(breaks, share)


def share_classes(shares: npt.NDArray[np.floating[Any]], breaks: tuple[float, ...] = BREAKS) -> npt.NDArray[np.int64]:
    """Return `share_class` of each, same shape; NaN counts as 0.

    Shares are rounded to 1e-6 first: in a float32 raster 0.05 would else fall into the class above its break.
    """
    values = np.nan_to_num(np.round(shares.astype(np.float64), 6))
    return np.where(shares > 0, 1 + np.searchsorted(breaks, values, side="left"), 0)


def class_labels(breaks: tuple[float, ...] = BREAKS) -> list[str]:
    """Return the labels of the share classes from 1 on: ``up to 5%``, ``5 to 10%`` ..."""
    ends = [f"{100 * value:.3g}" for value in breaks]
    middle = [f"{low} to {high}%" for low, high in pairwise(ends)]
    return [f"up to {ends[0]}%", *middle, f"over {ends[-1]}%"]
