"""Routes on foot: the shortest, or the cheapest by any cost that adds up along the way.

Origins and destinations lie on the nearest edge of the walking graph, which is split at the foot. Routes are grouped by
origin (or by destination, where these are fewer): one run of Dijkstra's algorithm
(`scipy.sparse.csgraph.dijkstra`) answers all pairs of a group. Pairs without a route are named, never lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from doorview.errors import InputError
from doorview.overlays.kernels.routes import trace
from doorview.overlays.surface_grid import xy_array
from doorview.overlays.walking_graph import WalkingGraph

__all__ = [
    "STATUSES",
    "WITHIN_M",
    "Cost",
    "Routes",
    "cheapest_routes",
    "nearest_places",
    "route_lines",
    "shortest_routes",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STATUSES = ("found", "same_place", "origin_far", "destination_far", "unreachable")
"""What became of a pair: a route; origin and destination on one spot of the graph; an end too far from every edge (the
origin's is named first); two parts of the network that do not meet."""
WITHIN_M = 100.0
"""A point farther than this from every edge is not walked to [m]; an assumption."""
SAME_M = 1e-6
"""A way no longer than this is rounding: both ends are one spot, as two across a street from each other [m]."""
CHUNK = 4_000_000
"""Entries of the tables of distances and predecessors that are held at a time."""


@dataclass(frozen=True, eq=False)
class Cost:
    """What walking costs, in one unit, 0 or more.

    `half` (2 edges,): each half-edge whole. `part(half, begin, end)`: stretches of half-edges from `begin` to `end`
    [m along the edge's line], which must add up to the whole.
    """

    half: Floats
    part: Callable[[Ints, Floats, Floats], Floats]


@dataclass(frozen=True, eq=False)
class Routes:
    """Routes as legs: half-edges and from where to where each is walked, metres along the edge's line.

    Attributes
    ----------
    table
        One row per pair, in the order given: `status` (`STATUSES`), `length_m` and `cost` (NaN where there is no
        route: the status says why), `origin_off_m`, `destination_off_m`: distance of the points from the nearest edge.
    first
        (pairs + 1,) where the legs of each route begin.
    half, begin_m, end_m
        (legs,).
    full
        (legs,) whether the whole edge is walked.
    counts
        Number of pairs by status, and `moved_to_longest_part`: points whose nearest edge lies in another part.

    """

    table: pd.DataFrame
    first: Ints
    half: Ints
    begin_m: Floats
    end_m: Floats
    full: NDArray[np.bool_]
    counts: dict[str, int]

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.table)


@dataclass(frozen=True, eq=False)
class _Feet:
    edge: Ints
    at_m: Floats
    off_m: Floats
    near: NDArray[np.bool_]
    moved: int


def shortest_routes(
    graph: WalkingGraph,
    origins: ArrayLike,
    destinations: ArrayLike,
    *,
    within_m: float = WITHIN_M,
    all_parts: bool = False,
) -> Routes:
    """Return the shortest walking route of each pair.

    Parameters
    ----------
    graph
        From `walking_graph`.
    origins, destinations
        (pairs, 2) [m], row by row one pair, in the graph's CRS.
    within_m
        Points farther than this from every edge are named `origin_far` or `destination_far` [m].
    all_parts
        Take the nearest edge whatever part of the network it lies in; by default only edges of the longest connected
        part are taken, so that a path drawn apart from the rest catches nobody.

    Raises
    ------
    InputError
        For arrays of other shapes or coordinates that are no numbers, and a `within_m` that is not above 0.

    """
    length = graph.length_m
    cost = Cost(np.repeat(length, 2), lambda _, begin, end: np.abs(end - begin))
    return cheapest_routes(graph, cost, origins, destinations, within_m=within_m, all_parts=all_parts)


def cheapest_routes(
    graph: WalkingGraph,
    cost: Cost,
    origins: ArrayLike,
    destinations: ArrayLike,
    *,
    within_m: float = WITHIN_M,
    all_parts: bool = False,
) -> Routes:
    """Return the route of least cost of each pair; arguments and errors as `shortest_routes`."""
    ends = _pairs(origins, destinations, within_m)
    feet = [_feet(graph, points, within_m, all_parts=all_parts) for points in ends]
    return _routes(graph, cost, feet[0], feet[1])


