"""Reported thefts by zone over two windows: counts, rates, rates smoothed by empirical Bayes, and ranks as ranges.

The map of 2018 coloured ZIP codes by package loss over 60 days and over 12 months (VICE, 9 July 2019,
https://www.vice.com/en/article/5978vd/amazon-provided-police-with-heat-maps-of-package-theft-for-sting-operation-cops).
A zone with few homes has a high or low rate by chance; Marshall's estimator (1991, doi 10.2307/2347593) draws each rate
towards the mean of all, the more the fewer homes it rests on.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import scipy.sparse as sp
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS
from scipy.stats import chi2, gamma, rankdata

from doorview.city.chances import check_seed, keys_of, uniform
from doorview.errors import InputError
from doorview.overlays.publish import FEWER, MONTH, SMALLEST_COUNT, WITHHELD, Withheld, count_words, withhold
from doorview.overlays.pysal_home import no_folder_at_home

__all__ = [
    "ALL",
    "DAYS_PER_MONTH",
    "Smoothed",
    "Window",
    "ZoneRates",
    "empirical_bayes",
    "publish_zone_rates",
    "rank_ranges",
    "windows_of",
    "zone_rates",
]

ALL = "all"
"""The id of the row of all zones together."""
DAYS_PER_MONTH = 365.2425 / 12
PER_THOUSAND = 1000.0
_LOW, _HIGH = 0.05, 0.95
"""Intervals hold 90 %."""
_BASES = {"dwelling": "per 1,000 dwellings and month", "parcel": "per 1,000 parcels delivered"}


@dataclass(frozen=True)
class Window:
    """A span of time, both days included."""

    name: str
    first: np.datetime64
    last: np.datetime64

    @property
    def days(self) -> int:
        """How many days."""
        return int((self.last - self.first).astype(np.int64)) + 1

    @property
    def months(self) -> float:
        """How many months of 365.2425 / 12 days."""
        return self.days / DAYS_PER_MONTH

    @property
    def published(self) -> str:
        """Its name with no date finer than a month."""
        return f"{self.name} to {pd.Timestamp(self.last).strftime(MONTH)}"

    def holds(self, dates: NDArray[np.datetime64]) -> NDArray[np.bool_]:
        """Return which dates lie in it; an unknown one (NaT) does not."""
        inside: NDArray[np.bool_] = (dates >= self.first) & (dates <= self.last)
        return inside


@dataclass(frozen=True)
class Smoothed:
    """Rates by empirical Bayes: `rate (n,)`, their `mean` and the `variance` between zones (0: no more than chance)."""

    rate: NDArray[np.float64]
    mean: float
    variance: float


@dataclass(frozen=True)
class ZoneRates:
    """Rates by zone (`table`), and what it takes to publish them.

    `cells` has a row for each zoning, zone and window; `parts (cells, atoms)` says what each is the sum of, for
    `doorview.overlays.publish.withhold`. `left_out`: reason -> incidents.
    `notes`: of windows that begin before the data do, or hold hardly anything.
    """

    table: pd.DataFrame
    cells: pd.DataFrame
    parts: sp.csr_array
    windows: tuple[Window, ...]
    left_out: dict[str, int]
    notes: tuple[str, ...]


def windows_of(dates: pd.Series, *, days: int = 60, months: int = 12, until: str | None = None) -> tuple[Window, ...]:
    """Return the last `days` days and the last `months` months of the data, the shorter first.

    Parameters
    ----------
    dates
        Of the incidents; unknown ones (NaT) are passed over.
    days, months
        Lengths.
    until
        The last day, e.g. ``2019-05-26``; left out: the last date there is.

    Raises
    ------
    InputError
        No incident has a date, or a length is under 1.

    """
    known = pd.to_datetime(dates).dropna()
    if known.empty:
        raise InputError(
            "windows: no incident has a date, so none lies in any window. Name the column of dates with "
            "columns={'date': ...}."
        )
    if days < 1 or months < 1:
        raise InputError(f"windows: {days} days and {months} months: both must be 1 or more.")
    try:
        last = pd.Timestamp(dt.date.fromisoformat(until)) if until else known.max().normalize()
    except ValueError as error:
        raise InputError(f"windows: until is {until!r}, which is no day. Write it as 2019-05-26.") from error
    year = Window(f"{months} months", _day(last - pd.DateOffset(months=months) + pd.Timedelta(days=1)), _day(last))
    short = Window(f"{days} days", _day(last - pd.Timedelta(days=days - 1)), _day(last))
    return tuple(sorted((short, year), key=lambda window: window.days))


def zone_rates(
    incidents: gpd.GeoDataFrame,
    zones: gpd.GeoDataFrame,
    windows: Sequence[Window],
    *,
    doors: gpd.GeoDataFrame | None = None,
    parcels: str | None = None,
    seed: int = 0,
    replicates: int = 1000,
) -> ZoneRates:
    """Return counts and rates by zone and window, as `ZoneRates`.

    Parameters
    ----------
    incidents
        As `doorview.overlays.incidents.read_incidents` gives them.
    zones
        Polygons in the same CRS with `zoning`, `zone` and, where known, `counted_dwellings`. They may overlap (an
        incident then counts in each) and have holes (what lies in one is outside).
    windows
        As `windows_of` gives them.
    doors
        Points with `dwellings`, for zonings without `counted_dwellings` in every zone.
    parcels
        Column of `zones` with the parcels delivered in a month.
    seed, replicates
        Of the simulated ranks; drawn by zone, whatever their order.

    Columns of the table: `zoning`, `zone` (the last row of a zoning is `all`), `window`, `per` (dwelling or parcel),
    `unit`, `incidents`, `exposure` (dwellings, or parcels a month), `rate`, `rate_low` and `rate_high` (exact Poisson,
    90 %; Garwood 1936), `rate_smoothed` (Marshall 1991, by esda), `rank` by it (1 the highest), `rank_low` and
    `rank_high` (90 %, `rank_ranges`), `note` where there is no rate, and `base`, what a rate divides by: exposure times
    months, in thousands.

    Raises
    ------
    InputError
        Another CRS, zones without ids or twice, no windows, nothing to divide by, numbers that are no counts.

    """
    check_seed(seed)
    _check(incidents, zones, windows, replicates)
    zones = zones.sort_values(["zoning", "zone"], kind="stable", ignore_index=True)
    dates = incidents["date"].to_numpy().astype("datetime64[D]")
    holds = _membership(zones, np.asarray(incidents.geometry.array, dtype=object))
    cells, parts = _cells(zones, holds, dates, windows, doors)
    exposures = {"dwelling": _dwellings(zones, doors)}
    if parcels is not None:
        exposures["parcel"] = _with_all(zones, _numbers(zones, parcels), None)
    if all(np.isnan(exposure).all() for exposure in exposures.values()):
        raise InputError(
            "zone rates: nobody says how many dwellings a zone has, so there is no rate. Give doors=find_doors(city), "
            "or zones with counted_dwellings."
        )
    parts_of_table = [
        _rates(cells, exposure, per, windows, seed, replicates)
        for per, exposure in exposures.items()
        if not np.isnan(exposure).all()
    ]
    table = pd.concat(parts_of_table, ignore_index=True)
    return ZoneRates(table, cells, parts, tuple(windows), _left_out(holds, dates, zones), _notes(dates, windows))


def empirical_bayes(events: ArrayLike, exposure: ArrayLike) -> Smoothed:
    """Return rates drawn towards their mean (Marshall 1991, equations 2 to 5; `esda.smoothing.Empirical_Bayes`).

    With rates r, mean m = sum e / sum b and variance A = sum b (r - m)^2 / sum b - m / mean b, each becomes
    m + (r - m) A / (A + m / b). Marshall sets A to 0 where it comes out negative, so that all rates are the mean; esda
    does not, and would turn their order round, so it is asked only where A is positive.

    Parameters
    ----------
    events, exposure
        (n,) counts and what they are divided by, all above 0.

    """
    e, b = np.asarray(events, dtype=np.float64), np.asarray(exposure, dtype=np.float64)
    if not len(e):
        return Smoothed(np.empty(0), float("nan"), 0.0)
    mean = float(e.sum() / b.sum())
    variance = float((b * (e / b - mean) ** 2).sum() / b.sum() - mean / b.mean())
    if not (variance > 0 and mean > 0):
        return Smoothed(np.full(len(e), mean), mean, 0.0)
    with no_folder_at_home():
        from esda.smoothing import Empirical_Bayes  # slow to import

    return Smoothed(np.asarray(Empirical_Bayes(e, b).r, dtype=np.float64).ravel(), mean, variance)


def rank_ranges(
    events: ArrayLike, exposure: ArrayLike, smoothed: Smoothed, keys: Sequence[str], *, seed: int, replicates: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the lowest and highest rank (1 the highest rate) of each zone in 90 % of draws, each (n,).

    Drawn from a gamma distribution with shape e + m^2 / A and rate b + m / A, whose mean is the smoothed rate itself:
    the posterior of a Poisson count under a gamma prior with Marshall's mean m and variance A, both taken as known, so
    that the true range is somewhat wider. Without variance between zones (A = 0) every zone may have any rank.

    Parameters
    ----------
    events, exposure
        As `empirical_bayes` takes them.
    smoothed
        What it gave.
    keys
        (n,) names that the draws depend on, with the seed.
    seed, replicates
        Of the draws.

    """
    e, b = np.asarray(events, dtype=np.float64), np.asarray(exposure, dtype=np.float64)
    n = len(e)
    if smoothed.variance <= 0 or not n:
        return np.ones(n, np.int64), np.full(n, n, np.int64)
    hashed = keys_of(keys)
    chance = np.column_stack([uniform(hashed, seed, counter) for counter in range(replicates)])
    prior = smoothed.mean / smoothed.variance
    drawn = gamma.ppf(chance, (e + smoothed.mean * prior)[:, None], scale=(1.0 / (b + prior))[:, None])
    ranks = rankdata(-drawn, method="min", axis=0)
    low = np.quantile(ranks, _LOW, axis=1, method="inverted_cdf").astype(np.int64)
    high = np.quantile(ranks, _HIGH, axis=1, method="inverted_cdf").astype(np.int64)
    return low, high


