"""Views over private ground too: whose land each door sees, and which doors see whose front yard.

Lots and front yards are counted as zones are, by the cells of the same grid, so that all ground of a view has a class
and, where it lies on a lot, an owner; nothing is seen in another way than for the shares of public space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from doorview.city.classes import CLASSES
from doorview.share.coverage import Coverage, Members
from doorview.share.grid import TileIndex
from doorview.share.scene import Scene, polygon_edges, tiles_of

__all__ = ["PARTS", "PRIVATE", "SetsOfOthers", "WhoseGround", "front_yard_rows", "lot_scene", "view_parts", "whose"]

PARTS: dict[str, str] = {
    "own": "private ground on the home's own lot",
    "street": "carriageways, alleys and the verge: public",
    "sidewalk": "sidewalks: public",
    "park": "parks, playgrounds, common green: public",
    "other_public": "squares, paths and other public ground",
    "others_homes": "private ground on lots of other homes",
    "other_private": "private ground that belongs to no home known: shops, schools, land beyond lots",
    "closed": "water, railways, motorways and other closed ground",
    "building": "cells at walls, low roofs and passages: what counting by cells leaves on footprints",
}
"""The parts of a camera's view, which add up to all of it."""
PRIVATE = ("driveway", "facade_strip", "yard")
"""Classes of ground that belong to whose lot they lie on."""
_PUBLIC_PART = {"carriageway": "street", "alley": "street", "verge": "street", "sidewalk": "sidewalk", "park": "park"}

Ints = NDArray[np.int64]


def _part_of_class(name: str, public: bool) -> str:
    if name in PRIVATE:
        return "other_private"
    if name == "building":
        return "building"
    return _PUBLIC_PART.get(name, "other_public") if public else "closed"


_NAMES = tuple(PARTS)
_PART = np.array([_NAMES.index(_part_of_class(item.name, item.public)) for item in CLASSES], dtype=np.int64)
_IS_PRIVATE = np.isin([item.name for item in CLASSES], PRIVATE)
OWN, OTHERS = _NAMES.index("own"), _NAMES.index("others_homes")


@dataclass(frozen=True)
class WhoseGround:
    """What each combination of a lot scene's zones means: arrays over `Coverage.zones`.

    `inside`: in the counted area; `lot`: number of the lot, -1 for none; `front`: in its front yard; `zones`: the
    study's own zones, as booleans (combinations, zones).
    """

    inside: NDArray[np.bool_]
    lot: Ints
    front: NDArray[np.bool_]
    zones: NDArray[np.bool_]


def lot_scene(
    scene: Scene, lots: NDArray[Any], fronts: NDArray[Any], zones: Sequence[Any] | NDArray[Any], extent: Any
) -> Scene:
    """Return a scene whose views are counted over all ground of the extent, by lot and front yard.

    Parameters
    ----------
    scene
        As from `build_scene`; the counted area becomes a mark of ground, so that views which leave it are whole.
    lots, fronts
        (lots,) polygons that do not overlap, and the front yard of each, empty for none.
    zones
        Polygons of the study's zones.
    extent
        Where the data reach.

    """
    shapes = np.array([scene.inside, *lots, *fronts, *zones], dtype=object)
    edges = polygon_edges(shapes)
    reach = scene.reach_m
    wide = shapely.intersection(shapely.buffer(scene.inside, reach + scene.grid.cell_m, join_style="mitre"), extent)
    nothing = TileIndex(np.zeros((0, 4)), scene.grid)
    return replace(
        scene,
        inside=wide,
        counted_tiles=tiles_of(wide, scene.grid),
        inside_edges=polygon_edges(np.array([wide], dtype=object)).edges,
        zone_edges=edges,
        # Nearness to homes, block faces and known cameras are nothing that is asked here.
        unit_face=np.full_like(scene.unit_face, -1),
        index={**scene.index, "zones": TileIndex(edges.bounds, scene.grid), "homes": nothing},
        range_curve=None,
        known=None,
        all_ground=True,
    )


def whose(coverage: Coverage, lots: int) -> WhoseGround:
    """Return what the combinations of zones mean in the coverage of a lot scene with so many lots."""
    number = len(coverage.zones)
    most = max((max(held) for held in coverage.zones if held), default=0)
    inside, front = np.zeros(number, bool), np.zeros(number, bool)
    lot = np.full(number, -1, np.int64)
    zones = np.zeros((number, max(most - 2 * lots, 0)), bool)
    for at, held in enumerate(coverage.zones):
        for item in held:
            if item == 0:
                inside[at] = True
            elif item <= lots:
                lot[at] = item - 1
            elif item <= 2 * lots:
                front[at] = True
            else:
                zones[at, item - 2 * lots - 1] = True
    return WhoseGround(inside, lot, front, zones)


