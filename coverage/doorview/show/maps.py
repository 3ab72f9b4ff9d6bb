"""Maps that can be printed and read without the page around them.

At a small scale block faces are coloured by their share in view; where a pixel is no larger than `RASTER_PIXEL_M`,
the ground itself is coloured by its probability of being in view. Everything that a reader has to know stands inside
the picture.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from matplotlib.axes import Axes

from doorview.show.drawing import (
    Sheet,
    draw_lines,
    draw_polygons,
    drawable,
    north_arrow,
    put,
    save,
    scale_bar,
)
from doorview.show.picture import Bounds, densest_window, probability_image
from doorview.show.style import (
    BREAKS,
    BUILDING,
    GROUND,
    INK,
    MUTED,
    NONE_IN_VIEW,
    PAGE,
    SHARE_COLOURS,
    class_labels,
    rgb,
)
from doorview.show.text import Caption, LevelLike, clean, level_phrase

__all__ = ["DETAIL_M", "RASTER_PIXEL_M", "MapData", "coverage_map", "detail_map"]

RASTER_PIXEL_M = 1.0
DETAIL_M = 600.0
"""Height of the detail map's window [m]."""

_MARGIN, _HEAD, _FOOT, _PANEL = 0.4, 1.02, 0.62, 2.75  # inches
_STREET_CLASSES = ("carriageway", "alley", "sidewalk", "square", "path", "verge")
_MAIN_STREETS = ("trunk", "primary", "secondary", "tertiary")


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
        The figures in words, with all levels side by side; stands at the top of the legend.
    seen_by
        Raster of the doors that see each cell, or None: then block faces are coloured at every scale.
    rate
        Probability of a camera per door, each independently, for `seen_by`.
    homes
        Positions of homes, shape (n, 2) [m]: where the detail map is taken. Never drawn.
    ground
        Polygons with a column ``class``, or None.
    zones
        Polygons with, if there, a boolean column ``hatched``: their homes do not fit the count.
    boundary
        Polygon within which shares are counted, or None.
    """

    faces: gpd.GeoDataFrame
    buildings: gpd.GeoDataFrame
    level: LevelLike
    scenario: str
    caption: Caption
    headline: str = ""
    seen_by: Path | None = None
    rate: float | None = None
    homes: npt.NDArray[np.float64] | None = None
    ground: gpd.GeoDataFrame | None = None
    zones: gpd.GeoDataFrame | None = None
    boundary: shapely.Geometry | None = None


@dataclass(frozen=True)
class _Frame:
    """A map's place on the sheet and in the world."""

    sheet: Sheet
    axes: Axes
    bounds: Bounds
    metres_per_inch: float

    def width_points(self, metres: float, least: float, most: float) -> float:
        """Return a width on the ground [m] in points, within limits that stay readable."""
        return float(np.clip(metres / self.metres_per_inch * 72, least, most))


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
    frame = _frame(data, window, dpi)
    raster = (data.seen_by, data.rate) if data.seen_by is not None and data.rate is not None else None
    if style == "ground" and raster is None:
        raise ValueError("colouring the ground needs MapData.seen_by and MapData.rate; give both, or style='faces'.")
    pixel = frame.metres_per_inch / dpi
    by_ground = style == "ground" or (style == "auto" and raster is not None and pixel <= RASTER_PIXEL_M)

    _draw_base(frame, data)
    if by_ground and raster is not None:
        _draw_ground_share(frame, data, *raster, pixel)
    _draw_buildings(frame, data, outlined=by_ground)
    if not by_ground:
        _draw_faces(frame, data)
    hatched = _draw_zones(frame, data)
    outlined = _draw_boundary(frame, data)
    _draw_names(frame, data, most=26 if by_ground else 12, all_streets=pixel < 1.5)
    title = _draw_head(frame, data, whole=window is None)
    _draw_panel(frame, data, by_ground=by_ground, hatched=hatched, outlined=outlined, located=window is not None)
    _draw_foot(frame, data)
    return save(frame.sheet, path, data.caption, title)


