"""Trees as obstacles: the trunk of each mapped tree, and trunks along tree rows, as small octagons.

Rules and reasons: table `trees` of `rules/obstacles.toml`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from doorview.city.doors_tags import among, natural_order, parsed, tag
from doorview.city.obstacles import below_ground, obstacle_rules
from doorview.city.values import metres, number
from doorview.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from doorview.city.model import City

__all__ = ["row_trunks", "tree_trunks"]

_CORNERS = 8
_MM_PER_M = 1000.0


def tree_trunks(city: City) -> gpd.GeoDataFrame:
    """Return the trunks of mapped trees (``natural=tree``).

    Parameters
    ----------
    city
        Projected, in metres; `trees` is read.

    Returns
    -------
    GeoDataFrame
        Octagons of the trunk's mean width (a convex shape of perimeter P has the mean width P / pi, Cauchy), index
        `osm_id` in natural order, columns `geometry`, `kind` (``tree``) and `height_m` (NaN: taller than any sight
        line). ``attrs["counts"]`` and ``attrs["notes"]`` as `find_obstacles`.
    """
    trees, notes = _layer(city, "trees")
    away = below_ground(trees) | among(tag(trees, "indoor"), ["yes", "room"])
    kept = trees[~away]
    kept = kept.iloc[natural_order(kept.index)] if len(kept) else kept
    width, tagged, bad = _widths(kept)
    middle = shapely.get_coordinates(kept.geometry.to_numpy())
    out = _trunks(middle, width, _heights(kept), pd.Index(kept.index, dtype=object), city)
    out.attrs["counts"] = {
        "trees": len(out),
        "trees with a tagged trunk": int(tagged.sum()),
        "trees whose tagged trunk is out of bounds, taken by default": int(bad.sum()),
        "trees below ground or indoors, left out": int(away.sum()),
    }
    by_default = int((~tagged).sum())
    if by_default:
        size = obstacle_rules()["trees"]["default_diameter_m"]
        notes.append(f"{by_default} trees have a trunk of {size} m (assumption).")
    out.attrs["notes"] = notes
    return out


def row_trunks(city: City, spacing_m: float | None = None) -> gpd.GeoDataFrame:
    """Return trunks along tree rows (``natural=tree_row``).

    A row of length L has n = max(1, round(L / spacing)) steps of L / n, with a trunk at both ends of each; a closed row
    has n trunks. A place within one spacing of a mapped tree is left out: rows are often drawn over their trees.

    Parameters
    ----------
    city
        Projected, in metres; `tree_rows` and `trees` are read.
    spacing_m
        Distance between trunks [m], by default as `rules/obstacles.toml` has it.

    Returns
    -------
    GeoDataFrame
        As `tree_trunks`, index ``WAY.K`` with K from 0 along the row.

    Raises
    ------
    InputError
        If the spacing is no number of 1 m or more.
    """
    rules = obstacle_rules()["trees"]
    spacing = float(rules["row_spacing_m"] if spacing_m is None else spacing_m)
    if not (math.isfinite(spacing) and spacing >= 1.0):
        raise InputError(
            f"row_spacing_m is {spacing_m!r}: trunks of a tree row stand 1 m or more apart. Give a number of metres, "
            "e.g. row_spacing_m=8.0."
        )
    rows, notes = _layer(city, "tree_rows")
    away = below_ground(rows) | among(tag(rows, "indoor"), ["yes", "room"])
    kept = rows[~away]
    kept = kept.iloc[natural_order(kept.index)] if len(kept) else kept
    width, _, bad = _widths(kept)
    lines = kept.geometry.to_numpy()
    length = shapely.length(lines)
    steps = np.maximum(np.round(length / spacing), 1).astype(np.int64)
    size = steps + ~shapely.is_closed(lines)
    row = np.repeat(np.arange(len(lines)), size)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
    points = shapely.line_interpolate_point(lines[row], nth / steps[row], normalized=True)
    taken = _near(points, city.trees, spacing)
    row, nth, points = row[~taken], nth[~taken], points[~taken]
    names = kept.index.to_numpy(dtype=object)[row]
    index = pd.Index([f"{name}.{k}" for name, k in zip(names, nth, strict=True)], dtype=object)
    out = _trunks(shapely.get_coordinates(points), width[row], _heights(kept)[row], index, city)
    out.attrs["counts"] = {
        "tree rows": len(kept),
        "trees of tree rows": len(out),
        "places of tree rows near a mapped tree, left out": int(taken.sum()),
        "tree rows whose tagged trunk is out of bounds, taken by default": int(bad.sum()),
        "tree rows below ground or indoors, left out": int(away.sum()),
    }
    if len(out):
        notes.append(f"{len(out)} trees stand along tree rows, one every {spacing:g} m (assumption).")
    out.attrs["notes"] = notes
    return out


def _layer(city: City, name: str) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Return a layer of the city, empty where the source has none, and a note where that is so."""
    table: gpd.GeoDataFrame | None = getattr(city, name)
    if table is not None:
        return table, []
    words = name.replace("_", " ")
    note = f"Trees were asked for, but this source has no layer of {words}: none are drawn."
    return gpd.GeoDataFrame(geometry=[], index=pd.Index([], dtype=object), crs=city.crs), [note]


