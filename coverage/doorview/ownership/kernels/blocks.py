"""64 replicates at once: the inner loops run over the replicates of a word, so that processors take several a step.

Each number is the one that the kernels for a single replicate give, to the bit.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from doorview.ownership.kernels.draws import _uniform

__all__ = ["block_bits", "block_chances", "block_normals", "block_smoothed", "cluster_bits", "summed_chances_of_sets"]

WORD = 64
SPARE = 1e-9
"""Relative. A number this near to a bound is judged by the quantile itself: rounding in the table decides nothing."""


@nb.njit(cache=True, nogil=True)
def block_bits(keys: Any, p: Any, seed: Any, word: int, out: Any) -> None:
    """Set in `out` (doors, words) a word's bits where a door's number is below its chance, `p` (doors, 64)."""
    for door in range(keys.shape[0]):
        bits = np.uint64(0)
        for bit in range(WORD):
            if _uniform(keys[door], seed, WORD * word + bit) < p[door, bit]:
                bits |= np.uint64(1) << np.uint64(bit)
        out[door, word] = bits


@nb.njit(cache=True, nogil=True)
def block_normals(keys: Any, seed: Any, word: int) -> Any:
    """Return `doorview.ownership.kernels.draws.normals` for the replicates of a word (keys, 64)."""
    out = np.empty((keys.shape[0], WORD))
    for n in range(keys.shape[0]):
        for bit in range(WORD):
            replicate = WORD * word + bit
            radius = math.sqrt(-2.0 * math.log(1.0 - _uniform(keys[n], seed, 2 * replicate)))
            out[n, bit] = radius * math.cos(2.0 * math.pi * _uniform(keys[n], seed, 2 * replicate + 1))
    return out


@nb.njit(cache=True, nogil=True)
def block_smoothed(noise: Any, columns: int, corner: Any, wx: Any, wy: Any) -> Any:
    """Return `doorview.ownership.kernels.fields.smoothed` (points, 64) of noise (rows * columns, 64)."""
    width = wx.shape[1]
    out = np.zeros((corner.shape[0], WORD))
    line = np.empty(WORD)
    for n in range(corner.shape[0]):
        for row in range(width):
            first = (corner[n, 1] + row) * columns + corner[n, 0]
            line[:] = 0.0
            for column in range(width):
                weight = wx[n, column]
                for bit in range(WORD):
                    line[bit] += weight * noise[first + column, bit]
            weight = wy[n, row]
            for bit in range(WORD):
                out[n, bit] += weight * line[bit]
    return out


@nb.njit(cache=True, nogil=True)
def block_chances(threshold: Any, field: Any, correlation: float, keep: Any) -> Any:
    """Return `doorview.ownership.kernels.fields.conditional_chances` (doors, 64) given fields (doors, 64)."""
    shared, own = math.sqrt(correlation), math.sqrt(1.0 - correlation)
    out = np.empty(field.shape)
    for n in range(field.shape[0]):
        for bit in range(WORD):
            out[n, bit] = keep[n] * 0.5 * math.erfc(-(threshold[n] - shared * field[n, bit]) / own / math.sqrt(2.0))
    return out


@nb.njit(cache=True, nogil=True)
def cluster_bits(
    keys: Any,
    shared: Any,
    number: Any,
    thinning: Any,
    own: Any,
    table: Any,
    which: Any,
    seed: Any,
    out: Any,
    open_: Any,
) -> None:
    """Set in `out` (doors, words) the owners by cluster of which a table of quantiles leaves no doubt.

    A door owns a camera where its number is below theta times its `thinning`; without a cluster (`number` -1), where
    it is below `own`. theta is the quantile at the number of the cluster's key `shared`, and lies between two
    neighbours of the row `which` (clusters,) of `table` (means, nodes + 1), the quantiles at 0, 1 / nodes, .. 1. Where
    that does not decide, the bit is set in `open_` (doors, words) instead.
    """
    nodes = table.shape[1] - 1
    for door in range(keys.shape[0]):
        c = number[door]
        for word in range(out.shape[1]):
            bits, doubt = np.uint64(0), np.uint64(0)
            for bit in range(WORD):
                u = _uniform(keys[door], seed, WORD * word + bit)
                if c < 0:
                    if u < own[door]:
                        bits |= np.uint64(1) << np.uint64(bit)
                    continue
                node = int(_uniform(shared[c], seed, WORD * word + bit) * nodes)
                if u < table[which[c], node] * thinning[door] * (1.0 - SPARE):
                    bits |= np.uint64(1) << np.uint64(bit)
                elif u <= table[which[c], node + 1] * thinning[door] * (1.0 + SPARE):
                    doubt |= np.uint64(1) << np.uint64(bit)
            out[door, word] = bits
            open_[door, word] = doubt


@nb.njit(cache=True, nogil=True)
def summed_chances_of_sets(start: Any, doors: Any, p: Any, most: int, unit: float) -> Any:
    """Return (most, sets) int64: `at_least_of_sets` in whole multiples of 1 / unit, added up over 64 replicates.

    `p` (doors, 64) are the chances in each replicate, doors then independent.
    """
    sets = start.shape[0] - 1
    out = np.zeros((most, sets), np.int64)
    f = np.empty((most, WORD))
    for n in range(sets):
        f[:, :] = 0.0
        f[0, :] = 1.0
        for i in range(start[n], start[n + 1]):
            door = doors[i]
            for m in range(most - 1, 0, -1):
                for bit in range(WORD):
                    f[m, bit] = f[m, bit] * (1.0 - p[door, bit]) + f[m - 1, bit] * p[door, bit]
            for bit in range(WORD):
                f[0, bit] *= 1.0 - p[door, bit]
        for bit in range(WORD):
            below = 0.0
            for m in range(most):
                below += f[m, bit]
                out[m, n] += np.int64(np.rint(max(1.0 - below, 0.0) * unit))
    return out
