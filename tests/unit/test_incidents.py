"""Incidents in: every file and layout, every fault told, every row counted."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely
from pyproj import CRS, Transformer

from doorview.city.layers import read_layer
from doorview.errors import InputError, MissingFileError, UnknownNameError
from doorview.overlays.addresses import address_book
from doorview.overlays.incident_layouts import Layout, layout, layouts
from doorview.overlays.incidents import read_incidents

UTM = CRS.from_epsg(32618)
FEET = "EPSG:2248"  # Maryland, US survey feet
HERE = shapely.box(345_000, 4_359_000, 347_000, 4_361_000)
TO_DEGREES = Transformer.from_crs(UTM, 4326, always_xy=True)
LEFT_OUT = (
    "of other categories", "with a case number met before", "without a place", "with a place that is no number",
    "at (0, 0)", "with longitude and latitude swapped", "with degrees out of range", "outside the place",
)  # fmt: skip


def places(count: int = 8) -> pd.DataFrame:
    """Return thefts in a row, 100 m apart, with exact degrees."""
    x, y = 345_500 + 100.0 * np.arange(count), np.full(count, 4_360_000.0)
    lon, lat = TO_DEGREES.transform(x, y)
    return pd.DataFrame({"lon": lon, "lat": lat, "date": "2019-05-26", "category": "package", "x": x, "y": y})


def adds_up(result: gpd.GeoDataFrame) -> bool:
    """Return whether each row is either left out for one reason or an incident."""
    counts = result.attrs["counts"]
    gone = sum(
        count for reason, count in counts.items() if reason in LEFT_OUT or reason.startswith("with an address not")
    )
    return bool(counts["rows"] == gone + counts["incidents"] and counts["incidents"] == len(result))


def check(result: gpd.GeoDataFrame) -> None:
    """Assert what every table of incidents holds to."""
    assert result.index.is_unique
    assert result.index.name == "incident"
    assert list(result.columns) == ["date", "category", "block", "geometry"]
    assert result["date"].dtype == "datetime64[ns]"
    assert result.crs == UTM
    assert (shapely.get_type_id(result.geometry.array) == 0).all()
    assert adds_up(result)


def write(table: pd.DataFrame, path: Path) -> Path:
    shapes = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table["lon"], table["lat"]), crs=4326)
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.name == "plain.parquet":
        table.to_parquet(path)
    elif path.suffix == ".parquet":
        shapes.drop(columns=["lon", "lat"]).to_parquet(path)
    else:
        shapes.drop(columns=["lon", "lat"]).to_file(path)
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.geojson", "t.gpkg", "t.parquet", "plain.parquet", "Diebstähle 2019.csv"])
def test_every_kind_of_file(tmp_path, name):
    table = places()
    result = read_incidents(write(table, tmp_path / name), UTM, inside=HERE)
    check(result)
    assert result.geometry.x.to_numpy() == pytest.approx(table["x"].to_numpy(), abs=1e-3)
    assert result.index.tolist() == list(range(1, 9))
    assert set(result["date"]) == {pd.Timestamp("2019-05-26")}
    assert set(result["category"]) == {"package"}
    assert set(result["block"]) == {""}


def test_half_a_crs_is_told_in_a_few_words(tmp_path):
    """A letter of the CRS in a GeoParquet's head is another: PROJ then repeats the whole of it."""
    path = write(places(), tmp_path / "t.parquet")
    gpd.read_parquet(path).to_crs(UTM).to_parquet(path)
    table = pq.read_table(path)
    geo = table.schema.metadata[b"geo"]
    assert b'"authority"' in geo
    metadata = {**table.schema.metadata, b"geo": geo.replace(b'"authority"', b'"a}thority"')}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    with pytest.raises(InputError, match=r"coordinate reference system makes no sense .*authority") as caught:
        read_incidents(path, UTM, inside=HERE)
    assert len(str(caught.value)) < 600
    with pytest.raises(InputError, match="coordinate reference system makes no sense"):
        read_layer(path, "places")


def test_a_files_own_geometry_goes_before_a_presets_columns(tmp_path):
    result = read_incidents(write(places(), tmp_path / "t.geojson"), UTM, preset="demo", inside=HERE)
    check(result)
    assert result.geometry.x.to_numpy() == pytest.approx(places()["x"].to_numpy(), abs=1e-3)
    assert set(result["category"]) == {"package"}


