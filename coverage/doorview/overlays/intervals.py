"""How sure a share of incidents is, where incidents at one place hang together.

Ten thefts reported from one mail room are not ten independent observations: places are the units here, as in a cluster
sample. All is deterministic: replicates are weighted by hashes of the places, so no order of rows changes a bit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from doorview.city.chances import keys_of, uniform
from doorview.errors import InputError

__all__ = ["CONFIDENCE", "Interval", "Places", "bootstrap_means", "labels", "places_of", "share_interval"]

Floats = NDArray[np.float64]

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """The ends of an interval."""

    low: float
    high: float


class Places(NamedTuple):
    """Places in the order of their keys: `key` (places,) uint64, and the place of each incident, `of` (incidents,)."""

    key: NDArray[np.uint64]
    of: NDArray[np.int64]


def labels(values: ArrayLike) -> NDArray[np.object_]:
    """Return labels (n,) as text, "" where there is none."""
    given = np.asarray(values, dtype=object)
    missing = np.asarray(pd.isna(given), dtype=bool)
    return np.array(["" if gone else str(item) for item, gone in zip(given, missing, strict=True)], dtype=object)


def places_of(xy: Floats, block: NDArray[np.object_] | None = None) -> Places:
    """Return the place of each incident: its block where it has one, else its coordinates to the centimetre.

    Parameters
    ----------
    xy
        (n, 2) [m].
    block
        Block ids (n,), "" for a point; None: all are points.

    """
    blocks = [""] * len(xy) if block is None else labels(block).tolist()
    # Whole centimetres, so that -0.00 and 0.00 are one place.
    points = np.rint(np.asarray(xy).reshape(-1, 2) * 100.0).astype(np.int64).tolist()
    names = [f"b:{name}" if name else f"p:{x}:{y}" for name, (x, y) in zip(blocks, points, strict=True)]
    key, of = np.unique(keys_of(names), return_inverse=True)
    return Places(key, of.astype(np.int64))


def _sums(value: Floats, places: Places) -> tuple[Floats, Floats]:
    """Return the sum of the values and the number of incidents at each place, (places,) both."""
    count = np.bincount(places.of, minlength=len(places.key)).astype(np.float64)
    # Sorted, so that the sum at a place does not depend on the order of incidents.
    order = np.lexsort((value, places.of))
    total = np.bincount(places.of[order], value[order], len(places.key)).astype(np.float64)
    return total, count


def share_interval(value: Floats, places: Places, confidence: float = CONFIDENCE) -> Interval:
    """Return an interval of the mean of values in [0, 1], e.g. of "this incident lies in the forecast area".

    Clopper and Pearson's exact binomial interval (1934, doi 10.1093/biomet/26.4.404) at the effective number of
    incidents of Korn and Graubard (1998, Survey Methodology 24(2)): the number divided by how much incidents at one
    place hang together (the design effect, by linearised variance between places). With every incident at a place of
    its own it is the exact binomial interval; values between 0 and 1 vary less than 0 or 1, so that it is then wider
    than need be. Where the mean is 0 or 1, or there is one place, each place counts as one trial.

    Raises
    ------
    InputError
        For no incident, and values outside [0, 1].

    """
    number = len(value)
    if number == 0 or not ((value >= 0) & (value <= 1)).all():
        raise InputError(f"a share of {number} incidents has no interval: values must be 0 to 1, and one at least.")
    total, count = _sums(value, places)
    mean, units = math.fsum(total.tolist()) / number, len(count)
    tail = (1.0 - confidence) / 2.0
    effective = float(units)
    if 0.0 < mean < 1.0 and units > 1:
        # Both variances have n - 1 below, so that with one incident at each place their ratio is 1 at most.
        between = units / (units - 1) * float(((total - mean * count) ** 2).sum()) / number**2
        alone = mean * (1.0 - mean) / (number - 1)
        if between > 0.0:
            freedom = stats.t.ppf(1.0 - tail, number - 1) / stats.t.ppf(1.0 - tail, units - 1)
            effective = min(float(number), number * alone / between * float(freedom) ** 2)
        else:
            effective = float(number)
    hits, misses = effective * mean, effective * (1.0 - mean)
    low = 0.0 if hits <= 0.0 else float(stats.beta.ppf(tail, hits, misses + 1.0))
    high = 1.0 if misses <= 0.0 else float(stats.beta.ppf(1.0 - tail, hits + 1.0, misses))
    return Interval(low, high)


def bootstrap_means(value: Floats, places: Places, seed: int, replicates: int = 2000) -> Floats:
    """Return means (replicates,) of the values under Rubin's Bayesian bootstrap of the places.

    Each place has an exponential weight (Rubin 1981, doi 10.1214/aos/1176345338), a hash of the place and the
    replicate; two series of values over the same incidents are weighted alike, so that their difference is paired.
    """
    total, count = _sums(value, places)
    found = np.empty(replicates)
    for replicate in range(replicates):
        weight = -np.log1p(-uniform(places.key, seed, replicate))
        found[replicate] = (weight * total).sum() / (weight * count).sum()
    return found
