"""All homes to the nearest school, park or stop: what doors see of these ways, over homes alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.overlays.destinations import gates_of
from doorview.overlays.route_exposure import Exposure, route_figures
from doorview.overlays.route_owners import RouteOwners
from doorview.overlays.routes import Routes, nearest_places, shortest_routes
from doorview.overlays.walking_graph import WalkingGraph

if TYPE_CHECKING:
    from doorview.study.compute import Prepared
    from doorview.study.routes_ends import RoutesPlan

__all__ = ["HOMES_COLUMNS", "MEASURES", "HomeWays", "fit_quantile", "home_ways", "homes_table"]

SMALLEST_GROUP = 5
"""Fewest homes that a figure is told of."""
WINDOW = 5
"""A quantile is the mean over so many homes around its rank, so that it is no single home's own."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MEASURES: dict[str, str] = {
    "length_m": "length of the way",
    "share_in_view_mean": "expected part of it in view",
    "doorbells_mean": "expected different doorbells that see any of it",
    "p_unseen": "chance that none sees any of it",
}
"""Measures of routes_homes.csv: columns of routes.csv, over homes."""
HOMES_COLUMNS: tuple[str, ...] = (
    *("destination", "scenario", "level", "measure", "homes", "mean"),
    *(f"p{round(100 * q):02d}" for q in QUANTILES),
)


@dataclass(frozen=True, eq=False)
class HomeWays:
    """The ways from homes to the nearest place of a kind.

    `routes`: the shortest of each door that reaches one; `homes` (routes,) behind each of these doors; `places`: how
    many places there are; `unreached`: homes from which none is reached.
    """

    kind: str
    routes: Routes
    homes: NDArray[np.int64]
    places: int
    unreached: int


def home_ways(ready: Prepared, plan: RoutesPlan, graph: WalkingGraph) -> list[HomeWays]:
    """Return the ways from all homes in the counted area to the nearest place of each kind asked for."""
    inside = np.flatnonzero(ready.residents.inside)
    xy, homes, within = ready.scene.door_xy[inside], ready.residents.dwellings[inside], plan.section.within_m
    found = []
    for kind, places in plan.homes_to.items():
        gates = np.vstack([gates_of(graph, place) for place in places])
        nearest, _ = nearest_places(graph, xy, gates, within_m=within)
        some = nearest >= 0
        routes = shortest_routes(graph, xy[some], gates[nearest[some]], within_m=within)
        found.append(HomeWays(kind, routes, homes[some], len(places), int(homes[~some].sum())))
    return found


def homes_table(
    ways: list[HomeWays], graph: WalkingGraph, exposures: Mapping[str, Exposure], owners: Mapping[str, RouteOwners]
) -> pd.DataFrame:
    """Return routes_homes.csv: distributions over homes, by destination, scenario and level; no home by itself.

    A destination that fewer than `SMALLEST_GROUP` homes reach has no row.
    """
    parts = []
    for way in ways:
        if way.homes.sum() < SMALLEST_GROUP:
            continue
        for name, of in owners.items():
            table = route_figures(graph, way.routes, exposures, of, replicates=0)
            for level, rows in table.groupby("level", sort=False):
                homes = way.homes[rows["route"].to_numpy()]
                parts += [
                    (way.kind, name, level, measure, *_over_homes(rows[measure].to_numpy(np.float64), homes))
                    for measure in MEASURES
                ]
    table = pd.DataFrame(parts, columns=list(HOMES_COLUMNS))
    return table.sort_values(list(HOMES_COLUMNS[:4]), kind="stable", ignore_index=True)


def _over_homes(values: NDArray[np.float64], homes: NDArray[np.int64]) -> tuple[float, ...]:
    """Return the number of homes that have a value, their mean and quantiles."""
    # On one spot with its destination a home has no length, and no share of it.
    known = ~np.isnan(values)
    each = np.sort(np.repeat(values[known], homes[known]))
    if len(each) < SMALLEST_GROUP:
        return (0, *[np.nan] * (1 + len(QUANTILES)))
    return (len(each), float(each.mean()), *(fit_quantile(each, q) for q in QUANTILES))


def fit_quantile(each: NDArray[np.float64], q: float) -> float:
    """Return a quantile of sorted values as the mean of the `WINDOW` around its rank; NaN where there are not so many.

    >>> fit_quantile(np.arange(11.0), 0.5)
    5.0
    >>> fit_quantile(np.arange(11.0), 0.05)
    nan
    """
    at, half = round(q * (len(each) - 1)), WINDOW // 2
    if at < half or at + half >= len(each):
        return float("nan")
    return float(each[at - half : at + half + 1].mean())
