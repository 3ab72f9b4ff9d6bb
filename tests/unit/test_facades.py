"""Facades along streets: which walls count, and who has them in view, against plain loops over open ground."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely

from doorview.city.doors import find_doors
from doorview.city.ground import public_space
from doorview.city.model import City
from doorview.city.obstacles import find_obstacles
from doorview.overlays.facades import OUT_M, Facades, facade_rows, street_facades
from doorview.overlays.lots import lots_of_homes
from doorview.share.lots import SetsOfOthers
from doorview.share.scene import Kit, build_scene
from doorview.sight.api import camera, level, wall_index
from helpers.four_lots import EAST, HOUSE_FRONT, street_city

EXTENT = shapely.box(EAST - 150.0, -150.0, EAST + 150.0, 150.0)
NEAR = 12.0
"""The houses' front at 12 m from the centreline: 24 m from the houses opposite."""
NAMES = ("recognise", "observe", "detect")


class Street:
    def __init__(self, city: City) -> None:
        model = camera("ring-video-doorbell-wired")
        self.doors = find_doors(city)
        self.ground = public_space(city, self.doors)
        self.lots = lots_of_homes(self.doors, self.ground, EXTENT)
        self.facades = street_facades(self.lots, self.doors, self.ground)
        self.levels = tuple(level(model, name) for name in NAMES)
        walls = wall_index(find_obstacles(city), self.doors.crs, model.mount_height_m, 1.5)
        kit = Kit(self.levels, walls, math.radians(model.field_of_view_degrees))
        self.scene = build_scene(self.doors, kit, self.ground, inside=EXTENT.buffer(-60.0, join_style="mitre"))

    def rows(self, *, oblique: bool = False, limits: np.ndarray | None = None) -> SetsOfOthers:
        none = np.zeros((len(self.facades.xy), 0), bool)
        return facade_rows(
            self.scene, self.facades, self.lots.of_door, len(self.lots), none, oblique=oblique, limits=limits
        )


@pytest.fixture(scope="module")
def both_sides() -> Street:
    return Street(street_city(4, opposite=True, house_front=NEAR))


def by_level(rows: SetsOfOthers, rate: float) -> list[float]:
    chance = 1.0 - (1.0 - rate) ** rows.members.size[rows.sets]
    return np.bincount(rows.level, weights=rows.amount * chance, minlength=3).tolist()


def by_hand(street: Street, facades: Facades, rate: float, *, oblique: bool) -> list[float]:
    """Centimetres in view of another home's camera, by door, spot and level: nothing stands in the street."""
    found = []
    for item in street.levels:
        total = 0.0
        for (x, y), normal, length, lot in zip(facades.xy, facades.normal, facades.length_m, facades.lot, strict=True):
            k = 0
            for door, heading, own in zip(
                street.doors.geometry, street.doors["heading"], street.lots.of_door, strict=True
            ):
                dx, dy = x - door.x, y - door.y
                away = math.hypot(dx, dy)
                turn = abs((math.degrees(math.atan2(dx, dy)) - heading + 180.0) % 360.0 - 180.0)
                if own == lot or turn > item.field_of_view_degrees / 2 or not item.near_m <= away <= item.range_m:
                    continue
                cosine = -(dx * normal[0] + dy * normal[1]) / away
                k += cosine > 0 and (not oblique or away <= item.range_m * cosine)
            total += 100.0 * length * (1.0 - (1.0 - rate) ** k)
        found.append(total)
    return found


def test_walls_towards_the_street_count_and_no_others(both_sides: Street):
    """Eight houses of 10 m; side walls look along the street, rear walls away from it."""
    assert both_sides.facades.length_m.sum() == pytest.approx(80.0)
    assert np.abs(np.abs(both_sides.facades.xy[:, 1]) - (NEAR - OUT_M)).max() < 1e-6
    assert (both_sides.facades.normal[:, 1] * both_sides.facades.xy[:, 1] < 0).all()
    assert both_sides.facades.length_m.max() <= 0.5 + 1e-9
    assert np.unique(both_sides.facades.lot).tolist() == list(range(8))


def test_a_house_behind_another_faces_no_street():
    behind = Street(street_city(4, more=[shapely.box(EAST - 35, HOUSE_FRONT + 20, EAST - 25, HOUSE_FRONT + 30)]))
    assert len(behind.lots) == 5
    assert behind.facades.length_m.sum() == pytest.approx(40.0)
    assert behind.facades.xy[:, 1].max() < HOUSE_FRONT


def test_walls_that_touch_another_house_are_none():
    """Two houses wall to wall: 10 m of front each, and nothing of the wall between them."""
    row = Street(street_city(0, more=[shapely.box(EAST + x, 10, EAST + x + 10, 20) for x in (0.0, 10.0)]))
    assert row.facades.length_m.sum() == pytest.approx(20.0)


def test_what_is_in_view_agrees_with_plain_loops(both_sides: Street):
    for oblique in (False, True):
        for rate in (0.25, 1.0):
            rows = both_sides.rows(oblique=oblique)
            hand = by_hand(both_sides, both_sides.facades, rate, oblique=oblique)
            assert by_level(rows, rate) == pytest.approx(hand, rel=1e-9, abs=1e-6)
    assert hand[2] > 1000  # 24 m across the street is within detect, and too far for the others
    assert hand[0] == hand[1] == 0


def test_less_of_an_oblique_wall_is_in_view(both_sides: Street):
    facing, oblique = by_level(both_sides.rows(), 0.3)[2], by_level(both_sides.rows(oblique=True), 0.3)[2]
    assert 0 < oblique < facing


def test_pieces_that_are_half_as_long_say_nearly_the_same(both_sides: Street):
    finer = street_facades(both_sides.lots, both_sides.doors, both_sides.ground, step_m=0.25)
    assert finer.length_m.sum() == pytest.approx(80.0)
    coarse = by_hand(both_sides, both_sides.facades, 0.3, oblique=False)[2]
    assert by_hand(both_sides, finer, 0.3, oblique=False)[2] == pytest.approx(coarse, rel=0.02)


def test_limits_cut_what_is_in_view(both_sides: Street):
    limits = np.full(len(both_sides.doors), None, dtype=object)
    limits[:] = shapely.box(EAST - 100, -NEAR + 1, EAST + 100, NEAR - 1)  # ends a metre before either row
    assert len(both_sides.rows(limits=limits).level) == 0
    limits[:] = None
    assert by_level(both_sides.rows(limits=limits), 1.0) == by_level(both_sides.rows(), 1.0)


def test_houses_on_one_side_do_not_see_each_others_fronts():
    """The fronts lie in one line: no door has another's wall in its 155 degrees."""
    one_side = Street(street_city(4, house_front=NEAR))
    assert len(one_side.rows().level) == 0
    assert one_side.rows().total.sum() == 4000


def test_without_homes_or_streets_nothing_is_found(both_sides: Street):
    none: gpd.GeoDataFrame = both_sides.doors.iloc[:0]
    lots = lots_of_homes(none, both_sides.ground, EXTENT)
    assert len(lots) == 0
    assert len(street_facades(lots, none, both_sides.ground).xy) == 0
