"""Maps of ways on foot: a way coloured by its chance of being in view, and every street's exposure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.ops import substring

from doorview.show.drawing import Sheet, draw_lines, north_arrow, put, save, scale_bar
from doorview.show.frame import Frame, meets, within
from doorview.show.maps import (
    FOOT,
    GROUND_LABELS,
    HEAD,
    MARGIN,
    PANEL,
    MapData,
    draw_base,
    draw_boundary,
    draw_buildings,
    map_frame,
    map_inches,
    swatch,
)
from doorview.show.names import write_ground, write_streets
from doorview.show.picture import Bounds
from doorview.show.style import (
    BREAKS,
    BUILDING,
    GROUND,
    GROUND_EDGES,
    INK,
    MUTED,
    NONE_IN_VIEW,
    PAGE,
    SHARE_COLOURS,
    breaks_for,
    class_labels,
    share_classes,
)
from doorview.show.text import CAVEAT, SMALLEST_COUNT, Caption, clean, distance, level_phrase, percent

__all__ = [
    "KIND_COLOURS",
    "KIND_WORDS",
    "NOT_ADVICE",
    "DrawnWay",
    "LevelFigures",
    "RouteData",
    "exposure_map",
    "route_map",
    "way_lines",
]

NOT_ADVICE = "Owners are simulated: this says nothing about a real street, and is not safety advice."
KIND_WORDS = {"shortest": "Shortest way", "least_in_view": "Way least in view"}
KIND_COLOURS = {"shortest": INK, "least_in_view": "#b3371a"}
_SMALLEST_M = 250.0
"""Least height of the window [m]."""


@dataclass(frozen=True)
class LevelFigures:
    """A way at one level: expected share in view, doorbells (None: not told), chance of arriving unseen."""

    level: str
    share: float
    doorbells: float | None
    unseen: float


@dataclass(frozen=True, eq=False)
class DrawnWay:
    """One way: what kind, its line [m], its length, `profile` (`begin_m`, `end_m`, a chance by level), its figures."""

    kind: str
    line: shapely.LineString
    length_m: float
    profile: pd.DataFrame
    figures: tuple[LevelFigures, ...]


@dataclass(frozen=True, eq=False)
class RouteData:
    """What pictures of a way show.

    Attributes
    ----------
    base
        Streets, buildings, ground, level, scenario and caption, as for any map.
    label, origin, destination
        What the way and its ends are called; untrusted.
    ways
        The shortest, and the one least in view where it is another.
    same
        The way least in view is the shortest.
    cap
        The way least in view is at most this times as long as the shortest.
    known
        What is said besides, of known cameras and of ground beyond the counted area; may be empty.
    """

    base: MapData
    label: str
    origin: str
    destination: str
    ways: tuple[DrawnWay, ...]
    same: bool
    cap: float
    known: str = ""


def route_map(path: str | os.PathLike[str], data: RouteData, *, dpi: int = 200) -> Path:
    """Draw a way and its alternative over the streets; return the map's path, PNG or SVG by its suffix."""
    base = data.base
    frame = map_frame(base, _window(data), dpi)
    ground = draw_base(frame, base)
    draw_buildings(frame, base, outlined=True)
    lines = within(base.faces, frame.bounds).geometry.to_numpy()
    draw_lines(frame.axes, lines, edgecolor="#bdbdbd", linewidth=0.5)
    draw_boundary(frame, base)
    chance = np.concatenate([way.profile[base.level.name].to_numpy() for way in data.ways])
    breaks = breaks_for(chance)
    aside = 0.0 if len(data.ways) == 1 else 2.6 / 72 * frame.metres_per_inch
    taken = []
    for way, side in zip(data.ways, (-aside, aside), strict=False):
        _draw_way(frame, way, base.level.name, breaks, side)
        taken.append(shapely.buffer(way.line, 0.1 * frame.metres_per_inch))
    taken += _draw_ends(frame, data)
    taken = write_streets(frame, base.faces, taken, most=24, all_streets=True)
    write_ground(frame, ground, taken)
    title, label = base.caption.heading(
        f"{clean(data.label, 60)}: how much would doorbell cameras have in view?", part=True
    )
    _head(frame.sheet, title, label, _if(base))
    x, y = frame.sheet.width - MARGIN - PANEL, frame.sheet.height - HEAD
    for way in data.ways:
        y = _figures(frame.sheet, way, base, x, y) - 0.06
    said = (
        "In view: expected part of the way. Doorbells: expected number of different ones that see any of it. Unseen: "
        "chance that none sees any of it."
    )
    y = frame.sheet.write(x, y, said, PANEL, size=7.5, colour=MUTED) - 0.06
    if data.same:
        words = f"No way up to {data.cap:g} times as long is less in view."
        y = frame.sheet.write(x, y, words, PANEL, size=8) - 0.06
    y = _legend(frame, base, breaks, x, y, "Chance that a spot of the way is in view")
    y = _legend_of_ground(frame, ground, x, y)
    if data.known:
        y = frame.sheet.write(x, y - 0.05, clean(data.known, 300), PANEL, size=7.5, colour=MUTED)
    frame.sheet.write(x, y - 0.05, base.caption.camera_line, PANEL, size=7.5, colour=MUTED)
    _close(frame, base.caption)
    return save(frame.sheet, path, base.caption, title)


