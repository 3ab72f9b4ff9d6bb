"""Groups of cells: the distinct (unit, near, zone combination) of a tile, and how many cells each holds."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["compose_groups", "compose_samples", "group_of"]

EMPTY = -1


@nb.njit(cache=True, nogil=True)
def _slot(code: int, size: int) -> int:
    """Return where a code starts looking in an open table of `size` (a power of two) places."""
    h = np.uint64(code) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((h >> np.uint64(32)) & np.uint64(size - 1))


@nb.njit(cache=True, nogil=True)
def group_of(code: int, table: Any, codes: Any, count: int) -> int:
    """Return the number of the group with this code, or `count` where it is new (the caller enters it)."""
    size = table.shape[0]
    at = _slot(code, size)
    while table[at] != EMPTY:
        if codes[table[at]] == code:
            return int(table[at])
        at = (at + 1) & (size - 1)
    return count


@nb.njit(cache=True, nogil=True)
def _enter(code: int, table: Any, codes: Any, count: int) -> tuple[Any, Any, int]:
    """Enter a new code; return table and codes (grown where needed) and the new count."""
    if count == codes.shape[0]:
        grown = np.empty(2 * count, np.int64)
        grown[:count] = codes
        codes = grown
    codes[count] = code
    count += 1
    if 2 * count > table.shape[0]:
        table = np.full(2 * table.shape[0], EMPTY, np.int32)
        for k in range(count):
            at = _slot(codes[k], table.shape[0])
            while table[at] != EMPTY:
                at = (at + 1) & (table.shape[0] - 1)
            table[at] = k
    else:
        at = _slot(code, table.shape[0])
        while table[at] != EMPTY:
            at = (at + 1) & (table.shape[0] - 1)
        table[at] = count - 1
    return table, codes, count


@nb.njit(cache=True, nogil=True)
def _code(unit: int, near: int, zone: int) -> int:
    """Return unit, near and zone combination in one number: zone below 2**24, unit below 2**38."""
    return ((unit << 1) | near) << 24 | zone


@nb.njit(cache=True, nogil=True)
def _compose_run(
    units: Any,
    near: Any,
    zones: Any,
    inside: Any,
    start: int,
    table: Any,
    codes: Any,
    count: int,
    groups: Any,
    cells: Any,
) -> tuple[int, int]:
    """Fill `groups` of one row from column `start` to the first code not entered; return that column and code.

    Apart from the loop that enters codes: there arrays are replaced, which would cost a count of references per cell.
    """
    columns = units.shape[0]
    ones = np.uint64(0xFFFFFFFFFFFFFFFF)
    with_near, with_zone, with_inside = near.shape[0] > 0, zones.shape[0] > 0, inside.shape[0] > 0
    before_unit, before_near, before_zone, here = np.int64(-1), np.int64(-1), np.int64(-1), np.int64(-1)
    c = start
    while c < columns:
        word = near[c >> 6] if with_near else np.uint64(0)
        mixed = word != np.uint64(0) and word != ones
        b = np.int64(word & np.uint64(1))
        run = 0
        stop = min((c & ~63) + 64, columns)
        while c < stop:
            if with_inside and inside[c] == 0:
                groups[c] = -1
                c += 1
                continue
            if mixed:
                b = np.int64((word >> np.uint64(c & 63)) & np.uint64(1))
            z = np.int64(zones[c]) if with_zone else np.int64(0)
            u = np.int64(units[c])
            if u != before_unit or b != before_near or z != before_zone:
                if run:
                    cells[here] += run
                    run = 0
                code = _code(u, b, z)
                here = group_of(code, table, codes, count)
                if here == count:
                    return c, code
                before_unit, before_near, before_zone = u, b, z
            run += 1
            groups[c] = here
            c += 1
        if run:
            cells[here] += run
    return c, 0


@nb.njit(cache=True, nogil=True)
def compose_groups(unit: Any, near: Any, zone: Any, inside: Any, group: Any) -> tuple[Any, Any, Any]:
    """Fill `group` (rows, columns) int32, -1 outside; return codes, cells per group, the table of codes.

    `near` are bits (rows, columns / 64) or have no rows (nothing is near); `zone` and `inside` may have no rows, too
    (in no zone; everything is inside).
    """
    codes, table, count = np.empty(64, np.int64), np.full(128, EMPTY, np.int32), 0
    cells = np.zeros(64, np.int64)
    rows, columns = unit.shape
    no_near, no_zone, no_inside = np.zeros(0, np.uint64), np.zeros(0, np.int32), np.zeros(0, np.uint8)
    for r in range(rows):
        near_row = near[r] if near.shape[0] > 0 else no_near
        zone_row = zone[r] if zone.shape[0] > 0 else no_zone
        inside_row = inside[r] if inside.shape[0] > 0 else no_inside
        c = 0
        while c < columns:
            c, code = _compose_run(unit[r], near_row, zone_row, inside_row, c, table, codes, count, group[r], cells)
            if c < columns:
                table, codes, count = _enter(code, table, codes, count)
                if count > cells.shape[0]:
                    grown = np.zeros(2 * cells.shape[0], np.int64)
                    grown[: cells.shape[0]] = cells
                    cells = grown
    return codes[:count].copy(), cells[:count].copy(), table


@nb.njit(cache=True, nogil=True)
def compose_samples(
    rows: Any, columns: Any, sample_unit: Any, sample_class: Any, unit: Any, unit_class: Any, near: Any, zone: Any,
    inside: Any, codes: Any, table: Any,
) -> tuple[Any, Any, Any, Any]:  # fmt: skip
    """Return the group of each sample of street length (-1: not counted), all codes, and samples per group.

    A sample counts where its cell is inside and, if its class is not negative, where that is the class of the cell (a
    sidewalk sample on a junction's carriageway does not). Groups go on from `codes`.
    """
    count = codes.shape[0]
    out = np.empty(rows.shape[0], np.int32)
    amount = np.zeros(max(count, 1), np.int64)
    with_near, with_zone, with_inside = near.shape[0] > 0, zone.shape[0] > 0, inside.shape[0] > 0
    for s in range(rows.shape[0]):
        r, c = rows[s], columns[s]
        if (with_inside and inside[r, c] == 0) or (sample_class[s] >= 0 and unit_class[unit[r, c]] != sample_class[s]):
            out[s] = -1
            continue
        b = np.int64((near[r, c >> 6] >> np.uint64(c & 63)) & np.uint64(1)) if with_near else np.int64(0)
        code = _code(np.int64(sample_unit[s]), b, np.int64(zone[r, c]) if with_zone else np.int64(0))
        here = group_of(code, table, codes, count)
        if here == count:
            table, codes, count = _enter(code, table, codes, count)
        if here >= amount.shape[0]:
            grown = np.zeros(2 * here + 2, np.int64)
            grown[: amount.shape[0]] = amount
            amount = grown
        out[s] = here
        amount[here] += 1
    total = np.zeros(count, np.int64)
    total[: min(count, amount.shape[0])] = amount[:count]
    return out, codes[:count].copy(), total, table
