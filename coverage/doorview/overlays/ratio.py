"""One surface over another: two windows of incidents, or incidents over dwellings (dual kernel density).

Numerator and denominator are smoothed by the same kernel, so that edges and the kernel's tails cancel (Kelsall and
Diggle 1995, doi 10.3150/bj/1193667818). Where the denominator is thin the ratio says nothing: it is NaN there, not 0.
What chance alone would do is drawn: the windows' labels are put on the incidents anew, or the incidents on the homes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from doorview.city.chances import check_seed, keys_of, uniform
from doorview.errors import InputError
from doorview.overlays.kde import kernel_density, spread_m
from doorview.overlays.surface_grid import SurfaceGrid, xy_array

__all__ = ["LEAST_BEHIND", "RatioSurface", "dual_kde", "window_ratio"]

Floats = NDArray[np.float64]

LEAST_BEHIND = 5.0
"""A ratio is shown where the denominator's kernel holds at least so many incidents or dwellings: our choice."""
_MOST_VALUES = 150_000_000
"""Replicates times cells: 1.2 GB."""


@dataclass(frozen=True, eq=False)
class RatioSurface:
    """A ratio of two densities, and what chance alone would make of it.

    Attributes
    ----------
    ratio
        (rows, columns): of the later window's monthly rate to the earlier's, or incidents per dwelling; NaN where the
        denominator is too thin or the cell does not count.
    relative
        The same over the ratio of the whole area, so that 1 is as everywhere.
    low, high
        (rows, columns): the 2.5 and 97.5 % points of `relative` over the draws, cell by cell: of 100 cells, five lie
        outside by chance.
    chance_high, chance_low
        (rows, columns): share of draws, with the map itself, that are as high, or as low, there.
    overall
        Chance of a map so uneven that somewhere stands out as much: of the largest deviation in standard deviations
        of the draws. Read it before any cell.
    of_all
        The ratio of the whole area.
    numerator, denominator
        Incidents, and incidents or dwellings, in the counted area.
    replicates, seed
        Draws.

    """

    ratio: Floats
    relative: Floats
    low: Floats
    high: Floats
    chance_high: Floats
    chance_low: Floats
    overall: float
    of_all: float
    numerator: int
    denominator: int
    grid: SurfaceGrid
    bandwidth_m: float
    kernel: str
    replicates: int
    seed: int


def window_ratio(
    earlier: ArrayLike,
    later: ArrayLike,
    grid: SurfaceGrid,
    *,
    bandwidth_m: float,
    months: tuple[float, float],
    kernel: str = "gaussian",
    replicates: int = 199,
    seed: int = 0,
    least: float = LEAST_BEHIND,
) -> RatioSurface:
    """Return where the later window has more, or less, of all incidents than the earlier.

    Chance: the labels "earlier" and "later" put on all incidents anew, as many of each (random labelling). A rise that
    is the same everywhere is in `of_all`, not in `relative`. Where the earlier window has less than one incident under
    the kernel, one is taken, so that what is new has a finite ratio (too low, not too high).

    Parameters
    ----------
    earlier, later
        (n, 2), (m, 2) places of incidents [m].
    grid, bandwidth_m, kernel
        As in `kernel_density`.
    months
        Length of the earlier and the later window.
    replicates, seed
        Draws; a draw depends on the incidents' places and the seed, not on their order.
    least
        Incidents that the earlier window would hold under the kernel if it had its part of all incidents there; below,
        the ratio is NaN. Which cells are shown so depends on no label.

    Raises
    ------
    InputError
        Where a window has no incident in the counted area or no length, or there are too many cells to draw for.

    """
    if not all(math.isfinite(length) and length > 0 for length in months):
        raise InputError(f"months is {months!r}: both windows are longer than 0 months, e.g. months=(12, 2).")
    first, second = (_on(points, grid) for points in (earlier, later))
    for name, points in (("earlier", first), ("later", second)):
        if not len(points):
            raise InputError(f"window_ratio: no incident of the {name} window lies in the counted area: widen it.")
    pool = np.vstack([first, second])
    # By place; incidents at one place are alike, so their order there changes nothing.
    order = np.lexsort((pool[:, 1], pool[:, 0]))
    pool = pool[order]
    keys = keys_of(f"incident {n}" for n in range(len(pool)))
    smooth = _density(grid, bandwidth_m, kernel)

    def draw(replicate: int) -> tuple[Floats, Floats]:
        chosen = np.argsort(uniform(keys, seed, replicate), kind="stable")[: len(first)]
        early = np.zeros(len(pool), np.bool_)
        early[chosen] = True
        return smooth(pool[~early]), smooth(pool[early])

    behind = len(first), len(second)
    of_all = (behind[1] / months[1]) / (behind[0] / months[0])
    return _compare(
        smooth(second),
        smooth(first),
        smooth(pool) * (len(first) / len(pool)),
        draw,
        grid,
        (behind[1], behind[0]),
        of_all,
        bandwidth_m,
        kernel,
        replicates,
        seed,
        least,
    )