def publish_zone_rates(
    result: ZoneRates, *, seed: int = 0, replicates: int = 1000, total: int | None = None, beyond: bool = True
) -> pd.DataFrame:
    """Return the table that is fit to publish: counts under 5 and what would give them away are withheld.

    `incidents` are words (`fewer than 5`, `withheld`, or the number), windows end in a month. A withheld count has no
    rate, smoothed rate or rank, for each of them gives it away; and the smoothed rates and ranks of the rest are
    computed **from the rest alone**, for the mean and variance of all zones are functions of the counts withheld. So
    they are drawn to the mean of the zones shown, which is above that of all, and ranks are among those shown.

    Where the number of incidents in the longest window stands elsewhere (on a map, 5 or more), give it as `total`, and
    whether some of them may lie `beyond` all zones: it takes part in what a reader could work out.
    """
    withheld = _withheld(result, total, beyond=beyond)
    words = count_words(result.cells["incidents"].to_numpy(), withheld)
    keys = ["zoning", "zone", "window"]
    said = result.cells[keys].assign(words=words, hidden=withheld.all)
    table = result.table.merge(said, on=keys, how="left", validate="many_to_one")
    hidden = table["hidden"].to_numpy(bool)
    for rows in table.groupby(["per", "zoning", "window"], sort=False).indices.values():
        part = table.loc[rows]
        shown = part[~part["hidden"]]
        table.loc[shown.index, _ESTIMATES] = _estimates(shown, seed, replicates)[_ESTIMATES].to_numpy()
    table[_NUMBERS] = table[_NUMBERS].mask(np.repeat(hidden[:, None], len(_NUMBERS), axis=1))
    table.loc[hidden, "note"] = np.where(table.loc[hidden, "words"] == WITHHELD, "protects a smaller count", "")
    table["incidents"] = table["words"].astype(object)
    names = {window.name: window.published for window in result.windows}
    table["window"] = table["window"].map(names)
    return table.drop(columns=["words", "hidden", "base"])


