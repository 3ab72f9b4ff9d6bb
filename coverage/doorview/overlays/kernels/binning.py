"""Points to weighted nodes of a grid and back."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

__all__ = ["ONE", "bin_linear", "log_likelihoods", "read_linear"]

ONE = 1 << 36
"""Weights are whole multiples of 1 / ONE: their sums do not depend on the order of points."""


@nb.njit(cache=True, nogil=True)
def bin_linear(u: Any, v: Any, weight: Any, out: Any) -> None:
    """Share each point's weight among the four nodes around it, by bilinear weights, adding to `out` (rows, columns).

    `u` (n,) and `v` (n,) are positions in columns and rows; nodes lie at whole numbers. `weight` and `out` are int64 in
    units of 1 / ONE; the four parts add up to the weight exactly.
    """
    for i in range(u.shape[0]):
        column, row = math.floor(u[i]), math.floor(v[i])
        east, north = u[i] - column, v[i] - row
        w = weight[i]
        upper = np.int64(np.round(w * north))
        upper_east = np.int64(np.round(upper * east))
        lower_east = np.int64(np.round((w - upper) * east))
        out[row + 1, column + 1] += upper_east
        out[row + 1, column] += upper - upper_east
        out[row, column + 1] += lower_east
        out[row, column] += w - upper - lower_east


@nb.njit(cache=True, nogil=True)
def read_linear(u: Any, v: Any, values: Any) -> Any:
    """Return (n,): values at the nodes read at each point by the same bilinear weights."""
    out = np.empty(u.shape[0])
    for i in range(u.shape[0]):
        column, row = math.floor(u[i]), math.floor(v[i])
        east, north = u[i] - column, v[i] - row
        low = values[row, column] * (1.0 - east) + values[row, column + 1] * east
        high = values[row + 1, column] * (1.0 - east) + values[row + 1, column + 1] * east
        out[i] = low * (1.0 - north) + high * north
    return out


@nb.njit(cache=True, nogil=True)
def log_likelihoods(xy: Any, count: Any, chosen: Any, bandwidths: Any) -> Any:
    """Return (bandwidths,): the leave-one-out log-likelihood of places under a Gaussian kernel.

    `xy` (places, 2) are distinct places with `count` incidents each; the sum runs over the places `chosen`, each
    weighted by its count and left out with all its incidents. A density of 0 counts as the smallest number.
    """
    total = 0.0
    for q in range(count.shape[0]):
        total += count[q]
    out = np.zeros(bandwidths.shape[0])
    density = np.empty(bandwidths.shape[0])
    rate = -0.5 / (bandwidths * bandwidths)
    for c in range(chosen.shape[0]):
        p = chosen[c]
        density[:] = 0.0
        for q in range(xy.shape[0]):
            if q == p:
                continue
            squared = (xy[q, 0] - xy[p, 0]) ** 2 + (xy[q, 1] - xy[p, 1]) ** 2
            for b in range(bandwidths.shape[0]):
                exponent = squared * rate[b]
                if exponent > -700.0:
                    density[b] += count[q] * math.exp(exponent)
        for b in range(bandwidths.shape[0]):
            f = density[b] / (2.0 * math.pi * bandwidths[b] ** 2 * (total - count[p]))
            out[b] += count[p] * math.log(max(f, 1e-300))
    return out
