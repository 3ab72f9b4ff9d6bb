"""The set rows of a coverage laid out for adding up: what every scenario, replicate, variance and placement reads.

Chances are integers in units of 2^-40 and amounts are whole numbers, so sums are exact; the division comes last.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.errors import InputError, UnknownNameError
from doorview.ownership.expected import ONE
from doorview.share.coverage import Coverage, Members
from doorview.share.kernels.sums import sum_chances
from doorview.share.outputs import Outputs, base_numbers

__all__ = ["HALF", "MASK", "LevelRows", "SetRows", "expected_shares", "ratio", "rows_by_level", "set_rows"]

HALF = 20
MASK = (1 << HALF) - 1


class LevelRows(NamedTuple):
    """The set rows of one level: base, set and amount, in order of base, then set; each pair stands once."""

    base: NDArray[np.int64]
    sets: NDArray[np.int64]
    amount: NDArray[np.int64]


@dataclass(frozen=True)
class SetRows:
    """A coverage laid out once for all that is asked of it; nothing here is seen or covered again.

    `by_level` holds the rows of each of `levels`; `outputs` says which bases each printed row adds up.
    """

    levels: tuple[str, ...]
    door_ids: NDArray[Any]
    members: Members
    outputs: Outputs
    by_level: tuple[LevelRows, ...]

    def table(self, **columns: NDArray[Any]) -> pd.DataFrame:
        """Return level, zoning, zone, space, measure and the columns given as (levels, outputs) arrays."""
        parts = []
        for number, name in enumerate(self.levels):
            part = self.outputs.table.copy()
            part.insert(0, "level", name)
            for column, values in columns.items():
                part[column] = values[number]
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def level_number(self, level: str) -> int:
        """Return the place of a level; refuse one that was not covered."""
        if level not in self.levels:
            raise UnknownNameError("level", level, self.levels, "Cover it first: levels = [...] in the study file.")
        return self.levels.index(level)

    def output_number(self, space: str, zoning: str = "all", zone: str = "all") -> int:
        """Return the place of a printed row; refuse one that is not there."""
        table = self.outputs.table
        found = np.flatnonzero((table["space"] == space) & (table["zoning"] == zoning) & (table["zone"] == zone))
        if not len(found):
            here = table[(table["zoning"] == zoning) & (table["zone"] == zone)]
            if not len(here):
                raise UnknownNameError("zone", f"{zoning}/{zone}", set(table["zoning"] + "/" + table["zone"]))
            raise UnknownNameError("space", space, here["space"], "A space without ground in the zone has no row.")
        return int(found[0])

    def of_output(self, level: int, output: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the sets that see some of a printed row, ascending, and the amount that each sees of it."""
        rows, outputs = self.by_level[level], self.outputs
        counts = np.zeros(len(self.members.start) - 1, np.int64)
        for base in outputs.parts[outputs.start[output] : outputs.start[output + 1]].tolist():
            first, last = np.searchsorted(rows.base, [base, base + 1])
            # A set stands once in a base.
            counts[rows.sets[first:last]] += rows.amount[first:last]
        sets = np.flatnonzero(counts)
        return sets, counts[sets]

    def check_doors(self, values: NDArray[Any], what: str) -> None:
        """Refuse values that are not one per door."""
        if len(values) != len(self.door_ids):
            raise InputError(
                f"{what} holds {len(values)} doors, but the coverage has {len(self.door_ids)}: give one per door, in "
                "the order of coverage.door_ids."
            )


def rows_by_level(coverage: Coverage, outputs: Outputs) -> list[LevelRows]:
    """Return the set rows of each level; those of several block faces in one."""
    rows = coverage.rows
    base = base_numbers(coverage, outputs).astype(np.int64)
    level, sets, amount = (np.asarray(rows[name], np.int64) for name in ("level", "set", "amount"))
    if not len(base):
        return [LevelRows(base, sets, amount) for _ in coverage.levels]
    # Rows come in order of level, set, base and face: the faces of a base lie together.
    new = np.ones(len(base), bool)
    new[1:] = (base[1:] != base[:-1]) | (sets[1:] != sets[:-1]) | (level[1:] != level[:-1])
    first = np.flatnonzero(new)
    amount = np.add.reduceat(amount, first)
    base, sets, level = base[first], sets[first], level[first]
    bounds = np.searchsorted(level, np.arange(len(coverage.levels) + 1))
    found = []
    for a, b in itertools.pairwise(bounds.tolist()):
        # 16 bits are sorted by radix, several times faster.
        narrow = base[a:b].astype(np.uint16) if len(outputs.bases) < 1 << 16 else base[a:b]
        order = np.argsort(narrow, kind="stable") + a
        found.append(LevelRows(base[order], sets[order], amount[order]))
    return found


def set_rows(coverage: Coverage, outputs: Outputs) -> SetRows:
    """Return a coverage laid out for simulation, variance and placing."""
    by_level = tuple(rows_by_level(coverage, outputs))
    return SetRows(coverage.levels, coverage.door_ids, coverage.members, outputs, by_level)


def expected_shares(outputs: Outputs, rows: LevelRows, chance: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (m, outputs) expected shares; `chance` (m, sets) by set, in fixed point."""
    high, low = sum_chances(rows.base, rows.sets, rows.amount, np.ascontiguousarray(chance), len(outputs.bases))
    return ratio(outputs.summed(high).T, outputs.summed(low).T, outputs.amount)


def ratio(high: NDArray[np.int64], low: NDArray[np.int64], amount: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (high * 2^20 + low) / (amount * 2^40), correctly rounded from whole numbers."""
    whole = np.broadcast_to(amount, high.shape).ravel().tolist()
    parts = zip(high.ravel().tolist(), low.ravel().tolist(), whole, strict=True)
    share = [((h << HALF) + lo) / (n * ONE) if n else np.nan for h, lo, n in parts]
    return np.array(share, dtype=np.float64).reshape(high.shape)
