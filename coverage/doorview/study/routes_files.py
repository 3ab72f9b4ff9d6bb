"""What a run's folder says of ways on foot: the tables, fit to publish, and in `working/` those of single homes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from doorview.overlays.route_exposure import CAVEAT
from doorview.overlays.routes import STATUSES
from doorview.show.qml import line_style, share_style
from doorview.show.run_folder import RunFolder
from doorview.show.style import breaks_for
from doorview.show.tables import write_csv
from doorview.show.text import SMALLEST_COUNT, Units, clean, count, distance, percent
from doorview.study.routes_run import SHORTEST, RoutesRun
from doorview.study.routes_streets import route_layer
from doorview.study.shown import headline_levels

if TYPE_CHECKING:
    from doorview.study.result import Result

__all__ = ["public_rows", "routes_facts", "routes_layers", "routes_to_publish", "routes_words", "write_routes_files"]

NOT_PUBLISHED = "(a spot at a home: not published)"
TOLD = 3
"""Ways that notes tell of; the others are counted."""


def write_routes_files(result: Result, run: RunFolder) -> None:
    """Write routes.csv and what goes with it, where the study asks for ways on foot."""
    found = result.tables.routes
    if found is None:
        return
    fictional = result.ready.study.study.fictional
    if found.homes_table is not None:
        write_csv(run.path("routes_homes.csv"), found.homes_table)
    for name, table in (("routes", found.table), ("route_fronts", found.fronts)):
        if not len(table):
            continue  # no single way is asked for
        write_csv(run.path(f"{name}.csv"), _shown(public_rows(table, found, fictional=fictional), fictional=fictional))
        if not fictional and table["route"].isin(found.private).any():
            write_csv(run.path("working", f"{name}_private.csv"), table[table["route"].isin(found.private)])


def routes_layers(result: Result) -> tuple[dict[str, gpd.GeoDataFrame], dict[str, str]]:
    """Return the layers `street_exposure` and `routes`, and their styles by name; none where none is asked for."""
    found = result.tables.routes
    if found is None:
        return {}, {}
    layers, styles = {}, {}
    if found.streets is not None:
        layers["street_exposure"] = found.streets
        column = f"share_{found.level}"
        styles["street_exposure"] = share_style(column, breaks_for(found.streets[column].to_numpy(np.float64)))
    public = public_rows(found.table, found, fictional=result.ready.study.study.fictional)
    if (public["status"] == "found").any():
        layers["routes"] = route_layer(found, public)
        styles["routes"] = line_style("#b3371a", 1.2)
    return layers, styles


def public_rows(table: pd.DataFrame, found: RoutesRun, *, fictional: bool) -> pd.DataFrame:
    """Return the rows of ways that may be published: in a real place none that begins or ends at a single home."""
    return table if fictional else table[~table["route"].isin(found.private)]


def _shown(table: pd.DataFrame, *, fictional: bool) -> pd.DataFrame:
    """Return a table with counts of 1 to 4 doors as words, and without the expected owners among them."""
    if fictional or "doors_in_view" not in table:
        return table
    shown = table.astype({"doors_in_view": object})
    number = table["doors_in_view"].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    small = (number > 0) & (number < SMALLEST_COUNT)
    shown.loc[small, "doors_in_view"] = count(1)
    shown.loc[small, "doorbells_mean"] = np.nan
    return shown


def routes_to_publish(settings: dict[str, Any], result: Result) -> dict[str, Any]:
    """Return a study's settings without the spots of ways that begin or end at a single home of a real place."""
    found = result.tables.routes
    if found is None or result.ready.study.study.fictional:
        return settings
    ways = []
    for label, way in zip(found.plan.labels, settings["routes"]["way"], strict=False):
        hidden = dict.fromkeys(("origin", "destination"), NOT_PUBLISHED) | {"name": None}
        ways.append(hidden if label in found.private else way)
    return {**settings, "routes": {**settings["routes"], "way": ways}}


def routes_facts(result: Result) -> dict[str, Any]:
    """Return what run.json says of ways on foot."""
    found = result.tables.routes
    if found is None:
        return {}
    section, notes = found.section, found.graph.notes
    statuses = {name: found.shortest.counts[name] for name in STATUSES if found.shortest.counts[name]}
    fictional = result.ready.study.study.fictional
    return {
        "routes": {
            "caveat": CAVEAT,
            "scenarios": list(found.owners),
            "shown": {"scenario": found.shown, "level": found.level},
            "least_in_view": {
                "scenario": "each",
                "level": found.level,
                "detour_cap": section.detour_cap,
                "ways": len(next(iter(found.least.values()))),
            },
            "ways": len(found.plan.labels),
            "ways_by_status": statuses,
            "moved_to_longest_part": found.shortest.counts["moved_to_longest_part"],
            "pairs_left_out": {"rows": len(found.plan.left_out), "first": list(found.plan.left_out[:5])},
            "kept_back": 0 if fictional else len(found.private),
            "side": section.side,
            "within_m": section.within_m,
            "clip_s": section.clip_s,
            "replicates": section.replicates,
            "graph": {key: value for key, value in notes.items() if key != "ways"},
        }
    }


