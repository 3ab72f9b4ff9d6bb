"""Forecast scores by hand, against plain loops, and with forecasts whose scores are known: perfect, random, uniform."""

from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.errors import InputError, StudyError
from doorview.overlays.intervals import places_of
from doorview.overlays.prediction import COLUMNS, forecast_weights, predict, score_forecast
from doorview.overlays.short_list import hot_cells, short_list
from doorview.overlays.surface_grid import SurfaceGrid, cell_counts, surface_grid

UTM = "EPSG:32618"
HOLD_OUT = ("2019-01-01", "2020-01-01")
WINDOWS = {"12 months": ("2018-01-01", "2019-01-01")}


def grid_of(rows: int, columns: int, cell_m: float = 100.0) -> SurfaceGrid:
    return surface_grid(shapely.box(0, 0, columns * cell_m, rows * cell_m), cell_m)


def at_cells(counts: list[list[int]], cell_m: float = 100.0) -> np.ndarray:
    """Return so many points, each at a place of its own, in each cell; the first list is the southmost row."""
    xy = []
    for (row, line), _ in zip(enumerate(counts), counts, strict=True):
        for column, number in enumerate(line):
            xy += [((column + (k + 0.5) / (number + 1)) * cell_m, (row + 0.3) * cell_m) for k in range(number)]
    return np.array(xy, dtype=float).reshape(-1, 2)


def incidents(train: np.ndarray, held: np.ndarray) -> gpd.GeoDataFrame:
    dates = ["2018-06-01"] * len(train) + ["2019-06-01"] * len(held)
    return gpd.GeoDataFrame(
        {"date": pd.to_datetime(dates), "category": "package", "block": ""},
        geometry=shapely.points(np.concatenate([train, held])),
        crs=UTM,
    )


def test_scores_by_hand():
    # Train: 6 in one cell, 2 in another of 10. Held out: 4, 1 and 5 elsewhere; 2 of 10 cells forecast.
    grid = grid_of(2, 5)
    train, held = at_cells([[6, 2, 0, 0, 0], [0] * 5]), at_cells([[4, 1, 3, 0, 0], [2, 0, 0, 0, 0]])
    weights = forecast_weights(cell_counts(train, grid), grid.inside, 2)
    found = score_forecast(weights, grid, train, held, places_of(held))
    assert (found.incidents, found.caught, found.area_share) == (10, 5.0, 0.2)
    assert found.pai == pytest.approx((5 / 10) / (2 / 10))
    assert found.pei == pytest.approx(5 / 7)  # the best two cells hold 4 and 3
    assert found.recapture == pytest.approx((5 / 10) / (8 / 8))
    assert found.interval.low < found.pai < found.interval.high
    assert found.interval.high <= 1 / 0.2


def test_a_perfect_forecast_has_a_pei_of_1_and_the_greatest_pai():
    rng = np.random.default_rng(0)
    grid = grid_of(7, 9)
    held = rng.uniform(0, 1, (400, 2)) ** 2 * [900, 700]
    truth = cell_counts(held, grid)
    best = [
        score_forecast(forecast_weights(s, grid.inside, 6), grid, held, held, places_of(held))
        for s in [truth, *rng.uniform(0, 1, (50, 7, 9))]
    ]
    assert best[0].pei == pytest.approx(1.0)
    assert best[0].recapture == pytest.approx(1.0)
    assert max(found.pai for found in best) == best[0].pai


def test_a_random_forecast_has_a_pai_of_1_on_average():
    rng = np.random.default_rng(1)
    grid = grid_of(10, 10)
    held = rng.uniform(0, 1, (300, 2)) ** 2 * 1000
    pai = [
        score_forecast(forecast_weights(s, grid.inside, 10), grid, held, held, places_of(held)).pai
        for s in rng.uniform(0, 1, (600, 10, 10))
    ]
    assert np.mean(pai) == pytest.approx(1.0, abs=4 * np.std(pai) / np.sqrt(600))


