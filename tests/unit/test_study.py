"""The study file: defaults, bases, and every fault at once."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path

import pytest

from doorview.demo.town import write_demo
from doorview.errors import InputError, MissingFileError, StudyError
from doorview.sight.levels import DEFAULT_LEVELS, LEVEL_NAMES
from doorview.study.new import new_study_text, toml_string
from doorview.study.read import read_city
from doorview.study.reference import reference_markdown
from doorview.study.schema import load_study, scenario_name, study_from_arguments, study_from_dict


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    path = tmp_path / "Ville d'Été 1.osm.pbf"
    path.write_bytes(b"")
    return path


def faults_of(raw: dict, folder: Path | str = ".") -> list[str]:
    with pytest.raises(StudyError) as caught:
        study_from_dict(raw, folder=folder)
    return caught.value.faults


def place(extra: dict | None = None) -> dict:
    return {"place": {"place": "Lakeland, Florida, USA"}, **(extra or {})}


# --- what a study says ---------------------------------------------------------------------------------------------


def test_the_defaults_are_those_of_the_contract():
    study = study_from_dict(place())
    assert study.camera.levels == DEFAULT_LEVELS == ("trigger", "recognise", "observe", "detect")
    assert study.ownership.rates == tuple(step / 100 for step in range(101))
    assert {name: (item.process, item.rate) for name, item in study.scenarios.items()} == {
        "independent_05": ("independent", 0.05),
        "independent_20": ("independent", 0.2),
        "independent_40": ("independent", 0.4),
    }
    assert (study.coverage.cell_m, study.coverage.obstacles, study.public_space.near_home_m) == (0.5, "buildings", 50.0)
    assert study.ownership.shared_doors == "one"


def test_paths_count_from_the_folder_of_the_study(tmp_path, extract):
    file = tmp_path / "study.toml"
    file.write_text(f"[place]\nextract = {toml_string(extract.name)}\n", encoding="utf-8")
    study = load_study(file)
    assert study.place.extract == extract
    assert study.name == tmp_path.name
    assert study.file == file


def test_a_byte_order_mark_does_no_harm(tmp_path):
    file = tmp_path / "study.toml"
    file.write_bytes(b'\xef\xbb\xbf[place]\nplace = "Lakeland"\n')
    assert load_study(file).place.place == "Lakeland"


def test_a_single_zones_table_is_one_zoning(tmp_path, extract):
    study = study_from_dict(place({"zones": {"file": extract.name, "id": "GEOID"}}), folder=tmp_path)
    assert [zoning.id for zoning in study.zones] == ["GEOID"]


def test_an_own_layer_may_name_its_layer(tmp_path):
    (tmp_path / "county.gpkg").write_bytes(b"")
    raw = {"place": {"layers": {"buildings": "county.gpkg:footprints", "streets": "county.gpkg|layername=roads"}}}
    layers = study_from_dict(raw, folder=tmp_path).place.layers
    assert layers is not None
    assert layers.buildings == tmp_path / "county.gpkg:footprints"
    assert layers.streets == tmp_path / "county.gpkg|layername=roads"
    (fault,) = faults_of({"place": {"layers": {"buildings": "town.gpkg:a", "streets": "county.gpkg:b"}}}, tmp_path)
    assert "place.layers.buildings: no such file" in fault
    assert "town.gpkg'" in fault


def test_a_scenario_takes_what_its_base_says():
    scenarios = {
        "base": {"rate": 0.3, "shared_doors": "any", "label": "Base"},
        "more": {"based_on": "base", "rate": 0.6},
        "fixed": {"based_on": "more", "process": "exactly", "number": 500},
        "built_in": {"based_on": "independent_20", "shared_doors": "none"},
    }
    found = study_from_dict(place({"scenarios": scenarios})).scenarios
    assert list(found) == list(scenarios)
    assert (found["more"].rate, found["more"].shared_doors, found["more"].label) == (0.6, "any", None)  # no name twice
    # The number overrides the base's rate: both together would contradict each other.
    assert (found["fixed"].process, found["fixed"].number, found["fixed"].rate) == ("exactly", 500, None)
    assert (found["built_in"].rate, found["built_in"].shared_doors) == (0.2, "none")


def test_camera_values_override_the_catalogue():
    study = study_from_dict(
        place({"camera": {"model": "ring-video-doorbell-wired", "pixels": 3840, "levels": ["detect"]}})
    )
    model = study.camera.camera_model()
    assert model.pixels == 3840
    assert model.figures["pixels"].mark == "user"
    (level,) = study.camera.chosen_levels()
    # d = N / (H v): 3840 px over 155 degrees (2.70526 rad) at 25 px/m.
    assert level.range_m == pytest.approx(3840 / (2.705260340591211 * 25), rel=1e-12)


def test_every_level_can_be_asked_for():
    study = study_from_dict(place({"camera": {"levels": list(LEVEL_NAMES)}}))
    assert [level.name for level in study.camera.chosen_levels()] == list(LEVEL_NAMES)


def test_a_study_cannot_be_changed():
    study = study_from_dict(place())
    with pytest.raises(ValueError, match="frozen"):
        study.study.seed = 3


def test_settings_are_json_and_hold_no_path_of_the_machine(tmp_path, extract):
    study = study_from_dict({"place": {"extract": extract.name}, "zones": [{"file": extract.name}]}, folder=tmp_path)
    text = json.dumps(study.settings(), ensure_ascii=False, allow_nan=False)
    assert extract.name in text
    assert str(tmp_path) not in text


def test_threads_change_only_themselves():
    study = study_from_dict(place())
    assert study.with_threads(2).coverage.threads == 2
    assert study.with_threads(2).with_threads(1).settings() == study.with_threads(1).settings()
    with pytest.raises(InputError, match="0 threads"):
        study.with_threads(0)
    with pytest.raises(StudyError, match=r"coverage\.workers: is called threads now"):
        study_from_dict({**place(), "coverage": {"workers": 2}})


# --- faults --------------------------------------------------------------------------------------------------------


def test_every_fault_is_listed_at_once(tmp_path):
    faults = faults_of(
        {
            "study": {"sed": 1},
            "place": {"extrat": "x", "extract": "nope.osm.pbf", "country": "uk"},
            "camera": {"model": "ring-video-dorbell-4", "levels": ["detct"], "pixels": True},
            "ownership": {"rates": [0.1, 5, float("nan"), "x"]},
            "coverage": {"obstacles": "bildings", "cell_m": 0.0},
            "scenarios": {"a": {"based_on": "independent_2"}, "b": {"number": 5}, "c": {}, "d": {"rate": -0.1}},
            "zones": {"fil": "x"},
            "outputs": {},
        },
        folder=tmp_path,
    )
    expected = [
        ("study.sed", "Did you mean 'seed'?"),
        ("place.extrat", "Did you mean 'extract'?"),
        ("place.extract", str(tmp_path / "nope.osm.pbf")),
        ("place.country", "Did you mean 'us'?"),
        ("camera.model", "Did you mean 'ring-video-doorbell-4'?"),
        ("camera.levels", "Did you mean 'detect'?"),
        ("camera.pixels", "True"),
        ("ownership.rates[2]", "5 lies outside [0, 1]"),
        ("ownership.rates[3]", "nan"),
        ("ownership.rates[4]", "'x'"),
        ("coverage.obstacles", "Did you mean 'buildings'?"),
        ("coverage.cell_m", "0.1"),
        ("scenarios.a.based_on", "Did you mean 'independent_20'?"),
        ("scenarios.b", "exactly"),
        ("scenarios.c", "rate"),
        ("scenarios.d.rate", "-0.1 lies outside [0, 1]"),
        ("zones[1].file", "missing"),
        ("zones[1].fil", "Did you mean 'file'?"),
        ("outputs", "Did you mean 'output'?"),
    ]
    for where, what in expected:
        assert any(fault.startswith(f"{where}: ") and what in fault for fault in faults), (where, what)
    assert len(faults) == len(expected)


@pytest.mark.parametrize(
    ("section", "what"),
    [
        ({"place": {}}, "says nowhere"),
        ({"place": {"place": "A", "bbox": [0, 0, 1, 1]}}, "contradict each other"),
        ({"place": {"address": "1 Main St"}}, "belong together"),
        ({"place": {"place": "A", "distance_m": 5.0}}, "belong together"),
        ({"place": {"bbox": [2, 0, 1, 1]}}, "no box"),
        ({"place": {"place": "A", "crs": "EPSG:2248"}}, "not projected in metres"),  # Maryland, feet
        ({"place": {"place": "A", "crs": "EPSG:4326"}}, "not projected in metres"),
        ({"place": {"place": "A", "crs": "EPSG:99999999"}}, "unknown CRS"),
        ({"place": {"layers": {}}}, "buildings and streets missing"),
        ({"place": {"place": "A", "layers": {}}}, "goes with an extract"),
        (place({"camera": {"levels": ["detect", "detect"]}}), "2 times"),
        (place({"camera": {"levels": ["detect"], "edition": "2025"}}), "not in the 2025 edition"),
        (place({"camera": {"projection": "rectilinear", "field_of_view_degrees": 190.0}}), "180 degrees or more"),
        (place({"camera": {"levels": ["identify"], "mount_height_m": 9.0}}), "nothing is in view"),
        (place({"scenarios": {}}), "empty"),
        (place({"scenarios": {"a/b": {"rate": 0.1}}}), "it names files"),
        (place({"scenarios": {"a": {"rate": 0.1, "number": 3, "process": "exactly"}}}), "only one of"),
        (place({"study": {"seed": "7"}}), "whole number"),
        (place({"study": "town"}), "study"),
        (place({"scenarios": [1]}), "scenarios"),
    ],
)
def test_each_contradiction_is_refused(section, what):
    assert any(what in fault for fault in faults_of(section))


def test_bases_that_go_round_in_a_circle_are_refused():
    faults = faults_of(place({"scenarios": {"a": {"based_on": "b"}, "b": {"based_on": "a"}}}))
    assert any("a -> b -> a" in fault for fault in faults)


def test_two_zonings_of_one_name_are_refused(tmp_path, extract):
    zoning = {"file": extract.name}
    (fault,) = faults_of(place({"zones": [zoning, zoning]}), folder=tmp_path)
    assert "two sets of zones" in fault


def test_a_missing_study_file_names_the_command_that_writes_one(tmp_path):
    with pytest.raises(MissingFileError, match="doorview new"):
        load_study(tmp_path / "nope.toml")


@pytest.mark.parametrize(
    ("content", "what"),
    [(b'[place]\nextract = "C:\\data\\x.pbf"\n', "backslash"), (b"[place\n", "line 1"), (b"name = '\xe9'", "UTF-8")],
)
def test_a_file_that_is_no_toml_is_told_of(tmp_path, content, what):
    file = tmp_path / "study.toml"
    file.write_bytes(content)
    with pytest.raises(StudyError, match=what):
        load_study(file)


# --- arguments -----------------------------------------------------------------------------------------------------


def test_rates_become_scenarios_and_join_the_curve(extract):
    study = study_from_arguments(extract, rates=[0.2, 0.125, 1])
    assert list(study.scenarios) == ["independent_20", "independent_12_5", "independent_100"]
    assert 0.125 in study.ownership.rates
    assert len(study.ownership.rates) == 102
    assert list(study.ownership.rates) == sorted(study.ownership.rates)


@pytest.mark.parametrize(
    ("rate", "name"),
    [(0, "independent_00"), (0.05, "independent_05"), (0.07, "independent_07"), (0.29, "independent_29")],
)
def test_scenario_names_are_percents(rate, name):
    assert scenario_name(rate) == name


def test_arguments_reach_the_study(extract):
    study = study_from_arguments(
        str(extract),
        camera="ring-video-doorbell-4",
        levels=["observe"],
        obstacles="all",
        near_m=30,
        cell_m=1.0,
        threads=2,
        boundary=extract,
        zones=[extract],
        country="us",
        crs="EPSG:32618",
        units="us",
    )
    assert study.name == "Ville d'Été 1"
    assert study.place.extract == study.place.boundary == study.zones[0].file == extract
    assert (study.place.country, study.place.crs, study.output.units) == ("us", "EPSG:32618", "us")
    assert (study.camera.model, study.camera.levels) == ("ring-video-doorbell-4", ("observe",))
    assert (study.coverage.obstacles, study.coverage.cell_m, study.coverage.threads) == ("all", 1.0, 2)
    assert study.public_space.near_home_m == 30.0


def test_a_box_a_place_and_a_file_are_told_apart(tmp_path, extract):
    assert study_from_arguments(" -77.1,39,-76.5,40.25").place.bbox == (-77.1, 39.0, -76.5, 40.25)
    assert study_from_arguments("Lakeland, Florida, USA").place.place == "Lakeland, Florida, USA"
    with pytest.raises(MissingFileError, match="no such file"):
        study_from_arguments("no-such.osm.pbf")
    with pytest.raises(InputError, match="doorview run"):
        study_from_arguments(str(write(tmp_path / "study.toml")))
    with pytest.raises(InputError, match=r"\[place.layers\]"):
        study_from_arguments(str(write(tmp_path / "roads.gpkg")))
    with pytest.raises(InputError, match="folder"):
        study_from_arguments(str(tmp_path))
    with pytest.raises(InputError, match="empty"):
        study_from_arguments(" ")


def write(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def test_bad_rates_are_refused_with_what_was_meant(extract):
    with pytest.raises(StudyError, match=r"a rate is a part of one"):
        study_from_arguments(extract, rates=[20.0])
    with pytest.raises(StudyError, match="nan"):
        study_from_arguments(extract, rates=[float("nan")])


# --- the reference and the new file --------------------------------------------------------------------------------


def test_the_reference_page_is_current(project_root):
    assert (project_root / "docs" / "study.md").read_text(encoding="utf-8") == reference_markdown(), (
        "docs/study.md is old: write it anew with doorview.study.reference.reference_markdown()"
    )


EVIL = 'a"\n[study]\nseed = 5 # \\ \x1b[31m \x7f \u2028 é'


@pytest.mark.parametrize("text", [EVIL, "", "\\", '"""', "tab\there", "\r\n", "日本", "'"])
def test_a_toml_string_reads_back_as_it_was(text):
    assert tomllib.loads(f"value = {toml_string(text)}") == {"value": text}


