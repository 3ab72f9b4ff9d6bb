"""Reported thefts by zone over two windows, side by side: counts, smoothed rates, ranks as ranges."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from doorview.errors import InputError
from doorview.overlays.publish import FEWER, SMALLEST_COUNT, WITHHELD
from doorview.overlays.zone_rates import ALL
from doorview.show.drawing import Sheet, draw_lines, draw_polygons, north_arrow, put, save, scale_bar
from doorview.show.frame import Frame, within
from doorview.show.maps import FOOT, HEAD, MARGIN, MapData, draw_base, map_frame, swatch
from doorview.show.picture import Bounds
from doorview.show.style import INK, MUTED, PAGE
from doorview.show.text import clean
from doorview.show.theft_drawing import (
    HATCH,
    TheftNote,
    check_months,
    class_colours,
    draw_theft_foot,
    draw_theft_head,
    theft_lead,
)
from doorview.show.theft_steps import step_labels, theft_steps

__all__ = ["RatesData", "rates_map"]

HIDDEN = f"{FEWER}, or withheld so that totals do not give them away"
_UNRATED = "#e9e9e7"
_NEEDED = ("zone", "window", "unit", "incidents", "rate", "rate_smoothed", "rank_low", "rank_high")
_GAP, _LEGEND, _ROW, _ROWS, _HEADING = 0.25, 0.52, 0.14, 8, 0.34  # inches, but for the rows of a table
_COLUMNS = (("zone", 0.0), ("reported", 0.37), ("rate", 0.62), ("smoothed", 0.735), ("rank", 0.875))


@dataclass(frozen=True, eq=False)
class RatesData:
    """What a map of rates shows.

    Attributes
    ----------
    base
        Streets, ground, boundary and caption, as for any map.
    note
        What is said of the incidents; each window states its own number.
    zones
        Polygons with ``zone`` and, if there, ``name``; both untrusted.
    table
        The rows of one zoning and one denominator of `doorview.overlays.zone_rates.publish_zone_rates`, two windows.
    """

    base: MapData
    note: TheftNote
    zones: gpd.GeoDataFrame
    table: pd.DataFrame


def rates_map(path: str | os.PathLike[str], data: RatesData, *, dpi: int = 200) -> Path:
    """Draw two windows side by side, in the same classes, and return the map's path; PNG or SVG by its suffix.

    Raises
    ------
    InputError
        For other than two windows, a window that holds a day, a zone twice, counts that are not fit to publish, and a
        withheld count that stands beside its rate.
    """
    windows = _checked(data)
    sheet = Sheet(data.base.caption, dpi)
    width = (sheet.width - 2 * MARGIN - _GAP) / 2
    foot = FOOT + _LEGEND + _ROW * (_ROWS + 2) + 0.16
    height = sheet.height - HEAD - _HEADING - foot
    rated = data.table[data.table["zone"] != ALL]
    ends = theft_steps(float(np.nanmax(rated["rate_smoothed"].to_numpy(np.float64), initial=0.0)))
    unit = clean(data.table["unit"].iloc[0], 60)
    for place, window in enumerate(windows):
        left = MARGIN + place * (width + _GAP)
        bounds = _bounds(data)
        frame = map_frame(data.base, bounds, dpi, sheet=sheet, place=(left, foot, width, height))
        rows = data.table[data.table["window"] == window]
        total = rows[rows["zone"] == ALL]["incidents"]
        said = _number(total.iloc[0]) if len(total) else "number not stated"
        sheet.write(left, foot + height + 0.2, f"{check_months(window)}: {said}", width, size=9.5, bold=True)
        _draw_zones(frame, data, rows, ends)
        _write_table(sheet, data, rows, left, foot - 0.06, width)
    below = (
        f"Colours: reported thefts {unit}, smoothed by empirical Bayes: rates that rest on little are drawn to the "
        "mean of the zones shown. The same on both maps."
    )
    title, _ = draw_theft_head(sheet, data.base.caption, "In which zones are thefts reported most?", below)
    _draw_legend(frame, data, ends)
    draw_theft_foot(sheet, data.base.caption, data.note, beside=False)
    return save(sheet, path, data.base.caption, title, what=theft_lead(data.base.caption))


def _checked(data: RatesData) -> list[str]:
    """Return the two windows in the table's order."""
    table = data.table
    missing = [name for name in _NEEDED if name not in table.columns]
    if missing or "zone" not in data.zones.columns:
        raise InputError(f"rates by zone lack {missing or ['zone']}; take them from publish_zone_rates.")
    windows = [str(name) for name in pd.unique(table["window"])]
    if len(windows) != 2:
        raise InputError(f"rates by zone have {len(windows)} windows; the map shows two, as windows_of gives them.")
    for name in windows:
        check_months(name)
    if table.duplicated(["zone", "window"]).any():
        raise InputError(
            "rates by zone name a zone twice in a window: give the rows of one zoning and one denominator."
        )
    words = table["incidents"].astype(str)
    hidden = words.isin([FEWER, WITHHELD])
    if not words[~hidden].map(lambda word: word.isdigit() and int(word) >= SMALLEST_COUNT).all():
        raise InputError(
            f"rates by zone hold a count under {SMALLEST_COUNT}, which could point at single homes. Give the table of "
            "publish_zone_rates, not that of zone_rates."
        )
    if table.loc[hidden, ["rate", "rate_smoothed", "rank_low", "rank_high"]].notna().any(axis=None):
        raise InputError("a withheld count stands beside its rate, which gives it away; take publish_zone_rates.")
    return windows


