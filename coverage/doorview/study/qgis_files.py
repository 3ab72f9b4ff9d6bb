"""The QGIS project of a run's folder, and a style beside each of its rasters.

What lies in the folder is what the project shows: layers that another part of a run writes are found, not named here.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyproj
import rasterio
import shapely

from doorview.show.aliases import with_aliases
from doorview.show.files import replacing
from doorview.show.qgis import ProjectGroup, ProjectLayer, write_project
from doorview.show.qml import line_style, share_style, zone_style
from doorview.show.qml_rasters import chance_style, count_style, density_style
from doorview.show.run_folder import RunFolder
from doorview.show.style import breaks_for
from doorview.show.text import CAVEAT, clean, level_phrase
from doorview.study.shown import HEADLINE_LEVELS

if TYPE_CHECKING:
    from doorview.study.result import Result

__all__ = ["write_qgis"]

PROJECT = "map.qgz"
_KINDS: dict[str, Literal["Point", "Line", "Polygon"]] = {
    "Point": "Point",
    "MultiPoint": "Point",
    "LineString": "Line",
    "MultiLineString": "Line",
    "Polygon": "Polygon",
    "MultiPolygon": "Polygon",
}
_TITLES = {
    "streets": "Streets",
    "ground": "Public ground by class",
    "zones": "Zones",
    "street_exposure": "Share of a walk in view, every street and path",
    "routes": "Ways on foot",
    "hotspots": "Hot spots of reported thefts",
    "thefts_density": "Density of reported thefts",
}
_THEFTS = re.compile(r"thefts|hotspot|incident|prediction|short_list")


@dataclass(frozen=True)
class _Table:
    """A layer of a GeoPackage, as it lies in the folder."""

    file: str
    name: str
    kind: Literal["Point", "Line", "Polygon"]
    columns: tuple[str, ...]
    crs: pyproj.CRS
    bounds: tuple[float, float, float, float]
    style: str | None
    note: str
    licence: str
    rights: str


def write_qgis(result: Result, run: RunFolder, written: Mapping[str, str]) -> dict[str, str]:
    """Write map.qgz and a .qml beside each TIFF; return file -> licence. Nothing where the study does not ask.

    `written`: file -> licence of the layers that lie in the folder.
    """
    if not result.ready.study.output.qgis:
        return {}
    folder = run.path("run.json").parent
    rights = result.ready.attribution
    tables = [t for path in sorted(folder.glob("*.gpkg")) for t in _tables(path, written.get(path.name, ""), rights)]
    rasters = [_raster(path, result) for path in sorted(folder.glob("*.tif"))]
    shown = next((table for table in tables if table.name == "block_faces"), None)
    if shown is None:
        return {}
    for layer in rasters:
        with replacing(folder / f"{Path(layer.file).stem}.qml") as temporary:
            temporary.write_text(layer.style, encoding="utf-8", newline="\n")
    level, scenario = result.main_level(), result.main_scenario()
    study, caption = result.ready.study, _caption_words(result)
    write_project(
        folder / PROJECT,
        f"{clean(study.study.label or result.ready.city.name, 120)}: simulated doorbell coverage",
        _groups(result, tables, rasters),
        crs=shown.crs,
        extent=shown.bounds,
        label="\n".join(caption),
        about=f"{' '.join(caption)} Shares in view are those of the scenario {scenario}; the picture opens at the "
        f"level {level}. {CAVEAT} {' '.join(result.headline())}",
    )
    return {PROJECT: f"as its layers: {'; '.join(sorted({table.licence for table in tables if table.licence}))}"}


def _caption_words(result: Result) -> list[str]:
    """Return the lines that stand inside the picture."""
    ready = result.ready
    scenario = next(item for item in result.tables.scenarios if item.name == result.main_scenario())
    fiction = " A fictional town." if ready.study.study.fictional else ""
    level = level_phrase(result.levels[result.main_level()], ready.study.output.units)
    date = ready.city.source.get("data_date")
    return [
        f"Simulated cameras, not real ones.{fiction} In view at the level {level}.",
        f"{result.scenario_words(scenario)}.",
        f"Map data {f'of {date[:10]}' if date else 'of unknown date'}: {clean(ready.attribution, 160)}.",
    ]


def _groups(result: Result, tables: list[_Table], rasters: list[ProjectLayer]) -> list[ProjectGroup]:
    """Return the layers in groups, the topmost first."""
    faces = [layer for table in tables if table.name == "block_faces" for layer in _faces(result, table)]
    zones = [_layer(table, shown=True) for table in tables if table.name == "zones"]
    thefts = [_layer(table, shown=True) for table in tables if _THEFTS.search(table.name)]
    base = [_layer(table, shown=True) for table in tables if table.name in ("streets", "ground")]
    rest = {"block_faces", "zones", "streets", "ground"}
    other = [_layer(table, shown=True) for table in tables if table.name not in rest and not _THEFTS.search(table.name)]
    surfaces = [layer for layer in rasters if _THEFTS.search(layer.file)]
    seen = [layer for layer in rasters if layer.file.startswith("seen_by_")]
    known = [layer for layer in rasters if layer.file.startswith("known_")]
    further = [layer for layer in rasters if layer not in surfaces + seen + known]
    scenario = clean(result.main_scenario(), 80)
    groups = [
        ProjectGroup("Reported thefts", (*thefts, *surfaces), shown=False),
        ProjectGroup("More layers", (*other, *further), shown=False),
        ProjectGroup(f"Share of each street block in view (scenario {scenario})", tuple(faces)),
        ProjectGroup("Known cameras that see each cell", tuple(known), shown=False),
        ProjectGroup("Simulated doors that would see each cell", tuple(seen), shown=False),
        ProjectGroup("Zones", tuple(zones)),
        ProjectGroup("Base", tuple(base)),
    ]
    return [group for group in groups if group.layers]


def _faces(result: Result, table: _Table) -> list[ProjectLayer]:
    """Return the block faces once per level, detect, observe and recognise first; one of them is drawn."""
    scenario, main = result.main_scenario(), result.main_level()
    names = [name for name in HEADLINE_LEVELS if name in result.levels]
    names += [name for name in result.levels if name not in names]
    layers = []
    for name in names:
        column = f"share_{name}__{scenario}"
        if column in table.columns:
            shares = result.tables.faces[scenario][f"share_{name}"].to_numpy(np.float64)
            style = with_aliases(share_style(column, breaks_for(shares)), table.columns)
            title = level_phrase(result.levels[name], result.ready.study.output.units)
            layers.append(_layer(table, shown=name == main, key=f"block_faces_{name}", title=title, style=style))
    return layers or [_layer(table, shown=True)]


def _layer(
    table: _Table, *, shown: bool, key: str | None = None, title: str | None = None, style: str | None = None
) -> ProjectLayer:
    plain = zone_style() if table.kind == "Polygon" else line_style("#555555", 0.6)
    return ProjectLayer(
        key=_key(f"{Path(table.file).stem}_{key or table.name}"),
        title=title or _TITLES.get(table.name, clean(table.name.replace("_", " "), 80)),
        file=table.file,
        table=table.name,
        geometry=table.kind,
        crs=table.crs,
        style=style or table.style or with_aliases(plain, table.columns),
        note=table.note,
        licence=table.licence,
        rights=table.rights,
        shown=shown,
        expanded=shown and table.name == "block_faces",
    )


def _tables(path: Path, licence: str, rights: str) -> list[_Table]:
    """Return the layers of a GeoPackage that hold something to draw, with their styles.

    Read with SQLite alone: GDAL would leave a file of its own beside it.
    """
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as base:
        held = base.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'layer_styles'").fetchone()
        styles = dict(base.execute("SELECT f_table_name, styleQML FROM layer_styles").fetchall()) if held else {}
        rows = base.execute(
            "SELECT c.table_name, c.description, c.min_x, c.min_y, c.max_x, c.max_y, g.column_name, s.definition"
            " FROM gpkg_contents c JOIN gpkg_geometry_columns g ON g.table_name = c.table_name"
            " JOIN gpkg_spatial_ref_sys s ON s.srs_id = c.srs_id WHERE c.min_x IS NOT NULL ORDER BY c.rowid"
        ).fetchall()
        found = []
        for name, note, west, south, east, north, geometry, definition in rows:
            columns = [row[1] for row in base.execute(f"PRAGMA table_info({_quoted(name)})")]
            first = base.execute(
                f"SELECT {_quoted(geometry)} FROM {_quoted(name)} WHERE {_quoted(geometry)} IS NOT NULL LIMIT 1"  # noqa: S608 -- quoted
            ).fetchone()
            kind = None if first is None else _KINDS.get(_geometry_type(first[0]))
            if kind is None:
                continue
            found.append(
                _Table(
                    file=path.name,
                    name=name,
                    kind=kind,
                    columns=tuple(column for column in columns if column not in ("fid", geometry)),
                    crs=pyproj.CRS.from_wkt(definition),
                    bounds=(west, south, east, north),
                    style=styles.get(name),
                    note=note or "",
                    licence=licence,
                    rights=rights,
                )
            )
    return found


def _quoted(name: str) -> str:
    """Return a name of a table or column as SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'


