"""The exact visible area against closed forms, dense rays and bearings enumerated one by one.

The scenes whose area is known stand in `helpers/sight_cases.py`, where other implementations find them too.
"""

from __future__ import annotations

from math import inf, radians

import numpy as np
import pytest

from doorview.errors import InputError
from doorview.sight.arrays import forward_of, index_walls, visible_areas
from doorview.sight.kernels.areas import areas_of_cameras
from helpers.brute import enumerated_area, factor_of, ray_area
from helpers.extended import extended_area
from helpers.sight_cases import (
    BENT,
    CAMERA_M,
    CASES,
    DELICATE,
    TARGET_M,
    WALL,
    Case,
    crossing_field,
    factors_of,
)


def seen(case: Case, *, turn: float = 0.0, move: tuple[float, float] = (0.0, 0.0)) -> float:
    """Visible area [m2] of a case by the kernel, the scene turned clockwise by `turn` degrees and then moved."""
    angle = radians(turn)
    spin = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    walls = np.array(case.walls, dtype=float).reshape(-1, 2, 2) @ spin + move
    camera = np.array([case.camera]) @ spin + move
    return float(
        visible_areas(
            camera,
            [case.heading + turn],
            walls.reshape(-1, 4),
            case.heights,
            range_m=case.range_m,
            field_of_view_degrees=case.field,
            near_m=case.near,
            camera_height_m=CAMERA_M,
            target_height_m=TARGET_M,
        )[0]
    )


every_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@every_case
def test_closed_form(case: Case) -> None:
    assert seen(case) == pytest.approx(case.expected, rel=1e-12, abs=1e-12)


@every_case
def test_enumerated_bearings_agree_with_closed_form(case: Case) -> None:
    """The oracle is held against the same forms, or it would prove nothing elsewhere."""
    area = enumerated_area(
        *case.camera,
        case.heading,
        np.array(case.walls).reshape(-1, 4),
        range_m=case.range_m,
        field_of_view_degrees=case.field,
        near_m=case.near,
        factors=factors_of(case),
    )
    assert area == pytest.approx(case.expected, rel=1e-12, abs=1e-12)


@every_case
def test_extended_arithmetic_agrees_with_closed_form(case: Case) -> None:
    area = extended_area(
        *case.camera,
        case.heading,
        np.array(case.walls).reshape(-1, 4),
        range_m=case.range_m,
        field_of_view_degrees=case.field,
        near_m=case.near,
        factors=factors_of(case),
    )
    assert area == pytest.approx(case.expected, rel=1e-13, abs=1e-13)


@every_case
def test_rays_agree_with_closed_form(case: Case) -> None:
    area = ray_area(
        *case.camera,
        case.heading,
        np.array(case.walls).reshape(-1, 4),
        range_m=case.range_m,
        field_of_view_degrees=case.field,
        near_m=case.near,
        factors=factors_of(case),
        rays=20_001,
    )
    assert area == pytest.approx(case.expected, rel=5e-4, abs=1e-9)


@pytest.mark.parametrize("turn", [45.0, 90.0, 180.0, 267.5, 350.0, 359.9, -10.0, 725.0])
def test_turned_scenes(turn: float) -> None:
    """The field of view may lie across north, or across the west, where angles jump."""
    for case in CASES:
        if case.name not in DELICATE:
            assert seen(case, turn=turn) == pytest.approx(case.expected, rel=1e-9, abs=1e-9), case.name


def test_moved_scenes() -> None:
    """At the coordinates of a UTM zone a double resolves 1e-9 m; the move itself is exact here but for that."""
    for case in CASES:
        assert seen(case, move=(347_616.0, 4_365_824.0)) == pytest.approx(case.expected, rel=1e-9, abs=1e-6), case.name


def test_cameras_do_not_touch_each_other() -> None:
    """Many cameras in one call see what each sees alone, to the bit."""
    walls = np.array([WALL, *BENT, (-9.0, 2.0, -3.0, 8.0)])
    xy = np.array([[0.0, -1.0], [1.0, 8.0], [20.0, 4.0], [-6.0, 5.0], [300.0, 300.0]])
    headings = np.array([0.0, 100.0, 271.0, 15.0, 359.0])
    together = visible_areas(xy, headings, walls)
    alone = [visible_areas(xy[[i]], headings[[i]], walls)[0] for i in range(len(xy))]
    assert together.tolist() == alone
    assert visible_areas(xy[::-1], headings[::-1], walls).tolist() == alone[::-1]


def test_no_cameras() -> None:
    assert visible_areas(np.empty((0, 2)), np.empty(0), np.array([WALL])).shape == (0,)


