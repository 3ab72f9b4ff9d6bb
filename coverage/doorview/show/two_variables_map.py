"""A map of two variables: zones coloured by their share in view and by an attribute, both in thirds of the homes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from doorview.errors import InputError
from doorview.show.drawing import Sheet, draw_lines, draw_polygons, north_arrow, put, save, scale_bar
from doorview.show.frame import Frame, within
from doorview.show.maps import (
    FOOT,
    HEAD,
    MARGIN,
    PANEL,
    MapData,
    draw_base,
    draw_boundary,
    draw_foot,
    map_frame,
    swatch,
)
from doorview.show.names import write_zones
from doorview.show.picture import Bounds
from doorview.show.style import INK, MUTED, PAGE
from doorview.show.text import clean, level_phrase, percent

__all__ = ["ECOLOGICAL", "TWO_COLOURS", "TwoVariables", "two_variables_map"]

ECOLOGICAL = "A share by zone is not a share of that group's people."
"""Stands on every picture and page that compares zones."""
TWO_COLOURS: tuple[tuple[str, ...], ...] = (
    ("#ececec", "#f2d27c", "#e8a100"),
    ("#a9cfe3", "#a9a58c", "#a8702a"),
    ("#4f9ac4", "#3d6480", "#1b1b1b"),
)
"""By row the share in view, by column the attribute, low to high. Both grow darker, one towards blue, one towards gold;
any two differ by at least 16 in CIE Lab for people without red, green or blue cones too (tests hold it)."""


@dataclass(frozen=True, eq=False)
class TwoVariables:
    """What such a map shows.

    Attributes
    ----------
    base
        Streets, ground, boundary, level, scenario and caption, as for any map.
    zones
        Polygons with ``name`` (untrusted), ``attribute`` and ``share``, and their thirds ``attribute_third`` and
        ``share_third``: 0, 1 ... of `thirds`; -1 where a variable has none.
    left_out
        Polygons that are not compared, with ``why``.
    label, unit
        Of the attribute, in words; untrusted.
    thirds
        How many classes the attribute and the share have: 2 or 3 each.
    part
        Under what ownership: "equal ownership: every home the same rate".
    """

    base: MapData
    zones: gpd.GeoDataFrame
    left_out: gpd.GeoDataFrame
    label: str
    unit: str
    thirds: tuple[int, int]
    part: str


def two_variables_map(path: str | os.PathLike[str], data: TwoVariables, *, dpi: int = 200) -> Path:
    """Draw the map and return its path; PNG or SVG by its suffix.

    Raises
    ------
    InputError
        If there is no zone to compare, or a variable has other than 2 or 3 classes.
    """
    if not len(data.zones) or not {*data.thirds} <= {2, 3}:
        raise InputError(
            f"a map of two variables needs zones and 2 or 3 classes of each variable, not {data.thirds} "
            f"over {len(data.zones)} zones: with fewer than four zones, or one value alone, there is none."
        )
    frame = map_frame(data.base, _bounds(data), dpi)
    draw_base(frame, data.base)
    _draw_zones(frame, data)
    outlined = draw_boundary(frame, data.base)
    write_zones(frame, data.zones)
    title = _head(frame.sheet, data)
    _panel(frame, data, outlined)
    draw_foot(frame, data.base)
    return save(frame.sheet, path, data.base.caption, title)


def _bounds(data: TwoVariables) -> Bounds:
    west, south, east, north = (float(value) for value in data.zones.total_bounds)
    margin = 0.03 * max(east - west, north - south, 50.0)
    return west - margin, south - margin, east + margin, north + margin


def _colour(row: int, column: int, thirds: tuple[int, int]) -> str:
    """Return the colour of a class of both; of two classes the outer ones."""
    return TWO_COLOURS[row if thirds[1] == 3 else 2 * row][column if thirds[0] == 3 else 2 * column]


def _draw_zones(frame: Frame, data: TwoVariables) -> None:
    shapes = data.zones.geometry.to_numpy()
    columns, rows = (data.zones[name].to_numpy(np.int64) for name in ("attribute_third", "share_third"))
    for column in range(data.thirds[0]):
        for row in range(data.thirds[1]):
            here = (columns == column) & (rows == row)
            draw_polygons(frame.axes, shapes[here], facecolor=_colour(row, column, data.thirds), linewidth=0)
    left = data.left_out.geometry.to_numpy()
    draw_polygons(frame.axes, left, facecolor=PAGE, linewidth=0)
    draw_polygons(frame.axes, left, facecolor="none", edgecolor="#00000055", linewidth=0, hatch="////")
    lines = within(data.base.faces, frame.bounds).geometry.to_numpy()
    draw_lines(frame.axes, lines, edgecolor="#ffffff88", linewidth=0.35)
    every = np.concatenate([left, shapes])
    draw_polygons(frame.axes, every, facecolor="none", edgecolor=PAGE, linewidth=1.4)
    draw_polygons(frame.axes, every, facecolor="none", edgecolor=MUTED, linewidth=0.6)


def _head(sheet: Sheet, data: TwoVariables) -> str:
    """Write what is asked and under what assumption; return the title."""
    label, caption, width = clean(data.label, 60), data.base.caption, sheet.width - 2 * MARGIN
    title, below = caption.heading(f"Who is more in view? {label[:1].upper()}{label[1:]} beside the share in view.")
    size = next((s for s in (15, 14, 13, 12, 11) if sheet.text_width(title, s, True) <= width), 10)
    y = sheet.write(MARGIN, sheet.height - (0.22 if below else 0.3), title, width, size=size, bold=True)
    if below:
        y = sheet.write(MARGIN, y - 0.02, below, width, size=9.5)
    scenario = clean(data.base.scenario, 150).rstrip(".")
    level = level_phrase(data.base.level, caption.units)
    sheet.write(MARGIN, y - 0.03, f"If {scenario}. In view means {level}.", width, size=9.5)
    return title


def _panel(frame: Frame, data: TwoVariables, outlined: bool) -> None:
    """Write legend and caveat from the top down, scale and north at the foot."""
    sheet, caption = frame.sheet, data.base.caption
    x, y = sheet.width - MARGIN - PANEL, sheet.height - HEAD
    y = sheet.write(x, y, f"Zones by {clean(data.label, 60)} and by the share in view of", PANEL, size=9, bold=True)
    y = sheet.write(x, y, clean(data.base.headline, 120), PANEL, size=9, bold=True)
    y = sheet.write(x, y - 0.02, f"{data.part[:1].upper()}{data.part[1:]}.", PANEL, size=8.5) - 0.08
    y = _square(sheet, data, x, y) - 0.1
    words = {2: "half", 3: "third"}
    each = words[data.thirds[0]] if data.thirds[0] == data.thirds[1] else "class"
    y = sheet.write(x, y, f"Each {each} holds about as many homes, as far as whole zones allow.", PANEL, size=8) - 0.04
    for why in dict.fromkeys(data.left_out["why"]):
        y = swatch(sheet, x, y, f"not compared: {clean(why, 80)}", hatch="//////")
    if outlined:
        y = swatch(sheet, x, y, "edge of the area that is counted", line=INK, dashed=True)
    y = sheet.write(x, y - 0.08, ECOLOGICAL, PANEL, size=9, bold=True)
    y = sheet.write(
        x, y - 0.02, "Zones are compared, not people: who lives in a zone may differ from its average.", PANEL, size=8
    )
    y = _figures(sheet, data, x, y - 0.1)
    y -= 0.06
    for line in sheet.wrapped(caption.camera_line, PANEL, 7.5):
        if y < FOOT + 0.7:  # scale and north stand below
            break
        y = sheet.write(x, y, line, PANEL + 0.1, size=7.5, colour=MUTED)
    scale_bar(sheet, x + 0.1, FOOT + 0.05, PANEL - 1.0, frame.metres_per_inch, caption.units)
    north_arrow(sheet, x + PANEL - 0.25, FOOT + 0.02)


def _square(sheet: Sheet, data: TwoVariables, x: float, y: float) -> float:
    """Draw the square of colours with the ends of the classes along its sides; return where it ends."""
    columns, rows = data.thirds
    left, side = x + 0.95, 1.35
    bottom = y - side
    for column in range(columns):
        for row in range(rows):
            place = left + column * side / columns, bottom + row * side / rows
            colour = _colour(row, column, data.thirds)
            sheet.patch(*place, side / columns, side / rows, facecolor=colour, edgecolor=PAGE, linewidth=0.8)
    for row, words in enumerate(_ends(data.zones["share"], data.zones["share_third"], rows, percents=True)):
        at = bottom + (row + 0.5) * side / rows
        put(sheet.page, left - 0.06, at, words, size=7.5, ha="right", va="center")
    for column, words in enumerate(_ends(data.zones["attribute"], data.zones["attribute_third"], columns)):
        at = left + (column + 0.5) * side / columns
        low, _, high = words.partition(" to ")
        put(sheet.page, at, bottom - 0.13, low, size=7, ha="center", va="baseline")
        if high:
            put(sheet.page, at, bottom - 0.25, f"to {high}", size=7, ha="center", va="baseline")
    put(sheet.page, x + 0.05, bottom + side / 2, "more in view →", size=8, rotation=90, ha="left", va="center")
    unit = f" [{clean(data.unit, 24)}]" if data.unit else ""
    lines = sheet.wrapped(f"more {clean(data.label, 60)}{unit} →", PANEL - 0.2, 8)
    for number, line in enumerate(lines):
        put(sheet.page, left + side / 2, bottom - 0.42 - 0.14 * number, line, size=8, ha="center", va="baseline")
    return bottom - 0.44 - 0.14 * (len(lines) - 1)


def _ends(values: npt.ArrayLike, thirds: npt.ArrayLike, number: int, *, percents: bool = False) -> Sequence[str]:
    """Return the range of values in each class, in words."""
    value, place = np.asarray(values, dtype=np.float64), np.asarray(thirds)
    words = []
    for third in range(number):
        here = value[place == third]
        if not here.size:
            words.append("no zone")
            continue
        low, high = float(here.min()), float(here.max())
        ends = (percent(low), percent(high)) if percents else (_short(low), _short(high))
        words.append(ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}")
    return words


def _short(value: float) -> str:
    """Return a number of at most four figures: ``56.3k``, ``1.2``."""
    size = abs(value)
    for unit, step in (("M", 1e6), ("k", 1e3)):
        if size >= 10 * step or (size >= step and unit == "M"):
            return f"{value / step:.3g}{unit}"
    return f"{value:,.4g}"


def _figures(sheet: Sheet, data: TwoVariables, x: float, y: float) -> float:
    """Write the shares of the whole place at each level, for none stands alone; return where they end."""
    if not data.base.figures:
        return y
    parts = [f"{clean(level.name, 30)} {percent(share)}" for level, share in data.base.figures]
    return sheet.write(x, y, f"Whole place in view: {', '.join(parts)}.", PANEL, size=8)