def _bounds(data: RatesData) -> Bounds:
    west, south, east, north = (float(value) for value in data.zones.total_bounds)
    margin = 0.03 * max(east - west, north - south, 50.0)
    return west - margin, south - margin, east + margin, north + margin


def _number(words: object) -> str:
    """Return a published count in words."""
    text = str(words)
    return f"{int(text):,} reported thefts" if text.isdigit() else f"number of reported thefts: {text}"


def _rank(row: pd.Series) -> str:
    """Return a range of ranks: ``1 to 4``, or the one rank that all draws gave."""
    if pd.isna(row["rank_low"]):
        return "none"
    low, high = int(row["rank_low"]), int(row["rank_high"])
    return str(low) if low == high else f"{low} to {high}"


def _names(data: RatesData) -> dict[str, str]:
    named = data.zones["name"] if "name" in data.zones.columns else data.zones["zone"]
    return {str(zone): clean(name, 40) or clean(zone, 40) for zone, name in zip(data.zones["zone"], named, strict=True)}


def _draw_zones(frame: Frame, data: RatesData, rows: pd.DataFrame, ends: tuple[float, ...]) -> None:
    """Fill zones by class, hatch what is withheld, write names with ranks where they fit."""
    draw_base(frame, data.base)
    shapes = dict(zip(data.zones["zone"].astype(str), data.zones.geometry.to_numpy(), strict=True))
    ranks: dict[str, str] = {}
    for _, row in rows[rows["zone"] != ALL].iterrows():
        shape = np.array([shapes.get(str(row["zone"]), shapely.Polygon())], dtype=object)
        hidden = row["incidents"] in (FEWER, WITHHELD)
        rate = float(row["rate_smoothed"])
        if hidden:
            draw_polygons(frame.axes, shape, facecolor=PAGE, linewidth=0, alpha=0.6)
            draw_polygons(frame.axes, shape, facecolor="none", edgecolor="#00000066", linewidth=0, hatch="////")
        else:
            place = min(int(np.searchsorted(ends, rate)), len(ends) - 1)
            colour = class_colours(len(ends))[place] if np.isfinite(rate) else _UNRATED
            draw_polygons(frame.axes, shape, facecolor=colour, linewidth=0)
        ranks[str(row["zone"])] = "" if hidden or np.isnan(rate) else f"rank {_rank(row)}"
    lines = within(data.base.faces, frame.bounds).geometry.to_numpy()
    draw_lines(frame.axes, lines, edgecolor="#ffffff99", linewidth=0.35)
    draw_polygons(frame.axes, data.zones.geometry.to_numpy(), facecolor="none", edgecolor=PAGE, linewidth=1.8)
    draw_polygons(frame.axes, data.zones.geometry.to_numpy(), facecolor="none", edgecolor=INK, linewidth=0.7)
    _write_keys(frame, data, ranks)


def _keys(data: RatesData) -> dict[str, int]:
    """Return the number by which the maps and tables name each zone: from 1, in the order of the zones' names."""
    names = _names(data)
    return {zone: number for number, zone in enumerate(sorted(names, key=lambda zone: (names[zone], zone)), start=1)}


