"""Maps of reported thefts that can be printed and read alone: density, hot spots over time, rates by zone.

Nothing here computes: what comes in is fit to publish, and what is not is refused.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import rasterio.features
import shapely
from rasterio.transform import Affine

from doorview.errors import InputError
from doorview.overlays.bandwidth import check_publishable
from doorview.overlays.publish import SMALLEST_COUNT
from doorview.overlays.surface_grid import SurfaceGrid
from doorview.show.drawing import draw_lines, draw_polygons, north_arrow, save, scale_bar
from doorview.show.frame import Frame, within
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
    draw_locator,
    draw_zones,
    map_frame,
    swatch,
)
from doorview.show.names import write_ground, write_streets, write_zones
from doorview.show.picture import Bounds
from doorview.show.style import BUILDING, GROUND, GROUND_EDGES, HOT_SPOT_COLOURS, INK, MUTED, PAGE, rgb
from doorview.show.text import clean, distance, level_phrase, percent
from doorview.show.theft_drawing import (
    HATCH,
    InView,
    TheftNote,
    class_colours,
    draw_theft_foot,
    draw_theft_head,
    theft_lead,
)
from doorview.show.theft_steps import area_words, step_labels, surface_unit, theft_steps

__all__ = [
    "ALPHA",
    "DensityData",
    "HotSpotData",
    "close_panel",
    "density_map",
    "draw_above",
    "draw_below",
    "draw_cells",
    "hotspot_map",
    "legend_of_base",
    "mixed",
    "needs_number",
    "panel_corner",
]

ALPHA = 0.8
"""Streets and buildings shine through colours; the legend's are mixed with the page alike."""
_GRID_M = 0.01
"""Cells that touch are joined though their corners differ in the last bits [m]."""
_PLAIN = {
    "persistent": "persistent: hot most of the time, and lately",
    "emerging": "emerging: hot lately, not before",
    "intermittent": "intermittent: hot lately and before, not always",
    "former": "former: hot before, not lately",
}


@dataclass(frozen=True, eq=False)
class DensityData:
    """What a density map shows.

    Attributes
    ----------
    base
        Streets, buildings, ground, zones, boundary and caption, as for any map. A boundary drawn round the incidents
        themselves would show where single ones lie: take the place's.
    note
        What is said of the incidents; needs their number.
    density
        (rows, columns) reported thefts per km2 and month (`Surface.per_month`).
    grid
        Where the cells lie; those outside `SurfaceGrid.inside` are not drawn.
    few
        (rows, columns) bool: cells that rest on fewer than 5 incidents (`rests_on_few`): hatched, without colour.
    bandwidth_m, kernel, rule
        How it was smoothed [m], and by which rule the bandwidth was chosen, in words.
    """

    base: MapData
    note: TheftNote
    density: npt.NDArray[np.float64]
    grid: SurfaceGrid
    few: npt.NDArray[np.bool_]
    bandwidth_m: float
    rule: str
    kernel: str = "gaussian"


@dataclass(frozen=True, eq=False)
class HotSpotData:
    """What a map of hot spots shows.

    Attributes
    ----------
    base
        As for any map; its level and scenario are those of `in_view`. A boundary drawn round the incidents themselves
        would show where single ones lie: take the place's.
    note
        What is said of the incidents; needs their number.
    classes
        Polygons with a column ``class``, one of `HOT_SPOT_COLOURS`; ``none`` is left blank. With a column
        ``incidents``, those with fewer than 5 are left out, and counted on the map.
    periods, months
        How many periods were tested, and how long each is.
    rate
        False discovery rate of each test.
    cell_m
        Side of a cell [m].
    in_view
        Coverage beside the classes, or None.
    """

    base: MapData
    note: TheftNote
    classes: gpd.GeoDataFrame
    periods: int
    months: int
    rate: float
    cell_m: float
    in_view: InView | None = None