def test_a_new_study_reads_back_and_untrusted_names_stay_text(tmp_path):
    (tmp_path / "zones.gpkg").write_bytes(b"")
    found = {
        "name": EVIL,
        "place": {"place": EVIL},
        "country": "us",
        "crs": "EPSG:32618",
        "data_date": EVIL,
        "attribution": "© OpenStreetMap contributors",
        "counts": {"buildings": 27567, EVIL: 3},
        "dropped": {EVIL: 2, "nothing": 0},
        "zones": [{"file": "zones.gpkg", "zones": 12, "columns": ["GEOID", EVIL, "NAME"]}],
    }
    text = new_study_text(EVIL, found)
    file = tmp_path / "study.toml"
    file.write_text(text, encoding="utf-8", newline="\n")
    study = load_study(file)
    assert (study.name, study.place.place, study.study.seed) == (EVIL, EVIL, 0)
    assert (study.zones[0].id, study.zones[0].name, study.zones[0].dwellings) == ("GEOID", "NAME", None)
    assert "27,567 buildings" in text
    assert "\x1b" not in text
    assert study.output.units == "us"


def test_a_new_study_is_what_the_defaults_say():
    found = {"name": "Lakeland", "place": {"bbox": (-82.0, 28.0, -81.9, 28.1)}}
    study = study_from_dict(tomllib.loads(new_study_text("Lakeland", found)))
    plain = study_from_dict({"study": {"name": "Lakeland"}, "place": {"bbox": [-82.0, 28.0, -81.9, 28.1]}})
    assert study == plain


