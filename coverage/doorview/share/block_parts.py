"""Cutting what a block of tiles reads out of a scene's arrays, so that kernels read it as they read the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from doorview.share.grid import TileIndex
from doorview.share.scene import Edges
from doorview.sight.kernels.terrain import BLOCK, Heights
from doorview.sight.kernels.types import Squares
from doorview.sight.levels import Level

__all__ = [
    "HeightsPart",
    "crossing_edges",
    "heights_within",
    "merged",
    "numbered",
    "picked_edges",
    "ragged",
    "renumbered",
    "spread_heights",
    "squares_within",
    "stripped_level",
]

Box = tuple[float, float, float, float]


def numbered(index: TileIndex, tiles: tuple[tuple[int, int], ...]) -> NDArray[np.int64]:
    """Return the items that meet any of some tiles, each once, ascending."""
    return merged(*(index[tile] for tile in tiles))


def merged(*parts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of some ascending arrays, each once, ascending."""
    every = np.concatenate([np.zeros(0, np.int64), *parts])
    every.sort(kind="stable")  # runs in order already: quicker than hashing, as `numpy.unique` does
    if len(every):
        every = every[np.concatenate([[True], every[1:] != every[:-1]])]
    return every


def renumbered(
    count: int, parts: Sequence[NDArray[np.int32]]
) -> tuple[NDArray[np.int64], tuple[NDArray[np.int32], ...]]:
    """Return which of `count` numbers occur in some arrays, and 0, ascending, and the arrays in places of those."""
    met = np.zeros(count, np.bool_)
    met[:1] = True
    for part in parts:
        met[part] = True
    numbers = np.flatnonzero(met)
    place = np.empty(count, np.int32)
    place[numbers] = np.arange(len(numbers), dtype=np.int32)
    return numbers, tuple(place[part] for part in parts)


def ragged(start: NDArray[np.int64], items: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the parts of some items begin when laid end to end, and the places they are taken from."""
    size = start[items + 1] - start[items]
    new = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    return new, np.repeat(start[items] - new[:-1], size) + np.arange(new[-1])


def crossing_edges(edges: NDArray[np.float64], south: float, north: float) -> NDArray[np.bool_]:
    """Return which edges (m, 4) may cross a row of cells between two heights [m]: painting reads no others."""
    low, high = np.minimum(edges[:, 1], edges[:, 3]), np.maximum(edges[:, 1], edges[:, 3])
    found: NDArray[np.bool_] = (high >= south) & (low <= north)
    return found


def picked_edges(edges: Edges, items: NDArray[np.int64], south: float, north: float) -> Edges:
    """Return some polygons, with the edges alone that may cross a row of cells between two heights [m]."""
    start, at = ragged(edges.start, items)
    taken = edges.edges[at]
    keep = crossing_edges(taken, south, north)
    before = np.concatenate([[0], np.cumsum(keep)]).astype(np.int64)
    return Edges(before[start], np.ascontiguousarray(taken[keep]), np.zeros((0, 4)))


def squares_within(squares: Squares, box: Box) -> tuple[Squares, NDArray[np.int64]]:
    """Return the squares of an index of walls that meet a box west, south, east, north [m], and the items they hold.

    Squares keep their places and items their order, so that a camera whose field lies in the box reads the same walls
    in the same order.
    """
    cell, none = squares.cell, np.zeros(0, np.int64)
    west, south, east, north = box
    if squares.ni == 0 or west > east:
        return _no_squares(cell), none
    i_low = max(math.floor(west / cell) - squares.i0, 0)
    i_high = min(math.floor(east / cell) - squares.i0, squares.ni - 1)
    j_low = max(math.floor(south / cell) - squares.j0, 0)
    j_high = min(math.floor(north / cell) - squares.j0, squares.nj - 1)
    if i_low > i_high or j_low > j_high:
        return _no_squares(cell), none
    row = np.arange(j_low, j_high + 1)[:, None] * squares.ni
    first = squares.start[(row + i_low).ravel()]
    last = squares.start[(row + i_high + 1).ravel()]
    size = last - first
    before = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    if before[-1] == 0:
        return _no_squares(cell), none
    item = np.repeat(first - before[:-1], size) + np.arange(before[-1])
    wide = i_high - i_low + 1
    start = np.empty((j_high - j_low + 1) * wide + 1, np.int64)
    start[:-1] = (squares.start[row + np.arange(i_low, i_high + 1)] - (first - before[:-1])[:, None]).ravel()
    start[-1] = before[-1]
    low = squares.low[item] - np.array([i_low, i_low, j_low], np.int32)
    part = Squares(
        squares.xy[item], squares.scale[item], low, cell, squares.i0 + i_low, squares.j0 + j_low, wide,
        j_high - j_low + 1, start,
    )  # fmt: skip
    return part, item


def _no_squares(cell: float) -> Squares:
    return Squares(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 3), np.int32), cell, 0, 0, 0, 0, np.zeros(1, np.int64))


def stripped_level(item: Level) -> Level:
    """Return a level with its measures alone: its words change nothing that is seen."""
    return replace(item, plain="", edition="", marks=(), night=False)


@dataclass(frozen=True)
class HeightsPart:
    """A window of `Heights`: samples from (`row`, `column`) on of `shape`, with the peaks of their blocks.

    The origin stays that of the whole raster, because a window with an origin of its own would round differently.
    """

    z: NDArray[np.float32]
    row: int
    column: int
    shape: tuple[int, int]
    x0: float
    y0: float
    step: float
    peak: NDArray[np.float32]
    peak_shape: tuple[int, int]


def heights_within(heights: Heights | HeightsPart, box: Box) -> HeightsPart:
    """Return the part of a raster that lines of sight inside a box [m] may read, in whole blocks."""
    if isinstance(heights, HeightsPart):
        return heights
    rows, columns = heights.z.shape
    west, south, east, north = box

    def span(low: float, high: float, origin: float, size: int) -> tuple[int, int]:
        first = math.floor((low - origin) / heights.step) - 2
        last = math.ceil((high - origin) / heights.step) + 3
        first, last = max(first // BLOCK, 0), max(min(-(-last // BLOCK), -(-(size - 1) // BLOCK)), 0)
        return min(first, last), last

    (a, b), (c, d) = span(west, east, heights.x0, columns), span(south, north, heights.y0, rows)
    z = heights.z[c * BLOCK : min(d * BLOCK + 1, rows), a * BLOCK : min(b * BLOCK + 1, columns)]
    peak_rows, peak_columns = heights.peak.shape
    return HeightsPart(
        np.ascontiguousarray(z), c * BLOCK, a * BLOCK, (rows, columns), heights.x0, heights.y0, heights.step,
        np.ascontiguousarray(heights.peak[c:d, a:b]), (peak_rows, peak_columns),
    )  # fmt: skip


def spread_heights(part: Heights | HeightsPart) -> Heights:
    """Return a window at its place in a blank raster of the whole size; pages that nothing touches take no memory."""
    if isinstance(part, Heights):
        return part
    z, peak = np.zeros(part.shape, np.float32), np.zeros(part.peak_shape, np.float32)
    z[part.row : part.row + part.z.shape[0], part.column : part.column + part.z.shape[1]] = part.z
    row, column = part.row // BLOCK, part.column // BLOCK
    peak[row : row + part.peak.shape[0], column : column + part.peak.shape[1]] = part.peak
    return Heights(z, part.x0, part.y0, part.step, peak)
