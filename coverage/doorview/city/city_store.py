"""A city on disk: a folder of GeoParquet, ordered by place, so that a window of it is read without the rest.

Each layer is a folder of files in Hilbert order, in row groups with bounding boxes (GeoParquet 1.1, `bbox`), so that
DuckDB, GDAL and geopandas read windows of it too. Tags that no object has are left out; `row` is the place of each
object in its layer, by which the order of the whole comes back. What is read is to the last bit what was written.
"""

from __future__ import annotations

import functools
import json
import operator
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from doorview.city.model import City
from doorview.city.settling import Settled
from doorview.city.tags import KEYS, LAYERS

__all__ = [
    "CityStore",
    "hilbert",
    "middles",
    "node_lists",
    "read_stored",
    "write_city",
    "write_head",
    "write_layer",
    "write_part",
]

ROWS_PER_GROUP = 8192
"""Rows of a row group: the least that is read, about 8,000 homes of a suburb."""
ROWS_PER_FILE = 262_144
_HEAD = "city.json"

Box = tuple[float, float, float, float]
"""West, south, east, north, in the city's CRS [m]."""


def write_city(city: City, folder: Path) -> None:
    """Write a city into an empty folder.

    Raises
    ------
    OSError
        Where it cannot be written.
    """
    made = Settled(city.crs, city.extent, city.boundary, city.country, city.dropped)
    sizes = {layer: len(table) for layer in LAYERS if (table := getattr(city, layer)) is not None}
    write_head(folder, made, city.name, city.source, sizes)
    for layer in sizes:
        write_layer(getattr(city, layer), folder / layer)


def write_head(folder: Path, made: Settled, name: str, source: dict[str, Any], sizes: dict[str, int]) -> None:
    """Write what a city is beside its layers; `sizes` names those that it has, in their order."""
    head = {
        "name": name,
        "crs": made.crs.srs,
        "extent": shapely.to_wkb(made.extent, hex=True),
        "boundary": None if made.boundary is None else shapely.to_wkb(made.boundary, hex=True),
        "country": made.country,
        "source": source,
        "dropped": made.dropped,
        "layers": sizes,
    }
    (folder / _HEAD).write_text(json.dumps(head, ensure_ascii=False), encoding="utf-8")


def write_layer(table: gpd.GeoDataFrame, folder: Path) -> None:
    """Write one layer; an empty one has one file without rows."""
    folder.mkdir()
    tags = [name for name in table.columns if name not in ("geometry", "nodes") and table[name].notna().any()]
    kept = table[[*tags, *(["nodes"] if "nodes" in table else []), "geometry"]]
    order = np.argsort(hilbert(middles(kept.geometry.to_numpy())), kind="stable")
    rows = kept.iloc[order].rename_axis("osm_id").reset_index()
    rows.insert(1, "row", order.astype(np.int32))
    for number, first in enumerate(range(0, max(len(rows), 1), ROWS_PER_FILE)):
        write_part(rows.iloc[first : first + ROWS_PER_FILE], folder, number)


def write_part(rows: gpd.GeoDataFrame, folder: Path, number: int) -> None:
    """Write one file of a layer, its rows in their order on disk: ``osm_id``, ``row``, tags, ``nodes``, geometry."""
    nothing = [name for name in rows.columns if name not in ("geometry", "nodes") and rows[name].isna().all()]
    if nothing and len(rows):
        # A column without a value has no type of its own, and the files of a layer are read as one.
        rows = rows.astype(dict.fromkeys(nothing, pd.ArrowDtype(pa.string())))
    rows.to_parquet(
        folder / f"part-{number:04d}.parquet",
        index=False,
        compression="zstd",
        row_group_size=ROWS_PER_GROUP,
        write_covering_bbox=True,
        schema_version="1.1.0",
    )


