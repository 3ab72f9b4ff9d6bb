"""Every process through a study and its run, against plain code over the files of the run's folder."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy import stats

from doorview.ownership.densities import Density, household_rate
from doorview.share.grid import Grid
from doorview.study import compute
from doorview.study.pipeline import run_study
from doorview.study.result import Result
from doorview.study.schema import study_from_dict
from doorview.study.sections import Study
from helpers.tiny import halves, tiny_town

DOORS, WEST, EAST = 22, 12, 10
P, STRENGTH = 0.2, 1.5
STREETS = ("carriageway", "alley", "sidewalk", "verge")
FIXED = 1e-9
"""Chances are rounded to 2^-40 before they are summed."""
INCOME = {"W": 40000.0, "E": 70000.0}
RATES = {"W": 0.1, "E": 0.35}
GIFT = {"number": 8, "take_up": 0.5, "bought_anyway": 0.25, "strings": 0.9, "response": 0.6}
MONEY = {"city_cost": 130.0, "household_cost": 20.0, "fixed_cost": 1000.0}

SCENARIOS: dict[str, dict[str, Any]] = {
    "plain": {"rate": P, "label": "1 home in 5"},
    "clustered": {"based_on": "plain", "process": "clustered", "strength": STRENGTH},
    "near": {"based_on": "plain", "process": "neighbours", "strength": STRENGTH, "distance_m": 100.0},
    "five": {"process": "exactly", "number": 5},
    "weighted": {"rate": P, "process": "weighted", "zoning": "half", "column": "income", "odds_ratio": 2.0},
    "by_zone": {"rate_column": "rate", "zoning": "half", "elsewhere": 0.0},
    "gift": {"based_on": "plain", "programme": {**GIFT, **MONEY}},
    "raffle": {"based_on": "plain", "programme": {"number": 5, "to": "raffle", "app_share": 0.5, "take_up": 0.8}},
    "clustered_gift": {"based_on": "clustered", "programme": {"number": 6, "take_up": 0.5}},
    "hot_spots": {
        "rate": 0.0,
        "programme": {"number": WEST + 3, "to": "zones_in_order", "zoning": "half", "zones": ["W", "E"]},
    },
    "poor": {
        "based_on": "plain",
        "programme": {"number": 4, "to": "means_tested", "zoning": "half", "column": "income", "at_most": 50000.0},
    },
    "budget": {"based_on": "plain", "programme": {"budget": 1000.0, "city_cost": 130.0}},
    "lapsed": {"based_on": "plain", "rules": {"lapsed": 0.25}},
    "best": {"process": "most_possible", "number": 3, "level": "detect", "space": "streets"},
    "worst": {"process": "least_found", "number": 3, "level": "detect", "space": "streets"},
    "dense": {"per_km2": 100.0},
    "preset": {"rate_preset": "us_2017", "against": "plain"},
}


def study_of(folder: Path, scenarios: dict[str, Any], **more: Any) -> Study:
    raw = {
        "study": {"name": "Tiny", "seed": 11},
        "place": {"extract": "town.osm.pbf"},
        "zones": [{"file": "halves.gpkg", "id": "id", "name": "name", "zoning": "half"}],
        "camera": {"levels": ["observe", "detect"]},
        "coverage": {"range_curve": False, **more},
        "ownership": {"replicates": 1024},
        "output": {"maps": False, "rasters": False},
        "scenarios": scenarios,
        "stages": {"active": 0.9, "retention_days": 30.0, "asked_after_days": 3.0, "agrees": 0.5},
    }
    return study_from_dict(raw, folder=folder)


def town_in(folder: Path, *, backwards: bool = False) -> Path:
    tiny_town(folder / "town.osm.pbf", backwards=backwards)
    table = gpd.read_file(halves(folder / "halves.gpkg", WEST, EAST))
    # The halves reach over the street, and a strip at the box's edges lies in neither.
    table["income"], table["rate"] = table["id"].map(INCOME), table["id"].map(RATES)
    table.to_file(folder / "halves.gpkg")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return town_in(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    return run_study(study_of(folder, SCENARIOS), folder / "out")


class Plain:
    """What the files of a run's folder say, by plain loops: rows of (level, class, near) with their set of doors."""

    def __init__(self, result: Result) -> None:
        assert result.folder is not None
        self.folder = result.folder
        members = pd.read_parquet(result.folder / "working" / "members.parquet")
        self.sets = {number: tuple(part["door"]) for number, part in members.groupby("set")}
        self.rows = pd.read_parquet(result.folder / "working" / "coverage.parquet")
        self.shares = pd.read_csv(result.folder / "shares.csv")
        doors = gpd.read_file(result.folder / "working" / "doors.gpkg").to_crs(result.ready.city.crs)
        self.doors = list(doors["door"])
        self.place = dict(zip(doors["door"], doors.geometry, strict=True))
        faces = result.ready.ground.faces.geometry.to_numpy()
        self.face = {door: int(np.argmin(shapely.distance(faces, at))) for door, at in self.place.items()}
        west = gpd.read_file(result.folder.parent / "halves.gpkg").to_crs(result.ready.city.crs)
        self.half = {
            door: next(zone for zone, shape in zip(west["id"], west.geometry, strict=True) if shape.contains(at))
            for door, at in self.place.items()
        }

    def share(self, level: str, chance: Callable[[tuple[str, ...]], float]) -> float:
        """Return the expected share of the streets."""
        rows = self.rows[(self.rows["level"] == level) & self.rows["space"].isin(STREETS)]
        seen = rows.groupby("set")["amount"].sum()
        total = math.fsum(chance(self.sets[s]) * amount for s, amount in seen.items())
        return total * 0.25 / float(self.row("plain", level)["public_amount"])

    def row(self, scenario: str, level: str, zone: str = "all") -> pd.Series:
        s = self.shares
        here = (s["scenario"] == scenario) & (s["level"] == level) & (s["zone"] == zone) & (s["space"] == "streets")
        found = s[here]
        assert len(found) == 1
        return found.iloc[0]

    def table(self, name: str, scenario: str, level: str = "detect", zone: str = "all") -> pd.Series:
        s = pd.read_csv(self.folder / name)
        here = (s["scenario"] == scenario) & (s["level"] == level) & (s["zone"] == zone) & (s["space"] == "streets")
        assert here.sum() == 1
        return s[here].iloc[0]