def nearest_places(
    graph: WalkingGraph,
    origins: ArrayLike,
    places: ArrayLike,
    *,
    within_m: float = WITHIN_M,
    all_parts: bool = False,
) -> tuple[Ints, Floats]:
    """Return the row of the place that is nearest on foot to each origin, and how far it is [m].

    -1 and inf where no place is reached, or the origin is far from every edge. Of places equally near, any. Arguments
    and errors as `shortest_routes`; several thousand homes to a few schools need one run of Dijkstra's algorithm.
    """
    _check_within(within_m)
    homes = _feet(graph, xy_array(origins, "origins"), within_m, all_parts=all_parts)
    goals = _feet(graph, xy_array(places, "places"), within_m, all_parts=all_parts)
    found, far = np.full(len(homes.edge), -1, dtype=np.int64), np.full(len(homes.edge), np.inf)
    rows = np.flatnonzero(goals.near)
    if not len(rows) or not homes.near.any():
        return found, far
    nodes = len(graph.xy)
    length = graph.length_m
    feet = _Feet(goals.edge[rows], goals.at_m[rows], goals.off_m[rows], goals.near[rows], 0)
    cost = Cost(np.repeat(length, 2), lambda _, begin, end: np.abs(end - begin))
    distance, _, source = dijkstra(
        _with_origins(graph, cost, feet), indices=nodes + np.arange(len(rows)), min_only=True, return_predecessors=True
    )
    for column in (0, 1):
        node = graph.ends[homes.edge, column]
        way = distance[node] + (homes.at_m if column == 0 else length[homes.edge] - homes.at_m)
        better = homes.near & (way < far)
        far[better] = way[better]
        found[better] = rows[source[node[better]] - nodes]
    # A place on the very edge of the home is reached without a node.
    order = np.lexsort((feet.at_m, feet.edge))
    for home in np.flatnonzero(homes.near & np.isin(homes.edge, feet.edge)):
        low, high = np.searchsorted(feet.edge[order], homes.edge[home] + np.array([0, 1]))
        here = order[low:high]
        way = np.abs(feet.at_m[here] - homes.at_m[home])
        best = int(np.argmin(way))
        if way[best] < far[home]:
            far[home], found[home] = way[best], rows[here[best]]
    return found, far


def route_lines(graph: WalkingGraph, routes: Routes) -> NDArray[np.object_]:
    """Return each route as a LineString along the lines of its ways; an empty one where there is no route."""
    out = np.full(len(routes), shapely.LineString(), dtype=object)
    for route in range(len(routes)):
        legs = range(routes.first[route], routes.first[route + 1])
        parts = [_stretch(graph, routes, leg) for leg in legs if routes.begin_m[leg] != routes.end_m[leg]]
        if parts:
            xy = np.vstack(parts)
            new = np.r_[True, np.any(xy[1:] != xy[:-1], axis=1)]
            if new.sum() > 1:
                out[route] = shapely.LineString(xy[new])
    return out


