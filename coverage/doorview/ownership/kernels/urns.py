"""How many owners a set of doors has, where owners are drawn from urns.

Drawing without replacement and the beta-binomial are one thing: Polya's urn (Eggenberger and Polya 1923). Of the doors
of a cluster, taken one after another, the i-th (from 0) is drawn with chance (a + d s) / (t + i s), where d of those
before it were drawn:

- exactly n of N doors: a = n, t = N, s = -1;
- theta ~ Beta of mean p and intraclass correlation r, doors independent given theta: a = p (1 - r), t = 1 - r, s = r.

So the number of owners of a set is a chain of products of plain chances: no factorials, no differences.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["urn_counts_of_sets"]


@nb.njit(cache=True, nogil=True)
def _one_door(whole: Any, p: float) -> None:
    """Put a door that owns independently with chance `p` into the chances `whole` of 0, 1, .. owners."""
    for m in range(whole.shape[0] - 1, 0, -1):
        whole[m] = whole[m] * (1.0 - p) + whole[m - 1] * p
    whole[0] *= 1.0 - p


@nb.njit(cache=True, nogil=True)
def _one_draw(f: Any, top: int, drawn: Any, without: float, with_: float) -> None:
    """Put a door of an urn into f[d, m]: the chance that d doors were drawn and m own a camera.

    `drawn` (top + 1,) is the chance of the draw by d; `with_` and `without` that a door drawn, or not, owns one.
    """
    most = f.shape[1]
    for d in range(top, -1, -1):
        for m in range(most - 1, -1, -1):
            yes, no = f[d, m] * drawn[d], f[d, m] * (1.0 - drawn[d])
            f[d + 1, m] += yes * (1.0 - with_)
            f[d, m] = no * (1.0 - without)
            if m + 1 < most:
                f[d + 1, m + 1] += yes * with_
                f[d, m + 1] += no * without


@nb.njit(cache=True, nogil=True)
def _one_cluster(members: Any, first: int, cluster: Any, urns: Any, keep: Any, own: Any, f: Any, drawn: Any) -> None:
    """Fill f[0, m] with the chance of m owners among the members of a set in the cluster of member `first`."""
    c = cluster[members[first]]
    f[:, :] = 0.0
    f[0, 0] = 1.0
    top, taken = 0, 0
    for i in range(first, members.shape[0]):
        door = members[i]
        if cluster[door] != c:
            continue
        for d in range(top + 1):
            chance = (urns[c, 0] + d * urns[c, 2]) / (urns[c, 1] + taken * urns[c, 2])
            drawn[d] = min(max(chance, 0.0), 1.0)
        _one_draw(f, top, drawn, own[door], 1.0 - (1.0 - keep[door]) * (1.0 - own[door]))
        taken += 1
        # With every door drawn an owner, d never passes the number of owners that is asked for.
        if f[top + 1].any():
            top += 1
    for d in range(1, top + 1):
        for m in range(f.shape[1]):
            f[0, m] += f[d, m]


@nb.njit(cache=True, nogil=True)
def _together(whole: Any, part: Any) -> None:
    """Fold the chances `part` of 0, 1, .. owners into `whole`."""
    for m in range(whole.shape[0] - 1, -1, -1):
        total = 0.0
        for j in range(m + 1):
            total += whole[m - j] * part[j]
        whole[m] = total


@nb.njit(cache=True, nogil=True)
def urn_counts_of_sets(start: Any, doors: Any, cluster: Any, urns: Any, keep: Any, own: Any, most: int) -> Any:
    """Return (most, sets): the chance that exactly 0 .. `most` - 1 doors of each set own a camera.

    Set i holds `doors[start[i]:start[i + 1]]`. A door of cluster c >= 0 is drawn from the urn `urns[c]` (a, t, s) and,
    drawn, owns with chance `keep`; any door owns independently with chance `own` besides.
    """
    sets = start.shape[0] - 1
    longest = 0
    for n in range(sets):
        longest = max(longest, start[n + 1] - start[n])
    f, drawn = np.zeros((longest + 2, most)), np.zeros(longest + 2)
    whole, done = np.zeros(most), np.zeros(longest + 1, np.bool_)
    out = np.zeros((most, sets))
    for n in range(sets):
        members = doors[start[n] : start[n + 1]]
        size = members.shape[0]
        whole[:] = 0.0
        whole[0] = 1.0
        done[:] = False
        for i in range(size):
            if done[i]:
                continue
            if cluster[members[i]] < 0:
                _one_door(whole, own[members[i]])
                continue
            for j in range(i, size):
                done[j] |= cluster[members[j]] == cluster[members[i]]
            _one_cluster(members, i, cluster, urns, keep, own, f[: size + 2], drawn)
            _together(whole, f[0])
        out[:, n] = whole
    return out
