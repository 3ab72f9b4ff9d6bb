"""A study's reported thefts as surfaces: over the plane, along streets, one window over the other, over dwellings.

A cell or a piece of street is shown where 5 incidents or more bear on it; a ratio where 5 of each window do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from doorview.errors import InputError
from doorview.overlays.bandwidth import check_publishable
from doorview.overlays.kde import kernel_density
from doorview.overlays.network_kde import NetworkDensity, StreetNetwork, network_density, network_scores, street_network
from doorview.overlays.network_support import reached_by
from doorview.overlays.publish import SMALLEST_BANDWIDTH_M, SMALLEST_COUNT, WITHHELD
from doorview.overlays.ratio import RatioSurface, dual_kde, window_ratio
from doorview.overlays.surface_grid import SurfaceGrid, cell_counts, surface_grid
from doorview.overlays.zone_rates import ALL
from doorview.study.incidents_section import surface_cell

if TYPE_CHECKING:
    from doorview.overlays.kde import Surface
    from doorview.overlays.prediction import Method
    from doorview.study.compute import Prepared
    from doorview.study.thefts_run import TheftsPlan, TheftsRun

__all__ = [
    "AROUND",
    "DWELLINGS",
    "STREETS_COLUMN",
    "RatioShown",
    "TheftSurfaces",
    "along_m",
    "published_density",
    "published_homes",
    "published_streets",
    "published_windows",
    "street_scores",
    "theft_surfaces",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

AROUND = 2.0
"""A surface is shown where 5 incidents or more lie within so many bandwidths: a free parameter. Elsewhere a lone bump
would point at its incident."""
DRAWS = 199
"""Draws behind a ratio: the least with which 1 in 200 can be told."""
DWELLINGS = 1000.0
"""Thefts over dwellings are told per so many, and year."""
_FINE = 6.0
"""Cells of a ratio, at least so many to a bandwidth: it is drawn 199 times."""
_MOST_VALUES = 20_000_000
"""Draws times cells: 160 MB."""
STREETS_COLUMN = "thefts_per_km_month"


@dataclass(frozen=True, eq=False)
class RatioShown:
    """A ratio that is fit to publish.

    `told` (rows, columns): over that of the whole area, or thefts per 1,000 dwellings and year; NaN where not shown.
    `above`, `below`: cells higher, or lower, than 97.5 % of the draws; of 100 cells, five are so by chance.
    """

    told: Floats
    above: Bools
    below: Bools
    found: RatioSurface


@dataclass(frozen=True, eq=False)
class TheftSurfaces:
    """Surfaces of the longer window; None where there is nothing to compute one from, or it was not asked for.

    Attributes
    ----------
    density
        Over the plane.
    streets
        Along streets, with columns `reached_by` (incidents whose kernel bears on the piece) and `inside` (its middle
        lies in the counted area).
    windows
        The short window over the rest of the long one, and how many incidents are in each.
    homes
        Incidents over dwellings.
    notes
        What could not be computed, and why.

    """

    density: Surface | None
    streets: NetworkDensity | None
    windows: RatioSurface | None
    homes: RatioSurface | None
    notes: tuple[str, ...]


def theft_surfaces(ready: Prepared, plan: TheftsPlan, bandwidth_m: float | None) -> TheftSurfaces:
    """Return the surfaces of the longer window; all are None without a bandwidth."""
    if bandwidth_m is None:
        return TheftSurfaces(None, None, None, None, ())
    notes: list[str] = []
    xy = _xy(plan.recent)
    cell_m = surface_cell(plan.section, ready.study.coverage.cell_m)
    density = kernel_density(xy, surface_grid(ready.inside, cell_m), bandwidth_m=bandwidth_m)
    streets = _streets(ready, xy, bandwidth_m, notes)
    windows = homes = None
    if plan.section.ratios:
        grid = _ratio_grid(ready, cell_m, bandwidth_m)
        draws, seed = max(19, min(plan.section.replicates, DRAWS)), ready.study.study.seed
        short, long = plan.windows[0], plan.window
        late = short.holds(plan.recent["date"].to_numpy().astype("datetime64[D]"))
        rest = long.months - short.months
        if not rest > 0:
            notes.append(f"no ratio of windows: {short.name} leave nothing of the {long.name} before them")
        try:
            windows = None if not rest > 0 else window_ratio(
                xy[~late], xy[late], grid, bandwidth_m=bandwidth_m, months=(rest, short.months), replicates=draws,
                seed=seed,
            )  # fmt: skip
        except InputError as fault:
            notes.append(f"no ratio of windows: {fault}")
        try:
            homes = dual_kde(
                xy, ready.scene.door_xy, grid, bandwidth_m=bandwidth_m, dwellings=ready.door_table.dwellings,
                replicates=draws, seed=seed,
            )  # fmt: skip
        except InputError as fault:
            notes.append(f"no thefts over dwellings: {fault}")
    return TheftSurfaces(density, streets, windows, homes, tuple(notes))


def published_density(found: TheftsRun) -> Floats | None:
    """Return incidents per km2 and month (rows, columns), NaN where fewer than 5 lie around; None without a surface."""
    surface, plan = found.surfaces.density, found.plan
    if surface is None:
        return None
    check_publishable(surface.kernel, surface.bandwidth_m)
    shown = surface.grid.inside & (_around(_xy(plan.recent), surface.grid, surface.bandwidth_m) >= SMALLEST_COUNT)
    density: Floats = np.where(shown, surface.per_month(plan.window.months), np.nan)
    return density


def published_streets(found: TheftsRun) -> gpd.GeoDataFrame | None:
    """Return streets in the counted area with `thefts_per_km_month`, NaN where fewer than 5 bear on them; or None.

    Index `piece`; columns `osm_id`, `length_m`. Two digits: more would only serve to take the sum apart.
    """
    streets = found.surfaces.streets
    if streets is None or not _told(found) or streets.incidents < SMALLEST_COUNT:
        return None
    if streets.bandwidth_m < along_m(SMALLEST_BANDWIDTH_M) - 1e-6:
        raise InputError(
            f"a density along streets that ends at {streets.bandwidth_m:g} m points at homes: what is fit to publish "
            f"ends at {along_m(SMALLEST_BANDWIDTH_M):.0f} m or more."
        )
    lixels = streets.lixels[streets.lixels["inside"]]
    per_month = _digits(lixels["per_km"].to_numpy(np.float64) / found.plan.window.months)
    enough = lixels["reached_by"].to_numpy() >= SMALLEST_COUNT
    if not enough.any():
        return None
    return gpd.GeoDataFrame(
        {
            "osm_id": lixels["osm_id"].to_numpy(),
            "length_m": np.round(lixels["length_m"].to_numpy(), 1),
            STREETS_COLUMN: np.where(enough, per_month, np.nan),
        },
        geometry=lixels.geometry.to_numpy(),
        crs=lixels.crs,
        index=pd.RangeIndex(1, len(lixels) + 1, name="piece"),
    )


def published_windows(found: TheftsRun) -> RatioShown | None:
    """Return the short window over the rest of the long one, as it may be published; or None.

    Shown where 5 incidents of each lie around. The map tells how many the short window holds, so it is left out where
    the rates by zone withhold that number, or differ from it by 1 to 4.
    """
    ratio = found.surfaces.windows
    if ratio is None or not _told(found) or min(ratio.numerator, ratio.denominator) < SMALLEST_COUNT:
        return None
    short = found.plan.windows[0]
    if found.published is not None:
        rows = (found.published["zone"] == ALL) & (found.published["window"] == short.published)
        for word in found.published.loc[rows, "incidents"].astype(str):
            if not word.isdigit() or 0 < abs(int(word) - ratio.numerator) < SMALLEST_COUNT:
                return None
    recent = found.plan.recent
    late = short.holds(recent["date"].to_numpy().astype("datetime64[D]"))
    xy = _xy(recent)
    return _shown(ratio, ratio.relative, [xy[late], xy[~late]])


def published_homes(found: TheftsRun) -> RatioShown | None:
    """Return reported thefts per 1,000 dwellings and year, as they may be published; or None."""
    ratio = found.surfaces.homes
    if ratio is None or not _told(found):
        return None
    return _shown(ratio, ratio.ratio * DWELLINGS * 12.0 / found.plan.window.months, [_xy(found.plan.recent)])


def along_m(bandwidth_m: float) -> float:
    """Return where a quartic along a line ends [m] whose standard deviation is `bandwidth_m`: at its root of 7."""
    return bandwidth_m * math.sqrt(7.0)


def _told(found: TheftsRun) -> bool:
    """Say whether a surface may be published; where the number of incidents is withheld, it would add up to it."""
    return found.enough and found.number_words != WITHHELD


def _shown(ratio: RatioSurface, values: Floats, points: list[Floats]) -> RatioShown | None:
    check_publishable(ratio.kernel, ratio.bandwidth_m)
    shown = np.isfinite(ratio.relative)
    for xy in points:
        shown &= _around(xy, ratio.grid, ratio.bandwidth_m) >= SMALLEST_COUNT
    if not shown.any():
        return None
    with np.errstate(invalid="ignore"):
        above, below = shown & (ratio.relative > ratio.high), shown & (ratio.relative < ratio.low)
    return RatioShown(np.where(shown, _digits(values), np.nan), above, below, ratio)


def _digits(values: Floats) -> Floats:
    """Return values of two digits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        step = 10.0 ** (np.floor(np.log10(np.abs(values))) - 1)
        rounded: Floats = np.where(values == 0, 0.0, np.round(values / step) * step)
    return rounded


