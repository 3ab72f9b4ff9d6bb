"""Known cameras in a run: what the study may say, what the folder holds, and that nothing private is in what is fit to
publish."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from PIL import Image

import doorview as dv
from doorview.cli import main
from doorview.errors import InputError, StudyError
from doorview.show.picture import count_image
from doorview.show.rasters import SparseRaster
from doorview.sight.known import known_cameras, known_viewsheds, sees_known
from doorview.study.pipeline import run_study
from doorview.study.schema import study_from_arguments, study_from_dict
from helpers.osmfile import OsmFile
from helpers.tiny import halves, tiny_town

LEVELS = ["trigger", "observe", "detect"]
CAMERA = {"man_made": "surveillance", "surveillance:type": "camera"}
PLAIN = ("shares.csv", "curve.csv", "range_curve.csv", "counts.parquet", "dwellings.csv")
RASTERS = tuple(f"seen_by_{name}.tif" for name in LEVELS)
WORKING = ("working/coverage.parquet", "working/members.parquet")


def town(path: Path) -> Path:
    """Write the tiny town with a dome and a fixed camera over its street, and one that nobody says the direction of."""
    dome = (-60.0, 2.0, {**CAMERA, "camera:type": "dome"})
    fixed = (40.0, -3.0, {**CAMERA, "camera:type": "fixed", "camera:direction": "90"})
    unsaid = (80.0, 3.0, {**CAMERA, "camera:type": "fixed"})
    return tiny_town(path, nodes=(dome, fixed, unsaid))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("known")
    town(place / "town.osm.pbf")
    halves(place / "halves.gpkg", 12, 10)
    rows = [(100, 4, "270"), (-100, -4, "NE")]
    lines = [f"{lon},{lat},{way},18" for x, y, way in rows for lon, lat in [OsmFile().lonlat(x, y)]]
    (place / "secret list.csv").write_text("\n".join(["lon,lat,heading,range_m", *lines]), encoding="utf-8")
    return place


def study_of(folder: Path, known: dict[str, object] | None, **sections: object):
    zones = [{"file": "halves.gpkg", "id": "id", "name": "name", "dwellings": "homes"}]
    raw: dict[str, object] = {"study": {"name": "Tiny"}, "place": {"extract": "town.osm.pbf"}, "zones": zones}
    raw |= {"camera": {"levels": LEVELS}, **({"known": known} if known is not None else {}), **sections}
    return study_from_dict(raw, folder=folder)


OWN = {"file": "secret list.csv", "columns": {"direction": "heading"}}


@pytest.fixture(scope="module")
def plain(folder: Path):
    return run_study(study_of(folder, None), folder / "out" / "plain")


@pytest.fixture(scope="module")
def mapped(folder: Path):
    return run_study(study_of(folder, {"osm": True}), folder / "out" / "mapped")


@pytest.fixture(scope="module")
def both(folder: Path):
    return run_study(study_of(folder, {"osm": True, **OWN}), folder / "out" / "both")


def files_of(result) -> set[str]:
    return {path.relative_to(result.folder).as_posix() for path in result.folder.rglob("*") if path.is_file()}


# ---- the folder


def test_nothing_simulated_changes_by_one_byte(plain, mapped, both):
    for result in (mapped, both):
        for name in (*PLAIN, *RASTERS, *WORKING, "maps/in_view_detect_independent_20.png"):
            assert (result.folder / name).read_bytes() == (plain.folder / name).read_bytes(), name
    assert mapped.headline() == plain.headline()


def test_what_a_run_adds_for_known_cameras(plain, mapped, both, folder):
    public = {
        "known.csv",
        *(f"known_{name}.{ending}" for name in LEVELS for ending in ("tif", "qml")),
        "maps/known_detect.png",
        "maps/known_detect_detail.png",
    }
    assert files_of(mapped) - files_of(plain) == {*public, "working/known_cameras.gpkg"}
    private = {"working/known.csv", *(f"working/known_{name}.tif" for name in LEVELS)}
    assert files_of(both) - files_of(mapped) == private
    own = run_study(study_of(folder, OWN, output={"maps": True}), folder / "out" / "own")
    assert files_of(own) - files_of(plain) == {*private, "working/known_cameras.gpkg"}
    quick = {"maps": False, "rasters": False}
    bare = run_study(study_of(folder, {"osm": True}, output=quick), folder / "out" / "bare")
    assert {name for name in files_of(bare) if "known" in name} == {"known.csv", "working/known_cameras.gpkg"}


def test_the_users_own_cameras_change_nothing_that_is_fit_to_publish(mapped, both):
    top = [name for name in files_of(mapped) if not name.startswith("working/") and name != "run.json"]
    for name in top:
        if not name.endswith(".gpkg"):  # holds the time of writing nowhere, but pages in any order
            assert (both.folder / name).read_bytes() == (mapped.folder / name).read_bytes(), name
    run = json.loads((both.folder / "run.json").read_text(encoding="utf-8"))
    theirs = json.loads((mapped.folder / "run.json").read_text(encoding="utf-8"))
    assert "working/ alone" in run["known"].pop("own")
    assert (
        run["settings"]["known"].pop("file")
        == run["settings"]["known"].pop("columns")
        == "(your own list: not published)"
    )
    theirs["settings"]["known"].pop("file"), theirs["settings"]["known"].pop("columns")
    for one in (run, theirs):
        del one["checksums"]["run.json"]  # of itself, what was taken out above included
    for key in set(run) - {"timings", "costs"}:
        assert run[key] == theirs[key], key
    text = (both.folder / "run.json").read_text(encoding="utf-8")
    assert "secret" not in text
    assert "k:own" not in text


def test_all_cameras_are_in_working_with_the_licence_of_a_private_list(both):
    cameras = gpd.read_file(both.folder / "working" / "known_cameras.gpkg")
    assert cameras["door"].tolist() == ["k:n1", "k:n2", "k:own:1", "k:own:2"]
    assert cameras["private"].tolist() == [False, False, True, True]
    with rasterio.open(both.folder / "working" / "known_detect.tif") as source:
        assert "not for publication" in source.tags()["licence"]
        assert source.tags()["simulated"].startswith("no: mapped cameras")
        every = source.read(1)
    with rasterio.open(both.folder / "known_detect.tif") as source:
        assert source.tags()["licence"] == "ODbL 1.0"
        assert source.units == ("cameras",)
        public = source.read(1)
    assert (every >= public).all()
    assert (every > public).any()


def test_the_table_is_what_the_polygons_say(both):
    """Shares of all public ground by cells, against the union of exact viewsheds laid over the ground's polygons."""
    ready = both.ready
    cameras = known_cameras(ready.city, ready.study.known.file, columns={"direction": "heading"})
    assert cameras.index.tolist() == ready.known.cameras.index.tolist()
    ground = gpd.read_file(both.folder / "city.gpkg", layer="ground")
    public = ground[ground["public"].astype(bool)].union_all().intersection(ready.inside)
    for folder, some in ((both.folder, cameras[~cameras["private"]]), (both.folder / "working", cameras)):
        table = pd.read_csv(folder / "known.csv")
        rows = table[(table["zone"] == "all") & (table["space"] == "all") & (table["scenario"] == "independent_20")]
        assert set(rows["known_cameras"]) == {len(some)}
        for name, share in rows.set_index("level")["share_known"].items():
            views = known_viewsheds(some, ready.obstacles, ready.camera, name)
            wanted = views.union_all().intersection(public).area / public.area
            assert share == pytest.approx(wanted, rel=0.02), name
        parts = table[
            (table["space"] == "all") & (table["level"] == "detect") & (table["scenario"] == "independent_20")
        ]
        zones = parts[parts["zoning"] == "halves"].set_index("zone")
        assert zones["known_cameras"].sum() == len(some)
        for kind in ("share_known", "share_mean", "share_either"):
            amount = (zones[kind] * zones["public_amount"]).sum()
            whole = parts[parts["zoning"] == "all"].iloc[0]
            assert amount == pytest.approx(whole[kind] * whole["public_amount"], rel=1e-9)


