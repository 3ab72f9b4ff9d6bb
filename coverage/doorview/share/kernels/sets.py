"""From spans to sets: which doors see each cell, as few groups of cells as there are different sets.

Each door has a 64-bit key. Toggling the keys at both ends of every span of a row and taking the prefix XOR along the
row gives every cell the XOR of the keys of the doors that see it; equal runs are entered in a table under (set key,
group of ground). The members of a set are then read from the spans at one cell of it and their XOR is compared with its
key.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

__all__ = ["bucket_spans", "members_of", "ring_counts", "scan_level"]


@nb.njit(cache=True, nogil=True)
def bucket_spans(spans: Any, count: int, levels: int, rows: int) -> tuple[Any, Any]:
    """Return start (levels * rows + 1,) and the spans (count, 3) start, stop, door ordered by level and row."""
    start = np.zeros(levels * rows + 1, np.int64)
    for s in range(count):
        start[spans[s, 0] * rows + spans[s, 1] + 1] += 1
    for k in range(levels * rows):
        start[k + 1] += start[k]
    fill = start[:-1].copy()
    out = np.empty((count, 3), np.int32)
    for s in range(count):
        k = spans[s, 0] * rows + spans[s, 1]
        at = fill[k]
        fill[k] += 1
        out[at, 0], out[at, 1], out[at, 2] = spans[s, 2], spans[s, 3], spans[s, 4]
    return start, out


@nb.njit(cache=True, nogil=True)
def _hash(key: Any, group: int, size: int) -> int:
    """Return where the pair starts looking in an open table of `size` (a power of two) places."""
    h = (key ^ (np.uint64(group) * np.uint64(0xC2B2AE3D27D4EB4F))) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((h >> np.uint64(30)) & np.uint64(size - 1))


@nb.njit(cache=True, nogil=True)
def _add(
    table: Any, keys: Any, groups: Any, amounts: Any, at_row: Any, at_column: Any, count: int, key: Any, group: int,
    amount: int, row: int, column: int,
) -> int:  # fmt: skip
    """Add an amount to the entry (key, group), made where it is new, with the cell where it was first met."""
    size = table.shape[0]
    at = _hash(key, group, size)
    while table[at] >= 0:
        e = table[at]
        if keys[e] == key and groups[e] == group:
            amounts[e] += amount
            return count
        at = (at + 1) & (size - 1)
    table[at] = count
    keys[count], groups[count], amounts[count] = key, group, amount
    at_row[count], at_column[count] = row, column
    return count + 1


@nb.njit(cache=True, nogil=True)
def scan_level(
    start: Any,
    spans: Any,
    level: int,
    keys: Any,
    group: Any,
    public: Any,
    sample_start: Any,
    sample_column: Any,
    sample_group: Any,
    seen: Any,
) -> tuple[Any, Any, Any, Any, Any]:
    """Scan one level of a tile; return per entry: set key, group, amount, and the row and column of one of its cells.

    `start` and `spans` from `bucket_spans`; `keys` uint64 per door; `group` (rows, columns) int32 with -1 not counted;
    `public` says per group whether it is entered; samples of street length lie in `sample_start` (rows + 1,) order.
    `seen` (rows, columns) uint16 receives the number of doors that see each cell, or has no rows.
    """
    rows, columns = group.shape
    room = 1024
    table = np.full(4 * room, -1, np.int32)
    e_key, e_group = np.empty(room, np.uint64), np.empty(room, np.int32)
    e_amount, e_row, e_column = np.empty(room, np.int64), np.empty(room, np.int32), np.empty(room, np.int32)
    count = 0
    toggle, step = np.zeros(columns + 1, np.uint64), np.zeros(columns + 1, np.int32)
    here = np.zeros(columns, np.uint64)
    with_seen = seen.shape[0] > 0
    for r in range(rows):
        first, last = start[level * rows + r], start[level * rows + r + 1]
        if first == last:
            continue
        low, high = columns, 0
        for s in range(first, last):
            a, b, key = spans[s, 0], spans[s, 1], keys[spans[s, 2]]
            toggle[a] ^= key
            toggle[b] ^= key
            step[a] += 1
            step[b] -= 1
            low, high = min(low, a), max(high, b)
        # Entries of one row are bounded by its cells and samples, so room is looked at once a row.
        most = (high - low) + (sample_start[r + 1] - sample_start[r])
        if count + most > room:
            while count + most > room:
                room *= 2
            e_key, e_group = _grown_u(e_key, room), _grown_i(e_group, room)
            e_amount, e_row, e_column = _grown_l(e_amount, room), _grown_i(e_row, room), _grown_i(e_column, room)
            table = np.full(4 * room, -1, np.int32)
            for e in range(count):
                at = _hash(e_key[e], e_group[e], table.shape[0])
                while table[at] >= 0:
                    at = (at + 1) & (table.shape[0] - 1)
                table[at] = e
        key, k = np.uint64(0), 0
        run_key, run_group, run, run_from = np.uint64(0), -1, 0, 0
        for c in range(low, high):
            key ^= toggle[c]
            k += step[c]
            toggle[c], step[c] = np.uint64(0), 0
            here[c] = key
            g = group[r, c] if k > 0 else -1
            if with_seen and k > 0:
                seen[r, c] = min(k, 65535)
            if g >= 0 and not public[g]:
                g = -1
            if g == run_group and (g < 0 or key == run_key):
                run += 1
                continue
            if run_group >= 0:
                count = _add(
                    table, e_key, e_group, e_amount, e_row, e_column, count, run_key, run_group, run, r, run_from
                )
            run_key, run_group, run, run_from = key, g, 1, c
        if run_group >= 0:
            count = _add(table, e_key, e_group, e_amount, e_row, e_column, count, run_key, run_group, run, r, run_from)
        toggle[high], step[high] = np.uint64(0), 0
        for s in range(sample_start[r], sample_start[r + 1]):
            c, g = sample_column[s], sample_group[s]
            if g >= 0 and low <= c < high and here[c] != np.uint64(0):
                count = _add(table, e_key, e_group, e_amount, e_row, e_column, count, here[c], g, 1, r, c)
    return (
        e_key[:count].copy(),
        e_group[:count].copy(),
        e_amount[:count].copy(),
        e_row[:count].copy(),
        e_column[:count].copy(),
    )


@nb.njit(cache=True, nogil=True)
def _grown_u(values: Any, room: int) -> Any:
    out = np.empty(room, np.uint64)
    out[: values.shape[0]] = values
    return out


@nb.njit(cache=True, nogil=True)
def _grown_i(values: Any, room: int) -> Any:
    out = np.empty(room, np.int32)
    out[: values.shape[0]] = values
    return out


@nb.njit(cache=True, nogil=True)
def _grown_l(values: Any, room: int) -> Any:
    out = np.empty(room, np.int64)
    out[: values.shape[0]] = values
    return out


@nb.njit(cache=True, nogil=True)
def members_of(
    start: Any, spans: Any, rows: int, level: Any, at_row: Any, at_column: Any, keys: Any, set_keys: Any
) -> tuple[Any, Any, int]:
    """Return start (sets + 1,) and ascending doors of each set, read at one cell of it, and how many miss their key."""
    sets = set_keys.shape[0]
    out_start = np.zeros(sets + 1, np.int64)
    room = 4 * sets + 16
    doors = np.empty(room, np.int32)
    made, wrong = 0, 0
    for n in range(sets):
        k = level[n] * rows + at_row[n]
        c = at_column[n]
        begin = made
        check = np.uint64(0)
        for s in range(start[k], start[k + 1]):
            if spans[s, 0] <= c < spans[s, 1]:
                if made == room:
                    room *= 2
                    doors = _grown_i(doors, room)
                doors[made] = spans[s, 2]
                check ^= keys[spans[s, 2]]
                made += 1
        doors[begin:made].sort()
        if check != set_keys[n]:
            wrong += 1
        out_start[n + 1] = made
    return out_start, doors[:made].copy(), wrong


@nb.njit(cache=True, nogil=True)
def _ring_span(
    start: int,
    stop: int,
    x: float,
    dy: float,
    cell: float,
    col0: int,
    groups: Any,
    space: Any,
    shortest: int,
    line: Any,
    met: Any,
) -> None:
    """Enter the cells of one span, seen from a door at x and dy rows' distance below, under their whole range."""
    bins = line.shape[1]
    for c in range(start, stop):
        g = groups[c]
        if g < 0 or space[g] < 0:
            continue
        dx = (col0 + c + 0.5) * cell - x
        b = max(np.int64(math.ceil(math.sqrt(dx * dx + dy * dy))) - shortest, 0)
        if b < bins:
            line[c, b] += 1
            met[c] |= np.uint64(1) << np.uint64(b)


