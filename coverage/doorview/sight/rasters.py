"""Rasters of heights, read into a city's own CRS: the ground, and the surface that stands on it.

Whatever GDAL reads, in any CRS, resolution and unit; what cannot be meant is refused with the reason.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.transform import Affine
from rasterio.warp import reproject
from shapely.geometry.base import BaseGeometry

from doorview.city.model import City
from doorview.errors import InputError, MissingFileError
from doorview.sight.kernels.terrain import BLOCK, Heights, fill_heights, fill_peaks

__all__ = ["METRES_PER", "Terrain", "ground_at", "heights_array", "heights_at", "point_pairs", "read_terrain"]

LATTICE = 400
"""Points along the longer side of a city at which it is asked whether its heights are known."""
LOWEST_SURFACE_M = -2.0
HIGHEST_SURFACE_M = 100.0
"""A surface whose median height over the ground lies beyond these has another datum or unit: errors of LiDAR and radar
scatter about 0, they do not sink a whole city, and no city has half its ground under roofs of 100 m."""
METRES_PER = {"m": 1.0, "ft": 0.3048, "us-ft": 1200.0 / 3937.0}
"""Metres in a unit of height; the foot of the US survey was given up in 2022 and is still in files."""
UNIT_NAMES = {
    "m": "m", "metre": "m", "metres": "m", "meter": "m", "meters": "m",
    "ft": "ft", "foot": "ft", "feet": "ft", "international foot": "ft",
    "us-ft": "us-ft", "ftus": "us-ft", "us survey foot": "us-ft", "foot_us": "us-ft", "us survey feet": "us-ft",
}  # fmt: skip
FINEST_STEP_M = 0.5
"""A finer raster is averaged: views are counted in cells of 0.5 m."""
LARGEST_RASTER = 400_000_000
"""Samples in memory, 1.6 GB."""
AVERAGED = 1.5
"""Steps of this many own ones and more are averages. Below, the warper's averaging is switched off: with steps a hair
longer than the raster's own its few uneven weights put heights 0.05 cells astray (4 cm on a slope of 0.2 at 3 m)."""
LOWEST_M, HIGHEST_M = -500.0, 9000.0
"""No dry ground lies beyond these: the Dead Sea's shore at -430 m, Everest at 8,849 m."""
CLEAR_M = 1.0
COMPASS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")