def exposure_map(
    path: str | os.PathLike[str],
    base: MapData,
    streets: gpd.GeoDataFrame,
    figures: Sequence[tuple[str, float]] = (),
    *,
    window: Bounds | None = None,
    dpi: int = 200,
) -> Path:
    """Draw every street and path by the expected share of a walk along it that is in view.

    `streets` has a column `share`; `figures`: levels and the share over all streets at each, none alone.
    """
    frame = map_frame(base, window, dpi)
    ground = draw_base(frame, base)
    draw_buildings(frame, base, outlined=False)
    values = streets["share"].to_numpy(np.float64)
    breaks = breaks_for(values)
    inside = meets(streets.geometry.to_numpy(), frame.bounds)
    lines, values = streets.geometry.to_numpy()[inside], values[inside]
    _draw_classes(frame, lines, values, breaks, frame.width_points(8, 1.2, 4.0))
    draw_boundary(frame, base)
    taken = write_streets(frame, base.faces, [], most=16, all_streets=frame.metres_per_inch / dpi < 1.5)
    write_ground(frame, ground, taken)
    title, label = base.caption.heading("How much of a walk would doorbell cameras have in view?")
    _head(frame.sheet, title, label, _if(base))
    x, y = frame.sheet.width - MARGIN - PANEL, frame.sheet.height - HEAD
    if figures:
        y = (
            frame.sheet.write(x, y, "Part of all streets and paths in view, by length:", PANEL, size=9, bold=True)
            - 0.03
        )
        for level, share in figures:
            put(frame.sheet.page, x + 0.02, y - 0.17, percent(share), size=12, bold=True, va="baseline")
            indent = max(0.62, frame.sheet.text_width(percent(share), 12, True) + 0.12)
            y = min(frame.sheet.write(x + indent, y - 0.03, clean(level, 80), PANEL - indent, size=8.5), y - 0.2) - 0.03
        y -= 0.08
    y = _legend(frame, base, breaks, x, y, "Share of a walk along each street or path in view")
    if np.isnan(values).any():
        y = swatch(frame.sheet, x, y, "too few homes: not shown", line="#bbbbbb", dashed=True)
    y = _legend_of_ground(frame, ground, x, y)
    said = (
        "Both directions together, on the walker's side of the street. Streets with fewer than 5 homes carry the "
        "figure of a group with neighbours. Underpasses and roofed ways count as not in view."
    )
    y = frame.sheet.write(x, y - 0.05, said, PANEL, size=7.5, colour=MUTED)
    frame.sheet.write(x, y - 0.05, base.caption.camera_line, PANEL, size=7.5, colour=MUTED)
    _close(frame, base.caption)
    return save(frame.sheet, path, base.caption, title)


def _window(data: RouteData) -> Bounds:
    """Return the window that holds all ways, in the shape of the map."""
    west, south, east, north = shapely.total_bounds(np.array([way.line for way in data.ways], dtype=object))
    width, height = map_inches(Sheet(data.base.caption))
    margin = 0.12 * max(east - west, north - south, 0.6 * _SMALLEST_M)
    high = max(north - south + 2 * margin, (east - west + 2 * margin) * height / width, _SMALLEST_M)
    x, y = (west + east) / 2, (south + north) / 2
    wide = high * width / height
    return float(x - wide / 2), float(y - high / 2), float(x + wide / 2), float(y + high / 2)


