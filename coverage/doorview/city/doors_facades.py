"""The wall of a home in which the front door is, and the place on it.

A wall is a straight piece of the outline (vertices that bend it by less than 5 cm left out). Each wall is scored in
metres, lowest first::

    cost = d + 8 (1 - n.u) + max(0, 4 - L) / 2 + a |node - place| + penalties

with d the distance from the place to the street, u the direction to it, n the outward normal, L the length of the
wall, and a = 2 for an address node, 40 for an entrance node, 0 without one. Penalties: 25 where another building stands
between the place and the street, 1000 where the own one does or the wall looks away from the street, and 3 for
a place other than the one asked for (the middle). A place without free ground before it is out. All weights are
assumptions.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from doorview.city.doors_streets import Targets

__all__ = ["Places", "Seeds", "Walls", "outline_walls", "place_doors"]

STRAIGHT_M = 0.05
FACING_M = 8.0
SHORT_WALL_M = 4.0
OFF_MIDDLE_M = 3.0
OTHER_BETWEEN_M = 25.0
LOOKS_AWAY_M = 1000.0
LOOKS_AWAY_COS = 0.17  # 80 degrees
SIGHT_STARTS_M = 0.25
BESIDE_M = 0.02
END_MARGIN_M = 0.5
ENTRANCE_WEIGHT = 40.0
ENTRANCE_WALL_MIN_M = 0.5


class Walls(NamedTuple):
    """Straight pieces of outlines, sorted by building: ends [m], outward normal, length [m]."""

    building: NDArray[np.int64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    normal: NDArray[np.float64]
    length: NDArray[np.float64]


class Seeds(NamedTuple):
    """Doors to be placed: building (row), node x, y [m] (NaN without), weight of the distance from the node."""

    building: NDArray[np.int64]
    node: NDArray[np.float64]
    weight: NDArray[np.float64]


class Places(NamedTuple):
    """Where the doors are: `found` (bool), point on the wall (n, 2), outward normal (n, 2), line that it faces (-1)."""

    found: NDArray[np.bool_]
    xy: NDArray[np.float64]
    normal: NDArray[np.float64]
    line: NDArray[np.int64]
    courtyard: NDArray[np.bool_]


class Candidates(NamedTuple):
    """Places that a door may have, sorted by seed. `base` is the cost before anything in the way was looked for."""

    seed: NDArray[np.int64]
    wall: NDArray[np.int64]
    place: NDArray[np.float64]
    cost: NDArray[np.float64]
    base: NDArray[np.float64]
    to: NDArray[np.float64]
    line: NDArray[np.int64]
    settled: NDArray[np.bool_]
    between: NDArray[np.bool_]

    def rows(self, keep: NDArray[Any]) -> Candidates:
        """Return some of the candidates, by mask or position."""
        return Candidates(*(column[keep] for column in self))


def outline_walls(shapes: NDArray[np.object_], straight_m: float = STRAIGHT_M) -> Walls:
    """Walls of the outer rings of polygons, shape (n,); courtyards have none.

    Ends run counter-clockwise round the building, so that the outward normal is to the right.
    """
    parts, owner = shapely.get_parts(shapes, return_index=True)
    bent = np.flatnonzero(_nearly_straight(parts, straight_m))
    parts[bent] = shapely.simplify(parts[bent], straight_m, preserve_topology=True)
    rings = shapely.get_exterior_ring(shapely.orient_polygons(parts))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    inner = ring[1:] == ring[:-1]
    start, end, building = xy[:-1][inner], xy[1:][inner], owner[ring[:-1][inner]]
    along = end - start
    length = np.hypot(along[:, 0], along[:, 1])
    real = length > 1e-6
    along, length = along[real], length[real]
    normal = np.column_stack([along[:, 1], -along[:, 0]]) / length[:, None]
    return Walls(building[real].astype(np.int64), start[real], end[real], normal, length)


def _nearly_straight(polygons: NDArray[np.object_], straight_m: float) -> NDArray[np.bool_]:
    """Whether each outer ring has a vertex that may bend it by less than `straight_m`, shape (n,).

    Three neighbours within `straight_m` of one line are within twice that of each other's line; where no vertex is,
    there is nothing to leave out, and most footprints need no more than this look.
    """
    xy, ring = shapely.get_coordinates(shapely.get_exterior_ring(polygons), return_index=True)
    here = np.flatnonzero(ring[1:] == ring[:-1])  # the last vertex of a ring repeats its first
    first = np.r_[True, ring[here][1:] != ring[here][:-1]]
    start = np.flatnonzero(first)
    size = np.diff(np.r_[start, len(here)])
    before = np.where(first, here + np.repeat(size, size) - 1, here - 1)
    chord = xy[here + 1] - xy[before]
    away = xy[here] - xy[before]
    cross = np.abs(chord[:, 0] * away[:, 1] - chord[:, 1] * away[:, 0])
    flat = cross <= 2 * straight_m * np.hypot(chord[:, 0], chord[:, 1])
    return np.bincount(ring[here][flat], minlength=len(polygons)) > 0


def _expand(keys: NDArray[np.int64], sorted_keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs (i, j) with ``keys[i] == sorted_keys[j]``, sorted by i, then j."""
    low = np.searchsorted(sorted_keys, keys, side="left")
    count = np.searchsorted(sorted_keys, keys, side="right") - low
    left = np.repeat(np.arange(len(keys)), count)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return left, np.repeat(low, count) + step


