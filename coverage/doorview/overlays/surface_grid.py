"""The raster on which incidents are counted and smoothed, and the counts themselves: the plainest map of all."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from doorview.errors import InputError

__all__ = ["MOST_CELLS", "NIJ_CELL_M", "SurfaceGrid", "cell_counts", "surface_grid", "xy_array"]

NIJ_CELL_M = (76.2, 182.88)
"""Smallest and largest side of a square cell in the NIJ crime forecasting challenge of 2017 [m]: 62,500 and 360,000
square feet, https://www.nij.gov/funding/Pages/fy16-crime-forecasting-challenge-faqs.aspx ."""
MOST_CELLS = 100_000_000
"""More than this is a wrong unit, not a wish: 800 MB for one surface."""


@dataclass(frozen=True, eq=False)
class SurfaceGrid:
    """Square cells whose lines are whole multiples of `cell_m` in the projected CRS; row 0 is southmost.

    Attributes
    ----------
    x0, y0
        South-west corner [m], whole multiples of `cell_m`.
    cell_m
        Side of a cell [m].
    columns, rows
        Size.
    inside
        (rows, columns) bool: cells that count, those whose centre lies in the counted area.

    """

    x0: float
    y0: float
    cell_m: float
    columns: int
    rows: int
    inside: NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Check the fields against each other."""
        if not (math.isfinite(self.cell_m) and self.cell_m > 0):
            raise InputError(f"cell_m is {self.cell_m!r}: a cell is more than 0 metres wide, e.g. cell_m=150.")
        for name, value in (("x0", self.x0), ("y0", self.y0)):
            if not abs(value / self.cell_m - round(value / self.cell_m)) < 1e-6:
                raise InputError(
                    f"{name} is {value!r}, no whole multiple of the cell of {self.cell_m} m: grids of one cell size "
                    "must lie on each other. surface_grid(area, cell_m) makes such a grid."
                )
        if self.inside.shape != (self.rows, self.columns) or self.inside.dtype != np.bool_:
            raise InputError(
                f"inside is {self.inside.dtype} {self.inside.shape}: it must be bool ({self.rows}, {self.columns})."
            )

    @property
    def cell_km2(self) -> float:
        """Area of a cell [km2]."""
        return self.cell_m**2 / 1e6

    @property
    def area_km2(self) -> float:
        """Area of the cells that count [km2]."""
        return int(self.inside.sum()) * self.cell_km2

    def cell_of(self, xy: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return row and column of each point (n, 2) [m]; both are -1 where it lies beside the grid.

        A point on a line belongs to the cell north or east of it. Whether the cell counts, `inside` says.
        """
        first = np.array([round(self.x0 / self.cell_m), round(self.y0 / self.cell_m)], np.int64)
        found = np.floor(xy_array(xy) / self.cell_m).astype(np.int64) - first
        column, row = found[:, 0], found[:, 1]
        beside = (column < 0) | (column >= self.columns) | (row < 0) | (row >= self.rows)
        return np.where(beside, -1, row), np.where(beside, -1, column)

    def counted(self, xy: ArrayLike) -> NDArray[np.bool_]:
        """Return, for each point (n, 2) [m], whether it lies in a cell that counts."""
        row, column = self.cell_of(xy)
        on = row >= 0
        on[on] = self.inside[row[on], column[on]]
        return on

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x (columns,) and y (rows,) of the cells' centres [m]."""
        x = np.asarray(self.x0 + (np.arange(self.columns) + 0.5) * self.cell_m, np.float64)
        y = np.asarray(self.y0 + (np.arange(self.rows) + 0.5) * self.cell_m, np.float64)
        return x, y


def surface_grid(area: shapely.Geometry, cell_m: float) -> SurfaceGrid:
    """Return the grid over a polygon, in the polygon's projected CRS [m].

    Raises
    ------
    InputError
        If the area is no polygon or empty, the cell is no width, no centre lies inside, or there are too many cells.

    """
    if not (math.isfinite(cell_m) and cell_m > 0):
        raise InputError(f"cell_m is {cell_m!r}: a cell is more than 0 metres wide, e.g. cell_m=150.")
    if area.is_empty or not area.area > 0:
        raise InputError("surface_grid: the counted area is empty or no polygon. Give it city.boundary or city.extent.")
    low = np.floor(np.array(area.bounds[:2]) / cell_m).astype(np.int64)
    high = np.ceil(np.array(area.bounds[2:]) / cell_m).astype(np.int64)
    columns, rows = (int(n) for n in high - low)
    if columns * rows > MOST_CELLS:
        raise InputError(
            f"surface_grid: {columns:,} x {rows:,} cells of {cell_m} m are too many. Give a larger cell_m, and check "
            "that the area is in metres."
        )
    x0, y0 = (float(n * cell_m) for n in low)
    x = x0 + (np.arange(columns) + 0.5) * cell_m
    y = y0 + (np.arange(rows) + 0.5) * cell_m
    shapely.prepare(area)
    inside = np.zeros((rows, columns), np.bool_)
    for row in range(rows):
        inside[row] = shapely.contains_xy(area, x, np.full(columns, y[row]))
    if not inside.any():
        raise InputError(
            f"surface_grid: no centre of a cell of {cell_m} m lies in the counted area of {area.area:.0f} m2: give a "
            "smaller cell_m."
        )
    return SurfaceGrid(x0, y0, float(cell_m), columns, rows, inside)


def cell_counts(xy: ArrayLike, grid: SurfaceGrid, weights: ArrayLike | None = None) -> NDArray[np.float64]:
    """Return (rows, columns): incidents, or sums of weights, of each cell that counts; 0 elsewhere."""
    points = xy_array(xy)
    row, column = grid.cell_of(points)
    on = grid.counted(points)
    weight = np.ones(len(points)) if weights is None else np.asarray(weights, np.float64)
    flat = np.bincount(row[on] * grid.columns + column[on], weights=weight[on], minlength=grid.rows * grid.columns)
    return flat.astype(np.float64).reshape(grid.rows, grid.columns)


def xy_array(xy: ArrayLike, name: str = "xy") -> NDArray[np.float64]:
    """Return points as float64 (n, 2); refuse other shapes and coordinates that are no numbers."""
    points = np.asarray(xy, dtype=np.float64)
    if points.size == 0:
        return np.empty((0, 2))
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(f"{name} has the shape {points.shape}: it must be (n, 2), x and y [m] of each point.")
    wrong = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(wrong):
        raise InputError(
            f"{name}: {len(wrong)} points have no finite coordinates, the first in row {wrong[0]}. Drop those without "
            "a place before, and count them."
        )
    return points