def way_lines(way: DrawnWay, level: str, breaks: tuple[float, ...]) -> list[tuple[shapely.LineString, int]]:
    """Return the stretches of a way that fall into one class of chance, with the class (0: none)."""
    classes = share_classes(way.profile[level].to_numpy(np.float64), breaks)
    if not len(classes):
        return []
    cuts = np.flatnonzero(np.diff(classes)) + 1
    first, last = np.concatenate([[0], cuts]), np.concatenate([cuts, [len(classes)]]) - 1
    begin, end = way.profile["begin_m"].to_numpy(), way.profile["end_m"].to_numpy()
    return [
        (substring(way.line, float(begin[low]), float(end[high])), int(classes[low]))
        for low, high in zip(first, last, strict=True)
    ]


def _draw_way(frame: Frame, way: DrawnWay, level: str, breaks: tuple[float, ...], aside: float) -> None:
    """Draw a way beside its line, edged in the colour of its kind."""

    def beside(line: shapely.LineString) -> shapely.Geometry:
        return line if aside == 0 else shapely.offset_curve(line, aside, join_style="mitre")

    whole = np.array([beside(way.line)], dtype=object)
    draw_lines(frame.axes, whole, edgecolor=KIND_COLOURS[way.kind], linewidth=5.0)
    draw_lines(frame.axes, whole, edgecolor=PAGE, linewidth=3.6)
    pieces = way_lines(way, level, breaks)
    for number, colour in enumerate((NONE_IN_VIEW, *SHARE_COLOURS)):
        mine = np.array([beside(line) for line, of in pieces if of == number and line.length > 0], dtype=object)
        draw_lines(frame.axes, mine, edgecolor=colour, linewidth=3.4, capstyle="butt")


def _draw_ends(frame: Frame, data: RouteData) -> list[shapely.Geometry]:
    """Draw where the way begins and ends, with names; return the ground that they take."""
    line = data.ways[0].line
    taken: list[shapely.Geometry] = []
    west, _, east, _ = frame.bounds
    for at, letter, name in ((0, "A", data.origin), (-1, "B", data.destination)):
        x, y = shapely.get_coordinates(line)[at]
        frame.axes.plot([x], [y], marker="o", markersize=12, color=INK, markeredgecolor=PAGE, zorder=5)
        put(frame.axes, x, y, letter, size=8, bold=True, colour=PAGE, ha="center", va="center", zorder=6)
        text = clean(name, 40)
        inch = frame.metres_per_inch
        half = frame.sheet.text_width(text, 8, True) * inch / 2
        # Above the spot where the way leaves it downward, else below.
        further = shapely.get_coordinates(shapely.line_interpolate_point(line, 0.95 if at else 0.05, normalized=True))[
            0
        ]
        height = y + (0.22 if further[1] <= y else -0.22) * inch
        middle = float(np.clip(x, west + half + 0.08 * inch, east - half - 0.08 * inch))
        label = put(frame.axes, middle, height, text, size=8, bold=True, ha="center", va="center", zorder=6)
        label.set_bbox({"facecolor": PAGE, "edgecolor": "none", "alpha": 0.85, "pad": 1.0})
        taken.append(shapely.box(middle - half, height - 0.09 * inch, middle + half, height + 0.09 * inch))
    return taken


def _draw_classes(frame: Frame, lines: np.ndarray, values: np.ndarray, breaks: tuple[float, ...], width: float) -> None:
    known = ~np.isnan(values)
    classes = share_classes(values, breaks)
    draw_lines(frame.axes, lines[~known], edgecolor="#c4c4c4", linewidth=0.4 * width, linestyle=(0, (2, 2)))
    draw_lines(frame.axes, lines[known & (classes == 0)], edgecolor=NONE_IN_VIEW, linewidth=0.55 * width)
    light = known & ((classes == 1) | (classes == 2))
    draw_lines(frame.axes, lines[light], edgecolor="#8a8a8a", linewidth=width + 0.4)
    for place, colour in enumerate(SHARE_COLOURS, start=1):
        draw_lines(frame.axes, lines[known & (classes == place)], edgecolor=colour, linewidth=width)


def _if(base: MapData) -> str:
    scenario = clean(base.scenario, 150).rstrip(".")
    return f"If {scenario}. In view means {level_phrase(base.level, base.caption.units)}."


