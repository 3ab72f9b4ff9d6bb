"""The fictional demo town: laid out, numbered and given its doors, districts and invented thefts.

`make_town` makes it in memory, of any size; `write_demo` writes the folder of files that ``doorview demo`` gives.
The town is drawn in a frame of its own, turned by a few degrees and set down on empty ground in Kansas, so that the
local UTM zone and the American street widths apply. Nothing in it is real.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from doorview.demo.dice import Dice
from doorview.demo.folder import write_folder
from doorview.demo.names import TOWN
from doorview.demo.network import join_lines, shared_nodes
from doorview.demo.plan import Cell, cells_for, lay_border, lay_quarter
from doorview.demo.sheet import XY, Building, Door, Sheet, Tags
from doorview.demo.streets import HIGH_M, WIDE_M
from doorview.demo.thefts import make_thefts

__all__ = ["CRS", "Relation", "Town", "make_town", "write_demo"]

CRS = "EPSG:32614"
"""UTM zone 14 north."""
SEED = 20260101
_EAST_M, _NORTH_M = 586_000.0, 4_372_400.0
_TURN_DEGREES = 8.0
"""The town's own y axis points this far west of north, so that nothing lies along the grid of cells by chance."""
_DOOR_OUT_M = 0.10
_FLATS_MIN, _FLATS_MAX = 2, 48
_BLOCKS = frozenset({"apartments", "residential", "retail"})
_STREETS, _BUILDINGS, _REST = 0, 1, 2


@dataclass(frozen=True)
class Relation:
    """A relation: its ways (index, role) and tags."""

    members: list[tuple[int, str]]
    tags: Tags


@dataclass(frozen=True)
class Town:
    """A fictional town as OpenStreetMap objects and tables. Node, way and relation k has the OSM id k + 1.

    Attributes
    ----------
    name, seed
        Its name, and the seed that it was made from.
    lonlat
        Longitude and latitude of each node (n, 2) [degrees, 7 decimals as in OpenStreetMap files].
    node_tags
        Tags of the nodes that have any, by node.
    way_nodes, way_starts
        Nodes of all ways one after another; way k holds ``way_nodes[way_starts[k]:way_starts[k + 1]]``.
    way_tags
        Tags of each way.
    relations
        The multipolygons.
    doors
        The planted truth, one row per front door: `lon`, `lat` [degrees, 0.10 m outside the facade], `heading`
        [degrees clockwise from grid north of `CRS`], `dwellings`, `building` (OSM id, `w12` or `r1`), `shown` (what
        tells of it: `entrance`, `address`, `facade`), `street` that it faces, `district`; `x`, `y` in `CRS` [m].
    districts
        Polygons in `CRS` with `id`, `name`, `dwellings` (an invented census), `dwellings_planted`, `median_income`.
    thefts
        Invented package thefts: `lon`, `lat`, `date`, `category`.
    clusters
        Where thefts were planted thickly: `lon`, `lat`, `thefts`, `district`.
    """

    name: str
    seed: int
    lonlat: np.ndarray
    node_tags: dict[int, Tags]
    way_nodes: np.ndarray
    way_starts: np.ndarray
    way_tags: list[Tags]
    relations: list[Relation]
    doors: pd.DataFrame
    districts: gpd.GeoDataFrame
    thefts: pd.DataFrame
    clusters: pd.DataFrame


@dataclass
class _Pile:
    """Ways, loose nodes and relations of the whole town before they get their numbers, in the town's frame."""

    lines: list[np.ndarray] = field(default_factory=list)
    fabrics: list[int] = field(default_factory=list)
    tags: list[Tags] = field(default_factory=list)
    loose: list[tuple[XY, int, Tags]] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)

    def add(self, points: list[XY], fabric: int, tags: Tags, closed: bool = False) -> int:
        """Add a way and return its index; a closed one repeats its first point."""
        self.lines.append(np.asarray([*points, points[0]] if closed else points, dtype=np.float64))
        self.fabrics.append(fabric)
        self.tags.append(tags)
        return len(self.lines) - 1


