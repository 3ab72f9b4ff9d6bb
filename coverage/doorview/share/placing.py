"""Where cameras see most together: the most possible for n cameras, and the least found, from the set rows.

Choosing n doors that see the most is the maximal covering location problem (Church and ReVelle 1974,
doi 10.1007/BF01942293), and hard. Taking the door that adds most, again and again, reaches at least 1 - 1/e of the best
(Nemhauser, Wolsey and Fisher 1978, doi 10.1007/BF01588971). Lazy evaluation (Minoux 1978, doi 10.1007/BFb0006528) saves
computing gains anew; here no gain is ever computed anew, because the sets say which doors lose what when a spot is
covered, and the choice of doors is the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.errors import InputError
from doorview.share.kernels.greedy import NEVER, choose, cover_door, gains_of_doors, tree_of
from doorview.share.kernels.pairs import sets_of_doors
from doorview.share.rows import SetRows

__all__ = ["Placing", "least_in_view", "most_in_view"]

BOUNDS_EVERY = 1.1
"""Between two places where the bound is computed, the number of cameras grows by this factor."""


@dataclass(frozen=True)
class Placing:
    """Doors in the order in which they were chosen, and what they see together.

    table
        One row per number of cameras 0 .. n: cameras, door (id; None in row 0, which is what certain cameras see),
        added and amount [m2 or m], share of the output's amount, and for the most possible upper_bound (share that no
        choice of as many doors exceeds) and of_bound (share / upper_bound, never below 1 - 1/e).
    doors
        Door numbers in that order, (n,).

    """

    table: pd.DataFrame
    doors: NDArray[np.int64]


@dataclass(frozen=True)
class _Problem:
    """Sets with what each is worth, doors that may be chosen, and the state while choosing."""

    start: NDArray[np.int64]
    members: NDArray[np.int64]
    amount: NDArray[np.int64]
    first: NDArray[np.int64]
    sets: NDArray[np.int64]
    covered: NDArray[np.bool_]
    gain: NDArray[np.int64]
    rank: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    base: int

    def choose(self, count: int, sign: int, state: tuple[NDArray[np.int64], ...]) -> tuple[NDArray[np.int64], ...]:
        """Return (doors, gains) of the next `count` doors."""
        found: tuple[NDArray[np.int64], ...] = choose(
            count,
            sign,
            self.start,
            self.members,
            self.amount,
            self.first,
            self.sets,
            self.covered,
            self.gain,
            self.rank,
            *state,
        )
        return found

    def state(self, sign: int) -> tuple[NDArray[np.int64], ...]:
        """Return doors by rank, their worth, and the tree."""
        door_at = np.argsort(self.rank)
        worth = np.where(self.allowed, sign * self.gain, NEVER)[door_at]
        return door_at, worth, tree_of(worth)


def most_in_view(
    rows: SetRows,
    key: NDArray[np.uint64],
    number: int,
    *,
    level: str,
    space: str,
    zoning: str = "all",
    zone: str = "all",
    allowed: NDArray[np.bool_] | None = None,
    certain: NDArray[np.bool_] | None = None,
    worth: NDArray[np.int64] | None = None,
) -> Placing:
    """Return `number` doors that see close to the most possible together, and a bound on what is possible.

    Greedy: each door is the one that adds most to those before it; of doors alike the lower key. So the first n of them
    are the answer for every n below. For n cameras, no choice exceeds what the first k see and the n largest gains left
    then, for any k (Leskovec et al. 2007, doi 10.1145/1281192.1281239), nor greedy's own amount over
    1 - (1 - 1/n)^n; the least of those over several k is the bound.

    Parameters
    ----------
    rows
        The coverage.
    key
        (doors,) uint64, the doors' keys (`DoorTable.key`): the order of doors that add the same.
    number
        How many cameras at most; fewer doors are returned where fewer may be chosen.
    level, space, zoning, zone
        The level, and the printed row whose amount in view is made large.
    allowed
        (doors,) which doors may be chosen; default all.
    certain
        (doors,) doors that own a camera already: what they see counts and is not added again. None is chosen.
    worth
        (sets of the coverage,) whole numbers of 0 or more: what a count that the set sees is worth, e.g. homes on its
        street; default 1. Amounts and shares are then those of worth, and of the worth that any door sees.

    Raises
    ------
    InputError
        For a number that is not 0 or more, arrays of another length, or worth below 0.

    """
    problem, unit, whole = _problem(rows, key, number, (level, space, zoning, zone), allowed, certain, worth)
    state = problem.state(1)
    doors: list[NDArray[np.int64]] = []
    gains: list[NDArray[np.int64]] = []
    wanted = min(number, int(problem.allowed.sum()))
    bound = np.full(wanted + 1, whole, np.int64)
    amount, k = problem.base, 0
    while True:
        left = np.where(problem.allowed, problem.gain, 0)
        top = np.sort(left)[::-1][:wanted]
        bound = np.minimum(bound, amount + np.concatenate([[0], np.cumsum(top)]))
        if k >= wanted:
            break
        chosen, added = problem.choose(min(_next_stop(k), wanted) - k, 1, state)
        doors.append(chosen)
        gains.append(added)
        k += len(chosen)
        amount += int(added.sum())
    found, gain = _joined(doors), _joined(gains)
    reached = problem.base + np.concatenate([[0], np.cumsum(gain)]).astype(np.int64)
    bound = np.minimum(bound, _classic_bound(reached - problem.base) + problem.base)
    table = _table(rows, found, reached, unit, whole)
    table["upper_bound"] = bound / whole if whole else np.nan
    table["of_bound"] = np.divide(reached, bound, out=np.ones(len(bound)), where=bound > 0)
    return Placing(table, found)


def least_in_view(
    rows: SetRows,
    key: NDArray[np.uint64],
    number: int,
    *,
    level: str,
    space: str,
    zoning: str = "all",
    zone: str = "all",
    allowed: NDArray[np.bool_] | None = None,
    certain: NDArray[np.bool_] | None = None,
    worth: NDArray[np.int64] | None = None,
) -> Placing:
    """Return `number` doors that see little together: the least found, which may lie above the least possible.

    Each door is the one that adds least to those before it. Nothing is known of how near that comes to the least
    possible: seeing little together is another problem than seeing much, and greedy has no bound for it. Parameters
    and result as in `most_in_view`, without the bound.
    """
    problem, unit, whole = _problem(rows, key, number, (level, space, zoning, zone), allowed, certain, worth)
    found, gain = problem.choose(min(number, int(problem.allowed.sum())), -1, problem.state(-1))
    reached = problem.base + np.concatenate([[0], np.cumsum(gain)]).astype(np.int64)
    return Placing(_table(rows, found, reached, unit, whole), found)


def _problem(
    rows: SetRows,
    key: NDArray[np.uint64],
    number: int,
    output: tuple[str, str, str, str],
    allowed: NDArray[np.bool_] | None,
    certain: NDArray[np.bool_] | None,
    worth: NDArray[np.int64] | None,
) -> tuple[_Problem, float, int]:
    """Return the problem, what a count is worth in m2 or m, and all that there is in counts."""
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 0:
        raise InputError(f"number is {number!r}: it must be a whole number of cameras of 0 or more, e.g. number=500.")
    doors = len(rows.door_ids)
    may = np.ones(doors, bool) if allowed is None else np.array(allowed, dtype=bool)
    has = np.zeros(doors, bool) if certain is None else np.asarray(certain, dtype=bool)
    for values, what in ((key, "the table of keys"), (may, "the table of allowed doors"), (has, "the table of owners")):
        rows.check_doors(values, what)
    level, space, zoning, zone = output
    place = rows.output_number(space, zoning, zone)
    chosen, amount = rows.of_output(rows.level_number(level), place)
    unit, whole = float(rows.outputs.unit[place]), int(rows.outputs.amount[place])
    if worth is not None:
        amount = amount * _checked_worth(rows, worth)[chosen]
        unit, whole = 1.0, int(amount.sum())
    start, members = _members_of(rows, chosen)
    first, sets = sets_of_doors(start, members, doors)
    gain, covered = gains_of_doors(start, members, amount, doors), np.zeros(len(chosen), bool)
    touched = np.empty(len(members), np.int64)
    for door in np.flatnonzero(has).tolist():
        cover_door(door, start, members, amount, first, sets, covered, gain, touched)
    rank = np.empty(doors, np.int64)
    rank[np.argsort(key, kind="stable")] = np.arange(doors)
    base = int(amount[covered].sum())
    return _Problem(start, members, amount, first, sets, covered, gain, rank, may & ~has, base), unit, whole


def _checked_worth(rows: SetRows, worth: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what counts are worth, by set."""
    given = np.asarray(worth)
    sets = len(rows.members.start) - 1
    if given.shape != (sets,) or given.dtype.kind not in "iu" or (given < 0).any():
        raise InputError(
            f"worth has the shape {given.shape} and type {given.dtype}: give a whole number of 0 or more for each of "
            f"the {sets} sets."
        )
    return given.astype(np.int64)


