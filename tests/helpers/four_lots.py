"""A street with houses on lots whose ground can be worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import shapely

from doorview.city.model import City

CRS = "EPSG:32618"
EAST = 500_000.0
LOTS, WIDTH = 4, 20.0
FRONT, HOUSE_FRONT, BACK = 8.0, 18.0, 48.0
"""Lot lines and the houses' front, north of the street's centreline at y = 0 [m]."""


def lot_box(number: int) -> shapely.Polygon:
    """The lot of a house: 20 m wide, from 8 to 48 m north of the centreline."""
    west = EAST - 40.0 + WIDTH * number
    return shapely.box(west, FRONT, west + WIDTH, BACK)


def street_city(
    houses: int,
    *,
    sheds: bool = False,
    opposite: bool = False,
    more: Sequence[Any] = (),
    house_front: float = HOUSE_FRONT,
    parcels: gpd.GeoDataFrame | None = None,
) -> City:
    """A street of 400 m and houses of 10 m by 10 m on its north side, one every 20 m; as many opposite, and `more`."""
    west = [EAST - 35.0 + WIDTH * number for number in range(houses)]
    shapes: list[Any] = [shapely.box(x, house_front, x + 10.0, house_front + 10.0) for x in west]
    if opposite:
        shapes += [shapely.box(x, -house_front - 10.0, x + 10.0, -house_front) for x in west]
    shapes += more
    kinds = ["house"] * len(shapes)
    if sheds:
        shapes += [shapely.box(x, house_front + 20.0, x + 4.0, house_front + 24.0) for x in west]
        kinds += ["shed"] * houses
    buildings = gpd.GeoDataFrame({"building": kinds}, geometry=shapes, crs=CRS)
    line = shapely.LineString([(EAST - 200.0, 0.0), (EAST + 200.0, 0.0)])
    streets = gpd.GeoDataFrame({"highway": ["residential"], "name": ["Elm Street"]}, geometry=[line], crs=CRS)
    extent = shapely.box(EAST - 150.0, -150.0, EAST + 150.0, 150.0)
    return City.from_layers(
        buildings=buildings, streets=streets, parcels=parcels, country="us", boundary=gpd.GeoSeries([extent], crs=CRS)
    )


def four_lots(
    *,
    crs: str = CRS,
    leave_out: Sequence[int] = (),
    more: Sequence[Any] = (),
    house_front: float = HOUSE_FRONT,
) -> City:
    """Four houses and their parcels, some left out, some more, in any CRS."""
    shapes = [lot_box(number) for number in range(LOTS) if number not in leave_out]
    parcels = gpd.GeoDataFrame(geometry=[*shapes, *more], crs=CRS).to_crs(crs)
    return street_city(LOTS, house_front=house_front, parcels=parcels)
