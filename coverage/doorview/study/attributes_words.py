"""What is said of attributes of zones in words: what is assumed, and a sentence for each."""

from __future__ import annotations

import pandas as pd

from doorview.ownership.gradient import ASSUMED
from doorview.show.text import clean, percent
from doorview.study.attributes_run import AttributeRun, AttributesRun
from doorview.study.attributes_section import AttributeSection
from doorview.study.attributes_table import EQUAL_PART

__all__ = ["assumption_words", "attribute_rows", "attributes_words", "shown_attribute_scenario"]

CAVEAT = "A share by zone is not a share of that group's people."


def assumption_words(section: AttributeSection) -> str:
    """Return the assumed gradient in words; empty where none is assumed."""
    if section.gradient is not None:
        way = "more" if section.gradient >= 0 else "less"
        return (
            f"households own {100 * abs(section.gradient):.3g}% {way} often per standard deviation of "
            f"{clean(section.name, 60)}, the mean kept"
        )
    if section.times is not None:
        named = ", ".join(f"{clean(name, 26)} {value:g} times" for name, value in sorted(section.times.items()))
        return f"households own as often as others, but {named}; the mean kept"
    return ""


def attributes_words(found: AttributesRun | None, scenario: str, level: str) -> list[str]:
    """Return what a run says of attributes at its end: a sentence each, for the shown scenario and level."""
    shown = None if found is None else shown_attribute_scenario(found, scenario)
    if found is None or shown is None:
        return []
    return [_sentence(found, item, shown, level) for item in found.attributes]


def shown_attribute_scenario(found: AttributesRun, main: str) -> str | None:
    """Return the scenario that is shown: that of maps, if every home owns at one rate in it."""
    return main if main in found.scenarios else next(iter(found.scenarios), None)


def attribute_rows(found: AttributesRun, item: AttributeRun, scenario: str) -> pd.DataFrame:
    """Return the rows of an attribute under a scenario."""
    table = found.table
    own = (table["zoning"] == item.section.zoning) & (table["attribute"] == item.section.column)
    return table[own & (table["scenario"] == scenario)]


def _sentence(found: AttributesRun, item: AttributeRun, scenario: str, level: str) -> str:
    section, name = item.section, clean(item.section.name, 60)
    rows = attribute_rows(found, item, scenario)
    rows = rows[(rows["level"] == level) & (rows["measure"] == "share") & rows["value"].notna()]
    if rows.empty:
        zones = "1 zone" if len(item.zones) == 1 else f"{len(item.zones)} zones"
        return f"{name} by {clean(section.zoning, 40)}: {zones}, too few or all alike to compare."
    said = []
    for part in dict.fromkeys(rows["part"]):
        own = rows[rows["part"] == part]
        if section.kind == "number":
            low, high = percent(own["value"].iloc[0]), percent(own["value"].iloc[-1])
            ends = f"{low} in the lowest group of zones, {high} in the highest"
        else:
            ends = ", ".join(f"{clean(g, 26)} {percent(v)}" for g, v in zip(own["group"], own["value"], strict=True))
        lead = "at equal ownership (built form alone)" if part == EQUAL_PART else f"with a gradient that is {ASSUMED}"
        said.append(f"{lead} {ends}")
    return f"{name} ({scenario}, {level}): {'; '.join(said)}. {CAVEAT}"
