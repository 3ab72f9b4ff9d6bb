"""What a run's folder says of reported thefts: what is fit to publish at the top, the rest in `working/`.

Published: no incident, no date finer than a month, no count from 1 to 4 nor what gives one away, no bandwidth under
100 m, and no surface where fewer than 5 incidents lie around.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from doorview.overlays.over_coverage import NOTE
from doorview.overlays.publish import FEWER, SMALLEST_COUNT, WITHHELD, month_of
from doorview.overlays.ratio import LEAST_BEHIND
from doorview.show.files import write_json
from doorview.show.layers import write_layers
from doorview.show.qml import hotspot_style, theft_streets_style
from doorview.show.rasters import write_surface
from doorview.show.run_folder import RunFolder
from doorview.show.tables import write_csv
from doorview.show.text import clean, count, percent
from doorview.show.theft_steps import theft_steps
from doorview.study.shown import headline_levels
from doorview.study.thefts_hotspots import HIGH, HOT
from doorview.study.thefts_run import OUT_M, TheftsRun
from doorview.study.thefts_surfaces import (
    AROUND,
    DWELLINGS,
    STREETS_COLUMN,
    published_density,
    published_homes,
    published_streets,
    published_windows,
)

if TYPE_CHECKING:
    from doorview.overlays.surface_grid import SurfaceGrid
    from doorview.study.result import Result

__all__ = [
    "months_alone",
    "published_in_view",
    "scored",
    "theft_layers",
    "thefts_facts",
    "thefts_words",
    "write_thefts_files",
]

LICENCE = "the user's own incidents: theirs to license; public ground and streets derive from OpenStreetMap (ODbL 1.0)"
FICTIONAL = "BSD-3-Clause (fictional data)"
_KNOWN = "known to"
"""How the reader's counts of exactness begin: they are no reasons to leave out."""
_DAY = re.compile(r"(\d{4}-\d{2})-\d{2}")


def write_thefts_files(result: Result, run: RunFolder) -> dict[str, str]:
    """Write the tables, the surface and the hot spots; return file -> licence of what may be published."""
    found = result.tables.thefts
    if found is None:
        return {}
    _write_working(result, found, run)
    if found.change is not None:
        write_csv(run.path("working", "thefts_change.csv"), found.change)
    if not found.enough:
        return {}
    licence = _licence(result)
    written = {}
    for name, table in _published(found).items():
        write_csv(run.path(f"{name}.csv"), table)
        written[f"{name}.csv"] = licence
    # Where the number is withheld, a surface would add up to it.
    if found.number_words != WITHHELD and result.ready.study.output.rasters:
        written |= dict.fromkeys(_write_surfaces(result, found, run), licence)
    if not _own(result):
        layers, styles = theft_layers(result)
        write_layers(
            run.path("own.gpkg"),
            layers,
            styles=styles,
            licence=licence,
            attribution=result.ready.attribution,
            description=_description(found),
            data_date=result.ready.city.source.get("data_date"),
            simulated="no: hot spots of reported thefts; what is in view of them is simulated",
        )
        written["own.gpkg"] = licence
    return written


def theft_layers(result: Result) -> tuple[dict[str, gpd.GeoDataFrame], dict[str, str]]:
    """Return the layers that are fit to publish, in the CRS asked for, and their styles by name; none where none is.

    `hotspots`, and `theft_streets`: the density along streets, without what rests on fewer than 5.
    """
    found = result.tables.thefts
    if found is None or not found.enough:
        return {}, {}
    layers, styles = {"hotspots": found.ground.outlines}, {"hotspots": hotspot_style()}
    streets = published_streets(found)
    if streets is not None:
        shown = streets[streets[STREETS_COLUMN].notna()]
        layers["theft_streets"] = shown
        ends = theft_steps(float(shown[STREETS_COLUMN].max()) if len(shown) else 0.0)
        styles["theft_streets"] = theft_streets_style(STREETS_COLUMN, ends)
    crs = result.ready.study.output.crs
    return {name: layer.to_crs(crs) if crs else layer for name, layer in layers.items()}, styles


def months_alone(settings: dict[str, Any]) -> dict[str, Any]:
    """Return a study's settings with no date of incidents finer than a month."""
    section = settings.get("incidents")
    if section is None:
        return settings
    short = {key: None if section[key] is None else section[key][:7] for key in ("until", "hold_out_from")}
    return {**settings, "incidents": {**section, **short}}


