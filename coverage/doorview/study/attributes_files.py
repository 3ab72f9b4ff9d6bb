"""What a run's folder says of attributes of zones: the table, pictures, facts for run.json, and its sentences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from doorview.overlays.inequality import gini, lorenz
from doorview.overlays.zone_attributes import home_groups
from doorview.show.files import file_names
from doorview.show.run_folder import RunFolder
from doorview.show.tables import write_csv
from doorview.show.text import clean, place_words
from doorview.study.attributes_run import AttributeRun, AttributesRun
from doorview.study.attributes_table import ASSUMED_PART, EQUAL_PART
from doorview.study.attributes_words import assumption_words, attribute_rows, shown_attribute_scenario
from doorview.study.draw import caption_of, clause_of, map_data
from doorview.study.shown import headline_levels

if TYPE_CHECKING:
    from doorview.study.result import Result

__all__ = ["attributes_facts", "draw_attributes", "write_attributes_files"]

FEWEST_DRAWN = 4
"""Fewer zones than this make no curve worth a picture; the table has their figures."""
LONGEST = 200
"""Characters of a set of zones' and a column's name: in run.json as in the table, where the briefing looks them up."""
NO_SOURCE = "no source gives ownership by income or race"


def write_attributes_files(result: Result, run: RunFolder) -> None:
    """Write fairness_attributes.csv; text from data is cleaned."""
    found = result.tables.attributes
    if found is None:
        return
    table = found.table.copy()
    for name in ("zoning", "attribute", "group", "note"):
        table[name] = [clean(value, LONGEST) for value in table[name]]
    write_csv(run.path("fairness_attributes.csv"), table)


def attributes_facts(result: Result) -> dict[str, Any]:
    """Return what run.json says of attributes."""
    found = result.tables.attributes
    if found is None:
        return {}
    return {
        "attributes": {
            "caveat": "a share by zone is not a share of that group's people: zones are compared, not people",
            "parts": {
                EQUAL_PART: "every household owns a camera with the same chance: what differs is built form alone",
                ASSUMED_PART: f"{NO_SOURCE}; the gradient is the study's own",
            },
            "scenarios": list(found.scenarios),
            "space": found.space,
            "intervals": "value_p05 and value_p95: chance alone, which homes happen to own one; value_low and "
            "value_high: the range over assumptions, taken to be the same in all zones at once. Chance makes homes "
            "unequal by itself, so that Gini and Theil of drawn ownerships lie above those of expected shares",
            "asked": [
                {
                    "zoning": clean(item.section.zoning, LONGEST),
                    "column": clean(item.section.column, LONGEST),
                    "label": clean(item.section.name, 60),
                    "kind": item.section.kind,
                    "zones": len(item.zones),
                    "assumed": assumption_words(item.section) or None,
                    "notes": [clean(note, 300) for note in item.notes],
                }
                for item in found.attributes
            ],
        }
    }


def draw_attributes(result: Result, folder: Path) -> list[Path]:
    """Draw, for each attribute, the map of two variables, shares by group, and Lorenz curves."""
    found = result.tables.attributes
    scenario = None if found is None else shown_attribute_scenario(found, result.main_scenario())
    if found is None or scenario is None:
        return []
    names = file_names(f"{item.section.zoning}_{item.section.column}" for item in found.attributes)
    return [
        path
        for item, name in zip(found.attributes, names, strict=True)
        for path in _pictures(result, found, item, scenario, folder, name)
    ]


def _pictures(
    result: Result, found: AttributesRun, item: AttributeRun, scenario: str, folder: Path, name: str
) -> list[Path]:
    from doorview.show.attribute_plots import LorenzLine, groups_plot, lorenz_plot

    section, caption = item.section, caption_of(result)
    levels = [result.levels[level] for level in headline_levels(result.levels)]
    units, near_m = result.ready.study.output.units, result.ready.study.public_space.near_home_m
    headline, clause = place_words(found.space, units, near_m), clause_of(result, scenario)
    assumption = assumption_words(section)
    drawn = _two_variables(result, item, scenario, folder / f"fairness_two_variables_{name}.png")
    rows = attribute_rows(found, item, scenario)
    shares = rows[rows["measure"] == "share"]
    if shares["value"].notna().any():
        drawn.append(
            groups_plot(
                folder / f"fairness_groups_{name}.png", shares, levels, caption, label=section.name, scenario=clause,
                headline=headline, assumption=assumption, notes=item.notes,
            )
        )  # fmt: skip
    lines = []
    for part in (EQUAL_PART, ASSUMED_PART):
        for level in levels:
            seen = item.seen.get((part, scenario, level.name))
            if seen is not None:
                amount = seen.mean * item.homes.public_m2
                curve = lorenz(amount, item.homes.homes)
                lines.append(LorenzLine(level, part == ASSUMED_PART, *curve, gini(amount, item.homes.homes)))
    if any(len(line.homes) for line in lines) and len(item.zones) >= FEWEST_DRAWN:
        drawn.append(
            lorenz_plot(
                folder / f"lorenz_{name}.png", lines, caption, scenario=clause, headline=headline,
                zones=section.zoning, assumption=assumption,
            )
        )  # fmt: skip
    return drawn


def _two_variables(result: Result, item: AttributeRun, scenario: str, path: Path) -> list[Path]:
    """Draw the map of two variables of a number, where both have classes."""
    from doorview.show.two_variables_map import TwoVariables, two_variables_map

    level, homes = result.main_level(), item.homes
    seen = item.seen.get((EQUAL_PART, scenario, level))
    if item.section.kind != "number" or seen is None or not len(item.zones):
        return []
    attribute, columns = home_groups(homes.numbers, homes.homes, most=3)
    share, rows = home_groups(seen.mean, homes.homes, most=3)
    if columns < 2 or rows < 2:
        return []
    zones = item.zones.assign(attribute=homes.numbers, share=seen.mean, attribute_third=attribute, share_third=share)
    data = TwoVariables(
        map_data(result, scenario, level, None), zones, item.left_out, item.section.name, item.section.unit or "",
        (columns, rows), "equal ownership: what differs is built form alone",
    )  # fmt: skip
    return [two_variables_map(path, data)]
