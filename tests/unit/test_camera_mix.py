"""A mix of camera models: drawn door by door, each with its own views, and named wherever figures are."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from numpy.typing import NDArray

import doorview as dv
from doorview.city.model import City
from doorview.errors import InputError, StudyError, UnknownNameError
from doorview.share.grid import Grid
from doorview.share.scene import RangeCurve, Scene, build_scene
from doorview.share.tiles import cover
from doorview.show.text import Caption
from doorview.sight.camera import camera
from doorview.sight.levels import level, level_or_nothing
from doorview.study.camera_mix import Mix, mix_of
from doorview.study.compute import Prepared, Stages, prepare
from doorview.study.pipeline import run_study
from doorview.study.schema import Study, study_from_dict
from helpers.tiny import tiny_town

RING, NEST = "ring-video-doorbell-wired", "nest-doorbell-battery"
MIX = {RING: 0.6, NEST: 0.4}
LEVELS = ["trigger", "recognise", "observe", "detect"]
HIGH = {"based_on": NEST, "mount_height_m": 1.4, "label": "High $Nest$"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("mixed")
    tiny_town(place / "town.osm.pbf")
    return place


@pytest.fixture(scope="module")
def town(folder: Path) -> City:
    return City.from_extract(folder / "town.osm.pbf")


def study_of(folder: Path, camera: dict[str, Any], **sections: Any) -> Study:
    raw = {"study": {"name": "Tiny", "seed": 7}, "place": {"extract": "town.osm.pbf"}, "camera": camera, **sections}
    return study_from_dict(raw, folder=folder)


def prepared(folder: Path, town: City, camera: dict[str, Any], **sections: Any) -> Prepared:
    return prepare(study_of(folder, camera, **sections), town, Stages())


def seen_by(scene: Scene) -> dict[Any, NDArray[np.int64]]:
    found = {}
    for result in cover(scene, threads=1):
        for name, seen in result.seen_by.items():
            found[result.tile, name] = np.zeros((1, 1)) if seen is None else seen.astype(np.int64)
    return found


def faults_of(camera: dict[str, Any], **sections: Any) -> list[str]:
    with pytest.raises(StudyError) as caught:
        study_from_dict({"camera": camera, **sections}, needs_place=False)
    return caught.value.faults


# --- drawing -------------------------------------------------------------------------------------------------------


def test_each_model_hangs_at_about_its_share_of_doors() -> None:
    models = {name: camera(name) for name in (RING, NEST, "nest-hello")}
    shares = {RING: 0.55, NEST: 0.1, "nest-hello": 0.35}
    mix = mix_of(models, shares, LEVELS)
    ids = [f"w{number}@1" for number in range(20_000)]
    drawn = mix.drawn(ids, 1)
    for number, model in enumerate(mix.models):
        share = shares[model.name]
        assert abs((drawn == number).mean() - share) < 4 * math.sqrt(share * (1 - share) / len(ids))
    assert (mix.drawn(ids, 2) != drawn).mean() > 0.3


def test_a_door_keeps_its_model_whatever_else_there_is(folder: Path, town: City) -> None:
    ready = prepared(folder, town, {"mix": MIX})
    assert isinstance(ready.mix, Mix)
    assert ready.model_of is not None
    names = dict(zip(ready.doors.index, (ready.mix.models[n].name for n in ready.model_of), strict=True))
    assert 3 < sum(name == RING for name in names.values()) < len(names) - 3
    # Fewer doors in another order, and the models named the other way round.
    ids = list(names)[::-2]
    turned = mix_of({name: camera(name) for name in MIX}, dict(reversed(MIX.items())), LEVELS)
    assert [turned.models[n].name for n in turned.drawn(ids, 7)] == [names[item] for item in ids]
    # Other scenarios, levels, cells and details at the doors.
    other = prepared(
        folder, town, {"mix": MIX, "levels": ["observe"]}, scenarios={"few": {"rate": 0.01}}, doors={"porch_steps": 2}
    )
    np.testing.assert_array_equal(other.model_of, ready.model_of)


# --- views ---------------------------------------------------------------------------------------------------------


def test_each_door_sees_what_it_would_see_where_all_doors_had_its_model(folder: Path, town: City) -> None:
    """Cell by cell, the models' doors counted each in a scene of their own."""
    ready = prepared(folder, town, {"mix": MIX})
    assert ready.mix is not None
    together = seen_by(ready.scene)
    alone: dict[Any, Any] = dict.fromkeys(together, 0)
    for number, model in enumerate(ready.mix.models):
        one = prepared(folder, town, {"model": model.name})
        own = one.doors[ready.model_of == number]
        scene = build_scene(
            own, one.scene.kits, one.ground, inside=ready.inside, grid=Grid(0.5), range_curve=RangeCurve()
        )
        for key, seen in seen_by(scene).items():
            alone[key] = alone[key] + seen
    assert sum(seen.any() for seen in together.values()) >= len(LEVELS)
    for key, seen in together.items():
        np.testing.assert_array_equal(seen, np.broadcast_to(alone[key], seen.shape))
    assert {round(math.degrees(kit.range_field)) for kit in ready.scene.kits} == {155, 87}


