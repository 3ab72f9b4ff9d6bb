"""Painting of ground, cell by cell, against plain distances and shapely."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from doorview.share.kernels.paint import paint_discs, paint_mask, paint_polygons, paint_strips, paint_zones
from doorview.share.scene import polygon_edges

CELL = 0.5
WINDOW = np.array([-40, 64, -25, 64], np.int64)
"""Rows and columns on both sides of 0: whole numbers must round down, not towards 0."""
TWO_PI = 2.0 * math.pi


def centres(cell: float = CELL, window: NDArray[np.int64] = WINDOW) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y of the centres of a window's cells (rows, columns)."""
    row0, rows, col0, columns = window
    x, y = (col0 + np.arange(columns) + 0.5) * cell, (row0 + np.arange(rows) + 0.5) * cell
    return np.meshgrid(x, y)


def to_line(px: float, py: float, line: list[tuple[float, float]]) -> tuple[float, bool]:
    """Distance of a point from a line, and whether it lies on its left.

    At a bend the left is what is swept counter-clockwise from the way on to the way back.
    """
    best, left = math.inf, False
    for n in range(len(line) - 1):
        (x0, y0), (x1, y1) = line[n], line[n + 1]
        dx, dy = x1 - x0, y1 - y0
        at = min(1.0, max(0.0, ((px - x0) * dx + (py - y0) * dy) / (dx * dx + dy * dy)))
        distance = math.hypot(px - x0 - at * dx, py - y0 - at * dy)
        if distance >= best - 1e-12:
            continue
        best = distance
        bend = n if at == 0.0 else n + 1
        if 0.0 < at < 1.0 or bend in (0, len(line) - 1):
            left = dx * (py - y0) - dy * (px - x0) > 0.0
        else:
            x, y = line[bend]
            onward, back, here = (math.atan2(b - y, a - x) for a, b in (line[bend + 1], line[bend - 1], (px, py)))
            left = (here - onward) % TWO_PI < (back - onward) % TWO_PI
    return best, left


Strip = tuple[list[tuple[float, float]], float, float, int, int, int]
"""Line, inner, outer, side, rank, unit."""


def painted(strips: list[Strip], order: NDArray[np.int64] | None = None) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Rank and unit of every cell by the kernel."""
    lines, inner, outer, side, rank, unit = zip(*strips, strict=True)
    start = np.concatenate([[0], np.cumsum([len(line) for line in lines])]).astype(np.int64)
    shape = (WINDOW[1], WINDOW[3])
    out_rank, out_unit = np.full(shape, 255, np.uint8), np.zeros(shape, np.int32)
    paint_strips(
        WINDOW,
        CELL,
        np.arange(len(strips)) if order is None else order,
        start,
        np.array([point for line in lines for point in line]),
        np.array(inner, float),
        np.array(outer, float),
        np.array(side, np.int8),
        np.array(rank, np.uint8),
        np.array(unit, np.int32),
        out_rank,
        np.empty(shape, np.float32),
        out_unit,
    )
    return out_rank, out_unit


def plainly_painted(strips: list[Strip]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """The same by the rule of the contract: lowest rank, nearest line, first row."""
    x, y = centres()
    rank, unit = np.full(x.shape, 255, np.uint8), np.zeros(x.shape, np.int32)
    for r, c in np.ndindex(x.shape):
        held = []
        for row, (line, inner, outer, side, its_rank, its_unit) in enumerate(strips):
            distance, left = to_line(x[r, c], y[r, c], line)
            if inner <= distance < outer and (side == 0 or left == (side > 0)):
                held.append((its_rank, np.float32(distance), row, its_unit))
        if held:
            first = min(held)
            rank[r, c], unit[r, c] = first[0], first[3]
    return rank, unit


def some_lines(seed: int, count: int, bends: int) -> list[list[tuple[float, float]]]:
    """Lines with bends, near and beyond the window's edges."""
    rng = np.random.default_rng(seed)
    return [
        [(float(x), float(y)) for x, y in rng.uniform([-16, -23], [23, 15], (rng.integers(2, bends + 1), 2))]
        for _ in range(count)
    ]


