"""Planar kernel density of incidents on a raster, whose mass is the number of incidents.

Each incident is spread over its surroundings by a kernel. Two are there: the **Gaussian** (default), because rules of
thumb and cross-validated likelihood are stated for it and no place has a density of 0; and the **quartic**, because
crime mapping is used to it and it ends at its radius. A Gaussian's `bandwidth_m` is its standard deviation along an
axis, a quartic's is its radius, 2.83 (the root of 8) times its standard deviation: `spread_m` makes them comparable.

Method: incidents are shared among the four cell centres around them (linear binning) and the cells are convolved with
the kernel by fast Fourier transform. Linear binning spreads a point by cell² / 6 on average along each axis; the
kernel's variance is made smaller by just that, so what is left is at most about (cell / standard deviation)² / 6 of
the peak of a single point, and far less of many. Cells are refined inside until the standard deviation is six of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from doorview.errors import InputError, UnknownNameError
from doorview.overlays.kernels.binning import ONE, bin_linear, read_linear
from doorview.overlays.surface_grid import MOST_CELLS, SurfaceGrid, xy_array

__all__ = ["EDGES", "KERNELS", "Surface", "kde_scores", "kernel_density", "spread_m"]

Floats = NDArray[np.float64]
Smoother = Callable[[Floats], Floats]

KERNELS = ("gaussian", "quartic")
EDGES = ("diggle", "uniform", "none")
_FINEST = 6.0
"""Standard deviation of the kernel in cells, at least: below, cells are refined inside."""
_REACH = 8.5
"""A Gaussian is taken as 0 beyond this many standard deviations: 2e-16 of its peak."""
_FAINT = 1e-18
"""Frequencies whose factor is smaller are left out."""
_HEAVIEST = 2.0**25
"""Sum of weights that still leaves room for the edge correction: sums are whole multiples of 2^-36 in 64 bits."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A density surface with what it was made from.

    Attributes
    ----------
    density
        (rows, columns), incidents per km2 over the whole window; 0 in cells that do not count.
    grid
        Where the cells lie.
    incidents, left_out
        Incidents that were smoothed, and those outside the counted area.
    mass
        Sum of the weights of the former: their number where none were given.
    bandwidth_m, kernel, edge
        How it was smoothed.

    """

    density: Floats
    grid: SurfaceGrid
    incidents: int
    left_out: int
    mass: float
    bandwidth_m: float
    kernel: str
    edge: str

    def per_month(self, months: float) -> Floats:
        """Return (rows, columns) incidents per km2 and month, for a window of `months`."""
        if not (math.isfinite(months) and months > 0):
            raise InputError(f"months is {months!r}: a window is longer than 0 months, e.g. months=12.")
        return self.density / months


def spread_m(kernel: str, bandwidth_m: float) -> float:
    """Return the kernel's standard deviation along an axis [m]; a quartic's variance is its radius² / 8."""
    if kernel not in KERNELS:
        raise UnknownNameError("kernel", kernel, KERNELS)
    return bandwidth_m if kernel == "gaussian" else bandwidth_m / math.sqrt(8.0)


def kernel_density(
    xy: ArrayLike,
    grid: SurfaceGrid,
    *,
    bandwidth_m: float,
    kernel: str = "gaussian",
    edge: str = "diggle",
    weights: ArrayLike | None = None,
    threads: int = 1,
) -> Surface:
    """Return the kernel density of points on the grid.

    Parameters
    ----------
    xy
        (n, 2) places of incidents in the grid's CRS [m]. Those in no counted cell are left out, and counted.
    grid
        The cells.
    bandwidth_m
        Standard deviation of the Gaussian, radius of the quartic [m].
    kernel
        `gaussian` or `quartic`.
    edge
        What is done about the mass that would fall outside the counted area. `diggle`: each incident is divided by
        the part of its kernel inside, so that the surface holds every incident whole (Diggle 1985, doi
        10.2307/2347366; Jones 1993, doi 10.1007/BF00147776). `uniform`: each cell is divided by the part of the
        kernel around it that is inside, so that an even pattern is shown even; mass is kept on average alone.
        `none`: mass is lost beyond the edge.
    weights
        (n,) of 0 or more; left out: 1 each.
    threads
        Threads of the transform; they change no bit of the answer, nor does the order of points.

    Raises
    ------
    InputError
        For a bandwidth of 0 or less, or far under a cell of a large grid, an unknown kernel or edge, or weights that
        are negative or no numbers.

    """
    _check(bandwidth_m, edge)
    sigma = spread_m(kernel, bandwidth_m) / grid.cell_m
    points = xy_array(xy)
    on = grid.counted(points)
    weight = _weights(weights, len(points))[on]
    finer = max(1, math.ceil(_FINEST / sigma))
    if grid.rows * grid.columns * finer**2 > MOST_CELLS:
        raise InputError(
            f"bandwidth_m is {bandwidth_m:g} ({kernel}) on {grid.rows:,} x {grid.columns:,} cells of {grid.cell_m:g} "
            "m: too narrow for so many cells. Give a wider one, or a grid over a smaller area."
        )
    fine = _refined(grid, finer)
    position: Floats = np.asarray((points[on] - np.array([fine.x0, fine.y0])) / fine.cell_m + 0.5, np.float64)
    u, v = np.ascontiguousarray(position[:, 0]), np.ascontiguousarray(position[:, 1])
    smooth = _smoother((fine.rows + 2, fine.columns + 2), kernel, sigma * finer, threads)
    part = None
    if edge != "none":
        part = smooth(np.pad(fine.inside.astype(np.float64), 1))
    mass = float(weight.sum())
    if edge == "diggle" and part is not None:
        weight = np.asarray(weight / read_linear(u, v, part), np.float64)
    nodes = np.zeros((fine.rows + 2, fine.columns + 2), np.int64)
    bin_linear(u, v, np.round(weight * ONE).astype(np.int64), nodes)
    found = smooth(nodes.astype(np.float64) * (1.0 / ONE))[1:-1, 1:-1]
    if edge == "uniform" and part is not None:
        found = np.divide(found, part[1:-1, 1:-1], out=np.zeros_like(found), where=fine.inside)
    if not fine.inside.all():
        found = np.where(fine.inside, found, 0.0)
    if finer > 1:
        found = found.reshape(grid.rows, finer, grid.columns, finer).sum(axis=(1, 3))
    # What is left of rounding in the transform may lie a hair below 0.
    found = np.maximum(found, 0.0)
    found /= grid.cell_km2
    left_out = len(points) - int(on.sum())
    return Surface(found, grid, int(on.sum()), left_out, mass, float(bandwidth_m), kernel, edge)


def kde_scores(
    bandwidth_m: float, *, kernel: str = "gaussian", edge: str = "diggle"
) -> Callable[[Floats, SurfaceGrid], Floats]:
    """Return a method of prediction: (n, 2) past incidents and a grid -> scores (rows, columns), higher is hotter."""
    _check(bandwidth_m, edge)
    spread_m(kernel, bandwidth_m)

    def scores(xy: Floats, grid: SurfaceGrid) -> Floats:
        return kernel_density(xy, grid, bandwidth_m=bandwidth_m, kernel=kernel, edge=edge).density

    return scores


def _check(bandwidth_m: float, edge: str) -> None:
    if not (math.isfinite(bandwidth_m) and bandwidth_m > 0):
        raise InputError(
            f"bandwidth_m is {bandwidth_m!r}: it must be more than 0 metres; rule_of_thumb(xy) or "
            "cross_validated(xy) finds one."
        )
    if edge not in EDGES:
        raise UnknownNameError("edge correction", edge, EDGES)


def _weights(weights: ArrayLike | None, count: int) -> Floats:
    weight: Floats = np.ones(count) if weights is None else np.asarray(weights, np.float64)
    if weight.shape != (count,) or not (np.isfinite(weight) & (weight >= 0)).all():
        raise InputError(f"weights have the shape {weight.shape}: they must be {count} numbers of 0 or more, one each.")
    if weight.sum() > _HEAVIEST:
        raise InputError(f"weights add up to {weight.sum():.3g}: at most {_HEAVIEST:.0f}. Give them in larger units.")
    return weight


def _refined(grid: SurfaceGrid, finer: int) -> SurfaceGrid:
    if finer == 1:
        return grid
    inside = np.repeat(np.repeat(grid.inside, finer, axis=0), finer, axis=1)
    return SurfaceGrid(grid.x0, grid.y0, grid.cell_m / finer, grid.columns * finer, grid.rows * finer, inside)


def _smoother(shape: tuple[int, int], kernel: str, sigma: float, threads: int) -> Smoother:
    """Return the convolution of (rows, columns) nodes with a kernel of standard deviation `sigma` [nodes]."""
    # Less what linear binning adds.
    sigma = math.sqrt(sigma**2 - 1.0 / 6.0)
    if kernel == "gaussian":
        return _gaussian(shape, sigma, threads)
    return _quartic(shape, sigma * math.sqrt(8.0), threads)


def _lengths(shape: tuple[int, int], reach: int) -> tuple[int, int]:
    """Return transform lengths so large that nothing comes around the edge."""
    rows, columns = (fft.next_fast_len(n + min(reach, n), real=True) for n in shape)
    return rows, columns


def _offsets(count: int) -> Floats:
    """Return the distance of each of `count` nodes of a ring from the first, (count,)."""
    n = np.arange(count)
    return np.minimum(n, count - n).astype(np.float64)


def _gaussian(shape: tuple[int, int], sigma: float, threads: int) -> Smoother:
    """Two one-dimensional transforms; the wide kernel leaves few frequencies, only those are carried."""
    rows, columns = _lengths(shape, math.ceil(_REACH * sigma))
    factors = []
    for count in (rows, columns):
        taps = np.exp(-0.5 * (_offsets(count) / sigma) ** 2) / (sigma * math.sqrt(2.0 * math.pi))
        factors.append(fft.rfft(taps).real)
    kept = int(np.flatnonzero(np.abs(factors[1]) > _FAINT)[-1]) + 1
    across = factors[1][:kept]
    half = factors[0]
    along = np.concatenate([half, half[1 : rows - len(half) + 1][::-1]])[:, None]

    def smooth(nodes: Floats) -> Floats:
        low = fft.rfft(nodes, columns, axis=1, workers=threads)[:, :kept] * across
        low = fft.fft(low, rows, axis=0, workers=threads, overwrite_x=True)
        low *= along
        low = fft.ifft(low, axis=0, workers=threads, overwrite_x=True)[: shape[0]]
        found: Floats = fft.irfft(low, columns, axis=1, workers=threads)[:, : shape[1]]
        return found

    return smooth


def _quartic(shape: tuple[int, int], radius: float, threads: int) -> Smoother:
    """Use 3 / (pi R²) (1 - r² / R²)² (Silverman 1986, equation 4.5) at the nodes, made to sum to 1."""
    rows, columns = _lengths(shape, math.ceil(radius))
    squared = (_offsets(rows)[:, None] ** 2 + _offsets(columns)[None, :] ** 2) / radius**2
    # The sum over the nodes, whether or not they all have room: by quarters of the disc.
    n = np.arange(-math.ceil(radius), math.ceil(radius) + 1, dtype=np.float64)
    whole = (np.maximum(0.0, 1.0 - (n[:, None] ** 2 + n[None, :] ** 2) / radius**2) ** 2).sum()
    factor = fft.rfft2(np.maximum(0.0, 1.0 - squared) ** 2 / whole, workers=threads).real

    def smooth(nodes: Floats) -> Floats:
        found: Floats = fft.irfft2(fft.rfft2(nodes, (rows, columns), workers=threads) * factor, (rows, columns))
        return found[: shape[0], : shape[1]]

    return smooth
