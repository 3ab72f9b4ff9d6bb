"""A city taken apart: rectangles of tiles with about as many buildings each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
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


def plan_parts(
    boxes: NDArray[np.float64],
    counted: list[tuple[int, int]],
    grid: Grid,
    most: int = BUILDINGS_PER_PART,
    others: NDArray[np.float64] | None = None,
) -> list[PartBox]:
    """Return parts that hold every counted tile and all that `boxes` and `others` meet, each once.

    Parameters
    ----------
    boxes
        Bounds of the buildings (n, 4) [m].
    counted
        Tiles with counted ground.
    grid
        Of the tiles.
    most
        Buildings of a part, by their middles; a single tile is not divided.
    others
        Bounds of what else lies in parts (m, 4) [m], which they are not divided by.

    """
    middle = np.column_stack([boxes[:, 1] + boxes[:, 3], boxes[:, 0] + boxes[:, 2]]) / 2.0
    tile = np.floor(middle / grid.tile_m).astype(np.int64).reshape(-1, 2)
    # A door stands just outside its wall: what a building meets is a metre more than its bounds.
    # What is empty has no bounds, and lies nowhere.
    every = boxes if others is None else np.concatenate([boxes, others[np.isfinite(others).all(axis=1)]])
    low = np.floor((every[:, [1, 0]] - 1.0) / grid.tile_m).astype(np.int32).reshape(-1, 2)
    high = np.floor((every[:, [3, 2]] + 1.0) / grid.tile_m).astype(np.int32).reshape(-1, 2)
    asked = np.array(sorted(counted), np.int64).reshape(-1, 2)
    ends = [item for item in (low.astype(np.int64), high.astype(np.int64), asked) if len(item)]
    if not ends:
        return []
    first = np.min([item.min(axis=0) for item in ends], axis=0)
    last = np.max([item.max(axis=0) for item in ends], axis=0) + 1
    parts: list[PartBox] = []
    waiting = [(first, last, np.arange(len(boxes)), np.arange(len(asked)))]
    while waiting:
        first, last, own, of = waiting.pop()
        size = last - first
        if len(own) > most and (size > 1).any():
            axis = int(np.argmax(size))
            cut = int(np.clip(np.median(tile[own, axis]), first[axis] + 1, last[axis] - 1))
            one, two = last.copy(), first.copy()
            one[axis] = two[axis] = cut
            left, asked_left = tile[own, axis] < cut, asked[of, axis] < cut
            waiting += [(two, last, own[~left], of[~asked_left]), (first, one, own[left], of[asked_left])]
            continue
        meets = len(own) or len(of) or ((high >= first) & (low < last)).all(axis=1).any()
        if meets:
            tiles = tuple((int(row), int(column)) for row, column in asked[of])
            parts.append(PartBox(int(first[0]), int(last[0]), int(first[1]), int(last[1]), tiles))
    return parts