def _members_of(rows: SetRows, chosen: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return start and doors of some of the sets, numbered anew."""
    size = rows.members.size[chosen]
    start = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    return start, rows.members.doors[np.repeat(rows.members.start[chosen] - start[:-1], size) + np.arange(start[-1])]


def _next_stop(k: int) -> int:
    """Return the number of cameras at which the bound is computed next."""
    return max(k + 1, math.ceil(k * BOUNDS_EVERY))


def _classic_bound(reached: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return greedy's amounts for 0 .. n cameras over 1 - (1 - 1/n)^n, rounded up."""
    n = np.arange(1, len(reached), dtype=np.float64)
    with np.errstate(divide="ignore"):
        part = -np.expm1(n * np.log1p(-1.0 / n))
    return np.concatenate([reached[:1], np.ceil(reached[1:] / part * (1.0 + 1e-12))]).astype(np.int64)


def _joined(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _table(
    rows: SetRows, doors: NDArray[np.int64], reached: NDArray[np.int64], unit: float, whole: int
) -> pd.DataFrame:
    """Return the curve: cameras, door, added, amount, share."""
    ids = [None, *rows.door_ids[doors].tolist()]
    return pd.DataFrame(
        {
            "cameras": np.arange(len(reached)),
            "door": pd.Series(ids, dtype=object),
            "added": np.diff(reached, prepend=reached[0]) * unit,
            "amount": reached * unit,
            "share": reached / whole if whole else np.nan,
        }
    )
