"""What must hold of any view past any walls, tried on scenes that hypothesis invents.

Scenes are drawn on a lattice of 0.25 m, so that walls that touch, cross, overlap, lie in line with the camera or have
no length come up often, not never. The camera lies off the lattice: on a wall it has no view to speak of.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pysovist import isovist

from doorview.sight.arrays import forward_of, height_scale, index_walls, visible_areas
from doorview.sight.kernels.areas import areas_of_cameras
from helpers.brute import enumerated_area, factor_of, scaled, sector_area, sees
from helpers.effort import examples
from helpers.extended import extended_area

few = settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow], derandomize=True)

CAMERA = (0.061, 0.087)
"""Off the lattice [m], and off most lines through two of its points."""
CLEAR_M = 1e-3
"""Walls whose line passes the camera nearer than this are left out: turning the scene may move them across it."""


class Scene(NamedTuple):
    """Walls (n, 4) [m], their heights (n,) [m], and the camera's heading, field of view [degrees] and range [m]."""

    walls: np.ndarray
    heights: np.ndarray
    heading: float
    field: float
    range_m: float


coordinate = st.integers(-60, 60).map(lambda n: n * 0.25)
wall = st.tuples(coordinate, coordinate, coordinate, coordinate)
height = st.sampled_from([math.inf, 3.0, 1.5, 1.4, 1.3, 1.0])


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    rows = draw(st.lists(st.tuples(wall, height), max_size=12))
    walls = np.array([row for row, _ in rows]).reshape(-1, 4)
    heights = np.array([tall for _, tall in rows], dtype=float)
    dx, dy = walls[:, 2] - walls[:, 0], walls[:, 3] - walls[:, 1]
    across = np.abs(dx * (walls[:, 1] - CAMERA[1]) - dy * (walls[:, 0] - CAMERA[0]))
    keep = across >= CLEAR_M * np.hypot(dx, dy)
    heading = draw(st.integers(-720, 720)) + 0.137
    field = draw(st.sampled_from([20.0, 90.0, 155.0, 180.0, 271.0, 360.0]))
    return Scene(walls[keep], heights[keep], heading, field, draw(st.sampled_from([2.0, 7.5, 12.3, 30.0])))


def seen(scene: Scene, *, camera: tuple[float, float] = CAMERA, near_m: float = 0.0) -> float:
    """Visible area [m2] of a scene's camera at 1.2 m, targets at 1.5 m."""
    areas = visible_areas(
        np.array([camera]),
        [scene.heading],
        scene.walls,
        scene.heights,
        scene.range_m,
        scene.field,
        near_m,
        camera_height_m=1.2,
        target_height_m=1.5,
    )
    return float(areas[0])


def turned(walls: np.ndarray, degrees: float) -> np.ndarray:
    """Points (n, 2) or walls (n, 4) turned clockwise about the origin."""
    angle = math.radians(degrees)
    spin = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return (walls.reshape(-1, 2) @ spin).reshape(walls.shape)


@few
@given(scenes())
def test_view_is_what_enumeration_finds(scene: Scene) -> None:
    factors = [factor_of(tall, 1.2, 1.5) for tall in scene.heights]
    expected = enumerated_area(
        *CAMERA,
        scene.heading,
        scene.walls,
        range_m=scene.range_m,
        field_of_view_degrees=scene.field,
        factors=factors,
    )
    assert seen(scene) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@few
@given(scenes())
def test_view_is_what_extended_arithmetic_finds(scene: Scene) -> None:
    """The definition in long doubles: doubles lose no more than 1e-11 of the sector on any of these scenes."""
    expected = extended_area(
        *CAMERA,
        scene.heading,
        scene.walls,
        range_m=scene.range_m,
        field_of_view_degrees=scene.field,
        factors=[factor_of(tall, 1.2, 1.5) for tall in scene.heights],
    )
    assert seen(scene) == pytest.approx(expected, abs=1e-11 * sector_area(scene.range_m, scene.field))


@few
@given(scenes())
def test_view_is_what_pysovist_finds(scene: Scene) -> None:
    """Another exact implementation, with walls scaled for their heights; the camera lies on none of them."""
    walls = scaled(*CAMERA, scene.walls, [factor_of(tall, 1.2, 1.5) for tall in scene.heights])
    view = isovist(
        walls.reshape(-1, 2, 2),
        (0.0, 0.0),
        max_distance=scene.range_m,
        fov=math.radians(scene.field),
        direction=math.remainder(math.radians(90.0 - scene.heading), math.tau),
    )
    assert seen(scene) == pytest.approx(view.metrics["area"], abs=1e-9 * sector_area(scene.range_m, scene.field))


@few
@given(scenes(), st.lists(st.tuples(st.floats(0.05, 1.0), st.floats(0.0, 1.0)), min_size=2, max_size=4))
def test_levels_in_one_pass_are_each_alone(scene: Scene, parts: list[tuple[float, float]]) -> None:
    ranges = np.array([scene.range_m * part for part, _ in parts])
    near = ranges * np.array([part for _, part in parts])
    index = index_walls(scene.walls, height_scale(scene.heights, 1.2, 1.5))
    together = np.empty((1, len(parts)))
    field = math.radians(scene.field)
    areas_of_cameras(np.array([CAMERA]), forward_of([scene.heading]), ranges, near, field, index, together)
    for column, (reach, hole) in enumerate(zip(ranges.tolist(), near.tolist(), strict=True)):
        alone = seen(scene._replace(range_m=reach), near_m=hole)
        assert together[0, column] == pytest.approx(alone, rel=1e-9, abs=1e-9)


