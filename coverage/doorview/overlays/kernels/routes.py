"""Routes: paths traced through predecessors, and what doors see along them.

A route is a row of legs. A leg is a half-edge (2 e along edge e, 2 e + 1 against it) walked from `begin` to `end`,
metres along the edge's line. A half-edge is walked on a walking line, whose equal steps of `step` metres have a point
each, in the order of the edge's line.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = [
    "chances_along",
    "longest_runs",
    "metres_of_step",
    "misses_of_points",
    "recorded_along",
    "runs_of_lines",
    "steps",
    "trace",
]

HAIR_M = 1e-9
"""A stretch shorter than this is rounding, and no part of a leg."""


@nb.njit(cache=True, nogil=True)
def _climb(before: Any, last: int, row: int, nodes: int, path: Any) -> int:
    """Write the nodes of a path from its last one on, without its source, and return how many."""
    count, node = 0, last
    while node >= 0:
        path[count] = node
        earlier = before[row, node]
        if earlier < 0 or earlier >= nodes:
            break
        count += 1
        node = earlier
    return count


@nb.njit(cache=True, nogil=True)
def _halves(path: Any, count: int, indptr: Any, indices: Any, half: Any, total: int, out: Any) -> None:
    """Write the half-edges between the nodes of a path, from the source on."""
    for k in range(count, 0, -1):
        tail, head = path[k], path[k - 1]
        for at in range(indptr[tail], indptr[tail + 1]):
            if indices[at] == head:
                out[total + count - k] = half[at]


@nb.njit(cache=True, nogil=True)
def trace(before: Any, last: Any, row: Any, nodes: int, indptr: Any, indices: Any, half: Any, first: Any) -> Any:
    """Return the half-edges of paths traced back from the nodes `last` (paths,) through predecessors (rows, nodes, ..).

    Path i stands in row `row[i]` and begins at a node numbered `nodes` or more, which is no part of it. `first`
    (paths + 1,) gets where the half-edges of each begin. A `last` below 0 is an empty path.
    """
    total = 0
    first[0] = 0
    path = np.empty(before.shape[1] + 1, np.int64)
    out = np.empty(64 * last.shape[0], np.int64)
    for i in range(last.shape[0]):
        count = _climb(before, last[i], row[i], nodes, path)
        if total + count > out.shape[0]:
            grown = np.empty(2 * (total + count), np.int64)
            grown[:total] = out[:total]
            out = grown
        _halves(path, count, indptr, indices, half, total, out)
        total += count
        first[i + 1] = total
    return out[:total]


@nb.njit(cache=True, nogil=True)
def misses_of_points(start: Any, doors: Any, miss: Any, out: Any) -> None:
    """Write the chance (points,) that no door of each point's set owns: the product of `miss` in order of doors."""
    for i in range(out.shape[0]):
        chance = 1.0
        for at in range(start[i], start[i + 1]):
            chance *= miss[doors[at]]
        out[i] = chance


@nb.njit(cache=True, nogil=True)
def steps(begin: float, end: float, step: float, points: int, at: Any) -> None:
    """Write the first and last step (inclusive) of the stretch between two places, low to high, without mere hairs.

    No step is left of a stretch that is a hair itself.
    """
    low, high = min(begin, end), max(begin, end)
    at[0] = min(max(int(np.floor(low / step)), 0), points - 1)
    at[1] = min(max(int(np.ceil(high / step)) - 1, at[0]), points - 1)
    while at[0] <= at[1] and _overlap(low, high, step, at[0]) <= HAIR_M:
        at[0] += 1
    while at[0] <= at[1] and _overlap(low, high, step, at[1]) <= HAIR_M:
        at[1] -= 1


@nb.njit(cache=True, nogil=True)
def _overlap(begin: float, end: float, step: float, i: int) -> float:
    """Return how much of the stretch between two places lies in step i [m]."""
    return max(0.0, min(max(begin, end), (i + 1) * step) - max(min(begin, end), i * step))


@nb.njit(cache=True, nogil=True)
def metres_of_step(begin: float, end: float, step: float, i: int, at: Any) -> float:
    """Return how much of the stretch lies in step i, one of those from `steps`: those between its ends are whole."""
    return step if at[0] < i < at[1] else _overlap(begin, end, step, i)


@nb.njit(cache=True, nogil=True)
def _seen_metres(point_miss: Any, low: int, high: int) -> float:
    """Return the sum of the chances that points from `low` to `high` (exclusive) are in view."""
    total = 0.0
    for point in range(low, high):
        total += 1.0 - point_miss[point]
    return total


