"""Rates by zone: Marshall's formula by hand, zones of every kind, ranks as ranges, and what a reader can recover."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import CRS

from doorview.errors import InputError
from doorview.overlays.incidents import read_incidents
from doorview.overlays.zone_rates import (
    DAYS_PER_MONTH,
    Window,
    empirical_bayes,
    publish_zone_rates,
    rank_ranges,
    windows_of,
    zone_rates,
)

UTM = CRS.from_epsg(32618)
LAST = "2019-12-31"


def row_of_zones(count: int, dwellings: list[float] | None = None) -> gpd.GeoDataFrame:
    """Return zones of 100 m by 100 m in a row: z0, z1, ..."""
    zones = gpd.GeoDataFrame(
        {"zoning": "tract", "zone": [f"z{i}" for i in range(count)]},
        geometry=[shapely.box(100 * i, 0, 100 * i + 100, 100) for i in range(count)],
        crs=UTM,
    )
    return zones.assign(counted_dwellings=dwellings) if dwellings is not None else zones


def thefts(counts: list[int], early: list[int] | None = None) -> gpd.GeoDataFrame:
    """Return thefts inside the zones of that number: on the last day, and `early` ones ten months before."""
    points, dates = [], []
    for when, numbers in ((LAST, counts), ("2019-03-01", early or [])):
        for zone, number in enumerate(numbers):
            points += [shapely.Point(100 * zone + 50, 50 + 0.1 * i) for i in range(number)]
            dates += [when] * number
    return gpd.GeoDataFrame(
        {"date": pd.to_datetime(dates).astype("datetime64[ns]"), "category": "", "block": ""}, geometry=points, crs=UTM
    )


def windows() -> tuple[Window, ...]:
    return windows_of(pd.Series(pd.to_datetime([LAST])))


def by_hand(e: list[float], b: list[float]) -> list[float]:
    """Return Marshall's (1991) estimates, written out, with the variance cut off at 0."""
    mean = sum(e) / sum(b)
    between = sum(n * (x / n - mean) ** 2 for x, n in zip(e, b, strict=True)) / sum(b)
    variance = max(0.0, between - mean / (sum(b) / len(b)))
    if variance == 0:
        return [mean] * len(e)
    return [mean + variance / (variance + mean / n) * (x / n - mean) for x, n in zip(e, b, strict=True)]


@pytest.mark.parametrize(
    ("e", "b"),
    [
        ([3, 40, 12, 0], [100, 400, 900, 50]),
        ([10, 11, 9, 10], [100, 100, 100, 100]),  # less than chance would give: the variance is cut off
        ([0, 0, 0], [10, 20, 30]),
        ([5], [10]),
        ([1, 100], [1000, 1000]),
    ],
)
def test_empirical_bayes_is_marshalls(e, b):
    assert empirical_bayes(e, b).rate == pytest.approx(by_hand(e, b), rel=1e-12)


def test_esda_alone_would_turn_rates_round():
    # Why the variance is looked at first: a negative one gives weights outside [0, 1] in esda.
    from esda.smoothing import Empirical_Bayes

    e, b = np.array([10, 11, 9, 10]), np.array([100, 100, 100, 100])
    smoothed = np.asarray(Empirical_Bayes(e, b).r).ravel()
    assert smoothed[1] < smoothed[2]
    assert np.ptp(empirical_bayes(e, b).rate) == 0