def density_map(
    path: str | os.PathLike[str], data: DensityData, *, window: Bounds | None = None, dpi: int = 200
) -> Path:
    """Draw the density of reported thefts and return the map's path; PNG or SVG by its suffix.

    Raises
    ------
    InputError
        For a bandwidth whose standard deviation is under 100 m, arrays that do not fit the grid, densities that are no
        numbers of 0 or more, and a note without the number of incidents.
    """
    check_publishable(data.kernel, data.bandwidth_m)
    needs_number(data.note)
    _check_arrays(data)
    frame = map_frame(data.base, window, dpi)
    ground = draw_below(frame, data.base, outlined=window is not None)
    units = data.base.caption.units
    unit, km2 = surface_unit(units)
    ends = theft_steps(km2 * float(data.density[data.grid.inside & ~data.few].max(initial=0.0)))
    hatched = _draw_density(frame, data, tuple(end / km2 for end in ends))
    outlined = draw_above(frame, data.base, ground, part=window is not None)
    below = (
        f"{data.note.words}. Colours: reported thefts per {unit} and month, each spread over its surroundings "
        f"(bandwidth {distance(data.bandwidth_m, units)})."
    )
    question = "Where are thefts reported most?"
    title, _ = draw_theft_head(frame.sheet, data.base.caption, question, below, part=window is not None)
    x, y = panel_corner(frame)
    y = frame.sheet.write(x, y, f"Reported thefts per {unit} and month", PANEL, size=9, bold=True) - 0.04
    if not data.few[data.grid.inside].all():
        for colour, label in zip(class_colours(len(ends)), step_labels(ends), strict=True):
            y = swatch(frame.sheet, x, y, label, fill=mixed(colour))
    if hatched:
        y = swatch(frame.sheet, x, y, "too few to show: fewer than 5 reports, or none, bear on it", hatch=HATCH)
    y = legend_of_base(frame, data.base, ground, x, y, outlined=outlined)
    kernel = "Gaussian, its standard deviation" if data.kernel == "gaussian" else "quartic, its radius"
    said = (
        f"{data.note.words}, whole area. Kernel: {kernel} {distance(data.bandwidth_m, units)}; chosen by: "
        f"{clean(data.rule, 120) or 'not stated'}. Cells of {distance(data.grid.cell_m, units)}. A colour is a mean "
        "over the surroundings, not a place: it says nothing of single homes. More homes, more reports: it is no risk "
        "per home."
    )
    close_panel(frame, data.base, said, x, y, part=window is not None)
    draw_theft_foot(frame.sheet, data.base.caption, data.note, beside=False)
    return save(frame.sheet, path, data.base.caption, title, what=theft_lead(data.base.caption))


def hotspot_map(
    path: str | os.PathLike[str], data: HotSpotData, *, window: Bounds | None = None, dpi: int = 200
) -> Path:
    """Draw hot spots by class over time and return the map's path; PNG or SVG by its suffix.

    Raises
    ------
    InputError
        For a class without a name of its own, no column ``class``, and a note without the number of incidents.
    """
    needs_number(data.note)
    _check_classes(data.classes)
    data, left_out = _without_few(data)
    frame = map_frame(data.base, window, dpi)
    ground = draw_below(frame, data.base, outlined=window is not None)
    shapes, names = data.classes.geometry.to_numpy(), data.classes["class"].to_numpy()
    for name, colour in HOT_SPOT_COLOURS.items():
        look: dict[str, Any] = {"alpha": ALPHA, "linewidth": 0}
        whole = np.array([shapely.union_all(shapes[names == name], grid_size=_GRID_M)], dtype=object)
        draw_polygons(frame.axes, whole, facecolor=colour, **look)
        draw_polygons(frame.axes, whole, facecolor="none", edgecolor=INK, linewidth=0.7)
    outlined = draw_above(frame, data.base, ground, part=window is not None)
    below = (
        f"{data.note.words}. A hot spot has more reported thefts in and around it than if each fell on any cell alike."
    )
    question = "Where do reported thefts keep concentrating?"
    title, _ = draw_theft_head(frame.sheet, data.base.caption, question, below, part=window is not None)
    x, y = panel_corner(frame)
    y = frame.sheet.write(x, y, "Hot spots of reported thefts", PANEL, size=9, bold=True) - 0.04
    y = _legend_of_classes(frame, data, x, y)
    y = legend_of_base(frame, data.base, ground, x, y, outlined=outlined)
    close_panel(frame, data.base, _chance_words(data, left_out), x, y, part=window is not None)
    draw_theft_foot(frame.sheet, data.base.caption, data.note, beside=data.in_view is not None)
    return save(frame.sheet, path, data.base.caption, title, what=theft_lead(data.base.caption))


# ---- what is refused ------------------------------------------------------------------------------------------------


def needs_number(note: TheftNote) -> None:
    """Refuse a note without the number of incidents."""
    if note.incidents is None:
        raise InputError("the map must say on how many reports it rests. Give TheftNote(..., incidents=NUMBER).")


