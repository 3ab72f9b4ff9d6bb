"""From which side ground is in view, against every spot and every set of owners, one by one, and against draws."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from doorview.ownership.layers import BetaBinomial, Exactly, Field, Independent
from doorview.ownership.scenario import Scenario
from doorview.ownership.union import Owners
from doorview.share.outputs import street_spaces
from doorview.share.sides import SIDES, face_sides, share_by_side, zone_sides
from doorview.share.summary import DoorTable, face_shares, shares_table
from helpers.town import LEVELS, Covered, Spots, covered, spots, town

KEYS = ["level", "zoning", "zone", "space"]
SPACES = ("all", "streets", "streets_near_homes")
DOORS = 9


@pytest.fixture(scope="module")
def here() -> Covered:
    return covered(town())


@pytest.fixture(scope="module")
def plain() -> Spots:
    return spots(town())


def zones_of_doors(here: Covered) -> NDArray[np.bool_]:
    assert here.doors.zone_inside is not None
    return here.doors.zone_inside


def found(here: Covered, scenario: Scenario) -> pd.DataFrame:
    sides = zone_sides(here.coverage, here.outputs, here.zones, zones_of_doors(here), SPACES)
    return share_by_side(sides, scenario, here.doors, seed=5).set_index(KEYS)


def subsets() -> NDArray[np.bool_]:
    """(subsets, doors): every set of owners."""
    return (np.arange(1 << DOORS)[:, None] >> np.arange(DOORS)) & 1 == 1


def by_hand(
    here: Covered, plain: Spots, owns: NDArray[np.bool_], chance: NDArray[np.float64]
) -> dict[tuple[str, str, str, str], list[float]]:
    """Shares by side, spot by spot: `owns` (draws, doors) with their chances (draws,)."""
    wanted = {}
    for (number, zone), (level, item), space in itertools.product(
        enumerate(here.zones.itertuples(index=False)), enumerate(LEVELS), SPACES
    ):
        seen = plain.seen[level][plain.chosen(number, space)]
        if not len(seen):
            continue
        # Spots that the same doors see are alike.
        seen, spots_alike = np.unique(seen, axis=0, return_counts=True)
        own = zones_of_doors(here)[:, number]
        inside = (seen[:, None, :] & owns & own).any(axis=2)
        outside = (seen[:, None, :] & owns & ~own).any(axis=2)
        parts = [(inside & ~outside) @ chance, (inside & outside) @ chance, (outside & ~inside) @ chance]
        wanted[item.name, zone.zoning, zone.zone, space] = [
            float(part @ spots_alike / spots_alike.sum()) for part in parts
        ]
    return wanted


def test_independent_owners_by_enumeration(here: Covered, plain: Spots) -> None:
    """All 512 sets of owners, doors with chances of their own; overlapping zones each by their own doors."""
    p = np.linspace(0.05, 0.9, DOORS)
    owns = subsets()
    chance = np.prod(np.where(owns, p, 1.0 - p), axis=1)
    rows = found(here, Scenario("own", built=Owners((Independent(p),))))
    wanted = by_hand(here, plain, owns, chance)
    assert set(rows.index) == set(wanted)
    for key, parts in wanted.items():
        assert rows.loc[key, list(SIDES)].to_numpy() == pytest.approx(parts, abs=1e-9), key
    assert (rows[list(SIDES)] > 0.01).any().all(), "a town where nothing is seen from one side tests nothing"


def test_exactly_n_by_enumeration(here: Covered, plain: Spots) -> None:
    """Doors that hang together: 4 of 9 by lot."""
    owns = subsets()
    owns = owns[owns.sum(axis=1) == 4]
    lot = Owners((Exactly(np.zeros(DOORS, np.int64), np.array([4])),))
    rows = found(here, Scenario("lot", built=lot))
    for key, parts in by_hand(here, plain, owns, np.full(len(owns), 1.0 / math.comb(9, 4))).items():
        assert rows.loc[key, list(SIDES)].to_numpy() == pytest.approx(parts, abs=1e-9), key


def dependent(here: Covered) -> list[Scenario]:
    rng = np.random.default_rng(3)
    cluster, xy = np.arange(DOORS) // 3, rng.uniform(0, 60, (DOORS, 2))
    return [
        Scenario("clusters", built=Owners((BetaBinomial(np.full(DOORS, 0.3), cluster, 0.4),))),
        Scenario("alike", built=Owners((Field(np.full(DOORS, 0.3), xy, 40.0, 0.6),))),
        Scenario(
            "two lots",
            built=Owners((Exactly(np.zeros(DOORS, np.int64), np.array([2])), Exactly(cluster, np.array([1, 0, 1])))),
        ),
    ]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_owners_that_hang_together_against_draws(here: Covered, plain: Spots, number: int) -> None:
    """Within 5 standard errors of 16,384 drawn sets of owners, spot by spot; alike over a distance within more."""
    scenario = dependent(here)[number]
    owners = scenario.owners(here.doors.dwellings, here.doors.inside)
    bits = owners.draw(here.doors.key, 77, 256)
    drawn = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little").astype(bool).T
    owns, times = np.unique(drawn, axis=0, return_counts=True)
    rows = found(here, scenario)
    # A share's draws lie in [0, 1]: a mean of n has a standard error of at most 0.5 / sqrt(n). The field's own mean is
    # over 256 fields.
    error = 5 * 0.5 / math.sqrt(len(drawn)) + (5 * 0.5 / math.sqrt(256) if scenario.name == "alike" else 0.0)
    for key, parts in by_hand(here, plain, owns, times / times.sum()).items():
        assert np.abs(rows.loc[key, list(SIDES)].to_numpy(float) - parts).max() < error, key


@pytest.mark.parametrize("number", [-1, 0, 1, 2])
def test_sides_add_up_to_the_share_in_view(here: Covered, number: int) -> None:
    scenario = Scenario("r", rate=0.35, shared_doors="any") if number < 0 else dependent(here)[number]
    rows = found(here, scenario)
    shares = shares_table(
        here.coverage, here.outputs, here.doors, [scenario], zones=here.zones, seed=5, replicates=0
    ).set_index(KEYS)
    assert (rows["share_mean"] == shares["share_mean"].loc[rows.index]).all()
    # Whole numbers add up exactly; each of the three is then rounded to a float once.
    assert np.abs(rows[list(SIDES)].sum(axis=1) - rows["share_mean"]).max() < 1e-15
    assert (rows[list(SIDES)] >= 0).all(axis=None)


def test_a_zone_of_everything_is_seen_from_inside_alone(here: Covered) -> None:
    everywhere = np.ones_like(zones_of_doors(here))
    sides = zone_sides(here.coverage, here.outputs, here.zones, everywhere, SPACES)
    rows = share_by_side(sides, Scenario("r", rate=0.3), here.doors)
    assert (rows["share_inside_only"] == rows["share_mean"]).all()
    nowhere = zone_sides(here.coverage, here.outputs, here.zones, ~everywhere, SPACES)
    rows = share_by_side(nowhere, Scenario("r", rate=0.3), here.doors)
    assert (rows["share_outside_only"] == rows["share_mean"]).all()


def test_block_faces_by_side(here: Covered) -> None:
    """Groups of faces, against the set rows gone through one by one; the mean is that of `face_shares`."""
    groups = np.array([0, 0, 2])
    door_group = np.array([0, 2, -1, 0, 2, 0, -1, 2, 0])
    p = np.linspace(0.1, 0.6, DOORS)
    scenario = Scenario("own", built=Owners((Independent(p),)))
    rows = share_by_side(face_sides(here.coverage, groups, door_group), scenario, here.doors)
    rows = rows.set_index(["level", "group"])
    wanted: dict[tuple[str, int], NDArray[np.float64]] = {}
    members, street = here.coverage.members, street_spaces()
    for row in here.coverage.rows.itertuples(index=False):
        if row.face < 0 or row.space not in street:
            continue
        group = int(groups[row.face])
        doors = members.doors[members.start[row.set] : members.start[row.set + 1]]
        own = door_group[doors] == group
        q_in, q_out = np.prod(1.0 - p[doors[own]]), np.prod(1.0 - p[doors[~own]])
        parts = np.array([(1 - q_in) * q_out, (1 - q_in) * (1 - q_out), q_in * (1 - q_out)]) * row.amount
        key = here.coverage.levels[row.level], group
        wanted[key] = wanted.get(key, np.zeros(3)) + parts
    whole = face_shares(here.coverage, scenario, here.doors, 3, groups)
    for (level, group), parts in wanted.items():
        amount = whole["public_m2"][groups == group].sum() / 0.25
        assert rows.loc[(level, group), list(SIDES)].to_numpy() == pytest.approx(parts / amount, abs=1e-9)
        assert rows.loc[(level, group), "share_mean"] == whole.loc[group, f"share_{level}"]
    assert set(wanted) <= set(rows.index)


def test_where_no_group_may_be_published_there_is_no_row(here: Covered) -> None:
    none = np.full(3, -1)
    rows = share_by_side(face_sides(here.coverage, none, np.full(DOORS, -1)), Scenario("r", rate=0.3), here.doors)
    assert len(rows) == 0
    assert set(SIDES) <= set(rows.columns)


def test_doors_that_stand_twice_are_told_apart_by_their_place() -> None:
    """A door's second row, with the view that rules leave, lies in the same zones."""
    table = DoorTable(
        np.array([1, 2], np.uint64), np.ones(2, np.int64), np.ones(2, bool), np.array([[True, False], [False, True]])
    )
    twice = table.repeated(2).zone_inside
    assert twice is not None
    assert twice[:2].tolist() == twice[2:].tolist()
