"""Sight lines over bilinear surfaces, against closed forms and against a thousand points along each line."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from doorview.sight.kernels.terrain import Heights, fill_visible, height_at, hidden
from doorview.sight.kernels.uneven import clear_spans
from doorview.sight.rasters import heights_array
from doorview.sight.terrain import NO_WALLS
from helpers.terrain import bilinear, excess, random_surface, steepest

CELL = 0.5


def heights(z: NDArray[np.float64], x0: float = 0.0, y0: float = 0.0, step: float = 1.0) -> Heights:
    return heights_array(z, x0, y0, step)


def test_heights_are_bilinear() -> None:
    """All of the raster, its last row and column too; beyond it, and beside an unknown sample, nothing is known."""
    z = random_surface(1, 5, 7, 9.0)
    grid = heights(z, -3.0, 10.0, 2.5)
    rng = np.random.default_rng(1)
    for x, y in rng.uniform((-3.0, 10.0), (12.0, 20.0), (50, 2)):
        assert height_at(grid, x, y) == pytest.approx(float(bilinear(z, -3.0, 10.0, 2.5, (x, y))), abs=1e-12)
    assert height_at(grid, 12.0, 20.0) == z[4, 6]
    assert height_at(grid, -3.0, 10.0) == z[0, 0]
    for x, y in [(-3.01, 12.0), (12.01, 12.0), (0.0, 9.99), (0.0, 20.01), (math.nan, 12.0)]:
        assert math.isnan(height_at(grid, x, y))
    z[2, 3] = math.nan
    assert math.isnan(height_at(heights(z, -3.0, 10.0, 2.5), 3.6, 14.9))
    assert height_at(heights(z, -3.0, 10.0, 2.5), 7.1, 15.0) > 0.0


@pytest.mark.parametrize("turn", range(4))
def test_the_top_of_a_saddle_between_two_ends_hides(turn: int) -> None:
    """On a patch with 4 m at two opposite corners and 0 at the others, the middle of the low diagonal is 2 m high.

    From (0.1, 0.9) to (0.9, 0.1) the surface is 8 u (1 - u): 0.72 m at both ends, so that the ends alone see nothing.
    """
    grid = heights(np.rot90(np.array([[4.0, 0.0], [0.0, 4.0]]), turn))
    a, b = ((0.1, 0.9), (0.9, 0.1)) if turn % 2 == 0 else ((0.1, 0.1), (0.9, 0.9))
    for start, end in ((a, b), (b, a)):
        assert hidden(grid, *start, 1.99, *end, 1.99, 0.0)
        assert not hidden(grid, *start, 2.01, *end, 2.01, 0.0)
    # In one quarter of the line the top is not reached: 8 u (1 - u) at u = 0.3 is 1.68.
    assert not hidden(grid, *a, 1.7, 0.3, 0.7 if turn % 2 == 0 else 0.3, 1.7, 0.0)


@pytest.mark.parametrize("seed", range(6))
def test_lines_over_random_surfaces(seed: int) -> None:
    """Against points along the line; where these cannot tell (a touch nearer than their spacing allows) nobody asks."""
    rng = np.random.default_rng(seed)
    rise, samples = (3.0, 6.0, 12.0)[seed % 3], 1000
    z, step, x0, y0 = random_surface(seed, 14, 17, rise, smooth=seed % 2), 1.7, 431.3, -77.1
    grid = heights(z, x0, y0, step)
    low, high = np.array([x0, y0]), np.array([x0 + 16 * step, y0 + 13 * step])
    decided = blocked = 0
    for n in range(80):
        (ax, ay), (bx, by) = rng.uniform(low, high, (2, 2))
        if n % 8 == 0:
            bx = ax  # along an axis
        elif n % 8 == 1:
            ay, by = y0 + 4 * step, y0 + 4 * step  # along a line of samples
        elif n % 8 == 2:
            ax, ay = x0 + 5 * step, y0 + 6 * step  # from a sample
        eye = float(bilinear(z, x0, y0, step, (ax, ay))) + rng.uniform(0.0, 1.5)
        aim = float(bilinear(z, x0, y0, step, (bx, by))) + rng.uniform(0.0, 1.5)
        clear = float(rng.choice([0.0, 1.0, 5.0]))
        length = math.hypot(bx - ax, by - ay)
        above = excess(z, x0, y0, step, (ax, ay, eye), (bx, by, aim), clear, samples)
        doubt = length / samples * (steepest(z, step) + abs(aim - eye) / length)
        found = hidden(grid, ax, ay, eye, bx, by, aim, clear)
        if length <= clear:
            assert not found
        elif above > 2e-6:
            assert found
            blocked += 1
        elif above < -doubt:
            assert not found
        else:
            continue
        decided += 1
    assert decided >= 76
    assert 10 <= blocked <= 75


def test_what_is_unknown_hides_nothing() -> None:
    z = np.zeros((5, 9))
    z[:, 4] = 50.0
    assert hidden(heights(z), 1.0, 2.0, 1.2, 7.0, 2.3, 1.5, 0.0)
    z[:, 4] = math.nan
    assert not hidden(heights(z), 1.0, 2.0, 1.2, 7.0, 2.3, 1.5, 0.0)
    # Lines that come from beyond the raster and go beyond it again meet what lies on it.
    z[:, 4] = 50.0
    assert hidden(heights(z), -30.0, 2.0, 1.2, 70.0, 2.0, 1.5, 0.0)
    assert not hidden(heights(z), -30.0, 5.0, 1.2, 70.0, 5.0, 1.5, 0.0)
    # A camera or a spot on unknown ground.
    assert not hidden(heights(z), 1.0, 2.0, math.nan, 7.0, 2.3, 1.5, 0.0)
    assert not hidden(heights(z), 1.0, 2.0, 1.2, 7.0, 2.3, math.nan, 0.0)


def test_what_stands_at_the_camera_is_left_out() -> None:
    """A roof of 6 m whose blurred edge ends 1 m before the facade, and a camera 0.1 m before it."""
    z = np.zeros((3, 20))
    z[:, :5] = 6.0
    assert hidden(heights(z), 4.1, 1.0, 1.2, 15.0, 1.0, 1.5, 0.0)
    assert hidden(heights(z), 4.1, 1.0, 1.2, 15.0, 1.0, 1.5, 0.6)  # 1.8 m of roof are left 0.7 m before the facade
    assert not hidden(heights(z), 4.1, 1.0, 1.2, 15.0, 1.0, 1.5, 1.0)
    assert not hidden(heights(z), 4.1, 1.0, 1.2, 4.9, 1.0, 1.5, 1.0)  # nearer than that: nothing is asked


def sector_spans(window: NDArray[np.int64], doors: NDArray[np.float64], reach: float) -> NDArray[np.int32]:
    """Spans of full circles about the doors, by the definition of a cell's centre."""
    spans = []
    for door, (cx, cy) in enumerate(doors):
        for row in range(window[1]):
            dy = (window[0] + row + 0.5) * CELL - cy
            x = (window[2] + np.arange(window[3]) + 0.5) * CELL - cx
            inside = np.flatnonzero(x * x + dy * dy < reach * reach)
            if len(inside):
                spans.append((door % 2, row, inside[0], inside[-1] + 1, door))
    return np.array(spans, dtype=np.int32)


