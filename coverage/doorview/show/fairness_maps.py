"""Who is in view, by zone: a map with bars by whose doors, and what a programme changes, around 0.

The figures are of zones: a share by zone is not a share of that group's people, and each picture says so.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import Formatter

from doorview.show.drawing import PercentFormatter, Sheet, draw_lines, draw_polygons, north_arrow, put, save, scale_bar
from doorview.show.frame import Frame, within
from doorview.show.maps import FOOT, HEAD, MARGIN, MapData, draw_base, draw_boundary, draw_foot, map_frame, swatch
from doorview.show.names import write_zones
from doorview.show.style import INK, MUTED, PAGE, SHARE_COLOURS, breaks_for, class_labels, share_classes
from doorview.show.text import clean, level_phrase

__all__ = ["CHANGE_COLOURS", "SIDE_COLOURS", "FairnessData", "change_map", "zone_bars_map"]

SIDE_COLOURS: tuple[str, ...] = ("#10284f", "#3f7f93", "#dcb84e")
"""In view from doors in the zone alone, from inside and outside, from outside alone: from dark to light in grey too."""
CHANGE_COLOURS: tuple[str, ...] = ("#2f6690", "#6d9cbd", "#c4d9e6", "#f1f0ec", "#f5d3ba", "#e39a6b", "#a8441c")
"""From less to more in view, the middle is no change: blue to orange, which colour-blind people tell apart."""
MOST_BARS = 20
_SIDES = ("share_inside_only", "share_both", "share_outside_only")
_SIDE_WORDS = ("from doors in the zone alone", "from doors inside and outside", "from doors outside alone")
_NONE = "#e9e9e7"
_HATCH = "////"
_MAP = 5.0  # inches, as the other measures here
_LEGEND, _GAP, _NAME, _MOST_BAR = 1.35, 0.25, 1.75, 0.46
_STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True, eq=False)
class FairnessData:
    """What a picture by zone shows.

    Attributes
    ----------
    base
        Streets, ground, boundary and caption, level and scenario, as for any map.
    zones
        Polygons with ``zone`` and ``name``; both untrusted.
    table
        Rows of one zoning, scenario, level and space of fairness.csv (of fairness_change.csv for `change_map`), with
        ``zone``.
    ground
        What the shares are shares of, in words.
    caveat
        The sentence that stands wherever zones are compared.
    """

    base: MapData
    zones: gpd.GeoDataFrame
    table: pd.DataFrame
    ground: str
    caveat: str


def zone_bars_map(path: str | os.PathLike[str], data: FairnessData, *, dpi: int = 200) -> Path:
    """Draw the share of each zone in view, on a map and in bars by whose doors; return the path, PNG or SVG.

    Bars are in order of the share; of more than 20 zones the 10 highest and the 10 lowest. Thick lines are the range of
    chance, thin ones that of the assumptions.
    """
    table = data.table[data.table["share_mean"].notna()]
    breaks = breaks_for(table["share_mean"].to_numpy(np.float64))

    def colour(row: pd.Series) -> str | None:
        if pd.isna(row["share_mean"]) or row["share_mean"] <= 0:
            return None
        return SHARE_COLOURS[int(share_classes(np.array([row["share_mean"]]), breaks)[0]) - 1]

    frame, title, top = _page(data, "Where is how much in view, and from whose doors?", dpi)
    _draw_zones(frame, data, colour, lambda row: bool(row["under_100_cells"]))
    x, y = MARGIN, FOOT + _LEGEND
    y = frame.sheet.write(x, y, f"Share of {data.ground} in view", _MAP, size=8.5, bold=True) - 0.02
    labels = list(zip(SHARE_COLOURS, class_labels(breaks), strict=True))
    labels.append((_NONE, "nothing in view, or no such ground"))
    _legend(frame, x, y, labels, "under 100 cells: small, read with care" if _any(table, "under_100_cells") else None)
    shown, left_out = _most_and_least(table, "share_mean")
    axes, y = _bars(frame, data, shown, top, f"Share of {data.ground} in view, by whose doors")
    _draw_sides(axes, shown)
    x = _bars_left() - _NAME
    for side, words in zip(SIDE_COLOURS, _SIDE_WORDS, strict=True):
        y = swatch(frame.sheet, x, y, words, fill=side)
    said = _intervals_words(shown)
    if left_out:
        said = f"{said} The {MOST_BARS // 2} highest and {MOST_BARS // 2} lowest of {len(table):,} zones."
    _write_below(frame.sheet, data, x, y - 0.02, said)
    draw_foot(frame, data.base)
    return save(frame.sheet, path, data.base.caption, title)


def change_map(path: str | os.PathLike[str], data: FairnessData, *, programme: str, dpi: int = 200) -> Path:
    """Draw how much more or less of each zone is in view, around 0; hatched where chance alone may do it.

    Parameters
    ----------
    path
        File to write, PNG or SVG.
    data
        With rows of fairness_change.csv.
    programme
        What is compared with what, as a sentence; untrusted.
    dpi
        Pixels per inch.
    """
    table = data.table
    step = _step(table["change_mean"].to_numpy(np.float64))
    ends = step * np.array([-5.0, -2.0, -0.5, 0.5, 2.0, 5.0]) / 5.0

    def colour(row: pd.Series) -> str | None:
        change = float(row["change_mean"])
        # A class holds its end that is nearer to 0.
        place = int(np.searchsorted(ends, change, side="left" if change > 0 else "right"))
        return CHANGE_COLOURS[place]

    frame, title, top = _page(data, "Where is more in view, and where less?", dpi, programme)
    _draw_zones(frame, data, colour, lambda row: row["in_view"] == "open")
    x, y = MARGIN, FOOT + _LEGEND
    y = frame.sheet.write(x, y, f"Change of the share of {data.ground} in view", _MAP, size=8.5, bold=True) - 0.02
    labels = list(zip(CHANGE_COLOURS, _change_labels(ends), strict=True))
    if len(data.zones) > len(table):
        labels.append((_NONE, "no such ground"))
    _legend(frame, x, y, labels, "the interval of chance holds 0" if (table["in_view"] == "open").any() else None)
    shown, left_out = _most_and_least(table, "change_mean")
    axes, y = _bars(frame, data, shown, top, "Change in percentage points")
    axes.xaxis.set_major_formatter(_Points())
    _draw_change(axes, shown, colour)
    x = _bars_left() - _NAME
    words = (
        "Bars: the expected change; lines: 5% to 95% over chance alone, which homes happen to own a "
        "camera, the same homes before and after. More or less in view is neither good nor bad by itself."
    )
    if left_out:
        words += f" The {MOST_BARS // 2} highest and {MOST_BARS // 2} lowest of {len(table):,} zones."
    _write_below(frame.sheet, data, x, y, words)
    draw_foot(frame, data.base)
    return save(frame.sheet, path, data.base.caption, title)


class _Points(Formatter):
    """Ticks in percentage points, with their sign."""

    def __call__(self, x: float, pos: int | None = None) -> str:  # noqa: ARG002 - matplotlib's signature
        """Return the label of a tick at the change `x`."""
        return "0" if x == 0 else f"{100 * x:+.10g}"


def _any(table: pd.DataFrame, name: str) -> bool:
    return bool(table[name].any())


def _page(data: FairnessData, question: str, dpi: int, programme: str | None = None) -> tuple[Frame, str, float]:
    """Return the map's frame, the title, and where the head ends [inches]."""
    base = data.base
    sheet = Sheet(base.caption, dpi)
    width = sheet.width - 2 * MARGIN
    title, below = base.caption.heading(question)
    y = sheet.write(MARGIN, sheet.height - 0.22, title, width, size=15, bold=True)
    if below:
        y = sheet.write(MARGIN, y - 0.02, below, width, size=9.5)
    level = level_phrase(base.level, base.caption.units)
    lead = programme if programme is not None else f"If {clean(base.scenario, 150).rstrip('.')}."
    y = sheet.write(MARGIN, y - 0.03, f"{clean(lead, 260)} In view means {level}.", width, size=9.5)
    y = sheet.write(MARGIN, y - 0.03, data.caveat, width, size=9.5, bold=True)
    top = min(y - 0.12, sheet.height - HEAD)
    bottom = FOOT + _LEGEND + 0.12
    frame = map_frame(base, _bounds(data.zones), dpi, sheet=sheet, place=(MARGIN, bottom, _MAP, top - bottom))
    # Scale and north lie over the map, where the zones leave room for them.
    sheet.page.set_zorder(frame.axes.get_zorder() + 1)
    scale_bar(sheet, MARGIN + 0.15, bottom + 0.1, 1.3, frame.metres_per_inch, base.caption.units)
    north_arrow(sheet, MARGIN + _MAP - 0.2, bottom + 0.06)
    return frame, title, top