def middles(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the middles of the bounds of shapes (n, 2); 0 where there is none."""
    bounds = shapely.bounds(shapes)
    return np.asarray(np.nan_to_num((bounds[:, :2] + bounds[:, 2:]) / 2.0), np.float64)


def hilbert(middle: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Return the place of each middle (n, 2) along a Hilbert curve over all."""
    along = np.zeros(len(middle), np.uint32)
    if not len(middle) or not np.ptp(middle, axis=0).any():
        return along
    bounds = (*middle.min(axis=0).tolist(), *middle.max(axis=0).tolist())
    # A piece at a time: a point that is an object takes ten times its two numbers.
    for first in range(0, len(middle), ROWS_PER_FILE):
        piece = slice(first, first + ROWS_PER_FILE)
        points = gpd.GeoSeries(shapely.points(middle[piece]))
        along[piece] = points.hilbert_distance(total_bounds=bounds).to_numpy()
    return along


@dataclass(frozen=True)
class CityStore:
    """A city in a folder. `frame` is the city without its objects: every layer that it has is there and empty."""

    folder: Path
    frame: City
    sizes: dict[str, int]

    def layer(self, name: str, box: Box | None = None, *, also: NDArray[np.int64] | None = None) -> gpd.GeoDataFrame:
        """Return a layer in its own order, or those of its objects whose bounds meet a box; the rest is not read.

        `also` names rows of the layer that are wanted wherever they lie.
        """
        if name not in self.sizes:
            raise KeyError(name)
        source = ds.dataset(self.folder / name, format="parquet")
        wanted = None
        if box is not None:
            wanted = _meets(box)
            if also is not None and len(also):
                wanted |= pc.field("row").isin(pa.array(also.astype(np.int32)))
        table = source.to_table(columns=_columns(source), filter=wanted)
        return _layer_of(table, name, self.frame.crs)

    def meeting(self, name: str, boxes: Iterable[Box]) -> pa.Table:
        """Return the objects of a layer that meet any of the boxes, to be made a layer by `layer_of`."""
        source = ds.dataset(self.folder / name, format="parquet")
        wanted = functools.reduce(operator.or_, (_meets(box) for box in boxes))
        return source.to_table(columns=_columns(source), filter=wanted)

    def picked(self, name: str, rows: NDArray[np.int64], groups: NDArray[np.int64]) -> pa.Table:
        """Return some rows of a layer, as `meeting`; they lie in `groups`, as `groups` counts them from 0."""
        wanted, lie = pc.field("row").isin(pa.array(rows.astype(np.int32))), set(groups.tolist())
        source = ds.dataset(self.folder / name, format="parquet")
        found = [
            group.to_table(columns=_columns(source), filter=wanted)
            for number, group in enumerate(self._groups(name))
            if number in lie
        ]
        return pa.concat_tables(found) if found else source.schema.empty_table().select(_columns(source))

    def layer_of(self, name: str, table: pa.Table) -> gpd.GeoDataFrame:
        """Return objects that `meeting` or `picked` read as a layer, in its order, without tags that none of them has.

        Whoever looks for such a tag finds none either way.
        """
        full = [column for column in table.column_names if table[column].null_count < len(table)]
        return _layer_of(table.select(full) if len(table) else table, name, self.frame.crs, every=False)

    def groups(self, name: str, columns: Collection[str], box: Box | None = None) -> Iterator[pa.Table]:
        """Yield a layer, or what of it meets a box, a row group at a time.

        The tables have `row`, `geometry`, `nodes` of ways, and those of the `columns` that the layer has.
        """
        source = ds.dataset(self.folder / name, format="parquet")
        always = {"row", "nodes", "geometry"}
        kept = [column for column in _columns(source) if column in always or column in columns]
        for group in self._groups(name):
            yield group.to_table(columns=kept, filter=None if box is None else _meets(box))

    def _groups(self, name: str) -> Iterator[ds.Fragment]:
        """Yield the row groups of a layer."""
        for file in ds.dataset(self.folder / name, format="parquet").get_fragments():
            yield from file.split_by_row_group()

    def boxes(self, name: str) -> Iterator[NDArray[np.float64]]:
        """Yield the bounds (n, 4) [m] of the objects of a layer, a row group at a time; no shape is read."""
        for group in self._groups(name):
            yield _boxes_of(group.to_table(columns=_BOX))

    def boxes_meeting(self, name: str, box: Box) -> NDArray[np.float64]:
        """Return the bounds (n, 4) [m] of the objects of a layer that meet a box; no shape is read."""
        source = ds.dataset(self.folder / name, format="parquet")
        return _boxes_of(source.to_table(columns=_BOX, filter=_meets(box)))

    def city(self, box: Box | None = None, layers: Iterable[str] | None = None) -> City:
        """Return the city, or what of `layers` (default: all) meets a box; other layers are empty."""
        wanted = self.sizes if layers is None else [name for name in layers if name in self.sizes]
        return replace(self.frame, **{name: self.layer(name, box) for name in wanted})


_BOX = {key: pc.field("bbox", key) for key in ("xmin", "ymin", "xmax", "ymax")}


def _boxes_of(table: pa.Table) -> NDArray[np.float64]:
    return np.column_stack([table[key].to_numpy() for key in _BOX]).astype(np.float64)


def _columns(source: ds.Dataset) -> list[str]:
    return [column for column in source.schema.names if column != "bbox"]


def _meets(box: Box) -> pc.Expression:
    """Return the condition that an object's bounds meet a box."""
    west, south, east, north = box
    return (
        (pc.field("bbox", "xmin") <= east)
        & (pc.field("bbox", "xmax") >= west)
        & (pc.field("bbox", "ymin") <= north)
        & (pc.field("bbox", "ymax") >= south)
    )


def _layer_of(table: pa.Table, layer: str, crs: CRS, *, every: bool = True) -> gpd.GeoDataFrame:
    """Return a layer as `City` has it: all keys of the contract, or those there are; text as objects, None for none."""
    order = np.argsort(table["row"].to_numpy(), kind="stable")
    ids = table["osm_id"].to_numpy(zero_copy_only=False)[order]
    index = pd.Index(np.asarray(ids, dtype=object), name="osm_id").astype(str)
    data: dict[str, Any] = {}
    nothing = np.full(len(order), None, dtype=object)
    for key in KEYS[layer]:
        if key in table.column_names:
            values = np.asarray(table[key].to_numpy(zero_copy_only=False), dtype=object)[order]
            data[key] = pd.Series(values, index=index, dtype=object)
        elif every:
            data[key] = pd.Series(nothing, index=index, dtype=object)
    if layer == "ways" and (every or "nodes" in table.column_names):
        data["nodes"] = pd.Series(node_lists(table)[order], index=index, dtype=object)
    shapes = shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False))[order]
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(shapes, index=index, crs=crs), crs=crs)