@nb.njit(cache=True, nogil=True)
def chances_along(
    first_leg: Any,
    half: Any,
    begin: Any,
    end: Any,
    full: Any,
    line_of: Any,
    first: Any,
    step: Any,
    start: Any,
    doors: Any,
    point_miss: Any,
    line_start: Any,
    line_doors: Any,
    line_seen: Any,
    miss: Any,
    stamp: Any,
    out: Any,
) -> None:
    """Write what doors see of each route, by chances.

    `out` (routes, 4): expected metres in view, doors that see any of it, their expected owners, and the chance that
    none of them owns.
    `full` (legs,): the whole edge is walked; then `line_seen` (lines,), the expected metres of a whole walking line,
    and `line_doors`, the doors that see any of it, are read instead of points. `stamp` (doors,) int64 holds -1 or any
    route's number that is not one of these.
    """  # fmt: skip
    reach = np.zeros(2, np.int64)
    for route in range(first_leg.shape[0] - 1):
        seen, number, owners, none = 0.0, 0, 0.0, 1.0
        for leg in range(first_leg[route], first_leg[route + 1]):
            line = line_of[half[leg]]
            if full[leg]:
                seen += line_seen[line]
                for at in range(line_start[line], line_start[line + 1]):
                    door = line_doors[at]
                    if stamp[door] != route:
                        stamp[door] = route
                        number += 1
                        owners += 1.0 - miss[door]
                        none *= miss[door]
            elif begin[leg] != end[leg]:
                steps(begin[leg], end[leg], step[line], first[line + 1] - first[line], reach)
                if reach[0] > reach[1]:
                    continue
                low, high = first[line] + reach[0], first[line] + reach[1]
                seen += _overlap(begin[leg], end[leg], step[line], reach[0]) * (1.0 - point_miss[low])
                if high > low:
                    seen += _overlap(begin[leg], end[leg], step[line], reach[1]) * (1.0 - point_miss[high])
                    seen += step[line] * _seen_metres(point_miss, low + 1, high)
                for at in range(start[low], start[high + 1]):
                    door = doors[at]
                    if stamp[door] != route:
                        stamp[door] = route
                        number += 1
                        owners += 1.0 - miss[door]
                        none *= miss[door]
        out[route, 0], out[route, 1], out[route, 2], out[route, 3] = seen, number, owners, none


@nb.njit(cache=True, nogil=True)
def runs_of_lines(lines: Any, first: Any, step: Any, start: Any, doors: Any, bits: Any, runs: Any) -> None:
    """Write the unseen stretches of the walking lines `lines`, in each replicate.

    `runs` (len(lines), 3, replicates): unseen metres at its begin, at its end, and the longest unseen stretch within; a
    line that is unseen throughout has its whole length three times.
    `bits` (doors, words) uint64 says which doors own in each replicate.
    """  # fmt: skip
    words = bits.shape[1]
    seen = np.zeros(words, np.uint64)
    one = np.uint64(1)
    for k in range(lines.shape[0]):
        line = lines[k]
        size = step[line]
        count = first[line + 1] - first[line]
        for r in range(words * 64):
            # Until an owner sees a point, lead is -1; tail holds the index of the last seen point.
            runs[k, 0, r], runs[k, 1, r], runs[k, 2, r] = -1.0, -1.0, 0.0
        for i in range(count):
            point = first[line] + i
            if start[point] == start[point + 1]:
                continue
            for word in range(words):
                seen[word] = np.uint64(0)
                for at in range(start[point], start[point + 1]):
                    seen[word] |= bits[doors[at], word]
                if seen[word] == np.uint64(0):
                    continue
                for bit in range(64):
                    if (seen[word] >> np.uint64(bit)) & one:
                        r = word * 64 + bit
                        if runs[k, 0, r] < 0.0:
                            runs[k, 0, r] = i * size
                        runs[k, 2, r] = max(runs[k, 2, r], (i - runs[k, 1, r] - 1.0) * size)
                        runs[k, 1, r] = i
        for r in range(words * 64):
            rest = (count - 1.0 - runs[k, 1, r]) * size
            runs[k, 2, r] = max(runs[k, 2, r], rest)
            runs[k, 1, r] = rest
            if runs[k, 0, r] < 0.0:
                runs[k, 0, r] = rest


@nb.njit(cache=True, nogil=True)
def _end_stretches(carry: float, gap: Any, best: Any) -> None:
    """End the unseen stretch of each replicate."""
    for r in range(gap.shape[0]):
        reached = gap[r] + carry
        best[r] = reached if reached > best[r] else best[r]
        gap[r] = 0.0


@nb.njit(cache=True, nogil=True)
def _walk_line(runs: Any, row: int, back: int, whole: float, carry: float, gap: Any, best: Any) -> None:
    """Go on over a whole line."""
    for r in range(gap.shape[0]):
        lead = runs[row, back, r]
        # Unseen throughout, the stretch goes on: then `reached` is no end of it, but no longer than it.
        reached = gap[r] + carry + lead
        longer = reached if reached > runs[row, 2, r] else runs[row, 2, r]
        best[r] = longer if longer > best[r] else best[r]
        gap[r] = runs[row, 1 - back, r] if lead < whole else reached


@nb.njit(cache=True, nogil=True)
def _walk_steps(seen: Any, long: float, carry: float, gap: Any, best: Any) -> float:
    """Go on over steps that owners see in the replicates whose bits stand in `seen`; return what is carried on."""
    nobody = True
    for word in range(seen.shape[0]):
        nobody = nobody and seen[word] == np.uint64(0)
    if nobody:
        return carry + long
    for word in range(seen.shape[0]):
        for bit in range(64):
            r = word * 64 + bit
            reached = gap[r] + carry
            best[r] = reached if reached > best[r] else best[r]
            gap[r] = 0.0 if (seen[word] >> np.uint64(bit)) & np.uint64(1) else reached + long
    return 0.0