def test_crossing_field_against_rays() -> None:
    """5e-4 is the ray count's own error: some 40 jumps of up to 450 m2 per radian, half a step of 2.7e-5 each."""
    xy, headings, walls = crossing_field(20_240_611)
    areas = visible_areas(xy, headings, walls)
    rays = [
        ray_area(x, y, heading, walls, range_m=30.0, field_of_view_degrees=155.0)
        for (x, y), heading in zip(xy, headings, strict=True)
    ]
    assert areas == pytest.approx(rays, rel=5e-4)


@pytest.mark.parametrize(("field", "near"), [(155.0, 0.0), (180.0, 2.0), (240.0, 0.0), (360.0, 4.0)])
def test_crossing_field_against_enumeration(field: float, near: float) -> None:
    """Walls of five heights, some of which cross only after scaling."""
    xy, headings, walls = crossing_field(7)
    xy, headings = xy[:12], headings[:12]
    heights = np.resize([inf, 3.0, 1.4, 1.3, 1.0], len(walls))
    factors = [factor_of(height, 1.2, 1.5) for height in heights]
    areas = visible_areas(xy, headings, walls, heights, 30.0, field, near, camera_height_m=1.2, target_height_m=1.5)
    expected = [
        enumerated_area(x, y, heading, walls, range_m=30.0, field_of_view_degrees=field, near_m=near, factors=factors)
        for (x, y), heading in zip(xy, headings, strict=True)
    ]
    assert areas == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("field", [155.0, 240.0, 360.0])
def test_crossing_field_in_extended_arithmetic(field: float) -> None:
    """Doubles lose a few of their last bits and no more: 1e-12 of the area."""
    xy, headings, walls = crossing_field(77)
    areas = visible_areas(xy, headings, walls, field_of_view_degrees=field)
    expected = [
        extended_area(x, y, heading, walls, range_m=30.0, field_of_view_degrees=field)
        for (x, y), heading in zip(xy, headings, strict=True)
    ]
    assert areas == pytest.approx(expected, rel=1e-12)


def test_all_levels_in_one_pass_are_each_alone() -> None:
    """A pass with several ranges and near radii gives what a pass for each of them gives."""
    xy, headings, walls = crossing_field(3)
    levels = np.array([[30.0, 0.0], [7.0, 1.5], [12.0, 0.3], [30.0, 5.0], [4.0, 4.0], [55.0, 2.0]])
    together = np.empty((len(xy), len(levels)))
    areas_of_cameras(
        xy, forward_of(headings), levels[:, 0].copy(), levels[:, 1].copy(), radians(155.0), index_walls(walls), together
    )
    for column, (reach, near) in enumerate(levels.tolist()):
        alone = visible_areas(xy, headings, walls, None, reach, 155.0, near)
        assert together[:, column] == pytest.approx(alone, rel=1e-11, abs=1e-9), (reach, near)


def test_more_walls_than_the_first_room_holds() -> None:
    """A ring of 900 posts, each 0.1 degrees wide: the camera sees what lies between them, and them.

    A post's chord cuts r^2 (a - sin a) / 2 off the sector up to it, and what lies behind the post.
    """
    posts, radius, half = 900, 10.0, radians(0.05)
    middle = 2.0 * np.pi * (np.arange(posts) + 0.37) / posts
    start, end = middle - half, middle + half
    walls = radius * np.column_stack([np.cos(start), np.sin(start), np.cos(end), np.sin(end)])
    area = visible_areas(np.zeros((1, 2)), [0.0], walls, field_of_view_degrees=360.0)[0]
    behind = 2.0 * half * posts
    expected = 0.5 * 30.0**2 * (2.0 * np.pi - behind) + posts * 0.5 * radius**2 * np.sin(2.0 * half)
    assert area == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize(
    "change",
    [
        {"range_m": 0.0},
        {"range_m": float("nan")},
        {"field_of_view_degrees": 0.0},
        {"field_of_view_degrees": 361.0},
        {"walls": np.array([[0.0, np.nan, 1.0, 1.0]])},
        {"walls": np.zeros((2, 3))},
        {"xy": np.zeros((1, 3))},
        {"xy": np.array([[np.inf, 0.0]])},
        {"heading_degrees": np.zeros(2)},
    ],
)
def test_bad_arrays_are_refused(change: dict[str, object]) -> None:
    good = {"xy": np.zeros((1, 2)), "heading_degrees": np.zeros(1), "walls": np.array([WALL])}
    with pytest.raises(InputError):
        visible_areas(**{**good, **change})  # type: ignore[arg-type]