@pytest.fixture(scope="module")
def plain(result: Result) -> Plain:
    return Plain(result)


def miss_of_cluster(k: int, p: float, strength: float) -> float:
    """Return B(a, b + k) / B(a, b) as a plain product."""
    r = (strength - 1.0) * p / (1.0 - p)
    a, b = p * (1.0 / r - 1.0), (1.0 - p) * (1.0 / r - 1.0)
    return math.prod((b + i) / (a + b + i) for i in range(k))


def miss_of_lot(k: int, number: int, of: int, keep: float = 1.0) -> float:
    """Return the chance that none of k of the eligible doors has a kept camera, by enumeration over how many won."""
    draws = math.comb(of, number)
    return math.fsum(
        math.comb(k, j) * math.comb(of - k, number - j) / draws * (1.0 - keep) ** j for j in range(min(k, number) + 1)
    )


def test_the_town_is_what_the_tests_think(plain: Plain) -> None:
    assert len(plain.doors) == DOORS
    assert sum(half == "W" for half in plain.half.values()) == WEST
    assert len(set(plain.face.values())) > 1
    assert max(len(doors) for doors in plain.sets.values()) >= 3


@pytest.mark.parametrize("level", ["observe", "detect"])
def test_expected_shares_are_those_of_plain_code(plain: Plain, result: Result, level: str) -> None:
    def clustered(doors: tuple[str, ...]) -> float:
        by_face = [plain.face[door] for door in doors]
        return math.prod(miss_of_cluster(by_face.count(face), P, STRENGTH) for face in set(by_face))

    raffle = next(plan for plan in result.ready.plans if plan.name == "raffle").programme
    assert raffle is not None
    users = {
        door for door, stratum in zip(result.ready.doors.index, raffle.drawing.stratum, strict=True) if not stratum
    }
    assert 5 <= len(users) < DOORS
    wins = GIFT["take_up"] * (1.0 - GIFT["bought_anyway"])
    misses: dict[str, Callable[[tuple[str, ...]], float]] = {
        "plain": lambda doors: (1.0 - P) ** len(doors),
        "clustered": clustered,
        "five": lambda doors: miss_of_lot(len(doors), 5, DOORS),
        "by_zone": lambda doors: math.prod(1.0 - RATES[plain.half[door]] for door in doors),
        "gift": lambda doors: (1.0 - P) ** len(doors) * miss_of_lot(len(doors), 8, DOORS, wins),
        "raffle": lambda doors: (1.0 - P) ** len(doors) * miss_of_lot(len(users & {*doors}), 5, len(users), 0.8),
        "clustered_gift": lambda doors: clustered(doors) * miss_of_lot(len(doors), 6, DOORS, 0.5),
        "poor": lambda doors: (
            (1.0 - P) ** len(doors) * miss_of_lot(sum(plain.half[door] == "W" for door in doors), 4, WEST)
        ),
        "budget": lambda doors: (1.0 - P) ** len(doors) * miss_of_lot(len(doors), 7, DOORS),
        "hot_spots": lambda doors: (
            0.0 if any(plain.half[door] == "W" for door in doors) else miss_of_lot(len(doors), 3, EAST)
        ),
        "lapsed": lambda doors: (1.0 - 0.75 * P) ** len(doors),
        "preset": lambda doors: 0.96 ** len(doors),
    }
    for name, miss in misses.items():
        expected = plain.share(level, lambda doors, miss=miss: 1.0 - miss(doors))  # type: ignore[misc]
        assert plain.row(name, level)["share_mean"] == pytest.approx(expected, abs=FIXED), name


