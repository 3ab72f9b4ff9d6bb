"""The table of scenes whose visible area is known in closed form, for every implementation there is.

One camera at the origin looks north with a range of 30 m unless a case says otherwise; every expectation is worked out
by hand from sectors (r^2 angle / 2), triangles and circular segments. A camera hangs at 1.2 m, targets are at 1.5 m.
"""

from __future__ import annotations

from math import acos, asin, atan, inf, pi, radians, sqrt
from typing import NamedTuple

import numpy as np

from helpers.brute import factor_of, sector_area

__all__ = [
    "BENT",
    "CAMERA_M",
    "CASES",
    "DELICATE",
    "FIELD",
    "RANGE",
    "TARGET_M",
    "WALL",
    "Case",
    "crossing_field",
    "factors_of",
]

CAMERA_M, TARGET_M = 1.2, 1.5
"""Heights [m] of every case's camera and target."""
RANGE = 30.0
FIELD = 155.0
WALL = (-5.0, 10.0, 5.0, 10.0)
HALF_WALL = atan(0.5)


def sector(angle: float, radius: float = RANGE) -> float:
    """Area [m2] of a sector of `angle` radians."""
    return 0.5 * radius**2 * angle


def segment(distance: float, radius: float = RANGE) -> float:
    """Area [m2] of the part of a disc beyond a chord at `distance` from its centre."""
    return radius**2 * acos(distance / radius) - distance * sqrt(radius**2 - distance**2)


class Case(NamedTuple):
    """One scene and its visible area [m2]."""

    name: str
    walls: list[tuple[float, float, float, float]]
    expected: float
    field: float = FIELD
    heading: float = 0.0
    near: float = 0.0
    heights: list[float] | None = None
    camera: tuple[float, float] = (0.0, 0.0)
    range_m: float = RANGE


OPEN = sector(radians(FIELD))
ONE_WALL = sector(radians(FIELD) - 2 * HALF_WALL) + 50.0
BENT = [
    (0.0, 0.0, 10.0, 0.0),
    (10.0, 0.0, 10.0, 5.0),
    (10.0, 5.0, 5.0, 5.0),
    (5.0, 5.0, 5.0, 10.0),
    (5.0, 10.0, 0.0, 10.0),
    (0.0, 10.0, 0.0, 0.0),
]
NEAR_TO_WALL = acos(0.6)
"""Bearing off north [radians] at which a wall 3 m away leaves a near circle of 5 m."""
CORNER = sector(acos(3 / RANGE) - asin(4 / RANGE)) - 2.0 * (sqrt(RANGE**2 - 16) - 3) - 1.5 * (sqrt(RANGE**2 - 9) - 4)
"""Area [m2] of the disc where x > 3 and y > 4: a sector less two triangles, from its radii to the point (3, 4)."""
ROOM = [(-7.0, -3.0, 8.0, -3.0), (8.0, -3.0, 8.0, 9.0), (8.0, 9.0, -7.0, 9.0), (-7.0, 9.0, -7.0, -3.0)]