def dual_kde(
    incidents: ArrayLike,
    homes: ArrayLike,
    grid: SurfaceGrid,
    *,
    bandwidth_m: float,
    dwellings: ArrayLike | None = None,
    kernel: str = "gaussian",
    replicates: int = 199,
    seed: int = 0,
    least: float = LEAST_BEHIND,
) -> RatioSurface:
    """Return reported thefts per dwelling over the whole window, and where they are more than homes alone explain.

    Chance: every incident put at a home anew, each dwelling alike, independently.

    Parameters
    ----------
    incidents
        (n, 2) places of incidents [m].
    homes
        (m, 2) places of doors [m].
    dwellings
        (m,) dwellings behind each door; left out: 1 each.
    grid, bandwidth_m, kernel, replicates, seed
        As in `window_ratio`.
    least
        Dwellings that the kernel must hold; below, the ratio is NaN.

    Raises
    ------
    InputError
        Where no incident or no dwelling lies in the counted area, or there are too many cells to draw for.

    """
    points, doors = _on(incidents, grid), xy_array(homes, "homes")
    number = np.ones(len(doors)) if dwellings is None else np.asarray(dwellings, np.float64)
    if number.shape != (len(doors),) or not (np.isfinite(number) & (number >= 0)).all():
        raise InputError(f"dwellings must be {len(doors)} numbers of 0 or more, one for each home.")
    held = grid.counted(doors)
    doors, number = doors[held], number[held]
    if not len(points) or not number.sum() > 0:
        raise InputError(
            f"dual_kde: {len(points)} incidents and {number.sum():.0f} dwellings lie in the counted area, and a ratio "
            "needs both. Check that both are in the grid's CRS."
        )
    order = np.lexsort((number, doors[:, 1], doors[:, 0]))
    doors, number = doors[order], number[order]
    up_to = np.cumsum(number)
    keys = keys_of(f"incident {n}" for n in range(len(points)))
    smooth = _density(grid, bandwidth_m, kernel)
    behind = kernel_density(doors, grid, bandwidth_m=bandwidth_m, kernel=kernel, edge="none", weights=number).density

    def draw(replicate: int) -> tuple[Floats, Floats]:
        at = np.searchsorted(up_to, uniform(keys, seed, replicate) * up_to[-1], side="right")
        return smooth(doors[np.minimum(at, len(doors) - 1)]), behind

    count, dwelling = len(points), round(float(up_to[-1]))
    return _compare(
        smooth(points),
        behind,
        behind,
        draw,
        grid,
        (count, dwelling),
        count / float(up_to[-1]),
        bandwidth_m,
        kernel,
        replicates,
        seed,
        least,
    )


def _on(points: ArrayLike, grid: SurfaceGrid) -> Floats:
    found = xy_array(points)
    return found[grid.counted(found)]


def _density(grid: SurfaceGrid, bandwidth_m: float, kernel: str) -> Callable[[Floats], Floats]:
    """Return how points are smoothed here: edges cancel in a ratio."""

    def smooth(points: Floats) -> Floats:
        return kernel_density(points, grid, bandwidth_m=bandwidth_m, kernel=kernel, edge="none").density

    return smooth


def _behind(density: Floats, bandwidth_m: float, kernel: str) -> Floats:
    """Return how many points a kernel holds: density times the kernel's effective area, 1 / integral of its square."""
    area = 4.0 * math.pi if kernel == "gaussian" else math.pi * 5.0 / 9.0
    spread_m(kernel, bandwidth_m)
    return density * area * bandwidth_m**2 / 1e6


def _compare(
    over: Floats,
    under: Floats,
    expected: Floats,
    draw: Callable[[int], tuple[Floats, Floats]],
    grid: SurfaceGrid,
    numbers: tuple[int, int],
    of_all: float,
    bandwidth_m: float,
    kernel: str,
    replicates: int,
    seed: int,
    least: float,
) -> RatioSurface:
    """Hold the ratio of two densities against that of each draw, cell by cell and as a whole."""
    check_seed(seed)
    known = grid.inside & (_behind(expected, bandwidth_m, kernel) >= least)
    if replicates < 19:
        raise InputError(f"replicates is {replicates!r}: fewer than 19 draws cannot tell 5 % apart, e.g. 199.")
    if replicates * int(known.sum()) > _MOST_VALUES:
        raise InputError(
            f"{replicates} draws on {int(known.sum()):,} cells are too many: take a grid of larger cells; a bandwidth "
            f"of {bandwidth_m:g} m needs none under {spread_m(kernel, bandwidth_m) / 3:.0f} m."
        )
    scale = numbers[1] / numbers[0]
    # One incident, or dwelling, under the kernel: what keeps the ratio finite, and in step with the numerator.
    one = 1.0 / float(_behind(np.ones(1), bandwidth_m, kernel)[0])
    seen = scale * over[known] / np.maximum(under[known], one)
    drawn = np.empty((replicates, int(known.sum())))
    for replicate in range(replicates):
        top, bottom = draw(replicate)
        drawn[replicate] = scale * top[known] / np.maximum(bottom[known], one)
    # What differs by rounding alone is alike.
    hair = 1e-9 * np.maximum(seen, 1e-300)
    high = (1 + (drawn >= seen - hair).sum(axis=0)) / (replicates + 1)
    low = (1 + (drawn <= seen + hair).sum(axis=0)) / (replicates + 1)
    ends = np.quantile(drawn, [0.025, 0.975], axis=0) if drawn.shape[1] else np.empty((2, 0))

    def spread(values: Floats) -> Floats:
        out = np.full(known.shape, np.nan)
        out[known] = values
        return out

    return RatioSurface(
        spread(seen * of_all),
        spread(seen),
        spread(ends[0]),
        spread(ends[1]),
        spread(high),
        spread(low),
        _overall(seen, drawn),
        of_all,
        *numbers,
        grid,
        float(bandwidth_m),
        kernel,
        replicates,
        seed,
    )


def _overall(seen: Floats, drawn: Floats) -> float:
    """Return the chance of the largest deviation, in standard deviations of map and draws together."""
    if not len(seen):
        return 1.0
    whole = np.vstack([seen, drawn])
    spread = whole.std(axis=0)
    moving = spread > 1e-12
    if not moving.any():
        return 1.0
    whole = np.abs(whole[:, moving] - whole[:, moving].mean(axis=0)) / spread[moving]
    largest = whole.max(axis=1)
    return float((largest >= largest[0] - 1e-9).mean())