def test_the_weighted_rate_has_the_stated_mean_and_odds(plain: Plain, result: Result) -> None:
    p = result.ready.chances(next(s for s in result.tables.scenarios if s.name == "weighted"))
    half = np.array([plain.half[door] for door in result.ready.doors.index])
    by_half = {zone: float(np.unique(p[half == zone]).item()) for zone in ("W", "E")}
    assert (WEST * by_half["W"] + EAST * by_half["E"]) / DOORS == pytest.approx(P, abs=1e-12)
    incomes = np.array([INCOME[zone] for zone in half])
    steps = (INCOME["E"] - INCOME["W"]) / incomes.std()
    odds = {zone: rate / (1.0 - rate) for zone, rate in by_half.items()}
    assert odds["E"] / odds["W"] == pytest.approx(2.0**steps, rel=1e-9)
    assert plain.row("weighted", "detect")["rate_per_household"] == pytest.approx(P, abs=1e-12)
    expected = plain.share("detect", lambda doors: 1.0 - math.prod(1.0 - by_half[plain.half[door]] for door in doors))
    assert plain.row("weighted", "detect")["share_mean"] == pytest.approx(expected, abs=FIXED)


def test_neighbours_are_a_clipped_field_simulated_by_its_covariance(plain: Plain) -> None:
    """Numpy draws the field from its covariance matrix, without lattice, hash or conditional chances."""
    xy = np.array([shapely.get_coordinates(plain.place[door])[0] for door in plain.doors])
    away = np.hypot(*(xy[:, None, :] - xy[None, :, :]).transpose(2, 0, 1))
    smooth = np.exp(-(away**2) / (2.0 * 100.0**2))
    next_door = float(np.median(np.sort(away, axis=1)[:, 1]))
    t = float(stats.norm.ppf(P))

    def both(c: float) -> float:
        return float(stats.multivariate_normal([0.0, 0.0], [[1.0, c], [c, 1.0]]).cdf([t, t]))

    # The strength, the other way about: find r by bisection.
    low, high = 0.0, 1.0
    for _ in range(50):
        r = (low + high) / 2.0
        low, high = (r, high) if both(r * math.exp(-(next_door**2) / 2e4)) / P**2 < STRENGTH else (low, r)
    covariance = r * smooth + (1.0 - r) * np.eye(DOORS)
    runs = 40_000
    owns = np.random.default_rng(5).multivariate_normal(np.zeros(DOORS), covariance, runs) < t
    column = {door: n for n, door in enumerate(plain.doors)}
    seen = np.zeros(runs)
    rows = plain.rows[(plain.rows["level"] == "detect") & plain.rows["space"].isin(STREETS)]
    for s, amount in rows.groupby("set")["amount"].sum().items():
        seen += amount * owns[:, [column[door] for door in plain.sets[s]]].any(axis=1)
    shares = seen * 0.25 / float(plain.row("plain", "detect")["public_amount"])
    error = shares.std() / math.sqrt(runs) + shares.std() / math.sqrt(256)
    assert plain.row("near", "detect")["share_mean"] == pytest.approx(shares.mean(), abs=4.0 * error)
    # And that is less than what independent owners see.
    assert plain.row("near", "detect")["share_mean"] < plain.row("plain", "detect")["share_mean"]


