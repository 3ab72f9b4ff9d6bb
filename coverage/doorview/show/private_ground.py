"""Whose ground cameras see: a bar for each level, and a map of front yards in view of other homes' cameras."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from doorview.show.drawing import PercentFormatter, Sheet, draw_polygons, put, save
from doorview.show.frame import meets
from doorview.show.maps import PANEL, MapData, draw_buildings, draw_foot, map_frame, swatch
from doorview.show.style import GROUND, MUTED, NONE_IN_VIEW, SHARE_COLOURS, breaks_for, class_labels, share_classes
from doorview.show.text import CAVEAT, Caption, LevelLike, clean, distance, level_phrase, percent
from doorview.show.theft_maps import close_panel, draw_above, draw_below, legend_of_base, panel_corner

__all__ = ["PARTS_SHOWN", "FrontYards", "front_yard_map", "view_plot"]

PARTS_SHOWN: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("Own land", ("own",), "#3f7f93"),
    ("Public: street", ("street",), "#8f8f8f"),
    ("Public: sidewalk", ("sidewalk",), "#bdbdbd"),
    ("Public: park and other", ("park", "other_public"), "#a9bf94"),
    ("Other homes' land", ("others_homes",), "#b3651a"),
    ("Other private or closed ground", ("other_private", "closed", "building"), "#e6cfae"),
)
"""Label, the parts of private_ground.csv that it adds up, colour."""
_LEFT, _RIGHT = 2.3, 0.6  # inches
_FEW = "#e8e8e8"


@dataclass(frozen=True, eq=False)
class FrontYards:
    """What a map of front yards shows.

    Attributes
    ----------
    base
        As for any map.
    yards
        (n,) polygons.
    share
        (n,) expected share of the front yards of the group of street blocks that each belongs to, 5 homes or more; NaN
        where none is published.
    figures
        Levels and the expected share of all front yards in view at each.
    streets
        Polygons of the streets' ground, drawn over the yards, which reach to the middle of the street.
    said
        How land is known.
    law
        What is said of the law in short, or None.
    """

    base: MapData
    yards: npt.NDArray[Any]
    share: npt.NDArray[np.float64]
    figures: tuple[tuple[LevelLike, float], ...]
    streets: npt.NDArray[Any]
    said: str
    law: str | None


def front_yard_map(path: str | os.PathLike[str], data: FrontYards, *, dpi: int = 200) -> Path:
    """Draw front yards by the chance that they are in view of another home's camera; PNG or SVG by the suffix."""
    frame = map_frame(data.base, None, dpi)
    base, caption = data.base, data.base.caption
    ground = draw_below(frame, base, outlined=False)
    inside = meets(data.yards, frame.bounds)
    yards, share = data.yards[inside], data.share[inside]
    breaks = breaks_for(data.share)
    known = ~np.isnan(share)
    classes = share_classes(share, breaks)
    look = {"edgecolor": "#8a8a8a", "linewidth": 0.15}
    draw_polygons(frame.axes, yards[~known], facecolor=_FEW, **look)
    draw_polygons(frame.axes, yards[known & (classes == 0)], facecolor=NONE_IN_VIEW, **look)
    for place, colour in enumerate(SHARE_COLOURS, start=1):
        draw_polygons(frame.axes, yards[known & (classes == place)], facecolor=colour, **look)
    draw_polygons(frame.axes, data.streets[meets(data.streets, frame.bounds)], facecolor=GROUND["street"], linewidth=0)
    draw_buildings(frame, base, outlined=False)
    outlined = draw_above(frame, base, ground, part=False)
    sheet = frame.sheet
    question = "How much of front yards would other homes' cameras have in view?"
    title, label = caption.heading(question)
    width = sheet.width - 0.8
    size = next((s for s in (15, 14, 13, 12, 11) if sheet.text_width(title, s, True) <= width), 10)
    y = sheet.write(0.4, sheet.height - 0.22, title, width, size=size, bold=True)
    if label:
        y = sheet.write(0.4, y - 0.02, label, width, size=9.5)
    scenario = clean(base.scenario, 150).rstrip(".")
    sheet.write(
        0.4, y - 0.03, f"If {scenario}. In view means {level_phrase(base.level, caption.units)}.", width, size=9.5
    )
    x, y = panel_corner(frame)
    y = _figures(sheet, data.figures, caption, x, y)
    y = sheet.write(
        x, y, f"Share of front yards in view, by street block ({clean(base.level.name, 30)})", PANEL, size=9, bold=True
    )
    y = swatch(sheet, x, y - 0.04, "none in view", fill=NONE_IN_VIEW)
    for colour, words in zip(SHARE_COLOURS, class_labels(breaks), strict=True):
        y = swatch(sheet, x, y, words, fill=colour)
    if (~known).any():
        y = swatch(sheet, x, y, "fewer than 5 homes, or not counted", fill=_FEW)
    y = legend_of_base(frame, base, ground, x, y, outlined=outlined)
    said = (
        "All yards of a group of street blocks with 5 homes or more have one colour: it says nothing of single homes. "
        "A home's own camera does not count. Front yard: private ground of the home nearer to a street than its "
        f"building. {clean(data.said, 300)} {clean(data.law or '', 200)} {caption.camera_line}"
    )
    close_panel(frame, base, said, x, y, part=False)
    draw_foot(frame, base)
    return save(sheet, path, caption, title)


