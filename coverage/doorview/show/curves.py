"""Curves: the share in view against ownership, and against the range at which a camera counts as seeing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from doorview.show.drawing import PercentFormatter, Sheet, put, save
from doorview.show.style import INK, LINE_COLOURS, MUTED
from doorview.show.text import (
    CAVEAT,
    FEET_PER_METRE,
    PLAIN_NAMES,
    Caption,
    LevelLike,
    clean,
    distance,
    percent,
    place_words,
)

__all__ = ["OWNERSHIP_MARKS", "OWNERSHIP_SOURCE", "curve_plot", "range_plot"]

OWNERSHIP_MARKS: tuple[tuple[float, str], ...] = ((0.04, "2017"), (0.20, "2023"), (0.27, "2026"))
"""Share of US internet households with a video doorbell, and the year; the year of the last is that of publication."""
OWNERSHIP_SOURCE = (
    "Dotted lines: US households with internet that own a video doorbell, by Parks Associates: 4% in 2017 and 20% in "
    "2023 (as reported by CE Pro), 27% as published in 2026, survey date not given."
)

_LEFT, _BOTTOM, _RIGHT = 0.95, 1.75, 2.55  # inches
_ROW = 0.17  # inches: a row of marks above the axes
_DASHES = ("-", (0, (6, 2)), (0, (3, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))


def _pick(table: pd.DataFrame, *, zoning: str, zone: str, space: str, measure: str) -> pd.DataFrame:
    """Return the rows of one zone, space and measure."""
    kept = table[
        (table["zoning"] == zoning)
        & (table["zone"] == zone)
        & (table["space"] == space)
        & (table["measure"] == measure)
    ]
    if kept.empty:
        raise ValueError(f"the curve has no rows for zoning '{zoning}', zone '{zone}', space '{space}', '{measure}'.")
    return kept


def _axes(sheet: Sheet, title: str, label: str, below: str, rows: int) -> Axes:
    """Write title, label and what is drawn, and return axes below them with room for `rows` rows of marks."""
    width = sheet.width - 1.0
    y = sheet.write(0.5, sheet.height - 0.35, title, width, size=15, bold=True)
    if label:
        y = sheet.write(0.5, y - 0.02, label, width, size=10)
    y = sheet.write(0.5, y - 0.04, below, width, size=10)
    axes = sheet.axes(_LEFT, _BOTTOM, sheet.width - _LEFT - _RIGHT, y - 0.2 - _ROW * rows - _BOTTOM)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e3e3e3", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9, color=MUTED)
    axes.yaxis.set_major_formatter(PercentFormatter())
    return axes


def _spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels apart so that neighbours are at least `gap` apart, as near as can be to where they belong."""
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    heights: list[float] = []
    for place in order:
        heights.append(max(wanted[place], heights[-1] + gap if heights else low))
    ceiling = high
    for place in reversed(range(len(heights))):
        heights[place] = min(heights[place], ceiling)
        ceiling = heights[place] - gap
    return [heights[order.index(place)] for place in range(len(wanted))]


def _label_ends(sheet: Sheet, axes: Axes, ends: Sequence[tuple[float, str, str, str]]) -> None:
    """Write at the right end of each line its name (bold) and what it means, none over another."""
    width, space = _RIGHT - 0.45, 0.08
    blocks = [
        (y, colour, sheet.wrapped(name, width, 9, True), sheet.wrapped(words, width, 8))
        for y, name, words, colour in ends
    ]
    height = axes.get_position().height * sheet.height
    top = axes.get_ylim()[1]
    tall = max((0.165 * len(name) + 0.145 * len(words) for _, _, name, words in blocks), default=0.0) + space
    middles = _spread([_BOTTOM + y / top * height for y, *_ in blocks], tall, _BOTTOM + tall / 2, _BOTTOM + height)
    x = sheet.width - _RIGHT
    for (y, colour, name, words), middle in zip(blocks, middles, strict=True):
        sheet.stroke([x + 0.02, x + 0.2], [_BOTTOM + y / top * height, middle], color=colour, linewidth=0.7)
        at = middle + (0.165 * len(name) + 0.145 * len(words)) / 2
        for line in name:
            put(sheet.page, x + 0.25, at - 0.13, line, size=9, bold=True, colour=colour)
            at -= 0.165
        for line in words:
            put(sheet.page, x + 0.25, at - 0.12, line, size=8, colour=MUTED)
            at -= 0.145