def test_simulated_means_are_the_exact_ones_within_their_error(result: Result) -> None:
    assert result.folder is not None
    found = pd.read_csv(result.folder / "working" / "intervals.csv").merge(
        result.shares[["scenario", "level", "zoning", "zone", "space", "measure", "share_mean"]],
        on=["scenario", "level", "zoning", "zone", "space", "measure"],
        validate="one_to_one",
    )
    away = (found["simulated_mean"] - found["share_mean"]).abs()
    # The mean of `near` is itself of 256 draws of the field, the same ones: its error is smaller than the simulated.
    assert (away <= 4.8 * found["simulated_mean_error"] + FIXED).all()
    assert set(found["scenario"]) == set(SCENARIOS)


# --- placed by what they see ---------------------------------------------------------------------------


def test_the_most_possible_is_within_its_bound_and_the_least_found_below_all(plain: Plain) -> None:
    rows = plain.rows[(plain.rows["level"] == "detect") & plain.rows["space"].isin(STREETS)]
    amounts = {frozenset(plain.sets[s]): int(a) for s, a in rows.groupby("set")["amount"].sum().items()}
    totals = [
        sum(a for doors, a in amounts.items() if doors & {*chosen}) for chosen in itertools.combinations(plain.doors, 3)
    ]
    unit = 0.25 / float(plain.row("best", "detect")["public_amount"])
    best, worst = plain.row("best", "detect")["share_mean"], plain.row("worst", "detect")["share_mean"]
    assert (1.0 - 1.0 / math.e) * max(totals) * unit <= best <= max(totals) * unit + FIXED
    assert worst <= np.median(totals) * unit
    assert worst >= min(totals) * unit - FIXED
    assert worst < sum(totals) / len(totals) * unit < best
    placing = pd.read_csv(plain.folder / "placing.csv")
    assert "door" not in placing.columns
    last = placing[(placing["scenario"] == "best") & (placing["cameras"] == 3)].iloc[0]
    assert last["share"] == pytest.approx(best, abs=FIXED)
    assert last["upper_bound"] >= max(totals) * unit - FIXED
    # A placing is certain: no interval.
    assert plain.row("best", "detect")["share_p05"] == plain.row("best", "detect")["share_p95"] == pytest.approx(best)


# --- change ---------------------------------------------------------------------------


