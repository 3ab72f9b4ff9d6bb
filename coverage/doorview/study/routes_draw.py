"""Pictures of a run's ways on foot, those that may be published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from doorview.overlays.detour import chosen_routes
from doorview.overlays.route_exposure import point_chances
from doorview.overlays.route_profile import route_profile
from doorview.overlays.routes import route_lines
from doorview.show.files import file_names
from doorview.show.route_maps import DrawnWay, LevelFigures, RouteData, exposure_map, route_map
from doorview.show.route_plot import route_plot
from doorview.show.text import SMALLEST_COUNT, level_phrase
from doorview.study.draw import caption_of, map_data
from doorview.study.routes_run import LEAST, SHORTEST
from doorview.study.shown import headline_levels

if TYPE_CHECKING:
    from doorview.show.maps import MapData
    from doorview.study.result import Result
    from doorview.study.routes_run import RoutesRun

__all__ = ["MOST_DRAWN", "draw_routes", "drawn_ways"]

MOST_DRAWN = 6
"""Ways that pictures are drawn of; the others stand in the tables alone."""


def draw_routes(result: Result, folder: Path) -> list[Path]:
    """Draw the ways that were asked for, and every street's exposure, into `folder`."""
    found = result.tables.routes
    if found is None:
        return []
    base = map_data(result, found.shown, found.level, None)
    drawn = []
    if found.streets is not None:
        streets = found.streets.rename(columns={f"share_{found.level}": "share"})
        path = folder / f"street_exposure_{found.level}.png"
        drawn.append(exposure_map(path, base, streets, _over_streets(result, found)))
    levels = [result.levels[name] for name in headline_levels(result.levels)]
    if found.level not in [item.name for item in levels]:
        levels.append(result.levels[found.level])
    for name, row in drawn_ways(found, fictional=result.ready.study.study.fictional).items():
        shown = replace(base, caption=caption_of(result))
        fictional = result.ready.study.study.fictional
        data = _route_data(found, row, shown, [item.name for item in levels], fictional=fictional)
        drawn.append(route_map(folder / f"routes_{name}.png", data))
        drawn.append(route_plot(folder / f"route_profile_{name}.png", data, levels))
    return drawn


def _over_streets(result: Result, found: RoutesRun) -> list[tuple[str, float]]:
    """Return the levels in words, and the expected share of all streets' length in view at each."""
    if found.streets is None:
        return []
    units, length = result.ready.study.output.units, found.streets["length_m"].to_numpy(np.float64)
    told = []
    for name in headline_levels(result.levels):
        share = found.streets[f"share_{name}"].to_numpy(np.float64)
        known = ~np.isnan(share)
        if known.any():
            mean = float((share[known] * length[known]).sum() / length[known].sum())
            told.append((level_phrase(result.levels[name], units), mean))
    return told


def drawn_ways(found: RoutesRun, *, fictional: bool) -> dict[str, int]:
    """Return the ways that are drawn, name of a file to row: those with a name first, at most `MOST_DRAWN`."""
    status = found.shortest.table["status"]
    rows = [
        row
        for row, label in enumerate(found.plan.labels[: len(found.least[found.shown])])
        if status.iloc[row] == "found" and (fictional or label not in found.private)
    ][:MOST_DRAWN]
    return dict(zip(file_names(found.plan.labels[row][:50].lower() for row in rows), rows, strict=True))


def _route_data(found: RoutesRun, row: int, base: MapData, levels: list[str], *, fictional: bool) -> RouteData:
    """Return what pictures of one way show."""
    label = found.plan.labels[row]
    table = found.table[(found.table["route"] == label) & (found.table["scenario"] == found.shown)]
    shortest, least = found.shortest, found.least[found.shown]
    lines = [route_lines(found.graph, chosen_routes(item, np.array([row])))[0] for item in (shortest, least)]
    same = bool(lines[0].equals_exact(lines[1], 1e-6))
    chances = {name: point_chances(found.exposures[name], found.owners[found.shown]) for name in levels}
    ways = []
    for kind, routes, line in ((SHORTEST, shortest, lines[0]), (LEAST, least, lines[1]))[: 1 if same else 2]:
        here = table[table["kind"] == kind].set_index("level")
        ways.append(
            DrawnWay(
                kind,
                line,
                float(routes.table["length_m"].iloc[row]),
                route_profile(found.walk, routes, row, chances),
                tuple(_figures(here, name, fictional=fictional) for name in levels),
            )
        )
    origin, destination = found.plan.ends[row]
    said = []
    if table["known_cameras"].max() > 0:
        said.append("Known cameras see this way too, and see it for certain: routes.csv has them apart.")
    if table["outside_m"].max() > 1.0:
        said.append("It leaves the counted area, where doors may be unknown: what is in view there is a lower bound.")
    words = " ".join(said)
    return RouteData(
        base,
        label,
        origin.name,
        destination.name,
        tuple(ways),
        same,
        found.section.detour_cap,
        words,
    )


def _figures(here: pd.DataFrame, level: str, *, fictional: bool) -> LevelFigures:
    row = here.loc[level]
    few = not fictional and 0 < row["doors_in_view"] < SMALLEST_COUNT
    return LevelFigures(
        level, float(row["share_in_view_mean"]), None if few else float(row["doorbells_mean"]), float(row["p_unseen"])
    )
