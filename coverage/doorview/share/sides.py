"""From which side ground is in view: from doors inside its zone alone, from doors outside alone, or from both.

With A an owner among a set's doors inside the zone and B one among those outside,

    inside only = P(A or B) - P(B),   outside only = P(A or B) - P(A),   both = P(A) + P(B) - P(A or B),

whatever hangs together between doors (inclusion and exclusion; for independent doors with chances q of no owner this is
(1 - q_in) q_out, q_in (1 - q_out) and (1 - q_in) (1 - q_out)). Chances are those of `summary.chances_of`: exact
where the scenario has a closed form, else means over the same draws for all three. They are whole multiples of 2^-40,
so that the three add up to the share in view exactly, before the division.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.ownership.scenario import Scenario
from doorview.share.coverage import Coverage, Members
from doorview.share.kernels.sides import count_inside, part_members
from doorview.share.kernels.sums import sum_chances
from doorview.share.outputs import Outputs, street_spaces
from doorview.share.rows import ratio, rows_by_level
from doorview.share.summary import DoorTable, chances_of, set_chances

__all__ = ["SIDES", "Sides", "face_sides", "share_by_side", "units_of_doors", "zone_sides"]

SIDES = ("share_inside_only", "share_both", "share_outside_only")
Ints = NDArray[np.int64]


class _Rows(NamedTuple):
    """Rows of one level: where each is added up, the pair (unit, set) that it is, and its amount."""

    place: Ints
    pair: Ints
    amount: Ints


@dataclass(frozen=True)
class Sides:
    """Sets of doors by unit, laid out once for all scenarios.

    `start`, `parts` say which places each printed row adds up and `whole` how much there is of it; `table` has the
    keys of the printed rows. `pair_set` is the set of each pair, `side` 0 where its doors lie all outside the unit, 2
    all inside, 1 both: the doors of those, in their order, are `inner` and `outer`.
    """

    coverage: Coverage
    table: pd.DataFrame
    start: Ints
    parts: Ints
    whole: Ints
    places: int
    by_level: tuple[_Rows, ...]
    pair_set: Ints
    side: Ints
    inner: Members
    outer: Members


def units_of_doors(zone_inside: NDArray[np.bool_]) -> Members:
    """Return the zones of each door, from (doors, zones)."""
    door, zone = np.nonzero(zone_inside)
    start = np.searchsorted(door, np.arange(len(zone_inside) + 1)).astype(np.int64)
    return Members(start, zone.astype(np.int64))


def zone_sides(
    coverage: Coverage, outputs: Outputs, zones: pd.DataFrame, zone_inside: NDArray[np.bool_], spaces: Sequence[str]
) -> Sides:
    """Return the sides of the printed rows of zones.

    Parameters
    ----------
    coverage, outputs
        Of a run.
    zones
        `zoning` and `zone`, in the order in which zones were numbered.
    zone_inside
        Which zone each door lies in, shape (doors, zones). A door may lie in several.
    spaces
        Printed spaces, areas.
    """
    number = {key: n for n, key in enumerate(zip(zones["zoning"].astype(str), zones["zone"].astype(str), strict=True))}
    printed, bases = outputs.table, len(outputs.bases)
    wanted = np.flatnonzero((printed["zoning"] != "all") & printed["space"].isin(list(spaces)))
    keys = list(zip(printed["zoning"], printed["zone"], strict=True))
    codes, first = [np.zeros(0, np.int64)], [0]
    for row in wanted.tolist():
        parts = outputs.parts[outputs.start[row] : outputs.start[row + 1]]
        codes.append(number[keys[row]] * bases + parts)
        first.append(first[-1] + len(parts))
    code, parts = np.unique(np.concatenate(codes), return_inverse=True)
    unit, base = np.divmod(code, max(bases, 1))
    found = []
    for rows in rows_by_level(coverage, outputs):
        begin, end = np.searchsorted(rows.base, base), np.searchsorted(rows.base, base + 1)
        length = (end - begin).astype(np.int64)
        at = np.repeat(begin - np.concatenate([[0], np.cumsum(length)[:-1]]), length) + np.arange(length.sum())
        found.append((np.repeat(np.arange(len(code)), length), rows.sets[at], rows.amount[at]))
    table = printed.iloc[wanted][["zoning", "zone", "space"]].reset_index(drop=True)
    start = np.array(first, np.int64)
    whole = outputs.amount[wanted]
    return _laid_out(
        coverage, table, start, parts.ravel().astype(np.int64), whole, unit, found, units_of_doors(zone_inside)
    )


def face_sides(coverage: Coverage, groups: Ints, door_group: Ints) -> Sides:
    """Return the sides of groups of block faces: street space, seen from doors of the same group or of others.

    Parameters
    ----------
    coverage
        Of a run.
    groups
        Group of each block face, shape (faces,), -1 where none is published (`face_groups`).
    door_group
        Group of each door's own block face, shape (doors,), -1: none.
    """
    street = street_spaces()
    totals = coverage.totals[np.isin(coverage.totals["space"], street) & (coverage.totals["face"] >= 0)]
    place = groups[np.asarray(totals["face"], np.int64)]
    amount = np.zeros(len(groups) + 1, np.int64)
    np.add.at(amount, place, np.asarray(totals["amount"], np.int64))
    unit = np.flatnonzero(amount[:-1] > 0)
    number = np.full(len(groups) + 1, -1, np.int64)
    number[unit] = np.arange(len(unit))
    rows = coverage.rows[np.isin(coverage.rows["space"], street) & (coverage.rows["face"] >= 0)]
    where = number[groups[np.asarray(rows["face"], np.int64)]]
    rows, where = rows[where >= 0], where[where >= 0]
    level = np.asarray(rows["level"], np.int64)
    found = []
    for n in range(len(coverage.levels)):
        # In order of place: so simulated shares are added up fastest.
        here = np.flatnonzero(level == n)
        here = here[np.argsort(where[here], kind="stable")]
        sets, counts = (np.asarray(rows[name], np.int64)[here] for name in ("set", "amount"))
        found.append((where[here], sets, counts))
    table = pd.DataFrame({"group": unit})
    start, parts = np.arange(len(unit) + 1), np.arange(len(unit))
    own = Members(
        np.concatenate([[0], np.cumsum(door_group >= 0)]).astype(np.int64), door_group[door_group >= 0].astype(np.int64)
    )
    return _laid_out(coverage, table, start, parts, amount[unit], unit, found, own)


def _laid_out(
    coverage: Coverage,
    table: pd.DataFrame,
    start: Ints,
    parts: Ints,
    whole: Ints,
    unit: Ints,
    rows: list[tuple[Ints, Ints, Ints]],
    own: Members,
) -> Sides:
    """Return sides: `unit` of each place, `rows` (place, set, amount) of each level, `own` the units of each door."""
    members, sets = coverage.members, max(len(coverage.members.start) - 1, 1)
    codes = np.concatenate([unit[place] * sets + of for place, of, _ in rows])
    code, pair = np.unique(codes, return_inverse=True)
    pair_unit, pair_set = np.divmod(code, sets)
    kernel = (members.start, members.doors, own.start, own.doors)
    counted = count_inside(pair_unit, pair_set, *kernel)
    size = members.size[pair_set] if len(code) else counted
    side = np.where(counted == 0, 0, np.where(counted == size, 2, 1))
    mixed = side == 1
    sides = []
    for inside, length in ((True, counted[mixed]), (False, (size - counted)[mixed])):
        begin = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        out = np.zeros(int(begin[-1]), np.int64)
        part_members(pair_unit[mixed], pair_set[mixed], *kernel, inside, out)
        sides.append(Members(begin, out))
    bounds = np.cumsum([0, *(len(of) for _, of, _ in rows)])
    by_level = tuple(
        _Rows(place, pair[a:b].astype(np.int64), amount)
        for (place, _, amount), a, b in zip(rows, bounds[:-1], bounds[1:], strict=True)
    )
    return Sides(coverage, table, start, parts, whole, len(unit), by_level, pair_set, side, *sides)


def side_chances(sides: Sides, scenario: Scenario, doors: DoorTable, seed: int = 0) -> Ints:
    """Return (4, pairs) in fixed point: in view, from inside alone, from both, from outside alone."""
    seen = set_chances(sides.coverage, scenario, doors, seed)[0][sides.pair_set]
    inside, outside = np.where(sides.side == 2, seen, 0), np.where(sides.side == 0, seen, 0)
    mixed = sides.side == 1
    if mixed.any():
        for chance, part in ((inside, sides.inner), (outside, sides.outer)):
            chance[mixed] = chances_of(part.start, part.doors, scenario, doors, seed, most=1)[0]
    # The last bits of three chances are rounded one by one: none may fall below 0 for that.
    alone = np.clip(seen - outside, 0, seen)
    away = np.clip(seen - inside, 0, seen - alone)
    return np.stack([seen, alone, seen - alone - away, away])


def share_by_side(sides: Sides, scenario: Scenario, doors: DoorTable, seed: int = 0) -> pd.DataFrame:
    """Return level, the keys of `sides.table`, share_mean and `SIDES`, the expected shares that add up to it."""
    chance = side_chances(sides, scenario, doors, seed)
    found = []
    for name, rows in zip(sides.coverage.levels, sides.by_level, strict=True):
        high, low = sum_chances(rows.place, rows.pair, rows.amount, chance, sides.places)
        summed = [np.add.reduceat(part[sides.parts], sides.start[:-1], axis=0) for part in (high, low)]
        share = ratio(summed[0].T, summed[1].T, sides.whole) if len(sides.whole) else np.zeros((4, 0))
        table = sides.table.copy()
        table.insert(0, "level", name)
        found.append(table.assign(share_mean=share[0], **dict(zip(SIDES, share[1:], strict=True))))
    return pd.concat(found, ignore_index=True)