def _write_keys(frame: Frame, data: RatesData, ranks: dict[str, str]) -> None:
    """Write each zone's number inside it, and its range of ranks where there is room."""
    keys, unit = _keys(data), frame.metres_per_inch
    for zone, shape in zip(data.zones["zone"].astype(str), data.zones.geometry.to_numpy(), strict=True):
        spot = shape.centroid if shape.contains(shape.centroid) else shape.representative_point()
        rank = ranks.get(zone, "")
        half, high = (frame.sheet.text_width(rank, 6.5) / 2 + 0.03) * unit, 0.17 * unit
        room = shape.contains(shapely.box(spot.x - half, spot.y - high, spot.x + half, spot.y + high))
        up = 0.065 * unit if rank and room else 0.0
        _label(frame, spot.x, spot.y + up, str(keys[zone]), bold=True)
        if rank and room:
            _label(frame, spot.x, spot.y - up, rank, bold=False)


def _label(frame: Frame, x: float, y: float, text: str, *, bold: bool) -> None:
    label = put(frame.axes, x, y, text, size=6.5, bold=bold, ha="center", va="center")
    label.set_bbox({"facecolor": PAGE, "edgecolor": "none", "alpha": 0.8, "pad": 0.6})


def _write_table(sheet: Sheet, data: RatesData, rows: pd.DataFrame, x: float, y: float, width: float) -> None:
    """Write the zones with the highest smoothed rates, and how many more there are."""
    names, keys = _names(data), _keys(data)
    zones = rows[rows["zone"] != ALL].sort_values(["rate_smoothed", "zone"], ascending=[False, True], kind="stable")
    lines = [tuple(name for name, _ in _COLUMNS)]
    for _, row in zones.head(_ROWS).iterrows():
        shown = row["incidents"] not in (FEWER, WITHHELD) and np.isfinite(row["rate_smoothed"])
        figures = (f"{row['rate']:.2f}", f"{row['rate_smoothed']:.2f}", _rank(row)) if shown else ("", "", "")
        words = f"{int(row['incidents']):,}" if str(row["incidents"]).isdigit() else str(row["incidents"])
        lines.append(
            (
                f"{keys.get(str(row['zone']), '')}  {names.get(str(row['zone']), clean(row['zone'], 40))}",
                words,
                *figures,
            )
        )
    for number, line in enumerate(lines):
        for (_, at), text in zip(_COLUMNS, line, strict=True):
            room = width * 0.36 if at == 0.0 else width
            fitted = next(
                (t for t in (text, *(clean(text, n) for n in range(38, 4, -1))) if sheet.text_width(t, 7.5) <= room), ""
            )
            sheet.write(x + at * width, y, fitted, width, size=7.5, colour=MUTED if number == 0 else INK)
        y -= _ROW
    if len(zones) > _ROWS:
        sheet.write(x, y, f"and {len(zones) - _ROWS} more zones, in thefts_by_zone.csv", width, size=7.5, colour=MUTED)


def _draw_legend(frame: Frame, data: RatesData, ends: tuple[float, ...]) -> None:
    """Write the classes in a row above the foot, with scale and north at its end."""
    sheet = frame.sheet
    y = FOOT + _LEGEND
    x = MARGIN
    for colour, label in zip(class_colours(len(ends)), step_labels(ends), strict=True):
        swatch(sheet, x, y, label, fill=colour, width=1.1)
        x += 0.6 + sheet.text_width(label, 8)
    swatch(sheet, x + 0.05, y, HIDDEN, hatch=HATCH, width=2.75)
    rated = data.table[data.table["zone"] != ALL]
    if (rated["rate_smoothed"].isna() & ~rated["incidents"].astype(str).isin([FEWER, WITHHELD])).any():
        swatch(sheet, x + 2.85, y, "no rate", fill=_UNRATED, width=1.0)
    words = (
        "Ranks are ranges that hold 90% of draws, 1 the highest rate, among zones with a figure; where they overlap, "
        "the order may be chance."
    )
    sheet.write(MARGIN, y - 0.2, words, x - MARGIN - 0.1, size=7.5, colour=MUTED)
    scale_bar(sheet, sheet.width - MARGIN - 1.9, FOOT + 0.05, 1.3, frame.metres_per_inch, data.base.caption.units)
    north_arrow(sheet, sheet.width - MARGIN - 0.15, FOOT - 0.02)
