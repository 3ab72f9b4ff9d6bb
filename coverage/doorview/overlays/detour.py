"""What lies within a detour: where a walk between two ends can pass without growing longer than a cap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from doorview.errors import InputError
from doorview.overlays.routes import STATUSES, Routes
from doorview.overlays.walking_graph import WalkingGraph

__all__ = ["chosen_routes", "edges_within", "joined_routes", "only_edges"]


def edges_within(graph: WalkingGraph, routes: Routes, route: int, cap: float) -> NDArray[np.bool_]:
    """Return the edges (edges,) that a walk of at most `cap` times the shortest can use whole, and those of the route.

    `routes` are shortest ones. An edge can be used where, in its better direction, the way from the origin to it, its
    own length and the way from it to the destination come to no more than the cap.

    Raises
    ------
    InputError
        For a cap below 1, and a route that was not found.

    """
    if not (np.isfinite(cap) and cap >= 1):
        raise InputError(f"cap is {cap!r}: it is a length / the shortest length, 1 or more.")
    length = float(routes.table["length_m"].iloc[route])
    legs = slice(int(routes.first[route]), int(routes.first[route + 1]))
    half, begin, end = routes.half[legs], routes.begin_m[legs], routes.end_m[legs]
    if not len(half):
        raise InputError(
            f"route {route} was not found ({routes.table['status'].iloc[route]}), so nothing lies around it."
        )
    most = cap * length * (1 + 1e-12)
    distance = []
    for edge, at in ((half[0] // 2, begin[0]), (half[-1] // 2, end[-1])):
        # From the foot on an edge to every node: over the nearer of its two ends.
        ends = graph.ends[edge]
        found = dijkstra(graph.matrix, indices=ends, limit=most)
        distance.append(np.minimum(found[0] + at, found[1] + graph.length_m[edge] - at))
    tail, head = graph.ends[:, 0], graph.ends[:, 1]
    there = np.minimum(distance[0][tail] + distance[1][head], distance[0][head] + distance[1][tail])
    out: NDArray[np.bool_] = there + graph.length_m <= most
    out[half // 2] = True
    return out


def only_edges(graph: WalkingGraph, edges: NDArray[np.bool_]) -> WalkingGraph:
    """Return the graph in which only some edges (edges,) are passed; numbers of edges and nodes stay.

    Feet of walks may lie on any edge, and are led to its ends.
    """
    matrix, half = graph.matrix, graph.half
    stay = edges[half // 2]
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    start = np.concatenate([[0], np.cumsum(np.bincount(row[stay], minlength=matrix.shape[0]))])
    smaller = csr_array(
        (matrix.data[stay], matrix.indices[stay], start.astype(matrix.indptr.dtype)), shape=matrix.shape
    )
    return replace(graph, matrix=smaller, half=half[stay])


def joined_routes(parts: Sequence[Routes]) -> Routes:
    """Return the routes of several tables, one after the other."""
    if not parts:
        raise InputError("joined_routes: no routes are given, not even an empty table.")
    table = pd.concat([part.table for part in parts], ignore_index=True)
    table["status"] = pd.Categorical(table["status"], categories=STATUSES)
    table.index.name = "route"
    sizes = np.concatenate([np.diff(part.first) for part in parts])
    half, begin, end, full = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("half", "begin_m", "end_m", "full")
    )
    counts = {name: sum(part.counts[name] for part in parts) for name in parts[0].counts}
    return Routes(table, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), half, begin, end, full, counts)


def chosen_routes(routes: Routes, rows: NDArray[np.int64]) -> Routes:
    """Return some of the routes, in the order of `rows`."""
    sizes = np.diff(routes.first)[rows]
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    legs = np.repeat(routes.first[rows] - first[:-1], sizes) + np.arange(first[-1])
    table = routes.table.iloc[rows].reset_index(drop=True)
    table.index.name = "route"
    counts = {name: int((table["status"] == name).sum()) for name in STATUSES}
    counts["moved_to_longest_part"] = routes.counts["moved_to_longest_part"]
    return Routes(table, first, routes.half[legs], routes.begin_m[legs], routes.end_m[legs], routes.full[legs], counts)
