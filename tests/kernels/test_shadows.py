"""Walls lower than the lens before low targets: closed forms, integration over rays, and sight lines in space."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from doorview.sight.arrays import forward_of, height_scale, index_walls, visible_areas
from doorview.sight.kernels.areas import areas_of_cameras
from doorview.sight.kernels.outline import outlines
from doorview.sight.kernels.shadows import _after, shadow_quads
from doorview.sight.kernels.sightlines import clear_pairs
from doorview.sight.kernels.window import window_spans
from helpers.rays3d import lit_area, seen

CAMERA_M = 1.2
HALF = 0.6
"""Half as high as the lens: before a target on the ground its shadow ends at twice the wall's distance."""
TALL = math.inf
HALF_WALL = math.atan(0.5)
WALL = (-5.0, 10.0, 5.0, 10.0)


def sector(radians: float, metres: float) -> float:
    return 0.5 * radians * metres**2


class Case(NamedTuple):
    """A scene about a camera at the origin that looks north, and what it sees."""

    name: str
    walls: list[tuple[float, float, float, float]]
    heights: list[float]
    area: float
    range_m: float = 30.0
    field: float = 90.0
    near_m: float = 0.0
    target_m: float = 0.0


OPEN = sector(math.pi / 2, 30.0)
CASES = [
    # The shadow is the trapezium between y = 10 (10 m wide) and y = 20 (20 m wide).
    Case("one low wall", [WALL], [HALF], OPEN - 150.0),
    Case("given the other way round", [(5.0, 10.0, -5.0, 10.0)], [HALF], OPEN - 150.0),
    Case("twice the same", [WALL, WALL], [HALF, HALF], OPEN - 150.0),
    Case("lower: from 10 m to 13.33 m", [WALL], [0.3], OPEN - 50.0 * (16 / 9 - 1)),
    Case("as low as the target", [WALL], [0.5], OPEN, target_m=0.5),
    Case("as high as the lens: no end", [WALL], [1.2], OPEN - sector(2 * HALF_WALL, 30.0) + 50.0),
    Case("the shadow leaves the range", [WALL], [HALF], sector(math.pi / 2 - 2 * HALF_WALL, 15.0) + 50.0, 15.0),
    Case(
        # From the bearing where y = 20 meets the circle of 21 m outwards, the range ends the shadow.
        "the range cuts the far edge",
        [WALL],
        [HALF],
        sector(math.pi / 2, 21.0)
        - (sector(2 * (HALF_WALL - math.acos(20 / 21)), 21.0) + 20.0 * math.sqrt(21.0**2 - 400.0) - 50.0),
        21.0,
    ),
    Case(
        "the near hole takes part of the shadow",
        [WALL],
        [HALF],
        OPEN - sector(math.pi / 2, 15.0) - (200.0 - sector(2 * HALF_WALL, 15.0)),
        near_m=15.0,
    ),
    Case("the near hole ends before the shadow", [WALL], [HALF], OPEN - sector(math.pi / 2, 5.0) - 150.0, near_m=5.0),
    Case(
        "the near hole reaches over all of the shadow",
        [WALL],
        [HALF],
        OPEN - sector(math.pi / 2, 25.0),
        near_m=25.0,
    ),
    Case("two halves", [(-5.0, 10.0, 0.0, 10.0), (0.0, 10.0, 5.0, 10.0)], [HALF, HALF], OPEN - 150.0),
    Case(
        # The second wall stands where the first one's shadow ends: y = 10 to 40, cut at 30.
        "one behind the other's shadow",
        [WALL, (-10.0, 20.0, 10.0, 20.0)],
        [HALF, HALF],
        OPEN - sector(2 * HALF_WALL, 30.0) + 50.0,
    ),
    Case(
        # Lit again between 13.33 m and 20 m: the bearing holds three intervals.
        "light between two shadows",
        [WALL, (-10.0, 20.0, 10.0, 20.0)],
        [0.3, 0.3],
        OPEN - (50.0 + 200.0) * (16 / 9 - 1),
    ),
    Case(
        "a shadow within another", [WALL, (-5.0, 12.0, 5.0, 12.0)], [HALF, 0.3], OPEN - 150.0
    ),  # 12 m to 16 m, narrower
    Case("all before a tall wall", [WALL, (-20.0, 20.0, 20.0, 20.0)], [HALF, TALL], 400.0 - 150.0),
    Case(
        "half of it behind a tall wall", [WALL, (-20.0, 15.0, 20.0, 15.0)], [HALF, TALL], 225.0 - 0.5 * (225.0 - 100.0)
    ),
    Case("behind a tall wall", [WALL, (-20.0, 5.0, 20.0, 5.0)], [HALF, TALL], 25.0),
    Case(
        "straight behind, all around",
        [(-5.0, -10.0, 5.0, -10.0)],
        [HALF],
        sector(2 * math.pi, 30.0) - 150.0,
        field=360.0,
    ),
    Case("behind, out of the field", [(-5.0, -10.0, 5.0, -10.0)], [HALF], OPEN),
    Case(
        "the edge of the field cuts it",
        [(0.0, 10.0, 50.0, 10.0)],
        [HALF],
        # Half the field's triangle to y = 20, less that to y = 10, all within 45 degrees.
        OPEN - 0.5 * (400.0 - 100.0),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("heading", [0.0, 213.0])
def test_closed_forms(case: Case, heading: float) -> None:
    turn = math.radians(heading)
    rotate = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    walls = (np.array(case.walls).reshape(-1, 2) @ rotate + np.array([7.0, -3.0])).reshape(-1, 4)
    found = visible_areas(
        [[7.0, -3.0]],
        [heading],
        walls,
        case.heights,
        case.range_m,
        case.field,
        case.near_m,
        camera_height_m=CAMERA_M,
        target_height_m=case.target_m,
    )
    assert found[0] == pytest.approx(case.area, rel=1e-10)


def scene(
    seed: int, count: int, spread: float = 12.0, length: float = 5.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return random walls (they cross) and heights: a third low, some too low to matter, some tall."""
    rng = np.random.default_rng(seed)
    middle, angle = rng.uniform(-spread, spread, (count, 2)), rng.uniform(0.0, math.pi, count)
    half = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(0.3, length, (count, 1)) / 2
    heights = rng.choice([np.inf, 1.5, 0.2, 0.4, 0.55, 0.7, 0.9, 1.1], count)
    return np.hstack([middle - half, middle + half]), heights


@pytest.mark.parametrize("field", [90.0, 155.0, 250.0, 360.0])
def test_areas_are_those_of_a_hundred_thousand_rays(field: float) -> None:
    """Crossing walls of all heights, two levels and a near hole, low targets."""
    walls, heights = scene(int(field), 40)
    rng = np.random.default_rng(int(field) + 1)
    xy, heading = rng.uniform(-8.0, 8.0, (6, 2)), rng.uniform(0.0, 360.0, 6)
    ranges, near = np.array([14.0, 7.5]), np.array([0.0, 1.5])
    target = 0.3
    index = index_walls(walls, height_scale(heights, CAMERA_M, target))
    assert index.lows.ni > 0
    found = np.empty((6, 2))
    areas_of_cameras(xy, forward_of(heading), ranges, near, math.radians(field), index, found)
    for camera, level in np.ndindex(found.shape):
        wanted = lit_area(
            (*xy[camera], CAMERA_M),
            heading[camera],
            target,
            walls,
            heights,
            range_m=ranges[level],
            field_of_view_degrees=field,
            near_m=near[level],
        )
        assert found[camera, level] == pytest.approx(wanted, rel=5e-4)


def test_a_crowd_of_low_walls_finds_room() -> None:
    """More walls, crossings and shadows than any work array begins with."""
    walls, _ = scene(5, 150, 8.0, 12.0)
    heights = np.full(150, 0.5)
    index = index_walls(walls, height_scale(heights, CAMERA_M, 0.0))
    found = np.empty((1, 1))
    xy, forward = np.array([[0.3, -0.4]]), forward_of([20.0])
    areas_of_cameras(xy, forward, np.array([10.0]), np.zeros(1), math.radians(60.0), index, found)
    wanted = lit_area((0.3, -0.4, CAMERA_M), 20.0, 0.0, walls, heights, range_m=10.0, field_of_view_degrees=60.0)
    assert found[0, 0] == pytest.approx(wanted, rel=5e-4)
    start, quads = shadow_quads(
        np.repeat(xy, 4, axis=0), forward_of([20.0] * 4), 10.0, math.tau, index.lows, index.shade
    )
    assert len(quads) == start[-1] > 400
    assert np.array_equal(quads[: start[1]], quads[start[3] :])


CELL = 0.5
WINDOW = np.array([-30, 60, -27, 64], np.int64)


def cells_seen(spans: NDArray[np.int32], count: int, levels: int, window: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each cell lies in a span: (levels, rows, columns)."""
    cells = np.zeros((levels, window[1], window[3]), np.int64)
    for level, row, start, stop, _ in spans[:count].tolist():
        assert start < stop
        cells[level, row, start:stop] += 1
    return cells


def centres(window: NDArray[np.int64]) -> NDArray[np.float64]:
    row, column = (part.ravel() for part in np.mgrid[0 : window[1], 0 : window[3]])
    return np.column_stack([(window[2] + column + 0.5) * CELL, (window[0] + row + 0.5) * CELL])


@pytest.mark.parametrize(("field", "heading"), [(155.0, 3.0), (90.0, 359.0), (200.0, 180.0), (360.0, 77.0)])
def test_a_span_holds_the_centres_whose_sight_lines_are_free(field: float, heading: float) -> None:
    """Each centre against rectangles in space, and against the kernel of single sight lines."""
    walls, heights = scene(int(field) + 3, 30)
    xy = np.array([[1.13, -2.21]])
    ranges, near, target = np.array([11.3, 6.7]), np.array([2.15, 0.0]), 0.1
    index = index_walls(walls, height_scale(heights, CAMERA_M, target), cell=4.0)
    spans, count = window_spans(
        xy, forward_of([heading]), ranges, near, np.radians([field]), np.zeros(2, np.int64), index, CELL, WINDOW
    )
    cells = cells_seen(spans, count, 2, WINDOW)
    assert cells.max() == 1  # spans of one door and level never overlap
    points = centres(WINDOW)
    targets = np.column_stack([points, np.full(len(points), target)])
    for level in range(2):
        wanted = seen(
            (1.13, -2.21, CAMERA_M),
            heading,
            targets,
            walls,
            heights,
            range_m=ranges[level],
            field_of_view_degrees=field,
            near_m=near[level],
        )
        assert np.array_equal(cells[level].ravel().astype(bool), wanted)
        clear = np.empty(len(points), np.bool_)
        pairs = np.zeros(len(points), np.int64), np.arange(len(points))
        clear_pairs(
            xy, forward_of([heading]), points, *pairs, ranges[level], near[level], math.radians(field), index, clear
        )
        assert np.array_equal(clear, wanted)


def test_low_walls_make_several_spans_in_a_row_and_room_for_them() -> None:
    """A hundred low posts: more spans than there is room for at first, the same in every window."""
    posts = np.array([[x, y, x + 0.7, y + 0.01] for x in np.arange(-9.0, 9.0, 2.0) for y in np.arange(-9.0, 9.0, 2.0)])
    index = index_walls(posts, height_scale(np.full(len(posts), 0.1), CAMERA_M, 0.0))
    rng = np.random.default_rng(2)
    xy, forward = rng.uniform(-6.0, 6.0, (60, 2)), forward_of(rng.uniform(0.0, 360.0, 60))
    settings = (np.array([12.0]), np.zeros(1), np.radians([360.0]), np.zeros(1, np.int64), index, CELL)
    whole = np.array([-40, 80, -40, 80], np.int64)
    spans, count = window_spans(xy, forward, *settings, whole)
    assert count > 4096
    one = spans[:count][spans[:count, 4] == 7]
    assert np.unique(one[:, 1], return_counts=True)[1].max() > 3
    large = cells_seen(spans, count, 1, whole)
    for row0, col0 in [(-40, -40), (-40, 0), (0, -40), (0, 0)]:
        part = np.array([row0, 40, col0, 40], np.int64)
        cells = cells_seen(*window_spans(xy, forward, *settings, part), 1, part)
        assert np.array_equal(cells, large[:, row0 + 40 : row0 + 80, col0 + 40 : col0 + 80])


def test_outlines_give_the_same_areas() -> None:
    walls, heights = scene(9, 30)
    index = index_walls(walls, height_scale(heights, CAMERA_M, 0.0))
    xy, forward = np.array([[0.1, 0.2], [3.0, -4.0]]), forward_of([10.0, 300.0])
    for near in (0.0, 6.0):
        _, _, area = outlines(xy, forward, 12.0, near, math.radians(155.0), index, 0.01)
        wanted = np.empty((2, 1))
        areas_of_cameras(xy, forward, np.array([12.0]), np.array([near]), math.radians(155.0), index, wanted)
        assert np.array_equal(area, wanted[:, 0])


def test_walls_with_a_common_end_leave_no_gap() -> None:
    """Points and cells right behind the corner that two walls share, low or tall."""
    for height in (0.6, TALL):
        walls = [[-5.0, 5.0, 0.25, 7.75], [0.25, 7.75, 5.0, 5.0]]
        index = index_walls(walls, height_scale([height, height], CAMERA_M, 0.0))
        xy, forward = np.array([[0.25, 0.25]]), forward_of([0.0])
        points = np.column_stack([np.full(9, 0.25), np.linspace(8.0, 14.0, 9)])
        clear = np.empty(9, np.bool_)
        clear_pairs(xy, forward, points, np.zeros(9, np.int64), np.arange(9), 20.0, 0.0, 2.0, index, clear)
        assert not clear.any()
        spans, count = window_spans(
            xy, forward, np.array([20.0]), np.zeros(1), np.array([2.0]), np.zeros(1, np.int64), index, CELL, WINDOW
        )
        cells = cells_seen(spans, count, 1, WINDOW)[0]
        rows, column = np.arange(16, 28) - WINDOW[0], 0 - WINDOW[2]
        assert not cells[rows, column].any()
        assert cells[10 - WINDOW[0], column] == 1


def test_a_piece_that_ends_straight_behind_ends_the_sweep_or_has_only_begun() -> None:
    """There the pseudo-angle is 2 or -2, and rounding decides which; no piece is as long as a half turn."""
    assert _after(-2.0, -1.0, 0.0, 2.0) == -2.0
    assert _after(1.9, -1.0, -1e-300, 2.0) == 2.0
    assert _after(0.5, 0.0, 1.0, 2.0) == 1.0
    assert _after(1.5, 0.0, 1.0, 2.0) == 1.5


def test_an_interval_too_narrow_to_have_a_length_hides_nothing() -> None:
    """Seen within a piece, the two ends of a far, short wall may fall together."""
    walls = [[0.0, 20.0, 1e-15, 20.0], [-30.0, 25.0, 30.0, 25.0]]
    found = visible_areas(
        [[0.0, 0.0]], [0.0], walls, [0.6, TALL], 60.0, 60.0, camera_height_m=CAMERA_M, target_height_m=0.0
    )
    assert found[0] == pytest.approx(625.0 * math.tan(math.radians(30.0)), rel=1e-12)


@pytest.mark.parametrize("height", [HALF, TALL])
def test_walls_seen_edge_on_or_far_away_hide_nothing(height: float) -> None:
    """A wall straight ahead along the sight line, and one beyond the range: areas, cells and single sight lines."""
    index = index_walls([[0.25, 3.0, 0.25, 6.0], [200.0, 0.0, 200.0, 9.0]], height_scale([height] * 2, CAMERA_M, 0.0))
    xy, forward = np.array([[0.25, 0.25], [60.0, 60.0]]), forward_of([0.0, 0.0])
    found = np.empty((2, 1))
    areas_of_cameras(xy, forward, np.array([9.0]), np.zeros(1), 1.0, index, found)
    assert found[:, 0] == pytest.approx(sector(1.0, 9.0), rel=1e-12)
    points = np.array([[0.25, 2.0], [0.25, 4.0], [0.25, 8.0]])
    clear = np.empty(3, np.bool_)
    clear_pairs(xy, forward, points, np.zeros(3, np.int64), np.arange(3), 9.0, 0.0, 1.0, index, clear)
    assert clear.all()
    whole = np.array([-10, 200, -10, 200], np.int64)
    settings = (np.array([9.0]), np.zeros(1), np.array([1.0]), np.zeros(1, np.int64))
    spans, count = window_spans(xy, forward, *settings, index, CELL, whole)
    free, n = window_spans(xy, forward, *settings, index_walls([]), CELL, whole)
    assert np.array_equal(spans[:count], free[:n])
