"""One viewshed in extended arithmetic, from its definition alone: every pair of walls, every critical bearing.

Numbers have 64 bits of mantissa where the machine's long double is that of x86, and 53 (then no more than a double)
where it is not. All bearings are enumerated and the nearest wall along the middle of each interval is found among all
walls, so it costs n^2 pairs of walls for n^2 bearings; scenes of a hundred walls take tenths of a second.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["extended_area"]

Real = np.longdouble
Reals = NDArray[np.longdouble]

PI = Real(4) * np.arctan(Real(1))
TOUCHING_M = Real("1e-9")
"""A wall whose line passes the camera nearer than this is seen edge on and hides nothing."""


def extended_area(
    x: float,
    y: float,
    heading_degrees: float,
    walls: ArrayLike,
    *,
    range_m: float,
    field_of_view_degrees: float,
    near_m: float = 0.0,
    factors: ArrayLike | None = None,
) -> float:
    """Return the visible area [m2]: half the sum over bearings of r1 r2 sin(step) or r^2 step, less the near hole.

    Parameters are those of `helpers.brute.enumerated_area`.
    """
    reach, near = Real(range_m), Real(near_m)
    first, second = _ends(x, y, walls, factors)
    width = Real(field_of_view_degrees) * PI / Real(180)
    start = (Real(90) - Real(heading_degrees)) * PI / Real(180) - width / 2
    along = second - first
    length2 = (along * along).sum(axis=1)
    keep = length2 > 0
    first, second, along, length2 = first[keep], second[keep], along[keep], length2[keep]
    across = _cross(first, second) / np.sqrt(length2)
    keep = np.abs(across) > TOUCHING_M
    first, second, along, length2 = first[keep], second[keep], along[keep], length2[keep]
    points = [first, second, _pair_crossings(first, along)]
    for radius in (reach, near):
        points += _circle_crossings(first, along, length2, radius)
    bearing = np.arctan2(*(np.concatenate(points).T[::-1]))
    offset = (bearing - start) % (2 * PI)
    cuts = np.unique(np.concatenate([[Real(0), width], offset[offset < width]]))
    low, high = cuts[:-1], cuts[1:]
    wall, distance = _nearest(first, along, start + (low + high) / 2)
    step = high - low
    total = Real(0)
    for k in range(len(step)):
        if distance[k] <= near:
            continue
        if distance[k] >= reach:
            far = reach * reach * step[k]
        else:
            a, d = first[wall[k]], along[wall[k]]
            far = np.sin(step[k]) * _to_line(a, d, start + low[k]) * _to_line(a, d, start + high[k])
        total += (far - near * near * step[k]) / 2
    return float(total)


def _ends(x: float, y: float, walls: ArrayLike, factors: ArrayLike | None) -> tuple[Reals, Reals]:
    """Return the walls' ends about the camera, moved away by their factors; walls that hide nothing are left out."""
    local = np.asarray(walls, dtype=Real).reshape(-1, 4) - np.array([x, y, x, y], dtype=Real)
    if factors is not None:
        by = np.asarray(factors, dtype=Real)
        local = local[np.isfinite(by)] * by[np.isfinite(by), None]
    return local[:, :2], local[:, 2:]


def _cross(a: Reals, b: Reals) -> Reals:
    """Return the cross products of vectors (..., 2)."""
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def _pair_crossings(first: Reals, along: Reals) -> Reals:
    """Return where walls cross walls (m, 2); parallel ones have their ends as critical points already."""
    one, two = np.triu_indices(len(first), 1)
    turn = _cross(along[one], along[two])
    one, two, turn = one[turn != 0], two[turn != 0], turn[turn != 0]
    gap = first[two] - first[one]
    t, u = _cross(gap, along[two]) / turn, _cross(gap, along[one]) / turn
    meet = (t >= 0) & (t <= 1) & (u >= 0) & (u <= 1)
    return np.asarray(first[one[meet]] + t[meet, None] * along[one[meet]])


def _circle_crossings(first: Reals, along: Reals, length2: Reals, radius: Real) -> list[Reals]:
    """Return where walls cross the circle of a radius [m] about the camera, and where they touch it."""
    middle = -(first * along).sum(axis=1) / length2
    across2 = _cross(first, along) ** 2 / length2
    half = np.sqrt(np.maximum((radius * radius - across2) / length2, 0))
    found = []
    for t in (middle - half, middle + half):
        on = (t >= 0) & (t <= 1)
        found.append(first[on] + t[on, None] * along[on])
    return found


def _nearest(first: Reals, along: Reals, bearing: Reals) -> tuple[NDArray[np.int64], Reals]:
    """Return, for each bearing, the nearest wall and its distance [m]; inf where none is met."""
    if len(first) == 0:
        return np.zeros(len(bearing), np.int64), np.full(len(bearing), Real(np.inf))
    ray = np.stack([np.cos(bearing), np.sin(bearing)], axis=-1)[:, None, :]
    side = _cross(ray, first), _cross(ray, first + along)
    turn = _cross(ray, along)
    met = (side[0] * side[1] <= 0) & (turn != 0)
    distance = np.where(met, _cross(first, along) / np.where(turn == 0, Real(1), turn), Real(np.inf))
    distance = np.where(distance > 0, distance, Real(np.inf))
    wall = distance.argmin(axis=1)
    return wall, distance[np.arange(len(bearing)), wall]


def _to_line(first: Reals, along: Reals, bearing: Real) -> Real:
    """Return how far [m] the line of a wall lies along a bearing."""
    ray = np.array([np.cos(bearing), np.sin(bearing)], dtype=Real)
    return Real(_cross(first, along) / _cross(ray, along))
