"""The absolute grid and its tiles."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from doorview.errors import InputError

__all__ = ["Grid", "TileIndex"]


@dataclass(frozen=True)
class Grid:
    """Square cells whose lines are whole multiples of `cell_m` in the projected CRS; tiles of `tile` x `tile` cells.

    A point lies in column floor(x / cell_m) and row floor(y / cell_m); rows grow northward.
    """

    cell_m: float = 0.5
    tile: int = 1024

    def __post_init__(self) -> None:
        """Check the settings."""
        if not (math.isfinite(self.cell_m) and 0.05 <= self.cell_m <= 10):
            raise InputError(f"cell_m is {self.cell_m!r}: the cell must be 0.05 to 10 metres wide, e.g. cell_m=0.5.")
        if self.tile < 64 or self.tile % 64:
            raise InputError(f"tile is {self.tile!r}: a tile must be a multiple of 64 cells wide, e.g. tile=1024.")

    @property
    def tile_m(self) -> float:
        """Side of a tile [m]."""
        return self.cell_m * self.tile

    def window(self, tile: tuple[int, int]) -> NDArray[np.int64]:
        """Return row0, rows, col0, columns of the tile (tile row, tile column)."""
        return np.array([tile[0] * self.tile, self.tile, tile[1] * self.tile, self.tile], np.int64)


class TileIndex:
    """Which of many boxes meet each tile.

    Built from bounds (n, 4) x_min y_min x_max y_max [m]; rows with NaN (empty geometry) meet no tile.
    """

    def __init__(self, bounds: NDArray[np.float64], grid: Grid, reach_m: float = 0.0) -> None:
        bounds = np.asarray(bounds, dtype=np.float64).reshape(-1, 4)
        item = np.flatnonzero(np.isfinite(bounds).all(axis=1))
        low = np.floor((bounds[item, :2] - reach_m) / grid.tile_m).astype(np.int64)
        high = np.floor((bounds[item, 2:] + reach_m) / grid.tile_m).astype(np.int64)
        wide, tall = high[:, 0] - low[:, 0] + 1, high[:, 1] - low[:, 1] + 1
        repeats = wide * tall
        which = np.repeat(np.arange(len(item)), repeats)
        nth = np.arange(len(which)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        row = low[which, 1] + nth // wide[which]
        column = low[which, 0] + nth % wide[which]
        order = np.lexsort((item[which], column, row))
        self._items = item[which][order].astype(np.int64)
        tiles = np.column_stack([row[order], column[order]])
        if len(tiles):
            new = np.concatenate([[True], (np.diff(tiles, axis=0) != 0).any(axis=1)])
            starts = np.flatnonzero(new)
        else:
            starts = np.zeros(0, np.int64)
        ends = np.append(starts[1:], len(tiles))[: len(starts)]
        self._range = {
            (int(tiles[s, 0]), int(tiles[s, 1])): (int(s), int(e)) for s, e in zip(starts, ends, strict=True)
        }

    def __getitem__(self, tile: tuple[int, int]) -> NDArray[np.int64]:
        """Return the items that meet the tile, ascending."""
        start, end = self._range.get(tile, (0, 0))
        return self._items[start:end]

    def tiles(self) -> set[tuple[int, int]]:
        """Return all tiles that something meets."""
        return set(self._range)

    def picked(self, tiles: Iterable[tuple[int, int]], items: NDArray[np.int64]) -> TileIndex:
        """Return the index of some tiles; `items`, ascending, all that meet them, are numbered from 0 in it."""
        parts, ranges, begin = [np.zeros(0, np.int64)], {}, 0
        for tile in tiles:
            found = self[tile]
            if len(found):
                ranges[tile] = (begin, begin + len(found))
                parts.append(np.searchsorted(items, found).astype(np.int64))
                begin += len(found)
        return TileIndex.of_lists(np.concatenate(parts), ranges)

    @classmethod
    def of_lists(cls, items: NDArray[np.int64], ranges: dict[tuple[int, int], tuple[int, int]]) -> TileIndex:
        """Return an index in which `items[a:b]` meet the tile that `ranges` gives a, b for."""
        made = cls.__new__(cls)
        made._items, made._range = items, ranges  # noqa: SLF001 - its own kind
        return made

    def lists(self) -> dict[tuple[int, int], NDArray[np.int64]]:
        """Return the items that meet each tile."""
        return {tile: self._items[start:end] for tile, (start, end) in self._range.items()}
