"""A ranked short list of hot spots: the sting's question, answered only where the answer is better than counting.

The list is of the forecast that was scored: the method's hottest cells in the training window, joined where they touch,
with what the hold-out says of it. It is for the user's own folder, never for publishing: its counts are exact.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from scipy import ndimage

from doorview.city.chances import keys_of
from doorview.errors import InputError
from doorview.overlays.prediction import Method, Prediction, Span, forecast_weights, within
from doorview.overlays.surface_grid import SurfaceGrid, cell_counts

__all__ = ["ShortList", "hot_cells", "short_list"]

BETTER = "better than counts"


class ShortList(NamedTuple):
    """Hot spots by rank, or None; and why."""

    table: gpd.GeoDataFrame | None
    reason: str


def hot_cells(scores: NDArray[np.float64], grid: SurfaceGrid, cells: int) -> NDArray[np.bool_]:
    """Return the hottest cells (rows, columns), whole ones: ties at the edge go by a hash of the cell's place."""
    weights = forecast_weights(scores, grid.inside, cells)
    chosen = weights >= 1.0
    tied = np.argwhere((weights > 0.0) & (weights < 1.0))
    if len(tied):
        first = round(grid.y0 / grid.cell_m), round(grid.x0 / grid.cell_m)
        names = [f"{first[0] + row}:{first[1] + column}" for row, column in tied.tolist()]
        row, column = tied[np.argsort(keys_of(names), kind="stable")[: cells - int(chosen.sum())]].T
        chosen[row, column] = True
    return chosen


def short_list(
    prediction: Prediction,
    incidents: gpd.GeoDataFrame,
    method: tuple[str, Method],
    grid: SurfaceGrid,
    *,
    hold_out: tuple[Any, Any],
    window: tuple[str, tuple[Any, Any]],
    area_share: float,
) -> ShortList:
    """Return the hot spots of a method by rank, or none where it does no better than counts.

    None, too, where it is ahead of counts by no more than chance: a list is an instruction to go somewhere.

    Parameters
    ----------
    prediction
        As from `predict` with this method, grid, window and area.
    incidents, grid, hold_out, area_share
        As given to `predict`.
    method, window
        Name and value, as in the mappings given to `predict`.

    Columns of the table: `rank` (by incidents of the training window, then by score), `cells`, `area_km2`, `incidents`
    in training, `held_out` incidents there in the hold-out, `pai` of this hot spot alone, and `list_pai`,
    `list_pai_low`, `list_pai_high`, `list_pei` of the whole list; geometry: cells that touch, also by a corner.

    Raises
    ------
    InputError
        If `prediction` holds no such row.

    """
    cells = max(1, round(area_share * int(grid.inside.sum())))
    name, call = method
    key = {"method": name, "window": window[0], "cell_m": grid.cell_m}
    share = cells / int(grid.inside.sum())
    row, verdict = _row(prediction.table, key, share), _row(prediction.comparison, key, share)
    if verdict["verdict"] != BETTER:
        return ShortList(
            None,
            f"no short list: {name} ({window[0]}, cells of {grid.cell_m:g} m, {100 * share:.1f} % of the area) is "
            f"{verdict['verdict']} on the incidents held out (difference of PAI {verdict['difference']:+.2f}, "
            f"{verdict['low']:+.2f} to {verdict['high']:+.2f}).",
        )
    xy = shapely.get_coordinates(np.asarray(incidents.geometry.array, dtype=object))
    date = pd.to_datetime(incidents["date"])
    trained, held = (
        cell_counts(xy[within(date, Span(*map(pd.Timestamp, ends)))], grid) for ends in (window[1], hold_out)
    )
    scores = np.asarray(call(xy[within(date, Span(*map(pd.Timestamp, window[1])))], grid), dtype=np.float64)
    label, number = ndimage.label(hot_cells(scores, grid, cells), structure=np.ones((3, 3)))
    found = []
    for spot in range(1, number + 1):
        part = label == spot
        size = int(part.sum())
        found.append(
            {
                "cells": size,
                "area_km2": size * grid.cell_km2,
                "incidents": int(trained[part].sum()),
                "held_out": int(held[part].sum()),
                "pai": float(held[part].sum() / held.sum() / (size / int(grid.inside.sum()))),
                "score": float(scores[part].max()),
                "geometry": _outline(part, grid),
            }
        )
    table = pd.DataFrame(found).sort_values(["incidents", "score"], ascending=False, kind="stable", ignore_index=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    for column in ("pai", "pai_low", "pai_high", "pei"):
        table[f"list_{column}"] = float(row[column])
    crs = None if incidents.crs is None else CRS.from_user_input(incidents.crs)
    listed = gpd.GeoDataFrame(table.drop(columns="score"), geometry="geometry", crs=crs)
    by_lot = (
        f" Counts had an incident on {100 * verdict['counted_share']:.1f} % of the area alone: the rest of their "
        "forecast is drawn by lot."
        if verdict["counted_share"] < share
        else ""
    )
    return ShortList(
        listed,
        f"{number} hot spots on {100 * share:.1f} % of the area by {name} ({window[0]}): PAI {row['pai']:.2f} "
        f"({row['pai_low']:.2f} to {row['pai_high']:.2f}) on {int(row['incidents'])} reported thefts held out, "
        f"{verdict['difference']:+.2f} ({verdict['low']:+.2f} to {verdict['high']:+.2f}) against simple counts."
        + by_lot,
    )


def _row(table: pd.DataFrame, key: dict[str, Any], area_share: float) -> pd.Series:
    """Return the one row of the key."""
    right = np.isclose(table["area_share"].astype(float), area_share, rtol=1e-9)
    for name, value in key.items():
        right &= (table[name] == value).to_numpy()
    if right.sum() != 1:
        raise InputError(
            f"short_list: the prediction has {right.sum()} rows for {key} and {100 * area_share:.2f} % of the area: "
            "run predict() with this method, window, grid and area share, and hand on what it returns."
        )
    return table[right].iloc[0]


def _outline(part: NDArray[np.bool_], grid: SurfaceGrid) -> shapely.Geometry:
    """Return the outline of cells [m]."""
    row, column = np.nonzero(part)
    west, south = grid.x0 + column * grid.cell_m, grid.y0 + row * grid.cell_m
    return shapely.union_all(shapely.box(west, south, west + grid.cell_m, south + grid.cell_m))
