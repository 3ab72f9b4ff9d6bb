"""Pictures of a result: what the drawing room needs to know, taken from the run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from doorview.ownership.scenario import Scenario
from doorview.share.outputs import HEADLINE
from doorview.show.drivers import driver_sentence
from doorview.show.text import Caption, clean, place_words
from doorview.study.dwellings import DOUBTFUL
from doorview.study.hides import obstacle_words
from doorview.study.result import HEADLINE_LEVELS, Result, check_scenario
from doorview.study.terrain import terrain_phrase

__all__ = [
    "attribution_of",
    "caption_of",
    "clause_of",
    "draw_curves",
    "draw_drivers",
    "draw_map",
    "draw_maps",
    "driver_words",
    "headline_space",
    "map_data",
]


def attribution_of(result: Result) -> str:
    """Return who made the data."""
    return result.ready.attribution


def caption_of(result: Result) -> Caption:
    """Return what every picture of the run says about itself."""
    ready = result.ready
    return Caption(
        place=ready.city.name,
        label=ready.study.study.label or "",
        camera=ready.camera_label,
        data_date=ready.city.source.get("data_date"),
        fictional=ready.study.study.fictional,
        unconfirmed=tuple(dict.fromkeys(mark for item in ready.levels for mark in item.marks)),
        units=ready.study.output.units,
        attribution=attribution_of(result),
        obstacles=obstacle_words(ready.study.coverage, ready.study.doors),
        reading=ready.reading_words,
        ground=terrain_phrase(ready.scene.terrain, ready.study.output.units),
        mixed=ready.mix is not None,
        svg=ready.study.output.svg,
    )


def headline_space(result: Result) -> str:
    """Return what headlines are about: streets near homes, or all public ground where there are none."""
    return HEADLINE if (result.curve["space"] == HEADLINE).any() else "all"


def clause_of(result: Result, scenario: str) -> str:
    """Return the scenario as a clause that follows "If"."""
    item = next(s for s in result.tables.scenarios if s.name == scenario)
    label = _label(result, scenario)
    if label is not None:
        return f"{_plain_clause(item)} ({label})"
    return _plain_clause(item)


def _label(result: Result, scenario: str) -> str | None:
    """Return the plain name that the study gives a scenario, fit for a picture."""
    section = result.ready.study.scenarios.get(scenario)
    return clean(section.label, 60) if section is not None and section.label else None


def _plain_clause(item: Scenario) -> str:
    """Return the scenario as a clause that follows "If", without its label."""
    if item.text is not None:
        return item.text.replace(" own one", " own a doorbell camera", 1)
    if item.process == "exactly":
        return f"exactly {item.number:,} homes own a doorbell camera, drawn by lot"
    return f"{100 * (item.rate or 0):.3g}% of homes own a doorbell camera, each independently of the others"


def map_data(result: Result, scenario: str, level: str, seen_by: Path | None) -> Any:
    """Return the map's content for one scenario and level."""
    from doorview.show.maps import MapData

    check_scenario(result, scenario, level)
    ready = result.ready
    faces = result.block_faces(scenario).rename(columns={f"share_{level}": "share"})
    zones = ready.zones
    if zones is not None:
        table = result.tables.dwellings
        hatched = np.zeros(len(zones), bool)
        if table is not None:
            flagged = table[table[DOUBTFUL]]
            keys = set(zip(flagged["zoning"], flagged["zone"], strict=True))
            hatched = np.array([pair in keys for pair in zip(zones["zoning"], zones["zone"], strict=True)])
        zones = zones.assign(hatched=hatched)
    names = [name for name in HEADLINE_LEVELS if name in result.levels] or list(result.levels)
    space = headline_space(result)
    own = next(s for s in result.tables.scenarios if s.name == scenario)
    one_chance = ready.equal_chances(own)
    # A street without a mapped home near it says nothing of cameras: it is not "none in view".
    unknown = (faces["near_home_m2"] == 0) & (faces["share"] == 0)
    faces["share"] = faces["share"].mask(unknown)
    return MapData(
        faces=faces,
        buildings=ready.city.buildings,
        level=result.levels[level],
        scenario=clause_of(result, scenario),
        caption=caption_of(result),
        headline=place_words(space, ready.study.output.units, ready.study.public_space.near_home_m),
        figures=tuple((result.levels[name], result.share(scenario, name, space)) for name in names),
        seen_by=seen_by if one_chance else None,
        rate=float(ready.chances(own)[0]) if one_chance else None,
        ground=ready.ground.polygons,
        homes=ready.scene.door_xy[ready.door_table.inside],
        zones=zones,
        boundary=ready.city.boundary,
    )


