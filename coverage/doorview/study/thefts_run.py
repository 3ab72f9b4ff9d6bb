"""A study's reported thefts computed: rates by zone, surface, hot spots, hold-out, and what cameras have in view.

Nothing here is fit to publish as it stands: `thefts_files` writes what is, and the rest into `working/`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.errors import InputError
from doorview.overlays.bandwidth import Bandwidth, cross_validated, rule_of_thumb
from doorview.overlays.hotspots import HotSpots, gi_star, gi_star_scores, local_moran, local_moran_scores
from doorview.overlays.kde import Surface, kde_scores
from doorview.overlays.over_coverage import (
    giveaway_change,
    incidents_in_view,
    over_assumptions,
    place_thefts,
    porches,
)
from doorview.overlays.prediction import NIJ_CELLS_M, Method, Prediction, predict
from doorview.overlays.publish import FEWER, SMALLEST_COUNT, WITHHELD
from doorview.overlays.short_list import ShortList, short_list
from doorview.overlays.surface_grid import SurfaceGrid, surface_grid
from doorview.overlays.time_classes import HotSpotClasses, hot_spot_classes
from doorview.overlays.zone_rates import Window, ZoneRates, publish_zone_rates, windows_of, zone_rates
from doorview.ownership.union import Owners
from doorview.study.alerts_run import seen_places
from doorview.study.incidents_section import IncidentsSection
from doorview.study.owners import without_rules_words
from doorview.study.thefts_hotspots import HotGround, hot_ground
from doorview.study.thefts_surfaces import TheftSurfaces, street_scores, theft_surfaces
from doorview.study.zones import COLUMN

if TYPE_CHECKING:
    from doorview.ownership.scenario import Scenario
    from doorview.study.compute import Prepared

__all__ = ["LISTED", "OUT_M", "TheftsPlan", "TheftsRun", "thefts_plan", "thefts_run"]

Floats = NDArray[np.float64]

OUT_M = (1.0, 0.0, 2.0)
"""How far before its door a parcel lies [m]: the first is printed, the others give the range. Free: no source says."""
LISTED = ("kde", NIJ_CELLS_M[1], 0.03)
"""Method, cell [m] and share of the area of the short list."""


@dataclass(frozen=True, eq=False)
class TheftsPlan:
    """What a study's incidents are, before anything slow.

    `incidents` as `read_incidents` gives them, in the counted area; `windows` the shorter first; `grid` of surfaces;
    `hold_out` first day and the day after the last, or None.
    """

    section: IncidentsSection
    incidents: gpd.GeoDataFrame
    windows: tuple[Window, ...]
    grid: SurfaceGrid
    hold_out: tuple[pd.Timestamp, pd.Timestamp] | None

    @property
    def window(self) -> Window:
        """The longer window: that of surface, hot spots and what is in view."""
        return self.windows[-1]

    @property
    def recent(self) -> gpd.GeoDataFrame:
        """The incidents of the longer window."""
        return self.incidents[self.window.holds(_days(self.incidents))]


@dataclass(frozen=True, eq=False)
class TheftsRun:
    """What the reported thefts of a study come to; None where there is nothing to compute it from.

    Attributes
    ----------
    plan
        The incidents and windows.
    bandwidth, surfaces
        How surfaces were smoothed, and the surfaces of the longer window.
    hot, moran, over_time
        Gi* and local Moran's I in the longer window, and classes over all half-years, where there are three or more.
    ground
        Outlines of hot spots and the share of their public ground in view.
    rates
        By zone, over both windows.
    prediction, listed
        Scores on the hold-out, and the short list or why there is none.
    in_view, change
        Incidents in view by level and scenario, exact counts; what giveaways change.
    placed
        How many incidents were placed at doors, by how exactly.
    published, number_words
        Rates by zone that are fit to publish, and the number of incidents in the longer window: words where it, or
        what zones say beside it, would give a count under 5 away.
    notes
        What could not be computed, and why.

    """

    plan: TheftsPlan
    bandwidth: Bandwidth | None
    surfaces: TheftSurfaces
    hot: HotSpots
    moran: HotSpots
    over_time: HotSpotClasses | None
    ground: HotGround
    rates: ZoneRates | None
    prediction: Prediction | None
    listed: ShortList | None
    in_view: pd.DataFrame
    change: pd.DataFrame | None
    placed: dict[str, int]
    published: pd.DataFrame | None
    number_words: str
    notes: tuple[str, ...]

    @property
    def surface(self) -> Surface | None:
        """The density [incidents per km2 over the longer window]."""
        return self.surfaces.density

    @property
    def number(self) -> int:
        """Incidents in the longer window."""
        return len(self.plan.recent)

    @property
    def enough(self) -> bool:
        """Whether there are so many that anything may be published."""
        return self.number >= SMALLEST_COUNT


def thefts_plan(ready: Prepared) -> TheftsPlan | None:
    """Return the study's incidents, read and checked, or None where it has none.

    Raises
    ------
    InputError, MissingFileError, UnknownNameError
        As `read_incidents`; where a window or the hold-out has no incident; for cells too large for the place.

    """
    section = ready.study.incidents
    if section is None:
        return None
    book = None
    if section.match_addresses:
        from doorview.overlays.addresses import address_book

        book = address_book(ready.city)
    zones = _zones(ready, section)
    one = None if zones is None else zones[zones["zoning"] == zones["zoning"].iloc[0]]
    incidents = section.read(ready.city.crs, inside=ready.inside, book=book, zones=one)
    windows = section.windows(incidents["date"])
    plan = TheftsPlan(section, incidents, windows, surface_grid(ready.inside, section.cell_m), None)
    if not len(plan.recent):
        raise InputError(
            f"incidents.until: no incident lies in the {section.months} months that end in {windows[-1].last}, so "
            "there is nothing to map. Give a day on which the data reach, or more months."
        )
    if section.hold_out_from is None:
        return plan
    first, after = pd.Timestamp(section.hold_out_from), pd.Timestamp(windows[-1].last) + pd.Timedelta(days=1)
    dates = incidents["date"]
    held, before = int(((dates >= first) & (dates < after)).sum()), int((dates < first).sum())
    if not held or not before:
        raise InputError(
            f"incidents.hold_out_from: {section.hold_out_from} leaves {before} incidents before it and {held} to hold "
            f"out, and a forecast needs both. The incidents run from {dates.min():%Y-%m} to {dates.max():%Y-%m}: "
            "give a day between."
        )
    return TheftsPlan(section, incidents, windows, plan.grid, (first, after))


def thefts_run(ready: Prepared, plan: TheftsPlan, scenarios: tuple[Scenario, ...]) -> TheftsRun:
    """Lay the incidents over the coverage; `scenarios` are those whose rules cut no view."""
    notes: list[str] = []
    recent = plan.recent
    xy = _xy(recent)
    bandwidth = _bandwidth(plan.section, xy, ready.study.study.seed, notes)
    surfaces = theft_surfaces(ready, plan, None if bandwidth is None else bandwidth.metres)
    notes += surfaces.notes
    hot, moran = gi_star(xy, plan.grid), local_moran(xy, plan.grid)
    over_time = None
    try:
        over_time = hot_spot_classes(_xy(plan.incidents), plan.incidents["date"], plan.grid)
    except InputError as fault:
        notes.append(f"no classes over time: {fault}")
    owners = _owners(ready, scenarios)
    ground = hot_ground(ready, (hot, moran), over_time, plan, owners)
    rates, beyond = _rates(ready, plan, notes)
    prediction, listed = _prediction(ready, plan, notes)
    in_view, placed = _in_view(ready, plan, hot, owners)
    published, words = _published(ready, plan, rates, notes, beyond=beyond)
    return TheftsRun(
        plan, bandwidth, surfaces, hot, moran, over_time, ground, rates, prediction, listed, in_view,
        _change(ready, in_view, owners), placed, published, words, tuple(notes),
    )  # fmt: skip


def _xy(incidents: gpd.GeoDataFrame) -> Floats:
    return np.asarray(shapely.get_coordinates(incidents.geometry.to_numpy()), np.float64).reshape(-1, 2)


def _days(incidents: gpd.GeoDataFrame) -> NDArray[np.datetime64]:
    days: NDArray[np.datetime64] = incidents["date"].to_numpy().astype("datetime64[D]")
    return days


def _bandwidth(section: IncidentsSection, xy: Floats, seed: int, notes: list[str]) -> Bandwidth | None:
    """Return the bandwidth of a surface, or None where the incidents have no spread that a rule could follow."""
    if section.bandwidth_m is not None:
        return Bandwidth(section.bandwidth_m, "given in the study file")
    if len(np.unique(xy, axis=0)) < 2:
        notes.append(f"no surface: {len(xy)} incidents at one place have no spread; give bandwidth_m for one")
        return None
    if section.bandwidth_rule == "likelihood":
        return cross_validated(xy, seed=seed)
    return rule_of_thumb(xy, section.bandwidth_rule)


def _zones(ready: Prepared, section: IncidentsSection) -> gpd.GeoDataFrame | None:
    """Return the zones that rates are told by, whole."""
    if ready.zones is None:
        return None
    zones = ready.zones
    return zones if section.zoning is None else zones[zones["zoning"] == section.zoning].reset_index(drop=True)


def _rates(ready: Prepared, plan: TheftsPlan, notes: list[str]) -> tuple[ZoneRates | None, bool]:
    """Return rates by zone, of what of each lies in the counted area, and whether incidents may lie beyond all zones.

    Incidents are counted there alone. The user's dwellings and parcels are of whole zones, so they are left where the
    counted area cuts any zone of the set: then dwellings are those of the doors found there.
    """
    zones = _zones(ready, plan.section)
    if zones is None:
        return None, True
    whole = shapely.area(zones.geometry.to_numpy())
    zones = zones.set_geometry(shapely.intersection(zones.geometry.to_numpy(), ready.inside))
    kept = shapely.area(zones.geometry.to_numpy())
    cut = kept < 0.999 * whole
    parcels = None if plan.section.parcels is None else COLUMN + plan.section.parcels
    for zoning in dict.fromkeys(zones.loc[cut, "zoning"]):
        rows = zones["zoning"] == zoning
        given = bool(zones.loc[rows, "counted_dwellings"].notna().any())
        zones.loc[rows, "counted_dwellings"] = np.nan
        if parcels is not None:
            zones.loc[cut & rows, parcels] = np.nan
        notes.append(
            f"rates of {zoning}: {int((cut & rows).sum())} zones reach beyond the counted area"
            + (", so that dwellings are those found behind doors, not the zones' own count" if given else "")
        )
    zones = zones[kept > 0].reset_index(drop=True)
    rates = zone_rates(
        plan.incidents,
        zones,
        plan.windows,
        doors=ready.doors,
        parcels=parcels,
        seed=ready.study.study.seed,
        replicates=plan.section.replicates,
    )
    left = shapely.difference(ready.inside, shapely.union_all(zones.geometry.to_numpy()))
    return rates, bool(shapely.area(left) > 1.0)


def _published(
    ready: Prepared, plan: TheftsPlan, rates: ZoneRates | None, notes: list[str], *, beyond: bool
) -> tuple[pd.DataFrame | None, str]:
    """Return rates that are fit to publish, and the number of incidents as it is published beside them."""
    number = len(plan.recent)
    if number < SMALLEST_COUNT:
        return None, FEWER
    if rates is None:
        return None, f"{number:,}"
    seed, draws = ready.study.study.seed, plan.section.replicates
    try:
        return publish_zone_rates(rates, seed=seed, replicates=draws, total=number, beyond=beyond), f"{number:,}"
    except InputError:  # whatever of the zones is withheld, this number would give some of them away
        pass
    try:
        return publish_zone_rates(rates, seed=seed, replicates=draws), WITHHELD
    except InputError:
        notes.append("no rates by zone are published: whatever is withheld, the rest would give small counts away")
        return None, f"{number:,}"


def _prediction(ready: Prepared, plan: TheftsPlan, notes: list[str]) -> tuple[Prediction | None, ShortList | None]:
    """Return what the hold-out says of the heat maps, each from the incidents before it alone."""
    if plan.hold_out is None:
        notes.append("no forecast was held against later incidents: hold_out_from is not given")
        return None, None
    section, seed = plan.section, ready.study.study.seed
    first = plan.hold_out[0]
    before = plan.incidents[plan.incidents["date"] < first]
    day = (first - pd.Timedelta(days=1)).date()
    spans = windows_of(before["date"], days=section.days, months=section.months, until=dt.date.isoformat(day))
    windows: dict[str, tuple[Any, Any]] = {
        item.name: (pd.Timestamp(item.first), first) for item in spans if item.holds(_days(before)).any()
    }
    if not windows:
        notes.append("no forecast: no incident lies in either window before the hold-out")
        return None, None
    grids = {}
    for cell_m in NIJ_CELLS_M:
        try:
            grids[cell_m] = surface_grid(ready.inside, cell_m)
        except InputError as fault:
            notes.append(f"no forecast in cells of {cell_m:g} m: {fault}")
    if not grids:
        return None, None
    longest = next(reversed(windows))
    trained = before[before["date"] >= windows[longest][0]]
    bandwidth = _bandwidth(section, _xy(trained), seed, notes)
    methods: dict[str, Method] = {"gi_star": gi_star_scores(), "local_moran": local_moran_scores()}
    if bandwidth is not None:
        along = street_scores(ready, _xy(trained), bandwidth.metres, notes)
        methods = {
            "kde": kde_scores(bandwidth.metres),
            **({} if along is None else {"network_kde": along}),
            **methods,
        }
    found = predict(
        plan.incidents,
        methods,
        list(grids.values()),
        hold_out=plan.hold_out,
        windows=windows,
        population=(ready.scene.door_xy, ready.door_table.dwellings),
        seed=seed,
        replicates=section.replicates,
    )
    name, cell_m, share = LISTED
    if name not in methods or cell_m not in grids:
        return found, None
    listed = short_list(
        found,
        plan.incidents,
        (name, methods[name]),
        grids[cell_m],
        hold_out=plan.hold_out,
        window=(longest, windows[longest]),
        area_share=share,
    )
    return found, listed


def _owners(ready: Prepared, scenarios: tuple[Scenario, ...]) -> dict[str, Owners]:
    """Return who owns a camera, by scenario; one with a programme also without it, as change.csv calls it."""
    people, found = ready.residents, {}
    plans = {plan.name: plan for plan in ready.plans}
    for scenario in scenarios:
        found[scenario.name] = scenario.owners(people.dwellings, people.inside)
        plan = plans.get(scenario.name)
        if plan is not None and plan.programme is not None and plan.today is not None:
            found[without_rules_words(plan.name)] = plan.today.owners(people.dwellings, people.inside)
    return found


def _in_view(
    ready: Prepared, plan: TheftsPlan, hot: HotSpots, owners: dict[str, Owners]
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the incidents of the longer window in view, beside doors at random, over where parcels lie."""
    recent, seed = plan.recent, ready.study.study.seed
    zones = _zone_of_doors(ready, plan.section)
    placed = place_thefts(recent, ready.doors, faces=ready.ground.faces, zones=zones)
    row, column = plan.grid.cell_of(_xy(recent))
    is_hot = (row >= 0) & hot.hot[row, column]
    kinds = np.where(is_hot, "hot spot", "elsewhere").astype(object)
    fronts = ready.doors
    if "wedge_degrees" in fronts:  # a wedge turns the lens, not the facade
        fronts = fronts.assign(heading=(fronts["heading"] - fronts["wedge_degrees"]) % 360.0)
    tables = {}
    for number, out_m in enumerate(OUT_M):
        spots = gpd.GeoDataFrame(geometry=porches(fronts, out_m))
        tables[f"parcel {out_m:g} m before its door"] = incidents_in_view(
            placed,
            ready.doors,
            seen_places(ready, spots),
            owners,
            zones=zones,
            classes=kinds,
            keys=ready.residents.keys,
            seed=seed,
            replicates=999 if number == 0 else 1,
        )
    return over_assumptions(tables), placed.counts


def _zone_of_doors(ready: Prepared, section: IncidentsSection) -> NDArray[np.object_] | None:
    """Return the zone of each door (doors,) in the first set of zones that rates are told by; "" in none."""
    zones = _zones(ready, section)
    if zones is None or not len(zones):
        return None
    name = str(zones["zoning"].iloc[0])
    row = ready.residents.zone_row[name]
    ids = np.array([*ready.residents.zones[name].index.astype(str), ""], dtype=object)
    return ids[row]


def _change(ready: Prepared, in_view: pd.DataFrame, owners: dict[str, Owners]) -> pd.DataFrame | None:
    """Return what each giveaway changes in what is in view, or None where there is none."""
    parts = []
    for plan in ready.plans:
        before = without_rules_words(plan.name)
        if before in owners and len(in_view):
            changed = giveaway_change(in_view, before, plan.name)
            changed.insert(0, "scenario", plan.name)
            changed.insert(1, "against", before)
            parts.append(changed)
    return pd.concat(parts, ignore_index=True) if parts else None