def test_rasters_hold_the_same_cells_as_the_table(mapped):
    """Where a known camera sees and where a door does, cell by cell, from the rasters: cells of all ground."""
    for name in LEVELS:
        with (
            rasterio.open(mapped.folder / f"known_{name}.tif") as known,
            rasterio.open(mapped.folder / f"seen_by_{name}.tif") as doors,
        ):
            assert known.bounds == doors.bounds
            certain, k = known.read(1), doors.read(1)
        views = known_viewsheds(known_cameras(mapped.ready.city), mapped.ready.obstacles, mapped.ready.camera, name)
        assert certain.sum() * 0.25 == pytest.approx(views["area_m2"].sum(), rel=0.02)
        assert ((certain > 0) & (k > 0)).any()


def test_every_picture_of_known_cameras_says_what_it_is(mapped):
    for name in ("known_detect.png", "known_detect_detail.png"):
        with Image.open(mapped.folder / "maps" / name) as picture:
            assert "assumed lens, not measured" in picture.info["Description"]
            assert "OpenStreetMap" in picture.info["Description"]
            colours = np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0).tolist()
        assert [0xE3, 0xB0, 0x4B] in colours


def test_notes_say_how_few_are_known(mapped, plain):
    (line,) = [line for line in mapped.notes() if "OpenStreetMap maps" in line]
    assert "3 surveillance objects" in line
    assert "2 known cameras are counted, 1 left out" in line
    (figures,) = [line for line in mapped.notes() if "known cameras alone" in line]
    assert "detect" in figures
    assert "by either" in figures
    assert not any("known cameras" in line for line in plain.notes())
    assert plain.known is None