def detail_map(path: str | os.PathLike[str], data: MapData, *, height_m: float = DETAIL_M, dpi: int = 200) -> Path:
    """Draw the window of `height_m` that holds most homes (without homes: most buildings)."""
    points = data.homes
    if points is None or len(points) == 0:
        points = shapely.get_coordinates(shapely.centroid(data.buildings.geometry.to_numpy()))
    width, height = _map_inches(Sheet(data.caption, dpi))
    return coverage_map(path, data, window=densest_window(points, height_m * width / height, height_m), dpi=dpi)


def _map_inches(sheet: Sheet) -> tuple[float, float]:
    return sheet.width - 2 * _MARGIN - _PANEL - 0.2, sheet.height - _HEAD - _FOOT


def _frame(data: MapData, window: Bounds | None, dpi: int) -> _Frame:
    sheet = Sheet(data.caption, dpi)
    width, height = _map_inches(sheet)
    window = window or _extent(data)
    scale = max((window[2] - window[0]) / width, (window[3] - window[1]) / height)
    x, y = (window[0] + window[2]) / 2, (window[1] + window[3]) / 2
    bounds = (x - scale * width / 2, y - scale * height / 2, x + scale * width / 2, y + scale * height / 2)
    axes = sheet.axes(_MARGIN, _FOOT, width, height)
    axes.set(xlim=(bounds[0], bounds[2]), ylim=(bounds[1], bounds[3]), xticks=[], yticks=[], facecolor=PAGE)
    for spine in axes.spines.values():
        spine.set(color=MUTED, linewidth=0.6)
    return _Frame(sheet, axes, bounds, scale)


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


def _meets(geometries: npt.NDArray[Any], bounds: Bounds) -> npt.NDArray[np.bool_]:
    """Tell which geometries' boxes meet the window."""
    box = shapely.bounds(geometries).reshape(-1, 4)
    with np.errstate(invalid="ignore"):  # empty geometries have NaN bounds and meet nothing
        meets: npt.NDArray[np.bool_] = (
            (box[:, 0] <= bounds[2]) & (box[:, 2] >= bounds[0]) & (box[:, 1] <= bounds[3]) & (box[:, 3] >= bounds[1])
        )
    return meets


def _within(layer: gpd.GeoDataFrame, bounds: Bounds) -> gpd.GeoDataFrame:
    return layer[_meets(layer.geometry.to_numpy(), bounds)]


def _draw_base(frame: _Frame, data: MapData) -> None:
    """Draw what lies under all else: parks, water, street space."""
    if data.ground is not None:
        ground = _within(data.ground, frame.bounds)
        for colour, classes in (("water", ("water",)), ("park", ("park", "other")), ("street", _STREET_CLASSES)):
            draw_polygons(
                frame.axes,
                ground.geometry.to_numpy()[ground["class"].isin(classes).to_numpy()],
                facecolor=GROUND[colour],
                edgecolor="none",
                linewidth=0,
            )
        return
    lines = _within(data.faces, frame.bounds).geometry.to_numpy()
    draw_lines(frame.axes, lines, edgecolor=GROUND["street"], linewidth=frame.width_points(12, 0.8, 14))


def _draw_buildings(frame: _Frame, data: MapData, *, outlined: bool) -> None:
    footprints = _within(data.buildings, frame.bounds).geometry.to_numpy()
    look = {"edgecolor": "#8f8f8c", "linewidth": 0.35} if outlined else {"edgecolor": "none", "linewidth": 0}
    draw_polygons(frame.axes, footprints, facecolor=BUILDING, **look)


def _draw_faces(frame: _Frame, data: MapData) -> None:
    """Draw block faces by class of share, the higher over the lower."""
    faces = _within(data.faces, frame.bounds)
    lines, shares = faces.geometry.to_numpy(), faces["share"].to_numpy(dtype=np.float64)
    width = frame.width_points(11, 1.1, 4.5)
    counted = ~np.isnan(shares)
    classes = np.where(shares > 0, 1 + np.searchsorted(BREAKS, shares, side="left"), 0)
    draw_lines(frame.axes, lines[~counted], edgecolor="#d8d8d8", linewidth=0.45 * width, linestyle=(0, (2, 2)))
    draw_lines(frame.axes, lines[counted & (classes == 0)], edgecolor=NONE_IN_VIEW, linewidth=0.4 * width)
    # A thin dark edge keeps the lightest class visible on paper.
    draw_lines(frame.axes, lines[counted & (classes == 1)], edgecolor="#8a8a8a", linewidth=width + 0.3)
    for place, colour in enumerate(SHARE_COLOURS, start=1):
        draw_lines(frame.axes, lines[counted & (classes == place)], edgecolor=colour, linewidth=width)


