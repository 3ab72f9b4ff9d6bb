"""Known cameras in a city, and their views: closed forms, a caster of rays in space, and what is never published."""

from __future__ import annotations

import dataclasses
import math

import geopandas as gpd
import numpy as np
import pytest
import shapely

import doorview as dv
from doorview.errors import InputError, UnknownNameError
from doorview.sight.known import fit_to_publish, known_cameras, known_viewsheds
from helpers.osmfile import OsmFile
from helpers.tiny import tiny_town

CRS = "EPSG:32618"
X, Y = 345_000.0, 4_359_000.0
CAMERA = {"man_made": "surveillance", "surveillance:type": "camera", "camera:type": "fixed", "camera:direction": "180"}


# ---- cameras in a city


def city_with(tmp_path, *nodes: tuple[float, float, dict[str, str]], house: dict[str, str] | None = None) -> dv.City:
    """Return a town with one house of 20 by 20 m, its south-west corner at (0, 10), and these nodes (from n1 on)."""
    town = OsmFile()
    town.street()
    town.box(0, 10, 20, 20, {"building": "yes", **(house or {})})
    for number, (x, y, tags) in enumerate(nodes, start=1):
        town.node(x, y, {**CAMERA, **tags}, number=number)
    return dv.City.from_extract(town.write(tmp_path / "town.osm.pbf", box=(-200, -100, 200, 100)))


def test_what_nobody_says_is_assumed_and_said(tmp_path):
    city = city_with(tmp_path, (-50, 0, {}), (-60, 0, {"height": "6", "camera:direction": "90-180"}))
    table = known_cameras(city, camera="ring-video-doorbell-4", height_m=2.5)
    assert table.index.tolist() == ["k:n1", "k:n2"]
    assert table["heading"].tolist() == [180, 135]
    assert table["field_of_view_degrees"].tolist() == [160, 90]  # the model's, in cameras.toml
    assert table["height_m"].tolist() == [2.5, 6]
    assert table.crs == city.crs
    assert any(
        "1 known cameras have the field of view of 'ring-video-doorbell-4', 160" in n for n in table.attrs["notes"]
    )
    assert any("1 known cameras have the default height, 2.5 m" in n for n in table.attrs["notes"])
    assert table.attrs["counts"]["known cameras"] == 2
    assert (table["moved_m"] == 0).all()


def test_a_camera_on_or_in_a_building_is_put_outside_its_nearest_facade(tmp_path):
    # On the south facade, 3 m inside of it, 10 m inside in the middle of the house, and 0.5 m in front of it.
    city = city_with(tmp_path, (7, 10, {}), (8, 13, {}), (10, 20, {}), (9, 9.5, {}))
    table = known_cameras(city)
    assert table.index.tolist() == ["k:n1", "k:n2", "k:n4"]
    house = city.buildings.geometry.iloc[0]
    assert house.distance(table.geometry["k:n1"]) == pytest.approx(0.10, abs=0.01)
    assert house.distance(table.geometry["k:n2"]) == pytest.approx(0.10, abs=0.01)
    # Straight outward: 0.1 m from the facade, and from 3 m within; metres of the helper are good to about 0.5 %.
    assert table["moved_m"].tolist() == pytest.approx([0.10, 3.10, 0.0], abs=0.03)
    assert table.geometry["k:n4"] == city.surveillance.geometry["n4"]
    counts = table.attrs["counts"]
    assert counts["on or in a building, moved outside its facade"] == 2
    assert counts["more than 5 m inside a building, left out"] == 1


def test_a_camera_above_a_roof_stays_on_it(tmp_path):
    city = city_with(tmp_path, (10, 20, {"height": "9"}), (10, 21, {"height": "5"}), house={"height": "8"})
    table = known_cameras(city)
    assert table.index.tolist() == ["k:n1"]
    assert table["moved_m"].tolist() == [0]
    assert table.attrs["counts"]["on a roof below them, kept there"] == 1


def test_ids_are_in_order_of_their_numbers(tmp_path):
    nodes = [(-50 - i, 0, {}) for i in range(11)]
    nodes[8] = (-58, 0, {"camera:direction": "0;90"})
    own = gpd.GeoDataFrame({"direction": [10]}, geometry=[shapely.Point(OsmFile().lonlat(30, 0))], crs="EPSG:4326")
    table = known_cameras(city_with(tmp_path, *nodes), own)
    singles = [f"k:n{i}" for i in range(1, 9)]
    assert table.index.tolist() == [*singles, "k:n9.1", "k:n9.2", "k:n10", "k:n11", "k:own:1"]


