"""Whether a heat map tells where the next incidents are reported, and better than simple counts do.

A method scores the cells of a grid from the incidents of a training window; its hottest cells, as many as make up a
share of the area, are its forecast; the incidents of a later hold-out window are counted in it. All methods forecast
the same area. Cells of the National Institute of Justice's forecasting challenge are 62,500 to 360,000 square feet
(https://www.nij.gov/funding/Pages/fy16-crime-forecasting-challenge-faqs.aspx).

With n of N hold-out incidents in a forecast of a of A cells, and n1 of the N1 training incidents there:

- PAI = (n / N) / (a / A) (Chainey, Tompson and Uhlig 2008, Security Journal 21:4-28); 1 is no better than chance.
- PEI = n / n*, with n* the most that any a cells hold (the challenge's PEI*; White, Hunt and Green 2023, Security
  Journal: for the same area it is PAI over the best PAI); 1 is a perfect forecast.
- recapture = (n / N) / (n1 / N1), Levine's recapture rate index (2008, Security Journal 21:295-302); below 1 the
  concentration was partly that of the window alone.

Cells that tie at the edge of the forecast share its last places: each belongs to it with the same fraction, so that n
is the exact mean over all ways to break the tie, and a uniform score has a PAI of exactly 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray

from doorview.city.chances import check_seed
from doorview.errors import InputError
from doorview.overlays.intervals import Interval, Places, bootstrap_means, places_of, share_interval
from doorview.overlays.surface_grid import SurfaceGrid, cell_counts
from doorview.ownership.checks import Faults

__all__ = [
    "BASELINES",
    "COLUMNS",
    "NIJ_CELLS_M",
    "Forecast",
    "Method",
    "Prediction",
    "Span",
    "forecast_weights",
    "predict",
    "score_forecast",
    "within",
]

Floats = NDArray[np.float64]

COLUMNS = (
    *("method", "window", "cell_m", "area_share", "incidents", "pai", "pai_low", "pai_high", "pei", "recapture"),
)
NIJ_CELLS_M = (76.2, 121.92, 182.88)
"""Sides of 250, 400 and 600 feet: the least, a middle and the greatest cell of the challenge [m]."""
AREA_SHARES = (0.01, 0.03, 0.1)
BASELINES = ("counts", "uniform", "population")
TIE = 1e-9
"""Scores nearer to each other than this part of the largest are ties: the noise of a Fourier transform is no rank."""


Method = Callable[[Floats, SurfaceGrid], Floats]
"""(training xy (n, 2) [m], grid) -> scores (rows, columns), higher is hotter."""


class Span(NamedTuple):
    """Dates from `start` up to but not including `end`."""

    start: pd.Timestamp
    end: pd.Timestamp


class Forecast(NamedTuple):
    """A method's score on the hold-out.

    `caught` of the `incidents` held out lie in the forecast (a mean over ties); `area_share` is a / A.
    """

    area_share: float
    incidents: int
    caught: float
    pai: float
    interval: Interval
    pei: float
    recapture: float


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the hold-out says.

    table
        `prediction.csv`: `COLUMNS`; `incidents` are those held out in the counted area, on which the row rests.
    comparison
        A row per heat map (no baseline), window, cell and area: `difference` of its PAI from that of counts on the same
        incidents, its interval `low`, `high` (paired, by place), and `verdict`: better, not shown to be better, or no
        better than counts. `counted_share`: share of the area with an incident in training; a larger forecast is, for
        counts, partly drawn by lot, which is an easy thing to be better than.
    sentences
        The same in words, the sum of it first.
    counts
        Incidents read, without a date, in no window, outside the counted area, and used.

    """

    table: pd.DataFrame
    comparison: pd.DataFrame
    sentences: tuple[str, ...]
    counts: dict[str, int] = field(default_factory=dict)