def _near(points: NDArray[np.object_], trees: gpd.GeoDataFrame | None, distance_m: float) -> NDArray[np.bool_]:
    """Whether each point lies within a distance [m] of a mapped tree, shape (n,)."""
    near = np.zeros(len(points), dtype=bool)
    if trees is not None and len(trees):
        tree = shapely.STRtree(trees.geometry.to_numpy())
        near[tree.query(points, predicate="dwithin", distance=distance_m)[0]] = True
    return near


def _widths(layer: gpd.GeoDataFrame) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return trunk diameters [m], whether each is tagged, and whether its tag was out of bounds, each (n,)."""
    rules = obstacle_rules()["trees"]
    low, high = float(rules["diameter_low_m"]), float(rules["diameter_high_m"])
    text = tag(layer, "diameter")
    diameter = parsed(text, metres)
    bare = parsed(text, number)
    in_mm = (bare / _MM_PER_M >= low) & (bare / _MM_PER_M <= high)
    diameter = np.where(in_mm, bare / _MM_PER_M, diameter)
    around = parsed(tag(layer, "circumference"), metres) / math.pi
    tagged = np.where(np.isnan(diameter), around, diameter)
    bad = ~np.isnan(tagged) & ~((tagged >= low) & (tagged <= high))
    tagged[bad] = np.nan
    known = ~np.isnan(tagged)
    return np.where(known, tagged, float(rules["default_diameter_m"])), known, bad


def _heights(layer: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Return tagged heights [m], NaN where none is above 0, (n,)."""
    height = parsed(tag(layer, "height"), metres)
    height[~(height > 0)] = np.nan
    return height


def _trunks(
    middle: NDArray[np.float64],
    width_m: NDArray[np.float64],
    height_m: NDArray[np.float64],
    index: pd.Index[str],
    city: City,
) -> gpd.GeoDataFrame:
    """Return octagons about points (n, 2) whose perimeter is that of a circle of each width."""
    # An octagon of circumradius R has the perimeter 16 R sin(pi / 8); a circle of that mean width has pi times it.
    radius = math.pi * width_m / (2 * _CORNERS * math.sin(math.pi / _CORNERS))
    angle = (np.arange(_CORNERS) + 0.5) * 2 * math.pi / _CORNERS
    corner = np.column_stack([np.cos(angle), np.sin(angle)])
    rings = middle[:, None, :] + radius[:, None, None] * corner[None, :, :]
    kind = pd.Series([obstacle_rules()["trees"]["kind"]] * len(index), dtype=object).to_numpy()
    return gpd.GeoDataFrame(
        {"kind": kind, "height_m": height_m},
        geometry=gpd.GeoSeries(shapely.polygons(rings) if len(index) else [], crs=city.crs).to_numpy(),
        index=index.rename("osm_id"),
        crs=city.crs,
    )[["geometry", "kind", "height_m"]]
