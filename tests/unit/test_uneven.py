"""Walls on uneven ground against a ray caster in space, closed forms, and the plane where the ground is one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import CRS

from doorview.sight.arrays import forward_of, height_scale, index_walls
from doorview.sight.kernels.terrain import hidden
from doorview.sight.kernels.uneven import _calm_boxes, clear_pairs_over, clear_spans, fill_extremes
from doorview.sight.kernels.window import window_spans
from doorview.sight.rasters import Terrain, heights_array
from doorview.sight.terrain import NO_WALLS, open_walls, terrain_spans
from doorview.sight.walls import Walls
from helpers.rays3d import blocked
from helpers.terrain import bilinear, excess, random_surface, steepest

UTM = CRS.from_epsg(32618)
CELL = 0.5
LENS, TARGET, REACH = 1.2, 1.5, 20.0
WINDOW = np.array([-50, 100, -50, 100], np.int64)


def terrain_of(z: NDArray[np.float64], step: float, clear_m: float = 1.0) -> Terrain:
    """Return a terrain about the origin, its first sample at (-60, -60)."""
    grid = heights_array(z, -60.0, -60.0, step)
    return Terrain(grid, grid, UTM, clear_m)


def plane(gx: float, gy: float, at: float = 100.0) -> Terrain:
    """Return a plane with gradients gx east and gy north."""
    x = np.arange(-60.0, 60.5, 5.0)
    return terrain_of(at + gx * x[None, :] + gy * x[:, None], 5.0)


def cells_of(spans: NDArray[np.int32], count: int, doors: int = 1) -> NDArray[np.bool_]:
    seen = np.zeros((doors, WINDOW[1], WINDOW[3]), bool)
    for _, row, start, stop, door in spans[:count].tolist():
        assert not seen[door, row, start:stop].any()
        seen[door, row, start:stop] = True
    return seen


def middles() -> NDArray[np.float64]:
    """Return the centres (rows, columns, 2) of the window's cells [m]."""
    x, y = (WINDOW[2] + np.arange(WINDOW[3]) + 0.5) * CELL, (WINDOW[0] + np.arange(WINDOW[1]) + 0.5) * CELL
    return np.stack(np.meshgrid(x, y), axis=-1)


def seen_on(
    terrain: Terrain,
    walls: Walls,
    doors: NDArray[np.float64],
    heading: float,
    target: float = TARGET,
    level: NDArray[np.int64] | None = None,
) -> NDArray[np.bool_]:
    """Return the cells (doors, rows, columns) that the package says are seen."""
    follow = np.full(len(walls.height), -1) if level is None else level
    tall, opened = open_walls(walls, follow, terrain, LENS, [target], REACH)
    spans, count = window_spans(
        doors, forward_of(np.full(len(doors), heading)), np.array([REACH]), np.zeros(1), np.radians([155.0]),
        np.zeros(1, np.int64), tall, CELL, WINDOW,
    )  # fmt: skip
    return cells_of(*terrain_spans(spans, count, WINDOW, CELL, doors, terrain, LENS, target, walls=opened), len(doors))


def sector(door: NDArray[np.float64], heading: float) -> NDArray[np.bool_]:
    way = middles() - door
    turn = (np.degrees(np.arctan2(way[..., 0], way[..., 1])) - heading + 180.0) % 360.0 - 180.0
    return (np.hypot(way[..., 0], way[..., 1]) <= REACH) & (np.abs(turn) <= 77.5)


def some_walls(seed: int, n: int = 14) -> Walls:
    """Return walls of 2 to 8 m about the origin, each 0.3 to 6 m high."""
    rng = np.random.default_rng(seed)
    middle, half = rng.uniform(-16.0, 16.0, (n, 2)), rng.uniform(-4.0, 4.0, (n, 2))
    return Walls(np.hstack([middle - half, middle + half]), rng.uniform(0.3, 6.0, n))


@pytest.mark.parametrize(("gx", "gy"), [(0.0, 0.0), (0.3, 0.1), (-0.5, 0.4)])
@pytest.mark.parametrize("seed", range(3))
def test_on_a_plane_tilted_or_not_the_plane_s_own_rule_holds(gx: float, gy: float, seed: int) -> None:
    """Tilting everything by one gradient keeps straight lines straight: the same cells as `height_scale` gives.

    The two ways share nothing: scaled walls and cut shadows there, a line per cell here.
    """
    walls = some_walls(seed)
    doors = np.array([[0.13, 0.21], [-3.3, 2.2]])
    for target in (TARGET, 0.4):
        index = index_walls(walls.xy, height_scale(walls.height, LENS, target))
        spans, count = window_spans(
            doors, forward_of([40.0, 40.0]), np.array([REACH]), np.zeros(1), np.radians([155.0]),
            np.zeros(1, np.int64), index, CELL, WINDOW,
        )  # fmt: skip
        wanted = cells_of(spans, count, 2)
        found = seen_on(plane(gx, gy), walls, doors, 40.0, target)
        assert wanted.sum() > 500
        assert (wanted != found).sum() <= 2  # centres that an edge of a shadow passes through


