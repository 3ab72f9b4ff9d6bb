"""Reported thefts over coverage, against plain loops over doors, incidents and draws, and by hand."""

from __future__ import annotations

import itertools
import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.errors import InputError
from doorview.overlays.intervals import places_of
from doorview.overlays.over_coverage import (
    KNOWN_TO_BLOCK,
    NOTE,
    giveaway_change,
    ground_in_view,
    incidents_in_view,
    over_assumptions,
    place_thefts,
    view_chances,
)
from doorview.overlays.porches import ground_spots, porches
from doorview.ownership.layers import Exactly, Independent
from doorview.ownership.union import Owners
from doorview.sight.points import sees

UTM = "EPSG:32618"
NO_WALLS = gpd.GeoDataFrame(geometry=[shapely.LineString([(-900, -900), (-901, -900)])], crs=UTM)


def street(count: int = 12, apart_m: float = 12.0) -> gpd.GeoDataFrame:
    """Return doors on both sides of a street along y = 0, 16 m from each other; the last third on a street apart."""
    x = np.arange(count) * apart_m
    far = x.copy() + 400.0
    return gpd.GeoDataFrame(
        {"heading": [180.0] * count + [0.0] * count + [180.0] * count, "dwellings": 1},
        geometry=shapely.points(
            np.r_[x, x, far], np.r_[np.full(count, 8.0), np.full(count, -8.0), np.full(count, 8.0)]
        ),
        index=[f"{side}{n:02d}" for side in "nsf" for n in range(count)],
        crs=UTM,
    )


FACES = gpd.GeoDataFrame(
    geometry=[shapely.LineString([(-6, 0), (140, 0)]), shapely.LineString([(394, 0), (540, 0)])], crs=UTM
)


def reports(xy: np.ndarray, block: list[str] | None = None) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"date": pd.Timestamp("2019-01-01"), "category": "package", "block": block or [""] * len(xy)},
        geometry=shapely.points(np.asarray(xy, float)),
        index=[f"t{n}" for n in range(len(xy))],
        crs=UTM,
    )


def test_a_parcel_lies_before_its_door():
    doors = street(1)
    assert shapely.get_coordinates(porches(doors, 2.0)).tolist() == [
        pytest.approx([0, 6]),
        pytest.approx([0, -6]),
        pytest.approx([400, 6]),
    ]
    with pytest.raises(InputError, match="out_m"):
        porches(doors, -1.0)


def test_shares_are_those_of_plain_loops():
    doors = street()
    rng = np.random.default_rng(1)
    chance = rng.uniform(0, 0.6, len(doors))
    near = np.array([(p.x, p.y) for p in doors.geometry.iloc[[0, 5, 5, 17, 30]]]) + np.array((0.4, 0.3))
    xy = np.vstack((near, (60.0, 1.0), (470.0, -3.0), (60.0, 1.0), (2000.0, 0.0)))
    data = reports(xy, ["", "", "", "", "", "A", "B", "A", "C"])
    zones = np.array(["west"] * 24 + ["east"] * 12)
    thefts = place_thefts(data, doors, faces=FACES, zones=zones)
    assert thefts.counts == {"incidents": 9, "at_a_door": 5, "known_to_the_block": 3, "no_door_near": 1}
    pairs = {level: sees(doors, porches(doors), NO_WALLS, level=level) for level in ("detect", "observe")}
    found = incidents_in_view(
        thefts, doors, pairs, {"now": Owners((Independent(chance),))}, zones=zones, classes=["hot"] * 3 + [""] * 6
    )
    assert found.groupby(["level", "hot_spot", "of"]).size().max() == 1
    west, east = list(range(24)), list(range(24, 36))
    possible = [[0], [5], [5], [17], [30], west, east, west]
    for level, whose in itertools.product(pairs, ("any door", "another door")):
        seen = {door: set() for door in doors.index}
        for pair in pairs[level].itertuples():
            if whose == "any door" or pair.door != pair.point:
                seen[pair.point].add(pair.door)
        here = [1 - math.prod(1 - chance[doors.index.get_loc(d)] for d in seen[door]) for door in doors.index]
        for hot_spot, part in (("all", range(8)), ("hot", range(3))):
            row = found.query(f"level == {level!r} and of == {whose!r} and hot_spot == {hot_spot!r}").iloc[0]
            groups = [[here[d] for d in possible[n]] for n in part]
            assert row["incidents"] == len(groups)
            assert row["in_view"] == pytest.approx(np.mean([np.mean(g) for g in groups]))
            assert row["in_view_low"] == pytest.approx(np.mean([min(g) for g in groups]))
            assert row["in_view_high"] == pytest.approx(np.mean([max(g) for g in groups]))
            assert row["spread"] == pytest.approx(math.sqrt(sum(np.var(g) for g in groups)) / len(groups))
            zone = [np.mean([here[d] for d in (east if possible[n][0] >= 24 else west)]) for n in part]
            assert row["random_mean"] == pytest.approx(np.mean(zone))
            assert row["difference"] == pytest.approx(row["in_view"] - row["random_mean"])
            assert row["random_low"] <= row["random_mean"] <= row["random_high"]
    words = found.query("hot_spot == 'all'")["place"].unique().tolist()
    assert words == [f"3 of 8: {KNOWN_TO_BLOCK}"]
    assert found["in_view"].between(0, 1).all()
    assert found["in_view"].max() > 0


