"""Maps of one surface of reported thefts over another: one window over another, thefts over homes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import rasterio.features
import shapely
from rasterio.transform import Affine

from doorview.errors import InputError
from doorview.overlays.bandwidth import check_publishable
from doorview.overlays.surface_grid import SurfaceGrid
from doorview.show.drawing import draw_polygons, save
from doorview.show.frame import Frame
from doorview.show.maps import PANEL, MapData, map_frame, swatch
from doorview.show.picture import Bounds
from doorview.show.style import INK, RATIO_COLOURS
from doorview.show.text import clean, distance
from doorview.show.theft_drawing import (
    HATCH,
    TheftNote,
    check_months,
    class_colours,
    draw_theft_foot,
    draw_theft_head,
    theft_lead,
)
from doorview.show.theft_maps import (
    close_panel,
    draw_above,
    draw_below,
    draw_cells,
    legend_of_base,
    mixed,
    needs_number,
    panel_corner,
)
from doorview.show.theft_steps import step_labels, theft_steps

__all__ = ["RatioData", "ratio_map"]

_CHANCE = 0.05
_ENDS = (0.5, 0.75, 4 / 3, 2.0)
_LABELS = (
    "under half of that of the whole area",
    "a half to three quarters",
    "about that of the whole area",
    "a third more to twice",
    "more than twice",
)


@dataclass(frozen=True, eq=False)
class RatioData:
    """What a map of a ratio shows.

    Attributes
    ----------
    base
        As for any map of thefts.
    note
        What is said of the incidents; needs their number.
    kind
        `windows`: values are over the ratio of the whole area. `dwellings`: thefts per 1,000 dwellings and year.
    values
        (rows, columns); NaN: too few to show.
    above, below
        (rows, columns) bool: higher, or lower, than 97.5 % of the draws.
    grid
        Where the cells lie.
    overall
        Share of draws, with the map itself, that are as uneven.
    draws
        How many there are.
    numbers
        Incidents of the short window and of the rest; or incidents and dwellings.
    window
        The short window in words.
    bandwidth_m, kernel, rule
        How it was smoothed [m], and by which rule the bandwidth was chosen, in words.
    """

    base: MapData
    note: TheftNote
    kind: Literal["windows", "dwellings"]
    values: npt.NDArray[np.float64]
    above: npt.NDArray[np.bool_]
    below: npt.NDArray[np.bool_]
    grid: SurfaceGrid
    overall: float
    draws: int
    numbers: tuple[int, int]
    window: str
    bandwidth_m: float
    rule: str
    kernel: str = "gaussian"


def ratio_map(path: str | os.PathLike[str], data: RatioData, *, window: Bounds | None = None, dpi: int = 200) -> Path:
    """Draw a ratio and return the map's path; PNG or SVG by its suffix.

    Raises
    ------
    InputError
        For a bandwidth whose standard deviation is under 100 m, arrays that do not fit the grid, a window that holds a
        day, and a note without the number of incidents.
    """
    check_publishable(data.kernel, data.bandwidth_m)
    needs_number(data.note)
    shape = (data.grid.rows, data.grid.columns)
    if not data.values.shape == data.above.shape == data.below.shape == shape:
        raise InputError(f"the ratio has the shape {data.values.shape}: it must be the grid's, {shape}.")
    short = check_months(data.window)
    frame = map_frame(data.base, window, dpi)
    ground = draw_below(frame, data.base, outlined=window is not None)
    few = data.grid.inside & np.isnan(data.values)
    told = np.nan_to_num(data.values)
    windows = data.kind == "windows"
    ends = _ENDS if windows else theft_steps(float(told.max(initial=0.0)))
    colours = RATIO_COLOURS if windows else class_colours(len(ends))
    place = np.minimum(np.searchsorted(ends, told, side="left"), len(colours) - 1)
    hatched = draw_cells(frame, data.grid, place, colours, few)
    _outline(frame, data.grid, data.above, dashed=False)
    _outline(frame, data.grid, data.below, dashed=True)
    outlined = draw_above(frame, data.base, ground, part=window is not None)
    units = data.base.caption.units
    uneven = "As a whole more uneven than chance makes it."
    if data.overall > _CHANCE:
        uneven = "As a whole no more uneven than chance makes it."
    if windows:
        question = "Where are thefts reported more than before?"
        head = "Share of the latest reports, over that of earlier ones"
        below = f"{data.note.words}: {data.numbers[0]:,} in the {short} beside {data.numbers[1]:,} before. {uneven}"
        lot = "Were the reports put into the two parts by lot"
        labels = list(_LABELS)
        more = "A rise that is the same everywhere does not show."
    else:
        question = "Where are thefts reported most for the homes there?"
        head = "Reported thefts per 1,000 dwellings and year"
        below = f"{data.note.words}, over the {data.numbers[1]:,} dwellings that the map shows. {uneven}"
        lot = "Were each report put at a home by lot"
        labels = step_labels(ends)
        more = "Dwellings are those found; where the map lacks homes, thefts seem more."
    title, _ = draw_theft_head(frame.sheet, data.base.caption, question, below, part=window is not None)
    x, y = panel_corner(frame)
    y = frame.sheet.write(x, y, head, PANEL, size=9, bold=True) - 0.04
    if not few[data.grid.inside].all():
        for colour, label in zip(colours, labels, strict=True):
            y = swatch(frame.sheet, x, y, label, fill=mixed(colour))
    if hatched:
        why = "of either part" if windows else "or none"
        y = swatch(frame.sheet, x, y, f"too few to show: fewer than 5 reports {why} lie around", hatch=HATCH)
    if data.above.any():
        y = swatch(frame.sheet, x, y, "higher than 97.5% of the draws", line=INK)
    if data.below.any():
        y = swatch(frame.sheet, x, y, "lower than 97.5% of the draws", line=INK, dashed=True)
    y = legend_of_base(frame, data.base, ground, x, y, outlined=outlined)
    kernel = "Gaussian, its standard deviation" if data.kernel == "gaussian" else "quartic, its radius"
    said = (
        f"{_chance(data, lot)} Outlines: of 100 cells, five stand out by chance alone. {more} Kernel: {kernel} "
        f"{distance(data.bandwidth_m, units)}; chosen by: {clean(data.rule, 120) or 'not stated'}. Cells of "
        f"{distance(data.grid.cell_m, units)}. A colour is a mean over the surroundings: it says nothing of "
        "single homes."
    )
    close_panel(frame, data.base, said, x, y, part=window is not None)
    draw_theft_foot(frame.sheet, data.base.caption, data.note, beside=False)
    return save(frame.sheet, path, data.base.caption, title, what=theft_lead(data.base.caption))


def _chance(data: RatioData, lot: str) -> str:
    """Return what chance alone would do, to be read before any cell."""
    often = f"{100 * data.overall:.2g}%"
    return f"{lot}, {often} of maps would be as uneven ({data.draws} draws)."


def _outline(frame: Frame, grid: SurfaceGrid, cells: npt.NDArray[np.bool_], *, dashed: bool) -> None:
    """Draw the outline of cells."""
    north = grid.y0 + grid.rows * grid.cell_m
    corner = Affine(grid.cell_m, 0.0, grid.x0, 0.0, -grid.cell_m, north)
    found = rasterio.features.shapes(cells[::-1].astype(np.uint8), mask=cells[::-1], transform=corner)
    areas = np.array([shapely.geometry.shape(area) for area, _ in found], dtype=object)
    if len(areas):
        style = (0, (3, 1.5)) if dashed else "-"
        draw_polygons(frame.axes, areas, facecolor="none", edgecolor=INK, linewidth=1.0, linestyle=style)