def _withheld(result: ZoneRates, total: int | None, *, beyond: bool) -> Withheld:
    """Return which cells to withhold; a `total` published elsewhere is one more cell, which stands in any case."""
    counts = result.cells["incidents"].to_numpy()
    if total is None:
        return withhold(counts, result.parts)
    # All windows end on the same day, so that the longest holds every atom; what lies beyond all zones is one more.
    parts = sp.vstack([result.parts, np.ones((1, result.parts.shape[1]))], format="csr")
    if beyond:
        parts = sp.hstack([parts, np.eye(parts.shape[0])[:, -1:]], format="csr")
    found = withhold([*counts.tolist(), total], parts, known=[len(counts)])
    return Withheld(found.small[:-1], found.other[:-1])


_ESTIMATES = ["rate_smoothed", "rank", "rank_low", "rank_high"]
_NUMBERS = ["rate", "rate_low", "rate_high", *_ESTIMATES]


# ---- what is counted ------------------------------------------------------------------------------------------------


def _day(stamp: pd.Timestamp) -> np.datetime64:
    return np.datetime64(stamp.date(), "D")


def _check(incidents: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, windows: Sequence[Window], replicates: int) -> None:
    if zones.crs is None or incidents.crs is None or CRS.from_user_input(zones.crs) != incidents.crs:
        raise InputError("zone rates: zones and incidents are in different CRSs. Use zones.to_crs(incidents.crs).")
    missing = [name for name in ("zoning", "zone") if name not in zones.columns]
    if missing:
        raise InputError(f"zone rates: the zones lack {missing}; take them from read_zones, or name them so.")
    if zones[["zoning", "zone"]].duplicated().any() or (zones["zone"] == ALL).any():
        raise InputError(
            f"zone rates: a zone's id stands twice, or is '{ALL}', which means all zones. Dissolve the zones by id, or "
            "give others."
        )
    names = [window.name for window in windows]
    if not names or len(set(names)) < len(names):
        raise InputError("zone rates: windows are missing or share a name; take them from windows_of(dates).")
    if replicates < 1:
        raise InputError(f"zone rates: replicates is {replicates}; ranks take 1 or more, e.g. 1000.")