def test_another_door_is_never_more_than_any_and_own_cameras_see_their_porch():
    doors = street()
    data = reports(shapely.get_coordinates(doors.geometry.to_numpy()))
    thefts = place_thefts(data, doors)
    pairs = {"detect": sees(doors, porches(doors), NO_WALLS, level="detect")}
    everyone = Owners((Independent(np.ones(len(doors))),))
    found = incidents_in_view(thefts, doors, pairs, {"all": everyone}).set_index("of")
    assert found.loc["any door", "in_view"] == 1.0
    assert 0 < found.loc["another door", "in_view"] <= 1.0
    # A theft at every door is the doors at random.
    assert found["random_mean"].tolist() == pytest.approx(found["in_view"].tolist())


def test_neighbours_in_line_cannot_see_a_parcel_at_the_very_door():
    doors = street(12).iloc[:12]
    level = {"detect": sees(doors, porches(doors, 0.0), NO_WALLS, level="detect")}
    data = reports(shapely.get_coordinates(doors.geometry.to_numpy()))
    everyone = {"all": Owners((Independent(np.ones(12)),))}
    found = incidents_in_view(place_thefts(data, doors), doors, level, everyone)
    assert found.set_index("of").loc["another door", "in_view"] == 0.0


def test_an_exact_number_of_cameras_is_counted_exactly():
    doors = street(3).iloc[:3]
    pairs = pd.DataFrame({"door": ["n00", "n01", "n01", "n02"], "point": ["n01", "n01", "n02", "n02"]})
    owners = Owners((Exactly(np.zeros(3, np.int64), np.array([1])),))
    assert view_chances(pairs, owners, doors, doors.index).tolist() == pytest.approx([0, 2 / 3, 2 / 3], abs=1e-11)
    # A pair told twice is one camera.
    twice = view_chances(pd.concat([pairs, pairs]), Owners((Independent(np.full(3, 0.3)),)), doors, doors.index)
    assert twice.tolist() == pytest.approx([0, 1 - 0.7**2, 1 - 0.7**2], abs=1e-11)
    other = view_chances(pairs, owners, doors, doors.index, without_own=True)
    assert other.tolist() == pytest.approx([0, 1 / 3, 1 / 3], abs=1e-11)


def test_planted_thefts_are_in_view_more_than_doors_at_random_and_random_ones_are_not():
    doors = street(40)
    rng = np.random.default_rng(7)
    # Cameras in the west of the near street alone.
    chance = np.where(np.arange(120) % 40 < 10, 0.9, 0.0) * (np.arange(120) < 80)
    owners = {"now": Owners((Independent(chance),))}
    pairs = {"detect": sees(doors, porches(doors), NO_WALLS, level="detect")}
    xy = shapely.get_coordinates(doors.geometry.to_numpy())
    west = reports(xy[rng.integers(0, 10, 30)])
    said = incidents_in_view(place_thefts(west, doors), doors, pairs, owners)["words"]
    assert said.str.contains("more than doors at random").all()
    outside = 0
    for seed in range(150):
        # Ten thefts at each of twelve doors: that they concentrate is no association.
        anywhere = reports(np.repeat(xy[np.random.default_rng(seed).integers(0, 120, 12)], 10, axis=0))
        row = incidents_in_view(place_thefts(anywhere, doors), doors, pairs, owners, seed=seed, replicates=199).iloc[0]
        outside += not row["random_low"] <= row["in_view"] <= row["random_high"]
    assert outside <= 16  # binomial(150, 0.05): more happens once in 200