def _draw_ground_share(frame: _Frame, data: MapData, seen_by: Path, rate: float, pixel: float) -> None:
    """Colour the ground by its probability of being in view, in the classes of the legend."""
    image = probability_image(seen_by, rate, frame.bounds, max(pixel, 0.01))
    palette = np.array([(0, 0, 0, 0), *((*rgb(colour), 255) for colour in SHARE_COLOURS)], dtype=np.uint8)
    # The raster is float32: without rounding 0.05 would fall into the class above its break.
    values = np.round(image.values.astype(np.float64), 6)
    classes = np.where(values > 0, 1 + np.searchsorted(BREAKS, values, side="left"), 0)
    west, south, east, north = image.bounds
    frame.axes.imshow(
        palette[classes], extent=(west, east, south, north), interpolation="nearest", aspect="auto", zorder=1
    )
    frame.axes.set(xlim=(frame.bounds[0], frame.bounds[2]), ylim=(frame.bounds[1], frame.bounds[3]))
    lines = _within(data.faces, frame.bounds).geometry.to_numpy()
    draw_lines(frame.axes, lines, edgecolor="#6e6e6e", linewidth=1.3)
    draw_lines(frame.axes, lines, edgecolor=PAGE, linewidth=0.8)


def _draw_zones(frame: _Frame, data: MapData) -> bool:
    """Draw zones; tell whether any is hatched."""
    if data.zones is None:
        return False
    zones = _within(data.zones, frame.bounds)
    shapes = zones.geometry.to_numpy()
    hatched = zones["hatched"].to_numpy(dtype=bool) if "hatched" in zones.columns else np.zeros(len(zones), dtype=bool)
    draw_polygons(frame.axes, shapes[hatched], facecolor="none", edgecolor="#00000066", linewidth=0, hatch="////")
    draw_polygons(frame.axes, shapes, facecolor="none", edgecolor=PAGE, linewidth=1.8)
    draw_polygons(frame.axes, shapes, facecolor="none", edgecolor=MUTED, linewidth=0.7)
    return bool(hatched.any())


def _draw_boundary(frame: _Frame, data: MapData) -> bool:
    """Draw the boundary; tell whether it is in the picture."""
    if data.boundary is None:
        return False
    edge = np.array([shapely.boundary(data.boundary)], dtype=object)
    draw_lines(frame.axes, edge, edgecolor=INK, linewidth=1.3, linestyle=(0, (6, 3)))
    return bool(shapely.intersects(edge[0], shapely.box(*frame.bounds)))


def _draw_names(frame: _Frame, data: MapData, *, most: int, all_streets: bool) -> None:
    """Write names along the longest piece of each street, the longest first, none over another."""
    faces = _within(data.faces, frame.bounds)
    if "name" not in faces.columns:
        return
    named = faces["name"].notna().to_numpy()
    if not all_streets:
        if "highway" not in faces.columns:
            return
        named = named & faces["highway"].isin(_MAIN_STREETS).to_numpy()
    faces = faces[named]
    seen = shapely.clip_by_rect(faces.geometry.to_numpy(), *_inset(frame.bounds, 0.02))
    lengths = shapely.length(seen)
    taken: list[shapely.Geometry] = []
    done: set[str] = set()
    for place in np.argsort(-lengths, kind="stable")[: 40 * most]:
        name = clean(faces["name"].iloc[place], 32)
        if len(done) >= most or lengths[place] <= 0:
            break
        if not name or name in done or "�" in drawable(name):
            continue
        box = _write_along(frame, seen[place], name, taken)
        if box is not None:
            taken.append(box)
            done.add(name)


def _inset(bounds: Bounds, part: float) -> Bounds:
    dx, dy = part * (bounds[2] - bounds[0]), part * (bounds[3] - bounds[1])
    return bounds[0] + dx, bounds[1] + dy, bounds[2] - dx, bounds[3] - dy


