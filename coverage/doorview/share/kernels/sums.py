"""Sums over set rows: amount times chance, in whole numbers; and the doors that see some of what is added up."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["count_doors", "doors_of_bases", "sum_chances"]


@nb.njit(cache=True, nogil=True)
def sum_chances(place: Any, sets: Any, amount: Any, chance: Any, places: int) -> Any:
    """Return (places, m) sums of amount * chance over the rows of each place, as high * 2^20 + low.

    `chance` (m, sets) is in units of 2^-40. Each part is added up by itself, so that neither overflows.
    """
    m = chance.shape[0]
    high = np.zeros((places, m), np.int64)
    low = np.zeros((places, m), np.int64)
    for row in range(place.shape[0]):
        for i in range(m):
            c = chance[i, sets[row]]
            high[place[row], i] += amount[row] * (c >> 20)
            low[place[row], i] += amount[row] * (c & 1048575)
    return high, low


@nb.njit(cache=True, nogil=True)
def _mark_new(door: Any, mark: Any, stamp: int) -> Any:
    """Return whether the door does not bear the stamp yet, and give it."""
    new = mark[door] != stamp
    mark[door] = stamp
    return new


@nb.njit(cache=True, nogil=True)
def doors_of_bases(base: Any, sets: Any, start: Any, doors: Any, bases: int, number: int) -> Any:
    """Return (first, found): the different doors that see some of base b are `found[first[b]:first[b + 1]]`.

    Rows come in order of their base; set s holds `doors[start[s]:start[s + 1]]`, all below `number`.
    """
    first = np.zeros(bases + 1, np.int64)
    for counting in (True, False):
        mark = np.full(number, -1, np.int64)
        at = 0
        if counting:
            found = np.empty(0, np.int64)
        else:
            for b in range(bases):
                first[b + 1] += first[b]
            found = np.empty(first[bases], np.int64)
        for row in range(base.shape[0]):
            for i in range(start[sets[row]], start[sets[row] + 1]):
                if _mark_new(doors[i], mark, base[row]):
                    if counting:
                        first[base[row] + 1] += 1
                    else:
                        found[at] = doors[i]
                        at += 1
    return first, found


@nb.njit(cache=True, nogil=True)
def count_doors(start: Any, parts: Any, first: Any, found: Any, number: int) -> Any:
    """Return (outputs,): how many different doors see some of the bases `parts[start[n]:start[n + 1]]` of output n."""
    counted = np.zeros(start.shape[0] - 1, np.int64)
    mark = np.full(number, -1, np.int64)
    for n in range(start.shape[0] - 1):
        for part in range(start[n], start[n + 1]):
            for i in range(first[parts[part]], first[parts[part] + 1]):
                counted[n] += _mark_new(found[i], mark, n)
    return counted
