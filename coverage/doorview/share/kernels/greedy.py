"""Doors one by one, each the one that adds most (or least) to what is in view, from sets with amounts.

A door's gain is the amount of the sets that it sees and no chosen door does. Gains are kept exact: a set covered for
the first time is taken off the gains of all its doors, which happens once a set. The best door stands at the root of
a tournament tree over ranks, whose leaves are changed one at a time.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["NEVER", "choose", "cover_door", "gains_of_doors", "tree_of"]

NEVER = np.int64(-(2**62))
"""The worth of a door that may not be chosen."""


@nb.njit(cache=True, nogil=True)
def gains_of_doors(start: Any, doors: Any, amount: Any, number: int) -> Any:
    """Return (doors,) int64: the amount that each door sees."""
    gain = np.zeros(number, np.int64)
    for s in range(start.shape[0] - 1):
        for i in range(start[s], start[s + 1]):
            gain[doors[i]] += amount[s]
    return gain


@nb.njit(cache=True, nogil=True)
def tree_of(worth: Any) -> Any:
    """Return a tournament tree: the winner among ranks, the larger worth and then the lower rank, stands at place 1."""
    leaves = 1
    while leaves < worth.shape[0]:
        leaves *= 2
    tree = np.empty(2 * leaves, np.int64)
    for rank in range(leaves):
        tree[leaves + rank] = min(rank, worth.shape[0] - 1)
    for place in range(leaves - 1, 0, -1):
        tree[place] = _winner(tree[2 * place], tree[2 * place + 1], worth)
    return tree


@nb.njit(cache=True, nogil=True)
def _winner(left: Any, right: Any, worth: Any) -> Any:
    """Return the rank of larger worth; of two alike, the left one, which is lower."""
    if worth[right] > worth[left]:
        return right
    return left


@nb.njit(cache=True, nogil=True)
def _changed(rank: int, tree: Any, worth: Any) -> None:
    """Play the matches of a rank again, after its worth has changed."""
    place = (tree.shape[0] // 2 + rank) // 2
    while place > 0:
        tree[place] = _winner(tree[2 * place], tree[2 * place + 1], worth)
        place //= 2


@nb.njit(cache=True, nogil=True)
def cover_door(
    door: int, start: Any, doors: Any, amount: Any, first: Any, sets: Any, covered: Any, gain: Any, touched: Any
) -> Any:
    """Cover all sets of a door; return how many gains fell, their doors listed in `touched` (memberships,)."""
    count = 0
    for k in range(first[door], first[door + 1]):
        s = sets[k]
        if covered[s]:
            continue
        covered[s] = True
        for i in range(start[s], start[s + 1]):
            gain[doors[i]] -= amount[s]
            touched[count] = doors[i]
            count += 1
    return count


@nb.njit(cache=True, nogil=True)
def choose(
    count: int,
    sign: int,
    start: Any,
    doors: Any,
    amount: Any,
    first: Any,
    sets: Any,
    covered: Any,
    gain: Any,
    rank: Any,
    door_at: Any,
    worth: Any,
    tree: Any,
) -> Any:
    """Choose `count` doors more and return (doors, gains), in order; fewer where no door is left to choose.

    `sign` 1 chooses the largest gain and -1 the smallest. `rank` (doors,) orders doors whose gains are alike, `door_at`
    is its inverse; `worth` (doors,) by rank is sign * gain, or NEVER. `covered`, `gain`, `worth` and `tree` go on.
    """
    chosen = np.empty(count, np.int64)
    added = np.empty(count, np.int64)
    # Each membership is touched once at most, in all.
    touched = np.empty(doors.shape[0], np.int64)
    for n in range(count):
        best = tree[1]
        if worth[best] == NEVER:
            return chosen[:n], added[:n]
        door = door_at[best]
        chosen[n] = door
        added[n] = gain[door]
        worth[best] = NEVER
        _changed(best, tree, worth)
        fell = cover_door(door, start, doors, amount, first, sets, covered, gain, touched)
        for i in range(fell):
            at = rank[touched[i]]
            if worth[at] != NEVER:
                worth[at] = sign * gain[touched[i]]
                _changed(at, tree, worth)
    return chosen, added
