"""From an OSM extract straight to a city on disk, without ever holding the city.

What `write_city(city_from_extract(...))` writes, to the last bit, by the same reader (`doorview.city.extract`), the
same cleaning (`doorview.city.settling`) and the same writer: objects pass in batches over a `Spool`, and each layer is
sorted along its curve by way of one file for each that is written. What is held grows with the extract by the places
of its nodes while it is read (16 bytes each), and by some 50 bytes for each object of the largest layer.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import shapely
from pyproj import CRS

from doorview.city import city_store
from doorview.city.extract import EXTRACT_LAYERS, read_into, source_of, widened
from doorview.city.model import HALO_M, Boundary, contract_columns
from doorview.city.osmfile import name_of
from doorview.city.settling import settle
from doorview.city.spool import PACKED, Spool, lists_of
from doorview.city.tags import KEYS

__all__ = ["store_extract"]

_ORDER = {"n": 0, "w": 1, "r": 2}
_PLACE = "@place"  # "place" is a tag


def store_extract(
    path: Path | str,
    folder: Path,
    *,
    scratch: Path,
    boundary: Boundary | None = None,
    crs: CRS | str | int | None = None,
    country: str | None = None,
    name: str | None = None,
    halo_m: float = HALO_M,
    batch: int | None = None,
) -> None:
    """Write the city of an extract into an empty folder, as `doorview.city.city_store.write_city`.

    Parameters
    ----------
    path, boundary, crs, country, name, halo_m
        As `City.from_extract`.
    scratch
        A folder that is made for what is under way, some 0.15 kB an object, and taken away at the end.
    batch
        Objects that are held at once. Nothing depends on it but memory and time.

    Raises
    ------
    DoorviewError
        As `City.from_extract`.
    OSError
        Where a folder cannot be written.
    """
    from doorview.city.layers import read_boundary

    inside = None if boundary is None else read_boundary(boundary)
    with Spool(scratch, EXTRACT_LAYERS) as spool:
        got = read_into(spool, path, None if inside is None else widened(inside, halo_m), batch=batch)
        title = name or name_of(path)
        made = settle(
            spool,
            name=title,
            reach=got.reach,
            boundary=inside,
            crs=crs,
            country=country,
            dropped=got.dropped,
            halo_m=halo_m,
        )
        sizes = {layer: spool.size(layer) for layer in EXTRACT_LAYERS}
        city_store.write_head(folder, made, title, source_of(path, got), sizes)
        for layer in EXTRACT_LAYERS:
            _write_layer(spool, layer, folder / layer, made.crs)


def _write_layer(spool: Spool, layer: str, folder: Path, crs: CRS) -> None:
    """Write one layer in Hilbert order, one file of it in memory at a time."""
    if not spool.size(layer):
        city_store.write_layer(contract_columns(None, layer, crs), folder)
        return
    folder.mkdir()
    row, place = _places(spool, layer)
    there = {
        key
        for table in spool.arrow(layer)
        for key in KEYS[layer]
        if key in table.column_names and table[key].null_count < len(table)
    }
    tags = [key for key in KEYS[layer] if key in there]
    first = 0
    with ExitStack() as stack:
        buckets = _Buckets(spool.folder / "sorting", layer, tags, stack)
        for table in spool.arrow(layer):
            own = slice(first, first + len(table))
            buckets.add(table, row[own], place[own])
            first += len(table)
        del row, place
        for number in buckets.numbers():
            city_store.write_part(_rows(buckets.part(number), layer, tags, crs), folder, number)


def _places(spool: Spool, layer: str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Return, of each object of a layer as it lies on the spool, its row in the city's order and its place on disk."""
    kinds, numbers, middles = [], [], []
    for table in spool.arrow(layer, ["osm_id", "geometry"]):
        ids = table["osm_id"].to_pylist()
        kinds.append(np.fromiter((_ORDER[name[0]] for name in ids), np.uint8, len(ids)))
        numbers.append(np.fromiter((int(name[1:]) for name in ids), np.int64, len(ids)))
        middles.append(city_store.middles(shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False))))
    by_id = np.lexsort((np.concatenate(numbers), np.concatenate(kinds)))
    along = city_store.hilbert(np.concatenate(middles))[by_id]
    order = np.argsort(along, kind="stable")
    row = np.empty(len(by_id), np.int32)
    row[by_id] = np.arange(len(by_id), dtype=np.int32)
    place = np.empty(len(by_id), np.int64)
    place[by_id[order]] = np.arange(len(by_id))
    return row, place


