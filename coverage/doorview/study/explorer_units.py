"""Block groups and zones of the explorer: their ground in view by number of doors, and their shares by rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from doorview.city.classes import CLASSES
from doorview.share.coverage import Coverage
from doorview.share.face_groups import SMALLEST_GROUP, nearest_faces
from doorview.share.outputs import printed_spaces
from doorview.share.summary import face_amounts
from doorview.show.tables import zones_withheld
from doorview.study.compute import Prepared, Tables
from doorview.study.shown import shown_space

__all__ = ["Histogram", "Units", "histogram", "public_cells", "spaces_of", "unit_matrices", "units_of"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Units:
    """What the explorer has figures of: groups of block faces (`groups` of them), then zones.

    `face` (faces,) is the unit of each block face and `door` (doors,) that of the block face nearest to each, -1 where
    nothing is published; `zones` holds the numbers of the zones that are units; `homes` and `doors` (units,).
    """

    groups: int
    face: Ints
    door: Ints
    zones: Ints
    homes: Ints
    doors: Ints
    zone_doors: NDArray[np.bool_]
    """(doors, zones that are units): which doors of the counted area lie in each."""

    def __len__(self) -> int:
        """Return the number of units."""
        return self.groups + len(self.zones)

    def counts(self, bits: NDArray[np.uint64]) -> Ints:
        """Return (units, replicates) doors that own a camera; `bits` (doors, words) as `Owners.draw`."""
        owns = np.unpackbits(np.ascontiguousarray(bits).view(np.uint8), axis=1, bitorder="little")
        out = np.zeros((len(self), owns.shape[1]), np.int64)
        order = np.flatnonzero(self.door >= 0)
        order = order[np.argsort(self.door[order], kind="stable")]
        if len(order):
            first = np.flatnonzero(np.diff(self.door[order], prepend=-1))
            out[self.door[order[first]]] = np.add.reduceat(owns[order].astype(np.int32), first, axis=0)
        for number, member in enumerate(self.zone_doors.T):
            out[self.groups + number] = owns[member].sum(axis=0, dtype=np.int64)
        return out


def units_of(ready: Prepared, tables: Tables) -> Units:
    """Return the units of a run: no group and no zone with one to four homes, and none that would give these away."""
    faces, coverage = ready.ground.faces, tables.coverage
    group = next(iter(tables.faces.values()))["group"].to_numpy(dtype=np.int64)
    amount = face_amounts(coverage, len(faces))
    shown = (group >= 0) & (amount > 0)
    roots = np.unique(group[shown])
    unit = np.where(shown, np.searchsorted(roots, group), -1)
    nearest = nearest_faces(faces, amount > 0, ready.scene.door_xy)
    door = np.where(nearest >= 0, np.append(unit, -1)[nearest], -1)
    dwellings, inside = ready.door_table.dwellings, ready.door_table.inside
    homes, doors = np.zeros(len(roots), np.int64), np.zeros(len(roots), np.int64)
    np.add.at(homes, door[door >= 0], dwellings[door >= 0])
    np.add.at(doors, door[door >= 0], 1)
    member = np.zeros((len(dwellings), 0), bool)
    kept = np.zeros(0, np.int64)
    if ready.zones is not None and ready.door_table.zone_inside is not None:
        member = ready.door_table.zone_inside & inside[:, None]
        living = member.T @ dwellings
        of_zones = pd.Series(living, index=pd.MultiIndex.from_frame(ready.zones[["zoning", "zone"]]))
        gone = of_zones.index.isin(zones_withheld(tables.shares, of_zones))
        kept = np.flatnonzero(((living == 0) | (living >= SMALLEST_GROUP)) & ~gone)
        member = member[:, kept]
    return Units(
        len(roots),
        unit,
        door,
        kept,
        np.concatenate([homes, member.T @ dwellings]),
        np.concatenate([doors, member.sum(axis=0)]),
        member,
    )


def spaces_of(tables: Tables) -> list[tuple[str, list[int], int | None]]:
    """Return the printed spaces that have ground, the headline's first, then all: name, codes, near (None: any)."""
    table = tables.outputs.table
    there = set(table.loc[(table["zoning"] == "all") & (table["measure"] == "area_m2"), "space"])
    found = {name: (name, codes, near) for name, measure, codes, near in printed_spaces() if measure == "area_m2"}
    first = dict.fromkeys([shown_space(there), "all", *found])
    return [found[name] for name in first if name in there]


class _Entries(NamedTuple):
    """Amounts by unit, level, space code, near and a further key (all of one length)."""

    unit: Ints
    level: Ints
    space: Ints
    near: Ints
    key: Ints
    amount: Ints