CASES = [
    Case("open field", [], OPEN),
    Case("open field, all around", [], pi * RANGE**2, field=360.0),
    Case("open field, one degree", [], sector(radians(1.0)), field=1.0),
    Case("open field, 270 degrees", [], sector(radians(270.0)), field=270.0),
    Case("one wall", [WALL], ONE_WALL),
    Case("one wall, ends given the other way round", [(5.0, 10.0, -5.0, 10.0)], ONE_WALL),
    Case("one wall, all around", [WALL], sector(2 * pi - 2 * HALF_WALL) + 50.0, field=360.0),
    Case(
        "one wall behind, all around", [(-5.0, -10.0, 5.0, -10.0)], sector(2 * pi - 2 * HALF_WALL) + 50.0, field=360.0
    ),
    Case("the same wall twice", [WALL, WALL], ONE_WALL),
    Case("a wall hidden behind a wall", [WALL, (-4.0, 20.0, 4.0, 12.0)], ONE_WALL),
    Case(
        "a wall half hidden behind a wall",
        # The right half of the far wall shows: bearings with 1/2 < x/y < 1, a triangle of height 20 and base 10.
        [WALL, (0.0, 20.0, 20.0, 20.0)],
        ONE_WALL - sector(pi / 4 - HALF_WALL) + 100.0,
    ),
    Case("walls that touch at their ends", [(-5.0, 10.0, 1.0, 10.0), (1.0, 10.0, 5.0, 10.0)], ONE_WALL),
    Case("walls that overlap in line", [(-5.0, 10.0, 1.0, 10.0), (-2.0, 10.0, 5.0, 10.0)], ONE_WALL),
    Case(
        "walls that meet in a peak",
        [(-5.0, 5.0, 0.0, 10.0), (0.0, 10.0, 5.0, 5.0)],
        sector(radians(FIELD) - pi / 2) + 50.0,
    ),
    Case(
        # Nearest is the left wall up to the crossing at (0, 10), then the right one: two triangles of 25 m2.
        "walls that cross",
        [(-5.0, 5.0, 5.0, 15.0), (5.0, 5.0, -5.0, 15.0)],
        sector(radians(FIELD) - pi / 2) + 50.0,
    ),
    Case("walls without length", [(3.0, 3.0, 3.0, 3.0), (0.0, 5.0, 0.0, 5.0)], OPEN),
    Case("a wall without length at the camera", [(0.0, 0.0, 0.0, 0.0)], OPEN),
    Case("a wall in line with the camera", [(0.0, 5.0, 0.0, 15.0)], OPEN),
    Case("a wall in line with the camera, aslant", [(3.0, 4.0, 6.0, 8.0)], OPEN),
    Case("a wall from the camera outward", [(0.0, 0.0, 0.0, 10.0)], OPEN),
    Case("a camera on its facade", [(-5.0, 0.0, 5.0, 0.0)], OPEN),
    Case("a camera at the corner of its facade", [(-5.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, -5.0)], OPEN),
    Case("a wall behind", [(-5.0, -5.0, 5.0, -5.0)], OPEN),
    Case("a wall round behind", [(-20.0, -1.0, 0.0, -5.0), (0.0, -5.0, 20.0, -1.0)], OPEN),
    Case("a wall beyond the range", [(-50.0, 31.0, 50.0, 31.0)], OPEN),
    Case("a wall that touches the range circle", [(-50.0, 30.0, 50.0, 30.0)], OPEN),
    Case("a wall that crosses the range circle twice", [(-100.0, 20.0, 100.0, 20.0)], OPEN - segment(20.0)),
    Case(
        "a wall from within to beyond the range",
        [(0.0, 10.0, 60.0, 10.0)],
        OPEN - sector(acos(1 / 3)) + 0.5 * 10.0 * sqrt(800.0),
    ),
    Case("a wall past the edge of the field", [(0.0, 10.0, 20.0, 10.0)], sector(pi / 4) + 50.0, field=90.0),
    Case("a wall that begins on the edge of the field", [(10.0, 10.0, 20.0, 10.0)], sector(pi / 2), field=90.0),
    Case("a wall past both edges of the field", [(-90.0, 10.0, 90.0, 10.0)], 100.0, field=90.0),
    Case("half a disc, a wall across", [(-100.0, 10.0, 100.0, 10.0)], sector(pi) - segment(10.0), field=180.0),
    Case("half a disc, the wall along its edge", [(-100.0, 0.0, -1.0, 0.0)], sector(pi), field=180.0),
    Case("270 degrees, a wall across", [(-100.0, 10.0, 100.0, 10.0)], sector(1.5 * pi) - segment(10.0), field=270.0),
    Case("all around, a wall across", [(-100.0, 10.0, 100.0, 10.0)], sector(2 * pi) - segment(10.0), field=360.0),
    Case(
        # A strip of half width 2: twice the integral of sqrt(30^2 - x^2) from 0 to 2.
        "a corridor",
        [(-2.0, -100.0, -2.0, 100.0), (2.0, -100.0, 2.0, 100.0)],
        2.0 * sqrt(RANGE**2 - 4.0) + RANGE**2 * asin(2.0 / RANGE),
        field=180.0,
    ),
    Case(
        # What lies west of x = 3 and south of y = 4: the disc less both segments, their common part only once.
        "an inner corner",
        [(-100.0, 4.0, 3.0, 4.0), (3.0, 4.0, 3.0, -100.0)],
        sector(2 * pi) - segment(3.0) - segment(4.0) + CORNER,
        field=360.0,
    ),
    Case("a closed room", ROOM, 180.0, field=360.0),
    Case(
        "a room larger than the range",
        ROOM,
        4.0 * pi,
        field=360.0,
        range_m=2.0,
    ),
    Case("a bent room from its elbow", BENT, 75.0, field=360.0, camera=(1.0, 1.0)),
    Case(
        # Past the corner (5, 5) the sight line falls to (10, 1.25): the triangle above it, 5 by 3.75, is out of view.
        "a bent room from one arm",
        BENT,
        75.0 - 0.5 * 5.0 * 3.75,
        field=360.0,
        camera=(1.0, 8.0),
    ),
    Case("near hole, open field", [], sector_area(RANGE, FIELD, 5.0), near=5.0),
    Case("near hole, one wall", [WALL], ONE_WALL - sector(radians(FIELD), 5.0), near=5.0),
    Case(
        "near hole, a wall within it",
        [(-1.0, 3.0, 1.0, 3.0)],
        sector(radians(FIELD) - 2 * atan(1 / 3)) - sector(radians(FIELD) - 2 * atan(1 / 3), 5.0),
        near=5.0,
    ),
    Case(
        # From the near circle to the wall between the bearings where the wall leaves it (x = 4) and ends (x = 10).
        "near hole, a wall that leaves it",
        [(-10.0, 3.0, 10.0, 3.0)],
        sector(radians(FIELD) - 2 * atan(10 / 3))
        - sector(radians(FIELD) - 2 * atan(10 / 3), 5.0)
        + 2 * (9.0 - sector(atan(10 / 3) - NEAR_TO_WALL, 5.0)),
        near=5.0,
    ),
    Case("near hole as large as the range", [], 0.0, near=RANGE),
    # A camera at 1.2 m, targets at 1.5 m: f = 0.3 / (h - 1.2), at least 1.
    Case("a wall taller than any line", [WALL], ONE_WALL, heights=[inf]),
    Case("a wall as high as the target", [WALL], ONE_WALL, heights=[1.5]),
    Case("a wall at the height of the lens", [WALL], OPEN, heights=[1.2]),
    Case("a wall below the lens", [WALL], OPEN, heights=[0.5]),
    # f = 1.5: as the wall from (-7.5, 15) to (7.5, 15).
    Case("a low wall", [WALL], sector(radians(FIELD) - 2 * HALF_WALL) + 112.5, heights=[1.4]),
    Case("a wall so low that its shadow begins beyond the range", [WALL], OPEN, heights=[1.29]),
    Case(
        # The low wall counts at 20 m (f = 2), behind the tall one: triangles of 100, 37.5 and 20 * (10 - 20/3) / 2.
        "a low wall before a tall one",
        [WALL, (0.0, 15.0, 5.0, 15.0)],
        sector(radians(FIELD) - 2 * HALF_WALL) + 100.0 + 37.5 + 100.0 / 3.0,
        heights=[1.35, inf],
    ),
]


# A turn in floating point takes a wall off the camera by a rounding error: then it may hide half of everything, and no
# answer is wrong.
DELICATE = {
    "a camera on its facade",
    "a camera at the corner of its facade",
    "a wall from the camera outward",
}


def factors_of(case: Case) -> list[float] | None:
    """Factors of the case's walls, as the oracles take them."""
    return None if case.heights is None else [factor_of(height, CAMERA_M, TARGET_M) for height in case.heights]


def crossing_field(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """60 cameras with headings among 120 segments that cross at random; nothing is aligned with anything."""
    rng = np.random.default_rng(seed)
    middle = rng.uniform(-45.0, 45.0, (120, 2))
    angle, half = rng.uniform(0.0, pi, 120), rng.uniform(0.5, 8.0, 120)
    reach = np.column_stack([np.cos(angle), np.sin(angle)]) * half[:, None]
    walls = np.hstack([middle - reach, middle + reach])
    return rng.uniform(-40.0, 40.0, (60, 2)), rng.uniform(0.0, 360.0, 60), walls
