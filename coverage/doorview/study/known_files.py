"""What a run's folder says of known cameras: tables, rasters, maps; the user's own in `working/` alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import shapely

from doorview.share.tiles import TileResult
from doorview.show.layers import write_layers
from doorview.show.rasters import SparseRaster
from doorview.show.run_folder import RunFolder
from doorview.show.tables import write_known
from doorview.show.text import level_phrase
from doorview.study.compute import Prepared
from doorview.study.draw import headline_space, map_data
from doorview.study.known import ALL, OSM
from doorview.study.result import HEADLINE_LEVELS, Result

__all__ = ["draw_known", "known_facts", "known_rasters", "settings_to_publish", "write_known_files"]

NOT_PUBLISHED = "(your own list: not published)"
OWN_LICENCE = "the user's own list: not for publication"
REAL = "no: mapped cameras; what they see is computed with an assumed lens, not measured"
FOLDERS: dict[str, tuple[str, ...]] = {OSM: (), ALL: ("working",)}
"""Where in the run's folder each layer goes."""


def known_rasters(
    ready: Prepared, run: RunFolder, stack: ExitStack, settings: dict[str, Any], licence: str
) -> Callable[[TileResult], None]:
    """Open a raster per layer and level, with the settings of the others, and give the function that writes a tile."""
    rasters: dict[tuple[str, str], SparseRaster] = {}
    if ready.known is not None:
        assumed = ready.known.assumed()["levels"]
        for layer in ready.known.layers:
            for item in ready.known.levels:
                seen = replace(item, range_m=assumed[item.name]["range_m"])
                rasters[layer, item.name] = stack.enter_context(
                    SparseRaster(
                        run.path(*FOLDERS[layer], f"known_{item.name}.tif"),
                        **settings,
                        description=f"known cameras that see the cell, {level_phrase(seen, ready.study.output.units)}",
                        units="cameras",
                        tags={"level": item.name, "assumed_lens": ready.known.model.label},
                        licence=licence if layer == OSM else f"{OWN_LICENCE}; {licence}",
                        simulated=REAL,
                    )
                )

    def write(result: TileResult) -> None:
        for layer, tile in result.known.items():
            for name, array in tile.seen_by.items():
                if array is not None:
                    rasters[layer, name].write(result.row0, result.col0, array)

    return write


def write_known_files(result: Result, run: RunFolder, licence: str) -> dict[str, str]:
    """Write known.csv of each layer, and the cameras; return file -> licence of what may be published."""
    ready = result.ready
    if ready.known is None:
        return {}
    for layer, table in result.tables.known.items():
        write_known(run.path(*FOLDERS[layer], "known.csv"), table)
    own = bool(ready.known.cameras["private"].any()) if ALL in ready.known.layers else False
    write_layers(
        run.path("working", "known_cameras.gpkg"),
        {"known_cameras": ready.known.cameras},
        licence=f"{OWN_LICENCE}; {licence}" if own else licence,
        attribution=ready.attribution,
        description=" ".join(ready.known.own_notes),
        data_date=ready.city.source.get("data_date"),
        simulated=REAL,
    )
    if OSM not in ready.known.layers:
        return {}
    names = [f"known_{item.name}.tif" for item in ready.known.levels] if ready.study.output.rasters else []
    return dict.fromkeys(["known.csv", *names], licence)


def known_facts(result: Result) -> dict[str, Any]:
    """Return what run.json says of known cameras: nothing that depends on the user's own."""
    known = result.ready.known
    if known is None:
        return {}
    facts: dict[str, Any] = {"assumed": known.assumed()}
    if OSM in known.layers:
        facts |= {"cameras": len(known.public), "counts": known.counts, "notes": list(known.notes)}
    if ALL in known.layers:
        facts["own"] = "the user's own cameras are counted in working/ alone, which is not for publication"
    return {"known": facts}


def settings_to_publish(settings: dict[str, Any]) -> dict[str, Any]:
    """Return a study's settings without what they say of the user's own cameras."""
    section = dict(settings["known"])
    for key in ("file", "layer", "columns"):
        if section[key] is not None:
            section[key] = NOT_PUBLISHED
    return {**settings, "known": section}


def draw_known(result: Result, folder: Path, source: Path) -> list[Path]:
    """Draw the maps of OpenStreetMap's cameras into `folder`, where there are any; rasters lie in `source`."""
    from doorview.show.known_map import KnownFigure, KnownMapData, known_detail_map, known_map

    known, level = result.ready.known, result.main_level()
    raster = source / f"known_{level}.tif"
    if known is None or OSM not in known.layers or not len(known.public) or not raster.is_file():
        return []
    scenario, space = result.main_scenario(), headline_space(result)
    base = map_data(result, scenario, level, None)
    assumed = known.assumed()
    ranges = {name: item["range_m"] for name, item in assumed["levels"].items()}
    by_name = {item.name: replace(item, range_m=ranges[item.name]) for item in known.levels}
    unconfirmed = tuple(dict.fromkeys(mark for item in known.levels for mark in item.marks))
    caption = replace(base.caption, known=True, camera=known.model.label, unconfirmed=unconfirmed)
    table = result.tables.known[OSM]
    here = table[(table["scenario"] == scenario) & (table["space"] == space) & (table["zoning"] == "all")]
    rows = here.set_index("level")
    names = [name for name in HEADLINE_LEVELS if name in by_name] or list(by_name)
    data = KnownMapData(
        base=replace(base, level=by_name[level], caption=caption),
        cameras=shapely.get_coordinates(known.public.geometry.to_numpy()),
        seen_by=raster,
        said=known.words(),
        figures=tuple(
            KnownFigure(
                by_name[name], *(float(rows.loc[name, f"share_{kind}"]) for kind in ("known", "mean", "either"))
            )
            for name in names
        ),
    )
    return [
        known_map(folder / f"known_{level}.png", data),
        known_detail_map(folder / f"known_{level}_detail.png", data),
    ]