def _joined(parts: list[_Entries]) -> _Entries:
    return _Entries(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _summed(entries: _Entries) -> _Entries:
    """Return the entries with those of equal keys added up, in the order of their keys."""
    if not len(entries.amount):
        return entries
    sizes = [int(column.max()) + 1 for column in entries[:5]]
    code = np.ravel_multi_index(entries[:5], sizes)
    order = np.argsort(code, kind="stable")
    first = np.flatnonzero(np.diff(code[order], prepend=-1))
    keys = [column[order[first]] for column in entries[:5]]
    return _Entries._make([*keys, np.add.reduceat(entries.amount[order], first)])


def _by_unit(coverage: Coverage, units: Units, entries: _Entries, face: Ints, zones: Ints) -> list[_Entries]:
    """Return entries (their unit is not read) of the groups, and those of the zones, of ground that is public."""
    public = np.array([item.public for item in CLASSES] + [False, False])[entries.space]
    unit = np.where(face >= 0, np.append(units.face, -1)[face], -1)
    mine = np.flatnonzero(public & (unit >= 0))
    parts = [_summed(_Entries._make([unit[mine], *(column[mine] for column in entries[1:])]))]
    if len(units.zones):
        # First by combination of zones, so that few are spread over the zones of each.
        by = np.flatnonzero(public)
        held = _summed(_Entries._make([zones[by], *(column[by] for column in entries[1:])]))
        number = {int(zone): units.groups + n for n, zone in enumerate(units.zones)}
        own = [[number[zone] for zone in of if zone in number] for of in coverage.zones]
        sizes = np.array([len(item) for item in own], np.int64)
        flat = np.array([zone for item in own for zone in item], np.int64)
        start = np.cumsum(sizes) - sizes
        times = sizes[held.unit]
        row = np.repeat(np.arange(len(times)), times)
        within = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)
        parts.append(_Entries._make([flat[start[held.unit[row]] + within], *(column[row] for column in held[1:])]))
    return parts


def _by_space(entries: _Entries, spaces: list[tuple[str, list[int], int | None]]) -> Iterator[tuple[int, Ints]]:
    """Yield the number of each printed space and the rows of the entries that it holds."""
    for number, (_, codes, near) in enumerate(spaces):
        mask = np.zeros((len(CLASSES) + 2, 2), bool)
        mask[codes, :] = True
        if near is not None:
            mask[:, 1 - near] = False
        yield number, np.flatnonzero(mask[entries.space, entries.near])


class Histogram(NamedTuple):
    """Cells by number of doors: row r = (unit * levels + level) * spaces + space holds `start[r]` to `start[r + 1]`."""

    start: Ints
    k: Ints
    amount: Ints


def histogram(coverage: Coverage, units: Units, spaces: list[tuple[str, list[int], int | None]]) -> Histogram:
    """Return the public ground of each unit by the number of doors (1 or more) that could see it."""
    rows, levels = coverage.rows, len(coverage.levels)
    columns = {name: np.asarray(rows[name], np.int64) for name in rows.columns}
    k = coverage.members.size[columns["set"]]
    entries = _Entries(columns["face"], columns["level"], columns["space"], columns["near"], k, columns["amount"])
    found = _joined(_by_unit(coverage, units, entries, columns["face"], columns["zones"]))
    parts = [
        _Entries(found.unit[r], found.level[r], np.full(len(r), n, np.int64), 0 * r, found.key[r], found.amount[r])
        for n, r in _by_space(found, spaces)
    ]
    out = _summed(_joined(parts))
    row = (out.unit * levels + out.level) * len(spaces) + out.space
    start = np.searchsorted(row, np.arange(len(units) * levels * len(spaces) + 1))
    return Histogram(start.astype(np.int64), out.key, out.amount)


def public_cells(coverage: Coverage, units: Units, spaces: list[tuple[str, list[int], int | None]]) -> Ints:
    """Return the public ground (units, spaces) in cells."""
    columns = {name: np.asarray(coverage.totals[name], np.int64) for name in coverage.totals.columns}
    zero = np.zeros(len(coverage.totals), np.int64)
    entries = _Entries(columns["face"], zero, columns["space"], columns["near"], zero, columns["amount"])
    found = _joined(_by_unit(coverage, units, entries, columns["face"], columns["zones"]))
    out = np.zeros((len(units), len(spaces)), np.int64)
    for number, rows in _by_space(found, spaces):
        np.add.at(out[:, number], found.unit[rows], found.amount[rows])
    return out


def unit_matrices(
    coverage: Coverage, units: Units, spaces: list[tuple[str, list[int], int | None]]
) -> Iterator[sparse.csr_matrix]:
    """Yield for each level a matrix ((units + 1) * spaces, sets) of cells; the last unit is the whole area."""
    columns = {name: np.asarray(coverage.rows[name], np.int64) for name in coverage.rows.columns}
    for level in range(len(coverage.levels)):
        here = np.flatnonzero(columns["level"] == level)
        own = {name: column[here] for name, column in columns.items()}
        zero = np.zeros(len(here), np.int64)
        entries = _Entries(own["face"], zero, own["space"], own["near"], own["set"], own["amount"])
        whole = entries._replace(unit=np.full(len(here), len(units), np.int64))
        found = _joined([*_by_unit(coverage, units, entries, own["face"], own["zones"]), whole])
        row, column, amount = [], [], []
        for number, rows in _by_space(found, spaces):
            row.append(found.unit[rows] * len(spaces) + number)
            column.append(found.key[rows])
            amount.append(found.amount[rows])
        shape = ((len(units) + 1) * len(spaces), len(coverage.members.size))
        values = np.concatenate(amount).astype(np.float64)
        yield sparse.csr_matrix((values, (np.concatenate(row), np.concatenate(column))), shape=shape)