def test_own_cameras_stand_beside_and_are_private(tmp_path):
    city = city_with(tmp_path, (-50, 0, {}))
    lon, lat = OsmFile().lonlat(30, 0)
    path = tmp_path / "own.csv"
    path.write_text(f"x,y,direction,range_m\n{lon},{lat},90,12\n{lon + 5},{lat},90,12\n", encoding="utf-8")
    table = known_cameras(city, path, columns={"lon": "x", "lat": "y"})
    assert table["source"].tolist() == ["osm", "own"]
    assert table["private"].tolist() == [False, True]
    assert table.attrs["counts"]["own: where the data do not reach, left out"] == 1
    views = known_viewsheds(table, dv.find_obstacles(city))
    assert views["private"].tolist() == [False, True]
    assert views.loc["k:own:1", "reach_m"] == 12
    for whole in (table, views):
        assert fit_to_publish(whole).index.tolist() == ["k:n1"]


def test_an_own_list_of_another_place_is_refused(tmp_path):
    lon, lat = OsmFile().lonlat(30, 0)
    path = tmp_path / "own.csv"
    path.write_text(f"lat,lon,direction\n{lon},{lat},90\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"none of 1 own cameras.*exchanged"):
        known_cameras(city_with(tmp_path), path)


def test_what_does_not_say_whether_it_is_private_is_not_published(tmp_path):
    table = known_cameras(city_with(tmp_path, (-50, 0, {}), (-51, 0, {})))
    with pytest.raises(InputError, match="no column 'private'"):
        fit_to_publish(table.drop(columns="private"))
    assert fit_to_publish(table.assign(private=[None, False])).index.tolist() == ["k:n2"]
    assert fit_to_publish(table.assign(private=[math.nan, 0.0])).empty
    # A camera of nobody knows whom counts as private in its view.
    assert known_viewsheds(table.drop(columns="private"), cameras_at().geometry)["private"].all()


def test_a_city_without_cameras_gives_none(tmp_path):
    city = dv.City.from_extract(tiny_town(tmp_path / "town.osm.pbf"))
    empty = known_cameras(city)
    assert empty.empty
    assert known_viewsheds(empty, dv.find_obstacles(city)).empty
    unasked = known_cameras(dataclasses.replace(city, surveillance=None))
    assert unasked.empty
    assert list(unasked.columns) == list(empty.columns)
    assert "own layers alone" in unasked.attrs["notes"][0]


def test_a_height_or_model_that_cannot_be_is_refused(tmp_path):
    city = city_with(tmp_path)
    with pytest.raises(InputError, match="height_m"):
        known_cameras(city, height_m=0)
    with pytest.raises(UnknownNameError, match="unknown camera"):
        known_cameras(city, camera="kodak")


# ---- views


def cameras_at(*rows: tuple[float, float, float, float, float], **more) -> gpd.GeoDataFrame:
    """Return cameras (x, y, heading, field of view, height)."""
    names = ("x", "y", "heading", "field_of_view_degrees", "height_m")
    data = {name: [float(row[place]) for row in rows] for place, name in enumerate(names)}
    xy = shapely.points(np.array([data.pop("x"), data.pop("y")]).T + np.array([X, Y]))
    return gpd.GeoDataFrame({**data, **more}, geometry=xy, crs=CRS, index=[f"k:{i}" for i in range(len(rows))])


def things(*shapes, **columns) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=[shapely.affinity.translate(s, X, Y) for s in shapes], crs=CRS)


def sector(degrees: float, metres: float) -> float:
    return math.radians(degrees) / 2 * metres**2


NOTHING = things()
WALL = shapely.LineString([(-10, 10), (10, 10)])


def test_each_camera_sees_with_its_own_field_range_and_heading():
    cameras = cameras_at((0, 0, 0, 90, 1.5), (200, 0, 90, 40, 1.5), (400, 0, 0, 360, 1.5), range_m=[20.0, 10.0, np.nan])
    views = known_viewsheds(cameras, NOTHING, range_m=5.0)
    assert views.index.equals(cameras.index)
    assert views.crs == cameras.crs
    assert views["area_m2"].tolist() == pytest.approx([sector(90, 20), sector(40, 10), sector(360, 5)])
    assert views["reach_m"].tolist() == [20, 10, 5]
    assert views.is_valid.all()
    # Chords leave at most 1 cm of the arc's length.
    assert np.abs(views.area - views["area_m2"]).max() < 0.01 * math.tau * 20
    east = views.geometry.iloc[1].centroid
    assert (east.x - X, east.y - Y) == pytest.approx(
        (200 + 2 / 3 * 10 * math.sin(math.radians(20)) / math.radians(20), 0), abs=0.02
    )


def test_tall_things_hide_all_beyond_and_things_below_the_target_nothing():
    cameras = cameras_at((0, 0, 0, 90, 3.5))
    for height, area in ((math.nan, 100.0), (3.5, 100.0), (1.5, sector(90, 30)), (0.5, sector(90, 30))):
        seen = known_viewsheds(cameras, things(WALL, height_m=[height]), range_m=30.0)
        assert seen["area_m2"].iloc[0] == pytest.approx(area), height
    assert known_viewsheds(cameras, things(WALL).geometry, range_m=30.0)["area_m2"].iloc[0] == pytest.approx(100.0)