def _foot(sheet: Sheet, caption: Caption, notes: Sequence[str]) -> None:
    width = sheet.width - 1.0
    y = 1.1
    for note in notes:
        y = sheet.write(0.5, y, note, width, size=8, colour=MUTED)
    said = f"{caption.simulated} {caption.camera_line} {caption.obstacles_line}".rstrip()
    y = sheet.write(0.5, y - 0.03, said, width, size=8)
    y = sheet.write(0.5, y, CAVEAT, width, size=8)
    sheet.write(0.5, y, caption.source_line, width, size=8)


def _top(values: pd.Series) -> float:
    """Return a round upper end of the axis of shares."""
    largest = float(values.max())
    for top in (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0):
        if largest <= top:
            return top
    return 1.0


def curve_plot(
    path: str | os.PathLike[str],
    curve: pd.DataFrame,
    levels: Sequence[LevelLike],
    caption: Caption,
    *,
    zoning: str = "all",
    zone: str = "all",
    space: str = "streets_near_homes",
    measure: str = "area_m2",
    near_m: float = 50.0,
    dpi: int = 160,
) -> Path:
    """Draw the share in view against the share of homes that own a camera, a line per level; PNG or SVG by suffix.

    Parameters
    ----------
    path
        File to write.
    curve
        Table with the columns of curve.csv.
    levels
        The levels to draw, each a row set of `curve`.
    caption
        Place, camera, date, units.
    zoning, zone, space, measure
        Which rows of `curve`.
    near_m
        Within what distance of a home "near homes" is [m].
    dpi
        Pixels per inch.

    Raises
    ------
    ValueError
        If `curve` has no such rows, or none of a level.
    """
    rows = _pick(curve, zoning=zoning, zone=zone, space=space, measure=measure)
    sheet = Sheet(caption, dpi)
    title, label = caption.heading("How much would doorbell cameras have in view?")
    where = "" if zone == "all" else f", {clean(zone, 40)}"
    what = place_words(space, caption.units, near_m)
    axes = _axes(
        sheet, title, label, f"Share of {what} in view, if homes own a camera independently of each other{where}", 2
    )
    top = _top(rows[rows["level"].isin([level.name for level in levels])]["share_mean"])
    axes.set(xlim=(0, 1), ylim=(0, top))
    axes.xaxis.set_major_formatter(PercentFormatter())
    axes.set_xticks(np.linspace(0, 1, 11))
    axes.set_xlabel("Homes with a doorbell camera", fontsize=10)
    ends = []
    for place, level in enumerate(levels):
        line = rows[rows["level"] == level.name].sort_values("rate")
        if line.empty:
            raise ValueError(f"the curve has no rows for level '{level.name}'.")
        colour = LINE_COLOURS[place % len(LINE_COLOURS)]
        axes.plot(
            line["rate"],
            line["share_mean"],
            color=colour,
            linestyle=_DASHES[place % len(_DASHES)],
            linewidth=2,
            clip_on=False,
        )
        plain = clean(level.plain, 60) or PLAIN_NAMES.get(level.name, "")
        at_fifth = float(np.interp(0.2, line["rate"], line["share_mean"]))
        words = f"{plain}, up to {distance(level.range_m, caption.units)}; {percent(at_fifth)} in view at 20%"
        ends.append((float(line["share_mean"].iloc[-1]), clean(level.name, 30), words, colour))
    _mark_ownership(sheet, axes, top)
    _label_ends(sheet, axes, ends)
    _foot(sheet, caption, [OWNERSHIP_SOURCE])
    return save(sheet, path, caption, title)


def _mark_ownership(sheet: Sheet, axes: Axes, top: float) -> None:
    for rate, year in OWNERSHIP_MARKS:
        axes.plot([rate, rate], [0, top], color=INK, linewidth=0.9, linestyle=(0, (1, 2)), clip_on=False)
        for row, words in enumerate((f"{round(100 * rate)}%", year)):
            put(axes, rate, top + _above(sheet, axes, row, top), words, size=8, ha="center", va="bottom")


def _above(sheet: Sheet, axes: Axes, row: int, top: float) -> float:
    """Return how far above the axes a row of marks lies, in their units."""
    return (0.06 + _ROW * row) / (axes.get_position().height * sheet.height) * top