def _geometry_type(blob: bytes) -> str:
    """Return the type of a geometry as a GeoPackage stores it: a header, an envelope of a length it tells, WKB."""
    envelope = (0, 32, 48, 48, 64)[(blob[3] >> 1) & 0b111]
    return str(shapely.from_wkb(blob[8 + envelope :]).geom_type)


def _raster(path: Path, result: Result) -> ProjectLayer:
    """Return a raster's layer with the style that suits its unit."""
    with rasterio.open(path) as file:
        tags, crs, unit = file.tags(), file.crs.to_wkt(), file.units[0] or ""
        said = file.descriptions[0] or path.stem
        largest = float(np.nanmax(file.read(1))) if _THEFTS.search(path.stem) and _any_value(file) else 1.0
    if path.stem.startswith(("seen_by_", "known_")):
        style = count_style("cameras" if path.stem.startswith("known_") else "doors")
    elif path.stem.startswith("probability_"):
        style = chance_style()
    else:
        style = density_style(largest, unit)
    level = path.stem.removeprefix("seen_by_").removeprefix("known_")
    title = _TITLES.get(path.stem, clean(path.stem.replace("_", " "), 80))
    if level in result.levels:
        title = level_phrase(result.levels[level], result.ready.study.output.units)
        if path.stem.startswith("known_"):
            title = f"{level} (known cameras)"  # the range of their assumed lens is another: the note has it
    return ProjectLayer(
        key=_key(path.stem),
        title=title,
        file=path.name,
        table=None,
        geometry="Raster",
        crs=pyproj.CRS.from_wkt(crs),
        style=style,
        note=f"{said}. {tags.get('simulated', '')}".strip(),
        licence=tags.get("licence", ""),
        rights=tags.get("attribution", ""),
        shown=level == result.main_level() or bool(_THEFTS.search(path.stem)),
    )


def _any_value(file: rasterio.DatasetReader) -> bool:
    """Say whether any cell holds a number."""
    return bool(np.isfinite(file.read(1)).any())


def _key(name: str) -> str:
    """Return a layer's id; QGIS takes none of ten letters or fewer, and the list of layers would not find it."""
    return "doorview_layer_" + re.sub(r"\W", "_", name, flags=re.ASCII)