def _head(sheet: Sheet, title: str, label: str, below: str) -> None:
    width = sheet.width - 2 * MARGIN
    size = next((s for s in (15, 14, 13, 12, 11) if sheet.text_width(title, s, True) <= width), 10)
    y = sheet.write(MARGIN, sheet.height - (0.22 if label else 0.3), title, width, size=size, bold=True)
    if label:
        y = sheet.write(MARGIN, y - 0.02, label, width, size=9.5)
    sheet.write(MARGIN, y - 0.03, below, width, size=9.5)


def _figures(sheet: Sheet, way: DrawnWay, base: MapData, x: float, y: float) -> float:
    """Write a way's figures at all levels, none alone; return where they end."""
    units = base.caption.units
    sheet.patch(x, y - 0.16, 0.11, 0.13, facecolor=KIND_COLOURS[way.kind], edgecolor="none")
    lead = f"{KIND_WORDS[way.kind]}: {distance(way.length_m, units)}"
    y = sheet.write(x + 0.18, y, lead, PANEL - 0.18, size=10, bold=True) - 0.02
    columns = (0.0, 0.85, 1.36, 2.02)
    for at, word in zip(columns, ("level", "in view", "doorbells", "unseen"), strict=True):
        put(sheet.page, x + at, y - 0.13, word, size=7.5, colour=MUTED)
    y -= 0.17
    for item in way.figures:
        bells = f"of under {SMALLEST_COUNT}" if item.doorbells is None else _doorbells(item.doorbells)
        cells = (clean(item.level, 14), percent(item.share), bells, percent(item.unseen))
        for number, (at, word) in enumerate(zip(columns, cells, strict=True)):
            put(sheet.page, x + at, y - 0.14, word, size=8.5, bold=number == 1)
        y -= 0.18
    return y


def _doorbells(number: float) -> str:
    return f"{number:.1f}" if number < 9.95 else f"{number:,.0f}"


def _legend(frame: Frame, base: MapData, breaks: tuple[float, ...], x: float, y: float, what: str) -> float:
    sheet = frame.sheet
    y = sheet.write(x, y, f"{what} ({clean(base.level.name, 30)})", PANEL, size=9, bold=True) - 0.04
    y = swatch(sheet, x, y, "none in view", line=NONE_IN_VIEW)
    for colour, label in zip(SHARE_COLOURS, class_labels(breaks), strict=True):
        y = swatch(sheet, x, y, label, line=colour)
    if breaks != BREAKS:
        y = sheet.write(x, y - 0.02, "Finer classes than on other maps: little is in view.", PANEL, size=7.5) - 0.04
    return y


def _legend_of_ground(frame: Frame, ground: dict[str, gpd.GeoDataFrame], x: float, y: float) -> float:
    rows: Sequence[tuple[str, str, str]] = [
        ("building", BUILDING, "#8f8f8c"),
        *((GROUND_LABELS[kind], GROUND[kind], GROUND_EDGES[kind]) for kind in ground),
    ]
    for left in range(0, len(rows), 2):
        ends = [
            swatch(frame.sheet, x + place * PANEL / 2, y, label, fill=fill, edge=edge, width=PANEL / 2)
            for place, (label, fill, edge) in enumerate(rows[left : left + 2])
        ]
        y = min(ends)
    return y


def _close(frame: Frame, caption: Caption) -> None:
    """Draw scale, north and what no picture goes without, the caveat of routes first."""
    sheet = frame.sheet
    scale_bar(sheet, sheet.width - MARGIN - PANEL + 0.1, FOOT + 0.05, PANEL - 1.0, frame.metres_per_inch, caption.units)
    north_arrow(sheet, sheet.width - MARGIN - 0.25, FOOT + 0.02)
    width = sheet.width - 2 * MARGIN
    y = sheet.write(MARGIN, FOOT - 0.12, f"{NOT_ADVICE} Made with doorview.", width, size=8.5, bold=True)
    obstacles = f" {caption.obstacles_line}" if caption.obstacles_line else ""
    y = sheet.write(MARGIN, y, f"{caption.simulated}{obstacles}", width, size=8)
    y = sheet.write(MARGIN, y, CAVEAT, width, size=8)
    sheet.write(MARGIN, y, caption.source_line, width, size=8)
