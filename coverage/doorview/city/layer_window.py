"""Own layers read by window: no more of a large file than what lies near a boundary.

GeoParquet with a column of bounding boxes (GeoParquet 1.1's covering, or Overture's `bbox`) is read row group by row
group: by the groups' statistics most are never touched. GeoPackage has an index of places of its own.
Rows keep the numbers that they have in the whole file, so ids do not depend on the window.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from doorview.city.untrusted import refuse_view, telling_damage

__all__ = ["ROWS", "from_overture", "is_parquet_folder", "read_parquet_window", "read_vector_window"]

ROWS = "rows of the whole file"
"""In `attrs` of a table whose index is the rows that it has in its file."""
_CRS84 = "OGC:CRS84"
_CORNERS = (("xmin", "ymin", "xmax", "ymax"), ("minx", "miny", "maxx", "maxy"))
"""Names of the corners in `bbox`: today's, and those of Overture's first releases."""

Box = tuple[float, float, float, float]


class _Boxes(NamedTuple):
    """Where a file has the bounds of its objects: the column and its four fields, and the geometry and its CRS."""

    column: str
    fields: tuple[str, str, str, str]
    geometry: str
    crs: Any


def is_parquet_folder(path: Path) -> bool:
    """Say whether a path is a folder of Parquet files, and of nothing else but marks such as ``_SUCCESS``."""
    if not path.is_dir():
        return False
    files = [item for item in path.rglob("*") if item.is_file() and not item.name.startswith(("_", "."))]
    return bool(files) and all(item.suffix.lower() == ".parquet" for item in files)


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.parquet")) if path.is_dir() else [path]


def _boxes_of(file: pq.ParquetFile) -> _Boxes | None:
    """Return where a file has its bounding boxes; None where it has none, or shapes that are not WKB."""
    raw = (file.schema_arrow.metadata or {}).get(b"geo")
    if raw is None:
        return None
    geo = json.loads(raw)
    name = geo["primary_column"]
    column = geo["columns"][name]
    if column.get("encoding") != "WKB":
        return None
    crs = column.get("crs", _CRS84)
    covering = (column.get("covering") or {}).get("bbox")
    if covering is not None:
        fields = tuple(covering[key][1] for key in _CORNERS[0])
        return _Boxes(covering["xmin"][0], (fields[0], fields[1], fields[2], fields[3]), name, crs)
    if "bbox" in file.schema_arrow.names:
        kind = file.schema_arrow.field("bbox").type
        there = {kind.field(n).name for n in range(kind.num_fields)} if pa.types.is_struct(kind) else set()
        for corners in _CORNERS:
            if there.issuperset(corners):
                return _Boxes("bbox", corners, name, crs)
    return None


def read_parquet_window(path: Path, near: gpd.GeoSeries | None) -> gpd.GeoDataFrame:
    """Read a GeoParquet file, or a folder of such files, whole or as much as meets the bounds of `near`.

    Without bounding boxes it is read whole. Where nothing meets, the first row stands for the layer's kind and CRS.

    Raises
    ------
    ValueError, OSError
        As geopandas and pyarrow, for files that are damaged or no GeoParquet.
    """
    files = _files(path)
    where = None if near is None else _boxes_of(pq.ParquetFile(files[0]))
    if near is None or where is None or where.crs is None:
        return _named(gpd.read_parquet(path))
    crs = CRS.from_user_input(where.crs)
    box = tuple(near.segmentize(0.01).to_crs(crs).total_bounds.tolist())
    parts, rows = [], []
    begin = 0
    for name in files:
        file = pq.ParquetFile(name)
        for table, own in _groups_meeting(file, where, box):
            parts.append(table)
            rows.append(begin + own)
        begin += file.metadata.num_rows
    if not parts:
        first = next(pq.ParquetFile(files[0]).iter_batches(batch_size=1), None)
        if first is None:
            return _named(gpd.read_parquet(path))
        parts, rows = [pa.Table.from_batches([first])], [np.zeros(1, np.int64)]
    table = pa.concat_tables(parts, promote_options="permissive")
    shapes = shapely.from_wkb(table[where.geometry].to_numpy(zero_copy_only=False))
    frame = table.drop_columns([where.geometry, where.column]).to_pandas()
    index = pd.Index(np.concatenate(rows), name=None)
    found = gpd.GeoDataFrame(frame.set_axis(index), geometry=gpd.GeoSeries(shapes, index=index, crs=crs), crs=crs)
    found.attrs[ROWS] = True
    return _named(found)


def _groups_meeting(file: pq.ParquetFile, where: _Boxes, box: Any) -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
    """Yield the rows whose bounds meet a box, row group by row group, and their numbers in the file."""
    paths = [f"{where.column}.{name}" for name in where.fields]
    begin = 0
    for number in range(file.num_row_groups):
        group = file.metadata.row_group(number)
        columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
        begin, first = begin + group.num_rows, begin
        stats = [columns[name].statistics for name in paths]
        if all(item is not None and item.has_min_max for item in stats):
            (west, south), (east, north) = (stats[0].min, stats[1].min), (stats[2].max, stats[3].max)
            if west > box[2] or east < box[0] or south > box[3] or north < box[1]:
                continue
        table = file.read_row_group(number)
        bounds = [
            table[where.column].combine_chunks().field(name).to_numpy(zero_copy_only=False) for name in where.fields
        ]
        meets = (bounds[0] <= box[2]) & (bounds[2] >= box[0]) & (bounds[1] <= box[3]) & (bounds[3] >= box[1])
        if meets.any():
            yield table.filter(pa.array(meets)), first + np.flatnonzero(meets)


def _named(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a table with Overture's `names.primary` as a column `name`."""
    if "names" not in table.columns or "name" in table.columns:
        return table
    names = [item.get("primary") if isinstance(item, dict) else None for item in table["names"]]
    out = table.drop(columns="names").assign(name=pd.Series(names, index=table.index, dtype=object))
    out.attrs = dict(table.attrs)
    return out


