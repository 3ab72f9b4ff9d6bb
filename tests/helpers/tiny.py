"""A tiny town of one street and a few houses, whose figures can be checked by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import geopandas as gpd
import shapely

from helpers.osmfile import ORIGIN, OsmFile

HOUSES = 11
"""On each side of the street."""


def tiny_town(
    path: Path,
    *,
    street: str = "Elm Street",
    houses: bool = True,
    flats: str | None = None,
    nodes: Iterable[tuple[float, float, Mapping[str, str]]] = (),
    backwards: bool = False,
) -> Path:
    """Write a street along y = 0 with 11 houses on each side of it, in a box of 400 m by 200 m with known edges.

    `nodes` (x, y, tags) stand in it too, numbered from 1 on. `backwards`: the last object of each kind comes first.
    """
    town = OsmFile()
    for number, (x, y, tags) in enumerate(nodes, start=1):
        town.node(x, y, tags, number=number)
    town.street({"name": street})
    for number in range(HOUSES):
        for side, y in ((1, 12.0), (-1, -24.0)):
            tags = {"building": "house" if houses else "garage"}
            if houses:
                tags |= {"addr:housenumber": str(2 * number + (side < 0) + 1), "addr:street": street}
            if houses and flats and number == 0:
                tags["building:flats"] = flats
            town.box(-165.0 + 30.0 * number, y, 12.0, 12.0, tags)
    return town.write(path, backwards=backwards, box=(-200, -100, 200, 100))


def halves(path: Path, west: float, east: float, *, crs: str | None = "EPSG:4326", west_name: str = "West") -> Path:
    """Write the west and the east half of the tiny town as zones, with counts of dwellings `west` and `east`."""
    town = OsmFile()
    middle = ORIGIN[0]
    (left, low), (right, high) = town.lonlat(-190, -90), town.lonlat(190, 90)
    shapes = [shapely.box(left, low, middle, high), shapely.box(middle, low, right, high)]
    table = {"id": ["W", "E"], "name": [west_name, "East"], "homes": [west, east]}
    gpd.GeoDataFrame(table, geometry=shapes, crs=crs).to_file(path)
    return path
