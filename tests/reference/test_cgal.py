"""Visible areas of 400 cameras among the buildings of Monaco against an exact kernel's.

`reference/monaco_cgal.npz` was computed with CGAL's triangular expansion on exact numbers, arcs handled exactly; its
origin is described beside it. Both the package and the oracles of `helpers/brute.py` are held against it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from doorview.sight.arrays import index_walls, visible_areas
from helpers.brute import enumerated_area, ray_area

RANGE_M = 30.0
VIEWS = [(155.0, "area_sector_155"), (360.0, "area_circle")]


class Reference(NamedTuple):
    """Cameras (m, 2) [m], headings (m,) [degrees clockwise from north], walls (n, 4) [m], areas by name (m,) [m2]."""

    xy: np.ndarray
    heading: np.ndarray
    walls: np.ndarray
    areas: dict[str, np.ndarray]

    def walls_near(self, camera: int) -> np.ndarray:
        """Walls whose bounding box meets the square around a camera."""
        low, high = self.xy[camera] - RANGE_M, self.xy[camera] + RANGE_M
        ends = self.walls.reshape(-1, 2, 2)
        return self.walls[((ends.min(axis=1) <= high) & (ends.max(axis=1) >= low)).all(axis=1)]


@pytest.fixture(scope="module")
def monaco(shared_data: Path) -> Reference:
    with np.load(shared_data / "reference" / "monaco_cgal.npz") as file:
        cameras = file["cameras"]
        return Reference(
            cameras[:, :2],
            90.0 - np.degrees(cameras[:, 2]),
            file["walls"],
            {name: file[name] for _, name in VIEWS},
        )


@pytest.mark.parametrize(("field", "name"), VIEWS)
def test_areas_are_exact(monaco: Reference, field: float, name: str) -> None:
    areas = visible_areas(monaco.xy, monaco.heading, monaco.walls, None, RANGE_M, field)
    assert areas == pytest.approx(monaco.areas[name], rel=1e-9)


def test_an_index_of_walls_changes_nothing(monaco: Reference) -> None:
    """Squares of 5, 16 and 500 m: which walls are looked at must not change which are met."""
    cells = [
        visible_areas(monaco.xy, monaco.heading, index_walls(monaco.walls, cell=cell), None, RANGE_M, 155.0)
        for cell in (5.0, 16.0, 500.0)
    ]
    assert cells[0] == pytest.approx(cells[1], rel=1e-12)
    assert cells[2] == pytest.approx(cells[1], rel=1e-12)


@pytest.mark.parametrize(("field", "name"), VIEWS)
def test_the_oracle_is_exact(monaco: Reference, field: float, name: str) -> None:
    """Every eighth camera by bearings enumerated in pure Python."""
    for camera in range(0, len(monaco.xy), 8):
        area = enumerated_area(
            *monaco.xy[camera],
            monaco.heading[camera],
            monaco.walls_near(camera),
            range_m=RANGE_M,
            field_of_view_degrees=field,
        )
        assert area == pytest.approx(monaco.areas[name][camera], rel=1e-12)


def test_rays_are_near(monaco: Reference) -> None:
    """Every fortieth camera by 100,001 rays."""
    for camera in range(0, len(monaco.xy), 40):
        area = ray_area(
            *monaco.xy[camera],
            monaco.heading[camera],
            monaco.walls_near(camera),
            range_m=RANGE_M,
            field_of_view_degrees=155.0,
        )
        assert area == pytest.approx(monaco.areas["area_sector_155"][camera], rel=5e-4)
