"""Pictures of a run's fairness: a page by set of zones, and one for what each programme or rule changes there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from doorview.show.files import file_names
from doorview.show.text import clean, place_words
from doorview.study.draw import headline_space, map_data
from doorview.study.fairness_run import FAIRNESS_CAVEAT

if TYPE_CHECKING:
    from doorview.study.result import Result

__all__ = ["draw_fairness"]


def draw_fairness(result: Result, folder: Path) -> list[Path]:
    """Draw `fairness.png` and `fairness_change_SCENARIO.png` into `folder`; nothing without zones.

    Where there are several sets of zones, the name of each follows.
    """
    found, zones = result.tables.fairness, result.ready.zones
    if found is None or zones is None:
        return []
    from doorview.show.fairness_maps import FairnessData, change_map, zone_bars_map

    ready, level = result.ready, result.main_level()
    shown = found.section.scenarios_of([item.name for item in result.tables.scenarios])
    scenario = result.main_scenario() if result.main_scenario() in shown else shown[0]
    space = headline_space(result)
    words = place_words(space, ready.study.output.units, ready.study.public_space.near_home_m)
    pages: list[tuple[str, str, str, pd.DataFrame]] = []
    for zoning in found.zonings:
        ending = f"_{zoning}" if len(found.zonings) > 1 else ""
        here = _rows(found.table, zoning, level, space)
        here = here[here["scenario"] == scenario]
        if here["share_mean"].notna().any():
            pages.append((f"fairness{ending}", zoning, "", here))
        if found.change is not None:
            change = _rows(found.change, zoning, level, space).groupby("scenario", sort=True)
            pages += [(f"fairness_change_{name}{ending}", zoning, str(name), rows) for name, rows in change]
    drawn = []
    names = file_names(page for page, *_ in pages)
    for file, (_, zoning, changed, rows) in zip(names, pages, strict=True):
        base = map_data(result, changed or scenario, level, None)
        data = FairnessData(base, zones[zones["zoning"] == zoning], rows, words, FAIRNESS_CAVEAT)
        path = folder / f"{file}.png"
        if changed:
            said = f"{_name(result, changed)}, compared with {_name(result, str(rows['against'].iloc[0]))}."
            drawn.append(change_map(path, data, programme=said))
        else:
            drawn.append(zone_bars_map(path, data))
    return drawn


def _rows(table: pd.DataFrame, zoning: str, level: str, space: str) -> pd.DataFrame:
    return table[(table["zoning"] == zoning) & (table["level"] == level) & (table["space"] == space)]


def _name(result: Result, scenario: str) -> str:
    """Return a scenario as people read it: its label, else its name."""
    plain = scenario.removesuffix(", without")
    section = result.ready.study.scenarios.get(plain)
    label = clean(section.label, 80) if section is not None and section.label else clean(plain, 60).replace("_", " ")
    return f"{label}, without its programme and rules" if plain != scenario else label
