"""Ground and public space: every spot in one class, as tables of strips along lines and of polygons.

`public_space` is the door of this part. What is painted where is decided by the order of precedence alone, so the
tables may overlap; `ground_polygons` gives the same ground as disjoint polygons.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from doorview.city.classes import PUBLIC, RANK
from doorview.city.crosssection import GivenWidths
from doorview.city.ground_areas import area_polygons, building_polygons, parcel_polygons
from doorview.city.ground_polygons import ground_polygons
from doorview.city.ground_rules import classify, ground_rules, precedence, width_table
from doorview.city.ground_streets import Mine, StreetGround, StreetSums, path_strips, street_ground
from doorview.city.streets import from_total
from doorview.errors import InputError

if TYPE_CHECKING:
    from doorview.city.model import City

__all__ = ["Ground", "GroundFrame", "ground_frame", "ground_notes", "ground_polygons", "ground_within", "public_space"]

FACADE_STRIP_M = 1.0
"""Ground this near to a building is a class of its own where nothing public lies there [m]."""

STRIP_COLUMNS = ("class", "rank", "inner_m", "outer_m", "side", "face", "osm_id")
POLYGON_COLUMNS = ("class", "rank", "face", "osm_id", "name")
LINE_COLUMNS = ("space", "offset_m", "face", "osm_id")


@dataclass(frozen=True)
class Ground:
    """Ground of a city by class; all geometry in the city's CRS, lengths in metres.

    A spot at distance d from the line of a strip belongs to it where `inner_m <= d < outer_m`, ends round, and, where
    `side` is not 0, the nearest point of the line has it on that side (+1 left of the line's direction, -1 right). A
    spot takes the class of the lowest `rank` among all strips and polygons that hold it; at one rank a strip goes
    before a polygon, the nearest line before a farther one, an earlier row before a later. What nothing holds is yard.

    Attributes:
        faces: LineStrings, index `face`; columns `name`, `highway`, `osm_id`, `length_m`, `ground_class`.
        strips: LineStrings; columns `class`, `rank` (float64), `inner_m`, `outer_m`, `side` (int8), `face` (int32, -1
            none), `osm_id`.
        polygons: Polygons and MultiPolygons; columns `class`, `rank`, `face` (-1), `osm_id`, `name`.
        lines: LineStrings; columns `space` (`centreline`, `sidewalk_line`), `offset_m` (left positive), `face`,
            `osm_id`.
        notes: Counts, defaults and their sources, the order of precedence.
    """

    faces: gpd.GeoDataFrame
    strips: gpd.GeoDataFrame
    polygons: gpd.GeoDataFrame
    lines: gpd.GeoDataFrame
    notes: dict[str, Any]


def public_space(
    city: City,
    doors: gpd.GeoDataFrame | None = None,
    *,
    lane_width_m: float | None = None,
    sidewalk_width_m: float | None = None,
) -> Ground:
    """Sort the ground of a city into classes, public and private.

    Args:
        city: The city; `ways`, `areas`, `buildings`, `parcels` and `country` are read.
        doors: Doors, only to note how many block faces have homes (optional).
        lane_width_m: Width of a lane where no tag gives the carriageway [m]; None for the country's default. A default
            carriageway changes by the whole lanes that it holds, its street space stays.
        sidewalk_width_m: Width of a sidewalk where no tag gives it [m]; None for the country's default. Where the
            country has no sidewalk by default, there is none still.

    Raises:
        InputError: The city's coordinates are not in metres, its country profile is unknown, or a width is implausible.

    Examples:
        A street of 400 m is cut at 200 m into two block faces:

        >>> import geopandas as gpd, shapely
        >>> import doorview as dv
        >>> corners = [(5e5 + x, y) for x in range(0, 200, 20) for y in (8.0, -18.0)]
        >>> shapes = [shapely.box(x, y, x + 10.0, y + 10.0) for x, y in corners]
        >>> houses = gpd.GeoDataFrame({"building": ["house"] * 20}, geometry=shapes, crs="EPSG:32618")
        >>> line = shapely.LineString([(499900, 0), (500300, 0)])
        >>> street = gpd.GeoDataFrame({"highway": ["residential"]}, geometry=[line], crs="EPSG:32618")
        >>> city = dv.City.from_layers(buildings=houses, streets=street, country="us")
        >>> dv.public_space(city).faces["length_m"].round(6).tolist()
        [200.0, 200.0]
    """
    frame = ground_frame(city, lane_width_m=lane_width_m, sidewalk_width_m=sidewalk_width_m)
    ground = ground_within(frame, city.buildings, city.parcels)
    if doors is not None and len(ground.faces):
        ground.notes["counts"]["faces_with_a_door_within_50_m"] = _faces_near(ground.faces, doors, 50.0)
    return ground


@dataclass(frozen=True)
class GroundFrame:
    """The ground of a city but for its buildings and parcels: streets hang together and are laid out as a whole."""

    city: City
    streets: StreetGround
    paths: gpd.GeoDataFrame
    areas: gpd.GeoDataFrame
    with_parcels: bool
    given: GivenWidths
    counts: tuple[dict[str, Any], dict[str, Any]]

    def meeting(self, box: tuple[float, float, float, float]) -> GroundFrame:
        """Return the frame with what meets a box (west, south, east, north) [m] alone; faces keep their numbers."""
        streets = replace(
            self.streets,
            strips=_meeting(self.streets.strips, box, self.streets.strips["outer_m"].to_numpy()),
            lines=_meeting(self.streets.lines, box, np.abs(self.streets.lines["offset_m"].to_numpy())),
        )
        paths = _meeting(self.paths, box, self.paths["outer_m"].to_numpy())
        return replace(self, streets=streets, paths=paths, areas=_meeting(self.areas, box, 0.0))


def _meeting(
    table: gpd.GeoDataFrame, box: tuple[float, float, float, float], reach_m: npt.NDArray[np.float64] | float
) -> gpd.GeoDataFrame:
    bounds = shapely.bounds(table.geometry.to_numpy()).reshape(-1, 4)
    west, south, east, north = box
    meets = (bounds[:, 0] - reach_m <= east) & (bounds[:, 2] + reach_m >= west)
    meets &= (bounds[:, 1] - reach_m <= north) & (bounds[:, 3] + reach_m >= south)
    return table[meets]


def ground_frame(
    city: City,
    *,
    lane_width_m: float | None = None,
    sidewalk_width_m: float | None = None,
    with_parcels: bool | None = None,
    junctions: npt.NDArray[np.int64] | None = None,
    mine: Mine | None = None,
) -> GroundFrame:
    """Lay out streets, paths and areas of a city; arguments and errors as `public_space`.

    `junctions` and `mine`, as `street_ground`, are for a part of a city.

    `with_parcels` says whether the city has parcels, where they are not in the city's table.
    """
    _check(city)
    given = _given_widths(lane_width_m, sidewalk_width_m)
    rules = ground_rules()
    ways = city.ways
    lengths = shapely.length(ways.geometry.to_numpy())
    ways = ways[lengths > 0]
    verdict = classify(ways, rules.ways, city.country)
    is_street = np.isin(verdict.ground, ["carriageway", "alley"])
    kind = np.where(verdict.ground == "alley", "alley", verdict.kind)
    is_sidewalk = verdict.ground == "sidewalk"
    if with_parcels is None:
        with_parcels = city.parcels is not None and len(city.parcels) > 0
    streets = street_ground(
        ways[is_street],
        verdict.ground[is_street],
        kind[is_street],
        ways[is_sidewalk],
        city.country,
        parcels=with_parcels,
        given=given,
        junctions=junctions,
        mine=mine,
    )
    others = ~is_street & ~is_sidewalk & (verdict.ground != "none")
    paths, path_counts = path_strips(ways[others], verdict.ground[others], verdict.kind[others], city.country, given)
    areas, area_counts = area_polygons(city.areas, city.country, parcels=with_parcels)
    counts = {
        "ways": _by_class(verdict.ground),
        "ways_no_rule": int(np.sum(verdict.rule < 0)),
        "ways_zero_length": int(np.sum(lengths == 0)),
        **streets.counts,
        **path_counts,
    }
    return GroundFrame(city, streets, paths, areas, with_parcels, given, (counts, area_counts))


def ground_within(frame: GroundFrame, buildings: gpd.GeoDataFrame, parcels: gpd.GeoDataFrame | None) -> Ground:
    """Return the ground of a frame with its buildings and parcels; counts of both are of those given."""
    streets, crs = frame.streets, frame.city.crs
    built, building_counts = building_polygons(buildings)
    tables = [built, frame.areas]
    parcel_counts: dict[str, int] = {}
    if parcels is not None and len(parcels):
        lots, parcel_counts = parcel_polygons(parcels, streets.pieces.lines)
        tables.append(lots)
    polygons = _join(tables, POLYGON_COLUMNS, crs)
    strips = _join([streets.strips, frame.paths, _facade_strips(built)], STRIP_COLUMNS, crs)
    counts = {**frame.counts[0], **building_counts, **frame.counts[1], **parcel_counts}
    notes = ground_notes(frame, streets.sums, counts)
    return Ground(streets.faces, strips, polygons, streets.lines, notes)


def _check(city: City) -> None:
    if city.country not in ("us", "world"):
        raise InputError(
            f"unknown country profile '{city.country}' of city '{city.name}': "
            "widths by default are known for 'us' and 'world'. "
            "Give one of them: City.from_extract(path, country='world')."
        )
    crs = city.ways.crs
    if crs is not None and not crs.is_projected:
        raise InputError(
            f"the streets of '{city.name}' are in degrees ({crs.name}), but widths of streets are metres. "
            "Project the city first: City.from_extract(path) does so by itself."
        )


def _given_widths(lane_m: float | None, sidewalk_m: float | None) -> GivenWidths:
    """Check the user's own widths against the bounds of the width table."""
    faults = []
    for name, value, row in (("lane_width_m", lane_m, "lane"), ("sidewalk_width_m", sidewalk_m, "sidewalk")):
        limit = width_table()["bounds"][row]
        # Written so that NaN is refused too.
        if value is not None and not limit["low_m"] <= value <= limit["high_m"]:
            faults.append(f"{name} is {value:g}, but must lie from {limit['low_m']:g} to {limit['high_m']:g} m")
    if faults:
        raise InputError(
            f"{'; '.join(faults)}: a street so wide or narrow would make the shares wrong. "
            "Give metres, e.g. public_space(city, lane_width_m=3.0, sidewalk_width_m=1.5), or leave it out."
        )
    return GivenWidths(lane_m, sidewalk_m)


def _by_class(ground: npt.NDArray[np.object_]) -> dict[str, int]:
    names, counts = np.unique(ground.astype(str), return_counts=True)
    return {str(name): int(count) for name, count in zip(names, counts, strict=True)}


def _join(tables: Iterable[gpd.GeoDataFrame], columns: tuple[str, ...], crs: Any) -> gpd.GeoDataFrame:
    """Put tables one below the other, with the columns of the contract in order."""
    tables = list(tables)
    data: dict[str, Any] = {}
    for name in columns:
        data[name] = np.concatenate([table[name].to_numpy() for table in tables])
    geometry = np.concatenate([table.geometry.to_numpy() for table in tables])
    text = {name: pd.Series(values, dtype=object) for name, values in data.items() if values.dtype == object}
    return gpd.GeoDataFrame(data | text, geometry=gpd.GeoSeries(geometry, crs=crs))


def _facade_strips(buildings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the strips along the outlines of buildings, a row for each ring."""
    outlines = shapely.boundary(buildings.geometry.to_numpy())
    lines, of_building = shapely.get_parts(outlines, return_index=True)
    count = len(lines)
    return gpd.GeoDataFrame(
        {
            "class": np.full(count, "facade_strip", dtype=object),
            "rank": np.full(count, float(RANK["facade_strip"])),
            "inner_m": np.zeros(count),
            "outer_m": np.full(count, FACADE_STRIP_M),
            "side": np.zeros(count, dtype=np.int8),
            "face": np.full(count, -1, dtype=np.int32),
            "osm_id": buildings["osm_id"].to_numpy(dtype=object)[of_building],
        },
        geometry=gpd.GeoSeries(lines, crs=buildings.crs),
    )


def _faces_near(faces: gpd.GeoDataFrame, doors: gpd.GeoDataFrame, near_m: float) -> int:
    tree = shapely.STRtree(doors.geometry.to_numpy())
    found = tree.query(faces.geometry.to_numpy(), predicate="dwithin", distance=near_m)
    return len(np.unique(found[0]))


def ground_notes(frame: GroundFrame, sums: StreetSums, counts: dict[str, Any]) -> dict[str, Any]:
    """Return what is said of the ground of a city (`Ground.notes`), with sums over its streets."""
    widths, country, given = width_table(), frame.city.country, frame.given
    return {
        "order": precedence(),
        "public": sorted(PUBLIC, key=lambda name: RANK[name]),
        "country": country,
        "with_parcels": frame.with_parcels,
        "counts": counts,
        "street_length_m": {space: from_total(total) for space, total in sums.length.items()},
        "length_merged_m": from_total(sums.merged),
        "carriageway_width_from": sums.width_from,
        "sidewalk_sides": sums.sidewalk_sides,
        "ignored_tag_values": dict(sorted(sums.ignored.items())),
        "widths_given": {"lane_width_m": given.lane_m, "sidewalk_width_m": given.sidewalk_m},
        "defaults": {name: dict(row) for name, row in widths[country].items()},
        "path_defaults": {name: dict(row) for name, row in widths["paths"].items()},
        "sources": {name: dict(row) for name, row in widths["sources"].items()},
    }