def place_doors(
    seeds: Seeds,
    walls: Walls,
    targets: Targets,
    lines: NDArray[np.object_],
    blockers: NDArray[np.object_],
    own: NDArray[np.int64],
    *,
    wall_min_m: float,
    clear_m: float,
    offset_m: float,
    along: float | NDArray[np.float64],
) -> Places:
    """Place each seed's door on the best wall of its building.

    Parameters
    ----------
    seeds
        Doors to be placed, m of them.
    walls
        From `outline_walls` of the homes.
    targets
        Pairs of seed and line that the door may face.
    lines
        Streets, by line.
    blockers
        Every building that stands on the ground.
    own
        Row of each home in `blockers`, shape (homes,).
    wall_min_m, clear_m
        Least length of wall, and least free ground before it [m].
    offset_m
        How far before its wall the door's point will be [m].
    along
        Place on the wall in [0, 1] where there is no node, for all seeds or (m,); doors keep `END_MARGIN_M` from its
        ends.

    Returns
    -------
    Places
        In order of the seeds; `found` is False where no wall has free ground before it.
    """
    m = len(seeds.building)
    tree = shapely.STRtree(blockers)
    places = Places(
        np.zeros(m, dtype=bool),
        np.zeros((m, 2)),
        np.zeros((m, 2)),
        np.full(m, -1, dtype=np.int64),
        np.zeros(m, dtype=bool),
    )
    share = np.broadcast_to(np.asarray(along, dtype=np.float64), (m,))
    # Best first: only the cheapest candidate of each seed is looked at, until the cheapest one has been looked at.
    # Other places on a wall cost more than its own, so only seeds whose cheapest candidate fails need them.
    open_ = _candidates(seeds, walls, targets, lines, wall_min_m, share)
    for turn in itertools.count():
        if not len(open_.seed):
            break
        best = _cheapest(open_)
        hopeless = ~np.isfinite(open_.cost[best])
        fresh = ~hopeless & ~open_.settled[best]
        look = best[fresh]
        seed = open_.seed[look]
        free, own_between, other_between = _look(
            tree,
            open_.place[look],
            walls.normal[open_.wall[look]],
            open_.to[look],
            own[seeds.building[seed]],
            offset_m,
            clear_m,
        )
        penalty = np.where(own_between, LOOKS_AWAY_M, np.where(other_between, OTHER_BETWEEN_M, 0.0))
        penalty[seeds.weight[seed] >= ENTRANCE_WEIGHT] = 0.0
        penalty[~free] = np.inf
        open_.cost[look] += penalty
        open_.between[look] = own_between
        open_.settled[look] = True
        final = ~hopeless
        final[fresh] = penalty == 0
        _settle(places, open_, best[final], walls)
        open_ = open_.rows(~np.isin(open_.seed, open_.seed[best[final | hopeless]]))
        if turn == 0:
            open_ = _with_other_places(open_, seeds, walls, wall_min_m, share)
    return places


