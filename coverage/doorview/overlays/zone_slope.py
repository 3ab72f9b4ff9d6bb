"""How a share changes with an attribute of zones, with errors that know that neighbouring zones are alike.

Ordinary errors take every zone as a new piece of knowledge; zones beside each other are not, and intervals come out too
narrow. Three answers are given, all by PySAL's spreg: ordinary least squares; the same line with the errors of Conley
(1999, doi 10.1016/S0304-4076(98)00084-0), as Kelejian and Prucha's kernel estimator (2007, doi
10.1016/j.jeconom.2006.09.005); and a spatial error model by maximum likelihood (Anselin 1988, Spatial Econometrics, doi
10.1007/978-94-015-7799-1), which is the one that is printed: on simulated fields its 95 % interval held the true slope
in 92 to 95 of 100, Conley's in 71 to 85, the ordinary one in 50 to 92 (docs/fairness-attributes.md).
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree
from scipy.stats import norm, t

from doorview.errors import InputError
from doorview.overlays.pysal_home import no_folder_at_home

__all__ = ["FEWEST_ZONES", "METHOD", "Slope", "line_slope", "zone_slope"]

FEWEST_ZONES = 20
"""Fewer zones than this, and no slope is given."""
METHOD = "spatial error model, maximum likelihood"
NEIGHBOURS = 6
"""Zones that count as neighbours: about as many as touch a cell of a plane cut into cells; made mutual."""
DENSE = 500
"""From more zones on the likelihood goes through a sparse decomposition."""
CONFIDENCE = 0.95
_NONE = float("nan")


class Slope(NamedTuple):
    """Change of a share per standard deviation of an attribute, over zones, each zone counted once.

    Attributes
    ----------
    zones
        How many zones it rests on.
    why_not
        Empty, or why no slope is given; the figures are NaN then.
    slope, error, low, high
        Of the spatial error model, with its 95 % interval (Student's t with zones - 3 degrees of freedom); the error
        is never below `plain_error`.
    likeness
        How alike the residuals of neighbours are (lambda), in [0, 1): below 0 counts as 0, the ordinary line.
    plain, plain_error
        Of ordinary least squares.
    kernel_error
        The ordinary slope's error by a kernel over the distance of zones (Conley).
    moran, moran_p
        Moran's I of the ordinary residuals, and the chance of one as far from its expectation without likeness.
    weights
        By zone (zones,): what the slope adds up of shares at this likeness; empty where none is given.

    """

    zones: int
    why_not: str = ""
    slope: float = _NONE
    error: float = _NONE
    low: float = _NONE
    high: float = _NONE
    likeness: float = _NONE
    plain: float = _NONE
    plain_error: float = _NONE
    kernel_error: float = _NONE
    moran: float = _NONE
    moran_p: float = _NONE
    weights: NDArray[np.float64] = np.zeros(0)


def line_slope(shares: ArrayLike, attribute: ArrayLike) -> NDArray[np.float64]:
    """Return the ordinary slope of each column of `shares` (zones, draws) per standard deviation of the attribute."""
    y, x = np.asarray(shares, dtype=np.float64), np.asarray(attribute, dtype=np.float64)
    z = (x - x.mean()) / x.std()
    found: NDArray[np.float64] = z @ y / len(z)
    return found


def zone_slope(share: ArrayLike, attribute: ArrayLike, xy: ArrayLike) -> Slope:
    """Return the slope of a share on an attribute over zones, with errors that allow for likeness of neighbours.

    Parameters
    ----------
    share
        By zone (zones,), in [0, 1].
    attribute
        By zone (zones,); no gaps.
    xy
        A point in each zone (zones, 2) in a projected CRS [m].

    Raises
    ------
    InputError
        For gaps, and arrays that are not one value per zone.

    """
    y, x, place = (np.asarray(item, dtype=np.float64) for item in (share, attribute, xy))
    if y.shape != x.shape or place.shape != (len(y), 2):
        raise InputError(f"a slope needs one share, attribute and place per zone: {y.shape}, {x.shape}, {place.shape}.")
    if not (np.isfinite(y).all() and np.isfinite(x).all() and np.isfinite(place).all()):
        raise InputError("a slope needs shares and attributes without gaps: leave out zones that have none.")
    why_not = _why_not(y, x)
    if why_not:
        return Slope(len(y), why_not)
    return _slope(y, (x - x.mean()) / x.std(), place)


def _why_not(y: NDArray[np.float64], x: NDArray[np.float64]) -> str:
    """Return why no slope can be given, empty if it can."""
    if len(y) < FEWEST_ZONES:
        return f"too few zones for a slope ({len(y)}, fewer than {FEWEST_ZONES}): not given"
    if not np.ptp(x) > 1e-9 * np.abs(x).max(initial=0.0):
        return "the attribute is the same in all zones: no slope"
    if not np.ptp(y) > 1e-12:
        return "the share is the same in all zones: no slope"
    if len(np.unique(x)) < 3:
        return "the attribute has two values alone: compare two categories instead of a slope"
    return ""


def _slope(y: NDArray[np.float64], z: NDArray[np.float64], place: NDArray[np.float64]) -> Slope:
    with no_folder_at_home(), warnings.catch_warnings():
        # Of islands and disconnected parts, which neighbours by number do not have or do no harm.
        warnings.simplefilter("ignore")
        from libpysal.weights import Kernel, W
        from spreg.diagnostics_sp import MoranRes
        from spreg.ml_error import BaseML_Error
        from spreg.ols import BaseOLS

        n = len(y)
        near = W(_neighbours(place), silence_warnings=True)
        near.transform = "r"
        # Bandwidths that reach the 2 sqrt(n) nearest zones: wider than rules of thumb, which were too narrow on trial.
        kernel = Kernel(place, k=min(n - 1, round(2 * n**0.5)), function="triangular", fixed=False, diagonal=True)
        kernel.transform = "o"
        left, right = y[:, None], np.column_stack([np.ones(n), z])
        plain = BaseOLS(left, right)
        robust = BaseOLS(left, right, robust="hac", gwk=kernel)
        moran = MoranRes(plain, near, z=True)
        model = BaseML_Error(left, right, near, method="full" if n <= DENSE else "LU")
    slope, likeness = float(model.betas[1, 0]), float(model.lam)
    plain_error = float(np.sqrt(plain.vm[1, 1]))
    # Never narrower than if neighbours were not alike: with few zones their likeness is badly known.
    error = max(float(np.sqrt(model.vm[1, 1])), plain_error)
    if likeness <= 0.0:
        # What zones have in common makes neighbours alike: below 0 it is chance, and the plain line holds.
        slope, error, likeness = float(plain.betas[1, 0]), plain_error, 0.0
    half = float(t.ppf(0.5 + CONFIDENCE / 2, n - 3)) * error
    return Slope(
        n,
        "",
        slope,
        error,
        slope - half,
        slope + half,
        likeness,
        float(plain.betas[1, 0]),
        plain_error,
        # A kernel's sum may come out below 0, where it says nothing.
        float(np.sqrt(robust.vm[1, 1])) if robust.vm[1, 1] > 0 else _NONE,
        float(moran.I),
        float(2 * norm.sf(abs(float(moran.zI)))),
        _weights(right, near.sparse, likeness),
    )


def _weights(x: NDArray[np.float64], near: Any, likeness: float) -> NDArray[np.float64]:
    """Return (zones,) what the slope is of shares: (X'A'A X)^-1 X'A'A, A = I - lambda W, its second row."""
    a = np.eye(len(x)) - likeness * near.toarray()
    ax = a @ x
    found: NDArray[np.float64] = (np.linalg.solve(ax.T @ ax, ax.T) @ a)[1]
    return found


def _neighbours(place: NDArray[np.float64]) -> dict[int, list[int]]:
    """Return the nearest zones of each, mutual: a zone is also a neighbour of those whose neighbour it is."""
    _, found = KDTree(place).query(place, k=min(NEIGHBOURS + 1, len(place)))
    sets: list[set[int]] = [set() for _ in place]
    for zone, row in enumerate(found.tolist()):
        for other in [item for item in row if item != zone][:NEIGHBOURS]:
            sets[zone].add(other)
            sets[other].add(zone)
    return {zone: sorted(others) for zone, others in enumerate(sets)}
