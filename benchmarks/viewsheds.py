"""Viewsheds per second against the hand-written shapely way and pysovist, on 400 cameras with exact areas known.

155 degrees, 30 m, one thread; medians of alternating rounds within one process, in processor time of the thread, so
that other programs disturb less. Both sides hold their index of walls; a further row counts the making of the index
too. The areas are held against the exact ones. Then all levels in one pass against the farthest level alone, and two
threads against one, beside a plain arithmetic loop on the same two threads.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numba as nb
import numpy as np
import shapely
from figure import Figure, MissingDataError, data_file, table
from numpy.typing import NDArray
from pysovist import Plan, isovist
from shapely_viewsheds import array_viewshed_areas, plain_viewshed_areas, wall_tree

from doorview.sight.arrays import forward_of, index_walls, visible_areas
from doorview.sight.camera import camera
from doorview.sight.kernels.areas import areas_of_cameras
from doorview.sight.kernels.types import WallIndex
from doorview.sight.levels import DEFAULT_LEVELS, level

RANGE_M, FIELD = 30.0, 155.0
ROUNDS = 7
MANY = 25
"""Times that the fast side repeats the cameras in a round, so that the clock resolves it."""
TURN = 10.0
"""A row turns every repeated camera by up to so many degrees: a processor learns by heart what it only repeats."""
FEW = 4
"""Pysovist gets every fourth camera in a round."""
THREAD_ROUNDS = 15
FREE = 1.3
"""Two threads of plain arithmetic gain at least this much where two processors are free."""
CAMERA = "ring-video-doorbell-wired"

Floats = NDArray[np.float64]


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time that one call takes in this thread [s]."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def pysovist_areas(xy: Floats, heading: Floats, walls: Floats, tree: shapely.STRtree | Plan) -> list[float]:
    """Return the areas [m2] by pysovist: of all walls as one plan, or of those that the tree finds near each camera."""
    field, ends = math.radians(FIELD), walls.reshape(-1, 2, 2)
    areas = []
    for (x, y), degrees in zip(xy.tolist(), heading.tolist(), strict=True):
        plan = tree
        if isinstance(tree, shapely.STRtree):
            plan = ends[tree.query(shapely.box(x - RANGE_M, y - RANGE_M, x + RANGE_M, y + RANGE_M))]
        direction = math.remainder(math.radians(90.0 - degrees), math.tau)
        areas.append(isovist(plan, (x, y), max_distance=RANGE_M, fov=field, direction=direction).metrics["area"])
    return areas


@nb.njit(nogil=True)
def arithmetic(count: int) -> float:
    """Do nothing but sums and products, which two threads share nothing of."""
    value = 0.5
    for _ in range(count):
        value = 3.7 * value * (1.0 - value)
    return value


def speed_up(work: Callable[[int], object], pool: ThreadPoolExecutor) -> float:
    """Return how much faster two halves of the work are done at once than one after the other."""
    start = time.perf_counter()
    work(0)
    work(1)
    between = time.perf_counter()
    list(pool.map(work, (0, 1)))
    return (between - start) / (time.perf_counter() - between)


def threads_figure(xy: Floats, heading: Floats, index: WallIndex) -> Figure:
    """Measure two threads against one, the kernel beside plain arithmetic, in alternating rounds."""
    forward, ranges, near = forward_of(np.tile(heading, 2 * MANY)), np.array([RANGE_M]), np.zeros(1)
    many = np.tile(xy, (2 * MANY, 1))
    half = len(many) // 2
    out = np.empty((len(many), 1))

    def kernel(part: int) -> None:
        mine = slice(part * half, (part + 1) * half)
        areas_of_cameras(many[mine], forward[mine], ranges, near, math.radians(FIELD), index, out[mine])

    kernel(0)
    arithmetic(10)
    loops = round(1e6 * seconds(lambda: kernel(0)) / max(seconds(lambda: arithmetic(1_000_000)), 1e-6))
    with ThreadPoolExecutor(2) as pool:
        rounds = [(speed_up(kernel, pool), speed_up(lambda _: arithmetic(loops), pool)) for _ in range(THREAD_ROUNDS)]
    fast, plain = (statistics.median(column) for column in zip(*rounds, strict=True))
    # Where other programs hold the processors, neither gains anything and the ratio says nothing.
    free = plain >= FREE
    return Figure(
        "speed-up on two threads, against plain arithmetic" + ("" if free else " (processors are busy)"),
        f"{fast:.2f}",
        f"{plain:.2f}",
        f"{fast / plain:.2f}",
        ">= 0.85",
        fast / plain >= 0.85 if free else None,
    )


def levels_figure(xy: Floats, heading: Floats, index: WallIndex) -> Figure:
    """Measure the default levels in one pass against the farthest of them alone."""
    levels = [level(camera(CAMERA), name) for name in DEFAULT_LEVELS]
    ranges, near = np.array([one.range_m for one in levels]), np.array([one.near_m for one in levels])
    many, forward, field = np.tile(xy, (MANY, 1)), forward_of(np.tile(heading, MANY)), math.radians(FIELD)
    far = [int(ranges.argmax())]

    def one_pass(ranges: Floats, near: Floats) -> Floats:
        out = np.empty((len(many), len(ranges)))
        areas_of_cameras(many, forward, ranges, near, field, index, out)
        return out

    if not np.array_equal(one_pass(ranges, near)[:, far], one_pass(ranges[far], near[far])):
        raise AssertionError("the farthest level differs when others are computed beside it")
    taken = [
        (seconds(lambda: one_pass(ranges, near)), seconds(lambda: one_pass(ranges[far], near[far])))
        for _ in range(ROUNDS)
    ]
    together, alone = (statistics.median(column) / len(many) for column in zip(*taken, strict=True))
    return Figure(
        f"{len(levels)} levels in one pass, against the farthest",
        f"{1e6 * together:.2f} us",
        f"{1e6 * alone:.2f} us",
        f"{together / alone:.2f}",
        "<= 1.6",
        together / alone <= 1.6,
    )


def run() -> list[Figure]:
    """Measure; see the module."""
    with np.load(data_file("reference", "monaco_cgal.npz")) as file:
        cameras, walls, exact = file["cameras"], file["walls"], file["area_sector_155"]
    xy, heading = np.ascontiguousarray(cameras[:, :2]), 90.0 - np.degrees(cameras[:, 2])
    count = len(xy)
    many_xy, many_heading = np.tile(xy, (MANY, 1)), np.tile(heading, MANY)
    turned = many_heading + np.random.default_rng(4).uniform(-TURN, TURN, len(many_heading))
    index, tree, plan = index_walls(walls), wall_tree(walls), Plan(walls.reshape(-1, 2, 2))
    areas = visible_areas(xy, heading, index, None, RANGE_M, FIELD)
    ways: dict[str, tuple[int, Callable[[], object]]] = {
        "fast": (count * MANY, lambda: visible_areas(many_xy, many_heading, index, None, RANGE_M, FIELD)),
        "fast, turned": (count * MANY, lambda: visible_areas(many_xy, turned, index, None, RANGE_M, FIELD)),
        "fast with index": (count, lambda: visible_areas(xy, heading, walls, None, RANGE_M, FIELD)),
        "plain": (count, lambda: plain_viewshed_areas(xy, heading, walls, RANGE_M, FIELD, tree=tree)),
        "plain with tree": (count, lambda: plain_viewshed_areas(xy, heading, walls, RANGE_M, FIELD)),
        "plain, coarse arc": (count, lambda: plain_viewshed_areas(xy, heading, walls, RANGE_M, FIELD, 16, tree)),
        "pysovist": (len(xy[::FEW]), lambda: pysovist_areas(xy[::FEW], heading[::FEW], walls, tree)),
        "pysovist, one plan": (len(xy[::FEW]), lambda: pysovist_areas(xy[::FEW], heading[::FEW], walls, plan)),
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
        against("viewsheds, by hand in shapely", "fast", "plain", 200.0),
        against(f"  every camera turned anew, up to {TURN:g} degrees", "fast, turned", "plain"),
        against("  both with their wall index made", "fast with index", "plain with tree"),
        against("  shapely with 16 chords a quarter", "fast", "plain, coarse arc"),
        against("  shapely by arrays, with its tree", "fast with index", "plain, by arrays"),
        against("viewsheds, by pysovist", "fast", "pysovist", 300.0),
        against("  pysovist with all walls as one plan", "fast", "pysovist, one plan"),
        Figure(
            "viewshed areas, worst relative error", f"{error:.1e}", f"{plain_error:.1e}", "", "<= 1e-9", error <= 1e-9
        ),
        levels_figure(xy, heading, index),
        threads_figure(xy, heading, index),
    ]


if __name__ == "__main__":
    try:
        print(table(run()))
    except MissingDataError as missing:
        print(f"skipped: {missing}")
