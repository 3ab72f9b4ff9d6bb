"""Layers on a disk while a city is read: batches in Arrow files, of which one is held at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import shapely
from pyproj import CRS

from doorview.city.crs import WGS84
from doorview.city.extract_objects import Objects
from doorview.city.tags import KEYS

__all__ = ["PACKED", "Spool", "lists_of"]

PACKED = pa.ipc.IpcWriteOptions(compression="lz4")
_AT = "@at"


@dataclass(frozen=True)
class _Batch:
    path: Path
    rows: int
    crs: CRS


class Spool:
    """Layers in a folder of its own: a sink for what is read, then the shelf on which it is settled.

    Each batch is a file with the columns ``osm_id``, ``geometry`` (WKB), the tags that any of its objects has, and
    ``nodes`` of ways. Leaving the context takes the folder away.

    Raises
    ------
    OSError
        Where it cannot be written.
    """

    def __init__(self, folder: Path, layers: Iterable[str]) -> None:
        self.folder = folder
        self._batches: dict[str, list[_Batch]] = {layer: [] for layer in layers}
        self._made = 0

    def __enter__(self) -> Self:
        """Make the folder; what an ended run left there goes."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Take the folder away."""
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- a sink

    def put(self, layer: str, objects: Objects) -> None:
        """Take a batch as it was read, in longitude and latitude."""
        columns = {
            "osm_id": pa.array(objects.ids, pa.string()),
            "geometry": pa.array(shapely.to_wkb(np.array(objects.shapes, dtype=object)), pa.binary()),
        }
        there = {key for tags in objects.tags for key in tags}
        for key in KEYS[layer]:
            if key in there:
                columns[key] = pa.array([tags.get(key) for tags in objects.tags], pa.string())
        if layer == "ways":
            columns["nodes"] = pa.array(objects.nodes, pa.list_(pa.int64()))
        self._batches[layer].append(self._write(layer, pa.table(columns), WGS84))

    def drop(self, layer: str, rows: npt.NDArray[np.int64]) -> None:
        """Let go of rows, counted through all batches."""
        first, left = 0, []
        for batch in self._batches[layer]:
            keep = np.ones(batch.rows, dtype=bool)
            keep[rows[(rows >= first) & (rows < first + batch.rows)] - first] = False
            first += batch.rows
            left += [batch] if keep.all() else self._replace(layer, batch, self._read(batch).filter(pa.array(keep)))
        self._batches[layer] = left

    def wkb_of(self, layer: str, rows: npt.NDArray[np.int64]) -> list[bytes | None]:
        """Return the shapes of rows, counted through all batches and in rising order, as WKB."""
        found: list[bytes | None] = []
        first = 0
        for batch in self._batches[layer]:
            own = rows[(rows >= first) & (rows < first + batch.rows)] - first
            first += batch.rows
            if len(own):
                found += self._read(batch, ["geometry"])["geometry"].take(pa.array(own)).to_pylist()
        return found

    # ---- a shelf

    def layers(self) -> Iterable[str]:
        """Return the names of the layers."""
        return list(self._batches)

    def size(self, layer: str) -> int:
        """Return the number of objects of a layer."""
        return sum(batch.rows for batch in self._batches.get(layer, ()))

    def tables(self, layer: str) -> Iterator[gpd.GeoDataFrame]:
        """Give a layer in batches: geometry, and ``highway`` of ways."""
        columns = ["osm_id", "geometry", *(["highway"] if layer == "ways" else [])]
        for batch in self._batches[layer]:
            yield _slim(self._read(batch, columns), batch.crs)

    def change(self, layer: str, how: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]) -> None:
        """Replace each batch by what `how` returns."""
        left = []
        for batch in self._batches[layer]:
            table = self._read(batch)
            slim = _slim(table, batch.crs)
            changed = how(slim)
            if _same(slim, changed):
                left.append(batch)
            else:
                left += self._replace(layer, batch, _after(table, changed), changed.crs)
        self._batches[layer] = left

    def arrow(self, layer: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """Give a layer in batches as they are on the disk."""
        for batch in self._batches[layer]:
            yield self._read(batch, columns)

    # ---- files

    def _write(self, layer: str, table: pa.Table, crs: CRS) -> _Batch:
        self._made += 1
        path = self.folder / f"{layer}-{self._made:06d}.arrow"
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema, options=PACKED) as writer:
            writer.write_table(table)
        return _Batch(path, len(table), crs)

    def _read(self, batch: _Batch, columns: list[str] | None = None) -> pa.Table:
        # Not mapped: pages of a mapped file count as memory of the process.
        with pa.OSFile(str(batch.path), "rb") as file:
            if columns is None:
                return pa.ipc.open_file(file).read_all()
            names = pa.ipc.open_file(file).schema.names
            wanted = [names.index(name) for name in columns if name in names]
            return pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=wanted)).read_all()

    def _replace(self, layer: str, batch: _Batch, table: pa.Table, crs: CRS | None = None) -> list[_Batch]:
        made = [self._write(layer, table, batch.crs if crs is None else crs)] if len(table) else []
        batch.path.unlink()
        return made


def _slim(table: pa.Table, crs: CRS) -> gpd.GeoDataFrame:
    """Return what cleaning asks of a batch, with the place of each row in it."""
    index = pd.Index(table["osm_id"].to_numpy(zero_copy_only=False), dtype=object, name="osm_id")
    data: dict[str, Any] = {_AT: np.arange(len(table))}
    if "highway" in table.column_names:
        data["highway"] = pd.Series(table["highway"].to_numpy(zero_copy_only=False), index=index, dtype=object)
    if "nodes" in table.column_names:
        data["nodes"] = pd.Series(lists_of(table["nodes"]), index=index, dtype=object)
    shapes = shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False))
    return gpd.GeoDataFrame(data, index=index, geometry=gpd.GeoSeries(shapes, index=index, crs=crs), crs=crs)


def lists_of(column: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """Return lists of numbers as arrays."""
    whole = column.combine_chunks()
    flat, ends = whole.values.to_numpy(), whole.offsets.to_numpy()  # noqa: PD011 - of Arrow, not of pandas
    out: npt.NDArray[np.object_] = np.empty(len(whole), dtype=object)
    for row, there in enumerate(whole.is_valid().to_pylist()):
        out[row] = flat[ends[row] : ends[row + 1]] if there else None
    return out


def _same(one: gpd.GeoDataFrame, two: gpd.GeoDataFrame) -> bool:
    """Return whether a table is another's rows and shapes as they were, by the memory that holds them."""
    if one is two:
        return True
    a, b = one.geometry.to_numpy(), two.geometry.to_numpy()
    return len(a) == len(b) and bool(np.shares_memory(a, b)) and one.crs == two.crs


def _after(table: pa.Table, changed: gpd.GeoDataFrame) -> pa.Table:
    """Return a batch with the rows, ids, shapes and nodes of what it was changed to."""
    made = table.take(pa.array(changed[_AT].to_numpy()))
    new = {
        "osm_id": pa.array(changed.index.astype(str).to_numpy(dtype=object), pa.string()),
        "geometry": pa.array(shapely.to_wkb(changed.geometry.to_numpy()), pa.binary()),
    }
    if "nodes" in changed.columns:
        new["nodes"] = pa.array(changed["nodes"].to_numpy(), pa.list_(pa.int64()))
    for name, column in new.items():
        made = made.set_column(made.schema.get_field_index(name), name, column)
    return made
