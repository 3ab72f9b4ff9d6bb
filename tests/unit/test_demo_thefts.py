"""Thefts planted in the demo town: their clusters are foretold, and their doors laid over what neighbours see."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Transformer

from doorview.demo.town import CRS, Town, make_town
from doorview.overlays.over_coverage import incidents_in_view, place_thefts
from doorview.overlays.porches import porches
from doorview.overlays.prediction import predict
from doorview.overlays.short_list import short_list
from doorview.overlays.surface_grid import SurfaceGrid, surface_grid
from doorview.ownership.layers import Independent
from doorview.ownership.union import Owners
from doorview.sight.points import sees

HOLD_OUT = ("2025-01-01", "2026-01-01")
WINDOW = ("12 months", ("2024-01-01", "2025-01-01"))
BANDWIDTH_M = 60.0


@pytest.fixture(scope="module")
def town() -> Town:
    return make_town(4000)


def projected(table: pd.DataFrame) -> np.ndarray:
    east, north = Transformer.from_crs("EPSG:4326", CRS, always_xy=True).transform(table["lon"], table["lat"])
    return np.column_stack([east, north])


def reports(town: Town) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"date": town.thefts["date"].astype("datetime64[ns]"), "category": "package", "block": ""},
        geometry=shapely.points(projected(town.thefts)),
        crs=CRS,
    )


def smoothed(train: np.ndarray, grid: SurfaceGrid) -> np.ndarray:
    """Return a kernel density at the cells' centres, one by one."""
    x, y = grid.centres()
    out = np.zeros((grid.rows, grid.columns))
    for row, north in enumerate(y):
        away = (train[:, 0] - x[:, None]) ** 2 + (train[:, 1] - north) ** 2
        out[row] = np.exp(-away / (2 * BANDWIDTH_M**2)).sum(axis=1)
    return out


def test_planted_clusters_are_foretold_and_on_the_short_list(town):
    data = reports(town)
    doors = town.doors[["x", "y"]].to_numpy()
    grid = surface_grid(shapely.convex_hull(shapely.MultiPoint(doors)).buffer(30), 76.2)
    found = predict(
        data,
        {"kde": smoothed},
        [grid],
        hold_out=HOLD_OUT,
        windows=dict([WINDOW]),
        area_shares=[0.05, 0.1],
        population=(doors, town.doors["dwellings"]),
    )
    table = found.table.pivot_table(index="area_share", columns="method", values="pai")
    # 55 % of thefts were planted in clusters of 45 m: a heat map must catch far more than homes or chance do.
    assert (table["kde"] > 2.5).all()
    assert (table["kde"] > 1.5 * table["population"]).all()
    assert table["uniform"].tolist() == pytest.approx([1.0, 1.0])
    listed = short_list(
        found, data, ("kde", smoothed), grid, hold_out=HOLD_OUT, window=WINDOW, area_share=table.index[1]
    )
    verdict = found.comparison.query("area_share > 0.07")["verdict"].item()
    assert (listed.table is not None) == (verdict == "better than counts"), listed.reason
    if listed.table is not None:
        away = shapely.distance(listed.table.union_all(), shapely.points(projected(town.clusters)))
        assert (away < 76.2).mean() >= 0.75


def test_thefts_lie_at_the_doors_where_they_were_planted(town):
    # The planted doors stand for what find_doors finds; the street side is all that is looked at here.
    doors = gpd.GeoDataFrame(
        town.doors[["heading", "dwellings"]].set_axis([f"d{n:04d}" for n in range(len(town.doors))]),
        geometry=shapely.points(town.doors[["x", "y"]].to_numpy()),
        crs=CRS,
    )
    data = reports(town)
    zones = town.doors["district"].to_numpy(dtype=object)
    thefts = place_thefts(data, doors, zones=zones, within_m=1.0)
    assert thefts.counts == {
        "incidents": len(data),
        "at_a_door": len(data),
        "known_to_the_block": 0,
        "no_door_near": 0,
    }
    none = gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (1, 0)])], crs=CRS)
    pairs = {"detect": sees(doors, porches(doors), none, level="detect")}
    rate = 0.2
    owners = {"independent_20": Owners((Independent(np.full(len(doors), rate)),))}
    found = incidents_in_view(thefts, doors, pairs, owners, zones=zones).set_index("of")
    # Plain: 1 - 0.8^k, k doors that see the porch of the door where each theft was planted.
    k = pairs["detect"].groupby("point")["door"].nunique().reindex(doors.index, fill_value=0).to_numpy()
    own = pairs["detect"].query("door == point")["door"]
    assert set(own) == set(doors.index)
    at = np.array([np.hypot(*(town.doors[["x", "y"]].to_numpy() - xy).T).argmin() for xy in projected(town.thefts)])
    assert found.loc["any door", "in_view"] == pytest.approx((1 - 0.8 ** k[at]).mean())
    assert found.loc["another door", "in_view"] == pytest.approx((1 - 0.8 ** (k[at] - 1)).mean())
    assert found.loc["any door", "in_view"] == pytest.approx(rate + (1 - rate) * found.loc["another door", "in_view"])