@few
@given(scenes())
def test_no_more_than_the_sector(scene: Scene) -> None:
    assert 0.0 <= seen(scene) <= sector_area(scene.range_m, scene.field) * (1 + 1e-12)


@few
@given(scenes(), st.floats(0.05, 1.0))
def test_a_shorter_range_never_sees_more(scene: Scene, part: float) -> None:
    assert seen(scene._replace(range_m=scene.range_m * part)) <= seen(scene) * (1 + 1e-12) + 1e-12


@few
@given(scenes(), st.floats(0.0, 1.0))
def test_the_near_hole_is_the_shorter_view(scene: Scene, part: float) -> None:
    """What is seen beyond `near` and what is seen up to it make up the whole."""
    near = scene.range_m * part
    assume(near > 0.0)
    inner = seen(scene._replace(range_m=near))
    assert seen(scene, near_m=near) + inner == pytest.approx(seen(scene), rel=1e-9, abs=1e-9)


@few
@given(scenes(), st.floats(0.05, 1.0))
def test_a_narrower_field_never_sees_more(scene: Scene, part: float) -> None:
    assert seen(scene._replace(field=scene.field * part)) <= seen(scene) * (1 + 1e-9) + 1e-9


@few
@given(scenes(), st.floats(0.1, 0.9))
def test_two_fields_side_by_side_make_one(scene: Scene, part: float) -> None:
    left, right = scene.field * part, scene.field * (1 - part)
    start = scene.heading - 0.5 * scene.field
    halves = seen(scene._replace(field=left, heading=start + 0.5 * left)) + seen(
        scene._replace(field=right, heading=start + left + 0.5 * right)
    )
    assert halves == pytest.approx(seen(scene), rel=1e-9, abs=1e-9)


@few
@given(scenes(), st.floats(-360.0, 360.0), st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_moving_and_turning_everything_changes_nothing(scene: Scene, turn: float, east: int, north: int) -> None:
    """Within 1e-9 of the sector: moved by whole metres, so that the move itself costs no more than the last bits."""
    move = np.array([east, north], dtype=float)
    walls = turned(scene.walls, turn) + np.tile(move, 2)
    x, y = turned(np.array(CAMERA), turn) + move
    other = seen(scene._replace(walls=walls, heading=scene.heading + turn), camera=(float(x), float(y)))
    assert other == pytest.approx(seen(scene), rel=1e-9, abs=1e-9 * sector_area(scene.range_m, scene.field))


@few
@given(scenes(), st.randoms(use_true_random=False))
def test_the_order_of_walls_changes_nothing(scene: Scene, random: object) -> None:
    order = list(range(len(scene.walls)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = scene._replace(walls=scene.walls[order], heights=scene.heights[order])
    assert seen(shuffled) == pytest.approx(seen(scene), rel=1e-12, abs=1e-12)


@few
@given(scenes())
def test_the_ends_of_a_wall_may_be_swapped(scene: Scene) -> None:
    assert seen(scene._replace(walls=scene.walls[:, [2, 3, 0, 1]])) == pytest.approx(seen(scene), rel=1e-12, abs=1e-12)


@few
@given(scenes())
def test_one_more_wall_never_shows_more(scene: Scene) -> None:
    assume(len(scene.walls) > 0)
    fewer = scene._replace(walls=scene.walls[:-1], heights=scene.heights[:-1])
    assert seen(scene) <= seen(fewer) * (1 + 1e-12) + 1e-12


@few
@given(scenes())
def test_a_taller_wall_never_shows_more(scene: Scene) -> None:
    taller = scene._replace(heights=scene.heights + 0.1)
    assert seen(taller) <= seen(scene) * (1 + 1e-12) + 1e-12


@few
@given(scenes(), st.floats(0.0, 1.0))
def test_a_wall_may_be_built_in_two_parts(scene: Scene, part: float) -> None:
    """Within 1e-9: the joint is rounded, so the parts may bend by one in the last place."""
    first, second = scene.walls[:, :2], scene.walls[:, 2:]
    joint = first + part * (second - first)
    split = np.vstack([np.hstack([first, joint]), np.hstack([joint, second])])
    other = scene._replace(walls=split, heights=np.tile(scene.heights, 2))
    assert seen(other) == pytest.approx(seen(scene), rel=1e-9, abs=1e-9)


@few
@given(scenes(), st.integers(0, 2**32 - 1))
def test_points_in_view_make_up_the_area(scene: Scene, seed: int) -> None:
    """Points thrown evenly into the sector are in view as often as the area says, within five standard errors."""
    throws = 300
    rng = np.random.default_rng(seed)
    radius = scene.range_m * np.sqrt(rng.uniform(size=throws))
    bearing = np.radians(scene.heading + scene.field * rng.uniform(-0.5, 0.5, throws))
    points = np.column_stack([CAMERA[0] + radius * np.sin(bearing), CAMERA[1] + radius * np.cos(bearing)])
    factors = [factor_of(tall, 1.2, 1.5) for tall in scene.heights]
    found = np.mean([sees(CAMERA, point, scene.walls, factors=factors) for point in points.tolist()])
    share = seen(scene) / sector_area(scene.range_m, scene.field)
    spread = math.sqrt(max(share * (1 - share), 1 / throws) / throws)
    assert found == pytest.approx(share, abs=5 * spread)
