"""Sets of doors along routes, for owners that depend on each other: what no product of chances can say.

Legs and walking lines as in `doorview.overlays.kernels.routes`.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from doorview.overlays.kernels.routes import metres_of_step, steps

__all__ = ["doors_of_routes", "recorded_sets"]


@nb.njit(cache=True, nogil=True)
def doors_of_routes(
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
    line_doors: Any,
    stamp: Any,
    set_start: Any,
    out: Any,
) -> None:
    """Write the doors that see any part of each route, each once, in the order met.

    `set_start` (routes + 1,) gets where those of each begin in `out`; with an empty `out` they are only counted.
    `stamp` (doors,) int64 holds -1.
    """  # fmt: skip
    reach = np.zeros(2, np.int64)
    total = 0
    set_start[0] = 0
    for route in range(first_leg.shape[0] - 1):
        for leg in range(first_leg[route], first_leg[route + 1]):
            line = line_of[half[leg]]
            if full[leg]:
                for at in range(line_start[line], line_start[line + 1]):
                    door = line_doors[at]
                    if stamp[door] != route:
                        stamp[door] = route
                        if out.shape[0] > 0:
                            out[total] = door
                        total += 1
            elif begin[leg] != end[leg]:
                steps(begin[leg], end[leg], step[line], first[line + 1] - first[line], reach)
                if reach[0] > reach[1]:
                    continue
                for at in range(start[first[line] + reach[0]], start[first[line] + reach[1] + 1]):
                    door = doors[at]
                    if stamp[door] != route:
                        stamp[door] = route
                        if out.shape[0] > 0:
                            out[total] = door
                        total += 1
        set_start[route + 1] = total


@nb.njit(cache=True, nogil=True)
def recorded_sets(
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
    last: Any,
    step_start: Any,
    long_of: Any,
    set_start: Any,
    out: Any,
) -> None:
    """Write the steps of each route with their metres, and the doors that record each, if they own.

    `step_start` (routes + 1,) gets where the steps of each route begin in `long_of` (steps,) [m] and `set_start`
    (steps + 1,), where the doors of each step begin in `out`. With an empty `long_of` steps are only counted, and
    `set_start[0]` gets the number of all their doors. `last` (doors,) float64 is overwritten. The rule is that of
    `recorded_along`.
    """  # fmt: skip
    reach = np.zeros(2, np.int64)
    fill = long_of.shape[0] > 0
    made, total = 0, 0
    step_start[0] = 0
    for route in range(first_leg.shape[0] - 1):
        last[:] = -np.inf
        done = 0.0
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
                if fill:
                    long_of[made] = long
                    set_start[made] = total
                for at in range(start[point], start[point + 1]):
                    if here - last[doors[at]] <= clip_s:
                        if fill:
                            out[total] = doors[at]
                        total += 1
                made += 1
                done += took
        step_start[route + 1] = made
    if fill:
        set_start[made] = total
    else:
        set_start[0] = total
