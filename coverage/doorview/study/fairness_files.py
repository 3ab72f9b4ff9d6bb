"""What a run's folder says of fairness: the tables, facts for run.json, and two sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from doorview.share.outputs import HEADLINE
from doorview.show.run_folder import RunFolder
from doorview.show.tables import write_by_people, write_csv, write_fairness
from doorview.show.text import clean, join, percent, place_words
from doorview.study.fairness_run import FAIRNESS_CAVEAT

if TYPE_CHECKING:
    from doorview.study.fairness_run import FairnessRun
    from doorview.study.result import Result

__all__ = ["fairness_facts", "fairness_words", "write_fairness_files"]

_TOLD = {
    "without_homes": "without homes",
    "without_public_space": "without public space",
    "under_100_cells": "under 100 cells",
    "cut_by_the_edge": "cut by the edge of the counted area",
}
_OF_GROUND = {
    "public_m2_in_several_zones": "is in several zones and counts in each",
    "public_m2_in_no_zone": "is in none",
}


def write_fairness_files(result: Result, run: RunFolder) -> None:
    """Write fairness.csv and, where something changes, fairness_change.csv."""
    found = result.tables.fairness
    if found is None:
        return
    write_fairness(run.path("fairness.csv"), found.table, result.shares)
    if found.change is not None:
        write_csv(run.path("fairness_change.csv"), found.change)
    if found.by_people is not None:
        write_by_people(run.path("fairness_by_people.csv"), found.by_people)


def fairness_facts(result: Result) -> dict[str, Any]:
    """Return what run.json says of fairness."""
    found = result.tables.fairness
    if found is None:
        return {}
    return {
        "fairness": {
            "caveat": FAIRNESS_CAVEAT,
            "zonings": found.zonings,
            **({"people": found.people} if found.people is not None else {}),
            "split": "share_inside_only, share_both and share_outside_only add up to share_mean: in view from doors in "
            "the zone alone, from doors inside and outside, from doors outside alone; the zone is its whole polygon",
            "in_view": "fairness_change.csv: more or less where the interval of chance lies above or below 0, open "
            "where it holds 0, same where nothing changes",
        }
    }


def fairness_words(result: Result) -> list[str]:
    """Return fairness in two sentences, for the notes of a result; nothing without it or without zones."""
    found = result.tables.fairness
    if found is None or not found.zonings:
        return []
    scenario, level = result.main_scenario(), result.main_level()
    said = [words for zoning in found.zonings if (words := _ends(found, zoning, scenario, level))]
    units, near_m = result.ready.study.output.units, result.ready.study.public_space.near_home_m
    lead = (
        f"By zone, {place_words(HEADLINE, units, near_m)} in view ({level}, {clean(scenario, 40)}): {'; '.join(said)}. "
    )
    told = "; ".join(words for zoning, facts in found.zonings.items() if (words := _told(zoning, facts)))
    return [f"{lead if said else ''}{FAIRNESS_CAVEAT.rstrip('.')}{': ' + told if told else ''}."]


def _ends(found: FairnessRun, zoning: str, scenario: str, level: str) -> str:
    """Return the zones with the least and the most in view; nothing where none has any of the headline's ground."""
    t = found.table
    rows = t[(t["zoning"] == zoning) & (t["scenario"] == scenario) & (t["level"] == level) & (t["space"] == HEADLINE)]
    rows = rows[rows["share_mean"].notna()].sort_values(["share_mean", "zone"], kind="stable")
    if rows.empty:
        return ""
    ends = [f"{percent(float(row['share_mean']))} ({_zone(row)})" for _, row in rows.iloc[[0, -1]].iterrows()]
    return f"{clean(zoning, 40)} from {' to '.join(dict.fromkeys(ends))}"


def _zone(row: pd.Series) -> str:
    return clean(row["name"], 40) or clean(row["zone"], 40)


def _told(zoning: str, facts: dict[str, Any]) -> str:
    """Return which zones to read with care, and what is counted twice or not at all."""
    parts = [f"{facts[key]:,} {words}" for key, words in _TOLD.items() if facts[key]]
    whole = facts["public_m2"]
    ground = [f"{percent(facts[key] / whole)} {words}" for key, words in _OF_GROUND.items() if facts[key] > 0]
    zones = f"of {facts['zones']:,} zones {join(parts)}" if parts else ""
    area = f"of the public ground {join(ground)}" if ground else ""
    if not (zones or area):
        return ""
    return f"{clean(zoning, 40)}, {', '.join(filter(None, (zones, area)))}"
