"""Known cameras as OpenStreetMap and a user's list say them: what is read, what is refused, what is counted."""

from __future__ import annotations

import json
import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import doorview as dv
from doorview.city.own_cameras import read_own_cameras
from doorview.city.surveillance import Direction, read_directions, read_osm_cameras, read_overpass_cameras
from doorview.city.tags import KEYS
from doorview.errors import InputError, MissingFileError, UnknownNameError
from helpers.osmfile import OsmFile

CAMERA = {"man_made": "surveillance", "surveillance": "outdoor", "surveillance:type": "camera", "camera:type": "fixed"}


def layer(*tags: dict[str, str]) -> gpd.GeoDataFrame:
    """Return a layer `surveillance` of nodes n1, n2, ... with these tags."""
    index = pd.Index([f"n{i}" for i in range(1, len(tags) + 1)], name="osm_id")
    data = {key: pd.Series([one.get(key) for one in tags], index=index, dtype=object) for key in KEYS["surveillance"]}
    return gpd.GeoDataFrame(data, geometry=[shapely.Point(i, 0) for i in range(len(tags))], crs="EPSG:32618")


# ---- directions


@pytest.mark.parametrize(
    ("text", "heading", "width", "form"),
    [
        ("0", 0, None, "number"),
        ("90", 90, None, "number"),
        ("22.5", 22.5, None, "number"),
        (" 270° ", 270, None, "number"),
        ("360", 0, None, "number"),
        ("N", 0, None, "compass"),
        ("nne", 22.5, None, "compass"),
        ("Se", 135, None, "compass"),
        ("NNW", 337.5, None, "compass"),
        ("south", 180, None, "compass"),
        ("NorthWest", 315, None, "compass"),
        ("90-180", 135, 90, "range"),
        ("350-10", 0, 20, "range"),  # clockwise across north
        ("10-350", 180, 340, "range"),  # the other way round is the rest of the circle
        ("190 - 100", 325, 270, "range"),
        ("0-360", 180, 360, "range"),
        ("45°–135°", 90, 90, "range"),
    ],
)
def test_each_form_of_a_direction_is_read(text, heading, width, form):
    assert read_directions(text) == ([Direction(heading, width, form)], [])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("-140", "sign"),
        ("+20", "sign"),
        ("361", "above 360"),
        ("350-370", "above 360"),
        ("90-90", "without width"),
        ("N-E", "hyphen"),
        ("north-east", "hyphen"),
        ("180, 270", "comma"),
        ("22,5", "comma"),
        ("up", "no direction"),
        ("forward", "no direction"),
        ("nan", "no direction"),
        ("1e2", "no direction"),
        ("90 deg", "no direction"),
        ("9" * 300, "too long"),
    ],
)
def test_what_is_no_direction_or_may_be_two_is_refused_with_its_reason(text, why):
    found, faults = read_directions(text)
    assert found == []
    assert len(faults) == 1
    assert why in faults[0]


def test_several_values_are_several_cameras_and_one_bad_one_costs_only_itself():
    found, faults = read_directions("90;160; up;SW;")
    assert [got.heading for got in found] == [90, 160, 225]
    assert faults == ["no direction"]
    assert read_directions(None) == ([], [])
    assert read_directions(math.nan) == ([], [])


@given(st.integers(0, 359), st.integers(1, 359))
def test_a_range_begins_and_ends_where_it_says(start, width):
    (got,), faults = read_directions(f"{start}-{(start + width) % 360}")
    assert not faults
    assert got.width_degrees == width
    assert (got.heading - width / 2) % 360 == pytest.approx(start)


@given(st.text(max_size=60))
def test_any_text_gives_directions_or_reasons_and_never_an_error(text):
    found, faults = read_directions(text)
    assert all(0 <= got.heading < 360 for got in found)
    assert len(found) + len(faults) == sum(bool(part.strip()) for part in text.split(";"))


# ---- rules for OpenStreetMap


def kept(*tags: dict[str, str], **options) -> gpd.GeoDataFrame:
    return read_osm_cameras(layer(*tags), **options)


def test_cameras_have_their_direction_kind_and_height():
    table = kept(
        {**CAMERA, "camera:direction": "90", "height": "10 ft"},
        {**CAMERA, "camera:direction": "350-10", "camera:type": "panning", "direction": "77"},
        {**CAMERA, "direction": "W", "height": "high"},
    )
    assert table.index.tolist() == ["k:n1", "k:n2", "k:n3"]
    assert table["heading"].tolist() == [90, 0, 270]
    assert table["field_of_view_degrees"].tolist() == pytest.approx([math.nan, 20, math.nan], nan_ok=True)
    assert table["height_m"].tolist() == pytest.approx([3.048, math.nan, math.nan], nan_ok=True)
    assert table["kind"].tolist() == ["fixed", "panning", "fixed"]
    assert table["form"].tolist() == ["number", "range", "compass"]
    assert table["certain"].all()
    assert not table["private"].any()
    assert table.attrs["counts"]["direction from the general key"] == 1
    assert table.attrs["counts"]["height that cannot be read"] == 1


