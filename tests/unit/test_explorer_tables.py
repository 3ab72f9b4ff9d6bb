"""Tables of the explorer against other tables of the same run, and against plain loops over the set rows' files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from doorview.study.explorer_tables import explorer_tables
from doorview.study.pipeline import run_study
from doorview.study.result import Result
from doorview.study.schema import study_from_dict
from helpers.tiny import halves, tiny_town

STREETS = ("carriageway", "alley", "sidewalk", "verge")
HOSTILE = '</script><img src=x onerror="alert(1)">\u202e\u05e9\u05dc\u05d5\u05dd \U0001f6aa \'"&'
P, STRENGTH, SEED = 0.2, 1.5, 11
SCENARIOS: dict[str, dict[str, Any]] = {
    "plain": {"rate": P, "label": "1 home in 5"},
    "preset": {"rate_preset": "us_2017"},
    "clustered": {"based_on": "plain", "process": "clustered", "strength": STRENGTH},
    "near": {"based_on": "plain", "process": "neighbours", "strength": STRENGTH, "distance_m": 100.0},
    "five": {"process": "exactly", "number": 5},
    "gift": {"rate": 0.23, "programme": {"number": 8}},
    "cut": {"based_on": "plain", "rules": {"privacy_zone_m": 1.0}},
    "cut_gift": {
        "based_on": "plain",
        "programme": {"number": 4},
        "rules": {"privacy_zone_m": 1.0, "for_cameras": "programme"},
    },
    "lapsed": {"based_on": "plain", "rules": {"lapsed": 0.25}},
    "best": {"process": "most_possible", "number": 3, "level": "detect", "space": "streets"},
}
CURVES = ("clustered", "near", "gift", "cut", "cut_gift", "lapsed")
U2 = 0.51 / 65535
"""Shares of blocks are rounded to whole multiples of 1 / 65535."""


def run(folder: Path, *, fictional: bool = False, flats: str | None = None) -> Result:
    tiny_town(folder / "town.osm.pbf", street=HOSTILE, flats=flats)
    halves(folder / "halves.gpkg", 12, 10, west_name=HOSTILE)
    raw = {
        "study": {"name": "Tiny", "seed": SEED, "fictional": fictional, "label": HOSTILE},
        "place": {"extract": "town.osm.pbf"},
        "zones": [{"file": "halves.gpkg", "id": "id", "name": "name", "zoning": "half"}],
        "camera": {"levels": ["observe", "detect"]},
        "coverage": {"range_curve": False},
        "output": {"maps": False, "rasters": False},
        "drivers": {"ranges": 0},
        "scenarios": SCENARIOS,
    }
    return run_study(study_from_dict(raw, folder=folder), folder / "out")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(tmp_path_factory.mktemp("tiny"))


class Page:
    """What a run's folder holds for the page, asked for by names as the page does."""

    def __init__(self, folder: Path) -> None:
        self.header = json.loads((folder / "working" / "explorer.json").read_text(encoding="utf-8"))
        with np.load(folder / "working" / "explorer.npz") as held:
            self.arrays = {name: held[name] for name in held.files}

    def place(self, kind: str, name: str) -> int:
        return [item["name"] for item in self.header[kind]].index(name)

    def of_kind(self, name: str) -> int:
        kind = self.header["scenarios"][self.place("scenarios", name)]["kind"]
        return [s["name"] for s in self.header["scenarios"] if s["kind"] == kind].index(name)

    def independent(self, unit: int, level: str, space: str, rate: float, most: int = 1) -> float:
        a, levels, spaces = self.arrays, len(self.header["levels"]), len(self.header["spaces"])
        row = (unit * levels + self.place("levels", level)) * spaces + self.place("spaces", space)
        part = slice(int(a["hist_start"][row]), int(a["hist_start"][row + 1]))
        seen = stats.binom.sf(most - 1, a["hist_k"][part], rate) @ a["hist_amount"][part]
        return float(seen / a["public_cells"][unit, self.place("spaces", space)])

    def knot(self, scenario: str, unit: int, level: str, space: str, rate: float) -> float:
        knot = int(np.argmin(np.abs(self.arrays["knot_rates"] - rate)))
        assert abs(self.arrays["knot_rates"][knot] - rate) < 1e-6
        index = self.of_kind(scenario), unit, self.place("levels", level), self.place("spaces", space), knot
        return float(self.arrays["knot_share"][index]) / 65535