def _check_arrays(data: DensityData) -> None:
    shape = (data.grid.rows, data.grid.columns)
    if data.density.shape != shape or data.few.shape != shape or data.few.dtype != np.bool_:
        raise InputError(
            f"density {data.density.shape} and few {data.few.dtype} {data.few.shape} must be numbers and bool on the "
            f"grid's {shape}; kernel_density and rests_on_few give them so."
        )
    shown = data.density[data.grid.inside]
    if not (np.isfinite(shown).all() and (shown >= 0).all()):
        raise InputError("the density holds what is no number of 0 or more; take Surface.per_month(months).")


def _check_classes(classes: gpd.GeoDataFrame) -> None:
    if "class" not in classes.columns:
        raise InputError("the hot spots have no column 'class', so nothing says what is hot. Take the layer hotspots.")
    unknown = sorted({clean(name, 30) for name in classes["class"]} - {*HOT_SPOT_COLOURS, "none"})
    if unknown:
        raise InputError(f"the class '{unknown[0]}' is unknown: classes are {', '.join(HOT_SPOT_COLOURS)} and none.")


def _without_few(data: HotSpotData) -> tuple[HotSpotData, int]:
    """Leave out areas of fewer than 5 incidents, where those are known; return how many."""
    if "incidents" not in data.classes.columns:
        return data, 0
    few = (data.classes["incidents"] < SMALLEST_COUNT).to_numpy() & (data.classes["class"] != "none").to_numpy()
    return replace(data, classes=data.classes[~few]), int(few.sum())


# ---- drawing --------------------------------------------------------------------------------------------------------


def mixed(colour: str) -> str:
    """Return a colour as it looks on the page through which streets shine."""
    seen = [round(ALPHA * part + (1 - ALPHA) * 255) for part in rgb(colour)]
    return "#{:02x}{:02x}{:02x}".format(*seen)


def draw_below(frame: Frame, base: MapData, *, outlined: bool) -> dict[str, gpd.GeoDataFrame]:
    """Draw ground, streets and buildings; return the drawn ground by its kind."""
    ground = draw_base(frame, base)
    draw_buildings(frame, base, outlined=outlined)
    return ground


def _draw_density(frame: Frame, data: DensityData, ends: tuple[float, ...]) -> bool:
    """Colour cells by class, hatch those that rest on few; tell whether any is hatched in the picture."""
    grid, few = data.grid, data.few & data.grid.inside
    place = np.minimum(np.searchsorted(ends, data.density, side="left"), len(ends) - 1)
    return draw_cells(frame, grid, place, class_colours(len(ends)), few)


def draw_cells(
    frame: Frame, grid: SurfaceGrid, place: npt.NDArray[np.intp], colours: Sequence[str], few: npt.NDArray[np.bool_]
) -> bool:
    """Colour counted cells by the number of their colour, hatch `few`; tell whether any is hatched in the picture."""
    palette = np.array([(*rgb(colour), round(255 * ALPHA)) for colour in colours], dtype=np.uint8)
    image = palette[place]
    image[few | ~grid.inside] = 0
    east, north = grid.x0 + grid.columns * grid.cell_m, grid.y0 + grid.rows * grid.cell_m
    frame.axes.imshow(
        image, extent=(grid.x0, east, grid.y0, north), origin="lower", interpolation="nearest", aspect="auto", zorder=1
    )
    frame.axes.set(xlim=(frame.bounds[0], frame.bounds[2]), ylim=(frame.bounds[1], frame.bounds[3]))
    corner = Affine(grid.cell_m, 0.0, grid.x0, 0.0, -grid.cell_m, north)
    found = rasterio.features.shapes(few[::-1].astype(np.uint8), mask=few[::-1], transform=corner)
    areas = np.array([shapely.geometry.shape(area) for area, _ in found], dtype=object)
    areas = areas[shapely.intersects(areas, shapely.box(*frame.bounds))] if len(areas) else areas
    draw_polygons(frame.axes, areas, facecolor="none", edgecolor="#00000055", linewidth=0, hatch="////")
    return len(areas) > 0


def draw_above(
    frame: Frame, base: MapData, ground: dict[str, gpd.GeoDataFrame], *, part: bool, streets: bool = True
) -> bool:
    """Draw thin streets, zones, the boundary and names over the colours; tell whether the boundary is shown."""
    if streets:
        lines = within(base.faces, frame.bounds).geometry.to_numpy()
        draw_lines(frame.axes, lines, edgecolor="#ffffffaa", linewidth=1.0 if part else 0.35)
    draw_zones(frame, _unhatched(base))
    outlined = draw_boundary(frame, base)
    taken = write_zones(frame, base.zones)
    taken = write_streets(frame, base.faces, taken, most=14, all_streets=part)
    write_ground(frame, ground, taken)
    return outlined