def forecast_weights(scores: Floats, inside: NDArray[np.bool_], cells: int) -> Floats:
    """Return how much of each cell (rows, columns) the forecast of the hottest `cells` takes: 0, 1, or a tie's part.

    Raises
    ------
    InputError
        For scores of another shape or not finite, and more cells than there are.

    """
    scores = np.asarray(scores, dtype=np.float64)
    there = int(inside.sum())
    if scores.shape != inside.shape or not np.isfinite(scores[inside]).all():
        raise InputError(
            f"scores of shape {scores.shape} for a grid of {inside.shape}, or not finite inside it: a method must give "
            "one finite number for each cell, higher where it is hotter."
        )
    if not 1 <= cells <= there:
        raise InputError(f"a forecast of {cells} cells of {there}: take 1 at least and no more than there are.")
    hot = scores[inside]
    unit = TIE * float(np.abs(hot).max()) or 1.0
    hot = np.rint(hot / unit)
    cut = np.partition(hot, there - cells)[there - cells]
    above, tied = hot > cut, hot == cut
    weights = np.zeros(inside.shape)
    weights[inside] = above + tied * ((cells - int(above.sum())) / int(tied.sum()))
    return weights


def score_forecast(weights: Floats, grid: SurfaceGrid, train_xy: Floats, held_xy: Floats, places: Places) -> Forecast:
    """Return the scores of a forecast (`forecast_weights`) on incidents inside the counted area.

    Parameters
    ----------
    weights
        Part of each cell in the forecast (rows, columns).
    train_xy, held_xy
        Incidents of the training window and held out, (n, 2) [m]; those outside the counted area are left out.
    places
        Places of `held_xy` (`places_of`): the interval counts what hangs together once.

    Raises
    ------
    InputError
        If no incident is held out inside.

    """
    inside = grid.inside
    caught, held = _caught(weights, grid, held_xy)
    number = int(held.sum())
    if number == 0:
        raise InputError(
            "no incident of the hold-out lies in the counted area: nothing says how good the forecast is. Choose an "
            "earlier hold_out, or check the incidents' CRS."
        )
    chosen = round(float(weights.sum()))  # the parts of a tie add up to whole cells but for the last bit
    area = chosen / int(inside.sum())
    # A score that is the same everywhere catches a / A of all incidents, wherever they lie: nothing is left to chance.
    same = np.ptp(weights[inside]) == 0.0
    share = area if same else _mean(caught[held])
    ends = Interval(area, area) if same else share_interval(caught[held], _subset(places, held))
    most = np.sort(cell_counts(held_xy, grid)[inside])[::-1][:chosen].sum()
    trained, known = _caught(weights, grid, train_xy)
    before = _mean(trained[known]) if known.any() else 0.0
    return Forecast(
        area_share=area,
        incidents=number,
        caught=share * number,
        pai=share / area,
        interval=Interval(ends.low / area, ends.high / area),
        pei=share * number / float(most),
        recapture=share / before if before > 0 else float("nan"),
    )