@pytest.fixture(scope="module")
def page(result: Result) -> Page:
    assert result.folder is not None
    return Page(result.folder)


def faces_of(result: Result) -> gpd.GeoDataFrame:
    assert result.folder is not None
    return gpd.read_file(result.folder / "city.gpkg", layer="block_faces")


def units_of_faces(page: Page, faces: gpd.GeoDataFrame) -> Iterable[tuple[int, pd.Series]]:
    """Yield unit and row of every face, found again by where its line begins."""
    a = page.arrays
    first = a["face_xy"][a["face_start"][:-1]] / 100.0 + np.array(page.header["origin"])
    for _, row in faces.iterrows():
        near = np.hypot(*(first - np.array(row.geometry.coords[0])).T)
        if near.min() < 0.02:
            yield int(a["face_unit"][near.argmin()]), row


def test_the_curve_is_that_of_curve_csv(result: Result, page: Page) -> None:
    assert result.folder is not None
    curve = pd.read_csv(result.folder / "curve.csv", dtype={"zone": str})
    rows = [("all", "all"), ("half", "E"), ("half", "W")]
    for level in ("detect", "observe"):
        for space in ("streets_near_homes", "all", "verge"):
            for row, (zoning, zone) in enumerate(rows):
                here = (curve["level"] == level) & (curve["space"] == space) & (curve["measure"] == "area_m2")
                own = curve[here & (curve["zoning"] == zoning) & (curve["zone"] == zone)].sort_values("rate")
                ours = page.arrays["curve_independent"][page.place("levels", level), page.place("spaces", space), row]
                assert ours.tolist() == own["share_mean"].tolist()
    assert page.header["rates"] == [n / 100 for n in range(101)]


def test_levels_and_spaces_stand_as_the_page_shows_them(page: Page) -> None:
    assert [item["name"] for item in page.header["levels"]] == ["detect", "observe"]
    assert [item["name"] for item in page.header["spaces"]][:2] == ["streets_near_homes", "all"]


def test_kinds_of_scenarios(page: Page) -> None:
    kinds = {item["name"]: item["kind"] for item in page.header["scenarios"]}
    assert kinds == {
        "plain": "independent", "preset": "independent", "five": "fixed", "best": "fixed",
        **dict.fromkeys(CURVES, "curve"),
    }  # fmt: skip
    for item in page.header["scenarios"]:
        assert (item["rate"] is None) == (item["why_no_slider"] is not None) == (item["kind"] == "fixed")
    sights = {item["name"]: item["sights"] for item in page.header["scenarios"]}
    assert [name for name, there in sights.items() if not there] == ["cut", "cut_gift"]


def test_blocks_have_the_shares_of_the_layer(result: Result, page: Page) -> None:
    # The layer's shares come from another path: one chance per set, added up by face and group.
    found = 0
    for unit, row in units_of_faces(page, faces_of(result)):
        if unit < 0:
            assert row["public_m2"] == 0 or math.isnan(row["share_detect__plain"])
            continue
        for level in ("detect", "observe"):
            ours = page.independent(unit, level, "streets", P)
            assert ours == pytest.approx(row[f"share_{level}__plain"], abs=1e-9)
            for name in CURVES:
                rate = 0.23 if name == "gift" else P
                ours = page.knot(name, unit, level, "streets", rate)
                assert ours == pytest.approx(row[f"share_{level}__{name}"], abs=U2), name
            for name in ("five", "best"):
                index = page.of_kind(name), unit, page.place("levels", level), page.place("spaces", "streets")
                ours = float(page.arrays["fixed_unit_share"][index]) / 65535
                assert ours == pytest.approx(row[f"share_{level}__{name}"], abs=U2), name
            found += 1
    assert found >= 4


