"""The section ``[incidents]`` of a study file: reported thefts, how their file is read, and how they are mapped."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field
from pyproj import CRS

from doorview.errors import InputError, nearest_name
from doorview.overlays.incident_layouts import COLUMNS, DATE_ORDERS, KNOWN_TO, Layout, layout, layout_faults, layouts
from doorview.study.fields import CrsText, LayerPath, split_layer

if TYPE_CHECKING:  # they load geopandas, which few studies need to be read
    import geopandas as gpd
    import pandas as pd
    import shapely

    from doorview.overlays.addresses import AddressBook
    from doorview.overlays.zone_rates import Window

__all__ = ["IncidentsSection", "incidents_faults", "recognised", "surface_cell"]

SURFACE_CELL_M = 25.0
"""Cells of a surface [m], at most: a quarter of the narrowest bandwidth that is published."""
COVERAGE_CELL_M = 0.5
"""`coverage.cell_m` where a study does not give it."""

Text = Annotated[str, Field(min_length=1)]
Values = Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]


class IncidentsSection(BaseModel):
    """Reported thefts laid over the coverage; values given here go before those of the preset."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    file: LayerPath = Field(description="Incidents: CSV, GeoJSON, GeoPackage (`file.gpkg:layer`) or GeoParquet.")
    preset: Text | None = Field(
        None, description="Layout of a file: " + ", ".join(f"`{name}`" for name in layouts()) + "."
    )
    columns: dict[str, Text] | None = Field(
        None,
        description="Which column says what: " + ", ".join(f"`{name}`" for name in COLUMNS) + "; left out, with no "
        "preset: those called lon, lat, date and category.",
    )
    crs: CrsText | None = Field(None, description="CRS of `x` and `y`, or of shapes whose file says none.")
    where: dict[str, Values] | None = Field(
        None, description="Column of the file -> values kept, capitals aside; several columns must all fit."
    )
    date_formats: Values | None = Field(
        None, description="Formats of dates, as Python's strptime has them; left out: read where there is one reading."
    )
    date_order: Literal["day_first", "month_first"] | None = Field(
        None, description="Which comes first in 05/06/2019, where no date of the file shows it."
    )
    known_to: Literal["detect", "point", "block"] | None = Field(
        None, description="How exactly the file tells a place; left out: the preset's, or `detect`."
    )
    match_addresses: bool = Field(
        False, description="Match rows without coordinates to the city's addresses, offline; nothing is sent anywhere."
    )
    days: int = Field(60, ge=1, le=36_600, description="Length of the short window [days].")
    months: int = Field(12, ge=1, le=1200, description="Length of the long window [months].")
    until: Text | None = Field(None, description="Last day of both, as 2019-05-26; left out: the last date there is.")
    zoning: Text | None = Field(None, description="The set of zones of rates and ranks; left out: every set.")
    parcels: Text | None = Field(None, description="Column of the zones with the parcels delivered in a month.")
    bandwidth_m: float | None = Field(
        None, gt=0.0, le=100_000.0, description="Bandwidth of surfaces [m], 100 or more; left out: by `bandwidth_rule`."
    )
    bandwidth_rule: Literal["likelihood", "silverman", "scott"] = Field(
        "likelihood", description="How the bandwidth is found; never under 100 m."
    )
    cell_m: float = Field(100.0, ge=10.0, le=1000.0, description="Cells that are tested for hot spots [m].")
    surface_cell_m: float | None = Field(
        None,
        ge=10.0,
        le=1000.0,
        description="Cells of surfaces [m], a whole multiple of `coverage.cell_m`, on the same lines; left out: the "
        "largest one up to 25 m, or up to `cell_m`.",
    )
    ratios: bool = Field(
        False,
        description="Ratio surfaces: the short window over the rest of the long one, and thefts over dwellings, each "
        "beside what chance alone would do.",
    )
    hold_out_from: Text | None = Field(
        None, description="First day of the period that forecasts are held against, as 2018-01-01; left out: none."
    )
    replicates: int = Field(1000, ge=1, le=100_000, description="Draws for ranges of ranks and scores.")

    def layout(self) -> Layout:
        """Return how the file is read: the preset with what is given here.

        Raises
        ------
        UnknownNameError
            There is no such preset.
        InputError
            What is given contradicts itself.

        """
        base = Layout(columns={}) if self.preset is None else layout(self.preset)
        return base.with_own(
            columns=self.columns,
            crs=self.crs,
            where=self.where,
            date_formats=self.date_formats,
            date_order=self.date_order,
            known_to=self.known_to,
        )

    def read(
        self,
        crs: CRS,
        inside: shapely.Geometry | None = None,
        book: AddressBook | None = None,
        zones: gpd.GeoDataFrame | None = None,
    ) -> gpd.GeoDataFrame:
        """Return the incidents, as `doorview.overlays.incidents.read_incidents` does, with its errors."""
        from doorview.overlays.incidents import read_incidents

        file, layer = split_layer(self.file)
        return read_incidents(
            file,
            crs,
            preset=self.preset,
            columns=self.columns,
            source_crs=self.crs,
            where=self.where,
            date_formats=self.date_formats,
            date_order=self.date_order,
            known_to=self.known_to,
            inside=inside,
            book=book if self.match_addresses else None,
            zones=zones,
            layer=layer,
        )

    def windows(self, dates: pd.Series) -> tuple[Window, ...]:
        """Return the two windows of the incidents' dates. Raises InputError where none is known."""
        from doorview.overlays.zone_rates import windows_of

        return windows_of(dates, days=self.days, months=self.months, until=self.until)


