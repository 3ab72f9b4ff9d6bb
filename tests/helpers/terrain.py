"""Sight lines over rasters of heights, plainly: a line is a thousand points, a height four samples and their weights.

Nothing here shares a line with the package. A *raster* is ``z (rows, columns)`` row 0 southmost, its first sample at
``(x0, y0)``, samples ``step`` apart [m].
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import ArrayLike, NDArray

__all__ = ["bilinear", "excess", "random_surface", "steepest", "write_raster"]


def bilinear(z: NDArray[np.float64], x0: float, y0: float, step: float, xy: ArrayLike) -> NDArray[np.float64]:
    """Return the heights at points (..., 2), as the mean of four samples weighted by the opposite rectangles."""
    at = (np.asarray(xy, dtype=np.float64) - np.array([x0, y0])) / step
    i = np.clip(np.floor(at[..., 0]).astype(int), 0, z.shape[1] - 2)
    j = np.clip(np.floor(at[..., 1]).astype(int), 0, z.shape[0] - 2)
    u, v = at[..., 0] - i, at[..., 1] - j
    return z[j, i] * (1 - u) * (1 - v) + z[j, i + 1] * u * (1 - v) + z[j + 1, i] * (1 - u) * v + z[j + 1, i + 1] * u * v


def excess(
    z: NDArray[np.float64],
    x0: float,
    y0: float,
    step: float,
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    clear_m: float = 0.0,
    samples: int = 1000,
) -> float:
    """Return by how much the surface stands above the line from start to end (x, y, height), at the worst of `samples`.

    The true maximum is larger by at most half a spacing times how fast surface and line can part (`steepest`).
    """
    a, b = np.array(start), np.array(end)
    length = float(np.hypot(*(b - a)[:2]))
    t = np.linspace(min(clear_m / length, 1.0), 1.0, samples)
    line = a + t[:, None] * (b - a)
    return float((bilinear(z, x0, y0, step, line[:, :2]) - line[:, 2]).max())


def steepest(z: NDArray[np.float64], step: float) -> float:
    """Return a bound of the surface's slope [m per m] in any direction."""
    along, across = np.abs(np.diff(z, axis=1)).max(), np.abs(np.diff(z, axis=0)).max()
    return float(np.hypot(along, across)) / step


def random_surface(seed: int, rows: int, columns: int, rise: float, smooth: int = 0) -> NDArray[np.float64]:
    """Return heights of random numbers up to `rise`, exact in float32; `smooth` times averaged over 3 x 3 samples."""
    z = np.random.default_rng(seed).uniform(0.0, 1.0, (rows, columns))
    for _ in range(smooth):
        wide = np.pad(z, 1, mode="edge")
        z = sum(wide[j : j + rows, i : i + columns] for j in range(3) for i in range(3)) / 9.0
    z = (z - z.min()) / (z.max() - z.min()) * rise
    return z.astype(np.float32).astype(np.float64)


def write_raster(
    path: Path,
    z: ArrayLike,
    x0: float,
    y0: float,
    step: float,
    crs: str | None = "EPSG:32618",
    nodata: float | None = None,
    dtype: str = "float32",
    unit: str | None = None,
) -> Path:
    """Write heights (rows, columns), row 0 southmost and its first sample at (x0, y0), as a GeoTIFF."""
    z = np.asarray(z)
    top = y0 + (z.shape[0] - 0.5) * step
    where = rasterio.Affine(step, 0.0, x0 - 0.5 * step, 0.0, -step, top)
    profile = {"driver": "GTiff", "count": 1, "height": z.shape[0], "width": z.shape[1], "dtype": dtype}
    with rasterio.open(path, "w", crs=crs, transform=where, nodata=nodata, **profile) as file:
        file.write(z[::-1].astype(dtype), 1)
        if unit is not None:
            file.units = (unit,)
    return path
