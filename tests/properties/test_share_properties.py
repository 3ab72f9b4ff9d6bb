"""What must hold of shares in any town."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from doorview.city.classes import CLASSES
from doorview.ownership.scenario import Scenario
from doorview.share.summary import counts_table, curve_table, range_table, shares_table
from helpers.effort import examples
from helpers.town import LEVELS, Covered, covered, town

seeds = st.integers(0, 10_000)
rates = st.floats(0.0, 1.0)
few = settings(max_examples=examples(12))
KEYS = ["level", "zoning", "zone", "space", "measure"]


def shares_of(run: Covered, *scenarios: Scenario) -> pd.DataFrame:
    return shares_table(run.coverage, run.outputs, run.doors, list(scenarios), zones=run.zones, replicates=64)


def share(run: Covered, rate: float) -> pd.Series:
    return curve_table(run.coverage, run.outputs, run.doors, [rate]).set_index(KEYS)["share_mean"]


@few
@given(seed=seeds, rate=rates, rule=st.sampled_from(["one", "any", "none"]))
def test_shares_are_shares(seed: int, rate: float, rule: str) -> None:
    """In [0, 1]; seen by one at least as much as by two, by two as by three; quantiles in order."""
    run = covered(town(8, seed))
    table = shares_of(run, Scenario("s", rate=rate, shared_doors=rule), Scenario("n", process="exactly", number=2))
    columns = ["share_mean", "seen_by_2_mean", "seen_by_3_mean", "share_p05", "share_p95"]
    assert table[columns].notna().all().all()
    assert ((table[columns] >= 0.0) & (table[columns] <= 1.0)).all().all()
    assert (table["share_mean"] >= table["seen_by_2_mean"]).all()
    assert (table["seen_by_2_mean"] >= table["seen_by_3_mean"]).all()
    assert (table["share_p05"] <= table["share_p95"]).all()


@few
@given(seed=seeds, low=rates, high=rates)
def test_more_owners_never_lower_a_share(seed: int, low: float, high: float) -> None:
    low, high = sorted((low, high))
    run = covered(town(8, seed))
    assert (share(run, low) <= share(run, high)).all()
    assert (share(run, 0.0) == 0.0).all()


@few
@given(seed=seeds, rate=rates, kept=st.integers(1, 9))
def test_more_cameras_never_lower_a_share(seed: int, rate: float, kept: int) -> None:
    """Doors added to a town, everything else the same. Nearness to a home is left aside: it grows with the doors."""
    place = town(10, seed)
    fewer, more = covered(place._replace(doors=place.doors.iloc[:kept])), covered(place)
    one, two = share(fewer, rate), share(more, rate)
    plain = one.index[~one.index.get_level_values("space").str.endswith("_near_homes")]
    assert len(plain)
    assert (one[plain] <= two[plain]).all()


@few
@given(seed=seeds, rate=rates, shorter=st.floats(1.0, 28.0))
def test_a_shorter_range_never_sees_more(seed: int, rate: float, shorter: float) -> None:
    """At levels that differ in range alone, and along the range curve."""
    far = dataclasses.replace(LEVELS[2], near_m=0.0)
    near = dataclasses.replace(far, name="near", range_m=shorter)
    run = covered(town(8, seed), levels=(near, far), curve=True)
    table = share(run, rate)
    assert (table.xs("near") <= table.xs("detect")).all()
    curve = range_table(run.coverage, [rate]).sort_values("range_m").groupby("space")["share_mean"]
    assert (curve.diff().dropna() >= 0.0).all()


@few
@given(seed=seeds, tile=st.sampled_from([64, 128, 256]))
def test_classes_add_up_to_the_counted_cells(seed: int, tile: int) -> None:
    """Classes are disjoint and cover all ground; zones of no overlap add up too, with what lies in none."""
    place = town(5, seed)
    run = covered(place, tile=tile)
    x, y = np.meshgrid((np.arange(-200, 200) + 0.5) * 0.5, (np.arange(-200, 200) + 0.5) * 0.5)
    counted = shapely.contains_xy(place.inside, x, y)
    cells = run.coverage.totals[run.coverage.totals["space"] < len(CLASSES)]
    assert cells["amount"].sum() == counted.sum()
    for number, zone in enumerate(place.zones.geometry):
        of = [n for n, zones in enumerate(run.coverage.zones) if number in zones]
        assert cells[cells["zones"].isin(of)]["amount"].sum() == (counted & shapely.contains_xy(zone, x, y)).sum()


@few
@given(seed=seeds)
def test_amounts_by_number_of_doors_add_up(seed: int) -> None:
    """Amounts by k, k = 0 included, add up to what there is, and none is negative."""
    run = covered(town(8, seed))
    table = counts_table(run.coverage, run.outputs)
    assert (table["amount"] > 0).all()
    sums = table.groupby(KEYS)["amount"].sum()
    whole = run.outputs.table.assign(amount=run.outputs.amount * run.outputs.unit).set_index(KEYS[1:])["amount"]
    for item in LEVELS:
        assert sums.xs(item.name).to_dict() == whole.to_dict()


@few
@given(seed=seeds, dx=st.integers(-5000, 5000), dy=st.integers(-5000, 5000))
def test_a_move_by_whole_cells_changes_nothing(seed: int, dx: int, dy: int) -> None:
    """But for centres nearer to an edge of a view than rounding, of which these towns have none."""
    place = town(6, seed)
    one, two = covered(place), covered(place.moved(0.5 * dx, 0.5 * dy))
    pd.testing.assert_frame_equal(one.coverage.rows, two.coverage.rows, check_exact=True)
    pd.testing.assert_frame_equal(one.coverage.totals, two.coverage.totals, check_exact=True)
