"""What doors see along the walking graph, and the figures of routes.

Each walking line has a point in the middle of every step of at most `spacing_m`, and a point has the set of doors that
see it at a level. A scenario is a chance per door. A door counts once for a whole route.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.city.chances import keys_of, uniform
from doorview.errors import InputError
from doorview.overlays.kernels.route_sets import doors_of_routes, recorded_sets
from doorview.overlays.kernels.routes import (
    chances_along,
    longest_runs,
    misses_of_points,
    recorded_along,
    runs_of_lines,
)
from doorview.overlays.route_owners import Chance, RouteOwners, checked_chance
from doorview.overlays.routes import Cost, Routes
from doorview.overlays.walking_graph import WalkingGraph

__all__ = [
    "CAVEAT",
    "Exposure",
    "WalkingPoints",
    "edge_exposure",
    "exposure_of_pairs",
    "exposure_of_rows",
    "figures_of_legs",
    "owner_bits",
    "point_chances",
    "recorded_of_legs",
    "recorded_share",
    "route_figures",
    "seen_metres",
    "walking_points",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CAVEAT = "Owners are simulated: this says nothing about a real street, and is not safety advice."
"""Printed on every route that is shown."""
SPACING_M = 1.0
"""Longest step between points along a walk [m]."""
WALKING_M_PER_S = 1.4
"""Speed on foot [m/s]: an assumption, 5 km/h."""


@dataclass(frozen=True, eq=False)
class WalkingPoints:
    """Points along the walking lines of a graph.

    Attributes
    ----------
    points
        GeoSeries of Point, index 0, 1, ...: by walking line, in the direction of the edge's line.
    first
        (lines + 1,) where the points of each walking line begin.
    step_m
        (lines,) what each point of a line stands for.
    line_of
        (2 edges,) walking line of each half-edge; both of an edge may have one.
    hidden
        (points,) under a roof or below the ground.

    """

    points: gpd.GeoSeries
    first: Ints
    step_m: Floats
    line_of: Ints
    hidden: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Exposure:
    """Which doors see each point at one level.

    Attributes
    ----------
    walk
        The points.
    doors
        Labels of the doors, in the order by which they are numbered.
    start, members
        Sets: point i is seen by `members[start[i]:start[i + 1]]`, ascending.
    line_start, line_members
        Doors that see any point of each walking line.

    """

    walk: WalkingPoints
    doors: pd.Index
    start: Ints
    members: Ints
    line_start: Ints
    line_members: Ints

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """What each door draws by, (doors,), made once."""
        return keys_of(str(label) for label in self.doors)


def walking_points(
    graph: WalkingGraph, *, spacing_m: float = SPACING_M, edges: NDArray[np.bool_] | None = None
) -> WalkingPoints:
    """Return points along the walking lines of a graph, in equal steps of at most `spacing_m`.

    Places are those of the street's line, moved aside by the graph's `offset_m`; a step is as long as on that line.
    Where only some `edges` (edges,) are asked for, the others have one point each, which counts as hidden.

    Raises
    ------
    InputError
        For a spacing outside 0.1 to 10 m.

    """
    if not 0.1 <= spacing_m <= 10.0:
        raise InputError(f"spacing_m is {spacing_m!r}: points stand every 0.1 to 10 m along a walk; 0.5 to 1 is usual.")
    number = len(graph)
    two = graph.offset_m[:, 0] != graph.offset_m[:, 1]
    line_of = np.repeat(np.arange(number), 2)
    line_of[2 * np.flatnonzero(two) + 1] = number + np.arange(int(two.sum()))
    edge = np.concatenate([np.arange(number), np.flatnonzero(two)])
    offset = np.concatenate([graph.offset_m[:, 0], graph.offset_m[two, 1]])
    asked = np.ones(len(edge), dtype=bool) if edges is None else edges[edge]
    length = graph.length_m[edge]
    count = np.where(asked, np.maximum(1, np.ceil(length / spacing_m)), 1).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    line = np.repeat(np.arange(len(edge)), count)
    at = (np.arange(len(line)) - first[line] + 0.5) * (length / count)[line]
    # Half a metre to both sides, so that the way aside turns gently at a bend.
    reach = np.minimum(0.5, length / 4)[line]
    before, beyond = _along(graph.lines, edge[line], at - reach), _along(graph.lines, edge[line], at + reach)
    ahead = beyond - before
    norm = np.hypot(*ahead.T)[:, None]
    direction = np.divide(ahead, norm, out=np.zeros_like(ahead), where=norm > 0)
    left = np.column_stack([-direction[:, 1], direction[:, 0]])
    points = gpd.GeoSeries(shapely.points((before + beyond) / 2 + offset[line][:, None] * left), crs=graph.crs)
    hidden = (graph.hidden[edge] | ~asked)[line]
    return WalkingPoints(points, first, length / count, line_of.astype(np.int64), hidden)


def _along(lines: NDArray[np.object_], line: Ints, at: Floats) -> Floats:
    """Return the places (n, 2) `at` metres along lines: all at once, where GEOS walks each line anew for each place."""
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    step = np.hypot(*np.diff(xy, axis=0).T)
    step[owner[1:] != owner[:-1]] = 0.0
    # One scale for all lines, laid end to end.
    reached = np.concatenate([[0.0], np.cumsum(step)])
    first = np.searchsorted(owner, np.arange(len(lines)))
    last = np.searchsorted(owner, np.arange(len(lines)), side="right") - 1
    target = reached[first[line]] + at
    low = np.clip(np.searchsorted(reached, target, side="right") - 1, first[line], last[line] - 1)
    long = reached[low + 1] - reached[low]
    part = np.divide(target - reached[low], long, out=np.zeros_like(target), where=long > 0)[:, None]
    return np.asarray(xy[low] + np.clip(part, 0.0, 1.0) * (xy[low + 1] - xy[low]))


def exposure_of_pairs(walk: WalkingPoints, doors: pd.Index, pairs: pd.DataFrame) -> Exposure:
    """Return the exposure of points from pairs `door`, `point`, as `doorview.sight.points.sees` returns them.

    Known cameras (`doorview.sight.known.sees_known`) make an exposure of their own: with them no way is surely unseen,
    so they are reported apart. Pairs of hidden points are left out.

    Raises
    ------
    InputError
        For doubled labels of doors, and pairs that name an unknown door or point.

    """
    if not doors.is_unique:
        raise InputError("doors: labels stand twice, so pairs name no one door. Use doors.reset_index(drop=True).")
    door = doors.get_indexer(pairs["door"])
    point = walk.points.index.get_indexer(pairs["point"])
    if (door < 0).any() or (point < 0).any():
        raise InputError(
            f"pairs: {int(((door < 0) | (point < 0)).sum())} rows name a door or point that is not among those given. "
            "Use sees(doors, walk.points, ...) with the same doors and points."
        )
    return exposure_of_rows(walk, doors, door.astype(np.int64), point.astype(np.int64))


def exposure_of_rows(walk: WalkingPoints, doors: pd.Index, door: Ints, point: Ints) -> Exposure:
    """Return the exposure of pairs given as rows: `door` of `doors` and `point` of the points sees it, (pairs,) each.

    Pairs of hidden points are left out.
    """
    count = max(len(doors), 1)
    clear = ~walk.hidden[point]
    key = np.unique(point[clear] * count + door[clear])
    at, members = key // count, key % count
    start = np.searchsorted(at, np.arange(len(walk.points) + 1)).astype(np.int64)
    line = np.searchsorted(walk.first, at, side="right") - 1
    both = np.unique(line * count + members)
    line_start = np.searchsorted(both // count, np.arange(len(walk.first))).astype(np.int64)
    return Exposure(walk, doors, start, members, line_start, both % count)


def edge_exposure(exposure: Exposure, graph: WalkingGraph, chance: Chance) -> pd.DataFrame:
    """Return a row per edge, in the graph's order: a layer to route on.

    Columns: `osm_id`, `length_m`; `seen_m_along`, `seen_m_against` (expected metres in view, walked along the line and
    against it), `doors_along`, `doors_against` (doors that see any of it). `chance` as for `route_figures`.
    """
    cost = seen_metres(exposure, graph, chance)
    number = np.diff(exposure.line_start)[exposure.walk.line_of].reshape(-1, 2)
    seen = cost.half.reshape(-1, 2)
    return pd.DataFrame(
        {
            "osm_id": graph.osm_id,
            "length_m": graph.length_m,
            "seen_m_along": seen[:, 0],
            "seen_m_against": seen[:, 1],
            "doors_along": number[:, 0],
            "doors_against": number[:, 1],
        },
        index=pd.RangeIndex(len(graph), name="edge"),
    )


def seen_metres(exposure: Exposure, graph: WalkingGraph, chance: Chance, *, per_metre: float = 0.0) -> Cost:
    """Return expected metres in view as a cost, sum of step x (1 - prod (1 - p_j)), plus `per_metre` of length."""
    walk = exposure.walk
    seen, before = _seen(exposure, _point_misses(exposure, _owners(exposure, chance)))
    step, first = walk.step_m, walk.first
    count = np.diff(first)

    def upto(line: Ints, at: Floats) -> Floats:
        number = np.clip((at / step[line]).astype(np.int64), 0, count[line] - 1)
        point = first[line] + number
        metres: Floats = before[point] + seen[point] * (at - number * step[line])
        return metres

    def part(half: Ints, begin: Floats, end: Floats) -> Floats:
        line = walk.line_of[half]
        metres: Floats = np.abs(upto(line, end) - upto(line, begin)) + per_metre * np.abs(end - begin)
        return metres

    total = _line_seen(exposure, seen)
    return Cost(total[walk.line_of] + per_metre * np.repeat(graph.length_m, 2), part)


def point_chances(exposure: Exposure, chance: Chance) -> Floats:
    """Return the chance (points,) that each point is in view: that any owner has it in view; `chance` as elsewhere."""
    return 1.0 - _point_misses(exposure, _owners(exposure, chance))


def owner_bits(doors: pd.Index, chance: Chance, *, replicates: int, seed: int) -> NDArray[np.uint64]:
    """Return who owns in each replicate, as bits (doors, replicates / 64).

    Doors draw by their label alone: owners at one rate stay owners at a higher one, and no route changes another.
    Owners that were drawn (`RouteOwners.bits`) are those.

    Raises
    ------
    InputError
        For replicates that are no positive multiple of 64, chances outside [0, 1], and a seed that is no whole number.

    """
    return _bits(keys_of(str(label) for label in doors), checked_chance(chance, len(doors)), replicates, seed)


def _bits(keys: NDArray[np.uint64], owners: RouteOwners, replicates: int, seed: int) -> NDArray[np.uint64]:
    if replicates < 64 or replicates % 64:
        raise InputError(f"replicates is {replicates!r}: take a multiple of 64, so that they fill words of 64 bits.")
    if owners.bits is not None and owners.bits.shape[1] == replicates // 64:
        return owners.bits
    bits = np.zeros((len(keys), replicates // 64), np.uint64)
    for number in range(replicates):
        owns = uniform(keys, seed, number) < owners.chance
        bits[:, number // 64] |= owns.astype(np.uint64) << np.uint64(number % 64)
    return bits


def route_figures(
    graph: WalkingGraph,
    routes: Routes,
    exposures: Mapping[str, Exposure],
    chance: Chance,
    *,
    replicates: int = 256,
    seed: int = 0,
) -> pd.DataFrame:
    """Return what doors see along each route at each level: a row per route and level.

    With p_j the chance that door j owns, independently, and U the doors that see any part of the route, each once:

    - `seen_length_mean_m`: sum over points of step x (1 - product over doors that see the point of (1 - p_j));
    - `share_in_view_mean`: that / `length_m`;
    - `doors_in_view`: size of U; `doorbells_mean`: sum over U of p_j;
    - `p_unseen`: product over U of (1 - p_j), not the product over segments, which would count a door twice;
    - `longest_unseen_mean_m`, `_p05_m`, `_p95_m`: longest stretch that no owner sees, simulated (`owner_bits`).

    Parameters
    ----------
    graph, routes
        From `walking_graph` and `shortest_routes` or another that gives routes.
    exposures
        By level, from `exposure_of_pairs`, over one set of points or several.
    chance
        Chance that a door owns a camera: one number, or (doors,) in the order of `exposure.doors`, independently; or
        `RouteOwners`, whose sets of doors have chances of their own.
    replicates
        A multiple of 64; 0: nothing is simulated, and those columns are left out.
    seed
        Of the simulation.

    Columns `route`, `level`, `status`, `length_m` and these; `attrs["caveat"]` is printed with every route. Where there
    is no route (the status says why) the figures are missing; on one spot (`same_place`) shares of a length of 0 are.

    Raises
    ------
    InputError
        For chances outside [0, 1] or of another number, and replicates that are no multiple of 64.

    """
    if not exposures:
        raise InputError("route_figures: no level; give exposures={'observe': exposure_of_pairs(...)}.")
    parts = []
    on = np.zeros(len(routes.half), np.bool_)
    for level, exposure in exposures.items():
        if len(exposure.walk.line_of) != 2 * len(graph):
            raise InputError(
                f"route_figures: the exposure at {level!r} is over {len(exposure.walk.line_of) // 2} edges and the "
                f"graph has {len(graph)}. Make it from walking_points of this graph."
            )
        part = figures_of_legs(routes, on, exposure, chance, replicates, seed)
        part.insert(1, "level", level)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True).sort_values("route", kind="stable", ignore_index=True)
    table.attrs["caveat"] = CAVEAT
    return table


def figures_of_legs(
    routes: Routes, apart: NDArray[np.bool_], exposure: Exposure, chance: Chance, replicates: int, seed: int
) -> pd.DataFrame:
    """Return the figures of `route_figures` at one level, without the column of it.

    `apart` (legs,) says which legs do not go on where the leg before them ended, as the pieces of a track.
    """
    owners = _owners(exposure, chance)
    walk, miss = exposure.walk, 1.0 - owners.chance
    point_miss = _point_misses(exposure, owners)
    out = np.zeros((len(routes), 4))
    stamp = np.full(len(miss), -1, np.int64)
    legs = (routes.first, routes.half, routes.begin_m, routes.end_m)
    points = (walk.line_of, walk.first, walk.step_m, exposure.start, exposure.members)
    chances_along(
        *legs, routes.full, *points, point_miss, exposure.line_start, exposure.line_members,
        _line_seen(exposure, 1.0 - point_miss), miss, stamp, out,
    )  # fmt: skip
    if owners.any_of is not None:
        sets = np.zeros(len(routes) + 1, np.int64)
        around = (*legs, routes.full, *points, exposure.line_start, exposure.line_members)
        doors_of_routes(*around, np.full(len(miss), -1, np.int64), sets, np.zeros(0, np.int64))
        members = np.zeros(sets[-1], np.int64)
        doors_of_routes(*around, np.full(len(miss), -1, np.int64), sets, members)
        members = members[np.lexsort((members, np.repeat(np.arange(len(routes)), np.diff(sets))))]
        out[:, 3] = 1.0 - owners.any_of(sets, members)
    found = routes.table["length_m"].notna().to_numpy()
    length = routes.table["length_m"].to_numpy()
    out[~found] = np.nan
    share = np.divide(out[:, 0], length, out=np.full(len(routes), np.nan), where=length > 0)
    table = pd.DataFrame(
        {
            "route": routes.table.index,
            "status": routes.table["status"].to_numpy(),
            "length_m": length,
            "seen_length_mean_m": out[:, 0],
            "share_in_view_mean": share,
            "doors_in_view": pd.array(np.where(found, out[:, 1], -1).astype(np.int64), dtype="Int64"),
            "doorbells_mean": out[:, 2],
            "p_unseen": out[:, 3],
        }
    )
    table.loc[~found, "doors_in_view"] = pd.NA
    if replicates:
        bits = _bits(exposure.keys, owners, replicates, seed)
        met = np.zeros(len(walk.step_m), np.bool_)
        met[walk.line_of[routes.half[routes.full]]] = True
        whole = np.flatnonzero(met & (np.diff(exposure.line_start) > 0))
        slot = np.zeros(len(walk.step_m), np.int64)
        slot[whole] = np.arange(len(whole))
        runs = np.empty((len(whole), 3, replicates), np.float32)
        runs_of_lines(whole, walk.first, walk.step_m, exposure.start, exposure.members, bits, runs)
        longest = np.zeros((len(routes), replicates), np.float32)
        longest_runs(*legs, routes.full, *points, exposure.line_start, bits, slot, runs, apart, longest)
        longest.sort(axis=1)
        low, high = (_between(longest, quantile) for quantile in (0.05, 0.95))
        for name, value in (("mean", longest.mean(axis=1, dtype=np.float64)), ("p05", low), ("p95", high)):
            table[f"longest_unseen_{name}_m"] = np.where(found, value, np.nan)
    return table


def _between(ordered: NDArray[np.float32], quantile: float) -> Floats:
    """Return a quantile of each row of ordered numbers, by a straight line between two of them, as numpy's own."""
    at = quantile * (ordered.shape[1] - 1)
    below = int(at)
    low, high = ordered[:, below].astype(np.float64), ordered[:, below + 1].astype(np.float64)
    value: Floats = low + (at - below) * (high - low)
    return value


