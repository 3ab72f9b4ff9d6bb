"""Ground drawn as areas: buildings, parks, squares, parking, water, and the user's parcels and public-space layer."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from doorview.city.classes import RANK
from doorview.city.ground_rules import classify, column, ground_rules

__all__ = ["area_polygons", "building_polygons", "parcel_polygons"]

STREET_PARCEL_WIDTH_M = 30.0
"""A parcel narrower than this along the streets inside it is the street itself [m]."""

PARCEL_RANK = RANK["driveway"] + 0.5
"""Where parcels stand in the order: after all that has a line or area of its own, before what is only supposed."""

_OPEN_RANK = RANK["driveway"] + 0.25
"""Where parks, water and other open ground stand once there are parcels, which hold them too."""


def _polygons(
    geometry: npt.NDArray[np.object_],
    ground: npt.NDArray[np.object_],
    rank: npt.NDArray[np.float64],
    osm_id: npt.NDArray[np.object_],
    name: npt.NDArray[np.object_],
    crs: Any,
) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "class": ground,
            "rank": rank,
            "face": np.full(len(geometry), -1, dtype=np.int32),
            "osm_id": osm_id,
            "name": name,
        },
        geometry=gpd.GeoSeries(geometry, crs=crs),
    )


def building_polygons(buildings: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """Return the footprints that take ground: all but roofs without walls and what lies underground."""
    rules = ground_rules()
    kind = column(buildings, "building").astype(str)
    below = np.isin(column(buildings, "location").astype(str), ["underground"])
    below |= np.char.startswith(column(buildings, "layer").astype(str), "-")
    skip = np.isin(kind, rules.not_ground) | below
    kept = buildings[~skip]
    count = len(kept)
    table = _polygons(
        kept.geometry.to_numpy(),
        np.full(count, "building", dtype=object),
        np.full(count, float(RANK["building"])),
        kept.index.to_numpy(dtype=object),
        column(kept, "name"),
        buildings.crs,
    )
    return table, {"buildings_without_ground": int(skip.sum())}


def area_polygons(areas: gpd.GeoDataFrame, country: str, *, parcels: bool) -> tuple[gpd.GeoDataFrame, dict[str, Any]]:
    """Return areas by class; parks and playgrounds inside closed ground (schools, golf courses) are left out.

    Rows of the user's own layer (index `own:...`) take the class of their column `class`; where that is none, the
    class by the rules, or `other` where no rule decides.

    Args:
        areas: Polygons with tags, index `osm_id`.
        country: Profile.
        parcels: Whether the user gave parcels, which otherwise would turn parks into yards.
    """
    verdict = classify(areas, ground_rules().areas, country)
    ground = verdict.ground.copy()
    osm_id = areas.index.to_numpy(dtype=object)
    geometry = areas.geometry.to_numpy()
    own = np.array([str(item).startswith("own:") for item in osm_id], dtype=bool)
    given = np.array(
        [None if text is None else str(text).strip().lower() for text in column(areas, "class")], dtype=object
    )
    known = np.isin(given.astype(str), [name for name in RANK if name not in ("building", "facade_strip")])
    ground[own & known] = given[own & known]
    ground[own & ~known & (verdict.rule < 0)] = "other"
    unknown_class = int(np.sum(own & ~known & (given != None)))  # noqa: E711 - element by element

    open_ground = np.flatnonzero(np.isin(ground, ["park", "square", "other"]) & ~own)
    closed = np.flatnonzero(verdict.closed)
    inside = np.empty(0, dtype=np.intp)
    if len(open_ground) and len(closed):
        points = shapely.point_on_surface(geometry[open_ground])
        inside = open_ground[np.unique(shapely.STRtree(geometry[closed]).query(points, predicate="intersects")[0])]
        ground[inside] = "none"

    ranks = {name: float(rank) for name, rank in RANK.items()}
    if parcels:
        ranks |= {"water": _OPEN_RANK, "park": _OPEN_RANK + 0.0625, "other": _OPEN_RANK + 0.125}
    keep = np.flatnonzero(ground != "none")
    table = _polygons(
        geometry[keep],
        ground[keep],
        np.array([ranks[name] for name in ground[keep]], dtype=np.float64),
        osm_id[keep],
        column(areas, "name")[keep],
        areas.crs,
    )
    names, number = np.unique(ground.astype(str), return_counts=True)
    return table, {
        "areas": {str(name): int(count) for name, count in zip(names, number, strict=True)},
        "areas_inside_closed_ground": len(inside),
        "own_areas_of_unknown_class": unknown_class,
    }


def parcel_polygons(
    parcels: gpd.GeoDataFrame, streets: npt.NDArray[np.object_]
) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """Return parcels as yards, less those that are a street themselves.

    Args:
        parcels: Polygons, index `osm_id`.
        streets: Centrelines of public streets.
    """
    geometry = parcels.geometry.to_numpy()
    length = np.zeros(len(geometry))
    if len(streets):
        pairs = shapely.STRtree(geometry).query(streets, predicate="intersects")
        inside = shapely.length(shapely.intersection(streets[pairs[0]], geometry[pairs[1]]))
        np.add.at(length, pairs[1], inside)
    is_street = shapely.area(geometry) < STREET_PARCEL_WIDTH_M * length
    kept = parcels[~is_street]
    count = len(kept)
    table = _polygons(
        kept.geometry.to_numpy(),
        np.full(count, "yard", dtype=object),
        np.full(count, PARCEL_RANK),
        kept.index.to_numpy(dtype=object),
        column(kept, "name"),
        parcels.crs,
    )
    return table, {"parcels": count, "parcels_that_are_streets": int(is_street.sum())}
