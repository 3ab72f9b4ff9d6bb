"""Printed shares against every spot and every set of owners, one by one."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.typing import NDArray

from doorview.city.classes import RANK
from doorview.errors import InputError
from doorview.ownership.scenario import Scenario, draw_owners
from doorview.share.kernels.draws import bits_of_sets
from doorview.share.rows import rows_by_level
from doorview.share.summary import (
    _simulated_shares,
    counts_table,
    curve_table,
    face_amounts,
    face_shares,
    range_table,
    shares_table,
    weighted_shares,
)
from doorview.sight.levels import Level
from helpers.town import LEVELS, Covered, Spots, covered, spots, town

RATES = [0.0, 0.05, 0.35, 1.0]


@pytest.fixture(scope="module")
def here() -> Covered:
    return covered(town(), curve=True)


@pytest.fixture(scope="module")
def plain() -> Spots:
    return spots(town())


def at_range(range_m: float) -> Level:
    """A level without a near hole, as the range curve is counted."""
    return Level("at", "", range_m, 0.0, 155.0, 1.5, "")


def rows_of(here: Covered) -> list[tuple[int, int | None, str, str, str]]:
    """Every printed row with its zone's number: (row, zone number or None, zoning, zone, space)."""
    numbers = {("all", "all"): None} | {
        (zoning, zone): n for n, (zoning, zone) in enumerate(zip(here.zones["zoning"], here.zones["zone"], strict=True))
    }
    table = here.outputs.table
    return [
        (n, numbers[zoning, zone], zoning, zone, space)
        for n, (zoning, zone, space) in enumerate(zip(table["zoning"], table["zone"], table["space"], strict=True))
    ]