@dataclass(frozen=True)
class Terrain:
    """Heights of a city in its own CRS.

    `ground` is what doors and targets stand on, `surface` what rises above sight lines (the same raster if there is no
    surface model), both `Heights` [m] of one vertical datum. The surface hides nothing within `clear_m` of a camera:
    the house's own roof would blind one 0.1 m before its facade. Take about one step of a surface model, whose roofs
    end that much too far out; before the facades of the other side of a street the same blur hides up to one step of
    ground. `notes` says per raster what was read: file, driver, CRS, units, step, the share of the city that has no
    heights.
    """

    ground: Heights
    surface: Heights
    crs: CRS
    clear_m: float = CLEAR_M
    notes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def heights_array(z: ArrayLike, x0: float, y0: float, step: float) -> Heights:
    """Return `Heights` from samples (rows, columns) [m], row 0 southmost, the first of them at (x0, y0) [m].

    Raises
    ------
    InputError
        If there are fewer than 2 rows or columns, or the origin or step is no number above 0.

    """
    samples = np.ascontiguousarray(z, dtype=np.float32)
    if samples.ndim != 2 or min(samples.shape) < 2:
        raise InputError(f"heights have the shape {samples.shape}: expected at least 2 rows and 2 columns.")
    if not (math.isfinite(x0) and math.isfinite(y0) and math.isfinite(step) and step > 0):
        raise InputError(f"heights begin at ({x0}, {y0}) with a step of {step} m: give finite numbers, a step above 0.")
    samples[np.isinf(samples)] = np.nan
    peak = np.empty(tuple(-(-(side - 1) // BLOCK) for side in samples.shape), np.float32)
    fill_peaks(samples, peak)
    return Heights(samples, float(x0), float(y0), float(step), peak)


def read_terrain(
    path: str | Path,
    where: City | BaseGeometry | tuple[float, float, float, float],
    crs: CRS | str | None = None,
    *,
    surface: str | Path | None = None,
    margin_m: float = 100.0,
    step_m: float | None = None,
    units: str | None = None,
    surface_units: str | None = None,
    nodata: float | None = None,
    missing_allowed: float = 0.0,
    clear_m: float = CLEAR_M,
) -> Terrain:
    """Read a terrain model, and a surface model if there is one, for a city.

    Parameters
    ----------
    path
        Raster of the ground's heights: whatever GDAL reads, one band, any CRS and resolution.
    where
        A city, or a polygon or bounds west, south, east, north [m] in `crs`: what must be covered.
    crs
        CRS of the polygon or bounds, projected, in metres; a city has its own.
    surface
        Raster of what stands on the ground too (canopies, roofs). None: the ground alone hides.
    margin_m
        How far beyond the city to read [m]: at least the longest range of a camera.
    step_m
        Distance of samples [m]. None: each raster's own, at least 0.5 m. A raster in the city's CRS with square cells
        is then taken sample by sample; any other is warped bilinearly.
    units, surface_units
        Unit of the heights, ``m``, ``ft`` or ``us-ft``. None: as the file says, metres if it says nothing.
    nodata
        Value of unknown heights in both files, for files that do not say or say it wrongly.
    clear_m
        Length of each sight line, from the camera on, that the surface hides nothing of [m]; see `Terrain`.
    missing_allowed
        Share of the city, in [0, 1], that may be without heights, as water often is in LiDAR; there the plane's answer
        stands.

    Raises
    ------
    InputError, MissingFileError
        For a file that is missing, no raster, or without a CRS; an unknown unit; heights no ground has; a city that
        is not covered (how much is missing, and where); a surface that is not one of this ground.

    """
    area, target = _area_of(where, crs)
    if not (math.isfinite(margin_m) and margin_m >= 0):
        raise InputError(f"margin_m is {margin_m!r}: give a finite number of metres of 0 or more.")
    if not 0.0 <= missing_allowed <= 1.0:
        raise InputError(f"missing_allowed is {missing_allowed!r}: it is a share of the city, in [0, 1].")
    if not (math.isfinite(clear_m) and clear_m >= 0):
        raise InputError(f"clear_m is {clear_m!r}: give a finite number of metres of 0 or more.")
    west, south, east, north = area.bounds
    window = (west - margin_m, south - margin_m, east + margin_m, north + margin_m)
    notes: dict[str, dict[str, Any]] = {}
    read: dict[str, Heights] = {}
    for name, file, unit in (("ground", path, units), ("surface", surface, surface_units)):
        if file is None:
            continue
        z, x0, y0, step, note = _read_heights(Path(file), window, target, step_m, unit, nodata)
        read[name] = heights_array(z, x0, y0, step)
        share, side = _missing(read[name], area)
        if share > missing_allowed:
            allow = math.ceil(share * 1000.0) / 1000.0
            raise InputError(
                f"{Path(file).name} does not cover the city: {100 * share:.3g} % of its area, {side}, have no heights. "
                "Sight lines there would be taken as flat. Give a raster that covers it (several tiles can be joined "
                "with gdalbuildvrt), a smaller boundary, or accept the gap with "
                f"missing_allowed={allow:g}."
            )
        notes[name] = {**note, "missing_share": share}
    if surface is not None:
        _check_same_ground(read["ground"], read["surface"], area, Path(path).name, Path(surface).name)
    return Terrain(read["ground"], read.get("surface", read["ground"]), target, float(clear_m), notes)


def ground_at(terrain: Terrain, xy: ArrayLike) -> NDArray[np.float64]:
    """Return the height of the ground [m] at points (n, 2) [m], NaN where it is unknown."""
    return heights_at(terrain.ground, point_pairs(xy, "points"))


def _area_of(
    where: City | BaseGeometry | tuple[float, float, float, float], crs: CRS | str | None
) -> tuple[BaseGeometry, CRS]:
    """Return what must be covered, and its CRS."""
    if isinstance(where, City):
        if crs is not None and CRS.from_user_input(crs) != where.crs:
            raise InputError(
                f"crs={crs!r} beside a city in {where.crs.to_string()}: leave crs out, a city has its own."
            )
        return where.extent, where.crs
    if crs is None:
        raise InputError("bounds come without a CRS, so that their place is unknown: give crs='EPSG:...' with them.")
    target = CRS.from_user_input(crs)
    if not target.is_projected or any(axis.unit_conversion_factor != 1.0 for axis in target.axis_info[:2]):
        raise InputError(f"crs is {target.name}: views are computed in projected metres, e.g. the local UTM zone.")
    if isinstance(where, BaseGeometry):
        if shapely.area(where) == 0:
            raise InputError("what heights are asked for has no area: give a polygon, or bounds.")
        return where, target
    bounds = tuple(float(value) for value in where)
    if len(bounds) != 4 or not all(map(math.isfinite, bounds)) or bounds[0] >= bounds[2] or bounds[1] >= bounds[3]:
        raise InputError(f"bounds are {bounds}: expected west, south, east, north [m], the first two smaller.")
    return shapely.box(*bounds), target


def _missing(grid: Heights, area: BaseGeometry) -> tuple[float, str]:
    """Return the share of `area` without heights and where that lies, in words.

    Asked on a lattice of points, and of each unknown sample inside: a single one is not overlooked.
    """
    west, south, east, north = area.bounds
    pitch = max(east - west, north - south) / LATTICE
    x, y = np.meshgrid(np.arange(west + 0.5 * pitch, east, pitch), np.arange(south + 0.5 * pitch, north, pitch))
    lattice = np.column_stack([x.ravel(), y.ravel()])
    lattice = np.ascontiguousarray(lattice[shapely.contains_xy(area, lattice)])
    unknown = lattice[np.isnan(heights_at(grid, lattice))]
    samples = np.argwhere(np.isnan(grid.z))[:, ::-1] * grid.step + np.array([grid.x0, grid.y0])
    samples = samples[shapely.contains_xy(area, samples)] if len(samples) else samples
    if not len(unknown) and not len(samples):
        return 0.0, ""
    share = max(len(unknown) / max(len(lattice), 1), min(len(samples) * grid.step**2 / area.area, 1.0))
    where = np.concatenate([unknown, samples])
    (x0, y0), (x1, y1) = where.min(axis=0), where.max(axis=0)
    box = f"{x0:.0f} to {x1:.0f} m east, {y0:.0f} to {y1:.0f} m north"
    centre = area.centroid
    off = where.mean(axis=0) - np.array([centre.x, centre.y])
    if math.hypot(*off) < 0.05 * max(east - west, north - south):
        return share, f"in its middle or all around ({box})"
    turn = math.degrees(math.atan2(off[0], off[1])) % 360.0
    return share, f"in the {COMPASS[round(turn / 45.0) % 8]} ({box})"


def _check_same_ground(ground: Heights, surface: Heights, area: BaseGeometry, name: str, over: str) -> None:
    """Refuse a surface that cannot stand on this ground: another datum, another unit."""
    west, south, east, north = area.bounds
    x, y = np.meshgrid(np.linspace(west, east, 101), np.linspace(south, north, 101))
    points = np.column_stack([x.ravel(), y.ravel()])
    points = np.ascontiguousarray(points[shapely.intersects_xy(area, points)])
    above = heights_at(surface, points) - heights_at(ground, points)
    above = above[np.isfinite(above)]
    middle = float(np.median(above)) if len(above) else 0.0
    if not LOWEST_SURFACE_M <= middle <= HIGHEST_SURFACE_M:
        raise InputError(
            f"half of {over} lies {'below' if middle < 0 else 'above'} {abs(middle):.1f} m "
            f"{'under' if middle < 0 else 'over'} the ground of {name}, so the two have different units or vertical "
            "datums and every sight line would be wrong. Say units='ft' or surface_units='ft', or convert one of "
            "them."
        )


def heights_at(grid: Heights, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the heights [m] at points (n, 2)."""
    out = np.empty(len(xy))
    fill_heights(grid, xy, out)
    return out


def point_pairs(xy: ArrayLike, what: str) -> NDArray[np.float64]:
    """Return places as (n, 2) float64; refuse other shapes and what is no finite number."""
    points = np.ascontiguousarray(xy, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(f"{what} have the shape {points.shape}: expected (n, 2), x and y in metres.")
    if not np.isfinite(points).all():
        raise InputError(f"{what}: a coordinate is NaN or infinite; drop or mend it before asking for views.")
    return points


def _read_heights(
    path: Path,
    bounds: tuple[float, float, float, float],
    crs: CRS,
    step_m: float | None,
    unit: str | None,
    nodata: float | None,
) -> tuple[NDArray[np.float32], float, float, float, dict[str, Any]]:
    """Return heights z (rows, columns) [m] row 0 southmost, x0, y0 of the first sample, the step [m], and notes.

    `bounds` west, south, east, north [m] in `crs`; samples surround them. `unit` is a key of `METRES_PER` or None for
    what the file says. Errors as `read_terrain`.
    """
    if not path.is_file():
        raise MissingFileError(f"there is no raster {path}: give the path of a file of heights, e.g. a GeoTIFF.")
    if step_m is not None and not (math.isfinite(step_m) and step_m >= FINEST_STEP_M):
        raise InputError(f"step_m is {step_m!r}: give {FINEST_STEP_M} m or more, or leave it out.")
    try:
        with warnings.catch_warnings():
            # What is not georeferenced is refused below, with the reason.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            source = rasterio.open(path)
    except RasterioIOError as error:
        raise InputError(
            f"{path.name} cannot be read as a raster: give a GeoTIFF, an SRTM .hgt or another format of GDAL."
        ) from error
    with source:
        horizontal, vertical = _crs_of(source, path.name)
        said, factor = _unit_of(source, vertical, unit, path.name)
        own = _own_step(source, horizontal, bounds, crs, path.name)
        step, transform, rows, columns = _window_of(source, horizontal, bounds, crs, step_m or own, path.name)
        try:
            grid = (transform, rows, columns)
            z = _warp(source, horizontal, crs, grid, nodata, averaged=step >= AVERAGED * own)
        except (RasterioError, rasterio.errors.CRSError) as error:
            raise InputError(
                f"{path.name} breaks off or cannot be projected into {crs.to_string()}: check it with gdalinfo -stats."
            ) from error
        scale, offset = source.scales[0], source.offsets[0]
        driver = source.driver
    heights = ((z.astype(np.float64) * scale + offset) * factor)[::-1]
    known = heights[np.isfinite(heights)]
    if len(known) and (known.min() < LOWEST_M or known.max() > HIGHEST_M):
        raise InputError(
            f"{path.name} holds heights from {known.min():.0f} to {known.max():.0f} m, which no ground has: where "
            "heights are unknown the file must say so. Give the value that it uses there, e.g. nodata=-9999, or the "
            "unit, e.g. units='ft'."
        )
    note = {"file": path.name, "driver": driver, "crs": horizontal.to_string(), "heights": said, "step_m": step}
    x0, y0 = transform.c + 0.5 * step, transform.f - (rows - 0.5) * step
    return np.ascontiguousarray(heights, dtype=np.float32), x0, y0, step, note


def _crs_of(source: Any, name: str) -> tuple[CRS, CRS | None]:
    """Return the horizontal CRS of a raster and the vertical one if it says it; refuse a raster without a place."""
    if source.count != 1:
        raise InputError(
            f"{name} has {source.count} bands and heights are one: it may be a picture. Take one band with "
            "gdal_translate -b 1."
        )
    if source.crs is None or source.transform.is_identity:
        raise InputError(
            f"{name} has no {'CRS' if source.crs is None else 'place (geotransform)'}, so nothing tells where its "
            "heights lie: set it with gdal_edit.py -a_srs EPSG:... -a_ullr ...."
        )
    crs = CRS.from_wkt(source.crs.to_wkt())
    parts = crs.sub_crs_list if crs.is_compound else [crs]
    if not (parts[0].is_geographic or parts[0].is_projected):
        raise InputError(f"{name} is in {crs.name}, a local CRS without a place on earth: set it with gdal_edit.py.")
    return parts[0], parts[1] if len(parts) > 1 else None


def _unit_of(source: Any, vertical: CRS | None, asked: str | None, name: str) -> tuple[str, float]:
    """Return what the unit of height is and who says so, and the metres in it."""
    band = (source.units[0] or "").strip()
    said = asked or UNIT_NAMES.get(band.lower(), band)
    if said:
        if said not in METRES_PER:
            raise InputError(
                f"heights of {name} are said to be in {said[:40]!r}, which is not known: give units= as one of "
                f"{', '.join(METRES_PER)}."
            )
        return f"{said} ({'as asked' if asked else 'the band says so'})", METRES_PER[said]
    if vertical is not None:
        axis = vertical.axis_info[0]
        return f"{axis.unit_name} (the vertical CRS says so)", float(axis.unit_conversion_factor)
    return "m (assumed: the file says nothing)", 1.0


def _window_of(
    source: Any, horizontal: CRS, bounds: tuple[float, float, float, float], crs: CRS, step: float, name: str
) -> tuple[float, Affine, int, int]:
    """Return step [m], transform, rows and columns of a grid of samples about `bounds`, about `step` apart.

    The raster's own grid, where it lies in `crs` with square cells of that step, else whole multiples of the step.
    """
    own = source.transform
    west, south, east, north = bounds
    same = horizontal.equals(crs, ignore_axis_order=True) and own.b == 0 and own.d == 0
    if same and abs(own.a - step) <= 1e-6 * step and abs(own.e + step) <= 1e-6 * step and step >= FINEST_STEP_M:
        step, left, top = float(own.a), float(own.c), float(own.f)
    else:
        step, left, top = max(step, FINEST_STEP_M), 0.0, 0.0
    # One sample more on each side: the first centre lies half a step inside its cell.
    first, last = math.floor((west - left) / step) - 1, math.ceil((east - left) / step) + 1
    high, low = math.floor((top - north) / step) - 1, math.ceil((top - south) / step) + 1
    rows, columns = low - high, last - first
    if rows * columns > LARGEST_RASTER:
        raise InputError(
            f"{name} has {rows * columns / 1e6:,.0f} million heights in the window at a step of {step:g} m, more than "
            f"fit in memory: give step_m={math.ceil(step * math.sqrt(rows * columns / LARGEST_RASTER))} or a smaller "
            "boundary."
        )
    return step, Affine(step, 0.0, left + first * step, 0.0, -step, top - high * step), rows, columns


def _own_step(source: Any, horizontal: CRS, bounds: tuple[float, float, float, float], crs: CRS, name: str) -> float:
    """Return the smaller side of a raster's cells on the ground, at the middle of the bounds [m]."""
    x, y = 0.5 * (bounds[0] + bounds[2]), 0.5 * (bounds[1] + bounds[3])
    there = Transformer.from_crs(crs, horizontal, always_xy=True)
    back = Transformer.from_crs(horizontal, crs, always_xy=True)
    sx, sy = there.transform(x, y)
    own = source.transform
    px, py = back.transform([sx, sx + own.a, sx + own.b], [sy, sy + own.d, sy + own.e])
    sides = [math.hypot(px[k] - px[0], py[k] - py[0]) for k in (1, 2)]
    if not (all(map(math.isfinite, sides)) and min(sides) > 0):
        raise InputError(f"{name} is in {horizontal.name}, which does not reach the city: it is of another place.")
    return min(sides)


def _warp(
    source: Any, horizontal: CRS, crs: CRS, grid: tuple[Affine, int, int], nodata: float | None, averaged: bool
) -> NDArray[np.float32]:
    """Return the band on a grid, row 0 northmost, NaN where unknown; only the window's part of the file is read."""
    unknown = source.nodata if nodata is None else nodata
    if unknown is None and np.dtype(source.dtypes[0]).kind == "f":
        unknown = math.nan
    places = {"src_transform": source.transform, "src_crs": horizontal.to_wkt()}
    places |= {"dst_transform": grid[0], "dst_crs": crs.to_wkt()}
    z = np.full(grid[1:], np.nan, dtype=np.float32)
    reproject(
        rasterio.band(source, 1), z, **places, src_nodata=unknown, dst_nodata=math.nan, resampling=Resampling.bilinear,
        **({} if averaged else {"XSCALE": 1, "YSCALE": 1}),
    )  # fmt: skip
    if MaskFlags.per_dataset in source.mask_flag_enums[0]:
        mask = np.zeros(grid[1:], dtype=np.uint8)
        reproject(source.read_masks(1), mask, **places, resampling=Resampling.nearest)
        z[mask == 0] = np.nan
    return z