def test_projected_coordinates_in_feet():
    table = places().drop(columns=["lon", "lat"])
    x, y = Transformer.from_crs(UTM, FEET, always_xy=True).transform(table["x"], table["y"])
    table["x"], table["y"] = x, y
    result = read_incidents(table, UTM, columns={"x": "x", "y": "y", "date": "date"}, source_crs=FEET, inside=HERE)
    check(result)
    assert result.geometry.x.to_numpy() == pytest.approx(345_500 + 100.0 * np.arange(8), abs=1e-3)


def test_what_cannot_be_placed_is_counted_by_reason():
    table = places(12)
    table = table.astype({"lon": object, "lat": object})
    table.loc[0, ["lon", "lat"]] = 0
    table.loc[1, ["lon", "lat"]] = ""
    table.loc[2, "lon"] = "REDACTED"
    table.loc[3, ["lon", "lat"]] = table.loc[3, ["lat", "lon"]].to_numpy()
    table.loc[4, "lat"] = 41.0
    table.loc[5, "lat"] = 412.0
    table.loc[6, "date"] = ""
    result = read_incidents(table, UTM, inside=HERE)
    check(result)
    assert result.attrs["counts"] == {
        "rows": 12,
        "at (0, 0)": 1,
        "outside the place": 1,
        "with a place that is no number": 1,
        "with degrees out of range": 1,
        "with longitude and latitude swapped": 1,
        "without a place": 1,
        "incidents": 6,
        "without a date": 1,
    }
    assert result.index.tolist() == [7, 8, 9, 10, 11, 12]


def test_swapped_columns_are_refused_with_the_mend():
    table = places().rename(columns={"lon": "lat", "lat": "lon"})
    with pytest.raises(InputError, match="longitude and latitude are swapped"):
        read_incidents(table, UTM, inside=HERE)
    # Without a place to compare: a latitude of more than 90 is none.
    far = pd.DataFrame({"lon": [33.7, 33.6], "lat": [-117.8, -117.9]})
    with pytest.raises(InputError, match="swapped"):
        read_incidents(far, CRS.from_epsg(32611))


@pytest.mark.parametrize(
    ("change", "crs", "match"),
    [
        (lambda t: t, "EPSG:26917", "lie outside the city"),
        (lambda t: t.assign(x=t.x / 0.3048, y=t.y / 0.3048), "EPSG:32618", "they are feet, not metres"),
        (lambda t: t.assign(x=t.y, y=t.x), "EPSG:32618", "x and y are swapped"),
        (lambda t: t, "EPSG:26985", "the city's own CRS: give crs = 'EPSG:32618'"),
        (lambda t: t.assign(x=t.lon, y=t.lat), "EPSG:32618", "look like degrees"),
        (lambda t: t, "EPSG:4326", "are no degrees"),
        (lambda t: t, "EPSG:99999", "unknown to PROJ"),
    ],
)
def test_a_wrong_crs_is_told(change, crs, match):
    with pytest.raises(InputError, match=match):
        read_incidents(change(places()), UTM, columns={"x": "x", "y": "y"}, source_crs=crs, inside=HERE)


def test_projected_numbers_in_columns_of_degrees_are_told():
    with pytest.raises(InputError, match="no degrees"):
        read_incidents(places(), UTM, columns={"lon": "x", "lat": "y"}, inside=HERE)


def test_categories_cases_and_columns_by_any_spelling():
    table = places(6).rename(columns={"lon": "Longitude", "lat": "Latitude", "date": "CMPLNT_FR_DT"})
    kind = layout("new_york").where["PD_DESC"][0]
    table["cmplnt_num"] = [1, 1, 2, 3, 4, 5]
    table["pd desc"] = [kind, kind, kind.lower(), "ROBBERY", kind, kind]
    table["cmplnt_fr_dt"] = "05/06/2019"
    table = table.drop(columns=["CMPLNT_FR_DT", "category"])
    result = read_incidents(table, UTM, preset="new_york", inside=HERE)
    check(result)
    assert result.attrs["counts"]["of other categories"] == 1
    assert result.attrs["counts"]["with a case number met before"] == 1
    assert result["date"].dt.month.unique().tolist() == [5]  # month first, as the layout says
    assert (result["block"] != "").all()
    with pytest.raises(InputError, match=r"The most frequent values are 'LARCENY.*Name those to keep"):
        read_incidents(table, UTM, preset="new_york", where={"PD_DESC": ["PIRACY"]})
    with pytest.raises(UnknownNameError, match="Did you mean 'pd desc'"):
        read_incidents(table, UTM, preset="new_york", where={"pd descr": ["x"]})


