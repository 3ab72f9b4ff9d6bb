"""SE Baltimore's neighbourhoods beside made-up attributes: from the place they lie in, and with a slope planted in."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from doorview.overlays.zone_slope import zone_slope
from doorview.share.outputs import HEADLINE
from doorview.study.attributes_table import ASSUMED_PART, EQUAL_PART
from doorview.study.compute import Stages, measure, prepare
from doorview.study.read import read_city
from doorview.study.result import Result
from doorview.study.schema import study_from_dict


@pytest.fixture(scope="module")
def baltimore(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder, here = shared_data / "baltimore_city_md", tmp_path_factory.mktemp("baltimore")
    zones = gpd.read_file(folder / "neighbourhoods.gpkg").to_crs(32618)
    middle = zones.geometry.centroid
    # Falls from south to north: no income of anybody.
    zones["made_up"] = (90_000 - 2.0 * (middle.y - middle.y.min())).round()
    zones[["LABEL", "made_up", "geometry"]].to_file(here / "n.gpkg", layer="n")
    attribute = {"zoning": "n", "column": "made_up", "kind": "number", "gradient": 0.3}
    raw = {
        "study": {"name": "SE Baltimore"},
        "place": {"extract": str(folder / "baltimore_sorted.osm.pbf")},
        "zones": [{"file": "n.gpkg:n", "id": "LABEL"}],
        "camera": {"levels": ["detect"]},
        "coverage": {"range_curve": False},
        "drivers": {"ranges": 0},
        "ownership": {"replicates": 64},
        "scenarios": {"independent_20": {"rate": 0.2}},
        "fairness": {"block_faces": False, "attributes": [attribute]},
    }
    study, stages = study_from_dict(raw, folder=here), Stages()
    ready = prepare(study, read_city(study), stages)
    return Result(ready, measure(ready, stages), stages)


def test_every_neighbourhood_with_homes_is_compared_or_said_to_be_left_out(baltimore: Result):
    assert baltimore.tables.attributes is not None
    (item,) = baltimore.tables.attributes.attributes
    assert baltimore.ready.zones is not None
    assert len(item.zones) + len(item.left_out) == len(baltimore.ready.zones)
    assert len(item.zones) >= 20
    assert (item.homes.homes >= 5).all()


def test_groups_are_means_over_homes_of_the_shares_by_zone(baltimore: Result):
    table = baltimore.attributes
    assert table is not None
    assert baltimore.tables.attributes is not None
    (item,) = baltimore.tables.attributes.attributes
    shares = baltimore.shares
    own = shares[(shares["zoning"] == "n") & (shares["space"] == HEADLINE)].set_index("zone")
    mean = own.loc[item.zones["zone"], "share_mean"].to_numpy()
    rows = table[(table["part"] == EQUAL_PART) & (table["measure"] == "share")]
    order, done = np.argsort(item.homes.numbers), 0
    for number, value in zip(rows["zones"], rows["value"], strict=True):
        here = order[done : done + number]
        done += number
        assert value == pytest.approx(np.average(mean[here], weights=item.homes.homes[here]), abs=1e-12)
    assert done == len(item.zones)


def test_the_assumed_gradient_turns_the_slope_its_own_way(baltimore: Result):
    table = baltimore.attributes
    assert table is not None
    slopes = table[table["measure"] == "slope"].set_index("part")["value"]
    assert slopes[ASSUMED_PART] > slopes[EQUAL_PART]


def test_a_slope_planted_in_the_shares_is_found_where_it_is(baltimore: Result):
    """Shares of the real zones, and on them a slope on an attribute that has nothing to do with them."""
    assert baltimore.tables.attributes is not None
    (item,) = baltimore.tables.attributes.attributes
    seen = item.seen[EQUAL_PART, "independent_20", "detect"]
    rng, planted, held = np.random.default_rng(5), 0.05, 0
    for _ in range(60):
        attribute = rng.standard_normal(len(item.zones))
        z = (attribute - attribute.mean()) / attribute.std()
        found = zone_slope(seen.mean + planted * z, attribute, item.homes.xy)
        held += found.low <= planted <= found.high
    assert held >= 51, "95 % of 60 is 57, three standard errors less 52"


def test_nothing_is_printed_without_a_part_and_a_level(baltimore: Result):
    table = baltimore.attributes
    assert table is not None
    assert not table[["zoning", "attribute", "part", "scenario", "level", "measure", "group"]].isna().any(axis=None)
    assert isinstance(table, pd.DataFrame)
