"""Maps that can be printed and read without the page around them.

At a small scale block faces are coloured by their share in view; where a pixel is no larger than `RASTER_PIXEL_M`,
the ground itself is coloured by its probability of being in view. Everything that a reader has to know stands inside
the picture.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from doorview.show.drawing import (
    Sheet,
    draw_lines,
    draw_polygons,
    north_arrow,
    put,
    save,
    scale_bar,
)
from doorview.show.frame import Frame, meets, within
from doorview.show.names import write_ground, write_streets, write_zones
from doorview.show.picture import Bounds, densest_window, probability_image
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
    rgb,
    share_classes,
)
from doorview.show.text import CAVEAT, PLAIN_NAMES, Caption, LevelLike, clean, distance, level_phrase, percent

__all__ = [
    "DETAIL_M",
    "FOOT",
    "GROUND_LABELS",
    "HEAD",
    "MARGIN",
    "PANEL",
    "RASTER_PIXEL_M",
    "MapData",
    "coverage_map",
    "detail_map",
    "draw_base",
    "draw_boundary",
    "draw_buildings",
    "draw_foot",
    "draw_locator",
    "draw_zones",
    "map_frame",
    "map_inches",
    "swatch",
]

RASTER_PIXEL_M = 1.0
DETAIL_M = 600.0
"""Height of the detail map's window [m]."""

MARGIN, HEAD, FOOT, PANEL = 0.4, 1.02, 0.9, 2.75  # inches
_GROUND_CLASSES = {"water": ("water",), "park": ("park", "other"), "square": ("square",)}
GROUND_LABELS = {"park": "park, green", "square": "square", "water": "water"}


@dataclass(frozen=True)
class MapData:
    """What a map shows, all of it in one projected CRS in metres.

    Attributes
    ----------
    faces
        Block faces: LineStrings with the columns ``share`` (0 to 1; NaN where nothing is counted), and, if there,
        ``name`` (untrusted) and ``highway``.
    buildings
        Footprints.
    level
        Name, plain name and range [m] of the level.
    scenario
        The ownership scenario as a clause: "20% of homes own a doorbell camera, each independently of the others".
    caption
        Place, camera, date, units.
    headline
        What `figures` are shares of, in words: "streets within 50 m of a home".
    figures
        The levels and the share of the whole place that is in view at each, side by side: none stands alone.
    seen_by
        Raster of the doors that see each cell, or None: then block faces are coloured at every scale.
    rate
        Probability of a camera per door, each independently, for `seen_by`.
    homes
        Positions of homes, shape (n, 2) [m]: where the detail map is taken. Never drawn.
    ground
        Polygons with a column ``class``, of which parks, squares and water are drawn, and, if there, ``name``
        (untrusted); or None.
    zones
        Polygons with, if there, a boolean column ``hatched``, their homes do not fit the count, and ``name``
        (untrusted).
    boundary
        Polygon within which shares are counted, or None.
    """

    faces: gpd.GeoDataFrame
    buildings: gpd.GeoDataFrame
    level: LevelLike
    scenario: str
    caption: Caption
    headline: str = ""
    figures: tuple[tuple[LevelLike, float], ...] = ()
    seen_by: Path | None = None
    rate: float | None = None
    homes: npt.NDArray[np.float64] | None = None
    ground: gpd.GeoDataFrame | None = None
    zones: gpd.GeoDataFrame | None = None
    boundary: shapely.Geometry | None = None


@dataclass(frozen=True)
class _Legend:
    """What the picture shows, so that the legend explains that and nothing else."""

    by_ground: bool
    breaks: tuple[float, ...]
    ground: tuple[str, ...]
    hatched: bool
    outlined: bool
    located: bool