def test_repeated_rounded_and_named_blocks_are_found():
    table = places(40)
    assert (read_incidents(table, UTM)["block"] == "").all()
    repeated = table.copy()
    repeated.loc[:5, ["lon", "lat"]] = repeated.loc[0, ["lon", "lat"]].to_numpy(float)
    result = read_incidents(repeated, UTM)
    assert (result["block"] != "").tolist() == [True] * 6 + [False] * 34
    assert len(set(result["block"].iloc[:6])) == 1
    assert "6 of 40 incidents share their exact point with another" in result.attrs["notes"]
    assert (read_incidents(repeated, UTM, known_to="point")["block"] == "").all()
    rounded = table.assign(lon=table["lon"].round(3), lat=table["lat"].round(3))
    result = read_incidents(rounded, UTM)
    assert (result["block"] != "").all()
    assert any("rounded to 0.001 degrees" in note for note in result.attrs["notes"])
    assert (read_incidents(table.assign(lon=table["lon"].round(5)), UTM)["block"] == "").all()
    named = table.assign(address=["100 BLOCK OF MAIN ST", "12 MAIN ST"] * 20)
    result = read_incidents(named, UTM, columns={"lon": "lon", "lat": "lat", "address": "address"})
    assert result["block"].tolist() == ["100 block MAIN ST", ""] * 20
    assert result.attrs["counts"]["known to the block, by its address"] == 20


def test_one_incident_and_all_at_one_place():
    one = read_incidents(places(1), UTM, inside=HERE)
    check(one)
    assert any("there is one incident" in note for note in one.attrs["notes"])
    same = places(30).assign(lon=-76.78, lat=39.374)
    result = read_incidents(same, UTM)
    check(result)
    assert any("all 30 incidents stand at one point" in note for note in result.attrs["notes"])
    assert len(set(result["block"])) == 1
    assert (result["block"] != "").all()


def test_addresses_place_rows_without_coordinates(tmp_path):
    points = gpd.GeoDataFrame(
        {"addr:housenumber": ["1", "3", "101"], "addr:street": "Elm Street"},
        geometry=gpd.points_from_xy([345_510, 345_530, 345_700], [4_360_000] * 3),
        crs=UTM,
    )
    table = places(4).astype({"lon": object, "lat": object})
    table[["lon", "lat"]] = [["", ""]] * 4
    table = table.astype({"lon": object, "lat": object})
    table.loc[0, ["lon", "lat"]] = places(1).loc[0, ["lon", "lat"]].to_numpy()
    table["where"] = ["9 OAK RD", "3 ELM ST", "100 BLOCK OF ELM ST", "9 OAK RD"]
    columns = {"lon": "lon", "lat": "lat", "date": "date", "address": "where"}
    zones = gpd.GeoDataFrame({"zone": ["z"]}, geometry=[HERE], crs=UTM)
    result = read_incidents(table, UTM, columns=columns, inside=HERE, book=address_book(points), zones=zones)
    check(result)
    assert result.geometry.x.tolist() == pytest.approx([345_500, 345_530, 345_700], abs=1e-3)
    assert result["block"].tolist() == ["", "", "100 block ELM ST"]
    assert result.attrs["counts"]["with an address not matched: no such street"] == 1
    assert result.attrs["match_rate"] == [
        {"zone": "z", "addresses": 2, "matched": 2, "rate": 1.0},
        {"zone": "unknown", "addresses": 1, "matched": 0, "rate": 0.0},
    ]
    assert "2 of 3 addresses without coordinates matched to address points" in result.attrs["notes"]
    without = read_incidents(table, UTM, columns=columns, inside=HERE)
    assert without.attrs["counts"]["without a place"] == 3
    alone = read_incidents(table, UTM, columns={"address": "where"}, inside=HERE, book=address_book(points))
    assert len(alone) == 2


def test_no_address_or_case_number_is_carried_on():
    table = places(3).assign(case=["C1", "C2", "C3"], address="12 SECRET ST")
    columns = {"lon": "lon", "lat": "lat", "id": "case", "address": "address"}
    result = read_incidents(table, UTM, columns=columns)
    assert "SECRET" not in result.to_csv()
    assert "C2" not in result.to_csv()
    assert "SECRET" not in str(result.attrs)


def test_the_order_of_rows_changes_only_their_numbers():
    table = places(20)
    first = read_incidents(table, UTM)
    again = read_incidents(table.iloc[::-1], UTM)
    assert first.geometry.x.tolist() == again.geometry.x.tolist()[::-1]


