"""A city made to break what is read about parts has the tables of the whole, to the last bit.

A street of 5 km without a junction runs through all parts, a boulevard of two carriageways and a sidewalk beside it; a
park is far larger than a part; one home stands 950 m and one 3 km from any street; the street lies on one parcel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.study.compute import measure, prepare
from doorview.study.part_run import run_tables_only
from doorview.study.read import read_city
from doorview.study.result import Result
from doorview.study.schema import study_from_dict
from doorview.study.stages import Stages, silent

CRS = "EPSG:32618"
X, Y = 500_000.0, 4_300_000.0
ROAD = {"highway": "residential", "name": "Long Street"}
BOULEVARD = {"highway": "secondary", "name": "Boulevard", "oneway": "yes"}


def moved(shapes: list[Any]) -> np.ndarray:
    return shapely.transform(np.array(shapes, dtype=object), lambda xy: xy + np.array([X, Y]))


def write(path: Path, rows: list[tuple[Any, dict[str, str]]]) -> str:
    keys = sorted({key for _, tags in rows for key in tags})
    data = {key: [tags.get(key) for _, tags in rows] for key in keys}
    gpd.GeoDataFrame(data, geometry=moved([shape for shape, _ in rows]), crs=CRS).to_file(path)
    return str(path)


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("ends")
    rng = np.random.default_rng(7)
    bend = dict(zip(range(0, 5_001, 50), rng.uniform(-6, 6, 101), strict=True))
    ways = [
        (shapely.LineString([(x, bend[x]) for x in range(start, start + 501, 50)]), ROAD)
        for start in range(0, 5_000, 500)
    ]
    ways[3] = (shapely.reverse(ways[3][0]), ROAD)
    there = [(float(x), 120.0 + bend[x]) for x in range(400, 4_601, 50)]
    back = [(x, y + 22.0) for x, y in reversed(there)]
    ways += [(shapely.LineString(there), BOULEVARD), (shapely.LineString(back), BOULEVARD)]
    walk = [(float(x), 108.0 + bend[x]) for x in range(1_000, 3_001, 50)]
    ways.append((shapely.LineString([*walk, (3_000.0, 700.0)]), {"highway": "footway", "footway": "sidewalk"}))
    ways.append((shapely.LineString([(2_600, 300), (2_600, 900)]), {"highway": "residential", "name": "Side"}))
    homes: list[tuple[Any, dict[str, str]]] = []
    for x in range(20, 5_000, 70):
        homes += [(shapely.box(x, side * 16 - 5, x + 10, side * 16 + 5), {"building": "house"}) for side in (-1, 1)]
    homes.append((shapely.box(4_900, 1_100, 4_910, 1_110), {"building": "house"}))
    homes.append((shapely.box(100, 3_000, 110, 3_010), {"building": "house"}))
    park = shapely.box(-200, 200, 5_200, 3_200)
    lots = [(shapely.box(-50, -9, 5_050, 9), {}), *((shape.buffer(4, join_style="mitre"), {}) for shape, _ in homes)]
    return {
        "buildings": write(folder / "homes.gpkg", homes),
        "streets": write(folder / "ways.gpkg", ways),
        "public_space": write(folder / "park.gpkg", [(park, {"class": "park"})]),
        "parcels": write(folder / "lots.gpkg", lots),
    }


@pytest.mark.parametrize("parcels", [True, False])
def test_parts_of_a_city_that_hangs_together_make_the_tables_of_the_whole(layers, parcels, tmp_path, monkeypatch):
    monkeypatch.setenv("DOORVIEW_CACHE", str(tmp_path / "cache"))
    data: dict[str, Any] = {
        "study": {"name": "ends"},
        "place": {"layers": {k: v for k, v in layers.items() if parcels or k != "parcels"}, "country": "us"},
        "camera": {"levels": ["detect"]},
        "coverage": {"cell_m": 1.0, "range_curve": False, "obstacles": "all", "parked_cars": 0.5},
        "scenarios": {"street": {"process": "clustered", "rate": 0.2, "strength": 2.0}, "km": {"per_street_km": 2.0}},
        "output": {"tables_only": True},
    }
    study = study_from_dict(data, where="test")
    made = run_tables_only(study, tmp_path / "out", progress=silent, buildings_per_part=20)
    ready = prepare(study.model_copy(update={"drivers": study.drivers.model_copy(update={"ranges": 0})}),
                    read_city(study), Stages())  # fmt: skip
    whole = Result(ready, measure(ready, Stages()), Stages())
    assert len(list((tmp_path / "cache").rglob("counted/**/part-*"))) > 5
    for name in ("shares", "curve", "counts"):
        pd.testing.assert_frame_equal(getattr(made, name), getattr(whole, name), check_exact=True, obj=name)
    for name in ("intervals", "densities"):
        one, two = getattr(made.tables.counted, name), getattr(whole.tables.counted, name)
        assert (one is None) == (two is None), name
        if one is not None:
            pd.testing.assert_frame_equal(one, two, check_exact=True, obj=name)
    assert made.doors.index.tolist() == whole.doors.index.tolist()
    assert (made.doors.geometry.to_numpy() == whole.doors.geometry.to_numpy()).all()
    notes = {key: value for key, value in ready.ground.notes.items() if key != "counts"}
    assert made.ready.ground.notes == notes
    assert notes["length_merged_m"] > 3_000
