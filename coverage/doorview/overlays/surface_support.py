"""Where a density surface rests on too few incidents to be shown."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from doorview.overlays.kde import Surface, spread_m
from doorview.overlays.publish import SMALLEST_COUNT

__all__ = ["peak_per_km2", "rests_on_few"]


def peak_per_km2(kernel: str, bandwidth_m: float) -> float:
    """Return the density [per km2] of one incident at its own place: 1 / (2 pi h^2), or 3 / (pi r^2) for a quartic."""
    spread_m(kernel, bandwidth_m)  # refuses kernels that are not there
    metres2 = 2 * math.pi * bandwidth_m**2 if kernel == "gaussian" else math.pi * bandwidth_m**2 / 3
    return 1e6 / metres2


def rests_on_few(surface: Surface) -> NDArray[np.bool_]:
    """Return (rows, columns): counted cells whose density four incidents at one place could give.

    Everywhere else at least five incidents contribute, wherever they lie. Where mass beyond the edge is given back
    (`surface.edge`), what one incident gives grows by the part of its kernel that lies outside; that part is taken at
    the cell itself, with a Gaussian of the kernel's spread, so at corners the rule is approximate. It is a function of
    the surface alone: the hatching says nothing that the surface does not.
    """
    limit = (SMALLEST_COUNT - 1) * peak_per_km2(surface.kernel, surface.bandwidth_m)
    inside = surface.grid.inside
    part = np.ones(inside.shape)
    if surface.edge != "none":
        sigma = spread_m(surface.kernel, surface.bandwidth_m) / surface.grid.cell_m
        part = gaussian_filter(inside.astype(np.float64), sigma, mode="constant")
    few: NDArray[np.bool_] = inside & (surface.density * part <= limit * (1 + 1e-6))
    return few
