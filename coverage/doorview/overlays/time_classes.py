"""Hot spots over time: persistent, emerging, intermittent, former.

Each period is tested by itself, then each cell is classed by the periods in which it was hot. The classes, in our
words, with the figures that R's sfhotspot takes by default (hotspot_prop 0.1, recent_prop 0.2, persistent_prop 0.8,
https://rdrr.io/cran/sfhotspot/man/hotspot_classify_params.html). The last fifth of the periods, rounded up, is
*recent*, the rest *earlier*; a cell **was hot** earlier if it was so in at least one period and a tenth of them.

- **persistent**: hot in at least 80 % of all periods, and recently. ArcGIS asks for 90 % of the time steps, and splits
  these by the trend of their z into intensifying, persistent and diminishing; a dozen periods of few thefts bear no
  such trend.
- **emerging**: hot recently, but was not hot earlier (ArcGIS: new and consecutive hot spots).
- **intermittent**: hot recently, and was hot earlier, though not persistent (ArcGIS: sporadic and oscillating).
- **former**: not hot recently, but was hot earlier (ArcGIS: historical, which asks for 90 %).
- **none**: all else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from doorview.errors import InputError
from doorview.overlays.hotspots import HotSpots, gi_star
from doorview.overlays.surface_grid import SurfaceGrid, xy_array

__all__ = ["CLASSES", "HotSpotClasses", "classify", "hot_spot_classes", "periods"]

CLASSES = ("none", "persistent", "emerging", "intermittent", "former")
"""In the order of their numbers, 0 to 4."""
PERSISTENT, RECENT, EVER = 0.8, 0.2, 0.1
FEWEST_PERIODS = 3


@dataclass(frozen=True, eq=False)
class HotSpotClasses:
    """Cells classed over time.

    `classes` (rows, columns) int8 numbers `CLASSES`, -1 outside the counted area; `hot` (periods, rows, columns);
    `table` has a row per period: `period` (its months), `incidents`, `hot_cells`. `counts` says what was left out.
    """

    classes: NDArray[np.int8]
    hot: NDArray[np.bool_]
    table: pd.DataFrame
    grid: SurfaceGrid
    counts: dict[str, int]

    def area_km2(self) -> dict[str, float]:
        """Return the area of each class [km2]."""
        return {name: int((self.classes == number).sum()) * self.grid.cell_km2 for number, name in enumerate(CLASSES)}


def periods(date: pd.Series, months: int = 6) -> tuple[NDArray[np.int64], list[str]]:
    """Return the period of each date, counted from 0 (-1 without a date), and the periods' names.

    Periods of whole months end with the last month that has an incident; what is older than the first whole period is
    left out (-1 too), so that no period is shorter than the others. A last month that has only begun makes its period
    look calmer: cut the data before.

    Raises
    ------
    InputError
        For months under 1, or fewer than three whole periods.

    """
    if isinstance(months, bool) or int(months) != months or months < 1:
        raise InputError(f"months is {months!r}: a period has 1 or more whole months; nothing finer is published.")
    when = pd.to_datetime(date)
    month = (when.dt.year * 12 + when.dt.month - 1).to_numpy(np.float64, na_value=np.nan)
    if np.isnan(month).all():
        raise InputError("No incident has a date: classes over time need dates. Name the column of dates.")
    last, first = int(np.nanmax(month)), int(np.nanmin(month))
    number = (last - first + 1) // int(months)
    if number < FEWEST_PERIODS:
        raise InputError(
            f"The incidents span {last - first + 1} months, {number} periods of {months}: classes over time need at "
            f"least {FEWEST_PERIODS}. Give fewer months to a period."
        )
    start = last + 1 - number * int(months)
    known = ~np.isnan(month)
    found = np.full(len(month), -1, np.int64)
    found[known] = np.maximum(-1, (month[known].astype(np.int64) - start) // int(months))
    ends = [(start + n * int(months), start + (n + 1) * int(months) - 1) for n in range(number)]
    return found, [f"{_month(a)}" if a == b else f"{_month(a)} to {_month(b)}" for a, b in ends]


def hot_spot_classes(
    xy: ArrayLike,
    date: pd.Series,
    grid: SurfaceGrid,
    *,
    months: int = 6,
    method: Callable[[ArrayLike, SurfaceGrid], HotSpots] = gi_star,
) -> HotSpotClasses:
    """Test each period by itself and class each cell; see the module.

    Parameters
    ----------
    xy
        (n, 2) places of incidents [m].
    date
        (n,) their dates; NaT is left out, and counted.
    grid
        Cells in the NIJ range.
    months
        Length of a period. Too short, and no period has enough incidents to find anything.
    method
        `gi_star`, `local_moran`, or either with another rate.

    Raises
    ------
    InputError
        As `periods`, and where points and dates are not as many.

    """
    points = xy_array(xy)
    if len(points) != len(date):
        raise InputError(f"{len(points)} places and {len(date)} dates: each incident needs one of both (NaT: unknown).")
    period, names = periods(date, months)
    found = [method(points[period == n], grid) for n in range(len(names))]
    hot = np.stack([each.hot for each in found])
    table = pd.DataFrame(
        {
            "period": names,
            "incidents": [each.incidents for each in found],
            "hot_cells": [int(each.hot.sum()) for each in found],
        }
    )
    undated = int(date.isna().sum())
    counts = {
        "without a date": undated,
        "before the first whole period": int((period < 0).sum()) - undated,
        "outside the counted area": sum(each.left_out for each in found),
    }
    classes = np.where(grid.inside, classify(hot), -1).astype(np.int8)
    return HotSpotClasses(classes, hot, table, grid, counts)


def classify(hot: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Return the number in `CLASSES` of each cell, from (periods, ...) in time order: was it hot."""
    number = len(hot)
    if number < FEWEST_PERIODS:
        raise InputError(f"{number} periods: classes over time need at least {FEWEST_PERIODS}.")
    recent = math.ceil(RECENT * number - 1e-9)
    times, earlier = hot.sum(axis=0), hot[: number - recent].sum(axis=0)
    now = hot[number - recent :].any(axis=0)
    before = earlier >= max(1.0, EVER * (number - recent) - 1e-9)
    persistent = now & (times >= PERSISTENT * number - 1e-9)
    found = np.select([persistent, now & ~before, now & before, ~now & before], [1, 2, 3, 4], 0)
    return found.astype(np.int8)


def _month(number: int) -> str:
    return f"{number // 12:04d}-{number % 12 + 1:02d}"
