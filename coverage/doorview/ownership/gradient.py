"""An assumed gradient of ownership along an attribute of homes: assumed, not found, for no source gives one.

Ownership of doorbells by income or race of household was looked for and not found (docs/assumptions.md), so that these
rates answer "what if" and nothing else. The mean over all households stays what the scenario says, exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from doorview.errors import InputError
from doorview.ownership.checks import Faults
from doorview.ownership.processes import rates_by_weight

__all__ = ["ASSUMED", "GradientRates", "rates_by_category", "rates_by_gradient"]

ASSUMED = "assumed, not found"
"""Stands wherever a figure rests on such a gradient."""

Floats = NDArray[np.float64]


class GradientRates(NamedTuple):
    """Household rates by door (doors,); households whose rate was cut at 0 and at 1; households without attribute."""

    rates: Floats
    at_zero: int
    at_one: int
    unknown: int


def rates_by_gradient(attribute: ArrayLike, dwellings: ArrayLike, rate: float, gradient: float) -> GradientRates:
    """Return each door's household rate = min(1, c max(0, 1 + gradient z)), c solved so that the mean stays `rate`.

    z is the attribute in standard deviations over households with one. Without rates cut at 0 or 1, c is `rate`: with
    a gradient of 0.1 and a rate of 20 %, households one standard deviation above the mean own one at 22 %.

    Parameters
    ----------
    attribute
        Of each door (doors,); NaN where it is unknown, which counts as the mean.
    dwellings
        Households behind each door (doors,) that count for the mean; 0 for doors that do not.
    rate
        Owning households / households.
    gradient
        Change of the rate per standard deviation, as a part of it: 0.1 is a tenth more. Negative: less.

    Raises
    ------
    InputError, StudyError
        For a rate that is none, an attribute that no household has, and where too few households have a rate above 0
        to reach the mean.

    Examples
    --------
    >>> found = rates_by_gradient([1.0, 3.0], [1, 1], 0.2, 0.1)
    >>> found.rates.round(4).tolist()
    [0.18, 0.22]

    """
    values, homes = _per_door(attribute, dwellings)
    faults = Faults("the assumed gradient")
    faults.chance("the rate", rate)
    slope = faults.amount("the gradient", gradient, least=-np.inf)
    faults.refuse()
    known = np.isfinite(values)
    weight = np.where(known, homes, 0).astype(np.float64)
    if not weight.sum() > 0:
        raise InputError("the assumed gradient: no household has a value of the attribute.")
    mean = float(weight @ np.where(known, values, 0.0)) / weight.sum()
    centred = np.where(known, values - mean, 0.0)
    spread = float(np.sqrt(weight @ centred**2 / weight.sum()))
    z = centred / spread if spread > 0 else np.zeros(len(values))
    return _solved(1.0 + slope * z, homes, rate, known)


def rates_by_category(
    category: NDArray[np.object_], dwellings: ArrayLike, rate: float, times: Mapping[str, float]
) -> GradientRates:
    """Return each door's household rate = min(1, c times its category's number), c solved so that the mean stays.

    Parameters
    ----------
    category
        Of each door (doors,); None where it is unknown. Those that `times` does not name count as 1.
    dwellings, rate
        As for `rates_by_gradient`.
    times
        How many times as likely as others the households of a category own one; 0 or more.

    """
    labels = np.asarray(category, dtype=object)
    wrong = {name: value for name, value in times.items() if not (np.isfinite(value) and value >= 0)}
    if wrong:
        raise InputError(f"the assumed gradient: {wrong} must be finite numbers of 0 or more.")
    weight = np.array([1.0 if label is None else float(times.get(str(label), 1.0)) for label in labels])
    _, homes = _per_door(weight, dwellings)
    return _solved(weight, homes, rate, np.array([label is not None for label in labels], dtype=bool))


def _per_door(values: ArrayLike, dwellings: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    array, homes = np.asarray(values, dtype=np.float64), np.asarray(dwellings, dtype=np.int64)
    if array.shape != homes.shape or array.ndim != 1:
        raise InputError(f"the assumed gradient: {array.size:,} values for {homes.size:,} doors: give one for each.")
    return array, homes


def _solved(weight: Floats, homes: NDArray[np.int64], rate: float, known: NDArray[np.bool_]) -> GradientRates:
    cut = np.maximum(weight, 0.0)
    rates = rates_by_weight(cut, homes, rate)
    at_one = (rates >= 1.0) & (rate < 1.0)
    return GradientRates(rates, int(homes[weight < 0].sum()), int(homes[at_one].sum()), int(homes[~known].sum()))