def test_zones_and_the_whole_have_the_shares_of_shares_csv(result: Result, page: Page) -> None:
    shares = result.shares
    groups = int((page.arrays["unit_zoning"] < 0).sum())
    for level in ("detect", "observe"):
        for space in ("streets_near_homes", "all", "verge", "streets"):
            where = page.place("levels", level), page.place("spaces", space)
            for row, (zoning, zone) in enumerate([("all", "all"), ("half", "E"), ("half", "W")]):
                here = (shares["level"] == level) & (shares["space"] == space) & (shares["measure"] == "area_m2")
                own = shares[here & (shares["zoning"] == zoning) & (shares["zone"] == zone)].set_index("scenario")
                unit = groups + row - 1
                for name in ("five", "best"):
                    ours = page.arrays["fixed_share"][(page.of_kind(name), *where, row)]
                    assert ours == own.loc[name, "share_mean"]
                for name in CURVES:
                    rate = 0.23 if name == "gift" else P
                    told = own.loc[name, "share_mean"]
                    if row:
                        assert page.knot(name, unit, level, space, rate) == pytest.approx(told, abs=U2)
                    else:
                        ours = page.arrays["curve_scenario"][(page.of_kind(name), *where, round(100 * rate))]
                        assert ours == pytest.approx(told, abs=1e-9), name
                if row:
                    assert page.independent(unit, level, space, P) == pytest.approx(own.loc["plain", "share_mean"])
                    for most in (2, 3):
                        told = own.loc["plain", f"seen_by_{most}_mean"]
                        assert page.independent(unit, level, space, P, most) == pytest.approx(told, abs=1e-9)


@pytest.fixture(scope="module")
def plain_share(result: Result) -> Callable[[str, Callable[[int], float]], float]:
    """Return the share of all streets in view by plain loops over the files of the run's folder."""
    assert result.folder is not None
    rows = pd.read_parquet(result.folder / "working" / "coverage.parquet")
    members = pd.read_parquet(result.folder / "working" / "members.parquet")
    size = members.groupby("set").size().to_dict()
    shares = result.shares
    here = (shares["space"] == "streets") & (shares["zoning"] == "all") & (shares["scenario"] == "plain")

    def share(level: str, chance: Callable[[int], float]) -> float:
        own = rows[(rows["level"] == level) & rows["space"].isin(STREETS)]
        seen = math.fsum(chance(size[s]) * n for s, n in zip(own["set"], own["amount"], strict=True))
        return seen * 0.25 / float(shares[here & (shares["level"] == level)]["public_amount"].iloc[0])

    return share


@pytest.mark.parametrize("rate", [0.05, 0.45, 0.95])
def test_other_rates_by_plain_loops(
    page: Page, plain_share: Callable[[str, Callable[[int], float]], float], rate: float
) -> None:
    at = round(100 * rate)
    for level in ("detect", "observe"):
        where = page.place("levels", level), page.place("spaces", "streets")
        told = plain_share(level, lambda k: 1 - (1 - rate) ** k)
        assert page.arrays["curve_independent"][(*where, 0, at)] == pytest.approx(told, abs=1e-9)
        # Three quarters of the cameras still work; each owner's lapses by itself.
        told = plain_share(level, lambda k: 1 - (1 - 0.75 * rate) ** k)
        assert page.arrays["curve_scenario"][(page.of_kind("lapsed"), *where, at)] == pytest.approx(told, abs=1e-9)


def test_doorbells_given_away_besides_by_plain_loops(
    page: Page, plain_share: Callable[[str, Callable[[int], float]], float]
) -> None:
    # 8 of the 22 doors are drawn whatever the rate is; a door counts once.
    for rate in (0.0, 0.6, 1.0):

        def chance(k: int, none: float = 1 - rate) -> float:
            return 1 - float(stats.hypergeom.pmf(0, 22, k, 8)) * none**k

        told = plain_share("detect", chance)
        where = page.of_kind("gift"), page.place("levels", "detect"), page.place("spaces", "streets")
        assert page.arrays["curve_scenario"][(*where, round(100 * rate))] == pytest.approx(told, abs=1e-9)


