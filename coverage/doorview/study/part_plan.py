"""A city taken apart: rectangles of tiles with about as many buildings each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.share.grid import Grid

__all__ = ["BUILDINGS_PER_PART", "PartBox", "plan_parts"]

BUILDINGS_PER_PART = 30_000
"""What a part holds at most, unless a single tile holds more: memory follows it, and the work done twice around parts
grows as it shrinks."""


class PartBox(NamedTuple):
    """Tiles of rows row0 to row1 - 1 and columns col0 to col1 - 1; `counted` of them hold counted ground."""

    row0: int
    row1: int
    col0: int
    col1: int
    counted: tuple[tuple[int, int], ...]

    def box(self, grid: Grid, beyond_m: float = 0.0) -> tuple[float, float, float, float]:
        """Return west, south, east and north [m], `beyond_m` farther out."""
        side = grid.tile_m
        return (
            self.col0 * side - beyond_m, self.row0 * side - beyond_m,
            self.col1 * side + beyond_m, self.row1 * side + beyond_m,
        )  # fmt: skip

    def holds(self, xy: NDArray[np.float64], grid: Grid) -> NDArray[np.bool_]:
        """Return which points (n, 2) lie in it: every point lies in one part of a plan, or in none."""
        at = np.floor(xy / grid.tile_m)
        inside = (at[:, 0] >= self.col0) & (at[:, 0] < self.col1)
        found: NDArray[np.bool_] = inside & (at[:, 1] >= self.row0) & (at[:, 1] < self.row1)
        return found


class _Load(NamedTuple):
    """What lies where, by tile: `tile` (k, 2) holds the middles of `weight` (k,) objects.

    `low` and `high` (m, 2) are the tiles at the corners of bounds, each pair once: a city has far more objects than
    tiles.
    """

    tile: NDArray[np.int64]
    weight: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]


def _load(chunks: Iterable[NDArray[np.float64]], grid: Grid) -> _Load:
    """Return bounds (n, 4) [m], some at a time, as what lies in which tile; what is empty has none and lies nowhere."""
    tiles: list[NDArray[np.int64]] = []
    weights: list[NDArray[np.int64]] = []
    corner = pd.DataFrame(np.zeros((0, 4), np.int64))
    for chunk in chunks:
        boxes = chunk[np.isfinite(chunk).all(axis=1)]
        row, column = (
            np.floor((boxes[:, at] + boxes[:, at + 2]) / 2.0 / grid.tile_m).astype(np.int64) for at in (1, 0)
        )
        tile, weight = np.unique((row << 32) + column, return_counts=True)
        # A door stands just outside its wall: what a building meets is a metre more than its bounds.
        beyond = np.column_stack([boxes[:, [1, 0]] - 1.0, boxes[:, [3, 2]] + 1.0])
        tiles.append(tile)
        weights.append(weight)
        own = pd.DataFrame(np.floor(beyond / grid.tile_m).astype(np.int64)).drop_duplicates()
        corner = pd.concat([corner, own]).drop_duplicates()
    nothing = np.zeros(0, np.int64)
    tile, of = np.unique(np.concatenate([nothing, *tiles]), return_inverse=True)
    weight = np.bincount(of, weights=np.concatenate([nothing, *weights]), minlength=len(tile)).astype(np.int64)
    row = (tile + (1 << 31)) >> 32
    at, corners = np.column_stack([row, tile - (row << 32)]), corner.to_numpy()
    return _Load(at, weight, corners[:, :2], corners[:, 2:])


def _median(values: NDArray[np.int64], weight: NDArray[np.int64]) -> int:
    """Return the median of values that count so many times, rounded toward 0."""
    order = np.argsort(values, kind="stable")
    upto = np.cumsum(weight[order])
    total = int(upto[-1])
    low, high = np.searchsorted(upto, [(total - 1) // 2 + 1, total // 2 + 1])
    return int((values[order[low]] + values[order[high]]) / 2.0)


def plan_parts(
    boxes: Iterable[NDArray[np.float64]],
    counted: list[tuple[int, int]],
    grid: Grid,
    most: int = BUILDINGS_PER_PART,
    others: Iterable[NDArray[np.float64]] = (),
) -> list[PartBox]:
    """Return parts that hold every counted tile and all that `boxes` and `others` meet, each once.

    Parameters
    ----------
    boxes
        Bounds of the buildings (n, 4) [m], some at a time.
    counted
        Tiles with counted ground.
    grid
        Of the tiles.
    most
        Buildings of a part, by their middles; a single tile is not divided.
    others
        Bounds of what else lies in parts, likewise, which they are not divided by.

    """
    load, more = _load(boxes, grid), _load(others, grid)
    low, high = np.concatenate([load.low, more.low]), np.concatenate([load.high, more.high])
    asked = np.array(sorted(counted), np.int64).reshape(-1, 2)
    every = np.concatenate([low, high, asked])
    if not len(every):
        return []
    first, last = every.min(axis=0), every.max(axis=0) + 1
    parts: list[PartBox] = []
    waiting = [(first, last, np.arange(len(load.tile)), np.arange(len(asked)), np.arange(len(low)))]
    while waiting:
        first, last, own, of, near = waiting.pop()
        size = last - first
        near = near[((high[near] >= first) & (low[near] < last)).all(axis=1)]
        if load.weight[own].sum() > most and (size > 1).any():
            axis = int(np.argmax(size))
            tile = load.tile[own, axis]
            cut = int(np.clip(_median(tile, load.weight[own]), first[axis] + 1, last[axis] - 1))
            one, two = last.copy(), first.copy()
            one[axis] = two[axis] = cut
            left, asked_left = tile < cut, asked[of, axis] < cut
            waiting += [(two, last, own[~left], of[~asked_left], near), (first, one, own[left], of[asked_left], near)]
            continue
        if len(own) or len(of) or len(near):
            tiles = tuple((int(row), int(column)) for row, column in asked[of])
            parts.append(PartBox(int(first[0]), int(last[0]), int(first[1]), int(last[1]), tiles))
    return parts