def surface_cell(section: IncidentsSection, coverage_cell_m: float) -> float:
    """Return the cell of surfaces [m]: what is asked, or the largest whole multiple of coverage's up to 25 m."""
    if section.surface_cell_m is not None:
        return section.surface_cell_m
    most = min(SURFACE_CELL_M, section.cell_m)
    return max(1, math.floor(most / coverage_cell_m + 1e-9)) * coverage_cell_m


def _cell_faults(wanted: object, coverage_cell_m: object) -> list[str]:
    """Return what is wrong with cells of surfaces that do not lie on those of the coverage."""
    for value in (wanted, coverage_cell_m):
        if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
            return []
    cell, fine = float(cast("float", wanted)), float(cast("float", coverage_cell_m))
    times = cell / fine
    if abs(times - round(times)) <= 1e-6 and round(times) >= 1:
        return []
    near = sorted({max(1, math.floor(times)), math.floor(times) + 1})
    either = " or ".join(f"{fine * n:g}" for n in near)
    multiple = f"{cell:g} m is no whole multiple of coverage.cell_m = {fine:g}"
    return [f"incidents.surface_cell_m: {multiple}; give {either}, so that the two grids lie on each other"]


def incidents_faults(raw: object, zonings: Iterable[str] = (), *, coverage: object = None) -> list[str]:
    """Return the faults of the section that no single field shows.

    `zonings` are the names of the study's zones, `coverage` is its section `[coverage]` as the file has it.
    """
    if not isinstance(raw, Mapping):
        return []
    from doorview.overlays.publish import SMALLEST_BANDWIDTH_M

    zonings = list(zonings)
    faults = _layout_faults(raw)
    bandwidth, zoning = raw.get("bandwidth_m"), raw.get("zoning")
    if isinstance(bandwidth, int | float) and 0 < bandwidth < SMALLEST_BANDWIDTH_M:
        faults.append(
            f"incidents.bandwidth_m: {bandwidth!r} m points at single homes; give {SMALLEST_BANDWIDTH_M:g} or more"
        )
    if isinstance(zoning, str) and zonings and zoning not in zonings:
        faults.append(f"incidents.zoning: unknown zones '{zoning}'.{_hint(zoning, zonings)}")
    finest = coverage.get("cell_m", COVERAGE_CELL_M) if isinstance(coverage, Mapping) else COVERAGE_CELL_M
    faults += _cell_faults(raw.get("surface_cell_m"), finest)
    for key in ("zoning", "parcels"):
        if raw.get(key) is not None and not zonings:
            faults.append(f"incidents.{key}: there are no zones; add [[zones]] with file = '...', or leave {key} out")
    days = {key: _day_of(raw.get(key)) for key in ("until", "hold_out_from")}
    faults += [
        f"incidents.{key}: {raw[key]!r} is no day; write it as 2019-05-26"
        for key, day in days.items()
        if isinstance(raw.get(key), str) and day is None
    ]
    first, last = days["hold_out_from"], days["until"]
    if first is not None and last is not None and first > last:
        faults.append(f"incidents.hold_out_from: {first} is after until = {last}; nothing would be held out")
    return faults


