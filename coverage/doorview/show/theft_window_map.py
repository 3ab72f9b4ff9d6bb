"""Map of the hot spots of one window by two tests, Gi* and local Moran's I."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from doorview.errors import InputError
from doorview.show.drawing import draw_polygons, save
from doorview.show.maps import PANEL, MapData, map_frame, swatch
from doorview.show.picture import Bounds
from doorview.show.style import INK, THEFT_COLOURS
from doorview.show.text import Units, distance
from doorview.show.theft_drawing import TheftNote, draw_theft_foot, draw_theft_head, theft_lead
from doorview.show.theft_maps import (
    ALPHA,
    close_panel,
    draw_above,
    draw_below,
    legend_of_base,
    mixed,
    needs_number,
    panel_corner,
)
from doorview.show.theft_steps import area_words

__all__ = ["WindowSpotsData", "window_spots_map"]

_FILL = THEFT_COLOURS[1]
_LINE = THEFT_COLOURS[4]
_GRID_M = 0.01


@dataclass(frozen=True, eq=False)
class WindowSpotsData:
    """What a map of the hot spots of one window shows.

    Attributes
    ----------
    base
        As for any map of thefts.
    note
        What is said of the incidents; needs their number.
    hot, high
        Outlines by Gi* and by local Moran's I, those of fewer than 5 incidents already left out.
    rate, cell_m
        False discovery rate of each test, and side of a cell [m].
    left_out
        How many outlines of fewer than 5 were left out, in words (``0``, ``fewer than 5``, ``7``).
    """

    base: MapData
    note: TheftNote
    hot: gpd.GeoDataFrame
    high: gpd.GeoDataFrame
    rate: float
    cell_m: float
    left_out: str


def window_spots_map(
    path: str | os.PathLike[str], data: WindowSpotsData, *, window: Bounds | None = None, dpi: int = 200
) -> Path:
    """Draw the hot spots of a window and return the map's path; PNG or SVG by its suffix.

    Raises
    ------
    InputError
        For a rate outside (0, 1), and a note without the number of incidents.
    """
    needs_number(data.note)
    if not 0 < data.rate < 1:
        raise InputError(f"rate is {data.rate!r}: a false discovery rate lies between 0 and 1.")
    frame = map_frame(data.base, window, dpi)
    ground = draw_below(frame, data.base, outlined=window is not None)
    hot, high = (
        np.array([shapely.union_all(layer.geometry.to_numpy(), grid_size=_GRID_M)], dtype=object)
        for layer in (data.hot, data.high)
    )
    draw_polygons(frame.axes, hot, facecolor=_FILL, alpha=ALPHA, linewidth=0)
    draw_polygons(frame.axes, hot, facecolor="none", edgecolor=INK, linewidth=0.7)
    draw_polygons(frame.axes, high, facecolor="none", edgecolor=_LINE, linewidth=2.2)
    outlined = draw_above(frame, data.base, ground, part=window is not None)
    below = f"{data.note.words}. Two tests: more reports in and around a place than chance would have it."
    question = "Do reported thefts concentrate more than chance would have it?"
    title, _ = draw_theft_head(frame.sheet, data.base.caption, question, below, part=window is not None)
    x, y = panel_corner(frame)
    y = frame.sheet.write(x, y, "Hot spots of reported thefts", PANEL, size=9, bold=True) - 0.04
    y = swatch(
        frame.sheet, x, y, f"hot spot, Gi* ({_area(data.hot, data.base.caption.units)})", fill=mixed(_FILL), edge=INK
    )
    words = f"many among many, local Moran's I ({_area(data.high, data.base.caption.units)})"
    y = swatch(frame.sheet, x, y, words, line=_LINE)
    y = legend_of_base(frame, data.base, ground, x, y, outlined=outlined)
    rate = f"{100 * data.rate:g}%"
    said = (
        f"{data.note.words}. Cells of {distance(data.cell_m, data.base.caption.units)}, false discovery rate {rate} "
        f"(Benjamini and Hochberg): were nothing concentrated, at most {rate} of such maps would name any cell. Gi* "
        "asks whether each report fell on any cell alike: one address with many reports is hot. Local Moran asks "
        "whether the counts of cells lie in random order: only several high cells side by side are. Neither knows "
        "where homes are: many homes alone make many reports. A hot spot is an area, not a home."
        + ("" if data.left_out == "0" else f" Left out, with fewer than 5 reports: {data.left_out}.")
    )
    close_panel(frame, data.base, said, x, y, part=window is not None)
    draw_theft_foot(frame.sheet, data.base.caption, data.note, beside=False)
    return save(frame.sheet, path, data.base.caption, title, what=theft_lead(data.base.caption))


def _area(layer: gpd.GeoDataFrame, units: Units) -> str:
    return area_words(float(layer.geometry.area.sum()), units)