def test_ranks_draw_from_the_posterior_of_that_mean():
    from scipy.stats import gamma

    e, b = [3, 40, 12, 0], [100, 400, 900, 50]
    smoothed = empirical_bayes(e, b)
    prior = smoothed.mean / smoothed.variance
    posterior = [gamma(x + smoothed.mean * prior, scale=1 / (n + prior)) for x, n in zip(e, b, strict=True)]
    assert [law.mean() for law in posterior] == pytest.approx(smoothed.rate.tolist(), rel=1e-12)
    low, high = rank_ranges(e, b, smoothed, list("abcd"), seed=1, replicates=4000)
    # Plain draws of numpy's own, ranked one by one.
    rng = np.random.default_rng(5)
    drawn = np.column_stack([law.rvs(20_000, random_state=rng) for law in posterior])
    ranks = 1 + (drawn[:, None, :] > drawn[:, :, None]).sum(axis=2)
    for zone in range(4):
        # Both are samples: a hundredth on either side of the quantile covers their errors.
        least, most = np.quantile(ranks[:, zone], [[0.04, 0.06], [0.94, 0.96]], method="inverted_cdf")
        assert least[0] <= low[zone] <= least[1]
        assert most[0] <= high[zone] <= most[1]


def test_without_variance_every_rank_is_possible():
    smoothed = empirical_bayes([10, 11, 9], [100, 100, 100])
    low, high = rank_ranges([10, 11, 9], [100, 100, 100], smoothed, list("abc"), seed=0, replicates=10)
    assert low.tolist() == [1, 1, 1]
    assert high.tolist() == [3, 3, 3]


def test_windows_are_the_last_days_and_months():
    short, year = windows_of(pd.Series(pd.to_datetime(["2011-01-01", "2019-05-26", None])))
    assert (str(short.first), str(short.last), short.days) == ("2019-03-28", "2019-05-26", 60)
    assert (str(year.first), str(year.last), year.days) == ("2018-05-27", "2019-05-26", 365)
    assert short.published == "60 days to 2019-05"
    assert windows_of(pd.Series(pd.to_datetime(["2019-05-26"])), until="2018-12-31")[0].published.endswith("2018-12")
    with pytest.raises(InputError, match="which is no day"):
        windows_of(pd.Series(pd.to_datetime(["2019-05-26"])), until="26.5.2019")
    with pytest.raises(InputError, match="no incident has a date"):
        windows_of(pd.Series(pd.to_datetime([None])))


def test_counts_and_rates_side_by_side():
    result = zone_rates(thefts([6, 0, 2], [1, 8, 0]), row_of_zones(3, [100, 200, 50]), windows())
    table = result.table.set_index(["zone", "window"])
    assert table.loc[("z0", "60 days"), "incidents"] == 6
    assert table.loc[("z1", "12 months"), "incidents"] == 8
    assert table.loc[("all", "12 months"), "incidents"] == 17
    assert table.loc[("all", "60 days"), "exposure"] == 350
    months = 60 / DAYS_PER_MONTH
    assert table.loc[("z0", "60 days"), "rate"] == pytest.approx(1000 * 6 / 100 / months)
    # Garwood's interval of 2: the 5 % and 95 % points by the Poisson sums themselves.
    low, high = (table.loc[("z2", "60 days"), name] * 50 * months / 1000 for name in ("rate_low", "rate_high"))
    poisson = [np.exp(-high) * high**k / np.prod(range(1, k + 1)) for k in range(3)]
    assert sum(poisson) == pytest.approx(0.05)
    assert 1 - np.exp(-low) * (1 + low) == pytest.approx(0.05)
    hand = by_hand([6, 0, 2], [n * months / 1000 for n in (100, 200, 50)])
    got = [table.loc[(zone, "60 days"), "rate_smoothed"] for zone in ("z0", "z1", "z2")]
    assert got == pytest.approx(hand)


