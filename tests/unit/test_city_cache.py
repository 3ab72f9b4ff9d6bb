"""A city from the cache is the city that was read, to the last bit; whatever changes makes it be read again."""

from __future__ import annotations

import dataclasses
import logging
import os
import shutil

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely

import doorview.city.extract as reader
from doorview.city.cache_home import cache_home
from doorview.city.city_store import CityStore, read_stored, write_city
from doorview.city.model import City
from doorview.city.tags import LAYERS
from doorview.demo.town import make_town
from doorview.demo.writer import write_extract
from doorview.study.read import read_city
from doorview.study.schema import study_from_dict


@pytest.fixture(scope="module")
def extract(tmp_path_factory):
    path = tmp_path_factory.mktemp("town") / "town.osm.pbf"
    write_extract(make_town(homes=300), path)
    return path


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DOORVIEW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def readings(monkeypatch):
    """Count how often an extract is read."""
    seen = []
    real = reader.read_extract

    def counted(*args, **kwargs):
        seen.append(args[0])
        return real(*args, **kwargs)

    monkeypatch.setattr(reader, "read_extract", counted)
    return seen


def study_of(path, **place):
    return study_from_dict({"study": {"name": "x"}, "place": {"extract": str(path), **place}}, where="test")


def assert_same(one: City, two: City) -> None:
    for field in dataclasses.fields(City):
        a, b = getattr(one, field.name), getattr(two, field.name)
        if field.name not in LAYERS:
            same = a == b if not isinstance(a, shapely.Geometry) else shapely.to_wkb(a) == shapely.to_wkb(b)
            assert same, field.name
        elif a is None:
            assert b is None
        else:
            assert a.crs == b.crs
            assert list(a.columns) == list(b.columns)
            assert (a.dtypes == b.dtypes).all()
            pd.testing.assert_index_equal(a.index, b.index, exact=True)
            assert (shapely.to_wkb(a.geometry.to_numpy()) == shapely.to_wkb(b.geometry.to_numpy())).all()
            for name in a.columns.drop(["geometry", *(["nodes"] if "nodes" in a else [])]):
                assert a[name].tolist() == b[name].tolist(), name
                assert {type(v) for v in a[name]} == {type(v) for v in b[name]}, name
            if "nodes" in a:
                for m, n in zip(a["nodes"], b["nodes"], strict=True):
                    assert (m is None) == (n is None)
                    if m is not None:
                        assert m.dtype == n.dtype
                        assert np.array_equal(m, n)


def test_the_second_reading_is_the_first_to_the_last_bit_and_reads_no_extract(home, extract, readings):
    first = read_city(study_of(extract))
    second = read_city(study_of(extract))
    assert len(readings) == 1
    assert_same(first, second)


@pytest.mark.parametrize("place", ["las_palmas/las_palmas_20230221.osm.pbf", "monaco/monaco_20250206.osm.pbf"])
def test_a_real_city_comes_back_to_the_last_bit(shared_data, tmp_path, place):
    city = City.from_extract(shared_data / place)
    write_city(city, tmp_path)
    assert_same(city, read_stored(tmp_path).city())


def test_a_file_that_moved_is_known_again_by_its_content_and_named_by_its_new_place(home, extract, readings, tmp_path):
    read_city(study_of(extract))
    moved = tmp_path / "elsewhere.osm.pbf"
    shutil.copy(extract, moved)
    city = read_city(study_of(moved))
    assert len(readings) == 1
    assert city.source["files"][0]["path"] == str(moved)


def test_whatever_reading_depends_on_makes_it_be_read_again(home, extract, readings, tmp_path):
    other = tmp_path / "town.osm.pbf"
    write_extract(make_town(homes=300, seed=2), other)
    whole = read_city(study_of(extract))
    boundary = tmp_path / "b.geojson"
    inner = gpd.GeoSeries([whole.extent.buffer(-100.0)], crs=whole.crs).to_crs("EPSG:4326")
    inner.to_file(boundary)
    asked = [{}, {"country": "world"}, {"crs": "EPSG:32613"}, {"boundary": str(boundary)}]
    for number, place in enumerate(asked[1:], 2):
        read_city(study_of(extract, **place))
        assert len(readings) == number, place
    read_city(study_of(other))
    assert len(readings) == len(asked) + 1
    # A boundary that changed under the same name.
    gpd.GeoSeries([whole.extent.buffer(-120.0)], crs=whole.crs).to_crs("EPSG:4326").to_file(boundary)
    read_city(study_of(extract, boundary=str(boundary)))
    assert len(readings) == len(asked) + 2
    # The name is for titles alone.
    study = study_from_dict({"study": {"name": "other"}, "place": {"extract": str(extract)}}, where="test")
    assert read_city(study).name == "other"
    assert len(readings) == len(asked) + 2


