"""How the cost of a view grows: with the number of cameras (not at all), and with the walls in range (as n log n).

    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/sight_scaling.py [--write]

Cameras: 1,000 to 1,000,000 of them, 155 degrees, 30 m, over copies of the walls of Monaco laid side by side (at most
100 copies, 745,300 walls); they stand at the 400 reference places of each copy, turned by up to 10 degrees. Walls: 10
to 10,000 scattered evenly over the disc of 30 m about a camera that sees all around; once each as long as half the mean
distance between them, so that each crosses as many others however many there are, and once 3 m long, so that crossings
grow with the square of their number. Median processor time of one thread. `--write` also draws the figure of the
documentation.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from figure import Figure, MissingDataError, data_file, table
from numpy.typing import NDArray

from doorview.sight.arrays import forward_of, index_walls
from doorview.sight.kernels.areas import areas_of_cameras
from doorview.sight.kernels.types import WallIndex

RANGE_M = 30.0
CAMERAS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
WALLS = (10, 30, 100, 300, 1_000, 3_000, 10_000)
MOST_COPIES = 100
GAP_M = 100.0
"""Between copies [m]: no camera sees another copy."""
ROUNDS = 5
SEEDS = 3
LEAST_S = 0.05
"""A round repeats its work until about this much time is measured [s]."""
FLAT = 1.2
GROWTH = 1.25
"""How much more than n log n the cost may grow from one number of walls to the next: noise, and steps of caches."""
SAME_M = 3.0
IMAGE = Path(__file__).resolve().parents[1] / "docs" / "images" / "sight_scaling.png"

Floats = NDArray[np.float64]


class Scene(NamedTuple):
    """Cameras (m, 2) [m], unit vectors of their headings, walls and field of view [degrees]."""

    xy: Floats
    forward: Floats
    index: WallIndex
    field_degrees: float


def once(scene: Scene, repeats: int = 1) -> float:
    """Return the processor time per camera [s], all cameras `repeats` times."""
    out, ranges, near = np.empty((len(scene.xy), 1)), np.array([RANGE_M]), np.zeros(1)
    start = time.thread_time()
    for _ in range(repeats):
        areas_of_cameras(scene.xy, scene.forward, ranges, near, math.radians(scene.field_degrees), scene.index, out)
    return (time.thread_time() - start) / repeats / len(scene.xy)


def costs_of(scenes: dict[int, Scene]) -> dict[int, float]:
    """Return the median cost per camera [s] of each scene; every round takes them all, so that all share its noise."""
    repeats = {n: max(1, round(LEAST_S / (once(scene) * len(scene.xy)))) for n, scene in scenes.items()}
    rounds = [{n: once(scene, repeats[n]) for n, scene in scenes.items()} for _ in range(ROUNDS)]
    return {n: statistics.median(taken[n] for taken in rounds) for n in scenes}


def copies_of(walls: Floats, count: int) -> tuple[Floats, Floats]:
    """Return the walls of `count` copies side by side (count * n, 4) and how far each is moved (count, 2) [m]."""
    ends = walls.reshape(-1, 2)
    size = np.ptp(ends, axis=0) + GAP_M
    side = math.ceil(math.sqrt(count))
    moves = np.column_stack([np.arange(count) % side, np.arange(count) // side]) * size
    return (walls[None] + np.tile(moves, 2)[:, None]).reshape(-1, 4), moves


def camera_costs() -> dict[int, float]:
    """Return the cost per camera [s] by the number of cameras."""
    with np.load(data_file("reference", "monaco_cgal.npz")) as file:
        places, walls = file["cameras"], file["walls"]
    rng = np.random.default_rng(4)
    indices: dict[int, tuple[WallIndex, Floats]] = {}
    scenes = {}
    for number in CAMERAS:
        count = min(math.ceil(number / len(places)), MOST_COPIES)
        if count not in indices:
            copies, moves = copies_of(walls, count)
            indices[count] = index_walls(copies), moves
        index, moves = indices[count]
        # Copy by copy, as doors are worked through tile by tile; in a copy place by place, over and over.
        place, copy = np.arange(number) % len(places), np.sort(np.arange(number) // len(places) % count)
        heading = 90.0 - np.degrees(places[place, 2]) + rng.uniform(-10.0, 10.0, number)
        scenes[number] = Scene(places[place, :2] + moves[copy], forward_of(heading), index, 155.0)
    return costs_of(scenes)


def scattered(count: int, length_m: float, seed: int) -> Floats:
    """Return walls (count, 4) [m] of one length, evenly over the disc of the range but for its inmost metre."""
    rng = np.random.default_rng(seed)
    radius = np.sqrt(rng.uniform(1.0 + length_m, RANGE_M**2, count))
    angle, turn = rng.uniform(0.0, math.tau, count), rng.uniform(0.0, math.pi, count)
    middle = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    half = 0.5 * length_m * np.column_stack([np.cos(turn), np.sin(turn)])
    return np.hstack([middle - half, middle + half])


def wall_costs(length_of: str) -> dict[int, float]:
    """Return the cost per camera [s] by the number of walls in range, `sparse` or `same` in length."""
    found = []
    for seed in range(SEEDS):
        scenes = {}
        for number in WALLS:
            length = SAME_M if length_of == "same" else 0.5 * math.sqrt(math.pi * RANGE_M**2 / number)
            index = index_walls(scattered(number, length, seed))
            scenes[number] = Scene(np.zeros((1, 2)), np.array([[0.0, 1.0]]), index, 360.0)
        found.append(costs_of(scenes))
    return {number: statistics.median(costs[number] for costs in found) for number in WALLS}


def growth(costs: dict[int, float]) -> float:
    """Return the largest growth from one number of walls to the next, by that of n log n."""
    return max(costs[b] / costs[a] / (b * math.log(b) / (a * math.log(a))) for a, b in pairwise(sorted(costs)))


def run() -> list[Figure]:
    """Measure; see the module."""
    return figures_of(camera_costs(), wall_costs("sparse"), wall_costs("same"))


def figures_of(cameras: dict[int, float], sparse: dict[int, float], same: dict[int, float]) -> list[Figure]:
    """Return the measured costs as figures."""
    flat = max(cameras.values()) / min(cameras.values())
    steep = growth(sparse)
    least, most = min(cameras), max(cameras)
    found = [
        Figure(
            f"view of one of {least:,} to {most:,} cameras, most to least",
            f"{1e6 * max(cameras.values()):.2f} us",
            f"{1e6 * min(cameras.values()):.2f} us",
            f"{flat:.2f}",
            f"<= {FLAT}",
            flat <= FLAT,
        )
    ]
    found += [Figure(f"  {number:,} cameras", f"{1e6 * seconds:.2f} us") for number, seconds in cameras.items()]
    found.append(
        Figure(
            f"{min(sparse):,} to {max(sparse):,} walls in range, steepest by n log n",
            f"{1e6 * sparse[max(sparse)]:,.0f} us",
            f"{1e6 * sparse[min(sparse)]:.1f} us",
            f"{steep:.2f}",
            f"<= {GROWTH}",
            steep <= GROWTH,
        )
    )
    for number, seconds in sparse.items():
        long = f"{1e6 * same[number]:,.1f} us if {SAME_M:g} m long"
        found.append(Figure(f"  {number:,} walls", f"{1e6 * seconds:,.1f} us", long))
    return found


def draw(cameras: dict[int, float], sparse: dict[int, float], same: dict[int, float], path: Path) -> None:
    """Draw both series into a PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.8), layout="constrained")
    left.semilogx(list(cameras), [1e6 * value for value in cameras.values()], "o-", color="#1b4f72")
    left.set_ylim(0.0, 1.6e6 * max(cameras.values()))
    left.set_xlabel("cameras")
    left.set_ylabel("microseconds per camera")
    left.set_title("Monaco's walls, 155 degrees, 30 m", fontsize=10)
    first = min(n for n in sparse if n >= 100)
    scale = 1e6 * sparse[first] / (first * math.log(first))
    right.loglog(list(sparse), [1e6 * v for v in sparse.values()], "o-", color="#1b4f72", label="each meets as many")
    right.loglog(list(same), [1e6 * v for v in same.values()], "s--", color="#b9770e", label=f"each {SAME_M:g} m long")
    right.loglog(list(sparse), [scale * n * math.log(n) for n in sparse], ":", color="0.4", label="n log n")
    right.set_xlabel("walls in range")
    right.set_ylabel("microseconds per camera")
    right.set_title("Walls scattered over the disc, all around", fontsize=10)
    right.legend(frameon=False, fontsize=9)
    for axes in (left, right):
        axes.grid(visible=True, color="0.9")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130, metadata={"Software": None})
    plt.close(figure)


def main(arguments: list[str]) -> int:
    """Print the table, and draw the figure if asked."""
    try:
        costs = camera_costs(), wall_costs("sparse"), wall_costs("same")
    except MissingDataError as missing:
        print(f"skipped: {missing}")
        return 0
    print(table(figures_of(*costs)))
    if "--write" in arguments:
        draw(*costs, IMAGE)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
