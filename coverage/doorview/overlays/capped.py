"""The cheapest route that is no longer than a cap: two measures of one path, one to be least and one bounded.

A* over labels (cost and length of a path to a node), cheapest first by exact lower bounds of what is left. A node's
labels come out in order of cost, so that one is of use only if it is shorter than all before it there: no list of them
is kept (Hernandez et al. 2023, Simple and efficient bi-objective search algorithms via fast dominance checks,
doi 10.1016/j.artint.2022.103807). The first label at the goal is the answer.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from doorview.overlays.routes import Cost, Routes
from doorview.overlays.walking_graph import WalkingGraph

__all__ = ["MOST_LABELS", "cheapest_within"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_LABELS = 300_000
"""Labels that are looked at before the search is given up: about a second."""
SLACK = 1e-9
"""Rounding of a length or a cost that is summed in another order, as a part of it."""


class _Arcs(NamedTuple):
    """Arcs (n,) between nodes, that each is part of a half-edge, and what it costs."""

    tail: Ints
    head: Ints
    half: Ints
    begin: Floats
    end: Floats
    cost: Floats


def cheapest_within(graph: WalkingGraph, cost: Cost, found: Routes, longest_m: float) -> Routes | None:
    """Return the cheapest route between the ends of a route that is at most `longest_m` long.

    Parameters
    ----------
    graph, cost
        As for `cheapest_routes`.
    found
        One route that was found, from which its ends are taken.
    longest_m
        Cap of the length [m].

    Returns
    -------
    Routes or None
        One route; None where there is none so short, or none was found among `MOST_LABELS` labels.

    """
    nodes = len(graph.xy)
    goal, start = nodes, nodes + 1
    arcs = _arcs(graph, cost, found, start, goal)
    long = np.abs(arcs.end - arcs.begin)
    shape = (nodes + 2, nodes + 2)
    # How much is left at least, from every node: by cost and by length, against the arcs.
    left_cost, left_long = (
        dijkstra(csr_array((weight, (arcs.head, arcs.tail)), shape=shape), indices=goal) for weight in (arcs.cost, long)
    )
    order = np.argsort(arcs.tail, kind="stable")
    first = np.searchsorted(arcs.tail[order], np.arange(nodes + 3)).tolist()
    path = _search(
        order.tolist(), first, arcs.head.tolist(), arcs.cost.tolist(), long.tolist(), left_cost.tolist(),
        left_long.tolist(), start, goal, longest_m * (1 + SLACK),
    )  # fmt: skip
    if path is None:
        return None
    rows = np.array(path, dtype=np.int64)
    half, begin, end = arcs.half[rows], arcs.begin[rows], arcs.end[rows]
    whole = graph.length_m[half // 2]
    full = (np.minimum(begin, end) == 0) & (np.maximum(begin, end) == whole)
    table = found.table.assign(length_m=float(long[rows].sum()), cost=float(arcs.cost[rows].sum()))
    return Routes(table, np.array([0, len(rows)], dtype=np.int64), half, begin, end, full, dict(found.counts))


def _arcs(graph: WalkingGraph, cost: Cost, found: Routes, start: int, goal: int) -> _Arcs:
    """Return the graph's half-edges, and the parts of edges that lead from the origin's foot to the destination's."""
    row = np.repeat(np.arange(graph.matrix.shape[0]), np.diff(graph.matrix.indptr))
    backward, edge = graph.half % 2 == 1, graph.half // 2
    whole = graph.length_m[edge]
    a, at = int(found.half[0]) // 2, float(found.begin_m[0])
    b, to = int(found.half[-1]) // 2, float(found.end_m[-1])
    ends = graph.ends
    parts = [
        (start, int(ends[a, 0]), 2 * a + 1, at, 0.0),
        (start, int(ends[a, 1]), 2 * a, at, float(graph.length_m[a])),
        (int(ends[b, 0]), goal, 2 * b, 0.0, to),
        (int(ends[b, 1]), goal, 2 * b + 1, float(graph.length_m[b]), to),
    ]
    if a == b:
        parts.append((start, goal, 2 * a if to >= at else 2 * a + 1, at, to))
    tail, head, half, begin, end = (np.array(column) for column in zip(*parts, strict=True))
    return _Arcs(
        np.concatenate([row, tail]).astype(np.int64),
        np.concatenate([graph.matrix.indices, head]).astype(np.int64),
        np.concatenate([graph.half, half]).astype(np.int64),
        np.concatenate([np.where(backward, whole, 0.0), begin]),
        np.concatenate([np.where(backward, 0.0, whole), end]),
        np.concatenate([cost.half[graph.half], cost.part(half, begin, end)]),
    )


def _search(
    order: list[int],
    first: list[int],
    head: list[int],
    cost: list[float],
    long: list[float],
    left_cost: list[float],
    left_long: list[float],
    start: int,
    goal: int,
    longest: float,
) -> list[int] | None:
    """Return the arcs of the cheapest path from start to goal of at most so much length."""
    shortest = [float("inf")] * len(left_cost)
    # Of each label the arc that it came by and the label before it.
    came: list[tuple[int, int]] = [(-1, -1)]
    heap = [(left_cost[start], 0.0, 0.0, start, 0)]
    while heap and len(came) < MOST_LABELS:
        _, done, walked, node, label = heapq.heappop(heap)
        if walked >= shortest[node]:
            continue
        shortest[node] = walked
        if node == goal:
            path = []
            while label:
                arc, label = came[label]
                path.append(arc)
            return path[::-1]
        for place in range(first[node], first[node + 1]):
            arc = order[place]
            to, reached = head[arc], walked + long[arc]
            if reached + left_long[to] <= longest and reached < shortest[to] and left_cost[to] < float("inf"):
                spent = done + cost[arc]
                came.append((arc, label))
                heapq.heappush(heap, (spent + left_cost[to], spent, reached, to, len(came) - 1))
    return None