def _around(xy: Floats, grid: SurfaceGrid, bandwidth_m: float) -> Floats:
    """Return (rows, columns): incidents within two bandwidths of each cell, by the cells' centres."""
    reach = AROUND * bandwidth_m / grid.cell_m
    steps = np.arange(-int(reach), int(reach) + 1)
    disc = (steps[:, None] ** 2 + steps[None, :] ** 2 <= reach**2).astype(np.float64)
    around = np.rint(fftconvolve(cell_counts(xy, grid), disc, mode="full"))
    low = int(reach)
    found: Floats = around[low : low + grid.rows, low : low + grid.columns]
    return found


def _streets(ready: Prepared, xy: Floats, bandwidth_m: float, notes: list[str]) -> NetworkDensity | None:
    """Return the density along streets near the counted area, with what bears on each piece; or None."""
    reach = along_m(bandwidth_m)
    try:
        network = _network(ready, reach)
        found = network_density(xy, network, bandwidth_m=reach)
    except InputError as fault:
        notes.append(f"no density along streets: {fault}")
        return None
    if not found.incidents:
        notes.append("no density along streets: no incident lies within 100 m of a street")
        return None
    lixels = found.lixels
    middle = shapely.line_interpolate_point(lixels.geometry.to_numpy(), 0.5, normalized=True)
    shapely.prepare(ready.inside)
    inside = shapely.contains_properly(ready.inside, middle)
    return replace(found, lixels=lixels.assign(reached_by=reached_by(xy, network, found), inside=inside))


