"""Views as spans of cells, cut to shorter ranges, and as outlines, against one point at a time and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from doorview.sight.arrays import forward_of, index_walls, visible_areas
from doorview.sight.kernels.areas import areas_of_cameras
from doorview.sight.kernels.outline import outlines
from doorview.sight.kernels.window import window_spans
from helpers.brute import sees

CELL = 0.5
WINDOW = np.array([-30, 60, -27, 64], np.int64)


def some_walls(seed: int, count: int = 9) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    middle, angle = rng.uniform(-13.0, 13.0, (count, 2)), rng.uniform(0.0, math.pi, count)
    half = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(0.5, 4.0, (count, 1))
    return np.hstack([middle - half, middle + half])


def cells_seen(
    spans: NDArray[np.int32], count: int, levels: int, doors: int, window: NDArray[np.int64] = WINDOW
) -> NDArray[np.int64]:
    """How often each cell lies in a span: (levels, doors, rows, columns)."""
    seen = np.zeros((levels, doors, window[1], window[3]), np.int64)
    for level, row, start, stop, door in spans[:count].tolist():
        assert start < stop
        seen[level, door, row, start:stop] += 1
    return seen


def centre(r: int, c: int, window: NDArray[np.int64] = WINDOW) -> tuple[float, float]:
    return (window[2] + c + 0.5) * CELL, (window[0] + r + 0.5) * CELL


@pytest.mark.parametrize(("field", "heading"), [(155.0, 3.0), (90.0, 359.0), (200.0, 180.0), (360.0, 77.0)])
def test_a_span_holds_the_centres_that_the_camera_sees(field: float, heading: float) -> None:
    """Two levels with near holes, one field across north; each centre tested by itself in exact arithmetic."""
    walls = some_walls(int(field))
    xy = np.array([[1.13, -2.21]])
    ranges, near = np.array([11.3, 6.7]), np.array([2.15, 0.0])
    spans, count = window_spans(
        xy,
        forward_of([heading]),
        ranges,
        near,
        np.radians([field]),
        np.zeros(2, np.int64),
        index_walls(walls),
        CELL,
        WINDOW,
    )
    seen = cells_seen(spans, count, 2, 1)
    assert seen.max() == 1  # spans of one door and level never overlap
    for level in range(2):
        for r, c in np.ndindex(seen.shape[2:]):
            x, y = centre(r, c)
            if math.hypot(x - 1.13, y + 2.21) > 12.0:
                assert not seen[level, 0, r, c]
                continue
            wanted = sees(
                (1.13, -2.21),
                (x, y),
                walls,
                heading_degrees=heading,
                range_m=ranges[level],
                near_m=near[level],
                field_of_view_degrees=field,
            )
            assert seen[level, 0, r, c] == wanted, (level, x, y)


def test_levels_of_different_fields_are_those_asked_for_alone() -> None:
    """A trigger of 360 degrees beside a picture of 120: each as if it were the only level."""
    walls = index_walls(some_walls(3))
    rng = np.random.default_rng(3)
    xy, forward = rng.uniform(-9.0, 9.0, (5, 2)), forward_of(rng.uniform(0.0, 360.0, 5))
    ranges, near, fields = np.array([5.0, 12.0, 9.0]), np.array([0.0, 1.0, 2.0]), np.radians([120.0, 360.0])
    field_of = np.array([1, 0, 0])
    spans, count = window_spans(xy, forward, ranges, near, fields, field_of, walls, CELL, WINDOW)
    together = cells_seen(spans, count, 3, 5)
    for level in range(3):
        field = fields[field_of[level] : field_of[level] + 1]
        one, n = window_spans(
            xy, forward, ranges[[level]], near[[level]], field, np.zeros(1, np.int64), walls, CELL, WINDOW
        )
        alone = cells_seen(one, n, 1, 5)[0]
        # A shorter range is cut from a longer view: where an edge passes a centre nearer than 1e-9 m it may differ.
        assert alone.any()
        assert np.array_equal(together[level], alone)


def test_a_window_cuts_spans_and_changes_none() -> None:
    """Four windows side by side hold what one large one does, on both sides of row and column 0."""
    walls = index_walls(some_walls(4, 20))
    rng = np.random.default_rng(4)
    xy, forward = rng.uniform(-12.0, 12.0, (6, 2)), forward_of(rng.uniform(0.0, 360.0, 6))
    settings = (np.array([14.0]), np.zeros(1), np.radians([155.0]), np.zeros(1, np.int64), walls, CELL)
    large = np.array([-64, 128, -64, 128], np.int64)
    whole = cells_seen(*window_spans(xy, forward, *settings, large), 1, 6, large)
    assert whole.sum() > 1500
    for row0 in (-64, 0):
        for col0 in (-64, 0):
            part = np.array([row0, 64, col0, 64], np.int64)
            seen = cells_seen(*window_spans(xy, forward, *settings, part), 1, 6, part)
            rows, columns = slice(row0 + 64, row0 + 128), slice(col0 + 64, col0 + 128)
            assert np.array_equal(seen, whole[:, :, rows, columns])


def test_many_crossings_in_a_row_and_many_spans() -> None:
    """A comb of 150 walls makes a row with over 64 crossings, 60 cameras more spans than there is room for at first."""
    teeth = np.linspace(-14.0, 14.0, 150)
    walls = np.column_stack([teeth, np.full(150, 9.0), teeth, np.full(150, 12.0)])
    xy = np.column_stack([np.linspace(-2.1, 2.1, 12), np.full(12, -1.07)])
    forward = forward_of(np.zeros(12))
    window = np.array([-8, 64, -64, 128], np.int64)
    spans, count = window_spans(
        xy,
        forward,
        np.array([17.0]),
        np.zeros(1),
        np.radians([155.0]),
        np.zeros(1, np.int64),
        index_walls(walls),
        CELL / 4,
        window * np.array([4, 4, 4, 4]),
    )
    assert count > 4096
    exact = visible_areas(xy, np.zeros(12), walls, range_m=17.0)
    cells = np.bincount(spans[:count, 4], weights=spans[:count, 3] - spans[:count, 2], minlength=12) * (CELL / 4) ** 2
    # The comb's boundary is some 300 edges of 3 m: at 1/8 m cells each is misplaced by up to half a cell, at random.
    assert cells == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("field", [100.0, 155.0, 300.0, 360.0])
def test_shorter_ranges_cut_from_a_longer_view(field: float) -> None:
    """Areas at several ranges at once are those of each range alone."""
    walls = some_walls(8, 30)
    rng = np.random.default_rng(8)
    xy, headings = rng.uniform(-12.0, 12.0, (10, 2)), rng.uniform(0.0, 360.0, 10)
    ranges, near = np.array([3.0, 15.0, 7.5, 0.4]), np.array([0.0, 2.0, 7.0, 0.0])
    out = np.empty((10, 4))
    areas_of_cameras(xy, forward_of(headings), ranges, near, math.radians(field), index_walls(walls), out)
    for level in range(4):
        alone = visible_areas(
            xy, headings, walls, range_m=ranges[level], near_m=near[level], field_of_view_degrees=field
        )
        assert out[:, level] == pytest.approx(alone, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("tolerance", [0.5, 0.01])
def test_outlines(tolerance: float) -> None:
    """Chords lie inside their arcs by at most the tolerance: polygons fall short of the area by arc times that."""
    walls = some_walls(9, 12)
    rng = np.random.default_rng(9)
    xy, headings = rng.uniform(-12.0, 12.0, (40, 2)), rng.uniform(0.0, 360.0, 40)
    start, points, area = outlines(
        xy, forward_of(headings), 15.0, 0.0, math.radians(155.0), index_walls(walls), tolerance
    )
    assert area == pytest.approx(visible_areas(xy, headings, walls, range_m=15.0), rel=1e-12)
    assert start[-1] == len(points)
    for n in range(40):
        ring = shapely.Polygon([*points[start[n] : start[n + 1]], xy[n]])
        short = area[n] - ring.area
        assert -1e-9 <= short <= tolerance * 15.0 * math.radians(155.0)
    _, _, holed = outlines(xy, forward_of(headings), 15.0, 4.0, math.radians(155.0), index_walls(walls), tolerance)
    assert holed == pytest.approx(visible_areas(xy, headings, walls, range_m=15.0, near_m=4.0), rel=1e-12)