def test_off_reads_every_time_and_leaves_nothing(home, extract, readings, monkeypatch):
    monkeypatch.setenv("DOORVIEW_CACHE", "off")
    for _ in range(2):
        read_city(study_of(extract))
    assert len(readings) == 2
    assert not home.exists()


@pytest.mark.parametrize("harm", ["cut", "flip", "head"])
def test_a_damaged_city_is_said_and_read_again(home, extract, readings, caplog, harm):
    first = read_city(study_of(extract))
    victim = next(home.rglob("city.json" if harm == "head" else "buildings/*.parquet"))
    if harm == "flip":
        raw = bytearray(victim.read_bytes())
        raw[len(raw) // 2] ^= 1
        victim.write_bytes(raw)
    else:
        os.truncate(victim, victim.stat().st_size // 2)
    with caplog.at_level(logging.WARNING):
        again = read_city(study_of(extract))
    assert "is damaged" in caplog.text
    assert len(readings) == 2
    assert_same(first, again)
    read_city(study_of(extract))
    assert len(readings) == 2


def test_a_window_holds_what_meets_it_in_the_order_of_the_whole(extract, tmp_path):
    city = City.from_extract(extract)
    write_city(city, tmp_path)
    store = read_stored(tmp_path)
    west, south, east, north = city.extent.bounds
    box = (west, south, (west + east) / 2, (south + north) / 2)
    for layer in ("buildings", "ways", "addresses"):
        table = getattr(city, layer)
        bounds = table.bounds.to_numpy()
        meets = (
            (bounds[:, 0] <= box[2]) & (bounds[:, 2] >= box[0]) & (bounds[:, 1] <= box[3]) & (bounds[:, 3] >= box[1])
        )
        assert 0 < meets.sum() < len(table)
        assert store.layer(layer, box).index.tolist() == table.index[meets].tolist()
        found = np.concatenate(list(store.boxes(layer)))
        assert np.array_equal(found[np.lexsort(found.T)], bounds[np.lexsort(bounds.T)])
    far = np.flatnonzero(~meets)[:2]
    assert set(city.addresses.index[far]) <= set(store.layer("addresses", box, also=far).index)


def test_a_window_reads_its_own_row_groups_alone(tmp_path, monkeypatch):
    # Two clusters far apart, a row group each; the far one is spoilt on disk.
    monkeypatch.setattr("doorview.city.city_store.ROWS_PER_GROUP", 50)
    corners = [(x + far, y) for far in (0.0, 50_000.0) for x in range(0, 200, 20) for y in range(0, 100, 20)]
    shapes = [shapely.box(5e5 + x, y, 5e5 + x + 10.0, y + 10.0) for x, y in corners]
    buildings = gpd.GeoDataFrame({"building": ["house"] * 100}, geometry=shapes, crs="EPSG:32618")
    line = shapely.LineString([(499900, 0), (550300, 0)])
    street = gpd.GeoDataFrame({"highway": ["residential"]}, geometry=[line], crs="EPSG:32618")
    write_city(City.from_layers(buildings=buildings, streets=street, country="us"), tmp_path)
    file = next((tmp_path / "buildings").iterdir())
    groups = pq.ParquetFile(file).metadata
    assert groups.num_row_groups == 2
    store: CityStore = read_stored(tmp_path)
    near, far = (499_990.0, -10.0, 500_300.0, 120.0), (549_990.0, -10.0, 550_300.0, 120.0)
    lows = [groups.row_group(g).column(c).statistics.min for g in range(2) for c in range(groups.num_columns)
            if groups.row_group(g).column(c).path_in_schema == "bbox.xmin"]  # fmt: skip
    spoilt = int(np.argmax(lows))
    raw = bytearray(file.read_bytes())
    for c in range(groups.num_columns):
        column = groups.row_group(spoilt).column(c)
        first = column.dictionary_page_offset or column.data_page_offset
        raw[first : first + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    file.write_bytes(raw)
    assert len(store.layer("buildings", near)) == 50
    with pytest.raises(OSError):
        store.layer("buildings", far)


def test_other_programs_read_the_folder_as_geoparquet(home, extract):
    city = read_city(study_of(extract))
    folder = next(path for path in cache_home().rglob("buildings") if path.is_dir())
    box = shapely.box(*city.buildings.geometry.iloc[0].bounds)
    found = gpd.read_parquet(folder, bbox=box.bounds)
    assert city.buildings.index[0] in set(found["osm_id"])
    assert 0 < len(found) < len(city.buildings)