def recorded_share(
    routes: Routes,
    trigger: Exposure,
    view: Exposure,
    chance: Chance,
    *,
    clip_s: float,
    speed_m_s: float = WALKING_M_PER_S,
) -> pd.Series:
    """Return the expected share of each route's length that is recorded; on the index of `routes.table`.

    The rule: an owner's door that has a point at the trigger level starts a recording, and what it has in view at the
    level of `view` within `clip_s` seconds of walking from there is recorded; it starts anew at every further point
    that triggers it, without a pause between clips (so this is an upper bound for models that pause). What triggered a
    door before the route is not known. Owners decide independently: 1 - product (1 - p_j) over the doors that record a
    point. `chance` may be thinned by the share of cameras that work. Missing where there is no route or no length.

    Parameters
    ----------
    routes
        Routes on the graph of both exposures.
    trigger, view
        Exposures over the same points and doors.
    chance
        As for `route_figures`.
    clip_s
        Length of a clip [s]: a free parameter, no source says it for all makers.
    speed_m_s
        Walking speed [m/s].

    Raises
    ------
    InputError
        For exposures over other points or doors, and a clip or speed that is not above 0.

    """
    if not (math.isfinite(speed_m_s) and speed_m_s > 0):
        raise InputError(f"speed_m_s is {speed_m_s!r}: it must be more than 0.")
    walk = view.walk
    seconds = np.repeat(walk.step_m / speed_m_s, np.diff(walk.first))
    return recorded_of_legs(routes, seconds, np.zeros(len(routes.half)), trigger, view, chance, clip_s)