def cells(spans: NDArray[np.int32], count: int, window: NDArray[np.int64], doors: int) -> NDArray[np.int64]:
    seen = np.zeros((doors, window[1], window[3]), np.int64)
    for _, row, start, stop, door in spans[:count].tolist():
        assert start < stop
        seen[door, row, start:stop] += 1
    return seen


def test_spans_keep_the_cells_that_are_seen() -> None:
    """Each cell against points along its own line; two levels with targets of their own, ground and surface apart."""
    window = np.array([-16, 32, -20, 40], np.int64)
    ground = random_surface(5, 12, 14, 4.0, smooth=1)
    canopy = random_surface(6, 24, 27, 3.0)
    g = (ground, -13.0, -11.0, 2.0)
    surface = bilinear(*g, np.stack(np.meshgrid(-13.0 + np.arange(27), -11.0 + np.arange(24)), axis=-1) * 1.0)
    surface = (surface + np.where(canopy > 2.5, canopy, 0.0)).astype(np.float32).astype(np.float64)
    s = (surface, -13.0, -11.0, 1.0)
    doors, targets = np.array([[0.3, 0.2], [3.1, -1.4]]), np.array([1.5, 0.3])
    lens = np.array([1.2, 2.0])
    eyes = bilinear(*g, doors) + lens
    given = sector_spans(window, doors, 6.0)
    before = given.copy()
    out, count = clear_spans(
        heights(*g), heights(*s), NO_WALLS, doors, lens, targets, 0.7, given, len(given), window, CELL
    )
    assert np.array_equal(given, before)
    asked, seen = cells(given, len(given), window, 2), cells(out, count, window, 2)
    assert seen.max() == 1
    assert count > len(given)  # some rows hold several intervals
    wrong = doubtful = 0
    for door, row, column in np.argwhere(asked):
        x, y = (window[2] + column + 0.5) * CELL, (window[0] + row + 0.5) * CELL
        length = math.hypot(x - doors[door, 0], y - doors[door, 1])
        if length <= 0.7:
            assert seen[door, row, column]
            continue
        aim = float(bilinear(*g, (x, y))) + targets[door]
        above = excess(*s, (*doors[door], eyes[door]), (x, y, aim), 0.7, 1000)
        if -length / 1000 * (steepest(surface, 1.0) + 2.0) <= above <= 2e-6:
            doubtful += 1
            continue
        wrong += bool(seen[door, row, column]) != (above < 0.0)
    assert wrong == 0
    assert doubtful < 0.02 * asked.sum()
    assert 0.2 * asked.sum() < seen.sum() < 0.95 * asked.sum()
    assert not seen[asked == 0].any()