def recognised(file: str | Path) -> dict[str, str]:
    """Return the keys of ``[incidents]`` by which a file is read that nobody described: its preset, or none.

    A CSV must fit the columns of one preset alone, or have columns called lon, lat and date, which need none.
    Files of other kinds, and those that are not there, are left to the reader of incidents.

    Raises
    ------
    InputError
        If no preset fits, or several do.

    """
    path = Path(file)
    if path.suffix.lower() != ".csv" or not path.is_file():
        return {}
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        try:
            header = next(csv.reader(text), [])
        except csv.Error:  # no table: it fits no preset
            header = []
    names = {_plain(name) for name in header}
    usual = {"lon", "lat", "date"}
    fitting = [
        name
        for name, known in layouts().items()
        if not set(known.columns.values()) - {"category"} <= usual  # that of the demo town fits any file
        and all(_plain(column) in names for column in (*known.columns.values(), *known.where))
    ]
    if not fitting and (usual <= names or {"longitude", "latitude", "date"} <= names):
        return {}
    if len(fitting) != 1:
        found = f"those of {' and '.join(fitting)} alike" if fitting else "those of no preset"
        raise InputError(
            f"'{path}': its columns are {found}, so nobody could tell which say place and date. Write a study file "
            f"with [incidents], file = '{path.name}' and preset = '...' or columns = {{ lon = '...', lat = '...', date "
            "= '...' }, and give it to doorview run."
        )
    return {"preset": fitting[0]}


def _plain(name: str) -> str:
    """Return a column's name without capitals, blanks and underscores, as columns are found."""
    return "".join(name.lower().replace("_", " ").split())


def _layout_faults(raw: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with preset, columns and the like, each by its key."""
    name = raw.get("preset")
    if isinstance(name, str) and name not in layouts():
        return [f"incidents.preset: unknown preset '{name}'.{_hint(name, layouts())}"]
    columns, where, formats = raw.get("columns"), raw.get("where"), raw.get("date_formats")
    base = layouts()[name] if isinstance(name, str) else Layout(columns={})
    own: dict[str, Any] = {
        "columns": base.columns_with(columns) if isinstance(columns, Mapping) else None,
        "crs": raw.get("crs") if isinstance(raw.get("crs"), str) else None,
        "where": where if isinstance(where, Mapping) else None,
        "date_order": raw.get("date_order") if raw.get("date_order") in DATE_ORDERS else None,
        "known_to": raw.get("known_to") if raw.get("known_to") in KNOWN_TO else None,
    }
    merged = dataclasses.replace(base, **{key: value for key, value in own.items() if value is not None})
    faults = [f"incidents.{fault}" for fault in layout_faults(merged)]
    if formats and raw.get("date_order"):
        faults.append("incidents.date_order: date_formats say the order already; leave one of both out")
    return faults


def _hint(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = nearest_name(name, known)
    return (f" Did you mean '{near}'?" if near else "") + (f" Known: {', '.join(known)}." if known else "")


def _day_of(value: object) -> dt.date | None:
    try:
        return dt.date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