@nb.njit(cache=True, nogil=True)
def ring_counts(
    start: Any, spans: Any, level: int, xy: Any, cell: float, row0: int, col0: int, group: Any, space: Any,
    shortest: int, bins: int, changes: Any,
) -> Any:  # fmt: skip
    """Count cells, as changes from range to range, by space, range and number of doors that see them within that range.

    `spans` of `level` belong to views at the longest range; a cell at distance d from a door is seen at every range
    R >= d of shortest, shortest + 1, ... [m] (`bins` of them, at most 64). `space` (groups,) is -1 for what is not
    counted. `changes` (spaces, bins, most k + 1) int64 is added to and returned, grown where k passes its room: by how
    much each count differs from that at the range before, so that its running sum over ranges gives the counts; k = 0
    is left to the caller.
    """
    rows, columns = group.shape
    line = np.zeros((columns, bins), np.uint16)
    met = np.zeros(columns, np.uint64)  # which bins of a column hold anything, as bits
    for r in range(rows):
        first, last = start[level * rows + r], start[level * rows + r + 1]
        if first == last:
            continue
        low, high = columns, 0
        y = (row0 + r + 0.5) * cell
        groups = group[r]
        for s in range(first, last):
            door = spans[s, 2]
            low, high = min(low, spans[s, 0]), max(high, spans[s, 1])
            _ring_span(
                spans[s, 0], spans[s, 1], xy[door, 0], y - xy[door, 1], cell, col0, groups, space, shortest, line, met
            )
        if last - first >= changes.shape[2]:
            grown = np.zeros((changes.shape[0], changes.shape[1], 2 * (last - first)), np.int64)
            grown[:, :, : changes.shape[2]] = changes
            changes = grown
        _ring_row(low, high, groups, space, line, met, changes)
    return changes


@nb.njit(cache=True, nogil=True)
def _ring_row(low: int, high: int, groups: Any, space: Any, line: Any, met: Any, changes: Any) -> None:
    """Turn what the spans of one row entered into changes, and clear it."""
    for c in range(low, high):
        bits = met[c]
        if bits == np.uint64(0):
            continue
        met[c] = 0
        at = space[groups[c]]
        k = np.int64(0)
        b = 0
        while bits != np.uint64(0):
            while bits & np.uint64(1) == np.uint64(0):
                bits >>= np.uint64(1)
                b += 1
            # From this range on the cell is seen by more doors: it leaves k and joins k + line.
            if k > 0:
                changes[at, b, k] -= 1
            k += line[c, b]
            line[c, b] = 0
            changes[at, b, k] += 1
            bits >>= np.uint64(1)
            b += 1