def test_several_directions_are_several_cameras_on_one_spot():
    table = kept({**CAMERA, "camera:direction": "90;160;270"})
    assert table.index.tolist() == ["k:n1.1", "k:n1.2", "k:n1.3"]
    assert table["heading"].tolist() == [90, 160, 270]
    assert len(set(table.geometry)) == 1


def test_without_a_direction_domes_see_all_around_and_the_rest_is_counted():
    tags = [{**CAMERA, "camera:type": kind} for kind in ("dome", "360", "fixed", "panning", "webcam", "dome;fixed")]
    tags.append({key: value for key, value in CAMERA.items() if key != "camera:type"})
    table = kept(*tags)
    assert table.index.tolist() == ["k:n1", "k:n2"]
    assert (table["field_of_view_degrees"] == 360).all()
    counts = table.attrs["counts"]
    assert counts["no direction, sees all around (dome, 360)"] == 2
    left = {reason: number for reason, number in counts.items() if reason.endswith("left out")}
    assert left == {
        "no direction (fixed), left out": 1,
        "no direction (panning), left out": 1,
        "no direction (other), left out": 2,
        "no direction (unknown), left out": 1,
    }
    upper = kept(*tags, unknown_all_around=True)
    assert len(upper) == 7
    assert (upper["field_of_view_degrees"] == 360).all()


def test_a_dome_with_a_direction_that_cannot_be_read_is_not_taken_as_all_around():
    table = kept({**CAMERA, "camera:type": "dome", "camera:direction": "-27"})
    assert table.empty
    assert table.attrs["counts"]["a direction that cannot be read, left out"] == 1


@pytest.mark.parametrize(
    ("tags", "default", "asked"),
    [
        ({"surveillance:type": "guard"}, False, False),
        ({"surveillance:type": "Guard"}, False, False),
        ({"surveillance:type": "gunshot_detector"}, False, False),
        ({"surveillance": "fake"}, False, False),
        ({"surveillance:type": "ALPR"}, False, True),
        ({"surveillance": "red_light"}, False, True),
        ({"surveillance": "indoor"}, False, True),
        ({"surveillance:type": "camera;ALPR"}, True, True),
        ({"surveillance": "indoor;outdoor"}, True, True),
        ({"surveillance": "guard"}, True, True),  # the more particular tag says camera
        ({"surveillance": "traffic"}, True, True),
    ],
)
def test_guards_dummies_plate_readers_and_indoor_cameras_follow_their_rules(tags, default, asked):
    one = {**CAMERA, "camera:direction": "90", **tags}
    assert len(kept(one)) == default
    assert len(kept(one, plate_readers=True, indoor=True)) == asked
    assert sum(kept(one).attrs["counts"].values()) > 0


def test_a_guard_by_the_old_tag_alone_is_no_camera():
    assert kept({"man_made": "surveillance", "surveillance": "guard", "direction": "90"}).empty


def test_the_angle_says_nothing_unless_its_meaning_is_declared():
    tags = [{**CAMERA, "camera:direction": value, "camera:angle": "60"} for value in ("90", "0-90")]
    tags.append({**CAMERA, "camera:direction": "90", "camera:angle": "120"})
    unsaid = kept(*tags)
    assert unsaid["field_of_view_degrees"].tolist() == pytest.approx([math.nan, 90, math.nan], nan_ok=True)
    assert unsaid["tilt_degrees"].isna().all()
    assert unsaid.attrs["counts"]["camera:angle, of no declared meaning, not used"] == 3
    width = kept(*tags, angle_means="width")
    assert width["field_of_view_degrees"].tolist() == [60, 90, 120]  # a range says its own width
    tilt = kept(*tags, angle_means="tilt")
    assert tilt["tilt_degrees"].tolist() == pytest.approx([60, 60, math.nan], nan_ok=True)
    assert tilt.attrs["counts"]["camera:angle that cannot be a tilt"] == 1
    with pytest.raises(UnknownNameError, match="Did you mean 'width'"):
        kept(*tags, angle_means="widht")


# ---- extracts and Overpass


def town(**more) -> OsmFile:
    file = OsmFile()
    file.street()
    file.box(-20, 10, 10, 10, {"building": "house"})
    return file


