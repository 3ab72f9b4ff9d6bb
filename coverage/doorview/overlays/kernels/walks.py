"""Equal-split kernels along a street network, by walking it from each incident."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["spread_along"]

STACK = 1 << 16
"""Open ends of walks at one time."""


@nb.njit(cache=True, nogil=True)
def _beyond(t: float) -> float:
    """Return the quartic kernel's mass on one side beyond t bandwidths: 1/2 - 15/16 (t - 2 t³ / 3 + t⁵ / 5)."""
    if t >= 1.0:
        return 0.0
    return 0.5 - 0.9375 * (t - 2.0 * t**3 / 3.0 + t**5 / 5.0)


@nb.njit(cache=True, nogil=True)
def spread_along(
    start: Any,
    out_halves: Any,
    head: Any,
    length: Any,
    first: Any,
    at_edge: Any,
    at_m: Any,
    weight: Any,
    bandwidth: float,
    continuous: bool,
    least: float,
    most: int,
) -> Any:
    """Return the mass on each lixel (lixels,), and the steps that were walked (`most` + 1: too many, mass is short).

    Half-edge 2 e runs along edge e, 2 e + 1 against it. `start` (nodes + 1,) and `out_halves` list the half-edges that
    leave each node, `head` (halves,) the node where each ends; `length` (edges,) [m]; edge e has the lixels `first[e]`
    to `first[e + 1]`, of one length. Incidents lie `at_m` [m] along `at_edge`, with `weight`.

    At a node with n edges the part that goes on into each other edge is 1 / (n - 1), or, continuous, 2 / n with
    2 / n - 1 coming back. At a dead end all comes back. A walk whose part has sunk below `least` lays down what it
    carries on the last lixel.
    """
    mass = np.zeros(first[first.shape[0] - 1])
    half = np.empty(STACK, np.int64)
    begin = np.empty(STACK)
    gone = np.empty(STACK)
    part = np.empty(STACK)
    steps = 0
    for i in range(at_edge.shape[0]):
        edge = at_edge[i]
        half[0], begin[0], gone[0], part[0] = 2 * edge, at_m[i], 0.0, 1.0
        half[1], begin[1], gone[1], part[1] = 2 * edge + 1, length[edge] - at_m[i], 0.0, 1.0
        top = 2
        while top > 0:
            top -= 1
            h, o, d, f = half[top], begin[top], gone[top], part[top]
            steps += 1
            e = h // 2
            forward = h % 2 == 0
            cells = first[e + 1] - first[e]
            size = length[e] / cells
            # Lixels counted in the direction of walking.
            cell = min(int(o / size), cells - 1)
            before = _beyond(d / bandwidth)
            last = first[e]
            while cell < cells:
                upto = d + (cell + 1) * size - o
                after = _beyond(upto / bandwidth)
                last = first[e] + cell if forward else first[e + 1] - 1 - cell
                mass[last] += weight[i] * f * (before - after)
                before = after
                if upto >= bandwidth:
                    break
                cell += 1
            reach = d + length[e] - o
            if reach >= bandwidth:
                continue
            node = head[h]
            degree = start[node + 1] - start[node]
            if steps + degree > most or top + degree > STACK:
                return mass, most + 1
            for k in range(start[node], start[node + 1]):
                g = out_halves[k]
                back = g == (h ^ 1)
                if degree == 1:
                    share = f
                elif continuous:
                    share = f * (2.0 / degree - 1.0) if back else f * 2.0 / degree
                else:
                    share = 0.0 if back else f / (degree - 1.0)
                if share == 0.0:
                    continue
                if abs(share) < least:
                    mass[last] += weight[i] * share * _beyond(reach / bandwidth)
                    continue
                half[top], begin[top], gone[top], part[top] = g, 0.0, reach, share
                top += 1
    return mass, steps
