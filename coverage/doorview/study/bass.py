"""Bass diffusion: neighbours adopt by themselves and because others have.

With m homes that will ever own one and A that do, each of the others adopts at the rate p + q A / m a year::

    dA/dt = (p + q A / m) (m - A)

(Bass 1969, "A new product growth for model consumer durables", Management Science 15(5):215-227, continuous form).
From a share x = A / m at the start, the part of the others that adopts within t years is

    h = (p + q x) (1 - e) / (p + q x + q (1 - x) e),   e = exp(-(p + q) t)

which from x = 0 gives Bass's F(t) = (1 - e) / (1 + (q / p) e). A month is t = 1/12 of this, not a step of a
difference equation: months add up to the curve without error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from doorview.errors import InputError

__all__ = ["AVERAGE", "PARKS", "PARKS_SOURCE", "Bass", "adopting", "bass_through"]

PARKS: tuple[tuple[float, float], ...] = ((2017.0, 0.04), (2023.0, 0.20), (2025.5, 0.27))
"""Year, share of US internet households with a video doorbell. The last was published in 2026, its survey date not
given: 2025.5 is a reading [M]."""
PARKS_SOURCE = (
    "Parks Associates: 4% in 2017 and 20% in 2023 of US internet households (CE Pro, "
    "https://www.cepro.com/security/surveillance-cameras/video-doorbell-adoption-rises-to-20-in-u-s/), 27% in a "
    "post of 2026 (https://www.parksassociates.com/index.php/blogs/home-systems-and-controls/"
    "cameras-at-the-crossroads-expanding-debate-over-ai-surveillance)"
)
AVERAGE: tuple[float, float] = (0.03, 0.38)
"""Average p and q a year over many products [C2: secondary texts only, attributed to Sultan, Farley and Lehmann 1990;
http://tx.shu.edu.tw/SilverJay/SJay05-u/BassModel.htm]. With a ceiling of 0.4 or more they overshoot the doorbells' own
path: 0.27 or more instead of 0.20 in 2023."""


@dataclass(frozen=True)
class Bass:
    """Coefficients of innovation p and imitation q [1/year], and the share of doors that would ever own one."""

    innovation: float
    imitation: float
    ceiling: float

    def __post_init__(self) -> None:
        """Check all three at once."""
        faults = [
            f"{name} is {value!r}: it must be a number of 0 or more, a year"
            for name, value in (("innovation", self.innovation), ("imitation", self.imitation))
            if not 0.0 <= value < np.inf
        ]
        if not 0.0 <= self.ceiling <= 1.0:
            faults.append(f"ceiling is {self.ceiling!r}: it is a share of doors, 0 to 1")
        if faults:
            raise InputError("Bass diffusion: " + "; ".join(faults) + f". Averages of many products are {AVERAGE}.")

    def adopting(self, owned: ArrayLike, years: float) -> NDArray[np.float64]:
        """Return `adopting` with these coefficients."""
        return adopting(owned, self.innovation, self.imitation, years)


def adopting(owned: ArrayLike, innovation: float, imitation: float, years: float) -> NDArray[np.float64]:
    """Return the part of those without one that adopts within some years, same shape as `owned`, in [0, 1].

    Parameters
    ----------
    owned
        Share x of the market that owns one at the start, in [0, 1].
    innovation, imitation
        p and q [1/year].
    years
        Length of the time [years].

    """
    x = np.asarray(owned, dtype=np.float64)
    rate = innovation + imitation * x
    gone = -np.expm1(-(innovation + imitation) * years)
    below = rate + imitation * (1.0 - x) * (1.0 - gone)
    part: NDArray[np.float64] = np.divide(rate * gone, below, out=np.zeros_like(x), where=below > 0)
    return part


def bass_through(ceiling: float, points: Sequence[tuple[float, float]] = PARKS) -> Bass:
    """Return the curve that starts at the first of three points (year, share) and passes through the other two [D].

    Three points cannot fix ceiling, p and q together: the ceiling is given and stays a free parameter.

    Raises
    ------
    InputError
        If no p and q of 0 or more give such a curve, as where the ceiling is too low; give p and q instead.

    """
    from scipy.optimize import least_squares

    (start, first), *later = points
    if len(points) != 3 or not all(0.0 <= share < ceiling <= 1.0 for _, share in points):
        raise InputError(
            f"a curve to the ceiling {ceiling!r} cannot pass through {list(points)}: it takes three points below "
            "it, and a ceiling of at most 1. Raise the ceiling, or give innovation and imitation yourself."
        )

    def misses(values: NDArray[np.float64]) -> list[float]:
        x = first / ceiling
        return [
            float(x + (1.0 - x) * adopting(x, values[0], values[1], year - start) - share / ceiling)
            for year, share in later
        ]

    found = least_squares(misses, [0.03, 0.2], bounds=(0.0, 10.0), xtol=1e-15, ftol=1e-15, gtol=1e-15)
    if max(abs(miss) for miss in misses(found.x)) > 1e-6:
        raise InputError(
            f"no Bass curve with the ceiling {ceiling:g} passes through {list(points)}: give innovation and imitation "
            "yourself, or another ceiling."
        )
    return Bass(float(round(found.x[0], 6)), float(round(found.x[1], 6)), ceiling)
