"""How many incidents bear on each piece of street: where a density along streets rests on too few to be shown."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import dijkstra

from doorview.overlays.network_kde import NetworkDensity, StreetNetwork, snapped
from doorview.overlays.surface_grid import xy_array

__all__ = ["reached_by"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST_VALUES = 4_000_000
"""Distances held at once: 32 MB."""


def reached_by(xy: ArrayLike, network: StreetNetwork, density: NetworkDensity, *, within_m: float = 100.0) -> Ints:
    """Return (lixels,): incidents nearer to a piece, along streets, than the bandwidth: those that bear on it.

    Parameters
    ----------
    xy, network, within_m
        As they were given to `network_density`.
    density
        What it returned.

    """
    points = xy_array(xy)
    edge, at, off = snapped(points, network.lines)
    near = off <= within_m
    spots, count = np.unique(np.column_stack([edge[near], at[near]]), axis=0, return_counts=True)
    spot_edge, spot_at = spots[:, 0].astype(np.int64), spots[:, 1]
    length = shapely.length(network.lines)
    graph = _graph(network, length)
    lixel_edge = density.lixels["edge"].to_numpy(np.int64)
    size = density.lixels["length_m"].to_numpy(np.float64)
    begin = _begins(lixel_edge, size)
    rest = length[lixel_edge] - begin - size
    ends, limit = network.ends, density.bandwidth_m
    found = np.zeros(len(lixel_edge), np.int64)
    step = max(1, _MOST_VALUES // max(1, len(lixel_edge), graph.shape[0]))
    for low in range(0, len(spots), step):
        mine, along = spot_edge[low : low + step], spot_at[low : low + step]
        nodes, place = np.unique(ends[mine], return_inverse=True)
        place = place.reshape(-1, 2)
        far = dijkstra(graph, directed=False, indices=nodes, limit=limit)
        node = np.minimum(far[place[:, 0]] + along[:, None], far[place[:, 1]] + (length[mine] - along)[:, None])
        way = np.minimum(node[:, ends[lixel_edge, 0]] + begin, node[:, ends[lixel_edge, 1]] + rest)
        here = mine[:, None] == lixel_edge
        direct = np.maximum(np.maximum(begin - along[:, None], along[:, None] - begin - size), 0.0)
        way = np.where(here, np.minimum(way, direct), way)
        found += ((way < limit) * count[low : low + step, None]).sum(axis=0)
    return found


def _graph(network: StreetNetwork, length: Floats) -> sp.csr_array:
    """Return the shortest edge between each two nodes; loops shorten no way."""
    one, two = network.ends.min(axis=1), network.ends.max(axis=1)
    order = np.lexsort((length, two, one))
    order = order[one[order] != two[order]]
    pairs = np.column_stack([one[order], two[order]])
    _, first = np.unique(pairs, axis=0, return_index=True)
    kept = order[first]
    nodes = int(network.ends.max()) + 1
    return sp.csr_array((length[kept], (one[kept], two[kept])), shape=(nodes, nodes))


def _begins(edge: Ints, size: Floats) -> Floats:
    """Return where each piece begins along its edge [m]: pieces of an edge follow each other and are alike."""
    _, first, number = np.unique(edge, return_index=True, return_counts=True)
    nth = np.arange(len(edge)) - np.repeat(first, number)
    begins: Floats = nth * size
    return begins