def test_where_owners_cannot_be_so_there_is_no_figure(page: Page) -> None:
    # 1.5 times as likely as 70 % is more than certain.
    own = page.header["scenarios"][page.place("scenarios", "clustered")]
    assert 0.65 in own["computed_at"]
    assert 0.7 in own["impossible_at"]
    where = page.of_kind("clustered"), page.place("levels", "detect"), page.place("spaces", "streets")
    curve = page.arrays["curve_scenario"][where]
    assert np.isnan(curve[66:95]).all()
    assert not np.isnan(curve[:66]).any()


def test_shares_never_fall_as_more_own_one(page: Page) -> None:
    # Not so where a strength is kept: at a higher rate the same strength is a closer likeness, so owners clump more.
    for name in ("gift", "cut", "cut_gift", "lapsed"):
        curve = page.arrays["curve_scenario"][page.of_kind(name)]
        assert (np.diff(curve[:, ~np.isnan(curve).any(axis=(0, 2))], axis=-1) > -1e-9).all(), name


def test_doorbells_to_expect(result: Result, page: Page) -> None:
    a = page.arrays
    knot = int(np.argmin(np.abs(a["knot_rates"] - P)))
    bells = a["knot_bells"][:, :, knot]
    assert (bells[..., 0] <= bells[..., 1]).all()
    doors = a["unit_doors"][None, :, None]
    assert (bells <= doors).all()
    # Lapsed cameras are independent: a binomial; 256 draws move its quantiles by a door or two.
    exact = np.stack([stats.binom.ppf(q, a["unit_doors"], 0.75 * P) for q in (0.05, 0.95)], axis=1)
    assert np.abs(bells[page.of_kind("lapsed")] - exact).max() <= 2
    five = a["fixed_bells"][page.of_kind("five")]
    zones = np.flatnonzero(a["unit_zoning"] >= 0)
    for unit in zones:
        told = stats.hypergeom.ppf([0.05, 0.95], 22, a["unit_doors"][unit], 5)
        assert np.abs(five[unit] - told).max() <= 1
    # Each door stands twice there, with both of its views, and owns one camera.
    gift, cut = bells[page.of_kind("gift")][zones], bells[page.of_kind("cut_gift")][zones]
    assert (cut <= a["unit_doors"][zones, None]).all()
    assert (gift > 0).any()


def test_a_real_place_holds_no_owner_and_no_home_of_a_door(page: Page) -> None:
    assert not page.header["fictional"]
    doors = {name for name in page.arrays if name.startswith("door_")}
    assert doors == {"door_xy", "door_heading", "door_unit", "door_lens_m"}
    homes = page.arrays["unit_homes"]
    assert not ((homes > 0) & (homes < 5)).any()
    assert page.arrays["unit_homes"][page.arrays["unit_zoning"] < 0].sum() == 22


def test_names_stay_text_without_marks_that_turn_it_around(page: Page) -> None:
    names = page.header["names"]
    assert any("</script>" in name and "\U0001f6aa" in name for name in names)
    assert not any("\u202e" in name for name in names)
    named = page.arrays["unit_name"] >= 0
    assert named.any()


def test_doors_and_walls_are_where_the_city_has_them(result: Result, page: Page) -> None:
    origin = np.array(page.header["origin"])
    xy = page.arrays["door_xy"] / 100.0 + origin
    assert np.abs(xy - result.ready.scene.door_xy).max() <= 0.00501
    heading = page.arrays["door_heading"] / 100.0
    assert np.abs(heading - result.doors["heading"].to_numpy() % 360).max() <= 0.00501
    rings = len(page.arrays["ring_start"]) - 1
    assert rings == 22
    assert page.arrays["wall_xy"].shape == (0, 4)


