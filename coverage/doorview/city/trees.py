"""Trees as obstacles: the trunk of each mapped tree, as a small octagon.

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
from doorview.city.values import metres

if TYPE_CHECKING:
    from doorview.city.model import City

__all__ = ["tree_trunks"]

_CORNERS = 8


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
    rules = obstacle_rules()["trees"]
    trees = city.trees
    notes = []
    if trees is None:
        trees = gpd.GeoDataFrame(geometry=[], index=pd.Index([], dtype=object), crs=city.crs)
        notes.append("Trees were asked for, but this source has no layer of trees: none are drawn.")
    away = below_ground(trees) | among(tag(trees, "indoor"), ["yes", "room"])
    kept = trees[~away]
    kept = kept.iloc[natural_order(kept.index)] if len(kept) else kept
    diameter = parsed(tag(kept, "diameter"), metres)
    around = parsed(tag(kept, "circumference"), metres) / math.pi
    tagged = np.where(np.isnan(diameter), around, diameter)
    bad = ~np.isnan(tagged) & ~((tagged >= rules["diameter_low_m"]) & (tagged <= rules["diameter_high_m"]))
    tagged[bad] = np.nan
    width = np.where(np.isnan(tagged), float(rules["default_diameter_m"]), tagged)
    # An octagon of circumradius R has the perimeter 16 R sin(pi / 8); a circle of that mean width has pi times it.
    radius = math.pi * width / (2 * _CORNERS * math.sin(math.pi / _CORNERS))
    angle = (np.arange(_CORNERS) + 0.5) * 2 * math.pi / _CORNERS
    corner = np.column_stack([np.cos(angle), np.sin(angle)])
    middle = shapely.get_coordinates(kept.geometry.to_numpy())
    rings = middle[:, None, :] + radius[:, None, None] * corner[None, :, :]
    height = parsed(tag(kept, "height"), metres)
    height[~(height > 0)] = np.nan
    out = gpd.GeoDataFrame(
        {"kind": pd.Series([rules["kind"]] * len(kept), dtype=object).to_numpy(), "height_m": height},
        geometry=gpd.GeoSeries(shapely.polygons(rings) if len(kept) else [], crs=city.crs).to_numpy(),
        index=pd.Index(kept.index, dtype=object, name="osm_id"),
        crs=city.crs,
    )[["geometry", "kind", "height_m"]]
    out.attrs["counts"] = {
        "trees": len(out),
        "trees with a tagged trunk": int((~np.isnan(tagged)).sum()),
        "trees whose tagged trunk is out of bounds, taken by default": int(bad.sum()),
        "trees below ground or indoors, left out": int(away.sum()),
    }
    by_default = int(np.isnan(tagged).sum())
    if by_default:
        notes.append(f"{by_default} trees have a trunk of {rules['default_diameter_m']} m (assumption).")
    out.attrs["notes"] = notes
    return out
