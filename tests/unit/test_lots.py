"""Whose land: four lots worked out by hand, parcels with faults, and the tessellation where there are none."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from doorview.city.doors import find_doors
from doorview.city.ground import Ground, public_space
from doorview.city.model import City
from doorview.city.obstacles import find_obstacles
from doorview.errors import InputError
from doorview.overlays.lots import REACH_M, Lots, front_yards, lots_of_homes
from doorview.share.coverage import Coverage, fold
from doorview.share.grid import Grid
from doorview.share.lots import PARTS, front_yard_rows, lot_scene, view_parts, whose
from doorview.share.scene import Kit, Scene, build_scene
from doorview.share.tiles import cover
from doorview.sight.api import camera, level, wall_index
from helpers.four_lots import BACK, EAST, FRONT, HOUSE_FRONT, LOTS, four_lots, lot_box, street_city

KIT_LEVELS = ("recognise", "observe", "detect")
RATE = 0.3
EXTENT = shapely.box(EAST - 150.0, -150.0, EAST + 150.0, 150.0)


def scene_of(city: City, doors: gpd.GeoDataFrame, ground: Ground, grid: Grid | None = None) -> Scene:
    model = camera("ring-video-doorbell-wired")
    levels = tuple(level(model, name) for name in KIT_LEVELS)
    walls = wall_index(find_obstacles(city), doors.crs, model.mount_height_m, 1.5)
    kit = Kit(levels, walls, math.radians(model.field_of_view_degrees))
    return build_scene(doors, kit, ground, inside=EXTENT.buffer(-60.0, join_style="mitre"), grid=grid)


class Street:
    """A street with its lots, and everything that is counted over it."""

    def __init__(self, city: City, **options: Any) -> None:
        self.city = city
        self.doors = find_doors(city)
        self.ground = public_space(city, self.doors)
        self.lots = lots_of_homes(self.doors, self.ground, EXTENT, **options)
        self.fronts, self.counts = front_yards(self.lots, self.doors, self.ground)
        self.scene = scene_of(city, self.doors, self.ground)
        self.coverage = covered(self)
        self.whose = whose(self.coverage, len(self.lots))
        self.parts = view_parts(self.coverage, self.whose, self.lots.of_door)
        self.rows = front_yard_rows(self.coverage, self.whose, self.lots.of_door, len(self.lots), 0)

    def share(self, name: str, part: str) -> float:
        found = self.parts[KIT_LEVELS.index(name)]
        return float(found[:, list(PARTS).index(part)].sum() / found.sum())


def covered(street: Street) -> Coverage:
    scene = lot_scene(street.scene, street.lots.shapes, street.fronts, [], EXTENT)
    return fold(scene, cover(scene, rasters=False))


@pytest.fixture(scope="module")
def street() -> Street:
    return Street(four_lots())


def sector(door: Any, range_m: float, field_degrees: float) -> shapely.Polygon:
    """The view of a camera that looks south over open ground, as a polygon with a chord for each quarter degree."""
    turn = np.radians(np.linspace(-field_degrees / 2, field_degrees / 2, 4 * int(field_degrees) + 1))
    arc = np.column_stack([door.x + range_m * np.sin(turn), door.y - range_m * np.cos(turn)])
    return shapely.Polygon([(door.x, door.y), *arc])


# --- four lots by hand ------------------------------------------------------------------------------------------------


def test_each_home_has_the_parcel_that_holds_its_door(street: Street):
    assert street.lots.method == "parcels"
    assert sorted(street.lots.of_door.tolist()) == list(range(LOTS))
    for lot, door in zip(street.lots.of_door, street.doors.geometry, strict=True):
        assert street.lots.shapes[lot].contains(door)


def test_a_front_yard_is_what_lies_nearer_to_the_street_than_the_house(street: Street):
    for lot, front in zip(street.lots.shapes, street.fronts, strict=True):
        west, _, east, _ = lot.bounds
        assert front.symmetric_difference(shapely.box(west, FRONT, east, HOUSE_FRONT)).area < 1e-6
    # 20 m wide, from the lot line 8 m from the centreline to the house at 18 m.
    assert (street.rows.total * street.rows.unit).tolist() == [200.0] * LOTS


def test_the_parts_of_a_view_are_those_of_an_overlay_by_hand(street: Street):
    """Nothing stands before the houses: the view is a sector, and the lots are boxes."""
    for number, item in enumerate(street.scene.levels):
        for row, door in enumerate(street.doors.geometry):
            view = sector(door, item.range_m, item.field_of_view_degrees)
            if item.near_m > 0:
                view = view.difference(door.buffer(item.near_m, quad_segs=64))
            boxes = [lot_box(lot) for lot in range(LOTS)]
            own = next(box for box in boxes if box.contains(door))
            area = {
                "own": view.intersection(own).area,
                "others_homes": sum(view.intersection(box).area for box in boxes if box is not own),
                # With parcels all ground outside them is public, as far as 30 m from the street.
                "public": view.difference(shapely.union_all(boxes)).area,
            }
            found = dict(zip(PARTS, street.parts[number, row], strict=True))
            public = sum(found[name] for name in ("street", "sidewalk", "park", "other_public"))
            # Half a cell along every edge of the part, at most; in practice far less.
            assert found["own"] == pytest.approx(area["own"], abs=2.5), item.name
            assert found["others_homes"] == pytest.approx(area["others_homes"], abs=2.5), item.name
            assert public == pytest.approx(area["public"], abs=5.0), item.name
            assert sum(found.values()) == pytest.approx(view.area, rel=0.02)


def test_the_parts_add_up_to_the_cells_of_the_view(street: Street):
    """Views reach beyond the counted area by half of the street; all of them is counted all the same."""
    rows = street.coverage.rows
    ground = rows[rows["space"] < 14]
    per_level = ground["amount"].to_numpy() * street.coverage.members.size[ground["set"].to_numpy()]
    for number in range(len(KIT_LEVELS)):
        cells = int(per_level[ground["level"].to_numpy() == number].sum())
        assert street.parts[number].sum() == cells * 0.25


def test_front_yards_in_view_of_others_agree_with_plain_loops_over_cells(street: Street):
    """Expected share in view of at least one other home's camera; no kernel, no set, no lot scene in the loop."""
    at = np.array([(door.x, door.y) for door in street.doors.geometry])
    for number, item in enumerate(street.scene.levels):
        half = math.radians(item.field_of_view_degrees / 2)
        seen, cells = 0.0, 0
        for lot in range(LOTS):
            west, _, east, _ = lot_box(lot).bounds
            for x in np.arange(west + 0.25, east, 0.5):
                for y in np.arange(FRONT + 0.25, HOUSE_FRONT, 0.5):
                    cells += 1
                    k = 0
                    for door in at:
                        dx, dy = x - door[0], y - door[1]
                        if west < door[0] < east or not item.near_m <= math.hypot(dx, dy) <= item.range_m:
                            continue
                        k += abs(math.atan2(dx, -dy)) <= half
                    seen += 1.0 - (1.0 - RATE) ** k
        rows = street.rows
        here = rows.level == number
        k_of = rows.members.size[rows.sets[here]]
        found = float((rows.amount[here] * (1.0 - (1.0 - RATE) ** k_of)).sum())
        assert cells == rows.total.sum()
        assert found == pytest.approx(seen, rel=1e-9)
    assert found > 100  # at detect