def test_a_change_is_the_difference_of_exact_means(plain: Plain) -> None:
    bases = {"gift": "plain", "raffle": "plain", "clustered_gift": "clustered", "lapsed": "plain", "preset": "plain"}
    for name, against in bases.items():
        found = plain.table("change.csv", name)
        assert found["against"] == against
        new, old = plain.row(name, "detect"), plain.row(against, "detect")
        assert found["change_mean"] == pytest.approx(new["share_mean"] - old["share_mean"], abs=1e-12)
        assert found["area_added_m2"] == pytest.approx(found["change_mean"] * new["public_amount"])
        assert found["change_p05"] <= found["change_p95"]
        simulated = [plain.table("working/intervals.csv", item)["simulated_mean"] for item in (name, against)]
        spread = (found["change_p95"] - found["change_p05"]) / 3.29 + 0.01
        assert found["change_mean"] == pytest.approx(simulated[0] - simulated[1], abs=5.0 * spread / math.sqrt(1024))
    # On the same draws what is given never takes away, and what lapses never adds.
    assert plain.table("change.csv", "gift")["change_p05"] >= 0.0
    assert plain.table("change.csv", "lapsed")["change_p95"] <= 0.0


def test_cameras_strings_and_money_by_hand(plain: Plain) -> None:
    whole = plain.table("change.csv", "gift")
    taken = 8 * 0.5
    added = taken * 0.75 * (1.0 - P)
    cost = taken * 130.0 + 1000.0
    assert whole["cameras_added"] == pytest.approx(added)
    assert whole["cameras_with_strings"] == pytest.approx(taken * 0.9)
    assert whole["cost"] == pytest.approx(cost)
    assert whole["cost_per_camera_added"] == pytest.approx(cost / added)
    west = plain.table("change.csv", "gift", zone="W")
    for name in ("cameras_added", "cameras_with_strings", "cost"):
        assert west[name] == pytest.approx(whole[name] * WEST / DOORS), name
    budget = plain.table("change.csv", "budget")
    assert budget["cost"] == pytest.approx(7 * 130.0)  # 1,000 buys seven at 130
    assert budget["cameras_added"] == pytest.approx(7 * (1.0 - P))
    lapsed = plain.table("change.csv", "lapsed")
    assert lapsed["cameras_added"] == pytest.approx(-0.25 * P * DOORS)
    assert math.isnan(lapsed["cost_per_camera_added"])
    # Hot spots first: the west is full, the rest goes east by lot. Nobody owns one today.
    hot = plain.table("change.csv", "hot_spots", zone="W")
    assert hot["against"] == "hot_spots, without"
    assert hot["cameras_added"] == pytest.approx(WEST)
    assert plain.table("change.csv", "hot_spots", zone="E")["cameras_added"] == pytest.approx(3)
    assert plain.table("change.csv", "poor", zone="E")["cameras_added"] == 0.0


def test_stages_are_thinnings_in_turn(plain: Plain) -> None:
    works, says_yes = 0.9, 0.5
    for name, keep in (("plain", 1.0), ("lapsed", 0.75)):
        found = plain.table("stages.csv", name)
        for stage, part in (("in_view", 1.0), ("recorded", works), ("kept", works), ("shared", works * says_yes)):
            share = plain.share("detect", lambda doors, q=P * keep * part: 1.0 - (1.0 - q) ** len(doors))  # type: ignore[misc]
            assert found[stage] == pytest.approx(share, abs=FIXED), (name, stage)
    # By enumeration of who wins: those with strings answer more often than those without.
    found = plain.table("stages.csv", "gift")
    wins = GIFT["take_up"] * (1.0 - GIFT["bought_anyway"])
    answers = GIFT["strings"] * GIFT["response"] + (1.0 - GIFT["strings"]) * says_yes
    shared = plain.share(
        "detect",
        lambda doors: (
            1.0 - (1.0 - P * works * says_yes) ** len(doors) * miss_of_lot(len(doors), 8, DOORS, wins * works * answers)
        ),
    )
    assert found["shared"] == pytest.approx(shared, abs=FIXED)
    for name in SCENARIOS:
        row = plain.table("stages.csv", name)
        assert row["in_view"] >= row["recorded"] >= row["kept"] >= row["shared"], name


# --- densities ---------------------------------------------------------------------------