def test_levels_reach_as_far_as_the_farthest_seeing_model(folder: Path, town: City) -> None:
    ready = prepared(folder, town, {"mix": MIX, "levels": LEVELS})
    for item in ready.levels:
        assert item.range_m == max(level(camera(name), item.name).range_m for name in MIX)
        assert {mark for name in MIX for mark in level(camera(name), item.name).marks} == set(item.marks)
    assert ready.camera.name == RING


def test_a_model_that_cannot_reach_a_level_sees_nothing_there(folder: Path, town: City) -> None:
    """Hung at 8 m, a face comes into its picture from 4.1 m on, and it could identify one up to 2.5 m."""
    high = {"based_on": NEST, "mount_height_m": 8.0}
    settings: dict[str, Any] = {"cameras": {"high": high}}
    ready = prepared(folder, town, {"mix": {RING: 0.5, "high": 0.5}, "levels": ["identify", "detect"]}, **settings)
    assert ready.mix is not None
    number = [model.name for model in ready.mix.models].index("high")
    ranges = [item.range_m for item in ready.mix.by_model[number]]
    assert ranges[0] == 0.0
    assert ranges[1] > 10.0
    assert ready.levels[0].range_m == level(camera(RING), "identify").range_m
    (kit,) = {ready.scene.door_kit[n] for n in np.flatnonzero(ready.model_of == number)}
    assert [item.range_m for item in ready.scene.kits[kit].levels] == ranges
    # Where no model reaches it, the level is refused, as it is for one model.
    (fault,) = faults_of({"mix": {"high": 1.0}, "levels": ["identify"]}, **settings)
    assert "nothing is in view at this level" in fault
    assert level_or_nothing(camera(RING), "detect") == level(camera(RING), "detect")
    with pytest.raises(UnknownNameError, match="detect"):
        level_or_nothing(camera(RING), "detekt")
    with pytest.raises(InputError, match="target_height_m"):
        level_or_nothing(camera(RING), "detect", target_height_m=9.0)


def test_lenses_hang_at_their_own_models_height_above_the_steps(folder: Path, town: City) -> None:
    ready = prepared(folder, town, {"mix": {RING: 0.5, "high": 0.5}}, doors={"porch_steps": 2}, cameras={"high": HIGH})
    assert ready.mix is not None
    mount = np.array([model.mount_height_m for model in ready.mix.models])[ready.model_of]
    assert set(mount) == {1.2, 1.4}
    np.testing.assert_allclose(ready.doors["lens_height_m"], mount + 2 * 0.17)
    assert len(ready.scene.kits) == 2
    plain = prepared(folder, town, {"mix": {RING: 0.5, "high": 0.5}}, cameras={"high": HIGH})
    nears = {kit.levels[3].near_m for kit in plain.scene.kits}
    assert nears == {level(model, "detect").near_m for model in ready.mix.models}


def test_values_of_the_section_hold_for_every_model() -> None:
    section = study_from_dict({"camera": {"mix": MIX, "mount_height_m": 1.3}}, needs_place=False).camera
    mix = section.camera_mix()
    assert mix is not None
    assert [model.mount_height_m for model in mix.models] == [1.3, 1.3]


# --- what is said of it --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result(folder: Path) -> Any:
    study = study_of(folder, {"mix": {RING: 0.6, "high": 0.4}}, cameras={"high": HIGH}, output={"viewsheds": True})
    return run_study(study, folder / "out")


def test_the_run_says_which_models_and_how_far_each_sees(result: Any) -> None:
    facts = json.loads((result.folder / "run.json").read_text(encoding="utf-8"))
    assert facts["camera"]["name"] == "mix"
    models = facts["camera"]["models"]
    assert {name: item["share"] for name, item in models.items()} == {RING: 0.6, "high": 0.4}
    assert sum(item["doors"] for item in models.values()) == len(result.doors)
    assert models["high"]["values"]["mount_height_m"] == {
        "value": 1.4, "mark": "user", "source": "given by the user"
    }  # fmt: skip
    for name, item in facts["levels"].items():
        ranges = {model: own["range_m"] for model, own in item["by_model"].items()}
        assert ranges == {model: level(result_model(result, model), name).range_m for model in (RING, "high")}
        assert item["range_m"] == max(ranges.values())
        assert set(item["by_model"]["high"]["marks"]) <= set(item["marks"])
    assert facts["settings"]["camera"]["mix"] == {RING: 0.6, "high": 0.4}
    assert facts["settings"]["camera"]["model"] is None


