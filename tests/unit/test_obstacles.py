"""Obstacles and their heights."""

from __future__ import annotations

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.city.obstacles import find_obstacles, obstacle_rules
from doorview.errors import UnknownNameError


def layer(rows):
    keys = sorted({key for _, tags in rows.values() for key in tags})
    index = pd.Index(list(rows), dtype=object, name="osm_id")
    columns = {key: pd.Series([tags.get(key) for _, tags in rows.values()], index=index, dtype=object) for key in keys}
    return gpd.GeoDataFrame(columns, index=index, geometry=[shape for shape, _ in rows.values()], crs=32618)


def city(buildings, barriers=None):
    tagged = {name: (shapely.box(0, 0, 5, 5), tags) for name, tags in buildings.items()}
    lines = {name: (shapely.LineString([(0, 0), (9, 9)]), tags) for name, tags in (barriers or {}).items()}
    return SimpleNamespace(buildings=layer(tagged), barriers=layer(lines), crs=32618)


def test_heights_of_buildings():
    found = find_obstacles(
        city(
            {
                "w10": {"building": "yes"},
                "w9": {"building": "yes", "height": "12.5 m"},
                "w8": {"building": "yes", "building:levels": "2"},
                "w7": {"building": "yes", "height": "30 ft", "building:levels": "9"},
                "w6": {"building": "yes", "height": "high"},
            }
        )
    )
    assert list(found.index) == ["w6", "w7", "w8", "w9", "w10"]
    np.testing.assert_allclose(found["height_m"], [np.nan, 9.144, 6.0, 12.5, np.nan])
    assert found["kind"].unique().tolist() == ["building"]
    assert found["height_m"].dtype == np.float64
    assert found.attrs["counts"]["buildings taken as taller than any sight line"] == 2
    assert "assumption" in found.attrs["notes"][0]


@pytest.mark.parametrize(
    "tags",
    [
        {"building": "roof"},
        {"building": "carport"},
        {"building": "yes", "layer": "-1"},
        {"building": "yes", "location": "underground"},
        {"building": "yes", "min_height": "5.5"},
        {"building": "yes", "building:min_level": "1"},
    ],
)
def test_what_one_sees_past_is_left_out_and_counted(tags):
    found = find_obstacles(city({"w1": tags, "w2": {"building": "yes", "layer": "1", "min_height": "0.5"}}))
    assert list(found.index) == ["w2"]
    counts = found.attrs["counts"]
    left_out = [number for words, number in counts.items() if words.endswith("left out")]
    assert sum(left_out) == 1


def test_barriers_only_on_request():
    barriers = {
        "w21": {"barrier": "wall"},
        "w22": {"barrier": "wall", "height": "2.2"},
        "w23": {"barrier": "hedge"},
        "w24": {"barrier": "fence", "fence_type": "chain_link"},
        "w25": {"barrier": "wood_fence", "height": "6'"},
        "w26": {"barrier": "wire_fence"},
        "w27": {"barrier": "guard_rail"},
        "w28": {"barrier": "kerb"},
        "w29": {"barrier": "wall", "layer": "-1"},
        "w30": {"barrier": "something new"},
    }
    place = city({"w1": {"building": "yes"}}, barriers)
    assert list(find_obstacles(place).index) == ["w1"]
    found = find_obstacles(place, "all")
    assert found["kind"].to_dict() == {
        "w1": "building",
        "w21": "wall",
        "w22": "wall",
        "w23": "hedge",
        "w25": "wood_fence",
    }
    np.testing.assert_allclose(found["height_m"], [np.nan, 1.0, 2.2, 1.0, 1.8288])
    counts = found.attrs["counts"]
    assert counts["fences that one sees through, left out"] == 1
    assert counts["barriers of kinds that hide nothing, left out"] == 4
    assert counts["barriers below ground, left out"] == 1
    with pytest.raises(UnknownNameError, match="Did you mean 'buildings'"):
        find_obstacles(place, "building")


def test_every_default_height_names_its_source():
    for group in obstacle_rules()["barrier"]:
        assert group["reason"]
        assert group["source"]
        if group["obstacle"]:
            assert set(group["height_m"]) == set(group["values"])


def test_real_barriers(shared_data):
    from doorview.city.model import City

    place = City.from_extract(shared_data / "monaco" / "monaco_20250206.osm.pbf")
    few, many = find_obstacles(place), find_obstacles(place, "all")
    assert set(few["kind"]) == {"building"}
    assert {"wall", "retaining_wall", "hedge"} <= set(many["kind"])
    assert many.index.is_unique
    assert (many["height_m"].dropna() > 0).all()
