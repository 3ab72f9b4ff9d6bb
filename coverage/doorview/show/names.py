"""Names on maps: of streets along them, of zones, parks and water inside them; none over another. All are untrusted."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely

from doorview.show.drawing import drawable, put
from doorview.show.frame import Frame, inset, within
from doorview.show.style import INK, PAGE
from doorview.show.text import clean

__all__ = ["write_ground", "write_streets", "write_zones"]

_NAME_SIZE = 6.5  # points
_MAIN_STREETS = ("trunk", "primary", "secondary", "tertiary")
_COLOURS = {"park": "#3f5a2a", "square": "#6b5636", "water": "#2f5b78"}


def write_zones(frame: Frame, zones: gpd.GeoDataFrame | None) -> list[shapely.Geometry]:
    """Write the names of zones that are large enough for them; return the ground that the names take."""
    if zones is None or "name" not in zones.columns:
        return []
    return _write_inside(frame, within(zones, frame.bounds), [], size=9, bold=True, colour=INK)


def write_streets(
    frame: Frame, faces: gpd.GeoDataFrame, taken: list[shapely.Geometry], *, most: int, all_streets: bool
) -> list[shapely.Geometry]:
    """Write names along the longest piece of each street, the longest first; return all ground that names take."""
    faces = within(faces, frame.bounds)
    if "name" not in faces.columns:
        return taken
    named = faces["name"].notna().to_numpy()
    if not all_streets:
        if "highway" not in faces.columns:
            return taken
        named = named & faces["highway"].isin(_MAIN_STREETS).to_numpy()
    faces = faces[named]
    seen = shapely.clip_by_rect(faces.geometry.to_numpy(), *inset(frame.bounds, 0.02))
    lengths = shapely.length(seen)
    taken = list(taken)
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
    return taken


def write_ground(frame: Frame, ground: dict[str, gpd.GeoDataFrame], taken: list[shapely.Geometry]) -> None:
    """Write the names of parks, squares and water that are large enough and free of other names."""
    for kind, part in ground.items():
        if "name" in part.columns:
            taken = [*taken, *_write_inside(frame, part, taken, size=_NAME_SIZE, bold=False, colour=_COLOURS[kind])]


def _write_inside(
    frame: Frame, areas: gpd.GeoDataFrame, taken: list[shapely.Geometry], *, size: float, bold: bool, colour: str
) -> list[shapely.Geometry]:
    """Write the names of areas, the largest first, where they fit and nothing stands; return the ground they take."""
    areas = areas[areas["name"].notna()]
    shapes = areas.geometry.to_numpy()
    new: list[shapely.Geometry] = []
    for place in np.argsort(-shapely.area(shapes), kind="stable")[:60]:
        name = clean(areas["name"].iloc[place], 32)
        seen = shapely.intersection(shapely.make_valid(shapes[place]), shapely.box(*inset(frame.bounds, 0.01)))
        if not name or "�" in drawable(name) or seen.is_empty:
            continue
        half = frame.sheet.text_width(name, size, bold) / 2 * frame.metres_per_inch
        high = 0.62 * size / 72 * frame.metres_per_inch
        middle, inside = shapely.centroid(seen), shapely.point_on_surface(seen)
        for spot in (middle, inside):
            box = shapely.box(spot.x - half, spot.y - high, spot.x + half, spot.y + high)
            if (
                shapely.contains(seen, box)
                and not shapely.dwithin(np.array([*taken, *new], dtype=object), box, high).any()
            ):
                label = put(
                    frame.axes, spot.x, spot.y, name, size=size, bold=bold, colour=colour, ha="center", va="center"
                )
                label.set_bbox({"facecolor": PAGE, "edgecolor": "none", "alpha": 0.75, "pad": 0.6})
                new.append(box)
                break
    return new


def _write_along(
    frame: Frame, line: shapely.Geometry, name: str, taken: Sequence[shapely.Geometry]
) -> shapely.Geometry | None:
    """Write a name along the middle of a line if it is free; return the ground that it takes."""
    size = _NAME_SIZE
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
    if not shapely.box(*inset(frame.bounds, 0.005)).contains(box):
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
