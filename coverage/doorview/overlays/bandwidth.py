"""How wide to smooth: the rules of thumb, and the bandwidth that best foretells incidents left out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from doorview.city.chances import keys_of, uniform
from doorview.errors import InputError, UnknownNameError
from doorview.overlays.kde import spread_m
from doorview.overlays.kernels.binning import log_likelihoods
from doorview.overlays.publish import SMALLEST_BANDWIDTH_M
from doorview.overlays.surface_grid import xy_array

__all__ = ["RULES", "Bandwidth", "check_publishable", "cross_validated", "rule_of_thumb"]

Floats = NDArray[np.float64]

RULES = ("scott", "silverman")
_STEP = 2.0**0.25
"""Ratio of one bandwidth of the search grid to the one before."""
_MOST_PAIRS = 50_000_000
"""Of places left out and other places; more places are a sample."""


@dataclass(frozen=True, eq=False)
class Bandwidth:
    """A bandwidth as a Gaussian's standard deviation [m], the rule that gave it, and what there is to say about it.

    `search` has a row per bandwidth tried: `bandwidth_m`, `log_likelihood` (per incident); empty for rules of thumb.
    """

    metres: float
    rule: str
    notes: tuple[str, ...] = ()
    search: pd.DataFrame = field(default_factory=pd.DataFrame)

    def quartic_radius_m(self) -> float:
        """Return the radius of the quartic kernel of the same standard deviation [m]."""
        return self.metres * math.sqrt(8.0)


def check_publishable(kernel: str, bandwidth_m: float) -> None:
    """Refuse a bandwidth too narrow to publish: the kernel's standard deviation must be 100 m or more.

    The stricter reading for a quartic, whose radius must then be 283 m.

    Raises
    ------
    InputError
        If it is narrower.

    """
    spread = spread_m(kernel, bandwidth_m)
    if spread < SMALLEST_BANDWIDTH_M - 1e-9:
        least = SMALLEST_BANDWIDTH_M * bandwidth_m / spread
        raise InputError(
            f"bandwidth_m is {bandwidth_m:g} ({kernel}): what is fit to publish is smoothed by at least {least:.0f} m "
            f"with this kernel, so that no surface points at a home. Give bandwidth_m={math.ceil(least)} or more."
        )


def rule_of_thumb(xy: ArrayLike, rule: str = "scott", *, floor_m: float = SMALLEST_BANDWIDTH_M) -> Bandwidth:
    """Return a bandwidth from the spread of the points alone: spread x n^(-1/6), right for one normal cloud.

    In two dimensions Scott's and Silverman's factors are the same number (Silverman 1986, section 4.3.2: (4 / (d +
    2))^(1 / (d + 4)) is 1 for d = 2; Scott 1992, equation 6.42). What differs is the spread. `scott`: the root of the
    mean variance of x and y. `silverman`: along each axis the smaller of standard deviation and interquartile range /
    1.349 (his robust spread, section 3.4.2), root mean square of the two. Both smooth a city of many clusters too much.

    Parameters
    ----------
    xy
        (n, 2) places [m].
    rule
        `scott` or `silverman`.
    floor_m
        Never narrower than this [m]; 0 for your own eyes.

    Raises
    ------
    InputError
        With fewer than two distinct places, where there is no spread.

    """
    points = _at_least_two_places(xy)
    if rule not in RULES:
        raise UnknownNameError("bandwidth rule", rule, RULES)
    spread = points.std(axis=0, ddof=1)
    if rule == "silverman":
        quartiles = np.subtract(*np.percentile(points, [75, 25], axis=0)) / 1.349
        # Half of all points at one place leave no quartiles: then the standard deviation alone.
        spread = np.where(quartiles > 0, np.minimum(spread, quartiles), spread)
    found = float(np.sqrt(np.mean(spread**2))) * len(points) ** (-1.0 / 6.0)
    return _floored(found, rule, floor_m, (), pd.DataFrame())


def cross_validated(
    xy: ArrayLike,
    *,
    low_m: float = SMALLEST_BANDWIDTH_M,
    high_m: float | None = None,
    floor_m: float = SMALLEST_BANDWIDTH_M,
    seed: int = 0,
) -> Bandwidth:
    """Return the bandwidth of the largest leave-one-out likelihood under a Gaussian kernel (Habbema 1974, Duin 1976).

    Each **place** is left out with all its incidents: reports are often put at one point of their block, and leaving
    out one of several at a point would favour no smoothing at all. A place so far from all others that its density is
    0 by rounding counts as one of 1e-300. Edges are not corrected here.

    The search grid runs from `low_m` in steps of 2^(1/4) to `high_m`. Where places times places exceed 50 million
    pairs, a sample of places drawn by a hash of their coordinates is left out, one by one, each against all others.

    Parameters
    ----------
    xy
        (n, 2) places of incidents [m].
    low_m, high_m
        Ends of the search grid [m]; `high_m` by default a quarter of the shorter side of the points' box, at least
        4 times `low_m`.
    floor_m
        Never narrower than this [m]; 0 for your own eyes.
    seed
        Of the sample.

    Raises
    ------
    InputError
        With fewer than two distinct places, or ends that are none.

    """
    points = _at_least_two_places(xy)
    places, count = np.unique(points, axis=0, return_counts=True)
    if high_m is None:
        high_m = max(4.0 * low_m, 0.25 * float(np.ptp(points, axis=0).min()))
    if not (math.isfinite(high_m) and 0 < low_m < high_m):
        raise InputError(f"low_m is {low_m!r} and high_m {high_m!r}: the search runs from more than 0 up to more [m].")
    tried = low_m * _STEP ** np.arange(math.floor(math.log(high_m / low_m, _STEP) + 1e-9) + 1)
    chosen = np.arange(len(places))
    notes = [f"searched {len(tried)} bandwidths from {tried[0]:.0f} to {tried[-1]:.0f} m, each 2^(1/4) times the last"]
    if len(places) < len(points):
        notes.append(f"{len(points)} incidents at {len(places)} places: each place was left out whole")
    most = max(1, _MOST_PAIRS // len(places))
    if most < len(places):
        number = uniform(keys_of(f"{x:.3f} {y:.3f}" for x, y in places), seed)
        chosen = np.sort(np.argsort(number, kind="stable")[:most])
        notes.append(f"{most} of {len(places)} places were left out, drawn by their coordinates (seed {seed})")
    likelihood = log_likelihoods(places, count.astype(np.float64), chosen, tried) / count[chosen].sum()
    best = int(np.argmax(likelihood))
    if best in {0, len(tried) - 1}:
        notes.append(f"the best lies at the {'narrow' if best == 0 else 'wide'} end of the search grid")
    search = pd.DataFrame({"bandwidth_m": tried, "log_likelihood": likelihood})
    return _floored(float(tried[best]), "cross-validated likelihood", floor_m, tuple(notes), search)


def _floored(found: float, rule: str, floor_m: float, notes: tuple[str, ...], search: pd.DataFrame) -> Bandwidth:
    if found < floor_m:
        notes = (*notes, f"the rule gives {found:.0f} m: widened to {floor_m:.0f} m")
        found = floor_m
    return Bandwidth(found, rule, notes, search)


def _at_least_two_places(xy: ArrayLike) -> Floats:
    points = xy_array(xy)
    if len(np.unique(points, axis=0)) < 2:
        raise InputError(
            f"{len(points)} incidents at {len(np.unique(points, axis=0))} place(s) have no spread that a bandwidth "
            "could follow: state bandwidth_m, or show counts alone."
        )
    return points
