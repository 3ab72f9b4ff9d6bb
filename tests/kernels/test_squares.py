"""The index of walls against plain lists, and the sort of intervals against Python's."""

from __future__ import annotations

import math
import random
from collections import defaultdict

import numpy as np
import pytest

from doorview.sight.arrays import visible_areas
from doorview.sight.kernels.squares import squares_of_walls
from doorview.sight.kernels.star import RUN, _sort_by_start
from doorview.sight.kernels.types import FloatArray

CELL = 7.0


def some_walls(count: int, seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    middle = rng.uniform(-60.0, 45.0, (count, 2))
    half = rng.uniform(-9.0, 9.0, (count, 2))
    return np.hstack([middle - half, middle + half])


@pytest.mark.parametrize("count", [1, 2, 60])
def test_a_wall_stands_in_every_square_that_its_box_meets(count: int) -> None:
    walls = some_walls(count, count)
    walls[-1] = [-14.0, 7.0, 14.0, 7.0]  # along the lines of the squares
    scale = np.linspace(1.0, 2.0, count)
    expected: dict[tuple[int, int], list[int]] = defaultdict(list)
    lowest = {}
    for wall, (x1, y1, x2, y2) in enumerate(walls.tolist()):
        columns = range(math.floor(min(x1, x2) / CELL), math.floor(max(x1, x2) / CELL) + 1)
        rows = range(math.floor(min(y1, y2) / CELL), math.floor(max(y1, y2) / CELL) + 1)
        lowest[wall] = columns[0], rows[0]
        for row in rows:
            for column in columns:
                expected[column, row].append(wall)

    squares, item_wall = squares_of_walls(walls, scale, CELL)

    assert (squares.i0, squares.j0) == (min(c for c, _ in expected), min(r for _, r in expected))
    assert squares.i0 + squares.ni - 1 == max(c for c, _ in expected)
    assert squares.j0 + squares.nj - 1 == max(r for _, r in expected)
    assert len(squares.start) == squares.ni * squares.nj + 1
    assert squares.start[0] == 0
    assert squares.start[-1] == len(item_wall) == sum(map(len, expected.values()))
    for square in range(squares.ni * squares.nj):
        column, row = squares.i0 + square % squares.ni, squares.j0 + square // squares.ni
        items = slice(squares.start[square], squares.start[square + 1])
        found = item_wall[items].tolist()
        assert found == expected.get((column, row), [])
        assert np.array_equal(squares.xy[items], walls[found])
        assert np.array_equal(squares.scale[items], scale[found])
        for low, wall in zip(squares.low[items].tolist(), found, strict=True):
            assert low == [lowest[wall][0] - squares.i0, column - squares.i0, lowest[wall][1] - squares.j0]


def test_no_wall_makes_no_square() -> None:
    squares, item_wall = squares_of_walls(np.zeros((0, 4)), np.zeros(0), CELL)
    assert (squares.ni, squares.nj, len(squares.start), len(item_wall)) == (0, 0, 1, 0)


@pytest.mark.parametrize("count", [0, 1, RUN - 1, RUN, RUN + 1, 2 * RUN, 2 * RUN + 1, 5 * RUN - 3, 300])
def test_intervals_are_sorted_by_start_and_equals_by_number(count: int) -> None:
    dice = random.Random(count)
    start = [dice.randrange(40) / 8.0 for _ in range(count)]
    room = count + 5
    order, other = np.full(room, -1, np.int32), np.full(room, -1, np.int32)
    _sort_by_start(order, np.array(start + [0.0] * 5), count, other)
    assert order[:count].tolist() == sorted(range(count), key=lambda k: start[k])
    assert (order[count:] == -1).all()


def test_more_walls_than_there_is_room_for_make_more_room() -> None:
    # A ring of 700 chords about the camera, each twice: the polygon of the ring, more walls than the first room holds.
    count, radius = 700, 10.0
    angle = np.linspace(0.0, math.tau, count + 1)
    corner = radius * np.column_stack([np.cos(angle), np.sin(angle)])
    ring = np.hstack([corner[:-1], corner[1:]])
    exact = 0.5 * count * radius**2 * math.sin(math.tau / count)
    far = 500.0 + np.repeat(some_walls(40, 3), 30, axis=0)
    found = visible_areas([[0.0, 0.0]], [0.0], np.vstack([ring, far, ring]), range_m=30.0, field_of_view_degrees=360.0)
    assert found[0] == pytest.approx(exact, rel=1e-12)