def _figures(sheet: Sheet, figures: Sequence[tuple[LevelLike, float]], caption: Caption, x: float, y: float) -> float:
    """Write the share of all front yards at each level; return where they end."""
    y = sheet.write(x, y, "In view of others, of all front yards:", PANEL, size=9, bold=True) - 0.03
    for level, share in figures:
        put(sheet.page, x + 0.02, y - 0.17, percent(share), size=12, bold=True, va="baseline")
        name = f"{clean(level.name, 30)}, up to {distance(level.range_m, caption.units)}: {clean(level.plain, 60)}"
        indent = max(0.62, sheet.text_width(percent(share), 12, True) + 0.12)
        y = min(sheet.write(x + indent, y - 0.04, name, PANEL - indent, size=8), y - 0.22) - 0.03
    return y - 0.06


def view_plot(
    path: str | os.PathLike[str],
    table: pd.DataFrame,
    levels: Sequence[LevelLike],
    caption: Caption,
    *,
    scenario: str,
    said: str,
    law: str | None = None,
    dpi: int = 160,
) -> Path:
    """Draw what a camera sees by whose ground it is, a bar for each level.

    Parameters
    ----------
    path
        File to write; PNG or SVG by suffix.
    table
        Rows of private_ground.csv with ``what`` view, of one scenario and zone.
    levels
        Levels to draw, all in `table`, from above.
    caption
        Place, camera, date, units.
    scenario
        The ownership scenario as a clause that follows "If"; untrusted.
    said
        How land is known.
    law
        What is said of the law, or None.
    dpi
        Pixels per inch.

    Raises
    ------
    ValueError
        If the table holds several scenarios or zones, or lacks a level.
    """
    if len(table[["scenario", "zoning", "zone"]].drop_duplicates()) != 1:
        raise ValueError("the table of views holds several scenarios or zones (or no row): pick one.")
    value = table.set_index(["level", "part"])
    missing = [item.name for item in levels if item.name not in set(table["level"])]
    if missing:
        raise ValueError(f"the table of views has no rows for the levels {missing}.")
    sheet = Sheet(caption, dpi)
    width = sheet.width - 1.0
    title, label = caption.heading("Whose ground does a doorbell camera see?")
    y = sheet.write(0.5, sheet.height - 0.35, title, width, size=15, bold=True)
    if label:
        y = sheet.write(0.5, y - 0.02, label, width, size=10)
    below = f"All that cameras see at each level, over all owners' cameras, if {clean(scenario, 150).rstrip('.')}"
    y = sheet.write(0.5, y - 0.04, below, width, size=10) - 0.1
    y = _legend(sheet, y)
    bottom = _notes(sheet, caption, said, law)
    axes = sheet.axes(_LEFT, bottom, sheet.width - _LEFT - _RIGHT, y - 0.25 - bottom)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set(xlim=(0, 1), ylim=(len(levels) - 0.45, -0.55), yticks=[])
    axes.xaxis.set_major_formatter(PercentFormatter())
    axes.tick_params(labelsize=9, color=MUTED)
    inches = axes.get_position().height * sheet.height
    for row, level in enumerate(levels):
        _bar(sheet, axes, value.loc[level.name], row)
        middle = bottom + inches * (1 - (row + 0.55) / (len(levels) + 0.1))
        m2 = float(value.loc[level.name]["amount"].sum())
        area = f"{m2 / 0.09290304:,.0f} sq ft" if caption.units == "us" else f"{m2:,.0f} m²"
        put(sheet.page, 0.5, middle + 0.14, clean(level.name, 20), size=11, bold=True)
        words = f"{clean(level.plain, 60)}; to {distance(level.range_m, caption.units)}; {area} each"
        sheet.write(0.5, middle + 0.08, words, _LEFT - 0.65, size=8, colour=MUTED)
    return save(sheet, path, caption, title)


def _bar(sheet: Sheet, axes: Any, row: pd.DataFrame, place: int) -> None:
    """Draw one stacked bar, with the share in each part that has room for it."""
    left = 0.0
    inches = axes.get_position().width * sheet.width
    for _, parts, colour in PARTS_SHOWN:
        share = float(row.loc[list(parts), "share_mean"].sum())
        axes.barh(place, share, left=left, height=0.62, color=colour, edgecolor="white", linewidth=0.8)
        words = percent(share)
        if share > 0 and sheet.text_width(words, 9) + 0.08 < share * inches:
            dark = colour in ("#3f7f93", "#b3651a")
            put(
                axes,
                left + share / 2,
                place,
                words,
                size=9,
                colour="white" if dark else "#1a1a1a",
                ha="center",
                va="center",
            )
        left += share


def _legend(sheet: Sheet, y: float) -> float:
    """Write the parts with their colours, in rows; return where they end."""
    x = 0.5
    for label, _, colour in PARTS_SHOWN:
        width = 0.45 + sheet.text_width(label, 9) + 0.25
        if x + width > sheet.width - 0.4:
            x, y = 0.5, y - 0.24
        sheet.patch(x, y - 0.16, 0.32, 0.14, facecolor=colour, edgecolor="#8f8f8c", linewidth=0.5)
        put(sheet.page, x + 0.4, y - 0.14, label, size=9, va="baseline")
        x += width
    return y - 0.24


def _notes(sheet: Sheet, caption: Caption, said: str, law: str | None) -> float:
    """Write the small print from the foot up; return where the axes may begin [inches]."""
    width = sheet.width - 1.0
    notes = [
        f"{clean(said, 300)} Own land is all private ground of a home's lot, driveways too; doors of one lot share it.",
        *([clean(law, 600)] if law else []),
        f"{caption.simulated} {caption.camera_line} {caption.obstacles_line}".rstrip(),
        CAVEAT,
        caption.source_line,
    ]
    lines = [line for note in notes for line in sheet.wrapped(note, width, 8)]
    step = 1.32 * 8 / 72
    y = 0.2 + step * len(lines)
    begin = y + 0.45
    for line in lines:
        y -= step
        put(sheet.page, 0.5, y, line, size=8)
    return begin
