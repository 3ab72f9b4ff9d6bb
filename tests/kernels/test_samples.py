"""Places along lines: shapely's interpolation says the same, and a line does not depend on the others."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely

from doorview.share.kernels.samples import cells_along


def laid_out(lines):
    """Return the vertices of lines one after another, and where each begins."""
    xy = np.concatenate([np.asarray(line, dtype=np.float64) for line in lines])
    return xy, np.concatenate([[0], np.cumsum([len(line) for line in lines])]).astype(np.int64)


def test_places_on_a_bent_street_by_hand():
    """8 m east, then 4 m north, a place every 4 m, and the same 1.5 m to the left, in cells of 1 m."""
    line = [(0.0, 0.25), (8.0, 0.25), (8.0, 4.25)]
    xy, start = laid_out([line, line])
    count, step, offset = np.array([3, 3]), np.array([4.0, 4.0]), np.array([0.0, 1.5])
    row, column = cells_along(xy, start, count, step, offset, 1.0)
    assert list(zip(column.tolist(), row.tolist(), strict=True)) == [(2, 0), (6, 0), (8, 2), (2, 1), (6, 1), (6, 2)]


@pytest.mark.parametrize("seed", range(4))
def test_places_are_those_of_shapely_on_random_lines(seed):
    rng = np.random.default_rng(seed)
    lines = [rng.uniform(-50.0, 50.0, (int(rng.integers(2, 7)), 2)) for _ in range(8)]
    xy, start = laid_out(lines)
    shapes = [shapely.LineString(line) for line in lines]
    count = rng.integers(1, 12, len(lines))
    step = np.array([shape.length for shape in shapes]) / count
    row, column = cells_along(xy, start, count, step, np.zeros(len(lines)), 0.5)
    expected = np.concatenate(
        [
            shapely.get_coordinates(shapely.line_interpolate_point(shape, (np.arange(n) + 0.5) * each))
            for shape, n, each in zip(shapes, count, step, strict=True)
        ]
    )
    # No place of these seeds lies so near a cell's edge that the last bit of a sum would decide.
    assert np.abs(expected / 0.5 - np.round(expected / 0.5)).min() > 1e-9
    assert column.tolist() == np.floor(expected[:, 0] / 0.5).tolist()
    assert row.tolist() == np.floor(expected[:, 1] / 0.5).tolist()


def test_a_line_is_the_same_alone_and_with_repeated_vertices():
    rng = np.random.default_rng(9)
    lines = [rng.uniform(0.0, 30.0, (4, 2)) for _ in range(3)]
    doubled = [np.repeat(line, 2, axis=0) for line in lines]
    count, step, offset = np.array([4, 5, 6]), np.array([3.0, 2.0, 1.0]), np.array([1.0, -1.0, 0.0])
    row, column = cells_along(*laid_out(lines), count, step, offset, 0.5)
    again = cells_along(*laid_out(doubled), count, step, offset, 0.5)
    assert (again[0] == row).all()
    assert (again[1] == column).all()
    ends = np.concatenate([[0], np.cumsum(count)])
    for n, (a, b) in enumerate(itertools.pairwise(ends.tolist())):
        one = slice(n, n + 1)
        alone = cells_along(*laid_out(lines[one]), count[one], step[one], offset[one], 0.5)
        assert (alone[0] == row[a:b]).all()
        assert (alone[1] == column[a:b]).all()
