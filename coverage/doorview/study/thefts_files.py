"""What a run's folder says of reported thefts: what is fit to publish at the top, the rest in `working/`.

Published: no incident, no date finer than a month, no count from 1 to 4 nor what gives one away, no bandwidth under
100 m, and no surface where fewer than 5 incidents lie around.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from doorview.overlays.bandwidth import check_publishable
from doorview.overlays.over_coverage import NOTE
from doorview.overlays.publish import FEWER, SMALLEST_COUNT, WITHHELD, month_of
from doorview.overlays.surface_grid import cell_counts
from doorview.show.files import write_json
from doorview.show.layers import write_layers
from doorview.show.qml import zone_style
from doorview.show.rasters import write_surface
from doorview.show.run_folder import RunFolder
from doorview.show.tables import write_csv
from doorview.show.text import clean, count, percent
from doorview.study.shown import headline_levels
from doorview.study.thefts_run import OUT_M, TheftsRun

if TYPE_CHECKING:
    from doorview.study.result import Result

__all__ = [
    "hotspot_layer",
    "months_alone",
    "published_in_view",
    "published_surface",
    "scored",
    "thefts_facts",
    "thefts_words",
    "write_thefts_files",
]

LICENCE = "the user's own incidents: theirs to license; public ground derives from OpenStreetMap (ODbL 1.0)"
FICTIONAL = "BSD-3-Clause (fictional data)"
AROUND = 2.0
"""A surface is shown where 5 incidents or more lie within so many bandwidths: a free parameter. Elsewhere a lone bump
would point at its incident."""
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
    if found.surface is not None and found.number_words != WITHHELD and result.ready.study.output.rasters:
        _write_density(result, found, run)
        written["thefts_density.tif"] = licence
    if not _own(result):
        write_layers(
            run.path("own.gpkg"),
            {"hotspots": hotspot_layer(result)},
            styles={"hotspots": zone_style()},
            licence=licence,
            attribution=result.ready.attribution,
            description=_description(found),
            data_date=result.ready.city.source.get("data_date"),
            simulated="no: hot spots of reported thefts; what is in view of them is simulated",
        )
        written["own.gpkg"] = licence
    return written


def hotspot_layer(result: Result) -> gpd.GeoDataFrame | None:
    """Return the layer `hotspots` that is fit to publish, in the CRS asked for; None where there is none."""
    found = result.tables.thefts
    if found is None or not found.enough:
        return None
    crs = result.ready.study.output.crs
    layer = found.ground.outlines
    return layer.to_crs(crs) if crs else layer


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


def published_surface(found: TheftsRun) -> NDArray[np.float64] | None:
    """Return incidents per km2 and month (rows, columns), NaN where fewer than 5 lie around; None without a surface."""
    surface = found.surface
    if surface is None:
        return None
    check_publishable(surface.kernel, surface.bandwidth_m)
    grid = surface.grid
    reach = AROUND * surface.bandwidth_m / grid.cell_m
    steps = np.arange(-int(reach), int(reach) + 1)
    disc = (steps[:, None] ** 2 + steps[None, :] ** 2 <= reach**2).astype(np.float64)
    recent = found.plan.recent.geometry
    counts = cell_counts(np.column_stack([recent.x, recent.y]), grid)
    around = np.rint(fftconvolve(counts, disc, mode="full"))
    low = int(reach)
    around = around[low : low + grid.rows, low : low + grid.columns]
    shown = grid.inside & (around >= SMALLEST_COUNT)
    density: NDArray[np.float64] = np.where(shown, surface.per_month(found.plan.window.months), np.nan)
    return density


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
            "cell_m": plan.grid.cell_m,
            "unit": "reported thefts per km2 and month",
            "not_shown": f"where {FEWER} lie within {AROUND:g} bandwidths",
        }
    facts["hot_spots"] = {
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
    tables = {"hotspots": found.ground.table, "incidents_in_view": published_in_view(found)}
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


def _write_density(result: Result, found: TheftsRun, run: RunFolder) -> None:
    values, surface = published_surface(found), found.surface
    if values is None or surface is None or found.bandwidth is None:
        return
    write_surface(
        run.path("thefts_density.tif"),
        values,
        crs=result.ready.city.crs.to_wkt(),
        cell_m=surface.grid.cell_m,
        x0=surface.grid.x0,
        y0=surface.grid.y0,
        description=f"reported thefts per km2 and month, {found.plan.window.published}",
        units="reported thefts / km2 / month",
        tags={
            "reported": "reported thefts, not all thefts",
            "number": found.number_words,
            "window": found.plan.window.published,
            "bandwidth_m": f"{surface.bandwidth_m:.1f}",
            "bandwidth_rule": found.bandwidth.rule,
            "kernel": surface.kernel,
            "not_shown": f"{FEWER} within {AROUND:g} bandwidths",
            "attribution": result.ready.attribution,
            "licence": _licence(result),
        },
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
        f"others): Gi*, false discovery rate {found.hot.rate:g}; those with {FEWER} incidents are left out. {NOTE}"
    )


def _month(day: str | None) -> str:
    return "" if day is None else day[:7]
