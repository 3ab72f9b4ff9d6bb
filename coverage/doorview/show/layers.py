"""GeoPackages with their styles and licence inside: city.gpkg, and working/doors.gpkg."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio

from doorview.errors import InputError
from doorview.show.aliases import with_aliases
from doorview.show.files import replacing
from doorview.show.qml import ground_style, line_style, share_style, zone_style
from doorview.show.text import OSM_ATTRIBUTION, clean

__all__ = ["write_city", "write_doors", "write_layers"]

_RESERVED = {"fid", "geom"}
_STYLES = """
CREATE TABLE layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
    f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
    useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME
)
"""
_NO_DATE = "1970-01-01"


def _column(values: pd.Series) -> pd.Series | None:
    """Return a column that a GeoPackage can hold, or None for one that it cannot (arrays, lists)."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.astype(object)
    if values.dtype != object:
        return values
    present = values[values.notna()]
    if present.map(lambda value: isinstance(value, (np.ndarray, list, tuple, dict, set))).any():
        return None
    if present.map(lambda value: isinstance(value, str)).all():
        return values.where(values.notna(), None)
    return values.map(lambda value: None if value is None else str(value))


def _flat(name: str, layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a layer fit for writing: the index as a column, unique names, plain column types."""
    if layer.crs is None:
        raise InputError(f"layer '{name}' has no CRS, so nobody could place it on a map: set one, layer.set_crs(...).")
    index_name = str(layer.index.name or "id")
    columns: dict[str, object] = {}
    seen = set(_RESERVED)

    def add(title: str, values: pd.Series | None) -> None:
        if values is None:
            return
        free, number = title, 2
        while free.lower() in seen:  # SQLite does not tell capitals from small letters
            free, number = f"{title}_{number}", number + 1
        seen.add(free.lower())
        columns[free] = values.array

    if index_name not in layer.columns:
        add(index_name, _column(layer.index.to_series()))
    for title in layer.columns:
        if title != layer.geometry.name:
            add(str(title), _column(layer[title]))
    return gpd.GeoDataFrame(columns, geometry=layer.geometry.array, crs=layer.crs)


def write_layers(
    path: str | os.PathLike[str],
    layers: Mapping[str, gpd.GeoDataFrame],
    *,
    styles: Mapping[str, str] | None = None,
    licence: str = "ODbL 1.0",
    attribution: str = OSM_ATTRIBUTION,
    description: str = "",
    data_date: str | None = None,
    simulated: str = "simulated cameras, not real ones",
) -> None:
    """Write layers into one GeoPackage, whole or not at all.

    Parameters
    ----------
    path
        File; replaced if it is there.
    layers
        Name -> layer, any geometry, each with a CRS; the index becomes the first column. Columns of arrays are
        left out. Empty layers are written too, so that a reader finds every name.
    styles
        Layer name -> QML, stored as the layer's default style.
    licence, attribution, description, simulated
        Stored as metadata of the file; the last says whether cameras are.
    data_date
        ISO date that stands as the date of last change, so that the same layers give the same file; without it
        1970-01-01.
    """
    note = {
        "licence": licence,
        "attribution": attribution,
        "description": clean(description, 800),
        "simulated": simulated,
        "data_date": data_date or "unknown",
    }
    with replacing(path) as temporary:
        temporary.unlink(missing_ok=True)
        named = dict(styles or {})
        for place, (name, layer) in enumerate(layers.items()):
            flat = _flat(name, layer)
            if name in named:
                named[name] = with_aliases(named[name], [str(title) for title in flat.columns.drop("geometry")])
            pyogrio.write_dataframe(
                flat,
                temporary,
                layer=name,
                driver="GPKG",
                use_arrow=len(flat) > 0,
                geometry_type=None if len(flat) else "Unknown",
                promote_to_multi=False,
                append=False,
                dataset_metadata=note if place == 0 else None,
                layer_metadata={"licence": licence, "attribution": attribution},
                DESCRIPTION=note["description"],  # in the metadata of the file GDAL leaves it out
            )
        _finish(temporary, layers, named, f"{(data_date or _NO_DATE)[:10]}T00:00:00.000Z")
        _settle_counters(temporary)


_CHANGE_COUNTERS = (24, 92)
"""Where the header of a SQLite file keeps its change counter, and the counter that its version number is valid for."""


def _settle_counters(path: Path) -> None:
    """Set the counters of changes, which depend on how writing happened to be grouped, to one and the same number."""
    with path.open("r+b") as file:
        for place in _CHANGE_COUNTERS:
            file.seek(place)
            file.write((1).to_bytes(4, "big"))


def _finish(path: Path, layers: Mapping[str, gpd.GeoDataFrame], styles: Mapping[str, str], stamp: str) -> None:
    """Add the styles and set every time stamp, so that the file does not depend on the clock."""
    with contextlib.closing(sqlite3.connect(path)) as base, base:
        styled = [name for name in layers if name in styles]
        if styled:
            base.execute(_STYLES)
            base.executemany(
                "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName,"
                " styleQML, useAsDefault, description, owner, update_time)"
                " VALUES ('', '', ?, 'geom', ?, ?, 1, ?, '', ?)",
                [(name, name[:30], styles[name], "default style", stamp) for name in styled],
            )
            base.execute(
                "INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change)"
                " VALUES ('layer_styles', 'attributes', 'layer_styles', ?)",
                (stamp,),
            )
        base.execute("UPDATE gpkg_contents SET last_change = ?", (stamp,))
        tables = {row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "gpkg_metadata_reference" in tables:
            base.execute("UPDATE gpkg_metadata_reference SET timestamp = ?", (stamp,))


def write_city(
    path: str | os.PathLike[str],
    *,
    streets: gpd.GeoDataFrame,
    block_faces: gpd.GeoDataFrame,
    ground: gpd.GeoDataFrame,
    zones: gpd.GeoDataFrame | None = None,
    share_column: str | None = None,
    attribution: str = OSM_ATTRIBUTION,
    data_date: str | None = None,
    description: str = "",
) -> None:
    """Write city.gpkg: layers ``streets``, ``block_faces``, ``ground`` and, where given, ``zones``.

    `share_column` names the column of `block_faces` (shares in [0, 1]) that its default style shows. The layers derive
    from OpenStreetMap: the file carries ODbL 1.0.
    """
    layers = {"streets": streets, "block_faces": block_faces, "ground": ground}
    styles = {"streets": line_style("#8a8a8a", 0.3), "ground": ground_style()}
    styles["block_faces"] = share_style(share_column) if share_column else line_style("#555555", 0.6)
    if zones is not None:
        layers["zones"] = zones
        styles["zones"] = zone_style()
    write_layers(path, layers, styles=styles, attribution=attribution, data_date=data_date, description=description)


def write_doors(
    path: str | os.PathLike[str],
    doors: gpd.GeoDataFrame,
    *,
    attribution: str = OSM_ATTRIBUTION,
    data_date: str | None = None,
) -> None:
    """Write working/doors.gpkg, layer ``doors``: every candidate place for a doorbell. Not fit to publish."""
    write_layers(
        path,
        {"doors": doors},
        attribution=attribution,
        data_date=data_date,
        description="Candidate places for doorbells, one per entrance. Working data: not fit to publish.",
    )