def test_zones_that_overlap_have_holes_or_no_dwellings():
    ring = shapely.box(0, 0, 300, 300).difference(shapely.box(100, 100, 200, 200))
    zones = gpd.GeoDataFrame(
        {"zoning": "own", "zone": ["ring", "west", "empty"]},
        geometry=[ring, shapely.box(0, 0, 50, 300), shapely.box(500, 0, 600, 100)],
        crs=UTM,
    )
    points = [(150, 150), (25, 25), (250, 250), (550, 50)]  # in the hole, in both, in the ring, where nobody lives
    incidents = gpd.GeoDataFrame(
        {"date": pd.to_datetime([LAST] * 4)}, geometry=gpd.points_from_xy(*zip(*points, strict=True)), crs=UTM
    )
    doors = gpd.GeoDataFrame(
        {"dwellings": [2, 3, 7]}, geometry=gpd.points_from_xy([10, 250, 150], [10, 10, 150]), crs=UTM
    )
    result = zone_rates(incidents, zones, windows(), doors=doors)
    assert result.left_out == {"in no zone of own": 1, "in several zones of own, counted in each": 1}
    table = result.table[result.table["window"] == "60 days"].set_index("zone")
    assert table["incidents"].to_dict() == {"ring": 2, "west": 1, "empty": 1, "all": 3}
    assert table["exposure"].to_dict() == {"ring": 5, "west": 2, "empty": 0, "all": 5}
    assert table.loc["empty", "note"] == "no dwellings: no rate"
    assert table.loc["empty", ["rate", "rate_smoothed", "rank"]].isna().all()
    assert table.loc[["ring", "west"], "rank_high"].max() == 2


def test_parcels_and_what_the_user_counts():
    zones = row_of_zones(2, [100, 200]).assign(parcels=[1000.0, np.nan])
    result = zone_rates(thefts([6, 5]), zones, windows(), parcels="parcels")
    table = result.table[result.table["per"] == "parcel"].set_index(["zone", "window"])
    assert table.loc[("z0", "60 days"), "rate"] == pytest.approx(6 / (60 / DAYS_PER_MONTH))
    assert table.loc[("z1", "60 days"), "note"] == "parcels not known: no rate"
    with pytest.raises(InputError, match="no column"):
        zone_rates(thefts([6, 5]), zones, windows(), parcels="boxes")


def test_windows_that_the_data_do_not_fill_are_said():
    full = zone_rates(thefts([6, 5], [1, 0]), row_of_zones(2, [100, 200]), windows())
    assert len(full.notes) == 1
    assert full.notes[0].startswith("12 months to 2019-12: the data begin in 2019-03, within it")
    thin = zone_rates(thefts([1, 0], [9, 9]), row_of_zones(2, [100, 200]), windows()[:1])
    assert thin.notes == ("60 days to 2019-12: fewer than 5 incidents in all; is the last date right? Else give until",)


def test_order_and_other_zones_change_no_draw():
    counts, homes = [6, 0, 2, 9, 30], [100.0, 200, 50, 70, 300]
    incidents, zones = thefts(counts), row_of_zones(5, homes)
    first = zone_rates(incidents, zones, windows(), seed=3).table
    again = zone_rates(incidents.iloc[::-1], zones.iloc[[3, 1, 4, 0, 2]], windows(), seed=3).table
    pd.testing.assert_frame_equal(first, again)
    one, other = (zone_rates(incidents, zones, windows(), seed=seed, replicates=1).table for seed in (3, 5))
    assert not one.equals(other)


def test_bad_input():
    zones, incidents = row_of_zones(2, [1, 2]), thefts([1, 1])
    with pytest.raises(InputError, match="different CRSs"):
        zone_rates(incidents, zones.to_crs(4326), windows())
    with pytest.raises(InputError, match="stands twice"):
        zone_rates(incidents, zones.assign(zone="z"), windows())
    with pytest.raises(InputError, match="stands twice"):
        zone_rates(incidents, zones.assign(zone=["all", "b"]), windows())
    with pytest.raises(InputError, match="windows are missing"):
        zone_rates(incidents, zones, ())
    with pytest.raises(InputError, match="nobody says how many dwellings"):
        zone_rates(incidents, row_of_zones(2), windows())
    with pytest.raises(InputError, match="no count"):
        zone_rates(incidents, zones.assign(counted_dwellings=[-1, 2]), windows())


# ---- what is published ----------------------------------------------------------------------------------------------