def test_densities_convert_there_and_back(plain: Plain, result: Result) -> None:
    table = pd.read_csv(plain.folder / "densities.csv").set_index("name")
    size = result.ready.residents.size
    for name in ("plain", "dense", "preset", "us_2023"):
        row = table.loc[name]
        for kind in ("number", "per_street_km", "per_km2", "share_of_households"):
            back = household_rate(Density(kind, float(row[kind])), size)
            assert back == pytest.approx(row["share_of_households"], rel=1e-12), (name, kind)
    counted = table.loc["plain"]
    assert counted["number"] == pytest.approx(P * DOORS, rel=1e-15)
    assert counted["per_km2"] == pytest.approx(P * DOORS / (float(shapely.area(result.ready.inside)) / 1e6))
    assert table.loc["dense", "per_km2"] == pytest.approx(100.0)
    assert table.loc["five", "number"] == pytest.approx(5.0)
    assert table.loc["gift", "number"] == pytest.approx(P * DOORS + 8 * 0.5 * 0.75 * (1.0 - P))


def test_densities_say_how_each_was_stated(plain: Plain) -> None:
    table = pd.read_csv(plain.folder / "densities.csv").set_index("name")
    stated = table[["kind", "value"]]
    assert tuple(stated.loc["plain"]) == ("share_of_households", P)
    assert tuple(stated.loc["five"]) == ("number", 5.0)
    assert tuple(stated.loc["dense"]) == ("per_km2", 100.0)
    assert tuple(stated.loc["preset"]) == ("rate_preset", 0.04)
    assert stated.loc["by_zone", "kind"] == "rate_column"
    assert math.isnan(stated.loc["by_zone", "value"])
    assert tuple(stated.loc["us_2023"]) == ("us_2023", 0.2)
    for name in ("preset", "us_2017", "us_2023", "us_2026"):
        assert "internet households" in table.loc[name, "base"]
    assert table.loc["preset", "year"] == table.loc["us_2017", "year"]
    assert table.loc["plain", "base"] == "households of the place"


# --- words ---------------------------------------------------------------------------


def test_scenarios_are_said_in_plain_words(result: Result) -> None:
    lines = result.headline()[2:]
    said = dict(zip(SCENARIOS, (line.split(": detect")[0] for line in lines), strict=True))
    assert said["plain"] == "1 home in 5: if 20% of households own one, independently"
    twice = "1.5 times as likely where a home"
    assert said["clustered"] == f"If 20% of households own one, in clusters: {twice} on the same block does"
    assert said["near"] == f"If 20% of households own one, in clusters: {twice} next door does"
    assert said["five"] == "If exactly 5 doors own one, drawn by lot"
    assert said["raffle"].endswith("independently, and 5 doorbells are raffled among users of the app")
    assert said["hot_spots"].endswith("and 15 doorbells are given away in half W, E, in that order")
    assert said["lapsed"].endswith("independently, but 25% of cameras have lapsed")
    assert said["best"] == "If 3 cameras hang where they see the most of streets (detect)"
    assert said["dense"] == "If there are 100 cameras per km2, independently"
    assert "US internet households, 2017" in said["preset"]
    assert all(len(words) < 150 for words in said.values())
    assert any("US households with internet" in line for line in result.notes())


# --- the same bytes ---------------------------------------------------------------------------


TABLES = ("shares", "change", "stages", "placing", "densities", "working/intervals", "curve")


def test_order_tiles_and_threads_change_no_byte(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town_in(tmp_path, backwards=True)
    monkeypatch.setattr(compute, "Grid", lambda cell: Grid(cell, tile=64))
    turned = dict(reversed(list(SCENARIOS.items())))
    other = run_study(study_of(tmp_path, turned, threads=3), tmp_path / "out")
    assert result.folder is not None
    assert other.folder is not None
    for name in TABLES:
        first, second = ((run / f"{name}.csv").read_text() for run in (result.folder, other.folder))
        if name in ("densities", "working/intervals", "placing"):  # in the order of the study
            first, second = ("\n".join(sorted(text.splitlines())) for text in (first, second))
        assert first == second, name