BANDS = [(0.0, 3.0, 0), (1.5, 4.0, 0), (0.0, 2.5, 1), (0.0, 2.5, -1), (2.0, 3.5, 1), (2.0, 3.5, -1)]


@pytest.mark.parametrize(("inner", "outer", "side"), BANDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_band_along_a_line(inner: float, outer: float, side: int, seed: int) -> None:
    """Round ends, round outsides of bends, no paint where another part of the line is nearer than the inner edge."""
    strips = [(line, inner, outer, side, 3, 7) for line in some_lines(seed, 1, 6)]
    found, expected = painted(strips), plainly_painted(strips)
    assert (expected[1] == 7).any()
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])


def test_the_outside_of_a_hairpin_is_its_outside() -> None:
    """Beyond a bend sharper than a right angle a point may lie left of one leg's line though outside the bend."""
    hairpin = [(-8.0, -10.0), (2.0, -10.0), (-8.0, -5.0)]
    strips = [(hairpin, 0.0, 4.0, side, 1, unit) for side, unit in ((1, 5), (-1, 6))]
    _, unit = painted(strips)
    x, y = centres()
    beyond = (x > 2.2) & (np.hypot(x - 2.0, y + 10.0) < 3.9) & (y > -9.5)
    assert beyond.sum() > 20
    assert (unit[beyond] == 6).all()
    assert np.array_equal(unit, plainly_painted(strips)[1])


def test_rank_then_nearness_then_row() -> None:
    rng = np.random.default_rng(5)
    strips: list[Strip] = []
    for n, line in enumerate(some_lines(6, 10, 4)):
        inner, outer, side = BANDS[n % len(BANDS)]
        strips.append((line, inner, outer * 1.5, side, int(rng.integers(1, 4)), n + 1))
    # The same line twice is a tie: the first row has it.
    strips.append((strips[0][0], *strips[0][1:5], 99))
    found, expected = painted(strips), plainly_painted(strips)
    assert len(np.unique(expected[1])) >= 8
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])
    assert 99 not in found[1]
    # But for ties the order of painting changes nothing.
    turned = painted(strips, np.arange(len(strips) - 1)[::-1].copy())
    assert np.array_equal(turned[1], expected[1])


def test_a_strip_holds_its_inner_edge_and_not_its_outer_one() -> None:
    """Centres lie at 0.25, 0.75, ... m from a line along y = 0: the band 0.25 to 0.75 m holds the first alone."""
    _, unit = painted([([(-5.0, 0.0), (5.0, 0.0)], 0.25, 0.75, 1, 1, 1)])
    _, y = centres()
    assert set(y[unit == 1].tolist()) == {0.25}
    _, unit = painted([([(-5.0, 0.0), (5.0, 0.0)], 0.0, 0.25, 0, 1, 1)])
    assert not unit.any()


POLYGONS = [
    shapely.Polygon(
        [(-9.3, -17.2), (11.1, -15.4), (7.7, 8.9), (-6.2, 3.3)], [[(-2.1, -8.2), (3.4, -7.1), (1.2, -2.3)]]
    ),
    shapely.MultiPolygon([shapely.box(-11.1, -18.7, -4.4, -12.3), shapely.box(9.9, 2.2, 40.3, 50.1)]),
    shapely.Point(4.1, -9.3).buffer(6.07),
    shapely.Polygon([(-30.1, -30.2), (40.3, -30.4), (5.2, -11.1)]),
]


def paint(ranks: list[int]) -> NDArray[np.int32]:
    edges = polygon_edges(np.array(POLYGONS, dtype=object))
    rank, unit = np.full((64, 64), 255, np.uint8), np.zeros((64, 64), np.int32)
    ids = np.arange(len(POLYGONS))
    paint_polygons(
        WINDOW, CELL, ids, edges.start, edges.edges, np.array(ranks, np.uint8), (ids + 1).astype(np.int32), rank, unit
    )
    return unit


