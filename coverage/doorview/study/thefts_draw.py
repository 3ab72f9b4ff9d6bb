"""Pictures of a run's reported thefts: those that are fit to publish, drawn by `show.theft_maps` and its neighbours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from doorview.overlays.publish import SMALLEST_COUNT, WITHHELD
from doorview.show.style import HOT_SPOT_COLOURS
from doorview.show.text import count
from doorview.show.theft_drawing import TheftNote
from doorview.show.theft_maps import DensityData, HotSpotData, density_map, hotspot_map
from doorview.show.theft_plot import prediction_plot
from doorview.show.theft_rates_map import RatesData, rates_map
from doorview.show.theft_ratio_map import RatioData, ratio_map
from doorview.show.theft_street_map import StreetsData, streets_map
from doorview.show.theft_window_map import WindowSpotsData, window_spots_map
from doorview.study.draw import caption_of, map_data
from doorview.study.thefts_files import scored
from doorview.study.thefts_hotspots import HIGH, HOT
from doorview.study.thefts_surfaces import (
    STREETS_COLUMN,
    RatioShown,
    published_density,
    published_homes,
    published_streets,
    published_windows,
)

if TYPE_CHECKING:
    from doorview.show.maps import MapData
    from doorview.study.result import Result
    from doorview.study.thefts_run import TheftsRun

__all__ = ["draw_thefts"]

PERIOD_MONTHS = 6
"""Length of the periods of `doorview.overlays.time_classes.hot_spot_classes`, as they are here."""


def draw_thefts(result: Result, folder: Path) -> list[Path]:
    """Draw what may be published of reported thefts into `folder`; nothing where they are fewer than 5."""
    found = result.tables.thefts
    if found is None or not found.enough:
        return []
    base = map_data(result, result.main_scenario(), result.main_level(), None)
    drawn = [*_rates(base, found, result.ready.zones, folder), *_forecast(result, found, folder)]
    # A number that is withheld stands on no map, and a surface would add up to it.
    return drawn if found.number_words == WITHHELD else [*_surfaces(base, found, folder), *drawn]


def _note(found: TheftsRun, incidents: int | None) -> TheftNote:
    window = found.plan.window
    return TheftNote(
        found.plan.section.file.name,
        str(window.first)[:7],
        str(window.last)[:7],
        incidents,
        blocks=bool((found.plan.recent["block"] != "").all()),
    )


def _surfaces(base: MapData, found: TheftsRun, folder: Path) -> list[Path]:
    """Draw the density and the hot spots over time."""
    drawn, note, surface = [], _note(found, found.number), found.surface
    values = published_density(found)
    if values is not None and surface is not None and found.bandwidth is not None:
        few = surface.grid.inside & np.isnan(values)
        density = surface.per_month(found.plan.window.months)
        data = DensityData(
            base, note, density, surface.grid, few, surface.bandwidth_m, found.bandwidth.rule, surface.kernel
        )
        drawn.append(density_map(folder / "thefts_density.png", data))
        drawn += [*_streets(base, found, folder), *_ratios(base, found, folder)]
    outlines = found.ground.outlines
    by_test = [outlines[outlines["class"] == name] for name in (HOT, HIGH)]
    left_out = count(sum(found.ground.few[name] for name in (HOT, HIGH)))
    tested = WindowSpotsData(base, note, by_test[0], by_test[1], found.hot.rate, found.plan.grid.cell_m, left_out)
    drawn.append(window_spots_map(folder / "hotspots_window.png", tested))
    classes = outlines[outlines["class"].isin(HOT_SPOT_COLOURS)]
    over = None if found.over_time is None or not len(classes) else _note_over_time(found, found.over_time.table)
    if over is not None and found.over_time is not None:
        periods = len(found.over_time.table)
        spots = HotSpotData(base, over, classes, periods, PERIOD_MONTHS, found.hot.rate, found.plan.grid.cell_m)
        drawn.append(hotspot_map(folder / "hotspots.png", spots))
    return drawn


def _streets(base: MapData, found: TheftsRun, folder: Path) -> list[Path]:
    """Draw the density along streets, where there is one."""
    pieces, streets, how = published_streets(found), found.surfaces.streets, found.bandwidth
    if pieces is None or streets is None or how is None:
        return []
    note = _note(found, found.number)
    data = StreetsData(base, note, pieces, STREETS_COLUMN, how.metres, streets.bandwidth_m, how.rule)
    return [streets_map(folder / "thefts_streets.png", data)]


def _ratios(base: MapData, found: TheftsRun, folder: Path) -> list[Path]:
    """Draw the ratio of windows and thefts over dwellings, where they are there."""
    drawn, note, how = [], _note(found, found.number), found.bandwidth
    short = found.plan.windows[0].published
    kinds: list[tuple[Literal["windows", "dwellings"], str, RatioShown | None]] = [
        ("windows", "thefts_ratio", published_windows(found)),
        ("dwellings", "thefts_per_dwelling", published_homes(found)),
    ]
    for kind, name, item in kinds:
        if item is None or how is None:
            continue
        ratio = item.found
        numbers = (ratio.numerator, ratio.denominator)
        data = RatioData(
            base, note, kind, item.told, item.above, item.below, ratio.grid, ratio.overall, ratio.replicates, numbers,
            short, ratio.bandwidth_m, how.rule, ratio.kernel,
        )  # fmt: skip
        drawn.append(ratio_map(folder / f"{name}.png", data))
    return drawn


def _note_over_time(found: TheftsRun, table: pd.DataFrame) -> TheftNote | None:
    """Return what is said of the incidents of all periods; None where their number would give a small one away."""
    number = int(table["incidents"].sum())
    if 0 < abs(number - found.number) < SMALLEST_COUNT:
        return None
    months = [name.partition(" to ") for name in table["period"].astype(str)]
    return replace(_note(found, number), first=months[0][0][:7], last=(months[-1][2] or months[-1][0])[:7])


def _rates(base: MapData, found: TheftsRun, zones: gpd.GeoDataFrame | None, folder: Path) -> list[Path]:
    """Draw rates by zone over both windows, a picture for each set of zones; per dwelling alone."""
    table = found.published
    if table is None or zones is None:
        return []
    drawn: list[Path] = []
    zonings = pd.unique(table["zoning"])
    for number, zoning in enumerate(zonings, start=1):
        rows = table[(table["zoning"] == zoning) & (table["per"] == table["per"].iloc[0])]
        if len(pd.unique(rows["window"])) == 2 and rows["rate_smoothed"].notna().any():
            name = f"thefts_by_zone_{number}.png" if len(zonings) > 1 else "thefts_by_zone.png"
            own = zones[zones["zoning"] == zoning]
            drawn.append(rates_map(folder / name, RatesData(base, _note(found, None), own, rows)))
    return drawn


def _forecast(result: Result, found: TheftsRun, folder: Path) -> list[Path]:
    """Draw how the heat maps did on later reports."""
    if found.prediction is None or found.plan.hold_out is None or not scored(found):
        return []
    first, after = found.plan.hold_out
    last = after - pd.Timedelta(days=1)
    note = TheftNote(found.plan.section.file.name, f"{first:%Y-%m}", f"{last:%Y-%m}")
    sentence = found.prediction.sentences[0] if found.prediction.sentences else ""
    path = folder / "prediction.png"
    return [prediction_plot(path, found.prediction.table, sentence, caption_of(result), note)]