def coverage_map(
    path: str | os.PathLike[str],
    data: MapData,
    *,
    window: Bounds | None = None,
    style: Literal["auto", "faces", "ground"] = "auto",
    dpi: int = 200,
) -> Path:
    """Draw a map and return its path; PNG or SVG by the suffix of `path`.

    Parameters
    ----------
    path
        File to write.
    data
        What to show.
    window
        What part of the world [m]; by default the boundary, else the ground with homes, else all
        block faces.
    style
        Colour block ``faces`` or the ``ground`` (needs `MapData.seen_by` and `rate`); ``auto`` goes by the scale.
    dpi
        Pixels per inch.

    Raises
    ------
    ValueError
        If there are neither block faces nor a window, or the ground shall be coloured without a raster and a rate.
    """
    frame = map_frame(data, window, dpi)
    raster = (data.seen_by, data.rate) if data.seen_by is not None and data.rate is not None else None
    if style == "ground" and raster is None:
        raise ValueError("colouring the ground needs MapData.seen_by and MapData.rate; give both, or style='faces'.")
    pixel = frame.metres_per_inch / dpi
    by_ground = style == "ground" or (style == "auto" and raster is not None and pixel <= RASTER_PIXEL_M)

    ground = draw_base(frame, data)
    breaks = _draw_ground_share(frame, data, *raster, pixel) if by_ground and raster is not None else BREAKS
    draw_buildings(frame, data, outlined=by_ground)
    if not by_ground:
        breaks = _draw_faces(frame, data)
    hatched = draw_zones(frame, data)
    outlined = draw_boundary(frame, data)
    taken = write_zones(frame, data.zones)
    taken = write_streets(frame, data.faces, taken, most=26 if by_ground else 16, all_streets=pixel < 1.5)
    write_ground(frame, ground, taken)
    title = _draw_head(frame, data, whole=window is None)
    legend = _Legend(by_ground, breaks, tuple(ground), hatched, outlined, window is not None)
    _draw_panel(frame, data, legend)
    draw_foot(frame, data)
    return save(frame.sheet, path, data.caption, title)


def detail_map(path: str | os.PathLike[str], data: MapData, *, height_m: float = DETAIL_M, dpi: int = 200) -> Path:
    """Draw the window of `height_m` that holds most homes (without homes: most buildings)."""
    points = data.homes
    if points is None or len(points) == 0:
        points = shapely.get_coordinates(shapely.centroid(data.buildings.geometry.to_numpy()))
    width, height = map_inches(Sheet(data.caption, dpi))
    return coverage_map(path, data, window=densest_window(points, height_m * width / height, height_m), dpi=dpi)


def map_inches(sheet: Sheet) -> tuple[float, float]:
    """Return width and height of the map on its sheet [inches]."""
    return sheet.width - 2 * MARGIN - PANEL - 0.2, sheet.height - HEAD - FOOT


def map_frame(
    data: MapData,
    window: Bounds | None,
    dpi: int,
    *,
    sheet: Sheet | None = None,
    place: tuple[float, float, float, float] | None = None,
) -> Frame:
    """Return an empty map of a window [m], by default of the whole place, on a sheet of its own.

    Parameters
    ----------
    data, window, dpi
        What is mapped, which part of the world, pixels per inch.
    sheet, place
        The sheet, where there is one already, and left, bottom, width and height of the map on it [inches].
    """
    sheet = sheet or Sheet(data.caption, dpi)
    left, bottom, width, height = place or (MARGIN, FOOT, *map_inches(sheet))
    window = window or _extent(data)
    scale = max((window[2] - window[0]) / width, (window[3] - window[1]) / height)
    x, y = (window[0] + window[2]) / 2, (window[1] + window[3]) / 2
    bounds = (x - scale * width / 2, y - scale * height / 2, x + scale * width / 2, y + scale * height / 2)
    axes = sheet.axes(left, bottom, width, height)
    axes.set(xlim=(bounds[0], bounds[2]), ylim=(bounds[1], bounds[3]), xticks=[], yticks=[], facecolor=PAGE)
    for spine in axes.spines.values():
        spine.set(color=MUTED, linewidth=0.6)
    return Frame(sheet, axes, bounds, scale)


def _extent(data: MapData) -> Bounds:
    """Return what part of the world a map of the whole place shows."""
    if data.boundary is not None:
        west, south, east, north = data.boundary.bounds
    elif data.homes is not None and len(data.homes):
        # Streets that run far out into the country would shrink the town to a corner of its map.
        (west, south), (east, north) = np.quantile(data.homes, [0.001, 0.999], axis=0)
        west, south, east, north = west - 60.0, south - 60.0, east + 60.0, north + 60.0
    elif len(data.faces):
        west, south, east, north = data.faces.total_bounds
    else:
        raise ValueError("a map without block faces, homes and boundary needs a window.")
    margin = 0.02 * max(east - west, north - south, 50.0)
    return float(west - margin), float(south - margin), float(east + margin), float(north + margin)