def _write_along(
    frame: _Frame, line: shapely.Geometry, name: str, taken: Sequence[shapely.Geometry]
) -> shapely.Geometry | None:
    """Write a name along the middle of a line if it is free; return the ground that it takes."""
    size = 6.5
    half = frame.sheet.text_width(name, size) / 2 * frame.metres_per_inch
    high = 0.62 * size / 72 * frame.metres_per_inch
    parts = shapely.get_parts(line)
    part = parts[np.argmax(shapely.length(parts))]
    length = shapely.length(part)
    reach = min(half, length / 2)
    low, middle, up = shapely.line_interpolate_point(part, [length / 2 - reach, length / 2, length / 2 + reach])
    angle = np.arctan2(up.y - low.y, up.x - low.x)
    if np.hypot(up.x - low.x, up.y - low.y) < 1.6 * reach:  # a bend: the words would not follow it
        return None
    angle = (angle + np.pi / 2) % np.pi - np.pi / 2
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    centre = np.array([middle.x, middle.y])
    corners = [centre + a * half * along + b * high * across for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    box = shapely.Polygon(corners)
    if not shapely.box(*_inset(frame.bounds, 0.005)).contains(box):
        return None
    if shapely.dwithin(np.array(taken, dtype=object), box, high).any():
        return None
    label = put(
        frame.axes,
        middle.x,
        middle.y,
        name,
        size=size,
        ha="center",
        va="center",
        rotation=float(np.degrees(angle)),
        rotation_mode="anchor",
    )
    label.set_bbox({"facecolor": PAGE, "edgecolor": "none", "alpha": 0.82, "pad": 0.6})
    return box


def _draw_head(frame: _Frame, data: MapData, *, whole: bool) -> str:
    """Write what is asked, in plain words, and under what assumption; return the title."""
    sheet, caption = frame.sheet, data.caption
    place = caption.place_name if whole else f"Part of {caption.place_name}"
    title = f"How much of the streets would doorbell cameras have in view? {place}"
    width = sheet.width - 2 * _MARGIN
    size = next((s for s in (15, 14, 13, 12, 11) if sheet.text_width(title, s, True) <= width), 10)
    y = sheet.write(_MARGIN, sheet.height - 0.3, title, width, size=size, bold=True)
    scenario = clean(data.scenario, 150).rstrip(".")
    sheet.write(
        _MARGIN,
        y - 0.05,
        f"If {scenario}. What counts as in view: {level_phrase(data.level, caption.units)}.",
        width,
        size=9.5,
    )
    return title


def _draw_panel(frame: _Frame, data: MapData, *, by_ground: bool, hatched: bool, outlined: bool, located: bool) -> None:
    """Write the legend from the top down, scale and north at its foot."""
    sheet, caption = frame.sheet, data.caption
    x = sheet.width - _MARGIN - _PANEL
    y = sheet.height - _HEAD
    if data.headline:
        y = sheet.write(x, y, clean(data.headline, 330), _PANEL, size=10, bold=True) - 0.14
    what = "Chance that a spot is in view" if by_ground else "Share of each block face in view"
    y = sheet.write(x, y, what, _PANEL, size=9, bold=True) - 0.04
    if not by_ground:
        y = _swatch(sheet, x, y, "none in view", line=NONE_IN_VIEW)
    for colour, label in zip(SHARE_COLOURS, class_labels(), strict=True):
        y = _swatch(sheet, x, y, label, fill=colour if by_ground else None, line=None if by_ground else colour)
    if by_ground:
        y = _swatch(sheet, x, y, "no colour: none in view", fill=PAGE)
        y = _swatch(sheet, x, y, "middle of a street", line=PAGE)
    elif data.faces["share"].isna().any():
        y = _swatch(sheet, x, y, "street that is not counted", line="#bbbbbb", dashed=True)
    y -= 0.06
    y = _swatch(sheet, x, y, "building", fill=BUILDING)
    if data.ground is not None:
        y = _swatch(sheet, x, y, "park or other open ground", fill=GROUND["park"])
    if outlined:
        y = _swatch(sheet, x, y, "edge of the area that is counted", line=INK, dashed=True)
    if data.zones is not None:
        y = _swatch(sheet, x, y, "edge of a zone", line=MUTED)
    if hatched:
        y = _swatch(sheet, x, y, "homes do not fit the count: read with care", hatch="//////")
    y -= 0.08
    if by_ground:
        y = sheet.write(
            x,
            y,
            "Private ground in view is coloured too; shares count public ground only.",
            _PANEL,
            size=7.5,
            colour=MUTED,
        )
        y -= 0.05
    y = sheet.write(x, y, caption.camera_line, _PANEL, size=7.5, colour=MUTED) - 0.05
    y = sheet.write(
        x,
        y,
        "In view is not recorded, recorded is not kept, kept is not shared. Nothing here shows that theft falls.",
        _PANEL,
        size=7.5,
        colour=MUTED,
    )
    if located:
        _draw_locator(frame, data, x, y - 0.12)
    scale_bar(sheet, x + 0.1, _FOOT + 0.05, _PANEL - 1.0, frame.metres_per_inch, caption.units)
    north_arrow(sheet, x + _PANEL - 0.25, _FOOT + 0.02)


def _draw_locator(frame: _Frame, data: MapData, x: float, y: float) -> None:
    """Draw a small map of all streets with the window on it, its top at `y` [inches], if there is room."""
    room = y - _FOOT - 0.75
    if room < 0.9 or len(data.faces) == 0:
        return
    west, south, east, north = (float(value) for value in data.faces.total_bounds)
    west, south = min(west, frame.bounds[0]), min(south, frame.bounds[1])
    east, north = max(east, frame.bounds[2]), max(north, frame.bounds[3])
    scale = max((east - west) / _PANEL, (north - south) / min(room, 2.2))
    width, height = (east - west) / scale, (north - south) / scale
    axes = frame.sheet.axes(x, y - height, width, height)
    axes.set(xlim=(west, east), ylim=(south, north), xticks=[], yticks=[], facecolor=PAGE)
    axes.spines[:].set(color=NONE_IN_VIEW, linewidth=0.5)
    draw_lines(axes, data.faces.geometry.to_numpy(), edgecolor="#a8a8a8", linewidth=0.3)
    w, s, e, n = frame.bounds
    axes.plot([w, e, e, w, w], [s, s, n, n, s], color=INK, linewidth=1.4)


def _swatch(
    sheet: Sheet,
    x: float,
    y: float,
    label: str,
    *,
    fill: str | None = None,
    line: str | None = None,
    hatch: str | None = None,
    dashed: bool = False,
) -> float:
    """Draw one row of the legend with its top at `y` and return where the next one starts."""
    if line is not None:
        look: dict[str, Any] = {"linestyle": (0, (3, 1.5))} if dashed else {"linestyle": "-"}
        width = 0.8 if line == PAGE else 1.2 if dashed or line in (MUTED, NONE_IN_VIEW) else 3.4
        if line in (SHARE_COLOURS[0], PAGE):
            sheet.stroke(
                [x + 0.02, x + 0.36],
                [y - 0.09, y - 0.09],
                color="#8a8a8a",
                linewidth=width + 0.5,
                solid_capstyle="butt",
            )
        sheet.stroke(
            [x + 0.02, x + 0.36], [y - 0.09, y - 0.09], color=line, linewidth=width, solid_capstyle="butt", **look
        )
    else:
        sheet.patch(x, y - 0.15, 0.38, 0.13, facecolor=fill or PAGE, edgecolor="#8f8f8c", linewidth=0.5, hatch=hatch)
    return min(sheet.write(x + 0.48, y - 0.02, label, _PANEL - 0.48, size=8), y - 0.175) - 0.02


def _draw_foot(frame: _Frame, data: MapData) -> None:
    sheet, caption = frame.sheet, data.caption
    y = sheet.write(
        _MARGIN,
        _FOOT - 0.13,
        f"{caption.simulated} Made with doorview.",
        sheet.width - 2 * _MARGIN,
        size=8.5,
        bold=True,
    )
    sheet.write(_MARGIN, y - 0.01, caption.source_line, sheet.width - 2 * _MARGIN, size=8)