def test_ties_are_the_mean_over_all_ways_to_break_them():
    grid = grid_of(2, 4)
    scores = np.array([[3.0, 1.0, 1.0, 0.0], [1.0, 2.0, 1.0, 0.0]])
    held = at_cells([[1, 5, 0, 2], [1, 2, 4, 0]])
    counts = cell_counts(held, grid)
    tied = np.argwhere(scores == 1.0)
    caught = [
        counts[0, 0] + counts[1, 1] + sum(counts[tuple(tied[i])] for i in two)
        for two in itertools.combinations(range(4), 2)
    ]
    weights = forecast_weights(scores, grid.inside, 4)
    found = score_forecast(weights, grid, held, held, places_of(held))
    assert found.caught == pytest.approx(np.mean(caught))
    # Noise as of a Fourier transform breaks no tie, and whole cells are chosen the same way each time.
    noisy = scores + np.random.default_rng(2).normal(0, 1e-15, scores.shape)
    assert np.array_equal(forecast_weights(noisy, grid.inside, 4), weights)
    chosen = hot_cells(scores, grid, 4)
    assert chosen.sum() == 4
    assert chosen[0, 0]
    assert chosen[1, 1]
    assert np.array_equal(chosen, hot_cells(noisy, grid, 4))


def test_uniform_is_exactly_1_and_cells_outside_take_no_part():
    area = shapely.box(0, 0, 900, 600).difference(shapely.box(400, 0, 900, 300))
    grid = surface_grid(area, 100.0)
    rng = np.random.default_rng(4)
    held = rng.uniform(0, 1, (200, 2)) * [900, 600]
    inside = shapely.contains_xy(area, held)
    table = predict(
        incidents(held[:80], held[80:]), {}, [grid], hold_out=HOLD_OUT, windows=WINDOWS, area_shares=[0.1, 0.5]
    )
    uniform = table.table.query("method == 'uniform'")
    assert uniform["pai"].tolist() == pytest.approx([1.0, 1.0], rel=1e-12)
    assert (uniform["pai_low"] == uniform["pai_high"]).all()
    assert (table.table["incidents"] == inside[80:].sum()).all()
    assert table.counts["outside_area"] == (~inside).sum()
    assert table.table["area_share"].unique().tolist() == pytest.approx([4 / 39, 20 / 39])


def smoothed(train: np.ndarray, grid: SurfaceGrid) -> np.ndarray:
    x, y = grid.centres()
    cells = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 1, 2)
    away = ((cells - train[None]) ** 2).sum(axis=2)
    return np.exp(-away / (2 * 150.0**2)).sum(axis=1).reshape(grid.rows, grid.columns)


