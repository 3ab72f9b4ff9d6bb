"""Known cameras of Switzerland and Monaco as mappers drew them, against plain counts and slow, plain views."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import doorview as dv
from doorview.city.ground_polygons import ground_polygons
from doorview.city.surveillance import read_osm_cameras, read_overpass_cameras
from doorview.sight.known import known_cameras, known_viewsheds
from doorview.sight.walls import walls_of
from helpers.brute import enumerated_area

# The values of camera:direction in the Swiss answer that are no plain whole numbers, read by eye.
COMPASS = ["E", "NW", "NW", "SW", "north", "south"]
RANGES = ["190-100"]
SEVERAL = ["90;160;270"]
SIGNED = ["-100", "-140", "-2", "-27", "-70", "-8", "-80", "-90"]
COMMA = ["180, 270"]


@pytest.fixture(scope="module")
def answer(shared_data):
    return shared_data / "switzerland_cameras" / "overpass_surveillance_ch.json"


def test_every_direction_of_switzerland_is_read_or_counted(answer):
    tags = [item["tags"] for item in json.loads(answer.read_text(encoding="utf-8"))]
    assert len(tags) == 2144
    said = [one["camera:direction"] for one in tags if "camera:direction" in one]
    assert len(said) == 497
    assert sorted(text for text in said if not re.fullmatch("[0-9]+", text)) == sorted(
        COMPASS + RANGES + SEVERAL + SIGNED + COMMA
    )
    cameras = [one for one in tags if one.get("surveillance:type") != "guard" and one.get("surveillance") != "fake"]
    assert len(cameras) == 2144 - 3
    texts = [one.get("camera:direction", one.get("direction", "")) for one in cameras]
    numbers = sum(bool(re.fullmatch("[0-9]+", text)) and int(text) <= 360 for text in texts)

    layer = read_overpass_cameras(answer)
    assert layer.attrs["dropped"] == {}
    table = read_osm_cameras(layer, unknown_all_around=True, plate_readers=True, indoor=True)
    counts = table.attrs["counts"]
    assert counts["objects"] == 2144
    assert counts["direction: compass"] == len(COMPASS)
    assert counts["direction: range"] == len(RANGES)
    assert counts["direction: number"] == numbers + 3
    assert sum(number for reason, number in counts.items() if "with a sign" in reason) == len(SIGNED)
    assert sum(number for reason, number in counts.items() if "with a comma" in reason) == len(COMMA)
    # Every object is a camera, the one with three directions three of them.
    assert len(table) == 2144 - 3 + 2
    assert table.index.is_unique
    assert table["heading"].between(0, 360, inclusive="left").all()


def test_by_default_every_object_of_switzerland_is_a_camera_or_left_out_for_a_reason(answer):
    table = read_osm_cameras(read_overpass_cameras(answer))
    counts = table.attrs["counts"]
    left = sum(number for reason, number in counts.items() if reason.endswith("left out"))
    assert len(table) - 2 + left == counts["objects"] == 2144
    around = table["form"] == "none"
    assert set(table["kind"][around]) == {"dome", "360"}
    assert (table["field_of_view_degrees"][around] == 360).all()
    # Nobody declared what camera:angle means: a field of view comes from the one range alone.
    assert table["field_of_view_degrees"][~around].dropna().tolist() == [270.0]


@pytest.fixture(scope="module")
def monaco(shared_data):
    return dv.City.from_extract(shared_data / "monaco" / "monaco_20250206.osm.pbf")


def test_monaco_has_its_sixteen_and_knows_where_eleven_look(monaco):
    assert len(monaco.surveillance) == 16
    table = known_cameras(monaco)
    # As tagged: nine domes, three fixed with `direction` 240, 160 and 0 (the second stands deep in a building), three
    # that pan and one of no kind, none of which says where it looks.
    assert (table["kind"] == "dome").sum() == 9
    assert sorted(table["heading"][table["kind"] == "fixed"]) == [0, 240]
    assert len(table) == 11
    inside = monaco.buildings.geometry.union_all()
    assert table.geometry.distance(inside).min() > 0.05
    assert table["moved_m"].max() <= 5.1


@pytest.mark.parametrize("level", ["detect", "observe"])
def test_views_in_monaco_are_those_of_a_slow_plain_sweep(monaco, level):
    table = known_cameras(monaco)
    obstacles = dv.find_obstacles(monaco)
    views = known_viewsheds(table, obstacles, level=level)
    assert views.is_valid.all()
    compared = 0
    for name, view in views.iterrows():
        camera = table.loc[name]
        place = camera.geometry
        near = obstacles[obstacles.distance(place) <= view["reach_m"]]
        top = near["height_m"].fillna(np.inf)
        if ((top > 1.5) & (top < camera["height_m"])).any():
            continue  # these have strips, which the sweep knows nothing of
        xy = walls_of(near[top >= camera["height_m"]].geometry).xy - np.array([place.x, place.y] * 2)
        slow = enumerated_area(
            0.0,
            0.0,
            camera["heading"],
            xy,
            range_m=view["reach_m"],
            field_of_view_degrees=camera["field_of_view_degrees"],
        )
        assert view["area_m2"] == pytest.approx(slow, rel=1e-6), name
        compared += 1
    assert compared >= 8


def test_areas_and_polygons_of_many_cameras_differ_by_their_arcs_alone(answer, monaco):
    # The Swiss directions, fields and heights at the doors of Monaco, among low and tall obstacles.
    doors = dv.find_doors(monaco)
    swiss = read_osm_cameras(read_overpass_cameras(answer))
    cameras = swiss.iloc[: min(len(doors), len(swiss))]
    cameras = cameras.set_geometry(doors.geometry.iloc[: len(cameras)].to_numpy(), crs=monaco.crs)
    cameras = cameras.fillna({"field_of_view_degrees": 100.0, "height_m": 3.5})
    assert len(cameras) > 900
    views = known_viewsheds(cameras, dv.find_obstacles(monaco, "all"), level="detect")
    assert views.is_valid.all()
    arcs = views["area_m2"] - views.area
    assert arcs.min() > -1e-6
    # A chord leaves at most 1 cm of its arc, and 2/3 of it on average.
    longest = np.radians(cameras["field_of_view_degrees"]) * views["reach_m"]
    assert (arcs <= 0.01 * longest + 1e-6).all()
    assert (views["area_m2"] <= longest * views["reach_m"] / 2 + 1e-6).all()


@pytest.mark.parametrize("level", ["detect", "observe"])
def test_the_share_of_monaco_is_that_of_polygons_laid_over_polygons(monaco, level):
    """What a run counts by cells, against exact viewsheds and the ground's polygons, by shapely."""
    found = dv.estimate(monaco, levels=[level], rates=[0.2], known=True, range_curve=False)
    ready = found.ready
    row = found.known.query("zoning == 'all' and space == 'all'").iloc[0]
    views = known_viewsheds(known_cameras(monaco), ready.obstacles, level=level).union_all()
    ground = ground_polygons(ready.ground, monaco)
    public = ground.geometry[ground["public"].astype(bool)].intersection(ready.inside)
    assert row["known_cameras"] == 11
    assert row["public_amount"] == pytest.approx(public.area.sum(), rel=1e-3)
    assert row["share_known"] == pytest.approx(public.intersection(views).area.sum() / public.area.sum(), rel=5e-3)
