"""Viewsheds per second against the hand-written shapely way, on 400 cameras with exact areas known.

155 degrees, 30 m, one thread; medians of alternating rounds within one process. Both sides hold their index of walls; a
second row counts the making of the index too. The areas are held against the exact ones.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from figure import Figure, MissingDataError, data_file, table
from shapely_viewsheds import array_viewshed_areas, plain_viewshed_areas, wall_tree

from doorview.sight.arrays import index_walls, visible_areas

RANGE_M, FIELD = 30.0, 155.0
ROUNDS = 7
MANY = 25
"""Times that the fast side repeats the cameras in a round, so that the clock resolves it."""


def seconds(work: Callable[[], object]) -> float:
    """Return how long one call takes [s]."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def run() -> list[Figure]:
    """Measure; see the module."""
    with np.load(data_file("reference", "monaco_cgal.npz")) as file:
        cameras, walls, exact = file["cameras"], file["walls"], file["area_sector_155"]
    xy, heading = np.ascontiguousarray(cameras[:, :2]), 90.0 - np.degrees(cameras[:, 2])
    count = len(xy)
    many_xy, many_heading = np.tile(xy, (MANY, 1)), np.tile(heading, MANY)
    index, tree = index_walls(walls), wall_tree(walls)
    areas = visible_areas(xy, heading, index, None, RANGE_M, FIELD)
    ways: dict[str, tuple[int, Callable[[], object]]] = {
        "fast": (count * MANY, lambda: visible_areas(many_xy, many_heading, index, None, RANGE_M, FIELD)),
        "fast with index": (count, lambda: visible_areas(xy, heading, walls, None, RANGE_M, FIELD)),
        "plain": (count, lambda: plain_viewshed_areas(xy, heading, walls, RANGE_M, FIELD, tree=tree)),
        "plain with tree": (count, lambda: plain_viewshed_areas(xy, heading, walls, RANGE_M, FIELD)),
        "plain, coarse arc": (count, lambda: plain_viewshed_areas(xy, heading, walls, RANGE_M, FIELD, 16, tree)),
        "plain, by arrays": (count, lambda: array_viewshed_areas(xy, heading, walls, RANGE_M, FIELD, quad_segs=256)),
    }
    for _, work in ways.values():
        work()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (_, work) in ways.items():
            taken[name].append(seconds(work))
    rate = {name: number / statistics.median(taken[name]) for name, (number, _) in ways.items()}
    plain_error = np.abs(plain_viewshed_areas(xy, heading, walls, RANGE_M, FIELD, tree=tree) / exact - 1).max()
    error = float(np.abs(areas / exact - 1).max())

    def against(case: str, fast: str, plain: str, target: float | None = None) -> Figure:
        ratio = rate[fast] / rate[plain]
        met = None if target is None else ratio >= target
        goal = "" if target is None else f">= {target:.0f}"
        return Figure(case, f"{rate[fast]:,.0f}/s", f"{rate[plain]:,.0f}/s", f"{ratio:.0f}", goal, met)

    return [
        against("viewsheds, by hand in shapely", "fast", "plain", 100.0),
        against("  both with their wall index made", "fast with index", "plain with tree"),
        against("  shapely with 16 chords a quarter", "fast", "plain, coarse arc"),
        against("  shapely by arrays, with its tree", "fast with index", "plain, by arrays"),
        Figure(
            "viewshed areas, worst relative error", f"{error:.1e}", f"{plain_error:.1e}", "", "<= 1e-9", error <= 1e-9
        ),
    ]


if __name__ == "__main__":
    try:
        print(table(run()))
    except MissingDataError as missing:
        print(f"skipped: {missing}")