def street_scores(ready: Prepared, xy: Floats, bandwidth_m: float, notes: list[str]) -> Method | None:
    """Return the density along streets as a method of prediction; None where `xy`, what it learns from, gives none."""
    reach = along_m(bandwidth_m)
    try:
        network = _network(ready, reach)
        found = network_density(xy, network, bandwidth_m=reach)
    except InputError as fault:
        notes.append(f"no forecast along streets: {fault}")
        return None
    return network_scores(network, bandwidth_m=reach) if found.incidents else None


def _network(ready: Prepared, reach_m: float) -> StreetNetwork:
    """Return the streets that incidents of the counted area can be spread along."""
    ways = ready.city.ways
    return street_network(ways[shapely.dwithin(ways.geometry.to_numpy(), ready.inside, reach_m)])


def _ratio_grid(ready: Prepared, cell_m: float, bandwidth_m: float) -> SurfaceGrid:
    """Return a grid as fine as a ratio needs, whose cells are whole multiples of the other surfaces'."""
    times = max(1, math.floor(bandwidth_m / _FINE / cell_m))
    while True:
        grid = surface_grid(ready.inside, cell_m * times)
        if int(grid.inside.sum()) * DRAWS <= _MOST_VALUES:
            return grid
        times += 1


def _xy(incidents: gpd.GeoDataFrame) -> Floats:
    return np.asarray(shapely.get_coordinates(incidents.geometry.to_numpy()), np.float64).reshape(-1, 2)
