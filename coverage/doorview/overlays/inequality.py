"""How evenly area in view is spread over homes: Lorenz curve, Gini, Theil split within and between districts.

A home has what its zone has on average: area in view of the zone / homes of the zone. PySAL's `inequality` takes one
value per unit and no weights, so each zone is handed to it as often as it has homes. What differs between the homes of
one zone is not seen, so the figures are lower bounds of the inequality between homes (Cowell 2011, Measuring
Inequality, doi 10.1093/acprof:osobl/9780199594030.001.0001).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from doorview.errors import InputError
from doorview.overlays.pysal_home import no_folder_at_home

__all__ = ["Theil", "gini", "gini_of_draws", "lorenz", "theil", "theil_of_draws"]

Floats = NDArray[np.float64]
MOST_COPIES = 5_000_000
"""More homes than this are handed over thinned out in proportion: 40 MB a column."""


class Theil(NamedTuple):
    """Theil's T (natural logarithm), and its two parts, which add up to it; NaN where there is nothing to share out."""

    total: float
    within: float
    between: float


def _checked(amount: ArrayLike, homes: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    """Return amount and homes by zone, of zones with homes alone."""
    values, weight = np.asarray(amount, dtype=np.float64), np.asarray(homes)
    if values.shape[:1] != weight.shape or not np.isfinite(values).all() or (values < 0).any():
        raise InputError(
            "an amount in view by zone must be one finite number of 0 or more for each zone, with a number of homes "
            "for each. Leave out zones without public ground first."
        )
    if not np.equal(np.mod(weight, 1), 0).all() or (weight < 0).any():
        raise InputError("homes by zone must be whole numbers of 0 or more.")
    whole = weight.astype(np.int64)
    return values[whole > 0], whole[whole > 0]


def _copies(each: Floats, homes: NDArray[np.int64]) -> Floats:
    """Return the value of every home (homes,), each zone's as often as it has homes."""
    thin = max(1, -(-int(homes.sum()) // MOST_COPIES))
    return np.repeat(each, np.maximum(1, homes // thin))


def gini(amount: ArrayLike, homes: ArrayLike) -> float:
    """Return the Gini coefficient of the amount per home, over homes, by PySAL.

    ``G = sum_i sum_j |x_i - x_j| / (2 n^2 mean(x))`` over all pairs of n homes (Gini 1912): 0 where all have the same,
    (n - 1) / n where one has all. NaN where there is nothing to share out.

    Parameters
    ----------
    amount
        By zone (zones,), e.g. public ground in view [m2].
    homes
        By zone (zones,), whole numbers; zones without homes drop out.

    Examples
    --------
    Two zones of one home each, one with all of it: half of pairs differ by all there is.

    >>> gini([0.0, 10.0], [1, 1])
    0.5

    """
    with no_folder_at_home():
        from inequality.gini import Gini

    values, weight = _checked(amount, homes)
    if not values.sum() > 0:
        return float("nan")
    return float(Gini(_copies(values / weight, weight)).g)


def lorenz(amount: ArrayLike, homes: ArrayLike) -> tuple[Floats, Floats]:
    """Return the Lorenz curve as shares of homes and shares of the amount, both from 0 to 1, poorest first.

    Zones are its straight pieces (Lorenz 1905, doi 10.2307/2276207); empty where there is nothing to share out.
    """
    values, weight = _checked(amount, homes)
    if not values.sum() > 0:
        return np.zeros(0), np.zeros(0)
    order = np.argsort(values / weight, kind="stable")
    part = np.concatenate([[0.0], np.cumsum(weight[order]) / weight.sum()])
    return part, np.concatenate([[0.0], np.cumsum(values[order]) / values.sum()])


def theil(amount: ArrayLike, homes: ArrayLike, district: ArrayLike) -> Theil:
    """Return Theil's T of the amount per home, over homes, within and between districts, by PySAL.

    T = mean over homes of (x / mean) ln(x / mean) (Theil 1967, Economics and Information Theory). Between: the same
    with each home's x replaced by its district's mean; within: the rest, which is the districts' own T weighted by
    their parts of the amount. `inequality.theil.TheilD` gives the same; it goes through all homes once a district.

    Parameters
    ----------
    amount, homes
        As for `gini`.
    district
        Of each zone (zones,), any labels.

    Examples
    --------
    All of the inequality lies between two districts whose zones are alike:

    >>> parts = theil([1.0, 1.0, 3.0, 3.0], [5, 5, 5, 5], ["a", "a", "b", "b"])
    >>> round(parts.total, 4), round(parts.between, 4), abs(round(parts.within, 4))
    (0.1308, 0.1308, 0.0)

    """
    with no_folder_at_home():
        from inequality.theil import Theil as Classic

    labels = np.asarray(district)[np.asarray(homes) > 0]
    values, weight = _checked(amount, homes)
    if not values.sum() > 0:
        return Theil(float("nan"), float("nan"), float("nan"))
    _, group = np.unique(labels, return_inverse=True)
    mean = np.bincount(group, values) / np.bincount(group, weight)
    total = float(Classic(_copies(values / weight, weight)).T)
    between = float(Classic(_copies(mean[group], weight)).T)
    # Rounding alone makes a part fall below 0.
    return Theil(total, max(total - between, 0.0), max(between, 0.0))


def gini_of_draws(amounts: Floats, homes: ArrayLike) -> Floats:
    """Return `gini` of each column of `amounts` (zones, draws), by weights instead of copies; NaN where all is 0.

    G = 1 - sum_i w_i (L_i + L_(i-1)), w the zones' parts of the homes, L the Lorenz curve.
    """
    values, weight = _checked(amounts, homes)
    order = np.argsort(values / weight[:, None], axis=0, kind="stable")
    with np.errstate(invalid="ignore"):
        curve = np.cumsum(np.take_along_axis(values, order, axis=0), axis=0) / values.sum(axis=0)
    part = weight[order] / weight.sum()
    found: Floats = 1.0 - (part * (curve + np.vstack([np.zeros(curve.shape[1]), curve[:-1]]))).sum(axis=0)
    return found


def theil_of_draws(amounts: Floats, homes: ArrayLike) -> Floats:
    """Return the total T of each column of `amounts` (zones, draws), by weights; NaN where all is 0."""
    values, weight = _checked(amounts, homes)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = values / weight[:, None] / (values.sum(axis=0) / weight.sum())
        term = np.where(relative > 0, relative * np.log(relative), np.where(np.isnan(relative), np.nan, 0.0))
    found: Floats = (weight[:, None] * term).sum(axis=0) / weight.sum()
    return found