def test_run_json_names_what_was_assumed(mapped):
    run = json.loads((mapped.folder / "run.json").read_text(encoding="utf-8"))
    assumed = run["known"]["assumed"]
    assert assumed["model"] == "ring-video-doorbell-wired"
    assert assumed["height_m"] == 3.5
    # 1920 px over 155 degrees at 25 px/m along the sight line, 2 m above the target.
    slant = 1920 / (np.radians(155) * 25)
    assert assumed["levels"]["detect"]["range_m"] == pytest.approx(np.sqrt(slant**2 - 4))
    assert all("assumed" in level["marks"][0] for level in assumed["levels"].values())
    assert run["known"]["counts"]["OpenStreetMap: no direction (fixed), left out"] == 1
    assert run["licences"]["known.csv"] == "ODbL 1.0"


# ---- choices


def test_estimate_counts_them_on_request(folder, mapped, tmp_path):
    city = dv.City.from_extract(folder / "town.osm.pbf")
    found = dv.estimate(city, levels=LEVELS, known=True)
    assert found.known is not None
    wanted = mapped.known[mapped.known["zoning"] == "all"].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.known.reset_index(drop=True), wanted)
    written = found.write(tmp_path / "mine")
    for name in ("known_detect.tif",):
        assert (written / name).read_bytes() == (mapped.folder / name).read_bytes()
    assert study_from_arguments("Lakeland", known=True).known.osm
    assert not study_from_arguments("Lakeland", known=False).known.asked


def test_a_camera_of_ones_own_may_be_assumed(folder):
    long = {"based_on": "ring-video-doorbell-wired", "pixels": 3840, "field_of_view_degrees": 90.0}
    quick = {"output": {"maps": False, "rasters": False}, "coverage": {"range_curve": False}}
    changes = {"osm": True, "model": "cctv", "height_m": 4.0}
    found = run_study(study_of(folder, changes, cameras={"cctv": long}, **quick), folder / "out" / "cctv")
    assert found.ready.known.model.name == "cctv"
    assert found.ready.known.cameras["field_of_view_degrees"].tolist() == [360, 90]
    # The doors keep their own camera.
    assert found.ready.camera.name == "ring-video-doorbell-wired"
    (dome,) = {kit.levels[2].range_m for kit in found.ready.scene.known.views.kits}
    assert dome == pytest.approx(np.sqrt((3840 / (np.radians(90) * 25)) ** 2 - 2.5**2))


def test_who_of_the_known_cameras_sees_a_spot(mapped):
    cameras = known_cameras(mapped.ready.city)
    points = gpd.GeoSeries(gpd.points_from_xy(*np.random.default_rng(1).uniform(-35, 35, (2, 400))), crs=cameras.crs)
    centre = cameras.geometry.iloc[1]
    points = points.translate(centre.x, centre.y).set_axis([f"p{n}" for n in range(400)])
    seen = sees_known(cameras, points, mapped.ready.obstacles, level="detect")
    views = known_viewsheds(cameras, mapped.ready.obstacles, level="detect")
    wanted = [
        (p, c) for p in points.index for c in cameras.index if views.geometry[c].buffer(-0.02).contains(points[p])
    ]
    nearly = {(p, c) for p in points.index for c in cameras.index if views.geometry[c].buffer(0.02).contains(points[p])}
    found = list(zip(seen["point"], seen["door"], strict=True))
    assert set(wanted) <= set(found) <= nearly
    assert len(wanted) > 40
    order = {label: n for n, label in enumerate(points.index)}
    assert [order[p] for p, _ in found] == sorted(order[p] for p, _ in found)
    assert not seen["private"].any()


# ---- what cannot be


def faults_of(known: object, folder: Path) -> list[str]:
    with pytest.raises(StudyError) as caught:
        study_from_dict({"place": {"place": "Lakeland"}, "known": known}, folder=folder)
    return caught.value.faults


@pytest.mark.parametrize(
    ("known", "what"),
    [
        ({"osmm": True}, "known.osmm: unknown key. Did you mean 'osm'?"),
        ({"osm": "yes"}, "known.osm"),
        ({"osm": False}, "asks for no cameras"),
        ({"height_m": 4.0}, "asks for no cameras"),
        ({"osm": True, "height_m": 0.0}, "known.height_m"),
        ({"osm": True, "range_m": -1.0}, "known.range_m"),
        ({"osm": True, "angle_means": "horizontal"}, "known.angle_means: unknown value 'horizontal'"),
        ({"osm": True, "model": "ring-video-doorbell-wird"}, "Did you mean 'ring-video-doorbell-wired'"),
        ({"osm": True, "columns": {"lon": "x"}}, "known.columns: says something of a file"),
        ({"osm": True, "layer": "a"}, "known.layer: says something of a file"),
        ({"file": "nowhere.csv"}, "no such file"),
        ({**OWN, "columns": {"directoin": "heading"}}, "nothing is called 'directoin'. Did you mean 'direction'?"),
        ({**OWN, "columns": {"direction": 3}}, "known.columns.direction"),
        ("all", "known"),
    ],
)  # fmt: skip
def test_faults_of_the_section_are_told(folder, known, what):
    assert any(what in fault for fault in faults_of(known, folder))