def recorded_of_legs(
    routes: Routes,
    seconds: Floats,
    pause_s: Floats,
    trigger: Exposure,
    view: Exposure,
    chance: Chance,
    clip_s: float,
) -> pd.Series:
    """Return the share of `recorded_share` for walks at any pace.

    `seconds` (points,) is the time that each whole step takes; `pause_s` (legs,) the time before a leg begins, infinite
    where no clip lasts until then.
    """
    if not (math.isfinite(clip_s) and clip_s > 0):
        raise InputError(f"clip_s is {clip_s!r}: it must be more than 0.")
    if trigger.walk is not view.walk or not trigger.doors.equals(view.doors):
        raise InputError(
            "recorded_share: trigger and view are over different points or doors. Make both from one "
            "walking_points(graph) and the same doors."
        )
    walk, owners = view.walk, _owners(view, chance)
    out, last = np.zeros(len(routes)), np.zeros(len(view.doors))
    around = (
        routes.first, routes.half, routes.begin_m, routes.end_m, walk.line_of, walk.first, walk.step_m,
        view.start, view.members, trigger.start, trigger.members, seconds, pause_s, clip_s,
    )  # fmt: skip
    if owners.any_of is None:
        recorded_along(*around, 1.0 - owners.chance, last, out)
    else:
        step_start, sets = np.zeros(len(routes) + 1, np.int64), np.zeros(1, np.int64)
        recorded_sets(*around, last, step_start, np.zeros(0), sets, np.zeros(0, np.int64))
        long, members = np.zeros(step_start[-1]), np.zeros(sets[0], np.int64)
        sets = np.zeros(len(long) + 1, np.int64)
        recorded_sets(*around, last, step_start, long, sets, members)
        metres = np.concatenate([[0.0], np.cumsum(long * owners.any_of(sets, members))])
        out = metres[step_start[1:]] - metres[step_start[:-1]]
    length = routes.table["length_m"].to_numpy()
    share = np.divide(out, length, out=np.full(len(out), np.nan), where=length > 0)
    return pd.Series(share, index=routes.table.index, name="share_recorded_mean")