def draw_base(frame: Frame, data: MapData) -> dict[str, gpd.GeoDataFrame]:
    """Draw what lies under all else, parks, squares, water and street space; return the drawn ground by its kind."""
    drawn: dict[str, gpd.GeoDataFrame] = {}
    if data.ground is not None:
        shown = data.ground[data.ground["class"].isin([name for names in _GROUND_CLASSES.values() for name in names])]
        shown = within(shown, frame.bounds)
        for kind, classes in _GROUND_CLASSES.items():
            part = shown[shown["class"].isin(classes)]
            if len(part):
                drawn[kind] = part
                look = {"facecolor": GROUND[kind], "edgecolor": GROUND_EDGES[kind], "linewidth": 0.5}
                draw_polygons(frame.axes, part.geometry.to_numpy(), **look)
    lines = within(data.faces, frame.bounds).geometry.to_numpy()
    draw_lines(frame.axes, lines, edgecolor=GROUND["street"], linewidth=frame.width_points(12, 0.8, 14))
    return drawn


def draw_buildings(frame: Frame, data: MapData, *, outlined: bool) -> None:
    """Draw the footprints."""
    footprints = data.buildings.geometry.to_numpy()
    footprints = footprints[meets(footprints, frame.bounds)]
    if not outlined:  # a small scale: what is finer than a third of a point is not seen
        footprints = shapely.simplify(footprints, frame.metres_per_inch / 72 / 3, preserve_topology=False)
    look = {"edgecolor": "#8f8f8c", "linewidth": 0.35} if outlined else {"edgecolor": "none", "linewidth": 0}
    draw_polygons(frame.axes, footprints, facecolor=BUILDING, **look)


def _draw_faces(frame: Frame, data: MapData) -> tuple[float, ...]:
    """Draw block faces by class of share, the higher over the lower; return the ends of the classes."""
    shares = data.faces["share"].to_numpy(dtype=np.float64)
    breaks = breaks_for(shares)
    inside = meets(data.faces.geometry.to_numpy(), frame.bounds)
    lines, shares = data.faces.geometry.to_numpy()[inside], shares[inside]
    width = frame.width_points(11, 1.5, 4.5)
    counted = ~np.isnan(shares)
    classes = share_classes(shares, breaks)
    draw_lines(frame.axes, lines[~counted], edgecolor="#c4c4c4", linewidth=0.4 * width, linestyle=(0, (2, 2)))
    draw_lines(frame.axes, lines[counted & (classes == 0)], edgecolor=NONE_IN_VIEW, linewidth=0.55 * width)
    # A thin dark edge keeps the lightest classes visible on paper.
    draw_lines(
        frame.axes, lines[counted & ((classes == 1) | (classes == 2))], edgecolor="#8a8a8a", linewidth=width + 0.4
    )
    for place, colour in enumerate(SHARE_COLOURS, start=1):
        draw_lines(frame.axes, lines[counted & (classes == place)], edgecolor=colour, linewidth=width)
    return breaks


def _draw_ground_share(frame: Frame, data: MapData, seen_by: Path, rate: float, pixel: float) -> tuple[float, ...]:
    """Colour the ground by its probability of being in view; return the ends of the classes."""
    image = probability_image(seen_by, rate, frame.bounds, max(pixel, 0.01))
    breaks = breaks_for(image.values)
    palette = np.array([(0, 0, 0, 0), *((*rgb(colour), 255) for colour in SHARE_COLOURS)], dtype=np.uint8)
    west, south, east, north = image.bounds
    frame.axes.imshow(
        palette[share_classes(image.values, breaks)],
        extent=(west, east, south, north),
        interpolation="nearest",
        aspect="auto",
        zorder=1,
    )
    frame.axes.set(xlim=(frame.bounds[0], frame.bounds[2]), ylim=(frame.bounds[1], frame.bounds[3]))
    lines = within(data.faces, frame.bounds).geometry.to_numpy()
    draw_lines(frame.axes, lines, edgecolor="#6e6e6e", linewidth=1.3)
    draw_lines(frame.axes, lines, edgecolor=PAGE, linewidth=0.8)
    return breaks


def draw_zones(frame: Frame, data: MapData) -> bool:
    """Draw zones; tell whether any is hatched."""
    if data.zones is None:
        return False
    zones = within(data.zones, frame.bounds)
    shapes = zones.geometry.to_numpy()
    hatched = zones["hatched"].to_numpy(dtype=bool) if "hatched" in zones.columns else np.zeros(len(zones), dtype=bool)
    draw_polygons(frame.axes, shapes[hatched], facecolor="none", edgecolor="#00000066", linewidth=0, hatch="////")
    draw_polygons(frame.axes, shapes, facecolor="none", edgecolor=PAGE, linewidth=1.8)
    draw_polygons(frame.axes, shapes, facecolor="none", edgecolor=MUTED, linewidth=0.7)
    return bool(hatched.any())


