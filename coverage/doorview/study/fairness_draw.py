"""Pictures of a run's fairness: a page by set of zones, and one for what each programme or rule changes there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from doorview.show.text import clean, place_words
from doorview.study.draw import headline_space, map_data
from doorview.study.fairness_run import FAIRNESS_CAVEAT

if TYPE_CHECKING:
    from doorview.study.fairness_run import FairnessRun
    from doorview.study.result import Result

__all__ = ["draw_fairness", "picture_names"]


def picture_names(found: FairnessRun) -> dict[str, str]:
    """Return what follows the name of a picture by set of zones: nothing, or a number where there are several."""
    zonings = list(found.zonings)
    return {zoning: "" if len(zonings) == 1 else f"_{number}" for number, zoning in enumerate(zonings, start=1)}


def draw_fairness(result: Result, folder: Path) -> list[Path]:
    """Draw `fairness.png` and `fairness_change_SCENARIO.png` into `folder`; nothing without zones."""
    found, zones = result.tables.fairness, result.ready.zones
    if found is None or zones is None:
        return []
    from doorview.show.fairness_maps import FairnessData, change_map, zone_bars_map

    ready, level = result.ready, result.main_level()
    shown = found.section.scenarios_of([item.name for item in result.tables.scenarios])
    scenario = result.main_scenario() if result.main_scenario() in shown else shown[0]
    space = headline_space(result)
    words = place_words(space, ready.study.output.units, ready.study.public_space.near_home_m)
    drawn = []
    for zoning, ending in picture_names(found).items():
        shapes = zones[zones["zoning"] == zoning]
        here = found.table[(found.table["zoning"] == zoning) & (found.table["level"] == level)]
        here = here[(here["scenario"] == scenario) & (here["space"] == space)]
        if here["share_mean"].notna().any():
            base = map_data(result, scenario, level, None)
            data = FairnessData(base, shapes, here, words, FAIRNESS_CAVEAT)
            drawn.append(zone_bars_map(folder / f"fairness{ending}.png", data))
        if found.change is None:
            continue
        change = found.change
        change = change[(change["zoning"] == zoning) & (change["level"] == level) & (change["space"] == space)]
        for name, rows in change.groupby("scenario", sort=True):
            data = FairnessData(map_data(result, str(name), level, None), shapes, rows, words, FAIRNESS_CAVEAT)
            said = f"{_name(result, str(name))}, compared with {_name(result, str(rows['against'].iloc[0]))}."
            drawn.append(change_map(folder / f"fairness_change_{name}{ending}.png", data, programme=said))
    return drawn


def _name(result: Result, scenario: str) -> str:
    """Return a scenario as people read it: its label, else its name."""
    plain = scenario.removesuffix(", without")
    section = result.ready.study.scenarios.get(plain)
    label = clean(section.label, 80) if section is not None and section.label else clean(plain, 60).replace("_", " ")
    return f"{label}, without its programme and rules" if plain != scenario else label
