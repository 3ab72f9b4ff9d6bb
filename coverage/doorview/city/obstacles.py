"""What stands between a camera and the street: buildings, and on request walls, fences and hedges, with heights.

Which tags count, and how high an untagged wall is, is in `rules/obstacles.toml`, each with its source or marked as an
assumption.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from doorview.city.doors_tags import among, natural_order, parsed, tag
from doorview.city.values import count, metres
from doorview.errors import UnknownNameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from doorview.city.model import City

__all__ = ["KINDS", "find_obstacles", "obstacle_rules", "open_or_underground"]

KINDS = ("buildings", "all")


@cache
def obstacle_rules() -> dict[str, Any]:
    """Read `rules/obstacles.toml`, once; a dict of its tables."""
    text = resources.files("doorview.city").joinpath("rules/obstacles.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def below_ground(layer: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Whether each feature lies below the ground: ``layer`` below 0 or ``location=underground``, shape (n,)."""
    rules = obstacle_rules()["buildings"]
    sunk = among(tag(layer, "location"), rules["underground"])
    level = tag(layer, "layer")
    sunk |= np.array([text is not None and text.strip().startswith(("-", "−")) for text in level], dtype=bool)
    return sunk


def open_below(buildings: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Whether one sees through below each building: roofs on posts, what starts high above ground, shape (n,)."""
    rules = obstacle_rules()
    start = parsed(tag(buildings, "min_height"), metres)
    levels = parsed(tag(buildings, "building:min_level"), count)
    start = np.where(np.isnan(start), levels * float(rules["levels"]["height_m"]), start)
    lifted = start >= float(rules["buildings"]["clear_below_m"])
    return lifted | among(tag(buildings, "building"), rules["buildings"]["open_below"])


def open_or_underground(buildings: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Whether a building takes no ground at eye level, shape (n,)."""
    return below_ground(buildings) | open_below(buildings)


def find_obstacles(city: City, kinds: str = "buildings") -> gpd.GeoDataFrame:
    """Find what hides the street from a camera.

    Parameters
    ----------
    city
        Projected, in metres.
    kinds
        ``"buildings"``, or ``"all"`` for walls, closed fences and hedges too.

    Returns
    -------
    GeoDataFrame
        Polygons and lines, index `osm_id` in natural order (a barrier that is a building too keeps the building's row),
        columns `geometry`, `kind` (`building`, `wall`, `fence`, `hedge`, ...) and `height_m` (float64; NaN: taller than
        any sight line). ``attrs["counts"]``: dict of plain words to counts, what was left out included;
        ``attrs["notes"]``: the assumptions used.

    Raises
    ------
    UnknownNameError
        If `kinds` is neither.

    Notes
    -----
    Heights: ``height``, else ``building:levels`` times 3.0 m (assumption), else NaN for buildings; barriers have
    defaults in `rules/obstacles.toml`. What starts less than 2 m above the ground counts from the ground.
    """
    if kinds not in KINDS:
        raise UnknownNameError("kind of obstacles", kinds, KINDS, "Use kinds='buildings' or kinds='all'.")
    counts: dict[str, int] = {}
    notes: list[str] = []
    parts = [_buildings(city.buildings, counts, notes)]
    if kinds == "all":
        barriers = _barriers(city.barriers, counts, notes)
        parts.append(barriers[~barriers.index.isin(parts[0].index)])
    table = pd.concat(parts)
    table = table.iloc[natural_order(table.index)]
    out = gpd.GeoDataFrame(table[["geometry", "kind", "height_m"]], geometry="geometry", crs=city.crs)
    out.index = pd.Index(out.index, dtype=object, name="osm_id")
    out.attrs["counts"] = counts
    out.attrs["notes"] = notes
    return out


def _table(layer: gpd.GeoDataFrame, kind: Any, height: NDArray[np.float64]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "geometry": layer.geometry.to_numpy(),
            "kind": pd.Series(kind, dtype=object).to_numpy(),
            "height_m": np.asarray(height, dtype=np.float64),
        },
        index=pd.Index(layer.index, dtype=object),
    )


def _buildings(buildings: gpd.GeoDataFrame, counts: dict[str, int], notes: list[str]) -> pd.DataFrame:
    per_level = float(obstacle_rules()["levels"]["height_m"])
    under, through = below_ground(buildings), open_below(buildings)
    counts["buildings below ground, left out"] = int(under.sum())
    counts["buildings open below (roofs, raised parts), left out"] = int((through & ~under).sum())
    kept = buildings[~(under | through) & ~shapely.is_empty(buildings.geometry.to_numpy())]
    height = parsed(tag(kept, "height"), metres)
    height[~(height > 0)] = np.nan
    levels = parsed(tag(kept, "building:levels"), count)
    by_level = np.isnan(height) & (levels > 0)
    counts["buildings"] = len(kept)
    counts["buildings with a tagged height"] = int(np.isfinite(height).sum())
    counts["buildings with a height from levels"] = int(by_level.sum())
    height = np.where(by_level, levels * per_level, height)
    counts["buildings taken as taller than any sight line"] = int(np.isnan(height).sum())
    if by_level.any():
        notes.append(f"{int(by_level.sum())} buildings have their height from levels of {per_level} m (assumption).")
    return _table(kept, ["building"] * len(kept), height)


def _barriers(barriers: gpd.GeoDataFrame, counts: dict[str, int], notes: list[str]) -> pd.DataFrame:
    default: dict[str, float] = {}
    through: dict[str, frozenset[str]] = {}
    for group in obstacle_rules()["barrier"]:
        if group["obstacle"]:
            default |= group["height_m"]
            through |= {value: frozenset(group.get("see_through_types", ())) for value in group["values"]}
    kind = tag(barriers, "barrier")
    opaque = np.array([value in default for value in kind], dtype=bool)
    fence_type = tag(barriers, "fence_type")
    see_through = np.array([t in through.get(k, ()) for k, t in zip(kind, fence_type, strict=True)], dtype=bool)
    under = below_ground(barriers)
    counts["barriers of kinds that hide nothing, left out"] = int((~opaque).sum())
    counts["fences that one sees through, left out"] = int((opaque & see_through).sum())
    counts["barriers below ground, left out"] = int((opaque & ~see_through & under).sum())
    kept = barriers[opaque & ~see_through & ~under & ~shapely.is_empty(barriers.geometry.to_numpy())]
    height = parsed(tag(kept, "height"), metres)
    height[~(height > 0)] = np.nan
    assumed = np.array([default[value] for value in tag(kept, "barrier")], dtype=np.float64)
    counts["barriers"] = len(kept)
    counts["barriers with a tagged height"] = int(np.isfinite(height).sum())
    if np.isnan(height).any():
        notes.append(f"{int(np.isnan(height).sum())} barriers have the default height of their kind.")
    return _table(kept, tag(kept, "barrier"), np.where(np.isnan(height), assumed, height))
