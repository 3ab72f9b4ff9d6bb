"""Layers of ways on foot: every street's exposure, to route on, and the ways that were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.overlays.route_exposure import edge_exposure
from doorview.overlays.routes import route_lines
from doorview.share.face_groups import face_groups, homes_by_face

if TYPE_CHECKING:
    from doorview.study.compute import Prepared
    from doorview.study.routes_run import RoutesRun

__all__ = ["route_layer", "street_layer"]


def street_layer(ready: Prepared, run: RoutesRun) -> gpd.GeoDataFrame:
    """Return every edge of the walking graph that meets the counted area, with what doors see of it by level.

    Index `edge`. Columns: `osm_id`, `name`, `highway`, `length_m`, `node_from`, `node_to` (OSM's ids, negative where
    there is none), `group`, and for each level `share` in view (of both directions together), `seen_m_along`,
    `seen_m_against`: expected metres in view walked along the line and against it, in the scenario of maps. Edges with
    1 to 4 homes are joined to neighbours until a group has five, and each carries the group's expected metres per
    metre; where there are too few homes in all, none.
    """
    graph = run.graph
    lines = graph.lines
    rows = np.flatnonzero(shapely.intersects(ready.inside, lines))
    ways = ready.city.ways.reindex(graph.osm_id[rows])
    node = graph.osm_node[graph.ends[rows]]
    layer = gpd.GeoDataFrame(
        {
            "osm_id": graph.osm_id[rows],
            "name": ways["name"].to_numpy(dtype=object),
            "highway": ways["highway"].to_numpy(dtype=object),
            "length_m": graph.length_m[rows],
            "node_from": node[:, 0],
            "node_to": node[:, 1],
        },
        geometry=lines[rows],
        crs=graph.crs,
        index=pd.RangeIndex(len(rows), name="edge"),
    )
    counted = np.ones(len(layer), dtype=bool)
    homes = homes_by_face(layer, counted, ready.scene.door_xy, ready.residents.dwellings)
    group = face_groups(layer, homes, counted)
    layer["group"] = group
    metres = _summed(layer["length_m"].to_numpy(), group)
    for level, exposure in run.exposures.items():
        table = edge_exposure(exposure, graph, run.owners[run.shown]).iloc[rows]
        part = {way: _summed(table[f"seen_m_{way}"].to_numpy(), group) / metres for way in ("along", "against")}
        layer[f"share_{level}"] = np.clip((part["along"] + part["against"]) / 2.0, 0.0, 1.0)
        for way, share in part.items():
            layer[f"seen_m_{way}_{level}"] = share * layer["length_m"].to_numpy()
    return layer


def _summed(values: NDArray[np.float64], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return, for each row, the sum over the rows of its group; NaN in the group -1."""
    total = np.bincount(np.maximum(group, 0), weights=np.where(group >= 0, values, 0.0), minlength=len(values) or 1)
    return np.where(group >= 0, total[np.maximum(group, 0)], np.nan)


def route_layer(run: RoutesRun, table: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return the ways of routes.csv as lines, in the scenario of maps: `route`, `kind`, `length_m`, figures by level.

    `table` holds the rows that may be published. Columns by level: `share`, `p_unseen`.
    """
    shown = table[(table["scenario"] == run.shown) & table["status"].isin(["found"])]
    labels = run.plan.labels
    parts = []
    for kind, routes in (("shortest", run.shortest), ("least_in_view", run.least[run.shown])):
        here = shown[shown["kind"] == kind]
        wide = here.pivot_table(index="route", columns="level", values=["share_in_view_mean", "p_unseen"], dropna=False)
        wide.columns = [f"{'share' if name[0] == 's' else name}_{level}" for name, level in wide.columns]
        lines = pd.Series(route_lines(run.graph, routes), index=list(labels[: len(routes)]), dtype=object)
        length = here.drop_duplicates("route").set_index("route")["length_m"]
        part = wide.assign(kind=kind, scenario=run.shown, length_m=length, line=lines.reindex(wide.index))
        parts.append(part.reset_index())
    joined = pd.concat(parts, ignore_index=True).sort_values(["route", "kind"], ignore_index=True)
    columns = [
        "route",
        "kind",
        "scenario",
        "length_m",
        *sorted(set(joined) - {"route", "kind", "scenario", "length_m", "line"}),
    ]
    return gpd.GeoDataFrame(joined[columns], geometry=joined["line"].to_list(), crs=run.graph.crs)