def test_an_extract_gives_the_layer_in_the_order_of_ids(tmp_path):
    file = town()
    file.node(5, 5, {**CAMERA, "camera:direction": "N"}, number=20)
    file.node(6, 5, {**CAMERA, "addr:housenumber": "7"}, number=3)
    file.node(7, 5, {"man_made": "street_cabinet"}, number=4)
    city = dv.City.from_extract(file.write(tmp_path / "town.osm.pbf", backwards=True))
    assert city.surveillance.index.tolist() == ["n3", "n20"]
    assert list(city.surveillance.columns) == [*KEYS["surveillance"], "geometry"]
    assert city.surveillance.crs == city.crs
    assert city.surveillance.loc["n20", "camera:direction"] == "N"
    assert city.surveillance.loc["n3", "camera:direction"] is None
    assert city.addresses.index.tolist() == ["n3"]
    assert "2 surveillance" in repr(city)


def test_no_cameras_is_an_empty_layer_and_own_layers_alone_have_none(tmp_path):
    city = dv.City.from_extract(town().write(tmp_path / "town.osm.pbf"))
    assert city.surveillance.empty
    own = dv.City.from_layers(buildings=city.buildings, streets=city.ways)
    assert own.surveillance is None


def overpass(tmp_path, document):
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return read_overpass_cameras(path)


def test_an_overpass_answer_is_read_and_what_is_no_camera_counted(tmp_path):
    node = {"type": "node", "id": 20, "lat": 47.0, "lon": 8.0, "tags": CAMERA}
    others = [
        {"type": "way", "id": 1, "tags": CAMERA},
        {"type": "node", "id": 2, "lat": 47.0, "lon": 8.0},
        {"type": "node", "id": 3, "lat": 97.0, "lon": 8.0, "tags": CAMERA},
        {"type": "node", "id": 3, "tags": CAMERA},
        node,
    ]
    table = overpass(tmp_path, {"elements": [node, {**node, "id": 9, "lon": 9}, *others]})
    assert table.index.tolist() == ["n9", "n20"]
    assert table.crs == "EPSG:4326"
    assert table.geometry.x.tolist() == [9.0, 8.0]
    assert table.attrs["dropped"] == {
        "surveillance: not points, dropped": 1,
        "surveillance: other objects, ignored": 1,
        "surveillance: without a number or place, dropped": 2,
        "surveillance: repeated in the file, dropped": 1,
    }
    assert overpass(tmp_path, [node]).index.tolist() == ["n20"]
    assert overpass(tmp_path, {"elements": []}).empty


def test_an_answer_that_is_a_part_or_none_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"part only.*timed out"):
        overpass(tmp_path, {"elements": [], "remark": "runtime error: Query timed out"})
    with pytest.raises(InputError, match="no elements"):
        overpass(tmp_path, {"features": []})
    with pytest.raises(InputError, match="no elements"):
        overpass(tmp_path, [1, 2])
    (tmp_path / "page.json").write_text("<html>", encoding="utf-8")
    with pytest.raises(InputError, match="no JSON"):
        read_overpass_cameras(tmp_path / "page.json")
    with pytest.raises(MissingFileError, match="no file"):
        read_overpass_cameras(tmp_path / "absent.json")


# ---- the user's own list


def csv(tmp_path, *lines: str, head: str = "lon,lat,direction,height_m,field_of_view,range_m"):
    path = tmp_path / "own.csv"
    path.write_text("\n".join([head, *lines]), encoding="utf-8")
    return path


def test_an_own_csv_is_read_and_private(tmp_path):
    table = read_own_cameras(csv(tmp_path, "8.5,47.2,90,3.5 m,110,20", "8.6,47.3,,,360,", "8.7,47.4,N;S,12 ft,,"))
    assert table.index.tolist() == ["k:own:1", "k:own:2", "k:own:3.1", "k:own:3.2"]
    assert table["heading"].tolist() == [90, 0, 0, 180]
    assert table["field_of_view_degrees"].tolist() == pytest.approx([110, 360, math.nan, math.nan], nan_ok=True)
    assert table["height_m"].tolist() == pytest.approx([3.5, math.nan, 3.6576, 3.6576], nan_ok=True)
    assert table["range_m"].tolist() == pytest.approx([20, math.nan, math.nan, math.nan], nan_ok=True)
    assert table["private"].all()
    assert (table["source"] == "own").all()
    assert table.crs == "EPSG:4326"
    assert table.geometry.iloc[0] == shapely.Point(8.5, 47.2)


def test_columns_of_other_names_are_named(tmp_path):
    path = csv(tmp_path, "8.5,47.2,350-10", head="x,y,looks")
    table = read_own_cameras(path, {"lon": "x", "lat": "y", "direction": "looks"})
    assert table["heading"].tolist() == [0]
    assert table["field_of_view_degrees"].tolist() == [20]


