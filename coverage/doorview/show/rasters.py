"""Sparse GeoTIFFs that are written tile by tile: how many doors see each cell, and the probability of being in view.

Only blocks that hold something are stored; the rest reads as 0. All tags are set before the first block, so the
directory stands at the head of the file and the layout is that of a cloud-optimised GeoTIFF. There are no overviews:
for a city of 487 million cells they take ten times as long as the sparse data, and `doorview.show.picture` reduces
the blocks itself.
"""

from __future__ import annotations

import errno
import logging
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import RasterioError
from rasterio.windows import Window

from doorview.show.text import OSM_ATTRIBUTION, clean

__all__ = ["BLOCK", "TILE", "SparseRaster", "filled_blocks", "probability_of", "write_probability", "write_surface"]

BLOCK = 512
"""Side of a block of the file [cells]."""
TILE = 1024
"""The raster's window is widened to multiples of this, so that a tile of the computation meets whole blocks only."""

SIMULATED = "yes: simulated cameras, not real ones"


class SparseRaster:
    """A sparse GeoTIFF of cells in absolute rows and columns.

    Parameters
    ----------
    path
        File to write.
    crs
        Anything that `rasterio` takes for a projected CRS in metres.
    cell_m
        Side of a cell [m].
    row0, col0
        Absolute row and column (growing northward and eastward) of the south-west cell.
    rows, cols
        Size [cells]; the file is widened to whole tiles.
    dtype
        ``uint16`` or ``float32``.
    description, units
        What a cell holds, for people.
    tags
        More tags; the note about simulation is always there.
    attribution, licence
        Of the data that the raster derives from.
    simulated
        Whether the cameras are, in words: what the file says of itself.
    compress
        ``zstd`` takes a fifth of the time of ``deflate`` and less room; ``deflate`` is for readers without it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        crs: Any,
        cell_m: float,
        row0: int,
        col0: int,
        rows: int,
        cols: int,
        dtype: str = "uint16",
        description: str = "doors that see the cell",
        units: str = "doors",
        tags: Mapping[str, str] | None = None,
        attribution: str = OSM_ATTRIBUTION,
        licence: str = "ODbL 1.0",
        simulated: str = SIMULATED,
        compress: Literal["zstd", "deflate"] = "zstd",
    ) -> None:
        if rows < 1 or cols < 1 or not cell_m > 0:
            raise ValueError(f"a raster needs cells: got {rows} rows, {cols} columns, cell_m={cell_m}.")
        self.path = Path(path)
        self.crs = crs
        self.cell_m = cell_m
        self.row0 = row0 // TILE * TILE
        self.col0 = col0 // TILE * TILE
        self.rows = -(-(row0 + rows) // TILE) * TILE - self.row0
        self.cols = -(-(col0 + cols) // TILE) * TILE - self.col0
        self.dtype = np.dtype(dtype)
        self.description = description
        self.units = units
        self.tags = dict(tags or {})
        self.attribution, self.licence, self.simulated = attribution, licence, simulated
        self.compress = compress
        self._sums: dict[tuple[int, int, int, int], int] = {}
        self._file: Any = None

    def __enter__(self) -> Self:
        """Open the file and write its directory."""
        profile = {
            "driver": "GTiff",
            "width": self.cols,
            "height": self.rows,
            "count": 1,
            "dtype": self.dtype.name,
            "crs": self.crs,
            "transform": rasterio.Affine(
                self.cell_m, 0.0, self.col0 * self.cell_m, 0.0, -self.cell_m, (self.row0 + self.rows) * self.cell_m
            ),
            "tiled": True,
            "blockxsize": BLOCK,
            "blockysize": BLOCK,
            "compress": self.compress,
            **({"zstd_level": 1} if self.compress == "zstd" else {"zlevel": 1}),
            "sparse_ok": True,
            "bigtiff": "if_safer",
        }
        # No nodata value: 0 is a measurement (no door sees the cell), and a mean over a zone has to count it.
        self._file = rasterio.open(self.path, "w", **profile)
        self._file.set_band_description(1, clean(self.description, 120))
        self._file.set_band_unit(1, self.units)
        self._file.update_tags(
            TIFFTAG_IMAGEDESCRIPTION=clean(f"{self.description}; {self.simulated.partition(': ')[2]}", 200),
            TIFFTAG_COPYRIGHT=clean(self.attribution, 200),
            attribution=clean(self.attribution, 200),
            licence=clean(self.licence, 120),
            simulated=clean(self.simulated, 200),
            units=self.units,
            **{key: clean(value, 400) for key, value in self.tags.items()},
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file, and read it back: GDAL writes late, and closing says nothing of a disk that was full.

        Raises
        ------
        OSError
            If the file does not hold what was written.
        """
        with _unsaid():
            self._file.close()
        self._file = None
        if kind is None:
            _check_written(self.path, self._sums)

    def write(self, row0: int, col0: int, array: npt.NDArray[Any]) -> int:
        """Write a tile and return the number of blocks stored.

        Parameters
        ----------
        row0, col0
            Absolute row and column of the south-west cell of the tile: multiples of `BLOCK`.
        array
            Shape (rows, cols), row 0 southmost, of the raster's dtype.

        Raises
        ------
        ValueError
            For a tile that does not start at a block, of another dtype, or with something outside the raster.
        """
        if array.dtype != self.dtype:
            raise ValueError(f"the tile holds {array.dtype}, the raster {self.dtype}: convert it, array.astype(...).")
        if row0 % BLOCK or col0 % BLOCK:
            raise ValueError(
                f"a tile starts at a multiple of {BLOCK} cells, and this one at row {row0}, column {col0}."
            )
        stored = 0
        for south in range(0, array.shape[0], BLOCK):
            for west in range(0, array.shape[1], BLOCK):
                block = array[south : south + BLOCK, west : west + BLOCK]
                if not block.any():
                    continue
                self._write_block(row0 + south, col0 + west, block)
                stored += 1
        return stored

    def _write_block(self, row: int, col: int, block: npt.NDArray[Any]) -> None:
        height, width = block.shape
        top = self.row0 + self.rows - row - height
        left = col - self.col0
        if top < 0 or left < 0 or row < self.row0 or left + width > self.cols:
            raise ValueError(f"a block at row {row}, column {col} lies outside {self.path.name}: widen the raster.")
        window = Window(left, top, width, height)
        cells = np.ascontiguousarray(block[::-1])
        self._file.write(cells, 1, window=window)
        self._sums[left, top, width, height] = zlib.crc32(cells.data)