def published_in_view(found: TheftsRun) -> pd.DataFrame:
    """Return incidents_in_view.csv: all incidents of the longer window, nothing where fewer than 5 were placed.

    Rows by hot-spot class stay in `working/`: their counts, which the shares give away too, could be held against those
    of zones. The number is withheld where it differs from that under the map by 1 to 4.
    """
    table = found.in_view[found.in_view["hot_spot"] == "all"].reset_index(drop=True)
    number = int(table["incidents"].max()) if len(table) else 0
    if number < SMALLEST_COUNT:
        return table.iloc[:0]
    blocks = int(table["incidents_by_block"].max())
    near = found.number_words == WITHHELD or 0 < found.number - number < SMALLEST_COUNT
    table["incidents"] = WITHHELD if near else str(number)
    some = 0 < blocks < number
    if some:
        table["place"] = "some known to the block, some to the nearest door"
    table["incidents_by_block"] = WITHHELD if some or (near and blocks) else str(blocks)
    return table.drop(columns="hot_spot")


def thefts_facts(result: Result) -> dict[str, Any]:
    """Return what run.json says of reported thefts."""
    found = result.tables.thefts
    if found is None:
        return {}
    section, plan = found.plan.section, found.plan
    chosen = section.layout()
    facts: dict[str, Any] = {
        "what": "reported thefts: whoever has a camera reports more, and nothing says what was never reported",
        "preset": section.preset,
        "layout": {"said": chosen.said, "source": chosen.source, "mark": chosen.mark} if section.preset else {},
        "windows": [window.published for window in plan.windows],
        "reported_in_the_longer_window": found.number_words,
        "left_out": _left_out(found),
        "place": _known_to(found),
        "published": "tables, surface and hot spots"
        if found.enough
        else f"nothing: {FEWER} incidents in the longer window",
        "smallest_count": SMALLEST_COUNT,
    }
    if not found.enough:
        return {"incidents": facts}
    if found.bandwidth is not None:
        facts["surface"] = {
            "kernel": "gaussian, edges by Diggle (1985)",
            "bandwidth_m": found.bandwidth.metres,
            "bandwidth_rule": found.bandwidth.rule,
            "cell_m": None if found.surface is None else found.surface.grid.cell_m,
            "unit": "reported thefts per km2 and month",
            "not_shown": f"where {FEWER} lie within {AROUND:g} bandwidths",
        }
    facts |= _more_surfaces(found)
    facts["hot_spots"] = {
        "cell_m": plan.grid.cell_m,
        "local_moran": f"class '{HIGH}': exact chances, counts of cells in random order; Benjamini and Hochberg",
        "method": "Gi*, exact chances, each incident on any cell alike; Benjamini and Hochberg",
        "false_discovery_rate": found.hot.rate,
        "shown": len(found.ground.outlines),
        f"left_out_with_{FEWER}": count(found.ground.too_few),
        "lattice_m": found.ground.step_m,
    }
    facts["free"] = {"out_m": {"printed": OUT_M[0], "range": sorted(OUT_M), "what": "parcel before its door [m]"}}
    if found.prediction is not None and scored(found):
        facts["prediction"] = {"from": _month(section.hold_out_from), "sentences": list(found.prediction.sentences)}
    facts["note"] = NOTE
    return {"incidents": facts}


def _more_surfaces(found: TheftsRun) -> dict[str, Any]:
    """Return what run.json says of streets and ratios, where they are published."""
    facts: dict[str, Any] = {}
    streets, windows, homes = found.surfaces.streets, published_windows(found), published_homes(found)
    if streets is not None and published_streets(found) is not None:
        facts["streets"] = {
            "kernel": "quartic along streets, equal split at junctions, not continuous; all comes back at dead ends",
            "ends_at_m": streets.bandwidth_m,
            "why": "its standard deviation is that of the surface's kernel",
            "far_from_streets": count(streets.left_out),
            "unit": "reported thefts per km of street and month",
            "not_shown": f"where {FEWER} bear on a piece of street",
        }
    for name, item in (("ratio_of_windows", windows), ("thefts_over_dwellings", homes)):
        if item is not None:
            facts[name] = {
                "cell_m": item.found.grid.cell_m,
                "overall_chance": item.found.overall,
                "draws": item.found.replicates,
                "read": "overall_chance first: of 100 cells, five stand out by chance",
            }
    return facts