def result_model(result: Any, name: str) -> Any:
    return next(model for model in result.ready.mix.models if model.name == name)


def test_headline_notes_and_pictures_name_the_mix(result: Any) -> None:
    label = "60% Ring Video Doorbell Wired (2021) and 40% High $Nest$"
    assert label in result.headline()[0]
    assert "drawn door by door" in result.headline()[0]
    (note,) = [line for line in result.notes() if "drawn door by door" in line]
    ring = level(camera(RING), "detect").range_m
    assert f"detect to {ring:.0f}" in note
    with rasterio.open(result.folder / "seen_by_detect.tif") as raster:
        assert raster.tags()["camera"] == label
    assert (result.folder / "maps" / "range_curve.png").is_file()
    line = Caption("x", label, mixed=True).camera_line
    assert label in line
    assert "farthest" in line


def test_viewsheds_are_those_of_each_doors_own_model(result: Any) -> None:
    views = gpd.read_parquet(result.folder / "working" / "viewsheds.parquet")
    doors = gpd.read_file(result.folder / "working" / "doors.gpkg").set_index("door")
    assert set(doors["camera"]) == {RING, "high"}
    for name in (RING, "high"):
        own = result.doors[(doors["camera"] == name).reindex(result.doors.index)]
        for item in LEVELS:
            wanted = dv.viewsheds(own, result.ready.obstacles, result_model(result, name), item)
            found = views[views["level"] == item].set_index("door").loc[own.index]
            pd.testing.assert_series_equal(
                found["area_m2"], wanted["area_m2"], check_exact=True, check_index_type=False
            )


def test_a_long_mix_is_cut_short() -> None:
    names = [RING, NEST, "nest-hello", "ring-video-doorbell-pro", "blink-video-doorbell"]
    shares = dict(zip(names, (0.4, 0.3, 0.15, 0.1, 0.05), strict=True))
    mix = mix_of({name: camera(name) for name in names}, shares, ["detect"])
    assert mix.label.startswith("40% Ring Video Doorbell Wired")
    assert mix.label.endswith("15% 2 other models")
    assert mix.label.count("%") == 4
    assert mix.lead.name == RING


def test_estimate_takes_a_mix(town: City) -> None:
    one = dv.estimate(town, camera={RING: 1.0}, levels="observe", rates=0.2, range_curve=False)
    plain = dv.estimate(town, camera=RING, levels="observe", rates=0.2, range_curve=False)
    pd.testing.assert_frame_equal(one.shares, plain.shares, check_exact=True)
    both = dv.estimate(town, camera=MIX, levels="observe", rates=0.2, range_curve=False)
    other = dv.estimate(town, camera=NEST, levels="observe", rates=0.2, range_curve=False)
    low, high = sorted((plain.share("independent_20", "observe"), other.share("independent_20", "observe")))
    assert low < both.share("independent_20", "observe") < high


# --- bad input -----------------------------------------------------------------------------------------------------


def test_every_fault_of_a_mix_is_listed_at_once() -> None:
    faults = faults_of(
        {"model": RING, "mix": {"nest-helo": 0.5, "ring-video-doorbell-wird": 0.4}, "levels": ["detekt"]}
    )
    for part, near in (
        ("model and mix contradict", "keep one"),
        ("unknown camera 'nest-helo'", "'nest-hello'"),
        ("unknown camera 'ring-video-doorbell-wird'", f"'{RING}'"),
        ("add up to 0.9", "must add up to 1"),
        ("unknown level 'detekt'", "'detect'"),
    ):
        assert any(part in fault and near in fault for fault in faults), (part, faults)


@pytest.mark.parametrize(
    ("mix", "what"),
    [
        ({}, "empty"),
        ({RING: 60, NEST: 40}, "camera.mix"),
        ({RING: 1.0, NEST: 0.0}, "camera.mix"),
        ({RING: -0.5, NEST: 1.5}, "camera.mix"),
        ({RING: "most", NEST: 0.5}, "camera.mix"),
        ({RING: True}, "camera.mix"),
        ({RING: float("nan"), NEST: 0.5}, "camera.mix"),
        ([RING, NEST], "camera.mix"),
        ({RING: 0.5, NEST: 0.6}, "add up to 1.1"),
        ({RING: 0.5, f"{NEST}+sideways": 0.5}, "sideways"),
    ],
)
def test_shares_that_are_none_are_refused(mix: Any, what: str) -> None:
    assert any(what in fault for fault in faults_of({"mix": mix}))


def test_a_mix_of_an_own_camera_with_faults_tells_of_those() -> None:
    faults = faults_of({"mix": {"mine": 0.5, NEST: 0.5}}, cameras={"mine": {"based_on": "nest-helo"}})
    assert len(faults) == 1
    assert "cameras.mine.based_on" in faults[0]
