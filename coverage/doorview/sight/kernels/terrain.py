"""Sight lines over a surface of heights: exact on its bilinear patches.

Four neighbouring samples span a patch z = z00 + p10 u + p01 v + p11 u v with u, v in [0, 1]. Above the straight line
from (x, y) to (x, y) + (dx, dy) it is a parabola in the line's parameter t, so the patch stands above a sight line
exactly if the larger of the parabola's two ends, or its top where that lies between them, does. A line is walked from
patch to patch; nothing is sampled, whatever the step of the raster.

Where a height is unknown (NaN, or beyond the raster) nothing is hidden, and a camera or spot whose own ground is
unknown keeps what the plane says of it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from doorview.sight.kernels.types import FloatArray

__all__ = ["BLOCK", "TOUCHING_M", "Heights", "fill_heights", "fill_peaks", "fill_visible", "height_at", "hidden"]

TOUCHING_M = 1e-6
"""A surface must rise above a sight line by more than this to cut it. A target of height 0 lies on the ground, so that
its line touches: heights are float32 (6e-5 m at 1,000 m) but computed with in float64, where a line over a plane is
true to 1e-12 m."""


BLOCK = 8
"""Patches along the side of a block that is passed over at once."""


class Heights(NamedTuple):
    """A raster of heights: `z` (rows, columns) float32 [m], row 0 southmost, NaN where unknown.

    Sample (j, i) stands at x0 + i step, y0 + j step [m]; there are at least 2 rows and 2 columns. `peak` is what
    `fill_peaks` makes of them.
    """

    z: NDArray[np.float32]
    x0: float
    y0: float
    step: float
    peak: NDArray[np.float32]


@nb.njit(cache=True, nogil=True)
def height_at(grid: Any, x: float, y: float) -> float:
    """Return the bilinear height [m] at a point, NaN beyond the raster and beside an unknown sample."""
    z = grid.z
    gx, gy = (x - grid.x0) / grid.step, (y - grid.y0) / grid.step
    if not (0.0 <= gx <= z.shape[1] - 1 and 0.0 <= gy <= z.shape[0] - 1):
        return math.nan
    i, j = min(math.floor(gx), z.shape[1] - 2), min(math.floor(gy), z.shape[0] - 2)
    u, v = gx - i, gy - j
    z00, z10, z01 = np.float64(z[j, i]), np.float64(z[j, i + 1]), np.float64(z[j + 1, i])
    return z00 + (z10 - z00) * u + (z01 - z00) * v + (np.float64(z[j + 1, i + 1]) - z10 - z01 + z00) * u * v


@nb.njit(cache=True, nogil=True)
def fill_peaks(z: Any, out: Any) -> None:
    """Fill `out` with the highest sample of each block of `BLOCK` x `BLOCK` patches; -inf where none is known."""
    for b in range(out.shape[0]):
        for a in range(out.shape[1]):
            most = -math.inf
            for j in range(b * BLOCK, min((b + 1) * BLOCK + 1, z.shape[0])):
                for i in range(a * BLOCK, min((a + 1) * BLOCK + 1, z.shape[1])):
                    if not math.isnan(z[j, i]):
                        most = max(most, np.float64(z[j, i]))
            out[b, a] = most


@nb.njit(cache=True, nogil=True)
def _hidden_between(
    z: Any, gx: float, gy: float, dx: float, dy: float, eye: float, rise: float, t: float, last: float
) -> bool:  # fmt: skip
    """Return whether patches stand above the line (gx, gy, eye) + t (dx, dy, rise) between t and `last`.

    Places in steps of the raster from its first sample.
    """
    rows, columns = z.shape[0] - 1, z.shape[1] - 1
    i, j = math.floor(gx + t * dx), math.floor(gy + t * dy)
    step_i, step_j = 1 if dx > 0.0 else -1, 1 if dy > 0.0 else -1
    edge_i, edge_j = max(step_i, 0), max(step_j, 0)
    # Where the line leaves the patch, as t; a line along an axis never leaves it across the other, and one that ends in
    # it never at all: that is the commonest case on a coarse raster.
    leave_i, leave_j = math.inf, math.inf
    if i != math.floor(gx + last * dx) or j != math.floor(gy + last * dy):
        leave_i = (i + edge_i - gx) / dx if dx != 0.0 else math.inf
        leave_j = (j + edge_j - gy) / dy if dy != 0.0 else math.inf
    while True:
        end = min(leave_i, leave_j, last)
        if 0 <= i < columns and 0 <= j < rows:
            z00, z10, z01 = np.float64(z[j, i]), np.float64(z[j, i + 1]), np.float64(z[j + 1, i])
            p10, p01 = z10 - z00, z01 - z00
            p11 = np.float64(z[j + 1, i + 1]) - z10 - p01
            u, v = gx - i, gy - j
            a = z00 - eye + p10 * u + (p01 + p11 * u) * v
            b = p10 * dx + p01 * dy + p11 * (u * dy + v * dx) - rise
            c = p11 * dx * dy
            if a + t * (b + c * t) > TOUCHING_M or a + end * (b + c * end) > TOUCHING_M:
                return True
            # Between the ends, a parabola that opens downward has its top at -b / 2c, and a - b^2 / 4c is its height.
            if c < 0.0 and -2.0 * c * t < b < -2.0 * c * end and a - 0.25 * b * b / c > TOUCHING_M:
                return True
        if end >= last:
            return False
        if leave_i <= leave_j:
            i += step_i
            leave_i = (i + edge_i - gx) / dx
        else:
            j += step_j
            leave_j = (j + edge_j - gy) / dy
        t = end


@nb.njit(cache=True, nogil=True)
def hidden(
    surface: Any, cx: float, cy: float, eye: float, px: float, py: float, aim: float, clear: float
) -> bool:  # fmt: skip
    """Return whether the surface rises above the line from (cx, cy, eye) to (px, py, aim) [m], its end included.

    The first `clear` [m] of the line, measured in the plane, are left out. Blocks of patches whose peak lies below the
    line are passed over whole.
    """
    square = (px - cx) * (px - cx) + (py - cy) * (py - cy)
    if not square > clear * clear:
        return False
    z, peak = surface.z, surface.peak
    gx, gy = (cx - surface.x0) / surface.step, (cy - surface.y0) / surface.step
    dx, dy, rise = (px - cx) / surface.step, (py - cy) / surface.step, aim - eye
    t = clear / math.sqrt(square)
    a, b = math.floor((gx + t * dx) / BLOCK), math.floor((gy + t * dy) / BLOCK)
    leave_a, leave_b = math.inf, math.inf
    if a != math.floor((gx + dx) / BLOCK) or b != math.floor((gy + dy) / BLOCK):
        leave_a = (BLOCK * (a + (1 if dx > 0.0 else 0)) - gx) / dx if dx != 0.0 else math.inf
        leave_b = (BLOCK * (b + (1 if dy > 0.0 else 0)) - gy) / dy if dy != 0.0 else math.inf
    while True:
        end = min(leave_a, leave_b, 1.0)
        if (
            0 <= a < peak.shape[1]
            and 0 <= b < peak.shape[0]
            and peak[b, a] > eye + min(t * rise, end * rise)
            and _hidden_between(z, gx, gy, dx, dy, eye, rise, t, end)
        ):
            return True
        if end >= 1.0:
            return False
        if leave_a <= leave_b:
            a += 1 if dx > 0.0 else -1
            leave_a = (BLOCK * (a + (1 if dx > 0.0 else 0)) - gx) / dx
        else:
            b += 1 if dy > 0.0 else -1
            leave_b = (BLOCK * (b + (1 if dy > 0.0 else 0)) - gy) / dy
        t = end


@nb.njit(cache=True, nogil=True)
def fill_heights(grid: Any, xy: FloatArray, out: FloatArray) -> None:
    """Fill `out` (n,) with the heights [m] at `xy` (n, 2)."""
    for n in range(xy.shape[0]):
        out[n] = height_at(grid, xy[n, 0], xy[n, 1])


@nb.njit(cache=True, nogil=True)
def fill_visible(
    ground: Any,
    surface: Any,
    doors: FloatArray,
    points: FloatArray,
    lens: FloatArray,
    target: FloatArray,
    clear: float,
    out: NDArray[np.bool_],
) -> None:
    """Fill `out` (n,) with whether door n sees point n over the surface; `lens` and `target` (n,) [m above ground]."""
    for n in range(doors.shape[0]):
        cx, cy, px, py = doors[n, 0], doors[n, 1], points[n, 0], points[n, 1]
        eye, aim = height_at(ground, cx, cy) + lens[n], height_at(ground, px, py) + target[n]
        out[n] = not hidden(surface, cx, cy, eye, px, py, aim, clear)
