"""10,000 shortest routes with their exposure on Reisterstown, against scipy.sparse.csgraph alone on the same pairs.

Pairs are homes within 100 m of the longest connected part of the network, drawn at random so that 1,000 origins have
ten destinations each, or 100 a hundred. The baseline is `scipy.sparse.csgraph.dijkstra` with predecessors from the node
of the graph that is nearest to each origin, once for each: distances alone, no path is traced. With few origins it has
little to do, and snapping 10,000 destinations to streets counts most.

The graph and the doors that see each of its points are at hand, as they serve every scenario; what making them takes
stands below. Median of 3 runs, taken in turn.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from figure import Figure, MissingDataError, data_file, table
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

import doorview as dv
from doorview.city.model import City
from doorview.overlays.least_in_view import least_in_view, trade_off
from doorview.overlays.route_exposure import Exposure, exposure_of_pairs, route_figures, walking_points
from doorview.overlays.routes import WITHIN_M, shortest_routes
from doorview.overlays.walking_graph import WalkingGraph, walking_graph

EXTRACT = ("baltimore_county_md", "reisterstown_sorted.osm.pbf")
ROUTES = 10_000
LEVEL, RATE = "observe", 0.2
RUNS = 3
AT_MOST = 3.0
"""Target."""
ROWS = 256
"""Origins that csgraph is given at a time, so that its tables fit."""

Floats = NDArray[np.float64]


def clocked(work: Callable[[], object]) -> float:
    """Return the time of one run [s]."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turn(*works: Callable[[], object]) -> list[float]:
    """Return the median time of each [s], run in turn after one round that does not count."""
    for work in works:
        work()
    rounds = [[clocked(work) for work in works] for _ in range(RUNS)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def alone(graph: WalkingGraph, nodes: NDArray[np.int64]) -> None:
    """Run csgraph from each node."""
    for low in range(0, len(nodes), ROWS):
        dijkstra(graph.matrix, indices=nodes[low : low + ROWS], return_predecessors=True)


def pairs(homes: Floats, origins: int) -> tuple[Floats, Floats]:
    """Return `ROUTES` pairs of homes from so many origins."""
    rng = np.random.default_rng(0)
    each = ROUTES // origins
    start = np.repeat(rng.choice(len(homes), origins, replace=False), each)
    goal = rng.choice(len(homes), ROUTES, replace=False)
    return homes[start], homes[goal]


def against(graph: WalkingGraph, exposure: Exposure, homes: Floats, origins: int) -> list[Figure]:
    """Return the figures for so many origins."""
    start, goal = pairs(homes, origins)
    on_longest = np.flatnonzero(graph.part == 0)
    _, near = cKDTree(graph.xy[on_longest]).query(np.unique(start, axis=0))
    nodes = on_longest[near]
    exposures = {LEVEL: exposure}

    def whole(replicates: int) -> Callable[[], object]:
        def work() -> object:
            routes = shortest_routes(graph, start, goal)
            return route_figures(graph, routes, exposures, RATE, replicates=replicates)

        return work

    base, exact, simulated = in_turn(lambda: alone(graph, nodes), whole(0), whole(64))
    counts = shortest_routes(graph, start, goal).counts
    case = f"{ROUTES:,} routes, {origins:,} origins"
    target = f"<= {AT_MOST:g}"
    found = f"{counts['found']:,} found"
    return [
        Figure(
            f"{case}: shortest, seen length, doorbells, unseen ({found})",
            f"{exact:.2f} s",
            f"csgraph alone {base:.2f} s",
            f"{exact / base:.2f}",
            target,
            exact <= AT_MOST * base,
        ),
        Figure(
            f"{case}: and the longest unseen stretch, 64 replicates",
            f"{simulated:.2f} s",
            f"csgraph alone {base:.2f} s",
            f"{simulated / base:.2f}",
            target,
            simulated <= AT_MOST * base,
        ),
    ]


def run() -> list[Figure]:
    """Return all figures."""
    city = City.from_extract(data_file(*EXTRACT))
    doors, ground, obstacles = dv.find_doors(city), dv.public_space(city), dv.find_obstacles(city)
    start = time.perf_counter()
    graph = walking_graph(city, ground)
    made = time.perf_counter() - start
    start = time.perf_counter()
    walk = walking_points(graph)
    exposure = exposure_of_pairs(walk, doors.index, dv.sees(doors, walk.points, obstacles, level=LEVEL))
    seen = time.perf_counter() - start
    homes = np.column_stack([doors.geometry.x, doors.geometry.y])
    reached = shortest_routes(graph, homes, np.repeat(homes[:1], len(homes), axis=0)).table["origin_off_m"]
    homes = homes[reached.to_numpy() <= WITHIN_M]
    figures = [
        *against(graph, exposure, homes, 1_000),
        *against(graph, exposure, homes, 100),
        Figure(f"walking graph, {len(graph):,} edges, {graph.length_m.sum() / 1000:.0f} km", f"{made:.2f} s"),
        Figure(f"doors that see its {len(walk.points):,} points ({LEVEL})", f"{seen:.1f} s"),
    ]
    one, two = pairs(homes, 1_000)
    took = clocked(lambda: least_in_view(graph, exposure, one, two, RATE))
    figures.append(Figure(f"{ROUTES:,} routes least in view, 1,000 origins", f"{took:.2f} s"))
    near = np.flatnonzero(shortest_routes(graph, one, two).table["status"].to_numpy() == "found")[:20]
    times, corners = [], []
    for row in near:
        begin = time.perf_counter()
        corners.append(len(trade_off(graph, exposure, one[row], two[row], RATE).table))
        times.append(time.perf_counter() - begin)
    figures.append(
        Figure(
            f"a trade-off front, detour cap 1.5, {statistics.mean(corners):.1f} corners (mean of {len(near)})",
            f"{statistics.mean(times):.2f} s",
        )
    )
    return figures


if __name__ == "__main__":
    try:
        print(table(run()))
    except MissingDataError as missing:
        print(f"skipped: {missing}")
