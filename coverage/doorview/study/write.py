"""Writing a run's folder: tables, layers, rasters, pictures, and run.json that says how they came about."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from doorview.city.classes import CLASSES
from doorview.city.ground_polygons import MAP_CLASSES, MAP_SEGMENTS, ground_polygons
from doorview.share.scene import SPACES
from doorview.share.tiles import TileResult, cover
from doorview.show.briefing.write import write_briefing
from doorview.show.explorer.build import write_pages
from doorview.show.finished import sealed
from doorview.show.layers import write_doors, write_layers
from doorview.show.qml import ground_style, line_style, share_style, zone_style
from doorview.show.rasters import SparseRaster
from doorview.show.run_folder import RunFolder
from doorview.show.tables import write_csv, write_curve, write_drivers, write_parquet, write_range_curve, write_shares
from doorview.show.text import SMALLEST_COUNT, count, level_phrase
from doorview.study.alerts_files import alerts_facts, write_alerts_files
from doorview.study.attributes_files import attributes_facts, draw_attributes, write_attributes_files
from doorview.study.camera_mix import values_of
from doorview.study.compute import Prepared
from doorview.study.costs import cost_facts
from doorview.study.draw import attribution_of, draw_curves, draw_drivers, draw_maps, driver_words
from doorview.study.explorer_tables import write_explorer_tables
from doorview.study.fairness_draw import draw_fairness
from doorview.study.fairness_files import fairness_facts, write_fairness_files
from doorview.study.hides import obstacle_words
from doorview.study.kits import views_of_models
from doorview.study.known_files import (
    draw_known,
    known_facts,
    known_rasters,
    settings_to_publish,
    write_known_files,
)
from doorview.study.partnership_files import draw_partnership, partnership_facts, write_partnership_files
from doorview.study.private_ground_files import (
    draw_private_ground,
    private_ground_facts,
    write_private_ground_files,
)
from doorview.study.qgis_files import write_qgis
from doorview.study.result import Result
from doorview.study.routes_draw import draw_routes
from doorview.study.routes_files import routes_facts, routes_layers, routes_to_publish, write_routes_files
from doorview.study.terrain import terrain_files
from doorview.study.thefts_draw import draw_thefts
from doorview.study.thefts_files import months_alone, theft_layers, thefts_facts, write_thefts_files
from doorview.study.zones import COLUMN

__all__ = ["raster_sink", "write_into", "write_result", "write_tables_only"]

LIBRARIES = ("numpy", "shapely", "geopandas", "pyproj", "osmium", "numba", "rasterio", "pandas", "scipy")
ODBL = "ODbL 1.0"
FICTIONAL_LICENCE = "BSD-3-Clause (fictional data)"


@contextmanager
def raster_sink(ready: Prepared, run: RunFolder, attribution: str) -> Iterator[Callable[[TileResult], None]]:
    """Open one sparse raster per level and give the function that writes a tile into them."""
    tiles = np.array(ready.scene.tiles())
    size = ready.scene.grid.tile
    (row0, col0), (row1, col1) = tiles.min(axis=0) * size, (tiles.max(axis=0) + 1) * size
    with ExitStack() as stack:
        rasters = {
            item.name: stack.enter_context(
                SparseRaster(
                    run.path(f"seen_by_{item.name}.tif"),
                    crs=ready.city.crs.to_wkt(),
                    cell_m=ready.scene.grid.cell_m,
                    row0=int(row0),
                    col0=int(col0),
                    rows=int(row1 - row0),
                    cols=int(col1 - col0),
                    description="simulated doors that would see the cell, "
                    f"{level_phrase(item, ready.study.output.units)}",
                    tags={
                        "level": item.name,
                        "camera": ready.camera_label,
                        "obstacles": obstacle_words(ready.study.coverage, ready.study.doors),
                    },
                    attribution=attribution,
                    licence=_licence(ready),
                )
            )
            for item in ready.levels
        }

        shared = {
            "crs": ready.city.crs.to_wkt(), "cell_m": ready.scene.grid.cell_m, "row0": int(row0), "col0": int(col0),
            "rows": int(row1 - row0), "cols": int(col1 - col0), "attribution": attribution,
        }  # fmt: skip
        write_known = known_rasters(ready, run, stack, shared, _licence(ready))

        def write(result: TileResult) -> None:
            write_known(result)
            for name, array in result.seen_by.items():
                if array is not None:
                    rasters[name].write(result.row0, result.col0, array)

        yield write


def _licence(ready: Prepared) -> str:
    """Return the licence of what derives from the map data."""
    return FICTIONAL_LICENCE if ready.study.study.fictional else ODBL


def write_result(result: Result, folder: Path, *, fresh: bool = False) -> Path:
    """Write a result that was computed without a folder; rasters are covered anew."""
    with RunFolder(folder, fresh=fresh) as run:
        if result.ready.study.output.rasters:
            with result.stages.stage("writing rasters"), raster_sink(result.ready, run, attribution_of(result)) as sink:
                for tile in cover(result.ready.scene, threads=result.ready.study.coverage.threads):
                    sink(tile)
        write_into(result, run)
        return run.commit()


def write_into(result: Result, run: RunFolder) -> None:
    """Write everything but the rasters, run.json last."""
    study, stages = result.ready.study, result.stages
    with stages.stage("writing tables"):
        _write_shares(result, run)
        if result.drivers is not None:
            write_drivers(run.path("drivers.csv"), result.drivers)
        if result.tables.dwellings is not None:
            _write_dwellings(run.path("dwellings.csv"), result.tables.dwellings)
        _write_scenarios(result, run)
        write_partnership_files(result, run)
        write_alerts_files(result, run)
        write_private_ground_files(result, run)
        write_routes_files(result, run)
        write_fairness_files(result, run)
        write_attributes_files(result, run)
        _write_working(result, run)
    with stages.stage("writing layers"):
        written = _write_layers(result, run) | write_known_files(result, run, _licence(result.ready))
        written |= write_thefts_files(result, run)
        written |= write_qgis(result, run, written)
    with stages.stage("tables of the explorer"):
        working = run.path("working", "explorer.npz").parent
        write_explorer_tables(result, working / "explorer.npz", working / "explorer.json", run.path("shares.csv"))
    if study.output.maps:
        with stages.stage("drawing"):
            folder = run.path("maps", "x").parent
            placed = replace(result, folder=run.partial)
            draw_maps(placed, folder, run.partial)
            draw_curves(placed, folder)
            draw_drivers(placed, folder)
            draw_known(placed, folder, run.partial)
            draw_partnership(placed, folder)
            draw_thefts(placed, folder)
            draw_private_ground(placed, folder)
            draw_routes(placed, folder)
            draw_attributes(placed, folder)
            draw_fairness(placed, folder)
    facts = sealed(_run_facts(result, written), run.partial)
    run.write_run(facts | cost_facts(result, run))
    if study.output.briefing:
        with stages.stage("writing the briefing"):
            write_briefing(run.partial)
    if study.output.explorer:
        with stages.stage("writing the explorer"):
            write_pages(run.partial)
    if study.output.briefing or study.output.explorer:  # both read run.json; now it can say what they cost
        run.write_run(facts | cost_facts(result, run))


def write_tables_only(result: Result, run: RunFolder) -> None:
    """Write the tables that need no more than the counts, and run.json."""
    with result.stages.stage("writing tables"):
        _write_shares(result, run)
        _write_scenarios(result, run)
    run.write_run(sealed(_run_facts(result, {}), run.partial) | cost_facts(result, run))


def _write_shares(result: Result, run: RunFolder) -> None:
    """Write the shares of scenarios, the curves, and the amounts by number of doors."""
    write_shares(run.path("shares.csv"), result.shares)
    write_curve(run.path("curve.csv"), result.curve)
    if result.range_curve is not None:
        write_range_curve(run.path("range_curve.csv"), result.range_curve)
    write_parquet(run.path("counts.parquet"), result.counts)


def _write_dwellings(path: Path, table: pd.DataFrame) -> None:
    """Write dwellings.csv; counts of 1 to 4, which could point at single homes, as words and without their ratio."""
    shown = table.astype({"doors_found": object, "dwellings_found": object, "dwellings_counted": object})
    for name in ("doors_found", "dwellings_found", "dwellings_counted"):
        numbers = table[name].to_numpy(dtype=np.float64)
        small = (numbers > 0) & (numbers < SMALLEST_COUNT)
        shown[name] = [
            count(1) if few else "" if np.isnan(n) else f"{n:.15g}" for n, few in zip(numbers, small, strict=True)
        ]
        shown.loc[small, "ratio"] = np.nan
    write_csv(path, shown)


def _write_scenarios(result: Result, run: RunFolder) -> None:
    """Write what scenarios change, and their cameras in every unit."""
    counted = result.tables.counted
    write_csv(run.path("densities.csv"), counted.densities)
    for name, table in (("change", counted.change), ("stages", counted.stages), ("placing", counted.placing)):
        if table is not None:
            write_csv(run.path(f"{name}.csv"), table)
    write_csv(run.path("working", "intervals.csv"), counted.intervals)


def _write_working(result: Result, run: RunFolder) -> None:
    """Write what later commands read; not fit to publish."""
    ready, coverage = result.ready, result.tables.coverage
    date, by = ready.city.source.get("data_date"), attribution_of(result)
    doors = ready.doors
    if ready.mix is not None:
        doors = doors.assign(camera=np.array([model.name for model in ready.mix.models], dtype=object)[ready.model_of])
    write_doors(run.path("working", "doors.gpkg"), doors, attribution=by, data_date=date)
    rows = coverage.rows.copy()
    rows["level"] = pd.Categorical.from_codes(rows["level"], list(coverage.levels)).astype(str)
    rows["space"] = np.array(SPACES, dtype=object)[rows["space"].to_numpy(np.int64)]
    rows["zones"] = np.array([" ".join(map(str, z)) for z in coverage.zones], dtype=object)[
        rows["zones"].to_numpy(np.int64)
    ]
    write_parquet(run.path("working", "coverage.parquet"), rows)
    members = coverage.members
    write_parquet(
        run.path("working", "members.parquet"),
        pd.DataFrame(
            {
                "set": np.repeat(np.arange(len(members.size), dtype=np.int32), members.size),
                "door": coverage.door_ids[members.doors],
            }
        ),
    )
    if ready.study.output.viewsheds:
        views = views_of_models(*ready.models, ready.doors, ready.obstacles).reset_index()
        views.to_parquet(run.path("working", "viewsheds.parquet"))
        table = pd.DataFrame(views.drop(columns="geometry")).rename(columns={"area_m2": "area_in_view_m2"})
        write_parquet(run.path("working", "door_views.parquet"), table)


def _write_layers(result: Result, run: RunFolder) -> dict[str, str]:
    """Write the layers and return file -> licence. Layers that rest on the user's own go into own.gpkg."""
    ready = result.ready
    city, level, main = ready.city, result.main_level(), result.main_scenario()
    faces = ready.ground.faces.copy()
    for name, table in result.tables.faces.items():
        if "public_m2" not in faces:
            faces["public_m2"], faces["group"] = table["public_m2"], table["group"]
        for column in table.columns:
            if column.startswith("share_"):
                faces[f"{column}__{name}"] = table[column]
    own = city.source.get("kind") in ("layers", "mixed")
    streets = city.ways[[name for name in ("name", "highway", "geometry") if name in city.ways]]
    polygons = ground_polygons(ready.ground, city, only=MAP_CLASSES, quarter_segments=MAP_SEGMENTS)
    layers: dict[str, Any] = {"streets": streets, "block_faces": faces, "ground": polygons}
    styles = {
        "streets": line_style("#8a8a8a", 0.3),
        "block_faces": share_style(f"share_{level}__{main}"),
        "ground": ground_style(),
    }
    walked, walked_styles = routes_layers(result)
    layers, styles = layers | walked, styles | walked_styles
    if ready.zones is not None:
        layers["zones"] = _zone_layer(result, ready.zones, main)
        styles["zones"] = zone_style()
    if own:
        theft, theft_styles = theft_layers(result)
        layers, styles = layers | theft, styles | theft_styles
    if ready.study.output.crs:
        layers = {name: layer.to_crs(ready.study.output.crs) for name, layer in layers.items()}
    name = "own.gpkg" if own else "city.gpkg"
    licence = _licence(ready)
    if own:
        licence = f"the user's own layers, with parts derived from OpenStreetMap ({ODBL}) where the run used it"
    write_layers(
        run.path(name),
        layers,
        styles=styles,
        licence=licence,
        attribution=attribution_of(result),
        description=f"{city.name}: simulated doorbell coverage. {ready.study.study.label or ''} "
        f"{obstacle_words(ready.study.coverage, ready.study.doors)} Layer ground: public "
        "ground by class, with driveways, closed ground and water; without buildings, yards and strips along facades. "
        "Round corners are drawn in chords, at most 0.2 m inside the arc.",
        data_date=city.source.get("data_date"),
    )
    return {name: licence}