def _bounds(zones: gpd.GeoDataFrame) -> tuple[float, float, float, float]:
    west, south, east, north = (float(value) for value in zones.total_bounds)
    margin = 0.03 * max(east - west, north - south, 50.0)
    return west - margin, south - 3.5 * margin, east + margin, north + margin


def _draw_zones(
    frame: Frame,
    data: FairnessData,
    colour: Callable[[pd.Series], str | None],
    hatched: Callable[[pd.Series], bool],
) -> None:
    """Fill zones, hatch some, draw streets and edges over them, and write the names that fit."""
    draw_base(frame, data.base)
    rows = {str(row["zone"]): row for _, row in data.table.iterrows()}
    groups: dict[tuple[str, bool], list[Any]] = {}
    for zone, shape in zip(data.zones["zone"].astype(str), data.zones.geometry.to_numpy(), strict=True):
        row = rows.get(zone)
        key = (_NONE, False) if row is None else (colour(row) or _NONE, hatched(row))
        groups.setdefault(key, []).append(shape)
    for (fill, flagged), shapes in groups.items():
        look = {"facecolor": fill, "linewidth": 0}
        draw_polygons(frame.axes, np.array(shapes, dtype=object), **look)
        if flagged:
            look = {"facecolor": "none", "edgecolor": "#00000077", "linewidth": 0, "hatch": _HATCH}
            draw_polygons(frame.axes, np.array(shapes, dtype=object), **look)
    lines = within(data.base.faces, frame.bounds).geometry.to_numpy()
    draw_lines(frame.axes, lines, edgecolor="#ffffff99", linewidth=0.35)
    edges = data.zones.geometry.to_numpy()
    draw_polygons(frame.axes, edges, facecolor="none", edgecolor=PAGE, linewidth=1.4)
    draw_polygons(frame.axes, edges, facecolor="none", edgecolor=INK, linewidth=0.5)
    draw_boundary(frame, data.base)
    # Names stand in one size: those of many small zones are in the bars.
    write_zones(frame, data.zones)


