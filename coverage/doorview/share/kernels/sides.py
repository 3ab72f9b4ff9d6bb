"""Sets of doors told apart by side: the members that lie inside a unit (a zone, a street), and those outside."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["count_inside", "part_members"]


@nb.njit(cache=True, nogil=True)
def _lies_in(door: int, unit: int, first: Any, units: Any) -> bool:
    """Return whether a door lies in a unit; the units of door d are `units[first[d]:first[d + 1]]`, few."""
    held = False
    for n in range(first[door], first[door + 1]):
        held = held or units[n] == unit
    return held


@nb.njit(cache=True, nogil=True)
def count_inside(pair_unit: Any, pair_set: Any, start: Any, doors: Any, first: Any, units: Any) -> Any:
    """Return (pairs,): how many doors of the set of each pair lie in its unit."""
    counted = np.zeros(pair_unit.shape[0], np.int64)
    for pair in range(pair_unit.shape[0]):
        for n in range(start[pair_set[pair]], start[pair_set[pair] + 1]):
            if _lies_in(doors[n], pair_unit[pair], first, units):
                counted[pair] += 1
    return counted


@nb.njit(cache=True, nogil=True)
def part_members(
    pair_unit: Any, pair_set: Any, start: Any, doors: Any, first: Any, units: Any, inside: bool, out: Any
) -> None:
    """Fill `out` with the doors of each pair's set that lie in its unit, or those that do not, in their order."""
    at = 0
    for pair in range(pair_unit.shape[0]):
        for n in range(start[pair_set[pair]], start[pair_set[pair] + 1]):
            if _lies_in(doors[n], pair_unit[pair], first, units) == inside:
                out[at] = doors[n]
                at += 1
