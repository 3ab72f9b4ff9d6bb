"""GeoPackages: every row and column is read back, styles and licence inside, the same layers give the same file."""

from __future__ import annotations

import sqlite3
import xml.etree.ElementTree as ET
from contextlib import closing
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from doorview.city.classes import CLASSES
from doorview.errors import InputError
from doorview.show.layers import write_city, write_doors, write_layers
from doorview.show.qml import share_style

CRS = "EPSG:32618"


def _lines(n=3):
    return gpd.GeoDataFrame(
        {
            "name": pd.Series(["Main <b>St</b>", None, "Ñuñoa\x07"][:n], dtype=object),
            "kind": pd.Series(["a", "b", "a"][:n], dtype="category"),
            "share_detect": [0.5, np.nan, 1.0][:n],
            "nodes": pd.Series([np.arange(3), None, np.arange(2)][:n], dtype=object),
            "public": [True, False, True][:n],
        },
        geometry=[shapely.LineString([(i, 0), (i, 10)]) for i in range(n)],
        index=pd.Index(np.arange(n), name="face"),
        crs=CRS,
    )


def _ground():
    return gpd.GeoDataFrame(
        {"class": [item.name for item in CLASSES], "public": [item.public for item in CLASSES]},
        geometry=[shapely.box(i, 0, i + 1, 1) for i in range(len(CLASSES) - 1)]
        + [shapely.MultiPolygon([shapely.box(50, 0, 51, 1), shapely.box(60, 0, 61, 1)])],
        crs=CRS,
    )


def _city(path):
    write_city(path, streets=_lines(), block_faces=_lines(), ground=_ground(), share_column="share_detect")


def test_layers_are_read_back_as_they_were(tmp_path):
    _city(tmp_path / "city.gpkg")
    assert [row[0] for row in pyogrio.list_layers(tmp_path / "city.gpkg")][:3] == ["streets", "block_faces", "ground"]
    faces = pyogrio.read_dataframe(tmp_path / "city.gpkg", layer="block_faces")
    assert list(faces.columns) == ["face", "name", "kind", "share_detect", "public", "geometry"]
    assert faces["face"].tolist() == [0, 1, 2]
    assert faces["name"].isna().tolist() == [False, True, False]
    assert faces["name"][0] == "Main <b>St</b>"
    assert faces["share_detect"].isna().tolist() == [False, True, False]
    assert faces["public"].tolist() == [True, False, True]
    assert faces.crs.to_epsg() == 32618
    assert (faces.geometry.to_numpy() == _lines().geometry.to_numpy()).all()
    ground = pyogrio.read_dataframe(tmp_path / "city.gpkg", layer="ground")
    assert ground.geometry.area.sum() == pytest.approx(len(CLASSES) + 1)


def test_styles_and_licence_are_inside(tmp_path):
    _city(tmp_path / "city.gpkg")
    with closing(sqlite3.connect(tmp_path / "city.gpkg")) as base:
        styles = dict(base.execute("SELECT f_table_name, styleQML FROM layer_styles WHERE useAsDefault = 1"))
        notes = " ".join(row[0] for row in base.execute("SELECT metadata FROM gpkg_metadata"))
    assert set(styles) == {"streets", "block_faces", "ground"}
    for qml in styles.values():
        root = ET.fromstring(qml)
        drawn = {symbol.get("name") for symbol in root.iter("symbol")}
        asked = {item.get("symbol") for kind in ("range", "category") for item in root.iter(kind)}
        assert asked <= drawn
    assert [item.get("value") for item in ET.fromstring(styles["ground"]).iter("category")] == [c.name for c in CLASSES]
    assert "ODbL" in notes
    assert "OpenStreetMap contributors" in notes


def test_share_classes_of_the_style_leave_no_gap():
    ranges = list(ET.fromstring(share_style('odd " & <name>')).iter("range"))
    ends = [(float(item.get("lower")), float(item.get("upper"))) for item in ranges]
    assert ends[0][0] == 0
    assert ends[-1][1] == 1
    assert all(low[1] == high[0] for low, high in pairwise(ends))


def test_the_same_layers_give_the_same_bytes(tmp_path):
    _city(tmp_path / "a.gpkg")
    _city(tmp_path / "b.gpkg")
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()


def test_empty_layers_and_odd_columns(tmp_path):
    odd = gpd.GeoDataFrame(
        {"fid": [7], "Name": ["x"], "name": ["y"], "mixed": pd.Series([3], dtype=object)},
        geometry=[shapely.Point(0, 0)],
        crs=CRS,
    )
    write_layers(tmp_path / "x.gpkg", {"odd": odd, "none": _lines().iloc[:0]})
    read = pyogrio.read_dataframe(tmp_path / "x.gpkg", layer="odd")
    assert (read["fid_2"][0], read["Name"][0], read["name_2"][0], read["mixed"][0]) == (7, "x", "y", "3")
    assert len(pyogrio.read_dataframe(tmp_path / "x.gpkg", layer="none")) == 0


def test_doors(tmp_path):
    doors = gpd.GeoDataFrame(
        {"heading": [10.0], "street": pd.Series([None], dtype=object), "dwellings": np.array([2], np.int32)},
        geometry=[shapely.Point(1, 2)],
        index=pd.Index(["w1@1"], name="door"),
        crs=CRS,
    )
    write_doors(tmp_path / "doors.gpkg", doors)
    read = pyogrio.read_dataframe(tmp_path / "doors.gpkg", layer="doors")
    assert read["door"].tolist() == ["w1@1"]
    assert read["dwellings"].tolist() == [2]


def test_a_layer_without_a_crs_is_refused_and_the_old_file_stays(tmp_path):
    path = tmp_path / "x.gpkg"
    path.write_text("old")
    with pytest.raises(InputError, match="set_crs"):
        write_layers(path, {"a": gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)])})
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["x.gpkg"]