def range_plot(
    path: str | os.PathLike[str],
    range_curve: pd.DataFrame,
    levels: Sequence[LevelLike],
    caption: Caption,
    *,
    scenarios: Mapping[str, str] | None = None,
    zoning: str = "all",
    zone: str = "all",
    space: str = "streets_near_homes",
    measure: str = "area_m2",
    near_m: float = 50.0,
    dpi: int = 160,
) -> Path:
    """Draw the share in view against range, a line per ownership scenario, with the levels' ranges marked.

    Parameters
    ----------
    path
        File to write; PNG or SVG by suffix.
    range_curve
        Table with the columns of range_curve.csv.
    levels
        Levels to mark; those whose range lies outside the curve are left out.
    caption
        Place, camera, date, units.
    scenarios
        Which scenarios and what to call them; by default all by their own names, in order of their share.
    zoning, zone, space, measure
        Which rows.
    near_m
        Within what distance of a home "near homes" is [m].
    dpi
        Pixels per inch.

    Raises
    ------
    ValueError
        If `range_curve` has no such rows.
    """
    rows = _pick(range_curve, zoning=zoning, zone=zone, space=space, measure=measure)
    if scenarios is None:
        largest = rows.groupby("scenario")["share_mean"].max().sort_values(ascending=False, kind="stable")
        scenarios = {str(name): str(name).replace("_", " ") for name in largest.index}
    sheet = Sheet(caption, dpi)
    title, label = caption.heading("How does the share in view change with the range of the cameras?")
    unit = FEET_PER_METRE if caption.units == "us" else 1.0
    top = _top(rows[rows["scenario"].isin(list(scenarios))]["share_mean"])
    most = float(rows["range_m"].max())
    marks = _mark_rows(sheet, [level for level in levels if 0 < level.range_m <= most], most, caption)
    what = place_words(space, caption.units, near_m)
    axes = _axes(
        sheet,
        title,
        label,
        f"Share of {what} in view, by the range up to which a camera counts",
        1 + max((row for *_, row in marks), default=0),
    )
    axes.set(xlim=(0, most * unit), ylim=(0, top))
    axes.set_xlabel(f"Range [{'feet' if caption.units == 'us' else 'm'}]", fontsize=10)
    ends = []
    for place, (scenario, label) in enumerate(scenarios.items()):
        line = rows[rows["scenario"] == scenario].sort_values("range_m")
        if line.empty:
            raise ValueError(f"the range curve has no rows for scenario '{scenario}'.")
        colour = LINE_COLOURS[place % len(LINE_COLOURS)]
        axes.plot(
            line["range_m"] * unit,
            line["share_mean"],
            color=colour,
            linestyle=_DASHES[place % len(_DASHES)],
            linewidth=2,
            clip_on=False,
        )
        end = float(line["share_mean"].iloc[-1])
        words = f"{percent(end)} in view at {distance(most, caption.units)}"
        ends.append((end, clean(label, 40), words, colour))
    for range_m, words, row in marks:
        axes.plot([range_m * unit] * 2, [0, top], color=INK, linewidth=0.9, linestyle=(0, (1, 2)), clip_on=False)
        at = range_m * unit, top + _above(sheet, axes, row, top)
        put(axes, *at, words, size=8, ha="center", va="bottom")
    _label_ends(sheet, axes, ends)
    whose = "the model that sees farthest" if caption.mixed else "this camera"
    _foot(
        sheet,
        caption,
        [f"Dotted lines: the ranges of the levels for {whose}. A trigger has a field of view of its own."],
    )
    return save(sheet, path, caption, title)


def _mark_rows(
    sheet: Sheet, levels: Sequence[LevelLike], most: float, caption: Caption
) -> list[tuple[float, str, int]]:
    """Return range [m], words and row of each level's mark, the lowest row in which it covers no other."""
    metres_per_inch = most / (sheet.width - _LEFT - _RIGHT)
    ends: list[float] = []
    marks = []
    for level in sorted(levels, key=lambda item: item.range_m):
        words = f"{clean(level.name, 20)} {distance(level.range_m, caption.units)}"
        half = (sheet.text_width(words, 8) / 2 + 0.05) * metres_per_inch
        row = next((place for place, end in enumerate(ends) if level.range_m - half >= end), len(ends))
        ends[row : row + 1] = [level.range_m + half]
        marks.append((level.range_m, words, row))
    return marks