@pytest.mark.parametrize("seed", range(6))
def test_uneven_ground_and_walls_against_rays_in_space(seed: int) -> None:
    """Every cell of two views: upright rectangles whose tops are level, on ground that is not, and the ground itself.

    Which lines a rectangle blocks, the ray caster says; which ones the ground, two thousand points along each.
    """
    step = (6.0, 2.5)[seed % 2]
    side = int(120.0 / step) + 1
    z = random_surface(seed, side, side, (14.0, 8.0)[seed % 2], smooth=2)
    terrain, raster = terrain_of(z, step), (z, -60.0, -60.0, step)
    walls = some_walls(seed + 50)
    doors, heading = np.array([[0.13, 0.21], [-3.3, 2.2]]), 60.0 * seed
    found = seen_on(terrain, walls, doors, heading, level=np.arange(len(walls.height)))
    ends = bilinear(*raster, walls.xy.reshape(-1, 2, 2))
    tops = ends.min(axis=1) + walls.height
    hidden_by_wall = hidden_by_ground = doubtful = 0
    for number, door in enumerate(doors):
        eye = float(bilinear(*raster, door)) + LENS
        inside = sector(door, heading)
        targets = middles()[inside]
        aim = bilinear(*raster, targets) + TARGET
        behind = blocked((*door, eye), np.column_stack([targets, aim]), walls.xy, tops)
        for (x, y), height, wall, ours in zip(targets, aim, behind, found[number][inside], strict=True):
            length = math.hypot(x - door[0], y - door[1])
            above = -1.0 if length <= 1.0 else excess(*raster, (*door, eye), (x, y, height), 1.0, 2000)
            if -length / 2000 * (steepest(z, step) + 1.0) <= above <= 2e-6:
                doubtful += 1
                continue
            assert ours == (not wall and above < 0.0), (number, x, y)
            hidden_by_wall += bool(wall)
            hidden_by_ground += above > 0.0
        assert not found[number][~inside].any()
    assert hidden_by_wall > 300
    assert hidden_by_ground > 5 or step == 6.0
    assert doubtful < 60


def test_an_obstacle_up_the_hill_hides_more_and_one_down_it_less() -> None:
    """A fence of 1 m at 10 m, the street before and beyond it level: the ground rises or falls under the fence alone.

    Up: its top is 1.95 m above the camera's ground, and hides a face of 1.5 m on the street beyond it.
    Level: 1 m hides nothing. A lens on a porch 2 m up (ground 2 m higher) sees over the fence from 10 (3.2 - 1.5) /
    (3.2 - 1) m on, and loses nothing of a face; of the ground it loses 10 to 10 (3.2 / 2.2) = 14.55 m.
    """
    fence = Walls(np.array([[10.0, -40.0, 10.0, 40.0]]), np.array([1.0]))
    x = np.arange(-60.0, 60.5, 0.5)

    def along(z: NDArray[np.float64], target: float) -> NDArray[np.bool_]:
        terrain = terrain_of(np.tile(z, (len(x), 1)), 0.5)
        return seen_on(terrain, fence, np.array([[0.0, 0.0]]), 90.0, target)[
            0, 50, 50:
        ]  # middles 0.25 m north of the camera

    d = (np.arange(50) + 0.5) * CELL
    near = (d > 1.5) & (d < 19.5)
    bump = np.where(np.abs(x - 10.0) < 0.75, 0.95, 0.0)  # lower than any sight line itself
    assert along(np.zeros(len(x)), TARGET)[near].all()
    over = LENS + (np.interp(d, x, bump) + TARGET - LENS) * 10.0 / d >= 1.95  # on the bump itself faces rise too
    assert np.array_equal(along(bump, TARGET)[near], ((d < 10.0) | over)[near])
    assert not over[d > 11.0].any()
    dip = np.where(np.abs(x - 10.0) < 0.75, -0.95, 0.0)
    high = Walls(fence.xy, np.array([2.0]))
    lowered = terrain_of(np.tile(dip, (len(x), 1)), 0.5)
    level_ground = terrain_of(np.zeros((len(x), len(x))), 0.5)
    for terrain, seen in ((level_ground, d < 10.0), (lowered, (d < 10.0) | (d > 11.0))):  # in the dip faces sink too
        found = seen_on(terrain, high, np.array([[0.0, 0.0]]), 90.0)[0, 50, 50:]
        assert np.array_equal(found[near], seen[near])
    porch = np.where(x < 1.0, 2.0, 0.0)
    assert along(porch, TARGET)[near & (d > 3.0)].all()
    ground = along(porch, 0.0)
    # Over the porch's edge, 2 m high as far as 0.5 m, the ground is seen from 0.5 (3.2 / 1.2) = 1.33 m on.
    assert np.array_equal(ground[near], ((d < 10.0) | (d > 32.0 / 2.2))[near])