def routes_words(found: RoutesRun | None, units: Units, *, fictional: bool, scenario: str | None = None) -> list[str]:
    """Return ways on foot in sentences, for the notes of a result; nothing without any.

    `scenario`: what the study calls the one that maps show, or None: its name.
    """
    if found is None:
        return []
    table = public_rows(found.table, found, fictional=fictional)
    here = table[(table["kind"] == SHORTEST) & (table["scenario"] == found.shown)]
    said = clean(scenario or found.shown, 60)
    labels = [label for label in found.plan.labels[: found.plan.named] if label in set(here["route"])]
    lines = [
        _way_words(here[here["route"] == label], label, said, units, fictional=fictional) for label in labels[:TOLD]
    ]
    lines += _homes_words(found, said, units)
    if len(labels) > TOLD:
        lines.append(f"{len(labels) - TOLD:,} more ways stand in routes.csv.")
    lost = {name: number for name, number in found.shortest.counts.items() if name in STATUSES[2:] and number}
    if lost:
        said = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in lost.items())
        lines.append(f"Ways without a route: {said} (an end is far beyond {distance(found.section.within_m, units)}).")
    beyond = int((here["outside_m"] > 1.0).groupby(here["route"]).any().sum()) if len(here) else 0
    if beyond:
        said = "1 way leaves" if beyond == 1 else f"{beyond:,} ways leave"
        lines.append(f"{said} the counted area, where doors may be unknown: what is in view there is a lower bound.")
    if found.plan.left_out:
        first = clean(found.plan.left_out[0], 80)
        lines.append(f"Pairs left out of the table: {len(found.plan.left_out):,} rows, the first: {first}.")
    if not fictional and found.private:
        number = len(found.private)
        said = "1 way begins or ends" if number == 1 else f"{number:,} ways begin or end"
        lines.append(f"{said} at a home of fewer than 5: kept back, in working/routes_private.csv.")
    return [*lines, CAVEAT] if lines else lines


def _way_words(rows: pd.DataFrame, label: str, scenario: str, units: Units, *, fictional: bool) -> str:
    """Return one way in a sentence: all headline levels together."""
    name, first = clean(label, 80), rows.iloc[0]
    if first["status"] != "found":
        return f"{name}: no route ({str(first['status']).replace('_', ' ')})."
    by_level = rows.set_index("level")
    parts = []
    for level in headline_levels(by_level.index):
        row = by_level.loc[level]
        few = not fictional and 0 < row["doors_in_view"] < SMALLEST_COUNT
        bells = f"{count(1)} doors" if few else f"{row['doorbells_mean']:.1f} doorbells expected"
        share, unseen = percent(row["share_in_view_mean"]), percent(row["p_unseen"])
        parts.append(f"{share} of it in view at {level}, {bells}, {unseen} chance of arriving unseen")
    return f"{name}, {distance(first['length_m'], units)} on foot ({scenario}): {'; '.join(parts)}."


def _homes_words(found: RoutesRun, scenario: str, units: Units) -> list[str]:
    """Return what all homes' ways to the nearest place of each kind come to, in a sentence each."""
    table, lines = found.homes_table, list[str]()
    if table is None:
        return lines
    for way in found.homes:
        here = table[(table["destination"] == way.kind) & (table["scenario"] == found.shown)]
        mean = here.set_index(["level", "measure"])["mean"]
        if not len(here):
            lines.append(f"To the nearest {way.kind}: fewer than 5 homes reach one on foot, so nothing is told.")
            continue
        levels = headline_levels(dict.fromkeys(here["level"]))
        shares = [f"{percent(float(mean[level, 'share_in_view_mean']))} at {level}" for level in levels]
        length = distance(float(mean[levels[0], "length_m"]), units)
        lost = f"; {count(way.unreached)} homes reach none on foot" if way.unreached else ""
        lines.append(
            f"All homes to the nearest {way.kind} ({scenario}): {length} on average, in view {', '.join(shares)}{lost}."
        )
    return lines