def test_zones_condition_the_comparison():
    # All thefts in the zone with cameras, at doors like any other there: nothing is left of the difference.
    doors = street(40)
    zones = np.array(["near"] * 80 + ["far"] * 40)
    owners = {"now": Owners((Independent(np.where(zones == "near", 0.5, 0.0)),))}
    pairs = {"detect": sees(doors, porches(doors), NO_WALLS, level="detect")}
    xy = shapely.get_coordinates(doors.geometry.to_numpy())
    data = reports(xy[np.random.default_rng(2).integers(0, 80, 50)])
    blind = incidents_in_view(place_thefts(data, doors), doors, pairs, owners).iloc[0]
    fair = incidents_in_view(place_thefts(data, doors, zones=zones), doors, pairs, owners, zones=zones).iloc[0]
    assert "more than doors" in blind["words"]
    assert "as doors at random" in fair["words"]


def test_no_order_of_rows_changes_a_bit():
    doors = street()
    chance = pd.Series(np.random.default_rng(1).uniform(0, 0.6, len(doors)), index=doors.index)
    data = reports(shapely.get_coordinates(doors.geometry.to_numpy())[::3] + 0.2)

    def table(doors: gpd.GeoDataFrame, data: gpd.GeoDataFrame) -> pd.DataFrame:
        pairs = {"detect": sees(doors, porches(doors), NO_WALLS, level="detect")}
        owners = {"now": Owners((Independent(chance[doors.index].to_numpy()),))}
        return incidents_in_view(place_thefts(data, doors, faces=FACES), doors, pairs, owners)

    one = table(doors, data)
    other = table(doors.sample(frac=1.0, random_state=1), data.sample(frac=1.0, random_state=2))
    exact = ["incidents", "in_view", "random_low", "random_high", "words"]
    pd.testing.assert_frame_equal(one[exact], other[exact], check_exact=True)


def test_a_giveaway_changes_what_it_adds():
    doors = street()
    data = reports(shapely.get_coordinates(doors.geometry.to_numpy())[:6])
    pairs = {"detect": sees(doors, porches(doors), NO_WALLS, level="detect")}
    today = Owners((Independent(np.full(36, 0.1)),))
    gift = today.joined_by(Exactly(np.where(np.arange(36) < 24, 0, -1), np.array([6])))
    table = incidents_in_view(place_thefts(data, doors), doors, pairs, {"today": today, "gift": gift})
    change = giveaway_change(table, "today", "gift")
    assert (change["change"] > 0).all()
    assert change["change"].tolist() == pytest.approx((change["after"] - change["before"]).tolist())
    assert (change["note"] == NOTE).all()
    assert "reports raise hot spots" in NOTE
    with pytest.raises(InputError, match="no scenario"):
        giveaway_change(table, "today", "gone")


def test_ground_by_class_is_that_of_a_plain_loop():
    doors = street()
    road = shapely.box(0, -4, 540, 4)
    hot = gpd.GeoDataFrame(
        {"class": ["persistent", "emerging"]},
        geometry=[shapely.box(0, -9, 70, 9), shapely.box(60, -9, 120, 9)],
        crs=UTM,
    )
    spots = ground_spots(road, hot, 2.0)
    assert spots["area_m2"].sum() == pytest.approx(road.area)
    assert (spots["hot_spot"] == "persistent").sum() * 4 == 70 * 8
    assert (spots["hot_spot"] == "emerging").sum() * 4 == 50 * 8
    pairs = {"observe": sees(doors, spots, NO_WALLS, level="observe")}
    chance = np.random.default_rng(3).uniform(0, 1, 36)
    table = ground_in_view(spots, doors, pairs, {"now": Owners((Independent(chance),))})
    seen: dict[int, list[str]] = {label: [] for label in spots.index}
    for pair in pairs["observe"].itertuples():
        seen[pair.point].append(pair.door)
    value = np.array([1 - math.prod(1 - chance[doors.index.get_loc(d)] for d in seen[n]) for n in spots.index])
    for row in table.itertuples():
        name = {"all": None, "elsewhere": ""}.get(row.hot_spot, row.hot_spot)
        part = np.ones(len(spots), bool) if name is None else (spots["hot_spot"] == name).to_numpy()
        assert row.in_view == pytest.approx(value[part].mean())
    assert table["hot_spot"].tolist() == ["all", "emerging", "persistent", "elsewhere"]