def test_a_flat_surface_changes_no_bit_of_spans() -> None:
    window = np.array([-16, 32, -20, 40], np.int64)
    doors = np.array([[0.3, 0.2], [3.1, -1.4], [-2.0, 2.0]])
    given = sector_spans(window, doors, 6.0)
    for level in (0.0, 0.1, 812.7):
        flat = heights(np.full((12, 14), level), -13.0, -11.0, 2.0)
        lens, targets = np.full(3, 1.2), np.array([1.5, 0.0])
        out, count = clear_spans(flat, flat, NO_WALLS, doors, lens, targets, 0.0, given, len(given), window, CELL)
        assert count == len(given)
        assert np.array_equal(out[:count], given)


def test_a_span_in_many_pieces_finds_room_and_no_window_matters() -> None:
    """A picket fence: one span of 200 cells gives 40 runs, more than there is room for at first."""
    surface = np.zeros((4, 400))
    surface[2, ::10] = 9.0
    grid = heights(surface, -25.0, -1.0, 0.25)
    doors, lens, target = np.array([[25.0, -20.0]]), np.array([1.2]), np.array([1.5])
    window = np.array([-1, 4, 0, 200], np.int64)
    given = np.array([[0, 3, 0, 200, 0]] * 3, np.int32)
    wide = heights(np.zeros((200, 500)), -40.0, -25.0, 0.5)
    out, count = clear_spans(wide, grid, NO_WALLS, doors, lens, target, 0.0, given, 3, window, CELL)
    assert count > 60
    assert count % 3 == 0
    assert np.array_equal(out[: count // 3], out[count // 3 : 2 * count // 3])
    whole = cells(out, count // 3, window, 1)[0, 3]
    parts = []
    for col0 in (0, 77):
        part = np.array([2, 1, col0, 77 if col0 == 0 else 123], np.int64)
        span = np.array([[0, 0, 0, part[3], 0]], np.int32)
        piece, n = clear_spans(wide, grid, NO_WALLS, doors, lens, target, 0.0, span, 1, part, CELL)
        parts.append(cells(piece, n, part, 1)[0, 0])
    assert np.array_equal(np.concatenate(parts), whole)


def test_pairs_are_lines_one_by_one() -> None:
    z = random_surface(9, 10, 10, 4.0)
    grid = heights(z)
    rng = np.random.default_rng(9)
    a, b = rng.uniform(0.0, 9.0, (2, 60, 2))
    lens, target = rng.uniform(0.0, 3.0, (2, 60))
    out = np.empty(60, np.bool_)
    fill_visible(grid, grid, a, b, lens, target, 0.5, out)
    eye, aim = bilinear(z, 0.0, 0.0, 1.0, a) + lens, bilinear(z, 0.0, 0.0, 1.0, b) + target
    wanted = [not hidden(grid, *a[n], eye[n], *b[n], aim[n], 0.5) for n in range(60)]
    assert out.tolist() == wanted
    assert 5 < sum(wanted) < 55