def test_the_sections_that_a_new_study_shows_as_comments_hold_when_uncommented(tmp_path):
    for name in ("dem.tif", "dsm.tif"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "thefts.csv").write_text("Longitude,Latitude,Reported,Type\n", encoding="utf-8")
    text = new_study_text("town", {"name": "t", "place": {"place": "Lakeland"}})
    for section in ("terrain", "partnership", "alerts", "incidents"):
        head = f"# [{section}]\n"
        assert text.count(head) == 1, section
        block = text.split(head)[1].split("\n\n")[0]
        uncommented = "\n".join(line.removeprefix("# ") for line in block.splitlines())
        assert "=" in uncommented
        raw = tomllib.loads(f"{text}\n[{section}]\n{uncommented}")
        assert getattr(study_from_dict(raw, folder=tmp_path), section) is not None
    # What an editor needs stands there, and is no directive yet: it would point at a file that is not there.
    assert "study.schema.json" in text
    assert "#:schema" not in text


# --- the city of a study -------------------------------------------------------------------------------------------


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """Return the folder of the demo town."""
    write_demo(tmp_path / "town")
    return tmp_path / "town"


def test_an_extract_is_read_as_the_study_says(town):
    raw = {
        "study": {"name": "Mine"},
        "place": {"extract": "demo.osm.pbf", "boundary": "districts.geojson", "country": "world"},
    }
    city = read_city(study_from_dict(raw, folder=town))
    assert (city.name, city.country, city.source["kind"]) == ("Mine", "world", "extract")
    assert city.boundary is not None
    assert len(city.buildings) > 100


