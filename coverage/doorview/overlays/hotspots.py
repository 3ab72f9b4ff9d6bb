"""Where reported thefts concentrate more than chance would have it: Getis and Ord's Gi* and local Moran's I.

The statistics are esda's. Their chances are exact, because incidents per cell are whole numbers. Two nulls are there:

- **incidents** (Gi* by default): each incident falls on any cell alike, independently. A neighbourhood's number is then
  binomial. One address with twenty reports is a hot spot.
- **cells** (local Moran always): the counts are put on the cells in random order, as esda's permutations do. A
  neighbourhood's sum is that of as many counts drawn without replacement, a short convolution. One cell with twenty
  reports is then no hot spot, many high cells side by side are.

The normal approximation is wrong by orders of magnitude where counts are small (most package thefts), and permutations
give no chance under 1 / (permutations + 1), while a false discovery rate over thousands of cells asks for smaller ones.
Neither null knows that several reports may be one event, or are put at one point of their block.

The false-discovery correction is Benjamini and Hochberg's (1995, doi 10.1111/j.2517-6161.1995.tb02031.x; for maps
Castro and Singer 2006), through `esda.fdr`: of the cells named hot, at most `rate` are so by chance on average; where
nothing concentrates, a map names any cell hot with probability at most `rate`. The null is that every cell that counts
is alike: cells without homes are no homes of no thefts, so leave them out of the counted area, or lay incidents over
dwellings (`doorview.overlays.ratio`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom, hypergeom

from doorview.errors import InputError, UnknownNameError
from doorview.overlays.pysal_home import no_folder_at_home
from doorview.overlays.surface_grid import SurfaceGrid, cell_counts, xy_array

__all__ = [
    "NULLS",
    "RATE",
    "HotSpots",
    "count_scores",
    "gi_star",
    "gi_star_scores",
    "local_moran",
    "local_moran_scores",
    "sum_chances",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NULLS = ("incidents", "cells")
RATE = 0.05
"""False discovery rate where none is stated."""
_NEXT = tuple((row, column) for row in (-1, 0, 1) for column in (-1, 0, 1) if (row, column) != (0, 0))
"""Neighbours: the eight cells that touch a cell (queen contiguity)."""


@dataclass(frozen=True, eq=False)
class HotSpots:
    """Cells with more, and with fewer, reported thefts around them than chance would have it.

    Attributes
    ----------
    method
        `gi_star` or `local_moran`.
    grid
        Where the cells lie. All arrays are (rows, columns).
    counts
        Incidents per cell; 0 outside the counted area.
    statistic
        z of Gi*, or I; NaN outside the counted area and where all cells are alike.
    chance_hot, chance_cold
        Exact one-sided chance of a neighbourhood with so many, or so few, incidents; NaN outside.
    hot, cold
        What is left after the false-discovery correction, each side at its own `rate`. For `local_moran` cells with
        many among many (high-high), and with few among few.
    rate
        False discovery rate.
    incidents, left_out
        Incidents counted, and those outside the counted area.

    """

    method: str
    grid: SurfaceGrid
    counts: Ints
    statistic: Floats
    chance_hot: Floats
    chance_cold: Floats
    hot: Bools
    cold: Bools
    rate: float
    incidents: int
    left_out: int


def gi_star(xy: ArrayLike, grid: SurfaceGrid, *, rate: float = RATE, null: str = "incidents") -> HotSpots:
    """Return the hot and cold spots of Gi* (Ord and Getis 1995, doi 10.1111/j.1538-4632.1995.tb00912.x).

    A cell's neighbourhood is itself and the cells that touch it, weights 1. z is esda's.

    Parameters
    ----------
    xy
        (n, 2) places of incidents [m]; those outside the counted area are left out, and counted.
    grid
        Cells of 76 to 183 m (the NIJ range, `surface_grid.NIJ_CELL_M`) suit a city's thefts.
    rate
        False discovery rate.
    null
        `incidents` or `cells`; see the module.

    Raises
    ------
    InputError
        For a rate outside (0, 1) or an unknown null.

    """
    if null not in NULLS:
        raise UnknownNameError("null", null, NULLS)
    counts, left_out = _whole_counts(xy, grid, rate)
    cells = counts[grid.inside]
    around, touching = _neighbourhoods(counts, grid)
    total, size = around + cells, touching + 1
    statistic = np.full(len(cells), np.nan)
    if cells.min() < cells.max() and len(cells) > size.max():
        with no_folder_at_home():
            from esda import G_Local

        with np.errstate(invalid="ignore", divide="ignore"):
            statistic = G_Local(cells, _weights(grid, own=True), transform="B", permutations=0, star=True).Zs
    high, low = np.ones(len(cells)), np.ones(len(cells))
    if null == "incidents":
        part = size / len(cells)
        high, low = binom.sf(total - 1, cells.sum(), part), binom.cdf(total, cells.sum(), part)
    for draws in np.unique(size) if null == "cells" else ():
        alike = size == draws
        high[alike], low[alike] = sum_chances(cells, int(draws), total[alike])
    hot, cold = _discovered(high, rate), _discovered(low, rate)
    return _on_grid("gi_star", grid, counts, statistic, high, low, hot, cold, rate, left_out)


def local_moran(xy: ArrayLike, grid: SurfaceGrid, *, rate: float = RATE) -> HotSpots:
    """Return the high-high and low-low cells of local Moran's I (Anselin 1995, doi 10.1111/j.1538-4632.1995.tb00338.x).

    I is esda's, with row-standardised weights of the cells that touch a cell. Under its conditional null a cell keeps
    its count and the others are put around it in random order; the chances are exact, not simulated. Hot: more
    incidents than the mean, among neighbours with too many for chance. Cells that touch no other are never hot.

    Parameters and errors are those of `gi_star`, whose null `cells` is the only one.
    """
    counts, left_out = _whole_counts(xy, grid, rate)
    cells = counts[grid.inside]
    around, touching = _neighbourhoods(counts, grid)
    statistic = np.full(len(cells), np.nan)
    high, low = np.ones(len(cells)), np.ones(len(cells))
    if cells.min() < cells.max() and len(cells) > 2:
        with no_folder_at_home():
            from esda import Moran_Local

        with np.errstate(invalid="ignore", divide="ignore"):
            statistic = Moran_Local(cells, _weights(grid, own=False), transformation="r", permutations=0).Is
    for value in np.unique(cells):
        others = np.delete(cells, np.flatnonzero(cells == value)[0])
        for draws in np.unique(touching[cells == value]):
            alike = (cells == value) & (touching == draws)
            high[alike], low[alike] = sum_chances(others, int(draws), around[alike])
    mean = cells.mean() if len(cells) else 0.0
    # A cell is tested on its own side only: high among high where it is above the mean, low among low below it.
    hot = _discovered(np.where(cells > mean, high, 1.0), rate)
    cold = _discovered(np.where(cells < mean, low, 1.0), rate)
    return _on_grid("local_moran", grid, counts, statistic, high, low, hot, cold, rate, left_out)


def count_scores(xy: Floats, grid: SurfaceGrid) -> Floats:
    """Score cells by past incidents alone (rows, columns): the baseline of prediction, and hard to beat."""
    return cell_counts(xy, grid)


def gi_star_scores(rate: float = RATE) -> Callable[[Floats, SurfaceGrid], Floats]:
    """Return a method of prediction: (n, 2) past incidents and a grid -> z of Gi* (rows, columns)."""

    def scores(xy: Floats, grid: SurfaceGrid) -> Floats:
        return np.nan_to_num(gi_star(xy, grid, rate=rate).statistic, nan=0.0)

    return scores


def local_moran_scores(rate: float = RATE) -> Callable[[Floats, SurfaceGrid], Floats]:
    """Return a method of prediction: I of cells with many among many, 0 elsewhere (rows, columns)."""

    def scores(xy: Floats, grid: SurfaceGrid) -> Floats:
        found = local_moran(xy, grid, rate=rate)
        mean = found.counts[grid.inside].mean()
        return np.where(found.counts > mean, np.maximum(np.nan_to_num(found.statistic, nan=0.0), 0.0), 0.0)

    return scores


def sum_chances(values: ArrayLike, draws: int, observed: ArrayLike) -> tuple[Floats, Floats]:
    """Return the chances that `draws` of the values, without replacement, add up to at least, and at most, `observed`.

    Values (n,) are whole numbers of 0 or more, `observed` (k,) too. Exact but for rounding: the distinct values are
    taken in turn, each as often as a hypergeometric number says, given the draws still open.
    """
    values, observed = np.asarray(values, np.int64), np.asarray(observed, np.int64)
    distinct, number = np.unique(values, return_counts=True)
    top = int(observed.max(initial=0)) + 1
    # chance[r, t]: r draws still open and the sum is t; the last column holds all larger sums.
    chance = np.zeros((draws + 1, top + 1))
    chance[draws, 0] = 1.0
    left = len(values)
    for value, many in zip(distinct.tolist(), number.tolist(), strict=True):
        taken = np.zeros_like(chance)
        most = min(draws, many)
        open_, take = np.arange(draws + 1)[:, None], np.arange(most + 1)[None, :]
        share = hypergeom.pmf(take, left, many, np.minimum(open_, left))
        for n in range(most + 1):
            shift = min(n * value, top)
            moved = chance[n:] * share[n:, n][:, None]
            taken[: draws + 1 - n, shift:] += moved[:, : top + 1 - shift]
            if shift:
                taken[: draws + 1 - n, top] += moved[:, top + 1 - shift :].sum(axis=1)
        chance = taken
        left -= many
    exactly = chance[0]
    at_least = np.cumsum(exactly[::-1])[::-1]
    at_most = np.cumsum(exactly)
    return np.minimum(at_least[observed], 1.0), np.minimum(at_most[observed], 1.0)


def _whole_counts(xy: ArrayLike, grid: SurfaceGrid, rate: float) -> tuple[Ints, int]:
    if not 0 < rate < 1:
        raise InputError(f"rate is {rate!r}: the false discovery rate lies between 0 and 1, e.g. rate=0.05.")
    points = xy_array(xy)
    counts = cell_counts(points, grid).astype(np.int64)
    return counts, len(points) - int(counts.sum())


def _shifted(values: Ints, row: int, column: int) -> Ints:
    """Return, for each cell, the value of the cell so many rows north and columns east; 0 beside the grid."""
    padded = np.pad(values, 1)
    rows, columns = values.shape
    found: Ints = padded[1 + row : 1 + row + rows, 1 + column : 1 + column + columns]
    return found


def _neighbourhoods(counts: Ints, grid: SurfaceGrid) -> tuple[Ints, Ints]:
    """Return (cells,) incidents in the counted cells that touch each counted cell, and how many those are."""
    inside = grid.inside.astype(np.int64)
    around = sum((_shifted(counts, *step) for step in _NEXT), np.zeros_like(counts))
    touching = sum((_shifted(inside, *step) for step in _NEXT), np.zeros_like(inside))
    return around[grid.inside], touching[grid.inside]


def _weights(grid: SurfaceGrid, *, own: bool) -> object:
    """Return libpysal's weights of the counted cells, in their order, with each among its `own` neighbours or not."""
    with no_folder_at_home():
        from libpysal.weights import W

    number = np.full(grid.inside.shape, -1, np.int64)
    number[grid.inside] = np.arange(int(grid.inside.sum()))
    # One more, so that 0 is what lies beside the grid.
    steps = (*_NEXT, (0, 0)) if own else _NEXT
    near = np.stack([_shifted(number + 1, *step) for step in steps])[:, grid.inside] - 1
    neighbours = {cell: row[row >= 0].tolist() for cell, row in enumerate(near.T)}
    return W(neighbours, silence_warnings=True)


def _discovered(chances: Floats, rate: float) -> Bools:
    """Return which chances stand out at a false discovery rate (Benjamini and Hochberg)."""
    with no_folder_at_home():
        from esda import fdr

    # A chance of 1 is what is not asked: it counts among the tests.
    found: Bools = chances < fdr(chances, rate)
    return found


def _on_grid(
    method: str,
    grid: SurfaceGrid,
    counts: Ints,
    statistic: Floats,
    high: Floats,
    low: Floats,
    hot: Bools,
    cold: Bools,
    rate: float,
    left_out: int,
) -> HotSpots:
    def spread(values: NDArray[np.generic], empty: float) -> NDArray[np.generic]:
        out = np.full(grid.inside.shape, empty, values.dtype)
        out[grid.inside] = values
        return out

    return HotSpots(
        method,
        grid,
        counts,
        spread(statistic, np.nan).astype(np.float64),
        spread(high, np.nan).astype(np.float64),
        spread(low, np.nan).astype(np.float64),
        spread(hot, False).astype(np.bool_),
        spread(cold, False).astype(np.bool_),
        rate,
        int(counts.sum()),
        left_out,
    )
