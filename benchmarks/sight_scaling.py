"""How the cost of a view grows: with the number of cameras (not at all), and with the walls in range (as n log n).

    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/sight_scaling.py [--write]

Cameras: a city that grows, 1,000 cameras of 155 degrees and 30 m and the 7,453 walls of Monaco at a time, up to
1,000,000 cameras among 7,453,000 walls; they stand at the 400 reference places of each copy, turned by up to 10
degrees. Measured is one call of the kernel with its index of walls at hand, and beside it the whole call, which checks
its input and makes the index.

Walls: 10 to 10,000 about a camera that sees 30 m all around; in a lattice where none crosses another, scattered and
half as long as the mean distance between them, so that each crosses as many others however many there are, and
scattered and 3 m long, so that crossings grow with the square of their number.

Every cost is taken over at least `CAMERAS_TIMED` cameras or `WALLS_TIMED` walls that all differ. Over and over one
small scene it would come out too low: up to some thousand walls, all stay in the nearest caches and the processor
learns by heart which way each branch goes, and the cost then seems to jump where both end. A last row shows that.
Median processor time of one thread. `--write` also draws the figure of the documentation.
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
import shapely
from figure import Figure, MissingDataError, data_file, table
from numpy.typing import NDArray

from doorview.sight.arrays import forward_of, index_walls, visible_areas
from doorview.sight.kernels.areas import areas_of_cameras
from doorview.sight.kernels.types import WallIndex

RANGE_M = 30.0
FIELD = 155.0
CAMERAS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
CAMERAS_EACH = 1_000
"""Cameras in one copy of Monaco."""
CAMERAS_TIMED = 30_000
WALLS = (10, 30, 100, 300, 1_000, 3_000, 10_000)
WALLS_TIMED = 60_000
GAP_M = 100.0
"""Between copies or scenes [m]: no camera sees another one's walls."""
ROUNDS = 5
WHOLE_ROUNDS = 3
FLAT = 1.2
GROWTH = 1.25
"""How much more than n log n the cost may grow from one number of walls to the next: noise, and steps of caches."""
SAME_M = 3.0
GOLDEN = math.pi * (3.0 - math.sqrt(5.0))
FIELDS = {"apart": "none cross", "sparse": "each crosses as many", "same": f"each {SAME_M:g} m long"}
IMAGE = Path(__file__).resolve().parents[1] / "docs" / "images" / "sight_scaling.png"

Floats = NDArray[np.float64]


class Scene(NamedTuple):
    """Cameras (m, 2) [m], their headings (m,) [degrees], walls (n, 4) [m] and their index."""

    xy: Floats
    heading: Floats
    walls: Floats
    index: WallIndex


class WallCosts(NamedTuple):
    """Cost per camera [s] and crossings of walls with walls about one camera, by the number of walls in range."""

    seconds: dict[int, float]
    crossings: dict[int, float]


def once(scenes: list[Scene], field_degrees: float) -> float:
    """Return the processor time per camera [s] of one call for each scene."""
    ranges, near = np.array([RANGE_M]), np.zeros(1)
    ready = [(one.xy, forward_of(one.heading), one.index, np.empty((len(one.xy), 1))) for one in scenes]
    start = time.thread_time()
    for xy, forward, index, out in ready:
        areas_of_cameras(xy, forward, ranges, near, math.radians(field_degrees), index, out)
    return (time.thread_time() - start) / sum(len(one.xy) for one in scenes)


def once_whole(scenes: list[Scene]) -> float:
    """Return the processor time per camera [s] of the whole call for each scene: checks, index and kernel."""
    start = time.thread_time()
    for one in scenes:
        visible_areas(one.xy, one.heading, one.walls, None, RANGE_M, FIELD)
    return (time.thread_time() - start) / sum(len(one.xy) for one in scenes)