@pytest.mark.parametrize("ranks", [[0, 1, 2, 3], [3, 2, 1, 0], [1, 1, 1, 1], [2, 1, 2, 1]])
def test_polygons_as_shapely_holds_them(ranks: list[int]) -> None:
    x, y = centres()
    expected = np.zeros((64, 64), np.int32)
    # Painted last wins here, so begin with the highest rank and, within a rank, with the last row.
    for n in sorted(range(4), key=lambda n: (ranks[n], n), reverse=True):
        expected[shapely.contains_xy(POLYGONS[n], x, y)] = n + 1
    assert len(np.unique(expected)) >= 4
    assert np.array_equal(paint(ranks), expected)


def test_polygons_that_share_an_edge_leave_no_cell_and_share_none() -> None:
    """Edges through centres of cells: each centre belongs to exactly one of the parts of a square."""
    parts = [shapely.box(x, y, x + 4.25, y + 4.25) for x in (-4.0, 0.25) for y in (-4.0, 0.25)]
    edges = polygon_edges(np.array(parts, dtype=object))
    held = np.zeros((64, 64), int)
    for n in range(4):
        mask = np.zeros((64, 64), np.uint8)
        paint_mask(WINDOW, CELL, edges.edges[edges.start[n] : edges.start[n + 1]], mask)
        held += mask
    x, y = centres()
    assert np.array_equal(held == 1, (x >= -4.0) & (x < 4.5) & (y >= -4.0) & (y < 4.5))
    assert held.max() == 1


@pytest.mark.parametrize("cell", [0.25, 0.5, 1.0])
def test_mask(cell: float) -> None:
    window = np.array([-33, 64, 12, 64], np.int64)
    shape = shapely.union_all([shapely.Point(15.2, -3.3).buffer(7.1), shapely.box(20.3, 1.1, 90.2, 2.9)])
    shape = shape.difference(shapely.Point(14.1, -4.4).buffer(2.2))
    mask = np.zeros((64, 64), np.uint8)
    paint_mask(window, cell, polygon_edges(np.array([shape], dtype=object)).edges, mask)
    assert mask.any()
    assert np.array_equal(mask == 1, shapely.contains_xy(shape, *centres(cell, window)))


def test_zones_that_overlap() -> None:
    """The zones of every cell, followed through the combinations, are those whose polygon holds its centre."""
    rng = np.random.default_rng(8)
    zones = [shapely.Point(x, y).buffer(r) for x, y, r in rng.uniform([-12, -20, 3], [18, 12, 14], (9, 3))]
    zones.append(shapely.box(500, 500, 501, 501))
    edges = polygon_edges(np.array(zones, dtype=object))
    zone = np.zeros((64, 64), np.int32)
    made = paint_zones(WINDOW, CELL, np.arange(len(zones)), edges.start, edges.edges, zone)
    assert len(made) > 16  # so that the table of combinations had to grow
    names: list[frozenset[int]] = [frozenset()]
    for before, added in made.tolist():
        names.append(names[before] | {added})
    assert len(set(names)) == len(names)
    inside = np.stack([shapely.contains_xy(shape, *centres()) for shape in zones])
    for r, c in np.ndindex(zone.shape):
        assert names[zone[r, c]] == set(np.flatnonzero(inside[:, r, c]))


def test_discs() -> None:
    rng = np.random.default_rng(9)
    points = rng.uniform([-16, -24], [24, 16], (6, 2))
    window = np.array([-40, 64, -25, 192], np.int64)
    for radius in (0.1, 3.3, 41.0):
        bits = np.zeros((64, 3), np.uint64)
        paint_discs(window, CELL, points, radius, bits)
        x, y = centres(CELL, window)
        near = (np.hypot(x[..., None] - points[:, 0], y[..., None] - points[:, 1]) < radius).any(axis=2)
        found = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little").astype(bool)
        assert np.array_equal(found, near)
