"""Map of reported thefts along streets, per km of street and month."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np

from doorview.errors import InputError
from doorview.overlays.publish import SMALLEST_BANDWIDTH_M
from doorview.show.drawing import draw_lines, save
from doorview.show.frame import within
from doorview.show.maps import PANEL, MapData, map_frame, swatch
from doorview.show.picture import Bounds
from doorview.show.text import clean, distance
from doorview.show.theft_drawing import TheftNote, class_colours, draw_theft_foot, draw_theft_head, theft_lead
from doorview.show.theft_maps import close_panel, draw_above, draw_below, legend_of_base, needs_number, panel_corner
from doorview.show.theft_steps import step_labels, street_unit, theft_steps

__all__ = ["StreetsData", "streets_map"]

_FEW = "#a8a8a8"


@dataclass(frozen=True, eq=False)
class StreetsData:
    """What a map of thefts along streets shows.

    Attributes
    ----------
    base
        As for any map of thefts.
    note
        What is said of the incidents; needs their number.
    pieces
        LineStrings with `column`, reported thefts per km and month; NaN where too few bear on a piece.
    column
        Its name.
    bandwidth_m, ends_m
        Standard deviation of the kernel, and where it ends along streets [m].
    rule
        By which rule the bandwidth was chosen, in words.
    """

    base: MapData
    note: TheftNote
    pieces: gpd.GeoDataFrame
    column: str
    bandwidth_m: float
    ends_m: float
    rule: str


def streets_map(
    path: str | os.PathLike[str], data: StreetsData, *, window: Bounds | None = None, dpi: int = 200
) -> Path:
    """Draw reported thefts along streets and return the map's path; PNG or SVG by its suffix.

    Raises
    ------
    InputError
        For a kernel whose standard deviation is under 100 m, densities under 0 or infinite, and a note without the
        number of incidents.
    """
    if data.bandwidth_m < SMALLEST_BANDWIDTH_M - 1e-9:
        raise InputError(
            f"bandwidth_m is {data.bandwidth_m:g}: what is fit to publish is smoothed by {SMALLEST_BANDWIDTH_M:g} m or "
            "more, so that no street points at a home."
        )
    needs_number(data.note)
    values = data.pieces[data.column].to_numpy(np.float64)
    known = ~np.isnan(values)
    if not (np.isfinite(values[known]).all() and (values[known] >= 0).all()):
        raise InputError("the density along streets holds what is no number of 0 or more; take network_density.")
    frame = map_frame(data.base, window, dpi)
    ground = draw_below(frame, data.base, outlined=window is not None)
    pieces = within(data.pieces, frame.bounds)
    lines, told = pieces.geometry.to_numpy(), pieces[data.column].to_numpy(np.float64)
    units = data.base.caption.units
    unit, km = street_unit(units)
    ends = theft_steps(km * float(values[known].max(initial=0.0)))
    colours = class_colours(len(ends))
    width = frame.width_points(16, 1.6, 5.0)
    few = np.isnan(told)
    draw_lines(frame.axes, lines[few], edgecolor=_FEW, linewidth=max(0.7, 0.3 * width), linestyle=(0, (1.5, 1.5)))
    place = np.minimum(np.searchsorted(np.array(ends) / km, np.nan_to_num(told), side="left"), len(ends) - 1)
    # A thin dark edge keeps the lightest classes visible on paper; the higher lie over the lower.
    draw_lines(frame.axes, lines[~few], edgecolor="#8a8a8a", linewidth=width + 0.4)
    for number, colour in enumerate(colours):
        draw_lines(frame.axes, lines[~few & (place == number)], edgecolor=colour, linewidth=width)
    outlined = draw_above(frame, data.base, ground, part=window is not None, streets=False)
    below = (
        f"{data.note.words}. Per {unit} of street and month, each spread along the streets around it (bandwidth "
        f"{distance(data.bandwidth_m, units)})."
    )
    question = "Along which streets are thefts reported most?"
    title, _ = draw_theft_head(frame.sheet, data.base.caption, question, below, part=window is not None)
    x, y = panel_corner(frame)
    y = frame.sheet.write(x, y, f"Reported thefts per {unit} of street and month", PANEL, size=9, bold=True) - 0.04
    if known.any():
        for colour, label in zip(colours, step_labels(ends), strict=True):
            y = swatch(frame.sheet, x, y, label, line=colour)
    if few.any():
        y = swatch(
            frame.sheet, x, y, "too few to show: fewer than 5 reports, or none, bear on it", line=_FEW, dashed=True
        )
    y = legend_of_base(frame, data.base, ground, x, y, outlined=outlined)
    said = (
        f"{data.note.words}, whole area. Kernel: quartic along streets, standard deviation "
        f"{distance(data.bandwidth_m, units)}, ending after {distance(data.ends_m, units)}; in equal parts at "
        f"junctions; chosen by: {clean(data.rule, 120) or 'not stated'}. A colour is a mean over the streets around, "
        "not a place: it says nothing of single homes. More homes, more reports: it is no risk per home."
    )
    close_panel(frame, data.base, said, x, y, part=window is not None)
    draw_theft_foot(frame.sheet, data.base.caption, data.note, beside=False)
    return save(frame.sheet, path, data.base.caption, title, what=theft_lead(data.base.caption))