def _cheapest(candidates: Candidates) -> NDArray[np.int64]:
    """Return the position of each seed's cheapest candidate, the first among equals; candidates are sorted by seed."""
    return _least(candidates.cost, candidates.seed)


def _least(cost: NDArray[np.float64], key: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of the least cost of each key, the first among equals; keys are sorted."""
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    least = np.minimum.reduceat(cost, starts)
    group = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(key)]))
    at = np.flatnonzero(cost == least[group])
    best: NDArray[np.int64] = at[np.r_[True, group[at][1:] != group[at][:-1]]]
    return best


def _settle(places: Places, candidates: Candidates, best: NDArray[np.int64], walls: Walls) -> None:
    """Write the candidates at `best` into `places`."""
    seed = candidates.seed[best]
    places.found[seed] = True
    places.xy[seed] = candidates.place[best]
    places.normal[seed] = walls.normal[candidates.wall[best]]
    places.line[seed] = candidates.line[best]
    places.courtyard[seed] = candidates.between[best] | (candidates.cost[best] >= LOOKS_AWAY_M)


def _with_other_places(
    candidates: Candidates, seeds: Seeds, walls: Walls, wall_min_m: float, along: NDArray[np.float64]
) -> Candidates:
    """Add places near both ends of long walls, and their middles, for where the place asked for is built over."""
    noded = np.isfinite(seeds.node[candidates.seed, 0])
    extra = np.flatnonzero(~noded & (walls.length[candidates.wall] >= 3 * wall_min_m))
    wall = candidates.wall[extra]
    moved = []
    for share in (0.2, 0.5, 0.8):
        other = along[candidates.seed[extra]] != share
        row = extra[other]
        start, whole = walls.start[wall[other]], (walls.end - walls.start)[wall[other]]
        moved.append(
            candidates.rows(row)._replace(
                place=start + share * whole,
                cost=candidates.base[row] + OFF_MIDDLE_M,
                settled=np.zeros(len(row), dtype=bool),
                between=np.zeros(len(row), dtype=bool),
            )
        )
    joined = Candidates(*(np.concatenate(column) for column in zip(candidates, *moved, strict=True)))
    return joined.rows(np.argsort(joined.seed, kind="stable"))


class Pieces(NamedTuple):
    """Straight pieces of streets that a seed's door may look at, sorted by seed, then line: ends [m] of each."""

    seed: NDArray[np.int64]
    line: NDArray[np.int64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]


def _nearest_on(
    point: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the nearest point of each segment to each point [m], all of shape (n, 2)."""
    along = end - start
    square = np.maximum((along * along).sum(axis=1), 1e-18)
    share = np.clip(((point - start) * along).sum(axis=1) / square, 0.0, 1.0)[:, None]
    # Two streets that meet in a vertex are equally near there, to the bit.
    return np.where(share < 1.0, start + share * along, end)


def _pieces(seeds: Seeds, walls: Walls, targets: Targets, lines: NDArray[np.object_]) -> Pieces:
    """Cut the target lines into segments and keep those that may be the nearest to some place on the seed's building.

    With c the centre of the building's box and R half its diagonal, no place lies nearer to a segment than its distance
    from c less R, nor farther than that plus R: farther than the least of a seed by 2 R is never the nearest.
    """
    used, item = np.unique(targets.line, return_inverse=True)
    xy, of = shapely.get_coordinates(lines[used], return_index=True)
    inner = np.flatnonzero(of[1:] == of[:-1])
    pair, at = _expand(item, of[inner])
    start, end = xy[inner[at]], xy[inner[at] + 1]
    seed = targets.row[pair]

    n = int(max(walls.building.max(initial=-1), seeds.building.max(initial=-1))) + 1
    low, high = np.full((n, 2), np.inf), np.full((n, 2), -np.inf)
    edge = np.flatnonzero(np.r_[True, walls.building[1:] != walls.building[:-1]])
    if len(edge):
        low[walls.building[edge]] = np.minimum.reduceat(walls.start, edge)
        high[walls.building[edge]] = np.maximum.reduceat(walls.start, edge)
    building = seeds.building[seed]
    centre = (low + high)[building] / 2
    radius = np.hypot(*(high - low)[building].T) / 2
    away = np.hypot(*(_nearest_on(centre, start, end) - centre).T)
    least = np.full(len(seeds.building), np.inf)
    np.minimum.at(least, seed, away)
    keep = away <= least[seed] + 2 * radius + 1e-6
    return Pieces(seed[keep], targets.line[pair][keep], start[keep], end[keep])


def _candidates(
    seeds: Seeds,
    walls: Walls,
    targets: Targets,
    lines: NDArray[np.object_],
    wall_min_m: float,
    along: NDArray[np.float64],
) -> Candidates:
    """List the candidates of all seeds, one per wall, sorted by seed."""
    wide = np.flatnonzero(walls.length >= min(wall_min_m, ENTRANCE_WALL_MIN_M))
    seed, item = _expand(seeds.building, walls.building[wide])
    wall = wide[item]
    enough = (walls.length[wall] >= wall_min_m) | (seeds.weight[seed] >= ENTRANCE_WEIGHT)
    seed, wall = seed[enough], wall[enough]
    start, end, length = walls.start[wall], walls.end[wall], walls.length[wall]
    step = (end - start) / length[:, None]
    node = seeds.node[seed]
    noded = np.isfinite(node[:, 0])
    margin = np.minimum(END_MARGIN_M, length / 2)
    foot = np.where(noded, ((np.nan_to_num(node) - start) * step).sum(axis=1), along[seed] * length)
    at = np.clip(foot, margin, length - margin)
    place = start + at[:, None] * step
    away = np.where(noded, np.hypot(*(np.nan_to_num(node) - place).T), 0.0)

    to = np.full((len(seed), 2), np.nan)
    distance = np.full(len(seed), np.inf)
    line = np.full(len(seed), -1, dtype=np.int64)
    pieces = _pieces(seeds, walls, targets, lines)
    left, right = _expand(seed, pieces.seed)
    if len(left):
        ends = _nearest_on(place[left], pieces.start[right], pieces.end[right])
        reach = np.hypot(*(ends - place[left]).T)
        best = _least(reach, left)
        at_left = left[best]
        to[at_left], distance[at_left] = ends[best], reach[best]
        line[at_left] = pieces.line[right[best]]

    faced = np.isfinite(distance)
    direction = np.where(faced[:, None], to - place, walls.normal[wall])
    direction = direction / np.maximum(np.hypot(*direction.T), 1e-9)[:, None]
    cosine = (direction * walls.normal[wall]).sum(axis=1)
    weight = seeds.weight[seed]
    cost = np.where(faced, distance, 0.0) + FACING_M * (1 - cosine) + np.maximum(0, SHORT_WALL_M - length) / 2
    cost += weight * away
    entrance = weight >= ENTRANCE_WEIGHT
    cost += np.where((cosine < LOOKS_AWAY_COS) & ~entrance, LOOKS_AWAY_M, 0.0)

    return Candidates(
        seed=seed,
        wall=wall,
        place=place,
        cost=cost,
        base=cost.copy(),
        to=to,
        line=line,
        settled=np.zeros(len(seed), dtype=bool),
        between=np.zeros(len(seed), dtype=bool),
    )


def _look(
    tree: shapely.STRtree,
    place: NDArray[np.float64],
    normal: NDArray[np.float64],
    to: NDArray[np.float64],
    home: NDArray[np.int64],
    offset_m: float,
    clear_m: float,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether the ground before each place is free, and whether the own or another building hides the street.

    Free is what no building comes nearer to than `BESIDE_M`, from the door's point straight ahead for `clear_m`.
    """
    begin = place + SIGHT_STARTS_M * normal
    probe = shapely.linestrings(np.stack([place + offset_m * normal, place + clear_m * normal], axis=1))
    free = np.ones(len(place), dtype=bool)
    hit, _ = tree.query(probe, predicate="dwithin", distance=BESIDE_M)
    free[hit] = False
    own_between = np.zeros(len(place), dtype=bool)
    other_between = np.zeros(len(place), dtype=bool)
    asked = np.flatnonzero(np.isfinite(to[:, 0]) & free)
    rays = shapely.linestrings(np.stack([begin[asked], to[asked]], axis=1))
    hit, block = tree.query(rays, predicate="intersects")
    mine = home[asked[hit]] == block
    own_between[asked[hit[mine]]] = True
    other_between[asked[hit[~mine]]] = True
    return free, own_between, other_between