def _legend(frame: Frame, x: float, y: float, labels: list[tuple[str, str]], hatched: str | None) -> None:
    """Write a legend in two columns."""
    sheet, first = frame.sheet, y
    half = (len(labels) + (hatched is not None) + 1) // 2
    for number, (fill, label) in enumerate(labels):
        if number == half:
            x, y = x + _MAP / 2, first
        y = swatch(sheet, x, y, label, fill=fill, width=_MAP / 2 - 0.1)
    if hatched is not None:
        swatch(sheet, x, y, hatched, hatch="//////", width=_MAP / 2 - 0.1)


def _most_and_least(table: pd.DataFrame, column: str) -> tuple[pd.DataFrame, bool]:
    """Return the rows in order of a column, the highest first; of too many the ends, and whether some are left out."""
    rows = table.sort_values([column, "zone"], ascending=[False, True], kind="stable")
    if len(rows) <= MOST_BARS:
        return rows, False
    half = MOST_BARS // 2
    return pd.concat([rows.head(half), rows.tail(half)]), True


def _bars_left() -> float:
    """Return where bars begin [inches]."""
    return MARGIN + _MAP + _GAP + _NAME


def _bars(frame: Frame, data: FairnessData, shown: pd.DataFrame, top: float, heading: str) -> tuple[Axes, float]:
    """Return axes for a bar per zone with the zones' names beside them, and where what follows may begin [inches]."""
    sheet = frame.sheet
    left, bottom = _bars_left(), FOOT + _LEGEND + 0.3
    top = sheet.write(left - _NAME, top, heading, sheet.width - MARGIN - left + _NAME, size=8.5, bold=True) - 0.05
    height = min(top - bottom, _MOST_BAR * max(len(shown), 1))
    axes = sheet.axes(left, top - height, sheet.width - MARGIN - left - 0.1, height)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#e3e3e3", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, color=MUTED)
    axes.set_yticks([])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(PercentFormatter())
    names = dict(zip(data.zones["zone"].astype(str), data.zones["name"], strict=True))
    for place, zone in enumerate(shown["zone"].astype(str)):
        name = clean(names.get(zone, zone), 40) or clean(zone, 40)
        words = next(
            (w for w in (name, *(clean(name, n) for n in range(38, 4, -1))) if sheet.text_width(w, 8) <= _NAME - 0.1),
            "",
        )
        at = top - height + height * (len(shown) - 0.4 - place) / max(len(shown) + 0.2, 1)
        put(sheet.page, left - 0.07, at, words, size=8, ha="right", va="center")
    return axes, top - height - 0.38


