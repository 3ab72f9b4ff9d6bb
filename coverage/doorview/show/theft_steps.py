"""Classes of densities of reported thefts, round and equal, for maps and for styles of layers."""

from __future__ import annotations

import math

from doorview.show.style import THEFT_COLOURS

__all__ = ["step_labels", "theft_steps"]

_STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def theft_steps(most: float, classes: int = len(THEFT_COLOURS)) -> tuple[float, ...]:
    """Return the upper ends of equal classes from 0 that hold `most`, a round step apart; at most `classes`."""
    if not (math.isfinite(most) and most > 0):
        return (1.0,)
    power = 10.0 ** math.floor(math.log10(most / classes))
    step = next(s * power for s in _STEPS if s * power * classes >= most * (1 - 1e-9))
    number = max(1, math.ceil(most / step - 1e-9))
    return tuple(float(f"{step * (place + 1):.6g}") for place in range(number))


def step_labels(ends: tuple[float, ...]) -> list[str]:
    """Return ``0 to 0.5``, ``0.5 to 1`` ..."""
    return [f"{low:g} to {high:g}" for low, high in zip((0.0, *ends[:-1]), ends, strict=True)]