def two_clusters(seed: int, count: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centre = np.array([[300.0, 300.0], [1400.0, 900.0]])[rng.integers(0, 2, count)]
    return np.clip(centre + rng.normal(0, 180, (count, 2)), 1, [1999, 1499])


def test_the_table_is_that_of_plain_loops():
    train, held = two_clusters(1, 60), two_clusters(2, 150)
    grids = [grid_of(15, 20), grid_of(30, 40, 50.0)]
    homes = two_clusters(3, 90)
    found = predict(
        incidents(train, held),
        {"kde": smoothed},
        grids,
        hold_out=HOLD_OUT,
        windows=WINDOWS,
        area_shares=[0.05, 0.2],
        population=(homes, np.arange(90)),
    )
    assert tuple(found.table.columns) == COLUMNS
    assert len(found.table) == 4 * 2 * 2
    for grid in grids:
        side = int(grid.cell_m)
        count, before, people = ({}, {}, {})
        for table, points in ((count, held), (before, train)):
            for x, y in points:
                table[int(y) // side, int(x) // side] = table.get((int(y) // side, int(x) // side), 0) + 1
        for weight, (x, y) in enumerate(homes):
            people[int(y) // side, int(x) // side] = people.get((int(y) // side, int(x) // side), 0) + weight
        heat = smoothed(train, grid)
        cells = list(itertools.product(range(grid.rows), range(grid.columns)))
        for share in (0.05, 0.2):
            size = round(share * len(cells))
            for name, score in (
                ("kde", {cell: heat[cell] for cell in cells}),
                ("counts", before),
                ("population", people),
            ):
                ranked = sorted((score.get(cell, 0) for cell in cells), reverse=True)
                above = [cell for cell in cells if score.get(cell, 0) > ranked[size - 1]]
                tied = [cell for cell in cells if score.get(cell, 0) == ranked[size - 1]]
                part = (size - len(above)) / len(tied)
                hits = sum(count.get(c, 0) for c in above) + part * sum(count.get(c, 0) for c in tied)
                known = sum(before.get(c, 0) for c in above) + part * sum(before.get(c, 0) for c in tied)
                most = sum(sorted(count.values(), reverse=True)[:size])
                rows = found.table[(found.table["method"] == name) & (found.table["cell_m"] == grid.cell_m)]
                row = rows[np.isclose(rows["area_share"], share)].iloc[0]
                assert row["pai"] == pytest.approx(hits / 150 / share)
                assert row["pei"] == pytest.approx(hits / most)
                assert row["recapture"] == pytest.approx((hits / 150) / (known / 60))


def test_a_heat_map_that_is_better_is_said_to_be_and_listed():
    data = incidents(two_clusters(1, 15), two_clusters(2, 400))
    grid = grid_of(15, 20)
    setting = {"hold_out": HOLD_OUT, "windows": WINDOWS}
    found = predict(data, {"kde": smoothed}, [grid], area_shares=[0.1], **setting)
    assert found.comparison["verdict"].tolist() == ["better than counts"]
    listed = short_list(
        found,
        data,
        ("kde", smoothed),
        grid,
        hold_out=HOLD_OUT,
        window=("12 months", WINDOWS["12 months"]),
        area_share=0.1,
    )
    assert listed.table is not None
    assert listed.table["cells"].sum() == 30
    assert listed.table["rank"].tolist() == list(range(1, len(listed.table) + 1))
    assert listed.table.area.sum() == pytest.approx(30 * 100.0**2)
    row = found.table.query("method == 'kde'").iloc[0]
    # The list's own score is that of its parts.
    assert listed.table["held_out"].sum() / 400 / 0.1 == pytest.approx(row["pai"])
    assert (listed.table["list_pai"] == row["pai"]).all()
    whole = listed.table.union_all()
    held = shapely.points(np.array(two_clusters(2, 400)))
    assert shapely.intersects(whole, held).sum() == listed.table["held_out"].sum()


def test_a_heat_map_that_is_no_better_is_not_listed_and_said():
    data = incidents(two_clusters(1, 300), two_clusters(2, 300))
    grid = grid_of(15, 20)

    def backwards(train: np.ndarray, grid: SurfaceGrid) -> np.ndarray:
        return -smoothed(train, grid)

    def counting(train: np.ndarray, grid: SurfaceGrid) -> np.ndarray:
        return cell_counts(train, grid)

    for name, method in (("cold", backwards), ("copy", counting)):
        found = predict(data, {name: method}, [grid], hold_out=HOLD_OUT, windows=WINDOWS, area_shares=[0.1])
        assert found.comparison["verdict"].tolist() == ["no better than counts"]
        assert "the heat map is no better than counts" in found.sentences[0]
        listed = short_list(
            found,
            data,
            (name, method),
            grid,
            hold_out=HOLD_OUT,
            window=("12 months", WINDOWS["12 months"]),
            area_share=0.1,
        )
        assert listed.table is None
        assert "no better than counts" in listed.reason


def test_a_heat_map_ahead_by_chance_alone_is_not_listed():
    # One incident more than counts, of 60: that is nothing.
    grid = grid_of(2, 5)
    train, held = at_cells([[3, 2, 0, 0, 0], [0] * 5]), at_cells([[9, 10, 8, 8, 7], [4, 4, 4, 3, 3]])
    data = incidents(train, held)

    def other(_: np.ndarray, __: SurfaceGrid) -> np.ndarray:
        return np.array([[0.0, 1.0, 0.0, 0.0, 0.0], [0.0] * 5])

    found = predict(data, {"other": other}, [grid], hold_out=HOLD_OUT, windows=WINDOWS, area_shares=[0.1])
    row = found.comparison.iloc[0]
    assert row["difference"] == pytest.approx(1 / 60 / 0.1)
    assert row["low"] < 0 < row["high"]
    assert row["verdict"] == "not shown to be better than counts"
    listed = short_list(
        found,
        data,
        ("other", other),
        grid,
        hold_out=HOLD_OUT,
        window=("12 months", WINDOWS["12 months"]),
        area_share=0.1,
    )
    assert listed.table is None
    assert "not shown to be better" in listed.reason


def test_where_no_map_is_better_few_are_said_to_be():
    # Incidents at random, a map of noise: over 120 draws about 2.5 % are called better.
    grid = grid_of(10, 10)
    better = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        data = incidents(rng.uniform(0, 1000, (200, 2)), rng.uniform(0, 1000, (200, 2)))
        noise = rng.uniform(size=(10, 10))
        found = predict(
            data,
            {"noise": lambda _, __, noise=noise: noise},
            [grid],
            hold_out=HOLD_OUT,
            windows=WINDOWS,
            area_shares=[0.2],
            replicates=400,
        )
        better += found.comparison["verdict"].tolist() == ["better than counts"]
    assert better <= 8  # binomial(120, 0.025): more than 8 happens once in 500


def test_no_order_of_rows_changes_a_bit():
    data = incidents(two_clusters(1, 60), two_clusters(2, 150))
    setting = {"hold_out": HOLD_OUT, "windows": WINDOWS, "area_shares": [0.07]}
    methods = {"counts again": lambda train, grid: cell_counts(train, grid) ** 0.5}
    one = predict(data, methods, [grid_of(15, 20)], **setting)
    other = predict(data.sample(frac=1.0, random_state=3), methods, [grid_of(15, 20)], **setting)
    pd.testing.assert_frame_equal(one.table, other.table, check_exact=True)
    pd.testing.assert_frame_equal(one.comparison, other.comparison, check_exact=True)


def test_what_is_left_out_is_counted():
    data = incidents(two_clusters(1, 50), two_clusters(2, 50))
    data.loc[:3, "date"] = pd.NaT
    data.loc[4:6, "date"] = pd.Timestamp("2011-01-01")
    found = predict(data, {}, [grid_of(15, 20)], hold_out=HOLD_OUT, windows=WINDOWS)
    assert found.counts == {
        "incidents": 100,
        "without_date": 4,
        "in_no_window": 3,
        "outside_area": 0,
        "held_out": 50,
    }


def test_bad_input_is_named_together():
    data = incidents(two_clusters(1, 5), two_clusters(2, 5))
    grid = grid_of(15, 20)
    with pytest.raises(StudyError) as caught:
        predict(
            data.drop(columns="date"),
            {"counts": cell_counts},
            [grid],
            hold_out=HOLD_OUT,
            windows={"late": ("2018-01-01", "2019-06-01")},
            area_shares=[0.0, 2.0],
        )
    assert all(word in str(caught.value) for word in ("'date'", "['counts']", "must not see", "[0.0, 2.0]"))
    with pytest.raises(InputError, match="no incident of the hold-out"):
        predict(data, {}, [grid], hold_out=("2025-01-01", "2026-01-01"), windows=WINDOWS)
    with pytest.raises(InputError, match="one finite number"):
        predict(
            data,
            {"nan": lambda _, grid: np.full(grid.inside.shape, np.nan)},
            [grid],
            hold_out=HOLD_OUT,
            windows=WINDOWS,
        )
    with pytest.raises(InputError, match="first date"):
        predict(data, {}, [grid], hold_out=("2020-01-01", "2019-01-01"), windows={"w": ("2011", "2012")})


def test_one_incident_and_all_at_one_place():
    grid = grid_of(15, 20)
    one = incidents(np.array([[50.0, 50.0]]), np.array([[50.0, 50.0]]))
    found = predict(one, {}, [grid], hold_out=HOLD_OUT, windows=WINDOWS, area_shares=[0.01]).table
    row = found.query("method == 'counts'").iloc[0]
    assert row["pai"] > 1
    assert row["pai_low"] < 10
    same = incidents(np.full((40, 2), 50.0), np.full((40, 2), 50.0))
    found = predict(same, {}, [grid], hold_out=HOLD_OUT, windows=WINDOWS, area_shares=[1 / 300]).table
    row = found.query("method == 'counts'").iloc[0]
    assert row["pai"] == pytest.approx(300)
    assert row["pei"] == pytest.approx(1)
    assert row["pai_low"] < 10  # forty at one place are one observation