def draw_map(
    result: Result,
    path: str | Path | None,
    *,
    scenario: str | None = None,
    level: str | None = None,
    detail: bool = False,
) -> Any:
    """Draw one map; return the path, or an image for a notebook where no path is given."""
    from doorview.show.maps import coverage_map, detail_map

    scenario, level = scenario or result.main_scenario(), level or result.main_level()
    raster = None if result.folder is None else result.folder / f"seen_by_{level}.tif"
    data = map_data(result, scenario, level, raster if raster is not None and raster.is_file() else None)
    draw = detail_map if detail else coverage_map
    if path is not None:
        return draw(Path(path), data)
    from IPython.display import Image

    with tempfile.TemporaryDirectory(prefix="doorview-") as folder:
        return Image(  # type: ignore[no-untyped-call]
            data=draw(Path(folder) / "map.png", data, dpi=110).read_bytes()
        )


def draw_maps(result: Result, folder: Path, source: Path) -> list[Path]:
    """Draw the maps of a run into `folder`: the whole place and the densest part; rasters lie in `source`."""
    from doorview.show.maps import coverage_map, detail_map

    scenario, level = result.main_scenario(), result.main_level()
    raster = source / f"seen_by_{level}.tif"
    data = map_data(result, scenario, level, raster if raster.is_file() else None)
    return [
        coverage_map(folder / f"in_view_{level}_{scenario}.png", data),
        detail_map(folder / f"in_view_{level}_{scenario}_detail.png", data),
    ]


def _range_labels(result: Result) -> dict[str, str]:
    """Return what the range plot calls each scenario; of those with one and the same curve the first alone."""
    labels: dict[str, str] = {}
    drawn = set()
    for item in result.tables.scenarios:
        if item.built is not None:
            continue
        plain = f"{100 * item.rate:.3g}% of homes" if item.rate is not None else f"{item.number or 0:,} cameras"
        if (plain, item.shared_doors) not in drawn:
            labels[item.name] = _label(result, item.name) or plain
        drawn.add((plain, item.shared_doors))
    return labels


def draw_curves(result: Result, folder: Path) -> list[Path]:
    """Draw the coverage curve and, where there is one, the range curve."""
    from doorview.show.curves import curve_plot, range_plot

    caption, levels = caption_of(result), result.ready.levels
    space, near_m = headline_space(result), result.ready.study.public_space.near_home_m
    drawn = [curve_plot(folder / "curve.png", result.curve, levels, caption, space=space, near_m=near_m)]
    if result.range_curve is not None and len(result.range_curve):
        labels = _range_labels(result)
        drawn.append(
            range_plot(
                folder / "range_curve.png",
                result.range_curve[result.range_curve["scenario"].isin(labels)],
                levels,
                caption,
                scenarios=labels,
                space=space,
                near_m=near_m,
            )
        )
    return drawn


def driver_words(result: Result) -> dict[str, Any] | None:
    """Return what drives the answer in words: a sentence for each level, and what was not varied; None if not asked."""
    found = result.tables.drivers
    if found is None:
        return None
    units, near_m = result.ready.study.output.units, result.ready.study.public_space.near_home_m
    said = {item.name: driver_sentence(found.table, item, units, near_m) for item in result.ready.levels}
    return {"in_words": {name: words for name, words in said.items() if words}, "not_varied": dict(found.left_out)}


def draw_drivers(result: Result, folder: Path) -> list[Path]:
    """Draw what drives the answer, a picture for each level, where the study asks for it."""
    table = result.drivers
    if table is None or table.empty:
        return []
    from doorview.show.drivers import tornado_plot

    clause = clause_of(result, str(table["scenario"].iloc[0]))
    near_m = result.ready.study.public_space.near_home_m
    return [
        tornado_plot(
            folder / f"drivers_{item.name}.png", table, item, caption_of(result), scenario=clause, near_m=near_m
        )
        for item in result.ready.levels
        if (table["level"] == item.name).any()
    ]