def thefts_words(found: TheftsRun | None, scenario: str) -> list[str]:
    """Return reported thefts in sentences, for the notes of a result; nothing without any."""
    if found is None:
        return []
    window = found.plan.window.published
    if not found.enough:
        return [f"Reported thefts ({window}): {FEWER}, so that nothing of them is published; working/ has them."]
    spots = found.ground.outlines["class"].value_counts()
    said = (
        f"Reported thefts in the counted area ({window}): {found.number_words}; hot spots beyond chance: "
        f"{int(spots.get('hot spot', 0))} with {SMALLEST_COUNT} or more. Exact tables are in working/ alone."
    )
    lines = [said]
    table = published_in_view(found)
    here = table[(table["scenario"] == scenario) & (table["of"] == "another door")]
    rows = here.set_index("level")
    parts = [
        f"{name} {percent(float(row['in_view']))} ({percent(float(row['in_view_least']))} to "
        f"{percent(float(row['in_view_most']))} over where a parcel lies), doors at random in the same zones "
        f"{percent(float(row['random_mean']))} ({percent(float(row['random_low']))} to "
        f"{percent(float(row['random_high']))})"
        for name in headline_levels(rows.index)
        for row in [rows.loc[name]]
    ]
    if parts:
        lines.append(
            f"Expected share of reported thefts in view of another door than the victim's ({clean(scenario, 40)}): "
            f"{'; '.join(parts)}. Association is reported as association. {NOTE}"
        )
    if found.prediction is not None and scored(found):
        lines += [f"Held against later reports: {words}" for words in found.prediction.sentences[:2]]
    return lines


def _published(found: TheftsRun) -> dict[str, pd.DataFrame]:
    """Return the tables that are fit to publish, by the file's name."""
    tables = {
        "hotspots": found.ground.table,
        "hotspot_tests": _tests(found),
        "incidents_in_view": published_in_view(found),
    }
    if found.published is not None:
        tables["thefts_by_zone"] = found.published
    if found.prediction is not None and scored(found):
        tables["prediction"] = found.prediction.table
    if found.change is not None and len(tables["incidents_in_view"]):
        tables["thefts_change"] = found.change[found.change["hot_spot"] == "all"].drop(columns="hot_spot")
    return tables


def scored(found: TheftsRun) -> bool:
    """Say whether so many incidents were held out that scores may be published."""
    return found.prediction is not None and int(found.prediction.table["incidents"].min()) >= SMALLEST_COUNT


def _write_working(result: Result, found: TheftsRun, run: RunFolder) -> None:
    """Write exact tables, match rates, and what was understood of the file; not fit to publish."""
    write_csv(run.path("working", "incidents_in_view.csv"), found.in_view)
    if found.rates is not None:
        write_csv(run.path("working", "thefts_by_zone.csv"), found.rates.table)
    if found.over_time is not None:
        write_csv(run.path("working", "hotspots_by_period.csv"), found.over_time.table)
    matched = found.plan.incidents.attrs.get("match_rate")
    if matched:
        write_csv(run.path("working", "match_rate.csv"), pd.DataFrame(matched))
    if found.prediction is not None:
        write_csv(run.path("working", "prediction.csv"), found.prediction.table)
        write_csv(run.path("working", "prediction_comparison.csv"), found.prediction.comparison)
    if found.listed is not None and found.listed.table is not None:
        write_layers(
            run.path("working", "short_list.gpkg"),
            {"short_list": found.listed.table},
            licence=_licence(result),
            attribution=result.ready.attribution,
            description=f"Working data: not fit to publish. {found.listed.reason}",
            data_date=result.ready.city.source.get("data_date"),
            simulated="no: reported thefts",
        )
    write_json(
        run.path("working", "incidents.json"),
        {
            "counts": dict(found.plan.incidents.attrs["counts"]),
            "notes": list(found.plan.incidents.attrs["notes"]),
            "by_month": month_of(found.plan.incidents["date"]).value_counts().sort_index().to_dict(),
            "placed": found.placed,
            "bandwidth": [] if found.bandwidth is None else list(found.bandwidth.notes),
            "rates": {} if found.rates is None else found.rates.left_out,
            "rates_notes": [] if found.rates is None else list(found.rates.notes),
            "hot_spots_over_time": {} if found.over_time is None else found.over_time.counts,
            "prediction": {} if found.prediction is None else found.prediction.counts,
            "short_list": "none was asked for" if found.listed is None else found.listed.reason,
            "not_computed": list(found.notes),
        },
    )


