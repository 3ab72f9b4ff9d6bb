"""Routes least in view, and the trade-off of length against exposure.

Expected metres in view add up along a way, so the least is found exactly by Dijkstra's algorithm. The chance of
arriving unseen does not: a door that sees two stretches counts once, so what a stretch costs depends on the others; it
is reported for the routes found, never minimised.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from doorview.errors import InputError
from doorview.overlays.capped import cheapest_within
from doorview.overlays.route_exposure import CAVEAT, Exposure, seen_metres
from doorview.overlays.route_owners import Chance
from doorview.overlays.routes import WITHIN_M, Cost, Routes, cheapest_routes, shortest_routes
from doorview.overlays.walking_graph import WalkingGraph

__all__ = ["PER_METRE", "Front", "least_in_view", "least_within", "trade_off"]

Floats = NDArray[np.float64]

PER_METRE = 1e-6
"""A metre of length counts as much as this many metres in view: of routes equally in view, nearly the shortest."""
MOST_POINTS = 64
"""Routes of a front at most."""


@dataclass(frozen=True, eq=False)
class Front:
    """Routes of one pair that trade length against exposure.

    `table`, index `point`, from the shortest to the least in view: `length_m`, `seen_length_mean_m`, `detour` (length
    / shortest length); `attrs["caveat"]` is to be printed with it. `routes`: those routes, one row each. `left_out`:
    routes found that are longer than the cap. `complete`: whether all corners of the front were found (else
    `MOST_POINTS` of them).
    """

    table: pd.DataFrame
    routes: tuple[Routes, ...]
    left_out: int
    complete: bool


def least_in_view(
    graph: WalkingGraph,
    exposure: Exposure,
    origins: ArrayLike,
    destinations: ArrayLike,
    chance: Chance,
    *,
    within_m: float = WITHIN_M,
    all_parts: bool = False,
) -> Routes:
    """Return the route of least expected metres in view of each pair.

    The cost of a stretch is step x (1 - product (1 - p_j)) at each point, plus 1e-6 per metre of length, so that a
    route out of view is no stroll: the expected metres in view are the least to within a millionth of the length.

    Arguments and errors as `shortest_routes` and `route_figures`; `cost` in `routes.table` is this cost [m];
    `routes.table.attrs["caveat"]` is to be printed on every route that is shown.
    """
    cost = seen_metres(exposure, graph, chance, per_metre=PER_METRE)
    routes = cheapest_routes(graph, cost, origins, destinations, within_m=within_m, all_parts=all_parts)
    routes.table.attrs["caveat"] = CAVEAT
    return routes


def least_within(
    graph: WalkingGraph,
    exposure: Exposure,
    origin: ArrayLike,
    destination: ArrayLike,
    chance: Chance,
    *,
    shortest_m: float,
    detour_cap: float,
    within_m: float = WITHIN_M,
) -> Routes:
    """Return the route least in view, of one pair, that is at most `detour_cap` times as long as the shortest.

    Exact (`cheapest_within`); where that search is given up, the last corner of `trade_off` within the cap.

    Parameters
    ----------
    graph, exposure, origin, destination, chance, within_m
        As for `trade_off`.
    shortest_m
        Length of the shortest route [m].
    detour_cap
        1 or more.

    """
    ends = np.reshape(np.asarray(origin, float), (1, 2)), np.reshape(np.asarray(destination, float), (1, 2))
    least = least_in_view(graph, exposure, *ends, chance, within_m=within_m)
    longest = detour_cap * shortest_m * (1 + 1e-12)
    if not least.table["length_m"].iloc[0] > longest:
        return least
    cost = seen_metres(exposure, graph, chance, per_metre=PER_METRE)
    found = cheapest_within(graph, cost, least, longest)
    if found is None:
        front = trade_off(graph, exposure, *ends, chance, detour_cap=detour_cap, within_m=within_m)
        found = front.routes[-1]
    found.table.attrs["caveat"] = CAVEAT
    return found


def trade_off(
    graph: WalkingGraph,
    exposure: Exposure,
    origin: ArrayLike,
    destination: ArrayLike,
    chance: Chance,
    *,
    detour_cap: float = 1.5,
    within_m: float = WITHIN_M,
    all_parts: bool = False,
) -> Front:
    """Return the corners of the front of length against expected metres in view, for one pair.

    Corners are the routes that are best for some weighing of the two: all are found, by asking between each two
    neighbours whether a route lies below the line through them. Routes off the convex front, best for no weighing,
    may lie between; among them may be one within the cap that is less in view than those returned.

    Parameters
    ----------
    graph, exposure, chance
        As for `least_in_view`.
    origin, destination
        (2,) [m].
    detour_cap
        Routes longer than this times the shortest are left out, and counted; at least 1.
    within_m, all_parts
        As for `shortest_routes`.

    Raises
    ------
    InputError
        As `shortest_routes`; for a cap below 1; and for a pair without a route, with its status.

    """
    if not (np.isfinite(detour_cap) and detour_cap >= 1):
        raise InputError(f"detour_cap is {detour_cap!r}: it is a length / the shortest length, 1 or more.")
    one, two = np.reshape(np.asarray(origin, float), (1, 2)), np.reshape(np.asarray(destination, float), (1, 2))
    length = Cost(np.repeat(graph.length_m, 2), lambda _, begin, end: np.abs(end - begin))
    seen = seen_metres(exposure, graph, chance)

    def best(metre: float, view: float) -> tuple[float, float, Routes]:
        cost = Cost(
            metre * length.half + view * seen.half,
            lambda half, begin, end: metre * length.part(half, begin, end) + view * seen.part(half, begin, end),
        )
        found = cheapest_routes(graph, cost, one, two, within_m=within_m, all_parts=all_parts)
        exposed = float(seen.part(found.half, found.begin_m, found.end_m).sum())
        return float(found.table["length_m"].iloc[0]), exposed, found

    quickest = shortest_routes(graph, one, two, within_m=within_m, all_parts=all_parts)
    status = str(quickest.table["status"].iloc[0])
    if status != "found":
        raise InputError(
            f"trade_off: there is no route between origin and destination ({status}). Move the points, or raise "
            "within_m; all_parts=True takes edges apart from the longest network."
        )
    # The other measure decides between equals, as a hair of the first.
    corners = [best(1.0, PER_METRE), best(PER_METRE, 1.0)]
    shortest = corners[0][0]
    complete = True
    ask = [0]
    if not _apart(corners[0], corners[1]):
        corners, ask = corners[:1], []
    while ask:
        at = ask.pop()
        low, high = corners[at], corners[at + 1]
        weights = low[1] - high[1], high[0] - low[0]
        middle = best(*weights)
        line = weights[0] * low[0] + weights[1] * low[1]
        below = line - (weights[0] * middle[0] + weights[1] * middle[1])
        if below > 1e-9 * max(line, 1.0) and _apart(low, middle) and _apart(middle, high):
            if len(corners) >= MOST_POINTS:
                complete = False
                break
            corners.insert(at + 1, middle)
            ask = [*(number if number <= at else number + 1 for number in ask), at, at + 1]
    kept = [corner for corner in corners if corner[0] <= detour_cap * shortest * (1 + 1e-12)]
    table = pd.DataFrame(
        {
            "length_m": [corner[0] for corner in kept],
            "seen_length_mean_m": [corner[1] for corner in kept],
            "detour": [corner[0] / shortest for corner in kept],
        },
        index=pd.RangeIndex(len(kept), name="point"),
    )
    table.attrs["caveat"] = CAVEAT
    return Front(table, tuple(corner[2] for corner in kept), len(corners) - len(kept), complete)


def _apart(one: tuple[float, float, Routes], two: tuple[float, float, Routes]) -> bool:
    """Return whether the second is longer and less in view, by more than rounding."""
    return two[0] - one[0] > 1e-6 and one[1] - two[1] > 1e-9
