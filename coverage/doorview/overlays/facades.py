"""Facades of homes along streets, and from which doors they are in view.

The walls of a home that face a street are taken at the middle of pieces of `STEP_M`, `OUT_M` before the wall. A piece
is in view of a door where that spot is: at the height that the level looks for a face, which for the default of 1.5 m
is the middle of the band of ground-floor windows assumed here, 0.9 to 2.1 m above the ground. Upper floors are not
counted, nor what is behind the glass.

A level's range is that of something that faces the camera. The picture of a wall seen at the angle i from its normal is
narrower by cos(i), and so is the density of pixels along it: `oblique` asks for the level's density on the wall itself,
so that a piece counts up to the range times cos(i).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from doorview.overlays.lots import Lots
from doorview.share.coverage import Members
from doorview.share.lots import SetsOfOthers, without_own
from doorview.share.scene import Scene
from doorview.sight.points import over_terrain, seen_pairs

if TYPE_CHECKING:
    from doorview.city.ground import Ground

__all__ = ["BAND_M", "Facades", "facade_rows", "street_facades"]

STEP_M = 0.5
"""Length of a piece of wall that one spot stands for [m]."""
OUT_M = 0.05
"""The spot lies this far before the wall [m]."""
BAND_M = (0.9, 2.1)
"""Sill and head of ground-floor windows above the ground [m]; assumed, no source."""
FACING_COSINE = 0.5
"""A wall faces a street whose nearest point lies within 60 degrees of straight ahead; assumed."""
FACING_MOST_M = 60.0
"""How far the street's centreline may be [m]; assumed."""
PIECE_M = 5.0
"""Walls are judged whether they face a street in pieces no longer than this [m]."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Facades:
    """Spots before walls that face a street.

    `xy` (n, 2) [m], `normal` (n, 2) outward unit vectors, `length_m` of wall that each stands for, `lot` (n,) whose
    wall it is.
    """

    xy: Floats
    normal: Floats
    length_m: Floats
    lot: Ints

    def where(self, keep: NDArray[np.bool_]) -> Facades:
        """Return some of the spots."""
        return Facades(self.xy[keep], self.normal[keep], self.length_m[keep], self.lot[keep])


def street_facades(lots: Lots, doors: gpd.GeoDataFrame, ground: Ground, *, step_m: float = STEP_M) -> Facades:
    """Return the walls of homes that face a street, as spots.

    A wall faces a street where the nearest point of any street's centreline (no alley) lies within `FACING_MOST_M` and
    60 degrees of its outward normal, and no building stands between. Outer walls alone: courtyards face no street.

    Parameters
    ----------
    lots
        As from `lots_of_homes`: a wall belongs to the nearest lot of its building's doors.
    doors, ground
        As from `find_doors` and `public_space`.
    step_m
        Length of wall that one spot stands for [m], at most.

    """
    polygons = ground.polygons
    is_building = polygons["class"].to_numpy(dtype=object) == "building"
    walls = polygons.geometry.to_numpy()[is_building]
    row_of = {name: row for row, name in enumerate(polygons["osm_id"].to_numpy(dtype=object)[is_building].tolist())}
    known = np.flatnonzero(lots.of_door >= 0)
    of_building: dict[int, list[int]] = {}
    for door, name in zip(known.tolist(), doors["building"].to_numpy(dtype=object)[known].tolist(), strict=True):
        if name in row_of:
            of_building.setdefault(row_of[name], []).append(int(lots.of_door[door]))
    lines = ground.faces.geometry.to_numpy()[ground.faces["ground_class"].to_numpy(dtype=object) != "alley"]
    homes = np.array(sorted(of_building), dtype=np.int64)
    if not len(homes) or not len(lines):
        return Facades(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0), np.zeros(0, np.int64))
    start, end, home = _outlines(walls[homes])
    start, end, home = _cut(start, end, home, PIECE_M)
    facing = _faces_street(start, end, walls, lines)
    start, end, home = _cut(start[facing], end[facing], home[facing], step_m)
    along = end - start
    length = np.hypot(*along.T)
    normal = np.column_stack([along[:, 1], -along[:, 0]]) / length[:, None]
    xy = (start + end) / 2 + OUT_M * normal
    return Facades(xy, normal, length, _lots_of(xy, homes[home], of_building, lots))


def _outlines(shapes: NDArray[Any]) -> tuple[Floats, Floats, Ints]:
    """Return starts and ends (n, 2) of the outer walls of shapes, the inside on the left, and whose they are (n,)."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    rings = shapely.get_exterior_ring(shapely.orient_polygons(parts))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    joined = (ring[1:] == ring[:-1]) & (np.abs(np.diff(xy, axis=0)).max(axis=1) > 0)
    return xy[:-1][joined], xy[1:][joined], owner[ring[:-1][joined]].astype(np.int64)


def _cut(start: Floats, end: Floats, owner: Ints, most_m: float) -> tuple[Floats, Floats, Ints]:
    """Return walls cut into equal pieces no longer than `most_m` [m]."""
    pieces = np.maximum(np.ceil(np.hypot(*(end - start).T) / most_m - 1e-9), 1).astype(np.int64)
    row = np.repeat(np.arange(len(pieces)), pieces)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    step = (end - start)[row] / pieces[row][:, None]
    first = start[row] + nth[:, None] * step
    return first, first + step, owner[row]