def node_lists(table: pa.Table) -> NDArray[np.object_]:
    """Return the node ids of ways, an array for each that has any."""
    out = np.full(len(table), None, dtype=object)
    column = table["nodes"].combine_chunks()
    if pa.types.is_null(column.type):
        return out
    flat = column.flatten().to_numpy().astype(np.int64)
    known = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    size = pc.list_value_length(column).fill_null(0).to_numpy()
    start = np.concatenate([[0], np.cumsum(size)])
    for row in known.tolist():
        out[row] = flat[start[row] : start[row + 1]]
    return out


def read_stored(folder: Path) -> CityStore:
    """Open a city that `write_city` wrote.

    Raises
    ------
    OSError, ValueError, KeyError
        If it is not whole.
    """
    head = json.loads((folder / _HEAD).read_text(encoding="utf-8"))
    crs = CRS.from_user_input(head["crs"])
    empty = pa.table({"row": pa.array([], pa.int32()), "osm_id": pa.array([], pa.string()),
                      "geometry": pa.array([], pa.binary()), "nodes": pa.array([], pa.list_(pa.int64()))})  # fmt: skip
    layers = {layer: _layer_of(empty, layer, crs) for layer in head["layers"]}
    frame = City(
        name=head["name"],
        crs=crs,
        extent=shapely.from_wkb(head["extent"]),
        boundary=None if head["boundary"] is None else shapely.from_wkb(head["boundary"]),
        country=head["country"],
        source=head["source"],
        dropped=head["dropped"],
        **{layer: layers.get(layer) for layer in LAYERS},
    )
    return CityStore(folder, frame, dict(head["layers"]))