def _stretch(graph: WalkingGraph, routes: Routes, leg: int) -> Floats:
    line = graph.lines[routes.half[leg] // 2]
    if routes.full[leg]:
        part = line
    else:
        from shapely.ops import substring

        low, high = sorted((float(routes.begin_m[leg]), float(routes.end_m[leg])))
        part = substring(line, low, high)
    xy: Floats = shapely.get_coordinates(part)
    return xy[::-1] if routes.half[leg] % 2 else xy


def _check_within(within_m: float) -> None:
    if not (np.isfinite(within_m) and within_m > 0):
        raise InputError(f"within_m is {within_m!r}: points are looked for up to more than 0 metres from an edge.")


def _pairs(origins: ArrayLike, destinations: ArrayLike, within_m: float) -> tuple[Floats, Floats]:
    _check_within(within_m)
    one, two = xy_array(origins, "origins"), xy_array(destinations, "destinations")
    if len(one) != len(two):
        raise InputError(
            f"{len(one)} origins and {len(two)} destinations: pairs go row by row. Repeat rows so that both have one "
            "per pair (numpy.repeat, numpy.tile)."
        )
    return one, two


def _feet(graph: WalkingGraph, points: Floats, within_m: float, *, all_parts: bool) -> _Feet:
    """Return the nearest edge of each point (the first of several), the place along it and the distance [m]."""
    places, which = _distinct(points)
    shapes = shapely.points(places)
    edge, off = _nearest(graph.tree, shapes, within_m)
    moved = np.zeros(len(places), dtype=bool)
    longest, tree = graph.longest
    if not all_parts:
        moved = (edge >= 0) & (graph.part[graph.ends[edge, 0]] != 0)
        held, held_off = _nearest(tree, shapes[moved], within_m)
        edge[moved], off[moved] = np.where(held >= 0, longest[held], -1), held_off
        moved &= edge >= 0
    near = edge >= 0
    edge = np.where(near, edge, 0)
    at = np.clip(shapely.line_locate_point(graph.lines[edge], shapes), 0.0, graph.length_m[edge])
    if not near.all():
        # How far a far point is, so that it can be said.
        tree = graph.tree if all_parts else tree
        (row, _), distance = tree.query_nearest(shapes[~near], return_distance=True, all_matches=False)
        off[np.flatnonzero(~near)[row]] = distance
    return _Feet(edge[which], at[which], off[which], near[which], int(moved[which].sum()))


def _distinct(pairs: Floats) -> tuple[Floats, Ints]:
    """Return the distinct rows (n, 2) in order, and which of them each row is: a tenth of the time of axis=0."""
    values, which = np.unique(np.ascontiguousarray(pairs).view(np.complex128).ravel(), return_inverse=True)
    return values.view(np.float64).reshape(-1, 2), which.ravel().astype(np.int64)


def _nearest(tree: shapely.STRtree, shapes: NDArray[np.object_], within_m: float) -> tuple[Ints, Floats]:
    found, off = np.full(len(shapes), -1, dtype=np.int64), np.full(len(shapes), np.inf)
    if len(shapes):
        (row, edge), distance = tree.query_nearest(
            shapes, max_distance=within_m, return_distance=True, all_matches=True
        )
        order = np.lexsort((edge, row))
        some, lead = np.unique(row[order], return_index=True)
        found[some] = edge[order][lead]
        off[some] = distance[order][lead]
    return found, off


def _with_origins(graph: WalkingGraph, cost: Cost, feet: _Feet) -> csr_array:
    """Return the graph by this cost, with a node for each foot, numbered after the others, that leads to both ends."""
    nodes = len(graph.xy)
    base = graph.matrix
    edge, at = feet.edge, feet.at_m
    weight = np.column_stack(
        [cost.part(2 * edge + 1, at, np.zeros(len(edge))), cost.part(2 * edge, at, graph.length_m[edge])]
    )
    data = np.concatenate([cost.half[graph.half], weight.ravel()])
    indices = np.concatenate([base.indices, graph.ends[edge].ravel().astype(base.indices.dtype)])
    more = base.indptr[-1] + 2 * np.arange(1, len(edge) + 1)
    indptr = np.concatenate([base.indptr, more.astype(base.indptr.dtype)])
    size = nodes + len(edge)
    return csr_array((data, indices, indptr), shape=(size, size))


def _routes(graph: WalkingGraph, cost: Cost, start: _Feet, goal: _Feet) -> Routes:
    both = start.near & goal.near
    pairs = np.flatnonzero(both)
    spots = [np.column_stack([feet.edge[pairs], feet.at_m[pairs]]) for feet in (start, goal)]
    groups = [_distinct(spot) for spot in spots]
    if len(groups[1][0]) < len(groups[0][0]):
        # From the fewer ends: against every half-edge, by its cost in walking direction, then turned round.
        turned = Cost(
            cost.half.reshape(-1, 2)[:, ::-1].ravel(), lambda half, begin, end: cost.part(half ^ 1, end, begin)
        )
        total, first, half, begin, end, full = _grouped(graph, turned, groups[1], goal, start, pairs)
        legs = np.repeat(np.arange(len(pairs)), np.diff(first))
        order = first[legs + 1] - 1 - (np.arange(len(legs)) - first[legs])
        half, begin, end, full = half[order] ^ 1, end[order], begin[order], full[order]
    else:
        total, first, half, begin, end, full = _grouped(graph, cost, groups[0], start, goal, pairs)
    status = np.full(len(both), "origin_far", dtype=object)
    status[start.near & ~goal.near] = "destination_far"
    sizes = np.zeros(len(both), dtype=np.int64)
    sizes[pairs] = np.diff(first)
    route_first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    metres = np.zeros(len(pairs))
    some = np.diff(first) > 0
    metres[some] = np.add.reduceat(np.abs(end - begin), first[:-1][some]) if some.any() else 0.0
    length, spent = np.full(len(both), np.nan), np.full(len(both), np.nan)
    reached = np.isfinite(total)
    same = reached & (metres <= SAME_M)
    metres[same] = 0.0
    status[pairs] = np.where(same, "same_place", np.where(reached, "found", "unreachable"))
    length[pairs[reached]], spent[pairs[reached]] = metres[reached], total[reached]
    table = pd.DataFrame(
        {
            "status": pd.Categorical(status, categories=STATUSES),
            "length_m": length,
            "cost": spent,
            "origin_off_m": start.off_m,
            "destination_off_m": goal.off_m,
        },
        index=pd.RangeIndex(len(both), name="route"),
    )
    counts = {name: int((status == name).sum()) for name in STATUSES}
    counts["moved_to_longest_part"] = start.moved + goal.moved
    return Routes(table, route_first, half, begin, end, full, counts)


def _grouped(
    graph: WalkingGraph,
    cost: Cost,
    group: tuple[Floats, Ints],
    start: _Feet,
    goal: _Feet,
    pairs: Ints,
) -> tuple[Floats, Ints, Ints, Floats, Floats, NDArray[np.bool_]]:
    """Return the cost of each pair, where its legs begin, and the legs, by one run for each group of origins."""
    nodes, count = len(graph.xy), len(pairs)
    member = group[1]
    sources = len(group[0])
    total = np.full(count, np.inf)
    sizes = np.zeros(count, dtype=np.int64)
    order = np.argsort(member, kind="stable")
    cuts = np.searchsorted(member[order], np.arange(sources + 1))
    step = max(1, CHUNK // max(nodes, 1))
    made: list[tuple[Ints, Ints, Ints, Floats, Floats, NDArray[np.bool_]]] = []
    for low in range(0, sources, step):
        high = min(low + step, sources)
        rows = order[cuts[low] : cuts[high]]
        if not len(rows):
            continue
        lead = rows[np.searchsorted(member[rows], np.arange(low, high))]
        feet = _Feet(start.edge[pairs[lead]], start.at_m[pairs[lead]], start.off_m[pairs[lead]], start.near[lead], 0)
        found = dijkstra(
            _with_origins(graph, cost, feet), indices=nodes + np.arange(high - low), return_predecessors=True
        )
        # In the order of pairs: legs of a single run then stand where they belong.
        rows = np.sort(rows)
        made.append(_legs(graph, cost, found, member[rows] - low, rows, start, goal, pairs, total))
    if len(made) == 1 and len(made[0][0]) == count:
        _, number, half, begin, end, full = made[0]
        return total, np.concatenate([[0], np.cumsum(number)]).astype(np.int64), half, begin, end, full
    for rows, number, *_ in made:
        sizes[rows] = number
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    half, begin, end = np.zeros(first[-1], np.int64), np.zeros(first[-1]), np.zeros(first[-1])
    full = np.zeros(first[-1], np.bool_)
    for rows, number, part, one, two, whole in made:
        into = np.repeat(first[rows] - np.concatenate([[0], np.cumsum(number)])[:-1], number) + np.arange(len(part))
        half[into], begin[into], end[into], full[into] = part, one, two, whole
    return total, first, half, begin, end, full


def _legs(
    graph: WalkingGraph,
    cost: Cost,
    found: tuple[Floats, NDArray[np.int32]],
    source: Ints,
    rows: Ints,
    start: _Feet,
    goal: _Feet,
    pairs: Ints,
    total: Floats,
) -> tuple[Ints, Ints, Ints, Floats, Floats, NDArray[np.bool_]]:
    """Return the legs of the pairs `rows` from distances and predecessors; write their cost into `total`."""
    distance, before = found
    nodes = len(graph.xy)
    a, b = start.edge[pairs[rows]], goal.edge[pairs[rows]]
    at, to = start.at_m[pairs[rows]], goal.at_m[pairs[rows]]
    long = graph.length_m[b]
    # Into the last edge from its begin or from its end, or along one edge from foot to foot.
    by_tail = distance[source, graph.ends[b, 0]] + cost.part(2 * b, np.zeros(len(b)), to)
    by_head = distance[source, graph.ends[b, 1]] + cost.part(2 * b + 1, long, to)
    along = np.where(to >= at, 2 * b, 2 * b + 1)
    direct = np.where(a == b, cost.part(along, at, to), np.inf)
    choice = np.argmin(np.column_stack([direct, by_tail, by_head]), axis=1)
    total[rows] = np.choose(choice, [direct, by_tail, by_head])
    last = np.where(choice == 1, graph.ends[b, 0], graph.ends[b, 1])
    usable = (choice > 0) & np.isfinite(total[rows])
    walk = np.where(usable, last, -1).astype(np.int64)
    inner = np.zeros(len(rows) + 1, dtype=np.int64)
    matrix = graph.matrix
    middle = trace(before, walk, source, nodes, matrix.indptr, matrix.indices, graph.half, inner)
    inside = np.diff(inner)
    one_leg = (choice == 0) & np.isfinite(total[rows])
    number = np.where(usable, inside + 2, np.where(one_leg, 1, 0))
    first = np.concatenate([[0], np.cumsum(number)])
    half, begin, end = np.zeros(first[-1], np.int64), np.zeros(first[-1]), np.zeros(first[-1])
    place = np.repeat(first[:-1] + 1 - inner[:-1], inside) + np.arange(len(middle))
    half[place] = middle
    backward = middle % 2 == 1
    begin[place] = np.where(backward, graph.length_m[middle // 2], 0.0)
    end[place] = np.where(backward, 0.0, graph.length_m[middle // 2])
    # The node that the origin's foot leads to: where the traced path begins.
    ahead = np.where(inside > 0, 0, last)
    some = inside > 0
    ahead[some] = _tails(graph, middle[inner[:-1][some]])
    out = first[:-1][usable]
    # An edge is no loop, so the node says which way the edge is left.
    to_head = graph.ends[a, 1] == ahead
    half[out] = np.where(to_head, 2 * a, 2 * a + 1)[usable]
    begin[out], end[out] = at[usable], np.where(to_head, graph.length_m[a], 0.0)[usable]
    into = first[1:][usable] - 1
    half[into] = np.where(choice == 1, 2 * b, 2 * b + 1)[usable]
    begin[into], end[into] = np.where(choice == 1, 0.0, long)[usable], to[usable]
    only = first[:-1][one_leg]
    half[only], begin[only], end[only] = along[one_leg], at[one_leg], to[one_leg]
    full = np.ones(first[-1], np.bool_)
    ends = np.concatenate([out, into, only])
    whole = graph.length_m[half[ends] // 2]
    full[ends] = (np.minimum(begin[ends], end[ends]) == 0) & (np.maximum(begin[ends], end[ends]) == whole)
    return rows, number, half, begin, end, full


def _tails(graph: WalkingGraph, half: Ints) -> Ints:
    """Return the node that each half-edge leaves."""
    tails: Ints = graph.ends[half // 2, half % 2]
    return tails