def test_a_list_that_cannot_be_used_is_told_of_before_anything_slow(folder, tmp_path):
    stages: list[str] = []
    study = study_of(folder, {"file": "secret list.csv"})  # its direction is in a column of another name
    with pytest.raises(InputError, match="direction is missing"):
        run_study(study, tmp_path / "out", progress=lambda stage, *_: stages.append(stage))
    assert set(stages) == {"reading the city"}
    assert list(tmp_path.iterdir()) == []


def test_a_city_of_own_layers_has_no_mapped_cameras(folder, tmp_path):
    city = dv.City.from_extract(folder / "town.osm.pbf")
    city.buildings[["building", "addr:housenumber", "addr:street", "geometry"]].to_file(
        tmp_path / "own.gpkg", layer="a"
    )
    city.ways[["highway", "name", "geometry"]].to_file(tmp_path / "own.gpkg", layer="b")
    raw = {"place": {"layers": {"buildings": "own.gpkg:a", "streets": "own.gpkg:b"}}, "known": {"osm": True}}
    raw |= {"camera": {"levels": ["observe"]}, "coverage": {"range_curve": False}}
    with pytest.raises(InputError, match="own layers alone"):
        run_study(study_from_dict(raw, folder=tmp_path), tmp_path / "out")


def test_a_place_where_nothing_is_mapped_gets_zeros_and_no_map(tmp_path):
    tiny_town(tmp_path / "town.osm.pbf")
    raw = {"place": {"extract": "town.osm.pbf"}, "known": {"osm": True}, "camera": {"levels": ["detect"]}}
    found = run_study(study_from_dict(raw, folder=tmp_path), tmp_path / "out")
    assert (found.known["share_known"] == 0).all()
    assert (found.known["share_either"] == found.known["share_mean"]).all()
    assert not list((found.folder / "maps").glob("known*"))


# ---- the command line, and pictures of counts


def test_the_command_line_counts_them_and_says_so(folder, tmp_path, capsys):
    file = folder / "study.toml"
    file.write_text(
        '[place]\nextract = "town.osm.pbf"\n[known]\nosm = true\nfile = "secret list.csv"\n', encoding="utf-8"
    )
    assert main(["check", str(file)]) == 0
    assert "known      OpenStreetMap's, secret list.csv" in capsys.readouterr().out
    out = tmp_path / "out"
    asked = ["estimate", str(folder / "town.osm.pbf"), "--levels", "detect", "--rates", "0.2", "--cell", "1"]
    assert main([*asked, "--known", "--out", str(out)]) == 0
    assert "2 known cameras are counted, 1 left out" in capsys.readouterr().out
    assert (out / "known.csv").is_file()


@pytest.mark.parametrize("metres", [0.5, 1.0, 1.2, 3.0, 7.9])
def test_pixels_hold_the_largest_count_of_their_cells(tmp_path, metres):
    cells = np.random.default_rng(4).integers(0, 5, (1024, 1024)).astype(np.uint16)
    cells[np.random.default_rng(5).random(cells.shape) < 0.99] = 0
    cells[:512, 512:] = 0  # a block that is not stored
    with SparseRaster(
        tmp_path / "k.tif", crs="EPSG:32618", cell_m=0.5, row0=2048, col0=1024, rows=1024, cols=1024
    ) as file:
        file.write(2048, 1024, cells)
    image = count_image(tmp_path / "k.tif", (600.0, 1100.0, 780.0, 1290.0), metres)
    west, south, east, north = image.bounds
    values = image[0]
    size = (east - west) / values.shape[1]
    assert size == pytest.approx(0.5 * np.ceil(metres / 0.5))
    assert west <= 600 < west + size
    assert north - size < 1290 <= north
    assert east >= 780
    assert south <= 1100
    for row, column in np.random.default_rng(6).integers(0, values.shape, (400, 2)):
        x, y = west + column * size, north - (row + 1) * size
        left, low = round((x - 512) / 0.5), round((y - 1024) / 0.5)
        side = round(size / 0.5)
        inside = cells[max(low, 0) : max(low + side, 0), max(left, 0) : max(left + side, 0)]
        assert values[row, column] == inside.max(initial=0)