def test_no_home_sees_its_own_front_yard_in_this_count(street: Street):
    lots = street.lots.of_door
    for row in range(len(street.rows.level)):
        first, last = street.rows.members.start[street.rows.sets[row] : street.rows.sets[row] + 2]
        members = street.rows.members.doors[first:last]
        assert len(members) > 0
        assert not (lots[members] == street.rows.owner[row]).any()


def test_tiles_and_threads_change_no_bit(street: Street):
    small = lot_scene(
        scene_of(street.city, street.doors, street.ground, Grid(tile=64)), street.lots.shapes, street.fronts, [], EXTENT
    )
    coverage = fold(small, cover(small, rasters=False, threads=1))
    ground = whose(coverage, len(street.lots))
    assert (view_parts(coverage, ground, street.lots.of_door) == street.parts).all()
    rows = front_yard_rows(coverage, ground, street.lots.of_door, len(street.lots), 0)
    for name in ("level", "amount", "owner", "total"):
        assert (getattr(rows, name) == getattr(street.rows, name)).all(), name


# --- what may be wrong with parcels -----------------------------------------------------------------------------------


def test_parcels_in_another_crs_give_the_same(street: Street):
    moved = Street(four_lots(crs="EPSG:4326"))
    assert moved.lots.method == "parcels"
    for name in KIT_LEVELS:
        for part in PARTS:
            assert moved.share(name, part) == pytest.approx(street.share(name, part), abs=2e-3)


def test_overlapping_parcels_are_cut_and_counted(street: Street):
    whole = shapely.box(EAST - 40, FRONT, EAST + 40, BACK)
    over = Street(four_lots(more=[whole]))
    assert over.lots.counts["parcels"] == LOTS + 1
    assert over.lots.counts["parcels that overlapped and were cut"] == 0  # nobody's door lies in the wide one alone
    assert over.share("detect", "others_homes") == street.share("detect", "others_homes")
    wider = shapely.box(EAST - 45, FRONT, EAST - 10, BACK + 10)  # holds the first home and half of the second's lot
    cut = Street(four_lots(leave_out=[0], more=[wider]))
    assert cut.lots.counts["parcels that overlapped and were cut"] == 1
    union = shapely.union_all(cut.lots.shapes)
    assert union.area == pytest.approx(sum(shape.area for shape in cut.lots.shapes))
    assert np.unique(cut.lots.of_door).tolist() == list(range(LOTS))