def _write_surfaces(result: Result, found: TheftsRun, run: RunFolder) -> list[str]:
    """Write each surface there is as a GeoTIFF, and return their names."""
    if found.surface is None or found.bandwidth is None:
        return []
    window, rule = found.plan.window.published, found.bandwidth.rule
    density, windows, homes = published_density(found), published_windows(found), published_homes(found)
    around = f"{FEWER} within {AROUND:g} bandwidths"
    surfaces: list[tuple[str, Any, SurfaceGrid, str, str, dict[str, str]]] = []
    if density is not None:
        said = f"reported thefts per km2 and month, {window}"
        surfaces.append(("thefts_density", density, found.surface.grid, said, "reported thefts / km2 / month", {}))
    if windows is not None:
        short = found.plan.windows[0].published
        said = f"reported thefts of the {short} over those of the rest of the {window}; 1: as in the whole area"
        more = {
            "number_short": f"{windows.found.numerator}",
            "overall_chance": f"{windows.found.overall:.3g}",
            "draws": f"{windows.found.replicates}",
            "not_shown": f"{around} in either part of the window",
        }
        surfaces.append(("thefts_ratio", windows.told, windows.found.grid, said, "1", more))
    if homes is not None:
        said = f"reported thefts per {DWELLINGS:,.0f} dwellings and year, {window}"
        more = {
            "dwellings": f"{homes.found.denominator}",
            "overall_chance": f"{homes.found.overall:.3g}",
            "draws": f"{homes.found.replicates}",
            "not_shown": f"{around}, or fewer than {LEAST_BEHIND:g} dwellings under the kernel",
        }
        unit = f"reported thefts / {DWELLINGS:.0f} dwellings / year"
        surfaces.append(("thefts_per_dwelling", homes.told, homes.found.grid, said, unit, more))
    for name, values, grid, said, units, more in surfaces:
        write_surface(
            run.path(f"{name}.tif"),
            values,
            crs=result.ready.city.crs.to_wkt(),
            cell_m=grid.cell_m,
            x0=grid.x0,
            y0=grid.y0,
            description=said,
            units=units,
            tags={
                "reported": "reported thefts, not all thefts",
                "number": found.number_words,
                "window": window,
                "bandwidth_m": f"{found.surface.bandwidth_m:.1f}",
                "bandwidth_rule": rule,
                "kernel": found.surface.kernel,
                "not_shown": around,
                "attribution": result.ready.attribution,
                "licence": _licence(result),
                **more,
            },
        )
    return [f"{name}.tif" for name, *_ in surfaces]


def _tests(found: TheftsRun) -> pd.DataFrame:
    """Return hotspot_tests.csv: each test of the longer window, how it was made and what it found.

    Columns method, null, window, cell_m, cells, false_discovery_rate, cells_hot, hot_spots_shown, hot_spots_with_few.
    """
    shown = found.ground.outlines["class"].value_counts()
    nulls = {"gi_star": "each incident on any cell alike", "local_moran": "counts of cells in random order"}
    return pd.DataFrame(
        [
            {
                "method": item.method,
                "null": nulls[item.method],
                "window": found.plan.window.published,
                "cell_m": item.grid.cell_m,
                "cells": int(item.grid.inside.sum()),
                "false_discovery_rate": item.rate,
                "class": name,
                "cells_hot": int(item.hot.sum()),
                "hot_spots_shown": int(shown.get(name, 0)),
                "hot_spots_with_few": count(found.ground.few[name]),
            }
            for name, item in ((HOT, found.hot), (HIGH, found.moran))
        ]
    )


def _left_out(found: TheftsRun) -> dict[str, str]:
    """Return what was left out, by reason; 1 to 4 as words."""
    counts = {
        reason: number
        for reason, number in found.plan.incidents.attrs["counts"].items()
        if reason not in ("rows", "incidents") and not reason.startswith(_KNOWN)
    }
    outside = len(found.plan.incidents) - found.number
    counts["not in the longer window"] = outside
    counts["no door near"] = found.placed["no_door_near"]
    return {_DAY.sub(r"\1", reason): count(int(number)) for reason, number in counts.items() if number}


def _known_to(found: TheftsRun) -> dict[str, str]:
    """Return how many incidents, of any date, are known to a block only, by how that is known."""
    counts = found.plan.incidents.attrs["counts"]
    return {reason: count(int(number)) for reason, number in counts.items() if reason.startswith(_KNOWN) and number}


def _licence(result: Result) -> str:
    return FICTIONAL if result.ready.study.study.fictional else LICENCE


def _own(result: Result) -> bool:
    """Say whether the run's layers are the user's own, so that own.gpkg holds them all."""
    return result.ready.city.source.get("kind") in ("layers", "mixed")


def _description(found: TheftsRun) -> str:
    return (
        f"Hot spots of reported thefts, {found.plan.window.published} (class 'hot spot') and over half-years (the "
        f"others): Gi*, false discovery rate {found.hot.rate:g}; '{HIGH}': local Moran's I; those with {FEWER} "
        f"incidents are left out. Layer theft_streets: reported thefts per km of street and month. {NOTE}"
    )


def _month(day: str | None) -> str:
    return "" if day is None else day[:7]