class _Buckets:
    """What goes into each file of a layer, on the disk until it is that file's turn."""

    def __init__(self, folder: Path, layer: str, tags: list[str], stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        nodes = [("nodes", pa.list_(pa.int64()))] if layer == "ways" else []
        own = [("osm_id", pa.string()), ("row", pa.int32()), (_PLACE, pa.int64()), ("geometry", pa.binary())]
        self._schema = pa.schema([*own, *((key, pa.string()) for key in tags), *nodes])
        self._files: dict[int, tuple[Path, pa.RecordBatchFileWriter]] = {}
        folder.mkdir()
        stack.callback(shutil.rmtree, folder, ignore_errors=True)

    def add(self, table: pa.Table, row: npt.NDArray[np.int32], place: npt.NDArray[np.int64]) -> None:
        """Divide a batch."""
        columns = {"row": pa.array(row), _PLACE: pa.array(place)}
        whole = pa.table(
            [
                columns[field.name] if field.name in columns
                else table[field.name] if field.name in table.column_names
                else pa.nulls(len(table), field.type)
                for field in self._schema
            ],
            schema=self._schema,
        )  # fmt: skip
        part = place // city_store.ROWS_PER_FILE
        for number in np.unique(part).tolist():
            if number not in self._files:
                path = self._folder / f"{number}.arrow"
                file = self._stack.enter_context(pa.OSFile(str(path), "wb"))
                self._files[number] = (
                    path,
                    self._stack.enter_context(pa.ipc.new_file(file, self._schema, options=PACKED)),
                )
            self._files[number][1].write_table(whole.filter(pa.array(part == number)))

    def numbers(self) -> list[int]:
        """Return the numbers of the files, once all batches were added."""
        for _, writer in self._files.values():
            writer.close()
        return sorted(self._files)

    def part(self, number: int) -> pa.Table:
        """Return what goes into a file, in its order; it can be had once."""
        path, _ = self._files[number]
        with pa.OSFile(str(path), "rb") as file:
            whole = pa.ipc.open_file(file).read_all()
        path.unlink()
        return whole.take(pa.array(np.argsort(whole[_PLACE].to_numpy())))


def _texts(column: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """Return text as objects, one for each different text, None for none."""
    told = column.combine_chunks().dictionary_encode()
    words: npt.NDArray[np.object_] = np.array([*told.dictionary.to_pylist(), None], dtype=object)
    found: npt.NDArray[np.object_] = words[told.indices.fill_null(len(words) - 1).to_numpy()]
    return found


def _rows(whole: pa.Table, layer: str, tags: list[str], crs: CRS) -> gpd.GeoDataFrame:
    """Return what a file holds as the table of which it is written."""
    data: dict[str, Any] = {
        "osm_id": pd.Series(pd.Index(whole["osm_id"].to_numpy(zero_copy_only=False)).astype(str)),
        "row": whole["row"].to_numpy(),
    }
    for key in tags:
        data[key] = pd.Series(_texts(whole[key]), dtype=object)
    if layer == "ways":
        data["nodes"] = pd.Series(lists_of(whole["nodes"]), dtype=object)
    shapes = shapely.from_wkb(whole["geometry"].to_numpy(zero_copy_only=False))
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(shapes, crs=crs), crs=crs)
