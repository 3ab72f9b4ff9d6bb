"""A study's ways on foot computed: the shortest and the least in view, what doors see of them, and of every street."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.city.classes import RANK
from doorview.overlays.destinations import gates_of
from doorview.overlays.detour import chosen_routes, edges_within, joined_routes, only_edges
from doorview.overlays.least_in_view import least_within, trade_off
from doorview.overlays.lots import REACH_M
from doorview.overlays.route_exposure import Exposure, WalkingPoints, recorded_share, route_figures, walking_points
from doorview.overlays.route_owners import RouteOwners, route_owners
from doorview.overlays.routes import Routes, route_lines, shortest_routes
from doorview.overlays.walking_graph import WalkingGraph, walking_graph
from doorview.share.lots import PRIVATE
from doorview.share.spots import CellReader, street_bands
from doorview.study.known import OSM
from doorview.study.routes_ends import WALK_SPOT, RoutesPlan
from doorview.study.routes_homes import HomeWays, home_ways, homes_table
from doorview.study.routes_section import RoutesSection, default_scenarios
from doorview.study.routes_sight import exposures_of
from doorview.study.routes_streets import street_layer

if TYPE_CHECKING:
    from doorview.ownership.scenario import Scenario
    from doorview.study.compute import Prepared

__all__ = ["FRONT_COLUMNS", "LEAST", "ROUTES_COLUMNS", "SHORTEST", "RoutesRun", "figures_of", "routes_run"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHORTEST, LEAST = "shortest", "least_in_view"
MOST_LEAST = 200
"""Ways for which the one least in view is sought: it takes a search of its own for each."""
AT_HOME_M = 2.0
"""A spot in or within this distance of a home's building is taken for that home [m]."""
FEW_HOMES = 5
ROUTES_COLUMNS: tuple[str, ...] = (
    *("route", "kind", "scenario", "level", "status", "length_m", "outside_m", "seen_length_mean_m"),
    *("share_in_view_mean", "doors_in_view", "doorbells_mean", "p_unseen", "recorded_share"),
    *("longest_unseen_mean_m", "longest_unseen_p05_m", "longest_unseen_p95_m", "known_cameras", "known_seen_length_m"),
)
FRONT_COLUMNS: tuple[str, ...] = (
    *("route", "scenario", "level", "point", "length_m", "detour"),
    *("seen_length_mean_m", "share_in_view_mean", "p_unseen"),
)


@dataclass(frozen=True, eq=False)
class RoutesRun:
    """What ways of the study come to.

    Attributes
    ----------
    plan
        What was asked for.
    graph, walk
        The walking graph, and the points along it.
    exposures, known
        By level: which doors see which points, and which known cameras; the latter None where none are asked for.
        Points of streets that nothing asked for have none.
    owners
        By scenario, in the study's order.
    shown, level
        The scenario that maps show, and the level at which ways least in view are sought.
    shortest, least
        One row for each way; the latter by scenario, for the first ways alone where there are many.
    origins, destinations
        (ways, 2) [m] where each begins and ends.
    table, fronts
        routes.csv and route_fronts.csv.
    published
        (cameras,) which known cameras may be published; None where none may.
    homes, homes_table
        The ways of all homes to the nearest of each kind, and routes_homes.csv; None where not asked for.
    streets
        The layer `street_exposure`, or None.
    private
        Labels of ways that begin or end at a home of fewer than five, or in its yard: not fit to publish in a real
        place.

    """

    plan: RoutesPlan
    graph: WalkingGraph
    walk: WalkingPoints
    exposures: dict[str, Exposure]
    known: dict[str, Exposure] | None
    owners: dict[str, RouteOwners]
    shown: str
    level: str
    shortest: Routes
    least: dict[str, Routes]
    origins: Floats
    destinations: Floats
    private: frozenset[str]
    published: NDArray[np.bool_] | None
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    fronts: pd.DataFrame = field(default_factory=pd.DataFrame)
    homes: tuple[HomeWays, ...] = ()
    homes_table: pd.DataFrame | None = None
    streets: gpd.GeoDataFrame | None = None

    @property
    def section(self) -> RoutesSection:
        """What the study asks for."""
        return self.plan.section


