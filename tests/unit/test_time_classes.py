"""Classes over time: by hand, and planted clusters that come and go."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.errors import InputError
from doorview.overlays.surface_grid import surface_grid
from doorview.overlays.time_classes import CLASSES, classify, hot_spot_classes, periods

GRID = surface_grid(shapely.box(0, 0, 4500, 3000), 150.0)


@pytest.mark.parametrize(
    ("hot", "name"),
    [
        ("1111111111", "persistent"),
        ("1110111101", "persistent"),
        ("1101110101", "intermittent"),
        ("0000000001", "emerging"),
        ("0000000010", "emerging"),
        ("0000000100", "former"),
        ("1111111100", "former"),
        ("1111111101", "persistent"),
        ("1111110000", "former"),
        ("1000000001", "intermittent"),
        ("0000000000", "none"),
        ("001", "emerging"),
        ("100", "former"),
        ("101", "intermittent"),
        ("111", "persistent"),
        # Of twenty periods the last four are recent; one of sixteen is less than a tenth.
        ("10000000000000000000", "none"),
        ("11000000000000000000", "former"),
        ("10000000000000000001", "emerging"),
    ],
)
def test_the_classes_are_those_of_the_words(hot, name):
    series = np.array([mark == "1" for mark in hot])[:, None]
    assert CLASSES[classify(series)[0]] == name


def test_periods_end_with_the_last_month_and_are_whole():
    date = pd.Series(pd.to_datetime(["2017-12-31", "2018-01-01", "2018-06-30", "2018-07-01", None, "2019-07-31"]))
    found, names = periods(date, 6)
    # 20 months: three periods of six from 2018-02, what is before is left out.
    assert names == ["2018-02 to 2018-07", "2018-08 to 2019-01", "2019-02 to 2019-07"]
    assert found.tolist() == [-1, -1, 0, 0, -1, 2]
    assert periods(date, 1)[1][0] == "2017-12"


def test_planted_clusters_are_classed():
    rng = np.random.default_rng(0)
    plan = {"persistent": range(6), "former": range(2), "emerging": [5], "intermittent": [1, 5]}
    at = {name: (800.0 + 1000 * n, 1500.0) for n, name in enumerate(plan)}
    xy, month = [], []
    for period in range(6):
        xy.append(rng.uniform((0, 0), (4500, 3000), (150, 2)))
        for name, hot in plan.items():
            if period in hot:
                xy.append(rng.normal(at[name], 60, (40, 2)))
        month += [period * 6 + int(m) for m in rng.integers(0, 6, sum(map(len, xy)) - len(month))]
    month[0], month[-1] = 0, 35
    date = pd.Series([pd.Timestamp(2017 + m // 12, m % 12 + 1, 15) for m in month])
    found = hot_spot_classes(np.vstack(xy), date, GRID, months=6)
    for name, place in at.items():
        row, column = GRID.cell_of([place])
        assert CLASSES[found.classes[row[0], column[0]]] == name
    assert found.table["incidents"].sum() == len(date)
    assert found.area_km2()["persistent"] == pytest.approx((found.classes == 1).sum() * 0.0225)
    assert found.counts == {"without a date": 0, "before the first whole period": 0, "outside the counted area": 0}


def test_what_is_left_out_is_counted():
    day = pd.Timestamp("2020-01-05")
    date = pd.Series([pd.NaT, day, day + pd.DateOffset(months=9), day + pd.DateOffset(months=12)])
    xy = [(1, 1), (1, 1), (-50, 1), (1, 1)]
    found = hot_spot_classes(xy, date, GRID, months=4)
    assert found.counts == {"without a date": 1, "before the first whole period": 1, "outside the counted area": 1}
    assert found.table["incidents"].sum() == 1


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda date: periods(date, 0), "nothing finer"),
        (lambda date: periods(date, 6), "at least 3"),
        (lambda date: periods(pd.Series([pd.NaT], dtype="datetime64[ns]")), "need dates"),
        (lambda date: hot_spot_classes([(1, 1)], date, GRID), "each incident needs one"),
        (lambda date: classify(np.zeros((2, 4), bool)), "at least 3"),
    ],
)
def test_what_cannot_be_is_said(call, says):
    with pytest.raises(InputError, match=says):
        call(pd.Series(pd.to_datetime(["2020-01-01", "2020-06-01"])))
