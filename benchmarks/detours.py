"""What it costs to walk out of view, on real cities: how much longer the way least in view is, and what is left of it.

Beside the one published figure of the kind: in Jyväskylä a way around 450 mapped cameras was 1.5 times as long on
average with cameras at their weak end, 5 times at their middle and strong end, on seven routes downtown
(https://arxiv.org/abs/2011.08598). The table in docs/routes.md comes from here:

    python benchmarks/detours.py [reisterstown las_palmas randallstown monaco]

Pairs are junctions of the longest part of the network drawn at random, 300 to 2,000 m apart on foot, 20 origins with
ten each. No cap on the detour. Rate 100 %: every door has a camera, so that "in view" means by any door at all.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
import pandas as pd
from figure import MissingDataError, data_file
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra

import doorview as dv
from doorview.city.model import City
from doorview.overlays.least_in_view import least_in_view
from doorview.overlays.route_exposure import Exposure, exposure_of_pairs, route_figures, walking_points
from doorview.overlays.routes import Routes, shortest_routes
from doorview.overlays.walking_graph import WalkingGraph, walking_graph
from doorview.sight.known import known_cameras, sees_known

CITIES = {
    "reisterstown": ("baltimore_county_md", "reisterstown_sorted.osm.pbf"),
    "randallstown": ("baltimore_county_md", "clip_randallstown_2km_sorted.osm.pbf"),
    "las_palmas": ("las_palmas", "las_palmas_20230221.osm.pbf"),
    "monaco": ("monaco", "monaco_20250206.osm.pbf"),
}
LEVELS, RATES = ("detect", "observe", "recognise"), (0.05, 0.2, 1.0)
ORIGINS, EACH = 20, 10
SHORT_M, LONG_M = 300.0, 2_000.0
SEED = 8

Floats = NDArray[np.float64]


def pairs(graph: WalkingGraph) -> tuple[Floats, Floats]:
    """Return pairs of junctions, (pairs, 2) [m] each."""
    rng = np.random.default_rng(SEED)
    degree = np.diff(graph.matrix.indptr)
    nodes = np.flatnonzero((graph.part == 0) & (degree > 2))
    start, goal = [], []
    for origin in rng.permutation(nodes)[: 4 * ORIGINS]:
        far = dijkstra(graph.matrix, indices=int(origin), limit=LONG_M)[nodes]
        there = nodes[(far >= SHORT_M) & (far <= LONG_M)]
        if len(there) >= EACH and len(start) < ORIGINS * EACH:
            start += [int(origin)] * EACH
            goal += rng.choice(there, EACH, replace=False).tolist()
    return graph.xy[start], graph.xy[goal]


def row(
    graph: WalkingGraph, shortest: Routes, exposure: Exposure, chance: float, ends: tuple[Floats, Floats]
) -> dict[str, float]:
    """Return what the ways least in view come to beside the shortest."""
    least = least_in_view(graph, exposure, *ends, chance)
    found = (least.table["status"] == "found").to_numpy()
    detour = (least.table["length_m"] / shortest.table["length_m"]).to_numpy()[found]
    seen = [
        route_figures(graph, routes, {"": exposure}, chance, replicates=0)["seen_length_mean_m"].to_numpy()[found]
        for routes in (shortest, least)
    ]
    length = shortest.table["length_m"].to_numpy()[found]
    out = seen[1] < 0.01
    return {
        "share of the shortest way in view": seen[0].sum() / length.sum(),
        "of that left on the way least in view": seen[1].sum() / seen[0].sum() if seen[0].sum() > 0 else np.nan,
        "detour, mean": detour.mean(),
        "detour, 95th percentile": np.quantile(detour, 0.95),
        "pairs with a way wholly out of view": out.mean(),
        "its detour, mean": detour[out].mean() if out.any() else np.nan,
    }


def of_city(name: str) -> pd.DataFrame:
    """Return the rows of a city: by level and rate, and known cameras where it has any."""
    city = City.from_extract(data_file(*CITIES[name]))
    doors, obstacles = dv.find_doors(city), dv.find_obstacles(city)
    graph = walking_graph(city, dv.public_space(city))
    walk = walking_points(graph)
    ends = pairs(graph)
    shortest = shortest_routes(graph, *ends)
    rows = []
    for level in LEVELS:
        exposure = exposure_of_pairs(walk, doors.index, dv.sees(doors, walk.points, obstacles, level=level))
        rows += [
            {"city": name, "level": level, "cameras": f"{rate:.0%} of {len(doors):,} doors"}
            | row(graph, shortest, exposure, rate, ends)
            for rate in RATES
        ]
        del exposure
        cameras = known_cameras(city)
        if len(cameras) >= 10:
            seen = exposure_of_pairs(walk, cameras.index, sees_known(cameras, walk.points, obstacles, level=level))
            said = f"{len(cameras):,} mapped cameras"
            rows.append({"city": name, "level": level, "cameras": said} | row(graph, shortest, seen, 1.0, ends))
    return pd.DataFrame(rows).assign(pairs=len(ends[0]))


def main(names: list[str]) -> None:
    """Print the table of the cities named, as Markdown."""
    for name in names or list(CITIES):
        try:
            print(of_city(name).round(3).to_csv(sep="|", index=False), flush=True)
        except MissingDataError as missing:
            print(f"{name}: skipped: {missing}")


if __name__ == "__main__":
    main(sys.argv[1:])
