"""The user's own layers: formats, names of columns, faults, and the rest from OSM."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.city.ground import public_space
from doorview.city.layers import SYNONYMS, read_layer
from doorview.city.model import City
from doorview.city.tags import KEYS
from doorview.errors import EmptyCityError, InputError, MissingFileError, UnknownNameError
from helpers.osmfile import OsmFile

UTM = "EPSG:32618"
X, Y = 345_000.0, 4_360_000.0


def footprints() -> gpd.GeoDataFrame:
    """Three houses of 10 x 10 m."""
    shapes = [shapely.box(X + 30 * i, Y + 10, X + 30 * i + 10, Y + 20) for i in range(3)]
    return gpd.GeoDataFrame(
        {
            "HEIGHT": [7.0, np.nan, 6.5],
            "STREET": ["Elm Street", None, " "],
            "Number": [12, 14, 16],
            "other": list("abc"),
        },
        geometry=shapes,
        crs=UTM,
    )


def centrelines() -> gpd.GeoDataFrame:
    shapes = [shapely.LineString([(X - 50, Y), (X + 150, Y)]), shapely.LineString([(X, Y), (X, Y - 100)])]
    return gpd.GeoDataFrame(
        {"STREETNAME": ["Elm Street", "Oak Lane"], "highway": ["tertiary", None]}, geometry=shapes, crs=UTM
    )


def osm_town() -> OsmFile:
    """The same place in OSM, with other houses, a park, water and a square."""
    lon, lat = gpd.GeoSeries([shapely.Point(X, Y)], crs=UTM).to_crs(4326).get_coordinates().to_numpy()[0]
    town = OsmFile((lon, lat))
    town.street()
    town.box(0, 30, 20, 20, {"building": "yes"}, number=11)
    town.box(100, 30, 20, 20, {"leisure": "park"}, number=12)
    town.box(130, 30, 20, 20, {"natural": "water"}, number=13)
    town.box(160, 30, 20, 20, {"highway": "pedestrian", "area": "yes"}, number=14)
    town.node(5, 30, {"addr:housenumber": "1"}, number=15)
    return town


def test_own_buildings_and_streets():
    city = City.from_layers(buildings=footprints(), streets=centrelines())
    assert list(city.buildings.index) == ["own:buildings:0", "own:buildings:1", "own:buildings:2"]
    assert city.buildings["height"].tolist() == ["7", None, "6.5"]
    assert city.buildings["addr:street"].tolist() == ["Elm Street", None, None]
    assert city.buildings["addr:housenumber"].tolist() == ["12", "14", "16"]
    assert city.buildings["building"].tolist() == ["yes"] * 3
    assert "other" not in city.buildings.columns
    assert city.ways["name"].tolist() == ["Elm Street", "Oak Lane"]
    assert city.ways["highway"].tolist() == ["tertiary", "residential"]
    assert city.ways["nodes"].tolist() == [None, None]
    assert city.dropped == {"ways: own streets without a class, taken as highway=residential": 1}
    assert city.buildings.area.tolist() == [100.0] * 3
    assert city.crs.to_epsg() == 32618
    assert city.source["kind"] == "layers"
    assert [file["licence"] for file in city.source["files"]] == ["user's own"] * 2
    assert "OpenStreetMap" not in city.source["attribution"]
    assert len(city.areas) == len(city.addresses) == 0


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet", ".geojson", ".shp"])
def test_every_format_gives_the_same_city(tmp_path, suffix):
    folder = tmp_path / "données du cadastre"
    folder.mkdir()
    paths = {}
    for name, table in (("buildings", footprints()), ("streets", centrelines())):
        path = folder / f"{name}{suffix}"
        placed = table.to_crs(4326) if suffix == ".geojson" else table
        placed.to_parquet(path) if suffix == ".parquet" else placed.to_file(path)
        paths[name] = path
    city = City.from_layers(**paths)
    expected = City.from_layers(buildings=footprints(), streets=centrelines())
    for layer in ("buildings", "ways"):
        got, want = getattr(city, layer), getattr(expected, layer)
        assert got.drop(columns="geometry").equals(want.drop(columns="geometry"))
        # GeoJSON is rounded to 1e-7 degrees, and a Shapefile turns its rings clockwise
        assert (shapely.hausdorff_distance(got.geometry.to_numpy(), want.geometry.to_numpy()) < 0.02).all()
    assert [file["path"] for file in city.source["files"]] == [str(paths["buildings"]), str(paths["streets"])]
    assert len({file["sha256"] for file in city.source["files"]}) == 2
    assert city.name == "buildings"


@pytest.mark.parametrize("spelling", ["{}:roads", "{}|layername=roads"])
def test_a_layer_of_a_file_with_several(tmp_path, spelling):
    path = tmp_path / "city data.gpkg"
    footprints().to_file(path, layer="houses")
    centrelines().to_file(path, layer="roads")
    assert len(read_layer(spelling.format(path), "streets")) == 2
    with pytest.raises(InputError, match=r"several layers \(houses, roads\)"):
        read_layer(path, "streets")
    with pytest.raises(UnknownNameError, match="Did you mean 'roads'"):
        read_layer(f"{path}:road", "streets")


def test_the_rest_comes_from_the_extract(tmp_path):
    path = osm_town().write(tmp_path / "town.osm.pbf")
    city = City.from_layers(buildings=footprints(), extract=path)
    assert list(city.buildings.index) == [f"own:buildings:{i}" for i in range(3)]
    assert list(city.areas.index) == ["w12", "w13", "w14"]
    assert list(city.addresses.index) == ["n15"]
    assert city.source["kind"] == "mixed"
    assert [file["licence"] for file in city.source["files"]] == ["user's own", "ODbL-1.0"]
    assert "© OpenStreetMap contributors" in city.source["attribution"]
    # own footprints end where they end: three houses within 70 x 10 m
    assert city.extent.area == pytest.approx(700.0)


def test_own_public_space_stands_for_parks_but_not_for_streets_and_water(tmp_path):
    path = osm_town().write(tmp_path / "town.osm.pbf")
    green = gpd.GeoDataFrame(
        {"name": ["Common"]}, geometry=[shapely.box(X + 10, Y + 60, X + 40, Y + 90)], crs="EPSG:32618"
    )
    city = City.from_layers(public_space=green, extract=path)
    assert list(city.areas.index) == ["w13", "w14", "own:public_space:0"]
    assert city.areas["name"].tolist() == [None, None, "Common"]
    assert city.areas.area.iloc[2] == pytest.approx(900.0)


def test_parcels_addresses_and_entrances():
    parcels = gpd.GeoDataFrame({"APN": ["0042-1"]}, geometry=[shapely.box(X - 5, Y + 5, X + 25, Y + 40)], crs=UTM)
    points = gpd.GeoDataFrame(
        {"ADDR_NUM": [12.0], "ST_NAME": ["Elm Street"], "units": [4]}, geometry=[shapely.Point(X + 5, Y + 10)], crs=UTM
    )
    city = City.from_layers(
        buildings=footprints(), streets=centrelines(), parcels=parcels, addresses=points, entrances=points
    )
    assert city.parcels.index.tolist() == ["own:parcels:0"]
    assert city.parcels["ref"].tolist() == ["0042-1"]
    assert city.addresses.loc["own:addresses:0", ["addr:housenumber", "addr:street", "building:flats"]].tolist() == [
        "12",
        "Elm Street",
        "4",
    ]
    assert city.entrances["entrance"].tolist() == ["yes"]


def test_synonyms_lead_to_keys_that_are_kept():
    for layer, names in SYNONYMS.items():
        assert set(names.values()) <= set(KEYS[layer]), layer
        assert all(name == name.lower() and name.isalnum() for name in names), layer


def test_mixed_and_other_crs_are_brought_together():
    plain = City.from_layers(buildings=footprints(), streets=centrelines())
    feet = City.from_layers(buildings=footprints().to_crs(2248), streets=centrelines().to_crs(4326))
    assert feet.crs == plain.crs
    assert shapely.hausdorff_distance(feet.buildings.geometry.iloc[0], plain.buildings.geometry.iloc[0]) < 1e-3


def test_faulty_rows_are_repaired_or_dropped_and_counted():
    shapes = [
        shapely.box(X, Y + 10, X + 10, Y + 20),
        shapely.Polygon([(X, Y + 30), (X + 10, Y + 40), (X + 10, Y + 30), (X, Y + 40)]),  # a bow tie
        None,
        shapely.Polygon(),
        shapely.Point(X, Y),
        shapely.Polygon([(X + 40, Y, 3.0), (X + 50, Y, 3.0), (X + 50, Y + 10, 4.0)]),
        shapely.Polygon([(X + 10, Y + 20), (X, Y + 20), (X, Y + 10), (X + 10, Y + 10)]),  # the first again, turned
        shapely.Polygon([(X, Y), (X + 5, Y), (X, Y)]),
        shapely.Polygon([(X, Y), (np.inf, Y), (X, Y + 5)]),
    ]
    streets = gpd.GeoDataFrame(
        {"highway": "residential"},
        index=range(3),
        geometry=[
            shapely.MultiLineString([[(X, Y), (X + 50, Y)], [(X + 60, Y), (X + 90, Y)]]),
            shapely.LineString([(X, Y - 5), (X + 9, Y - 5)]),
            shapely.LineString([(X + 9, Y - 5), (X, Y - 5)]),  # the same backwards
        ],
        crs=UTM,
    )
    city = City.from_layers(buildings=gpd.GeoDataFrame(geometry=shapes, crs=UTM), streets=streets)
    assert list(city.buildings.index) == [f"own:buildings:{i}" for i in (0, 1, 5)]
    assert list(city.ways.index) == ["own:streets:0.1", "own:streets:0.2", "own:streets:1"]
    assert city.buildings.area.tolist() == pytest.approx([100.0, 50.0, 50.0])
    assert not city.buildings.has_z.any()
    assert city.dropped == {
        "buildings: coordinates that cannot be projected, dropped": 1,
        "buildings: not polygons, dropped": 1,
        "buildings: of no area, dropped": 1,
        "buildings: outline crosses or touches itself, repaired": 1,
        "buildings: the same geometry as another, dropped": 1,
        "buildings: three-dimensional, the height of their points ignored": 1,
        "buildings: without a geometry, dropped": 2,
        "ways: the same geometry as another, dropped": 1,
    }


def test_rows_sort_by_number_not_by_letter():
    many = gpd.GeoDataFrame(
        geometry=[shapely.box(X + 20 * i, Y + 10, X + 20 * i + 9, Y + 19) for i in range(12)], crs=UTM
    )
    city = City.from_layers(buildings=many, streets=centrelines())
    assert list(city.buildings.index) == [f"own:buildings:{i}" for i in range(12)]


# ---- layers that cannot be used --------------------------------------------------------------------------------------


def test_degrees_labelled_as_metres_and_the_reverse():
    degrees = footprints().to_crs(4326).set_crs(32618, allow_override=True)
    with pytest.raises(InputError, match="look like degrees") as caught:
        City.from_layers(buildings=degrees, streets=centrelines())
    assert "set_crs('EPSG:4326', allow_override=True)" in str(caught.value)
    metres = footprints().set_crs(4326, allow_override=True)
    with pytest.raises(InputError, match="metres or feet under a wrong label"):
        City.from_layers(buildings=metres, streets=centrelines())


def test_no_crs():
    bare = gpd.GeoDataFrame(geometry=footprints().geometry.to_numpy())
    with pytest.raises(InputError, match="has no CRS") as caught:
        City.from_layers(buildings=bare, streets=centrelines())
    assert "set_crs" in str(caught.value)


def test_points_are_no_buildings():
    points = footprints().set_geometry(footprints().centroid)
    with pytest.raises(InputError, match="holds Point, but buildings must be polygons"):
        City.from_layers(buildings=points, streets=centrelines())
    with pytest.raises(InputError, match="holds Polygon, but streets must be lines"):
        City.from_layers(buildings=footprints(), streets=footprints())


def test_layers_in_different_places():
    elsewhere = centrelines().set_crs(32632, allow_override=True)
    with pytest.raises(InputError, match="do not overlap"):
        City.from_layers(buildings=footprints(), streets=elsewhere)


def test_a_boundary_elsewhere():
    boundary = gpd.GeoSeries([shapely.box(X + 5000, Y, X + 6000, Y + 1000)], crs=UTM)
    with pytest.raises(InputError, match="boundary does not overlap"):
        City.from_layers(buildings=footprints(), streets=centrelines(), boundary=boundary)


def test_an_empty_layer_and_missing_ones():
    with pytest.raises(InputError, match="holds no shapes"):
        City.from_layers(buildings=footprints().iloc[:0], streets=centrelines())
    with pytest.raises(InputError, match="no streets are given"):
        City.from_layers(buildings=footprints())
    with pytest.raises(InputError, match="no layer and no extract"):
        City.from_layers()


def test_files_that_are_no_layers(tmp_path):
    with pytest.raises(MissingFileError, match="no file"):
        read_layer(tmp_path / "nothing.gpkg", "buildings")
    for name, content in (
        ("page.gpkg", b"<html></html>"),
        ("page.geojson", b"<html></html>"),
        ("cut.parquet", b"PAR1 and no more"),
        ("cut.shp", b"\x00\x00\x27\x0a"),
        ("half.geojson", b'{"type": "FeatureCollection", "features": ['),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="cannot be read as a layer") as caught:
            read_layer(tmp_path / name, "buildings")
        assert name in str(caught.value)
    (tmp_path / "table.csv").write_text("x,y\n1,2\n")
    with pytest.raises(InputError, match=r"a \.csv file"):
        read_layer(tmp_path / "table.csv", "buildings")
    with pytest.raises(InputError, match="a folder"):
        read_layer(tmp_path, "buildings")
    with pytest.raises(InputError, match="neither a file nor a GeoDataFrame"):
        read_layer(42, "buildings")


def test_a_parquet_without_geometry(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "plain.parquet")
    with pytest.raises(InputError, match="cannot be read as a layer"):
        read_layer(tmp_path / "plain.parquet", "buildings")


def test_a_cut_geopackage(tmp_path):
    path = tmp_path / "houses.gpkg"
    footprints().to_file(path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError):
        read_layer(path, "buildings")


# ---- real layers -----------------------------------------------------------------------------------------------------


def test_boston_footprints_with_streets_from_osm(shared_data):
    folder = shared_data / "boston_ma"
    city = City.from_layers(
        buildings=folder / "buildings_everett_malden_chelsea.parquet", extract=folder / "streets_only.osm.pbf"
    )
    assert len(city.buildings) == 15_513  # shared/data/README.md
    assert len(city.ways) > 1000
    with pytest.raises(EmptyCityError, match="no buildings"):
        City.from_extract(folder / "streets_only.osm.pbf")


def test_newport_news_faults_are_those_of_its_description(shared_data):
    folder = shared_data / "newport_news_va"
    buildings = read_layer(folder / "newport_news_buildings.gpkg", "buildings")
    west, south, east, north = buildings.total_bounds
    street = gpd.GeoDataFrame(
        {"highway": ["residential"]}, geometry=[shapely.LineString([(west, south), (east, north)])], crs=buildings.crs
    )
    city = City.from_layers(
        buildings=folder / "newport_news_buildings.gpkg",
        streets=street,
        addresses=folder / "newport_news_address_points.gpkg",
    )
    # 82,192 buildings, 14 invalid, 219 duplicate geometries; 87,035 address points
    assert city.dropped["buildings: the same geometry as another, dropped"] == 219
    assert city.dropped["buildings: outline crosses or touches itself, repaired"] == 14
    assert len(city.buildings) == 82_192 - 219 - city.dropped.get("buildings: of no area, dropped", 0)
    assert len(city.addresses) == 87_035
    assert int(city.buildings["addr:housenumber"].notna().sum()) == pytest.approx(51_349, abs=219)


def test_class_of_own_public_space_survives_reading(tmp_path):
    shapes = [shapely.box(X + 30 * i, Y - 60, X + 30 * i + 10, Y - 50) for i in range(3)]
    own = gpd.GeoDataFrame({"Class": ["square", "Moon base", None]}, geometry=shapes, crs=UTM)
    own.to_file(tmp_path / "own.gpkg")
    city = City.from_layers(buildings=footprints(), streets=centrelines(), public_space=tmp_path / "own.gpkg")
    assert city.areas["class"].tolist() == ["square", "Moon base", None]
    ground = public_space(city)
    kept = ground.polygons[ground.polygons["osm_id"].str.startswith("own:public_space")]
    assert kept["class"].tolist() == ["square", "other", "other"]
    assert ground.notes["counts"]["own_areas_of_unknown_class"] == 1
