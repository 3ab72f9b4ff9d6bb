"""Zones: read from any file, ids and counts checked, and compared with the homes found."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS

from doorview.errors import InputError, UnknownNameError
from doorview.study.dwellings import compared, door_weights
from doorview.study.sections import Zoning, zoning_name
from doorview.study.zones import read_zones, zone_membership

UTM = CRS.from_epsg(32618)
INSIDE = shapely.box(1000, 1000, 1400, 1200)
WEST, EAST = shapely.box(1000, 1000, 1200, 1200), shapely.box(1200, 1000, 1400, 1200)


def zoning(path: Path, shapes=(WEST, EAST), crs=UTM, layer=None, columns=None, **keys) -> Zoning:
    """Write zones in a file and return what a study says of it."""
    columns = columns if columns is not None else {"id": ["W", "E"], "name": ["West", "East"], "homes": [4, 6]}
    table = gpd.GeoDataFrame(
        {name: values[: len(shapes)] for name, values in columns.items()}, geometry=list(shapes), crs=crs
    )
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_file(path, **({"layer": layer} if layer else {}))
    file = f"{path}:{layer}" if layer else str(path)
    return Zoning.model_validate({"file": file, **keys}, context={"folder": path.parent})


@pytest.mark.parametrize("name", ["z.gpkg", "z.parquet", "z.geojson", "Zonen für Überall.shp"])
def test_every_kind_of_file_is_read(tmp_path, name):
    wanted = zoning(tmp_path / name, crs=UTM, id="id", name="name", dwellings="homes")
    zones, left_out = read_zones([wanted], UTM, INSIDE)
    assert zones is not None
    assert zones["zone"].tolist() == ["E", "W"]  # in the order of ids
    assert zones["name"].tolist() == ["East", "West"]
    assert zones["counted_dwellings"].tolist() == [6.0, 4.0]
    assert zones["zoning"].unique().tolist() == [Path(name).stem]
    assert zones.geometry.area.to_numpy() == pytest.approx([40_000.0, 40_000.0], rel=1e-4)
    assert left_out == {}


def test_a_layer_of_a_file_is_named(tmp_path):
    zoning(tmp_path / "county.gpkg", layer="tracts")
    wanted = zoning(tmp_path / "county.gpkg", (WEST,), layer="wards")
    assert zoning_name(f"{tmp_path}/county.gpkg:wards") == "wards"
    zones, _ = read_zones([wanted], UTM, INSIDE)
    assert zones is not None
    assert zones["zoning"].tolist() == ["wards"]
    both = Zoning.model_validate({"file": "county.gpkg"}, context={"folder": tmp_path})
    with pytest.raises(InputError, match="several layers"):
        read_zones([both], UTM, INSIDE)


def test_zones_in_degrees_are_moved_to_the_city(tmp_path):
    place = gpd.GeoSeries([shapely.box(345_000, 4_359_000, 345_400, 4_359_200)], crs=UTM)
    wanted = zoning(tmp_path / "z.gpkg", tuple(place.to_crs(4326)), crs="EPSG:4326")
    zones, _ = read_zones([wanted], UTM, place.iloc[0])
    assert zones is not None
    assert zones.crs == UTM
    assert zones.geometry.area.sum() == pytest.approx(80_000, rel=1e-6)


def test_what_is_left_out_is_counted(tmp_path):
    far, empty = shapely.box(9000, 9000, 9100, 9100), shapely.Polygon()
    columns = {"id": ["W", "far", "empty", "line"]}
    line = shapely.LineString([(1000, 1000), (1100, 1100)])
    wanted = zoning(
        tmp_path / "z.gpkg", (WEST, far, empty, shapely.GeometryCollection([line])), columns=columns, id="id"
    )
    zones, left_out = read_zones([wanted], UTM, INSIDE)
    assert zones is not None
    assert zones["zone"].tolist() == ["W"]
    assert left_out == {"zones outside the counted area": 1, "zones without a polygon": 2}


def test_a_zone_that_crosses_itself_is_mended(tmp_path):
    bow = shapely.Polygon([(1000, 1000), (1200, 1200), (1200, 1000), (1000, 1200)])
    zones, _ = read_zones([zoning(tmp_path / "z.gpkg", (bow,))], UTM, INSIDE)
    assert zones is not None
    assert zones.geometry.geom_type.tolist() == ["MultiPolygon"]
    assert zones.geometry.area.sum() == pytest.approx(20_000)  # two triangles of 200 by 100


def test_heights_are_dropped(tmp_path):
    zones, _ = read_zones([zoning(tmp_path / "z.gpkg", (shapely.force_3d(WEST, 7.0),))], UTM, INSIDE)
    assert zones is not None
    assert not zones.geometry.has_z.any()


def test_ids_of_numbers_are_plain_text_and_rows_count_without(tmp_path):
    columns = {"id": [1.0, 2.0], "name": ["a", None]}
    zones, _ = read_zones([zoning(tmp_path / "z.gpkg", columns=columns, id="id", name="name")], UTM, INSIDE)
    assert zones is not None
    assert zones["zone"].tolist() == ["1", "2"]
    assert zones["name"].tolist() == ["a", "2"]  # without a name a zone is called by its id
    rows, _ = read_zones([zoning(tmp_path / "y.gpkg")], UTM, INSIDE)
    assert rows is not None
    assert rows["zone"].tolist() == ["0", "1"]


def test_names_that_steer_are_plain_text(tmp_path):
    columns = {"id": ["W", "E"], "name": ["<b>\u202eWest\x1b[31m\nnext", "East"]}
    zones, _ = read_zones([zoning(tmp_path / "z.gpkg", columns=columns, id="id", name="name")], UTM, INSIDE)
    assert zones is not None
    assert zones["name"].tolist() == ["East", "<b>West [31m next"]


@pytest.mark.parametrize(
    ("change", "error", "what"),
    [
        ({"id": "ID"}, UnknownNameError, "Did you mean 'id'"),
        ({"dwellings": "name"}, InputError, "'West' is no count of dwellings"),
        ({"columns": {"id": ["W", "W"]}, "id": "id"}, InputError, "'W' stands more than once"),
        ({"columns": {"id": ["W", None]}, "id": "id"}, InputError, "1 zones have no id"),
        ({"columns": {"id": ["all", "E"]}, "id": "id"}, InputError, "stands for all zones together"),
        ({"columns": {"homes": [-1, 2]}, "dwellings": "homes"}, InputError, "is no count"),
        ({"shapes": (shapely.box(9000, 9000, 9100, 9100),)}, InputError, "no zone of .* lies in the counted area"),
        ({"shapes": (shapely.Point(1100, 1100),)}, InputError, "zones must be polygons"),
    ],
)
def test_zones_that_cannot_be_used_are_refused(tmp_path, change, error, what):
    with pytest.raises(error, match=what):
        read_zones([zoning(tmp_path / "z.gpkg", **change)], UTM, INSIDE)


def test_doors_on_a_shared_border_lie_in_both():
    zones = gpd.GeoDataFrame(geometry=[WEST, EAST], crs=UTM)
    holds = zone_membership(zones, np.array([[1100.0, 1100.0], [1200.0, 1100.0], [900.0, 0.0]]))
    assert holds.tolist() == [[True, False], [True, True], [False, False]]


# --- homes beside the count ----------------------------------------------------------------------------------------


def counted(values, shapes=(WEST, EAST)) -> gpd.GeoDataFrame:
    names = [str(n) for n in range(len(shapes))]
    columns = {"zoning": "z", "zone": names, "name": names, "counted_dwellings": values}
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=UTM)


HOLDS = np.array([[True, False], [True, False], [False, True], [False, False]])
HOMES = np.array([3, 1, 5, 7])


def test_homes_are_compared_with_the_count():
    table = compared(counted([5.0, 4.0]), HOLDS, HOMES, INSIDE)
    assert table["doors_found"].tolist() == [2, 1]
    assert table["dwellings_found"].tolist() == [4, 5]
    assert table["ratio"].tolist() == [0.8, 1.25]
    assert table["outside_0.8_to_1.25"].tolist() == [False, False]  # the bounds themselves agree
    assert door_weights(HOLDS, table) == pytest.approx([5 / 4, 5 / 4, 4 / 5, 1.0])
    far = compared(counted([5.1, 3.9]), HOLDS, HOMES, INSIDE)
    assert far["outside_0.8_to_1.25"].tolist() == [True, True]


def test_no_count_says_nothing_and_a_count_of_none_is_doubtful():
    table = compared(counted([np.nan, 0.0]), HOLDS, HOMES, INSIDE)
    assert np.isnan(table["ratio"]).all()
    assert table["outside_0.8_to_1.25"].tolist() == [False, True]
    # Where nobody is said to live, no home owns a camera; where nothing is said, the chance stays.
    assert door_weights(HOLDS, table).tolist() == [1.0, 1.0, 0.0, 1.0]


def test_a_zone_that_the_edge_cuts_is_not_compared():
    # Of the western zone 80 % have data: its missing homes are no fault of the rules.
    table = compared(counted([8.0, 5.0]), HOLDS, HOMES, shapely.box(1040, 1000, 1400, 1200))
    assert table["part_with_data"].tolist() == [0.8, 1.0]
    assert np.isnan(table["ratio"][0])
    assert table["outside_0.8_to_1.25"].tolist() == [False, False]
    assert door_weights(HOLDS, table).tolist() == [1.0, 1.0, 1.0, 1.0]


def test_doors_in_overlapping_zones_take_the_mean():
    holds = np.array([[True, True], [True, False]])
    table = compared(counted([4.0, 6.0]), holds, np.array([1, 1]), INSIDE)
    assert door_weights(holds, table) == pytest.approx([(4 / 2 + 6 / 1) / 2, 2.0])
