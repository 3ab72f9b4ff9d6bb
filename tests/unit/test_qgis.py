"""The QGIS project of a run: what it names is there, opens, and says what it is."""

import sqlite3
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import pytest
import rasterio
import shapely

from doorview.errors import InputError
from doorview.show.aliases import alias, with_aliases
from doorview.show.layers import write_layers
from doorview.show.qgis import ProjectGroup, ProjectLayer, write_project
from doorview.show.qml import line_style, zone_style
from doorview.show.qml_rasters import chance_style, count_style, density_style
from doorview.study.pipeline import run
from doorview.study.schema import study_from_dict
from helpers.tiny import halves, tiny_town

UTM = pyproj.CRS.from_epsg(32614)


def read(path: Path) -> ET.Element:
    with zipfile.ZipFile(path) as file:
        (name,) = file.namelist()
        assert name == f"{path.stem}.qgs"
        return ET.fromstring(file.read(name))


def study(folder: Path, **output):
    tiny_town(folder / "tiny.osm.pbf", street='<b>"Elm" & Oak</b>')
    zones = halves(folder / "zones.gpkg", 11, 11, west_name="<West> & \x07more")
    return study_from_dict(
        {
            "study": {"name": "tiny"},
            "place": {"extract": str(folder / "tiny.osm.pbf")},
            "zones": [{"file": str(zones), "id": "id", "name": "name"}],
            "coverage": {"range_curve": False},
            "drivers": {"ranges": 0},
            "output": {"maps": False, **output},
        },
        where="test",
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("qgis")
    out = run(study(where), where / "out").folder
    assert not list(out.glob("*.aux.xml")), "reading the layers back left a file there"
    return out


def layers_of(root):
    return {item.findtext("id"): item for item in root.iterfind("projectlayers/maplayer")}


def test_every_layer_and_raster_of_the_folder_is_in_the_project_and_opens(folder):
    sources = [item.findtext("datasource") for item in layers_of(read(folder / "map.qgz")).values()]
    tables = set()
    for source in sources:
        assert source.startswith("./"), "paths are relative to the project"
        file, _, table = source.partition("|layername=")
        if table:
            assert pyogrio.read_info(folder / file, layer=table)["features"] > 0
            tables.add((file.removeprefix("./"), table))
        else:
            with rasterio.open(folder / file) as raster:
                assert raster.count == 1
    held = {
        (path.name, name)
        for path in folder.glob("*.gpkg")
        for name, kind in pyogrio.list_layers(path)
        if kind is not None
    }
    assert tables == held == {("city.gpkg", name) for name in ("streets", "block_faces", "ground", "zones")}
    rasters = {f"./{path.name}" for path in folder.glob("*.tif")}
    assert rasters == {source for source in sources if source.endswith(".tif")} != set()


def test_the_list_of_layers_holds_each_layer_once_in_groups(folder):
    root = read(folder / "map.qgz")
    groups = root.findall("layer-tree-group/layer-tree-group")
    named = [row.get("id") for group in groups for row in group.iterfind("layer-tree-layer")]
    assert sorted(named) == sorted(layers_of(root))
    assert len(set(named)) == len(named)
    assert min(map(len, named)) > 10, "QGIS takes no shorter id"
    drawn = [
        row.get("name")
        for group in groups
        if group.get("checked") == "Qt::Checked"
        for row in group.iterfind("layer-tree-layer")
        if row.get("checked") == "Qt::Checked"
    ]
    assert len([name for name in drawn if name.startswith("detect: someone is there, up to")]) == 1
    assert not [name for name in drawn if name.startswith(("observe", "recognise", "trigger"))]


def test_styles_name_columns_that_are_there(folder):
    columns = set(pyogrio.read_info(folder / "city.gpkg", layer="block_faces")["fields"])
    seen = 0
    for item in layers_of(read(folder / "map.qgz")).values():
        renderer = item.find("renderer-v2")
        if renderer is not None and renderer.get("type") == "graduatedSymbol":
            assert renderer.get("attr").strip('"') in columns
            symbols = {symbol.get("name") for symbol in renderer.iterfind("symbols/symbol")}
            assert {part.get("symbol") for part in renderer.iterfind("ranges/range")} == symbols
            seen += 1
    assert seen == 4, "one per level"


def test_fields_have_aliases_with_units_in_the_project_and_in_the_file(folder):
    with closing(sqlite3.connect(folder / "city.gpkg")) as base, base:
        styles = dict(base.execute("SELECT f_table_name, styleQML FROM layer_styles"))
    assert set(styles) == {"streets", "block_faces", "ground", "zones"}
    project = next(x for k, x in layers_of(read(folder / "map.qgz")).items() if k.endswith("block_faces_detect"))
    for element in (ET.fromstring(styles["block_faces"]), project):
        names = {row.get("field"): row.get("name") for row in element.iterfind("aliases/alias")}
        assert set(names) == set(pyogrio.read_info(folder / "city.gpkg", layer="block_faces")["fields"])
        assert names["public_m2"] == "public ground [m2]"
        assert names["share_detect__independent_20"].endswith("scenario independent_20 [0 to 1]")


def test_the_picture_says_what_it_is(folder):
    root = read(folder / "map.qgz")
    label = root.findtext("properties/CopyrightLabel/Label")
    for words in ("Simulated", "detect: someone is there, up to", "20%", "Map data of", "© OpenStreetMap contributors"):
        assert words in label
    assert root.findtext("properties/CopyrightLabel/Enabled") == "true"
    assert root.findtext("properties/Paths/Absolute") == "false"
    assert root.findtext("properties/SpatialRefSys/ProjectionsEnabled") == "1"
    assert root.findtext("projectCrs/spatialrefsys/authid").startswith("EPSG:")
    for item in layers_of(root).values():
        assert "ODbL" in item.findtext("resourceMetadata/license")


def test_the_map_opens_on_the_streets(folder):
    root = read(folder / "map.qgz")
    box = [float(root.findtext(f"mapcanvas/extent/{side}")) for side in ("xmin", "ymin", "xmax", "ymax")]
    np.testing.assert_allclose(box, gpd.read_file(folder / "city.gpkg", layer="block_faces").total_bounds)


def test_each_raster_has_its_style_beside_it(folder):
    assert {path.stem for path in folder.glob("*.qml")} == {path.stem for path in folder.glob("*.tif")}
    for path in folder.glob("*.qml"):
        assert ET.parse(path).getroot().find("pipe/rasterrenderer") is not None


def test_the_same_study_gives_the_same_project_without_machine_paths(tmp_path, folder):
    again = run(study(tmp_path), tmp_path / "out").folder
    assert (again / "map.qgz").read_bytes() == (folder / "map.qgz").read_bytes()
    with zipfile.ZipFile(again / "map.qgz") as file:
        assert str(tmp_path) not in file.read("map.qgs").decode()


def test_layers_in_another_crs_than_the_rasters(tmp_path):
    out = run(study(tmp_path, crs="EPSG:4326"), tmp_path / "out").folder
    root = read(out / "map.qgz")
    assert root.findtext("projectCrs/spatialrefsys/authid") == "EPSG:4326"
    assert root.findtext("mapcanvas/units") == "degrees"
    for item in layers_of(root).values():
        place = item.findtext("srs/spatialrefsys/authid")
        assert (place == "EPSG:4326") == (item.get("type") == "vector")


def test_a_study_may_leave_it_out(tmp_path):
    out = run(study(tmp_path, qgis=False), tmp_path / "out").folder
    assert not list(out.glob("*.qgz"))
    assert not list(out.glob("*.qml"))


def test_hostile_names_stay_text(tmp_path):
    layer = ProjectLayer(
        key="doorview_layer_x",
        title='</layername><script>"&\x00\u202e',
        file="a.gpkg",
        table='t"&<',
        geometry="Line",
        crs=UTM,
        style=with_aliases(line_style("#000000", 1.0), ['a"<&b']),
        note="]]></abstract>&",
    )
    write_project(
        tmp_path / "map.qgz",
        "<title>&\x07",
        [ProjectGroup('g"<&', (layer,))],
        crs=UTM,
        extent=(0.0, 0.0, 1.0, 1.0),
        label="<b>&",
        about="",
    )
    root = read(tmp_path / "map.qgz")
    assert root.findtext("title") == "<title>&"
    item = layers_of(root)["doorview_layer_x"]
    assert item.findtext("layername") == '</layername><script>"&'
    assert item.findtext("datasource") == './a.gpkg|layername=t"&<'
    assert item.find("aliases/alias").get("field") == 'a"<&b'
    assert root.find("layer-tree-group/layer-tree-group").get("name") == 'g"<&'


def test_two_layers_of_one_key_and_a_style_that_is_none_are_refused(tmp_path):
    layer = ProjectLayer("doorview_layer_x", "x", "a.tif", None, "Raster", UTM, count_style("doors"))
    settings = {"crs": UTM, "extent": (0.0, 0.0, 1.0, 1.0), "label": "", "about": ""}
    with pytest.raises(InputError, match="same key"):
        write_project(tmp_path / "map.qgz", "x", [ProjectGroup("g", (layer, layer))], **settings)
    with pytest.raises(InputError, match="QML"):
        write_project(tmp_path / "map.qgz", "x", [ProjectGroup("g", (replace(layer, style=""),))], **settings)
    assert not list(tmp_path.iterdir())


def test_classes_of_rasters_hold_every_number_once():
    for style, clear in ((count_style("doors"), True), (chance_style(), True), (density_style(7.0, "thefts"), False)):
        items = ET.fromstring(style).findall("pipe/rasterrenderer/rastershader/colorrampshader/item")
        ends = [float(item.get("value")) for item in items]
        assert ends == sorted(set(ends))
        assert ends[-1] == np.inf
        assert (items[0].get("alpha") == "0") == clear
    counts = ET.fromstring(count_style("doors")).findall(".//item")
    assert [item.get("label") for item in counts] == [
        "none",
        "1 door",
        "2 doors",
        "3 to 5 doors",
        "6 to 10 doors",
        "11 to 20 doors",
        "more than 20 doors",
    ]


@pytest.mark.parametrize("largest", [float("nan"), 0.0, -1.0])
def test_a_surface_of_nothing_has_a_style_all_the_same(largest):
    assert ET.fromstring(density_style(largest, "x")).find("pipe") is not None


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("length_m", "length [m]"),
        ("bandwidth_m", "bandwidth [m]"),
        ("area_km2", "area [km2]"),
        ("share_observe", "share in view, observe (what they wear) [0 to 1]"),
        ("something_else", "something else"),
    ],
)
def test_alias(column, words):
    assert alias(column) == words


def test_aliases_follow_the_columns_that_are_written(tmp_path):
    layer = gpd.GeoDataFrame({"FID": [1], "x_m": [2.0], "many": [[1, 2]]}, geometry=[shapely.box(0, 0, 1, 1)], crs=UTM)
    write_layers(tmp_path / "x.gpkg", {"x": layer}, styles={"x": zone_style()})
    fields = list(pyogrio.read_info(tmp_path / "x.gpkg", layer="x")["fields"])
    with closing(sqlite3.connect(tmp_path / "x.gpkg")) as base, base:
        (style,) = base.execute("SELECT styleQML FROM layer_styles").fetchone()
    assert [row.get("field") for row in ET.fromstring(style).iterfind("aliases/alias")] == fields