def _unhatched(base: MapData) -> MapData:
    """Return the map without the hatching of doubtful homes, which would read as too few reports."""
    if base.zones is None or "hatched" not in base.zones.columns:
        return base
    return replace(base, zones=base.zones.drop(columns="hatched"))


# ---- legends --------------------------------------------------------------------------------------------------------


def panel_corner(frame: Frame) -> tuple[float, float]:
    """Return the upper left corner of the legend [inches]."""
    return frame.sheet.width - MARGIN - PANEL, frame.sheet.height - HEAD


def _legend_of_classes(frame: Frame, data: HotSpotData, x: float, y: float) -> float:
    """Write each class with its area and, beside it, the share of its public ground in view."""
    sheet, shares = frame.sheet, data.in_view.shares if data.in_view is not None else {}
    names = data.classes["class"].to_numpy()
    areas = {name: float(data.classes.geometry[names == name].area.sum()) for name in HOT_SPOT_COLOURS}
    for name, colour in HOT_SPOT_COLOURS.items():
        words = f"{_PLAIN[name]} ({area_words(areas[name], data.base.caption.units)})"
        if name in shares and areas[name]:
            words += f": {percent(shares[name])} in view"
        y = swatch(sheet, x, y, words, fill=mixed(colour), edge=INK)
    if "none" in shares:
        y = swatch(sheet, x, y, f"no hot spot: {percent(shares['none'])} in view", fill=PAGE)
    if data.in_view is not None:
        level = level_phrase(data.base.level, data.base.caption.units)
        words = f"In view: share of public ground, {level}, if {clean(data.base.scenario, 150).rstrip('.')}."
        y = sheet.write(x, y - 0.02, words, PANEL, size=7.5, colour=MUTED)
        words = f"{data.base.caption.camera_line} {data.base.caption.obstacles_line}".rstrip()
        y = sheet.write(x, y, words, PANEL, size=7.5, colour=MUTED)
    return y


def _chance_words(data: HotSpotData, left_out: int) -> str:
    """Return how the test was made and what chance alone would do."""
    false = data.rate * data.periods
    maps = f"{false:.1g}" if false < 1 else f"{false:.1f}".removesuffix(".0")
    return (
        f"{data.note.words}. Tested by Gi* in each of {data.periods} periods of {data.months} months, in cells of "
        f"{distance(data.cell_m, data.base.caption.units)}, with a false discovery rate of {100 * data.rate:g}%. What "
        f"chance would do: were reports spread evenly, at most {maps} of the {data.periods} tests on average would "
        "name any hot spot. The test does not know where homes are: many homes alone make many reports. "
        "A hot spot is an area, not a home."
        + (f" Left out: {left_out} areas of fewer than {SMALLEST_COUNT} reports." if left_out else "")
    )


def legend_of_base(
    frame: Frame,
    base: MapData,
    ground: dict[str, gpd.GeoDataFrame],
    x: float,
    y: float,
    *,
    outlined: bool,
) -> float:
    """Write what lies under the colours, two to a row; return where it ends."""
    y -= 0.06
    rows = [
        *([("building", BUILDING, "#8f8f8c")] if len(base.buildings) else []),
        *((GROUND_LABELS[kind], GROUND[kind], GROUND_EDGES[kind]) for kind in ground),
    ]
    for left in range(0, len(rows), 2):
        y = min(
            swatch(frame.sheet, x + place * PANEL / 2, y, label, fill=fill, edge=edge, width=PANEL / 2)
            for place, (label, fill, edge) in enumerate(rows[left : left + 2])
        )
    if outlined:
        y = swatch(frame.sheet, x, y, "edge of the area that is counted", line=INK, dashed=True)
    if base.zones is not None:
        y = swatch(frame.sheet, x, y, "edge of a zone", line=MUTED)
    return y


def close_panel(frame: Frame, base: MapData, said: str, x: float, y: float, *, part: bool) -> None:
    """Write how it was made, then scale and north at the panel's foot."""
    y = frame.sheet.write(x, y - 0.06, said, PANEL, size=7.5, colour=MUTED)
    if part:
        draw_locator(frame, base, x, y - 0.12)
    scale_bar(frame.sheet, x + 0.1, FOOT + 0.05, PANEL - 1.0, frame.metres_per_inch, base.caption.units)
    north_arrow(frame.sheet, x + PANEL - 0.25, FOOT + 0.02)