def test_a_wall_between_hides_a_strip_from_its_foot_to_its_shadow():
    # z_c 3.5, z_t 1.5, h 2.5: hidden from 10 m to 10 (3.5 - 1.5) / (3.5 - 2.5) = 20 m; the field's edge is the wall's.
    views = known_viewsheds(cameras_at((0, 0, 0, 90, 3.5)), things(WALL, height_m=[2.5]), range_m=30.0)
    assert views["area_m2"].iloc[0] == pytest.approx(sector(90, 30) - (20**2 - 10**2), rel=1e-9)
    view = shapely.affinity.translate(views.geometry.iloc[0], -X, -Y)
    seen = [view.contains(shapely.Point(0, y)) for y in (9.9, 10.1, 19.9, 20.1, 29.9)]
    assert seen == [True, False, False, True, True]


def test_areas_are_those_of_the_arcs_where_a_shadow_cuts_them():
    # A wall from 1 to 5 m to the right at 10 m, z_c 3.5, h 3.4: its shadow goes beyond the range of 30 m, so what is
    # hidden is the sector between the bearings of its ends, less the triangle before it. The near hole stays a circle.
    wall = shapely.LineString([(1, 10), (5, 10)])
    cameras = cameras_at((0, 0, 0, 90, 3.5), tilt_degrees=[20.0])
    views = known_viewsheds(cameras, things(wall, height_m=[3.4]), range_m=30.0)
    hidden = 30**2 / 2 * (math.atan(0.5) - math.atan(0.1)) - 4 * 10 / 2
    near = 2 / math.tan(math.radians(65))
    assert views["area_m2"].iloc[0] == pytest.approx(sector(90, 30) - sector(90, near) - hidden, rel=1e-6)


def test_a_wall_that_meets_the_circle_twice_is_no_arc():
    # A tall wall 1 mm behind the camera from side to side leaves half the disc; the low thing takes a strip of it.
    behind = shapely.LineString([(-50, -0.001), (50, -0.001)])
    hiding = things(behind, shapely.LineString([(-1, 10), (1, 10)]), height_m=[9.0, 2.5])
    views = known_viewsheds(cameras_at((0, 0, 0, 360, 3.5)), hiding, range_m=30.0)
    assert views["area_m2"].iloc[0] == pytest.approx(sector(180, 30) + 0.06 - (20**2 - 10**2) / 10, abs=1e-3)


def test_a_solid_that_is_low_hides_its_own_ground_and_its_shadow():
    # A shed from 10 to 25 m, 4 m wide and 2 m high. Its front hides to 10 (3.5 - 1.5) / (3.5 - 2.0) = 13.3 m, its back
    # from 25 to 33.3 m; what lies in it is hidden by its roof.
    shed = things(shapely.box(-2, 10, 2, 25), height_m=[2.0])
    views = known_viewsheds(cameras_at((0, 0, 0, 90, 3.5)), shed, range_m=40.0)
    view = shapely.affinity.translate(views.geometry.iloc[0], -X, -Y)
    seen = [view.contains(shapely.Point(0, y)) for y in (9.9, 10.1, 20, 24.9, 25.1, 33.2, 33.5)]
    assert seen == [True, False, False, False, False, False, True]
    # A fence drawn along the same outline has no roof.
    fence = things(shapely.box(-2, 10, 2, 25).exterior, height_m=[2.0])
    open_view = known_viewsheds(cameras_at((0, 0, 0, 90, 3.5)), fence, range_m=40.0).geometry.iloc[0]
    assert open_view.contains(shapely.Point(X, Y + 20))


def test_a_wall_hardly_lower_than_the_camera_hides_as_a_tall_one_does():
    views = known_viewsheds(cameras_at((0, 0, 0, 90, 3.5)), things(WALL, height_m=[3.5 - 1e-9]), range_m=30.0)
    assert views["area_m2"].iloc[0] == pytest.approx(100.0, rel=1e-5)
    assert views.is_valid.all()


def in_view(camera, point, walls: list[tuple[shapely.LineString, float]], target: float) -> bool:
    """Say by a ray in space whether a point at the target's height is hidden by no upright wall."""
    line = shapely.LineString([camera[:2], point])
    for wall, height in walls:
        meeting = line.intersection(wall)
        if meeting.is_empty:
            continue
        at = math.dist(camera[:2], (meeting.x, meeting.y)) / line.length
        if camera[2] + at * (target - camera[2]) < height:
            return False
    return True