def test_published_rates_give_no_small_count_away():
    result = zone_rates(thefts([6, 3, 12, 40], [9, 1, 0, 5]), row_of_zones(4, [100, 80, 120, 300]), windows())
    table = publish_zone_rates(result).set_index(["zone", "window"])
    short = "60 days to 2019-12"
    assert table.loc[("z1", short), "incidents"] == "fewer than 5"
    withheld = table.index[table["incidents"].isin(["fewer than 5", "withheld"])]
    numbers = ["rate", "rate_low", "rate_high", "rate_smoothed", "rank", "rank_low", "rank_high"]
    assert table.loc[withheld, numbers].isna().all().all()
    # A reader subtracts what is shown from the total: more than one zone is left in it.
    for window in (short, "12 months to 2019-12"):
        column = table.xs(window, level="window")["incidents"]
        assert ((column == "fewer than 5") | (column == "withheld")).sum() != 1
    shown = [zone for zone in ("z0", "z1", "z2", "z3") if (zone, short) not in withheld]
    hand = by_hand(
        [{"z0": 6, "z1": 3, "z2": 12, "z3": 40}[zone] for zone in shown],
        [{"z0": 100, "z1": 80, "z2": 120, "z3": 300}[zone] * 60 / DAYS_PER_MONTH / 1000 for zone in shown],
    )
    assert table.loc[[(zone, short) for zone in shown], "rate_smoothed"].tolist() == pytest.approx(hand)


def test_what_is_published_does_not_depend_on_what_is_withheld():
    # 3 and 9 in 60 days withheld, 12 together; 2 and 10 look the same, to the byte.
    zones = row_of_zones(4, [100, 80, 120, 300])
    one = zone_rates(thefts([3, 9, 40, 50], [10, 10, 20, 30]), zones, windows())
    other = zone_rates(thefts([2, 10, 40, 50], [11, 9, 20, 30]), zones, windows())
    published = publish_zone_rates(one)
    assert published["incidents"].tolist()[:5] == ["fewer than 5", "withheld", "40", "50", "102"]
    assert published.to_csv() == publish_zone_rates(other).to_csv()


def test_a_window_inside_the_other_does_not_give_it_away():
    # 12 months: 5 in z0, of which 60 days: 4. The slices between are what a reader would subtract.
    result = zone_rates(thefts([4, 20, 30], [1, 20, 30]), row_of_zones(3, [100, 100, 100]), windows())
    table = publish_zone_rates(result).set_index(["zone", "window"])
    assert table.loc[("z0", "60 days to 2019-12"), "incidents"] == "fewer than 5"
    assert "2019-12-31" not in table.to_csv()


def test_irvine_by_squares(shared_data):
    incidents = read_incidents(shared_data / "irvine_ca" / "thefts.csv", CRS.from_epsg(32611), preset="irvine")
    box = incidents.total_bounds // 3000 * 3000
    cells = [shapely.box(x, y, x + 3000, y + 3000)
             for x in np.arange(box[0], box[2] + 1, 3000) for y in np.arange(box[1], box[3] + 1, 3000)]  # fmt: skip
    zones = gpd.GeoDataFrame(
        {"zoning": "square", "zone": [f"s{i:02d}" for i in range(len(cells))], "counted_dwellings": 1000.0},
        geometry=cells,
        crs=incidents.crs,
    )
    result = zone_rates(incidents, zones, windows_of(incidents["date"]))
    table = result.table.set_index(["zone", "window"])
    plain = pd.read_csv(shared_data / "irvine_ca" / "thefts.csv").query("Type == 'Package'")
    assert table.loc[("all", "12 months"), "incidents"] == (plain["Date"] >= "2018-05-27").sum()
    assert table.loc[("all", "60 days"), "incidents"] == (plain["Date"] >= "2019-03-28").sum()
    rated = result.table[result.table["rank"].notna()]
    assert (rated["rank_low"] <= rated["rank_high"]).all()
    published = publish_zone_rates(result)
    words = published["incidents"]
    assert not words.isin(["0", "1", "2", "3", "4"]).any()