def _write_below(sheet: Sheet, data: FairnessData, x: float, y: float, said: str) -> None:
    """Write what bars and lines are, and what camera is simulated."""
    width = sheet.width - MARGIN - x
    y = sheet.write(x, y, said, width, size=7.5, colour=MUTED)
    sheet.write(x, y - 0.05, data.base.caption.camera_line, width, size=7.5, colour=MUTED)


def _draw_sides(axes: Axes, shown: pd.DataFrame) -> None:
    """Draw stacked bars by whose doors, with both ranges; a zone of a few homes in one piece."""
    for place, (_, row) in enumerate(shown.iterrows()):
        parts = [float(row[name]) for name in _SIDES]
        if any(np.isnan(parts)):
            axes.barh(place, row["share_mean"], height=0.62, color="#a8a8a8", linewidth=0)
        else:
            for part, start, fill in zip(parts, np.cumsum([0.0, *parts[:-1]]), SIDE_COLOURS, strict=True):
                axes.barh(place, part, left=start, height=0.62, color=fill, linewidth=0)
        for low, high, width in (("share_low", "share_high", 0.8), ("share_p05", "share_p95", 2.2)):
            if not (pd.isna(row[low]) or pd.isna(row[high])):
                axes.plot([row[low], row[high]], [place, place], color=PAGE, linewidth=width + 1.2)
                axes.plot([row[low], row[high]], [place, place], color=INK, linewidth=width)
    most = shown[["share_mean", "share_p95", "share_high"]].max(axis=None)
    axes.set_xlim(0, min(1.0, 1.04 * float(most)) or 0.01)


def _intervals_words(shown: pd.DataFrame) -> str:
    """Return what the lines over the bars are."""
    said = []
    if shown["share_p05"].notna().any():
        said.append("Thick line: 5% to 95% over chance alone, which homes happen to own a camera.")
    if shown["share_low"].notna().any():
        said.append("Thin line: the range over the stated assumptions, most of which can only lower a share.")
    elif said:
        said.append("The range over the assumptions was not worked out.")
    if shown[list(_SIDES)].isna().any(axis=None):
        said.append("Grey: fewer than 5 homes.")
    return " ".join(said)


def _draw_change(axes: Axes, shown: pd.DataFrame, colour: Callable[[pd.Series], str | None]) -> None:
    """Draw bars around 0 with the range of chance."""
    for place, (_, row) in enumerate(shown.iterrows()):
        look: dict[str, Any] = {"hatch": _HATCH} if row["in_view"] == "open" else {}
        axes.barh(place, row["change_mean"], height=0.62, color=colour(row), edgecolor="#6e6e6e", linewidth=0.5, **look)
        axes.plot([row["change_p05"], row["change_p95"]], [place, place], color=PAGE, linewidth=2.6)
        axes.plot([row["change_p05"], row["change_p95"]], [place, place], color=INK, linewidth=1.4)
    ends = shown[["change_mean", "change_p05", "change_p95"]].to_numpy(np.float64)
    most = max(float(np.abs(ends).max(initial=0.0)), 1e-4)
    low, high = float(ends.min(initial=0.0)), float(ends.max(initial=0.0))
    # 0 is always there, and a side that nothing lies on is short.
    axes.set_xlim(min(low, -0.08 * most) - 0.04 * most, max(high, 0.08 * most) + 0.04 * most)
    axes.plot([0, 0], [-0.6, len(shown) - 0.4], color=INK, linewidth=0.9)


def _step(changes: npt.NDArray[np.float64]) -> float:
    """Return the round change from which on a class is the last."""
    most = float(np.abs(changes).max(initial=0.0))
    return next((step for step in _STEPS if most <= 1.6 * step), _STEPS[-1])


def _change_labels(ends: npt.NDArray[np.float64]) -> list[str]:
    """Return the labels of the classes of change in percentage points, from less to more."""
    points = [f"{100 * abs(end):.3g}" for end in ends]
    return [
        f"over {points[0]} points less",
        f"{points[1]} to {points[0]} less",
        f"{points[2]} to {points[1]} less",
        f"within {points[2]} point{'' if points[2] == '1' else 's'}",
        f"{points[3]} to {points[4]} more",
        f"{points[4]} to {points[5]} more",
        f"over {points[5]} points more",
    ]
