"""The exact variance of a share, by chance of who owns a camera: a check on simulation, and an error bar without it.

With U_S = 1 where no door of set S owns a camera, the amount in view is A - sum of a_S U_S, and its variance the sum
over pairs of sets a_S a_T Cov(U_S, U_T). With independent owners only sets that share a door count.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.errors import InputError
from doorview.share.kernels.pairs import independent_variance, overlaps, sets_of_doors
from doorview.share.rows import SetRows

__all__ = ["share_variance", "share_variance_exactly"]


class _Sets(NamedTuple):
    """The sets that see some of an output, and the sets of each door."""

    start: NDArray[np.int64]
    doors: NDArray[np.int64]
    first: NDArray[np.int64]
    sets: NDArray[np.int64]


def share_variance(rows: SetRows, p: NDArray[np.float64]) -> pd.DataFrame:
    """Return the variance of every share where door j owns a camera with chance `p[j]`, doors independent.

    Cov(U_S, U_T) = Q_S Q_T (prod over the shared doors of 1 / (1 - p) - 1), with Q_S the product of 1 - p over S.

    Parameters
    ----------
    rows
        The coverage.
    p
        (doors,) chances in [0, 1]; a set with a door that owns one for certain varies no more.

    Returns
    -------
    DataFrame
        level, zoning, zone, space, measure, share_variance, share_sd (both of the share, no unit).

    """
    p = np.asarray(p, dtype=np.float64)
    rows.check_doors(p, "the table of chances")
    if not ((p >= 0.0) & (p <= 1.0)).all():
        raise InputError("a door's chance of a camera lies outside [0, 1]: it is a share, 5 % is 0.05.")
    certain = p == 1.0
    odds = np.where(certain, 0.0, p / np.where(certain, 1.0, 1.0 - p))
    none = 1.0 - p
    variance = np.zeros((len(rows.levels), len(rows.outputs.table)))
    for level in range(len(rows.levels)):
        for output in range(len(rows.outputs.table)):
            chosen, amount = rows.of_output(level, output)
            sets = _sets_of(rows, chosen)
            weight = amount * _product(none, sets)
            variance[level, output] = independent_variance(*sets, odds, weight)
    return _table(rows, variance)


def share_variance_exactly(rows: SetRows, inside: NDArray[np.bool_], number: int) -> pd.DataFrame:
    """Return the variance of every share where exactly `number` of the doors inside own a camera, drawn by lot.

    All pairs of sets count: owners crowd each other out. Without shared doors a pair depends on the sizes of its sets
    alone, so those are added up by size; pairs that share a door are added one by one. A door outside owns a camera
    independently at the same rate, number / doors inside, as in the expected shares. Strata of several numbers are not
    covered here.

    Parameters
    ----------
    rows
        The coverage.
    inside
        (doors,) which doors the cameras are handed out to.
    number
        How many cameras, at most the doors inside.

    Returns
    -------
    DataFrame
        level, zoning, zone, space, measure, share_variance, share_sd (both of the share, no unit).

    """
    inside = np.asarray(inside, dtype=bool)
    rows.check_doors(inside, "the table of doors inside")
    total = int(inside.sum())
    if not 0 <= number <= total:
        raise InputError(
            f"{number} cameras for {total} doors inside: the number must lie from 0 to the doors there are."
        )
    kind = np.where(inside, 0, 1).astype(np.int64)
    variance = np.zeros((len(rows.levels), len(rows.outputs.table)))
    for level in range(len(rows.levels)):
        for output in range(len(rows.outputs.table)):
            chosen, amount = rows.of_output(level, output)
            sets = _sets_of(rows, chosen)
            size = _sizes(kind, sets)
            unseen = _none_of(2 * size.max(axis=0, initial=0), number, total)
            added = overlaps(*sets, kind, amount.astype(np.float64), size, unseen)
            # Rounding alone may leave a certain share a little below 0.
            variance[level, output] = max(added + _crowding(size, amount, unseen), 0.0)
    return _table(rows, variance)


def _table(rows: SetRows, variance: NDArray[np.float64]) -> pd.DataFrame:
    """Return the table of variances of amounts [counts squared], as variances of shares."""
    of_share = variance / rows.outputs.amount.astype(np.float64) ** 2
    return rows.table(share_variance=of_share, share_sd=np.sqrt(of_share))


def _sets_of(rows: SetRows, chosen: NDArray[np.int64]) -> _Sets:
    """Return some of the sets, numbered anew, with the sets of each door."""
    members = rows.members
    size = members.size[chosen]
    start = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    doors = members.doors[np.repeat(members.start[chosen] - start[:-1], size) + np.arange(start[-1])]
    return _Sets(start, doors, *sets_of_doors(start, doors, len(rows.door_ids)))


def _product(values: NDArray[np.float64], sets: _Sets) -> NDArray[np.float64]:
    """Return the product over the doors of each set, in door order; no set is empty."""
    if not len(sets.doors):
        return np.zeros(0)
    product: NDArray[np.float64] = np.multiply.reduceat(values[sets.doors], sets.start[:-1])
    return product


def _sizes(kind: NDArray[np.int64], sets: _Sets) -> NDArray[np.int64]:
    """Return (sets, 2): how many doors of kind 0 and of kind 1 each set holds."""
    ones = np.concatenate([[0], np.cumsum(kind[sets.doors])])
    outside = np.diff(ones[sets.start])
    return np.stack([np.diff(sets.start) - outside, outside], axis=1).astype(np.int64)


def _none_of(most: NDArray[np.int64], number: int, total: int) -> NDArray[np.float64]:
    """Return (i, o) up to `most`: the chance that none of i doors inside and o outside owns a camera.

    Inside C(N - i, n) / C(N, n), a product of i fractions; outside (1 - n / N)^o.
    """
    drawn = np.arange(int(most[0]))
    fractions = np.maximum(total - number - drawn, 0) / np.maximum(total - drawn, 1)
    inside = np.concatenate([[1.0], np.cumprod(fractions)])
    rate = number / total if total else 0.0
    none: NDArray[np.float64] = inside[:, None] * (1.0 - rate) ** np.arange(int(most[1]) + 1)[None, :]
    return none


def _crowding(size: NDArray[np.int64], amount: NDArray[np.int64], unseen: NDArray[np.float64]) -> float:
    """Return the sum over all pairs of a_S a_T (u(sizes added up) - u(S) u(T)): pairs as if they shared no door."""
    classes, which = np.unique(size, axis=0, return_inverse=True)
    if not len(classes):
        return 0.0
    by_class = np.bincount(which.ravel(), weights=amount, minlength=len(classes))
    i, o = classes[:, 0], classes[:, 1]
    alone = unseen[i, o]
    together = unseen[i[:, None] + i[None, :], o[:, None] + o[None, :]]
    return float(by_class @ (together - alone[:, None] * alone[None, :]) @ by_class)