def _owners(exposure: Exposure, chance: Chance) -> RouteOwners:
    return checked_chance(chance, len(exposure.doors))


def _point_misses(exposure: Exposure, owners: RouteOwners) -> Floats:
    """Return the chance (points,) that no owner sees each point."""
    out = np.ones(len(exposure.start) - 1)
    if owners.any_of is None:
        misses_of_points(exposure.start, exposure.members, 1.0 - owners.chance, out)
    else:
        some = np.flatnonzero(np.diff(exposure.start))
        starts = np.append(exposure.start[some], len(exposure.members))
        out[some] = 1.0 - owners.any_of(starts, exposure.members)
    return out


def _seen(exposure: Exposure, point_miss: Floats) -> tuple[Floats, Floats]:
    """Return the chance that each point is in view, and the expected metres before it on its walking line."""
    walk = exposure.walk
    seen = 1.0 - point_miss
    line = np.repeat(np.arange(len(walk.step_m)), np.diff(walk.first))
    running = np.cumsum(seen * walk.step_m[line])
    before = np.concatenate([[0.0], running[:-1]])
    return seen, before - before[walk.first[:-1]][line]


def _line_seen(exposure: Exposure, seen: Floats) -> Floats:
    walk = exposure.walk
    return np.add.reduceat(seen, walk.first[:-1]) * walk.step_m