def test_a_building_s_top_is_level_and_a_fence_follows_the_ground() -> None:
    """On a slope of 0.5 up north: 12 m of wall, 3 m high, from south to north beside the way.

    As a building its top is 3 m over its lowest corner: its northern end stands 3 m in the ground. As a fence it is 3 m
    everywhere.
    """
    terrain = plane(0.0, 0.5)
    wall = Walls(np.array([[6.0, -6.0, 6.0, 6.0]]), np.array([3.0]))
    door = np.array([[0.0, 0.0]])
    fence = seen_on(terrain, wall, door, 90.0)
    building = seen_on(terrain, wall, door, 90.0, level=np.zeros(1, np.int64))
    at = middles()
    row, column = 50 + 9, 50 + 16  # (8.25, 4.75) of the window: behind the wall's northern half
    assert at[row, column].tolist() == [8.25, 4.75]
    assert not fence[0, row, column]
    assert building[0, row, column]
    assert not building[0, 50 - 9, column]


def test_unknown_ground_leaves_the_plane_s_answer() -> None:
    walls = some_walls(7)
    doors = np.array([[0.13, 0.21]])
    unknown = terrain_of(np.full((25, 25), np.nan), 5.0)
    index = index_walls(walls.xy, height_scale(walls.height, LENS, TARGET))
    spans, count = window_spans(
        doors, forward_of([40.0]), np.array([REACH]), np.zeros(1), np.radians([155.0]), np.zeros(1, np.int64), index,
        CELL, WINDOW,
    )  # fmt: skip
    assert np.array_equal(seen_on(unknown, walls, doors, 40.0), cells_of(spans, count))
    # Known under the walls, unknown under the camera alone: the walls' nominal heights count.
    z = np.full((121, 121), 50.0)
    z[60:62, 60:62] = np.nan
    around = terrain_of(z, 1.0)
    far = Walls(walls.xy[np.abs(walls.xy).min(axis=1) > 3.0], walls.height[np.abs(walls.xy).min(axis=1) > 3.0])
    assert len(far.height) >= 3
    flat = terrain_of(np.full((121, 121), 50.0), 1.0)
    assert np.array_equal(seen_on(around, far, doors, 40.0), seen_on(flat, far, doors, 40.0))


def test_walls_that_need_no_line_change_nothing() -> None:
    """Higher than all about: walls of the plane; lower: left out. Where no bound is known all are asked: the same."""
    walls = some_walls(11, 30)
    high = Walls(walls.xy, np.where(np.arange(30) % 3 == 0, 40.0, walls.height))
    z = random_surface(4, 49, 49, 6.0, smooth=1)
    terrain = terrain_of(z, 2.5)
    doors = np.array([[0.13, 0.21], [4.0, -5.0]])
    _, some = open_walls(high, np.full(30, -1), terrain, LENS, [TARGET], REACH)
    assert len(np.unique(some.squares.xy, axis=0)) <= 20
    found = seen_on(terrain, high, doors, 200.0)
    # Places beyond the raster are unknown, so that with a long reach no bound is known and no wall is left out.
    _, every = open_walls(high, np.full(30, -1), terrain, LENS, [TARGET], 1000.0)
    assert len(np.unique(every.squares.xy, axis=0)) == 30
    spans, count = window_spans(
        doors, forward_of([200.0, 200.0]), np.array([REACH]), np.zeros(1), np.radians([155.0]), np.zeros(1, np.int64),
        index_walls(np.zeros((0, 4))), CELL, WINDOW,
    )  # fmt: skip
    slow = cells_of(*terrain_spans(spans, count, WINDOW, CELL, doors, terrain, LENS, TARGET, walls=every), 2)
    assert (slow != found).sum() <= 2
    assert 100 < found.sum() < cells_of(spans, count, 2).sum()