@pytest.fixture(scope="module")
def fictional(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(tmp_path_factory.mktemp("fictional"), fictional=True, flats="3")


def test_owners_of_a_fictional_town_are_those_of_the_first_draw(fictional: Result) -> None:
    assert fictional.folder is not None
    page, table = Page(fictional.folder), fictional.ready.door_table
    assert page.arrays["door_dwellings"].tolist() == table.dwellings.tolist()
    for name, rate in (("plain", P), ("preset", page.header["scenarios"][1]["rate"])):
        scenario = next(s for s in fictional.tables.scenarios if s.name == name)
        drawn = scenario.owners(table.dwellings, table.inside).draw(table.key, SEED, 1)[:, 0] & np.uint64(1)
        assert (page.arrays["door_u"] < rate).tolist() == drawn.astype(bool).tolist()
        assert 0 < drawn.sum() < len(drawn)


def test_a_chance_that_depends_on_homes_is_no_plain_rate(fictional: Result) -> None:
    study = fictional.ready.study
    other = study.model_copy(update={"ownership": study.ownership.model_copy(update={"shared_doors": "any"})})
    from doorview.study.compute import Stages, measure, prepare

    ready = prepare(other, fictional.ready.city, Stages())
    header, arrays = explorer_tables(replace(fictional, ready=ready, tables=measure(ready, Stages())))
    plain = header["scenarios"][0]
    assert (plain["name"], plain["kind"], plain["bells"]) == ("plain", "curve", "table")
    # The same as the exact curve of the run by its own rule, at a rate that is a knot.
    number = [s["name"] for s in header["scenarios"] if s["kind"] == "curve"].index("plain")
    assert arrays["curve_scenario"][number, 0, 0, 35] == pytest.approx(arrays["curve_independent"][0, 0, 0, 35])


def test_walks_hold_the_layer_of_streets_in_each_scenario_that_they_are_told_for(tmp_path):
    raw = {
        "study": {"name": "Tiny", "seed": SEED, "fictional": True},
        "place": {"extract": "town.osm.pbf"},
        "camera": {"levels": ["observe", "detect"]},
        "coverage": {"range_curve": False},
        "output": {"maps": False, "rasters": False},
        "drivers": {"ranges": 0},
        "scenarios": {"few": {"rate": 0.05}, "many": {"rate": 0.5}},
        "routes": {"replicates": 64},
    }
    tiny_town(tmp_path / "town.osm.pbf", street=HOSTILE)
    found = run_study(study_from_dict(raw, folder=tmp_path), tmp_path / "out")
    header, arrays = explorer_tables(found)
    assert header["walks"]["scenarios"] == ["few", "many"]
    names = [item["name"] for item in header["levels"]]
    layer = gpd.read_file(tmp_path / "out" / "city.gpkg", layer="street_exposure")
    shown = found.tables.routes.shown
    scale = header["walks"]["scale"]
    for number, level in enumerate(names):
        held = arrays["walk_share"][header["walks"]["scenarios"].index(shown), number].astype(float)
        expected = layer[f"share_{level}"].to_numpy(float)
        assert (held > scale).tolist() == np.isnan(expected).tolist()
        assert np.where(held > scale, np.nan, held / scale) == pytest.approx(expected, abs=1e-5, nan_ok=True)
        # More owners never have less of a walk in view.
        assert (arrays["walk_share"][1, number] >= arrays["walk_share"][0, number]).all()
    assert len(arrays["walk_start"]) == len(layer) + 1
    metres = np.hypot(*np.diff(arrays["walk_xy"] / 100.0, axis=0).T)
    inside = np.setdiff1d(np.arange(len(metres)), arrays["walk_start"][1:-1].astype(int) - 1)
    assert metres[inside].sum() == pytest.approx(layer.length.sum(), rel=1e-3)


def test_a_run_without_streets_has_no_walks(result):
    header, arrays = explorer_tables(result)
    assert header["walks"] is None
    assert not [name for name in arrays if name.startswith("walk_")]
