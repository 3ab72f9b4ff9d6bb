"""Pairs of sets that share a door: the covariances that make up the variance of an amount in view."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["independent_variance", "overlaps", "sets_of_doors"]


@nb.njit(cache=True, nogil=True)
def sets_of_doors(start: Any, doors: Any, number: int) -> Any:
    """Return (first, sets): door j is in the sets `sets[first[j]:first[j + 1]]`, ascending; set s holds its slice."""
    first = np.zeros(number + 1, np.int64)
    for i in range(doors.shape[0]):
        first[doors[i] + 1] += 1
    for door in range(number):
        first[door + 1] += first[door]
    at = first.copy()
    sets = np.empty(doors.shape[0], np.int64)
    for s in range(start.shape[0] - 1):
        for i in range(start[s], start[s + 1]):
            sets[at[doors[i]]] = s
            at[doors[i]] += 1
    return first, sets


@nb.njit(cache=True, nogil=True)
def _compound(s: int, start: Any, doors: Any, first: Any, sets: Any, odds: Any, growth: Any, met: Any) -> Any:
    """Return how many sets from s on share a door with s, list them in `met`, and make `growth` for each.

    growth = prod over shared doors of (1 + odds) - 1, door by door as g <- g + (1 + g) odds: nothing cancels.
    """
    count = 0
    for i in range(start[s], start[s + 1]):
        x = odds[doors[i]]
        if x == 0.0:
            continue
        for k in range(first[doors[i] + 1] - 1, first[doors[i]] - 1, -1):
            t = sets[k]
            if t < s:
                break
            if growth[t] == 0.0:
                met[count] = t
                count += 1
            growth[t] += (1.0 + growth[t]) * x
    return count


@nb.njit(cache=True, nogil=True)
def independent_variance(start: Any, doors: Any, first: Any, sets: Any, odds: Any, weight: Any) -> float:
    """Return sum over pairs of sets (S, T) that share a door of w_S w_T (prod over shared doors of (1 + odds) - 1).

    `weight` (sets,) is amount times the chance that no door of the set owns a camera; `odds` (doors,) is p / (1 - p).
    Each pair is met once, by its first set.
    """
    number = start.shape[0] - 1
    growth = np.zeros(number)
    met = np.empty(number, np.int64)
    total = 0.0
    for s in range(number):
        if weight[s] == 0.0:
            continue
        row = 0.0
        for m in range(_compound(s, start, doors, first, sets, odds, growth, met)):
            t = met[m]
            row += (1.0 if t == s else 2.0) * weight[t] * growth[t]
            growth[t] = 0.0
        total += weight[s] * row
    return total


@nb.njit(cache=True, nogil=True)
def overlaps(start: Any, doors: Any, first: Any, sets: Any, kind: Any, amount: Any, size: Any, unseen: Any) -> float:
    """Return what shared doors add to the sum over pairs (S, T) of a_S a_T P(no door of S or T owns a camera).

    That is, over pairs that share a door, a_S a_T (u(union) - u(sizes added up)). Doors are of two kinds, 0 and 1, and
    `unseen` (i, o) is the chance that none of i doors of kind 0 and o of kind 1 owns one; `size` (sets, 2) counts them.
    """
    number = start.shape[0] - 1
    shared = np.zeros((number, 2), np.int64)
    met = np.empty(number, np.int64)
    total = 0.0
    for s in range(number):
        count = 0
        for i in range(start[s], start[s + 1]):
            for k in range(first[doors[i] + 1] - 1, first[doors[i]] - 1, -1):
                t = sets[k]
                if t < s:
                    break
                if shared[t, 0] + shared[t, 1] == 0:
                    met[count] = t
                    count += 1
                shared[t, kind[doors[i]]] += 1
        row = 0.0
        for m in range(count):
            t = met[m]
            i, o = size[s, 0] + size[t, 0], size[s, 1] + size[t, 1]
            more = unseen[i - shared[t, 0], o - shared[t, 1]] - unseen[i, o]
            row += (1.0 if t == s else 2.0) * amount[t] * more
            shared[t, 0] = 0
            shared[t, 1] = 0
        total += amount[s] * row
    return total
