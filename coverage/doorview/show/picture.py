"""A raster of doors per cell, reduced to the pixels of a picture."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import rasterio

from doorview.show.rasters import filled_blocks, probability_of

__all__ = ["Bounds", "CountImage", "ProbabilityImage", "count_image", "densest_window", "probability_image"]

Bounds = tuple[float, float, float, float]
"""West, south, east, north [m]."""


class ProbabilityImage(NamedTuple):
    """Mean probability of being in view per pixel, shape (rows, cols), row 0 northmost, and where it lies."""

    values: npt.NDArray[np.float32]
    bounds: Bounds


class CountImage(NamedTuple):
    """Largest count within each pixel, shape (rows, cols), row 0 northmost, and where it lies."""

    values: npt.NDArray[np.uint16]
    bounds: Bounds


def count_image(raster: str | os.PathLike[str], bounds: Bounds, metres_per_pixel: float) -> CountImage:
    """Return the largest count of the cells in each pixel, for a window of a raster of counts.

    A pixel is a whole number of cells wide, the smallest that is not narrower than `metres_per_pixel`. Cells outside
    the raster count as 0. Blocks that are not stored are not read.
    """
    with rasterio.open(raster) as source:
        cell = float(source.transform.a)
        factor = max(1, int(np.ceil(metres_per_pixel / cell - 1e-9)))
        size = factor * cell
        west, north = source.bounds.left, source.bounds.top
        left, right = int((bounds[0] - west) // size), int(-((west - bounds[2]) // size))
        top, bottom = int((north - bounds[3]) // size), int(-((bounds[1] - north) // size))
        values = np.zeros((max(bottom - top, 1), max(right - left, 1)), dtype=np.uint16)
        blocks = filled_blocks(
            source, left=left * factor, top=top * factor, right=right * factor, bottom=bottom * factor
        )
        for window, cells in blocks:
            row, col = np.nonzero(cells)
            count = cells[row, col].astype(np.uint16)
            row = (row + int(window.row_off)) // factor - top
            col = (col + int(window.col_off)) // factor - left
            inside = (row >= 0) & (row < values.shape[0]) & (col >= 0) & (col < values.shape[1])
            np.maximum.at(values, (row[inside], col[inside]), count[inside])
    place = (west + left * size, north - bottom * size, west + right * size, north - top * size)
    return CountImage(values, place)


def probability_image(
    seen_by: str | os.PathLike[str], rate: float, bounds: Bounds, metres_per_pixel: float
) -> ProbabilityImage:
    """Return the mean over cells of 1 - (1 - rate)^k, k the doors that see a cell, for a window of a raster.

    A pixel is 1, 2, 4 ... cells wide, the largest that is not wider than `metres_per_pixel`. Cells outside the raster
    count as seen by nobody. Blocks that are not stored are not read.
    """
    with rasterio.open(seen_by) as source:
        cell = float(source.transform.a)
        block = int(source.block_shapes[0][0])
        factor = 1
        while 2 * factor * cell <= metres_per_pixel and 2 * factor <= block:
            factor *= 2
        size = factor * cell
        west, north = source.bounds.left, source.bounds.top
        left, right = int((bounds[0] - west) // size), int(-((west - bounds[2]) // size))
        top, bottom = int((north - bounds[3]) // size), int(-((bounds[1] - north) // size))
        values = np.zeros((max(bottom - top, 1), max(right - left, 1)), dtype=np.float64)
        blocks = filled_blocks(
            source, left=left * factor, top=top * factor, right=right * factor, bottom=bottom * factor
        )
        for window, cells in blocks:
            _add_block(values, window, cells, rate, factor, (left, top))
    values /= factor * factor
    place = (west + left * size, north - bottom * size, west + right * size, north - top * size)
    return ProbabilityImage(values.astype(np.float32), place)


def _add_block(
    values: npt.NDArray[np.float64],
    window: Any,
    cells: npt.NDArray[Any],
    rate: float,
    factor: int,
    corner: tuple[int, int],
) -> None:
    """Add the probabilities of one block to the pixels that it covers; work goes with the cells that are seen."""
    seen = np.flatnonzero(cells)
    if seen.size == 0:
        return
    doors = cells.ravel()[seen]
    table = probability_of(rate, int(doors.max()))
    probability = table[doors]
    row, col = np.divmod(seen.astype(np.int32), np.int32(cells.shape[1]))
    row += int(window.row_off) - corner[1] * factor
    col += int(window.col_off) - corner[0] * factor
    row //= factor
    col //= factor
    if row[0] < 0 or row[-1] >= values.shape[0] or col.min() < 0 or col.max() >= values.shape[1]:
        inside = (row >= 0) & (row < values.shape[0]) & (col >= 0) & (col < values.shape[1])
        if not inside.any():
            return
        row, col, probability = row[inside], col[inside], probability[inside]
    first_row, first_col = int(row[0]), int(col.min())
    height, width = int(row[-1]) - first_row + 1, int(col.max()) - first_col + 1
    flat = np.bincount((row - first_row) * width + col - first_col, weights=probability, minlength=height * width)
    values[first_row : first_row + height, first_col : first_col + width] += flat.reshape(height, width)


def densest_window(xy: npt.NDArray[np.float64], width_m: float, height_m: float) -> Bounds:
    """Return the window of a size [m] that holds most points, to a fifth of its height; of equals the south-westmost.

    Parameters
    ----------
    xy
        Shape (n, 2), n >= 1, metres.
    """
    if len(xy) == 0:
        raise ValueError("no points: there is no densest place.")
    step = height_m / 5
    cols, rows = max(int(np.ceil(width_m / step)), 1), 5
    square = np.floor((xy - xy.min(axis=0)) / step).astype(np.int64)
    # Empty ground wider than a window is left out, so that stray points far away cost no memory.
    col_of, row_of = _without_gaps(square[:, 0], cols), _without_gaps(square[:, 1], rows)
    grid = np.zeros((int(row_of.max()) + 1 + rows, int(col_of.max()) + 1 + cols), dtype=np.int64)
    np.add.at(grid, (row_of, col_of), 1)
    total = np.zeros((grid.shape[0] + 1, grid.shape[1] + 1), dtype=np.int64)
    total[1:, 1:] = grid.cumsum(axis=0).cumsum(axis=1)
    held = total[rows:, cols:] - total[:-rows, cols:] - total[rows:, :-cols] + total[:-rows, :-cols]
    row, col = np.unravel_index(int(held.argmax()), held.shape)
    inside = (col_of >= col) & (col_of < col + cols) & (row_of >= row) & (row_of < row + rows)
    centre = xy[inside].mean(axis=0)
    return (
        float(centre[0] - width_m / 2),
        float(centre[1] - height_m / 2),
        float(centre[0] + width_m / 2),
        float(centre[1] + height_m / 2),
    )


def _without_gaps(place: npt.NDArray[np.int64], gap: int) -> npt.NDArray[np.int64]:
    """Return whole numbers in the same order from 0 on, with the same steps but none above `gap`."""
    values, index = np.unique(place, return_inverse=True)
    closed = np.concatenate([[0], np.minimum(np.diff(values), gap).cumsum()]).astype(np.int64)
    packed: npt.NDArray[np.int64] = closed[index]
    return packed