def routes_run(ready: Prepared, plan: RoutesPlan | None, scenarios: Mapping[str, Scenario]) -> RoutesRun | None:
    """Return the study's ways, or None where it asks for none; `scenarios` are those by full views, by name."""
    if plan is None:
        return None
    section = plan.section
    ground = None if section.side == "centre" else ready.ground
    graph = walking_graph(ready.city, ground, side=section.side)
    names = [name for name in (section.scenarios or default_scenarios(ready.study.scenarios)) if name in scenarios]
    residents, seed = ready.residents, ready.study.study.seed
    owners = {
        name: route_owners(
            scenarios[name].owners(residents.dwellings, residents.inside),
            residents.keys,
            seed=seed,
            replicates=section.replicates,
        )
        for name in names
    }
    shortest, origins, destinations = _shortest(graph, plan)
    within = _within(ready, graph, shortest, section.detour_cap)
    homes = home_ways(ready, plan, graph)
    edges = np.zeros(len(graph), dtype=bool)
    for walked in (shortest, *(way.routes for way in homes)):
        edges[walked.half // 2] = True
    for part in within.values():
        edges |= part
    if section.street_exposure:
        edges |= shapely.intersects(ready.inside, graph.lines)
    walk = walking_points(graph, edges=edges)
    lines = np.zeros(len(walk.step_m), dtype=bool)
    lines[walk.line_of[np.repeat(edges, 2)]] = True
    exposures = exposures_of(ready.scene, walk, lines)
    known = None if ready.scene.known is None else exposures_of(ready.scene.known.views, walk, lines)
    levels = [item.name for item in ready.levels]
    level = section.least_in_view_level or ("detect" if "detect" in levels else levels[-1])
    shown = names[0] if len(names) == 1 else _shown(names, list(scenarios))
    run = RoutesRun(
        plan, graph, walk, exposures, known, owners, shown, level, shortest, {}, origins, destinations,
        _private(ready, plan), None if ready.scene.known is None else ready.scene.known.layers.get(OSM),
    )  # fmt: skip
    fronts = []
    for name in names:
        found, front = _least(run, name, within)
        run.least[name] = found
        fronts.append(front)
    parts = [figures_of(ready, run, shortest, plan.labels, SHORTEST)]
    parts += [
        figures_of(ready, run, least, plan.labels[: len(least)], LEAST, [name])
        for name, least in run.least.items()
        if len(least)
    ]
    run = replace(run, table=_sorted(parts, ROUTES_COLUMNS, 4), fronts=_sorted(fronts, FRONT_COLUMNS, 4))
    return replace(
        run,
        homes=tuple(homes),
        homes_table=homes_table(homes, graph, exposures, owners) if homes else None,
        streets=street_layer(ready, run) if section.street_exposure else None,
    )


def _shown(names: list[str], scenarios: list[str]) -> str:
    from doorview.study.shown import shown_scenario

    shown = shown_scenario(scenarios)
    return shown if shown in names else shown_scenario(names)


def _sorted(parts: list[pd.DataFrame], columns: tuple[str, ...], keys: int) -> pd.DataFrame:
    """Return tables as one, rows in the order of their first columns."""
    full = [part for part in parts if len(part)]
    table = pd.concat(full, ignore_index=True) if full else pd.DataFrame(columns=list(columns))
    return table[list(columns)].sort_values(list(columns[:keys]), kind="stable", ignore_index=True)


def _shortest(graph: WalkingGraph, plan: RoutesPlan) -> tuple[Routes, Floats, Floats]:
    """Return the shortest way of each pair, and the spots (ways, 2) [m] that it begins and ends at.

    Of the gates of two places, those that are nearest to each other on foot.
    """
    within = plan.section.within_m
    found, origins, destinations = [], [], []
    plain: list[int] = []
    for number, (origin, destination) in enumerate(plan.ends):
        if origin.what == WALK_SPOT and destination.what == WALK_SPOT:
            plain.append(number)
            continue
        one, two = _spots(graph, origin), _spots(graph, destination)
        pairs = shortest_routes(graph, np.repeat(one, len(two), axis=0), np.tile(two, (len(one), 1)), within_m=within)
        length = pairs.table["length_m"].fillna(np.inf).to_numpy()
        best = int(np.argmin(length))
        found.append((number, chosen_routes(pairs, np.array([best]))))
        origins.append((number, one[best // len(two)]))
        destinations.append((number, two[best % len(two)]))
    spots = [
        np.array([shapely.get_coordinates(plan.ends[number][end].geometry)[0] for number in plain]).reshape(-1, 2)
        for end in (0, 1)
    ]
    straight = shortest_routes(graph, *spots, within_m=within)
    order = np.argsort([*(number for number, _ in found), *plain], kind="stable")
    routes = joined_routes([*(item for _, item in found), straight])
    ends = [
        np.vstack([*(xy for _, xy in named), *spots[end]]) if len(plan.ends) else np.zeros((0, 2))
        for end, named in enumerate((origins, destinations))
    ]
    return chosen_routes(routes, order), ends[0][order], ends[1][order]


def _spots(graph: WalkingGraph, place: Any) -> Floats:
    """Return the spots (spots, 2) [m] at which an end is reached."""
    if place.what == WALK_SPOT:
        return np.asarray(shapely.get_coordinates(place.geometry))
    return gates_of(graph, place)


def _within(ready: Prepared, graph: WalkingGraph, shortest: Routes, cap: float) -> dict[int, NDArray[np.bool_]]:
    """Return, by way, the edges that the way least in view may use: for the first `MOST_LEAST` that were found.

    Outside the counted area doors are unknown, so that ways there would pass for unseen: only the shortest goes there.
    """
    rows = np.flatnonzero(shortest.table["status"] == "found")
    shapely.prepare(ready.inside)
    known = np.asarray(shapely.covers(ready.inside, graph.lines))
    found = {}
    for row in rows[rows < MOST_LEAST].tolist():
        legs = shortest.half[shortest.first[row] : shortest.first[row + 1]] // 2
        edges = edges_within(graph, shortest, row, cap) & known
        edges[legs] = True
        found[row] = edges
    return found


def _least(run: RoutesRun, name: str, within: dict[int, NDArray[np.bool_]]) -> tuple[Routes, pd.DataFrame]:
    """Return the ways least in view by a scenario, and the fronts of those that have a name."""
    exposure, owners, found, fronts = run.exposures[run.level], run.owners[name], [], []
    within_m, cap = run.section.within_m, run.section.detour_cap
    for row in range(min(len(run.shortest), MOST_LEAST)):
        if row not in within:
            found.append(chosen_routes(run.shortest, np.array([row])))
            continue
        graph = only_edges(run.graph, within[row])
        one, two = run.origins[row], run.destinations[row]
        length = float(run.shortest.table["length_m"].iloc[row])
        found.append(
            least_within(graph, exposure, one, two, owners, shortest_m=length, detour_cap=cap, within_m=within_m)
        )
        if row < run.plan.named:
            front = trade_off(graph, exposure, one, two, owners, detour_cap=cap, within_m=within_m)
            fronts.append(_front_table(run, run.plan.labels[row], name, front))
    if not found:
        return chosen_routes(run.shortest, np.zeros(0, np.int64)), pd.DataFrame(columns=list(FRONT_COLUMNS))
    return joined_routes(found), pd.concat(fronts) if fronts else pd.DataFrame(columns=list(FRONT_COLUMNS))


def _front_table(run: RoutesRun, label: str, name: str, front: Any) -> pd.DataFrame:
    table = front.table.reset_index()
    only = {run.level: run.exposures[run.level]}
    figures = route_figures(run.graph, joined_routes(front.routes), only, run.owners[name], replicates=0)
    return table.assign(
        route=label,
        scenario=name,
        level=run.level,
        share_in_view_mean=figures["share_in_view_mean"].to_numpy(),
        p_unseen=figures["p_unseen"].to_numpy(),
    )


def figures_of(
    ready: Prepared,
    run: RoutesRun,
    routes: Routes,
    labels: tuple[str, ...] | list[str],
    kind: str,
    scenarios: list[str] | None = None,
) -> pd.DataFrame:
    """Return the rows of routes.csv of some routes on the run's graph, in no order.

    Parameters
    ----------
    ready, run
        The city, and what was seen of its ways; its tables are not read.
    routes, labels, kind
        The routes, what each is called (`route`), and what they are (`kind`).
    scenarios
        Names of `run.owners`; None: all.

    """
    section, seed = run.section, ready.study.study.seed
    lines = route_lines(run.graph, routes)
    outside = shapely.length(shapely.difference(lines, ready.inside))
    outside[routes.table["length_m"].isna().to_numpy()] = np.nan
    known = _known_figures(run, routes)
    parts = []
    for name in scenarios if scenarios is not None else list(run.owners):
        owners = run.owners[name]
        table = route_figures(run.graph, routes, run.exposures, owners, replicates=section.replicates, seed=seed)
        table["recorded_share"] = np.nan
        if section.clip_s is not None:
            for level, exposure in run.exposures.items():
                here = (table["level"] == level).to_numpy()
                share = recorded_share(routes, run.exposures["trigger"], exposure, owners, clip_s=section.clip_s)
                table.loc[here, "recorded_share"] = share.to_numpy()[table["route"].to_numpy()[here]]
        row = table["route"].to_numpy()
        table = table.merge(known, on=["route", "level"], how="left", validate="one_to_one")
        table["outside_m"] = outside[row]
        table["route"] = np.array(list(labels), dtype=object)[row]
        parts.append(table.assign(kind=kind, scenario=name, status=table["status"].astype(str)))
    return pd.concat(parts, ignore_index=True)[list(ROUTES_COLUMNS)]


def _known_figures(run: RoutesRun, routes: Routes) -> pd.DataFrame:
    """Return, by route and level, the known cameras that may be published and the metres in their view."""
    columns = ["route", "level", "known_cameras", "known_seen_length_m"]
    if run.known is None or run.published is None:
        return pd.DataFrame(columns=columns)
    table = route_figures(run.graph, routes, run.known, run.published.astype(np.float64), replicates=0)
    return table.rename(columns={"doorbells_mean": "known_cameras", "seen_length_mean_m": "known_seen_length_m"})[
        columns
    ]


def _private(ready: Prepared, plan: RoutesPlan) -> frozenset[str]:
    """Return the labels of ways with an end at a home of fewer than five: in or at its building, or in its yard."""
    found: set[str] = set()
    if not plan.ends:
        return frozenset(found)
    homes = ready.doors.groupby("building")["dwellings"].sum()
    few = homes.index[homes < FEW_HOMES]
    shapes = ready.city.buildings.geometry.reindex(few).dropna().to_numpy()
    tree = shapely.STRtree(shapes)
    for end in (0, 1):
        places = [pair[end] for pair in plan.ends]
        spots = np.array([place.geometry for place in places], dtype=object)
        near = tree.query(spots, predicate="dwithin", distance=AT_HOME_M)[0] if len(shapes) else []
        found |= {plan.labels[row] for row in near if places[row].what == WALK_SPOT or places[row].osm_id in few}
        given = np.array([row for row, place in enumerate(places) if place.what == WALK_SPOT], dtype=np.int64)
        found |= {plan.labels[row] for row in given[_in_yards(ready, spots[given], few)]}
    return frozenset(found)


def _in_yards(ready: Prepared, spots: NDArray[np.object_], few: pd.Index) -> NDArray[np.bool_]:
    """Return which points (n,) lie on private ground whose nearest building is one of `few`."""
    yard = np.zeros(len(spots), dtype=bool)
    buildings = ready.city.buildings
    if not len(spots) or not len(buildings):
        return yard
    xy = shapely.get_coordinates(spots)
    column, row = np.floor(xy / ready.scene.grid.cell_m).astype(np.int64).T
    space = CellReader(ready.scene, street_bands(ready.ground)).spaces(row, column)[:, 0]
    private = np.flatnonzero(np.isin(space, [RANK[name] for name in PRIVATE]))
    at, of = shapely.STRtree(buildings.geometry.to_numpy()).query_nearest(
        spots[private], max_distance=REACH_M, all_matches=False
    )
    yard[private[at]] = buildings.index[of].isin(few)
    return yard