def test_files_that_cannot_be_used(tmp_path):
    with pytest.raises(MissingFileError, match="no file"):
        read_incidents(tmp_path / "none.csv", UTM)
    for name, content, match in [
        ("a.xlsx", "x", "a .xlsx file"),
        ("b.csv", "", "cannot be read"),
        ("c.csv", "lon,lat\n", "no rows"),
        ("d.csv", "a,b\n1,2\n", "nothing says where"),
        ("e.geojson", "{}", "cannot be read"),
        ("f.parquet", "x", "cannot be read"),
    ]:
        (tmp_path / name).write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match=match):
            read_incidents(tmp_path / name, UTM)
    lines = gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (1, 1)])], crs=UTM)
    with pytest.raises(InputError, match="incidents are points"):
        read_incidents(lines, UTM)
    with pytest.raises(InputError, match="no CRS"):
        read_incidents(gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)]), UTM)
    with pytest.raises(InputError, match="must be projected"):
        read_incidents(places(), CRS.from_epsg(4326))
    with pytest.raises(InputError, match="none of 3 rows is left"):
        read_incidents(pd.DataFrame({"lon": [0, 0, 0], "lat": [0, 0, 0]}), UTM)
    with pytest.raises(InputError, match=r"crs: x and y mean nothing.*known_to is 'door'"):
        read_incidents(places(), UTM, columns={"x": "x", "y": "y"}, known_to="door")
    with pytest.raises(UnknownNameError, match="Did you mean 'irvine'"):
        read_incidents(places(), UTM, preset="irvin")


def test_presets_say_where_they_come_from():
    for name, preset in layouts().items():
        assert preset.name == name
        assert preset.mark in {"C", "C2", "M", "D"}
        assert preset.source
        assert preset.said
        assert isinstance(preset, Layout)
        preset.with_own()  # no faults


# ---- real files -----------------------------------------------------------------------------------------------------


def test_irvine(shared_data):
    result = read_incidents(shared_data / "irvine_ca" / "thefts.csv", CRS.from_epsg(32611), preset="irvine")
    assert adds_up(result)
    assert len(result) == 969  # the count of the data's own description
    assert (result["block"] != "").all()
    assert result["date"].notna().all()
    assert str(result["date"].min().date()) == "2011-01-07"
    plain = pd.read_csv(shared_data / "irvine_ca" / "thefts.csv").query("Type == 'Package'")
    back = result.to_crs(4326)
    assert back.geometry.x.to_numpy() == pytest.approx(plain["Lon"].to_numpy(), abs=1e-7)
    assert back.geometry.y.to_numpy() == pytest.approx(plain["Lat"].to_numpy(), abs=1e-7)


def test_irvine_with_columns_swapped(shared_data):
    box = shapely.box(410_000, 3_715_000, 440_000, 3_740_000)
    with pytest.raises(InputError, match="in 969 of 969 rows longitude and latitude are swapped"):
        read_incidents(
            shared_data / "irvine_ca" / "thefts.csv",
            CRS.from_epsg(32611),
            preset="irvine",
            columns={"lon": "Lat", "lat": "Lon"},
            inside=box,
        )


def test_baltimore(shared_data):
    file = shared_data / "baltimore_city_md" / "larceny_geocoded_to_osm_blocks.csv"
    result = read_incidents(file, UTM, preset="baltimore")
    assert adds_up(result)
    assert len(result) == 476
    assert (result["block"] != "").all()
    assert "house numbers are whole hundreds: they name blocks" in result.attrs["notes"]
    porches = read_incidents(file, UTM, preset="baltimore", where={"Premise": ["Porch/Deck"]})
    assert len(porches) == 12


def test_the_demo_towns_thefts_are_read(project_root):
    result = read_incidents(project_root / "data" / "demo" / "thefts.csv", CRS.from_epsg(32614), preset="demo")
    assert adds_up(result)
    assert len(result) == 300
    assert (result["block"] == "").all()


def test_a_file_without_layers_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "none.gpkg"
    path.write_bytes(b"")
    # As GDAL says of a GeoPackage whose table of contents names tables that are not there.
    monkeypatch.setattr("pyogrio.list_layers", lambda _: np.zeros((0, 2), dtype=object))
    with pytest.raises(InputError, match="holds no layer"):
        read_incidents(path, CRS("EPSG:32618"))