def test_the_same_parcel_twice_is_one_lot(street: Street):
    twice = Street(four_lots(more=[lot_box(2)]))
    assert twice.lots.counts["parcels with a home"] == LOTS
    assert twice.share("detect", "own") == street.share("detect", "own")


def test_a_home_on_no_parcel_is_counted_and_owns_no_ground(street: Street):
    lost = Street(four_lots(leave_out=[3]))
    assert lost.lots.counts["doors on no parcel"] == 1
    row = int(np.flatnonzero(lost.lots.of_door < 0)[0])
    assert lost.parts[:, row, list(PARTS).index("own")].tolist() == [0.0] * len(KIT_LEVELS)
    assert len(lost.lots) == LOTS - 1


def test_homes_on_one_parcel_share_it(street: Street):
    shared = Street(four_lots(leave_out=[0, 1], more=[lot_box(0).union(lot_box(1))]))
    assert shared.lots.counts["lots shared by several doors"] == 1
    assert shared.lots.counts["doors on such lots"] == 2
    assert shared.share("detect", "own") > street.share("detect", "own")
    assert shared.share("detect", "others_homes") < street.share("detect", "others_homes")


def test_a_house_at_the_lot_line_has_no_front_yard():
    close = Street(four_lots(house_front=FRONT))
    assert shapely.area(close.fronts).sum() < 1e-6
    assert close.rows.total.tolist() == [0] * LOTS
    assert len(close.rows.level) == 0


def test_methods_that_do_not_fit_are_refused(street: Street):
    with pytest.raises(InputError, match="must be one of parcels, tessellation"):
        lots_of_homes(street.doors, street.ground, EXTENT, method="voronoi")
    with pytest.raises(InputError, match=r"to_crs"):
        lots_of_homes(street.doors.to_crs(32617), street.ground, EXTENT)
    bare = street_city(4)
    doors = find_doors(bare)
    with pytest.raises(InputError, match="the place has none"):
        lots_of_homes(doors, public_space(bare, doors), EXTENT, method="parcels")


# --- without parcels --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tessellated() -> Street:
    return Street(street_city(4))


def test_without_parcels_lots_meet_half_way_between_houses(tessellated: Street):
    """Houses of 10 m stand every 20 m: the line between two lies 5 m from either, at a whole multiple of 20 m."""
    lots: Lots = tessellated.lots
    assert lots.method == "tessellation"
    assert len(lots) == LOTS
    order = np.argsort(shapely.get_x(shapely.centroid(lots.shapes)))
    for number, row in enumerate(order[1:-1].tolist(), start=1):
        west, _, east, _ = (
            lots.shapes[row].intersection(shapely.box(EAST - 60, HOUSE_FRONT, EAST + 60, HOUSE_FRONT + 10)).bounds
        )
        assert west == pytest.approx(lot_box(number).bounds[0], abs=0.6)
        assert east == pytest.approx(lot_box(number).bounds[2], abs=0.6)
    met = [a.intersection(b).area for a, b in zip(lots.shapes[order][:-1], lots.shapes[order][1:], strict=True)]
    assert max(met) < 0.1


def test_land_ends_at_the_street_and_at_the_reach(tessellated: Street):
    for shape in tessellated.lots.shapes:
        assert shape.bounds[1] >= -1e-6  # the centreline: public ground is taken out by its class
        assert shape.bounds[3] <= HOUSE_FRONT + 10 + REACH_M + 1e-6


def test_parcels_and_tessellation_agree_where_houses_stand_evenly(street: Street, tessellated: Street):
    """The ends of the row differ: outer lots of the tessellation reach farther. Parts inside the row do not."""
    both = [np.argsort(item.doors.geometry.x.to_numpy())[1:3] for item in (street, tessellated)]
    own = list(PARTS).index("own")
    first, second = (item.parts[1][rows][:, own] for item, rows in zip((street, tessellated), both, strict=True))
    assert second == pytest.approx(first, rel=0.15)


def test_sheds_have_no_land_of_their_own(tessellated: Street):
    shed = Street(street_city(4, sheds=True))
    assert shed.lots.counts["small buildings without land of their own"] == LOTS
    assert shapely.area(shed.lots.shapes).sum() == pytest.approx(shapely.area(tessellated.lots.shapes).sum(), rel=1e-6)


def test_a_single_house_has_all_of_its_block():
    alone = Street(street_city(1))
    assert len(alone.lots) == 1
    assert alone.share("detect", "others_homes") == 0.0
    assert alone.rows.total.sum() > 0
    assert len(alone.rows.level) == 0  # nobody else is there to see it