def _zone_layer(result: Result, zones: Any, scenario: str) -> Any:
    """Return the zones with the share of their public ground in view at every level of a scenario."""
    s = result.shares
    wanted = s[(s["scenario"] == scenario) & (s["space"] == "all")]
    table = wanted.pivot_table(index=["zoning", "zone"], columns="level", values="share_mean").add_prefix("share_")
    # Columns of the user's own file, read for scenarios and attributes, are not the run's to hand on.
    kept = [name for name in zones.columns if not str(name).startswith(COLUMN)]
    return zones[kept].join(table, on=["zoning", "zone"])


def _run_facts(result: Result, layers: dict[str, str]) -> dict[str, object]:
    """Return what run.json says."""
    ready, coverage = result.ready, result.tables.coverage
    city = ready.city
    inside = float(shapely.area(ready.inside))
    by_class = coverage.totals.groupby("space")["amount"].sum()
    ground = {item.name: float(by_class.get(item.rank, 0)) * coverage.cell_m**2 for item in CLASSES}
    return {
        "name": ready.study.name,
        "fictional": ready.study.study.fictional,
        "simulated": "simulated cameras at real front doors; in view is not recorded, recorded is not kept, kept is "
        "not shared",
        "headline": result.headline(),
        "notes": result.notes(),
        "inputs": {
            **{key: value for key, value in city.source.items() if key != "files"},
            "attribution": attribution_of(result),
            "files": [
                {
                    **item,
                    "path": Path(str(item.get("path", ""))).name,
                    **({"licence": FICTIONAL_LICENCE} if ready.study.study.fictional else {}),
                }
                for item in city.source.get("files", [])
            ]
            + terrain_files(ready.scene.terrain),
            "zones": [zoning.file.name for zoning in ready.study.zones],
        },
        **_terrain_facts(ready),
        "settings": routes_to_publish(months_alone(settings_to_publish(ready.study.settings())), result),
        "crs": city.crs.to_string(),
        "country": city.country,
        **_camera_facts(ready),
        "obstacles": obstacle_words(ready.study.coverage, ready.study.doors),
        "scenarios": {item.name: item.words() for item in result.tables.scenarios},
        "shown_on_maps": {"scenario": result.main_scenario(), "level": result.main_level()},
        "counted": {
            "area_m2": inside,
            "lost_at_the_edge_m2": ready.lost_m2,
            "cell_m": coverage.cell_m,
            "doors": len(ready.doors),
            "doors_inside": int(ready.door_table.inside.sum()),
            "dwellings": int(ready.door_table.dwellings.sum()),
            "ground_m2": ground,
            # A city in parts has sets that stand in several of them.
            **({} if ready.study.output.tables_only else {"different_sets_of_doors": len(coverage.members.size)}),
        },
        "covering": result.tables.covering,
        "grid_error": {
            item.level: {
                "views_compared": item.views,
                "bias": item.bias,
                "rms_of_one_view_m2": item.rms_m2,
                "mean_view_m2": item.mean_m2,
                "standard_error_of_headline_share": _finite(result.grid_error_of_share(item.level)),
            }
            for item in result.tables.grid_errors
        },
        "range_curve": {
            "exact": [item.name for item in result.tables.scenarios if ready.equal_chances(item)],
            "note": "share against range takes every door's chance as the scenario's mean and doors as independent: "
            "exact for the scenarios named, an approximation for others, whose doors differ or whose number is fixed",
        },
        "public_space": _plain_notes(ready.ground.notes),
        "counts": ready.counts,
        **known_facts(result),
        **partnership_facts(result),
        **alerts_facts(result),
        **routes_facts(result),
        **thefts_facts(result),
        **private_ground_facts(result),
        **fairness_facts(result),
        **attributes_facts(result),
        "assumed_of_obstacles": list(ready.obstacles.attrs.get("notes", [])),
        "intervals": "share_p05 and share_p95: chance alone, which homes happen to own one "
        f"({ready.study.ownership.replicates} simulated ownerships, their errors in working/intervals.csv); "
        "share_low and share_high: 5 % to 95 % over joint draws of the assumptions in docs/drivers.md, at the same "
        "level, estimated on sampled spots; small rows take the change of the same space in the whole place",
        "drivers": driver_words(result),
        "seed": ready.study.study.seed,
        "licences": layers,
        "versions": {
            "doorview": metadata.version("doorview"),
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in LIBRARIES},
        },
    }