def test_all_faults_of_a_list_are_told_at_once(tmp_path):
    path = csv(
        tmp_path,
        "8.5,97,90,3,100,20",
        "8.5,47,up,3,100,20",
        "8.5,47,,3,100,20",
        "nan,47,90,-3,400,0",
        "8.5,47,0-90,2;3,100,20",
        "8.5,47,0-90,inf,0,1e3",
    )
    with pytest.raises(InputError) as caught:
        read_own_cameras(path)
    text = str(caught.value)
    assert "8 faults" in text
    for said in (
        "lat must be degrees from -90 to 90 (row 1: '97')",
        "lon must be degrees from -180 to 180 (row 4: 'nan')",
        "direction cannot be read: no direction (row 2: 'up')",
        "direction is missing, and field_of_view is not 360 (row 3: '')",
        "height_m must be metres above 0 (row 4: '-3', row 5: '2;3', row 6: 'inf')",
        "field_of_view must be degrees above 0 and at most 360 (row 4: '400', row 6: '0')",
        "range_m must be metres above 0 (row 4: '0', row 6: '1e3')",
        "field_of_view is given beside a range of directions, which says it already (row 5: '100')",
    ):
        assert said in text


def test_many_rows_of_one_fault_are_one_line(tmp_path):
    with pytest.raises(InputError, match=r"1 fault,.*\n.*row 1: 'up', row 2: 'up', row 3: 'up' and 7 more"):
        read_own_cameras(csv(tmp_path, *["8.5,47,up,,,"] * 10))


def test_columns_that_are_not_there_are_told_at_once(tmp_path):
    path = csv(tmp_path, "8.5,47.2", head="x,lat")
    with pytest.raises(InputError) as caught:
        read_own_cameras(path, {"direction": "looks", "colour": "x"})
    for said in ("3 faults", "no column 'looks'", "nothing called 'colour'", "lon: a list without geometry needs it"):
        assert said in str(caught.value)


def points(**columns) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=[shapely.Point(5, 6), shapely.Point(7, 8)], crs="EPSG:32632")


def test_a_geopackage_or_table_of_points_is_read_in_its_crs(tmp_path):
    given_points = points(direction=[10.5, 350.0], range_m=[12, 13])
    given_points.to_file(tmp_path / "own.gpkg", layer="cameras")
    for source in (given_points, tmp_path / "own.gpkg"):
        table = read_own_cameras(source)
        assert table["heading"].tolist() == [10.5, 350.0]
        assert table["range_m"].tolist() == [12, 13]
        assert table.crs == "EPSG:32632"
        assert table.geometry.iloc[1] == shapely.Point(7, 8)
    given_points.to_file(tmp_path / "own.gpkg", layer="others")
    with pytest.raises(InputError, match=r"layers cameras, others.*layer="):
        read_own_cameras(tmp_path / "own.gpkg")
    assert len(read_own_cameras(tmp_path / "own.gpkg", layer="others")) == 2


def test_lists_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"must be a point with finite coordinates \(row 1: 'LineString'"):
        read_own_cameras(points(direction=[1, 2]).set_geometry([shapely.LineString([(0, 0), (1, 1)]), shapely.Point()]))
    with pytest.raises(InputError, match="no CRS"):
        read_own_cameras(points(direction=[1, 2]).set_crs(None, allow_override=True))
    with pytest.raises(InputError, match="no CRS"):
        read_own_cameras(gpd.GeoDataFrame({"direction": [1]}))
    with pytest.raises(MissingFileError, match="Check the path"):
        read_own_cameras(tmp_path / "absent.csv")
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    (tmp_path / "own.gpkg").write_text("nothing", encoding="utf-8")
    (tmp_path / "own.xlsx").write_text("nothing", encoding="utf-8")
    (tmp_path / "latin.csv").write_bytes("lon,lat,direction\n1,2,Süd".encode("latin-1"))
    for name in ("empty.csv", "own.gpkg", "own.xlsx", "latin.csv"):
        with pytest.raises(InputError, match="cannot be read as a list of cameras"):
            read_own_cameras(tmp_path / name)


def test_numbers_that_are_not_there_in_a_table_are_nothing_said():
    table = read_own_cameras(points(direction=[90, None], field_of_view=[np.nan, 360], height_m=[pd.NA, 4]))
    assert table["field_of_view_degrees"].tolist() == pytest.approx([math.nan, 360], nan_ok=True)
    assert table["height_m"].tolist() == pytest.approx([math.nan, 4], nan_ok=True)
