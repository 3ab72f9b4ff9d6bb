"""Of large layers no more is read than what lies near a boundary, and it is the same as of the whole."""

from __future__ import annotations

from contextlib import closing

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely

from doorview.city.layers import read_layer
from doorview.city.model import City

CRS = "EPSG:32618"
X, Y = 500_000.0, 4_400_000.0


def houses() -> gpd.GeoDataFrame:
    """Return a row of houses of 40 km, and a street along it."""
    at = np.arange(2000) * 20.0
    shapes = shapely.box(X + at, Y + 8.0, X + at + 10.0, Y + 18.0)
    table = gpd.GeoDataFrame({"building": "house", "height": at}, geometry=shapes, crs=CRS)
    # The order of a file has nothing to do with place.
    return table.sample(frac=1.0, random_state=1).reset_index(drop=True)


STREET = gpd.GeoDataFrame(
    {"highway": ["residential"]}, geometry=[shapely.LineString([(X - 50, Y), (X + 40_050, Y)])], crs=CRS
)
BOUNDARY = gpd.GeoDataFrame(geometry=[shapely.box(X + 10_000, Y - 100, X + 10_300, Y + 100)], crs=CRS)


def by_place(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return table.iloc[np.argsort(table.bounds["minx"].to_numpy(), kind="stable")].reset_index(drop=True)


@pytest.mark.parametrize("kind", ["gpkg", "parquet", "folder", "geojson"])
def test_a_city_of_a_window_is_the_city_of_the_whole(tmp_path, kind):
    table = houses()
    path = tmp_path / f"houses.{kind}"
    if kind in ("parquet", "folder"):
        table = by_place(table)
    if kind == "parquet":
        table.to_parquet(path, write_covering_bbox=True, schema_version="1.1.0", row_group_size=100)
    elif kind == "folder":
        path = tmp_path / "houses"
        path.mkdir()
        for n in range(4):
            table.iloc[500 * n : 500 * (n + 1)].to_parquet(
                path / f"part-{n}.parquet", write_covering_bbox=True, schema_version="1.1.0", row_group_size=100
            )
    else:
        table.to_file(path)
    own = City.from_layers(buildings=path, streets=STREET, boundary=BOUNDARY, country="us")
    whole = City.from_layers(buildings=table, streets=STREET, boundary=BOUNDARY, country="us")
    assert 0 < len(own.buildings) < 100
    assert own.buildings.index.tolist() == whole.buildings.index.tolist()
    assert own.buildings["height"].tolist() == whole.buildings["height"].tolist()
    assert (own.buildings.geometry.to_numpy() == whole.buildings.geometry.to_numpy()).all()


def test_a_geopackage_with_gaps_in_its_ids_names_rows_as_the_whole_does(tmp_path):
    import sqlite3

    path = tmp_path / "houses.gpkg"
    houses().to_file(path, layer="houses")
    near = BOUNDARY.geometry.to_crs("EPSG:4326")
    with closing(sqlite3.connect(path)) as base, base:
        for name in [row[0] for row in base.execute("select name from sqlite_master where type = 'trigger'")]:
            base.execute(f'drop trigger "{name}"')
        base.execute("delete from houses where fid % 3 = 0")
    base.close()
    whole, part = read_layer(path, "buildings"), read_layer(path, "buildings", near=near)
    assert 0 < len(part) < 20
    assert whole.loc[part.index, "height"].tolist() == part["height"].tolist()


def test_row_groups_elsewhere_are_never_read(tmp_path):
    path = tmp_path / "houses.parquet"
    by_place(houses()).to_parquet(path, write_covering_bbox=True, schema_version="1.1.0", row_group_size=100)
    file = pq.ParquetFile(path).metadata
    assert file.num_row_groups == 20
    raw = bytearray(path.read_bytes())
    for number in range(20):
        if number != 5:  # houses 500 to 599: from 10,000 m on
            for n in range(file.row_group(number).num_columns):
                column = file.row_group(number).column(n)
                first = column.dictionary_page_offset or column.data_page_offset
                raw[first : first + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(raw)
    near = gpd.GeoSeries([shapely.box(X + 10_100, Y, X + 10_300, Y + 30)], crs=CRS)
    found = read_layer(path, "buildings", near=near)
    # In longitude and latitude a box is a little wider than in metres.
    assert set(range(505, 515)) <= set(found.index) <= set(range(500, 520))
    with pytest.raises(ValueError, match="cannot be read"):
        read_layer(path, "buildings")


def overture(path, table: gpd.GeoDataFrame, names: list[str | None]) -> None:
    """Write a table as Overture does: longitude and latitude, `bbox` without covering in the metadata, nested names."""
    import json

    import pyarrow as pa

    lonlat = table.to_crs("EPSG:4326")
    bounds = lonlat.bounds
    corners = {"xmin": "minx", "xmax": "maxx", "ymin": "miny", "ymax": "maxy"}
    bbox = [dict(zip(corners, row, strict=True)) for row in bounds[list(corners.values())].to_numpy().tolist()]
    kind = pa.struct([(name, pa.float32()) for name in corners])
    columns = {
        "id": [f"o{n}" for n in range(len(table))],
        "geometry": lonlat.geometry.to_wkb(),
        "bbox": pa.array(bbox, kind),
        "names": [None if name is None else {"primary": name} for name in names],
        "sources": [[{"dataset": "x"}]] * len(table),
        "subtype": table["subtype"].tolist(),
        "class": [None if pd.isna(kind) else kind for kind in table["class"]],
    }
    made = pa.table(columns)
    geo = {"version": "1.0.0", "primary_column": "geometry",
           "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}}}  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(made.replace_schema_metadata({b"geo": json.dumps(geo).encode()}), path, row_group_size=100)


@pytest.mark.parametrize("boundary", [None, BOUNDARY])
def test_overtures_layout_is_understood(tmp_path, boundary):
    table = by_place(houses())
    table["subtype"], table["class"] = "residential", "house"
    table.loc[510, "class"] = None
    overture(tmp_path / "theme=buildings" / "type=building" / "part-0.parquet", table, [None] * 2000)
    lines = [
        [(X - 50, Y), (X + 40_050, Y)],
        [(X - 50, Y - 30), (X + 40_050, Y - 30)],
        [(X + 9000, Y - 50), (X + 11000, Y - 50)],
    ]  # fmt: skip
    streets = gpd.GeoDataFrame(
        {"subtype": ["rail", "road", "road"], "class": ["standard_gauge", "residential", "secondary"]},
        geometry=[shapely.LineString(line) for line in lines],
        crs=CRS,
    )
    overture(tmp_path / "streets.parquet", streets, ["Line 1", "Main Street", None])
    city = City.from_layers(
        buildings=tmp_path / "theme=buildings", streets=tmp_path / "streets.parquet", boundary=boundary, country="us"
    )
    assert city.ways["highway"].tolist() == ["residential", "secondary"]
    assert city.ways["name"].tolist() == ["Main Street", None]
    assert city.ways.index.tolist() == ["own:streets:1", "own:streets:2"]
    assert city.dropped["ways: own segments that are no roads, left out"] == 1
    kinds = city.buildings["building"]
    assert kinds.drop("own:buildings:510").eq("house").all()
    assert kinds["own:buildings:510"] == "residential"
    assert (len(city.buildings) == 2000) == (boundary is None)


def test_a_layer_elsewhere_is_told_of_as_one(tmp_path):
    path = tmp_path / "houses.gpkg"
    houses().to_file(path)
    far = gpd.GeoDataFrame(geometry=[shapely.box(X, Y + 9e4, X + 300, Y + 9.01e4)], crs=CRS)
    with pytest.raises(ValueError, match="boundary does not overlap"):
        City.from_layers(buildings=path, streets=STREET, boundary=far, country="us")


def test_columns_of_all_files_come_together(tmp_path):
    table = by_place(houses())
    for n, part in enumerate((table.iloc[:1000], table.iloc[1000:].drop(columns="height"))):
        part.to_parquet(
            tmp_path / f"part-{n}.parquet", write_covering_bbox=True, schema_version="1.1.0", row_group_size=100
        )
    near = gpd.GeoSeries([shapely.box(X + 19_900, Y, X + 20_100, Y + 30)], crs=CRS)
    found = read_layer(tmp_path, "buildings", near=near)
    assert found["height"].notna().any()
    assert found["height"].isna().any()
    assert isinstance(found.index, pd.Index)