def _camera_facts(ready: Prepared) -> dict[str, Any]:
    """Return camera and levels as run.json says them; with a mix, by model too."""
    if ready.mix is None or ready.model_of is None:
        camera = {
            "name": ready.camera.name,
            "label": ready.camera.label,
            "reading_of_field_of_view": ready.camera.reading_words() or None,
            "values": values_of(ready.camera),
        }
        return {"camera": camera, "levels": {item.name: item.as_dict() for item in ready.levels}}
    return {
        "camera": {"name": "mix", "label": ready.mix.label, "models": ready.mix.facts(ready.model_of)},
        "levels": {
            item.name: {**item.as_dict(), "by_model": ready.mix.level_facts(item.name)} for item in ready.levels
        },
    }


def _terrain_facts(ready: Prepared) -> dict[str, object]:
    """Return what run.json says of the terrain; nothing on flat ground."""
    terrain = ready.scene.terrain
    if terrain is None:
        return {}
    walls = {
        "hide all behind them": len(ready.scene.kits[0].walls.tall.xy),
        "judged by their tops": len(ready.scene.kits[0].open_walls.height),
        "note": "walls by squares of 16 m, so that one may count several times; the rest hide nothing",
    }
    return {"terrain": {**_plain_notes(dict(terrain.notes)), "clear_m": terrain.clear_m, "walls": walls}}


def _finite(value: float) -> float | None:
    """Return the value, or None where there is none: JSON knows no NaN."""
    return value if np.isfinite(value) else None


def _plain_notes(notes: dict[str, Any]) -> dict[str, Any]:
    """Return notes as plain JSON values."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        if isinstance(value, np.generic):
            return value.item()
        return value

    return {str(key): plain(value) for key, value in notes.items()}
