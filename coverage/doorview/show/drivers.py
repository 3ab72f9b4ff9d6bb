"""What drives the answer, for people: a sentence for each level, and a tornado of the assumptions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from doorview.show.text import CAVEAT, PLAIN_NAMES, Caption, LevelLike, Units, clean, distance, percent, place_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from doorview.show.drawing import Sheet

__all__ = ["driver_sentence", "ends_words", "tornado_plot"]

_LEFT, _BOTTOM, _RIGHT = 4.3, 1.95, 2.1  # inches
_MOST = 14
"""Bars that a page has room for."""


def ends_words(row: Mapping[str, object], level: LevelLike, units: Units) -> tuple[str, str]:
    """Return the low and the high end of an assumption as people read them."""
    name, ends = row["factor"], (row["low"], row["high"])
    if any(isinstance(end, str) for end in ends):
        low, high = (clean(end, 20) for end in ends)
        return low, high
    low_end, high_end = (float(str(end)) for end in ends)
    if name == "range":
        return distance(low_end * level.range_m, units), distance(high_end * level.range_m, units)
    if name == "barrier_height":
        return distance(low_end, units), distance(high_end, units)
    if name == "field_of_view":
        return f"{low_end:.0f}°", f"{high_end:.0f}°"
    if name == "street_width":
        return f"{100 * (low_end - 1):+.0f}%", f"{100 * (high_end - 1):+.0f}%"
    if name == "clustering":
        return f"{low_end:.2g}", f"{high_end:.2g}"
    return f"{100 * low_end:.3g}%", f"{100 * high_end:.3g}%"


def driver_sentence(table: pd.DataFrame, level: LevelLike, units: Units, near_m: float = 50.0) -> str:
    """Return what matters most at a level, in one sentence that a council can read; empty where nothing was varied.

    Parameters
    ----------
    table
        As drivers.csv, the strongest factor of a level first.
    level
        Which rows.
    units
        Of lengths.
    near_m
        Within what distance of a home "near homes" is [m].
    """
    rows = table[table["level"] == level.name]
    rows = rows[(rows["share_low"] - rows["share_high"]).abs() > 0]
    plain = clean(level.plain, 60) or PLAIN_NAMES.get(level.name, "")
    if rows.empty:
        return ""
    first = rows.iloc[0].to_dict()
    low, high = ends_words({str(key): value for key, value in first.items()}, level, units)
    what = place_words(str(first["space"]), units, near_m)
    shares = percent(float(first["share_low"])), percent(float(first["share_high"]))
    goes = f"goes from {shares[0]} to {shares[1]}" if shares[0] != shares[1] else f"is {shares[0]} all the same"
    words = (
        f"At {clean(level.name, 30)} ({plain}), {first['label']} matters most: between {low} and {high}, the share of "
        f"{what} in view {goes}"
    )
    if len(rows) > 1:
        words += f"; next comes {rows.iloc[1]['label']}"
    return words + "."


def tornado_plot(
    path: str | os.PathLike[str],
    table: pd.DataFrame,
    level: LevelLike,
    caption: Caption,
    *,
    scenario: str,
    near_m: float = 50.0,
    dpi: int = 160,
) -> Path:
    """Draw a tornado of one level: a bar per assumption from its low to its high share; PNG or SVG by suffix.

    Parameters
    ----------
    path
        File to write.
    table
        As drivers.csv.
    level
        Which rows.
    caption
        Place, camera, date, units.
    scenario
        Who owns a camera, as a clause that follows "if"; untrusted.
    near_m
        Within what distance of a home "near homes" is [m].
    dpi
        Pixels per inch.

    Raises
    ------
    ValueError
        If the table has no rows of that level.
    """
    from doorview.show.drawing import Sheet, put, save
    from doorview.show.style import INK, LINE_COLOURS, MUTED

    rows = table[table["level"] == level.name].head(_MOST)
    if rows.empty:
        raise ValueError(f"drivers.csv has no rows for level '{level.name}'.")
    sheet = Sheet(caption, dpi)
    title, label = caption.heading("What drives the answer?")
    mean, space = float(rows["share_mean"].iloc[0]), str(rows["space"].iloc[0])
    width = sheet.width - 1.0
    y = sheet.write(0.5, sheet.height - 0.35, title, width, size=15, bold=True)
    if label:
        y = sheet.write(0.5, y - 0.02, label, width, size=10)
    plain = clean(level.plain, 60) or PLAIN_NAMES.get(level.name, "")
    y = sheet.write(
        0.5,
        y - 0.04,
        f"{clean(level.name, 30)} ({plain}): share of {place_words(space, caption.units, near_m)} in view if "
        f"{clean(scenario, 120)}; each assumption alone, from one end to the other",
        width,
        size=10,
    )
    y = sheet.write(0.5, y - 0.06, driver_sentence(table, level, caption.units, near_m), width, size=10, bold=True)
    axes = _axes(sheet, y, len(rows))
    both = pd.concat([rows["share_low"], rows["share_high"], pd.Series([mean])])
    low, high = float(both.min()), float(both.max())
    gap = 0.06 * (high - low) or 0.01
    axes.set_xlim(max(low - 3 * gap, -0.001), min(high + 3 * gap, 1.001))
    for place, (_, row) in enumerate(rows.iterrows()):
        at = len(rows) - 1 - place
        ends = ends_words({str(key): value for key, value in row.items()}, level, caption.units)
        _bar(axes, at, row, mean, ends, LINE_COLOURS)
        lines = sheet.wrapped(str(row["label"]) + (" *" if row["mark"] == "NF" else ""), _LEFT - 0.75, 9)[:2]
        for number, line in enumerate(lines):
            shift = (len(lines) - 1) / 2 - number
            put(sheet.page, _LEFT - 0.15, _middle(sheet, axes, at) + 0.15 * shift - 0.04, line, size=9, ha="right")
        total = float(row["sobol_total"])
        if not pd.isna(total):
            words = f"{100 * max(total, 0.0):.0f}% ± {100 * float(row['sobol_total_conf']):.0f}"
            put(sheet.page, sheet.width - _RIGHT + 0.3, _middle(sheet, axes, at) - 0.04, words, size=9)
    if rows["sobol_total"].notna().any():
        top = _middle(sheet, axes, len(rows) - 1) + 0.25
        put(sheet.page, sheet.width - _RIGHT + 0.3, top, "part of the spread", size=8, colour=MUTED)
    axes.plot([mean, mean], [-0.6, len(rows) - 0.4], color=INK, linewidth=1.0)
    _foot(sheet, caption, mean)
    return save(sheet, path, caption, title)


def _axes(sheet: Sheet, y: float, bars: int) -> Axes:
    """Return axes for so many bars below `y` [inches]."""
    from doorview.show.drawing import PercentFormatter
    from doorview.show.style import MUTED

    axes = sheet.axes(_LEFT, _BOTTOM, sheet.width - _LEFT - _RIGHT, y - 0.35 - _BOTTOM)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#e3e3e3", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9, color=MUTED)
    axes.set_yticks([])
    axes.set_ylim(-0.6, bars - 0.4)
    axes.xaxis.set_major_formatter(PercentFormatter())
    return axes


def _bar(axes: Axes, at: int, row: pd.Series, mean: float, ends: tuple[str, str], colours: tuple[str, ...]) -> None:
    """Draw the bar of an assumption: one part to each end, and what the ends are where they change anything."""
    from doorview.show.drawing import put

    shares = float(row["share_low"]), float(row["share_high"])
    left, right = axes.get_xlim()
    away = 0.008 * (right - left)
    for share, colour in zip(shares, (colours[2], colours[0]), strict=True):
        axes.barh(at, share - mean, left=mean, height=0.55, color=colour, linewidth=0)
    if max(abs(share - mean) for share in shares) < 0.2 * away:
        put(axes, mean + away, at, f"{ends[0]} to {ends[1]}: no change", size=8, va="center")
    elif (shares[0] - mean) * (shares[1] - mean) > 0:  # both ends on one side of the run
        up = shares[0] > mean
        edge = max(shares) + away if up else min(shares) - away
        put(axes, edge, at, f"{ends[0]} to {ends[1]}", size=8, ha="left" if up else "right", va="center")
    else:
        for share, words, other in zip(shares, ends, shares[::-1], strict=True):
            below = share < mean or (share == mean and other > mean)
            place = share - away if below else share + away
            put(axes, place, at, words, size=8, ha="right" if below else "left", va="center")


def _middle(sheet: Sheet, axes: Axes, at: float) -> float:
    """Return where a bar's middle lies on the page [inches]."""
    box, (low, high) = axes.get_position(), axes.get_ylim()
    return float((box.y0 + box.height * (at - low) / (high - low)) * sheet.height)


def _foot(sheet: Sheet, caption: Caption, mean: float) -> None:
    from doorview.show.style import MUTED

    width = sheet.width - 1.0
    y = sheet.write(
        0.5,
        1.42,
        f"Upright line: the run itself, {percent(mean)}. Light: the low end of the assumption; dark: the high end. "
        "Part of the spread: total Sobol index with its 95% interval, all assumptions at once; what acts together "
        "counts in each. * No figure was found: the ends are a choice. Estimated on sampled spots; sources in "
        "drivers.csv.",
        width,
        size=8,
        colour=MUTED,
    )
    y = sheet.write(0.5, y - 0.03, f"{caption.simulated} {caption.camera_line}", width, size=8)
    y = sheet.write(0.5, y, CAVEAT, width, size=8)
    sheet.write(0.5, y, caption.source_line, width, size=8)