def counts_by_doors(plain: Spots, level: int, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many spots each subset of doors sees (exactly that subset), subsets as bits."""
    doors = plain.seen.shape[2]
    pattern = plain.seen[level][mask] @ (1 << np.arange(doors))
    return np.bincount(pattern, minlength=1 << doors)


def owners_in(doors: int) -> NDArray[np.int64]:
    """(subsets, owners): how many owners each subset of doors holds."""
    both = np.arange(1 << doors)[:, None] & np.arange(1 << doors)
    return np.bitwise_count(both).astype(np.int64)


def chance_of_owners(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chance of every subset of owners, doors independent."""
    owns = (np.arange(1 << len(p))[:, None] >> np.arange(len(p))) & 1
    return np.prod(np.where(owns == 1, p, 1.0 - p), axis=1)


def test_amounts_are_those_of_the_spots(here: Covered, plain: Spots) -> None:
    """What there is, by class, nearness and overlapping zones; a row without ground is left out."""
    units = here.outputs.unit
    printed = set()
    for n, zone, zoning, name, space in rows_of(here):
        assert here.outputs.amount[n] == plain.chosen(zone, space).sum(), (zoning, name, space)
        assert units[n] == (0.5 if "line" in space else 0.25)
        printed.add((zone, space))
    spaces = {space for _, space in printed}
    assert {
        "all",
        "streets",
        "streets_near_homes",
        "park",
        "square",
        "centreline",
        "sidewalk_line_near_homes",
    } <= spaces
    for zone, space in itertools.product([None, 0, 1, 2, 3], spaces | {"alley", "path"}):
        assert ((zone, space) in printed) == bool(plain.chosen(zone, space).any())


def test_zones_overlap(plain: Spots) -> None:
    """The scene tests what it says: some spots lie in no zone, in one, in two, in three."""
    assert set(plain.zones.sum(axis=1).tolist()) >= {1, 2}
    assert (plain.zones[:, 2] & plain.zones[:, 3] & plain.zones[:, 0]).any()


def test_counts_by_number_of_doors(here: Covered, plain: Spots) -> None:
    table = counts_table(here.coverage, here.outputs).set_index(["level", "zoning", "zone", "space", "k"])["amount"]
    for level, item in enumerate(LEVELS):
        k = plain.seen[level].sum(axis=1)
        for n, zone, zoning, name, space in rows_of(here):
            counts = np.bincount(k[plain.chosen(zone, space)])
            found = table.loc[item.name, zoning, name, space]
            wanted = {number: count * here.outputs.unit[n] for number, count in enumerate(counts) if count}
            assert found.to_dict() == wanted


@pytest.mark.parametrize("rule", ["one", "any", "none"])
def test_independent_owners_by_enumeration(here: Covered, plain: Spots, rule: str) -> None:
    """All 512 subsets of owners of nine doors, each with its chance: shares seen by 1, 2 and 3, and the curve."""
    dwellings = here.doors.dwellings
    assert len(set(dwellings.tolist())) > 1
    scenarios = [Scenario(f"at {rate}", rate=rate, shared_doors=rule) for rate in RATES]
    shares = shares_table(here.coverage, here.outputs, here.doors, scenarios, zones=here.zones, replicates=64)
    keys = ["level", "zoning", "zone", "space"]
    curve = curve_table(here.coverage, here.outputs, here.doors, RATES, rule).set_index([*keys, "rate"])["share_mean"]
    owners = owners_in(len(dwellings))
    for rate, scenario in zip(RATES, scenarios, strict=True):
        # A shared door: the rate itself; any of its homes; none.
        p = {
            "one": np.full(len(dwellings), rate),
            "any": 1.0 - (1.0 - rate) ** dwellings,
            "none": np.where(dwellings == 1, rate, 0.0),
        }[rule]
        chance = chance_of_owners(p)
        rows = shares[shares["scenario"] == scenario.name].set_index(keys)
        for level, item in enumerate(LEVELS):
            for _, zone, zoning, name, space in rows_of(here):
                counts = counts_by_doors(plain, level, plain.chosen(zone, space))
                row = rows.loc[(item.name, zoning, name, space)]
                for least, column in ((1, "share_mean"), (2, "seen_by_2_mean"), (3, "seen_by_3_mean")):
                    expected = counts @ (owners >= least) @ chance / counts.sum()
                    assert row[column] == pytest.approx(expected, abs=1e-9), (item.name, name, space, column)
                assert curve.loc[item.name, zoning, name, space, rate] == row["share_mean"]


def test_exactly_n_by_enumeration(here: Covered, plain: Spots) -> None:
    """All ways to hand out n cameras to the doors inside, those outside at the same rate by themselves."""
    place = town()
    # Cut the counted area so that some doors lie outside but look in; spots stay those of the cut area.
    cut = place._replace(inside=place.inside.intersection(place.zones.geometry.iloc[0]))
    cropped, spots_in = covered(cut), spots(cut)
    inside = cropped.doors.inside
    assert 0 < inside.sum() < len(inside)
    doors, total = len(inside), int(inside.sum())
    for number in (0, 2, total):
        rate = number / total
        chance = np.zeros(1 << doors)
        for subset in range(1 << doors):
            owns = (subset >> np.arange(doors)) & 1 == 1
            if owns[inside].sum() == number:
                away = np.prod(np.where(owns[~inside], rate, 1.0 - rate))
                chance[subset] = away / math.comb(total, number)
        assert chance.sum() == pytest.approx(1.0)
        scenario = Scenario("given", process="exactly", number=number)
        rows = shares_table(cropped.coverage, cropped.outputs, cropped.doors, [scenario], zones=cropped.zones)
        rows = rows.set_index(["level", "zoning", "zone", "space"])
        for level, item in enumerate(LEVELS):
            for _, zone, zoning, name, space in rows_of(cropped):
                counts = counts_by_doors(spots_in, level, spots_in.chosen(zone, space))
                row = rows.loc[(item.name, zoning, name, space)]
                for least, column in ((1, "share_mean"), (2, "seen_by_2_mean"), (3, "seen_by_3_mean")):
                    expected = counts @ (owners_in(doors) >= least) @ chance / counts.sum()
                    assert row[column] == pytest.approx(expected, abs=1e-9)


def test_doors_and_homes_of_a_row(here: Covered, plain: Spots) -> None:
    """Doors that see some of a row, each once; doors and homes inside its zone; the rates that follow."""
    scenario = Scenario("any", rate=0.3, shared_doors="any")
    rows = shares_table(here.coverage, here.outputs, here.doors, [scenario], zones=here.zones, replicates=64)
    rows = rows.set_index(["level", "zoning", "zone", "space"])
    place = town()
    for level, item in enumerate(LEVELS):
        for n, zone, zoning, name, space in rows_of(here):
            row = rows.loc[(item.name, zoning, name, space)]
            assert row["doors_seeing"] == plain.seen[level][plain.chosen(zone, space)].any(axis=0).sum()
            area = place.inside if zone is None else place.inside.intersection(place.zones.geometry.iloc[zone])
            held = place.doors[place.doors.within(area)]
            assert row["doors_inside"] == len(held)
            assert row["dwellings"] == held["dwellings"].sum()
            cameras = (1.0 - 0.7 ** held["dwellings"]).sum()
            assert row["rate_per_door"] == pytest.approx(cameras / max(len(held), 1))
            # By `any` each household owns by its own chance: owning households / households is the rate itself.
            assert row["rate_per_household"] == pytest.approx(0.3 if len(held) else 0.0)
            assert row["public_amount"] == here.outputs.amount[n] * here.outputs.unit[n]


@pytest.mark.parametrize("scenario", [Scenario("r", rate=0.3), Scenario("n", process="exactly", number=3)])
def test_simulated_quantiles_bracket_the_mean(here: Covered, plain: Spots, scenario: Scenario) -> None:
    """Quantiles are those of drawn ownerships: between the least and most possible, on both sides of the mean.

    With 4,096 replicates the drawn mean lies within four standard errors of the exact one.
    """
    rows = shares_table(
        here.coverage, here.outputs, here.doors, [scenario], zones=here.zones, replicates=4096, seed=5
    ).set_index(["level", "zoning", "zone", "space"])
    assert (rows["share_p05"] <= rows["share_p95"]).all()
    owners = draw_owners(scenario, here.doors.key, here.doors.dwellings, here.doors.inside, 5, 64)
    members = here.coverage.members
    bits = bits_of_sets(members.start, members.doors, owners)
    for level, item in enumerate(LEVELS):
        drawn = _simulated_shares(here.outputs, rows_by_level(here.coverage, here.outputs)[level], bits)
        for n, zone, zoning, name, space in rows_of(here):
            row = rows.loc[(item.name, zoning, name, space)]
            error = drawn[n].std(ddof=1) / 64.0
            assert abs(drawn[n].mean() - row["share_mean"]) <= 4.0 * error + 1e-12
            seen = plain.seen[level][plain.chosen(zone, space)].any(axis=1).mean()
            assert 0.0 <= row["share_p05"] <= row["share_mean"] + 1e-9
            # A rare view may have its mean above the 95th percentile: then nearly all draws see nothing of it.
            assert row["share_p95"] >= row["share_mean"] - 1e-9 or (drawn[n] > 0).mean() < 0.1
            assert row["share_p95"] <= seen + 1e-12


def test_no_replicates_leave_the_exact_columns(here: Covered) -> None:
    """Nothing is simulated, and nothing else changes; what is no multiple of 64 is refused."""
    scenarios = [Scenario("r", rate=0.3), Scenario("n", process="exactly", number=3)]
    drawn, exact = (
        shares_table(here.coverage, here.outputs, here.doors, scenarios, zones=here.zones, replicates=n)
        for n in (64, 0)
    )
    simulated = ["share_p05", "share_p95"]
    assert exact[simulated].isna().all().all()
    assert drawn[simulated].notna().all().all()
    pd.testing.assert_frame_equal(drawn.drop(columns=simulated), exact.drop(columns=simulated), check_exact=True)
    with pytest.raises(InputError, match="multiple of 64"):
        shares_table(here.coverage, here.outputs, here.doors, scenarios, zones=here.zones, replicates=100)


def test_weighted_chances_by_enumeration(here: Covered, plain: Spots) -> None:
    p = np.linspace(0.0, 1.0, len(here.doors.dwellings))
    table = weighted_shares(here.coverage, here.outputs, p).set_index(["level", "zoning", "zone", "space"])
    chance = chance_of_owners(p)
    for level, item in enumerate(LEVELS):
        for _, zone, zoning, name, space in rows_of(here):
            counts = counts_by_doors(plain, level, plain.chosen(zone, space))
            expected = counts @ (owners_in(len(p)) >= 1) @ chance / counts.sum()
            found = table.loc[(item.name, zoning, name, space), "share_weighted_to_count"]
            assert found == pytest.approx(expected, abs=1e-9)


def test_block_faces_add_up_to_the_streets(here: Covered) -> None:
    """Faces hold all street ground here, so their shares weighted by area give the streets' share."""
    scenario = Scenario("r", rate=0.25)
    faces = face_shares(here.coverage, scenario, here.doors, 4)
    assert faces.index.tolist() == [0, 1, 2, 3]
    assert faces.loc[3, "public_m2"] == 0
    assert faces.loc[3].drop(["public_m2", "near_home_m2"]).isna().all()
    shares = shares_table(here.coverage, here.outputs, here.doors, [scenario], zones=here.zones, replicates=64)
    streets = shares[(shares["zone"] == "all") & (shares["space"] == "streets")].set_index("level")
    area = faces["public_m2"]
    for item in LEVELS:
        assert area.sum() == streets.loc[item.name, "public_amount"]
        mean = (faces[f"share_{item.name}"] * area).sum() / area.sum()
        assert mean == pytest.approx(streets.loc[item.name, "share_mean"], abs=1e-12)


def test_joined_block_faces_have_the_share_of_all_their_ground(here: Covered) -> None:
    """The union of two faces, added up from each face's own share and ground; a face that is not published has none."""
    scenario = Scenario("r", rate=0.25)
    alone = face_shares(here.coverage, scenario, here.doors, 4)
    assert (face_amounts(here.coverage, 4) * here.coverage.cell_m**2 == alone["public_m2"]).all()
    joined = face_shares(here.coverage, scenario, here.doors, 4, np.array([0, -1, 0, 3]))
    assert joined["group"].tolist() == [0, -1, 0, 3]
    pd.testing.assert_frame_equal(joined[["public_m2", "near_home_m2"]], alone[["public_m2", "near_home_m2"]])
    area = alone["public_m2"]
    for item in LEVELS:
        name = f"share_{item.name}"
        union = (alone[name] * area)[[0, 2]].sum() / area[[0, 2]].sum()
        assert joined.loc[[0, 2], name].to_numpy() == pytest.approx(union, abs=1e-12)
        assert joined.loc[[1, 3], name].isna().all()
    # Ground that is not counted takes no figure from its group.
    assert (
        face_shares(here.coverage, scenario, here.doors, 4, np.array([0, 1, 2, 0]))
        .loc[3]
        .drop("group")[2:]
        .isna()
        .all()
    )


def test_the_range_curve_is_a_run_at_each_range(here: Covered) -> None:
    """At whole metres; also the public ground that no door sees at any range belongs to the whole."""
    curve = range_table(here.coverage, [0.1, 0.6]).set_index(["space", "rate", "range_m"])["share_mean"]
    for reach in (2.0, 7.0, 19.0, 31.0):
        run = covered(town(), levels=(at_range(reach),))
        shares = curve_table(run.coverage, run.outputs, run.doors, [0.1, 0.6])
        shares = shares[shares["zone"] == "all"].set_index(["space", "rate"])["share_mean"]
        for space, rate in itertools.product(("all", "streets", "streets_near_homes"), (0.1, 0.6)):
            assert curve.loc[space, rate, reach] == shares.loc[space, rate]
    assert set(curve.index.get_level_values("range_m")) == {float(n) for n in range(2, 32)}


def test_ground_that_nobody_sees_counts_in_the_range_curve() -> None:
    """One door far from the park: the park is public all the same."""
    place = town(doors=1)
    place = place._replace(doors=place.doors.set_geometry([shapely.Point(40.0, -2.5)]))
    run = covered(place, curve=True)
    assert not (run.coverage.rows["space"] == RANK["park"]).any()
    full = range_table(run.coverage, [1.0]).set_index(["space", "range_m"])["share_mean"]
    alone = covered(place, levels=(at_range(20.0),))
    table = curve_table(alone.coverage, alone.outputs, alone.doors, [1.0])
    wanted = table[(table["zone"] == "all") & (table["space"] == "all")]["share_mean"].iloc[0]
    assert wanted > 0
    assert full.loc["all", 20.0] == wanted


def test_range_table_needs_a_range_curve() -> None:
    run = covered(town(doors=1))
    with pytest.raises(ValueError, match="without a range curve"):
        range_table(run.coverage, [0.5])


def test_rows_are_in_key_order(here: Covered) -> None:
    scenarios = [Scenario("z", rate=0.1), Scenario("a", rate=0.2)]
    keys = ["scenario", "level", "zoning", "zone", "space", "measure"]
    table = shares_table(here.coverage, here.outputs, here.doors, scenarios, zones=here.zones, replicates=64)
    found = pd.MultiIndex.from_frame(table[keys])
    assert found.is_monotonic_increasing
    assert found.is_unique