def make_town(homes: int = 1500, seed: int = SEED) -> Town:
    """Make a fictional town of about so many homes, at some 25 homes a hectare.

    Quarters of six kinds (a grid, cul-de-sacs, crescents along a creek, terraces, an old centre, flats beside a park)
    are repeated with variation as far as needed; each is a district. From six quarters on, the number of homes is met
    exactly by the number of flats behind shared doors.

    Parameters
    ----------
    homes
        Homes wanted, at least 1.
    seed
        Whole number >= 0; the same seed gives the same town on every machine.

    Raises
    ------
    ValueError
        `homes` is less than 1 or `seed` is negative.
    """
    if homes < 1 or seed < 0:
        raise ValueError(f"expected homes >= 1 and seed >= 0, got homes={homes} and seed={seed}")
    cells = cells_for(homes)
    quarters = [lay_quarter(cell, seed) for cell in cells]
    _meet([building for sheet, _ in quarters for building in sheet.buildings], homes)
    pile, rows = _Pile(), []
    _pile_up(pile, lay_border(cells), (0.0, 0.0))
    for number, (cell, (sheet, _)) in enumerate(zip(cells, quarters, strict=True)):
        rows += [(number, *row) for row in _pile_up(pile, sheet, cell.corner)]
    centre = (
        np.mean([cell.corner[0] for cell in cells]) + WIDE_M / 2,
        np.mean([c.corner[1] for c in cells]) + HIGH_M / 2,
    )
    label = {"place": "town", "name": TOWN, "fictional": "yes", "description": "A fictional town; nothing here is real"}
    pile.loose.append(((float(centre[0]), float(centre[1])), _REST, label))
    names = [names.district for _, names in quarters]
    doors = _door_table(rows, names)
    districts = _districts(cells, names, doors, seed)
    thefts, clusters = make_thefts(doors, Dice(seed, 1_000_003))
    for table in (thefts, clusters):
        table["lon"], table["lat"] = _degrees(table.pop("x").to_numpy(), table.pop("y").to_numpy())
    thefts = thefts[["lon", "lat", "date", "category"]].sort_values(["date", "lon", "lat"], ignore_index=True)
    return Town(TOWN, seed, *_numbered(pile), pile.relations, doors, districts, thefts, clusters)


def write_demo(folder: Path | str) -> list[Path]:
    """Write the demo town into a folder: extract, study file, districts, thefts, planted doors, README.

    Returns the paths of the files written; an earlier demo in the folder is replaced.

    Raises
    ------
    OutputError
        The folder holds other files, is a file, or cannot be written.
    """
    return write_folder(make_town(), Path(folder))


def _meet(buildings: list[Building], homes: int) -> None:
    """Change the number of flats behind shared doors, evenly, until the town has so many homes or no more can go in."""
    shared = [item for item in buildings if item.doors and item.doors[0].dwellings > 2]
    missing = homes - sum(door.dwellings for item in buildings for door in item.doors)
    changed = True
    while missing and changed:
        changed = False
        step = 1 if missing > 0 else -1
        for item in shared:
            count = len(item.doors)
            if abs(missing) >= count and _FLATS_MIN <= item.doors[0].dwellings + step <= _FLATS_MAX:
                for door in item.doors:
                    door.dwellings += step
                missing -= step * count
                changed = True


def _pile_up(pile: _Pile, sheet: Sheet, corner: XY) -> list[tuple[float, float, Door, str]]:
    """Add all of a sheet to the pile at `corner`; returns its doors (x, y in the town's frame, door, building id)."""
    dx, dy = corner

    def moved(points: list[XY]) -> list[XY]:
        return [(x + dx, y + dy) for x, y in points]

    for way in sheet.ways:
        pile.add(moved(way.points), _STREETS if "highway" in way.tags else _REST, way.tags)
    for line in sheet.barriers:
        pile.add(moved(line.points), _REST, line.tags)
    for area in sheet.areas:
        pile.add(moved(area.ring), _REST, area.tags, closed=True)
    for park in sheet.multipolygons:
        members = [(pile.add(moved(line), _REST, {}), "outer") for line in park.outers]
        members += [(pile.add(moved(ring), _REST, park.inner_tags, closed=True), "inner") for ring in park.inners]
        pile.relations.append(Relation(members, {"type": "multipolygon", **park.tags}))
    for point, tags in sheet.nodes:
        pile.loose.append((moved([point])[0], _STREETS if tags.keys() & {"highway", "barrier"} else _REST, tags))
    return [row for building in sheet.buildings for row in _pile_building(pile, building, dx, dy)]


def _pile_building(pile: _Pile, building: Building, dx: float, dy: float) -> list[tuple[float, float, Door, str]]:
    tags = dict(building.tags)
    homes = sum(door.dwellings for door in building.doors)
    if homes > len(building.doors) or (homes and tags["building"] in _BLOCKS):
        tags["building:flats"] = str(homes)
    ring = [(x + dx, y + dy) for x, y in building.ring]
    if building.holes:
        members = [(pile.add(ring, _BUILDINGS, {}, closed=True), "outer")]
        for hole in building.holes:
            inner = [(x + dx, y + dy) for x, y in hole]
            members.append((pile.add(inner, _BUILDINGS, {}, closed=True), "inner"))
        pile.relations.append(Relation(members, {"type": "multipolygon", **tags}))
        osm_id = f"r{len(pile.relations)}"
    else:
        osm_id = f"w{pile.add(ring, _BUILDINGS, tags, closed=True) + 1}"
    for (x, y), own in building.notes:
        pile.loose.append(((x + dx, y + dy), _BUILDINGS, own))
    for door in building.doors:
        if door.tags:
            pile.loose.append(((door.x + dx, door.y + dy), _BUILDINGS, door.tags))
    return [(door.x + dx, door.y + dy, door, osm_id) for door in building.doors]