def draw_boundary(frame: Frame, data: MapData) -> bool:
    """Draw the boundary; tell whether it is in the picture."""
    if data.boundary is None:
        return False
    edge = np.array([shapely.boundary(data.boundary)], dtype=object)
    draw_lines(frame.axes, edge, edgecolor=INK, linewidth=1.3, linestyle=(0, (6, 3)))
    return bool(shapely.intersects(edge[0], shapely.box(*frame.bounds)))


def _draw_head(frame: Frame, data: MapData, *, whole: bool) -> str:
    """Write what is asked, in plain words, and under what assumption; return the title."""
    sheet, caption = frame.sheet, data.caption
    title, below = caption.heading("How much of the streets would doorbell cameras have in view?", part=not whole)
    width = sheet.width - 2 * MARGIN
    size = next((s for s in (15, 14, 13, 12, 11) if sheet.text_width(title, s, True) <= width), 10)
    y = sheet.write(MARGIN, sheet.height - (0.22 if below else 0.3), title, width, size=size, bold=True)
    if below:
        y = sheet.write(MARGIN, y - 0.02, below, width, size=9.5)
    scenario = clean(data.scenario, 150).rstrip(".")
    sheet.write(
        MARGIN, y - 0.03, f"If {scenario}. In view means {level_phrase(data.level, caption.units)}.", width, size=9.5
    )
    return title


def _draw_figures(frame: Frame, data: MapData, x: float, y: float, *, located: bool) -> float:
    """Write the share of the whole place that is in view at each level, in rows; return where they end."""
    sheet, units = frame.sheet, data.caption.units
    lead = f"In view of {clean(data.headline, 120)}{', whole place' if located else ''}:"
    y = sheet.write(x, y, lead, PANEL, size=9, bold=True) - 0.03
    for level, share in data.figures:
        put(sheet.page, x + 0.02, y - 0.17, percent(share), size=12, bold=True, va="baseline")
        plain = clean(level.plain, 60) or PLAIN_NAMES.get(level.name, "")
        indent = max(0.62, sheet.text_width(percent(share), 12, True) + 0.12)
        name = f"{clean(level.name, 30)}, up to {distance(level.range_m, units)}"
        end = sheet.write(x + indent, y - 0.02, name, PANEL - indent, size=8.5, bold=True)
        end = sheet.write(x + indent, end, plain, PANEL - indent, size=8)
        y = min(end, y - 0.2) - 0.03
    return y


def _draw_panel(frame: Frame, data: MapData, legend: _Legend) -> None:
    """Write the legend from the top down, scale and north at its foot."""
    sheet, caption, by_ground = frame.sheet, data.caption, legend.by_ground
    x = sheet.width - MARGIN - PANEL
    y = sheet.height - HEAD
    if data.figures:
        y = _draw_figures(frame, data, x, y, located=legend.located) - 0.08
    what = "Chance that a spot is in view" if by_ground else "Share of each street block in view"
    y = sheet.write(x, y, f"{what} ({clean(data.level.name, 30)})", PANEL, size=9, bold=True) - 0.04
    if not by_ground:
        y = swatch(sheet, x, y, "none in view", line=NONE_IN_VIEW)
    for colour, label in zip(SHARE_COLOURS, class_labels(legend.breaks), strict=True):
        y = swatch(sheet, x, y, label, fill=colour if by_ground else None, line=None if by_ground else colour)
    if legend.breaks != BREAKS:
        y = sheet.write(x, y - 0.02, "Finer classes than on other maps: little is in view.", PANEL, size=7.5) - 0.04
    if by_ground:
        y = swatch(sheet, x, y, "no colour: none in view", fill=PAGE)
        y = swatch(sheet, x, y, "middle of a street", line=PAGE)
    elif data.faces["share"].isna().any():
        y = swatch(sheet, x, y, "no mapped home near it, or not counted", line="#bbbbbb", dashed=True)
    y -= 0.04
    rows = [
        ("building", BUILDING, "#8f8f8c"),
        *((GROUND_LABELS[kind], GROUND[kind], GROUND_EDGES[kind]) for kind in legend.ground),
    ]
    for left in range(0, len(rows), 2):  # two to a row
        ends = [
            swatch(sheet, x + place * PANEL / 2, y, label, fill=fill, edge=edge, width=PANEL / 2)
            for place, (label, fill, edge) in enumerate(rows[left : left + 2])
        ]
        y = min(ends)
    if legend.outlined:
        y = swatch(sheet, x, y, "edge of the area that is counted", line=INK, dashed=True)
    if data.zones is not None:
        y = swatch(sheet, x, y, "edge of a zone", line=MUTED)
    if legend.hatched:
        words = "zone where the homes found are under 0.8 or over 1.25 times the count given: read with care"
        y = swatch(sheet, x, y, words, hatch="//////")
    y -= 0.08
    if by_ground:
        y = sheet.write(
            x,
            y,
            "Private ground in view is coloured too; shares count public ground only.",
            PANEL,
            size=7.5,
            colour=MUTED,
        )
        y -= 0.05
    y = sheet.write(x, y, caption.camera_line, PANEL, size=7.5, colour=MUTED)
    if legend.located:
        draw_locator(frame, data, x, y - 0.12)
    scale_bar(sheet, x + 0.1, FOOT + 0.05, PANEL - 1.0, frame.metres_per_inch, caption.units)
    north_arrow(sheet, x + PANEL - 0.25, FOOT + 0.02)


