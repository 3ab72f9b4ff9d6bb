"""The raster of incidents: lines at whole multiples of the cell, and plain counts."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from doorview.errors import InputError
from doorview.overlays.surface_grid import SurfaceGrid, cell_counts, surface_grid


def test_lines_are_whole_multiples_of_the_cell_and_the_centre_decides():
    area = shapely.Polygon([(1010, 2010), (1390, 2010), (1390, 2160), (1010, 2160)])
    grid = surface_grid(area, 100.0)
    assert (grid.x0, grid.y0, grid.columns, grid.rows) == (1000.0, 2000.0, 4, 2)
    # Centres at y = 2050 and 2150 lie in it, x = 1050 .. 1350 too.
    assert grid.inside.all()
    assert surface_grid(shapely.box(1010, 2010, 1390, 2140), 100.0).inside.tolist() == [[True] * 4, [False] * 4]


def test_holes_do_not_count():
    ring = shapely.box(0, 0, 500, 500).difference(shapely.box(200, 200, 300, 300))
    grid = surface_grid(ring, 100.0)
    assert grid.inside.sum() == 24
    assert not grid.inside[2, 2]
    assert grid.area_km2 == pytest.approx(0.24)


def test_a_point_on_a_line_belongs_north_east_of_it():
    grid = surface_grid(shapely.box(-200, -200, 200, 200), 100.0)
    row, column = grid.cell_of([(0, 0), (-0.001, -0.001), (-200, -200), (200, 0), (0, 200), (-200.001, 0)])
    assert row.tolist() == [2, 1, 0, -1, -1, -1]
    assert column.tolist() == [2, 1, 0, -1, -1, -1]


def test_counts_are_those_of_a_plain_loop():
    rng = np.random.default_rng(3)
    area = shapely.Point(500, 500).buffer(430)
    grid = surface_grid(area, 76.2)
    xy = rng.uniform(-50, 1050, (700, 2))
    plain = np.zeros((grid.rows, grid.columns))
    x, y = grid.centres()
    for px, py in xy:
        for row in range(grid.rows):
            for column in range(grid.columns):
                near = abs(px - x[column]) < 38.1 and abs(py - y[row]) < 38.1
                if near and area.contains(shapely.Point(x[column], y[row])):
                    plain[row, column] += 1
    found = cell_counts(xy, grid)
    assert np.array_equal(found, plain)
    assert found.sum() == grid.counted(xy).sum() < 700


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: surface_grid(shapely.box(0, 0, 10, 10), 0.0), "cell_m is 0.0"),
        (lambda: surface_grid(shapely.Polygon(), 10.0), "empty or no polygon"),
        (lambda: surface_grid(shapely.LineString([(0, 0), (1, 1)]), 10.0), "empty or no polygon"),
        (lambda: surface_grid(shapely.box(0, 0, 1e6, 1e6), 1.0), "too many"),
        (lambda: surface_grid(shapely.box(0, 0, 10, 10), 100.0), "smaller cell_m"),
        (lambda: SurfaceGrid(5.0, 0.0, 10.0, 1, 1, np.ones((1, 1), bool)), "no whole multiple"),
        (lambda: SurfaceGrid(0.0, 0.0, 10.0, 2, 1, np.ones((2, 1), bool)), "it must be bool"),
        (lambda: cell_counts([1.0, 2.0], surface_grid(shapely.box(0, 0, 10, 10), 1.0)), "must be"),
        (lambda: cell_counts([(1.0, np.nan)], surface_grid(shapely.box(0, 0, 10, 10), 1.0)), "row 0"),
    ],
)
def test_what_cannot_be_is_said(call, says):
    with pytest.raises(InputError, match=says):
        call()


def test_no_point_at_all_gives_no_counts():
    grid = surface_grid(shapely.box(0, 0, 10, 10), 1.0)
    assert cell_counts([], grid).sum() == 0