def _membership(zones: gpd.GeoDataFrame, points: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return (points, zones): whether each lies in each; on a border between two, in both."""
    holds = np.zeros((len(points), len(zones)), bool)
    if len(points):
        zone, point = shapely.STRtree(points).query(np.asarray(zones.geometry.array), predicate="intersects")
        holds[point, zone] = True
    return holds


def _cells(
    zones: gpd.GeoDataFrame,
    holds: NDArray[np.bool_],
    dates: NDArray[np.datetime64],
    windows: Sequence[Window],
    doors: gpd.GeoDataFrame | None,
) -> tuple[pd.DataFrame, sp.csr_array]:
    """Return the incidents of each zoning, zone and window, and what each cell is the sum of.

    An atom is a set of zones that a place can lie in (as any incident, door or a point inside a zone shows) times a
    slice of time between the ends of windows.
    """
    known = [holds, _membership(zones, np.asarray(zones.geometry.representative_point().array, dtype=object))]
    if doors is not None:
        known.append(_membership(zones, np.asarray(doors.geometry.array, dtype=object)))
    places = np.unique(np.vstack(known), axis=0)
    edges = sorted({window.first for window in windows} | {window.last + 1 for window in windows})
    slices = [Window("", first, after - 1) for first, after in itertools.pairwise(edges)]
    inside = np.array([[w.first <= s.first and s.last <= w.last for s in slices] for w in windows])
    rows, parts = [], []
    for zoning, members in zones.groupby("zoning", sort=True).indices.items():
        groups = [(str(zones["zone"].iloc[i]), [i]) for i in members] + [(ALL, list(members))]
        for window, its_slices in zip(windows, inside, strict=True):
            now = window.holds(dates)
            for zone, columns in groups:
                count = int((holds[:, columns].any(axis=1) & now).sum())
                rows.append((zoning, zone, window.name, count))
                parts.append(np.outer(places[:, columns].any(axis=1), its_slices).ravel())
    cells = pd.DataFrame(rows, columns=["zoning", "zone", "window", "incidents"])
    return cells, sp.csr_array(np.array(parts, dtype=np.float64))


def _left_out(holds: NDArray[np.bool_], dates: NDArray[np.datetime64], zones: gpd.GeoDataFrame) -> dict[str, int]:
    counts = {"without a date": int(np.isnat(dates).sum())}
    for zoning, members in zones.groupby("zoning", sort=True).indices.items():
        number = holds[:, members].sum(axis=1)
        counts[f"in no zone of {zoning}"] = int((number == 0).sum())
        counts[f"in several zones of {zoning}, counted in each"] = int((number > 1).sum())
    return {reason: count for reason, count in counts.items() if count}


def _notes(dates: NDArray[np.datetime64], windows: Sequence[Window]) -> tuple[str, ...]:
    """Return what to say of windows that the data do not fill."""
    known = dates[~np.isnat(dates)]
    notes = []
    for window in windows:
        if len(known) and known.min() > window.first:
            notes.append(
                f"{window.published}: the data begin in {pd.Timestamp(known.min()).strftime(MONTH)}, within it; rates "
                "divide by the whole window, so they may be too low"
            )
        if window.holds(dates).sum() < SMALLEST_COUNT:
            notes.append(f"{window.published}: {FEWER} incidents in all; is the last date right? Else give until")
    return tuple(notes)


# ---- what is divided by ---------------------------------------------------------------------------------------------


def _numbers(zones: gpd.GeoDataFrame, column: str) -> NDArray[np.float64]:
    """Return a user's column as numbers of 0 or more, NaN where empty."""
    if column not in zones.columns:
        raise InputError(f"zone rates: the zones have no column '{column}'. They have: {', '.join(map(str, zones))}.")
    values = pd.to_numeric(zones[column], errors="coerce")
    wrong = (values.isna() & zones[column].notna()) | (values < 0) | np.isinf(values)
    if wrong.any():
        raise InputError(
            f"zone rates: column '{column}' holds {zones[column][wrong].iloc[0]!r}, which is no count. Give numbers of "
            "0 or more, or leave the cell empty."
        )
    numbers: NDArray[np.float64] = values.to_numpy(np.float64)
    return numbers


def _dwellings(zones: gpd.GeoDataFrame, doors: gpd.GeoDataFrame | None) -> NDArray[np.float64]:
    """Return the dwellings of each zone, then of each zoning's `all`: counted where every zone has it, else doors'."""
    counted = np.full(len(zones), np.nan)
    if "counted_dwellings" in zones.columns:
        counted = _numbers(zones, "counted_dwellings")
    if doors is None:
        return _with_all(zones, counted, None)
    if CRS.from_user_input(doors.crs) != zones.crs:
        raise InputError("zone rates: doors and zones are in different CRSs. Use doors.to_crs(zones.crs).")
    holds = _membership(zones, np.asarray(doors.geometry.array, dtype=object))
    homes = doors["dwellings"].to_numpy(np.float64) if "dwellings" in doors.columns else np.ones(len(doors))
    return _with_all(zones, counted, (holds, homes))


def _with_all(
    zones: gpd.GeoDataFrame,
    given: NDArray[np.float64],
    found: tuple[NDArray[np.bool_], NDArray[np.float64]] | None,
) -> NDArray[np.float64]:
    """Return exposures in the order of a window's cells: each zoning's zones, then `all` (NaN where they overlap)."""
    parts: list[ArrayLike] = []
    for members in zones.groupby("zoning", sort=True).indices.values():
        own = given[members]
        if np.isnan(own).any() and found is not None:
            holds, homes = found
            parts += [homes @ holds[:, members], [homes @ holds[:, members].any(axis=1)]]
            continue
        shapes = np.asarray(zones.geometry.array, dtype=object)[members]
        apart = shapely.area(shapely.union_all(shapes)) >= shapely.area(shapes).sum() * (1 - 1e-6)
        parts += [own, [own.sum() if apart else np.nan]]
    return np.concatenate([np.asarray(part, dtype=np.float64) for part in parts])


# ---- rates ----------------------------------------------------------------------------------------------------------


def _rates(
    cells: pd.DataFrame,
    exposure: NDArray[np.float64],
    per: str,
    windows: Sequence[Window],
    seed: int,
    replicates: int,
) -> pd.DataFrame:
    """Return the table of one denominator; `exposure` stands in the order of zonings and zones."""
    table = cells.assign(per=per, unit=_BASES[per])
    months = table["window"].map({window.name: window.months for window in windows}).to_numpy(np.float64)
    place = table.groupby(["zoning", "zone"], sort=False).ngroup().to_numpy()
    table["exposure"] = exposure[place]
    base = np.where(table["exposure"] > 0, table["exposure"], np.nan) * months / PER_THOUSAND
    e = table["incidents"].to_numpy(np.float64)
    table["base"] = base
    table["rate"] = e / base
    table["rate_low"] = np.where(e > 0, chi2.ppf(_LOW, 2 * np.maximum(e, 1)) / 2, 0.0) / base
    table["rate_high"] = chi2.ppf(_HIGH, 2 * (e + 1)) / 2 / base
    table["note"] = np.where(
        table["exposure"] > 0, "", np.where(table["exposure"] == 0, f"no {per}s: no rate", f"{per}s not known: no rate")
    )
    parts = [_estimates(group, seed, replicates) for _, group in table.groupby(["zoning", "window"], sort=False)]
    table = pd.concat(parts).sort_index()
    first = ["zoning", "zone", "window", "per", "unit", "incidents", "exposure", *_NUMBERS, "note"]
    return table[[*first, "base"]]


def _estimates(group: pd.DataFrame, seed: int, replicates: int) -> pd.DataFrame:
    """Return a zoning's rows of one window with smoothed rates and ranks of the zones that have a rate."""
    result = group.assign(**dict.fromkeys(_ESTIMATES, np.nan))
    rated = group[(group["base"] > 0) & (group["zone"] != ALL)]
    if rated.empty:
        return result
    e, b = rated["incidents"].to_numpy(np.float64), rated["base"].to_numpy(np.float64)
    smoothed = empirical_bayes(e, b)
    keys = ["\n".join(row) for row in rated[["zoning", "zone", "window", "per"]].itertuples(index=False)]
    low, high = rank_ranges(e, b, smoothed, keys, seed=seed, replicates=replicates)
    result.loc[rated.index, "rate_smoothed"] = smoothed.rate
    result.loc[rated.index, "rank"] = rankdata(-smoothed.rate, method="min")
    result.loc[rated.index, "rank_low"] = low
    result.loc[rated.index, "rank_high"] = high
    return result