def test_pairs_are_the_cells_of_spans() -> None:
    """The same question asked point by point."""
    walls, doors = some_walls(21), np.array([[0.13, 0.21], [4.0, -5.0]])
    terrain = terrain_of(random_surface(5, 49, 49, 7.0, smooth=1), 2.5)
    tall, opened = open_walls(walls, np.full(14, -1), terrain, LENS, [TARGET], 1000.0)
    assert tall.tall.ni == 0
    spans, count = window_spans(
        doors, forward_of([10.0, 10.0]), np.array([REACH]), np.zeros(1), np.radians([155.0]), np.zeros(1, np.int64),
        tall, CELL, WINDOW,
    )  # fmt: skip
    asked = cells_of(spans, count, 2)
    seen = cells_of(*terrain_spans(spans, count, WINDOW, CELL, doors, terrain, LENS, TARGET, walls=opened), 2)
    camera, row, column = np.nonzero(asked)
    points = np.ascontiguousarray(middles()[row, column])
    out = np.empty(len(points), np.bool_)
    clear_pairs_over(
        terrain.ground, terrain.surface, opened, doors, points, camera, np.arange(len(points)), LENS, TARGET, 1.0, out
    )
    assert np.array_equal(out, seen[camera, row, column])
    assert 0.1 < out.mean() < 0.9


def test_extremes_hold_all_heights_of_a_box() -> None:
    z = random_surface(8, 30, 30, 9.0)
    grid = heights_array(z, 0.0, 0.0, 1.5)
    boxes = np.array([[3.1, 4.0, 9.9, 8.2], [-0.1, 4.0, 9.9, 8.2], [20.0, 20.0, 43.5, 43.5], [20.0, 20.0, 43.6, 43.5]])
    low, high = np.empty(4), np.empty(4)
    fill_extremes(grid, boxes, low, high)
    assert np.isnan(low).tolist() == np.isnan(high).tolist() == [False, True, False, True]
    inside = bilinear(z, 0.0, 0.0, 1.5, np.random.default_rng(1).uniform(boxes[0, :2], boxes[0, 2:], (3000, 2)))
    assert low[0] <= inside.min() < inside.max() <= high[0]
    assert low[0] == z[2:7, 2:8].min()


@pytest.mark.parametrize(
    ("rise", "crowns", "low", "high"),
    [(4.0, 0.0, 0.9, 1.01), (16.0, 0.0, 0.1, 0.9), (60.0, 0.0, 0.0, 0.1), (9.0, 4.0, 0.02, 0.9)],
)
def test_where_no_line_is_asked_every_line_is_free(rise: float, crowns: float, low: float, high: float) -> None:
    """Each cell by its own line, against spans for which most cells, some or none lie in a calm box."""
    z = random_surface(17, 25, 25, rise, smooth=3)
    ground = heights_array(z, -60.0, -60.0, 5.0)
    over = z + np.where(random_surface(18, 25, 25, 1.0) > 0.97, crowns, 0.0)
    surface = heights_array(over, -60.0, -60.0, 5.0)
    doors = np.random.default_rng(2).uniform(-9.0, 9.0, (12, 2))
    at = middles()
    spans, count = window_spans(
        doors, forward_of(np.arange(12) * 77.0), np.array([REACH]), np.zeros(1), np.array([2.0 * math.pi]),
        np.zeros(1, np.int64), index_walls(np.zeros((0, 4))), CELL, WINDOW,
    )  # fmt: skip
    asked = cells_of(spans, count, 12)
    lens, target = np.full(12, LENS), np.array([TARGET])
    found = cells_of(*clear_spans(ground, surface, NO_WALLS, doors, lens, target, 1.0, spans, count, WINDOW, CELL), 30)
    calm, box = np.zeros((12, 2, 2, 2)), np.array([-25.0, -25.0, 25.0, 25.0])
    for n, (cx, cy) in enumerate(doors):
        eye = float(bilinear(z, -60.0, -60.0, 5.0, doors[n])) + LENS
        _calm_boxes(ground, surface, cx, cy, box, eye, TARGET, calm[n])
        aim = bilinear(z, -60.0, -60.0, 5.0, at) + TARGET
        for row, column in np.argwhere(asked[n]):
            x, y = at[row, column]
            assert found[n, row, column] == (not hidden(surface, cx, cy, eye, x, y, aim[row, column], 1.0))
    quiet = calm.prod(axis=-1).sum() / (12 * 50.0 * 50.0)  # share of the window in calm boxes
    assert low < quiet < high
    assert found.sum() < asked.sum() or quiet > 0.5