def _numbered(pile: _Pile) -> tuple[np.ndarray, dict[int, Tags], np.ndarray, np.ndarray, list[Tags]]:
    """Join the streets, share nodes, and return nodes and ways as `Town` holds them."""
    streets = [k for k, fabric in enumerate(pile.fabrics) if fabric == _STREETS]
    for k, line in zip(streets, join_lines([pile.lines[k] for k in streets]), strict=True):
        pile.lines[k] = line
    sizes = np.array([len(line) for line in pile.lines])
    points = np.concatenate([*pile.lines, np.array([point for point, _, _ in pile.loose]).reshape(-1, 2)])
    fabric = np.concatenate([np.repeat(pile.fabrics, sizes), [number for _, number, _ in pile.loose]])
    first, node = shared_nodes(points, fabric)
    own = points[first]
    # No node may stand off by a centimetre in two places, so the coordinates of its first point hold for all.
    lonlat = np.column_stack(_degrees(*_placed(own[:, 0], own[:, 1])))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    node_tags: dict[int, Tags] = {}
    for k, (_, _, tags) in zip(node[starts[-1] :].tolist(), pile.loose, strict=True):
        node_tags[k] = {**node_tags.get(k, {}), **tags}
    return lonlat, node_tags, node[: starts[-1]], starts, pile.tags


def _placed(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points of the town's frame in `CRS` [m]."""
    turn = math.radians(_TURN_DEGREES)
    cosine, sine = math.cos(turn), math.sin(turn)
    return _EAST_M + cosine * x - sine * y, _NORTH_M + sine * x + cosine * y


def _degrees(east: np.ndarray, north: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return longitude and latitude [degrees, 7 decimals] of points in `CRS`."""
    lon, lat = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(east, north)
    return np.round(lon, 7), np.round(lat, 7)


def _door_table(rows: list[tuple[int, float, float, Door, str]], names: list[str]) -> pd.DataFrame:
    x, y = _placed(np.array([row[1] for row in rows]), np.array([row[2] for row in rows]))
    heading = (np.array([row[3].heading for row in rows]) - _TURN_DEGREES) % 360.0
    x = x + _DOOR_OUT_M * np.sin(np.radians(heading))
    y = y + _DOOR_OUT_M * np.cos(np.radians(heading))
    lon, lat = _degrees(x, y)
    columns: dict[str, Any] = {
        "lon": lon,
        "lat": lat,
        "heading": np.round(heading, 3) % 360.0,
        "dwellings": np.array([row[3].dwellings for row in rows], dtype=np.int32),
        "building": [row[4] for row in rows],
        "shown": [row[3].shown for row in rows],
        "street": [row[3].street for row in rows],
        "district": [names[row[0]] for row in rows],
        "x": x,
        "y": y,
    }
    return pd.DataFrame(columns)


def _districts(cells: list[Cell], names: list[str], doors: pd.DataFrame, seed: int) -> gpd.GeoDataFrame:
    """Return the quarters as districts. One census in six counts a third more homes than any map can show."""
    dice = Dice(seed, 1_000_033)
    corner = np.array([cell.corner for cell in cells])
    around = np.array([(0.0, 0.0), (WIDE_M, 0.0), (WIDE_M, HIGH_M), (0.0, HIGH_M)])
    ring = corner[:, None, :] + around[None, :, :]
    east, north = _placed(ring[..., 0].ravel(), ring[..., 1].ravel())
    shapes = shapely.polygons(np.column_stack([east, north]).reshape(-1, 4, 2))
    planted = doors.groupby("district")["dwellings"].sum().reindex(names).to_numpy()
    more = np.array([1.34 if cell.kind == "creek" else dice.uniform(0.96, 1.06) for cell in cells])
    income = np.array([1000 * dice.whole(*_INCOMES[cell.kind]) for cell in cells])
    table = {
        "id": [f"D{number + 1:02d}" for number in range(len(cells))],
        "name": names,
        "dwellings": np.round(planted * more).astype(np.int64),
        "dwellings_planted": planted.astype(np.int64),
        "median_income": income,
    }
    return gpd.GeoDataFrame(table, geometry=shapes, crs=CRS)


_INCOMES = {
    "grid": (58, 70),
    "centre": (44, 56),
    "terraces": (36, 46),
    "park": (30, 42),
    "closes": (84, 104),
    "creek": (72, 92),
}
"""Invented median incomes [1000 dollars a year], low to high."""