def draw_locator(frame: Frame, data: MapData, x: float, y: float) -> None:
    """Draw a small map of all streets with the window on it, its top at `y` [inches], if there is room."""
    room = y - FOOT - 0.75
    if room < 0.6 or len(data.faces) == 0:
        return
    west, south, east, north = (float(value) for value in data.faces.total_bounds)
    west, south = min(west, frame.bounds[0]), min(south, frame.bounds[1])
    east, north = max(east, frame.bounds[2]), max(north, frame.bounds[3])
    scale = max((east - west) / PANEL, (north - south) / min(room, 2.2))
    width, height = (east - west) / scale, (north - south) / scale
    axes = frame.sheet.axes(x, y - height, width, height)
    axes.set(xlim=(west, east), ylim=(south, north), xticks=[], yticks=[], facecolor=PAGE)
    axes.spines[:].set(color=NONE_IN_VIEW, linewidth=0.5)
    draw_lines(axes, data.faces.geometry.to_numpy(), edgecolor="#a8a8a8", linewidth=0.3)
    w, s, e, n = frame.bounds
    axes.plot([w, e, e, w, w], [s, s, n, n, s], color=INK, linewidth=1.4)


def swatch(
    sheet: Sheet,
    x: float,
    y: float,
    label: str,
    *,
    fill: str | None = None,
    line: str | None = None,
    hatch: str | None = None,
    edge: str = "#8f8f8c",
    dashed: bool = False,
    width: float = PANEL,
) -> float:
    """Draw one row of the legend with its top at `y` and return where the next one starts."""
    if line is not None:
        look: dict[str, Any] = {"linestyle": (0, (3, 1.5))} if dashed else {"linestyle": "-"}
        thick = 0.8 if line == PAGE else 1.2 if dashed or line in (MUTED, NONE_IN_VIEW) else 3.4
        if line in (*SHARE_COLOURS[:2], PAGE):
            sheet.stroke(
                [x + 0.02, x + 0.36],
                [y - 0.09, y - 0.09],
                color="#8a8a8a",
                linewidth=thick + 0.5,
                solid_capstyle="butt",
            )
        sheet.stroke(
            [x + 0.02, x + 0.36], [y - 0.09, y - 0.09], color=line, linewidth=thick, solid_capstyle="butt", **look
        )
    else:
        sheet.patch(x, y - 0.15, 0.38, 0.13, facecolor=fill or PAGE, edgecolor=edge, linewidth=0.5, hatch=hatch)
    return min(sheet.write(x + 0.48, y - 0.02, label, width - 0.48, size=8), y - 0.175) - 0.02


def draw_foot(frame: Frame, data: MapData) -> None:
    """Write what no picture goes without: whether cameras are real, the caveat, the source."""
    sheet, caption = frame.sheet, data.caption
    width = sheet.width - 2 * MARGIN
    y = sheet.write(MARGIN, FOOT - 0.12, f"{caption.simulated} Made with doorview.", width, size=8.5, bold=True)
    if caption.obstacles_line:
        y = sheet.write(MARGIN, y, caption.obstacles_line, width, size=8)
    y = sheet.write(MARGIN, y, CAVEAT, width, size=8)
    sheet.write(MARGIN, y, caption.source_line, width, size=8)