def view_parts(coverage: Coverage, ground: WhoseGround, lot_of_door: Ints) -> NDArray[np.float64]:
    """Return (levels, doors, parts) areas of each door's view [m2] by whose ground it is, in the order of `PARTS`.

    `lot_of_door` is over the coverage's doors; a door with two views stands twice.
    """
    rows, members = coverage.rows, coverage.members
    space = np.asarray(rows["space"], np.int64)
    rows = rows[space < len(CLASSES)]
    space = np.asarray(rows["space"], np.int64)
    sets, amount = np.asarray(rows["set"], np.int64), np.asarray(rows["amount"], np.int64)
    level, lot = np.asarray(rows["level"], np.int64), ground.lot[np.asarray(rows["zones"], np.int64)]
    doors = len(lot_of_door)
    out = np.zeros((len(coverage.levels), doors, len(PARTS)))
    for number in range(len(coverage.levels)):  # one level at a time: memberships are many
        here = np.flatnonzero(level == number)
        size = members.size[sets[here]]
        row = np.repeat(here, size)
        door = members.doors[_ranges(members.start[sets[here]], size)]
        part = _PART[space[row]]
        held = _IS_PRIVATE[space[row]] & (lot[row] >= 0)
        part[held] = np.where(lot[row][held] == lot_of_door[door][held], OWN, OTHERS)
        cells = np.bincount(door * len(PARTS) + part, weights=amount[row], minlength=doors * len(PARTS))
        out[number] = cells.reshape(doors, len(PARTS)) * coverage.cell_m**2
    return out


def _ranges(start: Ints, size: Ints) -> Ints:
    """Return start[0], start[0] + 1, ... start[0] + size[0] - 1, start[1], ..."""
    ends = np.cumsum(size)
    total = int(ends[-1]) if len(ends) else 0
    found: Ints = np.repeat(start - (ends - size), size) + np.arange(total)
    return found


@dataclass(frozen=True)
class SetsOfOthers:
    """Ground or facades in view by sets of doors of other homes, and what there is of it.

    Per row: `level`, `sets` (into `members`), `amount` (whole counts of `unit`), `owner` (whose it is: the lot) and
    `zones` (rows, zones). Per owner: `total`, and `total_zones` (lots, zones): counts in all.
    """

    level: Ints
    sets: Ints
    amount: Ints
    owner: Ints
    zones: NDArray[np.bool_]
    members: Members
    total: Ints
    total_zones: Ints
    unit: float


def front_yard_rows(coverage: Coverage, ground: WhoseGround, lot_of_door: Ints, lots: int, zones: int) -> SetsOfOthers:
    """Return which sets of other homes' doors see how much of the private front yards in the counted area.

    Doors of the lot itself are taken out of every set: nobody's own camera counts.
    """
    marks = np.zeros((len(ground.lot), zones), bool)
    marks[:, : ground.zones.shape[1]] = ground.zones[:, :zones]
    yard = ground.inside & ground.front & (ground.lot >= 0)
    private = np.flatnonzero(_IS_PRIVATE)

    def kept(table: Any) -> tuple[Any, Ints]:
        combination = np.asarray(table["zones"], np.int64)
        rows = np.isin(np.asarray(table["space"], np.int64), private) & yard[combination]
        return table[rows], combination[rows]

    totals, combination = kept(coverage.totals)
    amount = np.asarray(totals["amount"], np.int64)
    total, total_zones = np.zeros(lots, np.int64), np.zeros((lots, zones), np.int64)
    np.add.at(total, ground.lot[combination], amount)
    np.add.at(total_zones, ground.lot[combination], amount[:, None] * marks[combination])
    rows, combination = kept(coverage.rows)
    owner = ground.lot[combination]
    sets, members = without_own(coverage.members, np.asarray(rows["set"], np.int64), owner, lot_of_door)
    seen = members.size[sets] > 0
    return SetsOfOthers(
        np.asarray(rows["level"], np.int64)[seen], sets[seen], np.asarray(rows["amount"], np.int64)[seen], owner[seen],
        marks[combination][seen], members, total, total_zones, coverage.cell_m**2,
    )  # fmt: skip


def without_own(members: Members, sets: Ints, owner: Ints, lot_of_door: Ints) -> tuple[Ints, Members]:
    """Return the number of each row's set less the doors on the owner's lot, and those sets; some may be empty."""
    pair = sets * (int(owner.max(initial=0)) + 1) + owner
    _, first, number = np.unique(pair, return_index=True, return_inverse=True)
    size = members.size[sets[first]]
    row = np.repeat(np.arange(len(first)), size)
    door = members.doors[_ranges(members.start[sets[first]], size)]
    other = lot_of_door[door] != owner[first][row]
    start = np.concatenate([[0], np.cumsum(np.bincount(row[other], minlength=len(first)))]).astype(np.int64)
    return np.asarray(number.ravel(), np.int64), Members(start, door[other])
