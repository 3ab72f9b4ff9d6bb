"""Spans cut to polygons, cell by cell, against shapely's point in polygon."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from doorview.share.scene import polygon_edges
from doorview.sight.kernels.limits import clip_spans

CELL = 0.5
WINDOW = np.array([-20, 40, -30, 60], np.int64)
"""Rows and columns on both sides of 0."""

SHAPES = [
    shapely.Polygon([(-11.3, -8.2), (12.7, -6.1), (3.2, 8.9)]),
    # A ring, and two parts: rows with several runs.
    shapely.Point(1.3, 0.7).buffer(8.2).difference(shapely.Point(0.2, 1.1).buffer(3.3)),
    shapely.MultiPolygon([shapely.box(-13.1, -9.3, -7.2, 3.1), shapely.box(-2.2, -4.4, 9.7, 7.7)]),
    shapely.box(-100.0, -100.0, 100.0, 100.0),
    shapely.box(100.0, 100.0, 101.0, 101.0),
    shapely.Polygon(),
]


def spans_of(doors: int, seed: int) -> NDArray[np.int32]:
    """Two levels; per row and door two runs that lie apart, in the order of `window_spans`."""
    rng = np.random.default_rng(seed)
    rows = []
    for door in range(doors):
        for level in range(2):
            for row in range(int(WINDOW[1])):
                at = np.sort(rng.choice(int(WINDOW[3]) + 1, 4, replace=False))
                rows += [(level, row, at[0], at[1], door), (level, row, at[2], at[3], door)]
    return np.array(rows, np.int32)


def cells(spans: NDArray[np.int32], doors: int) -> NDArray[np.int64]:
    """How often each level, door, row and column is held."""
    found = np.zeros((2, doors, int(WINDOW[1]), int(WINDOW[3])), np.int64)
    for level, row, start, stop, door in spans.tolist():
        assert start < stop
        found[level, door, row, start:stop] += 1
    return found


def clipped(spans: NDArray[np.int32], shapes: list[shapely.Geometry], cut: NDArray[np.bool_]) -> NDArray[np.int32]:
    edges = polygon_edges(np.array(shapes, dtype=object))
    out, count = clip_spans(spans, len(spans), cut, edges.start[:-1], edges.start[1:], edges.edges, CELL, WINDOW)
    return np.asarray(out[:count])


@pytest.mark.parametrize("seed", [1, 2])
def test_every_cell_of_the_view_in_the_polygon_and_no_other(seed: int) -> None:
    spans, cut = spans_of(len(SHAPES), seed), np.ones(len(SHAPES), bool)
    x, y = np.meshgrid((WINDOW[2] + np.arange(WINDOW[3]) + 0.5) * CELL, (WINDOW[0] + np.arange(WINDOW[1]) + 0.5) * CELL)
    inside = np.stack([shapely.contains_xy(shape, x, y) for shape in SHAPES])
    assert 0 < inside[:3].mean() < 1
    np.testing.assert_array_equal(
        cells(clipped(spans, SHAPES, cut), len(SHAPES)), cells(spans, len(SHAPES)) * inside[None]
    )


def test_a_door_that_is_not_cut_keeps_its_spans_as_they_are() -> None:
    spans = spans_of(2, 3)
    out = clipped(spans, [SHAPES[0], SHAPES[0]], np.array([False, True]))
    np.testing.assert_array_equal(out[out[:, 4] == 0], spans[spans[:, 4] == 0])
    assert (out[:, 4] == 1).sum() < (spans[:, 4] == 1).sum()


def test_two_polygons_that_share_an_edge_part_a_view_between_them() -> None:
    """Each cell goes to exactly one of them, also where the edge runs through centres."""
    edge = [(-3.25, -30.0), (4.75, 30.0)]
    for line in (edge, [(0.25, -30.0), (0.25, 30.0)]):
        west = shapely.Polygon([(-90, -30), *line, (-90, 30)])
        east = shapely.Polygon([(90, -30), *line, (90, 30)])
        spans, cut = spans_of(1, 4), np.ones(1, bool)
        both = cells(clipped(spans, [west], cut), 1) + cells(clipped(spans, [east], cut), 1)
        np.testing.assert_array_equal(both, cells(spans, 1))


def test_more_parts_than_there_was_room_for() -> None:
    """A comb of 25 teeth under one long span: 25 runs from one."""
    teeth = shapely.MultiPolygon([shapely.box(-15.0 + n, -1.0, -14.4 + n, 1.0) for n in range(25)])
    span = np.array([[0, 20, 0, 60, 0]], np.int32)
    out = clipped(span, [teeth], np.ones(1, bool))
    assert len(out) == 25
    assert (out[1:, 2] >= out[:-1, 3]).all()
