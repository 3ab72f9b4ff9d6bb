"""A map of walks, planned or recorded, coloured by the chance of being in view: for notebooks and single files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from doorview.show.drawing import draw_lines, north_arrow, put, save, scale_bar
from doorview.show.frame import within
from doorview.show.maps import (
    FOOT,
    HEAD,
    MARGIN,
    PANEL,
    MapData,
    draw_base,
    draw_buildings,
    draw_foot,
    map_frame,
    map_inches,
    swatch,
)
from doorview.show.names import write_ground, write_streets
from doorview.show.picture import Bounds
from doorview.show.style import INK, MUTED, NONE_IN_VIEW, PAGE, SHARE_COLOURS, breaks_for, class_labels, share_classes
from doorview.show.text import clean, level_phrase

__all__ = ["WALK_COLOURS", "WalkMapData", "walk_map"]

WALK_COLOURS: tuple[str, ...] = ("#1a1a1a", "#b3371a", "#3f7f93", "#8a2f5c", "#6b7a2c")
"""Edges that tell walks apart; the colour within is the chance of being in view."""
_SMALLEST_M = 200.0
"""Least height of the window [m]."""


@dataclass(frozen=True, eq=False)
class WalkMapData:
    """What a map of walks shows.

    Attributes
    ----------
    base
        Streets, buildings, ground, level, scenario and caption, as for any map.
    title
        The question, of plain words; untrusted parts of it are cleaned by its maker.
    stretches
        LineStrings with `walk` (its label, untrusted) and `chance` (of being in view).
    said
        Figures of each walk, in its order of labels: lines of text.
    note
        What no such map goes without, in sentences.
    ends
        Spots [m] with a letter each, where walks begin and end; none for recorded tracks, which may begin at a home.

    """

    base: MapData
    title: str
    stretches: gpd.GeoDataFrame
    said: dict[str, tuple[str, ...]]
    note: str
    ends: tuple[tuple[float, float, str], ...] = ()


def walk_map(path: str | os.PathLike[str], data: WalkMapData, *, dpi: int = 200) -> Path:
    """Draw walks over the streets; return the map's path, PNG or SVG by its suffix."""
    base, stretches = data.base, data.stretches
    frame = map_frame(base, _window(data, dpi), dpi)
    sheet = frame.sheet
    ground = draw_base(frame, base)
    draw_buildings(frame, base, outlined=True)
    draw_lines(frame.axes, within(base.faces, frame.bounds).geometry.to_numpy(), edgecolor="#bdbdbd", linewidth=0.5)
    chance = stretches["chance"].to_numpy(np.float64)
    breaks = breaks_for(chance)
    classes = share_classes(chance, breaks)
    labels = list(data.said)
    for place, label in enumerate(labels):
        mine = (stretches["walk"] == label).to_numpy()
        aside = (place - (len(labels) - 1) / 2) * 5.2 / 72 * frame.metres_per_inch if len(labels) <= 3 else 0.0
        whole = shapely.line_merge(shapely.union_all(stretches.geometry.to_numpy()[mine]))
        edge = np.array([shapely.offset_curve(part, -aside) for part in shapely.get_parts(whole)], dtype=object)
        draw_lines(frame.axes, edge, edgecolor=WALK_COLOURS[place % len(WALK_COLOURS)], linewidth=5.0)
        draw_lines(frame.axes, edge, edgecolor=PAGE, linewidth=3.6)
        for number, colour in enumerate((NONE_IN_VIEW, *SHARE_COLOURS)):
            lines = stretches.geometry.to_numpy()[mine & (classes == number)]
            moved = np.array([shapely.offset_curve(line, -aside) for line in lines], dtype=object)
            draw_lines(frame.axes, moved, edgecolor=colour, linewidth=3.4, capstyle="butt")
    for x, y, letter in data.ends:
        frame.axes.plot([x], [y], marker="o", markersize=12, color=INK, markeredgecolor=PAGE, zorder=5)
        put(frame.axes, x, y, letter, size=8, bold=True, colour=PAGE, ha="center", va="center", zorder=6)
    taken = [shapely.buffer(line, 0.08 * frame.metres_per_inch) for line in stretches.geometry.to_numpy()]
    taken = write_streets(frame, base.faces, taken, most=24, all_streets=True)
    write_ground(frame, ground, taken)
    title, label = base.caption.heading(data.title, part=True)
    width = sheet.width - 2 * MARGIN
    size = next((s for s in (15, 14, 13, 12, 11) if sheet.text_width(title, s, True) <= width), 10)
    y = sheet.write(MARGIN, sheet.height - (0.22 if label else 0.3), title, width, size=size, bold=True)
    if label:
        y = sheet.write(MARGIN, y - 0.02, label, width, size=9.5)
    scenario = clean(base.scenario, 150).rstrip(".")
    below = f"If {scenario}. In view means {level_phrase(base.level, base.caption.units)}."
    sheet.write(MARGIN, y - 0.03, below, width, size=9.5)
    x, y = sheet.width - MARGIN - PANEL, sheet.height - HEAD
    for place, (name, lines) in enumerate(data.said.items()):
        sheet.patch(x, y - 0.16, 0.11, 0.13, facecolor=WALK_COLOURS[place % len(WALK_COLOURS)], edgecolor="none")
        y = sheet.write(x + 0.18, y, clean(name, 50), PANEL - 0.18, size=10, bold=True) - 0.02
        for line in lines:
            y = sheet.write(x, y, clean(line, 200), PANEL, size=8) - 0.01
        y -= 0.06
    y = (
        sheet.write(x, y, f"Chance that a spot is in view ({clean(base.level.name, 30)})", PANEL, size=9, bold=True)
        - 0.04
    )
    y = swatch(sheet, x, y, "none in view", line=NONE_IN_VIEW)
    for colour, words in zip(SHARE_COLOURS, class_labels(breaks), strict=True):
        y = swatch(sheet, x, y, words, line=colour)
    y = sheet.write(x, y - 0.05, data.note, PANEL, size=8, bold=True)
    sheet.write(x, y - 0.05, base.caption.camera_line, PANEL, size=7.5, colour=MUTED)
    scale_bar(sheet, x + 0.1, FOOT + 0.05, PANEL - 1.0, frame.metres_per_inch, base.caption.units)
    north_arrow(sheet, sheet.width - MARGIN - 0.25, FOOT + 0.02)
    draw_foot(frame, base)
    return save(sheet, path, base.caption, title)


def _window(data: WalkMapData, dpi: int) -> Bounds:
    """Return the window that holds all walks."""
    west, south, east, north = shapely.total_bounds(data.stretches.geometry.to_numpy())
    width, height = map_inches(map_frame(data.base, None, dpi).sheet)
    margin = 0.1 * max(east - west, north - south, _SMALLEST_M)
    high = max(north - south + 2 * margin, (east - west + 2 * margin) * height / width, _SMALLEST_M)
    x, y = (west + east) / 2, (south + north) / 2
    return (
        float(x - high * width / height / 2),
        float(y - high / 2),
        float(x + high * width / height / 2),
        float(y + high / 2),
    )