def _caught(weights: Floats, grid: SurfaceGrid, xy: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return how much of each incident (n,) the forecast holds, and which lie in the counted area."""
    row, column = grid.cell_of(xy)
    held = grid.counted(xy)
    return np.where(held, weights[row, column], 0.0), held


def _mean(values: Floats) -> float:
    """Return a mean that does not depend on the order."""
    return float(np.sort(values).sum() / len(values))


def _subset(places: Places, held: NDArray[np.bool_]) -> Places:
    """Return the places of some of the incidents."""
    kept, of = np.unique(places.of[held], return_inverse=True)
    return Places(places.key[kept], of.astype(np.int64))


def predict(
    incidents: gpd.GeoDataFrame,
    methods: Mapping[str, Method],
    grids: Iterable[SurfaceGrid],
    *,
    hold_out: tuple[Any, Any],
    windows: Mapping[str, tuple[Any, Any]],
    area_shares: Iterable[float] = AREA_SHARES,
    population: tuple[Floats, ArrayLike] | None = None,
    seed: int = 0,
    replicates: int = 2000,
) -> Prediction:
    """Return how well each method tells where incidents are reported next, against the baselines.

    Parameters
    ----------
    incidents
        Points [m] with `date`, and `block` where the place is known to a block only.
    methods
        Heat maps by name. The baselines are added: `counts` (incidents in the cell), `uniform`, and `population`.
    grids
        Rasters of the counted area, one for each cell size, e.g. `NIJ_CELLS_M`; of one area.
    hold_out, windows
        Dates from the first up to but not including the second; training windows by name, all over before the hold-out.
    area_shares
        Shares of the area to forecast; each is rounded to whole cells, one at least, and printed as it came out.
    population
        Homes: (n, 2) [m], and how many there (n,); for the baseline of that name.
    seed, replicates
        Of the paired bootstrap of the differences.

    Raises
    ------
    InputError, StudyError
        For windows that reach into the hold-out, names of baselines, shares outside (0, 1], and nothing to score.

    """
    held_span, spans, shares = _checked(incidents, methods, hold_out, windows, area_shares, seed)
    xy = shapely.get_coordinates(np.asarray(incidents.geometry.array, dtype=object))
    date = pd.to_datetime(incidents["date"])
    held = within(date, held_span)
    block = incidents["block"].to_numpy(dtype=object)[held] if "block" in incidents.columns else None
    places = places_of(xy[held], block)
    every = {**_baselines(population), **methods}
    rows, compared, used, inside = [], [], held.copy(), np.zeros(len(xy), bool)
    for grid in grids:
        inside |= grid.counted(xy)
        sizes = sorted({max(1, round(share * int(grid.inside.sum()))) for share in shares})
        for name, span in spans.items():
            known = within(date, span)
            used |= known
            scores = {method: call(xy[known], grid) for method, call in every.items()}
            key = {"window": name, "cell_m": grid.cell_m}
            told = float((scores["counts"][grid.inside] > 0).mean())
            for cells in sizes:
                weights = {method: forecast_weights(score, grid.inside, cells) for method, score in scores.items()}
                for method, weight in weights.items():
                    found = score_forecast(weight, grid, xy[known], xy[held], places)
                    rows.append({"method": method, **key, **_row(found)})
                    if method in methods:
                        against = _against(weight, weights["counts"], grid, xy[held], places, seed, replicates)
                        compared.append(
                            {"method": method, **key, "area_share": found.area_share, **against, "counted_share": told}
                        )
    if not rows:
        raise InputError("predict: no grid, or no area share; give a grid of each cell size, and shares such as 0.03.")
    table = _ordered(pd.DataFrame(rows), tuple(every))[list(COLUMNS)]
    names = ("method", "window", "cell_m", "area_share", "difference", "low", "high", "verdict", "counted_share")
    comparison = _ordered(pd.DataFrame(compared, columns=list(names)), tuple(methods))
    counts = {
        "incidents": len(xy),
        "without_date": int(date.isna().sum()),
        "in_no_window": int((~used & date.notna()).sum()),
        "outside_area": int((used & ~inside).sum()),
        "held_out": int((held & inside).sum()),
    }
    return Prediction(table, comparison, _sentences(table, comparison), counts)


def _baselines(population: tuple[Floats, ArrayLike] | None) -> dict[str, Method]:
    found: dict[str, Method] = {
        "counts": cell_counts,
        "uniform": lambda _, grid: np.zeros(grid.inside.shape),
    }
    if population is not None:
        homes_xy, homes = population
        found["population"] = lambda _, grid: cell_counts(homes_xy, grid, homes)
    return found


def _checked(
    incidents: gpd.GeoDataFrame,
    methods: Mapping[str, Method],
    hold_out: tuple[Any, Any],
    windows: Mapping[str, tuple[Any, Any]],
    area_shares: Iterable[float],
    seed: int,
) -> tuple[Span, dict[str, Span], list[float]]:
    """Return hold-out, windows and shares; list all that is wrong with them."""
    faults = Faults("does the heat map predict")
    check_seed(seed)
    if "date" not in incidents.columns:
        faults.add("the incidents lack the column 'date': without dates no period can be held out.")
    taken = sorted(set(methods) & set(BASELINES))
    if taken:
        faults.add(f"the methods {taken} bear the name of a baseline, which is added anyway: name them otherwise.")
    held = _span(hold_out, "hold_out", faults)
    spans = {name: _span(window, f"window '{name}'", faults) for name, window in windows.items()}
    if not spans:
        faults.add("no training window: give one, e.g. windows={'12 months': ('2017-01-01', '2018-01-01')}.")
    for name, span in spans.items():
        if span.end > held.start:
            faults.add(
                f"window '{name}' ends {span.end:%Y-%m-%d}, after the hold-out begins ({held.start:%Y-%m-%d}): a "
                "method must not see what it is to foretell. End the window there or earlier."
            )
    shares = [float(share) for share in area_shares]
    wrong = [share for share in shares if not 0.0 < share <= 1.0]
    if wrong or not shares:
        faults.add(f"area_shares {wrong or shares}: each is a share of the counted area, above 0 and at most 1.")
    faults.refuse()
    return held, spans, shares


def _span(ends: tuple[Any, Any], what: str, faults: Faults) -> Span:
    """Return the dates; note what is no span."""
    try:
        start, end = (pd.Timestamp(item) for item in ends)
    except (TypeError, ValueError):
        start = end = pd.NaT
    if not start < end:
        faults.add(f"{what} is {ends!r}: give its first date and the date after its last, e.g. '2018-01-01'.")
        return Span(pd.Timestamp(0), pd.Timestamp(0))
    return Span(start, end)


def within(date: pd.Series, span: Span) -> NDArray[np.bool_]:
    """Return which dates (n,) lie in the span; a missing one does not."""
    found: NDArray[np.bool_] = ((date >= span.start) & (date < span.end)).to_numpy(dtype=bool)
    return found


def _row(found: Forecast) -> dict[str, float]:
    return {
        "area_share": found.area_share,
        "incidents": found.incidents,
        "pai": found.pai,
        "pai_low": found.interval.low,
        "pai_high": found.interval.high,
        "pei": found.pei,
        "recapture": found.recapture,
    }


def _against(
    weight: Floats, counts: Floats, grid: SurfaceGrid, xy: Floats, places: Places, seed: int, replicates: int
) -> dict[str, Any]:
    """Return the difference of a method's PAI from that of counts, with its interval and verdict."""
    mine, held = _caught(weight, grid, xy)
    theirs, _ = _caught(counts, grid, xy)
    area = round(float(weight.sum())) / int(grid.inside.sum())
    away = (mine - theirs)[held]
    difference = _mean(away) / area
    low, high = np.quantile(bootstrap_means(away, _subset(places, held), seed, replicates), (0.025, 0.975)) / area
    if difference <= 0.0:
        verdict = "no better than counts"
    else:
        verdict = "better than counts" if low > 0.0 else "not shown to be better than counts"
    return {"difference": difference, "low": float(low), "high": float(high), "verdict": verdict}


def _ordered(table: pd.DataFrame, methods: tuple[str, ...]) -> pd.DataFrame:
    """Return rows by cell, window, area and method, methods in their order."""
    rank = table["method"].map({name: place for place, name in enumerate(methods)})
    keyed = table.assign(_rank=rank).sort_values(["cell_m", "window", "area_share", "_rank"], kind="stable")
    return keyed.drop(columns="_rank").reset_index(drop=True)


def _sentences(table: pd.DataFrame, comparison: pd.DataFrame) -> tuple[str, ...]:
    """Return what the tables say in words: first for each heat map as a whole, then row by row."""
    held = int(table["incidents"].max())
    said = []
    for method, part in comparison.groupby("method", sort=False):
        better = int((part["verdict"] == "better than counts").sum())
        worse = int((part["verdict"] == "no better than counts").sum())
        said.append(
            f"{method}: better than simple counts beyond chance in {better} of {len(part)} comparisons, no better in "
            f"{worse}, on at most {held:,} reported thefts held out"
            + (
                ": the heat map is no better than counts."
                if not better
                else "; where no map is better, one comparison in forty looks so."
            )
        )
    keys = ["window", "cell_m", "area_share"]
    counts = table[table["method"] == "counts"].set_index(keys)["pai"]
    own = table.set_index(["method", *keys])
    for row in comparison.itertuples(index=False):
        key = (row.window, row.cell_m, row.area_share)
        mine = own.loc[(row.method, *key)]
        said.append(
            f"{row.method}, {row.window}, cells of {row.cell_m:g} m, {100 * row.area_share:.1f} % of the area: PAI "
            f"{mine.pai:.2f} ({mine.pai_low:.2f} to {mine.pai_high:.2f}), counts {counts[key]:.2f}; difference "
            f"{row.difference:+.2f} ({row.low:+.2f} to {row.high:+.2f}): {row.verdict}"
            + (
                f"; only {100 * row.counted_share:.1f} % of the area had an incident to count, the rest of counts' "
                "forecast is drawn by lot."
                if row.counted_share < row.area_share
                else "."
            )
        )
    return tuple(said)
