"""Classes of densities of reported thefts, round and equal, for maps and for styles of layers."""

from __future__ import annotations

import math

from doorview.show.style import THEFT_COLOURS
from doorview.show.text import Units

__all__ = ["M2_PER_ACRE", "area_words", "step_labels", "street_unit", "surface_unit", "theft_steps"]

KM_PER_MILE = 1.609344
M2_PER_ACRE = 4046.8564224
"""Of the international foot, as every length on a page."""

_STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def theft_steps(most: float, classes: int = len(THEFT_COLOURS)) -> tuple[float, ...]:
    """Return the upper ends of equal classes from 0 that hold `most`, a round step apart; at most `classes`."""
    if not (math.isfinite(most) and most > 0):
        return (1.0,)
    power = 10.0 ** math.floor(math.log10(most / classes))
    step = next(s * power for s in _STEPS if s * power * classes >= most * (1 - 1e-9))
    number = max(1, math.ceil(most / step - 1e-9))
    return tuple(float(f"{step * (place + 1):.6g}") for place in range(number))


def surface_unit(units: Units) -> tuple[str, float]:
    """Return the unit of area that densities are told by, and how many km2 it is."""
    return ("square mile", KM_PER_MILE**2) if units == "us" else ("km²", 1.0)


def street_unit(units: Units) -> tuple[str, float]:
    """Return the unit of length that densities along streets are told by, and how many km it is."""
    return ("mile", KM_PER_MILE) if units == "us" else ("km", 1.0)


def area_words(area_m2: float, units: Units) -> str:
    """Return an area for people: ``62 acres``, ``0.25 km²``; ``none`` for nothing."""
    if not area_m2:
        return "none"
    return f"{area_m2 / M2_PER_ACRE:,.0f} acres" if units == "us" else f"{area_m2 / 1e6:.2f} km²"


def step_labels(ends: tuple[float, ...]) -> list[str]:
    """Return ``0 to 0.5``, ``0.5 to 1`` ..."""
    return [f"{low:g} to {high:g}" for low, high in zip((0.0, *ends[:-1]), ends, strict=True)]
