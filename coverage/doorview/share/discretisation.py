"""What counting by cells does to areas: views counted on the grid against the exact areas of the same views."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from doorview.share.scene import Kit, Scene
from doorview.sight.kernels.areas import areas_of_cameras
from doorview.sight.kernels.window import window_spans
from doorview.sight.levels import Level

__all__ = ["SAMPLE", "GridError", "grid_errors", "pooled_errors", "view_sums"]

SAMPLE = 2000
"""Doors whose views are compared: enough to know the error of one view to a few per cent."""


class GridError(NamedTuple):
    """Error of the grid at one level, over `views` views in the open plane of the obstacles.

    `bias` is (sum of cells - sum of exact areas) / sum of exact areas, `rms_m2` the root mean square error of one
    view's area [m2] and `mean_m2` the mean exact area [m2].
    """

    level: str
    views: int
    bias: float
    rms_m2: float
    mean_m2: float

    def of_share(self, doors_seeing: int, public_m2: float) -> float:
        """Return the standard error of a share at full ownership: errors of single views add as squares."""
        return self.rms_m2 * math.sqrt(doors_seeing) / public_m2 if public_m2 > 0 else math.nan


def grid_errors(scene: Scene, sample: int = SAMPLE) -> list[GridError]:
    """Return the grid's error per level, measured on doors taken evenly from all."""
    return pooled_errors([item.name for item in scene.levels], [view_sums(scene, sample)])


def view_sums(scene: Scene, sample: int = SAMPLE) -> NDArray[np.float64]:
    """Return, by level (levels, 4): views compared, sum of their errors, of the squares of these, of exact areas."""
    chosen = np.unique(np.linspace(0, len(scene.door_xy) - 1, min(sample, len(scene.door_xy))).astype(np.int64))
    sums = np.zeros((len(scene.levels), 4))
    for number in range(len(scene.levels)):
        parts = [
            _areas(scene, kit, kit.levels[number], chosen[scene.door_kit[chosen] == which])
            for which, kit in enumerate(scene.kits)
        ]
        cells, exact = (np.concatenate(part) for part in zip(*parts, strict=True))
        error = cells - exact
        sums[number] = len(exact), error.sum(), (error**2).sum(), exact.sum()
    return sums


def pooled_errors(levels: Sequence[str], sums: Sequence[NDArray[np.float64]]) -> list[GridError]:
    """Return the grid's error per level from the `view_sums` of several scenes."""
    found = []
    for name, (views, error, squares, total) in zip(levels, np.sum(np.stack(sums), axis=0).tolist(), strict=True):
        rms = math.sqrt(squares / views) if views else 0.0
        found.append(GridError(name, int(views), error / total if total else 0.0, rms, total / max(views, 1)))
    return found


def _areas(
    scene: Scene, kit: Kit, level: Level, doors: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the areas [m2] of the views of doors of one kit: by cells, and exact."""
    if not len(doors) or level.range_m <= 0:
        return np.zeros(0), np.zeros(0)
    xy, forward, cell = scene.door_xy[doors], scene.door_forward[doors], scene.grid.cell_m
    ranges, near, field = np.array([level.range_m]), np.array([level.near_m]), math.radians(level.field_of_view_degrees)
    exact = np.empty((len(xy), 1))
    areas_of_cameras(xy, forward, ranges, near, field, kit.walls, exact)
    low = np.floor((xy.min(axis=0) - level.range_m) / cell).astype(np.int64) - 2
    high = np.ceil((xy.max(axis=0) + level.range_m) / cell).astype(np.int64) + 2
    window = np.array([low[1], high[1] - low[1], low[0], high[0] - low[0]], np.int64)
    spans, count = window_spans(
        xy, forward, ranges, near, np.array([field]), np.zeros(1, np.int64), kit.walls, cell, window
    )
    cells = np.bincount(spans[:count, 4], weights=spans[:count, 3] - spans[:count, 2], minlength=len(xy))
    return np.asarray(cells * cell**2, dtype=np.float64), exact[:, 0]