@nb.njit(cache=True, nogil=True)
def longest_runs(
    first_leg: Any,
    half: Any,
    begin: Any,
    end: Any,
    full: Any,
    line_of: Any,
    first: Any,
    step: Any,
    start: Any,
    doors: Any,
    line_start: Any,
    bits: Any,
    slot: Any,
    runs: Any,
    apart: Any,
    out: Any,
) -> None:
    """Write the longest unseen stretch (routes, replicates) [m] of each route; `runs` as `runs_of_lines` writes it.

    `slot` (lines,) is the row of `runs` of each line that is walked whole; what no door at all sees needs none.
    `apart` (legs,): a leg does not go on where the one before it ended, and no stretch runs over its begin.
    """  # fmt: skip
    words = bits.shape[1]
    gap, best = np.zeros(words * 64), np.zeros(words * 64)
    reach = np.zeros(2, np.int64)
    seen, held = np.zeros(words, np.uint64), np.zeros(words, np.uint64)
    for route in range(first_leg.shape[0] - 1):
        gap[:] = 0.0
        best[:] = 0.0
        carry = 0.0
        for leg in range(first_leg[route], first_leg[route + 1]):
            line = line_of[half[leg]]
            back = half[leg] % 2
            if apart[leg]:
                _end_stretches(carry, gap, best)
                carry = 0.0
            if full[leg]:
                whole = (first[line + 1] - first[line]) * step[line]
                if line_start[line] == line_start[line + 1]:
                    carry += whole
                else:
                    _walk_line(runs, slot[line], back, whole * (1.0 - 1e-6), carry, gap, best)
                    carry = 0.0
            elif begin[leg] != end[leg]:
                steps(begin[leg], end[leg], step[line], first[line + 1] - first[line], reach)
                # Steps that the same owners see, one after another, are one.
                together = 0.0
                for k in range(reach[1] - reach[0] + 1):
                    i = reach[1] - k if back else reach[0] + k
                    long = metres_of_step(begin[leg], end[leg], step[line], i, reach)
                    point = first[line] + i
                    if start[point] == start[point + 1] and together == 0.0:
                        carry += long
                        continue
                    same = True
                    for word in range(words):
                        seen[word] = np.uint64(0)
                        for at in range(start[point], start[point + 1]):
                            seen[word] |= bits[doors[at], word]
                        same = same and seen[word] == held[word]
                    if same and together > 0.0:
                        together += long
                        continue
                    if together > 0.0:
                        carry = _walk_steps(held, together, carry, gap, best)
                    together = long
                    if start[point] == start[point + 1]:
                        carry += long
                        together = 0.0
                    for word in range(words):
                        held[word] = seen[word]
                if together > 0.0:
                    carry = _walk_steps(held, together, carry, gap, best)
        _end_stretches(carry, gap, best)
        out[route] = best


@nb.njit(cache=True, nogil=True)
def recorded_along(
    first_leg: Any,
    half: Any,
    begin: Any,
    end: Any,
    line_of: Any,
    first: Any,
    step: Any,
    start: Any,
    doors: Any,
    trigger_start: Any,
    trigger_doors: Any,
    seconds: Any,
    pause: Any,
    clip_s: float,
    miss: Any,
    last: Any,
    out: Any,
) -> None:
    """Write the expected recorded metres of each route (routes,).

    A point is recorded by a door that has it in view and was triggered at it or at most `clip_s` before it on the same
    route, from middle to middle of steps. `seconds` (points,): time that a whole step takes; `pause` (legs,): time
    before a leg begins, infinite where no clip lasts until then. `last` (doors,) float64 is overwritten.
    """  # fmt: skip
    reach = np.zeros(2, np.int64)
    for route in range(first_leg.shape[0] - 1):
        last[:] = -np.inf
        done, recorded = 0.0, 0.0
        for leg in range(first_leg[route], first_leg[route + 1]):
            if np.isinf(pause[leg]):
                last[:] = -np.inf
            else:
                done += pause[leg]
            if begin[leg] == end[leg]:
                continue
            line = line_of[half[leg]]
            steps(begin[leg], end[leg], step[line], first[line + 1] - first[line], reach)
            for k in range(reach[1] - reach[0] + 1):
                i = reach[1] - k if half[leg] % 2 else reach[0] + k
                long = metres_of_step(begin[leg], end[leg], step[line], i, reach)
                point = first[line] + i
                took = seconds[point] * (long / step[line])
                here = done + took / 2.0
                for at in range(trigger_start[point], trigger_start[point + 1]):
                    last[trigger_doors[at]] = here
                none = 1.0
                for at in range(start[point], start[point + 1]):
                    if here - last[doors[at]] <= clip_s:
                        none *= miss[doors[at]]
                recorded += long * (1.0 - none)
                done += took
        out[route] = recorded
