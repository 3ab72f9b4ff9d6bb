"""A town of two long streets and three short ones, with a school, a park and stops, for ways that are worked out."""

from __future__ import annotations

from pathlib import Path

from helpers.osmfile import OsmFile

LONG_M = 200.0
WIDTH_M = 50.0
HOUSES = (30.0, 60.0, 130.0, 160.0)
"""Middles of the houses along the south street [m]; on its south side alone, so that the north street has none."""


def walk_town(
    path: Path,
    *,
    extra: bool = False,
    stop: bool = True,
    camera: tuple[float, float] | None = None,
    island: bool = False,
) -> Path:
    """Write it: streets y = 0 and y = 50 from x = 0 to 200, joined at x = 0, 100 and 200, in a box with known edges.

    A school lies west and a park east of it, each touched by a path; a bus stop stands on the north street. Houses of
    12 m face the south street from 6 m beside its middle, seven homes in the first of them. `extra`: another place of
    the school's name. `camera`: a mapped one there. `island`: a path north of the town that hangs on nothing.
    """
    town = OsmFile()
    at = (0.0, 100.0, LONG_M)
    south = [town.node(x, 0.0) for x in at]
    north = [town.node(x, WIDTH_M) for x in at]
    west, east = town.node(-40.0, 0.0), town.node(LONG_M + 40.0, 0.0)
    street = {"highway": "residential", "sidewalk": "no"}
    town.way(south, {**street, "name": "South Street"})
    town.way(north, {**street, "name": "North Street"})
    for low, high in zip(south, north, strict=True):
        town.way([low, high], {**street, "name": "Cross Street"})
    town.way([west, south[0]], {"highway": "footway"})
    town.way([south[-1], east], {"highway": "footway"})
    town.box(-80.0, -20.0, 60.0, 40.0, {"amenity": "school", "name": "Hill School"})
    town.box(-60.0, -10.0, 20.0, 20.0, {"building": "school", "name": "Hill School"})
    town.box(LONG_M + 20.0, -20.0, 60.0, 40.0, {"leisure": "park", "name": "Mill Park"})
    if stop:
        town.node(100.0, WIDTH_M + 4.0, {"highway": "bus_stop", "name": "North Street"})
    if camera is not None:
        town.node(*camera, {"man_made": "surveillance", "surveillance:type": "camera"})
    if island:
        town.line([(80.0, 170.0), (120.0, 170.0)], {"highway": "footway"})
    for number, x in enumerate(HOUSES):
        tags = {"building": "house", "addr:housenumber": str(number + 1), "addr:street": "South Street"}
        if number == 0:
            tags |= {"building": "apartments", "building:flats": "7"}
        town.box(x - 6.0, -18.0, 12.0, 12.0, tags)
    if extra:
        town.box(60.0, 100.0, 20.0, 20.0, {"amenity": "school", "name": "Hill School"})
    return town.write(path, box=(-150, -110, LONG_M + 150, 190))
