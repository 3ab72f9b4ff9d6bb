"""Heat layers of the explorer: rasters of the run's folder, sampled to what a page can draw."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from doorview.errors import InputError

__all__ = ["heat_layers"]

MOST_PIXELS = 400_000
"""Pixels of one layer: as many as a small screen has."""
MOST_ACROSS = 2_000_000
"""Cells from side to side: 1,000 km in cells of 0.5 m."""
Layers = tuple[list[dict[str, Any]], dict[str, NDArray[Any]]]


def heat_layers(folder: Path, header: Mapping[str, Any]) -> Layers:
    """Return what the header says of each heat layer, and their arrays.

    `seen_by_LEVEL.tif` gives the number of simulated doors that could see the cell at each pixel's centre, from which
    the page takes the probability of being in view too; `thefts_density.tif` the density of reported thefts, which
    leaves hidden what the raster hides. A raster that the run did not write gives no layer.
    """
    said: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    x0, y0 = header["origin"]
    for level in header["levels"]:
        name = f"seen_by_{level['name']}.tif"
        path = folder / name
        if path.name != name or not path.is_file():
            continue
        values, place = _sampled(path, x0, y0)
        counts = np.where(np.isnan(values), 0, values).astype(np.uint16)
        array = f"heat_views_{level['name']}"
        arrays[array] = counts
        said.append(
            {
                "name": f"views_{level['name']}",
                "level": level["name"],
                "label": f"Number of possible views: {level['plain']}",
                "unit": "simulated doors that could see the spot",
                "array": array,
                **place,
                "scale": "k",
                "max": int(counts.max(initial=0)),
                "note": "Sampled: each pixel shows the cell at its centre.",
                "legend": "doors that could see the spot if each had a camera",
            }
        )
    path = folder / "thefts_density.tif"
    if path.is_file():
        values, place = _sampled(path, x0, y0)
        with _opened(path) as source:
            tags, unit = source.tags(), source.units[0] or "reported thefts / km2 / month"
        arrays["heat_thefts"] = values.astype(np.float32)
        highest = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
        hidden = tags.get("not_shown", "")
        said.append(
            {
                "name": "thefts",
                "level": None,
                "label": "Reported package thefts",
                "unit": unit,
                "array": "heat_thefts",
                **place,
                "scale": "value",
                "max": highest,
                "note": "Reported thefts, not all thefts."
                + (f" {tags['window']}." if "window" in tags else "")
                + (f" Not shown: {hidden}." if hidden else ""),
                "legend": unit,
            }
        )
    return said, arrays


@contextmanager
def _opened(path: Path) -> Iterator[rasterio.DatasetReader]:
    """Open a raster of the run: a GeoTIFF, never what only has its name and may lead to other files or hosts.

    Raises
    ------
    InputError
        If it is none, is larger than a city, or cannot be read.

    """
    again = "Run the study again, or take the file away: the page then has no such layer."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # refused below
            opened = rasterio.open(path, driver="GTiff")
        with opened as source:
            across = max(source.width, source.height)
            cell = source.transform.a
            square = source.transform.b == source.transform.d == 0 and source.transform.e == -cell
            if across > MOST_ACROSS or not (square and 0 < cell < math.inf):
                raise InputError(
                    f"'{path}' is no raster that a run wrote: {source.width:,} by {source.height:,} cells of {cell:g} "
                    f"by {-source.transform.e:g} m. {again}"
                )
            yield source
    except RasterioError as fault:
        raise InputError(f"'{path}' cannot be read as a raster ({fault}). {again}") from fault


def _sampled(path: Path, x0: float, y0: float) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Return values (rows from the south, columns) at the centres of pixels, NaN for none, and where they lie."""
    with _opened(path) as source:
        step = max(1, math.ceil(math.sqrt(source.width * source.height / MOST_PIXELS)))
        rows, cols = math.ceil(source.height / step), math.ceil(source.width / step)
        cell = source.transform.a
        west, north = source.transform.c, source.transform.f
        nodata = source.nodata
        out = np.full((rows, cols), np.nan)
        column = np.arange(cols) * step + step // 2
        for row in range(rows):
            line = row * step + step // 2
            if line >= source.height:
                continue
            values = source.read(1, window=Window(0, line, source.width, 1))[0].astype(np.float64)
            if nodata is not None:
                values[values == nodata] = np.nan
            there = column < source.width
            out[row, there] = values[column[there]]
    pixel = cell * step
    place = {
        "width": cols,
        "height": rows,
        "x": round((west - x0) * 100.0),
        "y": round((north - rows * pixel - y0) * 100.0),
        "pixel_m": pixel,
    }
    return np.ascontiguousarray(out[::-1]), place