@pytest.mark.parametrize("height", [1.2, 2.0, 3.5, 8.0])
def test_views_agree_with_rays_in_space(height):
    rng = np.random.default_rng(5)
    ends = rng.uniform(-25, 25, (14, 2))
    spans = rng.uniform(-6, 6, (14, 2))
    walls = [shapely.LineString([a, a + b]) for a, b in zip(ends, spans, strict=True)]
    tops = rng.choice([1.0, 1.4, 1.8, 2.2, 3.0, 5.0, math.inf], 14)
    camera = (0.3, -0.2, height)
    cameras = cameras_at((0.3, -0.2, 30, 220, height))
    views = known_viewsheds(cameras, things(*walls, height_m=tops), range_m=25.0)
    view = shapely.affinity.translate(views.geometry.iloc[0], -X, -Y)
    checked = hidden = 0
    for point in rng.uniform(-26, 26, (1500, 2)):
        east, north = point[0] - camera[0], point[1] - camera[1]
        turn = (math.degrees(math.atan2(east, north)) - 30 + 180) % 360 - 180
        here = shapely.Point(point)
        if view.boundary.distance(here) < 0.03:
            continue
        clear = in_view(camera, point, list(zip(walls, tops, strict=True)), 1.5)
        assert view.contains(here) == (abs(turn) < 110 and math.hypot(east, north) < 25 and clear), point
        checked += 1
        hidden += not clear
    assert checked > 1000
    assert hidden > 50


def test_the_range_of_a_level_is_along_the_sight_line():
    # observe with 155 degrees over 1920 pixels: 1920 / (radians(155) 62.5) = 11.356 m.
    slant = 1920 / (math.radians(155) * 62.5)
    cameras = cameras_at((0, 0, 0, 90, 1.5), (0, 0, 0, 90, 6.5), (0, 0, 0, 90, 20.0))
    views = known_viewsheds(cameras, NOTHING, "ring-video-doorbell-wired", "observe")
    assert views["reach_m"].tolist() == pytest.approx([slant, math.sqrt(slant**2 - 25), 0.0])
    assert views["area_m2"].tolist() == pytest.approx([sector(90, slant), sector(90, math.sqrt(slant**2 - 25)), 0.0])
    assert views.geometry.iloc[2].is_empty
    assert (views["level"] == "observe").all()


def test_a_known_tilt_says_from_where_to_where():
    # z = 2 m above the target, v = 90 degrees. Tilt 60: from 2 / tan(105) (the foot) to 2 / tan(15) = 7.464 m. Tilt 20:
    # from 2 / tan(65) = 0.933 m on, and no end.
    cameras = cameras_at((0, 0, 0, 90, 3.5), (90, 0, 0, 90, 3.5), tilt_degrees=[60.0, 20.0])
    views = known_viewsheds(cameras, NOTHING, range_m=30.0)
    far, near = 2 / math.tan(math.radians(15)), 2 / math.tan(math.radians(65))
    assert views["area_m2"].tolist() == pytest.approx([sector(90, far), sector(90, 30) - sector(90, near)])


@pytest.mark.parametrize(
    ("cameras", "what"),
    [
        (cameras_at((0, 0, 0, 90, 3.5)).drop(columns="height_m"), "no column 'height_m'"),
        (cameras_at((0, 0, 0, 90, 3.5)).assign(heading="N"), "'heading' of numbers"),
        (cameras_at((0, 0, 0, 0, 3.5)), "field_of_view_degrees of 0.0"),
        (cameras_at((0, 0, 0, 361, 3.5)), "field_of_view_degrees of 361.0"),
        (cameras_at((0, 0, 0, 90, -1)), "height_m of -1.0"),
        (cameras_at((0, 0, math.nan, 90, 3)), "heading of nan"),
        (cameras_at((0, 0, 0, 90, 3), range_m=[math.inf]), "range_m"),
        (cameras_at((0, 0, 0, 90, 3), range_m=[-1.0]), "range_m"),
        (cameras_at((0, 0, 0, 90, 3)).to_crs("EPSG:4326"), "degree"),
        (cameras_at((0, 0, 0, 90, 3)).to_crs("EPSG:32617"), "another|cannot be compared|EPSG:32617"),
    ],
)
def test_cameras_that_cannot_be_used_are_refused(cameras, what):
    with pytest.raises(InputError, match=what):
        known_viewsheds(cameras, things(WALL), range_m=10.0)
    # Without obstacles near, the check holds too.
    with pytest.raises(InputError, match=what):
        known_viewsheds(cameras, things(shapely.affinity.translate(WALL, 1e6, 0)), range_m=10.0)


def test_a_range_that_cannot_be_is_refused():
    with pytest.raises(InputError, match="range_m"):
        known_viewsheds(cameras_at((0, 0, 0, 90, 3)), NOTHING, range_m=0.0)