def _faces_street(start: Floats, end: Floats, walls: NDArray[Any], lines: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which pieces of wall (n,) face a street."""
    along = end - start
    normal = np.column_stack([along[:, 1], -along[:, 0]]) / np.hypot(*along.T)[:, None]
    spot = shapely.points((start + end) / 2 + OUT_M * normal)
    at, line = shapely.STRtree(lines).query_nearest(spot, max_distance=FACING_MOST_M, all_matches=False)
    way = shapely.shortest_line(spot[at], lines[line])
    ends = shapely.get_coordinates(way).reshape(-1, 2, 2)
    vector = ends[:, 1] - ends[:, 0]
    away = np.hypot(*vector.T)
    ahead = (vector * normal[at]).sum(axis=1) >= FACING_COSINE * away
    at, way = at[ahead], way[ahead]
    blocked = np.unique(shapely.STRtree(walls).query(way, predicate="intersects")[0])
    facing = np.zeros(len(start), bool)
    facing[at] = True
    facing[at[blocked]] = False
    return facing


def _lots_of(xy: Floats, building: Ints, of_building: dict[int, list[int]], lots: Lots) -> Ints:
    """Return whose each spot's wall is: the only lot of its building, else the nearest."""
    out = np.array([of_building[row][0] for row in building.tolist()], dtype=np.int64)
    for row, found in of_building.items():
        several = np.unique(found)
        if len(several) > 1:
            here = np.flatnonzero(building == row)
            away = shapely.distance(shapely.points(xy[here])[:, None], lots.shapes[several][None, :])
            out[here] = several[np.argmin(away, axis=1)]
    return out


def facade_rows(
    scene: Scene,
    facades: Facades,
    lot_of_door: Ints,
    lots: int,
    zones: NDArray[np.bool_],
    *,
    oblique: bool = False,
    limits: NDArray[Any] | None = None,
) -> SetsOfOthers:
    """Return which sets of other homes' doors have which pieces of facade in view; amounts in centimetres.

    Parameters
    ----------
    scene
        As from `build_scene`, with all its doors; kit by kit, over terrain where it has one.
    facades
        The spots that are counted.
    lot_of_door
        (doors,) over the scene's doors.
    lots
        Number of lots.
    zones
        (spots, zones) which zones each spot lies in.
    oblique
        Whether the wall's own density of pixels counts; see the module.
    limits
        (doors,) polygons outside of which a door sees nothing, None where nothing is cut.

    """
    amount = np.rint(100.0 * facades.length_m).astype(np.int64)
    total, total_zones = np.zeros(lots, np.int64), np.zeros((lots, zones.shape[1]), np.int64)
    np.add.at(total, facades.lot, amount)
    np.add.at(total_zones, facades.lot, amount[:, None] * zones)
    level, spot, door = _pairs(scene, facades, oblique)
    if limits is not None and len(door):
        cut = np.flatnonzero(~shapely.is_missing(limits[door]))
        inside = shapely.intersects_xy(limits[door[cut]], facades.xy[spot[cut], 0], facades.xy[spot[cut], 1])
        keep = np.ones(len(door), bool)
        keep[cut] = inside
        level, spot, door = level[keep], spot[keep], door[keep]
    order = np.lexsort((door, spot, level))
    level, spot, door = level[order], spot[order], door[order]
    new = np.ones(len(spot), bool)
    new[1:] = (np.diff(spot) != 0) | (np.diff(level) != 0)
    first = np.flatnonzero(new)
    members = Members(np.append(first, len(spot)).astype(np.int64), door)
    level, spot = level[first], spot[first]
    sets, members = without_own(members, np.arange(len(first)), facades.lot[spot], lot_of_door)
    seen = members.size[sets] > 0
    level, spot, sets = level[seen], spot[seen], sets[seen]
    return SetsOfOthers(level, sets, amount[spot], facades.lot[spot], zones[spot], members, total, total_zones, 0.01)


def _pairs(scene: Scene, facades: Facades, oblique: bool) -> tuple[Ints, Ints, Ints]:
    """Return level, spot and door of every sight line that is free."""
    parts: list[tuple[Ints, Ints, Ints]] = []
    for number, kit in enumerate(scene.kits):
        rows = np.flatnonzero(scene.door_kit == number)
        xy, forward = scene.door_xy[rows], scene.door_forward[rows]
        for at, item in enumerate(kit.levels):
            if not len(rows) or not len(facades.xy) or item.range_m <= 0:
                continue
            found = seen_pairs(
                xy, forward, facades.xy, kit.walls, item.range_m, item.field_of_view_degrees, item.near_m
            )
            if scene.terrain is not None:
                found = over_terrain(
                    found, scene.terrain, kit.open_walls, xy, facades.xy, kit.lens_height_m, item.target_height_m
                )
            door, spot = rows[found.camera], found.point
            # A door behind a wall's plane sees its edge, not its face.
            back = scene.door_xy[door] - facades.xy[spot]
            toward = (back * facades.normal[spot]).sum(axis=1)
            keep = toward > 0
            if oblique and item.name != "trigger":
                keep &= found.distance_m**2 <= item.range_m * toward  # d <= range cos(i), and toward = d cos(i)
            parts.append((np.full(int(keep.sum()), at, np.int64), spot[keep], door[keep]))
    if not parts:
        none = np.zeros(0, np.int64)
        return none, none, none
    level, spot, door = (np.concatenate(column) for column in zip(*parts, strict=True))
    return level, spot, door