def from_overture(table: gpd.GeoDataFrame, layer: str) -> tuple[gpd.GeoDataFrame, int]:
    """Return a layer of Overture Maps with columns named as OSM keys, and how many rows were no streets.

    Told by `subtype` and `class` beside an id and `sources`, as all of Overture's features have. A building's class is
    OSM's value of `building`, else its subtype says what it is for; a segment's class is OSM's `highway`, and those of
    railways and water are no streets.
    """
    if not {"id", "sources", "subtype", "class"} <= set(table.columns) or layer not in ("buildings", "streets"):
        return table, 0
    # Rows keep the numbers that they have in the file, whatever is left out.
    out = table if ROWS in table.attrs else table.reset_index(drop=True)
    left_out = 0
    if layer == "streets":
        road = (out["subtype"] == "road").to_numpy()
        out, left_out = out[road], int((~road).sum())
        out = out.assign(highway=out["class"])
    else:
        out = out.assign(building=out["class"].where(out["class"].notna(), out["subtype"]))
    out = out.drop(columns=["class", "subtype", "sources"])
    out.attrs = {**table.attrs, ROWS: True}
    return out, left_out


def read_vector_window(path: Path, layer: str, near: gpd.GeoSeries | None) -> gpd.GeoDataFrame:
    """Read a layer by GDAL; of one whose places are indexed, as much as meets the bounds of `near`.

    Where nothing meets, the first row stands for the layer's kind and CRS. Raises `UNREADABLE` for a damaged file, and
    InputError for a view.
    """
    refuse_view(path, layer)
    with telling_damage():
        return _vector_window(path, layer, near)


def _vector_window(path: Path, layer: str, near: gpd.GeoSeries | None) -> gpd.GeoDataFrame:
    info = pyogrio.read_info(path, layer=layer)
    indexed = info["capabilities"]["fast_spatial_filter"] and info["fid_column"]
    if near is None or not indexed or info["crs"] is None:
        return gpd.read_file(path, layer=layer, engine="pyogrio")
    box = tuple(near.segmentize(0.01).to_crs(info["crs"]).total_bounds)
    table = pyogrio.read_dataframe(path, layer=layer, bbox=box, fid_as_index=True)
    if not len(table):
        table = pyogrio.read_dataframe(path, layer=layer, max_features=1, fid_as_index=True)
    # Ids may have gaps: the row of an object is how many come before it.
    every = pyogrio.read_dataframe(path, layer=layer, columns=[], read_geometry=False, fid_as_index=True).index
    table = table.sort_index()
    table.index = pd.Index(np.searchsorted(np.sort(every.to_numpy()), table.index.to_numpy()))
    table.attrs[ROWS] = True
    return table