def side_by_side(scenes: list[Floats]) -> tuple[Floats, Floats]:
    """Return the walls of scenes, each (n, 4) [m], moved apart, and how far each scene was moved (scenes, 2) [m]."""
    size = np.max([np.ptp(one.reshape(-1, 2), axis=0) for one in scenes], axis=0) + 2.0 * RANGE_M + GAP_M
    side = math.ceil(math.sqrt(len(scenes)))
    at = np.arange(len(scenes))
    moves = np.column_stack([at % side, at // side]) * size
    return np.concatenate([one + np.tile(move, 2) for one, move in zip(scenes, moves, strict=True)]), moves


def city(copies: int, places: Floats, walls: Floats, seed: int) -> Scene:
    """Return a city of so many copies of some walls, with `CAMERAS_EACH` cameras in each, copy by copy."""
    everything, moves = side_by_side([walls] * copies)
    count = copies * CAMERAS_EACH
    place, copy = np.arange(count) % CAMERAS_EACH % len(places), np.arange(count) // CAMERAS_EACH
    turn = np.random.default_rng(seed).uniform(-10.0, 10.0, count)
    heading = 90.0 - np.degrees(places[place, 2]) + turn
    return Scene(places[place, :2] + moves[copy], heading, everything, index_walls(everything))


def camera_costs() -> tuple[dict[int, float], dict[int, float]]:
    """Return the cost per camera [s] by the number of cameras: of the kernel, and of the whole call."""
    with np.load(data_file("reference", "monaco_cgal.npz")) as file:
        places, walls = file["cameras"], file["walls"]
    scenes = {
        number: [city(number // CAMERAS_EACH, places, walls, seed) for seed in range(math.ceil(CAMERAS_TIMED / number))]
        for number in CAMERAS
    }
    once(scenes[CAMERAS[0]], FIELD)
    # Every round takes them all, so that all share its noise.
    rounds = [{number: once(some, FIELD) for number, some in scenes.items()} for _ in range(ROUNDS)]
    whole = [{number: once_whole(some) for number, some in scenes.items()} for _ in range(WHOLE_ROUNDS)]
    return medians(rounds), medians(whole)


def medians(rounds: list[dict[int, float]]) -> dict[int, float]:
    """Return the median over rounds, key by key."""
    return {number: statistics.median(taken[number] for taken in rounds) for number in rounds[0]}


def laid_out(kind: str, count: int, seed: int) -> Floats:
    """Return walls (count, 4) [m] of one length about the origin, over the disc of the range but for its inmost metre.

    Kind `apart` lies in the lattice of a sunflower, whose points keep their distance; others are scattered.
    """
    rng = np.random.default_rng(seed)
    length_m = SAME_M if kind == "same" else 0.5 * math.sqrt(math.pi * RANGE_M**2 / count)
    if kind == "apart":
        skipped = math.ceil(count / RANGE_M**2)
        nth = skipped + np.arange(count) + 0.5
        radius = RANGE_M * np.sqrt(nth / (count + skipped))
        angle = GOLDEN * nth + rng.uniform(0.0, math.tau)
    else:
        radius = np.sqrt(rng.uniform(1.0 + length_m, RANGE_M**2, count))
        angle = rng.uniform(0.0, math.tau, count)
    turn = rng.uniform(0.0, math.pi, count)
    middle = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    half = 0.5 * length_m * np.column_stack([np.cos(turn), np.sin(turn)])
    return np.hstack([middle - half, middle + half])


def crossings_of(walls: Floats) -> int:
    """Return how many pairs of walls (n, 4) cross."""
    lines = shapely.linestrings(walls.reshape(-1, 2, 2))
    return int(shapely.STRtree(lines).query(lines, predicate="crosses").shape[1] // 2)


def wall_costs(kind: str) -> WallCosts:
    """Return the cost by the number of walls in range, laid out in one of the ways of `FIELDS`."""
    scenes, crossings = {}, {}
    for number in WALLS:
        some = [laid_out(kind, number, seed) for seed in range(math.ceil(WALLS_TIMED / number))]
        walls, moves = side_by_side(some)
        scenes[number] = [Scene(moves, np.zeros(len(moves)), walls, index_walls(walls))]
        crossings[number] = crossings_of(walls) / len(some)
    rounds = [{number: once(one, 360.0) for number, one in scenes.items()} for _ in range(ROUNDS)]
    return WallCosts(medians(rounds), crossings)


def over_and_over(number: int) -> float:
    """Return the cost per camera [s] of one scene of so many walls, repeated until it has met `WALLS_TIMED` walls."""
    walls = laid_out("apart", number, 0)
    scene = Scene(np.zeros((1, 2)), np.zeros(1), walls, index_walls(walls))
    return statistics.median(once([scene] * math.ceil(WALLS_TIMED / number), 360.0) for _ in range(ROUNDS))


def growth(costs: WallCosts) -> float:
    """Return the largest growth from one number n of walls to the next, by that of (n + crossings) log n."""
    work = {n: (n + costs.crossings[n]) * math.log(n) for n in costs.seconds}
    return max(costs.seconds[b] / costs.seconds[a] / (work[b] / work[a]) for a, b in pairwise(sorted(work)))


def run() -> list[Figure]:
    """Measure; see the module."""
    return figures_of(*camera_costs(), {kind: wall_costs(kind) for kind in FIELDS}, over_and_over(max(WALLS) // 10))


def camera_figures(kernel: dict[int, float], whole: dict[int, float]) -> list[Figure]:
    """Return the costs by the number of cameras as figures."""
    least, most = min(kernel), max(kernel)
    found = []
    for case, costs, target in (
        ("view of one of {:,} to {:,} cameras, most to least", kernel, FLAT),
        ("  the whole call, which makes the index", whole, None),
    ):
        dear, cheap = max(costs.values()), min(costs.values())
        found.append(
            Figure(
                case.format(least, most),
                f"{1e6 * dear:.2f} us",
                f"{1e6 * cheap:.2f} us",
                f"{dear / cheap:.2f}",
                "" if target is None else f"<= {target}",
                None if target is None else dear / cheap <= target,
            )
        )
    found += [
        Figure(f"  {number:,} cameras", f"{1e6 * kernel[number]:.2f} us", f"whole call {1e6 * whole[number]:.2f} us")
        for number in kernel
    ]
    return found


def wall_figures(fields: dict[str, WallCosts], again: float) -> list[Figure]:
    """Return the costs by the number of walls in range as figures."""
    found = []
    for kind, costs in fields.items():
        steep = growth(costs)
        least, most = min(costs.seconds), max(costs.seconds)
        found.append(
            Figure(
                f"{least:,} to {most:,} walls in range, {FIELDS[kind]}: steepest by (n + k) log n",
                f"{1e6 * costs.seconds[most]:,.0f} us",
                f"{1e6 * costs.seconds[least]:.1f} us",
                f"{steep:.2f}",
                f"<= {GROWTH}",
                steep <= GROWTH,
            )
        )
        found += [
            Figure(f"  {n:,} walls", f"{1e6 * seconds:,.1f} us", f"k = {costs.crossings[n]:,.0f}")
            for n, seconds in costs.seconds.items()
        ]
    number = max(WALLS) // 10
    new = fields["apart"].seconds[number]
    found.append(
        Figure(
            f"  one scene of {number:,} walls over and over, against new ones",
            f"{1e6 * again:,.1f} us",
            f"{1e6 * new:,.1f} us",
            f"{again / new:.2f}",
        )
    )
    return found


def figures_of(
    kernel: dict[int, float], whole: dict[int, float], fields: dict[str, WallCosts], again: float
) -> list[Figure]:
    """Return the measured costs as figures."""
    return camera_figures(kernel, whole) + wall_figures(fields, again)


def draw(kernel: dict[int, float], whole: dict[int, float], fields: dict[str, WallCosts], path: Path) -> None:
    """Draw both series into a PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.8), layout="constrained")
    left.semilogx(list(kernel), [1e6 * v for v in kernel.values()], "o-", color="#1b4f72", label="index at hand")
    left.semilogx(list(whole), [1e6 * v for v in whole.values()], "s--", color="#b9770e", label="index made, too")
    left.set_ylim(0.0, 1.4e6 * max(whole.values()))
    left.set_xlabel("cameras")
    left.set_ylabel("microseconds per camera")
    left.set_title("A city that grows: 7.5 walls a camera, 155 degrees, 30 m", fontsize=10)
    left.legend(frameon=False, fontsize=9)
    apart = fields["apart"].seconds
    first = min(n for n in apart if n >= 100)
    scale = 1e6 * apart[first] / (first * math.log(first))
    for (kind, costs), style, colour in zip(
        fields.items(), ("o-", "^-.", "s--"), ("#1b4f72", "#117864", "#b9770e"), strict=True
    ):
        seconds = costs.seconds
        right.loglog(list(seconds), [1e6 * v for v in seconds.values()], style, color=colour, label=FIELDS[kind])
    right.loglog(list(apart), [scale * n * math.log(n) for n in apart], ":", color="0.4", label="n log n")
    right.set_xlabel("walls in range")
    right.set_ylabel("microseconds per camera")
    right.set_title("Walls over the disc of 30 m, all around", fontsize=10)
    right.legend(frameon=False, fontsize=9)
    for axes in (left, right):
        axes.grid(visible=True, color="0.9")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130, metadata={"Software": None})
    plt.close(figure)


def main(arguments: list[str]) -> int:
    """Print the table, and draw the figure if asked."""
    try:
        kernel, whole = camera_costs()
    except MissingDataError as missing:
        print(f"skipped: {missing}")
        return 0
    fields = {kind: wall_costs(kind) for kind in FIELDS}
    print(table(figures_of(kernel, whole, fields, over_and_over(max(WALLS) // 10))))
    if "--write" in arguments:
        draw(kernel, whole, fields, IMAGE)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
