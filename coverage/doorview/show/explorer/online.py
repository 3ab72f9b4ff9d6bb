"""Where online map tiles lie on the explorer's map, for those who ask for them.

Tiles are squares of the world in web Mercator, the map is in the run's projected CRS. Over a city two quadratic
polynomials, fitted here, turn one into the other; the page needs no projection of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from doorview.errors import InputError

__all__ = ["MOST_OFF_M", "tile_fit"]

MOST_OFF_M = 1.0
"""A fit that is off by more [m] is refused: the place is too large for a background of tiles."""
_WORLD_M = 20037508.342789244
"""Half the side of web Mercator's square (EPSG:3857) [m]."""
_LATTICE = 15


def tile_fit(crs: str, origin: tuple[float, float], box_m: tuple[float, float, float, float]) -> dict[str, Any]:
    """Return the polynomials between local metres (east, north of `origin` in `crs`) and the world square.

    The world square has u from 0 in the west to 1, v from 0 in the north to 1, as map tiles are numbered. `to_world`
    takes x, y, and `to_local` u, v: each is `{centre, scale, first, second}`, six coefficients a for either result, of
    1, p, q, p^2, p q, q^2 with p, q = (value - centre) / scale.

    Raises
    ------
    InputError
        If the fit is off by more than `MOST_OFF_M` anywhere on a lattice over the box.

    """
    west, south, east, north = box_m
    x, y = (
        axis.ravel() for axis in np.meshgrid(np.linspace(west, east, _LATTICE), np.linspace(south, north, _LATTICE))
    )
    transformer = Transformer.from_crs(crs, "EPSG:3857", always_xy=True)
    mercator_x, mercator_y = transformer.transform(x + origin[0], y + origin[1])
    u, v = (np.asarray(mercator_x) / _WORLD_M + 1.0) / 2.0, (1.0 - np.asarray(mercator_y) / _WORLD_M) / 2.0
    there, _ = _polynomial(x, y, u, v)
    back, off = _polynomial(u, v, x, y)
    if off > MOST_OFF_M:
        raise InputError(
            f"online tiles would lie up to {off:.1f} m off on a place of this size: leave --tiles out, or take a "
            "smaller boundary."
        )
    return {"to_world": there, "to_local": back, "off_m": off}


def _polynomial(
    one: NDArray[np.float64], two: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[dict[str, Any], float]:
    """Return the fit of (first, second) by quadratic polynomials of (one, two), and its largest error."""
    centre = [float(one.mean()), float(two.mean())]
    scale = [float(np.ptp(one)) or 1.0, float(np.ptp(two)) or 1.0]
    p, q = (one - centre[0]) / scale[0], (two - centre[1]) / scale[1]
    terms = np.column_stack([np.ones_like(p), p, q, p * p, p * q, q * q])
    solved = [np.linalg.lstsq(terms, values, rcond=None)[0] for values in (first, second)]
    off = max(float(np.abs(terms @ a - values).max()) for a, values in zip(solved, (first, second), strict=True))
    return {"centre": centre, "scale": scale, "first": solved[0].tolist(), "second": solved[1].tolist()}, off