def test_a_place_is_downloaded_as_the_study_says(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr("doorview.city.place.city_from_place", lambda *given, **named: calls.append((given, named)))
    read_city(study_from_dict({"place": {"bbox": [0, 0, 1, 1], "crs": "EPSG:32631"}}), keep=tmp_path)
    read_city(study_from_dict({"place": {"address": "1 Main St", "distance_m": 500.0}}))
    asks = {"place": {"bbox": [0, 0, 1, 1]}, "coverage": {"trees": True, "openings": True}}
    read_city(study_from_dict(asks))
    (box_given, box), (address_given, address), (_, more) = calls
    assert [call["also"] for call in (box, address, more)] == [(), (), ("parts", "trees")]
    assert (box_given, box["bbox"], box["crs"], box["keep"]) == ((None,), (0, 0, 1, 1), "EPSG:32631", tmp_path)
    assert (address_given, address["distance_m"], address["country"]) == (("1 Main St",), 500.0, None)


def test_data_reach_as_far_around_as_the_farthest_level(monkeypatch):
    calls = []
    monkeypatch.setattr("doorview.city.place.city_from_place", lambda *_given, **named: calls.append(named["halo_m"]))
    read_city(study_from_dict(place()))
    read_city(study_from_dict(place({"camera": {"levels": ["detect"], "pixels": 20000}})))
    # d = N / (H v): 20000 px over 155 degrees (2.70526 rad) at 25 px/m reach farther than the halo of 150 m.
    assert calls == [150.0, pytest.approx(20000 / (2.705260340591211 * 25))]


# --- cameras of the user's own -------------------------------------------------------------------------------------

OWN = {
    "field_of_view_degrees": 120.0,
    "vertical_field_of_view_degrees": 70.0,
    "pixels": 2000,
    "pixels_vertical": 1500,
    "trigger_range_m": 6.0,
    "trigger_near_m": 0.5,
    "trigger_field_of_view_degrees": 110.0,
    "mount_height_m": 1.4,
}
PRINTED = {key: value for key, value in OWN.items() if not key.startswith(("field_of", "vertical_field"))}


def test_a_camera_of_the_users_own_is_one_like_any_other():
    raw = place({"camera": {"model": "mine", "levels": ["trigger", "detect"]}, "cameras": {"mine": OWN}})
    study = study_from_dict(raw)
    model = study.camera.camera_model()
    assert (model.name, model.label) == ("mine", "mine")
    assert {key: getattr(model, key) for key in OWN} == OWN
    assert {key for key, figure in model.figures.items() if figure.mark == "user"} == set(OWN)
    sensor, detect = study.camera.chosen_levels()
    assert (sensor.range_m, sensor.near_m, sensor.field_of_view_degrees) == (6.0, 0.5, 110.0)
    # d = N / (H v): 2000 px over 120 degrees (2 pi / 3) at 25 px/m.
    assert detect.range_m == pytest.approx(2000 / (2 * math.pi / 3 * 25))
    # The lens was left out, and nobody confirms it.
    assert (model.projection, detect.marks) == ("equidistant", ("projection (unconfirmed)",))
    # It stays known where the study is changed, and its values may be overridden as a catalogue's.
    assert study.with_threads(2).camera.camera_model() == model
    raw["camera"]["pixels"] = 1000
    assert study_from_dict(raw).camera.chosen_levels()[1].range_m == pytest.approx(detect.range_m / 2)
    assert json.loads(json.dumps(study.settings()))["cameras"]["mine"]["pixels"] == 2000


def test_a_camera_may_take_the_rest_from_the_catalogue():
    own = {"based_on": "ring-video-doorbell-4", "label": "Mine", "mount_height_m": 1.5}
    model = study_from_dict(place({"camera": {"model": "mine"}, "cameras": {"mine": own}})).camera.camera_model()
    assert (model.name, model.label, model.mount_height_m, model.field_of_view_degrees) == ("mine", "Mine", 1.5, 160.0)
    assert (model.figures["mount_height_m"].mark, model.figures["field_of_view_degrees"].mark) == ("user", "C")
    assert [item.name for item in model.readings()] == ["mine", "mine+diagonal"]


def test_a_printed_number_has_both_readings():
    own = {**PRINTED, "stated_field_of_view_degrees": 150.0, "reading": "diagonal"}
    raw = {"camera": {"model": "mine"}, "cameras": {"mine": own}}
    model = study_from_dict(place(raw)).camera.camera_model()
    # 2000 x 1500 is 4:3: four and three fifths of the diagonal.
    assert model.field_of_view_degrees == pytest.approx(120.0)
    assert model.vertical_field_of_view_degrees == pytest.approx(90.0)
    raw["camera"]["model"] = "mine+horizontal"
    wide = study_from_dict(place(raw)).camera.camera_model()
    assert (wide.field_of_view_degrees, wide.vertical_field_of_view_degrees) == pytest.approx((150.0, 112.5))
    # With a base that is itself disputed, the number given is the one that counts.
    based = {"based_on": "nest-hello", "stated_field_of_view_degrees": 100.0, "reading": "diagonal"}
    raw = {"camera": {"model": "mine"}, "cameras": {"mine": based}}
    assert study_from_dict(place(raw)).camera.camera_model().field_of_view_degrees == pytest.approx(80.0)


def test_a_reading_can_be_asked_for_in_a_study():
    model = study_from_dict(place({"camera": {"model": "ring-video-doorbell-wired+diagonal"}})).camera.camera_model()
    assert model.field_of_view_degrees == pytest.approx(135.09, abs=0.005)


def test_every_fault_of_own_cameras_is_listed_at_once():
    cameras = {
        "bad name": OWN,
        "nest-hello": OWN,
        "short": {"pixels": 1000},
        "wrong": {**OWN, "pixls": 3, "pixels": "2000", "reading": "diagnal"},
        "round": {**OWN, "field_of_view_degrees": 200.0, "projection": "rectilinear"},
        "both": {**OWN, "stated_field_of_view_degrees": 160.0},
        "based": {"based_on": "nest-helo"},
        "near": {**OWN, "trigger_near_m": 7.0},
        "single": {"based_on": "blink-video-doorbell+diagonal"},
        "text": 3,
    }
    faults = faults_of(place({"cameras": cameras, "camera": {"model": "wrong"}}))
    expected = [
        ("cameras", "'bad name' must be letters"),
        ("cameras.nest-hello", "the catalogue has a camera of that name"),
        ("cameras.short", "field_of_view_degrees, vertical_field_of_view_degrees, pixels_vertical, trigger_range_m"),
        ("cameras.wrong.pixls", "Did you mean 'pixels'?"),
        ("cameras.wrong.pixels", "'2000'"),
        ("cameras.wrong.reading", "Did you mean 'diagonal'?"),
        ("cameras.round", "180 degrees or more"),
        ("cameras.both", "stated_field_of_view_degrees and reading belong together"),
        ("cameras.based.based_on", "Did you mean 'nest-hello'?"),
        ("cameras.near", "below trigger_range_m"),
        ("cameras.single", "one reading"),
        ("cameras.text", "3"),
    ]
    for where, what in expected:
        assert any(fault.startswith(f"{where}: ") and what in fault for fault in faults), (where, what)
    assert any("contradict each other; keep the first" in fault for fault in faults if "cameras.both" in fault)
    assert len(faults) == len(expected)


def test_an_unknown_model_is_told_of_the_users_own_too():
    (fault,) = faults_of(place({"cameras": {"my-door": OWN}, "camera": {"model": "my-dor"}}))
    assert "camera.model: unknown camera 'my-dor'. Did you mean 'my-door'?" in fault
    (fault,) = faults_of(place({"camera": {"model": "nest-hello+diagnal"}}))
    assert "Did you mean 'nest-hello'" in fault
    assert "cameras" in faults_of(place({"cameras": [1]}))[0]


# --- night ---------------------------------------------------------------------------------------------------------


def test_a_study_may_ask_for_the_night():
    raw = place({"camera": {"night": True, "infrared_range_m": 8.0, "levels": ["trigger", "detect"]}})
    sensor, detect = study_from_dict(raw).camera.chosen_levels()
    assert (sensor.range_m, detect.range_m, detect.plain) == (7.0, 8.0, "someone is there, at night")
    assert not study_from_dict(place()).camera.night


def test_a_night_without_lamps_is_refused_before_anything_is_read():
    (fault,) = faults_of(place({"camera": {"night": True}}))
    assert fault.startswith("camera: no source says how far camera 'ring-video-doorbell-wired' sees at night")
    assert "infrared_range_m = 8.0 under [camera]" in fault
    # A camera of the user's own may bring its lamps.
    own = {"mine": {**OWN, "infrared_range_m": 5.0}}
    study = study_from_dict(place({"camera": {"night": True, "model": "mine", "levels": ["detect"]}, "cameras": own}))
    assert [item.range_m for item in study.camera.chosen_levels()] == [5.0]