@contextmanager
def _unsaid() -> Iterator[None]:
    """Keep GDAL's own words from the terminal: what went wrong is found by reading back, and said in ours."""
    log = logging.getLogger("rasterio._env")
    before, log.disabled = log.disabled, True
    try:
        with rasterio.Env():
            yield
    finally:
        log.disabled = before


def _check_written(path: Path, sums: Mapping[tuple[int, int, int, int], int]) -> None:
    """Refuse a raster whose windows (left, top, width, height) do not hold the cells that these are the CRC-32 of."""
    right = True
    try:
        with _unsaid(), rasterio.open(path) as file:
            for (left, top, width, height), wanted in sums.items():
                cells = file.read(1, window=Window(left, top, width, height))
                right = right and zlib.crc32(np.ascontiguousarray(cells).data) == wanted
    except RasterioError:
        right = False
    if not right:
        raise OSError(errno.ENOSPC, f"no space left on device, or it is faulty: {path.name} is not what was written")


def filled_blocks(
    source: Any, *, left: int = 0, top: int = 0, right: int | None = None, bottom: int | None = None
) -> Iterator[tuple[Window, npt.NDArray[Any]]]:
    """Yield window and cells of each block that an open `rasterio` dataset stores, from the north-west on.

    Only blocks that meet the columns `left` to `right` and rows `top` to `bottom` (half open, from the north) are read.
    """
    block_rows, block_cols = source.block_shapes[0]
    right = source.width if right is None else min(right, source.width)
    bottom = source.height if bottom is None else min(bottom, source.height)
    for down in range(max(top, 0) // block_rows, -(-bottom // block_rows)):
        for across in range(max(left, 0) // block_cols, -(-right // block_cols)):
            if source.get_tag_item(f"BLOCK_OFFSET_{across}_{down}", "TIFF", bidx=1) is None:
                continue
            north, west = down * block_rows, across * block_cols
            window = Window(west, north, min(block_cols, source.width - west), min(block_rows, source.height - north))
            yield window, source.read(1, window=window)


def probability_of(rate: float, largest: int) -> npt.NDArray[np.float32]:
    """Return the probability of being in view by number of doors: 1 - (1 - rate)^k for k = 0 .. `largest`.

    Valid where each door holds a camera independently with probability `rate` in [0, 1].
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"a rate lies between 0 and 1, and this is {rate}.")
    return (1 - (1 - rate) ** np.arange(largest + 1, dtype=np.float64)).astype(np.float32)


def write_probability(
    path: str | os.PathLike[str], seen_by: str | os.PathLike[str], rate: float, *, tags: Mapping[str, str] | None = None
) -> None:
    """Write the probability that each cell is in view (float32, 0 to 1) from the raster of doors that see it.

    `rate` is the independent probability of a camera per door. Made only on request: it holds no more than `seen_by`.
    """
    with rasterio.open(seen_by) as source:
        cell = source.transform.a
        row0 = round(source.bounds.bottom / cell)
        col0 = round(source.bounds.left / cell)
        raster = SparseRaster(
            path,
            crs=source.crs,
            cell_m=cell,
            row0=row0,
            col0=col0,
            rows=source.height,
            cols=source.width,
            dtype="float32",
            description=f"probability that the cell is in view, {100 * rate:g}% of doors with a camera",
            units="1",
            tags={"rate_per_door": repr(rate), **(tags or {})},
        )
        with raster:
            for window, cells in filled_blocks(source):
                table = probability_of(rate, int(cells.max()))
                south = row0 + source.height - int(window.row_off) - cells.shape[0]
                raster.write(south, col0 + int(window.col_off), np.ascontiguousarray(table[cells][::-1]))


def write_surface(
    path: str | os.PathLike[str],
    values: npt.NDArray[np.float64],
    *,
    crs: Any,
    cell_m: float,
    x0: float,
    y0: float,
    description: str,
    units: str,
    tags: Mapping[str, str],
) -> None:
    """Write a surface as a GeoTIFF (float32); NaN, its nodata value, is what is not shown.

    Parameters
    ----------
    path
        File to write.
    values
        (rows, columns), row 0 southmost.
    crs
        Anything that `rasterio` takes for a projected CRS in metres.
    cell_m, x0, y0
        Side of a cell and the south-west corner [m].
    description, units
        What a cell holds, for people.
    tags
        More tags, attribution and licence among them.
    """
    rows, columns = values.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=columns,
        height=rows,
        count=1,
        dtype="float32",
        crs=crs,
        transform=rasterio.Affine(cell_m, 0.0, x0, 0.0, -cell_m, y0 + rows * cell_m),
        nodata=float("nan"),
        compress="deflate",
    ) as file:
        file.set_band_description(1, clean(description, 120))
        file.set_band_unit(1, units)
        file.update_tags(
            TIFFTAG_IMAGEDESCRIPTION=clean(description, 200),
            units=units,
            **{key: clean(value, 400) for key, value in tags.items()},
        )
        cells = np.ascontiguousarray(values[::-1].astype(np.float32))
        file.write(cells, 1)
    _check_written(Path(path), {(0, 0, columns, rows): zlib.crc32(cells.data)})