def test_the_range_over_assumptions_is_that_of_the_tables():
    doors = street()
    data = reports(shapely.get_coordinates(doors.geometry.to_numpy())[:6])
    owners = {"now": Owners((Independent(np.full(36, 0.2)),))}
    thefts = place_thefts(data, doors)
    tables = {
        f"{out:g} m": incidents_in_view(
            thefts, doors, {"detect": sees(doors, porches(doors, out), NO_WALLS, level="detect")}, owners
        )
        for out in (1.0, 0.0, 2.0)
    }
    found = over_assumptions(tables).set_index("of")
    shares = {name: table.set_index("of")["in_view"] for name, table in tables.items()}
    for whose in ("any door", "another door"):
        row, values = found.loc[whose], [share[whose] for share in shares.values()]
        assert (row["in_view"], row["in_view_least"], row["in_view_most"]) == (values[0], min(values), max(values))
    assert found.loc["another door", "in_view_least"] < found.loc["another door", "in_view_most"]
    with pytest.raises(InputError, match="other levels"):
        over_assumptions({"a": tables["1 m"], "b": tables["0 m"].iloc[1:]})


def test_bad_input():
    doors = street(3)
    data = reports(np.array([[0.0, 8.0]]), ["A"])
    with pytest.raises(InputError, match="block faces"):
        place_thefts(data, doors)
    with pytest.raises(InputError, match=r"to_crs\(doors.crs\)"):
        place_thefts(data.to_crs(4326), doors)
    with pytest.raises(InputError, match="one for each door"):
        place_thefts(data, doors, zones=["a"])
    owners = Owners((Independent(np.full(9, 0.1)),))
    with pytest.raises(InputError, match="1 unknown doors and 1 unknown places"):
        view_chances(pd.DataFrame({"door": ["x"], "point": ["y"]}), owners, doors, doors.index)
    with pytest.raises(InputError, match="there are 3"):
        view_chances(pd.DataFrame({"door": [], "point": []}), owners, doors.iloc[:3], doors.index)
    with pytest.raises(InputError, match="step_m"):
        ground_spots(shapely.box(0, 0, 1, 1), doors, 0.0)


def test_missing_blocks_zones_and_classes_are_none():
    doors = street(3)
    data = reports(shapely.get_coordinates(doors.geometry.to_numpy())[:4]).assign(block=[None, np.nan, pd.NA, ""])
    zones = [None, np.nan, "z", "z", "z", "z", "z", "z", pd.NA]
    thefts = place_thefts(data, doors, zones=zones)
    assert thefts.counts["at_a_door"] == 4
    assert thefts.zone.tolist() == ["", "", "z", "z"]
    pairs = {"detect": sees(doors, porches(doors), NO_WALLS, level="detect")}
    owners = {"now": Owners((Independent(np.full(9, 0.2)),))}
    table = incidents_in_view(thefts, doors, pairs, owners, zones=zones, classes=["hot", None, np.nan, ""])
    assert table["hot_spot"].unique().tolist() == ["all", "hot"]
    assert table.groupby("hot_spot")["incidents"].first().tolist() == [4, 1]
    assert len(places_of(np.arange(6.0).reshape(3, 2), data["block"].to_numpy()[:3]).key) == 3


def test_no_incident_at_all_is_no_fault():
    doors = street(3)
    none = reports(np.zeros((0, 2)))
    table = incidents_in_view(
        place_thefts(none, doors),
        doors,
        {"detect": pd.DataFrame({"door": [], "point": []})},
        {"now": Owners((Independent(np.full(9, 0.1)),))},
    )
    assert table["incidents"].tolist() == [0, 0]
    assert table["in_view"].isna().all()
